/* Sessions of users: how long one lasts, and what a user sees and ends of his own. */
#include "support/contract_parts.h"
#include "support/ephemeral_bench.h"
#include "support/test.h"

#include <stdio.h>

static void a_session_lasts_for_its_time(void **state)
{
    struct ephemeral_bench *bench = *state;
    assert_status(ephemeral_bench_log_in(bench, "id", 7), STATUS_OK);
    assert_status(ephemeral_bench_log_in(bench, "id", 8), STATUS_CONFLICT);
    ephemeral_session_find_start(bench->view, SLICE("id"), asking_ticket(&bench->asking));
    const struct session *session = asking_answer(&bench->asking, STATUS_OK);
    assert_int_equal(session->user, 7);
    assert_slice_equal(session->username, SLICE("jane"));
    assert_slice_equal(session->csrf, SLICE("csrf secret"));
    assert_int_equal(session->created_ms, BENCH_BEGIN_MS);
    ephemeral_bench_pass_s(bench, 59);
    assert_status(ephemeral_bench_look_up(bench, "id"), STATUS_OK);
    ephemeral_bench_pass_s(bench, 1);
    assert_status(ephemeral_bench_look_up(bench, "id"), STATUS_NOT_FOUND);
    assert_status(ephemeral_bench_log_in(bench, "id", 8), STATUS_OK);
}

/* By a site, for one temporary credential; the texts are the caller's, and may go. */
static void a_session_keeps_what_a_site_said(void **state)
{
    struct ephemeral_bench *bench = *state;
    char token[] = "temporary";
    char scopes[] = "photos:read";
    struct session session = {.user = 7,
                              .username = SLICE("jane"),
                              .csrf = SLICE("csrf"),
                              .bound_to = slice_str(token),
                              .scopes = slice_str(scopes),
                              .is_granted = true,
                              .user_version = 4711};
    ephemeral_session_create_start(bench->view, SLICE("bound"), &session, 60000, asking_ticket(&bench->asking));
    memset(token, 'x', sizeof token - 1);
    memset(scopes, 'x', sizeof scopes - 1);
    assert_status(asking_wait(&bench->asking, NULL), STATUS_OK);
    assert_status(ephemeral_bench_log_in(bench, "free", 7), STATUS_OK);
    ephemeral_session_find_start(bench->view, SLICE("bound"), asking_ticket(&bench->asking));
    const struct session *bound = asking_answer(&bench->asking, STATUS_OK);
    assert_int_equal(bound->user, 7);
    assert_slice_equal(bound->bound_to, SLICE("temporary"));
    assert_slice_equal(bound->scopes, SLICE("photos:read"));
    assert_true(bound->is_granted);
    assert_int_equal(bound->user_version, 4711);
    ephemeral_session_find_start(bench->view, SLICE("free"), asking_ticket(&bench->asking));
    const struct session *unbound = asking_answer(&bench->asking, STATUS_OK);
    assert_int_equal(unbound->bound_to.len, 0);
    assert_false(unbound->is_granted);
    assert_int_equal(unbound->user_version, 0);
}

static void a_session_that_was_deleted_is_gone(void **state)
{
    struct ephemeral_bench *bench = *state;
    assert_status(ephemeral_bench_log_in(bench, "id", 7), STATUS_OK);
    assert_status(ephemeral_bench_look_up(bench, "ID"), STATUS_NOT_FOUND);
    for (int i = 0; i < 2; i++) {
        ephemeral_session_delete_start(bench->view, SLICE("id"), asking_ticket(&bench->asking));
        assert_status(asking_wait(&bench->asking, NULL), STATUS_OK);
    }
    assert_status(ephemeral_bench_look_up(bench, "id"), STATUS_NOT_FOUND);
}

/* ---- a user's sessions ---- */

static void begin_at(struct ephemeral_bench *bench, const char *id, int64_t user, const char *place, int64_t ttl_ms)
{
    struct session session = {
        .user = user, .username = SLICE("jane"), .user_version = 3, .came_from = slice_str(place)};
    ephemeral_session_create_start(bench->view, slice_str(id), &session, ttl_ms, asking_ticket(&bench->asking));
    assert_status(asking_wait(&bench->asking, NULL), STATUS_OK);
}

static const struct session_list *list_of(struct ephemeral_bench *bench, int64_t user)
{
    ephemeral_session_list_start(bench->view, user, asking_ticket(&bench->asking));
    return asking_answer(&bench->asking, STATUS_OK);
}

static enum status end_one(struct ephemeral_bench *bench, int64_t user, const char *id)
{
    char handle[SESSION_HANDLE_BYTES];
    assert_status(session_handle(slice_str(id), handle), STATUS_OK);
    ephemeral_session_end_start(bench->view, user, slice_of(handle, sizeof handle), asking_ticket(&bench->asking));
    return asking_wait(&bench->asking, NULL);
}

static void a_user_is_told_of_his_own_live_sessions(void **state)
{
    struct ephemeral_bench *bench = *state;
    char handle[SESSION_HANDLE_BYTES];
    assert_int_equal(list_of(bench, 7)->count, 0);
    begin_at(bench, "short", 7, "the office", 10000);
    ephemeral_bench_pass_s(bench, 1);
    begin_at(bench, "long", 7, "home", 60000);
    begin_at(bench, "other", 8, "elsewhere", 60000);
    const struct session_list *list = list_of(bench, 7);
    assert_int_equal(list->count, 2);
    assert_slice_equal(list->sessions[0].came_from, SLICE("the office")); /* oldest first */
    assert_int_equal(list->sessions[0].created_ms, BENCH_BEGIN_MS);
    assert_slice_equal(list->sessions[1].came_from, SLICE("home"));
    assert_int_equal(list->sessions[1].created_ms, BENCH_BEGIN_MS + 1000);
    assert_int_equal(list->sessions[1].user_version, 3);
    assert_status(session_handle(SLICE("long"), handle), STATUS_OK);
    assert_memory_equal(list->sessions[1].handle, handle, sizeof handle);
    ephemeral_bench_pass_s(bench, 9); /* the first is over */
    list = list_of(bench, 7);
    assert_int_equal(list->count, 1);
    assert_slice_equal(list->sessions[0].came_from, SLICE("home"));
    ephemeral_session_delete_start(bench->view, SLICE("long"), asking_ticket(&bench->asking));
    assert_status(asking_wait(&bench->asking, NULL), STATUS_OK);
    assert_int_equal(list_of(bench, 7)->count, 0);
    ephemeral_bench_end(bench, EPHEMERAL_USER, "8");
    assert_int_equal(list_of(bench, 8)->count, 0);
    begin_at(bench, "anew", 8, "", 60000);
    assert_int_equal(list_of(bench, 8)->count, 1);
    ephemeral_session_delete_start(bench->view, SLICE("anew"), asking_ticket(&bench->asking));
    assert_status(asking_wait(&bench->asking, NULL), STATUS_OK);
    begin_at(bench, "anew", 8, "", 60000);
    assert_int_equal(list_of(bench, 8)->count, 1);
    begin_at(bench, "sevens", 7, "", 60000);
    assert_status(ephemeral_bench_log_in(bench, "sevens", 9), STATUS_CONFLICT);
    assert_int_equal(list_of(bench, 9)->count, 0); /* it is another's */
}

static void a_session_is_ended_by_its_user_alone(void **state)
{
    struct ephemeral_bench *bench = *state;
    static const char *const handles[] = {"", "0123", "zz23456789abcdef0123456789abcdef",
                                          "0123456789abcdef0123456789abcdef", "0123456789ABCDEF0123456789ABCDEF"};
    begin_at(bench, "mine", 7, "", 60000);
    begin_at(bench, "his", 8, "", 60000);
    assert_status(end_one(bench, 7, "his"), STATUS_NOT_FOUND);
    assert_status(ephemeral_bench_look_up(bench, "his"), STATUS_OK);
    for (size_t i = 0; i < COUNT_OF(handles); i++) {
        ephemeral_session_end_start(bench->view, 7, slice_str(handles[i]), asking_ticket(&bench->asking));
        assert_status(asking_wait(&bench->asking, NULL), STATUS_NOT_FOUND);
    }
    assert_status(end_one(bench, 7, "mine"), STATUS_OK);
    assert_status(ephemeral_bench_look_up(bench, "mine"), STATUS_NOT_FOUND);
    assert_status(end_one(bench, 7, "mine"), STATUS_NOT_FOUND);
    assert_int_equal(list_of(bench, 7)->count, 0);
}

static void of_a_users_sessions_the_oldest_ends_where_there_are_too_many(void **state)
{
    struct ephemeral_bench *bench = *state;
    char id[16];
    begin_at(bench, "joes", 8, "", 60000);
    for (int i = 0; i < SESSIONS_OF_A_USER + 2; i++) {
        (void)snprintf(id, sizeof id, "id%d", i);
        begin_at(bench, id, 7, id, 60000);
    }
    const struct session_list *list = list_of(bench, 7);
    assert_int_equal(list->count, SESSIONS_OF_A_USER);
    assert_slice_equal(list->sessions[0].came_from, SLICE("id2"));
    assert_status(ephemeral_bench_look_up(bench, "id0"), STATUS_NOT_FOUND);
    assert_status(ephemeral_bench_look_up(bench, "id1"), STATUS_NOT_FOUND);
    assert_status(ephemeral_bench_look_up(bench, "id2"), STATUS_OK);
    assert_status(ephemeral_bench_look_up(bench, id), STATUS_OK);
    assert_status(ephemeral_bench_look_up(bench, "joes"), STATUS_OK);
}

static enum status keep(struct ephemeral_bench *bench, const char *id, int64_t user_version)
{
    ephemeral_session_keep_start(bench->view, slice_str(id), user_version, asking_ticket(&bench->asking));
    return asking_wait(&bench->asking, NULL);
}

static void a_session_goes_on_under_another_version_of_its_user(void **state)
{
    struct ephemeral_bench *bench = *state;
    begin_at(bench, "mine", 7, "home", 60000);
    begin_at(bench, "other", 7, "the office", 60000);
    ephemeral_bench_pass_s(bench, 10);
    assert_status(keep(bench, "mine", 4), STATUS_OK);
    ephemeral_session_find_start(bench->view, SLICE("mine"), asking_ticket(&bench->asking));
    const struct session *kept = asking_answer(&bench->asking, STATUS_OK);
    assert_int_equal(kept->user, 7);
    assert_int_equal(kept->user_version, 4);
    assert_int_equal(kept->created_ms, BENCH_BEGIN_MS); /* nobody proved anything anew */
    assert_slice_equal(kept->username, SLICE("jane"));
    assert_slice_equal(kept->came_from, SLICE("home"));
    ephemeral_session_find_start(bench->view, SLICE("other"), asking_ticket(&bench->asking));
    assert_int_equal(((const struct session *)asking_answer(&bench->asking, STATUS_OK))->user_version, 3);
    assert_int_equal(list_of(bench, 7)->count, 2);
    ephemeral_bench_pass_s(bench, 50);
    assert_status(keep(bench, "mine", 5), STATUS_NOT_FOUND); /* its time is what it was */
    assert_status(ephemeral_bench_look_up(bench, "mine"), STATUS_NOT_FOUND);
}

static void a_session_that_ended_goes_on_under_no_version(void **state)
{
    struct ephemeral_bench *bench = *state;
    begin_at(bench, "mine", 7, "home", 60000);
    ephemeral_bench_end(bench, EPHEMERAL_USER, "7");
    (void)keep(bench, "mine", 4);
    assert_status(ephemeral_bench_look_up(bench, "mine"), STATUS_NOT_FOUND);
    assert_status(keep(bench, "nobody's", 4), STATUS_NOT_FOUND);
}

int contract_sessions_run(void)
{
    const struct CMUnitTest tests[] = {
        EPHEMERAL_TEST(a_session_lasts_for_its_time),
        EPHEMERAL_TEST(a_session_keeps_what_a_site_said),
        EPHEMERAL_TEST(a_session_that_was_deleted_is_gone),
        EPHEMERAL_TEST(a_user_is_told_of_his_own_live_sessions),
        EPHEMERAL_TEST(a_session_is_ended_by_its_user_alone),
        EPHEMERAL_TEST(a_session_goes_on_under_another_version_of_its_user),
        EPHEMERAL_TEST(a_session_that_ended_goes_on_under_no_version),
        EPHEMERAL_TEST(of_a_users_sessions_the_oldest_ends_where_there_are_too_many),
    };
    return cmocka_run_group_tests_name("ephemeral: sessions", tests, NULL, NULL);
}
