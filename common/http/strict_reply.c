#include "http/strict.h"

#include "base/wipe.h"

#include <event2/event.h>

enum { HEAD_BYTES = 2048 /* of a reply's head that needs no memory */ };

static const char *connection_header(const struct connection *connection)
{
    if (!connection->keeps_open)
        return "close";
    return connection->traits.is_http10 ? "keep-alive" : NULL;
}

/* The whole reply is with the kernel. */
static void finish_reply(struct connection *connection)
{
    buf_done(&connection->out);
    connection->out_written = 0;
    connection->is_idle = true;
    strict_enter_phase(connection, READING_HEAD);
    if (connections_are_full(&connection->transport->connections)) /* somebody may wait for its place */
        connections_resume(&connection->transport->connections);
    if (!connection->keeps_open)
        strict_linger(connection);
    else if (connection->has_ended && connection->in.len == 0)
        strict_drop(connection);
    else if (connection->in.len || connection->is_paused)
        strict_queue_up(connection);
}

/* What socket_io_write did not take waits. False: it never will. */
static bool wait_to_write(struct connection *connection, enum io_result result)
{
    connection->write_wants_read = result == IO_WANTS_READ;
    return result == IO_WANTS_READ || (result == IO_WANTS_WRITE && event_add(&connection->writable, NULL) == 0);
}

void strict_write_on(struct connection *connection)
{
    size_t written;
    struct slice rest = slice_sub(buf_slice(&connection->out), connection->out_written, connection->out.len);
    enum io_result result = socket_io_write(&connection->io, rest, SLICE(""), &written);
    connection->out_written += written;
    if (written)
        strict_wait_from_now(connection);
    if (result == IO_DONE)
        finish_reply(connection);
    else if (!wait_to_write(connection, result))
        strict_drop(connection);
}

/* Sends what the socket takes now, and keeps the rest. */
static void write_reply(struct connection *connection, struct slice head, struct slice body)
{
    size_t written;
    strict_enter_phase(connection, WRITING);
    enum io_result result = socket_io_write(&connection->io, head, body, &written);
    if (result == IO_DONE) {
        finish_reply(connection);
        return;
    }
    size_t of_body = written > head.len ? written - head.len : 0;
    buf_add(&connection->out, slice_sub(head, written, head.len));
    buf_add(&connection->out, slice_sub(body, of_body, body.len));
    if (connection->out.failed || !wait_to_write(connection, result))
        strict_drop(connection);
}

void strict_send(struct request *request)
{
    struct connection *connection = request->exchange;
    const struct strict_transport *transport = connection->transport;
    const struct reply *reply = &request->reply;
    char memory[HEAD_BYTES];
    struct buf head = buf_fixed(memory, sizeof memory);
    connection->is_asked = false;
    connection->is_earned = connection->is_earned || request->earns_connection;
    if (connection->phase == GONE) {
        strict_free_later(connection);
        return;
    }
    bool has_body = http_has_content(reply->http_status) && !slice_eq(request->method, SLICE("HEAD"));
    struct slice body = has_body ? reply->body : SLICE("");
    connection->keeps_open = connection->keeps_open && !reply->is_last && !connection->has_unread;
    http1_write_head(reply, transport->date, connection_header(connection), &head);
    if (head.failed || connection->io.ssl) { /* large; or for TLS, one record rather than two */
        head = buf_in(&request->arena);
        http1_write_head(reply, transport->date, connection_header(connection), &head);
        buf_add(&head, body);
        body = SLICE("");
    }
    if (head.failed || reply->is_cut)
        strict_drop(connection);
    else
        write_reply(connection, buf_slice(&head), body);
    if (!head.arena)
        wipe_bytes(memory, head.len);
}
