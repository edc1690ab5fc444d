/* Processes of one fleet whose skews differ, as while that is being changed (docs/design/nonce-guard.md, rule 6). */
#include "fleet_bench.h"

enum { LARGE_SKEW_S = 60 };

static void begin_with_skew(struct process *process, struct fleet *fleet, int64_t skew_s)
{
    fleet->options.skew_ms = skew_s * 1000;
    process_begin(process, fleet);
}

static void begin_both(struct fleet *fleet, struct process *large, struct process *small)
{
    fleet_open(fleet, NULL);
    begin_with_skew(large, fleet, LARGE_SKEW_S);
    begin_with_skew(small, fleet, SKEW_S);
}

/* So long that Redis keeps nothing any more that was to be kept for the smaller skew alone. */
static void outlast_the_smaller_skew(struct process *process)
{
    for (int passed_s = 0; passed_s <= 2 * SKEW_S + 1; passed_s++)
        process_pass_s(process, 1);
}

/* As long as its timestamp is within the larger skew. */
static void assert_never_accepted_again(struct process *process, int64_t second, const char *text, enum status expected)
{
    for (; fleet_now_s(process->fleet) <= second + LARGE_SKEW_S; process_pass_s(process, 1))
        assert_status(process_spend(process, second, text), expected);
}

static void whoever_comes_with_a_larger_skew_takes_nothing_that_others_have_forgotten(void **state)
{
    struct fleet *fleet = *state;
    struct process small;
    struct process large;
    fleet_open(fleet, NULL);
    begin_with_skew(&small, fleet, SKEW_S);
    assert_status(process_spend(&small, FIRST_S, "n"), STATUS_OK);
    begin_with_skew(&large, fleet, LARGE_SKEW_S);
    assert_never_accepted_again(&large, FIRST_S, "n", STATUS_STORE_DOWN);
    process_wait_until_ready(&small);
    assert_good_again(&small);
    assert_status(process_spend(&large, fleet_now_s(fleet), "fresh"), STATUS_NONCE_USED);
    assert_status(process_spend(&large, fleet_now_s(fleet), "another"), STATUS_OK);
    process_end(&small);
    process_end(&large);
}

static void what_is_accepted_with_a_smaller_skew_is_kept_for_the_larger(void **state)
{
    struct fleet *fleet = *state;
    struct process large;
    struct process small;
    begin_both(fleet, &large, &small);
    assert_int_equal(ephemeral_guard_s(small.view), 0); /* it is no loss */
    assert_status(process_spend(&small, FIRST_S, "n"), STATUS_OK);
    outlast_the_smaller_skew(&small);
    assert_never_accepted_again(&large, FIRST_S, "n", STATUS_NONCE_USED);
    process_wait_until_ready(&small);
    assert_good_again(&small);
    process_end(&large);
    process_end(&small);
}

/* A loss that the smaller one meets first: it declares an epoch that will not do for the other. */
static void they_agree_after_a_flush_too(void **state)
{
    struct fleet *fleet = *state;
    struct process large;
    struct process small;
    begin_both(fleet, &large, &small);
    assert_status(process_spend(&large, FIRST_S, "n"), STATUS_OK);
    redis_server_must(&fleet->server, "FLUSHALL", "+OK");
    assert_status(process_spend(&small, FIRST_S, "n"), STATUS_STORE_DOWN);
    process_wait_until_ready(&small);
    process_run_for(&large, 2 * STEP_MS);
    process_wait_until_ready(&large);
    process_wait_until_ready(&small);
    assert_status(process_spend(&large, FIRST_S, "n"), STATUS_STORE_DOWN);
    process_pass_s(&small, ACCEPTED_AHEAD_S + 1);
    int64_t fresh_s = fleet_now_s(fleet);
    assert_status(process_spend(&small, fresh_s, "fresh"), STATUS_OK);
    outlast_the_smaller_skew(&small);
    assert_never_accepted_again(&large, fresh_s, "fresh", STATUS_NONCE_USED);
    process_end(&large);
    process_end(&small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FLEET_TEST(whoever_comes_with_a_larger_skew_takes_nothing_that_others_have_forgotten),
        FLEET_TEST(what_is_accepted_with_a_smaller_skew_is_kept_for_the_larger),
        FLEET_TEST(they_agree_after_a_flush_too),
    };
    return cmocka_run_group_tests_name("redis_skews", tests, NULL, NULL);
}
