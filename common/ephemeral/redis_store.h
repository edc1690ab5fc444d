/* ephemeral_redis: the store for minutes on Redis, which all processes of both services share (proto/redis-keys.md). */
#ifndef COUNTERSIGN_EPHEMERAL_REDIS_STORE_H
#define COUNTERSIGN_EPHEMERAL_REDIS_STORE_H

#include "ephemeral/ephemeral.h"

/* See ephemeral_open_blocking. Checks that the server will do (version, no eviction, a primary), and makes the first
 * epoch if the ledger has never heard of nonces. BAD_INPUT: the URL, or a server that will not do. */
MUST_USE enum status ephemeral_redis_open_blocking(struct slice url, const struct ephemeral_options *options,
                                                   struct buf *why, struct ephemeral_store **ret_store);

#endif
