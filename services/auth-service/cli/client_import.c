#include "cli/import.h"
#include "crypto/ct.h"
#include "crypto/rsa.h"
#include "shapes/client_shape.h"

/* `client import`: clients of another provider, with their identifiers and secrets. The members are called as `client
 * get` shows them. */

#define TEXT_NAME(member, ...)                  ", " #member
#define FLAG_NAME(NAME, bit, column, json, ...) ", " #json
#define TEXT_NAMES                              CLIENT_PLAIN_TEXTS(TEXT_NAME)
#define FLAG_NAMES                              CLIENT_FLAGS(FLAG_NAME)

struct line {
    struct client_input client; /* first */
    bool disabled;
    struct slice approval;
};

static const struct json_field fields[] = {
    CLIENT_INPUT_ROWS JSON_FIELD(struct line, disabled, JSON_BOOL, false),
    JSON_FIELD(struct line, approval, JSON_STRING, false),
    JSON_FIELDS_END,
};

/* The options of `client create`. Users see the name; the identifier is better than none. */
static enum status read_client_options(struct import *import, const struct client_input *client,
                                       struct client_options *options)
{
    const char *why = NULL;
    if (slice_is_absent(client->client_id))
        return import_refuse(import, "client_id is required");
    if (!client_shape_options(client, options, &why))
        return import_refuse(import, "%s", why);
    options->id = client->client_id;
    if (options->name.len == 0)
        options->name = client->client_id;
    return STATUS_OK;
}

/* ---- the credentials ---- */

static enum status check_credentials(struct import *import, const struct client_input *client)
{
    const char *why = NULL;
    if (slice_is_absent(client->client_secret) && slice_is_absent(client->rsa_public_key))
        return import_refuse(import, "client_secret or rsa_public_key is needed");
    if (!slice_is_absent(client->client_secret) &&
        (client->client_secret.len == 0 || client->client_secret.len > IMPORTED_SECRET_MAX_BYTES))
        return import_refuse(import, "client_secret must have 1 to %d bytes", IMPORTED_SECRET_MAX_BYTES);
    if (!slice_is_absent(client->rsa_public_key) && rsa_check_public_key(client->rsa_public_key, &why) != STATUS_OK)
        return import_refuse(import, "rsa_public_key: %s", why ? why : status_text(STATUS_NO_MEMORY));
    return STATUS_OK;
}

/* Whether `wanted` is absent or among them. */
static bool holds_secret(const struct client_secret *secrets, size_t count, struct slice wanted)
{
    bool found = slice_is_absent(wanted);
    for (size_t i = 0; i < count; i++)
        found |= ct_equal(secrets[i].text, wanted);
    return found;
}

/* A client that is there already is skipped if these credentials are its own, whatever was edited since. */
static enum status check_is_new(struct import *import, const struct client_input *client)
{
    struct client *found = NULL;
    enum status status = durable_client_find_blocking(&import->store->db, client->client_id, &found);
    if (status == STATUS_NOT_FOUND)
        return STATUS_OK;
    TRY(status);
    bool same = holds_secret(found->secrets, found->secret_count, client->client_secret) &&
                holds_secret(found->keys, found->key_count, client->rsa_public_key);
    client_free(found);
    return same ? STATUS_CONFLICT
                : import_refuse(import, "client %.*s exists already, with another secret or key",
                                SLICE_ARGS(client->client_id));
}

static enum status store_new(struct import *import, const struct client *client)
{
    int64_t id = 0;
    TRY(import_race(import, durable_client_create_blocking(&import->store->db, client, &id)));
    return import_audit(import, "client.import", client->client_id);
}

/* What an export of another Countersign says of it. */
static enum status take_state(struct import *import, const struct line *line, unsigned *flags)
{
    *flags |= line->disabled ? CLIENT_DISABLED : 0U;
    if (slice_is_absent(line->approval) || slice_eq(line->approval, SLICE("approved")))
        return STATUS_OK;
    if (!slice_eq(line->approval, SLICE("pending")) && !slice_eq(line->approval, SLICE("rejected")))
        return import_refuse(import, "approval must be approved, pending or rejected");
    *flags |= slice_eq(line->approval, SLICE("pending")) ? CLIENT_PENDING : CLIENT_REJECTED;
    return STATUS_OK;
}

static enum status import_client(struct import *import, const void *decoded)
{
    const struct line *line = decoded;
    const struct client_input *client = &line->client;
    struct client_options options;
    struct client_draft draft = {.options = &options};
    TRY(read_client_options(import, client, &options));
    TRY(check_credentials(import, client));
    enum status status = client_draft_take(&draft) ? check_is_new(import, client)
                                                   : import_refuse(import, "%.*s", SLICE_ARGS(buf_slice(&draft.why)));
    if (status == STATUS_OK)
        status = take_state(import, line, &draft.client.flags);
    client_draft_credentials(&draft, client->client_secret, client->rsa_public_key);
    if (status == STATUS_OK && !client_draft_can_sign(&draft))
        status = import_refuse(import, "%.*s", SLICE_ARGS(buf_slice(&draft.why)));
    if (status == STATUS_OK)
        status = store_new(import, &draft.client);
    client_draft_done(&draft);
    return status;
}

static int run_client_import(const struct command_line *line)
{
    static const struct import_kind kind = {fields, sizeof(struct line), import_client};
    return import_run(line, &kind);
}

const struct command cli_client_import = {
    .name = "client import",
    .arguments = "[FILE]",
    .arguments_max = 1,
    .summary = "registers clients of another provider with their identifiers and secrets, a JSON line each",
    .example =
        "  auth-service client import --dry-run clients.ndjson\n\n"
        "  {\"client_id\": \"printer\", \"client_secret\": \"…\", \"name\": \"Photo printer\",\n"
        "   \"callbacks\": [\"https://printer.example/ready\"], \"scope\": \"photos:read\"}      (on one line)\n\n"
        "Members: client_id and client_secret or rsa_public_key (needed);\n"
        "name" TEXT_NAMES ";\n"
        "callbacks, default_callback, signature_methods,\n"
        "scope, default_scope" FLAG_NAMES ",\n"
        "disabled, approval (approved, pending, rejected).\n"
        "A client that is there already with this secret or key is skipped, so a run can be repeated; a line\n"
        "that is refused is named, and the others are imported. Without FILE, or with -, standard input is read.",
    .options = import_table,
    .options_size = sizeof(struct import_options),
    .needs_config = true,
    .run = run_client_import,
};
