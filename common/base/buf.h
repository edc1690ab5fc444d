/* buf: growing bytes.
 *
 * Invariants: once an append failed (no memory, or a fixed one is full) `failed` stays set and
 * nothing more is added, so a writer checks once, at the end. buf_done wipes. A buf over borrowed
 * memory (buf_fixed) never touches the heap. */
#ifndef COUNTERSIGN_BASE_BUF_H
#define COUNTERSIGN_BASE_BUF_H

#include "base/arena.h"
#include "base/attributes.h"
#include "base/slice.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

struct buf {
    char *ptr;
    size_t len;
    size_t cap;
    size_t lost_bytes; /* of the memory, out of use since a failure */
    bool failed;
    bool borrowed;       /* over the caller's memory: does not grow */
    struct arena *arena; /* grows inside an arena: buf_done is not needed */
};

/* Grows on the heap; buf_done frees. */
#define BUF_INIT ((struct buf){0})
/* Over `cap` bytes of the caller's. */
static inline struct buf buf_fixed(void *memory, size_t cap)
{
    return (struct buf){.ptr = memory, .cap = cap, .borrowed = true};
}
/* Grows inside an arena, which frees it. */
static inline struct buf buf_in(struct arena *arena)
{
    return (struct buf){.arena = arena};
}

/* Wipes, frees, and leaves an empty growing buf (in the same arena, if it had one). */
void buf_done(struct buf *buf);
/* Empties it (wiped), keeps the memory, forgets a failure. */
void buf_reset(struct buf *buf);

/* Room for `more` bytes after the end; false when there is none (sets failed). */
bool buf_reserve(struct buf *buf, size_t more);

static inline void buf_add(struct buf *buf, struct slice bytes)
{
    if (bytes.len == 0)
        return;
    if (bytes.len > buf->cap - buf->len && !buf_reserve(buf, bytes.len))
        return;
    memcpy(buf->ptr + buf->len, bytes.ptr, bytes.len);
    buf->len += bytes.len;
}

static inline void buf_add_byte(struct buf *buf, char byte)
{
    if (buf->len == buf->cap && !buf_reserve(buf, 1))
        return;
    buf->ptr[buf->len++] = byte;
}

/* A NUL-terminated text, without the NUL. */
void buf_add_str(struct buf *buf, const char *text);
/* Decimal digits. */
void buf_add_u64(struct buf *buf, uint64_t value);
/* Decimal digits, behind a '-' where it is negative. */
void buf_add_i64(struct buf *buf, int64_t value);
/* Lower-case hexadecimal. */
void buf_add_hex(struct buf *buf, struct slice bytes);
/* printf; the output may be of any length. A fixed buf needs room for one byte more. */
void buf_addf(struct buf *buf, const char *format, ...) PRINTF_LIKE(2, 3);
void buf_addv(struct buf *buf, const char *format, va_list args) PRINTF_LIKE(2, 0);
/* Lines as one: those that are not empty, with `between` between them. */
void buf_add_joined(struct buf *buf, struct slice lines, const char *between);

static inline struct slice buf_slice(const struct buf *buf)
{
    return (struct slice){buf->ptr ? buf->ptr : "", buf->len};
}

/* NUL-terminates (the NUL is not counted) and returns the text; NULL after a failure. */
MUST_USE char *buf_string(struct buf *buf);

#endif
