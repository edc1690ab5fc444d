#include "base/metrics.h"

#include <assert.h>
#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { MS = 1000000, US = 1000 };

const uint64_t metric_buckets_request[] = {100 * US,
                                           250 * US,
                                           500 * US,
                                           1 * MS,
                                           (uint64_t)2500 * US,
                                           5 * MS,
                                           10 * MS,
                                           25 * MS,
                                           50 * MS,
                                           100 * MS,
                                           250 * MS,
                                           500 * MS,
                                           (uint64_t)1000 * MS,
                                           (uint64_t)2500 * MS,
                                           (uint64_t)5000 * MS,
                                           (uint64_t)10000 * MS};
const size_t metric_buckets_request_count = COUNT_OF(metric_buckets_request);

const uint64_t metric_buckets_step[] = {1 * US,   2 * US, 5 * US, 10 * US, 20 * US, 50 * US,  100 * US, 250 * US,
                                        500 * US, 1 * MS, 5 * MS, 25 * MS, 50 * MS, 100 * MS, 250 * MS};
const size_t metric_buckets_step_count = COUNT_OF(metric_buckets_step);

/* The cells of one thread; kept when it ends, so that its counts stay in the sums. */
struct block {
    struct block *next;
    _Atomic uint64_t cells[METRICS_MAX_CELLS];
};

_Thread_local _Atomic uint64_t *metrics_cells;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* registration and the lists */
static struct block *_Atomic blocks;
static struct metric *first_metric;
static uint32_t cells_used;
static _Atomic uint64_t levels[METRICS_MAX_CELLS]; /* METRIC_LEVEL: one for the process */

/* Of a histogram's series: a cell a bucket, one for what is beyond, one for the sum. */
static uint32_t cells_of_series(const struct metric *metric)
{
    return metric->kind == METRIC_HISTOGRAM ? (uint32_t)metric->bucket_count + 2 : 1;
}

static bool is_registered(const struct metric *metric)
{
    for (const struct metric *other = first_metric; other; other = other->next)
        if (other == metric)
            return true;
    return false;
}

static enum status add_metric(struct metric *metric)
{
    size_t series = 1;
    if (is_registered(metric))
        return STATUS_OK;
    for (size_t i = 0; i < metric->label_count; i++)
        series *= metric->labels[i].count;
    assert(metric->bucket_count <= METRIC_MAX_BUCKETS && metric->label_count <= METRIC_MAX_LABELS);
    size_t cells = series * cells_of_series(metric);
    if (cells > METRICS_MAX_CELLS - cells_used)
        return STATUS_NO_MEMORY;
    metric->first_cell = cells_used;
    metric->series_count = (uint32_t)series;
    cells_used += (uint32_t)cells;
    struct metric **last = &first_metric;
    while (*last)
        last = &(*last)->next;
    metric->next = NULL;
    *last = metric;
    return STATUS_OK;
}

enum status metrics_register(struct metric *metric)
{
    (void)pthread_mutex_lock(&mutex);
    enum status status = add_metric(metric);
    (void)pthread_mutex_unlock(&mutex);
    return status;
}

_Atomic uint64_t *metrics_attach_thread(void)
{
    /* fresh pages are zero and cost nothing until they are written */
    struct block *block = mmap(NULL, sizeof *block, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (block == MAP_FAILED)
        return NULL;
    block->next = atomic_load(&blocks);
    while (!atomic_compare_exchange_weak(&blocks, &block->next, block))
        ;
    metrics_cells = block->cells;
    return metrics_cells;
}

static _Atomic uint64_t *own_cells(void)
{
    return metrics_cells ? metrics_cells : metrics_attach_thread();
}

static void add_to(_Atomic uint64_t *cell, uint64_t amount)
{
    uint64_t value = atomic_load_explicit(cell, memory_order_relaxed);
    atomic_store_explicit(cell, value + amount, memory_order_relaxed);
}

void metric_add_slow(const struct metric *metric, uint32_t series, int64_t amount)
{
    assert(series < metric->series_count);
    _Atomic uint64_t *cells = own_cells();
    if (cells && series < metric->series_count)
        add_to(&cells[metric->first_cell + series], (uint64_t)amount);
}

void metric_set(const struct metric *metric, uint32_t series, int64_t value)
{
    assert(metric->kind == METRIC_LEVEL && series < metric->series_count);
    atomic_store_explicit(&levels[metric->first_cell + series], (uint64_t)value, memory_order_relaxed);
}

void metric_observe_ns(const struct metric *metric, uint32_t series, int64_t duration_ns)
{
    assert(metric->kind == METRIC_HISTOGRAM && series < metric->series_count);
    _Atomic uint64_t *cells = own_cells();
    uint64_t ns = duration_ns > 0 ? (uint64_t)duration_ns : 0;
    size_t bucket = 0;
    if (!cells)
        return;
    while (bucket < metric->bucket_count && ns > metric->bucket_ns[bucket])
        bucket++;
    _Atomic uint64_t *first = &cells[metric->first_cell + series * cells_of_series(metric)];
    add_to(&first[bucket], 1);
    add_to(&first[metric->bucket_count + 1], ns);
}

/* ---- reading ---- */

static uint64_t sum_of(uint32_t cell)
{
    uint64_t sum = atomic_load_explicit(&levels[cell], memory_order_relaxed);
    for (struct block *block = atomic_load(&blocks); block; block = block->next)
        sum += atomic_load_explicit(&block->cells[cell], memory_order_relaxed);
    return sum;
}

uint64_t metric_value(const struct metric *metric, uint32_t series)
{
    uint32_t first = metric->first_cell + series * cells_of_series(metric);
    uint64_t value = 0;
    if (metric->kind != METRIC_HISTOGRAM)
        return sum_of(first);
    for (uint32_t i = 0; i <= metric->bucket_count; i++)
        value += sum_of(first + i);
    return value;
}

static void write_label(struct buf *out, const char *name, const char *value, bool first)
{
    buf_addf(out, "%s%s=\"", first ? "" : ",", name);
    for (; *value; value++) {
        if (*value == '\\' || *value == '"')
            buf_add_byte(out, '\\');
        if (*value == '\n')
            buf_add_str(out, "\\n");
        else
            buf_add_byte(out, *value);
    }
    buf_add_byte(out, '"');
}

/* `{a="x",b="y"}`, with `le` behind if it is not NULL. */
static void write_labels(struct buf *out, const struct metric *metric, uint32_t series, const char *le)
{
    size_t at[METRIC_MAX_LABELS] = {0};
    size_t rest = series;
    for (size_t i = metric->label_count; i-- > 0;) {
        at[i] = rest % metric->labels[i].count;
        rest /= metric->labels[i].count;
    }
    if (metric->label_count == 0 && !le)
        return;
    buf_add_byte(out, '{');
    for (size_t i = 0; i < metric->label_count; i++)
        write_label(out, metric->labels[i].name, metric->labels[i].values[at[i]], i == 0);
    if (le)
        write_label(out, "le", le, metric->label_count == 0);
    buf_add_byte(out, '}');
}

static void write_sample(struct buf *out, const struct metric *metric, uint32_t series)
{
    int64_t value = (int64_t)metric_value(metric, series);
    if (value == 0 && !metric->show_zero)
        return;
    buf_add_str(out, metric->name);
    write_labels(out, metric, series, NULL);
    if (metric->unit != 0)
        buf_addf(out, " %.9g\n", (double)value * metric->unit);
    else
        buf_addf(out, " %lld\n", (long long)value);
}

static void write_histogram(struct buf *out, const struct metric *metric, uint32_t series)
{
    uint32_t first = metric->first_cell + series * cells_of_series(metric);
    uint64_t total = metric_value(metric, series);
    uint64_t below = 0;
    if (total == 0 && !metric->show_zero)
        return;
    for (uint32_t i = 0; i <= metric->bucket_count; i++) {
        char le[32] = "+Inf";
        if (i < metric->bucket_count)
            (void)snprintf(le, sizeof le, "%.9g", (double)metric->bucket_ns[i] / 1e9);
        below += sum_of(first + i);
        buf_addf(out, "%s_bucket", metric->name);
        write_labels(out, metric, series, le);
        buf_addf(out, " %llu\n", (unsigned long long)below);
    }
    buf_addf(out, "%s_sum", metric->name);
    write_labels(out, metric, series, NULL);
    buf_addf(out, " %.9g\n%s_count", (double)sum_of(first + (uint32_t)metric->bucket_count + 1) / 1e9, metric->name);
    write_labels(out, metric, series, NULL);
    buf_addf(out, " %llu\n", (unsigned long long)below);
}

static void write_metric(struct buf *out, const struct metric *metric)
{
    static const char *const types[] = {
        [METRIC_COUNTER] = "counter",
        [METRIC_GAUGE] = "gauge",
        [METRIC_LEVEL] = "gauge",
        [METRIC_HISTOGRAM] = "histogram",
    };
    buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", metric->name, metric->help, metric->name, types[metric->kind]);
    for (uint32_t series = 0; series < metric->series_count; series++) {
        if (metric->kind == METRIC_HISTOGRAM)
            write_histogram(out, metric, series);
        else
            write_sample(out, metric, series);
    }
}

/* ---- process_* ---- */

static void write_head(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void write_number(struct buf *out, const char *name, const char *help, long long value)
{
    write_head(out, name, "gauge", help);
    buf_addf(out, "%s %lld\n", name, value);
}

static long count_descriptors(void)
{
    long count = 0;
    DIR *folder = opendir("/proc/self/fd");
    if (!folder)
        return 0;
    while (readdir(folder))
        count++;
    (void)closedir(folder);
    return count - 3; /* ".", ".." and the folder itself */
}

static void write_memory(struct buf *out)
{
    long size = 0;
    long resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file)
        return;
    if (fscanf(file, "%ld %ld", &size, &resident) == 2) {
        long long page = sysconf(_SC_PAGESIZE);
        write_number(out, "process_resident_memory_bytes", "Memory that is in use.", resident * page);
        write_number(out, "process_virtual_memory_bytes", "Addresses that are in use.", size * page);
    }
    (void)fclose(file);
}

static double started_at(void)
{
    static double start; /* once is enough; a race writes the same value */
    if (start > 0)
        return start;
    struct timespec wall;
    struct timespec boot;
    unsigned long long ticks = 0;
    FILE *file = fopen("/proc/self/stat", "re");
    if (!file)
        return 0;
    (void)clock_gettime(CLOCK_REALTIME, &wall);
    (void)clock_gettime(CLOCK_BOOTTIME, &boot);
    char line[1024];
    const char *behind_name = fgets(line, sizeof line, file) ? strrchr(line, ')') : NULL;
    (void)fclose(file);
    if (!behind_name ||
        sscanf(behind_name + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
               &ticks) != 1)
        return 0;
    double since_boot = (double)boot.tv_sec + (double)boot.tv_nsec / 1e9 - (double)ticks / (double)sysconf(_SC_CLK_TCK);
    start = (double)wall.tv_sec + (double)wall.tv_nsec / 1e9 - since_boot;
    return start;
}

static void write_process(struct buf *out)
{
    struct rusage usage = {0};
    struct rlimit descriptors = {0};
    (void)getrusage(RUSAGE_SELF, &usage);
    (void)getrlimit(RLIMIT_NOFILE, &descriptors);
    double cpu = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                 (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    write_head(out, "process_cpu_seconds_total", "counter", "Time on the processors.");
    buf_addf(out, "process_cpu_seconds_total %.6f\n", cpu);
    write_number(out, "process_open_fds", "Descriptors that are open.", count_descriptors());
    write_number(out, "process_max_fds", "Descriptors that may be open.", (long long)descriptors.rlim_cur);
    write_head(out, "process_start_time_seconds", "gauge", "When the process began, in seconds since 1970.");
    buf_addf(out, "process_start_time_seconds %.3f\n", started_at());
    write_memory(out);
}

void metrics_write(struct buf *out)
{
    (void)pthread_mutex_lock(&mutex);
    for (const struct metric *metric = first_metric; metric; metric = metric->next)
        write_metric(out, metric);
    (void)pthread_mutex_unlock(&mutex);
    write_process(out);
}
