#include "login/login.h"

#include "base/percent.h"
#include "crypto/ct.h"
#include "crypto/random.h"
#include "durable/changes.h"
#include "durable/clients.h"
#include "durable/passwords.h"
#include "durable/users.h"
#include "login/login_tries.h"
#include "login/password_check.h"
#include "login/session_start.h"
#include "rules/callback.h"
#include "site/frame.h"
#include "site/return_to.h"
#include "site/site.h"

enum {
    SECRET_BYTES = 32, /* characters of 5.95 bit: 190 bit */
};

struct login {
    struct slice username;
    struct slice password;
    struct slice return_to;
    struct slice because;               /* a reason of login_redirect_because; empty: none */
    struct slice oauth_token;           /* of the request for authorization that return_to goes on with; empty: none */
    struct slice form_action;           /* where that one's redirects may lead */
    struct slice client_id;             /* of that request; empty: none */
    struct slice client_name;           /* who asks by it; empty: nobody, or not known */
    struct user *user;                  /* NULL: nobody of that name, or not to be let in */
    const struct password_works *works; /* what the store's hashes cost */
    bool is_wrong;                      /* the password */
    struct slice new_hash;              /* empty: the user's is our own */
    struct login_tries tries;
    bool is_late;        /* a device that was none after all: its address and pair are counted once that is known */
    struct slice device; /* the cookie that makes this browser one */
    char session_id[SESSION_ID_BYTES];
};

static struct login *login_of(struct flow *flow)
{
    return request_of(flow)->state;
}

enum step_result login_redirect_because(struct request *request, struct slice return_to, const char *reason)
{
    const struct callback_pair pairs[] = {{"return_to", return_to}, {"because", slice_str(reason)}};
    struct buf target = buf_in(&request->arena);
    const char *login = site_path(request, "/login");
    callback_write(slice_str(login), pairs, reason ? 2 : 1, &target);
    if (!login || slice_is_absent(return_to) || target.failed)
        return site_refuse(request, STATUS_NO_MEMORY, NULL);
    return site_redirect(request, buf_slice(&target));
}

enum step_result login_redirect(struct request *request, struct slice return_to)
{
    return login_redirect_because(request, return_to, NULL);
}

/* ---- the page ---- */

static enum status take_return_to(struct request *request, struct login *it, struct slice wanted)
{
    struct form query = {0};
    it->return_to = return_to_choose(request, wanted);
    struct slice text = slice_sub(it->return_to, slice_find(it->return_to, '?') + 1, it->return_to.len);
    TRY(form_parse(&request->arena, text, &query));
    it->oauth_token = form_get(&query, "oauth_token", NULL);
    return it->return_to.len ? STATUS_OK : STATUS_NO_MEMORY;
}

/* The browser may go from the login form through the authorize page straight on to the callback of a trusted
 * client, and Chromium holds every redirect of that chain against the login page's form-action. A store that is down
 * is told by the page that needs it. */
static void take_temp(struct flow *flow, size_t index)
{
    struct request *request = request_of(flow);
    struct buf source = buf_in(&request->arena);
    void *found = NULL;
    if (flow_outcome_at(flow, index, &found) != STATUS_OK)
        return;
    const struct temp_credential *temp = found;
    login_of(flow)->client_id = temp->client_id;
    callback_write_csp_source(temp->callback, &source);
    if (!source.failed)
        login_of(flow)->form_action = buf_slice(&source);
}

/* Who is about to be let in, or not, is told who asked; where that is not known the page does without. */
static void take_asking_client(struct flow *flow, size_t index)
{
    void *found = NULL;
    if (login_of(flow)->client_id.len == 0 || flow_outcome_at(flow, index, &found) != STATUS_OK)
        return;
    const struct client *client = found;
    login_of(flow)->client_name = client->name.len ? client->name : client->client_id;
}

static bool is_secret(struct slice text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!percent_is_unreserved(text.ptr[i]))
            return false;
    return text.len == SECRET_BYTES;
}

/* What the form must repeat of its cookie. One that is there already stays, so that two open login pages both
 * work. */
static enum status login_secret(struct request *request, struct slice *ret_secret)
{
    struct slice kept = site_cookie(request, COOKIE_LOGIN);
    if (is_secret(kept)) {
        *ret_secret = kept;
        return STATUS_OK;
    }
    char *secret = arena_bytes(&request->arena, SECRET_BYTES);
    if (!secret)
        return STATUS_NO_MEMORY;
    TRY(random_text(secret, SECRET_BYTES));
    *ret_secret = slice_of(secret, SECRET_BYTES);
    return STATUS_OK;
}

static struct slice known_reason(struct slice because)
{
    bool is_known = slice_eq(because, SLICE("again")) || slice_eq(because, SLICE("changed"));
    return is_known ? because : SLICE("");
}

static struct slice reason_text(struct request *request, struct slice because)
{
    if (because.len == 0)
        return SLICE("");
    return site_text(request, slice_eq(because, SLICE("again")) ? "login.again" : "login.changed");
}

/* Begins the reply, unless the caller has. `error` is a key; NULL: there is none. */
static enum step_result show_form(struct request *request, int http_status, const char *error)
{
    const struct login *it = request->state;
    const char *action = site_path(request, "/login");
    struct slice csrf = {0};
    enum status status = login_secret(request, &csrf);
    if (status != STATUS_OK || !action)
        return site_refuse(request, status != STATUS_OK ? status : STATUS_NO_MEMORY, NULL);
    struct frame_view view = frame_begin(request);
    struct slice forgotten = arena_copy(&request->arena, view.look->forgotten_password_url);
    frame_end(request, &view);
    const struct page_value values[] = {
        PAGE_TEXT("error", error ? site_text(request, error) : SLICE("")),
        PAGE_TEXT("action", slice_str(action)),
        PAGE_TEXT("csrf_token", csrf),
        PAGE_TEXT("return_to", it->return_to),
        PAGE_TEXT("username", it->username),
        PAGE_TEXT("client_name", it->client_name),
        PAGE_TEXT("because", it->because),
        PAGE_TEXT("reason", reason_text(request, it->because)),
        PAGE_TEXT("forgotten_password_url", forgotten),
    };
    const struct page_scope scope = {values, COUNT_OF(values)};
    if (request->reply.http_status == 0)
        request_reply_start(request, http_status);
    site_set_cookie(request, COOKIE_LOGIN, csrf);
    return site_page(request, http_status, "login.title", "login.html", &scope, it->form_action);
}

/* ---- GET /login ---- */

static enum status begin_login(struct request *request)
{
    request->state = arena_calloc(&request->arena, 1, sizeof(struct login));
    if (!request->state)
        return STATUS_NO_MEMORY;
    return site_is_secure(request) ? STATUS_OK : STATUS_INSECURE_TRANSPORT;
}

static enum step_result show_parse(struct flow *flow)
{
    struct request *request = request_of(flow);
    struct form query = {0};
    enum status status = begin_login(request);
    if (status == STATUS_OK)
        status = form_parse(&request->arena, request->query, &query);
    if (status == STATUS_OK)
        status = take_return_to(request, request->state, form_get(&query, "return_to", NULL));
    if (status != STATUS_OK)
        return site_refuse(request, status, NULL);
    login_of(flow)->because = known_reason(form_get(&query, "because", NULL));
    if (login_of(flow)->oauth_token.len == 0)
        return STEP_NEXT;
    ephemeral_temp_find_start(app_loop_of(request)->ephemeral, login_of(flow)->oauth_token, SLICE(""),
                              flow_wait(flow, STORE_TIMEOUT_MS));
    return STEP_WAIT;
}

static enum step_result load_asking_client(struct flow *flow)
{
    if (login_of(flow)->oauth_token.len)
        take_temp(flow, 0);
    if (login_of(flow)->client_id.len == 0)
        return STEP_NEXT;
    durable_client_find_start(app_of(request_of(flow))->durable, login_of(flow)->client_id,
                              flow_wait(flow, STORE_TIMEOUT_MS));
    return STEP_WAIT;
}

static enum step_result show_login(struct flow *flow)
{
    take_asking_client(flow, 0);
    return show_form(request_of(flow), 200, NULL);
}

const struct step login_show[] = {
    {"parse", show_parse},          /* waits: the temporary credential that login is for */
    {"client", load_asking_client}, /* waits: who asks by it */
    {"show", show_login},
    {NULL, NULL},
};

/* ---- POST /login ---- */

static enum step_result parse_login(struct flow *flow);
static enum step_result count_first(struct flow *flow);
static enum step_result load_user(struct flow *flow);
static enum step_result judge_device(struct flow *flow);
static enum step_result count_pair(struct flow *flow);
static enum step_result count_account(struct flow *flow);
static enum step_result hash_password(struct flow *flow);
static enum step_result settle_password(struct flow *flow);
static enum step_result open_session(struct flow *flow);
static enum step_result go_back(struct flow *flow);

const struct step login_submit[] = {
    {"body", request_take_body}, /* waits where it did not come with the head */
    {"parse", parse_login},      /* the form */
    {"count", count_first},      /* waits: how often this address tried, or this device */
    {"load", load_user},         /* waits: the user, and how often this address tried this account */
    {"device", judge_device},    /* waits where the device is another's: how often this address tried */
    {"pair", count_pair},        /* waits there: how often this address tried this account */
    {"account", count_account},  /* waits: how often strangers tried this account */
    {"hash", hash_password},     /* waits: the password, on threads of their own */
    {"settle", settle_password}, /* waits: for the time that a wrong one takes, or until it is hashed as ours are */
    {"session", open_session},   /* waits: the new session, the old one's end, and that this was no guess */
    {"back", go_back},           /* to where it came from */
    {NULL, NULL},
};

enum { COUNTED_FIRST, FOUND_TEMP, FIRST_COUNT };
enum { LOADED_USER, LOADED_CLIENT, LOADED_WORKS, COUNTED_PAIR, LOADED_COUNT };

static enum status read_form(struct request *request, struct login *it)
{
    struct form form = {0};
    struct slice csrf = {0};
    struct slice return_to = {0};
    TRY(site_form(request, &form));
    TRY(form_get_single(&form, "username", &it->username));
    TRY(form_get_single(&form, "password", &it->password));
    TRY(form_get_single(&form, "return_to", &return_to));
    TRY(take_return_to(request, it, return_to));
    it->because = known_reason(form_get(&form, "because", NULL));
    struct slice cookie = site_cookie(request, COOKIE_LOGIN);
    bool is_ours = form_get_single(&form, "csrf_token", &csrf) == STATUS_OK && is_secret(cookie);
    return is_ours && ct_equal(cookie, csrf) ? STATUS_OK : STATUS_FORBIDDEN;
}

static enum step_result parse_login(struct flow *flow)
{
    struct request *request = request_of(flow);
    enum status status = begin_login(request);
    if (status != STATUS_OK)
        return site_refuse(request, status, NULL);
    status = read_form(request, request->state);
    if (status == STATUS_FORBIDDEN)
        return site_refuse(request, status, "login.foreign_form");
    if (status != STATUS_OK)
        return site_refuse(request, status, "login.incomplete");
    status = login_tries_init(request, login_of(flow)->username, &login_of(flow)->tries);
    return status == STATUS_OK ? STEP_NEXT : site_refuse(request, status, NULL);
}

/* Counted before the password is looked at, so that many at once cannot slip through; a right one is taken back. */
static enum step_result count_first(struct flow *flow)
{
    struct request *request = request_of(flow);
    const struct login *it = login_of(flow);
    struct ticket tickets[FIRST_COUNT];
    size_t wanted = it->oauth_token.len ? FIRST_COUNT : FOUND_TEMP;
    flow_wait_group(flow, wanted, STORE_TIMEOUT_MS, tickets);
    login_tries_count_start(request, &it->tries, it->tries.is_device ? QUOTA_LOGIN_DEVICE : QUOTA_LOGIN_ADDRESS,
                            tickets[COUNTED_FIRST]);
    if (wanted > FOUND_TEMP)
        ephemeral_temp_find_start(app_loop_of(request)->ephemeral, it->oauth_token, SLICE(""), tickets[FOUND_TEMP]);
    return STEP_WAIT;
}

static enum step_result slow_down_login(struct request *request, int64_t wait_s)
{
    struct buf seconds = buf_in(&request->arena);
    buf_add_i64(&seconds, wait_s);
    request_reply_start(request, 429);
    request_reply_header_from(request, "Retry-After", &seconds);
    return show_form(request, 429, "login.too_many");
}

/* What was counted; STEP_NEXT: go on. */
static enum step_result judge_count(struct flow *flow, size_t index, enum quota quota)
{
    int64_t wait_s = 0;
    enum status status = login_tries_judge(flow, index, quota, &wait_s);
    if (status == STATUS_SLOW_DOWN)
        return slow_down_login(request_of(flow), wait_s);
    return status == STATUS_OK ? STEP_NEXT : site_refuse(request_of(flow), status, NULL);
}

static enum step_result load_user(struct flow *flow)
{
    struct request *request = request_of(flow);
    const struct login *it = login_of(flow);
    struct ticket tickets[LOADED_COUNT];
    size_t wanted = it->tries.is_device ? COUNTED_PAIR : LOADED_COUNT;
    if (it->oauth_token.len)
        take_temp(flow, FOUND_TEMP);
    enum step_result result =
        judge_count(flow, COUNTED_FIRST, it->tries.is_device ? QUOTA_LOGIN_DEVICE : QUOTA_LOGIN_ADDRESS);
    if (result != STEP_NEXT)
        return result;
    flow_wait_group(flow, wanted, STORE_TIMEOUT_MS, tickets);
    durable_user_find_by_login_start(app_of(request)->durable, it->username, tickets[LOADED_USER]);
    durable_client_find_start(app_of(request)->durable, it->client_id, tickets[LOADED_CLIENT]);
    durable_password_works_start(app_of(request)->durable, tickets[LOADED_WORKS]);
    if (wanted > COUNTED_PAIR)
        login_tries_count_start(request, &it->tries, QUOTA_LOGIN_PAIR, tickets[COUNTED_PAIR]);
    return STEP_WAIT;
}

static enum status take_tried_user(struct flow *flow)
{
    struct login *it = login_of(flow);
    void *user = NULL;
    void *works = NULL;
    enum status status = flow_outcome_at(flow, LOADED_USER, &user);
    if (status != STATUS_OK && status != STATUS_NOT_FOUND)
        return status;
    TRY(flow_outcome_at(flow, LOADED_WORKS, &works));
    it->works = works;
    it->user = user;
    if (it->user && it->user->disabled)
        it->user = NULL; /* the same answer, after the same time */
    return STATUS_OK;
}

static enum step_result count_start(struct flow *flow, enum quota quota)
{
    login_tries_count_start(request_of(flow), &login_of(flow)->tries, quota, flow_wait(flow, STORE_TIMEOUT_MS));
    return STEP_WAIT;
}

/* A device of another's, or whose password was changed since, is a stranger, who counts as each does: first for the
 * address. */
static enum step_result judge_device(struct flow *flow)
{
    struct login *it = login_of(flow);
    bool was_device = it->tries.is_device;
    take_asking_client(flow, LOADED_CLIENT);
    enum step_result result = was_device ? STEP_NEXT : judge_count(flow, COUNTED_PAIR, QUOTA_LOGIN_PAIR);
    if (result != STEP_NEXT)
        return result;
    enum status status = take_tried_user(flow);
    if (status != STATUS_OK)
        return site_refuse(request_of(flow), status, NULL);
    it->tries.is_device = was_device && it->user && device_is_of(&it->tries.device, it->user);
    it->is_late = was_device && !it->tries.is_device;
    return it->is_late ? count_start(flow, QUOTA_LOGIN_ADDRESS) : STEP_NEXT;
}

static enum step_result count_pair(struct flow *flow)
{
    if (!login_of(flow)->is_late)
        return STEP_NEXT;
    enum step_result result = judge_count(flow, 0, QUOTA_LOGIN_ADDRESS);
    return result == STEP_NEXT ? count_start(flow, QUOTA_LOGIN_PAIR) : result;
}

static enum step_result count_account(struct flow *flow)
{
    const struct login *it = login_of(flow);
    if (it->tries.is_device)
        return STEP_NEXT;
    enum step_result result = it->is_late ? judge_count(flow, 0, QUOTA_LOGIN_PAIR) : STEP_NEXT;
    return result == STEP_NEXT ? count_start(flow, QUOTA_LOGIN_ACCOUNT) : result;
}

static enum step_result hash_password(struct flow *flow)
{
    const struct login *it = login_of(flow);
    enum step_result result = it->tries.is_device ? STEP_NEXT : judge_count(flow, 0, QUOTA_LOGIN_ACCOUNT);
    if (result != STEP_NEXT)
        return result;
    password_check_start(app_of(request_of(flow))->passwords, it->password,
                         it->user ? it->user->password_hash : SLICE_ABSENT, it->works->works, it->works->count,
                         flow_wait(flow, PASSWORD_TIMEOUT_MS));
    return STEP_WAIT;
}

/* A hash of another system is replaced by our own now that the password is known. */
static enum step_result settle_password(struct flow *flow)
{
    struct login *it = login_of(flow);
    void *found = NULL;
    enum status status = flow_outcome(flow, &found);
    const struct password_verdict *verdict = found;
    it->is_wrong = status == STATUS_UNAUTHORIZED || (status == STATUS_OK && !it->user);
    if (it->is_wrong) {
        password_check_pause(flow, verdict);
        return STEP_WAIT;
    }
    if (status == STATUS_SLOW_DOWN)
        return slow_down_login(request_of(flow), 1);
    if (status != STATUS_OK)
        return site_refuse(request_of(flow), status, NULL);
    it->new_hash = slice_str(verdict->new_hash);
    if (it->new_hash.len == 0)
        return STEP_NEXT;
    durable_password_rehash_start(app_of(request_of(flow))->durable, it->user->id, it->user->password_hash,
                                  it->new_hash, flow_wait(flow, STORE_TIMEOUT_MS));
    return STEP_WAIT;
}

static enum status write_device(struct request *request, struct login *it)
{
    struct keyring *keys = shared_keys_take(app_of(request)->keys);
    enum status status = device_write(keys, &it->tries.device, it->user, &request->arena, &it->device);
    keyring_free(keys);
    return status;
}

/* Nobody waits for the row: a wrong password is answered after the same time, whether or not there is the account. What
 * was typed as a name of nobody's is never written, for people type passwords there. */
static void note_failure(struct request *request, const struct login *it)
{
    if (!it->user)
        return;
    const struct audit_entry entry = {.who = SLICE("login"),
                                      .subject = it->user->subject,
                                      .user = it->user->subject,
                                      .client = it->client_id,
                                      .request = request_id(request)};
    durable_audit_failed_login_start(app_of(request)->durable, &entry, (struct ticket){.loop = request->loop});
}

/* Always a new session, so that one that was planted before is worth nothing. */
static enum step_result open_session(struct flow *flow)
{
    struct request *request = request_of(flow);
    struct login *it = login_of(flow);
    struct ticket more[SESSION_MORE_MAX];
    size_t counted = login_tries_counted(&it->tries);
    if (it->is_wrong) {
        note_failure(request, it);
        return show_form(request, 403, "login.wrong");
    }
    if (it->new_hash.len && flow_outcome(flow, NULL) == STATUS_OK) /* otherwise it is replaced the next time */
        it->user->password_hash = it->new_hash;
    enum status status = write_device(request, it);
    if (status != STATUS_OK)
        return site_refuse(request, status, NULL);
    const struct session session = {
        .user = it->user->id, .user_version = it->user->version, .username = it->user->username};
    enum step_result result = session_start(flow, &session, SESSION_TTL_MS, counted + 1, more, it->session_id);
    if (result == STEP_WAIT) {
        login_tries_take_back_start(request, &it->tries, more);
        session_audit_start(request, "login.password", it->user, it->client_id, more[counted]);
    }
    return result;
}

static enum step_result go_back(struct flow *flow)
{
    struct request *request = request_of(flow);
    const struct login *it = login_of(flow);
    enum status status = session_started(flow, login_tries_counted(&it->tries) + 1);
    if (status != STATUS_OK)
        return site_refuse(request, status, NULL);
    request_reply_start(request, 302);
    site_set_cookie(request, COOKIE_SESSION, slice_of(it->session_id, sizeof it->session_id));
    site_set_cookie(request, COOKIE_LOGIN, SLICE(""));
    site_set_cookie(request, COOKIE_DEVICE, it->device);
    return site_redirect(request, it->return_to);
}
