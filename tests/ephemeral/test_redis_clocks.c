/* What clocks that leap, are behind or were not read must not let through (docs/design/nonce-guard.md). */
#include "fleet_bench.h"

#include <stdio.h>

/* As a status, which is one line. */
#define READ_RECORD "EVAL \"return {ok = redis.call('GET', 'e') or 'none'}\" 0"

static void a_clock_that_was_set_back_is_a_change(void **state)
{
    struct fleet *fleet = *state;
    struct process process;
    fleet_open(fleet, NULL);
    process_begin(&process, fleet);
    process_pass_s(&process, 2);
    process_send_all(&process, FIRST_S + 2);
    redis_server_set_time(&fleet->server, FIRST_MS - 1000); /* 3 s back, with a skew of 4 */
    (void)process_ping(&process);
    process_wait_until_ready(&process);
    for (int64_t second = FIRST_S + 2 - SKEW_S; second <= FIRST_S + 2 + LEAD_S; second++)
        assert_int_not_equal(process_spend(&process, second, "sent"), STATUS_OK);
    process_end(&process);
}

/* One that has not read the clock since knows of no record but its own: it would move the end of another's by its old
 * clock, and a record whose life is wrong is a loss. */
static void a_process_that_has_not_noticed_a_clock_that_moved_spoils_no_epoch_of_those_who_have(void **state)
{
    static const int64_t steps_s[] = {-12, 12};
    struct fleet *fleet = *state;
    struct process first;
    struct process last;
    fleet_open(fleet, NULL);
    process_begin(&first, fleet);
    process_begin(&last, fleet);
    for (size_t i = 0; i < COUNT_OF(steps_s); i++) {
        char agreed[256];
        char later[256];
        fleet_step_s(fleet, steps_s[i]);
        (void)process_ping(&first);
        process_wait_until_ready(&first);
        redis_server_tell(&fleet->server, READ_RECORD, agreed);
        (void)process_ping(&last);
        process_wait_until_ready(&last);
        redis_server_tell(&fleet->server, READ_RECORD, later);
        assert_string_equal(later, agreed);
    }
    process_end(&last);
    process_end(&first);
}

/* The way forward ends nonces before their time, and the way back makes their timestamps good again. */
static void a_clock_that_leaps_and_comes_back_lets_no_replay_through_and_locks_nobody_out(void **state)
{
    static const int64_t leaps_s[] = {12, -12, 86400, -3600};
    struct fleet *fleet = *state;
    struct process process;
    fleet_open(fleet, NULL);
    process_begin(&process, fleet);
    for (size_t i = 0; i < COUNT_OF(leaps_s); i++) {
        char text[32];
        (void)snprintf(text, sizeof text, "%d", (int)i);
        int64_t signed_s = fleet_now_s(fleet);
        assert_status(process_spend(&process, signed_s, text), STATUS_OK);
        fleet_step_s(fleet, leaps_s[i]);
        (void)process_ping(&process);
        process_wait_until_ready(&process);
        bool is_followed = process_spend(&process, fleet_now_s(fleet), "followed") == STATUS_OK;
        assert_true(is_followed || leaps_s[i] < 0);
        fleet_step_s(fleet, -leaps_s[i]);
        (void)process_ping(&process);
        process_wait_until_ready(&process);
        assert_int_not_equal(process_spend(&process, signed_s, text), STATUS_OK);
        int64_t waited_s = 0;
        for (; ephemeral_guard_s(process.view) > 0 && waited_s < 30; waited_s++)
            process_pass_s(&process, 1);
        assert_true(waited_s <= LEAD_S + 10);
        assert_status(process_spend(&process, fleet_now_s(fleet), "fresh"), STATUS_OK);
        for (int64_t passed = 0; passed < 20; passed++)
            process_pass_s(&process, 1); /* past what a small leap has guarded ahead of it */
    }
    process_end(&process);
}

/* A leap of Redis's clock that is not seen yet ends the record the sooner. */
static void the_record_is_renewed_by_the_clock_that_is_known(void **state)
{
    enum { LEAP_MS = 1500 }; /* which is no loss */
    struct fleet *fleet = *state;
    struct process process;
    int64_t left_ms = 0;
    fleet_open(fleet, NULL);
    process_begin(&process, fleet);
    /* again where the timer has read the clock just before */
    for (int i = 0; i < 5 && left_ms != SKEW_S * 1000 - LEAP_MS; i++) {
        fleet->durable.clock.wall_ms += LEAP_MS;
        fleet_set_clocks(fleet);
        assert_status(process_ping(&process), STATUS_OK);
        left_ms = redis_server_number(&fleet->server, "PTTL e");
    }
    assert_int_equal(left_ms, SKEW_S * 1000 - LEAP_MS);
    assert_status(process_ping(&process), STATUS_OK);
    assert_int_equal(redis_server_number(&fleet->server, "PTTL e"), SKEW_S * 1000);
    process_end(&process);
}

/* Its clock passed every nonce's time and was set right again, while nobody looked. */
static void a_time_in_which_nobody_watched_is_a_change(void **state)
{
    struct fleet *fleet = *state;
    struct process process;
    fleet_open(fleet, NULL);
    process_begin(&process, fleet);
    assert_status(process_spend(&process, FIRST_S, "n"), STATUS_OK);
    process_end(&process);
    redis_server_set_time(&fleet->server, FIRST_MS + 3600000);
    assert_int_equal(redis_server_number(&fleet->server, "EVAL \"return redis.call('EXISTS', 'e')\" 0"), 0);
    fleet_set_clocks(fleet);
    process_begin(&process, fleet);
    assert_status(process_spend(&process, FIRST_S, "n"), STATUS_STORE_DOWN);
    process_end(&process);
}

static void a_record_that_outlives_its_life_is_a_change(void **state)
{
    struct fleet *fleet = *state;
    struct process process;
    fleet_open(fleet, NULL);
    process_begin(&process, fleet);
    assert_status(process_spend(&process, FIRST_S, "n"), STATUS_OK);
    process_end(&process);
    redis_server_must(&fleet->server, "PEXPIRE e 6500", ":1");
    process_begin(&process, fleet);
    assert_status(process_spend(&process, FIRST_S, "n"), STATUS_STORE_DOWN);
    process_end(&process);
}

static void all_killed_and_started_by_a_clock_that_is_behind(void **state)
{
    static const int64_t behind_s[] = {3600, 12};
    struct fleet *fleet = *state;
    struct process process;
    fleet_open(fleet, NULL);
    for (size_t i = 0; i < COUNT_OF(behind_s); i++) {
        process_begin(&process, fleet);
        int64_t signed_s = fleet_now_s(fleet);
        assert_status(process_spend(&process, signed_s, "n"), STATUS_OK);
        atomic_store(&process.ledger.is_away, true); /* killed: its row stays */
        process_end(&process);
        redis_server_kill(&fleet->server);
        redis_server_start_again(&fleet->server);
        fleet_step_s(fleet, -behind_s[i]);
        process_begin(&process, fleet);
        assert_int_not_equal(process_spend(&process, signed_s, "n"), STATUS_OK);
        fleet_step_s(fleet, behind_s[i]);
        (void)process_ping(&process);
        process_wait_until_ready(&process);
        for (int64_t waited_s = 0; waited_s < 2 * (SKEW_S + LEAD_S); waited_s++, process_pass_s(&process, 1))
            assert_int_not_equal(process_spend(&process, signed_s, "n"), STATUS_OK);
        assert_good_again(&process);
        process_end(&process);
    }
}

static void without_a_reading_of_the_last_half_minute_the_time_is_not_known(void **state)
{
    struct fleet *fleet = *state;
    struct process process;
    int64_t now_ms = 0;
    fleet_open(fleet, NULL);
    process_begin(&process, fleet);
    fake_clock_advance(&fleet->durable.clock, 30000);
    assert_status(ephemeral_now(process.view, &now_ms), STATUS_OK);
    assert_int_equal(now_ms, FIRST_MS + 30000);
    fake_clock_advance(&fleet->durable.clock, 1);
    assert_status(ephemeral_now(process.view, &now_ms), STATUS_STORE_DOWN);
    assert_status(process_spend(&process, FIRST_S, "n"), STATUS_STORE_DOWN);
    fleet_set_clocks(fleet);
    assert_status(process_ping(&process), STATUS_OK);
    assert_status(ephemeral_now(process.view, &now_ms), STATUS_OK);
    process_end(&process);
}

static void a_process_whose_own_clock_is_off_judges_by_redis_until_it_is_off_by_more_than_the_skew(void **state)
{
    struct fleet *fleet = *state;
    struct process process;
    int64_t now_ms = 0;
    fleet_open(fleet, NULL);
    process_begin(&process, fleet);
    fleet->durable.clock.wall_ms += SKEW_S * 1000;
    assert_status(process_ping(&process), STATUS_OK);
    assert_int_equal(ephemeral_clock_ahead_ms(process.view), SKEW_S * 1000);
    assert_status(ephemeral_now(process.view, &now_ms), STATUS_OK);
    assert_int_equal(now_ms, FIRST_MS);
    assert_status(process_spend(&process, FIRST_S + LEAD_S, "n"), STATUS_OK);
    assert_status(process_spend(&process, FIRST_S + LEAD_S + 1, "n"), STATUS_TIMESTAMP_REFUSED);
    fleet->durable.clock.wall_ms += 1;
    assert_status(process_ping(&process), STATUS_STORE_DOWN);
    assert_status(ephemeral_now(process.view, &now_ms), STATUS_STORE_DOWN);
    assert_status(process_spend(&process, FIRST_S, "n"), STATUS_STORE_DOWN);
    fleet->durable.clock.wall_ms = FIRST_MS - SKEW_S * 1000;
    assert_status(process_ping(&process), STATUS_OK);
    assert_status(process_spend(&process, FIRST_S, "n"), STATUS_OK);
    process_end(&process);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FLEET_TEST(a_clock_that_was_set_back_is_a_change),
        FLEET_TEST(a_process_that_has_not_noticed_a_clock_that_moved_spoils_no_epoch_of_those_who_have),
        FLEET_TEST(a_clock_that_leaps_and_comes_back_lets_no_replay_through_and_locks_nobody_out),
        FLEET_TEST(the_record_is_renewed_by_the_clock_that_is_known),
        FLEET_TEST(a_time_in_which_nobody_watched_is_a_change),
        FLEET_TEST(a_record_that_outlives_its_life_is_a_change),
        FLEET_TEST(all_killed_and_started_by_a_clock_that_is_behind),
        FLEET_TEST(without_a_reading_of_the_last_half_minute_the_time_is_not_known),
        FLEET_TEST(a_process_whose_own_clock_is_off_judges_by_redis_until_it_is_off_by_more_than_the_skew),
    };
    return cmocka_run_group_tests_name("redis_clocks", tests, NULL, NULL);
}
