#include "durable/rows.h"

#include <assert.h>
#include <stdlib.h>

enum { RESULT_LIMIT_BYTES = 64 << 20 };

void *result_new(size_t size)
{
    void *result = calloc(1, size);
    if (result)
        arena_init(result, RESULT_LIMIT_BYTES);
    return result;
}

void result_free(void *result)
{
    if (!result)
        return;
    arena_done(result);
    free(result);
}

struct slice row_text(struct row_reader *row, size_t column)
{
    assert(column < row->count);
    struct slice copy = arena_copy(row->arena, row->columns[column].bytes);
    row->failed = row->failed || slice_is_absent(copy);
    return copy;
}

int64_t row_int(const struct row_reader *row, size_t column)
{
    assert(column < row->count);
    return row->columns[column].integer;
}

/* Lists double: an array of 4, 8, 16 … items; its capacity follows from the count. */
static bool is_full(size_t count)
{
    return count == 0 || (count >= 4 && (count & (count - 1)) == 0);
}

void *list_grow(struct arena *arena, const void *items, size_t count, size_t item_size)
{
    if (!is_full(count))
        return (void *)(uintptr_t)items; /* the caller's own list, const only to its readers */
    char *grown = arena_calloc(arena, count ? count * 2 : 4, item_size);
    if (grown && count)
        memcpy(grown, items, count * item_size);
    return grown;
}

enum status take_int(void *context, const struct sql_value *columns, size_t count)
{
    assert(count == 1);
    (void)count;
    *(int64_t *)context = columns[0].integer;
    return STATUS_OK;
}

enum status find_id(struct durable *db, const char *text, struct sql_value param, int64_t *ret_id)
{
    *ret_id = 0;
    return sql_execute_blocking(db->sql, text, &param, 1, take_int, ret_id);
}

struct sql_value sql_time(int64_t ms)
{
    return ms ? sql_int(ms) : sql_null();
}

struct sql_value sql_digest(struct slice digest)
{
    return digest.len ? sql_blob(digest) : sql_null();
}

const char *durable_last_error(const struct durable *db)
{
    return db->fault ? db->fault : sql_last_error(db->sql);
}
