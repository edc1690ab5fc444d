/* nonce_hash: a nonce as every store keeps it: a keyed hash of client, token and nonce (the timestamp is kept beside
 * it).
 *
 * Whoever does not know the key can neither find two nonces that hash alike nor tell whose a hash is. */
#ifndef COUNTERSIGN_EPHEMERAL_NONCE_HASH_H
#define COUNTERSIGN_EPHEMERAL_NONCE_HASH_H

#include "base/attributes.h"
#include "base/slice.h"
#include "base/status.h"
#include "ephemeral/ephemeral.h"

struct mac;

struct nonce_hash {
    uint64_t value;
    uint32_t spread; /* independent of the value: chooses a shard */
};

/* NO_MEMORY. */
MUST_USE enum status nonce_hash(struct mac *mac, struct slice key, const struct nonce *nonce,
                                struct nonce_hash *ret_hash);

#endif
