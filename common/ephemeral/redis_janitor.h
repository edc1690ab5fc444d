/* redis_janitor: finds the sets of nonces that a killed process left in Redis without an expiry (redis_nonces.h). */
#ifndef COUNTERSIGN_EPHEMERAL_REDIS_JANITOR_H
#define COUNTERSIGN_EPHEMERAL_REDIS_JANITOR_H

#include "ephemeral/ephemeral.h"

/* ephemeral_janitor_blocking, by one command a key. */
MUST_USE enum status redis_janitor_blocking(const struct ephemeral_janitor *janitor, struct buf *why,
                                            int64_t *ret_count);

/* The same on each primary of a Cluster. */
MUST_USE enum status redis_cluster_janitor_blocking(const struct ephemeral_janitor *janitor, struct buf *why,
                                                    int64_t *ret_count);

#endif
