#include "durable/grants.h"

#include "durable/rows.h"
#include "durable/within.h"

/* Not IS NULL: see tokens.c. */
#define LIVE "COALESCE(t.revoked_at, 0) = 0 AND (t.expires_at IS NULL OR t.expires_at > ?)"
#define GRANT_ROW                                                                                               \
    "SELECT t.id, t.jti, t.scopes, t.created_at, t.last_used_at, t.expires_at, c.client_id, c.name, c.website," \
    " c.verified FROM tokens t JOIN clients c ON c.id = t.client WHERE t.user = ? AND " LIVE

void grant_page_free(void *page)
{
    result_free(page);
}

static enum status read_grant(void *context, const struct sql_value *columns, size_t count)
{
    struct grant_page *page = context;
    struct row_reader row = row_reader(&page->arena, columns, count);
    struct grant *grants = list_grow(&page->arena, page->grants, page->count, sizeof *grants);
    if (!grants)
        return STATUS_NO_MEMORY;
    page->grants = grants;
    grants[page->count++] = (struct grant){
        .id = row_int(&row, 0),
        .jti = row_text(&row, 1),
        .scopes = row_text(&row, 2),
        .created_ms = row_int(&row, 3),
        .last_used_ms = row_int(&row, 4),
        .expires_ms = row_int(&row, 5),
        .client_id = row_text(&row, 6),
        .client_name = row_text(&row, 7),
        .client_website = row_text(&row, 8),
        .client_verified = row_int(&row, 9) != 0,
    };
    return row_status(&row);
}

/* One row more than is wanted tells whether there are more. */
static enum status list_grants(struct durable *db, const struct grant_request *wanted, struct grant_page *found)
{
    bool is_one = wanted->jti.len > 0;
    int64_t before = wanted->before_id ? wanted->before_id : INT64_MAX;
    struct sql_value params[] = {sql_int(wanted->user), sql_int(now_ms(db)),
                                 is_one ? sql_text(wanted->jti) : sql_int(before),
                                 sql_int(page_limit(wanted->limit + 1))};
    const char *text =
        is_one ? GRANT_ROW " AND t.jti = ? LIMIT ?" : GRANT_ROW " AND t.id < ? ORDER BY t.id DESC LIMIT ?";
    TRY(sql_execute_blocking(db->sql, text, params, COUNT_OF(params), read_grant, found));
    found->has_more = found->count > wanted->limit;
    if (found->has_more)
        found->count = wanted->limit;
    return STATUS_OK;
}

enum status durable_grant_list_blocking(struct durable *db, const struct grant_request *wanted,
                                        struct grant_page **ret_page)
{
    struct grant_page *found = result_new(sizeof *found);
    if (!found)
        return STATUS_NO_MEMORY;
    enum status status = list_grants(db, wanted, found);
    if (status != STATUS_OK) {
        grant_page_free(found);
        return status;
    }
    *ret_page = found;
    return STATUS_OK;
}

/* ---- narrow ---- */

struct narrowing {
    struct durable *db;
    int64_t user;
    struct slice jti, scopes, kept;
};

static enum status narrow_row(struct sql *sql, void *context)
{
    const struct narrowing *it = context;
    struct durable *db = it->db;
    struct sql_value params[] = {sql_text(it->kept), sql_text(it->jti), sql_int(it->user), sql_text(it->scopes),
                                 sql_int(now_ms(db))};
    TRY(RUN(db,
            "UPDATE tokens SET scopes = ? WHERE jti = ? AND user = ? AND scopes = ? AND COALESCE(revoked_at, 0) = 0"
            " AND (expires_at IS NULL OR expires_at > ?)",
            params));
    if (sql_affected(sql) == 0)
        return STATUS_NOT_FOUND;
    return change_write(db, CHANGE_TOKEN, CHANGE_EDITED, it->jti);
}

enum status durable_grant_narrow_blocking(struct durable *db, int64_t user, struct slice jti, struct slice scopes,
                                          struct slice kept)
{
    struct narrowing narrowing = {db, user, jti, scopes, kept};
    return durable_transaction_blocking(db, narrow_row, &narrowing);
}
