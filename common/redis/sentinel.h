/* sentinel: asks Redis Sentinels where the primary is, each time a connection to it is made.
 *
 * Invariants: the Sentinels are asked one after the other, beginning with the one that answered last, each for at most
 * the connection's and the command's time-out (600 ms each); the first answer counts. Whether that server really is a
 * primary is checked by whoever connects to it. */
#ifndef COUNTERSIGN_REDIS_SENTINEL_H
#define COUNTERSIGN_REDIS_SENTINEL_H

#include "base/attributes.h"
#include "base/buf.h"
#include "base/status.h"
#include "redis/url.h"

/* Who asks the target's Sentinels; what it needs is copied. For redis_locator_release. BAD_INPUT: as for
 * redis_tls_new_blocking; NO_MEMORY. */
MUST_USE enum status redis_sentinels_open_blocking(const struct redis_target *target, struct buf *why,
                                                   struct redis_locator **ret_locator);
/* Newer passwords of the Sentinels come from there; borrowed, before the first connection. May be NULL. */
void redis_sentinels_set_passwords(struct redis_locator *locator, struct next_password *passwords);

#endif
