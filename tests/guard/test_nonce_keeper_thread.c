/* The keeper's thread: jobs in their order, when it asks the ledger, and whom it tells (docs/design/nonce-guard.md,
 * rules 1 and 3). */
#include "guard/keeper_bench.h"
#include "support/test.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

/* ---- jobs ---- */

struct job {
    struct nonce_job job; /* first */
    struct keeper_bench *fixture;
    atomic_int runs;
    atomic_int dones;
    _Atomic pthread_t runner;
    _Atomic pthread_t finisher;
    int order;
    bool waits;       /* as a keep does */
    struct job *next; /* is queued while this one runs */
    bool has_signals;
};

static atomic_int order;

static void run(struct nonce_job *base, struct nonce_ledger *ledger)
{
    struct job *job = (struct job *)base;
    struct scripted_ledger *script = &job->fixture->script;
    sigset_t blocked;
    assert_ptr_equal(ledger, &script->ledger);
    (void)pthread_sigmask(SIG_BLOCK, NULL, &blocked);
    job->has_signals = !sigismember(&blocked, SIGTERM) || !sigismember(&blocked, SIGHUP);
    job->order = atomic_fetch_add(&order, 1);
    atomic_store(&job->runner, pthread_self());
    (void)pthread_mutex_lock(&script->lock);
    script->begun += job->waits;
    (void)pthread_cond_broadcast(&script->changed);
    while (job->waits && script->is_closed)
        (void)pthread_cond_wait(&script->changed, &script->lock);
    (void)pthread_mutex_unlock(&script->lock);
    if (job->next)
        nonce_keeper_start(job->fixture->keeper, &job->next->job);
    atomic_fetch_add(&job->runs, 1);
}

static void done(struct nonce_job *base)
{
    struct job *job = (struct job *)base;
    atomic_store(&job->finisher, pthread_self());
    atomic_fetch_add(&job->dones, 1);
}

static void start(struct keeper_bench *it, struct job *job, bool is_of_loop)
{
    *job =
        (struct job){.job = {.run_blocking = run, .done = done, .loop = is_of_loop ? it->loop : NULL, .was_run = true},
                     .fixture = it};
    nonce_keeper_start(it->keeper, &job->job);
}

static void wait_until(atomic_int *number)
{
    for (int i = 0; i < PATIENCE_S * 1000 && atomic_load(number) == 0; i++)
        (void)usleep(1000);
    assert_int_equal(atomic_load(number), 1);
}

static void wait_until_delivered(struct keeper_bench *it, struct job *job)
{
    for (int i = 0; i < PATIENCE_S * 1000 && atomic_load(&job->dones) == 0; i++, (void)usleep(1000))
        (void)loop_settle(it->loop);
    assert_int_equal(atomic_load(&job->dones), 1);
}

static void jobs_run_in_their_order_and_come_back_to_their_loops(void **state)
{
    struct keeper_bench *it = *state;
    static struct job jobs[3];
    sigset_t mine;
    keeper_open(it, false);
    keeper_hold_in_keep(it);
    for (size_t i = 0; i < COUNT_OF(jobs); i++)
        start(it, &jobs[i], i != 1);
    script_set_closed(&it->script, false);
    for (size_t i = 0; i < COUNT_OF(jobs); i++)
        wait_until(&jobs[i].runs);
    wait_until(&jobs[1].dones); /* of no loop */
    assert_true(atomic_load(&jobs[1].finisher) == atomic_load(&jobs[1].runner));
    assert_int_equal(atomic_load(&jobs[0].dones), 0);
    wait_until_delivered(it, &jobs[2]);
    assert_int_equal(atomic_load(&jobs[0].dones), 1);
    assert_true(jobs[0].order < jobs[1].order && jobs[1].order < jobs[2].order);
    for (size_t i = 0; i < COUNT_OF(jobs); i++) {
        assert_true(jobs[i].job.was_run);
        assert_false(pthread_equal(atomic_load(&jobs[i].runner), pthread_self()));
        assert_false(jobs[i].has_signals); /* they are the first loop's business */
    }
    (void)pthread_sigmask(SIG_BLOCK, NULL, &mine);
    assert_false(sigismember(&mine, SIGTERM));
    start(it, &jobs[0], true); /* and the queue begins anew */
    wait_until_delivered(it, &jobs[0]);
}

static void a_job_that_is_queued_while_another_runs_comes_behind_those_that_wait(void **state)
{
    struct keeper_bench *it = *state;
    static struct job jobs[3];
    keeper_open(it, false);
    keeper_hold_in_keep(it);
    start(it, &jobs[0], false);
    start(it, &jobs[1], false);
    jobs[2] = (struct job){.job = {.run_blocking = run, .done = done}, .fixture = it};
    jobs[0].next = &jobs[2];
    script_set_closed(&it->script, false);
    for (size_t i = 0; i < COUNT_OF(jobs); i++)
        wait_until(&jobs[i].dones);
    assert_true(jobs[0].order < jobs[1].order && jobs[1].order < jobs[2].order);
}

static void a_job_that_goes_first_comes_before_those_that_wait(void **state)
{
    struct keeper_bench *it = *state;
    static struct job jobs[4];
    static const bool goes_first[] = {true, false, true, false};
    static const size_t expected[] = {2, 0, 1, 3};
    keeper_open(it, false);
    keeper_hold_in_keep(it);
    for (size_t i = 0; i < COUNT_OF(jobs); i++) {
        jobs[i] = (struct job){.job = {.run_blocking = run, .done = done, .goes_first = goes_first[i]}, .fixture = it};
        nonce_keeper_start(it->keeper, &jobs[i].job);
    }
    script_set_closed(&it->script, false);
    for (size_t i = 0; i < COUNT_OF(jobs); i++)
        wait_until(&jobs[i].dones);
    for (size_t i = 1; i < COUNT_OF(expected); i++)
        assert_true(jobs[expected[i - 1]].order < jobs[expected[i]].order);
}

static void a_queued_job_that_is_cancelled_is_handed_back_at_once(void **state)
{
    struct keeper_bench *it = *state;
    static struct job jobs[4];
    keeper_open(it, false);
    keeper_hold_in_keep(it);
    for (size_t i = 0; i < COUNT_OF(jobs); i++)
        start(it, &jobs[i], true);
    nonce_keeper_cancel(it->keeper, &jobs[3].job); /* the last, and from the middle */
    nonce_keeper_cancel(it->keeper, &jobs[1].job);
    assert_int_equal(atomic_load(&jobs[1].dones), 1);
    assert_int_equal(atomic_load(&jobs[3].dones), 1);
    assert_false(jobs[1].job.was_run);
    start(it, &jobs[3], true);
    script_set_closed(&it->script, false);
    wait_until_delivered(it, &jobs[3]);
    assert_true(atomic_load(&jobs[0].dones) == 1 && atomic_load(&jobs[2].dones) == 1);
    assert_true(jobs[0].order < jobs[2].order && jobs[2].order < jobs[3].order);
    assert_true(jobs[0].job.was_run && jobs[2].job.was_run && jobs[3].job.was_run);
    assert_int_equal(atomic_load(&jobs[1].runs), 0);
}

/* Its loop may be gone by the time it is done. */
static void a_running_job_that_is_cancelled_is_handed_back_on_the_keepers_thread(void **state)
{
    struct keeper_bench *it = *state;
    static struct job job;
    keeper_open(it, false);
    script_set_closed(&it->script, true);
    job = (struct job){.job = {.run_blocking = run, .done = done, .loop = it->loop}, .fixture = it, .waits = true};
    nonce_keeper_start(it->keeper, &job.job);
    (void)keeper_wait_for(it, &it->script.begun, 1);
    nonce_keeper_cancel(it->keeper, &job.job);
    assert_int_equal(atomic_load(&job.dones), 0);
    script_set_closed(&it->script, false);
    wait_until(&job.dones);
    assert_true(atomic_load(&job.finisher) == atomic_load(&job.runner));
}

/* One that is on its way to its loop already arrives there. */
static void a_job_that_was_run_is_delivered_though_it_is_cancelled(void **state)
{
    struct keeper_bench *it = *state;
    static struct job jobs[2];
    keeper_open(it, false);
    start(it, &jobs[0], true);
    start(it, &jobs[1], false);
    wait_until(&jobs[1].dones);
    nonce_keeper_cancel(it->keeper, &jobs[0].job);
    assert_int_equal(atomic_load(&jobs[0].dones), 0);
    (void)loop_settle(it->loop);
    assert_int_equal(atomic_load(&jobs[0].dones), 1);
    assert_true(pthread_equal(atomic_load(&jobs[0].finisher), pthread_self()));
    nonce_keeper_cancel(it->keeper, &jobs[1].job); /* the last that ran, and is over */
    assert_false(jobs[0].job.is_cancelled || jobs[1].job.is_cancelled);
}

static void jobs_that_were_not_run_at_the_end_are_handed_back(void **state)
{
    struct keeper_bench *it = *state;
    static struct job jobs[2];
    keeper_open(it, false);
    keeper_hold_in_keep(it);
    start(it, &jobs[0], true);
    start(it, &jobs[1], false);
    keeper_opened_by_join = &it->script;
    nonce_keeper_stop(it->keeper);
    keeper_opened_by_join = NULL;
    assert_int_equal(atomic_load(&jobs[1].dones), 1);
    assert_int_equal(atomic_load(&jobs[0].dones), 0);
    (void)loop_settle(it->loop);
    assert_int_equal(atomic_load(&jobs[0].dones), 1);
    assert_true(!jobs[0].job.was_run && !jobs[1].job.was_run);
    assert_int_equal(atomic_load(&jobs[0].runs) + atomic_load(&jobs[1].runs), 0);
}

/* ---- what it waits for, and what it does not ---- */

static void nothing_is_asked_before_an_epoch_is_entered(void **state)
{
    struct keeper_bench *it = *state;
    static struct job job;
    keeper_open(it, true);
    nonce_keeper_want(it->keeper, 7);
    nonce_keeper_tell_clock(it->keeper, NOW_MS);
    for (int i = 0; i < 5; i++) { /* so it has looked what there is to do */
        start(it, &job, false);
        wait_until(&job.dones);
    }
    assert_int_equal(keeper_number_of(it, &it->script.begun), 0);
    assert_string_equal(keeper_standing(it).epoch, "");
    keeper_enter(it, "e", 1);
    assert_string_equal(keeper_standing(it).epoch, "e");
    assert_int_equal(keeper_standing(it).ranges.count, 1);
    struct asked asked = keeper_wait_for(it, &it->script.begun, 1);
    assert_string_equal(asked.epoch, "e");
    assert_int_equal(asked.wanted_count, 1);
    assert_int_equal(asked.wanted[0], 7);
}

int64_t __real_clock_monotonic_ns(void); /* (tests/CMakeLists.txt) */

static int64_t real_ms(void)
{
    return __real_clock_monotonic_ns() / 1000000;
}

/* Without anybody's wanting anything: an epoch that others declared shows within a second. And not more often, alone or
 * among others, whether the store's clock is known or not. */
static void the_ledger_is_asked_each_second(void **state)
{
    struct keeper_bench *it = *state;
    for (int kind = 0; kind < 4; kind++) {
        keeper_open(it, kind & 1);
        if (kind & 2)
            nonce_keeper_tell_clock(it->keeper, NOW_MS);
        int ended = keeper_number_of(it, &it->script.ended);
        int64_t begin_ms = real_ms();
        atomic_store(&keeper_longest_ms, 0);
        keeper_enter(it, "e", 1);
        assert_int_equal(keeper_wait_for(it, &it->script.ended, ended + 3).wanted_count, 0);
        assert_in_range(atomic_load(&keeper_longest_ms), 300, 1000); /* it sleeps meanwhile */
        assert_in_range(real_ms() - begin_ms, 1000, PATIENCE_S * 1000);
        nonce_keeper_free(it->keeper);
        it->keeper = NULL;
    }
}

static void a_failure_is_tried_again_sooner_than_that(void **state)
{
    struct keeper_bench *it = *state;
    keeper_open(it, false);
    keeper_set_status(it, STATUS_STORE_DOWN);
    keeper_enter(it, "e", 1);
    (void)keeper_wait_for(it, &it->script.ended, 1);
    atomic_store(&keeper_longest_ms, 0);
    (void)keeper_wait_for(it, &it->script.ended, 5);
    assert_in_range(atomic_load(&keeper_longest_ms), 1, 100);
}

/* Whoever wants something waits for the ledger, and not for the end of a second. */
static void what_is_new_is_looked_at_at_once(void **state)
{
    struct keeper_bench *it = *state;
    static struct job job;
    keeper_open(it, true);
    nonce_keeper_tell_clock(it->keeper, NOW_MS);
    atomic_store(&keeper_waits_until_woken, true);
    for (int i = 0; i < 5; i++) {
        int begun = keeper_number_of(it, &it->script.begun);
        keeper_enter(it, "e", 1);
        (void)keeper_wait_for(it, &it->script.ended, begun + 1);
        (void)keeper_refreshes(it, i);
        start(it, &job, false);
        wait_until(&job.dones);
    }
    nonce_keeper_stop(it->keeper);
    atomic_store(&keeper_waits_until_woken, false);
}

/* ---- listeners ---- */

static void on_change(void *context)
{
    ++*(int *)context;
}

static void each_listener_hears_of_changes_on_its_loop(void **state)
{
    struct keeper_bench *it = *state;
    int heard[3] = {0};
    struct nonce_listener *listeners[3];
    keeper_open(it, false);
    for (size_t i = 0; i < COUNT_OF(listeners); i++) {
        listeners[i] = nonce_keeper_listen(it->keeper, it->loop, on_change, &heard[i]);
        assert_non_null(listeners[i]);
    }
    keeper_enter(it, "", 1);
    keeper_enter(it, "", 2);
    assert_int_equal(heard[0], 0);
    (void)loop_settle(it->loop);
    assert_true(heard[0] == 1 && heard[1] == 1 && heard[2] == 1); /* of both at once */
    keeper_enter(it, "", 3);
    (void)loop_settle(it->loop);
    assert_true(heard[0] == 2 && heard[1] == 2 && heard[2] == 2);
    struct nonce_standing standing;
    uint64_t version = 0;
    nonce_keeper_read(it->keeper, &standing, &version);
    assert_true(version > 0 && version == nonce_keeper_version(it->keeper));
    keeper_enter(it, "", 4);
    nonce_keeper_unlisten(listeners[1]); /* while a message is under way, which frees it */
    (void)loop_settle(it->loop);
    assert_true(heard[0] == 3 && heard[1] == 2 && heard[2] == 3);
    nonce_keeper_unlisten(listeners[0]);
    keeper_enter(it, "", 5);
    (void)loop_settle(it->loop);
    assert_true(heard[0] == 3 && heard[1] == 2 && heard[2] == 4);
    keeper_enter(it, "", 5);
    keeper_enter(it, "", 6); /* while the message of the other is under way */
    (void)loop_settle(it->loop);
    assert_int_equal(heard[2], 5);
    nonce_keeper_unlisten(listeners[2]);
    nonce_keeper_unlisten(NULL);
    keeper_enter(it, "", 6);
    (void)loop_settle(it->loop);
    assert_int_equal(heard[2], 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KEEPER_TEST(nothing_is_asked_before_an_epoch_is_entered),
        KEEPER_TEST(jobs_run_in_their_order_and_come_back_to_their_loops),
        KEEPER_TEST(a_job_that_is_queued_while_another_runs_comes_behind_those_that_wait),
        KEEPER_TEST(a_job_that_goes_first_comes_before_those_that_wait),
        KEEPER_TEST(a_queued_job_that_is_cancelled_is_handed_back_at_once),
        KEEPER_TEST(a_running_job_that_is_cancelled_is_handed_back_on_the_keepers_thread),
        KEEPER_TEST(a_job_that_was_run_is_delivered_though_it_is_cancelled),
        KEEPER_TEST(jobs_that_were_not_run_at_the_end_are_handed_back),
        KEEPER_TEST(the_ledger_is_asked_each_second),
        KEEPER_TEST(a_failure_is_tried_again_sooner_than_that),
        KEEPER_TEST(what_is_new_is_looked_at_at_once),
        KEEPER_TEST(each_listener_hears_of_changes_on_its_loop),
    };
    return cmocka_run_group_tests_name("nonce_keeper_thread", tests, NULL, NULL);
}
