#include "loop/worker_pool.h"

#include "base/thread.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

struct worker_pool {
    struct worker_pool_config config;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* under the lock */
    struct job *first;
    struct job **last;
    size_t queued;
    size_t busy;
    bool ending;
    /* only the owner's */
    size_t started;
    pthread_t threads[];
};

/* What a thread is started with. */
struct worker {
    struct worker_pool *pool;
    size_t index;
};

static void on_job_finished(struct loop_message *message)
{
    struct job *job = (struct job *)((char *)message - offsetof(struct job, message));
    job->done(job);
}

static void give_back(struct job *job, bool was_run)
{
    job->was_run = was_run;
    job->message.deliver = on_job_finished;
    loop_post(job->loop, &job->message);
}

static struct job *pop_job(struct worker_pool *pool)
{
    struct job *job = pool->first;
    if (!job)
        return NULL;
    pool->first = job->next;
    if (!pool->first)
        pool->last = &pool->first;
    pool->queued--;
    job->next = NULL;
    return job;
}

/* The next job; NULL when the pool ends and nothing is left. */
static struct job *wait_for_job(struct worker_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    while (!pool->first && !pool->ending)
        pthread_cond_wait(&pool->changed, &pool->lock);
    struct job *job = pop_job(pool);
    pool->busy += job != NULL;
    pthread_mutex_unlock(&pool->lock);
    return job;
}

static void finish_job(struct worker_pool *pool, struct job *job)
{
    pthread_mutex_lock(&pool->lock);
    pool->busy--;
    pthread_mutex_unlock(&pool->lock);
    give_back(job, true);
}

static void *run_worker(void *start)
{
    struct worker worker = *(struct worker *)start;
    free(start);
    struct worker_pool *pool = worker.pool;
    const struct worker_pool_config *config = &pool->config;
    void *context = config->thread_init ? config->thread_init(config->config_context, worker.index) : NULL;
    for (struct job *job; (job = wait_for_job(pool));) {
        job->run_blocking(job, context);
        finish_job(pool, job);
    }
    if (config->thread_done)
        config->thread_done(config->config_context, context);
    return NULL;
}

static bool start_worker(struct worker_pool *pool)
{
    struct worker *start = malloc(sizeof *start);
    if (!start)
        return false;
    *start = (struct worker){pool, pool->started};
    if (!thread_start(&pool->threads[pool->started], pool->config.name, run_worker, start)) {
        free(start);
        return false;
    }
    pool->started++;
    return true;
}

static bool start_threads(struct worker_pool *pool)
{
    bool started = true;
    while (started && pool->started < pool->config.thread_count)
        started = start_worker(pool);
    return started;
}

struct worker_pool *worker_pool_new(const struct worker_pool_config *config)
{
    assert(config->thread_count > 0 && config->queue_max > 0);
    struct worker_pool *pool = calloc(1, sizeof *pool + config->thread_count * sizeof pool->threads[0]);
    if (!pool)
        return NULL;
    pool->config = *config;
    pool->last = &pool->first;
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->changed, NULL);
    if (!start_threads(pool)) {
        worker_pool_free_blocking(pool, WORKER_POOL_DROP);
        return NULL;
    }
    return pool;
}

static struct job *take_all(struct worker_pool *pool)
{
    struct job *first = pool->first;
    pool->first = NULL;
    pool->last = &pool->first;
    pool->queued = 0;
    return first;
}

void worker_pool_free_blocking(struct worker_pool *pool, enum worker_pool_end end)
{
    if (!pool)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->ending = true;
    struct job *dropped = end == WORKER_POOL_DROP ? take_all(pool) : NULL;
    pthread_cond_broadcast(&pool->changed);
    pthread_mutex_unlock(&pool->lock);
    while (dropped) {
        struct job *next = dropped->next;
        give_back(dropped, false);
        dropped = next;
    }
    for (size_t i = 0; i < pool->started; i++)
        pthread_join(pool->threads[i], NULL);
    pthread_cond_destroy(&pool->changed);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

enum status worker_pool_submit(struct worker_pool *pool, struct job *job, enum status when_full)
{
    pthread_mutex_lock(&pool->lock);
    assert(!pool->ending);
    bool taken = pool->queued < pool->config.queue_max;
    if (taken) {
        job->next = NULL;
        *pool->last = job;
        pool->last = &job->next;
        pool->queued++;
        pthread_cond_signal(&pool->changed);
    }
    pthread_mutex_unlock(&pool->lock);
    return taken ? STATUS_OK : when_full;
}

struct worker_pool_stats worker_pool_stats(struct worker_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    struct worker_pool_stats stats = {pool->config.thread_count, pool->busy, pool->queued};
    pthread_mutex_unlock(&pool->lock);
    return stats;
}
