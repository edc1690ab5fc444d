/* replica_watch: whether a replica is worth asking, so that one that hangs costs nobody more than a moment.
 *
 * Invariants: it is left alone once it failed, or had not answered anything for 50 ms while it was asked; from then on
 * a question that nobody waits for tries it, at once and then every half second, and its answer brings it back. From
 * any thread. */
#ifndef COUNTERSIGN_DURABLE_REPLICA_WATCH_H
#define COUNTERSIGN_DURABLE_REPLICA_WATCH_H

#include "base/attributes.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum replica_state {
    REPLICA_WELL, /* ask it */
    REPLICA_AWAY, /* ask the primary */
    REPLICA_TRY,  /* ask the primary, and the replica something that nobody waits for */
};

struct replica_watch {
    pthread_mutex_t lock;
    size_t asked;     /* and not answered yet */
    int64_t since_ns; /* monotonic: when it last answered, or was asked after it had answered all */
    bool is_away;
    bool is_tried;
    int64_t next_ns; /* the next try, not before */
};

/* Begins with a replica that is well. */
void replica_watch_init(struct replica_watch *watch);
void replica_watch_done(struct replica_watch *watch);

/* Says where a read shall go. After REPLICA_WELL and REPLICA_TRY one of the functions below must follow. */
MUST_USE enum replica_state replica_watch_ask(struct replica_watch *watch);
/* Tells how the question went. `is_try`: nobody waited for it. */
void replica_watch_answered(struct replica_watch *watch, bool is_try, bool is_well);
/* Tells that the question was not asked after all. */
void replica_watch_dropped(struct replica_watch *watch, bool is_try);

#endif
