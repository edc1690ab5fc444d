/* openssl_fault: OpenSSL's and libcrypt's calls, and ours for a digest, fail in their turn like allocations
 * (memory_fault.h), for programs that are linked with --wrap of each (tests/CMakeLists.txt). Most of them never fail
 * otherwise. */
#include "crypto/algorithms.h"
#include "support/memory_fault.h"

#include <crypt.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#define FAULTY(type, failure, name, parameters, arguments)                     \
    type __real_##name parameters;                                             \
    type __wrap_##name parameters;                                             \
    type __wrap_##name parameters                                              \
    {                                                                          \
        return memory_fault_is_due(#name) ? failure : __real_##name arguments; \
    }

FAULTY(const EVP_MD *, NULL, algorithm_md, (enum digest digest), (digest))
FAULTY(EVP_MD_CTX *, NULL, EVP_MD_CTX_new, (void), ())
FAULTY(int, 0, EVP_Digest,
       (const void *bytes, size_t len, unsigned char *out, unsigned *ret_len, const EVP_MD *md, ENGINE *engine),
       (bytes, len, out, ret_len, md, engine))
FAULTY(int, 0, EVP_DigestInit_ex2, (EVP_MD_CTX * context, const EVP_MD *md, const OSSL_PARAM *params),
       (context, md, params))
FAULTY(int, 0, EVP_DigestUpdate, (EVP_MD_CTX * context, const void *bytes, size_t len), (context, bytes, len))
FAULTY(int, 0, EVP_DigestFinal_ex, (EVP_MD_CTX * context, unsigned char *out, unsigned *ret_len),
       (context, out, ret_len))

FAULTY(EVP_MAC_CTX *, NULL, EVP_MAC_CTX_new, (EVP_MAC * mac), (mac))
FAULTY(int, 0, EVP_MAC_CTX_set_params, (EVP_MAC_CTX * context, const OSSL_PARAM *params), (context, params))
FAULTY(int, 0, EVP_MAC_update, (EVP_MAC_CTX * context, const unsigned char *bytes, size_t len), (context, bytes, len))
FAULTY(int, 0, EVP_MAC_final, (EVP_MAC_CTX * context, unsigned char *out, size_t *ret_len, size_t size),
       (context, out, ret_len, size))

FAULTY(BIO *, NULL, BIO_new_mem_buf, (const void *bytes, int len), (bytes, len))
FAULTY(EVP_PKEY *, NULL, PEM_read_bio_PUBKEY, (BIO * bio, EVP_PKEY **key, pem_password_cb *callback, void *context),
       (bio, key, callback, context))
FAULTY(EVP_PKEY *, NULL, PEM_read_bio_PrivateKey, (BIO * bio, EVP_PKEY **key, pem_password_cb *callback, void *context),
       (bio, key, callback, context))
FAULTY(X509 *, NULL, PEM_read_bio_X509, (BIO * bio, X509 **certificate, pem_password_cb *callback, void *context),
       (bio, certificate, callback, context))
FAULTY(EVP_PKEY *, NULL, X509_get_pubkey, (X509 * certificate), (certificate))
FAULTY(int, 0, EVP_PKEY_get_bn_param, (const EVP_PKEY *key, const char *name, BIGNUM **number), (key, name, number))

FAULTY(EVP_PKEY_CTX *, NULL, EVP_PKEY_CTX_new, (EVP_PKEY * key, ENGINE *engine), (key, engine))
FAULTY(int, 0, EVP_PKEY_sign_init, (EVP_PKEY_CTX * context), (context))
FAULTY(int, 0, EVP_PKEY_CTX_set_rsa_padding, (EVP_PKEY_CTX * context, int padding), (context, padding))
FAULTY(int, 0, EVP_PKEY_CTX_set_signature_md, (EVP_PKEY_CTX * context, const EVP_MD *md), (context, md))
FAULTY(int, 0, EVP_PKEY_sign,
       (EVP_PKEY_CTX * context, unsigned char *out, size_t *ret_len, const unsigned char *hash, size_t hash_len),
       (context, out, ret_len, hash, hash_len))

FAULTY(BN_CTX *, NULL, BN_CTX_new, (void), ())
FAULTY(BN_MONT_CTX *, NULL, BN_MONT_CTX_new, (void), ())
FAULTY(int, 0, BN_MONT_CTX_set, (BN_MONT_CTX * montgomery, const BIGNUM *modulus, BN_CTX *context),
       (montgomery, modulus, context))
FAULTY(BIGNUM *, NULL, BN_new, (void), ())
FAULTY(BIGNUM *, NULL, BN_dup, (const BIGNUM *number), (number))
FAULTY(BIGNUM *, NULL, BN_bin2bn, (const unsigned char *bytes, int len, BIGNUM *number), (bytes, len, number))
FAULTY(int, -1, BN_bn2binpad, (const BIGNUM *number, unsigned char *out, int len), (number, out, len))
FAULTY(int, 0, BN_to_montgomery, (BIGNUM * out, const BIGNUM *number, BN_MONT_CTX *montgomery, BN_CTX *context),
       (out, number, montgomery, context))
FAULTY(int, 0, BN_mod_mul_montgomery,
       (BIGNUM * out, const BIGNUM *one, const BIGNUM *other, BN_MONT_CTX *montgomery, BN_CTX *context),
       (out, one, other, montgomery, context))

FAULTY(EVP_CIPHER *, NULL, EVP_CIPHER_fetch, (OSSL_LIB_CTX * library, const char *name, const char *properties),
       (library, name, properties))
FAULTY(int, 0, EVP_CIPHER_CTX_ctrl, (EVP_CIPHER_CTX * context, int command, int number, void *bytes),
       (context, command, number, bytes))
FAULTY(int, 0, EVP_EncryptInit_ex2,
       (EVP_CIPHER_CTX * context, const EVP_CIPHER *cipher, const unsigned char *key, const unsigned char *nonce,
        const OSSL_PARAM *params),
       (context, cipher, key, nonce, params))
FAULTY(int, 0, EVP_EncryptUpdate,
       (EVP_CIPHER_CTX * context, unsigned char *out, int *ret_len, const unsigned char *bytes, int len),
       (context, out, ret_len, bytes, len))
FAULTY(int, 0, EVP_EncryptFinal_ex, (EVP_CIPHER_CTX * context, unsigned char *out, int *ret_len),
       (context, out, ret_len))
FAULTY(int, 0, EVP_DecryptInit_ex2,
       (EVP_CIPHER_CTX * context, const EVP_CIPHER *cipher, const unsigned char *key, const unsigned char *nonce,
        const OSSL_PARAM *params),
       (context, cipher, key, nonce, params))
FAULTY(int, 0, EVP_DecryptUpdate,
       (EVP_CIPHER_CTX * context, unsigned char *out, int *ret_len, const unsigned char *bytes, int len),
       (context, out, ret_len, bytes, len))
FAULTY(int, 0, EVP_DecryptFinal_ex, (EVP_CIPHER_CTX * context, unsigned char *out, int *ret_len),
       (context, out, ret_len))

FAULTY(int, 0, RAND_bytes, (unsigned char *out, int len), (out, len))
FAULTY(char *, NULL, crypt_r, (const char *phrase, const char *setting, struct crypt_data *data),
       (phrase, setting, data))
FAULTY(char *, NULL, crypt_gensalt_rn,
       (const char *prefix, unsigned long count, const char *bytes, int len, char *out, int size),
       (prefix, count, bytes, len, out, size))
