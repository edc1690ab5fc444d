#include "base/log.h"

#include "support/test.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* 2026-11-24T01:02:03.004Z */
static const int64_t when = INT64_C(1795482123004);

static void check_line(enum log_format format, const struct log_field *fields, size_t count, const char *expected)
{
    struct buf out = BUF_INIT;
    log_format_line(&out, format, when, LOG_WARN, "it \"happened\"", fields, count);
    assert_slice_equal(buf_slice(&out), slice_str(expected));
    buf_done(&out);
}

static void writes_typed_fields(void **state)
{
    (void)state;
    const struct log_field fields[] = {
        LOG_TEXT("store", "redis"),     LOG_INT("port", -6379),   LOG_BOOL("up", true),
        LOG_NS("duration_ms", 1234567), LOG_TEXT("absent", NULL), LOG_REQUEST(SLICE("abc")),
        LOG_SLICE("empty", SLICE("")),
    };
    check_line(LOG_FORMAT_JSON, fields, COUNT_OF(fields),
               "{\"time\":\"2026-11-24T01:02:03.004Z\",\"level\":\"warn\",\"message\":\"it \\\"happened\\\"\","
               "\"store\":\"redis\",\"port\":-6379,\"up\":true,\"duration_ms\":1.234,\"request_id\":\"abc\","
               "\"empty\":\"\"}\n");
    check_line(LOG_FORMAT_TEXT, fields, COUNT_OF(fields),
               "2026-11-24T01:02:03.004Z warn  it \\\"happened\\\" store=redis port=-6379 up=true duration_ms=1.234 "
               "request_id=abc empty=\"\"\n");
}

static void no_value_breaks_out_of_its_place(void **state)
{
    (void)state;
    const struct log_field fields[] = {
        LOG_TEXT("a", "x\n{\"level\":\"error\"}"),
        LOG_TEXT("b", "x y=z"),
        LOG_TEXT("c", "\x1b[2J\xff\xe2\x80\xa8"),
    };
    check_line(LOG_FORMAT_JSON, fields, COUNT_OF(fields),
               "{\"time\":\"2026-11-24T01:02:03.004Z\",\"level\":\"warn\",\"message\":\"it \\\"happened\\\"\","
               "\"a\":\"x\\n{\\\"level\\\":\\\"error\\\"}\",\"b\":\"x y=z\","
               "\"c\":\"\\u001b[2J\xef\xbf\xbd\\u2028\"}\n");
    check_line(LOG_FORMAT_TEXT, fields, COUNT_OF(fields),
               "2026-11-24T01:02:03.004Z warn  it \\\"happened\\\" a=\"x\\n{\\\"level\\\":\\\"error\\\"}\" b=\"x y=z\" "
               "c=\"\\u001b[2J\xef\xbf\xbd\\u2028\"\n");
}

static void cuts_a_value_that_is_too_long(void **state)
{
    (void)state;
    char text[3000];
    memset(text, 'x', sizeof text);
    memcpy(text + 1022, "\xe2\x82\xac", 3); /* across the cut */
    const struct log_field field = LOG_SLICE("path", slice_of(text, sizeof text));
    struct buf out = BUF_INIT;
    log_format_line(&out, LOG_FORMAT_JSON, when, LOG_INFO, "m", &field, 1);
    assert_true(slice_is_utf8(buf_slice(&out)));
    assert_true(out.len < 1200);
    assert_non_null(strstr(buf_string(&out), "xxx…\"}\n"));
    buf_done(&out);
}

static void never_writes_a_line_longer_than_its_bound(void **state)
{
    (void)state;
    char text[1024];
    memset(text, '\x01', sizeof text); /* six bytes each, once escaped */
    const struct log_field fields[] = {
        LOG_INT("kept", 1),
        LOG_SLICE("a", slice_of(text, 500)),
        LOG_SLICE("b", slice_of(text, sizeof text)),
        LOG_INT("lost", 2),
    };
    struct buf out = BUF_INIT;
    log_format_line(&out, LOG_FORMAT_JSON, when, LOG_INFO, "m", fields, COUNT_OF(fields));
    assert_true(out.len <= LOG_LINE_BYTES);
    const char *line = buf_string(&out);
    assert_non_null(strstr(line, "\"kept\":1,\"a\":"));
    assert_null(strstr(line, "\"b\""));
    assert_null(strstr(line, "\"lost\""));
    assert_non_null(strstr(line, ",\"truncated\":true}\n"));
    buf_done(&out);
}

/* What log_write writes at this level, of a warning. */
static ssize_t written(enum log_level level, char *out, size_t size)
{
    int ends[2];
    assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
    log_init(ends[1], level, LOG_FORMAT_AUTO);
    log_line(LOG_WARN, "hello", LOG_INT("n", 1));
    ssize_t len = read(ends[0], out, size);
    (void)close(ends[0]);
    (void)close(ends[1]);
    return len;
}

static void writes_a_line_if_its_level_is_on(void **state)
{
    (void)state;
    char line[LOG_LINE_BYTES] = "";
    ssize_t len = written(LOG_WARN, line, sizeof line - 1);
    assert_true(len > 0);
    assert_int_equal(line[0], '{'); /* a pipe is no terminal */
    assert_int_equal(line[len - 1], '\n');
    assert_int_equal(written(LOG_ERROR, line, sizeof line - 1), -1);
    log_set_level(LOG_DEBUG);
    assert_true(log_enabled(LOG_DEBUG));
}

static void counts_lines_that_are_lost(void **state)
{
    (void)state;
    uint64_t before = log_lines_lost();
    log_init(-1, LOG_INFO, LOG_FORMAT_JSON);
    errno = 7;
    log_line(LOG_ERROR, "nobody hears", LOG_INT("n", 1));
    assert_int_equal(errno, 7);
    assert_int_equal(log_lines_lost(), before + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_typed_fields),
        cmocka_unit_test(no_value_breaks_out_of_its_place),
        cmocka_unit_test(cuts_a_value_that_is_too_long),
        cmocka_unit_test(never_writes_a_line_longer_than_its_bound),
        cmocka_unit_test(writes_a_line_if_its_level_is_on),
        cmocka_unit_test(counts_lines_that_are_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
