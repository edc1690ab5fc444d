/* password: hashing with yescrypt (libxcrypt), about 13 ms and 16 MB each, and verifying what others hashed, at up to a
 * second and 64 MB: only on pool threads. */
#ifndef COUNTERSIGN_CRYPTO_PASSWORD_H
#define COUNTERSIGN_CRYPTO_PASSWORD_H

#include "crypto/password_kind.h"

/* Writes a NUL-terminated "$y$…" text, or nothing. STATUS_BAD_INPUT: empty, a NUL inside, or longer than
 * PASSWORD_MAX_BYTES; STATUS_NO_RANDOMNESS; STATUS_NO_MEMORY. */
MUST_USE enum status password_hash_blocking(struct slice password, char out[PASSWORD_HASH_BYTES]);

/* Whether the password is the hash's, which is of any kind. An absent `hash` (no such user) takes the time of one of
 * our own and is false. Kinds take different times: whoever answers a stranger makes them equal (login/password_check).
 */
MUST_USE bool password_verify_blocking(struct slice password, struct slice hash);

/* Whether password_hash_blocking made it; otherwise it is to be replaced once its password is known. */
MUST_USE bool password_is_ours(struct slice hash);

#endif
