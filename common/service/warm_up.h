/* warm_up: a loop takes connections only once its stores have answered it.
 *
 * Where replicas are found by name alone (Docker's DNS, a static list), requests come as soon as the port is open, and
 * a replica whose connections are still being made would answer 503. So the kernel lets clients wait until each
 * readiness check was good once, on this loop, and not longer than WARM_UP_MS: then the service says itself what is
 * wrong. One loop's thread; stopped by warm_up_done once the loop has ended. */
#ifndef COUNTERSIGN_SERVICE_WARM_UP_H
#define COUNTERSIGN_SERVICE_WARM_UP_H

#include "base/attributes.h"
#include "loop/flow.h"
#include "loop/loop.h"
#include "service/service.h"

enum { WARM_UP_MS = 2000 };

struct warm_up {
    const struct service *service;
    void *stores; /* of its ready checks */
    size_t loop_index;
    void (*done)(void *context, size_t loop_index);
    void *context;
    /* this module's */
    struct flow flow;
    struct loop_timer again;
    int64_t began_ms;
    bool is_over;
};

/* Calls done(context, loop_index) once, on the loop; the first five fields are set, and may belong to a loop that does
 * not run yet. STATUS_NO_MEMORY. */
MUST_USE enum status warm_up_start(struct warm_up *warm_up, struct loop *loop);
void warm_up_done(struct warm_up *warm_up);

#endif
