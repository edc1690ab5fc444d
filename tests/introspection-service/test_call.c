#include "call.h"

#include "support/test.h"

struct row {
    const char *json;
    enum status status;
    const char *names; /* what the complaint must name; NULL: accepted */
};

static void with_arena(void (*run)(struct arena *arena, const struct row *row), const struct row *row)
{
    struct arena arena;
    arena_init(&arena, 1 << 20);
    run(&arena, row);
    arena_done(&arena);
}

static void check(struct arena *arena, const struct row *row)
{
    struct call call = {0};
    const char *why = NULL;
    assert_status(call_read(slice_str(row->json), arena, &call, &why), row->status);
    if (row->names && !strstr(why, row->names)) {
        print_error("%s: \"%s\" does not name %s\n", row->json, why, row->names);
        fail();
    }
}

static void refuses_what_is_not_the_documented_object(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"", STATUS_BAD_INPUT, ""},
        {"[]", STATUS_BAD_INPUT, ""},
        {"{\"url\":\"u\"}", STATUS_BAD_INPUT, "method"},
        {"{\"method\":\"GET\"}", STATUS_BAD_INPUT, "url"},
        {"{\"method\":\"GET\",\"url\":\"u\",\"URL\":\"u\"}", STATUS_BAD_INPUT, "URL"},
        {"{\"method\":\"GET\",\"url\":\"u\",\"url\":\"v\"}", STATUS_BAD_INPUT, "url"},
        {"{\"method\":\"GET\",\"url\":1}", STATUS_BAD_INPUT, "url"},
        {"{\"method\":\"GET\",\"url\":null}", STATUS_BAD_INPUT, "url"},
        {"{\"method\":\"GET\",\"url\":\"u\",\"explain\":\"true\"}", STATUS_BAD_INPUT, "explain"},
        {"{\"method\":\"GET\",\"url\":\"u\",\"body\":\"\",\"body_base64\":\"\"}", STATUS_BAD_INPUT, "body_base64"},
        {"{\"method\":\"GET\",\"url\":\"u\",\"body_base64\":\"QQ\"}", STATUS_BAD_INPUT, "body_base64"},
        {"{\"method\":\"GET\",\"url\":\"u\",\"body\":\"\\u0000\"}", STATUS_BAD_INPUT, ""},
        {"{\"method\":\"GET\",\"url\":\"u\"} x", STATUS_BAD_INPUT, ""},
        {"{\"method\":\"GET\",\"url\":\"u\"}\n", STATUS_OK, NULL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        with_arena(check, &rows[i]);
}

static void tells_an_empty_body_from_none(void **state)
{
    (void)state;
    struct arena arena;
    struct call call = {0};
    const char *why = NULL;
    arena_init(&arena, 1 << 20);
    assert_status(call_read(SLICE("{\"method\":\"GET\",\"url\":\"u\"}"), &arena, &call, &why), STATUS_OK);
    assert_true(slice_is_absent(call.request.body));
    assert_status(call_read(SLICE("{\"method\":\"GET\",\"url\":\"u\",\"body\":\"\"}"), &arena, &call, &why), STATUS_OK);
    assert_false(slice_is_absent(call.request.body));
    assert_int_equal(call.request.body.len, 0);
    arena_done(&arena);
}

static void decodes_a_body_that_is_not_utf8(void **state)
{
    (void)state;
    struct arena arena;
    struct call call = {0};
    const char *why = NULL;
    arena_init(&arena, 1 << 20);
    assert_status(call_read(SLICE("{\"method\":\"GET\",\"url\":\"u\",\"body_base64\":\"AP8=\"}"), &arena, &call, &why),
                  STATUS_OK);
    assert_slice_equal(call.request.body, slice_of("\0\xFF", 2));
    arena_done(&arena);
}

static void check_calls(struct arena *arena, const struct row *row)
{
    struct calls calls = {0};
    const char *why = NULL;
    assert_status(calls_read(slice_str(row->json), arena, &calls, &why), row->status);
    if (row->names && !strstr(why, row->names)) {
        print_error("%s: \"%s\" does not name %s\n", row->json, why, row->names);
        fail();
    }
}

#define GOOD "{\"method\":\"GET\",\"url\":\"u\"}"

static void names_the_place_of_what_is_wrong_with_a_batch(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"{}", STATUS_BAD_INPUT, "requests is required"},
        {"{\"requests\":{}}", STATUS_BAD_INPUT, "requests must be an array"},
        {"{\"requests\":[" GOOD ",1]}", STATUS_BAD_INPUT, "requests[1] must be an object"},
        {"{\"requests\":[" GOOD "," GOOD ",{\"method\":\"GET\"}]}", STATUS_BAD_INPUT, "requests[2].url is required"},
        {"{\"requests\":[{\"method\":\"GET\",\"url\":\"u\",\"body_base64\":\"?\"}]}", STATUS_BAD_INPUT,
         "requests[0].body_base64"},
        {"{\"requests\":[],\"more\":1}", STATUS_BAD_INPUT, "more"},
        {"{\"requests\":[]}", STATUS_OK, NULL},
        {"{\"requests\":[" GOOD "," GOOD "]}", STATUS_OK, NULL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        with_arena(check_calls, &rows[i]);
}

static void takes_a_hundred_calls_and_no_more(void **state)
{
    (void)state;
    for (size_t count = CALLS_MAX; count <= CALLS_MAX + 1; count++) {
        struct arena arena;
        struct calls calls = {0};
        const char *why = NULL;
        arena_init(&arena, 1 << 20);
        struct buf json = buf_in(&arena);
        buf_add_str(&json, "{\"requests\":[");
        for (size_t i = 0; i < count; i++)
            buf_add_str(&json, i ? "," GOOD : GOOD);
        buf_add_str(&json, "]}");
        assert_status(calls_read(buf_slice(&json), &arena, &calls, &why),
                      count > CALLS_MAX ? STATUS_BAD_INPUT : STATUS_OK);
        assert_int_equal(calls.count, count > CALLS_MAX ? 0 : count);
        arena_done(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_is_not_the_documented_object),
        cmocka_unit_test(tells_an_empty_body_from_none),
        cmocka_unit_test(decodes_a_body_that_is_not_utf8),
        cmocka_unit_test(names_the_place_of_what_is_wrong_with_a_batch),
        cmocka_unit_test(takes_a_hundred_calls_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
