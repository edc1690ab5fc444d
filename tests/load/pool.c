#include "pool.h"

#include "base/clock.h"
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS_A_TURN = 256, LOOK_EVERY_NS = 5000000 };

/* ---- opening and closing ---- */

static void add_target(struct pool *pool, struct slice text)
{
    struct sockaddr_in *address = &pool->targets[pool->target_count];
    size_t colon = slice_find(text, ':');
    char host[INET_ADDRSTRLEN] = {0};
    uint64_t port = 0;
    must(pool->target_count < POOL_MAX_TARGETS, "too many targets");
    must(colon < sizeof host && slice_to_u64(slice_sub(text, colon + 1, text.len), 65535, &port),
         "a target must be ADDRESS:PORT");
    memcpy(host, text.ptr, colon);
    address->sin_family = AF_INET;
    address->sin_port = htons((uint16_t)port);
    must(inet_pton(AF_INET, host, &address->sin_addr) == 1, "a target's address must be numeric");
    must((ntohl(address->sin_addr.s_addr) >> 24) == IN_LOOPBACKNET, "a target must be on loopback");
    pool->target_count++;
}

void pool_init(struct pool *pool, struct slice targets, size_t connections, int64_t timeout_ms)
{
    *pool = (struct pool){.count = connections, .timeout_ns = timeout_ms * 1000000};
    for (bool more = true; more;)
        add_target(pool, slice_cut(&targets, ',', &more));
    pool->epoll = epoll_create1(EPOLL_CLOEXEC);
    pool->connections = calloc(connections, sizeof *pool->connections);
    must(pool->epoll >= 0 && pool->connections, "no memory for the connections");
    for (size_t i = 0; i < connections; i++) {
        pool->connections[i].pool = pool;
        pool->connections[i].target = i % pool->target_count;
        pool->connections[i].fd = -1;
    }
}

static void shut(struct connection *c)
{
    if (c->fd >= 0)
        (void)close(c->fd);
    c->fd = -1;
    c->connecting = false;
}

void pool_done(struct pool *pool)
{
    for (size_t i = 0; i < pool->count; i++)
        shut(&pool->connections[i]);
    free(pool->connections);
    (void)close(pool->epoll);
}

static void watch(struct connection *c, int operation, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = c};
    must(epoll_ctl(c->pool->epoll, operation, c->fd, &event) == 0, "epoll_ctl");
}

static bool open_connection(struct connection *c)
{
    const struct sockaddr_in *address = &c->pool->targets[c->target];
    const int on = 1;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    must(c->fd >= 0, "no socket");
    (void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    c->connecting = connect(c->fd, (const struct sockaddr *)address, sizeof *address) != 0;
    if (c->connecting && errno != EINPROGRESS)
        return false;
    watch(c, EPOLL_CTL_ADD, EPOLLIN | EPOLLRDHUP | EPOLLOUT);
    return true;
}

/* ---- one call ---- */

static void finish(struct connection *c, struct answer answer, bool keep)
{
    answer.took_ns = clock_monotonic_ns() - c->begun_ns;
    if (!keep)
        shut(c);
    c->busy = false;
    c->answered(c->owner, c, &answer);
}

static void fail(struct connection *c, enum outcome outcome)
{
    finish(c, (struct answer){.outcome = outcome}, false);
}

static void write_more(struct connection *c)
{
    size_t left = c->request.len - c->sent_bytes;
    ssize_t put = send(c->fd, c->request.ptr + c->sent_bytes, left, MSG_NOSIGNAL);
    if (put < 0)
        return; /* an error is an event too */
    c->sent_bytes += (size_t)put;
    if (c->sent_bytes < c->request.len)
        watch(c, EPOLL_CTL_MOD, EPOLLIN | EPOLLRDHUP | EPOLLOUT);
}

void pool_send(struct connection *c, struct slice request, answered_fn *answered, void *owner)
{
    c->busy = true;
    c->request = request;
    c->answered = answered;
    c->owner = owner;
    c->sent_bytes = c->received_bytes = 0;
    c->begun_ns = clock_monotonic_ns();
    if (c->fd < 0 && !open_connection(c))
        shut(c); /* reported by the next turn */
    else if (!c->connecting)
        write_more(c);
}

/* The value of a header; absent where there is none. */
static struct slice header(struct slice head, struct slice name)
{
    for (bool more = true; more;) {
        struct slice line = slice_cut(&head, '\n', &more);
        if (line.len > name.len && line.ptr[name.len] == ':' && slice_eq_nocase(slice_sub(line, 0, name.len), name))
            return slice_trim(slice_sub(line, name.len + 1, line.len - 1));
    }
    return SLICE_ABSENT;
}

struct slice answer_header(const struct answer *answer, struct slice name)
{
    return header(answer->head, name);
}

/* Whether the answer is whole. One without a length that we can read is a fault of the target. */
static bool parse(const struct connection *c, struct answer *answer)
{
    struct slice all = slice_of(c->received, c->received_bytes);
    size_t end = slice_find_slice(all, SLICE("\r\n\r\n"));
    uint64_t length = 0;
    uint64_t status = 0;
    if (end == all.len)
        return false;
    answer->head = slice_sub(all, 0, end + 2);
    must(slice_starts_with(all, SLICE("HTTP/1.1 ")) && slice_to_u64(slice_sub(all, 9, 12), 599, &status) &&
             slice_to_u64(header(answer->head, SLICE("Content-Length")), ANSWER_MAX_BYTES, &length),
         "an answer that is no HTTP/1.1 with a Content-Length");
    answer->http_status = (int)status;
    answer->body = slice_sub(all, end + 4, all.len);
    return answer->body.len >= length;
}

static void receive(struct connection *c)
{
    struct answer answer = {.outcome = OUTCOME_ANSWERED};
    ssize_t got = recv(c->fd, c->received + c->received_bytes, sizeof c->received - c->received_bytes, 0);
    if (got < 0 && errno == EAGAIN)
        return;
    if (!c->busy) {
        shut(c);
        return;
    }
    if (got <= 0) {
        fail(c, OUTCOME_CUT);
        return;
    }
    c->received_bytes += (size_t)got;
    if (parse(c, &answer))
        finish(c, answer, !slice_eq_nocase(header(answer.head, SLICE("Connection")), SLICE("close")));
    else if (c->received_bytes == sizeof c->received)
        fail(c, OUTCOME_CUT);
}

static void connected(struct connection *c)
{
    int error = 0;
    socklen_t size = sizeof error;
    (void)getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    c->connecting = false;
    if (error && c->busy)
        fail(c, OUTCOME_NOT_CONNECTED);
    else if (error)
        shut(c);
}

static void happened(struct connection *c, uint32_t events)
{
    if (c->connecting)
        connected(c);
    if (c->fd >= 0 && (events & EPOLLOUT)) {
        watch(c, EPOLL_CTL_MOD, EPOLLIN | EPOLLRDHUP);
        if (c->busy && c->sent_bytes < c->request.len)
            write_more(c);
    }
    if (c->fd >= 0 && (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)))
        receive(c);
}

/* ---- the loop ---- */

static void look_for_late_ones(struct pool *pool)
{
    int64_t now_ns = clock_monotonic_ns();
    if (now_ns - pool->looked_ns < LOOK_EVERY_NS)
        return;
    pool->looked_ns = now_ns;
    for (size_t i = 0; i < pool->count; i++) {
        struct connection *c = &pool->connections[i];
        if (c->busy && c->fd < 0)
            fail(c, OUTCOME_NOT_CONNECTED);
        else if (c->busy && now_ns - c->begun_ns > pool->timeout_ns)
            fail(c, OUTCOME_TIMED_OUT);
    }
}

void pool_turn(struct pool *pool, int wait_ms)
{
    struct epoll_event events[EVENTS_A_TURN];
    int count = epoll_wait(pool->epoll, events, EVENTS_A_TURN, wait_ms);
    must(count >= 0 || errno == EINTR, "epoll_wait");
    for (int i = 0; i < count; i++)
        happened(events[i].data.ptr, events[i].events);
    look_for_late_ones(pool);
}

bool pool_is_idle(const struct pool *pool)
{
    for (size_t i = 0; i < pool->count; i++)
        if (pool->connections[i].busy)
            return false;
    return true;
}
