/* cache_table: the entries of a process by key, and by whom they are about. Only credential_cache.c uses it, under its
 * lock.
 *
 * Invariants: the table is one holder of each entry; one that leaves it is marked as dropped. At most `max` known
 * entries: a hand goes round and takes out what was not used since it came by (second chance), which is nearly the
 * least recently used, and costs a reader nothing. Unknown ones are a queue of their own, the oldest first. */
#ifndef COUNTERSIGN_CACHE_CACHE_TABLE_H
#define COUNTERSIGN_CACHE_CACHE_TABLE_H

#include "cache/cache_entry.h"

LIST_HEAD(cache_bucket, cache_entry);
LIST_HEAD(cache_subject_list, cache_subject);
TAILQ_HEAD(cache_ring, cache_entry);

struct cache_table {
    struct cache_bucket *buckets;
    struct cache_subject_list *subjects;
    size_t mask; /* of both */
    struct cache_ring known;
    struct cache_ring unknown;
    struct cache_entry *hand;      /* in `known`; NULL: at its end */
    struct cache_entry *expire_at; /* likewise: where cache_table_expire goes on */
    size_t max_known;
    size_t known_count;
    size_t unknown_count;
    size_t bytes;
};

/* At most max_known known entries, and a tenth as many unknown ones (but some). NO_MEMORY. */
MUST_USE enum status cache_table_init(struct cache_table *table, size_t max_known);
/* Drops all entries. A zeroed table is fine. */
void cache_table_done(struct cache_table *table);

/* NULL: there is none. Borrowed. */
struct cache_entry *cache_table_find(const struct cache_table *table, const struct credential_key *key, uint64_t hash);
/* Takes the caller's hold over; one with the same key is dropped, and what is too much. */
void cache_table_add(struct cache_table *table, struct cache_entry *entry);
/* Takes the entry out of the table. */
void cache_table_drop(struct cache_table *table, struct cache_entry *entry);
/* Drops all entries that a change names. */
void cache_table_drop_subject(struct cache_table *table, uint64_t subject_hash);
void cache_table_drop_all(struct cache_table *table);
/* Drops some of those that are older than these ages; called again and again it goes round. */
void cache_table_expire(struct cache_table *table, int64_t now_ms, int64_t known_ms, int64_t unknown_ms);

/* A number of buckets for so many entries: a power of two, and no more than are worth their memory. */
size_t cache_bucket_count(size_t entries);

#endif
