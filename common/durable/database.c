#include "durable/database.h"

#include "durable/migrations.h"
#include "store/store_url.h"

#include <time.h>

enum { PAUSE_MS = 500 };

static enum status fit_schema(struct sql *sql, bool embedded, const struct clock *clock, struct buf *why)
{
    enum schema_state state = SCHEMA_CURRENT;
    struct buf complaint = BUF_INIT;
    enum status status = migrations_check_blocking(sql, &complaint, &state);
    if (status == STATUS_OK && state == SCHEMA_OLD && embedded) {
        size_t applied = 0;
        status = migrations_up_blocking(sql, clock_wall_ms(clock), why, &applied);
    } else if (status == STATUS_OK && state != SCHEMA_CURRENT) {
        buf_add(why, buf_slice(&complaint));
        status = state == SCHEMA_AHEAD ? STATUS_OK : STATUS_BAD_INPUT;
    } else if (status != STATUS_OK) {
        buf_add_str(why, sql_last_error(sql));
    }
    buf_done(&complaint);
    return status;
}

static enum status open_once(struct slice url, const struct sql_options *options, const struct clock *clock,
                             struct buf *why, struct sql **ret_sql)
{
    struct sql *sql = NULL;
    TRY(sql_open_blocking(url, options, why, &sql));
    enum status status = fit_schema(sql, durable_kind_of(url)->is_embedded, clock, why);
    if (status != STATUS_OK) {
        sql_close(sql);
        return status;
    }
    *ret_sql = sql;
    return STATUS_OK;
}

static void pause_blocking(void)
{
    struct timespec span = {0, PAUSE_MS * 1000000};
    (void)nanosleep(&span, NULL);
}

enum status database_open_blocking(struct slice url, const struct sql_options *options, const struct clock *clock,
                                   struct buf *why, struct sql **ret_sql)
{
    int64_t until_ms = clock_monotonic_ms() + options->patience_ms;
    for (;;) {
        struct buf text = BUF_INIT;
        enum status status = open_once(url, options, clock, &text, ret_sql);
        bool is_over = status != STATUS_STORE_DOWN || clock_monotonic_ms() >= until_ms;
        if (is_over)
            buf_add(why, buf_slice(&text));
        buf_done(&text);
        if (is_over)
            return status;
        pause_blocking();
    }
}
