#include "login/delegated_login.h"

#include "login/challenge.h"
#include "rules/callback.h"
#include "service/forwarded.h"
#include "site/return_to.h"
#include "site/site.h"
#include "verify/quota.h"

/* ---- to the site ---- */

struct asking {
    struct challenge challenge;
    struct slice text;
};

static struct asking *asking_of(struct flow *flow)
{
    return request_of(flow)->state;
}

/* Each one takes room in the store, so they are counted by address as faulty requests are. */
static enum step_result count_challenge(struct flow *flow)
{
    struct request *request = request_of(flow);
    const struct config *config = app_of(request)->config;
    quota_count_start(app_loop_of(request)->ephemeral, QUOTA_ADDRESS,
                      forwarded_client_address(request, &config->trusted_proxies), config->rate_limit_address,
                      flow_wait(flow, STORE_TIMEOUT_MS));
    return STEP_WAIT;
}

static enum step_result keep_challenge(struct flow *flow)
{
    struct request *request = request_of(flow);
    struct asking *it = asking_of(flow);
    struct buf record = buf_in(&request->arena);
    int64_t wait_s = 0;
    enum status status = quota_judge(flow, 0, app_of(request)->config->rate_limit_address, &wait_s);
    if (status == STATUS_OK)
        status = challenge_generate(&request->arena, &it->text);
    if (status == STATUS_OK)
        status = challenge_generate(&request->arena, &it->challenge.cookie);
    it->challenge.state = SLICE(CHALLENGE_PENDING);
    challenge_write(&it->challenge, &record);
    if (status == STATUS_OK && record.failed)
        status = STATUS_NO_MEMORY;
    if (status != STATUS_OK)
        return site_refuse(request, status, NULL);
    ephemeral_blob_put_start(app_loop_of(request)->ephemeral, it->text, buf_slice(&record), CHALLENGE_TTL_MS,
                             flow_wait(flow, STORE_TIMEOUT_MS));
    return STEP_WAIT;
}

static enum step_result go_to_site(struct flow *flow)
{
    struct request *request = request_of(flow);
    const struct asking *it = asking_of(flow);
    const struct callback_pair pair = {"login_challenge", it->text};
    struct buf target = buf_in(&request->arena);
    enum status status = flow_outcome(flow, NULL);
    struct slice cookie =
        challenge_cookie_with(&request->arena, site_cookie(request, COOKIE_CHALLENGE), it->challenge.cookie);
    callback_write(app_of(request)->config->login_url, &pair, 1, &target);
    if (status == STATUS_OK && (target.failed || slice_is_absent(cookie)))
        status = STATUS_NO_MEMORY;
    if (status != STATUS_OK)
        return site_refuse(request, status, NULL);
    request_reply_start(request, 302);
    site_set_cookie(request, COOKIE_CHALLENGE, cookie);
    return site_redirect(request, buf_slice(&target));
}

static const struct step ask_site[] = {
    {"count", count_challenge},    /* waits: how many this address got */
    {"challenge", keep_challenge}, /* waits: the challenge */
    {"site", go_to_site},
    {NULL, NULL},
};

enum step_result delegated_login_ask(struct flow *flow, struct slice oauth_token)
{
    struct request *request = request_of(flow);
    struct asking *it = request->state = arena_calloc(&request->arena, 1, sizeof *it);
    if (!it)
        return site_refuse(request, STATUS_NO_MEMORY, NULL);
    it->challenge.kind = SLICE(CHALLENGE_AUTHORIZATION);
    it->challenge.oauth_token = oauth_token;
    return flow_leave_for(flow, ask_site);
}

/* ---- GET /login ---- */

static enum step_result ask_for_page(struct flow *flow)
{
    struct request *request = request_of(flow);
    struct form query = {0};
    struct asking *it = request->state = arena_calloc(&request->arena, 1, sizeof *it);
    enum status status = it ? form_parse(&request->arena, request->query, &query) : STATUS_NO_MEMORY;
    if (status == STATUS_OK && !site_is_secure(request))
        status = STATUS_INSECURE_TRANSPORT;
    if (status != STATUS_OK)
        return site_refuse(request, status, NULL);
    it->challenge.kind = SLICE(CHALLENGE_ACCOUNT);
    it->challenge.return_to = return_to_choose(request, form_get(&query, "return_to", NULL));
    if (slice_is_absent(it->challenge.return_to))
        return site_refuse(request, STATUS_NO_MEMORY, NULL);
    return flow_leave_for(flow, ask_site);
}

const struct step delegated_login_show[] = {{"ask", ask_for_page}, {NULL, NULL}};
