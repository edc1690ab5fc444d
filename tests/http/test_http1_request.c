#include "http/http1_request.h"

#include "http/http1.h"
#include "support/test.h"

enum { HEADERS_MAX = 4, BODY_MAX = 100, ARENA_BYTES = 4096 };

#define HOST "Host: a\r\n"

struct reading {
    struct request request;
    struct http1_traits traits;
    int refusal;
    const char *detail;
};

/* As the transport does it, into an arena of that size. */
static void read_within(struct reading *it, const char *text, size_t arena_bytes)
{
    static const struct http_limits limits = {.header_bytes = 1000, .header_count = HEADERS_MAX};
    const struct http1_bounds bounds = {&limits, BODY_MAX};
    struct http1_scan scan = {0};
    const char *wrong = NULL;
    size_t len = 0;
    *it = (struct reading){.detail = "nothing was said",
                           .traits = {.is_http10 = true,
                                      .keeps_open = true,
                                      .is_chunked = true,
                                      .body_len = 1,
                                      .expects_continue = true}}; /* of the request before */
    arena_init(&it->request.arena, arena_bytes);
    assert_int_equal(http1_find_end(&scan, slice_str(text), &len, &wrong), HTTP1_WHOLE);
    it->refusal = http1_read_request(&it->request, slice_str(text), scan.lines - 1, &bounds, &it->traits, &it->detail);
}

/* 0, or the status to refuse with. */
static int read_text(struct reading *it, const char *text)
{
    read_within(it, text, ARENA_BYTES);
    arena_done(&it->request.arena);
    return it->refusal;
}

static void reads_what_was_asked(void **state UNUSED)
{
    struct reading it;
    read_within(&it, "POST /a?b HTTP/1.1\r\n" HOST "X: y\r\nContent-Length: 7\r\n\r\n", ARENA_BYTES);
    assert_int_equal(it.refusal, 0);
    assert_slice_equal(it.request.method, SLICE("POST"));
    assert_slice_equal(it.request.target, SLICE("/a?b"));
    assert_slice_equal(it.request.path, SLICE("/a"));
    assert_int_equal(it.request.header_count, 3);
    assert_slice_equal(it.request.headers[1].name, SLICE("X"));
    assert_slice_equal(it.request.headers[1].value, SLICE("y"));
    assert_true(it.traits.keeps_open && !it.traits.is_http10 && !it.traits.is_chunked && !it.traits.expects_continue);
    assert_int_equal(it.traits.body_len, 7);
    arena_done(&it.request.arena);
}

static void knows_the_methods_and_which_have_a_body(void **state UNUSED)
{
    static const struct {
        const char *method;
        int without_body, with_body;
    } rows[] = {
        {"GET", 0, 0},          {"POST", 0, 0},    {"HEAD", 0, 400},   {"PUT", 0, 0},         {"DELETE", 0, 0},
        {"OPTIONS", 0, 0},      {"PATCH", 0, 0},   {"TRACE", 0, 400},  {"CONNECT", 501, 501}, {"BREW", 501, 400},
        {"PROPFIND", 501, 400}, {"get", 501, 400}, {"GETS", 501, 400},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct reading it;
        struct buf text = BUF_INIT;
        buf_addf(&text, "%s / HTTP/1.1\r\n" HOST "\r\n", rows[i].method);
        if (read_text(&it, buf_string(&text)) != rows[i].without_body)
            fail_msg("%s: %d", rows[i].method, it.refusal);
        buf_reset(&text);
        buf_addf(&text, "%s / HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\n", rows[i].method);
        if (read_text(&it, buf_string(&text)) != rows[i].with_body)
            fail_msg("%s with a body: %d", rows[i].method, it.refusal);
        buf_done(&text);
    }
}

static void says_why_a_method_is_refused(void **state UNUSED)
{
    struct reading it;
    assert_int_equal(read_text(&it, "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n"), 501);
    assert_string_equal(it.detail, "this is no proxy");
    assert_int_equal(read_text(&it, "BREW / HTTP/1.1\r\n" HOST "\r\n"), 501);
    assert_string_equal(it.detail, "this method is not known here");
    assert_int_equal(read_text(&it, "BREW / HTTP/2.0\r\n" HOST "\r\n"), 505); /* whatever the method */
}

static void keeps_the_connection_as_the_client_wants_it(void **state UNUSED)
{
    static const struct {
        const char *text;
        bool is_http10, keeps_open;
    } rows[] = {
        {"GET / HTTP/1.1\r\n" HOST "\r\n", false, true},
        {"GET / HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n", false, false},
        {"GET / HTTP/1.1\r\n" HOST "connection: te , Close\r\n\r\n", false, false},
        {"GET / HTTP/1.1\r\n" HOST "Connection: te\r\nConnection: close\r\n\r\n", false, false},
        {"GET / HTTP/1.1\r\n" HOST "Connection: keep-alive\r\n\r\n", false, true},
        {"GET / HTTP/1.1\r\n" HOST "X: close\r\n\r\n", false, true},
        {"GET / HTTP/1.0\r\n" HOST "\r\n", true, false},
        {"GET / HTTP/1.0\r\n" HOST "Connection: keep-alive\r\n\r\n", true, true},
        {"GET / HTTP/1.0\r\n" HOST "Connection: close\r\n\r\n", true, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct reading it;
        assert_int_equal(read_text(&it, rows[i].text), 0);
        assert_int_equal(it.traits.is_http10, rows[i].is_http10);
        if (it.traits.keeps_open != rows[i].keeps_open)
            fail_msg("%s", rows[i].text);
    }
}

static void tells_how_the_body_comes(void **state UNUSED)
{
    static const struct {
        const char *headers;
        int refusal;
        bool is_chunked, expects_continue;
        size_t body_len;
    } rows[] = {
        {"", 0, false, false, 0},
        {"Content-Length: 0\r\n", 0, false, false, 0},
        {"Content-Length: 100\r\n", 0, false, false, BODY_MAX},
        {"Content-Length: 101\r\n", 413, false, false, 0},
        {"Transfer-Encoding: chunked\r\n", 0, true, false, 0},
        {"Expect: 100-continue\r\n", 0, false, false, 0}, /* for no body */
        {"Expect: 100-continue\r\nContent-Length: 0\r\n", 0, false, false, 0},
        {"Expect: 100-Continue\r\nContent-Length: 1\r\n", 0, false, true, 1},
        {"Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n", 0, true, true, 0},
        {"Expect: 200-ok\r\nContent-Length: 1\r\n", 417, false, false, 1},
        {"Expect: 100-continue\r\nExpect: 100-continue\r\n", 417, false, false, 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct reading it;
        struct buf text = BUF_INIT;
        buf_addf(&text, "POST / HTTP/1.1\r\n" HOST "%s\r\n", rows[i].headers);
        if (read_text(&it, buf_string(&text)) != rows[i].refusal)
            fail_msg("%s: %d", rows[i].headers, it.refusal);
        assert_int_equal(it.traits.is_chunked, rows[i].is_chunked);
        assert_int_equal(it.traits.expects_continue, rows[i].expects_continue);
        assert_int_equal(it.traits.body_len, rows[i].body_len);
        if (rows[i].refusal)
            assert_non_null(strstr(it.detail, rows[i].refusal == 413 ? "larger" : "100-continue"));
        buf_done(&text);
    }
}

static void an_expectation_of_http_1_0_is_none(void **state UNUSED)
{
    struct reading it;
    assert_int_equal(read_text(&it, "POST / HTTP/1.0\r\nExpect: x\r\nContent-Length: 1\r\n\r\n"), 0);
    assert_false(it.traits.expects_continue);
}

static void refuses_one_header_too_many(void **state UNUSED)
{
    struct reading it;
    assert_int_equal(read_text(&it, "GET / HTTP/1.1\r\n" HOST "A: b\r\nA: b\r\nA: b\r\n\r\n"), 0);
    assert_int_equal(read_text(&it, "GET / HTTP/1.1\r\n" HOST "A: b\r\nA: b\r\nA: b\r\nA: b\r\n\r\n"), 431);
    assert_string_equal(it.detail, "too many headers");
}

static void refuses_a_head_that_is_none(void **state UNUSED)
{
    struct reading it;
    assert_int_equal(read_text(&it, "GET /\r\n" HOST "\r\n"), 400);
    assert_non_null(strstr(it.detail, "METHOD TARGET"));
    assert_int_equal(read_text(&it, "GET / HTTP/1.1\r\n" HOST HOST "\r\n"), 400);
    assert_non_null(it.detail);
}

/* And looks at nothing beyond what it made room for. */
static void is_503_where_memory_runs_out(void **state UNUSED)
{
    size_t bytes = 0;
    int refusal = 503;
    for (; refusal == 503; bytes++) {
        struct reading it;
        assert_true(bytes < ARENA_BYTES);
        read_within(&it, "GET / HTTP/1.1\r\n" HOST "X: y\r\n\r\n", bytes);
        refusal = it.refusal;
        assert_true(refusal == 0 || (refusal == 503 && !it.detail));
        arena_done(&it.request.arena);
    }
    assert_int_equal(refusal, 0);
    assert_in_range(bytes, 2 * sizeof(struct header), ARENA_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_was_asked),         cmocka_unit_test(knows_the_methods_and_which_have_a_body),
        cmocka_unit_test(says_why_a_method_is_refused), cmocka_unit_test(keeps_the_connection_as_the_client_wants_it),
        cmocka_unit_test(tells_how_the_body_comes),     cmocka_unit_test(an_expectation_of_http_1_0_is_none),
        cmocka_unit_test(refuses_one_header_too_many),  cmocka_unit_test(refuses_a_head_that_is_none),
        cmocka_unit_test(is_503_where_memory_runs_out),
    };
    return cmocka_run_group_tests_name("http1_request", tests, NULL, NULL);
}
