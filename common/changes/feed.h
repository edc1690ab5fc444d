/* feed: the news of what was disabled, deleted, revoked or rotated, so that nobody goes on believing it.
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

/* Functions may be NULL. They must not free the feed. */
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
    /* Called on the thread of `loop`, which may be any loop. The changes are borrowed for the call. May be NULL. */
    void (*publish)(struct change_feed *feed, struct loop *loop, const struct change_page *changes);
    void (*free)(struct change_feed *feed);
};

/* Comes first in each implementation's own struct. */
struct change_feed {
    const struct change_feed_ops *ops;
    struct change_listener listeners[CHANGE_LISTENERS_MAX];
    size_t listener_count;
};

/* Implementations call these on the first loop's thread. */
void change_feed_standing(struct change_feed *feed);
void change_feed_changed(struct change_feed *feed, const struct change *change);
void change_feed_silent(struct change_feed *feed);
void change_feed_lost(struct change_feed *feed);

/* ---- its users ---- */

struct change_feed_options {
    struct slice redis_url;                       /* OAUTH1_REDIS_URL */
    struct slice redis_password;                  /* OAUTH1_REDIS_PASSWORD; may be absent */
    struct next_password *next_redis_password;    /* borrowed; may be NULL */
    struct next_password *next_sentinel_password; /* likewise */
    struct slice database_url;                    /* OAUTH1_DATABASE_URL */
    struct durable_pool *durable;                 /* borrowed */
    struct loop *const *loops;                    /* of the process; the first one's thread calls the listeners */
    size_t loop_count;
};

/* Call this before the loops run. On failure a text for the operator is appended to `why`. BAD_INPUT: a URL is wrong;
 * NO_MEMORY. */
MUST_USE enum status change_feed_open_blocking(const struct change_feed_options *options, struct buf *why,
                                               struct change_feed **ret_feed);
/* Call this after the loops have ended, before they and the pool are freed. Listeners are told nothing any more. NULL
 * is fine. */
void change_feed_free(struct change_feed *feed);

/* Copies the listener. More than CHANGE_LISTENERS_MAX would be a bug (assert). */
void change_feed_listen(struct change_feed *feed, const struct change_listener *listener);

/* Tells every process, this one too. Nobody waits for it. If the message is lost, caches learn of the change when their
 * TTL is over. A NULL feed or NULL changes do nothing. */
void change_feed_publish(struct change_feed *feed, struct loop *loop, const struct change_page *changes);
/* Publishes whatever the pool's jobs change. Call this before the first job. The feed must live as long as the pool. */
void change_feed_hear(struct change_feed *feed, struct durable_pool *pool);
/* Does what change_feed_publish does, for a command that is about to end. It is OK, and does nothing, where changes are
 * polled. On failure a text for the operator is appended to `why`. */
MUST_USE enum status change_feed_publish_blocking(struct slice redis_url, struct slice redis_password,
                                                  const struct change_page *changes, struct buf *why);

#endif
