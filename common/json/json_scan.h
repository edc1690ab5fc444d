/* json_scan: the grammar of json_reader's invariants, checked over the raw text without building
 * anything. */
#ifndef COUNTERSIGN_JSON_JSON_SCAN_H
#define COUNTERSIGN_JSON_JSON_SCAN_H

#include "base/attributes.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>

/* Whether `text` is one value and nothing but white space around it. If so, *ret_value is the text
 * of the value; if not, *ret_why is a static text and *ret_at the offset of the byte at fault.
 * Members that are there twice are not looked for. Time and stack are bounded by the caps. */
MUST_USE bool json_scan(struct slice text, struct slice *ret_value, const char **ret_why, size_t *ret_at);

#endif
