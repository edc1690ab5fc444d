/* verdict: the answer about one described request, in the field names of RFC 7662 §2.2. */
#ifndef COUNTERSIGN_INTROSPECTION_SERVICE_VERDICT_H
#define COUNTERSIGN_INTROSPECTION_SERVICE_VERDICT_H

#include "config/config.h"
#include "explain/explain.h"
#include "verify/check.h"
#include "json/json_writer.h"

/* Writes the whole object. `explanation` (NULL: not asked for) becomes its member `explain`. */
void verdict_write(const struct check *check, const struct config *config, const struct explanation *explanation,
                   struct json_writer *w);

/* The scopes that a request carries: the token's, or, two-legged, the client's. */
struct slice verdict_scope(const struct check *check);

/* "verified", "unchecked", or NULL where there is none. */
const char *verdict_body_hash(enum body_hash body_hash);

/* The verdict as a label of oauth1_verifications_total. */
enum verdict_result {
    VERDICT_ACTIVE,
    VERDICT_SIGNATURE_INVALID,
    VERDICT_NONCE_USED,
    VERDICT_TIMESTAMP_REFUSED,
    VERDICT_CLIENT_REFUSED,
    VERDICT_TOKEN_REFUSED,
    VERDICT_SCOPE_INSUFFICIENT,
    VERDICT_MALFORMED,
    VERDICT_UNAVAILABLE,
    VERDICT_RESULT_COUNT
};
enum verdict_result verdict_result_of(enum status status);

#endif
