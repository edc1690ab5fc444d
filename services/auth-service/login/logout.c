#include "login/logout.h"

#include "crypto/ct.h"
#include "login/return_to.h"
#include "site.h"

struct logout {
    struct slice csrf_token;
    struct slice return_to;
};

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

static enum step_result end_session(struct flow *flow)
{
    struct request *request = request_of(flow);
    const struct logout *it = request->state;
    void *found = NULL;
    enum status status = flow_outcome(flow, &found);
    const struct session *session = found;
    if (status != STATUS_OK && status != STATUS_NOT_FOUND)
        return refuse_logout(request, status);
    if (session && !ct_equal(session->csrf, it->csrf_token))
        return refuse_logout(request, STATUS_FORBIDDEN);
    ephemeral_session_delete_start(app_loop_of(request)->ephemeral, site_cookie(request, COOKIE_SESSION),
                                   flow_wait(flow, STORE_TIMEOUT_MS));
    return STEP_WAIT;
}

static enum step_result say_goodbye(struct flow *flow)
{
    struct request *request = request_of(flow);
    const struct logout *it = request->state;
    enum status status = flow_outcome(flow, NULL);
    if (status != STATUS_OK)
        return refuse_logout(request, status);
    request_reply_start(request, 302);
    site_set_cookie(request, COOKIE_SESSION, SLICE(""));
    return site_redirect(request, it->return_to);
}

const struct step logout_submit[] = {
    {"body", request_take_body}, /* waits where it did not come with the head */
    {"parse", logout_parse},     /* waits: whose session it is */
    {"end", end_session},        /* waits: its end */
    {"reply", say_goodbye},      {NULL, NULL},
};
