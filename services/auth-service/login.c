#include "login.h"

#include "base/percent.h"
#include "crypto/ct.h"
#include "crypto/password.h"
#include "crypto/random.h"
#include "loop/worker_pool.h"
#include "service/forwarded.h"
#include "site.h"
#include "store/credentials_users.h"

#include <stdlib.h>

enum {
    SECRET_BYTES = 32, /* characters of 5.95 bit: 190 bit */
    SESSION_TTL_MS = 12 * 3600 * 1000,
    PASSWORD_TIMEOUT_MS = 5000, /* a full queue of hashes is a few seconds of work */
    MINUTE_MS = 60 * 1000,
};

/* ---- where to return to ---- */

bool login_may_return_to(struct slice target, struct slice authorize_path)
{
    for (size_t i = 0; i < target.len; i++)
        if ((unsigned char)target.ptr[i] <= ' ' || (unsigned char)target.ptr[i] >= 0x7F || target.ptr[i] == '\\')
            return false;
    if (slice_eq(target, SLICE("/")))
        return true;
    if (authorize_path.len < 2 || authorize_path.ptr[0] != '/' || authorize_path.ptr[1] == '/')
        return false;
    if (!slice_starts_with(target, authorize_path))
        return false;
    return target.len > authorize_path.len && target.ptr[authorize_path.len] == '?';
}

static struct slice authorize_path(struct request *request)
{
    struct buf path = buf_in(&request->arena);
    buf_add(&path, app_of(request)->config->public_url.path);
    buf_add(&path, app_of(request)->config->authorize_path);
    return buf_slice(&path);
}

static struct slice safe_return_to(struct request *request, struct slice wanted)
{
    return login_may_return_to(wanted, authorize_path(request)) ? wanted : SLICE("/");
}

enum step_result login_redirect(struct request *request, struct slice return_to)
{
    struct buf target = buf_in(&request->arena);
    const char *login = site_path(request, "/login?return_to=");
    if (!login)
        return site_refuse(request, STATUS_NO_MEMORY, NULL);
    buf_add_str(&target, login);
    percent_encode(&target, return_to);
    return site_redirect(request, buf_slice(&target));
}

/* ---- GET /login ---- */

/* The page carries a secret that only its cookie repeats, so that nobody logs another's browser in. */
static enum step_result show_form(struct request *request, int http_status, struct slice return_to,
                                  struct slice username, const char *error)
{
    char csrf[SECRET_BYTES];
    const char *action = site_path(request, "/login");
    enum status status = random_text(csrf, sizeof csrf);
    if (status != STATUS_OK || !action)
        return site_refuse(request, status != STATUS_OK ? status : STATUS_NO_MEMORY, NULL);
    const struct page_value values[] = {
        PAGE_TEXT("error", slice_str(error ? error : "")),
        PAGE_TEXT("action", slice_str(action)),
        PAGE_TEXT("csrf_token", slice_of(csrf, sizeof csrf)),
        PAGE_TEXT("return_to", return_to),
        PAGE_TEXT("username", username),
    };
    const struct page_scope scope = {values, COUNT_OF(values)};
    request_reply_start(request, http_status);
    site_set_cookie(request, COOKIE_LOGIN, slice_of(csrf, sizeof csrf));
    if (http_status == 429)
        request_reply_header(request, "Retry-After", SLICE("60"));
    return site_page(request, http_status, "Log in", "login.html", &scope, SLICE_ABSENT);
}

static enum step_result show(struct flow *flow)
{
    struct request *request = request_of(flow);
    struct form query = {0};
    if (!site_is_secure(request))
        return site_refuse(request, STATUS_INSECURE_TRANSPORT, NULL);
    enum status status = form_parse(&request->arena, request->query, &query);
    if (status != STATUS_OK)
        return site_refuse(request, status, NULL);
    struct slice return_to = safe_return_to(request, form_get(&query, "return_to", NULL));
    return show_form(request, 200, return_to, SLICE(""), NULL);
}

const struct step login_show[] = {{"show", show}, {NULL, NULL}};

/* ---- POST /login ---- */

static enum step_result parse(struct flow *flow);
static enum step_result load(struct flow *flow);
static enum step_result hash(struct flow *flow);
static enum step_result open_session(struct flow *flow);
static enum step_result go_back(struct flow *flow);

const struct step login_submit[] = {
    {"parse", parse},          /* waits: how often this account and address tried */
    {"load", load},            /* waits: the user */
    {"hash", hash},            /* waits: the password, on threads of their own */
    {"session", open_session}, /* waits: the new session, and the old one's end */
    {"back", go_back},
    {NULL, NULL},
};

enum { COUNT_ACCOUNT, COUNT_ADDRESS, COUNT_COUNT };

struct login {
    struct slice username;
    struct slice password;
    struct slice return_to;
    const struct user *user; /* NULL: nobody of that name, or not to be let in */
    char session_id[SECRET_BYTES];
};

static struct login *login_of(struct flow *flow)
{
    return request_of(flow)->state;
}

static enum status read_form(struct request *request, struct login *it)
{
    struct form form = {0};
    struct slice csrf = {0};
    struct slice return_to = {0};
    TRY(site_form(request, &form));
    TRY(form_get_single(&form, "username", &it->username));
    TRY(form_get_single(&form, "password", &it->password));
    TRY(form_get_single(&form, "csrf_token", &csrf));
    TRY(form_get_single(&form, "return_to", &return_to));
    it->return_to = safe_return_to(request, return_to);
    struct slice cookie = site_cookie(request, COOKIE_LOGIN);
    return cookie.len == SECRET_BYTES && ct_equal(cookie, csrf) ? STATUS_OK : STATUS_FORBIDDEN;
}

static void count_start(struct request *request, const char *kind, struct slice name, struct ticket ticket)
{
    struct buf key = buf_in(&request->arena);
    buf_add_str(&key, kind);
    buf_add(&key, name);
    ephemeral_count_start(app_loop_of(request)->ephemeral, buf_slice(&key), MINUTE_MS, ticket);
}

/* Counted before the password is looked at, so that many at once cannot slip through. */
static enum step_result parse(struct flow *flow)
{
    struct request *request = request_of(flow);
    struct ticket tickets[COUNT_COUNT];
    struct login *it = request->state = arena_calloc(&request->arena, 1, sizeof *it);
    if (!it)
        return site_refuse(request, STATUS_NO_MEMORY, NULL);
    if (!site_is_secure(request))
        return site_refuse(request, STATUS_INSECURE_TRANSPORT, NULL);
    enum status status = read_form(request, it);
    if (status == STATUS_FORBIDDEN)
        return site_refuse(request, status,
                           "This form was not made for this browser, or cookies are off. Go back, "
                           "reload the page and try again.");
    if (status != STATUS_OK)
        return site_refuse(request, status, "The login form was not complete.");
    flow_wait_group(flow, COUNT_COUNT, STORE_TIMEOUT_MS, tickets);
    count_start(request, "login-account:", it->username, tickets[COUNT_ACCOUNT]);
    count_start(request, "login-address:", forwarded_client_address(request, &app_of(request)->config->trusted_proxies),
                tickets[COUNT_ADDRESS]);
    return STEP_WAIT;
}

static enum status check_count(struct flow *flow, size_t index, int64_t limit)
{
    void *result = NULL;
    TRY(flow_outcome_at(flow, index, &result));
    const struct ephemeral_count *count = result;
    return limit > 0 && count->count > limit ? STATUS_SLOW_DOWN : STATUS_OK;
}

static enum step_result refuse_login(struct flow *flow, enum status status)
{
    struct request *request = request_of(flow);
    const struct login *it = login_of(flow);
    if (status == STATUS_SLOW_DOWN)
        return show_form(request, 429, it->return_to, it->username, "Too many tries. Wait a minute, then try again.");
    return site_refuse(request, status, NULL);
}

static enum step_result load(struct flow *flow)
{
    struct request *request = request_of(flow);
    const struct config *config = app_of(request)->config;
    enum status status = check_count(flow, COUNT_ACCOUNT, config->rate_limit_login_account);
    if (status == STATUS_OK)
        status = check_count(flow, COUNT_ADDRESS, config->rate_limit_login_address);
    if (status != STATUS_OK)
        return refuse_login(flow, status);
    credentials_user_find_by_name_start(app_of(request)->db, login_of(flow)->username,
                                        flow_wait(flow, STORE_TIMEOUT_MS));
    return STEP_WAIT;
}

/* Owns copies: the request may be gone before the thread is done. */
struct password_job {
    struct job job; /* first */
    struct ticket ticket;
    struct arena arena;
    struct slice password;
    struct slice hash; /* absent: nobody; takes the same time */
    bool matches;
};

static void free_password_job(struct password_job *job)
{
    arena_done(&job->arena);
    free(job);
}

static void verify_blocking(struct job *base, void *thread_context)
{
    struct password_job *job = (struct password_job *)base;
    (void)thread_context;
    job->matches = password_verify_blocking(job->password, job->hash);
}

static void verified(struct job *base)
{
    struct password_job *job = (struct password_job *)base;
    enum status status = !job->job.was_run ? STATUS_STORE_DOWN : job->matches ? STATUS_OK : STATUS_UNAUTHORIZED;
    ticket_complete(job->ticket, status, NULL, NULL);
    free_password_job(job);
}

static enum status start_hash(struct request *request, const struct login *it)
{
    enum { COPIES_MAX_BYTES = 128 * 1024 };
    struct password_job *job = calloc(1, sizeof *job);
    if (!job)
        return STATUS_NO_MEMORY;
    arena_init(&job->arena, COPIES_MAX_BYTES);
    job->job = (struct job){.run_blocking = verify_blocking, .done = verified, .loop = request->loop};
    job->password = arena_copy(&job->arena, it->password);
    job->hash =
        it->user && it->user->password_hash.len ? arena_copy(&job->arena, it->user->password_hash) : SLICE_ABSENT;
    enum status status = slice_is_absent(job->password) ? STATUS_NO_MEMORY : STATUS_OK;
    if (status == STATUS_OK) {
        job->ticket = flow_wait(&request->flow, PASSWORD_TIMEOUT_MS);
        status = worker_pool_submit(app_of(request)->passwords, &job->job, STATUS_SLOW_DOWN);
        if (status == STATUS_OK)
            return STATUS_OK;
    }
    free_password_job(job);
    return status;
}

static enum step_result hash(struct flow *flow)
{
    struct login *it = login_of(flow);
    void *user = NULL;
    enum status status = flow_outcome(flow, &user);
    if (status != STATUS_OK && status != STATUS_NOT_FOUND)
        return refuse_login(flow, status);
    it->user = user;
    if (it->user && it->user->disabled)
        it->user = NULL; /* the same answer, after the same time */
    status = start_hash(request_of(flow), it);
    return status == STATUS_OK ? STEP_WAIT : refuse_login(flow, status);
}

/* Always a new session, so that one that was planted before is worth nothing. */
static enum step_result open_session(struct flow *flow)
{
    struct request *request = request_of(flow);
    struct login *it = login_of(flow);
    struct ephemeral *ephemeral = app_loop_of(request)->ephemeral;
    char csrf[SECRET_BYTES];
    struct ticket tickets[2];
    enum status status = flow_outcome(flow, NULL);
    if (status == STATUS_UNAUTHORIZED || (status == STATUS_OK && !it->user))
        return show_form(request, 403, it->return_to, it->username, "The user name or the password is wrong.");
    if (status == STATUS_OK)
        status = random_text(it->session_id, sizeof it->session_id);
    if (status == STATUS_OK)
        status = random_text(csrf, sizeof csrf);
    if (status != STATUS_OK)
        return refuse_login(flow, status);
    const struct session session = {
        .user = it->user->id, .username = it->user->username, .csrf = slice_of(csrf, sizeof csrf)};
    flow_wait_group(flow, COUNT_OF(tickets), STORE_TIMEOUT_MS, tickets);
    ephemeral_session_create_start(ephemeral, slice_of(it->session_id, sizeof it->session_id), &session, SESSION_TTL_MS,
                                   tickets[0]);
    ephemeral_session_delete_start(ephemeral, site_cookie(request, COOKIE_SESSION), tickets[1]);
    return STEP_WAIT;
}

static enum step_result go_back(struct flow *flow)
{
    struct request *request = request_of(flow);
    const struct login *it = login_of(flow);
    enum status status = flow_outcome_at(flow, 0, NULL);
    if (status != STATUS_OK)
        return refuse_login(flow, status);
    request_reply_start(request, 302);
    site_set_cookie(request, COOKIE_SESSION, slice_of(it->session_id, sizeof it->session_id));
    site_set_cookie(request, COOKIE_LOGIN, SLICE(""));
    return site_redirect(request, it->return_to);
}

/* ---- POST /logout ---- */

static enum step_result find_session(struct flow *flow)
{
    struct request *request = request_of(flow);
    ephemeral_session_find_start(app_loop_of(request)->ephemeral, site_cookie(request, COOKIE_SESSION),
                                 flow_wait(flow, STORE_TIMEOUT_MS));
    return STEP_WAIT;
}

static enum step_result end_session(struct flow *flow)
{
    struct request *request = request_of(flow);
    struct form form = {0};
    struct slice csrf = {0};
    void *session = NULL;
    enum status found = flow_outcome(flow, &session);
    if (found != STATUS_OK && found != STATUS_NOT_FOUND)
        return site_refuse(request, found, NULL);
    enum status status = site_form(request, &form);
    if (status == STATUS_OK)
        status = form_get_single(&form, "csrf_token", &csrf);
    if (status == STATUS_OK && session && !ct_equal(((const struct session *)session)->csrf, csrf))
        status = STATUS_FORBIDDEN;
    if (status != STATUS_OK)
        return site_refuse(request, status, "You are still logged in: this form was not made for this session.");
    ephemeral_session_delete_start(app_loop_of(request)->ephemeral, site_cookie(request, COOKIE_SESSION),
                                   flow_wait(flow, STORE_TIMEOUT_MS));
    return STEP_WAIT;
}

static enum step_result say_goodbye(struct flow *flow)
{
    struct request *request = request_of(flow);
    enum status status = flow_outcome(flow, NULL);
    const char *home = site_path(request, "/");
    if (status != STATUS_OK || !home)
        return site_refuse(request, status != STATUS_OK ? status : STATUS_NO_MEMORY, NULL);
    request_reply_start(request, 302);
    site_set_cookie(request, COOKIE_SESSION, SLICE(""));
    return site_redirect(request, slice_str(home));
}

const struct step logout_submit[] = {
    {"session", find_session}, /* waits: whose it is */
    {"end", end_session},      /* waits: its end */
    {"reply", say_goodbye},
    {NULL, NULL},
};
