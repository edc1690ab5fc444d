/* http_client: one HTTP/1.1 request at a time, blocking, for commands that act as a client. */
#ifndef COUNTERSIGN_AUTH_SERVICE_CLI_HTTP_CLIENT_H
#define COUNTERSIGN_AUTH_SERVICE_CLI_HTTP_CLIENT_H

#include "base/arena.h"
#include "base/attributes.h"
#include "base/slice.h"
#include "base/status.h"

struct client_request {
    struct slice method;
    struct slice url;                                       /* absolute, http or https */
    struct slice authorization, content_type, cookie, body; /* absent: none */
};

struct client_response {
    int http_status;
    struct slice head; /* the header lines, each with its CRLF */
    struct slice body;
};

/* Sends and reads the whole answer (at most 1 MB), following nothing. https is verified against the
 * system's authorities. STATUS_BAD_INPUT: *ret_why says which part failed (a text in the arena);
 * STATUS_NO_MEMORY. */
MUST_USE enum status http_client_send(const struct client_request *request, struct arena *arena,
                                      struct client_response *ret_response, const char **ret_why);

/* The index-th header of this name (any case); absent beyond the last. */
struct slice client_response_header(const struct client_response *response, const char *name, size_t index);

#endif
