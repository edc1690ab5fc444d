#include "login/trusted_login.h"

#include "app/service_metrics.h"
#include "crypto/random.h"
#include "login/login.h"
#include "protocol/authorize.h"
#include "site_bench.h"
#include "support/test.h"

#include <stdio.h>

#define HEADER "X-Remote-User"
#define PROXY  "192.0.2.7"

static struct address_block proxies[1];

/* Behind a proxy that says who it is, at 192.0.2.0/24. */
static int setup(void **state)
{
    int result = site_bench_setup(state);
    struct site_bench *bench = *state;
    assert_true(address_block_parse(SLICE("192.0.2.0/24"), &proxies[0]));
    bench->config.login_trusted_header = SLICE(HEADER);
    bench->config.trusted_proxies = (struct config_proxies){.blocks = proxies, .count = 1};
    site_bench_temp(bench, "temp", CALLBACK);
    return result;
}
#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, site_bench_teardown)

static int call_as(struct site_bench *bench, struct site_call call, const char *subject)
{
    call.header = subject ? HEADER : NULL;
    call.value = subject;
    return site_bench_call(bench, &call);
}

static int show_as(struct site_bench *bench, const char *subject, const char *cookie)
{
    return call_as(bench, (struct site_call){.steps = authorize_show, .query = "oauth_token=temp", .cookie = cookie},
                   subject);
}

static int decide_as(struct site_bench *bench, const char *subject, const char *cookie, const char *csrf)
{
    char body[256];
    (void)snprintf(body, sizeof body, "oauth_token=temp&decision=grant&scope=photos:read&csrf_token=%s", csrf);
    return call_as(bench, (struct site_call){.steps = authorize_decide, .body = body, .cookie = cookie}, subject);
}

static void copy_value(struct slice text, const char *before, char end, char *out, size_t size)
{
    struct slice value = slice_sub(text, slice_find_slice(text, slice_str(before)) + strlen(before), text.len);
    value = slice_sub(value, 0, slice_find(value, end));
    assert_true(value.len > 0 && value.len < size);
    memcpy(out, value.ptr, value.len);
    out[value.len] = '\0';
}

/* "__Host-…=…", of the new session that the last reply began. */
static void copy_cookie(const struct site_bench *bench, char out[128])
{
    copy_value(site_bench_header(bench, "Set-Cookie", 0), "", ';', out, 128);
}

/* Of the page that was shown last. */
static void copy_csrf(const struct site_bench *bench, char out[64])
{
    copy_value(site_bench_body(bench), "name=\"csrf_token\" value=\"", '"', out, 64);
}

static bool has_session(struct site_bench *bench, const char *cookie)
{
    return site_bench_has_session(bench, strchr(cookie, '=') + 1);
}

/* What the list of a user's sessions says of this one. */
static void assert_came_from(struct site_bench *bench, const char *cookie, const char *came_from)
{
    void *session = NULL;
    ephemeral_session_find_start(bench->view, slice_str(strchr(cookie, '=') + 1), asking_ticket(&bench->asking));
    assert_status(asking_wait(&bench->asking, &session), STATUS_OK);
    assert_slice_equal(((const struct session *)session)->came_from, slice_str(came_from));
}

static int64_t count_users(struct site_bench *bench)
{
    return durable_bench_number(&bench->durable, "SELECT COUNT(*) FROM users");
}

static uint64_t failures(void)
{
    return metric_value(&authorizations, AUTHORIZATION_FAILED);
}

static void whom_the_header_names_gets_a_session_and_decides(void **state)
{
    struct site_bench *bench = *state;
    char cookie[128];
    char csrf[64];
    assert_int_equal(show_as(bench, "42", NULL), 302);
    assert_slice_equal(site_bench_header(bench, "Location", 0), SLICE("/oauth/authorize?oauth_token=temp"));
    copy_cookie(bench, cookie);
    assert_came_from(bench, cookie, "192.0.2.x");
    assert_int_equal(show_as(bench, "42", cookie), 200);
    assert_true(site_bench_says(bench, ">42<"));
    copy_csrf(bench, csrf);
    assert_int_equal(decide_as(bench, "42", cookie, "other"), 403);
    assert_int_equal(decide_as(bench, "42", cookie, csrf), 302);
    const struct temp_credential *temp = site_bench_find_temp(bench, "temp");
    assert_int_equal(temp->state, TEMP_GRANTED);
    assert_slice_equal(temp->username, SLICE("42"));
}

static void assert_nobody(struct site_bench *bench, int http_status)
{
    assert_int_equal(http_status, 403);
    assert_true(site_bench_says(bench, "You are not logged in."));
    assert_true(slice_is_absent(site_bench_header(bench, "Set-Cookie", 0)));
}

static void without_one_usable_header_nobody_is_logged_in(void **state)
{
    struct site_bench *bench = *state;
    static const struct {
        const char *subject, *peer;
        bool is_twice;
    } rows[] = {{NULL, PROXY, false},
                {"", PROXY, false},
                {"local-1", PROXY, false},
                {"42", PROXY, true},
                {"42", "198.51.100.7", false}};
    char cookie[128];
    int64_t users = count_users(bench);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint64_t before = failures();
        struct site_call call = {.query = "oauth_token=temp", .peer = rows[i].peer, .is_twice = rows[i].is_twice};
        call.steps = authorize_show;
        assert_nobody(bench, call_as(bench, call, rows[i].subject));
        assert_int_equal(failures(), before + 1);
        call.steps = trusted_login_show;
        assert_nobody(bench, call_as(bench, call, rows[i].subject));
    }
    assert_int_equal(count_users(bench), users);
    assert_int_equal(show_as(bench, "42", NULL), 302);
    copy_cookie(bench, cookie);
    assert_nobody(bench, show_as(bench, NULL, cookie)); /* a session names nobody */
    assert_nobody(bench, decide_as(bench, NULL, cookie, ""));
    assert_int_equal(site_bench_find_temp(bench, "temp")->state, TEMP_PENDING);
}

static void another_subject_ends_the_session(void **state)
{
    struct site_bench *bench = *state;
    char first[128];
    char second[128];
    char csrf[64];
    assert_int_equal(show_as(bench, "42", NULL), 302);
    copy_cookie(bench, first);
    assert_int_equal(show_as(bench, "42", first), 200);
    copy_csrf(bench, csrf);
    assert_int_equal(decide_as(bench, "43", first, csrf), 302); /* the page was 42's */
    assert_int_equal(site_bench_find_temp(bench, "temp")->state, TEMP_PENDING);
    copy_cookie(bench, second);
    assert_string_not_equal(second, first);
    assert_false(has_session(bench, first));
    assert_int_equal(show_as(bench, "43", second), 200);
    assert_true(site_bench_says(bench, ">43<"));
}

/* Also where a decision tied the request to somebody: another's session is over before that is looked at. */
static void another_subjects_session_is_over_where_the_request_is_ones_own(void **state)
{
    struct site_bench *bench = *state;
    char others[128];
    char own[128];
    char csrf[64];
    assert_int_equal(show_as(bench, "42", NULL), 302);
    copy_cookie(bench, others);
    assert_int_equal(show_as(bench, "43", NULL), 302);
    copy_cookie(bench, own);
    assert_int_equal(show_as(bench, "43", own), 200);
    copy_csrf(bench, csrf);
    assert_int_equal(decide_as(bench, "43", own, csrf), 302);
    assert_int_equal(show_as(bench, "43", others), 302);
    assert_slice_equal(site_bench_header(bench, "Location", 0), SLICE("/oauth/authorize?oauth_token=temp"));
    assert_false(has_session(bench, others));
}

static void a_session_lasts_twelve_hours(void **state)
{
    struct site_bench *bench = *state;
    char cookie[128];
    assert_int_equal(show_as(bench, "42", NULL), 302);
    copy_cookie(bench, cookie);
    fake_clock_advance(&bench->durable.clock, SESSION_TTL_MS - 1);
    assert_true(has_session(bench, cookie));
    fake_clock_advance(&bench->durable.clock, 1);
    assert_false(has_session(bench, cookie));
}

static void set_subject(struct site_bench *bench, const char *from, const char *to)
{
    char query[128];
    (void)snprintf(query, sizeof query, "UPDATE users SET subject = '%s' WHERE subject = '%s'", to, from);
    assert_status(sql_execute_blocking(bench->durable.db.sql, query, NULL, 0, NULL, NULL), STATUS_OK);
}

static void who_is_called_as_an_older_account_is_told_so(void **state)
{
    struct site_bench *bench = *state;
    uint64_t before = failures();
    set_subject(bench, "local-1", "4711");
    assert_int_equal(show_as(bench, "4711", NULL), 403);
    assert_true(site_bench_says(bench, "set-local-subject"));
    assert_int_equal(failures(), before + 1);
    assert_int_equal(decide_as(bench, "4711", NULL, ""), 403);
    assert_true(site_bench_says(bench, "set-local-subject"));
    assert_int_equal(call_as(bench, (struct site_call){.steps = trusted_login_show}, "4711"), 403);
    assert_true(site_bench_says(bench, "set-local-subject"));
}

static int64_t id_of(struct site_bench *bench, const char *subject)
{
    char query[128];
    (void)snprintf(query, sizeof query, "SELECT id FROM users WHERE subject = '%s'", subject);
    return durable_bench_number(&bench->durable, query);
}

static void who_is_disabled_is_told_so_and_gets_no_session(void **state)
{
    struct site_bench *bench = *state;
    char cookie[128];
    assert_int_equal(show_as(bench, "42", NULL), 302);
    copy_cookie(bench, cookie);
    assert_status(durable_user_disable_blocking(&bench->durable.db, id_of(bench, "42")), STATUS_OK);
    assert_int_equal(show_as(bench, "42", cookie), 403);
    assert_true(site_bench_says(bench, "Your account is disabled here."));
    assert_true(slice_is_absent(site_bench_header(bench, "Set-Cookie", 0)));
    assert_int_equal(call_as(bench, (struct site_call){.steps = trusted_login_show}, "42"), 403);
    assert_true(slice_is_absent(site_bench_header(bench, "Set-Cookie", 0)));
}

/* The configuration changed since: this site logs in by password now. */
static void a_sites_session_is_nobodys_once_its_door_is_closed(void **state)
{
    struct site_bench *bench = *state;
    char cookie[128];
    assert_int_equal(show_as(bench, "42", NULL), 302);
    copy_cookie(bench, cookie);
    bench->config.login_trusted_header = SLICE_ABSENT;
    assert_int_equal(show_as(bench, "42", cookie), 302);
    assert_true(slice_starts_with(site_bench_header(bench, "Location", 0), SLICE("/login?")));
}

static void the_login_page_leads_on_at_once(void **state)
{
    struct site_bench *bench = *state;
    static const struct {
        const char *query, *location;
    } rows[] = {{NULL, "/"},
                {"return_to=https://evil.example", "/"},
                {"return_to=%2Foauth%2Fauthorize%3Foauth_token%3Dtemp", "/oauth/authorize?oauth_token=temp"}};
    char cookie[128];
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct site_call call = {.steps = trusted_login_show, .query = rows[i].query};
        assert_int_equal(call_as(bench, call, "42"), 302);
        assert_slice_equal(site_bench_header(bench, "Location", 0), slice_str(rows[i].location));
        copy_cookie(bench, cookie);
        assert_true(has_session(bench, cookie));
    }
    call_as(bench, (struct site_call){.steps = trusted_login_show, .query = "return_to=%zz"}, "42");
    assert_refused(bench, 400, "parameter_rejected");
    call_as(bench, (struct site_call){.steps = trusted_login_show, .is_plain = true}, "42");
    assert_refused(bench, 400, "transport_insecure");
}

static void rename_table(struct site_bench *bench, const char *from, const char *to)
{
    char statement[64];
    (void)snprintf(statement, sizeof statement, "ALTER TABLE %s RENAME TO %s", from, to);
    assert_status(sql_execute_blocking(bench->durable.db.sql, statement, NULL, 0, NULL, NULL), STATUS_OK);
}

static void a_store_that_is_down_lets_nobody_in(void **state)
{
    struct site_bench *bench = *state;
    for (unsigned call = 1; call <= 4; call++) { /* the request, the session, the new session, the old one's end */
        faulty_ephemeral_fail(&bench->faulty, call);
        assert_int_equal(show_as(bench, "42", NULL), 503);
        assert_true(slice_is_absent(site_bench_header(bench, "Set-Cookie", 0)));
    }
    faulty_ephemeral_fail(&bench->faulty, 0);
    random_fail_next(1);
    assert_int_equal(show_as(bench, "42", NULL), 503);
    assert_true(slice_is_absent(site_bench_header(bench, "Set-Cookie", 0)));
    rename_table(bench, "audit", "lost");
    assert_int_equal(show_as(bench, "42", NULL), 503); /* nobody comes in unseen */
    assert_true(slice_is_absent(site_bench_header(bench, "Set-Cookie", 0)));
    rename_table(bench, "lost", "audit");
    uint64_t before = failures();
    rename_table(bench, "users", "gone");
    assert_int_equal(show_as(bench, "42", NULL), 503);
    assert_int_equal(failures(), before + 1);
    assert_int_equal(call_as(bench, (struct site_call){.steps = trusted_login_show}, "42"), 503);
}

/* A row of "user:" alone would be nobody's. */
static void the_audit_log_has_the_whole_subject_or_nobody_logs_in_where_memory_does_not_suffice(void **state)
{
    enum { STEP_BYTES = 16, ENOUGH_BYTES = 8 << 10 };
    struct site_bench *bench = *state;
    char subject[201] = "";
    unsigned logins = 0;
    memset(subject, 'x', sizeof subject - 1);
    const struct site_call call = {.steps = trusted_login_show, .header = HEADER, .value = subject};
    for (size_t bytes = 0; bytes <= ENOUGH_BYTES; bytes += STEP_BYTES)
        logins += site_bench_call_within(bench, &call, bytes) == 302;
    assert_in_range(logins, 1, ENOUGH_BYTES / STEP_BYTES);
    assert_in_range(durable_bench_number(&bench->durable, "SELECT COUNT(*) FROM audit"), logins, UINT32_MAX);
    assert_int_equal(
        durable_bench_number(&bench->durable, "SELECT COUNT(*) FROM audit WHERE who <> 'user:' || subject"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(whom_the_header_names_gets_a_session_and_decides),
        TEST(without_one_usable_header_nobody_is_logged_in),
        TEST(another_subject_ends_the_session),
        TEST(another_subjects_session_is_over_where_the_request_is_ones_own),
        TEST(a_session_lasts_twelve_hours),
        TEST(who_is_called_as_an_older_account_is_told_so),
        TEST(who_is_disabled_is_told_so_and_gets_no_session),
        TEST(a_sites_session_is_nobodys_once_its_door_is_closed),
        TEST(the_login_page_leads_on_at_once),
        TEST(a_store_that_is_down_lets_nobody_in),
        TEST(the_audit_log_has_the_whole_subject_or_nobody_logs_in_where_memory_does_not_suffice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
