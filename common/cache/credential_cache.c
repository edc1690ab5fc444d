#include "cache/credential_cache.h"

#include "cache/cache_process.h"
#include "changes/feed.h"
#include "loop/loop.h"

#include <stdlib.h>

enum {
    TICK_MS = 250,
    SWEEP_SHARE = 16,       /* of a view's slots, each tick */
    ASK_AHEAD_PERCENT = 80, /* of the TTL: from then on a use makes the entry anew, and nobody has to wait */
};

/* ---- metrics ---- */

static const char *const kinds[CREDENTIAL_KINDS] = {
    [CREDENTIAL_PAIR] = "pair",
    [CREDENTIAL_CLIENT] = "client",
    [CREDENTIAL_RESOURCE_SERVER] = "resource_server",
};

static const char *const results[CACHE_RESULTS] = {
    [CACHE_HIT] = "hit",
    [CACHE_MISS] = "miss",
    [CACHE_STALE] = "stale",
};

static struct metric requests = {
    .kind = METRIC_COUNTER,
    .name = "oauth1_cache_requests_total",
    .help = "Questions to the credential cache; stale: served beyond the TTL, since the database is down.",
    .labels = {{"cache", kinds, COUNT_OF(kinds)}, {"result", results, COUNT_OF(results)}},
    .label_count = 2,
    .show_zero = true,
};

void cache_count(enum credential_kind kind, enum cache_result result)
{
    metric_count(&requests, metric_series(&requests, kind, result, 0));
}

/* ---- how old it may be ---- */

/* Within its TTL. */
static bool is_fresh(const struct credential_cache *cache, const struct cache_entry *entry, int64_t now_ms)
{
    int64_t ttl_ms = cache->ttl_ms;
    if (entry->is_unknown && ttl_ms > CREDENTIAL_UNKNOWN_MS)
        ttl_ms = CREDENTIAL_UNKNOWN_MS;
    return now_ms - entry->asked_ms < ttl_ms;
}

bool cache_is_servable(struct credential_cache *cache, const struct cache_entry *entry, int64_t now_ms)
{
    return !entry->is_unknown && atomic_load(&cache->state) == CACHE_STANDING &&
           now_ms - entry->asked_ms < CREDENTIAL_STALE_MAX_MS;
}

/* An entry is loaded anew at most once a second. While the store is down, all entries together are. */
static bool is_time_to_ask(struct credential_cache *cache, struct cache_entry *entry, int64_t now_ms)
{
    int64_t retry_at_ms = atomic_load_explicit(&cache->retry_at_ms, memory_order_relaxed);
    if (retry_at_ms != 0)
        return now_ms >= retry_at_ms &&
               atomic_compare_exchange_strong(&cache->retry_at_ms, &retry_at_ms, now_ms + CACHE_RETRY_MS);
    if (now_ms < atomic_load_explicit(&entry->ask_at_ms, memory_order_relaxed))
        return false;
    atomic_store_explicit(&entry->ask_at_ms, now_ms + CACHE_RETRY_MS, memory_order_relaxed);
    return true;
}

/* Loads the entry anew before its TTL is over, while it goes on being served. */
static void ask_ahead(struct credential_view *view, struct cache_entry *entry, int64_t now_ms)
{
    int64_t ahead_ms = entry->asked_ms + view->cache->ttl_ms * ASK_AHEAD_PERCENT / 100;
    if (!entry->is_unknown && now_ms >= ahead_ms && is_time_to_ask(view->cache, entry, now_ms))
        cache_load_start(view, &entry->key, entry->hash, NULL);
}

/* False: the store must be asked first. */
static bool may_serve(struct credential_view *view, struct cache_entry *entry)
{
    struct credential_cache *cache = view->cache;
    int64_t now_ms = loop_turn_ms(view->loop);
    bool fresh = is_fresh(cache, entry, now_ms);
    /* a store that is known to be down is not waited for */
    bool in_vain = atomic_load_explicit(&cache->retry_at_ms, memory_order_relaxed) != 0;
    if (!fresh && !(in_vain && cache_is_servable(cache, entry, now_ms)))
        return false;
    ask_ahead(view, entry, now_ms);
    if (!atomic_load_explicit(&entry->is_used, memory_order_relaxed))
        atomic_store_explicit(&entry->is_used, true, memory_order_relaxed);
    cache_count(entry->key.kind, fresh ? CACHE_HIT : CACHE_STALE);
    return true;
}

/* ---- asking ---- */

/* Brings an entry from the table into the view, held. NULL: it is not in the table, or must be loaded. */
static struct cached *find_in_table(struct credential_view *view, const struct credential_key *key, uint64_t hash)
{
    struct credential_cache *cache = view->cache;
    pthread_mutex_lock(&cache->lock);
    struct cache_entry *entry = cache_table_find(&cache->table, key, hash);
    if (entry)
        (void)cache_entry_hold(entry);
    pthread_mutex_unlock(&cache->lock);
    if (entry && !may_serve(view, entry)) {
        cache_entry_release(entry);
        return NULL;
    }
    return entry ? cache_view_add(view, entry, true) : NULL;
}

static void release_hold(struct flow_held *held)
{
    cached_release(((struct credential_hold *)held)->cached);
}

bool credential_find(struct credential_view *view, const struct credential_key *key, struct flow *flow,
                     struct credential_hold *hold)
{
    uint64_t hash = cache_key_hash(&view->cache->hash_key, key);
    struct cached *cached = cache_view_find(view, key, hash);
    if (!cached)
        cached = find_in_table(view, key, hash);
    else
        cached = may_serve(view, cached->entry) ? cached_hold(cached) : NULL;
    if (!cached)
        return false;
    hold->cached = cached;
    flow_hold(flow, &hold->held, release_hold);
    return true;
}

void credential_find_start(struct credential_view *view, const struct credential_key *key, struct ticket ticket)
{
    cache_count(key->kind, CACHE_MISS);
    cache_load_start(view, key, cache_key_hash(&view->cache->hash_key, key), &ticket);
}

enum status credential_take(struct credential_hold *hold, const struct flow *flow, size_t index)
{
    void *cached = NULL;
    if (hold->cached)
        return STATUS_OK;
    TRY(flow_outcome_at(flow, index, &cached));
    hold->cached = cached;
    return STATUS_OK;
}

static const void *object_of(const struct credential_hold *hold, enum credential_kind kind)
{
    const struct cache_entry *entry = hold->cached->entry;
    return entry->key.kind == kind ? entry->object : NULL;
}

const struct credential_pair *credential_pair_of(const struct credential_hold *hold)
{
    return object_of(hold, CREDENTIAL_PAIR);
}

const struct client *credential_client_of(const struct credential_hold *hold)
{
    return object_of(hold, CREDENTIAL_CLIENT);
}

const struct resource_server *credential_server_of(const struct credential_hold *hold)
{
    return object_of(hold, CREDENTIAL_RESOURCE_SERVER);
}

const struct slice *credential_shared_keys(const struct credential_hold *hold)
{
    return hold->cached->entry->shared_keys;
}

/* ---- the feed ---- */

/* Loads that began before this may have missed a change. */
static void begin_anew(struct credential_cache *cache)
{
    cache->resets++;
    cache->stood_ms = loop_now_ms(cache->views[0].loop);
}

static void on_feed_standing(void *context)
{
    struct credential_cache *cache = context;
    pthread_mutex_lock(&cache->lock);
    if (atomic_load(&cache->state) == CACHE_OFF)
        begin_anew(cache);
    atomic_store(&cache->state, CACHE_STANDING);
    pthread_mutex_unlock(&cache->lock);
}

static void on_feed_silent(void *context)
{
    struct credential_cache *cache = context;
    pthread_mutex_lock(&cache->lock);
    if (atomic_load(&cache->state) == CACHE_STANDING)
        atomic_store(&cache->state, CACHE_SILENT);
    pthread_mutex_unlock(&cache->lock);
}

static void on_feed_lost(void *context)
{
    struct credential_cache *cache = context;
    pthread_mutex_lock(&cache->lock);
    atomic_store(&cache->state, CACHE_OFF);
    cache->resets++;
    cache_table_drop_all(&cache->table);
    pthread_mutex_unlock(&cache->lock);
}

static void on_feed_change(void *context, const struct change *change)
{
    struct credential_cache *cache = context;
    uint64_t subject = cache_subject_hash(&cache->hash_key, change->kind, change->id);
    pthread_mutex_lock(&cache->lock);
    recent_changes_add(&cache->recent, subject, loop_now_ms(cache->views[0].loop));
    cache_table_drop_subject(&cache->table, subject);
    pthread_mutex_unlock(&cache->lock);
}

void credential_cache_listen(struct credential_cache *cache, struct change_feed *feed)
{
    const struct change_listener listener = {cache, on_feed_standing, on_feed_change, on_feed_silent, on_feed_lost};
    change_feed_listen(feed, &listener);
}

/* ---- lifecycle ---- */

/* Drops entries that may not be served any more, so that a secret does not outlive its use by long. */
static void on_view_timer(void *context)
{
    struct credential_view *view = context;
    struct credential_cache *cache = view->cache;
    cache_view_sweep(view, (view->mask + 1) / SWEEP_SHARE);
    if (view != cache->views)
        return;
    int64_t longest_ms = cache->ttl_ms > CREDENTIAL_STALE_MAX_MS ? cache->ttl_ms : CREDENTIAL_STALE_MAX_MS;
    pthread_mutex_lock(&cache->lock);
    cache_table_expire(&cache->table, loop_now_ms(view->loop), longest_ms, CREDENTIAL_UNKNOWN_MS);
    pthread_mutex_unlock(&cache->lock);
}

static enum status open_view(struct credential_cache *cache, struct credential_view *view, struct loop *loop)
{
    TRY(cache_view_init(view, cache, loop, cache->table.max_known));
    TRY(loop_timer_init(&view->timer, loop, on_view_timer, view));
    return loop_timer_start_periodic(&view->timer, TICK_MS);
}

static enum status open_cache(struct credential_cache *cache, const struct credential_cache_options *options)
{
    TRY(metrics_register(&requests));
    TRY(hash_key_make(&cache->hash_key));
    TRY(cache_table_init(&cache->table, options->max_entries));
    for (size_t i = 0; i < options->loop_count; i++)
        TRY(open_view(cache, &cache->views[cache->view_count++], options->loops[i]));
    return STATUS_OK;
}

enum status credential_cache_new(const struct credential_cache_options *options, struct credential_cache **ret_cache)
{
    struct credential_cache *cache = calloc(1, sizeof *cache + options->loop_count * sizeof cache->views[0]);
    if (!cache)
        return STATUS_NO_MEMORY;
    cache->source = options->source;
    cache->ttl_ms = options->ttl_ms;
    (void)pthread_mutex_init(&cache->lock, NULL);
    enum status status = open_cache(cache, options);
    if (status != STATUS_OK) {
        credential_cache_free(cache);
        return status;
    }
    *ret_cache = cache;
    return STATUS_OK;
}

void credential_cache_free(struct credential_cache *cache)
{
    if (!cache)
        return;
    for (size_t i = 0; i < cache->view_count; i++) {
        loop_timer_done(&cache->views[i].timer);
        cache_view_done(&cache->views[i]);
    }
    cache_table_done(&cache->table);
    (void)pthread_mutex_destroy(&cache->lock);
    free(cache);
}

struct credential_view *credential_cache_view(struct credential_cache *cache, size_t loop_index)
{
    return &cache->views[loop_index];
}

bool credential_cache_outlasts(struct credential_cache *cache)
{
    return atomic_load(&cache->state) == CACHE_STANDING && credential_cache_stats(cache).known > 0;
}

struct credential_cache_stats credential_cache_stats(struct credential_cache *cache)
{
    pthread_mutex_lock(&cache->lock);
    struct credential_cache_stats stats = {cache->table.known_count, cache->table.unknown_count, cache->table.bytes};
    pthread_mutex_unlock(&cache->lock);
    return stats;
}
