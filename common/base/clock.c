#include "base/clock.h"

#include <time.h>

static int64_t read_ns(clockid_t id)
{
    struct timespec now;
    (void)clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int64_t system_wall_ms(const struct clock *clock)
{
    return read_ns(CLOCK_REALTIME) / 1000000 + clock->offset_ms;
}

static int64_t system_steady_ms(const struct clock *clock)
{
    (void)clock;
    return read_ns(CLOCK_BOOTTIME) / 1000000;
}

struct clock clock_system(int64_t offset_ms)
{
    return (struct clock){system_wall_ms, system_steady_ms, offset_ms};
}

static int64_t fake_wall_ms(const struct clock *clock)
{
    return ((const struct fake_clock *)clock)->wall_ms;
}

static int64_t fake_steady_ms(const struct clock *clock)
{
    return ((const struct fake_clock *)clock)->steady_ms;
}

void fake_clock_init(struct fake_clock *fake, int64_t wall_ms)
{
    *fake = (struct fake_clock){{fake_wall_ms, fake_steady_ms, 0}, wall_ms, wall_ms};
}

void fake_clock_advance(struct fake_clock *fake, int64_t ms)
{
    fake->wall_ms += ms;
    fake->steady_ms += ms;
}

int64_t clock_monotonic_ns(void)
{
    return read_ns(CLOCK_MONOTONIC);
}
