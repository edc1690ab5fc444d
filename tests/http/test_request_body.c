#include "support/http_fixture.h"
#include "support/test.h"

#include "base/buf.h"
#include "http/problem_reply.h"

#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#define HOST    "Host: a.example\r\n"
#define CALLERS "POST /callers HTTP/1.1\r\n" HOST "X-Key: k\r\n"
#define OPEN    "POST /open HTTP/1.1\r\n" HOST

enum { ROUTE_BYTES = 60000 };

static struct http_fixture fixture;
static atomic_uint replied_count;
static atomic_uint admitted_count;

/* ---- endpoints ---- */

static enum step_result admit(struct flow *flow)
{
    struct request *request = request_of(flow);
    assert_int_equal(request->body.len, 0); /* whatever was sent by now is not read */
    if (!slice_is_absent(request_header(request, "X-Key", NULL))) {
        atomic_fetch_add(&admitted_count, 1);
        return STEP_NEXT;
    }
    problem_reply_status(request, STATUS_UNAUTHORIZED, SLICE_ABSENT);
    return STEP_REPLY;
}

static enum step_result say_length(struct flow *flow)
{
    struct request *request = request_of(flow);
    struct buf text = buf_in(&request->arena);
    buf_add_u64(&text, request->body.len);
    buf_add_byte(&text, ' ');
    buf_add(&text, slice_sub(request->body, 0, 3));
    request_reply_start(request, 200);
    request_reply_body(request, "text/plain", buf_slice(&text));
    request_reply_send(request);
    return STEP_REPLY;
}

static const struct step callers_steps[] = {
    {"admit", admit}, {"body", request_take_callers_body}, {"say", say_length}, {NULL, NULL}};
static const struct step open_steps[] = {{"body", request_take_body}, {"say", say_length}, {NULL, NULL}};
static const struct step deaf_steps[] = {{"say", say_length}, {NULL, NULL}};

static const struct route routes[] = {
    {.name = "callers", .path = "/callers", .methods = "POST", .steps = callers_steps, .body_max_bytes = ROUTE_BYTES},
    {.name = "open", .path = "/open", .methods = "POST", .steps = open_steps, .body_max_bytes = ROUTE_BYTES},
    {.name = "deaf", .path = "/deaf", .steps = deaf_steps},
    {.name = "largest", .path = "/largest", .steps = open_steps, .body_max_bytes = 200000},
};

static void note_reply(void *context UNUSED, const struct request *request UNUSED, int http_status UNUSED,
                       int64_t duration_ns UNUSED)
{
    atomic_fetch_add(&replied_count, 1);
}

/* Room for the largest body of any route, and so for three and a half of 60 000 bytes. */
static int set_up(void **state UNUSED)
{
    const struct http_server_config config = {
        .routes = routes,
        .route_count = COUNT_OF(routes),
        .limits = {.bodies_bytes = 1, .callers_bodies_bytes = 1, .request_timeout_ms = 3000},
        .observer = {.replied = note_reply},
    };
    atomic_store(&replied_count, 0);
    atomic_store(&admitted_count, 0);
    http_fixture_start(&fixture, &config, 1);
    return 0;
}

static int tear_down(void **state UNUSED)
{
    return http_fixture_stop(&fixture, 5000) ? 0 : -1;
}

/* ---- the client's side ---- */

static int send_head(const char *head)
{
    int fd = raw_connect(fixture.port);
    raw_send(fd, slice_str(head));
    return fd;
}

static void send_bytes(int fd, size_t len)
{
    static const char zeros[100000];
    raw_send(fd, slice_of(zeros, len));
}

static void expect(int fd, int status)
{
    struct raw_reply reply = raw_read_reply(fd, false);
    if (reply.status != status)
        fail_msg("status %d, expected %d: %s", reply.status, status, reply.text ? reply.text : "");
    raw_reply_done(&reply);
}

static void expect_text(int fd, struct slice text)
{
    struct raw_reply reply = raw_read_reply(fd, false);
    assert_int_equal(reply.status, 200);
    assert_slice_equal(reply.body, text);
    raw_reply_done(&reply);
}

static void expect_last(int fd, int status)
{
    expect(fd, status);
    assert_true(raw_is_closed(fd, 3000));
    close(fd);
}

/* ---- what is judged at the head ---- */

static void a_path_that_is_nobodys_is_answered_without_its_body(void **state UNUSED)
{
    expect_last(send_head("POST /nowhere HTTP/1.1\r\n" HOST "Content-Length: 1000\r\n\r\nabc"), 404);
    expect_last(send_head("POST /nowhere HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc"), 404);
}

static void a_method_that_is_not_taken_is_answered_without_its_body(void **state UNUSED)
{
    expect_last(send_head("PUT /open HTTP/1.1\r\n" HOST "Content-Length: 1000\r\n\r\nabc"), 405);
}

static void a_body_above_the_routes_own_limit_is_refused_at_the_head(void **state UNUSED)
{
    expect_last(send_head(OPEN "Content-Length: 60001\r\n\r\n"), 413); /* although another route takes it */
    expect_last(send_head(CALLERS "Content-Length: 60001\r\n\r\n"), 413);
    assert_int_equal(atomic_load(&admitted_count), 0);
}

static void a_stranger_is_refused_without_the_body(void **state UNUSED)
{
    expect_last(send_head("POST /callers HTTP/1.1\r\n" HOST "Content-Length: 50000\r\n\r\nabc"), 401);
    expect_last(send_head("POST /callers HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"), 401);
}

static void a_stranger_is_not_told_to_continue(void **state UNUSED)
{
    expect_last(send_head("POST /callers HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 50000\r\n\r\n"),
                401);
}

static void a_stranger_whose_body_came_with_the_head_may_ask_again(void **state UNUSED)
{
    int fd = send_head("POST /callers HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n");
    expect(fd, 401);
    raw_send(fd, SLICE(OPEN "Content-Length: 3\r\n\r\nabc"));
    expect_text(fd, SLICE("3 abc"));
    close(fd);
}

static void what_follows_an_unread_body_is_never_a_request(void **state UNUSED)
{
    int fd =
        send_head("POST /nowhere HTTP/1.1\r\n" HOST "Content-Length: 1000\r\n\r\n" OPEN "Content-Length: 0\r\n\r\n");
    expect_last(fd, 404);
    assert_int_equal(atomic_load(&replied_count), 1);
}

static void an_endpoint_that_reads_no_body_is_answered_and_closed(void **state UNUSED)
{
    expect_last(send_head("POST /deaf HTTP/1.1\r\n" HOST "Content-Length: 1000\r\n\r\nabc"), 200);
}

/* ---- bodies that come later ---- */

static void a_callers_body_is_read_once_he_is_known(void **state UNUSED)
{
    int fd = send_head(CALLERS "Expect: 100-continue\r\nContent-Length: 50000\r\n\r\n");
    expect(fd, 100);
    assert_int_equal(atomic_load(&admitted_count), 1);
    for (int i = 0; i < 5; i++)
        send_bytes(fd, 10000);
    expect_text(fd, slice_of("50000 \0\0\0", 9));
    raw_send(fd, SLICE(OPEN "Content-Length: 3\r\n\r\nabc")); /* the connection stays */
    expect_text(fd, SLICE("3 abc"));
    close(fd);
}

static void a_chunked_body_is_read_from_its_first_byte(void **state UNUSED)
{
    int fd = send_head(OPEN "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2");
    usleep(20000);
    raw_send(fd, SLICE("\r\nde\r\n0\r\n\r\n" OPEN "Content-Length: 2\r\n\r\nxy"));
    expect_text(fd, SLICE("5 abc"));
    expect_text(fd, SLICE("2 xy"));
    close(fd);
}

static void a_chunked_body_ends_at_the_routes_own_limit(void **state UNUSED)
{
    int fd = send_head(OPEN "Transfer-Encoding: chunked\r\n\r\nea60\r\n"); /* 60 000 */
    send_bytes(fd, ROUTE_BYTES);
    raw_send(fd, SLICE("\r\n0\r\n\r\n"));
    expect_text(fd, slice_of("60000 \0\0\0", 9));
    raw_send(fd, SLICE(OPEN "Transfer-Encoding: chunked\r\n\r\nea61\r\nx"));
    expect_last(fd, 413);
}

static void a_chunk_that_is_wrong_later_is_refused(void **state UNUSED)
{
    int fd = send_head(OPEN "Transfer-Encoding: chunked\r\n\r\n3\r\nab");
    usleep(20000);
    raw_send(fd, SLICE("cX"));
    expect_last(fd, 400);
}

static void a_client_who_ends_in_the_middle_is_nobodys_reply(void **state UNUSED)
{
    for (int i = 0; i < 20; i++) {
        int fd = send_head(OPEN "Content-Length: 50000\r\n\r\nabc");
        if (i % 2)
            usleep(2000);
        shutdown(fd, SHUT_WR);
        assert_true(raw_is_closed(fd, 3000));
        close(fd);
    }
    int fd = send_head(OPEN "Content-Length: 3\r\n\r\nabc");
    expect(fd, 200);
    close(fd);
    assert_int_equal(atomic_load(&replied_count), 1);
}

static void a_client_who_ends_behind_his_body_is_answered(void **state UNUSED)
{
    int fd = send_head(OPEN "Content-Length: 30000\r\n\r\n");
    send_bytes(fd, 30000);
    shutdown(fd, SHUT_WR);
    expect_last(fd, 200);
}

static void a_body_that_stops_is_cut_off_in_time(void **state UNUSED)
{
    int fd = send_head(OPEN "Content-Length: 50000\r\n\r\nabc");
    assert_false(raw_is_closed(fd, 1000));
    assert_true(raw_is_closed(fd, 8000));
    close(fd);
}

/* ---- the room for all of them ---- */

/* One that stays: `len` bytes of 60 000 have come. */
static int send_part(const char *head, size_t len)
{
    int fd = send_head(head);
    struct raw_reply reply = raw_read_reply(fd, false); /* it is being read */
    assert_int_equal(reply.status, 100);
    raw_reply_done(&reply);
    send_bytes(fd, len);
    return fd;
}

#define LARGE "Expect: 100-continue\r\nContent-Length: 60000\r\n\r\n"

static void among_strangers_the_oldest_makes_room(void **state UNUSED)
{
    int old[3];
    for (size_t i = 0; i < COUNT_OF(old); i++)
        old[i] = send_part(OPEN LARGE, 59000);
    int fresh = send_part(OPEN LARGE, 60000);
    expect(fresh, 200);
    struct raw_reply reply = raw_read_reply(old[0], false);
    assert_int_equal(reply.status, 503);
    assert_false(slice_is_absent(raw_reply_header(&reply, "Retry-After")));
    raw_reply_done(&reply);
    assert_true(raw_is_closed(old[0], 3000));
    for (size_t i = 1; i < COUNT_OF(old); i++) { /* there was no need for theirs */
        send_bytes(old[i], 1000);
        expect(old[i], 200);
        close(old[i]);
    }
    close(old[0]);
    close(fresh);
}

static void among_callers_the_newest_is_refused(void **state UNUSED)
{
    int old[3];
    for (size_t i = 0; i < COUNT_OF(old); i++)
        old[i] = send_part(CALLERS LARGE, 59000);
    expect_last(send_head(CALLERS LARGE), 503); /* and was not told to continue */
    for (size_t i = 0; i < COUNT_OF(old); i++) {
        send_bytes(old[i], 1000);
        expect(old[i], 200);
        close(old[i]);
    }
}

static void strangers_leave_callers_their_room(void **state UNUSED)
{
    int strangers[3];
    for (size_t i = 0; i < COUNT_OF(strangers); i++)
        strangers[i] = send_part(OPEN LARGE, 59000);
    int caller = send_part(CALLERS LARGE, 60000);
    expect(caller, 200);
    close(caller);
    for (size_t i = 0; i < COUNT_OF(strangers); i++) {
        send_bytes(strangers[i], 1000);
        expect(strangers[i], 200);
        close(strangers[i]);
    }
}

static void the_room_is_given_back(void **state UNUSED)
{
    for (int i = 0; i < 30; i++) {
        int fd = send_part(CALLERS LARGE, i % 3 ? 60000 : 59000);
        if (i % 3)
            expect(fd, 200);
        close(fd);
    }
    int fd = send_part(CALLERS LARGE, 60000);
    expect(fd, 200);
    close(fd);
}

static void one_body_of_the_largest_route_always_fits(void **state UNUSED)
{
    int fd = send_head("POST /largest HTTP/1.1\r\n" HOST "Content-Length: 200000\r\n\r\n");
    send_bytes(fd, 100000);
    send_bytes(fd, 100000);
    expect(fd, 200);
    close(fd);
}

static void a_body_that_comes_when_all_ends_leaves_nothing_behind(void **state)
{
    int fds[] = {send_part(OPEN LARGE, 30000), send_part(CALLERS LARGE, 30000)};
    assert_false(http_fixture_stop(&fixture, 50));
    for (size_t i = 0; i < COUNT_OF(fds); i++) {
        assert_true(raw_is_closed(fds[i], 3000));
        close(fds[i]);
    }
    assert_int_equal(set_up(state), 0); /* for tear_down */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_path_that_is_nobodys_is_answered_without_its_body),
        TEST(a_method_that_is_not_taken_is_answered_without_its_body),
        TEST(a_body_above_the_routes_own_limit_is_refused_at_the_head),
        TEST(a_stranger_is_refused_without_the_body),
        TEST(a_stranger_is_not_told_to_continue),
        TEST(a_stranger_whose_body_came_with_the_head_may_ask_again),
        TEST(what_follows_an_unread_body_is_never_a_request),
        TEST(an_endpoint_that_reads_no_body_is_answered_and_closed),
        TEST(a_callers_body_is_read_once_he_is_known),
        TEST(a_chunked_body_is_read_from_its_first_byte),
        TEST(a_chunked_body_ends_at_the_routes_own_limit),
        TEST(a_chunk_that_is_wrong_later_is_refused),
        TEST(a_client_who_ends_in_the_middle_is_nobodys_reply),
        TEST(a_client_who_ends_behind_his_body_is_answered),
        TEST(a_body_that_stops_is_cut_off_in_time),
        TEST(among_strangers_the_oldest_makes_room),
        TEST(among_callers_the_newest_is_refused),
        TEST(strangers_leave_callers_their_room),
        TEST(the_room_is_given_back),
        TEST(one_body_of_the_largest_route_always_fits),
        TEST(a_body_that_comes_when_all_ends_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
