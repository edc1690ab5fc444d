#include "crypto/ct.h"

#include <openssl/crypto.h>

bool ct_equal(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || CRYPTO_memcmp(a.ptr, b.ptr, a.len) == 0);
}
