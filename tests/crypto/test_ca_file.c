#include "crypto/ca_file.h"
#include "support/test.h"

static void assert_told(const char *path, const char *expected)
{
    struct buf why = BUF_INIT;
    enum status status = ca_file_check_blocking(path, &why);
    assert_status(status, expected ? STATUS_BAD_INPUT : STATUS_OK);
    assert_string_equal(why.len ? buf_string(&why) : "", expected ? expected : "");
    buf_done(&why);
}

static void a_file_with_a_certificate_is_taken(void **state)
{
    (void)state;
    assert_told(TESTS_DIR "/vectors/rsa_2048_certificate.pem", NULL);
}

static void what_holds_no_certificate_is_named(void **state)
{
    (void)state;
    assert_told("nowhere.pem", "nowhere.pem: is no readable file of CA certificates in PEM form");
    assert_told("/dev/null", "/dev/null: is no readable file of CA certificates in PEM form");
    assert_told(TESTS_DIR "/vectors/rsa_2048.pem",
                TESTS_DIR "/vectors/rsa_2048.pem: is no readable file of CA certificates in PEM form");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_with_a_certificate_is_taken),
        cmocka_unit_test(what_holds_no_certificate_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
