#include "loop/loop_group.h"

#include "base/thread.h"
#include "loop/flow.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

struct loop_group {
    struct loop **loops;
    size_t count;
    pthread_t *threads; /* of loops 1 … count-1, at the same index */
};

struct loop_group *loop_group_new(size_t count, const struct clock *clock, const struct observer *observer)
{
    assert(count > 0);
    struct loop_group *group = calloc(1, sizeof *group);
    if (!group)
        return NULL;
    group->loops = calloc(count, sizeof *group->loops);
    group->threads = calloc(count, sizeof *group->threads);
    bool made = group->loops && group->threads;
    while (made && group->count < count) {
        group->loops[group->count] = loop_new(clock, observer);
        made = group->loops[group->count] != NULL;
        group->count += made;
    }
    if (!made) {
        loop_group_free(group);
        return NULL;
    }
    return group;
}

void loop_group_free(struct loop_group *group)
{
    if (!group)
        return;
    for (size_t i = 0; i < group->count; i++)
        loop_free(group->loops[i]);
    free(group->loops);
    free(group->threads);
    free(group);
}

struct loop *loop_group_at(const struct loop_group *group, size_t index)
{
    assert(index < group->count);
    return group->loops[index];
}

static void *run_loop(void *loop)
{
    loop_run(loop);
    return NULL;
}

static size_t start_threads(struct loop_group *group)
{
    size_t started = 1;
    for (; started < group->count; started++) {
        char name[16];
        snprintf(name, sizeof name, "loop-%u", (unsigned)(started % 10000));
        if (!thread_start(&group->threads[started], name, run_loop, group->loops[started]))
            break;
    }
    return started;
}

enum status loop_group_run_blocking(struct loop_group *group)
{
    size_t started = start_threads(group);
    bool complete = started == group->count;
    if (complete)
        loop_run(group->loops[0]);
    for (size_t i = 1; i < started; i++) {
        if (!complete)
            loop_stop(group->loops[i]);
        pthread_join(group->threads[i], NULL);
    }
    return complete ? STATUS_OK : STATUS_NO_MEMORY;
}

void loop_group_stop(struct loop_group *group)
{
    for (size_t i = 0; i < group->count; i++)
        loop_stop(group->loops[i]);
}

void loop_group_cut_flows(struct loop_group *group)
{
    for (size_t i = 0; i < group->count; i++)
        flow_cut_all(group->loops[i]);
    for (bool is_busy = true; is_busy;) {
        is_busy = false;
        for (size_t i = 0; i < group->count; i++)
            is_busy = loop_settle(group->loops[i]) || is_busy;
    }
}
