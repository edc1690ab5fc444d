/* password: hashing with yescrypt (libxcrypt). About 13 ms and 16 MB each: only on pool threads. */
#ifndef COUNTERSIGN_CRYPTO_PASSWORD_H
#define COUNTERSIGN_CRYPTO_PASSWORD_H

#include "base/attributes.h"
#include "base/slice.h"
#include "base/status.h"

#include <stdbool.h>

enum { PASSWORD_HASH_BYTES = 384, PASSWORD_MAX_BYTES = 511 }; /* libxcrypt takes no more */

/* Writes a NUL-terminated "$y$…" text. STATUS_BAD_INPUT: empty, a NUL inside, or longer than
 * PASSWORD_MAX_BYTES; STATUS_NO_RANDOMNESS; STATUS_NO_MEMORY. */
MUST_USE enum status password_hash_blocking(struct slice password, char out[PASSWORD_HASH_BYTES]);

/* Whether the password is the hash's. An absent `hash` (no such user) takes the same time and is
 * false, so that a stranger cannot tell which users exist. */
MUST_USE bool password_verify_blocking(struct slice password, struct slice hash);

#endif
