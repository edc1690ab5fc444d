#include "http/connections.h"

#include "support/test.h"

enum { BOUND = 3 };

struct asked {
    bool can_take; /* the listener can be asked to */
    bool takes;
    unsigned times;
};

/* A transport whose connections are waiters and nothing else. */
struct fixture {
    struct clock clock;
    struct observer observer;
    const char *event; /* that it was told of, and its detail */
    const char *detail;
    struct loop *loop;
    struct http_limits limits;
    struct http_loop http_loop;
    struct connections connections;
    struct asked asked;
    bool waits_anew; /* one that is ended does not leave */
    size_t ended;
    struct waiter *last_ended;
    enum http_closing why;
    unsigned sweeps;
    struct waiter waiters[100];
};

static struct fixture *now; /* `end` is told of the waiter alone */

static bool take_fake(void *context, bool takes)
{
    struct fixture *it = context;
    it->asked.times++;
    it->asked.takes = takes && it->asked.can_take;
    return it->asked.can_take;
}

static void end_fake(struct waiter *waiter, enum http_closing why)
{
    now->ended++;
    now->last_ended = waiter;
    now->why = why;
    if (now->waits_anew)
        connections_wait(&now->connections, waiter, FOR_NEXT, false);
    else
        connections_remove(&now->connections, waiter);
}

static void sweep_fake(void *context)
{
    struct fixture *it = context;
    if (++it->sweeps == 2)
        loop_stop(it->loop);
}

static void note_event(void *context, const char *source UNUSED, const char *what, const char *detail)
{
    struct fixture *it = context;
    it->event = what;
    it->detail = detail;
}

static int setup(void **state)
{
    static const struct connections_ops ops = {take_fake, end_fake, sweep_fake};
    struct fixture *it = test_calloc(1, sizeof *it);
    it->clock = clock_system(0);
    it->observer = (struct observer){.context = it, .event = note_event};
    it->loop = loop_new(&it->clock, &it->observer);
    assert_non_null(it->loop);
    it->limits = (struct http_limits){.connections = BOUND, .request_timeout_ms = 10000, .idle_timeout_ms = 60000};
    it->http_loop.loop = it->loop;
    it->asked.can_take = true;
    const struct transport_config config = {.http_loop = &it->http_loop, .limits = &it->limits};
    assert_status(connections_init(&it->connections, &config, &ops, it), STATUS_OK);
    assert_true(it->connections.now_ms > 0);
    it->connections.now_ms = 1000000;
    now = *state = it;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *it = *state;
    connections_done(&it->connections);
    assert_false(it->asked.takes);
    loop_free(it->loop);
    test_free(it);
    return 0;
}

/* The i-th waits for this since then. */
static struct waiter *add(struct fixture *it, size_t i, enum wait wait, bool is_earned, int64_t since_ms)
{
    int64_t now_ms = it->connections.now_ms;
    it->connections.now_ms = since_ms;
    connections_add(&it->connections, &it->waiters[i], FOR_REQUEST);
    connections_wait(&it->connections, &it->waiters[i], wait, is_earned);
    it->connections.now_ms = now_ms;
    return &it->waiters[i];
}

static void they_are_counted_here_and_for_the_loop(void **state)
{
    struct fixture *it = *state;
    assert_null(connections_any(&it->connections));
    for (size_t i = 0; i < BOUND; i++) {
        assert_false(connections_are_full(&it->connections));
        connections_add(&it->connections, &it->waiters[i], FOR_NEXT);
        assert_ptr_equal(it->connections.waits[FOR_NEXT][0].last, &it->waiters[i]);
        assert_int_equal(it->waiters[i].since_ms, it->connections.now_ms);
    }
    assert_true(connections_are_full(&it->connections));
    assert_int_equal(atomic_load(&it->http_loop.connections), BOUND);
    connections_wait(&it->connections, &it->waiters[1], FOR_END, false);
    connections_wait(&it->connections, &it->waiters[2], FOR_NEXT, true);
    assert_int_equal(connections_waiting(&it->connections, FOR_END), 1);
    assert_int_equal(connections_waiting(&it->connections, FOR_NEXT), 2);
    assert_int_equal(connections_waiting(&it->connections, FOR_REQUEST), 0);
    for (size_t left = BOUND; left > 0; left--) {
        assert_int_equal(it->connections.count, left);
        connections_remove(&it->connections, connections_any(&it->connections));
    }
    assert_null(connections_any(&it->connections));
    assert_int_equal(atomic_load(&it->http_loop.connections), 0);
}

static void each_wait_has_a_deadline_of_its_own_and_an_answer_has_none(void **state)
{
    static const struct {
        enum wait wait;
        int64_t limit_ms;
        enum http_closing why;
    } cases[] = {{FOR_REQUEST, 10000, HTTP_CLOSED_SLOW},
                 {FOR_NEXT, 60000, HTTP_CLOSED_IDLE},
                 {FOR_READER, 60000, HTTP_CLOSED_UNREAD},
                 {FOR_END, 1000, HTTP_CLOSED_LINGERED}};
    struct fixture *it = *state;
    size_t ended = 0;
    (void)add(it, 50, FOR_ANSWER, false, 0);
    (void)add(it, 51, FOR_ANSWER, true, 0);
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        for (int earned = 0; earned < 2; earned++) {
            struct waiter *waiter = add(it, 0, cases[i].wait, earned, it->connections.now_ms - cases[i].limit_ms);
            assert_true(connections_keep_deadlines(&it->connections));
            assert_int_equal(it->ended, ended);
            it->connections.now_ms++;
            assert_true(connections_keep_deadlines(&it->connections));
            assert_int_equal(it->ended, ++ended);
            assert_ptr_equal(it->last_ended, waiter);
            assert_int_equal(it->why, cases[i].why);
        }
    assert_int_equal(it->connections.count, 2);
}

static void a_turn_ends_some_and_says_that_there_may_be_more(void **state)
{
    struct fixture *it = *state;
    for (size_t i = 0; i < COUNT_OF(it->waiters); i++)
        (void)add(it, i, i % 2 ? FOR_REQUEST : FOR_END, i % 4 < 2, 0);
    for (size_t ended = 32; ended < COUNT_OF(it->waiters); ended += 32) {
        assert_false(connections_keep_deadlines(&it->connections));
        assert_int_equal(it->ended, ended);
    }
    assert_true(connections_keep_deadlines(&it->connections));
    assert_int_equal(it->connections.count, 0);
    for (size_t i = 0; i < 31; i++)
        (void)add(it, i, FOR_REQUEST, false, 0);
    assert_true(connections_keep_deadlines(&it->connections));
    assert_int_equal(it->connections.count, 0);
}

static void one_that_waits_anew_is_ended_once(void **state)
{
    struct fixture *it = *state;
    it->waits_anew = true;
    (void)add(it, 0, FOR_REQUEST, false, 0);
    assert_true(connections_keep_deadlines(&it->connections));
    assert_int_equal(it->ended, 1);
    assert_int_equal(connections_waiting(&it->connections, FOR_NEXT), 1);
}

static void who_takes_nothing_of_a_reply_is_ended_where_there_is_need(void **state)
{
    struct fixture *it = *state;
    for (size_t i = 0; i < 4; i++)
        (void)add(it, i, FOR_READER, i % 2 == 0, it->connections.now_ms - 501);
    (void)add(it, 4, FOR_READER, false, it->connections.now_ms - 500);
    assert_int_equal(connections_end_stalled(&it->connections, 3), 0);
    assert_int_equal(it->ended, 3);
    assert_int_equal(it->why, HTTP_CLOSED_UNREAD);
    assert_int_equal(connections_end_stalled(&it->connections, 3), 2);
    assert_int_equal(connections_waiting(&it->connections, FOR_READER), 1);
}

static void strangers_whose_requests_do_not_get_whole_are_stalled_too(void **state)
{
    struct fixture *it = *state;
    int64_t now_ms = it->connections.now_ms;
    for (size_t i = 0; i < 3; i++)
        (void)add(it, i, FOR_REQUEST, false, now_ms - 2001);
    (void)add(it, 3, FOR_REQUEST, false, now_ms - 2000);
    (void)add(it, 4, FOR_REQUEST, true, now_ms - 9000);
    (void)add(it, 5, FOR_NEXT, false, now_ms - 9000);
    assert_int_equal(connections_end_stalled(&it->connections, 2), 0);
    assert_int_equal(it->why, HTTP_CLOSED_SLOW);
    assert_int_equal(connections_end_stalled(&it->connections, 2), 1);
    assert_int_equal(it->ended, 3);
    assert_int_equal(connections_waiting(&it->connections, FOR_REQUEST), 2);
}

static void who_is_chosen_to_go_has_said_all_or_earned_nothing_or_waits_longest(void **state)
{
    struct fixture *it = *state;
    int64_t now_ms = it->connections.now_ms;
    struct waiter *order[] = {
        add(it, 0, FOR_END, true, now_ms - 10),      add(it, 1, FOR_END, false, now_ms - 9),
        add(it, 2, FOR_READER, false, now_ms - 501), add(it, 3, FOR_NEXT, false, now_ms - 30),
        add(it, 4, FOR_REQUEST, false, now_ms - 20), add(it, 5, FOR_REQUEST, true, now_ms - 900),
        add(it, 6, FOR_NEXT, true, now_ms - 800),
    };
    (void)add(it, 10, FOR_ANSWER, false, 0);
    (void)add(it, 11, FOR_READER, false, now_ms - 500);
    for (size_t i = 0; i < COUNT_OF(order); i++) {
        struct waiter *victim = connections_choose_victim(&it->connections);
        assert_non_null(victim);
        assert_int_equal(victim - it->waiters, order[i] - it->waiters);
        connections_remove(&it->connections, victim);
    }
    assert_null(connections_choose_victim(&it->connections));
}

static void who_was_paused_takes_new_ones_again_once_there_is_room(void **state)
{
    struct fixture *it = *state;
    connections_pause(&it->connections); /* it does not listen yet */
    connections_resume(&it->connections);
    connections_stop_listening(&it->connections);
    assert_int_equal(it->asked.times, 0);
    connections_listen(&it->connections);
    assert_true(it->asked.takes);
    connections_resume(&it->connections); /* it was not paused */
    assert_int_equal(it->asked.times, 1);
    for (size_t i = 0; i <= BOUND; i++) /* one more than may be */
        (void)add(it, i, FOR_ANSWER, false, 0);
    connections_pause(&it->connections);
    assert_false(it->asked.takes);
    connections_resume(&it->connections);
    assert_false(it->asked.takes);
    connections_remove(&it->connections, &it->waiters[0]);
    connections_resume(&it->connections);
    assert_true(it->asked.takes);
    connections_pause(&it->connections);
    connections_stop_listening(&it->connections);
    connections_resume(&it->connections);
    assert_false(it->asked.takes);
}

static void who_cannot_take_new_ones_tries_again_with_the_sweep(void **state)
{
    struct fixture *it = *state;
    connections_listen(&it->connections);
    it->asked.can_take = false;
    connections_note_failed_accept(&it->connections, "too many open files");
    assert_string_equal(it->event, "accept_failed");
    assert_string_equal(it->detail, "too many open files");
    connections_resume(&it->connections);
    assert_true(it->connections.is_paused);
    it->asked.can_take = true;
    int64_t before_ms = clock_monotonic_ms();
    it->connections.now_ms = 0;
    loop_run(it->loop);
    assert_int_equal(it->sweeps, 2);
    assert_true(it->asked.takes);
    assert_false(it->connections.is_paused);
    assert_true(it->connections.now_ms >= before_ms);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(they_are_counted_here_and_for_the_loop),
        TEST(each_wait_has_a_deadline_of_its_own_and_an_answer_has_none),
        TEST(a_turn_ends_some_and_says_that_there_may_be_more),
        TEST(one_that_waits_anew_is_ended_once),
        TEST(who_takes_nothing_of_a_reply_is_ended_where_there_is_need),
        TEST(strangers_whose_requests_do_not_get_whole_are_stalled_too),
        TEST(who_is_chosen_to_go_has_said_all_or_earned_nothing_or_waits_longest),
        TEST(who_was_paused_takes_new_ones_again_once_there_is_room),
        TEST(who_cannot_take_new_ones_tries_again_with_the_sweep),
    };
    return cmocka_run_group_tests_name("connections", tests, NULL, NULL);
}
