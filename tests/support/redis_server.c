#include "support/redis_server.h"

#include "base/buf.h"
#include "support/test.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE_MS = 20000, STEP_MS = 5 };

static void map_time(struct redis_server_process *server, char path[TEMP_PATH_BYTES])
{
    static const int64_t zero[2]; /* where it stands, and how far it is ahead: preload/wall_clock.c */
    temp_dir_path(server->directory, "time", path);
    temp_dir_write(path, slice_of(zero, sizeof zero));
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    void *mapped = mmap(NULL, sizeof zero, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_true(mapped != MAP_FAILED);
    (void)close(fd);
    server->time_us = mapped;
}

/* It writes what it finds out into its configuration, so that must be a file. */
static const char *const sentinel_args[] = {"redis-server", "sentinel.conf", "--sentinel", NULL};

/* In the child. */
static void run(const struct redis_server_process *server, pid_t parent)
{
    const char *args[REDIS_SERVER_ARGS_MAX + 24] = {
        "redis-server", "--port", "0",           "--unixsocket", server->socket, "--dir", server->directory,
        "--save",       "",       "--daemonize", "no",           "--logfile",    "log"};
    size_t count = 13;
    for (size_t i = 0; server->args[i]; i++)
        args[count++] = server->args[i];
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
        _exit(126);
    int null = open("/dev/null", O_RDWR);
    (void)dup2(null, 0);
    (void)dup2(null, 1);
    (void)dup2(null, 2);
    const char *const *all = server->is_sentinel ? sentinel_args : args;
    if (server->is_sentinel && chdir(server->directory) != 0)
        _exit(126);
    char *const *argv = (char *const *)(uintptr_t)all; /* execvp only reads them */
    (void)execvp("redis-server", argv);
    _exit(127);
}

static int connect_to(const struct redis_server_process *server)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    size_t len = strlen(server->socket);
    assert_true(len < sizeof address.sun_path);
    memcpy(address.sun_path, server->socket, len + 1);
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    (void)close(fd);
    return -1;
}

static bool ask(const struct redis_server_process *server, const char *command, char line[256])
{
    int fd = connect_to(server);
    if (fd < 0)
        return false;
    struct buf text = BUF_INIT;
    buf_addf(&text, "%s\r\n", command);
    bool sent = send(fd, text.ptr, text.len, MSG_NOSIGNAL) == (ssize_t)text.len;
    buf_done(&text);
    size_t len = 0;
    struct pollfd readable = {.fd = fd, .events = POLLIN};
    while (sent && len < 255 && !memchr(line, '\r', len) && poll(&readable, 1, PATIENCE_MS) == 1) {
        ssize_t got = recv(fd, line + len, 255 - len, 0);
        if (got <= 0)
            break;
        len += (size_t)got;
    }
    (void)close(fd);
    char *end = memchr(line, '\r', len);
    line[end ? (size_t)(end - line) : len] = '\0';
    return end != NULL;
}

static void wait_until_it_answers(struct redis_server_process *server)
{
    char line[256];
    for (int waited = 0; waited < PATIENCE_MS; waited += STEP_MS) {
        int status = 0;
        if (ask(server, "PING", line) && (strcmp(line, "+PONG") == 0 || strncmp(line, "-NOAUTH", 7) == 0))
            return;
        if (waitpid(server->pid, &status, WNOHANG) == server->pid) {
            server->pid = 0;
            fail_msg("redis-server ended with status %d; is it installed?", status);
        }
        (void)usleep(STEP_MS * 1000);
    }
    fail_msg("redis-server does not answer");
}

static void set_environment(const struct redis_server_process *server)
{
    char path[TEMP_PATH_BYTES];
    temp_dir_path(server->directory, "time", path);
    (void)setenv("WALL_CLOCK_FILE", path, 1);
    (void)setenv("LD_PRELOAD", WALL_CLOCK_LIBRARY, 1);
    (void)unsetenv("ASAN_OPTIONS");
}

void redis_server_start_again(struct redis_server_process *server)
{
    pid_t parent = getpid();
    server->pid = fork();
    assert_true(server->pid >= 0);
    if (server->pid == 0) {
        set_environment(server);
        run(server, parent);
    }
    wait_until_it_answers(server);
}

static void prepare(struct redis_server_process *server)
{
    char path[TEMP_PATH_BYTES];
    *server = (struct redis_server_process){0};
    temp_dir_make(server->directory);
    temp_dir_path(server->directory, "redis.sock", server->socket);
    (void)snprintf(server->url, sizeof server->url, "redis+unix://%s", server->socket);
    map_time(server, path);
}

void redis_server_start(struct redis_server_process *server, const char *const *args)
{
    prepare(server);
    for (size_t i = 0; args && args[i]; i++) {
        assert_true(i < REDIS_SERVER_ARGS_MAX);
        server->args[i] = args[i];
    }
    redis_server_start_again(server);
}

void redis_server_start_sentinel(struct redis_server_process *server, const char *lines)
{
    char path[TEMP_PATH_BYTES];
    struct buf text = BUF_INIT;
    prepare(server);
    server->is_sentinel = true;
    buf_addf(&text, "%sunixsocket %s\nlogfile log\n", lines, server->socket);
    temp_dir_path(server->directory, "sentinel.conf", path);
    temp_dir_write(path, buf_slice(&text));
    buf_done(&text);
    redis_server_start_again(server);
}

void redis_server_kill(struct redis_server_process *server)
{
    if (server->pid <= 0)
        return;
    (void)kill(server->pid, SIGKILL);
    (void)waitpid(server->pid, NULL, 0);
    server->pid = 0;
}

void redis_server_done(struct redis_server_process *server)
{
    redis_server_kill(server);
    if (server->time_us)
        (void)munmap((void *)(uintptr_t)server->time_us, 2 * sizeof *server->time_us);
    if (server->directory[0])
        temp_dir_remove(server->directory);
}

void redis_server_pause(const struct redis_server_process *server)
{
    int status = 0;
    assert_int_equal(kill(server->pid, SIGSTOP), 0);
    assert_int_equal(waitpid(server->pid, &status, WUNTRACED), server->pid);
    assert_true(WIFSTOPPED(status));
}

void redis_server_go_on(const struct redis_server_process *server)
{
    assert_int_equal(kill(server->pid, SIGCONT), 0);
}

void redis_server_set_time(struct redis_server_process *server, int64_t now_ms)
{
    *server->time_us = now_ms * 1000;
}

void redis_server_tell(const struct redis_server_process *server, const char *command, char line[256])
{
    if (!ask(server, command, line))
        fail_msg("redis-server does not answer %s", command);
}

void redis_server_move_time(struct redis_server_process *server, int64_t now_ms)
{
    char line[256];
    redis_server_tell(server, "PERSIST e", line);
    redis_server_set_time(server, now_ms);
}

void redis_server_must(const struct redis_server_process *server, const char *command, const char *begins_with)
{
    char line[256];
    redis_server_tell(server, command, line);
    if (strncmp(line, begins_with, strlen(begins_with)) != 0)
        fail_msg("redis-server answers %s to %s", line, command);
}

int64_t redis_server_number(const struct redis_server_process *server, const char *command)
{
    char line[256];
    redis_server_tell(server, command, line);
    assert_int_equal(line[0], ':');
    return strtoll(line + 1, NULL, 10);
}
