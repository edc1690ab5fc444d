/* export: what `client export`, `user export` and `token export` share: the JSON lines that the imports read.
 *
 * Invariants: without --secrets nothing that lets anybody in is written. With it the output is a new file that its
 * owner alone may read, and a row of the audit log is written first. Pages of rows are in memory, never all of them. */
#ifndef COUNTERSIGN_AUTH_SERVICE_CLI_EXPORT_H
#define COUNTERSIGN_AUTH_SERVICE_CLI_EXPORT_H

#include "cli/cli.h"

struct export
{
    const struct command_line *line;
    struct cli_store *store;
    bool secrets;
    FILE *out;
    struct buf text; /* of the line at hand; wiped */
    int64_t written;
    int64_t left_out;
};

/* A line, member by member. */
void export_begin(struct export *export);
/* Left out where it is empty. */
void export_text(struct export *export, const char *name, struct slice text);
/* Also where it is empty. */
void export_any_text(struct export *export, const char *name, struct slice text);
/* Left out where there are none. */
void export_list(struct export *export, const char *name, const struct slice *items, size_t count);
/* Left out where it is false. */
void export_flag(struct export *export, const char *name, bool value);
/* Seconds since 1970; 0 is left out. */
void export_time(struct export *export, const char *name, int64_t ms);
/* STORE_DOWN: it could not be written, and errno says why. */
MUST_USE enum status export_end(struct export *export);
/* What was not exported, and why, on standard error. */
void export_warn(const struct export *export, const char *format, ...) PRINTF_LIKE(2, 3);
/* Whether a row is left out because its secret is asked for and does not open (`damage` says why), which is told
 * anyway. The command fails in the end, and all other rows are written. */
bool export_leaves_out(struct export *export, struct slice damage);

struct export_options {
    bool secrets;
};
extern const struct command_option export_table[];

/* Writes all rows; the status of what failed. */
typedef enum status (*export_fn)(struct export *export);

/* Runs `write` with what the command line says, and prints how many lines there are. `what` is the audit log's. */
int export_run(const struct command_line *line, const char *what, export_fn write);

#endif
