/* What clocks do to the nonces in the memory of a process (docs/design/nonce-guard.md). */
#include "base/buf.h"
#include "ephemeral/memory_bench.h"
#include "loop/observer.h"
#include "support/test.h"

/* The three ways in which a replay passed a guard that was one reading of the clock. */
static void a_clock_that_is_behind_after_a_crash_and_set_right_later_lets_no_replay_through(void **state)
{
    static const int64_t behind_s[] = {3600, 200, 12};
    struct memory_service *service = *state;
    for (size_t i = 0; i < COUNT_OF(behind_s); i++, memory_service_pass_s(service, 1000)) {
        memory_service_start(service);
        int64_t crash_s = memory_service_now_s(service);
        assert_status(memory_service_spend(service, crash_s, "n"), STATUS_OK);
        memory_service_crash(service);
        memory_service_step_s(service, -behind_s[i]);
        memory_service_start(service);
        assert_int_not_equal(memory_service_spend(service, crash_s, "n"), STATUS_OK);
        memory_service_pass_s(service, 5);
        assert_int_not_equal(memory_service_spend(service, crash_s, "n"), STATUS_OK);
        memory_service_step_s(service, behind_s[i]);
        memory_service_recover(service);
        assert_status(memory_service_spend(service, crash_s, "n"), STATUS_STORE_DOWN);
        memory_service_pass_s(service, ACCEPTED_AHEAD_S + 1);
        assert_int_equal(ephemeral_guard_s(service->view), 0);
        assert_status(memory_service_spend(service, memory_service_now_s(service), "fresh"), STATUS_OK);
        assert_status(memory_service_spend(service, crash_s, "n"), STATUS_STORE_DOWN);
        memory_service_crash(service);
    }
}

static void a_clock_behind_all_that_was_accepted_is_told(void **state)
{
    struct memory_service *service = *state;
    memory_service_start(service);
    assert_status(memory_service_spend(service, memory_service_now_s(service), "n"), STATUS_OK);
    assert_int_equal(ephemeral_trouble(service->view).behind_s, 0);
    memory_service_crash(service);
    memory_service_step_s(service, -3600);
    memory_service_start(service);
    assert_int_equal(ephemeral_trouble(service->view).behind_s, 3600);
    memory_service_crash(service);
}

/* One request by a client that follows the glitch, or by one that does not. */
static void a_clock_that_was_a_day_ahead_for_a_moment_locks_nobody_out(void **state)
{
    enum { DAY_S = 86400 };
    struct memory_service *service = *state;
    for (int ends = 0; ends < 3; ends++, memory_service_pass_s(service, 1000)) {
        memory_service_start(service);
        int64_t signed_s = memory_service_now_s(service);
        assert_status(memory_service_spend(service, signed_s, "n"), STATUS_OK);
        memory_service_step_s(service, DAY_S);
        memory_service_recover(service);
        assert_status(memory_service_spend(service, memory_service_now_s(service), "followed"), STATUS_OK);
        assert_status(memory_service_spend(service, signed_s, "n"), STATUS_TIMESTAMP_REFUSED);
        if (ends) {
            ends == 1 ? memory_service_stop(service) : memory_service_crash(service);
            memory_service_start(service);
        }
        memory_service_step_s(service, -DAY_S);
        memory_service_recover(service);
        assert_status(memory_service_spend(service, signed_s, "n"), STATUS_STORE_DOWN);
        memory_service_pass_s(service, ACCEPTED_AHEAD_S + 1);
        assert_status(memory_service_spend(service, memory_service_now_s(service), "fresh"), STATUS_OK);
        assert_int_equal(ephemeral_trouble(service->view).behind_s, 0);
        memory_service_pass_s(service, DAY_S - 60);
        assert_status(memory_service_spend(service, signed_s + DAY_S, "followed"), STATUS_STORE_DOWN);
        memory_service_crash(service);
    }
}

static void a_clock_set_back_across_a_clean_stop_is_a_loss(void **state)
{
    struct memory_service *service = *state;
    memory_service_start(service);
    int64_t signed_s = memory_service_now_s(service);
    assert_status(memory_service_spend(service, signed_s, "n"), STATUS_OK);
    memory_service_pass_s(service, 2 * SKEW_S + 10); /* forgotten, since its time is over */
    memory_service_stop(service);
    memory_service_step_s(service, -2 * SKEW_S - 10);
    memory_service_start(service);
    assert_status(memory_service_spend(service, signed_s, "n"), STATUS_STORE_DOWN);
    memory_service_crash(service);
}

static struct memory_service *stepped;
static enum status (*open_as_ever)(struct nonce_ledger *ledger, const struct nonce_begin *begin,
                                   struct nonce_state *ret_state);

static enum status open_and_step(struct nonce_ledger *ledger, const struct nonce_begin *begin,
                                 struct nonce_state *ret_state)
{
    enum status status = open_as_ever(ledger, begin, ret_state);
    ledger->open_blocking = open_as_ever;
    memory_service_step_s(stepped, -10);
    return status;
}

/* Which nonces are over was judged by two clocks. */
static void a_clock_that_moves_while_saved_nonces_are_read_is_a_loss(void **state)
{
    struct memory_service *service = *state;
    memory_service_start(service);
    int64_t signed_s = memory_service_now_s(service);
    assert_status(memory_service_spend(service, signed_s, "n"), STATUS_OK);
    memory_service_stop(service);
    stepped = service;
    open_as_ever = service->ledger.ledger.open_blocking;
    service->ledger.ledger.open_blocking = open_and_step;
    memory_service_start(service);
    assert_status(memory_service_spend(service, signed_s, "n"), STATUS_STORE_DOWN);
    memory_service_crash(service);
}

static void a_small_step_is_no_loss(void **state)
{
    struct memory_service *service = *state;
    int64_t before_ms = 0;
    int64_t now_ms = 0;
    memory_service_start(service);
    int64_t signed_s = memory_service_now_s(service);
    assert_status(memory_service_spend(service, signed_s, "n"), STATUS_OK);
    memory_service_step_s(service, 2);
    assert_status(ephemeral_now(service->view, &before_ms), STATUS_OK);
    assert_int_equal(before_ms, service->durable.clock.wall_ms);
    memory_service_step_s(service, -2);
    assert_status(ephemeral_now(service->view, &now_ms), STATUS_OK);
    assert_int_equal(now_ms, before_ms); /* it waits for the wall's */
    assert_int_equal(ephemeral_guard_s(service->view), 0);
    assert_status(memory_service_spend(service, signed_s, "n"), STATUS_NONCE_USED);
    assert_status(memory_service_spend(service, signed_s, "m"), STATUS_OK);
    memory_service_crash(service);
}

/* Each of them alone is none, and the clock would stand still for as long. */
static void small_steps_back_are_a_loss_together(void **state)
{
    struct memory_service *service = *state;
    int64_t now_ms = 0;
    memory_service_start(service);
    int64_t signed_s = memory_service_now_s(service);
    assert_status(memory_service_spend(service, signed_s, "n"), STATUS_OK);
    for (int i = 0; i < 3; i++) {
        memory_service_step_s(service, -1);
        assert_status(ephemeral_now(service->view, &now_ms), STATUS_OK);
    }
    assert_int_equal(now_ms, service->durable.clock.wall_ms);
    memory_service_recover(service);
    assert_status(memory_service_spend(service, signed_s, "n"), STATUS_STORE_DOWN);
    memory_service_crash(service);
}

/* A clock whose reader is held up for a while, once, behind the reading of the wall's or of the steady one. */
static struct fake_clock *held_clock;

/* Of the test's thread: the keeper's, which reads the same clock, is not held up. */
static _Thread_local bool is_held_at_wall;

static _Thread_local bool is_held_at_steady;

static int64_t be_held(bool *is_held, int64_t reading)
{
    if (*is_held)
        fake_clock_advance(held_clock, 3000);
    *is_held = false;
    return reading;
}

static int64_t wall_of_held(const struct clock *clock)
{
    (void)clock;
    return be_held(&is_held_at_wall, held_clock->wall_ms);
}

static int64_t steady_of_held(const struct clock *clock)
{
    (void)clock;
    return be_held(&is_held_at_steady, held_clock->steady_ms);
}

static void a_thread_that_is_held_up_sees_no_clock_that_moved(void **state)
{
    static const struct clock clock = {.wall_ms = wall_of_held, .steady_ms = steady_of_held};
    struct memory_service *service = *state;
    held_clock = &service->durable.clock;
    service->options.clock = &clock;
    for (int at_wall = 0; at_wall < 2; at_wall++) {
        int64_t now_ms = 0;
        memory_service_start(service);
        is_held_at_wall = at_wall;
        is_held_at_steady = !at_wall;
        for (int i = 0; i < 2; i++) {
            assert_status(ephemeral_now(service->view, &now_ms), STATUS_OK);
            assert_false(ephemeral_trouble(service->view).is_stuck);
        }
        assert_int_equal(now_ms, held_clock->wall_ms);
        memory_service_stop(service);
    }
}

static void hear(void *context, const char *source, const char *what, const char *detail)
{
    struct buf *heard = context;
    buf_addf(heard, "%s: %s: %s; ", source, what, detail);
}

static void a_clock_that_moved_is_told_once_with_how_far(void **state)
{
    struct memory_service *service = *state;
    char memory[200];
    struct buf heard = buf_fixed(memory, sizeof memory);
    const struct observer observer = {.context = &heard, .event = hear};
    service->options.observer = &observer;
    memory_service_start(service);
    memory_service_step_s(service, -10);
    memory_service_recover(service);
    memory_service_step_s(service, 2); /* which is none */
    memory_service_recover(service);
    assert_string_equal(buf_string(&heard), "memory: the clock moved: by -10000 ms; ");
    memory_service_crash(service);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MEMORY_TEST(a_clock_that_is_behind_after_a_crash_and_set_right_later_lets_no_replay_through),
        MEMORY_TEST(a_clock_behind_all_that_was_accepted_is_told),
        MEMORY_TEST(a_clock_that_was_a_day_ahead_for_a_moment_locks_nobody_out),
        MEMORY_TEST(a_clock_set_back_across_a_clean_stop_is_a_loss),
        MEMORY_TEST(a_clock_that_moves_while_saved_nonces_are_read_is_a_loss),
        MEMORY_TEST(a_small_step_is_no_loss),
        MEMORY_TEST(small_steps_back_are_a_loss_together),
        MEMORY_TEST(a_thread_that_is_held_up_sees_no_clock_that_moved),
        MEMORY_TEST(a_clock_that_moved_is_told_once_with_how_far),
    };
    return cmocka_run_group_tests_name("memory_clocks", tests, NULL, NULL);
}
