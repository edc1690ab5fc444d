/* oauth_steps: the steps that initiate and token share: they parse, verify and spend. request->state is a struct that
 * begins with a struct signed_request. Each answers STEP_NEXT where all is well so far; where it refuses, the step that
 * calls it answers with its result, and the flow leaves its table (oauth_quota_refuse). */
#ifndef COUNTERSIGN_AUTH_SERVICE_PROTOCOL_OAUTH_STEPS_H
#define COUNTERSIGN_AUTH_SERVICE_PROTOCOL_OAUTH_STEPS_H

#include "http/request.h"
#include "verify/signed_request.h"

#include <stddef.h>

/* Makes request->state of so many bytes, and describes and parses the request. */
enum step_result oauth_parse(struct flow *flow, enum check_purpose purpose, size_t state_size);
/* Judges the signature, after what it needs was loaded. The client came by the index-th ticket. */
enum step_result oauth_verify(struct flow *flow, size_t client_index);
/* Spends the nonce, and waits for it. This is a step of its own. */
enum step_result oauth_spend(struct flow *flow);
/* Says what became of the nonce. STEP_NEXT: it was new, or there is none. */
enum step_result oauth_take_spent(struct flow *flow);

#endif
