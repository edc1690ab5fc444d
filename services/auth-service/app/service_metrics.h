/* service_metrics: what auth-service counts beside what every service counts (docs/metrics.md). */
#ifndef COUNTERSIGN_AUTH_SERVICE_APP_SERVICE_METRICS_H
#define COUNTERSIGN_AUTH_SERVICE_APP_SERVICE_METRICS_H

#include "base/attributes.h"
#include "base/metrics.h"
#include "base/status.h"

/* oauth1_tokens_issued_total{type} */
enum token_type { TOKEN_TYPE_TEMPORARY, TOKEN_TYPE_TOKEN };
extern struct metric tokens_issued;

/* oauth1_authorizations_total{result} */
enum authorization_result { AUTHORIZATION_GRANTED, AUTHORIZATION_DENIED, AUTHORIZATION_FAILED };
extern struct metric authorizations;

/* oauth1_tokens_revoked_total */
extern struct metric tokens_revoked;

/* Once, before the loops run. */
MUST_USE enum status service_metrics_register(void);

#endif
