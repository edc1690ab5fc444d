/* lone: one process that keeps its nonces in memory, and a durable store: rules 1, 2, 6 and 7 of
 * docs/design/nonce-guard.md. Constants, the request and both goals are those of the fleet (fleet.h). */
#ifndef MODEL_LONE_H
#define MODEL_LONE_H

#include "model/fleet.h"

enum lone_fault_in_rules {
    LONE_GUARD_BY_CLOCK =
        1,         /* 1, 2: everything up to a reading of the clock + lead is guarded, nothing is written down */
    LONE_ONE_MARK, /* 1: one high-water mark in place of ranges */
    LONE_ACCEPT_UNWRITTEN, /* 1: accepted when the raise is sent, not when it is committed */
    LONE_LOSS_UNGUARDED,   /* 2: a crash guards nothing */
    LONE_CLOCK_FOLLOWED,   /* 6: a clock that moved is followed without a loss */
    LONE_CLOCK_KEPT,       /* 6: a clock that moved is never followed */
    LONE_SAVED_BELIEVED,   /* 7: saved nonces count though the clock went back */
    LONE_SAVED_KEPT,       /* 7: the saved copy is not taken out by the next start */
    LONE_SAVED_ALONE,      /* 7: a clean stop saves nonces, the guard is forgotten */
    LONE_KEPT_IGNORED,     /* 7: saved nonces count though they were not kept for long enough */
    LONE_RULES
};

struct lone_options {
    enum fleet_goal goal;
    unsigned faults;
    unsigned ticks;
    int stamp;
    bool is_mixed;   /* it may start with SMALL_SKEW, and with SKEW again */
    unsigned broken; /* a lone_fault_in_rules; 0: none */
};

/* Valid until the next call. */
const struct search_model *lone_model(const struct lone_options *options);

#endif
