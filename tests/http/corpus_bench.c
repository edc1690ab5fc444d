#include "corpus_bench.h"

#include "support/http_fixture.h"
#include "support/test.h"

#include "base/buf.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

static struct http_fixture fixture;
static bool is_evhttp;
static bool in_single_bytes;
static atomic_uint smuggled;

static enum step_result echo(struct flow *flow)
{
    struct request *request = request_of(flow);
    struct buf body = buf_in(&request->arena);
    buf_add(&body, request->method);
    buf_add_byte(&body, ' ');
    buf_add(&body, request->path);
    buf_add_byte(&body, ' ');
    buf_add(&body, request->query);
    buf_add_byte(&body, ' ');
    buf_add(&body, request->body);
    request_reply_start(request, 200);
    request_reply_body(request, "text/plain", buf_slice(&body));
    request_reply_send(request);
    return STEP_REPLY;
}

static enum step_result count_smuggled(struct flow *flow)
{
    atomic_fetch_add(&smuggled, 1);
    return echo(flow);
}

static const struct step echo_steps[] = {{"body", request_take_body}, {"echo", echo}, {NULL, NULL}};
static const struct step smuggled_steps[] = {{"smuggled", count_smuggled}, {NULL, NULL}};

/* Answers malformed heads itself: what is wrong, and how many headers it sees. */
static enum step_result say_fault(struct flow *flow)
{
    struct request *request = request_of(flow);
    struct buf text = buf_in(&request->arena);
    buf_addf(&text, "%zu %s", request->header_count, request->head_fault ? request->head_fault : "none");
    request_reply_start(request, 402);
    request_reply_body(request, "text/plain", buf_slice(&text));
    request_reply_send(request);
    return STEP_REPLY;
}

static const struct step fault_steps[] = {{"body", request_take_body}, {"say", say_fault}, {NULL, NULL}};

static const struct route routes[] = {
    {.name = "fault", .path = "/fault", .is_prefix = true, .steps = fault_steps, .takes_malformed_heads = true},
    {.name = "echo", .path = "", .is_prefix = true, .steps = echo_steps, .body_max_bytes = 1000},
    {.name = "get", .path = "/get", .methods = "GET,HEAD", .steps = echo_steps},
    {.name = "post", .path = "/post", .methods = "POST", .steps = echo_steps},
    {.name = "big", .path = "/big", .steps = echo_steps, .body_max_bytes = 100000},
    {.name = "smuggled", .path = "/smuggled", .steps = smuggled_steps},
};

#define AFTER "GET /smuggled HTTP/1.1\r\n" HOST "\r\n"

/* --- what is refused: 400 and close --- */
static const struct corpus_row corpus_refused[] = {
    {"refuses_two_hosts", SLICE_INIT("GET / HTTP/1.1\r\n" HOST "Host: b.example\r\n\r\n"), 400, ROW_CLOSES, NULL, 0},
    {"refuses_two_equal_hosts", SLICE_INIT("GET / HTTP/1.1\r\n" HOST HOST "\r\n"), 400, ROW_CLOSES, NULL, 0},
    {"refuses_two_hosts_in_http_1_0", SLICE_INIT("GET / HTTP/1.0\r\n" HOST HOST "\r\n"), 400, ROW_CLOSES | ROW_HTTP_1_0,
     NULL, 0},
    {"refuses_no_host", SLICE_INIT("GET / HTTP/1.1\r\n\r\n"), 400, ROW_CLOSES, NULL, 0},
    {"refuses_a_host_with_a_path", SLICE_INIT("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"), 400, ROW_CLOSES, NULL, 0},
    {"refuses_a_host_with_userinfo", SLICE_INIT("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"), 400, ROW_CLOSES, NULL, 0},
    {"refuses_a_host_list", SLICE_INIT("GET / HTTP/1.1\r\nHost: a,b\r\n\r\n"), 400, ROW_CLOSES, NULL, 0},
    {"refuses_two_authorizations", SLICE_INIT("GET / HTTP/1.1\r\n" HOST "Authorization: a\r\nAuthorization: b\r\n\r\n"),
     400, ROW_CLOSES, NULL, 0},
    {"refuses_two_equal_authorizations",
     SLICE_INIT("GET / HTTP/1.1\r\n" HOST "Authorization: a\r\nauthorization: a\r\n\r\n"), 400, ROW_CLOSES, NULL, 0},
    {"refuses_differing_lengths",
     SLICE_INIT("POST / HTTP/1.1\r\n" HOST "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"), 400, ROW_CLOSES, NULL,
     0},
    {"refuses_equal_lengths", SLICE_INIT("POST / HTTP/1.1\r\n" HOST "Content-Length: 1\r\nContent-Length: 1\r\n\r\na"),
     400, ROW_CLOSES, NULL, 0},
    {"refuses_a_list_of_lengths", SLICE_INIT("POST / HTTP/1.1\r\n" HOST "Content-Length: 1, 1\r\n\r\na"), 400,
     ROW_CLOSES, NULL, 0},
    {"refuses_a_length_with_a_plus", SLICE_INIT("POST / HTTP/1.1\r\n" HOST "Content-Length: +5\r\n\r\nabcde"), 400,
     ROW_CLOSES, NULL, 0},
    {"refuses_a_negative_length", SLICE_INIT("POST / HTTP/1.1\r\n" HOST "Content-Length: -5\r\n\r\nabcde"), 400,
     ROW_CLOSES, NULL, 0},
    {"refuses_a_hexadecimal_length", SLICE_INIT("POST / HTTP/1.1\r\n" HOST "Content-Length: 0x5\r\n\r\nabcde"), 400,
     ROW_CLOSES, NULL, 0},
    {"refuses_an_empty_length", SLICE_INIT("POST / HTTP/1.1\r\n" HOST "Content-Length:\r\n\r\n"), 400, ROW_CLOSES, NULL,
     0},
    {"refuses_a_length_beyond_63_bits",
     SLICE_INIT("POST / HTTP/1.1\r\n" HOST "Content-Length: 99999999999999999999\r\n\r\n"), 400, ROW_CLOSES, NULL, 413},
    {"refuses_length_and_chunked",
     SLICE_INIT("POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400,
     ROW_CLOSES, NULL, 0},
    {"refuses_xchunked", SLICE_INIT("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: xchunked\r\n\r\n5\r\n"), 400,
     ROW_CLOSES, NULL, 0},
    {"refuses_gzip_chunked", SLICE_INIT("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
     400, ROW_CLOSES, NULL, 0},
    {"refuses_gzip_chunked_with_a_length",
     SLICE_INIT("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n"),
     400, ROW_CLOSES, NULL, 0},
    {"refuses_two_transfer_encodings",
     SLICE_INIT("POST / HTTP/1.1\r\n" HOST
                "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n"),
     400, ROW_CLOSES, NULL, 0},
    {"refuses_chunked_twice",
     SLICE_INIT("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
     400, ROW_CLOSES, NULL, 0},
    {"refuses_chunked_in_http_1_0",
     SLICE_INIT("POST / HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400,
     ROW_CLOSES | ROW_HTTP_1_0, NULL, 0},
    {"refuses_a_body_on_head", SLICE_INIT("HEAD / HTTP/1.1\r\n" HOST "Content-Length: 40\r\n\r\n"), 400, ROW_CLOSES,
     NULL, 0},
    {"refuses_a_chunked_body_on_head",
     SLICE_INIT("HEAD / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400, ROW_CLOSES, NULL, 0},
    {"refuses_a_body_on_trace", SLICE_INIT("TRACE / HTTP/1.1\r\n" HOST "Content-Length: 40\r\n\r\n"), 400, ROW_CLOSES,
     NULL, 0},
    {"refuses_a_body_on_an_unknown_method", SLICE_INIT("BREW / HTTP/1.1\r\n" HOST "Content-Length: 40\r\n\r\n"), 400,
     ROW_CLOSES, NULL, 0},
    {"refuses_another_authority_in_the_target", SLICE_INIT("GET http://b.example/ HTTP/1.1\r\n" HOST "\r\n"), 400,
     ROW_CLOSES, NULL, 0},
    {"refuses_another_port_in_the_target", SLICE_INIT("GET http://a.example:81/ HTTP/1.1\r\n" HOST "\r\n"), 400,
     ROW_CLOSES, NULL, 0},
    {"refuses_userinfo_in_the_target", SLICE_INIT("GET http://u@a.example/ HTTP/1.1\r\n" HOST "\r\n"), 400, ROW_CLOSES,
     NULL, 0},
    {"refuses_another_scheme", SLICE_INIT("GET ftp://a.example/ HTTP/1.1\r\n" HOST "\r\n"), 400, ROW_CLOSES, NULL, 0},
    {"refuses_a_target_without_a_slash", SLICE_INIT("GET abc HTTP/1.1\r\n" HOST "\r\n"), 400, ROW_CLOSES, NULL, 0},
    {"refuses_an_asterisk_for_get", SLICE_INIT("GET * HTTP/1.1\r\n" HOST "\r\n"), 400, ROW_CLOSES, NULL, 0},
    {"refuses_a_fragment", SLICE_INIT("GET /a#b HTTP/1.1\r\n" HOST "\r\n"), 400, ROW_CLOSES, NULL, 0},
    {"refuses_a_space_in_the_target", SLICE_INIT("GET /a b HTTP/1.1\r\n" HOST "\r\n"), 400, ROW_CLOSES, NULL, 0},
    {"refuses_a_tab_in_the_target", SLICE_INIT("GET /a\tb HTTP/1.1\r\n" HOST "\r\n"), 400, ROW_CLOSES, NULL, 0},
    {"refuses_a_control_character_in_the_target",
     SLICE_INIT("GET /a\x01"
                "b HTTP/1.1\r\n" HOST "\r\n"),
     400, ROW_CLOSES, NULL, 0},
    {"refuses_a_nul_in_the_target", SLICE_INIT("GET /a\0b HTTP/1.1\r\n" HOST "\r\n"), 400, ROW_CLOSES, NULL, 0},
    {"refuses_a_control_character_in_a_value",
     SLICE_INIT("GET / HTTP/1.1\r\n" HOST "X: a\x02"
                "b\r\n\r\n"),
     400, ROW_CLOSES, NULL, 0},
    {"refuses_a_del_in_a_value",
     SLICE_INIT("GET / HTTP/1.1\r\n" HOST "X: a\x7f"
                "b\r\n\r\n"),
     400, ROW_CLOSES, NULL, 0},
    {"refuses_a_bare_cr_in_a_value", SLICE_INIT("GET / HTTP/1.1\r\n" HOST "X: a\rb\r\n\r\n"), 400, ROW_CLOSES, NULL, 0},
    {"refuses_a_space_before_the_colon", SLICE_INIT("GET / HTTP/1.1\r\n" HOST "X : v\r\n\r\n"), 400, ROW_CLOSES, NULL,
     0},
    {"refuses_a_header_without_a_name", SLICE_INIT("GET / HTTP/1.1\r\n" HOST ": v\r\n\r\n"), 400, ROW_CLOSES, NULL, 0},
    {"refuses_a_header_without_a_colon", SLICE_INIT("GET / HTTP/1.1\r\n" HOST "abc\r\n\r\n"), 400, ROW_CLOSES, NULL, 0},
    {"refuses_a_name_that_is_no_token", SLICE_INIT("GET / HTTP/1.1\r\n" HOST "X(y): v\r\n\r\n"), 400, ROW_CLOSES, NULL,
     0},
    {"refuses_a_fold_before_the_first_header", SLICE_INIT("GET / HTTP/1.1\r\n X: v\r\n" HOST "\r\n"), 400, ROW_CLOSES,
     NULL, 0},
    {"refuses_http_2_0", SLICE_INIT("GET / HTTP/2.0\r\n" HOST "\r\n"), 505, ROW_CLOSES, NULL, 400},
    {"refuses_http_1_7", SLICE_INIT("GET / HTTP/1.7\r\n" HOST "\r\n"), 505, ROW_CLOSES, NULL, 0},
    {"refuses_nonsense", SLICE_INIT("hello server, how are you?\r\n\r\n"), 400, ROW_CLOSES, NULL, 0},
    {"refuses_tls_on_a_plain_port", SLICE_INIT("\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03 0123456789 \r\n\r\n"), 400,
     ROW_CLOSES, NULL, 0},
    {"refuses_connect", SLICE_INIT("CONNECT a.example:443 HTTP/1.1\r\n" HOST "\r\n"), 501, ROW_CLOSES, NULL, 0},
    {"refuses_an_unknown_method", SLICE_INIT("BREW / HTTP/1.1\r\n" HOST "\r\n"), 501, ROW_CLOSES, NULL, 0},
    {"refuses_a_method_in_lower_case", SLICE_INIT("get / HTTP/1.1\r\n" HOST "\r\n"), 501, ROW_CLOSES, NULL, 0},
    {"refuses_a_negative_chunk_size",
     SLICE_INIT("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n-1\r\nabc\r\n0\r\n\r\n"), 400, ROW_CLOSES,
     NULL, 413},
    {"refuses_a_chunk_size_that_is_none",
     SLICE_INIT("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n"), 400, ROW_CLOSES,
     NULL, 413},
    {"takes_no_host_from_a_trailer",
     SLICE_INIT("POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nHost: a\r\n\r\n"), 400, ROW_CLOSES, NULL,
     0},
    {"refuses_another_expectation",
     SLICE_INIT("POST / HTTP/1.1\r\n" HOST "Expect: a miracle\r\nContent-Length: 3\r\n\r\nabc"), 417, ROW_CLOSES, NULL,
     0},
    {"refuses_a_body_over_the_routes_limit",
     SLICE_INIT("POST / HTTP/1.1\r\n" HOST "Content-Length: 1001\r\n\r\n"
#define TEN     "0123456789"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN
                HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED "x"),
     413, ROW_CLOSES, NULL, 0},
    {"refuses_a_length_over_every_limit", SLICE_INIT("POST /big HTTP/1.1\r\n" HOST "Content-Length: 200001\r\n\r\n"),
     413, ROW_CLOSES, NULL, 0},
    {"refuses_a_chunk_over_every_limit",
     SLICE_INIT("POST /big HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n7fffffff\r\n"), 413, ROW_CLOSES, NULL,
     0},
};

/* --- what is taken --- */
static const struct corpus_row corpus_taken[] = {
    {"takes_a_get", SLICE_INIT("GET /a?b=c HTTP/1.1\r\n" HOST "\r\n"), 200, ROW_STAYS, "GET /a b=c ", 0},
    {"takes_http_1_0_without_host_and_closes", SLICE_INIT("GET /a HTTP/1.0\r\n\r\n"), 200, ROW_CLOSES | ROW_HTTP_1_0,
     "GET /a  ", 0},
    {"takes_http_1_0_keep_alive", SLICE_INIT("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"), 200,
     ROW_STAYS | ROW_HTTP_1_0, "GET /a  ", 0},
    {"closes_when_asked", SLICE_INIT("GET /a HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n"), 200, ROW_CLOSES,
     "GET /a  ", 0},
    {"takes_a_body_with_a_length", SLICE_INIT("POST /a HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc"), 200,
     ROW_STAYS, "POST /a  abc", 0},
    {"takes_a_body_of_nothing", SLICE_INIT("POST /a HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n"), 200, ROW_STAYS,
     "POST /a  ", 0},
    {"takes_a_post_without_a_body", SLICE_INIT("POST /a HTTP/1.1\r\n" HOST "\r\n"), 200, ROW_STAYS, "POST /a  ", 0},
    {"takes_a_chunked_body",
     SLICE_INIT("POST /a HTTP/1.1\r\n" HOST
                "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\nA\r\n0123456789\r\n0\r\n\r\n"),
     200, ROW_STAYS, "POST /a  ab0123456789", 0},
    {"keeps_a_nul_in_the_body", SLICE_INIT("POST /a HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\n\0b"), 200, ROW_STAYS,
     NULL, 0},
    {"takes_a_body_on_get", SLICE_INIT("GET /a HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\nx"), 200, ROW_STAYS,
     "GET /a  x", 0},
    {"takes_put", SLICE_INIT("PUT /a HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\nx"), 200, ROW_STAYS, "PUT /a  x", 0},
    {"takes_delete", SLICE_INIT("DELETE /a HTTP/1.1\r\n" HOST "\r\n"), 200, ROW_STAYS, "DELETE /a  ", 0},
    {"takes_options", SLICE_INIT("OPTIONS /a HTTP/1.1\r\n" HOST "\r\n"), 200, ROW_STAYS, "OPTIONS /a  ", 0},
    {"takes_patch", SLICE_INIT("PATCH /a HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\nx"), 200, ROW_STAYS,
     "PATCH /a  x", 0},
    {"takes_trace_as_any_method", SLICE_INIT("TRACE /a HTTP/1.1\r\n" HOST "\r\n"), 200, ROW_STAYS, "TRACE /a  ", 0},
    {"takes_head_without_a_body", SLICE_INIT("HEAD /a HTTP/1.1\r\n" HOST "\r\n"), 200, ROW_STAYS, "", 0},
    {"takes_head_with_a_length_of_nothing", SLICE_INIT("HEAD /a HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n"), 200,
     ROW_STAYS, "", 0},
    {"takes_the_absolute_form_of_host", SLICE_INIT("GET http://A.example/a?b HTTP/1.1\r\n" HOST "\r\n"), 200, ROW_STAYS,
     "GET /a b ", 0},
    {"takes_the_absolute_form_without_a_path", SLICE_INIT("GET http://a.example?b HTTP/1.1\r\n" HOST "\r\n"), 200,
     ROW_STAYS, "GET / b ", 0},
    {"keeps_the_path_byte_for_byte", SLICE_INIT("GET //a/../%7E%2f;p/./%C3%A9\xc3\xa9{} HTTP/1.1\r\n" HOST "\r\n"), 200,
     ROW_STAYS, "GET //a/../%7E%2f;p/./%C3%A9\xc3\xa9{}  ", 0},
    {"keeps_the_query_byte_for_byte", SLICE_INIT("GET /?a=%2B+&&=v&flag?x HTTP/1.1\r\n" HOST "\r\n"), 200, ROW_STAYS,
     "GET / a=%2B+&&=v&flag?x ", 0},
    {"takes_a_value_above_ascii", SLICE_INIT("GET /a HTTP/1.1\r\n" HOST "X: \xc3\xa9\ty\r\n\r\n"), 200, ROW_STAYS, NULL,
     0},
    {"takes_a_header_without_a_space", SLICE_INIT("GET /a HTTP/1.1\r\nHost:a\r\n\r\n"), 200, ROW_STAYS, NULL, 0},
    {"takes_an_empty_host", SLICE_INIT("GET /a HTTP/1.1\r\nHost:\r\n\r\n"), 200, ROW_STAYS, NULL, 0},
    {"answers_404_to_an_asterisk", SLICE_INIT("OPTIONS * HTTP/1.1\r\n" HOST "\r\n"), 404, ROW_STAYS, NULL, 0},
    {"answers_405_to_another_method", SLICE_INIT("POST /get HTTP/1.1\r\n" HOST "\r\n"), 405, ROW_STAYS, NULL, 0},
    {"answers_405_to_options", SLICE_INIT("OPTIONS /get HTTP/1.1\r\n" HOST "\r\n"), 405, ROW_STAYS, NULL, 0},
    {"answers_405_to_patch", SLICE_INIT("PATCH /get HTTP/1.1\r\n" HOST "\r\n"), 405, ROW_STAYS, NULL, 0},
    {"answers_405_to_head_where_only_post_is", SLICE_INIT("HEAD /post HTTP/1.1\r\n" HOST "\r\n"), 405, ROW_STAYS, "",
     0},
};

/* What every row must hold: the reply, and that nothing behind a refused request is read as one. */
static void check_row(void **state)
{
    const struct corpus_row *row = *state;
    int status = is_evhttp && row->evhttp_status ? row->evhttp_status : row->status;
    bool is_head = slice_starts_with(row->bytes, SLICE("HEAD "));
    atomic_store(&smuggled, 0);
    int fd = raw_connect(fixture.port);
    int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct buf bytes = BUF_INIT;
    buf_add(&bytes, row->bytes);
    buf_add_str(&bytes, AFTER);
    for (size_t i = 0; i < bytes.len; i += in_single_bytes ? 1 : bytes.len)
        raw_send(fd, slice_sub(buf_slice(&bytes), i, in_single_bytes ? i + 1 : bytes.len));
    buf_done(&bytes);

    struct raw_reply reply = raw_read_reply(fd, is_head);
    if (reply.status != status)
        fail_msg("status %d, expected %d: %s", reply.status, status, reply.text ? reply.text : "");
    if (row->body)
        assert_slice_equal(reply.body, slice_str(row->body));
    assert_slice_equal(slice_of(reply.text, 8),
                       is_evhttp && row->flags & ROW_HTTP_1_0 ? SLICE("HTTP/1.0") : SLICE("HTTP/1.1"));
    raw_reply_done(&reply);
    if (row->flags & ROW_CLOSES) {
        assert_true(raw_is_closed(fd, 3000));
        assert_int_equal(atomic_load(&smuggled), 0);
    } else {
        reply = raw_read_reply(fd, false);
        assert_int_equal(reply.status, 200);
        assert_int_equal(atomic_load(&smuggled), 1);
        raw_reply_done(&reply);
    }
    close(fd);
}

static size_t add_rows(struct CMUnitTest *tests, const struct corpus_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        tests[i] = (struct CMUnitTest){
            .name = rows[i].name, .test_func = check_row, .initial_state = (void *)(uintptr_t)&rows[i]};
    return count;
}

int corpus_run(const char *name, bool on_evhttp, const struct corpus_row *more, size_t more_count)
{
    const struct http_server_config config = {
        .routes = routes, .route_count = COUNT_OF(routes), .is_evhttp = on_evhttp};
    struct CMUnitTest *tests =
        test_calloc(COUNT_OF(corpus_refused) + COUNT_OF(corpus_taken) + more_count, sizeof *tests);
    size_t count = add_rows(tests, corpus_refused, COUNT_OF(corpus_refused));
    count += add_rows(tests + count, corpus_taken, COUNT_OF(corpus_taken));
    count += add_rows(tests + count, more, more_count);
    is_evhttp = on_evhttp;
    http_fixture_start(&fixture, &config, 1);
    in_single_bytes = false;
    int failed = _cmocka_run_group_tests(name, tests, count, NULL, NULL);
    in_single_bytes = true;
    if (!is_evhttp)
        failed += _cmocka_run_group_tests(name, tests, count, NULL, NULL);
    failed += http_fixture_stop(&fixture, 5000) ? 0 : 1;
    test_free(tests);
    return failed;
}
