/* feed_poll: the feed without Redis: reads the `changes` table every 250 ms (feed.h).
 *
 * With a single writer (SQLite) sequences are committed in order, and reading on from the last one is exact. MySQL's
 * are not: a transaction that took its sequence early may commit late, so each poll rereads what came within the last
 * minute and tells what it has not told. A poll that fails misses nothing: the next one that succeeds reads on. */
#ifndef COUNTERSIGN_CHANGES_FEED_POLL_H
#define COUNTERSIGN_CHANGES_FEED_POLL_H

#include "changes/feed.h"

enum {
    CHANGE_POLL_MS = 250,
    CHANGE_POLL_SILENT_MS = 1000,   /* without a poll that succeeded: nothing can be told */
    CHANGE_POLL_REREAD_MS = 60000,  /* how long a transaction may take to commit */
    CHANGE_POLL_REREAD_ROWS = 1000, /* before the first poll: how many changes may have overtaken one */
};

struct change_feed_poll_options {
    struct durable_pool *durable; /* borrowed */
    struct loop *loop;            /* polls, and calls the listeners */
    bool in_order;                /* the durable store commits sequences in their order */
};

/* Polls begin with the loop's first turn. NO_MEMORY. */
MUST_USE enum status change_feed_poll_new(const struct change_feed_poll_options *options,
                                          struct change_feed **ret_feed);

#endif
