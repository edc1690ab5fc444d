#include "store/rows.h"

/* Small enough that nobody waits long for the write lock. */
enum { BATCH_ROWS = 500 };

static const int64_t DAY_MS = 24LL * 3600 * 1000;

/* Each takes a time and a number of rows. The inner SELECT is wrapped because MySQL takes no LIMIT in an IN. */
static const char delete_changes[] =
    "DELETE FROM changes WHERE sequence IN (SELECT sequence FROM (SELECT sequence FROM changes WHERE at < ?"
    " ORDER BY at LIMIT ?) AS old)";
static const char delete_secrets[] =
    "DELETE FROM client_secrets WHERE id IN (SELECT id FROM (SELECT id FROM client_secrets WHERE expires_at < ?"
    " ORDER BY expires_at LIMIT ?) AS old)";
static const char delete_keys[] =
    "DELETE FROM client_keys WHERE id IN (SELECT id FROM (SELECT id FROM client_keys WHERE expires_at < ?"
    " ORDER BY expires_at LIMIT ?) AS old)";
static const char delete_revoked[] =
    "DELETE FROM tokens WHERE id IN (SELECT id FROM (SELECT id FROM tokens WHERE revoked_at < ?"
    " ORDER BY revoked_at LIMIT ?) AS old)";
static const char delete_expired[] =
    "DELETE FROM tokens WHERE id IN (SELECT id FROM (SELECT id FROM tokens WHERE expires_at < ?"
    " ORDER BY expires_at LIMIT ?) AS old)";

static enum status delete_batch(struct credentials *db, const char *text, int64_t before_ms, int64_t *count)
{
    struct sql_value params[] = {sql_int(before_ms), sql_int(BATCH_ROWS)};
    TRY(sql_execute_blocking(db->sql, text, params, COUNT_OF(params), NULL, NULL));
    *count += sql_affected(db->sql);
    return STATUS_OK;
}

enum status credentials_janitor_blocking(struct credentials *db, struct janitor_counts *ret_counts)
{
    struct janitor_counts counts = {0};
    int64_t now = now_ms(db);
    TRY(delete_batch(db, delete_changes, now - DAY_MS, &counts.changes));
    TRY(delete_batch(db, delete_secrets, now - 30 * DAY_MS, &counts.secrets));
    TRY(delete_batch(db, delete_keys, now - 30 * DAY_MS, &counts.secrets));
    TRY(delete_batch(db, delete_revoked, now - 30 * DAY_MS, &counts.tokens));
    TRY(delete_batch(db, delete_expired, now - 30 * DAY_MS, &counts.tokens));
    *ret_counts = counts;
    return STATUS_OK;
}
