#include "durable/changes.h"

#include "durable/rows.h"
#include "durable/within.h"

static const char *const kinds[] = {
    [CHANGE_CLIENT] = "client",
    [CHANGE_USER] = "user",
    [CHANGE_TOKEN] = "token",
    [CHANGE_RESOURCE_SERVER] = "resource-server",
};

static const char *const events[] = {
    [CHANGE_EDITED] = "edited",
    [CHANGE_REVOKED] = "revoked",
    [CHANGE_ENDED] = "ended",
};

const char *change_kind_name(enum change_kind kind)
{
    return kinds[kind];
}

const char *change_event_name(enum change_event event)
{
    return events[event];
}

/* Its place in a list of words. */
static bool word_index(struct slice word, const char *const *words, size_t count, size_t *ret_index)
{
    for (size_t i = 0; i < count; i++)
        if (slice_eq(word, slice_str(words[i]))) {
            *ret_index = i;
            return true;
        }
    return false;
}

bool change_kind_of(struct slice word, enum change_kind *ret_kind)
{
    size_t index = 0;
    if (!word_index(word, kinds, COUNT_OF(kinds), &index))
        return false;
    *ret_kind = (enum change_kind)index;
    return true;
}

bool change_event_of(struct slice word, enum change_event *ret_event)
{
    size_t index = 0;
    if (!word_index(word, events, COUNT_OF(events), &index))
        return false;
    *ret_event = (enum change_event)index;
    return true;
}

void change_page_free(void *page)
{
    result_free(page);
}

/* ---- the log of a connection ---- */

struct change_page *change_log_take(struct change_log *log)
{
    struct change_page *page = log->page;
    log->page = NULL;
    return page;
}

static enum status log_change(struct change_log *log, const struct change *change)
{
    if (!log->page)
        log->page = result_new(sizeof *log->page);
    struct change_page *page = log->page;
    struct change *changes = page ? list_grow(&page->arena, page->changes, page->count, sizeof *changes) : NULL;
    struct slice id = page ? arena_copy(&page->arena, change->id) : SLICE_ABSENT;
    if (!changes || slice_is_absent(id))
        return STATUS_NO_MEMORY;
    page->changes = changes;
    changes[page->count] = *change;
    changes[page->count++].id = id;
    return STATUS_OK;
}

static size_t count_logged(const struct durable *db)
{
    return db->log && db->log->page ? db->log->page->count : 0;
}

/* Changes that were rolled back are not told. Changes are told if nobody knows whether their COMMIT held, so that
 * nobody believes what may have ended. */
enum status durable_transaction_blocking(struct durable *db, sql_work_fn work, void *context)
{
    size_t before = count_logged(db);
    enum status status = sql_transaction_blocking(db->sql, work, context);
    if (status != STATUS_OK && !status_is_infrastructure(status) && db->log && db->log->page)
        db->log->page->count = before;
    return status;
}

/* SQLite, whose transactions write one after the other, reads no more of it than SELECT. */
#define HOLD " = ? /*! FOR UPDATE */"

enum status durable_hold_blocking(struct durable *db, enum change_kind kind, struct slice id)
{
    static const char *const rows[] = {
        [CHANGE_CLIENT] = "SELECT id FROM clients WHERE client_id" HOLD,
        [CHANGE_USER] = "SELECT id FROM users WHERE subject" HOLD,
        [CHANGE_TOKEN] = "SELECT id FROM tokens WHERE jti" HOLD,
        [CHANGE_RESOURCE_SERVER] = "SELECT id FROM resource_servers WHERE name" HOLD,
    };
    struct sql_value param = sql_text(id);
    return sql_execute_blocking(db->sql, rows[kind], &param, 1, NULL, NULL);
}

/* ---- changes ---- */

enum status change_write(struct durable *db, enum change_kind kind, enum change_event event, struct slice id)
{
    struct sql_value params[] = {
        sql_text(slice_str(change_kind_name(kind))),
        sql_text(slice_str(change_event_name(event))),
        sql_text(id),
        sql_int(now_ms(db)),
    };
    const struct change change = {.kind = kind, .event = event, .id = id, .at_ms = params[3].integer};
    TRY(RUN(db, "INSERT INTO changes (kind, event, id, at) VALUES (?, ?, ?, ?)", params));
    return db->log ? log_change(db->log, &change) : STATUS_OK;
}

enum status change_write_number(struct durable *db, enum change_kind kind, enum change_event event, int64_t id)
{
    char memory[24];
    struct buf text = buf_fixed(memory, sizeof memory);
    buf_add_i64(&text, id);
    return change_write(db, kind, event, buf_slice(&text));
}

static enum status read_change(void *context, const struct sql_value *columns, size_t count)
{
    struct change_page *page = context;
    struct row_reader row = row_reader(&page->arena, columns, count);
    enum change_kind kind = CHANGE_CLIENT;
    enum change_event event = CHANGE_EDITED;
    if (!change_kind_of(columns[1].bytes, &kind) || !change_event_of(columns[2].bytes, &event))
        return STATUS_STORE_CORRUPT;
    struct change *changes = list_grow(&page->arena, page->changes, page->count, sizeof *changes);
    if (!changes)
        return STATUS_NO_MEMORY;
    page->changes = changes;
    changes[page->count++] = (struct change){
        .sequence = row_int(&row, 0),
        .kind = kind,
        .event = event,
        .id = row_text(&row, 3),
        .at_ms = row_int(&row, 4),
    };
    return row_status(&row);
}

static enum status read_page(struct durable *db, const char *text, const struct sql_value *params, size_t count,
                             struct change_page **ret_page)
{
    struct change_page *page = result_new(sizeof *page);
    if (!page)
        return STATUS_NO_MEMORY;
    enum status status = sql_execute_blocking(db->sql, text, params, count, read_change, page);
    if (status != STATUS_OK) {
        change_page_free(page);
        return status;
    }
    *ret_page = page;
    return STATUS_OK;
}

enum status durable_changes_since_blocking(struct durable *db, int64_t sequence, size_t limit,
                                           struct change_page **ret_page)
{
    struct sql_value params[] = {sql_int(sequence), sql_int(page_limit(limit))};
    return read_page(db,
                     "SELECT sequence, kind, event, id, at FROM changes WHERE sequence > ? ORDER BY sequence LIMIT ?",
                     params, COUNT_OF(params), ret_page);
}

enum status durable_changes_ended_blocking(struct durable *db, int64_t since_ms, int64_t sequence, size_t limit,
                                           struct change_page **ret_page)
{
    struct sql_value params[] = {sql_int(since_ms), sql_text(slice_str(events[CHANGE_ENDED])), sql_int(sequence),
                                 sql_int(page_limit(limit))};
    return read_page(db,
                     "SELECT sequence, kind, event, id, at FROM changes WHERE at >= ? AND event = ? AND sequence > ?"
                     " ORDER BY sequence LIMIT ?",
                     params, COUNT_OF(params), ret_page);
}

enum status durable_changes_latest_blocking(struct durable *db, int64_t *ret_sequence)
{
    int64_t sequence = 0;
    TRY(sql_execute_blocking(db->sql, "SELECT MAX(sequence) FROM changes", NULL, 0, take_int, &sequence));
    *ret_sequence = sequence;
    return STATUS_OK;
}
