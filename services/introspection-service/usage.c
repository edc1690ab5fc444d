#include "usage.h"

#include "durable/pool.h"
#include "loop/flow.h"
#include "loop/loop.h"

#include <stdlib.h>

enum { BATCH_MAX = 256, WRITE_EVERY_MS = 5000, COARSE_MS = 3600 * 1000 };

struct usage {
    struct loop *loop;
    struct durable_pool *durable;
    struct loop_timer timer;
    struct token_use uses[BATCH_MAX];
    size_t count;
};

/* Nobody waits for the write: a void ticket drops its outcome. */
static void on_usage_timer(void *context)
{
    struct usage *usage = context;
    const struct ticket nobody = {.loop = usage->loop};
    if (usage->count)
        durable_token_touch_start(usage->durable, usage->uses, usage->count, nobody);
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
    if (now_ms - token->last_used_ms < COARSE_MS || usage->count == BATCH_MAX)
        return;
    for (size_t i = 0; i < usage->count; i++)
        if (usage->uses[i].id == token->id)
            return;
    usage->uses[usage->count++] = (struct token_use){token->id, now_ms};
}
