#include "cli/http_client.h"

#include "support/test.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

/* A server for one connection: reads a request, writes this answer in pieces of `piece` bytes, closes. */
struct server {
    pthread_t thread;
    int listener;
    char url[64];
    struct slice answer;
    size_t piece;
    char request[4096];
    size_t request_len;
};

static bool is_whole(const struct server *server)
{
    struct slice text = slice_of(server->request, server->request_len);
    size_t end = slice_find_slice(text, SLICE("\r\n\r\n"));
    bool has_body = slice_find_slice(text, SLICE("Content-Length: 4")) < text.len;
    return end < text.len && text.len >= end + 4 + (has_body ? 4 : 0);
}

static void *serve(void *argument)
{
    struct server *server = argument;
    int fd = accept(server->listener, NULL, NULL);
    while (!is_whole(server)) {
        ssize_t got = recv(fd, server->request + server->request_len, sizeof server->request - server->request_len, 0);
        if (got <= 0)
            break;
        server->request_len += (size_t)got;
    }
    for (struct slice rest = server->answer; rest.len;) {
        size_t step = rest.len < server->piece ? rest.len : server->piece;
        if (send(fd, rest.ptr, step, MSG_NOSIGNAL) != (ssize_t)step)
            break;
        rest = slice_sub(rest, step, rest.len);
        if (server->piece < 16)
            (void)usleep(1000); /* so that the pieces arrive apart */
    }
    (void)close(fd);
    return NULL;
}

static void server_start(struct server *server, struct slice answer, size_t piece)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    *server = (struct server){.answer = answer, .piece = piece};
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(server->listener, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(server->listener, 1), 0);
    assert_int_equal(getsockname(server->listener, (struct sockaddr *)&address, &size), 0);
    (void)snprintf(server->url, sizeof server->url, "http://127.0.0.1:%u/a/../b?c=%%20", ntohs(address.sin_port));
    assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

static void server_stop(struct server *server)
{
    (void)pthread_join(server->thread, NULL);
    (void)close(server->listener);
}

static enum status ask(struct server *server, struct arena *arena, struct client_response *response, const char **why)
{
    const struct client_request request = {.method = SLICE("GET"), .url = slice_str(server->url)};
    enum status status = http_client_send_blocking(&request, arena, response, why);
    server_stop(server);
    return status;
}

static void reads_answers_of_every_framing(void **state)
{
    static const struct {
        const char *answer;
        const char *body;
        int http_status;
    } rows[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello", 200},
        {"HTTP/1.1 200 OK\r\ncontent-length:5\r\n\r\nhello and more", "hello", 200},
        {"HTTP/1.0 404 Not Found\r\n\r\nnothing", "nothing", 404},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n", "hello", 200},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "", 200},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nA\r\n0123456789\r\n0\r\n\r\n", "0123456789", 200},
        {"HTTP/1.1 204 No Content\r\n\r\n", "", 204},
        {"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", "", 302},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        for (size_t piece = 7; piece <= 4096; piece += 4089) {
            struct server server;
            struct arena arena;
            struct client_response response = {0};
            const char *why = NULL;
            arena_init(&arena, 1 << 22);
            server_start(&server, slice_str(rows[i].answer), piece);
            assert_status(ask(&server, &arena, &response, &why), STATUS_OK);
            assert_int_equal(response.http_status, rows[i].http_status);
            assert_slice_equal(response.body, slice_str(rows[i].body));
            arena_done(&arena);
        }
    }
}

static void says_what_is_wrong_with_an_answer(void **state)
{
    static const struct {
        const char *answer;
        const char *why; /* how it ends */
    } rows[] = {
        {"", "it ends too early"},
        {"HTTP/1.1 200 OK\r\nContent-", "it ends too early"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello", "it ends too early"},
        {"HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello", "its Content-Length is none, or too large"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n", "its Content-Length is none, or too large"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", "it ends too early"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\nhel\r\n", "its chunks are broken"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n12345678\r\n", "its chunks are broken"},
        {"SSH-2.0-OpenSSH_9.2\r\n\r\n", "it is not HTTP/1.1"},
        {"HTTP/1.1 abc OK\r\n\r\n", "it is not HTTP/1.1"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct server server;
        struct arena arena;
        struct client_response response = {0};
        const char *why = NULL;
        arena_init(&arena, 1 << 22);
        server_start(&server, slice_str(rows[i].answer), 4096);
        assert_status(ask(&server, &arena, &response, &why), STATUS_BAD_INPUT);
        size_t ending = strlen(rows[i].why);
        assert_true(strlen(why) > ending);
        assert_string_equal(why + strlen(why) - ending, rows[i].why);
        arena_done(&arena);
    }
}

static void sends_the_target_byte_for_byte_and_what_it_is_given(void **state)
{
    struct server server;
    struct arena arena;
    struct client_response response = {0};
    const char *why = NULL;
    (void)state;
    arena_init(&arena, 1 << 22);
    server_start(&server, SLICE("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), 4096);
    const struct client_request request = {
        .method = SLICE("PATCH"),
        .url = slice_str(server.url),
        .authorization = SLICE("OAuth x=\"y\""),
        .content_type = SLICE("text/plain"),
        .cookie = SLICE("a=b; c=d"),
        .if_match = SLICE("*"),
        .body = SLICE("four"),
    };
    assert_status(http_client_send_blocking(&request, &arena, &response, &why), STATUS_OK);
    server_stop(&server);
    struct slice sent = slice_of(server.request, server.request_len);
    assert_true(slice_starts_with(sent, SLICE("PATCH /a/../b?c=%20 HTTP/1.1\r\nHost: 127.0.0.1:")));
    struct slice rest = slice_sub(sent, slice_find_slice(sent, SLICE("Connection:")), sent.len);
    assert_slice_equal(rest, SLICE("Connection: close\r\nAuthorization: OAuth x=\"y\"\r\nContent-Type: text/plain\r\n"
                                   "Cookie: a=b; c=d\r\nIf-Match: *\r\nContent-Length: 4\r\n\r\nfour"));
    arena_done(&arena);
}

static void finds_headers_in_any_case_and_by_index(void **state)
{
    const struct client_response response = {
        .head = SLICE("Set-Cookie: a=b; Path=/\r\nLocation:/x\r\nset-cookie:  c=d\r\nbroken\r\n")};
    (void)state;
    assert_slice_equal(client_response_header(&response, "Set-Cookie", 0), SLICE("a=b; Path=/"));
    assert_slice_equal(client_response_header(&response, "Set-Cookie", 1), SLICE("c=d"));
    assert_true(slice_is_absent(client_response_header(&response, "Set-Cookie", 2)));
    assert_slice_equal(client_response_header(&response, "location", 0), SLICE("/x"));
    assert_true(slice_is_absent(client_response_header(&response, "broken", 0)));
}

static void says_that_nobody_listens(void **state)
{
    struct arena arena;
    struct client_response response = {0};
    const char *why = NULL;
    const struct client_request request = {.method = SLICE("GET"), .url = SLICE("http://127.0.0.1:1/")};
    (void)state;
    arena_init(&arena, 1 << 22);
    assert_status(http_client_send_blocking(&request, &arena, &response, &why), STATUS_BAD_INPUT);
    assert_string_equal(why, "cannot connect to http://127.0.0.1:1/: Connection refused");
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_answers_of_every_framing),
        cmocka_unit_test(says_what_is_wrong_with_an_answer),
        cmocka_unit_test(sends_the_target_byte_for_byte_and_what_it_is_given),
        cmocka_unit_test(finds_headers_in_any_case_and_by_index),
        cmocka_unit_test(says_that_nobody_listens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
