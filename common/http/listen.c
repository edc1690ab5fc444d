#include "http/listen.h"

#include <errno.h>
#include <libgen.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 1024, SOCKET_FILE_MODE = 0660 };

static void name_address(struct buf *why, const struct http_listen *address)
{
    if (!slice_is_absent(address->unix_path)) {
        buf_add_str(why, "unix:");
        buf_add(why, address->unix_path);
        return;
    }
    bool is_ipv6 = slice_find(address->host, ':') < address->host.len;
    if (is_ipv6)
        buf_add_byte(why, '[');
    buf_add(why, address->host);
    if (is_ipv6)
        buf_add_byte(why, ']');
    buf_addf(why, ":%u", address->port);
}

static enum status explain_address(struct buf *why, const struct http_listen *address, const char *reason)
{
    name_address(why, address);
    buf_add_str(why, ": ");
    buf_add_str(why, reason);
    return STATUS_BAD_INPUT;
}

static const char *bind_error(int error)
{
    switch (error) {
    case EADDRINUSE:
        return "the address is already in use";
    case EADDRNOTAVAIL:
        return "no interface of this machine has this address";
    case EACCES:
        return "no permission to listen here";
    default:
        return strerror(error);
    }
}

/* --- TCP --- */

struct endpoint {
    struct sockaddr_storage address;
    socklen_t len;
};

static void set_port(struct endpoint *endpoint, uint16_t port)
{
    if (endpoint->address.ss_family == AF_INET6)
        ((struct sockaddr_in6 *)&endpoint->address)->sin6_port = htons(port);
    else
        ((struct sockaddr_in *)&endpoint->address)->sin_port = htons(port);
}

static uint16_t port_of(int fd)
{
    struct endpoint endpoint = {.len = sizeof endpoint.address};
    if (getsockname(fd, (struct sockaddr *)&endpoint.address, &endpoint.len) != 0)
        return 0;
    return ntohs(endpoint.address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&endpoint.address)->sin6_port
                                                        : ((struct sockaddr_in *)&endpoint.address)->sin_port);
}

static bool set_option(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof value) == 0;
}

/* -1 with errno. Without `is_shared`, a socket that another process listens on is an error, also one with
 * SO_REUSEPORT. */
static int bind_tcp(const struct endpoint *endpoint, bool is_wildcard, bool is_shared)
{
    int fd = socket(endpoint->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    bool bound = set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (bound && is_shared) /* connections inherit TCP_NODELAY */
        bound = set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1) && set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    if (bound && endpoint->address.ss_family == AF_INET6)
        bound = set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, !is_wildcard);
    if (bound)
        bound = bind(fd, (const struct sockaddr *)&endpoint->address, endpoint->len) == 0;
    if (bound)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

static enum status resolve_address(const struct http_listen *address, struct endpoint *ret_endpoint, struct buf *why)
{
    char host[256];
    struct buf text = buf_fixed(host, sizeof host);
    buf_add(&text, address->host);
    if (!buf_string(&text))
        return explain_address(why, address, "the host is too long");
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *found;
    int error = getaddrinfo(host, NULL, &hints, &found);
    if (error != 0)
        return explain_address(why, address, gai_strerror(error));
    *ret_endpoint = (struct endpoint){.len = found->ai_addrlen};
    memcpy(&ret_endpoint->address, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    return STATUS_OK;
}

static struct endpoint wildcard_endpoint(sa_family_t family, uint16_t port)
{
    struct endpoint endpoint = {.len = family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in)};
    endpoint.address.ss_family = family; /* all zero is every address, in both families */
    set_port(&endpoint, port);
    return endpoint;
}

/* Binds once without SO_REUSEPORT: only so does another process on this port show. A machine without IPv6
 * has its wildcard in IPv4. The port may be another than the address's. */
static enum status try_address(const struct http_listen *address, uint16_t port, struct endpoint *ret_endpoint,
                               struct buf *why)
{
    bool is_wildcard = address->host.len == 0;
    struct endpoint endpoint = wildcard_endpoint(AF_INET6, port);
    if (!is_wildcard) {
        TRY(resolve_address(address, &endpoint, why));
        set_port(&endpoint, port);
    }
    int fd = bind_tcp(&endpoint, is_wildcard, false);
    if (fd < 0 && is_wildcard && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL)) {
        endpoint = wildcard_endpoint(AF_INET, port);
        fd = bind_tcp(&endpoint, is_wildcard, false);
    }
    if (fd < 0)
        return explain_address(why, address, bind_error(errno));
    close(fd);
    *ret_endpoint = endpoint;
    return STATUS_OK;
}

static enum status open_tcp(struct listener *listener, const struct http_listen *address, size_t count, struct buf *why)
{
    struct endpoint endpoint;
    TRY(try_address(address, address->port, &endpoint, why));
    for (size_t i = 0; i < count; i++) {
        int fd = bind_tcp(&endpoint, address->host.len == 0, true);
        if (fd < 0)
            return explain_address(why, address, bind_error(errno));
        listener->fds[i] = fd;
        if (listen(fd, BACKLOG) != 0)
            return explain_address(why, address, bind_error(errno));
        listener->port = port_of(fd);
        set_port(&endpoint, listener->port); /* of port 0: the others share what the first got */
    }
    return STATUS_OK;
}

/* --- socket files --- */

static enum status write_socket_address(const struct http_listen *address, struct sockaddr_un *ret_name,
                                        struct buf *why)
{
    *ret_name = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (address->unix_path.len == 0 || address->unix_path.len >= sizeof ret_name->sun_path)
        return explain_address(why, address, "the path is empty or too long for a socket");
    memcpy(ret_name->sun_path, address->unix_path.ptr, address->unix_path.len);
    return STATUS_OK;
}

static bool has_directory(const struct sockaddr_un *address)
{
    struct stat info;
    char path[sizeof address->sun_path];
    memcpy(path, address->sun_path, sizeof path);
    return stat(dirname(path), &info) == 0 && S_ISDIR(info.st_mode);
}

/* NULL, or what keeps a socket file from being made there, whoever runs. */
static const char *find_obstacle(const struct sockaddr_un *address)
{
    struct stat file;
    if (lstat(address->sun_path, &file) == 0)
        return S_ISSOCK(file.st_mode) ? NULL : "there is a file of this name that is not a socket";
    if (!has_directory(address))
        return "its directory does not exist: create it, or name another path";
    return errno == ENOENT ? NULL : strerror(errno);
}

enum status listener_check_blocking(const struct http_listen *address, struct buf *why)
{
    struct endpoint endpoint;
    struct sockaddr_un name;
    if (slice_is_absent(address->unix_path)) /* at a free port: the service may run already */
        return try_address(address, 0, &endpoint, why);
    TRY(write_socket_address(address, &name, why));
    const char *obstacle = find_obstacle(&name);
    return obstacle ? explain_address(why, address, obstacle) : STATUS_OK;
}

/* Removes a socket file that nobody answers on. NULL, or what is wrong. */
static const char *clear_stale(const struct sockaddr_un *address)
{
    struct stat file;
    const char *obstacle = find_obstacle(address);
    if (obstacle || lstat(address->sun_path, &file) != 0)
        return obstacle;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return strerror(errno);
    int error = connect(fd, (const struct sockaddr *)address, sizeof *address) == 0 ? 0 : errno;
    close(fd);
    if (error == 0 || error == EAGAIN)
        return "another process listens on this socket";
    if (error != ECONNREFUSED)
        return strerror(error);
    return unlink(address->sun_path) == 0 ? NULL : strerror(errno);
}

/* The mode is set before the file exists, so that it is never open to others, and again after it, because
 * the umask took its part. */
static const char *bind_unix(struct listener *listener, const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return strerror(errno);
    listener->fds[0] = fd;
    struct stat file;
    if (fchmod(fd, SOCKET_FILE_MODE) != 0 || bind(fd, (const struct sockaddr *)address, sizeof *address) != 0)
        return bind_error(errno);
    if (chmod(address->sun_path, SOCKET_FILE_MODE) != 0 || lstat(address->sun_path, &file) != 0)
        return strerror(errno);
    listener->unix_device = file.st_dev;
    listener->unix_inode = file.st_ino;
    return listen(fd, BACKLOG) == 0 ? NULL : strerror(errno);
}

static enum status open_unix(struct listener *listener, const struct http_listen *address, struct buf *why)
{
    struct sockaddr_un name;
    TRY(write_socket_address(address, &name, why));
    const char *wrong = clear_stale(&name);
    if (wrong)
        return explain_address(why, address, wrong);
    listener->unix_path = strdup(name.sun_path);
    if (!listener->unix_path)
        return STATUS_NO_MEMORY;
    wrong = bind_unix(listener, &name);
    return wrong ? explain_address(why, address, wrong) : STATUS_OK;
}

enum status listener_open(struct listener *listener, const struct http_listen *address, size_t count, struct buf *why)
{
    bool is_unix = !slice_is_absent(address->unix_path);
    *listener = (struct listener){.fds = calloc(count, sizeof *listener->fds)};
    if (!listener->fds)
        return STATUS_NO_MEMORY;
    listener->fd_count = is_unix ? 1 : count;
    for (size_t i = 0; i < listener->fd_count; i++)
        listener->fds[i] = -1;
    enum status status = is_unix ? open_unix(listener, address, why) : open_tcp(listener, address, count, why);
    if (status != STATUS_OK)
        listener_close(listener);
    return status;
}

/* --- two addresses --- */

/* However their paths are spelled. */
static bool is_same_file(const struct http_listen *a, const struct http_listen *b)
{
    struct sockaddr_un names[2];
    struct stat folders[2];
    const char *files[2];
    struct buf why = BUF_INIT;
    bool is_known =
        write_socket_address(a, &names[0], &why) == STATUS_OK && write_socket_address(b, &names[1], &why) == STATUS_OK;
    buf_done(&why);
    for (size_t i = 0; i < 2 && is_known; i++) {
        char path[sizeof names[i].sun_path];
        memcpy(path, names[i].sun_path, sizeof path);
        is_known = stat(dirname(path), &folders[i]) == 0;
        files[i] = basename(names[i].sun_path);
    }
    return is_known && folders[0].st_dev == folders[1].st_dev && folders[0].st_ino == folders[1].st_ino &&
           strcmp(files[0], files[1]) == 0;
}

/* Listens on the one at a port that is free there, and tries the other at the same port. */
static bool meet_at_free_port(const struct http_listen *a, const struct http_listen *b)
{
    struct http_listen free_port = *a;
    struct listener listener;
    struct endpoint endpoint;
    struct buf why = BUF_INIT;
    free_port.port = 0;
    bool do_meet = listener_open(&listener, &free_port, 1, &why) == STATUS_OK &&
                   try_address(b, listener.port, &endpoint, &why) != STATUS_OK;
    listener_close(&listener);
    buf_done(&why);
    return do_meet;
}

bool listeners_meet_blocking(const struct http_listen *a, const struct http_listen *b)
{
    enum { TRIES = 3 }; /* another process may have the other address at that port */
    bool is_unix = !slice_is_absent(a->unix_path);
    bool do_meet = is_unix == !slice_is_absent(b->unix_path) && (is_unix || a->port == b->port);
    if (is_unix)
        return do_meet && is_same_file(a, b);
    for (int i = 0; i < TRIES && do_meet; i++)
        do_meet = meet_at_free_port(a, b);
    return do_meet;
}

/* --- closing --- */

static bool is_ours(const struct listener *listener)
{
    struct stat file;
    return listener->unix_inode != 0 && lstat(listener->unix_path, &file) == 0 && file.st_ino == listener->unix_inode &&
           file.st_dev == listener->unix_device;
}

void listener_stop_unix(struct listener *listener)
{
    if (!listener->unix_path)
        return;
    if (is_ours(listener))
        unlink(listener->unix_path);
    listener->unix_inode = 0;
    if (listener->fds[0] >= 0)
        shutdown(listener->fds[0], SHUT_RDWR);
}

void listener_turn_away(struct listener *listener)
{
    static const int no_interface = INT32_MAX;
    for (size_t i = 0; !listener->unix_path && i < listener->fd_count; i++)
        if (listener->fds[i] >= 0)
            (void)setsockopt(listener->fds[i], SOL_SOCKET, SO_BINDTOIFINDEX, &no_interface, sizeof no_interface);
}

void listener_close_one(struct listener *listener, size_t index)
{
    if (listener->fds[index] >= 0)
        close(listener->fds[index]);
    listener->fds[index] = -1;
}

void listener_close(struct listener *listener)
{
    listener_stop_unix(listener);
    for (size_t i = 0; i < listener->fd_count; i++)
        listener_close_one(listener, i);
    free(listener->fds);
    free(listener->unix_path);
    *listener = (struct listener){.port = listener->port};
}
