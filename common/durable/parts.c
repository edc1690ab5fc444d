#include "durable/parts.h"

#include <assert.h>

enum part { PART_CLIENT = 1, PART_CALLBACK, PART_SECRET, PART_KEY, PART_TOKEN };

/* Columns: after the part, id and seven more numbers, then texts; a client's are client_id and its list. */
enum { PART, ID, N1, N2, N3, N4, N5, N6, N7, T1, T2, T3, T4, T5, T6, T7 };
#define CLIENT_COLUMN(member, ...) CLIENT_##member,
#define TOKEN_COLUMN(member, ...)  TOKEN_##member,
enum { CLIENT_client_id = T1, CLIENT_TEXTS(CLIENT_COLUMN) };
enum { TOKEN_client_id = T3, TOKEN_TEXTS(TOKEN_COLUMN) TOKEN_END };
static_assert(TOKEN_END - T1 == 7, "TOKEN_ROW leaves empty what is behind its seven texts");

/* ---- what sealed secrets are bound to ---- */

struct buf client_secret_row(char memory[SEAL_ROW_BYTES], struct slice client_id)
{
    struct buf row = buf_fixed(memory, SEAL_ROW_BYTES);
    buf_add_str(&row, "client-secret ");
    buf_add(&row, client_id);
    return row;
}

struct buf token_row(char memory[SEAL_ROW_BYTES], struct slice client_id, int64_t user, struct slice oauth_token)
{
    struct buf row = buf_fixed(memory, SEAL_ROW_BYTES);
    buf_addf(&row, "token %lld %zu ", (long long)user, client_id.len); /* the length: no two rows read the same */
    buf_add(&row, client_id);
    buf_add(&row, oauth_token);
    return row;
}

static enum status open_secret(const struct parts *parts, struct slice sealed, const struct buf *row,
                               struct slice *ret_secret)
{
    struct buf secret = buf_in(parts->arena);
    if (row->failed)
        return STATUS_STORE_CORRUPT; /* an identifier longer than any that is let in */
    enum status status = sealed_open(parts->db->keys, sealed, buf_slice(row), &secret);
    if (status == STATUS_OK)
        *ret_secret = buf_slice(&secret);
    return status;
}

/* ---- those that do not open ---- */

/* `whose`: "client", whose `name` it has; `cure`: the command, and what it does. */
struct unopened {
    struct slice sealed;
    const char *whose;
    struct slice name;
    const char *cure, *effect;
};

static enum status describe_damage(const struct parts *parts, const struct unopened *it, struct slice *ret_damage)
{
    struct buf text = buf_in(parts->arena);
    struct slice id = sealed_key_id(it->sealed);
    buf_addf(&text, "%s %.*s: its secret does not open", it->whose, SLICE_ARGS(it->name));
    if (!slice_is_absent(id) && slice_is_printable(id) && !keyring_has(parts->db->keys, id))
        buf_addf(&text,
                 ", for the key %.*s that sealed it is not in OAUTH1_SECRETS_KEYS: put it back behind the new one "
                 "(new:…,%.*s:…); if it is lost, ",
                 SLICE_ARGS(id), SLICE_ARGS(id));
    else
        buf_add_str(&text, " by the key of OAUTH1_SECRETS_KEYS that sealed it: restore its row if that was changed; "
                           "if it is lost, ");
    buf_addf(&text, "`auth-service %s %.*s` %s", it->cure, SLICE_ARGS(it->name), it->effect);
    *ret_damage = buf_slice(&text);
    return text.failed ? STATUS_NO_MEMORY : STATUS_OK;
}

static enum status note_client_damage(const struct parts *parts, struct slice sealed, struct slice client_id)
{
    const struct unopened it = {sealed, "client", client_id, "client rotate-secret", "gives it a new one"};
    return describe_damage(parts, &it, &parts->client->damage);
}

static enum status note_token_damage(const struct parts *parts, struct slice sealed)
{
    const struct unopened it = {sealed, "token", parts->token->jti, "token revoke",
                                "ends the token, and its user allows the client again"};
    return describe_damage(parts, &it, &parts->token->damage);
}

enum status refuse_damage(struct durable *db, struct slice damage)
{
    struct buf text = buf_fixed(db->fault_text, sizeof db->fault_text - 1);
    if (damage.len == 0)
        return STATUS_OK;
    buf_add(&text, slice_sub(damage, 0, sizeof db->fault_text - 2));
    db->fault_text[text.len] = '\0';
    db->fault = db->fault_text;
    return STATUS_STORE_CORRUPT;
}

/* ---- one row ---- */

#define READ_CLIENT_TEXT(member, ...) client->member = row_text(row, CLIENT_##member);

enum status read_client_row(struct row_reader *row, struct client *client)
{
    client->id = row_int(row, ID);
    client->version = row_int(row, N1);
    client->flags = (unsigned)row_int(row, N2);
    client->created_ms = row_int(row, N3);
    client->updated_ms = row_int(row, N4);
    client->generation = row_int(row, N5);
    client->logo_number = row_int(row, N6);
    client->client_id = row_text(row, CLIENT_client_id);
    CLIENT_TEXTS(READ_CLIENT_TEXT);
    return row_status(row);
}

#define READ_TOKEN_TEXT(member, ...) token->member = row_text(row, TOKEN_##member);

enum status read_token_row(struct row_reader *row, struct token *token)
{
    token->id = row_int(row, ID);
    token->client = row_int(row, N1);
    token->user = row_int(row, N2);
    token->created_ms = row_int(row, N3);
    token->last_used_ms = row_int(row, N4);
    token->expires_ms = row_int(row, N5);
    token->revoked_ms = row_int(row, N6);
    token->user_disabled = row_int(row, N7) != 0;
    token->oauth_token = row_text(row, T1);
    token->secret = SLICE("");
    token->client_id = row_text(row, TOKEN_client_id);
    TOKEN_TEXTS(READ_TOKEN_TEXT);
    return row_status(row);
}

static enum status read_callback(struct parts *parts, struct row_reader *row)
{
    struct client *client = parts->client;
    struct client_callback *callbacks =
        list_grow(parts->arena, client->callbacks, client->callback_count, sizeof *callbacks);
    if (!callbacks)
        return STATUS_NO_MEMORY;
    client->callbacks = callbacks;
    callbacks[client->callback_count++] = (struct client_callback){row_text(row, T1), row_int(row, N1) != 0};
    return row_status(row);
}

static enum status read_secret(struct parts *parts, struct row_reader *row)
{
    char memory[SEAL_ROW_BYTES];
    struct client *client = parts->client;
    struct client_secret secret = {
        .created_ms = row_int(row, N1), .expires_ms = row_int(row, N2), .id = row_int(row, ID)};
    struct buf identity = client_secret_row(memory, row->columns[T2].bytes);
    enum status status = open_secret(parts, row->columns[T1].bytes, &identity, &secret.text);
    if (status == STATUS_STORE_CORRUPT && !client_secret_is_live(&secret, now_ms(parts->db)))
        return STATUS_OK; /* the secret and the key that sealed it were both rotated out; only a hint is lost */
    if (status == STATUS_STORE_CORRUPT)
        return note_client_damage(parts, row->columns[T1].bytes, row->columns[T2].bytes);
    TRY(status);
    struct client_secret *secrets = list_grow(parts->arena, client->secrets, client->secret_count, sizeof *secrets);
    if (!secrets)
        return STATUS_NO_MEMORY;
    client->secrets = secrets;
    secrets[client->secret_count++] = secret;
    return STATUS_OK;
}

static enum status read_key(struct parts *parts, struct row_reader *row)
{
    struct client *client = parts->client;
    struct client_secret *keys = list_grow(parts->arena, client->keys, client->key_count, sizeof *keys);
    if (!keys)
        return STATUS_NO_MEMORY;
    client->keys = keys;
    keys[client->key_count++] = (struct client_secret){.text = row_text(row, T1),
                                                       .created_ms = row_int(row, N1),
                                                       .expires_ms = row_int(row, N2),
                                                       .id = row_int(row, ID)};
    return row_status(row);
}

static enum status read_token(struct parts *parts, struct row_reader *row)
{
    char memory[SEAL_ROW_BYTES];
    struct token *token = parts->token;
    TRY(read_token_row(row, token));
    struct buf identity = token_row(memory, token->client_id, token->user, token->oauth_token);
    enum status status = open_secret(parts, row->columns[T2].bytes, &identity, &token->secret);
    return status == STATUS_STORE_CORRUPT ? note_token_damage(parts, row->columns[T2].bytes) : status;
}

enum status read_part(void *context, const struct sql_value *columns, size_t count)
{
    struct parts *parts = context;
    struct row_reader row = row_reader(parts->arena, columns, count);
    switch ((enum part)row_int(&row, PART)) {
    case PART_CLIENT:
        parts->client_found = true;
        return read_client_row(&row, parts->client);
    case PART_CALLBACK:
        return read_callback(parts, &row);
    case PART_SECRET:
        return read_secret(parts, &row);
    case PART_KEY:
        return read_key(parts, &row);
    case PART_TOKEN:
        parts->token_found = true;
        return read_token(parts, &row);
    }
    return STATUS_STORE_CORRUPT;
}
