#include "http/strict.h"

#include "base/wipe.h"

#include <event2/event.h>

#include <string.h>

enum {
    TURN_BYTES = 32 * 1024, /* of one connection in a turn */
    READ_AHEAD_BYTES = 16 * 1024,
    QUEUE_A_TURN = 8, /* connections that had their turn and have more */
};

static bool strict_is_reading(const struct connection *connection)
{
    return connection->phase == READING_HEAD || connection->phase == READING_BODY;
}

/* Keeps what is left of `bytes`, the end of what was received. */
static void keep_rest(struct connection *connection, struct slice rest)
{
    struct buf *in = &connection->in;
    if (rest.len == 0) {
        buf_done(in);
    } else if (in->len) { /* it is the end of `in` */
        size_t used = in->len - rest.len;
        memmove(in->ptr, in->ptr + used, rest.len);
        wipe_bytes(in->ptr + rest.len, used);
        in->len = rest.len;
    } else {
        buf_add(in, rest);
    }
}

/* What was received and not used so far goes to a request. The connection may be gone after it. */
static void process_bytes(struct connection *connection, struct slice fresh)
{
    struct buf *in = &connection->in;
    connection->is_served = false;
    if (connection->is_idle && in->len + fresh.len) {
        connection->is_idle = false;
        strict_wait_from_now(connection);
    }
    if (in->len)
        buf_add(in, fresh);
    if (in->failed) {
        strict_drop(connection);
        return;
    }
    struct slice rest = strict_take_request(connection, in->len ? buf_slice(in) : fresh);
    if (connection->phase == LINGERING || connection->phase == GONE)
        return;
    keep_rest(connection, rest);
    if (in->failed)
        strict_drop(connection);
    else if (in->len && connection->is_served && strict_is_reading(connection))
        strict_queue_up(connection);
}

static void note_end(struct connection *connection)
{
    connection->has_ended = true;
    (void)event_del(&connection->readable);
    if (strict_is_reading(connection) || connection->phase == LINGERING || connection->phase == SHAKING_HANDS)
        strict_drop(connection); /* else the reply goes out first */
}

static bool takes_bytes(const struct connection *connection)
{
    return strict_is_reading(connection) || connection->phase == LINGERING;
}

/* Reads no further before its turn, until the answer is out, or the endpoint wants the body: what is there already is
 * enough. */
static bool pause_reading(struct connection *connection)
{
    bool has_enough = !takes_bytes(connection) && (connection->in.len >= READ_AHEAD_BYTES || connection->has_unread);
    if (!connection->queued.list && !has_enough)
        return false;
    connection->is_paused = true;
    (void)event_del(&connection->readable);
    return true;
}

static void take_received(struct connection *connection, struct slice bytes)
{
    if (connection->phase == LINGERING)
        return;
    if (strict_is_reading(connection))
        process_bytes(connection, bytes);
    else
        buf_add(&connection->in, bytes);
    if (connection->phase != GONE && connection->in.failed)
        strict_drop(connection);
}

static void read_some(struct connection *connection)
{
    struct strict_transport *transport = connection->transport;
    enum io_result result = IO_DONE;
    size_t total = 0;
    connection->is_in_use = true;
    while (result == IO_DONE) {
        size_t len = 0;
        if (total >= TURN_BYTES)
            strict_queue_up(connection);
        if (pause_reading(connection))
            break;
        result = socket_io_read(&connection->io, transport->input, sizeof transport->input, &len);
        if (result == IO_DONE)
            take_received(connection, slice_of(transport->input, len));
        if (connection->phase != GONE)
            strict_note_held(connection);
        wipe_bytes(transport->input, len);
        total += len;
        if (connection->phase == GONE || (len < sizeof transport->input && !connection->io.ssl && result == IO_DONE))
            break; /* spares a read that would find nothing */
    }
    if (connection->phase != GONE && (result == IO_CLOSED || result == IO_FAILED))
        note_end(connection);
    else if (connection->phase != GONE && result == IO_WANTS_WRITE && event_add(&connection->writable, NULL) != 0)
        strict_drop(connection);
    connection->is_in_use = false;
}

static void shake_hands(struct connection *connection)
{
    enum io_result result = socket_io_shake_hands(&connection->io);
    if (result == IO_DONE) {
        connection->phase = READING_HEAD;
        read_some(connection);
    } else if (result == IO_CLOSED || result == IO_FAILED || result == IO_PLAIN_HTTP) {
        if (result == IO_PLAIN_HTTP)
            http_connection_closed(connection->transport->config.http_loop, HTTP_CLOSED_PLAIN_HTTP, &connection->peer);
        strict_linger(connection); /* for the alert that says why */
    } else if (result == IO_WANTS_WRITE && event_add(&connection->writable, NULL) != 0) {
        strict_drop(connection);
    }
}

void strict_on_readable(evutil_socket_t fd UNUSED, short what UNUSED, void *context)
{
    struct connection *connection = context;
    if (connection->phase == SHAKING_HANDS)
        shake_hands(connection);
    else if (connection->phase == WRITING && connection->write_wants_read)
        strict_write_on(connection);
    else
        read_some(connection);
}

void strict_on_writable(evutil_socket_t fd UNUSED, short what UNUSED, void *context)
{
    struct connection *connection = context;
    if (connection->phase == SHAKING_HANDS)
        shake_hands(connection);
    else if (connection->phase == WRITING)
        strict_write_on(connection);
    else
        read_some(connection);
}

static void read_again(struct connection *connection)
{
    connection->is_paused = false;
    if (event_add(&connection->readable, NULL) != 0)
        strict_drop(connection);
    else
        read_some(connection);
}

/* Goes on with what was received, or else with what may have arrived meanwhile. */
static void have_turn(struct connection *connection)
{
    connection->is_in_use = true;
    if (strict_is_reading(connection))
        process_bytes(connection, SLICE(""));
    if (connection->phase != GONE)
        strict_note_held(connection);
    connection->is_in_use = false;
    if (!takes_bytes(connection) || connection->queued.list)
        return;
    if (connection->has_ended)
        strict_drop(connection);
    else if (connection->is_paused)
        read_again(connection);
}

void strict_serve_queue(struct strict_transport *transport)
{
    size_t count = transport->queue.count < QUEUE_A_TURN ? transport->queue.count : QUEUE_A_TURN;
    for (size_t i = 0; i < count && transport->queue.first; i++) {
        struct waiter *first = transport->queue.first;
        waiter_leave(first);
        have_turn((struct connection *)((char *)first - offsetof(struct connection, queued)));
    }
}

static void continue_connection(void *connection)
{
    have_turn(connection);
}

void strict_take_body(struct request *request)
{
    struct connection *connection = request->exchange;
    static const struct slice please = SLICE_INIT("HTTP/1.1 100 Continue\r\n\r\n");
    size_t written = please.len;
    if (connection->phase == GONE) {
        http_body_lost(request);
        return;
    }
    connection->request = request;
    connection->is_earned = connection->is_earned || request->earns_connection;
    strict_enter_phase(connection, READING_BODY);
    connection->chunks = (struct http1_chunks){0};
    if (connection->traits.expects_continue)
        (void)!socket_io_write(&connection->io, please, SLICE(""), &written);
    if (written != please.len)
        strict_drop(connection); /* a client that waits for it, and reads nothing */
    else
        loop_defer(connection->loop, &connection->later, continue_connection, connection);
}
