/* sql: one connection to a durable store, whichever engine it is.
 *
 * Invariants: SQL is written once, in the subset that SQLite and MySQL share: `?` for parameters, no RETURNING, no
 * upsert; what differs (column types) lives in the migrations, and in comments that MySQL alone reads: a row whose
 * state must hold until the commit is selected with a lock on it, SQLite has one lock for all. A statement's text is a
 * constant of the program, never built from input; each connection keeps its prepared statements. A connection is used
 * by one thread at a time. A text that a row callback gets is valid until it returns.
 *
 * Status of every function: OK; CONFLICT (a unique value is taken, or a foreign key has nothing to point to);
 * TOO_LARGE (a value does not fit its column); STORE_DOWN (cannot be opened or reached, locked beyond the time-out, I/O
 * error, read-only, full); STORE_CORRUPT (damaged, no database, or not this schema); NO_MEMORY. sql_last_error then
 * says what, where and what to do. */
#ifndef COUNTERSIGN_SQL_SQL_H
#define COUNTERSIGN_SQL_SQL_H

#include "base/attributes.h"
#include "base/buf.h"
#include "base/embedded.h"
#include "base/slice.h"
#include "base/status.h"
#include "store/next_password.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sql_type { SQL_NULL, SQL_INT, SQL_TEXT, SQL_BLOB };

struct sql_value {
    enum sql_type type;
    int64_t integer;
    struct slice bytes; /* text, blob: borrowed */
};

static inline struct sql_value sql_null(void)
{
    return (struct sql_value){.type = SQL_NULL};
}
static inline struct sql_value sql_int(int64_t value)
{
    return (struct sql_value){.type = SQL_INT, .integer = value};
}
static inline struct sql_value sql_text(struct slice text)
{
    return (struct sql_value){.type = SQL_TEXT, .bytes = text};
}
static inline struct sql_value sql_blob(struct slice bytes)
{
    return (struct sql_value){.type = SQL_BLOB, .bytes = bytes};
}

/* Called for each row; anything but OK ends the statement and is what sql_execute_blocking returns. */
typedef enum status (*sql_row_fn)(void *context, const struct sql_value *columns, size_t count);

struct sql;
struct sql_gate;

/* What an engine implements; callers use the functions below. */
enum sql_dialect { SQL_DIALECT_SQLITE, SQL_DIALECT_MYSQL };

struct sql_ops {
    void (*close)(struct sql *sql);
    enum status (*begin_write)(struct sql *sql);
    enum status (*commit)(struct sql *sql);
    void (*rollback)(struct sql *sql);
    enum status (*execute)(struct sql *sql, const char *text, const struct sql_value *params, size_t param_count,
                           sql_row_fn row, void *context);
    int64_t (*affected)(const struct sql *sql);
    int64_t (*last_id)(const struct sql *sql);
    const char *(*last_error)(const struct sql *sql);
    enum status (*table_exists)(struct sql *sql, const char *name, bool *ret_exists);
    enum sql_dialect dialect;

    /* Whether anything could be written now, as far as that shows without writing. */
    enum status (*check_writable)(struct sql *sql);

    /* The rest may be NULL. */

    /* Whether a transaction that was begun, failed and was rolled back certainly left nothing behind, and may go well
     * if it is run again. */
    bool (*may_repeat)(const struct sql *sql);
    /* Where a migration cannot be rolled back: keeps others from migrating; then whether a migration took effect though
     * its record is missing. The lock ends with the connection. */
    enum status (*lock_migrations)(struct sql *sql);
    void (*unlock_migrations)(struct sql *sql);
    enum status (*migration_left_mark)(struct sql *sql, int64_t number, bool *ret_left);
};

/* Comes first in each engine's own struct. */
struct sql {
    const struct sql_ops *ops;
    bool in_transaction;
};

struct sql_options {
    int busy_timeout_ms;   /* how long to wait for a lock that another connection holds (MySQL: in whole seconds) */
    int answer_timeout_ms; /* how long a server may take for an answer (likewise); 0: SQL_COMMAND_ANSWER_MS */
    int patience_ms;       /* how long whoever opens it goes on where it is too busy (durable/database.h); 0: once */
    bool read_only;        /* for reads alone */
    bool must_exist;       /* do not create a missing database */
    const char *variable;  /* what the operator set, for the error texts; NULL: OAUTH1_DATABASE_URL */
    struct slice password; /* where the URL of a server has none; absent: none */
    struct next_password *next_password; /* borrowed; may be NULL */
    struct sql_gate *gate; /* shared by the connections to one server, borrowed; NULL: each tries as it likes */
};

static inline const char *sql_variable(const struct sql_options *options)
{
    return options->variable ? options->variable : "OAUTH1_DATABASE_URL";
}

/* Of a service, a command, an import; below the time in which a server is to answer. */
enum { SQL_SERVICE_BUSY_MS = 150, SQL_COMMAND_BUSY_MS = 10000, SQL_IMPORT_BUSY_MS = 25000 };
enum { SQL_SERVICE_ANSWER_MS = 1000, SQL_COMMAND_ANSWER_MS = 30000, SQL_MIGRATION_ANSWER_MS = 24 * 3600 * 1000 };

/* Opens `sqlite:PATH` (a new file gets mode 0600; WAL, synchronous=FULL, foreign keys on), for unit tests
 * `sqlite::memory:`, or `mysql://…` (mysql_url.h; a lost connection is made anew by itself). BAD_INPUT: no such
 * kind of URL. On failure a text for the operator is appended to `why`; it never holds a password. The caller closes.
 */
MUST_USE enum status sql_open_blocking(struct slice url, const struct sql_options *options, struct buf *why,
                                       struct sql **ret_sql);
/* Whether opening would be refused for what the URL says or for a file that it names. No server is asked, and no file
 * is made. Errors as sql_open_blocking's, and the text begins with the variable's name. */
MUST_USE enum status sql_check_blocking(struct slice url, const struct sql_options *options, struct buf *why);
/* Appends who has the database open, "process 4711", "connection 12 from 10.0.0.5": of another user of a server only
 * what the server lets this one see. Called while this process has no connection to it. Errors as sql_open_blocking's.
 */
MUST_USE enum status sql_find_others_blocking(struct slice url, const struct sql_options *options, struct buf *why,
                                              struct buf *others);
/* The password that connections to this URL are made with; "" where there is none. BAD_INPUT as above. */
MUST_USE enum status sql_password_of(struct slice url, const struct sql_options *options, struct buf *why,
                                     char ret_password[PASSWORD_BYTES]);
/* Rolls back what is open; NULL is fine. */
void sql_close(struct sql *sql);

/* Runs one statement, whose `?` are the params in order. `row` may be NULL. */
MUST_USE enum status sql_execute_blocking(struct sql *sql, const char *text, const struct sql_value *params,
                                          size_t param_count, sql_row_fn row, void *context);
/* Rows that the last INSERT, UPDATE or DELETE matched. */
int64_t sql_affected(const struct sql *sql);
/* Primary key of the last INSERT. */
int64_t sql_last_id(const struct sql *sql);
/* Whether there is such a table, in a database that may be empty. */
MUST_USE enum status sql_table_exists_blocking(struct sql *sql, const char *name, bool *ret_exists);
/* About the last failure of this connection; "" if there was none. Valid until the next call. */
const char *sql_last_error(const struct sql *sql);

/* Whether the database takes writes: its file and disk are looked at, or the server is asked; `by_writing`: and a row
 * is written and deleted. */
MUST_USE enum status sql_check_writable_blocking(struct sql *sql, bool by_writing);

typedef enum status (*sql_work_fn)(struct sql *sql, void *context);

/* Runs `work` inside one write transaction (SQLite: BEGIN IMMEDIATE) and commits if it returns OK, else rolls back and
 * returns its status. `work` may be run again from its start (after a deadlock, or a connection lost before COMMIT), so
 * it only sets, never adds up, what it leaves in `context`. If COMMIT itself fails the outcome is unknown: STORE_DOWN.
 * Called from within `work` it joins that transaction. */
MUST_USE enum status sql_transaction_blocking(struct sql *sql, sql_work_fn work, void *context);
/* After a transaction that was STORE_DOWN: whether it certainly left nothing behind and was only given up because it
 * had been run again some times. Whoever has more patience than a request may go on. */
bool sql_may_repeat(const struct sql *sql);

#endif
