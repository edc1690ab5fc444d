#include "base/slice.h"

#include "support/test.h"

static void compares_by_bytes(void **state)
{
    (void)state;
    assert_true(slice_eq(SLICE("a\0b"), SLICE("a\0b")));
    assert_false(slice_eq(SLICE("a\0b"), SLICE("a\0c")));
    assert_false(slice_eq(SLICE("a"), SLICE("A")));
    assert_true(slice_eq(SLICE(""), SLICE_ABSENT));
    assert_true(slice_eq_nocase(SLICE("Content-TYPE"), SLICE("content-type")));
    assert_false(slice_eq_nocase(SLICE("[{"), SLICE("{[")));
    assert_true(slice_eq_nocase(slice_of("aB", 1), slice_of("Ac", 1)));  /* what is behind them is not looked at */
    assert_false(slice_eq_nocase(SLICE("\xC3\x89"), SLICE("\xC3\xA9"))); /* ASCII alone */
    assert_true(slice_cmp(SLICE("a"), SLICE("ab")) < 0);
    assert_true(slice_cmp(SLICE("\xFF"), SLICE("a")) > 0);
    assert_int_equal(slice_cmp(SLICE_ABSENT, SLICE("")), 0);
    assert_true(slice_starts_with(SLICE("abc"), SLICE("ab")));
    assert_true(slice_starts_with(SLICE("abc"), SLICE_ABSENT));
    assert_false(slice_starts_with(SLICE("ab"), SLICE("abc")));
    assert_true(slice_is_absent(slice_str(NULL)));
    assert_false(slice_is_absent(slice_str("")));
}

static void cuts_within_bounds(void **state)
{
    (void)state;
    struct slice s = SLICE("abcdef");
    assert_slice_equal(slice_sub(s, 1, 3), SLICE("bc"));
    assert_slice_equal(slice_sub(s, 4, 100), SLICE("ef"));
    assert_slice_equal(slice_sub(s, 100, 200), SLICE(""));
    assert_slice_equal(slice_sub(s, 3, 1), SLICE(""));
    assert_true(slice_is_absent(slice_sub(SLICE_ABSENT, 1, 2)));
}

static void finds_bytes_and_texts(void **state)
{
    (void)state;
    assert_int_equal(slice_find(SLICE("a=b"), '='), 1);
    assert_int_equal(slice_find(SLICE("ab"), '='), 2);
    assert_int_equal(slice_find(SLICE_ABSENT, '='), 0);
    assert_int_equal(slice_find_slice(SLICE("aab"), SLICE("ab")), 1);
    assert_int_equal(slice_find_slice(SLICE("aab"), SLICE("abc")), 3);
    assert_int_equal(slice_find_slice(SLICE("aab"), SLICE("")), 0);
    assert_int_equal(slice_find_slice(SLICE_ABSENT, SLICE("x")), 0);
    assert_int_equal(slice_find_slice(SLICE("x"), SLICE("a longer one")), 1);
}

static void cuts_lists_into_parts(void **state)
{
    (void)state;
    struct slice rest = SLICE("a,,b");
    bool more = false;
    assert_slice_equal(slice_cut(&rest, ',', &more), SLICE("a"));
    assert_true(more);
    assert_slice_equal(slice_cut(&rest, ',', &more), SLICE(""));
    assert_true(more);
    assert_slice_equal(slice_cut(&rest, ',', &more), SLICE("b"));
    assert_false(more);
    assert_slice_equal(slice_cut(&rest, ',', &more), SLICE(""));
    assert_false(more);
    rest = SLICE("a,");
    (void)slice_cut(&rest, ',', &more);
    assert_true(more); /* an empty part comes yet */
}

static void trims_spaces_and_tabs_alone(void **state)
{
    (void)state;
    assert_slice_equal(slice_trim(SLICE(" \t a b\t ")), SLICE("a b"));
    assert_slice_equal(slice_trim(SLICE("\na\n")), SLICE("\na\n"));
    assert_slice_equal(slice_trim(SLICE(" \t ")), SLICE(""));
    assert_slice_equal(slice_trim(SLICE_ABSENT), SLICE(""));
}

/* Codes 0 to 10FFFF as UTF-8, by the definition (RFC 3629 §3). */
static size_t put_utf8(unsigned code, char out[4])
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    size_t len = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = len - 1; i > 0; i--, code >>= 6)
        out[i] = (char)(0x80 | (code & 0x3F));
    out[0] = (char)((0xF00 >> len & 0xFF) | code);
    return len;
}

static void a_token_has_the_characters_of_the_rfc(void **state UNUSED)
{
    static const char characters[] = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    assert_true(slice_is_token(slice_str(characters)));
    assert_true(slice_is_token(SLICE("x")));
    assert_false(slice_is_token(SLICE("")));
    for (unsigned i = 0; i < 256; i++) {
        const char text[] = {'a', (char)i, 'b'};
        bool is_one = i && strchr(characters, (char)i);
        if (slice_is_token(slice_of(text, sizeof text)) != is_one)
            fail_msg("byte %u", i);
    }
}

static void printable_is_utf8_without_control_characters(void **state UNUSED)
{
    static const struct {
        struct slice text;
        bool is_printable;
    } rows[] = {
        {SLICE_INIT(""), true},
        {SLICE_INIT("printer 7 ~"), true},
        {SLICE_INIT("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"), true},
        {SLICE_INIT("\xc2\xa0"), true}, /* the first behind C1 */
        {SLICE_INIT("a\nb"), false},
        {SLICE_INIT("\x1f"), false},
        {SLICE_INIT("a\0"), false},
        {SLICE_INIT("\x7f"), false},
        {SLICE_INIT("\xc2\x80"), false},
        {SLICE_INIT("\xc2\x9f"), false},
        {SLICE_INIT("\xc3\x9f"), true},
        {SLICE_INIT("a\xff"), false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (slice_is_printable(rows[i].text) != rows[i].is_printable)
            fail_msg("row %zu", i);
}

static void takes_every_character_of_utf8(void **state)
{
    (void)state;
    for (unsigned code = 0; code <= 0x110000; code++) {
        char bytes[4];
        size_t len = put_utf8(code, bytes);
        bool valid = code <= 0x10FFFF && !(code >= 0xD800 && code <= 0xDFFF);
        assert_int_equal(slice_is_utf8(slice_of(bytes, len)), valid);
        if (valid)
            assert_int_equal(slice_utf8_sequence(slice_of(bytes, len), 0), len);
        if (len > 1)
            assert_false(slice_is_utf8(slice_of(bytes, len - 1)));
    }
}

static void refuses_what_is_not_utf8(void **state)
{
    (void)state;
    static const struct slice rows[] = {
        SLICE_INIT("\x80"),
        SLICE_INIT("\xC0\x80"),
        SLICE_INIT("\xC1\xBF"),
        SLICE_INIT("\xE0\x9F\xBF"),
        SLICE_INIT("\xF5\x80\x80\x80"),
        SLICE_INIT("\xFE"),
        SLICE_INIT("\xF0\x8F\xBF\xBF"),
        SLICE_INIT("\xC3("),
        SLICE_INIT("a\xE2\x82"),
        SLICE_INIT("\xF8\x88\x80\x80\x80"),
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_false(slice_is_utf8(rows[i]));
    assert_true(slice_is_utf8(SLICE_ABSENT));
}

static void cuts_between_characters(void **state)
{
    (void)state;
    struct slice text = SLICE("a\xE2\x82\xAC\xF0\x9F\x98\x80");
    static const size_t expected[] = {0, 1, 1, 1, 4, 4, 4, 4, 8, 8};
    for (size_t max = 0; max < COUNT_OF(expected); max++)
        assert_int_equal(slice_cut_utf8(text, max).len, expected[max]);
}

static void reads_decimal_numbers(void **state)
{
    (void)state;
    static const struct {
        struct slice text;
        uint64_t max;
        bool good;
        uint64_t value;
    } rows[] = {
        {SLICE_INIT("0"), UINT64_MAX, true, 0},
        {SLICE_INIT("007"), UINT64_MAX, true, 7},
        {SLICE_INIT("18446744073709551615"), UINT64_MAX, true, UINT64_MAX},
        {SLICE_INIT("18446744073709551616"), UINT64_MAX, false, 0},
        {SLICE_INIT("99999999999999999999999"), UINT64_MAX, false, 0},
        {SLICE_INIT("255"), 255, true, 255},
        {SLICE_INIT("256"), 255, false, 0},
        {SLICE_INIT("5"), 3, false, 0},
        {SLICE_INIT("0"), 0, true, 0},
        {SLICE_INIT("1"), 0, false, 0},
        {SLICE_INIT(""), 9, false, 0},
        {SLICE_INIT("+1"), 9, false, 0},
        {SLICE_INIT("-1"), 9, false, 0},
        {SLICE_INIT(" 1"), 9, false, 0},
        {SLICE_INIT("1 "), 9, false, 0},
        {SLICE_INIT("1e1"), 99, false, 0},
        {SLICE_INIT("0x1"), 99, false, 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint64_t value = 77;
        assert_int_equal(slice_to_u64(rows[i].text, rows[i].max, &value), rows[i].good);
        assert_int_equal(value, rows[i].good ? rows[i].value : 77);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compares_by_bytes),
        cmocka_unit_test(cuts_within_bounds),
        cmocka_unit_test(finds_bytes_and_texts),
        cmocka_unit_test(cuts_lists_into_parts),
        cmocka_unit_test(trims_spaces_and_tabs_alone),
        cmocka_unit_test(takes_every_character_of_utf8),
        cmocka_unit_test(a_token_has_the_characters_of_the_rfc),
        cmocka_unit_test(printable_is_utf8_without_control_characters),
        cmocka_unit_test(refuses_what_is_not_utf8),
        cmocka_unit_test(cuts_between_characters),
        cmocka_unit_test(reads_decimal_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
