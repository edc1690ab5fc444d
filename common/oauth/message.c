#include "oauth/message.h"

#include "oauth/auth_header.h"

static const struct slice protocol_names[] = {
#define PROTOCOL_NAME(identifier, name) SLICE_INIT(name),
    PROTOCOL_PARAMETERS(PROTOCOL_NAME)
#undef PROTOCOL_NAME
};

bool message_is_form_type(struct slice content_type)
{
    bool has_parameters = false;
    struct slice media_type = slice_trim(slice_cut(&content_type, ';', &has_parameters));
    return slice_eq_nocase(media_type, SLICE("application/x-www-form-urlencoded"));
}

static enum status add_header_pair(struct message *message, struct arena *arena, const struct auth_header_pair *pair,
                                   struct problem *problem)
{
    if (auth_header_is_realm(pair->name)) {
        if (!slice_is_absent(message->realm))
            return problem_reject(problem, STATUS_MALFORMED, "realm is in the header twice", SLICE("realm"));
        message->realm = pair->value; /* RFC 5849 §3.4.1.3.1: not signed when it came in the header */
        return STATUS_OK;
    }
    if (pair->is_plain)
        return params_add_plain(&message->params, arena, pair->name, pair->value, PARAM_FROM_HEADER);
    return params_add(&message->params, arena, pair->name, pair->value, PLUS_LITERAL, PARAM_FROM_HEADER);
}

static enum status add_header_pairs(struct message *message, struct arena *arena, struct slice list,
                                    struct problem *problem)
{
    struct auth_header_pair pair = {0};
    enum auth_header_item item = auth_header_next(&list, &pair);
    for (; item == AUTH_HEADER_PARAMETER; item = auth_header_next(&list, &pair))
        TRY(add_header_pair(message, arena, &pair, problem));
    if (item == AUTH_HEADER_BROKEN)
        return problem_set(problem, STATUS_MALFORMED, "the Authorization header is not a list of name=\"value\" pairs");
    return STATUS_OK;
}

static enum status add_all(struct message *message, struct arena *arena, struct slice list, struct problem *problem)
{
    TRY(add_header_pairs(message, arena, list, problem));
    TRY(params_add_form(&message->params, arena, message->url.query, PARAM_FROM_QUERY));
    /* RFC 5849 §3.4.1.3.1: a form body counts whatever the method */
    if (message->form_body)
        TRY(params_add_form(&message->params, arena, message->body, PARAM_FROM_BODY));
    return STATUS_OK;
}

/* Finds the list of parameters in an OAuth header. A header of another scheme has none, but a line break is refused in
 * it, too; auth_header_next looks at the bytes of the list. */
static enum status find_list(struct slice authorization, struct slice *ret_list, struct problem *problem)
{
    if (slice_is_absent(authorization) || auth_header_is_oauth(authorization, ret_list))
        return STATUS_OK;
    for (size_t i = 0; i < authorization.len; i++)
        if ((unsigned char)authorization.ptr[i] < ' ' && authorization.ptr[i] != '\t')
            return problem_set(problem, STATUS_MALFORMED,
                               "the Authorization header holds a line break or another control character");
    return STATUS_OK;
}

/* The body of a form is text: a client that means NUL sends %00. */
static enum status check_body(const struct message *message, struct problem *problem)
{
    if (!message->form_body)
        return STATUS_OK;
    if (slice_is_absent(message->body))
        return problem_set(problem, STATUS_BODY_ABSENT, NULL);
    if (slice_find(message->body, '\0') < message->body.len)
        return problem_set(problem, STATUS_MALFORMED, "the form body holds a NUL byte");
    return STATUS_OK;
}

/* Decodes the protocol parameters. message_check refuses those that were sent twice. */
static enum status find_protocol(struct message *message, struct arena *arena)
{
    for (size_t i = 0; i < message->params.count; i++) {
        const struct oauth_param *param = &message->params.rows[i];
        if (!param->is_oauth)
            continue;
        for (size_t p = 0; p < PROTOCOL_PARAMETER_COUNT; p++) {
            if (!slice_eq(param->name, protocol_names[p]) || !slice_is_absent(message->protocol[p]))
                continue;
            message->protocol[p] = params_decoded(param->value, arena);
            if (slice_is_absent(message->protocol[p]))
                return STATUS_NO_MEMORY;
            break;
        }
    }
    message->signature_method = signature_method_find(message->protocol[OAUTH_SIGNATURE_METHOD]);
    return STATUS_OK;
}

static enum status explain_failure(enum status status, struct problem *problem)
{
    if (status == STATUS_TOO_LARGE)
        return problem_set(problem, STATUS_MALFORMED, "the request has more than 256 parameters");
    if (status == STATUS_MALFORMED && problem->status == STATUS_OK)
        return problem_set(problem, STATUS_MALFORMED, "a '%' in a parameter is not followed by two hexadecimal digits");
    if (problem->status == STATUS_OK)
        problem->status = status;
    return status;
}

enum status message_parse(const struct described_request *request, struct arena *arena, struct message *ret_message,
                          struct problem *problem)
{
    struct message message = {.method = request->method, .body = request->body};
    struct slice list = {0};
    enum { USUAL_PARAMS = 16 };
    *problem = (struct problem){0};
    if (!slice_is_token(request->method))
        return problem_set(problem, STATUS_MALFORMED, "the HTTP method is not a token");
    TRY(oauth_url_parse(request->url, &message.url, problem));
    TRY(find_list(request->authorization, &list, problem));
    message.form_body = message_is_form_type(request->content_type);
    TRY(check_body(&message, problem));
    enum status status = params_init(&message.params, arena, USUAL_PARAMS);
    if (status == STATUS_OK)
        status = add_all(&message, arena, list, problem);
    if (status == STATUS_OK)
        status = find_protocol(&message, arena);
    if (status != STATUS_OK)
        return explain_failure(status, problem);
    *ret_message = message;
    return STATUS_OK;
}

bool message_is_unsigned(const struct message *message)
{
    for (size_t i = 0; i < message->params.count; i++)
        if (message->params.rows[i].is_oauth)
            return false;
    return true;
}

/* RFC 5849 §3.1: each parameter MUST NOT appear more than once; §3.5: and in one place only. */
static enum status check_duplicates(const struct message *message, struct problem *problem)
{
    const struct oauth_param *rows = message->params.rows;
    const struct oauth_param *first = NULL;
    for (size_t i = 0; i < message->params.count; i++) {
        if (!rows[i].is_oauth)
            continue;
        if (first && rows[i].source != first->source)
            return problem_reject(problem, STATUS_DUPLICATED_PARAMETER,
                                  "OAuth parameters are in more than one of header, query and body", rows[i].name);
        if (!first)
            first = &rows[i];
        for (const struct oauth_param *before = first; before < &rows[i]; before++)
            if (before->is_oauth && before->order == rows[i].order && slice_eq(before->name, rows[i].name))
                return problem_reject(problem, STATUS_DUPLICATED_PARAMETER, NULL, rows[i].name);
    }
    return STATUS_OK;
}

/* Whether any escape stands for NUL or for a byte that is not ASCII. */
static bool has_unusual_escape(struct slice canonical)
{
    for (size_t at = slice_find(canonical, '%'); at + 2 < canonical.len;) {
        if (canonical.ptr[at + 1] >= '8' || (canonical.ptr[at + 1] == '0' && canonical.ptr[at + 2] == '0'))
            return true;
        at += 1 + slice_find(slice_sub(canonical, at + 1, canonical.len), '%');
    }
    return false;
}

static enum status check_text(struct slice canonical, struct arena *arena)
{
    if (!has_unusual_escape(canonical))
        return STATUS_OK;
    struct slice text = params_decoded(canonical, arena);
    if (slice_is_absent(text))
        return STATUS_NO_MEMORY;
    return slice_find(text, '\0') < text.len || !slice_is_utf8(text) ? STATUS_MALFORMED : STATUS_OK;
}

/* A protocol parameter must be UTF-8 without NUL. Other parameters may hold any bytes. */
static enum status check_bytes(const struct message *message, struct arena *arena, struct problem *problem)
{
    for (size_t i = 0; i < message->params.count; i++) {
        const struct oauth_param *param = &message->params.rows[i];
        if (!param->is_oauth || param->is_plain)
            continue;
        enum status status = check_text(param->name, arena);
        if (status == STATUS_OK)
            status = check_text(param->value, arena);
        if (status == STATUS_MALFORMED)
            return problem_reject(problem, status, "an OAuth parameter holds NUL or is not UTF-8", param->name);
        if (status != STATUS_OK)
            return problem_set(problem, status, NULL);
    }
    return STATUS_OK;
}

static bool is_missing(const struct message *message, enum protocol_parameter parameter, unsigned required)
{
    /* an empty timestamp, method or signature counts as a wrong one, not as a missing one */
    const unsigned may_be_empty = OAUTH_BIT(OAUTH_TIMESTAMP) | OAUTH_BIT(OAUTH_SIGNATURE_METHOD) |
                                  OAUTH_BIT(OAUTH_SIGNATURE) | OAUTH_BIT(OAUTH_CALLBACK);
    if (!(required & OAUTH_BIT(parameter)))
        return false;
    struct slice value = message->protocol[parameter];
    return slice_is_absent(value) || (value.len == 0 && !(may_be_empty & OAUTH_BIT(parameter)));
}

static enum status check_missing(const struct message *message, unsigned required, struct arena *arena,
                                 struct problem *problem)
{
    const struct signature_method *method = message->signature_method;
    if (method && method->kind == SIGNATURE_PLAINTEXT)
        required &= ~(OAUTH_BIT(OAUTH_TIMESTAMP) | OAUTH_BIT(OAUTH_NONCE)); /* RFC 5849 §3.1 */
    struct buf names = buf_in(arena);
    for (unsigned p = 0; p < PROTOCOL_PARAMETER_COUNT; p++) {
        if (!is_missing(message, (enum protocol_parameter)p, required))
            continue;
        if (names.len)
            buf_add_byte(&names, '&');
        buf_add(&names, protocol_names[p]);
    }
    if (names.failed)
        return problem_set(problem, STATUS_NO_MEMORY, NULL);
    if (names.len == 0)
        return STATUS_OK;
    *problem = (struct problem){.status = STATUS_PARAMETER_ABSENT, .absent = buf_slice(&names)};
    return STATUS_PARAMETER_ABSENT;
}

enum status message_check(const struct message *message, unsigned required, struct arena *arena,
                          struct problem *problem)
{
    TRY(check_duplicates(message, problem));
    TRY(check_bytes(message, arena, problem));
    TRY(check_missing(message, required, arena, problem));
    struct slice version = message->protocol[OAUTH_VERSION];
    /* RFC 5849 §3.1: the version is optional; if it is there, it MUST be "1.0" */
    if (!slice_is_absent(version) && !slice_eq(version, SLICE("1.0")))
        return problem_reject(problem, STATUS_VERSION_REJECTED, NULL, protocol_names[OAUTH_VERSION]);
    return STATUS_OK;
}

enum status message_timestamp(const struct message *message, int64_t *ret_seconds, struct problem *problem)
{
    struct slice text = message->protocol[OAUTH_TIMESTAMP];
    uint64_t seconds = 0;
    if (slice_is_absent(text)) {
        *ret_seconds = 0;
        return STATUS_OK;
    }
    /* RFC 5849 §3.3: a positive integer */
    if (text.len == 0 || text.ptr[0] == '0' || !slice_to_u64(text, INT64_MAX, &seconds))
        return problem_reject(problem, STATUS_TIMESTAMP_MALFORMED, NULL, protocol_names[OAUTH_TIMESTAMP]);
    *ret_seconds = (int64_t)seconds;
    return STATUS_OK;
}

struct slice message_parameter(const struct message *message, struct slice name, struct arena *arena, size_t *ret_count)
{
    struct slice value = SLICE_ABSENT;
    size_t count = 0;
    for (size_t i = 0; i < message->params.count; i++)
        if (slice_eq(message->params.rows[i].name, name) && count++ == 0)
            value = params_decoded(message->params.rows[i].value, arena);
    *ret_count = count;
    return value;
}
