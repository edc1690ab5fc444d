#include "protocol/authorize.h"

#include "app/service_metrics.h"
#include "crypto/ct.h"
#include "crypto/random.h"
#include "durable/users.h"
#include "login/delegated_login.h"
#include "login/login.h"
#include "login/trusted_login.h"
#include "login/visitor.h"
#include "oauth/scope.h"
#include "protocol/consent.h"
#include "protocol/verifier.h"
#include "rules/callback.h"
#include "site/return_to.h"
#include "site/site.h"

/* ---- what both share: whose request it is, and who is here ---- */

enum { LOADED_TEMP, LOADED_SESSION, LOADED_NAMED, LOADED_FIRST_COUNT };
enum { LOADED_CLIENT, LOADED_USER, LOADED_SECOND_COUNT };

struct authorization {
    struct slice oauth_token;
    struct slice csrf_token; /* POST */
    struct slice shown;      /* POST: the scopes that the page showed; absent: it is not the page */
    bool chooses;            /* POST: the page let one untick scopes */
    struct slice ticked;     /* POST: then those that were left ticked */
    bool deny;               /* POST */
    const struct temp_credential *temp;
    const struct session *session; /* NULL: nobody is logged in */
    const struct user *named;      /* whom the trusted header names; NULL: there is no such header here */
    const struct client *client;
    const struct user *user; /* NULL: gone or disabled since */
    struct slice scopes;     /* asked for, and those that the client may have still */
    char verifier[VERIFIER_BYTES];
    size_t verifier_len;
};

static struct authorization *authorization_of(struct flow *flow)
{
    return request_of(flow)->state;
}

/* A key, for somebody who has never heard of OAuth; NULL: nothing better than the page's own sentence. */
static const char *sentence_for(enum status status)
{
    switch (status) {
    case STATUS_PARAMETER_ABSENT:
        return "refused.incomplete";
    case STATUS_MALFORMED:
    case STATUS_BAD_INPUT:
        return "refused.malformed";
    case STATUS_TOKEN_REJECTED:
        return "refused.unknown";
    case STATUS_TOKEN_EXPIRED:
        return "refused.expired";
    case STATUS_TOKEN_USED:
        return "refused.used";
    case STATUS_PERMISSION_DENIED:
        return "refused.denied";
    case STATUS_FORBIDDEN:
        return "refused.taken";
    case STATUS_CLIENT_UNKNOWN:
    case STATUS_CLIENT_DISABLED:
        return "refused.client";
    case STATUS_SCOPE_REJECTED:
        return "refused.scope";
    case STATUS_CALLBACK_REJECTED:
        return "refused.callback";
    default:
        return NULL;
    }
}

static enum step_result fail_because(struct flow *flow, enum status status, const char *key)
{
    metric_count(&authorizations, AUTHORIZATION_FAILED);
    return site_refuse(request_of(flow), status, key);
}

static enum step_result fail_page(struct flow *flow, enum status status)
{
    if (status == STATUS_CONFLICT) { /* only of whom the trusted header names */
        metric_count(&authorizations, AUTHORIZATION_FAILED);
        return trusted_login_refuse(request_of(flow), status);
    }
    bool is_unapproved = status == STATUS_CLIENT_DISABLED && !(authorization_of(flow)->client->flags & CLIENT_DISABLED);
    return fail_because(flow, status, is_unapproved ? "refused.unapproved" : sentence_for(status));
}

static enum status begin_authorization(struct flow *flow)
{
    struct request *request = request_of(flow);
    request->state = arena_calloc(&request->arena, 1, sizeof(struct authorization));
    if (!request->state)
        return STATUS_NO_MEMORY;
    return site_is_secure(request) ? STATUS_OK : STATUS_INSECURE_TRANSPORT;
}

static enum step_result load_first(struct flow *flow)
{
    struct request *request = request_of(flow);
    struct ephemeral *ephemeral = app_loop_of(request)->ephemeral;
    struct ticket tickets[LOADED_FIRST_COUNT];
    bool is_named = trusted_login_is_on(app_of(request)->config);
    struct slice subject = trusted_login_subject(request);
    if (is_named && slice_is_absent(subject)) {
        metric_count(&authorizations, AUTHORIZATION_FAILED);
        return trusted_login_refuse(request, STATUS_OK);
    }
    flow_wait_group(flow, is_named ? LOADED_FIRST_COUNT : LOADED_NAMED, STORE_TIMEOUT_MS, tickets);
    if (is_named)
        trusted_login_find_start(request, subject, tickets[LOADED_NAMED]);
    ephemeral_temp_find_start(ephemeral, authorization_of(flow)->oauth_token, SLICE(""), tickets[LOADED_TEMP]);
    ephemeral_session_find_start(ephemeral, site_cookie(request, COOKIE_SESSION), tickets[LOADED_SESSION]);
    return STEP_WAIT;
}

/* A session that a site began decides on what the site was asked about and on nothing else, so that what it said of the
 * scopes holds. One of another user than the trusted header's is over. */
static bool may_decide(struct flow *flow, const struct session *session)
{
    bool is_delegated = delegated_login_is_on(app_of(request_of(flow))->config);
    const struct user *named = authorization_of(flow)->named;
    if (named && named->id != session->user)
        return false;
    return slice_eq(session->bound_to, is_delegated ? authorization_of(flow)->oauth_token : SLICE(""));
}

static enum status take_named(struct flow *flow)
{
    void *named = NULL;
    if (!trusted_login_is_on(app_of(request_of(flow))->config))
        return STATUS_OK;
    enum status status = flow_outcome_at(flow, LOADED_NAMED, &named);
    authorization_of(flow)->named = named;
    return status;
}

/* Whether the request for authorization stands, and whose session this is. */
static enum status take_first(struct flow *flow)
{
    struct authorization *it = authorization_of(flow);
    void *temp = NULL;
    void *session = NULL;
    TRY(take_named(flow));
    enum status status = flow_outcome_at(flow, LOADED_SESSION, &session);
    if (status != STATUS_OK && status != STATUS_NOT_FOUND)
        return status;
    it->session = session && may_decide(flow, session) ? session : NULL;
    TRY(flow_outcome_at(flow, LOADED_TEMP, &temp));
    it->temp = temp;
    return temp_credential_check_live(it->temp);
}

static enum step_result go_to_login(struct flow *flow)
{
    struct request *request = request_of(flow);
    struct slice oauth_token = authorization_of(flow)->oauth_token;
    if (delegated_login_is_on(app_of(request)->config))
        return delegated_login_ask(flow, oauth_token);
    if (authorization_of(flow)->named)
        return trusted_login_enter(flow, authorization_of(flow)->named, return_to_authorize(request, oauth_token));
    return login_redirect(request, return_to_authorize(request, oauth_token));
}

static enum step_result load_second(struct flow *flow)
{
    const struct app *app = app_of(request_of(flow));
    const struct authorization *it = authorization_of(flow);
    struct ticket tickets[LOADED_SECOND_COUNT];
    if (!it->session)
        return go_to_login(flow);
    if (it->temp->user != 0 && it->temp->user != it->session->user) /* the first decision tied it */
        return fail_page(flow, STATUS_FORBIDDEN);
    flow_wait_group(flow, LOADED_SECOND_COUNT, STORE_TIMEOUT_MS, tickets);
    durable_client_find_start(app->durable, it->temp->client_id, tickets[LOADED_CLIENT]);
    durable_user_find_start(app->durable, it->session->user, tickets[LOADED_USER]);
    return STEP_WAIT;
}

/* The callback was bound when the temporary credential was issued (advisory 2009.1); for `oob` the
 * client's default one, if it has one. Empty: the verifier is shown. */
static struct slice destination_of(const struct authorization *it)
{
    return callback_is_oob(it->temp->callback) ? it->client->default_callback : it->temp->callback;
}

/* What the client took out of its registration since is not called back any more. */
static enum status judge_client(const struct authorization *it)
{
    const char *why = NULL;
    struct slice target = destination_of(it);
    if (it->client->flags & CLIENT_DISABLED)
        return STATUS_CLIENT_DISABLED;
    if (it->client->generation != it->temp->client_generation) /* it was, since */
        return STATUS_TOKEN_REJECTED;
    if (target.len && !(callback_is_acceptable(target, &why) && callback_is_registered(target, it->client)))
        return STATUS_CALLBACK_REJECTED;
    return STATUS_OK;
}

/* Those of it->scopes that are in the list, too. STATUS_SCOPE_REJECTED: none is left of some. */
static enum status keep_listed(struct flow *flow, struct slice list)
{
    struct authorization *it = authorization_of(flow);
    struct buf scopes = buf_in(&request_of(flow)->arena);
    scope_write_shared(it->scopes, list, &scopes);
    if (scopes.failed)
        return STATUS_NO_MEMORY;
    bool lost_all = it->scopes.len > 0 && scopes.len == 0;
    it->scopes = buf_slice(&scopes);
    return lost_all ? STATUS_SCOPE_REJECTED : STATUS_OK;
}

/* A scope that was taken from the client since is not asked for any more, nor is one that the site does not leave its
 * user; nothing is asked where none is left. */
static enum status judge_scopes(struct flow *flow)
{
    struct authorization *it = authorization_of(flow);
    it->scopes = it->temp->scopes;
    TRY(keep_listed(flow, it->client->allowed_scopes));
    return it->session->bound_to.len ? keep_listed(flow, it->session->scopes) : STATUS_OK;
}

/* What the page did not show, because the client might not have it then, is not granted, ticked or not; nor is what was
 * unticked, where the page had the ticks. */
static enum status keep_shown(struct flow *flow)
{
    const struct authorization *it = authorization_of(flow);
    if (slice_is_absent(it->shown))
        return STATUS_PARAMETER_ABSENT;
    TRY(keep_listed(flow, it->shown));
    return it->chooses ? keep_listed(flow, it->ticked) : STATUS_OK;
}

static enum status take_client(struct flow *flow)
{
    struct authorization *it = authorization_of(flow);
    void *client = NULL;
    enum status status = flow_outcome_at(flow, LOADED_CLIENT, &client);
    if (status == STATUS_NOT_FOUND)
        return STATUS_CLIENT_UNKNOWN;
    TRY(status);
    it->client = client;
    return judge_client(it);
}

static enum status take_second(struct flow *flow)
{
    struct authorization *it = authorization_of(flow);
    void *user = NULL;
    TRY(take_client(flow));
    TRY(judge_scopes(flow));
    enum status status = flow_outcome_at(flow, LOADED_USER, &user);
    if (status != STATUS_OK && status != STATUS_NOT_FOUND)
        return status;
    it->user = user && visitor_may_come(request_of(flow), it->session, user) ? user : NULL;
    return !it->user || client_serves(it->client, it->user->subject) ? STATUS_OK : STATUS_CLIENT_DISABLED;
}

/* ---- where the browser goes with the decision ---- */

static enum step_result send_back(struct flow *flow, const struct callback_pair *pairs, size_t count)
{
    struct request *request = request_of(flow);
    struct buf target = buf_in(&request->arena);
    callback_write(destination_of(authorization_of(flow)), pairs, count, &target);
    if (target.failed)
        return fail_page(flow, STATUS_NO_MEMORY);
    return site_redirect(request, buf_slice(&target));
}

static enum step_result show_verifier(struct flow *flow)
{
    const struct authorization *it = authorization_of(flow);
    struct slice verifier = slice_of(it->verifier, it->verifier_len);
    struct buf grouped = buf_in(&request_of(flow)->arena);
    struct buf spelled = buf_in(&request_of(flow)->arena);
    verifier_write_grouped(verifier, &grouped);
    verifier_write_spelled(verifier, &spelled);
    if (grouped.failed || spelled.failed)
        return fail_page(flow, STATUS_NO_MEMORY);
    const struct page_value values[] = {
        PAGE_TEXT("client_name", it->client->name.len ? it->client->name : it->client->client_id),
        PAGE_TEXT("verifier", buf_slice(&grouped)),
        PAGE_TEXT("spelled", buf_slice(&spelled)),
    };
    const struct page_scope scope = {values, COUNT_OF(values)};
    return site_page(request_of(flow), 200, "verifier.title", "verifier.html", &scope, SLICE_ABSENT);
}

static enum step_result reply_granted(struct flow *flow)
{
    const struct authorization *it = authorization_of(flow);
    const struct callback_pair pairs[] = {
        {"oauth_token", it->oauth_token},
        {"oauth_verifier", slice_of(it->verifier, it->verifier_len)},
    };
    metric_count(&authorizations, AUTHORIZATION_GRANTED);
    return destination_of(it).len ? send_back(flow, pairs, COUNT_OF(pairs)) : show_verifier(flow);
}

static enum step_result reply_denied(struct flow *flow)
{
    const struct authorization *it = authorization_of(flow);
    const struct callback_pair pairs[] = {
        {"oauth_token", it->oauth_token},
        {"error", SLICE("access_denied")},
        {"error_description", SLICE("The resource owner denied the request")},
        {"oauth_problem", SLICE("user_refused")},
    };
    metric_count(&authorizations, AUTHORIZATION_DENIED);
    if (destination_of(it).len)
        return send_back(flow, pairs, COUNT_OF(pairs));
    const struct page_value values[] = {
        PAGE_TEXT("kind", SLICE("note")),
        PAGE_TEXT("message", site_text(request_of(flow), "denied.message")),
        PAGE_TEXT("problem", SLICE("user_refused")),
        PAGE_TEXT("problem_url", SLICE("")),
    };
    const struct page_scope scope = {values, COUNT_OF(values)};
    return site_page(request_of(flow), 200, "denied.title", "message.html", &scope, SLICE_ABSENT);
}

/* A verifier that nobody can guess: long for a redirect, short to type and good for five tries. */
static enum status grant_start(struct flow *flow)
{
    struct authorization *it = authorization_of(flow);
    bool typed = destination_of(it).len == 0;
    it->verifier_len = typed ? VERIFIER_TYPABLE_BYTES : VERIFIER_BYTES;
    TRY(typed ? random_typable(it->verifier, it->verifier_len) : random_text(it->verifier, it->verifier_len));
    const struct temp_grant grant = {
        .user = it->user->id,
        .user_generation = it->user->generation,
        .username = it->user->username,
        .scopes = it->scopes,
        .verifier = slice_of(it->verifier, it->verifier_len),
    };
    ephemeral_temp_grant_start(app_loop_of(request_of(flow))->ephemeral, it->temp, &grant,
                               flow_wait(flow, STORE_TIMEOUT_MS));
    return STATUS_OK;
}

/* Who decided what; waits. Where a site refused, nobody did. Without its row a grant brings no verifier. */
static enum step_result audit_decision(struct flow *flow)
{
    const struct authorization *it = authorization_of(flow);
    enum status status = flow_outcome(flow, NULL);
    if (status != STATUS_OK)
        return fail_page(flow, status);
    struct audit_entry entry = {.what = it->deny ? SLICE("access.deny") : SLICE("access.grant"),
                                .subject = it->client->client_id,
                                .client = it->client->client_id};
    site_audit_start(request_of(flow), it->user, &entry, flow_wait(flow, STORE_TIMEOUT_MS));
    return STEP_WAIT;
}

static enum step_result reply_decision(struct flow *flow)
{
    enum status status = flow_outcome(flow, NULL); /* the row of the audit log */
    if (status != STATUS_OK)
        return fail_page(flow, status);
    return authorization_of(flow)->deny ? reply_denied(flow) : reply_granted(flow);
}

/* For whoever need not be asked. */
static enum step_result grant_unasked(struct flow *flow)
{
    static const struct step steps[] = {{"audit", audit_decision}, {"reply", reply_decision}, {NULL, NULL}};
    enum status status = grant_start(flow);
    return status == STATUS_OK ? flow_leave_for(flow, steps) : fail_page(flow, status);
}

/* ---- GET: the consent page ---- */

static enum step_result show_parse(struct flow *flow)
{
    struct request *request = request_of(flow);
    struct form query = {0};
    enum status status = begin_authorization(flow);
    if (status == STATUS_OK)
        status = form_parse(&request->arena, request->query, &query);
    if (status == STATUS_OK)
        status = form_get_single(&query, "oauth_token", &authorization_of(flow)->oauth_token);
    return status == STATUS_OK ? STEP_NEXT : fail_page(flow, status);
}

static enum step_result show_load(struct flow *flow)
{
    enum status status = take_first(flow);
    if (status != STATUS_OK)
        return fail_page(flow, status);
    return load_second(flow);
}

static enum step_result show_page(struct flow *flow)
{
    const struct authorization *it = authorization_of(flow);
    const struct consent consent = {
        .temp = it->temp,
        .client = it->client,
        .user = it->user,
        .scopes = it->scopes,
        .csrf_token = it->session->csrf,
        .destination = destination_of(it),
    };
    enum status status = consent_show(request_of(flow), &consent);
    return status == STATUS_OK ? STEP_REPLY : fail_page(flow, status);
}

/* One who granted the same before may be sent straight back, if the client is marked for it and the callback
 * came with the request: the login page's form-action names that one. */
static enum step_result show_consider(struct flow *flow)
{
    struct authorization *it = authorization_of(flow);
    enum status status = take_second(flow);
    if (status != STATUS_OK)
        return fail_page(flow, status);
    if (!it->user)
        return go_to_login(flow);
    if (it->session->is_granted)
        return grant_unasked(flow);
    if (!(it->client->flags & CLIENT_TRUSTED) || callback_is_oob(it->temp->callback))
        return show_page(flow);
    durable_token_covers_start(app_of(request_of(flow))->durable, it->client->client_id, it->user->id, it->scopes,
                               flow_wait(flow, STORE_TIMEOUT_MS));
    return STEP_WAIT;
}

static enum step_result show_grant(struct flow *flow)
{
    void *covers = NULL;
    enum status status = flow_outcome(flow, &covers);
    if (status == STATUS_OK && !*(const bool *)covers)
        return show_page(flow);
    if (status == STATUS_OK)
        status = grant_start(flow);
    return status == STATUS_OK ? STEP_WAIT : fail_page(flow, status);
}

/* GET /oauth/authorize: who asks, for what, and where the browser goes afterwards. */
const struct step authorize_show[] = {
    {"parse", show_parse},
    {"first", load_first},       /* waits: the temporary credential and the session */
    {"load", show_load},         /* waits: client and user; or to the login page */
    {"consider", show_consider}, /* the page; waits only for a trusted client: granted before? */
    {"grant", show_grant},       /* the page; waits: the grant */
    {"audit", audit_decision},   /* waits: who granted it */
    {"reply", reply_decision},   /* back to the client, or the verifier */
    {NULL, NULL},
};

/* ---- POST: the decision ---- */

static const char foreign_form[] = "consent.foreign_form";

static enum status read_decision(struct request *request, struct authorization *it)
{
    struct form form = {0};
    struct slice decision = {0};
    TRY(site_form(request, &form));
    TRY(form_get_single(&form, "oauth_token", &it->oauth_token));
    TRY(form_get_single(&form, "decision", &decision));
    if (form_get_single(&form, "csrf_token", &it->csrf_token) != STATUS_OK)
        return STATUS_FORBIDDEN;
    it->shown = form_get(&form, "scope", NULL);
    it->chooses = !slice_is_absent(form_get(&form, "choice", NULL));
    TRY(form_join(&request->arena, &form, "ticked", &it->ticked));
    it->deny = slice_eq(decision, SLICE("deny"));
    return it->deny || slice_eq(decision, SLICE("grant")) ? STATUS_OK : STATUS_BAD_INPUT;
}

static enum step_result decide_parse(struct flow *flow)
{
    enum status status = begin_authorization(flow);
    if (status == STATUS_OK)
        status = read_decision(request_of(flow), authorization_of(flow));
    if (status == STATUS_FORBIDDEN)
        return fail_because(flow, status, foreign_form);
    return status == STATUS_OK ? STEP_NEXT : fail_page(flow, status);
}

/* Before anything else is told: the form must be this session's (CSRF). */
static enum step_result decide_load(struct flow *flow)
{
    struct authorization *it = authorization_of(flow);
    enum status status = take_first(flow);
    if (it->session && !ct_equal(it->session->csrf, it->csrf_token))
        return fail_because(flow, STATUS_FORBIDDEN, foreign_form);
    if (status != STATUS_OK)
        return fail_page(flow, status);
    return load_second(flow);
}

static enum step_result decide_access(struct flow *flow)
{
    struct authorization *it = authorization_of(flow);
    enum status status = take_second(flow);
    if (status == STATUS_OK && !it->user)
        return go_to_login(flow);
    if (status == STATUS_OK && !it->deny && it->chooses && it->ticked.len == 0)
        return fail_because(flow, STATUS_BAD_INPUT, "consent.nothing_ticked");
    if (status == STATUS_OK && !it->deny)
        status = keep_shown(flow);
    if (status == STATUS_OK && !it->deny)
        status = grant_start(flow);
    if (status != STATUS_OK)
        return fail_page(flow, status);
    if (it->deny)
        ephemeral_temp_deny_start(app_loop_of(request_of(flow))->ephemeral, it->temp, it->user->id,
                                  flow_wait(flow, STORE_TIMEOUT_MS));
    return STEP_WAIT;
}

/* POST /oauth/authorize: grants or denies. */
const struct step authorize_decide[] = {
    {"body", request_take_body}, /* waits where it did not come with the head */
    {"parse", decide_parse},
    {"first", load_first},     /* waits: the temporary credential and the session */
    {"load", decide_load},     /* CSRF; waits: client and user */
    {"decide", decide_access}, /* waits: the decision */
    {"audit", audit_decision}, /* waits: who decided */
    {"reply", reply_decision}, /* back to the client, or the verifier */
    {NULL, NULL},
};

/* ---- the site's refusal ---- */

static enum step_result reject_load(struct flow *flow)
{
    enum status status = take_first(flow);
    if (status != STATUS_OK)
        return fail_page(flow, status);
    durable_client_find_start(app_of(request_of(flow))->durable, authorization_of(flow)->temp->client_id,
                              flow_wait(flow, STORE_TIMEOUT_MS));
    return STEP_WAIT;
}

/* By nobody: what a user decided already stays. */
static enum step_result reject_access(struct flow *flow)
{
    const struct authorization *it = authorization_of(flow);
    enum status status = take_client(flow);
    if (status != STATUS_OK)
        return fail_page(flow, status);
    ephemeral_temp_deny_start(app_loop_of(request_of(flow))->ephemeral, it->temp, 0, flow_wait(flow, STORE_TIMEOUT_MS));
    return STEP_WAIT;
}

static const struct step reject[] = {
    {"first", load_first},     /* waits: the temporary credential */
    {"load", reject_load},     /* waits: the client */
    {"decide", reject_access}, /* waits: it is denied */
    {"audit", audit_decision}, /* waits: that it was denied */
    {"reply", reply_decision}, /* back to the client */
    {NULL, NULL},
};

enum step_result authorize_reject(struct flow *flow, struct slice oauth_token)
{
    enum status status = begin_authorization(flow);
    if (status != STATUS_OK)
        return fail_page(flow, status);
    authorization_of(flow)->oauth_token = oauth_token;
    authorization_of(flow)->deny = true;
    return flow_leave_for(flow, reject);
}
