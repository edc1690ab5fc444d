#include "account/applications.h"

#include "durable/grants.h"
#include "login/visitor.h"
#include "look/when.h"
#include "oauth/scope.h"
#include "site/scope_list.h"
#include "site/site.h"

enum { GRANTS_A_PAGE = 20 };

/* What became of the last form, as the page's address says it: a key of the catalogues each. */
static const struct {
    const char *name, *key;
} outcomes[] = {
    {"revoked", "applications.revoked"}, {"narrowed", "applications.narrowed"}, {"all", "applications.all_revoked"},
    {"gone", "applications.gone"},       {"same", "applications.same"},
};

/* ---- GET ---- */

static enum step_result begin_show(struct flow *flow);
static enum step_result list_granted(struct flow *flow);
static enum step_result show_granted(struct flow *flow);

const struct step applications_show[] = {
    {"visitor", begin_show},  /* waits: the session */
    {"user", visitor_load},   /* waits: the user; or to the login */
    {"enter", visitor_enter}, /* to the login */
    {"list", list_granted},   /* waits: a page of what he granted */
    {"show", show_granted},   {NULL, NULL},
};

struct showing {
    struct visitor visitor; /* first */
    int64_t before_id;      /* the page goes on below it; 0: from the newest */
    const char *outcome;    /* a key; NULL: nothing was done */
};

static enum step_result begin_show(struct flow *flow)
{
    return visitor_begin(flow, sizeof(struct showing), SLICE(APPLICATIONS_PATH));
}

static const char *find_outcome(struct slice name)
{
    for (size_t i = 0; i < COUNT_OF(outcomes); i++)
        if (slice_eq(slice_str(outcomes[i].name), name))
            return outcomes[i].key;
    return NULL;
}

static enum status read_query(struct request *request, struct showing *it)
{
    struct form query = {0};
    uint64_t before = 0;
    TRY(form_parse(&request->arena, request->query, &query));
    struct slice text = form_get(&query, "before", NULL);
    if (text.len && !slice_to_u64(text, INT64_MAX, &before))
        return STATUS_MALFORMED;
    it->before_id = (int64_t)before;
    it->outcome = find_outcome(form_get(&query, "done", NULL));
    return STATUS_OK;
}

static enum step_result list_granted(struct flow *flow)
{
    struct request *request = request_of(flow);
    struct showing *it = request->state;
    enum status status = read_query(request, it);
    if (status != STATUS_OK)
        return site_refuse(request, status, NULL);
    const struct grant_request wanted = {
        .user = it->visitor.user->id, .before_id = it->before_id, .limit = GRANTS_A_PAGE};
    durable_grant_list_start(app_of(request)->durable, &wanted, flow_wait(flow, STORE_TIMEOUT_MS));
    return STEP_WAIT;
}

enum { GRANT_VALUES = 10 };

static enum status describe_grant(struct request *request, const struct frame_view *view, const struct grant *grant,
                                  struct page_value values[GRANT_VALUES])
{
    struct arena *arena = &request->arena;
    struct scope_list scopes;
    TRY(scope_list_describe(arena, view, grant->scopes, &scopes));
    const struct page_value described[GRANT_VALUES] = {
        PAGE_TEXT("jti", grant->jti),
        PAGE_TEXT("client_name", grant->client_name.len ? grant->client_name : grant->client_id),
        PAGE_TEXT("website", grant->client_website),
        PAGE_FLAG("verified", grant->client_verified),
        PAGE_TEXT("since", when_day(arena, grant->created_ms)),
        PAGE_TEXT("used", when_day(arena, grant->last_used_ms)),
        PAGE_TEXT("expires", when_day(arena, grant->expires_ms)),
        scopes.groups,
        PAGE_FLAG("has_scopes", scopes.count > 0),
        PAGE_FLAG("has_choice", scopes.count > 1),
    };
    memcpy(values, described, sizeof described);
    return STATUS_OK;
}

static enum status describe_grants(struct request *request, const struct frame_view *view,
                                   const struct grant_page *page, struct page_value *ret_list)
{
    struct page_scope *rows = arena_calloc(&request->arena, page->count + 1, sizeof *rows);
    struct page_value(*values)[GRANT_VALUES] = arena_calloc(&request->arena, page->count + 1, sizeof *values);
    if (!rows || !values)
        return STATUS_NO_MEMORY;
    for (size_t i = 0; i < page->count; i++) {
        TRY(describe_grant(request, view, &page->grants[i], values[i]));
        rows[i] = (struct page_scope){values[i], GRANT_VALUES};
    }
    *ret_list = PAGE_LIST("grants", rows, page->count);
    return STATUS_OK;
}

/* "?before=7" behind the page's path; empty: these are the oldest. */
static struct slice older_address(struct request *request, const struct grant_page *page, struct slice action)
{
    struct buf address = buf_in(&request->arena);
    if (!page->has_more)
        return SLICE("");
    buf_add(&address, action);
    buf_addf(&address, "?before=%lld", (long long)page->grants[page->count - 1].id);
    return address.failed ? SLICE_ABSENT : buf_slice(&address);
}

static enum status show_list(struct request *request, const struct frame_view *view, const struct grant_page *page)
{
    const struct showing *it = request->state;
    struct slice action = slice_str(site_path(request, APPLICATIONS_PATH));
    struct slice security = slice_str(site_path(request, SECURITY_PATH));
    struct slice older = older_address(request, page, action);
    struct page_value grants = {0};
    TRY(describe_grants(request, view, page, &grants));
    if (slice_is_absent(action) || slice_is_absent(security) || slice_is_absent(older))
        return STATUS_NO_MEMORY;
    const struct page_value values[] = {
        grants,
        PAGE_TEXT("outcome", it->outcome ? site_text(request, it->outcome) : SLICE("")),
        PAGE_TEXT("username", it->visitor.user->username),
        PAGE_TEXT("csrf_token", it->visitor.session->csrf),
        PAGE_TEXT("action", action),
        PAGE_TEXT("security", security),
        PAGE_TEXT("older", older),
        PAGE_TEXT("newest", it->before_id ? action : SLICE("")),
        PAGE_FLAG("has_grants", page->count > 0),
    };
    const struct page_scope scope = {values, COUNT_OF(values)};
    (void)site_page(request, 200, "applications.title", "applications.html", &scope, SLICE_ABSENT);
    return STATUS_OK;
}

static enum step_result show_granted(struct flow *flow)
{
    struct request *request = request_of(flow);
    void *page = NULL;
    enum status status = flow_outcome(flow, &page);
    if (status != STATUS_OK)
        return site_refuse(request, status, NULL);
    struct frame_view view = frame_begin(request); /* the words of scopes are its */
    status = show_list(request, &view, page);
    frame_end(request, &view);
    return status == STATUS_OK ? STEP_REPLY : site_refuse(request, status, NULL);
}

/* ---- POST ---- */

static enum step_result begin_change(struct flow *flow);
static enum step_result find_grant(struct flow *flow);
static enum step_result change_grant(struct flow *flow);
static enum step_result tell_change(struct flow *flow);

const struct step applications_change[] = {
    {"body", request_take_body}, /* waits where it did not come with the head */
    {"visitor", begin_change},   /* waits: the session */
    {"user", visitor_load},      /* waits: the user; or to the login */
    {"enter", visitor_enter},    /* the form is this session's */
    {"find", find_grant},        /* the form; waits: the grant, if one is meant */
    {"change", change_grant},    /* waits: that it is revoked, or has fewer scopes */
    {"reply", tell_change},      /* back to the page */
    {NULL, NULL},
};

enum deed { DEED_REVOKE, DEED_NARROW, DEED_REVOKE_ALL };

struct grant_change {
    struct visitor visitor; /* first */
    enum deed deed;
    struct slice jti;
    struct slice ticked;
    struct slice kept;   /* the scopes that stay */
    const char *outcome; /* its name */
};

static enum step_result begin_change(struct flow *flow)
{
    return visitor_begin(flow, sizeof(struct grant_change), SLICE(APPLICATIONS_PATH));
}

static enum status read_change(struct request *request, struct grant_change *it)
{
    static const char *const names[] = {
        [DEED_REVOKE] = "revoke", [DEED_NARROW] = "narrow", [DEED_REVOKE_ALL] = "revoke_all"};
    const struct form *form = &it->visitor.form;
    struct slice deed = {0};
    TRY(form_get_single(form, "deed", &deed));
    while (it->deed < COUNT_OF(names) && !slice_eq(slice_str(names[it->deed]), deed))
        it->deed++;
    if (it->deed == COUNT_OF(names))
        return STATUS_BAD_INPUT;
    if (it->deed != DEED_REVOKE_ALL)
        TRY(form_get_single(form, "jti", &it->jti));
    if (it->deed != DEED_REVOKE_ALL && it->jti.len == 0)
        return STATUS_BAD_INPUT;
    return form_join(&request->arena, form, "ticked", &it->ticked);
}

static enum step_result find_grant(struct flow *flow)
{
    struct request *request = request_of(flow);
    struct grant_change *it = request->state;
    enum status status = read_change(request, it);
    if (status != STATUS_OK)
        return site_refuse(request, status, NULL);
    if (it->deed == DEED_REVOKE_ALL)
        return STEP_NEXT;
    const struct grant_request wanted = {.user = it->visitor.user->id, .jti = it->jti, .limit = 1};
    durable_grant_list_start(app_of(request)->durable, &wanted, flow_wait(flow, STORE_TIMEOUT_MS));
    return STEP_WAIT;
}

static enum step_result go_back(struct flow *flow, const char *outcome)
{
    struct request *request = request_of(flow);
    struct buf target = buf_in(&request->arena);
    const char *page = site_path(request, APPLICATIONS_PATH);
    buf_addf(&target, "%s?done=%s", page ? page : "", outcome);
    if (!page || target.failed)
        return site_refuse(request, STATUS_NO_MEMORY, NULL);
    return site_redirect(request, buf_slice(&target));
}

/* By the user's subject as well as by the token's name, so that nobody revokes another's. */
static enum step_result revoke_granted(struct flow *flow)
{
    struct request *request = request_of(flow);
    struct grant_change *it = request->state;
    const struct token_filter filter = {.jti = it->jti, .subject = it->visitor.user->subject};
    const struct audit_entry audit =
        visitor_entry(flow, "token.revoke", it->deed == DEED_REVOKE ? it->jti : it->visitor.user->subject);
    it->outcome = it->deed == DEED_REVOKE ? "revoked" : "all";
    durable_token_revoke_start(app_of(request)->durable, &filter, &audit, flow_wait(flow, STORE_TIMEOUT_MS));
    return STEP_WAIT;
}

static enum step_result narrow_granted(struct flow *flow, const struct grant *grant)
{
    struct request *request = request_of(flow);
    struct grant_change *it = request->state;
    struct buf kept = buf_in(&request->arena);
    struct buf all = buf_in(&request->arena);
    scope_write_shared(grant->scopes, it->ticked, &kept);
    scope_write(grant->scopes, &all);
    if (kept.failed || all.failed)
        return site_refuse(request, STATUS_NO_MEMORY, NULL);
    if (kept.len == 0) /* a token without scopes is not one of no rights */
        return site_refuse(request, STATUS_BAD_INPUT, "applications.nothing_ticked");
    if (slice_eq(buf_slice(&kept), buf_slice(&all)))
        return go_back(flow, "same");
    const struct audit_entry audit = visitor_entry(flow, "token.narrow", it->jti);
    it->kept = buf_slice(&kept);
    it->outcome = "narrowed";
    durable_grant_narrow_start(app_of(request)->durable, it->visitor.user->id, it->jti, grant->scopes, it->kept, &audit,
                               flow_wait(flow, STORE_TIMEOUT_MS));
    return STEP_WAIT;
}

static enum step_result change_grant(struct flow *flow)
{
    struct request *request = request_of(flow);
    const struct grant_change *it = request->state;
    void *found = NULL;
    if (it->deed == DEED_REVOKE_ALL)
        return revoke_granted(flow);
    enum status status = flow_outcome(flow, &found);
    if (status != STATUS_OK)
        return site_refuse(request, status, NULL);
    const struct grant_page *page = found;
    if (page->count == 0) /* another's, or over */
        return go_back(flow, "gone");
    return it->deed == DEED_REVOKE ? revoke_granted(flow) : narrow_granted(flow, &page->grants[0]);
}

static enum step_result tell_change(struct flow *flow)
{
    const struct grant_change *it = request_of(flow)->state;
    enum status status = flow_outcome(flow, NULL);
    if (status == STATUS_NOT_FOUND)
        return go_back(flow, "gone");
    return status == STATUS_OK ? go_back(flow, it->outcome) : site_refuse(request_of(flow), status, NULL);
}
