#include "app/service_metrics.h"

static const char *const token_types[] = {
    [TOKEN_TYPE_TEMPORARY] = "temporary",
    [TOKEN_TYPE_TOKEN] = "token",
};

struct metric tokens_issued = {
    .kind = METRIC_COUNTER,
    .name = "oauth1_tokens_issued_total",
    .help = "Credentials issued.",
    .labels = {{"type", token_types, COUNT_OF(token_types)}},
    .label_count = 1,
    .show_zero = true,
};

static const char *const authorization_results[] = {
    [AUTHORIZATION_GRANTED] = "granted",
    [AUTHORIZATION_DENIED] = "denied",
    [AUTHORIZATION_FAILED] = "failed",
};

struct metric authorizations = {
    .kind = METRIC_COUNTER,
    .name = "oauth1_authorizations_total",
    .help = "Decisions of resource owners, and attempts that failed.",
    .labels = {{"result", authorization_results, COUNT_OF(authorization_results)}},
    .label_count = 1,
    .show_zero = true,
};

struct metric tokens_revoked = {
    .kind = METRIC_COUNTER,
    .name = "oauth1_tokens_revoked_total",
    .help = "Revocations that this process heard of: of one token, or of all of a client or a user.",
    .show_zero = true,
};

enum status service_metrics_register(void)
{
    TRY(metrics_register(&tokens_issued));
    TRY(metrics_register(&tokens_revoked));
    return metrics_register(&authorizations);
}
