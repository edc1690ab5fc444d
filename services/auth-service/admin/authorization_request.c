#include "admin/authorization_request.h"

#include "admin/admin.h"
#include "durable/users.h"
#include "login/challenge.h"
#include "oauth/scope.h"
#include "json/json_writer.h"

struct decision {
    struct slice subject, username, scope, consent;
};

struct authorization_request {
    struct admin_call call; /* first: admin.h */
    struct slice text;
    struct slice found; /* what the store holds of the challenge */
    struct challenge challenge;
    struct decision decision;
    const struct temp_credential *temp; /* NULL: the challenge is for a page */
    const struct client *client;
    const struct user *user;
};

static struct authorization_request *request_state(struct flow *flow)
{
    return request_of(flow)->state;
}

static bool is_authorization(const struct authorization_request *it)
{
    return slice_eq(it->challenge.kind, SLICE(CHALLENGE_AUTHORIZATION));
}

/* ---- what all three share: which challenge, and what it is for ---- */

static enum step_result refuse_unknown_challenge(struct request *request)
{
    return admin_refuse(request, 404,
                        "there is no such challenge: it has expired (after 600 s), was used, or is another service's");
}

static enum step_result begin_call(struct flow *flow)
{
    struct request *request = request_of(flow);
    enum step_result begun = admin_begin(flow, ADMIN_FOR_SITES_TOO, sizeof(struct authorization_request));
    if (begun != STEP_NEXT)
        return begun;
    struct authorization_request *it = request_state(flow);
    it->text = request->path_values[0];
    return challenge_is_text(it->text) ? STEP_NEXT : refuse_unknown_challenge(request);
}

static enum step_result find_challenge(struct flow *flow)
{
    struct request *request = request_of(flow);
    ephemeral_blob_find_start(app_loop_of(request)->ephemeral, request_state(flow)->text,
                              flow_wait(flow, STORE_TIMEOUT_MS));
    return STEP_WAIT;
}

static enum step_result take_challenge(struct flow *flow)
{
    struct request *request = request_of(flow);
    struct authorization_request *it = request_state(flow);
    void *blob = NULL;
    enum status status = flow_outcome(flow, &blob);
    if (status == STATUS_NOT_FOUND)
        return refuse_unknown_challenge(request);
    if (status == STATUS_OK) {
        it->found = ((const struct ephemeral_blob *)blob)->bytes;
        status = challenge_read(it->found, &request->arena, &it->challenge);
    }
    return status == STATUS_OK ? STEP_NEXT : admin_refuse_status(request, status);
}

static enum step_result load_temp(struct flow *flow)
{
    struct request *request = request_of(flow);
    enum step_result taken = take_challenge(flow);
    if (taken != STEP_NEXT || !is_authorization(request_state(flow)))
        return taken;
    ephemeral_temp_find_start(app_loop_of(request)->ephemeral, request_state(flow)->challenge.oauth_token, SLICE(""),
                              flow_wait(flow, STORE_TIMEOUT_MS));
    return STEP_WAIT;
}

/* Whether there is still something to decide. */
static enum step_result take_temp(struct flow *flow)
{
    struct authorization_request *it = request_state(flow);
    void *temp = NULL;
    if (!is_authorization(it))
        return STEP_NEXT;
    enum status status = flow_outcome(flow, &temp);
    it->temp = temp;
    if (status == STATUS_OK)
        status = temp_credential_check_live(it->temp);
    if (status_is_infrastructure(status))
        return admin_refuse_status(request_of(flow), status);
    if (status != STATUS_OK)
        return admin_refuse(request_of(flow), 409,
                            "the request for access that this challenge is for has expired or is decided");
    return STEP_NEXT;
}

static enum step_result refuse_decided(struct request *request)
{
    return admin_refuse(request, 409, "this challenge was accepted or rejected already; begin again with a new one");
}

static bool is_pending(const struct authorization_request *it)
{
    return slice_eq(it->challenge.state, SLICE(CHALLENGE_PENDING));
}

/* ---- GET ---- */

static enum step_result load_client(struct flow *flow)
{
    enum step_result taken = take_temp(flow);
    if (taken != STEP_NEXT || !request_state(flow)->temp)
        return taken;
    durable_client_find_start(app_of(request_of(flow))->durable, request_state(flow)->temp->client_id,
                              flow_wait(flow, STORE_TIMEOUT_MS));
    return STEP_WAIT;
}

static void write_client(struct json_writer *json, const struct client *client)
{
    json_member_object(json, "client");
    json_member_string(json, "client_id", client->client_id);
    json_member_string(json, "name", client->name);
    json_member_string(json, "description", client->description);
    json_member_string(json, "website", client->website);
    json_member_bool(json, "verified", (client->flags & CLIENT_VERIFIED) != 0);
    json_end_object(json);
}

static enum step_result show_challenge(struct flow *flow)
{
    struct request *request = request_of(flow);
    const struct authorization_request *it = request_state(flow);
    struct buf text = buf_in(&request->arena);
    struct json_writer json = json_writer(&text);
    void *client = NULL;
    enum status status = it->temp ? flow_outcome(flow, &client) : STATUS_OK;
    if (status == STATUS_NOT_FOUND)
        return admin_refuse(request, 409, "the client that asks for access was deleted");
    if (status != STATUS_OK)
        return admin_refuse_status(request, status);
    json_begin_object(&json);
    json_member_string(&json, "challenge", it->text);
    json_member_string(&json, "kind", it->challenge.kind);
    json_member_string(&json, "state", it->challenge.state);
    if (it->temp) {
        write_client(&json, client);
        json_member_string(&json, "scope", it->temp->scopes);
        json_member_string(&json, "callback", it->temp->callback);
    }
    json_end_object(&json);
    return admin_reply(request, &text);
}

const struct step authorization_request_show[] = {
    {"caller", begin_call},   {"find", find_challenge}, /* waits: the challenge */
    {"temporary", load_temp},                           /* waits: the temporary credential that it is for */
    {"client", load_client},                            /* waits: who asks */
    {"show", show_challenge}, {NULL, NULL},
};

/* ---- the decision, and where the browser is to be sent with it ---- */

static enum step_result keep_decision(struct flow *flow)
{
    struct request *request = request_of(flow);
    struct authorization_request *it = request_state(flow);
    struct buf record = buf_in(&request->arena);
    enum status status = flow_outcome(flow, NULL); /* the row of the audit log */
    if (status == STATUS_OK)
        status = challenge_generate(&request->arena, &it->challenge.secret);
    challenge_write(&it->challenge, &record);
    if (status == STATUS_OK && record.failed)
        status = STATUS_NO_MEMORY;
    if (status != STATUS_OK)
        return admin_refuse_status(request, status);
    ephemeral_blob_replace_start(app_loop_of(request)->ephemeral, it->text, it->found, buf_slice(&record),
                                 flow_wait(flow, STORE_TIMEOUT_MS));
    return STEP_WAIT;
}

static enum step_result tell_target(struct flow *flow)
{
    struct request *request = request_of(flow);
    const struct authorization_request *it = request_state(flow);
    struct buf target = buf_in(&request->arena);
    struct buf text = buf_in(&request->arena);
    struct json_writer json = json_writer(&text);
    enum status status = flow_outcome(flow, NULL);
    if (status == STATUS_CONFLICT)
        return refuse_decided(request);
    if (status == STATUS_NOT_FOUND)
        return refuse_unknown_challenge(request);
    if (status != STATUS_OK)
        return admin_refuse_status(request, status);
    buf_add(&target, app_of(request)->config->public_url.text);
    buf_add_str(&target, "/login/continue?login_challenge=");
    buf_add(&target, it->text);
    buf_add_str(&target, "&login_secret=");
    buf_add(&target, it->challenge.secret);
    if (target.failed)
        return admin_refuse_status(request, STATUS_NO_MEMORY);
    json_begin_object(&json);
    json_member_string(&json, "redirect_to", buf_slice(&target));
    json_end_object(&json);
    return admin_reply(request, &text);
}

/* Before the decision can be used: what was decided and not written down would be nobody's. */
static enum step_result audit_decision(struct flow *flow, const char *what, struct slice subject)
{
    struct request *request = request_of(flow);
    const struct audit_entry entry = {.who = request_state(flow)->call.bearer.name,
                                      .what = slice_str(what),
                                      .subject = subject,
                                      .request = request_id(request)};
    durable_audit_write_start(app_of(request)->durable, &entry, flow_wait(flow, STORE_TIMEOUT_MS));
    return STEP_WAIT;
}

/* ---- PUT …/accept ---- */

static const struct json_field decision_fields[] = {
    JSON_FIELD(struct decision, subject, JSON_STRING, true),
    JSON_FIELD(struct decision, username, JSON_STRING, false),
    JSON_FIELD(struct decision, scope, JSON_STRING, false),
    JSON_FIELD(struct decision, consent, JSON_STRING, false),
    JSON_FIELDS_END,
};

static enum step_result parse_accept(struct flow *flow)
{
    struct request *request = request_of(flow);
    struct authorization_request *it = request_state(flow);
    struct decision *decision = &it->decision;
    enum step_result read = admin_read_body(request, decision_fields, decision);
    if (read != STEP_NEXT)
        return read;
    bool has_name = !slice_is_absent(decision->username);
    if (!user_subject_is_sites(decision->subject))
        return admin_refuse(request, 400,
                            "subject must have 1 to 255 bytes without control characters, and must not begin with "
                            "local-, as accounts made here do");
    if (has_name && (decision->username.len == 0 || decision->username.len > IDENTIFIER_MAX_BYTES ||
                     !slice_is_printable(decision->username)))
        return admin_refuse(request, 400, "username must have 1 to 255 bytes without control characters");
    if (slice_is_absent(decision->consent))
        decision->consent = SLICE("ask");
    if (!slice_eq(decision->consent, SLICE("ask")) && !slice_eq(decision->consent, SLICE("granted")))
        return admin_refuse(request, 400, "consent must be \"ask\" or \"granted\"");
    return STEP_NEXT;
}

/* It may only be less than what was asked for. */
static const char *judge_scope(const struct authorization_request *it)
{
    struct slice scope = it->decision.scope;
    if (!it->temp)
        return slice_is_absent(scope) ? NULL : "scope: this challenge is for a page, and asks for none; leave it out";
    if (slice_is_absent(scope))
        return NULL;
    if (!scope_is_valid(scope) || !scope_covers(it->temp->scopes, scope))
        return "scope must be some of those that were asked for, separated by spaces";
    if (it->temp->scopes.len && slice_trim(scope).len == 0)
        return "scope must name at least one of those that were asked for; reject the request instead";
    return NULL;
}

static enum step_result ensure_sites_user(struct flow *flow)
{
    struct request *request = request_of(flow);
    struct authorization_request *it = request_state(flow);
    enum step_result taken = take_temp(flow);
    if (taken != STEP_NEXT)
        return taken;
    if (!is_pending(it))
        return refuse_decided(request);
    const char *why = judge_scope(it);
    if (!why && !it->temp && slice_eq(it->decision.consent, SLICE("granted")))
        why = "consent: this challenge is for a page, and there is nothing to grant; leave it out";
    if (why)
        return admin_refuse(request, 400, why);
    durable_user_ensure_start(app_of(request)->durable, it->decision.subject, it->decision.username,
                              flow_wait(flow, STORE_TIMEOUT_MS));
    return STEP_WAIT;
}

static enum step_result audit_accept(struct flow *flow)
{
    struct request *request = request_of(flow);
    struct authorization_request *it = request_state(flow);
    void *user = NULL;
    enum status status = flow_outcome(flow, &user);
    if (status == STATUS_CONFLICT)
        return admin_refuse(request, 409,
                            "this subject is that of an account that an earlier version made here, with a password: "
                            "give that account another (auth-service user set-local-subject), or delete it");
    if (status != STATUS_OK)
        return admin_refuse_status(request, status);
    it->user = user;
    if (it->user->disabled)
        return admin_refuse(request, 403, "this user is disabled here");
    bool is_granted = slice_eq(it->decision.consent, SLICE("granted"));
    it->challenge.state = SLICE(CHALLENGE_ACCEPTED);
    it->challenge.user = it->user->id;
    it->challenge.user_version = it->user->version;
    it->challenge.username = it->user->username;
    it->challenge.is_granted = is_granted;
    if (it->temp)
        it->challenge.scopes = slice_is_absent(it->decision.scope) ? it->temp->scopes : it->decision.scope;
    return audit_decision(flow, is_granted ? "login.accept-granted" : "login.accept-ask", it->decision.subject);
}

const struct step authorization_request_accept[] = {
    {"caller", begin_call},
    {"body", admin_take_body},   /* waits where it did not come with the head */
    {"parse", parse_accept},     /* what the site says */
    {"find", find_challenge},    /* waits: the challenge */
    {"temporary", load_temp},    /* waits: the temporary credential that it is for */
    {"user", ensure_sites_user}, /* waits: the user, who is made if need be */
    {"audit", audit_accept},     /* waits: who accepted whom */
    {"keep", keep_decision},     /* waits: the decision */
    {"reply", tell_target},      /* where to send the browser */
    {NULL, NULL},
};

/* ---- PUT …/reject ---- */

static const struct json_field no_fields[] = {JSON_FIELDS_END};

static enum step_result parse_reject(struct flow *flow)
{
    struct decision none = {0};
    return admin_read_body(request_of(flow), no_fields, &none);
}

static enum step_result audit_reject(struct flow *flow)
{
    struct authorization_request *it = request_state(flow);
    enum step_result taken = take_challenge(flow);
    if (taken != STEP_NEXT)
        return taken;
    if (!is_pending(it))
        return refuse_decided(request_of(flow));
    it->challenge.state = SLICE(CHALLENGE_REJECTED);
    return audit_decision(flow, "login.reject", it->challenge.kind);
}

const struct step authorization_request_reject[] = {
    {"caller", begin_call},
    {"body", admin_take_body}, /* waits where it did not come with the head */
    {"parse", parse_reject},   /* nothing, or {} */
    {"find", find_challenge},  /* waits: the challenge */
    {"audit", audit_reject},   /* waits: who rejected */
    {"keep", keep_decision},   /* waits: the decision */
    {"reply", tell_target},    /* where to send the browser */
    {NULL, NULL},
};
