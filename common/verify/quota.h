/* quota: how many requests a minute one may send. Counted in the ephemeral store, so that replicas share it. */
#ifndef COUNTERSIGN_VERIFY_QUOTA_H
#define COUNTERSIGN_VERIFY_QUOTA_H

#include "base/attributes.h"
#include "base/slice.h"
#include "base/status.h"
#include "ephemeral/ephemeral.h"
#include "loop/flow.h"

#include <stddef.h>
#include <stdint.h>

/* Appends what an address is counted under: for IPv6 its /64, which one user has to himself. A peer that has no address
 * (a socket's) is itself. */
void quota_write_address(struct slice address, struct buf *out);

/* Counts one event of `name`: a client's identifier, a user name, an address as it came, or what the caller made of
 * several. Without a limit (0) it completes at once. */
void quota_count_start(struct ephemeral *ephemeral, enum quota quota, struct slice name, int64_t limit,
                       struct ticket ticket);

/* Takes back one event that was counted. */
void quota_take_back_start(struct ephemeral *ephemeral, enum quota quota, struct slice name, int64_t limit,
                           struct ticket ticket);

/* Judges what the index-th ticket of the newest wait counted. STATUS_SLOW_DOWN: more than `limit` within a minute, and
 * *wait_s grows to the seconds until more are let in; the store's errors. */
MUST_USE enum status quota_judge(const struct flow *flow, size_t index, int64_t limit, int64_t *wait_s);

#endif
