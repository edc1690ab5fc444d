#include "support/durable_bench.h"

#include "durable/changes.h"
#include "durable/migrations.h"
#include "durable/tokens.h"
#include "durable/users.h"
#include "support/temp_dir.h"
#include "support/test.h"

#include <stdio.h>

/* ---- SQLite ---- */

static void *create_sqlite(char url[DURABLE_URL_BYTES])
{
    char *directory = test_malloc(TEMP_PATH_BYTES);
    temp_dir_make(directory);
    (void)snprintf(url, DURABLE_URL_BYTES, "sqlite:%s/test.db", directory);
    return directory;
}

static void destroy_sqlite(void *database)
{
    temp_dir_remove(database);
    test_free(database);
}

static int sqlite_contains(void *database, struct slice bytes)
{
    return temp_dir_contains(database, bytes);
}

const struct tested_durable durable_sqlite = {"SQLite", create_sqlite, destroy_sqlite, sqlite_contains};

/* ---- the bench ---- */

struct durable durable_bench_connect(struct durable_bench *bench)
{
    struct sql_options options = {.busy_timeout_ms = SQL_COMMAND_BUSY_MS};
    struct durable db = {.keys = bench->keys, .clock = &bench->clock.clock};
    struct buf why = BUF_INIT;
    if (sql_open_blocking(slice_str(bench->url), &options, &why, &db.sql) != STATUS_OK)
        fail_msg("%.*s", SLICE_ARGS(buf_slice(&why)));
    buf_done(&why);
    return db;
}

void durable_bench_init(struct durable_bench *bench, const struct tested_durable *kind)
{
    const char *wrong = NULL;
    struct buf why = BUF_INIT;
    size_t applied = 0;
    *bench = (struct durable_bench){.kind = kind};
    bench->database = kind->create(bench->url);
    fake_clock_init(&bench->clock, BENCH_NOW_MS);
    assert_status(keyring_parse(SLICE("test:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="), &bench->keys, &wrong),
                  STATUS_OK);
    bench->db = durable_bench_connect(bench);
    if (migrations_up_blocking(bench->db.sql, BENCH_NOW_MS, &why, &applied) != STATUS_OK)
        fail_msg("%.*s", SLICE_ARGS(buf_slice(&why)));
    buf_done(&why);
}

void durable_bench_done(struct durable_bench *bench)
{
    sql_close(bench->db.sql);
    keyring_free(bench->keys);
    bench->kind->destroy(bench->database);
}

static const struct tested_durable *used_kind = &durable_sqlite;

void durable_bench_use(const struct tested_durable *kind)
{
    used_kind = kind;
}

int durable_bench_setup(void **state)
{
    struct durable_bench *bench = test_malloc(sizeof *bench);
    durable_bench_init(bench, used_kind);
    *state = bench;
    return 0;
}

int durable_bench_teardown(void **state)
{
    durable_bench_done(*state);
    test_free(*state);
    return 0;
}

/* ---- what tests fill it with ---- */

struct slice durable_bench_secret(const char *what, char memory[320])
{
    int len = snprintf(memory, 320, "secret of %s", what);
    return slice_of(memory, (size_t)len);
}

int64_t durable_bench_client(struct durable_bench *bench, const char *client_id)
{
    char memory[320];
    struct client_secret secret = {.text = durable_bench_secret(client_id, memory)};
    struct client client = {
        .client_id = slice_str(client_id),
        .name = SLICE("Printer"),
        .allowed_scopes = SLICE("photos:read"),
        .secrets = &secret,
        .secret_count = 1,
    };
    int64_t id = 0;
    assert_status(durable_client_create_blocking(&bench->db, &client, &id), STATUS_OK);
    return id;
}

int64_t durable_bench_user(struct durable_bench *bench, const char *username)
{
    struct user user = {.username = slice_str(username)};
    int64_t id = 0;
    assert_status(durable_user_create_blocking(&bench->db, &user, &id), STATUS_OK);
    return id;
}

void durable_bench_token(struct durable_bench *bench, const char *client_id, int64_t user, const char *oauth_token,
                         char jti[64])
{
    char memory[320];
    struct token_issue issue = {
        .client_id = slice_str(client_id),
        .user = user,
        .scopes = SLICE("photos:read photos:write"),
        .oauth_token = slice_str(oauth_token),
        .secret = durable_bench_secret(oauth_token, memory),
    };
    bool existing = false;
    struct token *token = NULL;
    assert_status(durable_token_issue_blocking(&bench->db, &issue, &existing, &token), STATUS_OK);
    assert_false(existing);
    (void)snprintf(jti, 64, "%.*s", SLICE_ARGS(token->jti));
    token_free(token);
}

int64_t durable_bench_latest_change(struct durable_bench *bench)
{
    int64_t sequence = 0;
    assert_status(durable_changes_latest_blocking(&bench->db, &sequence), STATUS_OK);
    return sequence;
}

const char *durable_bench_changes(struct durable_bench *bench, int64_t sequence, char line[1024])
{
    static const char *const kinds[] = {"client", "user", "token", "resource-server"};
    static const char *const events[] = {"edited", "revoked", "ended"};
    struct buf text = buf_fixed(line, 1024);
    struct change_page *page = NULL;
    assert_status(durable_changes_since_blocking(&bench->db, sequence, 0, &page), STATUS_OK);
    for (size_t i = 0; i < page->count; i++) {
        const struct change *change = &page->changes[i];
        buf_addf(&text, "%s%s %s %.*s", i ? ", " : "", kinds[change->kind], events[change->event],
                 SLICE_ARGS(change->id));
    }
    change_page_free(page);
    return buf_string(&text);
}

static enum status take_number(void *context, const struct sql_value *columns, size_t count)
{
    (void)count;
    *(int64_t *)context = columns[0].integer;
    return STATUS_OK;
}

int64_t durable_bench_number(struct durable_bench *bench, const char *query)
{
    int64_t number = -1;
    assert_status(sql_execute_blocking(bench->db.sql, query, NULL, 0, take_number, &number), STATUS_OK);
    return number;
}
