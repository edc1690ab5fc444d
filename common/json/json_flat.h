/* json_flat: the usual object, read in one pass without a tree. */
#ifndef COUNTERSIGN_JSON_JSON_FLAT_H
#define COUNTERSIGN_JSON_JSON_FLAT_H

#include "base/attributes.h"
#include "json/json_reader.h"

/* Fills the struct at `out` as json_read and json_decode would, where `text` is an object of known members, each once,
 * whose values are strings and booleans, in ASCII, without \u. False: it is something else, perhaps nothing good, and
 * `out` is as it was but for fields that are known to be in the text. Strings point into `text`, or into the arena. */
MUST_USE bool json_flat(struct slice text, const struct json_field *fields, struct arena *arena, void *out,
                        uint64_t *ret_given);

#endif
