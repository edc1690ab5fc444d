/* The only file that sees an evhttp type. In clear: it carries the ops port alone.
 *
 * evhttp tells nobody when a connection ends before its first request, has no deadline for a whole
 * request, and closes without reading what the client still sends (a reset, which eats the answer).
 * So we make each connection's bufferevent ourselves (bevcb) and keep a reference of our own: evhttp
 * "frees" it, we notice (its callbacks are gone), read on for a moment, and close. */
#include "http/connections.h"
#include "http/http1_reply.h"
#include "http/problem_reply.h"
#include "http/request_check.h"

#include "base/wipe.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/socket.h>

enum {
    BUCKETS = 1024,     /* of the table of connections: a power of two */
    HEAD_SLACK = 2,     /* evhttp's own limit is this many times ours, so that ours answers */
    BODY_SLACK = 2,     /* likewise; what is larger still is answered by evhttp, without our headers */
    INPUT_SLACK = 65536 /* what may lie in a connection's buffer beyond one whole request */
};

struct evhttp_transport {
    struct transport base;
    struct transport_config config;
    struct connections connections;
    struct evhttp *http;
    struct evhttp_bound_socket *bound;         /* NULL once it does not listen any more */
    struct evconnlistener *listener;           /* the same */
    const struct evconnlistener *own_listener; /* never changes: the transport is found by it */
    struct evhttp_transport *next_open;
    struct connection *buckets[BUCKETS]; /* by their bufferevent */
};

struct connection {
    struct evhttp_transport *transport;
    struct bufferevent *bev; /* our reference */
    struct waiter waiter;    /* in one of transport->connections */
    struct connection *bucket_next;
    struct deferred linger;
    struct peer peer;
    bool has_peer;
    bool has_bytes;  /* part of the next request has arrived */
    bool must_close; /* after the reply, although evhttp would not */
};

/* request->exchange */
struct exchange {
    struct evhttp_request *evreq;
    struct connection *connection; /* as long as evreq has one */
};

/* --- the table of connections --- */

static struct connection **bucket_of(struct evhttp_transport *transport, const struct bufferevent *bev)
{
    uintptr_t hash = ((uintptr_t)bev >> 4) * (uintptr_t)0x9e3779b97f4a7c15;
    return &transport->buckets[(hash >> 40) % BUCKETS];
}

static struct connection *find_connection(struct evhttp_transport *transport, const struct bufferevent *bev)
{
    struct connection *connection = *bucket_of(transport, bev);
    while (connection && connection->bev != bev)
        connection = connection->bucket_next;
    return connection;
}

static void add_connection(struct evhttp_transport *transport, struct connection *connection)
{
    struct connection **bucket = bucket_of(transport, connection->bev);
    connection->bucket_next = *bucket;
    *bucket = connection;
    connections_look_at_clock(&transport->connections);
    connections_add(&transport->connections, &connection->waiter, FOR_REQUEST);
}

static void remove_connection(struct connection *connection)
{
    struct evhttp_transport *transport = connection->transport;
    struct connection **link = bucket_of(transport, connection->bev);
    while (*link != connection)
        link = &(*link)->bucket_next;
    *link = connection->bucket_next;
    connections_remove(&transport->connections, &connection->waiter);
}

static struct connection *waiting_connection(struct waiter *waiter)
{
    return (struct connection *)((char *)waiter - offsetof(struct connection, waiter));
}

static void wait_from_now(struct connection *connection, enum wait wait)
{
    struct connections *connections = &connection->transport->connections;
    connections_look_at_clock(connections);
    connections_wait(connections, &connection->waiter, wait, false);
}

static bool is_waiting(const struct connection *connection, enum wait wait)
{
    return connection->waiter.list == &connection->transport->connections.waits[wait][0];
}

/* --- listening --- */

static bool take_connections(void *context, bool takes)
{
    struct evhttp_transport *transport = context;
    return (takes ? evconnlistener_enable(transport->listener) : evconnlistener_disable(transport->listener)) == 0;
}

/* evhttp makes itself the context of its listener's callbacks, so the transport is found by the listener. */
static pthread_mutex_t open_lock = PTHREAD_MUTEX_INITIALIZER;
static struct evhttp_transport *open_transports; /* of all loops */

static void note_open(struct evhttp_transport *transport)
{
    (void)pthread_mutex_lock(&open_lock);
    transport->next_open = open_transports;
    open_transports = transport;
    (void)pthread_mutex_unlock(&open_lock);
}

static void forget_open(const struct evhttp_transport *transport)
{
    (void)pthread_mutex_lock(&open_lock);
    struct evhttp_transport **link = &open_transports;
    while (*link && *link != transport)
        link = &(*link)->next_open;
    if (*link)
        *link = transport->next_open;
    (void)pthread_mutex_unlock(&open_lock);
}

static struct evhttp_transport *find_open(const struct evconnlistener *listener)
{
    (void)pthread_mutex_lock(&open_lock);
    struct evhttp_transport *transport = open_transports;
    while (transport && transport->own_listener != listener)
        transport = transport->next_open;
    (void)pthread_mutex_unlock(&open_lock);
    return transport;
}

static void on_accept_failed(struct evconnlistener *listener, void *evhttp UNUSED)
{
    struct evhttp_transport *transport = find_open(listener);
    if (transport) /* else it was closed meanwhile */
        connections_note_failed_accept(&transport->connections, evutil_socket_error_to_string(EVUTIL_SOCKET_ERROR()));
}

/* --- the end of a connection --- */

static void on_input(struct evbuffer *input, const struct evbuffer_cb_info *info, void *context);

static void dispose_connection(struct connection *connection)
{
    struct evhttp_transport *transport = connection->transport;
    struct bufferevent *bev = connection->bev;
    loop_defer_cancel(transport->config.http_loop->loop, &connection->linger);
    remove_connection(connection);
    bufferevent_setcb(bev, NULL, NULL, NULL, NULL);
    bufferevent_disable(bev, EV_READ | EV_WRITE);
    evbuffer_remove_cb(bufferevent_get_input(bev), on_input, connection);
    bufferevent_decref(bev);
    free(connection);
    connections_resume(&transport->connections);
}

static void on_lingering_input(struct bufferevent *bev, void *context UNUSED)
{
    struct evbuffer *input = bufferevent_get_input(bev);
    evbuffer_drain(input, evbuffer_get_length(input));
}

static void on_lingering_event(struct bufferevent *bev UNUSED, short what UNUSED, void *context)
{
    dispose_connection(context);
}

/* evhttp has shut down our side. Closing now, with bytes of the client's still on their way, would send it a
 * reset, and the answer would be lost: so we read until it closes too, for a moment. */
static void begin_lingering(void *context)
{
    struct connection *connection = context;
    wait_from_now(connection, FOR_END);
    on_lingering_input(connection->bev, NULL);
    bufferevent_setcb(connection->bev, on_lingering_input, NULL, on_lingering_event, connection);
    bufferevent_disable(connection->bev, EV_WRITE);
    bufferevent_enable(connection->bev, EV_READ);
}

/* evhttp begins to free the connection; it still uses it until we are called by the loop again. */
static void on_close(struct evhttp_connection *evcon UNUSED, void *context)
{
    struct connection *connection = context;
    wait_from_now(connection, FOR_NEXT);
    loop_defer(connection->transport->config.http_loop->loop, &connection->linger, begin_lingering, connection);
}

/* Ends it from our side: evhttp reads the end of the stream and frees it. */
static void hang_up(struct connection *connection)
{
    shutdown(bufferevent_getfd(connection->bev), SHUT_RDWR);
}

static bool was_let_go(const struct connection *connection)
{
    bufferevent_data_cb read_cb;
    bufferevent_data_cb write_cb;
    bufferevent_event_cb event_cb;
    void *context;
    bufferevent_getcb(connection->bev, &read_cb, &write_cb, &event_cb, &context);
    return event_cb == NULL;
}

static void end_connection(struct waiter *waiter, enum http_closing why)
{
    struct connection *connection = waiting_connection(waiter);
    if (is_waiting(connection, FOR_END)) {
        dispose_connection(connection);
        return;
    }
    hang_up(connection);
    wait_from_now(connection, why == HTTP_CLOSED_SLOW ? FOR_REQUEST : FOR_NEXT); /* until evhttp is done with it */
}

static void notice_let_go(const struct wait_list *list)
{
    struct waiter *next;
    for (struct waiter *waiter = list->first; waiter; waiter = next) {
        next = waiter->next;
        if (was_let_go(waiting_connection(waiter)))
            begin_lingering(waiting_connection(waiter));
    }
}

static void sweep_evhttp(void *context)
{
    struct evhttp_transport *transport = context;
    for (enum wait wait = 0; wait < WAITS; wait++)
        if (wait != FOR_END)
            notice_let_go(&transport->connections.waits[wait][0]);
    while (!connections_keep_deadlines(&transport->connections))
        ;
}

/* --- the start of a connection --- */

/* evhttp reads the end of the stream now, and not when the loop finds it. So as many may go in a turn as come, however
 * many come. False: evhttp is not done with it, a reply is being written, say. */
static bool end_at_once(struct connection *connection)
{
    bool has_reply = is_waiting(connection, FOR_READER);
    hang_up(connection);
    if (has_reply)
        return false;
    if (!is_waiting(connection, FOR_END))
        bufferevent_trigger_event(connection->bev, BEV_EVENT_READING | BEV_EVENT_EOF, 0);
    if (!is_waiting(connection, FOR_END) && !was_let_go(connection))
        return false;
    dispose_connection(connection);
    return true;
}

/* One more than may be: the one that waits longest goes, and nobody comes in until it is gone. */
static void make_room(struct evhttp_transport *transport, const struct connection *newest)
{
    struct waiter *victim = connections_choose_victim(&transport->connections);
    if (!victim || victim == &newest->waiter || !end_at_once(waiting_connection(victim)))
        connections_pause(&transport->connections);
}

static void on_input(struct evbuffer *input UNUSED, const struct evbuffer_cb_info *info, void *context)
{
    struct connection *connection = context;
    if (info->n_added == 0 || connection->has_bytes || is_waiting(connection, FOR_ANSWER) ||
        is_waiting(connection, FOR_END))
        return;
    connection->has_bytes = true;
    wait_from_now(connection, FOR_REQUEST);
}

/* bevcb: called for each connection that was accepted. NULL makes evhttp use a bufferevent of its own, which is not in
 * our table, so that `on_request` closes it without an answer. */
static struct bufferevent *on_accepted(struct event_base *base, void *context)
{
    struct evhttp_transport *transport = context;
    const struct transport_config *config = &transport->config;
    struct connection *connection = calloc(1, sizeof *connection);
    if (!connection)
        return NULL;
    connection->transport = transport;
    connection->bev = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
    if (!connection->bev || !evbuffer_add_cb(bufferevent_get_input(connection->bev), on_input, connection)) {
        if (connection->bev)
            bufferevent_free(connection->bev);
        free(connection);
        return NULL;
    }
    bufferevent_incref(connection->bev);
    /* Room for a whole request, and no more: a client may send on while we answer. */
    bufferevent_setwatermark(connection->bev, EV_READ, 0,
                             BODY_SLACK * config->body_max_bytes + HEAD_SLACK * config->limits->header_bytes +
                                 INPUT_SLACK);
    add_connection(transport, connection);
    if (transport->connections.count > config->limits->connections)
        make_room(transport, connection);
    return connection->bev;
}

/* --- receiving --- */

static const struct {
    enum evhttp_cmd_type command;
    struct slice name;
    bool has_body; /* evhttp reads it */
} methods[] = {
    {EVHTTP_REQ_GET, SLICE_INIT("GET"), true},       {EVHTTP_REQ_POST, SLICE_INIT("POST"), true},
    {EVHTTP_REQ_HEAD, SLICE_INIT("HEAD"), false},    {EVHTTP_REQ_PUT, SLICE_INIT("PUT"), true},
    {EVHTTP_REQ_DELETE, SLICE_INIT("DELETE"), true}, {EVHTTP_REQ_OPTIONS, SLICE_INIT("OPTIONS"), true},
    {EVHTTP_REQ_TRACE, SLICE_INIT("TRACE"), false},  {EVHTTP_REQ_PATCH, SLICE_INIT("PATCH"), true},
};

/* Sets the method; of others evhttp keeps not even the name. */
static bool set_method(struct request *request, const struct evhttp_request *evreq, struct request_facts *facts)
{
    enum evhttp_cmd_type command = evhttp_request_get_command(evreq);
    request->method = SLICE("unknown");
    facts->body_was_unread = true;
    for (size_t i = 0; i < COUNT_OF(methods); i++) {
        if (methods[i].command != command)
            continue;
        request->method = methods[i].name;
        facts->body_was_unread = !methods[i].has_body;
        return true;
    }
    return false;
}

static bool set_headers(struct request *request, struct evhttp_request *evreq)
{
    const struct evkeyvalq *list = evhttp_request_get_input_headers(evreq);
    size_t count = 0;
    const struct evkeyval *pair;
    TAILQ_FOREACH(pair, list, next)
    count++;
    struct header *headers = arena_calloc(&request->arena, count, sizeof *headers);
    if (!headers)
        return false;
    request->headers = headers;
    request->header_count = count;
    TAILQ_FOREACH(pair, list, next)
    *headers++ = (struct header){slice_str(pair->key), slice_trim(slice_str(pair->value))};
    return true;
}

static bool set_body(struct request *request, struct evhttp_request *evreq)
{
    struct evbuffer *body = evhttp_request_get_input_buffer(evreq);
    size_t len = evbuffer_get_length(body);
    const unsigned char *bytes = len ? evbuffer_pullup(body, -1) : NULL;
    request->body = len ? slice_of(bytes, len) : SLICE("");
    return bytes || len == 0;
}

static void set_peer(struct request *request, struct connection *connection, struct evhttp_connection *evcon)
{
    if (!connection->has_peer)
        connection->peer = /* evhttp reports those of a socket file as localhost:0 */
            peer_of_address(connection->transport->config.is_unix ? NULL : evhttp_connection_get_addr(evcon));
    connection->has_peer = true;
    request->peer = connection->peer;
}

static bool set_exchange(struct request *request, struct evhttp_request *evreq, struct connection *connection)
{
    struct exchange *exchange = arena_alloc(&request->arena, sizeof *exchange);
    if (!exchange)
        return false;
    *exchange = (struct exchange){evreq, connection};
    request->exchange = exchange;
    return true;
}

/* Looks at the request in the order in which a mistake would do harm: first what would make the next bytes on
 * the connection mean something else. */
static void check_and_dispatch(struct request *request, struct evhttp_request *evreq, struct connection *connection)
{
    const struct http_limits *limits = connection->transport->config.limits;
    struct request_facts facts = {
        .version_major = evreq->major,
        .version_minor = evreq->minor,
        .head_bytes = evreq->headers_size + 2 * (request->header_count + 2), /* the line ends */
    };
    evreq->minor = evreq->major == 1 && evreq->minor == 0 ? 0 : 1; /* the reply's */
    evreq->major = 1;
    bool is_known = set_method(request, evreq, &facts);
    request->target = slice_str(evhttp_request_get_uri(evreq));
    if (evhttp_request_get_command(evreq) == EVHTTP_REQ_CONNECT) {
        connection->must_close = true; /* evhttp keeps these open whatever we say */
        http_request_refuse(request, 501, "this is no proxy");
        return;
    }
    const struct request_bounds bounds = {limits->header_bytes, limits->header_count};
    const char *detail;
    int refusal = request_check(request, &facts, &bounds, &detail);
    if (refusal)
        http_request_refuse(request, refusal, detail);
    else if (!is_known)
        http_request_refuse(request, 501, "this method is not known here");
    else
        http_request_dispatch(request);
}

/* gencb: a whole request is there. */
static void on_request(struct evhttp_request *evreq, void *context)
{
    struct evhttp_transport *transport = context;
    struct evhttp_connection *evcon = evhttp_request_get_connection(evreq);
    struct connection *connection = find_connection(transport, evhttp_connection_get_bufferevent(evcon));
    struct request *request = connection ? http_request_new(transport->config.http_loop, transport->base.ops) : NULL;
    if (!request) {
        evhttp_connection_free(evcon); /* no memory; frees evreq too */
        return;
    }
    wait_from_now(connection, FOR_ANSWER);
    connection->has_bytes = false;
    evhttp_connection_set_closecb(evcon, on_close, connection);
    /* Set for an absolute-form target: evhttp would then look at Proxy-Connection instead of Connection. */
    evreq->flags &= ~EVHTTP_PROXY_REQUEST;
    set_peer(request, connection, evcon);
    if (!set_exchange(request, evreq, connection)) {
        http_request_drop(request);
        evhttp_connection_free(evcon);
        return;
    }
    if (!set_headers(request, evreq) || !set_body(request, evreq)) {
        http_request_refuse(request, 503, NULL);
        return;
    }
    check_and_dispatch(request, evreq, connection);
}

/* --- replying --- */

static void free_body(const void *bytes, size_t len, void *context)
{
    wipe_bytes(context, len);
    free(context);
    (void)bytes;
}

/* The body in memory that is wiped once it was sent: libevent does not wipe what it copies. */
static bool add_body(struct evbuffer *out, struct slice body)
{
    if (body.len == 0)
        return true;
    char *copy = malloc(body.len);
    if (!copy)
        return false;
    memcpy(copy, body.ptr, body.len);
    if (evbuffer_add_reference(out, copy, body.len, free_body, copy) == 0)
        return true;
    free_body(copy, body.len, copy);
    return false;
}

static bool add_headers(const struct request *request, struct evhttp_request *evreq)
{
    const struct reply *reply = &request->reply;
    struct evkeyvalq *out = evhttp_request_get_output_headers(evreq);
    bool added = true;
    for (size_t i = 0; added && i < reply->header_count; i++)
        added = evhttp_add_header(out, reply->headers[i].name.ptr, reply->headers[i].value.ptr) == 0;
    if (added && http_has_content(reply->http_status)) {
        char length[24];
        snprintf(length, sizeof length, "%zu", reply->body.len);
        added = evhttp_add_header(out, "Content-Length", length) == 0;
    }
    if (added && reply->is_last) {
        /* or it would say "keep-alive" to an HTTP/1.0 client who asked for it */
        evhttp_remove_header(evhttp_request_get_input_headers(evreq), "Connection");
        added = evhttp_add_header(out, "Connection", "close") == 0;
    }
    return added;
}

/* The whole reply is with the kernel; evhttp goes on to the next request, or closes. */
static void on_written(struct evhttp_request *evreq UNUSED, void *context)
{
    struct connection *connection = context;
    if (connection->must_close) {
        on_lingering_input(connection->bev, NULL);
        hang_up(connection);
    }
    connection->has_bytes = evbuffer_get_length(bufferevent_get_input(connection->bev)) > 0;
    wait_from_now(connection, connection->has_bytes ? FOR_REQUEST : FOR_NEXT);
}

static void send_reply(struct request *request)
{
    const struct exchange *exchange = request->exchange;
    struct evhttp_request *evreq = exchange->evreq;
    struct evhttp_connection *evcon = evhttp_request_get_connection(evreq);
    const struct reply *reply = &request->reply;
    if (!evcon) { /* the client is gone: this frees evreq, and sends nothing */
        evhttp_send_reply(evreq, reply->http_status, "", NULL);
        return;
    }
    bool is_head = slice_eq(request->method, SLICE("HEAD"));
    struct evbuffer *body = evbuffer_new();
    bool is_ready = body && !reply->is_cut && add_headers(request, evreq) &&
                    (is_head || !http_has_content(reply->http_status) || add_body(body, reply->body));
    if (is_ready) {
        evhttp_request_set_on_complete_cb(evreq, on_written, exchange->connection);
        evhttp_send_reply(evreq, reply->http_status, http_reason(reply->http_status), body);
    } else {
        evhttp_connection_free(evcon); /* no memory, or cut */
    }
    if (body)
        evbuffer_free(body);
}

/* There is no TLS on this transport. */
static struct slice tls_san(struct request *request UNUSED, size_t index UNUSED)
{
    return SLICE_ABSENT;
}

/* --- the transport --- */

static void close_transport(struct transport *base)
{
    struct evhttp_transport *transport = (struct evhttp_transport *)base;
    struct waiter *waiter;
    connections_done(&transport->connections);
    forget_open(transport);
    if (transport->http)
        evhttp_free(transport->http);
    while ((waiter = connections_any(&transport->connections)))
        dispose_connection(waiting_connection(waiter));
    free(transport);
}

static bool set_up_http(struct evhttp_transport *transport)
{
    const struct transport_config *config = &transport->config;
    const unsigned idle_ms = config->limits->idle_timeout_ms;
    const struct timeval idle = {.tv_sec = idle_ms / 1000, .tv_usec = (suseconds_t)(idle_ms % 1000) * 1000};
    struct evhttp *http = evhttp_new(loop_base(config->http_loop->loop));
    if (!http)
        return false;
    transport->http = http;
    evhttp_set_allowed_methods(http, UINT16_MAX); /* we answer them ourselves */
    evhttp_set_max_headers_size(http, (ssize_t)(HEAD_SLACK * config->limits->header_bytes));
    evhttp_set_max_body_size(http, (ssize_t)(BODY_SLACK * config->body_max_bytes));
    evhttp_set_timeout_tv(http, &idle);
    evhttp_set_default_content_type(http, NULL);
    evhttp_set_bevcb(http, on_accepted, transport);
    evhttp_set_gencb(http, on_request, transport);
    return true;
}

static bool set_up_listener(struct evhttp_transport *transport)
{
    struct event_base *base = loop_base(transport->config.http_loop->loop);
    struct evconnlistener *listener =
        evconnlistener_new(base, NULL, NULL, LEV_OPT_CLOSE_ON_EXEC, 0, transport->config.fd);
    if (!listener)
        return false;
    transport->bound = evhttp_bind_listener(transport->http, listener);
    if (!transport->bound) {
        evconnlistener_free(listener);
        return false;
    }
    transport->listener = listener;
    transport->own_listener = listener;
    note_open(transport);
    evconnlistener_set_error_cb(listener, on_accept_failed);
    return evconnlistener_disable(listener) == 0; /* clients wait in the backlog */
}

static void start_listening(struct transport *base)
{
    struct evhttp_transport *transport = (struct evhttp_transport *)base;
    if (transport->listener)
        connections_listen(&transport->connections);
}

static struct transport *open_transport(const struct transport_config *config)
{
    static const struct connections_ops ops = {take_connections, end_connection, sweep_evhttp};
    struct evhttp_transport *transport = calloc(1, sizeof *transport);
    if (!transport)
        return NULL;
    transport->base.ops = &transport_evhttp;
    transport->config = *config;
    if (!set_up_http(transport) || !set_up_listener(transport) ||
        connections_init(&transport->connections, config, &ops, transport) != STATUS_OK) {
        close_transport(&transport->base);
        return NULL;
    }
    if (!config->opens_later)
        start_listening(&transport->base);
    return &transport->base;
}

static void stop_evhttp_listening(struct transport *base)
{
    struct evhttp_transport *transport = (struct evhttp_transport *)base;
    connections_stop_listening(&transport->connections);
    if (transport->listener)
        evhttp_del_accept_socket(transport->http, transport->bound);
    transport->listener = NULL;
}

/* Part of a request has arrived on one of the list. */
static bool has_begun(const struct wait_list *list)
{
    for (struct waiter *waiter = list->first; waiter; waiter = waiter->next)
        if (waiting_connection(waiter)->has_bytes)
            return true;
    return false;
}

static void hang_up_idle(const struct wait_list *list)
{
    for (struct waiter *waiter = list->first; waiter; waiter = waiter->next)
        if (!waiting_connection(waiter)->has_bytes)
            hang_up(waiting_connection(waiter));
}

static void close_idle(struct transport *base)
{
    const struct connections *connections = &((struct evhttp_transport *)base)->connections;
    hang_up_idle(&connections->waits[FOR_REQUEST][0]);
    hang_up_idle(&connections->waits[FOR_NEXT][0]);
}

static bool is_evhttp_quiet(const struct transport *base)
{
    const struct connections *connections = &((const struct evhttp_transport *)base)->connections;
    return connections_waiting(connections, FOR_ANSWER) == 0 && !has_begun(&connections->waits[FOR_REQUEST][0]);
}

const struct transport_ops transport_evhttp = {
    .open = open_transport,
    .start_listening = start_listening,
    .stop_listening = stop_evhttp_listening,
    .close_idle = close_idle,
    .is_quiet = is_evhttp_quiet,
    .close = close_transport,
    .send = send_reply,
    .tls_san = tls_san,
};
