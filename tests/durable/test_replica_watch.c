#include "durable/replica_watch.h"
#include "support/test.h"

#include <unistd.h>

enum { BEYOND_PATIENCE_US = 60000, BEYOND_A_TRY_US = 510000 };

static struct replica_watch watch;

static int setup(void **state)
{
    (void)state;
    replica_watch_init(&watch);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    replica_watch_done(&watch);
    return 0;
}

static void one_that_answers_is_asked(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(replica_watch_ask(&watch), REPLICA_WELL);
        assert_int_equal(replica_watch_ask(&watch), REPLICA_WELL);
        (void)usleep(BEYOND_PATIENCE_US / 2); /* less than its time, but more for the two together */
        replica_watch_answered(&watch, false, true);
        replica_watch_answered(&watch, false, true);
    }
    (void)usleep(BEYOND_PATIENCE_US); /* nothing was asked meanwhile */
    assert_int_equal(replica_watch_ask(&watch), REPLICA_WELL);
}

static void one_that_failed_is_tried_and_back_when_that_goes_well(void **state)
{
    (void)state;
    assert_int_equal(replica_watch_ask(&watch), REPLICA_WELL);
    replica_watch_answered(&watch, false, false);
    assert_int_equal(replica_watch_ask(&watch), REPLICA_TRY);
    assert_int_equal(replica_watch_ask(&watch), REPLICA_AWAY);
    replica_watch_answered(&watch, true, false);
    assert_int_equal(replica_watch_ask(&watch), REPLICA_AWAY); /* half a second has not gone by */
    (void)usleep(BEYOND_A_TRY_US);
    assert_int_equal(replica_watch_ask(&watch), REPLICA_TRY);
    replica_watch_answered(&watch, true, true);
    assert_int_equal(replica_watch_ask(&watch), REPLICA_WELL);
}

static void one_that_does_not_answer_is_away_until_a_try_is_answered(void **state)
{
    (void)state;
    assert_int_equal(replica_watch_ask(&watch), REPLICA_WELL);
    (void)usleep(BEYOND_PATIENCE_US);
    assert_int_equal(replica_watch_ask(&watch), REPLICA_TRY);
    replica_watch_answered(&watch, false, true); /* late */
    assert_int_equal(replica_watch_ask(&watch), REPLICA_AWAY);
    replica_watch_answered(&watch, true, true);
    assert_int_equal(replica_watch_ask(&watch), REPLICA_WELL);
}

static void what_was_not_asked_after_all_says_nothing(void **state)
{
    (void)state;
    assert_int_equal(replica_watch_ask(&watch), REPLICA_WELL);
    replica_watch_dropped(&watch, false);
    (void)usleep(BEYOND_PATIENCE_US);
    assert_int_equal(replica_watch_ask(&watch), REPLICA_WELL);
    replica_watch_answered(&watch, false, false);
    assert_int_equal(replica_watch_ask(&watch), REPLICA_TRY);
    replica_watch_dropped(&watch, true);
    (void)usleep(BEYOND_A_TRY_US);
    assert_int_equal(replica_watch_ask(&watch), REPLICA_TRY);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_that_answers_is_asked),
        TEST(one_that_failed_is_tried_and_back_when_that_goes_well),
        TEST(one_that_does_not_answer_is_away_until_a_try_is_answered),
        TEST(what_was_not_asked_after_all_says_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
