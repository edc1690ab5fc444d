/* service_metrics: what introspection-service counts beside what every service counts (docs/metrics.md). */
#ifndef COUNTERSIGN_INTROSPECTION_SERVICE_SERVICE_METRICS_H
#define COUNTERSIGN_INTROSPECTION_SERVICE_SERVICE_METRICS_H

#include "base/attributes.h"
#include "base/metrics.h"
#include "base/status.h"

/* How somebody asked: a label of oauth1_verifications_total{dialect,result}; results are verdict.h's. */
enum dialect {
    DIALECT_INTROSPECT,
    DIALECT_BATCH,
    DIALECT_VERIFY,
    DIALECT_AUTH_REQUEST,
    DIALECT_EXT_AUTHZ,
    DIALECT_COUNT,
};

/* One described request was judged: counts the verdict and, where it is one, the replay
 * (oauth1_nonce_replays_total). */
void service_metrics_count_verdict(enum dialect dialect, enum status status);

/* "auth_request". */
const char *service_metrics_dialect(enum dialect dialect);

/* Once, before the loops run. */
MUST_USE enum status service_metrics_register(void);

#endif
