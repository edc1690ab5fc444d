/* nonce_key: the name of the Redis set that keeps the nonces of one second and one shard: `n:{SHARD}:SECOND`, the shard
 * in decimal, the second in base 36.
 *
 * Every set costs its name's memory: with up to 999 shards it fits Redis's allocation of 16 bytes until 2038, in
 * decimal it would take the next larger one. In a Cluster the tag is the part's number, and the shard stands behind it:
 * `n:{PART}SHARD:SECOND`. */
#ifndef COUNTERSIGN_EPHEMERAL_NONCE_KEY_H
#define COUNTERSIGN_EPHEMERAL_NONCE_KEY_H

#include "base/attributes.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

enum { NONCE_KEY_BYTES = 32 };

/* Into the caller's memory. A second is of the Unix epoch, at least 0. */
struct slice nonce_key(char memory[NONCE_KEY_BYTES], int64_t second, unsigned shard);
/* Of a part of a Cluster. */
struct slice nonce_part_key(char memory[NONCE_KEY_BYTES], int64_t second, unsigned part, unsigned shard);
/* The second of a set's name; false where nonce_key() writes none such for a second of up to 8 digits. */
MUST_USE bool nonce_key_second(struct slice key, int64_t *ret_second);

#endif
