/* unavailable: the answer where something of ours is down: never open, and never a verdict. */
#ifndef COUNTERSIGN_INTROSPECTION_SERVICE_UNAVAILABLE_H
#define COUNTERSIGN_INTROSPECTION_SERVICE_UNAVAILABLE_H

#include "base/status.h"
#include "http/request.h"

/* 503 with Retry-After: until the guard after lost nonces ends, where there is one. */
enum step_result unavailable_reply(struct request *request, enum status status);

#endif
