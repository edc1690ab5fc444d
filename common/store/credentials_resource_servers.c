#include "store/credentials_resource_servers.h"

#include "store/credentials_within.h"
#include "store/rows.h"

#define SERVER_ROW \
    "SELECT id, name, key_digest, origins, tls_sans, allow_explain, created_at, revoked_at FROM resource_servers"

void resource_server_free(void *server)
{
    result_free(server);
}

void resource_server_page_free(void *page)
{
    result_free(page);
}

/* ---- reading ---- */

static enum status read_server(struct row_reader *row, struct resource_server *server)
{
    server->id = row_int(row, 0);
    server->name = row_text(row, 1);
    server->key_digest = row_text(row, 2);
    server->origins = row_text(row, 3);
    server->tls_sans = row_text(row, 4);
    server->allow_explain = row_int(row, 5) != 0;
    server->created_ms = row_int(row, 6);
    server->revoked_ms = row_int(row, 7);
    return row_status(row);
}

static enum status read_found(void *context, const struct sql_value *columns, size_t count)
{
    struct resource_server *server = context;
    struct row_reader row = row_reader(&server->arena, columns, count);
    return read_server(&row, server);
}

enum status credentials_resource_server_find_blocking(struct credentials *db, struct slice key_digest,
                                                      struct resource_server **ret_server)
{
    struct sql_value params[] = {sql_blob(key_digest)};
    struct resource_server *server = result_new(sizeof *server);
    if (!server)
        return STATUS_NO_MEMORY;
    enum status status =
        sql_execute_blocking(db->sql, SERVER_ROW " WHERE key_digest = ?", params, COUNT_OF(params), read_found, server);
    if (status == STATUS_OK && server->id == 0)
        status = STATUS_NOT_FOUND;
    if (status != STATUS_OK) {
        resource_server_free(server);
        return status;
    }
    *ret_server = server;
    return STATUS_OK;
}

static struct slice cut_name(struct slice *names)
{
    bool more;
    return slice_cut(names, ' ', &more);
}

/* RFC 4343: DNS names are equal in any case; a URI's path is not. */
static bool is_same_san(struct slice a, struct slice b)
{
    bool is_uri = slice_find(a, ':') < a.len;
    return a.len > 0 && (is_uri ? slice_eq(a, b) : slice_eq_nocase(a, b));
}

static bool share_san(struct slice registered, struct slice presented)
{
    while (registered.len) {
        struct slice name = cut_name(&registered);
        for (struct slice rest = presented; rest.len;)
            if (is_same_san(name, cut_name(&rest)))
                return true;
    }
    return false;
}

struct san_search {
    struct resource_server *server;
    struct slice sans;
};

/* The rows come oldest first, so that the newest stays. */
static enum status read_certified(void *context, const struct sql_value *columns, size_t count)
{
    struct san_search *search = context;
    struct resource_server *server = search->server;
    struct resource_server candidate = {0};
    struct row_reader row = row_reader(&server->arena, columns, count);
    TRY(read_server(&row, &candidate));
    if (!share_san(candidate.tls_sans, search->sans))
        return STATUS_OK;
    candidate.arena = server->arena;
    *server = candidate;
    return STATUS_OK;
}

enum status credentials_resource_server_find_by_san_blocking(struct credentials *db, struct slice tls_sans,
                                                             struct resource_server **ret_server)
{
    struct san_search search = {result_new(sizeof *search.server), tls_sans};
    if (!search.server)
        return STATUS_NO_MEMORY;
    enum status status =
        sql_execute_blocking(db->sql, SERVER_ROW " WHERE tls_sans <> '' AND revoked_at IS NULL ORDER BY id", NULL, 0,
                             read_certified, &search);
    if (status == STATUS_OK && search.server->id == 0)
        status = STATUS_NOT_FOUND;
    if (status != STATUS_OK) {
        resource_server_free(search.server);
        return status;
    }
    *ret_server = search.server;
    return STATUS_OK;
}

static enum status read_listed(void *context, const struct sql_value *columns, size_t count)
{
    struct resource_server_page *page = context;
    struct row_reader row = row_reader(&page->arena, columns, count);
    struct resource_server *servers = list_grow(&page->arena, page->servers, page->count, sizeof *servers);
    if (!servers)
        return STATUS_NO_MEMORY;
    page->servers = servers;
    return read_server(&row, &servers[page->count++]);
}

enum status credentials_resource_server_list_blocking(struct credentials *db, struct page_request page,
                                                      struct resource_server_page **ret_page)
{
    struct sql_value params[] = {sql_int(page.after_id), sql_int(page_limit(page.limit))};
    struct resource_server_page *found = result_new(sizeof *found);
    if (!found)
        return STATUS_NO_MEMORY;
    enum status status = sql_execute_blocking(db->sql, SERVER_ROW " WHERE id > ? ORDER BY id LIMIT ?", params,
                                              COUNT_OF(params), read_listed, found);
    if (status != STATUS_OK) {
        resource_server_page_free(found);
        return status;
    }
    *ret_page = found;
    return STATUS_OK;
}

/* ---- writing ---- */

struct creating {
    struct credentials *db;
    const struct resource_server *server;
    int64_t id;
};

static enum status create(struct sql *sql, void *context)
{
    struct creating *creating = context;
    const struct resource_server *server = creating->server;
    struct sql_value params[] = {
        sql_text(server->name),     sql_digest(server->key_digest), sql_text(server->origins),
        sql_text(server->tls_sans), sql_int(server->allow_explain), sql_int(now_ms(creating->db)),
    };
    TRY(RUN(creating->db,
            "INSERT INTO resource_servers (name, key_digest, origins, tls_sans, allow_explain, created_at)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            params));
    creating->id = sql_last_id(sql);
    return change_write_number(creating->db, CHANGE_RESOURCE_SERVER, CHANGE_EDITED, creating->id);
}

enum status credentials_resource_server_create_blocking(struct credentials *db, const struct resource_server *server,
                                                        int64_t *ret_id)
{
    struct creating creating = {db, server, 0};
    bool has_key = server->key_digest.len == RESOURCE_SERVER_KEY_DIGEST_BYTES;
    if (!is_identifier(server->name) || (server->key_digest.len && !has_key) || (!has_key && !server->tls_sans.len))
        return STATUS_BAD_INPUT;
    TRY(credentials_transaction_blocking(db, create, &creating));
    *ret_id = creating.id;
    return STATUS_OK;
}

struct revoking {
    struct credentials *db;
    struct slice name;
    int64_t count;
};

struct live_servers {
    struct arena arena;
    int64_t *ids;
    size_t count;
};

static enum status note_live(void *context, const struct sql_value *columns, size_t count)
{
    struct live_servers *live = context;
    (void)count;
    int64_t *ids = list_grow(&live->arena, live->ids, live->count, sizeof *ids);
    if (!ids)
        return STATUS_NO_MEMORY;
    live->ids = ids;
    ids[live->count++] = columns[0].integer;
    return STATUS_OK;
}

static enum status revoke_each(struct credentials *db, const struct live_servers *live)
{
    for (size_t i = 0; i < live->count; i++) {
        struct sql_value params[] = {sql_int(now_ms(db)), sql_int(live->ids[i])};
        TRY(RUN(db, "UPDATE resource_servers SET revoked_at = ? WHERE id = ?", params));
        TRY(change_write_number(db, CHANGE_RESOURCE_SERVER, CHANGE_REVOKED, live->ids[i]));
    }
    return STATUS_OK;
}

static enum status revoke(struct sql *sql, void *context)
{
    struct revoking *revoking = context;
    struct sql_value name = sql_text(revoking->name);
    int64_t known = 0;
    TRY(find_id(revoking->db, "SELECT id FROM resource_servers WHERE name = ? LIMIT 1", name, &known));
    if (!known)
        return STATUS_NOT_FOUND;
    struct live_servers *live = result_new(sizeof *live);
    if (!live)
        return STATUS_NO_MEMORY;
    enum status status = sql_execute_blocking(
        sql, "SELECT id FROM resource_servers WHERE name = ? AND revoked_at IS NULL", &name, 1, note_live, live);
    if (status == STATUS_OK)
        status = revoke_each(revoking->db, live);
    revoking->count = (int64_t)live->count;
    result_free(live);
    return status;
}

enum status credentials_resource_server_revoke_blocking(struct credentials *db, struct slice name, int64_t *ret_count)
{
    struct revoking revoking = {db, name, 0};
    TRY(credentials_transaction_blocking(db, revoke, &revoking));
    *ret_count = revoking.count;
    return STATUS_OK;
}
