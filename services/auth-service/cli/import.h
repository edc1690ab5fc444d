/* import: what `client import`, `user import` and `token import` share: a file of lines in, in batches of one
 * transaction each, and counts out.
 *
 * Invariants: each line stands for itself (intake/intake.h); a bad one is told with its number and the others are
 * imported all the same. A run can be repeated, also after it was cut. */
#ifndef COUNTERSIGN_AUTH_SERVICE_CLI_IMPORT_H
#define COUNTERSIGN_AUTH_SERVICE_CLI_IMPORT_H

#include "cli/cli.h"
#include "intake/intake.h"

struct import_options {
    bool dry_run;
    struct slice from_line, report;
};
extern const struct command_option import_table[];

/* Reads the file that the command's argument names (none or "-": standard input), and prints the counts. The exit code:
 * EXIT_REFUSED if a line was refused. */
int import_run(const struct command_line *line, const struct intake_kind *kind);
/* The same by the admin API of a running service. */
int import_run_remote(const struct command_line *line, const struct intake_kind *kind);

#endif
