/* cache_process: the credential cache's part that all loops share. Only credential_cache.c and cache_load.c use it.
 *
 * Invariants: what is below `lock` is touched under it alone. A load and whoever waits for one end with the loops'
 * flows, before the cache is freed. */
#ifndef COUNTERSIGN_CACHE_CACHE_PROCESS_H
#define COUNTERSIGN_CACHE_CACHE_PROCESS_H

#include "base/metrics.h"
#include "cache/cache_table.h"
#include "cache/cache_view.h"
#include "cache/credential_source.h"
#include "cache/recent_changes.h"

#include <pthread.h>

enum cache_state {
    CACHE_OFF,      /* changes may be missed: nothing is kept */
    CACHE_SILENT,   /* changes come late: nothing is served beyond its TTL */
    CACHE_STANDING, /* every change is heard */
};

enum { CACHE_LOAD_BUCKETS = 1024, CACHE_RETRY_MS = 1000 };

LIST_HEAD(cache_load_bucket, cache_load);

struct credential_cache {
    struct credential_source *source;
    int64_t ttl_ms;
    struct hash_key hash_key;
    size_t view_count;
    _Atomic int state;           /* enum cache_state */
    _Atomic int64_t retry_at_ms; /* the store is down, and is not asked again before this time; 0: it answers */

    pthread_mutex_t lock;
    struct cache_table table;
    struct recent_changes recent;
    int64_t stood_ms; /* loop_now_ms when the feed began to stand */
    uint64_t resets;  /* counts up where what was asked before must not be kept */
    struct cache_load_bucket loads[CACHE_LOAD_BUCKETS];

    struct credential_view views[];
};

enum cache_result { CACHE_HIT, CACHE_MISS, CACHE_STALE, CACHE_RESULTS };

/* oauth1_cache_requests_total{cache,result} */
void cache_count(enum credential_kind kind, enum cache_result result);

/* Whether an entry beyond its TTL may be served, since the store has to be asked and does not answer. */
bool cache_is_servable(struct credential_cache *cache, const struct cache_entry *entry, int64_t now_ms);

/* Asks the store for a key, unless somebody does already; the ticket then gets a struct cached. NULL ticket: nobody
 * waits, the entry is only made anew. */
void cache_load_start(struct credential_view *view, const struct credential_key *key, uint64_t hash,
                      const struct ticket *ticket);

#endif
