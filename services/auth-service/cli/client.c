#include "callback.h"
#include "cli/cli.h"
#include "crypto/random.h"
#include "crypto/rsa.h"
#include "oauth/scope.h"
#include "oauth/signature_method.h"
#include "oauth/url.h"
#include "store/credentials_clients.h"

enum { CLIENT_ID_BYTES = 24, CLIENT_SECRET_BYTES = 40, CALLBACKS_MAX = OPTION_LIST_MAX };

/* ---- output ---- */

static void show_client(struct cli_output *out, const struct client *client, struct slice secret)
{
    cli_record_begin(out);
    cli_field(out, "client_id", client->client_id);
    if (!slice_is_absent(secret))
        cli_field(out, "client_secret", secret);
    cli_field(out, "name", client->name);
    if (client->website.len)
        cli_field(out, "website", client->website);
    if (client->owner.len)
        cli_field(out, "owner", client->owner);
    if (client->default_callback.len)
        cli_field(out, "default_callback", client->default_callback);
    if (client->signature_methods.len)
        cli_field(out, "signature_methods", client->signature_methods);
    if (client->allowed_scopes.len)
        cli_field(out, "scope", client->allowed_scopes);
    cli_field_bool(out, "two_legged", client->flags & CLIENT_TWO_LEGGED);
    cli_field_bool(out, "trusted", client->flags & CLIENT_TRUSTED);
    cli_field_bool(out, "verified", client->flags & CLIENT_VERIFIED);
    cli_field_bool(out, "disabled", client->flags & CLIENT_DISABLED);
    cli_field_time(out, "created_at", client->created_ms);
    cli_record_end(out);
}

static void show_one(const struct command_line *line, const struct client *client, struct slice secret)
{
    struct cli_output out = cli_output_begin(line, false);
    show_client(&out, client, secret);
    cli_output_end(&out);
}

/* ---- client create ---- */

struct create_options {
    struct slice id, secret_file, name, website, description, logo, owner, default_callback, rsa_public_key;
    struct option_list callbacks, signature_methods, scopes;
    bool two_legged, verified, trusted, body_hash_required, http_callbacks;
};

static const struct command_option create_table[] = {
    {"id", OPTION_TEXT, "ID", false, offsetof(struct create_options, id), "the consumer key (left out: generated)"},
    {"secret-file", OPTION_TEXT, "FILE", false, offsetof(struct create_options, secret_file),
     "a file that holds the secret, - for standard input (left out: generated)"},
    {"name", OPTION_TEXT, "NAME", true, offsetof(struct create_options, name), "what users see on the consent page"},
    {"website", OPTION_TEXT, "URL", false, offsetof(struct create_options, website), "shown on the consent page"},
    {"description", OPTION_TEXT, "TEXT", false, offsetof(struct create_options, description), "likewise"},
    {"logo", OPTION_TEXT, "URL", false, offsetof(struct create_options, logo), "likewise; https"},
    {"owner", OPTION_TEXT, "SUBJECT", false, offsetof(struct create_options, owner), "the user it belongs to"},
    {"callback", OPTION_LIST, "URI", false, offsetof(struct create_options, callbacks),
     "where the browser may go; https://a.example/cb/* registers everything below /cb/"},
    {"default-callback", OPTION_TEXT, "URI", false, offsetof(struct create_options, default_callback),
     "where it goes for oauth_callback=oob"},
    {"signature-method", OPTION_LIST, "M", false, offsetof(struct create_options, signature_methods),
     "only these (left out: all that the service allows)"},
    {"rsa-public-key", OPTION_TEXT, "FILE", false, offsetof(struct create_options, rsa_public_key),
     "PEM; such a client has no secret unless --secret-file gives one"},
    {"scope", OPTION_LIST, "S", false, offsetof(struct create_options, scopes), "what it may ask for, and its default"},
    {"two-legged", OPTION_FLAG, NULL, false, offsetof(struct create_options, two_legged), "may sign without a token"},
    {"verified", OPTION_FLAG, NULL, false, offsetof(struct create_options, verified), "the consent page says so"},
    {"trusted", OPTION_FLAG, NULL, false, offsetof(struct create_options, trusted),
     "a user who granted before is sent straight back"},
    {"body-hash-required", OPTION_FLAG, NULL, false, offsetof(struct create_options, body_hash_required),
     "must send oauth_body_hash with what is not a form"},
    {"http-callbacks", OPTION_FLAG, NULL, false, offsetof(struct create_options, http_callbacks),
     "http callbacks also beyond loopback"},
    {0},
};

/* What a client is put together from; everything borrowed lives until the row was written. */
struct creation {
    const struct command_line *line;
    const struct create_options *options;
    struct client client;
    struct client_callback callbacks[CALLBACKS_MAX];
    struct client_secret secret;
    struct client_secret key;
    struct buf secret_text;
    struct buf key_text;
    struct buf methods;
    struct buf scopes;
    char id[CLIENT_ID_BYTES];
};

static int refuse(const struct creation *c, const char *option, struct slice value, const char *why)
{
    return command_fail(c->line, EXIT_USAGE, "--%s %.*s: %s", option, SLICE_ARGS(value), why);
}

static int take_callbacks(struct creation *c)
{
    const struct option_list *list = &c->options->callbacks;
    for (size_t i = 0; i < list->count; i++) {
        struct slice uri = list->items[i];
        bool is_prefix = uri.len > 2 && uri.ptr[uri.len - 1] == '*' && uri.ptr[uri.len - 2] == '/';
        const char *why = NULL;
        c->callbacks[i] = (struct client_callback){slice_sub(uri, 0, uri.len - is_prefix), is_prefix};
        if (callback_is_oob(uri))
            return refuse(c, "callback", uri, "every client may use oob; leave it out");
        if (!callback_may_be_registered(&c->callbacks[i], c->options->http_callbacks, &why))
            return refuse(c, "callback", uri, why);
    }
    c->client.callbacks = c->callbacks;
    c->client.callback_count = list->count;
    const struct client_callback instead = {.uri = c->options->default_callback};
    const char *why = NULL;
    if (instead.uri.len &&
        (callback_is_oob(instead.uri) || !callback_may_be_registered(&instead, c->options->http_callbacks, &why)))
        return refuse(c, "default-callback", instead.uri, why ? why : "it must be a URI");
    c->client.default_callback = c->options->default_callback;
    return EXIT_DONE;
}

static int take_key(struct creation *c)
{
    const char *why = NULL;
    struct slice path = c->options->rsa_public_key;
    if (slice_is_absent(path))
        return EXIT_DONE;
    if (command_read_file(path, &c->key_text, &why) != STATUS_OK ||
        rsa_check_public_key(buf_slice(&c->key_text), &why) != STATUS_OK)
        return refuse(c, "rsa-public-key", path, why ? why : "out of memory");
    c->key.text = buf_slice(&c->key_text);
    c->client.keys = &c->key;
    c->client.key_count = 1;
    return EXIT_DONE;
}

static int take_secret(struct creation *c)
{
    const char *why = NULL;
    struct slice path = c->options->secret_file;
    if (!slice_is_absent(path)) {
        if (command_read_file(path, &c->secret_text, &why) != STATUS_OK)
            return refuse(c, "secret-file", path, why ? why : "out of memory");
        if (c->secret_text.len == 0)
            return refuse(c, "secret-file", path, "it is empty");
    } else if (c->client.key_count == 0) {
        if (!buf_reserve(&c->secret_text, CLIENT_SECRET_BYTES) ||
            random_text(c->secret_text.ptr, CLIENT_SECRET_BYTES) != STATUS_OK)
            return command_fail(c->line, EXIT_STORE_DOWN, "%s", status_text(STATUS_NO_RANDOMNESS));
        c->secret_text.len = CLIENT_SECRET_BYTES;
    } else {
        return EXIT_DONE;
    }
    c->secret.text = buf_slice(&c->secret_text);
    c->client.secrets = &c->secret;
    c->client.secret_count = 1;
    return EXIT_DONE;
}

static void join(struct buf *out, const struct option_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        if (out->len)
            buf_add_byte(out, ' ');
        buf_add(out, list->items[i]);
    }
}

static int take_methods(struct creation *c)
{
    unsigned mask = 0;
    struct slice unknown = {0};
    join(&c->methods, &c->options->signature_methods);
    if (!signature_methods_parse(buf_slice(&c->methods), &mask, &unknown))
        return refuse(c, "signature-method", unknown, "there is no such signature method");
    for (size_t i = 0; i < c->methods.len; i++)
        if (c->methods.ptr[i] == ',')
            c->methods.ptr[i] = ' ';
    if (c->methods.len == 0 && c->client.secret_count == 0)
        buf_add_str(&c->methods, "RSA-SHA1 RSA-SHA256 RSA-SHA512");
    c->client.signature_methods = buf_slice(&c->methods);
    return EXIT_DONE;
}

static int take_texts(struct creation *c)
{
    const struct create_options *o = c->options;
    struct oauth_url url = {0};
    struct problem problem = {0};
    join(&c->scopes, &o->scopes);
    if (!scope_is_valid(buf_slice(&c->scopes)))
        return refuse(c, "scope", buf_slice(&c->scopes), "a scope is printable ASCII without quotes");
    if (o->website.len && oauth_url_parse(o->website, &url, &problem) != STATUS_OK)
        return refuse(c, "website", o->website, problem_text(&problem));
    if (o->logo.len && (oauth_url_parse(o->logo, &url, &problem) != STATUS_OK || !url.https))
        return refuse(c, "logo", o->logo, "it must be an https URL");
    c->client.allowed_scopes = c->client.default_scopes = buf_slice(&c->scopes);
    c->client.name = o->name;
    c->client.website = o->website;
    c->client.description = o->description;
    c->client.logo = o->logo;
    c->client.owner = o->owner;
    c->client.flags = (o->two_legged ? CLIENT_TWO_LEGGED : 0U) | (o->verified ? CLIENT_VERIFIED : 0U) |
                      (o->trusted ? CLIENT_TRUSTED : 0U) | (o->body_hash_required ? CLIENT_BODY_HASH_REQUIRED : 0U) |
                      (o->http_callbacks ? CLIENT_HTTP_CALLBACK : 0U);
    return EXIT_DONE;
}

static int take_id(struct creation *c)
{
    c->client.client_id = c->options->id;
    if (!slice_is_absent(c->options->id)) {
        if (c->options->id.len == 0 || c->options->id.len > IDENTIFIER_MAX_BYTES || !slice_is_utf8(c->options->id))
            return refuse(c, "id", c->options->id, "an id is 1 to 255 bytes of UTF-8");
        return EXIT_DONE;
    }
    if (random_text(c->id, sizeof c->id) != STATUS_OK)
        return command_fail(c->line, EXIT_STORE_DOWN, "%s", status_text(STATUS_NO_RANDOMNESS));
    c->client.client_id = slice_of(c->id, sizeof c->id);
    return EXIT_DONE;
}

static int store_client(struct creation *c)
{
    struct cli_store store;
    int64_t id = 0;
    int code = cli_open(c->line, &store);
    if (code != EXIT_DONE)
        return code;
    enum status status = credentials_client_create_blocking(&store.db, &c->client, &id);
    if (status == STATUS_OK) {
        c->client.created_ms = clock_wall_ms(&store.clock);
        cli_audit(c->line, &store, "client.create", c->client.client_id);
        show_one(c->line, &c->client, c->client.secret_count ? c->secret.text : SLICE_ABSENT);
    } else {
        code = cli_store_failed(c->line, &store, status, "client %.*s", SLICE_ARGS(c->client.client_id));
    }
    cli_close(&store);
    return code;
}

static int create(const struct command_line *line)
{
    int (*const steps[])(struct creation *) = {take_id,      take_callbacks, take_key,    take_secret,
                                               take_methods, take_texts,     store_client};
    struct creation c = {.line = line, .options = line->options};
    int code = EXIT_DONE;
    for (size_t i = 0; i < COUNT_OF(steps) && code == EXIT_DONE; i++)
        code = steps[i](&c);
    buf_done(&c.secret_text);
    buf_done(&c.key_text);
    buf_done(&c.methods);
    buf_done(&c.scopes);
    return code;
}

const struct command cli_client_create = {
    .name = "client create",
    .arguments = "",
    .summary = "registers a client; its secret is shown once",
    .example =
        "  auth-service client create --name 'Printer' --callback https://printer.example/ready --scope photos:read",
    .options = create_table,
    .options_size = sizeof(struct create_options),
    .needs_config = true,
    .run = create,
};

/* ---- client list, get ---- */

static int list(const struct command_line *line)
{
    struct cli_store store;
    struct page_request page = {0};
    int code = cli_open(line, &store);
    if (code != EXIT_DONE)
        return code;
    struct cli_output out = cli_output_begin(line, true);
    for (bool more = true; more;) {
        struct client_page *rows = NULL;
        enum status status = credentials_client_list_blocking(&store.db, SLICE_ABSENT, page, &rows);
        if (status != STATUS_OK) {
            code = cli_store_failed(line, &store, status, "the list of clients");
            break;
        }
        for (size_t i = 0; i < rows->count; i++)
            show_client(&out, &rows->clients[i], SLICE_ABSENT);
        more = rows->count > 0;
        page.after_id = more ? rows->clients[rows->count - 1].id : 0;
        client_page_free(rows);
    }
    cli_output_end(&out);
    cli_close(&store);
    return code;
}

const struct command cli_client_list = {
    .name = "client list",
    .arguments = "",
    .summary = "lists the clients, without secrets",
    .example = "  auth-service client list --format json",
    .needs_config = true,
    .run = list,
};

static int get(const struct command_line *line)
{
    struct cli_store store;
    struct client *client = NULL;
    int code = cli_open(line, &store);
    if (code != EXIT_DONE)
        return code;
    enum status status = credentials_client_find_blocking(&store.db, line->arguments[0], &client);
    if (status == STATUS_OK)
        show_one(line, client, SLICE_ABSENT);
    else
        code = cli_store_failed(line, &store, status, "client %.*s", SLICE_ARGS(line->arguments[0]));
    client_free(client);
    cli_close(&store);
    return code;
}

const struct command cli_client_get = {
    .name = "client get",
    .arguments = "ID",
    .arguments_min = 1,
    .arguments_max = 1,
    .summary = "shows one client, without its secret",
    .example = "  auth-service client get demo",
    .needs_config = true,
    .run = get,
};

/* ---- client delete, disable, enable ---- */

static int change(const struct command_line *line, const char *what,
                  enum status (*work)(struct credentials *db, struct slice client_id))
{
    struct cli_store store;
    struct slice id = line->arguments[0];
    int code = cli_open(line, &store);
    if (code != EXIT_DONE)
        return code;
    enum status status = work(&store.db, id);
    if (status == STATUS_OK)
        cli_audit(line, &store, what, id);
    else
        code = cli_store_failed(line, &store, status, "client %.*s", SLICE_ARGS(id));
    if (status == STATUS_OK && !line->quiet)
        fprintf(stderr, "%s: done\n", line->command->name);
    cli_close(&store);
    return code;
}

static int delete_one(const struct command_line *line)
{
    return change(line, "client.delete", credentials_client_delete_blocking);
}

const struct command cli_client_delete = {
    .name = "client delete",
    .arguments = "ID",
    .arguments_min = 1,
    .arguments_max = 1,
    .summary = "deletes a client with its secrets and tokens",
    .example = "  auth-service client delete demo",
    .needs_config = true,
    .run = delete_one,
};

static int disable(const struct command_line *line)
{
    return change(line, "client.disable", credentials_client_disable_blocking);
}

const struct command cli_client_disable = {
    .name = "client disable",
    .arguments = "ID",
    .arguments_min = 1,
    .arguments_max = 1,
    .summary = "nothing of the client is valid any more; its tokens are revoked for good",
    .example = "  auth-service client disable demo",
    .needs_config = true,
    .run = disable,
};

static int enable(const struct command_line *line)
{
    return change(line, "client.enable", credentials_client_enable_blocking);
}

const struct command cli_client_enable = {
    .name = "client enable",
    .arguments = "ID",
    .arguments_min = 1,
    .arguments_max = 1,
    .summary = "lets a disabled client in again; its tokens stay revoked",
    .example = "  auth-service client enable demo",
    .needs_config = true,
    .run = enable,
};

/* ---- client rotate-secret ---- */

struct rotate_options {
    struct slice overlap;
};

static const struct command_option rotate_table[] = {
    {"overlap", OPTION_TEXT, "SECONDS", false, offsetof(struct rotate_options, overlap),
     "how long the old secret stays good (86400)"},
    {0},
};

static int rotate(const struct command_line *line)
{
    enum { OVERLAP_MAX_S = 366 * 86400 };
    const struct rotate_options *options = line->options;
    struct cli_store store;
    uint64_t overlap_s = 86400;
    char text[CLIENT_SECRET_BYTES];
    if (!slice_is_absent(options->overlap) && !slice_to_u64(options->overlap, OVERLAP_MAX_S, &overlap_s))
        return command_fail(line, EXIT_USAGE, "--overlap must be a number of seconds, at most a year");
    if (random_text(text, sizeof text) != STATUS_OK)
        return command_fail(line, EXIT_STORE_DOWN, "%s", status_text(STATUS_NO_RANDOMNESS));
    int code = cli_open(line, &store);
    if (code != EXIT_DONE)
        return code;
    struct slice secret = slice_of(text, sizeof text);
    struct slice id = line->arguments[0];
    enum status status = credentials_client_rotate_secret_blocking(&store.db, id, secret, (int64_t)overlap_s * 1000);
    if (status == STATUS_OK) {
        struct cli_output out = cli_output_begin(line, false);
        cli_audit(line, &store, "client.rotate-secret", id);
        cli_record_begin(&out);
        cli_field(&out, "client_id", id);
        cli_field(&out, "client_secret", secret);
        cli_record_end(&out);
        cli_output_end(&out);
    } else {
        code = cli_store_failed(line, &store, status, "client %.*s", SLICE_ARGS(id));
    }
    cli_close(&store);
    return code;
}

const struct command cli_client_rotate_secret = {
    .name = "client rotate-secret",
    .arguments = "ID",
    .arguments_min = 1,
    .arguments_max = 1,
    .summary = "gives a client a new secret, shown once; the old one stays good for a while",
    .example = "  auth-service client rotate-secret demo --overlap 3600",
    .options = rotate_table,
    .options_size = sizeof(struct rotate_options),
    .needs_config = true,
    .run = rotate,
};
