/* durable: the durable store's view of clients, tokens, users and resource servers.
 *
 * Invariants, for all headers of this room:
 * - Identifiers, tokens and user names compare byte for byte; text that is not there is empty, never NULL; a time is
 *   64-bit ms UTC, and 0 means never or not yet.
 * - A result is self-contained: it lives in the arena that comes first in it, holds secrets in the clear and is wiped
 * by its free function. Lists come in pages, ordered by primary key: ask again after the last row's id.
 * - Secrets are sealed in the database, bound to the row they belong to.
 * - Whatever disables, deletes, revokes or rotates writes a row to `changes` in the same transaction.
 * - `…_blocking` runs where it is called (commands, pool threads). `…_start` copies its arguments, runs the same on the
 *   pool, and completes the ticket on its loop: with the status and the object named in its comment.
 * - Status of every function, beside those that its comment names: sql.h's and NO_RANDOMNESS. */
#ifndef COUNTERSIGN_DURABLE_DURABLE_H
#define COUNTERSIGN_DURABLE_DURABLE_H

#include "base/attributes.h"
#include "base/clock.h"
#include "base/status.h"
#include "crypto/sealed.h"
#include "sql/sql.h"

#include <stdbool.h>

struct change_log;

/* One connection to the durable store, with what is needed to read and write on it. */
struct durable {
    struct sql *sql;
    const struct keyring *keys;
    const struct clock *clock;
    struct change_log *log; /* collects what was changed, so that caches can be told; NULL: nobody is told */
    const char *fault;      /* of the last call, where it was not the connection's; else NULL */
    char fault_text[1024];  /* what `fault` is, where it names something */
    bool is_incomplete;     /* the last call found less than it was asked for: a replica that lags may be why */
};

/* sql_transaction_blocking for work that writes changes: after the commit they are in db->log. The calls of
 * this room within `work` join it, so that many of them are one transaction. */
MUST_USE enum status durable_transaction_blocking(struct durable *db, sql_work_fn work, void *context);

/* Says, for the operator, why the last call failed with an infrastructure status, and names the database. */
const char *durable_last_error(const struct durable *db);

/* Which part of a list is wanted. */
struct page_request {
    int64_t after_id; /* 0: from the start */
    size_t limit;     /* at most PAGE_MAX_ROWS; 0 means PAGE_MAX_ROWS */
};

enum { PAGE_MAX_ROWS = 1000, IDENTIFIER_MAX_BYTES = 255, SECRET_MAX_BYTES = 512 };

#endif
