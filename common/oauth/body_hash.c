#include "oauth/body_hash.h"

#include "base/base64.h"
#include "crypto/ct.h"
#include "crypto/digest.h"

enum status body_hash_check_form(const struct message *message, bool required, struct problem *problem)
{
    bool sent = !slice_is_absent(message->protocol[OAUTH_BODY_HASH]);
    if (message->form_body) {
        bool harmless = message->body.len == 0; /* ruby-oauth hashes an empty form, too; body_hash_verify checks it */
        return sent && !harmless ? problem_reject(problem, STATUS_BODY_HASH_FORBIDDEN, NULL, SLICE("oauth_body_hash"))
                                 : STATUS_OK;
    }
    if (!required)
        return STATUS_OK;
    if (!sent) {
        *problem = (struct problem){.status = STATUS_BODY_HASH_ABSENT, .absent = SLICE("oauth_body_hash")};
        return STATUS_BODY_HASH_ABSENT;
    }
    if (slice_is_absent(message->body))
        return problem_set(problem, STATUS_BODY_HASH_ABSENT,
                           "this client must send oauth_body_hash, but the body was not handed over to check it");
    return STATUS_OK;
}

static enum status write_hash(enum digest digest, struct slice body, struct buf *out)
{
    unsigned char hash[DIGEST_MAX_BYTES];
    TRY(digest_bytes(digest, body, hash));
    size_t size = digest_size_bytes(digest);
    if (buf_reserve(out, BASE64_LEN(size))) {
        base64_encode(slice_of(hash, size), out->ptr + out->len);
        out->len += BASE64_LEN(size);
    }
    return out->failed ? STATUS_NO_MEMORY : STATUS_OK;
}

enum status body_hash_make(const struct signature_method *method, struct slice body, struct buf *out)
{
    return write_hash(method->digest, body, out);
}

static enum status compare(struct slice sent, enum digest digest, struct slice body, bool *ret_equal)
{
    char memory[BASE64_LEN(DIGEST_MAX_BYTES)];
    struct buf expected = buf_fixed(memory, sizeof memory);
    TRY(write_hash(digest, body, &expected));
    *ret_equal = ct_equal(buf_slice(&expected), sent);
    return STATUS_OK;
}

enum status body_hash_verify(const struct message *message, enum body_hash *ret_result, struct problem *problem)
{
    struct slice sent = message->protocol[OAUTH_BODY_HASH];
    bool equal = false;
    if (slice_is_absent(sent)) {
        *ret_result = BODY_HASH_NONE;
        return STATUS_OK;
    }
    if (slice_is_absent(message->body)) {
        *ret_result = BODY_HASH_UNCHECKED;
        return STATUS_OK;
    }
    TRY(compare(sent, message->signature_method->digest, message->body, &equal));
    if (!equal) /* SHA-1 is all that the draft knows, and all that some clients send, whatever they sign by */
        TRY(compare(sent, DIGEST_SHA1, message->body, &equal));
    if (!equal)
        return problem_set(problem, STATUS_BODY_HASH_MISMATCH, NULL);
    *ret_result = BODY_HASH_VERIFIED;
    return STATUS_OK;
}
