#include "cli/remote.h"
#include "cli/table.h"
#include "durable/tokens.h"
#include "durable/users.h"
#include "shapes/token_shape.h"

struct filter_options {
    struct slice client, sub;
};

static const struct command_option filter_table[] = {
    {"client", OPTION_TEXT, "ID", false, offsetof(struct filter_options, client), "only this client's"},
    {"sub", OPTION_TEXT, "USER", false, offsetof(struct filter_options, sub),
     "only this user's: the `sub` that resource servers see, or the user name"},
    {0},
};

static void show_token(struct cli_output *out, const struct token *token)
{
    struct buf text = BUF_INIT;
    struct json_writer json = json_writer(&text);
    token_shape_write(&json, token);
    cli_record(out, &text);
    buf_done(&text);
}

static int list_selected(const struct command_line *line, struct cli_store *store, const struct token_filter *filter)
{
    struct page_request page = {0};
    int code = EXIT_DONE;
    struct cli_output out = cli_list_begin(line, table_tokens);
    for (bool more = true; more;) {
        struct token_page *rows = NULL;
        enum status status = durable_token_list_blocking(&store->db, filter, page, &rows);
        if (status != STATUS_OK) {
            code = cli_store_failed(line, store, status, "the list of tokens");
            break;
        }
        for (size_t i = 0; i < rows->count; i++)
            show_token(&out, &rows->tokens[i]);
        more = rows->count > 0;
        page.after_id = more ? rows->tokens[rows->count - 1].id : 0;
        token_page_free(rows);
    }
    cli_output_end(&out);
    return code;
}

/* Here an unknown client or user is no error: it just has no tokens (any more). */
static int run_token_list(const struct command_line *line)
{
    const struct filter_options *options = line->options;
    struct cli_store store;
    struct token_filter filter = {.client_id = options->client, .subject = options->sub};
    struct user *user = NULL;
    int code = cli_open(line, &store);
    if (code != EXIT_DONE)
        return code;
    enum status status = slice_is_absent(options->sub) ? STATUS_NOT_FOUND : cli_find_user(&store, options->sub, &user);
    if (status == STATUS_OK)
        filter.subject = user->subject;
    if (status == STATUS_OK || status == STATUS_NOT_FOUND)
        code = list_selected(line, &store, &filter);
    else
        code = cli_store_failed(line, &store, status, "user %.*s", SLICE_ARGS(options->sub));
    user_free(user);
    cli_close(&store);
    return code;
}

/* The query that selects what the options name; *ret_user_found is true where no option names a user. */
static int write_selection(struct remote *remote, struct buf *query, bool *ret_user_found)
{
    const struct filter_options *options = remote->line->options;
    struct buf sub = BUF_INIT;
    bool has_user = !slice_is_absent(options->sub);
    int code = has_user ? remote_find_user(remote, options->sub, &sub) : EXIT_DONE;
    remote_add_query(query, "client_id", options->client);
    remote_add_query(query, "sub", sub.len ? buf_slice(&sub) : options->sub);
    *ret_user_found = !has_user || sub.len;
    buf_done(&sub);
    return code;
}

static int run_token_list_remote(const struct command_line *line)
{
    struct remote remote;
    struct buf query = BUF_INIT;
    bool found = false;
    int code = remote_open(line, &remote);
    if (code != EXIT_DONE)
        return code;
    code = write_selection(&remote, &query, &found);
    const struct remote_call call = {
        .method = "GET", .folder = "tokens", .query = buf_slice(&query), .noun = "the list of tokens"};
    if (code == EXIT_DONE)
        code = remote_list(&remote, &call, "tokens", table_tokens);
    buf_done(&query);
    remote_close(&remote);
    return code;
}

const struct command cli_token_list = {
    .name = "token list",
    .arguments = "",
    .summary = "lists tokens by their jti, never the token itself",
    .example = "  auth-service token list --client demo",
    .options = filter_table,
    .options_size = sizeof(struct filter_options),
    .needs_config = true,
    .run = run_token_list,
    .run_remote = run_token_list_remote,
};

/* What the options name, found: `client` or `user` stays NULL where no option names one. */
struct selection {
    struct token_filter filter;
    struct client *client;
    struct user *user;
};

static void selection_done(struct selection *selection)
{
    client_free(selection->client);
    user_free(selection->user);
}

static int select_user(const struct command_line *line, struct cli_store *store, struct slice sub,
                       struct selection *selection)
{
    enum status status = cli_find_user(store, sub, &selection->user);
    if (status != STATUS_OK)
        return cli_store_failed(line, store, status, "user %.*s", SLICE_ARGS(sub));
    selection->filter.subject = selection->user->subject;
    return EXIT_DONE;
}

static int select_client(const struct command_line *line, struct cli_store *store, struct slice id,
                         struct selection *selection)
{
    enum status status = durable_client_read_blocking(&store->db, id, &selection->client);
    if (status != STATUS_OK)
        return cli_store_failed(line, store, status, "client %.*s", SLICE_ARGS(id));
    selection->filter.client_id = id;
    return EXIT_DONE;
}

/* The exit code; EXIT_REFUSED where there is no such client or user. */
static int take_selection(const struct command_line *line, struct cli_store *store, struct selection *ret_selection)
{
    const struct filter_options *options = line->options;
    int code = EXIT_DONE;
    *ret_selection = (struct selection){0};
    if (!slice_is_absent(options->client))
        code = select_client(line, store, options->client, ret_selection);
    if (code == EXIT_DONE && !slice_is_absent(options->sub))
        code = select_user(line, store, options->sub, ret_selection);
    if (line->argument_count)
        ret_selection->filter.jti = line->arguments[0];
    return code;
}

struct revocation {
    const struct token_filter *filter;
    int64_t count; /* what was revoked */
};

static enum status do_revoke(struct durable *db, void *context)
{
    struct revocation *revocation = context;
    const struct token_filter *filter = revocation->filter;
    if (filter->jti.len) { /* one that was revoked before is no error; one that never was is */
        struct token_page *rows = NULL;
        TRY(durable_token_list_blocking(db, filter, (struct page_request){.limit = 1}, &rows));
        bool is_there = rows->count > 0;
        token_page_free(rows);
        if (!is_there)
            return STATUS_NOT_FOUND;
    }
    return durable_token_revoke_blocking(db, filter, &revocation->count);
}

static int revoke_all(const struct command_line *line, struct cli_store *store, const struct token_filter *filter)
{
    struct revocation revocation = {.filter = filter};
    struct slice whose = filter->client_id.len ? filter->client_id : filter->subject;
    struct audit_entry entry = {.what = SLICE("token.revoke"),
                                .subject = filter->jti.len ? filter->jti : whose,
                                .client = filter->client_id,
                                .user = filter->subject};
    enum status status = cli_audited_entry(store, &entry, do_revoke, &revocation);
    if (status != STATUS_OK)
        return cli_store_failed(line, store, status, "token %.*s", SLICE_ARGS(filter->jti));
    if (!line->quiet)
        fprintf(stderr, "revoked %lld token%s\n", (long long)revocation.count, revocation.count == 1 ? "" : "s");
    return EXIT_DONE;
}

static int check_selects(const struct command_line *line)
{
    const struct filter_options *options = line->options;
    bool empty = line->argument_count && line->arguments[0].len == 0;
    if (empty || (line->argument_count == 0 && slice_is_absent(options->client) && slice_is_absent(options->sub)))
        return command_fail(line, EXIT_USAGE, "say which: a JTI, --client ID or --sub USER");
    return EXIT_DONE;
}

static int run_token_revoke(const struct command_line *line)
{
    struct cli_store store;
    struct selection selection;
    int code = check_selects(line);
    if (code == EXIT_DONE)
        code = cli_open(line, &store);
    if (code != EXIT_DONE)
        return code;
    code = take_selection(line, &store, &selection);
    if (code == EXIT_DONE)
        code = revoke_all(line, &store, &selection.filter);
    selection_done(&selection);
    cli_close(&store);
    return code;
}

static int revoke_one_remote(struct remote *remote)
{
    struct slice jti = remote->line->arguments[0];
    const struct remote_call call = {.method = "DELETE", .folder = "tokens", .id = jti, .noun = "token", .name = jti};
    return remote_revoke(remote, &call, "token");
}

/* The admin API takes an unknown client or user for one without tokens, so they are asked for first. */
static int revoke_selected_remote(struct remote *remote)
{
    const struct filter_options *options = remote->line->options;
    const json_value *json = NULL;
    struct buf query = BUF_INIT;
    bool user_found = true;
    const struct remote_call client = {
        .method = "GET", .folder = "clients", .id = options->client, .noun = "client", .name = options->client};
    int code = slice_is_absent(options->client) ? EXIT_DONE : remote_do(remote, &client, &json);
    if (code == EXIT_DONE)
        code = write_selection(remote, &query, &user_found);
    if (code == EXIT_DONE && !user_found)
        code = cli_not_found(remote->line, "user", options->sub);
    const struct remote_call call = {
        .method = "DELETE", .folder = "tokens", .query = buf_slice(&query), .noun = "the tokens"};
    if (code == EXIT_DONE)
        code = remote_revoke(remote, &call, "token");
    buf_done(&query);
    return code;
}

static int run_token_revoke_remote(const struct command_line *line)
{
    const struct filter_options *options = line->options;
    struct remote remote;
    bool selects = !slice_is_absent(options->client) || !slice_is_absent(options->sub);
    int code = check_selects(line);
    if (code == EXIT_DONE && line->argument_count && selects)
        code = command_fail(line, EXIT_USAGE,
                            "with --server a JTI stands alone: leave --client and --sub out, or the JTI");
    if (code == EXIT_DONE)
        code = remote_open(line, &remote);
    if (code != EXIT_DONE)
        return code;
    code = line->argument_count ? revoke_one_remote(&remote) : revoke_selected_remote(&remote);
    remote_close(&remote);
    return code;
}

const struct command cli_token_revoke = {
    .name = "token revoke",
    .arguments = "[JTI]",
    .arguments_max = 1,
    .summary = "revokes one token, or all of a client or user",
    .example = "  auth-service token revoke tok_…\n  auth-service token revoke --client demo --sub 42",
    .options = filter_table,
    .options_size = sizeof(struct filter_options),
    .needs_config = true,
    .run = run_token_revoke,
    .run_remote = run_token_revoke_remote,
};
