#include "cache/cache_view.h"

#include "cache/cache_table.h"

#include <stdlib.h>

enum { SWEEP_EACH_ADD = 4 }; /* so at most about a fourth of what it holds was dropped elsewhere */

enum status cache_view_init(struct credential_view *view, struct credential_cache *cache, struct loop *loop,
                            size_t entries)
{
    size_t count = cache_bucket_count(entries);
    *view = (struct credential_view){.cache = cache, .loop = loop, .mask = count - 1};
    view->buckets = calloc(count, sizeof *view->buckets);
    return view->buckets ? STATUS_OK : STATUS_NO_MEMORY;
}

static void free_cached(struct cached *cached)
{
    cache_entry_release(cached->entry);
    free(cached);
}

static void take_out(struct credential_view *view, struct cached *cached)
{
    LIST_REMOVE(cached, in_bucket);
    view->count--;
    cached->is_out = true;
    if (cached->holders == 0)
        free_cached(cached);
}

void cached_release(void *pointer)
{
    struct cached *cached = pointer;
    if (--cached->holders == 0 && cached->is_out)
        free_cached(cached);
}

static bool was_dropped(const struct cached *cached)
{
    return atomic_load_explicit(&cached->entry->is_dropped, memory_order_acquire);
}

static void sweep_bucket(struct credential_view *view, struct cached_bucket *bucket, bool all)
{
    struct cached *next = NULL;
    for (struct cached *cached = LIST_FIRST(bucket); cached; cached = next) {
        next = LIST_NEXT(cached, in_bucket);
        if (all || was_dropped(cached))
            take_out(view, cached);
    }
}

void cache_view_done(struct credential_view *view)
{
    for (size_t i = 0; view->buckets && i <= view->mask; i++)
        sweep_bucket(view, &view->buckets[i], true);
    free(view->buckets);
    view->buckets = NULL;
}

static struct cached *find_any(struct credential_view *view, const struct credential_key *key, uint64_t hash)
{
    struct cached *cached = NULL;
    LIST_FOREACH(cached, &view->buckets[hash & view->mask], in_bucket)
    if (cached->entry->hash == hash && cache_key_equal(&cached->entry->key, key))
        return cached;
    return NULL;
}

struct cached *cache_view_find(struct credential_view *view, const struct credential_key *key, uint64_t hash)
{
    struct cached *cached = find_any(view, key, hash);
    if (!cached || !was_dropped(cached))
        return cached;
    take_out(view, cached);
    return NULL;
}

void cache_view_sweep(struct credential_view *view, size_t buckets)
{
    for (size_t i = 0; i < buckets && view->count > 0; i++) {
        sweep_bucket(view, &view->buckets[view->sweep_at], false);
        view->sweep_at = (view->sweep_at + 1) & view->mask;
    }
}

struct cached *cache_view_add(struct credential_view *view, struct cache_entry *entry, bool keep)
{
    struct cached *old = keep ? find_any(view, &entry->key, entry->hash) : NULL;
    if (old && old->entry == entry) {
        cache_entry_release(entry);
        return cached_hold(old);
    }
    struct cached *cached = calloc(1, sizeof *cached);
    if (!cached) {
        cache_entry_release(entry);
        return NULL;
    }
    cached->entry = entry;
    cached->holders = 1;
    cached->is_out = !keep;
    if (!keep)
        return cached;
    if (old)
        take_out(view, old);
    LIST_INSERT_HEAD(&view->buckets[entry->hash & view->mask], cached, in_bucket);
    view->count++;
    cache_view_sweep(view, SWEEP_EACH_ADD);
    return cached;
}
