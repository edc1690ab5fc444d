/* How processes agree on an epoch that keep nonces for different times, since their skews differ
 * (docs/design/nonce-guard.md, rules 5 and 6). */
#include "settle_bench.h"

#include <stdio.h>

static void ask(struct settling *it, const char *record)
{
    settle_ask_by(it, &it->settle, "server", record, 1000);
}

/* Declared by somebody else, used, and already looked at. */
static void meet(struct settling *it, const char *epoch)
{
    char record[REDIS_EPOCH_BYTES + 1];
    (void)snprintf(record, sizeof record, RECORD("%s"), epoch);
    settle_use_row(it, epoch, record, true);
    (void)snprintf(it->settle.looked, sizeof it->settle.looked, "%s", epoch);
    ask(it, record);
    settle_run_job(it);
}

static void an_epoch_that_keeps_nonces_for_as_long_as_is_needed_stands(void **state)
{
    static const char *const epochs[] = {"e-600", "e-601", "e-172800"};
    struct settling *it = *state;
    for (size_t i = 0; i < COUNT_OF(epochs); i++) {
        meet(it, epochs[i]);
        assert_ended(it, (int)i + 1, STATUS_OK, "");
        assert_string_equal(it->settle.epoch.id, epochs[i]);
        assert_string_equal(it->settle.loss, "");
    }
}

/* What was forgotten there could be accepted again by this process. */
static void one_that_keeps_them_for_less_is_a_loss_and_the_operator_hears_why(void **state)
{
    static const struct {
        const char *epoch;
        const char *loss;
    } cases[] = {
        {"e-599", "nonces were kept for 599 s, this process needs 600 s (twice OAUTH1_TIMESTAMP_SKEW)"},
        {"e-8", "nonces were kept for 8 s, this process needs 600 s (twice OAUTH1_TIMESTAMP_SKEW)"},
        {"0123456789abcdef0123456789abcdef",
         "an earlier version did not say how long it kept nonces, this process needs 600 s"},
    };
    struct settling *it = *state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        meet(it, cases[i].epoch);
        assert_string_not_equal(it->row.epoch, cases[i].epoch);
        assert_int_equal(it->row.ranges.items[0].guarded, NOW_S + 5);
        settle_install(it);
        settle_run_job(it);
        assert_ended(it, (int)i + 1, STATUS_OK, "");
        assert_string_equal(it->settle.epoch.id + 24, "-600");
        assert_int_equal(it->settle.epoch.kept_s, 600);
        assert_string_equal(it->settle.loss, cases[i].loss);
    }
    meet(it, "f-600"); /* which others have declared since */
    assert_status(it->status, STATUS_OK);
    assert_string_equal(it->settle.loss, "");
}

/* The record is not there: what it kept is no reason. */
static void of_another_loss_the_operator_hears_nothing_of_that(void **state)
{
    struct settling *it = *state;
    settle_use_row(it, "e-8", RECORD("e-8"), true);
    (void)snprintf(it->settle.looked, sizeof it->settle.looked, "e-8");
    settle_ask(it, "");
    settle_run_job(it);
    settle_install(it);
    settle_run_job(it);
    assert_ended(it, 1, STATUS_OK, "");
    assert_string_equal(it->settle.loss, "");
    (void)snprintf(it->settle.broken, sizeof it->settle.broken, "e-8"); /* it was left for something else */
    meet(it, "e-8");
    settle_install(it);
    settle_run_job(it);
    assert_ended(it, 2, STATUS_OK, "");
    assert_string_equal(it->settle.loss, "");
}

/* What a process declares, it writes for as long as its own record lives. */
static void a_small_skew_declares_an_epoch_for_itself(void **state)
{
    struct settling *it = *state;
    char end[32];
    it->settle.skew_ms = 4000;
    settle_ask(it, "");
    settle_run_job(it);
    (void)snprintf(end, sizeof end, "%lld", (long long)(NOW_MS + 4000));
    assert_string_equal(it->client.commands[4].last, end);
    settle_install(it);
    settle_run_job(it);
    assert_ended(it, 1, STATUS_OK, "");
    assert_int_equal(it->settle.epoch.kept_s, 8);
}

/* Somebody with a smaller skew is about to use it: then it is looked at once more. */
static void an_epoch_that_is_not_used_yet_is_waited_for_before_it_ends(void **state)
{
    struct settling *it = *state;
    settle_use_row(it, "e-8", RECORD("e-8"), false);
    ask(it, RECORD("e-8"));
    settle_run_job(it);
    assert_ended(it, 1, STATUS_CONFLICT, "another process declares an epoch");
    assert_string_equal(it->row.epoch, "e-8");
    it->row.is_used = true;
    meet(it, "e-8");
    settle_install(it);
    settle_run_job(it);
    assert_ended(it, 2, STATUS_OK, "");
    assert_int_equal(it->settle.epoch.kept_s, 600);
}

/* Rule 11. */
static void without_the_durable_store_such_an_epoch_is_replaced_instead_of_joined(void **state)
{
    struct settling *it = *state;
    settle_well(it);
    it->ledger_status = STATUS_STORE_DOWN;
    it->keeper.standing.noted_clock_ms = NOW_MS - 20000;
    ask(it, RECORD("alone-8"));
    settle_run_job(it);
    assert_int_equal(it->done, 1);
    settle_install(it);
    assert_ended(it, 2, STATUS_OK, "");
    assert_true(it->settle.is_provisional);
    assert_int_equal(it->settle.epoch.kept_s, 600);
    assert_non_null(strstr(it->settle.loss, "kept for 8 s"));
}

/* As long as the longer of the two records lives that it was in, and is in now. */
static void the_guard_of_an_epoch_of_redis_alone_outlasts_both_records(void **state)
{
    static const char *const before[] = {"e-8", "e-40"};
    static const char *const after[] = {"alone-40", "alone-8"};
    struct settling *it = *state;
    for (size_t i = 0; i < COUNT_OF(before); i++) {
        char record[REDIS_EPOCH_BYTES + 1];
        it->settle.skew_ms = 4000;
        it->settle.lead_ms = 1000;
        it->ledger_status = STATUS_OK;
        it->settle.broken[0] = '\0';
        meet(it, before[i]);
        it->ledger_status = STATUS_STORE_DOWN;
        (void)snprintf(record, sizeof record, RECORD("%s"), after[i]);
        ask(it, record);
        settle_run_job(it);
        assert_string_equal(it->settle.epoch.id, after[i]);
        assert_int_equal(accepted_ranges_guard_end(&it->settle.ranges, NOW_S), NOW_S + 20 + AWAY_SLACK_MS / 1000 + 1);
    }
}

/* Rule 10: by the largest skew that anybody in the epoch may have. */
static void the_clock_is_not_sure_for_as_long_as_the_epochs_nonces_may_be_late(void **state)
{
    struct settling *it = *state;
    it->user = (struct nonce_user){.id = "a", .machine = "there", .clock_ms = NOW_MS - 100000};
    it->user_count = 1;
    it->settle.skew_ms = 4000;
    settle_use_row(it, "e-600", RECORD("e-600"), false);
    settle_ask(it, RECORD("e-600"));
    settle_run_job(it);
    settle_run_job(it);
    assert_ended(it, 1, STATUS_OK, "");
    assert_int_equal(it->unsure_until_ms, it->local.steady_ms + 300000 + 2 * LEAD_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SETTLE_TEST(an_epoch_that_keeps_nonces_for_as_long_as_is_needed_stands),
        SETTLE_TEST(one_that_keeps_them_for_less_is_a_loss_and_the_operator_hears_why),
        SETTLE_TEST(of_another_loss_the_operator_hears_nothing_of_that),
        SETTLE_TEST(a_small_skew_declares_an_epoch_for_itself),
        SETTLE_TEST(an_epoch_that_is_not_used_yet_is_waited_for_before_it_ends),
        SETTLE_TEST(without_the_durable_store_such_an_epoch_is_replaced_instead_of_joined),
        SETTLE_TEST(the_guard_of_an_epoch_of_redis_alone_outlasts_both_records),
        SETTLE_TEST(the_clock_is_not_sure_for_as_long_as_the_epochs_nonces_may_be_late),
    };
    return cmocka_run_group_tests_name("redis_settle_kept", tests, NULL, NULL);
}
