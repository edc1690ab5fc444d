/* feed_redis: the feed on Redis's publish and subscribe (feed.h).
 *
 * Invariants:
 * - A lane is two connections to one server, both on the first loop: one is subscribed and asked every 300 ms whether
 *   it is still there, so that a dead one is noticed within a second; the other publishes. Messages of other loops come
 *   by mailbox. One that could not be published, or whose answer was lost, is published again once there is a
 *   connection: those who listen may hear it twice.
 * - In a Cluster there are two lanes, to two primaries, and each message goes by both. Nothing is missed, and the feed
 *   stands, as long as one is subscribed: what a process missed while it had none cannot be made up for where the
 *   database is away. Those who listen may hear a message four times, since the Cluster's bus carries each to all.
 * - Which two these are is asked every 5 s, for one lane after the other; a connection to another node is given up. */
#ifndef COUNTERSIGN_CHANGES_FEED_REDIS_H
#define COUNTERSIGN_CHANGES_FEED_REDIS_H

#include "changes/feed.h"

/* Connects from the loop's first turn on. BAD_INPUT: the URL; NO_MEMORY. */
MUST_USE enum status change_feed_redis_new(const struct change_feed_options *options, struct buf *why,
                                           struct change_feed **ret_feed);
/* See change_feed_publish_blocking. */
MUST_USE enum status change_feed_redis_publish_blocking(struct slice redis_url, struct slice redis_password,
                                                        const struct change_page *changes, struct buf *why);

#endif
