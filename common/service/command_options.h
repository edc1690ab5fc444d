/* command_options: what every command takes beside its own options, for parsing, --help, completion and manuals. Only
 * common/service includes this. */
#ifndef COUNTERSIGN_SERVICE_COMMAND_OPTIONS_H
#define COUNTERSIGN_SERVICE_COMMAND_OPTIONS_H

#include "service/command.h"

/* --server and what goes with it; fills struct command_remote. */
extern const struct command_option command_remote_options[];

enum { COMMAND_OPTION_TABLES = 3 };
/* The tables of a command's options, in the order of its --help: its own, the remote ones, everybody's. Those that it
 * has not are empty. */
void command_option_tables(const struct command *command,
                           const struct command_option *ret_tables[COMMAND_OPTION_TABLES]);

/* The row of this name; NULL: there is none. */
const struct command_option *command_find_option(const struct command_option *rows, struct slice name);

/* "0 done, 1 refused …": what the command ends with. */
const char *command_exit_codes(const struct command *command);

#endif
