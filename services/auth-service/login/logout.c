#include "login/logout.h"

#include "crypto/ct.h"
#include "durable/users.h"
#include "login/session_start.h"
#include "site/return_to.h"
#include "site/site.h"

struct logout {
    struct slice csrf_token;
    struct slice return_to;
    const struct session *session; /* NULL: it is over already */
};

enum { ENDED_SESSION, WRITTEN_ROW, ENDING_COUNT };

static enum step_result refuse_logout(struct request *request, enum status status)
{
    return site_refuse(request, status, status == STATUS_FORBIDDEN ? "logout.foreign_form" : NULL);
}

static enum step_result logout_parse(struct flow *flow)
{
    struct request *request = request_of(flow);
    struct form form = {0};
    struct logout *it = request->state = arena_calloc(&request->arena, 1, sizeof *it);
    enum status status = it ? site_form(request, &form) : STATUS_NO_MEMORY;
    if (status == STATUS_OK && form_get_single(&form, "csrf_token", &it->csrf_token) != STATUS_OK)
        status = STATUS_FORBIDDEN;
    if (status != STATUS_OK)
        return refuse_logout(request, status);
    it->return_to = return_to_choose(request, form_get(&form, "return_to", NULL));
    ephemeral_session_find_start(app_loop_of(request)->ephemeral, site_cookie(request, COOKIE_SESSION),
                                 flow_wait(flow, STORE_TIMEOUT_MS));
    return STEP_WAIT;
}

static enum step_result check_session(struct flow *flow)
{
    struct request *request = request_of(flow);
    struct logout *it = request->state;
    void *found = NULL;
    enum status status = flow_outcome(flow, &found);
    if (status != STATUS_OK && status != STATUS_NOT_FOUND)
        return refuse_logout(request, status);
    it->session = found;
    if (!it->session)
        return STEP_NEXT;
    if (!ct_equal(it->session->csrf, it->csrf_token))
        return refuse_logout(request, STATUS_FORBIDDEN);
    durable_user_find_start(app_of(request)->durable, it->session->user, flow_wait(flow, STORE_TIMEOUT_MS));
    return STEP_WAIT;
}

/* A session ends also where the database is down: that matters more than its row of the audit log. */
static enum step_result end_session(struct flow *flow)
{
    struct request *request = request_of(flow);
    const struct logout *it = request->state;
    struct ticket tickets[ENDING_COUNT];
    void *user = NULL;
    bool has_user = it->session && flow_outcome(flow, &user) == STATUS_OK;
    flow_wait_group(flow, has_user ? ENDING_COUNT : WRITTEN_ROW, STORE_TIMEOUT_MS, tickets);
    ephemeral_session_delete_start(app_loop_of(request)->ephemeral, site_cookie(request, COOKIE_SESSION),
                                   tickets[ENDED_SESSION]);
    if (has_user)
        session_audit_start(request, "logout", user, SLICE(""), tickets[WRITTEN_ROW]);
    return STEP_WAIT;
}

static enum step_result say_goodbye(struct flow *flow)
{
    struct request *request = request_of(flow);
    const struct logout *it = request->state;
    enum status status = flow_outcome_at(flow, ENDED_SESSION, NULL);
    if (status != STATUS_OK)
        return refuse_logout(request, status);
    request_reply_start(request, 302);
    site_set_cookie(request, COOKIE_SESSION, SLICE(""));
    return site_redirect(request, it->return_to);
}

const struct step logout_submit[] = {
    {"body", request_take_body}, /* waits where it did not come with the head */
    {"parse", logout_parse},     /* waits: whose session it is */
    {"check", check_session},    /* waits: who that is */
    {"end", end_session},        /* waits: its end, and the audit log */
    {"reply", say_goodbye},      {NULL, NULL},
};
