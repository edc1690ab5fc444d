/* password_check: verifies a password on the threads for hashing, which cost 13 ms and 16 MB each. */
#ifndef COUNTERSIGN_AUTH_SERVICE_LOGIN_PASSWORD_CHECK_H
#define COUNTERSIGN_AUTH_SERVICE_LOGIN_PASSWORD_CHECK_H

#include "base/slice.h"
#include "crypto/password.h"
#include "loop/flow.h"

struct worker_pool;

/* Works on copies, wiped afterwards. An absent or empty hash (nobody, or nobody who has a password) takes the
 * same time as a real one. Completes the ticket with OK, UNAUTHORIZED (it is another password), SLOW_DOWN (too many
 * wait already), NO_MEMORY, or STORE_DOWN (the service stops). No result. */
void password_check_start(struct worker_pool *pool, struct slice password, struct slice hash, struct ticket ticket);

/* Hashes a new one, which password_rules has judged. Completes with OK and a struct password_hashed, SLOW_DOWN,
 * BAD_INPUT, NO_RANDOMNESS, NO_MEMORY, or STORE_DOWN (the service stops). */
void password_hash_start(struct worker_pool *pool, struct slice password, struct ticket ticket);

struct password_hashed {
    char hash[PASSWORD_HASH_BYTES]; /* ends with a NUL */
};

#endif
