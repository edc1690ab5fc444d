#include "explain/explain.h"

#include "oauth/base_string.h"
#include "oauth/body_hash.h"

static enum status show_uri(const struct oauth_url *url, struct arena *arena, struct slice *ret_uri)
{
    struct buf uri = buf_in(arena);
    oauth_url_write_base_uri(url, &uri);
    if (uri.failed)
        return STATUS_NO_MEMORY;
    *ret_uri = buf_slice(&uri);
    return STATUS_OK;
}

enum status explain_show(struct explanation *out, struct arena *arena)
{
    struct buf parameters = buf_in(arena);
    TRY(base_string_write_parameters(&out->message, arena, &parameters));
    out->normalized_parameters = buf_slice(&parameters);
    TRY(show_uri(&out->message.url, arena, &out->base_string_uri));
    return base_string_build(&out->message, arena, &out->base_string);
}

/* Fills in the base string URI of a request that could not be parsed, unless its URL is what is broken. */
static enum status show_what_can_be_read(const struct described_request *request, struct arena *arena,
                                         struct explanation *out)
{
    struct oauth_url url = {0};
    struct problem ignored = {0};
    if (oauth_url_parse(request->url, &url, &ignored) != STATUS_OK)
        return STATUS_OK;
    return show_uri(&url, arena, &out->base_string_uri);
}

/* An RSA client has no HMAC secret, so its public key can never serve as one. */
static enum status check_method(const struct message *message, const struct explain_options *options,
                                struct problem *problem)
{
    const struct signature_method *method = message->signature_method;
    struct slice name = SLICE("oauth_signature_method");
    if (!method)
        return problem_reject(problem, STATUS_METHOD_REJECTED, "there is no such signature method", name);
    if (!(method->bit & options->allowed_methods))
        return problem_reject(problem, STATUS_METHOD_REJECTED, "this signature method is not allowed here", name);
    if (method->kind == SIGNATURE_RSA && slice_is_absent(options->rsa_public_key))
        return problem_reject(problem, STATUS_METHOD_REJECTED, "the client has no RSA public key", name);
    if (method->kind != SIGNATURE_RSA && slice_is_absent(options->client_secret) &&
        !slice_is_absent(options->rsa_public_key))
        return problem_reject(problem, STATUS_METHOD_REJECTED, "the client has an RSA key and no secret", name);
    return STATUS_OK;
}

static enum status verify_signature(const struct message *message, const struct explain_options *options,
                                    struct slice base_string, struct signer *signer, struct arena *arena,
                                    struct problem *problem)
{
    struct buf shared_key = buf_in(arena);
    signature_write_shared_key(options->client_secret, options->token_secret, &shared_key);
    if (shared_key.failed)
        return problem_set(problem, STATUS_NO_MEMORY, NULL);
    struct signature_key key = {buf_slice(&shared_key), options->rsa_public_key};
    enum status status =
        signature_verify(signer, message->signature_method, &key, base_string, message->protocol[OAUTH_SIGNATURE]);
    return status == STATUS_OK ? STATUS_OK : problem_set(problem, status, NULL);
}

static enum status judge_request(const struct message *message, const struct explain_options *options,
                                 struct slice base_string, struct signer *signer, struct arena *arena,
                                 struct problem *problem)
{
    int64_t timestamp = 0;
    enum body_hash body_hash = BODY_HASH_NONE;
    if (message_is_unsigned(message))
        return problem_set(problem, STATUS_UNSIGNED, NULL);
    if (options->require_https && !message->url.https)
        return problem_set(problem, STATUS_INSECURE_TRANSPORT, NULL);
    TRY(message_check(message, MESSAGE_REQUIRED, arena, problem));
    TRY(check_method(message, options, problem));
    TRY(message_timestamp(message, &timestamp, problem));
    TRY(body_hash_check_form(message, options->body_hash_required, problem));
    TRY(verify_signature(message, options, base_string, signer, arena, problem));
    return body_hash_verify(message, &body_hash, problem);
}

enum status explain(const struct described_request *request, const struct explain_options *options,
                    struct signer *signer, struct arena *arena, struct arena *scratch,
                    struct explanation *ret_explanation)
{
    struct explanation out = {.status = STATUS_OK};
    out.status = message_parse(request, arena, &out.message, &out.problem);
    if (out.status == STATUS_OK) {
        out.parsed = true;
        TRY(explain_show(&out, arena));
        out.status = judge_request(&out.message, options, out.base_string, signer, arena, &out.problem);
    }
    if (status_is_infrastructure(out.status))
        return out.status;
    if (!out.parsed)
        TRY(show_what_can_be_read(request, arena, &out));
    if (out.status == STATUS_SIGNATURE_INVALID)
        TRY(explain_mismatch(&out.message, options, out.base_string, signer, arena, scratch, &out));
    if (out.status == STATUS_BODY_HASH_MISMATCH)
        TRY(explain_body_hash(&out.message, options, signer, arena, &out));
    *ret_explanation = out;
    return STATUS_OK;
}
