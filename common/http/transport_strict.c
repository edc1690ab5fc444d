/* The strict transport: HTTP/1.1 of our own (http1.h) on libevent's events.
 *
 * A connection that waits holds no buffer: what arrives is read into the transport's, a whole head is copied into its
 * request's arena, and only what cannot be used yet is kept (`in`). One request of a connection is answered at a time;
 * the next ones wait, at most READ_AHEAD_BYTES of them.
 *
 * Nobody starves the others: a connection has one request or TURN_BYTES in a turn of the loop, and who has more waits
 * in a line, of which QUEUE_A_TURN have their turn at a time. Connections wait in lists, one for each kind of deadline,
 * in the order in which they began to; at the cap the one that waits longest goes. */
#include "http/http1.h"
#include "http/http1_reply.h"
#include "http/http1_request.h"
#include "http/socket_io.h"
#include "http/tls.h"
#include "http/transport.h"
#include "http/wait_list.h"

#include "base/wipe.h"

#include <event2/event.h>
#include <event2/event_struct.h>

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    SWEEP_MS = 250,
    LINGER_MS = 1000, /* how long a client's unread bytes are taken after the last reply */
    STALL_MS = 500,   /* a client that has taken nothing of its reply for so long may be cut off, where there is need */
    INPUT_BYTES = 16 * 1024,
    TURN_BYTES = 32 * 1024, /* of one connection in a turn */
    READ_AHEAD_BYTES = 16 * 1024,
    QUEUE_A_TURN = 8, /* connections that had their turn and have more */
    ACCEPTS_A_TURN = 16,
    DROPS_A_TURN = 32,   /* for their deadlines */
    CLOSES_A_TICK = 512, /* while stopping */
    HEAD_BYTES = 2048,   /* of a reply's head that needs no memory */
};

/* What a connection waits for. */
enum wait {
    FOR_REQUEST, /* the handshake, or the rest of a request */
    FOR_NEXT,    /* answered, and nothing of the next request has arrived */
    FOR_READER,  /* the client takes its reply */
    FOR_END,     /* the client closes */
    FOR_ANSWER,  /* the endpoint: no deadline of ours */
    WAITS,
};

struct strict_transport {
    struct transport base;
    struct transport_config config;
    struct event acceptable;
    bool is_listening;
    bool is_paused; /* takes no connections for now */
    struct loop_timer sweep_timer;
    struct loop_timer turn_timer;     /* fires in the next turn of the loop */
    struct wait_list waits[WAITS][2]; /* every connection is in one; [1]: those that a request has earned */
    struct wait_list queue;           /* those that have more to do in later turns */
    size_t connection_count;
    int64_t now_ms; /* of the last sweep or accept: exact enough for deadlines of seconds */
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
    struct waiter waiter; /* in one of transport->waits */
    struct waiter queued; /* in transport->queue, or not */
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

    struct buf in; /* received, not used yet */
    struct http1_scan scan;

    struct request *request; /* its body is being read */
    struct http1_traits traits;
    struct http1_chunks chunks;

    struct buf out; /* what the socket did not take yet */
    size_t out_written;
    bool write_wants_read; /* TLS does */
};

/* ---- connections ---- */

static enum wait wait_of(const struct connection *connection)
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
static void wait_from_now(struct connection *connection)
{
    struct strict_transport *transport = connection->transport;
    wait_list_add(&transport->waits[wait_of(connection)][connection->is_earned], &connection->waiter,
                  transport->now_ms);
}

static void enter_phase(struct connection *connection, enum phase phase)
{
    connection->phase = phase;
    wait_from_now(connection);
}

static struct connection *connection_of(const struct waiter *waiter)
{
    return waiter ? (struct connection *)((char *)(uintptr_t)waiter - offsetof(struct connection, waiter)) : NULL;
}

static void add_connection(struct connection *connection, enum phase phase)
{
    struct strict_transport *transport = connection->transport;
    enter_phase(connection, phase);
    transport->connection_count++;
    atomic_fetch_add_explicit(&transport->config.http_loop->connections, 1, memory_order_relaxed);
}

static void remove_connection(struct connection *connection)
{
    struct strict_transport *transport = connection->transport;
    waiter_leave(&connection->waiter);
    waiter_leave(&connection->queued);
    if (connection->is_counted)
        http_forget_peer(transport->config.http_loop, &connection->peer);
    transport->connection_count--;
    atomic_fetch_sub_explicit(&transport->config.http_loop->connections, 1, memory_order_relaxed);
}

static bool is_full(const struct strict_transport *transport)
{
    return transport->connection_count >= transport->config.limits->connections;
}

static void pause_listening(struct strict_transport *transport)
{
    transport->is_paused = true;
    (void)event_del(&transport->acceptable);
}

static void resume_listening(struct strict_transport *transport)
{
    if (!transport->is_paused || !transport->is_listening)
        return;
    transport->is_paused = event_add(&transport->acceptable, NULL) != 0; /* no memory: the sweep tries again */
}

/* It goes on in a later turn of the loop: others come first. */
static void queue_up(struct connection *connection)
{
    struct strict_transport *transport = connection->transport;
    if (connection->queued.list)
        return;
    wait_list_add(&transport->queue, &connection->queued, 0);
    if (transport->queue.count == 1)
        (void)!loop_timer_start(&transport->turn_timer, 0); /* where it fails the sweep does its work */
}

static void bury_connection(void *connection)
{
    free(connection);
}

/* Frees one that is gone, once its request has come back and nobody up the stack uses it any more. */
static void free_later(struct connection *connection)
{
    if (!connection->is_asked)
        loop_defer(connection->loop, &connection->later, bury_connection, connection);
}

/* Ends it at once. */
static void drop_at_once(struct connection *connection)
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
    buf_done(&connection->out);
    remove_connection(connection);
    resume_listening(transport);
    free_later(connection);
}

/* Closing with bytes of the client's still on their way would send it a reset, and the answer would be lost: so we read
 * until it closes too, for a moment. */
static void linger_connection(struct connection *connection)
{
    if (connection->has_ended) {
        drop_at_once(connection);
        return;
    }
    socket_io_end(&connection->io);
    buf_done(&connection->in);
    enter_phase(connection, LINGERING);
    bool was_paused = connection->is_paused;
    connection->is_paused = false;
    if (was_paused && event_add(&connection->readable, NULL) != 0)
        drop_at_once(connection);
}

/* ---- replying ---- */

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
    enter_phase(connection, READING_HEAD);
    if (is_full(connection->transport)) /* somebody may wait for its place */
        resume_listening(connection->transport);
    if (!connection->keeps_open)
        linger_connection(connection);
    else if (connection->has_ended && connection->in.len == 0)
        drop_at_once(connection);
    else if (connection->in.len || connection->is_paused)
        queue_up(connection);
}

/* What socket_io_write did not take waits. False: it never will. */
static bool wait_to_write(struct connection *connection, enum io_result result)
{
    connection->write_wants_read = result == IO_WANTS_READ;
    return result == IO_WANTS_READ || (result == IO_WANTS_WRITE && event_add(&connection->writable, NULL) == 0);
}

static void write_on(struct connection *connection)
{
    size_t written;
    struct slice rest = slice_sub(buf_slice(&connection->out), connection->out_written, connection->out.len);
    enum io_result result = socket_io_write(&connection->io, rest, SLICE(""), &written);
    connection->out_written += written;
    if (written)
        wait_from_now(connection);
    if (result == IO_DONE)
        finish_reply(connection);
    else if (!wait_to_write(connection, result))
        drop_at_once(connection);
}

/* Sends what the socket takes now, and keeps the rest. */
static void write_reply(struct connection *connection, struct slice head, struct slice body)
{
    size_t written;
    enter_phase(connection, WRITING);
    enum io_result result = socket_io_write(&connection->io, head, body, &written);
    if (result == IO_DONE) {
        finish_reply(connection);
        return;
    }
    size_t of_body = written > head.len ? written - head.len : 0;
    buf_add(&connection->out, slice_sub(head, written, head.len));
    buf_add(&connection->out, slice_sub(body, of_body, body.len));
    if (connection->out.failed || !wait_to_write(connection, result))
        drop_at_once(connection);
}

static void send_reply(struct request *request)
{
    struct connection *connection = request->exchange;
    const struct strict_transport *transport = connection->transport;
    const struct reply *reply = &request->reply;
    char memory[HEAD_BYTES];
    struct buf head = buf_fixed(memory, sizeof memory);
    connection->is_asked = false;
    connection->is_earned = connection->is_earned || request->earns_connection;
    if (connection->phase == GONE) {
        free_later(connection);
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
        drop_at_once(connection);
    else
        write_reply(connection, buf_slice(&head), body);
    if (!head.arena)
        wipe_bytes(memory, head.len);
}

/* ---- requests ---- */

/* NULL: no memory, and the connection is gone. */
static struct request *new_request(struct connection *connection)
{
    const struct strict_transport *transport = connection->transport;
    struct request *request = http_request_new(transport->config.http_loop, transport->base.ops);
    if (!request) {
        drop_at_once(connection);
        return NULL;
    }
    request->peer = connection->peer;
    request->is_tls = transport->config.tls != NULL;
    request->exchange = connection;
    enter_phase(connection, ANSWERING);
    connection->is_asked = connection->is_served = true;
    connection->has_unread = false;
    return request;
}

/* Answers what is no request, or none that is to be taken, and closes. */
static void refuse_and_close(struct connection *connection, struct request *request, int http_status,
                             const char *detail)
{
    if (slice_is_absent(request->method))
        request->method = SLICE("unknown");
    connection->keeps_open = false;
    http_request_refuse(request, http_status, detail);
}

/* The same for a head of which `bytes` have arrived. */
static void refuse_head(struct connection *connection, struct request *request, struct slice bytes, int http_status,
                        const char *detail)
{
    if (slice_is_absent(request->method))
        request->method = SLICE("unknown");
    connection->keeps_open = false;
    http_head_refuse(request, bytes, http_status, detail);
}

/* Takes a small body that is whole already off the front of *bytes; of one that is not nothing is taken. */
static enum http1_progress take_body_at_once(const struct connection *connection, struct request *request,
                                             struct slice *bytes, const char **ret_wrong)
{
    struct http1_chunks chunks = {0};
    struct slice rest = *bytes;
    struct buf body = buf_in(&request->arena);
    enum http1_progress progress = HTTP1_MORE;
    size_t len = connection->traits.body_len;
    if (connection->traits.is_chunked) {
        progress = http1_take_chunks(&chunks, &rest, BODY_SMALL_BYTES, &body, ret_wrong);
    } else if (len <= rest.len && len <= BODY_SMALL_BYTES) {
        buf_add(&body, slice_sub(rest, 0, len));
        rest = slice_sub(rest, len, rest.len);
        progress = HTTP1_WHOLE;
    }
    if (progress != HTTP1_WHOLE || body.failed)
        return progress == HTTP1_WRONG ? HTTP1_WRONG : HTTP1_MORE;
    *bytes = rest;
    request->body = buf_slice(&body);
    return HTTP1_WHOLE;
}

/* Whether a body that is not there yet is read is the endpoint's decision (take_body). */
static void dispatch_request(struct connection *connection, struct request *request, struct slice *bytes)
{
    const char *wrong = NULL;
    enum http1_progress progress = take_body_at_once(connection, request, bytes, &wrong);
    if (progress == HTTP1_WRONG) {
        refuse_and_close(connection, request, 400, wrong);
        return;
    }
    connection->has_unread = progress != HTTP1_WHOLE;
    if (connection->has_unread) {
        request->body = SLICE("");
        request->body_state = BODY_IS_DUE;
        request->body_len = connection->traits.is_chunked ? BODY_LEN_UNKNOWN : connection->traits.body_len;
    }
    http_request_dispatch(request);
}

/* A whole head is there, and *bytes are what follows it. */
static void begin_request(struct connection *connection, struct slice head, struct slice *bytes)
{
    struct strict_transport *transport = connection->transport;
    struct request *request = new_request(connection);
    const char *detail;
    if (!request)
        return;
    const struct http1_bounds bounds = {transport->config.limits, transport->config.body_max_bytes};
    int refusal = http1_read_request(request, head, connection->scan.lines - 1, &bounds, &connection->traits, &detail);
    connection->keeps_open = connection->traits.keeps_open;
    if (refusal)
        refuse_head(connection, request, head, refusal, detail);
    else
        dispatch_request(connection, request, bytes);
}

/* Takes what belongs to the head off the front of *bytes. False: there is not enough yet. */
static bool take_head(struct connection *connection, struct slice *bytes)
{
    size_t len;
    const char *wrong;
    size_t max = connection->transport->config.limits->header_bytes;
    enum http1_progress progress = http1_find_end(&connection->scan, *bytes, &len, &wrong);
    bool is_blank = progress == HTTP1_WHOLE && connection->scan.lines == 0;
    if (progress == HTTP1_MORE && bytes->len <= max)
        return false;
    connection->scan.at = connection->scan.line_begin = 0;
    bool is_too_long = progress == HTTP1_MORE || (progress == HTTP1_WHOLE && len > max);
    if (progress == HTTP1_WRONG || is_too_long) {
        struct request *request = new_request(connection);
        if (request)
            refuse_head(connection, request, *bytes, is_too_long ? 431 : 400,
                        is_too_long ? "the request line and headers are too long" : wrong);
    } else {
        struct slice head = slice_sub(*bytes, 0, len);
        *bytes = slice_sub(*bytes, len, bytes->len);
        if (!is_blank) /* RFC 9112 §2.2: an empty line in front of a request SHOULD be ignored */
            begin_request(connection, head, bytes);
    }
    connection->scan.lines = 0;
    return true;
}

/* Adds what belongs to the body, off the front of *bytes. */
static enum http1_progress add_to_body(struct connection *connection, struct slice *bytes, const char **ret_wrong)
{
    struct buf *body = &connection->request->incoming.bytes;
    if (connection->traits.is_chunked)
        return http1_take_chunks(&connection->chunks, bytes, body->cap, body, ret_wrong);
    size_t missing = connection->traits.body_len - body->len;
    buf_add(body, slice_sub(*bytes, 0, missing));
    *bytes = slice_sub(*bytes, missing, bytes->len);
    return body->len == connection->traits.body_len ? HTTP1_WHOLE : HTTP1_MORE;
}

/* False: there is not enough yet. */
static bool read_due_body(struct connection *connection, struct slice *bytes)
{
    const char *wrong = NULL;
    struct request *request = connection->request;
    const struct buf *body = &request->incoming.bytes;
    size_t room = body->cap - body->len;
    if (!http_body_make_room(request, bytes->len < room ? bytes->len : room))
        return true;
    enum http1_progress progress = add_to_body(connection, bytes, &wrong);
    if (progress == HTTP1_MORE)
        return false;
    if (progress == HTTP1_WRONG) {
        http_body_refuse(request, 400, wrong);
    } else if (progress == HTTP1_TOO_LARGE) {
        http_body_refuse(request, 413, "the body is larger than what is taken here");
    } else {
        connection->request = NULL;
        enter_phase(connection, ANSWERING);
        connection->has_unread = false;
        http_body_arrived(request);
    }
    return true;
}

/* Reads at most one request off the front of the bytes; returns the rest. */
static struct slice take_request(struct connection *connection, struct slice bytes)
{
    bool goes_on = true;
    while (goes_on && !connection->is_served) {
        if (connection->phase == READING_HEAD)
            goes_on = bytes.len && take_head(connection, &bytes);
        else if (connection->phase == READING_BODY)
            goes_on = read_due_body(connection, &bytes);
        else
            goes_on = false;
    }
    return bytes;
}

/* ---- reading ---- */

static bool is_reading(const struct connection *connection)
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
        wait_from_now(connection);
    }
    if (in->len)
        buf_add(in, fresh);
    if (in->failed) {
        drop_at_once(connection);
        return;
    }
    struct slice rest = take_request(connection, in->len ? buf_slice(in) : fresh);
    if (connection->phase == LINGERING || connection->phase == GONE)
        return;
    keep_rest(connection, rest);
    if (in->failed)
        drop_at_once(connection);
    else if (in->len && connection->is_served && is_reading(connection))
        queue_up(connection);
}

static void note_end(struct connection *connection)
{
    connection->has_ended = true;
    (void)event_del(&connection->readable);
    if (is_reading(connection) || connection->phase == LINGERING || connection->phase == SHAKING_HANDS)
        drop_at_once(connection); /* else the reply goes out first */
}

static bool takes_bytes(const struct connection *connection)
{
    return is_reading(connection) || connection->phase == LINGERING;
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
    if (is_reading(connection))
        process_bytes(connection, bytes);
    else
        buf_add(&connection->in, bytes);
    if (connection->phase != GONE && connection->in.failed)
        drop_at_once(connection);
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
            queue_up(connection);
        if (pause_reading(connection))
            break;
        result = socket_io_read(&connection->io, transport->input, sizeof transport->input, &len);
        if (result == IO_DONE)
            take_received(connection, slice_of(transport->input, len));
        wipe_bytes(transport->input, len);
        total += len;
        if (connection->phase == GONE || (len < sizeof transport->input && !connection->io.ssl && result == IO_DONE))
            break; /* spares a read that would find nothing */
    }
    if (connection->phase != GONE && (result == IO_CLOSED || result == IO_FAILED))
        note_end(connection);
    else if (connection->phase != GONE && result == IO_WANTS_WRITE && event_add(&connection->writable, NULL) != 0)
        drop_at_once(connection);
    connection->is_in_use = false;
}

static void shake_hands(struct connection *connection)
{
    enum io_result result = socket_io_shake_hands(&connection->io);
    if (result == IO_DONE) {
        connection->phase = READING_HEAD;
        read_some(connection);
    } else if (result == IO_CLOSED || result == IO_FAILED) {
        linger_connection(connection); /* for the alert that says why */
    } else if (result == IO_WANTS_WRITE && event_add(&connection->writable, NULL) != 0) {
        drop_at_once(connection);
    }
}

static void on_readable(evutil_socket_t fd UNUSED, short what UNUSED, void *context)
{
    struct connection *connection = context;
    if (connection->phase == SHAKING_HANDS)
        shake_hands(connection);
    else if (connection->phase == WRITING && connection->write_wants_read)
        write_on(connection);
    else
        read_some(connection);
}

static void on_writable(evutil_socket_t fd UNUSED, short what UNUSED, void *context)
{
    struct connection *connection = context;
    if (connection->phase == SHAKING_HANDS)
        shake_hands(connection);
    else if (connection->phase == WRITING)
        write_on(connection);
    else
        read_some(connection);
}

/* ---- turns ---- */

static void read_again(struct connection *connection)
{
    connection->is_paused = false;
    if (event_add(&connection->readable, NULL) != 0)
        drop_at_once(connection);
    else
        read_some(connection);
}

/* Goes on with what was received, or else with what may have arrived meanwhile. */
static void have_turn(struct connection *connection)
{
    connection->is_served = false;
    connection->is_in_use = true;
    if (is_reading(connection))
        process_bytes(connection, SLICE(""));
    connection->is_in_use = false;
    if (!takes_bytes(connection) || connection->queued.list)
        return;
    if (connection->has_ended)
        drop_at_once(connection);
    else if (connection->is_paused && connection->is_served)
        queue_up(connection);
    else if (connection->is_paused)
        read_again(connection);
}

static void serve_queue(struct strict_transport *transport)
{
    size_t count = transport->queue.count < QUEUE_A_TURN ? transport->queue.count : QUEUE_A_TURN;
    for (size_t i = 0; i < count && transport->queue.first; i++) {
        struct waiter *first = transport->queue.first;
        waiter_leave(first);
        have_turn((struct connection *)((char *)first - offsetof(struct connection, queued)));
    }
}

/* ---- what endpoints decide about bodies ---- */

static void continue_connection(void *connection)
{
    have_turn(connection);
}

static void take_strict_body(struct request *request)
{
    struct connection *connection = request->exchange;
    static const struct slice please = SLICE_INIT("HTTP/1.1 100 Continue\r\n\r\n");
    size_t written = please.len;
    if (connection->phase == GONE) {
        http_body_lost(request);
        return;
    }
    connection->request = request;
    enter_phase(connection, READING_BODY);
    connection->chunks = (struct http1_chunks){0};
    if (connection->traits.expects_continue)
        (void)!socket_io_write(&connection->io, please, SLICE(""), &written);
    if (written != please.len)
        drop_at_once(connection); /* a client that waits for it, and reads nothing */
    else
        loop_defer(connection->loop, &connection->later, continue_connection, connection);
}

static void stop_body(struct request *request)
{
    struct connection *connection = request->exchange;
    if (connection->request != request)
        return;
    connection->request = NULL;
    enter_phase(connection, ANSWERING);
}

/* ---- deadlines ---- */

static void close_for(struct connection *connection, enum http_closing why)
{
    http_connection_closed(connection->transport->config.http_loop, why);
    drop_at_once(connection);
}

/* Drops some of those that wait for longer than this; returns how many more it may be. */
static size_t drop_overdue(struct wait_list *list, int64_t began_before_ms, enum http_closing why, size_t most)
{
    struct connection *overdue;
    while (most && (overdue = connection_of(wait_list_first_before(list, began_before_ms)))) {
        close_for(overdue, why);
        most--;
    }
    return most;
}

/* False: there are more than a turn has time for. */
static bool keep_deadlines(struct strict_transport *transport)
{
    const struct http_limits *limits = transport->config.limits;
    const struct {
        enum wait wait;
        int64_t limit_ms;
        enum http_closing why;
    } rows[] = {{FOR_REQUEST, limits->request_timeout_ms, HTTP_CLOSED_SLOW},
                {FOR_NEXT, limits->idle_timeout_ms, HTTP_CLOSED_IDLE},
                {FOR_READER, limits->idle_timeout_ms, HTTP_CLOSED_UNREAD},
                {FOR_END, LINGER_MS, HTTP_CLOSED_LINGERED}};
    size_t most = DROPS_A_TURN;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        for (size_t earned = 0; earned < 2; earned++)
            most = drop_overdue(&transport->waits[rows[i].wait][earned], transport->now_ms - rows[i].limit_ms,
                                rows[i].why, most);
    return most > 0;
}

static void on_turn_due(void *context)
{
    struct strict_transport *transport = context;
    serve_queue(transport);
    if (!keep_deadlines(transport) || transport->queue.first)
        (void)!loop_timer_start(&transport->turn_timer, 0);
}

static void on_sweep_timer(void *context)
{
    struct strict_transport *transport = context;
    transport->now_ms = clock_monotonic_ms();
    http_date(transport->date);
    on_turn_due(transport);
    http_loop_give_back(transport->config.http_loop);
    resume_listening(transport);
}

/* ---- accepting ---- */

static const struct waiter *older_waiter(const struct waiter *a, const struct waiter *b)
{
    return !a || (b && b->since_ms < a->since_ms) ? b : a;
}

/* Whoever waits longest: first those to whom all is said, then those that never earned their place. Who is answered, or
 * takes an answer, stays. NULL: all are. */
static struct connection *choose_victim(const struct strict_transport *transport)
{
    const struct waiter *victim = older_waiter(transport->waits[FOR_END][0].first, transport->waits[FOR_END][1].first);
    for (size_t earned = 0; earned < 2 && !victim; earned++) {
        const struct wait_list *unread = &transport->waits[FOR_READER][earned];
        victim = older_waiter(transport->waits[FOR_REQUEST][earned].first, transport->waits[FOR_NEXT][earned].first);
        victim = older_waiter(victim, wait_list_first_before(unread, transport->now_ms - STALL_MS));
    }
    return connection_of(victim);
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
    (void)event_assign(&connection->readable, base, fd, EV_READ | EV_PERSIST, on_readable, connection);
    (void)event_assign(&connection->writable, base, fd, EV_WRITE, on_writable, connection);
    return true;
}

/* Takes the descriptor. */
static void start_connection(struct strict_transport *transport, int fd, const struct peer *peer, bool is_counted)
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
    add_connection(connection, transport->config.tls ? SHAKING_HANDS : READING_HEAD);
    if (event_add(&connection->readable, NULL) != 0)
        drop_at_once(connection);
}

/* No descriptors, most likely: the sweep tries again. Until then the backlog holds them. */
static void note_failed_accept(struct strict_transport *transport)
{
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR || errno == ECONNABORTED)
        return;
    observer_event(loop_observer(transport->config.http_loop->loop), "http", "accept_failed",
                   evutil_socket_error_to_string(errno));
    pause_listening(transport);
}

static void on_acceptable(evutil_socket_t listener, short what UNUSED, void *context)
{
    struct strict_transport *transport = context;
    transport->now_ms = clock_monotonic_ms();
    for (int i = 0; i < ACCEPTS_A_TURN; i++) {
        struct sockaddr_storage address = {0};
        socklen_t len = sizeof address;
        struct connection *victim = is_full(transport) ? choose_victim(transport) : NULL;
        if (is_full(transport) && !victim) {
            pause_listening(transport);
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
            http_connection_closed(transport->config.http_loop, HTTP_CLOSED_ADDRESS);
            (void)close(fd);
            continue;
        }
        if (victim)
            close_for(victim, HTTP_CLOSED_AT_CAP);
        start_connection(transport, fd, &peer, is_counted);
    }
}

/* ---- the transport ---- */

static void start_listening(struct transport *base)
{
    struct strict_transport *transport = (struct strict_transport *)base;
    transport->is_listening = true;
    transport->is_paused = event_add(&transport->acceptable, NULL) != 0;
}

static void stop_strict_listening(struct transport *base)
{
    struct strict_transport *transport = (struct strict_transport *)base;
    transport->is_listening = false;
    if (event_initialized(&transport->acceptable))
        (void)event_del(&transport->acceptable);
}

static void close_transport(struct transport *base)
{
    struct strict_transport *transport = (struct strict_transport *)base;
    loop_timer_done(&transport->sweep_timer);
    loop_timer_done(&transport->turn_timer);
    stop_strict_listening(base);
    for (size_t i = 0; i < WAITS; i++)
        for (size_t earned = 0; earned < 2; earned++)
            while (transport->waits[i][earned].first)
                drop_at_once(connection_of(transport->waits[i][earned].first));
    free(transport);
}

static struct transport *open_transport(const struct transport_config *config)
{
    struct strict_transport *transport = calloc(1, sizeof *transport);
    if (!transport)
        return NULL;
    transport->base.ops = &transport_strict;
    transport->config = *config;
    transport->now_ms = clock_monotonic_ms();
    http_date(transport->date);
    struct loop *loop = config->http_loop->loop;
    (void)event_assign(&transport->acceptable, loop_base(loop), config->fd, EV_READ | EV_PERSIST, on_acceptable,
                       transport);
    if (loop_timer_init(&transport->sweep_timer, loop, on_sweep_timer, transport) != STATUS_OK ||
        loop_timer_init(&transport->turn_timer, loop, on_turn_due, transport) != STATUS_OK ||
        loop_timer_start_periodic(&transport->sweep_timer, SWEEP_MS) != STATUS_OK) {
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

static void close_idle(struct transport *base)
{
    struct strict_transport *transport = (struct strict_transport *)base;
    size_t most = CLOSES_A_TICK;
    transport->now_ms = clock_monotonic_ms();
    for (size_t earned = 0; earned < 2; earned++) {
        most =
            drop_overdue(&transport->waits[FOR_READER][earned], transport->now_ms - STALL_MS, HTTP_CLOSED_UNREAD, most);
        for (size_t i = FOR_REQUEST; i <= FOR_NEXT; i++) {
            struct connection *connection = connection_of(transport->waits[i][earned].first);
            while (connection && most) {
                struct connection *next = connection_of(connection->waiter.next);
                if (asks_nothing(connection)) {
                    linger_connection(connection);
                    most--;
                }
                connection = next;
            }
        }
    }
}

static bool is_strict_quiet(const struct transport *base)
{
    const struct strict_transport *transport = (const struct strict_transport *)base;
    size_t lingering = transport->waits[FOR_END][0].count + transport->waits[FOR_END][1].count;
    return lingering == transport->connection_count;
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
    .send = send_reply,
    .take_body = take_strict_body,
    .stop_body = stop_body,
    .tls_san = tls_san,
};
