#include "cli/export.h"
#include "durable/clients.h"
#include "service/command.h"

/* `client export`: the members are those of `client import`. */

enum { CALLBACKS_MAX = OPTION_LIST_MAX, METHODS_MAX = 16 };

#define EXPORT_TEXT(member, ...)                  export_text(export, #member, client->member);
#define EXPORT_FLAG(NAME, bit, column, json, ...) export_flag(export, #json, (client->flags & CLIENT_##NAME) != 0);

/* The newest one. Of two that are live the older is on its way out, and the import takes one. */
static void export_credential(struct export *export, const struct client *client, const char *name,
                              const struct client_secret *secrets, size_t count)
{
    int64_t now_ms = clock_wall_ms(&export->store->clock);
    size_t live = 0;
    for (size_t i = 0; i < count; i++) {
        if (!client_secret_is_live(&secrets[i], now_ms))
            continue;
        if (live++ == 0)
            export_text(export, name, secrets[i].text);
        else
            export_warn(export, "client %.*s: its former %s still counts here, and is not exported",
                        SLICE_ARGS(client->client_id), name);
    }
}

static enum status export_callbacks(struct export *export, const struct client *client, struct buf *memory)
{
    struct slice uris[CALLBACKS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < client->callback_count; i++) /* first, for the memory moves as it grows */
        buf_addf(memory, "%.*s%s", SLICE_ARGS(client->callbacks[i].uri), client->callbacks[i].is_prefix ? "*" : "");
    if (memory->failed || client->callback_count > COUNT_OF(uris))
        return STATUS_NO_MEMORY;
    for (size_t at = 0; count < client->callback_count; count++) {
        const struct client_callback *callback = &client->callbacks[count];
        uris[count] = slice_sub(buf_slice(memory), at, at + callback->uri.len + callback->is_prefix);
        at += uris[count].len;
    }
    export_list(export, "callbacks", uris, count);
    return STATUS_OK;
}

static void export_methods(struct export *export, struct slice words)
{
    struct slice methods[METHODS_MAX];
    size_t count = 0;
    for (bool more = words.len > 0; more && count < COUNT_OF(methods);)
        methods[count++] = slice_cut(&words, ' ', &more);
    export_list(export, "signature_methods", methods, count);
}

static enum status export_client(struct export *export, const struct client *client)
{
    struct buf memory = BUF_INIT;
    export_begin(export);
    export_text(export, "client_id", client->client_id);
    if (export->secrets)
        export_credential(export, client, "client_secret", client->secrets, client->secret_count);
    export_credential(export, client, "rsa_public_key", client->keys, client->key_count);
    export_text(export, "name", client->name);
    CLIENT_PLAIN_TEXTS(EXPORT_TEXT);
    enum status status = export_callbacks(export, client, &memory);
    buf_done(&memory);
    TRY(status);
    export_text(export, "default_callback", client->default_callback);
    export_methods(export, client->signature_methods);
    export_text(export, "scope", client->allowed_scopes);
    export_any_text(export, "default_scope", client->default_scopes);
    CLIENT_FLAGS(EXPORT_FLAG);
    export_flag(export, "disabled", (client->flags & CLIENT_DISABLED) != 0);
    export_text(export, "approval",
                client->flags & CLIENT_PENDING    ? SLICE("pending")
                : client->flags & CLIENT_REJECTED ? SLICE("rejected")
                                                  : SLICE(""));
    return export_end(export);
}

/* One that was deleted since its page was read is gone. */
static enum status export_named(struct export *export, struct slice client_id)
{
    struct client *client = NULL;
    enum status status = durable_client_read_blocking(&export->store->db, client_id, &client);
    if (status == STATUS_NOT_FOUND)
        return STATUS_OK;
    TRY(status);
    status = export_leaves_out(export, client->damage) ? STATUS_OK : export_client(export, client);
    client_free(client);
    return status;
}

static enum status export_clients(struct export *export)
{
    struct page_request page = {0};
    enum status status = STATUS_OK;
    for (bool more = true; more && status == STATUS_OK;) {
        struct client_page *rows = NULL;
        TRY(durable_client_list_blocking(&export->store->db, SLICE_ABSENT, page, &rows));
        for (size_t i = 0; i < rows->count && status == STATUS_OK; i++)
            status = export_named(export, rows->clients[i].client_id);
        more = rows->count > 0;
        page.after_id = more ? rows->clients[rows->count - 1].id : 0;
        client_page_free(rows);
    }
    return status;
}

static int run_client_export(const struct command_line *line)
{
    return export_run(line, "client.export", export_clients);
}

const struct command cli_client_export = {
    .name = "client export",
    .arguments = "[FILE]",
    .arguments_max = 1,
    .summary = "writes every client as `client import` reads it, a JSON line each",
    .example = "  auth-service client export\n"
               "  auth-service client export --secrets clients.ndjson\n\n"
               "Clients come first: an import of tokens asks for them. Delete the file once it was imported.",
    .options = export_table,
    .options_size = sizeof(struct export_options),
    .needs_config = true,
    .run = run_client_export,
};
