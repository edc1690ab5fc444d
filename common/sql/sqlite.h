/* sql_sqlite: the connection to an SQLite file; reached through sql_open_blocking (sql.h).
 *
 * Invariants: WAL with synchronous=FULL, so that what was committed survives a power failure and readers never wait for
 * the writer; a write transaction takes its lock at the start (BEGIN IMMEDIATE), so that it cannot fail half-way for a
 * lock. The file's permissions (0600 for a new one) are inherited by the -wal and -shm files beside it. */
#ifndef COUNTERSIGN_SQL_SQLITE_H
#define COUNTERSIGN_SQL_SQLITE_H

#include "sql/sql.h"

/* `path` is what follows "sqlite:". */
MUST_USE enum status sql_sqlite_open_blocking(struct slice path, const struct sql_options *options, struct buf *why,
                                              struct sql **ret_sql);

#endif
