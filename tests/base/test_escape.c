#include "base/escape.h"

#include "support/test.h"

struct row {
    struct slice text;
    struct slice escaped;
};

static void check(const struct row *rows, size_t count, void (*escape)(struct buf *, struct slice))
{
    struct buf out = BUF_INIT;
    for (size_t i = 0; i < count; i++) {
        escape(&out, rows[i].text);
        assert_slice_equal(buf_slice(&out), rows[i].escaped);
        buf_reset(&out);
    }
    buf_done(&out);
}

static void escapes_for_json(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {SLICE_INIT(""), SLICE_INIT("")},
        {SLICE_INIT("plain /~ text"), SLICE_INIT("plain /~ text")},
        {SLICE_INIT("\"\\"), SLICE_INIT("\\\"\\\\")},
        {SLICE_INIT("\b\t\n\f\r"), SLICE_INIT("\\b\\t\\n\\f\\r")},
        {SLICE_INIT("\0\x01\x1b\x1f\x7f"), SLICE_INIT("\\u0000\\u0001\\u001b\\u001f\\u007f")},
        {SLICE_INIT("h\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"), SLICE_INIT("h\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80")},
        {SLICE_INIT("\xC2\x9B\xC2\xA0\xE2\x80\xA8\xE2\x81\xA6"), SLICE_INIT("\\u009b\xC2\xA0\\u2028\\u2066")},
        {SLICE_INIT("\xFF\xC3"), SLICE_INIT("\xEF\xBF\xBD\xEF\xBF\xBD")},
        {SLICE_INIT("\xC0\x80"), SLICE_INIT("\xEF\xBF\xBD\xEF\xBF\xBD")},
        {SLICE_INIT("\xE2\x82\"x"), SLICE_INIT("\xEF\xBF\xBD\xEF\xBF\xBD\\\"x")},
        {SLICE_INIT("\xED\xA0\x80"), SLICE_INIT("\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD")},
    };
    check(rows, COUNT_OF(rows), escape_json);
}

static void escapes_for_a_terminal(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {SLICE_INIT("plain \"text\" \\"), SLICE_INIT("plain \"text\" \\")},
        {SLICE_INIT("a\nb\x1b[31m\x7f"), SLICE_INIT("a?b?[31m?")},
        {SLICE_INIT("h\xC3\xA9 \xF0\x9F\x98\x80 \xE2\x80\x94"), SLICE_INIT("h\xC3\xA9 \xF0\x9F\x98\x80 \xE2\x80\x94")},
        {SLICE_INIT("\xC2\x9B"
                    "31m\xC2\xA0"),
         SLICE_INIT("?31m\xC2\xA0")},
        {SLICE_INIT("\xE2\x80\xA8\xE2\x80\xA9\xE2\x80\xAE\xE2\x81\xA6"), SLICE_INIT("????")},
        {SLICE_INIT("\xFFx\xC3"), SLICE_INIT("?x?")},
    };
    check(rows, COUNT_OF(rows), escape_terminal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(escapes_for_json),
        cmocka_unit_test(escapes_for_a_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
