/* strict: the parts of the strict transport (transport_strict.c), which no other file sees.
 *
 * transport_strict.c takes connections and keeps their deadlines; strict_connection.c is the beginning and end of one;
 * strict_read.c gives it its turns and reads; strict_request.c makes requests of what was read; strict_reply.c writes.
 */
#ifndef COUNTERSIGN_HTTP_STRICT_H
#define COUNTERSIGN_HTTP_STRICT_H

#include "http/connections.h"
#include "http/http1.h"
#include "http/http1_reply.h"
#include "http/http1_request.h"
#include "http/socket_io.h"

#include <event2/event_struct.h>

enum {
    INPUT_BYTES = 16 * 1024,
};

struct strict_transport {
    struct transport base;
    struct transport_config config;
    struct connections connections;
    struct event acceptable;
    struct loop_timer turn_timer; /* fires in the next turn of the loop */
    struct wait_list queue;       /* those that have more to do in later turns */
    struct wait_list holders;     /* those that hold a part of a request, by when they began to */
    size_t held_bytes;            /* of what all connections received and did not use yet */
    size_t most_held_bytes;       /* since memory was given back */
    char date[HTTP_DATE_BYTES];
    char input[INPUT_BYTES];
};

enum phase {
    SHAKING_HANDS,
    READING_HEAD, /* or waiting for one */
    READING_BODY,
    ANSWERING, /* the request is at the server */
    WRITING,   /* the reply is on its way */
    LINGERING, /* all is said; what the client still sends is dropped */
    GONE,      /* closed, to be freed */
};

struct connection {
    struct strict_transport *transport;
    struct loop *loop;
    struct waiter waiter;  /* in one of transport->connections */
    struct waiter queued;  /* in transport->queue, or not */
    struct waiter holding; /* in transport->holders, or not */
    struct socket_io io;
    struct event readable;
    struct event writable;
    struct deferred later;
    struct peer peer;
    enum phase phase;
    bool is_in_use;  /* somebody up the stack goes on with it */
    bool is_asked;   /* a request is at the server, whose reply comes back to us */
    bool is_served;  /* a request was answered, or is, since process began */
    bool is_paused;  /* nothing is read for now */
    bool has_ended;  /* the client sends no more */
    bool keeps_open; /* after the reply */
    bool has_unread; /* bytes of the body were announced and not taken: nothing behind them can be read */
    bool is_idle;    /* answered, and nothing of the next request has arrived */
    bool is_counted; /* for its address */
    bool is_earned;  /* a request of it came from somebody known */

    struct buf in;     /* received, not used yet */
    size_t held_bytes; /* of `in`, as it is counted in the transport */
    struct http1_scan scan;

    struct request *request; /* its body is being read */
    struct http1_traits traits;
    struct http1_chunks chunks;

    struct buf out; /* what the socket did not take yet */
    size_t out_written;
    bool write_wants_read; /* TLS does */
};

static inline enum wait strict_wait_of(const struct connection *connection)
{
    switch (connection->phase) {
    case WRITING:
        return FOR_READER;
    case LINGERING:
        return FOR_END;
    case ANSWERING:
    case GONE:
        return FOR_ANSWER;
    default:
        return connection->is_idle ? FOR_NEXT : FOR_REQUEST;
    }
}

/* Its wait begins anew. */
static inline void strict_wait_from_now(struct connection *connection)
{
    connections_wait(&connection->transport->connections, &connection->waiter, strict_wait_of(connection),
                     connection->is_earned);
}

static inline void strict_enter_phase(struct connection *connection, enum phase phase)
{
    connection->phase = phase;
    strict_wait_from_now(connection);
}

/* ---- the beginning and end of one ---- */

/* Takes the descriptor and the count of its peer. */
void strict_begin(struct strict_transport *transport, int fd, const struct peer *peer, bool is_counted);
/* It goes on in a later turn of the loop: others come first. */
void strict_queue_up(struct connection *connection);
/* Counts what it holds now. Where all hold too much, those go that have held a part of a request for longest. */
void strict_note_held(struct connection *connection);
/* Ends it at once. */
void strict_drop(struct connection *connection);
/* Ends it after a last reply: closing with bytes of the client's still on their way would send it a reset, and the
 * answer would be lost, so we read until it closes too, for a moment. */
void strict_linger(struct connection *connection);

/* Frees one that is gone, once its request has come back and nobody up the stack uses it any more. */
void strict_free_later(struct connection *connection);

/* ---- reading ---- */

/* The socket has bytes: of a handshake, a request, or what TLS waits for to go on writing. */
void strict_on_readable(evutil_socket_t fd, short what, void *connection);
/* The socket takes bytes again. */
void strict_on_writable(evutil_socket_t fd, short what, void *connection);
/* Some of the queue have their turn. */
void strict_serve_queue(struct strict_transport *transport);
/* transport_ops.take_body. */
void strict_take_body(struct request *request);

/* ---- requests ---- */

/* Reads at most one request off the front of the bytes; returns the rest. */
struct slice strict_take_request(struct connection *connection, struct slice bytes);
/* transport_ops.stop_body. */
void strict_stop_body(struct request *request);

/* ---- replying ---- */

/* Sends what the socket did not take before. */
void strict_write_on(struct connection *connection);
/* transport_ops.send. */
void strict_send(struct request *request);

#endif
