/* How an epoch is agreed on with Redis alone, where the database does not answer (docs/design/nonce-guard.md,
 * rule 11). */
#include "settle_bench.h"

#include <stdio.h>

/* ---- without the durable store (rule 11) ---- */

/* What the keeper knows: a range, and when its row was written. */
static void go_away(struct settling *it)
{
    settle_well(it);
    it->ledger_status = STATUS_STORE_DOWN;
    it->keeper.standing.ranges = (struct accepted_ranges){
        .items = {{NOW_S - 90, NOW_S - 91, NOW_S - 60}, {NOW_S + 900, NOW_S + 899, NOW_S + 950}}, .count = 2};
    it->keeper.standing.noted_clock_ms = NOW_MS - 19001; /* at the end of the second NOW_S - 20 */
}

static void assert_guarded_alone(struct settling *it, int64_t beyond_ms)
{
    const struct accepted_ranges *ranges = &it->settle.ranges;
    int64_t end_s = (NOW_MS + beyond_ms + AWAY_SLACK_MS) / 1000 + 1;
    assert_true(it->settle.is_provisional);
    assert_int_equal(accepted_ranges_guard_end(ranges, NOW_S - 20), end_s);
    assert_false(accepted_ranges_guard(ranges, NOW_S - 21));
    assert_int_equal(accepted_ranges_guard_end(ranges, NOW_S), end_s);
    assert_int_equal(accepted_ranges_guard_end(ranges, NOW_S - 90), NOW_S - 59);
    assert_int_equal(accepted_ranges_guard_end(ranges, NOW_S + 900), NOW_S + 951);
}

static void a_process_that_was_never_settled_waits_for_the_durable_store(void **state)
{
    struct settling *it = *state;
    it->ledger_status = STATUS_STORE_DOWN;
    it->keeper.standing.asked_ms = settle_monotonic_ms - GONE_AFTER_MS;
    settle_ask(it, "");
    settle_run_job(it);
    assert_ended(it, 1, STATUS_STORE_DOWN, "the database does not answer");
    assert_string_equal(it->settle.fault, "the database does not answer");
    it->settle.knows_clock = true; /* but of no epoch of the durable store's */
    it->settle.known_offset_ms = NOW_MS - 5000000;
    settle_ask(it, "");
    settle_run_job(it);
    assert_ended(it, 2, STATUS_STORE_DOWN, "the database does not answer");
    it->settle.knows_clock = false; /* nor the other way round */
    (void)snprintf(it->settle.durable, sizeof it->settle.durable, "e-600");
    settle_ask(it, "");
    settle_run_job(it);
    assert_ended(it, 3, STATUS_STORE_DOWN, "the database does not answer");
    assert_string_equal(it->settle.fault, "the database does not answer");
    assert_int_equal(it->client.sent, 12);
}

static void without_a_record_there_is_none_to_join(void **state)
{
    struct settling *it = *state;
    go_away(it);
    settle_ask(it, RECORD("a-600"));
    settle_run_job(it);
    assert_ended(it, 2, STATUS_OK, "");
    settle_ask(it, "");
    settle_run_job(it);
    settle_install(it);
    assert_ended(it, 3, STATUS_OK, "");
    assert_string_not_equal(it->settle.epoch.id, "");
    assert_guarded_alone(it, LEAD_MS);
}

static void an_epoch_in_which_nonces_are_missing_does_not_go_on_alone(void **state)
{
    struct settling *it = *state;
    go_away(it);
    redis_settle_break(&it->settle);
    settle_ask(it, RECORD("e-600"));
    settle_run_job(it);
    settle_install(it);
    assert_ended(it, 2, STATUS_OK, "");
    assert_string_not_equal(it->settle.epoch.id, "e-600");
    assert_guarded_alone(it, LEAD_MS);
}

/* Its nonces are at that other server. */
static void the_record_of_another_server_is_none_also_where_an_epoch_was_given_up_before(void **state)
{
    struct settling *it = *state;
    go_away(it);
    redis_settle_break(&it->settle);
    settle_ask_by(it, &it->settle, "server", "3 theirs-600 elsewhere 256 " KEY, LIFE_MS);
    settle_run_job(it);
    settle_install(it);
    assert_ended(it, 2, STATUS_OK, "");
    assert_string_not_equal(it->settle.epoch.id, "");
    assert_string_not_equal(it->settle.epoch.id, "theirs-600");
    assert_guarded_alone(it, LEAD_MS);
}

static void an_epoch_is_written_to_redis_alone_and_guards_all(void **state)
{
    struct settling *it = *state;
    go_away(it);
    settle_ask(it, "");
    settle_run_job(it);
    settle_install(it);
    assert_ended(it, 2, STATUS_OK, "");
    assert_guarded_alone(it, LEAD_MS);
    assert_string_equal(it->settle.durable, "e-600");
    assert_string_equal(it->settle.broken, "e-600"); /* that is never believed again */
    assert_string_not_equal(it->settle.epoch.id, "e-600");
    assert_null(it->keeper.job);
}

static void where_the_lead_is_shorter_than_a_record_lives_that_is_guarded(void **state)
{
    struct settling *it = *state;
    go_away(it);
    it->settle.lead_ms = 1000;
    settle_ask(it, "");
    settle_run_job(it);
    settle_install(it);
    assert_guarded_alone(it, LIFE_MS);
}

static void what_others_have_agreed_on_alone_is_joined_behind_the_same_guard(void **state)
{
    struct settling *it = *state;
    go_away(it);
    settle_ask(it, RECORD("alone-600"));
    settle_run_job(it);
    assert_ended(it, 2, STATUS_OK, "");
    assert_guarded_alone(it, LEAD_MS);
    assert_string_equal(it->settle.epoch.id, "alone-600");
    assert_int_equal(it->client.sent, 8);
}

/* The row's ranges count, which others' have gone into. */
static void what_this_process_guarded_before_is_forgotten_with_the_row(void **state)
{
    struct settling *it = *state;
    go_away(it);
    it->settle.ranges = (struct accepted_ranges){.items = {{NOW_S - 200, NOW_S - 150, NOW_S - 150}}, .count = 1};
    settle_ask(it, "");
    settle_run_job(it);
    settle_install(it);
    assert_ended(it, 2, STATUS_OK, "");
    assert_guarded_alone(it, LEAD_MS);
    assert_false(accepted_ranges_guard(&it->settle.ranges, NOW_S - 200));
}

/* Which is not in the ranges that all parts have in common. */
static void what_was_guarded_in_a_part_stays_so(void **state)
{
    struct settling *it = *state;
    go_away(it);
    it->settle.is_part = true;
    it->settle.reference = &it->clock;
    it->settle.ranges = (struct accepted_ranges){.items = {{NOW_S - 200, NOW_S - 150, NOW_S - 150}}, .count = 1};
    it->keeper.standing.asked_ms = settle_monotonic_ms - GONE_AFTER_MS;
    settle_ask(it, "");
    settle_install(it);
    assert_ended(it, 2, STATUS_OK, "");
    assert_guarded_alone(it, LEAD_MS);
    assert_int_equal(accepted_ranges_guard_end(&it->settle.ranges, NOW_S - 200), NOW_S - 149);
}

static void an_epoch_that_was_left_is_not_joined_again(void **state)
{
    struct settling *it = *state;
    go_away(it);
    settle_ask(it, RECORD("alone-600"));
    settle_run_job(it);
    settle_ask(it, RECORD("e-600")); /* it is there again */
    settle_run_job(it);
    assert_int_equal(it->done, 2);
    settle_install(it);
    assert_ended(it, 3, STATUS_OK, "");
    assert_string_not_equal(it->settle.epoch.id, "e-600");
    assert_guarded_alone(it, LEAD_MS);
}

/* The connection was lost, and nothing else. */
static void the_record_that_one_is_in_goes_on(void **state)
{
    struct settling *it = *state;
    go_away(it);
    settle_ask(it, RECORD("e-600"));
    settle_run_job(it);
    assert_ended(it, 2, STATUS_OK, "");
    assert_false(it->settle.is_provisional);
    assert_int_equal(it->client.sent, 8);
    settle_ask(it, RECORD("alone-600"));
    settle_run_job(it);
    settle_ask(it, RECORD("alone-600"));
    settle_run_job(it);
    assert_ended(it, 4, STATUS_OK, "");
    assert_true(it->settle.is_provisional);
    /* the same id, but not the same record: somebody has changed it */
    settle_ask(it, "3 alone-600 server 16 " KEY);
    settle_run_job(it);
    assert_ended(it, 5, STATUS_OK, "");
    assert_guarded_alone(it, LEAD_MS);
    assert_int_equal(it->settle.epoch.shards, 16);
}

static void where_it_is_known_that_it_does_not_answer_it_is_not_asked(void **state)
{
    struct settling *it = *state;
    go_away(it);
    it->keeper.standing.asked_ms = settle_monotonic_ms - GONE_AFTER_MS + 1;
    settle_ask(it, RECORD("e-600"));
    assert_int_equal(it->keeper.started, 2);
    settle_run_job(it);
    it->keeper.standing.asked_ms = settle_monotonic_ms - GONE_AFTER_MS;
    settle_ask(it, RECORD("e-600"));
    assert_ended(it, 3, STATUS_OK, "");
    assert_int_equal(it->keeper.started, 2);
}

static void a_clock_that_has_moved_is_not_followed_alone(void **state)
{
    static const struct {
        int64_t moved_ms;
        bool goes_on;
    } cases[] = {
        {CLOCK_LEAP_MS, true}, {-CLOCK_LEAP_MS, true}, {CLOCK_LEAP_MS + 1, false}, {-CLOCK_LEAP_MS - 1, false}};
    struct settling *it = *state;
    go_away(it);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        redis_clock_let_back(&it->clock);
        it->clock.was_read = false;
        it->settle.known_offset_ms = NOW_MS - 5000000;
        it->local.wall_ms = NOW_MS + cases[i].moved_ms;
        settle_ask(it, RECORD("e-600"));
        settle_run_job(it);
        assert_status(it->status, cases[i].goes_on ? STATUS_OK : STATUS_STORE_DOWN);
        if (!cases[i].goes_on)
            assert_non_null(strstr(it->settle.fault, "its clock has moved"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SETTLE_TEST(a_process_that_was_never_settled_waits_for_the_durable_store),
        SETTLE_TEST(without_a_record_there_is_none_to_join),
        SETTLE_TEST(an_epoch_in_which_nonces_are_missing_does_not_go_on_alone),
        SETTLE_TEST(the_record_of_another_server_is_none_also_where_an_epoch_was_given_up_before),
        SETTLE_TEST(an_epoch_is_written_to_redis_alone_and_guards_all),
        SETTLE_TEST(where_the_lead_is_shorter_than_a_record_lives_that_is_guarded),
        SETTLE_TEST(what_others_have_agreed_on_alone_is_joined_behind_the_same_guard),
        SETTLE_TEST(what_this_process_guarded_before_is_forgotten_with_the_row),
        SETTLE_TEST(what_was_guarded_in_a_part_stays_so),
        SETTLE_TEST(an_epoch_that_was_left_is_not_joined_again),
        SETTLE_TEST(the_record_that_one_is_in_goes_on),
        SETTLE_TEST(where_it_is_known_that_it_does_not_answer_it_is_not_asked),
        SETTLE_TEST(a_clock_that_has_moved_is_not_followed_alone),
    };
    return cmocka_run_group_tests_name("redis_settle_alone", tests, NULL, NULL);
}
