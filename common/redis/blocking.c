#include "redis/blocking.h"

#include "loop/loop.h"

#include <stdlib.h>

struct redis_blocking {
    struct loop *loop;
    struct redis_client *client;
    bool is_greeted;
    bool is_lost;
};

static void on_greeting(void *context)
{
    struct redis_blocking *redis = context;
    redis_client_ready(redis->client);
    redis->is_greeted = true;
    loop_stop(redis->loop);
}

static void on_lost(void *context)
{
    struct redis_blocking *redis = context;
    bool goes_on = redis_client_state(redis->client) == REDIS_CONNECTING || redis_client_is_looking_up(redis->client);
    if (goes_on && !redis->is_greeted) /* the name's next address, or a resolver that takes its time */
        return;
    redis->is_lost = true;
    loop_stop(redis->loop);
}

static bool make_client(struct redis_blocking *redis, const struct redis_target *target, const struct clock *clock)
{
    redis->loop = loop_new(clock, NULL);
    if (!redis->loop)
        return false;
    const struct redis_client_options options = {
        .loop = redis->loop, .target = target, .hooks = {.context = redis, .greet = on_greeting, .lost = on_lost}};
    redis->client = redis_client_new(&options);
    return redis->client != NULL;
}

/* Until *is_done, which a callback sets before it stops the loop. STORE_DOWN: the connection was lost. */
static enum status wait_blocking(struct redis_blocking *redis, const bool *is_done)
{
    while (!*is_done && !redis->is_lost)
        loop_run(redis->loop);
    return *is_done ? STATUS_OK : STATUS_STORE_DOWN;
}

enum status redis_connect_blocking(const struct redis_target *target, const struct clock *clock, struct buf *why,
                                   struct redis_blocking **ret_redis)
{
    struct redis_blocking *redis = calloc(1, sizeof *redis);
    if (!redis || !make_client(redis, target, clock)) {
        redis_blocking_free(redis);
        return STATUS_NO_MEMORY;
    }
    enum status status = wait_blocking(redis, &redis->is_greeted);
    if (status != STATUS_OK) {
        buf_add_str(why, redis_client_fault(redis->client));
        redis_blocking_free(redis);
        return status;
    }
    *ret_redis = redis;
    return STATUS_OK;
}

enum status redis_open_blocking(const struct redis_target *target, const struct clock *clock, struct buf *why,
                                struct redis_blocking **ret_redis)
{
    struct buf fault = BUF_INIT;
    enum status status = redis_connect_blocking(target, clock, &fault, ret_redis);
    if (status == STATUS_STORE_DOWN)
        buf_addf(why, "OAUTH1_REDIS_URL: Redis at %s cannot be used: %.*s", target->shown,
                 SLICE_ARGS(buf_slice(&fault)));
    buf_done(&fault);
    return status;
}

void redis_blocking_free(struct redis_blocking *redis)
{
    if (!redis)
        return;
    redis_client_free(redis->client);
    loop_free(redis->loop);
    free(redis);
}

struct redis_client *redis_blocking_client(struct redis_blocking *redis)
{
    return redis->client;
}

struct asking {
    struct redis_blocking *redis;
    enum status (*take)(void *context, const struct redisReply *reply);
    void *context;
    enum status status;
    bool is_done;
};

static void on_reply(void *context, const struct redisReply *reply)
{
    struct asking *asking = context;
    asking->status = reply ? asking->take(asking->context, reply) : STATUS_STORE_DOWN;
    asking->is_done = true;
    loop_stop(asking->redis->loop);
}

enum status redis_ask_blocking(struct redis_blocking *redis, const struct slice *args, size_t count,
                               enum status (*take)(void *context, const struct redisReply *reply), void *context)
{
    struct asking asking = {.redis = redis, .take = take, .context = context};
    TRY(redis_send(redis->client, args, count, on_reply, &asking));
    TRY(wait_blocking(redis, &asking.is_done));
    return asking.status;
}
