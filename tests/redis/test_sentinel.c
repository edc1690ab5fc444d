/* A connection whose place Sentinels tell, some of which do not, or not well. Real ones: tests/integration. */
#include "redis/sentinel.h"

#include "loop/loop.h"
#include "redis/blocking.h"
#include "redis/target.h"
#include "support/fake_redis.h"
#include "support/test.h"

#include <stdio.h>
#include <unistd.h>

enum { ANSWER_BYTES = 96 };

struct fixture {
    struct clock clock;
    struct fake_redis primary;
    struct fake_redis sentinel;
    struct redis_target target;
    struct redis_blocking *redis;
    struct buf why;
    char url[256];
    char answer[ANSWER_BYTES];
};

static int setup(void **state)
{
    struct fixture *it = test_calloc(1, sizeof *it);
    it->clock = clock_system(0);
    it->why = BUF_INIT;
    fake_redis_start_tcp(&it->primary, "$2\r\nhi\r\n");
    *state = it;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *it = *state;
    redis_blocking_free(it->redis);
    redis_target_done(&it->target);
    fake_redis_done(&it->primary);
    fake_redis_done(&it->sentinel);
    buf_done(&it->why);
    test_free(it);
    return 0;
}

/* What a Sentinel answers that knows the primary. */
static const char *where_it_is(struct fixture *it)
{
    char port[8];
    int len = snprintf(port, sizeof port, "%u", (unsigned)it->primary.port);
    (void)snprintf(it->answer, sizeof it->answer, FAKE_REDIS_FIRST "*2\r\n$9\r\n127.0.0.1\r\n$%d\r\n%s\r\n", len, port);
    return it->answer;
}

/* `before`: Sentinels that are asked first, each with its comma. */
static enum status connect_by(struct fixture *it, const char *before, const char *answer)
{
    fake_redis_start_tcp(&it->sentinel, answer);
    (void)snprintf(it->url, sizeof it->url, "redis+sentinel://%s127.0.0.1:%u/mymaster", before,
                   (unsigned)it->sentinel.port);
    assert_status(redis_target_open_blocking(slice_str(it->url), SLICE_ABSENT, &it->why, &it->target), STATUS_OK);
    return redis_open_blocking(&it->target, &it->clock, &it->why, &it->redis);
}

static enum status take_text(void *context, const struct redisReply *reply)
{
    return redis_reply_text(reply, context);
}

static void the_primary_is_where_a_sentinel_says(void **state)
{
    struct fixture *it = *state;
    const struct slice args[] = {SLICE("GET"), SLICE("key")};
    struct slice text = SLICE("");
    assert_status(connect_by(it, "", where_it_is(it)), STATUS_OK);
    assert_status(redis_ask_blocking(it->redis, args, COUNT_OF(args), take_text, &text), STATUS_OK);
    assert_int_equal(text.len, 2);
}

static void sentinels_are_asked_until_one_answers(void **state)
{
    struct fixture *it = *state;
    assert_status(connect_by(it, "127.0.0.1:1,[::1]:1,", where_it_is(it)), STATUS_OK);
}

/* One that hangs costs the time-out, and is not asked first the next time. */
static void a_hung_sentinel_is_passed_over(void **state)
{
    struct fixture *it = *state;
    struct fake_redis hung;
    char before[32];
    fake_redis_start_tcp(&hung, NULL);
    (void)snprintf(before, sizeof before, "127.0.0.1:%u,", (unsigned)hung.port);
    assert_status(connect_by(it, before, where_it_is(it)), STATUS_OK);
    assert_int_equal(fake_redis_reads(&hung), 1);
    redis_blocking_free(it->redis);
    int64_t begin_ms = clock_steady_ms(&it->clock);
    assert_status(redis_open_blocking(&it->target, &it->clock, &it->why, &it->redis), STATUS_OK);
    assert_in_range(clock_steady_ms(&it->clock) - begin_ms, 0, 300);
    assert_int_equal(fake_redis_reads(&hung), 1);
    fake_redis_done(&hung);
}

static void what_a_sentinel_says_instead_is_told(void **state)
{
    static const struct {
        const char *answer;
        const char *word;
    } rows[] = {
        {"*-1\r\n", "knows no primary of that name"},
        {"-NOAUTH Authentication required.\r\n", "sentinel_password"},
        {"-ERR unknown command 'SENTINEL'\r\n", "it answers: ERR unknown command"},
        {"+OK\r\n", "is it a Sentinel?"},
        {":1\r\n", "is it a Sentinel?"},
        {"*0\r\n", "is it a Sentinel?"},
        {"*2\r\n$0\r\n\r\n$4\r\n6379\r\n", "is it a Sentinel?"},
        {"*2\r\n$1\r\nh\r\n$1\r\n0\r\n", "is it a Sentinel?"},
        {"*2\r\n$1\r\nh\r\n$5\r\n65536\r\n", "is it a Sentinel?"},
        {"*2\r\n$1\r\nh\r\n:6379\r\n", "is it a Sentinel?"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fixture *it = NULL;
        char answer[ANSWER_BYTES];
        (void)setup((void **)&it);
        (void)snprintf(answer, sizeof answer, FAKE_REDIS_FIRST "%s", rows[i].answer);
        assert_status(connect_by(it, "127.0.0.1:1,", answer), STATUS_STORE_DOWN);
        if (!strstr(buf_string(&it->why), rows[i].word) || !strstr(buf_string(&it->why), "mymaster"))
            fail_msg("%s: %s", rows[i].answer, buf_string(&it->why));
        (void)teardown((void **)&it);
    }
}

static void that_no_sentinel_is_there_is_told(void **state)
{
    struct fixture *it = *state;
    assert_status(redis_target_open_blocking(SLICE("redis+sentinel://127.0.0.1:1,127.0.0.1:2/mymaster"), SLICE_ABSENT,
                                             &it->why, &it->target),
                  STATUS_OK);
    assert_status(redis_open_blocking(&it->target, &it->clock, &it->why, &it->redis), STATUS_STORE_DOWN);
    assert_non_null(strstr(buf_string(&it->why), "Sentinel at 127.0.0.1:2: "));
}

/* OpenSSL, which the thread may use, ends with the process: so whoever stops asking waits for the one Sentinel that is
 * being asked, for the time-outs at most. */
static void who_stops_asking_waits_for_one_sentinel_at_most(void **state)
{
    struct fixture *it = *state;
    struct loop *loop = loop_new(&it->clock, NULL);
    const struct redis_hooks hooks = {.greet = NULL};
    fake_redis_start_tcp(&it->sentinel, NULL);
    unsigned port = it->sentinel.port;
    (void)snprintf(it->url, sizeof it->url, "redis+sentinel://127.0.0.1:%u,127.0.0.1:%u,127.0.0.1:%u/mymaster", port,
                   port, port);
    assert_status(redis_target_open_blocking(slice_str(it->url), SLICE_ABSENT, &it->why, &it->target), STATUS_OK);
    const struct redis_client_options options = {.loop = loop, .target = &it->target, .hooks = hooks};
    struct redis_client *client = redis_client_new(&options);
    loop_stop(loop); /* after one turn */
    loop_run(loop);
    for (int waited = 0; waited < 400 && fake_redis_reads(&it->sentinel) == 0; waited++)
        (void)usleep(5000);
    int64_t begin_ms = clock_steady_ms(&it->clock);
    redis_client_free(client);
    assert_in_range(clock_steady_ms(&it->clock) - begin_ms, 0, 1200);
    assert_int_equal(fake_redis_reads(&it->sentinel), 1);
    loop_free(loop);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_primary_is_where_a_sentinel_says), TEST(sentinels_are_asked_until_one_answers),
        TEST(a_hung_sentinel_is_passed_over),       cmocka_unit_test(what_a_sentinel_says_instead_is_told),
        TEST(that_no_sentinel_is_there_is_told),    TEST(who_stops_asking_waits_for_one_sentinel_at_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
