#include "ephemeral/count_table.h"

#include "crypto/random.h"
#include "support/test.h"
#include "support/threads.h"

#include <stdio.h>

enum { NAMES = 1024, WINDOW_MS = 60000, THREADS = 4 };

static int64_t add(struct count_table *table, const char *name, int64_t now_ms)
{
    int64_t ends_ms = 0;
    return count_table_add(table, slice_str(name), WINDOW_MS, now_ms, &ends_ms);
}

static struct count_table *new_table(void)
{
    struct count_table *table = count_table_new(NAMES);
    assert_non_null(table);
    return table;
}

static void flood(struct count_table *table, const char *who, int names, int times, int64_t now_ms)
{
    char name[32];
    for (int i = 0; i < names * times; i++) {
        (void)snprintf(name, sizeof name, "%s %d", who, i / times);
        (void)add(table, name, now_ms);
    }
}

static void a_name_counts_by_itself_until_its_window_ends(void **state UNUSED)
{
    struct count_table *table = new_table();
    int64_t ends_ms = 0;
    assert_int_equal(count_table_add(table, SLICE("jane"), WINDOW_MS, 1000, &ends_ms), 1);
    assert_int_equal(ends_ms, 1000 + WINDOW_MS);
    assert_int_equal(count_table_add(table, SLICE("jane"), WINDOW_MS, 2000, &ends_ms), 2);
    assert_int_equal(ends_ms, 1000 + WINDOW_MS); /* it started with the first */
    assert_int_equal(add(table, "joe", 2000), 1);
    assert_int_equal(add(table, "jane", 1000 + WINDOW_MS - 1), 3);
    assert_int_equal(add(table, "jane", 1000 + WINDOW_MS), 1);
    count_table_free(table);
}

static void what_is_taken_back_was_not_counted(void **state UNUSED)
{
    struct count_table *table = new_table();
    count_table_take_back(table, SLICE("jane"), 1000);
    assert_int_equal(add(table, "jane", 1000), 1);
    count_table_take_back(table, SLICE("jane"), 1000);
    count_table_take_back(table, SLICE("jane"), 1000); /* never below nothing */
    assert_int_equal(add(table, "jane", 1000), 1);
    assert_int_equal(add(table, "jane", 1000), 2);
    count_table_take_back(table, SLICE("joe"), 1000);
    assert_int_equal(add(table, "jane", 1000), 3);
    count_table_free(table);
}

/* A hundred times the room: nobody is refused, and nobody gets rid of a counter by naming others. */
static void who_counts_most_outlives_a_flood_of_other_names(void **state UNUSED)
{
    struct count_table *table = new_table();
    for (int i = 1; i <= 5; i++)
        assert_int_equal(add(table, "jane", 1000), i);
    flood(table, "stranger", 100 * NAMES, 1, 2000);
    assert_int_equal(add(table, "jane", 3000), 6);
    count_table_free(table);
}

static const char *const known[] = {"jane", "joe", "jill", "jack", "june", "jim", "jo", "jean"};

static void assert_next(struct count_table *table, int64_t count, int64_t now_ms)
{
    for (size_t i = 0; i < COUNT_OF(known); i++)
        assert_int_equal(add(table, known[i], now_ms), count);
}

static void what_is_over_makes_room_before_what_is_live(void **state UNUSED)
{
    struct count_table *table = new_table();
    flood(table, "stranger", 4 * NAMES, 9, 0); /* every place is taken, by one that is much counted, and over by then */
    assert_next(table, 1, WINDOW_MS);
    flood(table, "stranger", NAMES / 8, 1, WINDOW_MS); /* two for sixteen places, on the average: never sixteen */
    assert_next(table, 2, WINDOW_MS);
    count_table_free(table);
}

static void of_those_that_counted_alike_the_one_that_ends_soonest_makes_room(void **state UNUSED)
{
    struct count_table *table = new_table();
    flood(table, "stranger", 4 * NAMES, 1, 1000);
    assert_next(table, 1, 2000); /* each in the first place of a set that is full of what ends before */
    flood(table, "newcomer", NAMES / 8, 1, 2000);
    assert_next(table, 2, 3000);
    count_table_free(table);
}

/* Half as many names as there is room for are all kept, or nearly: sixteen places each see to that. */
static void as_many_names_as_half_the_room_keep_their_counts(void **state UNUSED)
{
    struct count_table *table = new_table();
    int forgotten = 0;
    char name[32];
    flood(table, "stranger", NAMES / 2, 1, 1000);
    for (int i = 0; i < NAMES / 2; i++) {
        (void)snprintf(name, sizeof name, "stranger %d", i);
        forgotten += add(table, name, 1000) != 2;
    }
    assert_true(forgotten < NAMES / 20);
    count_table_free(table);
}

static void *count_often(void *table)
{
    for (int i = 0; i < 10000; i++)
        (void)add(table, "jane", 1000);
    return NULL;
}

static void threads_share_one_count(void **state UNUSED)
{
    struct count_table *table = new_table();
    pthread_t threads[THREADS];
    threads_start(threads, THREADS, count_often, table, 0);
    threads_join(threads, THREADS);
    assert_int_equal(add(table, "jane", 1000), THREADS * 10000 + 1);
    count_table_free(table);
}

static void without_randomness_there_is_no_table(void **state UNUSED)
{
    random_fail_next(1);
    assert_null(count_table_new(NAMES));
    count_table_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_counts_by_itself_until_its_window_ends),
        cmocka_unit_test(what_is_taken_back_was_not_counted),
        cmocka_unit_test(who_counts_most_outlives_a_flood_of_other_names),
        cmocka_unit_test(what_is_over_makes_room_before_what_is_live),
        cmocka_unit_test(of_those_that_counted_alike_the_one_that_ends_soonest_makes_room),
        cmocka_unit_test(as_many_names_as_half_the_room_keep_their_counts),
        cmocka_unit_test(threads_share_one_count),
        cmocka_unit_test(without_randomness_there_is_no_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
