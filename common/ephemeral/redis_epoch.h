/* redis_epoch: the record in Redis that names the epoch in force (docs/design/nonce-guard.md, rules 4 and 5).
 *
 * It lives for half as long as nonces are kept in its epoch, REDIS_EPOCH_LIFE_MS at most, and is renewed by everybody
 * who is in it: where nobody watches, or Redis's clock leaps so far that it could end a nonce, the record ends first.
 */
#ifndef COUNTERSIGN_EPHEMERAL_REDIS_EPOCH_H
#define COUNTERSIGN_EPHEMERAL_REDIS_EPOCH_H

#include "base/attributes.h"
#include "base/buf.h"
#include "base/slice.h"
#include "base/status.h"
#include "guard/nonce_ledger.h"
#include "redis/server.h"

#include <stdbool.h>
#include <stdint.h>

#define REDIS_EPOCH_KEY SLICE("e")

enum {
    REDIS_EPOCH_BYTES = NONCE_RECORD_BYTES - 1,
    REDIS_EPOCH_LIFE_MS = 30000,
    REDIS_SHARDS = 256,
    REDIS_PART_SHARDS = 4, /* of each of a Cluster's parts */
    REDIS_SHARDS_MAX = 4096
};

struct redis_epoch {
    char id[NONCE_EPOCH_ID_BYTES]; /* nonce_epoch.h */
    int64_t kept_s;                /* as the id says */
    char run_id[REDIS_RUN_ID_BYTES];
    unsigned shards; /* that nonces are spread over */
    unsigned char hash_key[NONCE_HASH_KEY_BYTES];
};

/* BAD_INPUT: that is no such record. */
MUST_USE enum status redis_epoch_parse(struct slice text, struct redis_epoch *ret_epoch);
/* At most REDIS_EPOCH_BYTES. */
void redis_epoch_write(const struct redis_epoch *epoch, struct buf *out);
/* Makes an epoch with a new id and a new key, whose nonces are kept so long. NO_RANDOMNESS. */
MUST_USE enum status redis_epoch_make(const char *run_id, unsigned shards, int64_t kept_s,
                                      struct redis_epoch *ret_epoch);

/* How long the record lives without being renewed. */
static inline int64_t redis_epoch_life_ms(const struct redis_epoch *epoch)
{
    int64_t half_ms = epoch->kept_s * 1000 / 2;
    return half_ms && half_ms < REDIS_EPOCH_LIFE_MS ? half_ms : REDIS_EPOCH_LIFE_MS;
}

#endif
