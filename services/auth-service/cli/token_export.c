#include "cli/export.h"
#include "durable/tokens.h"
#include "durable/users.h"

/* `token export`: the members are those of `token import`. A token that is dead is left out: no import takes it. */

static bool is_dead(const struct export *export, const struct token *token)
{
    int64_t now_ms = clock_wall_ms(&export->store->clock);
    return token->revoked_ms || (token->expires_ms && token->expires_ms <= now_ms);
}

/* By the user name alone where the sub is an earlier version's number, which an import would take for a site's. */
static enum status export_owner(struct export *export, const struct token *token)
{
    struct user *user = NULL;
    TRY(durable_user_find_blocking(&export->store->db, token->user, &user));
    if (user->source == USER_OF_SITE || user_subject_is_local(user->subject))
        export_text(export, "sub", user->subject);
    export_text(export, "username", user->username);
    user_free(user);
    return STATUS_OK;
}

static enum status export_token(struct export *export, const struct token *token)
{
    export_begin(export);
    if (export->secrets) {
        export_text(export, "oauth_token", token->oauth_token);
        export_any_text(export, "oauth_token_secret", token->secret);
    }
    export_text(export, "client_id", token->client_id);
    TRY(export_owner(export, token));
    export_any_text(export, "scope", token->scopes);
    export_time(export, "created_at", token->created_ms);
    export_time(export, "expires_at", token->expires_ms);
    return export_end(export);
}

static enum status export_sealed(struct export *export, const struct token *listed)
{
    struct credential_pair *pair = NULL;
    TRY(durable_pair_read_blocking(&export->store->db, listed->client_id, listed->oauth_token, &pair));
    enum status status = STATUS_OK;
    if (pair->token_found && !export_leaves_out(export, pair->token.damage))
        status = export_token(export, &pair->token);
    credential_pair_free(pair);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status; /* its user was deleted since its page was read */
}

static enum status export_page(struct export *export, const struct token_page *rows)
{
    for (size_t i = 0; i < rows->count; i++) {
        const struct token *token = &rows->tokens[i];
        if (!is_dead(export, token))
            TRY(export->secrets ? export_sealed(export, token) : export_token(export, token));
    }
    return STATUS_OK;
}

static enum status export_tokens(struct export *export)
{
    static const struct token_filter all = {0};
    struct page_request page = {0};
    enum status status = STATUS_OK;
    for (bool more = true; more && status == STATUS_OK;) {
        struct token_page *rows = NULL;
        TRY(durable_token_list_blocking(&export->store->db, &all, page, &rows));
        status = export_page(export, rows);
        more = rows->count > 0;
        page.after_id = more ? rows->tokens[rows->count - 1].id : 0;
        token_page_free(rows);
    }
    return status;
}

static int run_token_export(const struct command_line *line)
{
    return export_run(line, "token.export", export_tokens);
}

const struct command cli_token_export = {
    .name = "token export",
    .arguments = "[FILE]",
    .arguments_max = 1,
    .summary = "writes every token that is good as `token import` reads it, a JSON line each",
    .example = "  auth-service token export\n"
               "  auth-service token export --secrets tokens.ndjson\n\n"
               "Without --secrets the tokens themselves are left out. Import clients and users first.",
    .options = export_table,
    .options_size = sizeof(struct export_options),
    .needs_config = true,
    .run = run_token_export,
};
