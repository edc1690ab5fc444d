#include "server_bench.h"

#include "support/test.h"
#include "support/threads.h"

#include "base/buf.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* --- replies --- */

static void replies_carry_length_date_and_request_id(void **state UNUSED)
{
    server_start(1);
    struct raw_reply reply = raw_exchange(server.fixture.port, GET("/path"));
    assert_int_equal(reply.status, 200);
    assert_slice_equal(reply.body, SLICE("/path"));
    assert_slice_equal(raw_reply_header(&reply, "Content-Length"), SLICE("5"));
    assert_slice_equal(raw_reply_header(&reply, "Content-Type"), SLICE("text/plain"));
    assert_int_equal(raw_reply_header(&reply, "X-Request-Id").len, 32);
    assert_false(slice_is_absent(raw_reply_header(&reply, "Date")));
    assert_true(slice_is_absent(raw_reply_header(&reply, "Connection")));
    raw_reply_done(&reply);
    server_stop();
    assert_int_equal(server.replied_count, 1);
    assert_string_equal(server.replied_handler, "path");
}

static bool trust_peer(void *context, const struct peer *peer)
{
    assert_string_equal(peer->text, "127.0.0.1");
    return *(bool *)context;
}

/* Whoever may choose a request's id chooses what the log says of it. */
static void the_trace_id_names_the_request_of_a_trusted_peer_alone(void **state UNUSED)
{
    for (int i = 0; i < 2; i++) {
        bool is_trusted = i;
        server_start_as(&(struct http_server_config){.is_trusted = trust_peer, .is_trusted_context = &is_trusted}, 1);
        struct raw_reply reply = raw_exchange(
            server.fixture.port, SLICE("GET /path HTTP/1.1\r\n" HOST
                                       "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n\r\n"));
        struct slice id = raw_reply_header(&reply, "X-Request-Id");
        assert_int_equal(id.len, 32);
        assert_int_equal(slice_eq(id, SLICE("4bf92f3577b34da6a3ce929d0e0e4736")), is_trusted);
        raw_reply_done(&reply);
        server_stop();
    }
}

static void request_ids_differ(void **state UNUSED)
{
    server_start(1);
    char seen[100][32];
    for (int i = 0; i < 100; i++) {
        struct raw_reply reply = raw_exchange(server.fixture.port, GET("/path"));
        memcpy(seen[i], raw_reply_header(&reply, "X-Request-Id").ptr, 32);
        raw_reply_done(&reply);
        for (int j = 0; j < i; j++)
            assert_memory_not_equal(seen[i], seen[j], 32);
    }
    server_stop();
}

static void an_unknown_path_is_a_404_with_a_problem(void **state UNUSED)
{
    server_start(1);
    struct raw_reply reply = raw_exchange(server.fixture.port, GET("/path/"));
    assert_int_equal(reply.status, 404);
    assert_slice_equal(raw_reply_header(&reply, "Content-Type"), SLICE("application/problem+json"));
    assert_true(slice_starts_with(reply.body, SLICE("{\"type\":\"about:blank\",\"title\":\"Not Found\",\"status\":404,"
                                                    "\"detail\":\"this port has no such path")));
    raw_reply_done(&reply);
    server_stop();
    assert_string_equal(server.replied_handler, "-");
}

static void another_method_is_a_405_that_names_the_allowed(void **state UNUSED)
{
    server_start(1);
    struct raw_reply reply = raw_exchange(server.fixture.port, SLICE("DELETE /path HTTP/1.1\r\n" HOST "\r\n"));
    assert_int_equal(reply.status, 405);
    assert_slice_equal(raw_reply_header(&reply, "Allow"), SLICE("GET, HEAD, PUT"));
    assert_true(slice_find_slice(reply.body, SLICE("\"detail\":\"this path does not take this method")) <
                reply.body.len);
    raw_reply_done(&reply);
    server_stop();
}

static void head_has_the_length_of_get_and_no_body(void **state UNUSED)
{
    server_start(1);
    int fd = raw_connect(server.fixture.port);
    raw_send(fd, SLICE("HEAD /path HTTP/1.1\r\n" HOST "\r\nGET /path HTTP/1.1\r\n" HOST "\r\n"));
    struct raw_reply reply = raw_read_reply(fd, true);
    assert_slice_equal(raw_reply_header(&reply, "Content-Length"), SLICE("5"));
    raw_reply_done(&reply);
    reply = raw_read_reply(fd, false);
    assert_slice_equal(reply.body, SLICE("/path"));
    raw_reply_done(&reply);
    close(fd);
    server_stop();
}

static void a_204_has_no_length(void **state UNUSED)
{
    server_start(1);
    int fd = raw_connect(server.fixture.port);
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
    server_stop();
}

static void an_injected_header_becomes_a_500(void **state UNUSED)
{
    server_start(1);
    struct raw_reply reply = raw_exchange(server.fixture.port, GET("/inject"));
    assert_int_equal(reply.status, 500);
    assert_true(slice_is_absent(raw_reply_header(&reply, "Location")));
    assert_true(slice_is_absent(raw_reply_header(&reply, "Set-Cookie")));
    raw_reply_done(&reply);
    server_stop();
}

static void a_reply_that_was_forgotten_becomes_a_500(void **state UNUSED)
{
    server_start(1);
    struct raw_reply reply = raw_exchange(server.fixture.port, GET("/forget"));
    assert_int_equal(reply.status, 500);
    raw_reply_done(&reply);
    server_stop();
}

static void a_wait_that_times_out_is_a_503_with_retry_after(void **state UNUSED)
{
    server_start(1);
    struct raw_reply reply = raw_exchange(server.fixture.port, GET("/down"));
    assert_int_equal(reply.status, 503);
    assert_slice_equal(raw_reply_header(&reply, "Retry-After"), SLICE("1"));
    raw_reply_done(&reply);
    server_stop();
}

static void a_retry_after_of_the_endpoints_own_is_the_only_one(void **state UNUSED)
{
    server_start(1);
    struct raw_reply reply = raw_exchange(server.fixture.port, GET("/later"));
    assert_slice_equal(raw_reply_header(&reply, "Retry-After"), SLICE("17"));
    size_t first = slice_find_slice(reply.head, SLICE("Retry-After"));
    struct slice rest = slice_sub(reply.head, first + 1, reply.head.len);
    assert_int_equal(slice_find_slice(rest, SLICE("Retry-After")), rest.len);
    raw_reply_done(&reply);
    server_stop();
}

static void a_route_may_have_more_memory_for_its_own_requests_alone(void **state UNUSED)
{
    static const struct {
        struct slice request, room;
    } rows[] = {{SLICE_INIT("GET /room HTTP/1.1\r\n" HOST "\r\n"), SLICE_INIT("no room")},
                {SLICE_INIT("GET /more-room HTTP/1.1\r\n" HOST "\r\n"), SLICE_INIT("room")},
                {SLICE_INIT("GET /room HTTP/1.1\r\n" HOST "\r\n"), SLICE_INIT("no room")}};
    server_start_with(&(struct http_limits){.arena_bytes = 65536}, NULL, 0, 1);
    for (size_t i = 0; i < COUNT_OF(rows); i++) { /* one after the other, so that the request's memory is the same */
        struct raw_reply reply = raw_exchange(server.fixture.port, rows[i].request);
        assert_slice_equal(reply.body, rows[i].room);
        raw_reply_done(&reply);
    }
    server_stop();
}

static void a_body_that_is_not_twice_too_large_is_a_problem(void **state UNUSED)
{
    static char request[256 + 3000];
    const size_t lengths[] = {1001, 2000};
    server_start_with(&(struct http_limits){.body_bytes = 1000}, NULL, 0, 1);
    for (size_t i = 0; i < COUNT_OF(lengths); i++) {
        struct buf text = buf_fixed(request, sizeof request);
        buf_addf(&text, "PUT /path HTTP/1.1\r\n" HOST "Content-Length: %zu\r\n\r\n", lengths[i]);
        for (size_t n = 0; n < lengths[i]; n++)
            buf_add_byte(&text, 'x');
        struct raw_reply reply = raw_exchange(server.fixture.port, buf_slice(&text));
        assert_int_equal(reply.status, 413);
        assert_slice_equal(raw_reply_header(&reply, "Content-Type"), SLICE("application/problem+json"));
        assert_slice_equal(raw_reply_header(&reply, "Connection"), SLICE("close"));
        raw_reply_done(&reply);
    }
    server_stop();
}

static void routes_hand_over_values_and_what_is_below(void **state UNUSED)
{
    server_start(1);
    struct raw_reply reply = raw_exchange(server.fixture.port, GET("/v/a%2Fb/x/c"));
    assert_slice_equal(reply.body, SLICE("a%2Fb c"));
    raw_reply_done(&reply);
    reply = raw_exchange(server.fixture.port, GET("/below/it/"));
    assert_slice_equal(reply.body, SLICE("/below/it/"));
    raw_reply_done(&reply);
    server_stop();
}

static void the_peer_is_known(void **state UNUSED)
{
    server_start(1);
    struct raw_reply reply = raw_exchange(server.fixture.port, GET("/peer"));
    assert_slice_equal(reply.body, SLICE("127.0.0.1"));
    raw_reply_done(&reply);
    server_stop();
}

/* --- the end --- */

static void draining_closes_after_each_reply(void **state UNUSED)
{
    server_start(1);
    int fd = raw_connect(server.fixture.port);
    raw_send(fd, GET("/path"));
    struct raw_reply reply = raw_read_reply(fd, false);
    raw_reply_done(&reply);
    http_server_drain(server.fixture.server);
    raw_send(fd, GET("/path"));
    reply = raw_read_reply(fd, false);
    assert_int_equal(reply.status, 200);
    assert_slice_equal(raw_reply_header(&reply, "Connection"), SLICE("close"));
    raw_reply_done(&reply);
    assert_true(raw_is_closed(fd, 3000));
    close(fd);
    reply = raw_exchange(server.fixture.port, SLICE("GET /path HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
    assert_slice_equal(raw_reply_header(&reply, "Connection"), SLICE("close")); /* still accepts */
    raw_reply_done(&reply);
    server_stop();
}

static void *release_later(void *context UNUSED)
{
    usleep(400000);
    server_release_parked();
    return NULL;
}

static void stopping_finishes_what_is_in_flight_and_closes_the_idle(void **state UNUSED)
{
    server_start(2);
    int idle = raw_connect(server.fixture.port);
    int fd = raw_connect(server.fixture.port);
    /* the parked flow must be on the first loop, where server_release_parked posts */
    raw_send(fd, GET("/loop"));
    struct raw_reply reply = raw_read_reply(fd, false);
    while (!slice_eq(reply.body, SLICE("0"))) {
        raw_reply_done(&reply);
        close(fd);
        fd = raw_connect(server.fixture.port);
        raw_send(fd, GET("/loop"));
        reply = raw_read_reply(fd, false);
    }
    raw_reply_done(&reply);
    raw_send(fd, GET("/park"));
    server_wait_until_parked(1);
    pthread_t releaser;
    assert_int_equal(pthread_create(&releaser, NULL, release_later, NULL), 0);
    uint16_t port = server.fixture.port;
    server_stop(); /* blocks until all is finished */
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
    server_start(2);
    int fds[40];
    for (size_t i = 0; i < COUNT_OF(fds); i++) {
        fds[i] = raw_connect(server.fixture.port);
        raw_send(fds[i], GET("/path"));
    }
    server_stop();
    for (size_t i = 0; i < COUNT_OF(fds); i++) {
        struct raw_reply reply = raw_read_reply(fds[i], false);
        assert_int_equal(reply.status, 200);
        raw_reply_done(&reply);
        close(fds[i]);
    }
}

/* One that asks and asks, each time on a connection of its own, until it can connect no more. */
struct asker {
    uint16_t port;
    unsigned answered;
    unsigned cut; /* connected, asked in time, and not answered */
};

static void *ask_until_refused(void *context)
{
    enum { IN_TIME_MS = 50 }; /* what was connected last has twice that time to ask */
    struct asker *asker = context;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(asker->port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const struct timeval patience = {.tv_usec = 300000};
    for (bool is_connected = true; is_connected;) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
        int64_t begun_ms = clock_monotonic_ms();
        is_connected = connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
        struct slice request = GET("/path");
        char reply[512];
        bool is_sent = is_connected && send(fd, request.ptr, request.len, MSG_NOSIGNAL) == (ssize_t)request.len;
        int64_t took_ms = clock_monotonic_ms() - begun_ms;
        if (is_sent && recv(fd, reply, sizeof reply, 0) > 0)
            asker->answered++;
        else if (is_connected && took_ms < IN_TIME_MS)
            asker->cut++;
        close(fd);
    }
    return NULL;
}

/* A gateway sends no POST to a second server: a connection that is taken and cut is a request that fails. */
static void stopping_cuts_nobody_off_who_could_connect(void **state UNUSED)
{
    for (int round = 0; round < 5; round++) {
        struct asker askers[8] = {0};
        pthread_t threads[COUNT_OF(askers)];
        server_start(2);
        for (size_t i = 0; i < COUNT_OF(askers); i++)
            askers[i].port = server.fixture.port;
        threads_start(threads, COUNT_OF(askers), ask_until_refused, askers, sizeof *askers);
        usleep(50000);
        server_stop();
        threads_join(threads, COUNT_OF(askers));
        unsigned answered = 0;
        for (size_t i = 0; i < COUNT_OF(askers); i++) {
            assert_int_equal(askers[i].cut, 0);
            answered += askers[i].answered;
        }
        assert_true(answered > 0);
    }
}

/* Whoever kept its ticket may use it to the loop's end: it is void. */
static void stopping_gives_up_at_its_deadline(void **state UNUSED)
{
    server_start(1);
    int fd = raw_connect(server.fixture.port);
    raw_send(fd, GET("/park"));
    server_wait_until_parked(1);
    int64_t began_ns = clock_monotonic_ns();
    assert_false(http_fixture_stop(&server.fixture, 300));
    /* a loop reads its clock once a turn, so that a timer may be a little early by ours */
    assert_in_range((clock_monotonic_ns() - began_ns) / 1000000, 250, 3000);
    assert_true(raw_is_closed(fd, 1000));
    close(fd);
}

/* --- addresses --- */

static struct slice try_to_listen(const struct http_listen *listen, struct buf *why)
{
    static const struct step none[] = {{NULL, NULL}};
    static const struct route nowhere = {.name = "nowhere", .path = "/nowhere", .steps = none};
    struct clock clock = clock_system(0);
    struct loop *loop = loop_new(&clock, NULL);
    assert_non_null(loop);
    struct http_server_config config = {
        .listen = listen, .listen_count = 1, .routes = &nowhere, .route_count = 1, .loops = &loop, .loop_count = 1};
    struct http_server *another = http_server_new(&config);
    assert_non_null(another);
    if (http_server_start(another, why) == STATUS_OK)
        buf_add_str(why, "listens");
    http_server_free(another);
    loop_free(loop);
    return buf_slice(why);
}

static void a_port_in_use_is_told_with_its_address(void **state UNUSED)
{
    server_start(2);
    char expected[64];
    struct http_listen same = {.host = SLICE("127.0.0.1"), .port = server.fixture.port};
    struct buf why = BUF_INIT;
    snprintf(expected, sizeof expected, "127.0.0.1:%u: the address is already in use", server.fixture.port);
    assert_slice_equal(try_to_listen(&same, &why), slice_str(expected));
    buf_reset(&why);
    struct http_listen any = {.host = SLICE(""), .port = server.fixture.port};
    snprintf(expected, sizeof expected, ":%u: the address is already in use", server.fixture.port);
    assert_slice_equal(try_to_listen(&any, &why), slice_str(expected));
    buf_done(&why);
    server_stop();
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
    server_start_with(&(struct http_limits){0}, &any, 1, 1);
    struct raw_reply reply = raw_exchange(server.fixture.port, GET("/peer"));
    assert_slice_equal(reply.body, SLICE("127.0.0.1")); /* not ::ffff:127.0.0.1 */
    raw_reply_done(&reply);
    struct sockaddr_in6 ipv6 = {
        .sin6_family = AF_INET6, .sin6_port = htons(server.fixture.port), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int fd = socket(AF_INET6, SOCK_STREAM, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&ipv6, sizeof ipv6) == 0) {
        raw_send(fd, GET("/peer"));
        reply = raw_read_reply(fd, false);
        assert_slice_equal(reply.body, SLICE("::1"));
        raw_reply_done(&reply);
    }
    if (fd >= 0)
        close(fd);
    server_stop();
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
    server_start_with(&(struct http_limits){0}, both, 2, 2);
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
    assert_int_equal(http_server_port(server.fixture.server, 0), 0);
    struct raw_reply reply = raw_exchange(http_server_port(server.fixture.server, 1), GET("/peer"));
    assert_slice_equal(reply.body, SLICE("127.0.0.1"));
    raw_reply_done(&reply);
    server_stop();
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
    server_start(4);
    unsigned seen[4] = {0};
    for (int i = 0; i < 200; i++) {
        struct raw_reply reply = raw_exchange(server.fixture.port, GET("/loop"));
        seen[reply.body.ptr[0] - '0']++;
        raw_reply_done(&reply);
    }
    uint64_t sum = 0;
    for (size_t i = 0; i < 4; i++) {
        assert_true(seen[i] > 0);
        assert_int_equal(http_server_requests(server.fixture.server, i), seen[i]);
        sum += seen[i];
    }
    assert_int_equal(sum, 200);
    server_stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replies_carry_length_date_and_request_id),
        cmocka_unit_test(the_trace_id_names_the_request_of_a_trusted_peer_alone),
        cmocka_unit_test(request_ids_differ),
        cmocka_unit_test(an_unknown_path_is_a_404_with_a_problem),
        cmocka_unit_test(another_method_is_a_405_that_names_the_allowed),
        cmocka_unit_test(head_has_the_length_of_get_and_no_body),
        cmocka_unit_test(a_204_has_no_length),
        cmocka_unit_test(an_injected_header_becomes_a_500),
        cmocka_unit_test(a_reply_that_was_forgotten_becomes_a_500),
        cmocka_unit_test(a_wait_that_times_out_is_a_503_with_retry_after),
        cmocka_unit_test(a_retry_after_of_the_endpoints_own_is_the_only_one),
        cmocka_unit_test(a_route_may_have_more_memory_for_its_own_requests_alone),
        cmocka_unit_test(a_body_that_is_not_twice_too_large_is_a_problem),
        cmocka_unit_test(routes_hand_over_values_and_what_is_below),
        cmocka_unit_test(the_peer_is_known),
        cmocka_unit_test(draining_closes_after_each_reply),
        cmocka_unit_test(stopping_finishes_what_is_in_flight_and_closes_the_idle),
        cmocka_unit_test(stopping_takes_what_was_connected_before),
        cmocka_unit_test(stopping_cuts_nobody_off_who_could_connect),
        cmocka_unit_test(stopping_gives_up_at_its_deadline),
        cmocka_unit_test(a_port_in_use_is_told_with_its_address),
        cmocka_unit_test(an_address_of_another_machine_is_told),
        cmocka_unit_test(every_address_means_both_families),
        cmocka_unit_test(a_socket_file_is_for_owner_and_group_and_goes_with_the_server),
        cmocka_unit_test(a_stale_socket_file_is_replaced_and_another_file_is_not),
        cmocka_unit_test(several_loops_share_the_connections),
    };
    int failed = cmocka_run_group_tests_name("http_server", tests, NULL, NULL);
    server.is_evhttp = true;
    return failed + cmocka_run_group_tests_name("http_server, evhttp", tests, NULL, NULL);
}
