#include "store/redis_janitor.h"

#include "support/redis_server.h"
#include "support/test.h"

#include <stdio.h>
#include <time.h>

static int64_t clean(const char *url, enum status expected)
{
    const struct redis_janitor_options options = {
        .redis_url = slice_str(url), .redis_password = SLICE_ABSENT, .skew_ms = 300000};
    struct buf why = BUF_INIT;
    int64_t count = -1;
    assert_status(redis_janitor_blocking(&options, &why, &count), expected);
    assert_true(expected == STATUS_OK || why.len > 0);
    buf_done(&why);
    return count;
}

static void it_finds_the_sets_without_an_expiry_and_nothing_else(void **state)
{
    struct redis_server_process server;
    char command[256];
    long now_s = (long)time(NULL);
    (void)state;
    redis_server_start(&server, NULL);
    for (int i = 0; i < 2500; i++) { /* more than a page */
        (void)snprintf(command, sizeof command, "SADD n:{%d}:%ld 1", i % 250, now_s + i / 250);
        redis_server_must(&server, command, ":1");
    }
    (void)snprintf(command, sizeof command, "SADD n:{251}:%ld 1", now_s - 1000);
    redis_server_must(&server, command, ":1");
    redis_server_must(&server, "SADD n:{252}:1790000000000 1", ":1"); /* far ahead, as no nonce can be */
    redis_server_must(&server, "SET n:{other}:x 1", "+OK");
    redis_server_must(&server, "SET e 1", "+OK");
    (void)snprintf(command, sizeof command, "SADD n:{253}:%ld 1", now_s);
    redis_server_must(&server, command, ":1");
    (void)snprintf(command, sizeof command, "EXPIRE n:{253}:%ld 5000", now_s);
    redis_server_must(&server, command, ":1");
    assert_int_equal(clean(server.url, STATUS_OK), 2502);
    assert_int_equal(redis_server_number(&server, "DBSIZE"), 2500 + 1 + 1 + 1 + 1); /* the old one is gone */
    (void)snprintf(command, sizeof command, "TTL n:{1}:%ld", now_s);
    assert_in_range(redis_server_number(&server, command), 400, 602);
    (void)snprintf(command, sizeof command, "TTL n:{253}:%ld", now_s);
    assert_in_range(redis_server_number(&server, command), 4900, 5000);
    assert_int_equal(redis_server_number(&server, "TTL e"), -1);
    assert_int_equal(redis_server_number(&server, "TTL n:{other}:x"), -1);
    assert_int_equal(clean(server.url, STATUS_OK), 0);
    redis_server_done(&server);
}

static void a_store_that_is_not_there_is_told_and_memory_has_nothing(void **state)
{
    (void)state;
    assert_int_equal(clean("redis+unix:///no/such.sock", STATUS_STORE_DOWN), -1);
    assert_int_equal(clean("memory:", STATUS_OK), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_finds_the_sets_without_an_expiry_and_nothing_else),
        cmocka_unit_test(a_store_that_is_not_there_is_told_and_memory_has_nothing),
    };
    return cmocka_run_group_tests_name("redis_janitor", tests, NULL, NULL);
}
