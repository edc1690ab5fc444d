/* What many clients, or one that means no good, may do to the others of the strict transport. */
#include "support/http_fixture.h"
#include "support/test.h"

#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define HOST           "Host: a.example\r\n"
#define GET(path)      SLICE(GET_TEXT(path))
#define GET_TEXT(path) "GET " path " HTTP/1.1\r\n" HOST "\r\n"

enum {
    FLOODERS = 64,
    TRIES = 20,
    FEW = 200,   /* replies to others while one waits */
    CROWD = 400, /* connections that expire at once */
    A_TURN_DROPS = 32 /* at most */,
    A_TURN_ACCEPTS = 16,
};

static struct http_fixture fixture;
static atomic_uint replied_count;
static atomic_uint replied_path; /* replied_count at the last reply of /path */
static atomic_uint closed_count[HTTP_CLOSINGS];

static enum step_result say(struct request *request, struct slice text)
{
    request_reply_start(request, 200);
    request_reply_body(request, "text/plain", text);
    request_reply_send(request);
    return STEP_REPLY;
}

static enum step_result say_path(struct flow *flow)
{
    return say(request_of(flow), SLICE("/path"));
}

static enum step_result say_known(struct flow *flow)
{
    request_earns_connection(request_of(flow));
    return say(request_of(flow), SLICE("known"));
}

static enum step_result know(struct flow *flow)
{
    request_earns_connection(request_of(flow));
    return STEP_NEXT;
}

static enum step_result say_much(struct flow *flow)
{
    struct request *request = request_of(flow);
    size_t len = 4000000;
    char *text = arena_bytes(&request->arena, len);
    assert_non_null(text);
    memset(text, 'x', len);
    return say(request, slice_of(text, len));
}

static const struct step path_steps[] = {{"path", say_path}, {NULL, NULL}};
static const struct step body_steps[] = {{"body", request_take_body}, {"path", say_path}, {NULL, NULL}};
static const struct step known_steps[] = {{"known", say_known}, {NULL, NULL}};
static const struct step caller_steps[] = {
    {"know", know}, {"body", request_take_callers_body}, {"path", say_path}, {NULL, NULL}};
static const struct step much_steps[] = {{"much", say_much}, {NULL, NULL}};
static const struct route routes[] = {
    {.name = "path", .path = "/path", .methods = "GET", .steps = path_steps},
    {.name = "body", .path = "/body", .methods = "POST", .steps = body_steps, .body_max_bytes = 8 << 20},
    {.name = "known", .path = "/known", .methods = "GET", .steps = known_steps},
    {.name = "caller", .path = "/caller", .methods = "POST", .steps = caller_steps, .body_max_bytes = 1 << 20},
    {.name = "much", .path = "/much", .methods = "GET", .steps = much_steps},
};

static void note_reply(void *context UNUSED, const struct request *request, int http_status UNUSED,
                       int64_t duration_ns UNUSED)
{
    unsigned count = atomic_fetch_add(&replied_count, 1) + 1;
    if (request->route)
        atomic_store(&replied_path, count);
}

static void note_closed(void *context UNUSED, enum http_closing why, const struct peer *peer UNUSED)
{
    atomic_fetch_add(&closed_count[why], 1);
}

static bool all_are_trusted;

static bool is_trusted(void *context, const struct peer *peer)
{
    assert_ptr_equal(context, &all_are_trusted);
    assert_string_equal(peer->text, "127.0.0.1");
    return all_are_trusted;
}

static void start(const struct http_limits *limits)
{
    const struct http_server_config config = {
        .routes = routes,
        .route_count = COUNT_OF(routes),
        .limits = *limits,
        .observer = {.replied = note_reply, .closed = note_closed},
        .is_trusted = is_trusted,
        .is_trusted_context = &all_are_trusted,
    };
    atomic_store(&replied_count, 0);
    for (size_t i = 0; i < HTTP_CLOSINGS; i++)
        atomic_store(&closed_count[i], 0);
    http_fixture_start(&fixture, &config, 1);
}

static void stop(void)
{
    assert_true(http_fixture_stop(&fixture, 5000));
}

static void wait_for_connections(size_t count)
{
    for (int i = 0; i < 5000 && http_server_connections(fixture.server, 0) != count; i++)
        usleep(1000);
    assert_int_equal(http_server_connections(fixture.server, 0), count);
}

static void ask(int fd, struct slice bytes)
{
    raw_send(fd, bytes);
    struct raw_reply reply = raw_read_reply(fd, false);
    assert_int_equal(reply.status, 200);
    raw_reply_done(&reply);
}

/* --- turns --- */

/* Clients that send without end, and read whatever comes. */
struct flood {
    struct slice bytes; /* sent again and again */
    atomic_bool is_over;
    int fds[FLOODERS];
    size_t sent[FLOODERS]; /* of `bytes` */
    pthread_t thread;
};

static void send_on(struct flood *flood, size_t i)
{
    ssize_t sent = 1;
    while (sent > 0) {
        struct slice rest = slice_sub(flood->bytes, flood->sent[i], flood->bytes.len);
        sent = send(flood->fds[i], rest.ptr, rest.len, MSG_NOSIGNAL | MSG_DONTWAIT);
        flood->sent[i] = sent > 0 ? (flood->sent[i] + (size_t)sent) % flood->bytes.len : flood->sent[i];
    }
}

static void *run_flood(void *context)
{
    struct flood *flood = context;
    static char dropped[65536];
    struct pollfd polled[FLOODERS];
    while (!atomic_load(&flood->is_over)) {
        for (size_t i = 0; i < FLOODERS; i++)
            polled[i] = (struct pollfd){.fd = flood->fds[i], .events = POLLIN | POLLOUT};
        (void)poll(polled, FLOODERS, 50);
        for (size_t i = 0; i < FLOODERS; i++) {
            while (polled[i].revents & POLLIN && recv(flood->fds[i], dropped, sizeof dropped, MSG_DONTWAIT) > 0)
                ;
            if (polled[i].revents & POLLOUT)
                send_on(flood, i);
        }
    }
    return NULL;
}

static void start_flood(struct flood *flood, struct slice bytes)
{
    *flood = (struct flood){.bytes = bytes};
    for (size_t i = 0; i < FLOODERS; i++)
        flood->fds[i] = raw_connect(fixture.port);
    wait_for_connections(FLOODERS);
    assert_int_equal(pthread_create(&flood->thread, NULL, run_flood, flood), 0);
}

static void end_flood(struct flood *flood)
{
    atomic_store(&flood->is_over, true);
    pthread_join(flood->thread, NULL);
    for (size_t i = 0; i < FLOODERS; i++)
        close(flood->fds[i]);
}

static struct slice repeat(const char *text, char *memory, size_t size)
{
    struct buf bytes = buf_fixed(memory, size);
    while (bytes.len + strlen(text) <= size)
        buf_add_str(&bytes, text);
    return buf_slice(&bytes);
}

/* How many replies others got while one request waited for its own: the least of some tries, since the machine may have
 * been busy between our looking and our sending. */
static unsigned least_overtaking(void)
{
    unsigned least = UINT_MAX;
    int fd = raw_connect(fixture.port);
    ask(fd, GET("/path"));
    for (int i = 0; i < TRIES; i++) {
        unsigned before = atomic_load(&replied_count);
        ask(fd, GET("/path"));
        unsigned overtaking = atomic_load(&replied_path) - before;
        least = overtaking < least ? overtaking : least;
    }
    close(fd);
    return least;
}

static void who_pipelines_without_end_does_not_delay_the_others(void **state UNUSED)
{
    static char memory[65536];
    static struct flood flood;
    start(&(struct http_limits){0});
    start_flood(&flood, repeat(GET_TEXT("/nowhere"), memory, sizeof memory));
    while (atomic_load(&replied_count) < 2000)
        usleep(1000);
    assert_in_range(least_overtaking(), 1, FEW);
    unsigned before = atomic_load(&replied_count);
    for (int i = 0; i < 5000 && atomic_load(&replied_count) < before + 2000; i++)
        usleep(1000);
    assert_true(atomic_load(&replied_count) >= before + 2000); /* and they are answered too */
    end_flood(&flood);
    stop();
}

static void requests_of_endpoints_do_not_delay_the_others_either(void **state UNUSED)
{
    static char memory[65536];
    static struct flood flood;
    start(&(struct http_limits){0});
    start_flood(&flood, repeat(GET_TEXT("/known"), memory, sizeof memory));
    while (atomic_load(&replied_count) < 2000)
        usleep(1000);
    assert_in_range(least_overtaking(), 1, FEW);
    end_flood(&flood);
    stop();
}

/* Posted to the loop again by itself, so that it is delivered once in each turn. */
static struct turns {
    struct loop_message message;
    atomic_bool is_over;
    atomic_bool has_ended;
    unsigned closed;
    unsigned replied;
    size_t connections;
    atomic_uint most_closed;
    atomic_uint most_replied;
    atomic_uint most_accepted;
} turns;

static unsigned closed_slow(void)
{
    return atomic_load(&closed_count[HTTP_CLOSED_SLOW]);
}

static void note_turn(struct loop_message *message)
{
    unsigned closed = closed_slow();
    unsigned replied = atomic_load(&replied_count);
    size_t connections = http_server_connections(fixture.server, 0);
    if (closed - turns.closed > atomic_load(&turns.most_closed))
        atomic_store(&turns.most_closed, closed - turns.closed);
    if (replied - turns.replied > atomic_load(&turns.most_replied))
        atomic_store(&turns.most_replied, replied - turns.replied);
    if (connections > turns.connections && connections - turns.connections > atomic_load(&turns.most_accepted))
        atomic_store(&turns.most_accepted, (unsigned)(connections - turns.connections));
    turns.closed = closed;
    turns.replied = replied;
    turns.connections = connections;
    if (atomic_load(&turns.is_over))
        atomic_store(&turns.has_ended, true);
    else
        loop_post(loop_group_at(fixture.group, 0), message);
}

static void hold_the_loop(struct loop_message *message UNUSED)
{
    usleep(300000);
}

static void hold_the_first_turn(void)
{
    static struct loop_message hold = {.deliver = hold_the_loop};
    turns = (struct turns){.message = {.deliver = note_turn}};
    loop_post(loop_group_at(fixture.group, 0), &hold);
}

static void begin_turns(void)
{
    loop_post(loop_group_at(fixture.group, 0), &turns.message);
}

static void end_turns(void)
{
    atomic_store(&turns.is_over, true);
    while (!atomic_load(&turns.has_ended))
        usleep(1000);
}

/* Also where all that was read of it ends with a whole request, and the rest waits in the socket. */
static void a_connection_has_one_request_answered_a_turn(void **state UNUSED)
{
    enum { REQUESTS = 384, REQUEST_BYTES = 128 }; /* of which every read of a power of two has whole ones */
    static char memory[REQUESTS * REQUEST_BYTES + 1];
    start(&(struct http_limits){0});
    hold_the_first_turn();
    int fd = raw_connect(fixture.port);
    for (size_t i = 0; i < REQUESTS; i++)
        (void)snprintf(memory + i * REQUEST_BYTES, REQUEST_BYTES + 1, "GET /path HTTP/1.1\r\n" HOST "X: %0*d\r\n\r\n",
                       REQUEST_BYTES - (int)strlen("GET /path HTTP/1.1\r\n" HOST "X: \r\n\r\n"), 0);
    raw_send(fd, slice_of(memory, sizeof memory - 1));
    begin_turns();
    for (int i = 0; i < 5000 && atomic_load(&replied_count) < REQUESTS; i++)
        usleep(1000);
    end_turns();
    assert_int_equal(atomic_load(&replied_count), REQUESTS);
    assert_int_equal(atomic_load(&turns.most_replied), 1);
    close(fd);
    stop();
}

static void comings_and_goings_of_a_crowd_are_spread_over_turns(void **state UNUSED)
{
    static int fds[CROWD];
    start(&(struct http_limits){.request_timeout_ms = 700});
    hold_the_first_turn(); /* so that they come and expire at once */
    for (size_t i = 0; i < CROWD; i++)
        fds[i] = raw_connect(fixture.port);
    begin_turns();
    wait_for_connections(CROWD);
    for (int i = 0; i < 5000 && closed_slow() < CROWD; i++)
        usleep(1000);
    assert_int_equal(closed_slow(), CROWD);
    end_turns();
    assert_in_range(atomic_load(&turns.most_closed), 1, A_TURN_DROPS);
    assert_in_range(atomic_load(&turns.most_accepted), 1, A_TURN_ACCEPTS);
    for (size_t i = 0; i < CROWD; i++)
        close(fds[i]);
    stop();
}

static void a_client_that_sends_a_large_body_has_it_taken(void **state UNUSED)
{
    static char body[4 << 20];
    start(&(struct http_limits){0});
    int fd = raw_connect(fixture.port);
    raw_send(fd, SLICE("POST /body HTTP/1.1\r\n" HOST "Content-Length: 4194304\r\n\r\n"));
    ask(fd, slice_of(body, sizeof body));
    ask(fd, GET("/path"));
    close(fd);
    stop();
}

/* --- the cap --- */

static int come(size_t count)
{
    int fd = raw_connect(fixture.port);
    wait_for_connections(count);
    return fd;
}

static void strangers_go_before_those_who_earned_their_place(void **state UNUSED)
{
    start(&(struct http_limits){.connections = 3});
    int known = come(1), stranger = come(2), slow = come(3);
    ask(known, GET("/known"));
    ask(stranger, GET("/path")); /* earns nothing */
    raw_send(slow, SLICE("GET /path HTTP/1.1\r\n"));
    int fourth = raw_connect(fixture.port);
    assert_true(raw_is_closed(slow, 2000)); /* came last, but waits longest */
    ask(fourth, GET("/known"));
    int fifth = raw_connect(fixture.port);
    assert_true(raw_is_closed(stranger, 2000));
    ask(fifth, GET("/known"));
    assert_false(raw_is_closed(known, 100));
    int sixth = raw_connect(fixture.port); /* all have earned it: the longest idle goes */
    ask(sixth, GET("/path"));
    assert_true(raw_is_closed(known, 2000));
    assert_int_equal(atomic_load(&closed_count[HTTP_CLOSED_AT_CAP]), 3);
    const int all[] = {known, stranger, slow, fourth, fifth, sixth};
    for (size_t i = 0; i < COUNT_OF(all); i++)
        close(all[i]);
    stop();
}

static void who_is_known_by_a_head_has_earned_its_place_before_the_body_is_there(void **state UNUSED)
{
    start(&(struct http_limits){.connections = 2});
    int caller = come(1);
    raw_send(caller, SLICE("POST /caller HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\na"));
    for (int i = 0; i < 2000 && http_server_in_flight(fixture.server) == 0; i++)
        usleep(1000);
    int stranger = come(2);
    int third = raw_connect(fixture.port);
    assert_true(raw_is_closed(stranger, 2000)); /* came last, but nobody knows it */
    ask(caller, SLICE("b"));
    ask(third, GET("/path"));
    close(caller), close(stranger), close(third);
    stop();
}

/* A loop holds four heads of the largest size, or its part of the budget. */
static void parts_of_heads_have_a_budget_and_the_oldest_goes(void **state UNUSED)
{
    enum { PARTS = 12, PART_BYTES = 6000 };
    char part[PART_BYTES];
    int fds[PARTS];
    memset(part, 'x', sizeof part);
    memcpy(part, "GET /path?", 10);
    start(&(struct http_limits){.heads_bytes = 1, .header_bytes = 12000});
    int idle = come(1);
    for (size_t i = 0; i < PARTS; i++) {
        fds[i] = raw_connect(fixture.port);
        raw_send(fds[i], slice_of(part, sizeof part));
        usleep(20000);
    }
    assert_true(raw_is_closed(fds[0], 2000));
    assert_true(raw_is_closed(fds[3], 2000));
    assert_false(raw_is_closed(idle, 50)); /* it holds nothing */
    assert_false(raw_is_closed(fds[PARTS - 2], 50));
    unsigned closed = atomic_load(&closed_count[HTTP_CLOSED_AT_CAP]);
    assert_in_range(closed, 4, PARTS - 3);
    ask(fds[PARTS - 1], SLICE(" HTTP/1.1\r\n" HOST "\r\n"));
    for (size_t i = 0; i < PARTS; i++)
        close(fds[i]);
    wait_for_connections(1);
    for (size_t i = 0; i < PARTS; i++) { /* what went is not counted any more */
        fds[i] = raw_connect(fixture.port);
        raw_send(fds[i], slice_of(part, 3000));
        ask(fds[i], SLICE(" HTTP/1.1\r\n" HOST "\r\n"));
    }
    assert_int_equal(atomic_load(&closed_count[HTTP_CLOSED_AT_CAP]), closed);
    for (size_t i = 0; i < PARTS; i++)
        close(fds[i]);
    close(idle);
    stop();
}

static void who_takes_nothing_of_a_reply_gives_its_place_away(void **state UNUSED)
{
    start(&(struct http_limits){.connections = 1});
    int unread = come(1);
    raw_send(unread, GET("/much"));
    int other = raw_connect(fixture.port);
    ask(other, GET("/path"));
    assert_int_equal(atomic_load(&closed_count[HTTP_CLOSED_AT_CAP]), 1);
    close(unread);
    close(other);
    stop();
}

static void an_address_has_as_many_connections_as_it_may(void **state UNUSED)
{
    start(&(struct http_limits){.connections_per_address = 2});
    int first = come(1), second = come(2);
    int third = raw_connect(fixture.port);
    assert_true(raw_is_closed(third, 2000));
    assert_int_equal(atomic_load(&closed_count[HTTP_CLOSED_ADDRESS]), 1);
    ask(first, GET("/path"));
    close(first);
    wait_for_connections(1);
    int fourth = come(2); /* in the place of the first */
    ask(fourth, GET("/path"));
    ask(second, GET("/path"));
    close(second), close(third), close(fourth);
    stop();
}

static void a_proxy_may_have_any_number(void **state UNUSED)
{
    all_are_trusted = true;
    start(&(struct http_limits){.connections_per_address = 1});
    int first = come(1), second = come(2);
    ask(first, GET("/path"));
    ask(second, GET("/path"));
    close(first), close(second);
    stop();
    all_are_trusted = false;
}

/* --- the end --- */

static void who_reads_nothing_does_not_hold_up_the_stop(void **state UNUSED)
{
    static char memory[65536];
    start(&(struct http_limits){0});
    int fd = raw_connect(fixture.port);
    raw_send(fd, repeat(GET_TEXT("/much"), memory, 4096));
    while (atomic_load(&replied_count) == 0)
        usleep(1000);
    int64_t begin = clock_monotonic_ns();
    assert_true(http_fixture_stop(&fixture, 10000));
    assert_true(clock_monotonic_ns() - begin < 3000000000);
    close(fd);
}

static void a_reply_that_is_still_written_does_not_make_a_stop_unclean(void **state UNUSED)
{
    start(&(struct http_limits){0});
    int fd = raw_connect(fixture.port);
    raw_send(fd, GET("/much"));
    for (int i = 0; i < 2000 && (atomic_load(&replied_count) == 0 || http_server_in_flight(fixture.server)); i++)
        usleep(1000);
    assert_int_equal(http_server_in_flight(fixture.server), 0);
    assert_true(http_fixture_stop(&fixture, 50));
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_pipelines_without_end_does_not_delay_the_others),
        cmocka_unit_test(requests_of_endpoints_do_not_delay_the_others_either),
        cmocka_unit_test(a_connection_has_one_request_answered_a_turn),
        cmocka_unit_test(comings_and_goings_of_a_crowd_are_spread_over_turns),
        cmocka_unit_test(a_client_that_sends_a_large_body_has_it_taken),
        cmocka_unit_test(strangers_go_before_those_who_earned_their_place),
        cmocka_unit_test(who_is_known_by_a_head_has_earned_its_place_before_the_body_is_there),
        cmocka_unit_test(parts_of_heads_have_a_budget_and_the_oldest_goes),
        cmocka_unit_test(who_takes_nothing_of_a_reply_gives_its_place_away),
        cmocka_unit_test(an_address_has_as_many_connections_as_it_may),
        cmocka_unit_test(a_proxy_may_have_any_number),
        cmocka_unit_test(who_reads_nothing_does_not_hold_up_the_stop),
        cmocka_unit_test(a_reply_that_is_still_written_does_not_make_a_stop_unclean),
    };
    return cmocka_run_group_tests_name("overload", tests, NULL, NULL);
}
