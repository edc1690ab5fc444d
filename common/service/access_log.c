#include "service/access_log.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "http/http_server.h"

#include <stdlib.h>

/* What one loop has not written yet. */
struct pending {
    struct deferred flush;
    size_t len;
    char lines[LOG_LINE_BYTES];
};

struct access_log {
    size_t loop_count;
    struct pending pending[];
};

struct access_log *access_log_new(size_t loop_count)
{
    struct access_log *log = calloc(1, sizeof *log + loop_count * sizeof log->pending[0]);
    if (log)
        log->loop_count = loop_count;
    return log;
}

void access_log_free(struct access_log *log)
{
    free(log);
}

static void flush(void *context)
{
    struct pending *pending = context;
    if (pending->len)
        log_write_lines(slice_of(pending->lines, pending->len));
    pending->len = 0;
}

static void collect(struct pending *pending, struct loop *loop, struct slice line)
{
    if (line.len > sizeof pending->lines - pending->len)
        flush(pending);
    memcpy(pending->lines + pending->len, line.ptr, line.len);
    pending->len += line.len;
    loop_defer(loop, &pending->flush, flush, pending);
}

/* An unknown method (501) or version (505) says something of the client alone. */
static bool is_our_fault(int http_status)
{
    return http_status >= 500 && http_status != 501 && http_status != 505;
}

void access_log_add(struct access_log *log, const struct request *request, int http_status, int64_t duration_ns)
{
    enum log_level level = is_our_fault(http_status) ? LOG_ERROR : LOG_INFO;
    if (!log_enabled(level))
        return;
    const struct clock clock = clock_system(0);
    const struct log_field fields[] = {
        LOG_REQUEST(request_id(request)),     LOG_TEXT("handler", request->route ? request->route->name : "none"),
        LOG_SLICE("method", request->method), LOG_INT("status", http_status),
        LOG_NS("duration_ms", duration_ns),   LOG_TEXT("peer", request->peer.text),
    };
    char memory[LOG_LINE_BYTES];
    struct buf line = buf_fixed(memory, sizeof memory);
    log_format_line(&line, LOG_FORMAT_AUTO, clock_wall_ms(&clock), level, "request", fields, COUNT_OF(fields));
    collect(&log->pending[request->loop_index], request->loop, buf_slice(&line));
}
