/* What becomes of statements and transactions when the server goes, hangs, or is told to. On a MariaDB of its own. */
#include "base/clock.h"
#include "sql_bench.h"
#include "support/mariadb_server.h"
#include "support/sql_proxy.h"
#include "support/test.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static int64_t now_ms(void)
{
    return clock_monotonic_ns() / 1000000;
}

static int64_t rows(struct sql *sql)
{
    return sql_bench_number(sql, "SELECT COUNT(*) FROM t");
}

static void make_table(struct sql *sql)
{
    assert_status(sql_bench_run(sql, "CREATE TABLE t (a BIGINT PRIMARY KEY, b BIGINT NOT NULL DEFAULT 0)"), STATUS_OK);
}

/* Ends a connection on the server's side, as its administrator would. */
static void kill_connection(struct sql *by, int64_t connection)
{
    char text[128];
    (void)snprintf(text, sizeof text, "KILL %lld", (long long)connection);
    assert_status(sql_bench_run(by, text), STATUS_OK);
    (void)snprintf(text, sizeof text, "SELECT COUNT(*) FROM information_schema.processlist WHERE id = %lld",
                   (long long)connection);
    while (sql_bench_number(by, text) > 0)
        ;
}

/* ---- connections that end ---- */

static void what_the_server_closed_in_the_meantime_is_made_anew(void **state)
{
    struct sql_bench *it = *state;
    struct sql *other = sql_bench_open(it->url);
    make_table(it->sql);
    kill_connection(other, sql_bench_number(it->sql, "SELECT CONNECTION_ID()"));
    assert_status(sql_bench_run(it->sql, "INSERT INTO t (a) VALUES (1)"), STATUS_OK);
    kill_connection(other, sql_bench_number(it->sql, "SELECT CONNECTION_ID()"));
    assert_int_equal(rows(it->sql), 1);
    sql_close(other);
}

static void a_server_that_is_gone_is_told_at_once_and_found_again(void **state)
{
    struct sql_bench *it = *state;
    struct mariadb_server *server = mariadb_server_shared();
    make_table(it->sql);
    mariadb_server_kill(server);
    int64_t start_ms = now_ms();
    assert_status(sql_bench_run(it->sql, "INSERT INTO t (a) VALUES (1)"), STATUS_STORE_DOWN);
    sql_bench_assert_error(it->sql, "cannot be reached: is the server running");
    assert_in_range(now_ms() - start_ms, 0, 900);
    mariadb_server_run(server, NULL);
    assert_status(sql_bench_run(it->sql, "INSERT INTO t (a) VALUES (1)"), STATUS_OK);
    assert_int_equal(rows(it->sql), 1);
}

static void a_server_that_hangs_is_given_up_after_a_second(void **state)
{
    struct sql_bench *it = *state;
    make_table(it->sql);
    assert_int_equal(rows(it->sql), 0);
    mariadb_server_pause(mariadb_server_shared());
    int64_t start_ms = now_ms();
    enum status read = sql_execute_blocking(it->sql, "SELECT COUNT(*) FROM t", NULL, 0, NULL, NULL);
    int64_t read_ms = now_ms() - start_ms;
    enum status connect = sql_bench_run(it->sql, "INSERT INTO t (a) VALUES (1)"); /* this one on a new connection */
    int64_t both_ms = now_ms() - start_ms;
    mariadb_server_go_on(mariadb_server_shared());
    assert_status(read, STATUS_STORE_DOWN);
    assert_status(connect, STATUS_STORE_DOWN);
    assert_in_range(read_ms, 900, 1900); /* once: a read that had no answer in time is not asked again */
    assert_in_range(both_ms, 1800, 3800);
    assert_status(sql_bench_run(it->sql, "INSERT INTO t (a) VALUES (2)"), STATUS_OK);
    assert_int_equal(sql_bench_number(it->sql, "SELECT MAX(a) FROM t"), 2);
}

/* ---- what is repeated ---- */

struct proxied {
    struct sql_proxy proxy;
    char url[DURABLE_URL_BYTES];
    struct sql *sql;
};

static void open_proxied(const struct sql_bench *it, struct proxied *ret)
{
    const char *slash = strrchr(it->url, '/'); /* of the socket's path */
    const char *database = strstr(it->url, "@/");
    assert_true(slash && database);
    sql_proxy_start(&ret->proxy, mariadb_server_shared()->socket);
    int len = snprintf(ret->url, sizeof ret->url, "mysql://root@/%.*s?socket=%s", (int)strcspn(database + 2, "?"),
                       database + 2, ret->proxy.socket);
    assert_in_range(len, 1, sizeof ret->url - 1);
    ret->sql = sql_bench_open(ret->url);
}

static void close_proxied(struct proxied *proxied)
{
    assert_false(sql_proxy_is_armed(&proxied->proxy));
    sql_close(proxied->sql);
    sql_proxy_stop(&proxied->proxy);
}

static enum status keep_number(void *context, const struct sql_value *columns, size_t count)
{
    (void)count;
    *(int64_t *)context = columns[0].integer;
    return STATUS_OK;
}

static void a_read_whose_answer_was_cut_off_is_asked_again(void **state)
{
    struct sql_bench *it = *state;
    struct proxied proxied;
    static const enum sql_proxy_break ways[] = {PROXY_DROP_STATEMENT, PROXY_DROP_REPLY, PROXY_HALVE_REPLY};
    static const char *const places[] = {"SELECT ? IS NULL", "the parameter"}; /* preparing, executing */
    struct sql_value params[] = {sql_text(slice_str(places[1]))};
    for (size_t i = 0; i < COUNT_OF(ways); i++)
        for (size_t place = 0; place < 2; place++) {
            int64_t answer = 7;
            open_proxied(it, &proxied);
            sql_proxy_arm(&proxied.proxy, ways[i], places[place]);
            assert_status(sql_execute_blocking(proxied.sql, places[0], params, 1, keep_number, &answer), STATUS_OK);
            assert_int_equal(answer, 0);
            close_proxied(&proxied);
        }
}

static void a_write_whose_answer_was_cut_off_is_not_repeated(void **state)
{
    struct sql_bench *it = *state;
    struct proxied proxied;
    static const enum sql_proxy_break ways[] = {PROXY_DROP_STATEMENT, PROXY_DROP_REPLY, PROXY_HALVE_REPLY};
    static const int64_t expected[] = {0, 1, 2};
    make_table(it->sql);
    assert_status(sql_bench_run(it->sql, "ALTER TABLE t MODIFY COLUMN a BIGINT AUTO_INCREMENT"), STATUS_OK);
    open_proxied(it, &proxied);
    for (size_t i = 0; i < COUNT_OF(ways); i++) {
        sql_proxy_arm(&proxied.proxy, ways[i], "INSERT INTO t");
        assert_status(sql_bench_run(proxied.sql, "INSERT INTO t (b) VALUES (7)"), STATUS_STORE_DOWN);
        sql_bench_assert_error(proxied.sql, "the connection was lost");
        assert_int_equal(rows(it->sql), expected[i]);
    }
    close_proxied(&proxied);
}

struct work {
    struct sql *other; /* ends the connection in the first run */
    int runs;
    int error; /* of the first run */
};

static enum status insert_two(struct sql *sql, void *context)
{
    ((struct work *)context)->runs++;
    TRY(sql_bench_run(sql, "INSERT INTO t (a) VALUES (1)"));
    return sql_bench_run(sql, "INSERT INTO t (a) VALUES (2)");
}

static enum status lose_in_between(struct sql *sql, void *context)
{
    struct work *work = context;
    work->runs++;
    TRY(sql_bench_run(sql, "INSERT INTO t (a) VALUES (1)"));
    if (work->runs == 1)
        kill_connection(work->other, sql_bench_number(sql, "SELECT CONNECTION_ID()"));
    return sql_bench_run(sql, "INSERT INTO t (a) VALUES (2)");
}

/* Not telling that a statement failed does not make the rest of the transaction its own. */
static enum status lose_and_ignore(struct sql *sql, void *context)
{
    (void)!lose_in_between(sql, context);
    (void)!sql_bench_run(sql, "INSERT INTO t (a) VALUES (3)");
    return STATUS_OK;
}

static enum status lose_at_the_end(struct sql *sql, void *context)
{
    struct work *work = context;
    TRY(insert_two(sql, context));
    if (work->runs == 1)
        kill_connection(work->other, sql_bench_number(sql, "SELECT CONNECTION_ID()"));
    return STATUS_OK;
}

static void a_transaction_whose_connection_was_lost_before_commit_is_run_again(void **state)
{
    struct sql_bench *it = *state;
    static const sql_work_fn works[] = {lose_in_between, lose_and_ignore, lose_at_the_end};
    static const int64_t expected[] = {2, 3, 2};
    struct sql *other = sql_bench_open(it->url);
    make_table(it->sql);
    for (size_t i = 0; i < COUNT_OF(works); i++) {
        struct work work = {.other = other};
        assert_status(sql_transaction_blocking(it->sql, works[i], &work), STATUS_OK);
        assert_int_equal(work.runs, 2);
        assert_int_equal(rows(it->sql), expected[i]);
        assert_status(sql_bench_run(it->sql, "DELETE FROM t"), STATUS_OK);
    }
    sql_close(other);
}

static void a_commit_whose_reply_is_lost_is_told_as_unknown_and_not_repeated(void **state)
{
    struct sql_bench *it = *state;
    struct proxied proxied;
    struct work work = {0};
    make_table(it->sql);
    open_proxied(it, &proxied);
    sql_proxy_arm(&proxied.proxy, PROXY_DROP_REPLY, "COMMIT");
    assert_status(sql_transaction_blocking(proxied.sql, insert_two, &work), STATUS_STORE_DOWN);
    sql_bench_assert_error(proxied.sql, "nobody knows whether it took effect");
    assert_int_equal(work.runs, 1);
    assert_int_equal(rows(it->sql), 2); /* this time it did */
    assert_status(sql_bench_run(it->sql, "DELETE FROM t"), STATUS_OK);
    assert_status(sql_transaction_blocking(proxied.sql, insert_two, &work), STATUS_OK);
    close_proxied(&proxied);
}

static void the_beginning_of_a_transaction_survives_a_lost_connection(void **state)
{
    struct sql_bench *it = *state;
    struct proxied proxied;
    struct work work = {0};
    make_table(it->sql);
    open_proxied(it, &proxied);
    sql_proxy_arm(&proxied.proxy, PROXY_DROP_STATEMENT, "START TRANSACTION");
    assert_status(sql_transaction_blocking(proxied.sql, insert_two, &work), STATUS_OK);
    assert_int_equal(work.runs, 1);
    close_proxied(&proxied);
}

/* ---- transactions ---- */

static enum status fail_after_insert(struct sql *sql, void *context)
{
    TRY(insert_two(sql, context));
    return STATUS_BAD_INPUT;
}

static enum status insert_twice(struct sql *sql, void *context)
{
    TRY(sql_transaction_blocking(sql, insert_two, context));
    return sql_bench_run(sql, "INSERT INTO t (a) VALUES (3)");
}

static enum status insert_a_taken_one(struct sql *sql, void *context)
{
    TRY(insert_two(sql, context));
    return sql_bench_run(sql, "INSERT INTO t (a) VALUES (1)");
}

static void a_transaction_is_all_or_nothing_also_when_it_joins_another(void **state)
{
    struct sql_bench *it = *state;
    struct work work = {0};
    make_table(it->sql);
    assert_status(sql_transaction_blocking(it->sql, fail_after_insert, &work), STATUS_BAD_INPUT);
    assert_status(sql_transaction_blocking(it->sql, insert_a_taken_one, &work), STATUS_CONFLICT);
    assert_int_equal(work.runs, 2);
    assert_int_equal(rows(it->sql), 0);
    assert_status(sql_transaction_blocking(it->sql, insert_twice, &work), STATUS_OK);
    assert_int_equal(rows(it->sql), 3);
}

struct rival {
    pthread_t thread;
    struct sql *sql;
    sql_work_fn work;
    pthread_barrier_t *barrier;
    int64_t first;
    int64_t second;
    int runs;
    enum status status;
};

static enum status add_one(struct sql *sql, int64_t row)
{
    struct sql_value params[] = {sql_int(row)};
    return sql_execute_blocking(sql, "UPDATE t SET b = b + 1 WHERE a = ?", params, 1, NULL, NULL);
}

static enum status lock_crosswise(struct sql *sql, void *context)
{
    struct rival *rival = context;
    rival->runs++;
    TRY(add_one(sql, rival->first));
    if (rival->runs == 1)
        (void)pthread_barrier_wait(rival->barrier); /* each has the row that the other wants */
    return add_one(sql, rival->second);
}

/* A row that nobody else wants is on its way when the server finds the deadlock. */
static enum status read_crosswise(struct sql *sql, void *context)
{
    struct rival *rival = context;
    struct sql_value params[] = {sql_int(-rival->first), sql_int(rival->second)};
    rival->runs++;
    TRY(add_one(sql, rival->first));
    if (rival->runs == 1)
        (void)pthread_barrier_wait(rival->barrier);
    TRY(sql_execute_blocking(sql, "SELECT a FROM t WHERE a IN (?, ?) ORDER BY a FOR UPDATE", params, 2, NULL, NULL));
    return add_one(sql, rival->second);
}

static void *compete(void *context)
{
    struct rival *rival = context;
    rival->status = sql_transaction_blocking(rival->sql, rival->work, rival);
    return NULL;
}

static void run_into_deadlock(struct sql_bench *it, sql_work_fn work)
{
    pthread_barrier_t barrier;
    struct rival rivals[] = {{.sql = it->sql, .work = work, .first = 1, .second = 2},
                             {.sql = sql_bench_open(it->url), .work = work, .first = 2, .second = 1}};
    make_table(it->sql);
    assert_status(sql_bench_run(it->sql, "INSERT INTO t (a) VALUES (-2), (-1), (1), (2)"), STATUS_OK);
    assert_int_equal(pthread_barrier_init(&barrier, NULL, 2), 0);
    for (size_t i = 0; i < 2; i++) {
        rivals[i].barrier = &barrier;
        assert_int_equal(pthread_create(&rivals[i].thread, NULL, compete, &rivals[i]), 0);
    }
    for (size_t i = 0; i < 2; i++) {
        (void)pthread_join(rivals[i].thread, NULL);
        assert_status(rivals[i].status, STATUS_OK);
    }
    assert_true(rivals[0].runs + rivals[1].runs > 2);
    assert_int_equal(sql_bench_number(it->sql, "SELECT COUNT(*) FROM t WHERE b = 2"), 2);
    (void)pthread_barrier_destroy(&barrier);
    sql_close(rivals[1].sql);
}

static void a_deadlock_is_repeated_until_both_are_done(void **state)
{
    run_into_deadlock(*state, lock_crosswise);
}

static void a_deadlock_that_is_found_between_two_rows_is_repeated_too(void **state)
{
    run_into_deadlock(*state, read_crosswise);
}

static void a_lock_that_another_holds_is_told_after_the_timeout(void **state)
{
    struct sql_bench *it = *state;
    struct sql *holder = sql_bench_open(it->url);
    struct work work = {0};
    make_table(it->sql);
    assert_status(sql_bench_run(holder, "START TRANSACTION"), STATUS_OK);
    assert_status(sql_bench_run(holder, "INSERT INTO t (a) VALUES (2)"), STATUS_OK);
    int64_t start_ms = now_ms();
    assert_status(sql_transaction_blocking(it->sql, insert_two, &work), STATUS_STORE_DOWN);
    assert_in_range(now_ms() - start_ms, 900, 6000);
    assert_in_range(work.runs, 1, 3);
    assert_status(sql_bench_run(holder, "ROLLBACK"), STATUS_OK);
    assert_int_equal(rows(it->sql), 0);
    assert_status(sql_transaction_blocking(it->sql, insert_two, &work), STATUS_OK);
    sql_close(holder);
}

static void a_connection_for_reads_does_not_write(void **state)
{
    struct sql_bench *it = *state;
    struct sql_options options = {.busy_timeout_ms = SQL_SERVICE_BUSY_MS, .read_only = true};
    struct buf why = BUF_INIT;
    struct sql *reader = NULL;
    make_table(it->sql);
    assert_status(sql_open_blocking(slice_str(it->url), &options, &why, &reader), STATUS_OK);
    assert_int_equal(rows(reader), 0);
    assert_status(sql_bench_run(reader, "INSERT INTO t (a) VALUES (1)"), STATUS_STORE_DOWN);
    sql_bench_assert_error(reader, "for reads alone");
    sql_close(reader);
    buf_done(&why);
}

/* What a replica does not have yet is asked of the primary, which so must have all. */
static void a_primary_shows_what_was_committed_at_any_node_and_a_replica_need_not(void **state)
{
    struct sql_bench *it = *state;
    const struct sql_options options = {.read_only = true};
    struct buf why = BUF_INIT;
    struct sql *reader = NULL;
    assert_int_equal(sql_bench_number(it->sql, "SELECT @@wsrep_sync_wait"), 7);
    assert_status(sql_open_blocking(slice_str(it->url), &options, &why, &reader), STATUS_OK);
    assert_int_equal(sql_bench_number(reader, "SELECT @@wsrep_sync_wait"), 0);
    sql_close(reader);
    buf_done(&why);
}

/* The account of a service: root may write even then. */
static struct sql *open_as_service(struct sql_bench *it)
{
    char url[DURABLE_URL_BYTES];
    const char *at = strchr(it->url, '@');
    (void)sql_bench_run(it->sql, "CREATE USER service@localhost");
    assert_status(sql_bench_run(it->sql, "GRANT SELECT, INSERT, UPDATE, DELETE ON *.* TO service@localhost"),
                  STATUS_OK);
    assert_non_null(at);
    (void)snprintf(url, sizeof url, "mysql://service%s", at);
    return sql_bench_open(url);
}

/* As when a replica was made the primary and its name or address now leads there, while connections that are open stay
 * with the old one. */
static void a_primary_that_became_a_replica_is_left(void **state)
{
    struct sql_bench *it = *state;
    struct work work = {0};
    make_table(it->sql);
    struct sql *sql = open_as_service(it);
    int64_t before = sql_bench_number(sql, "SELECT CONNECTION_ID()");
    assert_status(sql_bench_run(it->sql, "SET GLOBAL read_only = 1"), STATUS_OK);
    enum status alone = sql_bench_run(sql, "INSERT INTO t (a) VALUES (1)");
    int64_t between = sql_bench_number(sql, "SELECT CONNECTION_ID()");
    enum status together = sql_transaction_blocking(sql, insert_two, &work);
    assert_status(sql_bench_run(it->sql, "SET GLOBAL read_only = 0"), STATUS_OK);
    assert_status(alone, STATUS_STORE_DOWN);
    assert_status(together, STATUS_STORE_DOWN);
    sql_bench_assert_error(sql, "read-only: name the primary");
    assert_int_equal(work.runs, 1); /* it would not be another server an instant later */
    assert_true(between != before);
    assert_true(sql_bench_number(sql, "SELECT CONNECTION_ID()") != between);
    assert_status(sql_transaction_blocking(sql, insert_two, &work), STATUS_OK);
    sql_close(sql);
}

/* Each row that is written makes the server answer with the error whose number it has in `b`. */
static void make_table_of_errors(struct sql *sql)
{
    make_table(sql);
    assert_status(sql_bench_run(sql, "CREATE TRIGGER refuse BEFORE INSERT ON t FOR EACH ROW BEGIN DECLARE number INT "
                                     "DEFAULT NEW.b; IF number > 0 THEN SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = "
                                     "number; END IF; END"),
                  STATUS_OK);
}

static enum status insert_error(struct sql *sql, void *context)
{
    static const char text[] = "INSERT INTO t (a, b) VALUES (1, ?)";
    struct work *work = context;
    struct sql_value params[] = {sql_int(work->runs++ ? 0 : work->error)};
    return sql_execute_blocking(sql, text, params, 1, NULL, NULL);
}

/* What nodes of Galera, of Group Replication and others answer that are no primary, or are not ready. */
static void whoever_is_no_primary_is_left_and_nothing_is_repeated(void **state)
{
    struct sql_bench *it = *state;
    static const int errors[] = {1047, 1180, 1290, 1792, 1836, 3032, 3100, 3168};
    make_table_of_errors(it->sql);
    for (size_t i = 0; i < COUNT_OF(errors); i++) {
        struct work work = {.error = errors[i]};
        int64_t before = sql_bench_number(it->sql, "SELECT CONNECTION_ID()");
        assert_status(insert_error(it->sql, &work), STATUS_STORE_DOWN);
        int64_t between = sql_bench_number(it->sql, "SELECT CONNECTION_ID()");
        work.runs = 0;
        assert_status(sql_transaction_blocking(it->sql, insert_error, &work), STATUS_STORE_DOWN);
        assert_int_equal(work.runs, 1);
        assert_true(before != between);
        assert_true(between != sql_bench_number(it->sql, "SELECT CONNECTION_ID()"));
    }
    assert_int_equal(rows(it->sql), 0);
}

/* A deadlock, or what Group Replication's nodes say of two writes at two of them. */
static void a_transaction_that_lost_to_another_is_run_again(void **state)
{
    struct sql_bench *it = *state;
    static const int errors[] = {1213, 3101};
    make_table_of_errors(it->sql);
    for (size_t i = 0; i < COUNT_OF(errors); i++) {
        struct work work = {.error = errors[i]};
        assert_status(sql_transaction_blocking(it->sql, insert_error, &work), STATUS_OK);
        assert_int_equal(work.runs, 2);
        assert_int_equal(rows(it->sql), 1);
        assert_status(sql_bench_run(it->sql, "DELETE FROM t"), STATUS_OK);
    }
}

static enum status insert_before_it_is_read_only(struct sql *sql, void *context)
{
    TRY(insert_two(sql, context));
    return sql_bench_run(((struct work *)context)->other, "SET GLOBAL read_only = 1");
}

static void a_commit_that_a_read_only_server_refuses_is_no_riddle(void **state)
{
    struct sql_bench *it = *state;
    struct work work = {.other = it->sql};
    make_table(it->sql);
    struct sql *sql = open_as_service(it);
    assert_status(sql_bench_run(sql, "DELETE FROM t"), STATUS_OK);
    enum status status = sql_transaction_blocking(sql, insert_before_it_is_read_only, &work);
    assert_status(sql_bench_run(it->sql, "SET GLOBAL read_only = 0"), STATUS_OK);
    assert_status(status, STATUS_STORE_DOWN);
    sql_bench_assert_error(sql, "read-only: name the primary");
    assert_int_equal(work.runs, 1);
    assert_int_equal(rows(it->sql), 0);
    sql_close(sql);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SQL_TEST(what_the_server_closed_in_the_meantime_is_made_anew),
        SQL_TEST(a_server_that_is_gone_is_told_at_once_and_found_again),
        SQL_TEST(a_server_that_hangs_is_given_up_after_a_second),
        SQL_TEST(a_read_whose_answer_was_cut_off_is_asked_again),
        SQL_TEST(a_write_whose_answer_was_cut_off_is_not_repeated),
        SQL_TEST(a_transaction_whose_connection_was_lost_before_commit_is_run_again),
        SQL_TEST(a_commit_whose_reply_is_lost_is_told_as_unknown_and_not_repeated),
        SQL_TEST(the_beginning_of_a_transaction_survives_a_lost_connection),
        SQL_TEST(a_transaction_is_all_or_nothing_also_when_it_joins_another),
        SQL_TEST(a_deadlock_is_repeated_until_both_are_done),
        SQL_TEST(a_deadlock_that_is_found_between_two_rows_is_repeated_too),
        SQL_TEST(a_lock_that_another_holds_is_told_after_the_timeout),
        SQL_TEST(a_connection_for_reads_does_not_write),
        SQL_TEST(a_primary_shows_what_was_committed_at_any_node_and_a_replica_need_not),
        SQL_TEST(a_primary_that_became_a_replica_is_left),
        SQL_TEST(whoever_is_no_primary_is_left_and_nothing_is_repeated),
        SQL_TEST(a_transaction_that_lost_to_another_is_run_again),
        SQL_TEST(a_commit_that_a_read_only_server_refuses_is_no_riddle),
    };
    (void)unsetenv("TEST_MYSQL_URL"); /* nobody else's server is to be killed */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
