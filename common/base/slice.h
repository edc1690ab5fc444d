/* slice: borrowed bytes with a length.
 *
 * A slice never owns what it points at, may hold any byte (also NUL) and need not be terminated.
 * The empty slice has length 0; its pointer may be NULL and is never read. A slice with a NULL
 * pointer means "absent" where a header says so (slice_is_absent). */
#ifndef COUNTERSIGN_BASE_SLICE_H
#define COUNTERSIGN_BASE_SLICE_H

#include "base/attributes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
    const char *ptr;
    size_t len;
};

/* A string literal as a slice; SLICE_INIT for static initialisers. */
#define SLICE_INIT(literal)              \
    {                                    \
        "" literal, sizeof(literal) - 1, \
    }
#define SLICE(literal) ((struct slice)SLICE_INIT(literal))
#define SLICE_ABSENT   ((struct slice){NULL, 0})

/* For printf: printf("%.*s", SLICE_ARGS(s)). Only for text that was checked to be printable. */
#define SLICE_ARGS(s) (int)(s).len, (s).len ? (s).ptr : ""

static inline struct slice slice_of(const void *bytes, size_t len)
{
    return (struct slice){(const char *)bytes, len};
}

/* Borrows a NUL-terminated string; NULL becomes the absent slice. */
static inline struct slice slice_str(const char *text)
{
    return (struct slice){text, text ? strlen(text) : 0};
}

static inline bool slice_is_absent(struct slice s)
{
    return s.ptr == NULL;
}

static inline bool slice_eq(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* Order by bytes, a prefix before the longer one: <0, 0 or >0. */
static inline int slice_cmp(struct slice a, struct slice b)
{
    size_t shorter = a.len < b.len ? a.len : b.len;
    int order = shorter ? memcmp(a.ptr, b.ptr, shorter) : 0;
    if (order != 0)
        return order;
    return (a.len > b.len) - (a.len < b.len);
}

static inline bool slice_starts_with(struct slice s, struct slice prefix)
{
    return s.len >= prefix.len && (prefix.len == 0 || memcmp(s.ptr, prefix.ptr, prefix.len) == 0);
}

/* The bytes from `from` to before `to`; both are cut to the slice's length. */
static inline struct slice slice_sub(struct slice s, size_t from, size_t to)
{
    if (to > s.len)
        to = s.len;
    if (from > to)
        from = to;
    return (struct slice){s.ptr ? s.ptr + from : NULL, to - from};
}

/* What slice_eq_nocase does with two of the same length. */
bool slice_same_nocase(const char *a, const char *b, size_t len);

/* ASCII case is ignored; other bytes compare as they are. */
static inline bool slice_eq_nocase(struct slice a, struct slice b)
{
    return a.len == b.len && slice_same_nocase(a.ptr, b.ptr, a.len);
}

/* Position of the first `byte`, or s.len. */
size_t slice_find(struct slice s, char byte);

/* Position of the first occurrence of `needle`, or s.len. */
size_t slice_find_slice(struct slice s, struct slice needle);

/* Without spaces and tabs at both ends. */
struct slice slice_trim(struct slice s);

/* Cuts the part before the first `separator` off *rest and returns it; all of it if there is none.
 * *more tells whether a separator was there. */
struct slice slice_cut(struct slice *rest, char separator, bool *more);

/* Length of the well-formed UTF-8 sequence (RFC 3629) that begins at s.ptr[at]; 0 if none does.
 * `at` is within the slice. */
size_t slice_utf8_sequence(struct slice s, size_t at);

/* At most `max` bytes of the front, cut between two characters if the text is UTF-8. */
struct slice slice_cut_utf8(struct slice s, size_t max);

/* Whether the bytes are well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates). NUL is. */
bool slice_is_utf8(struct slice s);

/* Whether it is a token of HTTP (RFC 9110 §5.6.2), as methods and names of headers are. */
bool slice_is_token(struct slice s);

/* Whether it is UTF-8 without control characters (C0, DEL, C1): fit for a line of a list, a log or a header. */
bool slice_is_printable(struct slice s);

/* Decimal digits only (no sign, no space), within [0, max]; false leaves *ret_value untouched. */
MUST_USE bool slice_to_u64(struct slice s, uint64_t max, uint64_t *ret_value);

#endif
