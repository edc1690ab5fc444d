/* time_reply: what Redis answers to TIME (https://redis.io/docs/latest/commands/time/): seconds since 1970 and the
 * microseconds behind them, each as text. */
#ifndef COUNTERSIGN_TESTS_EPHEMERAL_TIME_REPLY_H
#define COUNTERSIGN_TESTS_EPHEMERAL_TIME_REPLY_H

#include <hiredis/hiredis.h>
#include <stdint.h>
#include <stdio.h>

struct time_reply {
    char texts[2][24];
    struct redisReply parts[2];
    struct redisReply *items[2];
    struct redisReply reply;
};

/* Points into `it`. */
static inline const struct redisReply *time_reply_write(struct time_reply *it, int64_t redis_ms)
{
    const int64_t numbers[] = {redis_ms / 1000, redis_ms % 1000 * 1000};
    for (size_t i = 0; i < 2; i++) {
        int len = snprintf(it->texts[i], sizeof it->texts[i], "%lld", (long long)numbers[i]);
        it->parts[i] = (struct redisReply){.type = REDIS_REPLY_STRING, .str = it->texts[i], .len = (size_t)len};
        it->items[i] = &it->parts[i];
    }
    it->reply = (struct redisReply){.type = REDIS_REPLY_ARRAY, .elements = 2, .element = it->items};
    return &it->reply;
}

#endif
