#include "base/metrics.h"

#include "support/test.h"
#include "support/threads.h"

#include <string.h>

static const char *const handlers[] = {"introspect", "initiate"};
static const char *const codes[] = {"200", "401", "50\"\\\n"};
static const uint64_t bounds[] = {1000, 2500000, 1000000000};

static struct metric requests = {
    .kind = METRIC_COUNTER,
    .name = "http_requests_total",
    .help = "Requests.",
    .labels = {{"handler", handlers, COUNT_OF(handlers)}, {"code", codes, COUNT_OF(codes)}},
    .label_count = 2,
};
static struct metric replays = {.kind = METRIC_COUNTER, .name = "replays_total", .help = "Replays.", .show_zero = true};
static struct metric open_things = {.kind = METRIC_GAUGE, .name = "open", .help = "Open.", .show_zero = true};
static struct metric skew = {.kind = METRIC_LEVEL, .name = "skew_seconds", .help = "Skew.", .unit = 0.001};
static struct metric duration = {
    .kind = METRIC_HISTOGRAM,
    .name = "took_seconds",
    .help = "Took.",
    .bucket_ns = bounds,
    .bucket_count = COUNT_OF(bounds),
};

static int register_all(void **state)
{
    (void)state;
    struct metric *all[] = {&requests, &replays, &open_things, &skew, &duration};
    for (size_t i = 0; i < COUNT_OF(all); i++)
        assert_status(metrics_register(all[i]), STATUS_OK);
    assert_status(metrics_register(&requests), STATUS_OK); /* a second time changes nothing */
    return 0;
}

static void sums_counters_and_gauges(void **state)
{
    (void)state;
    uint32_t series = metric_series(&requests, 1, 2, 0);
    assert_int_equal(series, 5);
    metric_count(&requests, series);
    metric_add(&requests, series, 2);
    assert_int_equal(metric_value(&requests, series), 3);
    assert_int_equal(metric_value(&requests, 0), 0);
    metric_add(&open_things, 0, 2);
    metric_add(&open_things, 0, -3);
    assert_int_equal((int64_t)metric_value(&open_things, 0), -1);
    metric_add(&open_things, 0, 1);
    metric_set(&skew, 0, -1500);
    metric_set(&skew, 0, -250);
    assert_int_equal((int64_t)metric_value(&skew, 0), -250);
}

enum { THREADS = 8, ROUNDS = 20000 };

static void *count_up(void *unused)
{
    (void)unused;
    for (int i = 0; i < ROUNDS; i++) {
        metric_count(&replays, 0);
        metric_observe_ns(&duration, 0, 1);
    }
    return NULL;
}

static void loses_no_count_of_threads_that_ended(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    threads_start(threads, THREADS, count_up, NULL, 0);
    struct buf ignored = BUF_INIT;
    metrics_write(&ignored); /* reading meanwhile is fine */
    buf_done(&ignored);
    threads_join(threads, THREADS);
    assert_int_equal(metric_value(&replays, 0), THREADS * ROUNDS);
    assert_int_equal(metric_value(&duration, 0), THREADS * ROUNDS);
}

static void puts_durations_into_their_buckets(void **state)
{
    (void)state;
    metric_observe_ns(&duration, 0, -5);
    metric_observe_ns(&duration, 0, 1000);
    metric_observe_ns(&duration, 0, 1001);
    metric_observe_ns(&duration, 0, INT64_C(5000000000));
    assert_int_equal(metric_value(&duration, 0), THREADS * ROUNDS + 4);
}

static void writes_prometheus_text(void **state)
{
    (void)state;
    struct buf out = BUF_INIT;
    metrics_write(&out);
    const char *text = buf_string(&out);
    const char *const expected[] = {
        "# HELP http_requests_total Requests.\n# TYPE http_requests_total counter\n"
        "http_requests_total{handler=\"initiate\",code=\"50\\\"\\\\\\n\"} 3\n# HELP replays_total",
        "replays_total 160000\n",
        "# TYPE open gauge\nopen 0\n",
        "# TYPE skew_seconds gauge\nskew_seconds -0.25\n",
        "# TYPE took_seconds histogram\n"
        "took_seconds_bucket{le=\"1e-06\"} 160002\n"
        "took_seconds_bucket{le=\"0.0025\"} 160003\n"
        "took_seconds_bucket{le=\"1\"} 160003\n"
        "took_seconds_bucket{le=\"+Inf\"} 160004\n"
        "took_seconds_sum 5.000162\n"
        "took_seconds_count 160004\n",
        "process_cpu_seconds_total ",
        "process_resident_memory_bytes ",
        "process_open_fds ",
        "process_max_fds ",
        "process_start_time_seconds ",
    };
    for (size_t i = 0; i < COUNT_OF(expected); i++)
        if (!strstr(text, expected[i]))
            fail_msg("this is missing:\n%s\nin:\n%s", expected[i], text);
    buf_done(&out);
}

static void refuses_more_cells_than_there_are(void **state)
{
    (void)state;
    static const char *values[300] = {"x"};
    static struct metric large = {
        .kind = METRIC_COUNTER,
        .name = "large",
        .help = "Large.",
        .labels = {{"a", values, COUNT_OF(values)}, {"b", values, COUNT_OF(values)}},
        .label_count = 2,
    };
    assert_status(metrics_register(&large), STATUS_NO_MEMORY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_counters_and_gauges),          cmocka_unit_test(loses_no_count_of_threads_that_ended),
        cmocka_unit_test(puts_durations_into_their_buckets), cmocka_unit_test(writes_prometheus_text),
        cmocka_unit_test(refuses_more_cells_than_there_are),
    };
    return cmocka_run_group_tests(tests, register_all, NULL);
}
