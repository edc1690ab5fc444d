#include "base/percent.h"

#include "support/test.h"

static void encodes_all_but_the_unreserved(void **state)
{
    (void)state;
    static const char unreserved[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    static const char digits[] = "0123456789ABCDEF";
    struct buf out = BUF_INIT;
    for (int byte = 0; byte < 256; byte++) {
        char c = (char)byte;
        bool plain = byte != 0 && strchr(unreserved, byte);
        char escape[] = {'%', digits[byte >> 4], digits[byte & 15]};
        percent_encode(&out, slice_of(&c, 1));
        assert_slice_equal(buf_slice(&out), plain ? slice_of(&c, 1) : slice_of(escape, 3));
        assert_int_equal(percent_is_unreserved(c), plain);
        assert_int_equal(percent_is_plain(slice_of(&c, 1)), plain);
        buf_reset(&out);
    }
    buf_done(&out);
}

/* RFC 5849 §3.6's cases, and those of docs/design/protocol.md, "Signatures". */
static void encodes_text(void **state)
{
    (void)state;
    struct buf out = BUF_INIT;
    percent_encode(&out, SLICE("a b+c%20\xC3\xA9*!'()~"));
    assert_slice_equal(buf_slice(&out), SLICE("a%20b%2Bc%2520%C3%A9%2A%21%27%28%29~"));
    buf_done(&out);
}

static void fails_where_a_fixed_buf_may_be_too_small(void **state)
{
    (void)state;
    char memory[5];
    struct buf out = buf_fixed(memory, sizeof memory);
    percent_encode(&out, SLICE("  "));
    assert_true(out.failed);
    assert_int_equal(out.len, 0);
}

struct row {
    struct slice text;
    bool good;
    struct slice literal, as_space; /* decoded with '+' as itself, and as a space */
    struct slice canonical;         /* of the literal */
};

static const struct row rows[] = {
    {SLICE_INIT(""), true, SLICE_INIT(""), SLICE_INIT(""), SLICE_INIT("")},
    {SLICE_INIT("abc"), true, SLICE_INIT("abc"), SLICE_INIT("abc"), SLICE_INIT("abc")},
    {SLICE_INIT("a+b"), true, SLICE_INIT("a+b"), SLICE_INIT("a b"), SLICE_INIT("a%2Bb")},
    {SLICE_INIT("%2B%20"), true, SLICE_INIT("+ "), SLICE_INIT("+ "), SLICE_INIT("%2B%20")},
    {SLICE_INIT("%253D"), true, SLICE_INIT("%3D"), SLICE_INIT("%3D"), SLICE_INIT("%253D")}, /* once, not twice */
    {SLICE_INIT("%61%7e%c3%A9"), true, SLICE_INIT("a~\xC3\xA9"), SLICE_INIT("a~\xC3\xA9"), SLICE_INIT("a~%C3%A9")},
    {SLICE_INIT("%00x"), true, SLICE_INIT("\0x"), SLICE_INIT("\0x"), SLICE_INIT("%00x")},
    {SLICE_INIT("\xC3\xA9"), true, SLICE_INIT("\xC3\xA9"), SLICE_INIT("\xC3\xA9"), SLICE_INIT("%C3%A9")},
    {SLICE_INIT("%"), false, {0}, {0}, {0}},
    {SLICE_INIT("a%2"), false, {0}, {0}, {0}},
    {SLICE_INIT("%2G"), false, {0}, {0}, {0}},
    {SLICE_INIT("%G2"), false, {0}, {0}, {0}},
    {SLICE_INIT("%%20"), false, {0}, {0}, {0}},
    {SLICE_INIT("%+1"), false, {0}, {0}, {0}},
};

static void check(const struct row *row, bool decoded, struct slice actual, struct slice expected)
{
    assert_int_equal(decoded, row->good);
    if (row->good)
        assert_slice_equal(actual, expected);
}

static void decodes_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char out[64];
        size_t len = 0;
        bool good = percent_decode(rows[i].text, PLUS_LITERAL, out, &len);
        check(&rows[i], good, slice_of(out, len), rows[i].literal);
        good = percent_decode(rows[i].text, PLUS_IS_SPACE, out, &len);
        check(&rows[i], good, slice_of(out, len), rows[i].as_space);
        good = percent_canonical(rows[i].text, PLUS_LITERAL, out, &len);
        check(&rows[i], good, slice_of(out, len), rows[i].canonical);
    }
}

/* Long texts are copied by blocks: an escape at each place, and a text of each length, read alike. */
static void decodes_escapes_wherever_they_are(void **state)
{
    (void)state;
    enum { LEN = 70 };
    char text[LEN];
    char out[3 * LEN];
    size_t len = 0;
    for (size_t size = 3; size <= LEN; size++) {
        for (size_t at = 0; at + 3 <= size; at++) {
            memset(text, 'a', sizeof text);
            memcpy(text + at, "%2f", 3);
            assert_true(percent_decode(slice_of(text, size), PLUS_LITERAL, out, &len));
            assert_int_equal(len, size - 2);
            for (size_t i = 0; i < len; i++)
                assert_int_equal(out[i], i == at ? '/' : 'a');
            assert_true(percent_canonical(slice_of(text, size), PLUS_LITERAL, out, &len));
            memcpy(text + at, "%2F", 3);
            assert_slice_equal(slice_of(out, len), slice_of(text, size));
            text[at + 1] = 'g';
            assert_false(percent_decode(slice_of(text, size), PLUS_LITERAL, out, &len));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encodes_all_but_the_unreserved),           cmocka_unit_test(encodes_text),
        cmocka_unit_test(fails_where_a_fixed_buf_may_be_too_small), cmocka_unit_test(decodes_once),
        cmocka_unit_test(decodes_escapes_wherever_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
