/* ops: /livez, /readyz, /startupz and /metrics, on a port of their own (docs/design/protocol.md, "The ops port").
 *
 * Invariants: they are answered on a loop of their own, so whatever the public ports do, an answer is there within
 * 50 ms. Stores are asked on the first of the service's loops, by a message; what it does not answer in time is
 * answered from what is known. Every loop of the service gets a message each second, and one that lets it lie is named.
 */
#ifndef COUNTERSIGN_SERVICE_OPS_H
#define COUNTERSIGN_SERVICE_OPS_H

#include "service/descriptors.h"
#include "service/service.h"

#include <stdatomic.h>

enum { OPS_WHY_BYTES = 512 };

/* What each of the service's loops is sent, and sends back. */
struct ops_pulse {
    struct loop_message message;
    struct ops *ops;
    struct loop *loop;
    bool is_out; /* our loop's */
    int64_t sent_ms;
};

/* How one check went, and why not. */
struct ops_answer {
    enum status status;
    char why[OPS_WHY_BYTES];  /* "": what the status says */
    char rest[OPS_WHY_BYTES]; /* what is answered all the same; "": nothing */
};

/* The stores are asked. While it is out, it is the first loop's. */
struct ops_check {
    struct loop_message message;
    struct flow flow;
    struct ops *ops;
    bool is_out; /* our loop's */
    struct ops_answer answers[READY_CHECKS_MAX];
};

/* The ops server's app. Its loop's, but for `stopping`. */
struct ops {
    const struct service *service;
    void *stores; /* of the service's hooks */
    size_t (*in_flight)(void *context);
    void *in_flight_context;
    _Atomic bool stopping; /* set first on SIGTERM: not ready any more */

    struct loop *loop;
    struct loop_timer beat;
    struct ops_pulse *pulses; /* one for each loop of the service */
    size_t pulse_count;
    struct buf fresh_trouble; /* the first loop's while its pulse is out */
    struct ops_check check;
    bool is_over; /* set when no loop runs any more */

    struct buf trouble;
    bool has_trouble;   /* as the log has it */
    int64_t checked_ms; /* loop_now_ms when the last check was back; 0: none was yet */
    bool is_degraded;   /* that check found something down, or not whole */
    struct ops_answer answers[READY_CHECKS_MAX];
    struct ticket waiting[OPS_CONNECTIONS]; /* requests */
    size_t waiting_count;
};

extern const struct route ops_routes[];
extern const size_t ops_route_count;

/* Call this before the loops run, with `service` to `in_flight_context` set. STATUS_NO_MEMORY. */
MUST_USE enum status ops_open(struct ops *ops, struct loop *loop, struct loop *const *loops, size_t loop_count);
/* Call this when no loop runs any more. What still lies in a mailbox then does nothing. It may never have been opened.
 */
void ops_close(struct ops *ops);
/* Call this after the loops were freed. */
void ops_done(struct ops *ops);

#endif
