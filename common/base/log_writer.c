#include "base/log_writer.h"

#include "base/clock.h"
#include "base/thread.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

enum { TELL_EVERY_MS = 1000 };

/* What was added at once. */
struct entry {
    struct entry *next;
    size_t len;
    char bytes[];
};

struct log_writer {
    int fd;
    _Atomic uint64_t *lines_lost;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed; /* there is something to write, or the end has come */
    pthread_cond_t ended;
    /* under the lock */
    struct entry *first;
    struct entry **last;
    size_t bytes;
    uint64_t untold; /* lines that were dropped since the last line about it */
    bool is_ending;
    bool has_ended;
    bool is_given_up; /* the end did not wait for the thread */
    /* the thread's */
    bool flows; /* the last write was good */
    int64_t told_ms;
};

static uint64_t count_lines(struct slice lines)
{
    uint64_t count = 0;
    for (size_t i = 0; i < lines.len; i++)
        count += lines.ptr[i] == '\n';
    return count;
}

/* Under the lock. */
static void note_lost(struct log_writer *writer, struct slice lines)
{
    uint64_t count = count_lines(lines);
    writer->untold += count;
    atomic_fetch_add_explicit(writer->lines_lost, count, memory_order_relaxed);
}

/* ---- adding ---- */

/* Under the lock. */
static bool has_room(const struct log_writer *writer, enum log_level level, size_t len)
{
    size_t max = level >= LOG_WARN ? LOG_QUEUE_BYTES : LOG_QUEUE_BYTES / 2;
    return !writer->is_given_up && writer->bytes + len <= max;
}

void log_writer_add(struct log_writer *writer, enum log_level level, struct slice lines)
{
    struct entry *entry = malloc(sizeof *entry + lines.len);
    bool is_first = false; /* the thread waits for it; behind others it is found without being told */
    pthread_mutex_lock(&writer->lock);
    if (entry && has_room(writer, level, lines.len)) {
        *entry = (struct entry){.len = lines.len};
        memcpy(entry->bytes, lines.ptr, lines.len);
        is_first = !writer->first;
        *writer->last = entry;
        writer->last = &entry->next;
        writer->bytes += lines.len;
        entry = NULL;
    } else {
        note_lost(writer, lines);
    }
    pthread_mutex_unlock(&writer->lock);
    if (is_first)
        pthread_cond_signal(&writer->changed); /* not under the lock, which the thread takes at once */
    free(entry);
}

/* ---- writing ---- */

/* Under the lock. */
static void take_first(struct log_writer *writer, struct buf *out)
{
    struct entry *entry = writer->first;
    buf_add(out, slice_of(entry->bytes, entry->len));
    writer->first = entry->next;
    if (!writer->first)
        writer->last = &writer->first;
    writer->bytes -= entry->len;
    free(entry);
}

/* Under the lock: says how many are missing. Where lines go on being dropped it is said once a second. */
static void tell_lost(struct log_writer *writer, struct buf *out)
{
    const struct log_field field = LOG_INT("lines", writer->untold);
    const struct clock clock = clock_system(0);
    writer->untold = 0;
    writer->told_ms = clock_monotonic_ms();
    log_format_line(out, LOG_FORMAT_AUTO, clock_wall_ms(&clock), LOG_WARN,
                    "log lines were dropped: they came faster than they were read", &field, 1);
}

/* Under the lock. */
static bool is_time_to_tell(const struct log_writer *writer)
{
    return writer->untold && writer->flows &&
           (!writer->first || clock_monotonic_ms() - writer->told_ms >= TELL_EVERY_MS);
}

/* What is written next, as much as goes into one write. False: nothing is left, and the end has come. */
static bool wait_for_lines(struct log_writer *writer, struct buf *out)
{
    pthread_mutex_lock(&writer->lock);
    while (!writer->first && !is_time_to_tell(writer) && !writer->is_ending)
        pthread_cond_wait(&writer->changed, &writer->lock);
    if (is_time_to_tell(writer))
        tell_lost(writer, out);
    while (writer->first && out->len + writer->first->len <= LOG_LINE_BYTES)
        take_first(writer, out);
    pthread_mutex_unlock(&writer->lock);
    return out->len > 0;
}

/* A pipe that shows room takes LOG_LINE_BYTES without blocking, and whole. */
static bool write_when_it_flows(int fd, struct slice lines)
{
    struct pollfd place = {.fd = fd, .events = POLLOUT};
    while (lines.len && fd >= 0) {
        if (poll(&place, 1, -1) < 0 && errno != EINTR)
            return false;
        ssize_t written = write(fd, lines.ptr, lines.len);
        if (written < 0 && errno != EINTR && errno != EAGAIN)
            return false;
        lines = slice_sub(lines, written > 0 ? (size_t)written : 0, lines.len);
    }
    return lines.len == 0;
}

static void *run_writer(void *context)
{
    struct log_writer *writer = context;
    char memory[LOG_LINE_BYTES];
    struct buf lines = buf_fixed(memory, sizeof memory);
    while (wait_for_lines(writer, &lines)) {
        writer->flows = write_when_it_flows(writer->fd, buf_slice(&lines));
        pthread_mutex_lock(&writer->lock);
        if (!writer->flows)
            note_lost(writer, buf_slice(&lines));
        pthread_mutex_unlock(&writer->lock);
        buf_reset(&lines);
    }
    pthread_mutex_lock(&writer->lock);
    writer->has_ended = true;
    pthread_cond_signal(&writer->ended);
    pthread_mutex_unlock(&writer->lock);
    return NULL;
}

/* ---- life ---- */

static void free_writer(struct log_writer *writer)
{
    pthread_cond_destroy(&writer->changed);
    pthread_cond_destroy(&writer->ended);
    pthread_mutex_destroy(&writer->lock);
    free(writer);
}

struct log_writer *log_writer_new(int fd, _Atomic uint64_t *lines_lost)
{
    struct log_writer *writer = calloc(1, sizeof *writer);
    if (!writer)
        return NULL;
    writer->fd = fd;
    writer->lines_lost = lines_lost;
    writer->last = &writer->first;
    pthread_mutex_init(&writer->lock, NULL);
    pthread_cond_init(&writer->changed, NULL);
    pthread_cond_init(&writer->ended, NULL);
    if (!thread_start(&writer->thread, "log", run_writer, writer)) {
        free_writer(writer);
        return NULL;
    }
    return writer;
}

/* Under the lock. */
static bool wait_for_end(struct log_writer *writer, unsigned timeout_ms)
{
    int64_t deadline_ns = clock_monotonic_ns() + timeout_ms * INT64_C(1000000);
    const struct timespec deadline = {deadline_ns / 1000000000, deadline_ns % 1000000000};
    int waited = 0;
    while (!writer->has_ended && waited == 0)
        waited = pthread_cond_clockwait(&writer->ended, &writer->lock, CLOCK_MONOTONIC, &deadline);
    return writer->has_ended;
}

bool log_writer_free_blocking(struct log_writer *writer, unsigned timeout_ms)
{
    pthread_mutex_lock(&writer->lock);
    writer->is_ending = true;
    pthread_cond_signal(&writer->changed);
    bool has_ended = wait_for_end(writer, timeout_ms);
    writer->is_given_up = !has_ended;
    pthread_mutex_unlock(&writer->lock);
    if (!has_ended)
        return false;
    pthread_join(writer->thread, NULL);
    free_writer(writer);
    return true;
}
