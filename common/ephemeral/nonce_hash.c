#include "ephemeral/nonce_hash.h"

#include "base/buf.h"
#include "crypto/mac.h"

static void put_part(struct buf *out, struct slice part)
{
    buf_add_u64(out, part.len); /* lengths in front, so that no two nonces read the same */
    buf_add_byte(out, ':');
    buf_add(out, part);
}

enum status nonce_hash(struct mac *mac, struct slice key, const struct nonce *nonce, struct nonce_hash *ret_hash)
{
    char memory[1024];
    struct arena arena;
    unsigned char code[DIGEST_MAX_BYTES];
    struct buf text = buf_fixed(memory, sizeof memory);
    bool is_long = nonce->client_id.len + nonce->token.len + nonce->nonce.len > sizeof memory - 64;
    arena_init(&arena, 1 << 20);
    if (is_long)
        text = buf_in(&arena);
    put_part(&text, nonce->client_id);
    put_part(&text, nonce->token);
    put_part(&text, nonce->nonce);
    enum status status = text.failed ? STATUS_NO_MEMORY : mac_hmac(mac, DIGEST_SHA256, key, buf_slice(&text), code);
    arena_done(&arena);
    if (status != STATUS_OK)
        return status;
    memcpy(&ret_hash->value, code, sizeof ret_hash->value);
    memcpy(&ret_hash->spread, code + sizeof ret_hash->value, sizeof ret_hash->spread);
    return STATUS_OK;
}
