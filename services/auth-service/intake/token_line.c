#include "crypto/ct.h"
#include "durable/tokens.h"
#include "durable/users.h"
#include "intake/intake.h"
#include "oauth/scope.h"

/* Token credentials of another provider, so that its clients need not ask their users again. */

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

static enum status check_times(struct intake *intake, const struct line *line)
{
    int64_t now = clock_wall_ms(intake->db->clock) / MS;
    if (line->created_at < 0 || line->created_at > now)
        return intake_refuse(intake, "created_at must be a time in the past, in seconds since 1970");
    if (line->expires_at < 0 || (line->expires_at && line->expires_at <= now))
        return intake_refuse(intake, "expires_at must be a time to come, in seconds since 1970");
    return STATUS_OK;
}

static enum status check_line(struct intake *intake, const struct line *line)
{
    if (!is_stored_name(line->oauth_token))
        return intake_refuse(intake, "oauth_token must have 1 to %d bytes" WITHOUT_CONTROLS, IDENTIFIER_MAX_BYTES);
    if (!is_stored_name(line->client_id))
        return intake_refuse(intake, "client_id must have 1 to %d bytes" WITHOUT_CONTROLS, IDENTIFIER_MAX_BYTES);
    if (line->oauth_token_secret.len > SECRET_MAX_BYTES)
        return intake_refuse(intake, "oauth_token_secret may have %d bytes", SECRET_MAX_BYTES);
    if (slice_is_absent(line->sub) && slice_is_absent(line->username))
        return intake_refuse(intake, "sub or username is needed");
    if ((!slice_is_absent(line->sub) && !is_stored_name(line->sub)) ||
        (!slice_is_absent(line->username) && !is_stored_name(line->username)))
        return intake_refuse(intake, "sub and username must have 1 to %d bytes" WITHOUT_CONTROLS, IDENTIFIER_MAX_BYTES);
    if (line->scope.len > CLIENT_SCOPES_MAX_BYTES)
        return intake_refuse(intake, "scope: it has %zu bytes, and %d are the most", line->scope.len,
                             CLIENT_SCOPES_MAX_BYTES);
    if (!scope_is_valid(line->scope))
        return intake_refuse(intake, "scope is printable ASCII without quotes, separated by spaces");
    if (slice_find(line->scope, ',') < line->scope.len)
        return intake_refuse(intake, "scope: a comma does not separate scopes; put spaces between them");
    return check_times(intake, line);
}

/* ---- what the store says ---- */

/* A token that is there already is skipped if it is this client's, this user's and has this secret; also a revoked one,
 * which no import brings back. */
static enum status check_existing(struct intake *intake, const struct line *line, const struct token *token)
{
    bool same = slice_eq(token->client_id, line->client_id) && ct_equal(token->secret, line->oauth_token_secret) &&
                (slice_is_absent(line->sub) || slice_eq(token->subject, line->sub)) &&
                (slice_is_absent(line->username) || slice_eq(token->username, line->username));
    if (token->damage.len)
        return intake_refuse(intake, "this oauth_token exists already; %.*s", SLICE_ARGS(token->damage));
    return same ? STATUS_CONFLICT
                : intake_refuse(intake, "this oauth_token exists already, with another secret, client or user");
}

static enum status check_client(struct intake *intake, const struct line *line, const struct credential_pair *pair)
{
    if (!pair->client_found)
        return intake_refuse(intake, "there is no client %.*s: import the clients first", SLICE_ARGS(line->client_id));
    if (pair->token_found)
        return check_existing(intake, line, &pair->token);
    if (pair->client.flags & CLIENT_DISABLED)
        return intake_refuse(intake, "client %.*s is disabled", SLICE_ARGS(line->client_id));
    if (!scope_covers(pair->client.allowed_scopes, line->scope))
        return intake_refuse(intake, "scope is more than client %.*s may ask for", SLICE_ARGS(line->client_id));
    return STATUS_OK;
}

/* ---- the user ---- */

/* A sub that the line names is a site's; without one the user is an account made here. */
static enum status create_user(struct intake *intake, const struct line *line, int64_t *ret_user)
{
    bool is_sites = !slice_is_absent(line->sub);
    const struct user user = {.source = is_sites ? USER_OF_SITE : USER_MADE_HERE,
                              .subject = is_sites ? line->sub : SLICE(""),
                              .username = line->username.len ? line->username : line->sub};
    if (is_sites && !user_subject_is_sites(line->sub))
        return intake_refuse(intake, "there is no account with sub %.*s, and no site may use it: leave sub out",
                             SLICE_ARGS(line->sub));
    TRY(intake_race(intake, durable_user_create_blocking(intake->db, &user, ret_user)));
    intake->users_created++;
    return STATUS_OK;
}

/* A number that another provider gave is not the number that an earlier version gave to an account here. */
static enum status check_user(struct intake *intake, const struct line *line, const struct user *user)
{
    if (user->disabled)
        return intake_refuse(intake, "user %.*s is disabled", SLICE_ARGS(user->username));
    if (user->source == USER_MADE_HERE && !slice_is_absent(line->sub) && user_subject_is_sites(line->sub))
        return intake_refuse(intake,
                             "sub %.*s is that of %.*s, an account made here: give that one another (auth-service user "
                             "set-local-subject %.*s), or leave sub out if it is the same person",
                             SLICE_ARGS(line->sub), SLICE_ARGS(user->username), SLICE_ARGS(user->username));
    if (!slice_is_absent(line->username) && !slice_eq(user->username, line->username))
        return intake_refuse(intake, "the user with sub %.*s is called %.*s here", SLICE_ARGS(line->sub),
                             SLICE_ARGS(user->username));
    return STATUS_OK;
}

/* By subject where one is given, else by name; made if there is none, and then without a password. */
static enum status take_user(struct intake *intake, const struct line *line, int64_t *ret_user)
{
    struct durable *db = intake->db;
    struct user *user = NULL;
    enum status status = slice_is_absent(line->sub) ? durable_user_find_by_name_blocking(db, line->username, &user)
                                                    : durable_user_find_by_subject_blocking(db, line->sub, &user);
    if (status == STATUS_NOT_FOUND)
        return create_user(intake, line, ret_user);
    TRY(status);
    status = check_user(intake, line, user);
    *ret_user = user->id;
    user_free(user);
    return status;
}

/* ---- the token ---- */

static enum status issue_moved(struct intake *intake, const struct line *line, const struct client *client)
{
    int64_t created_ms = line->created_at ? line->created_at * MS : clock_wall_ms(intake->db->clock);
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
    TRY(take_user(intake, line, &issue.user));
    TRY(intake_race(intake, durable_token_issue_blocking(intake->db, &issue, &existing, &token)));
    enum status status = intake_audit(intake, "token.import", token->jti);
    token_free(token);
    return status;
}

static enum status take_token_line(struct intake *intake, const void *decoded)
{
    const struct line *line = decoded;
    struct credential_pair *pair = NULL;
    TRY(check_line(intake, line));
    TRY(durable_pair_read_blocking(intake->db, line->client_id, line->oauth_token, &pair));
    enum status status = check_client(intake, line, pair);
    if (status == STATUS_OK)
        status = issue_moved(intake, line, &pair->client);
    credential_pair_free(pair);
    return status;
}

const struct intake_kind intake_token = {"token", fields, sizeof(struct line), take_token_line};
