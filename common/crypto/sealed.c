#include "crypto/sealed.h"

#include "base/base64.h"
#include "base/wipe.h"
#include "crypto/ct.h"
#include "crypto/random.h"

#include <limits.h>
#include <openssl/evp.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { VERSION = 1, KEY_BYTES = 32, NONCE_BYTES = 12, TAG_BYTES = 16, ID_MAX_BYTES = 32, KEYS_MAX = 16 };

struct key {
    char id[ID_MAX_BYTES];
    size_t id_len;
    unsigned char bytes[KEY_BYTES];
};

struct keyring {
    atomic_size_t holders;
    EVP_CIPHER *cipher;
    size_t count;
    struct key keys[KEYS_MAX]; /* the first encrypts */
};

/* ---- parsing ---- */

static struct slice id_of(const struct key *key)
{
    return slice_of(key->id, key->id_len);
}

static const struct key *find_key(const struct keyring *keys, struct slice id)
{
    for (size_t i = 0; i < keys->count; i++)
        if (slice_eq(id_of(&keys->keys[i]), id))
            return &keys->keys[i];
    return NULL;
}

static bool is_id(struct slice text)
{
    if (text.len == 0 || text.len > ID_MAX_BYTES)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && !(c >= '0' && c <= '9') && c != '-' && c != '_')
            return false;
    }
    return true;
}

/* Adds one `id:base64`; returns what is wrong with it, or NULL. */
static const char *add_key(struct keyring *keys, struct slice item)
{
    unsigned char decoded[BASE64_LEN(KEY_BYTES)];
    size_t len = 0;
    bool has_colon = false;
    struct slice text = item;
    struct slice id = slice_cut(&text, ':', &has_colon);
    if (!has_colon)
        return "a key is written id:base64";
    if (!is_id(id))
        return "a key's id is 1 to 32 letters, digits, '-' or '_'";
    if (find_key(keys, id))
        return "two keys have the same id";
    if (keys->count == KEYS_MAX)
        return "more than 16 keys";
    bool good = text.len == BASE64_LEN(KEY_BYTES) && base64_decode(text, decoded, &len) && len == KEY_BYTES;
    if (good) {
        struct key *key = &keys->keys[keys->count++];
        memcpy(key->id, id.ptr, id.len);
        key->id_len = id.len;
        memcpy(key->bytes, decoded, KEY_BYTES);
    }
    wipe_bytes(decoded, sizeof decoded);
    return good ? NULL : "a key is 32 bytes in base64 (openssl rand -base64 32)";
}

static const char *add_all(struct keyring *keys, struct slice text)
{
    bool more = true;
    while (more) {
        const char *wrong = add_key(keys, slice_cut(&text, ',', &more));
        if (wrong)
            return wrong;
    }
    return NULL;
}

enum status keyring_parse(struct slice text, struct keyring **ret_keys, const char **ret_why)
{
    struct keyring *keys = calloc(1, sizeof *keys);
    if (keys) {
        keys->holders = 1;
        keys->cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    }
    if (!keys || !keys->cipher) {
        keyring_free(keys);
        return STATUS_NO_MEMORY;
    }
    const char *wrong = add_all(keys, text);
    if (wrong) {
        keyring_free(keys);
        *ret_why = wrong;
        return STATUS_BAD_INPUT;
    }
    *ret_keys = keys;
    return STATUS_OK;
}

struct keyring *keyring_share(struct keyring *keys)
{
    if (keys)
        atomic_fetch_add(&keys->holders, 1);
    return keys;
}

void keyring_free(struct keyring *keys)
{
    if (!keys || atomic_fetch_sub(&keys->holders, 1) > 1)
        return;
    EVP_CIPHER_free(keys->cipher);
    wipe_bytes(keys, sizeof *keys);
    free(keys);
}

static bool is_same_key(const struct key *a, const struct key *b)
{
    return slice_eq(id_of(a), id_of(b)) && ct_equal(slice_of(a->bytes, KEY_BYTES), slice_of(b->bytes, KEY_BYTES));
}

bool keyring_is_same(const struct keyring *a, const struct keyring *b)
{
    bool same = a->count == b->count;
    for (size_t i = 0; same && i < a->count; i++)
        same = is_same_key(&a->keys[i], &b->keys[i]);
    return same;
}

size_t keyring_count(const struct keyring *keys)
{
    return keys->count;
}

struct slice keyring_id(const struct keyring *keys, size_t index)
{
    return id_of(&keys->keys[index]);
}

bool keyring_has(const struct keyring *keys, struct slice id)
{
    return find_key(keys, id) != NULL;
}

/* ---- sealing ---- */

static const unsigned char *bytes_of(struct slice s)
{
    return (const unsigned char *)(s.len ? s.ptr : ""); /* EVP takes a NULL input for something else */
}

static void free_context(EVP_CIPHER_CTX **context)
{
    EVP_CIPHER_CTX_free(*context);
}

static bool encrypt_secret(const struct keyring *keys, const struct key *key, struct slice secret, struct slice row,
                           const unsigned char *nonce, unsigned char *out)
{
    CLEANUP(free_context) EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    int len = 0;
    return context && EVP_EncryptInit_ex2(context, keys->cipher, key->bytes, nonce, NULL) == 1 &&
           EVP_EncryptUpdate(context, NULL, &len, bytes_of(row), (int)row.len) == 1 &&
           EVP_EncryptUpdate(context, out, &len, bytes_of(secret), (int)secret.len) == 1 &&
           EVP_EncryptFinal_ex(context, out + secret.len, &len) == 1 &&
           EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, TAG_BYTES, out + secret.len) == 1;
}

static enum status seal_by(const struct keyring *keys, const struct key *key, struct slice secret, struct slice row,
                           struct buf *out)
{
    unsigned char nonce[NONCE_BYTES];
    if (secret.len > INT_MAX / 2 || row.len > INT_MAX / 2)
        return STATUS_NO_MEMORY;
    TRY(random_bytes(nonce, sizeof nonce));
    if (!buf_reserve(out, 2 + key->id_len + NONCE_BYTES + secret.len + TAG_BYTES))
        return STATUS_NO_MEMORY;
    size_t start = out->len;
    buf_add_byte(out, VERSION);
    buf_add_byte(out, (char)key->id_len);
    buf_add(out, id_of(key));
    buf_add(out, slice_of(nonce, sizeof nonce));
    if (!encrypt_secret(keys, key, secret, row, nonce, (unsigned char *)out->ptr + out->len)) {
        out->len = start;
        return STATUS_NO_MEMORY;
    }
    out->len += secret.len + TAG_BYTES;
    return STATUS_OK;
}

enum status sealed_seal(const struct keyring *keys, struct slice secret, struct slice row, struct buf *out)
{
    return seal_by(keys, &keys->keys[0], secret, row, out);
}

enum status sealed_prove(const struct keyring *keys, struct slice id, struct slice row, struct buf *out)
{
    const struct key *key = find_key(keys, id);
    return key ? seal_by(keys, key, SLICE(""), row, out) : STATUS_NOT_FOUND;
}

/* ---- opening ---- */

struct slice sealed_key_id(struct slice sealed)
{
    if (sealed.len < 2 || sealed.ptr[0] != VERSION)
        return SLICE_ABSENT;
    size_t id_len = (unsigned char)sealed.ptr[1];
    struct slice id = slice_sub(sealed, 2, 2 + id_len);
    return id.len == id_len && is_id(id) ? id : SLICE_ABSENT;
}

struct parts {
    const struct key *key;
    const unsigned char *nonce;
    struct slice ciphertext;
    const unsigned char *tag;
};

static bool split_sealed(const struct keyring *keys, struct slice sealed, struct parts *ret_parts)
{
    if (sealed.len < 2 || sealed.ptr[0] != VERSION)
        return false;
    size_t id_len = (unsigned char)sealed.ptr[1];
    size_t head = 2 + id_len + NONCE_BYTES;
    if (sealed.len < head + TAG_BYTES || sealed.len > INT_MAX)
        return false;
    const unsigned char *bytes = (const unsigned char *)sealed.ptr;
    *ret_parts = (struct parts){
        .key = find_key(keys, slice_sub(sealed, 2, 2 + id_len)),
        .nonce = bytes + 2 + id_len,
        .ciphertext = slice_sub(sealed, head, sealed.len - TAG_BYTES),
        .tag = bytes + sealed.len - TAG_BYTES,
    };
    return ret_parts->key != NULL;
}

static bool decrypt_secret(const struct keyring *keys, const struct parts *parts, struct slice row, unsigned char *out)
{
    CLEANUP(free_context) EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    unsigned char tag[TAG_BYTES];
    int len = 0;
    memcpy(tag, parts->tag, TAG_BYTES);
    return context && EVP_DecryptInit_ex2(context, keys->cipher, parts->key->bytes, parts->nonce, NULL) == 1 &&
           EVP_DecryptUpdate(context, NULL, &len, bytes_of(row), (int)row.len) == 1 &&
           EVP_DecryptUpdate(context, out, &len, bytes_of(parts->ciphertext), (int)parts->ciphertext.len) == 1 &&
           EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, TAG_BYTES, tag) == 1 &&
           EVP_DecryptFinal_ex(context, out + parts->ciphertext.len, &len) == 1;
}

enum status sealed_open(const struct keyring *keys, struct slice sealed, struct slice row, struct buf *out)
{
    struct parts parts;
    if (row.len > INT_MAX / 2 || !split_sealed(keys, sealed, &parts))
        return STATUS_STORE_CORRUPT;
    if (!buf_reserve(out, parts.ciphertext.len + 1)) /* 1: never a NULL pointer for an empty secret */
        return STATUS_NO_MEMORY;
    unsigned char *place = (unsigned char *)out->ptr + out->len;
    if (!decrypt_secret(keys, &parts, row, place)) {
        wipe_bytes(place, parts.ciphertext.len); /* unauthenticated plaintext */
        return STATUS_STORE_CORRUPT;
    }
    out->len += parts.ciphertext.len;
    return STATUS_OK;
}
