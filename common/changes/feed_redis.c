#include "changes/feed_redis.h"

#include "changes/message.h"
#include "loop/loop.h"
#include "redis/blocking.h"

#include <stdatomic.h>
#include <stdlib.h>

enum { PING_MS = 300, UNSENT_MAX = 1000 };

struct redis_feed;

/* Waits to be published; sent, it waits for its answer. */
struct outgoing {
    struct loop_message message; /* first: brings it to the feed's loop */
    struct redis_feed *feed;
    struct outgoing *next;
    bool is_sent;
    size_t len;
    char text[];
};

struct redis_feed {
    struct change_feed feed; /* first */
    struct redis_target target;
    struct loop *loop;
    struct redis_client *subscriber;
    struct redis_client *publisher;
    struct loop_timer ping_timer;
    bool is_standing;
    struct outgoing *unsent; /* oldest first */
    struct outgoing **last_unsent;
    size_t unsent_count;
    _Atomic size_t posted; /* messages in the mailbox: they hold the feed's memory */
    bool is_closed;
};

static struct redis_feed *feed_of(struct change_feed *feed)
{
    return (struct redis_feed *)feed;
}

static void free_if_over(struct redis_feed *feed)
{
    if (!feed->is_closed || atomic_load(&feed->posted))
        return;
    redis_target_done(&feed->target);
    free(feed);
}

/* ---- listening ---- */

static void tell_listeners(void *context, const struct change *change)
{
    change_feed_changed(context, change);
}

static void declare_lost(struct redis_feed *feed)
{
    if (feed->is_standing)
        change_feed_lost(&feed->feed);
    feed->is_standing = false;
}

static void declare_standing(struct redis_feed *feed)
{
    feed->is_standing = true;
    change_feed_standing(&feed->feed);
}

/* What we do not understand may be anything: a newer version's message. */
static void on_subscriber_message(void *context, const struct redisReply *reply)
{
    struct redis_feed *feed = context;
    struct slice text = {0};
    if (!feed->is_standing || (redis_reply_text(redis_reply_item(reply, 2), &text) == STATUS_OK &&
                               change_message_read(text, tell_listeners, &feed->feed) == STATUS_OK))
        return;
    declare_lost(feed);
    declare_standing(feed);
}

static void on_subscribed(void *context, const struct redisReply *reply)
{
    struct redis_feed *feed = context;
    size_t count = 0;
    if (!reply)
        return;
    if (redis_reply_array(reply, &count) != STATUS_OK) {
        redis_client_refuse(feed->subscriber, SLICE("it refused SUBSCRIBE"));
        return;
    }
    redis_client_ready(feed->subscriber);
    declare_standing(feed);
}

static void on_subscriber_greeting(void *context)
{
    static const struct slice args[] = {SLICE_INIT("SUBSCRIBE"), SLICE_INIT("countersign:changes")};
    struct redis_feed *feed = context;
    if (redis_send(feed->subscriber, args, COUNT_OF(args), on_subscribed, feed) != STATUS_OK)
        redis_client_refuse(feed->subscriber, SLICE("out of memory"));
}

static void on_subscriber_lost(void *context)
{
    declare_lost(context);
}

static void on_pong(void *context, const struct redisReply *reply)
{
    (void)context, (void)reply; /* that it came is all: without it the connection is given up */
}

static void on_ping_timer(void *context)
{
    static const struct slice args[] = {SLICE_INIT("PING")};
    struct redis_feed *feed = context;
    if (redis_client_state(feed->subscriber) == REDIS_READY)
        (void)!redis_send(feed->subscriber, args, COUNT_OF(args), on_pong, feed);
}

/* ---- publishing ---- */

static void drop_oldest(struct redis_feed *feed)
{
    struct outgoing *oldest = feed->unsent;
    feed->unsent = oldest->next;
    if (!feed->unsent)
        feed->last_unsent = &feed->unsent;
    feed->unsent_count--;
    free(oldest);
}

/* Answers come in the order of sending: what was sent is at the front. */
static void on_published(void *context, const struct redisReply *reply)
{
    struct redis_feed *feed = context;
    if (reply)
        drop_oldest(feed);
    else
        for (struct outgoing *out = feed->unsent; out; out = out->next)
            out->is_sent = false;
}

static void send_all(struct redis_feed *feed)
{
    for (struct outgoing *out = feed->unsent; out; out = out->next) {
        const struct slice args[] = {SLICE("PUBLISH"), CHANGE_CHANNEL, slice_of(out->text, out->len)};
        if (out->is_sent)
            continue;
        if (redis_client_state(feed->publisher) != REDIS_READY ||
            redis_send(feed->publisher, args, COUNT_OF(args), on_published, feed) != STATUS_OK)
            return;
        out->is_sent = true;
    }
}

static void on_publisher_greeting(void *context)
{
    struct redis_feed *feed = context;
    redis_client_ready(feed->publisher);
    send_all(feed);
}

static void queue_change(struct redis_feed *feed, struct outgoing *out)
{
    if (feed->unsent_count == UNSENT_MAX && !feed->unsent->is_sent) {
        drop_oldest(feed);
        observer_event(loop_observer(feed->loop), "redis", "changes not told", "too many wait for Redis");
    }
    *feed->last_unsent = out;
    feed->last_unsent = &out->next;
    feed->unsent_count++;
    send_all(feed);
}

static void on_change_posted(struct loop_message *message)
{
    struct outgoing *out = (struct outgoing *)message;
    struct redis_feed *feed = out->feed;
    atomic_fetch_sub(&feed->posted, 1);
    if (feed->is_closed)
        free(out);
    else
        queue_change(feed, out);
    free_if_over(feed);
}

static void post_change(struct redis_feed *feed, struct loop *loop, struct slice text)
{
    struct outgoing *out = calloc(1, sizeof *out + text.len);
    if (!out)
        return; /* as a message that was lost */
    out->feed = feed;
    out->len = text.len;
    memcpy(out->text, text.ptr, text.len);
    if (loop == feed->loop) {
        queue_change(feed, out);
        return;
    }
    out->message.deliver = on_change_posted;
    atomic_fetch_add(&feed->posted, 1);
    loop_post(feed->loop, &out->message);
}

static void redis_feed_publish(struct change_feed *base, struct loop *loop, const struct change_page *changes)
{
    struct buf text = BUF_INIT;
    for (size_t from = 0; from < changes->count; buf_reset(&text)) {
        change_message_write(changes, &from, &text);
        if (!text.failed)
            post_change(feed_of(base), loop, buf_slice(&text));
    }
    buf_done(&text);
}

/* ---- life ---- */

static void close_feed(struct change_feed *base)
{
    struct redis_feed *feed = feed_of(base);
    redis_client_free(feed->subscriber);
    redis_client_free(feed->publisher);
    loop_timer_done(&feed->ping_timer);
    while (feed->unsent)
        drop_oldest(feed);
    feed->is_closed = true;
    free_if_over(feed);
}

static enum status connect_feed(struct redis_feed *feed)
{
    const struct redis_client_options subscriber = {
        .loop = feed->loop,
        .target = &feed->target,
        .hooks = {.context = feed,
                  .greet = on_subscriber_greeting,
                  .lost = on_subscriber_lost,
                  .message = on_subscriber_message},
    };
    const struct redis_client_options publisher = {
        .loop = feed->loop,
        .target = &feed->target,
        .hooks = {.context = feed, .greet = on_publisher_greeting},
    };
    TRY(loop_timer_init(&feed->ping_timer, feed->loop, on_ping_timer, feed));
    TRY(loop_timer_start_periodic(&feed->ping_timer, PING_MS));
    feed->subscriber = redis_client_new(&subscriber);
    feed->publisher = redis_client_new(&publisher);
    return feed->subscriber && feed->publisher ? STATUS_OK : STATUS_NO_MEMORY;
}

enum status change_feed_redis_new(const struct change_feed_options *options, struct buf *why,
                                  struct change_feed **ret_feed)
{
    static const struct change_feed_ops ops = {.publish = redis_feed_publish, .free = close_feed};
    struct redis_feed *feed = calloc(1, sizeof *feed);
    if (!feed)
        return STATUS_NO_MEMORY;
    feed->feed.ops = &ops;
    feed->loop = options->loops[0];
    feed->last_unsent = &feed->unsent;
    enum status status = redis_target_open_blocking(options->redis_url, options->redis_password, why, &feed->target);
    if (status == STATUS_OK) {
        redis_target_set_passwords(&feed->target, options->next_redis_password, options->next_sentinel_password);
        status = connect_feed(feed);
    }
    if (status != STATUS_OK) {
        close_feed(&feed->feed);
        return status;
    }
    *ret_feed = &feed->feed;
    return STATUS_OK;
}

/* ---- a command's ---- */

static enum status take_count(void *context, const struct redisReply *reply)
{
    int64_t count = 0;
    (void)context;
    return redis_reply_integer(reply, &count);
}

static enum status publish_all(struct redis_blocking *redis, const struct change_page *changes)
{
    struct buf text = BUF_INIT;
    enum status status = STATUS_OK;
    for (size_t from = 0; status == STATUS_OK && from < changes->count; buf_reset(&text)) {
        change_message_write(changes, &from, &text);
        const struct slice args[] = {SLICE("PUBLISH"), CHANGE_CHANNEL, buf_slice(&text)};
        status = text.failed ? STATUS_NO_MEMORY : redis_ask_blocking(redis, args, COUNT_OF(args), take_count, NULL);
    }
    buf_done(&text);
    return status;
}

enum status change_feed_redis_publish_blocking(struct slice redis_url, struct slice redis_password,
                                               const struct change_page *changes, struct buf *why)
{
    struct clock clock = clock_system(0);
    struct redis_target target;
    struct redis_blocking *redis = NULL;
    TRY(redis_target_open_blocking(redis_url, redis_password, why, &target));
    enum status status = redis_open_blocking(&target, &clock, why, &redis);
    if (status == STATUS_OK) {
        status = publish_all(redis, changes);
        if (status != STATUS_OK)
            buf_addf(why, "Redis at %s: %s", target.shown, status_text(status));
    }
    redis_blocking_free(redis);
    redis_target_done(&target);
    return status;
}
