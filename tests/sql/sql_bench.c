#include "sql_bench.h"

#include "support/test.h"

int sql_bench_setup(void **state)
{
    struct sql_bench *it = test_calloc(1, sizeof *it);
    it->database = durable_mysql.create(it->url);
    it->sql = sql_bench_open(it->url);
    *state = it;
    return 0;
}

int sql_bench_teardown(void **state)
{
    struct sql_bench *it = *state;
    sql_close(it->sql);
    durable_mysql.destroy(it->database);
    test_free(it);
    return 0;
}

enum status sql_bench_try(const char *url, struct buf *why, struct sql **ret_sql)
{
    struct sql_options options = {.busy_timeout_ms = SQL_SERVICE_BUSY_MS, .answer_timeout_ms = SQL_SERVICE_ANSWER_MS};
    buf_reset(why);
    return sql_open_blocking(slice_str(url), &options, why, ret_sql);
}

struct sql *sql_bench_open(const char *url)
{
    struct buf why = BUF_INIT;
    struct sql *sql = NULL;
    if (sql_bench_try(url, &why, &sql) != STATUS_OK)
        fail_msg("%.*s", SLICE_ARGS(buf_slice(&why)));
    buf_done(&why);
    return sql;
}

enum status sql_bench_run(struct sql *sql, const char *text)
{
    return sql_execute_blocking(sql, text, NULL, 0, NULL, NULL);
}

static enum status keep_number(void *context, const struct sql_value *columns, size_t count)
{
    (void)count;
    *(int64_t *)context = columns[0].integer;
    return STATUS_OK;
}

int64_t sql_bench_number(struct sql *sql, const char *text)
{
    int64_t number = -1;
    if (sql_execute_blocking(sql, text, NULL, 0, keep_number, &number) != STATUS_OK)
        fail_msg("%s: %s", text, sql_last_error(sql));
    return number;
}

void sql_bench_assert_error(struct sql *sql, const char *what)
{
    if (!strstr(sql_last_error(sql), what))
        fail_msg("\"%s\" does not say \"%s\"", sql_last_error(sql), what);
}
