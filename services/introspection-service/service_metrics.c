#include "service_metrics.h"

#include "verdict.h"

static const char *const dialects[] = {[DIALECT_INTROSPECT] = "introspect"};

static const char *const results[VERDICT_RESULT_COUNT] = {
    [VERDICT_ACTIVE] = "active",
    [VERDICT_SIGNATURE_INVALID] = "signature_invalid",
    [VERDICT_NONCE_USED] = "nonce_used",
    [VERDICT_TIMESTAMP_REFUSED] = "timestamp_refused",
    [VERDICT_CLIENT_REFUSED] = "client_refused",
    [VERDICT_TOKEN_REFUSED] = "token_refused",
    [VERDICT_SCOPE_INSUFFICIENT] = "scope_insufficient",
    [VERDICT_MALFORMED] = "malformed",
    [VERDICT_UNAVAILABLE] = "unavailable",
};

struct metric verifications = {
    .kind = METRIC_COUNTER,
    .name = "oauth1_verifications_total",
    .help = "Described requests that were judged, by verdict.",
    .labels = {{"dialect", dialects, COUNT_OF(dialects)}, {"result", results, COUNT_OF(results)}},
    .label_count = 2,
    .show_zero = true,
};

struct metric nonce_replays = {
    .kind = METRIC_COUNTER,
    .name = "oauth1_nonce_replays_total",
    .help = "Requests whose signature held and whose nonce was spent before.",
    .show_zero = true,
};

enum status service_metrics_register(void)
{
    TRY(metrics_register(&verifications));
    return metrics_register(&nonce_replays);
}
