/* The store's clock: the steady one, set by Redis's (docs/design/nonce-guard.md, rule 6). */
#include "ephemeral/redis_clock.h"

#include "guard/nonce_guard.h"
#include "support/test.h"

enum { SKEW_MS = 300000 };
#define FIRST_MS  INT64_C(1790000000000)
#define STEADY_MS INT64_C(5000000)

struct fixture {
    struct fake_clock local;
    struct redis_clock clock;
};

static int setup(void **state)
{
    static struct fixture fixture;
    fake_clock_init(&fixture.local, FIRST_MS);
    fixture.local.steady_ms = STEADY_MS;
    fixture.clock = redis_clock_init(&fixture.local.clock, SKEW_MS);
    *state = &fixture;
    return 0;
}

/* A reading that came at once. */
static bool read_clock(struct fixture *it, int64_t redis_ms)
{
    return redis_clock_set(&it->clock, it->local.steady_ms, redis_ms);
}

static void without_a_reading_the_time_is_not_known(void **state)
{
    struct fixture *it = *state;
    assert_int_equal(redis_clock_now_ms(&it->clock), 0);
    assert_int_equal(redis_clock_last_known_ms(&it->clock), 0);
    it->local.steady_ms = 5; /* of a machine that has just started */
    assert_int_equal(redis_clock_now_ms(&it->clock), 0);
}

static void it_shows_what_was_read_and_goes_on_by_steady_time(void **state)
{
    struct fixture *it = *state;
    assert_false(read_clock(it, FIRST_MS - 700));
    assert_int_equal(redis_clock_now_ms(&it->clock), FIRST_MS - 700);
    it->local.steady_ms += 1234; /* the wall's clock alone does not count */
    assert_int_equal(redis_clock_now_ms(&it->clock), FIRST_MS - 700 + 1234);
    assert_int_equal(redis_clock_last_known_ms(&it->clock), FIRST_MS - 700 + 1234);
}

static void a_reading_is_good_for_half_a_minute(void **state)
{
    struct fixture *it = *state;
    (void)read_clock(it, FIRST_MS);
    it->local.steady_ms += REDIS_CLOCK_GOOD_MS;
    assert_int_equal(redis_clock_now_ms(&it->clock), FIRST_MS + REDIS_CLOCK_GOOD_MS);
    it->local.steady_ms += 1;
    assert_int_equal(redis_clock_now_ms(&it->clock), 0);
    assert_int_equal(redis_clock_last_known_ms(&it->clock), FIRST_MS + REDIS_CLOCK_GOOD_MS + 1);
    (void)read_clock(it, FIRST_MS + REDIS_CLOCK_GOOD_MS + 1);
    assert_int_equal(redis_clock_now_ms(&it->clock), FIRST_MS + REDIS_CLOCK_GOOD_MS + 1);
}

/* Or a pause of Redis's or of ours would look like a clock that moved. */
static void a_reading_that_took_long_is_not_taken(void **state)
{
    struct fixture *it = *state;
    (void)read_clock(it, FIRST_MS);
    int64_t asked_ms = it->local.steady_ms;
    fake_clock_advance(&it->local, REDIS_CLOCK_LATE_MS + 1);
    assert_false(redis_clock_set(&it->clock, asked_ms, FIRST_MS - 5000));
    assert_int_equal(redis_clock_now_ms(&it->clock), FIRST_MS + REDIS_CLOCK_LATE_MS + 1);
    assert_true(redis_clock_set(&it->clock, asked_ms + 1, FIRST_MS - 5000));
}

static void the_first_is_taken_however_long_it_took(void **state)
{
    struct fixture *it = *state;
    assert_false(redis_clock_set(&it->clock, it->local.steady_ms - REDIS_CLOCK_LATE_MS - 1, FIRST_MS));
    assert_int_equal(redis_clock_now_ms(&it->clock), FIRST_MS);
}

static void a_clock_that_leaps_forward_has_moved(void **state)
{
    struct fixture *it = *state;
    (void)read_clock(it, FIRST_MS);
    assert_false(read_clock(it, FIRST_MS + CLOCK_LEAP_MS));
    assert_false(read_clock(it, FIRST_MS + 2 * CLOCK_LEAP_MS));
    assert_true(read_clock(it, FIRST_MS + 3 * CLOCK_LEAP_MS + 1));
    fake_clock_advance(&it->local, 1000);
    assert_false(read_clock(it, FIRST_MS + 3 * CLOCK_LEAP_MS + 1001));
}

/* Small steps back add up: what a nonce was kept by is the furthest that the clock has been. */
static void a_clock_that_goes_back_has_moved_however_small_the_steps(void **state)
{
    struct fixture *it = *state;
    (void)read_clock(it, FIRST_MS);
    assert_false(read_clock(it, FIRST_MS + 1500));
    assert_false(read_clock(it, FIRST_MS + 1500 - CLOCK_LEAP_MS));
    assert_true(read_clock(it, FIRST_MS + 1500 - CLOCK_LEAP_MS - 1));
    assert_true(read_clock(it, FIRST_MS + 1500 - CLOCK_LEAP_MS - 2)); /* until a guard covers it */
    redis_clock_let_back(&it->clock);
    assert_false(read_clock(it, FIRST_MS + 1500 - CLOCK_LEAP_MS - 2));
}

/* By the clock of a machine that has run for longer than Redis's shows. */
static void the_first_reading_is_the_furthest_whatever_it_is(void **state)
{
    struct fixture *it = *state;
    it->local.steady_ms = FIRST_MS + 86400000;
    (void)read_clock(it, FIRST_MS);
    assert_false(read_clock(it, FIRST_MS));
    assert_false(read_clock(it, FIRST_MS - CLOCK_LEAP_MS));
}

static void it_never_goes_back_until_it_is_let(void **state)
{
    struct fixture *it = *state;
    (void)read_clock(it, FIRST_MS);
    it->local.steady_ms += 500;
    assert_int_equal(redis_clock_now_ms(&it->clock), FIRST_MS + 500);
    assert_false(read_clock(it, FIRST_MS - 500));
    assert_int_equal(redis_clock_now_ms(&it->clock), FIRST_MS + 500);
    redis_clock_let_back(&it->clock);
    assert_int_equal(redis_clock_now_ms(&it->clock), FIRST_MS - 500);
}

static void where_our_own_clock_is_off_by_more_than_the_skew_the_time_is_not_known(void **state)
{
    struct fixture *it = *state;
    (void)read_clock(it, FIRST_MS - SKEW_MS);
    assert_int_equal(redis_clock_ahead_ms(&it->clock), SKEW_MS);
    assert_int_equal(redis_clock_now_ms(&it->clock), FIRST_MS - SKEW_MS);
    it->local.wall_ms += 1;
    (void)read_clock(it, FIRST_MS - SKEW_MS);
    assert_int_equal(redis_clock_ahead_ms(&it->clock), SKEW_MS + 1);
    assert_int_equal(redis_clock_now_ms(&it->clock), 0);
    it->local.wall_ms = FIRST_MS - 2 * SKEW_MS - 1;
    (void)read_clock(it, FIRST_MS - SKEW_MS);
    assert_int_equal(redis_clock_now_ms(&it->clock), 0);
}

#define TEST(test) cmocka_unit_test_setup(test, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(without_a_reading_the_time_is_not_known),
        TEST(it_shows_what_was_read_and_goes_on_by_steady_time),
        TEST(a_reading_is_good_for_half_a_minute),
        TEST(a_reading_that_took_long_is_not_taken),
        TEST(the_first_is_taken_however_long_it_took),
        TEST(a_clock_that_leaps_forward_has_moved),
        TEST(a_clock_that_goes_back_has_moved_however_small_the_steps),
        TEST(the_first_reading_is_the_furthest_whatever_it_is),
        TEST(it_never_goes_back_until_it_is_let),
        TEST(where_our_own_clock_is_off_by_more_than_the_skew_the_time_is_not_known),
    };
    return cmocka_run_group_tests_name("redis_clock", tests, NULL, NULL);
}
