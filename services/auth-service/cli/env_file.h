/* env_file: credentials of a client as `--format env` prints them. */
#ifndef COUNTERSIGN_AUTH_SERVICE_CLI_ENV_FILE_H
#define COUNTERSIGN_AUTH_SERVICE_CLI_ENV_FILE_H

#include "base/arena.h"
#include "base/attributes.h"
#include "base/slice.h"
#include "base/status.h"

/* Absent where the file says nothing. */
struct env_file {
    struct slice client_id, client_secret, token, token_secret;
};

/* Lines NAME=value, the value as it is or in single or double quotes; other names, blank lines and
 * lines that begin with '#' are skipped. STATUS_BAD_INPUT: *ret_why. */
MUST_USE enum status env_file_read(struct slice path, struct arena *arena, struct env_file *ret_env,
                                   const char **ret_why);

#endif
