#include "verdict.h"

struct slice verdict_scope(const struct check *check)
{
    return check->legs == 3 ? check->token->scopes : check->client->allowed_scopes;
}

const char *verdict_body_hash(enum body_hash body_hash)
{
    switch (body_hash) {
    case BODY_HASH_NONE:
        return NULL;
    case BODY_HASH_VERIFIED:
        return "verified";
    case BODY_HASH_UNCHECKED:
        return "unchecked";
    }
    return NULL;
}

static void write_oauth1(const struct check *check, struct json_writer *w)
{
    const char *body_hash = verdict_body_hash(check->body_hash);
    json_member_object(w, "oauth1");
    json_member_int(w, "legs", check->legs);
    json_member_string(w, "signature_method", check->message.signature_method->name);
    if (check->timestamp_s > 0)
        json_member_int(w, "timestamp", check->timestamp_s);
    json_member_if(w, "realm", check->message.realm);
    if (body_hash)
        json_member_text(w, "body_hash", body_hash);
    json_end_object(w);
}

/* RFC 7662 §2.2; what concerns a user and a token only where there is one. */
static void write_active(const struct check *check, const struct config *config, struct json_writer *w)
{
    json_member_bool(w, "active", true);
    json_member_string(w, "client_id", check->client->client_id);
    if (check->legs == 3) {
        json_member_string(w, "sub", check->token->subject);
        json_member_string(w, "username", check->token->username);
    }
    json_member_string(w, "scope", verdict_scope(check));
    json_member_text(w, "token_type", "oauth1");
    if (check->legs == 3) {
        json_member_int(w, "iat", check->token->created_ms / 1000);
        if (check->token->expires_ms != 0)
            json_member_int(w, "exp", check->token->expires_ms / 1000);
    }
    json_member_string(w, "iss", config->public_url.text);
    if (check->legs == 3)
        json_member_string(w, "jti", check->token->jti);
    write_oauth1(check, w);
}

static struct slice joined_by_spaces(struct slice names, char *memory, size_t size)
{
    size_t len = names.len < size ? names.len : size;
    for (size_t i = 0; i < len; i++)
        memory[i] = names.ptr[i] == '&' ? ' ' : names.ptr[i];
    return slice_of(memory, len);
}

static void write_challenge(enum status status, struct slice realm, struct json_writer *w)
{
    char memory[1024];
    struct buf challenge = buf_fixed(memory, sizeof memory);
    problem_write_challenge(status, realm, &challenge);
    json_member_string(w, "www_authenticate", buf_slice(&challenge));
}

/* A store that is down for one request of a batch is 503 for that one. */
static void write_inactive(const struct problem *problem, const struct config *config, struct json_writer *w)
{
    bool is_refusal = !status_is_infrastructure(problem->status);
    json_member_bool(w, "active", false);
    json_member_object(w, "problem");
    json_member_text(w, "code", is_refusal ? status_problem(problem->status) : status_error(problem->status));
    json_member_int(w, "status", is_refusal ? status_http(problem->status) : 503);
    if (is_refusal)
        write_challenge(problem->status, config->realm, w);
    json_member_text(w, "description", problem_text(problem));
    char names[512];
    if (problem->absent.len)
        json_member_string(w, "parameters_absent", joined_by_spaces(problem->absent, names, sizeof names));
    if (problem->rejected.len)
        json_member_string(w, "parameters_rejected", joined_by_spaces(problem->rejected, names, sizeof names));
    if (problem->acceptable_to_s > 0) {
        json_member_object(w, "acceptable_timestamps");
        json_member_int(w, "from", problem->acceptable_from_s);
        json_member_int(w, "to", problem->acceptable_to_s);
        json_end_object(w);
    }
    json_end_object(w);
}

static void write_parameters(const struct message *message, struct json_writer *w)
{
    static const char *const sources[] = {
        [PARAM_FROM_HEADER] = "header", [PARAM_FROM_QUERY] = "query", [PARAM_FROM_BODY] = "body"};
    json_member_array(w, "parameters");
    for (size_t i = 0; i < message->params.count; i++) {
        const struct oauth_param *param = &message->params.rows[i];
        if (!param->is_signed)
            continue;
        json_begin_object(w);
        json_member_string(w, "name", param->name);
        json_member_string(w, "value", param->value);
        json_member_text(w, "source", sources[param->source]);
        json_end_object(w);
    }
    json_end_array(w);
}

static void write_explanation(const struct explanation *explanation, struct json_writer *w)
{
    json_member_object(w, "explain");
    json_member_if(w, "signature_base_string", explanation->base_string);
    json_member_if(w, "normalized_parameters", explanation->normalized_parameters);
    json_member_if(w, "base_string_uri", explanation->base_string_uri);
    if (explanation->parsed)
        write_parameters(&explanation->message, w);
    json_member_array(w, "hints");
    for (size_t i = 0; i < explanation->hint_count; i++)
        json_string(w, explanation->hints[i]);
    json_end_array(w);
    json_end_object(w);
}

void verdict_write(const struct check *check, const struct config *config, const struct explanation *explanation,
                   struct json_writer *w)
{
    json_begin_object(w);
    if (check->problem.status == STATUS_OK)
        write_active(check, config, w);
    else
        write_inactive(&check->problem, config, w);
    if (explanation)
        write_explanation(explanation, w);
    json_end_object(w);
}

enum verdict_result verdict_result_of(enum status status)
{
    switch (status) {
    case STATUS_OK:
        return VERDICT_ACTIVE;
    case STATUS_SIGNATURE_INVALID:
    case STATUS_BODY_HASH_MISMATCH:
        return VERDICT_SIGNATURE_INVALID;
    case STATUS_NONCE_USED:
        return VERDICT_NONCE_USED;
    case STATUS_TIMESTAMP_REFUSED:
        return VERDICT_TIMESTAMP_REFUSED;
    case STATUS_CLIENT_UNKNOWN:
    case STATUS_CLIENT_DISABLED:
        return VERDICT_CLIENT_REFUSED;
    case STATUS_TOKEN_REJECTED:
    case STATUS_TOKEN_REVOKED:
    case STATUS_TOKEN_EXPIRED:
        return VERDICT_TOKEN_REFUSED;
    case STATUS_SCOPE_INSUFFICIENT:
        return VERDICT_SCOPE_INSUFFICIENT;
    default:
        return status_is_infrastructure(status) ? VERDICT_UNAVAILABLE : VERDICT_MALFORMED;
    }
}
