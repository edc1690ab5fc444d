#include "temp_credential.h"

#include "app.h"
#include "callback.h"
#include "oauth/scope.h"
#include "oauth_quota.h"
#include "oauth_reply.h"
#include "service_metrics.h"

static enum step_result parse(struct flow *flow);
static enum step_result load(struct flow *flow);
static enum step_result verify(struct flow *flow);
static enum step_result spend(struct flow *flow);
static enum step_result count(struct flow *flow);
static enum step_result persist(struct flow *flow);
static enum step_result reply(struct flow *flow);

/* POST /oauth/initiate: issues a temporary credential (RFC 5849 §2.1). */
const struct step temp_credential_issue[] = {
    {"body", request_take_body}, /* waits where it did not come with the head */
    {"parse", parse},
    {"load", load},       /* may wait: the client */
    {"verify", verify},   /* signature */
    {"spend", spend},     /* waits: the nonce */
    {"count", count},     /* waits: how much this client asked for */
    {"persist", persist}, /* callback and scopes; waits: the temporary credential */
    {"reply", reply},
    {NULL, NULL},
};

struct initiate {
    struct credential_hold client;
    struct check check;
    struct slice scopes;
    char token[TOKEN_TEXT_BYTES];
    char secret[TOKEN_TEXT_BYTES];
};

static struct initiate *state_of(struct flow *flow)
{
    return request_of(flow)->state;
}

static enum step_result refuse_status(struct flow *flow, enum status status)
{
    return oauth_refuse_status(request_of(flow), status);
}

static enum step_result parse(struct flow *flow)
{
    struct request *request = request_of(flow);
    struct initiate *it = request->state = arena_calloc(&request->arena, 1, sizeof *it);
    if (!it || oauth_describe(request, CHECK_TEMPORARY_CREDENTIAL, &it->check) != STATUS_OK)
        return refuse_status(flow, STATUS_NO_MEMORY);
    if (check_parse(&it->check) != STATUS_OK)
        return oauth_quota_refuse(flow, &it->check);
    const char *why = NULL;
    if (!callback_is_acceptable(it->check.message.protocol[OAUTH_CALLBACK], &why)) {
        (void)!problem_reject(&it->check.problem, STATUS_CALLBACK_REJECTED, why, SLICE("oauth_callback"));
        return oauth_quota_refuse(flow, &it->check);
    }
    return STEP_NEXT;
}

static enum step_result load(struct flow *flow)
{
    struct initiate *it = state_of(flow);
    struct credential_view *credentials = app_loop_of(request_of(flow))->credentials;
    const struct credential_key key = {CREDENTIAL_CLIENT, check_client_id(&it->check), SLICE("")};
    if (oauth_quota_is_refused(&it->check))
        return oauth_quota_refuse_counted(flow, &it->check);
    if (credential_find(credentials, &key, flow, &it->client))
        return STEP_NEXT;
    credential_find_start(credentials, &key, flow_wait(flow, STORE_TIMEOUT_MS));
    return STEP_WAIT;
}

static enum step_result verify(struct flow *flow)
{
    struct provider_loop *loop = app_loop_of(request_of(flow));
    struct initiate *it = state_of(flow);
    int64_t now_ms = 0;
    enum status status = credential_take(&it->client, flow, 0);
    if (status != STATUS_OK)
        return refuse_status(flow, status);
    it->check.client = credential_client_of(&it->client);
    it->check.shared_keys = credential_shared_keys(&it->client);
    status = ephemeral_now(loop->ephemeral, &now_ms);
    if (status != STATUS_OK)
        return refuse_status(flow, status);
    if (check_signature(&it->check, &loop->signer, now_ms) != STATUS_OK)
        return oauth_quota_refuse(flow, &it->check);
    return STEP_NEXT;
}

static enum step_result spend(struct flow *flow)
{
    const struct check *check = &state_of(flow)->check;
    struct nonce nonce;
    if (oauth_quota_is_refused(check))
        return oauth_quota_refuse_counted(flow, check);
    if (!check_nonce(check, &nonce))
        return STEP_NEXT;
    ephemeral_nonce_spend_start(app_loop_of(request_of(flow))->ephemeral, &nonce, flow_wait(flow, STORE_TIMEOUT_MS));
    return STEP_WAIT;
}

/* After the nonce and not beside it, so that a request sent again does not count for the client; before there is
 * anything to remember for it. */
static enum step_result count(struct flow *flow)
{
    struct check *check = &state_of(flow)->check;
    struct nonce nonce;
    enum status spent = check_nonce(check, &nonce) ? flow_outcome(flow, NULL) : STATUS_OK;
    if (spent != STATUS_OK) {
        (void)!problem_set(&check->problem, spent, NULL);
        return oauth_quota_refuse(flow, check);
    }
    oauth_quota_count_client_start(request_of(flow), check, flow_wait(flow, STORE_TIMEOUT_MS));
    return STEP_WAIT;
}

/* Judged only now: an unsigned request must not find out what is registered. */
static enum status judge_callback(struct initiate *it)
{
    if (callback_is_registered(it->check.message.protocol[OAUTH_CALLBACK], it->check.client))
        return STATUS_OK;
    return problem_reject(&it->check.problem, STATUS_CALLBACK_REJECTED, NULL, SLICE("oauth_callback"));
}

/* Left out: the client's default scopes. */
static enum status judge_scopes(struct initiate *it)
{
    size_t count = 0;
    struct slice name = SLICE("scope");
    struct slice sent = message_parameter(&it->check.message, name, it->check.arena, &count);
    struct buf scopes = buf_in(it->check.arena);
    if (count > 1)
        return problem_reject(&it->check.problem, STATUS_SCOPE_REJECTED, "scope was sent more than once", name);
    if (count > 0 && (!scope_is_valid(sent) || !scope_covers(it->check.client->allowed_scopes, sent)))
        return problem_reject(&it->check.problem, STATUS_SCOPE_REJECTED, NULL, name);
    scope_write(count > 0 ? sent : it->check.client->default_scopes, &scopes);
    it->scopes = buf_slice(&scopes);
    return scopes.failed ? problem_set(&it->check.problem, STATUS_NO_MEMORY, NULL) : STATUS_OK;
}

static enum step_result persist(struct flow *flow)
{
    struct initiate *it = state_of(flow);
    int64_t wait_s = 0;
    if (oauth_quota_is_refused(&it->check))
        return oauth_quota_refuse_counted(flow, &it->check);
    enum status status = oauth_quota_judge_client(flow, 0, &wait_s);
    if (status == STATUS_SLOW_DOWN)
        return oauth_slow_down(request_of(flow), wait_s);
    if (status != STATUS_OK)
        return refuse_status(flow, status);
    if (judge_callback(it) != STATUS_OK || judge_scopes(it) != STATUS_OK)
        return oauth_refuse(request_of(flow), &it->check.problem);
    status = credentials_generate_token(it->token, it->secret);
    if (status != STATUS_OK)
        return refuse_status(flow, status);
    const struct temp_new temp = {
        .token = slice_of(it->token, sizeof it->token),
        .secret = slice_of(it->secret, sizeof it->secret),
        .client_id = it->check.client->client_id,
        .callback = it->check.message.protocol[OAUTH_CALLBACK],
        .scopes = it->scopes,
        .client_generation = it->check.client->generation,
    };
    ephemeral_temp_create_start(app_loop_of(request_of(flow))->ephemeral, &temp, flow_wait(flow, STORE_TIMEOUT_MS));
    return STEP_WAIT;
}

static enum step_result reply(struct flow *flow)
{
    struct initiate *it = state_of(flow);
    struct buf form = buf_in(&request_of(flow)->arena);
    enum status status = flow_outcome(flow, NULL);
    if (status != STATUS_OK)
        return refuse_status(flow, status);
    metric_count(&tokens_issued, TOKEN_TYPE_TEMPORARY);
    buf_addf(&form, "oauth_token=%.*s&oauth_token_secret=%.*s", TOKEN_TEXT_BYTES, it->token, TOKEN_TEXT_BYTES,
             it->secret);
    buf_add(&form, SLICE("&oauth_callback_confirmed=true")); /* RFC 5849 §2.1: MUST be "true", in lower case */
    return oauth_reply_form(request_of(flow), &form);
}
