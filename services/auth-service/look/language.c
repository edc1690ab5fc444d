#include "look/language.h"

enum { RANGES_MAX = 32, QUALITY_MAX = 1000 };

struct range {
    struct slice text;
    unsigned quality; /* thousandths */
};

static bool is_letter_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool language_is_tag(struct slice text)
{
    size_t subtag = 0;
    if (text.len > LANGUAGE_TAG_MAX_BYTES)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '-' ? subtag == 0 : !is_letter_or_digit(text.ptr[i]) || subtag == 8)
            return false;
        subtag = text.ptr[i] == '-' ? 0 : subtag + 1;
    }
    return subtag > 0 && slice_find(text, '-') >= 2;
}

/* ---- Accept-Language ---- */

/* "0.8", "1", "1.000" (RFC 9110 §12.4.2). */
static bool read_quality(struct slice text, unsigned *ret_quality)
{
    bool point = false;
    struct slice whole = slice_cut(&text, '.', &point);
    uint64_t ones = 0;
    uint64_t part = 0;
    if (whole.len != 1 || !slice_to_u64(whole, 1, &ones) || (point && text.len > 3))
        return false;
    if (point && text.len > 0 && !slice_to_u64(text, 999, &part))
        return false;
    for (size_t digits = point ? text.len : 3; digits < 3; digits++)
        part *= 10;
    *ret_quality = (unsigned)(ones * QUALITY_MAX + part);
    return *ret_quality <= QUALITY_MAX;
}

static bool read_range(struct slice item, struct range *ret_range)
{
    bool more = false;
    *ret_range = (struct range){slice_trim(slice_cut(&item, ';', &more)), QUALITY_MAX};
    struct slice weight = slice_trim(item);
    bool is_weight = slice_starts_with(weight, SLICE("q=")) || slice_starts_with(weight, SLICE("Q="));
    if (more && !(is_weight && read_quality(slice_sub(weight, 2, weight.len), &ret_range->quality)))
        return false;
    return slice_eq(ret_range->text, SLICE("*")) || language_is_tag(ret_range->text);
}

static size_t read_ranges(struct slice accept, struct range *ret_ranges)
{
    size_t count = 0;
    for (bool more = accept.len > 0; more && count < RANGES_MAX;)
        if (read_range(slice_cut(&accept, ',', &more), &ret_ranges[count]))
            count++;
    return count;
}

/* RFC 4647 §3.4: a range is cut from its end until something fits; a single letter goes with what it introduces. */
static struct slice shorten_range(struct slice range)
{
    size_t len = range.len;
    while (len > 0 && range.ptr[len - 1] != '-')
        len--;
    range = slice_sub(range, 0, len ? len - 1 : 0);
    bool is_single = range.len >= 2 && range.ptr[range.len - 2] == '-';
    return is_single ? slice_sub(range, 0, range.len - 2) : range;
}

/* The index of the tag, or `count`. */
static size_t find_tag(struct slice text, const struct slice *tags, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (slice_eq_nocase(tags[i], text))
            return i;
    return count;
}

static bool is_refused(struct slice tag, const struct range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (ranges[i].quality == 0 && slice_eq_nocase(ranges[i].text, tag))
            return true;
    return false;
}

/* The ranges from the one that is liked best, in the order given where they are liked alike. */
static void sort_ranges(struct range *ranges, size_t count)
{
    for (size_t i = 1; i < count; i++)
        for (size_t j = i; j > 0 && ranges[j - 1].quality < ranges[j].quality; j--) {
            struct range kept = ranges[j];
            ranges[j] = ranges[j - 1];
            ranges[j - 1] = kept;
        }
}

size_t language_choose(struct slice accept, const struct slice *tags, size_t count)
{
    struct range ranges[RANGES_MAX];
    size_t range_count = read_ranges(accept, ranges);
    sort_ranges(ranges, range_count);
    for (size_t i = 0; i < range_count && ranges[i].quality > 0; i++)
        for (struct slice range = ranges[i].text; range.len; range = shorten_range(range)) {
            size_t found = find_tag(range, tags, count);
            if (found < count && !is_refused(tags[found], ranges, range_count))
                return found;
        }
    for (size_t i = 0; i < count; i++)
        if (!is_refused(tags[i], ranges, range_count))
            return i;
    return 0;
}
