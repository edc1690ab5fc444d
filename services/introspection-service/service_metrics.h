/* service_metrics: what introspection-service counts beside what every service counts (api.md §6). */
#ifndef COUNTERSIGN_INTROSPECTION_SERVICE_SERVICE_METRICS_H
#define COUNTERSIGN_INTROSPECTION_SERVICE_SERVICE_METRICS_H

#include "base/attributes.h"
#include "base/metrics.h"
#include "base/status.h"

/* oauth1_verifications_total{dialect,result}; results are verdict.h's. */
enum dialect { DIALECT_INTROSPECT };
extern struct metric verifications;

/* oauth1_nonce_replays_total */
extern struct metric nonce_replays;

/* Once, before the loops run. */
MUST_USE enum status service_metrics_register(void);

#endif
