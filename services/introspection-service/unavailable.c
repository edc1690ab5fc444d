#include "unavailable.h"

#include "app.h"
#include "http/problem_reply.h"

#include <stdio.h>

enum step_result unavailable_reply(struct request *request, enum status status)
{
    char seconds[24];
    int64_t guard_s = ephemeral_guard_s(app_loop_of(request)->ephemeral);
    int len = snprintf(seconds, sizeof seconds, "%lld", (long long)(guard_s > 1 ? guard_s : 1));
    struct buf guard = buf_in(&request->arena);
    provider_write_guard(status == STATUS_STORE_DOWN ? guard_s : 0, &guard);
    request_reply_start(request, status_http(status));
    request_reply_header(request, "Retry-After", slice_of(seconds, (size_t)len));
    if (guard.len)
        problem_reply_titled(request, status, "nonces were lost, and fresh requests are refused for some seconds",
                             buf_slice(&guard));
    else
        problem_reply_status(request, status, SLICE("the nonce may be spent: let the client sign anew"));
    return STEP_REPLY;
}
