#include "sql/mysql_statement.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum { SLOTS = 256, COLUMNS_MAX = 32, PARAMS_MAX = 32, SHORT_BYTES = 512, ROW_MAX_BYTES = 64 << 20 };

/* Where a column of the current row is put; a longer value is fetched again into `longer`. */
struct column {
    int64_t integer;
    unsigned long len;
    mysql_flag is_null;
    mysql_flag is_error;
    char bytes[SHORT_BYTES];
};

struct statement {
    char *text; /* NULL: a free slot */
    MYSQL_STMT *stmt;
    size_t column_count;
    enum sql_type types[COLUMNS_MAX];
};

struct mysql_statements {
    size_t count;
    struct statement slots[SLOTS]; /* by the hash of their text, open addressing */
    struct column columns[COLUMNS_MAX];
    struct buf longer;
};

struct mysql_statements *mysql_statements_new(void)
{
    return calloc(1, sizeof(struct mysql_statements));
}

void mysql_statements_free(struct mysql_statements *statements)
{
    if (!statements)
        return;
    mysql_statements_drop(statements);
    buf_done(&statements->longer);
    free(statements);
}

static void drop_statement(struct statement *statement)
{
    if (statement->stmt)
        (void)mysql_stmt_close(statement->stmt);
    free(statement->text);
    *statement = (struct statement){0};
}

void mysql_statements_drop(struct mysql_statements *statements)
{
    for (size_t i = 0; i < SLOTS; i++)
        drop_statement(&statements->slots[i]);
    statements->count = 0;
}

/* ---- finding, preparing ---- */

static size_t hash_text(const char *text)
{
    uint32_t hash = 2166136261U; /* FNV-1a */
    for (const char *p = text; *p; p++)
        hash = (hash ^ (unsigned char)*p) * 16777619U;
    return hash % SLOTS;
}

/* The slot with this text, or the free one where it belongs. */
static struct statement *statement_slot_of(struct mysql_statements *statements, const char *text)
{
    size_t at = hash_text(text);
    while (statements->slots[at].text && strcmp(statements->slots[at].text, text) != 0)
        at = (at + 1) % SLOTS;
    return &statements->slots[at];
}

static enum status note_stmt_fault(MYSQL_STMT *stmt, struct mysql_outcome *outcome)
{
    outcome->is_failed = true;
    mysql_client_describe(mysql_stmt_errno(stmt), mysql_stmt_error(stmt), &outcome->fault);
    return STATUS_STORE_DOWN;
}

static enum status note_impossible(struct mysql_outcome *outcome, const char *what)
{
    outcome->is_failed = true;
    outcome->fault.number = 0;
    (void)snprintf(outcome->fault.text, sizeof outcome->fault.text, "%s", what);
    return STATUS_STORE_CORRUPT;
}

enum { BINARY_CHARSET = 63 };

static enum sql_type type_of(const MYSQL_FIELD *field)
{
    switch (field->type) {
    case MYSQL_TYPE_TINY:
    case MYSQL_TYPE_SHORT:
    case MYSQL_TYPE_INT24:
    case MYSQL_TYPE_LONG:
    case MYSQL_TYPE_LONGLONG:
        return SQL_INT;
    case MYSQL_TYPE_NULL:
        return SQL_NULL;
    default:
        return field->charsetnr == BINARY_CHARSET ? SQL_BLOB : SQL_TEXT;
    }
}

static enum status read_types(struct statement *statement, struct mysql_outcome *outcome)
{
    MYSQL_RES *result = mysql_stmt_result_metadata(statement->stmt);
    if (!result)
        return mysql_stmt_errno(statement->stmt) ? note_stmt_fault(statement->stmt, outcome)
                                                 : STATUS_OK; /* it gives no rows */
    statement->column_count = mysql_num_fields(result);
    bool fits = statement->column_count <= COLUMNS_MAX;
    for (size_t i = 0; fits && i < statement->column_count; i++)
        statement->types[i] = type_of(mysql_fetch_field_direct(result, (unsigned)i));
    mysql_free_result(result);
    return fits ? STATUS_OK : note_impossible(outcome, "more columns than were asked for");
}

/* For the life of the statement: the columns of the current row lie at the same place for all. */
static enum status bind_columns(struct mysql_statements *statements, struct statement *statement,
                                struct mysql_outcome *outcome)
{
    MYSQL_BIND binds[COLUMNS_MAX] = {0};
    for (size_t i = 0; i < statement->column_count; i++) {
        struct column *column = &statements->columns[i];
        bool integer = statement->types[i] == SQL_INT;
        binds[i].buffer_type = integer ? MYSQL_TYPE_LONGLONG : MYSQL_TYPE_BLOB;
        binds[i].buffer = integer ? (void *)&column->integer : (void *)column->bytes;
        binds[i].buffer_length = integer ? sizeof column->integer : sizeof column->bytes;
        binds[i].length = &column->len;
        binds[i].is_null = &column->is_null;
        binds[i].error = &column->is_error;
    }
    if (statement->column_count && mysql_stmt_bind_result(statement->stmt, binds))
        return note_stmt_fault(statement->stmt, outcome);
    return STATUS_OK;
}

static enum status prepare_statement(struct mysql_statements *statements, MYSQL *handle, const char *text,
                                     struct statement **ret_statement, struct mysql_outcome *outcome)
{
    struct statement *statement = statement_slot_of(statements, text);
    *ret_statement = statement;
    if (statement->text)
        return STATUS_OK;
    if (statements->count > SLOTS / 2) { /* more than a program has: a test */
        mysql_statements_drop(statements);
        *ret_statement = statement = statement_slot_of(statements, text);
    }
    statement->stmt = mysql_stmt_init(handle);
    if (!statement->stmt)
        return STATUS_NO_MEMORY;
    enum status status = STATUS_OK;
    if (mysql_stmt_prepare(statement->stmt, text, strlen(text)))
        status = note_stmt_fault(statement->stmt, outcome);
    if (status == STATUS_OK)
        status = read_types(statement, outcome);
    if (status == STATUS_OK)
        status = bind_columns(statements, statement, outcome);
    if (status == STATUS_OK)
        status = (statement->text = strdup(text)) ? STATUS_OK : STATUS_NO_MEMORY;
    if (status != STATUS_OK)
        drop_statement(statement);
    else
        statements->count++;
    return status;
}

/* ---- parameters ---- */

/* The library reads but does not write through it; its struct is shared with results. */
static void *as_buffer(const void *bytes)
{
    return (void *)(uintptr_t)bytes;
}

static void bind_one(MYSQL_BIND *bind, const struct sql_value *value)
{
    switch (value->type) {
    case SQL_NULL:
        bind->buffer_type = MYSQL_TYPE_NULL;
        break;
    case SQL_INT:
        bind->buffer_type = MYSQL_TYPE_LONGLONG;
        bind->buffer = as_buffer(&value->integer);
        break;
    case SQL_TEXT: /* columns are binary: a text is its bytes */
    case SQL_BLOB:
        bind->buffer_type = MYSQL_TYPE_BLOB;
        bind->buffer = as_buffer(value->bytes.len ? value->bytes.ptr : "");
        bind->buffer_length = value->bytes.len;
        break;
    }
}

static enum status execute_statement(MYSQL_STMT *stmt, const struct sql_value *params, size_t count,
                                     struct mysql_outcome *outcome)
{
    MYSQL_BIND binds[PARAMS_MAX] = {0};
    assert(count <= PARAMS_MAX && mysql_stmt_param_count(stmt) == count);
    for (size_t i = 0; i < count; i++)
        bind_one(&binds[i], &params[i]);
    if ((count && mysql_stmt_bind_param(stmt, binds)) || mysql_stmt_execute(stmt))
        return note_stmt_fault(stmt, outcome);
    outcome->affected = (int64_t)mysql_stmt_affected_rows(stmt);
    outcome->last_id = (int64_t)mysql_stmt_insert_id(stmt);
    return STATUS_OK;
}

/* ---- rows ---- */

/* Room for all columns that did not fit, so that none of them moves. */
static enum status make_column_room(struct mysql_statements *statements, size_t count, struct mysql_outcome *outcome)
{
    size_t total = 0;
    for (size_t i = 0; i < count; i++)
        if (statements->columns[i].len > SHORT_BYTES)
            total += statements->columns[i].len;
    if (total > ROW_MAX_BYTES)
        return note_impossible(outcome, "a row of more than 64 MB");
    buf_reset(&statements->longer);
    return buf_reserve(&statements->longer, total) ? STATUS_OK : STATUS_NO_MEMORY;
}

static enum status fetch_longer(struct mysql_statements *statements, const struct statement *statement, unsigned at,
                                struct sql_value *ret_value, struct mysql_outcome *outcome)
{
    struct buf *longer = &statements->longer;
    unsigned long len = statements->columns[at].len;
    unsigned long got = 0;
    MYSQL_BIND bind = {
        .buffer_type = MYSQL_TYPE_BLOB, .buffer = longer->ptr + longer->len, .buffer_length = len, .length = &got};
    if (mysql_stmt_fetch_column(statement->stmt, &bind, at, 0))
        return note_stmt_fault(statement->stmt, outcome);
    ret_value->bytes = slice_of(longer->ptr + longer->len, len);
    longer->len += len;
    return STATUS_OK;
}

static enum status read_column(struct mysql_statements *statements, const struct statement *statement, size_t at,
                               struct sql_value *ret_value, struct mysql_outcome *outcome)
{
    const struct column *column = &statements->columns[at];
    enum sql_type type = statement->types[at];
    if (column->is_null || type == SQL_NULL) {
        *ret_value = sql_null();
        return STATUS_OK;
    }
    *ret_value = (struct sql_value){.type = type, .integer = type == SQL_INT ? column->integer : 0};
    if (type == SQL_INT)
        return STATUS_OK;
    ret_value->bytes = slice_of(column->bytes, column->len);
    return column->len > SHORT_BYTES ? fetch_longer(statements, statement, (unsigned)at, ret_value, outcome)
                                     : STATUS_OK;
}

static enum status hand_over(struct mysql_statements *statements, const struct statement *statement, sql_row_fn row,
                             void *context, struct mysql_outcome *outcome)
{
    struct sql_value values[COLUMNS_MAX];
    TRY(make_column_room(statements, statement->column_count, outcome));
    for (size_t i = 0; i < statement->column_count; i++)
        TRY(read_column(statements, statement, i, &values[i], outcome));
    outcome->rows++;
    return row ? row(context, values, statement->column_count) : STATUS_OK;
}

/* What goes wrong between two rows (a deadlock, of a read that locks) MariaDB's library tells of the connection alone.
 */
static enum status note_fetch_fault(MYSQL_STMT *stmt, MYSQL *handle, struct mysql_outcome *outcome)
{
    if (mysql_stmt_errno(stmt))
        return note_stmt_fault(stmt, outcome);
    outcome->is_failed = true;
    mysql_client_fault(handle, &outcome->fault);
    return STATUS_STORE_DOWN;
}

static enum status fetch_all(struct mysql_statements *statements, const struct statement *statement, MYSQL *handle,
                             sql_row_fn row, void *context, struct mysql_outcome *outcome)
{
    for (;;) {
        for (size_t i = 0; i < statement->column_count; i++)
            statements->columns[i].len = 0; /* not set where the column is NULL */
        int code = mysql_stmt_fetch(statement->stmt);
        if (code == MYSQL_NO_DATA)
            return STATUS_OK;
        if (code != 0 && code != MYSQL_DATA_TRUNCATED)
            return note_fetch_fault(statement->stmt, handle, outcome);
        TRY(hand_over(statements, statement, row, context, outcome));
    }
}

enum status mysql_statements_run_blocking(struct mysql_statements *statements, MYSQL *handle, const char *text,
                                          const struct sql_value *params, size_t param_count, sql_row_fn row,
                                          void *context, struct mysql_outcome *ret_outcome)
{
    struct statement *statement = NULL;
    *ret_outcome = (struct mysql_outcome){0};
    TRY(prepare_statement(statements, handle, text, &statement, ret_outcome));
    TRY(execute_statement(statement->stmt, params, param_count, ret_outcome));
    if (statement->column_count == 0)
        return STATUS_OK;
    enum status status = fetch_all(statements, statement, handle, row, context, ret_outcome);
    (void)mysql_stmt_free_result(statement->stmt); /* reads what is left of the answer */
    return status;
}
