#include "look/when.h"

#include "support/test.h"

static void writes_days_and_minutes_in_utc_and_nothing_for_never(void **state)
{
    struct arena arena;
    (void)state;
    arena_init(&arena, 4096);
    assert_slice_equal(when_day(&arena, 1790000000000), SLICE("2026-09-21"));
    assert_slice_equal(when_minute(&arena, 1790000000000), SLICE("2026-09-21 14:13 UTC"));
    assert_slice_equal(when_day(&arena, 86399999), SLICE("1970-01-01"));
    assert_slice_equal(when_day(&arena, 0), SLICE(""));
    assert_slice_equal(when_minute(&arena, 0), SLICE(""));
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(writes_days_and_minutes_in_utc_and_nothing_for_never)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
