#include "base/nearest.h"

#include "support/test.h"

static void counts_changes(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        size_t distance;
    } rows[] = {
        {"", "", 0},       {"abc", "", 3},           {"", "abc", 3},    {"abc", "abc", 0},       {"abc", "ABC", 0},
        {"abc", "acb", 1}, {"kitten", "sitting", 3}, {"url", "ulr", 1}, {"listen", "lsiten", 1}, {"a", "b", 1},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_int_equal(nearest_distance(slice_str(rows[i].a), slice_str(rows[i].b)), rows[i].distance);
}

static void long_texts_are_far_from_all(void **state)
{
    (void)state;
    char text[100];
    memset(text, 'x', sizeof text);
    assert_int_equal(nearest_distance(slice_of(text, 100), slice_of(text, 100)), 100);
    assert_int_equal(nearest_distance(slice_of(text, 64), slice_of(text, 64)), 0);
}

static const char *closest(const char *wanted)
{
    static const char *const names[] = {"create", "update", "delete", "dev", "get"};
    struct nearest nearest = {.wanted = slice_str(wanted)};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        nearest_consider(&nearest, names[i]);
    return nearest.name;
}

static void keeps_the_closest_that_is_close(void **state)
{
    (void)state;
    assert_string_equal(closest("craete"), "create");
    assert_string_equal(closest("updat"), "update");
    assert_string_equal(closest("deelete"), "delete");
    assert_string_equal(closest("dve"), "dev");
    assert_null(closest("x"));
    assert_null(closest("ge"));
    assert_null(closest("remove"));
    assert_null(closest(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_changes),
        cmocka_unit_test(long_texts_are_far_from_all),
        cmocka_unit_test(keeps_the_closest_that_is_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
