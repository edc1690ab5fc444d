/* json_reader: strict reading of JSON (RFC 8259) into a tree, and of its objects into structs.
 *
 * Invariants. What json_read takes is UTF-8 without a BOM, one value and nothing behind it but JSON
 * white space; no object has a member twice (names compare by bytes); no text holds a NUL or a lone
 * surrogate, raw or escaped; numbers are integers that a double holds exactly (no fraction, no
 * exponent: no interface of ours has them); depth, members of an object and values in all are
 * capped (below), so reading costs time and memory linear in the text. The tree and all that is
 * decoded from it live in the caller's arena until that is reset: nothing is freed by itself, and a
 * slice from it keeps its length. cJSON builds the tree; what it would let pass (its own list in
 * docs/design/security.md, "What cJSON accepts") is refused before it sees the text. May be used by any thread. */
#ifndef COUNTERSIGN_JSON_JSON_READER_H
#define COUNTERSIGN_JSON_JSON_READER_H

#include "base/arena.h"
#include "base/attributes.h"
#include "base/slice.h"
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    JSON_MAX_DEPTH = 8,        /* of nested objects and arrays */
    JSON_MAX_MEMBERS = 64,     /* of one object */
    JSON_MAX_NAME_BYTES = 256, /* of a member, as written with its quotes */
    JSON_MAX_VALUES = 16384,   /* of one text */
};

/* The largest integer n for which n and its neighbours differ as doubles: 2^53 - 1. */
#define JSON_MAX_INT INT64_C(9007199254740991)

/* A value of a tree: cJSON's node, which only json/ looks into. */
struct cJSON;
typedef struct cJSON json_value;

/* Reads one value. STATUS_BAD_INPUT: *ret_why says what is wrong and at which byte (a text in the
 * arena); STATUS_NO_MEMORY: memory or the arena's limit is reached (*ret_why says so). The tree
 * does not point into `text`. */
MUST_USE enum status json_read(struct slice text, struct arena *arena, const json_value **ret_value,
                               const char **ret_why);

enum json_kind {
    JSON_STRING,  /* struct slice; absent (slice_is_absent) where the member is */
    JSON_BOOL,    /* bool */
    JSON_INT,     /* int64_t within ± JSON_MAX_INT */
    JSON_STRINGS, /* struct json_strings: an array of strings */
    JSON_OBJECT,  /* const json_value *, or NULL */
    JSON_ARRAY,   /* const json_value *, or NULL */
    JSON_NULL,    /* not for fields: what json_kind_of tells */
};

struct json_strings {
    const struct slice *items;
    size_t count;
};

/* Any kind but JSON_STRINGS. */
enum json_kind json_kind_of(const json_value *value);
/* The member of an object, by exact name; NULL if there is none. */
const json_value *json_member(const json_value *object, const char *name);
/* Members of an object or items of an array. */
size_t json_count(const json_value *value);
/* Walks over the items of an array or the members of an object; NULL at the end. */
const json_value *json_first(const json_value *value);
const json_value *json_next(const json_value *value);
/* The name of a member. */
struct slice json_name_of(const json_value *member);
/* Only for the kind that the name says. */
struct slice json_string_of(const json_value *value);
bool json_bool_of(const json_value *value);
int64_t json_int_of(const json_value *value);

/* A row of a table that says what an object may have, and where it goes. A table has at most
 * JSON_MAX_MEMBERS rows and ends with one without a name. */
struct json_field {
    const char *name;
    enum json_kind kind;
    size_t offset; /* in the struct */
    bool required;
};

#define JSON_FIELD(type, member, kind, required)         \
    {                                                    \
#member, kind, offsetof(type, member), required, \
    }
#define JSON_FIELDS_END            \
    {                              \
        NULL, JSON_NULL, 0, false, \
    }

enum json_null {
    JSON_NULL_REFUSED,   /* null is a wrong type */
    JSON_NULL_IS_ABSENT, /* as if the member were not there */
    JSON_NULL_CLEARS,    /* there, and the field is set to its absent, false, 0 or empty value */
};

/* Fills the struct at `out` from an object by the table `fields`. A member that is not there leaves
 * its place as it was. *ret_given (NULL if nobody asks) has bit i set where row i was given.
 * STATUS_BAD_INPUT: `object` is no object, a member is unknown, of the wrong type, or required and
 * not there; *ret_why names it (a text in the arena), after `where` and a dot if `where` is not
 * empty ("requests[3].url must be a string"). `out` is then unspecified. STATUS_NO_MEMORY. */
MUST_USE enum status json_decode(const json_value *object, const struct json_field *fields, enum json_null null_means,
                                 const char *where, struct arena *arena, void *out, uint64_t *ret_given,
                                 const char **ret_why);

/* Reads the one object that `text` is, as json_read and json_decode do; the usual one without a tree. Strings point
 * into `text` where they can. Errors as theirs. */
MUST_USE enum status json_read_fields(struct slice text, const struct json_field *fields, enum json_null null_means,
                                      struct arena *arena, void *out, uint64_t *ret_given, const char **ret_why);

#endif
