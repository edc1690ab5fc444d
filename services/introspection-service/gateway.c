#include "gateway.h"

#include "address_quota.h"
#include "app.h"
#include "base/log.h"
#include "gateway_dialect.h"
#include "http/http_server.h"
#include "http/problem_reply.h"
#include "identity_headers.h"
#include "inquiry.h"
#include "service/forwarded.h"
#include "unavailable.h"

#include <stdio.h>

static enum step_result admit_proxy(struct flow *flow);
static enum step_result describe_call(struct flow *flow);
static enum step_result count_refusal(struct flow *flow);
static enum step_result reply_verdict(struct flow *flow);

/* Any method on /verify, /verify/auth-request, /verify/ext-authz/…: the steps of introspection for a request that is
 * described by headers, and an answer in status and headers. */
const struct step gateway[] = {
    {"admit", admit_proxy},              /* trusted proxies alone */
    {"body", request_take_callers_body}, /* waits where it did not come with the head */
    {"describe", describe_call},         /* in the path's own dialect */
    {"load", inquiry_load},              /* may wait: client and token */
    {"verify", inquiry_verify},          /* signature */
    {"spend", inquiry_spend},            /* waits: the nonce */
    {"judge", inquiry_judge},            /* scope */
    {"count", count_refusal},            /* waits, where it was refused */
    {"reply", reply_verdict},
    {NULL, NULL},
};

/* ---- who asks, and about what ---- */

/* Names the variables by which this peer may not ask; NULL: it may. */
static const char *missing_variables(const struct request *request)
{
    const struct config *config = app_of(request)->config;
    bool is_trusted = forwarded_is_trusted(&request->peer, &config->trusted_proxies);
    bool has_origins = config->origins.count > 0;
    if (is_trusted)
        return has_origins ? NULL : "OAUTH1_ORIGINS";
    return has_origins ? "OAUTH1_TRUSTED_PROXIES" : "OAUTH1_ORIGINS, OAUTH1_TRUSTED_PROXIES";
}

static enum step_result turn_away(struct request *request, const char *variables)
{
    struct buf detail = buf_in(&request->arena);
    log_line(LOG_WARN,
             "a gateway's call was not taken: its address must be in OAUTH1_TRUSTED_PROXIES and the origins that "
             "it serves in OAUTH1_ORIGINS",
             LOG_REQUEST(request_id(request)), LOG_TEXT("peer", request->peer.text), LOG_TEXT("variable", variables));
    buf_addf(&detail, "%s: not set for this peer (%s); see the log of introspection-service", variables,
             request->peer.text);
    problem_reply_status(request, STATUS_FORBIDDEN, buf_slice(&detail));
    return STEP_REPLY;
}

/* By the route, which has no other way to differ. */
static enum dialect dialect_of(const struct request *request)
{
    struct slice path = slice_str(request->route->path);
    if (slice_eq(path, SLICE(GATEWAY_EXT_AUTHZ_PATH)))
        return DIALECT_EXT_AUTHZ;
    return slice_eq(path, SLICE(GATEWAY_AUTH_REQUEST_PATH)) ? DIALECT_AUTH_REQUEST : DIALECT_VERIFY;
}

static enum step_result admit_proxy(struct flow *flow)
{
    struct request *request = request_of(flow);
    const char *missing = missing_variables(request);
    if (missing)
        return turn_away(request, missing);
    request_earns_connection(request);
    return STEP_NEXT;
}

static enum step_result describe_call(struct flow *flow)
{
    struct request *request = request_of(flow);
    struct inquiry *inquiry = request->state = arena_calloc(&request->arena, 1, sizeof *inquiry);
    if (!inquiry || inquiry_begin(request, inquiry, 1) != STATUS_OK)
        return unavailable_reply(request, STATUS_NO_MEMORY);
    inquiry->dialect = dialect_of(request);
    struct question *question = inquiry->questions;
    struct problem *problem = &question->asked.check.problem;
    if (request->head_fault)
        (void)!problem_set(problem, STATUS_MALFORMED, request->head_fault);
    else if (gateway_dialect_read(inquiry->dialect, request, &app_of(request)->config->origins, &request->arena,
                                  &question->call, problem) == STATUS_OK)
        inquiry_parse(request, question);
    return STEP_NEXT;
}

/* ---- the answer ---- */

/* Whether it is refused for the signature, or for anything that stands before one: then its address is counted, unless
 * the head that names the address was not read. */
static bool is_counted(const struct flow *flow)
{
    enum status status = inquiry_of(flow)->questions->asked.check.problem.status;
    return status != STATUS_OK && status != STATUS_SCOPE_INSUFFICIENT && !status_is_infrastructure(status) &&
           !request_of(flow)->head_fault;
}

static enum step_result count_refusal(struct flow *flow)
{
    return is_counted(flow) && address_quota_start(flow) ? STEP_WAIT : STEP_NEXT;
}

static enum step_result let_in(struct request *request, const struct check *check)
{
    request_reply_start(request, 200); /* Envoy lets in by 200 alone */
    request_reply_header(request, "Cache-Control", SLICE("no-store"));
    identity_headers_add(request, check);
    request_reply_send(request);
    return STEP_REPLY;
}

static const char *advice_on(const struct problem *problem)
{
    if (problem->status == STATUS_INSECURE_TRANSPORT)
        return "PLAINTEXT needs https, and the request came by http, as the gateway says (X-Forwarded-Proto, "
               "X-Original-URL), or its origin in OAUTH1_ORIGINS is http: let the client call https, or sign by "
               "another method";
    if (problem->status != STATUS_BODY_ABSENT)
        return problem_text(problem);
    return "the form body is part of the signature, and the gateway did not forward it: let it (Traefik forwardBody, "
           "Envoy with_request_body), or let the server behind it ask /v1/introspect";
}

static enum step_result refuse_call(struct request *request, int http_status, const struct problem *problem)
{
    const struct problem_detail detail = {
        .title = status_text(problem->status),
        .detail = slice_str(advice_on(problem)),
    };
    request_reply_start(request, http_status);
    if (http_status == 401) {
        struct buf challenge = buf_in(&request->arena);
        problem_write_challenge(problem->status, app_of(request)->config->realm, &challenge);
        request_reply_header_from(request, "WWW-Authenticate", &challenge);
    }
    problem_reply(request, http_status, &detail);
    return STEP_REPLY;
}

/* nginx makes of a 429 a 500, and of a 403 what it is. */
static enum step_result slow_down_client(struct request *request, enum dialect dialect, int64_t wait_s)
{
    char seconds[24];
    int http_status = dialect == DIALECT_AUTH_REQUEST ? 403 : 429;
    int len = snprintf(seconds, sizeof seconds, "%lld", (long long)(wait_s > 1 ? wait_s : 1));
    request_reply_start(request, http_status);
    request_reply_header(request, "Retry-After", slice_of(seconds, (size_t)len));
    const struct problem_detail detail = {
        .title = status_text(STATUS_SLOW_DOWN),
        .detail = SLICE("too many requests from this address were refused (OAUTH1_RATE_LIMIT_ADDRESS)"),
    };
    problem_reply(request, http_status, &detail);
    return STEP_REPLY;
}

/* Every fault of the client is 401, also what is 400 elsewhere: of a 400 nginx makes a 500. Nothing but a verified
 * request is let in. */
static enum step_result reply_verdict(struct flow *flow)
{
    struct request *request = request_of(flow);
    const struct inquiry *inquiry = inquiry_of(flow);
    const struct check *check = &inquiry->questions->asked.check;
    enum status status = check->problem.status;
    int64_t wait_s = 0;
    if (status == STATUS_OK)
        return let_in(request, check);
    if (status_is_infrastructure(status))
        return unavailable_reply(request, status);
    if (status == STATUS_SCOPE_INSUFFICIENT)
        return refuse_call(request, 403, &check->problem);
    if (is_counted(flow) && address_quota_is_used_up(flow, &wait_s))
        return slow_down_client(request, inquiry->dialect, wait_s);
    return refuse_call(request, 401, &check->problem);
}
