#include "durable/resource_servers.h"

#include "durable/rows.h"
#include "durable/within.h"

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

bool resource_server_is_live(const struct resource_server *server, int64_t now_ms)
{
    return server->revoked_ms == 0 || server->revoked_ms > now_ms;
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

enum status durable_resource_server_find_blocking(struct durable *db, struct slice key_digest,
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

/* ---- names of certificates ---- */

enum { SAN_MAX_BYTES = 2048, DNS_MAX_BYTES = 253 };

struct san {
    bool is_uri;
    struct slice name;
};

static bool is_dns_name(struct slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && !(c >= '0' && c <= '9') && c != '-' && c != '.' && c != '_' && c != '*')
            return false;
    }
    return name.len > 0 && name.len <= DNS_MAX_BYTES;
}

static bool is_uri(struct slice name)
{
    for (size_t i = 0; i < name.len; i++)
        if (name.ptr[i] <= ' ' || name.ptr[i] > '~')
            return false;
    return name.len > 0 && name.len <= SAN_MAX_BYTES;
}

/* The types that a certificate may have, and that name no resource server, as OpenSSL writes them. */
static bool has_other_type(struct slice text)
{
    static const struct slice types[] = {SLICE_INIT("IP"),      SLICE_INIT("IP Address"), SLICE_INIT("email"),
                                         SLICE_INIT("dirName"), SLICE_INIT("RID"),        SLICE_INIT("otherName")};
    struct slice type = slice_sub(text, 0, slice_find(text, ':'));
    for (size_t i = 0; i < COUNT_OF(types); i++)
        if (slice_eq_nocase(type, types[i]))
            return true;
    return false;
}

/* A text without a type: before names were typed, those with a colon were taken for URIs. */
static bool parse_san(struct slice text, struct san *ret_san)
{
    static const size_t type_len = 4;
    struct slice rest = slice_sub(text, type_len, text.len);
    struct slice type = slice_sub(text, 0, type_len);
    if (slice_eq_nocase(type, SLICE("DNS:")))
        *ret_san = (struct san){false, rest};
    else if (slice_eq_nocase(type, SLICE("URI:")))
        *ret_san = (struct san){true, rest};
    else if (has_other_type(text))
        return false;
    else
        *ret_san = (struct san){slice_find(text, ':') < text.len, text};
    return ret_san->is_uri ? is_uri(ret_san->name) : is_dns_name(ret_san->name);
}

/* "FOO:x": without a type a URI shows by its "://" alone. */
static bool has_unknown_type(struct slice text, const struct san *san)
{
    return san->is_uri && slice_eq(san->name, text) && slice_find_slice(text, SLICE("://")) == text.len;
}

bool resource_server_write_san(struct slice text, struct buf *out)
{
    struct san san = {0};
    if (!parse_san(text, &san) || has_unknown_type(text, &san))
        return false;
    buf_add_str(out, san.is_uri ? "URI:" : "DNS:");
    for (size_t i = 0; i < san.name.len; i++) {
        char c = san.name.ptr[i];
        bool is_upper = c >= 'A' && c <= 'Z';
        buf_add_byte(out, is_upper && !san.is_uri ? (char)(c + ('a' - 'A')) : c);
    }
    return true;
}

static struct slice cut_name(struct slice *names)
{
    bool more;
    return slice_cut(names, ' ', &more);
}

/* RFC 4343: DNS names are equal in any case; a URI's path is not. */
static bool is_same_san(struct slice a, struct slice b)
{
    struct san one = {0};
    struct san other = {0};
    if (!parse_san(a, &one) || !parse_san(b, &other) || one.is_uri != other.is_uri)
        return false;
    return one.is_uri ? slice_eq(one.name, other.name) : slice_eq_nocase(one.name, other.name);
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

/* The live server that `matches` wants; of several the newest. */
struct live_search {
    struct resource_server *server;
    bool (*matches)(const struct resource_server *candidate, const void *context);
    const void *context;
};

/* The rows come oldest first, so that the newest stays. */
static enum status read_candidate(void *context, const struct sql_value *columns, size_t count)
{
    struct live_search *search = context;
    struct resource_server *server = search->server;
    struct resource_server candidate = {0};
    struct row_reader row = row_reader(&server->arena, columns, count);
    TRY(read_server(&row, &candidate));
    if (!search->matches(&candidate, search->context))
        return STATUS_OK;
    candidate.arena = server->arena;
    *server = candidate;
    return STATUS_OK;
}

static enum status find_live(struct durable *db,
                             bool (*matches)(const struct resource_server *candidate, const void *context),
                             const void *context, struct resource_server **ret_server)
{
    struct live_search search = {result_new(sizeof *search.server), matches, context};
    if (!search.server)
        return STATUS_NO_MEMORY;
    enum status status = sql_execute_blocking(db->sql, SERVER_ROW " WHERE revoked_at IS NULL ORDER BY id", NULL, 0,
                                              read_candidate, &search);
    if (status == STATUS_OK && search.server->id == 0)
        status = STATUS_NOT_FOUND;
    if (status != STATUS_OK) {
        resource_server_free(search.server);
        return status;
    }
    *ret_server = search.server;
    return STATUS_OK;
}

static bool is_certified(const struct resource_server *candidate, const void *sans)
{
    return share_san(candidate->tls_sans, *(const struct slice *)sans);
}

enum status durable_resource_server_find_by_san_blocking(struct durable *db, struct slice tls_sans,
                                                         struct resource_server **ret_server)
{
    return find_live(db, is_certified, &tls_sans, ret_server);
}

static bool is_rival(const struct resource_server *candidate, const void *context)
{
    const struct resource_server *server = context;
    return slice_eq(candidate->name, server->name) || share_san(candidate->tls_sans, server->tls_sans);
}

enum status durable_resource_server_find_rival_blocking(struct durable *db, const struct resource_server *server,
                                                        struct resource_server **ret_rival)
{
    return find_live(db, is_rival, server, ret_rival);
}

static enum status read_listed_server(void *context, const struct sql_value *columns, size_t count)
{
    struct resource_server_page *page = context;
    struct row_reader row = row_reader(&page->arena, columns, count);
    struct resource_server *servers = list_grow(&page->arena, page->servers, page->count, sizeof *servers);
    if (!servers)
        return STATUS_NO_MEMORY;
    page->servers = servers;
    return read_server(&row, &servers[page->count++]);
}

enum status durable_resource_server_list_blocking(struct durable *db, struct page_request page,
                                                  struct resource_server_page **ret_page)
{
    struct sql_value params[] = {sql_int(page.after_id), sql_int(page_limit(page.limit))};
    struct resource_server_page *found = result_new(sizeof *found);
    if (!found)
        return STATUS_NO_MEMORY;
    enum status status = sql_execute_blocking(db->sql, SERVER_ROW " WHERE id > ? ORDER BY id LIMIT ?", params,
                                              COUNT_OF(params), read_listed_server, found);
    if (status != STATUS_OK) {
        resource_server_page_free(found);
        return status;
    }
    *ret_page = found;
    return STATUS_OK;
}

/* ---- writing ---- */

struct creating {
    struct durable *db;
    const struct resource_server *server;
    int64_t id;
};

static enum status take_name(struct creating *creating, struct slice name)
{
    struct sql_value params[] = {sql_text(name), sql_int(creating->id)};
    return RUN(creating->db, "INSERT INTO resource_server_names (name, server) VALUES (?, ?)", params);
}

static enum status take_san(struct creating *creating, struct slice san)
{
    struct buf name = BUF_INIT;
    enum status status = resource_server_write_san(san, &name) ? STATUS_OK : STATUS_BAD_INPUT;
    if (status == STATUS_OK)
        status = name.failed ? STATUS_NO_MEMORY : take_name(creating, buf_slice(&name));
    buf_done(&name);
    return status;
}

/* Their primary key is what decides between two that are created at once. */
static enum status take_names(struct creating *creating)
{
    char memory[sizeof "name " + IDENTIFIER_MAX_BYTES];
    struct buf name = buf_fixed(memory, sizeof memory);
    buf_add_str(&name, "name ");
    buf_add(&name, creating->server->name);
    TRY(take_name(creating, buf_slice(&name)));
    for (struct slice rest = creating->server->tls_sans; rest.len;)
        TRY(take_san(creating, cut_name(&rest)));
    return STATUS_OK;
}

/* Those that were created before names were taken are found by this alone. */
static enum status check_has_no_rival(struct creating *creating)
{
    struct resource_server *rival = NULL;
    enum status status = durable_resource_server_find_rival_blocking(creating->db, creating->server, &rival);
    resource_server_free(rival);
    return status == STATUS_OK ? STATUS_CONFLICT : status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

static enum status insert_server(struct creating *creating)
{
    struct durable *db = creating->db;
    const struct resource_server *server = creating->server;
    struct sql_value params[] = {
        sql_text(server->name),     sql_digest(server->key_digest), sql_text(server->origins),
        sql_text(server->tls_sans), sql_int(server->allow_explain), sql_int(now_ms(db)),
    };
    TRY(RUN(db,
            "INSERT INTO resource_servers (name, key_digest, origins, tls_sans, allow_explain, created_at)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            params));
    creating->id = sql_last_id(db->sql);
    TRY(take_names(creating));
    return change_write_number(db, CHANGE_RESOURCE_SERVER, CHANGE_EDITED, creating->id);
}

static enum status create_server(struct sql *sql, void *context)
{
    (void)sql;
    TRY(check_has_no_rival(context));
    return insert_server(context);
}

enum status durable_resource_server_create_blocking(struct durable *db, const struct resource_server *server,
                                                    int64_t *ret_id)
{
    struct creating creating = {db, server, 0};
    bool has_key = server->key_digest.len == RESOURCE_SERVER_KEY_DIGEST_BYTES;
    if (!is_identifier(server->name) || (server->key_digest.len && !has_key) || (!has_key && !server->tls_sans.len))
        return STATUS_BAD_INPUT;
    TRY(durable_transaction_blocking(db, create_server, &creating));
    *ret_id = creating.id;
    return STATUS_OK;
}

/* Those of a name whose keys are good. */
struct live_servers {
    struct arena arena;
    struct live_server {
        int64_t id;
        bool is_ending; /* its key was rotated out */
    } * servers;
    size_t count;
};

static enum status note_live(void *context, const struct sql_value *columns, size_t count)
{
    struct live_servers *live = context;
    (void)count;
    struct live_server *servers = list_grow(&live->arena, live->servers, live->count, sizeof *servers);
    if (!servers)
        return STATUS_NO_MEMORY;
    live->servers = servers;
    servers[live->count++] = (struct live_server){columns[0].integer, columns[1].type != SQL_NULL};
    return STATUS_OK;
}

static enum status find_live_keys(struct durable *db, struct slice name, struct live_servers **ret_live)
{
    struct sql_value params[] = {sql_text(name), sql_int(now_ms(db))};
    struct live_servers *live = result_new(sizeof *live);
    if (!live)
        return STATUS_NO_MEMORY;
    enum status status = sql_execute_blocking(
        db->sql,
        "SELECT id, revoked_at FROM resource_servers WHERE name = ? AND (revoked_at IS NULL OR revoked_at > ?)", params,
        COUNT_OF(params), note_live, live);
    if (status != STATUS_OK) {
        result_free(live);
        return status;
    }
    *ret_live = live;
    return STATUS_OK;
}

/* Its names are free again at once. */
static enum status end_server(struct durable *db, int64_t id, int64_t end_ms, enum change_event event)
{
    struct sql_value params[] = {sql_int(end_ms), sql_int(id)};
    TRY(RUN(db, "UPDATE resource_servers SET revoked_at = ? WHERE id = ?", params));
    TRY(sql_execute_blocking(db->sql, "DELETE FROM resource_server_names WHERE server = ?", &params[1], 1, NULL, NULL));
    return change_write_number(db, CHANGE_RESOURCE_SERVER, event, id);
}

struct rotating {
    struct durable *db;
    struct slice name, key_digest;
    int64_t overlap_ms;
};

static enum status end_former(const struct rotating *rotating)
{
    struct durable *db = rotating->db;
    struct live_servers *live = NULL;
    TRY(find_live_keys(db, rotating->name, &live));
    enum status status = STATUS_OK;
    for (size_t i = 0; i < live->count && status == STATUS_OK; i++) {
        int64_t more_ms = live->servers[i].is_ending ? 0 : rotating->overlap_ms;
        status = end_server(db, live->servers[i].id, now_ms(db) + more_ms, CHANGE_EDITED);
    }
    result_free(live);
    return status;
}

static bool has_name(const struct resource_server *candidate, const void *name)
{
    return slice_eq(candidate->name, *(const struct slice *)name);
}

/* Rotations and revocations of one name wait for each other: the second finds what the first made. */
static enum status rotate_server(struct sql *sql, void *context)
{
    const struct rotating *rotating = context;
    struct resource_server *server = NULL;
    (void)sql;
    TRY(durable_hold_blocking(rotating->db, CHANGE_RESOURCE_SERVER, rotating->name));
    TRY(find_live(rotating->db, has_name, &rotating->name, &server));
    server->key_digest = rotating->key_digest;
    struct creating creating = {rotating->db, server, 0};
    enum status status = end_former(rotating);
    if (status == STATUS_OK)
        status = insert_server(&creating);
    resource_server_free(server);
    return status;
}

enum status durable_resource_server_rotate_blocking(struct durable *db, struct slice name, struct slice key_digest,
                                                    int64_t overlap_ms)
{
    struct rotating rotating = {db, name, key_digest, overlap_ms};
    if (!is_identifier(name))
        return STATUS_NOT_FOUND;
    if (key_digest.len != RESOURCE_SERVER_KEY_DIGEST_BYTES)
        return STATUS_BAD_INPUT;
    return durable_transaction_blocking(db, rotate_server, &rotating);
}

enum status durable_resource_server_former_until_blocking(struct durable *db, struct slice name, int64_t *ret_until_ms)
{
    struct sql_value params[] = {sql_text(name), sql_int(now_ms(db))};
    *ret_until_ms = 0;
    return sql_execute_blocking(db->sql,
                                "SELECT COALESCE(MAX(revoked_at), 0) FROM resource_servers WHERE name = ? AND"
                                " revoked_at > ?",
                                params, COUNT_OF(params), take_int, ret_until_ms);
}

struct revoking {
    struct durable *db;
    struct slice name;
    int64_t count;
};

static enum status revoke_server(struct sql *sql, void *context)
{
    struct revoking *revoking = context;
    struct durable *db = revoking->db;
    struct live_servers *live = NULL;
    int64_t known = 0;
    (void)sql;
    TRY(durable_hold_blocking(db, CHANGE_RESOURCE_SERVER, revoking->name));
    TRY(find_id(db, "SELECT id FROM resource_servers WHERE name = ? LIMIT 1", sql_text(revoking->name), &known));
    if (!known)
        return STATUS_NOT_FOUND;
    TRY(find_live_keys(db, revoking->name, &live));
    enum status status = STATUS_OK;
    for (size_t i = 0; i < live->count && status == STATUS_OK; i++)
        status = end_server(db, live->servers[i].id, now_ms(db), CHANGE_REVOKED);
    revoking->count = (int64_t)live->count;
    result_free(live);
    return status;
}

enum status durable_resource_server_revoke_blocking(struct durable *db, struct slice name, int64_t *ret_count)
{
    struct revoking revoking = {db, name, 0};
    TRY(durable_transaction_blocking(db, revoke_server, &revoking));
    *ret_count = revoking.count;
    return STATUS_OK;
}
