/* What needs no connection; over one the same is tried in test_transport_evhttp.c. */
#include "support/test.h"

#include "http/request_check.h"

static const struct {
    const char *traceparent;
    const char *id; /* NULL: the random one */
} traceparents[] = {
    {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "4bf92f3577b34da6a3ce929d0e0e4736"},
    {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00", "4bf92f3577b34da6a3ce929d0e0e4736"},
    {"cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "4bf92f3577b34da6a3ce929d0e0e4736"},
    {"cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-later", "4bf92f3577b34da6a3ce929d0e0e4736"},
    {"cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01later", NULL},
    {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-later", NULL},
    {"ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", NULL},
    {"00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", NULL},
    {"00-00000000000000000000000000000000-00f067aa0ba902b7-01", NULL},
    {"00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", NULL},
    {"00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01", NULL},
    {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7", NULL},
    {"00_4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7_01", NULL},
    {"zz-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", NULL},
    {"00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", NULL},
    {"00-4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7-01", NULL},
    {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7_01", NULL},
    {"0g-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", NULL},
    {"00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01", NULL},
    {"00-/bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", NULL},
    {"00-:bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", NULL},
    {"00-`bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", NULL},
    {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902bg-01", NULL},
    {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0g", NULL},
    {"00-9999999999999999999999999999999a-f000000000000000-ff", "9999999999999999999999999999999a"},
    {"00-10000000000000000000000000000000-0000000000000001-00", "10000000000000000000000000000000"},
    {"", NULL},
};

static void only_a_valid_traceparent_names_the_request(void **state UNUSED)
{
    static const unsigned char random[16] = {0xab, 0xcd, [15] = 0x01};
    for (size_t i = 0; i < COUNT_OF(traceparents); i++) {
        struct header header = {SLICE("Traceparent"), slice_str(traceparents[i].traceparent)};
        struct request request = {.headers = &header, .header_count = 1};
        memset(request.id, 'x', sizeof request.id); /* of the one before */
        request_set_id(&request, true, random);
        assert_string_equal(request.id, traceparents[i].id ? traceparents[i].id : "abcd0000000000000000000000000001");
    }
}

static void two_traceparents_are_none(void **state UNUSED)
{
    static const unsigned char random[16] = {0};
    struct header header = {SLICE("traceparent"), SLICE("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")};
    struct header headers[] = {header, header};
    struct request request = {.headers = headers, .header_count = 2};
    request_set_id(&request, true, random);
    assert_string_equal(request.id, "00000000000000000000000000000000");
}

static void a_stranger_names_no_request(void **state UNUSED)
{
    static const unsigned char random[16] = {0xab, 0xcd, [15] = 0x01};
    struct header header = {SLICE("traceparent"), SLICE("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")};
    struct request request = {.headers = &header, .header_count = 1};
    request_set_id(&request, false, random);
    assert_string_equal(request.id, "abcd0000000000000000000000000001");
}

static const struct {
    const char *target;
    const char *path;
    const char *query; /* NULL: absent */
} targets[] = {
    {"/", "/", NULL},
    {"/?", "/", ""},
    {"/a?b?c", "/a", "b?c"},
    {"//a/b", "//a/b", NULL},
    {"http://h", "/", NULL},
    {"HTTPS://H?", "/", ""},
    {"http://h/a%2Fb?c", "/a%2Fb", "c"},
    {"/http://h/", "/http://h/", NULL},
};

static void targets_are_split_without_touching_a_byte(void **state UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(targets); i++) {
        struct header host = {SLICE("Host"), SLICE("h")};
        struct request request = {
            .method = SLICE("GET"), .target = slice_str(targets[i].target), .headers = &host, .header_count = 1};
        struct request_facts facts = {.version_major = 1, .version_minor = 1, .head_bytes = 100};
        struct request_bounds bounds = {1000, 10};
        const char *detail;
        assert_int_equal(request_check(&request, &facts, &bounds, &detail), 0);
        assert_slice_equal(request.path, slice_str(targets[i].path));
        assert_int_equal(slice_is_absent(request.query), targets[i].query == NULL);
        assert_slice_equal(request.query, slice_str(targets[i].query));
        assert_slice_equal(request.host, SLICE("h"));
    }
}

/* ---- what is refused, and why ---- */

#define HOST                                \
    {                                       \
        SLICE_INIT("Host"), SLICE_INIT("h") \
    }
#define TWICE                                  \
    {                                          \
        SLICE_INIT("X-Other"), SLICE_INIT("v") \
    }

static const struct judged {
    const char *target; /* "/" if NULL */
    const char *method; /* "GET" if NULL */
    struct header headers[3];
    int version_minor;
    bool body_was_unread;
    const char *detail; /* NULL: it is taken */
} judged[] = {
    {.headers = {HOST}, .version_minor = 1},
    {.headers = {HOST}, .version_minor = 0},
    {.headers = {{SLICE_INIT("X"), SLICE_INIT("v")}}, .version_minor = 0},
    {.headers = {{SLICE_INIT("X"), SLICE_INIT("v")}}, .version_minor = 1, .detail = "no Host"},
    {.headers = {HOST, HOST}, .version_minor = 1, .detail = "more than one Host"},
    {.headers = {HOST, HOST}, .version_minor = 0, .detail = "more than one Host"},
    {.headers = {HOST, {SLICE_INIT("AUTHORIZATION"), SLICE_INIT("a")}}, .version_minor = 1},
    {.headers = {HOST, {SLICE_INIT("Authorization"), SLICE_INIT("a")}, {SLICE_INIT("authorization"), SLICE_INIT("b")}},
     .version_minor = 1,
     .detail = "more than one Authorization"},
    {.headers = {{SLICE_INIT("Host"), SLICE_INIT("a b")}}, .version_minor = 1, .detail = "Host is not a host"},
    {.headers = {HOST, {SLICE_INIT("X Y"), SLICE_INIT("v")}},
     .version_minor = 1,
     .detail = "a header's name is not a token"},
    {.headers = {HOST, {SLICE_INIT(""), SLICE_INIT("v")}},
     .version_minor = 1,
     .detail = "a header's name is not a token"},
    {.headers = {HOST, {SLICE_INIT("X"), SLICE_INIT("a\rb")}},
     .version_minor = 1,
     .detail = "a header has a control character in it"},
    {.headers = {HOST, {SLICE_INIT("X"), SLICE_INIT("a tab \t and bytes beyond ASCII \xC3\xA9, for long enough")}},
     .version_minor = 1},
    {.headers = {HOST, {SLICE_INIT("X"), SLICE_INIT("behind sixteen bytes, one \x7f")}},
     .version_minor = 1,
     .detail = "a header has a control character in it"},
    {.headers = {HOST, {SLICE_INIT("X"), SLICE_INIT("within sixteen\x1f bytes, and some more")}},
     .version_minor = 1,
     .detail = "a header has a control character in it"},
    {.headers = {HOST, {SLICE_INIT("Content-Length"), SLICE_INIT("1")}}, .version_minor = 1},
    {.headers = {HOST, {SLICE_INIT("Content-Length"), SLICE_INIT("+1")}},
     .version_minor = 1,
     .detail = "Content-Length is not a number of digits, or too large a one"},
    {.headers = {HOST, {SLICE_INIT("Content-Length"), SLICE_INIT("9223372036854775808")}},
     .version_minor = 1,
     .detail = "Content-Length is not a number of digits, or too large a one"},
    {.headers = {HOST,
                 {SLICE_INIT("Content-Length"), SLICE_INIT("1")},
                 {SLICE_INIT("content-length"), SLICE_INIT("1")}},
     .version_minor = 1,
     .detail = "more than one Content-Length"},
    {.headers = {HOST, {SLICE_INIT("Transfer-Encoding"), SLICE_INIT("Chunked")}}, .version_minor = 1},
    {.headers = {HOST, {SLICE_INIT("Transfer-Encoding"), SLICE_INIT("xchunked")}},
     .version_minor = 1,
     .detail = "a Transfer-Encoding other than chunked"},
    {.headers = {HOST, {SLICE_INIT("Transfer-Encoding"), SLICE_INIT("chunked")}},
     .version_minor = 0,
     .detail = "Transfer-Encoding in HTTP/1.0"},
    {.headers = {HOST,
                 {SLICE_INIT("Transfer-Encoding"), SLICE_INIT("chunked")},
                 {SLICE_INIT("transfer-encoding"), SLICE_INIT("chunked")}},
     .version_minor = 1,
     .detail = "more than one Transfer-Encoding"},
    {.headers = {HOST,
                 {SLICE_INIT("Content-Length"), SLICE_INIT("1")},
                 {SLICE_INIT("Transfer-Encoding"), SLICE_INIT("chunked")}},
     .version_minor = 1,
     .detail = "both Content-Length and Transfer-Encoding"},
    {.headers = {HOST, {SLICE_INIT("Content-Length"), SLICE_INIT("1")}},
     .version_minor = 1,
     .body_was_unread = true,
     .detail = "a request of this method has no body"},
    {.headers = {HOST, {SLICE_INIT("Transfer-Encoding"), SLICE_INIT("chunked")}},
     .version_minor = 1,
     .body_was_unread = true,
     .detail = "a request of this method has no body"},
    {.headers = {HOST, {SLICE_INIT("Content-Length"), SLICE_INIT("0")}}, .version_minor = 1, .body_was_unread = true},
    {.headers = {HOST}, .version_minor = 1, .body_was_unread = true},
    {.target = "http://other/", .headers = {HOST}, .version_minor = 1, .detail = "the target's authority is not Host"},
    {.target = "https://other?", .headers = {HOST}, .version_minor = 1, .detail = "the target's authority is not Host"},
    {.target = "ftp://h/", .headers = {HOST}, .version_minor = 1, .detail = "the target is neither a path nor a URL"},
    {.target = "*", .headers = {HOST}, .version_minor = 1, .detail = "the target is neither a path nor a URL"},
    {.target = "a",
     .method = "OPTIONS",
     .headers = {HOST},
     .version_minor = 1,
     .detail = "the target is neither a path nor a URL"},
    {.target = "*", .method = "OPTIONS", .headers = {HOST}, .version_minor = 1},
    {.target = "",
     .headers = {HOST},
     .version_minor = 1,
     .detail = "the target has a space, a control character or a fragment in it"},
};

static int judge(struct request *request, const struct request_facts *facts, const char **ret_detail)
{
    const struct request_bounds bounds = {1000, 3};
    return request_check(request, facts, &bounds, ret_detail);
}

static void what_is_odd_is_refused(void **state UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(judged); i++) {
        const struct judged *row = &judged[i];
        struct request request = {.method = slice_str(row->method ? row->method : "GET"),
                                  .target = slice_str(row->target ? row->target : "/"),
                                  .headers = (struct header *)(uintptr_t)row->headers};
        struct request_facts facts = {
            .version_major = 1, .version_minor = row->version_minor, .body_was_unread = row->body_was_unread};
        const char *detail = NULL;
        while (request.header_count < COUNT_OF(row->headers) && row->headers[request.header_count].name.ptr)
            request.header_count++;
        assert_int_equal(judge(&request, &facts, &detail), row->detail ? 400 : 0);
        if (row->detail)
            assert_string_equal(detail, row->detail);
        else
            assert_null(detail);
    }
}

static void versions_and_bounds_are_kept(void **state UNUSED)
{
    static const struct {
        int major, minor;
        size_t head_bytes, header_count;
        int http;
    } rows[] = {
        {1, 1, 1000, 3, 0}, {1, 0, 1000, 3, 0}, {1, 2, 1, 1, 505},    {1, -1, 1, 1, 505},
        {0, 9, 1, 1, 505},  {2, 0, 1, 1, 505},  {1, 1, 1001, 1, 431}, {1, 1, 1, 4, 431},
    };
    struct header headers[4] = {HOST, TWICE, TWICE, TWICE};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct request request = {
            .method = SLICE("GET"), .target = SLICE("/"), .headers = headers, .header_count = rows[i].header_count};
        struct request_facts facts = {
            .version_major = rows[i].major, .version_minor = rows[i].minor, .head_bytes = rows[i].head_bytes};
        const char *detail = NULL;
        assert_int_equal(judge(&request, &facts, &detail), rows[i].http);
        assert_int_equal(detail != NULL, rows[i].http != 0);
    }
}

enum place { IN_NAME, IN_VALUE, IN_TARGET, IN_HOST, PLACES };

/* RFC 9110 §5.6.2 and §5.5, RFC 9112 §3.2, RFC 3986 §3.2.2: read there, not from the code. */
static bool is_allowed(enum place place, int byte)
{
    bool letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9');
    switch (place) {
    case IN_NAME:
        return letter || (byte && strchr("!#$%&'*+-.^_`|~", byte));
    case IN_VALUE:
        return byte == '\t' || (byte >= ' ' && byte != 127);
    case IN_TARGET:
        return byte > ' ' && byte != 127 && byte != '#';
    default:
        return letter || (byte && strchr("!$%&'()*+-.:;=[]_~", byte));
    }
}

static void each_byte_is_taken_only_where_it_may_be(void **state UNUSED)
{
    for (int place = IN_NAME; place < PLACES; place++)
        for (int byte = 0; byte < 256; byte++) {
            char text[3] = {place == IN_TARGET ? '/' : 'x', (char)byte, 'y'};
            struct slice odd = slice_of(text, sizeof text);
            struct header headers[] = {HOST, {SLICE("X"), SLICE("v")}};
            struct request request = {
                .method = SLICE("GET"), .target = SLICE("/"), .headers = headers, .header_count = 2};
            struct request_facts facts = {.version_major = 1, .version_minor = 1};
            const char *detail = NULL;
            *(place == IN_NAME     ? &headers[1].name
              : place == IN_VALUE  ? &headers[1].value
              : place == IN_TARGET ? &request.target
                                   : &headers[0].value) = odd;
            assert_int_equal(judge(&request, &facts, &detail), is_allowed((enum place)place, byte) ? 0 : 400);
        }
}

/* A long value is looked at by sixteen bytes. */
static void each_byte_of_a_long_value_is_looked_at(void **state UNUSED)
{
    enum { VALUE_BYTES = 40 };
    char value[VALUE_BYTES];
    struct header headers[] = {HOST, {SLICE("X"), slice_of(value, sizeof value)}};
    for (size_t at = 0; at < VALUE_BYTES; at++)
        for (int byte = 0; byte < 256; byte++) {
            memset(value, 'x', sizeof value);
            value[at] = (char)byte;
            struct request request = {
                .method = SLICE("GET"), .target = SLICE("/"), .headers = headers, .header_count = 2};
            struct request_facts facts = {.version_major = 1, .version_minor = 1};
            const char *detail = NULL;
            assert_int_equal(judge(&request, &facts, &detail), is_allowed(IN_VALUE, byte) ? 0 : 400);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_a_valid_traceparent_names_the_request),
        cmocka_unit_test(two_traceparents_are_none),
        cmocka_unit_test(a_stranger_names_no_request),
        cmocka_unit_test(targets_are_split_without_touching_a_byte),
        cmocka_unit_test(what_is_odd_is_refused),
        cmocka_unit_test(versions_and_bounds_are_kept),
        cmocka_unit_test(each_byte_is_taken_only_where_it_may_be),
        cmocka_unit_test(each_byte_of_a_long_value_is_looked_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
