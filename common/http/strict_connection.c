#include "http/strict.h"

#include <event2/event.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static void forget_connection(struct connection *connection)
{
    struct strict_transport *transport = connection->transport;
    connections_remove(&transport->connections, &connection->waiter);
    waiter_leave(&connection->queued);
    if (connection->is_counted)
        http_forget_peer(transport->config.http_loop, &connection->peer);
}

void strict_queue_up(struct connection *connection)
{
    struct strict_transport *transport = connection->transport;
    if (connection->queued.list)
        return;
    wait_list_add(&transport->queue, &connection->queued, 0);
    if (transport->queue.count == 1)
        (void)!loop_timer_start(&transport->turn_timer, 0); /* where it fails the sweep does its work */
}

/* A loop's part of what all may hold; one whole head always fits. */
static size_t may_hold_bytes(const struct strict_transport *transport)
{
    const struct http_limits *limits = transport->config.limits;
    size_t part = limits->heads_bytes / transport->config.loop_count;
    size_t least = 4 * limits->header_bytes;
    return part > least ? part : least;
}

void strict_note_held(struct connection *connection)
{
    struct strict_transport *transport = connection->transport;
    size_t bytes = connection->in.cap;
    bool is_part = bytes && (connection->phase == READING_HEAD || connection->phase == READING_BODY);
    transport->held_bytes += bytes - connection->held_bytes;
    connection->held_bytes = bytes;
    if (transport->held_bytes > transport->most_held_bytes)
        transport->most_held_bytes = transport->held_bytes;
    if (!is_part)
        waiter_leave(&connection->holding);
    else if (!connection->holding.list)
        wait_list_add(&transport->holders, &connection->holding, 0);
    struct waiter *oldest;
    while (transport->held_bytes > may_hold_bytes(transport) && (oldest = transport->holders.first) &&
           oldest != &connection->holding) {
        struct connection *holder = (struct connection *)((char *)oldest - offsetof(struct connection, holding));
        http_connection_closed(transport->config.http_loop, HTTP_CLOSED_AT_CAP, &holder->peer);
        strict_drop(holder);
    }
}

static void bury_connection(void *connection)
{
    free(connection);
}

void strict_free_later(struct connection *connection)
{
    if (!connection->is_asked)
        loop_defer(connection->loop, &connection->later, bury_connection, connection);
}

void strict_drop(struct connection *connection)
{
    struct strict_transport *transport = connection->transport;
    if (connection->phase == GONE)
        return;
    struct request *request = connection->request;
    connection->request = NULL;
    connection->phase = GONE;
    if (request)
        http_body_lost(request);
    loop_defer_cancel(connection->loop, &connection->later);
    (void)event_del(&connection->readable);
    (void)event_del(&connection->writable);
    socket_io_close(&connection->io);
    buf_done(&connection->in);
    strict_note_held(connection);
    buf_done(&connection->out);
    forget_connection(connection);
    connections_resume(&transport->connections);
    strict_free_later(connection);
}

void strict_linger(struct connection *connection)
{
    if (connection->has_ended) {
        strict_drop(connection);
        return;
    }
    socket_io_end(&connection->io);
    buf_done(&connection->in);
    strict_enter_phase(connection, LINGERING);
    strict_note_held(connection);
    bool was_paused = connection->is_paused;
    connection->is_paused = false;
    if (was_paused && event_add(&connection->readable, NULL) != 0)
        strict_drop(connection);
}

static bool set_up(struct connection *connection, struct strict_transport *transport, int fd)
{
    static const int on = 1;
    const struct transport_config *config = &transport->config;
    struct event_base *base = loop_base(config->http_loop->loop);
    connection->transport = transport;
    connection->loop = config->http_loop->loop;
    if (!config->is_unix)
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (!socket_io_open(&connection->io, fd, config->tls))
        return false;
    (void)event_assign(&connection->readable, base, fd, EV_READ | EV_PERSIST, strict_on_readable, connection);
    (void)event_assign(&connection->writable, base, fd, EV_WRITE, strict_on_writable, connection);
    return true;
}

void strict_begin(struct strict_transport *transport, int fd, const struct peer *peer, bool is_counted)
{
    struct connection *connection = calloc(1, sizeof *connection);
    if (!connection)
        (void)close(fd);
    if (!connection || !set_up(connection, transport, fd)) {
        free(connection);
        if (is_counted)
            http_forget_peer(transport->config.http_loop, peer);
        return;
    }
    connection->peer = *peer;
    connection->is_counted = is_counted;
    connection->phase = transport->config.tls ? SHAKING_HANDS : READING_HEAD;
    connections_add(&transport->connections, &connection->waiter, FOR_REQUEST);
    if (event_add(&connection->readable, NULL) != 0)
        strict_drop(connection);
}
