#include "store/redis_clock.h"

static int64_t reading_ms(const struct redis_clock *clock)
{
    return clock_steady_ms(clock->local) + clock->offset_ms;
}

bool redis_clock_set(struct redis_clock *clock, int64_t redis_ms)
{
    bool was_set_back = clock->was_read && reading_ms(clock) - redis_ms > clock->skew_ms / 2;
    clock->read_at_ms = clock_steady_ms(clock->local);
    clock->offset_ms = redis_ms - clock->read_at_ms;
    clock->ahead_ms = clock_wall_ms(clock->local) - redis_ms;
    clock->was_read = true;
    return was_set_back;
}

int64_t redis_clock_last_known_ms(const struct redis_clock *clock)
{
    return clock->was_read ? reading_ms(clock) : 0;
}

int64_t redis_clock_now_ms(struct redis_clock *clock)
{
    if (!clock->was_read || !redis_clock_is_near(clock) ||
        clock_steady_ms(clock->local) - clock->read_at_ms > REDIS_CLOCK_GOOD_MS)
        return 0;
    int64_t now_ms = reading_ms(clock);
    if (now_ms > clock->latest_ms)
        clock->latest_ms = now_ms;
    return clock->latest_ms;
}
