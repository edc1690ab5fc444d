#include "look/scope_texts.h"

#include "support/test.h"

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

static void gives_the_words_of_the_language_or_the_fallback(void **state UNUSED)
{
    struct scope_texts texts = {0};
    const char *why = NULL;
    assert_status(scope_texts_read(SLICE("{\"a:b\":{\"text\":\"See\",\"group\":\"G\",\"dangerous\":true,\"languages\":{"
                                         "\"de\":{\"text\":\"Sehen\",\"group\":\"H\"},\"ja\":{\"text\":\"x\"}}},"
                                         "\"c\":{\"text\":\"Write\",\"self_service\":true}}"),
                                   &arena, &texts, &why),
                  STATUS_OK);
    const struct scope_text *first = scope_texts_find(&texts, SLICE("a:b"));
    const struct scope_text *second = scope_texts_find(&texts, SLICE("c"));
    assert_true(first->dangerous && !first->self_service && !second->dangerous && second->self_service);
    assert_slice_equal(scope_words_in(first, SLICE("de")).text, SLICE("Sehen"));
    assert_slice_equal(scope_words_in(first, SLICE("de")).group, SLICE("H"));
    assert_slice_equal(scope_words_in(first, SLICE("ja")).text, SLICE("x"));
    assert_slice_equal(scope_words_in(first, SLICE("ja")).group, SLICE("G"));
    assert_slice_equal(scope_words_in(first, SLICE("fr")).text, SLICE("See"));
    assert_true(slice_is_absent(scope_words_in(second, SLICE("de")).group));
    assert_null(scope_texts_find(&texts, SLICE("a")));
}

static void what_is_wrong_is_told_with_the_scope(void **state UNUSED)
{
    static const struct {
        const char *json, *why;
    } rows[] = {
        {"[]", "must be an object: the name of a scope, and an object with its text"},
        {"{\"a\":1}", "a"},
        {"{\"a\":{}}", "a.text"},
        {"{\"a\":{\"text\":\"x\",\"texts\":\"y\"}}", "texts"},
        {"{\"a\":{\"text\":\"\"}}", "a: text and group must be one line, not empty, of 500 bytes at most"},
        {"{\"a\":{\"text\":\"x\\ny\"}}", "a: text and group must be one line"},
        {"{\"a\":{\"text\":\"x\",\"group\":\"\"}}", "a: text and group"},
        {"{\"a\":{\"text\":\"x\",\"dangerous\":\"yes\"}}", "a.dangerous"},
        {"{\"a b\":{\"text\":\"x\"}}", "a b: is no name of a scope"},
        {"{\"a\\\"b\":{\"text\":\"x\"}}", "is no name of a scope"},
        {"{\"a\":{\"text\":\"x\",\"languages\":{\"d\":{\"text\":\"y\"}}}}", "a: languages: has a name that is no"},
        {"{\"a\":{\"text\":\"x\",\"languages\":{\"de\":{}}}}", "text"},
        {"{\"a\":{\"text\":\"x\"},\"a\":{\"text\":\"y\"}}", "a"},
        {"{", ""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct scope_texts texts;
        const char *why = NULL;
        assert_status(scope_texts_read(slice_str(rows[i].json), &arena, &texts, &why), STATUS_BAD_INPUT);
        if (!strstr(why, rows[i].why))
            fail_msg("%s: %s", rows[i].json, why);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(gives_the_words_of_the_language_or_the_fallback, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_wrong_is_told_with_the_scope, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
