/* Who keeps the ledger's row (docs/design/nonce-guard.md, rules 1, 3 and 8), on a ledger that answers when and what a
 * test says. */
#include "guard/keeper_bench.h"
#include "support/test.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- what is wanted ---- */

static void what_is_wanted_is_asked_for_once_and_the_answer_told(void **state)
{
    struct keeper_bench *it = *state;
    keeper_open(it, false);
    keeper_hold_in_keep(it);
    assert_true(keeper_standing(it).asked_ms > 0);
    assert_int_equal(keeper_standing(it).ranges.items[0].low, 1);
    nonce_keeper_want(it->keeper, 100);
    nonce_keeper_want(it->keeper, 100);
    nonce_keeper_want(it->keeper, 101);
    nonce_keeper_want(it->keeper, 0);
    struct asked asked = keeper_next_asked(it);
    assert_int_equal(asked.wanted_count, 3);
    assert_true(asked.wanted[0] == 100 && asked.wanted[1] == 101 && asked.wanted[2] == 0);
    assert_false(asked.has_user);
    assert_true(second_span_is_empty(&asked.away));
    for (int i = 0; i < PATIENCE_S * 1000 && keeper_standing(it).asked_ms; i++)
        (void)usleep(1000);
    assert_int_equal(keeper_standing(it).asked_ms, 0);
    assert_int_equal(keeper_standing(it).ranges.items[0].low, 100);
}

static void who_finds_no_room_asks_again_later(void **state)
{
    struct keeper_bench *it = *state;
    keeper_open(it, false);
    keeper_hold_in_keep(it);
    for (int64_t second = 1; second <= WANTED_MAX + 4; second++)
        nonce_keeper_want(it->keeper, second);
    struct asked asked = keeper_next_asked(it);
    assert_int_equal(asked.wanted_count, WANTED_MAX);
    assert_int_equal(asked.wanted[WANTED_MAX - 1], WANTED_MAX);
}

/* ---- answers ---- */

static void a_failure_is_tried_again_and_an_answer_is_missing_since_the_first(void **state)
{
    struct keeper_bench *it = *state;
    keeper_open(it, false);
    keeper_set_status(it, STATUS_STORE_DOWN);
    uint64_t before = nonce_keeper_version(it->keeper);
    nonce_keeper_want(it->keeper, 100);
    keeper_enter(it, "e", 1);
    (void)keeper_wait_for(it, &it->script.begun, 1);
    int64_t asked_ms = keeper_standing(it).asked_ms;
    assert_true(asked_ms > 0);
    struct asked asked = keeper_wait_for(it, &it->script.begun, 4);
    assert_int_equal(asked.wanted_count, 0); /* whoever wants it still asks again */
    assert_int_equal(keeper_standing(it).asked_ms, asked_ms);
    assert_int_equal(keeper_standing(it).ranges.items[0].low, 1);
    assert_true(nonce_keeper_version(it->keeper) >= before + 4); /* each attempt is told */
    keeper_set_status(it, STATUS_OK);
    for (int i = 0; i < PATIENCE_S * 1000 && keeper_standing(it).asked_ms; i++)
        (void)usleep(1000);
    assert_int_equal(keeper_standing(it).ranges.items[0].low, 100);
}

static void where_another_epoch_is_in_force_none_is_entered(void **state)
{
    struct keeper_bench *it = *state;
    keeper_open(it, false);
    keeper_hold_in_keep(it);
    keeper_set_status(it, STATUS_CONFLICT);
    uint64_t before = nonce_keeper_version(it->keeper);
    script_set_closed(&it->script, false);
    keeper_wait_for_news(it, before);
    assert_string_equal(keeper_standing(it).epoch, "");
    assert_int_equal(keeper_standing(it).asked_ms, 0);
    keeper_set_status(it, STATUS_OK);
    keeper_enter(it, "f", 1);
    struct asked asked = keeper_wait_for(it, &it->script.begun, 2);
    assert_string_equal(asked.epoch, "f");
}

/* The epoch was entered while the ledger was asked under the one before. */
static void an_answer_under_another_epoch_is_none(void **state)
{
    static const enum status answers[] = {STATUS_CONFLICT, STATUS_OK};
    struct keeper_bench *it = *state;
    keeper_open(it, false);
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        keeper_hold_in_keep(it);
        it->script.status_of_e = answers[i];
        it->script.status = answers[i] == STATUS_OK ? STATUS_OK : STATUS_STORE_DOWN;
        keeper_enter(it, "f", 500);
        struct asked asked = keeper_next_asked(it);
        if (answers[i] == STATUS_CONFLICT) {
            assert_string_equal(asked.epoch, "f");
            assert_string_equal(keeper_standing(it).epoch, "f");
        }
        keeper_set_status(it, STATUS_OK);
    }
}

static void ranges_of_another_epoch_are_not_taken(void **state)
{
    struct keeper_bench *it = *state;
    keeper_open(it, false);
    keeper_hold_in_keep(it);
    it->script.e_is_well = true;
    it->script.status = STATUS_STORE_DOWN;
    keeper_enter(it, "f", 500);
    assert_string_equal(keeper_next_asked(it).epoch, "f"); /* what was under way has been taken, or not */
    assert_string_equal(keeper_standing(it).epoch, "f");
    assert_int_equal(keeper_standing(it).ranges.items[0].low, 500);
}

/* ---- the user's row (rule 8) ---- */

static void a_process_among_others_has_a_row_of_its_own(void **state)
{
    struct keeper_bench *it = *state;
    keeper_open(it, true);
    keeper_enter(it, "e", 1);
    assert_false(keeper_wait_for(it, &it->script.ended, 1).has_user); /* what time it is there is not known */
    int ended = keeper_number_of(it, &it->script.ended);
    it->clock.steady_ms = STEADY_MS + 30;
    nonce_keeper_tell_clock(it->keeper, NOW_MS - 500);
    it->clock.steady_ms = STEADY_MS + 100;
    nonce_keeper_want(it->keeper, 1);
    struct asked asked = keeper_wait_for(it, &it->script.ended, ended + 1);
    assert_true(asked.has_user);
    assert_int_equal(asked.user.steady_ms, STEADY_MS + 100);
    assert_int_equal(asked.user.clock_ms, NOW_MS - 500 + 70);
    assert_int_equal(strlen(asked.user.id), NONCE_EPOCH_ID_BYTES - 1);
    assert_string_equal(asked.user.machine, nonce_keeper_machine(it->keeper));
    for (int i = 0; i < PATIENCE_S * 1000 && !keeper_standing(it).noted_clock_ms; i++)
        (void)usleep(1000);
    struct nonce_standing standing = keeper_standing(it);
    assert_int_equal(standing.noted_clock_ms, asked.user.clock_ms);
    assert_int_equal(standing.noted_steady_ms, asked.user.steady_ms);
    assert_int_equal(standing.floor_clock_ms, asked.user.clock_ms);
}

static void a_process_alone_has_none(void **state)
{
    struct keeper_bench *it = *state;
    keeper_open(it, false);
    nonce_keeper_tell_clock(it->keeper, NOW_MS);
    keeper_enter(it, "e", 1);
    assert_false(keeper_wait_for(it, &it->script.ended, 1).has_user);
    nonce_keeper_stop(it->keeper);
    assert_int_equal(it->script.left, 0);
}

static void the_row_is_written_every_five_seconds_and_in_each_epoch(void **state)
{
    struct keeper_bench *it = *state;
    keeper_open(it, true);
    nonce_keeper_tell_clock(it->keeper, NOW_MS);
    keeper_enter(it, "e", 1);
    assert_true(keeper_wait_for(it, &it->script.ended, 1).has_user);
    assert_false(keeper_refreshes(it, 2));
    atomic_fetch_add(&keeper_leapt_ms, USER_PERIOD_MS - 1500);
    assert_false(keeper_refreshes(it, 3));
    atomic_fetch_add(&keeper_leapt_ms, 1500);
    assert_true(keeper_refreshes(it, 4));
    assert_false(keeper_refreshes(it, 5));
    int ended = keeper_number_of(it, &it->script.ended);
    keeper_enter(it, "f", 1);
    assert_true(keeper_wait_for(it, &it->script.ended, ended + 1).has_user);
}

static void wait_until_noted(struct keeper_bench *it, int64_t clock_ms)
{
    for (int i = 0; i < PATIENCE_S * 1000 && keeper_standing(it).noted_clock_ms != clock_ms; i++)
        (void)usleep(1000);
    assert_int_equal(keeper_standing(it).noted_clock_ms, clock_ms);
}

/* The process's row was written by this clock, and is written again in a keep that does not end. */
static void write_the_row_again(struct keeper_bench *it, int64_t first_ms, int64_t then_ms)
{
    keeper_open(it, true);
    nonce_keeper_tell_clock(it->keeper, first_ms);
    keeper_enter(it, "e", 1);
    wait_until_noted(it, first_ms);
    script_set_closed(&it->script, true);
    int begun = keeper_number_of(it, &it->script.begun);
    nonce_keeper_tell_clock(it->keeper, then_ms);
    keeper_enter(it, "e", 1);
    while (!keeper_wait_for(it, &it->script.begun, begun + 1).has_user)
        begun++;
}

/* Each loop tells of the clock as it read it, so that it may go back between two writes. */
static void the_row_has_the_later_clock_until_an_earlier_one_was_answered(void **state)
{
    struct keeper_bench *it = *state;
    write_the_row_again(it, NOW_MS + 5, NOW_MS - 15);
    assert_int_equal(keeper_standing(it).floor_clock_ms, NOW_MS + 5);
    script_set_closed(&it->script, false);
    wait_until_noted(it, NOW_MS - 15);
    assert_int_equal(keeper_standing(it).floor_clock_ms, NOW_MS - 15);
}

static void a_later_clock_that_is_written_is_what_the_row_may_have(void **state)
{
    struct keeper_bench *it = *state;
    write_the_row_again(it, NOW_MS, NOW_MS + 5000);
    assert_int_equal(keeper_standing(it).floor_clock_ms, NOW_MS + 5000);
    assert_int_equal(keeper_standing(it).noted_clock_ms, NOW_MS);
}

/* Others guard from the row's clock on, which may be either. */
static void while_a_write_is_in_doubt_the_row_is_left_alone(void **state)
{
    struct keeper_bench *it = *state;
    keeper_open(it, true);
    keeper_set_status(it, STATUS_STORE_DOWN);
    nonce_keeper_tell_clock(it->keeper, NOW_MS);
    keeper_enter(it, "e", 1);
    assert_true(keeper_wait_for(it, &it->script.begun, 1).has_user);
    assert_int_equal(keeper_standing(it).floor_clock_ms, NOW_MS);
    it->clock.steady_ms += 2000;
    assert_false(keeper_wait_for(it, &it->script.begun, 3).has_user);
    assert_int_equal(keeper_standing(it).floor_clock_ms, NOW_MS);
    assert_int_equal(keeper_standing(it).noted_clock_ms, 0);
    int begun = keeper_number_of(it, &it->script.begun);
    keeper_set_status(it, STATUS_OK);
    for (int i = begun + 1; i < begun + 20; i++)
        if (keeper_wait_for(it, &it->script.ended, i).has_user)
            break;
    wait_until_noted(it, NOW_MS + 2000);
}

/* ---- what was accepted without the ledger (rule 8) ---- */

static void what_was_accepted_without_is_told_until_it_is_written(void **state)
{
    struct keeper_bench *it = *state;
    keeper_open(it, false);
    keeper_hold_in_keep(it);
    nonce_keeper_note_away(it->keeper, 10);
    nonce_keeper_note_away(it->keeper, 8);
    nonce_keeper_note_away(it->keeper, 12);
    nonce_keeper_note_away(it->keeper, 9);
    nonce_keeper_want(it->keeper, 1);
    struct asked asked = keeper_next_asked(it);
    assert_true(asked.away.low == 8 && asked.away.high == 12);
    int ended = keeper_number_of(it, &it->script.ended);
    nonce_keeper_want(it->keeper, 2);
    (void)keeper_wait_for(it, &it->script.ended, ended + 1);
    nonce_keeper_want(it->keeper, 3);
    asked = keeper_wait_for(it, &it->script.ended, ended + 2);
    assert_true(second_span_is_empty(&asked.away));
}

static void what_was_accepted_while_it_was_told_is_told_again(void **state)
{
    static const struct second_span spans[] = {{8, 20}, {3, 8}}; /* later than what is told, and earlier */
    struct keeper_bench *it = *state;
    for (size_t i = 0; i < COUNT_OF(spans); i++) {
        keeper_open(it, false);
        nonce_keeper_note_away(it->keeper, 8);
        keeper_hold_in_keep(it);
        nonce_keeper_note_away(it->keeper, spans[i].low == 8 ? spans[i].high : spans[i].low);
        nonce_keeper_want(it->keeper, 1);
        struct asked asked = keeper_next_asked(it);
        assert_true(asked.away.low == spans[i].low && asked.away.high == spans[i].high);
        nonce_keeper_free(it->keeper);
        it->keeper = NULL;
    }
}

static void what_could_not_be_told_is_told_again(void **state)
{
    struct keeper_bench *it = *state;
    keeper_open(it, false);
    keeper_set_status(it, STATUS_STORE_DOWN);
    nonce_keeper_note_away(it->keeper, 8);
    keeper_enter(it, "e", 1);
    struct asked asked = keeper_wait_for(it, &it->script.ended, 3);
    assert_true(asked.away.low == 8 && asked.away.high == 8);
}

/* ---- the end ---- */

/* Has a row, and nothing more to say. */
static void settle_row(struct keeper_bench *it)
{
    keeper_open(it, true);
    nonce_keeper_tell_clock(it->keeper, NOW_MS);
    keeper_enter(it, "e", 1);
    for (int i = 0; i < PATIENCE_S * 1000 && !keeper_standing(it).noted_clock_ms; i++)
        (void)usleep(1000);
    assert_true(keeper_standing(it).noted_clock_ms);
}

static void a_clean_stop_takes_the_row_out(void **state)
{
    struct keeper_bench *it = *state;
    settle_row(it);
    char id[NONCE_EPOCH_ID_BYTES];
    (void)snprintf(id, sizeof id, "%s", it->script.asked.user.id);
    keeper_set_status(it, STATUS_STORE_DOWN); /* of a keep: there is nothing to write before */
    nonce_keeper_stop(it->keeper);
    assert_int_equal(it->script.left, 1);
    assert_true(strlen(it->script.left_id) == NONCE_EPOCH_ID_BYTES - 1);
    nonce_keeper_stop(it->keeper);
    assert_int_equal(it->script.left, 1);
}

static void what_was_accepted_without_is_written_before_the_row_is_taken_out(void **state)
{
    struct keeper_bench *it = *state;
    settle_row(it);
    atomic_fetch_add(&keeper_leapt_ms, USER_PERIOD_MS); /* though the row would be due */
    nonce_keeper_note_away(it->keeper, 8);
    nonce_keeper_stop(it->keeper);
    assert_true(it->script.asked.away.low == 8 && it->script.asked.away.high == 8);
    assert_int_equal(it->script.left, 1);
}

/* Else nobody would guard it. */
static void assert_row_stays(struct keeper_bench *it, enum status status)
{
    settle_row(it);
    keeper_set_status(it, status);
    nonce_keeper_note_away(it->keeper, 8);
    nonce_keeper_stop(it->keeper);
    assert_true(it->script.asked.away.low == 8 && !it->script.asked.has_user);
    assert_int_equal(it->script.left, 0);
}

static void where_that_cannot_be_written_the_row_stays(void **state)
{
    assert_row_stays(*state, STATUS_STORE_DOWN);
}

static void where_another_epoch_is_in_force_it_was_not_written(void **state)
{
    assert_row_stays(*state, STATUS_CONFLICT);
}

static void without_a_row_there_is_nothing_to_take_out(void **state)
{
    struct keeper_bench *it = *state;
    keeper_open(it, true);
    nonce_keeper_note_away(it->keeper, 8);
    nonce_keeper_stop(it->keeper);
    assert_int_equal(it->script.begun, 0);
    assert_int_equal(it->script.left, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KEEPER_TEST(what_is_wanted_is_asked_for_once_and_the_answer_told),
        KEEPER_TEST(who_finds_no_room_asks_again_later),
        KEEPER_TEST(a_failure_is_tried_again_and_an_answer_is_missing_since_the_first),
        KEEPER_TEST(where_another_epoch_is_in_force_none_is_entered),
        KEEPER_TEST(an_answer_under_another_epoch_is_none),
        KEEPER_TEST(ranges_of_another_epoch_are_not_taken),
        KEEPER_TEST(a_process_among_others_has_a_row_of_its_own),
        KEEPER_TEST(a_process_alone_has_none),
        KEEPER_TEST(the_row_is_written_every_five_seconds_and_in_each_epoch),
        KEEPER_TEST(the_row_has_the_later_clock_until_an_earlier_one_was_answered),
        KEEPER_TEST(a_later_clock_that_is_written_is_what_the_row_may_have),
        KEEPER_TEST(while_a_write_is_in_doubt_the_row_is_left_alone),
        KEEPER_TEST(what_was_accepted_without_is_told_until_it_is_written),
        KEEPER_TEST(what_was_accepted_while_it_was_told_is_told_again),
        KEEPER_TEST(what_could_not_be_told_is_told_again),
        KEEPER_TEST(a_clean_stop_takes_the_row_out),
        KEEPER_TEST(what_was_accepted_without_is_written_before_the_row_is_taken_out),
        KEEPER_TEST(where_that_cannot_be_written_the_row_stays),
        KEEPER_TEST(where_another_epoch_is_in_force_it_was_not_written),
        KEEPER_TEST(without_a_row_there_is_nothing_to_take_out),
    };
    return cmocka_run_group_tests_name("nonce_keeper", tests, NULL, NULL);
}
