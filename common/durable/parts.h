/* parts: a client, or a client and a token, in one round trip. Only this room includes it.
 *
 * One SELECT answers with rows of several kinds, put together by UNION ALL: all kinds share the columns PART, ID,
 * seven more numbers and as many texts as a client has, and leave empty what they do not need. */
#ifndef COUNTERSIGN_DURABLE_PARTS_H
#define COUNTERSIGN_DURABLE_PARTS_H

#include "durable/rows.h"
#include "durable/tokens.h"

/* ---- the rows ---- */

#define PART_FLAG(NAME, bit, column, ...) #bit " * c." #column " + "
#define PART_TEXT(column, ...)            ", c." #column
#define PART_FLAGS                        CLIENT_FLAGS(PART_FLAG) "8 * (c.disabled <> 0) + 512 * (c.disabled = 2) + 128 * c.approval"
#define PART_TEXTS                        CLIENT_TEXTS(PART_TEXT)

#define CLIENT_ROW                                                                         \
    "SELECT 1, c.id, c.version, " PART_FLAGS ", c.created_at, c.updated_at, c.generation," \
    " c.logo_number, NULL, c.client_id" PART_TEXTS " FROM clients c"

/* ", null, null": the texts that a kind leaves empty behind the 1, 2 or 7 that it has. */
#define PART_NO_TEXT(...)                          , null
#define PART_CALL(macro, ...)                      macro(__VA_ARGS__)
#define PART_BEHIND_1(none, ...)                   ", " #__VA_ARGS__
#define PART_BEHIND_2(none, a, ...)                ", " #__VA_ARGS__
#define PART_BEHIND_7(none, a, b, c, d, e, f, ...) ", " #__VA_ARGS__
#define PART_EMPTY_BEHIND(n)                       PART_CALL(PART_BEHIND_##n, CLIENT_TEXTS(PART_NO_TEXT))

/* The newest row comes first, which secrets and keys need; callbacks stay in the order in which they were given. */
#define CALLBACK_ROW                                                    \
    "SELECT 2, -p.id, p.is_prefix, NULL, NULL, NULL, NULL, NULL, NULL," \
    " p.uri" PART_EMPTY_BEHIND(1) " FROM client_callbacks p JOIN clients c ON c.id = p.client"

#define SECRET_ROW                                                              \
    "SELECT 3, s.id, s.created_at, s.expires_at, NULL, NULL, NULL, NULL, NULL," \
    " s.sealed, c.client_id" PART_EMPTY_BEHIND(2) " FROM client_secrets s JOIN clients c ON c.id = s.client"

#define KEY_ROW                                                                 \
    "SELECT 4, k.id, k.created_at, k.expires_at, NULL, NULL, NULL, NULL, NULL," \
    " k.pem" PART_EMPTY_BEHIND(1) " FROM client_keys k JOIN clients c ON c.id = k.client"

#define PART_TOKEN_TEXT(member, column) ", " column
#define PART_TOKEN_TEXTS                TOKEN_TEXTS(PART_TOKEN_TEXT)
#define PART_EMPTY_BEHIND_TOKEN         PART_EMPTY_BEHIND(7)

#define TOKEN_ROW                                                                                             \
    "SELECT 5, t.id, t.client, t.user, t.created_at, t.last_used_at, t.expires_at, t.revoked_at, u.disabled," \
    " t.oauth_token, t.sealed, c.client_id" PART_TOKEN_TEXTS PART_EMPTY_BEHIND_TOKEN                          \
    " FROM tokens t JOIN clients c ON c.id = t.client JOIN users u ON u.id = t.user"

/* ---- where they go ---- */

struct parts {
    struct durable *db;
    struct arena *arena;
    struct client *client;
    struct token *token; /* NULL where no token row can come */
    bool client_found;
    bool token_found;
};

/* A sql_row_fn whose context is a struct parts. Secrets are opened; `damage` tells of a live one that does not open. */
enum status read_part(void *context, const struct sql_value *columns, size_t count);
/* STORE_CORRUPT where there is damage, which durable_last_error then tells. */
MUST_USE enum status refuse_damage(struct durable *db, struct slice damage);

/* For lists, where no secret is opened. */
MUST_USE enum status read_client_row(struct row_reader *row, struct client *client);
MUST_USE enum status read_token_row(struct row_reader *row, struct token *token);

/* ---- what sealed secrets are bound to ---- */

enum { SEAL_ROW_BYTES = 2 * IDENTIFIER_MAX_BYTES + 64 };

/* Opening needs the same identity, so a sealed secret that somebody copied to another client's row, or a token's row
 * that he gave to another user, is useless. */
struct buf client_secret_row(char memory[SEAL_ROW_BYTES], struct slice client_id);
struct buf token_row(char memory[SEAL_ROW_BYTES], struct slice client_id, int64_t user, struct slice oauth_token);

#endif
