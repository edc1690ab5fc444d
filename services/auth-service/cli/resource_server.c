#include "cli/cli.h"
#include "crypto/digest.h"
#include "crypto/random.h"
#include "durable/resource_servers.h"
#include "oauth/url.h"

enum { KEY_RANDOM_BYTES = 40 };
#define KEY_PREFIX "rs_"

struct create_options {
    struct slice name;
    struct option_list origins, tls_sans;
    bool allow_explain;
};

static const struct command_option create_table[] = {
    {"name", OPTION_TEXT, "N", true, offsetof(struct create_options, name),
     "for you, and for `revoke`; no other live one has it"},
    {"origin", OPTION_LIST, "URL", false, offsetof(struct create_options, origins),
     "https://host[:port] that it may ask about (left out: every one)"},
    {"tls-san", OPTION_LIST, "NAME", false, offsetof(struct create_options, tls_sans),
     "a name in its client certificate: DNS:photos.internal (or without DNS:), URI:spiffe://example/photos"},
    {"allow-explain", OPTION_FLAG, NULL, false, offsetof(struct create_options, allow_explain),
     "may ask why a signature does not match"},
    {0},
};

static void show_server(struct cli_output *out, const struct resource_server *server, struct slice key)
{
    cli_record_begin(out);
    cli_field(out, "name", server->name);
    if (!slice_is_absent(key))
        cli_field(out, "key", key);
    cli_field_words(out, "origins", server->origins);
    if (server->tls_sans.len)
        cli_field_words(out, "tls_sans", server->tls_sans);
    cli_field_bool(out, "allow_explain", server->allow_explain);
    cli_field_time(out, "created_at", server->created_ms);
    cli_field_time(out, "revoked_at", server->revoked_ms);
    cli_record_end(out);
}

/* scheme://host[:port] in the one spelling that requests are compared with. */
static int join_origins(const struct command_line *line, const struct option_list *list, struct buf *out)
{
    for (size_t i = 0; i < list->count; i++) {
        struct oauth_url url = {0};
        struct problem problem = {0};
        struct slice text = list->items[i];
        if (oauth_url_parse(text, &url, &problem) != STATUS_OK)
            return command_fail(line, EXIT_USAGE, "--origin %.*s: %s", SLICE_ARGS(text), problem_text(&problem));
        if (!slice_eq(url.path, SLICE("/")) || url.query.len)
            return command_fail(line, EXIT_USAGE, "--origin %.*s: an origin is scheme, host and port alone",
                                SLICE_ARGS(text));
        if (out->len)
            buf_add_byte(out, ' ');
        oauth_url_write_origin(&url, out);
    }
    return EXIT_DONE;
}

/* Whether the last word of the list is there before. */
static bool is_twice(struct slice list)
{
    size_t at = list.len;
    while (at > 0 && list.ptr[at - 1] != ' ')
        at--;
    struct slice last = slice_sub(list, at, list.len);
    struct slice before = slice_sub(list, 0, at);
    for (bool more = true; more;)
        if (slice_eq(slice_cut(&before, ' ', &more), last))
            return true;
    return false;
}

static int join_sans(const struct command_line *line, const struct option_list *list, struct buf *out)
{
    for (size_t i = 0; i < list->count; i++) {
        struct slice name = list->items[i];
        buf_add_str(out, i ? " " : "");
        if (!resource_server_write_san(name, out))
            return command_fail(line, EXIT_USAGE,
                                "--tls-san '%.*s': write a DNS name (DNS:photos.internal) or a URI "
                                "(URI:spiffe://example/photos); certificates are known by no other type of name",
                                SLICE_ARGS(name));
        if (is_twice(buf_slice(out)))
            return command_fail(line, EXIT_USAGE, "--tls-san '%.*s': it is given twice", SLICE_ARGS(name));
    }
    return EXIT_DONE;
}

static enum status make_key(char *key, unsigned char digest[RESOURCE_SERVER_KEY_DIGEST_BYTES])
{
    memcpy(key, KEY_PREFIX, sizeof KEY_PREFIX - 1);
    TRY(random_text(key + sizeof KEY_PREFIX - 1, KEY_RANDOM_BYTES));
    return digest_bytes(DIGEST_SHA256, slice_of(key, sizeof KEY_PREFIX - 1 + KEY_RANDOM_BYTES), digest);
}

/* Says whose name it is. */
static int refuse_taken(const struct command_line *line, struct cli_store *store, const struct resource_server *server)
{
    struct resource_server *rival = NULL;
    enum status status = durable_resource_server_find_rival_blocking(&store->db, server, &rival);
    if (status != STATUS_OK) /* revoked meanwhile */
        return cli_store_failed(line, store, STATUS_CONFLICT, "resource server %.*s", SLICE_ARGS(server->name));
    if (slice_eq(rival->name, server->name))
        (void)command_fail(
            line, EXIT_REFUSED,
            "resource server %.*s: there is a live one of that name; choose another name, or end that one "
            "first: auth-service resource-server revoke '%.*s'",
            SLICE_ARGS(server->name), SLICE_ARGS(server->name));
    else
        (void)command_fail(
            line, EXIT_REFUSED,
            "--tls-san: resource server %.*s is live and has the certificate's names %.*s; end it first: "
            "auth-service resource-server revoke '%.*s'",
            SLICE_ARGS(rival->name), SLICE_ARGS(rival->tls_sans), SLICE_ARGS(rival->name));
    resource_server_free(rival);
    return EXIT_REFUSED;
}

static int store_server(const struct command_line *line, struct resource_server *server, struct slice key)
{
    struct cli_store store;
    int64_t id = 0;
    int code = cli_open(line, &store);
    if (code != EXIT_DONE)
        return code;
    enum status status = durable_resource_server_create_blocking(&store.db, server, &id);
    if (status == STATUS_OK) {
        struct cli_output out = cli_output_begin(line, false);
        server->created_ms = clock_wall_ms(&store.clock);
        cli_audit(line, &store, "resource-server.create", server->name);
        show_server(&out, server, key);
        cli_output_end(&out);
    } else if (status == STATUS_CONFLICT) {
        code = refuse_taken(line, &store, server);
    } else {
        code = cli_store_failed(line, &store, status, "resource server %.*s", SLICE_ARGS(server->name));
    }
    cli_close(&store);
    return code;
}

static int run_resource_server_create(const struct command_line *line)
{
    const struct create_options *options = line->options;
    char key[sizeof KEY_PREFIX - 1 + KEY_RANDOM_BYTES];
    unsigned char digest[RESOURCE_SERVER_KEY_DIGEST_BYTES];
    struct buf origins = BUF_INIT;
    struct buf sans = BUF_INIT;
    if (options->name.len == 0 || options->name.len > IDENTIFIER_MAX_BYTES || !slice_is_utf8(options->name))
        return command_fail(line, EXIT_USAGE, "--name: it is 1 to 255 bytes of UTF-8");
    enum status status = make_key(key, digest);
    if (status != STATUS_OK)
        return command_fail(line, EXIT_STORE_DOWN, "%s", status_text(status));
    int code = join_origins(line, &options->origins, &origins);
    if (code == EXIT_DONE)
        code = join_sans(line, &options->tls_sans, &sans);
    struct resource_server server = {
        .name = options->name,
        .key_digest = slice_of(digest, sizeof digest),
        .origins = buf_slice(&origins),
        .tls_sans = buf_slice(&sans),
        .allow_explain = options->allow_explain,
    };
    if (code == EXIT_DONE && origins.len == 0)
        fprintf(stderr, "warning: without --origin this key takes every URL: whoever holds it can have requests that "
                        "were signed for other servers judged\n");
    if (code == EXIT_DONE)
        code = store_server(line, &server, slice_of(key, sizeof key));
    buf_done(&origins);
    buf_done(&sans);
    return code;
}

const struct command cli_resource_server_create = {
    .name = "resource-server create",
    .arguments = "",
    .summary = "lets a resource server ask for introspection; its key is shown once",
    .example = "  auth-service resource-server create --name photos --origin https://api.example.com",
    .options = create_table,
    .options_size = sizeof(struct create_options),
    .needs_config = true,
    .run = run_resource_server_create,
};

static int run_resource_server_list(const struct command_line *line)
{
    struct cli_store store;
    struct page_request page = {0};
    int code = cli_open(line, &store);
    if (code != EXIT_DONE)
        return code;
    struct cli_output out = cli_output_begin(line, true);
    for (bool more = true; more;) {
        struct resource_server_page *rows = NULL;
        enum status status = durable_resource_server_list_blocking(&store.db, page, &rows);
        if (status != STATUS_OK) {
            code = cli_store_failed(line, &store, status, "the list of resource servers");
            break;
        }
        for (size_t i = 0; i < rows->count; i++)
            show_server(&out, &rows->servers[i], SLICE_ABSENT);
        more = rows->count > 0;
        page.after_id = more ? rows->servers[rows->count - 1].id : 0;
        resource_server_page_free(rows);
    }
    cli_output_end(&out);
    cli_close(&store);
    return code;
}

const struct command cli_resource_server_list = {
    .name = "resource-server list",
    .arguments = "",
    .summary = "lists the resource servers, without keys",
    .example = "  auth-service resource-server list",
    .needs_config = true,
    .run = run_resource_server_list,
};

static int run_resource_server_revoke(const struct command_line *line)
{
    struct cli_store store;
    int64_t count = 0;
    struct slice name = line->arguments[0];
    int code = cli_open(line, &store);
    if (code != EXIT_DONE)
        return code;
    enum status status = durable_resource_server_revoke_blocking(&store.db, name, &count);
    if (status == STATUS_OK) {
        cli_audit(line, &store, "resource-server.revoke", name);
        if (!line->quiet)
            fprintf(stderr, "revoked %lld key%s\n", (long long)count, count == 1 ? "" : "s");
    } else {
        code = cli_store_failed(line, &store, status, "resource server %.*s", SLICE_ARGS(name));
    }
    cli_close(&store);
    return code;
}

const struct command cli_resource_server_revoke = {
    .name = "resource-server revoke",
    .arguments = "NAME",
    .arguments_min = 1,
    .arguments_max = 1,
    .summary = "revokes every key of that name",
    .example = "  auth-service resource-server revoke photos",
    .needs_config = true,
    .run = run_resource_server_revoke,
};
