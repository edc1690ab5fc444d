#include "crypto/digest.h"

#include "crypto/algorithms.h"

#include <openssl/evp.h>

size_t digest_size_bytes(enum digest digest)
{
    static const size_t sizes[] = {[DIGEST_SHA1] = 20, [DIGEST_SHA256] = 32, [DIGEST_SHA512] = 64};
    return sizes[digest];
}

enum status digest_bytes(enum digest digest, struct slice bytes, unsigned char *out)
{
    const EVP_MD *md = algorithm_md(digest);
    if (!md || EVP_Digest(bytes.len ? bytes.ptr : "", bytes.len, out, NULL, md, NULL) != 1)
        return STATUS_NO_MEMORY;
    return STATUS_OK;
}
