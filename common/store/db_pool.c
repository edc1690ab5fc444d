#include "store/db_pool.h"

#include "loop/flow.h"
#include "loop/worker_pool.h"
#include "store/change_feed.h"
#include "store/credentials.h"
#include "store/database.h"

#include <stdatomic.h>
#include <stdlib.h>

enum { DEFAULT_QUEUE = 1024, FAULT_BYTES = 256 };

/* One kind of access: its threads, each with a connection of its own. */
struct side {
    struct worker_pool *workers;
    struct credentials *connections;
    struct change_log *logs; /* one a connection */
    size_t count;
};

struct db_pool {
    struct side sides[2]; /* by enum db_access */
    struct change_feed *feed;
    atomic_size_t holders; /* its owner, and jobs that are not done: the last are when loops are freed */
};

struct pool_job {
    struct job job; /* first */
    struct db_job work;
    struct db_pool *pool;
    struct ticket ticket;
    enum status status;
    void *result;
    struct change_page *changes;
    char fault[FAULT_BYTES]; /* for the operator */
};

static void *connection_of(void *context, size_t thread_index)
{
    struct side *side = context;
    return &side->connections[thread_index];
}

static enum status open_side(struct side *side, const struct db_pool_options *options, size_t count, struct buf *why)
{
    side->connections = calloc(count, sizeof *side->connections);
    side->logs = calloc(count, sizeof *side->logs);
    if (!side->connections || !side->logs)
        return STATUS_NO_MEMORY;
    for (; side->count < count; side->count++) {
        struct credentials *db = &side->connections[side->count];
        db->keys = options->keys;
        db->clock = options->clock;
        db->log = &side->logs[side->count];
        TRY(database_open_blocking(options->url, SQL_SERVICE_BUSY_MS, options->clock, why, &db->sql));
    }
    const struct worker_pool_config config = {
        .name = "database",
        .thread_count = count,
        .queue_max = options->queue_limit ? options->queue_limit : DEFAULT_QUEUE,
        .thread_init = connection_of,
        .config_context = side,
    };
    side->workers = worker_pool_new(&config);
    return side->workers ? STATUS_OK : STATUS_NO_MEMORY;
}

static void close_side(struct side *side)
{
    worker_pool_free_blocking(side->workers, WORKER_POOL_DRAIN);
    for (size_t i = 0; i < side->count; i++)
        sql_close(side->connections[i].sql);
    free(side->connections);
    free(side->logs);
}

enum status db_pool_new_blocking(const struct db_pool_options *options, struct buf *why, struct db_pool **ret_pool)
{
    if (slice_eq(options->url, SLICE("sqlite::memory:"))) { /* each connection would have its own */
        buf_add_str(why, "sqlite::memory: is for one connection alone: name a file, as in sqlite:./oauth1.db");
        return STATUS_BAD_INPUT;
    }
    struct db_pool *pool = calloc(1, sizeof *pool);
    if (!pool)
        return STATUS_NO_MEMORY;
    pool->holders = 1;
    /* one writer: SQLite lets one write at a time, and a queue of ours is fairer than its lock */
    enum status status = open_side(&pool->sides[DB_WRITE], options, 1, why);
    if (status == STATUS_OK)
        status = open_side(&pool->sides[DB_READ], options, options->readers ? options->readers : 1, why);
    if (status != STATUS_OK) {
        db_pool_free(pool);
        return status;
    }
    *ret_pool = pool;
    return STATUS_OK;
}

void db_pool_publish_to(struct db_pool *pool, struct change_feed *feed)
{
    pool->feed = feed;
}

static void let_go(struct db_pool *pool)
{
    if (atomic_fetch_sub(&pool->holders, 1) == 1)
        free(pool);
}

void db_pool_free(struct db_pool *pool)
{
    if (!pool)
        return;
    close_side(&pool->sides[DB_WRITE]);
    close_side(&pool->sides[DB_READ]);
    pool->feed = NULL; /* what is delivered from now on comes too late for it */
    let_go(pool);
}

static void keep_fault(struct pool_job *job, const struct credentials *db)
{
    struct buf text = buf_fixed(job->fault, sizeof job->fault - 1);
    buf_add(&text, slice_sub(slice_str(credentials_last_error(db)), 0, sizeof job->fault - 2));
    job->fault[text.len] = '\0';
}

static void run_blocking(struct job *base, void *thread_context)
{
    struct pool_job *job = (struct pool_job *)base;
    struct credentials *db = thread_context;
    db->fault = NULL;
    job->status = job->work.work(db, job->work.arguments, &job->result);
    job->changes = change_log_take(db->log);
    if (status_is_infrastructure(job->status))
        keep_fault(job, db);
}

static void free_job(struct pool_job *job)
{
    if (job->work.arguments && job->work.free_arguments)
        job->work.free_arguments(job->work.arguments);
    free(job);
}

static void done(struct job *base)
{
    struct pool_job *job = (struct pool_job *)base;
    if (!job->job.was_run)
        job->status = STATUS_STORE_DOWN;
    if (job->fault[0])
        observer_event(loop_observer(job->job.loop), "database", "failed", job->fault);
    change_feed_publish(job->pool->feed, job->job.loop, job->changes);
    change_page_free(job->changes);
    ticket_complete(job->ticket, job->status, job->result, job->work.free_result);
    let_go(job->pool);
    free_job(job);
}

/* A ticket completes a flow later in the turn by itself, so this is never inline either. */
static void refuse(const struct db_job *job, struct ticket ticket, enum status status)
{
    if (job->arguments && job->free_arguments)
        job->free_arguments(job->arguments);
    ticket_complete(ticket, status, NULL, NULL);
}

void db_pool_start(struct db_pool *pool, const struct db_job *job, struct ticket ticket)
{
    struct pool_job *queued = job->arguments && ticket.loop ? calloc(1, sizeof *queued) : NULL;
    if (!queued) {
        refuse(job, ticket, STATUS_NO_MEMORY);
        return;
    }
    *queued = (struct pool_job){
        .job = {.run_blocking = run_blocking, .done = done, .loop = ticket.loop},
        .work = *job,
        .pool = pool,
        .ticket = ticket,
    };
    atomic_fetch_add(&pool->holders, 1);
    enum status status = worker_pool_submit(pool->sides[job->access].workers, &queued->job, STATUS_STORE_DOWN);
    if (status == STATUS_OK)
        return;
    let_go(pool);
    free(queued);
    refuse(job, ticket, status);
}
