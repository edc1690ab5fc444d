#include "service_metrics.h"

#include "verdict.h"

static const char *const dialects[DIALECT_COUNT] = {
    [DIALECT_INTROSPECT] = "introspect",     [DIALECT_BATCH] = "batch",         [DIALECT_VERIFY] = "verify",
    [DIALECT_AUTH_REQUEST] = "auth_request", [DIALECT_EXT_AUTHZ] = "ext_authz",
};

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

static struct metric verifications = {
    .kind = METRIC_COUNTER,
    .name = "oauth1_verifications_total",
    .help = "Described requests that were judged, by verdict.",
    .labels = {{"dialect", dialects, COUNT_OF(dialects)}, {"result", results, COUNT_OF(results)}},
    .label_count = 2,
    .show_zero = true,
};

static struct metric nonce_replays = {
    .kind = METRIC_COUNTER,
    .name = "oauth1_nonce_replays_total",
    .help = "Requests whose signature held and whose nonce was spent before.",
    .show_zero = true,
};

const char *service_metrics_dialect(enum dialect dialect)
{
    return dialects[dialect];
}

enum status service_metrics_register(void)
{
    TRY(metrics_register(&verifications));
    return metrics_register(&nonce_replays);
}

void service_metrics_count_verdict(enum dialect dialect, enum status status)
{
    enum verdict_result result = verdict_result_of(status);
    metric_count(&verifications, metric_series(&verifications, dialect, result, 0));
    if (result == VERDICT_NONCE_USED)
        metric_count(&nonce_replays, 0);
}
