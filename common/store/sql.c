#include "store/sql.h"

#include "store/sql_sqlite.h"

enum status sql_open_blocking(struct slice url, const struct sql_options *options, struct buf *why,
                              struct sql **ret_sql)
{
    struct slice sqlite = SLICE("sqlite:");
    const char *variable = options->variable ? options->variable : "OAUTH1_DATABASE_URL";
    if (slice_starts_with(url, sqlite))
        return sql_sqlite_open_blocking(slice_sub(url, sqlite.len, url.len), options, why, ret_sql);
    /* Only the part before the ':' is shown: the rest may hold a password. */
    buf_addf(why, "%s: there is no kind of database \"%.*s\"; write sqlite:PATH", variable,
             SLICE_ARGS(slice_sub(url, 0, slice_find(url, ':'))));
    return STATUS_BAD_INPUT;
}

void sql_close(struct sql *sql)
{
    if (sql)
        sql->ops->close(sql);
}

enum status sql_execute_blocking(struct sql *sql, const char *text, const struct sql_value *params, size_t param_count,
                                 sql_row_fn row, void *context)
{
    return sql->ops->execute(sql, text, params, param_count, row, context);
}

int64_t sql_affected(const struct sql *sql)
{
    return sql->ops->affected(sql);
}

int64_t sql_last_id(const struct sql *sql)
{
    return sql->ops->last_id(sql);
}

enum status sql_table_exists_blocking(struct sql *sql, const char *name, bool *ret_exists)
{
    return sql->ops->table_exists(sql, name, ret_exists);
}

const char *sql_last_error(const struct sql *sql)
{
    return sql->ops->last_error(sql);
}

enum status sql_transaction_blocking(struct sql *sql, sql_work_fn work, void *context)
{
    if (sql->in_transaction)
        return work(sql, context);
    TRY(sql->ops->begin_write(sql));
    sql->in_transaction = true;
    enum status status = work(sql, context);
    if (status == STATUS_OK)
        status = sql->ops->commit(sql);
    if (status != STATUS_OK)
        sql->ops->rollback(sql);
    sql->in_transaction = false;
    return status;
}
