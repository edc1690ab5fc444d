#include "http/http1.h"

#include "support/test.h"

/* ---- the head ---- */

static void the_end_of_a_head_is_found_however_it_arrives(void **state UNUSED)
{
    struct slice text = SLICE("GET / HTTP/1.1\r\nA: b\r\n\r\nrest");
    for (size_t step = 1; step <= text.len; step++) {
        struct http1_scan scan = {0};
        enum http1_progress progress = HTTP1_MORE;
        size_t len = 0;
        const char *wrong = NULL;
        for (size_t seen = step; progress == HTTP1_MORE; seen += step) {
            progress = http1_find_end(&scan, slice_sub(text, 0, seen), &len, &wrong);
            assert_true(progress == HTTP1_WHOLE || seen < text.len);
            assert_true(progress == HTTP1_MORE || len <= seen); /* from nothing that is not there yet */
            assert_true(progress == HTTP1_WHOLE || scan.at == seen);
        }
        assert_int_equal(progress, HTTP1_WHOLE);
        assert_int_equal(len, text.len - 4);
        assert_int_equal(scan.lines, 2);
    }
}

static void a_line_ends_with_cr_lf(void **state UNUSED)
{
    static const char *const texts[] = {"\n", "\r\r\n\n", "GET / HTTP/1.1\n", "GET / HTTP/1.1\r\nA: b\n",
                                        "GET / HTTP/1.1\r\n\n"};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct http1_scan scan = {0};
        size_t len;
        const char *wrong = NULL;
        assert_int_equal(http1_find_end(&scan, slice_str(texts[i]), &len, &wrong), HTTP1_WRONG);
        assert_non_null(wrong);
    }
}

/* As the transport does it; asserts that it is a whole head. */
static const char *parse(const char *text, struct http1_head *head, struct header *headers, size_t *ret_count)
{
    struct http1_scan scan = {0};
    size_t len;
    const char *wrong;
    assert_int_equal(http1_find_end(&scan, slice_str(text), &len, &wrong), HTTP1_WHOLE);
    assert_int_equal(len, strlen(text));
    *ret_count = scan.lines - 1;
    return http1_parse(slice_str(text), head, headers, *ret_count);
}

static void a_head_is_taken_apart(void **state UNUSED)
{
    struct http1_head head;
    struct header headers[4];
    size_t count;
    assert_null(parse("POST /a?b HTTP/1.0\r\nHost:a\r\nX-Y: \t b c \t\r\nEmpty:\r\nColons: a:b\r\n\r\n", &head, headers,
                      &count));
    assert_slice_equal(head.method, SLICE("POST"));
    assert_slice_equal(head.target, SLICE("/a?b"));
    assert_int_equal(head.version_major, 1);
    assert_int_equal(head.version_minor, 0);
    assert_int_equal(count, 4);
    assert_slice_equal(headers[0].name, SLICE("Host"));
    assert_slice_equal(headers[0].value, SLICE("a"));
    assert_slice_equal(headers[1].value, SLICE("b c"));
    assert_slice_equal(headers[2].value, SLICE(""));
    assert_slice_equal(headers[3].value, SLICE("a:b"));
    assert_null(parse("GET / HTTP/9.9\r\n\r\n", &head, headers, &count)); /* for whoever judges versions */
    assert_int_equal(head.version_major, 9);
    assert_int_equal(head.version_minor, 9);
}

static void what_is_not_a_head_is_said(void **state UNUSED)
{
    static const struct {
        const char *text;
        const char *wrong;
    } cases[] = {
        {"GET\r\n\r\n", "METHOD TARGET"},
        {"GET /\r\n\r\n", "METHOD TARGET"},
        {" / HTTP/1.1\r\n\r\n", "METHOD TARGET"},
        {"GET  HTTP/1.1\r\n\r\n", "METHOD TARGET"},
        {"GET / \r\n\r\n", "version"},
        {"GET / a HTTP/1.1\r\n\r\n", "version"},
        {"GET / HTTP/1.1 \r\n\r\n", "version"},
        {"GET / HTTP/1\r\n\r\n", "version"},
        {"GET / HTTP/1.\r\n\r\n", "version"},
        {"GET / HTTP/a.1\r\n\r\n", "version"},
        {"GET / HTTP/1.b\r\n\r\n", "version"},
        {"GET / HTTP/1-1\r\n\r\n", "version"},
        {"GET / HTTP//.1\r\n\r\n", "version"},
        {"GET / HTTP/1./\r\n\r\n", "version"},
        {"GET / HTTP/:.1\r\n\r\n", "version"},
        {"GET / HTTX/1.1\r\n\r\n", "version"},
        {"GET / HTTP/1.1\r\n A: b\r\n\r\n", "folded"},
        {"GET / HTTP/1.1\r\nA: b\r\n\tc\r\n\r\n", "folded"},
        {"GET / HTTP/1.1\r\nA\r\n\r\n", "colon"},
        /* and all that follows is right */
        {"GET /\r\nA: b\r\n\r\n", "METHOD TARGET"},
        {"GET / HTTP/1.1\r\nA\r\nB: c\r\n\r\n", "colon"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct http1_head head;
        struct header headers[4];
        size_t count;
        const char *wrong = parse(cases[i].text, &head, headers, &count);
        assert_non_null(wrong);
        if (!strstr(wrong, cases[i].wrong))
            fail_msg("%s: %s", cases[i].text, wrong);
    }
}

/* ---- a chunked body ---- */

enum { MAX = 20 };

/* Feeds it in pieces of `step` bytes. */
static enum http1_progress feed(struct slice text, size_t step, struct buf *out, struct slice *ret_rest)
{
    struct http1_chunks chunks = {0};
    enum http1_progress progress = HTTP1_MORE;
    size_t begin = 0;
    buf_reset(out);
    while (progress == HTTP1_MORE && begin < text.len) {
        const char *wrong = NULL;
        struct slice piece = slice_sub(text, begin, begin + step);
        size_t len = piece.len;
        progress = http1_take_chunks(&chunks, &piece, MAX, out, &wrong);
        assert_true(progress != HTTP1_WRONG || wrong);
        assert_true(progress != HTTP1_MORE || piece.len == 0);
        begin += len - piece.len;
    }
    *ret_rest = slice_sub(text, begin, text.len);
    return progress;
}

static void chunks_are_put_together_however_they_arrive(void **state UNUSED)
{
    struct slice text = SLICE("3\r\nabc\r\n00A;x=\"y\"\r\n0123456789\r\n1;\r\nd\r\n0\r\nA: b\r\nC:\r\n\r\nrest");
    struct buf out = BUF_INIT;
    for (size_t step = 1; step <= text.len; step++) {
        struct slice rest;
        assert_int_equal(feed(text, step, &out, &rest), HTTP1_WHOLE);
        assert_slice_equal(buf_slice(&out), SLICE("abc0123456789d"));
        assert_slice_equal(rest, SLICE("rest"));
    }
    buf_done(&out);
}

static void a_chunks_size_is_hexadecimal(void **state UNUSED)
{
    static const struct {
        const char *text, *data;
    } rows[] = {
        {"9\r\n123456789\r\n0\r\n\r\n", "123456789"},
        {"f\r\n123456789012345\r\n0\r\n\r\n", "123456789012345"},
        {"F\r\n123456789012345\r\n0\r\n\r\n", "123456789012345"},
        {"10\r\n1234567890123456\r\n0\r\n\r\n", "1234567890123456"},
        {"14\r\n01234567890123456789\r\n0\r\n\r\n", "01234567890123456789"}, /* MAX bytes */
        {"1\r\nx\r\n0\r\nA~: b\r\n\r\n", "x"},
        {"1;\ta\r\nx\r\n0\r\n\r\n", "x"},
    };
    struct buf out = BUF_INIT;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct slice rest;
        assert_int_equal(feed(slice_str(rows[i].text), 1, &out, &rest), HTTP1_WHOLE);
        assert_slice_equal(buf_slice(&out), slice_str(rows[i].data));
    }
    buf_done(&out);
}

static void what_is_no_chunk_is_wrong_however_it_arrives(void **state UNUSED)
{
    static const struct {
        struct slice text;
        enum http1_progress progress;
    } cases[] = {
        {SLICE_INIT("\r\n"), HTTP1_WRONG},
        {SLICE_INIT(";a\r\n"), HTTP1_WRONG},
        {SLICE_INIT("g\r\n"), HTTP1_WRONG},
        {SLICE_INIT("-1\r\n"), HTTP1_WRONG},
        {SLICE_INIT("/\r\n"), HTTP1_WRONG},
        {SLICE_INIT(":\r\n"), HTTP1_WRONG},
        {SLICE_INIT("@\r\n"), HTTP1_WRONG},
        {SLICE_INIT("`\r\n"), HTTP1_WRONG},
        {SLICE_INIT("G\r\n"), HTTP1_WRONG},
        {SLICE_INIT("0x1\r\n"), HTTP1_WRONG},
        {SLICE_INIT(" 1\r\n"), HTTP1_WRONG},
        {SLICE_INIT("1 \r\n"), HTTP1_WRONG},
        {SLICE_INIT("1\n"), HTTP1_WRONG},
        {SLICE_INIT("1\ra"), HTTP1_WRONG},
        {SLICE_INIT("1\r\nab"), HTTP1_WRONG},
        {SLICE_INIT("1\r\na\n"), HTTP1_WRONG},
        {SLICE_INIT("1\r\na\ra"), HTTP1_WRONG},
        {SLICE_INIT("1\r\na\r\n\r\n"), HTTP1_WRONG},
        {SLICE_INIT("1;\x7f"), HTTP1_WRONG},
        {SLICE_INIT("1;\x1f"), HTTP1_WRONG},
        {SLICE_INIT("1;\0"), HTTP1_WRONG},
        {SLICE_INIT("1;a\n"), HTTP1_WRONG},
        {SLICE_INIT("0000000000000001\r\n"), HTTP1_WRONG},
        {SLICE_INIT("0\r\n\n"), HTTP1_WRONG},
        {SLICE_INIT("0\r\n\ra"), HTTP1_WRONG},
        {SLICE_INIT("0\r\na\r\n"), HTTP1_WRONG},
        {SLICE_INIT("0\r\na :b\r\n"), HTTP1_WRONG},
        {SLICE_INIT("0\r\n:b\r\n"), HTTP1_WRONG},
        {SLICE_INIT("0\r\n b\r\n"), HTTP1_WRONG},
        {SLICE_INIT("0\r\na: b\n"), HTTP1_WRONG},
        {SLICE_INIT("0\r\na: b\x01"), HTTP1_WRONG},
        {SLICE_INIT("0\r\n\xc3\xa9: b"), HTTP1_WRONG},
        {SLICE_INIT("15\r\na"), HTTP1_TOO_LARGE},
        {SLICE_INIT("14\r\n01234567890123456789\r\n1\r\na"), HTTP1_TOO_LARGE},
        {SLICE_INIT("fffffffffffffff\r\na"), HTTP1_TOO_LARGE},
    };
    struct buf out = BUF_INIT;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        for (size_t step = 1; step <= cases[i].text.len; step++) {
            struct slice rest;
            enum http1_progress progress = feed(cases[i].text, step, &out, &rest);
            if (progress != cases[i].progress)
                fail_msg("%zu, in steps of %zu: %d", i, step, (int)progress);
        }
    buf_done(&out);
}

static void extensions_and_trailers_are_bounded(void **state UNUSED)
{
    static char text[8192];
    static const char *const starts[] = {"1;", "0\r\nA: ", "0\r\nA"};
    struct buf out = BUF_INIT;
    for (size_t i = 0; i < COUNT_OF(starts); i++) {
        struct slice rest;
        memset(text, 'x', sizeof text);
        memcpy(text, starts[i], strlen(starts[i]));
        assert_int_equal(feed(slice_of(text, 4000), 4000, &out, &rest), HTTP1_MORE);
        assert_int_equal(feed(slice_of(text, sizeof text), sizeof text, &out, &rest), HTTP1_WRONG);
    }
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_end_of_a_head_is_found_however_it_arrives),
        cmocka_unit_test(a_line_ends_with_cr_lf),
        cmocka_unit_test(a_head_is_taken_apart),
        cmocka_unit_test(what_is_not_a_head_is_said),
        cmocka_unit_test(chunks_are_put_together_however_they_arrive),
        cmocka_unit_test(a_chunks_size_is_hexadecimal),
        cmocka_unit_test(what_is_no_chunk_is_wrong_however_it_arrives),
        cmocka_unit_test(extensions_and_trailers_are_bounded),
    };
    return cmocka_run_group_tests_name("http1", tests, NULL, NULL);
}
