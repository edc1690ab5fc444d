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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_is_not_the_documented_object),
        cmocka_unit_test(tells_an_empty_body_from_none),
        cmocka_unit_test(decodes_a_body_that_is_not_utf8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
