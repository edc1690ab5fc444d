/* transport: what carries requests, behind http_server: the strict one, and evhttp. It is this
 * room's own.
 *
 * Invariants: a transport belongs to one loop and one listener. It hands over requests whose head is whole
 * and in which request_check found nothing wrong, and gets each reply exactly once. A request is over once its
 * reply was handed to the transport: that it is still being written is the transport's alone (is_quiet). */
#ifndef COUNTERSIGN_HTTP_TRANSPORT_H
#define COUNTERSIGN_HTTP_TRANSPORT_H

#include "http/http_server.h"

#include <stdatomic.h>

struct transport;

struct transport_config {
    struct http_loop *http_loop;
    int fd; /* listens; stays the caller's */
    bool is_unix;
    struct tls *tls; /* or NULL */
    const struct http_limits *limits;
    size_t loop_count;     /* that share the server's limits */
    size_t body_max_bytes; /* of any route */
    bool opens_later;      /* takes nobody before start_listening */
};

struct transport_ops {
    /* NULL: no memory. */
    struct transport *(*open)(const struct transport_config *config);
    /* With opens_later: begins to take connections. */
    void (*start_listening)(struct transport *transport);
    /* Stops taking connections. The descriptor may be closed afterwards. */
    void (*stop_listening)(struct transport *transport);
    /* Closes connections on which no part of a request has arrived, and those whose client takes nothing of its reply;
     * a bounded number of them at a time. */
    void (*close_idle)(struct transport *transport);
    /* Whether no request is being read, answered or written. */
    bool (*is_quiet)(const struct transport *transport);
    /* Closes everything. No request may be in flight. */
    void (*close)(struct transport *transport);
    /* Sends request->reply (one that is_cut: closes the connection); nothing of the request is used after it returned.
     */
    void (*send)(struct request *request);
    /* Reads request->incoming, whose body is due, and ends with exactly one of http_body_arrived, http_body_refuse and
     * http_body_lost; never inline. NULL where every body is there with its head. */
    void (*take_body)(struct request *request);
    /* Stops reading the body, because the reply comes. */
    void (*stop_body)(struct request *request);
    /* request_tls_san; asked only where request->is_tls. */
    struct slice (*tls_san)(struct request *request, size_t index);
};

/* The first member of every transport. */
struct transport {
    const struct transport_ops *ops;
};

extern const struct transport_ops transport_evhttp;
extern const struct transport_ops transport_strict;

enum { RANDOM_IDS = 64 };

/* Whose bodies share memory. */
enum body_sender { BODY_OF_ANYBODY, BODY_OF_CALLER, BODY_SENDERS };

/* A server's part on one loop. */
struct http_loop {
    struct http_server *server;
    struct loop *loop;
    size_t index;
    struct transport **transports; /* one an address; NULL once closed */
    struct request *free_requests;
    size_t free_count;
    unsigned char random[RANDOM_IDS * REQUEST_ID_LEN / 2]; /* for the next ids */
    size_t random_left;
    struct body_pool body_pools[BODY_SENDERS];
    size_t most_in_flight; /* since memory was given back */
    /* read by other threads */
    atomic_size_t in_flight;
    atomic_size_t connections;
    atomic_uint_fast64_t received;
    /* the end */
    struct loop_message stop;
    struct loop_timer stop_timer;
    int64_t stop_began_ms;
    bool is_listening;
    bool is_closed;
    size_t cut_requests;
};

/* A request with its arena, id still missing; counted as in flight. NULL: no memory. */
struct request *http_request_new(struct http_loop *http_loop, const struct transport_ops *transport);
/* The request is whole, and its time begins. A request whose last part came with its first is whole from
 * http_request_new on, and http_body_arrived calls this for the others. */
void http_request_arrived(struct request *request);
/* Frees a request that will not be answered, because its client left before it was whole. */
void http_request_drop(struct request *request);
/* Finds its route and starts the flow, or replies. All fields from `method` to `is_tls` are set; so is body_len where
 * body_state is BODY_IS_DUE. */
void http_request_dispatch(struct request *request);
/* Replies with this status and closes the connection. */
void http_request_refuse(struct request *request, int http_status, const char *detail);
/* The same for a head that is malformed or too long; `head` is what has arrived of it. A route that takes such heads
 * answers itself. */
void http_head_refuse(struct request *request, struct slice head, int http_status, const char *detail);
/* Gives memory back to the system after a flood of requests. It is called now and then. */
void http_loop_give_back(struct http_loop *http_loop);
/* Call this before bytes are added to request->incoming. False: there is no room, and the body was refused. */
MUST_USE bool http_body_make_room(struct request *request, size_t more);
/* The body is whole. */
void http_body_arrived(struct request *request);
/* The body is wrong or too large, or there is no room. The endpoint replies with this status; the connection closes. */
void http_body_refuse(struct request *request, int http_status, const char *detail);
/* The client left before its body was whole. */
void http_body_lost(struct request *request);
/* The largest body that the request's route takes. */
size_t request_body_max(const struct request *request);
const struct http_limits *http_loop_limits(const struct http_loop *http_loop);
/* Whether this peer may have one more connection. If so it is counted. *ret_is_counted: the transport has to take the
 * count back when the connection ends. */
MUST_USE bool http_admit_peer(struct http_loop *http_loop, const struct peer *peer, bool *ret_is_counted);
void http_forget_peer(struct http_loop *http_loop, const struct peer *peer);
/* Tells the observer; the transport closes it. */
void http_connection_closed(const struct http_loop *http_loop, enum http_closing why, const struct peer *peer);

#endif
