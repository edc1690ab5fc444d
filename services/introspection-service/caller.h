/* caller: who makes one of the two JSON calls: a resource server, by its key (RFC 6750 §2.1) or by its certificate. */
#ifndef COUNTERSIGN_INTROSPECTION_SERVICE_CALLER_H
#define COUNTERSIGN_INTROSPECTION_SERVICE_CALLER_H

#include "loop/flow.h"

/* The first three steps of a JSON call. After them request->state is an inquiry with its caller, and the body is JSON
 * by its media type. A call with an Authorization header is judged by that alone; one without it by the names of its
 * verified client certificate. */
enum step_result caller_authenticate(struct flow *flow); /* may wait: the resource server */
enum step_result caller_identify(struct flow *flow);     /* waits, for nobody's call: its address is counted */
enum step_result caller_admit(struct flow *flow);

#endif
