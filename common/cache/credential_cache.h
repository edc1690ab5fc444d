/* credential_cache: what the durable store said of clients, tokens and resource servers, kept in this process so that
 * a hot request never asks it.
 *
 * In two layers: one table in the process (decrypted rows; the one place where a miss is asked, once for all loops),
 * and a view in each loop, which needs no lock. Entries are immutable, counted and wiped when they are freed.
 *
 * What is answered from memory is true as of the TTL at most, and normally as of the last change that the feed told:
 * - a change drops what it names at once, in every loop; an answer of the store that was on its way is asked again;
 * - a feed that lost changes drops everything, and nothing is kept until it stands;
 * - while the store is down and the feed is unbroken, entries go on being served for CREDENTIAL_STALE_MAX_MS at most;
 * - what is unknown is kept for CREDENTIAL_UNKNOWN_MS at most, and bounded apart from what is known, so that strangers
 *   cannot drive out anybody's credentials.
 * Nothing is judged here: revoked, expired and disabled are the reader's to see, by his own clock. */
#ifndef COUNTERSIGN_CACHE_CREDENTIAL_CACHE_H
#define COUNTERSIGN_CACHE_CREDENTIAL_CACHE_H

#include "base/attributes.h"
#include "base/slice.h"
#include "base/status.h"
#include "cache/credential_source.h"
#include "loop/flow.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct change_feed;
struct client;
struct credential_cache;
struct credential_pair;
struct credential_view;
struct loop;
struct resource_server;

enum {
    CREDENTIAL_UNKNOWN_MS = 1000,
    CREDENTIAL_STALE_MAX_MS = 300 * 1000, /* an entry of this age is not served, even if the store is down */
};

struct credential_cache_options {
    struct credential_source *source; /* borrowed */
    int64_t ttl_ms;                   /* OAUTH1_CACHE_TTL */
    size_t max_entries;               /* OAUTH1_CACHE_ENTRIES; a tenth as many unknown ones come on top */
    struct loop *const *loops;        /* each gets a view */
    size_t loop_count;
};

/* Call this before the loops run. Nothing is kept until a feed stands. NO_MEMORY, NO_RANDOMNESS. */
MUST_USE enum status credential_cache_new(const struct credential_cache_options *options,
                                          struct credential_cache **ret_cache);
/* Call this after the loops have ended and their flows were cut and settled, before they are freed. NULL is fine. */
void credential_cache_free(struct credential_cache *cache);

/* Makes the cache follow this feed. Call this once. */
void credential_cache_listen(struct credential_cache *cache, struct change_feed *feed);

/* The view of a loop, for its thread alone. */
struct credential_view *credential_cache_view(struct credential_cache *cache, size_t loop_index);

struct credential_cache_stats {
    size_t known;
    size_t unknown;
    size_t bytes; /* of entries in the table */
};
/* The figures of this moment. Any thread may call this. */
struct credential_cache_stats credential_cache_stats(struct credential_cache *cache);
/* Whether anybody is served while the database is down: something is known, and every change is heard. Any thread may
 * call this. */
bool credential_cache_outlasts(struct credential_cache *cache);

/* ---- asking ---- */

/* What a request holds of the cache, until its flow ends. Zeroed before its first use; lives in the request's arena. */
struct credential_hold {
    struct flow_held held;
    struct cached *cached;
};

/* Answers from memory: true, and `hold` has it. The flow's next step is then not a wait's end. */
MUST_USE bool credential_find(struct credential_view *view, const struct credential_key *key, struct flow *flow,
                              struct credential_hold *hold);
/* Asks the store, after credential_find had no answer; together with everybody who asks for the same. Completes with
 * what credential_take understands. STORE_DOWN, STORE_CORRUPT, NO_MEMORY. */
void credential_find_start(struct credential_view *view, const struct credential_key *key, struct ticket ticket);
/* The outcome of credential_find or, where that had none, of the index-th ticket of the flow's newest wait. */
MUST_USE enum status credential_take(struct credential_hold *hold, const struct flow *flow, size_t index);

/* What is held, by the key's kind; valid until the flow ends. Of a pair's client there is what a verification needs,
 * CLIENT_CHECK_TEXTS and the flags: nothing for pages (CLIENT_PAGE_TEXTS), and no callbacks. NULL: unknown. */
const struct credential_pair *credential_pair_of(const struct credential_hold *hold);
const struct client *credential_client_of(const struct credential_hold *hold);
const struct resource_server *credential_server_of(const struct credential_hold *hold);
/* The ready HMAC keys (RFC 5849 §3.4.2) of a pair, or of a client without a token: one for each client secret, in their
 * order. */
const struct slice *credential_shared_keys(const struct credential_hold *hold);

#endif
