#include "cache_bench.h"

#include "support/test.h"

enum { PATIENCE_MS = 20000 };

void cache_bench_listen(struct credential_cache *cache, struct change_feed *feed)
{
    static const struct change_feed_ops no_ops = {0};
    feed->ops = &no_ops;
    credential_cache_listen(cache, feed);
    change_feed_standing(feed);
}

struct credential_cache *cache_bench_new_cache(struct fake_durable *store, struct loop *const *loops, size_t count,
                                               size_t max_entries)
{
    const struct credential_cache_options options = {&store->source, TTL_MS, max_entries, loops, count};
    struct credential_cache *cache = NULL;
    assert_status(credential_cache_new(&options, &cache), STATUS_OK);
    return cache;
}

int cache_bench_setup(void **state)
{
    struct cache_bench *it = test_calloc(1, sizeof *it);
    fake_clock_init(&it->clock, 1790000000000);
    fake_durable_init(&it->store);
    it->loop = loop_new(&it->clock.clock, NULL);
    it->cache = cache_bench_new_cache(&it->store, &it->loop, 1, MAX_ENTRIES);
    it->view = credential_cache_view(it->cache, 0);
    cache_bench_listen(it->cache, &it->feed);
    *state = it;
    return 0;
}

int cache_bench_teardown(void **state)
{
    struct cache_bench *it = *state;
    flow_cut_all(it->loop);
    (void)loop_settle(it->loop);
    credential_cache_free(it->cache);
    loop_free(it->loop);
    test_free(it);
    return 0;
}

/* ---- somebody who asks, as an endpoint does ---- */

static enum step_result find(struct flow *flow)
{
    struct asker *asker = flow_subject(flow);
    asker->from_memory = credential_find(asker->view, &asker->key, flow, &asker->hold);
    if (asker->from_memory)
        return STEP_NEXT;
    credential_find_start(asker->view, &asker->key, flow_wait(flow, PATIENCE_MS));
    return STEP_WAIT;
}

static void look_at(struct asker *asker)
{
    const struct credential_pair *pair = credential_pair_of(&asker->hold);
    const struct client *client = pair ? &pair->client : credential_client_of(&asker->hold);
    asker->is_known = client || credential_server_of(&asker->hold);
    if (pair)
        asker->is_known = pair->client_found && (pair->token_found || asker->key.second.len == 0);
    if (!client || client->secret_count == 0)
        return;
    struct slice key = credential_shared_keys(&asker->hold)[0];
    asker->version = client->version;
    memcpy(asker->shared_key, key.ptr, key.len);
    asker->shared_key[key.len] = '\0';
}

static enum step_result take(struct flow *flow)
{
    struct asker *asker = flow_subject(flow);
    asker->status = credential_take(&asker->hold, flow, 0);
    if (asker->status == STATUS_OK)
        look_at(asker);
    if (asker->at_reply)
        asker->at_reply(asker);
    return STEP_REPLY;
}

static void ended(struct flow *flow)
{
    struct asker *asker = flow_subject(flow);
    if (--*asker->running != 0)
        return;
    if (asker->all_done)
        asker->all_done(asker->context);
    else
        loop_stop(flow_loop(flow));
}

void asker_start(struct asker *asker, struct credential_view *view, struct loop *loop, const struct credential_key *key,
                 unsigned *running)
{
    static const struct step steps[] = {{"find", find}, {"take", take}, {NULL, NULL}};
    asker->view = view;
    asker->key = *key;
    asker->running = running;
    ++*running;
    flow_start(&asker->flow, loop, "test", steps, asker, ended);
}

static void stop(void *loop)
{
    loop_stop(loop);
}

void cache_bench_run_ms(struct cache_bench *it, unsigned ms)
{
    struct loop_timer timer;
    assert_status(loop_timer_init(&timer, it->loop, stop, it->loop), STATUS_OK);
    assert_status(loop_timer_start(&timer, ms), STATUS_OK);
    loop_run(it->loop);
    loop_timer_done(&timer);
}

struct asker cache_bench_ask(struct cache_bench *it, struct credential_key key)
{
    struct asker asker = {0};
    unsigned running = 0;
    asker_start(&asker, it->view, it->loop, &key, &running);
    loop_run(it->loop);
    asker.flow = (struct flow){0};
    return asker;
}

struct asker cache_bench_ask_pair(struct cache_bench *it, const char *client_id, const char *token)
{
    return cache_bench_ask(it, asker_pair_key(client_id, token));
}

void cache_bench_tell(struct cache_bench *it, enum change_kind kind, const char *id)
{
    const struct change change = {.kind = kind, .event = CHANGE_REVOKED, .id = slice_str(id)};
    change_feed_changed(&it->feed, &change);
}

bool cache_bench_keeps(struct cache_bench *it, const char *client_id, const char *token)
{
    return cache_bench_ask_pair(it, client_id, token).from_memory;
}
