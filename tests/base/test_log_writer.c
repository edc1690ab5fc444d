#include "base/log_writer.h"

#include "base/clock.h"
#include "support/test.h"
#include "support/threads.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { PATIENCE_MS = 5000, THREADS = 4, LINES = 2000 };

struct reader {
    int ends[2];
    _Atomic uint64_t lost;
    struct log_writer *writer;
};

static int set_up(void **state)
{
    struct reader *it = calloc(1, sizeof *it);
    assert_non_null(it);
    assert_int_equal(pipe2(it->ends, O_CLOEXEC), 0);
    it->writer = log_writer_new(it->ends[1], &it->lost);
    assert_non_null(it->writer);
    *state = it;
    return 0;
}

static int tear_down(void **state)
{
    struct reader *it = *state;
    for (size_t i = 0; i < COUNT_OF(it->ends); i++)
        if (it->ends[i] >= 0)
            (void)close(it->ends[i]);
    free(it);
    return 0;
}

static void add(struct reader *it, enum log_level level, const char *line)
{
    log_writer_add(it->writer, level, slice_str(line));
}

/* A line of about a hundred bytes that says which it is. */
static void add_numbered(struct reader *it, enum log_level level, unsigned number)
{
    char line[128];
    (void)snprintf(line, sizeof line, "%s %u %080d\n", log_level_name(level), number, 0);
    add(it, level, line);
}

/* Reads until the text is there (or nothing comes for a while). */
static char *read_until(struct reader *it, const char *text)
{
    static char got[4 * LOG_QUEUE_BYTES];
    struct pollfd place = {.fd = it->ends[0], .events = POLLIN};
    size_t len = 0;
    got[0] = '\0';
    while (!strstr(got, text) && poll(&place, 1, PATIENCE_MS) > 0) {
        ssize_t more = read(it->ends[0], got + len, sizeof got - 1 - len);
        if (more <= 0)
            break;
        len += (size_t)more;
        got[len] = '\0';
    }
    if (!strstr(got, text))
        fail_msg("\"%s\" is not in what was written", text);
    return got;
}

static void lines_come_in_their_order(void **state)
{
    struct reader *it = *state;
    add(it, LOG_INFO, "one\n");
    add(it, LOG_ERROR, "two\nthree\n");
    add(it, LOG_DEBUG, "four\n");
    assert_string_equal(read_until(it, "four\n"), "one\ntwo\nthree\nfour\n");
    assert_true(log_writer_free_blocking(it->writer, PATIENCE_MS));
    assert_int_equal(it->lost, 0);
}

static void the_last_lines_are_written_before_the_end(void **state)
{
    struct reader *it = *state;
    for (unsigned i = 0; i < 100; i++)
        add_numbered(it, LOG_INFO, i);
    assert_true(log_writer_free_blocking(it->writer, PATIENCE_MS));
    (void)read_until(it, "info 99 ");
}

/* Until no more is taken: what nobody reads, and what waits behind it. */
static unsigned add_until_dropped(struct reader *it, enum log_level level)
{
    uint64_t before = it->lost;
    unsigned count = 0;
    while (it->lost == before && count < 100000)
        add_numbered(it, level, count++);
    assert_int_equal(it->lost, before + 1);
    return count - 1;
}

/* Nothing goes through the pipe before it is read. Else the writer, were it slow, could write while its queue is
 * filled, and say what was dropped then: once more than where it says that at the end. */
static void fill_pipe(struct reader *it)
{
    char page[4096];
    memset(page, '\n', sizeof page);
    assert_int_equal(fcntl(it->ends[1], F_SETFL, O_NONBLOCK), 0);
    while (write(it->ends[1], page, sizeof page) > 0)
        ;
    assert_int_equal(fcntl(it->ends[1], F_SETFL, 0), 0);
}

/* Reads all that waits, of which warning `last` is the end, and a line that is added then. How many lines are said to
 * have been dropped; fails where that is not said once. */
static unsigned long read_all(struct reader *it, unsigned last)
{
    char text[32];
    unsigned long said = 0;
    unsigned times = 0;
    (void)snprintf(text, sizeof text, "warn %u 0", last);
    for (const char *until = text; until; until = until == text ? "it flows again\n" : NULL) {
        if (until != text)
            add(it, LOG_INFO, until);
        for (const char *at = read_until(it, until); (at = strstr(at, "dropped")); at++, times++)
            said = strtoul(strstr(at, "\"lines\":") + 8, NULL, 10);
    }
    assert_int_equal(times, 1);
    return said;
}

static void nobody_waits_for_a_reader_and_warnings_have_room_of_their_own(void **state)
{
    struct reader *it = *state;
    int64_t began_ns = clock_monotonic_ns();
    fill_pipe(it);
    unsigned taken = add_until_dropped(it, LOG_INFO);
    assert_in_range(taken, LOG_QUEUE_BYTES / 2 / 128, (LOG_QUEUE_BYTES / 2 + LOG_LINE_BYTES) / 80);
    unsigned warnings = add_until_dropped(it, LOG_WARN);
    assert_in_range(warnings, LOG_QUEUE_BYTES / 2 / 128, (LOG_QUEUE_BYTES / 2 + LOG_LINE_BYTES) / 80);
    assert_int_equal(add_until_dropped(it, LOG_INFO), 0);
    (void)add_until_dropped(it, LOG_ERROR); /* some find room where the writer has just taken what it writes next */
    assert_true((clock_monotonic_ns() - began_ns) / 1000000 < PATIENCE_MS);
    assert_int_equal(it->lost, 4);
    assert_int_equal(read_all(it, warnings - 1), 4);
    assert_true(log_writer_free_blocking(it->writer, PATIENCE_MS));
    assert_int_equal(it->lost, 4);
}

static void the_end_does_not_wait_for_a_reader_for_ever(void **state)
{
    struct reader *it = *state;
    unsigned taken = add_until_dropped(it, LOG_WARN);
    int64_t began_ns = clock_monotonic_ns();
    assert_false(log_writer_free_blocking(it->writer, 100));
    assert_in_range((clock_monotonic_ns() - began_ns) / 1000000, 100, PATIENCE_MS);
    uint64_t lost = it->lost;
    add(it, LOG_ERROR, "nobody hears\n");
    assert_int_equal(it->lost, lost + 1);
    char last[32];
    (void)snprintf(last, sizeof last, "warn %u 0", taken - 1);
    (void)read_until(it, last);
    assert_true(log_writer_free_blocking(it->writer, PATIENCE_MS));
}

static void a_reader_who_left_costs_lines_and_nothing_else(void **state)
{
    struct reader *it = *state;
    struct sigaction before;
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    assert_int_equal(sigaction(SIGPIPE, &ignore, &before), 0);
    (void)close(it->ends[0]);
    it->ends[0] = -1;
    add(it, LOG_INFO, "nobody\nhears\n");
    assert_true(log_writer_free_blocking(it->writer, PATIENCE_MS));
    assert_int_equal(it->lost, 2);
    assert_int_equal(sigaction(SIGPIPE, &before, NULL), 0);
}

static void *add_many(void *context)
{
    for (unsigned i = 0; i < LINES; i++)
        add_numbered(context, LOG_WARN, i);
    return NULL;
}

static void lines_of_threads_do_not_mix(void **state)
{
    struct reader *it = *state;
    pthread_t threads[THREADS];
    size_t whole = 0;
    threads_start(threads, THREADS, add_many, it, 0);
    threads_join(threads, THREADS);
    add(it, LOG_WARN, "end\n");
    struct slice rest = slice_str(read_until(it, "end\n"));
    for (bool more = true; more;) {
        struct slice line = slice_cut(&rest, '\n', &more);
        whole += slice_starts_with(line, SLICE("warn ")) && line.len > 80 && line.ptr[line.len - 81] == ' ';
    }
    assert_int_equal(whole, THREADS * LINES);
    assert_true(log_writer_free_blocking(it->writer, PATIENCE_MS));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(lines_come_in_their_order),
        TEST(the_last_lines_are_written_before_the_end),
        TEST(nobody_waits_for_a_reader_and_warnings_have_room_of_their_own),
        TEST(the_end_does_not_wait_for_a_reader_for_ever),
        TEST(a_reader_who_left_costs_lines_and_nothing_else),
        TEST(lines_of_threads_do_not_mix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
