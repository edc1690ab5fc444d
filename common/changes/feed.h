/* change_feed: the news of what was disabled, deleted, revoked or rotated, so that nobody goes on believing it.
 *
 * Invariants:
 * - A port: with Redis every change is one message; without it the `changes` table is polled. A process opens one feed,
 *   on its first loop; listeners are added before the loops run and called on that loop's thread.
 * - A listener hears `standing`, then `changed` for every change that is committed from then on, at least once, until
 *   `silent` or `lost`. A change may be told twice, and one that was rolled back may be told: all that it may do is
 * make a listener ask again, or end what somebody wanted to end.
 * - `silent`: for a while nothing can be told, but nothing is missed for good: what happened meanwhile is told right
 *   after the next `standing`. `lost`: changes were missed. Both end with `standing`.
 * - Whoever writes publishes after his commit, never before. */
#ifndef COUNTERSIGN_CHANGES_FEED_H
#define COUNTERSIGN_CHANGES_FEED_H

#include "base/attributes.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/slice.h"
#include "base/status.h"
#include "durable/changes.h"

#include <stdbool.h>
#include <stddef.h>

struct change_feed;
struct durable_pool;
struct next_password;
struct loop;

/* Functions may be NULL. They do not free the feed. */
struct change_listener {
    void *context;
    void (*standing)(void *context);
    void (*changed)(void *context, const struct change *change); /* borrowed for the call */
    void (*silent)(void *context);
    void (*lost)(void *context);
};

enum { CHANGE_LISTENERS_MAX = 4 };

/* ---- the port ---- */

struct change_feed_ops {
    /* On any loop's thread, which is `loop`'s; the changes are borrowed for the call. May be NULL. */
    void (*publish)(struct change_feed *feed, struct loop *loop, const struct change_page *changes);
    void (*free)(struct change_feed *feed);
};

/* Comes first in each implementation's own struct. */
struct change_feed {
    const struct change_feed_ops *ops;
    struct change_listener listeners[CHANGE_LISTENERS_MAX];
    size_t listener_count;
};

/* What implementations call, on the first loop's thread. */
void change_feed_standing(struct change_feed *feed);
void change_feed_changed(struct change_feed *feed, const struct change *change);
void change_feed_silent(struct change_feed *feed);
void change_feed_lost(struct change_feed *feed);

/* ---- its users ---- */

struct change_feed_options {
    struct slice redis_url;                    /* OAUTH1_REDIS_URL */
    struct slice redis_password;               /* OAUTH1_REDIS_PASSWORD; may be absent */
    struct next_password *next_redis_password; /* borrowed; may be NULL */
    struct slice database_url;                 /* OAUTH1_DATABASE_URL */
    struct durable_pool *durable;              /* borrowed */
    struct loop *const *loops;                 /* of the process; the first one's thread calls the listeners */
    size_t loop_count;
};

/* Before the loops run, which it begins to work on. On failure a text for the operator is appended to `why`.
 * BAD_INPUT: a URL; NO_MEMORY. */
MUST_USE enum status change_feed_open_blocking(const struct change_feed_options *options, struct buf *why,
                                               struct change_feed **ret_feed);
/* After the loops have ended, before they and the pool are freed. Tells its listeners nothing any more. NULL is fine.
 */
void change_feed_free(struct change_feed *feed);

/* Copies the listener. A bug (assert): more than CHANGE_LISTENERS_MAX. */
void change_feed_listen(struct change_feed *feed, const struct change_listener *listener);

/* Tells every process, this one too; nobody waits. A message that is lost costs a cache's TTL. NULL is no feed, and no
 * changes are fine. */
void change_feed_publish(struct change_feed *feed, struct loop *loop, const struct change_page *changes);
/* What the pool's jobs change is published from now on. Before the first job; the feed must live as long. */
void change_feed_hear(struct change_feed *feed, struct durable_pool *pool);
/* The same as change_feed_publish, from a command, before it ends. OK: also where the changes are polled. On failure a
 * text for the operator is appended to `why`. */
MUST_USE enum status change_feed_publish_blocking(struct slice redis_url, struct slice redis_password,
                                                  const struct change_page *changes, struct buf *why);

#endif
