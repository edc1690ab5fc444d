#include "cli/signing_fault.h"

#include "base/percent.h"

/* ---- the URL ---- */

static bool spoil_scheme(struct signing_input *input)
{
    input->message->url.https = !input->message->url.https;
    return true;
}

static bool spoil_host(struct signing_input *input)
{
    input->message->url.host = SLICE("another-host.example");
    return true;
}

/* A port that must be in the base string is left out; one that must not (RFC 5849 §3.4.1.2) is written. */
static bool spoil_port(struct signing_input *input)
{
    struct oauth_url *url = &input->message->url;
    struct buf host = buf_in(input->arena);
    if (oauth_url_port(url) != (url->https ? 443 : 80)) {
        url->port = 0;
        return true;
    }
    buf_add(&host, url->host);
    buf_addf(&host, ":%u", (unsigned)oauth_url_port(url));
    url->host = buf_slice(&host); /* a default port is left out unless it is part of the host */
    url->port = 0;
    return !host.failed;
}

static bool spoil_path(struct signing_input *input)
{
    struct slice *path = &input->message->url.path;
    struct buf longer = buf_in(input->arena);
    if (path->len > 1 && path->ptr[path->len - 1] == '/') {
        path->len--;
        return true;
    }
    buf_add(&longer, *path);
    buf_add_byte(&longer, '/');
    *path = buf_slice(&longer);
    return !longer.failed;
}

/* ---- method and parameters ---- */

static bool spoil_method(struct signing_input *input)
{
    struct slice *method = &input->message->method;
    *method = slice_eq_nocase(*method, SLICE("GET")) ? SLICE("POST") : SLICE("GET");
    return true;
}

static bool leave_out(struct signing_input *input, enum param_source source)
{
    struct oauth_params *params = &input->message->params;
    size_t kept = 0;
    for (size_t i = 0; i < params->count; i++)
        if (params->rows[i].source != source || params->rows[i].is_oauth)
            params->rows[kept++] = params->rows[i];
    bool left_out = kept < params->count;
    params->count = kept;
    return left_out;
}

static bool spoil_query(struct signing_input *input)
{
    return leave_out(input, PARAM_FROM_QUERY);
}

static bool spoil_body(struct signing_input *input)
{
    return leave_out(input, PARAM_FROM_BODY);
}

static bool spoil_order(struct signing_input *input)
{
    input->in_order_sent = true;
    return true;
}

static bool spoil_encoding(struct signing_input *input)
{
    struct oauth_params *params = &input->message->params;
    for (size_t i = 0; i < params->count; i++) {
        struct slice *value = &params->rows[i].value;
        struct buf twice = buf_in(input->arena);
        if (slice_find(*value, '%') == value->len)
            continue;
        percent_encode(&twice, *value);
        *value = buf_slice(&twice);
        return !twice.failed;
    }
    return false;
}

static struct oauth_param *find_param(struct signing_input *input, struct slice name)
{
    struct oauth_params *params = &input->message->params;
    for (size_t i = 0; i < params->count; i++)
        if (slice_eq(params->rows[i].name, name))
            return &params->rows[i];
    return NULL;
}

static bool spoil_callback(struct signing_input *input)
{
    struct oauth_param *callback = find_param(input, SLICE("oauth_callback"));
    if (!callback || slice_find(callback->value, '%') == callback->value.len)
        return false;
    callback->value = params_decoded(callback->value, input->arena);
    return !slice_is_absent(callback->value);
}

static bool spoil_nonce(struct signing_input *input)
{
    struct oauth_param *nonce = find_param(input, SLICE("oauth_nonce"));
    if (!nonce)
        return false;
    nonce->value = slice_eq(nonce->value, SLICE("another")) ? SLICE("nonce") : SLICE("another");
    return true;
}

/* ---- the secrets ---- */

static bool uses_secrets(const struct signing_input *input)
{
    return input->message->signature_method->kind != SIGNATURE_RSA;
}

static bool spoil_secret(struct signing_input *input)
{
    struct slice client_secret = input->client_secret;
    input->client_secret = input->token_secret;
    input->token_secret = client_secret;
    return uses_secrets(input) && !slice_eq(input->client_secret, input->token_secret);
}

static bool spoil_token_secret(struct signing_input *input)
{
    bool was_there = input->token_secret.len > 0;
    input->token_secret = SLICE("");
    return uses_secrets(input) && was_there;
}

/* ---- the table ---- */

static const struct signing_fault faults[] = {
#define SIGNING_FAULT_ROW(name, help, spoil, shift, changes) {name, spoil, shift, changes},
    SIGNING_FAULTS(SIGNING_FAULT_ROW)
#undef SIGNING_FAULT_ROW
};

const struct signing_fault *signing_fault_find(struct slice name)
{
    for (size_t i = 0; i < COUNT_OF(faults); i++)
        if (slice_eq(slice_str(faults[i].name), name))
            return &faults[i];
    return NULL;
}
