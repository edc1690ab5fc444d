#include "ephemeral/ephemeral.h"
#include "ephemeral/nonce_key.h"
#include "guard/nonce_epoch.h"
#include "support/redis_server.h"
#include "support/test.h"

#include <stdio.h>
#include <time.h>

static int64_t clean(const char *url, enum status expected)
{
    const struct ephemeral_janitor janitor = {.url = slice_str(url), .password = SLICE_ABSENT};
    struct buf why = BUF_INIT;
    int64_t count = -1;
    assert_status(ephemeral_janitor_blocking(&janitor, &why, &count), expected);
    assert_true(expected == STATUS_OK || why.len > 0);
    buf_done(&why);
    return count;
}

/* What `command`, with the set's name for its %s, answers. */
static int64_t of_set(struct redis_server_process *server, const char *command, int64_t second, unsigned shard)
{
    char name[NONCE_KEY_BYTES];
    char text[128];
    struct slice key = nonce_key(name, second, shard);
    const char *at = strstr(command, "%s");
    (void)snprintf(text, sizeof text, "%.*s%.*s%s", (int)(at - command), command, SLICE_ARGS(key), at + 2);
    return redis_server_number(server, text);
}

static void it_finds_the_sets_without_an_expiry_and_nothing_else(void **state)
{
    struct redis_server_process server;
    int64_t now_s = time(NULL);
    (void)state;
    redis_server_start(&server, NULL);
    for (unsigned i = 0; i < 2500; i++) /* more than a page */
        assert_int_equal(of_set(&server, "SADD %s 1", now_s + i / 250, i % 250), 1);
    assert_int_equal(of_set(&server, "SADD %s 1", now_s - NONCE_KEPT_MAX_S - 2, 251), 1);
    assert_int_equal(of_set(&server, "SADD %s 1", 1790000000000, 252), 1); /* far ahead, as no nonce can be */
    redis_server_must(&server, "SET n:{other}:x 1", "+OK");
    redis_server_must(&server, "SET e 1", "+OK");
    assert_int_equal(of_set(&server, "SADD %s 1", now_s, 253), 1);
    assert_int_equal(of_set(&server, "EXPIRE %s 5000", now_s, 253), 1);
    assert_int_equal(clean(server.url, STATUS_OK), 2502);
    assert_int_equal(redis_server_number(&server, "DBSIZE"), 2500 + 1 + 1 + 1 + 1); /* the old one is gone */
    /* whatever the skew of whoever has left it */
    assert_in_range(of_set(&server, "TTL %s", now_s, 1), NONCE_KEPT_MAX_S - 200, NONCE_KEPT_MAX_S + 2);
    assert_in_range(of_set(&server, "TTL %s", now_s, 253), 4900, 5000);
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
