#include "crypto/system_ca.h"
#include "support/test.h"

static void is_an_absolute_path(void **state)
{
    (void)state;
    assert_int_equal(system_ca_directory()[0], '/');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_an_absolute_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
