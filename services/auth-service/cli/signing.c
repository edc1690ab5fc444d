#include "cli/signing.h"

#include "base/percent.h"
#include "crypto/random.h"
#include "oauth/base_string.h"
#include "oauth/body_hash.h"
#include "oauth/signature.h"

#include <stdio.h>

#define FORM_TYPE "application/x-www-form-urlencoded"

enum { NONCE_BYTES = 24, OWN_PAIRS_MAX = 8 };

/* One request while it is signed. */
struct work {
    const struct signing *signing;
    const struct signature_method *method;
    struct arena *arena;
    struct signing_pair *pairs; /* the protocol parameters, in the order sent */
    size_t count;
    struct problem *problem;
};

/* ---- the protocol parameters (RFC 5849 §3.1) ---- */

static void add_protocol_pair(struct work *work, struct slice name, struct slice value)
{
    if (!slice_is_absent(value))
        work->pairs[work->count++] = (struct signing_pair){name, value};
}

static enum status add_timestamp(struct work *work, int64_t now_s)
{
    const struct signing *signing = work->signing;
    struct buf text = buf_in(work->arena);
    int64_t timestamp_s = signing->timestamp_s ? signing->timestamp_s : now_s;
    buf_add_i64(&text, timestamp_s + (signing->fault ? signing->fault->timestamp_shift_s : 0));
    if (text.failed)
        return STATUS_NO_MEMORY;
    add_protocol_pair(work, SLICE("oauth_timestamp"), buf_slice(&text));
    return STATUS_OK;
}

static enum status add_nonce(struct work *work)
{
    struct slice nonce = work->signing->nonce;
    if (slice_is_absent(nonce)) {
        char *random = arena_bytes(work->arena, NONCE_BYTES);
        if (!random)
            return STATUS_NO_MEMORY;
        TRY(random_text(random, NONCE_BYTES));
        nonce = slice_of(random, NONCE_BYTES);
    }
    add_protocol_pair(work, SLICE("oauth_nonce"), nonce);
    return STATUS_OK;
}

static enum status add_body_hash(struct work *work)
{
    struct buf hash = buf_in(work->arena);
    if (!work->signing->body_hash)
        return STATUS_OK;
    TRY(body_hash_make(work->method, work->signing->body, &hash));
    add_protocol_pair(work, SLICE("oauth_body_hash"), buf_slice(&hash));
    return STATUS_OK;
}

static enum status collect_pairs(struct work *work, int64_t now_s)
{
    const struct signing *signing = work->signing;
    work->pairs = arena_calloc(work->arena, signing->more_count + OWN_PAIRS_MAX, sizeof *work->pairs);
    if (!work->pairs)
        return STATUS_NO_MEMORY;
    add_protocol_pair(work, SLICE("oauth_consumer_key"), signing->client_id);
    add_protocol_pair(work, SLICE("oauth_token"), signing->token);
    add_protocol_pair(work, SLICE("oauth_signature_method"), work->method->name);
    TRY(add_timestamp(work, now_s));
    TRY(add_nonce(work));
    add_protocol_pair(work, SLICE("oauth_version"), SLICE("1.0"));
    for (size_t i = 0; i < signing->more_count; i++)
        add_protocol_pair(work, signing->more[i].name, signing->more[i].value);
    return add_body_hash(work);
}

/* ---- where they go (RFC 5849 §3.5) ---- */

static void write_realm(struct slice realm, struct buf *out)
{
    buf_add_str(out, "realm=\"");
    for (size_t i = 0; i < realm.len; i++) {
        if (realm.ptr[i] == '"' || realm.ptr[i] == '\\')
            buf_add_byte(out, '\\');
        buf_add_byte(out, realm.ptr[i]);
    }
    buf_add_str(out, "\", ");
}

static struct slice write_header(const struct work *work)
{
    struct buf out = buf_in(work->arena);
    buf_add_str(&out, "OAuth ");
    if (!slice_is_absent(work->signing->realm))
        write_realm(work->signing->realm, &out);
    for (size_t i = 0; i < work->count; i++) {
        buf_add_str(&out, i ? ", " : "");
        percent_encode(&out, work->pairs[i].name);
        buf_add_str(&out, "=\"");
        percent_encode(&out, work->pairs[i].value);
        buf_add_byte(&out, '"');
    }
    return out.failed ? SLICE_ABSENT : buf_slice(&out);
}

/* The parameters as a form behind `front` and, if that is not empty, a separator. */
static struct slice write_form(const struct work *work, struct slice front, const char *separator)
{
    struct buf out = buf_in(work->arena);
    buf_add(&out, front);
    for (size_t i = 0; i < work->count; i++) {
        buf_add_str(&out, i ? "&" : front.len ? separator : "");
        percent_encode(&out, work->pairs[i].name);
        buf_add_byte(&out, '=');
        percent_encode(&out, work->pairs[i].value);
    }
    return out.failed ? SLICE_ABSENT : buf_slice(&out);
}

static enum status place_in_body(const struct work *work, struct signed_request *request)
{
    if (slice_is_absent(request->content_type) && request->body.len == 0)
        request->content_type = SLICE(FORM_TYPE);
    if (!message_is_form_type(request->content_type))
        return problem_set(work->problem, STATUS_BAD_INPUT, "parameters go only into a form body (RFC 5849 §3.5.2)");
    request->body = write_form(work, request->body, "&");
    return slice_is_absent(request->body) ? STATUS_NO_MEMORY : STATUS_OK;
}

static enum status place_parameters(const struct work *work, struct signed_request *ret_request)
{
    const struct signing *signing = work->signing;
    *ret_request =
        (struct signed_request){.url = signing->url, .content_type = signing->content_type, .body = signing->body};
    switch (signing->place) {
    case SIGN_IN_HEADER:
        ret_request->authorization = write_header(work);
        return slice_is_absent(ret_request->authorization) ? STATUS_NO_MEMORY : STATUS_OK;
    case SIGN_IN_QUERY:
        ret_request->url = write_form(work, signing->url, slice_find(signing->url, '?') < signing->url.len ? "&" : "?");
        return slice_is_absent(ret_request->url) ? STATUS_NO_MEMORY : STATUS_OK;
    case SIGN_IN_BODY:
        break;
    }
    return place_in_body(work, ret_request);
}

/* ---- the signature (RFC 5849 §3.4) ---- */

/* Of the parameters as they were sent, unsorted. */
static enum status build_unsorted(const struct message *message, struct arena *arena, struct slice *ret_base_string)
{
    const struct oauth_params *params = &message->params;
    size_t count = 0;
    const struct oauth_param **rows = arena_calloc(arena, params->count, sizeof *rows);
    if (!rows)
        return STATUS_NO_MEMORY;
    for (size_t i = 0; i < params->count; i++)
        if (params->rows[i].is_signed)
            rows[count++] = &params->rows[i];
    return base_string_build_ordered(message, rows, count, arena, ret_base_string);
}

static enum status build_base_string(struct work *work, const struct signed_request *request,
                                     struct signing_input *input, struct slice *ret_base_string)
{
    struct slice body = slice_is_absent(request->body) ? SLICE("") : request->body;
    const struct described_request described = {work->signing->method, request->url, request->authorization,
                                                request->content_type, body};
    const struct signing_fault *fault = work->signing->fault;
    TRY(message_parse(&described, work->arena, input->message, work->problem));
    if (fault && fault->spoil && !fault->spoil(input))
        return problem_set(work->problem, STATUS_BAD_INPUT, "this request has nothing of that kind to break");
    return input->in_order_sent ? build_unsorted(input->message, work->arena, ret_base_string)
                                : base_string_build(input->message, work->arena, ret_base_string);
}

static enum status make_signature(const struct work *work, const struct signing_input *input, struct slice base_string,
                                  struct buf *out)
{
    struct signer signer;
    struct buf key = buf_in(work->arena);
    signature_write_shared_key(input->client_secret, input->token_secret, &key);
    if (key.failed)
        return STATUS_NO_MEMORY;
    TRY(signer_init(&signer, 0));
    enum status status =
        signature_make(&signer, work->method, buf_slice(&key), work->signing->rsa_private_key, base_string, out);
    signer_done(&signer);
    if (status == STATUS_BAD_INPUT)
        return problem_set(work->problem, status, "the RSA key is not a private key in PEM without a passphrase");
    if (status == STATUS_OK && work->signing->fault && work->signing->fault->changes_signature)
        out->ptr[0] = out->ptr[0] == 'A' ? 'B' : 'A';
    return status;
}

enum status signing_sign(const struct signing *signing, int64_t now_s, struct arena *arena,
                         struct signed_request *ret_signed, struct problem *problem)
{
    struct work work = {signing, signature_method_find(signing->signature_method), arena, NULL, 0, problem};
    struct message message = {0};
    struct signing_input input = {
        .message = &message,
        .client_secret = signing->client_secret,
        .token_secret = signing->token_secret,
        .arena = arena,
    };
    struct signed_request request = {0};
    struct slice base_string = {0};
    struct buf signature = buf_in(arena);
    *problem = (struct problem){0};
    if (!work.method)
        return problem_set(problem, STATUS_METHOD_REJECTED, "there is no such signature method");
    TRY(collect_pairs(&work, now_s));
    TRY(place_parameters(&work, &request));
    TRY(build_base_string(&work, &request, &input, &base_string));
    TRY(make_signature(&work, &input, base_string, &signature));
    add_protocol_pair(&work, SLICE("oauth_signature"), buf_slice(&signature));
    TRY(place_parameters(&work, &request));
    request.base_string = base_string;
    *ret_signed = request;
    return STATUS_OK;
}
