#include "base/base64.h"
#include "crypto/digest.h"
#include "explain/explain.h"

#include <stdio.h>

static const struct {
    enum digest digest;
    const char *name;
} digests[] = {{DIGEST_SHA1, "SHA-1"}, {DIGEST_SHA256, "SHA-256"}, {DIGEST_SHA512, "SHA-512"}};

static struct slice in_base64(struct slice bytes, char *memory)
{
    base64_encode(bytes, memory);
    return slice_of(memory, BASE64_LEN(bytes.len));
}

static struct slice in_hexadecimal(struct slice bytes, struct buf *out)
{
    buf_add_hex(out, bytes);
    return buf_slice(out);
}

/* Whether the client sent these bytes; says in which spelling. */
static bool is_sent(struct slice sent, struct slice hash, bool is_right, const char *what, struct buf *hint)
{
    char hex_memory[2 * DIGEST_MAX_BYTES];
    char memory[BASE64_LEN(sizeof hex_memory)];
    struct buf hex = buf_fixed(hex_memory, sizeof hex_memory);
    struct slice digits = in_hexadecimal(hash, &hex);
    const char *spelling = NULL;
    if (!is_right && slice_eq(sent, in_base64(hash, memory)))
        spelling = "";
    else if (slice_eq_nocase(sent, digits))
        spelling = " in hexadecimal digits";
    else if (slice_eq(sent, in_base64(digits, memory)))
        spelling = " in the base64 of hexadecimal digits";
    if (spelling)
        buf_addf(hint, "would match with %s%s", what, spelling);
    return spelling != NULL;
}

/* Some libraries take the function that signs for it, so that their hash is an HMAC under the signing key. */
static enum status try_signing_key(const struct message *message, const struct explain_options *options,
                                   struct signer *signer, struct arena *arena, struct buf *hint)
{
    unsigned char memory[DIGEST_MAX_BYTES];
    struct buf key = buf_in(arena);
    enum digest digest = message->signature_method->digest;
    if (message->signature_method->kind != SIGNATURE_HMAC)
        return STATUS_OK;
    signature_write_shared_key(options->client_secret, options->token_secret, &key);
    if (key.failed)
        return STATUS_NO_MEMORY;
    TRY(mac_hmac(signer->mac, digest, buf_slice(&key), message->body, memory));
    (void)is_sent(message->protocol[OAUTH_BODY_HASH], slice_of(memory, digest_size_bytes(digest)), false,
                  "an HMAC of the body under the signing key", hint);
    return STATUS_OK;
}

static enum status try_digest(const struct message *message, size_t which, struct buf *hint)
{
    static const struct slice none = SLICE_INIT("");
    struct slice sent = message->protocol[OAUTH_BODY_HASH];
    unsigned char memory[DIGEST_MAX_BYTES];
    char what[64];
    bool is_right = digests[which].digest == message->signature_method->digest || digests[which].digest == DIGEST_SHA1;
    struct slice hash = slice_of(memory, digest_size_bytes(digests[which].digest));
    TRY(digest_bytes(digests[which].digest, message->body, memory));
    (void)snprintf(what, sizeof what, "the %s of the body", digests[which].name);
    if (is_sent(sent, hash, is_right, what, hint) || message->body.len == 0)
        return STATUS_OK;
    TRY(digest_bytes(digests[which].digest, none, memory));
    (void)snprintf(what, sizeof what, "the %s of an empty body", digests[which].name);
    (void)is_sent(sent, hash, false, what, hint);
    return STATUS_OK;
}

enum status explain_body_hash(const struct message *message, const struct explain_options *options,
                              struct signer *signer, struct arena *arena, struct explanation *explanation)
{
    struct buf hint = buf_in(arena);
    const char *right = "";
    for (size_t i = 0; i < COUNT_OF(digests) && hint.len == 0; i++)
        TRY(try_digest(message, i, &hint));
    if (hint.len == 0)
        TRY(try_signing_key(message, options, signer, arena, &hint));
    for (size_t i = 0; i < COUNT_OF(digests); i++)
        if (digests[i].digest == message->signature_method->digest)
            right = digests[i].name;
    if (hint.len == 0)
        buf_add_str(&hint, "no hash that was tried is that of this body (SHA-1, SHA-256, SHA-512, in base64 and in "
                           "hexadecimal): the body was changed on its way, or hashed before it was complete");
    buf_addf(&hint, "; %.*s takes the base64 of the body's %s%s", SLICE_ARGS(message->signature_method->name), right,
             message->signature_method->digest == DIGEST_SHA1 ? "" : " or SHA-1");
    explanation->hints[explanation->hint_count++] = buf_slice(&hint);
    return hint.failed ? STATUS_NO_MEMORY : STATUS_OK;
}
