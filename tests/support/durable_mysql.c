/* MySQL and MariaDB for tests: a database of its own for each, on the server that $TEST_MYSQL_URL names (an account
 * that may create databases) or else on a MariaDB that is started for this program. */
#include "base/buf.h"
#include "crypto/random.h"
#include "sql/sql.h"
#include "support/durable_bench.h"
#include "support/mariadb_server.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

enum { NAME_RANDOM_BYTES = 12 };

struct database {
    struct sql *admin;
    char name[32];
};

/* The URL of another database on the same server. */
static void with_database(const char *url, const char *name, char out[DURABLE_URL_BYTES])
{
    struct slice whole = slice_str(url);
    size_t query = slice_find(whole, '?');
    size_t slash = query;
    while (slash > 0 && url[slash - 1] != '/')
        slash--;
    int len = snprintf(out, DURABLE_URL_BYTES, "%.*s%s%s", (int)slash, url, name, url + query);
    assert_in_range(len, 1, DURABLE_URL_BYTES - 1);
}

static void server_url(char url[DURABLE_URL_BYTES])
{
    const char *named = getenv("TEST_MYSQL_URL");
    if (named && *named)
        assert_in_range(snprintf(url, DURABLE_URL_BYTES, "%s", named), 1, DURABLE_URL_BYTES - 1);
    else
        mariadb_server_url(mariadb_server_shared(), "mysql", url);
}

/* Not sql_execute_blocking: these texts are made here, and each is used once. */
static void run(struct sql *sql, const char *what, const char *name)
{
    char text[128];
    (void)snprintf(text, sizeof text, "%s %s", what, name);
    enum status status = sql_execute_blocking(sql, text, NULL, 0, NULL, NULL);
    if (status != STATUS_OK)
        fail_msg("%s: %s", text, sql_last_error(sql));
}

static void *create(char url[DURABLE_URL_BYTES])
{
    char base[DURABLE_URL_BYTES];
    char random[NAME_RANDOM_BYTES];
    struct database *database = test_calloc(1, sizeof *database);
    struct sql_options options = {.busy_timeout_ms = SQL_COMMAND_BUSY_MS};
    struct buf why = BUF_INIT;
    server_url(base);
    if (sql_open_blocking(slice_str(base), &options, &why, &database->admin) != STATUS_OK)
        fail_msg("%.*s", SLICE_ARGS(buf_slice(&why)));
    buf_done(&why);
    assert_status(random_text(random, sizeof random), STATUS_OK);
    for (size_t i = 0; i < sizeof random; i++)
        random[i] = (char)('a' + (unsigned char)random[i] % 26);
    (void)snprintf(database->name, sizeof database->name, "test_%.*s", NAME_RANDOM_BYTES, random);
    run(database->admin, "CREATE DATABASE", database->name);
    with_database(base, database->name, url);
    return database;
}

static void destroy(void *pointer)
{
    struct database *database = pointer;
    run(database->admin, "DROP DATABASE", database->name);
    sql_close(database->admin);
    test_free(database);
}

/* ---- searching ---- */

enum { PLACES_MAX = 256, PLACE_BYTES = 160 };

/* A query for each column of the database: whether the bytes are in it. */
struct places {
    const char *database;
    char queries[PLACES_MAX][PLACE_BYTES];
    size_t count;
};

static enum status note_place(void *context, const struct sql_value *columns, size_t count)
{
    struct places *places = context;
    (void)count;
    if (places->count == PLACES_MAX)
        return STATUS_TOO_LARGE;
    (void)snprintf(places->queries[places->count++], PLACE_BYTES,
                   "SELECT 1 FROM %s.%.*s WHERE LOCATE(?, `%.*s`) > 0 LIMIT 1", places->database,
                   SLICE_ARGS(columns[0].bytes), SLICE_ARGS(columns[1].bytes));
    return STATUS_OK;
}

static enum status note_found(void *context, const struct sql_value *columns, size_t count)
{
    (void)columns, (void)count;
    *(int *)context = 1;
    return STATUS_OK;
}

static int tables_contain(const struct database *database, struct slice bytes)
{
    struct sql_value name = sql_text(slice_str(database->name));
    struct sql_value wanted = sql_blob(bytes);
    struct places *places = test_calloc(1, sizeof *places);
    int found = 0;
    places->database = database->name;
    assert_status(sql_execute_blocking(database->admin,
                                       "SELECT table_name, column_name FROM information_schema.columns"
                                       " WHERE table_schema = CONVERT(? USING utf8mb4)",
                                       &name, 1, note_place, places),
                  STATUS_OK);
    assert_true(places->count > 50);
    for (size_t i = 0; i < places->count; i++)
        assert_status(sql_execute_blocking(database->admin, places->queries[i], &wanted, 1, note_found, &found),
                      STATUS_OK);
    test_free(places);
    return found;
}

/* Also in the files, where they are at hand: logs, and what was deleted. */
static int contains(void *pointer, struct slice bytes)
{
    const struct database *database = pointer;
    char path[TEMP_PATH_BYTES];
    int found = tables_contain(database, bytes);
    if (getenv("TEST_MYSQL_URL"))
        return found;
    temp_dir_path(mariadb_server_shared()->directory, "data", path);
    return found || temp_dir_contains(path, bytes);
}

const struct tested_durable durable_mysql = {"MySQL", create, destroy, contains};
