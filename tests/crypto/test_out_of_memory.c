/* Every allocation of crypto/ fails once, ours and OpenSSL's, and every call of OpenSSL and libcrypt: no crash, no leak
 * (ASan), and above all nothing that is wrong passes for right. */
#include "base/buf.h"
#include "crypto/digest.h"
#include "crypto/mac.h"
#include "crypto/password.h"
#include "crypto/rsa.h"
#include "crypto/sealed.h"
#include "support/memory_fault.h"
#include "support/test.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

static char private_pem[4096];
static char public_pem[4096];
static unsigned char signature[RSA_SIGNATURE_MAX_BYTES];
static size_t signature_len;

static bool is_fault_or(enum status status, enum status expected)
{
    return status == STATUS_NO_MEMORY || status == expected;
}

static void write_pem(bool private, EVP_PKEY *key, char *out, size_t size)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    assert_int_equal(
        private ? PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) : PEM_write_bio_PUBKEY(bio, key), 1);
    size_t len = (size_t)BIO_get_mem_data(bio, &text);
    assert_true(len < size);
    memcpy(out, text, len);
    BIO_free(bio);
}

/* Warms up what OpenSSL and crypto/ set up once a process. */
static int setup(void **state)
{
    (void)state;
    unsigned char hash[DIGEST_MAX_BYTES];
    EVP_PKEY *key = EVP_RSA_gen(2048);
    assert_non_null(key);
    write_pem(true, key, private_pem, sizeof private_pem);
    write_pem(false, key, public_pem, sizeof public_pem);
    EVP_PKEY_free(key);
    assert_status(digest_bytes(DIGEST_SHA1, SLICE("x"), hash), STATUS_OK);
    return rsa_sign(slice_str(private_pem), DIGEST_SHA256, SLICE("text"), signature, &signature_len) == STATUS_OK ? 0
                                                                                                                  : -1;
}

static void compute_macs(void)
{
    static const unsigned char expected[] = {0xDE, 0x7C, 0x9B, 0x85}; /* HMAC-SHA1("key", "The quick …") begins so */
    struct mac *mac = mac_new(2);
    for (int i = 0; mac && i < 4; i++) {
        unsigned char code[DIGEST_MAX_BYTES];
        enum status status =
            mac_hmac(mac, DIGEST_SHA1, SLICE("key"), SLICE("The quick brown fox jumps over the lazy dog"), code);
        assert_true(is_fault_or(status, STATUS_OK));
        if (status == STATUS_OK)
            assert_memory_equal(code, expected, sizeof expected);
        status = mac_hmac(mac, DIGEST_SHA256, SLICE("key"), SLICE("x"), code);
        assert_true(is_fault_or(status, STATUS_OK));
    }
    mac_free(mac);
}

static void mac_survives_each_failure(void **state)
{
    (void)state;
    assert_true(memory_fault_each(compute_macs) > 5);
}

static void hash_once(void)
{
    unsigned char hash[DIGEST_MAX_BYTES];
    assert_true(is_fault_or(digest_bytes(DIGEST_SHA512, SLICE("x"), hash), STATUS_OK));
}

static void digest_survives_each_failure(void **state)
{
    (void)state;
    assert_true(memory_fault_each(hash_once) > 0);
}

/* One call fails in a run: what came after it works, with whatever that call said was good. */
static bool may_fail_now(bool had_failed, enum status status, enum status expected)
{
    return status == expected ||
           (!had_failed && memory_fault_happened() && (status == STATUS_NO_MEMORY || status == STATUS_NO_RANDOMNESS));
}

/* The key is read before, which check_key sees fail: it takes thousands of allocations each time. */
static void verify_rsa(void)
{
    struct slice right = slice_of(signature, signature_len);
    memory_fault_hold(true);
    struct rsa *rsa = rsa_new();
    assert_non_null(rsa);
    assert_status(rsa_verify(rsa, slice_str(public_pem), DIGEST_SHA1, SLICE("text"), right), STATUS_SIGNATURE_INVALID);
    memory_fault_hold(false);
    for (int i = 0; i < 4; i++) {   /* what is kept of a key must not stay without what failed */
        bool is_right = i % 2 == 1; /* first the wrong one, so that nothing is ready for it */
        bool had_failed = memory_fault_happened();
        enum status status =
            rsa_verify(rsa, slice_str(public_pem), DIGEST_SHA256, is_right ? SLICE("text") : SLICE("Text"), right);
        assert_true(may_fail_now(had_failed, status, is_right ? STATUS_OK : STATUS_SIGNATURE_INVALID) ||
                    (is_right && !had_failed && status == STATUS_SIGNATURE_INVALID));
    }
    rsa_free(rsa);
}

static void check_key(void)
{
    const char *why = NULL;
    enum status status = rsa_check_public_key(slice_str(public_pem), &why);
    assert_true(status == STATUS_OK || (status == STATUS_BAD_INPUT && why));
}

static void sign_rsa(void)
{
    unsigned char made[RSA_SIGNATURE_MAX_BYTES];
    size_t len = 0;
    enum status status = rsa_sign(slice_str(private_pem), DIGEST_SHA256, SLICE("text"), made, &len);
    assert_true(is_fault_or(status, STATUS_OK) || status == STATUS_BAD_INPUT);
    if (status == STATUS_OK)
        assert_memory_equal(made, signature, signature_len);
}

static void rsa_survives_each_failure(void **state)
{
    (void)state;
    assert_true(memory_fault_each(verify_rsa) > 20);
    assert_true(memory_fault_each(check_key) > 20);
    assert_true(memory_fault_each(sign_rsa) > 20);
}

static void open_twice(const struct keyring *keys, struct slice sealed)
{
    struct buf none = BUF_INIT;
    struct buf opened = BUF_INIT;
    bool had_failed = memory_fault_happened();
    enum status status = sealed_open(keys, sealed, SLICE("another row"), &none);
    assert_true(may_fail_now(had_failed, status, STATUS_STORE_CORRUPT));
    had_failed = memory_fault_happened();
    status = sealed_open(keys, sealed, SLICE("row"), &opened);
    assert_true(may_fail_now(had_failed, status, STATUS_OK) || (!had_failed && status == STATUS_STORE_CORRUPT));
    if (status == STATUS_OK)
        assert_slice_equal(buf_slice(&opened), SLICE("secret"));
    buf_done(&none);
    buf_done(&opened);
}

static void seal_and_open(void)
{
    struct keyring *keys = NULL;
    const char *why = NULL;
    struct buf sealed = BUF_INIT;
    enum status status = keyring_parse(SLICE("k:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="), &keys, &why);
    assert_true(may_fail_now(false, status, STATUS_OK));
    if (status == STATUS_OK) {
        bool had_failed = memory_fault_happened();
        status = sealed_seal(keys, SLICE("secret"), SLICE("row"), &sealed);
        assert_true(may_fail_now(had_failed, status, STATUS_OK));
    }
    if (status == STATUS_OK)
        open_twice(keys, buf_slice(&sealed));
    else
        assert_int_equal(sealed.len, 0);
    buf_done(&sealed);
    keyring_free(keys);
}

static void sealing_survives_each_failure(void **state)
{
    (void)state;
    assert_true(memory_fault_each(seal_and_open) > 5);
}

static void hash_password(void)
{
    char hash[PASSWORD_HASH_BYTES];
    enum status status = password_hash_blocking(SLICE("right"), hash);
    assert_true(is_fault_or(status, STATUS_OK) || status == STATUS_NO_RANDOMNESS);
    if (status != STATUS_OK)
        return;
    assert_false(password_verify_blocking(SLICE("wrong"), slice_str(hash)));
    assert_true(password_verify_blocking(SLICE("right"), slice_str(hash)) || memory_fault_happened());
}

static void passwords_survive_each_failure(void **state)
{
    (void)state;
    assert_true(memory_fault_each(hash_password) > 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mac_survives_each_failure),      cmocka_unit_test(digest_survives_each_failure),
        cmocka_unit_test(sealing_survives_each_failure),  cmocka_unit_test(rsa_survives_each_failure),
        cmocka_unit_test(passwords_survive_each_failure),
    };
    memory_fault_init();
    return cmocka_run_group_tests(tests, setup, NULL);
}
