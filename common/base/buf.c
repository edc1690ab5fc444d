#include "base/buf.h"

#include "base/wipe.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { SMALLEST_BYTES = 128 };

void buf_done(struct buf *buf)
{
    wipe_bytes(buf->ptr, buf->len);
    if (!buf->borrowed && !buf->arena)
        free(buf->ptr);
    *buf = (struct buf){.arena = buf->arena};
}

void buf_reset(struct buf *buf)
{
    wipe_bytes(buf->ptr, buf->len);
    buf->len = 0;
    buf->cap += buf->lost_bytes;
    buf->lost_bytes = 0;
    buf->failed = false;
}

static void mark_failed(struct buf *buf)
{
    buf->failed = true;
    buf->lost_bytes += buf->cap - buf->len;
    buf->cap = buf->len; /* so that no later, shorter append slips in */
}

/* A new block rather than realloc: the old one may hold a secret and is wiped. */
static bool move_to(struct buf *buf, size_t cap)
{
    char *grown = buf->arena ? arena_bytes(buf->arena, cap) : malloc(cap);
    if (!grown)
        return false;
    if (buf->len)
        memcpy(grown, buf->ptr, buf->len);
    wipe_bytes(buf->ptr, buf->len);
    if (!buf->arena)
        free(buf->ptr);
    buf->ptr = grown;
    buf->cap = cap;
    return true;
}

bool buf_reserve(struct buf *buf, size_t more)
{
    if (buf->failed)
        return false;
    if (more <= buf->cap - buf->len)
        return true;
    size_t need = 0;
    if (!buf->borrowed && !__builtin_add_overflow(buf->len, more, &need)) {
        size_t cap = buf->cap < SMALLEST_BYTES ? SMALLEST_BYTES : buf->cap;
        while (cap < need)
            cap = cap > SIZE_MAX / 2 ? need : cap * 2;
        if (move_to(buf, cap))
            return true;
    }
    mark_failed(buf);
    return false;
}

void buf_add_str(struct buf *buf, const char *text)
{
    buf_add(buf, slice_str(text));
}

void buf_add_joined(struct buf *buf, struct slice lines, const char *between)
{
    const char *before = "";
    for (bool more = lines.len > 0; more;) {
        struct slice line = slice_cut(&lines, '\n', &more);
        if (line.len == 0)
            continue;
        buf_add_str(buf, before);
        buf_add(buf, line);
        before = between;
    }
}

void buf_add_u64(struct buf *buf, uint64_t value)
{
    static const char pairs[] = "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
                                "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
                                "8081828384858687888990919293949596979899";
    char digits[20];
    size_t at = sizeof digits;
    for (; value >= 100; value /= 100)
        memcpy(&digits[at -= 2], &pairs[value % 100 * 2], 2);
    if (value >= 10)
        memcpy(&digits[at -= 2], &pairs[value * 2], 2);
    else
        digits[--at] = (char)('0' + value);
    buf_add(buf, slice_of(digits + at, sizeof digits - at));
}

void buf_add_i64(struct buf *buf, int64_t value)
{
    if (value < 0)
        buf_add_byte(buf, '-');
    buf_add_u64(buf, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

void buf_add_hex(struct buf *buf, struct slice bytes)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < bytes.len; i++) {
        unsigned char byte = (unsigned char)bytes.ptr[i];
        buf_add_byte(buf, digits[byte >> 4]);
        buf_add_byte(buf, digits[byte & 15]);
    }
}

void buf_addv(struct buf *buf, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int need = vsnprintf(NULL, 0, format, args);
    if (need < 0)
        mark_failed(buf);
    else if (buf_reserve(buf, (size_t)need + 1)) {
        (void)vsnprintf(buf->ptr + buf->len, (size_t)need + 1, format, again);
        buf->len += (size_t)need;
    }
    va_end(again);
}

void buf_addf(struct buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    buf_addv(buf, format, args);
    va_end(args);
}

char *buf_string(struct buf *buf)
{
    if (!buf_reserve(buf, 1))
        return NULL;
    buf->ptr[buf->len] = '\0';
    return buf->ptr;
}
