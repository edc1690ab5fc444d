#include "crypto/rsa.h"

#include "crypto/algorithms.h"
#include "crypto/rsa_public.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>

enum { KEPT_KEYS = 64, PEM_MAX_BYTES = 16384 };

struct kept_key {
    char *pem; /* malloc'ed copy; NULL while the place is free */
    size_t pem_len;
    struct rsa_public *key;
};

struct rsa {
    EVP_MD_CTX *hashing; /* kept, for a fresh one costs as much as the hash */
    struct kept_key keys[KEPT_KEYS];
};

struct rsa *rsa_new(void)
{
    struct rsa *rsa = calloc(1, sizeof *rsa);
    if (rsa)
        rsa->hashing = EVP_MD_CTX_new();
    if (!rsa || rsa->hashing)
        return rsa;
    free(rsa);
    return NULL;
}

static void forget_key(struct kept_key *kept)
{
    rsa_public_free(kept->key);
    free(kept->pem);
}

void rsa_free(struct rsa *rsa)
{
    if (!rsa)
        return;
    for (size_t i = 0; i < KEPT_KEYS; i++)
        forget_key(&rsa->keys[i]);
    EVP_MD_CTX_free(rsa->hashing);
    free(rsa);
}

/* A passphrase is never asked for on a terminal. */
static int no_passphrase(char *buffer, int size, int writing, void *context)
{
    (void)buffer, (void)size, (void)writing, (void)context;
    return -1;
}

static EVP_PKEY *key_of_certificate(BIO *pem)
{
    X509 *certificate = PEM_read_bio_X509(pem, NULL, no_passphrase, NULL);
    EVP_PKEY *key = certificate ? X509_get_pubkey(certificate) : NULL;
    X509_free(certificate);
    return key;
}

/* NULL when the text is no RSA public key. PEM_read_bio_PUBKEY takes both forms of public key. */
static EVP_PKEY *parse_public(struct slice pem)
{
    if (pem.len == 0 || pem.len > PEM_MAX_BYTES)
        return NULL;
    BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
    if (!bio)
        return NULL;
    bool certificate = slice_find_slice(pem, SLICE("BEGIN CERTIFICATE")) < pem.len;
    EVP_PKEY *key = certificate ? key_of_certificate(bio) : PEM_read_bio_PUBKEY(bio, NULL, no_passphrase, NULL);
    BIO_free(bio);
    if (key && EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA) {
        EVP_PKEY_free(key);
        key = NULL;
    }
    return key;
}

/* A small exponent lets others forge (with 1 the padded hash is its own signature), one beyond 64 bits makes each
 * verification slow, and OpenSSL takes none with a large modulus. */
static bool is_exponent_sound(const BIGNUM *exponent)
{
    enum { EXPONENT_MIN = 65537, EXPONENT_MAX_BITS = 64 };
    int bits = BN_num_bits(exponent);
    return BN_is_odd(exponent) && bits <= EXPONENT_MAX_BITS && (bits > 32 || BN_get_word(exponent) >= EXPONENT_MIN);
}

struct public_numbers {
    BIGNUM *modulus;
    BIGNUM *exponent;
};

/* Why nobody may verify with the key, as a static text; NULL: it is sound. Either way the numbers are freed by
 * free_numbers. */
static const char *read_numbers(struct slice pem, struct public_numbers *numbers)
{
    EVP_PKEY *key = parse_public(pem);
    *numbers = (struct public_numbers){0};
    bool read = key && EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &numbers->modulus) == 1 &&
                EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &numbers->exponent) == 1;
    EVP_PKEY_free(key);
    ERR_clear_error();
    if (!read)
        return "it is not an RSA public key or certificate in PEM";
    int bits = BN_num_bits(numbers->modulus);
    if (bits < RSA_KEY_MIN_BITS || bits > RSA_KEY_MAX_BITS)
        return "an RSA key must have 2048 to 16384 bits";
    if (!is_exponent_sound(numbers->exponent))
        return "the public exponent of an RSA key must be odd, 65537 or more, and at most 64 bits long (65537 is "
               "usual)";
    return BN_is_odd(numbers->modulus) ? NULL : "the modulus of an RSA key must be odd";
}

static void free_numbers(struct public_numbers *numbers)
{
    BN_free(numbers->modulus);
    BN_free(numbers->exponent);
}

enum status rsa_check_public_key(struct slice pem, const char **ret_why)
{
    struct public_numbers numbers;
    const char *why = read_numbers(pem, &numbers);
    free_numbers(&numbers);
    if (!why)
        return STATUS_OK;
    *ret_why = why;
    return STATUS_BAD_INPUT;
}

/* Spreads keys over the table, by bytes of the modulus from the middle of the text; two that meet only parse more
 * often. */
static struct kept_key *kept_place_of(struct rsa *rsa, struct slice pem)
{
    enum { LOOKED_AT_BYTES = 64 };
    struct slice middle = slice_sub(pem, pem.len / 2, pem.len / 2 + LOOKED_AT_BYTES);
    uint64_t hash = pem.len;
    uint64_t word = 0;
    for (size_t i = 0; i + sizeof word <= middle.len; i += sizeof word) {
        memcpy(&word, middle.ptr + i, sizeof word);
        hash = (hash ^ word) * 0xFF51AFD7ED558CCDu;
        hash ^= hash >> 32;
    }
    return &rsa->keys[hash % KEPT_KEYS];
}

/* STATUS_SIGNATURE_INVALID: nobody may verify with the key, however it came to be registered. */
static enum status make_key(struct slice pem, struct rsa_public **ret_key)
{
    struct public_numbers numbers;
    bool usable = !read_numbers(pem, &numbers);
    *ret_key = usable ? rsa_public_new(numbers.modulus, numbers.exponent) : NULL;
    free_numbers(&numbers);
    if (*ret_key)
        return STATUS_OK;
    return usable ? STATUS_NO_MEMORY : STATUS_SIGNATURE_INVALID;
}

static enum status find_key(struct rsa *rsa, struct slice pem, struct rsa_public **ret_key)
{
    struct kept_key *kept = kept_place_of(rsa, pem);
    if (!kept->pem || !slice_eq(slice_of(kept->pem, kept->pem_len), pem)) {
        struct rsa_public *key = NULL;
        TRY(make_key(pem, &key));
        char *copy = malloc(pem.len);
        if (!copy) {
            rsa_public_free(key);
            return STATUS_NO_MEMORY;
        }
        memcpy(copy, pem.ptr, pem.len);
        forget_key(kept);
        *kept = (struct kept_key){copy, pem.len, key};
    }
    *ret_key = kept->key;
    return STATUS_OK;
}

enum status rsa_verify(struct rsa *rsa, struct slice pem, enum digest digest, struct slice text, struct slice signature)
{
    struct rsa_public *key = NULL;
    unsigned char hash[DIGEST_MAX_BYTES];
    TRY(find_key(rsa, pem, &key));
    const EVP_MD *md = algorithm_md(digest);
    if (!md || EVP_DigestInit_ex2(rsa->hashing, md, NULL) != 1 ||
        EVP_DigestUpdate(rsa->hashing, text.len ? text.ptr : "", text.len) != 1 ||
        EVP_DigestFinal_ex(rsa->hashing, hash, NULL) != 1)
        return STATUS_NO_MEMORY;
    return rsa_public_verify(key, digest, hash, signature);
}

static EVP_PKEY *parse_private(struct slice pem)
{
    if (pem.len == 0 || pem.len > PEM_MAX_BYTES)
        return NULL;
    BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
    BIO_free(bio);
    if (key && (EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA || EVP_PKEY_get_bits(key) > RSA_KEY_MAX_BITS)) {
        EVP_PKEY_free(key);
        key = NULL;
    }
    ERR_clear_error();
    return key;
}

enum status rsa_sign(struct slice private_pem, enum digest digest, struct slice text, unsigned char *out,
                     size_t *ret_len)
{
    unsigned char hash[DIGEST_MAX_BYTES];
    TRY(digest_bytes(digest, text, hash));
    EVP_PKEY *key = parse_private(private_pem);
    if (!key)
        return STATUS_BAD_INPUT;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
    size_t len = RSA_SIGNATURE_MAX_BYTES;
    bool done = context && EVP_PKEY_sign_init(context) == 1 &&
                EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1 &&
                EVP_PKEY_CTX_set_signature_md(context, algorithm_md(digest)) == 1 &&
                EVP_PKEY_sign(context, out, &len, hash, digest_size_bytes(digest)) == 1;
    EVP_PKEY_CTX_free(context);
    EVP_PKEY_free(key);
    ERR_clear_error();
    if (!done)
        return STATUS_NO_MEMORY;
    *ret_len = len;
    return STATUS_OK;
}
