/* nonce_set: the nonces that were spent, as keyed 64-bit hashes in buckets of one second.
 *
 * Any thread may use it: it is split into shards with a lock each, and a shard is a ring of as many buckets as the
 * window has seconds. A live nonce is never forgotten: what does not fit is refused. A false "used" needs two equal
 * keyed hashes in one second. */
#ifndef COUNTERSIGN_EPHEMERAL_NONCE_SET_H
#define COUNTERSIGN_EPHEMERAL_NONCE_SET_H

#include "base/attributes.h"
#include "base/status.h"
#include "guard/nonce_ledger.h"

#include <stddef.h>
#include <stdint.h>

struct nonce_set;

/* Holds at most `max` nonces, each until keep_s seconds after its timestamp; no timestamp that is added is more than
 * ahead_s ahead of its now_s. NULL: no memory. */
MUST_USE struct nonce_set *nonce_set_new(size_t max, int64_t keep_s, int64_t ahead_s);
void nonce_set_free(struct nonce_set *set);

/* STATUS_OK: it is new, and in the set now. STATUS_NONCE_USED. STATUS_STORE_DOWN: there is no room.
 * STATUS_TIMESTAMP_REFUSED: that second is forgotten already, or too far ahead. */
MUST_USE enum status nonce_set_add(struct nonce_set *set, int64_t timestamp_s, uint64_t hash, int64_t now_s);

/* Forgets all nonces, and the latest time that was seen. */
void nonce_set_forget(struct nonce_set *set);

/* Copies all that are live into *state (nonces and count). STATUS_NO_MEMORY. Nobody adds meanwhile. */
MUST_USE enum status nonce_set_save(struct nonce_set *set, int64_t now_s, struct nonce_state *state);

#endif
