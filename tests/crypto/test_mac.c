#include "crypto/mac.h"

#include "base/buf.h"
#include "support/test.h"
#include "support/watch.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>

/* ---- how often a context is keyed, which is most of the work ---- */

static unsigned keyed;
int __real_EVP_MAC_init(EVP_MAC_CTX *context, const unsigned char *key, size_t len, const OSSL_PARAM params[]);
int __wrap_EVP_MAC_init(EVP_MAC_CTX *context, const unsigned char *key, size_t len, const OSSL_PARAM params[]);
int __wrap_EVP_MAC_init(EVP_MAC_CTX *context, const unsigned char *key, size_t len, const OSSL_PARAM params[])
{
    keyed += key != NULL;
    return __real_EVP_MAC_init(context, key, len, params);
}

static void check_hex(const unsigned char *code, enum digest digest, const char *expected)
{
    struct buf hex = BUF_INIT;
    buf_add_hex(&hex, slice_of(code, digest_size_bytes(digest)));
    assert_slice_equal(buf_slice(&hex), slice_str(expected));
    buf_done(&hex);
}

/* RFC 2202 §3 (SHA-1) and RFC 4231 §4 (SHA-256, SHA-512). */
static void computes_the_published_codes(void **state)
{
    (void)state;
#define AA20  "\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA"
#define AA80  AA20 AA20 AA20 AA20
#define AA131 AA80 AA20 AA20 "\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA"
#define LONG  "Test Using Larger Than Block-Size Key - Hash Key First"
    static const struct {
        enum digest digest;
        struct slice key, text;
        const char *hex;
    } rows[] = {
        {DIGEST_SHA1, SLICE_INIT("Jefe"), SLICE_INIT("what do ya want for nothing?"),
         "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"},
        {DIGEST_SHA1, SLICE_INIT(AA80), SLICE_INIT(LONG), "aa4ae5e15272d00e95705637ce8a3b55ed402112"},
        {DIGEST_SHA1, {0}, {0}, "fbdb1d1b18aa6c08324b7d64b71fb76370690e1d"}, /* not the key before */
        {DIGEST_SHA1, SLICE_INIT(""), SLICE_INIT(""), "fbdb1d1b18aa6c08324b7d64b71fb76370690e1d"},
        {DIGEST_SHA256, SLICE_INIT("Jefe"), SLICE_INIT("what do ya want for nothing?"),
         "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
        {DIGEST_SHA256, SLICE_INIT(AA131), SLICE_INIT(LONG),
         "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
        {DIGEST_SHA512, SLICE_INIT("Jefe"), SLICE_INIT("what do ya want for nothing?"),
         "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fd"
         "caeab1a34d4a6b4b636e070a38bce737"},
        {DIGEST_SHA512, SLICE_INIT(AA131), SLICE_INIT(LONG),
         "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f3526b56d037e05f2598bd0fd2215d6a1e52"
         "95e64f73f63f0aec8b915a985d786598"},
    };
    static const size_t kept[] = {0, 1, 8};
    for (size_t k = 0; k < COUNT_OF(kept); k++) {
        struct mac *mac = mac_new(kept[k]);
        assert_non_null(mac);
        /* again and again: common context, just kept, kept */
        for (size_t i = 0; i < 4 * COUNT_OF(rows); i++) {
            unsigned char code[DIGEST_MAX_BYTES];
            size_t row = i / 4;
            assert_status(mac_hmac(mac, rows[row].digest, rows[row].key, rows[row].text, code), STATUS_OK);
            check_hex(code, rows[row].digest, rows[row].hex);
        }
        mac_free(mac);
    }
}

/* Many keys in a small table, hot ones among them: whatever the table does, the code is right. */
static void keeps_and_replaces_keys_without_mixing_them_up(void **state)
{
    (void)state;
    const EVP_MD *const md[] = {EVP_sha1(), EVP_sha256(), EVP_sha512()};
    static const size_t kept[] = {0, 1, 4, MAC_KEPT_MAX};
    for (size_t k = 0; k < COUNT_OF(kept); k++) {
        struct mac *mac = mac_new(kept[k]);
        assert_non_null(mac);
        uint32_t random = 1;
        for (int round = 0; round < 20000; round++) {
            char key[256];
            unsigned char code[DIGEST_MAX_BYTES];
            unsigned char expected[EVP_MAX_MD_SIZE];
            random = random * 1664525 + 1013904223;
            enum digest digest = (enum digest)(random >> 30) % 3;
            size_t key_len = random >> 8 & 7 ? 1 + (random >> 12 & 3) : 158 + (random >> 12 & 3); /* 160 is the limit */
            memset(key, (int)('a' + (random >> 16 & 3)), sizeof key);
            struct slice text = slice_of(&round, sizeof round);
            assert_status(mac_hmac(mac, digest, slice_of(key, key_len), text, code), STATUS_OK);
            assert_non_null(
                HMAC(md[digest], key, (int)key_len, (const unsigned char *)text.ptr, text.len, expected, NULL));
            assert_memory_equal(code, expected, digest_size_bytes(digest));
        }
        mac_free(mac);
    }
}

/* The second time it is asked for in a row, and then until another is asked for twice in a row in its place. */
static void keeps_what_is_asked_for_again_and_again(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        enum digest digest;
        unsigned keyed;
    } rows[] = {
        {"first", DIGEST_SHA1, 1},    {"first", DIGEST_SHA1, 1},    {"first", DIGEST_SHA1, 0},
        {"first", DIGEST_SHA1, 0},    {"second", DIGEST_SHA1, 1},   {"first", DIGEST_SHA1, 0},
        {"second", DIGEST_SHA1, 1},   {"first", DIGEST_SHA1, 0},    {"second", DIGEST_SHA1, 1},
        {"second", DIGEST_SHA1, 1},   {"second", DIGEST_SHA1, 0},   {"first", DIGEST_SHA1, 1},
        {"second", DIGEST_SHA256, 1}, {"second", DIGEST_SHA1, 0},   {"second", DIGEST_SHA256, 1},
        {"second", DIGEST_SHA256, 1}, {"second", DIGEST_SHA256, 0}, {"second", DIGEST_SHA1, 1},
    };
    struct mac *mac = mac_new(1);
    assert_non_null(mac);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        unsigned char code[DIGEST_MAX_BYTES];
        keyed = 0;
        assert_status(mac_hmac(mac, rows[i].digest, slice_str(rows[i].key), SLICE("text"), code), STATUS_OK);
        if (keyed != rows[i].keyed)
            fail_msg("row %zu: keyed %u times", i, keyed);
    }
    mac_free(mac);
}

static void a_key_with_a_nul_is_not_its_front(void **state)
{
    (void)state;
    struct mac *mac = mac_new(1);
    assert_non_null(mac);
    for (int i = 0; i < 6; i++) { /* the one place holds either key in turn, twice each */
        unsigned char code[DIGEST_MAX_BYTES];
        struct slice key = i / 2 % 2 ? SLICE("key\0more") : SLICE("key\0none");
        assert_status(mac_hmac(mac, DIGEST_SHA1, key, SLICE("text"), code), STATUS_OK);
        unsigned char expected[EVP_MAX_MD_SIZE];
        assert_non_null(HMAC(EVP_sha1(), key.ptr, (int)key.len, (const unsigned char *)"text", 4, expected, NULL));
        assert_memory_equal(code, expected, 20);
    }
    mac_free(mac);
}

static void writes_no_more_than_the_digest(void **state)
{
    (void)state;
    struct mac *mac = mac_new(0);
    assert_non_null(mac);
    for (enum digest digest = DIGEST_SHA1; digest <= DIGEST_SHA512; digest++) {
        unsigned char code[DIGEST_MAX_BYTES + 1];
        memset(code, 0x5A, sizeof code);
        assert_status(mac_hmac(mac, digest, SLICE("k"), SLICE("t"), code), STATUS_OK);
        for (size_t i = digest_size_bytes(digest); i < sizeof code; i++)
            assert_int_equal(code[i], 0x5A);
    }
    mac_free(mac);
    mac_free(NULL);
}

static void keys_are_wiped_when_their_place_is_taken_and_at_the_end(void **state)
{
    (void)state;
    static const struct slice keys[] = {SLICE_INIT("the first kept key"), SLICE_INIT("the second kept key")};
    struct mac *mac = mac_new(1);
    unsigned char code[DIGEST_MAX_BYTES];
    assert_non_null(mac);
    watch_begin();
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        for (int times = 0; times < 2; times++) /* the second time it is kept */
            assert_status(mac_hmac(mac, DIGEST_SHA1, keys[i], SLICE("t"), code), STATUS_OK);
    assert_int_equal(watch_wipes(keys[0]), 1);
    assert_int_equal(watch_wipes(keys[1]), 0);
    mac_free(mac);
    assert_int_equal(watch_wipes(keys[1]), 1);
    watch_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(computes_the_published_codes),
        cmocka_unit_test(keeps_and_replaces_keys_without_mixing_them_up),
        cmocka_unit_test(keeps_what_is_asked_for_again_and_again),
        cmocka_unit_test(a_key_with_a_nul_is_not_its_front),
        cmocka_unit_test(writes_no_more_than_the_digest),
        cmocka_unit_test(keys_are_wiped_when_their_place_is_taken_and_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
