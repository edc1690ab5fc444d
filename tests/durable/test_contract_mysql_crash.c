/* What was acknowledged outlives a server that is killed. On a MariaDB of its own, whose log can be slow. */
#include "durable/tokens.h"
#include "support/durable_bench.h"
#include "support/mariadb_server.h"
#include "support/test.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

enum { COMMIT_IS_UNDER_WAY_US = 150000 };

struct slow_server {
    struct mariadb_server server;
    char directory[TEMP_PATH_BYTES];
    char file[TEMP_PATH_BYTES]; /* it is slow while this is there */
};

static struct slow_server slow;

static void *create(char url[DURABLE_URL_BYTES])
{
    struct sql_options options = {.busy_timeout_ms = SQL_COMMAND_BUSY_MS};
    struct buf why = BUF_INIT;
    struct sql *sql = NULL;
    temp_dir_make(slow.directory);
    temp_dir_path(slow.directory, "slow", slow.file);
    (void)setenv("SLOW_LOG_FILE", slow.file, 1);
    (void)setenv("LD_PRELOAD", SLOW_LOG_LIBRARY, 1);
    mariadb_server_start(&slow.server, NULL);
    mariadb_server_url(&slow.server, "mysql", url);
    assert_status(sql_open_blocking(slice_str(url), &options, &why, &sql), STATUS_OK);
    assert_status(sql_execute_blocking(sql, "CREATE DATABASE slow", NULL, 0, NULL, NULL), STATUS_OK);
    sql_close(sql);
    buf_done(&why);
    mariadb_server_url(&slow.server, "slow", url);
    return &slow;
}

static void destroy(void *database)
{
    (void)database;
    mariadb_server_stop(&slow.server);
    temp_dir_remove(slow.directory);
}

static void be_slow(bool is_slow)
{
    if (is_slow)
        (void)close(open(slow.file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    else
        (void)unlink(slow.file);
}

struct exchange {
    struct durable db;
    int64_t client;
    int64_t user;
    const char *oauth_token;
    enum status status;
};

/* No assertion here: one of them is on another thread than the test's. */
static void *issue(void *context)
{
    struct exchange *exchange = context;
    const struct token_issue wanted = {
        .temp_token = SLICE("temp"),
        .client_id = SLICE("acme"),
        .client = exchange->client,
        .allowed_scopes = SLICE("photos:read"),
        .user = exchange->user,
        .oauth_token = slice_str(exchange->oauth_token),
        .secret = SLICE("secret"),
    };
    bool existing = false;
    struct token *token = NULL;
    exchange->status = durable_token_issue_blocking(&exchange->db, &wanted, &existing, &token);
    token_free(token);
    return NULL;
}

/* InnoDB shows a row to others before its commit is in the log. */
static void a_token_that_another_exchange_made_is_handed_out_when_its_commit_is_in_the_log(void **state)
{
    struct durable_bench *bench = *state;
    pthread_t thread;
    int64_t client = durable_bench_client(bench, "acme");
    int64_t user = durable_bench_user(bench, "jane");
    struct exchange first = {durable_bench_connect(bench), client, user, "first", STATUS_INTERNAL};
    struct exchange second = {durable_bench_connect(bench), client, user, "second", STATUS_INTERNAL};
    be_slow(true);
    assert_int_equal(pthread_create(&thread, NULL, issue, &first), 0);
    (void)usleep(COMMIT_IS_UNDER_WAY_US);
    (void)issue(&second);
    mariadb_server_kill(&slow.server);
    (void)pthread_join(thread, NULL);
    be_slow(false);
    mariadb_server_run(&slow.server, NULL);
    assert_status(second.status, STATUS_OK);
    assert_int_equal(durable_bench_number(bench, "SELECT COUNT(*) FROM tokens WHERE oauth_token = 'first'"), 1);
    sql_close(first.db.sql);
    sql_close(second.db.sql);
}

int main(void)
{
    static const struct tested_durable kind = {"MariaDB whose log can be slow", create, destroy, NULL};
    const struct CMUnitTest tests[] = {
        BENCH_TEST(a_token_that_another_exchange_made_is_handed_out_when_its_commit_is_in_the_log),
    };
    durable_bench_use(&kind);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
