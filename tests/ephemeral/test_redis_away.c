/* What goes on, and what is guarded, while the durable store is away (docs/design/nonce-guard.md, rule 11). */
#include "fleet_bench.h"

static void begin_with_a_row(struct process *process, struct fleet *fleet)
{
    fleet_open(fleet, NULL);
    process_begin(process, fleet);
    process_run_for(process, 200); /* until its row is there */
}

static void take_durable_store_away(struct process *process)
{
    atomic_store(&process->ledger.is_away, true);
    process_run_for(process, 3200); /* asked, and not answered for long enough */
}

static void requests_go_on_for_a_while_without_the_durable_store(void **state)
{
    struct fleet *fleet = *state;
    struct process process;
    begin_with_a_row(&process, fleet);
    process_pass_s(&process, 2);
    take_durable_store_away(&process);
    for (int64_t passed = 0; passed < 5; passed++, process_pass_s(&process, 2)) {
        assert_good_again(&process);
        assert_status(process_spend(&process, fleet_now_s(fleet) + 2, "ahead"), STATUS_OK);
    }
    fake_clock_advance(&fleet->durable.clock, 0);
    assert_false(ephemeral_trouble(process.view).is_stuck);
    for (int64_t passed = 0; passed < 300; passed += 2)
        process_pass_s(&process, 2);
    process.asking.patience_ms = 300;
    assert_status(process_spend(&process, fleet_now_s(fleet), "too long"), STATUS_STORE_DOWN);
    assert_true(ephemeral_trouble(process.view).is_stuck);
    process.asking.patience_ms = 0;
    atomic_store(&process.ledger.is_away, false);
    assert_status(process_spend(&process, fleet_now_s(fleet), "back"), STATUS_OK);
    process_end(&process);
}

/* What was accepted meanwhile is in no range; what is lost then is guarded all the same. */
static void what_was_accepted_without_the_durable_store_is_guarded_after_a_loss(void **state)
{
    struct fleet *fleet = *state;
    struct process process;
    struct process fresh;
    begin_with_a_row(&process, fleet);
    take_durable_store_away(&process);
    process_pass_s(&process, 2);
    process_pass_s(&process, 2);
    int64_t signed_s = fleet_now_s(fleet);
    assert_status(process_spend(&process, signed_s + 2, "sent"), STATUS_OK);
    process_end(&process); /* killed: its row stays */
    redis_server_must(&fleet->server, "FLUSHALL", "+OK");
    fleet_step_s(fleet, -12);
    process_begin(&fresh, fleet);
    assert_int_not_equal(process_spend(&fresh, signed_s + 2, "sent"), STATUS_OK);
    fleet_step_s(fleet, 12);
    (void)process_ping(&fresh);
    process_wait_until_ready(&fresh);
    for (int64_t passed = 0; passed < 10; passed++, process_pass_s(&fresh, 1))
        assert_int_not_equal(process_spend(&fresh, signed_s + 2, "sent"), STATUS_OK);
    assert_good_again(&fresh);
    process_end(&fresh);
}

static void a_clean_stop_puts_into_the_ranges_what_was_accepted_without(void **state)
{
    struct fleet *fleet = *state;
    struct process process;
    struct process fresh;
    begin_with_a_row(&process, fleet);
    take_durable_store_away(&process);
    process_pass_s(&process, 2);
    process_pass_s(&process, 2);
    int64_t signed_s = fleet_now_s(fleet);
    assert_status(process_spend(&process, signed_s, "sent"), STATUS_OK);
    atomic_store(&process.ledger.is_away, false);
    process_end(&process);
    assert_int_equal(durable_bench_number(&fleet->durable, "SELECT COUNT(*) FROM nonce_users"), 0);
    redis_server_must(&fleet->server, "FLUSHALL", "+OK");
    process_begin(&fresh, fleet);
    assert_status(process_spend(&fresh, signed_s, "sent"), STATUS_STORE_DOWN);
    process_end(&fresh);
}

/* The row may bear a time of which the process was not told: others guard from there on. */
static void nothing_older_than_a_row_whose_commit_is_in_doubt_is_accepted_without(void **state)
{
    struct fleet *fleet = *state;
    struct process process;
    begin_with_a_row(&process, fleet);
    process_pass_s(&process, 2);
    process_pass_s(&process, 2);
    atomic_store(&process.ledger.loses_answers, true);
    for (int i = 0;
         i < PATIENCE && durable_bench_number(&fleet->durable, "SELECT MAX(clock) FROM nonce_users") == FIRST_MS; i++)
        process_run_for(&process, STEP_MS);
    process_run_for(&process, 2000);
    process.asking.patience_ms = 300;
    assert_status(process_spend(&process, FIRST_S + 2, "older"), STATUS_STORE_DOWN);
    process.asking.patience_ms = 0;
    assert_status(process_spend(&process, FIRST_S + 5, "newer"), STATUS_OK);
    process_end(&process);
}

/* Rule 11: an epoch in Redis alone, behind a guard of the whole lead. */
static void a_loss_without_the_durable_store_is_guarded_for_the_lead(void **state)
{
    struct fleet *fleet = *state;
    struct process process;
    begin_with_a_row(&process, fleet);
    process_send_all(&process, FIRST_S);
    take_durable_store_away(&process);
    redis_server_must(&fleet->server, "FLUSHALL", "+OK");
    assert_status(process_spend(&process, FIRST_S, "sent"), STATUS_STORE_DOWN);
    process_wait_until_ready(&process);
    int64_t waited_s = 0;
    for (; ephemeral_guard_s(process.view) > 0 && waited_s < 30; waited_s++, process_pass_s(&process, 1))
        for (int64_t second = FIRST_S - SKEW_S; second <= FIRST_S + LEAD_S; second++)
            assert_int_not_equal(process_spend(&process, second, "sent"), STATUS_OK);
    assert_true(waited_s <= LEAD_S + 10);
    assert_good_again(&process);
    int64_t signed_s = fleet_now_s(fleet);
    assert_status(process_spend(&process, signed_s, "alone"), STATUS_OK);
    atomic_store(&process.ledger.is_away, false);
    for (int i = 0; i < PATIENCE && atomic_load(&process.ledger.decided) < 4; i++)
        process_run_for(&process, STEP_MS);
    process_wait_until_ready(&process);
    assert_int_not_equal(process_spend(&process, signed_s, "alone"), STATUS_OK);
    for (waited_s = 0; ephemeral_guard_s(process.view) > 0 && waited_s < 30; waited_s++)
        process_pass_s(&process, 1);
    assert_true(waited_s <= 10);
    assert_status(process_spend(&process, fleet_now_s(fleet), "fresh again"), STATUS_OK);
    process_end(&process);
}

static void a_clock_that_moves_without_the_durable_store_is_not_followed(void **state)
{
    struct fleet *fleet = *state;
    struct process process;
    begin_with_a_row(&process, fleet);
    take_durable_store_away(&process);
    fleet_step_s(fleet, -3600);
    (void)process_ping(&process);
    process_run_for(&process, 300);
    process.asking.patience_ms = 300;
    assert_status(process_spend(&process, fleet_now_s(fleet), "n"), STATUS_STORE_DOWN);
    process.asking.patience_ms = 0;
    fleet_step_s(fleet, 3600);
    process_wait_until_ready(&process);
    int64_t waited_s = 0;
    for (; ephemeral_guard_s(process.view) > 0 && waited_s < 30; waited_s++)
        process_pass_s(&process, 1);
    assert_true(waited_s <= LEAD_S + 10);
    assert_status(process_spend(&process, fleet_now_s(fleet), "fresh"), STATUS_OK);
    process_end(&process);
}

/* A keeper that has learnt that another epoch is in force is in none until the next settling. Where the durable store
 * goes away in between, the process settles alone, and the keeper asks nothing that would tell it of the return. */
static void a_process_that_had_to_settle_alone_just_after_its_epoch_ended_settles_with_the_store_again(void **state)
{
    struct fleet *fleet = *state;
    struct process process;
    begin_with_a_row(&process, fleet);
    atomic_store(&process.ledger.decides_nothing, true);
    redis_server_must(&fleet->server, "FLUSHALL", "+OK");
    assert_status(sql_execute_blocking(fleet->durable.db.sql, "UPDATE nonce_epochs SET epoch = 'x' || substr(epoch, 2)",
                                       NULL, 0, NULL, NULL),
                  STATUS_OK);
    process_run_for(&process, 2500); /* a visit of the keeper's, and a look at the record */
    int decided = atomic_load(&process.ledger.decided);
    process.asking.patience_ms = 300;
    assert_status(process_spend(&process, fleet_now_s(fleet), "meanwhile"), STATUS_STORE_DOWN);
    process.asking.patience_ms = 0;
    assert_true(ephemeral_trouble(process.view).is_stuck);
    atomic_store(&process.ledger.decides_nothing, false);
    process_run_for(&process, 1500);
    assert_true(atomic_load(&process.ledger.decided) > decided);
    process_wait_until_ready(&process);
    int64_t waited_s = 0;
    for (; ephemeral_guard_s(process.view) > 0 && waited_s < 30; waited_s++)
        process_pass_s(&process, 1);
    assert_true(waited_s <= LEAD_S + 10);
    assert_good_again(&process);
    process_end(&process);
}

static int64_t row_clock_ms(struct fleet *fleet)
{
    return durable_bench_number(&fleet->durable, "SELECT MAX(clock) FROM nonce_users");
}

/* The process's row is written, and its answer lost; then the clock goes back by less than what is a loss, and the next
 * write of the row never comes through. */
static void leave_a_later_clock_in_the_row(struct process *process)
{
    struct fleet *fleet = process->fleet;
    process_pass_s(process, 2);
    process_pass_s(process, 2);
    atomic_store(&process->ledger.loses_answers, true);
    for (int i = 0; i < PATIENCE && row_clock_ms(fleet) == FIRST_MS; i++)
        process_run_for(process, STEP_MS);
    assert_int_equal(row_clock_ms(fleet), FIRST_MS + 4000);
    fleet_step_s(fleet, -1);
    fleet_set_clocks(fleet);
    assert_status(process_ping(process), STATUS_OK);
    process_run_for(process, 300);
    int kept = atomic_load(&process->ledger.kept);
    atomic_store(&process->ledger.loses_answers, false);
    atomic_store(&process->ledger.is_away, false);
    /* one answer, to a question that is not about the row */
    for (int i = 0; i < PATIENCE * 5 && atomic_load(&process->ledger.kept) == kept; i++)
        process_run_for(process, STEP_MS / 5);
    atomic_store(&process->ledger.is_away, true);
    process_run_for(process, 1500); /* until the next question, which is about the row, has failed */
}

static void what_the_row_may_not_guard_any_more_is_not_accepted(void **state)
{
    struct fleet *fleet = *state;
    struct process process;
    struct process fresh;
    begin_with_a_row(&process, fleet);
    leave_a_later_clock_in_the_row(&process);
    int64_t signed_s = fleet_now_s(fleet);
    assert_int_equal(signed_s, FIRST_S + 3);
    process.asking.patience_ms = 300;
    assert_status(process_spend(&process, signed_s, "sent"), STATUS_STORE_DOWN);
    process.asking.patience_ms = 0;
    assert_status(process_spend(&process, signed_s + 1, "later"), STATUS_OK);
    process_end(&process); /* killed: its row stays */
    redis_server_must(&fleet->server, "FLUSHALL", "+OK");
    process_begin(&fresh, fleet);
    fresh.asking.patience_ms = 1000;
    assert_int_not_equal(process_spend(&fresh, signed_s + 1, "later"), STATUS_OK);
    process_end(&fresh);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FLEET_TEST(requests_go_on_for_a_while_without_the_durable_store),
        FLEET_TEST(what_was_accepted_without_the_durable_store_is_guarded_after_a_loss),
        FLEET_TEST(a_clean_stop_puts_into_the_ranges_what_was_accepted_without),
        FLEET_TEST(nothing_older_than_a_row_whose_commit_is_in_doubt_is_accepted_without),
        FLEET_TEST(a_loss_without_the_durable_store_is_guarded_for_the_lead),
        FLEET_TEST(a_clock_that_moves_without_the_durable_store_is_not_followed),
        FLEET_TEST(a_process_that_had_to_settle_alone_just_after_its_epoch_ended_settles_with_the_store_again),
        FLEET_TEST(what_the_row_may_not_guard_any_more_is_not_accepted),
    };
    return cmocka_run_group_tests_name("redis_away", tests, NULL, NULL);
}
