/* http_server: a set of routes, listening on a set of addresses, on some of the process's loops.
 *
 * Invariants: each loop has its own listening socket for each TCP address (SO_REUSEPORT) and its own
 * connections; nothing is shared on the way of a request but the configuration, which does not
 * change after http_server_start. What a client sends wrong is answered here (400, 404, 405, 413,
 * 431, 501, as problem+json); an endpoint sees only requests for one of its routes and methods.
 * SIGPIPE is ignored in the process from http_server_start on. */
#ifndef COUNTERSIGN_HTTP_HTTP_SERVER_H
#define COUNTERSIGN_HTTP_HTTP_SERVER_H

#include "base/buf.h"
#include "base/slice.h"
#include "base/status.h"
#include "http/request.h"
#include "loop/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_server;
struct tls;

/* One row: where a request goes. Where rows overlap, more literal text wins; rows of one path may
 * differ in their methods. */
struct route {
    const char *name; /* the handler in metrics and logs: a literal */
    /* Compared with the raw path byte for byte; a segment "{…}" takes any one segment that is not empty
     * (request->path_values). May come from the configuration, but must outlive the server. */
    const char *path;
    bool is_prefix;      /* also everything below path + "/" */
    const char *methods; /* "GET,HEAD,POST"; NULL: any that the transport knows */
    const struct step *steps;
    size_t body_max_bytes; /* 0: the server's body_bytes */
    size_t arena_bytes;    /* 0: the server's */
    /* The endpoint also answers what has a malformed head, or one that is too long: request->head_fault says what is
     * wrong, there are no headers, no query and no body, and the connection closes after the reply. */
    bool takes_malformed_heads;
};

/* 0 means the default (docs/design/security.md, "Limits"). */
struct http_limits {
    size_t header_bytes;            /* request line and headers: 16 KB, then 431 */
    size_t header_count;            /* 100, then 431 */
    size_t body_bytes;              /* 64 KB for routes that say nothing, then 413 */
    size_t connections;             /* of one listener on one loop: 4096, then the longest idle is closed */
    size_t heads_bytes;             /* of all requests whose heads came in part: 32 MB, then the oldest is closed */
    size_t bodies_bytes;            /* of all bodies of strangers that did not come with their heads: 32 MB */
    size_t callers_bodies_bytes;    /* and of known callers': 64 MB (each loop has its part, and one whole body always
                                       fits) */
    size_t connections_per_address; /* 0: no bound */
    size_t arena_bytes;             /* of one request: 16 MB */
    unsigned request_timeout_ms;    /* from a request's first byte to its last: 10 s, then it is closed */
    unsigned idle_timeout_ms;       /* between requests, and for a client that takes nothing: 60 s */
};

struct http_listen {
    struct slice host;      /* an address, or "" for every one (IPv6 and IPv4); brackets are left off */
    struct slice unix_path; /* not absent: a socket file instead (mode 0660) */
    uint16_t port;          /* 0: any that is free (http_server_port tells) */
    struct tls *tls;        /* NULL: plain; borrowed */
};

/* Why a connection was closed without a request that said so. */
enum http_closing {
    HTTP_CLOSED_AT_CAP,     /* others needed its place */
    HTTP_CLOSED_SLOW,       /* its request was not whole in time */
    HTTP_CLOSED_IDLE,       /* no next request came */
    HTTP_CLOSED_UNREAD,     /* the client took nothing of its reply */
    HTTP_CLOSED_LINGERED,   /* the client did not close after the last reply */
    HTTP_CLOSED_ADDRESS,    /* at once: its address has as many as it may */
    HTTP_CLOSED_PLAIN_HTTP, /* it sent a request in clear to a port with TLS */
    HTTP_CLOSINGS,
};

struct http_observer {
    void *context;
    /* After each reply, also those that the server itself made (request->route may be NULL). */
    void (*replied)(void *context, const struct request *request, int http_status, int64_t duration_ns);
    /* Each time that the server ended a connection by itself (of the strict transport). May be NULL, as `replied`. */
    void (*closed)(void *context, enum http_closing why, const struct peer *peer);
};

struct http_server_config {
    const struct http_listen *listen;
    size_t listen_count;
    const struct route *routes;
    size_t route_count;
    struct http_limits limits;
    struct loop *const *loops; /* the server runs on all of these */
    size_t loop_count;
    void *app;
    struct http_observer observer;
    /* Peers that are believed: their traceparent names the request, and they have no bound of their own, whatever
     * connections_per_address says. Asked on any loop. NULL: none. */
    bool (*is_trusted)(void *context, const struct peer *peer);
    void *is_trusted_context;
    bool opens_later; /* clients wait until http_server_accept */
    bool is_evhttp;   /* carried by libevent's evhttp instead of the strict transport, without TLS: what that one hides
                       * (a NUL, a folded header, LF alone) passes, so for ports of operators alone
                       * (docs/design/security.md, "What evhttp hides") */
};

/* The config's arrays are copied, what they point at is borrowed. No socket is touched yet. */
MUST_USE struct http_server *http_server_new(const struct http_server_config *config);

/* Opens every address on every loop; the loops do not run yet. Each TCP address is first bound once
 * without SO_REUSEPORT, so that one in use is an error; a socket file is replaced only if nobody answers
 * on it. On failure (STATUS_BAD_INPUT: the address, STATUS_NO_MEMORY) nothing stays open and `why` has a
 * sentence with the address: "127.0.0.1:8080: address already in use". */
MUST_USE enum status http_server_start(struct http_server *server, struct buf *why);

/* With opens_later: lets the index-th loop take connections. Call it on that loop's thread. Nothing happens if the loop
 * has stopped listening already. */
void http_server_accept(struct http_server *server, size_t loop_index);

/* The port of the index-th address, the chosen one where 0 was asked for; 0 for a socket file. */
uint16_t http_server_port(const struct http_server *server, size_t index);

/* Makes every later reply close its connection. Any thread may call this. */
void http_server_drain(struct http_server *server);

/* Takes what is queued at the listeners, closes them, finishes what is in flight, closes connections that
 * ask nothing, and then calls stopped(context) once, on one of the loops; at the latest after
 * timeout_ms (then http_server_in_flight is not 0). From any thread, once. The loops run. */
void http_server_stop(struct http_server *server, unsigned timeout_ms, void (*stopped)(void *context), void *context);

/* The loops do not run any more, but still exist, and their flows are at an end (flow_cut_all). NULL is fine. */
void http_server_free(struct http_server *server);

/* The number of requests that were received and are not answered yet. Any thread may ask. */
size_t http_server_in_flight(const struct http_server *server);
/* Requests whose flows were cut: their connections were closed without a reply. The loops do not run any more. */
size_t http_server_cut_requests(const struct http_server *server);
/* The number of open connections of the index-th loop; the bench prints each loop's share. Any thread may ask. */
size_t http_server_connections(const struct http_server *server, size_t loop_index);
/* The number of requests that the index-th loop has received. Any thread may ask. */
uint64_t http_server_requests(const struct http_server *server, size_t loop_index);

#endif
