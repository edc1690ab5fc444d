/* digest: SHA-1, SHA-256 and SHA-512 of bytes in memory. */
#ifndef COUNTERSIGN_CRYPTO_DIGEST_H
#define COUNTERSIGN_CRYPTO_DIGEST_H

#include "base/attributes.h"
#include "base/slice.h"
#include "base/status.h"

#include <stddef.h>

enum digest { DIGEST_SHA1, DIGEST_SHA256, DIGEST_SHA512 };

enum { DIGEST_MAX_BYTES = 64 };

/* 20, 32 or 64. */
size_t digest_size_bytes(enum digest digest);

/* Writes digest_size_bytes(digest) bytes. STATUS_NO_MEMORY is the only error. */
MUST_USE enum status digest_bytes(enum digest digest, struct slice bytes, unsigned char *out);

#endif
