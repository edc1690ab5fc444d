/* nonce_waits: nonces of one loop that wait until more may be accepted (nonce_guard.h).
 *
 * Embedded in a loop's view; used on that loop's thread. */
#ifndef COUNTERSIGN_EPHEMERAL_NONCE_WAITS_H
#define COUNTERSIGN_EPHEMERAL_NONCE_WAITS_H

#include "ephemeral/ephemeral.h"
#include "loop/flow.h"

#include <stddef.h>

struct waiting_nonce;

struct nonce_waits {
    struct waiting_nonce *first;
    struct waiting_nonce **last;
    size_t count;
};

/* Keeps a copy of the nonce. Where it cannot, the ticket is completed: STORE_DOWN, NO_MEMORY. */
void nonce_waits_add(struct nonce_waits *waits, const struct nonce *nonce, struct ticket ticket);
/* Takes all out and hands those that somebody still waits for to `retry`, which may add them again. */
void nonce_waits_retry(struct nonce_waits *waits,
                       void (*retry)(void *context, const struct nonce *nonce, struct ticket ticket), void *context);
/* Completes all with STORE_DOWN. */
void nonce_waits_done(struct nonce_waits *waits);

#endif
