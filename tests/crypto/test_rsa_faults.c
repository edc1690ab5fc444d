/* Each call that crypto/rsa.c makes of OpenSSL fails once, and each allocation of its own: no crash, no leak
 * (ASan), and before and after it right is right and wrong is wrong. What fails inside of those calls:
 * test_out_of_memory.c. */
#include "crypto/rsa.h"
#include "support/memory_fault.h"
#include "support/test.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

enum { CALLS = 4 };

static char private_pem[4096];
static char public_pem[4096];
static char certificate_pem[4096];
static struct slice key; /* the public one of them that is looked at */
static unsigned char signature[RSA_SIGNATURE_MAX_BYTES];
static size_t signature_len;

static void take(BIO *bio, int written, char *out, size_t size)
{
    char *text = NULL;
    size_t len = (size_t)BIO_get_mem_data(bio, &text);
    assert_int_equal(written, 1);
    assert_true(len < size);
    memcpy(out, text, len);
    BIO_free(bio);
}

static void write_certificate(EVP_PKEY *pair)
{
    X509 *certificate = X509_new();
    BIO *bio = BIO_new(BIO_s_mem());
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(certificate), 0));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(certificate), 3600));
    assert_int_equal(X509_set_pubkey(certificate, pair), 1);
    assert_true(X509_sign(certificate, pair, EVP_sha256()) > 0);
    take(bio, PEM_write_bio_X509(bio, certificate), certificate_pem, sizeof certificate_pem);
    X509_free(certificate);
}

/* Warms up what OpenSSL and crypto/ set up once a process. */
static int setup(void **state)
{
    (void)state;
    EVP_PKEY *pair = EVP_RSA_gen(2048);
    BIO *private = BIO_new(BIO_s_mem());
    BIO *public = BIO_new(BIO_s_mem());
    assert_non_null(pair);
    take(private, PEM_write_bio_PrivateKey(private, pair, NULL, NULL, 0, NULL, NULL), private_pem, sizeof private_pem);
    take(public, PEM_write_bio_PUBKEY(public, pair), public_pem, sizeof public_pem);
    write_certificate(pair);
    EVP_PKEY_free(pair);
    return rsa_sign(slice_str(private_pem), DIGEST_SHA256, SLICE("text"), signature, &signature_len) == STATUS_OK ? 0
                                                                                                                  : -1;
}

/* A key that cannot be read is as good as none; whatever else fails is no word about the signature. */
static bool failed_with_the_key(void)
{
    static const char *const calls[] = {"BIO_new_mem_buf", "PEM_read_bio_PUBKEY", "PEM_read_bio_X509",
                                        "X509_get_pubkey", "EVP_PKEY_get_bn_param"};
    for (size_t i = 0; i < COUNT_OF(calls); i++)
        if (strcmp(memory_fault_name(), calls[i]) == 0)
            return true;
    return false;
}

/* In turn what is wrong and what is right: what is kept of a key must not stay without what failed, and the call that
 * failed is the only one that goes wrong. */
static void verify(void)
{
    struct slice right = slice_of(signature, signature_len);
    struct rsa *rsa = rsa_new();
    assert_true(rsa || memory_fault_happened());
    for (int i = 0; rsa && i < CALLS; i++) {
        bool had_failed = memory_fault_happened();
        bool is_right = i % 2 == 1;
        enum status expected = is_right ? STATUS_OK : STATUS_SIGNATURE_INVALID;
        enum status status = rsa_verify(rsa, key, DIGEST_SHA256, is_right ? SLICE("text") : SLICE("Text"), right);
        if (!had_failed && memory_fault_happened())
            expected = failed_with_the_key() ? STATUS_SIGNATURE_INVALID : STATUS_NO_MEMORY;
        assert_status(status, expected);
    }
    rsa_free(rsa);
}

static void check(void)
{
    const char *why = NULL;
    enum status status = rsa_check_public_key(key, &why);
    assert_int_equal(status, memory_fault_happened() ? STATUS_BAD_INPUT : STATUS_OK);
    assert_int_equal(why != NULL, memory_fault_happened());
}

static bool failed_with_the_private_key(void)
{
    return strcmp(memory_fault_name(), "BIO_new_mem_buf") == 0 ||
           strcmp(memory_fault_name(), "PEM_read_bio_PrivateKey") == 0;
}

static void sign(void)
{
    unsigned char made[RSA_SIGNATURE_MAX_BYTES];
    size_t len = 0;
    enum status status = rsa_sign(slice_str(private_pem), DIGEST_SHA256, SLICE("text"), made, &len);
    assert_status(status, !memory_fault_happened()        ? STATUS_OK
                          : failed_with_the_private_key() ? STATUS_BAD_INPUT
                                                          : STATUS_NO_MEMORY);
    assert_int_equal(len, status == STATUS_OK ? signature_len : 0);
    assert_memory_equal(made, signature, len);
}

static void a_call_that_fails_verifies_nothing_and_the_next_one_is_sound(void **state)
{
    (void)state;
    key = slice_str(public_pem);
    assert_true(memory_fault_each(verify) > 10);
    key = slice_str(certificate_pem);
    assert_true(memory_fault_each(verify) > 10);
}

static void a_key_is_registered_only_when_every_call_was_made(void **state)
{
    (void)state;
    key = slice_str(public_pem);
    assert_true(memory_fault_each(check) >= 4);
    key = slice_str(certificate_pem);
    assert_true(memory_fault_each(check) >= 5);
}

static void a_call_that_fails_signs_nothing(void **state)
{
    (void)state;
    assert_true(memory_fault_each(sign) >= 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_that_fails_verifies_nothing_and_the_next_one_is_sound),
        cmocka_unit_test(a_key_is_registered_only_when_every_call_was_made),
        cmocka_unit_test(a_call_that_fails_signs_nothing),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
