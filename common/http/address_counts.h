/* address_counts: how many connections each address has, over all loops of a server. An IPv6 client owns its /64, so
 * that counts as one address.
 *
 * Invariants: no more entries than connections are counted, so it is as large as their cap. From any thread. */
#ifndef COUNTERSIGN_HTTP_ADDRESS_COUNTS_H
#define COUNTERSIGN_HTTP_ADDRESS_COUNTS_H

#include "base/address.h"
#include "base/attributes.h"

#include <stdbool.h>
#include <stddef.h>

struct address_counts;

/* No address may have more than `bound` connections. About `expected` are expected in all. NULL: no memory. */
MUST_USE struct address_counts *address_counts_new(size_t bound, size_t expected);
/* NULL is fine. */
void address_counts_free(struct address_counts *counts);

/* Counts one more connection of the address. False: the address has as many as it may have, or there is no memory.
 * Nothing is counted then. */
MUST_USE bool address_counts_add(struct address_counts *counts, const struct address *address);
/* A connection that was counted is gone. */
void address_counts_remove(struct address_counts *counts, const struct address *address);

#endif
