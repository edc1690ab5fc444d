#include "account/security.h"

#include "login/trusted_login.h"
#include "site/site.h"
#include "site_bench.h"
#include "support/test.h"

#include <stdio.h>

#define JANES_COOKIE "__Host-countersign_session=janes"

static int setup(void **state)
{
    int result = site_bench_setup(state);
    struct site_bench *bench = *state;
    site_bench_session(bench, "janes", bench->jane, "jane");
    site_bench_session(bench, "janes other", bench->jane, "jane");
    site_bench_session(bench, "joes", bench->joe, "joe");
    return result;
}
#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, site_bench_teardown)

static int show(struct site_bench *bench, const char *query)
{
    return site_bench_call(
        bench,
        &(struct site_call){.steps = security_show, .path = SECURITY_PATH, .query = query, .cookie = JANES_COOKIE});
}

static int post(struct site_bench *bench, const char *rest)
{
    char body[256];
    (void)snprintf(body, sizeof body, "csrf_token=csrf+of+janes&%s", rest);
    return site_bench_call(
        bench, &(struct site_call){.steps = security_end, .path = SECURITY_PATH, .body = body, .cookie = JANES_COOKIE});
}

static void write_end(const char *id, char rest[128])
{
    char handle[SESSION_HANDLE_BYTES];
    assert_status(session_handle(slice_str(id), handle), STATUS_OK);
    (void)snprintf(rest, 128, "deed=end&session=%.*s", SESSION_HANDLE_BYTES, handle);
}

static size_t count_texts(const struct site_bench *bench, const char *text)
{
    struct slice rest = site_bench_body(bench);
    struct slice wanted = slice_str(text);
    size_t count = 0;
    for (size_t at = slice_find_slice(rest, wanted); at < rest.len; at = slice_find_slice(rest, wanted)) {
        rest = slice_sub(rest, at + wanted.len, rest.len);
        count++;
    }
    return count;
}

static void assert_back(const struct site_bench *bench, const char *outcome)
{
    char location[80];
    (void)snprintf(location, sizeof location, "/account/security?done=%s", outcome);
    assert_int_equal(bench->request.reply.http_status, 302);
    assert_slice_equal(site_bench_header(bench, "Location", 0), slice_str(location));
}

static bool is_let_in(struct site_bench *bench, const char *id)
{
    char cookie[80];
    (void)snprintf(cookie, sizeof cookie, "__Host-countersign_session=%s", id);
    return site_bench_call(bench,
                           &(struct site_call){.steps = security_show, .path = SECURITY_PATH, .cookie = cookie}) == 200;
}

static void shows_the_users_sessions_and_marks_this_one(void **state)
{
    struct site_bench *bench = *state;
    char ids[3][128];
    assert_int_equal(show(bench, NULL), 200);
    assert_int_equal(count_texts(bench, "2026-09-21 14:13 UTC"), 2);
    assert_int_equal(count_texts(bench, "This one"), 1);
    assert_int_equal(count_texts(bench, "value=\"end\""), 1); /* this one is ended by logging out */
    write_end("janes", ids[0]);
    write_end("janes other", ids[1]);
    write_end("joes", ids[2]);
    assert_true(site_bench_says(bench, ids[0] + strlen("deed=end&session=")));
    assert_true(site_bench_says(bench, ids[1] + strlen("deed=end&session=")));
    assert_false(site_bench_says(bench, ids[2] + strlen("deed=end&session=")));
    assert_false(site_bench_says(bench, "value=\"janes\"")); /* never the secret of a cookie */
    assert_true(site_bench_says(bench, "autocomplete=\"new-password\""));
}

static void shows_where_a_session_came_from_as_text(void **state)
{
    struct site_bench *bench = *state;
    struct session session = {
        .user = bench->jane, .user_version = 1, .csrf = SLICE("x"), .came_from = SLICE("<b>here</b>")};
    ephemeral_session_create_start(bench->view, SLICE("odd"), &session, 1000000, asking_ticket(&bench->asking));
    assert_status(asking_wait(&bench->asking, NULL), STATUS_OK);
    show(bench, NULL);
    assert_true(site_bench_says(bench, "<bdi>&lt;b&gt;here&lt;/b&gt;</bdi>"));
}

static void leaves_out_sessions_that_open_nothing_any_more(void **state)
{
    struct site_bench *bench = *state;
    assert_status(durable_user_end_sessions_blocking(&bench->durable.db, bench->jane), STATUS_OK);
    site_bench_end_session(bench, "janes");
    site_bench_session(bench, "janes", bench->jane, "jane");
    show(bench, NULL);
    assert_int_equal(count_texts(bench, "2026-09-21 14:13 UTC"), 1);
}

/* What the store lost of the list of a user's sessions: this one is shown all the same, and the others end. */
static void shows_this_session_and_ends_the_others_without_the_list(void **state)
{
    struct site_bench *bench = *state;
    bench->faulty.loses_lists = true;
    assert_int_equal(show(bench, NULL), 200);
    assert_int_equal(count_texts(bench, "This one"), 1);
    assert_int_equal(count_texts(bench, "value=\"end\""), 0);
    assert_true(site_bench_says(bench, "value=\"end_others\""));
    post(bench, "deed=end_others");
    assert_back(bench, "others");
    assert_true(is_let_in(bench, "janes"));
    assert_false(is_let_in(bench, "janes other"));
    assert_true(is_let_in(bench, "joes"));
}

static void ends_one(void **state)
{
    struct site_bench *bench = *state;
    char rest[128];
    write_end("janes other", rest);
    post(bench, rest);
    assert_back(bench, "ended");
    assert_false(site_bench_has_session(bench, "janes other"));
    assert_true(site_bench_has_session(bench, "janes"));
    post(bench, rest);
    assert_back(bench, "gone");
}

static void ends_all_others_and_nothing_of_anothers(void **state)
{
    struct site_bench *bench = *state;
    site_bench_session(bench, "third", bench->jane, "jane");
    post(bench, "deed=end_others");
    assert_back(bench, "others");
    assert_true(is_let_in(bench, "janes"));
    assert_false(is_let_in(bench, "janes other"));
    assert_false(is_let_in(bench, "third"));
    assert_true(is_let_in(bench, "joes"));
    show(bench, NULL);
    assert_int_equal(count_texts(bench, "2026-09-21 14:13 UTC"), 1);
    post(bench, "deed=end_others"); /* there is none */
    assert_back(bench, "others");
}

static void anothers_session_is_not_ended(void **state)
{
    struct site_bench *bench = *state;
    char rest[128];
    write_end("joes", rest);
    post(bench, rest);
    assert_back(bench, "gone");
    assert_true(site_bench_has_session(bench, "joes"));
}

static void refuses_forms_that_are_not_whole_or_not_this_sessions(void **state)
{
    struct site_bench *bench = *state;
    static const char *const rests[] = {
        "", "deed=", "deed=end", "deed=other", "deed=other&session=x", "deed=end&deed=end&session=x"};
    for (size_t i = 0; i < COUNT_OF(rests); i++)
        if (post(bench, rests[i]) != 400)
            fail_msg("%s", rests[i]);
    site_bench_call(bench, &(struct site_call){.steps = security_end,
                                               .body = "csrf_token=csrf+of+joes&deed=end_others",
                                               .cookie = JANES_COOKIE});
    assert_refused(bench, 403, "forbidden");
    assert_true(site_bench_has_session(bench, "janes other"));
}

static void tells_what_was_done_and_what_was_wrong(void **state)
{
    struct site_bench *bench = *state;
    show(bench, "done=ended");
    assert_true(site_bench_says(bench, "role=\"status\"") && !site_bench_says(bench, "role=\"alert\""));
    show(bench, "done=common");
    assert_true(site_bench_says(bench, "role=\"alert\"") && !site_bench_says(bench, "role=\"status\""));
    show(bench, "done=%3Cb%3E");
    assert_false(site_bench_says(bench, "role=\"alert\"") || site_bench_says(bench, "role=\"status\""));
}

/* Whose password is not kept here is told where it is. */
static void tells_a_sites_user_where_his_account_lives(void **state)
{
    struct site_bench *bench = *state;
    struct user *user = NULL;
    assert_status(durable_user_ensure_blocking(&bench->durable.db, SLICE("42"), SLICE_ABSENT, &user), STATUS_OK);
    site_bench_end_session(bench, "janes");
    site_bench_session(bench, "janes", user->id, "42");
    user_free(user);
    bench->config.login_url = SLICE("https://site.example/login?lang=en");
    assert_int_equal(show(bench, NULL), 200);
    assert_true(site_bench_says(bench, "kept by <bdi>https://site.example</bdi>"));
    assert_false(site_bench_says(bench, "new-password"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(shows_the_users_sessions_and_marks_this_one),
        TEST(shows_where_a_session_came_from_as_text),
        TEST(leaves_out_sessions_that_open_nothing_any_more),
        TEST(shows_this_session_and_ends_the_others_without_the_list),
        TEST(ends_one),
        TEST(ends_all_others_and_nothing_of_anothers),
        TEST(anothers_session_is_not_ended),
        TEST(refuses_forms_that_are_not_whole_or_not_this_sessions),
        TEST(tells_what_was_done_and_what_was_wrong),
        TEST(tells_a_sites_user_where_his_account_lives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
