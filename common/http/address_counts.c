#include "http/address_counts.h"

#include <assert.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct entry {
    struct entry *next;
    struct address address; /* zero behind the bytes that count */
    size_t count;
};

struct address_counts {
    pthread_mutex_t lock;
    size_t bound;
    uint64_t seed; /* so that nobody can choose addresses of one bucket */
    size_t mask;
    struct entry *buckets[];
};

struct address_counts *address_counts_new(size_t bound, size_t expected)
{
    size_t buckets = 16;
    while (buckets < expected)
        buckets *= 2;
    struct address_counts *counts = calloc(1, sizeof *counts + buckets * sizeof(struct entry *));
    if (!counts)
        return NULL;
    counts->bound = bound;
    counts->mask = buckets - 1;
    if (RAND_bytes((unsigned char *)&counts->seed, sizeof counts->seed) != 1) {
        free(counts);
        return NULL;
    }
    (void)pthread_mutex_init(&counts->lock, NULL);
    return counts;
}

void address_counts_free(struct address_counts *counts)
{
    if (!counts)
        return;
    for (size_t i = 0; i <= counts->mask; i++) {
        while (counts->buckets[i]) {
            struct entry *entry = counts->buckets[i];
            counts->buckets[i] = entry->next;
            free(entry);
        }
    }
    (void)pthread_mutex_destroy(&counts->lock);
    free(counts);
}

/* The finalizer of MurmurHash3, twice over. */
static uint64_t mix_bits(uint64_t value)
{
    value = (value ^ value >> 33) * 0xff51afd7ed558ccdU;
    value = (value ^ value >> 33) * 0xc4ceb9fe1a85ec53U;
    return value ^ value >> 33;
}

static struct entry **find_count(struct address_counts *counts, const struct address *address)
{
    uint64_t halves[2];
    memcpy(halves, address->bytes, sizeof halves);
    struct entry **link = &counts->buckets[mix_bits(mix_bits(halves[0] ^ counts->seed) ^ halves[1]) & counts->mask];
    while (*link && memcmp((*link)->address.bytes, address->bytes, sizeof address->bytes) != 0)
        link = &(*link)->next;
    return link;
}

bool address_counts_add(struct address_counts *counts, const struct address *address)
{
    const struct address kept = address_network(address);
    (void)pthread_mutex_lock(&counts->lock);
    struct entry **link = find_count(counts, &kept);
    if (!*link) {
        *link = calloc(1, sizeof **link);
        if (*link)
            (*link)->address = kept;
    }
    struct entry *entry = *link;
    bool is_added = entry && entry->count < counts->bound;
    if (is_added)
        entry->count++;
    (void)pthread_mutex_unlock(&counts->lock);
    return is_added;
}

void address_counts_remove(struct address_counts *counts, const struct address *address)
{
    const struct address kept = address_network(address);
    (void)pthread_mutex_lock(&counts->lock);
    struct entry **link = find_count(counts, &kept);
    struct entry *entry = *link;
    assert(entry && entry->count > 0);
    if (--entry->count == 0) {
        *link = entry->next;
        free(entry);
    }
    (void)pthread_mutex_unlock(&counts->lock);
}
