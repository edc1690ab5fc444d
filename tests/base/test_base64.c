#include "base/base64.h"

#include "support/test.h"

#include <stdlib.h>

struct row {
    struct slice bytes;
    struct slice standard;
};

/* RFC 4648 §10, and the two last digits of the alphabet. */
static const struct row rows[] = {
    {SLICE_INIT(""), SLICE_INIT("")},
    {SLICE_INIT("f"), SLICE_INIT("Zg==")},
    {SLICE_INIT("fo"), SLICE_INIT("Zm8=")},
    {SLICE_INIT("foo"), SLICE_INIT("Zm9v")},
    {SLICE_INIT("foob"), SLICE_INIT("Zm9vYg==")},
    {SLICE_INIT("fooba"), SLICE_INIT("Zm9vYmE=")},
    {SLICE_INIT("foobar"), SLICE_INIT("Zm9vYmFy")},
    {SLICE_INIT("\xFB\xFF\xBF"), SLICE_INIT("+/+/")},
    {SLICE_INIT("\0\0"), SLICE_INIT("AAA=")},
};

static void encodes_and_decodes(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[16], bytes[16];
        size_t len = 0;
        base64_encode(rows[i].bytes, text);
        assert_slice_equal(slice_of(text, BASE64_LEN(rows[i].bytes.len)), rows[i].standard);
        assert_true(base64_decode(rows[i].standard, bytes, &len));
        assert_slice_equal(slice_of(bytes, len), rows[i].bytes);
    }
}

static void refuses_every_second_spelling(void **state)
{
    (void)state;
    static const struct slice bad[] = {
        SLICE_INIT("Zg"),    SLICE_INIT("Zg="),          SLICE_INIT("Zg==="),    SLICE_INIT("Zh=="),
        SLICE_INIT("Zm9="),  SLICE_INIT("===="),         SLICE_INIT("A==="),     SLICE_INIT("Zg=a"),
        SLICE_INIT("=Zg="),  SLICE_INIT("Zm8=Zm8="),     SLICE_INIT("Zg==Zg=="), SLICE_INIT("Zm9v "),
        SLICE_INIT(" Zm9v"), SLICE_INIT("Zm\n9"),        SLICE_INIT("-_-_"),     SLICE_INIT("Zm9\xFF"),
        SLICE_INIT("Zm\0v"), SLICE_INIT("Zm9v\n\n\n\n"),
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        char bytes[16];
        size_t len = 77;
        if (base64_decode(bad[i], bytes, &len))
            fail_msg("row %zu is taken", i);
        assert_int_equal(len, 77);
    }
}

/* Each length reads back, and one wrong character is seen wherever it is. */
static void decodes_each_length_and_sees_a_wrong_digit_anywhere(void **state)
{
    (void)state;
    enum { LEN = 64 };
    unsigned char bytes[LEN];
    char text[BASE64_LEN(LEN)];
    for (size_t size = 1; size <= LEN; size++) {
        for (size_t i = 0; i < size; i++)
            bytes[i] = (unsigned char)(size * 37 + i * 101);
        base64_encode(slice_of((char *)bytes, size), text);
        size_t text_len = BASE64_LEN(size);
        char *out = malloc(size); /* exactly, so that ASan sees one byte too many */
        size_t len = 0;
        assert_true(base64_decode(slice_of(text, text_len), out, &len));
        assert_slice_equal(slice_of(out, len), slice_of((char *)bytes, size));
        for (size_t i = 0; i + 4 < text_len; i++) {
            static const char wrong[] = "=-_ \xFF@[`{/:,.*";
            char right = text[i];
            for (size_t w = 0; w < sizeof wrong; w++) {
                text[i] = wrong[w];
                assert_int_equal(base64_decode(slice_of(text, text_len), out, &len), wrong[w] == '/');
            }
            text[i] = right;
        }
        free(out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encodes_and_decodes),
        cmocka_unit_test(refuses_every_second_spelling),
        cmocka_unit_test(decodes_each_length_and_sees_a_wrong_digit_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
