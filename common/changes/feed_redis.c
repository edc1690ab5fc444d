#include "changes/feed_redis.h"

#include "changes/message.h"
#include "loop/loop.h"
#include "redis/blocking.h"
#include "redis/client.h"
#include "redis/resolve.h"
#include "redis/target.h"
#include "redis/topology.h"

#include <stdatomic.h>
#include <stdlib.h>

enum { PING_MS = 300, FOLLOW_MS = 2500, UNSENT_MAX = 1000, LANES_MAX = 2 };

struct redis_feed;
struct lane;

/* Waits to be published; sent, it waits for its answer. */
struct outgoing {
    struct loop_message message; /* first: brings it to the feed's loop */
    struct lane *lane;
    struct outgoing *next;
    bool is_sent;
    size_t len;
    char text[];
};

/* One server that messages go by. */
struct lane {
    struct redis_feed *feed;
    struct redis_target target;
    struct redis_client *subscriber;
    struct redis_client *publisher;
    bool is_subscribed;
    struct redis_resolving *following; /* the question where it ought to be; NULL: it is not asked */
    struct outgoing *unsent;           /* oldest first */
    struct outgoing **last_unsent;
    size_t unsent_count;
};

struct redis_feed {
    struct change_feed feed; /* first */
    struct loop *loop;
    struct lane lanes[LANES_MAX];
    size_t lane_count;
    struct loop_timer ping_timer;
    struct loop_timer follow_timer;
    size_t followed; /* so often */
    bool is_standing;
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
    for (size_t i = 0; i < COUNT_OF(feed->lanes); i++)
        redis_target_done(&feed->lanes[i].target);
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
    struct redis_feed *feed = ((struct lane *)context)->feed;
    struct slice text = {0};
    if (!feed->is_standing || (redis_reply_text(redis_reply_item(reply, 2), &text) == STATUS_OK &&
                               change_message_read(text, tell_listeners, &feed->feed) == STATUS_OK))
        return;
    declare_lost(feed);
    declare_standing(feed);
}

static void on_subscribed(void *context, const struct redisReply *reply)
{
    struct lane *lane = context;
    size_t count = 0;
    if (!reply)
        return;
    if (redis_reply_array(reply, &count) != STATUS_OK) {
        redis_client_refuse(lane->subscriber, SLICE("it refused SUBSCRIBE"));
        return;
    }
    redis_client_ready(lane->subscriber);
    lane->is_subscribed = true;
    if (!lane->feed->is_standing)
        declare_standing(lane->feed);
}

static void on_subscriber_greeting(void *context)
{
    static const struct slice args[] = {SLICE_INIT("SUBSCRIBE"), SLICE_INIT("countersign:changes")};
    struct lane *lane = context;
    if (redis_send(lane->subscriber, args, COUNT_OF(args), on_subscribed, lane) != STATUS_OK)
        redis_client_refuse(lane->subscriber, SLICE("out of memory"));
}

/* What the one lane misses comes by the other. */
static void on_subscriber_lost(void *context)
{
    struct lane *lane = context;
    struct redis_feed *feed = lane->feed;
    lane->is_subscribed = false;
    for (size_t i = 0; i < feed->lane_count; i++)
        if (feed->lanes[i].is_subscribed)
            return;
    declare_lost(feed);
}

static void on_pong(void *context, const struct redisReply *reply)
{
    (void)context, (void)reply; /* that it came is all: without it the connection is given up */
}

static void on_ping_timer(void *context)
{
    static const struct slice args[] = {SLICE_INIT("PING")};
    struct redis_feed *feed = context;
    for (size_t i = 0; i < feed->lane_count; i++)
        if (redis_client_state(feed->lanes[i].subscriber) == REDIS_READY)
            (void)!redis_send(feed->lanes[i].subscriber, args, COUNT_OF(args), on_pong, NULL);
}

/* ---- where a lane goes ---- */

static void leave_other_node(struct redis_client *client, const struct redis_place *place)
{
    if (redis_client_state(client) == REDIS_READY && !redis_place_eq(redis_client_place(client), place))
        redis_client_refuse(client, SLICE("messages of the Cluster go by another node"));
}

static void on_located(void *context, const struct redis_addresses *addresses)
{
    struct lane *lane = context;
    lane->following = NULL;
    if (addresses->count == 0)
        return;
    leave_other_node(lane->subscriber, &addresses->place);
    leave_other_node(lane->publisher, &addresses->place);
}

/* A node that was taken out of the Cluster keeps its connections, and nothing comes by it any more. One lane after the
 * other, so that the feed stands meanwhile. */
static void on_follow_timer(void *context)
{
    struct redis_feed *feed = context;
    struct lane *lane = &feed->lanes[feed->followed++ % feed->lane_count];
    const struct redis_question question = {lane->target.place, lane->target.locator, redis_lookup_blocking};
    if (!lane->following)
        lane->following = redis_resolve_start(feed->loop, &question, on_located, lane);
}

/* ---- publishing ---- */

static void drop_oldest(struct lane *lane)
{
    struct outgoing *oldest = lane->unsent;
    lane->unsent = oldest->next;
    if (!lane->unsent)
        lane->last_unsent = &lane->unsent;
    lane->unsent_count--;
    free(oldest);
}

/* Answers come in the order of sending: what was sent is at the front. */
static void on_published(void *context, const struct redisReply *reply)
{
    struct lane *lane = context;
    if (reply)
        drop_oldest(lane);
    else
        for (struct outgoing *out = lane->unsent; out; out = out->next)
            out->is_sent = false;
}

static void send_all(struct lane *lane)
{
    for (struct outgoing *out = lane->unsent; out; out = out->next) {
        const struct slice args[] = {SLICE("PUBLISH"), CHANGE_CHANNEL, slice_of(out->text, out->len)};
        if (out->is_sent)
            continue;
        if (redis_client_state(lane->publisher) != REDIS_READY ||
            redis_send(lane->publisher, args, COUNT_OF(args), on_published, lane) != STATUS_OK)
            return;
        out->is_sent = true;
    }
}

static void on_publisher_greeting(void *context)
{
    struct lane *lane = context;
    redis_client_ready(lane->publisher);
    send_all(lane);
}

static bool one_publishes(const struct redis_feed *feed)
{
    for (size_t i = 0; i < feed->lane_count; i++)
        if (redis_client_state(feed->lanes[i].publisher) == REDIS_READY)
            return true;
    return false;
}

static void queue_change(struct outgoing *out)
{
    struct lane *lane = out->lane;
    if (lane->unsent_count == UNSENT_MAX && !lane->unsent->is_sent) {
        drop_oldest(lane);
        if (!one_publishes(lane->feed))
            observer_event(loop_observer(lane->feed->loop), "redis", "changes not told", "too many wait for Redis");
    }
    *lane->last_unsent = out;
    lane->last_unsent = &out->next;
    lane->unsent_count++;
    send_all(lane);
}

static void on_change_posted(struct loop_message *message)
{
    struct outgoing *out = (struct outgoing *)message;
    struct redis_feed *feed = out->lane->feed;
    atomic_fetch_sub(&feed->posted, 1);
    if (feed->is_closed)
        free(out);
    else
        queue_change(out);
    free_if_over(feed);
}

static void post_change(struct lane *lane, struct loop *loop, struct slice text)
{
    struct outgoing *out = calloc(1, sizeof *out + text.len);
    if (!out)
        return; /* as a message that was lost */
    out->lane = lane;
    out->len = text.len;
    memcpy(out->text, text.ptr, text.len);
    if (loop == lane->feed->loop) {
        queue_change(out);
        return;
    }
    out->message.deliver = on_change_posted;
    atomic_fetch_add(&lane->feed->posted, 1);
    loop_post(lane->feed->loop, &out->message);
}

static void redis_feed_publish(struct change_feed *base, struct loop *loop, const struct change_page *changes)
{
    struct redis_feed *feed = feed_of(base);
    struct buf text = BUF_INIT;
    for (size_t from = 0; from < changes->count; buf_reset(&text)) {
        change_message_write(changes, &from, &text);
        for (size_t i = 0; i < feed->lane_count && !text.failed; i++)
            post_change(&feed->lanes[i], loop, buf_slice(&text));
    }
    buf_done(&text);
}

/* ---- life ---- */

static void close_lane(struct lane *lane)
{
    redis_resolve_cancel(lane->following);
    redis_client_free(lane->subscriber);
    redis_client_free(lane->publisher);
    while (lane->unsent)
        drop_oldest(lane);
}

static void close_feed(struct change_feed *base)
{
    struct redis_feed *feed = feed_of(base);
    for (size_t i = 0; i < feed->lane_count; i++)
        close_lane(&feed->lanes[i]);
    loop_timer_done(&feed->ping_timer);
    loop_timer_done(&feed->follow_timer);
    feed->is_closed = true;
    free_if_over(feed);
}

static enum status connect_lane(struct lane *lane)
{
    const struct redis_client_options subscriber = {
        .loop = lane->feed->loop,
        .target = &lane->target,
        .hooks = {.context = lane,
                  .greet = on_subscriber_greeting,
                  .lost = on_subscriber_lost,
                  .message = on_subscriber_message},
    };
    const struct redis_client_options publisher = {
        .loop = lane->feed->loop,
        .target = &lane->target,
        .hooks = {.context = lane, .greet = on_publisher_greeting},
    };
    lane->subscriber = redis_client_new(&subscriber);
    lane->publisher = redis_client_new(&publisher);
    return lane->subscriber && lane->publisher ? STATUS_OK : STATUS_NO_MEMORY;
}

static enum status open_lane(struct redis_feed *feed, const struct change_feed_options *options, struct buf *why)
{
    struct lane *lane = &feed->lanes[feed->lane_count];
    TRY(redis_target_open_blocking(options->redis_url, options->redis_password, why, &lane->target));
    redis_target_set_passwords(&lane->target, options->next_redis_password, options->next_sentinel_password);
    lane->feed = feed;
    lane->last_unsent = &lane->unsent;
    if (feed->lane_count++ > 0)
        redis_target_take_another_node(&lane->target);
    return connect_lane(lane);
}

static enum status open_lanes(struct redis_feed *feed, const struct change_feed_options *options, struct buf *why)
{
    TRY(loop_timer_init(&feed->ping_timer, feed->loop, on_ping_timer, feed));
    TRY(loop_timer_init(&feed->follow_timer, feed->loop, on_follow_timer, feed));
    TRY(loop_timer_start_periodic(&feed->ping_timer, PING_MS));
    TRY(open_lane(feed, options, why));
    if (!redis_target_has_nodes(&feed->lanes[0].target))
        return STATUS_OK;
    TRY(open_lane(feed, options, why));
    return loop_timer_start_periodic(&feed->follow_timer, FOLLOW_MS);
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
    enum status status = open_lanes(feed, options, why);
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

static enum status publish_on_target(const struct redis_target *target, const struct change_page *changes,
                                     struct buf *why)
{
    struct clock clock = clock_system(0);
    struct redis_blocking *redis = NULL;
    TRY(redis_open_blocking(target, &clock, why, &redis));
    enum status status = publish_all(redis, changes);
    if (status != STATUS_OK)
        buf_addf(why, "Redis at %s: %s", target->shown, status_text(status));
    redis_blocking_free(redis);
    return status;
}

/* As a service does on each of its lanes; one that is away is made up for by the other and the Cluster's bus. */
static enum status publish_on_lanes(struct redis_target *target, const struct change_page *changes, struct buf *why)
{
    enum status status = publish_on_target(target, changes, why);
    if (!redis_target_has_nodes(target))
        return status;
    redis_target_take_another_node(target);
    enum status other = publish_on_target(target, changes, why);
    return status == STATUS_OK ? STATUS_OK : other;
}

enum status change_feed_redis_publish_blocking(struct slice redis_url, struct slice redis_password,
                                               const struct change_page *changes, struct buf *why)
{
    struct redis_target target;
    struct buf fault = BUF_INIT;
    TRY(redis_target_open_blocking(redis_url, redis_password, why, &target));
    enum status status = publish_on_lanes(&target, changes, &fault);
    if (status != STATUS_OK)
        buf_add(why, buf_slice(&fault));
    buf_done(&fault);
    redis_target_done(&target);
    return status;
}
