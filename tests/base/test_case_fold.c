#include "base/case_fold.h"
#include "support/test.h"

#include <locale.h>
#include <stdio.h>

static void assert_folds(const char *text, const char *folded)
{
    struct buf out = BUF_INIT;
    case_fold(slice_str(text), &out);
    assert_slice_equal(buf_slice(&out), slice_str(folded));
    buf_done(&out);
}

static void folds_letters_of_every_script(void **state)
{
    (void)state;
    assert_folds("", "");
    assert_folds("Jane.DOE-1@Example", "jane.doe-1@example");
    assert_folds("J\xc3\x9cRGEN", "j\xc3\xbcrgen");                                                       /* Latin-1 */
    assert_folds("\xce\xa3\xce\xbf\xcf\x86\xce\xaf\xce\xb1", "\xcf\x83\xce\xbf\xcf\x86\xce\xaf\xce\xb1"); /* Greek */
    assert_folds("\xd0\x98\xd0\xb2\xd0\xb0\xd0\xbd", "\xd0\xb8\xd0\xb2\xd0\xb0\xd0\xbd");                 /* Cyrillic */
    assert_folds("\xf0\x90\x90\x80", "\xf0\x90\x90\xa8");                 /* Deseret, four bytes */
    assert_folds("\xe8\x8a\xb1\xe5\xad\x90", "\xe8\x8a\xb1\xe5\xad\x90"); /* no case */
}

static void leaves_what_is_no_text(void **state)
{
    (void)state;
    static const struct {
        struct slice text, folded;
    } rows[] = {
        {SLICE_INIT("A\xff"
                    "B"),
         SLICE_INIT("a\xff"
                    "b")},
        {SLICE_INIT("A\xc3"), SLICE_INIT("a\xc3")}, /* cut off */
        {SLICE_INIT("\xc3"
                    "A"),
         SLICE_INIT("\xc3"
                    "a")},
        {SLICE_INIT("A\0B"), SLICE_INIT("a\0b")},
        {SLICE_INIT("\xed\xa0\x80Z"), SLICE_INIT("\xed\xa0\x80z")}, /* a surrogate */
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct buf out = BUF_INIT;
        case_fold(rows[i].text, &out);
        assert_slice_equal(buf_slice(&out), rows[i].folded);
        buf_done(&out);
    }
}

static void leaves_the_threads_locale_as_it_is(void **state)
{
    (void)state;
    char number[16];
    locale_t before = uselocale((locale_t)0);
    assert_folds("\xc3\x84", "\xc3\xa4");
    assert_ptr_equal(uselocale((locale_t)0), before);
    (void)snprintf(number, sizeof number, "%.1f", 0.5);
    assert_string_equal(number, "0.5");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folds_letters_of_every_script),
        cmocka_unit_test(leaves_what_is_no_text),
        cmocka_unit_test(leaves_the_threads_locale_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
