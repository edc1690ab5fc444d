#include "cli/import.h"

static int run_token_import(const struct command_line *line)
{
    return import_run(line, &intake_token);
}

static int run_token_import_remote(const struct command_line *line)
{
    return import_run_remote(line, &intake_token);
}

const struct command cli_token_import = {
    .name = "token import",
    .arguments = "[FILE]",
    .arguments_max = 1,
    .summary = "takes over tokens of another provider with their secrets, a JSON line each",
    .example =
        "  auth-service token import --dry-run tokens.ndjson\n\n"
        "  {\"oauth_token\": \"…\", \"oauth_token_secret\": \"…\", \"client_id\": \"printer\", \"username\": "
        "\"jane\"}\n\n"
        "Members: oauth_token, oauth_token_secret, client_id and sub or username (needed); scope (left out: the\n"
        "client's default), created_at, expires_at (seconds since 1970). With a sub the user is your site's, found by\n"
        "it (log in by OAUTH1_LOGIN_URL or OAUTH1_LOGIN_TRUSTED_HEADER); without one it is the account made here\n"
        "with this user name (user set-password gives it a password). Who is not there is made. A token that is\n"
        "there already is skipped, so a run can be repeated; a line that is refused is named, and the others are\n"
        "imported. Without FILE, or with -, standard input is read.",
    .options = import_table,
    .options_size = sizeof(struct import_options),
    .needs_config = true,
    .run = run_token_import,
    .run_remote = run_token_import_remote,
};
