#include "durable/sealed_rows.h"

#include "durable/parts.h"

/* A sealed secret begins with its version, the length of its key's id, and the id. */
enum { HEAD_BYTES = 2 + 32 };

struct queries {
    const char *by;
    const char *by_others;
    const char *count_others;
    const char *replace;
};

/* The secrets lead and the clients follow: in the order of the primary key nothing is sorted. */
#define CLIENT_SECRETS                                                                                 \
    "SELECT /*! STRAIGHT_JOIN */ s.id, s.sealed, c.client_id, '', '', 0, COALESCE(s.expires_at, 0), 0" \
    " FROM client_secrets s JOIN clients c ON c.id = s.client"
#define TOKENS                                                                               \
    "SELECT /*! STRAIGHT_JOIN */ s.id, s.sealed, c.client_id, s.jti, s.oauth_token, s.user," \
    " COALESCE(s.expires_at, 0), COALESCE(s.revoked_at, 0) FROM tokens s JOIN clients c ON c.id = s.client"
#define BY        " WHERE substr(s.sealed, 1, ?) = ? ORDER BY s.id DESC LIMIT ?"
#define BY_OTHERS " WHERE s.id > ? AND substr(s.sealed, 1, ?) <> ? ORDER BY s.id LIMIT ?"
#define QUERIES(select, table)                                                                         \
    {                                                                                                  \
        select BY, select BY_OTHERS, "SELECT COUNT(*) FROM " table " WHERE substr(sealed, 1, ?) <> ?", \
            "UPDATE " table " SET sealed = ? WHERE id = ? AND sealed = ?"                              \
    }

static const struct queries queries[SEALED_TABLES] = {
    [SEALED_CLIENT_SECRETS] = QUERIES(CLIENT_SECRETS, "client_secrets"),
    [SEALED_TOKENS] = QUERIES(TOKENS, "tokens"),
};

/* ---- reading ---- */

struct reading {
    struct sealed_rows *found;
    enum sealed_table table;
    int64_t now_ms;
};

static enum status read_sealed_row(void *context, const struct sql_value *columns, size_t count)
{
    struct reading *reading = context;
    struct sealed_rows *found = reading->found;
    struct row_reader row = row_reader(&found->arena, columns, count);
    struct sealed_row *rows = list_grow(&found->arena, found->rows, found->count, sizeof *rows);
    if (!rows)
        return STATUS_NO_MEMORY;
    int64_t expires_ms = row_int(&row, 6);
    found->rows = rows;
    rows[found->count++] = (struct sealed_row){
        .table = reading->table,
        .id = row_int(&row, 0),
        .sealed = row_text(&row, 1),
        .client_id = row_text(&row, 2),
        .jti = row_text(&row, 3),
        .oauth_token = row_text(&row, 4),
        .user = row_int(&row, 5),
        .is_live = row_int(&row, 7) == 0 && (expires_ms == 0 || expires_ms > reading->now_ms),
    };
    return row_status(&row);
}

static struct slice head_of(struct slice key, char memory[HEAD_BYTES])
{
    struct buf head = buf_fixed(memory, HEAD_BYTES);
    buf_add_byte(&head, 1);
    buf_add_byte(&head, (char)key.len);
    buf_add(&head, key);
    return buf_slice(&head);
}

static enum status read_rows(struct durable *db, enum sealed_table table, const char *text,
                             const struct sql_value *params, size_t count, struct sealed_rows **ret_rows)
{
    struct reading reading = {result_new(sizeof *reading.found), table, now_ms(db)};
    if (!reading.found)
        return STATUS_NO_MEMORY;
    enum status status = sql_execute_blocking(db->sql, text, params, count, read_sealed_row, &reading);
    if (status != STATUS_OK) {
        result_free(reading.found);
        return status;
    }
    *ret_rows = reading.found;
    return STATUS_OK;
}

enum status sealed_rows_by_blocking(struct durable *db, enum sealed_table table, struct slice key, size_t limit,
                                    struct sealed_rows **ret_rows)
{
    char memory[HEAD_BYTES];
    struct slice head = head_of(key, memory);
    struct sql_value params[] = {sql_int((int64_t)head.len), sql_blob(head), sql_int((int64_t)limit)};
    return read_rows(db, table, queries[table].by, params, COUNT_OF(params), ret_rows);
}

enum status sealed_rows_by_others_blocking(struct durable *db, enum sealed_table table, struct slice key,
                                           int64_t after_id, size_t limit, struct sealed_rows **ret_rows)
{
    char memory[HEAD_BYTES];
    struct slice head = head_of(key, memory);
    struct sql_value params[] = {sql_int(after_id), sql_int((int64_t)head.len), sql_blob(head),
                                 sql_int((int64_t)limit)};
    return read_rows(db, table, queries[table].by_others, params, COUNT_OF(params), ret_rows);
}

enum status sealed_rows_count_blocking(struct durable *db, enum sealed_table table, struct slice key,
                                       int64_t *ret_count)
{
    char memory[HEAD_BYTES];
    struct slice head = head_of(key, memory);
    struct sql_value params[] = {sql_int((int64_t)head.len), sql_blob(head)};
    return sql_execute_blocking(db->sql, queries[table].count_others, params, COUNT_OF(params), take_int, ret_count);
}

/* ---- one secret ---- */

static struct buf identity_of(const struct sealed_row *row, char memory[SEAL_ROW_BYTES])
{
    return row->table == SEALED_TOKENS ? token_row(memory, row->client_id, row->user, row->oauth_token)
                                       : client_secret_row(memory, row->client_id);
}

enum status sealed_row_open(const struct keyring *keys, const struct sealed_row *row, struct buf *out)
{
    char memory[SEAL_ROW_BYTES];
    struct buf identity = identity_of(row, memory);
    return identity.failed ? STATUS_STORE_CORRUPT : sealed_open(keys, row->sealed, buf_slice(&identity), out);
}

enum status sealed_row_replace_blocking(struct durable *db, const struct sealed_row *row, struct slice secret)
{
    char memory[SEAL_ROW_BYTES];
    struct buf identity = identity_of(row, memory);
    struct buf sealed = BUF_INIT;
    enum status status = sealed_seal(db->keys, secret, buf_slice(&identity), &sealed);
    if (status == STATUS_OK) {
        struct sql_value params[] = {sql_blob(buf_slice(&sealed)), sql_int(row->id), sql_blob(row->sealed)};
        status = RUN(db, queries[row->table].replace, params);
    }
    buf_done(&sealed);
    return status;
}
