/* The names of epochs, which say how long nonces are kept. */
#include "guard/nonce_epoch.h"

#include "support/test.h"

#include <string.h>

static void a_name_says_for_how_long_nonces_are_kept(void **state)
{
    static const int64_t kept_s[] = {0, 2, 8, 600, NONCE_KEPT_MAX_S};
    char id[NONCE_EPOCH_ID_BYTES];
    (void)state;
    for (size_t i = 0; i < COUNT_OF(kept_s); i++) {
        assert_status(nonce_epoch_make(kept_s[i], id), STATUS_OK);
        assert_int_equal(nonce_epoch_kept_s(slice_str(id)), kept_s[i]);
    }
    assert_status(nonce_epoch_make(-1, id), STATUS_BAD_INPUT);
    assert_status(nonce_epoch_make(NONCE_KEPT_MAX_S + 1, id), STATUS_BAD_INPUT);
}

static void no_two_names_are_alike(void **state)
{
    char first[NONCE_EPOCH_ID_BYTES];
    char second[NONCE_EPOCH_ID_BYTES];
    (void)state;
    assert_status(nonce_epoch_make(600, first), STATUS_OK);
    assert_status(nonce_epoch_make(600, second), STATUS_OK);
    assert_int_equal(strlen(first), 24 + strlen("-600"));
    assert_string_equal(first + 24, "-600");
    assert_memory_not_equal(first, second, 24);
}

/* Versions before wrote 32 hexadecimal digits; a number that no skew needs is none. */
static void other_names_do_not_say_it(void **state)
{
    static const char *const ids[] = {"",         "0123456789abcdef0123456789abcdef",
                                      "600",      "a-",
                                      "a-x",      "a-b-600",
                                      "a--600",   "a-600 ",
                                      "a-172801", "a-99999999999999999999"};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(ids); i++)
        assert_int_equal(nonce_epoch_kept_s(slice_str(ids[i])), 0);
}

/* A skew's fraction of a second is no reason for a loss. */
static void a_process_needs_twice_its_skew(void **state)
{
    (void)state;
    assert_int_equal(nonce_kept_for_s(300000), 600);
    assert_int_equal(nonce_kept_for_s(4000), 8);
    assert_int_equal(nonce_kept_for_s(1000), 2);
}

static void an_operator_is_told_both_times(void **state)
{
    char memory[NONCE_SHORT_BYTES];
    struct buf text = buf_fixed(memory, sizeof memory);
    (void)state;
    nonce_epoch_tell_short(NONCE_KEPT_MAX_S - 1, NONCE_KEPT_MAX_S, &text);
    assert_string_equal(buf_string(&text),
                        "nonces were kept for 172799 s, this process needs 172800 s (twice OAUTH1_TIMESTAMP_SKEW)");
    text = buf_fixed(memory, sizeof memory);
    nonce_epoch_tell_short(0, NONCE_KEPT_MAX_S, &text);
    assert_string_equal(buf_string(&text),
                        "an earlier version did not say how long it kept nonces, this process needs 172800 s");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_says_for_how_long_nonces_are_kept),
        cmocka_unit_test(no_two_names_are_alike),
        cmocka_unit_test(other_names_do_not_say_it),
        cmocka_unit_test(a_process_needs_twice_its_skew),
        cmocka_unit_test(an_operator_is_told_both_times),
    };
    return cmocka_run_group_tests_name("nonce_epoch", tests, NULL, NULL);
}
