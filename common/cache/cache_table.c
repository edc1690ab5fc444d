#include "cache/cache_table.h"

#include <stdlib.h>

enum {
    BUCKETS_MIN = 64,
    BUCKETS_MAX = 1 << 22,
    UNKNOWN_MIN = 64,
    PASSED_MAX = 64,
    EXPIRE_MIN = 16,    /* looked at by each cache_table_expire, */
    EXPIRE_SHARE = 256, /* or this part of all that there are */
};

size_t cache_bucket_count(size_t entries)
{
    size_t count = BUCKETS_MIN;
    while (count < entries && count < BUCKETS_MAX)
        count *= 2;
    return count;
}

enum status cache_table_init(struct cache_table *table, size_t max_known)
{
    size_t count = cache_bucket_count(max_known);
    *table = (struct cache_table){.mask = count - 1, .max_known = max_known};
    TAILQ_INIT(&table->known);
    TAILQ_INIT(&table->unknown);
    /* zeroed memory that nobody touched costs nothing yet */
    table->buckets = calloc(count, sizeof *table->buckets);
    table->subjects = calloc(count, sizeof *table->subjects);
    if (table->buckets && table->subjects)
        return STATUS_OK;
    cache_table_done(table);
    return STATUS_NO_MEMORY;
}

void cache_table_done(struct cache_table *table)
{
    if (table->buckets && table->subjects)
        cache_table_drop_all(table);
    free(table->buckets);
    free(table->subjects);
    *table = (struct cache_table){0};
}

struct cache_entry *cache_table_find(const struct cache_table *table, const struct credential_key *key, uint64_t hash)
{
    struct cache_entry *entry = NULL;
    LIST_FOREACH(entry, &table->buckets[hash & table->mask], in_bucket)
    if (entry->hash == hash && cache_key_equal(&entry->key, key))
        return entry;
    return NULL;
}

static void take_from_ring(struct cache_table *table, struct cache_entry *entry)
{
    if (entry->is_unknown) {
        TAILQ_REMOVE(&table->unknown, entry, in_ring);
        table->unknown_count--;
        return;
    }
    if (table->hand == entry)
        table->hand = TAILQ_NEXT(entry, in_ring);
    if (table->expire_at == entry)
        table->expire_at = TAILQ_NEXT(entry, in_ring);
    TAILQ_REMOVE(&table->known, entry, in_ring);
    table->known_count--;
}

void cache_table_drop(struct cache_table *table, struct cache_entry *entry)
{
    LIST_REMOVE(entry, in_bucket);
    for (size_t i = 0; i < entry->subject_count; i++)
        LIST_REMOVE(&entry->subjects[i], in_list);
    take_from_ring(table, entry);
    table->bytes -= entry->size_bytes;
    atomic_store(&entry->is_dropped, true);
    cache_entry_release(entry);
}

/* Moves the hand on by one; the ring is not empty. */
static struct cache_entry *next_at_hand(struct cache_table *table)
{
    struct cache_entry *entry = table->hand ? table->hand : TAILQ_FIRST(&table->known);
    table->hand = TAILQ_NEXT(entry, in_ring);
    return entry;
}

/* The lock is held meanwhile, so the hand passes over a bounded number of entries. */
static void evict_entries(struct cache_table *table)
{
    for (unsigned passed = 0; table->known_count >= table->max_known; passed++) {
        struct cache_entry *entry = next_at_hand(table);
        bool was_used = atomic_exchange_explicit(&entry->is_used, false, memory_order_relaxed);
        if (!was_used || passed >= PASSED_MAX)
            cache_table_drop(table, entry);
    }
}

static size_t max_unknown(const struct cache_table *table)
{
    size_t share = table->max_known / 10;
    return share > UNKNOWN_MIN ? share : UNKNOWN_MIN;
}

/* A new one stands right behind the hand, where it comes by last. */
static void put_in_ring(struct cache_table *table, struct cache_entry *entry)
{
    if (entry->is_unknown) {
        while (table->unknown_count >= max_unknown(table))
            cache_table_drop(table, TAILQ_FIRST(&table->unknown));
        TAILQ_INSERT_TAIL(&table->unknown, entry, in_ring);
        table->unknown_count++;
        return;
    }
    evict_entries(table);
    if (table->hand)
        TAILQ_INSERT_BEFORE(table->hand, entry, in_ring);
    else
        TAILQ_INSERT_TAIL(&table->known, entry, in_ring);
    table->known_count++;
}

void cache_table_add(struct cache_table *table, struct cache_entry *entry)
{
    struct cache_entry *old = cache_table_find(table, &entry->key, entry->hash);
    if (old)
        cache_table_drop(table, old);
    put_in_ring(table, entry);
    LIST_INSERT_HEAD(&table->buckets[entry->hash & table->mask], entry, in_bucket);
    for (size_t i = 0; i < entry->subject_count; i++)
        LIST_INSERT_HEAD(&table->subjects[entry->subjects[i].hash & table->mask], &entry->subjects[i], in_list);
    table->bytes += entry->size_bytes;
}

/* Behind a subject whose entry is about to go with all of its subjects. */
static struct cache_subject *next_of_others(struct cache_subject *subject)
{
    struct cache_subject *next = LIST_NEXT(subject, in_list);
    while (next && next->entry == subject->entry)
        next = LIST_NEXT(next, in_list);
    return next;
}

void cache_table_drop_subject(struct cache_table *table, uint64_t subject_hash)
{
    struct cache_subject *next = NULL;
    for (struct cache_subject *subject = LIST_FIRST(&table->subjects[subject_hash & table->mask]); subject;
         subject = next) {
        next = subject->hash == subject_hash ? next_of_others(subject) : LIST_NEXT(subject, in_list);
        if (subject->hash == subject_hash)
            cache_table_drop(table, subject->entry);
    }
}

void cache_table_drop_all(struct cache_table *table)
{
    while (!TAILQ_EMPTY(&table->known))
        cache_table_drop(table, TAILQ_FIRST(&table->known));
    while (!TAILQ_EMPTY(&table->unknown))
        cache_table_drop(table, TAILQ_FIRST(&table->unknown));
}

void cache_table_expire(struct cache_table *table, int64_t now_ms, int64_t known_ms, int64_t unknown_ms)
{
    struct cache_entry *oldest = NULL;
    while ((oldest = TAILQ_FIRST(&table->unknown)) && now_ms - oldest->asked_ms >= unknown_ms)
        cache_table_drop(table, oldest);
    for (size_t left = table->known_count / EXPIRE_SHARE + EXPIRE_MIN; left > 0 && table->known_count > 0; left--) {
        struct cache_entry *entry = table->expire_at ? table->expire_at : TAILQ_FIRST(&table->known);
        table->expire_at = TAILQ_NEXT(entry, in_ring);
        if (now_ms - entry->asked_ms >= known_ms)
            cache_table_drop(table, entry);
    }
}
