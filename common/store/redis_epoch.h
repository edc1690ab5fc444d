/* redis_epoch: the record in Redis that says since when its nonces are whole (security.md §1.6).
 *
 * A nonce store that failed over, was flushed or restarted may have forgotten nonces. Whoever finds the record missing,
 * or under another run_id than the server's, replaces it atomically; then every request with a timestamp of up to
 * changed_ms + lead is refused, since it may have been accepted before. */
#ifndef COUNTERSIGN_STORE_REDIS_EPOCH_H
#define COUNTERSIGN_STORE_REDIS_EPOCH_H

#include "base/attributes.h"
#include "base/buf.h"
#include "base/slice.h"
#include "base/status.h"
#include "store/nonce_ledger.h"
#include "store/redis_server.h"

#include <stdint.h>

#define REDIS_EPOCH_KEY SLICE("e")

enum { REDIS_EPOCH_ID_BYTES = 33, REDIS_EPOCH_BYTES = 256, REDIS_SHARDS = 256, REDIS_SHARDS_MAX = 4096 };

struct redis_epoch {
    char id[REDIS_EPOCH_ID_BYTES]; /* random */
    char run_id[REDIS_RUN_ID_BYTES];
    int64_t changed_ms; /* 0: the first start, which needs no guard */
    unsigned shards;    /* that nonces are spread over */
    unsigned char hash_key[NONCE_HASH_KEY_BYTES];
};

/* BAD_INPUT: that is no such record. */
MUST_USE enum status redis_epoch_parse(struct slice text, struct redis_epoch *ret_epoch);
/* At most REDIS_EPOCH_BYTES. */
void redis_epoch_write(const struct redis_epoch *epoch, struct buf *out);
/* A new one, with a new id and a new key. NO_RANDOMNESS. */
MUST_USE enum status redis_epoch_make(const char *run_id, int64_t changed_ms, unsigned shards,
                                      struct redis_epoch *ret_epoch);

#endif
