/* worker_pool: threads for what blocks (databases, password hashing), with a bounded queue.
 *
 * Invariants: a job that was taken is done exactly once, on its loop's thread: after it ran, or
 * unrun where the pool was told to drop. A full queue refuses at once. Jobs own copies of what they
 * work on, never a request's memory. Jobs start in order of submission. */
#ifndef COUNTERSIGN_LOOP_WORKER_POOL_H
#define COUNTERSIGN_LOOP_WORKER_POOL_H

#include "base/attributes.h"
#include "base/status.h"
#include "loop/loop.h"

#include <stdbool.h>
#include <stddef.h>

struct worker_pool;

/* Embedded in what it works on; zeroed but for run_blocking, done and loop. */
struct job {
    /* On a thread of the pool, with that thread's context. */
    void (*run_blocking)(struct job *job, void *thread_context);
    /* On the loop's thread; the job is the callee's again. */
    void (*done)(struct job *job);
    struct loop *loop;
    bool was_run; /* for `done`: false if the pool was stopped before */
    struct job *next;
    struct loop_message message;
};

struct worker_pool_config {
    const char *name;    /* of the threads, at most 15 characters */
    size_t thread_count; /* at least 1 */
    size_t queue_max;    /* jobs that may wait for a thread, at least 1 */
    /* Called on each thread before its first and after its last job (both may be NULL): gives it a
     * context of its own, e.g. a connection, which may be NULL. */
    void *(*thread_init)(void *config_context, size_t thread_index);
    void (*thread_done)(void *config_context, void *thread_context);
    void *config_context;
};

/* Copies the config (`name` and the context are borrowed). NULL: no memory or no thread. */
MUST_USE struct worker_pool *worker_pool_new(const struct worker_pool_config *config);

enum worker_pool_end {
    WORKER_POOL_DRAIN, /* runs what is queued */
    WORKER_POOL_DROP,  /* gives queued jobs back unrun */
};
/* Finishes running jobs, then joins the threads: it may block for as long as a job takes. Nobody may submit
 * jobs meanwhile. Jobs that are done still lie in the mailboxes of their loops. NULL is fine. */
void worker_pool_free_blocking(struct worker_pool *pool, enum worker_pool_end end);

/* Queues the job, from any thread. Where the queue is full, `when_full` is returned at once and the
 * job stays the caller's: STATUS_STORE_DOWN for a database, STATUS_SLOW_DOWN for password hashing. */
MUST_USE enum status worker_pool_submit(struct worker_pool *pool, struct job *job, enum status when_full);

struct worker_pool_stats {
    size_t threads;
    size_t busy;
    size_t queued;
};
/* The figures of this moment. Any thread may ask. */
struct worker_pool_stats worker_pool_stats(struct worker_pool *pool);

#endif
