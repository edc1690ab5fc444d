/* import_remote: a batch of an import, taken by the admin API of a running service. */
#ifndef COUNTERSIGN_AUTH_SERVICE_CLI_IMPORT_REMOTE_H
#define COUNTERSIGN_AUTH_SERVICE_CLI_IMPORT_REMOTE_H

#include "cli/remote.h"
#include "intake/intake.h"

/* As intake_batch_take_blocking. The API takes all lines of a call or none, so what it refuses is left out, and the
 * rest sent again. The batch's lines are at most INTAKE_BODY_MAX_BYTES, each with a byte for its end. The exit code; it
 * has been said what is wrong. */
int import_remote_take(struct remote *remote, struct intake_batch *batch);

#endif
