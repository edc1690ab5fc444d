/* What the durable store knows of nonce stores: the nonces of one that stopped, epochs, what was accepted, and users.
 */
#include "durable/nonces.h"
#include "support/contract_parts.h"
#include "support/durable_bench.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- restarts ---- */

static struct nonce_ledger *ledger_of(struct durable_bench *bench)
{
    static struct durable_nonce_ledger ledger;
    durable_nonce_ledger_init(&ledger, &bench->db);
    return &ledger.ledger;
}

static struct nonce_state open_ledger(struct durable_bench *bench, const char *name, const char *epoch, int64_t now_ms)
{
    const struct nonce_begin begin = {
        .name = slice_str(name), .epoch = slice_str(epoch), .now_ms = now_ms, .back_ms = 2000, .lead_ms = 60000};
    struct nonce_state nonces = {0};
    struct nonce_ledger *ledger = ledger_of(bench);
    assert_status(ledger->open_blocking(ledger, &begin, &nonces), STATUS_OK);
    return nonces;
}

static enum nonce_opening opening_of(struct durable_bench *bench, const char *name, const char *epoch, int64_t now_ms)
{
    struct nonce_state nonces = open_ledger(bench, name, epoch, now_ms);
    enum nonce_opening opening = nonces.opening;
    nonce_state_done(&nonces);
    return opening;
}

/* The hashes that are saved: all of their bits differ, and each tells which it was. */
#define SPREAD   0x9E3779B97F4A7C15U
#define UNSPREAD 0xF1DE83E19937733DU

/* Saves at BENCH_NOW_MS + 10, with ranges that were raised to 100 s. */
static enum status save_ledger(struct durable_bench *bench, const char *name, const char *epoch, size_t count)
{
    struct nonce_ledger *ledger = ledger_of(bench);
    struct nonce_state nonces = {.at_ms = BENCH_NOW_MS + 10, .count = count};
    nonces.nonces = calloc(count + 1, sizeof *nonces.nonces);
    assert_non_null(nonces.nonces);
    memset(nonces.hash_key, 'K', sizeof nonces.hash_key);
    for (size_t i = 0; i < count; i++)
        nonces.nonces[i] = (struct saved_nonce){(int64_t)(i / 20000), i * SPREAD};
    accepted_ranges_raise(&nonces.ranges, 100);
    enum status status = ledger->save_blocking(ledger, slice_str(name), slice_str(epoch), &nonces);
    nonce_state_done(&nonces);
    return status;
}

static enum status keep(struct durable_bench *bench, const char *name, const char *epoch, int64_t second,
                        struct accepted_ranges *ranges)
{
    struct nonce_ledger *ledger = ledger_of(bench);
    const struct nonce_keep wanted = {.name = slice_str(name),
                                      .epoch = slice_str(epoch),
                                      .wanted = &second,
                                      .wanted_count = 1,
                                      .away = SECOND_SPAN_EMPTY};
    return ledger->keep_blocking(ledger, &wanted, ranges);
}

static const char *ranges_text(const struct accepted_ranges *ranges)
{
    static char memory[ACCEPTED_TEXT_BYTES + 1];
    struct buf text = buf_fixed(memory, sizeof memory);
    accepted_ranges_write(ranges, &text);
    return buf_string(&text);
}

static void the_first_start_ever_has_lost_nothing_and_the_next_has(void **state)
{
    struct durable_bench *bench = *state;
    assert_int_equal(opening_of(bench, "memory:auth-service", "e1", BENCH_NOW_MS), NONCES_FIRST);
    assert_int_equal(opening_of(bench, "memory:auth-service", "e2", BENCH_NOW_MS + 5), NONCES_LOST);
    assert_int_equal(opening_of(bench, "memory:introspection-service", "e3", BENCH_NOW_MS + 5), NONCES_FIRST);
    assert_int_equal(durable_bench_number(bench, "SELECT COUNT(*) FROM nonce_epochs WHERE used = 1"), 2);
}

static void saved_nonces_come_back_once(void **state)
{
    struct durable_bench *bench = *state;
    enum { COUNT = 50000 };
    (void)opening_of(bench, "memory:a", "e1", BENCH_NOW_MS);
    assert_status(save_ledger(bench, "memory:a", "e1", COUNT), STATUS_OK);
    struct nonce_state back = open_ledger(bench, "memory:a", "e2", BENCH_NOW_MS + 20);
    assert_int_equal(back.opening, NONCES_SAVED);
    assert_int_equal(back.at_ms, BENCH_NOW_MS + 10);
    assert_string_equal(ranges_text(&back.ranges), "100 99 105");
    assert_int_equal(back.count, COUNT);
    assert_memory_equal(back.hash_key, "KKKKKKKKKKKKKKKK", NONCE_HASH_KEY_BYTES);
    uint64_t sum = 0;
    for (size_t i = 0; i < back.count; i++) {
        uint64_t number = back.nonces[i].hash * UNSPREAD;
        assert_true(number < COUNT);
        assert_int_equal(back.nonces[i].timestamp_s, number / 20000);
        sum += number;
    }
    assert_int_equal(sum, (uint64_t)COUNT * (COUNT - 1) / 2);
    nonce_state_done(&back);
    assert_null(back.nonces);
    assert_int_equal(back.count, 0);
    assert_int_equal(durable_bench_number(bench, "SELECT COUNT(*) FROM saved_nonces"), 0);
    struct nonce_state again = open_ledger(bench, "memory:a", "e3", BENCH_NOW_MS + 30); /* a crash came in between */
    assert_int_equal(again.opening, NONCES_LOST);
    assert_int_equal(again.count, 0);
    assert_string_equal(ranges_text(&again.ranges), "100 105 105");
    nonce_state_done(&again);
}

static void a_store_without_nonces_stops_cleanly_too(void **state)
{
    struct durable_bench *bench = *state;
    (void)opening_of(bench, "memory:a", "e1", BENCH_NOW_MS);
    assert_status(save_ledger(bench, "memory:a", "e1", 0), STATUS_OK);
    struct nonce_state back = open_ledger(bench, "memory:a", "e2", BENCH_NOW_MS + 20);
    assert_int_equal(back.opening, NONCES_SAVED);
    assert_int_equal(back.count, 0);
    nonce_state_done(&back);
}

static void change(struct durable_bench *bench, const char *statement)
{
    assert_status(sql_execute_blocking(bench->db.sql, statement, NULL, 0, NULL, NULL), STATUS_OK);
    assert_true(sql_affected(bench->db.sql) > 0);
}

/* As a copy that was put back in part, say. */
static void what_is_only_half_there_was_not_saved(void **state)
{
    static const char *const changes[] = {"UPDATE nonce_stores SET saved = 0",
                                          "UPDATE nonce_stores SET hash_key = NULL",
                                          "UPDATE nonce_stores SET hash_key = x'73686f7274'"};
    struct durable_bench *bench = *state;
    (void)opening_of(bench, "memory:a", "e1", BENCH_NOW_MS);
    for (size_t i = 0; i < COUNT_OF(changes); i++) {
        assert_status(save_ledger(bench, "memory:a", "e1", 3), STATUS_OK);
        change(bench, changes[i]);
        struct nonce_state back = open_ledger(bench, "memory:a", "e1", BENCH_NOW_MS + 20);
        assert_int_equal(back.opening, NONCES_LOST);
        assert_int_equal(back.count, 0);
        assert_string_equal(ranges_text(&back.ranges), "100 105 105");
        nonce_state_done(&back);
    }
}

/* Nothing is accepted, and nothing is taken out, until somebody has looked. */
static void saved_nonces_that_cannot_be_read_are_an_error_each_time(void **state)
{
    struct durable_bench *bench = *state;
    struct nonce_ledger *ledger = ledger_of(bench);
    struct nonce_state back = {0};
    const struct nonce_begin begin = {
        .name = SLICE("memory:a"), .epoch = SLICE("e2"), .now_ms = BENCH_NOW_MS + 20, .back_ms = 2000};
    (void)opening_of(bench, "memory:a", "e1", BENCH_NOW_MS);
    assert_status(save_ledger(bench, "memory:a", "e1", 3), STATUS_OK);
    change(bench, "UPDATE saved_nonces SET hashes = x'0102030405060708090a0b0c'");
    for (int i = 0; i < 2; i++)
        assert_status(ledger->open_blocking(ledger, &begin, &back), STATUS_STORE_CORRUPT);
    assert_null(back.nonces);
    assert_int_equal(durable_bench_number(bench, "SELECT COUNT(*) FROM saved_nonces"), 1);
}

/* What had expired by the clock of then would be good again. */
static void saved_nonces_do_not_count_where_the_clock_has_gone_back(void **state)
{
    struct durable_bench *bench = *state;
    (void)opening_of(bench, "memory:a", "e1", BENCH_NOW_MS);
    assert_status(save_ledger(bench, "memory:a", "e1", 3), STATUS_OK);
    assert_int_equal(opening_of(bench, "memory:a", "e2", BENCH_NOW_MS + 10 - 2001), NONCES_LOST);
    assert_status(save_ledger(bench, "memory:a", "e2", 3), STATUS_OK);
    assert_int_equal(opening_of(bench, "memory:a", "e3", BENCH_NOW_MS + 10 - 2000), NONCES_SAVED);
}

/* What was forgotten after a shorter time could be accepted again. */
static void saved_nonces_do_not_count_where_they_were_kept_for_less_than_now(void **state)
{
    static const struct {
        const char *before;
        const char *now;
        enum nonce_opening opening;
    } cases[] = {
        {"a-8", "b-600", NONCES_SHORT},   {"a-599", "b-600", NONCES_SHORT}, {"a", "b-2", NONCES_SHORT},
        {"a-600", "b-600", NONCES_SAVED}, {"a-600", "b-8", NONCES_SAVED},
    };
    struct durable_bench *bench = *state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        (void)opening_of(bench, "memory:a", cases[i].before, BENCH_NOW_MS);
        assert_status(save_ledger(bench, "memory:a", cases[i].before, 3), STATUS_OK);
        struct nonce_state back = open_ledger(bench, "memory:a", cases[i].now, BENCH_NOW_MS + 20);
        bool is_saved = cases[i].opening == NONCES_SAVED;
        assert_int_equal(back.opening, cases[i].opening);
        assert_int_equal(back.count, is_saved ? 3 : 0);
        assert_string_equal(ranges_text(&back.ranges), is_saved ? "100 99 105" : "100 105 105");
        assert_int_equal(back.kept_s, i == 0 ? 8 : i == 1 ? 599 : i == 2 ? 0 : 600);
        nonce_state_done(&back);
        assert_int_equal(durable_bench_number(bench, "SELECT COUNT(*) FROM saved_nonces"), 0);
    }
    (void)opening_of(bench, "memory:b", "a-8", BENCH_NOW_MS); /* after a crash that is not why */
    assert_int_equal(opening_of(bench, "memory:b", "b-600", BENCH_NOW_MS + 20), NONCES_LOST);
}

/* What the first kept for long, the second has forgotten. */
static void a_life_that_keeps_nonces_for_less_is_not_made_longer_by_the_next(void **state)
{
    struct durable_bench *bench = *state;
    (void)opening_of(bench, "memory:a", "a-600", BENCH_NOW_MS);
    assert_status(save_ledger(bench, "memory:a", "a-600", 3), STATUS_OK);
    assert_int_equal(opening_of(bench, "memory:a", "b-8", BENCH_NOW_MS + 20), NONCES_SAVED);
    assert_status(save_ledger(bench, "memory:a", "b-8", 0), STATUS_OK);
    assert_int_equal(opening_of(bench, "memory:a", "c-600", BENCH_NOW_MS + 20), NONCES_SHORT);
}

static void nothing_is_raised_or_saved_under_an_epoch_that_is_over(void **state)
{
    struct durable_bench *bench = *state;
    struct accepted_ranges ranges = {0};
    (void)opening_of(bench, "memory:a", "e1", BENCH_NOW_MS);
    assert_status(keep(bench, "memory:a", "e1", 100, &ranges), STATUS_OK);
    assert_string_equal(ranges_text(&ranges), "100 99 105");
    (void)opening_of(bench, "memory:a", "e2", BENCH_NOW_MS);
    assert_status(keep(bench, "memory:a", "e1", 110, &ranges), STATUS_CONFLICT);
    assert_status(save_ledger(bench, "memory:a", "e1", 0), STATUS_CONFLICT);
    assert_status(keep(bench, "memory:a", "e1", 100, &ranges), STATUS_CONFLICT); /* which the ranges have already */
    assert_status(keep(bench, "memory:a", "e2", 106, &ranges), STATUS_OK);
    assert_string_equal(ranges_text(&ranges), "100 105 111");
    assert_status(keep(bench, "memory:b", "e2", 106, &ranges), STATUS_CONFLICT);
}

static void a_raise_that_others_made_is_seen(void **state)
{
    struct durable_bench *bench = *state;
    struct accepted_ranges ranges = {0};
    (void)opening_of(bench, "memory:a", "e1", BENCH_NOW_MS);
    assert_status(keep(bench, "memory:a", "e1", 100, &ranges), STATUS_OK);
    assert_status(keep(bench, "memory:a", "e1", 104, &ranges), STATUS_OK);
    assert_status(keep(bench, "memory:a", "e1", 101, &ranges), STATUS_OK);
    assert_string_equal(ranges_text(&ranges), "100 99 109");
}

static void what_was_accepted_away_is_put_into_the_ranges(void **state)
{
    struct durable_bench *bench = *state;
    struct nonce_ledger *ledger = ledger_of(bench);
    struct accepted_ranges ranges = {0};
    (void)opening_of(bench, "memory:a", "e1", BENCH_NOW_MS);
    const struct nonce_keep away = {.name = SLICE("memory:a"), .epoch = SLICE("e1"), .away = {200, 240}};
    assert_status(ledger->keep_blocking(ledger, &away, &ranges), STATUS_OK);
    assert_string_equal(ranges_text(&ranges), "200 199 245");
}

/* ---- decisions ---- */

static enum status begin_shared(void *context, struct nonce_row *row, struct nonce_users *users)
{
    *(struct nonce_row *)context = *row;
    row->exists = row->is_used = true;
    (void)snprintf(row->epoch, sizeof row->epoch, "shared");
    (void)snprintf(row->record, sizeof row->record, "3 shared");
    accepted_ranges_guard_others(&row->ranges, &users->others);
    return STATUS_OK;
}

static enum status fail_to_decide(void *context, struct nonce_row *row, struct nonce_users *users)
{
    (void)context, (void)users;
    row->exists = true;
    (void)snprintf(row->epoch, sizeof row->epoch, "wrong");
    return STATUS_BAD_INPUT;
}

static struct nonce_row decide(struct durable_bench *bench, nonce_decide_fn decide_fn, enum status expected)
{
    struct nonce_ledger *ledger = ledger_of(bench);
    struct nonce_row before = {0};
    assert_status(ledger->decide_blocking(ledger, SLICE(NONCE_STORE_SHARED), decide_fn, &before), expected);
    return before;
}

static void a_decision_is_kept_and_one_that_failed_is_not(void **state)
{
    struct durable_bench *bench = *state;
    (void)decide(bench, fail_to_decide, STATUS_BAD_INPUT);
    struct nonce_row first = decide(bench, begin_shared, STATUS_OK);
    assert_false(first.exists);
    assert_int_equal(first.earlier_ms, 0);
    struct nonce_row second = decide(bench, begin_shared, STATUS_OK);
    assert_true(second.exists);
    assert_true(second.is_used);
    assert_string_equal(second.epoch, "shared");
    assert_string_equal(second.record, "3 shared");
}

static enum status declare_a_part(void *context, struct nonce_row *whole, struct nonce_row *part,
                                  struct nonce_users *users)
{
    struct nonce_row *before = context;
    (void)users;
    *before = *part;
    whole->exists = whole->is_used = part->exists = part->is_used = part->was_used = true;
    (void)snprintf(whole->epoch, sizeof whole->epoch, "whole");
    (void)snprintf(part->epoch, sizeof part->epoch, "of part");
    accepted_ranges_guard_span(&part->ranges, 7, 9);
    return STATUS_OK;
}

static void parts_are_kept_beside_their_whole_and_read_with_it(void **state)
{
    struct durable_bench *bench = *state;
    struct nonce_ledger *ledger = ledger_of(bench);
    struct slice name = SLICE(NONCE_STORE_SHARED);
    struct nonce_row before;
    struct nonce_row whole;
    struct nonce_parts parts;
    struct accepted_ranges ranges;
    assert_status(ledger->read_parts_blocking(ledger, name, &whole, &parts), STATUS_OK);
    assert_false(whole.exists);
    assert_status(ledger->decide_part_blocking(ledger, name, 63, declare_a_part, &before), STATUS_OK);
    assert_false(before.exists || before.was_used);
    assert_status(ledger->decide_part_blocking(ledger, name, 6, declare_a_part, &before), STATUS_OK);
    assert_false(before.exists); /* 6 is not 63 */
    assert_status(ledger->decide_part_blocking(ledger, name, 63, declare_a_part, &before), STATUS_OK);
    assert_true(before.exists && before.is_used && before.was_used);
    assert_true(accepted_ranges_guard(&before.ranges, 8));
    /* what a part guards is no other store's: the whole may accept it */
    assert_status(keep(bench, NONCE_STORE_SHARED, "whole", 8, &ranges), STATUS_OK);
    assert_true(accepted_ranges_cover(&ranges, 8));
    assert_status(ledger->read_parts_blocking(ledger, name, &whole, &parts), STATUS_OK);
    assert_string_equal(whole.epoch, "whole");
    assert_true(accepted_ranges_cover(&whole.ranges, 8));
    assert_string_equal(parts.epochs[63], "of part");
    assert_string_equal(parts.epochs[6], "of part");
    assert_string_equal(parts.epochs[0], "");
}

static void what_lies_between_a_range_and_a_wanted_second_may_be_anothers(void **state)
{
    struct durable_bench *bench = *state;
    struct accepted_ranges ranges = {0};
    (void)opening_of(bench, "memory:a", "e1", BENCH_NOW_MS);
    assert_status(keep(bench, "memory:a", "e1", 110, &ranges), STATUS_OK);
    assert_string_equal(ranges_text(&ranges), "110 109 115");
    (void)decide(bench, begin_shared, STATUS_OK);
    assert_status(sql_execute_blocking(bench->db.sql,
                                       "UPDATE nonce_epochs SET ranges = '116 115 117' WHERE name = 'redis'", NULL, 0,
                                       NULL, NULL),
                  STATUS_OK);
    assert_status(keep(bench, "memory:a", "e1", 119, &ranges), STATUS_OK);
    assert_false(accepted_ranges_cover(&ranges, 116) || accepted_ranges_cover(&ranges, 117));
    assert_true(accepted_ranges_cover(&ranges, 119));
}

static void what_another_has_is_never_covered_however_near_the_wanted_second_is(void **state)
{
    struct durable_bench *bench = *state;
    (void)opening_of(bench, "memory:a", "e1", BENCH_NOW_MS);
    (void)decide(bench, begin_shared, STATUS_OK);
    change(bench, "UPDATE nonce_epochs SET ranges = '1000 999 1002' WHERE name = 'redis'");
    for (int64_t second = 1000 - 2 * ACCEPTED_AHEAD_S; second <= 1002 + 2 * ACCEPTED_AHEAD_S; second++) {
        struct accepted_ranges ranges = {0};
        change(bench, "UPDATE nonce_epochs SET ranges = '' WHERE name = 'memory:a'");
        assert_status(keep(bench, "memory:a", "e1", second, &ranges), STATUS_OK);
        for (int64_t theirs = 1000; theirs <= 1002; theirs++)
            assert_false(accepted_ranges_cover(&ranges, theirs));
        assert_int_equal(accepted_ranges_cover(&ranges, second), second < 1000 || second > 1002);
    }
}

/* One that forgot to name Redis, say: they share the durable store alone. */
static void of_two_stores_that_run_at_once_one_alone_covers_a_second(void **state)
{
    struct durable_bench *bench = *state;
    struct accepted_ranges ranges = {0};
    (void)opening_of(bench, "memory:a", "e1", BENCH_NOW_MS);
    assert_status(keep(bench, "memory:a", "e1", 100, &ranges), STATUS_OK);
    (void)decide(bench, begin_shared, STATUS_OK);
    assert_status(keep(bench, NONCE_STORE_SHARED, "shared", 105, &ranges), STATUS_OK);
    assert_false(accepted_ranges_cover(&ranges, 105));
    assert_status(keep(bench, "memory:a", "e1", 104, &ranges), STATUS_OK);
    assert_string_equal(ranges_text(&ranges), "100 99 109"); /* its own goes on */
    assert_status(keep(bench, NONCE_STORE_SHARED, "shared", 108, &ranges), STATUS_OK);
    assert_false(accepted_ranges_cover(&ranges, 108));
    assert_status(keep(bench, NONCE_STORE_SHARED, "shared", 120, &ranges), STATUS_OK);
    assert_true(accepted_ranges_cover(&ranges, 120) && accepted_ranges_cover(&ranges, 125));
    assert_status(keep(bench, "memory:a", "e1", 118, &ranges), STATUS_OK);
    assert_true(accepted_ranges_cover(&ranges, 118) || accepted_ranges_guard(&ranges, 118));
    for (int64_t second = 120; second <= 125; second++) {
        assert_status(keep(bench, "memory:a", "e1", second, &ranges), STATUS_OK);
        assert_false(accepted_ranges_cover(&ranges, second));
    }
}

/* A store that is asked now and then has many ranges. Where two are joined, another may have accepted what lies
 * between. */
static void what_another_has_between_two_ranges_is_not_covered_when_they_are_joined(void **state)
{
    struct durable_bench *bench = *state;
    struct accepted_ranges ranges = {0};
    (void)opening_of(bench, "memory:a", "e1", BENCH_NOW_MS);
    (void)decide(bench, begin_shared, STATUS_OK);
    for (int64_t i = 0; i < 2 * ACCEPTED_RANGES_MAX; i++) {
        assert_status(keep(bench, "memory:a", "e1", 1000 + 100 * i, &ranges), STATUS_OK);
        assert_true(accepted_ranges_cover(&ranges, 1000 + 100 * i));
        assert_status(keep(bench, NONCE_STORE_SHARED, "shared", 1050 + 100 * i, &ranges), STATUS_OK);
        assert_true(accepted_ranges_cover(&ranges, 1050 + 100 * i));
    }
    for (int64_t i = 0; i < 2 * ACCEPTED_RANGES_MAX; i++) {
        assert_status(keep(bench, NONCE_STORE_SHARED, "shared", 1000 + 100 * i, &ranges), STATUS_OK);
        assert_false(accepted_ranges_cover(&ranges, 1000 + 100 * i));
        assert_status(keep(bench, "memory:a", "e1", 1050 + 100 * i, &ranges), STATUS_OK);
        assert_false(accepted_ranges_cover(&ranges, 1050 + 100 * i));
    }
}

/* Each knows nothing of what the other has accepted. */
static void going_from_one_store_to_the_other_and_back_guards_what_was_accepted_there(void **state)
{
    struct durable_bench *bench = *state;
    struct accepted_ranges ranges = {0};
    (void)opening_of(bench, "memory:a", "e1", BENCH_NOW_MS);
    assert_status(keep(bench, "memory:a", "e1", 100, &ranges), STATUS_OK);
    assert_status(save_ledger(bench, "memory:a", "e1", 1), STATUS_OK);
    (void)decide(bench, begin_shared, STATUS_OK);
    assert_status(keep(bench, "redis", "shared", 103, &ranges), STATUS_OK);
    assert_string_equal(ranges_text(&ranges), "100 105 105");
    assert_status(keep(bench, "redis", "shared", 200, &ranges), STATUS_OK);
    struct nonce_state memory = open_ledger(bench, "memory:a", "e2", BENCH_NOW_MS + 40);
    assert_int_equal(memory.opening, NONCES_SAVED); /* and still good for what was accepted here */
    assert_string_equal(ranges_text(&memory.ranges), "100 105 105;200 205 205");
    nonce_state_done(&memory);
    memory = open_ledger(bench, "memory:b", "e3", BENCH_NOW_MS + 40); /* two services do not concern each other */
    assert_string_equal(ranges_text(&memory.ranges), "100 105 105;200 205 205");
    nonce_state_done(&memory);
}

static void what_a_version_without_ranges_may_have_accepted_is_guarded(void **state)
{
    struct durable_bench *bench = *state;
    char text[128];
    int64_t now_s = BENCH_NOW_MS / 1000;
    (void)opening_of(bench, "memory:a", "e1", BENCH_NOW_MS);
    assert_status(sql_execute_blocking(bench->db.sql, "DELETE FROM nonce_epochs", NULL, 0, NULL, NULL), STATUS_OK);
    struct nonce_row shared = decide(bench, begin_shared, STATUS_OK);
    assert_int_equal(shared.earlier_ms, BENCH_NOW_MS);
    assert_int_equal(decide(bench, begin_shared, STATUS_OK).earlier_ms, 0); /* it was taken into account */
    struct nonce_state memory = open_ledger(bench, "memory:a", "e2", BENCH_NOW_MS + 30000);
    (void)snprintf(text, sizeof text, "%lld %lld %lld", (long long)now_s, (long long)now_s + 90, (long long)now_s + 90);
    assert_string_equal(ranges_text(&memory.ranges), text);
    nonce_state_done(&memory);
}

static void what_such_a_version_has_saved_needs_no_guard(void **state)
{
    struct durable_bench *bench = *state;
    (void)opening_of(bench, "memory:a", "e1", BENCH_NOW_MS);
    assert_status(save_ledger(bench, "memory:a", "e1", 3), STATUS_OK);
    change(bench, "DELETE FROM nonce_epochs");
    struct nonce_state memory = open_ledger(bench, "memory:a", "e2", BENCH_NOW_MS + 30000);
    assert_int_equal(memory.opening, NONCES_SAVED);
    assert_string_equal(ranges_text(&memory.ranges), "");
    nonce_state_done(&memory);
}

/* ---- rows that are none of ours ---- */

static enum status fail_if_asked(void *context, struct nonce_row *row, struct nonce_users *users)
{
    (void)context, (void)row, (void)users;
    fail_msg("a row that cannot be read was shown");
    return STATUS_OK;
}

/* To go on with ranges that are empty would accept what they covered. */
static void a_row_that_cannot_be_read_is_an_error_and_stays(void **state)
{
    static const char *const changes[] = {
        "UPDATE nonce_epochs SET ranges = 'nonsense' WHERE name = 'memory:a'",
        "UPDATE nonce_epochs SET ranges = '100 99 105', epoch = 'an epoch that is longer than any of ours'",
    };
    struct durable_bench *bench = *state;
    struct nonce_ledger *ledger = ledger_of(bench);
    struct accepted_ranges ranges = {0};
    struct nonce_state back = {0};
    const struct nonce_begin begin = {
        .name = SLICE("memory:a"), .epoch = SLICE("e2"), .now_ms = BENCH_NOW_MS, .back_ms = 2000};
    (void)opening_of(bench, "memory:a", "e1", BENCH_NOW_MS);
    (void)decide(bench, begin_shared, STATUS_OK);
    for (size_t i = 0; i < COUNT_OF(changes); i++) {
        change(bench, changes[i]);
        assert_status(keep(bench, "memory:a", "e1", 100, &ranges), STATUS_STORE_CORRUPT);
        assert_status(save_ledger(bench, "memory:a", "e1", 1), STATUS_STORE_CORRUPT);
        assert_status(ledger->open_blocking(ledger, &begin, &back), STATUS_STORE_CORRUPT);
        assert_status(ledger->decide_blocking(ledger, SLICE("memory:a"), fail_if_asked, NULL), STATUS_STORE_CORRUPT);
    }
    change(bench, "UPDATE nonce_epochs SET record = '', epoch = 'e1', ranges = '' WHERE name = 'memory:a'");
    change(bench, "UPDATE nonce_epochs SET ranges = 'nonsense' WHERE name = 'redis'"); /* another's */
    assert_status(keep(bench, "memory:a", "e1", 100, &ranges), STATUS_STORE_CORRUPT);
    assert_status(ledger->open_blocking(ledger, &begin, &back), STATUS_STORE_CORRUPT);
    assert_status(ledger->decide_blocking(ledger, SLICE("memory:a"), fail_if_asked, NULL), STATUS_STORE_CORRUPT);
    assert_int_equal(durable_bench_number(bench, "SELECT COUNT(*) FROM nonce_epochs WHERE ranges = 'nonsense'"), 1);
}

static void a_store_that_was_never_begun_saves_nothing(void **state)
{
    struct durable_bench *bench = *state;
    (void)opening_of(bench, "memory:a", "e1", BENCH_NOW_MS);
    change(bench, "DELETE FROM nonce_stores");
    assert_status(save_ledger(bench, "memory:a", "e1", 0), STATUS_NOT_FOUND);
    assert_int_equal(opening_of(bench, "memory:a", "e2", BENCH_NOW_MS), NONCES_FIRST);
}

/* ---- users ---- */

static enum status look_at_users(void *context, struct nonce_row *row, struct nonce_users *users)
{
    char *line = context;
    size_t len = 0;
    assert_int_equal(row->exists, row->epoch[0] != '\0');
    row->exists = true;
    (void)snprintf(row->epoch, sizeof row->epoch, "shared");
    line[0] = '\0';
    for (size_t i = 0; i < users->count; i++) {
        const struct nonce_user *user = &users->items[i];
        len += (size_t)snprintf(line + len, 256 - len, "%s@%s %d %d;", user->id, user->machine, (int)user->steady_ms,
                                (int)user->clock_ms);
    }
    if (users->count == 2)
        users->items[0].id[0] = '\0';
    return STATUS_OK;
}

static enum status note_user(struct durable_bench *bench, const char *id, int64_t clock_ms)
{
    struct nonce_ledger *ledger = ledger_of(bench);
    struct accepted_ranges ranges;
    struct nonce_user user = {.machine = "m", .steady_ms = 5, .clock_ms = clock_ms};
    (void)snprintf(user.id, sizeof user.id, "%s", id);
    const struct nonce_keep noted = {
        .name = SLICE(NONCE_STORE_SHARED), .epoch = SLICE("shared"), .away = SECOND_SPAN_EMPTY, .user = &user};
    return ledger->keep_blocking(ledger, &noted, &ranges);
}

static void users_are_noted_refreshed_and_forgotten(void **state)
{
    struct durable_bench *bench = *state;
    struct nonce_ledger *ledger = ledger_of(bench);
    char line[256];
    assert_status(note_user(bench, "a", 1), STATUS_CONFLICT);
    assert_status(ledger->decide_blocking(ledger, SLICE(NONCE_STORE_SHARED), look_at_users, line), STATUS_OK);
    assert_string_equal(line, "");
    assert_status(note_user(bench, "a", 1), STATUS_OK);
    assert_status(note_user(bench, "a", 2), STATUS_OK);
    assert_status(note_user(bench, "b", 3), STATUS_OK);
    assert_status(ledger->decide_blocking(ledger, SLICE(NONCE_STORE_SHARED), look_at_users, line), STATUS_OK);
    assert_string_equal(line, "a@m 5 2;b@m 5 3;");
    assert_status(ledger->decide_blocking(ledger, SLICE(NONCE_STORE_SHARED), look_at_users, line), STATUS_OK);
    assert_string_equal(line, "b@m 5 3;");
    assert_status(ledger->leave_blocking(ledger, SLICE(NONCE_STORE_SHARED), SLICE("b")), STATUS_OK);
    assert_status(ledger->decide_blocking(ledger, SLICE(NONCE_STORE_SHARED), look_at_users, line), STATUS_OK);
    assert_string_equal(line, "");
}

int contract_nonces_run(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_TEST(the_first_start_ever_has_lost_nothing_and_the_next_has),
        BENCH_TEST(saved_nonces_come_back_once),
        BENCH_TEST(a_store_without_nonces_stops_cleanly_too),
        BENCH_TEST(what_is_only_half_there_was_not_saved),
        BENCH_TEST(saved_nonces_that_cannot_be_read_are_an_error_each_time),
        BENCH_TEST(saved_nonces_do_not_count_where_the_clock_has_gone_back),
        BENCH_TEST(saved_nonces_do_not_count_where_they_were_kept_for_less_than_now),
        BENCH_TEST(a_life_that_keeps_nonces_for_less_is_not_made_longer_by_the_next),
        BENCH_TEST(nothing_is_raised_or_saved_under_an_epoch_that_is_over),
        BENCH_TEST(a_raise_that_others_made_is_seen),
        BENCH_TEST(what_was_accepted_away_is_put_into_the_ranges),
        BENCH_TEST(a_decision_is_kept_and_one_that_failed_is_not),
        BENCH_TEST(of_two_stores_that_run_at_once_one_alone_covers_a_second),
        BENCH_TEST(what_lies_between_a_range_and_a_wanted_second_may_be_anothers),
        BENCH_TEST(what_another_has_between_two_ranges_is_not_covered_when_they_are_joined),
        BENCH_TEST(what_another_has_is_never_covered_however_near_the_wanted_second_is),
        BENCH_TEST(going_from_one_store_to_the_other_and_back_guards_what_was_accepted_there),
        BENCH_TEST(what_a_version_without_ranges_may_have_accepted_is_guarded),
        BENCH_TEST(what_such_a_version_has_saved_needs_no_guard),
        BENCH_TEST(a_row_that_cannot_be_read_is_an_error_and_stays),
        BENCH_TEST(a_store_that_was_never_begun_saves_nothing),
        BENCH_TEST(parts_are_kept_beside_their_whole_and_read_with_it),
        BENCH_TEST(users_are_noted_refreshed_and_forgotten),
    };
    return cmocka_run_group_tests_name("nonces", tests, NULL, NULL);
}
