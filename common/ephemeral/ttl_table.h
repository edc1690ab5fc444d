/* ttl_table: values under secret or public names, each for its time. Any thread may use it.
 *
 * Names are kept as digests alone, so that a session's cookie is nowhere in memory. The table holds at
 * most `max` values; what has expired makes room, what is live never does. */
#ifndef COUNTERSIGN_EPHEMERAL_TTL_TABLE_H
#define COUNTERSIGN_EPHEMERAL_TTL_TABLE_H

#include "base/attributes.h"
#include "base/slice.h"
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ttl_table;

/* At most `max` values, each freed with `free_value` when it leaves. NULL: no memory, or no
 * randomness. */
MUST_USE struct ttl_table *ttl_table_new(size_t max, void (*free_value)(void *value));
void ttl_table_free(struct ttl_table *table);

/* Between these the table is the caller's, and values may be read and changed in place. */
void ttl_table_lock(struct ttl_table *table);
void ttl_table_unlock(struct ttl_table *table);

/* All below: while it is locked. */

/* The place of a live value, NULL: there is none. Writing another value there is the caller's to do,
 * with the old one freed. */
void **ttl_table_find(struct ttl_table *table, struct slice name, int64_t now_ms);
/* Takes the value over. STATUS_CONFLICT: the name has a live one; STATUS_STORE_DOWN: the table is full;
 * STATUS_NO_MEMORY: in all three cases it stays the caller's. */
MUST_USE enum status ttl_table_add(struct ttl_table *table, struct slice name, void *value, int64_t expires_ms,
                                   int64_t now_ms);
/* Takes a live value out; NULL: there is none. The caller frees it. */
MUST_USE void *ttl_table_take(struct ttl_table *table, struct slice name, int64_t now_ms);
/* Drops every value that `matches`. */
void ttl_table_drop(struct ttl_table *table, bool (*matches)(const void *value, const void *context),
                    const void *context);

#endif
