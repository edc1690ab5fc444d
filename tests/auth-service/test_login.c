#include "login/login.h"

#include "account/home.h"
#include "base/clock.h"
#include "base/percent.h"
#include "crypto/password.h"
#include "crypto/random.h"
#include "crypto/shared_keys.h"
#include "durable/users.h"
#include "login/device.h"
#include "login/logout.h"
#include "loop/worker_pool.h"
#include "site/site.h"
#include "site_bench.h"
#include "sql/sql.h"
#include "support/test.h"
#include "support/watch.h"

#include <stdio.h>
#include <unistd.h>

#define SECRET       "0123456789abcdefghijABCDEFGHIJxy"
#define LOGIN_COOKIE "__Host-countersign_login=" SECRET
#define RETURN_TO    "/oauth/authorize?oauth_token=temp"
#define FORM(user, password) \
    "csrf_token=" SECRET "&return_to=%2Foauth%2Fauthorize%3Foauth_token%3Dtemp&username=" user "&password=" password
#define JANES_FORM FORM("jane", "correct+horse")

static int show(struct site_bench *bench, const char *query, const char *cookie)
{
    return site_bench_call(bench, &(struct site_call){.steps = login_show, .query = query, .cookie = cookie});
}

static int submit(struct site_bench *bench, const char *body, const char *cookie)
{
    return site_bench_call(bench, &(struct site_call){.steps = login_submit, .body = body, .cookie = cookie});
}

static struct slice header(const struct site_bench *bench, const char *name)
{
    return site_bench_header(bench, name, 0);
}

static bool contains(struct slice text, const char *part)
{
    return slice_find_slice(text, slice_str(part)) < text.len;
}

/* ---- GET /login ---- */

static void shows_a_form_whose_secret_only_its_cookie_repeats(void **state)
{
    struct site_bench *bench = *state;
    assert_int_equal(show(bench, NULL, NULL), 200);
    struct slice cookie = header(bench, "Set-Cookie");
    static const struct slice name = SLICE_INIT("__Host-countersign_login=");
    assert_true(slice_starts_with(cookie, name));
    char field[80];
    (void)snprintf(field, sizeof field, "name=\"csrf_token\" value=\"%.*s\"", 32, cookie.ptr + name.len);
    assert_true(site_bench_says(bench, field));
    assert_true(contains(cookie, "; HttpOnly") && contains(cookie, "; SameSite=Lax") && contains(cookie, "; Secure") &&
                contains(cookie, "; Path=/"));
    assert_false(contains(cookie, "Domain"));
    assert_slice_equal(header(bench, "Cache-Control"), SLICE("no-store"));
}

static void keeps_a_secret_that_is_there_so_that_two_pages_work(void **state)
{
    struct site_bench *bench = *state;
    show(bench, NULL, LOGIN_COOKIE);
    assert_true(site_bench_says(bench, "name=\"csrf_token\" value=\"" SECRET "\""));
    show(bench, NULL, "__Host-countersign_login=short");
    assert_false(site_bench_says(bench, "short"));
    show(bench, NULL, "__Host-countersign_login=\"><script>0123456789012345678901");
    assert_false(site_bench_says(bench, "script"));
}

static void returns_only_to_the_authorize_page(void **state)
{
    struct site_bench *bench = *state;
    show(bench, "return_to=%2Foauth%2Fauthorize%3Foauth_token%3Dtemp", NULL);
    assert_true(site_bench_says(bench, "name=\"return_to\" value=\"" RETURN_TO "\""));
    show(bench, "return_to=https%3A%2F%2Fevil.example%2F", NULL);
    assert_true(site_bench_says(bench, "name=\"return_to\" value=\"/\""));
    bench->config.public_url.path = SLICE("/auth");
    show(bench, "return_to=%2Foauth%2Fauthorize%3Foauth_token%3Dtemp", NULL);
    assert_true(site_bench_says(bench, "name=\"return_to\" value=\"/auth/\""));
    assert_true(site_bench_says(bench, "action=\"/auth/login\""));
}

/* Chromium holds the whole chain of redirects after the form against its page's form-action. */
static void names_the_callback_that_a_trusted_client_is_sent_back_to(void **state)
{
    struct site_bench *bench = *state;
    static const char *const query = "return_to=%2Foauth%2Fauthorize%3Foauth_token%3Dtemp";
    site_bench_temp(bench, "temp", CALLBACK);
    show(bench, query, NULL);
    assert_true(contains(header(bench, "Content-Security-Policy"), "form-action 'self' https://app.example"));
    submit(bench, FORM("jane", "wrong"), LOGIN_COOKIE);
    assert_true(contains(header(bench, "Content-Security-Policy"), "form-action 'self' https://app.example"));
    show(bench, NULL, NULL);
    assert_false(contains(header(bench, "Content-Security-Policy"), "app.example"));
}

/* Who types a password is told which application wants to be let in, also after a wrong one; nobody where none asks. */
static void tells_who_asked_and_where_a_new_password_is_had(void **state)
{
    struct site_bench *bench = *state;
    static const char *const query = "return_to=%2Foauth%2Fauthorize%3Foauth_token%3Dtemp";
    site_bench_temp(bench, "temp", CALLBACK);
    show(bench, query, NULL);
    assert_true(site_bench_says(bench, "<bdi>Photo &lt;printer&gt;</bdi> asks for access to your account at"));
    assert_false(site_bench_says(bench, "Forgotten"));
    submit(bench, FORM("jane", "wrong"), LOGIN_COOKIE);
    assert_true(site_bench_says(bench, "<bdi>Photo &lt;printer&gt;</bdi> asks for access to your account at"));
    assert_status(sql_execute_blocking(bench->durable.db.sql, "UPDATE clients SET name = ''", NULL, 0, NULL, NULL),
                  STATUS_OK);
    show(bench, query, NULL);
    assert_true(site_bench_says(bench, "<bdi>printer</bdi> asks for access to your account at"));
    bench->config.forgotten_password_url = SLICE("https://site.example/forgotten");
    site_bench_look(bench);
    show(bench, NULL, NULL);
    assert_false(site_bench_says(bench, "asks for access"));
    assert_true(site_bench_says(bench, "href=\"https://site.example/forgotten\">Forgotten"));
    assert_status(durable_client_delete_blocking(&bench->durable.db, SLICE("printer")), STATUS_OK);
    assert_int_equal(show(bench, query, NULL), 200);
    assert_false(site_bench_says(bench, "asks for access"));
}

static void asks_the_store_for_nothing_that_is_not_named(void **state)
{
    struct site_bench *bench = *state;
    faulty_ephemeral_fail(&bench->faulty, 0);
    assert_int_equal(show(bench, NULL, NULL), 200);
    assert_int_equal(show(bench, "return_to=%2Foauth%2Fauthorize%3Fx%3Dy", NULL), 200);
    assert_int_equal(bench->faulty.calls, 0);
    assert_int_equal(show(bench, "return_to=%2Foauth%2Fauthorize%3Foauth_token%3Dt", NULL), 200);
    assert_int_equal(bench->faulty.calls, 1);
}

static void refuses_a_query_that_cannot_be_read(void **state)
{
    struct site_bench *bench = *state;
    show(bench, "x=%zz", NULL);
    assert_refused(bench, 400, "parameter_rejected");
    show(bench, "return_to=%2Foauth%2Fauthorize%3Foauth_token%3D%25zz", NULL);
    assert_refused(bench, 400, "parameter_rejected");
    submit(bench,
           "csrf_token=" SECRET "&username=jane&password=correct+horse"
           "&return_to=%2Foauth%2Fauthorize%3Foauth_token%3D%25zz",
           LOGIN_COOKIE);
    assert_refused(bench, 400, "parameter_rejected");
}

static struct slice wanted_return;

static enum step_result redirect(struct flow *flow)
{
    return login_redirect(request_of(flow), wanted_return);
}

static void sends_to_the_login_page_and_from_there_back(void **state)
{
    struct site_bench *bench = *state;
    static const struct step steps[] = {{"redirect", redirect}, {NULL, NULL}};
    const struct site_call call = {.steps = steps};
    bench->config.public_url.path = SLICE("/auth");
    wanted_return = SLICE("/auth/oauth/authorize?oauth_token=a");
    assert_int_equal(site_bench_call(bench, &call), 302);
    assert_slice_equal(header(bench, "Location"),
                       SLICE("/auth/login?return_to=%2Fauth%2Foauth%2Fauthorize%3Foauth_token%3Da"));
    wanted_return = SLICE_ABSENT; /* there was no memory for it */
    site_bench_call(bench, &call);
    assert_refused(bench, 503, "temporarily_unavailable");
}

/* ---- POST /login ---- */

static void opens_a_new_session_and_ends_the_old_one(void **state)
{
    struct site_bench *bench = *state;
    site_bench_session(bench, "planted", bench->joe, "joe");
    assert_int_equal(submit(bench, JANES_FORM, LOGIN_COOKIE "; __Host-countersign_session=planted"), 302);
    assert_slice_equal(header(bench, "Location"), SLICE(RETURN_TO));
    assert_slice_equal(header(bench, "Cache-Control"), SLICE("no-store"));
    static const struct slice name = SLICE_INIT("__Host-countersign_session=");
    struct slice cookie = header(bench, "Set-Cookie");
    assert_true(slice_starts_with(cookie, name));
    assert_true(contains(cookie, "; HttpOnly") && contains(cookie, "; SameSite=Lax") && contains(cookie, "; Secure"));
    char id[33];
    (void)snprintf(id, sizeof id, "%.*s", 32, cookie.ptr + name.len);
    assert_true(contains(site_bench_header(bench, "Set-Cookie", 1), "countersign_login=;"));
    assert_false(site_bench_has_session(bench, "planted"));
    ephemeral_session_find_start(bench->view, slice_str(id), asking_ticket(&bench->asking));
    void *found = NULL;
    assert_status(asking_wait(&bench->asking, &found), STATUS_OK);
    const struct session *session = found;
    assert_int_equal(session->user, bench->jane);
    assert_int_equal(session->csrf.len, 32); /* 190 bit */
    for (size_t i = 0; i < session->csrf.len; i++)
        assert_true(percent_is_unreserved(session->csrf.ptr[i]));
    assert_false(slice_eq(session->csrf, slice_str(id)));
}

static void ends_the_session_after_twelve_hours(void **state)
{
    struct site_bench *bench = *state;
    submit(bench, JANES_FORM, LOGIN_COOKIE);
    char id[33];
    struct slice cookie = header(bench, "Set-Cookie");
    (void)snprintf(id, sizeof id, "%.*s", 32, cookie.ptr + strlen("__Host-countersign_session="));
    fake_clock_advance(&bench->durable.clock, 12 * 3600 * 1000 - 1000);
    assert_true(site_bench_has_session(bench, id));
    fake_clock_advance(&bench->durable.clock, 2000);
    assert_false(site_bench_has_session(bench, id));
}

/* The same page for each, so that nobody learns who has an account. */
static void says_the_same_to_everybody_it_does_not_let_in(void **state)
{
    struct site_bench *bench = *state;
    static const char *const forms[] = {
        FORM("jane", "wrong"),
        FORM("nobody", "wrong"),
        FORM("nobody", "correct+horse"),
        FORM("JANE", "correct+horse"),
        FORM("jane", ""),
        FORM("", ""),
        FORM("joe", "correct+horse"), /* disabled */
        FORM("jane", "correct+horse+"),
        FORM("jane%00", "correct+horse"),
        FORM("jane", "correct+horse%00"),
    };
    assert_status(durable_user_disable_blocking(&bench->durable.db, bench->joe), STATUS_OK);
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        if (submit(bench, forms[i], LOGIN_COOKIE) != 403)
            fail_msg("%s", forms[i]);
        assert_true(site_bench_says(bench, "The user name or the password is wrong."));
        assert_false(contains(header(bench, "Set-Cookie"), "session"));
        assert_true(slice_is_absent(header(bench, "Location")));
    }
}

static void does_not_let_in_who_has_no_password(void **state)
{
    struct site_bench *bench = *state;
    (void)durable_bench_user(&bench->durable, "federated");
    assert_int_equal(submit(bench, FORM("federated", ""), LOGIN_COOKIE), 403);
    assert_int_equal(submit(bench, FORM("federated", "x"), LOGIN_COOKIE), 403);
}

static void escapes_what_was_typed(void **state)
{
    struct site_bench *bench = *state;
    submit(bench, FORM("%22%3E%3Cscript%3E", "secret+typo"), LOGIN_COOKIE);
    assert_true(site_bench_says(bench, "value=\"&quot;&gt;&lt;script&gt;\""));
    assert_false(site_bench_says(bench, "secret typo"));
}

/* Nobody logs another's browser in. */
static void refuses_a_form_that_is_not_this_browsers(void **state)
{
    struct site_bench *bench = *state;
    static const char *const cookies[] = {
        NULL,
        "__Host-countersign_login=",
        "__Host-countersign_login=0123456789abcdefghijABCDEFGHIJxz",
        "countersign_login=" SECRET,
    };
    for (size_t i = 0; i < COUNT_OF(cookies); i++) {
        submit(bench, JANES_FORM, cookies[i]);
        assert_refused(bench, 403, "forbidden");
        assert_true(site_bench_says(bench, "This form was not made for this browser"));
        assert_true(slice_is_absent(header(bench, "Set-Cookie")));
    }
    submit(bench, "csrf_token=&return_to=/&username=jane&password=x", "__Host-countersign_login=");
    assert_refused(bench, 403, "forbidden");
    submit(bench, "return_to=/&username=jane&password=x", LOGIN_COOKIE);
    assert_refused(bench, 403, "forbidden");
    submit(bench, JANES_FORM "&csrf_token=" SECRET, LOGIN_COOKIE);
    assert_refused(bench, 403, "forbidden");
    const struct site_call foreign = {.steps = login_submit,
                                      .body = JANES_FORM,
                                      .cookie = LOGIN_COOKIE,
                                      .header = "Origin",
                                      .value = "https://evil.example"};
    site_bench_call(bench, &foreign);
    assert_refused(bench, 403, "forbidden");
}

static void compares_the_forms_secret_in_constant_time(void **state)
{
    struct site_bench *bench = *state;
    watch_begin();
    assert_int_equal(submit(bench, JANES_FORM, LOGIN_COOKIE), 302);
    assert_int_equal(watch_comparisons(SLICE(SECRET)), 1);
    watch_end();
}

static void refuses_a_form_with_a_field_missing_or_twice(void **state)
{
    struct site_bench *bench = *state;
    static const char *const forms[] = {
        "csrf_token=" SECRET "&return_to=/&password=x",
        "csrf_token=" SECRET "&return_to=/&username=jane",
        JANES_FORM "&username=joe",
        JANES_FORM "&password=other",
        JANES_FORM "&return_to=/",
    };
    for (size_t i = 0; i < COUNT_OF(forms); i++)
        if (submit(bench, forms[i], LOGIN_COOKIE) != 400)
            fail_msg("%s", forms[i]);
}

static void goes_home_where_return_to_leads_elsewhere(void **state)
{
    struct site_bench *bench = *state;
    submit(bench,
           "csrf_token=" SECRET
           "&username=jane&password=correct+horse&return_to=%2F%2Fevil.example%2Foauth%2Fauthorize",
           LOGIN_COOKIE);
    assert_slice_equal(header(bench, "Location"), SLICE("/"));
}

/* ---- passwords that wait ---- */

struct blocker {
    struct job job;
    _Atomic bool may_end;
    bool is_done;
};

static void block(struct job *job, void *thread_context UNUSED)
{
    while (!((struct blocker *)job)->may_end)
        ;
}

static void unblocked(struct job *job)
{
    ((struct blocker *)job)->is_done = true;
    loop_stop(job->loop);
}

static void refuses_at_once_when_too_many_passwords_wait(void **state)
{
    struct site_bench *bench = *state;
    struct blocker blockers[9] = {0}; /* the thread and the whole queue */
    for (size_t i = 0; i < COUNT_OF(blockers); i++) {
        blockers[i].job = (struct job){.run_blocking = block, .done = unblocked, .loop = bench->asking.loop};
        while (worker_pool_submit(bench->app.passwords, &blockers[i].job, STATUS_SLOW_DOWN) != STATUS_OK)
            ; /* until the thread has taken its first */
    }
    assert_int_equal(submit(bench, JANES_FORM, LOGIN_COOKIE), 429);
    assert_slice_equal(header(bench, "Retry-After"), SLICE("1"));
    for (size_t i = 0; i < COUNT_OF(blockers); i++)
        blockers[i].may_end = true;
    for (size_t i = 0; i < COUNT_OF(blockers); i++)
        while (!blockers[i].is_done)
            loop_run(bench->asking.loop);
    assert_int_equal(submit(bench, JANES_FORM, LOGIN_COOKIE), 302);
}

/* Stops the pool when a password waits behind the one that is being checked. */
static struct stopper {
    struct job job;
    struct site_bench *bench;
    struct loop_timer timer;
    _Atomic bool is_stopping;
} stopper;

static void block_until_nothing_waits(struct job *job UNUSED, void *thread_context UNUSED)
{
    while (!stopper.is_stopping || worker_pool_stats(stopper.bench->app.passwords).queued != 0)
        ;
}

static void ignore(struct job *job UNUSED)
{
}

static void stop_pool(void *context UNUSED)
{
    struct worker_pool *pool = stopper.bench->app.passwords;
    if (worker_pool_stats(pool).queued == 0)
        return;
    loop_timer_stop(&stopper.timer);
    stopper.is_stopping = true;
    worker_pool_free_blocking(pool, WORKER_POOL_DROP);
    stopper.bench->app.passwords = NULL;
}

static void answer_while_the_pool_stops(struct site_bench *bench, const char *form)
{
    stopper = (struct stopper){.bench = bench};
    stopper.job = (struct job){.run_blocking = block_until_nothing_waits, .done = ignore, .loop = bench->asking.loop};
    assert_status(worker_pool_submit(bench->app.passwords, &stopper.job, STATUS_SLOW_DOWN), STATUS_OK);
    while (worker_pool_stats(bench->app.passwords).busy == 0)
        ;
    assert_status(loop_timer_init(&stopper.timer, bench->asking.loop, stop_pool, NULL), STATUS_OK);
    assert_status(loop_timer_start_periodic(&stopper.timer, 1), STATUS_OK);
    submit(bench, form, LOGIN_COOKIE);
    loop_timer_done(&stopper.timer);
    assert_refused(bench, 503, "temporarily_unavailable");
}

/* ---- hashes that came from other systems ---- */

/* "correct horse", by Django's hasher. */
#define DJANGOS_HASH "pbkdf2_sha256$300000$seasalt2$U73jmqEqmtzX264gbiJWn5sfrhtvbBKCYO3Ke1rA7XA="

static void have_hash_of_django(struct site_bench *bench)
{
    assert_status(durable_user_set_password_blocking(&bench->durable.db, bench->jane, SLICE(DJANGOS_HASH)), STATUS_OK);
}

static bool has_hash_of_django(struct site_bench *bench)
{
    struct user *user = NULL;
    assert_status(durable_user_find_blocking(&bench->durable.db, bench->jane, &user), STATUS_OK);
    bool has = slice_eq(user->password_hash, SLICE(DJANGOS_HASH));
    assert_true(has || slice_starts_with(user->password_hash, SLICE("$y$")));
    user_free(user);
    return has;
}

static void a_right_password_is_hashed_as_ours_are_and_a_wrong_one_changes_nothing(void **state)
{
    struct site_bench *bench = *state;
    have_hash_of_django(bench);
    assert_int_equal(submit(bench, FORM("jane", "wrong"), LOGIN_COOKIE), 403);
    assert_true(has_hash_of_django(bench));
    assert_int_equal(submit(bench, JANES_FORM, LOGIN_COOKIE), 302);
    assert_false(has_hash_of_django(bench));
    assert_int_equal(submit(bench, JANES_FORM, LOGIN_COOKIE), 302);
    assert_int_equal(submit(bench, FORM("jane", "wrong"), LOGIN_COOKIE), 403);
}

/* The browser that logged in with the other system's hash is a device of the account also after it was replaced, or
 * where that failed. */
static void who_logged_in_with_djangos_hash_is_known_afterwards(void **state)
{
    struct site_bench *bench = *state;
    for (int fails = 0; fails < 2; fails++) {
        have_hash_of_django(bench);
        if (fails)
            assert_status(sql_execute_blocking(bench->durable.db.sql,
                                               "CREATE TRIGGER stays BEFORE UPDATE OF password_hash ON users"
                                               " BEGIN SELECT RAISE(ABORT, 'no'); END",
                                               NULL, 0, NULL, NULL),
                          STATUS_OK);
        assert_int_equal(submit(bench, JANES_FORM, LOGIN_COOKIE), 302);
        assert_true(has_hash_of_django(bench) == fails);
        struct slice cookie = site_bench_header(bench, "Set-Cookie", 2);
        assert_true(slice_starts_with(cookie, SLICE("__Host-countersign_device=")));
        cookie = slice_sub(cookie, slice_find(cookie, '=') + 1, slice_find(cookie, ';'));
        struct keyring *keys = shared_keys_take(bench->app.keys);
        struct arena arena;
        struct device device = {0};
        struct user *user = NULL;
        arena_init(&arena, 4096);
        assert_status(durable_user_find_blocking(&bench->durable.db, bench->jane, &user), STATUS_OK);
        assert_true(device_read(keys, cookie, &arena, &device));
        assert_true(device_is_of(&device, user));
        user_free(user);
        arena_done(&arena);
        keyring_free(keys);
    }
}

static int64_t time_of(struct site_bench *bench, const char *form)
{
    int64_t begun = clock_monotonic_ns();
    assert_int_equal(submit(bench, form, LOGIN_COOKIE), 403);
    return (clock_monotonic_ns() - begun) / 1000000;
}

/* joe's hash is cheap, jane's takes a hundred times as long, and nobody has none at all. */
static void a_wrong_password_takes_one_time_whoever_it_is_tried_for(void **state)
{
    struct site_bench *bench = *state;
    have_hash_of_django(bench);
    (void)time_of(bench, FORM("joe", "wrong")); /* measures */
    int64_t begun = clock_monotonic_ns();
    assert_true(password_verify_blocking(SLICE("correct horse"), SLICE(DJANGOS_HASH)));
    int64_t dearest = (clock_monotonic_ns() - begun) / 1000000;
    int64_t times[] = {time_of(bench, FORM("jane", "wrong")), time_of(bench, FORM("joe", "wrong")),
                       time_of(bench, FORM("nobody", "wrong")), time_of(bench, FORM("jane", ""))};
    for (size_t i = 0; i < COUNT_OF(times); i++) {
        assert_true(times[i] >= dearest / 2); /* one may have been measured at a better moment */
        assert_true(times[i] * 10 > times[0] * 7 && times[0] * 10 > times[i] * 7);
    }
}

/* ---- faults ---- */

static void lets_nobody_in_whose_password_was_not_looked_at(void **state)
{
    answer_while_the_pool_stops(*state, JANES_FORM);
}

static void says_of_nobody_that_the_password_is_wrong_before_it_was_looked_at(void **state)
{
    answer_while_the_pool_stops(*state, FORM("nobody", "wrong"));
}

/* Nor what hashes the store holds, of which a wrong password has its time; nor is anybody let in unrecorded. */
static void answers_503_where_users_cannot_be_read_or_a_login_not_written_down(void **state)
{
    static const char *const tables[][2] = {
        {"ALTER TABLE password_kinds RENAME TO lost", "ALTER TABLE lost RENAME TO password_kinds"},
        {"ALTER TABLE users RENAME TO lost", "ALTER TABLE lost RENAME TO users"},
        {"ALTER TABLE audit RENAME TO lost", "ALTER TABLE lost RENAME TO audit"},
    };
    struct site_bench *bench = *state;
    struct sql *sql = bench->durable.db.sql;
    for (size_t i = 0; i < COUNT_OF(tables); i++) {
        assert_status(sql_execute_blocking(sql, tables[i][0], NULL, 0, NULL, NULL), STATUS_OK);
        submit(bench, JANES_FORM, LOGIN_COOKIE);
        assert_refused(bench, 503, "temporarily_unavailable");
        assert_status(sql_execute_blocking(sql, tables[i][1], NULL, 0, NULL, NULL), STATUS_OK);
    }
}

/* Some time after the answer. */
static void a_wrong_password_of_an_account_is_written_down(void **state)
{
    struct site_bench *bench = *state;
    static const char query[] = "SELECT COUNT(*) FROM audit WHERE what = 'login.failed' AND who = 'login' AND subject ="
                                " (SELECT subject FROM users WHERE username = 'jane')";
    assert_int_equal(submit(bench, FORM("jane", "wrong"), LOGIN_COOKIE), 403);
    for (int i = 0; i < 5000 && durable_bench_number(&bench->durable, query) == 0; i++)
        usleep(1000);
    assert_int_equal(durable_bench_number(&bench->durable, query), 1);
}

static void answers_503_when_the_store_is_down_at_any_wait(void **state)
{
    struct site_bench *bench = *state;
    unsigned nth = 0;
    int status = 0;
    do {
        faulty_ephemeral_fail(&bench->faulty, ++nth);
        status = submit(bench, "csrf_token=" SECRET "&return_to=/&username=jane&password=correct+horse", LOGIN_COOKIE);
        if (bench->faulty.calls >= nth)
            assert_refused(bench, 503, "temporarily_unavailable");
    } while (bench->faulty.calls >= nth);
    assert_int_equal(status, 302);
    assert_int_equal(nth, 9); /* three counters, the new session, the old one's end, the counters again */
}

static void lets_in_without_knowing_the_callback(void **state)
{
    struct site_bench *bench = *state;
    faulty_ephemeral_fail(&bench->faulty, 2); /* the temporary credential, asked for after the address's counter */
    assert_int_equal(submit(bench, JANES_FORM, LOGIN_COOKIE), 302);
    faulty_ephemeral_fail(&bench->faulty, 1);
    assert_int_equal(show(bench, "return_to=%2Foauth%2Fauthorize%3Foauth_token%3Dtemp", NULL), 200);
}

static void answers_503_without_randomness(void **state)
{
    struct site_bench *bench = *state;
    random_fail_next(1);
    show(bench, NULL, NULL);
    assert_refused(bench, 503, "temporarily_unavailable");
    random_fail_next(1);
    submit(bench, JANES_FORM, LOGIN_COOKIE);
    assert_refused(bench, 503, "temporarily_unavailable");
}

static void needs_tls(void **state)
{
    struct site_bench *bench = *state;
    site_bench_call(bench, &(struct site_call){.steps = login_show, .is_plain = true});
    assert_refused(bench, 400, "transport_insecure");
    site_bench_call(bench, &(struct site_call){
                               .steps = login_submit, .body = JANES_FORM, .cookie = LOGIN_COOKIE, .is_plain = true});
    assert_refused(bench, 400, "transport_insecure");
}

static void names_cookies_without_the_prefix_in_development(void **state)
{
    struct site_bench *bench = *state;
    bench->config.public_url.scheme = SLICE("http");
    bench->config.dev = bench->config.insecure_transport = true;
    assert_int_equal(site_bench_call(bench, &(struct site_call){.steps = login_show, .is_plain = true}), 200);
    assert_true(slice_starts_with(header(bench, "Set-Cookie"), SLICE("countersign_login=")));
    assert_false(contains(header(bench, "Set-Cookie"), "Secure"));
    assert_true(site_bench_says(bench, "Development mode"));
}

/* ---- POST /logout, GET / ---- */

static int log_out(struct site_bench *bench, const char *body)
{
    return site_bench_call(
        bench, &(struct site_call){.steps = logout_submit, .body = body, .cookie = "__Host-countersign_session=janes"});
}

static void ends_the_session_that_the_form_was_made_for(void **state)
{
    struct site_bench *bench = *state;
    site_bench_session(bench, "janes", bench->jane, "jane");
    log_out(bench, "csrf_token=csrf+of+joes");
    assert_refused(bench, 403, "forbidden");
    log_out(bench, "x=y");
    assert_refused(bench, 403, "forbidden");
    assert_true(site_bench_has_session(bench, "janes"));
    assert_int_equal(log_out(bench, "csrf_token=csrf+of+janes&return_to=%2Foauth%2Fauthorize%3Foauth_token%3Dtemp"),
                     302);
    assert_slice_equal(header(bench, "Location"), SLICE(RETURN_TO));
    assert_true(contains(header(bench, "Set-Cookie"), "__Host-countersign_session=;") &&
                contains(header(bench, "Set-Cookie"), "Max-Age=0"));
    assert_false(site_bench_has_session(bench, "janes"));
    assert_int_equal(log_out(bench, "csrf_token=csrf+of+janes&return_to=//evil.example"), 302); /* twice is fine */
    assert_slice_equal(header(bench, "Location"), SLICE("/"));
}

static void does_not_claim_a_logout_that_the_store_did_not_take(void **state)
{
    struct site_bench *bench = *state;
    site_bench_session(bench, "janes", bench->jane, "jane");
    for (unsigned nth = 1; nth <= 2; nth++) {
        faulty_ephemeral_fail(&bench->faulty, nth);
        log_out(bench, "csrf_token=csrf+of+janes");
        assert_refused(bench, 503, "temporarily_unavailable");
        assert_false(site_bench_says(bench, "Nothing was changed")); /* of a lost answer nobody knows that */
    }
    assert_true(site_bench_has_session(bench, "janes"));
}

/* That a session is over matters more than its row. */
static void ends_the_session_also_where_nobody_can_write_it_down(void **state)
{
    static const char *const losses[] = {"ALTER TABLE audit RENAME TO lost", "ALTER TABLE users RENAME TO gone"};
    struct site_bench *bench = *state;
    for (size_t i = 0; i < COUNT_OF(losses); i++) {
        site_bench_session(bench, "janes", bench->jane, "jane");
        assert_status(sql_execute_blocking(bench->durable.db.sql, losses[i], NULL, 0, NULL, NULL), STATUS_OK);
        assert_int_equal(log_out(bench, "csrf_token=csrf+of+janes"), 302);
        assert_false(site_bench_has_session(bench, "janes"));
    }
}

static void greets_who_is_logged_in_and_shows_developers_more(void **state)
{
    struct site_bench *bench = *state;
    struct site_call call = {.steps = home_show};
    assert_int_equal(site_bench_call(bench, &call), 200);
    assert_true(site_bench_says(bench, "href=\"/login\"") && !site_bench_says(bench, "/oauth/initiate"));
    site_bench_session(bench, "janes", bench->jane, "jane");
    call.cookie = "__Host-countersign_session=janes";
    bench->config.dev = true;
    assert_int_equal(site_bench_call(bench, &call), 200);
    assert_true(site_bench_says(bench, ">jane<") && site_bench_says(bench, "action=\"/logout\"") &&
                site_bench_says(bench, "/oauth/initiate"));
    faulty_ephemeral_fail(&bench->faulty, 1);
    site_bench_call(bench, &call);
    assert_refused(bench, 503, "temporarily_unavailable");
    assert_status(durable_user_end_sessions_blocking(&bench->durable.db, bench->jane), STATUS_OK);
    faulty_ephemeral_fail(&bench->faulty, 0);
    assert_int_equal(site_bench_call(bench, &call), 200);
    assert_true(site_bench_says(bench, "href=\"/login\"") && !site_bench_says(bench, ">jane<"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SITE_TEST(shows_a_form_whose_secret_only_its_cookie_repeats),
        SITE_TEST(keeps_a_secret_that_is_there_so_that_two_pages_work),
        SITE_TEST(returns_only_to_the_authorize_page),
        SITE_TEST(names_the_callback_that_a_trusted_client_is_sent_back_to),
        SITE_TEST(tells_who_asked_and_where_a_new_password_is_had),
        SITE_TEST(asks_the_store_for_nothing_that_is_not_named),
        SITE_TEST(refuses_a_query_that_cannot_be_read),
        SITE_TEST(sends_to_the_login_page_and_from_there_back),
        SITE_TEST(opens_a_new_session_and_ends_the_old_one),
        SITE_TEST(ends_the_session_after_twelve_hours),
        SITE_TEST(says_the_same_to_everybody_it_does_not_let_in),
        SITE_TEST(does_not_let_in_who_has_no_password),
        SITE_TEST(escapes_what_was_typed),
        SITE_TEST(refuses_a_form_that_is_not_this_browsers),
        SITE_TEST(compares_the_forms_secret_in_constant_time),
        SITE_TEST(refuses_a_form_with_a_field_missing_or_twice),
        SITE_TEST(goes_home_where_return_to_leads_elsewhere),
        SITE_TEST(refuses_at_once_when_too_many_passwords_wait),
        SITE_TEST(a_right_password_is_hashed_as_ours_are_and_a_wrong_one_changes_nothing),
        SITE_TEST(who_logged_in_with_djangos_hash_is_known_afterwards),
        SITE_TEST(a_wrong_password_takes_one_time_whoever_it_is_tried_for),
        SITE_TEST(lets_nobody_in_whose_password_was_not_looked_at),
        SITE_TEST(says_of_nobody_that_the_password_is_wrong_before_it_was_looked_at),
        SITE_TEST(answers_503_where_users_cannot_be_read_or_a_login_not_written_down),
        SITE_TEST(a_wrong_password_of_an_account_is_written_down),
        SITE_TEST(answers_503_when_the_store_is_down_at_any_wait),
        SITE_TEST(lets_in_without_knowing_the_callback),
        SITE_TEST(answers_503_without_randomness),
        SITE_TEST(needs_tls),
        SITE_TEST(names_cookies_without_the_prefix_in_development),
        SITE_TEST(ends_the_session_that_the_form_was_made_for),
        SITE_TEST(does_not_claim_a_logout_that_the_store_did_not_take),
        SITE_TEST(ends_the_session_also_where_nobody_can_write_it_down),
        SITE_TEST(greets_who_is_logged_in_and_shows_developers_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
