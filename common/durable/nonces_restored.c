/* nonces.h: what a restored copy of the database does not know. */
#include "durable/nonce_rows.h"

/* The rows of nonce stores that a copy may lack because they were first used after it was made. A Redis takes over what
 * these guard. */
static const char *const always[] = {NONCE_STORE_MEMORY_OF "auth-service",
                                     NONCE_STORE_MEMORY_OF "introspection-service"};

static enum status on_store(void *context, const struct sql_value *columns, size_t count)
{
    struct buf *names = context;
    (void)count;
    buf_add(names, columns[0].bytes);
    buf_add_byte(names, '\n');
    return names->failed ? STATUS_NO_MEMORY : STATUS_OK;
}

static enum status guard_row(struct durable *db, struct slice name, int64_t until_s)
{
    struct nonce_row row = {0};
    TRY(nonce_row_read_blocking(db, name, &row));
    accepted_ranges_guard_span(&row.ranges, 0, until_s);
    return nonce_row_write_blocking(db, name, &row);
}

enum status durable_nonces_guard_blocking(struct durable *db, int64_t until_s)
{
    struct buf names = BUF_INIT;
    enum status status = sql_execute_blocking(db->sql, "SELECT name FROM nonce_epochs", NULL, 0, on_store, &names);
    struct slice rest = buf_slice(&names);
    bool more = rest.len > 0;
    for (size_t i = 0; i < COUNT_OF(always) && status == STATUS_OK; i++)
        status = guard_row(db, slice_str(always[i]), until_s);
    while (status == STATUS_OK && more) {
        struct slice name = slice_cut(&rest, '\n', &more);
        if (name.len)
            status = guard_row(db, name, until_s);
    }
    buf_done(&names);
    return status;
}
