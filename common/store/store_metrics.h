/* store_metrics: how long the stores take, and what the database's connections do (docs/metrics.md, "Stores"). */
#ifndef COUNTERSIGN_STORE_STORE_METRICS_H
#define COUNTERSIGN_STORE_STORE_METRICS_H

#include "base/attributes.h"
#include "base/status.h"

#include <stdint.h>

/* The label `store`, as in oauth1_store_up. */
enum store_kind { STORE_DATABASE, STORE_EPHEMERAL };

/* Whoever opens a store calls this before there are threads. A second call does nothing. STATUS_NO_MEMORY. */
MUST_USE enum status store_metrics_register(void);

/* oauth1_store_command_seconds: from the moment a command is sent (a database's job: begun) to its answer. */
void store_metrics_command(enum store_kind store, int64_t duration_ns);

enum connection_state { CONNECTION_IDLE, CONNECTION_BUSY };

/* oauth1_database_pool_connections: `count` more (or fewer) are in that state. */
void store_metrics_connections(enum connection_state state, int64_t count);

#endif
