/* oauth_quota: how many requests a minute initiate and token take.
 *
 * A client is counted only where the signature held and the nonce was new, so that nobody can silence a client with
 * its key: neither by wrong signatures nor by repeating a request of its own. All else is counted by address
 * (forwarded_client_address), after it was judged: a good request is never refused for what others send from its
 * address. */
#ifndef COUNTERSIGN_AUTH_SERVICE_PROTOCOL_OAUTH_QUOTA_H
#define COUNTERSIGN_AUTH_SERVICE_PROTOCOL_OAUTH_QUOTA_H

#include "http/request.h"
#include "verify/check.h"

#include <stddef.h>

/* Counts the client of a request that its signature has shown to be its own. */
void oauth_quota_count_client_start(struct request *request, const struct check *check, struct ticket ticket);
/* What the index-th ticket of the newest wait said. STATUS_SLOW_DOWN: *ret_wait_s says how long. */
MUST_USE enum status oauth_quota_judge_client(struct flow *flow, size_t index, int64_t *ret_wait_s);

/* Refuses for check->problem, which is request->state's (a struct signed_request comes first there). A fault of the
 * request is counted by address first, in a wait after which the flow leaves its table: the step answers with the
 * result, and no step after it runs. */
enum step_result oauth_quota_refuse(struct flow *flow, const struct check *check);

#endif
