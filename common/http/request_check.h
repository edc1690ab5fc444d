/* request_check: what a request must look like before anything else reads it (docs/design/security.md, "One message,
 * one meaning").
 *
 * One message must mean one thing to every program that it passes: whatever could be read in two ways
 * is refused, and the connection closed, so that nothing behind it is taken for a request. */
#ifndef COUNTERSIGN_HTTP_REQUEST_CHECK_H
#define COUNTERSIGN_HTTP_REQUEST_CHECK_H

#include "base/attributes.h"
#include "http/request.h"

#include <stdbool.h>
#include <stddef.h>

struct request_facts {
    int version_major;
    int version_minor;
    size_t head_bytes;    /* request line and headers as they came */
    bool body_was_unread; /* a body of this method is not to be read */
};

struct request_bounds {
    size_t head_bytes;
    size_t header_count;
};

/* Checks method, target, headers and body, and sets path, query and host. Returns 0, or the HTTP status to
 * refuse with (400, 431, 505), and then *ret_detail, a literal. */
MUST_USE int request_check(struct request *request, const struct request_facts *facts,
                           const struct request_bounds *bounds, const char **ret_detail);

/* The id for this request: if its sender may name it, the trace id of its one valid traceparent (W3C Trace Context
 * §3.2), else the 16 random bytes in hex. */
void request_set_id(struct request *request, bool may_name, const unsigned char *random);

#endif
