/* clock: time as a value that is handed down, so that a test can fake it.
 *
 * Two readings, both 64-bit milliseconds: wall time (UTC since 1970; for timestamps, rows and logs)
 * and steady time (since some start, never set back; for deadlines and time-outs). */
#ifndef COUNTERSIGN_BASE_CLOCK_H
#define COUNTERSIGN_BASE_CLOCK_H

#include <stdint.h>

struct clock {
    int64_t (*wall_ms)(const struct clock *clock);
    int64_t (*steady_ms)(const struct clock *clock);
    int64_t offset_ms; /* added to the system's wall time (OAUTH1_CLOCK_OFFSET) */
};

/* The machine's clocks: CLOCK_REALTIME + offset_ms, CLOCK_BOOTTIME. */
struct clock clock_system(int64_t offset_ms);

static inline int64_t clock_wall_ms(const struct clock *clock)
{
    return clock->wall_ms(clock);
}

static inline int64_t clock_steady_ms(const struct clock *clock)
{
    return clock->steady_ms(clock);
}

/* A clock that stands still until it is set; `clock` comes first. For tests. */
struct fake_clock {
    struct clock clock;
    _Atomic int64_t wall_ms; /* other threads read them */
    _Atomic int64_t steady_ms;
};

/* Both readings start at wall_ms. */
void fake_clock_init(struct fake_clock *fake, int64_t wall_ms);
/* Moves both readings on. */
void fake_clock_advance(struct fake_clock *fake, int64_t ms);

/* A span in nanoseconds for metrics (CLOCK_MONOTONIC). */
int64_t clock_monotonic_ns(void);

/* The same clock in milliseconds, for what waits in real time whatever the loop's clock says. */
static inline int64_t clock_monotonic_ms(void)
{
    return clock_monotonic_ns() / 1000000;
}

#endif
