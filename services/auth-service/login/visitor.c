#include "login/visitor.h"

#include "crypto/ct.h"
#include "login/delegated_login.h"
#include "login/login.h"
#include "login/trusted_login.h"
#include "site/return_to.h"
#include "site/site.h"

enum { FOUND_SESSION, FOUND_NAMED, FOUND_COUNT };

static struct visitor *visitor_of(struct flow *flow)
{
    return request_of(flow)->state;
}

static bool is_form(const struct request *request)
{
    return slice_eq(request->method, SLICE("POST"));
}

/* Or the proxy names nobody here. */
static bool is_whom_proxy_names(const struct request *request, const struct user *user)
{
    struct slice named = trusted_login_subject(request);
    return !trusted_login_is_on(app_of(request)->config) || slice_is_absent(named) || slice_eq(named, user->subject);
}

bool visitor_may_come(const struct request *request, const struct session *session, const struct user *user)
{
    const struct config *config = app_of(request)->config;
    bool is_sites = delegated_login_is_on(config) || trusted_login_is_on(config);
    return !user->disabled && user->source == (is_sites ? USER_OF_SITE : USER_MADE_HERE) &&
           user->version == session->user_version && is_whom_proxy_names(request, user);
}

/* ---- who is here ---- */

static enum status write_page(struct request *request, struct slice path, struct slice *ret_page)
{
    struct buf page = buf_in(&request->arena);
    buf_add(&page, app_of(request)->config->public_url.path);
    buf_add(&page, path);
    if (!is_form(request) && request->query.len) {
        buf_add_byte(&page, '?');
        buf_add(&page, request->query);
    }
    *ret_page = buf_slice(&page);
    return page.failed ? STATUS_NO_MEMORY : STATUS_OK;
}

enum step_result visitor_begin(struct flow *flow, size_t state_size, struct slice page)
{
    struct request *request = request_of(flow);
    struct visitor *it = request->state = arena_calloc(&request->arena, 1, state_size);
    struct ticket tickets[FOUND_COUNT];
    bool is_named = trusted_login_is_on(app_of(request)->config);
    struct slice subject = trusted_login_subject(request);
    enum status status = it ? write_page(request, page, &it->page) : STATUS_NO_MEMORY;
    if (status == STATUS_OK && !site_is_secure(request))
        status = STATUS_INSECURE_TRANSPORT;
    if (status != STATUS_OK)
        return site_refuse(request, status, NULL);
    if (is_named && slice_is_absent(subject))
        return trusted_login_refuse(request, STATUS_OK);
    flow_wait_group(flow, is_named ? FOUND_COUNT : FOUND_NAMED, STORE_TIMEOUT_MS, tickets);
    if (is_named)
        trusted_login_find_start(request, subject, tickets[FOUND_NAMED]);
    ephemeral_session_find_start(app_loop_of(request)->ephemeral, site_cookie(request, COOKIE_SESSION),
                                 tickets[FOUND_SESSION]);
    return STEP_WAIT;
}

static enum step_result go_to_login(struct flow *flow)
{
    return login_redirect(request_of(flow), visitor_of(flow)->page);
}

/* One that a site began for a temporary credential is for that alone; one of another user than the header's is over. */
static bool is_for_pages(const struct visitor *it, const struct session *session)
{
    return session->bound_to.len == 0 && (!it->named || it->named->id == session->user);
}

enum step_result visitor_load(struct flow *flow)
{
    struct request *request = request_of(flow);
    struct visitor *it = visitor_of(flow);
    void *named = NULL;
    void *session = NULL;
    bool is_named = trusted_login_is_on(app_of(request)->config);
    enum status status = is_named ? flow_outcome_at(flow, FOUND_NAMED, &named) : STATUS_OK;
    if (status != STATUS_OK)
        return trusted_login_refuse(request, status);
    it->named = named;
    status = flow_outcome_at(flow, FOUND_SESSION, &session);
    if (status != STATUS_OK && status != STATUS_NOT_FOUND)
        return site_refuse(request, status, NULL);
    it->session = session;
    if (!session || !is_for_pages(it, session))
        return go_to_login(flow);
    durable_user_find_start(app_of(request)->durable, it->session->user, flow_wait(flow, STORE_TIMEOUT_MS));
    return STEP_WAIT;
}

/* ---- what he may do ---- */

static enum status read_form(struct request *request, struct visitor *it)
{
    struct slice csrf = {0};
    TRY(site_form(request, &it->form));
    bool is_ours = form_get_single(&it->form, "csrf_token", &csrf) == STATUS_OK && ct_equal(it->session->csrf, csrf);
    return is_ours ? STATUS_OK : STATUS_FORBIDDEN;
}

enum step_result visitor_enter(struct flow *flow)
{
    struct request *request = request_of(flow);
    struct visitor *it = visitor_of(flow);
    void *user = NULL;
    enum status status = flow_outcome(flow, &user);
    if (status != STATUS_OK && status != STATUS_NOT_FOUND)
        return site_refuse(request, status, NULL);
    it->user = user;
    if (!user || !visitor_may_come(request, it->session, user))
        return go_to_login(flow);
    if (!is_form(request))
        return STEP_NEXT;
    status = read_form(request, it);
    if (status != STATUS_OK)
        return site_refuse(request, status, status == STATUS_FORBIDDEN ? "account.foreign_form" : NULL);
    return STEP_NEXT;
}

enum step_result visitor_prove(struct flow *flow)
{
    struct request *request = request_of(flow);
    const struct visitor *it = visitor_of(flow);
    const struct config *config = app_of(request)->config;
    int64_t now_ms = 0;
    int64_t recent_ms = delegated_login_is_on(config) ? VISITOR_RECENT_AT_SITE_MS : VISITOR_RECENT_MS;
    if (trusted_login_is_on(config))
        return STEP_NEXT;
    enum status status = ephemeral_now(app_loop_of(request)->ephemeral, &now_ms);
    if (status != STATUS_OK)
        return site_refuse(request, status, NULL);
    return now_ms - it->session->created_ms <= recent_ms ? STEP_NEXT
                                                         : login_redirect_because(request, it->page, "again");
}

struct audit_entry visitor_entry(struct flow *flow, const char *what, struct slice subject)
{
    struct audit_entry entry = {.what = slice_str(what), .subject = subject};
    site_audit_sign(request_of(flow), visitor_of(flow)->user, &entry);
    return entry;
}

enum step_result visitor_audit(struct flow *flow, const char *what, struct slice subject)
{
    struct audit_entry entry = {.what = slice_str(what), .subject = subject};
    site_audit_start(request_of(flow), visitor_of(flow)->user, &entry, flow_wait(flow, STORE_TIMEOUT_MS));
    return STEP_WAIT;
}
