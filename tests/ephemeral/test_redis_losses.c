/* What a Redis that lost nonces must not let through (docs/design/nonce-guard.md): flush, restart, what somebody
 * spoiled. */
#include "durable/nonces.h"
#include "fleet_bench.h"

/* ---- no change ---- */

static void the_first_start_needs_no_guard(void **state)
{
    struct process process;
    fleet_open(*state, NULL);
    process_begin(&process, *state);
    assert_good_again(&process);
    process_end(&process);
}

static void later_starts_need_none_either_and_see_what_was_spent(void **state)
{
    struct process first;
    struct process second;
    fleet_open(*state, NULL);
    process_begin(&first, *state);
    assert_status(process_spend(&first, FIRST_S, "n"), STATUS_OK);
    process_begin(&second, *state);
    assert_int_equal(ephemeral_guard_s(second.view), 0);
    assert_status(process_spend(&second, FIRST_S, "n"), STATUS_NONCE_USED);
    process_end(&first);
    process_end(&second);
    process_begin(&second, *state);
    assert_status(process_spend(&second, FIRST_S, "n"), STATUS_NONCE_USED);
    assert_good_again(&second);
    process_end(&second);
}

static void a_pause_is_no_change(void **state)
{
    struct fleet *fleet = *state;
    struct process process;
    fleet_open(fleet, NULL);
    process_begin(&process, fleet);
    assert_status(process_spend(&process, FIRST_S, "n"), STATUS_OK);
    redis_server_pause(&fleet->server);
    process_run_for(&process, 800); /* long enough that the connection is given up */
    assert_status(process_spend(&process, FIRST_S, "m"), STATUS_STORE_DOWN);
    redis_server_go_on(&fleet->server);
    process_wait_until_ready(&process);
    assert_status(process_spend(&process, FIRST_S, "n"), STATUS_NONCE_USED);
    assert_good_again(&process);
    process_end(&process);
}

static void a_lost_connection_is_no_change(void **state)
{
    struct fleet *fleet = *state;
    struct process process;
    fleet_open(fleet, NULL);
    process_begin(&process, fleet);
    assert_status(process_spend(&process, FIRST_S, "n"), STATUS_OK);
    redis_server_must(&fleet->server, "CLIENT KILL TYPE normal SKIPME yes", ":1");
    process_run_for(&process, STEP_MS);
    process_wait_until_ready(&process);
    assert_status(process_spend(&process, FIRST_S, "n"), STATUS_NONCE_USED);
    assert_good_again(&process);
    process_end(&process);
}

/* ---- changes ---- */

static void after_a_flush_nothing_from_before_is_let_through(void **state)
{
    struct fleet *fleet = *state;
    struct process process;
    fleet_open(fleet, NULL);
    process_begin(&process, fleet);
    process_send_all(&process, FIRST_S);
    redis_server_must(&fleet->server, "FLUSHALL", "+OK");
    assert_status(process_spend(&process, FIRST_S, "sent"), STATUS_STORE_DOWN); /* though Redis said that it is new */
    process_wait_until_ready(&process);
    assert_guarded(process.view);
    process_replay_all(&process, FIRST_S);
    assert_good_again(&process);
    process_end(&process);
}

static void new_requests_pass_as_soon_as_they_are_newer_than_what_was_accepted(void **state)
{
    struct fleet *fleet = *state;
    struct process process;
    fleet_open(fleet, NULL);
    process_begin(&process, fleet);
    assert_status(process_spend(&process, FIRST_S, "n"), STATUS_OK);
    redis_server_must(&fleet->server, "FLUSHALL", "+OK");
    assert_status(process_spend(&process, FIRST_S, "n"), STATUS_STORE_DOWN);
    process_wait_until_ready(&process);
    assert_int_equal(ephemeral_guard_s(process.view), ACCEPTED_AHEAD_S + 1);
    process_pass_s(&process, 3);
    process_pass_s(&process, ACCEPTED_AHEAD_S - 3);
    assert_int_equal(ephemeral_guard_s(process.view), 1);
    assert_status(process_spend(&process, FIRST_S + ACCEPTED_AHEAD_S, "n"), STATUS_STORE_DOWN);
    assert_status(process_spend(&process, FIRST_S + ACCEPTED_AHEAD_S + 1, "n"), STATUS_OK);
    process_pass_s(&process, 1);
    assert_good_again(&process);
    process_end(&process);
}

/* The flush is noticed by another process, or by one that starts then. */
static void a_change_is_known_to_all_processes(void **state)
{
    struct fleet *fleet = *state;
    struct process first;
    struct process second;
    struct process third;
    fleet_open(fleet, NULL);
    process_begin(&first, fleet);
    process_begin(&second, fleet);
    process_send_all(&first, FIRST_S);
    redis_server_must(&fleet->server, "FLUSHALL", "+OK");
    process_begin(&third, fleet);
    assert_guarded(third.view);
    assert_status(process_spend(&second, FIRST_S, "sent"), STATUS_STORE_DOWN);
    process_wait_until_ready(&second);
    assert_guarded(second.view);
    assert_status(process_spend(&first, FIRST_S, "sent"), STATUS_STORE_DOWN);
    process_wait_until_ready(&first);
    process_replay_all(&first, FIRST_S);
    (void)process_ping(&second);
    (void)process_ping(&third);
    assert_good_again(&first);
    assert_status(process_spend(&second, fleet_now_s(fleet), "fresh"), STATUS_NONCE_USED);
    assert_status(process_spend(&third, fleet_now_s(fleet), "fresh"), STATUS_NONCE_USED);
    process_end(&first);
    process_end(&second);
    process_end(&third);
}

static void restart(struct fleet *fleet, struct process *process)
{
    redis_server_kill(&fleet->server);
    process_run_for(process, STEP_MS);
    assert_status(process_spend(process, FIRST_S, "sent"), STATUS_STORE_DOWN);
    redis_server_start_again(&fleet->server);
    process_wait_until_ready(process);
}

static void after_an_empty_restart_nothing_from_before_is_let_through(void **state)
{
    struct fleet *fleet = *state;
    struct process process;
    fleet_open(fleet, NULL);
    process_begin(&process, fleet);
    process_send_all(&process, FIRST_S);
    restart(fleet, &process);
    assert_guarded(process.view);
    process_replay_all(&process, FIRST_S);
    assert_good_again(&process);
    process_end(&process);
}

/* A promoted replica or a lost tail cannot be told from a server that kept everything. */
static void a_restart_that_kept_everything_is_a_change_too(void **state)
{
    static const char *const args[] = {"--appendonly", "yes", "--appendfsync", "always", NULL};
    struct fleet *fleet = *state;
    struct process process;
    fleet_open(fleet, args);
    process_begin(&process, fleet);
    process_send_all(&process, FIRST_S);
    restart(fleet, &process);
    assert_guarded(process.view);
    process_replay_all(&process, FIRST_S);
    assert_good_again(&process);
    process_end(&process);
}

static void a_process_that_starts_after_an_empty_restart_is_guarded(void **state)
{
    struct fleet *fleet = *state;
    struct process process;
    fleet_open(fleet, NULL);
    process_begin(&process, fleet);
    process_send_all(&process, FIRST_S);
    process_end(&process);
    redis_server_kill(&fleet->server);
    redis_server_start_again(&fleet->server);
    process_begin(&process, fleet);
    assert_guarded(process.view);
    process_replay_all(&process, FIRST_S);
    process_end(&process);
}

static void a_record_that_somebody_spoiled_is_a_change(void **state)
{
    struct fleet *fleet = *state;
    struct process process;
    fleet_open(fleet, NULL);
    process_begin(&process, fleet);
    process_send_all(&process, FIRST_S);
    redis_server_must(&fleet->server, "SET e nonsense", "+OK");
    assert_status(process_spend(&process, FIRST_S, "other"), STATUS_STORE_DOWN);
    process_wait_until_ready(&process);
    assert_guarded(process.view);
    process_replay_all(&process, FIRST_S);
    process_end(&process);
}

/* What the memory of a process has accepted up to now, and saved. */
static void accept_in_memory(struct fleet *fleet)
{
    struct durable_nonce_ledger ledger;
    struct nonce_state nonces = {0};
    struct accepted_ranges ranges;
    int64_t second = fleet_now_s(fleet);
    const struct nonce_begin begin_memory = {
        .name = SLICE("memory:auth-service"), .epoch = SLICE("m"), .now_ms = second * 1000};
    const struct nonce_keep keep = {.name = begin_memory.name,
                                    .epoch = begin_memory.epoch,
                                    .wanted = &second,
                                    .wanted_count = 1,
                                    .away = SECOND_SPAN_EMPTY};
    durable_nonce_ledger_init(&ledger, &fleet->durable.db);
    assert_status(ledger.ledger.open_blocking(&ledger.ledger, &begin_memory, &nonces), STATUS_OK);
    assert_status(ledger.ledger.keep_blocking(&ledger.ledger, &keep, &ranges), STATUS_OK);
    nonce_state_done(&nonces);
}

static void coming_from_memory_is_a_change(void **state)
{
    struct fleet *fleet = *state;
    struct process process;
    fleet_open(fleet, NULL);
    accept_in_memory(fleet);
    process_begin(&process, fleet);
    assert_int_equal(ephemeral_guard_s(process.view), ACCEPTED_AHEAD_S + 1);
    process_pass_s(&process, 3);
    process_pass_s(&process, ACCEPTED_AHEAD_S - 2);
    assert_good_again(&process);
    process_end(&process);
    process_begin(&process, fleet); /* and it is one only once */
    assert_int_equal(ephemeral_guard_s(process.view), 0);
    process_end(&process);
}

/* Though its record is still there, and its server the same. */
static void coming_back_from_memory_is_a_change_too(void **state)
{
    struct fleet *fleet = *state;
    struct process process;
    fleet_open(fleet, NULL);
    process_begin(&process, fleet);
    assert_good_again(&process);
    process_pass_s(&process, 3);
    process_pass_s(&process, 3);
    process_end(&process);
    accept_in_memory(fleet);
    process_begin(&process, fleet);
    assert_int_equal(ephemeral_guard_s(process.view), ACCEPTED_AHEAD_S + 1);
    process_end(&process);
}

/* ---- expiries ---- */

static int64_t sets_that_stay(const struct fleet *fleet)
{
    return redis_server_number(&fleet->server, "EVAL \"local n = 0 for _, k in ipairs(redis.call('KEYS', 'n:*')) do "
                                               "if redis.call('TTL', k) < 0 then n = n + 1 end end return n\" 0");
}

static void every_set_expires_after_its_window(void **state)
{
    struct fleet *fleet = *state;
    struct process process;
    fleet_open(fleet, NULL);
    process_begin(&process, fleet);
    process_send_all(&process, FIRST_S);
    assert_int_equal(redis_server_number(&fleet->server, "DBSIZE"), 1 + SKEW_S + LEAD_S + 1);
    assert_int_equal(sets_that_stay(fleet), 0);
    for (int64_t passed = 0; passed < LEAD_S + 2 * SKEW_S + 2; passed += 2)
        process_pass_s(&process, 2);
    assert_status(process_spend(&process, fleet_now_s(fleet), "n"), STATUS_OK);
    assert_int_equal(sets_that_stay(fleet), 0);
    assert_int_equal(redis_server_number(&fleet->server,
                                         "EVAL \"local n = 0 for _, k in ipairs(redis.call('KEYS', 'n:*')) do "
                                         "n = n + redis.call('EXISTS', k) end return n\" 0"),
                     1);
    process_end(&process);
}

/* A set that was known to expire came into being again after the flush, by a nonce that was not accepted. */
static void a_set_that_was_made_around_a_flush_expires_too(void **state)
{
    struct fleet *fleet = *state;
    struct process process;
    fleet_open(fleet, NULL);
    process_begin(&process, fleet);
    assert_status(process_spend(&process, FIRST_S, "n"), STATUS_OK);
    assert_status(process_spend(&process, FIRST_S, "m"), STATUS_OK);
    redis_server_must(&fleet->server, "FLUSHALL", "+OK");
    assert_status(process_spend(&process, FIRST_S, "n"), STATUS_STORE_DOWN);
    process_wait_until_ready(&process);
    assert_int_equal(sets_that_stay(fleet), 0);
    process_end(&process);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FLEET_TEST(the_first_start_needs_no_guard),
        FLEET_TEST(later_starts_need_none_either_and_see_what_was_spent),
        FLEET_TEST(a_pause_is_no_change),
        FLEET_TEST(a_lost_connection_is_no_change),
        FLEET_TEST(after_a_flush_nothing_from_before_is_let_through),
        FLEET_TEST(new_requests_pass_as_soon_as_they_are_newer_than_what_was_accepted),
        FLEET_TEST(a_change_is_known_to_all_processes),
        FLEET_TEST(after_an_empty_restart_nothing_from_before_is_let_through),
        FLEET_TEST(a_restart_that_kept_everything_is_a_change_too),
        FLEET_TEST(a_process_that_starts_after_an_empty_restart_is_guarded),
        FLEET_TEST(a_record_that_somebody_spoiled_is_a_change),
        FLEET_TEST(coming_from_memory_is_a_change),
        FLEET_TEST(coming_back_from_memory_is_a_change_too),
        FLEET_TEST(every_set_expires_after_its_window),
        FLEET_TEST(a_set_that_was_made_around_a_flush_expires_too),
    };
    return cmocka_run_group_tests_name("redis_losses", tests, NULL, NULL);
}
