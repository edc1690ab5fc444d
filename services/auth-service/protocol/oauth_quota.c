#include "protocol/oauth_quota.h"

#include "app/app.h"
#include "protocol/oauth_reply.h"
#include "service/forwarded.h"
#include "verify/quota.h"
#include "verify/signed_request.h"

void oauth_quota_count_client_start(struct request *request, const struct check *check, struct ticket ticket)
{
    request_earns_connection(request);
    quota_count_start(app_loop_of(request)->ephemeral, QUOTA_CLIENT, check->client->client_id,
                      app_of(request)->config->rate_limit_client, ticket);
}

enum status oauth_quota_judge_client(struct flow *flow, size_t index, int64_t *ret_wait_s)
{
    return quota_judge(flow, index, app_of(request_of(flow))->config->rate_limit_client, ret_wait_s);
}

/* The request is refused either way, so it does not matter whether the counter answered. */
static enum step_result refuse_counted(struct flow *flow)
{
    struct request *request = request_of(flow);
    const struct signed_request *it = request->state;
    int64_t wait_s = 0;
    if (quota_judge(flow, 0, app_of(request)->config->rate_limit_address, &wait_s) == STATUS_SLOW_DOWN)
        return oauth_slow_down(request, wait_s);
    return oauth_refuse(request, &it->check.problem);
}

/* The steps of a flow that left its table for a refusal. */
static const struct step refusal[] = {
    {"reply", refuse_counted},
    {NULL, NULL},
};

enum step_result oauth_quota_refuse(struct flow *flow, const struct check *check)
{
    struct request *request = request_of(flow);
    const struct config *config = app_of(request)->config;
    if (config->rate_limit_address == 0 || status_is_infrastructure(check->problem.status))
        return oauth_refuse(request, &check->problem);
    quota_count_start(app_loop_of(request)->ephemeral, QUOTA_ADDRESS,
                      forwarded_client_address(request, &config->trusted_proxies), config->rate_limit_address,
                      flow_wait(flow, STORE_TIMEOUT_MS));
    return flow_leave_for(flow, refusal);
}
