#include "json/json_writer.h"

#include "support/test.h"
#include "json/json_reader.h"

static void writes_nested_values_with_commas(void **state)
{
    (void)state;
    struct buf out = BUF_INIT;
    struct json_writer w = json_writer(&out);
    json_begin_object(&w);
    json_member_bool(&w, "active", true);
    json_member_string(&w, "client_id", SLICE("a"));
    json_member_if(&w, "sub", SLICE_ABSENT);
    json_member_if(&w, "scope", SLICE(""));
    json_member_text(&w, "name", NULL);
    json_member_int(&w, "iat", INT64_MIN);
    json_member_object(&w, "oauth1");
    json_member_int(&w, "legs", 3);
    json_end_object(&w);
    json_member_array(&w, "list");
    json_int(&w, 1);
    json_bool(&w, false);
    json_null(&w);
    json_begin_array(&w);
    json_end_array(&w);
    json_begin_object(&w);
    json_end_object(&w);
    json_text(&w, "x");
    json_end_array(&w);
    json_end_object(&w);
    assert_slice_equal(buf_slice(&out), SLICE("{\"active\":true,\"client_id\":\"a\",\"scope\":\"\",\"name\":null,"
                                              "\"iat\":-9223372036854775808,\"oauth1\":{\"legs\":3},"
                                              "\"list\":[1,false,null,[],{},\"x\"]}"));
    buf_done(&out);
}

static void survives_every_byte_string(void **state)
{
    (void)state;
    struct buf out = BUF_INIT;
    struct arena arena;
    arena_init(&arena, 1 << 20);
    for (unsigned first = 0; first < 256; first++) {
        for (unsigned second = 0; second < 256; second++) {
            char bytes[] = {'a', (char)first, (char)second, '"'};
            struct json_writer w = json_writer(&out);
            json_string(&w, slice_of(bytes, sizeof bytes));
            assert_true(slice_is_utf8(buf_slice(&out)));
            /* all but a NUL is also read back by our own reader */
            const json_value *value = NULL;
            const char *why = NULL;
            bool nul = first == 0 || second == 0;
            assert_status(json_read(buf_slice(&out), &arena, &value, &why), nul ? STATUS_BAD_INPUT : STATUS_OK);
            buf_reset(&out);
            arena_reset(&arena);
        }
    }
    arena_done(&arena);
    buf_done(&out);
}

static void keeps_a_failure_until_the_end(void **state)
{
    (void)state;
    char memory[8];
    struct buf out = buf_fixed(memory, sizeof memory);
    struct json_writer w = json_writer(&out);
    json_begin_object(&w);
    json_member_string(&w, "name", SLICE("value"));
    json_end_object(&w);
    assert_true(out.failed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_nested_values_with_commas),
        cmocka_unit_test(survives_every_byte_string),
        cmocka_unit_test(keeps_a_failure_until_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
