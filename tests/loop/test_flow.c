#include "support/test.h"

#include "base/buf.h"
#include "loop/flow.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

/* A fake store: keeps tickets, and completes them when told. */
struct desk {
    struct loop_message message; /* first */
    struct loop *loop;
    struct flow flow;
    struct ticket tickets[4];
    struct deferred answer;
    struct loop_timer timer;
    int64_t asked_ns;
    int64_t left_ns;
    struct buf trace;
    unsigned ended;
    unsigned asked;
    bool ends_there;
    enum status outcome;
    const char *text;
};

static struct clock clock_of_tests;
static unsigned results_alive;

static void *new_result(const char *text)
{
    results_alive++;
    return strdup(text);
}

static void free_result(void *result)
{
    results_alive--;
    free(result);
}

static int64_t phases_ns; /* of all together */

static void trace_phase(void *context, const char *handler, const char *step, int64_t duration_ns)
{
    assert_true(duration_ns >= 0);
    phases_ns += duration_ns;
    buf_addf(context, "%s.%s ", handler, step);
}

static struct observer observer;

static int set_up(void **state)
{
    clock_of_tests = clock_system(0);
    struct desk *desk = calloc(1, sizeof *desk);
    observer = (struct observer){&desk->trace, trace_phase, NULL};
    desk->loop = loop_new(&clock_of_tests, &observer);
    results_alive = 0;
    phases_ns = 0;
    *state = desk;
    return desk->loop ? 0 : -1;
}

static int tear_down(void **state)
{
    struct desk *desk = *state;
    loop_timer_done(&desk->timer);
    loop_free(desk->loop);
    buf_done(&desk->trace);
    free(desk);
    return results_alive == 0 ? 0 : -1;
}

static void end(struct flow *flow)
{
    struct desk *desk = flow_subject(flow);
    desk->ended++;
    loop_stop(desk->loop);
}

static void run(struct desk *desk, const struct step *steps)
{
    flow_start(&desk->flow, desk->loop, "table", steps, desk, end);
    assert_int_equal(desk->ended, 0);
    loop_run(desk->loop);
    assert_int_equal(desk->ended, 1);
}

static enum step_result next(struct flow *flow UNUSED)
{
    return STEP_NEXT;
}

static enum step_result reply(struct flow *flow UNUSED)
{
    return STEP_REPLY;
}

static enum step_result forbidden(struct flow *flow UNUSED)
{
    fail_msg("a step behind the reply ran");
    return STEP_REPLY;
}

static void runs_the_steps_in_order_until_one_replies(void **state)
{
    static const struct step steps[] = {
        {"one", next}, {"two", next}, {"three", reply}, {"four", forbidden}, {NULL, NULL}};
    struct desk *desk = *state;
    run(desk, steps);
    assert_slice_equal(buf_slice(&desk->trace), SLICE("table.one table.two table.three "));
}

enum { WORK_NS = 3000000 };

static enum step_result work(struct flow *flow UNUSED)
{
    const struct timespec while_it_works = {.tv_nsec = WORK_NS};
    nanosleep(&while_it_works, NULL);
    return STEP_NEXT;
}

static void the_times_of_steps_are_what_passed_in_them(void **state)
{
    static const struct step steps[] = {{"one", work}, {"two", work}, {"three", reply}, {NULL, NULL}};
    int64_t begun_ns = clock_monotonic_ns();
    run(*state, steps);
    assert_in_range(phases_ns, 2 * WORK_NS, clock_monotonic_ns() - begun_ns);
}

static void without_an_observer_of_phases_nothing_is_timed(void **state)
{
    static const struct step steps[] = {{"one", next}, {"two", reply}, {NULL, NULL}};
    struct desk *desk = *state;
    observer.phase = NULL;
    run(desk, steps);
    loop_free(desk->loop);
    desk->loop = loop_new(&clock_of_tests, NULL);
    assert_non_null(desk->loop);
    desk->ended = 0;
    run(desk, steps);
    assert_int_equal(phases_ns, 0);
}

static enum step_result wait_for_the_others(struct flow *flow)
{
    flow_pause(flow, 60 * 1000);
    return STEP_WAIT;
}

static void end_one_of_many(struct flow *flow)
{
    ((struct desk *)flow_subject(flow))->ended++;
}

/* Four are timed each, since all are, and of the rest one in sixteen. */
static void of_many_flows_at_once_some_are_timed(void **state)
{
    static const struct step steps[] = {{"one", next}, {"wait", wait_for_the_others}, {"two", reply}, {NULL, NULL}};
    enum { FLOWS = 4 + 2 * 16 };
    struct flow flows[FLOWS];
    struct desk *desk = *state;
    for (size_t i = 0; i < FLOWS; i++)
        flow_start(&flows[i], desk->loop, "t", steps, desk, end_one_of_many);
    (void)loop_settle(desk->loop);
    struct buf begun = BUF_INIT;
    for (size_t i = 0; i < 4 + 2; i++)
        buf_add_str(&begun, "t.one ");
    assert_slice_equal(buf_slice(&desk->trace), buf_slice(&begun));
    buf_done(&begun);
    flow_cut_all(desk->loop);
    (void)loop_settle(desk->loop);
    assert_int_equal(desk->ended, FLOWS);
}

static void a_flow_is_timed_again_once_the_many_are_over(void **state)
{
    static const struct step steps[] = {{"one", reply}, {NULL, NULL}};
    struct flow flows[8];
    struct desk *desk = *state;
    for (size_t i = 0; i < COUNT_OF(flows); i++)
        flow_start(&flows[i], desk->loop, "many", steps, desk, end_one_of_many);
    (void)loop_settle(desk->loop);
    assert_int_equal(desk->ended, COUNT_OF(flows));
    buf_reset(&desk->trace);
    flow_start(&flows[0], desk->loop, "one", steps, desk, end_one_of_many);
    (void)loop_settle(desk->loop);
    assert_slice_equal(buf_slice(&desk->trace), SLICE("one.one "));
}

static const struct step other_table[] = {{"first", next}, {"last", reply}, {NULL, NULL}};

static enum step_result leave(struct flow *flow)
{
    return flow_leave_for(flow, other_table);
}

static enum step_result ask_and_leave(struct flow *flow)
{
    ticket_complete(flow_wait(flow, 1000), STATUS_OK, NULL, NULL);
    return flow_leave_for(flow, other_table);
}

static void a_step_may_leave_its_table_for_another(void **state)
{
    static const struct step steps[] = {{"one", next}, {"two", leave}, {"three", forbidden}, {NULL, NULL}};
    struct desk *desk = *state;
    run(desk, steps);
    assert_slice_equal(buf_slice(&desk->trace), SLICE("table.one table.two table.first table.last "));
}

static void a_table_is_left_once_the_wait_is_over(void **state)
{
    static const struct step steps[] = {{"one", next}, {"two", ask_and_leave}, {"three", forbidden}, {NULL, NULL}};
    struct desk *desk = *state;
    run(desk, steps);
    assert_slice_equal(buf_slice(&desk->trace), SLICE("table.one table.two table.first table.last "));
}

static void complete_found(void *context)
{
    struct desk *desk = context;
    ticket_complete(desk->tickets[0], STATUS_OK, new_result("found"), free_result);
    assert_false(ticket_is_live(desk->tickets[0]));
    assert_int_equal(desk->ended, 0); /* never inline */
}

static enum step_result ask(struct flow *flow)
{
    struct desk *desk = flow_subject(flow);
    desk->tickets[0] = flow_wait(flow, 5000);
    assert_true(ticket_is_live(desk->tickets[0]));
    assert_in_range(ticket_deadline_ns(desk->tickets[0]) - clock_monotonic_ns(), 1, INT64_C(5000000000));
    loop_defer(desk->loop, &desk->answer, complete_found, desk);
    return STEP_WAIT;
}

static enum step_result read_outcome(struct flow *flow)
{
    struct desk *desk = flow_subject(flow);
    void *result;
    desk->outcome = flow_outcome(flow, &result);
    desk->text = result ? "found" : NULL;
    if (result)
        assert_string_equal(result, "found");
    return STEP_REPLY;
}

static void a_completion_resumes_at_the_next_step_with_its_result(void **state)
{
    static const struct step steps[] = {{"ask", ask}, {"read", read_outcome}, {NULL, NULL}};
    struct desk *desk = *state;
    run(desk, steps);
    assert_status(desk->outcome, STATUS_OK);
    assert_non_null(desk->text);
    assert_slice_equal(buf_slice(&desk->trace), SLICE("table.ask table.read "));
    assert_int_equal(results_alive, 0);
}

static enum step_result ask_and_answer_inline(struct flow *flow)
{
    struct desk *desk = flow_subject(flow);
    ticket_complete(flow_wait(flow, 5000), STATUS_NONCE_USED, NULL, NULL);
    buf_add_str(&desk->trace, "answered ");
    return STEP_WAIT;
}

static void a_completion_inside_the_step_still_resumes_later(void **state)
{
    static const struct step steps[] = {{"ask", ask_and_answer_inline}, {"read", read_outcome}, {NULL, NULL}};
    struct desk *desk = *state;
    run(desk, steps);
    assert_status(desk->outcome, STATUS_NONCE_USED);
    assert_slice_equal(buf_slice(&desk->trace), SLICE("answered table.ask table.read "));
}

static enum step_result ask_in_vain(struct flow *flow)
{
    struct desk *desk = flow_subject(flow);
    desk->tickets[0] = flow_wait(flow, 10);
    return STEP_WAIT;
}

static enum step_result answer_too_late(struct flow *flow)
{
    struct desk *desk = flow_subject(flow);
    assert_false(ticket_is_live(desk->tickets[0]));
    ticket_complete(desk->tickets[0], STATUS_OK, new_result("late"), free_result);
    assert_int_equal(results_alive, 0);
    return read_outcome(flow);
}

static enum step_result pause_a_while(struct flow *flow)
{
    flow_pause(flow, 20);
    return STEP_WAIT;
}

static void a_pause_lasts_as_long_as_it_says(void **state)
{
    static const struct step steps[] = {{"pause", pause_a_while}, {"reply", reply}, {NULL, NULL}};
    struct desk *desk = *state;
    int64_t begun_ns = clock_monotonic_ns();
    run(desk, steps);
    assert_true(clock_monotonic_ns() - begun_ns >= 19 * INT64_C(1000000));
}

static void a_deadline_resumes_as_store_down_and_voids_the_ticket(void **state)
{
    static const struct step steps[] = {{"ask", ask_in_vain}, {"late", answer_too_late}, {NULL, NULL}};
    struct desk *desk = *state;
    run(desk, steps);
    assert_status(desk->outcome, STATUS_STORE_DOWN);
    assert_null(desk->text);
    /* and after the flow's end */
    ticket_complete(desk->tickets[0], STATUS_OK, new_result("later"), free_result);
    assert_int_equal(results_alive, 0);
}

static void sleep_ms(long ms)
{
    const struct timespec time = {.tv_nsec = ms * 1000000};
    nanosleep(&time, NULL);
}

static void on_others_message(struct loop_message *message UNUSED)
{
}

/* Computes for as long as the wait that follows may last, and is woken by something else. */
static enum step_result compute_and_ask(struct flow *flow)
{
    struct desk *desk = flow_subject(flow);
    (void)loop_turn_ns(desk->loop);
    sleep_ms(100);
    desk->message.deliver = on_others_message;
    loop_post(desk->loop, &desk->message);
    desk->asked_ns = clock_monotonic_ns();
    desk->tickets[0] = flow_wait(flow, 100);
    desk->left_ns = ticket_deadline_ns(desk->tickets[0]) - clock_monotonic_ns();
    return STEP_WAIT;
}

static void a_wait_after_a_long_computation_has_its_whole_time(void **state)
{
    static const struct step steps[] = {
        {"pause", pause_a_while}, {"ask", compute_and_ask}, {"read", read_outcome}, {NULL, NULL}};
    struct desk *desk = *state;
    run(desk, steps);
    assert_in_range(desk->left_ns, 1, 100000000);
    assert_true(clock_monotonic_ns() - desk->asked_ns >= 80 * INT64_C(1000000)); /* a loop's clock goes by 10 ms */
}

static void on_answer_posted(struct loop_message *message)
{
    struct desk *desk = (struct desk *)message;
    loop_defer(desk->loop, &desk->answer, complete_found, desk); /* as a flow that goes on before it answers */
}

static void *answer_meanwhile(void *context)
{
    struct desk *desk = context;
    desk->message.deliver = on_answer_posted;
    loop_post(desk->loop, &desk->message);
    return NULL;
}

/* The answer comes, and then the wait's time passes, while this loop does something else. */
static void compute_meanwhile(void *context)
{
    struct desk *desk = context;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, answer_meanwhile, desk), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    sleep_ms(60);
}

static enum step_result ask_before_computing(struct flow *flow)
{
    struct desk *desk = flow_subject(flow);
    desk->tickets[0] = flow_wait(flow, 20);
    loop_defer(desk->loop, &desk->answer, compute_meanwhile, desk);
    return STEP_WAIT;
}

static void an_answer_that_came_while_the_loop_computed_is_heard(void **state)
{
    static const struct step steps[] = {{"ask", ask_before_computing}, {"read", read_outcome}, {NULL, NULL}};
    struct desk *desk = *state;
    run(desk, steps);
    assert_status(desk->outcome, STATUS_OK);
    assert_non_null(desk->text);
}

/* Waits twice, and decides itself how the table goes on. */
static enum step_result ask_twice(struct flow *flow)
{
    struct desk *desk = flow_subject(flow);
    if (desk->asked++ < 2) {
        if (ask(flow) != STEP_WAIT)
            fail_msg("there was no wait");
        return STEP_AGAIN;
    }
    return read_outcome(flow) == STEP_REPLY && desk->ends_there ? STEP_REPLY : STEP_NEXT;
}

static void a_step_that_asks_again_runs_until_it_answers_otherwise(void **state)
{
    static const struct step steps[] = {{"twice", ask_twice}, {"last", reply}, {NULL, NULL}};
    struct desk *desk = *state;
    run(desk, steps);
    assert_int_equal(desk->asked, 3);
    assert_status(desk->outcome, STATUS_OK);
    assert_slice_equal(buf_slice(&desk->trace), SLICE("table.twice table.twice table.twice table.last "));
    assert_int_equal(results_alive, 0);
}

static void a_step_that_asks_again_may_end_the_table(void **state)
{
    static const struct step steps[] = {{"twice", ask_twice}, {"last", forbidden}, {NULL, NULL}};
    struct desk *desk = *state;
    desk->ends_there = true;
    run(desk, steps);
    assert_int_equal(desk->asked, 3);
    assert_int_equal(results_alive, 0);
}

static void a_zeroed_ticket_is_void(void **state UNUSED)
{
    struct ticket none = {0};
    assert_false(ticket_is_live(none));
    ticket_complete(none, STATUS_OK, new_result("x"), free_result);
    assert_int_equal(results_alive, 0);
}

static enum step_result ask_again(struct flow *flow)
{
    void *first;
    assert_status(flow_outcome(flow, &first), STATUS_OK);
    struct desk *desk = flow_subject(flow);
    struct ticket old = desk->tickets[0];
    enum step_result result = ask(flow);
    assert_false(ticket_is_live(old)); /* although the slot may be the same */
    assert_string_equal(first, "found");
    return result;
}

static void results_of_earlier_waits_live_to_the_end(void **state)
{
    static const struct step steps[] = {{"ask", ask}, {"again", ask_again}, {"read", read_outcome}, {NULL, NULL}};
    run(*state, steps);
    assert_int_equal(results_alive, 0);
}

static void complete_group(void *context)
{
    struct desk *desk = context;
    ticket_complete(desk->tickets[2], STATUS_OK, new_result("third"), free_result);
    ticket_complete(desk->tickets[0], STATUS_TOKEN_REVOKED, NULL, NULL);
    assert_false(ticket_is_live(desk->tickets[0]));
    assert_true(ticket_is_live(desk->tickets[1]));
    ticket_complete(desk->tickets[0], STATUS_OK, new_result("twice"), free_result);
    assert_int_equal(results_alive, 1);
    if (desk->text) /* the whole group */
        ticket_complete(desk->tickets[1], STATUS_OK, NULL, NULL);
}

static enum step_result ask_group(struct flow *flow)
{
    struct desk *desk = flow_subject(flow);
    flow_wait_group(flow, 3, desk->text ? 5000 : 15, desk->tickets);
    loop_defer(desk->loop, &desk->answer, complete_group, desk);
    return STEP_WAIT;
}

static enum step_result read_group(struct flow *flow)
{
    struct desk *desk = flow_subject(flow);
    void *third;
    assert_status(flow_outcome_at(flow, 0, NULL), STATUS_TOKEN_REVOKED);
    desk->outcome = flow_outcome_at(flow, 1, NULL);
    assert_status(flow_outcome_at(flow, 2, &third), STATUS_OK);
    assert_string_equal(third, "third");
    return STEP_REPLY;
}

static const struct step group_steps[] = {{"ask", ask_group}, {"read", read_group}, {NULL, NULL}};

static void a_group_resumes_once_when_the_last_is_in(void **state)
{
    struct desk *desk = *state;
    desk->text = "all";
    run(desk, group_steps);
    assert_status(desk->outcome, STATUS_OK);
}

static void a_group_at_its_deadline_has_store_down_for_the_missing(void **state)
{
    struct desk *desk = *state;
    run(desk, group_steps);
    assert_status(desk->outcome, STATUS_STORE_DOWN);
}

/* Many flows at once, each of many waits, on few slots. */
enum { FLOWS = 300, ROUNDS = 20 };

struct crowd {
    struct loop *loop;
    unsigned running;
    struct member {
        struct crowd *crowd;
        struct flow flow;
        struct ticket ticket;
        struct deferred answer;
        unsigned rounds;
    } members[FLOWS];
};

static void answer_member(void *context)
{
    struct member *member = context;
    ticket_complete(member->ticket, STATUS_OK, new_result("found"), free_result);
}

static enum step_result wait_a_round(struct flow *flow)
{
    struct member *member = flow_subject(flow);
    if (++member->rounds > ROUNDS)
        return STEP_REPLY;
    /* a few lengths, more than there are common timeouts among them */
    member->ticket = flow_wait(flow, 1000 + (unsigned)(member - member->crowd->members) % 50);
    if (member->rounds > 1)
        flow->step--; /* the table is a ring in this test */
    loop_defer(flow_loop(flow), &member->answer, answer_member, member);
    return STEP_WAIT;
}

static void end_member(struct flow *flow)
{
    struct member *member = flow_subject(flow);
    if (--member->crowd->running == 0)
        loop_stop(member->crowd->loop);
}

static void many_flows_wait_many_times(void **state)
{
    static const struct step ring[] = {{"first", wait_a_round}, {"again", wait_a_round}, {NULL, NULL}};
    struct desk *desk = *state;
    struct crowd *crowd = calloc(1, sizeof *crowd);
    crowd->loop = desk->loop;
    crowd->running = FLOWS;
    for (size_t i = 0; i < FLOWS; i++) {
        crowd->members[i].crowd = crowd;
        flow_start(&crowd->members[i].flow, crowd->loop, "crowd", ring, &crowd->members[i], end_member);
    }
    loop_run(desk->loop);
    assert_int_equal(crowd->running, 0);
    assert_int_equal(results_alive, 0);
    free(crowd);
}

/* ---- what is held ---- */

struct holding {
    struct flow_held held[2];
    struct desk *desk;
    unsigned released;
    unsigned released_at_end;
};

static void release_first(struct flow_held *held)
{
    ((struct holding *)(void *)held)->released++;
}

static void release_second(struct flow_held *held)
{
    ((struct holding *)(void *)(held - 1))->released++;
}

static enum step_result hold_both(struct flow *flow)
{
    struct holding *holding = flow_subject(flow);
    flow_hold(flow, &holding->held[0], release_first);
    flow_hold(flow, &holding->held[1], release_second);
    return STEP_NEXT;
}

static enum step_result reply_holding(struct flow *flow)
{
    struct holding *holding = flow_subject(flow);
    assert_int_equal(holding->released, 0);
    return STEP_REPLY;
}

static void end_holding(struct flow *flow)
{
    struct holding *holding = flow_subject(flow);
    holding->released_at_end = holding->released;
    loop_stop(holding->desk->loop);
}

static void what_is_held_is_released_once_before_the_end(void **state)
{
    static const struct step steps[] = {{"hold", hold_both}, {"reply", reply_holding}, {NULL, NULL}};
    struct holding holding = {.desk = *state};
    flow_start(&holding.desk->flow, holding.desk->loop, "holding", steps, &holding, end_holding);
    loop_run(holding.desk->loop);
    assert_int_equal(holding.released_at_end, 2);
    assert_int_equal(holding.released, 2);
}

/* ---- the loop's end ---- */

static void end_cut(struct flow *flow)
{
    struct desk *desk = flow_subject(flow);
    assert_true(flow_was_cut(flow));
    desk->ended++;
}

static enum step_result ask_and_stop(struct flow *flow)
{
    struct desk *desk = flow_subject(flow);
    desk->tickets[0] = flow_wait(flow, 5000);
    ticket_complete(desk->tickets[0], STATUS_OK, new_result("first"), free_result);
    return STEP_WAIT;
}

static enum step_result ask_two_and_stop(struct flow *flow)
{
    struct desk *desk = flow_subject(flow);
    flow_wait_group(flow, 2, 5000, desk->tickets);
    ticket_complete(desk->tickets[1], STATUS_OK, new_result("of two"), free_result);
    loop_stop(desk->loop);
    return STEP_WAIT;
}

static void a_flow_that_is_cut_makes_no_further_step(void **state)
{
    static const struct step steps[] = {
        {"one", ask_and_stop}, {"two", ask_two_and_stop}, {"three", forbidden}, {NULL, NULL}};
    struct desk *desk = *state;
    flow_start(&desk->flow, desk->loop, "table", steps, desk, end_cut);
    loop_run(desk->loop);
    flow_cut_all(desk->loop);
    assert_false(ticket_is_live(desk->tickets[0]));
    assert_true(loop_settle(desk->loop));
    assert_int_equal(desk->ended, 1);
    assert_int_equal(results_alive, 0);
    ticket_complete(desk->tickets[0], STATUS_OK, new_result("too late"), free_result);
    assert_int_equal(results_alive, 0);
    assert_false(loop_settle(desk->loop));
}

static void a_flow_that_begins_after_the_end_makes_no_step(void **state)
{
    static const struct step steps[] = {{"one", forbidden}, {NULL, NULL}};
    struct desk *desk = *state;
    flow_cut_all(desk->loop);
    flow_start(&desk->flow, desk->loop, "table", steps, desk, end_cut);
    assert_int_equal(desk->ended, 0);
    assert_true(loop_settle(desk->loop));
    assert_int_equal(desk->ended, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_flow_that_is_cut_makes_no_further_step),
        TEST(a_flow_that_begins_after_the_end_makes_no_step),
        TEST(runs_the_steps_in_order_until_one_replies),
        TEST(the_times_of_steps_are_what_passed_in_them),
        TEST(without_an_observer_of_phases_nothing_is_timed),
        TEST(of_many_flows_at_once_some_are_timed),
        TEST(a_flow_is_timed_again_once_the_many_are_over),
        TEST(a_completion_resumes_at_the_next_step_with_its_result),
        TEST(a_completion_inside_the_step_still_resumes_later),
        TEST(a_pause_lasts_as_long_as_it_says),
        TEST(a_wait_after_a_long_computation_has_its_whole_time),
        TEST(an_answer_that_came_while_the_loop_computed_is_heard),
        TEST(a_deadline_resumes_as_store_down_and_voids_the_ticket),
        TEST(a_step_that_asks_again_runs_until_it_answers_otherwise),
        TEST(a_step_that_asks_again_may_end_the_table),
        TEST(a_step_may_leave_its_table_for_another),
        TEST(a_table_is_left_once_the_wait_is_over),
        TEST(a_zeroed_ticket_is_void),
        TEST(results_of_earlier_waits_live_to_the_end),
        TEST(a_group_resumes_once_when_the_last_is_in),
        TEST(a_group_at_its_deadline_has_store_down_for_the_missing),
        TEST(what_is_held_is_released_once_before_the_end),
        TEST(many_flows_wait_many_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
