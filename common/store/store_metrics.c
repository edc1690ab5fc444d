#include "store/store_metrics.h"

#include "base/metrics.h"
#include "base/slice.h"

static const char *const stores[] = {[STORE_DATABASE] = "database", [STORE_EPHEMERAL] = "ephemeral"};
static const char *const states[] = {[CONNECTION_IDLE] = "idle", [CONNECTION_BUSY] = "busy"};

static struct metric commands = {
    .kind = METRIC_HISTOGRAM,
    .name = "oauth1_store_command_seconds",
    .help = "From a command's start to its answer; waiting for a free connection is not in it. Memory has none.",
    .labels = {{"store", stores, COUNT_OF(stores)}},
    .label_count = 1,
};

static struct metric connections = {
    .kind = METRIC_GAUGE,
    .name = "oauth1_database_pool_connections",
    .help = "Connections to the database, by what they do.",
    .labels = {{"state", states, COUNT_OF(states)}},
    .label_count = 1,
    .show_zero = true,
};

enum status store_metrics_register(void)
{
    commands.bucket_ns = metric_buckets_request;
    commands.bucket_count = metric_buckets_request_count;
    TRY(metrics_register(&commands));
    return metrics_register(&connections);
}

void store_metrics_command(enum store_kind store, int64_t duration_ns)
{
    metric_observe_ns(&commands, store, duration_ns);
}

void store_metrics_connections(enum connection_state state, int64_t count)
{
    metric_add(&connections, state, count);
}
