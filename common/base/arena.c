#include "base/arena.h"

#include "base/wipe.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>

enum { FIRST_BLOCK_BYTES = 8192, ALIGNMENT = alignof(max_align_t) };

struct arena_block {
    struct arena_block *older;
    size_t size; /* of data */
    alignas(max_align_t) char data[];
};

void arena_init(struct arena *arena, size_t limit_bytes)
{
    *arena = (struct arena){.limit_bytes = limit_bytes};
}

static void use_block(struct arena *arena, struct arena_block *block)
{
    arena->current = block;
    arena->next = block->data;
    arena->end = block->data + block->size;
}

static void wipe_used(struct arena *arena, struct arena_block *block)
{
    size_t used = block == arena->current ? (size_t)(arena->next - block->data) : block->size;
    wipe_bytes(block->data, used);
}

static void drop_until(struct arena *arena, const struct arena_block *keep)
{
    for (struct arena_block *block = arena->current; block != keep;) {
        struct arena_block *older = block->older;
        wipe_used(arena, block);
        arena->taken_bytes -= block->size;
        free(block);
        block = older;
    }
}

void arena_reset(struct arena *arena)
{
    if (!arena->first)
        return;
    if (arena->current == arena->first) {
        wipe_used(arena, arena->first);
    } else {
        drop_until(arena, arena->first);
        arena->current = NULL;
        wipe_used(arena, arena->first);
    }
    use_block(arena, arena->first);
}

void arena_done(struct arena *arena)
{
    drop_until(arena, NULL);
    *arena = (struct arena){.limit_bytes = arena->limit_bytes};
}

static bool add_block(struct arena *arena, size_t need)
{
    size_t size = need > FIRST_BLOCK_BYTES ? need : FIRST_BLOCK_BYTES;
    if (size > arena->limit_bytes - arena->taken_bytes)
        size = need;
    if (size > arena->limit_bytes - arena->taken_bytes || size > PTRDIFF_MAX - sizeof(struct arena_block))
        return false;
    struct arena_block *block = malloc(sizeof *block + size);
    if (!block)
        return false;
    *block = (struct arena_block){.older = arena->current, .size = size};
    arena->taken_bytes += size;
    if (!arena->first)
        arena->first = block;
    use_block(arena, block);
    return true;
}

static char *take_bytes(struct arena *arena, size_t size, size_t alignment)
{
    size_t padding = -(uintptr_t)arena->next & (alignment - 1); /* a power of two */
    size_t left = (size_t)(arena->end - arena->next);
    if (!arena->current || padding > left || size > left - padding) {
        if (!add_block(arena, size))
            return NULL;
        padding = 0; /* data is aligned for any object */
    }
    char *given = arena->next + padding;
    arena->next = given + size;
    return given;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    return take_bytes(arena, size, ALIGNMENT);
}

void *arena_calloc(struct arena *arena, size_t count, size_t size)
{
    size_t total = 0;
    if (__builtin_mul_overflow(count, size, &total))
        return NULL;
    void *given = arena_alloc(arena, total);
    return given ? memset(given, 0, total) : NULL;
}

char *arena_bytes(struct arena *arena, size_t size)
{
    return take_bytes(arena, size, 1);
}

void arena_trim(struct arena *arena, const char *bytes, size_t size, size_t used)
{
    if (used < size && bytes + size == arena->next) {
        wipe_bytes(arena->next - (size - used), size - used);
        arena->next -= size - used;
    }
}

struct slice arena_copy(struct arena *arena, struct slice bytes)
{
    char *copy = arena_bytes(arena, bytes.len);
    if (!copy)
        return SLICE_ABSENT;
    if (bytes.len)
        memcpy(copy, bytes.ptr, bytes.len);
    return slice_of(copy, bytes.len);
}

char *arena_string(struct arena *arena, struct slice text)
{
    char *copy = arena_bytes(arena, text.len + 1);
    if (!copy)
        return NULL;
    if (text.len)
        memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    return copy;
}
