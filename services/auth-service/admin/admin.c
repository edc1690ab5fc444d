#include "admin/admin.h"

#include "base/percent.h"
#include "http/problem_reply.h"

static enum step_result refuse_stranger(struct request *request)
{
    request_reply_start(request, 401);
    request_reply_header(request, "WWW-Authenticate", SLICE("Bearer realm=\"admin\""));
    problem_reply_status(request, STATUS_UNAUTHORIZED,
                         SLICE("send Authorization: Bearer with a token of OAUTH1_ADMIN_TOKEN or OAUTH1_LOGIN_TOKEN "
                               "(the part behind the name and the colon)"));
    return STEP_REPLY;
}

static enum status find_bearer(struct request *request, struct bearer *ret_bearer)
{
    struct slice token = request_bearer(request);
    if (slice_is_absent(token))
        return STATUS_UNAUTHORIZED;
    return bearers_find(app_of(request)->bearers, token, &request->arena, ret_bearer);
}

static enum step_result judge_role(struct request *request, enum admin_callers callers, enum bearer_role role)
{
    if (role == BEARER_LOGIN && callers == ADMIN_FOR_OPERATORS)
        return admin_refuse(request, 403,
                            "a token of OAUTH1_LOGIN_TOKEN opens the calls of delegated login alone; send one of "
                            "OAUTH1_ADMIN_TOKEN");
    if (role == BEARER_READ && !slice_eq(request->method, SLICE("GET")))
        return admin_refuse(request, 403,
                            "this token has the role read, which changes nothing; send one with the role manage");
    return STEP_NEXT;
}

enum step_result admin_begin(struct flow *flow, enum admin_callers callers, size_t state_size)
{
    struct request *request = request_of(flow);
    struct admin_call *call = request->state = arena_calloc(&request->arena, 1, state_size);
    if (!call)
        return admin_refuse_status(request, STATUS_NO_MEMORY);
    enum status status = find_bearer(request, &call->bearer);
    if (status == STATUS_UNAUTHORIZED)
        return refuse_stranger(request);
    if (status != STATUS_OK)
        return admin_refuse_status(request, status);
    request_earns_connection(request);
    return judge_role(request, callers, call->bearer.role);
}

enum step_result admin_take_body(struct flow *flow)
{
    return request_take_callers_body(flow);
}

struct slice admin_path_value(struct request *request, size_t index)
{
    struct slice raw = request->path_values[index];
    char *value = arena_bytes(&request->arena, raw.len);
    size_t len = 0;
    if (!value || !percent_decode(raw, PLUS_LITERAL, value, &len))
        return SLICE_ABSENT;
    return slice_of(value, len);
}

enum step_result admin_read_body(struct request *request, const struct json_field *fields, void *out)
{
    const json_value *value = NULL;
    const char *why = NULL;
    bool is_empty = request->body.len == 0;
    if (!is_empty && !request_has_media_type(request, "application/json"))
        return admin_refuse(request, 415, "send Content-Type: application/json");
    enum status status = json_read(is_empty ? SLICE("{}") : request->body, &request->arena, &value, &why);
    if (status == STATUS_OK)
        status = json_decode(value, fields, JSON_NULL_REFUSED, "", &request->arena, out, NULL, &why);
    if (status == STATUS_BAD_INPUT)
        return admin_refuse(request, 400, why);
    return status == STATUS_OK ? STEP_NEXT : admin_refuse_status(request, status);
}

enum step_result admin_reply(struct request *request, const struct buf *json)
{
    if (json->failed)
        return admin_refuse_status(request, STATUS_NO_MEMORY);
    request_reply_json(request, buf_slice(json));
    return STEP_REPLY;
}

enum step_result admin_refuse(struct request *request, int http_status, const char *detail)
{
    const struct problem_detail problem = {.detail = slice_str(detail)};
    problem_reply(request, http_status, &problem);
    return STEP_REPLY;
}

enum step_result admin_refuse_status(struct request *request, enum status status)
{
    problem_reply_status(request, status, SLICE_ABSENT);
    return STEP_REPLY;
}
