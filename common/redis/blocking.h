/* blocking: a connection for those who may block, such as the start of a service or a command. It is the same
 * client on a loop of its own, which runs only inside these calls. */
#ifndef COUNTERSIGN_REDIS_BLOCKING_H
#define COUNTERSIGN_REDIS_BLOCKING_H

#include "base/attributes.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/slice.h"
#include "base/status.h"
#include "redis/client.h"

#include <stdbool.h>

struct redis_blocking;

/* Connects and logs in: one attempt, at each of the name's addresses. STORE_DOWN: why is appended. The target and the
 * clock are borrowed. */
MUST_USE enum status redis_connect_blocking(const struct redis_target *target, const struct clock *clock,
                                            struct buf *why, struct redis_blocking **ret_redis);
/* The same, of what OAUTH1_REDIS_URL names: a text for the operator is appended to `why`. */
MUST_USE enum status redis_open_blocking(const struct redis_target *target, const struct clock *clock, struct buf *why,
                                         struct redis_blocking **ret_redis);
/* NULL is fine. */
void redis_blocking_free(struct redis_blocking *redis);

/* The client, for callers that send commands themselves. */
struct redis_client *redis_blocking_client(struct redis_blocking *redis);
/* Sends one command and hands its reply, borrowed, to `take`, whose status is returned. STORE_DOWN: the connection was
 * lost. */
MUST_USE enum status redis_ask_blocking(struct redis_blocking *redis, const struct slice *args, size_t count,
                                        enum status (*take)(void *context, const struct redisReply *reply),
                                        void *context);

#endif
