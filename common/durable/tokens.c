#include "durable/tokens.h"

#include "crypto/digest.h"
#include "crypto/random.h"
#include "durable/parts.h"
#include "durable/sealing_use.h"
#include "durable/within.h"

#include <stdlib.h>

enum { DIGEST_BYTES = 16, JTI_RANDOM_BYTES = 22 };

void token_free(void *token)
{
    result_free(token);
}

void token_page_free(void *page)
{
    result_free(page);
}

void credential_pair_free(void *pair)
{
    result_free(pair);
}

void token_issued_free(void *issued)
{
    if (issued)
        token_free(((struct token_issued *)issued)->token);
    free(issued);
}

enum status durable_generate_token(char token[TOKEN_TEXT_BYTES], char secret[TOKEN_TEXT_BYTES])
{
    TRY(random_text(token, TOKEN_TEXT_BYTES));
    return random_text(secret, TOKEN_TEXT_BYTES);
}

/* What the unique indexes hold of a token's text, whose length they need not carry. */
static enum status digest_of(struct slice text, unsigned char digest[DIGEST_BYTES])
{
    unsigned char whole[DIGEST_MAX_BYTES];
    TRY(digest_bytes(DIGEST_SHA256, text, whole));
    memcpy(digest, whole, DIGEST_BYTES);
    return STATUS_OK;
}

/* ---- the pair ---- */

enum status durable_pair_read_blocking(struct durable *db, struct slice client_id, struct slice oauth_token,
                                       struct credential_pair **ret_pair)
{
    static const char text[] = CLIENT_ROW
        " WHERE c.client_id = ? UNION ALL " SECRET_ROW " WHERE c.client_id = ? UNION ALL " KEY_ROW
        " WHERE c.client_id = ? UNION ALL " TOKEN_ROW " WHERE t.token_digest = ? AND t.oauth_token = ? ORDER BY 2 DESC";
    unsigned char digest[DIGEST_BYTES];
    TRY(digest_of(oauth_token, digest));
    struct sql_value params[] = {
        sql_text(client_id),   sql_text(client_id), sql_text(client_id), sql_blob(slice_of(digest, sizeof digest)),
        sql_text(oauth_token),
    };
    struct credential_pair *pair = result_new(sizeof *pair);
    if (!pair)
        return STATUS_NO_MEMORY;
    struct parts parts = {.db = db, .arena = &pair->arena, .client = &pair->client, .token = &pair->token};
    db->fault = NULL;
    enum status status = sql_execute_blocking(db->sql, text, params, COUNT_OF(params), read_part, &parts);
    if (status != STATUS_OK) {
        credential_pair_free(pair);
        return status;
    }
    pair->client_found = parts.client_found;
    pair->token_found = parts.token_found;
    db->is_incomplete = !pair->client_found || (oauth_token.len > 0 && !pair->token_found);
    *ret_pair = pair;
    return STATUS_OK;
}

enum status durable_pair_find_blocking(struct durable *db, struct slice client_id, struct slice oauth_token,
                                       struct credential_pair **ret_pair)
{
    struct credential_pair *pair = NULL;
    TRY(durable_pair_read_blocking(db, client_id, oauth_token, &pair));
    enum status status = refuse_damage(db, pair->client.damage);
    if (status == STATUS_OK)
        status = refuse_damage(db, pair->token.damage);
    if (status != STATUS_OK) {
        credential_pair_free(pair);
        return status;
    }
    *ret_pair = pair;
    return STATUS_OK;
}

/* ---- issue ---- */

struct issuing {
    struct durable *db;
    const struct token_issue *issue;
    unsigned char token_digest[DIGEST_BYTES];
    unsigned char temp_digest[DIGEST_BYTES];
    char jti[4 + JTI_RANDOM_BYTES];
    struct buf sealed;
    struct slice allowed_scopes; /* by which these were judged: */
    struct buf scopes;
    struct token *token;
    bool existing;
};

/* Finds the token that this temporary credential has already become, if there is one. */
static enum status load_existing(struct issuing *issuing)
{
    static const char text[] = TOKEN_ROW " WHERE t.temp_digest = ?";
    struct sql_value digest = sql_blob(slice_of(issuing->temp_digest, sizeof issuing->temp_digest));
    struct parts parts = {.db = issuing->db, .arena = &issuing->token->arena, .token = issuing->token};
    if (issuing->issue->temp_token.len == 0)
        return STATUS_OK;
    TRY(sql_execute_blocking(issuing->db->sql, text, &digest, 1, read_part, &parts));
    TRY(refuse_damage(issuing->db, issuing->token->damage));
    issuing->existing = parts.token_found;
    return STATUS_OK;
}

/* A retry of the exchange that made the row gets its token again; anybody else is too late. InnoDB shows a row to
 * others before its commit is on the disk, and a server that is killed just then forgets it: so something is committed
 * behind it, in the same log, before it is handed out. */
static enum status hand_out_existing(struct issuing *issuing)
{
    const struct token *token = issuing->token;
    bool same = slice_eq(token->client_id, issuing->issue->client_id) && token->user == issuing->issue->user;
    if (!same || token->revoked_ms != 0)
        return STATUS_TOKEN_USED;
    return durable_audit_append_blocking(issuing->db, SLICE("client"), SLICE("token.repeat"), token->jti);
}

#define INSERT_TOKEN(client)                                                                                   \
    "INSERT INTO tokens (token_digest, oauth_token, sealed, jti, temp_digest, scopes, created_at, expires_at," \
    " client, user) VALUES (?, ?, ?, ?, ?, ?, ?, ?, " client ", ?)"

/* The INSERT itself looks up the client, the user and the key that sealed the secret, which costs no round trip, and on
 * MySQL keeps them as they are until it is committed: none can be disabled or retired, and no scope withdrawn, in
 * between. What is not found is the client 0, which the foreign key refuses. (An INSERT that selects would make MariaDB
 * hand out the numbers of rows one statement after the other.) */
#define INSERT_WHERE(where)                                                                           \
    INSERT_TOKEN("COALESCE((SELECT c.id FROM clients c, users u, sealing_keys k WHERE c.disabled = 0" \
                 " AND u.disabled = 0 AND k.retiring = 0 AND k.id = ? AND u.id = ? AND " where        \
                 " /*! LOCK IN SHARE MODE */), 0)")
static const char insert_looked_up[] = INSERT_WHERE("c.client_id = ?");
static const char insert_owned[] =
    INSERT_WHERE("c.client_id = ? AND u.generation = ? AND c.allowed_scopes = ? AND c.owner = u.subject");
static const char insert_exchanged[] =
    INSERT_WHERE("c.id = ? AND u.generation = ? AND c.allowed_scopes = ? AND (c.approval = 0 OR c.owner = u.subject)"
                 " AND c.generation = ?");
/* The foreign keys make sure that client and user exist. */
static const char insert_judged[] = INSERT_TOKEN(SEALING_KEY_IN_USE " * ?");

static bool is_exchange(const struct token_issue *issue)
{
    return issue->client != 0 && issue->temp_token.len > 0;
}

/* By an import. */
static bool is_judged(const struct token_issue *issue)
{
    return issue->client != 0 && !is_exchange(issue) && !issue->for_owner;
}

static const char *insert_of(const struct token_issue *issue)
{
    if (issue->for_owner)
        return insert_owned;
    return is_exchange(issue) ? insert_exchanged : is_judged(issue) ? insert_judged : insert_looked_up;
}

static enum status insert_token(struct issuing *issuing, int64_t created_ms, int64_t expires_ms)
{
    const struct token_issue *issue = issuing->issue;
    bool temp = issue->temp_token.len > 0;
    struct sql_value params[15] = {
        sql_blob(slice_of(issuing->token_digest, DIGEST_BYTES)),
        sql_text(issue->oauth_token),
        sql_blob(buf_slice(&issuing->sealed)),
        sql_text(slice_of(issuing->jti, sizeof issuing->jti)),
        sql_digest(slice_of(issuing->temp_digest, temp ? DIGEST_BYTES : 0)),
        sql_text(buf_slice(&issuing->scopes)),
        sql_int(created_ms),
        sql_time(expires_ms),
    };
    size_t count = 8;
    params[count++] = sql_text(keyring_id(issuing->db->keys, 0));
    if (!is_judged(issue))
        params[count++] = sql_int(issue->user);
    params[count++] = issue->client ? sql_int(issue->client) : sql_text(issue->client_id);
    if (is_exchange(issue) || issue->for_owner) {
        params[count++] = sql_int(issue->user_generation);
        params[count++] = sql_text(issuing->allowed_scopes);
    }
    if (is_exchange(issue))
        params[count++] = sql_int(issue->client_generation);
    params[count++] = sql_int(issue->user);
    return sql_execute_blocking(issuing->db->sql, insert_of(issue), params, count, NULL, NULL);
}

static bool has_word(struct slice words, struct slice word)
{
    for (bool more = true; more;)
        if (slice_eq(slice_cut(&words, ' ', &more), word))
            return true;
    return false;
}

/* Keeps those of an exchange's scopes that the client may have. SCOPE_REJECTED if there were some and none is left. */
static enum status write_scopes(struct issuing *issuing)
{
    struct slice rest = issuing->issue->scopes;
    struct buf *scopes = &issuing->scopes;
    bool lost = false;
    buf_reset(scopes);
    for (bool more = rest.len > 0; more;) {
        struct slice scope = slice_cut(&rest, ' ', &more);
        bool keeps = !is_exchange(issuing->issue) || has_word(issuing->allowed_scopes, scope);
        lost |= scope.len && !keeps;
        if (scope.len && keeps) {
            buf_add_str(scopes, scopes->len ? " " : "");
            buf_add(scopes, scope);
        }
    }
    if (scopes->failed)
        return STATUS_NO_MEMORY;
    return lost && scopes->len == 0 ? STATUS_SCOPE_REJECTED : STATUS_OK;
}

/* A client or a user as it is now. */
struct party {
    struct arena *arena;
    int64_t id; /* 0: there is none */
    bool disabled;
    int64_t generation;
    struct slice allowed_scopes; /* of a client */
    struct client serves;        /* likewise: whom */
    struct slice subject;        /* of a user */
};

static enum status read_owner(void *context, const struct sql_value *columns, size_t count)
{
    struct party *party = context;
    struct row_reader row = row_reader(party->arena, columns, count);
    party->id = row_int(&row, 0);
    party->disabled = row_int(&row, 1) != 0;
    party->generation = row_int(&row, 2);
    party->allowed_scopes = row_text(&row, 3);
    party->serves = (struct client){.flags = (unsigned)row_int(&row, 4), .owner = row_text(&row, 5)};
    party->subject = row_text(&row, 6);
    return row_status(&row);
}

/* Nobody was faster: is it the client, the user, or is the token's text taken? OK: the client may have other scopes
 * than were judged by, and it is worth another try. */
static enum status why_nothing_was_inserted(struct issuing *issuing, enum status otherwise)
{
    const struct token_issue *issue = issuing->issue;
    struct sql *sql = issuing->db->sql;
    struct party client = {.arena = &issuing->token->arena};
    struct party user = {.arena = &issuing->token->arena};
    struct sql_value client_id = sql_text(issue->client_id);
    struct sql_value user_id = sql_int(issue->user);
    TRY(sql_execute_blocking(sql,
                             "SELECT id, disabled, generation, allowed_scopes, 128 * approval, owner, ''"
                             " FROM clients WHERE client_id = ?",
                             &client_id, 1, read_owner, &client));
    TRY(sql_execute_blocking(sql, "SELECT id, disabled, generation, '', 0, '', subject FROM users WHERE id = ?",
                             &user_id, 1, read_owner, &user));
    if (client.id == 0 || (issue->client && client.id != issue->client))
        return STATUS_CLIENT_UNKNOWN;
    if (client.disabled)
        return STATUS_CLIENT_DISABLED;
    if (user.id == 0 || user.disabled)
        return STATUS_TOKEN_REJECTED;
    if (!is_exchange(issue))
        return otherwise;
    if (client.generation != issue->client_generation || user.generation != issue->user_generation)
        return STATUS_TOKEN_REJECTED;
    if (!client_serves(&client.serves, user.subject))
        return STATUS_CLIENT_DISABLED;
    if (slice_eq(client.allowed_scopes, issuing->allowed_scopes))
        return otherwise;
    issuing->allowed_scopes = client.allowed_scopes;
    return STATUS_OK;
}

/* Fills the token from what was written. Reading the row back would cost a round trip. */
static enum status describe_new(struct issuing *issuing, int64_t created_ms, int64_t expires_ms)
{
    const struct token_issue *issue = issuing->issue;
    struct token *token = issuing->token;
    const struct {
        struct slice from;
        struct slice *to;
    } texts[] = {
        {slice_of(issuing->jti, sizeof issuing->jti), &token->jti},
        {issue->oauth_token, &token->oauth_token},
        {issue->secret, &token->secret},
        {issue->client_id, &token->client_id},
        {buf_slice(&issuing->scopes), &token->scopes},
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        *texts[i].to = arena_copy(&token->arena, texts[i].from);
        if (slice_is_absent(*texts[i].to))
            return STATUS_NO_MEMORY;
    }
    token->subject = token->username = SLICE("");
    token->client = issue->client;
    token->user = issue->user;
    token->created_ms = created_ms;
    token->expires_ms = expires_ms;
    token->id = sql_last_id(issuing->db->sql);
    return STATUS_OK;
}

/* One statement, which is a transaction by itself. It makes the row, or it finds by the unique digest that there is
 * one. */
static enum status try_issue(struct issuing *issuing, bool *ret_again)
{
    int64_t created_ms = issuing->issue->created_ms ? issuing->issue->created_ms : now_ms(issuing->db);
    int64_t expires_ms = issuing->issue->lifetime_ms ? created_ms + issuing->issue->lifetime_ms : 0;
    enum status status = write_scopes(issuing);
    if (status == STATUS_OK)
        status = insert_token(issuing, created_ms, expires_ms);
    if (status == STATUS_OK)
        return describe_new(issuing, created_ms, expires_ms);
    if (status != STATUS_CONFLICT && status != STATUS_SCOPE_REJECTED)
        return status;
    TRY(load_existing(issuing));
    if (issuing->existing)
        return hand_out_existing(issuing);
    TRY(sealing_key_use(issuing->db, ret_again));
    if (*ret_again)
        return STATUS_OK;
    TRY(why_nothing_was_inserted(issuing, status));
    *ret_again = true;
    return STATUS_OK;
}

static enum status issue_token(struct issuing *issuing)
{
    enum { ROUNDS_MAX = 8 }; /* the client's scopes keep changing */
    bool again = true;
    enum status status = STATUS_OK;
    for (int round = 0; status == STATUS_OK && again && round < ROUNDS_MAX; round++) {
        again = false;
        status = try_issue(issuing, &again);
    }
    return status == STATUS_OK && again ? STATUS_STORE_DOWN : status;
}

static enum status prepare_issue(struct issuing *issuing)
{
    static const char prefix[] = "tok_";
    char memory[SEAL_ROW_BYTES];
    const struct token_issue *wanted = issuing->issue;
    struct buf row = token_row(memory, wanted->client_id, wanted->user, wanted->oauth_token);
    TRY(digest_of(wanted->oauth_token, issuing->token_digest));
    TRY(digest_of(wanted->temp_token, issuing->temp_digest));
    memcpy(issuing->jti, prefix, 4);
    TRY(random_text(issuing->jti + 4, JTI_RANDOM_BYTES));
    TRY(sealed_seal(issuing->db->keys, wanted->secret, buf_slice(&row), &issuing->sealed));
    issuing->token = result_new(sizeof *issuing->token);
    return issuing->token ? STATUS_OK : STATUS_NO_MEMORY;
}

enum status durable_token_issue_blocking(struct durable *db, const struct token_issue *wanted, bool *ret_existing,
                                         struct token **ret_token)
{
    struct issuing issuing = {.db = db, .issue = wanted, .allowed_scopes = wanted->allowed_scopes};
    if (!is_identifier(wanted->oauth_token))
        return STATUS_BAD_INPUT;
    if (!is_identifier(wanted->client_id))
        return STATUS_CLIENT_UNKNOWN;
    db->fault = NULL;
    enum status status = prepare_issue(&issuing);
    if (status == STATUS_OK)
        status = issue_token(&issuing);
    buf_done(&issuing.sealed);
    buf_done(&issuing.scopes);
    if (status != STATUS_OK) {
        token_free(issuing.token);
        return status;
    }
    *ret_existing = issuing.existing;
    *ret_token = issuing.token;
    return STATUS_OK;
}

/* Not IS NULL, for which MySQL may go through the index of the times of revocation, where nearly all tokens are NULL.
 */
#define NOT_REVOKED(column) "COALESCE(" column ", 0) = 0"

/* ---- filters ---- */

enum filter_part { BY_JTI = 1, BY_CLIENT = 2, BY_USER = 4 };

/* A filter with its names resolved, and the parameters in the statements' order: client, user, jti. */
struct resolved_filter {
    unsigned parts; /* enum filter_part */
    bool finds_nothing;
    int64_t client;
    int64_t user;
    struct sql_value params[3];
    size_t count;
};

static enum status resolve_filter(struct durable *db, const struct token_filter *filter, struct resolved_filter *ret)
{
    struct resolved_filter resolved = {0};
    if (filter->client_id.len) {
        TRY(find_id(db, "SELECT id FROM clients WHERE client_id = ?", sql_text(filter->client_id), &resolved.client));
        resolved.parts |= BY_CLIENT;
        resolved.finds_nothing |= resolved.client == 0;
        resolved.params[resolved.count++] = sql_int(resolved.client);
    }
    if (filter->subject.len) {
        TRY(find_id(db, "SELECT id FROM users WHERE subject = ?", sql_text(filter->subject), &resolved.user));
        resolved.parts |= BY_USER;
        resolved.finds_nothing |= resolved.user == 0;
        resolved.params[resolved.count++] = sql_int(resolved.user);
    }
    if (filter->jti.len) {
        resolved.parts |= BY_JTI;
        resolved.params[resolved.count++] = sql_text(filter->jti);
    }
    *ret = resolved;
    return STATUS_OK;
}

/* ---- list ---- */

static enum status read_listed_token(void *context, const struct sql_value *columns, size_t count)
{
    struct token_page *page = context;
    struct row_reader row = row_reader(&page->arena, columns, count);
    struct token *tokens = list_grow(&page->arena, page->tokens, page->count, sizeof *tokens);
    if (!tokens)
        return STATUS_NO_MEMORY;
    page->tokens = tokens;
    return read_token_row(&row, &tokens[page->count++]);
}

static enum status list_tokens(struct durable *db, const struct resolved_filter *filter, struct page_request page,
                               struct token_page *found)
{
#define LIST(where) TOKEN_ROW where " t.id > ? ORDER BY t.id LIMIT ?"
    static const char *const texts[] = {
        [0] = LIST(" WHERE"),
        [BY_JTI] = LIST(" WHERE t.jti = ? AND"),
        [BY_CLIENT] = LIST(" WHERE t.client = ? AND"),
        [BY_CLIENT | BY_JTI] = LIST(" WHERE t.client = ? AND t.jti = ? AND"),
        [BY_USER] = LIST(" WHERE t.user = ? AND"),
        [BY_USER | BY_JTI] = LIST(" WHERE t.user = ? AND t.jti = ? AND"),
        [BY_CLIENT | BY_USER] = LIST(" WHERE t.client = ? AND t.user = ? AND"),
        [BY_CLIENT | BY_USER | BY_JTI] = LIST(" WHERE t.client = ? AND t.user = ? AND t.jti = ? AND"),
    };
#undef LIST
    struct sql_value params[COUNT_OF(filter->params) + 2];
    size_t count = filter->count;
    memcpy(params, filter->params, sizeof filter->params);
    params[count++] = sql_int(page.after_id);
    params[count++] = sql_int(page_limit(page.limit));
    return sql_execute_blocking(db->sql, texts[filter->parts], params, count, read_listed_token, found);
}

enum status durable_token_list_blocking(struct durable *db, const struct token_filter *filter, struct page_request page,
                                        struct token_page **ret_page)
{
    struct resolved_filter resolved;
    TRY(resolve_filter(db, filter, &resolved));
    struct token_page *found = result_new(sizeof *found);
    if (!found)
        return STATUS_NO_MEMORY;
    enum status status = resolved.finds_nothing ? STATUS_OK : list_tokens(db, &resolved, page, found);
    if (status != STATUS_OK) {
        token_page_free(found);
        return status;
    }
    *ret_page = found;
    return STATUS_OK;
}

/* ---- revoke ---- */

static enum status revoke_rows(struct durable *db, const struct resolved_filter *filter, int64_t *ret_count)
{
#define REVOKE "UPDATE tokens SET revoked_at = ? WHERE " NOT_REVOKED("revoked_at") " AND "
    static const char *const texts[] = {
        [BY_JTI] = REVOKE "jti = ?",
        [BY_CLIENT] = REVOKE "client = ?",
        [BY_CLIENT | BY_JTI] = REVOKE "client = ? AND jti = ?",
        [BY_USER] = REVOKE "user = ?",
        [BY_USER | BY_JTI] = REVOKE "user = ? AND jti = ?",
        [BY_CLIENT | BY_USER] = REVOKE "client = ? AND user = ?",
        [BY_CLIENT | BY_USER | BY_JTI] = REVOKE "client = ? AND user = ? AND jti = ?",
    };
#undef REVOKE
    struct sql_value params[COUNT_OF(filter->params) + 1] = {sql_int(now_ms(db))};
    memcpy(params + 1, filter->params, sizeof filter->params);
    TRY(sql_execute_blocking(db->sql, texts[filter->parts], params, filter->count + 1, NULL, NULL));
    *ret_count = sql_affected(db->sql);
    return STATUS_OK;
}

enum status revoke_tokens_of(struct durable *db, int64_t client, int64_t user, int64_t *ret_count)
{
    struct resolved_filter filter = {.client = client, .user = user};
    if (client) {
        filter.parts |= BY_CLIENT;
        filter.params[filter.count++] = sql_int(client);
    }
    if (user) {
        filter.parts |= BY_USER;
        filter.params[filter.count++] = sql_int(user);
    }
    return revoke_rows(db, &filter, ret_count);
}

struct revoking {
    struct durable *db;
    const struct token_filter *filter;
    int64_t count;
};

/* Names the narrowest thing that covers all that was revoked. */
static enum status tell_revoked(struct revoking *revoking, const struct resolved_filter *resolved)
{
    if (resolved->parts & BY_JTI)
        return change_write(revoking->db, CHANGE_TOKEN, CHANGE_REVOKED, revoking->filter->jti);
    if (resolved->parts & BY_USER)
        return change_write_number(revoking->db, CHANGE_USER, CHANGE_REVOKED, resolved->user);
    return change_write(revoking->db, CHANGE_CLIENT, CHANGE_REVOKED, revoking->filter->client_id);
}

static enum status revoke_tokens(struct sql *sql, void *context)
{
    struct revoking *revoking = context;
    struct resolved_filter resolved;
    (void)sql;
    revoking->count = 0;
    TRY(resolve_filter(revoking->db, revoking->filter, &resolved));
    if (resolved.finds_nothing)
        return STATUS_OK;
    TRY(revoke_rows(revoking->db, &resolved, &revoking->count));
    return revoking->count ? tell_revoked(revoking, &resolved) : STATUS_OK;
}

enum status durable_token_revoke_blocking(struct durable *db, const struct token_filter *filter, int64_t *ret_count)
{
    struct revoking revoking = {db, filter, 0};
    if (filter->jti.len + filter->client_id.len + filter->subject.len == 0)
        return STATUS_BAD_INPUT;
    TRY(durable_transaction_blocking(db, revoke_tokens, &revoking));
    *ret_count = revoking.count;
    return STATUS_OK;
}

/* ---- last used ---- */

/* So many tokens are touched by one statement. */
enum { TOUCHED_AT_ONCE = 16 };
#define FOUR(text) text text text text

struct touching {
    struct durable *db;
    int64_t used_ms;
    const int64_t *ids;
    size_t count;
};

/* Where there are fewer, the last one comes several times. No token has the id 0. */
static enum status touch_some(const struct touching *touching, const int64_t *ids, size_t count)
{
    struct sql_value params[2 + TOUCHED_AT_ONCE] = {sql_int(touching->used_ms), sql_int(touching->used_ms)};
    for (size_t i = 0; i < TOUCHED_AT_ONCE; i++)
        params[2 + i] = sql_int(ids[i < count ? i : count - 1]);
    return RUN(touching->db,
               "UPDATE tokens SET last_used_at = ? WHERE (last_used_at IS NULL OR last_used_at < ?)"
               " AND id IN (0" FOUR(FOUR(",?")) ")",
               params);
}

static enum status touch_tokens(struct sql *sql, void *context)
{
    const struct touching *touching = context;
    (void)sql;
    for (size_t i = 0; i < touching->count; i += TOUCHED_AT_ONCE)
        TRY(touch_some(touching, touching->ids + i, touching->count - i));
    return STATUS_OK;
}

static int compare_ids(const void *a, const void *b)
{
    int64_t one = *(const int64_t *)a;
    int64_t other = *(const int64_t *)b;
    return (one > other) - (one < other);
}

enum status durable_token_touch_blocking(struct durable *db, int64_t used_ms, int64_t *ids, size_t count)
{
    struct touching touching = {db, used_ms, ids, count};
    if (count == 0)
        return STATUS_OK;
    qsort(ids, count, sizeof *ids, compare_ids);
    return sql_transaction_blocking(db->sql, touch_tokens, &touching);
}

/* ---- does the user's grant cover it ---- */

struct covering {
    struct slice scopes;
    bool covers;
};

static bool covers_all(struct slice held, struct slice wanted)
{
    for (bool more = wanted.len > 0; more;) {
        struct slice word = slice_cut(&wanted, ' ', &more);
        if (word.len && !has_word(held, word))
            return false;
    }
    return true;
}

static enum status compare_scopes(void *context, const struct sql_value *columns, size_t count)
{
    struct covering *covering = context;
    (void)count;
    covering->covers = covering->covers || covers_all(columns[0].bytes, covering->scopes);
    return STATUS_OK;
}

enum status durable_token_covers_blocking(struct durable *db, struct slice client_id, int64_t user, struct slice scopes,
                                          bool *ret_covers)
{
    struct sql_value params[] = {sql_text(client_id), sql_int(user), sql_int(now_ms(db))};
    struct covering covering = {scopes, false};
    TRY(sql_execute_blocking(
        db->sql,
        "SELECT t.scopes FROM tokens t JOIN clients c ON c.id = t.client WHERE c.client_id = ?"
        " AND t.user = ? AND " NOT_REVOKED("t.revoked_at") " AND (t.expires_at IS NULL OR t.expires_at > ?)",
        params, COUNT_OF(params), compare_scopes, &covering));
    *ret_covers = covering.covers;
    return STATUS_OK;
}
