/* rsa: RSASSA-PKCS1-v1_5 (RFC 8017 §8.2), which RFC 5849 §3.4.3 calls RSA-SHA1.
 *
 * Keys come as PEM: a public key ("PUBLIC KEY", "RSA PUBLIC KEY") or a certificate to verify, a
 * private key to sign. Parsing costs more than verifying, so a `struct rsa` of one loop keeps the
 * keys that it parsed; it never crosses a thread. */
#ifndef COUNTERSIGN_CRYPTO_RSA_H
#define COUNTERSIGN_CRYPTO_RSA_H

#include "base/attributes.h"
#include "base/slice.h"
#include "base/status.h"
#include "crypto/digest.h"

struct rsa;

/* The sizes of key that a client may register. */
enum { RSA_KEY_MIN_BITS = 2048, RSA_KEY_MAX_BITS = 16384, RSA_SIGNATURE_MAX_BYTES = RSA_KEY_MAX_BITS / 8 };

/* NULL when there is no memory. */
MUST_USE struct rsa *rsa_new(void);
/* NULL is fine. */
void rsa_free(struct rsa *rsa);

/* Whether the text is a public key that a client may register: RSA, of an allowed size, with an odd exponent of 65537
 * or more. STATUS_BAD_INPUT: *ret_why says what is wrong (a static text). */
MUST_USE enum status rsa_check_public_key(struct slice pem, const char **ret_why);

/* Verifies `signature` (bytes) over `text`. STATUS_SIGNATURE_INVALID: it does not fit, or the key
 * is none that a client may register. STATUS_NO_MEMORY. */
MUST_USE enum status rsa_verify(struct rsa *rsa, struct slice pem, enum digest digest, struct slice text,
                                struct slice signature);

/* Signs `text`: writes up to RSA_SIGNATURE_MAX_BYTES bytes. STATUS_BAD_INPUT: not an RSA private
 * key in PEM without a passphrase, or too large. STATUS_NO_MEMORY. */
MUST_USE enum status rsa_sign(struct slice private_pem, enum digest digest, struct slice text, unsigned char *out,
                              size_t *ret_len);

#endif
