/* config_parse: from a value's text to its member, kind by kind. Only config/ includes this. */
#ifndef COUNTERSIGN_CONFIG_CONFIG_PARSE_H
#define COUNTERSIGN_CONFIG_CONFIG_PARSE_H

#include "config/config_rows.h"

/* Writes the row's member. STATUS_BAD_INPUT: *ret_why says what is wrong and what to write (it
 * quotes what may be shown, and lives in config->arena). STATUS_NO_MEMORY. */
MUST_USE enum status config_parse(const struct config_row *row, struct slice text, struct config *config,
                                  const char **ret_why);

/* The parts of an http(s) URL, lower-cased where case means nothing; false: *ret_why is a static text. */
MUST_USE bool config_parse_base_url(struct slice text, struct arena *arena, struct config_url *ret_url,
                                    const char **ret_why);

#endif
