#include "login/login_tries.h"

#include "base/case_fold.h"
#include "service/forwarded.h"
#include "site/site.h"
#include "verify/quota.h"

static const enum quota of_strangers[] = {QUOTA_LOGIN_ADDRESS, QUOTA_LOGIN_PAIR, QUOTA_LOGIN_ACCOUNT};
static const enum quota of_devices[] = {QUOTA_LOGIN_DEVICE};

static int64_t limit_of(const struct request *request, enum quota quota)
{
    const struct config *config = app_of(request)->config;
    switch (quota) {
    case QUOTA_LOGIN_ADDRESS:
        return config->rate_limit_login_address;
    case QUOTA_LOGIN_ACCOUNT:
        return config->rate_limit_login_account;
    default:
        return config->rate_limit_login_pair;
    }
}

static enum status read_device(struct request *request, struct login_tries *tries)
{
    struct keyring *keys = shared_keys_take(app_of(request)->keys);
    tries->is_device = device_read(keys, site_cookie(request, COOKIE_DEVICE), &request->arena, &tries->device);
    keyring_free(keys);
    return tries->is_device ? STATUS_OK : device_make(&tries->device);
}

enum status login_tries_init(struct request *request, struct slice username, struct login_tries *ret_tries)
{
    struct slice address = forwarded_client_address(request, &app_of(request)->config->trusted_proxies);
    struct buf pair = buf_in(&request->arena);
    struct buf device = buf_in(&request->arena);
    struct login_tries tries = {.names = {[QUOTA_LOGIN_ADDRESS] = address}};
    struct buf account = buf_in(&request->arena);
    TRY(read_device(request, &tries));
    case_fold(username, &account); /* an address is one in whatever case */
    quota_write_address(address, &pair);
    buf_add_byte(&pair, ' ');
    buf_add(&pair, buf_slice(&account));
    buf_add_hex(&device, slice_of((const char *)tries.device.id, sizeof tries.device.id));
    if (pair.failed || device.failed || account.failed)
        return STATUS_NO_MEMORY;
    tries.names[QUOTA_LOGIN_ACCOUNT] = buf_slice(&account);
    tries.names[QUOTA_LOGIN_PAIR] = buf_slice(&pair);
    tries.names[QUOTA_LOGIN_DEVICE] = buf_slice(&device);
    *ret_tries = tries;
    return STATUS_OK;
}

void login_tries_count_start(struct request *request, const struct login_tries *tries, enum quota quota,
                             struct ticket ticket)
{
    quota_count_start(app_loop_of(request)->ephemeral, quota, tries->names[quota], limit_of(request, quota), ticket);
}

enum status login_tries_judge(struct flow *flow, size_t index, enum quota quota, int64_t *wait_s)
{
    return quota_judge(flow, index, limit_of(request_of(flow), quota), wait_s);
}

size_t login_tries_counted(const struct login_tries *tries)
{
    return tries->is_device ? COUNT_OF(of_devices) : COUNT_OF(of_strangers);
}

void login_tries_take_back_start(struct request *request, const struct login_tries *tries, const struct ticket *tickets)
{
    const enum quota *quotas = tries->is_device ? of_devices : of_strangers;
    for (size_t i = 0; i < login_tries_counted(tries); i++)
        quota_take_back_start(app_loop_of(request)->ephemeral, quotas[i], tries->names[quotas[i]],
                              limit_of(request, quotas[i]), tickets[i]);
}
