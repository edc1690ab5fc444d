#include "support/test.h"

#include "base/buf.h"
#include "http/form.h"

static const struct {
    struct slice text;
    struct slice fields; /* name=value; in the order decoded, '|' between them */
} rows[] = {
    {SLICE_INIT(""), SLICE_INIT("")},
    {SLICE_INIT("a=b"), SLICE_INIT("a=b|")},
    {SLICE_INIT("a=b&a=b&a=c"), SLICE_INIT("a=b|a=b|a=c|")},
    {SLICE_INIT("flag&=v&&x="), SLICE_INIT("flag=|=v|x=|")},
    {SLICE_INIT("a+b=c+d%2B"), SLICE_INIT("a b=c d+|")},
    {SLICE_INIT("a=%253D"), SLICE_INIT("a=%3D|")},
    {SLICE_INIT("a=b%00c"), SLICE_INIT("a=b\0c|")},
    {SLICE_INIT("a=b=c"), SLICE_INIT("a=b=c|")},
    {SLICE_INIT("%c3%A9=\xc3\xa9"), SLICE_INIT("\xc3\xa9=\xc3\xa9|")},
    {SLICE_INIT("&"), SLICE_INIT("")},
    {SLICE_INIT("="), SLICE_INIT("=|")},
};

static void fields_are_decoded_once_in_order(void **state UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct arena arena;
        arena_init(&arena, 100000);
        struct form form;
        assert_status(form_parse(&arena, rows[i].text, &form), STATUS_OK);
        struct buf all = buf_in(&arena);
        for (size_t j = 0; j < form.count; j++) {
            buf_add(&all, form.fields[j].name);
            buf_add_byte(&all, '=');
            buf_add(&all, form.fields[j].value);
            buf_add_byte(&all, '|');
        }
        assert_slice_equal(buf_slice(&all), rows[i].fields);
        arena_done(&arena);
    }
}

static void bad_escapes_and_too_many_fields_are_refused(void **state UNUSED)
{
    struct arena arena;
    arena_init(&arena, 100000);
    struct form form;
    assert_status(form_parse(&arena, SLICE("a=%"), &form), STATUS_MALFORMED);
    assert_status(form_parse(&arena, SLICE("%4=b"), &form), STATUS_MALFORMED);
    assert_status(form_parse(&arena, SLICE("a=%zz"), &form), STATUS_MALFORMED);
    struct buf many = buf_in(&arena);
    for (int i = 0; i < FORM_FIELDS_MAX; i++)
        buf_add_str(&many, i ? "&a" : "a");
    assert_status(form_parse(&arena, buf_slice(&many), &form), STATUS_OK);
    assert_int_equal(form.count, FORM_FIELDS_MAX);
    buf_add_str(&many, "&a");
    assert_status(form_parse(&arena, buf_slice(&many), &form), STATUS_MALFORMED);
    arena_done(&arena);
}

static void a_single_field_comes_exactly_once(void **state UNUSED)
{
    struct arena arena;
    arena_init(&arena, 100000);
    struct form form;
    struct slice value;
    size_t count;
    assert_status(form_parse(&arena, SLICE("a=1&b=2&a=3"), &form), STATUS_OK);
    assert_status(form_get_single(&form, "a", &value), STATUS_MALFORMED);
    assert_status(form_get_single(&form, "c", &value), STATUS_PARAMETER_ABSENT);
    assert_status(form_get_single(&form, "b", &value), STATUS_OK);
    assert_slice_equal(value, SLICE("2"));
    assert_slice_equal(form_get(&form, "a", &count), SLICE("1"));
    assert_int_equal(count, 2);
    arena_done(&arena);
}

static void values_of_one_name_are_joined_in_their_order(void **state UNUSED)
{
    struct arena arena;
    arena_init(&arena, 4096);
    struct form form;
    struct slice values;
    assert_status(form_parse(&arena, SLICE("a=1&b=2&a=3+4&A=5"), &form), STATUS_OK);
    assert_status(form_join(&arena, &form, "a", &values), STATUS_OK);
    assert_slice_equal(values, SLICE("1 3 4 "));
    assert_status(form_join(&arena, &form, "c", &values), STATUS_OK);
    assert_int_equal(values.len, 0);
    arena_done(&arena);
}

static void no_memory_is_told(void **state UNUSED)
{
    struct arena arena;
    arena_init(&arena, 10);
    struct form form;
    assert_status(form_parse(&arena, SLICE("a=1&b=2&a=3"), &form), STATUS_NO_MEMORY);
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_decoded_once_in_order),
        cmocka_unit_test(bad_escapes_and_too_many_fields_are_refused),
        cmocka_unit_test(a_single_field_comes_exactly_once),
        cmocka_unit_test(values_of_one_name_are_joined_in_their_order),
        cmocka_unit_test(no_memory_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
