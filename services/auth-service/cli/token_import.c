#include "cli/import.h"
#include "crypto/ct.h"
#include "durable/tokens.h"
#include "durable/users.h"
#include "oauth/scope.h"

/* `token import`: token credentials of another provider, so that its clients need not ask their users again. */

enum { MS = 1000 };

struct line {
    struct slice oauth_token, oauth_token_secret, client_id, sub, username, scope;
    int64_t created_at, expires_at; /* seconds since 1970; 0: now, never */
};

static const struct json_field fields[] = {
    JSON_FIELD(struct line, oauth_token, JSON_STRING, true),
    JSON_FIELD(struct line, oauth_token_secret, JSON_STRING, true),
    JSON_FIELD(struct line, client_id, JSON_STRING, true),
    JSON_FIELD(struct line, sub, JSON_STRING, false),
    JSON_FIELD(struct line, username, JSON_STRING, false),
    JSON_FIELD(struct line, scope, JSON_STRING, false),
    JSON_FIELD(struct line, created_at, JSON_INT, false),
    JSON_FIELD(struct line, expires_at, JSON_INT, false),
    JSON_FIELDS_END,
};

/* ---- what the line says by itself ---- */

#define WITHOUT_CONTROLS ", without control characters"

static bool is_stored_name(struct slice text)
{
    return text.len > 0 && text.len <= IDENTIFIER_MAX_BYTES && slice_is_printable(text);
}

static enum status check_times(struct import *import, const struct line *line)
{
    int64_t now = clock_wall_ms(&import->store->clock) / MS;
    if (line->created_at < 0 || line->created_at > now)
        return import_refuse(import, "created_at must be a time in the past, in seconds since 1970");
    if (line->expires_at < 0 || (line->expires_at && line->expires_at <= now))
        return import_refuse(import, "expires_at must be a time to come, in seconds since 1970");
    return STATUS_OK;
}

static enum status check_line(struct import *import, const struct line *line)
{
    if (!is_stored_name(line->oauth_token))
        return import_refuse(import, "oauth_token must have 1 to %d bytes" WITHOUT_CONTROLS, IDENTIFIER_MAX_BYTES);
    if (!is_stored_name(line->client_id))
        return import_refuse(import, "client_id must have 1 to %d bytes" WITHOUT_CONTROLS, IDENTIFIER_MAX_BYTES);
    if (line->oauth_token_secret.len > IMPORTED_SECRET_MAX_BYTES)
        return import_refuse(import, "oauth_token_secret may have %d bytes", IMPORTED_SECRET_MAX_BYTES);
    if (slice_is_absent(line->sub) && slice_is_absent(line->username))
        return import_refuse(import, "sub or username is needed");
    if ((!slice_is_absent(line->sub) && !is_stored_name(line->sub)) ||
        (!slice_is_absent(line->username) && !is_stored_name(line->username)))
        return import_refuse(import, "sub and username must have 1 to %d bytes" WITHOUT_CONTROLS, IDENTIFIER_MAX_BYTES);
    if (!scope_is_valid(line->scope))
        return import_refuse(import, "scope is printable ASCII without quotes, separated by spaces");
    if (slice_find(line->scope, ',') < line->scope.len)
        return import_refuse(import, "scope: a comma does not separate scopes; put spaces between them");
    return check_times(import, line);
}

/* ---- what the store says ---- */

/* A token that is there already is skipped if it is this client's, this user's and has this secret; also a revoked one,
 * which no import brings back. */
static enum status check_existing(struct import *import, const struct line *line, const struct token *token)
{
    bool same = slice_eq(token->client_id, line->client_id) && ct_equal(token->secret, line->oauth_token_secret) &&
                (slice_is_absent(line->sub) || slice_eq(token->subject, line->sub)) &&
                (slice_is_absent(line->username) || slice_eq(token->username, line->username));
    return same ? STATUS_CONFLICT
                : import_refuse(import, "this oauth_token exists already, with another secret, client or user");
}

static enum status check_client(struct import *import, const struct line *line, const struct credential_pair *pair)
{
    if (!pair->client_found)
        return import_refuse(import, "there is no client %.*s: import the clients first", SLICE_ARGS(line->client_id));
    if (pair->token_found)
        return check_existing(import, line, &pair->token);
    if (pair->client.flags & CLIENT_DISABLED)
        return import_refuse(import, "client %.*s is disabled", SLICE_ARGS(line->client_id));
    if (!scope_covers(pair->client.allowed_scopes, line->scope))
        return import_refuse(import, "scope is more than client %.*s may ask for", SLICE_ARGS(line->client_id));
    return STATUS_OK;
}

/* ---- the user ---- */

/* A sub that the line names is a site's; without one the user is an account made here. */
static enum status create_user(struct import *import, const struct line *line, int64_t *ret_user)
{
    bool is_sites = !slice_is_absent(line->sub);
    const struct user user = {.source = is_sites ? USER_OF_SITE : USER_MADE_HERE,
                              .subject = is_sites ? line->sub : SLICE(""),
                              .username = line->username.len ? line->username : line->sub};
    if (is_sites && !user_subject_is_sites(line->sub))
        return import_refuse(import, "there is no account with sub %.*s, and no site may use it: leave sub out",
                             SLICE_ARGS(line->sub));
    TRY(import_race(import, durable_user_create_blocking(&import->store->db, &user, ret_user)));
    import->users_created++;
    return STATUS_OK;
}

/* A number that another provider gave is not the number that an earlier version gave to an account here. */
static enum status check_user(struct import *import, const struct line *line, const struct user *user)
{
    if (user->disabled)
        return import_refuse(import, "user %.*s is disabled", SLICE_ARGS(user->username));
    if (user->source == USER_MADE_HERE && !slice_is_absent(line->sub) && user_subject_is_sites(line->sub))
        return import_refuse(import,
                             "sub %.*s is that of %.*s, an account made here: give that one another (auth-service user "
                             "set-local-subject %.*s), or leave sub out if it is the same person",
                             SLICE_ARGS(line->sub), SLICE_ARGS(user->username), SLICE_ARGS(user->username));
    if (!slice_is_absent(line->username) && !slice_eq(user->username, line->username))
        return import_refuse(import, "the user with sub %.*s is called %.*s here", SLICE_ARGS(line->sub),
                             SLICE_ARGS(user->username));
    return STATUS_OK;
}

/* By subject where one is given, else by name; made if there is none, and then without a password. */
static enum status take_user(struct import *import, const struct line *line, int64_t *ret_user)
{
    struct durable *db = &import->store->db;
    struct user *user = NULL;
    enum status status = slice_is_absent(line->sub) ? durable_user_find_by_name_blocking(db, line->username, &user)
                                                    : durable_user_find_by_subject_blocking(db, line->sub, &user);
    if (status == STATUS_NOT_FOUND)
        return create_user(import, line, ret_user);
    TRY(status);
    status = check_user(import, line, user);
    *ret_user = user->id;
    user_free(user);
    return status;
}

/* ---- the token ---- */

static enum status issue_imported(struct import *import, const struct line *line, const struct client *client)
{
    int64_t created_ms = line->created_at ? line->created_at * MS : clock_wall_ms(&import->store->clock);
    struct token_issue issue = {
        .client_id = line->client_id,
        .client = client->id,
        .scopes = slice_is_absent(line->scope) ? client->default_scopes : line->scope,
        .oauth_token = line->oauth_token,
        .secret = line->oauth_token_secret,
        .created_ms = created_ms,
        .lifetime_ms = line->expires_at ? line->expires_at * MS - created_ms : 0,
    };
    struct token *token = NULL;
    bool existing = false;
    TRY(take_user(import, line, &issue.user));
    TRY(import_race(import, durable_token_issue_blocking(&import->store->db, &issue, &existing, &token)));
    enum status status = import_audit(import, "token.import", token->jti);
    token_free(token);
    return status;
}

static enum status import_token(struct import *import, const void *decoded)
{
    const struct line *line = decoded;
    struct credential_pair *pair = NULL;
    TRY(check_line(import, line));
    TRY(durable_pair_find_blocking(&import->store->db, line->client_id, line->oauth_token, &pair));
    enum status status = check_client(import, line, pair);
    if (status == STATUS_OK)
        status = issue_imported(import, line, &pair->client);
    credential_pair_free(pair);
    return status;
}

static int run_token_import(const struct command_line *line)
{
    static const struct import_kind kind = {fields, sizeof(struct line), import_token};
    return import_run(line, &kind);
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
};
