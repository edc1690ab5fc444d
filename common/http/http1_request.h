/* http1_request: what the head of a request says: the request itself, and how its connection goes on. */
#ifndef COUNTERSIGN_HTTP_HTTP1_REQUEST_H
#define COUNTERSIGN_HTTP_HTTP1_REQUEST_H

#include "base/attributes.h"
#include "base/slice.h"
#include "http/http_server.h"

#include <stdbool.h>
#include <stddef.h>

struct http1_traits {
    bool is_http10;
    bool keeps_open; /* the client wants to ask more */
    bool is_chunked;
    size_t body_len; /* where it is not chunked */
    bool expects_continue;
};

struct http1_bounds {
    const struct http_limits *limits;
    size_t body_bytes; /* of any route */
};

/* Reads a whole head with that many headers (http1_find_end) into the request: a copy in its arena, taken apart and
 * checked. Returns 0, or the status to refuse with (400, 413, 417, 431, 501, 503, 505), and then *ret_detail: a literal
 * or NULL. */
MUST_USE int http1_read_request(struct request *request, struct slice head, size_t header_count,
                                const struct http1_bounds *bounds, struct http1_traits *ret_traits,
                                const char **ret_detail);

#endif
