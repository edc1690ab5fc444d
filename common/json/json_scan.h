/* json_scan: checks the raw text for the invariants of json_reader, and builds nothing. */
#ifndef COUNTERSIGN_JSON_JSON_SCAN_H
#define COUNTERSIGN_JSON_JSON_SCAN_H

#include "base/attributes.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>

/* Whether `text` is one value with nothing but white space around it. If it is, *ret_value is the text of the value. If
 * not, *ret_why is a static text, and *ret_at is the offset of the byte that is wrong. Members that are there twice are
 * not looked for. The bounds of json_reader.h bound time and stack. */
MUST_USE bool json_scan(struct slice text, struct slice *ret_value, const char **ret_why, size_t *ret_at);

#endif
