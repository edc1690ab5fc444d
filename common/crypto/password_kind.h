/* password_kind: the ways in which a password may have been hashed: our own, and those of the systems that accounts
 * come from. The latter are verified until the owner comes by, never made.
 *
 * What a hash costs to verify is bounded before it is stored: it is a stranger who has it verified. */
#ifndef COUNTERSIGN_CRYPTO_PASSWORD_KIND_H
#define COUNTERSIGN_CRYPTO_PASSWORD_KIND_H

#include "base/attributes.h"
#include "base/slice.h"
#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

enum { PASSWORD_HASH_BYTES = 384, PASSWORD_MAX_BYTES = 511 }; /* libxcrypt takes no more */

/* X(NAME, its name in the database, what its `amount` counts). A kind's name never changes. */
#define PASSWORD_KINDS(X)                           \
    X(OWN, "yescrypt", "nothing: it never changes") \
    X(PBKDF2_SHA256, "pbkdf2_sha256", "rounds")     \
    X(PBKDF2_SHA1, "pbkdf2_sha1", "rounds")         \
    X(ARGON2, "argon2", "KB times passes")          \
    X(PHPASS, "phpass", "rounds of MD5")            \
    X(BCRYPT, "bcrypt", "2 to the power of its cost")

#define PASSWORD_KIND_ID(NAME, ...) PASSWORD_##NAME,
enum password_kind { PASSWORD_KINDS(PASSWORD_KIND_ID) PASSWORD_KIND_COUNT };
#undef PASSWORD_KIND_ID

enum {
    PASSWORD_ROUNDS_MAX = 2000000,    /* of PBKDF2 and phpass */
    PASSWORD_ARGON2_KB_MAX = 1 << 16, /* 64 MB */
    PASSWORD_ARGON2_PASSES_MAX = 10,
    PASSWORD_BCRYPT_COST_MAX = 12,
};

/* What verifying a hash costs. */
struct password_work {
    enum password_kind kind;
    int64_t amount;
};

/* BAD_INPUT: it is of no kind, or costs more than it may; *ret_why says what and what to do, and is static. */
MUST_USE enum status password_kind_judge(struct slice hash, struct password_work *ret_work, const char **ret_why);
const char *password_kind_name(enum password_kind kind);
MUST_USE bool password_kind_find(struct slice name, enum password_kind *ret_kind);

/* Whether the password, of 1 to PASSWORD_MAX_BYTES without a NUL, is the hash's. False for a hash that
 * password_kind_judge refuses. */
MUST_USE bool password_kind_verify_blocking(struct slice password, struct slice hash);
/* Does as much as verifying such a hash, for nobody. */
void password_kind_work_blocking(struct password_work work);
/* Writes what libcrypt makes of the password under `setting` (a salt, or a whole hash); false if the setting is no
 * good. */
MUST_USE bool password_kind_crypt(struct slice password, const char *setting, char out[PASSWORD_HASH_BYTES]);

#endif
