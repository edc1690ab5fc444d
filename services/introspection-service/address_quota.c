#include "address_quota.h"

#include "app.h"
#include "service/forwarded.h"
#include "verify/quota.h"

bool address_quota_start(struct flow *flow)
{
    const struct request *request = request_of(flow);
    const struct config *config = app_of(request)->config;
    if (config->rate_limit_address == 0)
        return false;
    struct slice address = forwarded_client_address(request, &config->trusted_proxies);
    quota_count_start(app_loop_of(request)->ephemeral, QUOTA_ADDRESS, address, config->rate_limit_address,
                      flow_wait(flow, STORE_TIMEOUT_MS));
    return true;
}

bool address_quota_is_used_up(const struct flow *flow, int64_t *ret_wait_s)
{
    *ret_wait_s = 0;
    int64_t limit = app_of(request_of(flow))->config->rate_limit_address;
    return limit != 0 && quota_judge(flow, 0, limit, ret_wait_s) == STATUS_SLOW_DOWN;
}
