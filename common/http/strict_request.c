#include "http/strict.h"

/* NULL: no memory, and the connection is gone. */
static struct request *new_request(struct connection *connection)
{
    const struct strict_transport *transport = connection->transport;
    struct request *request = http_request_new(transport->config.http_loop, transport->base.ops);
    if (!request) {
        strict_drop(connection);
        return NULL;
    }
    request->peer = connection->peer;
    request->is_tls = transport->config.tls != NULL;
    request->exchange = connection;
    strict_enter_phase(connection, ANSWERING);
    connection->is_asked = connection->is_served = true;
    connection->has_unread = false;
    return request;
}

/* What is refused now is answered, and then the connection closes. */
static void close_after_reply(struct connection *connection, struct request *request)
{
    if (slice_is_absent(request->method))
        request->method = SLICE("unknown");
    connection->keeps_open = false;
}

/* Refuses a head of which `bytes` have arrived. */
static void refuse_head(struct connection *connection, struct request *request, struct slice bytes, int http_status,
                        const char *detail)
{
    close_after_reply(connection, request);
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
        close_after_reply(connection, request);
        http_request_refuse(request, 400, wrong);
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
        strict_enter_phase(connection, ANSWERING);
        connection->has_unread = false;
        http_body_arrived(request);
    }
    return true;
}

/* Reads at most one request off the front of the bytes; returns the rest. */
struct slice strict_take_request(struct connection *connection, struct slice bytes)
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

void strict_stop_body(struct request *request)
{
    struct connection *connection = request->exchange;
    if (connection->request != request)
        return;
    connection->request = NULL;
    strict_enter_phase(connection, ANSWERING);
}
