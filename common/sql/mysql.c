/* MySQL and MariaDB behind sql.h.
 *
 * Invariants: a connection that was lost is made anew by the next statement, unless a transaction or the lock of the
 * migrations was on it. What is repeated here is what certainly left nothing behind: a statement that was never sent, a
 * read whose answer was cut off, a statement or a transaction that the server rolled back for a deadlock, a transaction
 * whose COMMIT was not sent. The reply to a COMMIT that does not come is STORE_DOWN: nobody knows. */
#include "base/clock.h"
#include "base/wipe.h"
#include "crypto/ca_file.h"
#include "sql/backend.h"
#include "sql/gate.h"
#include "sql/mysql_fault.h"
#include "sql/mysql_statement.h"

#include <stdio.h>
#include <stdlib.h>

enum { ERROR_BYTES = 640, REPEATS_MAX = 5 };

struct mysql {
    struct sql sql;
    struct mysql_url url;
    struct mysql_limits limits;
    struct next_password *next_password;
    struct sql_gate *gate;
    MYSQL *handle; /* NULL: lost */
    int64_t connected_ns;
    struct mysql_statements *statements;
    bool is_pinned;  /* something lives and dies with this connection: no new one */
    bool is_doomed;  /* the transaction is over on the server's side */
    bool may_repeat; /* the transaction that failed left nothing behind */
    int64_t affected;
    int64_t last_id;
    char error[ERROR_BYTES];
};

static struct mysql *mysql_of(struct sql *sql)
{
    return (struct mysql *)sql;
}

static void drop_connection(struct mysql *mysql)
{
    if (!mysql->handle)
        return;
    mysql_statements_drop(mysql->statements);
    mysql_close(mysql->handle);
    mysql->handle = NULL;
}

/* ---- failures ---- */

static enum status note_error(struct mysql *mysql, enum status status, const char *what)
{
    (void)snprintf(mysql->error, sizeof mysql->error, "database %s: %s", mysql->url.shown, what);
    return status;
}

/* Remembers the failure, translates it, and drops a connection that is of no use any more. */
static enum status note_fault(struct mysql *mysql, const struct mysql_fault *fault)
{
    const struct mysql_meaning *meaning = mysql_fault_meaning(fault->number);
    (void)snprintf(mysql->error, sizeof mysql->error, "database %s: %s (%s: %s, %u)", mysql->url.shown, meaning->text,
                   mysql_fault_is_clients(fault->number) ? MYSQL_CLIENT_NAME : "server", fault->text, fault->number);
    if (mysql->gate && meaning->effect == MYSQL_MOVED)
        sql_gate_note_move(mysql->gate);
    if (meaning->effect == MYSQL_LOST || meaning->effect == MYSQL_MOVED)
        drop_connection(mysql);
    if (mysql->sql.in_transaction) {
        mysql->is_doomed = meaning->effect != MYSQL_GOES_ON;
        mysql->may_repeat = mysql->is_doomed && meaning->effect != MYSQL_MOVED;
    }
    return meaning->status;
}

static enum status fail_handle(struct mysql *mysql)
{
    struct mysql_fault fault;
    mysql_client_fault(mysql->handle, &fault);
    return note_fault(mysql, &fault);
}

static const char *last_error(const struct sql *sql)
{
    return ((const struct mysql *)sql)->error;
}

/* ---- the connection ---- */

static MYSQL *connect_blocking(const struct mysql *mysql, struct mysql_fault *ret_fault)
{
    char password[PASSWORD_BYTES];
    struct mysql_url url = mysql->url;
    bool is_other = next_password_get(mysql->next_password, password);
    if (is_other)
        url.password = password;
    MYSQL *handle = mysql_client_connect_blocking(&url, &mysql->limits, ret_fault);
    if (is_other)
        wipe_bytes(password, sizeof password);
    return handle;
}

static enum status connect_anew(struct mysql *mysql)
{
    struct mysql_fault fault = {0};
    if (mysql->gate && !sql_gate_enter(mysql->gate))
        return note_error(mysql, STATUS_STORE_DOWN, "it could not be reached; it is tried again every half second");
    mysql->connected_ns = clock_monotonic_ns();
    mysql->handle = connect_blocking(mysql, &fault);
    if (mysql->gate)
        sql_gate_leave(mysql->gate, mysql->handle != NULL);
    return mysql->handle ? STATUS_OK : note_fault(mysql, &fault);
}

/* A connection that the server closed in the meantime (restart, wait_timeout) is noticed before anything is sent; and
 * one that leads to where another found no primary any more. */
static enum status connect_if_lost(struct mysql *mysql)
{
    bool may_lead_astray = mysql->gate && !mysql->is_pinned && sql_gate_has_moved(mysql->gate, mysql->connected_ns);
    if (mysql->handle && (may_lead_astray || mysql_client_is_gone(mysql->handle)))
        drop_connection(mysql);
    if (mysql->handle)
        return STATUS_OK;
    if (mysql->is_pinned)
        return note_error(mysql, STATUS_STORE_DOWN, "the connection was lost in the middle of the work: run it again");
    return connect_anew(mysql);
}

/* ---- statements ---- */

/* By the text protocol: what has neither parameters nor rows that anybody wants. */
static void run_plain(struct mysql *mysql, const char *text, struct mysql_outcome *outcome)
{
    outcome->is_failed = mysql_query(mysql->handle, text) != 0;
    if (!outcome->is_failed) {
        MYSQL_RES *result = mysql_store_result(mysql->handle);
        outcome->affected = (int64_t)mysql_affected_rows(mysql->handle);
        outcome->last_id = (int64_t)mysql_insert_id(mysql->handle);
        outcome->is_failed = !result && mysql_field_count(mysql->handle) > 0;
        mysql_free_result(result);
    }
    if (outcome->is_failed)
        mysql_client_fault(mysql->handle, &outcome->fault);
}

static enum status run_statement(struct mysql *mysql, const char *text, const struct sql_value *params, size_t count,
                                 sql_row_fn row, void *context, struct mysql_outcome *outcome)
{
    enum status status = STATUS_OK;
    *outcome = (struct mysql_outcome){0};
    if (count == 0 && !row)
        run_plain(mysql, text, outcome);
    else
        status =
            mysql_statements_run_blocking(mysql->statements, mysql->handle, text, params, count, row, context, outcome);
    mysql->affected = outcome->affected;
    mysql->last_id = outcome->last_id;
    return outcome->is_failed ? note_fault(mysql, &outcome->fault) : status;
}

static bool is_read(const char *text)
{
    return strncmp(text, "SELECT", 6) == 0;
}

/* Whether a statement that failed on its own, outside of a transaction, certainly left nothing behind. */
static bool may_run_again(const struct mysql *mysql, const char *text, const struct mysql_outcome *outcome,
                          int64_t took_ms)
{
    switch (mysql_fault_meaning(outcome->fault.number)->effect) {
    case MYSQL_ROLLED_BACK:
        return true;
    case MYSQL_LOST: /* an answer that did not come in time would not come again either */
        return outcome->fault.number == MYSQL_ERROR_UNSENT ||
               (is_read(text) && outcome->rows == 0 && took_ms < 900LL * mysql->limits.answer_s);
    case MYSQL_WAITED_FOR_LOCK:
    case MYSQL_MOVED:
    case MYSQL_GOES_ON:
        return false;
    }
    return false;
}

static enum status run_alone(struct mysql *mysql, const char *text, const struct sql_value *params, size_t count,
                             sql_row_fn row, void *context)
{
    for (int repeats = 0;; repeats++) {
        struct mysql_outcome outcome;
        int64_t start_ns = clock_monotonic_ns();
        TRY(connect_if_lost(mysql));
        enum status status = run_statement(mysql, text, params, count, row, context, &outcome);
        int64_t took_ms = (clock_monotonic_ns() - start_ns) / 1000000;
        bool again = outcome.is_failed && may_run_again(mysql, text, &outcome, took_ms);
        if (!again || repeats == (mysql->handle ? REPEATS_MAX : 1)) /* a lost connection: once */
            return status;
    }
}

static enum status execute_mysql(struct sql *sql, const char *text, const struct sql_value *params, size_t param_count,
                                 sql_row_fn row, void *context)
{
    struct mysql *mysql = mysql_of(sql);
    struct mysql_outcome outcome;
    mysql_client_enter();
    if (!sql->in_transaction)
        return run_alone(mysql, text, params, param_count, row, context);
    if (mysql->is_doomed)
        return STATUS_STORE_DOWN; /* and the first error stays */
    return run_statement(mysql, text, params, param_count, row, context, &outcome);
}

static int64_t rows_affected(const struct sql *sql)
{
    return ((const struct mysql *)sql)->affected;
}

static int64_t last_id(const struct sql *sql)
{
    return ((const struct mysql *)sql)->last_id;
}

static enum status note_row(void *context, const struct sql_value *columns, size_t count)
{
    (void)columns, (void)count;
    *(bool *)context = true;
    return STATUS_OK;
}

static enum status table_exists(struct sql *sql, const char *name, bool *ret_exists)
{
    struct sql_value params[] = {sql_text(slice_str(name))};
    bool exists = false;
    TRY(execute_mysql(sql,
                      "SELECT 1 FROM information_schema.tables WHERE table_schema = DATABASE()"
                      " AND table_name = CONVERT(? USING utf8mb4)",
                      params, COUNT_OF(params), note_row, &exists));
    *ret_exists = exists;
    return STATUS_OK;
}

/* ---- transactions ---- */

static enum status begin_write(struct sql *sql)
{
    struct mysql *mysql = mysql_of(sql);
    mysql_client_enter();
    mysql->is_doomed = false;
    mysql->may_repeat = false;
    TRY(connect_if_lost(mysql));
    if (mysql_query(mysql->handle, "START TRANSACTION") == 0)
        return STATUS_OK;
    enum status status = fail_handle(mysql);
    mysql->may_repeat = !mysql->handle && !mysql->is_pinned; /* nothing was done on the connection that was lost */
    return status;
}

static enum status commit_mysql(struct sql *sql)
{
    struct mysql *mysql = mysql_of(sql);
    if (mysql->is_doomed)
        return STATUS_STORE_DOWN;
    if (mysql_client_is_gone(mysql->handle)) {
        drop_connection(mysql);
        mysql->is_doomed = mysql->may_repeat = true;
        return note_error(mysql, STATUS_STORE_DOWN, "the connection was lost before COMMIT");
    }
    if (mysql_query(mysql->handle, "COMMIT") == 0)
        return STATUS_OK;
    bool is_refused = mysql_fault_meaning(mysql_errno(mysql->handle))->effect != MYSQL_LOST;
    enum status status = fail_handle(mysql);
    if (is_refused)
        return status;
    mysql->may_repeat = false;
    return note_error(mysql, STATUS_STORE_DOWN, "the reply to COMMIT was lost: nobody knows whether it took effect");
}

static void rollback_mysql(struct sql *sql)
{
    struct mysql *mysql = mysql_of(sql);
    if (mysql->handle && mysql_query(mysql->handle, "ROLLBACK") != 0)
        drop_connection(mysql); /* by which the server rolls back */
}

static bool may_repeat(const struct sql *sql)
{
    const struct mysql *mysql = (const struct mysql *)sql;
    return mysql->may_repeat && !mysql->is_pinned;
}

/* ---- migrations ---- */

static enum status note_int(void *context, const struct sql_value *columns, size_t count)
{
    (void)count;
    *(int64_t *)context = columns[0].integer;
    return STATUS_OK;
}

#define LOCK_NAME "CONCAT('countersign ', LEFT(SHA2(DATABASE(), 256), 40))"

static enum status lock_migrations(struct sql *sql)
{
    struct mysql *mysql = mysql_of(sql);
    struct sql_value params[] = {sql_int(mysql->limits.lock_s)};
    int64_t taken = 0;
    TRY(execute_mysql(sql, "SELECT GET_LOCK(" LOCK_NAME ", ?)", params, COUNT_OF(params), note_int, &taken));
    if (!taken)
        return note_error(mysql, STATUS_STORE_DOWN,
                          "another migrate up is at work: wait until it is done, then run it again");
    mysql->is_pinned = true;
    return STATUS_OK;
}

static void unlock_migrations(struct sql *sql)
{
    char error[ERROR_BYTES];
    struct mysql *mysql = mysql_of(sql);
    int64_t released = 0;
    memcpy(error, mysql->error, sizeof error);
    if (mysql->handle &&
        execute_mysql(sql, "SELECT RELEASE_LOCK(" LOCK_NAME ")", NULL, 0, note_int, &released) != STATUS_OK)
        drop_connection(mysql);
    mysql->is_pinned = false;
    memcpy(mysql->error, error, sizeof error); /* the reason is worth more than what follows from it */
}

/* A table, a column or an index has the number of the migration that made it in its comment. */
static enum status migration_left_mark(struct sql *sql, int64_t number, bool *ret_left)
{
    char mark[32];
    int len = snprintf(mark, sizeof mark, "countersign %04d", (int)number);
    struct sql_value text = sql_text(slice_of(mark, (size_t)len));
    struct sql_value params[] = {text, text, text};
    bool left = false;
    TRY(execute_mysql(sql,
                      "SELECT 1 FROM information_schema.tables WHERE table_schema = DATABASE()"
                      " AND table_comment = CONVERT(? USING utf8mb4) UNION ALL"
                      " SELECT 1 FROM information_schema.statistics WHERE table_schema = DATABASE()"
                      " AND index_comment = CONVERT(? USING utf8mb4) UNION ALL"
                      " SELECT 1 FROM information_schema.columns WHERE table_schema = DATABASE()"
                      " AND column_comment = CONVERT(? USING utf8mb4)",
                      params, COUNT_OF(params), note_row, &left));
    *ret_left = left;
    return STATUS_OK;
}

/* ---- opening ---- */

static void close_mysql(struct sql *sql)
{
    struct mysql *mysql = mysql_of(sql);
    mysql_client_enter();
    drop_connection(mysql);
    mysql_statements_free(mysql->statements);
    mysql_url_done(&mysql->url);
    free(mysql);
}

/* A server that is read-only refuses the statement before it looks for rows, of which there are none. */
static enum status check_writable(struct sql *sql)
{
    return execute_mysql(sql, "UPDATE tokens SET last_used_at = last_used_at WHERE id = 0", NULL, 0, NULL, NULL);
}

static const struct sql_ops mysql_ops = {
    .close = close_mysql,
    .begin_write = begin_write,
    .commit = commit_mysql,
    .rollback = rollback_mysql,
    .execute = execute_mysql,
    .affected = rows_affected,
    .last_id = last_id,
    .last_error = last_error,
    .table_exists = table_exists,
    .check_writable = check_writable,
    .dialect = SQL_DIALECT_MYSQL,
    .may_repeat = may_repeat,
    .lock_migrations = lock_migrations,
    .unlock_migrations = unlock_migrations,
    .migration_left_mark = migration_left_mark,
};

static unsigned whole_seconds(int ms)
{
    return ms > 1000 ? (unsigned)(ms + 999) / 1000 : 1;
}

static enum status parse_url(struct slice url, const struct sql_options *options, struct buf *why,
                             struct mysql_url *ret_url)
{
    return mysql_url_parse(url, options->password, sql_variable(options), why, ret_url);
}

static enum status check_ca_blocking(const struct mysql_url *url, const struct sql_options *options, struct buf *why)
{
    struct buf text = BUF_INIT;
    enum status status = url->ca ? ca_file_check_blocking(url->ca, &text) : STATUS_OK;
    if (status == STATUS_BAD_INPUT)
        buf_addf(why, "%s: %.*s", sql_variable(options), SLICE_ARGS(buf_slice(&text)));
    buf_done(&text);
    return status;
}

static enum status open_mysql(struct mysql *mysql, struct slice url, const struct sql_options *options, struct buf *why)
{
    unsigned answer_s = whole_seconds(options->answer_timeout_ms ? options->answer_timeout_ms : SQL_COMMAND_ANSWER_MS);
    unsigned longest_connect_s = whole_seconds(SQL_COMMAND_BUSY_MS);
    mysql->limits = (struct mysql_limits){
        .connect_s = answer_s < longest_connect_s ? answer_s : longest_connect_s,
        .answer_s = answer_s,
        .lock_s = whole_seconds(options->busy_timeout_ms),
        .read_only = options->read_only,
    };
    mysql->next_password = options->next_password;
    mysql->gate = options->gate;
    mysql->statements = mysql_statements_new();
    if (!mysql->statements)
        return STATUS_NO_MEMORY;
    TRY(parse_url(url, options, why, &mysql->url));
    TRY(check_ca_blocking(&mysql->url, options, why));
    enum status status = connect_anew(mysql);
    if (status != STATUS_OK)
        buf_add_str(why, mysql->error);
    return status;
}

static enum status open_mysql_blocking(struct slice url, const struct sql_options *options, struct buf *why,
                                       struct sql **ret_sql)
{
    struct mysql *mysql = calloc(1, sizeof *mysql);
    if (!mysql)
        return STATUS_NO_MEMORY;
    mysql->sql.ops = &mysql_ops;
    enum status status = open_mysql(mysql, url, options, why);
    if (status != STATUS_OK) {
        close_mysql(&mysql->sql);
        return status;
    }
    *ret_sql = &mysql->sql;
    return STATUS_OK;
}

static enum status note_connection(void *context, const struct sql_value *columns, size_t count)
{
    struct buf *others = context;
    (void)count;
    buf_addf(others, "%sconnection %lld from %.*s", others->len ? ", " : "", (long long)columns[0].integer,
             SLICE_ARGS(columns[1].bytes));
    return STATUS_OK;
}

/* A user sees the connections of his own account, which is that of the services. */
static enum status find_other_connections(struct slice url, const struct sql_options *options, struct buf *why,
                                          struct buf *others)
{
    struct sql *sql = NULL;
    TRY(open_mysql_blocking(url, options, why, &sql));
    enum status status =
        sql_execute_blocking(sql,
                             "SELECT id, host FROM information_schema.processlist WHERE db = DATABASE()"
                             " AND id <> CONNECTION_ID() AND user = SUBSTRING_INDEX(USER(), '@', 1)"
                             " ORDER BY id LIMIT 3",
                             NULL, 0, note_connection, others);
    if (status != STATUS_OK)
        buf_add_str(why, sql_last_error(sql));
    sql_close(sql);
    return status;
}

static enum status password_of(struct slice text, const struct sql_options *options, struct buf *why,
                               char ret_password[PASSWORD_BYTES])
{
    struct mysql_url url;
    TRY(parse_url(text, options, why, &url));
    size_t len = strlen(url.password);
    bool fits = len < PASSWORD_BYTES;
    if (fits)
        memcpy(ret_password, url.password, len + 1);
    else
        buf_add_str(why, "the database's password is too long");
    mysql_url_done(&url);
    return fits ? STATUS_OK : STATUS_BAD_INPUT;
}

static enum status check_mysql_blocking(struct slice text, const struct sql_options *options, struct buf *why)
{
    struct mysql_url url;
    TRY(parse_url(text, options, why, &url));
    enum status status = check_ca_blocking(&url, options, why);
    mysql_url_done(&url);
    return status;
}

const struct sql_backend sql_mysql_backend = {
    .open_blocking = open_mysql_blocking,
    .check_blocking = check_mysql_blocking,
    .find_others_blocking = find_other_connections,
    .password_of = password_of,
};
