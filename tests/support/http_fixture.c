#include "support/http_fixture.h"

#include "support/test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { PATIENCE_MS = 5000, LOOPS_MAX = 8 };

static void *run(void *group)
{
    assert_status(loop_group_run_blocking(group), STATUS_OK);
    return NULL;
}

void http_fixture_start(struct http_fixture *fixture, const struct http_server_config *config, size_t loop_count)
{
    static const struct http_listen any_port = {.host = SLICE_INIT("127.0.0.1")};
    struct loop *loops[LOOPS_MAX];
    assert_true(loop_count <= LOOPS_MAX);
    fixture->clock = clock_system(0);
    fixture->group = loop_group_new(loop_count, &fixture->clock, &fixture->observer);
    assert_non_null(fixture->group);
    for (size_t i = 0; i < loop_count; i++)
        loops[i] = loop_group_at(fixture->group, i);
    struct http_server_config full = *config;
    full.loops = loops;
    full.loop_count = loop_count;
    if (full.listen_count == 0) {
        full.listen = &any_port;
        full.listen_count = 1;
    }
    fixture->server = http_server_new(&full);
    assert_non_null(fixture->server);
    struct buf why = BUF_INIT;
    if (http_server_start(fixture->server, &why) != STATUS_OK)
        fail_msg("%.*s", SLICE_ARGS(buf_slice(&why)));
    buf_done(&why);
    fixture->port = http_server_port(fixture->server, 0);
    assert_int_equal(pthread_create(&fixture->thread, NULL, run, fixture->group), 0);
}

static void stopped(void *group)
{
    loop_group_stop(group);
}

bool http_fixture_stop(struct http_fixture *fixture, unsigned timeout_ms)
{
    http_server_stop(fixture->server, timeout_ms, stopped, fixture->group);
    pthread_join(fixture->thread, NULL);
    loop_group_cut_flows(fixture->group);
    bool is_clean = http_server_cut_requests(fixture->server) == 0;
    http_server_free(fixture->server);
    loop_group_free(fixture->group);
    return is_clean;
}

/* --- the client --- */

int raw_connect(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

int raw_connect_unix(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    assert_true(strlen(path) < sizeof address.sun_path);
    memcpy(address.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

/* A server that has refused already may have closed: what it does not take is lost, as with any client. */
void raw_send(int fd, struct slice bytes)
{
    while (bytes.len > 0) {
        ssize_t sent = send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        if (sent <= 0)
            return;
        bytes = slice_sub(bytes, (size_t)sent, bytes.len);
    }
}

static bool wait_readable(int fd, int timeout_ms)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    return poll(&poll_fd, 1, timeout_ms) == 1;
}

struct slice raw_reply_header(const struct raw_reply *reply, const char *name)
{
    struct slice lines = reply->head;
    for (bool more = true; more;) {
        struct slice value = slice_cut(&lines, '\n', &more);
        bool has_value;
        struct slice line_name = slice_cut(&value, ':', &has_value);
        if (has_value && slice_eq_nocase(line_name, slice_str(name))) {
            value = slice_sub(value, 0, slice_find(value, '\r'));
            return slice_trim(value);
        }
    }
    return SLICE_ABSENT;
}

/* Reads on, `max` bytes at most; with SIZE_MAX a head, and nothing behind its end: that belongs to the body or the next
 * reply. False: nothing came. */
static bool read_on(int fd, char *text, size_t *len, size_t max)
{
    size_t room = RAW_REPLY_MAX - 1 - *len;
    if (room == 0 || !wait_readable(fd, PATIENCE_MS))
        return false;
    ssize_t seen = recv(fd, text + *len, room < max ? room : max, MSG_PEEK);
    if (seen <= 0)
        return false;
    size_t from = *len > 3 ? *len - 3 : 0;
    struct slice fresh = slice_of(text + from, *len + (size_t)seen - from);
    size_t end = from + slice_find_slice(fresh, SLICE("\r\n\r\n")) + 4;
    size_t taken = max == SIZE_MAX && end < *len + (size_t)seen ? end - *len : (size_t)seen;
    if (recv(fd, text + *len, taken, 0) != (ssize_t)taken)
        return false;
    *len += taken;
    text[*len] = '\0';
    return true;
}

struct raw_reply raw_read_reply(int fd, bool is_head)
{
    char *text = calloc(1, RAW_REPLY_MAX);
    assert_non_null(text);
    size_t len = 0;
    while (len < 4 || memcmp(text + len - 4, "\r\n\r\n", 4) != 0) {
        if (!read_on(fd, text, &len, SIZE_MAX)) {
            free(text);
            return (struct raw_reply){0};
        }
    }
    struct raw_reply reply = {.text = text, .head = slice_of(text, len)};
    uint64_t status = 0;
    uint64_t length = UINT64_MAX;
    if (len < 12 || !slice_to_u64(slice_of(text + 9, 3), 999, &status))
        fail_msg("no status line: %s", text);
    reply.status = (int)status;
    struct slice header = raw_reply_header(&reply, "Content-Length");
    if (is_head || reply.status == 204 || reply.status == 304 || reply.status < 200)
        length = 0;
    else if (!slice_is_absent(header))
        assert_true(slice_to_u64(header, RAW_REPLY_MAX, &length));
    size_t head_len = len;
    while (len - head_len < length && read_on(fd, text, &len, (size_t)length - (len - head_len)))
        ;
    reply.body = slice_of(text + head_len, len - head_len);
    return reply;
}

void raw_reply_done(struct raw_reply *reply)
{
    free(reply->text);
    *reply = (struct raw_reply){0};
}

bool raw_is_closed(int fd, int timeout_ms)
{
    char byte;
    return wait_readable(fd, timeout_ms) && recv(fd, &byte, 1, 0) <= 0;
}

struct raw_reply raw_exchange(uint16_t port, struct slice bytes)
{
    int fd = raw_connect(port);
    raw_send(fd, bytes);
    struct raw_reply reply = raw_read_reply(fd, slice_starts_with(bytes, SLICE("HEAD ")));
    close(fd);
    return reply;
}
