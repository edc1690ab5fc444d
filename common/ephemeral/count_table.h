/* count_table: how often each name came within its window, in memory that never grows. Any thread may use it.
 *
 * Strangers choose the names, so the table is never full: where a new name finds no room, the least counted of a few
 * gives way and starts anew. Who counts most is forgotten last, so that nobody gets rid of a counter without counting
 * as much under many other names. A name hashes with a random key: nobody can choose whose room it takes. */
#ifndef COUNTERSIGN_EPHEMERAL_COUNT_TABLE_H
#define COUNTERSIGN_EPHEMERAL_COUNT_TABLE_H

#include "base/attributes.h"
#include "base/slice.h"

#include <stddef.h>
#include <stdint.h>

struct count_table;

/* Room for at least `names`. NULL: no memory, or no randomness. */
MUST_USE struct count_table *count_table_new(size_t names);
/* NULL is fine. */
void count_table_free(struct count_table *table);

/* Counts one event; the window starts with the name's first. Answers how many came, and *ret_ends_ms when the window
 * ends. */
int64_t count_table_add(struct count_table *table, struct slice name, int64_t window_ms, int64_t now_ms,
                        int64_t *ret_ends_ms);
/* Takes one event back, if there is one; the window stays. */
void count_table_take_back(struct count_table *table, struct slice name, int64_t now_ms);

#endif
