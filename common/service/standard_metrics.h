/* standard_metrics: what every service counts (docs/metrics.md), fed by the observers of http and loop. */
#ifndef COUNTERSIGN_SERVICE_STANDARD_METRICS_H
#define COUNTERSIGN_SERVICE_STANDARD_METRICS_H

#include "base/attributes.h"
#include "base/status.h"
#include "http/http_server.h"
#include "loop/observer.h"

#include <stdbool.h>
#include <stddef.h>

/* Before the metrics are registered: the labels `handler` and `phase` are the routes' and their steps' names. */
void standard_metrics_add_routes(const struct route *routes, size_t route_count);
/* Registers them; `store` names the stores. */
MUST_USE enum status standard_metrics_register(const char *const *stores, size_t store_count);

/* http_observer.closed. */
void standard_metrics_closed(enum http_closing why);
/* Counts a reply; for the http servers' observer. */
void standard_metrics_replied(const struct request *request, int http_status, int64_t duration_ns);
/* For loops, pools and stores: phases are counted, events logged. */
const struct observer *standard_metrics_observer(void);

/* oauth1_store_up{store}, by the index of registration. */
void standard_metrics_store_up(size_t store, bool up);
/* oauth1_degraded. */
void standard_metrics_degraded(bool is_degraded);
/* http_requests_in_flight, as read just before it is shown. */
void standard_metrics_in_flight(size_t count);
/* oauth1_log_lines_dropped_total, likewise; on the thread that shows the metrics. */
void standard_metrics_log(void);

#endif
