#include "guard/accepted_ranges.h"

#include <string.h>

static int64_t lower_of(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t higher_of(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* ---- questions ---- */

static const struct accepted_range *find_range(const struct accepted_ranges *ranges, int64_t second)
{
    for (size_t i = ranges->count; i-- > 0;)
        if (second >= ranges->items[i].low)
            return second <= ranges->items[i].high ? &ranges->items[i] : NULL;
    return NULL;
}

int64_t accepted_ranges_left(const struct accepted_ranges *ranges, int64_t second)
{
    const struct accepted_range *range = find_range(ranges, second);
    return range && second > range->guarded ? range->high - second : 0;
}

bool accepted_ranges_cover(const struct accepted_ranges *ranges, int64_t second)
{
    const struct accepted_range *range = find_range(ranges, second);
    return range && second > range->guarded;
}

int64_t accepted_ranges_guard_end(const struct accepted_ranges *ranges, int64_t second)
{
    for (size_t i = 0; i < ranges->count; i++)
        if (second >= ranges->items[i].low && second <= ranges->items[i].guarded)
            second = ranges->items[i].guarded + 1;
    return second;
}

int64_t accepted_ranges_high(const struct accepted_ranges *ranges, int64_t second)
{
    const struct accepted_range *range = find_range(ranges, second);
    return range ? range->high : second;
}

int64_t accepted_ranges_reach(const struct accepted_ranges *ranges, int64_t low, int64_t high)
{
    for (size_t i = ranges->count; i-- > 0;)
        if (ranges->items[i].low <= high && ranges->items[i].high >= low)
            return ranges->items[i].high;
    return low;
}

bool accepted_ranges_begin_above(const struct accepted_ranges *ranges, int64_t second)
{
    return ranges->count > 0 && second < ranges->items[0].low;
}

/* ---- changes ---- */

static bool guards_something(const struct accepted_range *range)
{
    return range->guarded >= range->low;
}

static void remove_range(struct accepted_ranges *ranges, size_t at)
{
    ranges->count--;
    memmove(&ranges->items[at], &ranges->items[at + 1], (ranges->count - at) * sizeof ranges->items[0]);
}

/* Makes one range of two neighbours and what lies between. What is guarded in the upper one guards all below it. */
static void join_ranges(struct accepted_ranges *ranges, size_t lower_at)
{
    struct accepted_range *range = &ranges->items[lower_at];
    const struct accepted_range *above = &ranges->items[lower_at + 1];
    if (guards_something(above))
        range->guarded = above->guarded;
    range->high = above->high;
    remove_range(ranges, lower_at + 1);
}

/* Joins what touches, where that guards nothing more. */
static void join_touching(struct accepted_ranges *ranges)
{
    for (size_t i = 0; i + 1 < ranges->count;) {
        const struct accepted_range *range = &ranges->items[i];
        const struct accepted_range *above = &ranges->items[i + 1];
        bool touches = range->high + 1 >= above->low;
        if (touches && (!guards_something(above) || range->guarded == range->high))
            join_ranges(ranges, i);
        else
            i++;
    }
}

static int64_t gap_above(const struct accepted_ranges *ranges, size_t at)
{
    return ranges->items[at + 1].low - ranges->items[at].high;
}

static size_t find_nearest_pair(const struct accepted_ranges *ranges, size_t from, size_t to)
{
    size_t best = from;
    for (size_t i = from + 1; i + 1 < to; i++)
        if (gap_above(ranges, i) < gap_above(ranges, best))
            best = i;
    return best;
}

/* Room for a range at this second, which no range holds: joins two that are near each other, for what lies between may
 * be guarded with them. If there are two below the second, then two of those: they are past, or as far ahead as it is.
 * Of a clock that is often ahead the present is never joined with what is ahead. */
static void make_room(struct accepted_ranges *ranges, int64_t second)
{
    size_t below = 0;
    if (ranges->count < ACCEPTED_RANGES_MAX)
        return;
    while (below < ranges->count && ranges->items[below].low < second)
        below++;
    bool is_below = below > 1;
    join_ranges(ranges, find_nearest_pair(ranges, is_below ? 0 : below, is_below ? below : ranges->count));
}

static void insert_range(struct accepted_ranges *ranges, struct accepted_range range)
{
    size_t at = ranges->count;
    while (at > 0 && ranges->items[at - 1].low > range.low)
        at--;
    memmove(&ranges->items[at + 1], &ranges->items[at], (ranges->count - at) * sizeof ranges->items[0]);
    ranges->items[at] = range;
    ranges->count++;
}

/* The range that a raise to this second makes larger; NULL: it begins one of its own. */
static struct accepted_range *find_near(struct accepted_ranges *ranges, int64_t second)
{
    size_t at = ranges->count;
    while (at > 0 && ranges->items[at - 1].low > second)
        at--;
    if (at > 0) {
        struct accepted_range *below = &ranges->items[at - 1];
        /* nothing of this range is accepted in this epoch, but the seconds in between may still be */
        int64_t reach_s = below->guarded == below->high ? 1 : ACCEPTED_AHEAD_S;
        if (second <= below->high + reach_s)
            return below;
    }
    struct accepted_range *above = at < ranges->count ? &ranges->items[at] : NULL;
    return above && second >= above->low - ACCEPTED_AHEAD_S && !guards_something(above) ? above : NULL;
}

/* How far up a range may reach that holds this second. */
static int64_t find_ceiling(const struct accepted_ranges *ranges, int64_t second)
{
    for (size_t i = 0; i < ranges->count; i++)
        if (ranges->items[i].low > second)
            return lower_of(second + ACCEPTED_AHEAD_S, ranges->items[i].low - 1);
    return second + ACCEPTED_AHEAD_S;
}

void accepted_ranges_raise(struct accepted_ranges *ranges, int64_t second)
{
    struct accepted_range *range = find_near(ranges, second);
    if (accepted_ranges_guard(ranges, second))
        return;
    if (!range) {
        make_room(ranges, second);
        insert_range(ranges, (struct accepted_range){second, second - 1, find_ceiling(ranges, second)});
    } else if (second < range->low) {
        range->guarded = (range->low = second) - 1;
    } else {
        range->high = higher_of(range->high, find_ceiling(ranges, second));
    }
    join_touching(ranges);
}

void accepted_ranges_raise_span(struct accepted_ranges *ranges, const struct second_span *span)
{
    for (int64_t second = span->low; second <= span->high; second++)
        accepted_ranges_raise(ranges, second);
}

void accepted_ranges_guard_all(struct accepted_ranges *ranges)
{
    for (size_t i = 0; i < ranges->count; i++)
        ranges->items[i].guarded = ranges->items[i].high;
    join_touching(ranges);
}

void accepted_ranges_guard_span(struct accepted_ranges *ranges, int64_t low, int64_t high)
{
    if (low > high)
        return;
    struct accepted_range span = {low, high, high};
    for (size_t i = 0; i < ranges->count;) {
        const struct accepted_range *range = &ranges->items[i];
        if (range->high + 1 < span.low || range->low > span.high + 1) {
            i++;
            continue;
        }
        span.low = lower_of(span.low, range->low);
        span.guarded = higher_of(span.guarded, range->guarded);
        span.high = higher_of(span.high, range->high);
        remove_range(ranges, i);
    }
    make_room(ranges, span.low);
    insert_range(ranges, span);
}

void accepted_ranges_guard_others(struct accepted_ranges *ranges, const struct accepted_ranges *others)
{
    for (size_t i = 0; i < others->count; i++)
        accepted_ranges_guard_span(ranges, others->items[i].low, others->items[i].high);
}

/* Whether no second of the span is new: one range held it before. */
static bool was_held(const struct accepted_ranges *before, const struct second_span *span)
{
    const struct accepted_range *range = find_range(before, span->low);
    return range && range == find_range(before, span->high);
}

void accepted_ranges_guard_what_is_new(struct accepted_ranges *ranges, const struct accepted_ranges *before,
                                       const struct accepted_ranges *others)
{
    const struct accepted_ranges now = *ranges;
    for (size_t i = 0; i < others->count; i++)
        for (size_t k = 0; k < now.count; k++) {
            const struct accepted_range *range = &now.items[k];
            const struct second_span both = {higher_of(range->guarded + 1, others->items[i].low),
                                             lower_of(range->high, others->items[i].high)};
            if (!was_held(before, &both)) /* an empty one guards nothing */
                accepted_ranges_guard_span(ranges, both.low, both.high);
        }
}

/* ---- as text ---- */

void accepted_ranges_write(const struct accepted_ranges *ranges, struct buf *out)
{
    for (size_t i = 0; i < ranges->count; i++) {
        const struct accepted_range *range = &ranges->items[i];
        if (i)
            buf_add_byte(out, ';');
        buf_add_i64(out, range->low);
        buf_add_byte(out, ' ');
        buf_add_i64(out, range->guarded);
        buf_add_byte(out, ' ');
        buf_add_i64(out, range->high);
    }
}

static bool take_second(struct slice *rest, bool is_last, int64_t *ret_second)
{
    bool more = false;
    struct slice word = slice_cut(rest, ' ', &more);
    if (more == is_last)
        return false;
    bool is_negative = slice_starts_with(word, SLICE("-"));
    uint64_t number = 0;
    if (!slice_to_u64(slice_sub(word, is_negative, word.len), INT64_MAX / 2, &number))
        return false;
    *ret_second = is_negative ? -(int64_t)number : (int64_t)number;
    return true;
}

static bool parse_range(struct slice text, struct accepted_range *ret_range)
{
    struct accepted_range range = {0};
    if (!take_second(&text, false, &range.low) || !take_second(&text, false, &range.guarded) ||
        !take_second(&text, true, &range.high))
        return false;
    *ret_range = range;
    return range.guarded >= range.low - 1 && range.guarded <= range.high;
}

enum status accepted_ranges_parse(struct slice text, struct accepted_ranges *ret_ranges)
{
    struct accepted_ranges ranges = {0};
    for (bool more = text.len > 0; more;) {
        struct accepted_range range;
        if (ranges.count == ACCEPTED_RANGES_MAX || !parse_range(slice_cut(&text, ';', &more), &range))
            return STATUS_BAD_INPUT;
        if (ranges.count && range.low <= ranges.items[ranges.count - 1].high)
            return STATUS_BAD_INPUT;
        ranges.items[ranges.count++] = range;
    }
    *ret_ranges = ranges;
    return STATUS_OK;
}
