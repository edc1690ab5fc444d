#include "account/security.h"

#include "login/delegated_login.h"
#include "login/trusted_login.h"
#include "login/visitor.h"
#include "look/when.h"
#include "rules/callback.h"
#include "site/site.h"

/* What became of the last form, as the page's address says it: a key of the catalogues each. */
static const struct {
    const char *name, *key;
    bool is_fault;
} outcomes[] = {
    {"ended", "security.ended", false},      {"others", "security.others_ended", false},
    {"gone", "security.gone", false},        {"changed", "security.changed", false},
    {"wrong", "security.wrong", true},       {"too-many", "login.too_many", true},
    {"differs", "security.differs", true},   {"too-short", "security.too_short", true},
    {"too-long", "security.too_long", true}, {"repeats", "security.repeats", true},
    {"name", "security.is_name", true},      {"common", "security.common", true},
};

enum step_result security_go_back(struct request *request, const char *outcome)
{
    struct buf target = buf_in(&request->arena);
    const char *page = site_path(request, SECURITY_PATH);
    buf_addf(&target, "%s?done=%s", page ? page : "", outcome);
    if (!page || target.failed)
        return site_refuse(request, STATUS_NO_MEMORY, NULL);
    return site_redirect(request, buf_slice(&target));
}

/* ---- GET ---- */

static enum step_result begin_security(struct flow *flow);
static enum step_result list_sessions(struct flow *flow);
static enum step_result show_security(struct flow *flow);

const struct step security_show[] = {
    {"visitor", begin_security}, /* waits: the session */
    {"user", visitor_load},      /* waits: the user; or to the login */
    {"enter", visitor_enter},    /* to the login */
    {"list", list_sessions},     /* waits: his sessions */
    {"show", show_security},     {NULL, NULL},
};

struct security {
    struct visitor visitor; /* first */
    char own[SESSION_HANDLE_BYTES];
    struct form query; /* GET */
    bool ends_others;  /* POST: all but this one, or this: */
    struct slice ended;
};

static enum step_result begin_security(struct flow *flow)
{
    return visitor_begin(flow, sizeof(struct security), SLICE(SECURITY_PATH));
}

static enum step_result list_sessions(struct flow *flow)
{
    struct request *request = request_of(flow);
    struct security *it = request->state;
    enum status status = session_handle(site_cookie(request, COOKIE_SESSION), it->own);
    if (status == STATUS_OK)
        status = form_parse(&request->arena, request->query, &it->query);
    if (status != STATUS_OK)
        return site_refuse(request, status, NULL);
    ephemeral_session_list_start(app_loop_of(request)->ephemeral, it->visitor.user->id,
                                 flow_wait(flow, STORE_TIMEOUT_MS));
    return STEP_WAIT;
}

static bool is_own(const struct security *it, const struct listed_session *session)
{
    return slice_eq(slice_of(it->own, sizeof it->own), slice_of(session->handle, SESSION_HANDLE_BYTES));
}

/* One of another version opens nothing any more. */
static bool is_shown(const struct security *it, const struct listed_session *session)
{
    return session->user_version == it->visitor.user->version;
}

enum { SESSION_VALUES = 4 };

/* Rows of the page, and the memory of their values. */
struct shown_sessions {
    struct page_scope *rows;
    struct page_value (*values)[SESSION_VALUES];
    size_t count;
};

static void describe_session(struct request *request, const char handle[SESSION_HANDLE_BYTES], int64_t created_ms,
                             struct slice came_from, struct shown_sessions *shown)
{
    struct page_value *values = shown->values[shown->count];
    values[0] = PAGE_TEXT("handle", slice_of(handle, SESSION_HANDLE_BYTES));
    values[1] = PAGE_TEXT("came_from", came_from);
    values[2] = PAGE_TEXT("since", when_minute(&request->arena, created_ms));
    values[3] = PAGE_FLAG("current", shown->count == 0);
    shown->rows[shown->count++] = (struct page_scope){values, SESSION_VALUES};
}

/* This one first, which the list may have lost; then the newest first. */
static enum status describe_sessions(struct request *request, const struct session_list *list,
                                     struct page_value *ret_list)
{
    const struct security *it = request->state;
    const struct session *own = it->visitor.session;
    struct shown_sessions shown = {
        .rows = arena_calloc(&request->arena, list->count + 1, sizeof *shown.rows),
        .values = arena_calloc(&request->arena, list->count + 1, sizeof *shown.values),
    };
    if (!shown.rows || !shown.values)
        return STATUS_NO_MEMORY;
    describe_session(request, it->own, own->created_ms, own->came_from, &shown);
    for (size_t i = list->count; i-- > 0;) {
        const struct listed_session *other = &list->sessions[i];
        if (is_shown(it, other) && !is_own(it, other))
            describe_session(request, other->handle, other->created_ms, other->came_from, &shown);
    }
    *ret_list = PAGE_LIST("sessions", shown.rows, shown.count);
    return STATUS_OK;
}

/* The place of an account that is not kept here. */
static struct slice site_of(struct request *request)
{
    const struct config *config = app_of(request)->config;
    struct buf site = buf_in(&request->arena);
    if (delegated_login_is_on(config))
        callback_write_csp_source(config->login_url, &site);
    return site.failed ? SLICE_ABSENT : buf_slice(&site);
}

static struct slice outcome_text(struct request *request, bool is_fault)
{
    const struct security *it = request->state;
    struct slice name = form_get(&it->query, "done", NULL);
    for (size_t i = 0; i < COUNT_OF(outcomes); i++)
        if (outcomes[i].is_fault == is_fault && slice_eq(slice_str(outcomes[i].name), name))
            return site_text(request, outcomes[i].key);
    return SLICE("");
}

static enum step_result show_list(struct request *request, const struct page_value *sessions)
{
    const struct security *it = request->state;
    const struct config *config = app_of(request)->config;
    bool is_here = it->visitor.user->source == USER_MADE_HERE;
    const char *action = site_path(request, SECURITY_PATH);
    const char *password_action = site_path(request, PASSWORD_CHANGE_PATH);
    const char *applications = site_path(request, APPLICATIONS_PATH);
    struct slice site = site_of(request);
    if (!action || !password_action || !applications || slice_is_absent(site))
        return site_refuse(request, STATUS_NO_MEMORY, NULL);
    const struct page_value values[] = {
        *sessions,
        PAGE_TEXT("outcome", outcome_text(request, false)),
        PAGE_TEXT("fault", outcome_text(request, true)),
        PAGE_TEXT("username", it->visitor.user->username),
        PAGE_TEXT("csrf_token", it->visitor.session->csrf),
        PAGE_TEXT("action", slice_str(action)),
        PAGE_TEXT("password_action", is_here ? slice_str(password_action) : SLICE("")),
        PAGE_TEXT("site", site),
        PAGE_FLAG("by_proxy", trusted_login_is_on(config)),
        PAGE_TEXT("applications", slice_str(applications)),
    };
    const struct page_scope scope = {values, COUNT_OF(values)};
    return site_page(request, 200, "security.title", "security.html", &scope, SLICE_ABSENT);
}

static enum step_result show_security(struct flow *flow)
{
    struct request *request = request_of(flow);
    void *list = NULL;
    struct page_value sessions = {0};
    enum status status = flow_outcome(flow, &list);
    if (status == STATUS_OK)
        status = describe_sessions(request, list, &sessions);
    return status == STATUS_OK ? show_list(request, &sessions) : site_refuse(request, status, NULL);
}

/* ---- POST ---- */

static enum step_result begin_end(struct flow *flow);
static enum step_result end_sessions(struct flow *flow);
static enum step_result tell_ended(struct flow *flow);

const struct step security_end[] = {
    {"body", request_take_body}, /* waits where it did not come with the head */
    {"visitor", begin_security}, /* waits: the session */
    {"user", visitor_load},      /* waits: the user; or to the login */
    {"enter", visitor_enter},    /* the form is this session's */
    {"begin", begin_end},        /* the form; waits: the audit log's row, and with it the end of all others */
    {"end", end_sessions},       /* waits: the end of the one, or that this one goes on */
    {"reply", tell_ended},       /* back to the page */
    {NULL, NULL},
};

/* All others end by another version of the user, which this one alone is told: no list is needed for that, which the
 * store might have lost. */
static enum step_result begin_end(struct flow *flow)
{
    struct request *request = request_of(flow);
    struct security *it = request->state;
    const struct user *user = it->visitor.user;
    struct slice deed = {0};
    enum status status = form_get_single(&it->visitor.form, "deed", &deed);
    it->ends_others = slice_eq(deed, SLICE("end_others"));
    if (status == STATUS_OK && !it->ends_others)
        status =
            slice_eq(deed, SLICE("end")) ? form_get_single(&it->visitor.form, "session", &it->ended) : STATUS_BAD_INPUT;
    if (status != STATUS_OK)
        return site_refuse(request, status, NULL);
    if (!it->ends_others)
        return visitor_audit(flow, "user.end-session", user->subject);
    const struct audit_entry audit = visitor_entry(flow, "user.end-other-sessions", user->subject);
    durable_user_end_other_sessions_start(app_of(request)->durable, user->id, &audit,
                                          flow_wait(flow, STORE_TIMEOUT_MS));
    return STEP_WAIT;
}

static enum step_result end_sessions(struct flow *flow)
{
    struct request *request = request_of(flow);
    const struct security *it = request->state;
    struct ephemeral *ephemeral = app_loop_of(request)->ephemeral;
    void *version = NULL;
    enum status status = flow_outcome(flow, &version);
    if (status != STATUS_OK)
        return site_refuse(request, status, NULL);
    if (it->ends_others)
        ephemeral_session_keep_start(ephemeral, site_cookie(request, COOKIE_SESSION), *(const int64_t *)version,
                                     flow_wait(flow, STORE_TIMEOUT_MS));
    else
        ephemeral_session_end_start(ephemeral, it->visitor.user->id, it->ended, flow_wait(flow, STORE_TIMEOUT_MS));
    return STEP_WAIT;
}

/* Where this one has ended by itself meanwhile, the page leads to the login. */
static enum step_result tell_ended(struct flow *flow)
{
    struct request *request = request_of(flow);
    const struct security *it = request->state;
    enum status status = flow_outcome(flow, NULL);
    if (status != STATUS_OK && status != STATUS_NOT_FOUND)
        return site_refuse(request, status, NULL);
    if (it->ends_others)
        return security_go_back(request, "others");
    return security_go_back(request, status == STATUS_OK ? "ended" : "gone");
}
