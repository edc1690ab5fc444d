#include "app/endings.h"

#include "changes/feed.h"
#include "durable/changes.h"
#include "durable/users.h"
#include "loop/loop.h"
#include "site_bench.h"
#include "support/test.h"

#include <stdio.h>

enum { PATIENCE_TURNS = 4000 };

struct fixture {
    struct site_bench *bench;
    struct change_feed feed;
    struct endings *endings;
};

static void begin(struct fixture *it, int64_t look_back_ms)
{
    static const struct change_feed_ops no_ops = {0};
    const struct endings_options options = {
        .loop = it->bench->asking.loop,
        .ephemeral = it->bench->loops[0].ephemeral,
        .durable = it->bench->pool,
        .feed = &it->feed,
        .look_back_ms = look_back_ms,
    };
    it->feed = (struct change_feed){.ops = &no_ops};
    assert_status(endings_new(&options, &it->endings), STATUS_OK);
}

static int setup(void **state)
{
    void *bench = NULL;
    struct fixture *it = test_calloc(1, sizeof *it);
    assert_int_equal(site_bench_setup(&bench), 0);
    it->bench = bench;
    site_bench_session(it->bench, "jane's", it->bench->jane, "jane");
    site_bench_session(it->bench, "joe's", it->bench->joe, "joe");
    site_bench_temp(it->bench, "temp", CALLBACK);
    *state = it;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *it = *state;
    void *bench = it->bench;
    endings_free(it->endings);
    assert_int_equal(site_bench_teardown(&bench), 0);
    test_free(it);
    return 0;
}

static void stop(void *loop)
{
    loop_stop(loop);
}

static void run_ms(struct fixture *it, unsigned ms)
{
    struct loop_timer timer;
    struct loop *loop = it->bench->asking.loop;
    assert_status(loop_timer_init(&timer, loop, stop, loop), STATUS_OK);
    assert_status(loop_timer_start(&timer, ms), STATUS_OK);
    loop_run(loop);
    loop_timer_done(&timer);
}

static void tell(struct fixture *it, enum change_kind kind, enum change_event event, const char *id)
{
    const struct change change = {.kind = kind, .event = event, .id = slice_str(id)};
    change_feed_changed(&it->feed, &change);
}

static void tell_of_user(struct fixture *it, enum change_event event, int64_t user)
{
    char id[24];
    (void)snprintf(id, sizeof id, "%lld", (long long)user);
    tell(it, CHANGE_USER, event, id);
}

static void wait_for_end(struct fixture *it, const char *session)
{
    for (int turn = 0; turn < PATIENCE_TURNS && site_bench_has_session(it->bench, session); turn++)
        run_ms(it, 5);
    assert_false(site_bench_has_session(it->bench, session));
}

static void ends_the_sessions_of_a_user_who_ended(void **state)
{
    struct fixture *it = *state;
    begin(it, 0);
    change_feed_standing(&it->feed);
    tell_of_user(it, CHANGE_ENDED, it->bench->jane);
    wait_for_end(it, "jane's");
    assert_true(site_bench_has_session(it->bench, "joe's"));
}

static void ends_the_temporary_credentials_of_a_client_that_ended(void **state)
{
    struct fixture *it = *state;
    begin(it, 0);
    change_feed_standing(&it->feed);
    tell(it, CHANGE_CLIENT, CHANGE_ENDED, "printer");
    run_ms(it, 20);
    ephemeral_temp_find_start(it->bench->view, SLICE("temp"), SLICE(""), asking_ticket(&it->bench->asking));
    (void)asking_answer(&it->bench->asking, STATUS_TOKEN_REJECTED);
    assert_true(site_bench_has_session(it->bench, "jane's"));
}

static void ends_nothing_for_what_was_edited_or_revoked(void **state)
{
    struct fixture *it = *state;
    begin(it, 0);
    change_feed_standing(&it->feed);
    tell_of_user(it, CHANGE_EDITED, it->bench->jane);
    tell_of_user(it, CHANGE_REVOKED, it->bench->jane);
    tell(it, CHANGE_CLIENT, CHANGE_EDITED, "printer");
    tell(it, CHANGE_TOKEN, CHANGE_REVOKED, "tok_1");
    run_ms(it, 20);
    assert_true(site_bench_has_session(it->bench, "jane's"));
    assert_slice_equal(site_bench_find_temp(it->bench, "temp")->client_id, SLICE("printer"));
}

static void tries_again_until_the_store_takes_it(void **state)
{
    struct fixture *it = *state;
    begin(it, 0);
    change_feed_standing(&it->feed);
    faulty_ephemeral_fail(&it->bench->faulty, 1);
    tell_of_user(it, CHANGE_ENDED, it->bench->jane);
    tell_of_user(it, CHANGE_ENDED, it->bench->joe);
    run_ms(it, 20);
    assert_true(site_bench_has_session(it->bench, "jane's"));
    wait_for_end(it, "jane's");
    wait_for_end(it, "joe's");
}

static void reads_what_the_feed_lost(void **state)
{
    struct fixture *it = *state;
    begin(it, 0);
    change_feed_standing(&it->feed);
    change_feed_lost(&it->feed);
    assert_status(durable_user_set_password_blocking(&it->bench->durable.db, it->bench->jane, SLICE("new")), STATUS_OK);
    run_ms(it, 20);
    assert_true(site_bench_has_session(it->bench, "jane's"));
    change_feed_standing(&it->feed);
    wait_for_end(it, "jane's");
    assert_true(site_bench_has_session(it->bench, "joe's"));
}

static void reads_what_ended_before_this_process_was_there(void **state)
{
    struct fixture *it = *state;
    enum { HOUR_MS = 3600 * 1000 };
    assert_status(durable_user_disable_blocking(&it->bench->durable.db, it->bench->joe), STATUS_OK);
    fake_clock_advance(&it->bench->durable.clock, 2 * HOUR_MS);
    site_bench_session(it->bench, "joe's", it->bench->joe, "joe"); /* the first one's time is over */
    assert_status(durable_user_disable_blocking(&it->bench->durable.db, it->bench->jane), STATUS_OK);
    site_bench_session(it->bench, "jane's", it->bench->jane, "jane");
    begin(it, HOUR_MS);
    change_feed_standing(&it->feed);
    wait_for_end(it, "jane's");
    assert_true(site_bench_has_session(it->bench, "joe's")); /* of longer ago than any session lasts */
}

static void a_process_without_sessions_of_before_reads_nothing(void **state)
{
    struct fixture *it = *state;
    assert_status(durable_user_disable_blocking(&it->bench->durable.db, it->bench->jane), STATUS_OK);
    begin(it, 0);
    change_feed_standing(&it->feed);
    run_ms(it, 50);
    assert_true(site_bench_has_session(it->bench, "jane's"));
}

static void is_freed_with_work_on_its_way(void **state)
{
    struct fixture *it = *state;
    begin(it, 1000);
    change_feed_standing(&it->feed);
    tell_of_user(it, CHANGE_ENDED, it->bench->jane);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(ends_the_sessions_of_a_user_who_ended),
        TEST(ends_the_temporary_credentials_of_a_client_that_ended),
        TEST(ends_nothing_for_what_was_edited_or_revoked),
        TEST(tries_again_until_the_store_takes_it),
        TEST(reads_what_the_feed_lost),
        TEST(reads_what_ended_before_this_process_was_there),
        TEST(a_process_without_sessions_of_before_reads_nothing),
        TEST(is_freed_with_work_on_its_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
