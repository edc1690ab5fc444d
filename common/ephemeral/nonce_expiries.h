/* nonce_expiries: which sets of nonces are known to expire, and which may not. For redis_nonces alone.
 *
 * A direct-mapped table by second: a second that takes another's place costs an EXPIREAT more, and what it owed is left
 * to `auth-service janitor`. */
#ifndef COUNTERSIGN_EPHEMERAL_NONCE_EXPIRIES_H
#define COUNTERSIGN_EPHEMERAL_NONCE_EXPIRIES_H

#include "base/attributes.h"

#include <stdbool.h>
#include <stdint.h>

struct nonce_expiries;

enum nonce_expiry {
    NONCE_EXPIRY_STANDS, /* acknowledged on this connection, under this epoch */
    NONCE_EXPIRY_ASKED,  /* in the batch that is being made */
    NONCE_EXPIRY_OWED,   /* the set is there, and may not expire */
    NONCE_EXPIRY_MARKS,
};

/* NULL: no memory. */
MUST_USE struct nonce_expiries *nonce_expiries_new(unsigned shards);
void nonce_expiries_free(struct nonce_expiries *expiries);

/* One mark of one set. */
bool nonce_expiries_has(const struct nonce_expiries *expiries, enum nonce_expiry mark, int64_t second, unsigned shard);
/* Sets it. */
void nonce_expiries_mark(struct nonce_expiries *expiries, enum nonce_expiry mark, int64_t second, unsigned shard);
/* Takes the mark away. */
void nonce_expiries_unmark(struct nonce_expiries *expiries, enum nonce_expiry mark, int64_t second, unsigned shard);
/* Forgets what was acknowledged. */
void nonce_expiries_forget(struct nonce_expiries *expiries);
/* Calls `visit` for each set that is owed its expiry. */
void nonce_expiries_each_owed(const struct nonce_expiries *expiries,
                              void (*visit)(void *context, int64_t second, unsigned shard), void *context);

#endif
