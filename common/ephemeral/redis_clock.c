#include "ephemeral/redis_clock.h"

#include "guard/nonce_guard.h"

bool redis_clock_set(struct redis_clock *clock, int64_t asked_ms, int64_t redis_ms)
{
    int64_t steady_ms = clock_steady_ms(clock->local);
    int64_t offset_ms = redis_ms - steady_ms;
    bool is_first = !clock->was_read;
    if (!is_first && steady_ms - asked_ms > REDIS_CLOCK_LATE_MS)
        return false;
    bool has_moved =
        !is_first && (offset_ms - clock->offset_ms > CLOCK_LEAP_MS || clock->furthest_ms - offset_ms > CLOCK_LEAP_MS);
    clock->read_at_ms = steady_ms;
    clock->offset_ms = offset_ms;
    if (is_first || offset_ms > clock->furthest_ms)
        clock->furthest_ms = offset_ms;
    clock->ahead_ms = clock_wall_ms(clock->local) - redis_ms;
    clock->was_read = true;
    return has_moved;
}

int64_t redis_clock_last_known_ms(const struct redis_clock *clock)
{
    return clock->was_read ? clock_steady_ms(clock->local) + clock->offset_ms : 0;
}

int64_t redis_clock_now_ms(struct redis_clock *clock)
{
    int64_t steady_ms = clock_steady_ms(clock->local);
    if (!clock->was_read || !redis_clock_is_near(clock) || steady_ms - clock->read_at_ms > REDIS_CLOCK_GOOD_MS)
        return 0;
    int64_t now_ms = steady_ms + clock->offset_ms;
    if (now_ms > clock->latest_ms)
        clock->latest_ms = now_ms;
    return clock->latest_ms;
}
