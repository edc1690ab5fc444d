/* address_quota: how many requests a minute one address may send that are refused (OAUTH1_RATE_LIMIT_ADDRESS).
 *
 * Counted after the request was judged, so that a good one is never refused for what others send from its address. */
#ifndef COUNTERSIGN_INTROSPECTION_SERVICE_ADDRESS_QUOTA_H
#define COUNTERSIGN_INTROSPECTION_SERVICE_ADDRESS_QUOTA_H

#include "base/attributes.h"
#include "loop/flow.h"

#include <stdbool.h>
#include <stdint.h>

/* Counts the refusal; false where there is no limit. Otherwise the step answers STEP_WAIT. */
MUST_USE bool address_quota_start(struct flow *flow);
/* Whether the count of that wait is above the limit; then *ret_wait_s says for how many seconds. A counter that is down
 * changes nothing: the request is refused either way. */
MUST_USE bool address_quota_is_used_up(const struct flow *flow, int64_t *ret_wait_s);

#endif
