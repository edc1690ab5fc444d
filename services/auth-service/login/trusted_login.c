#include "login/trusted_login.h"

#include "login/login.h"
#include "login/session_start.h"
#include "service/forwarded.h"
#include "site/return_to.h"
#include "site/site.h"

struct slice trusted_login_subject(const struct request *request)
{
    const struct config *config = app_of(request)->config;
    size_t count = 0;
    struct slice subject = request_header_named(request, config->login_trusted_header, &count);
    bool is_trusted = forwarded_is_trusted(&request->peer, &config->trusted_proxies);
    return is_trusted && count == 1 && user_subject_is_sites(subject) ? subject : SLICE_ABSENT;
}

void trusted_login_find_start(const struct request *request, struct slice subject, struct ticket ticket)
{
    durable_user_ensure_start(app_of(request)->durable, subject, SLICE_ABSENT, ticket);
}

enum step_result trusted_login_refuse(struct request *request, enum status status)
{
    if (status == STATUS_CONFLICT)
        return site_refuse(request, STATUS_FORBIDDEN, "login.older_account");
    if (status != STATUS_OK)
        return site_refuse(request, status, NULL);
    return site_refuse(request, STATUS_FORBIDDEN, "login.by_your_site");
}

/* ---- a new session ---- */

struct entering {
    struct slice return_to;
    char session_id[SESSION_ID_BYTES];
    const struct user *user;
};

static enum step_result begin_session(struct flow *flow)
{
    struct entering *it = request_of(flow)->state;
    struct ticket audit;
    const struct session session = {
        .user = it->user->id, .user_version = it->user->version, .username = it->user->username};
    if (it->user->disabled)
        return site_refuse(request_of(flow), STATUS_FORBIDDEN, "login.disabled");
    enum step_result result = session_start(flow, &session, SESSION_TTL_MS, 1, &audit, it->session_id);
    if (result == STEP_WAIT)
        session_audit_start(request_of(flow), "login.header", it->user, SLICE(""), audit);
    return result;
}

static enum step_result return_with_session(struct flow *flow)
{
    struct request *request = request_of(flow);
    const struct entering *it = request->state;
    enum status status = session_started(flow, 1);
    if (status == STATUS_OK && slice_is_absent(it->return_to))
        status = STATUS_NO_MEMORY;
    if (status != STATUS_OK)
        return site_refuse(request, status, NULL);
    request_reply_start(request, 302);
    site_set_cookie(request, COOKIE_SESSION, slice_of(it->session_id, sizeof it->session_id));
    return site_redirect(request, it->return_to);
}

enum step_result trusted_login_enter(struct flow *flow, const struct user *user, struct slice return_to)
{
    static const struct step steps[] = {
        {"session", begin_session}, /* waits: the new session, the old one's end, and the audit log */
        {"back", return_with_session},
        {NULL, NULL},
    };
    struct request *request = request_of(flow);
    struct entering *it = request->state = arena_calloc(&request->arena, 1, sizeof *it);
    if (!it)
        return site_refuse(request, STATUS_NO_MEMORY, NULL);
    it->user = user;
    it->return_to = return_to;
    return flow_leave_for(flow, steps);
}

/* ---- GET /login ---- */

static enum step_result find_named(struct flow *flow)
{
    struct request *request = request_of(flow);
    struct slice subject = trusted_login_subject(request);
    if (!site_is_secure(request))
        return site_refuse(request, STATUS_INSECURE_TRANSPORT, NULL);
    if (slice_is_absent(subject))
        return trusted_login_refuse(request, STATUS_OK);
    trusted_login_find_start(request, subject, flow_wait(flow, STORE_TIMEOUT_MS));
    return STEP_WAIT;
}

static enum step_result enter_named(struct flow *flow)
{
    struct request *request = request_of(flow);
    struct form query = {0};
    void *user = NULL;
    enum status status = flow_outcome(flow, &user);
    if (status != STATUS_OK)
        return trusted_login_refuse(request, status);
    status = form_parse(&request->arena, request->query, &query);
    if (status != STATUS_OK)
        return site_refuse(request, status, NULL);
    return trusted_login_enter(flow, user, return_to_choose(request, form_get(&query, "return_to", NULL)));
}

const struct step trusted_login_show[] = {
    {"find", find_named}, /* waits: whom the header names */
    {"enter", enter_named},
    {NULL, NULL},
};
