/* The pool when MySQL goes, hangs and comes back, and with a replica. On a MariaDB of its own. */
#include "base/clock.h"
#include "durable/clients.h"
#include "durable/migrations.h"
#include "durable/pool.h"
#include "durable/tokens.h"
#include "durable/users.h"
#include "loop/flow.h"
#include "support/asking.h"
#include "support/durable_bench.h"
#include "support/mariadb_server.h"
#include "support/sql_proxy.h"
#include "support/test.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { THREADS = 4, ANSWER_MS = 200, RECOVERY_MS = 2000, BUSY_MACHINE = 3 };

struct fixture {
    struct durable_bench primary;
    struct durable_bench replica; /* another database: what replication would bring, a test puts there */
    struct durable_pool *pool;
    struct asking asking;
};

static void open_pool(struct fixture *it, const char *read_url, size_t connections)
{
    struct durable_pool_options options = {
        .url = slice_str(it->primary.url),
        .read_url = slice_str(read_url),
        .connections = connections,
        .keys = it->primary.keys,
        .clock = &it->primary.clock.clock,
    };
    struct buf why = BUF_INIT;
    if (durable_pool_new_blocking(&options, &why, &it->pool) != STATUS_OK)
        fail_msg("%.*s", SLICE_ARGS(buf_slice(&why)));
    buf_done(&why);
}

static int setup(void **state)
{
    struct fixture *it = test_calloc(1, sizeof *it);
    durable_bench_init(&it->primary, &durable_mysql);
    durable_bench_init(&it->replica, &durable_mysql);
    asking_init(&it->asking, &it->primary.clock.clock);
    *state = it;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *it = *state;
    durable_pool_free(it->pool);
    asking_done(&it->asking);
    durable_bench_done(&it->replica);
    durable_bench_done(&it->primary);
    test_free(it);
    return 0;
}

static int64_t now_ms(void)
{
    return clock_monotonic_ns() / 1000000;
}

/* Asks as a request does, with its deadline. */
static enum status ask(struct fixture *it)
{
    it->asking.patience_ms = ANSWER_MS;
    durable_client_find_start(it->pool, SLICE("acme"), asking_ticket(&it->asking));
    return asking_wait(&it->asking, NULL);
}

static void must_recover(struct fixture *it)
{
    int64_t start_ms = now_ms();
    while (ask(it) != STATUS_OK)
        assert_in_range(now_ms() - start_ms, 0, RECOVERY_MS);
}

/* ---- outages ---- */

static void a_server_that_is_gone_is_told_at_once_and_found_again_within_two_seconds(void **state)
{
    struct fixture *it = *state;
    (void)durable_bench_client(&it->primary, "acme");
    open_pool(it, NULL, THREADS);
    assert_status(ask(it), STATUS_OK);
    mariadb_server_kill(mariadb_server_shared());
    int64_t start_ms = now_ms();
    for (int i = 0; i < 200; i++)
        assert_status(ask(it), STATUS_STORE_DOWN);
    assert_in_range(now_ms() - start_ms, 0, 200 * ANSWER_MS / 4); /* most are not even tried */
    mariadb_server_run(mariadb_server_shared(), NULL);
    must_recover(it);
}

static void a_server_that_hangs_keeps_nobody_waiting_and_is_found_again_within_two_seconds(void **state)
{
    struct fixture *it = *state;
    (void)durable_bench_client(&it->primary, "acme");
    open_pool(it, NULL, THREADS);
    assert_status(ask(it), STATUS_OK);
    mariadb_server_pause(mariadb_server_shared());
    int64_t start_ms = now_ms();
    int asked = 0;
    for (; now_ms() - start_ms < 3000; asked++)
        if (ask(it) == STATUS_OK)
            break;
    int64_t took_ms = now_ms() - start_ms;
    mariadb_server_go_on(mariadb_server_shared());
    assert_in_range(took_ms, 3000, 3900);
    assert_true(asked >= 10); /* each was answered when its time was over, or before */
    must_recover(it);
}

static void *go_on_later_blocking(void *server)
{
    (void)usleep(2 * SQL_SERVICE_ANSWER_MS * 1000);
    mariadb_server_go_on(server);
    return NULL;
}

static void a_start_waits_for_a_server_that_is_busy_for_longer_than_a_request_may_wait(void **state)
{
    struct fixture *it = *state;
    pthread_t thread;
    (void)durable_bench_client(&it->primary, "acme");
    mariadb_server_pause(mariadb_server_shared());
    assert_int_equal(pthread_create(&thread, NULL, go_on_later_blocking, mariadb_server_shared()), 0);
    open_pool(it, NULL, 1);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_status(ask(it), STATUS_OK);
}

/* ---- a replica ---- */

static const struct credential_pair *find(struct fixture *it, bool current)
{
    struct ticket ticket = asking_ticket(&it->asking);
    if (current)
        durable_pair_find_current_start(it->pool, SLICE("acme"), SLICE("token"), ticket);
    else
        durable_pair_find_start(it->pool, SLICE("acme"), SLICE("token"), ticket);
    return asking_answer(&it->asking, STATUS_OK);
}

static void make_token(struct durable_bench *bench)
{
    char jti[64];
    (void)durable_bench_client(bench, "acme");
    durable_bench_token(bench, "acme", durable_bench_user(bench, "jane"), "token", jti);
}

static void reads_that_may_lag_go_to_the_replica_and_others_do_not(void **state)
{
    struct fixture *it = *state;
    struct token_filter filter = {.client_id = SLICE("acme")};
    int64_t revoked = 0;
    make_token(&it->primary);
    make_token(&it->replica);
    assert_status(durable_token_revoke_blocking(&it->primary.db, &filter, &revoked), STATUS_OK);
    open_pool(it, it->replica.url, 1);
    assert_int_equal(find(it, false)->token.revoked_ms, 0);
    assert_int_equal(find(it, true)->token.revoked_ms, BENCH_NOW_MS);
}

static void what_the_replica_does_not_know_yet_the_primary_is_asked(void **state)
{
    struct fixture *it = *state;
    make_token(&it->primary);
    open_pool(it, it->replica.url, 1);
    assert_true(find(it, false)->client_found && find(it, false)->token_found);
    (void)durable_bench_client(&it->replica, "acme");
    assert_true(find(it, false)->token_found);
    durable_pair_find_start(it->pool, SLICE("acme"), SLICE("no such token"), asking_ticket(&it->asking));
    const struct credential_pair *none = asking_answer(&it->asking, STATUS_OK);
    assert_true(none->client_found && !none->token_found);
}

static void without_its_replica_the_primary_answers(void **state)
{
    struct fixture *it = *state;
    struct sql_proxy proxy;
    char url[DURABLE_URL_BYTES];
    make_token(&it->primary);
    make_token(&it->replica);
    sql_proxy_start(&proxy, mariadb_server_shared()->socket);
    int len =
        snprintf(url, sizeof url, "%.*s?socket=%s", (int)strcspn(it->replica.url, "?"), it->replica.url, proxy.socket);
    assert_in_range(len, 1, sizeof url - 1);
    open_pool(it, url, 1);
    assert_true(find(it, false)->token_found);
    sql_proxy_stop(&proxy);
    for (int i = 0; i < 20; i++)
        assert_true(find(it, false)->token_found);
}

static enum status keep_number(void *context, const struct sql_value *columns, size_t count)
{
    (void)count;
    *(int64_t *)context = columns[0].integer;
    return STATUS_OK;
}

static struct sql *connect_to(const struct mariadb_server *server, const char *database, char url[DURABLE_URL_BYTES])
{
    struct sql_options options = {.busy_timeout_ms = SQL_COMMAND_BUSY_MS};
    struct buf why = BUF_INIT;
    struct sql *sql = NULL;
    mariadb_server_url(server, database, url);
    assert_status(sql_open_blocking(slice_str(url), &options, &why, &sql), STATUS_OK);
    buf_done(&why);
    return sql;
}

/* A server of its own; replication has brought nothing but the schema. */
static void start_replica(struct mariadb_server *server, char url[DURABLE_URL_BYTES])
{
    struct buf why = BUF_INIT;
    size_t applied = 0;
    mariadb_server_start(server, NULL);
    struct sql *sql = connect_to(server, "mysql", url);
    assert_status(sql_execute_blocking(sql, "CREATE DATABASE replica", NULL, 0, NULL, NULL), STATUS_OK);
    sql_close(sql);
    sql = connect_to(server, "replica", url);
    assert_status(migrations_up_blocking(sql, 1, &why, &applied), STATUS_OK);
    sql_close(sql);
    buf_done(&why);
}

/* A counter of the server's. */
static int64_t status_number(struct sql *sql, const char *name)
{
    struct sql_value params[] = {sql_text(slice_str(name))};
    int64_t number = -1;
    assert_status(sql_execute_blocking(sql,
                                       "SELECT CAST(variable_value AS SIGNED) FROM information_schema.global_status"
                                       " WHERE variable_name = ?",
                                       params, COUNT_OF(params), keep_number, &number),
                  STATUS_OK);
    return number;
}

/* Of requests one after the other, how many were not answered in their time. */
static int refused(struct fixture *it, int64_t for_ms, int *ret_asked)
{
    int count = 0;
    *ret_asked = 0;
    for (int64_t start_ms = now_ms(); now_ms() - start_ms < for_ms; (*ret_asked)++) {
        it->asking.patience_ms = ANSWER_MS;
        durable_pair_find_start(it->pool, SLICE("acme"), SLICE("token"), asking_ticket(&it->asking));
        count += asking_wait(&it->asking, NULL) != STATUS_OK ? 1 : 0;
    }
    return count;
}

static void a_replica_that_hangs_costs_a_request_and_the_primary_answers_the_others(void **state)
{
    struct fixture *it = *state;
    struct mariadb_server server;
    char url[DURABLE_URL_BYTES];
    int asked = 0;
    make_token(&it->primary);
    start_replica(&server, url);
    open_pool(it, url, THREADS);
    mariadb_server_pause(&server);
    int count = refused(it, 4000, &asked);
    mariadb_server_go_on(&server);
    int later = refused(it, 1500, &asked);
    mariadb_server_stop(&server);
    assert_in_range(count, 1, BUSY_MACHINE);
    assert_in_range(later, 0, BUSY_MACHINE);
}

/* As a replica that is back does, with rows of its own. */
static void a_replica_that_is_back_is_asked_again(void **state)
{
    struct fixture *it = *state;
    struct mariadb_server server;
    char url[DURABLE_URL_BYTES];
    int asked = 0;
    make_token(&it->primary);
    start_replica(&server, url);
    open_pool(it, url, THREADS);
    mariadb_server_pause(&server);
    assert_in_range(refused(it, 1000, &asked), 1, BUSY_MACHINE);
    mariadb_server_go_on(&server);
    mariadb_server_kill(&server);
    assert_in_range(refused(it, 1000, &asked), 0, BUSY_MACHINE);
    mariadb_server_run(&server, NULL);
    struct sql *sql = connect_to(&server, "replica", url);
    int64_t start_ms = now_ms();
    int64_t before = status_number(sql, "Com_stmt_execute");
    while (status_number(sql, "Com_stmt_execute") < before + 10) {
        assert_in_range(now_ms() - start_ms, 0, RECOVERY_MS);
        (void)refused(it, 50, &asked);
    }
    sql_close(sql);
    mariadb_server_stop(&server);
}

static void a_replica_must_have_the_schema_too(void **state)
{
    struct fixture *it = *state;
    struct durable_pool_options options = {
        .url = slice_str(it->primary.url),
        .read_url = slice_str(it->replica.url),
        .connections = 1,
        .keys = it->primary.keys,
        .clock = &it->primary.clock.clock,
    };
    struct buf why = BUF_INIT;
    assert_status(sql_execute_blocking(it->replica.db.sql, "DELETE FROM schema_migrations WHERE number = 25", NULL, 0,
                                       NULL, NULL),
                  STATUS_OK);
    assert_status(durable_pool_new_blocking(&options, &why, &it->pool), STATUS_BAD_INPUT);
    assert_null(it->pool);
    assert_non_null(strstr(buf_string(&why), "run auth-service migrate up"));
    buf_done(&why);
}

/* ---- a failover ---- */

/* Who may write, but, unlike root, not to a server that is read-only. */
static void let_services_in(struct sql *sql)
{
    static const char *const texts[] = {"CREATE USER service@localhost",
                                        "GRANT SELECT, INSERT, UPDATE, DELETE ON *.* TO service@localhost"};
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        assert_status(sql_execute_blocking(sql, texts[i], NULL, 0, NULL, NULL), STATUS_OK);
}

static void lead_to(const char *place, const struct mariadb_server *server)
{
    (void)unlink(place);
    assert_int_equal(symlink(server->socket, place), 0);
}

static enum status write_user(struct fixture *it)
{
    it->asking.patience_ms = RECOVERY_MS;
    durable_user_ensure_start(it->pool, SLICE("s-1"), SLICE("jane"), asking_ticket(&it->asking));
    return asking_wait(&it->asking, NULL);
}

/* The old primary lives on as a replica that lags: what was written since is not there. When a write was refused,
 * nobody reads there any more half a second later, on whatever connection. */
static void a_pool_leaves_a_primary_that_became_a_replica(void **state)
{
    struct fixture *it = *state;
    struct mariadb_server servers[2];
    struct sql *sqls[2];
    char url[DURABLE_URL_BYTES];
    char place[TEMP_PATH_BYTES];
    for (size_t i = 0; i < COUNT_OF(servers); i++) {
        start_replica(&servers[i], url);
        sqls[i] = connect_to(&servers[i], "replica", url);
        let_services_in(sqls[i]);
    }
    temp_dir_path(servers[0].directory, "primary", place);
    lead_to(place, &servers[0]);
    (void)snprintf(it->primary.url, sizeof it->primary.url, "mysql://service@/replica?socket=%s", place);
    open_pool(it, NULL, THREADS);
    struct durable_bench promoted = it->primary;
    promoted.db.sql = sqls[1];
    (void)durable_bench_client(&promoted, "acme");
    for (int i = 0; i < 2 * THREADS; i++)
        assert_status(ask(it), STATUS_NOT_FOUND);
    assert_status(sql_execute_blocking(sqls[0], "SET GLOBAL read_only = 1", NULL, 0, NULL, NULL), STATUS_OK);
    lead_to(place, &servers[1]);
    assert_status(write_user(it), STATUS_STORE_DOWN);
    (void)usleep(510000);
    for (int i = 0; i < 10 * THREADS; i++)
        assert_status(ask(it), STATUS_OK);
    assert_status(write_user(it), STATUS_OK);
    for (size_t i = 0; i < COUNT_OF(servers); i++) {
        sql_close(sqls[i]);
        mariadb_server_stop(&servers[i]);
    }
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_server_that_is_gone_is_told_at_once_and_found_again_within_two_seconds),
        TEST(a_server_that_hangs_keeps_nobody_waiting_and_is_found_again_within_two_seconds),
        TEST(a_start_waits_for_a_server_that_is_busy_for_longer_than_a_request_may_wait),
        TEST(reads_that_may_lag_go_to_the_replica_and_others_do_not),
        TEST(what_the_replica_does_not_know_yet_the_primary_is_asked),
        TEST(without_its_replica_the_primary_answers),
        TEST(a_replica_that_hangs_costs_a_request_and_the_primary_answers_the_others),
        TEST(a_replica_that_is_back_is_asked_again),
        TEST(a_pool_leaves_a_primary_that_became_a_replica),
        TEST(a_replica_must_have_the_schema_too),
    };
    (void)unsetenv("TEST_MYSQL_URL"); /* nobody else's server is to be killed */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
