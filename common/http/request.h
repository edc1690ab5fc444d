/* request: one HTTP request and its reply, whatever transport carried them.
 *
 * Invariants: a request belongs to one loop's thread. It was checked before an endpoint sees it:
 * exactly one Host (HTTP/1.1), at most one Authorization, one framing, no control characters in
 * target or headers, sizes within the limits. Its flow starts when its head is whole: a body that did
 * not come with it is read by the step request_take_body, so an endpoint decides before that whose it
 * takes. Its slices stay until the flow has ended; then the arena is wiped. The client may be gone by that time, which
 * the endpoint need not know. A reply is made once: start, headers, body, send, and leaves when the flow ends.
 */
#ifndef COUNTERSIGN_HTTP_REQUEST_H
#define COUNTERSIGN_HTTP_REQUEST_H

#include "base/arena.h"
#include "base/attributes.h"
#include "base/buf.h"
#include "base/slice.h"
#include "base/status.h"
#include "http/body.h"
#include "http/peer.h"
#include "loop/flow.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_loop; /* a server's part on one loop (transport.h) */
struct route;
struct transport_ops;

enum {
    REQUEST_ID_LEN = 32,
    REQUEST_PATH_VALUES_MAX = 4,
    REPLY_HEADERS_MAX = 32,
};

struct header {
    struct slice name; /* as sent */
    struct slice value;
};

/* The endpoint sets it through the functions below. */
struct reply {
    int http_status;                              /* 0: not started */
    struct header headers[REPLY_HEADERS_MAX + 1]; /* one more for X-Request-Id */
    size_t header_count;
    struct slice body;
    bool is_sent;
    bool is_broken; /* a header could not be taken: 500 goes out instead */
    bool is_last;   /* the connection closes after it */
    bool is_cut;    /* nothing is sent, and the connection closed: the flow was cut; the status is for logs alone */
};

enum body_state {
    BODY_IS_HERE,   /* whole, or there is none */
    BODY_IS_DUE,    /* announced, and nobody asked for it yet */
    BODY_IS_COMING, /* the flow waits for it */
    BODY_IS_REFUSED,
    BODY_IS_LOST, /* the client is gone */
};

enum { BODY_LEN_UNKNOWN = INT32_MAX }; /* it comes in chunks */

/* Everything but the flow and the reply is to be read only. */
struct request {
    struct flow flow; /* its subject is this request */
    struct loop *loop;
    size_t loop_index;         /* the loop's place among the server's: for tables of one entry a loop */
    void *app;                 /* the server's, from its configuration */
    void *state;               /* the endpoint's own, in the arena; NULL at first, not read by http */
    const struct route *route; /* NULL for one that was answered before routing */
    struct arena arena;

    struct slice method;                               /* as sent; case counts */
    struct slice target;                               /* byte for byte as sent, also in absolute-form */
    struct slice path;                                 /* the target's, raw: "/a%2Fb" */
    struct slice query;                                /* raw, behind the '?'; absent without one */
    struct slice path_values[REQUEST_PATH_VALUES_MAX]; /* of the route's {…} segments, raw */
    struct slice host;                                 /* Host's value; absent in HTTP/1.0 without one */
    const struct header *headers;                      /* in the order sent */
    size_t header_count;
    struct slice body;      /* empty where there is none, and before request_take_body */
    const char *head_fault; /* a literal, where the route takes malformed heads and this one is; else NULL */

    struct peer peer;
    bool is_tls;                 /* TLS ended here */
    char id[REQUEST_ID_LEN + 1]; /* lower-case hex: a trusted peer's trace id, or random */
    int64_t deadline_ms;         /* loop_now_ms by which it should be answered */
    int64_t started_ns;          /* clock_monotonic_ns when it was complete */

    /* of request_take_body and the transport */
    enum body_state body_state;
    size_t body_len; /* announced, while it is due */
    struct body incoming;
    struct ticket body_ticket;
    int body_refusal;        /* status */
    const char *body_detail; /* a literal, or NULL */

    bool earns_connection; /* request_earns_connection */
    struct reply reply;
    struct http_loop *http_loop;
    const struct transport_ops *transport;
    void *exchange; /* the transport's */
    struct request *next_free;
};

/* The request to which the flow of an endpoint's steps belongs. */
static inline struct request *request_of(const struct flow *flow)
{
    return flow_subject(flow);
}

static inline struct slice request_id(const struct request *request)
{
    return slice_of(request->id, REQUEST_ID_LEN);
}

/* A step: waits for the body, where it did not come with the head, and refuses one that is too large (413), malformed
 * (400) or for which there is no room (503). A table without it never reads a late body, and the connection closes with
 * the reply. Of whoever asks: */
enum step_result request_take_body(struct flow *flow);
/* The same for a caller who is known by then (a key, a trusted proxy): from memory that strangers cannot fill. */
enum step_result request_take_callers_body(struct flow *flow);

/* The value of the first header of this name (any case), absent without one; *ret_count (may be NULL)
 * says how many there are, so that a second one is noticed. */
struct slice request_header(const struct request *request, const char *name, size_t *ret_count);
struct slice request_header_named(const struct request *request, struct slice name, size_t *ret_count);
/* The token of the one `Authorization: Bearer` (RFC 6750 §2.1); absent without one, and where there are two. */
struct slice request_bearer(const struct request *request);

/* The value, as sent, of the first cookie of this name in the Cookie header(s) (RFC 6265 §4.2); absent
 * without one. */
struct slice request_cookie(const struct request *request, const char *name);

/* Whether the body's media type is this one ("application/json"), any case, parameters ignored. */
bool request_has_media_type(const struct request *request, const char *media_type);

/* The i-th DNS name or URI among the subject alternative names of the client's verified certificate, with its type
 * (`DNS:a.internal`, `URI:spiffe://a/b`); absent beyond the last and without a verified certificate. */
struct slice request_tls_san(struct request *request, size_t index);

/* Notes that the request came from somebody known (a key, a peer that may ask, a signature that held). If connections
 * are short, its connection is kept rather than those of strangers. */
static inline void request_earns_connection(struct request *request)
{
    request->earns_connection = true;
}

/* Begins the reply, or begins it anew; headers and body that were set are then dropped. */
void request_reply_start(struct request *request, int http_status);
/* Adds a header; name is a literal token, the value is copied. A value with a control character, an absent one (there
 * was no memory for it), one too many, or no memory: the reply becomes a 500 (nothing that was injected ever leaves).
 * Content-Length, Date, Connection and X-Request-Id are set by the server. */
void request_reply_header(struct request *request, const char *name, struct slice value);
/* The same for what a buffer holds: all of it, or a 500. */
void request_reply_header_from(struct request *request, const char *name, const struct buf *text);
/* Sets the body, which is borrowed until the flow ends (arena, literal), and its Content-Type. */
void request_reply_body(struct request *request, const char *content_type, struct slice body);
/* Ends the reply. The step then answers STEP_REPLY. */
void request_reply_send(struct request *request);
/* The whole reply: 200 with this JSON, which is borrowed and which nobody may cache. */
void request_reply_json(struct request *request, struct slice json);
/* Makes the connection close once the reply was written. */
void request_reply_close(struct request *request);

#endif
