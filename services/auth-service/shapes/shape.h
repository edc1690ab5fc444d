/* shape: what the shapes of this folder share. */
#ifndef COUNTERSIGN_AUTH_SERVICE_SHAPES_SHAPE_H
#define COUNTERSIGN_AUTH_SERVICE_SHAPES_SHAPE_H

#include "base/arena.h"
#include "json/json_writer.h"

/* "name": seconds since 1970; left out for 0. */
void shape_write_time(struct json_writer *json, const char *name, int64_t ms);
/* "name": a text; left out where it is empty. */
void shape_write_text(struct json_writer *json, const char *name, struct slice text);
/* "name": an array of words that are separated by single spaces. */
void shape_write_words(struct json_writer *json, const char *name, struct slice words);
/* What a draft says is wrong, which begins with the option's name, with the member's name instead: a text in the arena;
 * NULL: no memory. */
const char *shape_why(struct slice why, struct arena *arena);

#endif
