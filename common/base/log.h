/* log: structured lines for the people who run the service.
 *
 * Invariants: a line is one JSON object or one line of text, and one write(2) of at most
 * LOG_LINE_BYTES, so that lines of threads and processes never mix; no value can break out of its
 * place (control characters, quotes and bytes that are not UTF-8 are escaped); a value that is too
 * long is cut, and the line says so. Never put a secret into a line: no tokens, secrets, passwords,
 * Authorization headers, bodies, cookies or query strings, also not in part (caller's duty; the
 * tests search for canaries). Libraries do not log: they return a status or call an observer.
 * Any thread may log; log_init comes first, before there are threads. Lines are written at once, or, in a service, by a
 * writer. */
#ifndef COUNTERSIGN_BASE_LOG_H
#define COUNTERSIGN_BASE_LOG_H

#include "base/attributes.h"
#include "base/buf.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    LOG_LINE_BYTES = 4096,
    LOG_QUEUE_BYTES = 1 << 20, /* what may wait for a writer */
};

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

enum log_format {
    LOG_FORMAT_AUTO, /* text on a terminal, JSON elsewhere */
    LOG_FORMAT_JSON,
    LOG_FORMAT_TEXT,
};

/* Before log_init: info and above, to standard error, LOG_FORMAT_AUTO. The descriptor is borrowed. */
void log_init(int fd, enum log_level level, enum log_format format);
/* May be called at any time (SIGHUP). */
void log_set_level(enum log_level level);
enum log_level log_level(void);
static inline bool log_enabled(enum log_level level)
{
    return level >= log_level();
}
/* The number of lines that were dropped because nobody read them, the descriptor was closed or there was no memory. */
uint64_t log_lines_lost(void);

/* Starts a thread that writes the lines, so that nobody who logs waits for the reader of the log. Lines that come
 * faster than they are read are dropped (base/log_writer.h). Call it after log_init. If there is no memory for the
 * thread, lines are written at once, as before. */
void log_writer_start(void);
/* Writes the lines that wait, for at most timeout_ms, and ends the thread; later lines are written at once. If the time
 * does not suffice, the rest is lost, and so are all later lines. Nobody else may log meanwhile. */
void log_writer_stop_blocking(unsigned timeout_ms);

enum log_kind { LOG_KIND_SLICE, LOG_KIND_INT, LOG_KIND_BOOL, LOG_KIND_NS };

struct log_field {
    const char *name; /* a literal of lower-case letters and '_' */
    enum log_kind kind;
    union {
        struct slice slice;
        int64_t number;
    };
};

/* A text; an absent slice or NULL leaves the field out. */
#define LOG_SLICE(name_, value) ((struct log_field){.name = (name_), .kind = LOG_KIND_SLICE, .slice = (value)})
#define LOG_TEXT(name_, value)  LOG_SLICE(name_, slice_str(value))
#define LOG_INT(name_, value)   ((struct log_field){.name = (name_), .kind = LOG_KIND_INT, .number = (int64_t)(value)})
#define LOG_BOOL(name_, value)  ((struct log_field){.name = (name_), .kind = LOG_KIND_BOOL, .number = (value)})
/* Nanoseconds, shown as milliseconds with three decimals; the name ends in "_ms". */
#define LOG_NS(name_, value) ((struct log_field){.name = (name_), .kind = LOG_KIND_NS, .number = (int64_t)(value)})
/* The request that the line belongs to: in every line about a request. */
#define LOG_REQUEST(id) LOG_SLICE("request_id", id)

/* Writes a line if the level is on. `message` is a fixed sentence; what varies goes into fields. */
void log_write(enum log_level level, const char *message, const struct log_field *fields, size_t field_count);

/* log_line(LOG_WARN, "the store does not answer", LOG_TEXT("store", "redis"), LOG_INT("port", port)) */
#define log_line(level, message, ...)                                                             \
    do {                                                                                          \
        if (log_enabled(level)) {                                                                 \
            const struct log_field log_fields_[] = {__VA_ARGS__};                                 \
            log_write((level), (message), log_fields_, sizeof log_fields_ / sizeof *log_fields_); \
        }                                                                                         \
    } while (0)

/* Formats a line with its newline, at most LOG_LINE_BYTES, without writing it and whatever the level:
 * for who collects lines. LOG_FORMAT_AUTO is the format that log_init was told. */
void log_format_line(struct buf *out, enum log_format format, int64_t wall_ms, enum log_level level,
                     const char *message, const struct log_field *fields, size_t field_count);
/* Writes lines so formatted, which are of this level; together at most LOG_LINE_BYTES, so that they stay whole in a
 * pipe. */
void log_write_lines(enum log_level level, struct slice lines);

/* "debug", "info", "warn", "error". */
const char *log_level_name(enum log_level level);

#endif
