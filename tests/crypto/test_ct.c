#include "crypto/ct.h"
#include "support/test.h"

static void equal_bytes_are_equal(void **state)
{
    (void)state;
    assert_true(ct_equal(SLICE("secret"), SLICE("secret")));
    assert_true(ct_equal(SLICE("a\0b"), SLICE("a\0b")));
    assert_true(ct_equal(SLICE(""), SLICE_ABSENT));
}

static void one_bit_or_one_byte_makes_a_difference(void **state)
{
    (void)state;
    assert_false(ct_equal(SLICE("secret"), SLICE("secreu")));
    assert_false(ct_equal(SLICE("Secret"), SLICE("secret")));
    assert_false(ct_equal(SLICE("a\0b"), SLICE("a\0c")));
    assert_false(ct_equal(SLICE("secret"), SLICE("secre")));
    assert_false(ct_equal(SLICE("secret"), SLICE("")));
    assert_false(ct_equal(SLICE(""), SLICE("secret")));
    assert_false(ct_equal(SLICE("secre"), SLICE("secret")));
    assert_false(ct_equal(SLICE("a"), SLICE("b")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_bytes_are_equal),
        cmocka_unit_test(one_bit_or_one_byte_makes_a_difference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
