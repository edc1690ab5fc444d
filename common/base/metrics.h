/* metrics: counters, gauges and histograms of this process, and their Prometheus text.
 *
 * Invariants: a metric is a static object with a fixed set of series, registered once at start; a
 * series is a cell. Each thread adds to cells of its own (no lock, no atomic read-modify-write, a
 * cache line is never shared), a reader sums over the threads, also those that ended. Label values
 * are fixed lists, so no client, user or token can become one. Counters wrap at 2^64. */
#ifndef COUNTERSIGN_BASE_METRICS_H
#define COUNTERSIGN_BASE_METRICS_H

#include "base/attributes.h"
#include "base/buf.h"
#include "base/status.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    METRIC_MAX_LABELS = 3,
    METRIC_MAX_BUCKETS = 20,
    METRICS_MAX_CELLS = 32768, /* of all metrics; a thread's are touched only as used */
};

enum metric_kind {
    METRIC_COUNTER,
    METRIC_GAUGE,     /* goes up and down by metric_add; summed over the threads */
    METRIC_LEVEL,     /* is set by metric_set; one for the process */
    METRIC_HISTOGRAM, /* of durations, observed in nanoseconds, shown in seconds */
};

struct metric_label {
    const char *name;
    const char *const *values; /* `count` of them; escaped when written */
    size_t count;
};

struct metric {
    enum metric_kind kind;
    const char *name;
    const char *help;
    struct metric_label labels[METRIC_MAX_LABELS];
    size_t label_count;
    const uint64_t *bucket_ns; /* histogram: ascending upper bounds, at most METRIC_MAX_BUCKETS */
    size_t bucket_count;
    double unit; /* what 1 in a cell means when shown; 0 is 1 */
    /* Series that never counted are shown too (few, fixed), or left out (many combinations). */
    bool show_zero;
    /* set by metrics_register */
    uint32_t first_cell;
    uint32_t series_count;
    struct metric *next;
};

/* Buckets for durations of requests (100 µs … 10 s) and of steps within one (1 µs … 250 ms). */
extern const uint64_t metric_buckets_request[];
extern const size_t metric_buckets_request_count;
extern const uint64_t metric_buckets_step[];
extern const size_t metric_buckets_step_count;

/* Makes the metric known; the object stays the caller's and must outlive the process's threads.
 * Again with the same object: nothing happens. STATUS_NO_MEMORY: the cells are used up. */
MUST_USE enum status metrics_register(struct metric *metric);

/* The series of a combination of label values (indexes into the labels' lists). */
static inline uint32_t metric_series(const struct metric *metric, size_t a, size_t b, size_t c)
{
    size_t series = a;
    if (metric->label_count > 1)
        series = series * metric->labels[1].count + b;
    if (metric->label_count > 2)
        series = series * metric->labels[2].count + c;
    return (uint32_t)series;
}

extern _Thread_local _Atomic uint64_t *metrics_cells; /* this thread's; NULL until it first counts */
_Atomic uint64_t *metrics_attach_thread(void);        /* NULL when there is no memory: not counted */

/* Adds to a counter or gauge. An unregistered metric or series out of range is a bug (assert). */
void metric_add_slow(const struct metric *metric, uint32_t series, int64_t amount);
static inline void metric_add(const struct metric *metric, uint32_t series, int64_t amount)
{
    _Atomic uint64_t *cells = metrics_cells;
    if (__builtin_expect(!cells || series >= metric->series_count, 0)) {
        metric_add_slow(metric, series, amount);
        return;
    }
    /* one writer a cell: no read-modify-write instruction is needed */
    _Atomic uint64_t *cell = &cells[metric->first_cell + series];
    uint64_t value = atomic_load_explicit(cell, memory_order_relaxed);
    atomic_store_explicit(cell, value + (uint64_t)amount, memory_order_relaxed);
}
static inline void metric_count(const struct metric *metric, uint32_t series)
{
    metric_add(metric, series, 1);
}

/* Sets a METRIC_LEVEL; from any thread. */
void metric_set(const struct metric *metric, uint32_t series, int64_t value);
/* Adds a duration to a histogram; a negative one counts as 0. */
void metric_observe_ns(const struct metric *metric, uint32_t series, int64_t duration_ns);
/* The sum over the threads; of a histogram, how many were observed. */
uint64_t metric_value(const struct metric *metric, uint32_t series);

/* Appends everything in Prometheus's text format (version 0.0.4), process_* too. */
void metrics_write(struct buf *out);

#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

#endif
