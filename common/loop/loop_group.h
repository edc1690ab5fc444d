/* loop_group: the loops of a process, each on its own thread, the first on the caller's.
 *
 * Invariants: whatever is attached to a loop (servers, stores' views) is attached before
 * loop_group_run_blocking and taken off after it returned, or on the loop's own thread in between. */
#ifndef COUNTERSIGN_LOOP_LOOP_GROUP_H
#define COUNTERSIGN_LOOP_LOOP_GROUP_H

#include "loop/loop.h"

#include <stddef.h>

struct loop_group;

/* `count` (at least 1) loops; no thread yet. NULL: no memory or no descriptors. */
MUST_USE struct loop_group *loop_group_new(size_t count, const struct clock *clock, const struct observer *observer);
/* Not while it runs. NULL is fine. */
void loop_group_free(struct loop_group *group);

/* The index-th, from 0 on. */
struct loop *loop_group_at(const struct loop_group *group, size_t index);

/* Runs the first loop on this thread and the others on threads of their own (signals blocked there),
 * until loop_group_stop; then joins them. STATUS_NO_MEMORY: a thread could not be started, and none
 * runs. */
MUST_USE enum status loop_group_run_blocking(struct loop_group *group);
/* From any thread, also before the run. */
void loop_group_stop(struct loop_group *group);
/* Cuts the flows of all loops (loop/flow.h) and settles what these send each other. After the run. */
void loop_group_cut_flows(struct loop_group *group);

#endif
