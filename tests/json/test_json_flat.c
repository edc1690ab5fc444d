#include "json/json_flat.h"

#include "support/test.h"

#include <stdlib.h>

struct members {
    struct slice method, url, body;
    bool explain;
    int64_t page;
};

static const struct json_field fields[] = {
    JSON_FIELD(struct members, method, JSON_STRING, true), JSON_FIELD(struct members, url, JSON_STRING, false),
    JSON_FIELD(struct members, body, JSON_STRING, false),  JSON_FIELD(struct members, explain, JSON_BOOL, false),
    JSON_FIELD(struct members, page, JSON_INT, false),     JSON_FIELDS_END,
};

/* A reading of one text, of which nothing is left but what it told. */
struct reading {
    struct arena arena;
    char *text; /* of that very size, so that a read behind it is noticed */
    struct members members;
    uint64_t given;
    bool is_taken;
};

static void begin_reading(struct reading *reading, struct slice text)
{
    *reading = (struct reading){.text = malloc(text.len ? text.len : 1)};
    assert_non_null(reading->text);
    memcpy(reading->text, text.ptr, text.len);
    arena_init(&reading->arena, 1 << 20);
}

static void end_reading(struct reading *reading)
{
    arena_done(&reading->arena);
    free(reading->text);
}

static void read_flat(struct reading *reading, struct slice text)
{
    begin_reading(reading, text);
    reading->is_taken =
        json_flat(slice_of(reading->text, text.len), fields, &reading->arena, &reading->members, &reading->given);
}

static void read_by_tree(struct reading *reading, struct slice text)
{
    const json_value *value = NULL;
    const char *why = NULL;
    begin_reading(reading, text);
    reading->is_taken = json_read(slice_of(reading->text, text.len), &reading->arena, &value, &why) == STATUS_OK &&
                        json_decode(value, fields, JSON_NULL_REFUSED, "", &reading->arena, &reading->members,
                                    &reading->given, &why) == STATUS_OK;
}

static void assert_same_string(struct slice flat, struct slice tree)
{
    assert_int_equal(slice_is_absent(flat), slice_is_absent(tree));
    assert_slice_equal(flat, tree);
}

/* What is taken in one pass is what the tree says. True: it was taken. */
static bool compare_readings(struct slice text)
{
    struct reading flat, tree;
    read_flat(&flat, text);
    read_by_tree(&tree, text);
    if (flat.is_taken) {
        if (!tree.is_taken)
            fail_msg("%.*s is taken in one pass alone", SLICE_ARGS(text));
        assert_same_string(flat.members.method, tree.members.method);
        assert_same_string(flat.members.url, tree.members.url);
        assert_same_string(flat.members.body, tree.members.body);
        assert_int_equal(flat.members.explain, tree.members.explain);
        assert_int_equal(flat.given, tree.given);
    }
    bool is_taken = flat.is_taken;
    end_reading(&flat);
    end_reading(&tree);
    return is_taken;
}

#define LONG "a text of more than sixteen bytes, "

static void the_usual_object_is_read_in_one_pass(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{\"method\":\"GET\"}",
        " \t\r\n{ \"url\" : \"\" , \"method\" : \"\" , \"explain\" : true } \n",
        "{\"explain\":false,\"method\":\"POST\",\"body\":\"" LONG LONG "\"}",
        "\n\n\t\t\r\r  {\"method\"  :\n\n\"a\"\r\r,\t\t\"url\":\"b\"  }",
        "{\"method\":\"a\",\"body\":\"\\\"\"}",
        "{\"method\":\"a\",\"body\":\"" LONG "\\\"" LONG "\\\\\\/\\b\\f\\n\\r\\t" LONG "\",\"url\":\"u\\\"v\"}",
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        if (!compare_readings(slice_str(texts[i])))
            fail_msg("%s is not taken", texts[i]);
}

/* Some are good, and the tree reads them. */
static void what_is_not_usual_is_left_to_the_tree(void **state)
{
    (void)state;
    static const struct slice texts[] = {
        SLICE_INIT(""),
        SLICE_INIT("{}"),
        SLICE_INIT("[]"),
        SLICE_INIT("{\"method\":\"a\""),
        SLICE_INIT("{\"method\":\"a\"}x"),
        SLICE_INIT("{\"method\":\"a\",}"),
        SLICE_INIT("{\"method\":\"a\" \"url\":\"b\"}"),
        SLICE_INIT("{\"method\" \"a\"}"),
        SLICE_INIT("{\"url\":\"a\"}"),
        SLICE_INIT("{\"method\":\"a\",\"method\":\"a\"}"),
        SLICE_INIT("{\"method\":\"a\",\"other\":\"a\"}"),
        SLICE_INIT("{\"method\":\"a\",\"Url\":\"a\"}"),
        SLICE_INIT("{\"method\":\"a\",\"ur\":\"a\"}"),
        SLICE_INIT("{\"method\":\"a\",\"page\":1}"),
        SLICE_INIT("{\"method\":\"a\",\"page\":true}"),
        SLICE_INIT("{\"method\":\"a\",\"url\"}"),
        SLICE_INIT("{\"method\":\"a\",\"url\":}"),
        SLICE_INIT("{\"method\":\"a\",\"explain\":}"),
        SLICE_INIT("{\"method\":\"a\",\"url\":null}"),
        SLICE_INIT("{\"method\":\"a\",\"url\":true}"),
        SLICE_INIT("{\"method\":\"a\",\"explain\":\"true\"}"),
        SLICE_INIT("{\"method\":\"a\",\"explain\":truth}"),
        SLICE_INIT("{\"method\":\"\\u0041\"}"),
        SLICE_INIT("{\"method\":\"a\",\"url\":\"b\\q\"}"),
        SLICE_INIT("{\"method\":\"a\",\"url\":\"b\\\0\"}"),
        SLICE_INIT("{\"method\":\"a\",\"url\":\"b\0\"}"),
        SLICE_INIT("{\"method\":\"a\",\"url\":\"b\n\"}"),
        SLICE_INIT("{\"method\":\"a\",\"url\":\"\xC3\xA9\"}"),
        SLICE_INIT("{\"method\":\"a\",\"url\":\"\x7F\"}"),
        SLICE_INIT("{\"method\":\"a\",\"url\":\"b\\"),
        SLICE_INIT("{\"method\":\"a\",\"url\":\"b\\\""),
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        if (compare_readings(texts[i]))
            fail_msg("%.*s is taken in one pass", SLICE_ARGS(texts[i]));
}

/* One byte after the other becomes each that means something in JSON, or goes. */
static void no_text_with_one_wrong_byte_is_read_in_another_way(void **state)
{
    (void)state;
    static const char text[] = " {\"method\":\"GE\\\"T\",\"url\":\"http://photos.example/a\\/b\",\"explain\":true,"
                               "\"body\":\"" LONG "\"} ";
    static const char bytes[] = "\"\\{}[],:tu0n \n\x7F\xC3";
    enum { LEN = sizeof text - 1 };
    char changed[LEN];
    size_t taken = 0;
    for (size_t at = 0; at < LEN; at++) {
        memcpy(changed, text, at);
        memcpy(changed + at, text + at + 1, LEN - at - 1);
        taken += compare_readings(slice_of(changed, LEN - 1));
        taken += compare_readings(slice_of(text, at));
        memcpy(changed, text, LEN);
        for (size_t i = 0; i < sizeof bytes; i++) { /* the NUL at its end too */
            changed[at] = bytes[i];
            taken += compare_readings(slice_of(changed, LEN));
        }
    }
    assert_true(taken > LEN);
}

/* It is where the text has it, and takes no memory. */
static void a_string_without_escapes_is_not_copied(void **state)
{
    (void)state;
    static const char text[] = "{\"method\":\"ab\"}";
    struct members members = {0};
    uint64_t given = 0;
    struct arena arena;
    arena_init(&arena, 0);
    assert_true(json_flat(slice_str(text), fields, &arena, &members, &given));
    assert_ptr_equal(members.method.ptr, strstr(text, "ab"));
    arena_done(&arena);
}

static void a_full_arena_is_left_to_the_tree_too(void **state)
{
    (void)state;
    static const struct slice text = SLICE_INIT("{\"method\":\"a\\nb\"}");
    struct members members = {0};
    uint64_t given = 0;
    struct arena arena;
    arena_init(&arena, 2);
    assert_false(json_flat(text, fields, &arena, &members, &given));
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_usual_object_is_read_in_one_pass),
        cmocka_unit_test(what_is_not_usual_is_left_to_the_tree),
        cmocka_unit_test(no_text_with_one_wrong_byte_is_read_in_another_way),
        cmocka_unit_test(a_string_without_escapes_is_not_copied),
        cmocka_unit_test(a_full_arena_is_left_to_the_tree_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
