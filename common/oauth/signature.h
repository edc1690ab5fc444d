/* signature: verifying and making signatures (RFC 5849 §3.2, §3.4). */
#ifndef COUNTERSIGN_OAUTH_SIGNATURE_H
#define COUNTERSIGN_OAUTH_SIGNATURE_H

#include "base/arena.h"
#include "base/attributes.h"
#include "base/buf.h"
#include "base/slice.h"
#include "base/status.h"
#include "crypto/mac.h"
#include "crypto/rsa.h"
#include "oauth/message.h"
#include "oauth/signature_method.h"

/* What one loop verifies with; never crosses a thread. */
struct signer {
    struct mac *mac;
    struct rsa *rsa;
};

/* `kept_macs` as mac_new. STATUS_NO_MEMORY. */
MUST_USE enum status signer_init(struct signer *signer, size_t kept_macs);
void signer_done(struct signer *signer);

/* What a signature is checked against; an absent one cannot verify. */
struct signature_key {
    struct slice shared_key;     /* enc(client secret) & enc(token secret): HMAC's key, PLAINTEXT's text */
    struct slice rsa_public_key; /* PEM */
};

/* Appends the shared key (RFC 5849 §3.4.2): the '&' is there even if a secret is empty. */
void signature_write_shared_key(struct slice client_secret, struct slice token_secret, struct buf *out);

/* The longest value of oauth_signature: base64 of an RSA signature. */
#define SIGNATURE_MAX_BYTES BASE64_LEN(RSA_SIGNATURE_MAX_BYTES)

/* Compares as text and in constant time, so that no second spelling of a right signature passes.
 * STATUS_SIGNATURE_INVALID, STATUS_NO_MEMORY. */
MUST_USE enum status signature_verify(struct signer *signer, const struct signature_method *method,
                                      const struct signature_key *key, struct slice base_string,
                                      struct slice signature);

/* Appends the signature, not yet percent-encoded. For RSA `rsa_private_key` is a PEM, else it is
 * not looked at. STATUS_BAD_INPUT: the private key is none; STATUS_NO_MEMORY. */
MUST_USE enum status signature_make(struct signer *signer, const struct signature_method *method,
                                    struct slice shared_key, struct slice rsa_private_key, struct slice base_string,
                                    struct buf *out);

#endif
