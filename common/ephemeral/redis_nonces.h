/* redis_nonces: nonces as 64-bit keyed hashes in sets of one second and one shard, `n:{SHARD}:SECOND`, which Redis
 * keeps as sorted arrays of 8 bytes a nonce (docs/design/performance.md, "Nonces in Redis").
 *
 * Invariants:
 * - What a turn of the loop spends is one write: SADD for each nonce, EXPIREAT for each set that this connection has
 *   not seen acknowledged as expiring under this epoch, a GET of the epoch, and what INFO says of evictions and of
 *   replication. No verdict counts before that GET answered the epoch that the nonces were hashed under, and INFO that
 *   since it was settled no key was evicted, and the server has followed nobody.
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
struct redis_client;
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
/* Ends the turn's batch with the GET of the epoch, and INFO. */
void redis_nonces_close_batch(struct redis_view *view);
/* The same for those of these views that are at this server: INFO is asked once for all of them. */
void redis_nonces_close_batches(struct redis_view *views, size_t count, struct redis_client *client);
/* A set is there until its second is over for so long. */
static inline int64_t redis_nonces_expiry_s(int64_t second, int64_t kept_s)
{
    return second + kept_s + 1;
}
/* Tries the waiting nonces again. */
void redis_nonces_retry(struct redis_view *view);

#endif
