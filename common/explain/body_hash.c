#include "base/base64.h"
#include "crypto/digest.h"
#include "explain/explain.h"

#include <stdio.h>

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

/* Whether the client sent this hash, in any spelling. The hint says in which. */
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

/* Some libraries hash the body with the function that signs, so that their hash is an HMAC under the signing key. */
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

static enum status try_digest(const struct message *message, enum digest digest, struct buf *hint)
{
    static const struct slice none = SLICE_INIT("");
    struct slice sent = message->protocol[OAUTH_BODY_HASH];
    unsigned char memory[DIGEST_MAX_BYTES];
    char what[64];
    bool is_right = digest == message->signature_method->digest || digest == DIGEST_SHA1;
    struct slice hash = slice_of(memory, digest_size_bytes(digest));
    TRY(digest_bytes(digest, message->body, memory));
    (void)snprintf(what, sizeof what, "the %s of the body", digest_name(digest));
    if (is_sent(sent, hash, is_right, what, hint) || message->body.len == 0)
        return STATUS_OK;
    TRY(digest_bytes(digest, none, memory));
    (void)snprintf(what, sizeof what, "the %s of an empty body", digest_name(digest));
    (void)is_sent(sent, hash, false, what, hint);
    return STATUS_OK;
}

#define NAME_AND_COMMA(NAME, size, openssl, name) name ", "
#define EACH_DIGEST                               DIGESTS(NAME_AND_COMMA)

enum status explain_body_hash(const struct message *message, const struct explain_options *options,
                              struct signer *signer, struct arena *arena, struct explanation *explanation)
{
    struct buf hint = buf_in(arena);
    enum digest right = message->signature_method->digest;
    for (size_t i = 0; i < DIGEST_COUNT && hint.len == 0; i++)
        TRY(try_digest(message, (enum digest)i, &hint));
    if (hint.len == 0)
        TRY(try_signing_key(message, options, signer, arena, &hint));
    if (hint.len == 0)
        buf_add_str(&hint, "no hash that was tried is that of this body (" EACH_DIGEST "in base64 and in hexadecimal): "
                           "the body was changed on its way, or hashed before it was complete");
    buf_addf(&hint, "; %.*s takes the base64 of the body's %s%s", SLICE_ARGS(message->signature_method->name),
             digest_name(right), right == DIGEST_SHA1 ? "" : " or SHA-1");
    explanation->hints[explanation->hint_count++] = buf_slice(&hint);
    return hint.failed ? STATUS_NO_MEMORY : STATUS_OK;
}
