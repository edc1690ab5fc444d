#include "decision/decision_log.h"

#include "base/log.h"
#include "base/metrics.h"
#include "http/http_server.h"
#include "oauth/url.h"
#include "service/forwarded.h"
#include "service/line_budget.h"

enum { SAMPLED_ONE_IN = 100, ORIGIN_BYTES = 320 };

static struct metric left_out = {
    .kind = METRIC_COUNTER,
    .name = "oauth1_decision_lines_left_out_total",
    .help = "Lines about decisions beyond what is written in a second.",
    .show_zero = true,
};

#define S(seconds) (UINT64_C(1000000000) * (seconds))
static const uint64_t clock_buckets[] = {S(1),   S(2),   S(5),   S(10),   S(30),   S(60),
                                         S(120), S(300), S(600), S(3600), S(86400)};
#undef S

static const char *const directions[] = {"behind", "ahead"};

static struct metric client_clock = {
    .kind = METRIC_HISTOGRAM,
    .name = "oauth1_client_clock_seconds",
    .help = "How far the timestamps of clients that are known are from the stores' clock.",
    .labels = {{"direction", directions, COUNT_OF(directions)}},
    .label_count = 1,
    .bucket_ns = clock_buckets,
    .bucket_count = COUNT_OF(clock_buckets),
    .show_zero = true,
};

static struct line_budget budget = {.lines_a_second = LINES_A_SECOND};
static struct line_budget unavailable_budget = {.lines_a_second = UNAVAILABLE_LINES_A_SECOND};

enum status decision_log_register(void)
{
    TRY(metrics_register(&left_out));
    return metrics_register(&client_clock);
}

/* ---- the client's clock ---- */

static bool has_clock(const struct decision *it)
{
    return it->check && it->check->client && it->check->timestamp_s > 0 && it->check->judged_ms > 0;
}

static int64_t clock_difference_s(const struct decision *it)
{
    return it->check->timestamp_s - it->check->judged_ms / 1000;
}

/* How long ago a nonce that was there already came first, at most. No store keeps when it came; but it could not have
 * been accepted before its timestamp was within the lead. */
static int64_t longest_nonce_age_s(const struct decision *it)
{
    int64_t age_s = it->check->rules->lead_s - clock_difference_s(it);
    return age_s > 0 ? age_s : 0;
}

/* Of timestamps that a signature vouches for, and of those that were refused: theirs is the question. */
static void count_clock(const struct decision *it)
{
    bool counts = it->status == STATUS_OK || it->status == STATUS_TIMESTAMP_REFUSED;
    if (!counts || !has_clock(it))
        return;
    int64_t seconds = clock_difference_s(it);
    int64_t away = seconds < 0 ? -seconds : seconds;
    int64_t bounded = away < INT32_MAX ? away : INT32_MAX; /* a client writes any 63 bits */
    metric_observe_ns(&client_clock, seconds > 0, bounded * 1000000000);
}

/* ---- which get a line ---- */

static bool is_sampled(void)
{
    static _Thread_local unsigned seen;
    return seen++ % SAMPLED_ONE_IN == 0;
}

static bool is_wanted(const struct decision *it)
{
    switch (it->config->decision_log) {
    case DECISION_LOG_OFF:
        return false;
    case DECISION_LOG_ALL:
        return true;
    case DECISION_LOG_REFUSED:
        break;
    }
    return it->status != STATUS_OK || is_sampled();
}

static bool may_write(const struct decision *it)
{
    uint64_t lines = 0;
    bool may = line_budget_take(status_is_infrastructure(it->status) ? &unavailable_budget : &budget, &lines);
    if (lines)
        log_line(LOG_WARN, "decisions without a line of their own: more came in a second than are logged",
                 LOG_INT("decisions", lines));
    if (!may)
        metric_count(&left_out, 0);
    return may;
}

/* ---- the line ---- */

static const char *verdict_of(enum status status)
{
    if (status == STATUS_OK)
        return "active";
    return status_is_infrastructure(status) ? "unavailable" : "refused";
}

static const char *code_of(enum status status)
{
    if (status == STATUS_OK)
        return NULL;
    return status_is_infrastructure(status) ? status_error(status) : status_problem(status);
}

static struct slice jti_of(const struct decision *it)
{
    if (!slice_is_absent(it->jti) || !it->check || !it->check->token)
        return it->jti;
    return it->check->token->jti;
}

static struct slice sub_of(const struct decision *it)
{
    return it->check && it->check->token ? it->check->token->subject : SLICE_ABSENT;
}

static struct slice method_name(const struct check *check)
{
    return check->message.signature_method ? check->message.signature_method->name : SLICE_ABSENT;
}

static void write_line(const struct decision *it)
{
    static const struct check nothing;
    const struct check *check = it->check ? it->check : &nothing;
    char memory[ORIGIN_BYTES];
    struct buf origin = buf_fixed(memory, sizeof memory);
    if (check->message.url.host.len)
        oauth_url_write_origin(&check->message.url, &origin);
    struct log_field fields[16] = {
        LOG_REQUEST(request_id(it->request)),
        LOG_TEXT("handler", it->request->route ? it->request->route->name : "none"),
        LOG_TEXT("verdict", verdict_of(it->status)),
        LOG_TEXT("code", code_of(it->status)),
        LOG_SLICE("client_id", check->client ? check->client->client_id : SLICE_ABSENT),
        LOG_SLICE("jti", jti_of(it)),
        LOG_SLICE("sub", sub_of(it)),
        LOG_SLICE("caller", it->caller),
        LOG_SLICE("method", check->message.url.host.len ? check->message.method : SLICE_ABSENT),
        LOG_SLICE("origin", origin.len && !origin.failed ? buf_slice(&origin) : SLICE_ABSENT),
        LOG_SLICE("path", check->message.url.host.len ? check->message.url.path : SLICE_ABSENT),
        LOG_SLICE("address", forwarded_client_address(it->request, &it->config->trusted_proxies)),
        LOG_SLICE("signature_method", method_name(check)),
    };
    size_t count = 13;
    if (has_clock(it))
        fields[count++] = LOG_INT("clock_difference_s", clock_difference_s(it));
    if (has_clock(it) && it->status == STATUS_NONCE_USED)
        fields[count++] = LOG_INT("nonce_age_max_s", longest_nonce_age_s(it));
    if (it->guard_s > 0)
        fields[count++] = LOG_INT("guard_s", it->guard_s);
    log_write(LOG_INFO, "decision", fields, count);
}

void decision_log_note(const struct decision *it)
{
    count_clock(it);
    if (is_wanted(it) && log_enabled(LOG_INFO) && may_write(it))
        write_line(it);
}
