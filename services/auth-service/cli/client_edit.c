#include "callback.h"
#include "cli/client.h"
#include "crypto/random.h"
#include "oauth/scope.h"
#include "oauth/signature_method.h"
#include "oauth/url.h"

/* `client create` and `client update`: options into a client, every one checked. */

enum { CLIENT_ID_BYTES = 24, FLAG_COUNT = 5 };

/* In the order of `on` and `off`. */
static const unsigned flags[FLAG_COUNT] = {CLIENT_TWO_LEGGED, CLIENT_VERIFIED, CLIENT_TRUSTED,
                                           CLIENT_BODY_HASH_REQUIRED, CLIENT_HTTP_CALLBACK};

struct client_options {
    struct slice id, secret_file, name, website, description, logo, owner, default_callback, rsa_public_key;
    struct option_list callbacks, signature_methods, scopes, default_scopes;
    bool on[FLAG_COUNT], off[FLAG_COUNT];
};

#define OPTION(name, kind, value, required, member, help)                          \
    {                                                                              \
        name, kind, value, required, offsetof(struct client_options, member), help \
    }

#define COMMON_OPTIONS                                                                                         \
    OPTION("website", OPTION_TEXT, "URL", false, website, "shown on the consent page"),                        \
        OPTION("description", OPTION_TEXT, "TEXT", false, description, "likewise"),                            \
        OPTION("logo", OPTION_TEXT, "URL", false, logo, "likewise; https"),                                    \
        OPTION("owner", OPTION_TEXT, "SUBJECT", false, owner, "the user it belongs to"),                       \
        OPTION("callback", OPTION_LIST, "URI", false, callbacks,                                               \
               "where the browser may go; https://a.example/cb/* registers everything below /cb/"),            \
        OPTION("default-callback", OPTION_TEXT, "URI", false, default_callback,                                \
               "where it goes for oauth_callback=oob"),                                                        \
        OPTION("signature-method", OPTION_LIST, "M", false, signature_methods,                                 \
               "only these (none named: all that the service allows)"),                                        \
        OPTION("scope", OPTION_LIST, "S", false, scopes, "what it may ask for"),                               \
        OPTION("default-scope", OPTION_LIST, "S", false, default_scopes,                                       \
               "what it gets if it asks for none (left out: all that it may ask for)"),                        \
        OPTION("two-legged", OPTION_FLAG, NULL, false, on[0], "may sign without a token"),                     \
        OPTION("verified", OPTION_FLAG, NULL, false, on[1], "the consent page says so"),                       \
        OPTION("trusted", OPTION_FLAG, NULL, false, on[2], "a user who granted before is sent straight back"), \
        OPTION("body-hash-required", OPTION_FLAG, NULL, false, on[3],                                          \
               "must send oauth_body_hash unless it sends a form"),                                            \
        OPTION("http-callbacks", OPTION_FLAG, NULL, false, on[4], "http callbacks also beyond loopback")

static const struct command_option create_table[] = {
    OPTION("id", OPTION_TEXT, "ID", false, id, "the consumer key (left out: generated)"),
    OPTION("secret-file", OPTION_TEXT, "FILE", false, secret_file,
           "a file that holds the secret, - for standard input (left out: generated)"),
    OPTION("rsa-public-key", OPTION_TEXT, "FILE", false, rsa_public_key,
           "PEM; such a client has no secret unless --secret-file gives one"),
    OPTION("name", OPTION_TEXT, "NAME", true, name, "what users see on the consent page"),
    COMMON_OPTIONS,
    {0},
};

static const struct command_option update_table[] = {
    OPTION("name", OPTION_TEXT, "NAME", false, name, "what users see on the consent page"),
    COMMON_OPTIONS,
    OPTION("no-two-legged", OPTION_FLAG, NULL, false, off[0], "takes --two-legged away"),
    OPTION("no-verified", OPTION_FLAG, NULL, false, off[1], "takes --verified away"),
    OPTION("no-trusted", OPTION_FLAG, NULL, false, off[2], "takes --trusted away"),
    OPTION("no-body-hash-required", OPTION_FLAG, NULL, false, off[3], "takes --body-hash-required away"),
    OPTION("no-http-callbacks", OPTION_FLAG, NULL, false, off[4], "takes --http-callbacks away"),
    {0},
};

/* What a client is put together from; everything borrowed lives until the row was written. */
struct draft {
    const struct command_line *line;
    const struct client_options *options;
    struct client client;
    struct client_callback callbacks[OPTION_LIST_MAX];
    struct client_secret secret;
    struct client_secret key;
    struct buf secret_text;
    struct buf key_text;
    struct buf methods;
    struct buf scopes;
    struct buf default_scopes;
    char id[CLIENT_ID_BYTES];
};

static void draft_done(struct draft *d)
{
    buf_done(&d->secret_text);
    buf_done(&d->key_text);
    buf_done(&d->methods);
    buf_done(&d->scopes);
    buf_done(&d->default_scopes);
}

typedef int (*take_fn)(struct draft *d);

static int take_all(struct draft *d, const take_fn *takes, size_t count)
{
    int code = EXIT_DONE;
    for (size_t i = 0; i < count && code == EXIT_DONE; i++)
        code = takes[i](d);
    return code;
}

static int refuse(const struct draft *d, const char *option, struct slice value, const char *why)
{
    return command_fail(d->line, EXIT_USAGE, "--%s %.*s: %s", option, SLICE_ARGS(value), why);
}

static void join(struct buf *out, const struct option_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        buf_add_str(out, out->len ? " " : "");
        buf_add(out, list->items[i]);
    }
}

/* `--callback ''` takes all of them away. */
static bool clears(const struct option_list *list)
{
    return list->count == 1 && list->items[0].len == 0;
}

/* ---- what both take; what is not given stays as it is ---- */

static int take_flags(struct draft *d)
{
    for (size_t i = 0; i < FLAG_COUNT; i++) {
        if (d->options->on[i] && d->options->off[i])
            return command_fail(d->line, EXIT_USAGE, "a flag and its opposite (--no-…) do not go together");
        d->client.flags |= d->options->on[i] ? flags[i] : 0U;
        d->client.flags &= d->options->off[i] ? ~flags[i] : ~0U;
    }
    return EXIT_DONE;
}

static int take_callbacks(struct draft *d)
{
    const struct option_list *list = &d->options->callbacks;
    bool http_allowed = d->client.flags & CLIENT_HTTP_CALLBACK;
    if (list->count == 0)
        return EXIT_DONE;
    d->client.callbacks = d->callbacks;
    d->client.callback_count = clears(list) ? 0 : list->count;
    for (size_t i = 0; i < d->client.callback_count; i++) {
        struct slice uri = list->items[i];
        bool is_prefix = uri.len > 2 && uri.ptr[uri.len - 1] == '*' && uri.ptr[uri.len - 2] == '/';
        const char *why = NULL;
        d->callbacks[i] = (struct client_callback){slice_sub(uri, 0, uri.len - is_prefix), is_prefix};
        if (callback_is_oob(uri))
            return refuse(d, "callback", uri, "every client may use oob; leave it out");
        if (!callback_may_be_registered(&d->callbacks[i], http_allowed, &why))
            return refuse(d, "callback", uri, why);
    }
    return EXIT_DONE;
}

static int take_default_callback(struct draft *d)
{
    const struct client_callback callback = {.uri = d->options->default_callback};
    const char *why = "it must be a URI";
    if (slice_is_absent(callback.uri))
        return EXIT_DONE;
    if (callback.uri.len && (callback_is_oob(callback.uri) ||
                             !callback_may_be_registered(&callback, d->client.flags & CLIENT_HTTP_CALLBACK, &why)))
        return refuse(d, "default-callback", callback.uri, why);
    d->client.default_callback = callback.uri;
    return EXIT_DONE;
}

static int take_methods(struct draft *d)
{
    unsigned mask = 0;
    struct slice unknown = {0};
    if (d->options->signature_methods.count == 0)
        return EXIT_DONE;
    join(&d->methods, &d->options->signature_methods);
    if (!signature_methods_parse(buf_slice(&d->methods), &mask, &unknown))
        return refuse(d, "signature-method", unknown, "there is no such signature method");
    buf_reset(&d->methods);
    signature_methods_write(mask, ' ', &d->methods);
    d->client.signature_methods = buf_slice(&d->methods);
    return EXIT_DONE;
}

static int take_scopes(struct draft *d)
{
    const struct client_options *o = d->options;
    join(&d->scopes, &o->scopes);
    join(&d->default_scopes, &o->default_scopes);
    if (o->scopes.count) {
        d->client.allowed_scopes = d->client.default_scopes = buf_slice(&d->scopes);
        if (!scope_is_valid(d->client.allowed_scopes))
            return refuse(d, "scope", d->client.allowed_scopes, "a scope is printable ASCII without quotes");
    }
    if (o->default_scopes.count)
        d->client.default_scopes = buf_slice(&d->default_scopes);
    if (!scope_covers(d->client.allowed_scopes, d->client.default_scopes))
        return refuse(d, "default-scope", d->client.default_scopes, "it must be among what --scope allows");
    return EXIT_DONE;
}

static bool is_url(struct slice text, bool https_only)
{
    struct oauth_url url = {0};
    struct problem problem = {0};
    return oauth_url_parse(text, &url, &problem) == STATUS_OK && (url.https || !https_only);
}

static void take_text(struct slice option, struct slice *text)
{
    if (!slice_is_absent(option))
        *text = option;
}

static int take_texts(struct draft *d)
{
    const struct client_options *o = d->options;
    if (!slice_is_absent(o->name) && o->name.len == 0)
        return refuse(d, "name", o->name, "it must not be empty: users see it");
    if (o->website.len && !is_url(o->website, false))
        return refuse(d, "website", o->website, "it must be an http or https URL");
    if (o->logo.len && !is_url(o->logo, true))
        return refuse(d, "logo", o->logo, "it must be an https URL");
    take_text(o->name, &d->client.name);
    take_text(o->website, &d->client.website);
    take_text(o->description, &d->client.description);
    take_text(o->logo, &d->client.logo);
    take_text(o->owner, &d->client.owner);
    return EXIT_DONE;
}

/* ---- client create ---- */

static int take_id(struct draft *d)
{
    d->client.client_id = d->options->id;
    if (!slice_is_absent(d->options->id)) {
        if (d->options->id.len == 0 || d->options->id.len > IDENTIFIER_MAX_BYTES || !slice_is_utf8(d->options->id))
            return refuse(d, "id", d->options->id, "an id is 1 to 255 bytes of UTF-8");
        return EXIT_DONE;
    }
    if (random_text(d->id, sizeof d->id) != STATUS_OK)
        return command_fail(d->line, EXIT_STORE_DOWN, "%s", status_text(STATUS_NO_RANDOMNESS));
    d->client.client_id = slice_of(d->id, sizeof d->id);
    return EXIT_DONE;
}

static int take_key(struct draft *d)
{
    if (slice_is_absent(d->options->rsa_public_key))
        return EXIT_DONE;
    int code = client_take_rsa_key(d->line, d->options->rsa_public_key, &d->key_text);
    d->key.text = buf_slice(&d->key_text);
    d->client.keys = &d->key;
    d->client.key_count = 1;
    return code;
}

/* A client that signs with its RSA key has no secret, and then no method that would need one. */
static int take_secret(struct draft *d)
{
    if (d->client.key_count && slice_is_absent(d->options->secret_file)) {
        if (d->options->signature_methods.count == 0)
            d->client.signature_methods = SLICE("RSA-SHA1 RSA-SHA256 RSA-SHA512");
        return EXIT_DONE;
    }
    int code = client_take_secret(d->line, d->options->secret_file, &d->secret_text);
    d->secret.text = buf_slice(&d->secret_text);
    d->client.secrets = &d->secret;
    d->client.secret_count = 1;
    return code;
}

static int store_new(struct draft *d)
{
    struct cli_store store;
    int64_t id = 0;
    int code = cli_open(d->line, &store);
    if (code != EXIT_DONE)
        return code;
    enum status status = credentials_client_create_blocking(&store.db, &d->client, &id);
    if (status == STATUS_OK) {
        d->client.created_ms = clock_wall_ms(&store.clock);
        cli_audit(d->line, &store, "client.create", d->client.client_id);
        client_show_alone(d->line, &d->client, d->client.secret_count ? d->secret.text : SLICE_ABSENT);
    } else {
        code = cli_store_failed(d->line, &store, status, "client %.*s", SLICE_ARGS(d->client.client_id));
    }
    cli_close(&store);
    return code;
}

static int create(const struct command_line *line)
{
    static const take_fn takes[] = {take_id,    take_flags,   take_callbacks, take_default_callback,
                                    take_key,   take_methods, take_secret,    take_scopes,
                                    take_texts, store_new};
    struct draft d = {.line = line, .options = line->options};
    int code = take_all(&d, takes, COUNT_OF(takes));
    draft_done(&d);
    return code;
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
    .run = create,
};

/* ---- client update ---- */

static int store_changed(struct draft *d, struct cli_store *store)
{
    enum status status = credentials_client_update_blocking(&store->db, &d->client);
    if (status == STATUS_CONFLICT)
        return command_fail(d->line, EXIT_REFUSED, "client %.*s was changed by somebody else meanwhile; try again",
                            SLICE_ARGS(d->client.client_id));
    if (status != STATUS_OK)
        return cli_store_failed(d->line, store, status, "client %.*s", SLICE_ARGS(d->client.client_id));
    cli_audit(d->line, store, "client.update", d->client.client_id);
    client_show_alone(d->line, &d->client, SLICE_ABSENT);
    return EXIT_DONE;
}

static int update(const struct command_line *line)
{
    static const take_fn takes[] = {take_flags,   take_callbacks, take_default_callback,
                                    take_methods, take_scopes,    take_texts};
    struct draft d = {.line = line, .options = line->options};
    struct cli_store store;
    struct client *found = NULL;
    struct slice id = line->arguments[0];
    int code = cli_open(line, &store);
    if (code != EXIT_DONE)
        return code;
    enum status status = credentials_client_find_blocking(&store.db, id, &found);
    if (status == STATUS_OK) {
        d.client = *found; /* the arena stays found's */
        code = take_all(&d, takes, COUNT_OF(takes));
        if (code == EXIT_DONE)
            code = store_changed(&d, &store);
    } else {
        code = cli_store_failed(line, &store, status, "client %.*s", SLICE_ARGS(id));
    }
    client_free(found);
    draft_done(&d);
    cli_close(&store);
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
    .run = update,
};
