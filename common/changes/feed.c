#include "changes/feed.h"

#include "changes/feed_poll.h"
#include "changes/feed_redis.h"
#include "durable/pool.h"
#include "store/store_url.h"

#include <assert.h>

/* ---- listeners ---- */

void change_feed_listen(struct change_feed *feed, const struct change_listener *listener)
{
    assert(feed->listener_count < CHANGE_LISTENERS_MAX);
    feed->listeners[feed->listener_count++] = *listener;
}

void change_feed_standing(struct change_feed *feed)
{
    for (size_t i = 0; i < feed->listener_count; i++)
        if (feed->listeners[i].standing)
            feed->listeners[i].standing(feed->listeners[i].context);
}

void change_feed_changed(struct change_feed *feed, const struct change *change)
{
    for (size_t i = 0; i < feed->listener_count; i++)
        if (feed->listeners[i].changed)
            feed->listeners[i].changed(feed->listeners[i].context, change);
}

void change_feed_silent(struct change_feed *feed)
{
    for (size_t i = 0; i < feed->listener_count; i++)
        if (feed->listeners[i].silent)
            feed->listeners[i].silent(feed->listeners[i].context);
}

void change_feed_lost(struct change_feed *feed)
{
    for (size_t i = 0; i < feed->listener_count; i++)
        if (feed->listeners[i].lost)
            feed->listeners[i].lost(feed->listeners[i].context);
}

/* ---- the feed that the configuration names ---- */

enum status change_feed_open_blocking(const struct change_feed_options *options, struct buf *why,
                                      struct change_feed **ret_feed)
{
    if (ephemeral_kind_of(options->redis_url)->carries_messages)
        return change_feed_redis_new(options, why, ret_feed);
    const struct change_feed_poll_options poll = {
        .durable = options->durable,
        .loop = options->loops[0],
        .in_order = durable_kind_of(options->database_url)->commits_in_order,
    };
    return change_feed_poll_new(&poll, ret_feed);
}

void change_feed_free(struct change_feed *feed)
{
    if (feed)
        feed->ops->free(feed);
}

void change_feed_publish(struct change_feed *feed, struct loop *loop, const struct change_page *changes)
{
    if (feed && feed->ops->publish && changes && changes->count)
        feed->ops->publish(feed, loop, changes);
}

static void on_changes_written(void *feed, struct loop *loop, const struct change_page *changes)
{
    change_feed_publish(feed, loop, changes);
}

void change_feed_hear(struct change_feed *feed, struct durable_pool *pool)
{
    durable_pool_publish_to(pool, on_changes_written, feed);
}

enum status change_feed_publish_blocking(struct slice redis_url, struct slice redis_password,
                                         const struct change_page *changes, struct buf *why)
{
    if (!ephemeral_kind_of(redis_url)->carries_messages ||
        changes->count == 0) /* other processes poll the rows, so no message is needed */
        return STATUS_OK;
    return change_feed_redis_publish_blocking(redis_url, redis_password, changes, why);
}
