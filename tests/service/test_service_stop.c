/* How a service ends: it drains, or gives up. */
#include "service_bench.h"

#include <signal.h>
#include <unistd.h>

static void drains_before_it_stops(void **state)
{
    (void)state;
    char delay[] = "--shutdown-delay=1";
    char *extra[] = {delay, NULL};
    service_bench_start(extra);
    service_bench_wait_until_ready();
    int idle = service_bench_connect(bench.port), busy = service_bench_connect(bench.port);
    service_bench_send(idle, "/hello");
    assert_int_equal(service_bench_read_reply(idle), 200);
    assert_null(strcasestr(bench.answer, "connection: close"));
    service_bench_send(busy, "/slow");
    while (!atomic_load(&shared->in_slow))
        service_bench_sleep_ms(5);
    (void)kill(bench.child, SIGTERM);
    service_bench_sleep_ms(100);
    assert_int_equal(service_bench_ask(bench.ops_port, "/readyz"), 503); /* first of all */
    service_bench_send(idle, "/hello"); /* still served, for the last time on this connection */
    assert_int_equal(service_bench_read_reply(idle), 200);
    assert_non_null(strcasestr(bench.answer, "connection: close"));
    assert_int_equal(service_bench_ask(bench.port, "/hello"), 200); /* new ones too */
    service_bench_sleep_ms(1400);
    assert_int_equal(service_bench_ask(bench.port, "/hello"), -1); /* the delay is over */
    assert_int_equal(service_bench_ask(bench.ops_port, "/livez"), 200);
    atomic_store(&shared->let_slow_go, true);
    assert_int_equal(service_bench_read_reply(busy), 200); /* what was in flight is finished */
    assert_int_equal(service_bench_wait(), 0);
    assert_int_equal(shared->closed, 1);
    (void)close(idle), (void)close(busy);
}

static void gives_up_on_requests_that_do_not_finish(void **state)
{
    (void)state;
    char timeout[] = "--shutdown-timeout=0.2";
    char *extra[] = {timeout, NULL};
    service_bench_start(extra);
    service_bench_wait_until_ready();
    int busy = service_bench_connect(bench.port);
    service_bench_send(busy, "/slow");
    while (!atomic_load(&shared->in_slow))
        service_bench_sleep_ms(5);
    (void)kill(bench.child, SIGTERM);
    assert_int_equal(service_bench_wait(), 0);
    assert_int_equal(shared->closed, 2); /* not clean */
    (void)close(busy);
}

/* A store that is closed answers whoever waits for it, and what they would go on with is being closed. */
static void no_request_goes_on_once_the_stores_are_closed(void **state)
{
    (void)state;
    char timeout[] = "--shutdown-timeout=0";
    char *extra[] = {timeout, NULL};
    service_bench_start(extra);
    service_bench_wait_until_ready();
    int busy = service_bench_connect(bench.port);
    service_bench_send(busy, "/hold");
    while (!atomic_load(&shared->in_held))
        service_bench_sleep_ms(5);
    (void)kill(bench.child, SIGTERM);
    assert_int_equal(service_bench_wait(), 0);
    assert_int_equal(service_bench_read_reply(busy), 0); /* the connection ends without one */
    assert_int_equal(shared->closed, 2);
    assert_int_equal(shared->went_on, 0);
    (void)close(busy);
}

static void a_signal_does_not_interrupt_the_closing_of_the_stores(void **state)
{
    (void)state;
    atomic_store(&shared->closes_slowly, true);
    service_bench_start(NULL);
    service_bench_wait_until_ready();
    (void)kill(bench.child, SIGTERM);
    while (!atomic_load(&shared->is_closing))
        service_bench_sleep_ms(5);
    (void)kill(bench.child, SIGTERM);
    (void)kill(bench.child, SIGHUP);
    service_bench_sleep_ms(50);
    atomic_store(&shared->let_slow_go, true);
    assert_int_equal(service_bench_wait(), 0);
    assert_int_equal(shared->closed, 1);
}

static void a_second_signal_stops_at_once(void **state)
{
    (void)state;
    char delay[] = "--shutdown-delay=30";
    char *extra[] = {delay, NULL};
    service_bench_start(extra);
    service_bench_wait_until_ready();
    (void)kill(bench.child, SIGTERM);
    service_bench_sleep_ms(100);
    assert_int_equal(service_bench_ask(bench.port, "/hello"), 200);
    (void)kill(bench.child, SIGINT);
    assert_int_equal(service_bench_wait(), 0);
    assert_non_null(strstr(bench.log_text, "stopping at once"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVICE_TEST(drains_before_it_stops),
        SERVICE_TEST(gives_up_on_requests_that_do_not_finish),
        SERVICE_TEST(no_request_goes_on_once_the_stores_are_closed),
        SERVICE_TEST(a_signal_does_not_interrupt_the_closing_of_the_stores),
        SERVICE_TEST(a_second_signal_stops_at_once),
    };
    return cmocka_run_group_tests_name("service_stop", tests, service_bench_share, NULL);
}
