/* sql_mysql: MySQL and MariaDB behind sql.h. Only sql.c includes it.
 *
 * Invariants: a connection that was lost is made anew by the next statement, unless a transaction or the lock of the
 * migrations was on it. What is repeated here is what certainly left nothing behind: a statement that was never sent, a
 * read whose answer was cut off, a statement or a transaction that the server rolled back for a deadlock, a transaction
 * whose COMMIT was not sent. The reply to a COMMIT that does not come is STORE_DOWN: nobody knows. */
#ifndef COUNTERSIGN_SQL_MYSQL_H
#define COUNTERSIGN_SQL_MYSQL_H

#include "sql/sql.h"

/* `url` is what follows "mysql:"; the rest as sql_open_blocking. */
MUST_USE enum status sql_mysql_open_blocking(struct slice url, const struct sql_options *options, struct buf *why,
                                             struct sql **ret_sql);
/* Likewise. */
MUST_USE enum status sql_mysql_password_of(struct slice url, const struct sql_options *options, struct buf *why,
                                           char ret_password[PASSWORD_BYTES]);

#endif
