#include "crypto/mac.h"

#include "base/wipe.h"
#include "crypto/algorithms.h"

#include <assert.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <stdlib.h>

/* Longer keys are never kept: two encoded secrets of usual length are about 100 bytes. */
enum { KEPT_KEY_MAX_BYTES = 160, NAME_BYTES = 32 };

struct kept {
    EVP_MAC_CTX *context; /* keyed; NULL while the place is free */
    uint64_t candidate;   /* the hash of the key that missed here last */
    enum digest digest;
    unsigned key_len;
    char key[KEPT_KEY_MAX_BYTES];
};

struct mac {
    EVP_MAC_CTX *contexts[DIGEST_COUNT];
    size_t kept_count;
    struct kept kept[];
};

static EVP_MAC_CTX *new_context(enum digest digest)
{
    EVP_MAC *hmac = algorithm_hmac();
    EVP_MAC_CTX *context = hmac ? EVP_MAC_CTX_new(hmac) : NULL;
    if (!context)
        return NULL;
    char name[NAME_BYTES];
    (void)strncpy(name, algorithm_name(digest), sizeof name - 1);
    name[sizeof name - 1] = '\0';
    OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
                           OSSL_PARAM_construct_end()};
    if (EVP_MAC_CTX_set_params(context, params) == 1)
        return context;
    EVP_MAC_CTX_free(context);
    return NULL;
}

struct mac *mac_new(size_t kept)
{
    assert(kept <= MAC_KEPT_MAX && (kept & (kept - 1)) == 0);
    struct mac *mac = calloc(1, sizeof *mac + kept * sizeof mac->kept[0]);
    if (!mac)
        return NULL;
    mac->kept_count = kept;
    for (size_t i = 0; i < DIGEST_COUNT; i++) {
        mac->contexts[i] = new_context((enum digest)i);
        if (!mac->contexts[i]) {
            mac_free(mac);
            return NULL;
        }
    }
    return mac;
}

void mac_free(struct mac *mac)
{
    if (!mac)
        return;
    for (size_t i = 0; i < DIGEST_COUNT; i++)
        EVP_MAC_CTX_free(mac->contexts[i]);
    for (size_t i = 0; i < mac->kept_count; i++)
        EVP_MAC_CTX_free(mac->kept[i].context);
    wipe_bytes(mac->kept, mac->kept_count * sizeof mac->kept[0]);
    free(mac);
}

/* Spreads keys over the table; it need not resist an attacker, who does not choose secrets. */
static uint64_t hash_key(enum digest digest, struct slice key)
{
    uint64_t hash = 0x9E3779B97F4A7C15u + (uint64_t)digest;
    size_t i = 0;
    for (uint64_t word = 0; i + 8 <= key.len; i += 8) {
        memcpy(&word, key.ptr + i, 8);
        hash = (hash ^ word) * 0xFF51AFD7ED558CCDu;
        hash ^= hash >> 32;
    }
    for (; i < key.len; i++)
        hash = (hash ^ (unsigned char)key.ptr[i]) * 0x100000001B3u;
    return hash ^ hash >> 29;
}

/* An empty key must still be a key: EVP_MAC_init takes NULL for "the one set before". */
static bool set_key(EVP_MAC_CTX *context, struct slice key)
{
    return EVP_MAC_init(context, (const unsigned char *)(key.len ? key.ptr : ""), key.len, NULL) == 1;
}

/* Puts the key in the place; on failure the place is free and the caller uses the common context. */
static void keep_key(struct kept *place, enum digest digest, struct slice key)
{
    if (place->digest != digest) {
        EVP_MAC_CTX_free(place->context);
        place->context = NULL;
    }
    if (!place->context)
        place->context = new_context(digest);
    if (place->context && !set_key(place->context, key)) {
        EVP_MAC_CTX_free(place->context);
        place->context = NULL;
    }
    place->digest = digest;
    wipe_bytes(place->key, sizeof place->key);
    memcpy(place->key, key.ptr, key.len);
    place->key_len = (unsigned)key.len;
}

static bool holds_key(const struct kept *place, enum digest digest, struct slice key)
{
    return place->context && place->digest == digest && slice_eq(slice_of(place->key, place->key_len), key);
}

/* The kept context of this key, ready for a new text; NULL: use the common one. */
static EVP_MAC_CTX *find_kept(struct mac *mac, enum digest digest, struct slice key)
{
    if (mac->kept_count == 0 || key.len == 0 || key.len > KEPT_KEY_MAX_BYTES)
        return NULL;
    uint64_t hash = hash_key(digest, key);
    struct kept *place = &mac->kept[hash & (mac->kept_count - 1)];
    if (!holds_key(place, digest, key)) {
        bool seen_before = place->candidate == hash;
        place->candidate = hash;
        if (!seen_before)
            return NULL;
        keep_key(place, digest, key);
        return place->context; /* keyed just now */
    }
    place->candidate = hash;
    return EVP_MAC_init(place->context, NULL, 0, NULL) == 1 ? place->context : NULL;
}

enum status mac_hmac(struct mac *mac, enum digest digest, struct slice key, struct slice text, unsigned char *out)
{
    EVP_MAC_CTX *context = find_kept(mac, digest, key);
    if (!context) {
        context = mac->contexts[digest];
        if (!set_key(context, key))
            return STATUS_NO_MEMORY;
    }
    size_t written = 0;
    bool done = EVP_MAC_update(context, (const unsigned char *)(text.len ? text.ptr : ""), text.len) == 1 &&
                EVP_MAC_final(context, out, &written, digest_size_bytes(digest)) == 1;
    return done ? STATUS_OK : STATUS_NO_MEMORY;
}
