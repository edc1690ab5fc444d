/* nonce_trouble: what keeps a nonce store from accepting fresh requests, for an operator (docs/design/nonce-guard.md).
 */
#ifndef COUNTERSIGN_GUARD_NONCE_TROUBLE_H
#define COUNTERSIGN_GUARD_NONCE_TROUBLE_H

#include <stdbool.h>
#include <stdint.h>

struct nonce_trouble {
    int64_t guard_s;  /* for how long a fresh request is still refused; 0: it is not */
    int64_t behind_s; /* how far the store's clock is behind what was accepted, where that is too far; else 0 */
    int64_t lead_s;   /* how far ahead of the clock requests were accepted, because of fast clients */
    int64_t retry_s;  /* where a part of the store is away or guarded: for how long at least one may be refused */
    bool is_full;     /* the store takes nothing more: it is at its limit of memory */
    bool is_refusing; /* the store takes no writes, for another reason */
    bool is_stuck;    /* what is accepted cannot be written down for now: the durable store does not answer */
};

#endif
