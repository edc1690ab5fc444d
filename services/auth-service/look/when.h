/* when: times as pages show them, in UTC and in a form that all languages read. Absent: no memory. */
#ifndef COUNTERSIGN_AUTH_SERVICE_LOOK_WHEN_H
#define COUNTERSIGN_AUTH_SERVICE_LOOK_WHEN_H

#include "base/arena.h"
#include "base/slice.h"

#include <stdint.h>

/* "2026-11-28"; empty for 0. */
struct slice when_day(struct arena *arena, int64_t ms);
/* "2026-11-28 22:05 UTC"; empty for 0. */
struct slice when_minute(struct arena *arena, int64_t ms);

#endif
