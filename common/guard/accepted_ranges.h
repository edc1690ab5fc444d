/* accepted_ranges: which timestamps a nonce store may have accepted, and which of them it must refuse
 * (docs/design/nonce-guard.md).
 *
 * Invariants: ranges are in ascending order and do not overlap; low <= high + 1 and low - 1 <= guarded <= high. A
 * timestamp in a range and above its `guarded` may be accepted; one of low to `guarded` is refused; one in no range was
 * never accepted, and may not be before it is in one. No function ever makes a timestamp acceptable that was guarded.
 * All numbers are whole seconds, UTC. */
#ifndef COUNTERSIGN_GUARD_ACCEPTED_RANGES_H
#define COUNTERSIGN_GUARD_ACCEPTED_RANGES_H

#include "base/attributes.h"
#include "base/buf.h"
#include "base/slice.h"
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    ACCEPTED_RANGES_MAX = 8,
    ACCEPTED_AHEAD_S = 5, /* how far a raise goes beyond what is accepted, and how near a range begins no other */
    ACCEPTED_LEFT_S = 3,  /* with less than this a range is raised in the background */
    ACCEPTED_TEXT_BYTES = ACCEPTED_RANGES_MAX * 3 * 21,
};

struct accepted_range {
    int64_t low;
    int64_t guarded; /* low - 1: nothing is guarded */
    int64_t high;
};

/* A span includes both of its ends. */
struct second_span {
    int64_t low;
    int64_t high;
};

#define SECOND_SPAN_EMPTY ((struct second_span){0, -1})

static inline bool second_span_is_empty(const struct second_span *span)
{
    return span->low > span->high;
}

struct accepted_ranges {
    struct accepted_range items[ACCEPTED_RANGES_MAX];
    size_t count;
};

/* Whether it lies in a range, above what is guarded. */
bool accepted_ranges_cover(const struct accepted_ranges *ranges, int64_t second);
/* How many seconds above this one are covered too; 0 where it is not. */
int64_t accepted_ranges_left(const struct accepted_ranges *ranges, int64_t second);
/* The first second from this one on that is not guarded. */
int64_t accepted_ranges_guard_end(const struct accepted_ranges *ranges, int64_t second);
static inline bool accepted_ranges_guard(const struct accepted_ranges *ranges, int64_t second)
{
    return accepted_ranges_guard_end(ranges, second) != second;
}
/* The end of the range that this second lies in; the second itself where it lies in none. */
int64_t accepted_ranges_high(const struct accepted_ranges *ranges, int64_t second);
/* The highest end of the ranges that hold a second of the span; `low` where none does. */
int64_t accepted_ranges_reach(const struct accepted_ranges *ranges, int64_t low, int64_t high);
/* Whether there are ranges, and all of them begin above this second. */
bool accepted_ranges_begin_above(const struct accepted_ranges *ranges, int64_t second);

/* Covers this second and ACCEPTED_AHEAD_S more, as far as no other range is in the way. Nothing changes where it is
 * guarded. */
void accepted_ranges_raise(struct accepted_ranges *ranges, int64_t second);
/* The same for each second of a span that was accepted. */
void accepted_ranges_raise_span(struct accepted_ranges *ranges, const struct second_span *span);
/* A new epoch: everything that may have been accepted is refused. */
void accepted_ranges_guard_all(struct accepted_ranges *ranges);
/* Everything from one second to another is refused too. */
void accepted_ranges_guard_span(struct accepted_ranges *ranges, int64_t low, int64_t high);
/* Everything that the others may have accepted is refused too. */
void accepted_ranges_guard_others(struct accepted_ranges *ranges, const struct accepted_ranges *others);
/* What the others may have accepted, and is in these ranges though it was not before: two of them were joined. */
void accepted_ranges_guard_what_is_new(struct accepted_ranges *ranges, const struct accepted_ranges *before,
                                       const struct accepted_ranges *others);

/* "low guarded high;low guarded high", at most ACCEPTED_TEXT_BYTES. */
void accepted_ranges_write(const struct accepted_ranges *ranges, struct buf *out);
/* BAD_INPUT: that is no such text. */
MUST_USE enum status accepted_ranges_parse(struct slice text, struct accepted_ranges *ret_ranges);

#endif
