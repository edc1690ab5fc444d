/* table: lists for people, a line a record, below a header.
 *
 *   CLIENT_ID                 NAME            SCOPE         DISABLED  CREATED_AT
 *   demo                      Demo            photos:read   false     2026-11-29 05:26:28 UTC
 *
 * Rows are printed as they come, so that a list of any length takes the memory of a few hundred of them: the columns
 * are as wide as those first ones need, and wider from where a later one needs it. On a terminal no line is wider than
 * it: columns give way in the order that stands with them, a value that is cut ends with an ellipsis, and so does the
 * header if a column is left out. Elsewhere (a pipe, a file) every value is whole. An absent value is "-", and two
 * spaces stand between columns. */
#ifndef COUNTERSIGN_AUTH_SERVICE_CLI_TABLE_H
#define COUNTERSIGN_AUTH_SERVICE_CLI_TABLE_H

#include "base/attributes.h"
#include "base/buf.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>

struct table;

/* A member of a record's JSON, as a column. */
struct table_column {
    const char *member;  /* in upper case the column's header */
    const char *repeats; /* "-" where the value is that of this member of the record, too; NULL: always itself */
    /* Which columns give way first where a terminal is too narrow: those of the highest turn, of one turn the widest.
     * 0: what the list is read for. It gives way when nothing else can, and a first column last of all. */
    unsigned turn;
    /* As narrow as it may become in its turn. 0: it is whole or left out, since a part of it says nothing. */
    unsigned least;
    bool is_time; /* what is narrower is a time to its minute or day, `least` wide, and needs no ellipsis */
};

/* What there is to see of each kind of record, the first what it is known by. End with a row without a name. */
extern const struct table_column table_clients[], table_tokens[], table_users[], table_resource_servers[],
    table_audit[], table_migrations[];

/* NULL: no memory. `columns` as above. */
MUST_USE struct table *table_new(const struct table_column *columns, bool has_header);
/* Prints what there is, and frees. */
void table_free(struct table *table);

/* Those that it was made with. */
const struct table_column *table_columns(const struct table *table);
/* The next value, for the columns one after the other; absent: none. What could command a terminal is replaced. */
void table_add(struct table *table, struct slice value);
/* Prints the rows that are whole; their widths are those of the next ones, too. */
void table_flush(struct table *table);

#endif
