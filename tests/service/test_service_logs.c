/* What a service writes to its log, whether or not anybody reads it. */
#include "service_bench.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void logs_each_request_without_its_query(void **state)
{
    (void)state;
    service_bench_start(NULL);
    service_bench_wait_until_ready();
    assert_int_equal(service_bench_ask(bench.port, "/hello?oauth_token=CANARY"), 200);
    assert_int_equal(service_bench_ask(bench.port, "/nowhere?oauth_token=CANARY"), 404);
    (void)kill(bench.child, SIGTERM);
    assert_int_equal(service_bench_wait(), 0);
    assert_null(strstr(bench.log_text, "CANARY"));
    const char *line = strstr(bench.log_text, "\"message\":\"request\",\"request_id\":\"");
    assert_non_null(line);
    assert_non_null(strstr(bench.log_text, "\"handler\":\"hello\",\"method\":\"GET\",\"status\":200,\"duration_ms\":"));
    assert_non_null(strstr(bench.log_text, "\"handler\":\"none\",\"method\":\"GET\",\"status\":404,"));
    assert_non_null(strstr(bench.log_text, "\"peer\":\"127.0.0.1\",\"path\":\"/nowhere\"}"));
    assert_non_null(strstr(bench.log_text, "\"peer\":\"127.0.0.1\"}"));
    assert_null(strstr(bench.log_text, "readyz")); /* probes are no news */
}

/* Of keep-alive requests on one connection, each answered before the next is sent. */
static void ask_often(size_t count)
{
    int fd = service_bench_connect(bench.port);
    for (size_t i = 0; i < count; i++) {
        service_bench_send(fd, "/hello");
        assert_int_equal(service_bench_read_reply(fd), 200);
    }
    (void)close(fd);
}

/* Exits by itself within 10 s, while its log is not read. */
static int wait_without_reading(void)
{
    int status = -1;
    pid_t ended = 0;
    for (int i = 0; i < 1000 && !ended; i++, service_bench_sleep_ms(ended ? 0 : 10))
        ended = waitpid(bench.child, &status, WNOHANG);
    assert_int_equal(ended, bench.child);
    bench.child = 0;
    return status;
}

/* What /metrics shows under this name. */
static size_t metric_of(const char *name)
{
    char text[128];
    (void)snprintf(text, sizeof text, "\n%s ", name);
    assert_int_equal(service_bench_ask(bench.ops_port, "/metrics"), 200);
    const char *line = strstr(bench.answer, text);
    assert_non_null(line);
    return strtoul(line + strlen(text), NULL, 10);
}

enum { LINES_OF_A_PIPE = 400 }; /* more than 64 KB */

static void serves_and_stops_while_nobody_reads_its_log(void **state)
{
    (void)state;
    service_bench_start(NULL);
    service_bench_wait_until_ready();
    ask_often(2 * LINES_OF_A_PIPE);
    (void)kill(bench.child, SIGTERM);
    assert_int_equal(wait_without_reading(), 0);
    assert_int_equal(shared->closed, 1);
    (void)close(bench.log_end);
}

static void serves_and_stops_when_the_reader_of_its_log_has_left(void **state)
{
    (void)state;
    service_bench_start(NULL);
    service_bench_wait_until_ready();
    (void)close(bench.log_end);
    ask_often(10);
    for (int i = 0; i < 500 && metric_of("oauth1_log_lines_dropped_total") == 0; i++)
        service_bench_sleep_ms(10);
    assert_true(metric_of("oauth1_log_lines_dropped_total") > 0);
    (void)kill(bench.child, SIGTERM);
    assert_int_equal(wait_without_reading(), 0);
    assert_int_equal(shared->closed, 1);
}

enum { FLOOD = 2000, LINES_A_SECOND = 1000 };

static void logs_a_thousand_requests_a_second_and_counts_the_others(void **state)
{
    (void)state;
    service_bench_start(NULL);
    service_bench_wait_until_ready();
    int64_t began_ns = clock_monotonic_ns();
    size_t left_out = 0;
    size_t asked = 0;
    for (; left_out == 0 && asked < 10 * FLOOD; asked += FLOOD) {
        ask_often(FLOOD);
        left_out = metric_of("oauth1_access_lines_left_out_total");
    }
    size_t seconds = (size_t)((clock_monotonic_ns() - began_ns) / 1000000000) + 2; /* that it has touched */
    (void)kill(bench.child, SIGTERM);
    assert_int_equal(service_bench_wait(), 0);
    size_t lines = service_bench_count_of(bench.log_text, "\"message\":\"request\"");
    size_t said = 0;
    for (const char *at = bench.log_text; (at = strstr(at, "requests without a line of their own")); at++)
        said += strtoul(strstr(at, "\"requests\":") + 11, NULL, 10);
    assert_true(said > 0);
    assert_int_equal(said, left_out);
    assert_int_equal(lines + said, asked);
    assert_in_range(lines, LINES_A_SECOND, seconds * LINES_A_SECOND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVICE_TEST(logs_each_request_without_its_query),
        SERVICE_TEST(serves_and_stops_while_nobody_reads_its_log),
        SERVICE_TEST(serves_and_stops_when_the_reader_of_its_log_has_left),
        SERVICE_TEST(logs_a_thousand_requests_a_second_and_counts_the_others),
    };
    return cmocka_run_group_tests_name("service_logs", tests, service_bench_share, NULL);
}
