#include "site/client_logo.h"

#include "site/site.h"

struct slice client_logo_address(struct request *request, const struct client *client)
{
    struct buf address = buf_in(&request->arena);
    const char *path = site_path(request, "/client-logo/");
    if (client->logo_number == 0)
        return SLICE("");
    buf_add_str(&address, path ? path : "");
    buf_add_i64(&address, client->logo_number);
    return path && !address.failed ? buf_slice(&address) : SLICE_ABSENT;
}

static enum step_result load_logo(struct flow *flow)
{
    struct request *request = request_of(flow);
    uint64_t number = 0;
    if (!slice_to_u64(request->path_values[0], INT64_MAX, &number))
        return site_refuse(request, STATUS_NOT_FOUND, NULL);
    durable_logo_find_start(app_of(request)->durable, (int64_t)number, flow_wait(flow, STORE_TIMEOUT_MS));
    return STEP_WAIT;
}

/* Whatever is in the picture, a browser that opens it as a page runs and loads nothing. */
static enum step_result show_picture(struct flow *flow)
{
    struct request *request = request_of(flow);
    void *found = NULL;
    enum status status = flow_outcome(flow, &found);
    if (status != STATUS_OK)
        return site_refuse(request, status, NULL);
    const struct client_logo *logo = found;
    request_reply_start(request, 200);
    request_reply_header(request, "Cache-Control", SLICE("public, max-age=31536000, immutable"));
    request_reply_header(request, "X-Content-Type-Options", SLICE("nosniff"));
    request_reply_header(request, "Content-Security-Policy", SLICE("default-src 'none'; sandbox"));
    request_reply_body(request, "image/png", logo->png);
    request_reply_send(request);
    return STEP_REPLY;
}

const struct step client_logo_show[] = {
    {"load", load_logo}, /* waits: the picture */
    {"show", show_picture},
    {NULL, NULL},
};
