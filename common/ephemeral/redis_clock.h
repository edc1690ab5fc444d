/* redis_clock: the store's clock: the boot-time clock, set by Redis's TIME.
 *
 * Invariants: it is never ahead of Redis's clock by more than the drift of half a minute, since the offset is taken
 * when the answer is in, and behind it by at most the answer's way. It never goes back, until redis_clock_let_back. It
 * is not known without a reading younger than 30 s, nor where this process's own clock is off by more than the skew. */
#ifndef COUNTERSIGN_EPHEMERAL_REDIS_CLOCK_H
#define COUNTERSIGN_EPHEMERAL_REDIS_CLOCK_H

#include "base/clock.h"

#include <stdbool.h>
#include <stdint.h>

enum { REDIS_CLOCK_PERIOD_MS = 1000, REDIS_CLOCK_GOOD_MS = 30000, REDIS_CLOCK_LATE_MS = 500 };

/* Embedded. */
struct redis_clock {
    const struct clock *local;
    int64_t skew_ms; /* OAUTH1_TIMESTAMP_SKEW */
    int64_t offset_ms;
    int64_t furthest_ms; /* the largest offset since the clock was let back */
    int64_t read_at_ms;  /* steady */
    int64_t latest_ms;
    int64_t ahead_ms;
    bool was_read;
};

static inline struct redis_clock redis_clock_init(const struct clock *local, int64_t skew_ms)
{
    return (struct redis_clock){.local = local, .skew_ms = skew_ms};
}

/* Takes a reading that was asked for at asked_ms (steady); one that took long is not taken, unless it is the first.
 * True: Redis's clock has moved by more than CLOCK_LEAP_MS against the steady one (nonce-guard.md, rule 6). */
bool redis_clock_set(struct redis_clock *clock, int64_t asked_ms, int64_t redis_ms);
/* Ms UTC; 0: not known. */
int64_t redis_clock_now_ms(struct redis_clock *clock);
/* The same, by a reading of any age; 0: there was none. */
int64_t redis_clock_last_known_ms(const struct redis_clock *clock);
/* Lets the clock go back. Call this where a guard covers all that was accepted until now. */
static inline void redis_clock_let_back(struct redis_clock *clock)
{
    clock->latest_ms = 0;
    clock->furthest_ms = clock->offset_ms;
}
/* By how much this process's own clock was ahead of Redis's at the last reading. */
static inline int64_t redis_clock_ahead_ms(const struct redis_clock *clock)
{
    return clock->ahead_ms;
}
/* Whether this process's own clock is off by no more than the skew. */
static inline bool redis_clock_is_near(const struct redis_clock *clock)
{
    return clock->ahead_ms <= clock->skew_ms && clock->ahead_ms >= -clock->skew_ms;
}

#endif
