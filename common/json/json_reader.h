/* json_reader: strict reading of JSON (RFC 8259) into a tree, and of its objects into structs.
 *
 * Invariants. json_read accepts one value in UTF-8, without a byte order mark, and nothing behind it but the white
 * space of JSON. No object has a member twice; names are compared by bytes. No text holds a NUL or a lone surrogate,
 * raw or escaped. Numbers are integers that a double holds exactly; none of the interfaces has fractions or exponents.
 * Depth, the members of an object and all values are bounded (below), so that the time and memory of reading are linear
 * in the length of the text.
 *
 * The tree, and all that is decoded from it, lives in the caller's arena until the arena is reset; nothing is freed by
 * itself. cJSON builds the tree. What cJSON would accept against these rules (docs/design/security.md, "What cJSON
 * accepts") is refused before it sees the text. Any thread may use this. */
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
    JSON_MAX_DEPTH = 8,        /* of objects and arrays in each other */
    JSON_MAX_MEMBERS = 64,     /* of one object */
    JSON_MAX_NAME_BYTES = 256, /* of a member, as written with its quotes */
    JSON_MAX_VALUES = 16384,   /* of one text */
};

/* 2^53 - 1: the largest integer that differs from both its neighbours as a double. */
#define JSON_MAX_INT INT64_C(9007199254740991)

/* A value of a tree. It is a node of cJSON, and only the files of json/ look into it. */
struct cJSON;
typedef struct cJSON json_value;

/* Reads one value. The tree does not point into `text`. *ret_why is a text in the arena. STATUS_BAD_INPUT: *ret_why
 * says what is wrong, and at which byte. STATUS_NO_MEMORY: there is no memory, or the arena's limit is reached;
 * *ret_why says so. */
MUST_USE enum status json_read(struct slice text, struct arena *arena, const json_value **ret_value,
                               const char **ret_why);

enum json_kind {
    JSON_STRING,  /* struct slice; absent (slice_is_absent) if the member is */
    JSON_BOOL,    /* bool */
    JSON_INT,     /* int64_t within ± JSON_MAX_INT */
    JSON_STRINGS, /* struct json_strings: an array of strings */
    JSON_OBJECT,  /* const json_value *, or NULL */
    JSON_ARRAY,   /* const json_value *, or NULL */
    JSON_NULL,    /* json_kind_of alone tells it; no field is of this kind */
};

struct json_strings {
    const struct slice *items;
    size_t count;
};

/* Returns any kind but JSON_STRINGS. */
enum json_kind json_kind_of(const json_value *value);
/* Returns the member of exactly this name; NULL if the object has none. */
const json_value *json_member(const json_value *object, const char *name);
/* Returns how many members an object has, or items an array. */
size_t json_count(const json_value *value);
/* Walk over the items of an array or the members of an object. They return NULL at the end. */
const json_value *json_first(const json_value *value);
const json_value *json_next(const json_value *value);
/* Returns the name of a member. */
struct slice json_name_of(const json_value *member);
/* Each is only for a value of the kind that its name says. */
struct slice json_string_of(const json_value *value);
bool json_bool_of(const json_value *value);
int64_t json_int_of(const json_value *value);

/* A row of a table that says which members an object may have, and where their values go. A table has at most
 * JSON_MAX_MEMBERS rows, and ends with a row without a name. */
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
    JSON_NULL_REFUSED,   /* null is of a wrong type */
    JSON_NULL_IS_ABSENT, /* null means that the member is not there */
    JSON_NULL_CLEARS,    /* the member is there, and sets the field to absent, false, 0 or empty */
};

/* Fills the struct at `out` from an object, by the table `fields`. A member that is not there leaves its place as it
 * was. Bit i of *ret_given says that row i was there; ret_given may be NULL. STATUS_BAD_INPUT: `object` is no object,
 * or a member is unknown, of a wrong type, or required and not there. *ret_why, a text in the arena, names the member
 * then, behind `where` and a dot if `where` is not empty ("requests[3].url must be a string"), and `out` is
 * unspecified. STATUS_NO_MEMORY. */
MUST_USE enum status json_decode(const json_value *object, const struct json_field *fields, enum json_null null_means,
                                 const char *where, struct arena *arena, void *out, uint64_t *ret_given,
                                 const char **ret_why);

/* Reads a text that is one object, as json_read and json_decode do, but without a tree where the object is a usual one.
 * Strings point into `text` where they can. The errors are those of json_read and json_decode. */
MUST_USE enum status json_read_fields(struct slice text, const struct json_field *fields, enum json_null null_means,
                                      struct arena *arena, void *out, uint64_t *ret_given, const char **ret_why);

#endif
