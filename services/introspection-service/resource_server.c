#include "resource_server.h"

#include "app.h"
#include "crypto/digest.h"
#include "http/problem_reply.h"
#include "inquiry.h"
#include "oauth/scope.h"

#include <stdio.h>

void resource_server_unavailable(struct request *request, enum status status)
{
    char seconds[24];
    int64_t guard_s = ephemeral_guard_s(app_loop_of(request)->ephemeral);
    int len = snprintf(seconds, sizeof seconds, "%lld", (long long)(guard_s > 1 ? guard_s : 1));
    request_reply_start(request, status_http(status));
    request_reply_header(request, "Retry-After", slice_of(seconds, (size_t)len));
    problem_reply_status(request, status, SLICE("the nonce may be spent: let the client sign anew"));
}

/* As problem+json; 401 with the challenge of the scheme Bearer. */
static enum step_result refuse(struct request *request, enum status status)
{
    if (status_is_infrastructure(status)) {
        resource_server_unavailable(request, status);
        return STEP_REPLY;
    }
    request_reply_start(request, status_http(status));
    if (status == STATUS_UNAUTHORIZED) {
        request_reply_header(request, "WWW-Authenticate", SLICE("Bearer realm=\"introspection\""));
        problem_reply_status(request, status,
                             SLICE("send Authorization: Bearer with a live key of a resource server "
                                   "(auth-service resource-server create)"));
    } else {
        problem_reply_status(request, status, SLICE("send Content-Type: application/json"));
    }
    return STEP_REPLY;
}

/* The SHA-256 of the key in `Authorization: Bearer …` (RFC 6750 §2.1). STATUS_UNAUTHORIZED: there is none. */
static enum status key_digest(const struct request *request, unsigned char out[RESOURCE_SERVER_KEY_DIGEST_BYTES])
{
    static const struct slice scheme = SLICE_INIT("Bearer ");
    struct slice authorization = request_header(request, "Authorization", NULL);
    if (!slice_eq_nocase(slice_sub(authorization, 0, scheme.len), scheme))
        return STATUS_UNAUTHORIZED;
    struct slice key = slice_trim(slice_sub(authorization, scheme.len, authorization.len));
    if (key.len == 0)
        return STATUS_UNAUTHORIZED;
    return digest_bytes(DIGEST_SHA256, key, out);
}

enum step_result resource_server_authenticate(struct flow *flow)
{
    struct request *request = request_of(flow);
    unsigned char digest[RESOURCE_SERVER_KEY_DIGEST_BYTES];
    request->state = arena_calloc(&request->arena, 1, sizeof(struct inquiry));
    enum status status = request->state ? key_digest(request, digest) : STATUS_NO_MEMORY;
    if (status != STATUS_OK)
        return refuse(request, status);
    struct credential_view *credentials = app_loop_of(request)->credentials;
    const struct credential_key key = {CREDENTIAL_RESOURCE_SERVER, slice_of(digest, sizeof digest), SLICE("")};
    if (credential_find(credentials, &key, flow, &inquiry_of(flow)->caller_hold))
        return STEP_NEXT;
    credential_find_start(credentials, &key, flow_wait(flow, STORE_TIMEOUT_MS));
    return STEP_WAIT;
}

enum step_result resource_server_identify(struct flow *flow)
{
    struct request *request = request_of(flow);
    struct inquiry *inquiry = inquiry_of(flow);
    enum status status = credential_take(&inquiry->caller_hold, flow, 0);
    inquiry->caller = status == STATUS_OK ? credential_server_of(&inquiry->caller_hold) : NULL;
    if (status == STATUS_OK && (!inquiry->caller || inquiry->caller->revoked_ms != 0))
        status = STATUS_UNAUTHORIZED;
    if (status == STATUS_OK && !request_has_media_type(request, "application/json"))
        status = STATUS_UNSUPPORTED_TYPE;
    return status == STATUS_OK ? STEP_NEXT : refuse(request, status);
}

static struct slice origin_of(const struct oauth_url *url, struct buf *memory)
{
    oauth_url_write_origin(url, memory);
    return buf_slice(memory);
}

bool resource_server_owns(const struct resource_server *server, const struct oauth_url *url)
{
    char memory[2][512];
    struct buf asked = buf_fixed(memory[0], sizeof memory[0]);
    struct slice origins = server->origins;
    struct slice text = {0};
    if (origins.len == 0)
        return true;
    struct slice origin = origin_of(url, &asked);
    if (asked.failed)
        return false;
    while (scope_next(&origins, &text)) {
        struct oauth_url own = {0};
        struct problem problem = {0};
        struct buf mine = buf_fixed(memory[1], sizeof memory[1]);
        if (oauth_url_parse(text, &own, &problem) == STATUS_OK && slice_eq(origin_of(&own, &mine), origin))
            return true;
    }
    return false;
}
