#include "crypto/digest.h"

#include "crypto/algorithms.h"

#include <assert.h>
#include <openssl/evp.h>

#define SIZE(NAME, size, ...)              size,
#define NAME_OF(NAME, size, openssl, name) name,
#define FITS(NAME, size, ...)              static_assert((size) <= DIGEST_MAX_BYTES, "DIGEST_MAX_BYTES holds each digest");

static const size_t sizes[] = {DIGESTS(SIZE)};
static const char *const names[] = {DIGESTS(NAME_OF)};
DIGESTS(FITS)

size_t digest_size_bytes(enum digest digest)
{
    return sizes[digest];
}

const char *digest_name(enum digest digest)
{
    return names[digest];
}

enum status digest_bytes(enum digest digest, struct slice bytes, unsigned char *out)
{
    const EVP_MD *md = algorithm_md(digest);
    if (!md || EVP_Digest(bytes.len ? bytes.ptr : "", bytes.len, out, NULL, md, NULL) != 1)
        return STATUS_NO_MEMORY;
    return STATUS_OK;
}
