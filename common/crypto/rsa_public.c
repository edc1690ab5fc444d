#include "crypto/rsa_public.h"

#include "crypto/rsa.h"

#include <openssl/bn.h>
#include <stdlib.h>

struct rsa_public {
    BN_CTX *context;
    BIGNUM *modulus;
    BN_MONT_CTX *montgomery; /* of the modulus */
    BIGNUM *exponent;
    size_t size_bytes; /* of the modulus, and of every signature */
    BIGNUM *signature;
    BIGNUM *base;  /* the signature in Montgomery's form */
    BIGNUM *power; /* likewise, until the last step leaves it */
};

/* DigestInfo up to the hash (RFC 8017 §9.2, note 1). */
#define DIGEST_INFO_SHA1       "\x30\x21\x30\x09\x06\x05\x2b\x0e\x03\x02\x1a\x05\x00\x04\x14"
#define DIGEST_INFO_SHA256     "\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20"
#define DIGEST_INFO_SHA512     "\x30\x51\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\x05\x00\x04\x40"
#define DIGEST_INFO(NAME, ...) {DIGEST_INFO_##NAME, sizeof DIGEST_INFO_##NAME - 1},
static const struct slice digest_infos[] = {DIGESTS(DIGEST_INFO)};

struct rsa_public *rsa_public_new(const BIGNUM *modulus, const BIGNUM *exponent)
{
    struct rsa_public *key = calloc(1, sizeof *key);
    if (!key)
        return NULL;
    *key = (struct rsa_public){
        .context = BN_CTX_new(),
        .modulus = BN_dup(modulus),
        .montgomery = BN_MONT_CTX_new(),
        .exponent = BN_dup(exponent),
        .size_bytes = (size_t)BN_num_bytes(modulus),
        .signature = BN_new(),
        .base = BN_new(),
        .power = BN_new(),
    };
    if (key->context && key->modulus && key->montgomery && key->exponent && key->signature && key->base && key->power &&
        BN_MONT_CTX_set(key->montgomery, key->modulus, key->context) == 1)
        return key;
    rsa_public_free(key);
    return NULL;
}

void rsa_public_free(struct rsa_public *key)
{
    if (!key)
        return;
    BN_CTX_free(key->context);
    BN_free(key->modulus);
    BN_MONT_CTX_free(key->montgomery);
    BN_free(key->exponent);
    BN_free(key->signature);
    BN_free(key->base);
    BN_free(key->power);
    free(key);
}

/* key->power = power * factor, divided by what Montgomery's form multiplies with. */
static bool multiply_power(struct rsa_public *key, const BIGNUM *power, const BIGNUM *factor)
{
    return BN_mod_mul_montgomery(key->power, power, factor, key->montgomery, key->context) == 1;
}

/* key->power = the signature to the exponent, from its highest bit down. The lowest is set: its factor is the signature
 * as it came, which takes the product out of Montgomery's form. */
static bool raise_signature(struct rsa_public *key)
{
    const BIGNUM *power = key->base;
    if (BN_to_montgomery(key->base, key->signature, key->montgomery, key->context) != 1)
        return false;
    for (int bit = BN_num_bits(key->exponent) - 2; bit >= 0; bit--) {
        if (!multiply_power(key, power, power))
            return false;
        power = key->power;
        if (BN_is_bit_set(key->exponent, bit) && !multiply_power(key, power, bit == 0 ? key->signature : key->base))
            return false;
    }
    return true;
}

/* EMSA-PKCS1-v1_5 (RFC 8017 §9.2). */
static void encode_hash(enum digest digest, const unsigned char *hash, unsigned char *out, size_t size)
{
    struct slice info = digest_infos[digest];
    size_t hash_len = digest_size_bytes(digest);
    unsigned char *tail = out + size - info.len - hash_len;
    memset(out, 0xFF, size);
    out[0] = 0;
    out[1] = 1;
    tail[-1] = 0;
    memcpy(tail, info.ptr, info.len);
    memcpy(tail + info.len, hash, hash_len);
}

enum status rsa_public_verify(struct rsa_public *key, enum digest digest, const unsigned char *hash,
                              struct slice signature)
{
    unsigned char encoded[RSA_SIGNATURE_MAX_BYTES];
    unsigned char raised[RSA_SIGNATURE_MAX_BYTES];
    if (signature.len != key->size_bytes)
        return STATUS_SIGNATURE_INVALID;
    if (!BN_bin2bn((const unsigned char *)signature.ptr, (int)signature.len, key->signature))
        return STATUS_NO_MEMORY;
    if (!raise_signature(key) || BN_bn2binpad(key->power, raised, (int)key->size_bytes) < 0)
        return STATUS_NO_MEMORY;
    encode_hash(digest, hash, encoded, key->size_bytes);
    bool in_range = BN_ucmp(key->signature, key->modulus) < 0; /* last, so that each takes as long */
    bool fits = slice_eq(slice_of(raised, key->size_bytes), slice_of(encoded, key->size_bytes));
    return in_range && fits ? STATUS_OK : STATUS_SIGNATURE_INVALID;
}
