#include "ephemeral/redis_cluster_clock.h"

#include "redis/topology.h"

#include <stdlib.h>

void redis_cluster_clock_add(const struct redis_client **known, int64_t *offsets, size_t *count,
                             const struct redis_client *server, int64_t offset_ms)
{
    for (size_t i = 0; i < *count; i++)
        if (known[i] == server)
            return;
    if (*count == REDIS_PRIMARIES_MAX)
        return;
    known[*count] = server;
    offsets[(*count)++] = offset_ms;
}

static int compare_offsets(const void *a, const void *b)
{
    int64_t first = *(const int64_t *)a;
    int64_t second = *(const int64_t *)b;
    return (first > second) - (first < second);
}

int64_t redis_cluster_clock_middle(int64_t *offsets, size_t count)
{
    qsort(offsets, count, sizeof *offsets, compare_offsets);
    return offsets[(count - 1) / 2];
}
