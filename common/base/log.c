#include "base/log.h"

#include "base/clock.h"
#include "base/escape.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static int log_fd = STDERR_FILENO;
static enum log_format log_as = LOG_FORMAT_AUTO;
static _Atomic int current_level = LOG_INFO;
static _Atomic uint64_t lost;

void log_init(int fd, enum log_level level, enum log_format format)
{
    log_fd = fd;
    log_as = format;
    log_set_level(level);
}

void log_set_level(enum log_level level)
{
    atomic_store_explicit(&current_level, (int)level, memory_order_relaxed);
}

enum log_level log_level(void)
{
    return (enum log_level)atomic_load_explicit(&current_level, memory_order_relaxed);
}

uint64_t log_lines_lost(void)
{
    return atomic_load_explicit(&lost, memory_order_relaxed);
}

const char *log_level_name(enum log_level level)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    return names[level];
}

/* 2026-11-24T01:02:03.456Z */
static void add_time(struct buf *out, int64_t wall_ms)
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm utc = {0};
    char text[32];
    (void)gmtime_r(&seconds, &utc);
    size_t len = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
    buf_add(out, slice_of(text, len));
    buf_addf(out, ".%03dZ", (int)(wall_ms % 1000));
}

static void add_number(struct buf *out, const struct log_field *field)
{
    if (field->kind == LOG_KIND_BOOL)
        buf_add_str(out, field->number ? "true" : "false");
    else if (field->kind == LOG_KIND_NS)
        buf_addf(out, "%lld.%03lld", (long long)(field->number / 1000000), (long long)(field->number / 1000 % 1000));
    else
        buf_add_i64(out, field->number);
}

/* Room that is kept for what ends a line that is too long. */
enum { ENDING_BYTES = 32 };

static void add_quoted(struct buf *out, struct slice text, bool *cut)
{
    size_t before = out->len;
    buf_add_byte(out, '"');
    escape_json(out, text);
    if (out->len > LOG_LINE_BYTES - ENDING_BYTES - 2) {
        out->len = before + 1; /* the whole value goes: half an escape would break the line */
        *cut = true;
    }
    buf_add_byte(out, '"');
}

/* A value that needs no quotes in a line of text. */
static bool is_bare(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c <= ' ' || c >= 0x7F || c == '"' || c == '=' || c == '\\')
            return false;
    }
    return text.len > 0;
}

static void add_text(struct buf *out, struct slice text, bool json, bool *cut)
{
    if (!json && is_bare(text) && text.len < LOG_LINE_BYTES - ENDING_BYTES - out->len)
        buf_add(out, text);
    else
        add_quoted(out, text, cut);
}

static void add_field(struct buf *out, const struct log_field *field, bool json, bool *cut)
{
    enum { NAME_BYTES = 64 };
    if (field->kind == LOG_KIND_SLICE && slice_is_absent(field->slice))
        return;
    if (out->len + NAME_BYTES > LOG_LINE_BYTES - ENDING_BYTES) {
        *cut = true;
        return;
    }
    buf_addf(out, json ? ",\"%s\":" : " %s=", field->name);
    if (field->kind == LOG_KIND_SLICE)
        add_text(out, field->slice, json, cut);
    else
        add_number(out, field);
}

static bool is_json(enum log_format format)
{
    return format == LOG_FORMAT_JSON || (format == LOG_FORMAT_AUTO && !isatty(log_fd));
}

void log_format_line(struct buf *out, enum log_format format, int64_t wall_ms, enum log_level level,
                     const char *message, const struct log_field *fields, size_t field_count)
{
    bool json = is_json(format);
    bool cut = false;
    struct buf line = BUF_INIT;
    buf_add_str(&line, json ? "{\"time\":\"" : "");
    add_time(&line, wall_ms);
    if (json) {
        buf_addf(&line, "\",\"level\":\"%s\",\"message\":", log_level_name(level));
        add_quoted(&line, slice_str(message), &cut);
    } else {
        buf_addf(&line, " %-5s %s", log_level_name(level), message);
    }
    for (size_t i = 0; i < field_count; i++)
        add_field(&line, &fields[i], json, &cut);
    if (cut)
        buf_add_str(&line, json ? ",\"cut\":true" : " cut=true");
    buf_add_str(&line, json ? "}\n" : "\n");
    if (line.failed)
        out->failed = true;
    else
        buf_add(out, buf_slice(&line));
    buf_done(&line);
}

void log_write(enum log_level level, const char *message, const struct log_field *fields, size_t field_count)
{
    if (!log_enabled(level))
        return;
    struct clock clock = clock_system(0);
    struct buf line = BUF_INIT;
    log_format_line(&line, log_as, clock_wall_ms(&clock), level, message, fields, field_count);
    ssize_t written = -1;
    do
        written = line.failed ? -1 : write(log_fd, line.ptr, line.len);
    while (written < 0 && !line.failed && errno == EINTR);
    if (written != (ssize_t)line.len || line.failed)
        atomic_fetch_add_explicit(&lost, 1, memory_order_relaxed);
    buf_done(&line);
}
