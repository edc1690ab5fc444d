/* migrations: brings a database to the schema that this program needs.
 *
 * Invariants: a migration is one file with one statement, compiled in; its number is the name's first four digits,
 * without gaps; what was applied is kept with its SHA-256 in `schema_migrations` and never edited. Two processes may
 * run `up` at once: each migration is applied in one write transaction that looks first. On MySQL, whose DDL cannot be
 * rolled back, `up` holds a named lock, and a migration that took effect before a crash without its record is known by
 * the mark in its comment ('countersign NUMBER'): a migration there carries one, or may be run twice.
 *
 * Migrations add, so that programs of two releases run on one database. One that takes away what older programs use
 * says so in its name, NUMBER_breaks_LAST_…: programs whose last migration is LAST or lower do not run on it. The name
 * is kept in `schema_migrations`, where a program finds it that does not have the file. */
#ifndef COUNTERSIGN_DURABLE_MIGRATIONS_H
#define COUNTERSIGN_DURABLE_MIGRATIONS_H

#include "base/attributes.h"
#include "base/buf.h"
#include "base/status.h"
#include "sql/sql.h"

#include <stddef.h>
#include <stdint.h>

enum schema_state {
    SCHEMA_CURRENT,
    SCHEMA_OLD,     /* empty too: `migrate up` is needed */
    SCHEMA_AHEAD,   /* has migrations of a later version, none of which breaks this one: it fits */
    SCHEMA_NEW,     /* made by a later version of the program, and does not fit */
    SCHEMA_CHANGED, /* an applied migration is not the one that is compiled in */
};

struct migration {
    int64_t number;
    struct slice name; /* of the file */
    bool applied;
    int64_t applied_at_ms; /* 0 if not */
};

/* Applies what is missing (nothing where the schema is SCHEMA_AHEAD). BAD_INPUT: the schema is SCHEMA_NEW or
 * SCHEMA_CHANGED, and nothing was done. On failure a text for the operator is appended to `why`. */
MUST_USE enum status migrations_up_blocking(struct sql *sql, int64_t now_ms, struct buf *why, size_t *ret_applied);

/* Which state the schema is in; for all but SCHEMA_CURRENT a text that says what to do is appended to `why`. */
MUST_USE enum status migrations_check_blocking(struct sql *sql, struct buf *why, enum schema_state *ret_state);

typedef enum status (*migrations_row_fn)(void *context, const struct migration *migration);

/* Calls back for every migration that is known here, in order. */
MUST_USE enum status migrations_status_blocking(struct sql *sql, migrations_row_fn row, void *context);

#endif
