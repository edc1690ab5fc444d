#include "guard/accepted_ranges.h"

#include "base/buf.h"
#include "crypto/random.h"
#include "support/test.h"

#include <string.h>

enum { AXIS = 96, ROUNDS = 20000 };

static const char *text_of(const struct accepted_ranges *ranges)
{
    static char memory[ACCEPTED_TEXT_BYTES + 1];
    struct buf text = buf_fixed(memory, sizeof memory);
    accepted_ranges_write(ranges, &text);
    return buf_string(&text);
}

static void nothing_is_covered_before_it_was_raised(void **state)
{
    struct accepted_ranges ranges = {0};
    (void)state;
    assert_false(accepted_ranges_cover(&ranges, 100));
    accepted_ranges_raise(&ranges, 100);
    assert_string_equal(text_of(&ranges), "100 99 105");
    assert_false(accepted_ranges_cover(&ranges, 99));
    assert_true(accepted_ranges_cover(&ranges, 100));
    assert_true(accepted_ranges_cover(&ranges, 105));
    assert_false(accepted_ranges_cover(&ranges, 106));
    assert_int_equal(accepted_ranges_left(&ranges, 101), 4);
    assert_int_equal(accepted_ranges_left(&ranges, 106), 0);
}

static void a_range_rises_with_what_is_accepted(void **state)
{
    struct accepted_ranges ranges = {0};
    (void)state;
    for (int64_t second = 100; second <= 130; second += 5)
        accepted_ranges_raise(&ranges, second);
    assert_string_equal(text_of(&ranges), "100 99 135");
    accepted_ranges_raise(&ranges, 110); /* a slow client lowers nothing */
    assert_string_equal(text_of(&ranges), "100 99 135");
    accepted_ranges_raise(&ranges, 95);
    assert_string_equal(text_of(&ranges), "95 94 135");
}

static void what_is_far_from_every_range_begins_its_own(void **state)
{
    struct accepted_ranges ranges = {0};
    (void)state;
    accepted_ranges_raise(&ranges, 100);
    accepted_ranges_raise(&ranges, 86500); /* a clock that is a day ahead, and a client that follows it */
    accepted_ranges_raise(&ranges, 106);
    assert_string_equal(text_of(&ranges), "100 99 111;86500 86499 86505");
    accepted_ranges_raise(&ranges, 111); /* near, but above what it covers */
    assert_string_equal(text_of(&ranges), "100 99 116;86500 86499 86505");
    accepted_ranges_raise(&ranges, 122);
    assert_string_equal(text_of(&ranges), "100 99 116;122 121 127;86500 86499 86505");
}

static void ranges_that_meet_become_one(void **state)
{
    struct accepted_ranges ranges = {0};
    (void)state;
    accepted_ranges_raise(&ranges, 145); /* a client 45 s fast */
    accepted_ranges_raise(&ranges, 100);
    for (int64_t second = 102; second < 142; second += 2)
        accepted_ranges_raise(&ranges, second);
    assert_string_equal(text_of(&ranges), "100 99 150");
}

static void a_new_epoch_refuses_all_that_was_covered(void **state)
{
    struct accepted_ranges ranges = {0};
    (void)state;
    accepted_ranges_raise(&ranges, 100);
    accepted_ranges_raise(&ranges, 86500);
    accepted_ranges_guard_all(&ranges);
    assert_string_equal(text_of(&ranges), "100 105 105;86500 86505 86505");
    assert_false(accepted_ranges_guard(&ranges, 99));
    assert_true(accepted_ranges_guard(&ranges, 100));
    assert_true(accepted_ranges_guard(&ranges, 105));
    assert_false(accepted_ranges_guard(&ranges, 106));
    assert_int_equal(accepted_ranges_guard_end(&ranges, 102), 106);
    assert_int_equal(accepted_ranges_guard_end(&ranges, 106), 106);
    accepted_ranges_raise(&ranges, 103);
    assert_false(accepted_ranges_cover(&ranges, 103));
    accepted_ranges_raise(&ranges, 106);
    assert_string_equal(text_of(&ranges), "100 105 111;86500 86505 86505");
    accepted_ranges_raise(&ranges, 86499); /* just below what is guarded */
    assert_true(accepted_ranges_cover(&ranges, 86499));
    assert_true(accepted_ranges_guard(&ranges, 86500));
}

/* What lies between what was guarded and a clock that leapt may still be accepted. */
static void what_is_accepted_above_a_guard_begins_a_range_of_its_own(void **state)
{
    struct accepted_ranges ranges = {0};
    (void)state;
    accepted_ranges_raise(&ranges, 100);
    accepted_ranges_guard_all(&ranges);
    accepted_ranges_raise(&ranges, 109);
    assert_string_equal(text_of(&ranges), "100 105 105;109 108 114");
    accepted_ranges_raise(&ranges, 106);
    assert_string_equal(text_of(&ranges), "100 105 114");
}

static void a_second_loss_adds_nothing_where_nothing_was_accepted(void **state)
{
    struct accepted_ranges ranges = {0};
    (void)state;
    accepted_ranges_raise(&ranges, 100);
    accepted_ranges_guard_all(&ranges);
    accepted_ranges_guard_all(&ranges);
    assert_string_equal(text_of(&ranges), "100 105 105");
}

static void a_guarded_span_takes_in_what_it_meets(void **state)
{
    struct accepted_ranges ranges = {0};
    (void)state;
    accepted_ranges_raise(&ranges, 100);
    accepted_ranges_raise(&ranges, 200);
    accepted_ranges_guard_span(&ranges, 103, 150);
    assert_string_equal(text_of(&ranges), "100 150 150;200 199 205");
    accepted_ranges_guard_span(&ranges, 150, 202);
    assert_string_equal(text_of(&ranges), "100 202 205");
    accepted_ranges_guard_span(&ranges, 10, 9);
    assert_string_equal(text_of(&ranges), "100 202 205");
    accepted_ranges_guard_span(&ranges, 99, 99);
    assert_string_equal(text_of(&ranges), "99 202 205");
}

/* Nothing between the present and a clock that was ahead is guarded to make room. */
static void room_is_made_among_what_is_longest_past(void **state)
{
    struct accepted_ranges ranges = {0};
    (void)state;
    accepted_ranges_raise(&ranges, 29000 + 1800);
    accepted_ranges_guard_all(&ranges);
    for (int64_t hour = 0; hour <= 8; hour++)
        accepted_ranges_raise(&ranges, hour * 3600);
    accepted_ranges_raise(&ranges, 29000);
    assert_true(accepted_ranges_cover(&ranges, 29000));
    assert_false(accepted_ranges_guard(&ranges, 29100));
    accepted_ranges_raise(&ranges, 29100);
    assert_true(accepted_ranges_cover(&ranges, 29100));
}

/* And of what a clock that is often ahead leaves, the present is not joined with what is ahead. */
static void a_clock_that_is_often_ahead_costs_the_present_nothing(void **state)
{
    enum { DAY_S = 86400, TURNS = 20, STEP_S = 600 };
    struct accepted_ranges ranges = {0};
    (void)state;
    for (int64_t now = 1000; now < 1000 + TURNS * STEP_S; now += STEP_S) {
        accepted_ranges_raise(&ranges, now);
        accepted_ranges_raise(&ranges, now + DAY_S);
        accepted_ranges_guard_all(&ranges);
        assert_int_equal(accepted_ranges_guard_end(&ranges, now), now + ACCEPTED_AHEAD_S + 1);
        assert_int_equal(accepted_ranges_guard_end(&ranges, now + STEP_S), now + STEP_S);
    }
}

/* A loss guards spans too, also where the clock that is ahead is found first. */
static void a_span_that_is_ahead_costs_the_present_nothing(void **state)
{
    struct accepted_ranges ranges = {0};
    (void)state;
    accepted_ranges_raise(&ranges, 1000);
    for (int64_t i = 1; i < ACCEPTED_RANGES_MAX; i++)
        accepted_ranges_guard_span(&ranges, 86400 + 100 * i, 86410 + 100 * i);
    accepted_ranges_guard_span(&ranges, 99000, 99001);
    assert_string_equal(text_of(&ranges), "1000 999 1005;86500 86610 86610;86700 86710 86710;86800 86810 86810;"
                                          "86900 86910 86910;87000 87010 87010;87100 87110 87110;99000 99001 99001");
    accepted_ranges_guard_span(&ranges, 86400, 86401); /* with a single range below it */
    assert_string_equal(text_of(&ranges), "1000 999 1005;86400 86401 86401;86500 86710 86710;86800 86810 86810;"
                                          "86900 86910 86910;87000 87010 87010;87100 87110 87110;99000 99001 99001");
    accepted_ranges_guard_span(&ranges, 86402, 86402); /* what makes a range larger needs no room */
    assert_int_equal(ranges.count, ACCEPTED_RANGES_MAX);
}

static void what_another_store_accepted_is_refused(void **state)
{
    struct accepted_ranges ranges = {0};
    struct accepted_ranges others = {0};
    (void)state;
    accepted_ranges_raise(&ranges, 100);
    accepted_ranges_raise(&others, 103);
    accepted_ranges_raise(&others, 300);
    accepted_ranges_guard_others(&ranges, &others);
    assert_string_equal(text_of(&ranges), "100 108 108;300 305 305");
}

static void what_another_store_accepted_is_refused_where_it_is_new(void **state)
{
    static const struct {
        const char *now, *before, *others, *then;
    } cases[] = {
        {"100 99 205", "100 99 105;200 199 205", "150 149 155", "100 155 205"},
        {"100 99 205", "100 99 105;200 199 205", "103 102 110", "100 110 205"},            /* from 106 on it is new */
        {"100 99 205", "100 99 105;200 199 205", "101 100 105;200 199 205", "100 99 205"}, /* both had these */
        {"100 99 205", "100 99 205", "150 149 155", "100 99 205"},
        {"100 155 205", "100 99 105;200 199 205", "150 149 155", "100 155 205"}, /* guarded already */
        {"100 154 205", "100 99 105;200 199 205", "150 149 155", "100 155 205"},
        {"100 99 205", "100 99 105;200 199 205", "205 204 300", "100 99 205"},
        {"100 99 206", "100 99 105;200 199 205", "206 205 300", "100 206 206"},
        {"10 9 20;100 99 205", "10 9 20;100 99 105;200 199 205", "90 89 99;150 149 155;400 399 405",
         "10 9 20;100 155 205"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct accepted_ranges ranges;
        struct accepted_ranges before;
        struct accepted_ranges others;
        assert_status(accepted_ranges_parse(slice_str(cases[i].now), &ranges), STATUS_OK);
        assert_status(accepted_ranges_parse(slice_str(cases[i].before), &before), STATUS_OK);
        assert_status(accepted_ranges_parse(slice_str(cases[i].others), &others), STATUS_OK);
        accepted_ranges_guard_what_is_new(&ranges, &before, &others);
        assert_string_equal(text_of(&ranges), cases[i].then);
    }
}

static void what_is_behind_the_last_range_is_none(void **state)
{
    struct accepted_ranges ranges = {.items = {{100, 99, 205}, {300, 299, 305}}, .count = 1};
    const struct accepted_ranges before = {.items = {{100, 99, 105}, {200, 199, 205}}, .count = 2};
    const struct accepted_ranges others = {.items = {{300, 299, 305}, {150, 149, 155}}, .count = 1};
    (void)state;
    accepted_ranges_guard_what_is_new(&ranges, &before, &others);
    assert_string_equal(text_of(&ranges), "100 99 205");
}

static void nothing_is_left_where_it_is_guarded(void **state)
{
    struct accepted_ranges ranges = {.items = {{100, 103, 110}}, .count = 1};
    (void)state;
    assert_int_equal(accepted_ranges_left(&ranges, 101), 0);
    assert_int_equal(accepted_ranges_left(&ranges, 103), 0);
    assert_int_equal(accepted_ranges_left(&ranges, 104), 6);
}

/* It was never accepted: a later guard of both need not refuse it. */
static void a_second_between_two_ranges_stays_outside(void **state)
{
    struct accepted_ranges ranges = {0};
    (void)state;
    accepted_ranges_raise(&ranges, 107);
    accepted_ranges_raise(&ranges, 100);
    assert_string_equal(text_of(&ranges), "100 99 105;107 106 112");
    accepted_ranges_guard_all(&ranges);
    assert_string_equal(text_of(&ranges), "100 105 105;107 112 112");
    accepted_ranges_raise(&ranges, 106);
    assert_string_equal(text_of(&ranges), "100 105 106;107 112 112"); /* 106 may be accepted, so they stay two */
    accepted_ranges_guard_all(&ranges);
    assert_string_equal(text_of(&ranges), "100 112 112");
}

/* Not the one below it, though that is near enough. */
static void the_first_second_of_a_range_raises_that_range(void **state)
{
    struct accepted_ranges ranges = {0};
    (void)state;
    accepted_ranges_raise(&ranges, 110);
    accepted_ranges_raise(&ranges, 100);
    accepted_ranges_raise(&ranges, 110);
    assert_string_equal(text_of(&ranges), "100 99 105;110 109 115");
}

static void a_range_is_raised_from_five_seconds_above_it_and_a_guarded_one_from_right_above(void **state)
{
    struct accepted_ranges ranges = {0};
    (void)state;
    accepted_ranges_raise(&ranges, 100);
    accepted_ranges_raise(&ranges, 110);
    assert_string_equal(text_of(&ranges), "100 99 115");
    accepted_ranges_guard_all(&ranges);
    accepted_ranges_raise(&ranges, 117);
    assert_string_equal(text_of(&ranges), "100 115 115;117 116 122");
    ranges = (struct accepted_ranges){.items = {{100, 99, 102}}, .count = 1};
    accepted_ranges_raise(&ranges, 100);
    assert_string_equal(text_of(&ranges), "100 99 105");
}

/* Or the two lowest would be joined for nothing. */
static void what_makes_a_range_larger_needs_no_room(void **state)
{
    static const struct accepted_ranges full = {
        .items = {{10, 9, 15},
                  {30, 29, 35},
                  {50, 49, 55},
                  {70, 69, 75},
                  {90, 89, 95},
                  {110, 109, 115},
                  {130, 129, 135},
                  {150, 155, 155}},
        .count = ACCEPTED_RANGES_MAX,
    };
    struct accepted_ranges ranges = full;
    (void)state;
    accepted_ranges_raise(&ranges, 105); /* five below the sixth */
    assert_int_equal(ranges.count, ACCEPTED_RANGES_MAX);
    assert_int_equal(ranges.items[5].low, 105);
    accepted_ranges_raise(&ranges, 100); /* five above the fifth, and below that */
    assert_int_equal(ranges.count, ACCEPTED_RANGES_MAX - 1);
    ranges = full;
    accepted_ranges_raise(&ranges, 156);
    assert_int_equal(ranges.count, ACCEPTED_RANGES_MAX);
    assert_int_equal(ranges.items[7].high, 161);
    ranges = full;
    accepted_ranges_raise(&ranges, 10);
    accepted_ranges_raise(&ranges, 5);
    assert_int_equal(ranges.count, ACCEPTED_RANGES_MAX);
    assert_int_equal(ranges.items[0].low, 5);
}

/* Or what lies between would be guarded with the next loss, and this second is not accepted yet. */
static void room_is_not_made_around_the_second(void **state)
{
    struct accepted_ranges ranges = {0};
    (void)state;
    for (int64_t i = 0; i < ACCEPTED_RANGES_MAX; i++)
        accepted_ranges_raise(&ranges, 1000 + 100 * i);
    accepted_ranges_raise(&ranges, 1050);
    assert_string_equal(text_of(&ranges), "1000 999 1005;1050 1049 1055;1100 1099 1205;1300 1299 1305;1400 1399 1405;"
                                          "1500 1499 1505;1600 1599 1605;1700 1699 1705");
}

static void room_is_made_of_those_that_are_nearest_below_the_second(void **state)
{
    static const struct accepted_ranges full = {
        .items = {{10, 9, 15},
                  {40, 39, 45},
                  {60, 59, 65},
                  {90, 89, 95},
                  {110, 109, 115},
                  {200, 199, 205},
                  {207, 206, 209},
                  {400, 399, 405}},
        .count = ACCEPTED_RANGES_MAX,
    };
    struct accepted_ranges ranges = full;
    (void)state;
    accepted_ranges_raise(&ranges, 150); /* of two that are as near the lower */
    assert_string_equal(text_of(&ranges),
                        "10 9 15;40 39 65;90 89 95;110 109 115;150 149 155;200 199 205;207 206 209;400 399 405");
    ranges = full;
    accepted_ranges_raise(&ranges, 30);
    assert_string_equal(text_of(&ranges),
                        "10 9 15;30 29 35;40 39 45;60 59 65;90 89 95;110 109 115;200 199 209;400 399 405");
    ranges = full;
    accepted_ranges_raise(&ranges, 300); /* the last two below it */
    assert_int_equal(ranges.items[5].low, 200);
    assert_int_equal(ranges.items[5].high, 209);
    ranges = full;
    accepted_ranges_raise(&ranges, 52); /* there are two, though others are nearer to each other */
    assert_int_equal(ranges.items[0].high, 45);
    assert_int_equal(ranges.items[1].low, 52);
}

static void nothing_changes_where_it_is_guarded(void **state)
{
    struct accepted_ranges ranges = {0};
    (void)state;
    accepted_ranges_raise(&ranges, 100);
    accepted_ranges_guard_all(&ranges);
    accepted_ranges_raise(&ranges, 103);
    accepted_ranges_raise(&ranges, 105);
    assert_string_equal(text_of(&ranges), "100 105 105");
}

static void each_second_of_a_span_is_covered(void **state)
{
    struct accepted_ranges ranges = {0};
    (void)state;
    accepted_ranges_raise_span(&ranges, &SECOND_SPAN_EMPTY);
    assert_int_equal(ranges.count, 0);
    accepted_ranges_raise_span(&ranges, &(struct second_span){100, 100});
    assert_string_equal(text_of(&ranges), "100 99 105");
    accepted_ranges_raise_span(&ranges, &(struct second_span){200, 230});
    assert_string_equal(text_of(&ranges), "100 99 105;200 199 235");
}

static void a_guarded_span_takes_in_what_touches_it_and_no_more(void **state)
{
    struct accepted_ranges ranges = {.items = {{100, 105, 105}}, .count = 1};
    (void)state;
    accepted_ranges_guard_span(&ranges, 107, 110);
    accepted_ranges_guard_span(&ranges, 95, 98);
    assert_string_equal(text_of(&ranges), "95 98 98;100 105 105;107 110 110");
    accepted_ranges_guard_span(&ranges, 111, 112);
    assert_string_equal(text_of(&ranges), "95 98 98;100 105 105;107 112 112");
    accepted_ranges_guard_span(&ranges, 94, 94);
    assert_string_equal(text_of(&ranges), "94 98 98;100 105 105;107 112 112");
}

static void room_is_made_by_joining_the_lowest_two_of_those_that_are_as_near(void **state)
{
    struct accepted_ranges ranges = {0};
    (void)state;
    for (int64_t i = 0; i < ACCEPTED_RANGES_MAX; i++)
        accepted_ranges_raise(&ranges, 1000 + 100 * i);
    assert_int_equal(ranges.count, ACCEPTED_RANGES_MAX);
    accepted_ranges_raise(&ranges, 2000);
    assert_string_equal(text_of(&ranges), "1000 999 1105;1200 1199 1205;1300 1299 1305;1400 1399 1405;1500 1499 1505;"
                                          "1600 1599 1605;1700 1699 1705;2000 1999 2005");
    accepted_ranges_guard_span(&ranges, 3000, 3001);
    assert_string_equal(text_of(&ranges), "1000 999 1205;1300 1299 1305;1400 1399 1405;1500 1499 1505;"
                                          "1600 1599 1605;1700 1699 1705;2000 1999 2005;3000 3001 3001");
}

static void no_range_begins_above_where_there_is_none(void **state)
{
    struct accepted_ranges ranges = {0};
    (void)state;
    accepted_ranges_raise(&ranges, 100);
    ranges.count = 0;
    assert_false(accepted_ranges_begin_above(&ranges, 50));
}

static void a_range_tells_where_it_ends(void **state)
{
    struct accepted_ranges ranges = {0};
    (void)state;
    assert_false(accepted_ranges_begin_above(&ranges, 50));
    accepted_ranges_raise(&ranges, 100);
    assert_int_equal(accepted_ranges_high(&ranges, 101), 105);
    assert_int_equal(accepted_ranges_high(&ranges, 99), 99);
    assert_true(accepted_ranges_begin_above(&ranges, 99));
    assert_int_equal(accepted_ranges_reach(&ranges, 90, 99), 90);
    assert_int_equal(accepted_ranges_reach(&ranges, 90, 100), 105);
    assert_int_equal(accepted_ranges_reach(&ranges, 105, 200), 105);
    assert_int_equal(accepted_ranges_reach(&ranges, 106, 200), 106);
    accepted_ranges_raise(&ranges, 145);
    assert_int_equal(accepted_ranges_reach(&ranges, 101, 161), 150);
    assert_false(accepted_ranges_begin_above(&ranges, 100));
}

/* ---- against a plain set of seconds, whatever comes ---- */

static unsigned random_below(unsigned limit)
{
    unsigned char bytes[2];
    assert_status(random_bytes(bytes, sizeof bytes), STATUS_OK);
    return (unsigned)(bytes[0] | bytes[1] << 8) % limit;
}

struct axis {
    bool covered[AXIS];
    bool guarded[AXIS];
};

static void read_axis(const struct accepted_ranges *ranges, struct axis *axis)
{
    for (int64_t second = 0; second < AXIS; second++) {
        axis->covered[second] = accepted_ranges_cover(ranges, second);
        axis->guarded[second] = accepted_ranges_guard(ranges, second);
    }
}

static void assert_in_order(const struct accepted_ranges *ranges)
{
    for (size_t i = 0; i < ranges->count; i++) {
        const struct accepted_range *range = &ranges->items[i];
        assert_true(range->low <= range->high && range->low - 1 <= range->guarded && range->guarded <= range->high);
        assert_true(i == 0 || ranges->items[i - 1].high < range->low);
    }
}

/* What was guarded stays so; what was covered is covered or guarded. */
static void assert_nothing_is_let_go(const struct axis *before, const struct axis *after)
{
    for (int second = 0; second < AXIS; second++) {
        assert_true(!before->guarded[second] || after->guarded[second]);
        assert_true(!before->covered[second] || after->covered[second] || after->guarded[second]);
    }
}

static void no_order_of_calls_lets_go_of_a_guarded_second(void **state)
{
    (void)state;
    for (int round = 0; round < ROUNDS / 40; round++) {
        struct accepted_ranges ranges = {0};
        for (int step = 0; step < 40; step++) {
            struct axis before;
            struct axis after;
            unsigned second = random_below(AXIS - 30);
            unsigned kind = random_below(8);
            read_axis(&ranges, &before);
            if (kind == 0)
                accepted_ranges_guard_all(&ranges);
            else if (kind == 1)
                accepted_ranges_guard_span(&ranges, second, second + random_below(20));
            else
                accepted_ranges_raise(&ranges, second);
            read_axis(&ranges, &after);
            assert_in_order(&ranges);
            assert_nothing_is_let_go(&before, &after);
            if (kind == 0)
                for (int64_t at = 0; at < AXIS; at++)
                    assert_false(after.covered[at]);
            else if (kind > 1)
                assert_true(after.covered[second] || after.guarded[second]);
        }
    }
}

/* ---- text ---- */

static void a_text_is_read_back(void **state)
{
    static const char *const texts[] = {"", "-5 -6 10", "100 99 105;200 205 205", "1 1 1"};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct accepted_ranges ranges;
        assert_status(accepted_ranges_parse(slice_str(texts[i]), &ranges), STATUS_OK);
        assert_string_equal(text_of(&ranges), texts[i]);
    }
}

static void other_texts_are_refused(void **state)
{
    static const char *const texts[] = {
        " ",
        "1",
        "1 2",
        "1 0 5 ",
        "1 0 5;",
        "1 -1 5",
        "1 6 5",
        "9 8 7",
        "x 0 5",
        "1 0 5;5 4 9",
        "9 8 9;1 0 1",
        "1  0 5",
        "--1 0 5",
        "1 x 5",
        "1 0 9223372036854775807",
        "1 0 1;3 2 3;5 4 5;7 6 7;9 8 9;11 10 11;13 12 13;15 14 15;17 16 17",
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct accepted_ranges ranges;
        if (accepted_ranges_parse(slice_str(texts[i]), &ranges) == STATUS_OK)
            fail_msg("\"%s\" was taken", texts[i]);
    }
}

static void the_longest_text_fits(void **state)
{
    struct accepted_ranges ranges = {0};
    struct accepted_ranges back;
    (void)state;
    for (int64_t i = 0; i < ACCEPTED_RANGES_MAX; i++)
        ranges.items[ranges.count++] = (struct accepted_range){
            INT64_MAX / 2 - 100 + 10 * i, INT64_MAX / 2 - 101 + 10 * i, INT64_MAX / 2 - 99 + 10 * i};
    assert_true(strlen(text_of(&ranges)) <= ACCEPTED_TEXT_BYTES);
    assert_status(accepted_ranges_parse(slice_str(text_of(&ranges)), &back), STATUS_OK);
    assert_int_equal(back.count, ACCEPTED_RANGES_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_covered_before_it_was_raised),
        cmocka_unit_test(a_range_rises_with_what_is_accepted),
        cmocka_unit_test(what_is_far_from_every_range_begins_its_own),
        cmocka_unit_test(ranges_that_meet_become_one),
        cmocka_unit_test(a_new_epoch_refuses_all_that_was_covered),
        cmocka_unit_test(what_is_accepted_above_a_guard_begins_a_range_of_its_own),
        cmocka_unit_test(a_second_loss_adds_nothing_where_nothing_was_accepted),
        cmocka_unit_test(a_guarded_span_takes_in_what_it_meets),
        cmocka_unit_test(room_is_made_among_what_is_longest_past),
        cmocka_unit_test(what_another_store_accepted_is_refused),
        cmocka_unit_test(what_another_store_accepted_is_refused_where_it_is_new),
        cmocka_unit_test(what_is_behind_the_last_range_is_none),
        cmocka_unit_test(nothing_is_left_where_it_is_guarded),
        cmocka_unit_test(a_second_between_two_ranges_stays_outside),
        cmocka_unit_test(the_first_second_of_a_range_raises_that_range),
        cmocka_unit_test(a_range_is_raised_from_five_seconds_above_it_and_a_guarded_one_from_right_above),
        cmocka_unit_test(what_makes_a_range_larger_needs_no_room),
        cmocka_unit_test(room_is_not_made_around_the_second),
        cmocka_unit_test(room_is_made_of_those_that_are_nearest_below_the_second),
        cmocka_unit_test(a_clock_that_is_often_ahead_costs_the_present_nothing),
        cmocka_unit_test(a_span_that_is_ahead_costs_the_present_nothing),
        cmocka_unit_test(nothing_changes_where_it_is_guarded),
        cmocka_unit_test(each_second_of_a_span_is_covered),
        cmocka_unit_test(a_guarded_span_takes_in_what_touches_it_and_no_more),
        cmocka_unit_test(room_is_made_by_joining_the_lowest_two_of_those_that_are_as_near),
        cmocka_unit_test(no_range_begins_above_where_there_is_none),
        cmocka_unit_test(a_range_tells_where_it_ends),
        cmocka_unit_test(no_order_of_calls_lets_go_of_a_guarded_second),
        cmocka_unit_test(a_text_is_read_back),
        cmocka_unit_test(other_texts_are_refused),
        cmocka_unit_test(the_longest_text_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
