#include "ephemeral/nonce_set.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

enum { SHARDS = 16, FIRST_SLOTS = 16 };

/* An open-addressed set of the hashes of one second; 0 is a free slot. */
struct bucket {
    int64_t timestamp_s;
    uint64_t *slots;     /* NULL: empty */
    uint32_t slot_count; /* a power of two, or 0 */
    uint32_t used;
};

struct shard {
    pthread_mutex_t mutex;
    struct bucket *ring; /* timestamp_s modulo ring_size */
    int64_t swept_s;     /* never goes back: what was forgotten then stays so */
};

struct nonce_set {
    size_t max;
    int64_t keep_s;
    int64_t ahead_s;
    int64_t ring_size; /* seconds: from keep_s ago to ahead_s from now */
    _Atomic size_t count;
    struct shard shards[SHARDS];
};

struct nonce_set *nonce_set_new(size_t max, int64_t keep_s, int64_t ahead_s)
{
    struct nonce_set *set = calloc(1, sizeof *set);
    if (!set)
        return NULL;
    set->max = max;
    set->keep_s = keep_s;
    set->ahead_s = ahead_s;
    set->ring_size = keep_s + ahead_s + 1;
    bool complete = true;
    for (size_t i = 0; i < SHARDS; i++) {
        (void)pthread_mutex_init(&set->shards[i].mutex, NULL);
        set->shards[i].ring = calloc((size_t)set->ring_size, sizeof(struct bucket));
        complete = complete && set->shards[i].ring;
    }
    if (complete)
        return set;
    nonce_set_free(set);
    return NULL;
}

static struct bucket *bucket_of(const struct nonce_set *set, struct shard *shard, int64_t timestamp_s)
{
    int64_t at = timestamp_s % set->ring_size;
    return &shard->ring[at < 0 ? at + set->ring_size : at];
}

static void drop_bucket(struct nonce_set *set, struct bucket *bucket)
{
    atomic_fetch_sub(&set->count, bucket->used);
    free(bucket->slots);
    *bucket = (struct bucket){0};
}

void nonce_set_free(struct nonce_set *set)
{
    if (!set)
        return;
    for (size_t i = 0; i < SHARDS; i++) {
        struct shard *shard = &set->shards[i];
        for (int64_t at = 0; shard->ring && at < set->ring_size; at++)
            free(shard->ring[at].slots);
        free(shard->ring);
        (void)pthread_mutex_destroy(&shard->mutex);
    }
    free(set);
}

/* Forgets the seconds that left the window since the last time, at most the whole ring. Nothing of the window of then
 * is in their places. */
static void sweep_shard(struct nonce_set *set, struct shard *shard, int64_t now_s)
{
    if (now_s <= shard->swept_s)
        return;
    int64_t passed = now_s - shard->swept_s;
    int64_t oldest_s = now_s - set->keep_s;
    shard->swept_s = now_s;
    for (int64_t i = 1; i <= passed && i <= set->ring_size; i++)
        drop_bucket(set, bucket_of(set, shard, oldest_s - i));
}

/* Where the hash is, or would go. */
static size_t hash_slot_of(const uint64_t *slots, size_t slot_count, uint64_t hash)
{
    size_t at = (size_t)(hash >> 8) & (slot_count - 1); /* the low bits chose the shard */
    while (slots[at] != 0 && slots[at] != hash)
        at = (at + 1) & (slot_count - 1);
    return at;
}

/* Room for one more, so that a quarter of the slots stays free. */
static bool grow_bucket(struct bucket *bucket)
{
    if ((bucket->used + 1) * 4 <= bucket->slot_count * 3)
        return true;
    uint32_t slot_count = bucket->slots ? bucket->slot_count * 2 : FIRST_SLOTS;
    uint64_t *slots = calloc(slot_count, sizeof *slots);
    if (!slots)
        return false;
    for (size_t i = 0; i < bucket->slot_count; i++)
        if (bucket->slots[i] != 0)
            slots[hash_slot_of(slots, slot_count, bucket->slots[i])] = bucket->slots[i];
    free(bucket->slots);
    bucket->slots = slots;
    bucket->slot_count = slot_count;
    return true;
}

static enum status add_hash(struct nonce_set *set, struct shard *shard, int64_t timestamp_s, uint64_t hash)
{
    struct bucket *bucket = bucket_of(set, shard, timestamp_s);
    if (bucket->slots && bucket->slots[hash_slot_of(bucket->slots, bucket->slot_count, hash)] == hash)
        return STATUS_NONCE_USED;
    if (atomic_load(&set->count) >= set->max || !grow_bucket(bucket))
        return STATUS_STORE_DOWN;
    bucket->timestamp_s = timestamp_s;
    bucket->slots[hash_slot_of(bucket->slots, bucket->slot_count, hash)] = hash;
    bucket->used++;
    atomic_fetch_add(&set->count, 1);
    return STATUS_OK;
}

/* Within the window each second has a place of the ring to itself. It is judged by the latest time that the shard has
 * seen, for a thread may have been held up since it read the clock. */
static bool is_kept(const struct nonce_set *set, const struct shard *shard, int64_t timestamp_s)
{
    return timestamp_s >= shard->swept_s - set->keep_s && timestamp_s <= shard->swept_s + set->ahead_s;
}

enum status nonce_set_add(struct nonce_set *set, int64_t timestamp_s, uint64_t hash, int64_t now_s)
{
    hash = hash ? hash : 1;
    struct shard *shard = &set->shards[hash & (SHARDS - 1)];
    (void)pthread_mutex_lock(&shard->mutex);
    sweep_shard(set, shard, now_s);
    enum status status =
        is_kept(set, shard, timestamp_s) ? add_hash(set, shard, timestamp_s, hash) : STATUS_TIMESTAMP_REFUSED;
    (void)pthread_mutex_unlock(&shard->mutex);
    return status;
}

void nonce_set_forget(struct nonce_set *set)
{
    for (size_t i = 0; i < SHARDS; i++) {
        struct shard *shard = &set->shards[i];
        (void)pthread_mutex_lock(&shard->mutex);
        for (int64_t at = 0; at < set->ring_size; at++)
            drop_bucket(set, &shard->ring[at]);
        shard->swept_s = 0;
        (void)pthread_mutex_unlock(&shard->mutex);
    }
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
        sweep_shard(set, shard, now_s);
        for (int64_t at = 0; at < set->ring_size; at++)
            save_bucket(&shard->ring[at], state);
        (void)pthread_mutex_unlock(&shard->mutex);
    }
    return STATUS_OK;
}
