#include "redis/queue.h"

#include <stdlib.h>

enum { FIRST_CAPACITY = 64 };

void redis_queue_done(struct redis_queue *queue)
{
    free(queue->waiters);
    *queue = (struct redis_queue){0};
}

static struct redis_waiter *waiter_of(struct redis_queue *queue, uint64_t number)
{
    return &queue->waiters[number & (queue->capacity - 1)];
}

static bool grow_waiters(struct redis_queue *queue)
{
    struct redis_queue grown = *queue;
    grown.capacity = queue->capacity ? queue->capacity * 2 : FIRST_CAPACITY;
    grown.waiters = calloc(grown.capacity, sizeof *grown.waiters);
    if (!grown.waiters)
        return false;
    for (uint64_t i = queue->answered; i < queue->sent; i++)
        *waiter_of(&grown, i) = *waiter_of(queue, i);
    free(queue->waiters);
    *queue = grown;
    return true;
}

enum status redis_queue_add(struct redis_queue *queue, redis_done_fn done, void *context, int64_t now_ns)
{
    if (redis_queue_length(queue) == queue->capacity && !grow_waiters(queue))
        return STATUS_NO_MEMORY;
    *waiter_of(queue, queue->sent++) = (struct redis_waiter){done, context, now_ns};
    return STATUS_OK;
}

bool redis_queue_answer(struct redis_queue *queue, const struct redisReply *reply, int64_t now_ns)
{
    if (redis_queue_is_empty(queue))
        return false;
    struct redis_waiter waiter = *waiter_of(queue, queue->answered++);
    if (queue->took)
        queue->took(now_ns - waiter.sent_ns);
    waiter.done(waiter.context, reply);
    return true;
}

void redis_queue_fail(struct redis_queue *queue, int64_t now_ns)
{
    for (uint64_t end = queue->sent; queue->answered < end;)
        (void)!redis_queue_answer(queue, NULL, now_ns);
}

void redis_queue_watch(struct redis_queue *queue)
{
    queue->sent_at_tick[0] = queue->sent_at_tick[1] = queue->answered;
}

bool redis_queue_is_late(struct redis_queue *queue)
{
    bool is_late = queue->answered < queue->sent_at_tick[1];
    queue->sent_at_tick[1] = queue->sent_at_tick[0];
    queue->sent_at_tick[0] = queue->sent;
    return is_late;
}
