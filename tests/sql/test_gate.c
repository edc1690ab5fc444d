#include "base/clock.h"
#include "sql/gate.h"
#include "support/test.h"

#include <unistd.h>

static void whoever_wants_may_connect_while_nothing_fails(void **state)
{
    (void)state;
    struct sql_gate gate;
    sql_gate_init(&gate);
    assert_true(sql_gate_enter(&gate));
    assert_true(sql_gate_enter(&gate));
    sql_gate_leave(&gate, true);
    assert_true(sql_gate_enter(&gate));
    sql_gate_done(&gate);
}

static void after_a_failure_nobody_tries_for_a_while_and_then_one(void **state)
{
    (void)state;
    struct sql_gate gate;
    sql_gate_init(&gate);
    assert_true(sql_gate_enter(&gate));
    sql_gate_leave(&gate, false);
    assert_false(sql_gate_enter(&gate));
    (void)usleep(60000);
    assert_true(sql_gate_enter(&gate));
    (void)usleep(200000); /* a server that hangs: the others need not wait for it */
    assert_false(sql_gate_enter(&gate));
    sql_gate_leave(&gate, true);
    assert_true(sql_gate_enter(&gate));
    assert_true(sql_gate_enter(&gate));
    sql_gate_done(&gate);
}

static void the_wait_grows_to_half_a_second_and_no_further(void **state)
{
    (void)state;
    struct sql_gate gate;
    sql_gate_init(&gate);
    for (int i = 0; i < 20; i++)
        sql_gate_leave(&gate, false);
    assert_false(sql_gate_enter(&gate));
    (void)usleep(510000);
    assert_true(sql_gate_enter(&gate));
    sql_gate_done(&gate);
}

static void what_was_begun_before_a_move_or_soon_after_is_to_be_made_anew(void **state)
{
    (void)state;
    struct sql_gate gate;
    sql_gate_init(&gate);
    int64_t before_ns = clock_monotonic_ns() - INT64_C(1000000000);
    assert_false(sql_gate_has_moved(&gate, before_ns));
    sql_gate_note_move(&gate);
    int64_t soon_ns = clock_monotonic_ns();
    assert_true(sql_gate_has_moved(&gate, before_ns));
    assert_false(sql_gate_has_moved(&gate, soon_ns)); /* not yet: a server that stays so is not flooded */
    (void)usleep(510000);
    int64_t later_ns = clock_monotonic_ns();
    assert_true(sql_gate_has_moved(&gate, soon_ns));
    (void)usleep(510000);
    assert_false(sql_gate_has_moved(&gate, later_ns));
    sql_gate_done(&gate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whoever_wants_may_connect_while_nothing_fails),
        cmocka_unit_test(after_a_failure_nobody_tries_for_a_while_and_then_one),
        cmocka_unit_test(the_wait_grows_to_half_a_second_and_no_further),
        cmocka_unit_test(what_was_begun_before_a_move_or_soon_after_is_to_be_made_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
