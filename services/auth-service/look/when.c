#include "look/when.h"

#include <time.h>

enum { WHEN_BYTES = 48 };

struct slice when_minute(struct arena *arena, int64_t ms)
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm parts;
    char text[WHEN_BYTES];
    if (ms == 0 || !gmtime_r(&seconds, &parts))
        return SLICE("");
    return arena_copy(arena, slice_of(text, strftime(text, sizeof text, "%Y-%m-%d %H:%M UTC", &parts)));
}

struct slice when_day(struct arena *arena, int64_t ms)
{
    struct slice minute = when_minute(arena, ms);
    return slice_sub(minute, 0, slice_find(minute, ' '));
}
