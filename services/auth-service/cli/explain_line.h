/* explain_line: one described request as JSON in, the verdict as one line of JSON out. */
#ifndef COUNTERSIGN_AUTH_SERVICE_CLI_EXPLAIN_LINE_H
#define COUNTERSIGN_AUTH_SERVICE_CLI_EXPLAIN_LINE_H

#include "base/arena.h"
#include "base/attributes.h"
#include "base/buf.h"
#include "base/slice.h"
#include "base/status.h"
#include "oauth/signature.h"

/* Appends one line to `out`, also for a line that is not JSON (valid false, status 400, its number and what is
 * wrong with it). `scratch` is used up. STATUS_NO_MEMORY is the only error. */
MUST_USE enum status explain_line(int64_t number, struct slice line, struct signer *signer, struct arena *arena,
                                  struct arena *scratch, struct buf *out);

#endif
