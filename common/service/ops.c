#include "service/ops.h"

#include "base/metrics.h"
#include "service/standard_metrics.h"

enum { READY_CACHE_MS = 1000, READY_TIMEOUT_MS = 500 };

static struct ops *ops_of(const struct request *request)
{
    return request->app;
}

static enum step_result reply_text(struct request *request, int http_status, const char *type, struct slice text)
{
    request_reply_start(request, http_status);
    request_reply_header(request, "Cache-Control", SLICE("no-store"));
    request_reply_body(request, type, text);
    request_reply_send(request);
    return STEP_REPLY;
}

/* ---- /livez, /startupz: the process is there; no dependency ---- */

static enum step_result say_ok(struct flow *flow)
{
    return reply_text(request_of(flow), 200, "text/plain; charset=utf-8", SLICE("ok\n"));
}

static const struct step live[] = {{"live", say_ok}, {NULL, NULL}};

/* ---- /readyz: the stores answer, and nobody asked us to stop ---- */

static enum step_result ask(struct flow *flow)
{
    struct request *request = request_of(flow);
    struct ops *ops = ops_of(request);
    size_t count = ops->service->ready_check_count;
    bool fresh = ops->checked_at_ms && loop_now_ms(request->loop) - ops->checked_at_ms < READY_CACHE_MS;
    struct ticket tickets[READY_CHECKS_MAX];
    if (count == 0 || fresh)
        return STEP_NEXT;
    request->state = ops; /* this request asked, so it keeps the answers */
    flow_wait_group(flow, count, READY_TIMEOUT_MS, tickets);
    for (size_t i = 0; i < count; i++)
        ops->service->ready_checks[i].start(ops->app, request->loop_index, tickets[i]);
    return STEP_WAIT;
}

static void keep_results(struct flow *flow, struct ops *ops)
{
    for (size_t i = 0; i < ops->service->ready_check_count; i++) {
        ops->results[i] = flow_outcome_at(flow, i, NULL);
        standard_metrics_store_up(i, ops->results[i] == STATUS_OK);
    }
    ops->checked_at_ms = loop_now_ms(flow_loop(flow));
}

static void write_notice(const struct ops *ops, struct buf *text)
{
    struct buf notice = BUF_INIT;
    if (ops->service->write_notice)
        ops->service->write_notice(ops->app, &notice);
    if (notice.len)
        buf_addf(text, "[!] %.*s\n", SLICE_ARGS(buf_slice(&notice)));
    buf_done(&notice);
}

static enum step_result say_ready(struct flow *flow)
{
    struct request *request = request_of(flow);
    struct ops *ops = ops_of(request);
    struct buf text = buf_in(&request->arena);
    if (request->state)
        keep_results(flow, ops);
    bool stopping = atomic_load(&ops->stopping);
    bool ready = !stopping;
    for (size_t i = 0; i < ops->service->ready_check_count; i++) {
        bool up = ops->results[i] == STATUS_OK;
        ready = ready && up;
        buf_addf(&text, "[%s] %s%s%s\n", up ? "+" : "-", ops->service->ready_checks[i].name, up ? "" : ": ",
                 up ? "" : status_text(ops->results[i]));
    }
    if (stopping)
        buf_add_str(&text, "[-] stopping\n");
    write_notice(ops, &text);
    if (!slice_starts_with(request->query, SLICE("verbose")))
        text.len = 0;
    buf_add_str(&text, ready ? "ready\n" : "not ready\n");
    return reply_text(request, ready ? 200 : 503, "text/plain; charset=utf-8", buf_slice(&text));
}

static const struct step ready[] = {{"ask", ask}, {"ready", say_ready}, {NULL, NULL}};

/* ---- /metrics ---- */

/* oauth1_store_up is of now, whether or not anybody asks for /readyz. */
static enum step_result show_metrics(struct flow *flow)
{
    struct request *request = request_of(flow);
    struct ops *ops = ops_of(request);
    struct buf text = buf_in(&request->arena);
    if (request->state)
        keep_results(flow, ops);
    standard_metrics_in_flight(ops->in_flight(ops->in_flight_context));
    if (ops->service->measure)
        ops->service->measure(ops->app);
    metrics_write(&text);
    return reply_text(request, text.failed ? 500 : 200, METRICS_CONTENT_TYPE, buf_slice(&text));
}

static const struct step metrics[] = {{"ask", ask}, {"metrics", show_metrics}, {NULL, NULL}};

const struct route ops_routes[] = {
    {.name = "livez", .path = "/livez", .methods = "GET,HEAD", .steps = live},
    {.name = "startupz", .path = "/startupz", .methods = "GET,HEAD", .steps = live},
    {.name = "readyz", .path = "/readyz", .methods = "GET,HEAD", .steps = ready},
    {.name = "metrics", .path = "/metrics", .methods = "GET,HEAD", .steps = metrics},
};
const size_t ops_route_count = COUNT_OF(ops_routes);
