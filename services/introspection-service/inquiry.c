#include "inquiry.h"

#include "app.h"
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
    question->check = (struct check){
        .purpose = CHECK_PROTECTED_RESOURCE,
        .rules = &app_of(request)->rules,
        .arena = &request->arena,
        .request = question->call.request,
        .secure = !question->call.came_by_http,
    };
    if (judge_size(&question->check) == STATUS_OK && check_parse(&question->check) == STATUS_OK)
        (void)!judge_origin(request->state, &question->check); /* the problem is the answer */
}

static bool is_open(const struct question *question)
{
    return question->check.problem.status == STATUS_OK;
}

static void refuse_question(struct question *question, enum status status)
{
    (void)!problem_set(&question->check.problem, status, NULL);
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

static struct credential_key key_of(const struct question *question)
{
    return (struct credential_key){CREDENTIAL_PAIR, check_client_id(&question->check), check_token(&question->check)};
}

static bool is_in_memory(struct flow *flow, struct question *question)
{
    const struct credential_key key = key_of(question);
    return credential_find(app_loop_of(request_of(flow))->credentials, &key, flow, &question->loaded);
}

static void load_question(struct flow *flow, const struct question *question, struct ticket ticket)
{
    const struct credential_key key = key_of(question);
    credential_find_start(app_loop_of(request_of(flow))->credentials, &key, ticket);
}

static enum status take_loaded(const struct flow *flow, size_t index, struct question *question)
{
    struct check *check = &question->check;
    TRY(credential_take(&question->loaded, flow, index));
    const struct credential_pair *pair = credential_pair_of(&question->loaded);
    check->client = pair->client_found ? &pair->client : NULL;
    check->token = pair->token_found ? &pair->token : NULL;
    check->shared_keys = credential_shared_keys(&question->loaded);
    return STATUS_OK;
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
            load_question(flow, &inquiry->questions[i], inquiry->tickets[i]);
    return STEP_WAIT;
}

/* ---- the signature ---- */

enum step_result inquiry_verify(struct flow *flow)
{
    struct inquiry *inquiry = inquiry_of(flow);
    struct provider_loop *loop = app_loop_of(request_of(flow));
    int64_t now_ms = 0;
    enum status clock = ephemeral_now(loop->ephemeral, &now_ms);
    for (size_t i = 0; i < inquiry->count; i++) {
        struct question *question = &inquiry->questions[i];
        if (!is_open(question))
            continue;
        enum status status = take_loaded(flow, i, question);
        if (status == STATUS_OK)
            status = clock;
        if (status != STATUS_OK)
            refuse_question(question, status);
        else
            (void)!check_signature(&question->check, &loop->signer, now_ms); /* the problem is the answer */
    }
    return STEP_NEXT;
}

/* ---- the nonce ---- */

enum step_result inquiry_spend(struct flow *flow)
{
    struct inquiry *inquiry = inquiry_of(flow);
    struct nonce nonce;
    for (size_t i = 0; i < inquiry->count; i++) {
        struct question *question = &inquiry->questions[i];
        question->waits = is_open(question) && check_nonce(&question->check, &nonce);
    }
    if (!anybody_waits(inquiry))
        return STEP_NEXT;
    begin_wait(flow, inquiry);
    for (size_t i = 0; i < inquiry->count; i++)
        if (inquiry->questions[i].waits && check_nonce(&inquiry->questions[i].check, &nonce))
            ephemeral_nonce_spend_start(app_loop_of(request_of(flow))->ephemeral, &nonce, inquiry->tickets[i]);
    return STEP_WAIT;
}

static void judge_question(struct flow *flow, struct question *question, size_t index)
{
    const struct request *request = request_of(flow);
    enum status spent = question->waits ? flow_outcome_at(flow, index, NULL) : STATUS_OK;
    if (spent != STATUS_OK)
        refuse_question(question, spent);
    else if (!scope_covers(verdict_scope(&question->check), question->call.required_scope))
        refuse_question(question, STATUS_SCOPE_INSUFFICIENT);
    else if (question->check.legs == 3)
        usage_note(app_of(request)->usage[request->loop_index], question->check.token);
}

enum step_result inquiry_judge(struct flow *flow)
{
    struct inquiry *inquiry = inquiry_of(flow);
    for (size_t i = 0; i < inquiry->count; i++) {
        struct question *question = &inquiry->questions[i];
        if (is_open(question))
            judge_question(flow, question, i);
        service_metrics_count_verdict(inquiry->dialect, question->check.problem.status);
    }
    return STEP_NEXT;
}
