#include "account/home.h"

#include "login/visitor.h"
#include "site/site.h"

/* request->state */
struct home {
    const struct session *session; /* NULL: nobody is logged in */
};

static bool has_session_cookie(const struct request *request)
{
    return site_cookie(request, COOKIE_SESSION).len > 0;
}

static enum step_result find_session(struct flow *flow)
{
    struct request *request = request_of(flow);
    request->state = arena_calloc(&request->arena, 1, sizeof(struct home));
    if (!request->state)
        return site_refuse(request, STATUS_NO_MEMORY, NULL);
    if (!has_session_cookie(request))
        return STEP_NEXT;
    ephemeral_session_find_start(app_loop_of(request)->ephemeral, site_cookie(request, COOKIE_SESSION),
                                 flow_wait(flow, STORE_TIMEOUT_MS));
    return STEP_WAIT;
}

static enum step_result load_home_user(struct flow *flow)
{
    struct request *request = request_of(flow);
    struct home *it = request->state;
    void *session = NULL;
    enum status status = has_session_cookie(request) ? flow_outcome(flow, &session) : STATUS_NOT_FOUND;
    if (status != STATUS_OK && status != STATUS_NOT_FOUND)
        return site_refuse(request, status, NULL);
    it->session = session;
    if (!session)
        return STEP_NEXT;
    durable_user_find_start(app_of(request)->durable, it->session->user, flow_wait(flow, STORE_TIMEOUT_MS));
    return STEP_WAIT;
}

static enum step_result show_home(struct flow *flow)
{
    struct request *request = request_of(flow);
    const struct home *it = request->state;
    const struct config *config = app_of(request)->config;
    void *user = NULL;
    enum status status = it->session ? flow_outcome(flow, &user) : STATUS_NOT_FOUND;
    if (status != STATUS_OK && status != STATUS_NOT_FOUND)
        return site_refuse(request, status, NULL);
    const struct session *session = user && visitor_may_come(request, it->session, user) ? it->session : NULL;
    const char *login = site_path(request, "/login");
    const char *logout = site_path(request, "/logout");
    const char *applications = site_path(request, APPLICATIONS_PATH);
    const char *security = site_path(request, SECURITY_PATH);
    const char *developer =
        config->registration == REGISTRATION_OFF ? "" : site_path(request, "/developer/applications");
    if (!login || !logout || !applications || !security || !developer)
        return site_refuse(request, STATUS_NO_MEMORY, NULL);
    const struct page_value values[] = {
        PAGE_TEXT("username", session ? session->username : SLICE("")),
        PAGE_TEXT("csrf_token", session ? session->csrf : SLICE("")),
        PAGE_TEXT("login", slice_str(login)),
        PAGE_TEXT("logout", slice_str(logout)),
        PAGE_TEXT("applications", slice_str(applications)),
        PAGE_TEXT("security", slice_str(security)),
        PAGE_TEXT("developer", slice_str(developer)),
        PAGE_TEXT("public_url", config->public_url.text),
        PAGE_TEXT("initiate", config->initiate_path),
        PAGE_TEXT("authorize", config->authorize_path),
        PAGE_TEXT("token", config->token_path),
    };
    const struct page_scope scope = {values, COUNT_OF(values)};
    return site_page(request, 200, "home.title", "home.html", &scope, SLICE_ABSENT);
}

const struct step home_show[] = {
    {"session", find_session}, /* waits: the session */
    {"user", load_home_user},  /* waits: who is logged in */
    {"show", show_home},
    {NULL, NULL},
};
