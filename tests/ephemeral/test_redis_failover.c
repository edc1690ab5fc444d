/* What a Redis that was failed over must not let through (docs/design/nonce-guard.md): lost writes, two at once, one
 * that comes back. */
#include "fleet_bench.h"
#include "support/free_port.h"

#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

/* Monotonic time, which a test can let leap (tests/CMakeLists.txt). */
static _Atomic int64_t leapt_ms;
int64_t __real_clock_monotonic_ns(void);
int64_t __wrap_clock_monotonic_ns(void);

int64_t __wrap_clock_monotonic_ns(void)
{
    return __real_clock_monotonic_ns() + atomic_load(&leapt_ms) * 1000000;
}

/* Two servers of which the second follows the first, until it is cut off: what is written from then on is lost. */
static void open_pair(struct fleet *fleet)
{
    static char port[16];
    static char master[32];
    const char *const args[] = {"--port", port, "--bind", "127.0.0.1", "--repl-diskless-sync", "no", NULL};
    const char *const replica_args[] = {"--replicaof", master, NULL};
    (void)snprintf(port, sizeof port, "%d", free_port());
    (void)snprintf(master, sizeof master, "127.0.0.1 %s", port);
    fleet_open(fleet, args);
    redis_server_start(&fleet->replica, replica_args);
    fleet_set_clocks(fleet);
}

static void wait_for_replica(struct fleet *fleet)
{
    char line[256];
    for (int i = 0; i < PATIENCE; i++) {
        redis_server_tell(&fleet->replica, "EXISTS e", line);
        if (strcmp(line, ":1") == 0)
            return;
        (void)usleep(STEP_MS * 1000);
    }
    fail_msg("the replica does not follow");
}

static void fail_over(struct fleet *fleet)
{
    redis_server_kill(&fleet->server);
    fleet_lead_to(fleet, &fleet->replica);
}

static void after_a_failover_that_lost_writes_nothing_from_before_is_let_through(void **state)
{
    struct fleet *fleet = *state;
    struct process process;
    open_pair(fleet);
    process_begin(&process, fleet);
    wait_for_replica(fleet);
    redis_server_must(&fleet->replica, "REPLICAOF NO ONE", "+OK");
    process_send_all(&process, FIRST_S); /* acknowledged, and lost */
    fail_over(fleet);
    process_run_for(&process, STEP_MS);
    process_wait_until_ready(&process);
    assert_guarded(process.view);
    process_replay_all(&process, FIRST_S);
    assert_good_again(&process);
    process_end(&process);
}

static void a_new_primary_whose_clock_is_behind_widens_nothing(void **state)
{
    struct fleet *fleet = *state;
    struct process old;
    struct process fresh;
    open_pair(fleet);
    process_begin(&old, fleet);
    wait_for_replica(fleet);
    redis_server_must(&fleet->replica, "REPLICAOF NO ONE", "+OK");
    process_send_all(&old, FIRST_S);
    fail_over(fleet);
    redis_server_set_time(&fleet->replica, FIRST_MS - 3000);
    process_begin(&fresh, fleet);
    process_run_for(&old, STEP_MS);
    process_wait_until_ready(&old);
    for (int64_t passed = 0; passed < 3 + LEAD_S + SKEW_S + ACCEPTED_AHEAD_S; passed++) {
        fake_clock_advance(&fleet->durable.clock, 1000);
        redis_server_set_time(&fleet->replica, fleet->durable.clock.wall_ms - 3000);
        (void)process_ping(&fresh);
        (void)process_ping(&old);
        for (int64_t second = FIRST_S - SKEW_S; second <= FIRST_S + LEAD_S; second++) {
            assert_int_not_equal(process_spend(&fresh, second, "sent"), STATUS_OK);
            assert_int_not_equal(process_spend(&old, second, "sent"), STATUS_OK);
        }
    }
    process_end(&old);
    process_end(&fresh);
}

/* A primary that comes back with an old record, which still names it: what was spent on the other is not there. */
static void a_primary_that_comes_back_is_not_believed(void **state)
{
    struct fleet *fleet = *state;
    struct process old;
    struct process fresh;
    open_pair(fleet);
    process_begin(&old, fleet);
    assert_status(process_spend(&old, FIRST_S, "on the first"), STATUS_OK);
    wait_for_replica(fleet);
    process_end(&old);
    redis_server_must(&fleet->replica, "REPLICAOF NO ONE", "+OK");
    redis_server_must(&fleet->server, "PERSIST e", ":1");
    fleet_lead_to(fleet, &fleet->replica);
    process_begin(&old, fleet);
    for (int64_t passed = 0; ephemeral_guard_s(old.view) > 0 && passed < 12; passed++)
        process_pass_s(&old, 1);
    int64_t signed_s = fleet_now_s(fleet);
    assert_status(process_spend(&old, signed_s, "on the second"), STATUS_OK);
    process_end(&old);
    fleet_lead_to(fleet, &fleet->server);
    redis_server_must(&fleet->server, "PEXPIRE e 4000", ":1"); /* somebody was left there, and kept it alive */
    process_begin(&fresh, fleet);
    assert_status(process_spend(&fresh, signed_s, "on the second"), STATUS_STORE_DOWN);
    process_end(&fresh);
}

/* Rule 3: what the one that was left behind may accept was guarded when the other began. Each declares over the other,
 * until one is gone. */
static void two_primaries_at_once_accept_nothing_twice(void **state)
{
    struct fleet *fleet = *state;
    struct process left;
    struct process other;
    open_pair(fleet);
    process_begin(&left, fleet);
    assert_status(process_spend(&left, FIRST_S, "n"), STATUS_OK);
    wait_for_replica(fleet);
    redis_server_must(&fleet->replica, "REPLICAOF NO ONE", "+OK");
    fleet_lead_to(fleet, &fleet->replica);
    process_begin(&other, fleet);
    left.asking.patience_ms = other.asking.patience_ms = 100;
    for (int64_t passed = 0; passed < 12; passed++, process_pass_s(&other, 1)) {
        (void)process_ping(&left);
        char text[32];
        (void)snprintf(text, sizeof text, "%d", (int)passed);
        bool is_left = process_spend(&left, fleet_now_s(fleet), text) == STATUS_OK;
        assert_false(process_spend(&other, fleet_now_s(fleet), text) == STATUS_OK && is_left);
    }
    process_end(&left);
    other.asking.patience_ms = 0;
    bool is_served = false;
    for (int64_t passed = 0; passed < 10 && !is_served; passed++) {
        process_wait_until_ready(&other);
        is_served = process_spend(&other, fleet_now_s(fleet), "alone") == STATUS_OK;
        process_pass_s(&other, 1);
    }
    assert_true(is_served);
    process_end(&other);
}

/* Or each loop that comes to it would let the process wait anew. */
static void loops_of_one_process_give_way_together(void **state)
{
    struct fleet *fleet = *state;
    struct process left;
    struct process other;
    open_pair(fleet);
    process_begin(&left, fleet);
    wait_for_replica(fleet);
    redis_server_must(&fleet->replica, "REPLICAOF NO ONE", "+OK");
    fleet_lead_to(fleet, &fleet->replica);
    process_begin(&other, fleet);
    process_end(&other);
    for (int i = 0; i < PATIENCE && process_ping(&left) == STATUS_OK; i++)
        process_run_for(&left, STEP_MS);
    ephemeral_view_free(left.view); /* it was told to give way */
    fleet_lead_to(fleet, &fleet->server);
    atomic_fetch_add(&leapt_ms, 2100);
    assert_status(ephemeral_view_new(left.store, left.asking.loop, &left.view), STATUS_OK);
    assert_status(process_ping(&left), STATUS_OK);
    process_end(&left);
}

/* The same server, and a record that names it; but its data was the other's meanwhile. */
static void a_primary_that_was_demoted_and_promoted_again_is_another(void **state)
{
    struct fleet *fleet = *state;
    struct process process;
    char command[64];
    static char port[16];
    open_pair(fleet);
    process_begin(&process, fleet);
    wait_for_replica(fleet);
    (void)snprintf(port, sizeof port, "%d", free_port());
    (void)snprintf(command, sizeof command, "CONFIG SET port %s", port);
    redis_server_must(&fleet->replica, "REPLICAOF NO ONE", "+OK");
    redis_server_must(&fleet->replica, command, "+OK");
    assert_status(process_spend(&process, FIRST_S, "n"), STATUS_OK);
    process_end(&process);
    (void)snprintf(command, sizeof command, "REPLICAOF 127.0.0.1 %s", port);
    redis_server_must(&fleet->server, command, "+OK");
    for (int i = 0; i < PATIENCE && redis_server_number(&fleet->server, "DBSIZE") != 1; i++)
        (void)usleep(STEP_MS * 1000); /* the nonce is gone, the record is the replica's copy of the same */
    redis_server_must(&fleet->server, "REPLICAOF NO ONE", "+OK");
    process_begin(&process, fleet);
    assert_status(process_spend(&process, FIRST_S, "n"), STATUS_STORE_DOWN);
    process_end(&process);
}

static void a_demoted_primary_is_left(void **state)
{
    struct fleet *fleet = *state;
    struct process process;
    char command[64];
    open_pair(fleet);
    process_begin(&process, fleet);
    wait_for_replica(fleet);
    redis_server_must(&fleet->replica, "REPLICAOF NO ONE", "+OK");
    (void)snprintf(command, sizeof command, "REPLICAOF 127.0.0.1 %d", free_port()); /* it follows nobody */
    redis_server_must(&fleet->server, command, "+OK");
    fleet_lead_to(fleet, &fleet->replica);
    assert_status(process_spend(&process, FIRST_S, "n"), STATUS_STORE_DOWN);
    process_wait_until_ready(&process);
    for (int64_t passed = 0; ephemeral_guard_s(process.view) > 0 && passed < 12; passed++)
        process_pass_s(&process, 1);
    assert_status(process_spend(&process, fleet_now_s(fleet), "n"), STATUS_OK);
    process_end(&process);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FLEET_TEST(after_a_failover_that_lost_writes_nothing_from_before_is_let_through),
        FLEET_TEST(a_new_primary_whose_clock_is_behind_widens_nothing),
        FLEET_TEST(a_primary_that_comes_back_is_not_believed),
        FLEET_TEST(two_primaries_at_once_accept_nothing_twice),
        FLEET_TEST(loops_of_one_process_give_way_together),
        FLEET_TEST(a_primary_that_was_demoted_and_promoted_again_is_another),
        FLEET_TEST(a_demoted_primary_is_left),
    };
    return cmocka_run_group_tests_name("redis_failover", tests, NULL, NULL);
}
