#include "cache/cache_view.h"

#include "cache/cache_table.h"

#include <stdlib.h>

enum {
    SWEEP_EACH_ADD = 8, /* so at most an eighth of the slots has what was dropped elsewhere */
    UNKNOWN_MIN = 64,   /* which come to the known ones */
};

enum status cache_view_init(struct credential_view *view, struct credential_cache *cache, struct loop *loop,
                            size_t entries)
{
    /* two for each known entry: as many as a tenth may come that are unknown, and an eighth that was dropped */
    size_t count = cache_bucket_count(2 * (entries + UNKNOWN_MIN));
    *view = (struct credential_view){.cache = cache, .loop = loop, .mask = count - 1};
    view->slots = calloc(count, sizeof *view->slots); /* zeroed memory that nobody touched costs nothing yet */
    return view->slots ? STATUS_OK : STATUS_NO_MEMORY;
}

static void free_cached(struct cached *cached)
{
    cache_entry_release(cached->entry);
    free(cached);
}

/* Moves up what stands behind, so that everything is found from its hash on without a gap. */
static void clear_slot(struct credential_view *view, size_t hole)
{
    for (size_t i = (hole + 1) & view->mask; view->slots[i].cached; i = (i + 1) & view->mask) {
        size_t distance = (i - view->slots[i].hash) & view->mask;
        if (distance < ((i - hole) & view->mask))
            continue;
        view->slots[hole] = view->slots[i];
        hole = i;
    }
    view->slots[hole] = (struct view_slot){0};
}

static void take_out(struct credential_view *view, size_t at)
{
    struct cached *cached = view->slots[at].cached;
    clear_slot(view, at);
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

static void sweep_slot(struct credential_view *view, size_t at, bool all)
{
    while (view->slots[at].cached && (all || was_dropped(view->slots[at].cached)))
        take_out(view, at); /* another may have moved up to here */
}

void cache_view_done(struct credential_view *view)
{
    for (size_t i = 0; view->slots && i <= view->mask; i++)
        sweep_slot(view, i, true);
    free(view->slots);
    view->slots = NULL;
}

/* Where the key stands, or would: a free slot. */
static size_t find_slot(const struct credential_view *view, const struct credential_key *key, uint64_t hash)
{
    size_t at = hash & view->mask;
    for (; view->slots[at].cached; at = (at + 1) & view->mask) {
        const struct view_slot *slot = &view->slots[at];
        if (slot->hash != hash)
            continue;
        __builtin_prefetch(slot->cached);
        cache_entry_prefetch(slot->entry);
        if (cache_key_equal(&slot->entry->key, key))
            break;
    }
    return at;
}

struct cached *cache_view_find(struct credential_view *view, const struct credential_key *key, uint64_t hash)
{
    size_t at = find_slot(view, key, hash);
    struct cached *cached = view->slots[at].cached;
    if (!cached || !was_dropped(cached))
        return cached;
    take_out(view, at);
    return NULL;
}

void cache_view_sweep(struct credential_view *view, size_t slots)
{
    for (size_t i = 0; i < slots && view->count > 0; i++) {
        sweep_slot(view, view->sweep_at, false);
        view->sweep_at = (view->sweep_at + 1) & view->mask;
    }
}

/* An eighth of the slots stays free, or finding would take long. */
static bool has_free_slot(const struct credential_view *view)
{
    return view->count < view->mask - view->mask / 8;
}

static struct cached *new_cached(struct cache_entry *entry)
{
    struct cached *cached = calloc(1, sizeof *cached);
    if (!cached) {
        cache_entry_release(entry);
        return NULL;
    }
    *cached = (struct cached){.entry = entry, .holders = 1, .is_out = true};
    return cached;
}

struct cached *cache_view_add(struct credential_view *view, struct cache_entry *entry, bool keep)
{
    if (!keep)
        return new_cached(entry);
    struct cached *old = view->slots[find_slot(view, &entry->key, entry->hash)].cached;
    if (old && old->entry == entry) {
        cache_entry_release(entry);
        return cached_hold(old);
    }
    struct cached *cached = new_cached(entry);
    if (!cached)
        return NULL;
    if (old)
        take_out(view, find_slot(view, &entry->key, entry->hash));
    cache_view_sweep(view, SWEEP_EACH_ADD);
    if (!has_free_slot(view))
        return cached;
    cached->is_out = false;
    view->slots[find_slot(view, &entry->key, entry->hash)] = (struct view_slot){entry->hash, cached, entry};
    view->count++;
    return cached;
}
