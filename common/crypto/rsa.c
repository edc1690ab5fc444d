#include "crypto/rsa.h"

#include "crypto/algorithms.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>

enum { KEPT_KEYS = 64, DIGESTS = 3, PEM_MAX_BYTES = 16384 };

/* One parsed key and, per digest, a context that is ready to verify. */
struct kept_key {
    char *pem; /* malloc'ed copy; NULL while the place is free */
    size_t pem_len;
    EVP_PKEY *key;
    EVP_PKEY_CTX *contexts[DIGESTS];
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
    for (size_t i = 0; i < DIGESTS; i++)
        EVP_PKEY_CTX_free(kept->contexts[i]);
    EVP_PKEY_free(kept->key);
    free(kept->pem);
    *kept = (struct kept_key){0};
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
    ERR_clear_error();
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

/* What makes the key unfit to verify with, as a static text; NULL: nothing does. */
static const char *find_weakness(const EVP_PKEY *key)
{
    BIGNUM *modulus = NULL;
    BIGNUM *exponent = NULL;
    const char *why = NULL;
    int bits = EVP_PKEY_get_bits(key);
    if (bits < RSA_KEY_MIN_BITS || bits > RSA_KEY_MAX_BITS)
        return "an RSA key must have 2048 to 16384 bits";
    if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &modulus) != 1 ||
        EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &exponent) != 1)
        why = "its modulus and exponent cannot be read";
    else if (!is_exponent_sound(exponent))
        why = "the public exponent of an RSA key must be odd, 65537 or more, and at most 64 bits long (65537 is usual)";
    else if (!BN_is_odd(modulus))
        why = "the modulus of an RSA key must be odd";
    BN_free(modulus);
    BN_free(exponent);
    return why;
}

enum status rsa_check_public_key(struct slice pem, const char **ret_why)
{
    EVP_PKEY *key = parse_public(pem);
    if (!key) {
        *ret_why = "it is not an RSA public key or certificate in PEM";
        return STATUS_BAD_INPUT;
    }
    const char *weakness = find_weakness(key);
    EVP_PKEY_free(key);
    if (!weakness)
        return STATUS_OK;
    *ret_why = weakness;
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

static enum status find_key(struct rsa *rsa, struct slice pem, struct kept_key **ret_kept)
{
    struct kept_key *kept = kept_place_of(rsa, pem);
    if (!kept->pem || !slice_eq(slice_of(kept->pem, kept->pem_len), pem)) {
        EVP_PKEY *key = parse_public(pem);
        bool usable = key && !find_weakness(key); /* however it came to be registered */
        char *copy = usable ? malloc(pem.len) : NULL;
        if (!copy) {
            EVP_PKEY_free(key);
            return usable ? STATUS_NO_MEMORY : STATUS_SIGNATURE_INVALID;
        }
        memcpy(copy, pem.ptr, pem.len);
        forget_key(kept);
        kept->pem = copy;
        kept->pem_len = pem.len;
        kept->key = key;
    }
    *ret_kept = kept;
    return STATUS_OK;
}

static EVP_PKEY_CTX *new_verify_context(EVP_PKEY *key, enum digest digest)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
    if (context && EVP_PKEY_verify_init(context) == 1 &&
        EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1 &&
        EVP_PKEY_CTX_set_signature_md(context, algorithm_md(digest)) == 1)
        return context;
    EVP_PKEY_CTX_free(context);
    return NULL;
}

enum status rsa_verify(struct rsa *rsa, struct slice pem, enum digest digest, struct slice text, struct slice signature)
{
    struct kept_key *kept = NULL;
    TRY(find_key(rsa, pem, &kept));
    if (!kept->contexts[digest])
        kept->contexts[digest] = new_verify_context(kept->key, digest);
    if (!kept->contexts[digest])
        return STATUS_NO_MEMORY;
    unsigned char hash[DIGEST_MAX_BYTES];
    const EVP_MD *md = algorithm_md(digest);
    if (!md || EVP_DigestInit_ex2(rsa->hashing, md, NULL) != 1 ||
        EVP_DigestUpdate(rsa->hashing, text.len ? text.ptr : "", text.len) != 1 ||
        EVP_DigestFinal_ex(rsa->hashing, hash, NULL) != 1)
        return STATUS_NO_MEMORY;
    int verdict = EVP_PKEY_verify(kept->contexts[digest], (const unsigned char *)signature.ptr, signature.len, hash,
                                  digest_size_bytes(digest));
    if (verdict != 1)
        ERR_clear_error();
    return verdict == 1 ? STATUS_OK : STATUS_SIGNATURE_INVALID;
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
