/* config_check: what must hold between several values. Only config/ includes this. */
#ifndef COUNTERSIGN_CONFIG_CONFIG_CHECK_H
#define COUNTERSIGN_CONFIG_CONFIG_CHECK_H

#include "config/config_rows.h"

/* Appends a line for each problem; true if there was none. Every value is parsed, but those for which
 * `broken` (by row) is set stay as initialised and are left out of the questions. */
MUST_USE bool config_check(const struct config *config, const bool *broken, struct buf *problems);

#endif
