#include "cli/cli.h"
#include "cli/resource_server_draft.h"
#include "durable/resource_servers.h"
#include "shapes/resource_server_shape.h"

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
    struct buf text = BUF_INIT;
    struct json_writer json = json_writer(&text);
    resource_server_shape_write(&json, server, key);
    cli_record(out, &text);
    buf_done(&text);
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

static int create_drafted(const struct command_line *line, struct resource_server_draft *draft)
{
    enum status status = resource_server_draft_key(draft);
    if (status != STATUS_OK)
        return command_fail(line, EXIT_STORE_DOWN, "%s", status_text(status));
    if (draft->server.origins.len == 0)
        fprintf(stderr, "warning: without --origin this key takes every URL: whoever holds it can have requests that "
                        "were signed for other servers judged\n");
    return store_server(line, &draft->server, slice_of(draft->key, sizeof draft->key));
}

static int run_resource_server_create(const struct command_line *line)
{
    const struct create_options *options = line->options;
    struct resource_server_draft draft = {0};
    const struct resource_server_parts parts = {
        .name = options->name,
        .origins = options->origins.items,
        .origin_count = options->origins.count,
        .tls_sans = options->tls_sans.items,
        .tls_san_count = options->tls_sans.count,
        .allow_explain = options->allow_explain,
    };
    int code = resource_server_draft_take(&draft, &parts)
                   ? create_drafted(line, &draft)
                   : command_fail(line, EXIT_USAGE, "--%.*s", SLICE_ARGS(buf_slice(&draft.why)));
    resource_server_draft_done(&draft);
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
