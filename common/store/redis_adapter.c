#include "store/redis_adapter.h"

#include "loop/loop.h"

#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

enum { READ_BYTES = 16 * 1024, READS_A_TURN = 16 };

static void fail(struct redis_adapter *adapter, const char *problem)
{
    adapter->owner.failed(adapter->owner.context, problem);
}

/* Reads until the socket is empty, but lets others have their turn. */
static void on_readable(evutil_socket_t fd, short what UNUSED, void *context)
{
    struct redis_adapter *adapter = context;
    char bytes[READ_BYTES];
    for (int i = 0; i < READS_A_TURN && adapter->is_open && adapter->fd == fd; i++) {
        ssize_t got = recv(fd, bytes, sizeof bytes, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            break;
        if (got <= 0) {
            fail(adapter, got == 0 ? "it closed the connection" : strerror(errno));
            break;
        }
        adapter->owner.received(adapter->owner.context, slice_of(bytes, (size_t)got));
        if ((size_t)got < sizeof bytes)
            break;
    }
    explicit_bzero(bytes, sizeof bytes);
}

static int connect_error(int fd)
{
    int error = 0;
    socklen_t len = sizeof error;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 ? error : errno;
}

static void on_writable(evutil_socket_t fd, short what UNUSED, void *context)
{
    struct redis_adapter *adapter = context;
    if (adapter->is_connected) {
        adapter->owner.writable(adapter->owner.context);
        return;
    }
    int error = connect_error(fd);
    if (error || event_add(&adapter->readable, NULL) != 0) {
        fail(adapter, error ? strerror(error) : "out of memory");
        return;
    }
    adapter->is_connected = true;
    adapter->owner.connected(adapter->owner.context);
}

static void tune(int fd, int family)
{
    const int on = 1;
    if (family == AF_UNIX)
        return;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
}

enum status redis_adapter_open(struct redis_adapter *adapter, struct loop *loop, const struct redis_address *address,
                               const struct redis_adapter_owner *owner, const char **ret_problem)
{
    int family = address->address.ss_family;
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    *ret_problem = strerror(errno);
    if (fd < 0)
        return STATUS_STORE_DOWN;
    *adapter = (struct redis_adapter){.owner = *owner, .loop = loop, .fd = fd, .is_open = true};
    tune(fd, family);
    int connected = connect(fd, (const struct sockaddr *)&address->address, address->len);
    *ret_problem = strerror(errno);
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
    if (!adapter->is_open)
        return;
    (void)event_del(&adapter->readable);
    (void)event_del(&adapter->writable);
    (void)close(adapter->fd);
    adapter->is_open = false;
    adapter->is_connected = false;
}

enum status redis_adapter_write(struct redis_adapter *adapter, struct slice bytes, size_t *ret_written,
                                const char **ret_problem)
{
    size_t written = 0;
    while (written < bytes.len) {
        ssize_t sent = send(adapter->fd, bytes.ptr + written, bytes.len - written, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        bool is_full = sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
        if (is_full && event_add(&adapter->writable, NULL) == 0)
            break;
        if (sent < 0) {
            *ret_problem = is_full ? "out of memory" : strerror(errno);
            return STATUS_STORE_DOWN;
        }
        written += (size_t)sent;
    }
    *ret_written = written;
    return STATUS_OK;
}
