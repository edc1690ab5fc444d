#include "oauth/body_hash.h"

#include "base/base64.h"
#include "crypto/ct.h"
#include "crypto/digest.h"

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

/* Whether the hash that was sent is this digest of the body. */
static enum status compare_by(enum digest digest, const struct message *message, bool *ret_right)
{
    char memory[BASE64_LEN(DIGEST_MAX_BYTES)];
    struct buf expected = buf_fixed(memory, sizeof memory);
    TRY(write_hash(digest, message->body, &expected));
    *ret_right = ct_equal(buf_slice(&expected), message->protocol[OAUTH_BODY_HASH]);
    return STATUS_OK;
}

/* The draft knows SHA-1 alone, and some clients send no other hash, whatever method they sign with. */
static enum status compare_hash(const struct message *message, bool *ret_right)
{
    TRY(compare_by(message->signature_method->digest, message, ret_right));
    return *ret_right ? STATUS_OK : compare_by(DIGEST_SHA1, message, ret_right);
}

/* Draft 5, §4.1: a form MUST NOT have a hash. A right hash of an empty form is harmless, and ruby-oauth's post('/x')
 * sends it. */
static enum status check_hash_of_form(const struct message *message, struct problem *problem)
{
    bool is_harmless = false;
    if (message->body.len == 0)
        TRY(compare_hash(message, &is_harmless));
    return is_harmless ? STATUS_OK
                       : problem_reject(problem, STATUS_BODY_HASH_FORBIDDEN, NULL, SLICE("oauth_body_hash"));
}

enum status body_hash_check_form(const struct message *message, bool required, struct problem *problem)
{
    bool sent = !slice_is_absent(message->protocol[OAUTH_BODY_HASH]);
    if (message->form_body)
        return sent ? check_hash_of_form(message, problem) : STATUS_OK;
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

enum status body_hash_verify(const struct message *message, enum body_hash *ret_result, struct problem *problem)
{
    bool right = false;
    if (slice_is_absent(message->protocol[OAUTH_BODY_HASH])) {
        *ret_result = BODY_HASH_NONE;
        return STATUS_OK;
    }
    if (slice_is_absent(message->body)) {
        *ret_result = BODY_HASH_UNCHECKED;
        return STATUS_OK;
    }
    TRY(compare_hash(message, &right));
    if (!right)
        return problem_set(problem, STATUS_BODY_HASH_MISMATCH, NULL);
    *ret_result = BODY_HASH_VERIFIED;
    return STATUS_OK;
}
