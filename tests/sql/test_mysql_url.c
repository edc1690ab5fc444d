#include "sql/mysql_url.h"
#include "support/test.h"

static enum status parse(const char *text, struct slice password, struct buf *why, struct mysql_url *ret_url)
{
    buf_reset(why);
    return mysql_url_parse(slice_str(text), password, "OAUTH1_DATABASE_URL", why, ret_url);
}

static void every_part_is_decoded(void **state)
{
    (void)state;
    struct mysql_url url;
    struct buf why = BUF_INIT;
    assert_status(parse("//us%40er:p%3Aa%2Fss%3F@db.example:3307/o%C3%A9?tls=verify-ca&ca=/etc/c%20a.pem", SLICE_ABSENT,
                        &why, &url),
                  STATUS_OK);
    assert_string_equal(url.user, "us@er");
    assert_string_equal(url.password, "p:a/ss?");
    assert_string_equal(url.host, "db.example");
    assert_string_equal(url.database, "o\xc3\xa9");
    assert_string_equal(url.ca, "/etc/c a.pem");
    assert_int_equal(url.port, 3307);
    assert_int_equal(url.tls, MYSQL_TLS_VERIFY_CA);
    assert_null(url.socket);
    assert_string_equal(url.shown, "o\xc3\xa9 at db.example:3307, user us@er");
    mysql_url_done(&url);
    buf_done(&why);
}

static void encryption_is_off_only_where_nothing_leaves_the_machine(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum mysql_tls tls;
    } rows[] = {
        {"//u@db.example/d", MYSQL_TLS_VERIFY_FULL},
        {"//u@192.0.2.1/d", MYSQL_TLS_VERIFY_FULL},
        {"//u@[2001:db8::1]:3306/d", MYSQL_TLS_VERIFY_FULL},
        {"//u@localhost.example/d", MYSQL_TLS_VERIFY_FULL},
        {"//u@localhost/d", MYSQL_TLS_DISABLED},
        {"//u@127.0.0.1/d", MYSQL_TLS_DISABLED},
        {"//u@[::1]/d", MYSQL_TLS_DISABLED},
        {"//u@/d?socket=/run/mysqld/mysqld.sock", MYSQL_TLS_DISABLED},
        {"//u@127.0.0.1/d?tls=verify-full", MYSQL_TLS_VERIFY_FULL},
        {"//u@db.example/d?tls=disabled", MYSQL_TLS_DISABLED},
        {"//u@db.example/d?tls=required", MYSQL_TLS_REQUIRED},
        {"//u@db.example/d?", MYSQL_TLS_VERIFY_FULL},
    };
    struct buf why = BUF_INIT;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct mysql_url url;
        assert_status(parse(rows[i].text, SLICE_ABSENT, &why, &url), STATUS_OK);
        assert_int_equal(url.tls, rows[i].tls);
        assert_int_equal(url.port, 3306);
        mysql_url_done(&url);
    }
    buf_done(&why);
}

static void a_password_comes_from_the_url_or_from_its_own_variable(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *variable;
        const char *password;
    } rows[] = {
        {"//u@h/d", NULL, ""},        {"//u@h/d", "p%41@/:", "p%41@/:"}, {"//u:url@h/d", "variable", "url"},
        {"//u:@h/d", "variable", ""}, {"//u:p@ss@h/d", NULL, "p@ss"},
    };
    struct buf why = BUF_INIT;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct mysql_url url;
        assert_status(parse(rows[i].text, slice_str(rows[i].variable), &why, &url), STATUS_OK);
        assert_string_equal(url.password, rows[i].password);
        assert_string_equal(url.host, "h");
        mysql_url_done(&url);
    }
    buf_done(&why);
}

static void what_is_wrong_is_told_without_the_password(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *what;
    } rows[] = {
        {"", "it is no URL"},
        {"u:hunter2@h/d", "it is no URL"},
        {"//h/d", "there is no user"},
        {"//:hunter2@h/d", "there is no user"},
        {"//u:hunter2@/d", "there is no host"},
        {"//u:hunter2@h", "there is no database"},
        {"//u:hunter2@h/", "there is no database"},
        {"//u:hunter2@h/?tls=required", "there is no database"},
        {"//u:hun/ter2@h/d", "a / that should be %2F"},
        {"//u:hunter2@h/d/e", "a / that should be %2F"},
        {"//u:hunter2%@h/d", "the password is not well encoded"},
        {"//u:hunter2%00@h/d", "the password is not well encoded"},
        {"//u%zz:hunter2@h/d", "the user is not well encoded"},
        {"//u:hunter2@h/d%", "the database is not well encoded"},
        {"//u:hunter2@h:0/d", "the port must be a number from 1 to 65535"},
        {"//u:hunter2@h:65536/d", "the port must be a number from 1 to 65535"},
        {"//u:hunter2@h:/d", "the port must be a number from 1 to 65535"},
        {"//u:hunter2@[::1]3306/d", "the port must be a number from 1 to 65535"},
        {"//u:hunter2@[::1/d", "a ] is missing"},
        {"//u:hunter2@h/d?tls=maybe", "tls must be disabled, required, verify-ca or verify-full"},
        {"//u:hunter2@h/d?tls", "tls must be disabled, required, verify-ca or verify-full"},
        {"//u:hunter2@h/d?hunter2=x", "only tls=…, ca=FILE and socket=PATH are known"},
        {"//u:hunter2@h/d?ca=", "only tls=…, ca=FILE and socket=PATH are known"},
        {"//u:hunter2@h/d?tls=verify-ca", "tls=verify-ca needs ca=FILE"},
        {"//u:hunter2@h/d?tls=required&ca=/x", "ca=FILE needs tls=verify-full or tls=verify-ca"},
        {"//u:hunter2@localhost/d?ca=/x", "ca=FILE needs tls=verify-full or tls=verify-ca"},
        {"//u:hunter2@h/d?socket=/s", "there is a host besides the socket"},
        {"//u:hunter2@/d?socket=/s&tls=verify-full", "tls=verify-full needs a host"},
    };
    struct buf why = BUF_INIT;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct mysql_url url;
        assert_status(parse(rows[i].text, SLICE_ABSENT, &why, &url), STATUS_BAD_INPUT);
        const char *said = buf_string(&why);
        if (!strstr(said, rows[i].what) || !strstr(said, "OAUTH1_DATABASE_URL: ") || strstr(said, "hunter2") ||
            strstr(said, "ter2"))
            fail_msg("mysql:%s: %s", rows[i].text, said);
    }
    buf_done(&why);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_part_is_decoded),
        cmocka_unit_test(encryption_is_off_only_where_nothing_leaves_the_machine),
        cmocka_unit_test(a_password_comes_from_the_url_or_from_its_own_variable),
        cmocka_unit_test(what_is_wrong_is_told_without_the_password),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
