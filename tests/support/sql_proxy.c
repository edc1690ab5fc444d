#include "support/sql_proxy.h"

#include "support/test.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { BLOCK_BYTES = 65536, TURN_MS = 20, REPLY_MS = 5000 };

static struct sockaddr_un address_of(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    return address;
}

static bool is_stopping(struct sql_proxy *proxy)
{
    pthread_mutex_lock(&proxy->lock);
    bool stopping = proxy->is_stopping;
    pthread_mutex_unlock(&proxy->lock);
    return stopping;
}

/* No assertions from here on: another thread than the test's cannot fail it; it sees the connection break. */

static bool send_all(int fd, const char *bytes, size_t len)
{
    for (size_t sent = 0; sent < len;) {
        ssize_t count = send(fd, bytes + sent, len - sent, MSG_NOSIGNAL);
        if (count <= 0)
            return false;
        sent += (size_t)count;
    }
    return true;
}

static bool is_readable(int fd, int timeout_ms)
{
    struct pollfd entry = {.fd = fd, .events = POLLIN};
    return poll(&entry, 1, timeout_ms) == 1;
}

/* Disarms it if this is the packet. */
static bool takes_place(struct sql_proxy *proxy, struct slice packet, enum sql_proxy_break *ret_what)
{
    pthread_mutex_lock(&proxy->lock);
    bool now = proxy->text && slice_find_slice(packet, slice_str(proxy->text)) < packet.len;
    *ret_what = proxy->what;
    if (now)
        proxy->text = NULL;
    pthread_mutex_unlock(&proxy->lock);
    return now;
}

static void break_it(enum sql_proxy_break what, struct slice packet, int client, int server)
{
    char reply[BLOCK_BYTES];
    if (what == PROXY_DROP_STATEMENT || !send_all(server, packet.ptr, packet.len) || !is_readable(server, REPLY_MS))
        return;
    ssize_t len = recv(server, reply, sizeof reply, 0);
    if (what == PROXY_HALVE_REPLY && len > 1)
        (void)send_all(client, reply, (size_t)len / 2);
}

/* False: the connection is over. */
static bool pass(struct sql_proxy *proxy, int client, int server)
{
    char block[BLOCK_BYTES];
    struct pollfd ends[] = {{.fd = client, .events = POLLIN}, {.fd = server, .events = POLLIN}};
    enum sql_proxy_break what = PROXY_DROP_STATEMENT;
    if (poll(ends, 2, TURN_MS) < 0)
        return false;
    for (int i = 0; i < 2; i++) {
        if (!ends[i].revents)
            continue;
        ssize_t len = recv(ends[i].fd, block, sizeof block, 0);
        if (len <= 0)
            return false;
        struct slice packet = slice_of(block, (size_t)len);
        if (i == 0 && takes_place(proxy, packet, &what)) {
            break_it(what, packet, client, server);
            return false;
        }
        if (!send_all(ends[1 - i].fd, block, (size_t)len))
            return false;
    }
    return true;
}

static void serve_with_server(struct sql_proxy *proxy, int client)
{
    struct sockaddr_un address = address_of(proxy->server);
    int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (server >= 0 && connect(server, (struct sockaddr *)&address, sizeof address) == 0)
        while (!is_stopping(proxy) && pass(proxy, client, server))
            ;
    if (server >= 0)
        (void)close(server);
}

static void hear(struct sql_proxy *proxy, struct slice bytes)
{
    bytes = slice_sub(bytes, 0, sizeof proxy->heard - proxy->heard_len);
    if (bytes.len)
        memcpy(proxy->heard + proxy->heard_len, bytes.ptr, bytes.len);
    proxy->heard_len += bytes.len;
}

static void serve_by_itself(struct sql_proxy *proxy, int client)
{
    char block[256];
    (void)send_all(client, proxy->greeting.ptr, proxy->greeting.len);
    while (proxy->holds && !is_stopping(proxy)) {
        if (!is_readable(client, TURN_MS))
            continue;
        ssize_t len = recv(client, block, sizeof block, 0);
        if (len <= 0)
            return;
        hear(proxy, slice_of(block, (size_t)len));
    }
}

static void *serve(void *context)
{
    struct sql_proxy *proxy = context;
    while (!is_stopping(proxy)) {
        if (!is_readable(proxy->listener, TURN_MS))
            continue;
        int client = accept(proxy->listener, NULL, NULL);
        if (client < 0)
            continue;
        if (proxy->server)
            serve_with_server(proxy, client);
        else
            serve_by_itself(proxy, client);
        (void)close(client);
    }
    return NULL;
}

/* ---- the test's side ---- */

static void start(struct sql_proxy *proxy)
{
    temp_dir_make(proxy->directory);
    temp_dir_path(proxy->directory, "socket", proxy->socket);
    struct sockaddr_un address = address_of(proxy->socket);
    proxy->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(proxy->listener >= 0);
    assert_int_equal(bind(proxy->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(proxy->listener, 8), 0);
    pthread_mutex_init(&proxy->lock, NULL);
    assert_int_equal(pthread_create(&proxy->thread, NULL, serve, proxy), 0);
}

void sql_proxy_start(struct sql_proxy *proxy, const char *server)
{
    *proxy = (struct sql_proxy){.server = server};
    start(proxy);
}

void sql_proxy_start_fake(struct sql_proxy *proxy, struct slice greeting, bool holds)
{
    *proxy = (struct sql_proxy){.greeting = greeting, .holds = holds};
    start(proxy);
}

void sql_proxy_stop(struct sql_proxy *proxy)
{
    pthread_mutex_lock(&proxy->lock);
    proxy->is_stopping = true;
    pthread_mutex_unlock(&proxy->lock);
    (void)pthread_join(proxy->thread, NULL);
    (void)close(proxy->listener);
    pthread_mutex_destroy(&proxy->lock);
    temp_dir_remove(proxy->directory);
}

void sql_proxy_arm(struct sql_proxy *proxy, enum sql_proxy_break what, const char *text)
{
    pthread_mutex_lock(&proxy->lock);
    proxy->what = what;
    proxy->text = text;
    pthread_mutex_unlock(&proxy->lock);
}

bool sql_proxy_is_armed(struct sql_proxy *proxy)
{
    pthread_mutex_lock(&proxy->lock);
    bool armed = proxy->text != NULL;
    pthread_mutex_unlock(&proxy->lock);
    return armed;
}
