#include "crypto/random.h"
#include "ephemeral/ttl_table.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

enum { MANY = 5000 };

static int freed;

static void count_free(void *value)
{
    freed++;
    free(value);
}

static struct ttl_table *new_table(size_t max)
{
    struct ttl_table *table = ttl_table_new(max, count_free);
    assert_non_null(table);
    freed = 0;
    return table;
}

static int *number(int value)
{
    int *place = malloc(sizeof *place);
    assert_non_null(place);
    *place = value;
    return place;
}

static struct slice name_of(int value, char memory[16])
{
    int len = snprintf(memory, 16, "%d", value);
    return slice_of(memory, (size_t)len);
}

static enum status add(struct ttl_table *table, struct slice name, int value, int64_t expires_ms, int64_t now_ms)
{
    int *place = number(value);
    enum status status = ttl_table_add(table, name, place, expires_ms, now_ms);
    if (status != STATUS_OK)
        free(place);
    return status;
}

static void many_values_are_each_found_under_their_names(void **state)
{
    (void)state;
    char memory[16];
    struct ttl_table *table = new_table(MANY);
    for (int i = 0; i < MANY; i++)
        assert_status(add(table, name_of(i, memory), i, 1000 + i, 0), STATUS_OK);
    assert_status(add(table, SLICE("one more"), 0, 1000, 0), STATUS_STORE_DOWN);
    for (int i = 0; i < MANY; i++) {
        void **place = ttl_table_find(table, name_of(i, memory), 0);
        assert_non_null(place);
        assert_int_equal(**(int **)place, i);
        assert_non_null(ttl_table_find(table, name_of(i, memory), 999 + i));
        assert_null(ttl_table_find(table, name_of(i, memory), 1000 + i));
        assert_status(add(table, name_of(i, memory), i, 1000, 0), STATUS_CONFLICT);
    }
    assert_null(ttl_table_find(table, SLICE("one more"), 0));
    ttl_table_free(table);
    assert_int_equal(freed, MANY);
}

static void what_has_expired_is_gone_and_makes_room(void **state)
{
    (void)state;
    struct ttl_table *table = new_table(2);
    assert_status(add(table, SLICE("a"), 1, 100, 0), STATUS_OK);
    assert_status(add(table, SLICE("b"), 2, 100000, 0), STATUS_OK);
    assert_non_null(ttl_table_find(table, SLICE("a"), 99));
    assert_null(ttl_table_find(table, SLICE("a"), 100));
    assert_null(ttl_table_take(table, SLICE("a"), 100));
    assert_status(add(table, SLICE("a"), 3, 200, 100), STATUS_OK); /* the same name, anew */
    assert_int_equal(freed, 1);
    assert_status(add(table, SLICE("c"), 4, 100000, 10000), STATUS_OK); /* by then a sweep took "a" */
    assert_int_equal(freed, 2);
    assert_non_null(ttl_table_find(table, SLICE("b"), 10000));
    ttl_table_free(table);
    assert_int_equal(freed, 4);
}

static void a_value_is_taken_once_and_is_then_the_callers(void **state)
{
    (void)state;
    struct ttl_table *table = new_table(10);
    assert_status(add(table, SLICE("a"), 7, 100, 0), STATUS_OK);
    int *taken = ttl_table_take(table, SLICE("a"), 0);
    assert_non_null(taken);
    assert_int_equal(*taken, 7);
    free(taken);
    assert_null(ttl_table_take(table, SLICE("a"), 0));
    assert_int_equal(freed, 0);
    ttl_table_free(table);
}

static bool is_odd(const void *value, const void *context)
{
    (void)context;
    return *(const int *)value % 2 == 1;
}

static void what_matches_is_dropped_and_the_rest_stays(void **state)
{
    (void)state;
    char memory[16];
    struct ttl_table *table = new_table(MANY);
    for (int i = 0; i < 1000; i++)
        assert_status(add(table, name_of(i, memory), i, 1000, 0), STATUS_OK);
    ttl_table_drop(table, is_odd, NULL);
    assert_int_equal(freed, 500);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(ttl_table_find(table, name_of(i, memory), 0) != NULL, i % 2 == 0);
    ttl_table_free(table);
    assert_int_equal(freed, 1000);
}

static void names_may_hold_any_bytes(void **state)
{
    (void)state;
    struct ttl_table *table = new_table(10);
    assert_status(add(table, SLICE("a\0b"), 1, 100, 0), STATUS_OK);
    assert_status(add(table, SLICE("a\0c"), 2, 100, 0), STATUS_OK);
    assert_status(add(table, SLICE("a"), 3, 100, 0), STATUS_OK);
    assert_status(add(table, SLICE(""), 4, 100, 0), STATUS_OK);
    assert_int_equal(**(int **)ttl_table_find(table, SLICE("a\0c"), 0), 2);
    ttl_table_free(table);
}

static void without_randomness_there_is_no_table(void **state)
{
    (void)state;
    random_fail_next(1);
    assert_null(ttl_table_new(10, count_free));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_values_are_each_found_under_their_names),
        cmocka_unit_test(what_has_expired_is_gone_and_makes_room),
        cmocka_unit_test(a_value_is_taken_once_and_is_then_the_callers),
        cmocka_unit_test(what_matches_is_dropped_and_the_rest_stays),
        cmocka_unit_test(names_may_hold_any_bytes),
        cmocka_unit_test(without_randomness_there_is_no_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
