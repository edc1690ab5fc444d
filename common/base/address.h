/* address: IP addresses and blocks of them, for the question "is this peer one of those". */
#ifndef COUNTERSIGN_BASE_ADDRESS_H
#define COUNTERSIGN_BASE_ADDRESS_H

#include "base/attributes.h"
#include "base/slice.h"

#include <stdbool.h>

/* An IPv4 address is kept as its IPv4-mapped IPv6 one (::ffff:a.b.c.d), so that both spellings of
 * a peer are the same address. */
struct address {
    unsigned char bytes[16];
};

struct address_block {
    struct address base;  /* the bits behind the prefix are zero */
    unsigned prefix_bits; /* of the 128 */
};

/* "192.0.2.1", "2001:db8::1", also in brackets; no names, no zone. */
MUST_USE bool address_parse(struct slice text, struct address *ret_address);
/* An address alone, or address/bits; bits set behind the prefix are refused. */
MUST_USE bool address_block_parse(struct slice text, struct address_block *ret_block);
bool address_block_has(const struct address_block *block, const struct address *address);
/* What one peer has to itself: an IPv4 address, or the /64 of an IPv6 one, the rest zero. */
struct address address_network(const struct address *address);
/* Whether a host as it stands in a URL is in 127.0.0.0/8, ::1, or the name "localhost". */
bool address_host_is_loopback(struct slice host);

#endif
