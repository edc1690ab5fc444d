/* signed_request: a request that is signed by its client, through the waits that its check needs: what is known of who
 * signed, then (after the signature) the nonce. Initiate, token and introspection share it: oauth_steps makes steps of
 * it for one request, inquiry for a hundred at a time. */
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
    struct check check;               /* described and parsed by the endpoint */
    struct credential_hold signed_by; /* the client, or for a protected resource client and token: check borrows them */
};

/* Whether who signed is in memory; else signed_request_load_start asks for it. */
MUST_USE bool signed_request_find(struct signed_request *it, struct credential_view *credentials, struct flow *flow);
/* Asks the durable store for who signed. */
void signed_request_load_start(const struct signed_request *it, struct credential_view *credentials,
                               struct ticket ticket);
/* Takes who signed (the index-th ticket of the newest wait, where it was not found) and judges the signature by the
 * store's clock. Refused: check.problem says why. The stores' errors: it does not. */
MUST_USE enum status signed_request_verify(struct signed_request *it, struct flow *flow, size_t index,
                                           const struct ephemeral *ephemeral, struct signer *signer);
/* False: there is no nonce to spend, and nothing to wait for. */
MUST_USE bool signed_request_has_nonce(const struct signed_request *it);
void signed_request_spend_start(const struct signed_request *it, struct ephemeral *ephemeral, struct ticket ticket);
/* Says what became of the nonce, by the index-th ticket. OK where there was none. If the status is not OK,
 * check.problem says why. */
MUST_USE enum status signed_request_spent(struct signed_request *it, const struct flow *flow, size_t index);

#endif
