/* tokens: token credentials (RFC 5849 §1.1), and the pair that every verification loads. */
#ifndef COUNTERSIGN_DURABLE_TOKENS_H
#define COUNTERSIGN_DURABLE_TOKENS_H

#include "base/arena.h"
#include "durable/clients.h"

/* The texts of a token but what names it and its client, and its secret: X(member, its column in a part's row). */
#define TOKEN_TEXTS(X)                                                    \
    X(jti, "t.jti") /* "tok_…": names the token without revealing it */ \
    X(scopes, "t.scopes")                                                 \
    X(subject, "u.subject")                                               \
    X(username, "COALESCE(u.site_name, u.username)")

#define TOKEN_MEMBER(member, ...) struct slice member;
struct token {
    struct arena arena; /* unused within another result */
    int64_t id;
    TOKEN_TEXTS(TOKEN_MEMBER);
    struct slice oauth_token;
    struct slice secret; /* empty in lists, and where there is damage */
    struct slice damage; /* as a client's: why the secret does not open */
    int64_t client;      /* struct client's id */
    struct slice client_id;
    int64_t user; /* struct user's id */
    bool user_disabled;
    int64_t created_ms;
    int64_t last_used_ms; /* coarse */
    int64_t expires_ms;   /* 0: never */
    int64_t revoked_ms;   /* 0: not revoked */
};
#undef TOKEN_MEMBER

/* What is known about (client_id, oauth_token). Nothing is judged here: the one who verifies decides in which order a
 * disabled client, another client's token (token.client != client.id), a revoked or an expired one is told, and needs
 * the secrets even then. */
struct credential_pair {
    struct arena arena;
    bool client_found;
    bool token_found;
    struct client client; /* without callbacks */
    struct token token;
};

struct token_page {
    struct arena arena;
    struct token *tokens; /* without secrets */
    size_t count;
};

void token_free(void *token);
void token_page_free(void *page);
void credential_pair_free(void *pair);

/* In one round trip, for whoever verifies by it. An empty oauth_token asks for the client alone. OK also when neither
 * exists. STORE_CORRUPT: a live secret of the client, or the token's, does not open. */
MUST_USE enum status durable_pair_find_blocking(struct durable *db, struct slice client_id, struct slice oauth_token,
                                                struct credential_pair **ret_pair);
/* The same for whoever moves it elsewhere: `damage` tells of what does not open. */
MUST_USE enum status durable_pair_read_blocking(struct durable *db, struct slice client_id, struct slice oauth_token,
                                                struct credential_pair **ret_pair);
/* Complete with a struct credential_pair. From a replica, if there is one, what it has may be old, but is never
 * missing; `current`: from the primary, as after an invalidation. */
void durable_pair_find_start(struct durable_pool *pool, struct slice client_id, struct slice oauth_token,
                             struct ticket ticket);
void durable_pair_find_current_start(struct durable_pool *pool, struct slice client_id, struct slice oauth_token,
                                     struct ticket ticket);

struct token_issue {
    struct slice temp_token; /* the temporary credential that is exchanged; empty: none (operator, import) */
    struct slice client_id;
    int64_t user;
    struct slice scopes;
    int64_t client; /* struct client's id, where the caller has judged it and the user; 0: they are looked up */
    /* Of an exchange, whose client and user were judged when it was begun and granted: */
    int64_t client_generation;
    int64_t user_generation;
    struct slice allowed_scopes; /* the client's, as far as the caller knows */
    bool for_owner;              /* the user is the client's owner, and neither he nor its scopes have changed: the last
                                    two hold, or CONFLICT */
    struct slice oauth_token;    /* new, from the caller; at most 255 bytes */
    struct slice secret;
    int64_t created_ms;  /* 0: now; another time only for an import */
    int64_t lifetime_ms; /* from then on; 0: never expires */
};

/* Exactly one token for each temporary credential, whatever races and crashes: the first call makes the row; a later
 * one whose client and user are the row's gets that same token (*ret_existing true), another's is TOKEN_USED, so is one
 * whose token was revoked. OK only after the commit. Client and user are judged by the statement that makes the row,
 * unless the caller of an import has judged them: they are enabled, and of an exchange not disabled since it was begun
 * and granted; and of its scopes the token gets those that the client may have by then. A new token comes without
 * subject and username, which nobody who has just been asked for it needs to be told: one round trip. CLIENT_UNKNOWN;
 * CLIENT_DISABLED, also of an exchange for a user whom the client may not serve any more (client_serves);
 * TOKEN_REJECTED: the user is gone or disabled, or one of both was disabled meanwhile; SCOPE_REJECTED:
 * none of its scopes is left; CONFLICT: oauth_token exists already. */
MUST_USE enum status durable_token_issue_blocking(struct durable *db, const struct token_issue *issue,
                                                  bool *ret_existing, struct token **ret_token);
struct token_issued {
    struct token *token;
    bool existing;
};
void token_issued_free(void *issued);
/* Completes with a struct token_issued. The subject of `audit` is the token's jti, whatever it says. */
void durable_token_issue_start(struct durable_pool *pool, const struct token_issue *issue,
                               const struct audit_entry *audit, struct ticket ticket);

/* Fills in unguessable text of 32 characters (190 bit) each. */
enum { TOKEN_TEXT_BYTES = 32 };
MUST_USE enum status durable_generate_token(char token[TOKEN_TEXT_BYTES], char secret[TOKEN_TEXT_BYTES]);

/* Which tokens are meant. Every part that is not empty must match. */
struct token_filter {
    struct slice jti;
    struct slice client_id;
    struct slice subject;
};

/* Lists tokens, revoked and expired ones included. */
MUST_USE enum status durable_token_list_blocking(struct durable *db, const struct token_filter *filter,
                                                 struct page_request page, struct token_page **ret_page);

/* Revokes what the filter finds and is not revoked yet, and counts it; 0 is OK. BAD_INPUT: an empty filter. */
MUST_USE enum status durable_token_revoke_blocking(struct durable *db, const struct token_filter *filter,
                                                   int64_t *ret_count);
/* Completes with an int64_t, the count. */
void durable_token_revoke_start(struct durable_pool *pool, const struct token_filter *filter,
                                const struct audit_entry *audit, struct ticket ticket);

/* Moves last_used_ms of these tokens (struct token's id) on to used_ms, never back, in one transaction. Sorts the ids:
 * processes that saw the same tokens in another order would wait for each other crosswise. */
MUST_USE enum status durable_token_touch_blocking(struct durable *db, int64_t used_ms, int64_t *ids, size_t count);
/* Completes with nothing but the status. */
void durable_token_touch_start(struct durable_pool *pool, int64_t used_ms, const int64_t *ids, size_t count,
                               struct ticket ticket);

/* Whether the user holds a live token of this client that covers all of `scopes` (CLIENT_TRUSTED). */
MUST_USE enum status durable_token_covers_blocking(struct durable *db, struct slice client_id, int64_t user,
                                                   struct slice scopes, bool *ret_covers);
/* Completes with a bool. */
void durable_token_covers_start(struct durable_pool *pool, struct slice client_id, int64_t user, struct slice scopes,
                                struct ticket ticket);

#endif
