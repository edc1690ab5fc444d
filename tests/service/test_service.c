#include "service_bench.h"

#include "support/free_port.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static void serves_until_sigterm(void **state)
{
    (void)state;
    service_bench_start(NULL);
    service_bench_wait_until_ready();
    assert_int_equal(service_bench_ask(bench.port, "/hello"), 200);
    assert_int_equal(service_bench_ask(bench.admin_port, "/admin"), 200);
    assert_int_equal(service_bench_ask(bench.port, "/admin"), 404);
    assert_int_equal(service_bench_ask(bench.ops_port, "/livez"), 200);
    assert_int_equal(service_bench_ask(bench.ops_port, "/startupz"), 200);
    assert_int_equal(service_bench_ask(bench.ops_port, "/hello"), 404);
    assert_int_equal(kill(bench.child, SIGTERM), 0);
    assert_int_equal(service_bench_wait(), 0);
    assert_int_equal(shared->closed, 1);
    assert_non_null(strstr(bench.log_text, "development mode"));
    assert_non_null(strstr(bench.log_text, "\"message\":\"ready\""));
    assert_non_null(strstr(bench.log_text, "\"message\":\"stopped\""));
}

static void shows_metrics(void **state)
{
    (void)state;
    service_bench_start(NULL);
    service_bench_wait_until_ready();
    assert_int_equal(service_bench_ask(bench.port, "/hello"), 200);
    assert_int_equal(service_bench_ask(bench.port, "/nowhere"), 404);
    static const char *const expected[] = {
        "Content-Type: text/plain; version=0.0.4",
        "http_requests_total{handler=\"hello\",method=\"GET\",code=\"200\"} 1\n",
        "http_requests_total{handler=\"none\",method=\"GET\",code=\"404\"} 1\n",
        "http_request_duration_seconds_count",
        "http_requests_in_flight 0\n",
        "oauth1_verify_phase_seconds_count{phase=\"hello\"} 1\n",
        "oauth1_store_up{store=\"database\"} 1\n",
        "oauth1_build_info{version=\"" COUNTERSIGN_VERSION "\"} 1\n",
        "process_open_fds ",
        "\ntest_checks ",
    };
    const char *missing = expected[0];
    for (int tries = 0; missing && tries < 100; tries++, service_bench_sleep_ms(missing ? 20 : 0)) {
        /* a request is counted after its reply was written, perhaps on another loop */
        assert_int_equal(service_bench_ask(bench.ops_port, "/metrics"), 200);
        missing = NULL;
        for (size_t i = 0; i < COUNT_OF(expected) && !missing; i++)
            missing = strstr(bench.answer, expected[i]) ? NULL : expected[i];
    }
    if (missing)
        fail_msg("%s is missing in\n%s", missing, bench.answer);
    (void)kill(bench.child, SIGTERM);
    assert_int_equal(service_bench_wait(), 0);
}

static void *repair(void *context)
{
    (void)context;
    service_bench_sleep_ms(400);
    atomic_store(&shared->database, STATUS_OK);
    return NULL;
}

static void start_with_store_down(void)
{
    atomic_store(&shared->database, STATUS_STORE_DOWN);
    service_bench_start(NULL);
    for (int i = 0; i < 500 && service_bench_ask(bench.ops_port, "/livez") != 200; i++)
        service_bench_sleep_ms(10);
}

static void clients_wait_until_the_stores_have_answered(void **state)
{
    (void)state;
    pthread_t thread;
    start_with_store_down();
    assert_int_equal(pthread_create(&thread, NULL, repair, NULL), 0); /* not before the fork */
    assert_int_equal(service_bench_ask(bench.port, "/hello"), 200);
    assert_int_equal(atomic_load(&shared->database), STATUS_OK);
    assert_int_equal(pthread_join(thread, NULL), 0);
    (void)kill(bench.child, SIGTERM);
    assert_int_equal(service_bench_wait(), 0);
}

static void clients_do_not_wait_for_ever(void **state)
{
    (void)state;
    start_with_store_down();
    assert_int_equal(service_bench_ask(bench.port, "/hello"), 200); /* the service answers for itself */
    assert_int_equal(service_bench_ask(bench.ops_port, "/readyz"), 503);
    (void)kill(bench.child, SIGTERM);
    assert_int_equal(service_bench_wait(), 0);
}

static void ask_verbosely(int http_status, const char *text, const char *metric)
{
    service_bench_sleep_ms(1050); /* an answer is good for a second */
    assert_int_equal(service_bench_ask(bench.ops_port, "/readyz?verbose"), http_status);
    assert_non_null(strstr(bench.answer, text));
    assert_int_equal(service_bench_ask(bench.ops_port, "/metrics"), 200);
    assert_non_null(strstr(bench.answer, metric));
}

static void what_still_serves_somebody_is_ready_and_degraded(void **state)
{
    (void)state;
    service_bench_start(NULL);
    service_bench_wait_until_ready();
    atomic_store(&shared->has_rest, true);
    ask_verbosely(200, "[+] database\nready\n", "oauth1_degraded 0\n");
    atomic_store(&shared->database, STATUS_STORE_DOWN);
    ask_verbosely(200, "[-] database: a store does not answer; degraded: greetings go on\nready, degraded\n",
                  "oauth1_degraded 1\n");
    assert_int_equal(service_bench_ask(bench.ops_port, "/readyz"), 200);
    assert_non_null(strstr(bench.answer, "ready, degraded\n"));
    atomic_store(&shared->has_rest, false);
    ask_verbosely(503, "[-] database: a store does not answer\nnot ready\n", "oauth1_degraded 1\n");
    atomic_store(&shared->database, STATUS_OK);
    atomic_store(&shared->is_torn, true); /* a part of it */
    ask_verbosely(200, "[+] database: a page is?torn\nready, degraded\n", "oauth1_degraded 1\n");
    (void)kill(bench.child, SIGTERM);
    assert_int_equal(service_bench_wait(), 0);
}

static void what_was_down_is_ready_as_soon_as_it_is_back(void **state)
{
    (void)state;
    start_with_store_down();
    assert_int_equal(service_bench_ask(bench.port, "/hello"), 200); /* it has begun to serve */
    int64_t best_ns = INT64_MAX;
    for (int i = 0; i < 3; i++) {
        atomic_store(&shared->database, STATUS_STORE_DOWN);
        service_bench_sleep_ms(1050); /* the check that found nothing down is old by then */
        assert_int_equal(service_bench_ask(bench.ops_port, "/readyz"), 503);
        int64_t begin_ns = clock_monotonic_ns();
        atomic_store(&shared->database, STATUS_OK);
        service_bench_wait_until_ready();
        int64_t took_ns = clock_monotonic_ns() - begin_ns;
        best_ns = took_ns < best_ns ? took_ns : best_ns;
    }
    assert_true(best_ns < 500 * 1000000LL); /* and not after a second: the shortest, for the machine may be busy */
    (void)kill(bench.child, SIGTERM);
    assert_int_equal(service_bench_wait(), 0);
}

static void a_service_that_is_ready_is_asked_at_most_once_a_second(void **state)
{
    (void)state;
    service_bench_start(NULL);
    service_bench_wait_until_ready();
    service_bench_sleep_ms(100); /* each loop has asked for itself */
    int checks = atomic_load(&shared->checks);
    int64_t start_ns = clock_monotonic_ns();
    for (int i = 0; i < 20; i++)
        (void)service_bench_ask(bench.ops_port, "/readyz");
    int64_t seconds = (clock_monotonic_ns() - start_ns) / 1000000000;
    assert_in_range(atomic_load(&shared->checks), checks, checks + 1 + seconds);
    atomic_store(&shared->database, STATUS_STORE_DOWN);
    service_bench_sleep_ms(1050);
    assert_int_equal(service_bench_ask(bench.ops_port, "/readyz?verbose"), 503);
    assert_non_null(strstr(bench.answer, "[-] database: a store does not answer\nnot ready\n"));
    assert_int_equal(service_bench_ask(bench.ops_port, "/livez"), 200); /* restarting would not help */
    assert_int_equal(service_bench_ask(bench.ops_port, "/metrics"), 200);
    assert_non_null(strstr(bench.answer, "oauth1_store_up{store=\"database\"} 0\n"));
    atomic_store(&shared->database, STATUS_STORE_CORRUPT);
    service_bench_sleep_ms(1050);
    assert_int_equal(service_bench_ask(bench.ops_port, "/readyz?verbose"), 503);
    assert_non_null(strstr(bench.answer, "[-] database: a page is?torn\nnot ready\n")); /* what the store says */
    assert_int_equal(service_bench_ask(bench.ops_port, "/readyz"), 503);
    assert_null(strstr(bench.answer, "torn"));
    atomic_store(&shared->database, STATUS_OK);
    service_bench_sleep_ms(1050);
    assert_int_equal(service_bench_ask(bench.ops_port, "/metrics"), 200); /* asks by itself */
    assert_non_null(strstr(bench.answer, "oauth1_store_up{store=\"database\"} 1\n"));
    assert_int_equal(service_bench_ask(bench.ops_port, "/readyz?verbose"), 200);
    assert_non_null(strstr(bench.answer, "[+] database\nready\n"));
    (void)kill(bench.child, SIGTERM);
    assert_int_equal(service_bench_wait(), 0);
}

enum { LOOPS = 2, BLOCKERS = 64, TRIES = 20 };
static const double answer_max_ms = 50;

/* The shortest of some answers' times: the machine may be busy with other things. */
static double answer_ms(const char *path, int code)
{
    double best = 1e9;
    for (int i = 0; i < TRIES; i++) {
        int64_t begin = clock_monotonic_ns();
        assert_int_equal(service_bench_ask(bench.ops_port, path), code);
        double ms = (double)(clock_monotonic_ns() - begin) / 1e6;
        best = ms < best ? ms : best;
    }
    return best;
}

static void the_ops_port_answers_while_every_loop_stands_still(void **state)
{
    (void)state;
    int blockers[BLOCKERS];
    int count = 0;
    service_bench_start(NULL);
    service_bench_wait_until_ready();
    for (; count < BLOCKERS && atomic_load(&shared->blocked) < LOOPS; count++) {
        blockers[count] = service_bench_connect(bench.port);
        service_bench_send(blockers[count], "/block");
        service_bench_sleep_ms(5);
    }
    assert_int_equal(atomic_load(&shared->blocked), LOOPS);
    assert_true(answer_ms("/livez", 200) < answer_max_ms);
    assert_true(answer_ms("/readyz", 200) < answer_max_ms); /* what is known */
    assert_true(answer_ms("/metrics", 200) < answer_max_ms);
    for (int i = 0; i < 500 && service_bench_ask(bench.ops_port, "/readyz?verbose") == 200; i++)
        service_bench_sleep_ms(10);
    assert_non_null(strstr(bench.answer, "[-] loop 0: no answer for 3 s\n"));
    assert_true(answer_ms("/readyz", 503) < answer_max_ms);
    assert_int_equal(service_bench_ask(bench.ops_port, "/livez"), 200);
    atomic_store(&shared->let_loops_go, true);
    service_bench_wait_until_ready();
    assert_int_equal(service_bench_ask(bench.ops_port, "/readyz?verbose"), 200);
    assert_null(strstr(bench.answer, "loop"));
    for (int i = 0; i < count; i++)
        (void)close(blockers[i]);
    (void)kill(bench.child, SIGTERM);
    assert_int_equal(service_bench_wait(), 0);
}

enum { IDLE_CLIENTS = 300 };

static void idle_clients_take_no_descriptor_that_others_need(void **state)
{
    (void)state;
    int idle[IDLE_CLIENTS];
    char many[] = "--connections=65536";
    char *extra[] = {many, NULL};
    bench.child_limit = (struct rlimit){.rlim_cur = 80, .rlim_max = 400};
    service_bench_start(extra);
    bench.child_limit = (struct rlimit){0};
    service_bench_wait_until_ready();
    for (int i = 0; i < IDLE_CLIENTS; i++)
        idle[i] = service_bench_connect(bench.port);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(service_bench_ask(bench.ops_port, "/livez"), 200);
        assert_int_equal(service_bench_ask(bench.ops_port, "/readyz"), 200);
        assert_int_equal(service_bench_ask(bench.port, "/hello"), 200);
        assert_int_equal(service_bench_ask(bench.admin_port, "/admin"), 200);
    }
    assert_int_equal(service_bench_ask(bench.ops_port, "/metrics"), 200);
    const char *closed = strstr(bench.answer, "oauth1_connections_closed_total{reason=\"cap\"} ");
    assert_non_null(closed);
    assert_true(strtol(strchr(closed, ' '), NULL, 10) > 0);
    for (int i = 0; i < IDLE_CLIENTS; i++)
        (void)close(idle[i]);
    (void)kill(bench.child, SIGTERM);
    assert_int_equal(service_bench_wait(), 0);
    assert_non_null(strstr(bench.log_text, "\"connections\":160,\"descriptors\":400"));
    assert_non_null(strstr(bench.log_text, "OAUTH1_CONNECTIONS: 160 connections are taken, not 65536"));
    const char *line = strstr(bench.log_text, "connections were closed for others (OAUTH1_CONNECTIONS)");
    assert_non_null(line);
    assert_null(strstr(line + 1, "connections were closed for others")); /* one line of many */
}

/* The service does not start: exit code and a part of its one error line. */
static void check_refused(int code, const char *why)
{
    assert_int_equal(service_bench_wait(), code);
    const char *line = strstr(bench.log_text, "\"level\":\"error\",\"message\":\"cannot start\"");
    assert_non_null(line);
    if (!strstr(line, why))
        fail_msg("\"%s\" is not in %s", why, bench.log_text);
    assert_null(strstr(bench.log_text, "\"message\":\"ready\""));
}

static void says_why_it_does_not_start(void **state)
{
    (void)state;
    atomic_store(&shared->open_with, STATUS_STORE_DOWN);
    service_bench_start(NULL);
    check_refused(3, "the fake store is not there");
    atomic_store(&shared->open_with, STATUS_BAD_INPUT);
    service_bench_start(NULL);
    check_refused(1, "the fake store is not there");
    assert_int_equal(shared->closed, 0); /* `open` left nothing to close */
}

static void refuses_a_port_that_is_taken(void **state)
{
    (void)state;
    uint16_t *ports[] = {&bench.port, &bench.admin_port, &bench.ops_port};
    static const char *const variables[] = {"OAUTH1_LISTEN", "OAUTH1_ADMIN_LISTEN", "OAUTH1_OPS_LISTEN"};
    for (size_t i = 0; i < COUNT_OF(ports); i++) {
        struct sockaddr_in address = {
            .sin_family = AF_INET, .sin_port = htons(*ports[i]), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        int one = 1;
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one); /* as another of our processes would */
        assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
        assert_int_equal(listen(fd, 1), 0);
        service_bench_start(NULL);
        check_refused(1, variables[i]);
        assert_int_equal(shared->closed, 1); /* the stores were open */
        (void)close(fd);
    }
}

static void refuses_to_share_an_embedded_database(void **state)
{
    (void)state;
    service_bench_start(NULL);
    service_bench_wait_until_ready();
    pid_t first = bench.child;
    int first_log = bench.log_end;
    bench.port = (uint16_t)free_port(), bench.admin_port = (uint16_t)free_port();
    uint16_t first_ops = bench.ops_port;
    bench.ops_port = (uint16_t)free_port();
    service_bench_start(NULL);
    check_refused(1, "is locked: another test-service serves this embedded database");
    bench.child = first, bench.log_end = first_log, bench.ops_port = first_ops;
    assert_int_equal(service_bench_ask(bench.ops_port, "/readyz"), 200); /* the first one is not harmed */
    (void)kill(bench.child, SIGTERM);
    assert_int_equal(service_bench_wait(), 0);
}

/* The exit code of `healthcheck`, while another child may serve. */
static int healthcheck(char *const *extra)
{
    pid_t serving = bench.child;
    int serving_log = bench.log_end;
    service_bench_start_command("healthcheck", extra);
    int code = service_bench_wait();
    bench.child = serving, bench.log_end = serving_log;
    return code;
}

static void healthcheck_asks_the_own_ops_port(void **state)
{
    (void)state;
    char live[] = "--live";
    char *alive[] = {live, NULL};
    assert_int_equal(healthcheck(NULL), 1);
    assert_non_null(strstr(bench.log_text, "nobody answers on the ops port (OAUTH1_OPS_LISTEN)"));
    service_bench_start(NULL);
    service_bench_wait_until_ready();
    assert_int_equal(healthcheck(NULL), 0);
    atomic_store(&shared->database, STATUS_STORE_DOWN);
    service_bench_sleep_ms(1050);
    assert_int_equal(healthcheck(NULL), 1);
    assert_non_null(strstr(bench.log_text, "the service is not ready (status 503)"));
    assert_int_equal(healthcheck(alive), 0); /* a store that is down is no reason to restart */
    (void)kill(bench.child, SIGTERM);
    assert_int_equal(service_bench_wait(), 0);
}

#define TOKEN "0123456789abcdef0123456789abcdef"

static void write_tokens(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    (void)fputs(text, file);
    (void)fclose(file);
}

static void reads_its_files_again_on_sighup(void **state)
{
    (void)state;
    char path[96], flag[128];
    (void)snprintf(path, sizeof path, "%s/tokens", bench.folder);
    (void)snprintf(flag, sizeof flag, "--admin-token-file=%s", path);
    char *extra[] = {flag, NULL};
    write_tokens(path, "a:" TOKEN "\n");
    service_bench_start(extra);
    service_bench_wait_until_ready();
    write_tokens(path, "a:" TOKEN ",b:" TOKEN "\n");
    (void)kill(bench.child, SIGHUP);
    for (int i = 0; i < 300 && atomic_load(&shared->reloaded_tokens) != 2; i++)
        service_bench_sleep_ms(10);
    assert_int_equal(shared->reloaded_tokens, 2);
    write_tokens(path, "too short\n");
    (void)kill(bench.child, SIGHUP);
    service_bench_sleep_ms(200);
    atomic_store(&shared->reload_with, STATUS_BAD_INPUT);
    write_tokens(path, "a:" TOKEN "\n");
    (void)kill(bench.child, SIGHUP);
    service_bench_sleep_ms(200);
    assert_int_equal(shared->reloaded_tokens, 2);
    assert_int_equal(service_bench_ask(bench.port, "/hello"), 200);
    (void)kill(bench.child, SIGTERM);
    assert_int_equal(service_bench_wait(), 0);
    assert_non_null(strstr(bench.log_text, "\"message\":\"reloaded\""));
    assert_non_null(strstr(bench.log_text, "the configuration stays as it was"));
    assert_non_null(strstr(bench.log_text, "OAUTH1_ADMIN_TOKEN (from "));
    assert_non_null(strstr(bench.log_text, "the fake keys are broken"));
}

static void wait_for_reloads(int count)
{
    for (int i = 0; i < 500 && atomic_load(&shared->reloads) < count; i++)
        service_bench_sleep_ms(10);
    assert_int_equal(shared->reloads, count);
}

static void every_loop_serves_while_a_reload_waits_for_a_store(void **state)
{
    (void)state;
    service_bench_start(NULL);
    service_bench_wait_until_ready();
    atomic_store(&shared->hold_reload, true);
    (void)kill(bench.child, SIGHUP);
    wait_for_reloads(1);
    for (int i = 0; i < TRIES; i++) /* the kernel spreads connections over the loops */
        assert_int_equal(service_bench_ask(bench.port, "/hello"), 200);
    for (int i = 0; i < 3; i++) {
        (void)kill(bench.child, SIGHUP); /* meanwhile: one run more, however many */
        assert_int_equal(service_bench_ask(bench.port, "/hello"), 200);
        service_bench_sleep_ms(20);
    }
    assert_int_equal(shared->reloads, 1);
    atomic_store(&shared->hold_reload, false);
    wait_for_reloads(2);
    (void)kill(bench.child, SIGTERM);
    assert_int_equal(service_bench_wait(), 0);
    assert_int_equal(shared->reloads, 2);
    assert_int_equal(service_bench_count_of(bench.log_text, "\"message\":\"reloaded\""), 2);
}

/* An answer within 100 ms of the start (docs/design/performance.md, "Goals"); ten times as long under sanitizers. */
static void is_ready_soon(void **state)
{
    (void)state;
    service_bench_start(NULL);
    service_bench_wait_until_ready();
    (void)kill(bench.child, SIGTERM);
    assert_int_equal(service_bench_wait(), 0);
    const char *start = strstr(bench.log_text, "\"start_ms\":");
    assert_non_null(start);
    assert_in_range(strtol(start + 11, NULL, 10), 0, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVICE_TEST(serves_until_sigterm),
        SERVICE_TEST(shows_metrics),
        SERVICE_TEST(clients_wait_until_the_stores_have_answered),
        SERVICE_TEST(clients_do_not_wait_for_ever),
        SERVICE_TEST(what_still_serves_somebody_is_ready_and_degraded),
        SERVICE_TEST(what_was_down_is_ready_as_soon_as_it_is_back),
        SERVICE_TEST(a_service_that_is_ready_is_asked_at_most_once_a_second),
        SERVICE_TEST(the_ops_port_answers_while_every_loop_stands_still),
        SERVICE_TEST(idle_clients_take_no_descriptor_that_others_need),
        SERVICE_TEST(says_why_it_does_not_start),
        SERVICE_TEST(refuses_a_port_that_is_taken),
        SERVICE_TEST(refuses_to_share_an_embedded_database),
        SERVICE_TEST(healthcheck_asks_the_own_ops_port),
        SERVICE_TEST(reads_its_files_again_on_sighup),
        SERVICE_TEST(every_loop_serves_while_a_reload_waits_for_a_store),
        SERVICE_TEST(is_ready_soon),
    };
    return cmocka_run_group_tests_name("service", tests, service_bench_share, NULL);
}
