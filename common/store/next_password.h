/* next_password: the password for new connections to a store, if it is another one than was configured. SIGHUP brings
 * it. Connections that are open stay as they are.
 *
 * There is one for each server. Any thread may use it. */
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

/* No other password: the configured one holds. */
void next_password_init(struct next_password *next);
/* Wipes the password. */
void next_password_done(struct next_password *next);

/* New connections use this password. */
void next_password_set(struct next_password *next, const char text[PASSWORD_BYTES]);
/* Copies the password; the caller wipes the copy. False: the configured one holds. NULL has none. */
MUST_USE bool next_password_get(struct next_password *next, char ret_text[PASSWORD_BYTES]);

#endif
