#include "support/test.h"
#include "support/threads.h"

#include "loop/loop.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

struct trace {
    struct loop *loop;
    char text[64];
    struct deferred first, second, third;
    struct loop_timer timer, stopper;
    struct loop_message wake;
    int64_t started_ns;
    unsigned fired;
};

static struct clock clock_of_tests;

static int set_up(void **state)
{
    clock_of_tests = clock_system(0);
    struct trace *trace = calloc(1, sizeof *trace);
    trace->loop = loop_new(&clock_of_tests, NULL);
    *state = trace;
    return trace->loop ? 0 : -1;
}

static int tear_down(void **state)
{
    struct trace *trace = *state;
    loop_timer_done(&trace->timer);
    loop_timer_done(&trace->stopper);
    loop_free(trace->loop);
    free(trace);
    return 0;
}

static void note(struct trace *trace, char letter)
{
    size_t len = strlen(trace->text);
    assert_true(len + 1 < sizeof trace->text);
    trace->text[len] = letter;
}

static void note_a(void *trace)
{
    note(trace, 'a');
}

static void note_b(void *trace)
{
    note(trace, 'b');
}

static void defer_b_and_stop(void *context)
{
    struct trace *trace = context;
    note(trace, 'c');
    loop_defer(trace->loop, &trace->second, note_b, trace);
    note(trace, 'd');
    loop_stop(trace->loop);
}

static void deferred_calls_run_in_order_and_never_inline(void **state)
{
    struct trace *trace = *state;
    loop_defer(trace->loop, &trace->first, note_a, trace);
    loop_defer(trace->loop, &trace->third, defer_b_and_stop, trace);
    assert_string_equal(trace->text, "");
    loop_run(trace->loop);
    assert_string_equal(trace->text, "acdb");
}

static void a_call_deferred_twice_runs_once(void **state)
{
    struct trace *trace = *state;
    loop_defer(trace->loop, &trace->first, note_a, trace);
    loop_defer(trace->loop, &trace->first, note_b, trace);
    loop_stop(trace->loop);
    loop_run(trace->loop);
    assert_string_equal(trace->text, "a");
}

static void a_cancelled_call_does_not_run(void **state)
{
    struct trace *trace = *state;
    loop_defer(trace->loop, &trace->first, note_a, trace);
    loop_defer(trace->loop, &trace->second, note_b, trace);
    loop_defer_cancel(trace->loop, &trace->second);
    loop_defer_cancel(trace->loop, &trace->third);
    loop_defer(trace->loop, &trace->third, note_a, trace);
    loop_defer_cancel(trace->loop, &trace->first);
    loop_stop(trace->loop);
    loop_run(trace->loop);
    assert_string_equal(trace->text, "a");
}

static void stops_at_once_when_told_before_the_run(void **state)
{
    struct trace *trace = *state;
    loop_stop(trace->loop);
    loop_run(trace->loop);
}

static void count_and_stop_at_three(void *context)
{
    struct trace *trace = context;
    if (++trace->fired == 3)
        loop_stop(trace->loop);
}

static void a_periodic_timer_fires_until_stopped(void **state)
{
    struct trace *trace = *state;
    assert_status(loop_timer_init(&trace->timer, trace->loop, count_and_stop_at_three, trace), STATUS_OK);
    assert_status(loop_timer_start_periodic(&trace->timer, 2), STATUS_OK);
    loop_run(trace->loop);
    assert_int_equal(trace->fired, 3);
}

static void stop(void *context)
{
    loop_stop(((struct trace *)context)->loop);
}

static void a_one_shot_timer_fires_once_and_a_stopped_one_never(void **state)
{
    struct trace *trace = *state;
    struct loop_timer never = {0};
    assert_status(loop_timer_init(&trace->timer, trace->loop, note_a, trace), STATUS_OK);
    assert_status(loop_timer_init(&never, trace->loop, note_b, trace), STATUS_OK);
    assert_status(loop_timer_init(&trace->stopper, trace->loop, stop, trace), STATUS_OK);
    assert_status(loop_timer_start(&trace->timer, 1), STATUS_OK);
    assert_status(loop_timer_start(&never, 5), STATUS_OK);
    loop_timer_stop(&never);
    assert_status(loop_timer_start(&trace->stopper, 30), STATUS_OK);
    loop_run(trace->loop);
    assert_string_equal(trace->text, "a");
    loop_timer_done(&never);
}

static void on_wake(struct loop_message *message UNUSED)
{
}

/* Computes for as long as the timer that it starts runs, and is woken by something else. */
static void compute_and_start_stopper(void *context)
{
    struct trace *trace = context;
    const struct timespec while_it_computes = {.tv_nsec = 100000000};
    (void)nanosleep(&while_it_computes, NULL);
    trace->wake.deliver = on_wake;
    loop_post(trace->loop, &trace->wake);
    trace->started_ns = clock_monotonic_ns();
    assert_status(loop_timer_start(&trace->stopper, 100), STATUS_OK);
}

static void a_timer_after_a_long_computation_runs_its_whole_time(void **state)
{
    struct trace *trace = *state;
    assert_status(loop_timer_init(&trace->stopper, trace->loop, stop, trace), STATUS_OK);
    loop_defer(trace->loop, &trace->first, compute_and_start_stopper, trace);
    loop_run(trace->loop);
    assert_true(clock_monotonic_ns() - trace->started_ns >= 80 * INT64_C(1000000)); /* a loop's clock goes by 10 ms */
}

enum { SENDERS = 4, MESSAGES = 2000 };

struct letter {
    struct loop_message message;
    struct post_office *office;
    unsigned sender, number;
};

struct post_office {
    struct loop *loop;
    unsigned received;
    unsigned next[SENDERS];
    bool in_order;
};

static void receive(struct loop_message *message)
{
    struct letter *letter = (struct letter *)message;
    struct post_office *office = letter->office;
    assert_true(loop_is_current(office->loop));
    if (letter->number != office->next[letter->sender]++)
        office->in_order = false;
    if (++office->received == SENDERS * MESSAGES)
        loop_stop(office->loop);
    free(letter);
}

struct sender {
    struct post_office *office;
    unsigned number;
};

static void *post_many(void *context)
{
    struct sender *sender = context;
    for (unsigned i = 0; i < MESSAGES; i++) {
        struct letter *letter = malloc(sizeof *letter);
        *letter = (struct letter){{NULL, receive}, sender->office, sender->number, i};
        loop_post(sender->office->loop, &letter->message);
    }
    return NULL;
}

static void messages_of_many_threads_arrive_once_and_in_order(void **state)
{
    struct trace *trace = *state;
    struct post_office office = {.loop = trace->loop, .in_order = true};
    pthread_t threads[SENDERS];
    struct sender senders[SENDERS];
    for (unsigned i = 0; i < SENDERS; i++)
        senders[i] = (struct sender){&office, i};
    threads_start(threads, SENDERS, post_many, senders, sizeof *senders);
    loop_run(trace->loop);
    threads_join(threads, SENDERS);
    assert_int_equal(office.received, SENDERS * MESSAGES);
    assert_true(office.in_order);
}

static void mail_that_was_never_fetched_is_delivered_by_free(void **state UNUSED)
{
    struct loop *loop = loop_new(&clock_of_tests, NULL);
    assert_non_null(loop);
    struct post_office office = {.loop = loop, .in_order = true};
    struct letter *letter = malloc(sizeof *letter);
    *letter = (struct letter){{NULL, receive}, &office, 0, 0};
    loop_post(loop, &letter->message);
    loop_free(loop);
    assert_int_equal(office.received, 1);
}

static void *stop_later(void *loop)
{
    loop_stop(loop);
    return NULL;
}

static void another_thread_may_stop_it_many_times(void **state)
{
    struct trace *trace = *state;
    for (int i = 0; i < 50; i++) {
        pthread_t thread;
        threads_start(&thread, 1, stop_later, trace->loop, 0);
        loop_run(trace->loop);
        threads_join(&thread, 1);
    }
}

struct turn {
    struct loop *loop;
    struct deferred first, second;
    int64_t ns[2];
    int64_t ms[2];
};

static void read_turn(struct turn *turn, size_t index)
{
    turn->ns[index] = loop_turn_ns(turn->loop);
    turn->ms[index] = loop_turn_ms(turn->loop);
}

static void read_first(void *context)
{
    struct turn *turn = context;
    const struct timespec while_others_work = {.tv_nsec = 3000000};
    read_turn(turn, 0);
    nanosleep(&while_others_work, NULL);
}

static void read_second(void *context)
{
    read_turn(context, 1);
}

static void run_turn(struct turn *turn)
{
    loop_defer(turn->loop, &turn->first, read_first, turn);
    loop_defer(turn->loop, &turn->second, read_second, turn);
    (void)loop_settle(turn->loop);
}

static void the_calls_of_a_turn_share_one_reading_of_the_clock(void **state)
{
    struct trace *trace = *state;
    struct turn turn = {.loop = trace->loop};
    int64_t before_ns = clock_monotonic_ns();
    int64_t before_ms = loop_now_ms(trace->loop);
    run_turn(&turn);
    assert_true(turn.ns[0] >= before_ns && turn.ms[0] >= before_ms);
    assert_int_equal(turn.ns[1], turn.ns[0]);
    assert_int_equal(turn.ms[1], turn.ms[0]);
    /* outside, and in the next turn, it is read anew */
    assert_true(loop_turn_ns(trace->loop) >= turn.ns[0] + 3000000);
    assert_true(loop_turn_ms(trace->loop) >= turn.ms[0] + 2);
    run_turn(&turn);
    assert_true(turn.ns[0] >= before_ns + 3000000);
    assert_true(turn.ms[0] >= before_ms + 2);
}

static void note_signal_and_stop(void *context)
{
    struct trace *trace = context;
    note(trace, 's');
    loop_stop(trace->loop);
}

static void a_signal_is_told_on_the_loop(void **state)
{
    struct trace *trace = *state;
    struct loop_signal usr1 = {0};
    assert_status(loop_signal_init(&usr1, trace->loop, SIGUSR1, note_signal_and_stop, trace), STATUS_OK);
    assert_int_equal(kill(getpid(), SIGUSR1), 0);
    loop_run(trace->loop);
    assert_string_equal(trace->text, "s");
    loop_signal_done(&usr1);
    loop_signal_done(&usr1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(deferred_calls_run_in_order_and_never_inline),
        TEST(a_call_deferred_twice_runs_once),
        TEST(a_cancelled_call_does_not_run),
        TEST(stops_at_once_when_told_before_the_run),
        TEST(a_periodic_timer_fires_until_stopped),
        TEST(a_one_shot_timer_fires_once_and_a_stopped_one_never),
        TEST(a_timer_after_a_long_computation_runs_its_whole_time),
        TEST(messages_of_many_threads_arrive_once_and_in_order),
        TEST(mail_that_was_never_fetched_is_delivered_by_free),
        TEST(the_calls_of_a_turn_share_one_reading_of_the_clock),
        TEST(a_signal_is_told_on_the_loop),
        TEST(another_thread_may_stop_it_many_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
