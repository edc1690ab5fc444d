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

/* The contexts that one loop signs and verifies with. They never cross a thread. */
struct signer {
    struct mac *mac;
    struct rsa *rsa;
};

/* `kept_macs` is mac_new's. STATUS_NO_MEMORY. */
MUST_USE enum status signer_init(struct signer *signer, size_t kept_macs);
void signer_done(struct signer *signer);

/* The keys that a signature is checked with. With an absent key nothing verifies. */
struct signature_key {
    struct slice shared_key;     /* enc(client secret) & enc(token secret): the key of HMAC, the text of PLAINTEXT */
    struct slice rsa_public_key; /* PEM */
};

/* Appends the shared key (RFC 5849 §3.4.2). The '&' is there even if a secret is empty. */
void signature_write_shared_key(struct slice client_secret, struct slice token_secret, struct buf *out);

/* The longest value that oauth_signature can have: the base64 of an RSA signature. */
#define SIGNATURE_MAX_BYTES BASE64_LEN(RSA_SIGNATURE_MAX_BYTES)

/* Verifies a signature. Texts are compared, in constant time, so that no second spelling of a right signature passes.
 * STATUS_SIGNATURE_INVALID, STATUS_NO_MEMORY. */
MUST_USE enum status signature_verify(struct signer *signer, const struct signature_method *method,
                                      const struct signature_key *key, struct slice base_string,
                                      struct slice signature);

/* Appends the signature, not yet percent-encoded. RSA needs `rsa_private_key`, in PEM; the other methods ignore it.
 * STATUS_BAD_INPUT: rsa_private_key is no private key. STATUS_NO_MEMORY. */
MUST_USE enum status signature_make(struct signer *signer, const struct signature_method *method,
                                    struct slice shared_key, struct slice rsa_private_key, struct slice base_string,
                                    struct buf *out);

#endif
