#include "cli/client.h"
#include "cli/remote.h"
#include "crypto/random.h"
#include "rules/client_draft.h"

/* `client create` and `client update`. */

enum { CLIENT_ID_BYTES = 24 };

#define OPTION(name, kind, value, required, member, help)                          \
    {                                                                              \
        name, kind, value, required, offsetof(struct client_options, member), help \
    }

/* What --help calls the FORM of a plain text. */
#define VALUE_URL       "URL"
#define VALUE_HTTPS_URL "URL"
#define VALUE_TEXT      "TEXT"
#define VALUE_SUBJECT   "SUBJECT"

#define TEXT_OPTION(member, option, FORM, max, help) OPTION(option, OPTION_TEXT, VALUE_##FORM, false, member, help),
#define ON_OPTION(NAME, bit, column, json, option, help) \
    OPTION(option, OPTION_FLAG, NULL, false, on[FLAG_##NAME], help),
#define OFF_OPTION(NAME, bit, column, json, option, help) \
    OPTION("no-" option, OPTION_FLAG, NULL, false, off[FLAG_##NAME], "takes --" option " away"),

#define OPTIONS_END \
    {               \
        0           \
    }

#define COMMON_OPTIONS                                                                          \
    CLIENT_PLAIN_TEXTS(TEXT_OPTION)                                                             \
    OPTION("callback", OPTION_LIST, "URI", false, callbacks,                                    \
           "where the browser may go; https://a.example/cb/* registers everything below /cb/"), \
        OPTION("default-callback", OPTION_TEXT, "URI", false, default_callback,                 \
               "where it goes for oauth_callback=oob"),                                         \
        OPTION("signature-method", OPTION_LIST, "METHOD", false, signature_methods,             \
               "only these (none named: all that the service allows)"),                         \
        OPTION("scope", OPTION_LIST, "S", false, scopes, "what it may ask for"),                \
        OPTION("default-scope", OPTION_LIST, "S", false, default_scopes,                        \
               "what it gets if it asks for none (left out: all that it may ask for)"),         \
        CLIENT_FLAGS(ON_OPTION)

static const struct command_option create_table[] = {
    OPTION("id", OPTION_TEXT, "ID", false, id, "the consumer key (left out: generated)"),
    OPTION("secret-file", OPTION_TEXT, "FILE", false, secret_file,
           "a file that holds the secret, - for standard input (left out: generated)"),
    OPTION("rsa-public-key", OPTION_TEXT, "FILE", false, rsa_public_key,
           "PEM, 2048 bits or more; such a client has no secret unless --secret-file gives one"),
    OPTION("name", OPTION_TEXT, "NAME", true, name, "what users see on the consent page"),
    COMMON_OPTIONS OPTIONS_END,
};

static const struct command_option update_table[] = {
    OPTION("name", OPTION_TEXT, "NAME", false, name, "what users see on the consent page"),
    COMMON_OPTIONS CLIENT_FLAGS(OFF_OPTION) OPTIONS_END,
};

/* ---- client create ---- */

/* What a new client has besides: a generated id, and the texts of its credentials. */
struct creation {
    const struct command_line *line;
    struct client_options options;
    struct client_draft draft;
    struct buf secret;
    struct buf key;
    char id[CLIENT_ID_BYTES];
};

static int refuse_draft(const struct command_line *line, const struct client_draft *draft)
{
    return command_fail(line, EXIT_USAGE, "--%.*s", SLICE_ARGS(buf_slice(&draft->why)));
}

static int take_options(struct creation *c)
{
    c->options = *(const struct client_options *)c->line->options;
    c->draft.options = &c->options;
    if (slice_is_absent(c->options.id)) {
        if (random_text(c->id, sizeof c->id) != STATUS_OK)
            return command_fail(c->line, EXIT_STORE_DOWN, "%s", status_text(STATUS_NO_RANDOMNESS));
        c->options.id = slice_of(c->id, sizeof c->id);
    }
    return client_draft_take(&c->draft) ? EXIT_DONE : refuse_draft(c->line, &c->draft);
}

/* A client that signs with its RSA key has no secret unless it is given one. */
static int take_credentials(struct creation *c)
{
    bool has_key = !slice_is_absent(c->options.rsa_public_key);
    bool has_secret = !has_key || !slice_is_absent(c->options.secret_file);
    int code = has_key ? client_take_rsa_key(c->line, c->options.rsa_public_key, &c->key) : EXIT_DONE;
    if (code == EXIT_DONE && has_secret)
        code = client_take_secret(c->line, c->options.secret_file, &c->secret);
    client_draft_credentials(&c->draft, has_secret ? buf_slice(&c->secret) : SLICE_ABSENT,
                             has_key ? buf_slice(&c->key) : SLICE_ABSENT);
    return code;
}

static enum status insert_client(struct durable *db, void *context)
{
    const struct client *client = context;
    int64_t id = 0;
    return durable_client_create_blocking(db, client, &id);
}

static int store_new(struct creation *c)
{
    struct cli_store store;
    struct client *client = &c->draft.client;
    int code = cli_open_to_seal(c->line, &store);
    if (code != EXIT_DONE)
        return code;
    enum status status = cli_audited(&store, "client.create", client->client_id, insert_client, client);
    if (status == STATUS_OK) {
        client->created_ms = clock_wall_ms(&store.clock);
        client->version = 1;
        client_show_alone(c->line, client, client->secret_count ? client->secrets[0].text : SLICE_ABSENT);
    } else {
        code = cli_store_failed(c->line, &store, status, "client %.*s", SLICE_ARGS(client->client_id));
    }
    cli_close(&store);
    return code;
}

/* ---- by the admin API ---- */

static void write_list(struct json_writer *json, const char *name, const struct option_list *list)
{
    if (list->count == 0)
        return;
    json_member_array(json, name);
    for (size_t i = 0; i < list->count; i++)
        json_string(json, list->items[i]);
    json_end_array(json);
}

static void write_words(struct json_writer *json, const char *name, const struct option_list *list)
{
    struct buf words = BUF_INIT;
    for (size_t i = 0; i < list->count; i++) {
        buf_add_str(&words, i ? " " : "");
        buf_add(&words, list->items[i]);
    }
    json->out->failed |= words.failed;
    if (list->count)
        json_member_string(json, name, words.len ? buf_slice(&words) : SLICE(""));
    buf_done(&words);
}

#define WRITE_TEXT(member, ...) json_member_if(json, #member, o->member);
#define WRITE_FLAG(NAME, bit, column, name, ...)   \
    if (o->on[FLAG_##NAME] || o->off[FLAG_##NAME]) \
        json_member_bool(json, #name, o->on[FLAG_##NAME]);

/* What is given, within the object that was begun. */
static void write_given(struct json_writer *json, const struct client_options *o)
{
    json_member_if(json, "name", o->name);
    json_member_if(json, "default_callback", o->default_callback);
    CLIENT_PLAIN_TEXTS(WRITE_TEXT)
    write_list(json, "callbacks", &o->callbacks);
    write_list(json, "signature_methods", &o->signature_methods);
    write_words(json, "scope", &o->scopes);
    write_words(json, "default_scope", &o->default_scopes);
    CLIENT_FLAGS(WRITE_FLAG)
}

static int send_client(const struct command_line *line, struct remote_call *call, struct buf *body)
{
    struct remote remote;
    int code = remote_open(line, &remote);
    if (code != EXIT_DONE)
        return code;
    call->folder = "clients";
    call->noun = "client";
    call->body = body;
    code = remote_show(&remote, call);
    remote_close(&remote);
    return code;
}

static int send_new(struct creation *c)
{
    const struct client *client = &c->draft.client;
    struct buf body = BUF_INIT;
    struct json_writer json = json_writer(&body);
    struct remote_call call = {.method = "POST", .id = SLICE_ABSENT, .name = client->client_id};
    json_begin_object(&json);
    json_member_string(&json, "client_id", client->client_id);
    if (client->secret_count)
        json_member_string(&json, "client_secret", client->secrets[0].text);
    if (client->key_count)
        json_member_string(&json, "rsa_public_key", client->keys[0].text);
    write_given(&json, &c->options);
    json_end_object(&json);
    int code = send_client(c->line, &call, &body);
    buf_done(&body);
    return code;
}

static int create_given_client(const struct command_line *line, int (*finish)(struct creation *c))
{
    struct creation c = {.line = line};
    int code = take_options(&c);
    if (code == EXIT_DONE)
        code = take_credentials(&c);
    if (code == EXIT_DONE && !client_draft_can_sign(&c.draft))
        code = refuse_draft(line, &c.draft);
    if (code == EXIT_DONE)
        code = finish(&c);
    client_draft_done(&c.draft);
    buf_done(&c.secret);
    buf_done(&c.key);
    return code;
}

static int run_client_create(const struct command_line *line)
{
    return create_given_client(line, store_new);
}

static int run_client_create_remote(const struct command_line *line)
{
    return create_given_client(line, send_new);
}

const struct command cli_client_create = {
    .name = "client create",
    .arguments = "",
    .summary = "registers a client; its secret is shown once",
    .example =
        "  auth-service client create --name 'Printer' --callback https://printer.example/ready --scope photos:read",
    .options = create_table,
    .options_size = sizeof(struct client_options),
    .needs_config = true,
    .run = run_client_create,
    .run_remote = run_client_create_remote,
};

/* ---- client update ---- */

static enum status do_update(struct durable *db, void *context)
{
    return durable_client_update_blocking(db, context);
}

static int store_changed(const struct command_line *line, struct cli_store *store, struct client *client)
{
    enum status status = cli_audited(store, "client.update", client->client_id, do_update, client);
    if (status == STATUS_CONFLICT)
        return command_fail(line, EXIT_REFUSED, "client %.*s was changed by somebody else meanwhile; try again",
                            SLICE_ARGS(client->client_id));
    if (status != STATUS_OK)
        return cli_store_failed(line, store, status, "client %.*s", SLICE_ARGS(client->client_id));
    struct client now = *client; /* the arena stays client's */
    now.version++;
    client_show_alone(line, &now, SLICE_ABSENT);
    return EXIT_DONE;
}

static int run_client_update(const struct command_line *line)
{
    struct client_draft draft = {.options = line->options};
    struct cli_store store;
    struct client *found = NULL;
    struct slice id = line->arguments[0];
    int code = cli_open(line, &store);
    if (code != EXIT_DONE)
        return code;
    enum status status = durable_client_read_blocking(&store.db, id, &found);
    if (status == STATUS_OK) {
        draft.client = *found; /* the arena stays found's */
        bool is_good = client_draft_take(&draft) && client_draft_can_sign(&draft);
        code = is_good ? store_changed(line, &store, &draft.client) : refuse_draft(line, &draft);
    } else {
        code = cli_store_failed(line, &store, status, "client %.*s", SLICE_ARGS(id));
    }
    client_free(found);
    client_draft_done(&draft);
    cli_close(&store);
    return code;
}

static bool has_opposites(const struct client_options *options)
{
    for (size_t i = 0; i < FLAG_COUNT; i++)
        if (options->on[i] && options->off[i])
            return true;
    return false;
}

/* All else is judged by the server, which knows the client. */
static int run_client_update_remote(const struct command_line *line)
{
    struct buf body = BUF_INIT;
    struct json_writer json = json_writer(&body);
    struct remote_call call = {.method = "PATCH", .id = line->arguments[0], .name = line->arguments[0]};
    if (has_opposites(line->options))
        return command_fail(line, EXIT_USAGE, "a flag and its opposite (--no-…) do not go together");
    json_begin_object(&json);
    write_given(&json, line->options);
    json_end_object(&json);
    int code = send_client(line, &call, &body);
    buf_done(&body);
    return code;
}

const struct command cli_client_update = {
    .name = "client update",
    .arguments = "ID",
    .arguments_min = 1,
    .arguments_max = 1,
    .summary = "changes what is given and leaves the rest; an empty value takes it away",
    .example =
        "  auth-service client update demo --callback https://new.example/ready --scope 'photos:read photos:write'\n"
        "  auth-service client update demo --website '' --no-trusted",
    .options = update_table,
    .options_size = sizeof(struct client_options),
    .needs_config = true,
    .run = run_client_update,
    .run_remote = run_client_update_remote,
};
