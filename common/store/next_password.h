/* next_password: the password that connections to a store are made with from now on, where it is another one than they
 * were configured with: SIGHUP brings it, and connections that are open stay as they are.
 *
 * One for each server. From any thread. */
#ifndef COUNTERSIGN_STORE_NEXT_PASSWORD_H
#define COUNTERSIGN_STORE_NEXT_PASSWORD_H

#include "base/attributes.h"
#include "base/slice.h"

#include <pthread.h>
#include <stdbool.h>

enum { PASSWORD_BYTES = 1024 };

struct next_password {
    pthread_mutex_t lock;
    bool is_known;
    char text[PASSWORD_BYTES];
};

/* None. */
void next_password_init(struct next_password *next);
/* Wipes it. */
void next_password_done(struct next_password *next);

/* From now on. */
void next_password_set(struct next_password *next, const char text[PASSWORD_BYTES]);
/* Copies it; the caller wipes the copy. False: there is none, the one of the configuration holds. NULL has none. */
MUST_USE bool next_password_get(struct next_password *next, char ret_text[PASSWORD_BYTES]);

#endif
