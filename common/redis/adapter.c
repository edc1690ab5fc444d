#include "redis/adapter.h"

#include "loop/loop.h"

#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

enum { READ_BYTES = 16 * 1024, READS_A_TURN = 16 };

static void tell_failed(struct redis_adapter *adapter, const char *fault)
{
    adapter->hooks.failed(adapter->hooks.context, fault);
}

/* ---- bytes, with TLS and without ---- */

/* As TLS would say it; a plain fault is in errno. */
static enum redis_tls_result result_of(ssize_t returned, enum redis_tls_result wants)
{
    if (returned > 0)
        return REDIS_TLS_DONE;
    if (returned == 0)
        return REDIS_TLS_CLOSED;
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? wants : REDIS_TLS_FAILED;
}

static enum redis_tls_result read_some(struct redis_adapter *adapter, void *bytes, size_t size, size_t *ret_len)
{
    if (adapter->session)
        return redis_tls_read(adapter->session, bytes, size, ret_len);
    ssize_t got = recv(adapter->fd, bytes, size, 0);
    *ret_len = got > 0 ? (size_t)got : 0;
    return result_of(got, REDIS_TLS_WANTS_READ);
}

static enum redis_tls_result write_some(struct redis_adapter *adapter, struct slice bytes, size_t *ret_len)
{
    if (adapter->session)
        return redis_tls_write(adapter->session, bytes, ret_len);
    ssize_t sent = send(adapter->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
    *ret_len = sent > 0 ? (size_t)sent : 0;
    return result_of(sent, REDIS_TLS_WANTS_WRITE);
}

static const char *fault_of(const struct redis_adapter *adapter, enum redis_tls_result result)
{
    if (result == REDIS_TLS_CLOSED)
        return "it closed the connection";
    return adapter->session ? redis_tls_fault(adapter->session) : strerror(errno);
}

static bool is_waiting(enum redis_tls_result result)
{
    return result == REDIS_TLS_WANTS_READ || result == REDIS_TLS_WANTS_WRITE;
}

/* The read event stands always. False: no memory. */
static bool wait_for(struct redis_adapter *adapter, enum redis_tls_result result)
{
    return result != REDIS_TLS_WANTS_WRITE || event_add(&adapter->writable, NULL) == 0;
}

/* ---- events ---- */

static void open_up(struct redis_adapter *adapter)
{
    adapter->phase = ADAPTER_OPEN;
    adapter->hooks.connected(adapter->hooks.context);
}

static void shake_hands(struct redis_adapter *adapter)
{
    enum redis_tls_result result = redis_tls_shake(adapter->session);
    if (result == REDIS_TLS_DONE)
        open_up(adapter);
    else if (!is_waiting(result))
        tell_failed(adapter, fault_of(adapter, result));
    else if (!wait_for(adapter, result))
        tell_failed(adapter, "out of memory");
}

static int connect_error(int fd)
{
    int error = 0;
    socklen_t len = sizeof error;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 ? error : errno;
}

static void finish_connecting(struct redis_adapter *adapter)
{
    int error = connect_error(adapter->fd);
    if (error) {
        tell_failed(adapter, strerror(error));
        return;
    }
    if (adapter->peer.tls)
        adapter->session = redis_tls_session_new(adapter->peer.tls, adapter->fd, adapter->peer.host);
    if ((adapter->peer.tls && !adapter->session) || event_add(&adapter->readable, NULL) != 0) {
        tell_failed(adapter, "out of memory");
        return;
    }
    adapter->phase = ADAPTER_SHAKING_HANDS;
    if (adapter->session)
        shake_hands(adapter);
    else
        open_up(adapter);
}

static void go_on_writing(struct redis_adapter *adapter)
{
    if (adapter->phase != ADAPTER_OPEN || !adapter->write_waits)
        return;
    adapter->write_waits = false;
    adapter->hooks.writable(adapter->hooks.context);
}

static void on_writable(evutil_socket_t fd UNUSED, short what UNUSED, void *context)
{
    struct redis_adapter *adapter = context;
    if (adapter->phase == ADAPTER_CONNECTING)
        finish_connecting(adapter);
    else if (adapter->phase == ADAPTER_SHAKING_HANDS)
        shake_hands(adapter);
    else
        go_on_writing(adapter);
}

/* Reads until there is no more, but lets others have their turn. True: there may be more in the session, of which the
 * socket knows nothing. */
static bool read_available(struct redis_adapter *adapter)
{
    char bytes[READ_BYTES];
    enum redis_tls_result result = REDIS_TLS_DONE;
    int fd = adapter->fd;
    for (int i = 0; i < READS_A_TURN && result == REDIS_TLS_DONE; i++) {
        size_t len = 0;
        result = read_some(adapter, bytes, sizeof bytes, &len);
        if (result == REDIS_TLS_DONE)
            adapter->hooks.received(adapter->hooks.context, slice_of(bytes, len));
        else if (!is_waiting(result))
            tell_failed(adapter, fault_of(adapter, result));
        if (adapter->phase != ADAPTER_OPEN || adapter->fd != fd)
            result = REDIS_TLS_CLOSED;
        else if (len < sizeof bytes && !adapter->session)
            break; /* spares a read that would find nothing */
    }
    explicit_bzero(bytes, sizeof bytes);
    return result == REDIS_TLS_DONE && adapter->session;
}

static void on_readable(evutil_socket_t fd UNUSED, short what UNUSED, void *context)
{
    struct redis_adapter *adapter = context;
    if (adapter->phase == ADAPTER_SHAKING_HANDS) {
        shake_hands(adapter);
        return;
    }
    if (read_available(adapter))
        event_active(&adapter->readable, EV_READ, 0);
    else if (adapter->session)
        go_on_writing(adapter);
}

/* ---- life ---- */

static void tune_socket(int fd, int family)
{
    const int on = 1;
    if (family == AF_UNIX)
        return;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
}

enum status redis_adapter_open(struct redis_adapter *adapter, struct loop *loop, const struct redis_adapter_peer *peer,
                               const struct redis_adapter_hooks *hooks, const char **ret_fault)
{
    int family = peer->address->address.ss_family;
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    *ret_fault = strerror(errno);
    if (fd < 0)
        return STATUS_STORE_DOWN;
    *adapter = (struct redis_adapter){.hooks = *hooks, .peer = *peer, .fd = fd, .phase = ADAPTER_CONNECTING};
    tune_socket(fd, family);
    int connected = connect(fd, (const struct sockaddr *)&peer->address->address, peer->address->len);
    *ret_fault = strerror(errno);
    (void)event_assign(&adapter->readable, loop_base(loop), fd, EV_READ | EV_PERSIST, on_readable, adapter);
    (void)event_assign(&adapter->writable, loop_base(loop), fd, EV_WRITE, on_writable, adapter);
    /* one that is connected at once is writable in the next turn: no callback comes inline */
    if ((connected == 0 || errno == EINPROGRESS) && event_add(&adapter->writable, NULL) == 0)
        return STATUS_OK;
    redis_adapter_close(adapter);
    return STATUS_STORE_DOWN;
}

void redis_adapter_close(struct redis_adapter *adapter)
{
    if (adapter->phase == ADAPTER_CLOSED)
        return;
    (void)event_del(&adapter->readable);
    (void)event_del(&adapter->writable);
    redis_tls_session_free(adapter->session);
    adapter->session = NULL;
    (void)close(adapter->fd);
    adapter->phase = ADAPTER_CLOSED;
}

enum status redis_adapter_write(struct redis_adapter *adapter, struct slice bytes, size_t *ret_written,
                                const char **ret_fault)
{
    size_t written = 0;
    enum redis_tls_result result = REDIS_TLS_DONE;
    while (written < bytes.len && result == REDIS_TLS_DONE) {
        size_t len = 0;
        result = write_some(adapter, slice_sub(bytes, written, bytes.len), &len);
        written += result == REDIS_TLS_DONE ? len : 0;
    }
    adapter->write_waits = is_waiting(result);
    if (result != REDIS_TLS_DONE && !(adapter->write_waits && wait_for(adapter, result))) {
        *ret_fault = is_waiting(result) ? "out of memory" : fault_of(adapter, result);
        return STATUS_STORE_DOWN;
    }
    *ret_written = written;
    return STATUS_OK;
}
