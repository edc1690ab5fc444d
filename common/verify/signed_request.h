/* signed_request: a request that is signed by its client, through the waits that its check needs: the client, then
 * (after the signature) the nonce. What initiate and token share; the steps of the HTTP side are oauth_steps. */
#ifndef COUNTERSIGN_VERIFY_SIGNED_REQUEST_H
#define COUNTERSIGN_VERIFY_SIGNED_REQUEST_H

#include "base/attributes.h"
#include "base/status.h"
#include "cache/credential_cache.h"
#include "ephemeral/ephemeral.h"
#include "loop/flow.h"
#include "oauth/signature.h"
#include "verify/check.h"

#include <stdbool.h>
#include <stddef.h>

/* Lives in the request's arena. */
struct signed_request {
    struct check check;            /* described and parsed by the endpoint */
    struct credential_hold client; /* what check borrows */
};

/* Whether the client is in memory; else signed_request_load_start asks for it. */
MUST_USE bool signed_request_find(struct signed_request *it, struct credential_view *credentials, struct flow *flow);
void signed_request_load_start(const struct signed_request *it, struct credential_view *credentials,
                               struct ticket ticket);
/* Takes the client (the index-th ticket of the newest wait, where it was not found) and judges the signature by the
 * store's clock. Refused: check.problem says why. The stores' errors: it does not. */
MUST_USE enum status signed_request_verify(struct signed_request *it, struct flow *flow, size_t index,
                                           const struct ephemeral *ephemeral, struct signer *signer);
/* Spends the nonce; false: there is none, and nothing to wait for. */
MUST_USE bool signed_request_spend(const struct signed_request *it, struct flow *flow, struct ephemeral *ephemeral,
                                   unsigned timeout_ms);
/* What became of it. Else than OK check.problem says why. */
MUST_USE enum status signed_request_spent(struct signed_request *it, const struct flow *flow);

#endif
