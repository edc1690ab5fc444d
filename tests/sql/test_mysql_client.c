/* Connecting: accounts, encryption, and what is no MySQL at all. */
#include "base/clock.h"
#include "sql_bench.h"
#include "support/identity.h"
#include "support/mariadb_server.h"
#include "support/sql_proxy.h"
#include "support/test.h"

#include <mysql.h>
#include <stdio.h>
#include <stdlib.h>

/* One server without TLS, another with; both have the accounts `jane`, password "p@ss:w/ord", and `tls`, which may only
 * come encrypted. */
struct scene {
    struct mariadb_server plain;
    struct mariadb_server secure;
    char directory[TEMP_PATH_BYTES];
    char ca[TEMP_PATH_BYTES];
    char other_ca[TEMP_PATH_BYTES];
};

static struct scene scene;

static void make_accounts(const struct mariadb_server *server)
{
    static const char *const statements[] = {
        "CREATE DATABASE oauth1",
        "CREATE USER jane IDENTIFIED BY 'p@ss:w/ord'",
        "CREATE USER tls IDENTIFIED BY 'x' REQUIRE SSL",
        "GRANT ALL ON oauth1.* TO jane, tls",
    };
    char url[DURABLE_URL_BYTES];
    mariadb_server_url(server, "mysql", url);
    struct sql *sql = sql_bench_open(url);
    for (size_t i = 0; i < COUNT_OF(statements); i++)
        assert_status(sql_bench_run(sql, statements[i]), STATUS_OK);
    sql_close(sql);
}

static void start_secure(void)
{
    char certificate[TEMP_PATH_BYTES];
    char key[TEMP_PATH_BYTES];
    char options[2][TEMP_PATH_BYTES + 16];
    struct identity ca = identity_make("ca", NULL, NULL);
    struct identity other_ca = identity_make("other ca", NULL, NULL);
    struct identity server = identity_make("server", "DNS:localhost", &ca);
    temp_dir_path(scene.directory, "ca.pem", scene.ca);
    temp_dir_path(scene.directory, "other-ca.pem", scene.other_ca);
    temp_dir_path(scene.directory, "cert.pem", certificate);
    temp_dir_path(scene.directory, "key.pem", key);
    identity_write_certificate(&ca, scene.ca);
    identity_write_certificate(&other_ca, scene.other_ca);
    identity_write_certificate(&server, certificate);
    identity_write_key(&server, key, NULL);
    identity_free(&ca);
    identity_free(&other_ca);
    identity_free(&server);
    (void)snprintf(options[0], sizeof options[0], "--ssl-cert=%s", certificate);
    (void)snprintf(options[1], sizeof options[1], "--ssl-key=%s", key);
    const char *const more[] = {options[0], options[1], NULL};
    mariadb_server_start(&scene.secure, more);
}

static int set_up(void **state)
{
    (void)state;
    static const char *const no_tls[] = {"--skip-ssl", NULL}; /* newer servers make a certificate by themselves */
    temp_dir_make(scene.directory);
    mariadb_server_start(&scene.plain, no_tls);
    start_secure();
    make_accounts(&scene.plain);
    make_accounts(&scene.secure);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    mariadb_server_stop(&scene.plain);
    mariadb_server_stop(&scene.secure);
    temp_dir_remove(scene.directory);
    return 0;
}

static enum status try_at(const struct mariadb_server *server, const char *account, const char *host, const char *rest,
                          struct buf *why, struct sql **ret_sql)
{
    char url[DURABLE_URL_BYTES + TEMP_PATH_BYTES];
    (void)snprintf(url, sizeof url, "mysql://%s@%s:%u/%s", account, host, server->port, rest);
    return sql_bench_try(url, why, ret_sql);
}

static void connects(const struct mariadb_server *server, const char *account, const char *host, const char *rest)
{
    struct buf why = BUF_INIT;
    struct sql *sql = NULL;
    if (try_at(server, account, host, rest, &why, &sql) != STATUS_OK)
        fail_msg("%s@%s/%s: %s", account, host, rest, buf_string(&why));
    assert_int_equal(sql_bench_number(sql, "SELECT 7"), 7);
    sql_close(sql);
    buf_done(&why);
}

static void a_file_of_authorities_that_cannot_be_read_is_a_mistake_of_the_url(void **state)
{
    (void)state;
    struct buf why = BUF_INIT;
    struct sql *sql = NULL;
    assert_status(try_at(&scene.secure, "tls:x", "localhost", "oauth1?tls=verify-full&ca=/nowhere.pem", &why, &sql),
                  STATUS_BAD_INPUT);
    assert_string_equal(buf_string(&why),
                        "OAUTH1_DATABASE_URL: /nowhere.pem: is no readable file of CA certificates in PEM form");
    buf_done(&why);
}

static void is_refused(const struct mariadb_server *server, const char *account, const char *host, const char *rest,
                       const char *what)
{
    struct buf why = BUF_INIT;
    struct sql *sql = NULL;
    enum status status = try_at(server, account, host, rest, &why, &sql);
    sql_close(sql);
    if (status != STATUS_STORE_DOWN)
        fail_msg("%s@%s/%s: %s is not STORE_DOWN", account, host, rest, status_name(status));
    const char *said = buf_string(&why);
    if (!strstr(said, what) || strstr(said, "hunter2"))
        fail_msg("%s@%s/%s: %s", account, host, rest, said);
    buf_done(&why);
}

/* ---- accounts ---- */

static void the_password_may_be_in_the_url_or_beside_it(void **state)
{
    (void)state;
    char url[DURABLE_URL_BYTES];
    struct sql_options options = {.busy_timeout_ms = SQL_SERVICE_BUSY_MS, .password = SLICE("p@ss:w/ord")};
    struct buf why = BUF_INIT;
    struct sql *sql = NULL;
    connects(&scene.plain, "jane:p%40ss%3Aw%2Ford", "127.0.0.1", "oauth1");
    (void)snprintf(url, sizeof url, "mysql://jane@127.0.0.1:%u/oauth1", scene.plain.port);
    assert_status(sql_open_blocking(slice_str(url), &options, &why, &sql), STATUS_OK);
    sql_close(sql);
    buf_done(&why);
}

static void what_the_server_refuses_is_told_without_the_password(void **state)
{
    (void)state;
    static const struct {
        const char *account;
        const char *rest;
        const char *what;
    } rows[] = {
        {"jane:hunter2", "oauth1", "refuses the user or the password"},
        {"nobody:hunter2", "oauth1", "refuses the user or the password"},
        {"jane:p%40ss%3Aw%2Ford", "mysql", "may not use this database"},
        {"root", "nowhere", "CREATE DATABASE"},
    };
    for (size_t i = 0; i < 3; i++)
        is_refused(&scene.plain, rows[i].account, "127.0.0.1", rows[i].rest, rows[i].what);
    char url[DURABLE_URL_BYTES];
    struct buf why = BUF_INIT;
    struct sql *sql = NULL;
    mariadb_server_url(&scene.plain, rows[3].rest, url);
    assert_status(sql_bench_try(url, &why, &sql), STATUS_STORE_DOWN);
    assert_non_null(strstr(buf_string(&why), rows[3].what));
    buf_done(&why);
}

static void where_nobody_listens_is_named(void **state)
{
    (void)state;
    struct mariadb_server nobody = {.port = 1};
    char url[] = "mysql://jane:hunter2@/oauth1?socket=/nowhere/at/all.sock";
    struct buf why = BUF_INIT;
    struct sql *sql = NULL;
    is_refused(&nobody, "jane:hunter2", "127.0.0.1", "oauth1",
               "oauth1 at 127.0.0.1:1, user jane: it cannot be reached");
    assert_status(sql_bench_try(url, &why, &sql), STATUS_STORE_DOWN);
    assert_non_null(strstr(buf_string(&why), "/nowhere/at/all.sock, user jane: it cannot be reached"));
    buf_done(&why);
}

/* ---- encryption ---- */

/* MariaDB's client cannot verify a chain without the name. */
#ifdef MARIADB_BASE_VERSION
static const char strict_ca[] = "no TLS connection as the URL wants it";
#else
static const char *const strict_ca = NULL;
#endif

/* The same server by a name that its certificate does not have. Connector/C 3.4 asks for no name at "127.0.0.1". */
#define OTHER_NAME "127.1"

/* Each row: which server by which name, with what; NULL: it must work. */
static void encryption_is_what_the_url_says_or_there_is_no_connection(void **state)
{
    (void)state;
    char full[TEMP_PATH_BYTES + 64];
    char ca[TEMP_PATH_BYTES + 64];
    char wrong[TEMP_PATH_BYTES + 64];
    char wrong_ca[TEMP_PATH_BYTES + 64];
    (void)snprintf(full, sizeof full, "oauth1?tls=verify-full&ca=%s", scene.ca);
    (void)snprintf(ca, sizeof ca, "oauth1?tls=verify-ca&ca=%s", scene.ca);
    (void)snprintf(wrong, sizeof wrong, "oauth1?tls=verify-full&ca=%s", scene.other_ca);
    (void)snprintf(wrong_ca, sizeof wrong_ca, "oauth1?tls=verify-ca&ca=%s", scene.other_ca);
    const struct {
        const struct mariadb_server *server;
        const char *host;
        const char *rest;
        const char *refused;
    } rows[] = {
        {&scene.secure, "localhost", full, NULL},
        {&scene.secure, "localhost", ca, NULL},
        {&scene.secure, OTHER_NAME, ca, strict_ca},
        {&scene.secure, "localhost", "oauth1?tls=required", NULL},
        {&scene.secure, OTHER_NAME, full, "no TLS connection as the URL wants it"},
        {&scene.secure, "localhost", wrong, "no TLS connection as the URL wants it"},
        {&scene.secure, "localhost", wrong_ca, "no TLS connection as the URL wants it"},
        {&scene.secure, "localhost", "oauth1?tls=verify-full", "no TLS connection as the URL wants it"},
        {&scene.plain, "localhost", full, "no TLS connection as the URL wants it"},
        {&scene.plain, "localhost", ca, "no TLS connection as the URL wants it"},
        {&scene.secure, "localhost", "oauth1?tls=disabled", "refuses the user"}, /* REQUIRE SSL */
    };
    is_refused(&scene.plain, "jane:p%40ss%3Aw%2Ford", "localhost", "oauth1?tls=required",
               "no TLS connection as the URL wants it");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (rows[i].refused)
            is_refused(rows[i].server, "tls:x", rows[i].host, rows[i].rest, rows[i].refused);
        else
            connects(rows[i].server, "tls:x", rows[i].host, rows[i].rest);
    }
}

static void an_encrypted_connection_is_kept_and_found_lost_like_another(void **state)
{
    (void)state;
    static const char still_there[] = "SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'tls'";
    char url[DURABLE_URL_BYTES];
    char kill[64];
    (void)snprintf(url, sizeof url, "mysql://tls:x@localhost:%u/oauth1?tls=verify-full&ca=%s", scene.secure.port,
                   scene.ca);
    struct sql *sql = sql_bench_open(url);
    int64_t connection = sql_bench_number(sql, "SELECT CONNECTION_ID()");
    for (int i = 0; i < 20; i++)
        assert_int_equal(sql_bench_number(sql, "SELECT CONNECTION_ID()"), connection);
    mariadb_server_url(&scene.secure, "mysql", url);
    struct sql *root = sql_bench_open(url);
    (void)snprintf(kill, sizeof kill, "KILL %lld", (long long)connection);
    assert_status(sql_bench_run(root, kill), STATUS_OK);
    for (int i = 0; sql_bench_number(root, still_there) > 0; i++)
        assert_true(i < 10000);
    assert_status(sql_bench_run(sql, "CREATE TABLE survives (a BIGINT)"), STATUS_OK);
    assert_true(sql_bench_number(sql, "SELECT CONNECTION_ID()") > connection);
    sql_close(sql);
    sql_close(root);
}

/* ---- what is no MySQL ---- */

/* The beginning of what a server says; whole it would have a thread's number, a salt and capabilities. */
#define HALF_A_GREETING \
    "\x4a\0\0\0\x0a"    \
    "10.11.0-MariaDB\0\x05\0\0\0abcd"

static void what_speaks_another_protocol_or_nonsense_is_refused_in_time(void **state)
{
    (void)state;
    static const struct {
        struct slice greeting;
        bool holds;
    } rows[] = {
        {SLICE_INIT(""), false},
        {SLICE_INIT(""), true},
        {SLICE_INIT("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"), false},
        {SLICE_INIT("SSH-2.0-OpenSSH_9.2p1\r\n"), true},
        {SLICE_INIT(HALF_A_GREETING), false},
        {SLICE_INIT(HALF_A_GREETING), true},
        {SLICE_INIT("\x05\0\0\0\x0a"
                    "8.4\0"),
         false},
        {SLICE_INIT("\x01\0\0\0\x09"), false},
        {SLICE_INIT("\0\0\0\0"), false},
        {SLICE_INIT("\xff\xff\xff\0\x0a"), true},
        {SLICE_INIT("\x11\0\0\0\xff\x10\x04Too many, today"), false},
        {SLICE_INIT("\x03\0\0\x07\x0a\xff\xff"), false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct sql_proxy fake;
        char url[DURABLE_URL_BYTES];
        struct buf why = BUF_INIT;
        struct sql *sql = NULL;
        int64_t start_ns = clock_monotonic_ns();
        sql_proxy_start_fake(&fake, rows[i].greeting, rows[i].holds);
        (void)snprintf(url, sizeof url, "mysql://jane:hunter2@/oauth1?socket=%s", fake.socket);
        enum status status = sql_bench_try(url, &why, &sql);
        assert_true(status == STATUS_STORE_DOWN || status == STATUS_STORE_CORRUPT);
        assert_null(sql);
        assert_true(why.len > 60);
        assert_in_range((clock_monotonic_ns() - start_ns) / 1000000, 0, 3500);
        buf_done(&why);
        sql_proxy_stop(&fake);
    }
}

/* A whole greeting, and behind it, before the client has said anything, the request to log in another way. */
#define GREETING                                                 \
    "\x49\0\0\0\x0a"                                             \
    "8.4.0\0\x07\0\0\0"                                          \
    "12345678\0\x09\x82\xff\x02\0\x08\0\x15\0\0\0\0\0\0\0\0\0\0" \
    "123456789012\0"                                             \
    "mysql_native_password\0"
#define IN_THE_CLEAR "\x16\0\0\x02\xfemysql_clear_password\0"

static void no_server_is_given_the_password_in_the_clear(void **state)
{
    (void)state;
    struct sql_proxy fake;
    char url[DURABLE_URL_BYTES];
    struct buf why = BUF_INIT;
    struct sql *sql = NULL;
    sql_proxy_start_fake(&fake, SLICE(GREETING IN_THE_CLEAR), true);
    (void)snprintf(url, sizeof url, "mysql://jane:hunter2@/oauth1?socket=%s", fake.socket);
    enum status status = sql_bench_try(url, &why, &sql);
    sql_proxy_stop(&fake);
    assert_status(status, STATUS_STORE_DOWN);
    if (!strstr(buf_string(&why), "a way of authentication"))
        fail_msg("%s", buf_string(&why));
    buf_done(&why);
    struct slice heard = slice_of(fake.heard, fake.heard_len);
    assert_true(slice_find_slice(heard, SLICE("jane")) < heard.len); /* it did begin to log in */
    assert_int_equal(slice_find_slice(heard, SLICE("hunter2")), heard.len);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_password_may_be_in_the_url_or_beside_it),
        cmocka_unit_test(what_the_server_refuses_is_told_without_the_password),
        cmocka_unit_test(where_nobody_listens_is_named),
        cmocka_unit_test(a_file_of_authorities_that_cannot_be_read_is_a_mistake_of_the_url),
        cmocka_unit_test(encryption_is_what_the_url_says_or_there_is_no_connection),
        cmocka_unit_test(an_encrypted_connection_is_kept_and_found_lost_like_another),
        cmocka_unit_test(what_speaks_another_protocol_or_nonsense_is_refused_in_time),
        cmocka_unit_test(no_server_is_given_the_password_in_the_clear),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
