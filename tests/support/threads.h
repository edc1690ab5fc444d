/* threads: several threads that do the same at once, each with a context of its own or all with one. */
#ifndef COUNTERSIGN_TESTS_SUPPORT_THREADS_H
#define COUNTERSIGN_TESTS_SUPPORT_THREADS_H

#include "support/test.h"

#include <pthread.h>

/* The i-th runs with contexts + i * size; size 0: all with the same. No assertion may stand in `run`: another thread
 * than the test's cannot fail it. */
static inline void threads_start(pthread_t *threads, size_t count, void *(*run)(void *context), void *contexts,
                                 size_t size)
{
    for (size_t i = 0; i < count; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run, contexts ? (char *)contexts + i * size : NULL), 0);
}

static inline void threads_join(const pthread_t *threads, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
}

#endif
