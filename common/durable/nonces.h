/* nonces: the ledger of nonce stores (guard/nonce_ledger.h) in the durable store. */
#ifndef COUNTERSIGN_DURABLE_NONCES_H
#define COUNTERSIGN_DURABLE_NONCES_H

#include "durable/durable.h"
#include "guard/nonce_ledger.h"

/* `ledger` comes first; `db` is borrowed and used by the calling thread. */
struct durable_nonce_ledger {
    struct nonce_ledger ledger;
    struct durable *db;
};

/* Nothing to be freed; `db` must outlive it. */
void durable_nonce_ledger_init(struct durable_nonce_ledger *ledger, struct durable *db);

/* For a database that came back from a backup, while no service runs: every store refuses timestamps up to `until_s`.
 * Within a transaction. */
MUST_USE enum status durable_nonces_guard_blocking(struct durable *db, int64_t until_s);

#endif
