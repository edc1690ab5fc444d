/* import: what `client import`, `user import` and `token import` share: JSON lines in, a row each, in transactions of a
 * batch.
 *
 * Invariants: each line stands for itself; a bad one is told with its number and the others are imported all the same.
 * What is there already is skipped and counted, so a run can be repeated, also after it was cut. With --dry-run all is
 * done, judged by the store itself, and rolled back. */
#ifndef COUNTERSIGN_AUTH_SERVICE_CLI_IMPORT_H
#define COUNTERSIGN_AUTH_SERVICE_CLI_IMPORT_H

#include "cli/cli.h"
#include "json/json_reader.h"

enum { IMPORTED_SECRET_MAX_BYTES = 512 };

struct import {
    struct cli_store *store;
    struct arena arena; /* of the line at hand */
    struct buf why;     /* what is wrong with it */
    int64_t users_created;
    bool is_overtaken;
};

/* Imports one line, decoded, inside a transaction. OK: imported; CONFLICT: it was there already, the same; BAD_INPUT:
 * `why` says what is wrong with it, and nothing was written. Any other status ends the run. May be called again for the
 * same line after a rollback. */
typedef enum status (*import_fn)(struct import *import, const void *line);

/* What a line may say, and what becomes of it. */
struct import_kind {
    const struct json_field *fields;
    size_t line_size; /* of the struct that they fill */
    import_fn take;
};

/* Sets `why`, in printf's manner; BAD_INPUT. */
enum status import_refuse(struct import *import, const char *format, ...) PRINTF_LIKE(2, 3);
/* A row of the audit log, in the same transaction. */
MUST_USE enum status import_audit(struct import *import, const char *what, struct slice subject);

/* For what was looked up before, in the same transaction: a CONFLICT there means that somebody else was faster. The
 * batch is then rolled back and taken again, and finds what the other one committed. */
MUST_USE enum status import_race(struct import *import, enum status status);

struct import_options {
    bool dry_run;
    struct slice from_line, report;
};
extern const struct command_option import_table[];

/* Reads the file that the command's argument names (none or "-": standard input), and prints the counts. The exit code:
 * EXIT_REFUSED if a line was refused. */
int import_run(const struct command_line *line, const struct import_kind *kind);

#endif
