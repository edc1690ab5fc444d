/* moment: points in time as operators write and read them. */
#ifndef COUNTERSIGN_AUTH_SERVICE_RULES_MOMENT_H
#define COUNTERSIGN_AUTH_SERVICE_RULES_MOMENT_H

#include "base/attributes.h"
#include "base/buf.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

/* "2026-11-28", "2026-11-28T14:02", with seconds and parts of one ("…:07.123"), all of them UTC with or without Z; or
 * how long ago: "30s", "15m", "2h", "7d". False: it is none of them. */
MUST_USE bool moment_read(struct slice text, int64_t now_ms, int64_t *ret_ms);
/* "2026-11-28 14:02:07 UTC" */
void moment_write(int64_t ms, struct buf *out);

#endif
