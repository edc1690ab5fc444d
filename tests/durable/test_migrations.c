#include "durable/database.h"
#include "durable/migrations.h"
#include "support/durable_bench.h"
#include "support/mariadb_server.h"
#include "support/sql_proxy.h"
#include "support/temp_dir.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PROCESSES = 4 };

static const struct tested_durable *kind; /* the engine whose turn it is */

struct fixture {
    void *database;
    char url[DURABLE_URL_BYTES];
    struct sql *sql;
    struct buf why;
};

static struct sql *connect_to(const char *url)
{
    struct sql_options options = {.busy_timeout_ms = SQL_COMMAND_BUSY_MS};
    struct buf why = BUF_INIT;
    struct sql *sql = NULL;
    (void)!sql_open_blocking(slice_str(url), &options, &why, &sql);
    buf_done(&why);
    return sql;
}

static int setup(void **state)
{
    struct fixture *it = test_calloc(1, sizeof *it);
    it->database = kind->create(it->url);
    it->sql = connect_to(it->url);
    assert_non_null(it->sql);
    *state = it;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *it = *state;
    sql_close(it->sql);
    buf_done(&it->why);
    kind->destroy(it->database);
    test_free(it);
    return 0;
}

static enum schema_state check(struct fixture *it)
{
    enum schema_state found = SCHEMA_CURRENT;
    buf_reset(&it->why);
    assert_status(migrations_check_blocking(it->sql, &it->why, &found), STATUS_OK);
    return found;
}

static size_t up(struct fixture *it)
{
    size_t applied = 0;
    assert_status(migrations_up_blocking(it->sql, 1000, &it->why, &applied), STATUS_OK);
    return applied;
}

static void run(struct fixture *it, const char *text)
{
    assert_status(sql_execute_blocking(it->sql, text, NULL, 0, NULL, NULL), STATUS_OK);
}

static void assert_why(struct fixture *it, const char *what)
{
    assert_non_null(strstr(buf_string(&it->why), what));
}

static void an_empty_database_is_old_and_names_the_command(void **state)
{
    struct fixture *it = *state;
    assert_int_equal(check(it), SCHEMA_OLD);
    assert_why(it, "auth-service migrate up");
}

static void migrating_twice_applies_once(void **state)
{
    struct fixture *it = *state;
    assert_true(up(it) > 20);
    assert_int_equal(check(it), SCHEMA_CURRENT);
    assert_int_equal(it->why.len, 0);
    assert_int_equal(up(it), 0);
}

struct seen {
    int64_t last;
    int applied;
    int missing;
};

static enum status note(void *context, const struct migration *migration)
{
    struct seen *seen = context;
    assert_int_equal(migration->number, seen->last + 1); /* without gaps */
    assert_int_equal(migration->applied, migration->applied_at_ms != 0);
    seen->last = migration->number;
    seen->applied += migration->applied ? 1 : 0;
    seen->missing += migration->applied ? 0 : 1;
    return STATUS_OK;
}

static void the_status_lists_every_migration_in_order(void **state)
{
    struct fixture *it = *state;
    struct seen before = {0};
    struct seen after = {0};
    assert_status(migrations_status_blocking(it->sql, note, &before), STATUS_OK);
    (void)up(it);
    assert_status(migrations_status_blocking(it->sql, note, &after), STATUS_OK);
    assert_int_equal(before.applied, 0);
    assert_int_equal(after.missing, 0);
    assert_int_equal(before.missing, after.applied);
}

static void what_is_missing_at_the_end_is_applied(void **state)
{
    struct fixture *it = *state;
    (void)up(it);
    run(it, "DROP TABLE saved_nonces");
    run(it, "DELETE FROM schema_migrations WHERE name LIKE '%saved_nonces%'");
    assert_int_equal(check(it), SCHEMA_OLD);
    assert_int_equal(up(it), 1);
    run(it, "SELECT COUNT(*) FROM saved_nonces");
}

static void a_migration_that_was_edited_is_refused(void **state)
{
    struct fixture *it = *state;
    size_t applied = 0;
    (void)up(it);
    run(it, "UPDATE schema_migrations SET checksum = x'00' WHERE number = 2");
    assert_int_equal(check(it), SCHEMA_CHANGED);
    assert_why(it, "0002_clients.sql");
    assert_status(migrations_up_blocking(it->sql, 1000, &it->why, &applied), STATUS_BAD_INPUT);
}

static enum status open_database(struct fixture *it, struct sql **ret_sql)
{
    struct clock clock = clock_system(0);
    struct sql_options options = {.busy_timeout_ms = SQL_COMMAND_BUSY_MS};
    buf_reset(&it->why);
    return database_open_blocking(slice_str(it->url), &options, &clock, &it->why, ret_sql);
}

static void assert_refused_as_new(struct fixture *it)
{
    size_t applied = 0;
    struct sql *sql = NULL;
    assert_int_equal(check(it), SCHEMA_NEW);
    assert_why(it, "9999");
    assert_status(migrations_up_blocking(it->sql, 1000, &it->why, &applied), STATUS_BAD_INPUT);
    assert_status(open_database(it, &sql), STATUS_BAD_INPUT);
    assert_why(it, "run that version");
    assert_null(sql);
}

static void what_a_later_version_added_does_no_harm(void **state)
{
    struct fixture *it = *state;
    struct sql *sql = NULL;
    (void)up(it);
    run(it, "INSERT INTO schema_migrations VALUES (9999, '9999_later.sql', x'00', 1)");
    assert_int_equal(check(it), SCHEMA_AHEAD);
    assert_why(it, "9999");
    assert_int_equal(up(it), 0);
    assert_status(open_database(it, &sql), STATUS_OK);
    assert_why(it, "later version");
    sql_close(sql);
}

static void a_later_migration_that_breaks_this_version_is_refused_and_named(void **state)
{
    static const char *const names[] = {"9999_breaks_9998_later.sql", "9999_breaks_later.sql", "9999_breaks_"};
    struct fixture *it = *state;
    char text[160];
    (void)up(it);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        run(it, "DELETE FROM schema_migrations WHERE number = 9999");
        (void)snprintf(text, sizeof text, "INSERT INTO schema_migrations VALUES (9999, '%s', x'00', 1)", names[i]);
        run(it, text);
        assert_refused_as_new(it);
        assert_why(it, names[i]);
    }
}

static void a_later_migration_that_breaks_only_older_versions_does_no_harm(void **state)
{
    struct fixture *it = *state;
    struct seen seen = {0};
    char text[160];
    (void)up(it);
    assert_status(migrations_status_blocking(it->sql, note, &seen), STATUS_OK);
    (void)snprintf(text, sizeof text,
                   "INSERT INTO schema_migrations VALUES (9999, '9999_breaks_%04lld_x.sql', x'00', 1)",
                   (long long)seen.last - 1);
    run(it, text);
    assert_int_equal(check(it), SCHEMA_AHEAD);
    run(it, "DELETE FROM schema_migrations WHERE number = 9999");
    (void)snprintf(text, sizeof text,
                   "INSERT INTO schema_migrations VALUES (9999, '9999_breaks_%04lld_x.sql', x'00', 1)",
                   (long long)seen.last);
    run(it, text);
    assert_refused_as_new(it);
}

static void a_later_schema_that_lacks_a_migration_of_this_version_is_refused(void **state)
{
    struct fixture *it = *state;
    (void)up(it);
    run(it, "INSERT INTO schema_migrations VALUES (9999, '9999_later.sql', x'00', 1)");
    run(it, "DELETE FROM schema_migrations WHERE name LIKE '%saved_nonces%'");
    assert_refused_as_new(it);
}

static void a_failed_migration_leaves_no_trace_and_is_named(void **state)
{
    struct fixture *it = *state;
    size_t applied = 0;
    run(it, "CREATE TABLE users (a INTEGER)"); /* in the way of 0012 */
    assert_status(migrations_up_blocking(it->sql, 1000, &it->why, &applied), STATUS_STORE_CORRUPT);
    assert_why(it, "0012_users.sql");
    assert_int_equal(check(it), SCHEMA_OLD);
    run(it, "DROP TABLE users");
    assert_true(up(it) > 0);
    assert_int_equal(check(it), SCHEMA_CURRENT);
}

/* In a child: 0 if `up` went well. */
static int up_in_child(const char *url)
{
    struct buf why = BUF_INIT;
    size_t applied = 0;
    struct sql *sql = connect_to(url);
    return sql && migrations_up_blocking(sql, 1000, &why, &applied) == STATUS_OK ? 0 : 1;
}

static void processes_that_migrate_at_once_do_not_disturb_each_other(void **state)
{
    struct fixture *it = *state;
    pid_t children[PROCESSES];
    sql_close(it->sql);
    it->sql = NULL;
    kind->destroy(it->database);
    it->database = kind->create(it->url); /* nobody has opened it: they race for making the file, too */
    for (int i = 0; i < PROCESSES; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0)
            _exit(up_in_child(it->url));
    }
    for (int i = 0; i < PROCESSES; i++) {
        int end = 0;
        assert_int_equal(waitpid(children[i], &end, 0), children[i]);
        assert_true(WIFEXITED(end) && WEXITSTATUS(end) == 0);
    }
    it->sql = connect_to(it->url);
    assert_int_equal(check(it), SCHEMA_CURRENT);
}

static void an_embedded_database_is_brought_up_to_date_when_it_is_opened(void **state)
{
    struct fixture *it = *state;
    struct clock clock = clock_system(0);
    struct sql_options options = {.busy_timeout_ms = SQL_COMMAND_BUSY_MS};
    struct sql *sql = NULL;
    assert_status(database_open_blocking(slice_str(it->url), &options, &clock, &it->why, &sql), STATUS_OK);
    assert_int_equal(check(it), SCHEMA_CURRENT);
    sql_close(sql);
}

static enum status take_number(void *context, const struct sql_value *columns, size_t count)
{
    assert_int_equal(count, 1);
    *(int64_t *)context = columns[0].integer;
    return STATUS_OK;
}

/* As versions without sources made them: by a command, with a password set later, and imported under another's number.
 */
static void users_of_earlier_versions_are_sorted_by_where_they_came_from(void **state)
{
    struct fixture *it = *state;
    int64_t count = 0;
    (void)up(it);
    run(it, "DELETE FROM schema_migrations WHERE number = 32");
    run(it, "INSERT INTO users (id, username, subject, password_hash, created_at, updated_at) VALUES"
            " (7, 'jane', '7', 'hash', 1, 1), (8, 'mute', '8', '', 1, 1), (9, 'other', 'user-9', '', 1, 1),"
            " (10, 'kept', 's-10', 'hash', 1, 1), (11, 'lee', 's-11', '', 1, 1), (12, 'max', '7000', '', 1, 1)");
    assert_int_equal(up(it), 1);
    run(it, "DELETE FROM schema_migrations WHERE number = 32");
    assert_int_equal(up(it), 1); /* as after a crash on MySQL */
    assert_status(sql_execute_blocking(it->sql,
                                       "SELECT COUNT(*) FROM users WHERE (id < 11 AND site_name IS NULL)"
                                       " OR (id = 11 AND site_name = 'lee') OR (id = 12 AND site_name = 'max')",
                                       NULL, 0, take_number, &count),
                  STATUS_OK);
    assert_int_equal(count, 6);
    run(it, "INSERT INTO users (username, created_at, updated_at) VALUES ('lee', 1, 1)"); /* the name is free */
}

/* Two that differ by case alone stay two: the earlier has the name. */
static void accounts_of_earlier_versions_get_their_names_and_addresses_in_lower_case(void **state)
{
    struct fixture *it = *state;
    int64_t count = 0;
    (void)up(it);
    run(it, "INSERT INTO users (id, username, email, site_name, created_at, updated_at) VALUES"
            " (7, 'JANE', 'Jane@Example.com', NULL, 1, 1), (8, 'jane', '', NULL, 1, 1), (9, 'joe', '', NULL, 1, 1),"
            " (10, 'x', 'Max@Example.com', 'Joe', 1, 1), (11, 'y', '', 'ann', 1, 1), (12, 'Ann', '', NULL, 1, 1)");
    run(it,
        kind == &durable_mysql
            ? "INSERT INTO users (id, username, email, created_at, updated_at) VALUES (13, 'jorg', X'4AD65247', 1, 1)"
            : "INSERT INTO users (id, username, email, created_at, updated_at)"
              " VALUES (13, 'jorg', CAST(X'4AD65247' AS TEXT), 1, 1)");
    for (int i = 0; i < 2; i++) { /* the second time as after a crash on MySQL */
        run(it, "DELETE FROM schema_migrations WHERE number IN (34, 37)");
        assert_int_equal(up(it), 2);
    }
    assert_status(sql_execute_blocking(it->sql,
                                       "SELECT COUNT(*) FROM users WHERE"
                                       " (id = 7 AND name_key = 'jane' AND email_key = 'jane@example.com')"
                                       " OR (id = 8 AND name_key IS NULL AND email_key = '')"
                                       " OR (id = 9 AND name_key = 'joe') OR (id = 12 AND name_key = 'ann')"
                                       " OR (id IN (10, 11) AND name_key IS NULL AND email_key = '')"
                                       " OR (id = 13 AND name_key = 'jorg' AND email_key = '')",
                                       NULL, 0, take_number, &count),
                  STATUS_OK);
    assert_int_equal(count, 7);
}

/* ---- where DDL cannot be rolled back ---- */

static void a_server_is_not_migrated_by_opening_it(void **state)
{
    struct fixture *it = *state;
    struct clock clock = clock_system(0);
    struct sql_options options = {.busy_timeout_ms = SQL_COMMAND_BUSY_MS};
    struct sql *sql = NULL;
    assert_status(database_open_blocking(slice_str(it->url), &options, &clock, &it->why, &sql), STATUS_BAD_INPUT);
    assert_why(it, "run auth-service migrate up");
    assert_null(sql);
    assert_int_equal(check(it), SCHEMA_OLD);
    run(it, "CREATE TABLE schema_migrations (a INTEGER)"); /* it was not made */
}

/* As after a crash between the statement and its record: a table, an index, another table, a column. */
static void what_took_effect_without_its_record_is_recorded_and_not_repeated(void **state)
{
    struct fixture *it = *state;
    (void)up(it);
    run(it, "INSERT INTO users (username, created_at, updated_at) VALUES ('jane', 1, 1)");
    run(it, "DELETE FROM schema_migrations WHERE number IN (12, 14, 25, 28)");
    assert_int_equal(up(it), 4);
    assert_int_equal(check(it), SCHEMA_CURRENT);
    run(it, "UPDATE users SET username = 'joe' WHERE username = 'jane'");
    assert_int_equal(sql_affected(it->sql), 1);
}

static void a_crash_in_the_middle_is_made_good_by_the_next_run(void **state)
{
    struct fixture *it = *state;
    static const char *const places[] = {"CREATE TABLE IF NOT EXISTS", "CREATE TABLE tokens",
                                         "CREATE INDEX tokens_by_user", "CREATE TABLE saved_nonces"};
    if (getenv("TEST_MYSQL_URL"))
        skip(); /* the proxy goes to the program's own server */
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        struct sql_proxy proxy;
        char url[DURABLE_URL_BYTES];
        size_t applied = 0;
        sql_proxy_start(&proxy, mariadb_server_shared()->socket);
        int len = snprintf(url, sizeof url, "%.*s?socket=%s", (int)strcspn(it->url, "?"), it->url, proxy.socket);
        assert_in_range(len, 1, sizeof url - 1);
        struct sql *sql = connect_to(url);
        sql_proxy_arm(&proxy, PROXY_DROP_REPLY, places[i]);
        buf_reset(&it->why);
        assert_status(migrations_up_blocking(sql, 1000, &it->why, &applied), STATUS_STORE_DOWN);
        assert_why(it, ".sql: database");
        assert_false(sql_proxy_is_armed(&proxy));
        sql_close(sql);
        sql_proxy_stop(&proxy);
    }
    assert_int_equal(check(it), SCHEMA_OLD);
    assert_true(up(it) > 0);
    assert_int_equal(check(it), SCHEMA_CURRENT);
}

static void another_run_is_waited_for_and_then_told(void **state)
{
    struct fixture *it = *state;
    struct sql_options options = {.busy_timeout_ms = 1000};
    struct sql *other = connect_to(it->url);
    struct sql *impatient = NULL;
    size_t applied = 0;
    assert_status(other->ops->lock_migrations(other), STATUS_OK);
    assert_status(sql_open_blocking(slice_str(it->url), &options, &it->why, &impatient), STATUS_OK);
    assert_status(migrations_up_blocking(impatient, 1000, &it->why, &applied), STATUS_STORE_DOWN);
    assert_why(it, "another migrate up is at work");
    sql_close(other); /* as when its process dies: the lock goes with it */
    assert_status(migrations_up_blocking(impatient, 1000, &it->why, &applied), STATUS_OK);
    assert_true(applied > 20);
    sql_close(impatient);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

static int run_on(const struct tested_durable *engine, const char *name)
{
    const struct CMUnitTest tests[] = {
        TEST(an_empty_database_is_old_and_names_the_command),
        TEST(migrating_twice_applies_once),
        TEST(the_status_lists_every_migration_in_order),
        TEST(what_is_missing_at_the_end_is_applied),
        TEST(a_migration_that_was_edited_is_refused),
        TEST(what_a_later_version_added_does_no_harm),
        TEST(a_later_migration_that_breaks_this_version_is_refused_and_named),
        TEST(a_later_migration_that_breaks_only_older_versions_does_no_harm),
        TEST(a_later_schema_that_lacks_a_migration_of_this_version_is_refused),
        TEST(a_failed_migration_leaves_no_trace_and_is_named),
        TEST(processes_that_migrate_at_once_do_not_disturb_each_other),
        TEST(users_of_earlier_versions_are_sorted_by_where_they_came_from),
        TEST(accounts_of_earlier_versions_get_their_names_and_addresses_in_lower_case),
    };
    kind = engine;
    return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}

int main(void)
{
    const struct CMUnitTest sqlite[] = {
        TEST(an_embedded_database_is_brought_up_to_date_when_it_is_opened),
    };
    const struct CMUnitTest mysql[] = {
        TEST(a_server_is_not_migrated_by_opening_it),
        TEST(what_took_effect_without_its_record_is_recorded_and_not_repeated),
        TEST(a_crash_in_the_middle_is_made_good_by_the_next_run),
        TEST(another_run_is_waited_for_and_then_told),
    };
    int failed = run_on(&durable_sqlite, "SQLite");
    failed += cmocka_run_group_tests_name("SQLite alone", sqlite, NULL, NULL);
    failed += run_on(&durable_mysql, "MySQL");
    return failed + cmocka_run_group_tests_name("MySQL alone", mysql, NULL, NULL);
}
