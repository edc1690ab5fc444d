/* memory_nonces: nonces in the memory of one process, and the clock by which they are judged
 * (docs/design/nonce-guard.md).
 *
 * Invariants: the clock runs by steady time and follows the wall's small steps forward; it never goes back, except at a
 * loss. A wall clock that parts from it by more than CLOCK_LEAP_MS is a loss: every nonce is forgotten, and a new epoch
 * guards what was accepted before. */
#ifndef COUNTERSIGN_EPHEMERAL_MEMORY_NONCES_H
#define COUNTERSIGN_EPHEMERAL_MEMORY_NONCES_H

#include "ephemeral/ephemeral.h"
#include "guard/nonce_guard.h"

struct memory_nonces;
struct memory_nonce_view;

/* The ledger's errors, NO_MEMORY, NO_RANDOMNESS. The options are copied; what they point at is borrowed. */
MUST_USE enum status memory_nonces_open_blocking(const struct ephemeral_options *options,
                                                 struct memory_nonces **ret_nonces);
/* The clean stop: live nonces go to the ledger. */
MUST_USE enum status memory_nonces_save_blocking(struct memory_nonces *nonces);
/* NULL is fine. */
void memory_nonces_free(struct memory_nonces *nonces);

/* Ms UTC; from any thread. */
int64_t memory_nonces_now_ms(struct memory_nonces *nonces);

/* A loop's part. NULL: no memory. */
MUST_USE struct memory_nonce_view *memory_nonce_view_new(struct memory_nonces *nonces, struct loop *loop);
void memory_nonce_view_free(struct memory_nonce_view *view);
/* ephemeral_nonce_spend_start. */
void memory_nonce_spend_start(struct memory_nonce_view *view, const struct nonce *nonce, struct ticket ticket);
struct nonce_trouble memory_nonce_trouble(struct memory_nonce_view *view);

#endif
