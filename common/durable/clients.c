#include "durable/clients.h"

#include "durable/parts.h"
#include "durable/sealing_use.h"
#include "durable/within.h"

void client_free(void *client)
{
    result_free(client);
}

void client_page_free(void *page)
{
    result_free(page);
}

/* ---- reading ---- */

enum status durable_client_read_blocking(struct durable *db, struct slice client_id, struct client **ret_client)
{
    static const char text[] =
        CLIENT_ROW " WHERE c.client_id = ? UNION ALL " CALLBACK_ROW " WHERE c.client_id = ? UNION ALL " SECRET_ROW
                   " WHERE c.client_id = ? UNION ALL " KEY_ROW " WHERE c.client_id = ? ORDER BY 2 DESC";
    struct sql_value params[] = {sql_text(client_id), sql_text(client_id), sql_text(client_id), sql_text(client_id)};
    struct client *client = result_new(sizeof *client);
    if (!client)
        return STATUS_NO_MEMORY;
    struct parts parts = {.db = db, .arena = &client->arena, .client = client};
    db->fault = NULL;
    enum status status = sql_execute_blocking(db->sql, text, params, COUNT_OF(params), read_part, &parts);
    if (status == STATUS_OK && !parts.client_found)
        status = STATUS_NOT_FOUND;
    if (status != STATUS_OK) {
        client_free(client);
        return status;
    }
    *ret_client = client;
    return STATUS_OK;
}

enum status durable_client_find_blocking(struct durable *db, struct slice client_id, struct client **ret_client)
{
    struct client *client = NULL;
    TRY(durable_client_read_blocking(db, client_id, &client));
    enum status status = refuse_damage(db, client->damage);
    if (status != STATUS_OK) {
        client_free(client);
        return status;
    }
    *ret_client = client;
    return STATUS_OK;
}

static enum status read_listed_client(void *context, const struct sql_value *columns, size_t count)
{
    struct client_page *page = context;
    struct row_reader row = row_reader(&page->arena, columns, count);
    struct client *clients = list_grow(&page->arena, page->clients, page->count, sizeof *clients);
    if (!clients)
        return STATUS_NO_MEMORY;
    page->clients = clients;
    return read_client_row(&row, &clients[page->count++]);
}

static enum status list_clients(struct durable *db, const char *text, const struct sql_value *params, size_t count,
                                struct client_page **ret_page)
{
    struct client_page *found = result_new(sizeof *found);
    if (!found)
        return STATUS_NO_MEMORY;
    enum status status = sql_execute_blocking(db->sql, text, params, count, read_listed_client, found);
    if (status != STATUS_OK) {
        client_page_free(found);
        return status;
    }
    *ret_page = found;
    return STATUS_OK;
}

enum status durable_client_list_blocking(struct durable *db, struct slice owner, struct page_request page,
                                         struct client_page **ret_page)
{
    static const char all[] = CLIENT_ROW " WHERE c.id > ? ORDER BY c.id LIMIT ?";
    static const char one_owners[] = CLIENT_ROW " WHERE c.owner = ? AND c.id > ? ORDER BY c.id LIMIT ?";
    struct sql_value params[] = {sql_text(owner), sql_int(page.after_id), sql_int(page_limit(page.limit))};
    size_t skip = slice_is_absent(owner) ? 1 : 0;
    return list_clients(db, skip ? all : one_owners, params + skip, COUNT_OF(params) - skip, ret_page);
}

enum status durable_client_list_pending_blocking(struct durable *db, struct page_request page,
                                                 struct client_page **ret_page)
{
    static const char pending[] = CLIENT_ROW " WHERE c.approval = 1 AND c.id > ? ORDER BY c.id LIMIT ?";
    struct sql_value params[] = {sql_int(page.after_id), sql_int(page_limit(page.limit))};
    return list_clients(db, pending, params, COUNT_OF(params), ret_page);
}

/* `text` selects the client that has the secret. */
static enum status open_secret_of(struct durable *db, const char *text)
{
    struct client_page *page = result_new(sizeof *page);
    struct client *client = NULL;
    if (!page)
        return STATUS_NO_MEMORY;
    enum status status = sql_execute_blocking(db->sql, text, NULL, 0, read_listed_client, page);
    if (status == STATUS_OK && page->count > 0)
        status = durable_client_find_blocking(db, page->clients[0].client_id, &client);
    client_free(client);
    client_page_free(page);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status; /* deleted in between */
}

enum status durable_keys_check_any_blocking(struct durable *db)
{
    enum status status =
        open_secret_of(db, CLIENT_ROW " JOIN client_secrets s ON s.client = c.id ORDER BY s.id DESC LIMIT 1");
    if (status != STATUS_STORE_CORRUPT)
        return status;
    return open_secret_of(db, CLIENT_ROW " JOIN client_secrets s ON s.client = c.id ORDER BY s.id LIMIT 1");
}

static enum status find_client(struct durable *db, struct slice client_id, int64_t *ret_client)
{
    TRY(find_id(db, "SELECT id FROM clients WHERE client_id = ?", sql_text(client_id), ret_client));
    return *ret_client ? STATUS_OK : STATUS_NOT_FOUND;
}

/* ---- the parts of a client ---- */

static enum status add_callbacks(struct durable *db, int64_t id, const struct client *client)
{
    for (size_t i = 0; i < client->callback_count; i++) {
        struct sql_value params[] = {
            sql_int(id),
            sql_text(client->callbacks[i].uri),
            sql_int(client->callbacks[i].is_prefix),
        };
        TRY(RUN(db, "INSERT INTO client_callbacks (client, uri, is_prefix) VALUES (?, ?, ?)", params));
    }
    return STATUS_OK;
}

static enum status add_secret(struct durable *db, int64_t id, struct slice client_id, struct slice secret)
{
    char memory[SEAL_ROW_BYTES];
    struct buf row = client_secret_row(memory, client_id);
    struct buf sealed = BUF_INIT;
    bool was_missing = false;
    TRY(sealing_key_use(db, &was_missing));
    enum status status = sealed_seal(db->keys, secret, buf_slice(&row), &sealed);
    if (status == STATUS_OK) {
        struct sql_value params[] = {sql_int(id), sql_blob(buf_slice(&sealed)), sql_int(now_ms(db))};
        status = RUN(db, "INSERT INTO client_secrets (client, sealed, created_at) VALUES (?, ?, ?)", params);
    }
    buf_done(&sealed);
    return status;
}

static enum status add_key(struct durable *db, int64_t id, struct slice pem)
{
    struct sql_value params[] = {sql_int(id), sql_text(pem), sql_int(now_ms(db))};
    return RUN(db, "INSERT INTO client_keys (client, pem, created_at) VALUES (?, ?, ?)", params);
}

static enum status add_parts(struct durable *db, int64_t id, const struct client *client)
{
    TRY(add_callbacks(db, id, client));
    for (size_t i = client->secret_count; i-- > 0;) /* the newest, which comes first, gets the highest id */
        TRY(add_secret(db, id, client->client_id, client->secrets[i].text));
    for (size_t i = client->key_count; i-- > 0;)
        TRY(add_key(db, id, client->keys[i].text));
    return STATUS_OK;
}

static struct sql_value flag_value(const struct client *client, enum client_flag flag)
{
    return sql_int((client->flags & flag) != 0);
}

/* The column: 0 approved, 1 pending, 2 rejected. */
static struct sql_value approval_value(const struct client *client)
{
    return sql_int((client->flags & CLIENT_UNAPPROVED) / CLIENT_PENDING);
}

/* ---- create, update ---- */

/* Of each column of the list: its name, its place, what is put there. */
#define TEXT_COLUMN(column, ...)            #column ", "
#define FLAG_COLUMN(NAME, bit, column, ...) #column ", "
#define TEXT_IS(column, ...)                #column " = ?, "
#define FLAG_IS(NAME, bit, column, ...)     #column " = ?, "
#define PLACE(...)                          "?, "
#define TEXT_PARAM(column, ...)             sql_text(client->column),
#define FLAG_PARAM(NAME, ...)               flag_value(client, CLIENT_##NAME),

#define COLUMNS     CLIENT_TEXTS(TEXT_COLUMN) CLIENT_FLAGS(FLAG_COLUMN) "approval, "
#define PLACES      CLIENT_TEXTS(PLACE) CLIENT_FLAGS(PLACE) PLACE()
#define ASSIGNMENTS CLIENT_TEXTS(TEXT_IS) CLIENT_FLAGS(FLAG_IS) "approval = ?, "
#define PARAMS      CLIENT_TEXTS(TEXT_PARAM) CLIENT_FLAGS(FLAG_PARAM) approval_value(client),

struct creating {
    struct durable *db;
    const struct client *client;
    int64_t id;
};

static enum status create_client(struct sql *sql, void *context)
{
    struct creating *creating = context;
    const struct client *client = creating->client;
    struct sql_value params[] = {
        PARAMS flag_value(client, CLIENT_DISABLED),
        sql_text(client->client_id),
        sql_int(now_ms(creating->db)),
        sql_int(now_ms(creating->db)),
    };
    TRY(RUN(creating->db,
            "INSERT INTO clients (" COLUMNS "disabled, client_id, created_at, updated_at)"
            " VALUES (" PLACES "?, ?, ?, ?)",
            params));
    creating->id = sql_last_id(sql);
    TRY(add_parts(creating->db, creating->id, client));
    /* A cache that remembers that there is no such client must look again. */
    return change_write(creating->db, CHANGE_CLIENT, CHANGE_EDITED, client->client_id);
}

enum status durable_client_create_blocking(struct durable *db, const struct client *client, int64_t *ret_id)
{
    struct creating creating = {db, client, 0};
    if (!is_identifier(client->client_id))
        return STATUS_BAD_INPUT;
    TRY(durable_transaction_blocking(db, create_client, &creating));
    *ret_id = creating.id;
    return STATUS_OK;
}

struct updating {
    struct durable *db;
    const struct client *client;
};

static enum status update_row(struct durable *db, const struct client *client)
{
    struct sql_value params[] = {
        PARAMS sql_int(now_ms(db)),
        sql_text(client->client_id),
        sql_int(client->version),
        sql_int(client->version),
    };
    return RUN(db,
               "UPDATE clients SET " ASSIGNMENTS "updated_at = ?, version = version + 1"
               " WHERE client_id = ? AND (? = 0 OR version = ?)",
               params);
}

static enum status update_client(struct sql *sql, void *context)
{
    struct updating *updating = context;
    struct durable *db = updating->db;
    int64_t id = 0;
    TRY(find_client(db, updating->client->client_id, &id));
    TRY(update_row(db, updating->client));
    if (sql_affected(sql) == 0)
        return STATUS_CONFLICT;
    struct sql_value params[] = {sql_int(id)};
    TRY(RUN(db, "DELETE FROM client_callbacks WHERE client = ?", params));
    TRY(add_callbacks(db, id, updating->client));
    return change_write(db, CHANGE_CLIENT, CHANGE_EDITED, updating->client->client_id);
}

enum status durable_client_update_blocking(struct durable *db, const struct client *client)
{
    struct updating updating = {db, client};
    return durable_transaction_blocking(db, update_client, &updating);
}

/* ---- delete, disable, enable ---- */

struct naming {
    struct durable *db;
    struct slice client_id;
};

static enum status delete_client(struct sql *sql, void *context)
{
    struct naming *naming = context;
    struct sql_value params[] = {sql_text(naming->client_id)};
    TRY(RUN(naming->db, "DELETE FROM clients WHERE client_id = ?",
            params)); /* the foreign keys delete what belongs to it */
    if (sql_affected(sql) == 0)
        return STATUS_NOT_FOUND;
    return change_write(naming->db, CHANGE_CLIENT, CHANGE_ENDED, naming->client_id);
}

enum status durable_client_delete_blocking(struct durable *db, struct slice client_id)
{
    struct naming naming = {db, client_id};
    return durable_transaction_blocking(db, delete_client, &naming);
}

/* The column: an owner does not enable what an operator has disabled. */
enum disabled { ENABLED = 0, BY_OPERATOR = 1, BY_OWNER = 2 };

struct switching {
    struct durable *db;
    struct slice client_id;
    enum disabled to;
    bool is_owner;
};

static enum status set_disabled(struct durable *db, int64_t id, const struct switching *switching)
{
    struct sql_value to = sql_int(switching->to);
    struct sql_value params[] = {to, to, sql_int(now_ms(db)), sql_int(id), to, sql_int(switching->is_owner)};
    return RUN(db,
               "UPDATE clients SET generation = generation + (disabled = 0 AND ? <> 0), disabled = ?, updated_at = ?,"
               " version = version + 1 WHERE id = ? AND disabled <> ? AND (? = 0 OR disabled <> 1)",
               params);
}

static enum status switch_client(struct sql *sql, void *context)
{
    const struct switching *switching = context;
    struct durable *db = switching->db;
    int64_t id = 0;
    int64_t revoked = 0;
    TRY(find_client(db, switching->client_id, &id));
    TRY(set_disabled(db, id, switching));
    if (switching->is_owner && sql_affected(sql) == 0)
        return STATUS_CONFLICT;
    if (switching->to != ENABLED)
        TRY(revoke_tokens_of(db, id, 0, &revoked));
    return change_write(db, CHANGE_CLIENT, switching->to == ENABLED ? CHANGE_EDITED : CHANGE_ENDED,
                        switching->client_id);
}

static enum status switch_to(struct durable *db, struct slice client_id, enum disabled to, bool is_owner)
{
    struct switching switching = {db, client_id, to, is_owner};
    return durable_transaction_blocking(db, switch_client, &switching);
}

enum status durable_client_disable_blocking(struct durable *db, struct slice client_id)
{
    return switch_to(db, client_id, BY_OPERATOR, false);
}

enum status durable_client_enable_blocking(struct durable *db, struct slice client_id)
{
    return switch_to(db, client_id, ENABLED, false);
}

enum status durable_client_switch_off_blocking(struct durable *db, struct slice client_id)
{
    return switch_to(db, client_id, BY_OWNER, true);
}

enum status durable_client_switch_on_blocking(struct durable *db, struct slice client_id)
{
    return switch_to(db, client_id, ENABLED, true);
}

/* ---- rotation ---- */

/* Secrets and keys rotate alike. */
struct rotation_table {
    const char *live;   /* newest first */
    const char *expire; /* never later than before */
    enum status (*add)(struct durable *db, int64_t id, struct slice client_id, struct slice text);
};

static enum status add_rotated_key(struct durable *db, int64_t id, struct slice client_id, struct slice pem)
{
    (void)client_id;
    return add_key(db, id, pem);
}

static const struct rotation_table secrets_table = {
    "SELECT id, sealed FROM client_secrets WHERE client = ? AND (expires_at IS NULL OR expires_at > ?) ORDER BY id "
    "DESC",
    "UPDATE client_secrets SET expires_at = ? WHERE id = ? AND (expires_at IS NULL OR expires_at > ?)",
    add_secret,
};

static const struct rotation_table keys_table = {
    "SELECT id, NULL FROM client_keys WHERE client = ? AND (expires_at IS NULL OR expires_at > ?) ORDER BY id DESC",
    "UPDATE client_keys SET expires_at = ? WHERE id = ? AND (expires_at IS NULL OR expires_at > ?)",
    add_rotated_key,
};

struct rotating {
    struct durable *db;
    const struct rotation_table *table;
    struct slice client_id;
    struct slice text;
    int64_t overlap_ms;
};

enum { LIVE_MAX = 8 }; /* two by rotation; a few more in case an import brought them */

struct live_rows {
    const struct durable *db;
    struct slice client_id;
    int64_t ids[LIVE_MAX];
    bool are_damaged[LIVE_MAX];
    size_t count;
    size_t good_count; /* that are not damaged */
};

static bool is_damaged(const struct live_rows *live, struct slice sealed)
{
    char memory[SEAL_ROW_BYTES];
    struct buf identity = client_secret_row(memory, live->client_id);
    struct buf secret = BUF_INIT;
    bool opens =
        !identity.failed && sealed_open(live->db->keys, sealed, buf_slice(&identity), &secret) != STATUS_STORE_CORRUPT;
    buf_done(&secret);
    return !opens;
}

static enum status note_live(void *context, const struct sql_value *columns, size_t count)
{
    struct live_rows *live = context;
    (void)count;
    if (live->count == LIVE_MAX)
        return STATUS_OK;
    bool damaged = columns[1].type != SQL_NULL && is_damaged(live, columns[1].bytes);
    live->ids[live->count] = columns[0].integer;
    live->are_damaged[live->count++] = damaged;
    live->good_count += !damaged;
    return STATUS_OK;
}

static enum status find_live_rows(struct durable *db, const struct rotation_table *table, int64_t client,
                                  struct slice client_id, struct live_rows *ret_live)
{
    struct sql_value params[] = {sql_int(client), sql_int(now_ms(db))};
    *ret_live = (struct live_rows){.db = db, .client_id = client_id};
    return sql_execute_blocking(db->sql, table->live, params, COUNT_OF(params), note_live, ret_live);
}

/* The newest old secret stays valid for the overlap. The others end now, and so do those that do not open: while one
 * of them is live its client is answered 503. */
static enum status expire_old(struct rotating *rotating, int64_t client)
{
    struct durable *db = rotating->db;
    struct live_rows live;
    bool keeps_one = rotating->overlap_ms > 0;
    TRY(find_live_rows(db, rotating->table, client, rotating->client_id, &live));
    for (size_t i = 0; i < live.count; i++) {
        bool stays = keeps_one && !live.are_damaged[i];
        int64_t expires_ms = now_ms(db) + (stays ? rotating->overlap_ms : 0);
        struct sql_value params[] = {sql_int(expires_ms), sql_int(live.ids[i]), sql_int(expires_ms)};
        keeps_one = keeps_one && !stays;
        TRY(RUN(db, rotating->table->expire, params));
    }
    return STATUS_OK;
}

/* The first statement locks the row: otherwise two at once on MySQL would not see each other's secret. */
static enum status lock_client(struct durable *db, struct sql *sql, struct slice client_id, int64_t *ret_id)
{
    struct sql_value params[] = {sql_int(now_ms(db)), sql_text(client_id)};
    TRY(RUN(db, "UPDATE clients SET updated_at = ?, version = version + 1 WHERE client_id = ?", params));
    return sql_affected(sql) == 0 ? STATUS_NOT_FOUND : find_client(db, client_id, ret_id);
}

static enum status rotate_credential(struct sql *sql, void *context)
{
    struct rotating *rotating = context;
    struct durable *db = rotating->db;
    int64_t id = 0;
    TRY(lock_client(db, sql, rotating->client_id, &id));
    TRY(expire_old(rotating, id));
    TRY(rotating->table->add(db, id, rotating->client_id, rotating->text));
    return change_write(db, CHANGE_CLIENT, CHANGE_EDITED, rotating->client_id);
}

enum status durable_client_rotate_secret_blocking(struct durable *db, struct slice client_id, struct slice secret,
                                                  int64_t overlap_ms)
{
    struct rotating rotating = {db, &secrets_table, client_id, secret, overlap_ms};
    return durable_transaction_blocking(db, rotate_credential, &rotating);
}

enum status durable_client_rotate_key_blocking(struct durable *db, struct slice client_id, struct slice pem,
                                               int64_t overlap_ms)
{
    struct rotating rotating = {db, &keys_table, client_id, pem, overlap_ms};
    return durable_transaction_blocking(db, rotate_credential, &rotating);
}

/* ---- the end of a key ---- */

struct ending {
    struct durable *db;
    struct slice client_id;
    int64_t key;
};

static enum status end_key(struct sql *sql, void *context)
{
    const struct ending *ending = context;
    struct durable *db = ending->db;
    int64_t id = 0;
    struct live_rows secrets;
    struct live_rows keys;
    TRY(lock_client(db, sql, ending->client_id, &id));
    struct sql_value params[] = {sql_int(now_ms(db)), sql_int(ending->key), sql_int(now_ms(db)), sql_int(id)};
    TRY(RUN(db,
            "UPDATE client_keys SET expires_at = ? WHERE id = ? AND (expires_at IS NULL OR expires_at > ?)"
            " AND client = ?",
            params));
    if (sql_affected(sql) == 0)
        return STATUS_NOT_FOUND;
    TRY(find_live_rows(db, &keys_table, id, ending->client_id, &keys));
    TRY(find_live_rows(db, &secrets_table, id, ending->client_id, &secrets));
    if (keys.good_count + secrets.good_count == 0)
        return STATUS_CONFLICT;
    return change_write(db, CHANGE_CLIENT, CHANGE_EDITED, ending->client_id);
}

enum status durable_client_end_key_blocking(struct durable *db, struct slice client_id, int64_t key)
{
    struct ending ending = {db, client_id, key};
    return durable_transaction_blocking(db, end_key, &ending);
}
