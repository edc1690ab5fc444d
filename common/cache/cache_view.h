/* cache_view: one loop's own way to the entries, without a lock. Only credential_cache.c uses it.
 *
 * Invariants: on its loop's thread alone. It holds each entry once, however many requests of the loop do. An entry that
 * was dropped elsewhere is taken out when it is met: by whoever looks for it, or by the sweep, which goes on with each
 * entry that is added and with the timer. */
#ifndef COUNTERSIGN_CACHE_CACHE_VIEW_H
#define COUNTERSIGN_CACHE_CACHE_VIEW_H

#include "cache/cache_entry.h"
#include "loop/loop.h"

/* An entry within a view, and how many requests of the loop hold it. */
struct cached {
    struct cache_entry *entry;
    unsigned holders;
    bool is_out; /* of the view: the last holder frees it */
};

/* A find reads it alone until the hash is the right one. NULL: it is free. */
struct view_slot {
    uint64_t hash;
    struct cached *cached;
    struct cache_entry *entry; /* cached's, so that both are fetched at once */
};

struct credential_view {
    struct credential_cache *cache;
    struct loop *loop;
    struct view_slot *slots; /* an entry is in the first one that was free from its hash on */
    size_t mask;
    size_t count;
    size_t sweep_at;
    struct loop_timer timer; /* the cache's */
};

/* Makes a view for about so many entries. NO_MEMORY. */
MUST_USE enum status cache_view_init(struct credential_view *view, struct credential_cache *cache, struct loop *loop,
                                     size_t entries);
/* Entries that requests hold stay theirs. A zeroed view is fine. */
void cache_view_done(struct credential_view *view);

/* Finds an entry that was not dropped; NULL: there is none. */
struct cached *cache_view_find(struct credential_view *view, const struct credential_key *key, uint64_t hash);
/* Takes the caller's hold over, also where it fails. `keep`: for others to find, if the view has room. The result is
 * held for the caller: a change may drop it at any moment. NULL: no memory. */
MUST_USE struct cached *cache_view_add(struct credential_view *view, struct cache_entry *entry, bool keep);
/* Sweeps so many slots. */
void cache_view_sweep(struct credential_view *view, size_t slots);

static inline struct cached *cached_hold(struct cached *cached)
{
    cached->holders++;
    return cached;
}
/* Takes void * so that it fits a ticket. */
void cached_release(void *cached);

#endif
