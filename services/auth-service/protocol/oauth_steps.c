#include "protocol/oauth_steps.h"

#include "app/app.h"
#include "protocol/oauth_quota.h"
#include "protocol/oauth_reply.h"

enum step_result oauth_parse(struct flow *flow, enum check_purpose purpose, size_t state_size)
{
    struct request *request = request_of(flow);
    struct signed_request *it = request->state = arena_calloc(&request->arena, 1, state_size);
    if (!it || oauth_describe(request, purpose, &it->check) != STATUS_OK)
        return oauth_refuse_status(request, STATUS_NO_MEMORY);
    return check_parse(&it->check) == STATUS_OK ? STEP_NEXT : oauth_quota_refuse(flow, &it->check);
}

enum step_result oauth_verify(struct flow *flow, size_t client_index)
{
    struct provider_loop *loop = app_loop_of(request_of(flow));
    struct signed_request *it = request_of(flow)->state;
    enum status status = signed_request_verify(it, flow, client_index, loop->ephemeral, &loop->signer);
    if (it->check.problem.status != STATUS_OK)
        return oauth_quota_refuse(flow, &it->check);
    return status == STATUS_OK ? STEP_NEXT : oauth_refuse_status(request_of(flow), status);
}

enum step_result oauth_spend(struct flow *flow)
{
    struct request *request = request_of(flow);
    const struct signed_request *it = request->state;
    if (!signed_request_has_nonce(it))
        return STEP_NEXT;
    signed_request_spend_start(it, app_loop_of(request)->ephemeral, flow_wait(flow, STORE_TIMEOUT_MS));
    return STEP_WAIT;
}

enum step_result oauth_take_spent(struct flow *flow)
{
    struct signed_request *it = request_of(flow)->state;
    return signed_request_spent(it, flow, 0) == STATUS_OK ? STEP_NEXT : oauth_quota_refuse(flow, &it->check);
}
