/* nonce_epoch: the names of epochs. A name is random, and says how long the nonces of its epoch are kept:
 * "RANDOM-SECONDS", that many seconds after their timestamps (docs/design/nonce-guard.md, rule 6).
 *
 * So the durable row, the record in Redis and every process that is in the epoch agree on that, also where one of them
 * was written by a version whose names did not say it. */
#ifndef COUNTERSIGN_GUARD_NONCE_EPOCH_H
#define COUNTERSIGN_GUARD_NONCE_EPOCH_H

#include "base/attributes.h"
#include "base/buf.h"
#include "base/slice.h"
#include "base/status.h"
#include "guard/nonce_ledger.h"

#include <stdint.h>

enum {
    NONCE_KEPT_MAX_S = 2 * 86400, /* twice the largest OAUTH1_TIMESTAMP_SKEW */
    NONCE_SHORT_BYTES = 128,
};

/* How long nonces must be kept for a process that accepts timestamps as old as its skew. */
static inline int64_t nonce_kept_for_s(int64_t skew_ms)
{
    return 2 * skew_ms / 1000;
}

/* A new name. NO_RANDOMNESS; BAD_INPUT: more than NONCE_KEPT_MAX_S. */
MUST_USE enum status nonce_epoch_make(int64_t kept_s, char ret_id[NONCE_EPOCH_ID_BYTES]);
/* How long the nonces of this epoch are kept; 0: its name does not say. */
int64_t nonce_epoch_kept_s(struct slice id);
/* Says to an operator why an epoch ended whose nonces were not kept for long enough. */
void nonce_epoch_tell_short(int64_t kept_s, int64_t needed_s, struct buf *out);

#endif
