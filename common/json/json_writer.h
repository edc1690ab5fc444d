/* json_writer: JSON written from left to right, straight into a buf.
 *
 * Invariants: commas are the writer's business; names are literals that need no escape; what is
 * written is valid JSON and valid UTF-8 whatever bytes a text holds: each byte that is not part of
 * well-formed UTF-8 becomes U+FFFD, control characters are escaped. A failure (no memory) stays in
 * the buf, to be checked once at the end. Nothing is allocated but the buf's own growth. */
#ifndef COUNTERSIGN_JSON_JSON_WRITER_H
#define COUNTERSIGN_JSON_JSON_WRITER_H

#include "base/buf.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

struct json_writer {
    struct buf *out;
    bool comma; /* before the next value or name */
};

/* Writes behind what `out` holds. */
static inline struct json_writer json_writer(struct buf *out)
{
    return (struct json_writer){out, false};
}

/* Values: alone, as items of an array, or after json_name. */
void json_begin_object(struct json_writer *w);
void json_end_object(struct json_writer *w);
void json_begin_array(struct json_writer *w);
void json_end_array(struct json_writer *w);
void json_string(struct json_writer *w, struct slice text);
/* A NUL-terminated text; NULL is written as null. */
void json_text(struct json_writer *w, const char *text);
void json_int(struct json_writer *w, int64_t value);
void json_bool(struct json_writer *w, bool value);
void json_null(struct json_writer *w);
/* A value that is JSON already. */
void json_raw(struct json_writer *w, struct slice json);

/* The name of the member whose value comes next: a literal without quotes, backslashes or controls. */
void json_name(struct json_writer *w, const char *name);

/* A whole member. */
void json_member_string(struct json_writer *w, const char *name, struct slice text);
/* Left out where the text is absent (slice_is_absent). */
void json_member_if(struct json_writer *w, const char *name, struct slice text);
void json_member_text(struct json_writer *w, const char *name, const char *text);
void json_member_int(struct json_writer *w, const char *name, int64_t value);
void json_member_bool(struct json_writer *w, const char *name, bool value);
/* "name": {  and  "name": [ */
void json_member_object(struct json_writer *w, const char *name);
void json_member_array(struct json_writer *w, const char *name);

#endif
