#include "base/clock.h"
#include "sql/sql.h"
#include "support/temp_dir.h"
#include "support/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NOBODY = 65534 };

struct fixture {
    char directory[TEMP_PATH_BYTES];
    char path[TEMP_PATH_BYTES];
    char url[TEMP_PATH_BYTES + 8];
    struct buf why;
};

static void name_file(struct fixture *it, const char *name)
{
    temp_dir_path(it->directory, name, it->path);
    (void)snprintf(it->url, sizeof it->url, "sqlite:%s", it->path);
}

static int setup(void **state)
{
    struct fixture *it = test_calloc(1, sizeof *it);
    temp_dir_make(it->directory);
    name_file(it, "oauth1.db");
    *state = it;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *it = *state;
    buf_done(&it->why);
    temp_dir_remove(it->directory);
    test_free(it);
    return 0;
}

static enum status open_with(struct fixture *it, const struct sql_options *options, struct sql **ret_sql)
{
    buf_reset(&it->why);
    return sql_open_blocking(slice_str(it->url), options, &it->why, ret_sql);
}

static struct sql *open_good(struct fixture *it)
{
    struct sql_options options = {.busy_timeout_ms = SQL_SERVICE_BUSY_MS};
    struct sql *sql = NULL;
    assert_status(open_with(it, &options, &sql), STATUS_OK);
    return sql;
}

static enum status run(struct sql *sql, const char *text)
{
    return sql_execute_blocking(sql, text, NULL, 0, NULL, NULL);
}

/* Whether the text for the operator says where and what to do. */
static void assert_why(const struct fixture *it, const char *what)
{
    struct slice why = buf_slice(&it->why);
    if (slice_find_slice(why, slice_str(it->path)) == why.len || slice_find_slice(why, slice_str(what)) == why.len)
        fail_msg("\"%.*s\" does not name the file, or does not say \"%s\"", SLICE_ARGS(why), what);
}

static void assert_last_error(struct fixture *it, struct sql *sql, const char *what)
{
    buf_reset(&it->why);
    buf_add_str(&it->why, sql_last_error(sql));
    assert_why(it, what);
}

/* ---- what it opens ---- */

struct first_row {
    struct sql_value columns[6];
    char bytes[6][64];
    size_t count;
    int rows;
};

static enum status keep_first(void *context, const struct sql_value *columns, size_t count)
{
    struct first_row *row = context;
    assert_in_range(count, 1, 6);
    for (size_t i = 0; i < count && row->rows == 0; i++) {
        row->columns[i] = columns[i];
        if (columns[i].bytes.len)
            memcpy(row->bytes[i], columns[i].bytes.ptr, columns[i].bytes.len);
        row->columns[i].bytes.ptr = row->bytes[i];
        row->count = count;
    }
    row->rows++;
    return STATUS_OK;
}

static struct first_row ask(struct sql *sql, const char *text)
{
    struct first_row row = {0};
    assert_status(sql_execute_blocking(sql, text, NULL, 0, keep_first, &row), STATUS_OK);
    return row;
}

static void a_new_file_is_for_its_owner_alone_and_durable(void **state)
{
    struct fixture *it = *state;
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    mode_t mask = umask(0);
    struct sql *sql = open_good(it);
    assert_status(run(sql, "CREATE TABLE t (a INTEGER) STRICT"), STATUS_OK);
    for (size_t i = 0; i < COUNT_OF(suffixes); i++) {
        char path[TEMP_PATH_BYTES + 8];
        struct stat info;
        (void)snprintf(path, sizeof path, "%s%s", it->path, suffixes[i]);
        assert_int_equal(stat(path, &info), 0);
        assert_int_equal(info.st_mode & 0777, 0600);
    }
    (void)umask(mask);
    struct first_row row = ask(sql, "PRAGMA journal_mode"); /* a copy: its columns point into the one that is gone */
    assert_slice_equal(slice_of(row.bytes[0], row.columns[0].bytes.len), SLICE("wal"));
    assert_int_equal(ask(sql, "PRAGMA synchronous").columns[0].integer, 2);
    assert_int_equal(ask(sql, "PRAGMA foreign_keys").columns[0].integer, 1);
    sql_close(sql);
}

static void what_was_committed_is_there_after_opening_again(void **state)
{
    struct fixture *it = *state;
    struct sql *sql = open_good(it);
    assert_status(run(sql, "CREATE TABLE t (a INTEGER) STRICT"), STATUS_OK);
    assert_status(run(sql, "INSERT INTO t (a) VALUES (7)"), STATUS_OK);
    sql_close(sql);
    sql = open_good(it);
    assert_int_equal(ask(sql, "SELECT a FROM t").columns[0].integer, 7);
    sql_close(sql);
}

static void a_database_in_memory_works_for_one_connection(void **state)
{
    struct fixture *it = *state;
    (void)snprintf(it->url, sizeof it->url, "sqlite::memory:");
    struct sql *sql = open_good(it);
    assert_status(run(sql, "CREATE TABLE t (a INTEGER) STRICT"), STATUS_OK);
    assert_status(run(sql, "INSERT INTO t (a) VALUES (7)"), STATUS_OK);
    assert_int_equal(ask(sql, "SELECT a FROM t").columns[0].integer, 7);
    sql_close(sql);
}

/* ---- values, conflicts, statements ---- */

static void values_come_back_as_they_were_bound(void **state)
{
    struct fixture *it = *state;
    struct sql *sql = open_good(it);
    struct sql_value params[] = {sql_int(INT64_MIN),          sql_text(SLICE("a\0b\xc3\xa9 ' \"")),
                                 sql_blob(SLICE("\0\xff\0")), sql_null(),
                                 sql_text(SLICE("")),         sql_blob(SLICE_ABSENT)};
    struct first_row row = {0};
    assert_status(run(sql, "CREATE TABLE t (a INTEGER, b TEXT, c BLOB, d TEXT, e TEXT, f BLOB) STRICT"), STATUS_OK);
    assert_status(sql_execute_blocking(sql, "INSERT INTO t VALUES (?, ?, ?, ?, ?, ?)", params, 6, NULL, NULL),
                  STATUS_OK);
    assert_int_equal(sql_affected(sql), 1);
    assert_int_equal(sql_last_id(sql), 1);
    assert_status(sql_execute_blocking(sql, "SELECT * FROM t", NULL, 0, keep_first, &row), STATUS_OK);
    assert_int_equal(row.count, 6);
    for (size_t i = 0; i < row.count; i++) {
        assert_int_equal(row.columns[i].type, params[i].type);
        assert_true(row.columns[i].integer == params[i].integer);
        assert_slice_equal(row.columns[i].bytes, params[i].bytes);
    }
    sql_close(sql);
}

static void a_taken_value_is_a_conflict_and_a_broken_rule_is_not(void **state)
{
    struct fixture *it = *state;
    struct sql *sql = open_good(it);
    assert_status(run(sql, "CREATE TABLE p (id INTEGER PRIMARY KEY, a TEXT UNIQUE, n TEXT NOT NULL) STRICT"),
                  STATUS_OK);
    assert_status(run(sql, "CREATE TABLE c (p INTEGER REFERENCES p (id)) STRICT"), STATUS_OK);
    assert_status(run(sql, "INSERT INTO p VALUES (1, 'a', '')"), STATUS_OK);
    assert_status(run(sql, "INSERT INTO p VALUES (1, 'b', '')"), STATUS_CONFLICT);
    assert_status(run(sql, "INSERT INTO p VALUES (2, 'a', '')"), STATUS_CONFLICT);
    assert_status(run(sql, "INSERT INTO c VALUES (9)"), STATUS_CONFLICT);
    assert_status(run(sql, "INSERT INTO p VALUES (2, 'b', NULL)"), STATUS_INTERNAL);
    sql_close(sql);
}

static void a_missing_table_says_that_the_schema_does_not_fit(void **state)
{
    struct fixture *it = *state;
    struct sql *sql = open_good(it);
    assert_status(run(sql, "SELECT * FROM clients"), STATUS_STORE_CORRUPT);
    assert_last_error(it, sql, "auth-service migrate status");
    sql_close(sql);
}

static enum status stop_at_first(void *context, const struct sql_value *columns, size_t count)
{
    (void)columns, (void)count;
    ++*(int *)context;
    return STATUS_NO_MEMORY;
}

static void a_row_that_is_refused_ends_the_statement(void **state)
{
    struct fixture *it = *state;
    struct sql *sql = open_good(it);
    int rows = 0;
    assert_status(sql_execute_blocking(sql, "VALUES (1), (2)", NULL, 0, stop_at_first, &rows), STATUS_NO_MEMORY);
    assert_int_equal(rows, 1);
    assert_int_equal(ask(sql, "VALUES (1), (2)").rows, 2);
    sql_close(sql);
}

static void more_statements_than_it_keeps_still_work(void **state)
{
    struct fixture *it = *state;
    struct sql *sql = open_good(it);
    for (int i = 0; i < 1000; i++) {
        char text[32];
        (void)snprintf(text, sizeof text, "SELECT %d", i);
        assert_int_equal(ask(sql, text).columns[0].integer, i);
    }
    sql_close(sql);
}

/* ---- transactions ---- */

struct work {
    enum status end;
    enum status inner;
};

static enum status insert_inner(struct sql *sql, void *context)
{
    TRY(run(sql, "INSERT INTO t (a) VALUES (2)"));
    return ((const struct work *)context)->inner;
}

static enum status insert_outer(struct sql *sql, void *context)
{
    const struct work *work = context;
    TRY(run(sql, "INSERT INTO t (a) VALUES (1)"));
    TRY(sql_transaction_blocking(sql, insert_inner, context));
    return work->end;
}

static void a_transaction_is_all_or_nothing_also_when_it_joins_another(void **state)
{
    struct fixture *it = *state;
    struct work all = {STATUS_OK, STATUS_OK};
    struct work outer_fails = {STATUS_BAD_INPUT, STATUS_OK};
    struct work inner_fails = {STATUS_OK, STATUS_BAD_INPUT};
    struct sql *sql = open_good(it);
    assert_status(run(sql, "CREATE TABLE t (a INTEGER) STRICT"), STATUS_OK);
    assert_status(sql_transaction_blocking(sql, insert_outer, &outer_fails), STATUS_BAD_INPUT);
    assert_status(sql_transaction_blocking(sql, insert_outer, &inner_fails), STATUS_BAD_INPUT);
    assert_int_equal(ask(sql, "SELECT COUNT(*) FROM t").columns[0].integer, 0);
    assert_status(sql_transaction_blocking(sql, insert_outer, &all), STATUS_OK);
    assert_int_equal(ask(sql, "SELECT COUNT(*) FROM t").columns[0].integer, 2);
    sql_close(sql);
}

static void a_lock_that_another_holds_is_told_after_the_timeout(void **state)
{
    struct fixture *it = *state;
    struct work work = {STATUS_OK, STATUS_OK};
    struct sql *holder = open_good(it);
    struct sql *sql = open_good(it);
    assert_status(run(holder, "CREATE TABLE t (a INTEGER) STRICT"), STATUS_OK);
    assert_status(run(holder, "BEGIN IMMEDIATE"), STATUS_OK);
    int64_t start_ns = clock_monotonic_ns();
    assert_status(sql_transaction_blocking(sql, insert_outer, &work), STATUS_STORE_DOWN);
    int64_t waited_ms = (clock_monotonic_ns() - start_ns) / 1000000;
    assert_in_range(waited_ms, SQL_SERVICE_BUSY_MS / 2, 5 * SQL_SERVICE_BUSY_MS);
    assert_last_error(it, sql, "locked for longer than 150 ms");
    assert_int_equal(ask(sql, "SELECT COUNT(*) FROM t").columns[0].integer, 0); /* reading goes on */
    assert_status(run(holder, "COMMIT"), STATUS_OK);
    assert_status(sql_transaction_blocking(sql, insert_outer, &work), STATUS_OK);
    sql_close(holder);
    sql_close(sql);
}

static void a_full_disk_is_told_and_leaves_nothing_half_done(void **state)
{
    struct fixture *it = *state;
    struct sql *sql = open_good(it);
    static char large[100000];
    struct sql_value params[] = {sql_blob(slice_of(large, sizeof large))};
    assert_status(run(sql, "CREATE TABLE t (a BLOB) STRICT"), STATUS_OK);
    assert_status(run(sql, "PRAGMA max_page_count = 4"), STATUS_OK);
    assert_status(sql_execute_blocking(sql, "INSERT INTO t VALUES (?)", params, 1, NULL, NULL), STATUS_STORE_DOWN);
    assert_last_error(it, sql, "the disk is full");
    assert_int_equal(ask(sql, "SELECT COUNT(*) FROM t").columns[0].integer, 0);
    sql_close(sql);
}

/* ---- what it refuses to open ---- */

static void refuse(struct fixture *it, enum status status, const char *what)
{
    struct sql_options options = {.busy_timeout_ms = SQL_SERVICE_BUSY_MS};
    struct sql *sql = NULL;
    assert_status(open_with(it, &options, &sql), status);
    assert_null(sql);
    assert_why(it, what);
}

static void a_missing_directory_is_named(void **state)
{
    struct fixture *it = *state;
    name_file(it, "nowhere/oauth1.db");
    refuse(it, STATUS_STORE_DOWN, "its directory does not exist");
}

static void a_directory_is_no_database(void **state)
{
    struct fixture *it = *state;
    assert_int_equal(mkdir(it->path, 0700), 0);
    refuse(it, STATUS_STORE_DOWN, "it is a directory");
}

static void a_device_is_no_database(void **state)
{
    struct fixture *it = *state;
    assert_int_equal(mkfifo(it->path, 0600), 0);
    refuse(it, STATUS_STORE_DOWN, "not a regular file");
}

static void another_kind_of_file_is_no_database(void **state)
{
    struct fixture *it = *state;
    static char text[4096];
    memset(text, 'x', sizeof text);
    temp_dir_write(it->path, slice_of(text, sizeof text));
    refuse(it, STATUS_STORE_CORRUPT, "is not an SQLite database");
}

static void a_missing_file_is_not_created_where_it_must_exist(void **state)
{
    struct fixture *it = *state;
    struct sql_options options = {.busy_timeout_ms = SQL_SERVICE_BUSY_MS, .must_exist = true};
    struct sql *sql = NULL;
    assert_status(open_with(it, &options, &sql), STATUS_STORE_DOWN);
    assert_why(it, "auth-service migrate up");
    assert_int_equal(access(it->path, F_OK), -1);
}

static void a_damaged_file_is_told_and_not_written_to(void **state)
{
    struct fixture *it = *state;
    struct sql *sql = open_good(it);
    static const char junk[4096] = {'j', 'u', 'n', 'k'};
    assert_status(run(sql, "CREATE TABLE t (a TEXT) STRICT"), STATUS_OK);
    for (int i = 0; i < 500; i++)
        assert_status(
            run(sql, "INSERT INTO t VALUES ('a row that takes some room in the file, so that there are pages')"),
            STATUS_OK);
    sql_close(sql);
    int fd = open(it->path, O_WRONLY);
    assert_true(fd >= 0);
    for (off_t page = 1; page <= 4; page++)
        assert_int_equal(pwrite(fd, junk, sizeof junk, page * 4096), (int)sizeof junk);
    assert_int_equal(close(fd), 0);
    sql = open_good(it);
    assert_status(run(sql, "SELECT COUNT(*) FROM t WHERE a <> ''"), STATUS_STORE_CORRUPT);
    assert_last_error(it, sql, "damaged");
    sql_close(sql);
}

/* Root may write everywhere, so the tests of permissions are somebody else for a while. */
static void become(uid_t user)
{
    if (getuid() == 0)
        assert_int_equal(seteuid(user), 0);
}

static void a_file_that_may_only_be_read_is_told(void **state)
{
    struct fixture *it = *state;
    sql_close(open_good(it));
    assert_int_equal(chmod(it->directory, 0755), 0);
    assert_int_equal(chmod(it->path, 0444), 0);
    become(NOBODY);
    refuse(it, STATUS_STORE_DOWN, "writable for this user");
    become(0);
}

static void a_file_that_may_not_be_read_is_told(void **state)
{
    struct fixture *it = *state;
    sql_close(open_good(it));
    assert_int_equal(chmod(it->directory, 0755), 0);
    assert_int_equal(chmod(it->path, 0000), 0);
    become(NOBODY);
    refuse(it, STATUS_STORE_DOWN, "this user must be able to read and write it");
    become(0);
}

static void a_directory_that_may_not_be_written_is_told(void **state)
{
    struct fixture *it = *state;
    assert_int_equal(chmod(it->directory, 0555), 0);
    become(NOBODY);
    refuse(it, STATUS_STORE_DOWN, "make its directory writable");
    become(0);
    assert_int_equal(chmod(it->directory, 0755), 0);
}

static void other_urls_are_refused_without_showing_their_passwords(void **state)
{
    struct fixture *it = *state;
    static const char *const urls[] = {"", "sqlite", "sqlite:", "oauth1.db", "postgres://jane:hunter2@host/db"};
    struct sql_options options = {.busy_timeout_ms = SQL_SERVICE_BUSY_MS};
    for (size_t i = 0; i < COUNT_OF(urls); i++) {
        struct sql *sql = NULL;
        (void)snprintf(it->url, sizeof it->url, "%s", urls[i]);
        assert_status(open_with(it, &options, &sql), STATUS_BAD_INPUT);
        assert_null(sql);
        assert_non_null(strstr(buf_string(&it->why), "sqlite:"));
        assert_null(strstr(buf_string(&it->why), "hunter2"));
    }
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_new_file_is_for_its_owner_alone_and_durable),
        TEST(what_was_committed_is_there_after_opening_again),
        TEST(a_database_in_memory_works_for_one_connection),
        TEST(values_come_back_as_they_were_bound),
        TEST(a_taken_value_is_a_conflict_and_a_broken_rule_is_not),
        TEST(a_missing_table_says_that_the_schema_does_not_fit),
        TEST(a_row_that_is_refused_ends_the_statement),
        TEST(more_statements_than_it_keeps_still_work),
        TEST(a_transaction_is_all_or_nothing_also_when_it_joins_another),
        TEST(a_lock_that_another_holds_is_told_after_the_timeout),
        TEST(a_full_disk_is_told_and_leaves_nothing_half_done),
        TEST(a_missing_directory_is_named),
        TEST(a_directory_is_no_database),
        TEST(a_device_is_no_database),
        TEST(another_kind_of_file_is_no_database),
        TEST(a_missing_file_is_not_created_where_it_must_exist),
        TEST(a_damaged_file_is_told_and_not_written_to),
        TEST(a_file_that_may_only_be_read_is_told),
        TEST(a_file_that_may_not_be_read_is_told),
        TEST(a_directory_that_may_not_be_written_is_told),
        TEST(other_urls_are_refused_without_showing_their_passwords),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
