#include "base/clock.h"

#include "support/test.h"

#include <time.h>

static void reads_the_machines_clocks(void **state)
{
    (void)state;
    struct clock clock = clock_system(0);
    int64_t before = (int64_t)time(NULL) * 1000;
    int64_t wall = clock_wall_ms(&clock);
    assert_in_range(wall, before - 1000, before + 5000);
    int64_t steady = clock_steady_ms(&clock);
    assert_true(clock_steady_ms(&clock) >= steady);
    int64_t ns = clock_monotonic_ns();
    assert_true(clock_monotonic_ns() >= ns);
    int64_t ms = clock_monotonic_ms();
    assert_in_range(ms, ns / 1000000, clock_monotonic_ns() / 1000000);
}

static void shifts_wall_time_alone(void **state)
{
    (void)state;
    struct clock right = clock_system(0);
    struct clock fast = clock_system(300000);
    assert_in_range(clock_wall_ms(&fast) - clock_wall_ms(&right), 299000, 301000);
    assert_in_range(clock_steady_ms(&fast) - clock_steady_ms(&right) + 1000, 0, 2000);
}

static void a_fake_one_moves_when_told(void **state)
{
    (void)state;
    struct fake_clock fake;
    fake_clock_init(&fake, 1790000000000);
    const struct clock *clock = &fake.clock;
    assert_int_equal(clock_wall_ms(clock), 1790000000000);
    fake_clock_advance(&fake, 250);
    assert_int_equal(clock_wall_ms(clock), 1790000000250);
    assert_int_equal(clock_steady_ms(clock), 1790000000250);
    fake.wall_ms -= 5000; /* somebody sets the clock back */
    assert_int_equal(clock_steady_ms(clock), 1790000000250);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_machines_clocks),
        cmocka_unit_test(shifts_wall_time_alone),
        cmocka_unit_test(a_fake_one_moves_when_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
