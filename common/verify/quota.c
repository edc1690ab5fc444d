#include "verify/quota.h"

#include "base/address.h"
#include "base/buf.h"

enum { WINDOW_MS = 60 * 1000 };

static const struct {
    struct slice prefix;
    bool is_address;
} kinds[QUOTA_COUNT] = {
    [QUOTA_CLIENT] = {SLICE_INIT("client:"), false},
    [QUOTA_ADDRESS] = {SLICE_INIT("address:"), true},
    [QUOTA_LOGIN_ACCOUNT] = {SLICE_INIT("login-account:"), false},
    [QUOTA_LOGIN_ADDRESS] = {SLICE_INIT("login-address:"), true},
    [QUOTA_LOGIN_PAIR] = {SLICE_INIT("login-pair:"), false},
    [QUOTA_LOGIN_DEVICE] = {SLICE_INIT("login-device:"), false},
    [QUOTA_CREDENTIALS] = {SLICE_INIT("credentials:"), false},
};

void quota_write_address(struct slice text, struct buf *out)
{
    struct address address;
    if (!address_parse(text, &address)) {
        buf_add(out, text);
        return;
    }
    struct address network = address_network(&address);
    buf_add_hex(out, slice_of(network.bytes, sizeof network.bytes));
}

/* False: there is nothing to count, or no memory, and the ticket is complete. */
static bool write_key(enum quota quota, struct slice name, int64_t limit, struct ticket ticket, struct buf *key)
{
    if (limit == 0) {
        ticket_complete(ticket, STATUS_OK, NULL, NULL);
        return false;
    }
    buf_add(key, kinds[quota].prefix);
    if (kinds[quota].is_address)
        quota_write_address(name, key);
    else
        buf_add(key, name);
    if (key->failed)
        ticket_complete(ticket, STATUS_NO_MEMORY, NULL, NULL);
    return !key->failed;
}

void quota_count_start(struct ephemeral *ephemeral, enum quota quota, struct slice name, int64_t limit,
                       struct ticket ticket)
{
    struct buf key = BUF_INIT;
    if (write_key(quota, name, limit, ticket, &key))
        ephemeral_count_start(ephemeral, quota, buf_slice(&key), WINDOW_MS, ticket);
    buf_done(&key);
}

void quota_take_back_start(struct ephemeral *ephemeral, enum quota quota, struct slice name, int64_t limit,
                           struct ticket ticket)
{
    struct buf key = BUF_INIT;
    if (write_key(quota, name, limit, ticket, &key))
        ephemeral_count_back_start(ephemeral, quota, buf_slice(&key), ticket);
    buf_done(&key);
}

enum status quota_judge(const struct flow *flow, size_t index, int64_t limit, int64_t *wait_s)
{
    void *result = NULL;
    TRY(flow_outcome_at(flow, index, &result));
    const struct ephemeral_count *counted = result;
    if (!counted || counted->count <= limit)
        return STATUS_OK;
    if (counted->reset_s > *wait_s)
        *wait_s = counted->reset_s;
    return STATUS_SLOW_DOWN;
}
