#include "protocol/login_continue.h"

#include "crypto/ct.h"
#include "durable/users.h"
#include "login/challenge.h"
#include "login/delegated_login.h"
#include "login/session_start.h"
#include "protocol/authorize.h"
#include "site/return_to.h"
#include "site/site.h"

static enum step_result find_challenge(struct flow *flow);
static enum step_result check_secrets(struct flow *flow);
static enum step_result take_decision(struct flow *flow);
static enum step_result go_on(struct flow *flow);

const struct step login_continue[] = {
    {"parse", find_challenge}, /* waits: the challenge */
    {"check", check_secrets},  /* both secrets; waits: the challenge is taken out, and its user */
    {"decide", take_decision}, /* waits: the new session, the old one's end, and the audit log; or the client is told */
    {"back", go_on},           /* to what the login was for */
    {NULL, NULL},
};

struct coming_back {
    struct slice text;
    struct slice secret;
    struct slice found; /* what the store held */
    struct challenge challenge;
    char session_id[SESSION_ID_BYTES];
};

static struct coming_back *coming_back_of(struct flow *flow)
{
    return request_of(flow)->state;
}

/* The same for every reason: who tries learns nothing. */
static enum step_result refuse_return(struct request *request)
{
    return site_refuse(request, STATUS_FORBIDDEN, "login.foreign_return");
}

static enum status read_return(struct request *request, struct coming_back *it)
{
    struct form query = {0};
    TRY(form_parse(&request->arena, request->query, &query));
    TRY(form_get_single(&query, "login_challenge", &it->text));
    TRY(form_get_single(&query, "login_secret", &it->secret));
    return challenge_is_text(it->text) && challenge_is_text(it->secret) ? STATUS_OK : STATUS_FORBIDDEN;
}

static enum step_result find_challenge(struct flow *flow)
{
    struct request *request = request_of(flow);
    struct coming_back *it = request->state = arena_calloc(&request->arena, 1, sizeof *it);
    enum status status = it ? STATUS_OK : STATUS_NO_MEMORY;
    if (status == STATUS_OK && !site_is_secure(request))
        status = STATUS_INSECURE_TRANSPORT;
    if (status == STATUS_OK)
        status = read_return(request, it);
    if (status == STATUS_FORBIDDEN)
        return refuse_return(request);
    if (status != STATUS_OK)
        return site_refuse(request, status, NULL);
    ephemeral_blob_find_start(app_loop_of(request)->ephemeral, it->text, flow_wait(flow, STORE_TIMEOUT_MS));
    return STEP_WAIT;
}

/* Before it is taken, so that nobody who lacks one of the secrets can use it up. */
static bool has_both(const struct request *request, const struct coming_back *it)
{
    bool cookie = challenge_cookie_has(site_cookie(request, COOKIE_CHALLENGE), it->challenge.cookie);
    bool secret = ct_equal(it->challenge.secret, it->secret); /* which is never empty */
    return cookie && secret;
}

enum { TAKEN_CHALLENGE, FOUND_USER, TAKEN_COUNT };

static enum step_result check_secrets(struct flow *flow)
{
    struct request *request = request_of(flow);
    struct coming_back *it = coming_back_of(flow);
    struct ticket tickets[TAKEN_COUNT];
    void *blob = NULL;
    enum status status = flow_outcome(flow, &blob);
    if (status == STATUS_NOT_FOUND)
        return refuse_return(request);
    if (status == STATUS_OK) {
        it->found = ((const struct ephemeral_blob *)blob)->bytes;
        status = challenge_read(it->found, &request->arena, &it->challenge);
    }
    if (status != STATUS_OK)
        return site_refuse(request, status, NULL);
    if (!has_both(request, it))
        return refuse_return(request);
    bool is_accepted = slice_eq(it->challenge.state, SLICE(CHALLENGE_ACCEPTED));
    flow_wait_group(flow, is_accepted ? TAKEN_COUNT : FOUND_USER, STORE_TIMEOUT_MS, tickets);
    ephemeral_blob_take_start(app_loop_of(request)->ephemeral, it->text, tickets[TAKEN_CHALLENGE]);
    if (is_accepted)
        durable_user_find_start(app_of(request)->durable, it->challenge.user, tickets[FOUND_USER]);
    return STEP_WAIT;
}

static enum step_result tell_rejected(struct flow *flow)
{
    const struct challenge *challenge = &coming_back_of(flow)->challenge;
    if (slice_eq(challenge->kind, SLICE(CHALLENGE_AUTHORIZATION)))
        return authorize_reject(flow, challenge->oauth_token);
    return site_refuse(request_of(flow), STATUS_FORBIDDEN, "login.rejected");
}

/* Whether the user was disabled, or logged out at the site, since the site accepted. */
static bool is_over(const struct coming_back *it, const struct user *user)
{
    return user->disabled || user->version != it->challenge.user_version;
}

static enum step_result start_session(struct flow *flow, const struct session *session, const struct user *user)
{
    struct ticket audit;
    enum step_result result =
        session_start(flow, session, DELEGATED_SESSION_TTL_MS, 1, &audit, coming_back_of(flow)->session_id);
    if (result == STEP_WAIT)
        session_audit_start(request_of(flow), "login.site", user, SLICE(""), audit);
    return result;
}

/* Always a new session, so that one that was planted before is worth nothing. */
static enum step_result take_decision(struct flow *flow)
{
    struct request *request = request_of(flow);
    struct coming_back *it = coming_back_of(flow);
    void *blob = NULL;
    void *user = NULL;
    enum status status = flow_outcome_at(flow, TAKEN_CHALLENGE, &blob);
    bool is_ours = status == STATUS_OK && slice_eq(((const struct ephemeral_blob *)blob)->bytes, it->found);
    if (status == STATUS_NOT_FOUND || (status == STATUS_OK && !is_ours))
        return refuse_return(request);
    if (status != STATUS_OK)
        return site_refuse(request, status, NULL);
    if (!slice_eq(it->challenge.state, SLICE(CHALLENGE_ACCEPTED)))
        return tell_rejected(flow);
    status = flow_outcome_at(flow, FOUND_USER, &user);
    if (status == STATUS_NOT_FOUND || (status == STATUS_OK && is_over(it, user)))
        return refuse_return(request);
    if (status != STATUS_OK)
        return site_refuse(request, status, NULL);
    const struct session session = {
        .user = it->challenge.user,
        .user_version = it->challenge.user_version,
        .username = it->challenge.username,
        .bound_to = it->challenge.oauth_token,
        .scopes = it->challenge.scopes,
        .is_granted = it->challenge.is_granted,
    };
    return start_session(flow, &session, user);
}

static enum step_result go_on(struct flow *flow)
{
    struct request *request = request_of(flow);
    const struct coming_back *it = coming_back_of(flow);
    bool is_authorization = slice_eq(it->challenge.kind, SLICE(CHALLENGE_AUTHORIZATION));
    struct slice target =
        is_authorization ? return_to_authorize(request, it->challenge.oauth_token) : it->challenge.return_to;
    struct slice cookie =
        challenge_cookie_without(&request->arena, site_cookie(request, COOKIE_CHALLENGE), it->challenge.cookie);
    enum status status = session_started(flow, 1);
    if (status == STATUS_OK && (slice_is_absent(target) || slice_is_absent(cookie)))
        status = STATUS_NO_MEMORY;
    if (status != STATUS_OK)
        return site_refuse(request, status, NULL);
    request_reply_start(request, 302);
    site_set_cookie(request, COOKIE_SESSION, slice_of(it->session_id, sizeof it->session_id));
    site_set_cookie(request, COOKIE_CHALLENGE, cookie);
    return site_redirect(request, target);
}
