#include "durable/changes.h"
#include "durable/rows.h"

/* Small enough that nobody waits long for the write lock. */
enum { BATCH_ROWS = 500, CHUNK_ROWS = 25 };

static const int64_t DAY_MS = 24LL * 3600 * 1000;

/* Numbers are looked up by the index of their time, then deleted by primary key: for a DELETE with a subquery MariaDB
 * would go through the whole table. */
struct rule {
    const char *find;   /* takes a time and a number of rows */
    const char *delete; /* takes CHUNK_ROWS numbers */
};

#define FIVE    "?, ?, ?, ?, ?"
#define NUMBERS "(" FIVE ", " FIVE ", " FIVE ", " FIVE ", " FIVE ")"
#define RULE(table, key, time)                                                        \
    {                                                                                 \
        "SELECT " key " FROM " table " WHERE " time " < ? ORDER BY " time " LIMIT ?", \
            "DELETE FROM " table " WHERE " key " IN " NUMBERS                         \
    }

static const struct rule changes = RULE("changes", "sequence", "at");
static const struct rule audit = RULE("audit", "id", "at");
static const struct rule secrets = RULE("client_secrets", "id", "expires_at");
static const struct rule keys = RULE("client_keys", "id", "expires_at");
static const struct rule revoked = RULE("tokens", "id", "revoked_at");
static const struct rule expired = RULE("tokens", "id", "expires_at");

struct batch {
    const struct rule *rule;
    int64_t before_ms;
    struct sql_value numbers[BATCH_ROWS + CHUNK_ROWS];
    size_t count;
    int64_t deleted;
};

static enum status note_number(void *context, const struct sql_value *columns, size_t count)
{
    struct batch *batch = context;
    (void)count;
    if (batch->count < BATCH_ROWS)
        batch->numbers[batch->count++] = sql_int(columns[0].integer);
    return STATUS_OK;
}

static enum status delete_found(struct sql *sql, void *context)
{
    struct batch *batch = context;
    struct sql_value params[] = {sql_int(batch->before_ms), sql_int(BATCH_ROWS)};
    batch->count = 0;
    batch->deleted = 0;
    TRY(sql_execute_blocking(sql, batch->rule->find, params, COUNT_OF(params), note_number, batch));
    for (size_t i = batch->count; i % CHUNK_ROWS != 0; i++)
        batch->numbers[i] = batch->numbers[i - 1]; /* the last once more: the statement takes as many */
    for (size_t i = 0; i < batch->count; i += CHUNK_ROWS) {
        TRY(sql_execute_blocking(sql, batch->rule->delete, &batch->numbers[i], CHUNK_ROWS, NULL, NULL));
        batch->deleted += sql_affected(sql);
    }
    return STATUS_OK;
}

static enum status delete_batch(struct durable *db, const struct rule *rule, int64_t before_ms, int64_t *count)
{
    struct batch batch = {.rule = rule, .before_ms = before_ms};
    TRY(sql_transaction_blocking(db->sql, delete_found, &batch));
    *count += batch.deleted;
    return STATUS_OK;
}

enum status durable_janitor_blocking(struct durable *db, struct janitor_counts *ret_counts)
{
    struct janitor_counts counts = {0};
    int64_t now = now_ms(db);
    TRY(delete_batch(db, &changes, now - DAY_MS, &counts.changes));
    TRY(delete_batch(db, &secrets, now - 30 * DAY_MS, &counts.secrets));
    TRY(delete_batch(db, &keys, now - 30 * DAY_MS, &counts.secrets));
    TRY(delete_batch(db, &revoked, now - 30 * DAY_MS, &counts.tokens));
    TRY(delete_batch(db, &expired, now - 30 * DAY_MS, &counts.tokens));
    *ret_counts = counts;
    return STATUS_OK;
}

enum status durable_audit_prune_blocking(struct durable *db, int64_t before_ms, int64_t *ret_count)
{
    int64_t count = 0;
    TRY(delete_batch(db, &audit, before_ms, &count));
    *ret_count = count;
    return STATUS_OK;
}
