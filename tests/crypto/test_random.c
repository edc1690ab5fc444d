#include "crypto/random.h"
#include "support/test.h"
#include "support/watch.h"

#include <openssl/rand.h>
#include <stdlib.h>

static void two_draws_differ(void **state)
{
    (void)state;
    unsigned char a[32];
    unsigned char b[32];
    assert_status(random_bytes(a, sizeof a), STATUS_OK);
    assert_status(random_bytes(b, sizeof b), STATUS_OK);
    assert_memory_not_equal(a, b, sizeof a);
}

static void text_uses_every_letter_and_digit_about_equally(void **state)
{
    (void)state;
    enum { DRAWN = 62 * 2000 };
    unsigned seen[256] = {0};
    char *text = test_malloc(DRAWN);
    assert_status(random_text(text, DRAWN), STATUS_OK);
    for (size_t i = 0; i < DRAWN; i++)
        seen[(unsigned char)text[i]]++;
    unsigned kinds = 0;
    for (unsigned c = 0; c < 256; c++) {
        if (seen[c] == 0)
            continue;
        kinds++;
        assert_true((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'));
        assert_in_range(seen[c], 1700, 2300); /* 2000 expected, 6.7 standard deviations */
    }
    assert_int_equal(kinds, 62);
    test_free(text);
}

static void typable_text_has_no_look_alikes_and_all_others(void **state)
{
    (void)state;
    static const char letters[] = "ABCDEFGHJKMNPQRSTUVWXYZ23456789";
    char text[4096];
    assert_status(random_typable(text, sizeof text), STATUS_OK);
    for (size_t i = 0; i < sizeof text; i++)
        assert_non_null(memchr(letters, text[i], sizeof letters - 1));
    for (size_t i = 0; letters[i]; i++)
        assert_non_null(memchr(text, letters[i], sizeof text));
}

static int by_bytes(const void *a, const void *b)
{
    return memcmp(a, b, 22);
}

static void many_texts_are_all_different(void **state)
{
    (void)state;
    enum { TEXTS = 20000 };
    char(*texts)[22] = test_malloc(sizeof *texts * TEXTS);
    for (size_t i = 0; i < TEXTS; i++)
        assert_status(random_text(texts[i], sizeof texts[i]), STATUS_OK);
    qsort(texts, TEXTS, sizeof *texts, by_bytes);
    for (size_t i = 1; i < TEXTS; i++)
        assert_memory_not_equal(texts[i - 1], texts[i], 22);
    test_free(texts);
}

static void a_failure_is_told_and_leaves_zeroes(void **state)
{
    (void)state;
    char text[16];
    memset(text, 'x', sizeof text);
    random_fail_next(2);
    assert_status(random_text(text, sizeof text), STATUS_NO_RANDOMNESS);
    assert_memory_equal(text, (char[16]){0}, sizeof text);
    assert_status(random_bytes(text, sizeof text), STATUS_NO_RANDOMNESS);
    assert_status(random_bytes(text, sizeof text), STATUS_OK);
}

static bool openssl_fails;
int __real_RAND_bytes(unsigned char *out, int len);
int __wrap_RAND_bytes(unsigned char *out, int len);
int __wrap_RAND_bytes(unsigned char *out, int len)
{
    return openssl_fails ? 0 : __real_RAND_bytes(out, len);
}

static void openssl_without_randomness_is_told_and_leaves_zeroes(void **state)
{
    (void)state;
    char text[16];
    memset(text, 'x', sizeof text);
    openssl_fails = true;
    enum status status = random_bytes(text, sizeof text);
    openssl_fails = false;
    assert_status(status, STATUS_NO_RANDOMNESS);
    assert_memory_equal(text, (char[16]){0}, sizeof text);
}

static void what_a_text_was_drawn_from_is_wiped(void **state)
{
    (void)state;
    char text[8];
    watch_begin();
    assert_status(random_text(text, sizeof text), STATUS_OK);
    assert_int_equal(watch_wipes(SLICE("")), 1); /* any */
    watch_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_draws_differ),
        cmocka_unit_test(text_uses_every_letter_and_digit_about_equally),
        cmocka_unit_test(typable_text_has_no_look_alikes_and_all_others),
        cmocka_unit_test(many_texts_are_all_different),
        cmocka_unit_test(a_failure_is_told_and_leaves_zeroes),
        cmocka_unit_test(openssl_without_randomness_is_told_and_leaves_zeroes),
        cmocka_unit_test(what_a_text_was_drawn_from_is_wiped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
