#include "support/test.h"

#include "base/arena.h"
#include "http/catalogue.h"

static struct arena arena;

static int setup(void **state UNUSED)
{
    arena_init(&arena, 1 << 20);
    return 0;
}

static int teardown(void **state UNUSED)
{
    arena_done(&arena);
    return 0;
}

static struct catalogue read_good(const char *json)
{
    struct catalogue catalogue = {0};
    const char *why = NULL;
    if (catalogue_read(slice_str(json), &arena, &catalogue, &why) != STATUS_OK)
        fail_msg("%s: %s", json, why);
    return catalogue;
}

static void keys_are_found_whatever_their_order(void **state UNUSED)
{
    struct catalogue catalogue = read_good("{\"b\":{\"z\":\"1\",\"a\":\"2\"},\"a\":{\"q\":\"3 {x}\"}}");
    assert_int_equal(catalogue.count, 3);
    assert_slice_equal(catalogue_find(&catalogue, SLICE("b.z")), SLICE("1"));
    assert_slice_equal(catalogue_find(&catalogue, SLICE("b.a")), SLICE("2"));
    assert_slice_equal(catalogue_find(&catalogue, SLICE("a.q")), SLICE("3 {x}"));
    assert_true(slice_is_absent(catalogue_find(&catalogue, SLICE("a.z"))));
    assert_true(slice_is_absent(catalogue_find(&(struct catalogue){0}, SLICE("a.z"))));
}

static void what_is_wrong_is_told_with_its_key(void **state UNUSED)
{
    static const struct {
        const char *json, *why;
    } rows[] = {
        {"[]", "must be an object of objects of texts"},
        {"{\"a\":\"x\"}", "a: must be an object of texts"},
        {"{\"a\":{\"b\":1}}", "a.b: must be a text"},
        {"{\"a\":{\"b\":\"\"}}", "a.b: is empty; write the sentence"},
        {"{\"a\":{\"b\":\"{x\"}}", "a.b: has a brace that encloses no name; write {name}"},
        {"{\"a\":{\"b\":\"x}\"}}", "a.b: has a brace that encloses no name; write {name}"},
        {"{\"a\":{\"b\":\"{}\"}}", "a.b: has a brace that encloses no name; write {name}"},
        {"{\"a\":{\"b\":\"{X}\"}}", "a.b: has a brace that encloses no name; write {name}"},
        {"{\"a\":{\"b\":\"{{x}}\"}}", "a.b: has a brace that encloses no name; write {name}"},
        {"{\"a\":{\"B\":\"x\"}}", "a.B: is no key; keys are of a-z, 0-9 and _"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct catalogue catalogue;
        const char *why = NULL;
        assert_status(catalogue_read(slice_str(rows[i].json), &arena, &catalogue, &why), STATUS_BAD_INPUT);
        assert_string_equal(why, rows[i].why);
    }
}

static void what_differs_from_the_model_is_told_with_file_and_key(void **state UNUSED)
{
    struct catalogue model = read_good("{\"a\":{\"b\":\"{x} asks {y}\",\"c\":\"C\",\"d\":\"{x}{x}\"}}");
    struct catalogue other = read_good("{\"a\":{\"b\":\"{y} and {z}\",\"d\":\"{x}\",\"e\":\"E\"}}");
    struct buf problems = buf_in(&arena);
    catalogue_check(&other, &model, "xx.json", &problems);
    assert_slice_equal(buf_slice(&problems), SLICE("xx.json: a.b: {z} is no placeholder of this text\n"
                                                   "xx.json: a.b: lacks the placeholder {x}\n"
                                                   "xx.json: a.e: is a key that no page has; take it out\n"
                                                   "xx.json: a.c: is missing; the English text is \"C\"\n"));
    problems.len = 0;
    catalogue_check(&model, &model, "xx.json", &problems);
    assert_int_equal(problems.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keys_are_found_whatever_their_order, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_wrong_is_told_with_its_key, setup, teardown),
        cmocka_unit_test_setup_teardown(what_differs_from_the_model_is_told_with_file_and_key, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
