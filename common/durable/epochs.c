/* nonce_ledger.h: epochs and the processes that use them. */
#include "durable/nonce_rows.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- an epoch's row ---- */

enum { ROW_IS_USED = 1, ROW_WAS_USED = 2 }; /* what the column `used` is made of */

static void copy_text(char *place, size_t size, struct slice text)
{
    (void)snprintf(place, size, "%.*s", SLICE_ARGS(text));
}

static enum status take_row(void *context, const struct sql_value *columns, size_t count)
{
    struct nonce_row *row = context;
    (void)count;
    if (columns[0].bytes.len >= sizeof row->epoch || columns[1].bytes.len >= sizeof row->record)
        return STATUS_STORE_CORRUPT;
    row->exists = columns[0].bytes.len > 0;
    copy_text(row->epoch, sizeof row->epoch, columns[0].bytes);
    copy_text(row->record, sizeof row->record, columns[1].bytes);
    row->is_used = columns[2].integer & ROW_IS_USED;
    row->was_used = columns[2].integer & ROW_WAS_USED;
    return accepted_ranges_parse(columns[3].bytes, &row->ranges) == STATUS_OK ? STATUS_OK : STATUS_STORE_CORRUPT;
}

/* When a version without ranges last used a nonce store that this one replaces. */
static enum status read_earlier(struct durable *db, struct slice name, int64_t *ret_ms)
{
    struct sql_value params[] = {sql_text(name), sql_text(name), sql_text(SLICE(NONCE_STORE_SHARED))};
    return sql_execute_blocking(db->sql,
                                "SELECT MAX(at) FROM nonce_stores WHERE (name = ? OR ? = 'redis' OR name = ?) AND "
                                "name NOT IN (SELECT name FROM nonce_epochs WHERE epoch <> '')",
                                params, COUNT_OF(params), take_int, ret_ms);
}

enum status nonce_row_read_blocking(struct durable *db, struct slice name, struct nonce_row *ret_row)
{
    struct nonce_row row = {0};
    struct sql_value param = sql_text(name);
    /* the row first: whoever else makes it waits for our commit */
    enum status status = sql_execute_blocking(
        db->sql, "INSERT INTO nonce_epochs (name, epoch, record, used, ranges) VALUES (?, '', '', 0, '')", &param, 1,
        NULL, NULL);
    if (status != STATUS_OK && status != STATUS_CONFLICT)
        return status;
    TRY(sql_execute_blocking(db->sql,
                             "SELECT epoch, record, used, ranges FROM nonce_epochs WHERE name = ? /*! FOR UPDATE */",
                             &param, 1, take_row, &row));
    if (!row.exists)
        TRY(read_earlier(db, name, &row.earlier_ms));
    *ret_row = row;
    return STATUS_OK;
}

enum status nonce_row_write_blocking(struct durable *db, struct slice name, const struct nonce_row *row)
{
    char memory[ACCEPTED_TEXT_BYTES];
    struct buf ranges = buf_fixed(memory, sizeof memory);
    accepted_ranges_write(&row->ranges, &ranges);
    struct sql_value params[] = {sql_text(slice_str(row->epoch)), sql_text(slice_str(row->record)),
                                 sql_int(row->is_used * ROW_IS_USED + row->was_used * ROW_WAS_USED),
                                 sql_text(buf_slice(&ranges)), sql_text(name)};
    return RUN(db, "UPDATE nonce_epochs SET epoch = ?, record = ?, used = ?, ranges = ? WHERE name = ?", params);
}

static enum status add_ranges(void *context, const struct sql_value *columns, size_t count)
{
    struct accepted_ranges ranges;
    (void)count;
    if (accepted_ranges_parse(columns[0].bytes, &ranges) != STATUS_OK)
        return STATUS_STORE_CORRUPT;
    accepted_ranges_guard_others(context, &ranges);
    return STATUS_OK;
}

enum status nonce_row_others_blocking(struct durable *db, struct slice name, struct accepted_ranges *ret_ranges)
{
    struct sql_value params[] = {sql_text(name), sql_text(name), sql_text(SLICE(NONCE_STORE_SHARED))};
    *ret_ranges = (struct accepted_ranges){0};
    return sql_execute_blocking(db->sql,
                                "SELECT ranges FROM nonce_epochs WHERE name <> ? AND (? = 'redis' OR name = ?) AND "
                                "name NOT LIKE 'redis/%' /*! FOR UPDATE */",
                                params, COUNT_OF(params), add_ranges, ret_ranges);
}

/* ---- parts ---- */

enum { PART_NAME_BYTES = 80 };

/* "redis/7"; the rows of parts say nothing that their whole's does not to other stores. */
static struct slice part_name(char memory[PART_NAME_BYTES], struct slice name, unsigned part)
{
    struct buf text = buf_fixed(memory, PART_NAME_BYTES);
    buf_add(&text, name);
    buf_add_byte(&text, '/');
    buf_add_u64(&text, part);
    return buf_slice(&text);
}

struct reading {
    struct slice name;
    struct nonce_row *whole;
    struct nonce_parts *parts;
};

static enum status take_part_row(void *context, const struct sql_value *columns, size_t count)
{
    struct reading *reading = context;
    uint64_t part = 0;
    struct slice row = columns[4].bytes;
    if (slice_eq(row, reading->name))
        return take_row(reading->whole, columns, count);
    if (columns[0].bytes.len >= NONCE_EPOCH_ID_BYTES ||
        !slice_to_u64(slice_sub(row, reading->name.len + 1, row.len), NONCE_PARTS - 1, &part))
        return STATUS_STORE_CORRUPT;
    copy_text(reading->parts->epochs[part], NONCE_EPOCH_ID_BYTES, columns[0].bytes);
    return STATUS_OK;
}

enum status nonce_read_parts_blocking(struct nonce_ledger *ledger, struct slice name, struct nonce_row *ret_whole,
                                      struct nonce_parts *ret_parts)
{
    char pattern[PART_NAME_BYTES];
    (void)snprintf(pattern, sizeof pattern, "%.*s/%%", SLICE_ARGS(name));
    struct sql_value params[] = {sql_text(name), sql_text(slice_str(pattern))};
    struct reading reading = {name, ret_whole, ret_parts};
    *ret_whole = (struct nonce_row){0};
    memset(ret_parts, 0, sizeof *ret_parts);
    return sql_execute_blocking(
        nonce_ledger_db(ledger)->sql,
        "SELECT epoch, record, used, ranges, name FROM nonce_epochs WHERE name = ? OR name LIKE ?", params,
        COUNT_OF(params), take_part_row, &reading);
}

/* ---- users ---- */

static enum status refresh_user(struct durable *db, struct slice name, const struct nonce_user *user)
{
    struct sql_value params[] = {sql_text(slice_str(user->machine)), sql_int(user->steady_ms), sql_int(user->clock_ms),
                                 sql_text(name), sql_text(slice_str(user->id))};
    TRY(RUN(db, "UPDATE nonce_users SET machine = ?, steady = ?, clock = ? WHERE store = ? AND id = ?", params));
    if (sql_affected(db->sql))
        return STATUS_OK;
    return RUN(db, "INSERT INTO nonce_users (machine, steady, clock, store, id) VALUES (?, ?, ?, ?, ?)", params);
}

static enum status remove_user(struct durable *db, struct slice name, struct slice id)
{
    struct sql_value params[] = {sql_text(name), sql_text(id)};
    return RUN(db, "DELETE FROM nonce_users WHERE store = ? AND id = ?", params);
}

static enum status add_user(void *context, const struct sql_value *columns, size_t count)
{
    struct nonce_users *users = context;
    (void)count;
    struct nonce_user user = {.steady_ms = columns[2].integer, .clock_ms = columns[3].integer};
    if (columns[0].bytes.len >= sizeof user.id || columns[1].bytes.len >= sizeof user.machine)
        return STATUS_STORE_CORRUPT;
    struct nonce_user *grown = realloc(users->items, (users->count + 1) * sizeof *grown);
    if (!grown)
        return STATUS_NO_MEMORY;
    copy_text(user.id, sizeof user.id, columns[0].bytes);
    copy_text(user.machine, sizeof user.machine, columns[1].bytes);
    users->items = grown;
    users->items[users->count++] = user;
    return STATUS_OK;
}

enum status nonce_leave_blocking(struct nonce_ledger *ledger, struct slice name, struct slice user_id)
{
    return remove_user(nonce_ledger_db(ledger), name, user_id);
}

/* ---- keep ---- */

static bool covers_all(const struct nonce_keep *keep, const struct accepted_ranges *ranges)
{
    for (size_t i = 0; i < keep->wanted_count; i++)
        if (accepted_ranges_left(ranges, keep->wanted[i]) < ACCEPTED_LEFT_S &&
            !accepted_ranges_guard(ranges, keep->wanted[i]))
            return false;
    return true;
}

struct keeping {
    struct durable *db;
    const struct nonce_keep *keep;
    struct nonce_row row;
};

/* A second that another nonce store may have accepted is never covered by this one: where two stores run, the one that
 * covered it first goes on. The others do not cover what is ours already. A raise reaches no further than this. */
static void guard_what_others_have(struct accepted_ranges *ranges, const struct accepted_ranges *others, int64_t wanted)
{
    for (int64_t second = wanted - ACCEPTED_AHEAD_S; second <= wanted + ACCEPTED_AHEAD_S; second++) {
        bool is_ours = accepted_ranges_cover(ranges, second) || accepted_ranges_guard(ranges, second);
        if (!is_ours && accepted_ranges_guard(others, second))
            accepted_ranges_guard_span(ranges, second, second);
    }
}

static enum status raise_ranges(struct sql *sql, void *context)
{
    struct keeping *keeping = context;
    const struct nonce_keep *keep = keeping->keep;
    struct accepted_ranges others;
    (void)sql;
    TRY(nonce_row_read_blocking(keeping->db, keep->name, &keeping->row));
    if (!slice_eq(slice_str(keeping->row.epoch), keep->epoch))
        return STATUS_CONFLICT;
    TRY(nonce_row_others_blocking(keeping->db, keep->name, &others));
    const struct accepted_ranges before = keeping->row.ranges;
    for (size_t i = 0; i < keep->wanted_count; i++) {
        guard_what_others_have(&keeping->row.ranges, &others, keep->wanted[i]);
        accepted_ranges_raise(&keeping->row.ranges, keep->wanted[i]);
    }
    accepted_ranges_raise_span(&keeping->row.ranges, &keep->away);
    accepted_ranges_guard_what_is_new(&keeping->row.ranges, &before, &others);
    TRY(nonce_row_write_blocking(keeping->db, keep->name, &keeping->row));
    return keep->user ? refresh_user(keeping->db, keep->name, keep->user) : STATUS_OK;
}

enum status nonce_keep_blocking(struct nonce_ledger *ledger, const struct nonce_keep *keep,
                                struct accepted_ranges *ret_ranges)
{
    struct keeping keeping = {.db = nonce_ledger_db(ledger), .keep = keep};
    struct sql_value name = sql_text(keep->name);
    TRY(sql_execute_blocking(keeping.db->sql, "SELECT epoch, record, used, ranges FROM nonce_epochs WHERE name = ?",
                             &name, 1, take_row, &keeping.row));
    if (!slice_eq(slice_str(keeping.row.epoch), keep->epoch))
        return STATUS_CONFLICT;
    if (keep->user || !second_span_is_empty(&keep->away) || !covers_all(keep, &keeping.row.ranges))
        TRY(sql_transaction_blocking(keeping.db->sql, raise_ranges, &keeping));
    *ret_ranges = keeping.row.ranges;
    return STATUS_OK;
}

/* ---- decide ---- */

struct deciding {
    struct durable *db;
    struct slice name;
    nonce_decide_fn decide;
    nonce_decide_part_fn decide_part; /* instead */
    struct slice part;
    void *context;
    struct nonce_users users;
};

static enum status forget_users(const struct deciding *deciding, const struct nonce_user *before)
{
    for (size_t i = 0; i < deciding->users.count; i++)
        if (deciding->users.items[i].id[0] == '\0')
            TRY(remove_user(deciding->db, deciding->name, slice_str(before[i].id)));
    return STATUS_OK;
}

/* Where a copy is equal in all its bytes nothing has to be written. */
static bool is_same_row(const struct nonce_row *before, const struct nonce_row *row)
{
    return slice_eq(slice_of(before, sizeof *before), slice_of(row, sizeof *row));
}

/* Nobody else makes or changes it meanwhile: the row of the whole is locked. */
static enum status read_part(struct durable *db, struct slice name, struct nonce_row *ret_row)
{
    struct sql_value param = sql_text(name);
    memset(ret_row, 0, sizeof *ret_row);
    TRY(sql_execute_blocking(db->sql, "SELECT epoch, record, used, ranges FROM nonce_epochs WHERE name = ?", &param, 1,
                             take_row, ret_row));
    if (ret_row->exists)
        return STATUS_OK;
    enum status status = sql_execute_blocking(
        db->sql, "INSERT INTO nonce_epochs (name, epoch, record, used, ranges) VALUES (?, '', '', 0, '')", &param, 1,
        NULL, NULL);
    return status == STATUS_CONFLICT ? STATUS_OK : status;
}

static enum status decide_on_part(const struct deciding *deciding, struct nonce_row *whole, struct nonce_users *users)
{
    struct nonce_row part;
    struct nonce_row before;
    TRY(read_part(deciding->db, deciding->part, &part));
    memcpy(&before, &part, sizeof before);
    TRY(deciding->decide_part(deciding->context, whole, &part, users));
    return is_same_row(&before, &part) ? STATUS_OK : nonce_row_write_blocking(deciding->db, deciding->part, &part);
}

static enum status decide_on_row(const struct deciding *deciding, struct nonce_row *row, struct nonce_users *users)
{
    size_t size = users->count * sizeof *users->items;
    struct nonce_user *before = malloc(size ? size : 1);
    if (!before)
        return STATUS_NO_MEMORY;
    if (size)
        memcpy(before, users->items, size);
    enum status status =
        deciding->decide ? deciding->decide(deciding->context, row, users) : decide_on_part(deciding, row, users);
    if (status == STATUS_OK)
        status = forget_users(deciding, before);
    free(before);
    return status;
}

static enum status decide_in_transaction(struct sql *sql, void *context)
{
    struct deciding *deciding = context;
    struct nonce_users *users = &deciding->users;
    struct nonce_row row;
    struct nonce_row before;
    struct sql_value name = sql_text(deciding->name);
    users->count = 0;
    TRY(nonce_row_read_blocking(deciding->db, deciding->name, &row));
    memcpy(&before, &row, sizeof before);
    TRY(nonce_row_others_blocking(deciding->db, deciding->name, &users->others));
    TRY(sql_execute_blocking(sql, "SELECT id, machine, steady, clock FROM nonce_users WHERE store = ?", &name, 1,
                             add_user, users));
    TRY(decide_on_row(deciding, &row, users));
    return is_same_row(&before, &row) ? STATUS_OK : nonce_row_write_blocking(deciding->db, deciding->name, &row);
}

enum status nonce_decide_blocking(struct nonce_ledger *ledger, struct slice name, nonce_decide_fn decide, void *context)
{
    struct deciding deciding = {.db = nonce_ledger_db(ledger), .name = name, .decide = decide, .context = context};
    enum status status = sql_transaction_blocking(deciding.db->sql, decide_in_transaction, &deciding);
    free(deciding.users.items);
    return status;
}

enum status nonce_decide_part_blocking(struct nonce_ledger *ledger, struct slice name, unsigned part,
                                       nonce_decide_part_fn decide, void *context)
{
    char memory[PART_NAME_BYTES];
    struct deciding deciding = {.db = nonce_ledger_db(ledger),
                                .name = name,
                                .decide_part = decide,
                                .part = part_name(memory, name, part),
                                .context = context};
    enum status status = sql_transaction_blocking(deciding.db->sql, decide_in_transaction, &deciding);
    free(deciding.users.items);
    return status;
}
