/* ops: /livez, /readyz, /startupz and /metrics, on a port of their own (api.md §3). */
#ifndef COUNTERSIGN_SERVICE_OPS_H
#define COUNTERSIGN_SERVICE_OPS_H

#include "service/service.h"

#include <stdatomic.h>

/* The ops server's app; used on one loop, but for `stopping`. */
struct ops {
    const struct service *service;
    void *app; /* the service's, for its ready checks */
    size_t (*in_flight)(void *context);
    void *in_flight_context;
    _Atomic bool stopping; /* set first on SIGTERM: not ready any more */
    int64_t checked_at_ms; /* loop_now_ms of the last check; 0: none yet */
    enum status results[READY_CHECKS_MAX];
};

extern const struct route ops_routes[];
extern const size_t ops_route_count;

#endif
