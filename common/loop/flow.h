/* flow: runs a table of steps for one subject (docs/design/architecture.md, "The way of a request").
 *
 * Invariants: a flow lives on one loop's thread; its steps run one after the other, in the table's
 * order, never inside a call of whoever completes a ticket. It has at most one wait at a time, which
 * may be a group. Every wait ends: by its completion(s) or by its deadline. Every result that is
 * handed over is freed exactly once: at the flow's end, or at once where nobody waits for it any
 * more. Where the loop ends first its flows are cut. The subject outlives the flow's end function. */
#ifndef COUNTERSIGN_LOOP_FLOW_H
#define COUNTERSIGN_LOOP_FLOW_H

#include "base/attributes.h"
#include "base/status.h"
#include "loop/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum step_result {
    STEP_NEXT,  /* go on with the next step, which the table must have */
    STEP_WAIT,  /* go on with it once the wait that this step began is over */
    STEP_AGAIN, /* run this step once more when the wait that it began is over: for one that may end the table itself */
    STEP_REPLY, /* the flow is done */
};

struct flow;
struct flow_held;
struct flow_wait;

/* A row of a table that ends with {NULL, NULL}. The name is a metric's label: lower case, short. */
struct step {
    const char *name;
    enum step_result (*run)(struct flow *flow);
};

typedef void (*flow_end_fn)(struct flow *flow);

/* Embedded in its subject; fields are this module's. */
struct flow {
    struct loop *loop;
    const char *handler;
    const struct step *step;     /* runs next, or waits */
    const struct step *left_for; /* by the step that runs; NULL: it goes on in its table */
    void *subject;
    flow_end_fn end;
    struct deferred resume;
    struct flow_wait *wait; /* newest first, kept to the end for their results */
    struct flow_held *held;
    int64_t step_started_ns;
    bool wait_begun; /* by the step that runs */
    bool is_waiting; /* the step answered STEP_WAIT or STEP_AGAIN */
    bool runs_again; /* STEP_AGAIN */
    bool was_cut;
    bool is_timed;       /* its steps are told to the observer */
    enum status failure; /* of the newest wait, where it could not be set up */
};

/* Runs `steps` from the next deferred call on, and calls `end` after a step answered STEP_REPLY: never
 * inline. Results are freed after it; the flow itself may be freed by it. `handler` names the table for the
 * observer; `steps`, `handler` and `subject` are borrowed until the end. */
void flow_start(struct flow *flow, struct loop *loop, const char *handler, const struct step *steps, void *subject,
                flow_end_fn end);

static inline void *flow_subject(const struct flow *flow)
{
    return flow->subject;
}

static inline struct loop *flow_loop(const struct flow *flow)
{
    return flow->loop;
}

/* For a step that leaves its table: the flow goes on with the first step of `steps`, once the wait that this step began
 * (if it did) is over. The step answers with the result. */
enum step_result flow_leave_for(struct flow *flow, const struct step *steps);

/* Ends all flows of the loop for good, also those that are started later: none makes a further step. loop_settle calls
 * `end` of each, which sees flow_was_cut. Their tickets are void at once. The loop must not run. */
void flow_cut_all(struct loop *loop);
/* Whether the flow ended before a step answered STEP_REPLY: for its end function, which then starts nothing new. */
static inline bool flow_was_cut(const struct flow *flow)
{
    return flow->was_cut;
}

/* What a flow keeps until its end without having waited for it. Embedded in what outlives the flow's steps (the
 * request's arena), so that keeping it cannot fail. */
struct flow_held {
    struct flow_held *next;
    void (*release)(struct flow_held *held);
};

/* Calls `release` after the last step and before the flow's end function, so a reply must not borrow from it. */
void flow_hold(struct flow *flow, struct flow_held *held, void (*release)(struct flow_held *held));

/* The right to end a wait. A small value to be copied and kept (also by other threads, which hand it
 * back to the loop's); it is void once used, once the deadline has passed and once the flow has
 * ended. */
struct ticket {
    struct loop *loop;
    uint32_t slot;
    uint32_t generation;
    uint32_t index; /* within a group */
};

/* Begins a wait; the step then answers STEP_WAIT. If there is no memory the ticket is void and the
 * flow goes on with the outcome STATUS_NO_MEMORY. */
MUST_USE struct ticket flow_wait(struct flow *flow, unsigned timeout_ms);
/* Begins a wait that nothing but time ends; the step then answers STEP_WAIT. Its outcome says nothing. */
void flow_pause(struct flow *flow, unsigned ms);
/* Begins a wait for `count` (at least 1) completions that goes on once, when the last is in. */
void flow_wait_group(struct flow *flow, size_t count, unsigned timeout_ms, struct ticket *ret_tickets);

/* Ends a wait, on the ticket's loop's thread. `result` (may be NULL) becomes the flow's, which frees
 * it by free_result (may be NULL) at its end; with a void ticket it is freed here. The flow goes on
 * later in this turn. */
void ticket_complete(struct ticket ticket, enum status status, void *result, void (*free_result)(void *result));
/* Whether somebody still waits. Ask before work that would be for nobody. */
bool ticket_is_live(struct ticket ticket);
/* The deadline (clock_monotonic_ns) of a wait that begins now, for work that begins later and on another thread. The
 * clock is read here: a turn that computed for long has not used up what a store may take. 0: nobody waits. */
int64_t ticket_deadline_ns(struct ticket ticket);

/* How the newest wait ended: the status that completed it, STATUS_STORE_DOWN if the deadline did.
 * *ret_result (ret_result may be NULL) is NULL where there is none; it stays the flow's. */
enum status flow_outcome(const struct flow *flow, void **ret_result);
/* The same for each ticket of a group, in their order. */
enum status flow_outcome_at(const struct flow *flow, size_t index, void **ret_result);

#endif
