/* digest: a hash (SHA-1, SHA-256, SHA-512) of bytes in memory. */
#ifndef COUNTERSIGN_CRYPTO_DIGEST_H
#define COUNTERSIGN_CRYPTO_DIGEST_H

#include "base/attributes.h"
#include "base/slice.h"
#include "base/status.h"

#include <stddef.h>

/* X(NAME, size in bytes, OpenSSL's name, what people call it) */
#define DIGESTS(X)                     \
    X(SHA1, 20, "SHA1", "SHA-1")       \
    X(SHA256, 32, "SHA256", "SHA-256") \
    X(SHA512, 64, "SHA512", "SHA-512")

#define DIGEST_ID(NAME, ...) DIGEST_##NAME,
enum digest { DIGESTS(DIGEST_ID) DIGEST_COUNT };
#undef DIGEST_ID

enum { DIGEST_MAX_BYTES = 64 };

/* At most DIGEST_MAX_BYTES. */
size_t digest_size_bytes(enum digest digest);
/* "SHA-256". */
const char *digest_name(enum digest digest);

/* Writes digest_size_bytes(digest) bytes. STATUS_NO_MEMORY is the only error. */
MUST_USE enum status digest_bytes(enum digest digest, struct slice bytes, unsigned char *out);

#endif
