#include "durable/migrations.h"

#include "base/embedded.h"
#include "crypto/digest.h"

#include <assert.h>

enum { CHECKSUM_BYTES = 32, NUMBER_DIGITS = 4 };

/* ---- what the program knows ---- */

extern const struct embedded_file durable_migrations_sqlite[];
extern const struct embedded_file durable_migrations_mysql[];

/* In order. */
static const struct embedded_file *migrations_of(const struct sql *sql)
{
    switch (sql->ops->dialect) { /* no default: another dialect does not compile without files of its own */
    case SQL_DIALECT_MYSQL:
        return durable_migrations_mysql;
    case SQL_DIALECT_SQLITE:
        return durable_migrations_sqlite;
    }
    return durable_migrations_sqlite;
}

static int64_t number_of(const struct embedded_file *file)
{
    uint64_t number = 0;
    bool numbered = slice_to_u64(slice_sub(slice_str(file->name), 0, NUMBER_DIGITS), 9999, &number);
    assert(numbered);
    return numbered ? (int64_t)number : 0;
}

static const struct embedded_file *find_known(const struct sql *sql, int64_t number)
{
    for (const struct embedded_file *file = migrations_of(sql); file->name; file++)
        if (number_of(file) == number)
            return file;
    return NULL;
}

static int64_t highest_known(const struct sql *sql)
{
    int64_t highest = 0;
    for (const struct embedded_file *file = migrations_of(sql); file->name; file++)
        highest = number_of(file);
    return highest;
}

/* ---- what the database has ---- */

struct reading {
    const struct sql *sql;
    int64_t highest;
    int64_t count;  /* of those that the program knows */
    bool is_broken; /* by a later version's migration, which `why` names */
    enum schema_state state;
    struct buf *why;
};

/* Whether a migration that the program does not have takes away what it uses: NNNN_breaks_MMMM_… does for programs that
 * know no more than MMMM. Where MMMM is no number, for all. */
static bool is_breaking(struct slice name, int64_t program)
{
    struct slice mark = SLICE("_breaks_");
    struct slice rest = slice_sub(name, NUMBER_DIGITS, name.len);
    uint64_t last = 0;
    if (!slice_starts_with(rest, mark))
        return false;
    bool numbered = slice_to_u64(slice_sub(rest, mark.len, mark.len + NUMBER_DIGITS), 9999, &last);
    return !numbered || program <= (int64_t)last;
}

static void note_unknown(struct reading *reading, struct slice name)
{
    if (reading->is_broken || !is_breaking(name, highest_known(reading->sql)))
        return;
    reading->is_broken = true;
    buf_addf(reading->why, "the migration %.*s took away what this version uses; ", SLICE_ARGS(name));
}

/* Compares one applied migration with the program's. */
static enum status compare_row(void *context, const struct sql_value *columns, size_t count)
{
    struct reading *reading = context;
    unsigned char checksum[CHECKSUM_BYTES];
    assert(count == 3);
    (void)count;
    int64_t number = columns[0].integer;
    const struct embedded_file *file = find_known(reading->sql, number);
    reading->highest = number;
    if (!file) {
        note_unknown(reading, columns[1].bytes);
        return STATUS_OK;
    }
    reading->count++;
    TRY(digest_bytes(DIGEST_SHA256, file->contents, checksum));
    if (reading->state == SCHEMA_CHANGED || slice_eq(columns[2].bytes, slice_of(checksum, sizeof checksum)))
        return STATUS_OK;
    reading->state = SCHEMA_CHANGED;
    buf_addf(reading->why,
             "the migration %.*s was applied to this database in another version than this program has: run the "
             "program that made the database, or restore a backup",
             SLICE_ARGS(columns[1].bytes));
    return STATUS_OK;
}

static void judge_schema(struct reading *reading)
{
    int64_t program = highest_known(reading->sql);
    if (reading->state == SCHEMA_CHANGED)
        return;
    if (reading->highest > program && (reading->is_broken || reading->count < program)) {
        reading->state = SCHEMA_NEW;
        buf_addf(reading->why,
                 "the database's schema has number %lld and this program knows up to %lld: a later version made it; "
                 "run that version",
                 (long long)reading->highest, (long long)program);
    } else if (reading->highest > program) {
        reading->state = SCHEMA_AHEAD;
        buf_addf(reading->why,
                 "the database's schema has number %lld and this program knows up to %lld: it runs on what a later "
                 "version added; end the upgrade by running that version everywhere",
                 (long long)reading->highest, (long long)program);
    } else if (reading->count < program) {
        reading->state = SCHEMA_OLD;
        buf_addf(reading->why,
                 "the database's schema has number %lld and this program needs %lld: run auth-service migrate up",
                 (long long)reading->highest, (long long)program);
    } else {
        reading->state = SCHEMA_CURRENT;
    }
}

enum status migrations_check_blocking(struct sql *sql, struct buf *why, enum schema_state *ret_state)
{
    struct reading reading = {.sql = sql, .state = SCHEMA_CURRENT, .why = why};
    bool exists = false;
    TRY(sql_table_exists_blocking(sql, "schema_migrations", &exists));
    if (exists)
        TRY(sql_execute_blocking(sql, "SELECT number, name, checksum FROM schema_migrations ORDER BY number", NULL, 0,
                                 compare_row, &reading));
    judge_schema(&reading);
    *ret_state = reading.state;
    return STATUS_OK;
}

/* ---- up ---- */

struct applying {
    const struct embedded_file *file;
    int64_t now_ms;
    bool applied;
};

static enum status note_row(void *context, const struct sql_value *columns, size_t count)
{
    (void)columns;
    (void)count;
    *(bool *)context = true;
    return STATUS_OK;
}

static enum status is_applied(struct sql *sql, int64_t number, bool *ret_applied)
{
    struct sql_value params[] = {sql_int(number)};
    bool exists = false;
    *ret_applied = false;
    TRY(sql_table_exists_blocking(sql, "schema_migrations", &exists));
    if (!exists)
        return STATUS_OK;
    return sql_execute_blocking(sql, "SELECT 1 FROM schema_migrations WHERE number = ?", params, COUNT_OF(params),
                                note_row, ret_applied);
}

/* Whether an earlier run was cut off between the statement and its record. */
static enum status was_left(struct sql *sql, int64_t number, bool *ret_left)
{
    *ret_left = false;
    return sql->ops->migration_left_mark ? sql->ops->migration_left_mark(sql, number, ret_left) : STATUS_OK;
}

/* Inside a write transaction (which on MySQL ends with the statement): looks, applies, records. */
static enum status apply_migration(struct sql *sql, void *context)
{
    struct applying *step = context;
    unsigned char checksum[CHECKSUM_BYTES];
    bool already = false;
    bool left = false;
    step->applied = false;
    TRY(is_applied(sql, number_of(step->file), &already));
    if (already)
        return STATUS_OK;
    TRY(digest_bytes(DIGEST_SHA256, step->file->contents, checksum));
    TRY(was_left(sql, number_of(step->file), &left));
    if (!left)
        TRY(sql_execute_blocking(sql, step->file->contents.ptr, NULL, 0, NULL, NULL));
    struct sql_value params[] = {
        sql_int(number_of(step->file)),
        sql_text(slice_str(step->file->name)),
        sql_blob(slice_of(checksum, sizeof checksum)),
        sql_int(step->now_ms),
    };
    TRY(sql_execute_blocking(sql,
                             "INSERT INTO schema_migrations (number, name, checksum, applied_at) VALUES (?, ?, ?, ?)",
                             params, COUNT_OF(params), NULL, NULL));
    step->applied = true;
    return STATUS_OK;
}

static enum status apply_missing(struct sql *sql, int64_t now_ms, struct buf *why, size_t *ret_applied)
{
    size_t applied = 0;
    for (const struct embedded_file *file = migrations_of(sql); file->name; file++) {
        struct applying step = {file, now_ms, false};
        enum status status = sql_transaction_blocking(sql, apply_migration, &step);
        if (status != STATUS_OK) {
            buf_addf(why, "migration %s: %s", file->name, sql_last_error(sql));
            return status;
        }
        applied += step.applied ? 1 : 0;
    }
    *ret_applied = applied;
    return STATUS_OK;
}

/* Lets one process migrate at a time, where a transaction does not do so already. */
static enum status apply_locked(struct sql *sql, int64_t now_ms, struct buf *why, size_t *ret_applied)
{
    enum status status = sql->ops->lock_migrations ? sql->ops->lock_migrations(sql) : STATUS_OK;
    if (status != STATUS_OK) {
        buf_add_str(why, sql_last_error(sql));
        return status;
    }
    status = apply_missing(sql, now_ms, why, ret_applied);
    if (sql->ops->unlock_migrations)
        sql->ops->unlock_migrations(sql);
    return status;
}

enum status migrations_up_blocking(struct sql *sql, int64_t now_ms, struct buf *why, size_t *ret_applied)
{
    enum schema_state state = SCHEMA_CURRENT;
    struct buf reason = BUF_INIT;
    enum status status = migrations_check_blocking(sql, &reason, &state);
    if (status != STATUS_OK)
        buf_add_str(why, sql_last_error(sql));
    else if (state == SCHEMA_NEW || state == SCHEMA_CHANGED)
        buf_add(why, buf_slice(&reason));
    buf_done(&reason);
    TRY(status);
    if (state == SCHEMA_NEW || state == SCHEMA_CHANGED)
        return STATUS_BAD_INPUT;
    return apply_locked(sql, now_ms, why, ret_applied);
}

/* ---- status ---- */

struct lookup {
    int64_t at_ms;
    bool applied;
};

static enum status note_time(void *context, const struct sql_value *columns, size_t count)
{
    struct lookup *lookup = context;
    (void)count;
    *lookup = (struct lookup){columns[0].integer, true};
    return STATUS_OK;
}

enum status migrations_status_blocking(struct sql *sql, migrations_row_fn row, void *context)
{
    bool exists = false;
    TRY(sql_table_exists_blocking(sql, "schema_migrations", &exists));
    for (const struct embedded_file *file = migrations_of(sql); file->name; file++) {
        struct sql_value params[] = {sql_int(number_of(file))};
        struct lookup lookup = {0};
        if (exists)
            TRY(sql_execute_blocking(sql, "SELECT applied_at FROM schema_migrations WHERE number = ?", params,
                                     COUNT_OF(params), note_time, &lookup));
        struct migration migration = {number_of(file), slice_str(file->name), lookup.applied, lookup.at_ms};
        TRY(row(context, &migration));
    }
    return STATUS_OK;
}
