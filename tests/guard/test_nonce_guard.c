/* What a loop may accept now (docs/design/nonce-guard.md, rules 1 and 8), of a keeper that only says what a test put
 * there, by clocks that stand still. */
#include "guard/nonce_guard.h"

#include "support/test.h"

#include <stdio.h>

enum { LEAD_S = 60 };
#define NOW_S        INT64_C(1790000000)
#define NOW_MS       (NOW_S * 1000)
#define MONOTONIC_MS INT64_C(5000000000)

struct nonce_keeper {
    struct nonce_standing standing;
    uint64_t version;
    int reads;
    int64_t wanted[16];
    size_t wanted_count;
    int64_t away[16];
    size_t away_count;
    bool answers; /* as soon as a second is noted, before whoever noted it goes on */
};

static int64_t monotonic_ns = MONOTONIC_MS * 1000000;

/* In place of the keeper's and the machine's (tests/CMakeLists.txt). */
uint64_t __wrap_nonce_keeper_version(const struct nonce_keeper *keeper);
void __wrap_nonce_keeper_read(struct nonce_keeper *keeper, struct nonce_standing *ret_standing, uint64_t *ret_version);
void __wrap_nonce_keeper_read_parts(struct nonce_keeper *keeper, struct nonce_standing *ret_standing,
                                    struct nonce_parts *ret_parts, uint64_t *ret_version);
void __wrap_nonce_keeper_want(struct nonce_keeper *keeper, int64_t second);
void __wrap_nonce_keeper_note_away(struct nonce_keeper *keeper, int64_t second);
int64_t __wrap_clock_monotonic_ns(void);

uint64_t __wrap_nonce_keeper_version(const struct nonce_keeper *keeper)
{
    return keeper->version;
}

void __wrap_nonce_keeper_read(struct nonce_keeper *keeper, struct nonce_standing *ret_standing, uint64_t *ret_version)
{
    *ret_standing = keeper->standing;
    *ret_version = keeper->version;
    keeper->reads++;
}

void __wrap_nonce_keeper_read_parts(struct nonce_keeper *keeper, struct nonce_standing *ret_standing,
                                    struct nonce_parts *ret_parts, uint64_t *ret_version)
{
    __wrap_nonce_keeper_read(keeper, ret_standing, ret_version);
    (void)snprintf(ret_parts->epochs[3], sizeof ret_parts->epochs[3], "of the part");
}

void __wrap_nonce_keeper_want(struct nonce_keeper *keeper, int64_t second)
{
    keeper->wanted[keeper->wanted_count++] = second;
}

void __wrap_nonce_keeper_note_away(struct nonce_keeper *keeper, int64_t second)
{
    keeper->away[keeper->away_count++] = second;
    keeper->version += keeper->answers;
}

int64_t __wrap_clock_monotonic_ns(void)
{
    return monotonic_ns;
}

/* ---- a loop's guard ---- */

struct fixture {
    struct nonce_keeper keeper;
    struct nonce_guard guard;
    struct fake_clock clock;
};

static int setup(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){.keeper.version = 7};
    fixture.guard = nonce_guard_init(&fixture.keeper);
    fake_clock_init(&fixture.clock, NOW_MS);
    fixture.clock.steady_ms = 1000000;
    *state = &fixture;
    return 0;
}

static struct nonce_standing *change(struct fixture *it)
{
    it->keeper.version++;
    return &it->keeper.standing;
}

static void enter(struct fixture *it, int64_t low, int64_t guarded, int64_t high)
{
    struct nonce_standing *standing = change(it);
    (void)snprintf(standing->epoch, sizeof standing->epoch, "e");
    standing->ranges = (struct accepted_ranges){.items = {{low, guarded, high}}, .count = 1};
}

static void what_the_keeper_says_is_read_when_it_has_changed(void **state)
{
    struct fixture *it = *state;
    assert_true(nonce_guard_has_news(&it->guard));
    assert_int_equal(nonce_guard_standing(&it->guard)->asked_ms, 0);
    assert_int_equal(it->keeper.reads, 1);
    it->keeper.standing.asked_ms = 5; /* not told yet */
    assert_false(nonce_guard_has_news(&it->guard));
    assert_int_equal(nonce_guard_standing(&it->guard)->asked_ms, 0);
    assert_int_equal(it->keeper.reads, 1);
    it->keeper.version++;
    assert_true(nonce_guard_has_news(&it->guard));
    assert_int_equal(nonce_guard_standing(&it->guard)->asked_ms, 5);
    assert_int_equal(it->keeper.reads, 2);
}

/* Both are of one moment. */
static void a_part_has_an_epoch_of_its_own_that_is_read_with_the_ranges(void **state)
{
    static struct nonce_parts parts;
    struct fixture *it = *state;
    enter(it, NOW_S, NOW_S, NOW_S);
    assert_string_equal(nonce_guard_epoch(&it->guard, 3), "e");
    it->guard.parts = &parts;
    enter(it, NOW_S, NOW_S, NOW_S);
    assert_string_equal(nonce_guard_epoch(&it->guard, 3), "of the part");
    assert_string_equal(nonce_guard_epoch(&it->guard, 4), "");
    assert_string_equal(nonce_guard_standing(&it->guard)->epoch, "e");
}

/* ---- judging ---- */

static void without_an_epoch_everything_waits(void **state)
{
    struct fixture *it = *state;
    enter(it, NOW_S - 10, NOW_S - 5, NOW_S + 10);
    change(it)->epoch[0] = '\0';
    assert_int_equal(nonce_guard_judge(&it->guard, NOW_S), NONCE_WAITS);
    assert_int_equal(nonce_guard_judge(&it->guard, NOW_S - 7), NONCE_WAITS);
    assert_int_equal(nonce_guard_judge(&it->guard, NOW_S + 20), NONCE_WAITS);
    assert_int_equal(it->keeper.wanted_count, 0);
}

static void a_second_is_accepted_where_it_is_covered_and_refused_where_it_is_guarded(void **state)
{
    struct fixture *it = *state;
    enter(it, NOW_S - 10, NOW_S - 5, NOW_S + 10);
    assert_int_equal(nonce_guard_judge(&it->guard, NOW_S - 10), NONCE_MUST_NOT);
    assert_int_equal(nonce_guard_judge(&it->guard, NOW_S - 5), NONCE_MUST_NOT);
    assert_int_equal(nonce_guard_judge(&it->guard, NOW_S - 4), NONCE_MAY);
    assert_int_equal(nonce_guard_judge(&it->guard, NOW_S + 10 - ACCEPTED_LEFT_S), NONCE_MAY);
    assert_int_equal(it->keeper.wanted_count, 0);
}

static void more_is_wanted_where_little_is_left_and_waited_for_where_nothing_is(void **state)
{
    struct fixture *it = *state;
    enter(it, NOW_S - 10, NOW_S - 5, NOW_S + 10);
    assert_int_equal(nonce_guard_judge(&it->guard, NOW_S + 11 - ACCEPTED_LEFT_S), NONCE_MAY);
    assert_int_equal(it->keeper.wanted_count, 1);
    assert_int_equal(it->keeper.wanted[0], NOW_S + 11 - ACCEPTED_LEFT_S);
    assert_int_equal(nonce_guard_judge(&it->guard, NOW_S + 11), NONCE_WAITS);
    assert_int_equal(it->keeper.wanted_count, 2);
    assert_int_equal(it->keeper.wanted[1], NOW_S + 11);
}

static void the_same_is_wanted_once_until_the_keeper_has_news(void **state)
{
    struct fixture *it = *state;
    enter(it, NOW_S - 10, NOW_S - 5, NOW_S);
    for (int i = 0; i < 3; i++)
        (void)nonce_guard_judge(&it->guard, NOW_S + 1);
    assert_int_equal(it->keeper.wanted_count, 1);
    (void)nonce_guard_judge(&it->guard, NOW_S + 2);
    assert_int_equal(it->keeper.wanted_count, 2);
    (void)nonce_guard_judge(&it->guard, NOW_S + 2);
    assert_int_equal(it->keeper.wanted_count, 2);
    change(it); /* an attempt failed: whoever is not served asks again */
    (void)nonce_guard_judge(&it->guard, NOW_S + 2);
    assert_int_equal(it->keeper.wanted_count, 3);
}

/* ---- times ---- */

static void steady_time_is_what_the_row_says_and_what_has_passed_since(void **state)
{
    struct fixture *it = *state;
    struct nonce_standing standing = {.noted_steady_ms = 700};
    assert_int_equal(nonce_standing_steady_ms(&standing, &it->clock.clock), 0);
    standing.noted_clock_ms = NOW_MS;
    standing.noted_steady_ms = it->clock.steady_ms - 1234;
    assert_int_equal(nonce_standing_steady_ms(&standing, &it->clock.clock), NOW_MS + 1234);
}

static void an_answer_is_missing_since_it_was_asked_for(void **state)
{
    struct nonce_standing standing = {0};
    (void)state;
    assert_int_equal(nonce_standing_missing_ms(&standing), 0);
    standing.asked_ms = MONOTONIC_MS - 77;
    assert_int_equal(nonce_standing_missing_ms(&standing), 77);
}

static void that_an_answer_is_missing_is_read_before_the_keeper_tells_of_it(void **state)
{
    struct fixture *it = *state;
    struct nonce_parts parts = {0};
    enter(it, NOW_S, NOW_S - 1, NOW_S);
    assert_int_equal(nonce_guard_standing(&it->guard)->asked_ms, 0);
    it->keeper.standing.asked_ms = MONOTONIC_MS;
    assert_int_equal(nonce_guard_standing(&it->guard)->asked_ms, 0);
    nonce_guard_read(&it->guard);
    assert_int_equal(nonce_guard_standing(&it->guard)->asked_ms, MONOTONIC_MS);
    it->guard.parts = &parts;
    nonce_guard_read(&it->guard);
    assert_string_equal(parts.epochs[3], "of the part");
}

/* ---- rule 8 ---- */

/* The ledger's row was written a second ago, and its next answer has been missing for long enough. */
static struct nonce_standing *go_away(struct fixture *it)
{
    enter(it, NOW_S - 10, NOW_S - 5, NOW_S - 2);
    struct nonce_standing *standing = &it->keeper.standing;
    standing->asked_ms = MONOTONIC_MS - AWAY_AFTER_MS;
    standing->noted_clock_ms = standing->floor_clock_ms = NOW_MS - 1000;
    standing->noted_steady_ms = it->clock.steady_ms - 1000;
    return standing;
}

static bool goes_on(struct fixture *it, int64_t now_ms)
{
    it->keeper.version++;
    return nonce_guard_goes_on(&it->guard, &it->clock.clock, now_ms);
}

static void nonces_go_on_once_an_answer_has_been_missing_for_a_while(void **state)
{
    struct fixture *it = *state;
    struct nonce_standing *standing = go_away(it);
    assert_true(goes_on(it, NOW_MS));
    standing->asked_ms++;
    assert_false(goes_on(it, NOW_MS));
    standing->asked_ms = 0;
    assert_false(goes_on(it, NOW_MS));
}

static void without_a_row_they_do_not(void **state)
{
    struct fixture *it = *state;
    struct nonce_standing *standing = go_away(it);
    standing->noted_clock_ms = 0;
    assert_false(goes_on(it, NOW_MS));
    assert_false(goes_on(it, 0));
}

static void they_go_on_for_five_minutes_of_steady_time(void **state)
{
    struct fixture *it = *state;
    (void)go_away(it);
    it->clock.steady_ms += AWAY_MAX_MS - 1000;
    assert_true(goes_on(it, NOW_MS - 1000 + AWAY_MAX_MS));
    it->clock.steady_ms += 1;
    assert_false(goes_on(it, NOW_MS - 1000 + AWAY_MAX_MS));
}

static void they_go_on_while_the_stores_clock_agrees_with_steady_time(void **state)
{
    struct fixture *it = *state;
    (void)go_away(it);
    assert_true(goes_on(it, NOW_MS + CLOCK_LEAP_MS));
    assert_false(goes_on(it, NOW_MS + CLOCK_LEAP_MS + 1));
    assert_true(goes_on(it, NOW_MS - CLOCK_LEAP_MS));
    assert_false(goes_on(it, NOW_MS - CLOCK_LEAP_MS - 1));
}

static bool may_go_on(struct fixture *it, int64_t second)
{
    size_t before = it->keeper.away_count;
    bool may = nonce_guard_may_go_on(&it->guard, &it->clock.clock, second, NOW_MS);
    assert_int_equal(it->keeper.away_count, before + may); /* it is noted, or the row would not say so */
    assert_true(!may || it->keeper.away[before] == second);
    return may;
}

/* Whoever declares an epoch guards what lies from the row's clock to the steady time and a little more. */
static void what_others_would_guard_may_go_on_and_nothing_else(void **state)
{
    struct fixture *it = *state;
    struct nonce_standing *standing = go_away(it);
    assert_false(may_go_on(it, NOW_S - 2));
    assert_true(may_go_on(it, NOW_S - 1)); /* of the second in which the row was written: others guard all of it */
    assert_true(may_go_on(it, NOW_S + AWAY_AHEAD_MS / 1000));
    assert_false(may_go_on(it, NOW_S + AWAY_AHEAD_MS / 1000 + 1));
    it->clock.steady_ms += 999; /* no full second */
    assert_false(may_go_on(it, NOW_S + AWAY_AHEAD_MS / 1000 + 1));
    it->clock.steady_ms += 1;
    assert_true(may_go_on(it, NOW_S + AWAY_AHEAD_MS / 1000 + 1));
    standing->asked_ms = 0;
    it->keeper.version++;
    assert_false(may_go_on(it, NOW_S));
}

static void what_is_guarded_does_not_go_on(void **state)
{
    struct fixture *it = *state;
    struct nonce_standing *standing = go_away(it);
    standing->ranges.items[0].guarded = standing->ranges.items[0].high = NOW_S;
    assert_false(may_go_on(it, NOW_S));
    assert_true(may_go_on(it, NOW_S + 1));
}

/* The row may have moved on by then, without this second in the ranges. */
static void nothing_goes_on_that_was_noted_after_an_answer(void **state)
{
    struct fixture *it = *state;
    (void)go_away(it);
    it->keeper.version++;
    it->keeper.answers = true;
    assert_false(nonce_guard_may_go_on(&it->guard, &it->clock.clock, NOW_S, NOW_MS));
    assert_int_equal(it->keeper.away_count, 1);
    it->keeper.answers = false; /* another question, and no answer */
    assert_true(nonce_guard_may_go_on(&it->guard, &it->clock.clock, NOW_S, NOW_MS));
}

/* A row whose commit is in doubt bears a later time than the one that is known. */
static void nothing_goes_on_below_what_the_row_may_say(void **state)
{
    struct fixture *it = *state;
    struct nonce_standing *standing = go_away(it);
    standing->floor_clock_ms = NOW_MS + 999;
    assert_false(may_go_on(it, NOW_S - 1));
    assert_true(may_go_on(it, NOW_S));
}

/* ---- what an operator sees ---- */

static struct nonce_trouble trouble_at(struct fixture *it, int64_t lead_ms)
{
    it->keeper.version++;
    return nonce_guard_trouble(&it->guard, NOW_MS + 999, lead_ms);
}

static void a_guard_is_told_in_seconds(void **state)
{
    struct fixture *it = *state;
    assert_int_equal(trouble_at(it, LEAD_S * 1000).guard_s, 0);
    enter(it, NOW_S - 10, NOW_S + 4, NOW_S + 4);
    assert_int_equal(trouble_at(it, LEAD_S * 1000).guard_s, 5);
    enter(it, NOW_S - 10, NOW_S - 1, NOW_S + 4);
    assert_int_equal(trouble_at(it, LEAD_S * 1000).guard_s, 0);
}

static void how_far_fast_clients_have_raised_the_ranges_is_told(void **state)
{
    struct fixture *it = *state;
    assert_int_equal(trouble_at(it, LEAD_S * 1000).lead_s, 0);
    enter(it, NOW_S - 10, NOW_S - 11, NOW_S + ACCEPTED_AHEAD_S);
    assert_int_equal(trouble_at(it, LEAD_S * 1000).lead_s, 0); /* as right clients do */
    enter(it, NOW_S - 10, NOW_S - 11, NOW_S + ACCEPTED_AHEAD_S + 1);
    assert_int_equal(trouble_at(it, LEAD_S * 1000).lead_s, 1);
    enter(it, NOW_S + 10, NOW_S + 9, NOW_S + 20);
    assert_int_equal(trouble_at(it, LEAD_S * 1000).lead_s, 15);
    enter(it, NOW_S - 10, NOW_S - 11, NOW_S + LEAD_S + ACCEPTED_AHEAD_S + 1);
    assert_int_equal(trouble_at(it, LEAD_S * 1000).lead_s, LEAD_S + 1);
    assert_int_equal(trouble_at(it, LEAD_S * 1000).behind_s, 0);
}

static void a_clock_behind_what_was_accepted_is_told(void **state)
{
    struct fixture *it = *state;
    assert_int_equal(trouble_at(it, LEAD_S * 1000).behind_s, 0);
    enter(it, NOW_S - 10, NOW_S - 11, NOW_S + LEAD_S + ACCEPTED_AHEAD_S + 2);
    assert_int_equal(trouble_at(it, LEAD_S * 1000).behind_s, LEAD_S + ACCEPTED_AHEAD_S + 2);
    assert_int_equal(trouble_at(it, LEAD_S * 1000).lead_s, 0);       /* no client has done that */
    assert_int_equal(trouble_at(it, LEAD_S * 1000 + 1).behind_s, 0); /* the lead reaches into one second more */
    enter(it, NOW_S + LEAD_S, NOW_S + LEAD_S - 1, NOW_S + 2 * LEAD_S);
    assert_int_equal(trouble_at(it, LEAD_S * 1000).behind_s, 0);
    assert_int_equal(trouble_at(it, LEAD_S * 1000 - 999).behind_s, 0);
    assert_int_equal(trouble_at(it, LEAD_S * 1000 - 1000).behind_s, LEAD_S);
    enter(it, NOW_S + LEAD_S + 1, NOW_S + LEAD_S, NOW_S + 2 * LEAD_S);
    it->keeper.standing.ranges.items[1] = (struct accepted_range){NOW_S + 900, NOW_S + 899, NOW_S + 950};
    it->keeper.standing.ranges.count = 2;
    assert_int_equal(trouble_at(it, LEAD_S * 1000).behind_s, LEAD_S + 1);
}

static void a_ledger_that_does_not_answer_is_told_after_a_while(void **state)
{
    struct fixture *it = *state;
    struct nonce_standing *standing = go_away(it);
    standing->asked_ms = MONOTONIC_MS - GONE_AFTER_MS + 1;
    assert_false(trouble_at(it, LEAD_S * 1000).is_stuck);
    standing->asked_ms = MONOTONIC_MS - GONE_AFTER_MS;
    assert_true(trouble_at(it, LEAD_S * 1000).is_stuck);
}

#define TEST(test) cmocka_unit_test_setup(test, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_the_keeper_says_is_read_when_it_has_changed),
        TEST(a_part_has_an_epoch_of_its_own_that_is_read_with_the_ranges),
        TEST(without_an_epoch_everything_waits),
        TEST(a_second_is_accepted_where_it_is_covered_and_refused_where_it_is_guarded),
        TEST(more_is_wanted_where_little_is_left_and_waited_for_where_nothing_is),
        TEST(the_same_is_wanted_once_until_the_keeper_has_news),
        TEST(steady_time_is_what_the_row_says_and_what_has_passed_since),
        TEST(an_answer_is_missing_since_it_was_asked_for),
        TEST(that_an_answer_is_missing_is_read_before_the_keeper_tells_of_it),
        TEST(nonces_go_on_once_an_answer_has_been_missing_for_a_while),
        TEST(without_a_row_they_do_not),
        TEST(they_go_on_for_five_minutes_of_steady_time),
        TEST(they_go_on_while_the_stores_clock_agrees_with_steady_time),
        TEST(what_others_would_guard_may_go_on_and_nothing_else),
        TEST(what_is_guarded_does_not_go_on),
        TEST(nothing_goes_on_that_was_noted_after_an_answer),
        TEST(nothing_goes_on_below_what_the_row_may_say),
        TEST(a_guard_is_told_in_seconds),
        TEST(how_far_fast_clients_have_raised_the_ranges_is_told),
        TEST(a_clock_behind_what_was_accepted_is_told),
        TEST(a_ledger_that_does_not_answer_is_told_after_a_while),
    };
    return cmocka_run_group_tests_name("nonce_guard", tests, NULL, NULL);
}
