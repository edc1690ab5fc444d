#include "crypto/rsa.h"

#include "base/base64.h"
#include "base/buf.h"
#include "support/test.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>

/* http://wiki.oauth.net/TestCases, RSA-SHA1 (its spelling of "vacation"). */
#define WIKI_BASE_STRING                                                                                           \
    "GET&http%3A%2F%2Fphotos.example.net%2Fphotos&file%3Dvacaction.jpg%26oauth_consumer_key%3Ddpf43f3p2l4k3l03%26" \
    "oauth_nonce%3D13917289812797014437%26oauth_signature_method%3DRSA-SHA1%26oauth_timestamp%3D1196666512%26"     \
    "oauth_version%3D1.0%26size%3Doriginal"
#define WIKI_SIGNATURE                                                                                                \
    "jvTp/wX1TYtByB1m+Pbyo0lnCOLIsyGCH7wke8AUs3BpnwZJtAuEJkvQL2/9n4s5wUmUl4aCI4BwpraNx4RtEXMe5qg5T1LVTGliMRpKasKsW//" \
    "e+RinhejgCuzoH26dyF8iY2ZZ/5D1ilgeijhV/vBka5twt399mXwaYdCwFYE="

static char memory[1 << 20];
static struct buf texts;
static struct rsa *rsa;
static EVP_PKEY *key_2048;

static struct slice file(const char *name)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/vectors/%s", TESTS_DIR, name);
    FILE *opened = fopen(path, "rb");
    assert_non_null(opened);
    size_t len = fread(texts.ptr + texts.len, 1, texts.cap - texts.len, opened);
    (void)fclose(opened);
    texts.len += len;
    return slice_of(texts.ptr + texts.len - len, len);
}

/* What was written to the BIO, which is freed. */
static struct slice take(BIO *bio)
{
    char *written = NULL;
    size_t len = (size_t)BIO_get_mem_data(bio, &written);
    size_t start = texts.len;
    buf_add(&texts, slice_of(written, len));
    BIO_free(bio);
    assert_false(texts.failed);
    return slice_of(texts.ptr + start, len);
}

static struct slice public_pem(EVP_PKEY *key)
{
    BIO *bio = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_PUBKEY(bio, key), 1);
    return take(bio);
}

static struct slice private_pem(EVP_PKEY *key, const char *passphrase)
{
    BIO *bio = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_PKCS8PrivateKey(bio, key, passphrase ? EVP_aes_128_cbc() : NULL, passphrase,
                                                   passphrase ? (int)strlen(passphrase) : 0, NULL, NULL),
                     1);
    return take(bio);
}

/* "RSA PUBLIC KEY": PKCS#1. */
static struct slice traditional_pem(EVP_PKEY *key)
{
    BIO *bio = BIO_new(BIO_s_mem());
    unsigned char *der = NULL;
    int len = i2d_PublicKey(key, &der);
    assert_true(len > 0);
    assert_true(PEM_write_bio(bio, "RSA PUBLIC KEY", "", der, len) > 0);
    OPENSSL_free(der);
    return take(bio);
}

/* A public key of this size and exponent (hexadecimal) whose private half nobody knows; generating a large one takes
 * long. */
static struct slice made_up_pem(int bits, const char *exponent, int modulus_bottom)
{
    BIGNUM *n = BN_new();
    BIGNUM *e = NULL;
    assert_int_equal(BN_rand(n, bits, BN_RAND_TOP_ONE, modulus_bottom), 1);
    if (modulus_bottom == BN_RAND_BOTTOM_ANY)
        (void)BN_clear_bit(n, 0);
    assert_true(BN_hex2bn(&e, exponent) > 0);
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    assert_int_equal(OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n), 1);
    assert_int_equal(OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e), 1);
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    EVP_PKEY *key = NULL;
    assert_int_equal(EVP_PKEY_fromdata_init(context), 1);
    assert_int_equal(EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params), 1);
    struct slice pem = public_pem(key);
    EVP_PKEY_free(key);
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(builder);
    BN_free(n);
    BN_free(e);
    return pem;
}

static EVP_PKEY *generate(const char *type, int bits, BN_ULONG exponent)
{
    EVP_PKEY *key = NULL;
    BIGNUM *number = BN_new();
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    assert_int_equal(BN_set_word(number, exponent), 1);
    assert_int_equal(EVP_PKEY_keygen_init(context), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_keygen_bits(context, bits), 1);
    assert_int_equal(EVP_PKEY_CTX_set1_rsa_keygen_pubexp(context, number), 1);
    assert_int_equal(EVP_PKEY_generate(context, &key), 1);
    EVP_PKEY_CTX_free(context);
    BN_free(number);
    return key;
}

static int setup(void **state)
{
    (void)state;
    texts = buf_fixed(memory, sizeof memory);
    rsa = rsa_new();
    key_2048 = EVP_RSA_gen(2048);
    return rsa && key_2048 ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    EVP_PKEY_free(key_2048);
    rsa_free(rsa);
    rsa_free(NULL);
    return 0;
}

/* A private key of that size, of numbers that have nothing to do with each other. */
static struct slice made_up_private_pem(int bits)
{
    static const char *const names[] = {OSSL_PKEY_PARAM_RSA_N,           OSSL_PKEY_PARAM_RSA_D,
                                        OSSL_PKEY_PARAM_RSA_FACTOR1,     OSSL_PKEY_PARAM_RSA_FACTOR2,
                                        OSSL_PKEY_PARAM_RSA_EXPONENT1,   OSSL_PKEY_PARAM_RSA_EXPONENT2,
                                        OSSL_PKEY_PARAM_RSA_COEFFICIENT1};
    BIGNUM *numbers[COUNT_OF(names)];
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    EVP_PKEY *key = NULL;
    assert_int_equal(OSSL_PARAM_BLD_push_uint(builder, OSSL_PKEY_PARAM_RSA_E, 65537), 1);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        numbers[i] = BN_new();
        assert_int_equal(BN_rand(numbers[i], i < 2 ? bits : bits / 2, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ODD), 1);
        assert_int_equal(OSSL_PARAM_BLD_push_BN(builder, names[i], numbers[i]), 1);
    }
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);
    assert_int_equal(EVP_PKEY_fromdata_init(context), 1);
    assert_int_equal(EVP_PKEY_fromdata(context, &key, EVP_PKEY_KEYPAIR, params), 1);
    struct slice pem = private_pem(key, NULL);
    EVP_PKEY_free(key);
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(builder);
    for (size_t i = 0; i < COUNT_OF(names); i++)
        BN_free(numbers[i]);
    return pem;
}

static struct slice sign(struct slice pem, enum digest digest, struct slice text)
{
    unsigned char bytes[RSA_SIGNATURE_MAX_BYTES];
    size_t len = 0;
    assert_status(rsa_sign(pem, digest, text, bytes, &len), STATUS_OK);
    size_t start = texts.len;
    buf_add(&texts, slice_of(bytes, len));
    return slice_of(texts.ptr + start, len);
}

/* RFC 5849 §3.4.3 */
static void makes_the_published_signature(void **state)
{
    (void)state;
    unsigned char expected[128 + 2];
    size_t len = 0;
    assert_true(base64_decode(SLICE(WIKI_SIGNATURE), expected, &len));
    struct slice made = sign(file("wiki_private_key.pem"), DIGEST_SHA1, SLICE(WIKI_BASE_STRING));
    assert_slice_equal(made, slice_of(expected, len));
    /* its key has 1024 bits, fewer than we take */
    assert_status(rsa_verify(rsa, file("wiki_certificate.pem"), DIGEST_SHA1, SLICE(WIKI_BASE_STRING), made),
                  STATUS_SIGNATURE_INVALID);
}

static void verifies_with_every_digest_and_form_of_key(void **state)
{
    (void)state;
    struct slice forms[] = {public_pem(key_2048), traditional_pem(key_2048)};
    for (size_t i = 0; i < COUNT_OF(forms); i++)
        for (enum digest digest = DIGEST_SHA1; digest <= DIGEST_SHA512; digest++)
            for (int again = 0; again < 3; again++) {
                struct slice signature = sign(private_pem(key_2048, NULL), digest, SLICE("text"));
                assert_int_equal(signature.len, 256);
                assert_status(rsa_verify(rsa, forms[i], digest, SLICE("text"), signature), STATUS_OK);
            }
}

static void anything_changed_is_refused(void **state)
{
    (void)state;
    struct slice pem = public_pem(key_2048);
    struct slice signature = sign(private_pem(key_2048, NULL), DIGEST_SHA256, SLICE("text"));
    char *byte = texts.ptr + texts.len - signature.len;
    for (size_t i = 0; i < signature.len; i += 15) {
        byte[i] = (char)(byte[i] ^ 1);
        assert_status(rsa_verify(rsa, pem, DIGEST_SHA256, SLICE("text"), signature), STATUS_SIGNATURE_INVALID);
        byte[i] = (char)(byte[i] ^ 1);
    }
    assert_status(rsa_verify(rsa, pem, DIGEST_SHA256, SLICE("texT"), signature), STATUS_SIGNATURE_INVALID);
    assert_status(rsa_verify(rsa, pem, DIGEST_SHA256, SLICE(""), signature), STATUS_SIGNATURE_INVALID);
    assert_status(rsa_verify(rsa, pem, DIGEST_SHA1, SLICE("text"), signature), STATUS_SIGNATURE_INVALID);
    assert_status(rsa_verify(rsa, pem, DIGEST_SHA512, SLICE("text"), signature), STATUS_SIGNATURE_INVALID);
    assert_status(rsa_verify(rsa, pem, DIGEST_SHA256, SLICE("text"), SLICE("")), STATUS_SIGNATURE_INVALID);
    assert_status(rsa_verify(rsa, pem, DIGEST_SHA256, SLICE("text"), SLICE_ABSENT), STATUS_SIGNATURE_INVALID);
    assert_status(rsa_verify(rsa, pem, DIGEST_SHA256, SLICE("text"), slice_sub(signature, 0, 255)),
                  STATUS_SIGNATURE_INVALID);
    assert_status(rsa_verify(rsa, pem, DIGEST_SHA256, SLICE("text"), slice_of(signature.ptr - 1, 257)),
                  STATUS_SIGNATURE_INVALID);
    assert_status(rsa_verify(rsa, file("wiki_certificate.pem"), DIGEST_SHA256, SLICE("text"), signature),
                  STATUS_SIGNATURE_INVALID);
    /* and the kept key still works */
    assert_status(rsa_verify(rsa, pem, DIGEST_SHA256, SLICE("text"), signature), STATUS_OK);
}

/* RFC 8017 §5.2.2, step 1: the signature and the modulus together raise to the same, and would be another spelling of
 * the same signature. */
static void a_signature_beyond_the_modulus_is_refused(void **state)
{
    (void)state;
    size_t start = texts.len;
    unsigned char beyond[257];
    BIGNUM *modulus = NULL;
    EVP_PKEY *key = NULL;
    BIGNUM *number = BN_new();
    struct slice signature = {0};
    do { /* until the sum has room in as many bytes */
        EVP_PKEY_free(key);
        key = EVP_RSA_gen(2048);
        BN_free(modulus);
        modulus = NULL;
        assert_int_equal(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &modulus), 1);
        signature = sign(private_pem(key, NULL), DIGEST_SHA1, SLICE("text"));
        assert_non_null(BN_bin2bn((const unsigned char *)signature.ptr, 256, number));
        assert_int_equal(BN_add(number, number, modulus), 1);
    } while (BN_num_bits(number) > 2048);
    assert_int_equal(BN_bn2binpad(number, beyond, 256), 256);
    struct slice pem = public_pem(key);
    assert_status(rsa_verify(rsa, pem, DIGEST_SHA1, SLICE("text"), signature), STATUS_OK);
    assert_status(rsa_verify(rsa, pem, DIGEST_SHA1, SLICE("text"), slice_of(beyond, 256)), STATUS_SIGNATURE_INVALID);
    texts.len = start;
    BN_free(number);
    BN_free(modulus);
    EVP_PKEY_free(key);
}

static void verifies_with_other_exponents_and_sizes(void **state)
{
    (void)state;
    static const struct {
        int bits;
        BN_ULONG exponent;
    } rows[] = {{2048, 65539}, {2049, 65537}, {2055, 0xFFFFFFFB}, {3072, 65537}, {2048, 0x8000000000000001}};
    size_t start = texts.len;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        EVP_PKEY *key = generate("RSA", rows[i].bits, rows[i].exponent);
        struct slice signature = sign(private_pem(key, NULL), DIGEST_SHA256, SLICE("text"));
        struct slice pem = public_pem(key);
        assert_status(rsa_verify(rsa, pem, DIGEST_SHA256, SLICE("text"), signature), STATUS_OK);
        assert_status(rsa_verify(rsa, pem, DIGEST_SHA256, SLICE("texT"), signature), STATUS_SIGNATURE_INVALID);
        EVP_PKEY_free(key);
    }
    texts.len = start;
}

static void assert_refused_number(const BIGNUM *number)
{
    unsigned char bytes[256];
    assert_int_equal(BN_bn2binpad(number, bytes, sizeof bytes), sizeof bytes);
    assert_status(rsa_verify(rsa, public_pem(key_2048), DIGEST_SHA1, SLICE("text"), slice_of(bytes, sizeof bytes)),
                  STATUS_SIGNATURE_INVALID);
}

static void a_number_that_is_its_own_power_is_refused(void **state)
{
    (void)state;
    size_t start = texts.len;
    BIGNUM *modulus = NULL;
    BIGNUM *zero = BN_new();
    assert_int_equal(EVP_PKEY_get_bn_param(key_2048, OSSL_PKEY_PARAM_RSA_N, &modulus), 1);
    assert_refused_number(zero);
    assert_refused_number(BN_value_one());
    assert_refused_number(modulus);
    assert_int_equal(BN_sub_word(modulus, 1), 1);
    assert_refused_number(modulus);
    BN_free(modulus);
    BN_free(zero);
    texts.len = start;
}

/* The digest's name is part of what is signed (RFC 8017 §9.2); PSS is another scheme. */
static void another_padding_is_refused(void **state)
{
    (void)state;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY_CTX *key_context = NULL;
    unsigned char signature[256];
    size_t len = sizeof signature;
    assert_int_equal(EVP_DigestSignInit(context, &key_context, EVP_sha256(), NULL, key_2048), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(key_context, RSA_PKCS1_PSS_PADDING), 1);
    assert_int_equal(EVP_DigestSign(context, signature, &len, (const unsigned char *)"text", 4), 1);
    EVP_MD_CTX_free(context);
    assert_status(rsa_verify(rsa, public_pem(key_2048), DIGEST_SHA256, SLICE("text"), slice_of(signature, len)),
                  STATUS_SIGNATURE_INVALID);
}

/* The smallest and the largest of each; 64 bits are the longest exponent that OpenSSL takes with every modulus. */
static void keys_that_a_client_may_register(void **state)
{
    (void)state;
    const char *why = "untouched";
    const struct slice rows[] = {
        public_pem(key_2048),
        traditional_pem(key_2048),
        made_up_pem(2048, "10001", BN_RAND_BOTTOM_ODD),
        made_up_pem(2048, "10003", BN_RAND_BOTTOM_ODD),
        made_up_pem(2049, "FFFFFFFFFFFFFFFF", BN_RAND_BOTTOM_ODD),
        made_up_pem(16384, "10001", BN_RAND_BOTTOM_ODD),
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_status(rsa_check_public_key(rows[i], &why), STATUS_OK);
    assert_string_equal(why, "untouched");
}

/* Each would let others sign for the client, or nobody at all. */
static void weak_keys_are_not_registered_and_verify_nothing(void **state)
{
    (void)state;
    static const char size[] = "an RSA key must have 2048 to 16384 bits";
    static const char exponent[] =
        "the public exponent of an RSA key must be odd, 65537 or more, and at most 64 bits long (65537 is usual)";
    const struct {
        int bits;
        const char *exponent;
        int modulus_bottom;
        const char *why;
    } rows[] = {
        {512, "10001", BN_RAND_BOTTOM_ODD, size},
        {1024, "10001", BN_RAND_BOTTOM_ODD, size},
        {2047, "10001", BN_RAND_BOTTOM_ODD, size},
        {16385, "10001", BN_RAND_BOTTOM_ODD, size},
        {2048, "1", BN_RAND_BOTTOM_ODD, exponent},
        {2048, "2", BN_RAND_BOTTOM_ODD, exponent},
        {2048, "3", BN_RAND_BOTTOM_ODD, exponent},
        {4096, "11", BN_RAND_BOTTOM_ODD, exponent},
        {2048, "FFFF", BN_RAND_BOTTOM_ODD, exponent},
        {2048, "10000", BN_RAND_BOTTOM_ODD, exponent},
        {2048, "10002", BN_RAND_BOTTOM_ODD, exponent},
        {2048, "10000000000000001", BN_RAND_BOTTOM_ODD, exponent},
        {2048, "10001", BN_RAND_BOTTOM_ANY, "the modulus of an RSA key must be odd"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *why = NULL;
        struct slice pem = made_up_pem(rows[i].bits, rows[i].exponent, rows[i].modulus_bottom);
        assert_status(rsa_check_public_key(pem, &why), STATUS_BAD_INPUT);
        assert_string_equal(why, rows[i].why);
        assert_status(rsa_verify(rsa, pem, DIGEST_SHA1, SLICE("text"), SLICE("signature")), STATUS_SIGNATURE_INVALID);
    }
}

/* RFC 8017 §9.2: what the signature is a power of. With the exponent 1 it is the signature itself. */
static struct slice padded_hash(struct slice text)
{
    static const unsigned char sha256_info[] = {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                                                0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20};
    static unsigned char padded[256];
    size_t tail = sizeof sha256_info + 32;
    memset(padded, 0xFF, sizeof padded);
    padded[0] = 0;
    padded[1] = 1;
    padded[sizeof padded - tail - 1] = 0;
    memcpy(padded + sizeof padded - tail, sha256_info, sizeof sha256_info);
    assert_status(digest_bytes(DIGEST_SHA256, text, padded + sizeof padded - 32), STATUS_OK);
    return slice_of(padded, sizeof padded);
}

/* However the key got into the database. */
static void nobody_can_sign_without_a_private_key_where_the_exponent_is_1(void **state)
{
    (void)state;
    struct slice pem = made_up_pem(2048, "1", BN_RAND_BOTTOM_ODD);
    assert_status(rsa_verify(rsa, pem, DIGEST_SHA256, SLICE("text"), padded_hash(SLICE("text"))),
                  STATUS_SIGNATURE_INVALID);
}

static struct slice ec_pem(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    struct slice pem = public_pem(key);
    EVP_PKEY_free(key);
    return pem;
}

/* Its numbers are those of RSA, but it may sign by RSASSA-PSS alone (RFC 4055 §1.2). */
static struct slice pss_pem(void)
{
    EVP_PKEY *key = generate("RSA-PSS", 2048, 65537);
    struct slice pem = public_pem(key);
    EVP_PKEY_free(key);
    return pem;
}

static void keys_that_a_client_may_not_register(void **state)
{
    (void)state;
    const struct {
        struct slice pem;
        const char *why;
    } rows[] = {
        {file("wiki_certificate.pem"), "an RSA key must have 2048 to 16384 bits"},
        {pss_pem(), "it is not an RSA public key or certificate in PEM"},
        {ec_pem(), "it is not an RSA public key or certificate in PEM"},
        {private_pem(key_2048, NULL), "it is not an RSA public key or certificate in PEM"},
        {SLICE("not a key"), "it is not an RSA public key or certificate in PEM"},
        {SLICE(""), "it is not an RSA public key or certificate in PEM"},
        {SLICE_ABSENT, "it is not an RSA public key or certificate in PEM"},
        {slice_sub(public_pem(key_2048), 0, 100), "it is not an RSA public key or certificate in PEM"},
        {slice_sub(file("wiki_certificate.pem"), 0, 300), "it is not an RSA public key or certificate in PEM"},
        {slice_of(memory, 16385), "it is not an RSA public key or certificate in PEM"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *why = NULL;
        assert_status(rsa_check_public_key(rows[i].pem, &why), STATUS_BAD_INPUT);
        assert_string_equal(why, rows[i].why);
        assert_status(rsa_verify(rsa, rows[i].pem, DIGEST_SHA1, SLICE("text"), SLICE("signature")),
                      STATUS_SIGNATURE_INVALID);
    }
}

/* However it got into the database: a key that signs well, but is too small. */
static void a_key_of_1024_bits_verifies_nothing(void **state)
{
    (void)state;
    EVP_PKEY *small = EVP_RSA_gen(1024);
    assert_non_null(small);
    struct slice signature = sign(private_pem(small, NULL), DIGEST_SHA1, SLICE("text"));
    assert_status(rsa_verify(rsa, public_pem(small), DIGEST_SHA1, SLICE("text"), signature), STATUS_SIGNATURE_INVALID);
    EVP_PKEY_free(small);
}

static void signs_only_with_private_rsa_keys(void **state)
{
    (void)state;
    EVP_PKEY *ec = EVP_EC_gen("P-256");
    const struct slice rows[] = {
        public_pem(key_2048),
        file("wiki_certificate.pem"),
        private_pem(ec, NULL),
        private_pem(key_2048, "passphrase"),
        SLICE("not a key"),
        SLICE(""),
        SLICE_ABSENT,
        slice_of(memory, 16385),
        made_up_private_pem(16386),
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        unsigned char bytes[RSA_SIGNATURE_MAX_BYTES];
        size_t len = 4711;
        assert_status(rsa_sign(rows[i], DIGEST_SHA1, SLICE("text"), bytes, &len), STATUS_BAD_INPUT);
        assert_int_equal(len, 4711);
    }
    EVP_PKEY_free(ec);
}

/* OpenSSL keeps the errors of a thread, and a TLS connection on it would take them for its own. */
static void leaves_no_error_of_openssls_behind(void **state)
{
    (void)state;
    const char *why = NULL;
    unsigned char bytes[RSA_SIGNATURE_MAX_BYTES];
    size_t len = 0;
    EVP_PKEY *small = EVP_RSA_gen(512);
    ERR_clear_error();
    assert_status(rsa_check_public_key(SLICE("not a key"), &why), STATUS_BAD_INPUT);
    assert_int_equal(ERR_peek_error(), 0);
    assert_status(rsa_verify(rsa, public_pem(key_2048), DIGEST_SHA256, SLICE("text"), slice_of(memory, 256)),
                  STATUS_SIGNATURE_INVALID);
    assert_int_equal(ERR_peek_error(), 0);
    assert_status(rsa_sign(SLICE("not a key"), DIGEST_SHA256, SLICE("text"), bytes, &len), STATUS_BAD_INPUT);
    assert_int_equal(ERR_peek_error(), 0);
    struct slice pem = private_pem(small, NULL); /* in which no such hash has room */
    assert_status(rsa_sign(pem, DIGEST_SHA512, SLICE("text"), bytes, &len), STATUS_NO_MEMORY);
    assert_int_equal(ERR_peek_error(), 0);
    EVP_PKEY_free(small);
}

/* More keys than are kept, in turn: each is found again or parsed again. */
static void many_keys_take_turns(void **state)
{
    (void)state;
    struct slice pem = public_pem(key_2048);
    struct slice signature = sign(private_pem(key_2048, NULL), DIGEST_SHA1, SLICE("text"));
    size_t start = texts.len;
    for (int i = 0; i < 200; i++) {
        texts.len = start;
        buf_addf(&texts, "key number %d\n", i % 100); /* text before a PEM is no part of it */
        buf_add(&texts, pem);
        struct slice variant = slice_of(texts.ptr + start, texts.len - start);
        assert_status(rsa_verify(rsa, variant, DIGEST_SHA1, SLICE("text"), signature), STATUS_OK);
        assert_status(rsa_verify(rsa, variant, DIGEST_SHA1, SLICE("Text"), signature), STATUS_SIGNATURE_INVALID);
    }
}

/* The key behind `number` bytes of text, which are no part of a PEM: another text for the same key. */
static struct slice numbered(int number, struct slice pem)
{
    size_t start = texts.len;
    buf_addf(&texts, "key number %d\n", number);
    buf_add(&texts, pem);
    return slice_of(texts.ptr + start, texts.len - start);
}

/* The key behind so many bytes of other text that there are `size` in all. */
static struct slice lengthened(struct slice pem, size_t size)
{
    size_t start = texts.len;
    for (size_t i = 1; i < size - pem.len; i++)
        buf_add_byte(&texts, i % 64 ? 'x' : '\n');
    buf_add_byte(&texts, '\n');
    buf_add(&texts, pem);
    assert_false(texts.failed);
    return slice_of(texts.ptr + start, texts.len - start);
}

/* So many texts, each of another length and so in another place, that each place is taken by one of the other's. */
static void nobody_is_taken_for_who_has_the_same_place(void **state)
{
    (void)state;
    EVP_PKEY *other = EVP_RSA_gen(2048);
    struct slice mine = public_pem(key_2048);
    struct slice theirs = public_pem(other);
    struct slice signature = sign(private_pem(key_2048, NULL), DIGEST_SHA1, SLICE("text"));
    size_t start = texts.len;
    for (int i = 0; i < 300; i++) {
        texts.len = start;
        size_t more = 1 + (size_t)i;
        assert_status(rsa_verify(rsa, lengthened(mine, mine.len + more), DIGEST_SHA1, SLICE("text"), signature),
                      STATUS_OK);
        assert_status(rsa_verify(rsa, lengthened(theirs, theirs.len + more), DIGEST_SHA1, SLICE("text"), signature),
                      STATUS_SIGNATURE_INVALID);
    }
    texts.len = start;
    EVP_PKEY_free(other);
}

static unsigned parsed;
EVP_PKEY *__real_PEM_read_bio_PUBKEY(BIO *bio, EVP_PKEY **key, pem_password_cb *callback, void *context);
EVP_PKEY *__wrap_PEM_read_bio_PUBKEY(BIO *bio, EVP_PKEY **key, pem_password_cb *callback, void *context);
EVP_PKEY *__wrap_PEM_read_bio_PUBKEY(BIO *bio, EVP_PKEY **key, pem_password_cb *callback, void *context)
{
    parsed++;
    return __real_PEM_read_bio_PUBKEY(bio, key, callback, context);
}

static void a_key_that_is_kept_is_known_by_its_text(void **state)
{
    (void)state;
    struct slice signature = sign(private_pem(key_2048, NULL), DIGEST_SHA1, SLICE("text"));
    size_t start = texts.len;
    struct slice pem = numbered(4711, public_pem(key_2048));
    parsed = 0;
    for (int i = 0; i < 3; i++)
        assert_status(rsa_verify(rsa, pem, DIGEST_SHA1, SLICE("text"), signature), STATUS_OK);
    assert_int_equal(parsed, 1);
    texts.len = start;
}

static void a_text_has_16384_bytes_at_most(void **state)
{
    (void)state;
    for (size_t more = 0; more < 2; more++) {
        const char *why = NULL;
        size_t start = texts.len;
        unsigned char bytes[RSA_SIGNATURE_MAX_BYTES];
        size_t len = 0;
        enum status expected = more ? STATUS_BAD_INPUT : STATUS_OK;
        assert_status(rsa_check_public_key(lengthened(public_pem(key_2048), 16384 + more), &why), expected);
        assert_status(
            rsa_sign(lengthened(private_pem(key_2048, NULL), 16384 + more), DIGEST_SHA1, SLICE("text"), bytes, &len),
            expected);
        texts.len = start;
    }
}

static void the_largest_key_signs_and_verifies(void **state)
{
    (void)state;
    size_t start = texts.len;
    struct slice signature = sign(file("rsa_16384.pem"), DIGEST_SHA512, SLICE("text"));
    assert_int_equal(signature.len, RSA_SIGNATURE_MAX_BYTES);
    assert_status(rsa_verify(rsa, file("rsa_16384_public.pem"), DIGEST_SHA512, SLICE("text"), signature), STATUS_OK);
    texts.len = start;
}

/* A sanitizer sees what is left. */
static void what_it_kept_is_freed_with_it(void **state)
{
    (void)state;
    struct rsa *own = rsa_new();
    struct slice signature = sign(private_pem(key_2048, NULL), DIGEST_SHA1, SLICE("text"));
    assert_non_null(own);
    assert_status(rsa_verify(own, public_pem(key_2048), DIGEST_SHA1, SLICE("text"), signature), STATUS_OK);
    rsa_free(own);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_the_published_signature),
        cmocka_unit_test(verifies_with_every_digest_and_form_of_key),
        cmocka_unit_test(anything_changed_is_refused),
        cmocka_unit_test(another_padding_is_refused),
        cmocka_unit_test(a_signature_beyond_the_modulus_is_refused),
        cmocka_unit_test(a_number_that_is_its_own_power_is_refused),
        cmocka_unit_test(verifies_with_other_exponents_and_sizes),
        cmocka_unit_test(keys_that_a_client_may_register),
        cmocka_unit_test(keys_that_a_client_may_not_register),
        cmocka_unit_test(weak_keys_are_not_registered_and_verify_nothing),
        cmocka_unit_test(nobody_can_sign_without_a_private_key_where_the_exponent_is_1),
        cmocka_unit_test(a_key_of_1024_bits_verifies_nothing),
        cmocka_unit_test(signs_only_with_private_rsa_keys),
        cmocka_unit_test(leaves_no_error_of_openssls_behind),
        cmocka_unit_test(many_keys_take_turns),
        cmocka_unit_test(nobody_is_taken_for_who_has_the_same_place),
        cmocka_unit_test(a_key_that_is_kept_is_known_by_its_text),
        cmocka_unit_test(a_text_has_16384_bytes_at_most),
        cmocka_unit_test(the_largest_key_signs_and_verifies),
        cmocka_unit_test(what_it_kept_is_freed_with_it),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
