#include "service/standard_metrics.h"

#include "base/log.h"
#include "base/metrics.h"

enum { HANDLERS_MAX = 48, PHASES_MAX = 64 };

static const char *handlers[HANDLERS_MAX] = {"none"};
static const char *phases[PHASES_MAX] = {"other"};
static const char *const versions[] = {COUNTERSIGN_VERSION};
static const char *const methods[] = {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "other"};
static const char *const codes[] = {"200", "201", "204", "302", "303", "304", "400", "401", "403", "404",  "405",
                                    "409", "412", "413", "415", "429", "431", "500", "501", "503", "other"};

static struct metric requests = {
    .kind = METRIC_COUNTER,
    .name = "http_requests_total",
    .help = "Requests that were answered.",
    .labels = {{"handler", handlers, 1}, {"method", methods, COUNT_OF(methods)}, {"code", codes, COUNT_OF(codes)}},
    .label_count = 3,
};

static struct metric durations = {
    .kind = METRIC_HISTOGRAM,
    .name = "http_request_duration_seconds",
    .help = "From a request's last byte to its reply.",
    .labels = {{"handler", handlers, 1}},
    .label_count = 1,
};

static struct metric in_flight = {
    .kind = METRIC_LEVEL,
    .name = "http_requests_in_flight",
    .help = "Requests that were received and not answered yet.",
    .show_zero = true,
};

static struct metric phase_durations = {
    .kind = METRIC_HISTOGRAM,
    .name = "oauth1_verify_phase_seconds",
    .help = "Time of each step of an endpoint, its wait included.",
    .labels = {{"phase", phases, 1}},
    .label_count = 1,
};

static struct metric store_up = {
    .kind = METRIC_LEVEL,
    .name = "oauth1_store_up",
    .help = "Whether the store answered just now (at most a second ago).",
    .label_count = 1,
    .show_zero = true,
};

static struct metric degraded = {
    .kind = METRIC_LEVEL,
    .name = "oauth1_degraded",
    .help = "1 while a store or a part of it does not answer, so that some requests or all are refused.",
    .show_zero = true,
};

static const char *const closings[HTTP_CLOSINGS] = {
    [HTTP_CLOSED_AT_CAP] = "cap",
    [HTTP_CLOSED_SLOW] = "slow",
    [HTTP_CLOSED_IDLE] = "idle",
    [HTTP_CLOSED_UNREAD] = "unread",
    [HTTP_CLOSED_LINGERED] = "linger",
    [HTTP_CLOSED_ADDRESS] = "address",
    [HTTP_CLOSED_PLAIN_HTTP] = "plain_http",
};

static struct metric connections_closed = {
    .kind = METRIC_COUNTER,
    .name = "oauth1_connections_closed_total",
    .help = "Connections that the service closed by itself.",
    .labels = {{"reason", closings, HTTP_CLOSINGS}},
    .label_count = 1,
    .show_zero = true,
};

static struct metric build_info = {
    .kind = METRIC_LEVEL,
    .name = "oauth1_build_info",
    .help = "The running version.",
    .labels = {{"version", versions, 1}},
    .label_count = 1,
    .show_zero = true,
};

static struct metric log_lines_dropped = {
    .kind = METRIC_COUNTER,
    .name = "oauth1_log_lines_dropped_total",
    .help = "Lines that were not written: they came faster than they were read, or could not be written.",
    .show_zero = true,
};

/* The index of a name in a list that began with one for all others; added if there is room. */
static void add_name(const char **names, size_t max, size_t *count, const char *name)
{
    for (size_t i = 0; i < *count; i++)
        if (strcmp(names[i], name) == 0)
            return;
    if (*count < max)
        names[(*count)++] = name;
}

static size_t index_of(const char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (names[i] == name)
            return i;
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return 0;
}

void standard_metrics_add_routes(const struct route *routes, size_t route_count)
{
    size_t handler_count = requests.labels[0].count;
    size_t phase_count = phase_durations.labels[0].count;
    for (size_t i = 0; i < route_count; i++) {
        add_name(handlers, HANDLERS_MAX, &handler_count, routes[i].name);
        for (const struct step *step = routes[i].steps; step->name; step++)
            add_name(phases, PHASES_MAX, &phase_count, step->name);
    }
    requests.labels[0].count = handler_count;
    durations.labels[0].count = handler_count;
    phase_durations.labels[0].count = phase_count;
}

enum status standard_metrics_register(const char *const *stores, size_t store_count)
{
    durations.bucket_ns = metric_buckets_request;
    durations.bucket_count = metric_buckets_request_count;
    phase_durations.bucket_ns = metric_buckets_step;
    phase_durations.bucket_count = metric_buckets_step_count;
    store_up.labels[0] = (struct metric_label){"store", stores, store_count};
    struct metric *all[] = {&requests,           &durations,  &in_flight,         &phase_durations,
                            &connections_closed, &build_info, &log_lines_dropped, &degraded};
    for (size_t i = 0; i < COUNT_OF(all); i++)
        TRY(metrics_register(all[i]));
    if (store_count)
        TRY(metrics_register(&store_up));
    metric_set(&build_info, 0, 1);
    return STATUS_OK;
}

static size_t method_index(struct slice method)
{
    for (size_t i = 0; i + 1 < COUNT_OF(methods); i++)
        if (slice_eq(method, slice_str(methods[i])))
            return i;
    return COUNT_OF(methods) - 1;
}

static size_t code_index(int http_status)
{
    char text[3] = {(char)('0' + http_status / 100 % 10), (char)('0' + http_status / 10 % 10),
                    (char)('0' + http_status % 10)};
    for (size_t i = 0; i + 1 < COUNT_OF(codes); i++)
        if (memcmp(codes[i], text, sizeof text) == 0)
            return i;
    return COUNT_OF(codes) - 1;
}

void standard_metrics_replied(const struct request *request, int http_status, int64_t duration_ns)
{
    const char *name = request->route ? request->route->name : handlers[0];
    size_t handler = index_of(handlers, requests.labels[0].count, name);
    size_t method = method_index(request->method);
    metric_count(&requests, metric_series(&requests, handler, method, code_index(http_status)));
    metric_observe_ns(&durations, (uint32_t)handler, duration_ns);
}

void standard_metrics_closed(enum http_closing why)
{
    metric_count(&connections_closed, (uint32_t)why);
}

static void on_phase(void *context, const char *handler, const char *step, int64_t duration_ns)
{
    (void)context, (void)handler;
    metric_observe_ns(&phase_durations, (uint32_t)index_of(phases, phase_durations.labels[0].count, step), duration_ns);
}

static void on_event(void *context, const char *source, const char *what, const char *detail)
{
    (void)context;
    bool is_good = strcmp(what, "connected") == 0 || strcmp(what, "reconnected") == 0;
    log_line(is_good ? LOG_INFO : LOG_WARN, "background event", LOG_TEXT("source", source), LOG_TEXT("what", what),
             LOG_TEXT("detail", detail));
}

const struct observer *standard_metrics_observer(void)
{
    static const struct observer observer = {.phase = on_phase, .event = on_event};
    return &observer;
}

void standard_metrics_store_up(size_t store, bool up)
{
    metric_set(&store_up, (uint32_t)store, up);
}

void standard_metrics_degraded(bool is_degraded)
{
    metric_set(&degraded, 0, is_degraded);
}

void standard_metrics_in_flight(size_t count)
{
    metric_set(&in_flight, 0, (int64_t)count);
}

void standard_metrics_log(void)
{
    uint64_t shown = metric_value(&log_lines_dropped, 0);
    metric_add(&log_lines_dropped, 0, (int64_t)(log_lines_lost() - shown));
}
