/* The connections of a server: requests on them, their bounds and deadlines, and clients that leave. */
#include "server_bench.h"

#include "support/test.h"

#include "base/buf.h"

#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

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
    server_start(1);
    int fd = raw_connect(server.fixture.port);
    send_pipelined(fd, 50);
    check_pipelined(fd, 50);
    close(fd);
    server_stop();
}

static void a_request_may_come_in_single_bytes(void **state UNUSED)
{
    server_start(1);
    int fd = raw_connect(server.fixture.port);
    struct slice bytes = SLICE("PUT /path HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc");
    for (size_t i = 0; i < bytes.len; i++) {
        raw_send(fd, slice_sub(bytes, i, i + 1));
        usleep(300);
    }
    struct raw_reply reply = raw_read_reply(fd, false);
    assert_int_equal(reply.status, 200);
    raw_reply_done(&reply);
    close(fd);
    server_stop();
}

static void expect_100_is_told_to_continue(void **state UNUSED)
{
    server_start(1);
    int fd = raw_connect(server.fixture.port);
    raw_send(fd, SLICE("PUT /path HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n"));
    struct raw_reply reply = raw_read_reply(fd, false);
    assert_int_equal(reply.status, 100);
    raw_reply_done(&reply);
    raw_send(fd, SLICE("abc"));
    reply = raw_read_reply(fd, false);
    assert_int_equal(reply.status, 200);
    raw_reply_done(&reply);
    close(fd);
    server_stop();
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
        {1, 40000, server.is_evhttp ? 400 : 431},
        {20000, 1, server.is_evhttp ? 400 : 431},
    };
    server_start(1);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int fd = raw_connect(server.fixture.port);
        send_headers(fd, rows[i].count, rows[i].value_len);
        struct raw_reply reply = raw_read_reply(fd, false);
        if (reply.status != rows[i].status)
            fail_msg("row %zu: %d", i, reply.status);
        raw_reply_done(&reply);
        if (rows[i].status != 200)
            assert_true(raw_is_closed(fd, 3000));
        close(fd);
    }
    server_stop();
}

static void a_target_is_limited_with_the_headers(void **state UNUSED)
{
    server_start(1);
    struct buf bytes = BUF_INIT;
    buf_add_str(&bytes, "GET /");
    for (int i = 0; i < 17000; i++)
        buf_add_byte(&bytes, 'a');
    buf_add_str(&bytes, " HTTP/1.1\r\n" HOST "\r\n");
    struct raw_reply reply = raw_exchange(server.fixture.port, buf_slice(&bytes));
    assert_int_equal(reply.status, 431);
    raw_reply_done(&reply);
    buf_done(&bytes);
    server_stop();
}

static const struct http_limits impatient = {.request_timeout_ms = 400, .idle_timeout_ms = 1500};

static void a_slow_client_is_cut_off(void **state UNUSED)
{
    server_start_with(&impatient, NULL, 0, 1);
    int fd = raw_connect(server.fixture.port);
    struct slice bytes = SLICE("GET /path HTTP/1.1\r\n" HOST "X-Slow: yes\r\n\r\n");
    size_t sent = 0;
    while (sent < bytes.len && !raw_is_closed(fd, 50)) { /* one byte each 50 ms */
        raw_send(fd, slice_sub(bytes, sent, sent + 1));
        sent++;
    }
    assert_true(sent > 3 && sent < 25);
    close(fd);
    server_stop();
}

static void a_slow_body_is_cut_off(void **state UNUSED)
{
    server_start_with(&impatient, NULL, 0, 1);
    int fd = raw_connect(server.fixture.port);
    raw_send(fd, SLICE("PUT /path HTTP/1.1\r\n" HOST "Content-Length: 1000\r\n\r\n"));
    int sent = 0;
    for (; sent < 40 && !raw_is_closed(fd, 50); sent++)
        raw_send(fd, SLICE("x"));
    assert_true(sent > 3 && sent < 25);
    close(fd);
    server_stop();
}

static void a_connection_without_a_byte_is_cut_off(void **state UNUSED)
{
    server_start_with(&impatient, NULL, 0, 1);
    int fd = raw_connect(server.fixture.port);
    assert_false(raw_is_closed(fd, 200));
    assert_true(raw_is_closed(fd, 1000));
    close(fd);
    server_stop();
}

static void an_idle_connection_is_closed_later_than_a_slow_one(void **state UNUSED)
{
    server_start_with(&impatient, NULL, 0, 1);
    int fd = raw_connect(server.fixture.port);
    raw_send(fd, GET("/path"));
    struct raw_reply reply = raw_read_reply(fd, false);
    raw_reply_done(&reply);
    assert_false(raw_is_closed(fd, 900)); /* longer than request_timeout_ms */
    assert_true(raw_is_closed(fd, 2000));
    close(fd);
    server_stop();
}

static void a_request_in_work_is_not_cut_off(void **state UNUSED)
{
    server_start_with(&impatient, NULL, 0, 1);
    int fd = raw_connect(server.fixture.port);
    raw_send(fd, GET("/park"));
    server_wait_until_parked(1);
    assert_false(raw_is_closed(fd, 1900));
    server_release_parked();
    struct raw_reply reply = raw_read_reply(fd, false);
    assert_slice_equal(reply.body, SLICE("released"));
    raw_reply_done(&reply);
    close(fd);
    server_stop();
}

/* More of them than are read meanwhile. */
static void requests_behind_one_that_waits_are_answered_after_it(void **state UNUSED)
{
    enum { REQUESTS = 3000 };
    server_start(1);
    int fd = raw_connect(server.fixture.port);
    raw_send(fd, GET("/park"));
    server_wait_until_parked(1);
    send_pipelined(fd, REQUESTS);
    usleep(20000);
    server_release_parked();
    struct raw_reply reply = raw_read_reply(fd, false);
    assert_slice_equal(reply.body, SLICE("released"));
    raw_reply_done(&reply);
    check_pipelined(fd, REQUESTS);
    close(fd);
    server_stop();
}

/* evhttp takes the end for the client's leaving. */
static void who_ends_its_sending_still_gets_the_answers(void **state UNUSED)
{
    server_start(1);
    int fd = raw_connect(server.fixture.port);
    raw_send(fd, SLICE("GET /park HTTP/1.1\r\n" HOST "\r\nGET /below/1 HTTP/1.1\r\n" HOST "\r\nGET /cut"));
    server_wait_until_parked(1);
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    usleep(20000);
    server_release_parked();
    struct raw_reply reply = raw_read_reply(fd, false);
    assert_slice_equal(reply.body, SLICE("released"));
    raw_reply_done(&reply);
    reply = raw_read_reply(fd, false);
    assert_slice_equal(reply.body, SLICE("/below/1"));
    raw_reply_done(&reply);
    assert_true(raw_is_closed(fd, 3000));
    close(fd);
    server_stop();
}

static void a_body_beyond_every_limit_is_refused_before_it_is_sent(void **state UNUSED)
{
    server_start(1);
    int fd = raw_connect(server.fixture.port);
    raw_send(fd, SLICE("PUT /path HTTP/1.1\r\n" HOST "Content-Length: 100000000\r\n\r\n"));
    struct raw_reply reply = raw_read_reply(fd, false);
    assert_int_equal(reply.status, 413);
    assert_slice_equal(raw_reply_header(&reply, "Content-Type"), SLICE("application/problem+json"));
    raw_reply_done(&reply);
    assert_true(raw_is_closed(fd, 3000));
    close(fd);
    server_stop();
}

static void wait_for_connections(size_t count)
{
    for (int i = 0; i < 3000 && http_server_connections(server.fixture.server, 0) != count; i++)
        usleep(1000);
    assert_int_equal(http_server_connections(server.fixture.server, 0), count);
}

static void clients_wait_for_a_place_while_every_connection_is_answered(void **state UNUSED)
{
    server_start_with(&(struct http_limits){.connections = 1}, NULL, 0, 1);
    int held = raw_connect(server.fixture.port);
    raw_send(held, GET("/park"));
    server_wait_until_parked(1);
    int fd = raw_connect(server.fixture.port); /* by the kernel */
    raw_send(fd, GET("/path"));
    struct pollfd waiting = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&waiting, 1, 400), 0);
    assert_int_equal(http_server_connections(server.fixture.server, 0), 1);
    server_release_parked();
    struct raw_reply reply = raw_read_reply(held, false);
    assert_slice_equal(reply.body, SLICE("released"));
    raw_reply_done(&reply);
    reply = raw_read_reply(fd, false);
    assert_int_equal(reply.status, 200);
    raw_reply_done(&reply);
    close(held);
    close(fd);
    server_stop();
}

static void at_the_cap_the_longest_unused_connection_is_closed(void **state UNUSED)
{
    server_start_with(&(struct http_limits){.connections = 3}, NULL, 0, 1);
    int held[3];
    for (int i = 0; i < 3; i++) {
        held[i] = raw_connect(server.fixture.port);
        wait_for_connections((size_t)i + 1);
        usleep(2000);
    }
    raw_send(held[0], GET("/path"));
    struct raw_reply reply = raw_read_reply(held[0], false);
    assert_int_equal(reply.status, 200);
    raw_reply_done(&reply);
    reply = raw_exchange(server.fixture.port, GET("/path"));
    assert_int_equal(reply.status, 200);
    raw_reply_done(&reply);
    assert_true(raw_is_closed(held[1], 1000));
    assert_false(raw_is_closed(held[2], 50));
    assert_false(raw_is_closed(held[0], 50));
    for (int i = 0; i < 3; i++)
        close(held[i]);
    server_stop();
}

static void a_crowd_at_the_cap_does_not_keep_the_next_one_waiting(void **state UNUSED)
{
    int held[120];
    server_start_with(&(struct http_limits){.connections = 3}, NULL, 0, 1);
    for (size_t i = 0; i < COUNT_OF(held); i++) {
        held[i] = raw_connect(server.fixture.port);
        if (i % 2)
            raw_send(held[i], SLICE("GET /path HTT"));
    }
    struct raw_reply reply = raw_exchange(server.fixture.port, GET("/path")); /* gives up after some seconds */
    assert_int_equal(reply.status, 200);
    raw_reply_done(&reply);
    assert_true(http_server_connections(server.fixture.server, 0) <= 4);
    for (size_t i = 0; i < COUNT_OF(held); i++)
        close(held[i]);
    wait_for_connections(0);
    server_stop();
}

static void clients_wait_while_there_are_no_descriptors(void **state UNUSED)
{
    struct rlimit limit;
    server_start(1);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    int fd = raw_connect(server.fixture.port);
    raw_send(fd, GET("/path")); /* so that the loop has none to open for this one */
    struct raw_reply reply = raw_read_reply(fd, false);
    raw_reply_done(&reply);
    int waiting = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct rlimit none = {.rlim_cur = (rlim_t)waiting + 1, .rlim_max = limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(server.fixture.port)};
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
    server_stop();
}

static void reset(int fd)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
    close(fd);
}

static void a_client_that_leaves_during_a_wait_harms_nothing(void **state UNUSED)
{
    server_start(1);
    for (unsigned i = 1; i <= 20; i++) {
        int fd = raw_connect(server.fixture.port);
        raw_send(fd, GET("/park"));
        server_wait_until_parked(i);
        assert_int_equal(http_server_in_flight(server.fixture.server), 1);
        if (i % 2)
            close(fd);
        else
            reset(fd);
        server_release_parked();
        for (int j = 0; j < 3000 && http_server_in_flight(server.fixture.server) > 0; j++)
            usleep(1000);
        assert_int_equal(http_server_in_flight(server.fixture.server), 0);
        assert_int_equal(atomic_load(&server.results_freed), i);
    }
    wait_for_connections(0);
    server_stop();
}

static void a_client_that_reads_nothing_and_leaves_harms_nothing(void **state UNUSED)
{
    server_start(1);
    for (int i = 0; i < 10; i++) {
        int fd = raw_connect(server.fixture.port);
        for (int j = 0; j < 10; j++)
            raw_send(fd, GET("/much"));
        usleep(5000);
        reset(fd);
    }
    wait_for_connections(0);
    assert_int_equal(http_server_in_flight(server.fixture.server), 0);
    server_stop();
}

static void connections_that_never_asked_are_forgotten(void **state UNUSED)
{
    server_start(1);
    for (int i = 0; i < 200; i++)
        close(raw_connect(server.fixture.port));
    int half = raw_connect(server.fixture.port);
    raw_send(half, SLICE("GET /pa"));
    close(half);
    wait_for_connections(0);
    server_stop();
}

static void a_large_reply_arrives_whole(void **state UNUSED)
{
    server_start(1);
    struct raw_reply reply = raw_exchange(server.fixture.port, GET("/much"));
    assert_int_equal(reply.body.len, 900000);
    raw_reply_done(&reply);
    server_stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pipelined_requests_are_answered_in_order),
        cmocka_unit_test(a_request_may_come_in_single_bytes),
        cmocka_unit_test(expect_100_is_told_to_continue),
        cmocka_unit_test(headers_are_limited),
        cmocka_unit_test(a_target_is_limited_with_the_headers),
        cmocka_unit_test(a_slow_client_is_cut_off),
        cmocka_unit_test(a_slow_body_is_cut_off),
        cmocka_unit_test(a_connection_without_a_byte_is_cut_off),
        cmocka_unit_test(an_idle_connection_is_closed_later_than_a_slow_one),
        cmocka_unit_test(a_request_in_work_is_not_cut_off),
        cmocka_unit_test(requests_behind_one_that_waits_are_answered_after_it),
        cmocka_unit_test(at_the_cap_the_longest_unused_connection_is_closed),
        cmocka_unit_test(a_crowd_at_the_cap_does_not_keep_the_next_one_waiting),
        cmocka_unit_test(clients_wait_while_there_are_no_descriptors),
        cmocka_unit_test(a_client_that_leaves_during_a_wait_harms_nothing),
        cmocka_unit_test(a_client_that_reads_nothing_and_leaves_harms_nothing),
        cmocka_unit_test(connections_that_never_asked_are_forgotten),
        cmocka_unit_test(a_large_reply_arrives_whole),
    };
    const struct CMUnitTest not_evhttp[] = {
        cmocka_unit_test(who_ends_its_sending_still_gets_the_answers),
        cmocka_unit_test(a_body_beyond_every_limit_is_refused_before_it_is_sent),
        cmocka_unit_test(clients_wait_for_a_place_while_every_connection_is_answered),
    };
    int failed = cmocka_run_group_tests_name("server_connections", tests, NULL, NULL);
    failed += cmocka_run_group_tests_name("server_connections, strict alone", not_evhttp, NULL, NULL);
    server.is_evhttp = true;
    return failed + cmocka_run_group_tests_name("server_connections, evhttp", tests, NULL, NULL);
}
