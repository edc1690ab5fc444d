#include "ephemeral/ttl_table.h"

#include "crypto/digest.h"
#include "crypto/random.h"

#include <pthread.h>
#include <stdlib.h>

enum { DIGEST_BYTES = 32, FIRST_BITS = 6, SWEEP_EVERY_MS = 5000 };

struct entry {
    struct entry *next;
    unsigned char digest[DIGEST_BYTES]; /* SHA-256 of the name */
    int64_t expires_ms;
    void *value;
};

struct ttl_table {
    pthread_mutex_t mutex;
    struct entry **chains; /* 2 to the power of `bits` */
    unsigned bits;
    uint64_t multiplier; /* random and odd: nobody can choose names that share a chain */
    size_t count;
    size_t max;
    int64_t swept_ms;
    void (*free_value)(void *value);
};

/* ---- life ---- */

static size_t chain_count(const struct ttl_table *table)
{
    return (size_t)1 << table->bits;
}

struct ttl_table *ttl_table_new(size_t max, void (*free_value)(void *value))
{
    struct ttl_table *table = calloc(1, sizeof *table);
    struct entry **chains = calloc((size_t)1 << FIRST_BITS, sizeof *chains);
    if (!table || !chains || random_bytes(&table->multiplier, sizeof table->multiplier) != STATUS_OK) {
        free(table);
        free(chains);
        return NULL;
    }
    (void)pthread_mutex_init(&table->mutex, NULL);
    table->multiplier |= 1;
    table->chains = chains;
    table->bits = FIRST_BITS;
    table->max = max;
    table->free_value = free_value;
    return table;
}

void ttl_table_free(struct ttl_table *table)
{
    if (!table)
        return;
    for (size_t i = 0; i < chain_count(table); i++)
        for (struct entry *entry = table->chains[i]; entry;) {
            struct entry *next = entry->next;
            table->free_value(entry->value);
            free(entry);
            entry = next;
        }
    (void)pthread_mutex_destroy(&table->mutex);
    free(table->chains);
    free(table);
}

void ttl_table_lock(struct ttl_table *table)
{
    (void)pthread_mutex_lock(&table->mutex);
}

void ttl_table_unlock(struct ttl_table *table)
{
    (void)pthread_mutex_unlock(&table->mutex);
}

/* ---- chains ---- */

static struct entry **chain_of(const struct ttl_table *table, const unsigned char digest[DIGEST_BYTES])
{
    uint64_t start = 0;
    memcpy(&start, digest, sizeof start);
    return &table->chains[(start * table->multiplier) >> (64 - table->bits)];
}

/* The link that leads to the entry of that name, or NULL. Its digest is written in any case, but where OpenSSL fails.
 */
static struct entry **find_link(struct ttl_table *table, struct slice name, unsigned char digest[DIGEST_BYTES])
{
    if (digest_bytes(DIGEST_SHA256, name, digest) != STATUS_OK)
        return NULL;
    for (struct entry **link = chain_of(table, digest); *link; link = &(*link)->next)
        if (slice_eq(slice_of((*link)->digest, DIGEST_BYTES), slice_of(digest, DIGEST_BYTES)))
            return link;
    return NULL;
}

static struct entry *find_entry(struct ttl_table *table, struct slice name)
{
    unsigned char digest[DIGEST_BYTES];
    struct entry **link = find_link(table, name, digest);
    return link ? *link : NULL;
}

static void *unlink_entry(struct ttl_table *table, struct entry **link)
{
    struct entry *entry = *link;
    void *value = entry->value;
    *link = entry->next;
    table->count--;
    free(entry);
    return value;
}

/* Longer chains are slower, not wrong: no memory for more of them is no failure. */
static void grow_chains(struct ttl_table *table)
{
    struct ttl_table grown = *table;
    grown.bits = table->bits + 1;
    grown.chains = calloc(chain_count(&grown), sizeof *grown.chains);
    if (!grown.chains)
        return;
    for (size_t i = 0; i < chain_count(table); i++)
        for (struct entry *entry = table->chains[i]; entry;) {
            struct entry *next = entry->next;
            struct entry **chain = chain_of(&grown, entry->digest);
            entry->next = *chain;
            *chain = entry;
            entry = next;
        }
    free(table->chains);
    table->chains = grown.chains;
    table->bits = grown.bits;
}

/* ---- operations ---- */

void **ttl_table_find(struct ttl_table *table, struct slice name, int64_t now_ms)
{
    struct entry *entry = find_entry(table, name);
    return entry && entry->expires_ms > now_ms ? &entry->value : NULL;
}

void ttl_table_drop(struct ttl_table *table, bool (*matches)(const void *value, const void *context),
                    const void *context)
{
    for (size_t i = 0; i < chain_count(table); i++)
        for (struct entry **link = &table->chains[i]; *link;)
            if (matches((*link)->value, context))
                table->free_value(unlink_entry(table, link));
            else
                link = &(*link)->next;
}

static void sweep_entries(struct ttl_table *table, int64_t now_ms)
{
    table->swept_ms = now_ms;
    for (size_t i = 0; i < chain_count(table); i++)
        for (struct entry **link = &table->chains[i]; *link;)
            if ((*link)->expires_ms <= now_ms)
                table->free_value(unlink_entry(table, link));
            else
                link = &(*link)->next;
}

static enum status add_entry(struct ttl_table *table, const unsigned char digest[DIGEST_BYTES], void *value,
                             int64_t expires_ms)
{
    struct entry *entry = calloc(1, sizeof *entry);
    if (!entry)
        return STATUS_NO_MEMORY;
    if (table->count >= chain_count(table))
        grow_chains(table);
    struct entry **chain = chain_of(table, digest);
    memcpy(entry->digest, digest, DIGEST_BYTES);
    entry->expires_ms = expires_ms;
    entry->value = value;
    entry->next = *chain;
    *chain = entry;
    table->count++;
    return STATUS_OK;
}

enum status ttl_table_add(struct ttl_table *table, struct slice name, void *value, int64_t expires_ms, int64_t now_ms)
{
    unsigned char digest[DIGEST_BYTES];
    TRY(digest_bytes(DIGEST_SHA256, name, digest));
    struct entry **link = find_link(table, name, digest);
    if (link && (*link)->expires_ms > now_ms)
        return STATUS_CONFLICT;
    if (link)
        table->free_value(unlink_entry(table, link));
    if (now_ms - table->swept_ms >= SWEEP_EVERY_MS)
        sweep_entries(table, now_ms);
    if (table->count >= table->max)
        return STATUS_STORE_DOWN;
    return add_entry(table, digest, value, expires_ms);
}

void *ttl_table_take(struct ttl_table *table, struct slice name, int64_t now_ms)
{
    unsigned char digest[DIGEST_BYTES];
    struct entry **link = find_link(table, name, digest);
    return link && (*link)->expires_ms > now_ms ? unlink_entry(table, link) : NULL;
}
