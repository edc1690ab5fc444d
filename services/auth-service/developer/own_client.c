#include "developer/own_client.h"

#include "base/percent.h"
#include "site/site.h"

static struct slice raw_id(struct flow *flow)
{
    return request_of(flow)->path_values[0];
}

enum step_result own_client_begin(struct flow *flow, size_t state_size)
{
    struct buf page = buf_in(&request_of(flow)->arena);
    buf_add_str(&page, OWN_CLIENTS_PATH "/");
    buf_add(&page, raw_id(flow));
    return visitor_begin(flow, state_size, buf_slice(&page));
}

enum step_result own_client_load(struct flow *flow)
{
    struct request *request = request_of(flow);
    struct slice raw = raw_id(flow);
    char *id = arena_bytes(&request->arena, raw.len);
    size_t len = 0;
    if (!id)
        return site_refuse(request, STATUS_NO_MEMORY, NULL);
    if (!percent_decode(raw, PLUS_LITERAL, id, &len))
        return site_refuse(request, STATUS_NOT_FOUND, "client_refused.unknown");
    durable_client_read_start(app_of(request)->durable, slice_of(id, len), flow_wait(flow, STORE_TIMEOUT_MS));
    return STEP_WAIT;
}

/* Another's client and one that does not exist are the same to him. */
enum step_result own_client_take(struct flow *flow)
{
    struct own_client *it = own_client_of(flow);
    void *found = NULL;
    enum status status = flow_outcome(flow, &found);
    it->client = found;
    if (status == STATUS_OK && !slice_eq(it->client->owner, it->visitor.user->subject))
        status = STATUS_NOT_FOUND;
    if (status != STATUS_OK)
        return site_refuse(request_of(flow), status, status == STATUS_NOT_FOUND ? "client_refused.unknown" : NULL);
    return STEP_NEXT;
}

enum step_result own_client_refuse(struct flow *flow, enum status status)
{
    bool changed = status == STATUS_CONFLICT || status == STATUS_NOT_FOUND;
    return site_refuse(request_of(flow), changed ? STATUS_CONFLICT : status,
                       changed ? "client_refused.changed_meanwhile" : NULL);
}

struct slice own_client_address(struct request *request, struct slice client_id)
{
    struct buf address = buf_in(&request->arena);
    const char *path = site_path(request, OWN_CLIENTS_PATH "/");
    buf_add_str(&address, path ? path : "");
    percent_encode(&address, client_id);
    return path && !address.failed ? buf_slice(&address) : SLICE_ABSENT;
}

enum step_result own_client_return(struct flow *flow)
{
    struct request *request = request_of(flow);
    enum status status = flow_outcome(flow, NULL);
    struct buf target = buf_in(&request->arena);
    struct slice address = own_client_address(request, own_client_of(flow)->client->client_id);
    buf_add(&target, address);
    buf_add_str(&target, "?done=saved");
    if (status == STATUS_OK && (slice_is_absent(address) || target.failed))
        status = STATUS_NO_MEMORY;
    return status == STATUS_OK ? site_redirect(request, buf_slice(&target)) : own_client_refuse(flow, status);
}
