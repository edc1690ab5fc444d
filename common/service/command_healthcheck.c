#include "service/command.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

/* Asks the own ops port, so that an image needs neither a shell nor curl for its health check. */

struct healthcheck_options {
    bool live;
};

static const struct command_option table[] = {
    {"live", OPTION_FLAG, NULL, false, offsetof(struct healthcheck_options, live),
     "asks /livez: whether the process answers, whatever its stores do; for those who restart what is unhealthy"},
    {0},
};

static int connect_unix(struct slice path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (path.len >= sizeof address.sun_path)
        return -1;
    memcpy(address.sun_path, path.ptr, path.len);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

static int connect_tcp(const struct config_listen *listen)
{
    char host[256] = "127.0.0.1"; /* a service on every address is on this one too */
    char port[8];
    struct addrinfo *addresses = NULL;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    if (listen->host.len)
        (void)snprintf(host, sizeof host, "%.*s", SLICE_ARGS(listen->host));
    (void)snprintf(port, sizeof port, "%u", (unsigned)listen->port);
    if (getaddrinfo(host, port, &hints, &addresses) != 0)
        return -1;
    int fd = socket(addresses->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, addresses->ai_addr, addresses->ai_addrlen) != 0) {
        (void)close(fd);
        fd = -1;
    }
    freeaddrinfo(addresses);
    return fd;
}

/* The status of a GET; 0: no answer. */
static int ask_status(int fd, const char *path)
{
    char request[96];
    int len =
        snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", path);
    const struct timeval patience = {.tv_sec = 3};
    char answer[64] = "";
    int http_status = 0;
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (send(fd, request, (size_t)len, MSG_NOSIGNAL) != len)
        return 0;
    if (recv(fd, answer, sizeof answer - 1, MSG_WAITALL) < 12)
        return 0;
    return sscanf(answer, "HTTP/1.%*1d %3d", &http_status) == 1 ? http_status : 0;
}

static int run_healthcheck(const struct command_line *line)
{
    const struct config_listen *listen = &line->config->ops_listen;
    int fd = slice_is_absent(listen->unix_path) ? connect_tcp(listen) : connect_unix(listen->unix_path);
    if (fd < 0)
        return command_fail(line, EXIT_REFUSED, "nobody answers on the ops port (OAUTH1_OPS_LISTEN): %s",
                            strerror(errno));
    bool live = ((const struct healthcheck_options *)line->options)->live;
    int http_status = ask_status(fd, live ? "/livez" : "/readyz");
    (void)close(fd);
    if (http_status != 200)
        return command_fail(line, EXIT_REFUSED, "the service is not %s (status %d)%s", live ? "alive" : "ready",
                            http_status, live ? "" : "; /readyz?verbose says why");
    if (!line->quiet)
        printf(live ? "alive\n" : "ready\n");
    return EXIT_DONE;
}

const struct command command_healthcheck = {
    .name = "healthcheck",
    .arguments = "",
    .summary = "asks /readyz of the service that runs with this configuration",
    .example = "  auth-service healthcheck && echo up",
    .options = table,
    .options_size = sizeof(struct healthcheck_options),
    .needs_config = true,
    .run = run_healthcheck,
};
