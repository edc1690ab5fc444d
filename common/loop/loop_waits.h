/* loop_waits: a loop's flows and their live waits, which only flow.c uses.
 *
 * Invariants: a slot's generation changes when its wait ends, so that an old ticket never finds a new
 * wait. Waits of the same length share one of libevent's common timeouts: starting and ending one
 * costs the same however many there are. */
#ifndef COUNTERSIGN_LOOP_LOOP_WAITS_H
#define COUNTERSIGN_LOOP_LOOP_WAITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct flow_wait;
struct loop;
struct timeval;

enum { COMMON_TIMEOUTS_MAX = 32 };

struct wait_slot {
    struct flow_wait *wait; /* NULL: free */
    uint32_t generation;
    uint32_t next_free; /* index + 1; 0 ends the list */
};

struct loop_waits {
    struct wait_slot *slots;
    uint32_t slot_count;
    uint32_t first_free; /* index + 1 */
    struct {
        unsigned timeout_ms;
        const struct timeval *common;
    } timeouts[COMMON_TIMEOUTS_MAX];
    size_t timeout_count;
    size_t flow_count;      /* that have not ended */
    unsigned untimed_count; /* flows that began while there were too many to time each */
    bool are_over;          /* flow_cut_all: no flow goes on any more */
};

/* The loop's own. */
struct loop_waits *loop_waits(struct loop *loop);
/* Frees the table; flows that still wait never go on. */
void loop_waits_done(struct loop_waits *waits);

#endif
