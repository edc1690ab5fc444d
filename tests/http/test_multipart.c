#include "http/multipart.h"

#include "base/buf.h"
#include "support/test.h"

#define TYPE    "multipart/form-data; boundary=x"
#define PART(n) "--x\r\nContent-Disposition: form-data; name=\"" n "\"\r\n\r\n"
#define END     "--x--\r\n"

static enum status parse(struct arena *arena, struct slice type, struct slice body, struct buf *all)
{
    struct form form = {0};
    enum status status = multipart_parse(arena, type, body, &form);
    for (size_t i = 0; status == STATUS_OK && i < form.count; i++) {
        buf_add(all, form.fields[i].name);
        buf_add_byte(all, '=');
        buf_add(all, form.fields[i].value);
        buf_add_byte(all, '|');
    }
    return status;
}

static void parts_are_fields_byte_for_byte(void **state UNUSED)
{
    static const struct {
        struct slice type, body, fields;
    } rows[] = {
        {SLICE_INIT(TYPE), SLICE_INIT(PART("a") "b\r\n" END), SLICE_INIT("a=b|")},
        {SLICE_INIT(TYPE), SLICE_INIT(PART("a") "b\r\n--x--"), SLICE_INIT("a=b|")},
        {SLICE_INIT(TYPE), SLICE_INIT(PART("a") "\r\n" PART("a") "\r\n\r\n" END), SLICE_INIT("a=|a=\r\n|")},
        {SLICE_INIT(TYPE), SLICE_INIT(PART("a") "\0\r\n-\r\n--\r\n--y\xff\r\n" END),
         SLICE_INIT("a=\0\r\n-\r\n--\r\n--y\xff|")},
        {SLICE_INIT("Multipart/Form-Data ; charset=utf-8; Boundary=\"x\""), SLICE_INIT(PART("a") "b\r\n" END),
         SLICE_INIT("a=b|")},
        {SLICE_INIT(TYPE),
         SLICE_INIT("--x\r\ncontent-disposition:form-data; name=\"logo\"; filename=\"a;\\\"=.png\"\r\n"
                    "Content-Type: text/html\r\n\r\n<script>\r\n" END),
         SLICE_INIT("logo=<script>|")},
        {SLICE_INIT(TYPE), SLICE_INIT(END), SLICE_INIT("")},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct arena arena;
        arena_init(&arena, 100000);
        struct buf all = buf_in(&arena);
        assert_status(parse(&arena, rows[i].type, rows[i].body, &all), STATUS_OK);
        assert_slice_equal(all.len ? buf_slice(&all) : SLICE(""), rows[i].fields);
        arena_done(&arena);
    }
}

static void what_no_browser_writes_is_malformed(void **state UNUSED)
{
    static const struct {
        struct slice type, body;
    } rows[] = {
        {SLICE_INIT("multipart/form-data"), SLICE_INIT(PART("a") "b\r\n" END)},
        {SLICE_INIT("multipart/form-data; boundary="), SLICE_INIT("--\r\n")},
        {SLICE_INIT("multipart/form-data; boundary=\"a b\""), SLICE_INIT("--a b--\r\n")},
        {SLICE_INIT("multipart/form-data; boundary=a\\"), SLICE_INIT("--a\\--\r\n")},
        {SLICE_INIT("multipart/form-data; "
                    "boundary=12345678901234567890123456789012345678901234567890123456789012345678901"),
         SLICE_INIT("--12345678901234567890123456789012345678901234567890123456789012345678901--\r\n")},
        {SLICE_INIT(TYPE), SLICE_INIT("")},
        {SLICE_INIT(TYPE), SLICE_INIT("--x")},
        {SLICE_INIT(TYPE), SLICE_INIT("preamble\r\n" PART("a") "b\r\n" END)},
        {SLICE_INIT(TYPE), SLICE_INIT(PART("a") "b\r\n--x--\r\nmore")},
        {SLICE_INIT(TYPE), SLICE_INIT(PART("a") "b\r\n--x")},
        {SLICE_INIT(TYPE), SLICE_INIT(PART("a") "b\r\n--xy--")},
        {SLICE_INIT(TYPE), SLICE_INIT(PART("a") "b")},
        {SLICE_INIT(TYPE), SLICE_INIT(PART("a") "b\n--x--\r\n")},
        {SLICE_INIT(TYPE), SLICE_INIT("--x\nContent-Disposition: form-data; name=\"a\"\n\nb\n--x--\n")},
        {SLICE_INIT(TYPE), SLICE_INIT("--x\r\n\r\nb\r\n" END)},
        {SLICE_INIT(TYPE), SLICE_INIT("--x\r\nContent-Disposition: form-data\r\n\r\nb\r\n" END)},
        {SLICE_INIT(TYPE), SLICE_INIT("--x\r\nContent-Disposition: form-data; name=a\r\n\r\nb\r\n" END)},
        {SLICE_INIT(TYPE), SLICE_INIT("--x\r\nContent-Disposition: form-data; name=\"\"\r\n\r\nb\r\n" END)},
        {SLICE_INIT(TYPE), SLICE_INIT("--x\r\nContent-Disposition: form-data; name=\"a\r\n\r\nb\r\n" END)},
        {SLICE_INIT(TYPE), SLICE_INIT("--x\r\nContent-Disposition: attachment; name=\"a\"\r\n\r\nb\r\n" END)},
        {SLICE_INIT(TYPE), SLICE_INIT("--x\r\nContent-Disposition: form-data; name=\"a\"\r\n"
                                      "Content-Disposition: form-data; name=\"b\"\r\n\r\nb\r\n" END)},
        {SLICE_INIT(TYPE), SLICE_INIT("--x\r\nno header\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n" END)},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct arena arena;
        arena_init(&arena, 100000);
        struct buf all = buf_in(&arena);
        if (parse(&arena, rows[i].type, rows[i].body, &all) != STATUS_MALFORMED)
            fail_msg("row %zu: %.*s", i, SLICE_ARGS(rows[i].body));
        arena_done(&arena);
    }
}

static enum status parse_parts(size_t count)
{
    struct arena arena;
    struct buf body = BUF_INIT;
    struct form form = {0};
    arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < count; i++)
        buf_add_str(&body, PART("a") "\r\n");
    buf_add_str(&body, END);
    enum status status = multipart_parse(&arena, SLICE(TYPE), buf_slice(&body), &form);
    assert_true(status != STATUS_OK || form.count == count);
    buf_done(&body);
    arena_done(&arena);
    return status;
}

static void as_many_parts_as_fields_and_no_more(void **state UNUSED)
{
    assert_status(parse_parts(FORM_FIELDS_MAX), STATUS_OK);
    assert_status(parse_parts(FORM_FIELDS_MAX + 1), STATUS_MALFORMED);
    assert_status(parse_parts(10000), STATUS_MALFORMED);
}

static void needs_memory_for_its_fields(void **state UNUSED)
{
    struct arena arena;
    struct form form;
    arena_init(&arena, 64);
    assert_status(multipart_parse(&arena, SLICE(TYPE), SLICE(PART("a") "b\r\n" END), &form), STATUS_NO_MEMORY);
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_are_fields_byte_for_byte),
        cmocka_unit_test(what_no_browser_writes_is_malformed),
        cmocka_unit_test(as_many_parts_as_fields_and_no_more),
        cmocka_unit_test(needs_memory_for_its_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
