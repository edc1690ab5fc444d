/* durable_bench: a migrated database with keys and a clock that stands still, for tests of what lies on top. */
#ifndef COUNTERSIGN_TESTS_SUPPORT_DURABLE_BENCH_H
#define COUNTERSIGN_TESTS_SUPPORT_DURABLE_BENCH_H

#include "durable/durable.h"
#include "support/contract_durable.h"

#include <stdbool.h>

#define BENCH_NOW_MS 1790000000000

struct durable_bench {
    const struct tested_durable *kind;
    void *database;
    char url[DURABLE_URL_BYTES];
    struct fake_clock clock;
    struct keyring *keys;
    struct durable db;
};

/* An SQLite file in a directory of its own. */
extern const struct tested_durable durable_sqlite;
/* A database on a MariaDB of the program's own, or on the server that $TEST_MYSQL_URL names. */
extern const struct tested_durable durable_mysql;

void durable_bench_init(struct durable_bench *bench, const struct tested_durable *kind);
void durable_bench_done(struct durable_bench *bench);
/* One more connection to the same database; close with sql_close(db.sql). */
struct durable durable_bench_connect(struct durable_bench *bench);

/* For cmocka: *state is a struct durable_bench of the kind that was named last. */
void durable_bench_use(const struct tested_durable *kind);
int durable_bench_setup(void **state);
int durable_bench_teardown(void **state);
#define BENCH_TEST(test) cmocka_unit_test_setup_teardown(test, durable_bench_setup, durable_bench_teardown)

/* ---- what tests fill it with ---- */

/* A client with the secret "secret of <client_id>". */
int64_t durable_bench_client(struct durable_bench *bench, const char *client_id);
int64_t durable_bench_user(struct durable_bench *bench, const char *username);
/* A token of theirs, whose text is given and whose secret is "secret of <oauth_token>"; its jti is written. */
void durable_bench_token(struct durable_bench *bench, const char *client_id, int64_t user, const char *oauth_token,
                         char jti[64]);
/* The changes after `sequence` as one line, "client edited acme, user ended 1", for comparison. */
const char *durable_bench_changes(struct durable_bench *bench, int64_t sequence, char line[1024]);
int64_t durable_bench_latest_change(struct durable_bench *bench);
/* What the query's first row has in its first column. */
int64_t durable_bench_number(struct durable_bench *bench, const char *query);
/* "secret of <what>". */
struct slice durable_bench_secret(const char *what, char memory[320]);

#endif
