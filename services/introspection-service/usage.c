#include "usage.h"

#include "durable/pool.h"
#include "loop/flow.h"
#include "loop/loop.h"

#include <stdlib.h>

enum { BATCH_MAX = 1024, NOTED = 4096, WRITE_EVERY_MS = 5000, COARSE_MS = 3600 * 1000 };

struct noted {
    int64_t id;
    int64_t at_ms;
};

struct usage {
    struct loop *loop;
    struct durable_pool *durable;
    struct loop_timer timer;
    int64_t batch[BATCH_MAX]; /* of ids */
    size_t count;
    int64_t used_ms; /* when the last of them was noted */
    /* Who was noted last, of those that have the same place. What the cache holds of a token is older than what was
     * written, so without this a busy token would be written again every time, and leave no room for others. */
    struct noted noted[NOTED];
};

/* Nobody waits for the write: a void ticket drops its outcome. */
static void on_usage_timer(void *context)
{
    struct usage *usage = context;
    const struct ticket nobody = {.loop = usage->loop};
    if (usage->count)
        durable_token_touch_start(usage->durable, usage->used_ms, usage->batch, usage->count, nobody);
    usage->count = 0;
}

struct usage *usage_new(struct loop *loop, struct durable_pool *durable)
{
    struct usage *usage = calloc(1, sizeof *usage);
    if (!usage)
        return NULL;
    usage->loop = loop;
    usage->durable = durable;
    if (loop_timer_init(&usage->timer, loop, on_usage_timer, usage) != STATUS_OK ||
        loop_timer_start_periodic(&usage->timer, WRITE_EVERY_MS) != STATUS_OK) {
        usage_free(usage);
        return NULL;
    }
    return usage;
}

void usage_free(struct usage *usage)
{
    if (!usage)
        return;
    loop_timer_done(&usage->timer);
    free(usage);
}

void usage_note(struct usage *usage, const struct token *token)
{
    int64_t now_ms = clock_wall_ms(loop_clock(usage->loop));
    struct noted *noted = &usage->noted[(uint64_t)token->id % NOTED];
    int64_t last_ms = noted->id == token->id && noted->at_ms > token->last_used_ms ? noted->at_ms : token->last_used_ms;
    if (now_ms - last_ms < COARSE_MS || usage->count == BATCH_MAX)
        return;
    *noted = (struct noted){token->id, now_ms};
    usage->used_ms = now_ms;
    usage->batch[usage->count++] = token->id;
}
