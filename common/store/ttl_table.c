#include "store/ttl_table.h"

#include "base/wipe.h"
#include "crypto/digest.h"

#define HASH_NONFATAL_OOM 1
#include <pthread.h>
#include <stdlib.h>
#include <uthash.h>

enum { DIGEST_BYTES = 32, SWEEP_EVERY_MS = 5000 };

struct entry {
    unsigned char digest[DIGEST_BYTES]; /* SHA-256 of the name */
    int64_t expires_ms;
    void *value;
    UT_hash_handle hh;
};

struct ttl_table {
    pthread_mutex_t mutex;
    struct entry *entries;
    size_t max;
    int64_t swept_ms;
    void (*free_value)(void *value);
};

struct ttl_table *ttl_table_new(size_t max, void (*free_value)(void *value))
{
    struct ttl_table *table = calloc(1, sizeof *table);
    if (!table)
        return NULL;
    (void)pthread_mutex_init(&table->mutex, NULL);
    table->max = max;
    table->free_value = free_value;
    return table;
}

static void *unlink_entry(struct ttl_table *table, struct entry *entry)
{
    void *value = entry->value;
    HASH_DEL(table->entries, entry);
    free(entry);
    return value;
}

void ttl_table_free(struct ttl_table *table)
{
    struct entry *entry = NULL;
    struct entry *next = NULL;
    if (!table)
        return;
    HASH_ITER(hh, table->entries, entry, next)
    {
        table->free_value(unlink_entry(table, entry));
    }
    (void)pthread_mutex_destroy(&table->mutex);
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

static struct entry *find(struct ttl_table *table, struct slice name)
{
    unsigned char digest[DIGEST_BYTES];
    struct entry *entry = NULL;
    if (digest_bytes(DIGEST_SHA256, name, digest) == STATUS_OK)
        HASH_FIND(hh, table->entries, digest, DIGEST_BYTES, entry);
    return entry;
}

void **ttl_table_find(struct ttl_table *table, struct slice name, int64_t now_ms)
{
    struct entry *entry = find(table, name);
    return entry && entry->expires_ms > now_ms ? &entry->value : NULL;
}

int64_t ttl_table_expires_ms(struct ttl_table *table, struct slice name)
{
    const struct entry *entry = find(table, name);
    return entry ? entry->expires_ms : 0;
}

static void sweep(struct ttl_table *table, int64_t now_ms)
{
    struct entry *entry = NULL;
    struct entry *next = NULL;
    table->swept_ms = now_ms;
    HASH_ITER(hh, table->entries, entry, next)
    {
        if (entry->expires_ms <= now_ms)
            table->free_value(unlink_entry(table, entry));
    }
}

enum status ttl_table_add(struct ttl_table *table, struct slice name, void *value, int64_t expires_ms, int64_t now_ms)
{
    struct entry *entry = find(table, name);
    if (entry && entry->expires_ms > now_ms)
        return STATUS_CONFLICT;
    if (entry)
        table->free_value(unlink_entry(table, entry));
    if (now_ms - table->swept_ms >= SWEEP_EVERY_MS)
        sweep(table, now_ms);
    if (HASH_COUNT(table->entries) >= table->max)
        return STATUS_STORE_DOWN;
    entry = calloc(1, sizeof *entry);
    if (!entry)
        return STATUS_NO_MEMORY;
    entry->value = value;
    entry->expires_ms = expires_ms;
    enum status status = digest_bytes(DIGEST_SHA256, name, entry->digest);
    if (status == STATUS_OK) {
        HASH_ADD(hh, table->entries, digest, DIGEST_BYTES, entry);
        status = entry->hh.tbl ? STATUS_OK : STATUS_NO_MEMORY;
    }
    if (status != STATUS_OK)
        free(entry);
    return status;
}

void *ttl_table_take(struct ttl_table *table, struct slice name, int64_t now_ms)
{
    struct entry *entry = find(table, name);
    return entry && entry->expires_ms > now_ms ? unlink_entry(table, entry) : NULL;
}

void ttl_table_drop(struct ttl_table *table, bool (*matches)(const void *value, const void *context),
                    const void *context)
{
    struct entry *entry = NULL;
    struct entry *next = NULL;
    HASH_ITER(hh, table->entries, entry, next)
    {
        if (matches(entry->value, context))
            table->free_value(unlink_entry(table, entry));
    }
}
