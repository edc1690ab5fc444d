#include "sql/sql.h"

#include "base/clock.h"
#include "sql/backend.h"

enum { REPEATS_MAX = 5, REPEAT_FOR_MS = 2000 };

#define BACKEND(NAME, name, help) [DURABLE_##NAME] = &sql_##name##_backend,
static const struct sql_backend *const backends[] = {DURABLE_KINDS(BACKEND)};
#undef BACKEND

enum status sql_open_blocking(struct slice url, const struct sql_options *options, struct buf *why,
                              struct sql **ret_sql)
{
    enum durable_id id = durable_kind_of(url)->id;
    if (id != DURABLE_UNKNOWN)
        return backends[id]->open_blocking(store_url_rest(url), options, why, ret_sql);
    /* Only the part before the ':' is shown: the rest may hold a password. */
    buf_addf(why, "%s: there is no kind of database \"%.*s\"; write ", sql_variable(options),
             SLICE_ARGS(slice_sub(url, 0, slice_find(url, ':'))));
    durable_urls_write(why);
    return STATUS_BAD_INPUT;
}

/* Of kinds that are known: config refuses the others. */
enum status sql_check_blocking(struct slice url, const struct sql_options *options, struct buf *why)
{
    enum durable_id id = durable_kind_of(url)->id;
    return id == DURABLE_UNKNOWN ? STATUS_OK : backends[id]->check_blocking(store_url_rest(url), options, why);
}

enum status sql_find_others_blocking(struct slice url, const struct sql_options *options, struct buf *why,
                                     struct buf *others)
{
    enum durable_id id = durable_kind_of(url)->id;
    if (id == DURABLE_UNKNOWN)
        return STATUS_OK;
    TRY(backends[id]->find_others_blocking(store_url_rest(url), options, why, others));
    return others->failed ? STATUS_NO_MEMORY : STATUS_OK;
}

enum status sql_password_of(struct slice url, const struct sql_options *options, struct buf *why,
                            char ret_password[PASSWORD_BYTES])
{
    enum durable_id id = durable_kind_of(url)->id;
    ret_password[0] = '\0';
    if (id == DURABLE_UNKNOWN || !backends[id]->password_of)
        return STATUS_OK;
    return backends[id]->password_of(store_url_rest(url), options, why, ret_password);
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

static enum status run_transaction(struct sql *sql, sql_work_fn work, void *context)
{
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

bool sql_may_repeat(const struct sql *sql)
{
    return sql->ops->may_repeat && sql->ops->may_repeat(sql);
}

enum status sql_transaction_blocking(struct sql *sql, sql_work_fn work, void *context)
{
    if (sql->in_transaction)
        return work(sql, context);
    int64_t end_ns = clock_monotonic_ns() + REPEAT_FOR_MS * INT64_C(1000000);
    for (int repeats = 0;; repeats++) {
        enum status status = run_transaction(sql, work, context);
        bool again = status == STATUS_STORE_DOWN && sql_may_repeat(sql);
        if (!again || repeats == REPEATS_MAX || clock_monotonic_ns() >= end_ns)
            return status;
    }
}

static enum status write_something(struct sql *sql, void *context)
{
    const struct sql_value row[] = {sql_text(SLICE("readiness")), sql_text(SLICE("probe")), sql_text(SLICE("")),
                                    sql_int(0)};
    (void)context;
    TRY(sql_execute_blocking(sql, "INSERT INTO audit (who, what, subject, at) VALUES (?, ?, ?, ?)", row, COUNT_OF(row),
                             NULL, NULL));
    const struct sql_value id = sql_int(sql_last_id(sql));
    return sql_execute_blocking(sql, "DELETE FROM audit WHERE id = ?", &id, 1, NULL, NULL);
}

enum status sql_check_writable_blocking(struct sql *sql, bool by_writing)
{
    TRY(sql->ops->check_writable(sql));
    return by_writing ? sql_transaction_blocking(sql, write_something, NULL) : STATUS_OK;
}
