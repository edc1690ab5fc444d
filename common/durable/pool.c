#include "durable/pool.h"

#include "crypto/shared_keys.h"
#include "durable/changes.h"
#include "durable/clients.h"
#include "durable/database.h"
#include "durable/durable.h"
#include "durable/replica_watch.h"
#include "durable/sealing_keys.h"
#include "loop/flow.h"
#include "loop/worker_pool.h"
#include "sql/gate.h"
#include "store/store_metrics.h"
#include "store/store_url.h"

#include <stdatomic.h>
#include <stdlib.h>

enum { DEFAULT_QUEUE = 1024, FAULT_BYTES = 256, ACCESS_COUNT = DURABLE_WRITE + 1 };

/* Threads to one server, each with a connection of its own. */
struct side {
    struct worker_pool *workers;
    struct durable *connections;
    struct change_log *logs; /* one a connection */
    size_t count;
    struct sql_gate gate;
};

struct durable_pool {
    struct side main;    /* writes at least */
    struct side readers; /* SQLite's, or the replica's; without threads where there are none */
    struct side *by_access[ACCESS_COUNT];
    bool has_replica; /* for DURABLE_READ, as long as it is well */
    struct replica_watch replica;
    durable_publish_fn publish;
    void *publish_context;
    struct shared_keys keys;   /* what the next job begins with */
    atomic_bool writes_fail;   /* the last one did */
    atomic_bool is_useless;    /* the last check had an answer: it takes no writes, or no secret opens */
    atomic_bool found_corrupt; /* since the start: from then on a check looks whether any secret opens */
    atomic_size_t holders;     /* its owner, and jobs that are not done: the last are when loops are freed */
};

struct pool_job {
    struct job job; /* first */
    struct durable_pool *pool;
    struct durable_job work;
    struct ticket ticket;
    int64_t deadline_ns;           /* of the ticket; 0: nobody waits, and it is done all the same */
    enum replica_state at_replica; /* REPLICA_AWAY: it is not asked */
    enum status status;
    void *result;
    bool is_incomplete;
    struct change_page *changes;
    char fault[FAULT_BYTES]; /* for the operator */
};

static void *connection_of(void *context, size_t thread_index)
{
    struct side *side = context;
    return &side->connections[thread_index];
}

/* ---- opening ---- */

/* Nobody waits for a process that starts: where the primary is too busy to take connections in a request's time, it is
 * asked again, as a command would. Its replica may be away. */
struct opening {
    const struct durable_pool_options *options;
    struct slice url;
    const char *variable;
    bool read_only;
    size_t count;
    int patience_ms;
};

static enum status open_side(struct side *side, const struct opening *opening, struct buf *why)
{
    const struct durable_pool_options *options = opening->options;
    const struct sql_options sql = {
        .busy_timeout_ms = SQL_SERVICE_BUSY_MS,
        .answer_timeout_ms = SQL_SERVICE_ANSWER_MS,
        .patience_ms = opening->patience_ms,
        .read_only = opening->read_only,
        .variable = opening->variable,
        .password = options->password,
        .next_password = opening->read_only ? options->next_read_password : options->next_password,
        .gate = &side->gate,
    };
    side->connections = calloc(opening->count, sizeof *side->connections);
    side->logs = calloc(opening->count, sizeof *side->logs);
    if (!side->connections || !side->logs)
        return STATUS_NO_MEMORY;
    for (; side->count < opening->count; side->count++) {
        struct durable *db = &side->connections[side->count];
        db->clock = options->clock;
        db->log = &side->logs[side->count];
        TRY(database_open_blocking(opening->url, &sql, options->clock, why, &db->sql));
        store_metrics_connections(CONNECTION_IDLE, 1);
    }
    const struct worker_pool_config config = {
        .name = "database",
        .thread_count = opening->count,
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
    store_metrics_connections(CONNECTION_IDLE, -(int64_t)side->count);
    free(side->connections);
    free(side->logs);
    sql_gate_done(&side->gate);
}

/* One writer: SQLite lets one write at a time, and a queue of ours is fairer than its lock. */
static enum status open_embedded(struct durable_pool *pool, const struct durable_pool_options *options, struct buf *why)
{
    const struct opening writer = {options, options->url, NULL, false, 1, 0};
    const struct opening readers = {options, options->url, NULL, false, options->connections, 0};
    pool->by_access[DURABLE_READ] = pool->by_access[DURABLE_READ_CURRENT] = &pool->readers;
    TRY(open_side(&pool->main, &writer, why));
    return open_side(&pool->readers, &readers, why);
}

static enum status open_server(struct durable_pool *pool, const struct durable_pool_options *options, struct buf *why)
{
    const struct opening primary = {options, options->url, NULL, false, options->connections, SQL_COMMAND_BUSY_MS};
    const struct opening replica = {options, options->read_url,    "OAUTH1_DATABASE_READ_URL",
                                    true,    options->connections, 0};
    TRY(open_side(&pool->main, &primary, why));
    pool->has_replica = !slice_is_absent(options->read_url);
    if (!pool->has_replica)
        return STATUS_OK;
    return open_side(&pool->readers, &replica, why);
}

enum status durable_pool_check_url(struct slice url, struct buf *why)
{
    if (!durable_kind_of(url)->is_embedded || !slice_is_absent(durable_url_file(url)))
        return STATUS_OK;
    buf_add_str(why, "sqlite::memory: is for one connection alone: name a file, as in sqlite:./oauth1.db");
    return STATUS_BAD_INPUT; /* each connection would have its own */
}

enum status durable_pool_new_blocking(const struct durable_pool_options *options, struct buf *why,
                                      struct durable_pool **ret_pool)
{
    struct durable_pool_options filled = *options;
    TRY(durable_pool_check_url(options->url, why));
    TRY(store_metrics_register());
    struct durable_pool *pool = calloc(1, sizeof *pool);
    if (!pool)
        return STATUS_NO_MEMORY;
    pool->holders = 1;
    shared_keys_init(&pool->keys, options->keys);
    filled.connections = options->connections ? options->connections : 1;
    sql_gate_init(&pool->main.gate);
    sql_gate_init(&pool->readers.gate);
    replica_watch_init(&pool->replica);
    for (size_t i = 0; i < ACCESS_COUNT; i++)
        pool->by_access[i] = &pool->main;
    enum status status = durable_kind_of(options->url)->is_embedded ? open_embedded(pool, &filled, why)
                                                                    : open_server(pool, &filled, why);
    if (status != STATUS_OK) {
        durable_pool_free(pool);
        return status;
    }
    *ret_pool = pool;
    return STATUS_OK;
}

void durable_pool_publish_to(struct durable_pool *pool, durable_publish_fn publish, void *context)
{
    pool->publish = publish;
    pool->publish_context = context;
}

void durable_pool_set_keys(struct durable_pool *pool, struct keyring *keys)
{
    shared_keys_set(&pool->keys, keys);
}

static void let_go(struct durable_pool *pool)
{
    if (atomic_fetch_sub(&pool->holders, 1) > 1)
        return;
    shared_keys_done(&pool->keys);
    replica_watch_done(&pool->replica);
    free(pool);
}

void durable_pool_free(struct durable_pool *pool)
{
    if (!pool)
        return;
    pool->has_replica = false; /* what is delivered from now on is the last word */
    close_side(&pool->main);
    close_side(&pool->readers);
    pool->publish = NULL; /* and comes too late for it */
    let_go(pool);
}

/* ---- a job ---- */

static void keep_fault(struct pool_job *job, const struct durable *db)
{
    struct buf text = buf_fixed(job->fault, sizeof job->fault - 1);
    buf_add(&text, slice_sub(slice_str(durable_last_error(db)), 0, sizeof job->fault - 2));
    job->fault[text.len] = '\0';
}

static void work_on(struct pool_job *job, struct durable *db)
{
    struct keyring *keys = shared_keys_take(&job->pool->keys);
    int64_t begun_ns = clock_monotonic_ns();
    store_metrics_connections(CONNECTION_IDLE, -1);
    store_metrics_connections(CONNECTION_BUSY, 1);
    db->keys = keys;
    job->status = job->work.work(db, job->work.arguments, &job->result);
    db->keys = NULL;
    store_metrics_connections(CONNECTION_BUSY, -1);
    store_metrics_connections(CONNECTION_IDLE, 1);
    store_metrics_command(STORE_DATABASE, clock_monotonic_ns() - begun_ns);
    keyring_free(keys);
}

static void note_outcome(const struct pool_job *job)
{
    if (job->status == STATUS_STORE_CORRUPT)
        atomic_store(&job->pool->found_corrupt, true);
    if (job->work.access == DURABLE_WRITE)
        atomic_store(&job->pool->writes_fail, status_is_infrastructure(job->status));
}

/* It was meant for the replica, and nobody asks it. */
static void spare_replica(struct durable_pool *pool, enum replica_state at_replica)
{
    if (at_replica != REPLICA_AWAY)
        replica_watch_dropped(&pool->replica, at_replica == REPLICA_TRY);
}

static void run_job_blocking(struct job *base, void *thread_context)
{
    struct pool_job *job = (struct pool_job *)base;
    struct durable *db = thread_context;
    job->status = STATUS_STORE_DOWN;
    if (job->deadline_ns && clock_monotonic_ns() >= job->deadline_ns) {
        spare_replica(job->pool, job->at_replica);
        return; /* what a server that hung has left in the queue is gone through at once */
    }
    db->fault = NULL;
    db->is_incomplete = false;
    work_on(job, db);
    note_outcome(job);
    if (job->at_replica != REPLICA_AWAY)
        replica_watch_answered(&job->pool->replica, job->at_replica == REPLICA_TRY,
                               !status_is_infrastructure(job->status));
    job->changes = change_log_take(db->log);
    job->is_incomplete = db->is_incomplete || job->status == STATUS_NOT_FOUND;
    if (status_is_infrastructure(job->status))
        keep_fault(job, db);
}

static void free_job(struct pool_job *job)
{
    if (job->work.arguments && job->work.free_arguments)
        job->work.free_arguments(job->work.arguments);
    free(job);
}

/* Whether the replica's answer is not the last word. */
static bool needs_primary(const struct pool_job *job)
{
    bool asked = job->pool->has_replica && job->at_replica == REPLICA_WELL && job->job.was_run;
    return asked && (job->is_incomplete || status_is_infrastructure(job->status)) && ticket_is_live(job->ticket);
}

static bool ask_primary(struct pool_job *job)
{
    if (job->result && job->work.free_result)
        job->work.free_result(job->result);
    job->result = NULL;
    job->is_incomplete = false;
    job->fault[0] = '\0';
    job->at_replica = REPLICA_AWAY;
    enum status status = worker_pool_submit(job->pool->main.workers, &job->job, STATUS_STORE_DOWN);
    if (status != STATUS_OK) /* else the job is the worker's already */
        job->status = status;
    return status == STATUS_OK;
}

static void on_job_done(struct job *base)
{
    struct pool_job *job = (struct pool_job *)base;
    if (!job->job.was_run)
        job->status = STATUS_STORE_DOWN;
    if (job->fault[0])
        observer_event(loop_observer(job->job.loop), "database", "failed", job->fault);
    if (needs_primary(job) && ask_primary(job))
        return;
    if (job->pool->publish)
        job->pool->publish(job->pool->publish_context, job->job.loop, job->changes);
    change_page_free(job->changes);
    ticket_complete(job->ticket, job->status, job->result, job->work.free_result);
    let_go(job->pool);
    free_job(job);
}

/* A ticket completes a flow later in the turn by itself, so this is never inline either. */
static void refuse_job(const struct durable_job *job, struct ticket ticket, enum status status)
{
    if (job->arguments && job->free_arguments)
        job->free_arguments(job->arguments);
    ticket_complete(ticket, status, NULL, NULL);
}

/* Not OK: the job and its arguments stay the caller's. */
static enum status submit_job(struct durable_pool *pool, const struct durable_job *job, enum replica_state at_replica,
                              struct ticket ticket)
{
    const struct side *side = at_replica == REPLICA_AWAY ? pool->by_access[job->access] : &pool->readers;
    struct pool_job *queued = calloc(1, sizeof *queued);
    if (!queued) {
        spare_replica(pool, at_replica);
        return STATUS_NO_MEMORY;
    }
    *queued = (struct pool_job){
        .job = {.run_blocking = run_job_blocking, .done = on_job_done, .loop = ticket.loop},
        .pool = pool,
        .work = *job,
        .ticket = ticket,
        .deadline_ns = ticket_deadline_ns(ticket),
        .at_replica = at_replica,
    };
    atomic_fetch_add(&pool->holders, 1);
    enum status status = worker_pool_submit(side->workers, &queued->job, STATUS_STORE_DOWN);
    if (status != STATUS_OK) {
        spare_replica(pool, at_replica);
        let_go(pool);
        free(queued);
    }
    return status;
}

static enum status ask_anything(struct durable *db, void *arguments, void **ret_result)
{
    (void)arguments, (void)ret_result;
    return sql_execute_blocking(db->sql, "SELECT 1", NULL, 0, NULL, NULL);
}

/* Whether it goes to the replica; one that is away is tried by the way. */
static enum replica_state choose_replica(struct durable_pool *pool, enum durable_access access, struct loop *loop)
{
    static const struct durable_job nothing = {.access = DURABLE_READ, .work = ask_anything};
    const struct ticket nobody = {.loop = loop};
    if (!pool->has_replica || access != DURABLE_READ)
        return REPLICA_AWAY;
    enum replica_state state = replica_watch_ask(&pool->replica);
    if (state != REPLICA_TRY)
        return state;
    (void)!submit_job(pool, &nothing, REPLICA_TRY, nobody); /* if not: the next read tries it */
    return REPLICA_AWAY;
}

void durable_pool_start(struct durable_pool *pool, const struct durable_job *job, struct ticket ticket)
{
    if (!job->arguments || !ticket.loop) {
        refuse_job(job, ticket, STATUS_NO_MEMORY);
        return;
    }
    enum replica_state at_replica = choose_replica(pool, job->access, ticket.loop);
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): `choose_replica` lets go of its own hold, never of the owner's */
    enum status status = submit_job(pool, job, at_replica, ticket);
    if (status != STATUS_OK)
        refuse_job(job, ticket, status);
}

/* ---- readiness ---- */

struct readiness {
    struct durable_pool *pool;
    bool by_writing;
    bool by_opening;
};

/* Asks for what /metrics shows of the sealing keys, which is as good a question as any. */
static enum status ask_keys(struct durable *db)
{
    struct sealing_key_page *page = NULL;
    TRY(durable_sealing_keys_list_blocking(db, &page));
    sealing_key_page_free(page);
    return STATUS_OK;
}

static enum status ask_whether_useful(struct durable *db, const struct readiness *asked)
{
    TRY(sql_check_writable_blocking(db->sql, asked->by_writing));
    return asked->by_opening ? durable_keys_check_any_blocking(db) : STATUS_OK;
}

static enum status check_readiness(struct durable *db, void *arguments, void **ret_result)
{
    const struct readiness *asked = arguments;
    enum status status = ask_keys(db);
    bool answers = status == STATUS_OK;
    if (answers)
        status = ask_whether_useful(db, asked);
    if (status != STATUS_OK)
        *ret_result = strdup(durable_last_error(db));
    bool is_useless = answers && status != STATUS_OK && ask_keys(db) == STATUS_OK; /* it did not go away in between */
    atomic_store(&asked->pool->is_useless, is_useless);
    return status;
}

void durable_pool_check_start(struct durable_pool *pool, struct ticket ticket)
{
    bool fails = atomic_load(&pool->writes_fail);
    struct readiness *asked = calloc(1, sizeof *asked);
    if (asked)
        *asked = (struct readiness){pool, fails, atomic_load(&pool->found_corrupt)};
    const struct durable_job job = {.access = fails ? DURABLE_WRITE : DURABLE_READ_CURRENT,
                                    .work = check_readiness,
                                    .arguments = asked, /* none: it is answered NO_MEMORY */
                                    .free_arguments = free,
                                    .free_result = free};
    durable_pool_start(pool, &job, ticket);
}

bool durable_pool_is_useless(const struct durable_pool *pool)
{
    return atomic_load(&pool->is_useless);
}
