#include "oauth/signature.h"

#include "base/base64.h"
#include "base/percent.h"
#include "base/wipe.h"
#include "crypto/ct.h"

enum status signer_init(struct signer *signer, size_t kept_macs)
{
    *signer = (struct signer){mac_new(kept_macs), rsa_new()};
    if (signer->mac && signer->rsa)
        return STATUS_OK;
    signer_done(signer);
    return STATUS_NO_MEMORY;
}

void signer_done(struct signer *signer)
{
    mac_free(signer->mac);
    rsa_free(signer->rsa);
    *signer = (struct signer){0};
}

void signature_write_shared_key(struct slice client_secret, struct slice token_secret, struct buf *out)
{
    percent_encode(out, client_secret);
    buf_add_byte(out, '&');
    percent_encode(out, token_secret);
}

/* RFC 5849 §3.4.2: makes the signature, and compares its text with the one that was sent. */
static enum status verify_hmac(struct signer *signer, enum digest digest, struct slice key, struct slice base_string,
                               struct slice signature)
{
    unsigned char code[DIGEST_MAX_BYTES];
    char expected[BASE64_LEN(DIGEST_MAX_BYTES)];
    size_t size = digest_size_bytes(digest);
    TRY(mac_hmac(signer->mac, digest, key, base_string, code));
    base64_encode(slice_of(code, size), expected);
    bool equal = ct_equal(slice_of(expected, BASE64_LEN(size)), signature);
    wipe_bytes(expected, sizeof expected);
    wipe_bytes(code, sizeof code);
    return equal ? STATUS_OK : STATUS_SIGNATURE_INVALID;
}

/* RFC 5849 §3.4.3. base64_decode accepts the canonical spelling alone. */
static enum status verify_rsa(struct signer *signer, enum digest digest, struct slice pem, struct slice base_string,
                              struct slice signature)
{
    unsigned char bytes[RSA_SIGNATURE_MAX_BYTES + 2];
    size_t len = 0;
    if (signature.len > SIGNATURE_MAX_BYTES || !base64_decode(signature, bytes, &len))
        return STATUS_SIGNATURE_INVALID;
    return rsa_verify(signer->rsa, pem, digest, base_string, slice_of(bytes, len));
}

enum status signature_verify(struct signer *signer, const struct signature_method *method,
                             const struct signature_key *key, struct slice base_string, struct slice signature)
{
    struct slice needed = method->kind == SIGNATURE_RSA ? key->rsa_public_key : key->shared_key;
    if (slice_is_absent(needed))
        return STATUS_SIGNATURE_INVALID;
    switch (method->kind) {
    case SIGNATURE_HMAC:
        return verify_hmac(signer, method->digest, needed, base_string, signature);
    case SIGNATURE_RSA:
        return verify_rsa(signer, method->digest, needed, base_string, signature);
    case SIGNATURE_PLAINTEXT: /* RFC 5849 §3.4.4 */
        return ct_equal(needed, signature) ? STATUS_OK : STATUS_SIGNATURE_INVALID;
    }
    return STATUS_SIGNATURE_INVALID;
}

static void add_base64(struct slice bytes, struct buf *out)
{
    size_t len = BASE64_LEN(bytes.len);
    if (!buf_reserve(out, len))
        return;
    base64_encode(bytes, out->ptr + out->len);
    out->len += len;
}

enum status signature_make(struct signer *signer, const struct signature_method *method, struct slice shared_key,
                           struct slice rsa_private_key, struct slice base_string, struct buf *out)
{
    unsigned char bytes[RSA_SIGNATURE_MAX_BYTES];
    size_t len = 0;
    if (method->kind == SIGNATURE_PLAINTEXT) {
        buf_add(out, shared_key);
    } else if (method->kind == SIGNATURE_HMAC) {
        TRY(mac_hmac(signer->mac, method->digest, shared_key, base_string, bytes));
        add_base64(slice_of(bytes, digest_size_bytes(method->digest)), out);
    } else {
        TRY(rsa_sign(rsa_private_key, method->digest, base_string, bytes, &len));
        add_base64(slice_of(bytes, len), out);
    }
    return out->failed ? STATUS_NO_MEMORY : STATUS_OK;
}
