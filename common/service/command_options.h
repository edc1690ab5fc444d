/* command_options: what every command takes beside its own options, and how it is named, for parsing, --help,
 * completion and manuals. Only common/service includes this. */
#ifndef COUNTERSIGN_SERVICE_COMMAND_OPTIONS_H
#define COUNTERSIGN_SERVICE_COMMAND_OPTIONS_H

#include "service/command.h"

/* --server and what goes with it; fills struct command_remote. */
extern const struct command_option command_remote_options[];

/* The next of a command's options, in the order of its --help: its own, the remote ones, everybody's. From *at on,
 * which begins at 0 and is moved on; false: there are no more. */
bool command_next_option(const struct command *command, size_t *at, const struct command_option **ret_option);

/* The row of this name; NULL: there is none. */
const struct command_option *command_find_option(const struct command_option *rows, struct slice name);

/* "client" of "client create"; *ret_verb is "create", or absent where the name is one word. */
struct slice command_group(const struct command *command, struct slice *ret_verb);
/* Says on stderr that the program has no such command, and which one may be meant. EXIT_USAGE. */
int command_tell_unknown(const struct program *program, struct slice words);

/* "0 done, 1 refused …": what the command ends with. */
const char *command_exit_codes(const struct command *command);

#endif
