/* keyed_hash: 64 bits for tables whose keys strangers choose: without the key nobody can make them collide.
 *
 * SipHash-1-3 (Aumasson, Bernstein), whose rounds are parameters here so that its published vectors, which are of
 * 2-4, test the same code. Not for anything that is stored or sent. */
#ifndef COUNTERSIGN_CRYPTO_KEYED_HASH_H
#define COUNTERSIGN_CRYPTO_KEYED_HASH_H

#include "base/attributes.h"
#include "base/slice.h"
#include "base/status.h"

#include <stdint.h>

/* It never changes once it is made, so threads may share it. */
struct hash_key {
    uint64_t k0, k1;
};

/* Makes a random key. STATUS_NO_RANDOMNESS. */
MUST_USE enum status hash_key_make(struct hash_key *key);

/* The hash of all the bytes. */
uint64_t keyed_hash(const struct hash_key *key, struct slice bytes);

/* The same with other numbers of rounds: for each word, and at the end. */
uint64_t keyed_hash_rounds(const struct hash_key *key, struct slice bytes, unsigned each, unsigned last);

#endif
