#include "changes/feed_poll.h"

#include "durable/clients.h"
#include "durable/pool.h"
#include "loop/loop.h"
#include "support/asking.h"
#include "support/durable_bench.h"
#include "support/test.h"

enum { SAID_BYTES = 2048, PATIENCE_TURNS = 4000 };

struct fixture {
    struct durable_bench bench;
    struct asking asking;
    struct durable_pool *pool;
    struct change_feed *feed;
    struct buf said; /* what the listener heard: "standing; client edited acme; " */
    char memory[SAID_BYTES];
    size_t heard; /* changes */
};

static void hear_standing(void *context)
{
    buf_add_str(&((struct fixture *)context)->said, "standing; ");
}

static void hear_silent(void *context)
{
    buf_add_str(&((struct fixture *)context)->said, "silent; ");
}

static void hear_lost(void *context)
{
    buf_add_str(&((struct fixture *)context)->said, "lost; ");
}

static void hear_change(void *context, const struct change *change)
{
    static const char *const events[] = {"edited", "revoked", "ended"};
    struct fixture *it = context;
    it->heard++;
    buf_addf(&it->said, "%s %.*s; ", events[change->event], SLICE_ARGS(change->id));
}

static void open_feed(struct fixture *it, bool in_order)
{
    const struct change_feed_poll_options options = {it->pool, it->asking.loop, in_order};
    const struct change_listener listener = {it, hear_standing, hear_change, hear_silent, hear_lost};
    assert_status(change_feed_poll_new(&options, &it->feed), STATUS_OK);
    change_feed_listen(it->feed, &listener);
    change_feed_hear(it->feed, it->pool);
}

static int setup(void **state)
{
    struct fixture *it = test_calloc(1, sizeof *it);
    struct buf why = BUF_INIT;
    durable_bench_init(&it->bench, &durable_sqlite);
    asking_init(&it->asking, &it->bench.clock.clock);
    const struct durable_pool_options options = {
        .url = slice_str(it->bench.url), .connections = 1, .keys = it->bench.keys, .clock = &it->bench.clock.clock};
    assert_status(durable_pool_new_blocking(&options, &why, &it->pool), STATUS_OK);
    buf_done(&why);
    it->said = buf_fixed(it->memory, sizeof it->memory);
    *state = it;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *it = *state;
    change_feed_free(it->feed);
    durable_pool_free(it->pool);
    asking_done(&it->asking);
    durable_bench_done(&it->bench);
    test_free(it);
    return 0;
}

static void stop(void *context)
{
    loop_stop(context);
}

/* Runs the loop for real milliseconds. */
static void run_ms(struct fixture *it, unsigned ms)
{
    struct loop_timer timer;
    assert_status(loop_timer_init(&timer, it->asking.loop, stop, it->asking.loop), STATUS_OK);
    assert_status(loop_timer_start(&timer, ms), STATUS_OK);
    loop_run(it->asking.loop);
    loop_timer_done(&timer);
}

/* Until all of it, and nothing else, was said since the last time. */
static void expect(struct fixture *it, const char *text)
{
    for (int turn = 0; turn < PATIENCE_TURNS && it->said.len < strlen(text); turn++)
        run_ms(it, 5);
    assert_slice_equal(buf_slice(&it->said), slice_str(text));
    it->said = buf_fixed(it->memory, sizeof it->memory);
}

/* Changes that others wrote. */
static void write_change(struct fixture *it, int64_t sequence, const char *id)
{
    struct sql_value params[] = {sql_int(sequence), sql_text(slice_str(id))};
    assert_status(
        sql_execute_blocking(it->bench.db.sql,
                             "INSERT INTO changes (sequence, kind, event, id, at) VALUES (?, 'client', 'edited', ?, 1)",
                             params, 2, NULL, NULL),
        STATUS_OK);
}

static void tells_what_is_committed_after_it_stands(void **state)
{
    struct fixture *it = *state;
    durable_bench_client(&it->bench, "before");
    open_feed(it, true);
    expect(it, "standing; ");
    durable_bench_client(&it->bench, "acme");
    expect(it, "edited acme; ");
    assert_status(durable_client_disable_blocking(&it->bench.db, SLICE("acme")), STATUS_OK);
    assert_status(durable_client_enable_blocking(&it->bench.db, SLICE("acme")), STATUS_OK);
    expect(it, "ended acme; edited acme; ");
}

static void tells_more_changes_than_a_page_has(void **state)
{
    struct fixture *it = *state;
    open_feed(it, true);
    expect(it, "standing; ");
    assert_status(sql_execute_blocking(it->bench.db.sql, "BEGIN", NULL, 0, NULL, NULL), STATUS_OK);
    for (int i = 1; i <= PAGE_MAX_ROWS + 1; i++)
        write_change(it, i, "many");
    assert_status(sql_execute_blocking(it->bench.db.sql, "COMMIT", NULL, 0, NULL, NULL), STATUS_OK);
    for (int turn = 0; turn < PATIENCE_TURNS && it->heard < PAGE_MAX_ROWS + 1; turn++)
        run_ms(it, 5);
    assert_int_equal(it->heard, PAGE_MAX_ROWS + 1);
    it->said = buf_fixed(it->memory, sizeof it->memory);
    durable_bench_client(&it->bench, "acme");
    expect(it, "edited acme; ");
}

static void tells_at_once_what_this_process_wrote(void **state)
{
    struct fixture *it = *state;
    open_feed(it, true);
    expect(it, "standing; ");
    durable_bench_client(&it->bench, "acme");
    expect(it, "edited acme; ");
    struct client client = {.client_id = SLICE("acme"), .name = SLICE("Acme")};
    int64_t before_ns = clock_monotonic_ns();
    durable_client_update_start(it->pool, &client, NULL, asking_ticket(&it->asking));
    (void)asking_answer(&it->asking, STATUS_OK);
    expect(it, "edited acme; ");
    /* polling alone would take 125 ms on average: three in a row that are faster are no accident */
    durable_client_switch_off_start(it->pool, SLICE("acme"), NULL, asking_ticket(&it->asking));
    (void)asking_answer(&it->asking, STATUS_OK);
    expect(it, "ended acme; ");
    durable_client_switch_on_start(it->pool, SLICE("acme"), NULL, asking_ticket(&it->asking));
    (void)asking_answer(&it->asking, STATUS_OK);
    expect(it, "edited acme; ");
    assert_true(clock_monotonic_ns() - before_ns < 3LL * CHANGE_POLL_MS * 1000000);
}

static void tells_nothing_of_what_was_rolled_back(void **state)
{
    struct fixture *it = *state;
    struct change_log log = {0};
    open_feed(it, true);
    expect(it, "standing; ");
    it->bench.db.log = &log;
    assert_status(durable_client_disable_blocking(&it->bench.db, SLICE("nobody")), STATUS_NOT_FOUND);
    durable_bench_client(&it->bench, "acme");
    assert_status(durable_client_create_blocking(&it->bench.db,
                                                 &(struct client){.client_id = SLICE("acme"), .name = SLICE("Twice")},
                                                 &(int64_t){0}),
                  STATUS_CONFLICT);
    struct change_page *page = change_log_take(&log);
    assert_non_null(page);
    assert_int_equal(page->count, 1);
    assert_slice_equal(page->changes[0].id, SLICE("acme"));
    assert_int_equal(page->changes[0].event, CHANGE_EDITED);
    change_page_free(page);
    assert_null(change_log_take(&log));
    it->bench.db.log = NULL;
    expect(it, "edited acme; ");
}

/* ---- sequences that are committed out of order ---- */

static void tells_a_sequence_that_was_committed_late(void **state)
{
    struct fixture *it = *state;
    write_change(it, 100, "old");
    open_feed(it, false);
    expect(it, "standing; ");
    write_change(it, 105, "e");
    expect(it, "edited e; ");
    write_change(it, 103, "c");
    write_change(it, 99, "before the first");
    expect(it, "edited before the first; edited c; ");
    run_ms(it, 3 * CHANGE_POLL_MS);
    expect(it, ""); /* and nothing twice */
}

static void rereads_no_further_than_a_transaction_may_last(void **state)
{
    struct fixture *it = *state;
    write_change(it, 100, "old");
    open_feed(it, false);
    expect(it, "standing; ");
    write_change(it, 200, "new");
    expect(it, "edited new; ");
    run_ms(it, 2 * CHANGE_POLL_MS);
    fake_clock_advance(&it->bench.clock, 30000);
    run_ms(it, 2 * CHANGE_POLL_MS);
    it->said = buf_fixed(it->memory, sizeof it->memory); /* the clock jumped: it was silent */
    write_change(it, 190, "late");
    expect(it, "edited late; ");
    fake_clock_advance(&it->bench.clock, CHANGE_POLL_REREAD_MS + 2000);
    run_ms(it, 2 * CHANGE_POLL_MS);
    fake_clock_advance(&it->bench.clock, CHANGE_POLL_REREAD_MS + 2000);
    run_ms(it, 2 * CHANGE_POLL_MS);
    it->said = buf_fixed(it->memory, sizeof it->memory);
    write_change(it, 191, "too late");
    write_change(it, 201, "next");
    expect(it, "edited next; ");
}

/* ---- a database that does not answer ---- */

static void is_silent_while_the_database_is_down_and_misses_nothing(void **state)
{
    struct fixture *it = *state;
    open_feed(it, true);
    expect(it, "standing; ");
    assert_status(sql_execute_blocking(it->bench.db.sql, "ALTER TABLE changes RENAME TO hidden", NULL, 0, NULL, NULL),
                  STATUS_OK);
    run_ms(it, 2 * CHANGE_POLL_MS);
    expect(it, ""); /* one that fails is no silence yet */
    fake_clock_advance(&it->bench.clock, CHANGE_POLL_SILENT_MS);
    expect(it, "silent; ");
    assert_status(sql_execute_blocking(it->bench.db.sql,
                                       "INSERT INTO hidden (kind, event, id, at) VALUES ('client', 'ended', 'acme', 1)",
                                       NULL, 0, NULL, NULL),
                  STATUS_OK);
    assert_status(sql_execute_blocking(it->bench.db.sql, "ALTER TABLE hidden RENAME TO changes", NULL, 0, NULL, NULL),
                  STATUS_OK);
    expect(it, "ended acme; standing; ");
}

static void is_freed_while_a_poll_is_on_its_way(void **state)
{
    struct fixture *it = *state;
    open_feed(it, true);
    run_ms(it, 1); /* begun, perhaps not answered */
    change_feed_hear(it->feed, it->pool);
    const struct change_page news = {.count = 1};
    change_feed_publish(it->feed, it->asking.loop, &news); /* a message that nobody delivered yet */
}

static void is_freed_before_its_first_poll(void **state)
{
    open_feed(*state, true); /* a start that failed: the loop never runs */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(tells_what_is_committed_after_it_stands),
        TEST(tells_more_changes_than_a_page_has),
        TEST(tells_at_once_what_this_process_wrote),
        TEST(tells_nothing_of_what_was_rolled_back),
        TEST(tells_a_sequence_that_was_committed_late),
        TEST(rereads_no_further_than_a_transaction_may_last),
        TEST(is_silent_while_the_database_is_down_and_misses_nothing),
        TEST(is_freed_while_a_poll_is_on_its_way),
        TEST(is_freed_before_its_first_poll),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
