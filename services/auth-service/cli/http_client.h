/* http_client: one HTTP/1.1 request at a time, blocking, for commands that act as a client.
 *
 * Each request has a connection of its own. Nothing is followed and no cookie is kept; an answer that ends before its
 * framing says so is an error. The caller has made sure that SIGPIPE does not end the process. */
#ifndef COUNTERSIGN_AUTH_SERVICE_CLI_HTTP_CLIENT_H
#define COUNTERSIGN_AUTH_SERVICE_CLI_HTTP_CLIENT_H

#include "base/arena.h"
#include "base/attributes.h"
#include "base/slice.h"
#include "base/status.h"

enum { CLIENT_RESPONSE_MAX_BYTES = 1 << 20, CLIENT_TIMEOUT_S = 10 };

struct client_request {
    struct slice method;
    struct slice url;                                       /* absolute, http or https */
    struct slice authorization, content_type, cookie, body; /* absent: none */
    struct slice if_match;                                  /* likewise */
    struct slice ca_file; /* PEM, what https is verified against; absent: the system's authorities */
};

struct client_response {
    int http_status;
    struct slice head; /* the header lines, each with its CRLF */
    struct slice body;
};

/* Sends, and reads the whole answer (at most CLIENT_RESPONSE_MAX_BYTES; each wait at most CLIENT_TIMEOUT_S).
 * STATUS_BAD_INPUT: *ret_why says which part failed (a text in the arena); STATUS_NO_MEMORY. */
MUST_USE enum status http_client_send_blocking(const struct client_request *request, struct arena *arena,
                                               struct client_response *ret_response, const char **ret_why);

/* The index-th header of this name (any case); absent beyond the last. */
struct slice client_response_header(const struct client_response *response, const char *name, size_t index);

#endif
