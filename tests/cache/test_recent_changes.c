#include "cache/recent_changes.h"

#include "support/test.h"

static void knows_what_was_changed_since_a_moment(void **state)
{
    struct recent_changes *recent = test_calloc(1, sizeof *recent);
    (void)state;
    recent_changes_add(recent, 1, 10);
    uint64_t moment = recent->count;
    recent_changes_add(recent, 2, 20);
    assert_true(recent_changes_since(recent, 1, 0));
    assert_false(recent_changes_since(recent, 1, moment));
    assert_true(recent_changes_since(recent, 2, moment));
    assert_false(recent_changes_since(recent, 3, 0));
    test_free(recent);
}

static void knows_what_was_changed_at_a_time_or_after(void **state)
{
    struct recent_changes *recent = test_calloc(1, sizeof *recent);
    (void)state;
    recent_changes_add(recent, 1, 10);
    recent_changes_add(recent, 2, 20);
    assert_true(recent_changes_after(recent, 1, 10));
    assert_false(recent_changes_after(recent, 1, 11));
    assert_true(recent_changes_after(recent, 2, 11));
    assert_false(recent_changes_after(recent, 3, 0));
    test_free(recent);
}

/* The place where the next change goes still holds the oldest. */
static void takes_the_oldest_for_none_of_those_since_now(void **state)
{
    struct recent_changes *recent = test_calloc(1, sizeof *recent);
    (void)state;
    recent_changes_add(recent, 7, 1);
    for (int i = 1; i < RECENT_CHANGES_MAX; i++)
        recent_changes_add(recent, 1, i);
    assert_true(recent_changes_since(recent, 7, 0));
    assert_false(recent_changes_since(recent, 7, recent->count));
    test_free(recent);
}

static void takes_for_changed_what_it_cannot_remember(void **state)
{
    struct recent_changes *recent = test_calloc(1, sizeof *recent);
    (void)state;
    for (int i = 0; i <= RECENT_CHANGES_MAX; i++)
        recent_changes_add(recent, 1, i);
    assert_true(recent_changes_since(recent, 2, 0));
    assert_false(recent_changes_since(recent, 2, 1));
    assert_true(recent_changes_after(recent, 2, 0));
    assert_false(recent_changes_after(recent, 2, 2));
    test_free(recent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_what_was_changed_since_a_moment),
        cmocka_unit_test(knows_what_was_changed_at_a_time_or_after),
        cmocka_unit_test(takes_the_oldest_for_none_of_those_since_now),
        cmocka_unit_test(takes_for_changed_what_it_cannot_remember),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
