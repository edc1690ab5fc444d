/* queue: who waits for which reply. It is a ring, since Redis answers in order. Only redis_client uses it. */
#ifndef COUNTERSIGN_REDIS_QUEUE_H
#define COUNTERSIGN_REDIS_QUEUE_H

#include "base/attributes.h"
#include "base/status.h"
#include "redis/reply.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct redis_waiter {
    redis_done_fn done;
    void *context;
    int64_t sent_ns; /* monotonic */
};

/* Zeroed before its first use, but for `took`. */
struct redis_queue {
    struct redis_waiter *waiters; /* `capacity` of them, a power of two */
    size_t capacity;
    uint64_t sent; /* ever; the next one's place is sent % capacity */
    uint64_t answered;
    uint64_t sent_at_tick[2]; /* one and two ticks ago */
    /* May be NULL: how long each took to its answer, or to the loss of the connection. */
    void (*took)(int64_t duration_ns);
};

void redis_queue_done(struct redis_queue *queue);

/* `now_ns` is monotonic, here and below: many commands of one turn share one reading of the clock. NO_MEMORY. */
MUST_USE enum status redis_queue_add(struct redis_queue *queue, redis_done_fn done, void *context, int64_t now_ns);
/* Hands the reply to the oldest; false: nobody waits. */
MUST_USE bool redis_queue_answer(struct redis_queue *queue, const struct redisReply *reply, int64_t now_ns);
/* Answers NULL to all that wait now. */
void redis_queue_fail(struct redis_queue *queue, int64_t now_ns);

static inline size_t redis_queue_length(const struct redis_queue *queue)
{
    return (size_t)(queue->sent - queue->answered);
}

static inline bool redis_queue_is_empty(const struct redis_queue *queue)
{
    return queue->sent == queue->answered;
}

/* Begins to watch how long commands wait, by ticks. */
void redis_queue_watch(struct redis_queue *queue);
/* At each tick: whether one waits since before the tick before the last. */
MUST_USE bool redis_queue_is_late(struct redis_queue *queue);

#endif
