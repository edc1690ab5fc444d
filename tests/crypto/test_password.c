#include "crypto/password.h"
#include "crypto/random.h"
#include "support/test.h"
#include "support/watch.h"

#include <crypt.h>
#include <time.h>

static void a_password_opens_its_own_hash_only(void **state)
{
    (void)state;
    char hash[PASSWORD_HASH_BYTES];
    assert_status(password_hash_blocking(SLICE("correct horse \xc3\xa9"), hash), STATUS_OK);
    assert_true(slice_starts_with(slice_str(hash), SLICE("$y$")));
    assert_true(password_verify_blocking(SLICE("correct horse \xc3\xa9"), slice_str(hash)));
    assert_false(password_verify_blocking(SLICE("correct horse \xc3\xa8"), slice_str(hash)));
    assert_false(password_verify_blocking(SLICE("correct horse"), slice_str(hash)));
}

static void the_same_password_hashes_differently_each_time(void **state)
{
    (void)state;
    char first[PASSWORD_HASH_BYTES];
    char second[PASSWORD_HASH_BYTES];
    assert_status(password_hash_blocking(SLICE("hunter2"), first), STATUS_OK);
    assert_status(password_hash_blocking(SLICE("hunter2"), second), STATUS_OK);
    assert_string_not_equal(first, second);
}

static void unusable_passwords_are_refused(void **state)
{
    (void)state;
    char hash[PASSWORD_HASH_BYTES];
    char longest[PASSWORD_MAX_BYTES + 1];
    memset(longest, 'p', sizeof longest);
    assert_status(password_hash_blocking(SLICE(""), hash), STATUS_BAD_INPUT);
    assert_status(password_hash_blocking(SLICE("p"), hash), STATUS_OK);
    assert_status(password_hash_blocking(SLICE("a\0b"), hash), STATUS_BAD_INPUT);
    assert_status(password_hash_blocking(slice_of(longest, sizeof longest), hash), STATUS_BAD_INPUT);
    assert_status(password_hash_blocking(slice_of(longest, sizeof longest - 1), hash), STATUS_OK);
    assert_true(password_verify_blocking(slice_of(longest, sizeof longest - 1), slice_str(hash)));
    assert_false(password_verify_blocking(slice_of(longest, sizeof longest), slice_str(hash)));
}

static void rubbish_hashes_open_for_nobody(void **state)
{
    (void)state;
    static const char *const hashes[] = {"", "x", "*0", "*1", "$y$", "$y$j9T$", "$9$abc$def", "plain"};
    for (size_t i = 0; i < COUNT_OF(hashes); i++)
        assert_false(password_verify_blocking(slice_str(hashes[i]), slice_str(hashes[i])));
    assert_false(password_verify_blocking(SLICE("password"), SLICE_ABSENT));
}

static void a_hash_that_is_longer_than_any_opens_for_nobody(void **state)
{
    (void)state;
    char hash[PASSWORD_HASH_BYTES + 1];
    assert_status(password_hash_blocking(SLICE("password"), hash), STATUS_OK);
    size_t len = strlen(hash);
    memset(hash + len, '.', sizeof hash - len);
    assert_false(password_verify_blocking(SLICE("password"), slice_of(hash, sizeof hash)));
    assert_false(password_verify_blocking(SLICE("password"), slice_of(hash, sizeof hash - 1)));
    /* and nothing is left of it where the next one is looked at */
    assert_false(password_verify_blocking(SLICE("password"), slice_of(hash, sizeof hash - 2)));
    assert_true(password_verify_blocking(SLICE("password"), slice_of(hash, len)));
}

/* Of this thread alone: what else the machine does is not part of it. */
static int64_t thread_cpu_ns(void)
{
    struct timespec now = {0};
    assert_int_equal(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now), 0);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static int64_t fastest_of_five(struct slice hash)
{
    int64_t fastest = INT64_MAX;
    for (int i = 0; i < 5; i++) {
        int64_t start = thread_cpu_ns();
        assert_false(password_verify_blocking(SLICE("wrong"), hash));
        int64_t took = thread_cpu_ns() - start;
        fastest = took < fastest ? took : fastest;
    }
    return fastest;
}

static void a_user_who_does_not_exist_costs_the_same_time(void **state)
{
    (void)state;
    char hash[PASSWORD_HASH_BYTES];
    assert_status(password_hash_blocking(SLICE("right"), hash), STATUS_OK);
    int64_t known = fastest_of_five(slice_str(hash));
    int64_t unknown = fastest_of_five(SLICE_ABSENT);
    assert_true(unknown > known / 2 && known > unknown / 2);
}

static void no_randomness_is_told(void **state)
{
    (void)state;
    char hash[PASSWORD_HASH_BYTES];
    random_fail_next(1);
    assert_status(password_hash_blocking(SLICE("password"), hash), STATUS_NO_RANDOMNESS);
}

static bool salts_fail;
static bool hashes_fail;
static char *failed_hash; /* libcrypt's ways to say it */
char *__real_crypt_gensalt_rn(const char *prefix, unsigned long count, const char *bytes, int len, char *out, int size);
char *__wrap_crypt_gensalt_rn(const char *prefix, unsigned long count, const char *bytes, int len, char *out, int size);
char *__wrap_crypt_gensalt_rn(const char *prefix, unsigned long count, const char *bytes, int len, char *out, int size)
{
    char *setting = __real_crypt_gensalt_rn(prefix, count, bytes, len, out, size);
    return salts_fail ? NULL : setting; /* whatever is written by then */
}

char *__real_crypt_r(const char *phrase, const char *setting, struct crypt_data *data);
char *__wrap_crypt_r(const char *phrase, const char *setting, struct crypt_data *data);
char *__wrap_crypt_r(const char *phrase, const char *setting, struct crypt_data *data)
{
    return hashes_fail ? failed_hash : __real_crypt_r(phrase, setting, data);
}

static void what_libcrypt_cannot_hash_has_no_hash(void **state)
{
    (void)state;
    static char token[] = "*0";
    char *const ways[] = {NULL, token};
    char hash[PASSWORD_HASH_BYTES] = "untouched";
    salts_fail = true;
    enum status status = password_hash_blocking(SLICE("password"), hash);
    salts_fail = false;
    assert_status(status, STATUS_NO_MEMORY);
    for (size_t i = 0; i < COUNT_OF(ways); i++) {
        hashes_fail = true;
        failed_hash = ways[i];
        status = password_hash_blocking(SLICE("password"), hash);
        bool verified = password_verify_blocking(SLICE("password"), SLICE("*0"));
        hashes_fail = false;
        assert_status(status, STATUS_NO_MEMORY);
        assert_string_equal(hash, "untouched");
        assert_false(verified);
    }
}

static void the_password_and_what_it_becomes_are_wiped(void **state)
{
    (void)state;
    char hash[PASSWORD_HASH_BYTES];
    assert_status(password_hash_blocking(SLICE("correct horse"), hash), STATUS_OK);
    watch_begin();
    assert_true(password_verify_blocking(SLICE("correct horse"), slice_str(hash)));
    assert_int_equal(watch_wipes(SLICE("correct horse")), 1);
    assert_int_equal(watch_wipes(slice_str(hash)), 2); /* libcrypt's, and ours to compare */
    assert_int_equal(watch_comparisons(slice_str(hash)), 1);
    watch_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_password_opens_its_own_hash_only),
        cmocka_unit_test(the_same_password_hashes_differently_each_time),
        cmocka_unit_test(unusable_passwords_are_refused),
        cmocka_unit_test(rubbish_hashes_open_for_nobody),
        cmocka_unit_test(a_hash_that_is_longer_than_any_opens_for_nobody),
        cmocka_unit_test(a_user_who_does_not_exist_costs_the_same_time),
        cmocka_unit_test(no_randomness_is_told),
        cmocka_unit_test(what_libcrypt_cannot_hash_has_no_hash),
        cmocka_unit_test(the_password_and_what_it_becomes_are_wiped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
