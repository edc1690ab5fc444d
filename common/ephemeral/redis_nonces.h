/* redis_nonces: nonces as 64-bit keyed hashes in sets of one second and one shard, `n:{SHARD}:SECOND`, which Redis
 * keeps as sorted arrays of 8 bytes a nonce (docs/design/performance.md, "Nonces in Redis").
 *
 * Invariants:
 * - What a turn of the loop spends is one write: SADD for each nonce, EXPIREAT for each set that this connection has
 *   not seen acknowledged as expiring under this epoch, and a GET of the epoch. No verdict counts before that GET
 *   answered the epoch that the nonces were hashed under.
 * - A set whose expiry may not stand is remembered, and gets it once the epoch is settled again. */
#ifndef COUNTERSIGN_EPHEMERAL_REDIS_NONCES_H
#define COUNTERSIGN_EPHEMERAL_REDIS_NONCES_H

#include "base/attributes.h"
#include "base/status.h"
#include "ephemeral/redis_epoch.h"

#include <stdbool.h>
#include <stdint.h>

struct nonce_batch;
struct nonce_expiries;
struct redis_view;

/* Embedded in the view. */
struct redis_nonces {
    struct nonce_batch *open;  /* this turn's */
    struct nonce_batch *spare; /* to be used again */
    struct nonce_expiries *expiries;
    struct redis_epoch epoch;
    struct accepted_ranges guarded; /* of a provisional epoch (nonce-guard.md, rule 11), or of a part's */
    bool is_provisional;
    uint64_t generation; /* of the epoch: 0 before the first */
    bool is_settled;
};

/* After it was unsettled and the client was freed, so that no batch is under way. */
void redis_nonces_done(struct redis_nonces *nonces);
/* The epoch that was settled holds: nonces are taken again. NO_MEMORY. */
MUST_USE enum status redis_nonces_settle(struct redis_view *view);
/* No nonce is taken until an epoch is settled again. */
void redis_nonces_unsettle(struct redis_view *view);
/* Ends the turn's batch with the GET of the epoch. */
void redis_nonces_close_batch(struct redis_view *view);
/* Until after the last second in which a request with that timestamp could be good, by whatever clock. */
static inline int64_t redis_nonces_expiry_s(int64_t second, int64_t skew_ms)
{
    return second + 2 * skew_ms / 1000 + 1;
}
/* Tries the waiting nonces again. */
void redis_nonces_retry(struct redis_view *view);

#endif
