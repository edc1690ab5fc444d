/* json_writer: writes JSON from left to right, straight into a buf.
 *
 * Invariants: The writer sets the commas. Names are literals that need no escape. The output is valid JSON in valid
 * UTF-8 whatever bytes a text holds: a byte that is not part of well-formed UTF-8 becomes U+FFFD, and control
 * characters are escaped. A failure (no memory) stays in the buf, so that the caller checks once, at the end. Nothing
 * is allocated but what the buf needs to grow. */
#ifndef COUNTERSIGN_JSON_JSON_WRITER_H
#define COUNTERSIGN_JSON_JSON_WRITER_H

#include "base/buf.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

struct json_writer {
    struct buf *out;
    bool comma; /* one is due before the next value or name */
};

/* Returns a writer that appends to what `out` holds. */
static inline struct json_writer json_writer(struct buf *out)
{
    return (struct json_writer){out, false};
}

/* These write a value: alone, as an item of an array, or behind json_name. */
void json_begin_object(struct json_writer *w);
void json_end_object(struct json_writer *w);
void json_begin_array(struct json_writer *w);
void json_end_array(struct json_writer *w);
void json_string(struct json_writer *w, struct slice text);
/* Writes a NUL-terminated text as a string, and NULL as null. */
void json_text(struct json_writer *w, const char *text);
void json_int(struct json_writer *w, int64_t value);
void json_bool(struct json_writer *w, bool value);
void json_null(struct json_writer *w);
/* Writes a value that is JSON already. */
void json_raw(struct json_writer *w, struct slice json);

/* Writes the name of the member whose value comes next: a literal without quotes, backslashes and control characters.
 */
void json_name(struct json_writer *w, const char *name);

/* These write a whole member. */
void json_member_string(struct json_writer *w, const char *name, struct slice text);
/* Writes nothing if the text is absent (slice_is_absent). */
void json_member_if(struct json_writer *w, const char *name, struct slice text);
void json_member_text(struct json_writer *w, const char *name, const char *text);
void json_member_int(struct json_writer *w, const char *name, int64_t value);
void json_member_bool(struct json_writer *w, const char *name, bool value);
/* These write "name": { and "name": [ */
void json_member_object(struct json_writer *w, const char *name);
void json_member_array(struct json_writer *w, const char *name);

#endif
