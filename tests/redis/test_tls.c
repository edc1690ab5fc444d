/* TLS to Redis, against a redis-server that speaks it: whom it believes, and that commands go through it. */
#include "redis/tls.h"

#include "loop/loop.h"
#include "redis/blocking.h"
#include "redis/target.h"
#include "support/free_port.h"
#include "support/identity.h"
#include "support/redis_server.h"
#include "support/test.h"

#include <stdio.h>

static struct redis_server_process server;
static char folder[TEMP_PATH_BYTES];
static char port[16];

static const char *path_of(const char *name)
{
    static char paths[8][TEMP_PATH_BYTES];
    static unsigned next;
    char *path = paths[next++ % COUNT_OF(paths)];
    temp_dir_path(folder, name, path);
    return path;
}

static int setup(void **state)
{
    struct identity ca = identity_make("ca", NULL, NULL);
    struct identity other_ca = identity_make("other ca", NULL, NULL);
    struct identity redis = identity_make("redis", "DNS:localhost,IP:127.0.0.1", &ca);
    (void)state;
    temp_dir_make(folder);
    identity_write_certificate(&ca, path_of("ca.pem"));
    identity_write_certificate(&other_ca, path_of("other.pem"));
    identity_write_certificate(&redis, path_of("cert.pem"));
    identity_write_key(&redis, path_of("key.pem"), NULL);
    identity_free(&ca);
    identity_free(&other_ca);
    identity_free(&redis);
    (void)snprintf(port, sizeof port, "%d", free_port());
    const char *const args[] = {"--tls-port",
                                port,
                                "--bind",
                                "127.0.0.1 127.0.0.2",
                                "--tls-cert-file",
                                path_of("cert.pem"),
                                "--tls-key-file",
                                path_of("key.pem"),
                                "--tls-ca-cert-file",
                                path_of("ca.pem"),
                                "--tls-auth-clients",
                                "no",
                                NULL};
    redis_server_start(&server, args);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    redis_server_done(&server);
    temp_dir_remove(folder);
    return 0;
}

static enum status open_url(const char *host, const char *ca, struct redis_target *target, struct buf *why,
                            struct redis_blocking **ret_redis)
{
    static struct clock clock;
    char url[2 * TEMP_PATH_BYTES];
    clock = clock_system(0);
    (void)snprintf(url, sizeof url, "rediss://%s:%s/0%s%s", host, port, ca ? "?ca=" : "", ca ? ca : "");
    assert_status(redis_target_open_blocking(slice_str(url), SLICE_ABSENT, why, target), STATUS_OK);
    return redis_open_blocking(target, &clock, why, ret_redis);
}

static enum status take_len(void *context, const struct redisReply *reply)
{
    struct slice text = {0};
    TRY(redis_reply_text(reply, &text));
    *(size_t *)context = text.len;
    return STATUS_OK;
}

static enum status take_ok(void *context, const struct redisReply *reply)
{
    (void)context;
    return redis_reply_ok(reply);
}

static void assert_works(const char *host)
{
    struct redis_target target;
    struct redis_blocking *redis = NULL;
    struct buf why = BUF_INIT;
    static char value[700000];
    size_t len = 0;
    const struct slice set[] = {SLICE("SET"), SLICE("key"), slice_of(value, sizeof value)};
    const struct slice get[] = {SLICE("GET"), SLICE("key")};
    memset(value, 'x', sizeof value);
    if (open_url(host, path_of("ca.pem"), &target, &why, &redis) != STATUS_OK)
        fail_msg("%s", buf_string(&why));
    assert_status(redis_ask_blocking(redis, set, COUNT_OF(set), take_ok, NULL), STATUS_OK); /* more than one write */
    assert_status(redis_ask_blocking(redis, get, COUNT_OF(get), take_len, &len), STATUS_OK);
    assert_int_equal(len, sizeof value);
    redis_blocking_free(redis);
    redis_target_done(&target);
    buf_done(&why);
}

static void assert_refused(const char *host, const char *ca, const char *word)
{
    struct redis_target target;
    struct redis_blocking *redis = NULL;
    struct buf why = BUF_INIT;
    assert_status(open_url(host, ca, &target, &why, &redis), STATUS_STORE_DOWN);
    if (!strstr(buf_string(&why), word))
        fail_msg("%s", buf_string(&why));
    redis_target_done(&target);
    buf_done(&why);
}

static void commands_go_through_it_by_name_and_by_address(void **state)
{
    (void)state;
    assert_works("localhost");
    assert_works("127.0.0.1");
}

static void a_certificate_of_an_unknown_authority_is_refused(void **state)
{
    (void)state;
    assert_refused("localhost", path_of("other.pem"), "certificate");
    assert_refused("localhost", NULL, "certificate");
}

static void a_certificate_for_another_name_is_refused(void **state)
{
    (void)state;
    assert_refused("127.0.0.2", path_of("ca.pem"), "mismatch");
}

static void a_server_without_tls_is_refused_in_time(void **state)
{
    char plain[16];
    char saved[16];
    struct redis_server_process other;
    (void)state;
    (void)snprintf(plain, sizeof plain, "%d", free_port());
    const char *const args[] = {"--port", plain, "--bind", "127.0.0.1", NULL};
    redis_server_start(&other, args);
    memcpy(saved, port, sizeof saved);
    memcpy(port, plain, sizeof port);
    assert_refused("localhost", path_of("ca.pem"), "OAUTH1_REDIS_URL");
    memcpy(port, saved, sizeof port);
    redis_server_done(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_go_through_it_by_name_and_by_address),
        cmocka_unit_test(a_certificate_of_an_unknown_authority_is_refused),
        cmocka_unit_test(a_certificate_for_another_name_is_refused),
        cmocka_unit_test(a_server_without_tls_is_refused_in_time),
    };
    return cmocka_run_group_tests_name("redis_tls", tests, setup, teardown);
}
