#include "inquiry.h"

#include "app.h"
#include "decision/decision_log.h"
#include "oauth/scope.h"
#include "resource_server.h"
#include "usage.h"
#include "verdict.h"

enum status inquiry_begin(struct request *request, struct inquiry *inquiry, size_t count)
{
    inquiry->questions = arena_calloc(&request->arena, count, sizeof *inquiry->questions);
    inquiry->tickets = arena_calloc(&request->arena, count, sizeof *inquiry->tickets);
    if (!inquiry->questions || !inquiry->tickets)
        return STATUS_NO_MEMORY;
    inquiry->count = count;
    return STATUS_OK;
}

static enum status judge_origin(const struct inquiry *inquiry, struct check *check)
{
    if (!inquiry->caller || resource_server_owns(inquiry->caller, &check->message.url))
        return STATUS_OK;
    return problem_set(&check->problem, STATUS_MALFORMED,
                       "the url is not on an origin that this resource server's key was made for");
}

static enum status judge_size(struct check *check)
{
    if (check->request.body.len <= CALL_BODY_MAX_BYTES)
        return STATUS_OK;
    return problem_set(&check->problem, STATUS_MALFORMED, "the body is larger than 64 KB");
}

void inquiry_parse(struct request *request, struct question *question)
{
    question->asked.check = (struct check){
        .purpose = CHECK_PROTECTED_RESOURCE,
        .rules = &app_of(request)->rules,
        .arena = &request->arena,
        .request = question->call.request,
        .secure = !question->call.came_by_http,
    };
    if (judge_size(&question->asked.check) == STATUS_OK && check_parse(&question->asked.check) == STATUS_OK)
        (void)!judge_origin(request->state, &question->asked.check); /* the problem is the answer */
}

static bool is_open(const struct question *question)
{
    return question->asked.check.problem.status == STATUS_OK;
}

static void refuse_question(struct question *question, enum status status)
{
    (void)!problem_set(&question->asked.check.problem, status, NULL);
}

/* ---- waiting for what several questions need ---- */

static bool anybody_waits(const struct inquiry *inquiry)
{
    for (size_t i = 0; i < inquiry->count; i++)
        if (inquiry->questions[i].waits)
            return true;
    return false;
}

/* Begins the group; who does not wait is in at once. */
static void begin_wait(struct flow *flow, const struct inquiry *inquiry)
{
    flow_wait_group(flow, inquiry->count, STORE_TIMEOUT_MS, inquiry->tickets);
    for (size_t i = 0; i < inquiry->count; i++)
        if (!inquiry->questions[i].waits)
            ticket_complete(inquiry->tickets[i], STATUS_OK, NULL, NULL);
}

/* ---- what the stores know of client and token ---- */

static bool is_in_memory(struct flow *flow, struct question *question)
{
    return signed_request_find(&question->asked, app_loop_of(request_of(flow))->credentials, flow);
}

enum step_result inquiry_load(struct flow *flow)
{
    struct inquiry *inquiry = inquiry_of(flow);
    for (size_t i = 0; i < inquiry->count; i++)
        inquiry->questions[i].waits = is_open(&inquiry->questions[i]) && !is_in_memory(flow, &inquiry->questions[i]);
    if (!anybody_waits(inquiry))
        return STEP_NEXT;
    begin_wait(flow, inquiry);
    for (size_t i = 0; i < inquiry->count; i++)
        if (inquiry->questions[i].waits)
            signed_request_load_start(&inquiry->questions[i].asked, app_loop_of(request_of(flow))->credentials,
                                      inquiry->tickets[i]);
    return STEP_WAIT;
}

/* ---- the signature ---- */

enum step_result inquiry_verify(struct flow *flow)
{
    struct inquiry *inquiry = inquiry_of(flow);
    struct provider_loop *loop = app_loop_of(request_of(flow));
    for (size_t i = 0; i < inquiry->count; i++) {
        struct question *question = &inquiry->questions[i];
        if (!is_open(question))
            continue;
        enum status status = signed_request_verify(&question->asked, flow, i, loop->ephemeral, &loop->signer);
        if (status != STATUS_OK && is_open(question)) /* a store's */
            refuse_question(question, status);
    }
    return STEP_NEXT;
}

/* ---- the nonce ---- */

enum step_result inquiry_spend(struct flow *flow)
{
    struct inquiry *inquiry = inquiry_of(flow);
    struct ephemeral *ephemeral = app_loop_of(request_of(flow))->ephemeral;
    for (size_t i = 0; i < inquiry->count; i++) {
        struct question *question = &inquiry->questions[i];
        question->waits = is_open(question) && signed_request_has_nonce(&question->asked);
    }
    if (!anybody_waits(inquiry))
        return STEP_NEXT;
    begin_wait(flow, inquiry);
    for (size_t i = 0; i < inquiry->count; i++)
        if (inquiry->questions[i].waits)
            signed_request_spend_start(&inquiry->questions[i].asked, ephemeral, inquiry->tickets[i]);
    return STEP_WAIT;
}

static void judge_question(struct flow *flow, struct question *question, size_t index)
{
    const struct request *request = request_of(flow);
    if (signed_request_spent(&question->asked, flow, index) != STATUS_OK)
        return;
    if (!scope_covers(verdict_scope(&question->asked.check), question->call.required_scope))
        refuse_question(question, STATUS_SCOPE_INSUFFICIENT);
    else if (question->asked.check.legs == 3)
        usage_note(app_of(request)->usage[request->loop_index], question->asked.check.token);
}

static struct slice caller_of(const struct inquiry *inquiry)
{
    return inquiry->caller ? inquiry->caller->name : slice_str(service_metrics_dialect(inquiry->dialect));
}

static void note_decision(struct flow *flow, const struct inquiry *inquiry, const struct check *check)
{
    const struct request *request = request_of(flow);
    const struct decision decision = {
        .request = request,
        .config = app_of(request)->config,
        .check = check,
        .status = check->problem.status,
        .jti = SLICE_ABSENT,
        .caller = caller_of(inquiry),
        .guard_s = check->problem.status == STATUS_STORE_DOWN ? ephemeral_guard_s(app_loop_of(request)->ephemeral) : 0,
    };
    decision_log_note(&decision);
}

enum step_result inquiry_judge(struct flow *flow)
{
    struct inquiry *inquiry = inquiry_of(flow);
    for (size_t i = 0; i < inquiry->count; i++) {
        struct question *question = &inquiry->questions[i];
        if (is_open(question))
            judge_question(flow, question, i);
        service_metrics_count_verdict(inquiry->dialect, question->asked.check.problem.status);
        note_decision(flow, inquiry, &question->asked.check);
    }
    return STEP_NEXT;
}
