/* loop: one thread's event loop, with deferred calls, timers and a mailbox.
 *
 * Invariants: a loop belongs to the thread that runs it (until loop_run, to the one that made it);
 * only loop_post and loop_stop may be called by others. Its event_base has no locks, for the same
 * reason. Nothing here calls back inline: a deferred call runs later in the same turn, a message
 * and a timer in a turn of their own. */
#ifndef COUNTERSIGN_LOOP_LOOP_H
#define COUNTERSIGN_LOOP_LOOP_H

#include "base/attributes.h"
#include "base/clock.h"
#include "base/status.h"
#include "loop/observer.h"

#include <stdbool.h>
#include <stdint.h>

struct event;
struct timeval;
struct event_base;
struct loop;

/* The clock and the observer (which may be NULL) are borrowed. NULL: no memory or no descriptors. */
MUST_USE struct loop *loop_new(const struct clock *clock, const struct observer *observer);
/* Not while it runs. Its flows are cut (loop/flow.h); then messages that still lie in the mailbox are delivered, so
 * that what they carry is freed by its owner, and deferred calls are made. NULL is fine. */
void loop_free(struct loop *loop);
/* Delivers messages and makes deferred calls until there are none of either. Not while it runs. False: there were
 * none. */
bool loop_settle(struct loop *loop);

/* Runs the loop until loop_stop. It may be called again afterwards. */
void loop_run(struct loop *loop);
/* Makes loop_run return after what is ready now; a loop that does not run yet returns from its next
 * run at once. From any thread. */
void loop_stop(struct loop *loop);

/* The event_base, for libraries that add events of their own (hiredis, evhttp). */
struct event_base *loop_base(struct loop *loop);
/* Adds a libevent event whose time counts from now: event_add alone counts from the beginning of the turn, which may
 * have computed for longer than that. False: no memory. */
MUST_USE bool loop_add_timeout(struct loop *loop, struct event *event, const struct timeval *timeout);
const struct clock *loop_clock(const struct loop *loop);
const struct observer *loop_observer(const struct loop *loop);
/* Whether the caller is on the loop's thread: for assertions. True before the first loop_run. */
bool loop_is_current(const struct loop *loop);
/* The loop's steady clock. */
static inline int64_t loop_now_ms(const struct loop *loop)
{
    return clock_steady_ms(loop_clock(loop));
}

/* clock_monotonic_ns, read once for all deferred calls of a turn: for deadlines and for how long others took, where the
 * time that a turn takes does not count. */
int64_t loop_turn_ns(struct loop *loop);
/* The same of loop_now_ms. */
int64_t loop_turn_ms(struct loop *loop);

/* A call to be made later in this turn of the loop. Embedded in the object it is about, so that
 * deferring cannot fail; zeroed before its first use. */
struct deferred {
    struct deferred *next;
    struct deferred **prev; /* NULL while it is not queued */
    void (*run)(void *context);
    void *context;
};

/* Queues the call behind those that are queued already. A call that is queued stays where it is. */
void loop_defer(struct loop *loop, struct deferred *deferred, void (*run)(void *context), void *context);
/* Takes the call out of the queue. Nothing happens if it is not there. */
void loop_defer_cancel(struct loop *loop, struct deferred *deferred);

/* What one thread sends to another's loop. Embedded in the object it carries. */
struct loop_message {
    struct loop_message *next;
    void (*deliver)(struct loop_message *message); /* on the loop's thread; the message is the callee's then */
};

/* Sends the message. Any thread may call this. It never fails and never calls inline; messages arrive in the order of
 * posting. The loop must outlive the message. */
void loop_post(struct loop *loop, struct loop_message *message);

/* Calls on the loop's thread after a while. Embedded; stop and start cost little. */
struct loop_timer {
    struct event *event;
    struct loop *loop;
    void (*fire)(void *context);
    void *context;
    unsigned period_ms; /* 0: one shot */
};

/* Prepares the timer, which does not run yet. STATUS_NO_MEMORY. */
MUST_USE enum status loop_timer_init(struct loop_timer *timer, struct loop *loop, void (*fire)(void *context),
                                     void *context);
/* Stops the timer and frees what it holds. A zeroed one is fine. */
void loop_timer_done(struct loop_timer *timer);
/* Makes the timer fire once, delay_ms from now. A timer that runs starts anew. */
MUST_USE enum status loop_timer_start(struct loop_timer *timer, unsigned delay_ms);
/* Makes the timer fire every period_ms (at least 1), for the first time one period from now. */
MUST_USE enum status loop_timer_start_periodic(struct loop_timer *timer, unsigned period_ms);
/* Stops the timer until it is started again. */
void loop_timer_stop(struct loop_timer *timer);

/* Calls on the loop's thread when the process got a signal. Embedded. One loop of the process takes signals: the
 * group's first, which is the only one whose thread does not block them. */
struct loop_signal {
    struct event *event;
    void (*fire)(void *context);
    void *context;
};

/* Begins to take the signal. STATUS_NO_MEMORY: there is no memory, or no such signal. */
MUST_USE enum status loop_signal_init(struct loop_signal *signal, struct loop *loop, int number,
                                      void (*fire)(void *context), void *context);
/* Gives the signal back: it does again what it did before. A zeroed one is fine. */
void loop_signal_done(struct loop_signal *signal);

#endif
