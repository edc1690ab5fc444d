/* arena: the memory of one request.
 *
 * Invariants: what it gave stays valid until arena_reset or arena_done; both wipe every byte that
 * was handed out, so a secret needs no second thought. Not for use by two threads. The first block
 * is kept by arena_reset, so a pooled arena serves a typical request without the heap. A limit
 * bounds what one request can make the process hold. */
#ifndef COUNTERSIGN_BASE_ARENA_H
#define COUNTERSIGN_BASE_ARENA_H

#include "base/attributes.h"
#include "base/slice.h"

#include <stddef.h>

struct arena_block;

struct arena {
    struct arena_block *first;   /* kept by reset */
    struct arena_block *current; /* chain, newest first, ends with `first` */
    char *next;                  /* free space of `current` */
    char *end;
    size_t taken_bytes; /* in all blocks */
    size_t limit_bytes;
};

/* Takes no memory yet. Blocks in all are at most limit_bytes. */
void arena_init(struct arena *arena, size_t limit_bytes);
/* Wipes and frees all that was handed out, keeps the first block. */
void arena_reset(struct arena *arena);
/* Wipes and frees everything. An arena_init'ed but never used one is fine. */
void arena_done(struct arena *arena);

/* `size` bytes aligned for any object, not zeroed; NULL when memory or the limit is reached.
 * A size of 0 gives a valid pointer. */
MUST_USE void *arena_alloc(struct arena *arena, size_t size);
/* The same, zeroed; NULL also when count * size overflows. */
MUST_USE void *arena_calloc(struct arena *arena, size_t count, size_t size);
/* `size` bytes without alignment, for text. */
MUST_USE char *arena_bytes(struct arena *arena, size_t size);
/* Gives back the end of the newest arena_bytes: `used` of the `size` bytes at `bytes` are kept. */
void arena_trim(struct arena *arena, const char *bytes, size_t size, size_t used);
/* A copy of the bytes; the absent slice when there is no memory (an empty copy is not absent). */
MUST_USE struct slice arena_copy(struct arena *arena, struct slice bytes);
/* The one door to NUL-terminated text: a terminated copy, NULL when there is no memory. The
 * caller has made sure that no NUL is in it. */
MUST_USE char *arena_string(struct arena *arena, struct slice text);

#endif
