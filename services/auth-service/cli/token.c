#include "cli/cli.h"
#include "store/credentials_tokens.h"

struct filter_options {
    struct slice client, sub;
};

static const struct command_option filter_table[] = {
    {"client", OPTION_TEXT, "ID", false, offsetof(struct filter_options, client), "only this client's"},
    {"sub", OPTION_TEXT, "USER", false, offsetof(struct filter_options, sub), "only this user's (`sub`)"},
    {0},
};

static struct token_filter filter_of(const struct command_line *line)
{
    const struct filter_options *options = line->options;
    return (struct token_filter){.client_id = options->client, .subject = options->sub};
}

static void show_token(struct cli_output *out, const struct token *token)
{
    cli_record_begin(out);
    cli_field(out, "jti", token->jti);
    cli_field(out, "client_id", token->client_id);
    cli_field(out, "sub", token->subject);
    cli_field(out, "username", token->username);
    cli_field(out, "scope", token->scopes);
    cli_field_time(out, "created_at", token->created_ms);
    cli_field_time(out, "last_used_at", token->last_used_ms);
    cli_field_time(out, "expires_at", token->expires_ms);
    cli_field_time(out, "revoked_at", token->revoked_ms);
    cli_record_end(out);
}

static int list(const struct command_line *line)
{
    struct cli_store store;
    struct page_request page = {0};
    const struct token_filter filter = filter_of(line);
    int code = cli_open(line, &store);
    if (code != EXIT_DONE)
        return code;
    struct cli_output out = cli_output_begin(line, true);
    for (bool more = true; more;) {
        struct token_page *rows = NULL;
        enum status status = credentials_token_list_blocking(&store.db, &filter, page, &rows);
        if (status != STATUS_OK) {
            code = cli_store_failed(line, &store, status, "the list of tokens");
            break;
        }
        for (size_t i = 0; i < rows->count; i++)
            show_token(&out, &rows->tokens[i]);
        more = rows->count > 0;
        page.after_id = more ? rows->tokens[rows->count - 1].id : 0;
        token_page_free(rows);
    }
    cli_output_end(&out);
    cli_close(&store);
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
    .run = list,
};

static int revoke_all(const struct command_line *line, struct cli_store *store, const struct token_filter *filter)
{
    int64_t count = 0;
    bool by_jti = filter->jti.len > 0;
    struct token_page *rows = NULL;
    enum status status = STATUS_OK;
    if (by_jti) { /* one that was revoked before is no error; one that never was is */
        status = credentials_token_list_blocking(&store->db, filter, (struct page_request){.limit = 1}, &rows);
        if (status == STATUS_OK && rows->count == 0)
            status = STATUS_NOT_FOUND;
        token_page_free(rows);
    }
    if (status == STATUS_OK)
        status = credentials_token_revoke_blocking(&store->db, filter, &count);
    if (status != STATUS_OK)
        return cli_store_failed(line, store, status, "token %.*s", SLICE_ARGS(filter->jti));
    cli_audit(line, store, "token.revoke",
              by_jti                  ? filter->jti
              : filter->client_id.len ? filter->client_id
                                      : filter->subject);
    if (!line->quiet)
        fprintf(stderr, "revoked %lld token%s\n", (long long)count, count == 1 ? "" : "s");
    return EXIT_DONE;
}

static int revoke(const struct command_line *line)
{
    struct cli_store store;
    struct token_filter filter = filter_of(line);
    if (line->argument_count)
        filter.jti = line->arguments[0];
    if (filter.jti.len == 0 && filter.client_id.len == 0 && filter.subject.len == 0)
        return command_fail(line, EXIT_USAGE, "say which: a JTI, --client ID or --sub USER");
    int code = cli_open(line, &store);
    if (code != EXIT_DONE)
        return code;
    code = revoke_all(line, &store, &filter);
    cli_close(&store);
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
    .run = revoke,
};
