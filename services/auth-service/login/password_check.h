/* password_check: verifies a password on the threads for hashing. Our own hashes cost 13 ms and 16 MB each, those that
 * came from other systems up to a second and 64 MB. */
#ifndef COUNTERSIGN_AUTH_SERVICE_LOGIN_PASSWORD_CHECK_H
#define COUNTERSIGN_AUTH_SERVICE_LOGIN_PASSWORD_CHECK_H

#include "base/slice.h"
#include "crypto/password.h"
#include "loop/flow.h"

struct worker_pool;

enum { PASSWORD_TIMEOUT_MS = 20000 }; /* a full queue of other systems' hashes is many seconds of work */

struct password_verdict {
    int64_t wrong_until_ns;             /* clock_monotonic_ns: before that nobody is told that the password was wrong */
    char new_hash[PASSWORD_HASH_BYTES]; /* of the right password, where its hash is another system's; else empty */
};

/* Works on copies, wiped afterwards. An absent or empty hash is nobody's, or of nobody who has a password. `works` are
 * the kinds of hashes that the store holds. Completes the ticket with OK or UNAUTHORIZED (it is another password), and
 * then with a struct password_verdict; or with SLOW_DOWN (too many wait already), NO_MEMORY, or STORE_DOWN (the service
 * stops). */
void password_check_start(struct worker_pool *pool, struct slice password, struct slice hash,
                          const struct password_work *works, size_t work_count, struct ticket ticket);

/* Begins a wait, after which a wrong password may be answered; the step then answers STEP_WAIT. */
void password_check_pause(struct flow *flow, const struct password_verdict *verdict);

/* Hashes a new one, which password_rules has judged. Completes with OK and a struct password_hashed, SLOW_DOWN,
 * BAD_INPUT, NO_RANDOMNESS, NO_MEMORY, or STORE_DOWN (the service stops). */
void password_hash_start(struct worker_pool *pool, struct slice password, struct ticket ticket);

struct password_hashed {
    char hash[PASSWORD_HASH_BYTES]; /* ends with a NUL */
};

#endif
