#include "protocol/temp_credential.h"

#include "app/app.h"
#include "app/service_metrics.h"
#include "oauth/scope.h"
#include "protocol/oauth_quota.h"
#include "protocol/oauth_reply.h"
#include "protocol/oauth_steps.h"
#include "rules/callback.h"

static enum step_result parse_initiate(struct flow *flow);
static enum step_result load_client(struct flow *flow);
static enum step_result verify_initiate(struct flow *flow);
static enum step_result count_client(struct flow *flow);
static enum step_result persist_temp(struct flow *flow);
static enum step_result reply_temp(struct flow *flow);

/* POST /oauth/initiate: issues a temporary credential (RFC 5849 §2.1). */
const struct step temp_credential_issue[] = {
    {"body", request_take_body}, /* waits where it did not come with the head */
    {"parse", parse_initiate},   /* what was sent */
    {"load", load_client},       /* may wait: the client */
    {"verify", verify_initiate}, /* signature */
    {"spend", oauth_spend},      /* waits: the nonce */
    {"count", count_client},     /* waits: how much this client asked for */
    {"persist", persist_temp},   /* callback and scopes; waits: the temporary credential */
    {"reply", reply_temp},       /* the temporary credential */
    {NULL, NULL},
};

struct initiate {
    struct signed_request asked; /* first: oauth_steps */
    struct slice scopes;
    char token[TOKEN_TEXT_BYTES];
    char secret[TOKEN_TEXT_BYTES];
};

static struct initiate *initiate_of(struct flow *flow)
{
    return request_of(flow)->state;
}

static enum step_result refuse_status(struct flow *flow, enum status status)
{
    return oauth_refuse_status(request_of(flow), status);
}

static enum step_result parse_initiate(struct flow *flow)
{
    enum step_result parsed = oauth_parse(flow, CHECK_TEMPORARY_CREDENTIAL, sizeof(struct initiate));
    const char *why = NULL;
    if (parsed != STEP_NEXT)
        return parsed;
    struct check *check = &initiate_of(flow)->asked.check;
    if (callback_is_acceptable(check->message.protocol[OAUTH_CALLBACK], &why))
        return STEP_NEXT;
    (void)!problem_reject(&check->problem, STATUS_CALLBACK_REJECTED, why, SLICE("oauth_callback"));
    return oauth_quota_refuse(flow, check);
}

static enum step_result load_client(struct flow *flow)
{
    struct initiate *it = initiate_of(flow);
    struct credential_view *credentials = app_loop_of(request_of(flow))->credentials;
    if (signed_request_find(&it->asked, credentials, flow))
        return STEP_NEXT;
    signed_request_load_start(&it->asked, credentials, flow_wait(flow, STORE_TIMEOUT_MS));
    return STEP_WAIT;
}

static enum step_result verify_initiate(struct flow *flow)
{
    return oauth_verify(flow, 0);
}

/* The client is counted after the nonce was spent, so that a request sent again does not count for it, and before
 * anything is stored for it. */
static enum step_result count_client(struct flow *flow)
{
    enum step_result spent = oauth_take_spent(flow);
    if (spent != STEP_NEXT)
        return spent;
    oauth_quota_count_client_start(request_of(flow), &initiate_of(flow)->asked.check,
                                   flow_wait(flow, STORE_TIMEOUT_MS));
    return STEP_WAIT;
}

/* The callback is judged only now, because an unsigned request must not find out what is registered. */
static enum status judge_callback(struct initiate *it)
{
    if (callback_is_registered(it->asked.check.message.protocol[OAUTH_CALLBACK], it->asked.check.client))
        return STATUS_OK;
    return problem_reject(&it->asked.check.problem, STATUS_CALLBACK_REJECTED, NULL, SLICE("oauth_callback"));
}

/* If the scope is left out, the client's default scopes are meant. */
static enum status judge_scopes(struct initiate *it)
{
    size_t count = 0;
    struct slice name = SLICE("scope");
    struct slice sent = message_parameter(&it->asked.check.message, name, it->asked.check.arena, &count);
    struct buf scopes = buf_in(it->asked.check.arena);
    if (count > 1)
        return problem_reject(&it->asked.check.problem, STATUS_SCOPE_REJECTED, "scope was sent more than once", name);
    if (!scope_covers(it->asked.check.client->allowed_scopes, sent))
        return problem_reject(&it->asked.check.problem, STATUS_SCOPE_REJECTED, NULL, name);
    scope_write(count > 0 ? sent : it->asked.check.client->default_scopes, &scopes);
    it->scopes = buf_slice(&scopes);
    return scopes.failed ? problem_set(&it->asked.check.problem, STATUS_NO_MEMORY, NULL) : STATUS_OK;
}

static enum step_result persist_temp(struct flow *flow)
{
    struct initiate *it = initiate_of(flow);
    int64_t wait_s = 0;
    enum status status = oauth_quota_judge_client(flow, 0, &wait_s);
    if (status == STATUS_SLOW_DOWN)
        return oauth_slow_down(request_of(flow), wait_s);
    if (status != STATUS_OK)
        return refuse_status(flow, status);
    if (judge_callback(it) != STATUS_OK || judge_scopes(it) != STATUS_OK)
        return oauth_refuse(request_of(flow), &it->asked.check.problem);
    status = durable_generate_token(it->token, it->secret);
    if (status != STATUS_OK)
        return refuse_status(flow, status);
    const struct temp_new temp = {
        .token = slice_of(it->token, sizeof it->token),
        .secret = slice_of(it->secret, sizeof it->secret),
        .client_id = it->asked.check.client->client_id,
        .callback = it->asked.check.message.protocol[OAUTH_CALLBACK],
        .scopes = it->scopes,
        .client_generation = it->asked.check.client->generation,
    };
    ephemeral_temp_create_start(app_loop_of(request_of(flow))->ephemeral, &temp, flow_wait(flow, STORE_TIMEOUT_MS));
    return STEP_WAIT;
}

static enum step_result reply_temp(struct flow *flow)
{
    struct initiate *it = initiate_of(flow);
    struct buf form = buf_in(&request_of(flow)->arena);
    enum status status = flow_outcome(flow, NULL);
    if (status != STATUS_OK)
        return refuse_status(flow, status);
    metric_count(&tokens_issued, TOKEN_TYPE_TEMPORARY);
    buf_addf(&form, "oauth_token=%.*s&oauth_token_secret=%.*s", TOKEN_TEXT_BYTES, it->token, TOKEN_TEXT_BYTES,
             it->secret);
    buf_add(&form, SLICE("&oauth_callback_confirmed=true")); /* RFC 5849 §2.1: MUST be "true", in lower case */
    return oauth_reply_form(request_of(flow), &form, SLICE_ABSENT);
}
