#include "ephemeral/count_table.h"

#include "crypto/keyed_hash.h"

#include <pthread.h>
#include <stdlib.h>

enum { WAYS = 16 };

struct counter {
    uint64_t hash; /* of the name: two with the same one share a counter, which nobody can bring about */
    int64_t ends_ms;
    int64_t count;
};

/* Where a name may be. */
struct counter_set {
    struct counter counters[WAYS];
};

struct count_table {
    pthread_mutex_t mutex;
    struct hash_key key;
    struct counter_set *sets; /* as many as a power of two */
    size_t mask;
};

struct count_table *count_table_new(size_t names)
{
    struct count_table *table = calloc(1, sizeof *table);
    size_t sets = 1;
    while (sets * WAYS < names)
        sets *= 2;
    if (!table)
        return NULL;
    table->sets = calloc(sets, sizeof *table->sets);
    table->mask = sets - 1;
    (void)pthread_mutex_init(&table->mutex, NULL);
    if (!table->sets || hash_key_make(&table->key) != STATUS_OK) {
        count_table_free(table);
        return NULL;
    }
    return table;
}

void count_table_free(struct count_table *table)
{
    if (!table)
        return;
    (void)pthread_mutex_destroy(&table->mutex);
    free(table->sets);
    free(table);
}

static struct counter_set *set_of(const struct count_table *table, uint64_t hash)
{
    return &table->sets[hash & table->mask];
}

static struct counter *find_live(struct counter_set *set, uint64_t hash, int64_t now_ms)
{
    for (size_t i = 0; i < WAYS; i++)
        if (set->counters[i].hash == hash && set->counters[i].ends_ms > now_ms)
            return &set->counters[i];
    return NULL;
}

/* What is given up first: a window that is over, then the least counted, then the one that ends soonest. */
static bool goes_before(const struct counter *a, const struct counter *b, int64_t now_ms)
{
    bool a_over = a->ends_ms <= now_ms;
    bool b_over = b->ends_ms <= now_ms;
    if (a_over != b_over)
        return a_over;
    return a->count != b->count ? a->count < b->count : a->ends_ms < b->ends_ms;
}

static struct counter *choose_room(struct counter_set *set, int64_t now_ms)
{
    struct counter *chosen = &set->counters[0];
    for (size_t i = 1; i < WAYS; i++)
        if (goes_before(&set->counters[i], chosen, now_ms))
            chosen = &set->counters[i];
    return chosen;
}

int64_t count_table_add(struct count_table *table, struct slice name, int64_t window_ms, int64_t now_ms,
                        int64_t *ret_ends_ms)
{
    uint64_t hash = keyed_hash(&table->key, name);
    struct counter_set *set = set_of(table, hash);
    (void)pthread_mutex_lock(&table->mutex);
    struct counter *counter = find_live(set, hash, now_ms);
    if (!counter) {
        counter = choose_room(set, now_ms);
        *counter = (struct counter){hash, now_ms + window_ms, 0};
    }
    int64_t count = ++counter->count;
    *ret_ends_ms = counter->ends_ms;
    (void)pthread_mutex_unlock(&table->mutex);
    return count;
}

void count_table_take_back(struct count_table *table, struct slice name, int64_t now_ms)
{
    uint64_t hash = keyed_hash(&table->key, name);
    (void)pthread_mutex_lock(&table->mutex);
    struct counter *counter = find_live(set_of(table, hash), hash, now_ms);
    if (counter && counter->count > 0)
        counter->count--;
    (void)pthread_mutex_unlock(&table->mutex);
}
