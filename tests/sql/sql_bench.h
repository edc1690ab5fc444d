/* sql_bench: one connection to MySQL for tests of mysql*.c, in a database of the test's own. */
#ifndef COUNTERSIGN_TESTS_STORE_SQL_BENCH_H
#define COUNTERSIGN_TESTS_STORE_SQL_BENCH_H

#include "sql/sql.h"
#include "support/durable_bench.h"

struct sql_bench {
    void *database;
    char url[DURABLE_URL_BYTES];
    struct sql *sql; /* with a service's time-outs */
};

/* For cmocka: *state is a struct sql_bench. */
int sql_bench_setup(void **state);
int sql_bench_teardown(void **state);
#define SQL_TEST(test) cmocka_unit_test_setup_teardown(test, sql_bench_setup, sql_bench_teardown)

/* With a service's time-outs; fails the test if it cannot. */
struct sql *sql_bench_open(const char *url);
/* The same way, where it may fail: `why` is emptied first. */
enum status sql_bench_try(const char *url, struct buf *why, struct sql **ret_sql);

/* A statement without parameters and rows. */
enum status sql_bench_run(struct sql *sql, const char *text);
/* The first column of the query's only row. */
int64_t sql_bench_number(struct sql *sql, const char *text);
/* Fails the test unless the connection's last error holds the text. */
void sql_bench_assert_error(struct sql *sql, const char *what);

#endif
