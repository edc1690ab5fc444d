#include "caller.h"

#include "address_quota.h"
#include "app.h"
#include "crypto/digest.h"
#include "http/problem_reply.h"
#include "inquiry.h"
#include "unavailable.h"

#include <stdio.h>

/* ---- refusals ---- */

static enum step_result refuse_stranger(struct request *request)
{
    request_reply_start(request, 401);
    request_reply_header(request, "WWW-Authenticate", SLICE("Bearer realm=\"introspection\""));
    problem_reply_status(request, STATUS_UNAUTHORIZED,
                         SLICE("send Authorization: Bearer with a live key of a resource server, or a certificate with "
                               "a name that is registered for one (auth-service resource-server create)"));
    return STEP_REPLY;
}

static enum step_result slow_down_caller(struct request *request, int64_t wait_s)
{
    char seconds[24];
    int len = snprintf(seconds, sizeof seconds, "%lld", (long long)(wait_s > 1 ? wait_s : 1));
    request_reply_start(request, 429);
    request_reply_header(request, "Retry-After", slice_of(seconds, (size_t)len));
    problem_reply_status(request, STATUS_SLOW_DOWN,
                         SLICE("too many calls of this address had no valid key (OAUTH1_RATE_LIMIT_ADDRESS)"));
    return STEP_REPLY;
}

static enum step_result find_caller(struct flow *flow, struct slice key_digest, struct slice tls_sans)
{
    struct inquiry *inquiry = inquiry_of(flow);
    struct credential_view *credentials = app_loop_of(request_of(flow))->credentials;
    const struct credential_key key = {CREDENTIAL_RESOURCE_SERVER, key_digest, tls_sans};
    inquiry->is_asked = true;
    if (credential_find(credentials, &key, flow, &inquiry->caller_hold))
        return STEP_NEXT;
    credential_find_start(credentials, &key, flow_wait(flow, STORE_TIMEOUT_MS));
    return STEP_WAIT;
}

/* ---- the key ---- */

static enum step_result find_by_key(struct flow *flow, struct slice key)
{
    struct request *request = request_of(flow);
    unsigned char digest[RESOURCE_SERVER_KEY_DIGEST_BYTES];
    enum status status = digest_bytes(DIGEST_SHA256, key, digest);
    if (status != STATUS_OK)
        return unavailable_reply(request, status);
    return find_caller(flow, slice_of(digest, sizeof digest), SLICE(""));
}

/* ---- the certificate ---- */

/* The certificate's DNS names and URIs, separated by spaces; one with a space in it is nobody's. */
static struct slice certificate_names(struct request *request)
{
    struct buf names = buf_in(&request->arena);
    struct slice name = request_tls_san(request, 0);
    for (size_t i = 0; !slice_is_absent(name); name = request_tls_san(request, ++i)) {
        if (name.len == 0 || slice_find(name, ' ') < name.len)
            continue;
        if (names.len)
            buf_add_byte(&names, ' ');
        buf_add(&names, name);
    }
    return names.failed ? SLICE_ABSENT : buf_slice(&names);
}

static enum step_result find_by_certificate(struct flow *flow)
{
    struct request *request = request_of(flow);
    struct slice names = certificate_names(request);
    if (names.len == 0)
        return STEP_NEXT;
    return find_caller(flow, SLICE(""), names);
}

/* ---- the steps ---- */

enum step_result caller_authenticate(struct flow *flow)
{
    struct request *request = request_of(flow);
    struct slice key = request_bearer(request);
    size_t count = 0;
    request->state = arena_calloc(&request->arena, 1, sizeof(struct inquiry));
    if (!request->state)
        return unavailable_reply(request, STATUS_NO_MEMORY);
    if (!slice_is_absent(key))
        return find_by_key(flow, key);
    (void)request_header(request, "Authorization",
                         &count); /* who shows something else is nobody, whatever his certificate */
    return count ? STEP_NEXT : find_by_certificate(flow);
}

enum step_result caller_identify(struct flow *flow)
{
    struct inquiry *inquiry = inquiry_of(flow);
    enum status status = inquiry->is_asked ? credential_take(&inquiry->caller_hold, flow, 0) : STATUS_OK;
    if (status != STATUS_OK)
        return unavailable_reply(request_of(flow), status);
    const struct resource_server *found = inquiry->is_asked ? credential_server_of(&inquiry->caller_hold) : NULL;
    int64_t now_ms = clock_wall_ms(loop_clock(flow_loop(flow)));
    inquiry->caller = found && resource_server_is_live(found, now_ms) ? found : NULL;
    return !inquiry->caller && address_quota_start(flow) ? STEP_WAIT : STEP_NEXT;
}

enum step_result caller_admit(struct flow *flow)
{
    struct request *request = request_of(flow);
    int64_t wait_s = 0;
    if (!inquiry_of(flow)->caller)
        return address_quota_is_used_up(flow, &wait_s) ? slow_down_caller(request, wait_s) : refuse_stranger(request);
    request_earns_connection(request);
    if (request_has_media_type(request, "application/json"))
        return STEP_NEXT;
    problem_reply_status(request, STATUS_UNSUPPORTED_TYPE, SLICE("send Content-Type: application/json"));
    return STEP_REPLY;
}
