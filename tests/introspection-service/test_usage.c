/* usage with a loop and a pool that the test plays: it fires the timer, sets the clock, and sees what is written. */
#include "usage.h"

#include "loop/flow.h"
#include "loop/loop.h"
#include "support/test.h"

enum { NOW_MS = 1790000000, HOUR_MS = 3600 * 1000, BATCH = 1024, PLACES = 4096 };

/* Only their addresses count. */
static char a_loop;
static char a_pool;
#define LOOP ((struct loop *)(void *)&a_loop)
#define POOL ((struct durable_pool *)(void *)&a_pool)

static struct fake_clock fake;
static void (*fire)(void *context);
static void *fire_context;
static unsigned period_ms;
static enum status init_status;
static enum status start_status;
static unsigned timers_done;
static struct {
    unsigned times;
    int64_t used_ms;
    int64_t ids[BATCH];
    size_t count;
} written;

const struct clock *__wrap_loop_clock(const struct loop *loop);
const struct clock *__wrap_loop_clock(const struct loop *loop)
{
    assert_ptr_equal(loop, LOOP);
    return &fake.clock;
}

enum status __wrap_loop_timer_init(struct loop_timer *timer, struct loop *loop, void (*on_due)(void *), void *context);
enum status __wrap_loop_timer_init(struct loop_timer *timer, struct loop *loop, void (*on_due)(void *), void *context)
{
    (void)timer;
    assert_ptr_equal(loop, LOOP);
    fire = on_due;
    fire_context = context;
    return init_status;
}

enum status __wrap_loop_timer_start_periodic(struct loop_timer *timer, unsigned every_ms);
enum status __wrap_loop_timer_start_periodic(struct loop_timer *timer, unsigned every_ms)
{
    (void)timer;
    period_ms = every_ms;
    return start_status;
}

void __wrap_loop_timer_done(struct loop_timer *timer);
void __wrap_loop_timer_done(struct loop_timer *timer)
{
    (void)timer;
    timers_done++;
}

void __wrap_durable_token_touch_start(struct durable_pool *pool, int64_t used_ms, const int64_t *ids, size_t count,
                                      struct ticket ticket);
void __wrap_durable_token_touch_start(struct durable_pool *pool, int64_t used_ms, const int64_t *ids, size_t count,
                                      struct ticket ticket)
{
    assert_ptr_equal(pool, POOL);
    assert_ptr_equal(ticket.loop, LOOP);
    assert_in_range(count, 1, BATCH);
    written.times++;
    written.used_ms = used_ms;
    written.count = count;
    memcpy(written.ids, ids, count * sizeof *ids);
}

static int setup(void **state)
{
    fake_clock_init(&fake, NOW_MS);
    memset(&written, 0, sizeof written);
    init_status = STATUS_OK;
    start_status = STATUS_OK;
    timers_done = 0;
    *state = usage_new(LOOP, POOL);
    return *state ? 0 : -1;
}

static int teardown(void **state)
{
    usage_free(*state);
    return timers_done == 1 ? 0 : -1;
}

static void note(struct usage *usage, int64_t id, int64_t last_used_ms)
{
    const struct token token = {.id = id, .last_used_ms = last_used_ms};
    usage_note(usage, &token);
}

/* How many ids are written when the timer fires. */
static size_t fire_timer(void)
{
    written.count = 0;
    fake_clock_advance(&fake, 5000);
    fire(fire_context);
    return written.count;
}

static void what_was_noted_is_written_together_every_five_seconds(void **state)
{
    assert_int_equal(period_ms, 5000);
    assert_int_equal(fire_timer(), 0);
    note(*state, 7, 0);
    fake_clock_advance(&fake, 3000);
    note(*state, 5, 0);
    assert_int_equal(written.times, 0);
    assert_int_equal(fire_timer(), 2);
    assert_int_equal(written.used_ms, NOW_MS + 8000);
    assert_int_equal(written.ids[0], 7);
    assert_int_equal(written.ids[1], 5);
    assert_int_equal(fire_timer(), 0);
    assert_int_equal(written.times, 1);
}

static void a_busy_token_is_written_once_an_hour_whatever_the_cache_says_of_it(void **state)
{
    note(*state, 7, 0);
    note(*state, 7, 0);
    assert_int_equal(fire_timer(), 1);
    fake_clock_advance(&fake, HOUR_MS - 5001);
    note(*state, 7, 0);
    assert_int_equal(fire_timer(), 0);
    note(*state, 7, 0);
    assert_int_equal(fire_timer(), 1);
}

/* By another loop, or another process. */
static void what_others_wrote_within_the_hour_is_not_written_again(void **state)
{
    note(*state, 7, NOW_MS - HOUR_MS + 1);
    assert_int_equal(fire_timer(), 0);
    note(*state, 7, NOW_MS + 5000 - HOUR_MS);
    assert_int_equal(fire_timer(), 1);
    note(*state, 8, NOW_MS - HOUR_MS);
    fake_clock_advance(&fake, HOUR_MS);
    note(*state, 8, NOW_MS + HOUR_MS);
    assert_int_equal(fire_timer(), 1);
}

static void what_has_no_room_is_written_the_next_time(void **state)
{
    for (int again = 0; again < 2; again++)
        for (int64_t id = 1; id <= BATCH + 3; id++)
            note(*state, id, 0);
    assert_int_equal(fire_timer(), BATCH);
    for (int64_t id = 1; id <= BATCH + 3; id++)
        note(*state, id, 0);
    assert_int_equal(fire_timer(), 3);
    assert_int_equal(written.ids[0], BATCH + 1);
}

static void tokens_of_one_place_are_told_apart(void **state)
{
    note(*state, 7, 0);
    note(*state, 7 + PLACES, 0);
    assert_int_equal(fire_timer(), 2);
    note(*state, 7 + PLACES, 0);
    assert_int_equal(fire_timer(), 0);
    note(*state, 7, 0); /* which the other one took the place of */
    assert_int_equal(fire_timer(), 1);
}

static void without_a_timer_there_is_none(void **state)
{
    (void)state;
    start_status = STATUS_NO_MEMORY;
    assert_null(usage_new(LOOP, POOL));
    start_status = STATUS_OK;
    init_status = STATUS_NO_MEMORY;
    assert_null(usage_new(LOOP, POOL));
    assert_int_equal(timers_done, 2);
    timers_done = 0;
    usage_free(NULL);
    assert_int_equal(timers_done, 0);
}

int main(void)
{
#define USAGE_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        USAGE_TEST(what_was_noted_is_written_together_every_five_seconds),
        USAGE_TEST(a_busy_token_is_written_once_an_hour_whatever_the_cache_says_of_it),
        USAGE_TEST(what_others_wrote_within_the_hour_is_not_written_again),
        USAGE_TEST(what_has_no_room_is_written_the_next_time),
        USAGE_TEST(tokens_of_one_place_are_told_apart),
        USAGE_TEST(without_a_timer_there_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
