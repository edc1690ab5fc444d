#include "account/password_change.h"

#include "account/security.h"
#include "crypto/password.h"
#include "durable/changes.h"
#include "durable/passwords.h"
#include "durable/users.h"
#include "site/site.h"
#include "site_bench.h"
#include "support/test.h"

#include <stdio.h>

#define JANES_COOKIE "__Host-countersign_session=janes"
#define FRESH        "granite+otter+lamp"

static int setup(void **state)
{
    int result = site_bench_setup(state);
    site_bench_session(*state, "janes", ((struct site_bench *)*state)->jane, "jane");
    return result;
}
#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, site_bench_teardown)

static int change(struct site_bench *bench, const char *current, const char *fresh, const char *again)
{
    char body[2048];
    (void)snprintf(body, sizeof body, "csrf_token=csrf+of+janes&current=%s&password=%s&again=%s", current, fresh,
                   again);
    return site_bench_call(
        bench,
        &(struct site_call){.steps = password_change, .path = SECURITY_PATH, .body = body, .cookie = JANES_COOKIE});
}

static bool has_password(struct site_bench *bench, int64_t id, const char *password)
{
    struct user *user = NULL;
    assert_status(durable_user_find_blocking(&bench->durable.db, id, &user), STATUS_OK);
    bool matches = password_verify_blocking(slice_str(password), user->password_hash);
    user_free(user);
    return matches;
}

static void assert_refused_as(struct site_bench *bench, const char *outcome)
{
    char location[80];
    (void)snprintf(location, sizeof location, "/account/security?done=%s", outcome);
    if (bench->request.reply.http_status != 302)
        fail_msg("%.*s", SLICE_ARGS(site_bench_body(bench)));
    assert_slice_equal(site_bench_header(bench, "Location", 0), slice_str(location));
    assert_true(has_password(bench, bench->jane, PASSWORD));
    assert_true(slice_is_absent(site_bench_header(bench, "Set-Cookie", 0)));
}

static void sets_it_ends_what_was_begun_by_the_old_one_and_leads_to_the_login(void **state)
{
    struct site_bench *bench = *state;
    char line[1024];
    char expected[64];
    int64_t before = durable_bench_latest_change(&bench->durable);
    assert_int_equal(change(bench, "correct+horse", FRESH, FRESH), 302);
    assert_slice_equal(site_bench_header(bench, "Location", 0),
                       SLICE("/login?return_to=%2Faccount%2Fsecurity&because=changed"));
    struct slice session = site_bench_header(bench, "Set-Cookie", 0);
    struct slice device = site_bench_header(bench, "Set-Cookie", 1);
    assert_true(slice_starts_with(session, SLICE("__Host-countersign_session=;")));
    assert_true(slice_starts_with(device, SLICE("__Host-countersign_device=;")));
    assert_true(has_password(bench, bench->jane, "granite otter lamp"));
    assert_true(has_password(bench, bench->joe, PASSWORD));
    (void)snprintf(expected, sizeof expected, "user ended %lld", (long long)bench->jane);
    assert_string_equal(durable_bench_changes(&bench->durable, before, line), expected);
    site_bench_call(bench, &(struct site_call){.steps = security_show, .path = SECURITY_PATH, .cookie = JANES_COOKIE});
    assert_int_equal(bench->request.reply.http_status, 302); /* the old session opens nothing, whatever the feed does */
    struct audit_page *page = NULL;
    assert_status(durable_audit_list_blocking(&bench->durable.db, NULL, (struct page_request){0}, &page), STATUS_OK);
    assert_int_equal(page->count, 1);
    assert_slice_equal(page->entries[0].what, SLICE("user.set-password"));
    assert_true(slice_starts_with(page->entries[0].who, SLICE("user:local-")));
    audit_page_free(page);
}

static void the_one_that_he_has_is_asked_for(void **state)
{
    struct site_bench *bench = *state;
    static const char *const wrong[] = {"", "wrong", "Correct+horse", FRESH};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        change(bench, wrong[i], FRESH, FRESH);
        assert_refused_as(bench, "wrong");
    }
}

static void the_new_one_is_judged_as_every_password(void **state)
{
    struct site_bench *bench = *state;
    char *longest = test_calloc(1, 513);
    static const struct {
        const char *fresh, *outcome;
    } rows[] = {
        {"", "too-short"},
        {"granite+otter", "too-short"},
        {"aaaaaaaaaaaaaaaaaaaa", "repeats"},
        {"granite+otter+%00lamp", "too-long"},
        {"passwordpassword", NULL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        change(bench, "correct+horse", rows[i].fresh, rows[i].fresh);
        if (rows[i].outcome)
            assert_refused_as(bench, rows[i].outcome);
        assert_true(has_password(bench, bench->jane, PASSWORD));
    }
    memset(longest, 'x', 512);
    change(bench, "correct+horse", longest, longest);
    assert_refused_as(bench, "too-long");
    test_free(longest);
    change(bench, "correct+horse", FRESH, "granite+otter+lamb");
    assert_refused_as(bench, "differs");
}

/* Who has stolen a session does not find the password out by it. */
static void a_session_guesses_as_often_as_an_address_may(void **state)
{
    struct site_bench *bench = *state;
    bench->config.rate_limit_login_pair = 3;
    for (int i = 0; i < 3; i++) {
        change(bench, "wrong", FRESH, FRESH);
        assert_refused_as(bench, "wrong");
    }
    change(bench, "correct+horse", FRESH, FRESH);
    assert_refused_as(bench, "too-many");
    site_bench_session(bench, "another", bench->jane, "jane"); /* another is not kept from it */
    static const char body[] = "csrf_token=csrf+of+another&current=correct+horse&password=" FRESH "&again=" FRESH;
    site_bench_call(bench, &(struct site_call){
                               .steps = password_change, .body = body, .cookie = "__Host-countersign_session=another"});
    assert_true(has_password(bench, bench->jane, "granite otter lamp"));
}

/* Sent again, the old one would be wrong. */
static void the_change_is_waited_for_longer_than_a_store_may_take(void **state)
{
    struct site_bench *bench = *state;
    site_bench_slow_write(bench);
    assert_int_equal(change(bench, "correct+horse", FRESH, FRESH), 302);
    assert_true(has_password(bench, bench->jane, "granite otter lamp"));
}

static struct site_bench *interrupted;

static enum step_result change_meanwhile(struct flow *flow UNUSED)
{
    struct user *user = NULL;
    struct durable *db = &interrupted->durable.db;
    assert_status(durable_user_find_blocking(db, interrupted->jane, &user), STATUS_OK);
    assert_status(durable_password_change_blocking(db, user->id, user->password_hash, SLICE("the first one's")),
                  STATUS_OK);
    user_free(user);
    return STEP_NEXT;
}

/* Of two changes by one password the first alone counts, and the other is told that the password is wrong by now. */
static void a_change_in_between_is_not_written_over(void **state)
{
    struct site_bench *bench = interrupted = *state;
    struct step steps[16] = {{NULL, NULL}};
    static const char body[] = "csrf_token=csrf+of+janes&current=correct+horse&password=" FRESH "&again=" FRESH;
    size_t count = 0;
    for (const struct step *step = password_change; step->run; step++) {
        if (strcmp(step->name, "set") == 0)
            steps[count++] = (struct step){"meanwhile", change_meanwhile};
        steps[count++] = *step;
    }
    site_bench_call(bench,
                    &(struct site_call){.steps = steps, .path = SECURITY_PATH, .body = body, .cookie = JANES_COOKIE});
    assert_slice_equal(site_bench_header(bench, "Location", 0), SLICE("/account/security?done=wrong"));
    assert_false(has_password(bench, bench->jane, "granite otter lamp"));
    assert_int_equal(durable_bench_number(&bench->durable, "SELECT COUNT(*) FROM audit"), 0);
}

static void a_form_needs_its_secret_and_all_its_fields(void **state)
{
    struct site_bench *bench = *state;
    static const struct {
        const char *body;
        int http_status;
    } rows[] = {
        {"csrf_token=x&current=correct+horse&password=" FRESH "&again=" FRESH, 403},
        {"current=correct+horse&password=" FRESH "&again=" FRESH, 403},
        {"csrf_token=csrf+of+janes&password=" FRESH "&again=" FRESH, 400},
        {"csrf_token=csrf+of+janes&current=correct+horse&again=" FRESH, 400},
        {"csrf_token=csrf+of+janes&current=correct+horse&password=" FRESH, 400},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct site_call call = {.steps = password_change, .body = rows[i].body, .cookie = JANES_COOKIE};
        if (site_bench_call(bench, &call) != rows[i].http_status)
            fail_msg("%s", rows[i].body);
        assert_true(has_password(bench, bench->jane, PASSWORD));
    }
}

static void a_sites_user_gets_no_password_here(void **state)
{
    struct site_bench *bench = *state;
    struct user *user = NULL;
    assert_status(durable_user_ensure_blocking(&bench->durable.db, SLICE("42"), SLICE_ABSENT, &user), STATUS_OK);
    site_bench_end_session(bench, "janes");
    site_bench_session(bench, "janes", user->id, "42");
    bench->config.login_url = SLICE("https://site.example/login");
    assert_int_equal(change(bench, "", FRESH, FRESH), 400);
    assert_false(has_password(bench, user->id, "granite otter lamp"));
    user_free(user);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(sets_it_ends_what_was_begun_by_the_old_one_and_leads_to_the_login),
        TEST(the_one_that_he_has_is_asked_for),
        TEST(the_new_one_is_judged_as_every_password),
        TEST(a_session_guesses_as_often_as_an_address_may),
        TEST(the_change_is_waited_for_longer_than_a_store_may_take),
        TEST(a_change_in_between_is_not_written_over),
        TEST(a_form_needs_its_secret_and_all_its_fields),
        TEST(a_sites_user_gets_no_password_here),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
