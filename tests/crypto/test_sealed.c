#include "crypto/random.h"
#include "crypto/sealed.h"
#include "support/keys.h"
#include "support/test.h"
#include "support/watch.h"

#include <stdlib.h>

static void opens_what_it_sealed(void **state)
{
    (void)state;
    static const struct slice secrets[] = {SLICE_INIT("kd94hf93k423kf44"), SLICE_INIT(""), SLICE_INIT("a\0b")};
    struct keyring *keys = keys_of("2026:" KEY_A);
    for (size_t i = 0; i < COUNT_OF(secrets); i++) {
        struct buf sealed = BUF_INIT;
        struct buf opened = BUF_INIT;
        assert_status(sealed_seal(keys, secrets[i], SLICE("row 1"), &sealed), STATUS_OK);
        assert_int_equal(sealed.len, 2 + 4 + 12 + secrets[i].len + 16);
        assert_status(sealed_open(keys, buf_slice(&sealed), SLICE("row 1"), &opened), STATUS_OK);
        assert_slice_equal(buf_slice(&opened), secrets[i]);
        buf_done(&sealed);
        buf_done(&opened);
    }
    keyring_free(keys);
}

static void appends_and_leaves_what_was_there(void **state)
{
    (void)state;
    struct keyring *keys = keys_of("k:" KEY_A);
    struct buf sealed = BUF_INIT;
    struct buf opened = BUF_INIT;
    buf_add_str(&opened, "before ");
    assert_status(sealed_seal(keys, SLICE("secret"), SLICE(""), &sealed), STATUS_OK);
    assert_status(sealed_open(keys, buf_slice(&sealed), SLICE(""), &opened), STATUS_OK);
    assert_slice_equal(buf_slice(&opened), SLICE("before secret"));
    buf_done(&sealed);
    buf_done(&opened);
    keyring_free(keys);
}

static void the_last_holder_frees(void **state)
{
    (void)state;
    struct keyring *keys = keys_of("k:" KEY_A);
    struct keyring *shared = keyring_share(keys);
    struct buf sealed = BUF_INIT;
    keyring_free(keys);
    assert_status(sealed_seal(shared, SLICE("secret"), SLICE(""), &sealed), STATUS_OK); /* ASan watches */
    keyring_free(shared);
    assert_null(keyring_share(NULL));
    buf_done(&sealed);
}

static void a_secret_moved_to_another_row_does_not_open(void **state)
{
    (void)state;
    struct keyring *keys = keys_of("k:" KEY_A);
    struct buf sealed = BUF_INIT;
    struct buf opened = BUF_INIT;
    assert_status(sealed_seal(keys, SLICE("secret"), SLICE("row 1"), &sealed), STATUS_OK);
    assert_status(sealed_open(keys, buf_slice(&sealed), SLICE("row 2"), &opened), STATUS_STORE_CORRUPT);
    assert_status(sealed_open(keys, buf_slice(&sealed), SLICE(""), &opened), STATUS_STORE_CORRUPT);
    assert_int_equal(opened.len, 0);
    buf_done(&sealed);
    buf_done(&opened);
    keyring_free(keys);
}

static void any_changed_or_missing_byte_is_found(void **state)
{
    (void)state;
    struct keyring *keys = keys_of("k:" KEY_A);
    struct buf sealed = BUF_INIT;
    struct buf opened = BUF_INIT;
    assert_status(sealed_seal(keys, SLICE("secret"), SLICE("row"), &sealed), STATUS_OK);
    for (size_t i = 0; i < sealed.len; i++) {
        sealed.ptr[i] = (char)(sealed.ptr[i] ^ 1);
        assert_status(sealed_open(keys, buf_slice(&sealed), SLICE("row"), &opened), STATUS_STORE_CORRUPT);
        sealed.ptr[i] = (char)(sealed.ptr[i] ^ 1);
        struct slice cut = slice_sub(buf_slice(&sealed), 0, i);
        assert_status(sealed_open(keys, cut, SLICE("row"), &opened), STATUS_STORE_CORRUPT);
    }
    buf_done(&sealed);
    buf_done(&opened);
    keyring_free(keys);
}

static void the_first_key_seals_and_all_open(void **state)
{
    (void)state;
    struct keyring *old = keys_of("old:" KEY_A);
    struct keyring *both = keys_of("new:" KEY_B ",old:" KEY_A);
    struct keyring *new_only = keys_of("new:" KEY_B);
    struct buf sealed = BUF_INIT;
    struct buf opened = BUF_INIT;
    assert_status(sealed_seal(old, SLICE("secret"), SLICE("row"), &sealed), STATUS_OK);
    assert_status(sealed_open(both, buf_slice(&sealed), SLICE("row"), &opened), STATUS_OK);
    assert_status(sealed_open(new_only, buf_slice(&sealed), SLICE("row"), &opened), STATUS_STORE_CORRUPT);
    buf_reset(&sealed);
    assert_status(sealed_seal(both, SLICE("secret"), SLICE("row"), &sealed), STATUS_OK);
    assert_status(sealed_open(new_only, buf_slice(&sealed), SLICE("row"), &opened), STATUS_OK);
    assert_status(sealed_open(old, buf_slice(&sealed), SLICE("row"), &opened), STATUS_STORE_CORRUPT);
    buf_done(&sealed);
    buf_done(&opened);
    keyring_free(old);
    keyring_free(both);
    keyring_free(new_only);
}

static void sealing_twice_gives_different_bytes(void **state)
{
    (void)state;
    struct keyring *keys = keys_of("k:" KEY_A);
    struct buf first = BUF_INIT;
    struct buf second = BUF_INIT;
    assert_status(sealed_seal(keys, SLICE("secret"), SLICE("row"), &first), STATUS_OK);
    assert_status(sealed_seal(keys, SLICE("secret"), SLICE("row"), &second), STATUS_OK);
    assert_false(slice_eq(buf_slice(&first), buf_slice(&second)));
    buf_done(&first);
    buf_done(&second);
    keyring_free(keys);
}

static void no_randomness_seals_nothing(void **state)
{
    (void)state;
    struct keyring *keys = keys_of("k:" KEY_A);
    struct buf sealed = BUF_INIT;
    random_fail_next(1);
    assert_status(sealed_seal(keys, SLICE("secret"), SLICE("row"), &sealed), STATUS_NO_RANDOMNESS);
    assert_int_equal(sealed.len, 0);
    keyring_free(keys);
}

static void key_lists_that_are_wrong_are_explained(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "k",
        ":" KEY_A,
        "k:",
        "k:AAAA",
        "k:" KEY_A "=",
        "k:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=", /* not canonical */
        "k:" KEY_A ",",
        "k:" KEY_A ",k:" KEY_B,
        "k y:" KEY_A,
        "k/:" KEY_A,
        "k[:" KEY_A,
        "k@:" KEY_A,
        "k{:" KEY_A,
        "k:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", /* 33 bytes */
        "k:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "k:!AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "0123456789012345678901234567890123:" KEY_A,
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct keyring *keys = NULL;
        const char *why = NULL;
        assert_status(keyring_parse(slice_str(texts[i]), &keys, &why), STATUS_BAD_INPUT);
        assert_non_null(why);
        assert_null(keys);
    }
}

static void says_what_is_wrong_with_a_key(void **state)
{
    (void)state;
    static const struct {
        const char *text, *why;
    } rows[] = {
        {"k", "a key is written id:base64"},
        {"k/:" KEY_A, "a key's id is 1 to 32 letters, digits, '-' or '_'"},
        {"k:" KEY_A ",k:" KEY_B, "two keys have the same id"},
        {"k:AAAA", "a key is 32 bytes in base64 (openssl rand -base64 32)"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct keyring *keys = NULL;
        const char *why = NULL;
        assert_status(keyring_parse(slice_str(rows[i].text), &keys, &why), STATUS_BAD_INPUT);
        assert_string_equal(why, rows[i].why);
    }
}

static void takes_16_keys_and_not_one_more(void **state)
{
    (void)state;
    struct buf list = BUF_INIT;
    struct keyring *keys = NULL;
    const char *why = NULL;
    for (int i = 0; i < 16; i++)
        buf_addf(&list, "%sKey_%d-z9:" KEY_A, i ? "," : "", i);
    keyring_free(keys_of(buf_string(&list)));
    buf_addf(&list, ",more:" KEY_B);
    assert_status(keyring_parse(buf_slice(&list), &keys, &why), STATUS_BAD_INPUT);
    assert_string_equal(why, "more than 16 keys");
    buf_done(&list);
}

static void what_is_too_long_or_has_no_room_is_refused(void **state)
{
    (void)state;
    char memory[8];
    struct keyring *keys = keys_of("k:" KEY_A);
    struct buf sealed = BUF_INIT;
    struct buf full = buf_fixed(memory, sizeof memory);
    struct slice huge = slice_of(memory, (size_t)1 << 31); /* its bytes are never looked at */
    assert_status(sealed_seal(keys, huge, SLICE("row"), &sealed), STATUS_NO_MEMORY);
    assert_status(sealed_seal(keys, SLICE("secret"), huge, &sealed), STATUS_NO_MEMORY);
    assert_status(sealed_seal(keys, SLICE("secret"), SLICE("row"), &full), STATUS_NO_MEMORY);
    assert_status(sealed_seal(keys, SLICE("secret"), SLICE("row"), &sealed), STATUS_OK);
    full = buf_fixed(memory, 2);
    assert_status(sealed_open(keys, buf_slice(&sealed), SLICE("row"), &full), STATUS_NO_MEMORY);
    assert_status(sealed_open(keys, buf_slice(&sealed), huge, &full), STATUS_STORE_CORRUPT);
    assert_status(sealed_open(keys, slice_of(sealed.ptr, huge.len), SLICE("row"), &full), STATUS_STORE_CORRUPT);
    buf_done(&sealed);
    keyring_free(keys);
}

/* What is in databases must open for ever: made once, by another implementation of AES-256-GCM. */
static void opens_what_was_sealed_long_ago(void **state)
{
    (void)state;
    static const struct slice sealed =
        SLICE_INIT("\x01\x04"
                   "2026"
                   "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\xe9\xeb\x40\x37\x63\x8f\xea\x8d\x88\x84\xcd\x5b"
                   "\x54\x18\x93\xe2\x3f\x48\x97\x5d\xdf\xea\x59\x18");
    struct keyring *keys = keys_of("2026:" KEY_A);
    struct buf opened = BUF_INIT;
    assert_status(sealed_open(keys, sealed, SLICE("row 1"), &opened), STATUS_OK);
    assert_slice_equal(buf_slice(&opened), SLICE("a secret"));
    buf_done(&opened);
    keyring_free(keys);
}

static void an_id_has_32_characters_at_most(void **state)
{
    (void)state;
    struct keyring *keys = keys_of("AZaz09-_567890123456789012345678:" KEY_A);
    const char *why = NULL;
    keyring_free(keys);
    assert_status(keyring_parse(SLICE("AZaz09-_5678901234567890123456789:" KEY_A), &keys, &why), STATUS_BAD_INPUT);
}

static void takes_the_room_it_needs_and_no_more(void **state)
{
    (void)state;
    enum { NEEDED = 2 + 4 + 12 + 8 + 16 };
    struct keyring *keys = keys_of("2026:" KEY_A);
    char *memory = malloc(NEEDED);
    assert_non_null(memory);
    struct buf exact = buf_fixed(memory, NEEDED);
    assert_status(sealed_seal(keys, SLICE("a secret"), SLICE("row"), &exact), STATUS_OK);
    assert_int_equal(exact.len, NEEDED);
    struct buf small = buf_fixed(memory, NEEDED - 1);
    assert_status(sealed_seal(keys, SLICE("a secret"), SLICE("row"), &small), STATUS_NO_MEMORY);
    free(memory);
    keyring_free(keys);
}

/* A sanitizer sees who reads on. */
static void looks_at_nothing_behind_its_end(void **state)
{
    (void)state;
    struct keyring *keys = keys_of("k:" KEY_A);
    char *one = malloc(1);
    struct buf opened = BUF_INIT;
    assert_non_null(one);
    one[0] = 1;
    assert_status(sealed_open(keys, slice_of(one, 1), SLICE("row"), &opened), STATUS_STORE_CORRUPT);
    assert_status(sealed_open(keys, SLICE_ABSENT, SLICE("row"), &opened), STATUS_STORE_CORRUPT);
    free(one);
    keyring_free(keys);
    keyring_free(NULL);
}

static void each_holder_may_use_it_to_its_own_end(void **state)
{
    (void)state;
    struct keyring *keys = keys_of("k:" KEY_A);
    for (int holders = 1; holders < 3; holders++)
        assert_ptr_equal(keyring_share(keys), keys);
    for (int holders = 3; holders > 0; holders--) {
        struct buf sealed = BUF_INIT;
        struct buf opened = BUF_INIT;
        assert_status(sealed_seal(keys, SLICE_ABSENT, SLICE_ABSENT, &sealed), STATUS_OK);
        assert_status(sealed_open(keys, buf_slice(&sealed), SLICE(""), &opened), STATUS_OK);
        assert_int_equal(opened.len, 0);
        buf_done(&sealed);
        buf_done(&opened);
        keyring_free(keys);
    }
}

static void keys_are_wiped(void **state)
{
    (void)state;
    char bytes[32];
    memset(bytes, 1, sizeof bytes); /* KEY_B decoded */
    watch_begin();
    struct keyring *keys = keys_of("k:" KEY_B);
    assert_int_equal(watch_wipes(slice_of(bytes, sizeof bytes)), 1);
    keyring_free(keys);
    assert_int_equal(watch_wipes(slice_of(bytes, sizeof bytes)), 2);
    watch_end();
}

static void what_does_not_open_leaves_no_plaintext(void **state)
{
    (void)state;
    struct keyring *keys = keys_of("k:" KEY_A);
    struct buf sealed = BUF_INIT;
    struct buf opened = BUF_INIT;
    assert_status(sealed_seal(keys, SLICE("a secret"), SLICE("row"), &sealed), STATUS_OK);
    sealed.ptr[sealed.len - 1] = (char)(sealed.ptr[sealed.len - 1] ^ 1); /* of the tag: all else is right */
    watch_begin();
    assert_status(sealed_open(keys, buf_slice(&sealed), SLICE("row"), &opened), STATUS_STORE_CORRUPT);
    assert_int_equal(watch_wipes(SLICE("a secret")), 1);
    watch_end();
    buf_done(&sealed);
    buf_done(&opened);
    keyring_free(keys);
}

static void keyrings_are_the_same_by_their_keys_and_their_order(void **state)
{
    static const char *const others[] = {"a:" KEY_A, "b:" KEY_B ",a:" KEY_A, "a:" KEY_A ",b:" KEY_A,
                                         "a:" KEY_A ",c:" KEY_B, "a:" KEY_A ",b:" KEY_B ",c:" KEY_B};
    struct keyring *keys = keys_of("a:" KEY_A ",b:" KEY_B);
    struct keyring *again = keys_of("a:" KEY_A ",b:" KEY_B);
    (void)state;
    watch_begin();
    assert_true(keyring_is_same(keys, again));
    assert_int_equal(watch_comparisons(SLICE("")), 2); /* each key in constant time */
    watch_end();
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        struct keyring *other = keys_of(others[i]);
        assert_false(keyring_is_same(keys, other));
        assert_false(keyring_is_same(other, keys));
        keyring_free(other);
    }
    keyring_free(again);
    keyring_free(keys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opens_what_it_sealed),
        cmocka_unit_test(appends_and_leaves_what_was_there),
        cmocka_unit_test(the_last_holder_frees),
        cmocka_unit_test(keyrings_are_the_same_by_their_keys_and_their_order),
        cmocka_unit_test(a_secret_moved_to_another_row_does_not_open),
        cmocka_unit_test(any_changed_or_missing_byte_is_found),
        cmocka_unit_test(the_first_key_seals_and_all_open),
        cmocka_unit_test(sealing_twice_gives_different_bytes),
        cmocka_unit_test(no_randomness_seals_nothing),
        cmocka_unit_test(key_lists_that_are_wrong_are_explained),
        cmocka_unit_test(says_what_is_wrong_with_a_key),
        cmocka_unit_test(takes_16_keys_and_not_one_more),
        cmocka_unit_test(what_is_too_long_or_has_no_room_is_refused),
        cmocka_unit_test(opens_what_was_sealed_long_ago),
        cmocka_unit_test(an_id_has_32_characters_at_most),
        cmocka_unit_test(takes_the_room_it_needs_and_no_more),
        cmocka_unit_test(looks_at_nothing_behind_its_end),
        cmocka_unit_test(each_holder_may_use_it_to_its_own_end),
        cmocka_unit_test(keys_are_wiped),
        cmocka_unit_test(what_does_not_open_leaves_no_plaintext),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
