#include "http/problem_reply.h"
#include "http/request.h"
#include "http/transport.h"

/* The transport ends a body that comes too slowly; this is for one that it should have forgotten. */
enum { TIMEOUTS = 2 };

static struct request *request_of_body(struct body *body)
{
    return (struct request *)((char *)body - offsetof(struct request, incoming));
}

/* ---- the transport's side ---- */

static void end_body(struct request *request, enum body_state state)
{
    request->body_state = state;
    ticket_complete(request->body_ticket, STATUS_OK, NULL, NULL);
}

void http_body_arrived(struct request *request)
{
    body_arrived(&request->incoming);
    request->body = request->incoming.bytes.len ? buf_slice(&request->incoming.bytes) : SLICE("");
    http_request_arrived(request);
    end_body(request, BODY_IS_HERE);
}

void http_body_refuse(struct request *request, int http_status, const char *detail)
{
    body_close(&request->incoming);
    request->body_refusal = http_status;
    request->body_detail = detail;
    request->transport->stop_body(request);
    end_body(request, BODY_IS_REFUSED);
}

void http_body_lost(struct request *request)
{
    body_close(&request->incoming);
    end_body(request, BODY_IS_LOST);
}

/* Among strangers the one that has been coming for longest makes room: if the newest were refused, those who never
 * finish theirs would keep everybody else out. Callers' are refused: they may come again, and nobody who is known
 * sends half of one. */
bool http_body_make_room(struct request *request, size_t more)
{
    struct body_pool *pools = request->http_loop->body_pools;
    struct body *body = &request->incoming;
    while (!body_make_room(body, more)) {
        struct body *oldest = body->pool->oldest;
        bool makes_room = body->pool == &pools[BODY_OF_ANYBODY] && oldest != body;
        http_body_refuse(makes_room ? request_of_body(oldest) : request, 503,
                         "too many large requests are on their way at once; send this one again");
        if (!makes_room)
            return false;
    }
    return true;
}

/* ---- the endpoint's side ---- */

static enum step_result refuse_body(struct request *request, int http_status, const char *detail)
{
    const struct problem_detail problem = {.detail = slice_str(detail)};
    request_reply_close(request);
    problem_reply(request, http_status, &problem);
    return STEP_REPLY;
}

static enum step_result begin_body(struct flow *flow, enum body_sender sender)
{
    struct request *request = request_of(flow);
    struct http_loop *http_loop = request->http_loop;
    size_t max = request_body_max(request);
    if (request->body_len < max)
        max = request->body_len;
    if (!body_open(&request->incoming, &http_loop->body_pools[sender], &request->arena, max))
        return refuse_body(request, 503, NULL);
    if (!http_body_make_room(request, 0))
        return refuse_body(request, request->body_refusal, request->body_detail);
    request->body_state = BODY_IS_COMING;
    request->body_ticket = flow_wait(flow, TIMEOUTS * http_loop_limits(http_loop)->request_timeout_ms);
    request->transport->take_body(request);
    return STEP_AGAIN;
}

static enum step_result take_body_for(struct flow *flow, enum body_sender sender)
{
    struct request *request = request_of(flow);
    switch (request->body_state) {
    case BODY_IS_HERE:
        return STEP_NEXT;
    case BODY_IS_DUE:
        return begin_body(flow, sender);
    case BODY_IS_LOST:
        return STEP_REPLY; /* to nobody */
    case BODY_IS_REFUSED:
        return refuse_body(request, request->body_refusal, request->body_detail);
    default: /* the wait could not be set up, or has ended */
        http_body_refuse(request, flow_outcome(flow, NULL) == STATUS_NO_MEMORY ? 503 : 408, NULL);
        return refuse_body(request, request->body_refusal, NULL);
    }
}

enum step_result request_take_body(struct flow *flow)
{
    return take_body_for(flow, BODY_OF_ANYBODY);
}

enum step_result request_take_callers_body(struct flow *flow)
{
    return take_body_for(flow, BODY_OF_CALLER);
}
