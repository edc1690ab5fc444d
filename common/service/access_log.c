#include "service/access_log.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "http/http_server.h"
#include "service/line_budget.h"

#include <stdlib.h>

enum { LOGGED_PATH_BYTES = 256 };

/* What one loop has not written yet. */
struct pending {
    struct deferred flush;
    size_t len;
    char lines[LOG_LINE_BYTES];
};

struct access_log {
    struct line_budget information;
    struct line_budget errors;
    struct line_budget unavailable; /* 503 */
    size_t loop_count;
    struct pending pending[];
};

static struct metric left_out = {
    .kind = METRIC_COUNTER,
    .name = "oauth1_access_lines_left_out_total",
    .help = "Lines about requests beyond what is written in a second.",
    .show_zero = true,
};

struct access_log *access_log_new(size_t loop_count)
{
    if (metrics_register(&left_out) != STATUS_OK)
        return NULL;
    struct access_log *log = calloc(1, sizeof *log + loop_count * sizeof log->pending[0]);
    if (!log)
        return NULL;
    log->loop_count = loop_count;
    log->information.lines_a_second = log->errors.lines_a_second = LINES_A_SECOND;
    log->unavailable.lines_a_second = UNAVAILABLE_LINES_A_SECOND;
    return log;
}

/* ---- so many lines a second ---- */

/* What was left out in a second that is over. */
static void tell_left_out(uint64_t lines, enum log_level level)
{
    if (lines)
        log_line(LOG_WARN, "requests without a line of their own: more came in a second than are logged",
                 LOG_INT("requests", lines), LOG_TEXT("of_level", log_level_name(level)));
}

static bool may_log(struct line_budget *budget, enum log_level level)
{
    uint64_t lines = 0;
    bool may = line_budget_take(budget, &lines);
    tell_left_out(lines, level);
    return may;
}

/* ---- lines ---- */

static void flush_lines(void *context)
{
    struct pending *pending = context;
    if (pending->len)
        log_write_lines(LOG_INFO, slice_of(pending->lines, pending->len));
    pending->len = 0;
}

static void collect_line(struct pending *pending, struct loop *loop, struct slice line)
{
    if (line.len > sizeof pending->lines - pending->len)
        flush_lines(pending);
    memcpy(pending->lines + pending->len, line.ptr, line.len);
    pending->len += line.len;
    loop_defer(loop, &pending->flush, flush_lines, pending);
}

/* An unknown method (501) or version (505) says something of the client alone. */
static bool is_our_fault(int http_status)
{
    return http_status >= 500 && http_status != 501 && http_status != 505;
}

/* What leads nowhere has no handler that tells which path it was; of all others it does. */
static struct slice path_to_nowhere(const struct request *request, int http_status)
{
    return http_status == 404 ? slice_sub(request->path, 0, LOGGED_PATH_BYTES) : SLICE_ABSENT;
}

static struct line_budget *budget_of(struct access_log *log, int http_status)
{
    if (http_status == 503)
        return &log->unavailable;
    return is_our_fault(http_status) ? &log->errors : &log->information;
}

void access_log_add(struct access_log *log, const struct request *request, int http_status, int64_t duration_ns)
{
    bool is_error = is_our_fault(http_status);
    enum log_level level = is_error ? LOG_ERROR : LOG_INFO;
    if (!log_enabled(level))
        return;
    if (!may_log(budget_of(log, http_status), level)) {
        metric_count(&left_out, 0);
        return;
    }
    const struct clock clock = clock_system(0);
    const struct log_field fields[] = {
        LOG_REQUEST(request_id(request)),
        LOG_TEXT("handler", request->route ? request->route->name : "none"),
        LOG_SLICE("method", request->method),
        LOG_INT("status", http_status),
        LOG_NS("duration_ms", duration_ns),
        LOG_TEXT("peer", request->peer.text),
        LOG_SLICE("path", path_to_nowhere(request, http_status)),
    };
    char memory[LOG_LINE_BYTES];
    struct buf line = buf_fixed(memory, sizeof memory);
    struct pending *pending = &log->pending[request->loop_index];
    log_format_line(&line, LOG_FORMAT_AUTO, clock_wall_ms(&clock), level, "request", fields, COUNT_OF(fields));
    if (is_error) { /* has room in the queue of lines where others have none */
        flush_lines(pending);
        log_write_lines(level, buf_slice(&line));
    } else {
        collect_line(pending, request->loop, buf_slice(&line));
    }
}

void access_log_free(struct access_log *log)
{
    if (!log)
        return;
    tell_left_out(line_budget_left_out(&log->information), LOG_INFO);
    tell_left_out(line_budget_left_out(&log->errors) + line_budget_left_out(&log->unavailable), LOG_ERROR);
    free(log);
}
