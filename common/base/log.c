#include "base/log.h"

#include "base/clock.h"
#include "base/escape.h"
#include "base/log_writer.h"

#include <errno.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

enum {
    VALUE_BYTES = 1024,  /* of one field, before escaping */
    RESERVED_BYTES = 24, /* for the mark of a cut line and its end */
};

static int log_fd = STDERR_FILENO;
static enum log_format log_format = LOG_FORMAT_AUTO;
static _Atomic int current_level = LOG_INFO;
static _Atomic uint64_t lines_lost;
static struct log_writer *writer; /* NULL: lines are written at once */

static enum log_format resolve_format(enum log_format format, int fd)
{
    if (format != LOG_FORMAT_AUTO)
        return format;
    return isatty(fd) ? LOG_FORMAT_TEXT : LOG_FORMAT_JSON;
}

void log_init(int fd, enum log_level level, enum log_format format)
{
    log_fd = fd;
    log_format = resolve_format(format, fd);
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
    return atomic_load_explicit(&lines_lost, memory_order_relaxed);
}

const char *log_level_name(enum log_level level)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    return names[level];
}

static void add_padded(struct buf *out, unsigned value, unsigned digits)
{
    char text[8];
    for (unsigned i = digits; i-- > 0; value /= 10)
        text[i] = (char)('0' + value % 10);
    buf_add(out, slice_of(text, digits));
}

/* RFC 3339, milliseconds, UTC. A thread's lines mostly share their second. */
static void add_time(struct buf *out, int64_t wall_ms)
{
    static _Thread_local char second_text[] = "1970-01-01T00:00:00";
    static _Thread_local time_t second_shown;
    time_t second = (time_t)(wall_ms / 1000);
    struct tm utc;
    if (second != second_shown && gmtime_r(&second, &utc) &&
        strftime(second_text, sizeof second_text, "%Y-%m-%dT%H:%M:%S", &utc))
        second_shown = second;
    buf_add(out, slice_of(second_text, sizeof second_text - 1));
    buf_add_byte(out, '.');
    add_padded(out, (unsigned)(wall_ms % 1000), 3);
    buf_add_byte(out, 'Z');
}

/* Text that needs no quotes in the text format: no spaces, '=', quotes or anything to escape. */
static bool is_bare(struct slice text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] <= ' ' || text.ptr[i] > '~' || strchr("\"\\=", text.ptr[i]))
            return false;
    return text.len > 0;
}

static void add_text(struct buf *out, struct slice text, bool quoted)
{
    struct slice shown = slice_cut_utf8(text, VALUE_BYTES);
    if (quoted)
        buf_add_byte(out, '"');
    escape_json(out, shown);
    if (shown.len < text.len)
        buf_add(out, SLICE("…"));
    if (quoted)
        buf_add_byte(out, '"');
}

static void add_field_value(struct buf *out, enum log_format format, const struct log_field *field)
{
    switch (field->kind) {
    case LOG_KIND_SLICE:
        add_text(out, field->slice, format == LOG_FORMAT_JSON || !is_bare(field->slice));
        return;
    case LOG_KIND_INT:
        buf_add_i64(out, field->number);
        return;
    case LOG_KIND_BOOL:
        buf_add_str(out, field->number ? "true" : "false");
        return;
    case LOG_KIND_NS:
        buf_add_i64(out, field->number / 1000000);
        buf_add_byte(out, '.');
        add_padded(out, (unsigned)(field->number / 1000 % 1000), 3);
        return;
    }
}

static void add_field(struct buf *out, enum log_format format, const struct log_field *field)
{
    bool json = format == LOG_FORMAT_JSON;
    buf_add_str(out, json ? ",\"" : " ");
    buf_add_str(out, field->name);
    buf_add_str(out, json ? "\":" : "=");
    add_field_value(out, format, field);
}

static void add_head(struct buf *out, enum log_format format, int64_t wall_ms, enum log_level level,
                     const char *message)
{
    static const char *const padded[] = {" debug ", " info  ", " warn  ", " error "};
    bool json = format == LOG_FORMAT_JSON;
    buf_add_str(out, json ? "{\"time\":\"" : "");
    add_time(out, wall_ms);
    if (json) {
        buf_add_str(out, "\",\"level\":\"");
        buf_add_str(out, log_level_name(level));
        buf_add_str(out, "\",\"message\":\"");
    } else {
        buf_add_str(out, padded[level]);
    }
    add_text(out, slice_str(message), false);
    buf_add_str(out, json ? "\"" : "");
}

void log_format_line(struct buf *out, enum log_format format, int64_t wall_ms, enum log_level level,
                     const char *message, const struct log_field *fields, size_t field_count)
{
    char memory[LOG_LINE_BYTES - RESERVED_BYTES];
    struct buf line = buf_fixed(memory, sizeof memory);
    bool cut = false;
    format = resolve_format(format == LOG_FORMAT_AUTO ? log_format : format, log_fd);
    add_head(&line, format, wall_ms, level, message);
    size_t whole = line.len; /* up to here nothing is cut in two */
    for (size_t i = 0; i < field_count && !line.failed; i++) {
        if (fields[i].kind != LOG_KIND_SLICE || !slice_is_absent(fields[i].slice))
            add_field(&line, format, &fields[i]);
        cut = line.failed;
        whole = cut ? whole : line.len;
    }
    buf_add(out, slice_of(memory, whole));
    if (cut)
        buf_add_str(out, format == LOG_FORMAT_JSON ? ",\"truncated\":true" : " truncated=true");
    buf_add_str(out, format == LOG_FORMAT_JSON ? "}\n" : "\n");
}

/* A line that a full pipe takes in part is finished, or the next one would begin in its middle. */
static bool write_whole(int fd, struct slice line)
{
    size_t written = 0;
    while (written < line.len) {
        ssize_t done = write(fd, line.ptr + written, line.len - written);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return false;
        written += (size_t)done;
    }
    return true;
}

void log_writer_start(void)
{
    writer = log_writer_new(log_fd, &lines_lost);
}

void log_writer_stop_blocking(unsigned timeout_ms)
{
    if (writer && log_writer_free_blocking(writer, timeout_ms))
        writer = NULL;
}

void log_write_lines(enum log_level level, struct slice lines)
{
    int error = errno;
    if (writer)
        log_writer_add(writer, level, lines);
    else if (!write_whole(log_fd, lines))
        atomic_fetch_add_explicit(&lines_lost, 1, memory_order_relaxed);
    errno = error;
}

void log_write(enum log_level level, const char *message, const struct log_field *fields, size_t field_count)
{
    char memory[LOG_LINE_BYTES];
    struct buf line = buf_fixed(memory, sizeof memory);
    struct clock clock = clock_system(0);
    if (!log_enabled(level))
        return;
    log_format_line(&line, LOG_FORMAT_AUTO, clock_wall_ms(&clock), level, message, fields, field_count);
    log_write_lines(level, buf_slice(&line));
}
