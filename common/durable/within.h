/* within: what the files of this room do for each other within a transaction. Only they include it. */
#ifndef COUNTERSIGN_DURABLE_WITHIN_H
#define COUNTERSIGN_DURABLE_WITHIN_H

#include "durable/changes.h"

/* Writes a change, within the transaction that makes it. */
MUST_USE enum status change_write(struct durable *db, enum change_kind kind, enum change_event event, struct slice id);
/* The same for a decimal id. */
MUST_USE enum status change_write_number(struct durable *db, enum change_kind kind, enum change_event event,
                                         int64_t id);

/* Revokes the tokens of one client or user; pass 0 for "any". */
MUST_USE enum status revoke_tokens_of(struct durable *db, int64_t client, int64_t user, int64_t *ret_count);

#endif
