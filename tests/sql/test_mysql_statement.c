#include "sql_bench.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

enum { COLUMNS = 6, KEPT_BYTES = 2 << 20 };

struct first_row {
    struct sql_value columns[COLUMNS];
    char *bytes; /* theirs, one behind the other */
    size_t count;
    int rows;
};

static enum status keep_first(void *context, const struct sql_value *columns, size_t count)
{
    struct first_row *row = context;
    assert_in_range(count, 1, COLUMNS);
    row->bytes = row->bytes ? row->bytes : malloc(KEPT_BYTES);
    size_t used = 0;
    for (size_t i = 0; i < count && row->rows == 0; i++) {
        row->columns[i] = columns[i];
        if (columns[i].bytes.len)
            memcpy(row->bytes + used, columns[i].bytes.ptr, columns[i].bytes.len);
        row->columns[i].bytes.ptr = row->bytes + used;
        used += columns[i].bytes.len;
        row->count = count;
    }
    row->rows++;
    return STATUS_OK;
}

static void values_come_back_as_they_were_bound(void **state)
{
    struct sql_bench *it = *state;
    struct sql_value params[] = {sql_int(INT64_MIN),          sql_blob(SLICE("a\0b\xc3\xa9 ' \"")),
                                 sql_blob(SLICE("\0\xff\0")), sql_null(),
                                 sql_blob(SLICE("")),         sql_blob(SLICE_ABSENT)};
    struct first_row row = {0};
    assert_status(sql_bench_run(it->sql, "CREATE TABLE t (a BIGINT PRIMARY KEY, b VARBINARY(20), c BLOB, d BLOB,"
                                         " e VARBINARY(5), f BLOB)"),
                  STATUS_OK);
    assert_status(sql_execute_blocking(it->sql, "INSERT INTO t VALUES (?, ?, ?, ?, ?, ?)", params, COLUMNS, NULL, NULL),
                  STATUS_OK);
    assert_int_equal(sql_affected(it->sql), 1);
    assert_status(sql_execute_blocking(it->sql, "SELECT * FROM t WHERE a < ?", (struct sql_value[]){sql_int(0)}, 1,
                                       keep_first, &row),
                  STATUS_OK);
    assert_int_equal(row.count, COLUMNS);
    for (size_t i = 0; i < row.count; i++) {
        assert_int_equal(row.columns[i].type, params[i].type);
        assert_true(row.columns[i].integer == params[i].integer);
        assert_slice_equal(row.columns[i].bytes, params[i].bytes);
    }
    free(row.bytes);
}

static void long_values_come_back_whole(void **state)
{
    struct sql_bench *it = *state;
    static const size_t lengths[] = {255, 511, 512, 513, 65535, 1 << 20};
    char *bytes = malloc(1 << 20);
    for (size_t i = 0; i < 1 << 20; i++)
        bytes[i] = (char)(i * 31 + i / 256);
    assert_status(sql_bench_run(it->sql, "CREATE TABLE t (id BIGINT PRIMARY KEY, a LONGBLOB, b LONGBLOB)"), STATUS_OK);
    for (size_t i = 0; i < COUNT_OF(lengths); i++) {
        struct slice value = slice_of(bytes, lengths[i]);
        struct sql_value params[] = {sql_int((int64_t)i), sql_blob(value), sql_blob(slice_sub(value, 1, value.len))};
        struct first_row row = {0};
        assert_status(sql_execute_blocking(it->sql, "INSERT INTO t VALUES (?, ?, ?)", params, 3, NULL, NULL),
                      STATUS_OK);
        assert_status(sql_execute_blocking(it->sql, "SELECT a, id, b FROM t WHERE id = ?", params, 1, keep_first, &row),
                      STATUS_OK);
        assert_slice_equal(row.columns[0].bytes, params[1].bytes);
        assert_int_equal(row.columns[1].integer, i);
        assert_slice_equal(row.columns[2].bytes, params[2].bytes);
        free(row.bytes);
    }
    free(bytes);
}

static void rows_whose_values_differ_in_length_do_not_leak_into_each_other(void **state)
{
    struct sql_bench *it = *state;
    struct first_row row = {0};
    assert_status(sql_bench_run(it->sql, "CREATE TABLE t (id BIGINT PRIMARY KEY, a BLOB)"), STATUS_OK);
    assert_status(sql_bench_run(it->sql, "INSERT INTO t VALUES (1, REPEAT('x', 600)), (2, NULL), (3, 'y'), (4, '')"),
                  STATUS_OK);
    static const char *const queries[] = {"SELECT a FROM t WHERE id = 2", "SELECT a FROM t WHERE id = 3",
                                          "SELECT a FROM t WHERE id = 4"};
    static const struct slice expected[] = {SLICE_INIT(""), SLICE_INIT("y"), SLICE_INIT("")};
    for (size_t i = 0; i < COUNT_OF(queries); i++) {
        row.rows = 0;
        assert_int_equal(sql_bench_number(it->sql, "SELECT LENGTH(a) FROM t WHERE id = 1"), 600);
        assert_status(sql_execute_blocking(it->sql, queries[i], NULL, 0, keep_first, &row), STATUS_OK);
        assert_int_equal(row.columns[0].type, i == 0 ? SQL_NULL : SQL_BLOB);
        assert_slice_equal(row.columns[0].bytes, expected[i]);
    }
    free(row.bytes);
}

static void the_number_of_a_new_row_and_of_matched_rows_are_told(void **state)
{
    struct sql_bench *it = *state;
    struct sql_value one[] = {sql_int(1)};
    assert_status(sql_bench_run(it->sql, "CREATE TABLE t (id BIGINT AUTO_INCREMENT PRIMARY KEY, a BIGINT)"), STATUS_OK);
    for (int64_t i = 1; i <= 3; i++) {
        assert_status(sql_execute_blocking(it->sql, "INSERT INTO t (a) VALUES (?)", one, 1, NULL, NULL), STATUS_OK);
        assert_int_equal(sql_last_id(it->sql), i);
    }
    assert_status(sql_execute_blocking(it->sql, "UPDATE t SET a = ?", one, 1, NULL, NULL), STATUS_OK);
    assert_int_equal(sql_affected(it->sql), 3); /* also those that had the value already */
    assert_status(sql_bench_run(it->sql, "DELETE FROM t WHERE id > 1"), STATUS_OK);
    assert_int_equal(sql_affected(it->sql), 2);
}

static void a_taken_value_is_a_conflict_and_a_broken_rule_is_not(void **state)
{
    struct sql_bench *it = *state;
    struct sql *sql = it->sql;
    assert_status(sql_bench_run(sql, "CREATE TABLE p (id BIGINT PRIMARY KEY, a VARBINARY(5) UNIQUE, n BLOB NOT NULL)"),
                  STATUS_OK);
    assert_status(sql_bench_run(sql, "CREATE TABLE c (p BIGINT, FOREIGN KEY (p) REFERENCES p (id))"), STATUS_OK);
    assert_status(sql_bench_run(sql, "INSERT INTO p VALUES (1, 'a', '')"), STATUS_OK);
    assert_status(sql_bench_run(sql, "INSERT INTO p VALUES (1, 'b', '')"), STATUS_CONFLICT);
    assert_status(sql_bench_run(sql, "INSERT INTO p VALUES (2, 'a', '')"), STATUS_CONFLICT);
    assert_status(sql_bench_run(sql, "INSERT INTO p VALUES (2, 'A', ''), (3, 'a ', '')"), STATUS_OK);
    assert_status(sql_bench_run(sql, "INSERT INTO c VALUES (9)"), STATUS_CONFLICT);
    assert_status(sql_bench_run(sql, "INSERT INTO c VALUES (1)"), STATUS_OK);
    assert_status(sql_bench_run(sql, "DELETE FROM p WHERE id = 1"), STATUS_CONFLICT);
    assert_status(sql_bench_run(sql, "INSERT INTO p VALUES (4, 'b', NULL)"), STATUS_INTERNAL);
    assert_status(sql_bench_run(sql, "INSERT INTO p VALUES (4, 'abcdef', '')"), STATUS_TOO_LARGE); /* never cut */
    sql_bench_assert_error(sql, "longer than its column");
}

static void a_missing_table_says_that_the_schema_does_not_fit(void **state)
{
    struct sql_bench *it = *state;
    struct sql_value params[] = {sql_int(1)};
    assert_status(sql_execute_blocking(it->sql, "SELECT * FROM clients WHERE id = ?", params, 1, NULL, NULL),
                  STATUS_STORE_CORRUPT);
    sql_bench_assert_error(it->sql, "auth-service migrate status");
    sql_bench_assert_error(it->sql, "database test_");
}

static enum status stop_at_first(void *context, const struct sql_value *columns, size_t count)
{
    (void)columns, (void)count;
    ++*(int *)context;
    return STATUS_NO_MEMORY;
}

static void a_row_that_is_refused_ends_the_statement_and_not_the_connection(void **state)
{
    struct sql_bench *it = *state;
    int rows = 0;
    int64_t connection = sql_bench_number(it->sql, "SELECT CONNECTION_ID()");
    assert_status(sql_execute_blocking(it->sql, "SELECT 1 UNION ALL SELECT 2", NULL, 0, stop_at_first, &rows),
                  STATUS_NO_MEMORY);
    assert_int_equal(rows, 1);
    assert_int_equal(sql_bench_number(it->sql, "SELECT CONNECTION_ID()"), connection);
}

static void more_statements_than_it_keeps_still_work(void **state)
{
    struct sql_bench *it = *state;
    for (int i = 0; i < 600; i++) {
        char text[32];
        (void)snprintf(text, sizeof text, "SELECT %d", i);
        assert_int_equal(sql_bench_number(it->sql, text), i);
    }
}

static void a_statement_goes_on_after_the_table_changed(void **state)
{
    struct sql_bench *it = *state;
    struct sql *other = sql_bench_open(it->url);
    assert_status(sql_bench_run(it->sql, "CREATE TABLE t (a BIGINT)"), STATUS_OK);
    assert_status(sql_bench_run(it->sql, "INSERT INTO t VALUES (7)"), STATUS_OK);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(sql_bench_number(it->sql, "SELECT a FROM t"), 7);
        assert_status(sql_bench_run(other, i ? "ALTER TABLE t DROP COLUMN b" : "ALTER TABLE t ADD COLUMN b BLOB"),
                      i < 2 ? STATUS_OK : STATUS_STORE_DOWN);
    }
    sql_close(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SQL_TEST(values_come_back_as_they_were_bound),
        SQL_TEST(long_values_come_back_whole),
        SQL_TEST(rows_whose_values_differ_in_length_do_not_leak_into_each_other),
        SQL_TEST(the_number_of_a_new_row_and_of_matched_rows_are_told),
        SQL_TEST(a_taken_value_is_a_conflict_and_a_broken_rule_is_not),
        SQL_TEST(a_missing_table_says_that_the_schema_does_not_fit),
        SQL_TEST(a_row_that_is_refused_ends_the_statement_and_not_the_connection),
        SQL_TEST(more_statements_than_it_keeps_still_work),
        SQL_TEST(a_statement_goes_on_after_the_table_changed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
