#include "support/http_fixture.h"
#include "support/test.h"

#include "base/buf.h"
#include "http/problem_reply.h"

#include <netinet/in.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define HOST "Host: a.example\r\n"

enum { ARENA_MORE_BYTES = 4 << 20 };

static struct http_fixture fixture;

/* --- endpoints --- */

static pthread_mutex_t reply_lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned replied_count;
static char replied_handler[32];

static enum step_result reply_text(struct request *request, struct slice text)
{
    request_reply_start(request, 200);
    request_reply_body(request, "text/plain", text);
    request_reply_send(request);
    return STEP_REPLY;
}

static enum step_result say_path(struct flow *flow)
{
    struct request *request = request_of(flow);
    return reply_text(request, request->path);
}

static enum step_result say_peer(struct flow *flow)
{
    struct request *request = request_of(flow);
    assert_false(request->is_tls);
    assert_true(slice_is_absent(request_tls_san(request, 0)));
    assert_string_equal(request->app, "app");
    return reply_text(request, slice_str(request->peer.text));
}

static enum step_result say_values(struct flow *flow)
{
    struct request *request = request_of(flow);
    struct buf text = buf_in(&request->arena);
    buf_add(&text, request->path_values[0]);
    buf_add_byte(&text, ' ');
    buf_add(&text, request->path_values[1]);
    return reply_text(request, buf_slice(&text));
}

static enum step_result say_loop(struct flow *flow)
{
    struct request *request = request_of(flow);
    struct buf text = buf_in(&request->arena);
    buf_add_u64(&text, request->loop_index);
    return reply_text(request, buf_slice(&text));
}

static enum step_result inject(struct flow *flow)
{
    struct request *request = request_of(flow);
    request_reply_start(request, 302);
    request_reply_header(request, "Location", SLICE("/a\r\nSet-Cookie: b=c"));
    request_reply_send(request);
    return STEP_REPLY;
}

static enum step_result forget_to_send(struct flow *flow UNUSED)
{
    return STEP_REPLY;
}

static enum step_result say_much(struct flow *flow)
{
    struct request *request = request_of(flow);
    size_t len = 900000;
    char *text = arena_bytes(&request->arena, len);
    assert_non_null(text);
    memset(text, 'x', len);
    return reply_text(request, slice_of(text, len));
}

static enum step_result say_nothing(struct flow *flow)
{
    struct request *request = request_of(flow);
    request_reply_start(request, 204);
    request_reply_send(request);
    return STEP_REPLY;
}

/* Requests that wait until the test lets them go. */
static struct ticket parked;
static atomic_uint parked_count;
static atomic_uint results_freed;

static void free_result(void *result)
{
    atomic_fetch_add(&results_freed, 1);
    free(result);
}

static enum step_result park(struct flow *flow)
{
    parked = flow_wait(flow, 20000);
    atomic_fetch_add(&parked_count, 1);
    return STEP_WAIT;
}

static enum step_result say_result(struct flow *flow)
{
    void *result;
    assert_status(flow_outcome(flow, &result), STATUS_OK);
    return reply_text(request_of(flow), slice_str(result));
}

static void complete_parked(struct loop_message *message)
{
    free(message);
    ticket_complete(parked, STATUS_OK, strdup("released"), free_result);
}

static void wait_until_parked(unsigned count)
{
    for (int i = 0; i < 3000 && atomic_load(&parked_count) < count; i++)
        usleep(1000);
    assert_int_equal(atomic_load(&parked_count), count);
}

static void release_parked(void)
{
    struct loop_message *message = malloc(sizeof *message);
    message->deliver = complete_parked;
    loop_post(loop_group_at(fixture.group, 0), message);
}

static enum step_result time_out(struct flow *flow)
{
    struct ticket nobodys = flow_wait(flow, 20);
    (void)nobodys;
    return STEP_WAIT;
}

static enum step_result say_down(struct flow *flow)
{
    problem_reply_status(request_of(flow), flow_outcome(flow, NULL), SLICE_ABSENT);
    return STEP_REPLY;
}

static enum step_result say_later(struct flow *flow)
{
    struct request *request = request_of(flow);
    request_reply_start(request, 503);
    request_reply_header(request, "Retry-After", SLICE("17"));
    problem_reply_status(request, STATUS_STORE_DOWN, SLICE_ABSENT);
    return STEP_REPLY;
}

static enum step_result say_whether_there_is_room(struct flow *flow)
{
    struct request *request = request_of(flow);
    const void *room = arena_bytes(&request->arena, ARENA_MORE_BYTES - 65536);
    return reply_text(request, room ? SLICE("room") : SLICE("no room"));
}

#define STEPS(name, ...) static const struct step name##_steps[] = {__VA_ARGS__, {NULL, NULL}}
STEPS(path, {"body", request_take_body}, {"path", say_path});
STEPS(peer, {"peer", say_peer});
STEPS(values, {"values", say_values});
STEPS(loop, {"loop", say_loop});
STEPS(inject, {"inject", inject});
STEPS(forget, {"forget", forget_to_send});
STEPS(much, {"much", say_much});
STEPS(nothing, {"nothing", say_nothing});
STEPS(park, {"park", park}, {"say", say_result});
STEPS(later, {"say", say_later});
STEPS(room, {"say", say_whether_there_is_room});
STEPS(down, {"ask", time_out}, {"say", say_down});

static const struct route routes[] = {
    {.name = "path", .path = "/path", .methods = "GET,HEAD", .steps = path_steps},
    {.name = "path_post", .path = "/path", .methods = "PUT", .steps = path_steps},
    {.name = "below", .path = "/below", .is_prefix = true, .steps = path_steps},
    {.name = "peer", .path = "/peer", .steps = peer_steps},
    {.name = "values", .path = "/v/{a}/x/{b}", .steps = values_steps},
    {.name = "loop", .path = "/loop", .steps = loop_steps},
    {.name = "inject", .path = "/inject", .steps = inject_steps},
    {.name = "forget", .path = "/forget", .steps = forget_steps},
    {.name = "much", .path = "/much", .steps = much_steps},
    {.name = "nothing", .path = "/nothing", .steps = nothing_steps},
    {.name = "park", .path = "/park", .steps = park_steps},
    {.name = "down", .path = "/down", .steps = down_steps},
    {.name = "later", .path = "/later", .steps = later_steps},
    {.name = "room", .path = "/room", .steps = room_steps},
    {.name = "more_room", .path = "/more-room", .steps = room_steps, .arena_bytes = ARENA_MORE_BYTES},
};

static void note_reply(void *context UNUSED, const struct request *request, int http_status, int64_t duration_ns)
{
    assert_true(duration_ns > 0);
    assert_int_equal(http_status, request->reply.http_status);
    pthread_mutex_lock(&reply_lock);
    snprintf(replied_handler, sizeof replied_handler, "%s", request->route ? request->route->name : "-");
    replied_count++;
    pthread_mutex_unlock(&reply_lock);
}

static bool on_evhttp; /* every test is run on either transport */

static void start_with(const struct http_limits *limits, const struct http_listen *listen, size_t listen_count,
                       size_t loops)
{
    struct http_server_config config = {
        .listen = listen,
        .listen_count = listen_count,
        .routes = routes,
        .route_count = COUNT_OF(routes),
        .limits = *limits,
        .app = (void *)(uintptr_t) "app",
        .observer = {.replied = note_reply},
        .is_evhttp = on_evhttp,
    };
    atomic_store(&parked_count, 0);
    atomic_store(&results_freed, 0);
    replied_count = 0;
    http_fixture_start(&fixture, &config, loops);
}

static void start(size_t loops)
{
    start_with(&(struct http_limits){0}, NULL, 0, loops);
}

static void stop(void)
{
    assert_true(http_fixture_stop(&fixture, 5000));
}

#define GET(path) SLICE("GET " path " HTTP/1.1\r\n" HOST "\r\n")

/* --- replies --- */

static void replies_carry_length_date_and_request_id(void **state UNUSED)
{
    start(1);
    struct raw_reply reply = raw_exchange(fixture.port, GET("/path"));
    assert_int_equal(reply.status, 200);
    assert_slice_equal(reply.body, SLICE("/path"));
    assert_slice_equal(raw_reply_header(&reply, "Content-Length"), SLICE("5"));
    assert_slice_equal(raw_reply_header(&reply, "Content-Type"), SLICE("text/plain"));
    assert_int_equal(raw_reply_header(&reply, "X-Request-Id").len, 32);
    assert_false(slice_is_absent(raw_reply_header(&reply, "Date")));
    assert_true(slice_is_absent(raw_reply_header(&reply, "Connection")));
    raw_reply_done(&reply);
    stop();
    assert_int_equal(replied_count, 1);
    assert_string_equal(replied_handler, "path");
}

static void the_request_id_is_the_trace_id_of_a_traceparent(void **state UNUSED)
{
    start(1);
    struct raw_reply reply = raw_exchange(
        fixture.port, SLICE("GET /path HTTP/1.1\r\n" HOST
                            "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n\r\n"));
    assert_slice_equal(raw_reply_header(&reply, "X-Request-Id"), SLICE("4bf92f3577b34da6a3ce929d0e0e4736"));
    raw_reply_done(&reply);
    stop();
}

static void request_ids_differ(void **state UNUSED)
{
    start(1);
    char seen[100][32];
    for (int i = 0; i < 100; i++) {
        struct raw_reply reply = raw_exchange(fixture.port, GET("/path"));
        memcpy(seen[i], raw_reply_header(&reply, "X-Request-Id").ptr, 32);
        raw_reply_done(&reply);
        for (int j = 0; j < i; j++)
            assert_memory_not_equal(seen[i], seen[j], 32);
    }
    stop();
}

static void an_unknown_path_is_a_404_with_a_problem(void **state UNUSED)
{
    start(1);
    struct raw_reply reply = raw_exchange(fixture.port, GET("/path/"));
    assert_int_equal(reply.status, 404);
    assert_slice_equal(raw_reply_header(&reply, "Content-Type"), SLICE("application/problem+json"));
    assert_true(
        slice_starts_with(reply.body, SLICE("{\"type\":\"about:blank\",\"title\":\"Not Found\",\"status\":404")));
    raw_reply_done(&reply);
    stop();
    assert_string_equal(replied_handler, "-");
}

static void another_method_is_a_405_that_names_the_allowed(void **state UNUSED)
{
    start(1);
    struct raw_reply reply = raw_exchange(fixture.port, SLICE("DELETE /path HTTP/1.1\r\n" HOST "\r\n"));
    assert_int_equal(reply.status, 405);
    assert_slice_equal(raw_reply_header(&reply, "Allow"), SLICE("GET, HEAD, PUT"));
    assert_true(slice_find_slice(reply.body, SLICE("\"detail\":\"this path does not take this method")) <
                reply.body.len);
    raw_reply_done(&reply);
    stop();
}

static void head_has_the_length_of_get_and_no_body(void **state UNUSED)
{
    start(1);
    int fd = raw_connect(fixture.port);
    raw_send(fd, SLICE("HEAD /path HTTP/1.1\r\n" HOST "\r\nGET /path HTTP/1.1\r\n" HOST "\r\n"));
    struct raw_reply reply = raw_read_reply(fd, true);
    assert_slice_equal(raw_reply_header(&reply, "Content-Length"), SLICE("5"));
    raw_reply_done(&reply);
    reply = raw_read_reply(fd, false);
    assert_slice_equal(reply.body, SLICE("/path"));
    raw_reply_done(&reply);
    close(fd);
    stop();
}

static void a_204_has_no_length(void **state UNUSED)
{
    start(1);
    int fd = raw_connect(fixture.port);
    raw_send(fd, GET("/nothing"));
    struct raw_reply reply = raw_read_reply(fd, false);
    assert_int_equal(reply.status, 204);
    assert_true(slice_is_absent(raw_reply_header(&reply, "Content-Length")));
    raw_reply_done(&reply);
    raw_send(fd, GET("/path"));
    reply = raw_read_reply(fd, false);
    assert_int_equal(reply.status, 200);
    raw_reply_done(&reply);
    close(fd);
    stop();
}

static void an_injected_header_becomes_a_500(void **state UNUSED)
{
    start(1);
    struct raw_reply reply = raw_exchange(fixture.port, GET("/inject"));
    assert_int_equal(reply.status, 500);
    assert_true(slice_is_absent(raw_reply_header(&reply, "Location")));
    assert_true(slice_is_absent(raw_reply_header(&reply, "Set-Cookie")));
    raw_reply_done(&reply);
    stop();
}

static void a_reply_that_was_forgotten_becomes_a_500(void **state UNUSED)
{
    start(1);
    struct raw_reply reply = raw_exchange(fixture.port, GET("/forget"));
    assert_int_equal(reply.status, 500);
    raw_reply_done(&reply);
    stop();
}

static void a_wait_that_times_out_is_a_503_with_retry_after(void **state UNUSED)
{
    start(1);
    struct raw_reply reply = raw_exchange(fixture.port, GET("/down"));
    assert_int_equal(reply.status, 503);
    assert_slice_equal(raw_reply_header(&reply, "Retry-After"), SLICE("1"));
    raw_reply_done(&reply);
    stop();
}

static void a_retry_after_of_the_endpoints_own_is_the_only_one(void **state UNUSED)
{
    start(1);
    struct raw_reply reply = raw_exchange(fixture.port, GET("/later"));
    assert_slice_equal(raw_reply_header(&reply, "Retry-After"), SLICE("17"));
    size_t first = slice_find_slice(reply.head, SLICE("Retry-After"));
    struct slice rest = slice_sub(reply.head, first + 1, reply.head.len);
    assert_int_equal(slice_find_slice(rest, SLICE("Retry-After")), rest.len);
    raw_reply_done(&reply);
    stop();
}

static void a_route_may_have_more_memory_for_its_own_requests_alone(void **state UNUSED)
{
    static const struct {
        struct slice request, room;
    } rows[] = {{SLICE_INIT("GET /room HTTP/1.1\r\n" HOST "\r\n"), SLICE_INIT("no room")},
                {SLICE_INIT("GET /more-room HTTP/1.1\r\n" HOST "\r\n"), SLICE_INIT("room")},
                {SLICE_INIT("GET /room HTTP/1.1\r\n" HOST "\r\n"), SLICE_INIT("no room")}};
    start_with(&(struct http_limits){.arena_bytes = 65536}, NULL, 0, 1);
    for (size_t i = 0; i < COUNT_OF(rows); i++) { /* one after the other, so that the request's memory is the same */
        struct raw_reply reply = raw_exchange(fixture.port, rows[i].request);
        assert_slice_equal(reply.body, rows[i].room);
        raw_reply_done(&reply);
    }
    stop();
}

static void a_body_that_is_not_twice_too_large_is_a_problem(void **state UNUSED)
{
    static char request[256 + 3000];
    const size_t lengths[] = {1001, 2000};
    start_with(&(struct http_limits){.body_bytes = 1000}, NULL, 0, 1);
    for (size_t i = 0; i < COUNT_OF(lengths); i++) {
        struct buf text = buf_fixed(request, sizeof request);
        buf_addf(&text, "PUT /path HTTP/1.1\r\n" HOST "Content-Length: %zu\r\n\r\n", lengths[i]);
        for (size_t n = 0; n < lengths[i]; n++)
            buf_add_byte(&text, 'x');
        struct raw_reply reply = raw_exchange(fixture.port, buf_slice(&text));
        assert_int_equal(reply.status, 413);
        assert_slice_equal(raw_reply_header(&reply, "Content-Type"), SLICE("application/problem+json"));
        assert_slice_equal(raw_reply_header(&reply, "Connection"), SLICE("close"));
        raw_reply_done(&reply);
    }
    stop();
}

static void routes_hand_over_values_and_what_is_below(void **state UNUSED)
{
    start(1);
    struct raw_reply reply = raw_exchange(fixture.port, GET("/v/a%2Fb/x/c"));
    assert_slice_equal(reply.body, SLICE("a%2Fb c"));
    raw_reply_done(&reply);
    reply = raw_exchange(fixture.port, GET("/below/it/"));
    assert_slice_equal(reply.body, SLICE("/below/it/"));
    raw_reply_done(&reply);
    stop();
}

static void the_peer_is_known(void **state UNUSED)
{
    start(1);
    struct raw_reply reply = raw_exchange(fixture.port, GET("/peer"));
    assert_slice_equal(reply.body, SLICE("127.0.0.1"));
    raw_reply_done(&reply);
    stop();
}

/* --- connections --- */

static void send_pipelined(int fd, int count)
{
    struct buf bytes = BUF_INIT;
    for (int i = 0; i < count; i++)
        buf_addf(&bytes, "GET /below/%d HTTP/1.1\r\n" HOST "\r\n", i);
    raw_send(fd, buf_slice(&bytes));
    buf_done(&bytes);
}

static void check_pipelined(int fd, int count)
{
    for (int i = 0; i < count; i++) {
        struct raw_reply reply = raw_read_reply(fd, false);
        char expected[32];
        snprintf(expected, sizeof expected, "/below/%d", i);
        assert_slice_equal(reply.body, slice_str(expected));
        raw_reply_done(&reply);
    }
}

static void pipelined_requests_are_answered_in_order(void **state UNUSED)
{
    start(1);
    int fd = raw_connect(fixture.port);
    send_pipelined(fd, 50);
    check_pipelined(fd, 50);
    close(fd);
    stop();
}

static void a_request_may_come_in_single_bytes(void **state UNUSED)
{
    start(1);
    int fd = raw_connect(fixture.port);
    struct slice bytes = SLICE("PUT /path HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc");
    for (size_t i = 0; i < bytes.len; i++) {
        raw_send(fd, slice_sub(bytes, i, i + 1));
        usleep(300);
    }
    struct raw_reply reply = raw_read_reply(fd, false);
    assert_int_equal(reply.status, 200);
    raw_reply_done(&reply);
    close(fd);
    stop();
}

static void expect_100_is_told_to_continue(void **state UNUSED)
{
    start(1);
    int fd = raw_connect(fixture.port);
    raw_send(fd, SLICE("PUT /path HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n"));
    struct raw_reply reply = raw_read_reply(fd, false);
    assert_int_equal(reply.status, 100);
    raw_reply_done(&reply);
    raw_send(fd, SLICE("abc"));
    reply = raw_read_reply(fd, false);
    assert_int_equal(reply.status, 200);
    raw_reply_done(&reply);
    close(fd);
    stop();
}

static void send_headers(int fd, size_t count, size_t value_len)
{
    struct buf bytes = BUF_INIT;
    buf_add_str(&bytes, "GET /path HTTP/1.1\r\n" HOST);
    for (size_t i = 0; i < count; i++) {
        buf_addf(&bytes, "X-%zu: ", i);
        for (size_t j = 0; j < value_len; j++)
            buf_add_byte(&bytes, 'v');
        buf_add_str(&bytes, "\r\n");
    }
    buf_add_str(&bytes, "\r\n");
    raw_send(fd, buf_slice(&bytes));
    buf_done(&bytes);
}

static void headers_are_limited(void **state UNUSED)
{
    const struct {
        size_t count, value_len;
        int status;
    } rows[] = {
        {99, 10, 200},
        {100, 10, 431},
        {1, 16 * 1024 - 60, 200},
        {1, 16 * 1024, 431},
        {3, 8000, 431},
        {1, 40000, on_evhttp ? 400 : 431},
        {20000, 1, on_evhttp ? 400 : 431},
    };
    start(1);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int fd = raw_connect(fixture.port);
        send_headers(fd, rows[i].count, rows[i].value_len);
        struct raw_reply reply = raw_read_reply(fd, false);
        if (reply.status != rows[i].status)
            fail_msg("row %zu: %d", i, reply.status);
        raw_reply_done(&reply);
        if (rows[i].status != 200)
            assert_true(raw_is_closed(fd, 3000));
        close(fd);
    }
    stop();
}

static void a_target_is_limited_with_the_headers(void **state UNUSED)
{
    start(1);
    struct buf bytes = BUF_INIT;
    buf_add_str(&bytes, "GET /");
    for (int i = 0; i < 17000; i++)
        buf_add_byte(&bytes, 'a');
    buf_add_str(&bytes, " HTTP/1.1\r\n" HOST "\r\n");
    struct raw_reply reply = raw_exchange(fixture.port, buf_slice(&bytes));
    assert_int_equal(reply.status, 431);
    raw_reply_done(&reply);
    buf_done(&bytes);
    stop();
}

static const struct http_limits impatient = {.request_timeout_ms = 400, .idle_timeout_ms = 1500};

static void a_slow_client_is_cut_off(void **state UNUSED)
{
    start_with(&impatient, NULL, 0, 1);
    int fd = raw_connect(fixture.port);
    struct slice bytes = SLICE("GET /path HTTP/1.1\r\n" HOST "X-Slow: yes\r\n\r\n");
    size_t sent = 0;
    while (sent < bytes.len && !raw_is_closed(fd, 50)) { /* one byte each 50 ms */
        raw_send(fd, slice_sub(bytes, sent, sent + 1));
        sent++;
    }
    assert_true(sent > 3 && sent < 25);
    close(fd);
    stop();
}

static void a_slow_body_is_cut_off(void **state UNUSED)
{
    start_with(&impatient, NULL, 0, 1);
    int fd = raw_connect(fixture.port);
    raw_send(fd, SLICE("PUT /path HTTP/1.1\r\n" HOST "Content-Length: 1000\r\n\r\n"));
    int sent = 0;
    for (; sent < 40 && !raw_is_closed(fd, 50); sent++)
        raw_send(fd, SLICE("x"));
    assert_true(sent > 3 && sent < 25);
    close(fd);
    stop();
}

static void a_connection_without_a_byte_is_cut_off(void **state UNUSED)
{
    start_with(&impatient, NULL, 0, 1);
    int fd = raw_connect(fixture.port);
    assert_false(raw_is_closed(fd, 200));
    assert_true(raw_is_closed(fd, 1000));
    close(fd);
    stop();
}

static void an_idle_connection_is_closed_later_than_a_slow_one(void **state UNUSED)
{
    start_with(&impatient, NULL, 0, 1);
    int fd = raw_connect(fixture.port);
    raw_send(fd, GET("/path"));
    struct raw_reply reply = raw_read_reply(fd, false);
    raw_reply_done(&reply);
    assert_false(raw_is_closed(fd, 900)); /* longer than request_timeout_ms */
    assert_true(raw_is_closed(fd, 2000));
    close(fd);
    stop();
}

static void a_request_in_work_is_not_cut_off(void **state UNUSED)
{
    start_with(&impatient, NULL, 0, 1);
    int fd = raw_connect(fixture.port);
    raw_send(fd, GET("/park"));
    wait_until_parked(1);
    assert_false(raw_is_closed(fd, 1900));
    release_parked();
    struct raw_reply reply = raw_read_reply(fd, false);
    assert_slice_equal(reply.body, SLICE("released"));
    raw_reply_done(&reply);
    close(fd);
    stop();
}

/* More of them than are read meanwhile. */
static void requests_behind_one_that_waits_are_answered_after_it(void **state UNUSED)
{
    enum { REQUESTS = 3000 };
    start(1);
    int fd = raw_connect(fixture.port);
    raw_send(fd, GET("/park"));
    wait_until_parked(1);
    send_pipelined(fd, REQUESTS);
    usleep(20000);
    release_parked();
    struct raw_reply reply = raw_read_reply(fd, false);
    assert_slice_equal(reply.body, SLICE("released"));
    raw_reply_done(&reply);
    check_pipelined(fd, REQUESTS);
    close(fd);
    stop();
}

/* evhttp takes the end for the client's leaving. */
static void who_ends_its_sending_still_gets_the_answers(void **state UNUSED)
{
    start(1);
    int fd = raw_connect(fixture.port);
    raw_send(fd, SLICE("GET /park HTTP/1.1\r\n" HOST "\r\nGET /below/1 HTTP/1.1\r\n" HOST "\r\nGET /cut"));
    wait_until_parked(1);
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    usleep(20000);
    release_parked();
    struct raw_reply reply = raw_read_reply(fd, false);
    assert_slice_equal(reply.body, SLICE("released"));
    raw_reply_done(&reply);
    reply = raw_read_reply(fd, false);
    assert_slice_equal(reply.body, SLICE("/below/1"));
    raw_reply_done(&reply);
    assert_true(raw_is_closed(fd, 3000));
    close(fd);
    stop();
}

static void a_body_beyond_every_limit_is_refused_before_it_is_sent(void **state UNUSED)
{
    start(1);
    int fd = raw_connect(fixture.port);
    raw_send(fd, SLICE("PUT /path HTTP/1.1\r\n" HOST "Content-Length: 100000000\r\n\r\n"));
    struct raw_reply reply = raw_read_reply(fd, false);
    assert_int_equal(reply.status, 413);
    assert_slice_equal(raw_reply_header(&reply, "Content-Type"), SLICE("application/problem+json"));
    raw_reply_done(&reply);
    assert_true(raw_is_closed(fd, 3000));
    close(fd);
    stop();
}

static void wait_for_connections(size_t count)
{
    for (int i = 0; i < 3000 && http_server_connections(fixture.server, 0) != count; i++)
        usleep(1000);
    assert_int_equal(http_server_connections(fixture.server, 0), count);
}

static void clients_wait_for_a_place_while_every_connection_is_answered(void **state UNUSED)
{
    start_with(&(struct http_limits){.connections = 1}, NULL, 0, 1);
    int held = raw_connect(fixture.port);
    raw_send(held, GET("/park"));
    wait_until_parked(1);
    int fd = raw_connect(fixture.port); /* by the kernel */
    raw_send(fd, GET("/path"));
    struct pollfd waiting = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&waiting, 1, 400), 0);
    assert_int_equal(http_server_connections(fixture.server, 0), 1);
    release_parked();
    struct raw_reply reply = raw_read_reply(held, false);
    assert_slice_equal(reply.body, SLICE("released"));
    raw_reply_done(&reply);
    reply = raw_read_reply(fd, false);
    assert_int_equal(reply.status, 200);
    raw_reply_done(&reply);
    close(held);
    close(fd);
    stop();
}

static void at_the_cap_the_longest_unused_connection_is_closed(void **state UNUSED)
{
    start_with(&(struct http_limits){.connections = 3}, NULL, 0, 1);
    int held[3];
    for (int i = 0; i < 3; i++) {
        held[i] = raw_connect(fixture.port);
        wait_for_connections((size_t)i + 1);
        usleep(2000);
    }
    raw_send(held[0], GET("/path"));
    struct raw_reply reply = raw_read_reply(held[0], false);
    assert_int_equal(reply.status, 200);
    raw_reply_done(&reply);
    reply = raw_exchange(fixture.port, GET("/path"));
    assert_int_equal(reply.status, 200);
    raw_reply_done(&reply);
    assert_true(raw_is_closed(held[1], 1000));
    assert_false(raw_is_closed(held[2], 50));
    assert_false(raw_is_closed(held[0], 50));
    for (int i = 0; i < 3; i++)
        close(held[i]);
    stop();
}

static void clients_wait_while_there_are_no_descriptors(void **state UNUSED)
{
    struct rlimit limit;
    start(1);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    int fd = raw_connect(fixture.port);
    raw_send(fd, GET("/path")); /* so that the loop has none to open for this one */
    struct raw_reply reply = raw_read_reply(fd, false);
    raw_reply_done(&reply);
    int waiting = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct rlimit none = {.rlim_cur = (rlim_t)waiting + 1, .rlim_max = limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(fixture.port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(waiting, (struct sockaddr *)&address, sizeof address), 0);
    raw_send(waiting, GET("/path"));
    assert_false(raw_is_closed(waiting, 600));
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    reply = raw_read_reply(waiting, false);
    assert_int_equal(reply.status, 200);
    raw_reply_done(&reply);
    close(waiting);
    close(fd);
    stop();
}

static void reset(int fd)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
    close(fd);
}

static void a_client_that_leaves_during_a_wait_harms_nothing(void **state UNUSED)
{
    start(1);
    for (unsigned i = 1; i <= 20; i++) {
        int fd = raw_connect(fixture.port);
        raw_send(fd, GET("/park"));
        wait_until_parked(i);
        assert_int_equal(http_server_in_flight(fixture.server), 1);
        if (i % 2)
            close(fd);
        else
            reset(fd);
        release_parked();
        for (int j = 0; j < 3000 && http_server_in_flight(fixture.server) > 0; j++)
            usleep(1000);
        assert_int_equal(http_server_in_flight(fixture.server), 0);
        assert_int_equal(atomic_load(&results_freed), i);
    }
    wait_for_connections(0);
    stop();
}

static void a_client_that_reads_nothing_and_leaves_harms_nothing(void **state UNUSED)
{
    start(1);
    for (int i = 0; i < 10; i++) {
        int fd = raw_connect(fixture.port);
        for (int j = 0; j < 10; j++)
            raw_send(fd, GET("/much"));
        usleep(5000);
        reset(fd);
    }
    wait_for_connections(0);
    assert_int_equal(http_server_in_flight(fixture.server), 0);
    stop();
}

static void connections_that_never_asked_are_forgotten(void **state UNUSED)
{
    start(1);
    for (int i = 0; i < 200; i++)
        close(raw_connect(fixture.port));
    int half = raw_connect(fixture.port);
    raw_send(half, SLICE("GET /pa"));
    close(half);
    wait_for_connections(0);
    stop();
}

static void a_large_reply_arrives_whole(void **state UNUSED)
{
    start(1);
    struct raw_reply reply = raw_exchange(fixture.port, GET("/much"));
    assert_int_equal(reply.body.len, 900000);
    raw_reply_done(&reply);
    stop();
}

/* --- the end --- */

static void draining_closes_after_each_reply(void **state UNUSED)
{
    start(1);
    int fd = raw_connect(fixture.port);
    raw_send(fd, GET("/path"));
    struct raw_reply reply = raw_read_reply(fd, false);
    raw_reply_done(&reply);
    http_server_drain(fixture.server);
    raw_send(fd, GET("/path"));
    reply = raw_read_reply(fd, false);
    assert_int_equal(reply.status, 200);
    assert_slice_equal(raw_reply_header(&reply, "Connection"), SLICE("close"));
    raw_reply_done(&reply);
    assert_true(raw_is_closed(fd, 3000));
    close(fd);
    reply = raw_exchange(fixture.port, SLICE("GET /path HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
    assert_slice_equal(raw_reply_header(&reply, "Connection"), SLICE("close")); /* still accepts */
    raw_reply_done(&reply);
    stop();
}

static void *release_later(void *context UNUSED)
{
    usleep(400000);
    release_parked();
    return NULL;
}

static void stopping_finishes_what_is_in_flight_and_closes_the_idle(void **state UNUSED)
{
    start(2);
    int idle = raw_connect(fixture.port);
    int fd = raw_connect(fixture.port);
    /* the parked flow must be on the first loop, where release_parked posts */
    raw_send(fd, GET("/loop"));
    struct raw_reply reply = raw_read_reply(fd, false);
    while (!slice_eq(reply.body, SLICE("0"))) {
        raw_reply_done(&reply);
        close(fd);
        fd = raw_connect(fixture.port);
        raw_send(fd, GET("/loop"));
        reply = raw_read_reply(fd, false);
    }
    raw_reply_done(&reply);
    raw_send(fd, GET("/park"));
    wait_until_parked(1);
    pthread_t releaser;
    assert_int_equal(pthread_create(&releaser, NULL, release_later, NULL), 0);
    uint16_t port = fixture.port;
    stop(); /* blocks until all is finished */
    pthread_join(releaser, NULL);
    reply = raw_read_reply(fd, false);
    assert_int_equal(reply.status, 200);
    assert_slice_equal(reply.body, SLICE("released"));
    assert_slice_equal(raw_reply_header(&reply, "Connection"), SLICE("close"));
    raw_reply_done(&reply);
    assert_true(raw_is_closed(fd, 1000));
    assert_true(raw_is_closed(idle, 1000));
    close(fd);
    close(idle);
    int after = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_not_equal(connect(after, (struct sockaddr *)&address, sizeof address), 0);
    close(after);
}

static void stopping_takes_what_was_connected_before(void **state UNUSED)
{
    start(2);
    int fds[40];
    for (size_t i = 0; i < COUNT_OF(fds); i++) {
        fds[i] = raw_connect(fixture.port);
        raw_send(fds[i], GET("/path"));
    }
    stop();
    for (size_t i = 0; i < COUNT_OF(fds); i++) {
        struct raw_reply reply = raw_read_reply(fds[i], false);
        assert_int_equal(reply.status, 200);
        raw_reply_done(&reply);
        close(fds[i]);
    }
}

/* Whoever kept its ticket may use it to the loop's end: it is void. */
static void stopping_gives_up_at_its_deadline(void **state UNUSED)
{
    start(1);
    int fd = raw_connect(fixture.port);
    raw_send(fd, GET("/park"));
    wait_until_parked(1);
    int64_t began_ns = clock_monotonic_ns();
    assert_false(http_fixture_stop(&fixture, 300));
    /* a loop reads its clock once a turn, so that a timer may be a little early by ours */
    assert_in_range((clock_monotonic_ns() - began_ns) / 1000000, 250, 3000);
    assert_true(raw_is_closed(fd, 1000));
    close(fd);
}

/* --- addresses --- */

static struct slice try_to_listen(const struct http_listen *listen, struct buf *why)
{
    struct clock clock = clock_system(0);
    struct loop *loop = loop_new(&clock, NULL);
    assert_non_null(loop);
    struct http_server_config config = {.listen = listen,
                                        .listen_count = 1,
                                        .routes = routes,
                                        .route_count = COUNT_OF(routes),
                                        .loops = &loop,
                                        .loop_count = 1};
    struct http_server *server = http_server_new(&config);
    assert_non_null(server);
    if (http_server_start(server, why) == STATUS_OK)
        buf_add_str(why, "listens");
    http_server_free(server);
    loop_free(loop);
    return buf_slice(why);
}

static void a_port_in_use_is_told_with_its_address(void **state UNUSED)
{
    start(2);
    char expected[64];
    struct http_listen same = {.host = SLICE("127.0.0.1"), .port = fixture.port};
    struct buf why = BUF_INIT;
    snprintf(expected, sizeof expected, "127.0.0.1:%u: the address is already in use", fixture.port);
    assert_slice_equal(try_to_listen(&same, &why), slice_str(expected));
    buf_reset(&why);
    struct http_listen any = {.host = SLICE(""), .port = fixture.port};
    snprintf(expected, sizeof expected, ":%u: the address is already in use", fixture.port);
    assert_slice_equal(try_to_listen(&any, &why), slice_str(expected));
    buf_done(&why);
    stop();
}

static void an_address_of_another_machine_is_told(void **state UNUSED)
{
    struct http_listen foreign = {.host = SLICE("192.0.2.1"), .port = 0};
    struct buf why = BUF_INIT;
    assert_slice_equal(try_to_listen(&foreign, &why),
                       SLICE("192.0.2.1:0: no interface of this machine has this address"));
    buf_done(&why);
}

static void every_address_means_both_families(void **state UNUSED)
{
    struct http_listen any = {.host = SLICE("")};
    start_with(&(struct http_limits){0}, &any, 1, 1);
    struct raw_reply reply = raw_exchange(fixture.port, GET("/peer"));
    assert_slice_equal(reply.body, SLICE("127.0.0.1")); /* not ::ffff:127.0.0.1 */
    raw_reply_done(&reply);
    struct sockaddr_in6 ipv6 = {
        .sin6_family = AF_INET6, .sin6_port = htons(fixture.port), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int fd = socket(AF_INET6, SOCK_STREAM, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&ipv6, sizeof ipv6) == 0) {
        raw_send(fd, GET("/peer"));
        reply = raw_read_reply(fd, false);
        assert_slice_equal(reply.body, SLICE("::1"));
        raw_reply_done(&reply);
    }
    if (fd >= 0)
        close(fd);
    stop();
}

static void temporary_path(char *out, size_t size)
{
    snprintf(out, size, "/tmp/countersign-test-%ld.sock", (long)getpid());
    unlink(out);
}

static void a_socket_file_is_for_owner_and_group_and_goes_with_the_server(void **state UNUSED)
{
    char path[64];
    temporary_path(path, sizeof path);
    struct http_listen both[] = {{.unix_path = slice_str(path)}, {.host = SLICE("127.0.0.1")}};
    start_with(&(struct http_limits){0}, both, 2, 2);
    struct stat file;
    assert_int_equal(stat(path, &file), 0);
    assert_int_equal(file.st_mode & 0777, 0660);
    for (int i = 0; i < 20; i++) {
        int fd = raw_connect_unix(path);
        raw_send(fd, GET("/peer"));
        struct raw_reply reply = raw_read_reply(fd, false);
        assert_slice_equal(reply.body, SLICE("unix"));
        raw_reply_done(&reply);
        close(fd);
    }
    struct buf why = BUF_INIT;
    try_to_listen(&both[0], &why);
    assert_true(slice_find_slice(buf_slice(&why), SLICE(": another process listens on this socket")) < why.len);
    buf_done(&why);
    assert_int_equal(http_server_port(fixture.server, 0), 0);
    struct raw_reply reply = raw_exchange(http_server_port(fixture.server, 1), GET("/peer"));
    assert_slice_equal(reply.body, SLICE("127.0.0.1"));
    raw_reply_done(&reply);
    stop();
    assert_int_not_equal(stat(path, &file), 0);
}

static void a_stale_socket_file_is_replaced_and_another_file_is_not(void **state UNUSED)
{
    char path[64];
    temporary_path(path, sizeof path);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, path, strlen(path));
    int stale = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(stale, (struct sockaddr *)&address, sizeof address), 0);
    close(stale);
    struct http_listen file = {.unix_path = slice_str(path)};
    struct buf why = BUF_INIT;
    assert_slice_equal(try_to_listen(&file, &why), SLICE("listens"));

    FILE *other = fopen(path, "w");
    assert_non_null(other);
    fclose(other);
    buf_reset(&why);
    try_to_listen(&file, &why);
    assert_true(slice_find_slice(buf_slice(&why), SLICE("that is not a socket")) < why.len);
    assert_int_equal(unlink(path), 0);
    buf_done(&why);
}

static void several_loops_share_the_connections(void **state UNUSED)
{
    start(4);
    unsigned seen[4] = {0};
    for (int i = 0; i < 200; i++) {
        struct raw_reply reply = raw_exchange(fixture.port, GET("/loop"));
        seen[reply.body.ptr[0] - '0']++;
        raw_reply_done(&reply);
    }
    uint64_t sum = 0;
    for (size_t i = 0; i < 4; i++) {
        assert_true(seen[i] > 0);
        assert_int_equal(http_server_requests(fixture.server, i), seen[i]);
        sum += seen[i];
    }
    assert_int_equal(sum, 200);
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replies_carry_length_date_and_request_id),
        cmocka_unit_test(the_request_id_is_the_trace_id_of_a_traceparent),
        cmocka_unit_test(request_ids_differ),
        cmocka_unit_test(an_unknown_path_is_a_404_with_a_problem),
        cmocka_unit_test(another_method_is_a_405_that_names_the_allowed),
        cmocka_unit_test(head_has_the_length_of_get_and_no_body),
        cmocka_unit_test(a_204_has_no_length),
        cmocka_unit_test(an_injected_header_becomes_a_500),
        cmocka_unit_test(a_reply_that_was_forgotten_becomes_a_500),
        cmocka_unit_test(a_wait_that_times_out_is_a_503_with_retry_after),
        cmocka_unit_test(routes_hand_over_values_and_what_is_below),
        cmocka_unit_test(the_peer_is_known),
        cmocka_unit_test(pipelined_requests_are_answered_in_order),
        cmocka_unit_test(a_request_may_come_in_single_bytes),
        cmocka_unit_test(expect_100_is_told_to_continue),
        cmocka_unit_test(a_retry_after_of_the_endpoints_own_is_the_only_one),
        cmocka_unit_test(a_route_may_have_more_memory_for_its_own_requests_alone),
        cmocka_unit_test(a_body_that_is_not_twice_too_large_is_a_problem),
        cmocka_unit_test(headers_are_limited),
        cmocka_unit_test(a_target_is_limited_with_the_headers),
        cmocka_unit_test(a_slow_client_is_cut_off),
        cmocka_unit_test(a_slow_body_is_cut_off),
        cmocka_unit_test(a_connection_without_a_byte_is_cut_off),
        cmocka_unit_test(an_idle_connection_is_closed_later_than_a_slow_one),
        cmocka_unit_test(a_request_in_work_is_not_cut_off),
        cmocka_unit_test(requests_behind_one_that_waits_are_answered_after_it),
        cmocka_unit_test(at_the_cap_the_longest_unused_connection_is_closed),
        cmocka_unit_test(clients_wait_while_there_are_no_descriptors),
        cmocka_unit_test(a_client_that_leaves_during_a_wait_harms_nothing),
        cmocka_unit_test(a_client_that_reads_nothing_and_leaves_harms_nothing),
        cmocka_unit_test(connections_that_never_asked_are_forgotten),
        cmocka_unit_test(a_large_reply_arrives_whole),
        cmocka_unit_test(draining_closes_after_each_reply),
        cmocka_unit_test(stopping_finishes_what_is_in_flight_and_closes_the_idle),
        cmocka_unit_test(stopping_takes_what_was_connected_before),
        cmocka_unit_test(stopping_gives_up_at_its_deadline),
        cmocka_unit_test(a_port_in_use_is_told_with_its_address),
        cmocka_unit_test(an_address_of_another_machine_is_told),
        cmocka_unit_test(every_address_means_both_families),
        cmocka_unit_test(a_socket_file_is_for_owner_and_group_and_goes_with_the_server),
        cmocka_unit_test(a_stale_socket_file_is_replaced_and_another_file_is_not),
        cmocka_unit_test(several_loops_share_the_connections),
    };
    const struct CMUnitTest not_evhttp[] = {
        cmocka_unit_test(clients_wait_for_a_place_while_every_connection_is_answered),
        cmocka_unit_test(who_ends_its_sending_still_gets_the_answers),
        cmocka_unit_test(a_body_beyond_every_limit_is_refused_before_it_is_sent),
    };
    int failed = cmocka_run_group_tests_name("http_server", tests, NULL, NULL);
    failed += cmocka_run_group_tests_name("http_server, strict alone", not_evhttp, NULL, NULL);
    on_evhttp = true;
    return failed + cmocka_run_group_tests_name("http_server, evhttp", tests, NULL, NULL);
}
