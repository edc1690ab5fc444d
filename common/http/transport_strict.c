/* The strict transport: HTTP/1.1 of our own (http1.h) on libevent's events.
 *
 * A connection that waits holds no buffer: what arrives is read into the transport's, a whole head is copied into its
 * request's arena, and only what cannot be used yet is kept (`in`). One request of a connection is answered at a time;
 * the next ones wait, at most READ_AHEAD_BYTES of them.
 *
 * Nobody starves the others: a connection has one request or TURN_BYTES in a turn of the loop, and who has more waits
 * in a line, of which QUEUE_A_TURN have their turn at a time. */
#include "http/strict.h"

#include "http/tls.h"

#include "base/give_back.h"

#include <event2/event.h>

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    ACCEPTS_A_TURN = 16,
    CLOSES_A_TICK = 512,           /* while stopping */
    FLOOD_BYTES = 4 * 1024 * 1024, /* held by all connections at once */
};

static struct connection *waiting_connection(const struct waiter *waiter)
{
    return (struct connection *)((char *)(uintptr_t)waiter - offsetof(struct connection, waiter));
}

/* ---- deadlines ---- */

static void end_connection(struct waiter *waiter, enum http_closing why)
{
    struct connection *connection = waiting_connection(waiter);
    http_connection_closed(connection->transport->config.http_loop, why, &connection->peer);
    strict_drop(connection);
}

static void on_turn_due(void *context)
{
    struct strict_transport *transport = context;
    strict_serve_queue(transport);
    if (!connections_keep_deadlines(&transport->connections) || transport->queue.first)
        (void)!loop_timer_start(&transport->turn_timer, 0);
}

/* What many held a part of leaves holes between what is in use, which the C library keeps. */
static void give_back_held(struct strict_transport *transport)
{
    if (transport->most_held_bytes < FLOOD_BYTES || transport->held_bytes > transport->most_held_bytes / 4)
        return;
    transport->most_held_bytes = transport->held_bytes;
    give_back_free_memory();
}

static void sweep_strict(void *context)
{
    struct strict_transport *transport = context;
    http_date(transport->date);
    on_turn_due(transport);
    http_loop_give_back(transport->config.http_loop);
    give_back_held(transport);
}

/* ---- accepting ---- */

static bool take_acceptable(void *context, bool takes)
{
    struct strict_transport *transport = context;
    return (takes ? event_add(&transport->acceptable, NULL) : event_del(&transport->acceptable)) == 0;
}

static void note_failed_accept(struct strict_transport *transport)
{
    if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR && errno != ECONNABORTED)
        connections_note_failed_accept(&transport->connections, evutil_socket_error_to_string(errno));
}

static void on_acceptable(evutil_socket_t listener, short what UNUSED, void *context)
{
    struct strict_transport *transport = context;
    connections_look_at_clock(&transport->connections);
    for (int i = 0; i < ACCEPTS_A_TURN; i++) {
        struct sockaddr_storage address = {0};
        socklen_t len = sizeof address;
        bool is_full = connections_are_full(&transport->connections);
        struct waiter *victim = is_full ? connections_choose_victim(&transport->connections) : NULL;
        if (is_full && !victim) {
            connections_pause(&transport->connections);
            return;
        }
        int fd = accept4(listener, (struct sockaddr *)&address, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            note_failed_accept(transport);
            return;
        }
        const struct peer peer = peer_of_address(transport->config.is_unix ? NULL : (struct sockaddr *)&address);
        bool is_counted;
        if (!http_admit_peer(transport->config.http_loop, &peer, &is_counted)) {
            http_connection_closed(transport->config.http_loop, HTTP_CLOSED_ADDRESS, &peer);
            (void)close(fd);
            continue;
        }
        if (victim)
            end_connection(victim, HTTP_CLOSED_AT_CAP);
        strict_begin(transport, fd, &peer, is_counted);
    }
}

/* ---- the transport ---- */

static void start_listening(struct transport *base)
{
    connections_listen(&((struct strict_transport *)base)->connections);
}

static void stop_strict_listening(struct transport *base)
{
    connections_stop_listening(&((struct strict_transport *)base)->connections);
}

static void close_transport(struct transport *base)
{
    struct strict_transport *transport = (struct strict_transport *)base;
    struct waiter *waiter;
    connections_done(&transport->connections);
    loop_timer_done(&transport->turn_timer);
    while ((waiter = connections_any(&transport->connections)))
        strict_drop(waiting_connection(waiter));
    free(transport);
}

static struct transport *open_transport(const struct transport_config *config)
{
    static const struct connections_ops ops = {take_acceptable, end_connection, sweep_strict};
    struct strict_transport *transport = calloc(1, sizeof *transport);
    if (!transport)
        return NULL;
    transport->base.ops = &transport_strict;
    transport->config = *config;
    http_date(transport->date);
    struct loop *loop = config->http_loop->loop;
    (void)event_assign(&transport->acceptable, loop_base(loop), config->fd, EV_READ | EV_PERSIST, on_acceptable,
                       transport);
    if (loop_timer_init(&transport->turn_timer, loop, on_turn_due, transport) != STATUS_OK ||
        connections_init(&transport->connections, config, &ops, transport) != STATUS_OK) {
        close_transport(&transport->base);
        return NULL;
    }
    if (!config->opens_later)
        start_listening(&transport->base);
    return &transport->base;
}

/* Also one that shakes hands: it has sent nothing of a request. */
static bool asks_nothing(const struct connection *connection)
{
    return connection->phase == SHAKING_HANDS || (connection->phase == READING_HEAD && connection->in.len == 0);
}

/* Closes those of a list that ask nothing, `most` at most; returns how many more may be closed. */
static size_t close_asking_nothing(const struct wait_list *list, size_t most)
{
    struct waiter *next;
    for (struct waiter *waiter = list->first; waiter && most; waiter = next) {
        struct connection *connection = waiting_connection(waiter);
        next = waiter->next;
        if (asks_nothing(connection)) {
            strict_linger(connection);
            most--;
        }
    }
    return most;
}

static void close_idle(struct transport *base)
{
    struct strict_transport *transport = (struct strict_transport *)base;
    struct connections *connections = &transport->connections;
    connections_look_at_clock(connections);
    size_t most = connections_end_stalled(connections, CLOSES_A_TICK);
    for (size_t earned = 0; earned < 2; earned++) {
        most = close_asking_nothing(&connections->waits[FOR_REQUEST][earned], most);
        most = close_asking_nothing(&connections->waits[FOR_NEXT][earned], most);
    }
}

static bool is_strict_quiet(const struct transport *base)
{
    const struct connections *connections = &((const struct strict_transport *)base)->connections;
    return connections_waiting(connections, FOR_END) == connections->count;
}

static struct slice tls_san(struct request *request, size_t index)
{
    const struct connection *connection = request->exchange;
    return connection->io.ssl ? tls_peer_san(connection->io.ssl, &request->arena, index) : SLICE_ABSENT;
}

const struct transport_ops transport_strict = {
    .open = open_transport,
    .start_listening = start_listening,
    .stop_listening = stop_strict_listening,
    .close_idle = close_idle,
    .is_quiet = is_strict_quiet,
    .close = close_transport,
    .send = strict_send,
    .take_body = strict_take_body,
    .stop_body = strict_stop_body,
    .tls_san = tls_san,
};
