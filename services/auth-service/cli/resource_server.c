#include "cli/remote.h"
#include "cli/table.h"
#include "durable/resource_servers.h"
#include "rules/overlap.h"
#include "rules/resource_server_draft.h"
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
            "resource server %.*s: there is a live one of that name; for a new key of it: auth-service resource-server "
            "rotate-key '%.*s'; else choose another name, or end that one first: auth-service resource-server revoke "
            "'%.*s'",
            SLICE_ARGS(server->name), SLICE_ARGS(server->name), SLICE_ARGS(server->name));
    else
        (void)command_fail(
            line, EXIT_REFUSED,
            "--tls-san: resource server %.*s is live and has the certificate's names %.*s; end it first: "
            "auth-service resource-server revoke '%.*s'",
            SLICE_ARGS(rival->name), SLICE_ARGS(rival->tls_sans), SLICE_ARGS(rival->name));
    resource_server_free(rival);
    return EXIT_REFUSED;
}

static enum status insert_server(struct durable *db, void *context)
{
    const struct resource_server *server = context;
    int64_t id = 0;
    return durable_resource_server_create_blocking(db, server, &id);
}

static int store_server(const struct command_line *line, struct resource_server *server, struct slice key)
{
    struct cli_store store;
    int code = cli_open(line, &store);
    if (code != EXIT_DONE)
        return code;
    enum status status = cli_audited(&store, "resource-server.create", server->name, insert_server, server);
    if (status == STATUS_OK) {
        struct cli_output out = cli_output_begin(line, false);
        server->created_ms = clock_wall_ms(&store.clock);
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

static void warn_without_origin(const struct resource_server_draft *draft)
{
    if (draft->server.origins.len == 0)
        fprintf(stderr, "warning: without --origin this key takes every URL: whoever holds it can have requests that "
                        "were signed for other servers judged\n");
}

static int create_drafted(const struct command_line *line, struct resource_server_draft *draft)
{
    enum status status = resource_server_draft_key(draft);
    if (status != STATUS_OK)
        return command_fail(line, EXIT_STORE_DOWN, "%s", status_text(status));
    warn_without_origin(draft);
    return store_server(line, &draft->server, slice_of(draft->key, sizeof draft->key));
}

static void write_items(struct json_writer *json, const char *name, const struct option_list *list)
{
    json_member_array(json, name);
    for (size_t i = 0; i < list->count; i++)
        json_string(json, list->items[i]);
    json_end_array(json);
}

/* The server makes the key. */
static int send_drafted(const struct command_line *line, struct resource_server_draft *draft)
{
    const struct create_options *options = line->options;
    struct remote remote;
    struct buf body = BUF_INIT;
    struct json_writer json = json_writer(&body);
    const struct remote_call call = {.method = "POST",
                                     .folder = "resource-servers",
                                     .body = &body,
                                     .noun = "resource server",
                                     .name = options->name};
    int code = remote_open(line, &remote);
    if (code != EXIT_DONE)
        return code;
    warn_without_origin(draft);
    json_begin_object(&json);
    json_member_string(&json, "name", options->name);
    write_items(&json, "origins", &options->origins);
    write_items(&json, "tls_sans", &options->tls_sans);
    json_member_bool(&json, "allow_explain", options->allow_explain);
    json_end_object(&json);
    code = remote_show(&remote, &call);
    buf_done(&body);
    remote_close(&remote);
    return code;
}

static int create_given_server(const struct command_line *line,
                               int (*finish)(const struct command_line *line, struct resource_server_draft *draft))
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
                   ? finish(line, &draft)
                   : command_fail(line, EXIT_USAGE, "--%.*s", SLICE_ARGS(buf_slice(&draft.why)));
    resource_server_draft_done(&draft);
    return code;
}

static int run_resource_server_create(const struct command_line *line)
{
    return create_given_server(line, create_drafted);
}

static int run_resource_server_create_remote(const struct command_line *line)
{
    return create_given_server(line, send_drafted);
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
    .run_remote = run_resource_server_create_remote,
};

static int run_resource_server_list(const struct command_line *line)
{
    struct cli_store store;
    struct page_request page = {0};
    int code = cli_open(line, &store);
    if (code != EXIT_DONE)
        return code;
    struct cli_output out = cli_list_begin(line, table_resource_servers);
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

static int run_resource_server_list_remote(const struct command_line *line)
{
    struct remote remote;
    const struct remote_call call = {
        .method = "GET", .folder = "resource-servers", .noun = "the list of resource servers"};
    int code = remote_open(line, &remote);
    if (code != EXIT_DONE)
        return code;
    code = remote_list(&remote, &call, "resource_servers", table_resource_servers);
    remote_close(&remote);
    return code;
}

const struct command cli_resource_server_list = {
    .name = "resource-server list",
    .arguments = "",
    .summary = "lists the resource servers, without keys",
    .example = "  auth-service resource-server list",
    .needs_config = true,
    .run = run_resource_server_list,
    .run_remote = run_resource_server_list_remote,
};

/* ---- resource-server rotate-key ---- */

struct rotate_options {
    struct slice overlap;
    bool end_former;
};

static const struct command_option rotate_table[] = {
    {"overlap", OPTION_TEXT, "SECONDS", false, offsetof(struct rotate_options, overlap),
     "how long the old key stays good (86400); 0 after a leak: it ends at once"},
    {OVERLAP_END_FORMER, OPTION_FLAG, NULL, false, offsetof(struct rotate_options, end_former),
     OVERLAP_END_FORMER_HELP},
    {0},
};

static int take_overlap(const struct command_line *line, struct overlap *ret_overlap)
{
    const struct rotate_options *options = line->options;
    return overlap_take(options->overlap, options->end_former, ret_overlap)
               ? EXIT_DONE
               : command_fail(line, EXIT_USAGE, "--" OVERLAP_WRONG);
}

struct rotation {
    struct slice name;
    const struct resource_server_draft *draft; /* of the new key */
    struct overlap overlap;
    struct buf why; /* of a refusal */
};

static void show_rotated(const struct command_line *line, struct cli_store *store, const struct rotation *rotation)
{
    const struct resource_server_draft *draft = rotation->draft;
    int64_t overlap_ms = rotation->overlap.seconds * 1000;
    struct cli_output out = cli_output_begin(line, false);
    struct buf text = BUF_INIT;
    struct json_writer json = json_writer(&text);
    resource_server_shape_write_rotated(&json, line->arguments[0], slice_of(draft->key, sizeof draft->key),
                                        overlap_ms ? clock_wall_ms(&store->clock) + overlap_ms : 0);
    cli_record(&out, &text);
    cli_output_end(&out);
    buf_done(&text);
}

static enum status do_rotate(struct durable *db, void *context)
{
    struct rotation *rotation = context;
    int64_t until_ms = 0;
    buf_reset(&rotation->why);
    TRY(durable_hold_blocking(db, CHANGE_RESOURCE_SERVER, rotation->name));
    TRY(durable_resource_server_former_until_blocking(db, rotation->name, &until_ms));
    if (overlap_refuses(&rotation->overlap, until_ms, "key", &rotation->why))
        return STATUS_FORBIDDEN;
    return durable_resource_server_rotate_blocking(db, rotation->name, rotation->draft->server.key_digest,
                                                   rotation->overlap.seconds * 1000);
}

static int rotate_in_store(const struct command_line *line, struct rotation *rotation)
{
    struct cli_store store;
    struct slice name = rotation->name;
    int code = cli_open(line, &store);
    if (code != EXIT_DONE)
        return code;
    enum status status = cli_audited(&store, "resource-server.rotate-key", name, do_rotate, rotation);
    if (status == STATUS_OK)
        show_rotated(line, &store, rotation);
    else if (status == STATUS_FORBIDDEN)
        code = command_fail(line, EXIT_REFUSED, "resource server %.*s: %.*s", SLICE_ARGS(name),
                            SLICE_ARGS(buf_slice(&rotation->why)));
    else
        code = cli_store_failed(line, &store, status, "resource server %.*s", SLICE_ARGS(name));
    cli_close(&store);
    return code;
}

static int run_resource_server_rotate(const struct command_line *line)
{
    struct resource_server_draft draft = {0};
    struct rotation rotation = {.name = line->arguments[0], .draft = &draft};
    int code = take_overlap(line, &rotation.overlap);
    if (code != EXIT_DONE)
        return code;
    enum status status = resource_server_draft_key(&draft);
    if (status != STATUS_OK)
        return command_fail(line, EXIT_STORE_DOWN, "%s", status_text(status));
    code = rotate_in_store(line, &rotation);
    resource_server_draft_done(&draft);
    buf_done(&rotation.why);
    return code;
}

/* The server makes the key. */
static int run_resource_server_rotate_remote(const struct command_line *line)
{
    struct remote remote;
    struct buf body = BUF_INIT;
    struct json_writer json = json_writer(&body);
    struct slice name = line->arguments[0];
    const struct remote_call call = {.method = "POST",
                                     .folder = "resource-servers",
                                     .id = name,
                                     .verb = "rotate-key",
                                     .body = &body,
                                     .noun = "resource server",
                                     .name = name};
    struct overlap overlap;
    int code = take_overlap(line, &overlap);
    if (code == EXIT_DONE)
        code = remote_open(line, &remote);
    if (code != EXIT_DONE)
        return code;
    json_begin_object(&json);
    overlap_write(&json, &overlap);
    json_end_object(&json);
    code = remote_show(&remote, &call);
    buf_done(&body);
    remote_close(&remote);
    return code;
}

const struct command cli_resource_server_rotate_key = {
    .name = "resource-server rotate-key",
    .arguments = "NAME",
    .arguments_min = 1,
    .arguments_max = 1,
    .summary = "gives a resource server a new key; the old one stays good for a while",
    .example = "  auth-service resource-server rotate-key photos --overlap 3600",
    .options = rotate_table,
    .options_size = sizeof(struct rotate_options),
    .needs_config = true,
    .run = run_resource_server_rotate,
    .run_remote = run_resource_server_rotate_remote,
};

/* ---- resource-server revoke ---- */

struct revocation {
    struct slice name;
    int64_t count; /* what was revoked */
};

static enum status do_revoke(struct durable *db, void *context)
{
    struct revocation *revocation = context;
    return durable_resource_server_revoke_blocking(db, revocation->name, &revocation->count);
}

static int run_resource_server_revoke(const struct command_line *line)
{
    struct cli_store store;
    struct revocation revocation = {.name = line->arguments[0]};
    int code = cli_open(line, &store);
    if (code != EXIT_DONE)
        return code;
    enum status status = cli_audited(&store, "resource-server.revoke", revocation.name, do_revoke, &revocation);
    if (status != STATUS_OK)
        code = cli_store_failed(line, &store, status, "resource server %.*s", SLICE_ARGS(revocation.name));
    else if (!line->quiet)
        fprintf(stderr, "revoked %lld key%s\n", (long long)revocation.count, revocation.count == 1 ? "" : "s");
    cli_close(&store);
    return code;
}

static int run_resource_server_revoke_remote(const struct command_line *line)
{
    struct remote remote;
    struct slice name = line->arguments[0];
    const struct remote_call call = {
        .method = "DELETE", .folder = "resource-servers", .id = name, .noun = "resource server", .name = name};
    int code = remote_open(line, &remote);
    if (code != EXIT_DONE)
        return code;
    code = remote_revoke(&remote, &call, "key");
    remote_close(&remote);
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
    .run_remote = run_resource_server_revoke_remote,
};
