#include "support/test.h"

#include "loop/worker_pool.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>

struct office {
    struct loop *loop;
    struct worker_pool *pool;
    sem_t gate; /* what a gated job waits for */
    sem_t at_gate;
    atomic_uint contexts;
    atomic_uint contexts_ended;
    atomic_uint ran;
    unsigned done, done_unrun, expected;
};

struct task {
    struct job job;
    struct office *office;
};

static struct clock clock_of_tests;

static void *thread_init(void *context, size_t index)
{
    struct office *office = context;
    atomic_fetch_add(&office->contexts, 1);
    size_t *own = malloc(sizeof *own);
    *own = index;
    return own;
}

static void thread_done(void *context, void *thread_context)
{
    struct office *office = context;
    atomic_fetch_add(&office->contexts_ended, 1);
    free(thread_context);
}

static void open_pool(struct office *office, size_t threads, size_t queue_max)
{
    struct worker_pool_config config = {
        .name = "test",
        .thread_count = threads,
        .queue_max = queue_max,
        .thread_init = thread_init,
        .thread_done = thread_done,
        .config_context = office,
    };
    office->pool = worker_pool_new(&config);
    assert_non_null(office->pool);
}

static int set_up(void **state)
{
    clock_of_tests = clock_system(0);
    struct office *office = calloc(1, sizeof *office);
    office->loop = loop_new(&clock_of_tests, NULL);
    sem_init(&office->gate, 0, 0);
    sem_init(&office->at_gate, 0, 0);
    *state = office;
    return office->loop ? 0 : -1;
}

static int tear_down(void **state)
{
    struct office *office = *state;
    worker_pool_free_blocking(office->pool, WORKER_POOL_DRAIN);
    loop_free(office->loop);
    sem_destroy(&office->gate);
    sem_destroy(&office->at_gate);
    free(office);
    return 0;
}

static void count_run(struct job *job, void *thread_context)
{
    assert_non_null(thread_context);
    atomic_fetch_add(&((struct task *)job)->office->ran, 1);
}

static void run_gated(struct job *job, void *thread_context)
{
    struct office *office = ((struct task *)job)->office;
    sem_post(&office->at_gate);
    sem_wait(&office->gate);
    count_run(job, thread_context);
}

static void count_done(struct job *job)
{
    struct task *task = (struct task *)job;
    struct office *office = task->office;
    assert_true(loop_is_current(office->loop));
    office->done++;
    office->done_unrun += !job->was_run;
    free(task);
    if (office->done == office->expected)
        loop_stop(office->loop);
}

static enum status submit(struct office *office, void (*run)(struct job *, void *))
{
    struct task *task = calloc(1, sizeof *task);
    task->office = office;
    task->job.run_blocking = run;
    task->job.done = count_done;
    task->job.loop = office->loop;
    enum status status = worker_pool_submit(office->pool, &task->job, STATUS_SLOW_DOWN);
    if (status != STATUS_OK)
        free(task);
    return status;
}

static void each_job_runs_once_and_is_done_on_its_loop(void **state)
{
    struct office *office = *state;
    open_pool(office, 4, 5000);
    office->expected = 5000;
    for (unsigned i = 0; i < 5000; i++)
        assert_status(submit(office, count_run), STATUS_OK);
    loop_run(office->loop);
    assert_int_equal(atomic_load(&office->ran), 5000);
    assert_int_equal(office->done, 5000);
    assert_int_equal(office->done_unrun, 0);
}

static void a_full_queue_refuses_at_once(void **state)
{
    struct office *office = *state;
    open_pool(office, 1, 2);
    office->expected = 3;
    assert_status(submit(office, run_gated), STATUS_OK);
    sem_wait(&office->at_gate); /* the thread is taken; the queue is empty */
    assert_status(submit(office, count_run), STATUS_OK);
    assert_status(submit(office, count_run), STATUS_OK);
    assert_status(submit(office, count_run), STATUS_SLOW_DOWN);
    struct worker_pool_stats stats = worker_pool_stats(office->pool);
    assert_int_equal(stats.threads, 1);
    assert_int_equal(stats.busy, 1);
    assert_int_equal(stats.queued, 2);
    sem_post(&office->gate);
    loop_run(office->loop);
    assert_int_equal(office->done, 3);
}

static void end_with_two_queued(struct office *office, enum worker_pool_end end)
{
    open_pool(office, 1, 8);
    assert_status(submit(office, run_gated), STATUS_OK);
    sem_wait(&office->at_gate);
    assert_status(submit(office, count_run), STATUS_OK);
    assert_status(submit(office, count_run), STATUS_OK);
    office->expected = 3;
    sem_post(&office->gate);
    worker_pool_free_blocking(office->pool, end);
    office->pool = NULL;
    loop_run(office->loop);
    assert_int_equal(office->done, 3);
}

static void draining_runs_what_is_queued(void **state)
{
    struct office *office = *state;
    end_with_two_queued(office, WORKER_POOL_DRAIN);
    assert_int_equal(office->done_unrun, 0);
    assert_int_equal(atomic_load(&office->ran), 3);
}

static void dropping_gives_each_job_back_once(void **state)
{
    struct office *office = *state;
    end_with_two_queued(office, WORKER_POOL_DROP);
    assert_int_equal(office->done_unrun + atomic_load(&office->ran), 3);
}

static void each_thread_gets_and_ends_its_own_context(void **state)
{
    struct office *office = *state;
    open_pool(office, 3, 8);
    worker_pool_free_blocking(office->pool, WORKER_POOL_DROP);
    office->pool = NULL;
    assert_int_equal(atomic_load(&office->contexts), 3);
    assert_int_equal(atomic_load(&office->contexts_ended), 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_job_runs_once_and_is_done_on_its_loop),
        TEST(a_full_queue_refuses_at_once),
        TEST(draining_runs_what_is_queued),
        TEST(dropping_gives_each_job_back_once),
        TEST(each_thread_gets_and_ends_its_own_context),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
