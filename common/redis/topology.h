/* topology: which primary of a Cluster serves which slot, out of CLUSTER SLOTS; and where a key is instead, out
 * of MOVED and ASK. */
#ifndef COUNTERSIGN_REDIS_TOPOLOGY_H
#define COUNTERSIGN_REDIS_TOPOLOGY_H

#include "base/attributes.h"
#include "base/slice.h"
#include "base/status.h"
#include "redis/resolve.h"
#include "redis/slot.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct redisReply;

enum { REDIS_PRIMARIES_MAX = 64 };

struct redis_topology {
    struct redis_place primaries[REDIS_PRIMARIES_MAX];
    size_t count;
    unsigned char served_by[REDIS_SLOTS]; /* a primary's index and 1; 0: nobody */
};

/* Byte for byte. */
bool redis_place_eq(const struct redis_place *a, const struct redis_place *b);

/* Reads the answer to CLUSTER SLOTS. `asked` is who answered: a node that does not know its own address is there.
 * STORE_DOWN: an error, or none; STORE_CORRUPT: something else. */
MUST_USE enum status redis_topology_read(const struct redisReply *reply, const struct redis_place *asked,
                                         struct redis_topology *ret_topology);
/* The primary of this slot; NULL: nobody serves it. */
const struct redis_place *redis_topology_primary(const struct redis_topology *topology, unsigned slot);
/* How many slots nobody serves, and the first of them. */
size_t redis_topology_count_unserved(const struct redis_topology *topology, unsigned *ret_first);

/* What an error says of a key's place. */
enum redis_redirection { REDIS_STAYS, REDIS_MOVED, REDIS_ASK };

/* "MOVED 3999 127.0.0.1:6381", "ASK 3999 [::1]:6381", "MOVED 3999 :6381" (of the host that answered). */
enum redis_redirection redis_redirection_read(struct slice error, const struct redis_place *asked, unsigned *ret_slot,
                                              struct redis_place *ret_place);

#endif
