/* sealed_rows: the sealed secrets of both tables that hold some, read alike. Only this room includes it. */
#ifndef COUNTERSIGN_DURABLE_SEALED_ROWS_H
#define COUNTERSIGN_DURABLE_SEALED_ROWS_H

#include "base/arena.h"
#include "durable/durable.h"

enum sealed_table { SEALED_CLIENT_SECRETS, SEALED_TOKENS, SEALED_TABLES };

struct sealed_row {
    enum sealed_table table;
    int64_t id;
    struct slice sealed;
    struct slice client_id;
    struct slice jti; /* a token's, and so are the two behind it */
    struct slice oauth_token;
    int64_t user;
    bool is_live; /* neither expired nor revoked */
};

struct sealed_rows {
    struct arena arena;
    struct sealed_row *rows;
    size_t count;
};

/* The newest secrets that the key sealed. The caller frees with result_free. */
MUST_USE enum status sealed_rows_by_blocking(struct durable *db, enum sealed_table table, struct slice key,
                                             size_t limit, struct sealed_rows **ret_rows);
/* The first secrets after `after_id` that another key sealed. The caller frees with result_free. */
MUST_USE enum status sealed_rows_by_others_blocking(struct durable *db, enum sealed_table table, struct slice key,
                                                    int64_t after_id, size_t limit, struct sealed_rows **ret_rows);
/* How many another key sealed. */
MUST_USE enum status sealed_rows_count_blocking(struct durable *db, enum sealed_table table, struct slice key,
                                                int64_t *ret_count);
/* Writes the secret into `out`. STORE_CORRUPT: it does not open. */
MUST_USE enum status sealed_row_open(const struct keyring *keys, const struct sealed_row *row, struct buf *out);
/* Seals it anew by the first key, unless somebody changed the row since it was read. */
MUST_USE enum status sealed_row_replace_blocking(struct durable *db, const struct sealed_row *row, struct slice secret);

#endif
