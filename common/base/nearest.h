/* nearest: the name that somebody probably meant, for "did you mean". */
#ifndef COUNTERSIGN_BASE_NEAREST_H
#define COUNTERSIGN_BASE_NEAREST_H

#include "base/slice.h"

#include <stddef.h>

/* The best candidate so far; starts zeroed but for `wanted`. */
struct nearest {
    struct slice wanted;
    const char *name; /* NULL while none is close enough */
    size_t distance;
};

/* Insertions, deletions, replacements and swaps of neighbours that make one text of the other, case
 * ignored; a text beyond 64 bytes is as far as its length from any other. */
size_t nearest_distance(struct slice a, struct slice b);

/* Keeps `name` (borrowed) if it is closer than what came before, and close at all: at most two
 * changes, and at most a third of the wanted text's length. */
void nearest_consider(struct nearest *nearest, const char *name);

#endif
