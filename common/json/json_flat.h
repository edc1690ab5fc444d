/* json_flat: reads the usual object in one pass, without a tree. */
#ifndef COUNTERSIGN_JSON_JSON_FLAT_H
#define COUNTERSIGN_JSON_JSON_FLAT_H

#include "base/attributes.h"
#include "json/json_reader.h"

/* Fills the struct at `out` as json_read and json_decode would. `text` must be an object of known members, each there
 * at most once, whose values are strings or booleans, in ASCII, without \u. Returns false if it is anything else, valid
 * or not; of `out` only fields may have been filled then whose members are in the text. Strings point into `text`, or
 * into the arena. */
MUST_USE bool json_flat(struct slice text, const struct json_field *fields, struct arena *arena, void *out,
                        uint64_t *ret_given);

#endif
