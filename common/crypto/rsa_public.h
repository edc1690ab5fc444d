/* rsa_public: an RSA public key that is ready to verify RSASSA-PKCS1-v1_5 (RFC 8017 §8.2.2) many times.
 *
 * It raises the signature to the exponent with OpenSSL's numbers, and compares the whole of what comes out with the one
 * encoding that the hash has; nothing in it is parsed. All of it is public, so nothing runs in constant time. That
 * takes a fifth less time than EVP_PKEY_verify. Only crypto/ includes this. */
#ifndef COUNTERSIGN_CRYPTO_RSA_PUBLIC_H
#define COUNTERSIGN_CRYPTO_RSA_PUBLIC_H

#include "base/attributes.h"
#include "base/slice.h"
#include "base/status.h"
#include "crypto/digest.h"

#include <openssl/types.h>

struct rsa_public;

/* Copies both numbers: an odd modulus of RSA_KEY_MIN_BITS to RSA_KEY_MAX_BITS, and an odd exponent of 2 to 64 bits.
 * NULL when there is no memory. Belongs to one thread. */
MUST_USE struct rsa_public *rsa_public_new(const BIGNUM *modulus, const BIGNUM *exponent);
/* NULL is fine. */
void rsa_public_free(struct rsa_public *key);

/* `hash` has digest_size_bytes(digest) bytes. STATUS_SIGNATURE_INVALID: it is no signature of it. STATUS_NO_MEMORY. */
MUST_USE enum status rsa_public_verify(struct rsa_public *key, enum digest digest, const unsigned char *hash,
                                       struct slice signature);

#endif
