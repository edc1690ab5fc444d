#include "ephemeral/redis_janitor.h"

#include "base/clock.h"
#include "ephemeral/nonce_key.h"
#include "ephemeral/redis_nonces.h"
#include "guard/nonce_epoch.h"
#include "redis/blocking.h"
#include "redis/cluster_locator.h"
#include "redis/target.h"

#include <stdio.h>
#include <stdlib.h>

enum { CURSOR_BYTES = 24, PAGE_MAX_BYTES = 1 << 20 };

struct cleaning {
    struct redis_blocking *redis;
    char cursor[CURSOR_BYTES];
    struct arena keys; /* of this page */
    struct slice *items;
    size_t count;
    int64_t found;
};

static enum status take_scan_page(void *context, const struct redisReply *reply)
{
    struct cleaning *it = context;
    struct slice cursor = {0};
    const struct redisReply *keys = redis_reply_item(reply, 1);
    TRY(redis_reply_text(redis_reply_item(reply, 0), &cursor));
    TRY(redis_reply_array(keys, &it->count));
    it->items = arena_calloc(&it->keys, it->count, sizeof *it->items);
    if (!it->items || cursor.len >= sizeof it->cursor)
        return it->items ? STATUS_STORE_CORRUPT : STATUS_NO_MEMORY;
    for (size_t i = 0; i < it->count; i++) {
        TRY(redis_reply_text(redis_reply_item(keys, i), &it->items[i]));
        it->items[i] = arena_copy(&it->keys, it->items[i]);
        if (slice_is_absent(it->items[i]))
            return STATUS_NO_MEMORY;
    }
    (void)snprintf(it->cursor, sizeof it->cursor, "%.*s", SLICE_ARGS(cursor));
    return STATUS_OK;
}

static enum status take_integer(void *context, const struct redisReply *reply)
{
    return redis_reply_integer(reply, context);
}

static enum status clean_set(struct cleaning *it, struct slice key)
{
    int64_t second = 0;
    int64_t ttl = 0;
    int64_t is_set = 0;
    char number[24];
    const struct slice ask[] = {SLICE("TTL"), key};
    if (!nonce_key_second(key, &second))
        return STATUS_OK;
    TRY(redis_ask_blocking(it->redis, ask, COUNT_OF(ask), take_integer, &ttl));
    if (ttl != -1) /* the set has an expiry, or is gone */
        return STATUS_OK;
    (void)snprintf(number, sizeof number, "%lld", (long long)redis_nonces_expiry_s(second, NONCE_KEPT_MAX_S));
    const struct slice args[] = {SLICE("EXPIREAT"), key, slice_str(number)};
    TRY(redis_ask_blocking(it->redis, args, COUNT_OF(args), take_integer, &is_set));
    it->found += is_set;
    return STATUS_OK;
}

static enum status clean_page(struct cleaning *it)
{
    const struct slice args[] = {SLICE("SCAN"),     slice_str(it->cursor), SLICE("MATCH"),
                                 SLICE("n:{*}*:*"), SLICE("COUNT"),        SLICE("1000")};
    arena_init(&it->keys, PAGE_MAX_BYTES);
    enum status status = redis_ask_blocking(it->redis, args, COUNT_OF(args), take_scan_page, it);
    for (size_t i = 0; status == STATUS_OK && i < it->count; i++)
        status = clean_set(it, it->items[i]);
    arena_done(&it->keys);
    return status;
}

static enum status clean_all(struct cleaning *it)
{
    (void)snprintf(it->cursor, sizeof it->cursor, "0");
    do {
        TRY(clean_page(it));
    } while (strcmp(it->cursor, "0") != 0);
    return STATUS_OK;
}

/* One server, of the target. */
static enum status clean_server(const struct redis_target *target, struct cleaning *it, struct buf *why)
{
    struct clock clock = clock_system(0);
    TRY(redis_open_blocking(target, &clock, why, &it->redis));
    enum status status = clean_all(it);
    if (status != STATUS_OK)
        buf_addf(why, "Redis at %s: %s", target->shown, status_text(status));
    redis_blocking_free(it->redis);
    return status;
}

enum status redis_janitor_blocking(const struct ephemeral_janitor *janitor, struct buf *why, int64_t *ret_count)
{
    struct redis_target target;
    struct cleaning it = {0};
    TRY(redis_target_open_blocking(janitor->url, janitor->password, why, &target));
    enum status status = clean_server(&target, &it, why);
    if (status == STATUS_OK)
        *ret_count = it.found;
    redis_target_done(&target);
    return status;
}

/* ---- a Cluster ---- */

static enum status clean_cluster(const struct redis_target *target, struct redis_topology *topology,
                                 struct cleaning *it, struct buf *why)
{
    struct clock clock = clock_system(0);
    TRY(redis_cluster_ask_blocking(target, &clock, why, topology));
    for (size_t i = 0; i < topology->count; i++) {
        struct redis_target node;
        redis_cluster_node_target(target, &topology->primaries[i], &node);
        enum status status = clean_server(&node, it, why);
        explicit_bzero(&node.login, sizeof node.login);
        TRY(status);
    }
    return STATUS_OK;
}

enum status redis_cluster_janitor_blocking(const struct ephemeral_janitor *janitor, struct buf *why, int64_t *ret_count)
{
    struct redis_target target;
    struct cleaning it = {0};
    TRY(redis_target_open_blocking(janitor->url, janitor->password, why, &target));
    struct redis_topology *topology = malloc(sizeof *topology);
    enum status status = topology ? clean_cluster(&target, topology, &it, why) : STATUS_NO_MEMORY;
    if (status == STATUS_OK)
        *ret_count = it.found;
    free(topology);
    redis_target_done(&target);
    return status;
}
