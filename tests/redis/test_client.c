/* The connection to Redis against servers that do what Redis should not. */
#include "redis/client.h"

#include "loop/loop.h"
#include "redis/blocking.h"
#include "support/fake_redis.h"
#include "support/redis_server.h"
#include "support/test.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { PATIENCE_TURNS = 2000, STEP_MS = 5, TIMEOUT_MAX_MS = 2000, BACK_MAX_MS = 2000 };

/* A client on a loop, and what was heard of it. */
struct fixture {
    struct clock clock;
    struct observer observer;
    struct loop *loop;
    struct redis_target target;
    struct redis_client *client;
    struct fake_redis fake;
    char events[2048];
    size_t events_len;
    unsigned greeted;
    unsigned lost;
    unsigned answered; /* commands */
    unsigned failed;   /* of these, with NULL */
    char last[64];     /* the text of the last reply */
};

static void hear_event(void *context, const char *source, const char *what, const char *detail)
{
    struct fixture *it = context;
    (void)source, (void)detail;
    int len = snprintf(it->events + it->events_len, sizeof it->events - it->events_len, "%s; ", what);
    it->events_len += len > 0 && it->events_len + (size_t)len < sizeof it->events ? (size_t)len : 0;
}

static void greet(void *context)
{
    struct fixture *it = context;
    it->greeted++;
    redis_client_ready(it->client);
}

static void lost(void *context)
{
    ((struct fixture *)context)->lost++;
}

static void took(void *context, const struct redisReply *reply)
{
    struct fixture *it = context;
    struct slice text = SLICE("");
    it->answered++;
    it->failed += reply ? 0 : 1;
    if (reply && redis_reply_text(reply, &text) == STATUS_OK)
        (void)snprintf(it->last, sizeof it->last, "%.*s", SLICE_ARGS(text));
    else
        it->last[0] = '\0';
}

static void stop(void *loop)
{
    loop_stop(loop);
}

static void run_ms(struct fixture *it, unsigned ms)
{
    struct loop_timer timer;
    assert_status(loop_timer_init(&timer, it->loop, stop, it->loop), STATUS_OK);
    assert_status(loop_timer_start(&timer, ms), STATUS_OK);
    loop_run(it->loop);
    loop_timer_done(&timer);
}

/* Runs until the counter is there; tells how long that took. */
static int64_t run_until(struct fixture *it, const unsigned *counter, unsigned wanted)
{
    int64_t begin_ms = clock_steady_ms(&it->clock);
    for (int turn = 0; turn < PATIENCE_TURNS && *counter < wanted; turn++)
        run_ms(it, STEP_MS);
    assert_true(*counter >= wanted);
    return clock_steady_ms(&it->clock) - begin_ms;
}

static void connect_with(struct fixture *it, const char *url, redis_lookup_fn lookup)
{
    struct buf why = BUF_INIT;
    assert_status(redis_url_parse(slice_str(url), SLICE_ABSENT, &why, &it->target), STATUS_OK);
    const struct redis_client_options options = {
        .loop = it->loop,
        .target = &it->target,
        .hooks = {.context = it, .greet = greet, .lost = lost},
        .lookup = lookup,
    };
    it->client = redis_client_new(&options);
    assert_non_null(it->client);
    buf_done(&why);
}

/* SELECT is answered; what comes then is the test's. */
static void connect_to_fake(struct fixture *it, const char *then)
{
    fake_redis_start(&it->fake, then);
    connect_with(it, it->fake.url, NULL);
    run_until(it, &it->greeted, 1);
}

static void ask(struct fixture *it)
{
    const struct slice args[] = {SLICE("GET"), SLICE("key")};
    assert_status(redis_send(it->client, args, COUNT_OF(args), took, it), STATUS_OK);
}

static int setup(void **state)
{
    struct fixture *it = test_calloc(1, sizeof *it);
    it->clock = clock_system(0);
    it->observer = (struct observer){.context = it, .event = hear_event};
    it->loop = loop_new(&it->clock, &it->observer);
    assert_non_null(it->loop);
    *state = it;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *it = *state;
    redis_client_free(it->client);
    loop_free(it->loop);
    fake_redis_done(&it->fake);
    test_free(it);
    return 0;
}

/* ---- commands ---- */

static void commands_of_one_turn_leave_in_one_write_and_are_answered_in_order(void **state)
{
    struct fixture *it = *state;
    connect_to_fake(it, "$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n");
    for (int i = 0; i < 3; i++)
        ask(it);
    run_until(it, &it->answered, 3);
    assert_int_equal(it->failed, 0);
    assert_string_equal(it->last, "c");
    assert_int_equal(fake_redis_reads(&it->fake), 2); /* SELECT, and the three */
}

static void a_command_that_cannot_be_sent_is_refused_at_once(void **state)
{
    struct fixture *it = *state;
    const struct slice args[] = {SLICE("PING")};
    connect_with(it, "redis+unix:///nowhere/at/all.sock", NULL);
    assert_status(redis_send(it->client, args, 1, took, it), STATUS_STORE_DOWN);
    run_until(it, &it->lost, 1);
    assert_int_equal(redis_client_state(it->client), REDIS_DOWN);
    assert_status(redis_send(it->client, args, 1, took, it), STATUS_STORE_DOWN);
    assert_int_equal(it->answered, 0);
    assert_string_equal(it->events, "unreachable; ");
}

static void who_waits_is_answered_when_the_client_is_freed(void **state)
{
    struct fixture *it = *state;
    connect_to_fake(it, "");
    ask(it);
    ask(it);
    redis_client_free(it->client);
    it->client = NULL;
    assert_int_equal(it->failed, 2);
}

/* ---- servers that answer badly ---- */

/* Everybody who waits is told, the connection is given up and made again. */
static void assert_given_up(struct fixture *it, const char *reply, unsigned commands)
{
    connect_to_fake(it, reply);
    for (unsigned i = 0; i < commands; i++)
        ask(it);
    run_until(it, &it->lost, 1);
    assert_int_equal(it->answered, commands);
    assert_true(it->failed >= 1);
    assert_true(strlen(redis_client_fault(it->client)) > 0);
    run_until(it, &it->greeted, 2);
    assert_non_null(strstr(it->events, "connected; lost; reconnected; "));
}

static void a_hung_server_costs_the_connection_after_the_time_out(void **state)
{
    struct fixture *it = *state;
    connect_to_fake(it, "");
    ask(it);
    ask(it);
    assert_in_range(run_until(it, &it->lost, 1), 350, TIMEOUT_MAX_MS);
    assert_int_equal(it->failed, 2);
}

static void a_server_that_accepts_and_never_answers_is_no_connection(void **state)
{
    struct fixture *it = *state;
    fake_redis_start(&it->fake, NULL);
    connect_with(it, it->fake.url, NULL);
    assert_in_range(run_until(it, &it->lost, 1), 350, TIMEOUT_MAX_MS);
    assert_int_equal(it->greeted, 0);
    assert_int_equal(redis_client_state(it->client), REDIS_DOWN);
}

static void rubbish_is_refused(void **state)
{
    assert_given_up(*state, "HTTP/1.1 400 Bad Request\r\n\r\n", 2);
}

static void a_reply_that_is_cut_off_is_no_reply(void **state)
{
    assert_given_up(*state, "$5\r\nabc" FAKE_REDIS_CLOSES, 1);
}

static void a_reply_that_nobody_asked_for_is_refused(void **state)
{
    struct fixture *it = *state;
    connect_to_fake(it, "$1\r\na\r\n+OK\r\n+OK\r\n");
    ask(it);
    run_until(it, &it->lost, 1);
    assert_int_equal(it->answered, 1);
    assert_int_equal(it->failed, 0);
    assert_non_null(strstr(redis_client_fault(it->client), "nobody asked"));
}

static void an_array_of_absurd_length_is_refused(void **state)
{
    assert_given_up(*state, "*1000000000\r\n", 1);
}

static void an_array_of_more_than_the_whole_memory_is_refused(void **state)
{
    assert_given_up(*state, "*9223372036854775807\r\n", 1);
}

static void a_negative_length_is_refused(void **state)
{
    assert_given_up(*state, "*-5\r\n$-7\r\n", 1);
}

static void arrays_within_arrays_end_somewhere(void **state)
{
    assert_given_up(*state, "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n", 1);
}

/* What frees them calls itself: the stack would end before a reply that is within all other bounds. */
static void arrays_within_arrays_do_not_take_the_stack(void **state)
{
    enum { DEPTH = 200000 };
    char *reply = test_malloc(DEPTH * 4 + 1);
    for (int i = 0; i < DEPTH; i++)
        memcpy(reply + i * 4, "*1\r\n", 4);
    reply[DEPTH * 4] = '\0';
    assert_given_up(*state, reply, 1);
    test_free(reply);
}

static void a_huge_reply_is_refused_before_it_is_read(void **state)
{
    struct fixture *it = *state;
    char *reply = test_malloc(3 << 20);
    memset(reply, 'x', (3 << 20) - 1);
    reply[(3 << 20) - 1] = '\0';
    memcpy(reply, "$999999999\r\n", 12);
    assert_given_up(it, reply, 1);
    assert_non_null(strstr(it->events, "lost"));
    test_free(reply);
}

static void an_error_is_an_answer(void **state)
{
    struct fixture *it = *state;
    connect_to_fake(it, "-OOM command not allowed when used memory > 'maxmemory'.\r\n-LOADING loading\r\n"
                        "-NOAUTH Authentication required.\r\n");
    for (int i = 0; i < 3; i++)
        ask(it);
    run_until(it, &it->answered, 3);
    assert_int_equal(it->failed, 0);
    assert_int_equal(it->lost, 0);
}

static void a_primary_that_became_a_replica_is_left(void **state)
{
    struct fixture *it = *state;
    connect_to_fake(it, "-READONLY You can't write against a read only replica.\r\n");
    ask(it);
    run_until(it, &it->lost, 1);
    assert_int_equal(it->answered, 1);
    assert_int_equal(it->failed, 0);
    assert_non_null(strstr(redis_client_fault(it->client), "replica"));
}

static void a_refused_login_is_told(void **state)
{
    struct fixture *it = *state;
    fake_redis_start(&it->fake, FAKE_REDIS_FIRST "-NOAUTH Authentication required.\r\n");
    connect_with(it, it->fake.url, NULL);
    run_until(it, &it->lost, 1);
    assert_int_equal(it->greeted, 0);
    assert_non_null(strstr(redis_client_fault(it->client), "OAUTH1_REDIS_PASSWORD"));
}

/* ---- replies of another type than expected ---- */

static enum status take_typed(void *context, const struct redisReply *reply)
{
    int64_t number = 0;
    size_t count = 0;
    struct slice text = {0};
    enum status *statuses = context;
    statuses[0] = redis_reply_integer(reply, &number);
    statuses[1] = redis_reply_text(reply, &text);
    statuses[2] = redis_reply_array(reply, &count);
    statuses[3] = redis_reply_ok(reply);
    statuses[4] = redis_reply_set(reply);
    statuses[5] = redis_reply_time(reply, &number);
    return STATUS_OK;
}

static void a_reply_of_another_type_is_never_taken_for_what_was_expected(void **state)
{
    enum { OK = STATUS_OK, BAD = STATUS_STORE_CORRUPT, DOWN = STATUS_STORE_DOWN };
    static const struct {
        const char *reply;
        int integer, text, array, ok, set, time;
    } rows[] = {
        {":7\r\n", OK, BAD, BAD, BAD, BAD, BAD},
        {"$2\r\nab\r\n", BAD, OK, BAD, BAD, BAD, BAD},
        {"$-1\r\n", BAD, STATUS_NOT_FOUND, BAD, BAD, STATUS_CONFLICT, BAD},
        {"*0\r\n", BAD, BAD, OK, BAD, BAD, BAD},
        {"+OK\r\n", BAD, BAD, BAD, OK, OK, BAD},
        {"+QUEUED\r\n", BAD, BAD, BAD, BAD, BAD, BAD},
        {"-ERR no\r\n", DOWN, DOWN, DOWN, DOWN, DOWN, DOWN},
        {"*2\r\n$10\r\n1790000000\r\n$6\r\n123456\r\n", BAD, BAD, OK, BAD, BAD, OK},
        {"*2\r\n$10\r\n1790000000\r\n$7\r\n1234567\r\n", BAD, BAD, OK, BAD, BAD, BAD},
        {"*2\r\n$20\r\n99999999999999999999\r\n$1\r\n0\r\n", BAD, BAD, OK, BAD, BAD, BAD},
        {"*2\r\n:1790000000\r\n:0\r\n", BAD, BAD, OK, BAD, BAD, BAD},
        {"*1\r\n$10\r\n1790000000\r\n", BAD, BAD, OK, BAD, BAD, BAD},
    };
    struct fixture *it = *state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct slice args[] = {SLICE("GET"), SLICE("key")};
        struct buf why = BUF_INIT;
        struct redis_blocking *redis = NULL;
        enum status statuses[6] = {STATUS_OK};
        fake_redis_start(&it->fake, rows[i].reply);
        assert_status(redis_url_parse(slice_str(it->fake.url), SLICE_ABSENT, &why, &it->target), STATUS_OK);
        assert_status(redis_open_blocking(&it->target, &it->clock, &why, &redis), STATUS_OK);
        assert_status(redis_ask_blocking(redis, args, COUNT_OF(args), take_typed, statuses), STATUS_OK);
        const int expected[] = {rows[i].integer, rows[i].text, rows[i].array, rows[i].ok, rows[i].set, rows[i].time};
        for (size_t j = 0; j < COUNT_OF(expected); j++)
            assert_status(statuses[j], (enum status)expected[j]);
        redis_blocking_free(redis);
        fake_redis_done(&it->fake);
        buf_done(&why);
    }
}

/* ---- coming back ---- */

static void it_comes_back_within_two_seconds_of_the_server(void **state)
{
    struct fixture *it = *state;
    struct redis_server_process server;
    redis_server_start(&server, NULL);
    connect_with(it, server.url, NULL);
    run_until(it, &it->greeted, 1);
    redis_server_kill(&server);
    run_until(it, &it->lost, 4); /* it tries again and again */
    redis_server_start_again(&server);
    assert_in_range(run_until(it, &it->greeted, 2), 0, BACK_MAX_MS);
    assert_string_equal(it->events, "connected; lost; unreachable; reconnected; ");
    redis_client_free(it->client);
    it->client = NULL;
    redis_server_done(&server);
}

static void a_stopped_server_costs_the_connection_and_is_back_within_two_seconds(void **state)
{
    struct fixture *it = *state;
    struct redis_server_process server;
    redis_server_start(&server, NULL);
    connect_with(it, server.url, NULL);
    run_until(it, &it->greeted, 1);
    redis_server_pause(&server);
    ask(it);
    ask(it);
    assert_in_range(run_until(it, &it->failed, 2), 350, TIMEOUT_MAX_MS);
    run_ms(it, 1000);
    redis_server_go_on(&server);
    assert_in_range(run_until(it, &it->greeted, 2), 0, BACK_MAX_MS);
    ask(it);
    run_until(it, &it->answered, 3);
    assert_int_equal(it->failed, 2);
    redis_client_free(it->client);
    it->client = NULL;
    redis_server_done(&server);
}

/* ---- names ---- */

static atomic_int lookups;

static void look_up_nothing(const char *host, uint16_t port, struct redis_addresses *ret_addresses)
{
    (void)host, (void)port;
    atomic_fetch_add(&lookups, 1);
    *ret_addresses = (struct redis_addresses){.fault = "Name or service not known"};
}

static void look_up_late(const char *host, uint16_t port, struct redis_addresses *ret_addresses)
{
    (void)host;
    (void)usleep(2500 * 1000);
    assert_true(redis_lookup_numeric("127.0.0.1", port, ret_addresses));
}

static void look_up_two(const char *host, uint16_t port, struct redis_addresses *ret_addresses)
{
    struct redis_addresses second;
    (void)host;
    atomic_fetch_add(&lookups, 1);
    if (!redis_lookup_numeric("127.0.0.1", 1, ret_addresses) || !redis_lookup_numeric("127.0.0.1", port, &second))
        abort();
    ret_addresses->items[ret_addresses->count++] = second.items[0];
}

static void look_up_two_the_other_way_round(const char *host, uint16_t port, struct redis_addresses *ret_addresses)
{
    look_up_two(host, port, ret_addresses);
    const struct redis_address first = ret_addresses->items[0];
    ret_addresses->items[0] = ret_addresses->items[1];
    ret_addresses->items[1] = first;
}

static void a_name_without_an_address_is_told_and_asked_for_again(void **state)
{
    struct fixture *it = *state;
    atomic_store(&lookups, 0);
    connect_with(it, "redis://redis.example:6379", look_up_nothing);
    run_until(it, &it->lost, 3);
    assert_true(atomic_load(&lookups) >= 3);
    assert_string_equal(redis_client_fault(it->client), "Name or service not known");
    assert_string_equal(it->events, "unreachable; ");
}

/* A dead resolver holds up neither the loop nor the end; nobody waits for it beyond the time-out. */
static void a_dead_resolver_stops_nothing(void **state)
{
    struct fixture *it = *state;
    int64_t begin_ms = clock_steady_ms(&it->clock);
    connect_with(it, "redis://redis.example:6379", look_up_late);
    run_until(it, &it->lost, 1);
    assert_int_equal(redis_client_state(it->client), REDIS_DOWN);
    redis_client_free(it->client);
    it->client = NULL;
    assert_in_range(clock_steady_ms(&it->clock) - begin_ms, 350, 2400);
    (void)usleep(2700 * 1000); /* the thread ends while this test can still see it fail */
}

static void each_address_of_a_name_is_tried(void **state)
{
    struct fixture *it = *state;
    char url[64];
    atomic_store(&lookups, 0);
    fake_redis_start_tcp(&it->fake, "$1\r\na\r\n");
    (void)snprintf(url, sizeof url, "redis://redis.example:%u", (unsigned)it->fake.port);
    connect_with(it, url, look_up_two);
    run_until(it, &it->greeted, 1);
    assert_int_equal(atomic_load(&lookups), 1);
    ask(it);
    run_until(it, &it->answered, 1);
    assert_string_equal(it->last, "a");
}

static void of_several_addresses_the_problem_that_says_most_is_told(void **state)
{
    struct fixture *it = *state;
    char url[64];
    fake_redis_start_tcp(&it->fake, FAKE_REDIS_FIRST "-NOAUTH Authentication required.\r\n");
    (void)snprintf(url, sizeof url, "redis://redis.example:%u", (unsigned)it->fake.port);
    connect_with(it, url, look_up_two_the_other_way_round);
    run_until(it, &it->lost, 2);
    assert_non_null(strstr(redis_client_fault(it->client), "OAUTH1_REDIS_PASSWORD"));
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(commands_of_one_turn_leave_in_one_write_and_are_answered_in_order),
        TEST(a_command_that_cannot_be_sent_is_refused_at_once),
        TEST(who_waits_is_answered_when_the_client_is_freed),
        TEST(a_hung_server_costs_the_connection_after_the_time_out),
        TEST(a_server_that_accepts_and_never_answers_is_no_connection),
        TEST(rubbish_is_refused),
        TEST(a_reply_that_is_cut_off_is_no_reply),
        TEST(a_reply_that_nobody_asked_for_is_refused),
        TEST(an_array_of_absurd_length_is_refused),
        TEST(an_array_of_more_than_the_whole_memory_is_refused),
        TEST(a_negative_length_is_refused),
        TEST(arrays_within_arrays_end_somewhere),
        TEST(arrays_within_arrays_do_not_take_the_stack),
        TEST(a_huge_reply_is_refused_before_it_is_read),
        TEST(an_error_is_an_answer),
        TEST(a_primary_that_became_a_replica_is_left),
        TEST(a_refused_login_is_told),
        TEST(a_reply_of_another_type_is_never_taken_for_what_was_expected),
        TEST(it_comes_back_within_two_seconds_of_the_server),
        TEST(a_stopped_server_costs_the_connection_and_is_back_within_two_seconds),
        TEST(a_name_without_an_address_is_told_and_asked_for_again),
        TEST(a_dead_resolver_stops_nothing),
        TEST(each_address_of_a_name_is_tried),
        TEST(of_several_addresses_the_problem_that_says_most_is_told),
    };
    return cmocka_run_group_tests_name("redis_client", tests, NULL, NULL);
}
