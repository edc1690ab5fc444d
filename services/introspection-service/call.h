/* call: the JSON in which a resource server describes a request (proto/introspection.openapi.yaml). */
#ifndef COUNTERSIGN_INTROSPECTION_SERVICE_CALL_H
#define COUNTERSIGN_INTROSPECTION_SERVICE_CALL_H

#include "base/arena.h"
#include "base/attributes.h"
#include "base/slice.h"
#include "base/status.h"
#include "oauth/message.h"

#include <stdbool.h>

enum { CALL_BODY_MAX_BYTES = 64 * 1024 }; /* of the request that a call describes */

struct call {
    struct described_request request;
    struct slice required_scope; /* absent: none */
    bool explain;
    struct slice client_base_string; /* absent: none */
    bool came_by_http;               /* the gateway says so, whatever the scheme of the origin is */
};

/* STATUS_BAD_INPUT: not JSON, an unknown, doubled, missing or mistyped member; *ret_why names it (a
 * text in the arena). STATUS_NO_MEMORY. */
MUST_USE enum status call_read(struct slice json, struct arena *arena, struct call *ret_call, const char **ret_why);

/* The calls of a batch: `{"requests": [ … ]}` with at most CALLS_MAX of them. Errors as call_read; a member is named
 * with its place: "requests[3].url is required". */
enum { CALLS_MAX = 100 };
struct calls {
    const struct call *items;
    size_t count;
};
MUST_USE enum status calls_read(struct slice json, struct arena *arena, struct calls *ret_calls, const char **ret_why);

#endif
