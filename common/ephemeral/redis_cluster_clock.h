/* redis_cluster_clock: what time it is in a Cluster, out of its primaries' clocks. */
#ifndef COUNTERSIGN_EPHEMERAL_REDIS_CLUSTER_CLOCK_H
#define COUNTERSIGN_EPHEMERAL_REDIS_CLUSTER_CLOCK_H

#include <stddef.h>
#include <stdint.h>

struct redis_client;

/* Adds a reading, unless there is one of this server; both arrays have room for REDIS_PRIMARIES_MAX. */
void redis_cluster_clock_add(const struct redis_client **known, int64_t *offsets, size_t *count,
                             const struct redis_client *server, int64_t offset_ms);
/* The middle one, of two the lower; orders the readings. */
int64_t redis_cluster_clock_middle(int64_t *offsets, size_t count);

#endif
