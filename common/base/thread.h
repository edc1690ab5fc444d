/* thread: a thread of the program. It gets no signal, for signals are the first loop's business. */
#ifndef COUNTERSIGN_BASE_THREAD_H
#define COUNTERSIGN_BASE_THREAD_H

#include "base/attributes.h"

#include <pthread.h>
#include <stdbool.h>

/* `name` is what tools show of it, at most 15 bytes; NULL: the name of the thread that starts it. False: it did not
 * start. */
MUST_USE bool thread_start(pthread_t *ret_thread, const char *name, void *(*run)(void *context), void *context);

#endif
