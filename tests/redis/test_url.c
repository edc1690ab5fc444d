#include "redis/url.h"

#include "redis/target.h"
#include "support/test.h"

#include <stdio.h>

static void urls_name_server_login_and_database(void **state)
{
    static const struct {
        const char *url;
        const char *host;
        unsigned port;
        const char *path;
        unsigned database;
        const char *user;
        const char *password;
        const char *shown;
    } rows[] = {
        {"redis://h", "h", 6379, "", 0, "", "", "h:6379"},
        {"redis://h/", "h", 6379, "", 0, "", "", "h:6379"},
        {"redis://10.0.0.1:7000/3", "10.0.0.1", 7000, "", 3, "", "", "10.0.0.1:7000"},
        {"redis://[::1]:7000", "::1", 7000, "", 0, "", "", "[::1]:7000"},
        {"redis://[::1]", "::1", 6379, "", 0, "", "", "[::1]:6379"},
        {"redis://:pw@h", "h", 6379, "", 0, "", "pw", "h:6379"},
        {"redis://jane:p%40%3A%2Fw@h:1/2", "h", 1, "", 2, "jane", "p@:/w", "h:1"},
        {"redis://jane:p@w@h", "h", 6379, "", 0, "jane", "p@w", "h:6379"},
        {"redis+unix:///run/redis.sock", "", 0, "/run/redis.sock", 0, "", "", "/run/redis.sock"},
        {"redis+unix://:pw@/run/redis.sock?db=5", "", 0, "/run/redis.sock", 5, "", "pw", "/run/redis.sock"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct redis_target target;
        struct buf why = BUF_INIT;
        assert_status(redis_url_parse(slice_str(rows[i].url), SLICE_ABSENT, &why, &target), STATUS_OK);
        assert_string_equal(target.place.host, rows[i].host);
        assert_int_equal(target.place.port, rows[i].port);
        assert_string_equal(target.path, rows[i].path);
        assert_int_equal(target.database, rows[i].database);
        assert_string_equal(target.login.user, rows[i].user);
        assert_string_equal(target.login.password, rows[i].password);
        assert_string_equal(target.shown, rows[i].shown);
        buf_done(&why);
    }
}

static void tls_is_asked_for_by_the_scheme(void **state)
{
    struct redis_target target;
    struct buf why = BUF_INIT;
    (void)state;
    assert_status(redis_url_parse(SLICE("redis://h"), SLICE_ABSENT, &why, &target), STATUS_OK);
    assert_false(target.wants_tls);
    assert_status(redis_url_parse(SLICE("rediss://:p%3Fw@h:7/2?ca=/etc/my%20ca.pem"), SLICE_ABSENT, &why, &target),
                  STATUS_OK);
    assert_true(target.wants_tls);
    assert_string_equal(target.ca_file, "/etc/my ca.pem");
    assert_string_equal(target.place.host, "h");
    assert_int_equal(target.place.port, 7);
    assert_int_equal(target.database, 2);
    assert_string_equal(target.login.password, "p?w");
    assert_status(redis_target_open_blocking(SLICE("rediss://h?ca=/no/such/ca.pem"), SLICE_ABSENT, &why, &target),
                  STATUS_BAD_INPUT);
    assert_non_null(strstr(buf_string(&why), "/no/such/ca.pem"));
    buf_done(&why);
}

static void sentinels_tell_where_the_primary_is(void **state)
{
    struct redis_target target;
    struct buf why = BUF_INIT;
    (void)state;
    assert_status(redis_url_parse(SLICE("redis+sentinel://:p%40w@a,b:7,[::1]:8/mymaster/3?sentinel_user=u&"
                                        "sentinel_password=s%26p"),
                                  SLICE_ABSENT, &why, &target),
                  STATUS_OK);
    assert_int_equal(target.sentinels.count, 3);
    assert_string_equal(target.sentinels.places[0].host, "a");
    assert_int_equal(target.sentinels.places[0].port, 26379);
    assert_string_equal(target.sentinels.places[1].host, "b");
    assert_int_equal(target.sentinels.places[1].port, 7);
    assert_string_equal(target.sentinels.places[2].host, "::1");
    assert_int_equal(target.sentinels.places[2].port, 8);
    assert_string_equal(target.sentinels.primary, "mymaster");
    assert_string_equal(target.sentinels.login.user, "u");
    assert_string_equal(target.sentinels.login.password, "s&p");
    assert_string_equal(target.login.password, "p@w");
    assert_int_equal(target.database, 3);
    assert_false(target.wants_tls);
    assert_string_equal(target.shown, "mymaster, by Sentinel at a:26379");
    redis_target_done(&target);
    assert_string_equal(target.sentinels.login.password, "");
    assert_status(
        redis_url_parse(SLICE("rediss+sentinel://h/m?ca=/ca.pem&sentinel_password=p"), SLICE("s3cret"), &why, &target),
        STATUS_OK);
    assert_true(target.wants_tls);
    assert_string_equal(target.ca_file, "/ca.pem");
    assert_string_equal(target.login.password, "s3cret");
    assert_string_equal(target.sentinels.login.password, "p");
    redis_target_done(&target);
    buf_done(&why);
}

static void nodes_of_a_cluster_tell_of_the_others(void **state)
{
    struct redis_target target;
    struct buf why = BUF_INIT;
    (void)state;
    assert_status(redis_url_parse(SLICE("rediss+cluster://jane:se%20cret@a,[::1]:7001,c:7002/0?ca=/ca.pem"),
                                  SLICE_ABSENT, &why, &target),
                  STATUS_OK);
    assert_int_equal(target.seeds.count, 3);
    assert_string_equal(target.seeds.places[0].host, "a");
    assert_int_equal(target.seeds.places[0].port, 6379);
    assert_string_equal(target.seeds.places[1].host, "::1");
    assert_int_equal(target.seeds.places[2].port, 7002);
    assert_string_equal(target.login.password, "se cret");
    assert_string_equal(target.ca_file, "/ca.pem");
    assert_string_equal(target.shown, "a:6379");
    assert_true(target.wants_tls);
    redis_target_done(&target);
    assert_status(redis_url_parse(SLICE("redis://a"), SLICE_ABSENT, &why, &target), STATUS_OK);
    assert_int_equal(target.seeds.count, 0);
    redis_target_done(&target);
    buf_done(&why);
}

static void a_password_may_come_apart_from_the_url(void **state)
{
    struct redis_target target;
    struct buf why = BUF_INIT;
    (void)state;
    assert_status(redis_url_parse(SLICE("redis://h"), SLICE("s3cret"), &why, &target), STATUS_OK);
    assert_string_equal(target.login.password, "s3cret");
    redis_target_done(&target);
    assert_string_equal(target.login.password, "");
    assert_status(redis_url_parse(SLICE("redis://jane@h"), SLICE("s3cret"), &why, &target), STATUS_OK);
    assert_string_equal(target.login.user, "jane");
    assert_string_equal(target.login.password, "s3cret");
    redis_target_done(&target);
    buf_done(&why);
}

/* Each says what is wrong, and none of them shows a password. */
static void other_urls_are_explained(void **state)
{
    static const struct {
        const char *url;
        const char *word;
    } rows[] = {
        {"redis://", "host"},
        {"redis://:CANARY@", "host"},
        {"redis://user@h", "password"},
        {"redis://:CANARY%zz@h", "percent"},
        {"redis://:CANARY%00@h", "percent"},
        {"redis://h:0", "port"},
        {"redis://h:65536", "port"},
        {"redis://h:x", "port"},
        {"redis://h/x", "database"},
        {"redis://[::1", "]"},
        {"redis://[", "]"},
        {"redis+sentinel://h,[::1/m", "]"},
        {"redis://h/99999999", "database"},
        {"redis+unix://run/redis.sock", "socket"},
        {"redis+unix:///run/redis.sock?database=1", "db"},
        {"redis+unix:///run/redis.sock?db=x", "database"},
        {"redis+other://:CANARY@h", "not in this version"},
        {"redis+cluster://", "host"},
        {"redis+cluster://h,", "host"},
        {"redis+cluster://h:x", "port"},
        {"redis+cluster://h/1", "databases"},
        {"redis+cluster://h?ca=/ca.pem", "rediss"},
        {"redis+cluster://:CANARY%zz@h", "percent"},
        {"redis+cluster://1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17", "sixteen"},
        {"redis+sentinel://:CANARY@h", "NAME"},
        {"redis+sentinel://h,/m", "host"},
        {"redis+sentinel://h:x/m", "port"},
        {"redis+sentinel://h/m/x", "database"},
        {"redis+sentinel://1,2,3,4,5,6,7,8,9/m", "eight"},
        {"redis+sentinel://h/m?ca=/ca.pem", "rediss"},
        {"redis+sentinel://h/m?sentinel_password=CANARY%zz", "percent"},
        {"redis+sentinel://h/m?sentinel_user=jane", "sentinel_password"},
        {"redis://h?sentinel_password=CANARY", "redis+sentinel"},
        {"redis://h?ca=/ca.pem", "rediss"},
        {"rediss://h/0?tls=no", "ca=FILE"},
        {"rediss://h?ca=", "ca file"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct redis_target target;
        struct buf why = BUF_INIT;
        assert_status(redis_url_parse(slice_str(rows[i].url), SLICE_ABSENT, &why, &target), STATUS_BAD_INPUT);
        if (!strstr(buf_string(&why), rows[i].word) || !strstr(buf_string(&why), "OAUTH1_REDIS_URL"))
            fail_msg("%s: %s", rows[i].url, buf_string(&why));
        assert_null(strstr(buf_string(&why), "CANARY"));
        buf_done(&why);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls_name_server_login_and_database),
        cmocka_unit_test(tls_is_asked_for_by_the_scheme),
        cmocka_unit_test(sentinels_tell_where_the_primary_is),
        cmocka_unit_test(nodes_of_a_cluster_tell_of_the_others),
        cmocka_unit_test(a_password_may_come_apart_from_the_url),
        cmocka_unit_test(other_urls_are_explained),
    };
    return cmocka_run_group_tests_name("redis_url", tests, NULL, NULL);
}
