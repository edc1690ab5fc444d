#include "ephemeral/redis_start.h"

#include "ephemeral/redis_view.h"
#include "loop/observer.h"
#include "redis/blocking.h"
#include "redis/target.h"
#include "redis/topology.h"
#include "store/store_metrics.h"

#include <stdlib.h>

enum { INTSET_LIMIT = 512 };

/* ---- checks ---- */

static enum status take_info(void *context, const struct redisReply *reply)
{
    struct slice info = {0};
    struct slice error = redis_reply_error(reply);
    struct buf *why = context;
    struct redis_server server;
    if (!slice_is_absent(error)) {
        buf_addf(why, "it refused INFO: %.*s", SLICE_ARGS(error));
        return STATUS_STORE_DOWN;
    }
    TRY(redis_reply_text(reply, &info));
    TRY(redis_server_parse(info, &server));
    return redis_server_check(&server, why);
}

/* A primary of several has a part of the keys. What is no Cluster refuses the question, and an ACL may. */
static enum status take_slots(void *context, const struct redisReply *reply)
{
    const struct redis_place itself = {0};
    struct redis_topology topology;
    if (redis_topology_read(reply, &itself, &topology) != STATUS_OK || topology.count < 2)
        return STATUS_OK;
    buf_addf(context, "it is a node of a Cluster of %zu primaries; write redis+cluster://host:6379,host:6379",
             topology.count);
    return STATUS_BAD_INPUT;
}

static enum status check_server(const struct redis_store *store, const char *shown, struct redis_blocking *redis,
                                struct buf *why)
{
    static const struct slice info[] = {SLICE_INIT("INFO")};
    static const struct slice slots[] = {SLICE_INIT("CLUSTER"), SLICE_INIT("SLOTS")};
    struct buf fault = BUF_INIT;
    enum status status = redis_ask_blocking(redis, info, COUNT_OF(info), take_info, &fault);
    if (status == STATUS_OK && !redis_target_has_nodes(&store->target))
        status = redis_ask_blocking(redis, slots, COUNT_OF(slots), take_slots, &fault);
    if (status != STATUS_OK)
        buf_addf(why, "OAUTH1_REDIS_URL: Redis at %s cannot be used: %.*s", shown,
                 SLICE_ARGS(fault.len ? buf_slice(&fault) : slice_str(status_text(status))));
    buf_done(&fault);
    return status;
}

static enum status take_limit(void *context, const struct redisReply *reply)
{
    struct slice text = {0};
    TRY(redis_reply_text(redis_reply_item(reply, 1), &text));
    return slice_to_u64(text, INT64_MAX, context) ? STATUS_OK : STATUS_STORE_CORRUPT;
}

/* Sets of nonces that are larger than the limit take eight times the memory, which is worth a word. */
static void check_sets(const struct observer *observer, struct redis_blocking *redis)
{
    static const struct slice args[] = {SLICE_INIT("CONFIG"), SLICE_INIT("GET"), SLICE_INIT("set-max-intset-entries")};
    uint64_t limit = 0;
    if (redis_ask_blocking(redis, args, COUNT_OF(args), take_limit, &limit) != STATUS_OK)
        observer_event(observer, "redis", "cannot be checked",
                       "set-max-intset-entries (CONFIG GET is not allowed): see that it is 512 or more");
    else if (limit < INTSET_LIMIT)
        observer_event(observer, "redis", "wastes memory", "set-max-intset-entries is below 512");
}

enum status redis_start_check(const struct redis_store *store, const char *shown, struct redis_blocking *redis,
                              struct buf *why)
{
    TRY(check_server(store, shown, redis, why));
    check_sets(store->options.observer, redis);
    return STATUS_OK;
}

/* ---- the store ---- */

/* Nothing has to be saved: Redis keeps its data. */
enum status redis_store_save_blocking(struct ephemeral_store *store)
{
    (void)store;
    return STATUS_OK;
}

void redis_store_set_keys(struct ephemeral_store *base, struct keyring *keys)
{
    struct redis_store *store = (struct redis_store *)base;
    shared_keys_set(&store->keys, keys);
}

void redis_store_free(struct ephemeral_store *base)
{
    struct redis_store *store = (struct redis_store *)base;
    nonce_keeper_free(store->keeper);
    shared_keys_done(&store->keys);
    redis_target_done(&store->target);
    free(store);
}

enum status redis_store_make_blocking(const struct redis_opening *opening, struct slice url,
                                      const struct ephemeral_options *options, struct buf *why,
                                      struct ephemeral_store **ret_store)
{
    TRY(store_metrics_register());
    struct redis_store *store = calloc(1, sizeof *store);
    if (!store)
        return STATUS_NO_MEMORY;
    store->store.ops = opening->ops;
    store->options = *options;
    shared_keys_init(&store->keys, options->keys);
    enum status status = redis_target_open_blocking(url, options->redis_password, why, &store->target);
    if (status == STATUS_OK) {
        redis_target_set_passwords(&store->target, options->next_redis_password, options->next_sentinel_password);
        status = opening->open_blocking(store, why);
    }
    if (status != STATUS_OK) {
        redis_store_free(&store->store);
        return status;
    }
    *ret_store = &store->store;
    return STATUS_OK;
}

enum status redis_store_check_blocking(struct slice url, struct slice password, struct buf *why)
{
    struct redis_target target;
    TRY(redis_target_open_blocking(url, password, why, &target));
    redis_target_done(&target);
    return STATUS_OK;
}

enum status redis_store_passwords_of(struct slice url, struct slice password, struct buf *why,
                                     struct ephemeral_passwords *ret_passwords)
{
    struct redis_target target;
    TRY(redis_url_parse(url, password, why, &target));
    memcpy(ret_passwords->store, target.login.password, PASSWORD_BYTES);
    memcpy(ret_passwords->sentinels, target.sentinels.login.password, PASSWORD_BYTES);
    redis_target_done(&target);
    return STATUS_OK;
}

/* ---- what views have in common ---- */

int64_t redis_view_now_ms(const struct ephemeral *base)
{
    struct redis_view *view =
        (struct redis_view *)(uintptr_t)base; /* the clock notes what it showed, so that it never goes back */
    return redis_clock_now_ms(&view->clock);
}

int64_t redis_view_ahead_ms(const struct ephemeral *base)
{
    return redis_clock_ahead_ms(&((const struct redis_view *)base)->clock);
}

void redis_view_took(int64_t duration_ns)
{
    store_metrics_command(STORE_EPHEMERAL, duration_ns);
}
