/* rows: how the files of this room turn columns into results. Only they include it.
 *
 * Invariants: a result is one heap object whose first member is the arena of everything it points at. A reader that ran
 * out of memory stays failed, so that a row is checked once, at its end. NULL reads as empty text or 0. */
#ifndef COUNTERSIGN_DURABLE_ROWS_H
#define COUNTERSIGN_DURABLE_ROWS_H

#include "base/arena.h"
#include "durable/durable.h"

/* ---- results ---- */

/* Zeroed, with its arena ready; NULL: no memory. */
MUST_USE void *result_new(size_t size);
/* Wipes and frees; NULL is fine. */
void result_free(void *result);

/* ---- reading ---- */

struct row_reader {
    struct arena *arena;
    const struct sql_value *columns;
    size_t count;
    bool failed;
};

static inline struct row_reader row_reader(struct arena *arena, const struct sql_value *columns, size_t count)
{
    return (struct row_reader){arena, columns, count, false};
}

/* One column, the text copied into the arena; empty or 0 where it is NULL. */
struct slice row_text(struct row_reader *row, size_t column);
int64_t row_int(const struct row_reader *row, size_t column);

static inline enum status row_status(const struct row_reader *row)
{
    return row->failed ? STATUS_NO_MEMORY : STATUS_OK;
}

/* A list that grows in an arena: its memory with room, zeroed, for one item behind the `count` there are; NULL: no
 * memory. */
MUST_USE void *list_grow(struct arena *arena, const void *items, size_t count, size_t item_size);

/* For statements with one row of one number: context is an int64_t. */
enum status take_int(void *context, const struct sql_value *columns, size_t count);
/* The number, or 0 where there is no row (no primary key is 0). */
MUST_USE enum status find_id(struct durable *db, const char *text, struct sql_value param, int64_t *ret_id);

/* ---- writing ---- */

/* NULL in the database for 0 and for empty. */
struct sql_value sql_time(int64_t ms);
struct sql_value sql_digest(struct slice digest);

/* For statements without rows. */
#define RUN(db, text, params) sql_execute_blocking((db)->sql, (text), (params), COUNT_OF(params), NULL, NULL)

static inline int64_t now_ms(const struct durable *db)
{
    return clock_wall_ms(db->clock);
}

static inline int64_t page_limit(size_t limit)
{
    return limit == 0 || limit > PAGE_MAX_ROWS ? PAGE_MAX_ROWS : (int64_t)limit;
}

static inline bool is_identifier(struct slice text)
{
    return text.len > 0 && text.len <= IDENTIFIER_MAX_BYTES;
}

#endif
