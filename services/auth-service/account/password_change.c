#include "account/password_change.h"

#include "account/security.h"
#include "durable/passwords.h"
#include "login/login.h"
#include "login/password_check.h"
#include "login/visitor.h"
#include "rules/password_rules.h"
#include "site/site.h"
#include "verify/quota.h"

enum { HASH_TIMEOUT_MS = 5000 }; /* a full queue of hashes is a second or two of work */

static enum step_result begin_password(struct flow *flow);
static enum step_result count_guess(struct flow *flow);
static enum step_result check_current(struct flow *flow);
static enum step_result hash_fresh(struct flow *flow);
static enum step_result set_fresh(struct flow *flow);
static enum step_result tell_changed(struct flow *flow);

const struct step password_change[] = {
    {"body", request_take_body}, /* waits where it did not come with the head */
    {"visitor", begin_password}, /* waits: the session */
    {"user", visitor_load},      /* waits: the user; or to the login */
    {"enter", visitor_enter},    /* the form is this session's */
    {"count", count_guess},      /* the form; waits: how often this session guessed */
    {"check", check_current},    /* waits: the password that he has */
    {"hash", hash_fresh},        /* the rules; waits: the hash of the new one */
    {"set", set_fresh},          /* waits: it is the password; whatever was begun by the old one ends */
    {"reply", tell_changed},     /* to log in by it */
    {NULL, NULL},
};

struct password_form {
    struct visitor visitor; /* first */
    struct slice current, fresh, again;
    char own[SESSION_HANDLE_BYTES];
};

static enum step_result begin_password(struct flow *flow)
{
    return visitor_begin(flow, sizeof(struct password_form), SLICE(SECURITY_PATH));
}

static enum status read_passwords(struct request *request, struct password_form *it)
{
    TRY(form_get_single(&it->visitor.form, "current", &it->current));
    TRY(form_get_single(&it->visitor.form, "password", &it->fresh));
    TRY(form_get_single(&it->visitor.form, "again", &it->again));
    if (it->visitor.user->source != USER_MADE_HERE) /* whose password is not kept here */
        return STATUS_BAD_INPUT;
    return session_handle(site_cookie(request, COOKIE_SESSION), it->own);
}

/* By session, so that nobody who has stolen one finds the password out, and nobody else is kept from changing it. */
static enum step_result count_guess(struct flow *flow)
{
    struct request *request = request_of(flow);
    struct password_form *it = request->state;
    enum status status = read_passwords(request, it);
    if (status != STATUS_OK)
        return site_refuse(request, status, NULL);
    quota_count_start(app_loop_of(request)->ephemeral, QUOTA_LOGIN_DEVICE, slice_of(it->own, sizeof it->own),
                      app_of(request)->config->rate_limit_login_pair, flow_wait(flow, STORE_TIMEOUT_MS));
    return STEP_WAIT;
}

static enum step_result check_current(struct flow *flow)
{
    struct request *request = request_of(flow);
    const struct password_form *it = request->state;
    int64_t wait_s = 0;
    enum status status = quota_judge(flow, 0, app_of(request)->config->rate_limit_login_pair, &wait_s);
    if (status == STATUS_SLOW_DOWN)
        return security_go_back(request, "too-many");
    if (status != STATUS_OK)
        return site_refuse(request, status, NULL);
    password_check_start(app_of(request)->passwords, it->current, it->visitor.user->password_hash, NULL, 0,
                         flow_wait(flow, HASH_TIMEOUT_MS));
    return STEP_WAIT;
}

/* What is wrong with it, as the security page calls it; NULL: nothing. */
static const char *judge_fresh(const struct password_form *it)
{
    static const char *const faults[] = {
        [PASSWORD_GOOD] = NULL,          [PASSWORD_TOO_SHORT] = "too-short", [PASSWORD_TOO_LONG] = "too-long",
        [PASSWORD_HAS_NUL] = "too-long", [PASSWORD_REPEATS] = "repeats",     [PASSWORD_IS_NAME] = "name",
        [PASSWORD_COMMON] = "common",
    };
    if (!slice_eq(it->fresh, it->again))
        return "differs";
    return faults[password_judge(it->fresh, it->visitor.user->username)];
}

static enum step_result hash_fresh(struct flow *flow)
{
    struct request *request = request_of(flow);
    const struct password_form *it = request->state;
    enum status status = flow_outcome(flow, NULL);
    if (status == STATUS_UNAUTHORIZED)
        return security_go_back(request, "wrong");
    if (status == STATUS_SLOW_DOWN)
        return security_go_back(request, "too-many");
    if (status != STATUS_OK)
        return site_refuse(request, status, NULL);
    const char *fault = judge_fresh(it);
    if (fault)
        return security_go_back(request, fault);
    password_hash_start(app_of(request)->passwords, it->fresh, flow_wait(flow, HASH_TIMEOUT_MS));
    return STEP_WAIT;
}

static enum step_result set_fresh(struct flow *flow)
{
    struct request *request = request_of(flow);
    const struct password_form *it = request->state;
    void *hashed = NULL;
    enum status status = flow_outcome(flow, &hashed);
    if (status == STATUS_SLOW_DOWN)
        return security_go_back(request, "too-many");
    if (status != STATUS_OK)
        return site_refuse(request, status, NULL);
    const struct audit_entry audit = visitor_entry(flow, "user.set-password", it->visitor.user->subject);
    durable_password_change_start(app_of(request)->durable, it->visitor.user->id, it->visitor.user->password_hash,
                                  slice_str(((const struct password_hashed *)hashed)->hash), &audit,
                                  flow_wait(flow, DEED_TIMEOUT_MS));
    return STEP_WAIT;
}

/* All sessions end by the change, also this one, and the device's cookie is worth nothing any more. */
static enum step_result tell_changed(struct flow *flow)
{
    struct request *request = request_of(flow);
    enum status status = flow_outcome(flow, NULL);
    const char *page = site_path(request, SECURITY_PATH);
    if (status == STATUS_CONFLICT) /* somebody changed it since it was checked */
        return security_go_back(request, "wrong");
    if (status == STATUS_OK && !page)
        status = STATUS_NO_MEMORY;
    if (status != STATUS_OK)
        return site_refuse(request, status, NULL);
    request_reply_start(request, 302);
    site_set_cookie(request, COOKIE_SESSION, SLICE(""));
    site_set_cookie(request, COOKIE_DEVICE, SLICE(""));
    return login_redirect_because(request, slice_str(page), "changed");
}
