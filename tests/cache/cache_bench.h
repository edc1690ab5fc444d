/* cache_bench: a credential cache on a loop and a clock of its own, with a store behind it that a test has in hand, and
 * somebody who asks, as an endpoint does. */
#ifndef COUNTERSIGN_TESTS_CACHE_CACHE_BENCH_H
#define COUNTERSIGN_TESTS_CACHE_CACHE_BENCH_H

#include "cache/credential_cache.h"
#include "changes/feed.h"
#include "durable/resource_servers.h"
#include "durable/tokens.h"
#include "loop/loop.h"
#include "support/fake_durable.h"

#include <stdbool.h>
#include <stdint.h>

enum { TTL_MS = 30000, MAX_ENTRIES = 100, ASKERS_MAX = 32 };

struct cache_bench {
    struct fake_clock clock;
    struct loop *loop;
    struct fake_durable store;
    struct change_feed feed;
    struct credential_cache *cache;
    struct credential_view *view;
};

/* For cmocka: *state is a struct cache_bench, whose feed stands. */
int cache_bench_setup(void **state);
int cache_bench_teardown(void **state);
#define CACHE_TEST(name) cmocka_unit_test_setup_teardown(name, cache_bench_setup, cache_bench_teardown)

struct credential_cache *cache_bench_new_cache(struct fake_durable *store, struct loop *const *loops, size_t count,
                                               size_t max_entries);
/* Makes the feed one without work of its own, which the cache follows and which stands. */
void cache_bench_listen(struct credential_cache *cache, struct change_feed *feed);
/* Lets the loop run for real milliseconds. */
void cache_bench_run_ms(struct cache_bench *it, unsigned ms);
void cache_bench_tell(struct cache_bench *it, enum change_kind kind, const char *id);

struct asker {
    struct flow flow;
    struct credential_view *view;
    struct credential_key key;
    char token[32];
    struct credential_hold hold;
    unsigned *running; /* of those that are not done */
    bool from_memory;
    enum status status;
    bool is_known;
    int64_t version;
    char shared_key[1024]; /* the first */
    void (*at_reply)(struct asker *asker);
    void (*all_done)(void *context); /* instead of stopping the loop */
    void *context;
};

static inline struct credential_key asker_pair_key(const char *client_id, const char *token)
{
    return (struct credential_key){CREDENTIAL_PAIR, slice_str(client_id), slice_str(token)};
}
/* Asks from the next turn of the loop on; the last of those that count into `running` stops it. */
void asker_start(struct asker *asker, struct credential_view *view, struct loop *loop, const struct credential_key *key,
                 unsigned *running);

/* Asks, and waits for the answer. */
struct asker cache_bench_ask(struct cache_bench *it, struct credential_key key);
struct asker cache_bench_ask_pair(struct cache_bench *it, const char *client_id, const char *token);
/* Whether the pair is answered from memory now. */
bool cache_bench_keeps(struct cache_bench *it, const char *client_id, const char *token);

#endif
