/* The part of the durable store's contract that is about nonces, on SQLite, once more with transactions that are all
 * run twice; and what is left behind where a statement fails in their midst. */
#include "durable/nonces.h"
#include "support/contract_parts.h"
#include "support/durable_bench.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

/* Which statement fails from now on (1: the next; 0: none), and whether it was reached. */
static int failing;
static bool has_failed;
/* What another process does before the next transaction begins. */
static const char *before_transaction;
/* Each transaction is rolled back and repeated, as after a deadlock. */
static bool repeats;

enum status __real_sql_execute_blocking(struct sql *sql, const char *text, const struct sql_value *params,
                                        size_t param_count, sql_row_fn row, void *context);
enum status __wrap_sql_execute_blocking(struct sql *sql, const char *text, const struct sql_value *params,
                                        size_t param_count, sql_row_fn row, void *context);
enum status __real_sql_transaction_blocking(struct sql *sql, sql_work_fn work, void *context);
enum status __wrap_sql_transaction_blocking(struct sql *sql, sql_work_fn work, void *context);

enum status __wrap_sql_execute_blocking(struct sql *sql, const char *text, const struct sql_value *params,
                                        size_t param_count, sql_row_fn row, void *context)
{
    if (failing > 0 && --failing == 0) {
        has_failed = true;
        return STATUS_STORE_DOWN;
    }
    return __real_sql_execute_blocking(sql, text, params, param_count, row, context);
}

struct work {
    sql_work_fn run;
    void *context;
};

static enum status run_in_vain(struct sql *sql, void *context)
{
    struct work *work = context;
    enum status status = work->run(sql, work->context);
    return status == STATUS_OK ? STATUS_CONFLICT : status;
}

enum status __wrap_sql_transaction_blocking(struct sql *sql, sql_work_fn work, void *context)
{
    struct work first = {work, context};
    const char *before = before_transaction;
    before_transaction = NULL;
    if (before)
        assert_status(__real_sql_execute_blocking(sql, before, NULL, 0, NULL, NULL), STATUS_OK);
    if (repeats)
        (void)!__real_sql_transaction_blocking(sql, run_in_vain, &first);
    return __real_sql_transaction_blocking(sql, work, context);
}

/* ---- a statement fails ---- */

static enum status save(struct nonce_ledger *ledger)
{
    struct saved_nonce nonces[] = {{7, 1}, {7, 2}, {8, 3}};
    struct nonce_state state = {.at_ms = BENCH_NOW_MS, .nonces = nonces, .count = COUNT_OF(nonces)};
    accepted_ranges_raise(&state.ranges, 300);
    return ledger->save_blocking(ledger, SLICE("memory:a"), SLICE("e1"), &state);
}

static enum status open_again(struct nonce_ledger *ledger)
{
    const struct nonce_begin begin = {
        .name = SLICE("memory:a"), .epoch = SLICE("e2"), .now_ms = BENCH_NOW_MS, .back_ms = 2000, .lead_ms = 60000};
    struct nonce_state state = {0};
    enum status status = ledger->open_blocking(ledger, &begin, &state);
    assert_int_equal(state.count, status == STATUS_OK ? 3 : 0);
    nonce_state_done(&state);
    return status;
}

static enum status keep_all(struct nonce_ledger *ledger)
{
    static const int64_t wanted[] = {400, 500};
    struct accepted_ranges ranges = {0};
    const struct nonce_user user = {.id = "user", .machine = "m", .steady_ms = 5, .clock_ms = 6};
    const struct nonce_keep keep = {.name = SLICE(NONCE_STORE_SHARED),
                                    .epoch = SLICE("shared"),
                                    .wanted = wanted,
                                    .wanted_count = COUNT_OF(wanted),
                                    .away = {600, 610},
                                    .user = &user};
    enum status status = ledger->keep_blocking(ledger, &keep, &ranges);
    assert_true((status == STATUS_OK) == (ranges.count > 0)); /* nothing is told that was not written */
    return status;
}

static enum status begin_shared(void *context, struct nonce_row *row, struct nonce_users *users)
{
    (void)context;
    row->exists = row->is_used = true;
    (void)snprintf(row->epoch, sizeof row->epoch, "shared");
    (void)snprintf(row->record, sizeof row->record, "%zu users", users->count);
    for (size_t i = 0; i < users->count; i++)
        users->items[i].id[0] = '\0';
    return STATUS_OK;
}

static enum status decide(struct nonce_ledger *ledger)
{
    return ledger->decide_blocking(ledger, SLICE(NONCE_STORE_SHARED), begin_shared, NULL);
}

static enum status leave(struct nonce_ledger *ledger)
{
    return ledger->leave_blocking(ledger, SLICE(NONCE_STORE_SHARED), SLICE("user"));
}

static enum status guard_all(struct sql *sql, void *context)
{
    (void)sql;
    return durable_nonces_guard_blocking(context, 1000);
}

static enum status guard(struct nonce_ledger *ledger)
{
    struct durable *db = ((struct durable_nonce_ledger *)ledger)->db;
    return durable_transaction_blocking(db, guard_all, db);
}

static enum status add_text(void *context, const struct sql_value *columns, size_t count)
{
    (void)count;
    buf_add(context, columns[0].bytes);
    buf_add_byte(context, '\n');
    return STATUS_OK;
}

/* All that is written down about nonces. */
static void read_all(struct durable_bench *bench, struct buf *out)
{
    static const char query[] =
        "SELECT coalesce(group_concat(name || ' ' || saved || quote(hash_key) || at), '') FROM nonce_stores UNION ALL "
        "SELECT coalesce(group_concat(store || ' ' || timestamp_s || part || quote(hashes)), '') FROM saved_nonces "
        "UNION ALL SELECT coalesce(group_concat(name || ' ' || epoch || record || used || ranges), '') "
        "FROM nonce_epochs UNION ALL SELECT coalesce(group_concat(store || ' ' || id || machine || steady || clock), "
        "'') FROM nonce_users";
    buf_reset(out);
    assert_status(sql_execute_blocking(bench->db.sql, query, NULL, 0, add_text, out), STATUS_OK);
}

/* Each in its turn, and each as often as it has statements: all or nothing is written, and nothing goes on as if. */
static void a_statement_that_fails_leaves_everything_as_it_was(void **state)
{
    enum status (*const steps[])(struct nonce_ledger *) = {decide, keep_all, save,  open_again,
                                                           decide, keep_all, leave, guard};
    static const int statements[] = {3, 6, 6, 8, 6, 6, 1, 9}; /* at least */
    struct durable_bench *bench = *state;
    struct durable_nonce_ledger ledger;
    struct nonce_state first = {0};
    struct buf before = BUF_INIT;
    struct buf after = BUF_INIT;
    const struct nonce_begin begin = {.name = SLICE("memory:a"), .epoch = SLICE("e1"), .now_ms = BENCH_NOW_MS};
    durable_nonce_ledger_init(&ledger, &bench->db);
    assert_status(ledger.ledger.open_blocking(&ledger.ledger, &begin, &first), STATUS_OK);
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        int reached = 0;
        for (has_failed = true; has_failed; reached++) {
            read_all(bench, &before);
            has_failed = false;
            failing = reached + 1;
            enum status status = steps[i](&ledger.ledger);
            failing = 0;
            assert_status(status, has_failed ? STATUS_STORE_DOWN : STATUS_OK);
            read_all(bench, &after);
            assert_int_equal(slice_eq(buf_slice(&before), buf_slice(&after)), has_failed);
        }
        assert_true(reached > statements[i]);
    }
    buf_done(&before);
    buf_done(&after);
}

/* It has looked before it began to write. */
static void an_epoch_that_ends_before_the_ranges_are_raised_raises_none(void **state)
{
    struct durable_bench *bench = *state;
    struct durable_nonce_ledger ledger;
    struct buf before = BUF_INIT;
    struct buf after = BUF_INIT;
    durable_nonce_ledger_init(&ledger, &bench->db);
    assert_status(decide(&ledger.ledger), STATUS_OK);
    assert_status(keep_all(&ledger.ledger), STATUS_OK);
    before_transaction = "UPDATE nonce_epochs SET epoch = 'another', ranges = '' WHERE name = 'redis'";
    assert_status(keep_all(&ledger.ledger), STATUS_CONFLICT);
    read_all(bench, &before);
    assert_status(keep_all(&ledger.ledger), STATUS_CONFLICT);
    read_all(bench, &after);
    assert_slice_equal(buf_slice(&before), buf_slice(&after));
    assert_int_equal(durable_bench_number(bench, "SELECT COUNT(*) FROM nonce_epochs WHERE ranges = ''"), 1);
    buf_done(&before);
    buf_done(&after);
}

/* ---- a copy of the database ---- */

/* Those that the copy knows, and those that a service may have used since it was made. */
static void every_store_refuses_what_was_accepted_since_a_backup(void **state)
{
    static const char guarded[] = "SELECT COUNT(*) FROM nonce_epochs WHERE ranges = '0 1000 1000'";
    static const char others[] = "SELECT COUNT(*) FROM nonce_epochs WHERE ranges <> '0 1000 1000'";
    static const char services[] = "SELECT COUNT(*) FROM nonce_epochs WHERE name IN ('memory:auth-service', "
                                   "'memory:introspection-service') AND ranges = '0 1000 1000'";
    struct durable_bench *bench = *state;
    struct durable_nonce_ledger ledger;
    struct nonce_state first = {0};
    const struct nonce_begin begin = {.name = SLICE("memory:a"), .epoch = SLICE("e1"), .now_ms = BENCH_NOW_MS};
    durable_nonce_ledger_init(&ledger, &bench->db);
    assert_status(guard(&ledger.ledger), STATUS_OK);
    assert_int_equal(durable_bench_number(bench, services), 2);
    assert_status(ledger.ledger.open_blocking(&ledger.ledger, &begin, &first), STATUS_OK);
    assert_status(decide(&ledger.ledger), STATUS_OK);
    assert_status(guard(&ledger.ledger), STATUS_OK);
    assert_int_equal(durable_bench_number(bench, guarded), 4);
    assert_int_equal(durable_bench_number(bench, others), 0);
}

/* ---- what is too long ---- */

static void change(struct durable_bench *bench, const char *statement)
{
    assert_status(sql_execute_blocking(bench->db.sql, statement, NULL, 0, NULL, NULL), STATUS_OK);
    assert_true(sql_affected(bench->db.sql) > 0);
}

static void a_text_that_is_longer_than_any_of_ours_is_an_error(void **state)
{
    static const char *const changes[][2] = {
        {"UPDATE nonce_epochs SET epoch = hex(zeroblob(16))",
         "UPDATE nonce_epochs SET epoch = hex(zeroblob(16)) || '0'"},
        {"UPDATE nonce_epochs SET epoch = 'shared', record = substr(hex(zeroblob(128)), 2)",
         "UPDATE nonce_epochs SET record = hex(zeroblob(128))"},
        {"UPDATE nonce_users SET id = hex(zeroblob(16))", "UPDATE nonce_users SET id = hex(zeroblob(16)) || '0'"},
        {"UPDATE nonce_users SET machine = substr(hex(zeroblob(48)), 2)",
         "UPDATE nonce_users SET machine = hex(zeroblob(48))"},
    };
    struct durable_bench *bench = *state;
    struct durable_nonce_ledger ledger;
    durable_nonce_ledger_init(&ledger, &bench->db);
    for (size_t i = 0; i < COUNT_OF(changes); i++) {
        assert_status(decide(&ledger.ledger), STATUS_OK);
        assert_status(keep_all(&ledger.ledger), STATUS_OK);
        change(bench, changes[i][0]);
        assert_status(decide(&ledger.ledger), STATUS_OK);
        assert_status(keep_all(&ledger.ledger), STATUS_OK);
        change(bench, changes[i][1]);
        assert_status(decide(&ledger.ledger), STATUS_STORE_CORRUPT);
        change(bench, "UPDATE nonce_epochs SET epoch = 'shared', record = ''");
        change(bench, "DELETE FROM nonce_users");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_TEST(a_statement_that_fails_leaves_everything_as_it_was),
        BENCH_TEST(an_epoch_that_ends_before_the_ranges_are_raised_raises_none),
        BENCH_TEST(every_store_refuses_what_was_accepted_since_a_backup),
        BENCH_TEST(a_text_that_is_longer_than_any_of_ours_is_an_error),
    };
    durable_bench_use(&durable_sqlite);
    int failed = cmocka_run_group_tests_name("nonces on SQLite", tests, NULL, NULL);
    failed += contract_nonces_run();
    repeats = true;
    return failed + contract_nonces_run();
}
