/* table: lists for people, a line a record, below a header.
 *
 *   CLIENT_ID                 NAME            SCOPE         DISABLED  CREATED_AT
 *   demo                      Demo            photos:read   false     2026-11-29 05:26:28 UTC
 *
 * Rows are printed as they come, so that a list of any length takes the memory of a few hundred of them: the columns
 * are as wide as those first ones need, and wider from where a later one needs it. On a terminal no line is wider than
 * it: columns give way, the widest first and the first one last, and a value that does not fit ends with an ellipsis.
 * Elsewhere (a pipe, a file) every value is whole. An absent value is "-", and two spaces stand between columns. */
#ifndef COUNTERSIGN_AUTH_SERVICE_CLI_TABLE_H
#define COUNTERSIGN_AUTH_SERVICE_CLI_TABLE_H

#include "base/attributes.h"
#include "base/buf.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>

struct table;

/* What there is to see of each kind of record: members of its JSON, the first what it is known by. End with NULL. */
extern const char *const table_clients[], *const table_tokens[], *const table_users[], *const table_resource_servers[],
                                                                                           *const table_audit[];

/* NULL: no memory. `columns` as above. */
MUST_USE struct table *table_new(const char *const *columns, bool has_header);
/* Prints what there is, and frees. */
void table_free(struct table *table);

/* Those that it was made with. */
const char *const *table_columns(const struct table *table);
/* The next value, for the columns one after the other; absent: none. What could command a terminal is replaced. */
void table_add(struct table *table, struct slice value);
/* Prints the rows that are whole; their widths are those of the next ones, too. */
void table_flush(struct table *table);

#endif
