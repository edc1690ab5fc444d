/* mysql_statement: prepared statements of one connection, by the binary protocol. Only the files of
 * MySQL include it.
 *
 * Invariants: a statement is prepared once for a connection and is found by its text, a constant of the program. Rows
 * are read one by one; a row over 64 MB ends the statement. */
#ifndef COUNTERSIGN_SQL_MYSQL_STATEMENT_H
#define COUNTERSIGN_SQL_MYSQL_STATEMENT_H

#include "sql/mysql_client.h"
#include "sql/sql.h"

struct mysql_statements;

struct mysql_outcome {
    int64_t affected;
    int64_t last_id;
    size_t rows;              /* that were handed over */
    bool is_failed;           /* the connection or the server; `fault` says how */
    struct mysql_fault fault; /* number 0 where the answer was impossible */
};

/* NULL: no memory. */
MUST_USE struct mysql_statements *mysql_statements_new(void);
void mysql_statements_free(struct mysql_statements *statements);
/* Closes all, before their connection is. */
void mysql_statements_drop(struct mysql_statements *statements);

/* Runs one on the connection that all were prepared on. Not OK: what the row callback returned, NO_MEMORY, or (with
 * is_failed) whatever the caller makes of the fault. `ret_outcome` is set in any case. */
MUST_USE enum status mysql_statements_run_blocking(struct mysql_statements *statements, MYSQL *handle, const char *text,
                                                   const struct sql_value *params, size_t param_count, sql_row_fn row,
                                                   void *context, struct mysql_outcome *ret_outcome);

#endif
