/* client: what the `client` commands share. */
#ifndef COUNTERSIGN_AUTH_SERVICE_CLI_CLIENT_H
#define COUNTERSIGN_AUTH_SERVICE_CLI_CLIENT_H

#include "cli/cli.h"
#include "rules/client_draft.h"

/* One record, the whole output. `secret` is absent but where it is shown this once. */
void client_show_alone(const struct command_line *line, const struct client *client, struct slice secret);

/* Fills `out` with the secret of the file, or of standard input for "-"; with a new random one where `path` is absent.
 * The exit code; it has been said what is wrong. */
int client_take_secret(const struct command_line *line, struct slice path, struct buf *out);
/* Fills `out` with the file's RSA public key, checked. The exit code. */
int client_take_rsa_key(const struct command_line *line, struct slice path, struct buf *out);

#endif
