#include "introspect.h"

#include "app.h"
#include "call.h"
#include "http/problem_reply.h"
#include "oauth/scope.h"
#include "resource_server.h"
#include "service_metrics.h"
#include "usage.h"
#include "verdict.h"

static enum step_result authenticate(struct flow *flow);
static enum step_result parse(struct flow *flow);
static enum step_result load(struct flow *flow);
static enum step_result verify(struct flow *flow);
static enum step_result spend(struct flow *flow);
static enum step_result judge_scope(struct flow *flow);

/* POST /v1/introspect: tells a resource server whether a signed request is good, and whose it is
 * (RFC 5849 §3.2). The call succeeds with 200 whatever the verdict. */
const struct step introspect[] = {
    {"authenticate", authenticate}, /* waits: the resource server's key */
    {"parse", parse},
    {"load", load},     /* waits: client and token */
    {"verify", verify}, /* signature */
    {"spend", spend},   /* waits: the nonce */
    {"scope", judge_scope},
    {NULL, NULL},
};

struct introspection {
    const struct resource_server *caller;
    struct call call;
    struct check check;
};

static struct introspection *state_of(struct flow *flow)
{
    return request_of(flow)->state;
}

static enum step_result unavailable(struct flow *flow, enum status status)
{
    struct request *request = request_of(flow);
    metric_count(&verifications, metric_series(&verifications, DIALECT_INTROSPECT, VERDICT_UNAVAILABLE, 0));
    resource_server_unavailable(request, status);
    return STEP_REPLY;
}

/* What the reader is shown; hints only where the signature did not match. */
static enum status explain_verdict(struct flow *flow, struct explanation *explanation)
{
    struct introspection *it = state_of(flow);
    const struct app *app = app_of(request_of(flow));
    const struct explain_options options = {
        .client_base_string = it->call.client_base_string,
        .origins = app->known_origins,
        .path_prefixes = app->known_prefixes,
    };
    int64_t now_ms = 0;
    explanation->status = it->check.problem.status;
    explanation->message = it->check.message;
    explanation->parsed = it->check.message.params.rows != NULL;
    if (!explanation->parsed)
        return STATUS_OK;
    TRY(explain_show(explanation, it->check.arena));
    if (it->check.problem.status != STATUS_SIGNATURE_INVALID)
        return STATUS_OK;
    TRY(ephemeral_now(app_loop_of(request_of(flow))->ephemeral, &now_ms));
    struct arena scratch;
    arena_init(&scratch, request_of(flow)->arena.limit_bytes);
    enum status status =
        check_explain(&it->check, &app_loop_of(request_of(flow))->signer, now_ms, &options, &scratch, explanation);
    arena_done(&scratch);
    return status;
}

static enum step_result answer(struct flow *flow)
{
    struct request *request = request_of(flow);
    struct introspection *it = state_of(flow);
    struct explanation explanation = {0};
    enum verdict_result result = verdict_result_of(it->check.problem.status);
    if (status_is_infrastructure(it->check.problem.status))
        return unavailable(flow, it->check.problem.status);
    if (it->call.explain && explain_verdict(flow, &explanation) != STATUS_OK)
        return unavailable(flow, STATUS_NO_MEMORY);
    struct buf body = buf_in(&request->arena);
    verdict_write(&it->check, app_of(request)->config, it->call.explain ? &explanation : NULL, &body);
    if (body.failed)
        return unavailable(flow, STATUS_NO_MEMORY);
    metric_count(&verifications, metric_series(&verifications, DIALECT_INTROSPECT, result, 0));
    if (result == VERDICT_NONCE_USED)
        metric_count(&nonce_replays, 0);
    request_reply_start(request, 200);
    request_reply_header(request, "Cache-Control", SLICE("no-store"));
    request_reply_body(request, "application/json", buf_slice(&body));
    request_reply_send(request);
    return STEP_REPLY;
}

static enum step_result answer_problem(struct flow *flow, enum status status)
{
    (void)!problem_set(&state_of(flow)->check.problem, status, NULL);
    return answer(flow);
}

static enum step_result authenticate(struct flow *flow)
{
    struct request *request = request_of(flow);
    unsigned char digest[RESOURCE_SERVER_KEY_DIGEST_BYTES];
    struct introspection *it = request->state = arena_calloc(&request->arena, 1, sizeof *it);
    if (!it)
        return unavailable(flow, STATUS_NO_MEMORY);
    enum status status = resource_server_key_digest(request, digest);
    if (status != STATUS_OK)
        return resource_server_refuse(request, status);
    credentials_resource_server_find_start(app_of(request)->db, slice_of(digest, sizeof digest),
                                           flow_wait(flow, STORE_TIMEOUT_MS));
    return STEP_WAIT;
}

/* The URL must be on an origin of the caller's, or whoever receives a request signed for his own
 * server could have it judged for another's. */
static enum status judge_origin(struct introspection *it)
{
    if (resource_server_owns(it->caller, &it->check.message.url))
        return STATUS_OK;
    return problem_set(&it->check.problem, STATUS_MALFORMED,
                       "the url is not on an origin that this resource server's key was made for");
}

static enum step_result parse(struct flow *flow)
{
    struct request *request = request_of(flow);
    struct introspection *it = state_of(flow);
    void *caller = NULL;
    const char *why = NULL;
    enum status status = flow_outcome(flow, &caller);
    it->caller = caller;
    if (status == STATUS_NOT_FOUND || (status == STATUS_OK && it->caller->revoked_ms != 0))
        return resource_server_refuse(request, STATUS_UNAUTHORIZED);
    if (status != STATUS_OK)
        return unavailable(flow, status);
    if (!request_has_media_type(request, "application/json"))
        return resource_server_refuse(request, STATUS_UNSUPPORTED_TYPE);
    status = call_read(request->body, &request->arena, &it->call, &why);
    if (status == STATUS_BAD_INPUT) {
        problem_reply_status(request, STATUS_BAD_INPUT, slice_str(why));
        return STEP_REPLY;
    }
    if (status != STATUS_OK)
        return unavailable(flow, status);
    if (it->call.explain && !it->caller->allow_explain) {
        problem_reply_status(request, STATUS_FORBIDDEN,
                             SLICE("this key may not ask to explain: create one with --allow-explain"));
        return STEP_REPLY;
    }
    it->check = (struct check){
        .purpose = CHECK_PROTECTED_RESOURCE,
        .rules = &app_of(request)->rules,
        .arena = &request->arena,
        .request = it->call.request,
    };
    if (check_parse(&it->check) != STATUS_OK || judge_origin(it) != STATUS_OK)
        return answer(flow);
    return STEP_NEXT;
}

static enum step_result load(struct flow *flow)
{
    const struct check *check = &state_of(flow)->check;
    credentials_pair_find_start(app_of(request_of(flow))->db, check_client_id(check), check_token(check),
                                flow_wait(flow, STORE_TIMEOUT_MS));
    return STEP_WAIT;
}

static enum step_result verify(struct flow *flow)
{
    struct verifier_loop *loop = app_loop_of(request_of(flow));
    struct check *check = &state_of(flow)->check;
    void *result = NULL;
    int64_t now_ms = 0;
    enum status status = flow_outcome(flow, &result);
    if (status != STATUS_OK)
        return unavailable(flow, status);
    const struct credential_pair *pair = result;
    check->client = pair->client_found ? &pair->client : NULL;
    check->token = pair->token_found ? &pair->token : NULL;
    status = ephemeral_now(loop->ephemeral, &now_ms);
    if (status != STATUS_OK)
        return unavailable(flow, status);
    return check_signature(check, &loop->signer, now_ms) == STATUS_OK ? STEP_NEXT : answer(flow);
}

static enum step_result spend(struct flow *flow)
{
    struct nonce nonce;
    if (!check_nonce(&state_of(flow)->check, &nonce))
        return STEP_NEXT;
    ephemeral_nonce_spend_start(app_loop_of(request_of(flow))->ephemeral, &nonce, flow_wait(flow, STORE_TIMEOUT_MS));
    return STEP_WAIT;
}

static enum step_result judge_scope(struct flow *flow)
{
    struct request *request = request_of(flow);
    struct introspection *it = state_of(flow);
    struct nonce nonce;
    if (check_nonce(&it->check, &nonce)) {
        enum status spent = flow_outcome(flow, NULL);
        if (spent != STATUS_OK)
            return answer_problem(flow, spent);
    }
    if (!scope_covers(verdict_scope(&it->check), it->call.required_scope))
        return answer_problem(flow, STATUS_SCOPE_INSUFFICIENT);
    if (it->check.legs == 3)
        usage_note(app_of(request)->usage[request->loop_index], it->check.token);
    return answer(flow);
}
