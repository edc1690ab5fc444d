/* tally: what the answers of introspection-service were, how often, and how long they took. */
#ifndef COUNTERSIGN_TESTS_LOAD_TALLY_H
#define COUNTERSIGN_TESTS_LOAD_TALLY_H

#include "base/buf.h"
#include "base/slice.h"
#include "pool.h"
#include "json/json_writer.h"

#include <stdint.h>

enum { TALLY_MAX_WORDS = 32, TALLY_WORD_BYTES = 40, SPAN_BUCKETS = 2048 };

/* Durations, in buckets of 3 % width. */
struct spans {
    uint64_t counts[SPAN_BUCKETS];
    uint64_t total;
    int64_t longest_ns;
};

void spans_add(struct spans *spans, int64_t ns);
/* The duration that this share of them (0.99) does not exceed, µs; 0 without any. */
int64_t spans_percentile_us(const struct spans *spans, double share);
/* "name": {count, p50_us, p99_us, p999_us, max_us} */
void spans_write(const struct spans *spans, const char *name, struct json_writer *w);

enum verdict {
    VERDICT_ACTIVE,
    VERDICT_REFUSED,     /* a problem of the described request; its code is counted */
    VERDICT_UNAVAILABLE, /* 503 */
    VERDICT_UNEXPECTED,  /* any other status */
    VERDICT_NONE,        /* no answer */
    VERDICT_COUNT,
};

struct tally {
    uint64_t verdicts[VERDICT_COUNT];
    uint64_t without_retry_after; /* of 503 */
    uint64_t not_connected, cut, timed_out;
    struct tally_word {
        char text[TALLY_WORD_BYTES];
        uint64_t count;
    } words[TALLY_MAX_WORDS]; /* codes of problems, other statuses */
    struct spans active, unavailable;
};

enum verdict tally_add(struct tally *tally, const struct answer *answer);
/* As members of an object. */
void tally_write(const struct tally *tally, struct json_writer *w);

/* Counts a word. */
void tally_count_word(struct tally *tally, struct slice word);

/* The text behind `before` up to the next `end`; empty where it is not. */
struct slice text_between(struct slice text, struct slice before, char end);

#endif
