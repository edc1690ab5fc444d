#include "support/mariadb_server.h"

#include "base/buf.h"
#include "base/clock.h"
#include "sql/sql.h"
#include "support/test.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE_MS = 60000, ARGUMENTS_MAX = 48, ARGUMENT_BYTES = TEMP_PATH_BYTES + 32 };

struct arguments {
    char texts[8][ARGUMENT_BYTES];
    size_t text_count;
    const char *list[ARGUMENTS_MAX + 1];
    size_t count;
};

static void add(struct arguments *arguments, const char *argument)
{
    assert_true(arguments->count < ARGUMENTS_MAX);
    arguments->list[arguments->count++] = argument;
}

static void add_value(struct arguments *arguments, const char *name, const char *value)
{
    char *text = arguments->texts[arguments->text_count++];
    assert_true(arguments->text_count <= COUNT_OF(arguments->texts));
    (void)snprintf(text, ARGUMENT_BYTES, "%s=%s", name, value);
    add(arguments, text);
}

/* ---- processes ---- */

/* In the child. The server's own signal handling must not begin with what a test had blocked. */
static void become(const struct arguments *arguments, const char *log)
{
    sigset_t none;
    int out = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (out >= 0 && in >= 0 && dup2(in, 0) == 0 && dup2(out, 1) == 1 && dup2(out, 2) == 2)
        (void)execvp(arguments->list[0], (char *const *)(uintptr_t)arguments->list);
    _exit(127);
}

static pid_t spawn(const struct mariadb_server *server, const struct arguments *arguments)
{
    char log[TEMP_PATH_BYTES];
    temp_dir_path(server->directory, "log", log);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        become(arguments, log);
    return child;
}

static void print_log(const struct mariadb_server *server)
{
    char path[TEMP_PATH_BYTES];
    char line[1024];
    temp_dir_path(server->directory, "log", path);
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file))
        (void)fputs(line, stderr);
    if (file)
        (void)fclose(file);
}

static void add_where(struct arguments *arguments, const struct mariadb_server *server)
{
    char data[TEMP_PATH_BYTES];
    temp_dir_path(server->directory, "data", data);
    add(arguments, "--no-defaults");
    add_value(arguments, "--datadir", data);
    add_value(arguments, "--tmpdir", server->directory); /* a server that starts clears the one that it shares */
    add(arguments, "--innodb-log-file-size=16M");
    if (getuid() == 0)
        add(arguments, "--user=root");
}

static void install(const struct mariadb_server *server)
{
    struct arguments arguments = {0};
    int end = 0;
    add(&arguments, "mariadb-install-db");
    add_where(&arguments, server);
    add(&arguments, "--skip-test-db");
    add(&arguments, "--skip-name-resolve");
    add(&arguments, "--auth-root-authentication-method=normal");
    pid_t child = spawn(server, &arguments);
    assert_int_equal(waitpid(child, &end, 0), child);
    if (!WIFEXITED(end) || WEXITSTATUS(end) != 0) {
        print_log(server);
        fail_msg("mariadb-install-db failed: is mariadb-server installed (./dev deps --unit)?");
    }
}

/* ---- running ---- */

static unsigned free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    (void)close(fd);
    return ntohs(address.sin_port);
}

void mariadb_server_url(const struct mariadb_server *server, const char *database, char url[DURABLE_URL_BYTES])
{
    int len = snprintf(url, DURABLE_URL_BYTES, "mysql://root@/%s?socket=%s", database, server->socket);
    assert_in_range(len, 1, DURABLE_URL_BYTES - 1);
}

static bool answers(const struct mariadb_server *server)
{
    char url[DURABLE_URL_BYTES];
    struct sql_options options = {.busy_timeout_ms = SQL_COMMAND_BUSY_MS};
    struct buf why = BUF_INIT;
    struct sql *sql = NULL;
    mariadb_server_url(server, "mysql", url);
    enum status status = sql_open_blocking(slice_str(url), &options, &why, &sql);
    buf_done(&why);
    if (status == STATUS_OK)
        sql_close(sql);
    return status == STATUS_OK;
}

static void wait_until_it_answers(struct mariadb_server *server)
{
    int64_t end_ns = clock_monotonic_ns() + PATIENCE_MS * INT64_C(1000000);
    while (!answers(server)) {
        if (waitpid(server->pid, NULL, WNOHANG) != 0 || clock_monotonic_ns() > end_ns) {
            print_log(server);
            fail_msg("mariadbd does not run");
        }
        (void)usleep(10000);
    }
}

void mariadb_server_run(struct mariadb_server *server, const char *const *more)
{
    char port[16];
    struct arguments arguments = {0};
    (void)snprintf(port, sizeof port, "%u", server->port);
    add(&arguments, "mariadbd");
    add_where(&arguments, server);
    add_value(&arguments, "--socket", server->socket);
    add_value(&arguments, "--port", port);
    add(&arguments, "--bind-address=127.0.0.1");
    add(&arguments, "--skip-name-resolve");
    add(&arguments, "--max-connections=300");
    add(&arguments, "--innodb-buffer-pool-size=64M");
    add(&arguments, "--innodb-flush-log-at-trx-commit=2");
    add(&arguments, "--innodb-flush-method=nosync");
    add(&arguments, "--innodb-doublewrite=0");
    add(&arguments, "--performance-schema=OFF");
    for (; more && *more; more++)
        add(&arguments, *more);
    server->pid = spawn(server, &arguments);
    wait_until_it_answers(server);
}

void mariadb_server_start(struct mariadb_server *server, const char *const *more)
{
    *server = (struct mariadb_server){.port = free_port()};
    temp_dir_make(server->directory);
    temp_dir_path(server->directory, "socket", server->socket);
    install(server);
    mariadb_server_run(server, more);
}

void mariadb_server_kill(struct mariadb_server *server)
{
    if (server->pid <= 0)
        return;
    (void)kill(server->pid, SIGKILL);
    (void)waitpid(server->pid, NULL, 0);
    server->pid = 0;
}

void mariadb_server_pause(struct mariadb_server *server)
{
    int state = 0;
    assert_int_equal(kill(server->pid, SIGSTOP), 0);
    assert_int_equal(waitpid(server->pid, &state, WUNTRACED), server->pid);
    assert_true(WIFSTOPPED(state));
}

void mariadb_server_go_on(struct mariadb_server *server)
{
    assert_int_equal(kill(server->pid, SIGCONT), 0);
}

void mariadb_server_stop(struct mariadb_server *server)
{
    mariadb_server_kill(server);
    temp_dir_remove(server->directory);
}

/* ---- shared ---- */

static struct mariadb_server shared;
static pid_t owner;

static void stop_shared(void)
{
    if (owner == getpid()) /* a child that a test forked leaves it alone */
        mariadb_server_stop(&shared);
}

struct mariadb_server *mariadb_server_shared(void)
{
    if (!owner) {
        mariadb_server_start(&shared, NULL);
        owner = getpid();
        assert_int_equal(atexit(stop_shared), 0);
    }
    return &shared;
}
