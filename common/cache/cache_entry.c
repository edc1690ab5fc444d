#include "cache/cache_entry.h"

#include "base/buf.h"
#include "base/wipe.h"
#include "oauth/signature.h"

#include <stdalign.h>
#include <stdlib.h>

enum { KEYS_SCRATCH_MAX_BYTES = 1 << 20 };

/* ---- hashes ---- */

/* Kind and lengths come first, so that no two keys read the same. */
uint64_t cache_key_hash(const struct hash_key *hash_key, const struct credential_key *key)
{
    char memory[4 * IDENTIFIER_MAX_BYTES];
    struct buf text = buf_fixed(memory, sizeof memory);
    const uint32_t head[2] = {(uint32_t)key->kind, (uint32_t)key->first.len};
    buf_add(&text, slice_of(head, sizeof head));
    buf_add(&text, slice_sub(key->first, 0, IDENTIFIER_MAX_BYTES + 1));
    buf_add(&text, slice_sub(key->second, 0, IDENTIFIER_MAX_BYTES + 1));
    return keyed_hash(hash_key, buf_slice(&text));
}

uint64_t cache_subject_hash(const struct hash_key *hash_key, enum change_kind kind, struct slice id)
{
    char memory[2 * IDENTIFIER_MAX_BYTES];
    struct buf text = buf_fixed(memory, sizeof memory);
    const uint32_t head = (uint32_t)kind;
    buf_add(&text, slice_of(&head, sizeof head));
    buf_add(&text, slice_sub(id, 0, IDENTIFIER_MAX_BYTES + 1));
    return keyed_hash(hash_key, buf_slice(&text));
}

/* ---- packing everything into one block ---- */

/* Fills are run twice: without a block they only measure. */
struct packer {
    char *block; /* NULL: measuring */
    size_t bytes;
};

static void *pack_room(struct packer *packer, size_t size, size_t alignment)
{
    packer->bytes = (packer->bytes + alignment - 1) / alignment * alignment;
    void *room = packer->block ? packer->block + packer->bytes : NULL;
    packer->bytes += size;
    return room;
}

static struct slice pack_text(struct packer *packer, struct slice text)
{
    char *room = pack_room(packer, text.len, 1);
    if (room && text.len)
        memcpy(room, text.ptr, text.len);
    return slice_of(room, text.len);
}

static const struct client_secret *pack_secrets(struct packer *packer, const struct client_secret *from, size_t count)
{
    struct client_secret *room = pack_room(packer, count * sizeof *room, alignof(struct client_secret));
    for (size_t i = 0; i < count; i++) {
        struct slice text = pack_text(packer, from[i].text);
        if (room)
            room[i] = (struct client_secret){text, from[i].created_ms, from[i].expires_ms, from[i].id};
    }
    return room;
}

static const struct client_callback *pack_callbacks(struct packer *packer, const struct client *from)
{
    size_t count = from->callback_count;
    struct client_callback *room = pack_room(packer, count * sizeof *room, alignof(struct client_callback));
    for (size_t i = 0; i < count; i++) {
        struct slice uri = pack_text(packer, from->callbacks[i].uri);
        if (room)
            room[i] = (struct client_callback){uri, from->callbacks[i].is_prefix};
    }
    return room;
}

/* A member of a list of texts. */
#define PACK(member, ...)      to->member = pack_text(packer, from->member);
#define LEAVE_OUT(member, ...) to->member = SLICE("");

/* What a verification needs of a client. */
static void pack_client(struct packer *packer, struct slice client_id, const struct client *from, struct client *to)
{
    *to = *from;
    to->arena = (struct arena){0};
    to->client_id = client_id;
    CLIENT_PAGE_TEXTS(LEAVE_OUT);
    CLIENT_CHECK_TEXTS(PACK);
    to->callbacks = NULL;
    to->callback_count = 0;
    to->secrets = pack_secrets(packer, from->secrets, from->secret_count);
    to->keys = pack_secrets(packer, from->keys, from->key_count);
}

static void pack_rest_of_client(struct packer *packer, const struct client *from, struct client *to)
{
    CLIENT_PAGE_TEXTS(PACK);
    to->callbacks = pack_callbacks(packer, from);
    to->callback_count = from->callback_count;
}

static void pack_token(struct packer *packer, const struct credential_key *key, const struct token *from,
                       struct token *to)
{
    *to = *from;
    to->arena = (struct arena){0};
    to->oauth_token = key->second;
    to->secret = pack_text(packer, from->secret);
    to->client_id = slice_eq(from->client_id, key->first) ? key->first : pack_text(packer, from->client_id);
    TOKEN_TEXTS(PACK);
}

static void pack_pair(struct packer *packer, const struct credential_key *key, const struct credential_pair *from,
                      struct credential_pair *to)
{
    *to = (struct credential_pair){.client_found = from->client_found, .token_found = from->token_found};
    if (from->client_found)
        pack_client(packer, key->first, &from->client, &to->client);
    if (from->token_found)
        pack_token(packer, key, &from->token, &to->token);
}

static void pack_server(struct packer *packer, const struct credential_key *key, const struct resource_server *from,
                        struct resource_server *to)
{
    *to = *from;
    to->arena = (struct arena){0};
    to->key_digest = key->first;
    RESOURCE_SERVER_TEXTS(PACK);
}

/* The object of the key's kind, first measured in `scratch`. */
union object {
    struct credential_pair pair;
    struct client client;
    struct resource_server server;
};

static size_t object_size(enum credential_kind kind)
{
    if (kind == CREDENTIAL_PAIR)
        return sizeof(struct credential_pair);
    return kind == CREDENTIAL_CLIENT ? sizeof(struct client) : sizeof(struct resource_server);
}

static const void *pack_object(struct packer *packer, const struct credential_key *key, const void *row)
{
    union object scratch;
    union object *room = pack_room(packer, object_size(key->kind), alignof(union object));
    union object *to = room ? room : &scratch;
    switch (key->kind) {
    case CREDENTIAL_PAIR:
        pack_pair(packer, key, row, &to->pair);
        break;
    case CREDENTIAL_CLIENT:
        pack_client(packer, key->first, row, &to->client);
        pack_rest_of_client(packer, row, &to->client);
        break;
    case CREDENTIAL_RESOURCE_SERVER:
        pack_server(packer, key, row, &to->server);
        break;
    case CREDENTIAL_KINDS:
        break;
    }
    return room;
}

/* ---- the keys that HMAC takes ---- */

static const struct client *client_of(const struct credential_key *key, const void *row)
{
    const struct credential_pair *pair = row;
    if (!row || key->kind == CREDENTIAL_RESOURCE_SERVER)
        return NULL;
    if (key->kind == CREDENTIAL_CLIENT)
        return row;
    return pair->client_found ? &pair->client : NULL;
}

static const struct token *token_of(const struct credential_key *key, const void *row)
{
    const struct credential_pair *pair = row;
    return row && key->kind == CREDENTIAL_PAIR && pair->token_found ? &pair->token : NULL;
}

/* Makes the HMAC keys in a scratch arena, one for each client secret. NULL: no memory. */
static const struct slice *make_shared_keys(struct arena *scratch, const struct credential_key *key, const void *row)
{
    const struct client *client = client_of(key, row);
    const struct token *token = token_of(key, row);
    struct slice *keys = arena_calloc(scratch, client ? client->secret_count : 0, sizeof *keys);
    for (size_t i = 0; keys && client && i < client->secret_count; i++) {
        struct buf text = buf_in(scratch);
        signature_write_shared_key(client->secrets[i].text, token ? token->secret : SLICE(""), &text);
        if (text.failed)
            return NULL;
        keys[i] = buf_slice(&text);
    }
    return keys;
}

static const struct slice *pack_keys(struct packer *packer, const struct slice *from, size_t count)
{
    struct slice *room = pack_room(packer, count * sizeof *room, alignof(struct slice));
    for (size_t i = 0; i < count; i++) {
        struct slice key = pack_text(packer, from[i]);
        if (room)
            room[i] = key;
    }
    return room;
}

/* ---- whom it is about ---- */

static void add_subject(struct cache_entry *entry, uint64_t hash)
{
    entry->subjects[entry->subject_count++] = (struct cache_subject){.entry = entry, .hash = hash};
}

static void add_number(struct cache_entry *entry, const struct hash_key *hash_key, enum change_kind kind, int64_t id)
{
    char memory[24];
    struct buf text = buf_fixed(memory, sizeof memory);
    buf_add_i64(&text, id);
    add_subject(entry, cache_subject_hash(hash_key, kind, buf_slice(&text)));
}

static void add_subjects(struct cache_entry *entry, const struct hash_key *hash_key, const void *row)
{
    const struct credential_key *key = &entry->key;
    const struct token *token = token_of(key, row);
    if (key->kind == CREDENTIAL_RESOURCE_SERVER) {
        if (row)
            add_number(entry, hash_key, CHANGE_RESOURCE_SERVER, ((const struct resource_server *)row)->id);
        return;
    }
    add_subject(entry, cache_subject_hash(hash_key, CHANGE_CLIENT, key->first));
    if (token) {
        add_number(entry, hash_key, CHANGE_USER, token->user);
        add_subject(entry, cache_subject_hash(hash_key, CHANGE_TOKEN, token->jti));
    }
}

/* ---- the entry ---- */

static bool is_unknown(const struct credential_key *key, const void *row)
{
    const struct client *client = client_of(key, row);
    const struct token *token = token_of(key, row);
    if (key->kind != CREDENTIAL_PAIR)
        return row == NULL;
    return !client || (key->second.len && !(token && token->client == client->id));
}

/* Packs the entry at the front of the packer's block, or measures it. */
static struct cache_entry *pack_entry(struct packer *packer, const struct credential_key *key, const void *row,
                                      const struct slice *shared_keys)
{
    struct cache_entry scratch;
    const struct client *client = client_of(key, row);
    struct cache_entry *room = pack_room(packer, sizeof *room, alignof(struct cache_entry));
    struct cache_entry *entry = room ? room : &scratch;
    memset(entry, 0, sizeof *entry);
    entry->key = (struct credential_key){key->kind, pack_text(packer, key->first), pack_text(packer, key->second)};
    entry->object = row ? pack_object(packer, packer->block ? &entry->key : key, row) : NULL;
    entry->shared_keys = pack_keys(packer, shared_keys, client ? client->secret_count : 0);
    return room;
}

static struct cache_entry *pack_all(const struct credential_key *key, const void *row, const struct slice *shared_keys)
{
    struct packer measure = {0};
    (void)pack_entry(&measure, key, row, shared_keys);
    struct packer packer = {.block = malloc(measure.bytes)};
    if (!packer.block)
        return NULL;
    struct cache_entry *entry = pack_entry(&packer, key, row, shared_keys);
    entry->size_bytes = packer.bytes;
    return entry;
}

struct cache_entry *cache_entry_new(const struct hash_key *hash_key, const struct credential_key *key, const void *row,
                                    int64_t asked_ms)
{
    struct arena scratch;
    arena_init(&scratch, KEYS_SCRATCH_MAX_BYTES);
    const struct slice *shared_keys = make_shared_keys(&scratch, key, row);
    struct cache_entry *entry = shared_keys ? pack_all(key, row, shared_keys) : NULL;
    arena_done(&scratch);
    if (!entry)
        return NULL;
    entry->hash = cache_key_hash(hash_key, key);
    entry->is_unknown = is_unknown(key, row);
    entry->asked_ms = asked_ms;
    atomic_init(&entry->holders, 1);
    add_subjects(entry, hash_key, row);
    return entry;
}

void cache_entry_release(struct cache_entry *entry)
{
    if (atomic_fetch_sub_explicit(&entry->holders, 1, memory_order_acq_rel) != 1)
        return;
    wipe_bytes(entry, entry->size_bytes);
    free(entry);
}
