/* form: query strings and application/x-www-form-urlencoded bodies, decoded.
 *
 * For pages and admin calls; signed parameters are oauth/params' business. Pairs are split at '&',
 * names from values at the first '=', '+' is a space, %XX is decoded once. Order and duplicates are
 * kept, "flag" is a name with an empty value, empty pairs ("&&") are skipped, %00 is a byte like any
 * other (values have lengths). */
#ifndef COUNTERSIGN_HTTP_FORM_H
#define COUNTERSIGN_HTTP_FORM_H

#include "base/arena.h"
#include "base/attributes.h"
#include "base/slice.h"
#include "base/status.h"

#include <stddef.h>

enum { FORM_FIELDS_MAX = 256 };

struct form_field {
    struct slice name;
    struct slice value;
};

struct form {
    struct form_field *fields;
    size_t count;
};

/* MALFORMED: a '%' without two hexadecimal digits, or more than FORM_FIELDS_MAX fields. NO_MEMORY. */
MUST_USE enum status form_parse(struct arena *arena, struct slice text, struct form *ret_form);

/* The first value of this name, absent without one; *ret_count (may be NULL) says how many there are. */
struct slice form_get(const struct form *form, const char *name, size_t *ret_count);

/* The value of a name that comes exactly once. MALFORMED if it comes more than once; PARAMETER_ABSENT. */
MUST_USE enum status form_get_single(const struct form *form, const char *name, struct slice *ret_value);

/* All values of this name, with a space behind each: of ticks, for one. NO_MEMORY. */
MUST_USE enum status form_join(struct arena *arena, const struct form *form, const char *name,
                               struct slice *ret_values);

#endif
