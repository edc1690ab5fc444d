#include "support/fake_redis.h"

#include "support/test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* No assertion below but in the start: another thread than the test's cannot fail it. */

static bool say(int fd, struct slice text)
{
    while (text.len) {
        ssize_t sent = send(fd, text.ptr, text.len, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        text = slice_sub(text, (size_t)sent, text.len);
    }
    return true;
}

/* False: the connection is to be closed. */
static bool answer(const struct fake_redis *fake, int fd, unsigned number)
{
    struct slice reply = slice_str(fake->reply);
    if (!fake->reply || number > 1)
        return true;
    bool is_first = reply.len && reply.ptr[0] == FAKE_REDIS_FIRST[0];
    if (is_first != (number == 0))
        return number == 0 ? say(fd, SLICE("+OK\r\n")) : true;
    reply = slice_sub(reply, is_first, reply.len);
    bool closes = reply.len && reply.ptr[reply.len - 1] == FAKE_REDIS_CLOSES[0];
    return say(fd, slice_sub(reply, 0, reply.len - closes)) && !closes;
}

/* One connection after the other; false: it is to end. */
static bool serve(struct fake_redis *fake, int fd)
{
    char bytes[4096];
    struct pollfd ready[] = {{.fd = fd, .events = POLLIN}, {.fd = fake->stop[0], .events = POLLIN}};
    for (unsigned number = 0; poll(ready, 2, -1) > 0 && !ready[1].revents; number++) {
        ssize_t got = recv(fd, bytes, sizeof bytes, 0);
        if (got <= 0)
            return true;
        atomic_fetch_add(&fake->reads, 1);
        if (!answer(fake, fd, number))
            return true;
    }
    return false;
}

static void *run(void *context)
{
    struct fake_redis *fake = context;
    struct pollfd ready[] = {{.fd = fake->listener, .events = POLLIN}, {.fd = fake->stop[0], .events = POLLIN}};
    bool goes_on = true;
    while (goes_on && poll(ready, 2, -1) > 0 && !ready[1].revents) {
        int fd = accept4(fake->listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0)
            continue;
        goes_on = serve(fake, fd);
        (void)close(fd);
    }
    return NULL;
}

static void start(struct fake_redis *fake, const char *reply, int family, const struct sockaddr *address, socklen_t len)
{
    fake->reply = reply;
    fake->listener = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fake->listener, address, len), 0);
    assert_int_equal(listen(fake->listener, 16), 0);
    assert_int_equal(pipe(fake->stop), 0);
    assert_int_equal(pthread_create(&fake->thread, NULL, run, fake), 0);
    fake->is_running = true;
}

void fake_redis_start(struct fake_redis *fake, const char *reply)
{
    char path[TEMP_PATH_BYTES];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    *fake = (struct fake_redis){0};
    temp_dir_make(fake->directory);
    temp_dir_path(fake->directory, "fake.sock", path);
    size_t len = strlen(path);
    assert_true(len < sizeof address.sun_path);
    memcpy(address.sun_path, path, len + 1);
    (void)snprintf(fake->url, sizeof fake->url, "redis+unix://%s", path);
    start(fake, reply, AF_UNIX, (const struct sockaddr *)&address, sizeof address);
}

void fake_redis_start_tcp(struct fake_redis *fake, const char *reply)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    *fake = (struct fake_redis){0};
    start(fake, reply, AF_INET, (const struct sockaddr *)&address, len);
    assert_int_equal(getsockname(fake->listener, (struct sockaddr *)&address, &len), 0);
    fake->port = ntohs(address.sin_port);
    (void)snprintf(fake->url, sizeof fake->url, "redis://127.0.0.1:%u", (unsigned)fake->port);
}

void fake_redis_done(struct fake_redis *fake)
{
    if (!fake->is_running)
        return;
    (void)close(fake->stop[1]);
    (void)pthread_join(fake->thread, NULL);
    (void)close(fake->stop[0]);
    (void)close(fake->listener);
    if (fake->directory[0])
        temp_dir_remove(fake->directory);
    *fake = (struct fake_redis){0};
}
