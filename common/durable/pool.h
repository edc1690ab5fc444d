/* pool: the durable store's connections, on threads of their own (loop/worker_pool.h).
 *
 * Invariants: each thread has one connection. A job owns its arguments and its result, never a request's memory. A job
 * that nobody waits for any more when its turn comes is not begun. A full queue completes the ticket with STORE_DOWN at
 * once (deferred).
 * - SQLite: reads run in parallel; one thread writes, so a write waits for writes only, never for reads.
 * - MySQL: every thread reads and writes. With a replica, reads that may lag go there; what it does not know or cannot
 *   answer is asked again at the primary, so a token that was issued a moment ago is never unknown. One that hangs is
 *   not waited for (durable/replica_watch.h). A connection that was lost is made anew by the next job; while the server
 *   cannot be reached jobs fail at once (sql/gate.h). */
#ifndef COUNTERSIGN_DURABLE_POOL_H
#define COUNTERSIGN_DURABLE_POOL_H

#include "base/attributes.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/slice.h"
#include "base/status.h"
#include "crypto/sealed.h"
#include "store/next_password.h"

#include <stddef.h>

struct change_page;
struct durable;
struct durable_pool;
struct loop;
struct ticket;

struct durable_pool_options {
    struct slice url;                         /* OAUTH1_DATABASE_URL */
    struct slice read_url;                    /* OAUTH1_DATABASE_READ_URL; absent: no replica */
    struct slice password;                    /* OAUTH1_DATABASE_PASSWORD; absent: in the URLs, or none */
    struct next_password *next_password;      /* of the primary; borrowed, may be NULL */
    struct next_password *next_read_password; /* of the replica, likewise */
    size_t connections;                       /* OAUTH1_DATABASE_POOL; as many again to the replica */
    size_t queue_limit;                       /* jobs that may wait, for each kind; 0: 1024 */
    struct keyring *keys;                     /* the pool keeps a share of them */
    const struct clock *clock;                /* borrowed */
};

/* Whether a pool can be made of it. BAD_INPUT: a text is appended to `why`. */
MUST_USE enum status durable_pool_check_url(struct slice url, struct buf *why);
/* Opens all connections and checks the schema. On failure a text for the operator is appended to `why` (it names
 * `auth-service migrate up` where that helps). BAD_INPUT: a URL, or a schema that does not fit. */
MUST_USE enum status durable_pool_new_blocking(const struct durable_pool_options *options, struct buf *why,
                                               struct durable_pool **ret_pool);
/* On any loop's thread, which is `loop`'s; the changes are borrowed for the call, NULL where there are none. */
typedef void (*durable_publish_fn)(void *context, struct loop *loop, const struct change_page *changes);
/* Who publishes jobs' changes after their commit, before the ticket completes. Set before the first job. */
void durable_pool_publish_to(struct durable_pool *pool, durable_publish_fn publish, void *context);
/* Makes later jobs seal and open by these keys; a job that runs keeps those that it began with. Any thread may call it.
 */
void durable_pool_set_keys(struct durable_pool *pool, struct keyring *keys);
/* Finishes the jobs that are queued, and closes the connections. NULL is fine. */
void durable_pool_free(struct durable_pool *pool);

enum durable_access {
    DURABLE_READ,         /* may lag behind by what a replica does */
    DURABLE_READ_CURRENT, /* sees all that was committed: after an invalidation, before a decision that lasts */
    DURABLE_WRITE,
};

/* One piece of work: runs on a pool thread with a connection, sets *ret_result (or leaves it NULL). With DURABLE_READ
 * it may be run twice, then with a NULL *ret_result again: where the replica failed, found nothing (NOT_FOUND), or work
 * set db->is_incomplete. */
typedef enum status (*durable_work_fn)(struct durable *db, void *arguments, void **ret_result);

struct durable_job {
    enum durable_access access;
    durable_work_fn work;
    void *arguments; /* owned by the job from here on */
    void (*free_arguments)(void *arguments);
    void (*free_result)(void *result);
};

/* Queues it; the ticket completes on its loop with work's status and result. NULL arguments count as out of memory. */
void durable_pool_start(struct durable_pool *pool, const struct durable_job *job, struct ticket ticket);

/* Whether the store answers and takes writes; where the last write failed, by another write; and once a secret did not
 * open, whether any does. Where not, the result is a text for the operator (char *). */
void durable_pool_check_start(struct durable_pool *pool, struct ticket ticket);
/* Whether the last check that had an answer found the store of no use, in contrast to one that is away. Any thread. */
bool durable_pool_is_useless(const struct durable_pool *pool);

#endif
