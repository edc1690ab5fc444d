/* nonce_rows: the rows of nonce_epochs and nonce_users, for nonces.c and epochs.c alone
 * (nonce_ledger.h). */
#ifndef COUNTERSIGN_DURABLE_NONCE_ROWS_H
#define COUNTERSIGN_DURABLE_NONCE_ROWS_H

#include "durable/nonces.h"
#include "durable/rows.h"

static inline struct durable *nonce_ledger_db(struct nonce_ledger *ledger)
{
    return ((struct durable_nonce_ledger *)ledger)->db;
}

/* Within a transaction: locks the row, which is made where there is none (exists stays false, and an epoch without a
 * name is in force). STORE_CORRUPT: it is none of ours. */
MUST_USE enum status nonce_row_read_blocking(struct durable *db, struct slice name, struct nonce_row *ret_row);
MUST_USE enum status nonce_row_write_blocking(struct durable *db, struct slice name, const struct nonce_row *row);
/* Reads what other nonce stores, which this one replaces, may have accepted. A shared store replaces all others; the
 * store of a single process replaces the shared one. */
MUST_USE enum status nonce_row_others_blocking(struct durable *db, struct slice name,
                                               struct accepted_ranges *ret_ranges);

/* nonce_ledger.h's, with the same names. */
enum status nonce_keep_blocking(struct nonce_ledger *ledger, const struct nonce_keep *keep,
                                struct accepted_ranges *ret_ranges);
enum status nonce_decide_blocking(struct nonce_ledger *ledger, struct slice name, nonce_decide_fn decide,
                                  void *context);
enum status nonce_decide_part_blocking(struct nonce_ledger *ledger, struct slice name, unsigned part,
                                       nonce_decide_part_fn decide, void *context);
enum status nonce_read_parts_blocking(struct nonce_ledger *ledger, struct slice name, struct nonce_row *ret_whole,
                                      struct nonce_parts *ret_parts);
enum status nonce_leave_blocking(struct nonce_ledger *ledger, struct slice name, struct slice user_id);

#endif
