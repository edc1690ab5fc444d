#include "tally.h"

#include "load.h"

#include <stdio.h>

/* ---- durations: 32 buckets for each power of two ---- */

enum { STEPS_BITS = 5, STEPS = 1 << STEPS_BITS };

static size_t bucket_of(uint64_t ns)
{
    if (ns < STEPS)
        return (size_t)ns;
    unsigned shift = 63U - (unsigned)__builtin_clzll(ns) - STEPS_BITS;
    size_t bucket = ((size_t)(shift + 1) << STEPS_BITS) + (size_t)((ns >> shift) - STEPS);
    return bucket < SPAN_BUCKETS ? bucket : SPAN_BUCKETS - 1;
}

static uint64_t bucket_ns(size_t bucket)
{
    if (bucket < STEPS)
        return bucket;
    return ((bucket & (STEPS - 1)) + STEPS) << ((bucket >> STEPS_BITS) - 1);
}

void spans_add(struct spans *spans, int64_t ns)
{
    spans->counts[bucket_of((uint64_t)ns)]++;
    spans->total++;
    if (ns > spans->longest_ns)
        spans->longest_ns = ns;
}

int64_t spans_percentile_us(const struct spans *spans, double share)
{
    uint64_t wanted = (uint64_t)((double)spans->total * share);
    uint64_t seen = 0;
    for (size_t i = 0; i < SPAN_BUCKETS; i++) {
        seen += spans->counts[i];
        if (seen > wanted)
            return (int64_t)bucket_ns(i) / 1000;
    }
    return spans->longest_ns / 1000;
}

void spans_write(const struct spans *spans, const char *name, struct json_writer *w)
{
    json_member_object(w, name);
    json_member_int(w, "count", (int64_t)spans->total);
    json_member_int(w, "p50_us", spans_percentile_us(spans, 0.5));
    json_member_int(w, "p99_us", spans_percentile_us(spans, 0.99));
    json_member_int(w, "p999_us", spans_percentile_us(spans, 0.999));
    json_member_int(w, "max_us", spans->longest_ns / 1000);
    json_end_object(w);
}

/* ---- answers ---- */

struct slice text_between(struct slice text, struct slice before, char end)
{
    size_t at = slice_find_slice(text, before);
    if (at == text.len)
        return SLICE("");
    struct slice rest = slice_sub(text, at + before.len, text.len);
    return slice_sub(rest, 0, slice_find(rest, end));
}

void tally_count_word(struct tally *tally, struct slice word)
{
    size_t len = word.len < TALLY_WORD_BYTES - 1 ? word.len : TALLY_WORD_BYTES - 1;
    for (size_t i = 0; i < TALLY_MAX_WORDS; i++) {
        struct tally_word *w = &tally->words[i];
        if (w->count == 0)
            memcpy(w->text, word.ptr, len);
        if (slice_eq(slice_str(w->text), slice_sub(word, 0, len))) {
            w->count++;
            return;
        }
    }
}

static enum verdict not_answered(struct tally *tally, enum outcome outcome)
{
    tally->not_connected += outcome == OUTCOME_NOT_CONNECTED;
    tally->cut += outcome == OUTCOME_CUT;
    tally->timed_out += outcome == OUTCOME_TIMED_OUT;
    return VERDICT_NONE;
}

static enum verdict unavailable(struct tally *tally, const struct answer *answer)
{
    tally->without_retry_after += slice_is_absent(answer_header(answer, SLICE("Retry-After")));
    spans_add(&tally->unavailable, answer->took_ns);
    return VERDICT_UNAVAILABLE;
}

static enum verdict unexpected(struct tally *tally, int http_status)
{
    char word[16];
    int len = snprintf(word, sizeof word, "HTTP %d", http_status);
    tally_count_word(tally, slice_of(word, (size_t)len));
    return VERDICT_UNEXPECTED;
}

/* A batch is where all of it is. */
static bool is_active(struct slice body)
{
    return slice_starts_with(body, SLICE("{\"active\":true,")) ||
           (slice_starts_with(body, SLICE("{\"results\":[{\"active\":true,")) &&
            slice_find_slice(body, SLICE("\"active\":false")) == body.len);
}

static enum verdict judge(struct tally *tally, const struct answer *answer)
{
    if (answer->outcome != OUTCOME_ANSWERED)
        return not_answered(tally, answer->outcome);
    if (answer->http_status == 503)
        return unavailable(tally, answer);
    if (answer->http_status != 200)
        return unexpected(tally, answer->http_status);
    if (is_active(answer->body)) {
        spans_add(&tally->active, answer->took_ns);
        return VERDICT_ACTIVE;
    }
    tally_count_word(tally, text_between(answer->body, SLICE("\"code\":\""), '"'));
    return VERDICT_REFUSED;
}

enum verdict tally_add(struct tally *tally, const struct answer *answer)
{
    enum verdict verdict = judge(tally, answer);
    tally->verdicts[verdict]++;
    return verdict;
}

void tally_write(const struct tally *tally, struct json_writer *w)
{
    json_member_int(w, "active", (int64_t)tally->verdicts[VERDICT_ACTIVE]);
    json_member_int(w, "refused", (int64_t)tally->verdicts[VERDICT_REFUSED]);
    json_member_int(w, "unavailable", (int64_t)tally->verdicts[VERDICT_UNAVAILABLE]);
    json_member_int(w, "unexpected", (int64_t)tally->verdicts[VERDICT_UNEXPECTED]);
    json_member_int(w, "without_retry_after", (int64_t)tally->without_retry_after);
    json_member_int(w, "not_connected", (int64_t)tally->not_connected);
    json_member_int(w, "cut", (int64_t)tally->cut);
    json_member_int(w, "timed_out", (int64_t)tally->timed_out);
    json_member_object(w, "codes");
    for (size_t i = 0; i < TALLY_MAX_WORDS && tally->words[i].count; i++)
        json_member_int(w, tally->words[i].text, (int64_t)tally->words[i].count);
    json_end_object(w);
    spans_write(&tally->active, "active_us", w);
    spans_write(&tally->unavailable, "unavailable_us", w);
}
