/* issue: what it costs to issue a token durably, as a ratio to the bare INSERT of an equal row.
 *
 * 32 connections to a MariaDB that this program starts and that flushes at every commit. One side calls
 * durable_token_issue_blocking, as a pool thread does; the other executes one prepared INSERT of a row of the same
 * size into the same table. Rounds alternate and the medians are compared, so that a noisy machine disturbs both alike.
 * Then: how often the server wrote its log for these tokens, how many statements it was asked for a token, and for a
 * cold miss (client and token). */
#include "base/clock.h"
#include "crypto/random.h"
#include "durable/tokens.h"
#include "support/durable_bench.h"
#include "support/mariadb_server.h"

#include <mysql.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONNECTIONS = 32, ROUNDS = 25, EACH = 60, ASKED = 100 };
enum { DIGEST = 16, TEXT = 32, JTI = 26, BARE_PARAMS = 10 };

#define SCOPES "photos:read" /* what durable_bench's client may have */

static void must(bool condition, const char *what)
{
    if (condition)
        return;
    fprintf(stderr, "bench issue: %s\n", what);
    exit(1);
}

struct worker {
    pthread_t thread;
    struct bench *bench;
    /* ours */
    struct durable db;
    /* bare */
    MYSQL *mysql;
    MYSQL_STMT *insert;
    uint64_t random;
};

struct bench {
    struct mariadb_server server;
    struct clock clock;
    struct keyring *keys;
    int64_t client;
    int64_t user;
    unsigned long sealed_bytes;
    struct worker workers[CONNECTIONS];
};

/* ---- ours ---- */

static void issue_one(struct worker *worker)
{
    char temp[TEXT];
    char token[TOKEN_TEXT_BYTES];
    char secret[TOKEN_TEXT_BYTES];
    bool existing = true;
    struct token *issued = NULL;
    must(random_text(temp, sizeof temp) == STATUS_OK && durable_generate_token(token, secret) == STATUS_OK,
         "no randomness");
    const struct token_issue wanted = {
        .temp_token = slice_of(temp, sizeof temp),
        .client_id = SLICE("acme"),
        .client = worker->bench->client, /* as token_exchange does */
        .allowed_scopes = SLICE(SCOPES),
        .user = worker->bench->user,
        .scopes = SLICE(SCOPES),
        .oauth_token = slice_of(token, sizeof token),
        .secret = slice_of(secret, sizeof secret),
    };
    enum status status = durable_token_issue_blocking(&worker->db, &wanted, &existing, &issued);
    must(status == STATUS_OK && !existing, sql_last_error(worker->db.sql));
    token_free(issued);
}

/* ---- bare ---- */

/* splitmix64: digests are spread over their index like this, and it costs next to nothing. */
static uint64_t next_random(struct worker *worker)
{
    uint64_t z = (worker->random += 0x9E3779B97F4A7C15U);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31);
}

static void fill(struct worker *worker, char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i += sizeof(uint64_t)) {
        uint64_t number = next_random(worker);
        memcpy(bytes + i, &number, len - i < sizeof number ? len - i : sizeof number);
    }
}

static void insert_one(struct worker *worker)
{
    char digest[DIGEST];
    char temp_digest[DIGEST];
    char text[TEXT];
    char jti[JTI];
    char sealed[1024];
    char scopes[] = SCOPES;
    int64_t now_ms = clock_wall_ms(&worker->bench->clock);
    struct {
        enum enum_field_types type;
        void *bytes;
        unsigned long len;
    } values[] = {
        {MYSQL_TYPE_BLOB, digest, sizeof digest},
        {MYSQL_TYPE_BLOB, text, sizeof text},
        {MYSQL_TYPE_BLOB, sealed, worker->bench->sealed_bytes},
        {MYSQL_TYPE_BLOB, jti, sizeof jti},
        {MYSQL_TYPE_BLOB, temp_digest, sizeof temp_digest},
        {MYSQL_TYPE_LONGLONG, &worker->bench->client, 0},
        {MYSQL_TYPE_LONGLONG, &worker->bench->user, 0},
        {MYSQL_TYPE_BLOB, scopes, sizeof scopes - 1},
        {MYSQL_TYPE_LONGLONG, &now_ms, 0},
        {MYSQL_TYPE_NULL, NULL, 0},
    };
    MYSQL_BIND binds[BARE_PARAMS] = {0};
    for (size_t i = 0; i < 5; i++)
        fill(worker, values[i].bytes, values[i].len);
    for (size_t i = 0; i < BARE_PARAMS; i++) {
        binds[i].buffer_type = values[i].type;
        binds[i].buffer = values[i].bytes;
        binds[i].buffer_length = values[i].len;
    }
    must(mysql_stmt_bind_param(worker->insert, binds) == 0 && mysql_stmt_execute(worker->insert) == 0,
         mysql_stmt_error(worker->insert));
}

static void open_bare(struct worker *worker)
{
    static const char text[] = "INSERT INTO tokens (token_digest, oauth_token, sealed, jti, temp_digest, client, user,"
                               " scopes, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    worker->mysql = mysql_init(NULL);
    must(worker->mysql &&
             mysql_real_connect(worker->mysql, NULL, "root", "", "bench", 0, worker->bench->server.socket, 0) != NULL,
         "no connection");
    worker->insert = mysql_stmt_init(worker->mysql);
    must(worker->insert && mysql_stmt_prepare(worker->insert, text, sizeof text - 1) == 0, mysql_error(worker->mysql));
}

/* ---- rounds ---- */

/* A counter of the server's. */
static int64_t read_counter(struct bench *b, const char *name)
{
    MYSQL *mysql = b->workers[0].mysql;
    MYSQL_ROW row = NULL;
    char text[160];
    (void)snprintf(text, sizeof text,
                   "SELECT variable_value FROM information_schema.global_status WHERE variable_name = '%s'", name);
    must(mysql_query(mysql, text) == 0, mysql_error(mysql));
    MYSQL_RES *result = mysql_store_result(mysql);
    must(result && (row = mysql_fetch_row(result)) && row[0], "no status");
    int64_t count = row ? strtoll(row[0], NULL, 10) : 0;
    mysql_free_result(result);
    return count;
}

static void *issue_many(void *context)
{
    for (int i = 0; i < EACH; i++)
        issue_one(context);
    return NULL;
}

static void *insert_many(void *context)
{
    for (int i = 0; i < EACH; i++)
        insert_one(context);
    return NULL;
}

/* Rows a second, over all connections. */
static double once(struct bench *b, void *(*run)(void *context))
{
    int64_t start_ns = clock_monotonic_ns();
    for (size_t i = 0; i < CONNECTIONS; i++)
        must(pthread_create(&b->workers[i].thread, NULL, run, &b->workers[i]) == 0, "no thread");
    for (size_t i = 0; i < CONNECTIONS; i++)
        (void)pthread_join(b->workers[i].thread, NULL);
    return 1e9 * CONNECTIONS * EACH / (double)(clock_monotonic_ns() - start_ns);
}

static int by_size(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return (left > right) - (left < right);
}

static void compare(struct bench *b)
{
    double ours[ROUNDS];
    double bare[ROUNDS];
    int64_t writes = 0;
    for (int i = 0; i < ROUNDS; i++) {
        bare[i] = once(b, insert_many);
        int64_t before = read_counter(b, "INNODB_LOG_WRITES");
        ours[i] = once(b, issue_many);
        writes += read_counter(b, "INNODB_LOG_WRITES") - before;
    }
    qsort(ours, ROUNDS, sizeof *ours, by_size);
    qsort(bare, ROUNDS, sizeof *bare, by_size);
    printf("%-34s %8.0f /s  bare %8.0f /s  ratio %.2f  (must 0.70, aim 0.85)\n", "tokens issued, 32 connections",
           ours[ROUNDS / 2], bare[ROUNDS / 2], ours[ROUNDS / 2] / bare[ROUNDS / 2]);
    printf("%-34s %8.2f of the server's log for each, so that it commits many at once  (no goal)\n", "their writes",
           (double)writes / (ROUNDS * EACH * CONNECTIONS));
}

/* ---- round trips ---- */

static void miss_one(struct worker *worker)
{
    struct credential_pair *pair = NULL;
    must(durable_pair_find_blocking(&worker->db, SLICE("acme"), SLICE("known"), &pair) == STATUS_OK &&
             pair->client_found && pair->token_found,
         sql_last_error(worker->db.sql));
    credential_pair_free(pair);
}

static void count(struct bench *b, const char *name, void (*run)(struct worker *worker), const char *goal)
{
    run(&b->workers[0]); /* prepares */
    int64_t before = read_counter(b, "QUESTIONS");
    int64_t start_ns = clock_monotonic_ns();
    for (int i = 0; i < ASKED; i++)
        run(&b->workers[0]);
    double us = (double)(clock_monotonic_ns() - start_ns) / 1000 / ASKED;
    int64_t questions = read_counter(b, "QUESTIONS") - before - 1; /* the question itself */
    printf("%-34s %8.2f statements, %.0f us each, 1 connection  (%s)\n", name, (double)questions / ASKED, us, goal);
}

/* ---- the whole ---- */

static struct bench *the_bench;

static void *create(char url[DURABLE_URL_BYTES])
{
    struct sql_options options = {.busy_timeout_ms = SQL_COMMAND_BUSY_MS};
    struct buf why = BUF_INIT;
    struct sql *sql = NULL;
    mariadb_server_url(&the_bench->server, "mysql", url);
    must(sql_open_blocking(slice_str(url), &options, &why, &sql) == STATUS_OK &&
             sql_execute_blocking(sql, "CREATE DATABASE bench", NULL, 0, NULL, NULL) == STATUS_OK,
         "no database");
    sql_close(sql);
    mariadb_server_url(&the_bench->server, "bench", url);
    return NULL;
}

static void prepare(struct bench *b)
{
    static const char *const durable[] = {"--innodb-flush-log-at-trx-commit=1", "--innodb-flush-method=fsync",
                                          "--innodb-doublewrite=1", "--innodb-buffer-pool-size=256M", NULL};
    static const struct tested_durable kind = {.name = "MariaDB", .create = create};
    struct durable_bench scene;
    struct buf sealed = BUF_INIT;
    mariadb_server_start(&b->server, durable);
    the_bench = b;
    durable_bench_init(&scene, &kind);
    b->clock = clock_system(0);
    b->keys = scene.keys;
    b->client = durable_bench_client(&scene, "acme");
    b->user = durable_bench_user(&scene, "jane");
    char jti[64];
    durable_bench_token(&scene, "acme", b->user, "known", jti);
    must(sealed_seal(b->keys, SLICE("0123456789abcdef0123456789abcdef"), SLICE("row"), &sealed) == STATUS_OK,
         "no seal");
    b->sealed_bytes = sealed.len;
    buf_done(&sealed);
    for (size_t i = 0; i < CONNECTIONS; i++) {
        struct worker *worker = &b->workers[i];
        *worker = (struct worker){.bench = b, .db = durable_bench_connect(&scene), .random = i << 32};
        worker->db.clock = &b->clock;
        open_bare(worker);
    }
    sql_close(scene.db.sql);
}

static void finish(struct bench *b)
{
    for (size_t i = 0; i < CONNECTIONS; i++) {
        sql_close(b->workers[i].db.sql);
        (void)mysql_stmt_close(b->workers[i].insert);
        mysql_close(b->workers[i].mysql);
    }
    keyring_free(b->keys);
    mariadb_server_stop(&b->server);
}

int main(void)
{
    struct bench *b = calloc(1, sizeof *b);
    must(b != NULL, "no memory");
    prepare(b);
    compare(b);
    count(b, "a token issued", issue_one, "no goal");
    count(b, "a cold miss, client and token", miss_one, "must 1");
    finish(b);
    free(b);
    return 0;
}
