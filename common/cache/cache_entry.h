/* cache_entry: what the durable store said about one key, as the credential cache keeps it. Only credential_*.c and
 * cache_*.c of this folder include it.
 *
 * Invariants: one block of memory, wiped when it is freed; immutable but for the fields that say otherwise; counted, so
 * that any thread may hold it. Whoever holds it may go on reading after it was dropped. */
#ifndef COUNTERSIGN_CACHE_CACHE_ENTRY_H
#define COUNTERSIGN_CACHE_CACHE_ENTRY_H

#include "base/attributes.h"
#include "cache/credential_source.h"
#include "crypto/keyed_hash.h"
#include "durable/changes.h"
#include "durable/resource_servers.h"
#include "durable/tokens.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

/* Client; user or resource server; token. */
enum { CACHE_SUBJECTS_MAX = 3 };

/* What a change may name: an entry stands in a list of each. Equal hashes of two subjects cost a question more. */
struct cache_subject {
    LIST_ENTRY(cache_subject) in_list; /* the table's */
    struct cache_entry *entry;
    uint64_t hash;
};

struct cache_entry {
    struct credential_key key;
    uint64_t hash;      /* of the key */
    bool is_unknown;    /* there is no such client, token or server */
    int64_t asked_ms;   /* loop_now_ms when the store was asked: its age counts from then */
    size_t size_bytes;  /* of the block */
    const void *object; /* struct credential_pair, client, resource_server, by kind; NULL: unknown (never for a pair) */
    const struct slice *shared_keys; /* of object's client secrets, in their order */

    _Atomic unsigned holders;
    atomic_bool is_dropped;    /* no new request may use it */
    atomic_bool is_used;       /* used since the table's hand came by */
    _Atomic int64_t ask_at_ms; /* loop_now_ms from which somebody should ask for it again */

    /* the table's, under its lock */
    LIST_ENTRY(cache_entry) in_bucket;
    TAILQ_ENTRY(cache_entry) in_ring;
    struct cache_subject subjects[CACHE_SUBJECTS_MAX];
    size_t subject_count;
};

/* Fetches the lines of memory that a find reads: the entry's own, and the texts of its key, which lie behind it. They
 * come side by side; read one after the other, each would be waited for. */
static inline void cache_entry_prefetch(const struct cache_entry *entry)
{
    enum { LINE_BYTES = 64, LINES = (sizeof(struct cache_entry) + LINE_BYTES - 1) / LINE_BYTES + 1 };
    for (size_t i = 0; i < LINES; i++)
        __builtin_prefetch((const char *)entry + i * LINE_BYTES);
}

/* The key by which an entry is found, and the subjects by which a change finds it. */
uint64_t cache_key_hash(const struct hash_key *hash_key, const struct credential_key *key);
uint64_t cache_subject_hash(const struct hash_key *hash_key, enum change_kind kind, struct slice id);

static inline bool cache_key_equal(const struct credential_key *a, const struct credential_key *b)
{
    return a->kind == b->kind && slice_eq(a->first, b->first) && slice_eq(a->second, b->second);
}

/* Copies key and row; `row` is a struct credential_pair, client or resource_server, by the key's kind, or NULL for one
 * that is unknown. One holder. NULL: no memory. */
MUST_USE struct cache_entry *cache_entry_new(const struct hash_key *hash_key, const struct credential_key *key,
                                             const void *row, int64_t asked_ms);

static inline struct cache_entry *cache_entry_hold(struct cache_entry *entry)
{
    atomic_fetch_add_explicit(&entry->holders, 1, memory_order_relaxed);
    return entry;
}
/* Gives up a hold. The last one wipes and frees the entry. */
void cache_entry_release(struct cache_entry *entry);

#endif
