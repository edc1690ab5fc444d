/* mac: HMAC as fast as OpenSSL can do it, for one thread.
 *
 * A `struct mac` belongs to one loop and never crosses a thread. It has one context per digest,
 * keyed anew each time, and a direct-mapped table of kept, keyed contexts for hot keys: a key that
 * is seen twice in a row in its place is kept, so that a stream of many keys does not churn the
 * table. Keys are wiped when their place is taken and by mac_free. */
#ifndef COUNTERSIGN_CRYPTO_MAC_H
#define COUNTERSIGN_CRYPTO_MAC_H

#include "base/attributes.h"
#include "base/slice.h"
#include "base/status.h"
#include "crypto/digest.h"

struct mac;

enum { MAC_KEPT_MAX = 1024 };

/* `kept`: how many keyed contexts to keep at most (864 bytes of heap each when used), a power of
 * two up to MAC_KEPT_MAX, or 0. NULL when there is no memory. */
MUST_USE struct mac *mac_new(size_t kept);
/* NULL is fine. */
void mac_free(struct mac *mac);

/* HMAC of `text` under `key` (RFC 2104): writes digest_size_bytes(digest) bytes to `out`.
 * STATUS_NO_MEMORY is the only error. */
MUST_USE enum status mac_hmac(struct mac *mac, enum digest digest, struct slice key, struct slice text,
                              unsigned char *out);

#endif
