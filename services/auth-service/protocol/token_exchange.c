#include "protocol/token_exchange.h"

#include "app/app.h"
#include "app/service_metrics.h"
#include "base/percent.h"
#include "protocol/oauth_quota.h"
#include "protocol/oauth_reply.h"
#include "protocol/oauth_steps.h"
#include "protocol/verifier.h"

static enum step_result parse_exchange(struct flow *flow);
static enum step_result load_temp(struct flow *flow);
static enum step_result verify_exchange(struct flow *flow);
static enum step_result try_verifier(struct flow *flow);
static enum step_result persist_token(struct flow *flow);
static enum step_result mark_exchanged(struct flow *flow);
static enum step_result reply_token(struct flow *flow);

/* POST /oauth/token: trades an authorized temporary credential for a token credential
 * (RFC 5849 §2.3). Nothing before the verifier can harm the temporary credential. */
const struct step token_exchange[] = {
    {"body", request_take_body}, /* waits where it did not come with the head */
    {"parse", parse_exchange},   /* what was sent */
    {"load", load_temp},         /* waits: the temporary credential, and maybe the client */
    {"verify", verify_exchange}, /* signature */
    {"spend", oauth_spend},      /* waits: the nonce, which the next step judges */
    {"verifier", try_verifier},  /* waits: counts a wrong one, and the client */
    {"persist", persist_token},  /* waits: the token's row, the one thing that makes it once */
    {"mark", mark_exchanged},    /* waits: the temporary credential is exchanged */
    {"reply", reply_token},      /* the token credential */
    {NULL, NULL},
};

enum { LOADED_TEMP, LOADED_CLIENT, LOADED_COUNT };
enum { TRIED_VERIFIER, TRIED_QUOTA, TRIED_COUNT };

struct exchange {
    struct signed_request asked;           /* first: oauth_steps */
    const struct temp_credential *granted; /* as it was when its verifier was found right */
    char token[TOKEN_TEXT_BYTES];
    char secret[TOKEN_TEXT_BYTES];
    const struct token_issued *issued;
};

static struct exchange *exchange_of(struct flow *flow)
{
    return request_of(flow)->state;
}

static enum step_result refuse_status(struct flow *flow, enum status status)
{
    return oauth_refuse_status(request_of(flow), status);
}

static enum step_result parse_exchange(struct flow *flow)
{
    return oauth_parse(flow, CHECK_TOKEN_CREDENTIAL, sizeof(struct exchange));
}

static enum step_result load_temp(struct flow *flow)
{
    const struct provider_loop *loop = app_loop_of(request_of(flow));
    struct exchange *it = exchange_of(flow);
    const struct check *check = &it->asked.check;
    bool found = signed_request_find(&it->asked, loop->credentials, flow);
    struct ticket tickets[LOADED_COUNT];
    flow_wait_group(flow, found ? LOADED_CLIENT : LOADED_COUNT, STORE_TIMEOUT_MS, tickets);
    ephemeral_temp_find_start(loop->ephemeral, check_token(check), check_client_id(check), tickets[LOADED_TEMP]);
    if (!found)
        signed_request_load_start(&it->asked, loop->credentials, tickets[LOADED_CLIENT]);
    return STEP_WAIT;
}

/* A temporary credential that there is not is the check's to refuse, in the same time as a wrong signature. */
static enum step_result verify_exchange(struct flow *flow)
{
    void *temp = NULL;
    enum status status = flow_outcome_at(flow, LOADED_TEMP, &temp);
    if (status != STATUS_OK && status != STATUS_TOKEN_REJECTED)
        return refuse_status(flow, status);
    exchange_of(flow)->asked.check.temp = temp;
    return oauth_verify(flow, LOADED_CLIENT);
}

/* The state of the temporary credential is told only now, when the signature has shown who asks. */
static enum step_result try_verifier(struct flow *flow)
{
    struct request *request = request_of(flow);
    const struct check *check = &exchange_of(flow)->asked.check;
    struct ticket tickets[TRIED_COUNT];
    struct slice verifier = verifier_typed(check->message.protocol[OAUTH_VERIFIER], &request->arena);
    enum step_result spent = oauth_take_spent(flow);
    if (spent != STEP_NEXT)
        return spent;
    if (slice_is_absent(verifier))
        return refuse_status(flow, STATUS_NO_MEMORY);
    flow_wait_group(flow, TRIED_COUNT, STORE_TIMEOUT_MS, tickets);
    ephemeral_temp_try_start(app_loop_of(request)->ephemeral, check->temp, verifier, tickets[TRIED_VERIFIER]);
    oauth_quota_count_client_start(request, check, tickets[TRIED_QUOTA]);
    return STEP_WAIT;
}

static enum step_result persist_token(struct flow *flow)
{
    const struct app *app = app_of(request_of(flow));
    struct exchange *it = exchange_of(flow);
    void *granted = NULL;
    int64_t wait_s = 0;
    enum status status = oauth_quota_judge_client(flow, TRIED_QUOTA, &wait_s);
    if (status == STATUS_SLOW_DOWN)
        return oauth_slow_down(request_of(flow), wait_s);
    if (status == STATUS_OK)
        status = flow_outcome_at(flow, TRIED_VERIFIER, &granted);
    if (status == STATUS_OK)
        status = durable_generate_token(it->token, it->secret);
    if (status != STATUS_OK)
        return refuse_status(flow, status);
    it->granted = granted;
    const struct token_issue issue = {
        .temp_token = it->granted->token,
        .client_id = it->granted->client_id,
        .user = it->granted->user,
        .scopes = it->granted->scopes,
        .client = it->asked.check.client->id,
        .client_generation = it->granted->client_generation,
        .user_generation = it->granted->user_generation,
        .allowed_scopes = it->asked.check.client->allowed_scopes,
        .oauth_token = slice_of(it->token, sizeof it->token),
        .secret = slice_of(it->secret, sizeof it->secret),
        .lifetime_ms = app->config->token_ttl_s * 1000,
    };
    durable_token_issue_start(app->durable, &issue, NULL, flow_wait(flow, STORE_TIMEOUT_MS));
    return STEP_WAIT;
}

/* The mark is set after the commit: a crash in between leaves a row without a mark, and a retry gets that row's token.
 */
static enum step_result mark_exchanged(struct flow *flow)
{
    struct exchange *it = exchange_of(flow);
    void *issued = NULL;
    enum status status = flow_outcome(flow, &issued);
    if (status != STATUS_OK)
        return refuse_status(flow, status);
    it->issued = issued;
    ephemeral_temp_exchanged_start(app_loop_of(request_of(flow))->ephemeral, it->granted,
                                   flow_wait(flow, STORE_TIMEOUT_MS));
    return STEP_WAIT;
}

/* The token stands whether or not the mark could be set: without it a retry gets the same token. */
static enum step_result reply_token(struct flow *flow)
{
    const struct token *token = exchange_of(flow)->issued->token;
    struct buf form = buf_in(&request_of(flow)->arena);
    if (!exchange_of(flow)->issued->existing)
        metric_count(&tokens_issued, TOKEN_TYPE_TOKEN);
    buf_add(&form, SLICE("oauth_token="));
    percent_encode(&form, token->oauth_token);
    buf_add(&form, SLICE("&oauth_token_secret="));
    percent_encode(&form, token->secret);
    if (token->expires_ms != 0)
        buf_addf(&form, "&oauth_expires_in=%lld", (long long)((token->expires_ms - token->created_ms) / 1000));
    return oauth_reply_form(request_of(flow), &form, token->jti);
}
