#include "cli/client_draft.h"
#include "cli/import.h"
#include "crypto/ct.h"
#include "crypto/rsa.h"

/* `client import`: clients of another provider, with their identifiers and secrets. The members are called as `client
 * get` shows them. */

#define TEXT_MEMBER(member, ...)                  struct slice member;
#define FLAG_MEMBER(NAME, bit, column, json, ...) bool json;
#define TEXT_FIELD(member, ...)                   JSON_FIELD(struct line, member, JSON_STRING, false),
#define FLAG_FIELD(NAME, bit, column, json, ...)  JSON_FIELD(struct line, json, JSON_BOOL, false),
#define TAKE_TEXT(member, ...)                    .member = line->member,
#define TAKE_FLAG(NAME, bit, column, json, ...)   [FLAG_##NAME] = line->json,
#define TEXT_NAME(member, ...)                    ", " #member
#define FLAG_NAME(NAME, bit, column, json, ...)   ", " #json
#define TEXT_NAMES                                CLIENT_PLAIN_TEXTS(TEXT_NAME)
#define FLAG_NAMES                                CLIENT_FLAGS(FLAG_NAME)

struct line {
    struct slice client_id, client_secret, rsa_public_key;
    struct slice name, default_callback, scope, default_scope;
    CLIENT_PLAIN_TEXTS(TEXT_MEMBER);
    struct json_strings callbacks, signature_methods;
    CLIENT_FLAGS(FLAG_MEMBER);
    bool disabled;
    struct slice approval;
};

static const struct json_field fields[] = {
    JSON_FIELD(struct line, client_id, JSON_STRING, true),
    JSON_FIELD(struct line, client_secret, JSON_STRING, false),
    JSON_FIELD(struct line, rsa_public_key, JSON_STRING, false),
    JSON_FIELD(struct line, name, JSON_STRING, false),
    CLIENT_PLAIN_TEXTS(TEXT_FIELD) JSON_FIELD(struct line, callbacks, JSON_STRINGS, false),
    JSON_FIELD(struct line, default_callback, JSON_STRING, false),
    JSON_FIELD(struct line, signature_methods, JSON_STRINGS, false),
    JSON_FIELD(struct line, scope, JSON_STRING, false),
    JSON_FIELD(struct line, default_scope, JSON_STRING, false),
    CLIENT_FLAGS(FLAG_FIELD) JSON_FIELD(struct line, disabled, JSON_BOOL, false),
    JSON_FIELD(struct line, approval, JSON_STRING, false),
    JSON_FIELDS_END,
};

/* ---- a line into the options of `client create` ---- */

static bool copy_list(const struct json_strings *from, struct option_list *to)
{
    if (from->count > OPTION_LIST_MAX)
        return false;
    for (size_t i = 0; i < from->count; i++)
        to->items[to->count++] = from->items[i];
    return true;
}

static void copy_words(struct slice words, struct option_list *to)
{
    if (!slice_is_absent(words))
        to->items[to->count++] = words;
}

/* Users see the name; the identifier is better than none. */
static bool to_options(const struct line *line, struct client_options *options)
{
    *options = (struct client_options){.id = line->client_id,
                                       .name = line->name.len ? line->name : line->client_id,
                                       .default_callback = line->default_callback,
                                       .on = {CLIENT_FLAGS(TAKE_FLAG)},
                                       CLIENT_PLAIN_TEXTS(TAKE_TEXT)};
    copy_words(line->scope, &options->scopes);
    copy_words(line->default_scope, &options->default_scopes);
    return copy_list(&line->callbacks, &options->callbacks) &&
           copy_list(&line->signature_methods, &options->signature_methods);
}

/* ---- the credentials ---- */

static enum status check_credentials(struct import *import, const struct line *line)
{
    const char *why = NULL;
    if (slice_is_absent(line->client_secret) && slice_is_absent(line->rsa_public_key))
        return import_refuse(import, "client_secret or rsa_public_key is needed");
    if (!slice_is_absent(line->client_secret) &&
        (line->client_secret.len == 0 || line->client_secret.len > IMPORTED_SECRET_MAX_BYTES))
        return import_refuse(import, "client_secret must have 1 to %d bytes", IMPORTED_SECRET_MAX_BYTES);
    if (!slice_is_absent(line->rsa_public_key) && rsa_check_public_key(line->rsa_public_key, &why) != STATUS_OK)
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
static enum status check_is_new(struct import *import, const struct line *line)
{
    struct client *found = NULL;
    enum status status = durable_client_find_blocking(&import->store->db, line->client_id, &found);
    if (status == STATUS_NOT_FOUND)
        return STATUS_OK;
    TRY(status);
    bool same = holds_secret(found->secrets, found->secret_count, line->client_secret) &&
                holds_secret(found->keys, found->key_count, line->rsa_public_key);
    client_free(found);
    return same ? STATUS_CONFLICT
                : import_refuse(import, "client %.*s exists already, with another secret or key",
                                SLICE_ARGS(line->client_id));
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
    struct client_options options;
    struct client_draft draft = {.options = &options};
    if (!to_options(line, &options))
        return import_refuse(import, "callbacks and signature_methods may have %d items each", OPTION_LIST_MAX);
    TRY(check_credentials(import, line));
    enum status status = client_draft_take(&draft) ? check_is_new(import, line)
                                                   : import_refuse(import, "%.*s", SLICE_ARGS(buf_slice(&draft.why)));
    if (status == STATUS_OK)
        status = take_state(import, line, &draft.client.flags);
    client_draft_credentials(&draft, line->client_secret, line->rsa_public_key);
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
