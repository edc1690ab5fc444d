#include "admin/tokens.h"

#include "admin/deed.h"
#include "durable/tokens.h"
#include "durable/users.h"
#include "oauth/scope.h"
#include "shapes/token_shape.h"

/* ---- which tokens ---- */

/* An unknown client or user is no error: it just has no tokens (any more). */
static struct token_filter read_filter(const struct deed *deed)
{
    return (struct token_filter){.client_id = deed_query(deed, "client_id"), .subject = deed_query(deed, "sub")};
}

static enum status judge_filter(struct deed *deed, const char **ret_why)
{
    struct token_filter filter = read_filter(deed);
    if ((!slice_is_absent(filter.client_id) && !filter.client_id.len) ||
        (!slice_is_absent(filter.subject) && !filter.subject.len))
        return deed_wrong(deed, ret_why, "client_id, sub: it must not be empty; leave it out for all");
    return STATUS_OK;
}

/* ---- GET tokens, clients/{id}/tokens ---- */

static enum status do_list_tokens(const struct deed *deed, struct durable *db, const struct token_filter *filter,
                                  struct deed_answer *answer)
{
    struct deed_list list = deed_list_begin(deed, answer, "tokens");
    while (!list.is_over) {
        struct token_page *rows = NULL;
        TRY(durable_token_list_blocking(db, filter, list.page, &rows));
        for (size_t i = 0; i < rows->count; i++) {
            const struct token *token = &rows->tokens[i];
            const struct slice texts[] = {token->jti, token->client_id, token->subject, token->username};
            if (deed_list_takes(&list, token->id, texts, COUNT_OF(texts)))
                token_shape_write(&list.json, token);
        }
        deed_list_took(&list, rows->count);
        token_page_free(rows);
    }
    deed_list_end(&list);
    return STATUS_OK;
}

static enum status list_filtered(const struct deed *deed, struct durable *db, struct deed_answer *answer)
{
    struct token_filter filter = read_filter(deed);
    return do_list_tokens(deed, db, &filter, answer);
}

static const char *const list_query[] = {DEED_LIST_QUERY, "client_id", "sub", NULL};
static const struct deed_kind list_kind = {
    .noun = "token", .query = list_query, .is_list = true, .judge = judge_filter, .work = list_filtered};

DEED_ENDPOINT(token_deeds_list, list_kind);

static enum status list_of_client(const struct deed *deed, struct durable *db, struct deed_answer *answer)
{
    struct client *client = NULL;
    const struct token_filter filter = {.client_id = deed->id};
    TRY(durable_client_read_blocking(db, deed->id, &client));
    client_free(client);
    return do_list_tokens(deed, db, &filter, answer);
}

static const char *const page_query[] = {DEED_LIST_QUERY, NULL};
static const struct deed_kind of_client_kind = {
    .noun = "client", .query = page_query, .is_list = true, .work = list_of_client};

DEED_ENDPOINT(token_deeds_of_client, of_client_kind);

/* ---- DELETE tokens?client_id=&sub= ---- */

static const char *const bulk_query[] = {"client_id", "sub", "dry_run", NULL};

static enum status judge_bulk(struct deed *deed, const char **ret_why)
{
    if (slice_is_absent(deed_query(deed, "client_id")) && slice_is_absent(deed_query(deed, "sub")))
        return deed_wrong(deed, ret_why, "client_id, sub: say whose tokens, by one or by both");
    TRY(deed_judge_dry(deed, ret_why));
    return judge_filter(deed, ret_why);
}

static void answer_count(struct deed_answer *answer, const char *name, int64_t count)
{
    struct json_writer json = json_writer(&answer->json);
    json_begin_object(&json);
    json_member_int(&json, name, count);
    json_end_object(&json);
    answer->http_status = 200;
}

/* A dry run does it, and what has an answer and a status other than OK is rolled back: it counts what would go. */
static enum status revoke_all(const struct deed *deed, struct durable *db, struct deed_answer *answer)
{
    struct token_filter filter = read_filter(deed);
    int64_t count = 0;
    TRY(durable_token_revoke_blocking(db, &filter, &count));
    answer_count(answer, deed_is_dry(deed) ? "would_revoke" : "revoked", count);
    if (deed_is_dry(deed))
        return STATUS_BAD_INPUT;
    return deed_audit_entry(deed, db,
                            (struct audit_entry){.what = SLICE("token.revoke"),
                                                 .subject = filter.client_id.len ? filter.client_id : filter.subject,
                                                 .client = filter.client_id,
                                                 .user = filter.subject});
}

static const struct deed_kind bulk_kind = {
    .noun = "token", .row = CHANGE_TOKEN, .query = bulk_query, .writes = true, .judge = judge_bulk, .work = revoke_all};

DEED_ENDPOINT(token_deeds_revoke_all, bulk_kind);

/* ---- POST tokens ---- */

struct token_input {
    struct slice client_id, sub, scope;
    int64_t lifetime; /* seconds; 0: for ever */
    char token[TOKEN_TEXT_BYTES], secret[TOKEN_TEXT_BYTES];
};

static const struct json_field token_fields[] = {
    JSON_FIELD(struct token_input, client_id, JSON_STRING, true),
    JSON_FIELD(struct token_input, sub, JSON_STRING, true),
    JSON_FIELD(struct token_input, scope, JSON_STRING, false),
    JSON_FIELD(struct token_input, lifetime, JSON_INT, false),
    JSON_FIELDS_END,
};

static enum status judge_issue(struct deed *deed, const char **ret_why)
{
    enum { LIFETIME_MAX_S = 100 * 366 * 86400LL };
    struct token_input *input = deed->input = arena_calloc(&deed->arena, 1, sizeof *input);
    if (!input)
        return STATUS_NO_MEMORY;
    TRY(json_decode(deed->body, token_fields, JSON_NULL_REFUSED, "", &deed->arena, input, NULL, ret_why));
    if (input->scope.len > CLIENT_SCOPES_MAX_BYTES)
        return deed_wrong(deed, ret_why, "scope: it has %zu bytes, and %d are the most", input->scope.len,
                          CLIENT_SCOPES_MAX_BYTES);
    if (!scope_is_valid(input->scope))
        return deed_wrong(deed, ret_why, "scope is printable ASCII without quotes, separated by spaces");
    if (slice_find(input->scope, ',') < input->scope.len)
        return deed_wrong(deed, ret_why, "scope: a comma does not separate scopes; put spaces between them");
    if (input->lifetime < 0 || input->lifetime > LIFETIME_MAX_S)
        return deed_wrong(deed, ret_why, "lifetime must be a number of seconds, at most a hundred years");
    return durable_generate_token(input->token, input->secret);
}

static enum status find_parties(const struct token_input *input, struct durable *db, struct deed_answer *answer,
                                struct client **ret_client, struct user **ret_user)
{
    enum status status = durable_client_read_blocking(db, input->client_id, ret_client);
    if (status == STATUS_NOT_FOUND)
        return deed_refuse(answer, 400, "client_id: there is no such client");
    TRY(status);
    status = durable_user_find_by_subject_blocking(db, input->sub, ret_user);
    if (status == STATUS_NOT_FOUND)
        return deed_refuse(answer, 400, "sub: there is no such user");
    TRY(status);
    if ((*ret_client)->flags & CLIENT_DISABLED || !client_serves(*ret_client, input->sub))
        return deed_refuse(answer, 400, "client_id: the client is disabled, or works for its owner alone");
    if ((*ret_user)->disabled)
        return deed_refuse(answer, 400, "sub: the user is disabled");
    if (!scope_covers((*ret_client)->allowed_scopes, input->scope))
        return deed_refuse(answer, 400, "scope is more than the client may ask for");
    return STATUS_OK;
}

static void answer_issued(struct deed_answer *answer, const struct token_input *input, const struct token *token)
{
    struct json_writer json = json_writer(&answer->json);
    json_begin_object(&json);
    json_member_string(&json, "oauth_token", slice_of(input->token, sizeof input->token));
    json_member_string(&json, "oauth_token_secret", slice_of(input->secret, sizeof input->secret));
    json_member_string(&json, "jti", token->jti);
    json_end_object(&json);
    deed_place(answer, "tokens", token->jti);
    answer->http_status = 201;
}

static enum status store_token(const struct deed *deed, struct durable *db, const struct client *client,
                               const struct user *user, struct deed_answer *answer)
{
    const struct token_input *input = deed->input;
    struct token *token = NULL;
    bool existing = false;
    const struct token_issue issue = {
        .client_id = client->client_id,
        .user = user->id,
        .scopes = slice_is_absent(input->scope) ? client->default_scopes : input->scope,
        .oauth_token = slice_of(input->token, sizeof input->token),
        .secret = slice_of(input->secret, sizeof input->secret),
        .lifetime_ms = input->lifetime * 1000,
    };
    TRY(durable_token_issue_blocking(db, &issue, &existing, &token));
    enum status status = deed_audit(deed, db, "token.issue", token->jti);
    answer_issued(answer, input, token);
    token_free(token);
    return status;
}

static enum status do_issue_token(const struct deed *deed, struct durable *db, struct deed_answer *answer)
{
    struct client *client = NULL;
    struct user *user = NULL;
    enum status status = find_parties(deed->input, db, answer, &client, &user);
    if (status == STATUS_OK)
        status = store_token(deed, db, client, user, answer);
    client_free(client);
    user_free(user);
    return status;
}

static const struct deed_kind issue_kind = {.noun = "token",
                                            .row = CHANGE_TOKEN,
                                            .body = DEED_TAKES_OBJECT,
                                            .writes = true,
                                            .judge = judge_issue,
                                            .work = do_issue_token};

DEED_ENDPOINT(token_deeds_issue, issue_kind);

/* ---- GET, DELETE tokens/{jti} ---- */

/* What may change of a token: that it was revoked, and its scopes, which a user may take away but not give. */
static int64_t version_of_token(const struct token *token)
{
    return token->revoked_ms ? token->revoked_ms : (int64_t)token->scopes.len + 1;
}

static enum status find_token(const struct deed *deed, struct durable *db, struct token_page **ret_rows)
{
    const struct token_filter filter = {.jti = deed->id};
    TRY(durable_token_list_blocking(db, &filter, (struct page_request){.limit = 1}, ret_rows));
    if ((*ret_rows)->count)
        return STATUS_OK;
    token_page_free(*ret_rows);
    return STATUS_NOT_FOUND;
}

static enum status do_show_token(const struct deed *deed, struct durable *db, struct deed_answer *answer)
{
    struct token_page *rows = NULL;
    struct json_writer json = json_writer(&answer->json);
    TRY(find_token(deed, db, &rows));
    token_shape_write(&json, rows->tokens);
    answer->version = version_of_token(rows->tokens);
    token_page_free(rows);
    return STATUS_OK;
}

static const struct deed_kind show_kind = {.noun = "token", .work = do_show_token};

DEED_ENDPOINT(token_deeds_show, show_kind);

/* One that was revoked before is no error; one that never was is. */
static enum status do_revoke_token(const struct deed *deed, struct durable *db, struct deed_answer *answer)
{
    const struct token_filter filter = {.jti = deed->id};
    struct token_page *rows = NULL;
    int64_t count = 0;
    TRY(find_token(deed, db, &rows));
    enum status status = deed_match(deed, answer, version_of_token(rows->tokens));
    token_page_free(rows);
    TRY(status);
    TRY(durable_token_revoke_blocking(db, &filter, &count));
    answer_count(answer, "revoked", count);
    return deed_audit(deed, db, "token.revoke", deed->id);
}

static const struct deed_kind revoke_kind = {
    .noun = "token", .row = CHANGE_TOKEN, .writes = true, .needs_match = true, .work = do_revoke_token};

DEED_ENDPOINT(token_deeds_revoke, revoke_kind);
