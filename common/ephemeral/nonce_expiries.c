#include "ephemeral/nonce_expiries.h"

#include <stdlib.h>
#include <string.h>

enum { SECONDS = 1024, WORD_BITS = 64 };

struct nonce_expiries {
    unsigned shards;
    unsigned words; /* for one mark of one second */
    int64_t seconds[SECONDS];
    uint64_t bits[]; /* by second, mark, word */
};

struct nonce_expiries *nonce_expiries_new(unsigned shards)
{
    unsigned words = (shards + WORD_BITS - 1) / WORD_BITS;
    size_t bits = (size_t)SECONDS * NONCE_EXPIRY_MARKS * words * sizeof(uint64_t);
    struct nonce_expiries *expiries = calloc(1, sizeof *expiries + bits);
    if (!expiries)
        return NULL;
    expiries->shards = shards;
    expiries->words = words;
    return expiries;
}

void nonce_expiries_free(struct nonce_expiries *expiries)
{
    free(expiries);
}

static size_t second_slot_of(int64_t second)
{
    return (size_t)((uint64_t)second % SECONDS);
}

static size_t word_of(const struct nonce_expiries *expiries, enum nonce_expiry mark, size_t slot, unsigned shard)
{
    return (slot * NONCE_EXPIRY_MARKS + mark) * expiries->words + shard / WORD_BITS;
}

static uint64_t bit_of(unsigned shard)
{
    return UINT64_C(1) << (shard % WORD_BITS);
}

bool nonce_expiries_has(const struct nonce_expiries *expiries, enum nonce_expiry mark, int64_t second, unsigned shard)
{
    size_t slot = second_slot_of(second);
    return expiries->seconds[slot] == second && (expiries->bits[word_of(expiries, mark, slot, shard)] & bit_of(shard));
}

void nonce_expiries_mark(struct nonce_expiries *expiries, enum nonce_expiry mark, int64_t second, unsigned shard)
{
    size_t slot = second_slot_of(second);
    if (expiries->seconds[slot] != second) {
        expiries->seconds[slot] = second;
        memset(&expiries->bits[word_of(expiries, 0, slot, 0)], 0,
               (size_t)NONCE_EXPIRY_MARKS * expiries->words * sizeof(uint64_t));
    }
    expiries->bits[word_of(expiries, mark, slot, shard)] |= bit_of(shard);
}

void nonce_expiries_unmark(struct nonce_expiries *expiries, enum nonce_expiry mark, int64_t second, unsigned shard)
{
    size_t slot = second_slot_of(second);
    if (expiries->seconds[slot] == second)
        expiries->bits[word_of(expiries, mark, slot, shard)] &= ~bit_of(shard);
}

void nonce_expiries_forget(struct nonce_expiries *expiries)
{
    for (size_t slot = 0; slot < SECONDS; slot++)
        memset(&expiries->bits[word_of(expiries, NONCE_EXPIRY_STANDS, slot, 0)], 0,
               (size_t)expiries->words * sizeof(uint64_t));
}

void nonce_expiries_each_owed(const struct nonce_expiries *expiries,
                              void (*visit)(void *context, int64_t second, unsigned shard), void *context)
{
    for (size_t slot = 0; slot < SECONDS; slot++)
        for (unsigned shard = 0; shard < expiries->shards; shard++)
            if (expiries->bits[word_of(expiries, NONCE_EXPIRY_OWED, slot, shard)] & bit_of(shard))
                visit(context, expiries->seconds[slot], shard);
}
