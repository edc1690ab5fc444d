#include "json/json_reader.h"

#include "base/buf.h"
#include "support/test.h"

#include <cjson/cJSON.h>
#include <stdlib.h>

static struct arena arena;

static int start(void **state)
{
    (void)state;
    arena_init(&arena, 16 << 20);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    arena_done(&arena);
    return 0;
}

struct row {
    struct slice text;
    const char *why; /* a part of the text; NULL: taken */
};

#define TAKEN(text)            \
    {                          \
        SLICE_INIT(text), NULL \
    }
#define REFUSED(text, why)    \
    {                         \
        SLICE_INIT(text), why \
    }

static const struct row rows[] = {
    TAKEN("{}"),
    TAKEN(" \t\r\n{\"a\" : [ 1 , -2 , true , false , null , \"\" ] } \n"),
    TAKEN("0"),
    TAKEN("-0"),
    TAKEN("\"\""),
    TAKEN("9007199254740991"),
    TAKEN("-9007199254740991"),
    TAKEN("\"\\ud83d\\ude00 \\u00e9 \\\" \\\\ \\/ \\b \\f \\n \\r \\t\""),
    TAKEN("\"\xF0\x9F\x98\x80\xC3\xA9\""),
    TAKEN("{\"a\":1,\"A\":2}"),
    TAKEN("{\"a\":{\"a\":1}}"),
    TAKEN("[[[[[[[[]]]]]]]]"),
    /* the end of the text */
    REFUSED("", "a value was expected, at byte 0"),
    REFUSED("  ", "a value was expected, at byte 2"),
    REFUSED("{", "at byte 1"),
    REFUSED("{\"a\"", "':' was expected, at byte 4"),
    REFUSED("{\"a\":", "at byte 5"),
    REFUSED("{\"a\":1", "',' or '}' was expected"),
    REFUSED("[1", "',' or ']' was expected"),
    REFUSED("\"abc", "a string without its end, at byte 4"),
    REFUSED("\"\\", "an unknown escape"),
    REFUSED("\"\\u12", "four hexadecimal digits"),
    REFUSED("tru", "a value was expected"),
    REFUSED("-", "a value was expected"),
    /* something behind */
    REFUSED("{} x", "something behind the value, at byte 3"),
    REFUSED("{}{}", "something behind the value"),
    REFUSED("{}\0", "something behind the value"),
    REFUSED("1 2", "something behind the value"),
    REFUSED("truex", "something behind the value"),
    REFUSED("{}\f", "something behind the value"),
    REFUSED("{}\xC2\xA0", "something behind the value"),
    /* not JSON, though cJSON takes some of it */
    REFUSED("\xEF\xBB\xBF{}", "a value was expected, at byte 0"),
    REFUSED("\x01{}", "a value was expected"),
    REFUSED("[1,]", "a value was expected"),
    REFUSED("[,1]", "a value was expected"),
    REFUSED("{\"a\":1,}", "a member's name was expected"),
    REFUSED("{a:1}", "a member's name was expected"),
    REFUSED("{'a':1}", "a member's name was expected"),
    REFUSED("{\"a\" 1}", "':' was expected"),
    REFUSED("[1 2]", "',' or ']' was expected"),
    REFUSED("/* */{}", "a value was expected"),
    REFUSED("NaN", "a value was expected"),
    REFUSED("True", "a value was expected"),
    /* strings */
    REFUSED("\"a\0b\"", "a NUL in a string, at byte 2"),
    REFUSED("\"a\\u0000b\"", "a NUL in a string"),
    REFUSED("{\"a\\u0000b\":1}", "a NUL in a string"),
    REFUSED("\"a\nb\"", "an unescaped control character"),
    REFUSED("\"\x1F\"", "an unescaped control character"),
    REFUSED("\"\\x41\"", "an unknown escape"),
    REFUSED("\"\\u00g0\"", "four hexadecimal digits"),
    REFUSED("\"\\u+123\"", "four hexadecimal digits"),
    REFUSED("\"\\ud800\"", "a lone surrogate"),
    REFUSED("\"\\udc00\"", "a lone surrogate"),
    REFUSED("\"\\ud800\\ud800\"", "a lone surrogate"),
    REFUSED("\"\\ud800x\"", "a lone surrogate"),
    REFUSED("\"\\ud83d\\n\"", "a lone surrogate"),
    REFUSED("\"\xFF\"", "bytes that are not UTF-8, at byte 1"),
    REFUSED("\"\xC0\x80\"", "bytes that are not UTF-8"),
    REFUSED("\"\xED\xA0\x80\"", "bytes that are not UTF-8"),
    REFUSED("\"\xE2\x82\"", "bytes that are not UTF-8"),
    REFUSED("{\"\xFF\":1}", "bytes that are not UTF-8"),
    /* numbers */
    REFUSED("9007199254740992", "too large to be exact"),
    REFUSED("9007199254740993", "too large to be exact"),
    REFUSED("-9007199254740992", "too large to be exact"),
    REFUSED("18446744073709551617", "too large to be exact"),
    REFUSED("00000000000000000001", "leading zero"),
    REFUSED("01", "leading zero"),
    REFUSED("-01", "leading zero"),
    REFUSED("+1", "a value was expected"),
    REFUSED(".5", "a value was expected"),
    REFUSED("1.", "not a plain integer"),
    REFUSED("1.0", "not a plain integer"),
    REFUSED("1e3", "not a plain integer"),
    REFUSED("1E3", "not a plain integer"),
    REFUSED("0x10", "something behind the value"),
    /* members that are there twice */
    REFUSED("{\"a\":1,\"a\":1}", "member \"a\" is there twice"),
    REFUSED("{\"a\":1,\"b\":2,\"\\u0061\":3}", "member \"a\" is there twice"),
    REFUSED("[{\"x\":{\"b\":1,\"b\":2}}]", "member \"b\" is there twice"),
    REFUSED("{\"\":1,\"\":2}", "member \"\" is there twice"),
    REFUSED("{\"\\u001b[31m\":1,\"\\u001b[31m\":2}", "member \"?[31m\" is there twice"),
    /* depth */
    REFUSED("[[[[[[[[[]]]]]]]]]", "nested too deep, at byte 8"),
    REFUSED("{\"a\":[{\"a\":[{\"a\":[{\"a\":[{}]}]}]}]}", "nested too deep"),
};

static void check_row(const struct row *row)
{
    /* a copy of exactly that size, so that a read behind it is noticed */
    char *text = malloc(row->text.len ? row->text.len : 1);
    assert_non_null(text);
    memcpy(text, row->text.ptr, row->text.len);
    const json_value *value = NULL;
    const char *why = NULL;
    enum status status = json_read(slice_of(text, row->text.len), &arena, &value, &why);
    free(text);
    if (!row->why) {
        if (status != STATUS_OK)
            fail_msg("%.*s is refused: %s", SLICE_ARGS(row->text), why);
        assert_non_null(value);
        return;
    }
    if (status != STATUS_BAD_INPUT)
        fail_msg("%.*s is taken", SLICE_ARGS(row->text));
    assert_null(value);
    if (!strstr(why, row->why))
        fail_msg("%.*s: \"%s\" does not say \"%s\"", SLICE_ARGS(row->text), why, row->why);
}

static void takes_and_refuses_as_the_table_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        check_row(&rows[i]);
}

static const json_value *read_ok(struct slice text)
{
    const json_value *value = NULL;
    const char *why = NULL;
    enum status status = json_read(text, &arena, &value, &why);
    if (status != STATUS_OK)
        fail_msg("%s", why);
    return value;
}

static const char *read_refused(struct slice text)
{
    const json_value *value = NULL;
    const char *why = NULL;
    assert_status(json_read(text, &arena, &value, &why), STATUS_BAD_INPUT);
    return why;
}

/* "[1,1,…]" or {"0":1,"1":1,…} with `count` elements. */
static void write_many(struct buf *out, size_t count, bool object)
{
    buf_add_byte(out, object ? '{' : '[');
    for (size_t i = 0; i < count; i++) {
        if (object)
            buf_addf(out, "%s\"%zu\":1", i ? "," : "", i);
        else
            buf_addf(out, "%s1", i ? "," : "");
    }
    buf_add_byte(out, object ? '}' : ']');
}

static void caps_members_of_an_object(void **state)
{
    (void)state;
    struct buf text = BUF_INIT;
    write_many(&text, JSON_MAX_MEMBERS, true);
    assert_int_equal(json_count(read_ok(buf_slice(&text))), JSON_MAX_MEMBERS);
    buf_reset(&text);
    write_many(&text, JSON_MAX_MEMBERS + 1, true);
    assert_non_null(strstr(read_refused(buf_slice(&text)), "too many members"));
    buf_done(&text);
}

static void caps_values_in_all(void **state)
{
    (void)state;
    struct buf text = BUF_INIT;
    write_many(&text, JSON_MAX_VALUES - 1, false);
    assert_int_equal(json_count(read_ok(buf_slice(&text))), JSON_MAX_VALUES - 1);
    buf_reset(&text);
    write_many(&text, JSON_MAX_VALUES, false);
    assert_non_null(strstr(read_refused(buf_slice(&text)), "too many values"));
    buf_done(&text);
}

static void caps_the_length_of_names(void **state)
{
    (void)state;
    char text[JSON_MAX_NAME_BYTES + 8];
    memset(text, 'n', sizeof text);
    memcpy(text, "{\"", 2);
    memcpy(text + JSON_MAX_NAME_BYTES, "\":1}", 4);
    assert_int_equal(json_count(read_ok(slice_of(text, JSON_MAX_NAME_BYTES + 4))), 1);
    text[JSON_MAX_NAME_BYTES] = 'n';
    memcpy(text + JSON_MAX_NAME_BYTES + 1, "\":1}", 4);
    assert_non_null(strstr(read_refused(slice_of(text, JSON_MAX_NAME_BYTES + 5)), "too long, at byte 1"));
}

static void stops_at_the_arenas_limit(void **state)
{
    (void)state;
    struct arena small;
    arena_init(&small, 8192);
    struct buf text = BUF_INIT;
    write_many(&text, 1000, false);
    const json_value *value = NULL;
    const char *why = NULL;
    assert_status(json_read(buf_slice(&text), &small, &value, &why), STATUS_NO_MEMORY);
    assert_string_equal(why, "out of memory");
    assert_null(value);
    arena_done(&small);
    buf_done(&text);
}

static void reads_values_as_they_were_meant(void **state)
{
    (void)state;
    const json_value *value =
        read_ok(SLICE("{\"s\":\"a\\u00e9\\ud83d\\ude00\\n\",\"i\":-9007199254740991,\"t\":true,\"l\":[1,2]}"));
    assert_slice_equal(json_string_of(json_member(value, "s")), SLICE("a\xC3\xA9\xF0\x9F\x98\x80\n"));
    assert_int_equal(json_int_of(json_member(value, "i")), -JSON_MAX_INT);
    assert_true(json_bool_of(json_member(value, "t")));
    assert_int_equal(json_count(json_member(value, "l")), 2);
    assert_int_equal(json_int_of(json_next(json_first(json_member(value, "l")))), 2);
    assert_null(json_member(value, "S"));
    assert_null(json_member(value, "x"));
    assert_slice_equal(json_name_of(json_first(value)), SLICE("s"));
}

static void leaves_cjson_usable_for_others(void **state)
{
    (void)state;
    (void)read_ok(SLICE("[1]"));
    cJSON *other = cJSON_Parse("{\"a\":[1,2,3]}");
    assert_non_null(other);
    char *printed = cJSON_PrintUnformatted(other);
    assert_string_equal(printed, "{\"a\":[1,2,3]}");
    cJSON_free(printed);
    cJSON_Delete(other);
}

struct request {
    struct slice method;
    struct slice url;
    bool explain;
    int64_t page;
    struct json_strings scopes;
    const json_value *inner;
    const json_value *list;
};

static const struct json_field request_fields[] = {
    JSON_FIELD(struct request, method, JSON_STRING, true),   JSON_FIELD(struct request, url, JSON_STRING, false),
    JSON_FIELD(struct request, explain, JSON_BOOL, false),   JSON_FIELD(struct request, page, JSON_INT, false),
    JSON_FIELD(struct request, scopes, JSON_STRINGS, false), JSON_FIELD(struct request, inner, JSON_OBJECT, false),
    JSON_FIELD(struct request, list, JSON_ARRAY, false),     JSON_FIELDS_END,
};

static void decodes_an_object_into_a_struct(void **state)
{
    (void)state;
    char text[] = "{\"method\":\"GET\",\"explain\":true,\"page\":7,\"scopes\":[\"a\",\"\"],"
                  "\"inner\":{\"x\":1},\"list\":[],\"url\":\"\"}";
    struct request out = {0};
    uint64_t given = 0;
    const char *why = NULL;
    const json_value *value = read_ok(slice_str(text));
    memset(text, 'x', sizeof text - 1); /* nothing points into the text */
    assert_status(json_decode(value, request_fields, JSON_NULL_REFUSED, "", &arena, &out, &given, &why), STATUS_OK);
    assert_slice_equal(out.method, SLICE("GET"));
    assert_false(slice_is_absent(out.url));
    assert_true(out.explain);
    assert_int_equal(out.page, 7);
    assert_int_equal(out.scopes.count, 2);
    assert_slice_equal(out.scopes.items[0], SLICE("a"));
    assert_slice_equal(out.scopes.items[1], SLICE(""));
    assert_int_equal(json_count(out.inner), 1);
    assert_int_equal(json_count(out.list), 0);
    assert_int_equal(given, 0x7F);
}

static void leaves_absent_members_as_they_were(void **state)
{
    (void)state;
    struct request out = {.explain = true, .page = 50};
    uint64_t given = 99;
    const char *why = NULL;
    assert_status(json_decode(read_ok(SLICE("{\"method\":\"GET\"}")), request_fields, JSON_NULL_REFUSED, "", &arena,
                              &out, &given, &why),
                  STATUS_OK);
    assert_true(slice_is_absent(out.url));
    assert_true(out.explain);
    assert_int_equal(out.page, 50);
    assert_int_equal(given, 1);
}

struct decode_row {
    struct slice text;
    const char *where;
    const char *why;
};

static void names_the_member_that_is_wrong(void **state)
{
    (void)state;
    static const struct decode_row table[] = {
        {SLICE_INIT("[]"), "", "the JSON text must be an object"},
        {SLICE_INIT("\"x\""), "requests[3]", "requests[3] must be an object"},
        {SLICE_INIT("{}"), "", "method is required"},
        {SLICE_INIT("{}"), "requests[3]", "requests[3].method is required"},
        {SLICE_INIT("{\"method\":1}"), "", "method must be a string"},
        {SLICE_INIT("{\"method\":null}"), "", "method must be a string"},
        {SLICE_INIT("{\"method\":\"GET\",\"explain\":\"true\"}"), "", "explain must be true or false"},
        {SLICE_INIT("{\"method\":\"GET\",\"explain\":1}"), "requests[0]", "requests[0].explain must be true or false"},
        {SLICE_INIT("{\"method\":\"GET\",\"page\":\"1\"}"), "", "page must be an integer"},
        {SLICE_INIT("{\"method\":\"GET\",\"scopes\":\"a b\"}"), "", "scopes must be an array of strings"},
        {SLICE_INIT("{\"method\":\"GET\",\"scopes\":[\"a\",1]}"), "", "scopes must be an array of strings"},
        {SLICE_INIT("{\"method\":\"GET\",\"inner\":[]}"), "", "inner must be an object"},
        {SLICE_INIT("{\"method\":\"GET\",\"list\":{}}"), "", "list must be an array"},
        {SLICE_INIT("{\"method\":\"GET\",\"Method\":\"GET\"}"), "", "unknown member \"Method\""},
        {SLICE_INIT("{\"method\":\"GET\",\"evil\\n\\u202e\":1}"), "requests[1]",
         "unknown member \"evil??\" in requests[1]"},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        struct request out = {0};
        const char *why = NULL;
        assert_status(json_decode(read_ok(table[i].text), request_fields, JSON_NULL_REFUSED, table[i].where, &arena,
                                  &out, NULL, &why),
                      STATUS_BAD_INPUT);
        assert_string_equal(why, table[i].why);
    }
}

static void takes_null_as_absent_where_told(void **state)
{
    (void)state;
    struct request out = {.page = 50};
    uint64_t given = 0;
    const char *why = NULL;
    const json_value *value = read_ok(SLICE("{\"method\":\"GET\",\"url\":null,\"page\":null,\"inner\":null}"));
    assert_status(json_decode(value, request_fields, JSON_NULL_IS_ABSENT, "", &arena, &out, &given, &why), STATUS_OK);
    assert_true(slice_is_absent(out.url));
    assert_int_equal(out.page, 50);
    assert_int_equal(given, 1);
    value = read_ok(SLICE("{\"method\":null}"));
    assert_status(json_decode(value, request_fields, JSON_NULL_IS_ABSENT, "", &arena, &out, NULL, &why),
                  STATUS_BAD_INPUT);
    assert_string_equal(why, "method is required");
    value = read_ok(SLICE("{\"method\":\"GET\",\"nil\":null}"));
    assert_status(json_decode(value, request_fields, JSON_NULL_IS_ABSENT, "", &arena, &out, NULL, &why),
                  STATUS_BAD_INPUT);
    assert_string_equal(why, "unknown member \"nil\"");
}

static void clears_with_null_where_told(void **state)
{
    (void)state;
    struct slice item = SLICE("x");
    struct request out = {.url = SLICE("old"), .explain = true, .page = 50, .scopes = {&item, 1}};
    uint64_t given = 0;
    const char *why = NULL;
    const json_value *value =
        read_ok(SLICE("{\"method\":\"GET\",\"url\":null,\"explain\":null,\"page\":null,\"scopes\":null}"));
    assert_status(json_decode(value, request_fields, JSON_NULL_CLEARS, "", &arena, &out, &given, &why), STATUS_OK);
    assert_true(slice_is_absent(out.url));
    assert_false(out.explain);
    assert_int_equal(out.page, 0);
    assert_int_equal(out.scopes.count, 0);
    assert_int_equal(given, 0x1F);
}

/* What is said of a text that json_flat leaves is what json_read and json_decode say. */
static void fields_are_read_with_a_tree_and_without(void **state)
{
    (void)state;
    struct request out = {0};
    uint64_t given = 0;
    const char *why = NULL;
    assert_status(
        json_read_fields(SLICE("{\"method\":\"a\"}"), request_fields, JSON_NULL_REFUSED, &arena, &out, &given, &why),
        STATUS_OK);
    assert_slice_equal(out.method, SLICE("a"));
    assert_int_equal(given, 0x01);
    assert_status(json_read_fields(SLICE("{\"method\":\"b\",\"page\":7,\"url\":null}"), request_fields,
                                   JSON_NULL_IS_ABSENT, &arena, &out, &given, &why),
                  STATUS_OK);
    assert_slice_equal(out.method, SLICE("b"));
    assert_int_equal(out.page, 7);
    assert_int_equal(given, 0x09);
    assert_status(
        json_read_fields(SLICE("{\"method\":\"b\"} x"), request_fields, JSON_NULL_REFUSED, &arena, &out, NULL, &why),
        STATUS_BAD_INPUT);
    assert_string_equal(why, "not acceptable JSON: something behind the value, at byte 15");
    assert_status(
        json_read_fields(SLICE("{\"url\":\"b\"}"), request_fields, JSON_NULL_REFUSED, &arena, &out, NULL, &why),
        STATUS_BAD_INPUT);
    assert_string_equal(why, "method is required");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_and_refuses_as_the_table_says),
        cmocka_unit_test(caps_members_of_an_object),
        cmocka_unit_test(caps_values_in_all),
        cmocka_unit_test(caps_the_length_of_names),
        cmocka_unit_test(stops_at_the_arenas_limit),
        cmocka_unit_test(reads_values_as_they_were_meant),
        cmocka_unit_test(leaves_cjson_usable_for_others),
        cmocka_unit_test(decodes_an_object_into_a_struct),
        cmocka_unit_test(leaves_absent_members_as_they_were),
        cmocka_unit_test(names_the_member_that_is_wrong),
        cmocka_unit_test(takes_null_as_absent_where_told),
        cmocka_unit_test(clears_with_null_where_told),
        cmocka_unit_test(fields_are_read_with_a_tree_and_without),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
