#include "store/nonce_set.h"

#define HASH_NONFATAL_OOM 1
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <uthash.h>

enum { SHARDS = 16, FIRST_SLOTS = 16 };

/* An open-addressed set of the hashes of one second; 0 is a free slot. */
struct bucket {
    int64_t timestamp_s;
    uint64_t *slots;
    size_t slot_count; /* a power of two */
    size_t used;
    UT_hash_handle hh;
};

struct shard {
    pthread_mutex_t mutex;
    struct bucket *buckets; /* by second */
    int64_t swept_s;
};

struct nonce_set {
    size_t max;
    int64_t keep_s;
    _Atomic size_t count;
    struct shard shards[SHARDS];
};

struct nonce_set *nonce_set_new(size_t max, int64_t keep_s)
{
    struct nonce_set *set = calloc(1, sizeof *set);
    if (!set)
        return NULL;
    set->max = max;
    set->keep_s = keep_s;
    for (size_t i = 0; i < SHARDS; i++)
        (void)pthread_mutex_init(&set->shards[i].mutex, NULL);
    return set;
}

static void drop(struct nonce_set *set, struct shard *shard, struct bucket *bucket)
{
    HASH_DEL(shard->buckets, bucket);
    atomic_fetch_sub(&set->count, bucket->used);
    free(bucket->slots);
    free(bucket);
}

void nonce_set_free(struct nonce_set *set)
{
    if (!set)
        return;
    for (size_t i = 0; i < SHARDS; i++) {
        struct bucket *bucket = NULL;
        struct bucket *next = NULL;
        HASH_ITER(hh, set->shards[i].buckets, bucket, next)
        {
            drop(set, &set->shards[i], bucket);
        }
        (void)pthread_mutex_destroy(&set->shards[i].mutex);
    }
    free(set);
}

/* Once a second: there are as many buckets as the window has seconds. */
static void sweep(struct nonce_set *set, struct shard *shard, int64_t now_s)
{
    struct bucket *bucket = NULL;
    struct bucket *next = NULL;
    if (now_s <= shard->swept_s)
        return;
    shard->swept_s = now_s;
    HASH_ITER(hh, shard->buckets, bucket, next)
    {
        if (bucket->timestamp_s + set->keep_s < now_s)
            drop(set, shard, bucket);
    }
}

/* Where the hash is, or would go. */
static size_t slot_of(const uint64_t *slots, size_t slot_count, uint64_t hash)
{
    size_t at = (size_t)(hash >> 8) & (slot_count - 1);
    while (slots[at] != 0 && slots[at] != hash)
        at = (at + 1) & (slot_count - 1);
    return at;
}

static bool grow(struct bucket *bucket)
{
    size_t slot_count = bucket->slot_count * 2;
    uint64_t *slots = calloc(slot_count, sizeof *slots);
    if (!slots)
        return false;
    for (size_t i = 0; i < bucket->slot_count; i++)
        if (bucket->slots[i] != 0)
            slots[slot_of(slots, slot_count, bucket->slots[i])] = bucket->slots[i];
    free(bucket->slots);
    bucket->slots = slots;
    bucket->slot_count = slot_count;
    return true;
}

static struct bucket *find_bucket(struct shard *shard, int64_t timestamp_s)
{
    struct bucket *bucket = NULL;
    HASH_FIND(hh, shard->buckets, &timestamp_s, sizeof timestamp_s, bucket);
    if (bucket)
        return bucket;
    bucket = calloc(1, sizeof *bucket);
    uint64_t *slots = calloc(FIRST_SLOTS, sizeof *slots);
    if (bucket && slots) {
        *bucket = (struct bucket){.timestamp_s = timestamp_s, .slots = slots, .slot_count = FIRST_SLOTS};
        HASH_ADD(hh, shard->buckets, timestamp_s, sizeof bucket->timestamp_s, bucket);
        if (bucket->hh.tbl)
            return bucket;
    }
    free(slots);
    free(bucket);
    return NULL;
}

static enum status add(struct nonce_set *set, struct shard *shard, int64_t timestamp_s, uint64_t hash)
{
    struct bucket *bucket = find_bucket(shard, timestamp_s);
    if (!bucket)
        return STATUS_STORE_DOWN;
    size_t at = slot_of(bucket->slots, bucket->slot_count, hash);
    if (bucket->slots[at] == hash)
        return STATUS_NONCE_USED;
    if (atomic_load(&set->count) >= set->max)
        return STATUS_STORE_DOWN;
    if ((bucket->used + 1) * 4 > bucket->slot_count * 3) {
        if (!grow(bucket))
            return STATUS_STORE_DOWN;
        at = slot_of(bucket->slots, bucket->slot_count, hash);
    }
    bucket->slots[at] = hash;
    bucket->used++;
    atomic_fetch_add(&set->count, 1);
    return STATUS_OK;
}

enum status nonce_set_add(struct nonce_set *set, int64_t timestamp_s, uint64_t hash, int64_t now_s)
{
    hash = hash ? hash : 1;
    struct shard *shard = &set->shards[hash & (SHARDS - 1)];
    (void)pthread_mutex_lock(&shard->mutex);
    sweep(set, shard, now_s);
    /* A thread that was held up since it read the clock may come with what others have forgotten since. */
    bool forgotten = timestamp_s < shard->swept_s - set->keep_s;
    enum status status = forgotten ? STATUS_TIMESTAMP_REFUSED : add(set, shard, timestamp_s, hash);
    (void)pthread_mutex_unlock(&shard->mutex);
    return status;
}

static void save_bucket(const struct bucket *bucket, struct nonce_state *state)
{
    for (size_t i = 0; i < bucket->slot_count; i++)
        if (bucket->slots[i] != 0)
            state->nonces[state->count++] = (struct saved_nonce){bucket->timestamp_s, bucket->slots[i]};
}

enum status nonce_set_save(struct nonce_set *set, int64_t now_s, struct nonce_state *state)
{
    state->count = 0;
    state->nonces = calloc(atomic_load(&set->count) + 1, sizeof *state->nonces);
    if (!state->nonces)
        return STATUS_NO_MEMORY;
    for (size_t i = 0; i < SHARDS; i++) {
        struct shard *shard = &set->shards[i];
        (void)pthread_mutex_lock(&shard->mutex);
        sweep(set, shard, now_s);
        for (const struct bucket *bucket = shard->buckets; bucket; bucket = bucket->hh.next)
            save_bucket(bucket, state);
        (void)pthread_mutex_unlock(&shard->mutex);
    }
    return STATUS_OK;
}
