#include "service_bench.h"

#include "service/service.h"

#include "base/metrics.h"
#include "http/request.h"
#include "service/command.h"
#include "support/free_port.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct shared *shared;
struct service_bench bench;

void service_bench_sleep_ms(long ms)
{
    const struct timespec span = {ms / 1000, ms % 1000 * 1000000};
    (void)nanosleep(&span, NULL);
}

static enum step_result say_hello(struct flow *flow)
{
    struct request *request = request_of(flow);
    request_reply_start(request, 200);
    request_reply_body(request, "text/plain", SLICE("hello"));
    request_reply_send(request);
    return STEP_REPLY;
}

/* Asks again every few milliseconds whether it may go on. */
static enum step_result wait_until_told(struct flow *flow)
{
    struct request *request = request_of(flow);
    if (!request->state) {
        request->state = request;
        atomic_fetch_add(&shared->in_slow, 1);
    }
    if (atomic_load(&shared->let_slow_go))
        return STEP_NEXT;
    struct ticket nobody = flow_wait(flow, 10); /* ends by its deadline */
    (void)nobody;
    return STEP_WAIT;
}

/* Holds its whole loop, until told, for 20 s at most. */
static enum step_result block(struct flow *flow)
{
    const struct timespec span = {.tv_nsec = 1000000};
    atomic_fetch_add(&shared->blocked, 1);
    for (int i = 0; i < 20000 && !atomic_load(&shared->let_loops_go); i++)
        (void)nanosleep(&span, NULL);
    return say_hello(flow);
}

static const struct step blocks[] = {{"block", block}, {NULL, NULL}};

static struct ticket held; /* of the child's fake store, which answers when it is closed */

static enum step_result hold(struct flow *flow)
{
    held = flow_wait(flow, 60000);
    atomic_fetch_add(&shared->in_held, 1);
    return STEP_WAIT;
}

static enum step_result go_on(struct flow *flow)
{
    atomic_fetch_add(&shared->went_on, 1);
    request_reply_start(request_of(flow), 503);
    request_reply_send(request_of(flow));
    return STEP_REPLY;
}

static const struct step holding[] = {{"hold", hold}, {"hello", go_on}, {NULL, NULL}};
static const struct step hello[] = {{"hello", say_hello}, {NULL, NULL}};
/* 400 turns of 10 ms at most */
#define WAIT                    \
    {                           \
        "wait", wait_until_told \
    }
#define WAIT10  WAIT, WAIT, WAIT, WAIT, WAIT, WAIT, WAIT, WAIT, WAIT, WAIT
#define WAIT100 WAIT10, WAIT10, WAIT10, WAIT10, WAIT10, WAIT10, WAIT10, WAIT10, WAIT10, WAIT10
static const struct step slow[] = {WAIT100, WAIT100, WAIT100, WAIT100, {"hello", say_hello}, {NULL, NULL}};

static const struct route routes[] = {
    {.name = "hello", .path = "/hello", .methods = "GET,POST", .steps = hello},
    {.name = "slow", .path = "/slow", .methods = "GET", .steps = slow},
    {.name = "block", .path = "/block", .methods = "GET", .steps = blocks},
    {.name = "hold", .path = "/hold", .methods = "GET", .steps = holding},
};
static const struct route admin_routes[] = {
    {.name = "admin", .path = "/admin", .methods = "GET", .steps = hello},
};

static struct metric checks_seen = {.kind = METRIC_LEVEL, .name = "test_checks", .help = "Ready checks."};

static enum status open_blocking(const struct service_start *start, struct buf *why, struct service_parts *ret_parts)
{
    (void)start;
    enum status status = (enum status)atomic_load(&shared->open_with);
    if (status != STATUS_OK) {
        buf_add_str(why, "the fake store is not there");
        return status;
    }
    if (metrics_register(&checks_seen) != STATUS_OK)
        return STATUS_NO_MEMORY;
    *ret_parts = (struct service_parts){
        .app = shared,
        .stores = &shared->checks,
        .routes = routes,
        .route_count = COUNT_OF(routes),
        .admin_routes = admin_routes,
        .admin_route_count = COUNT_OF(admin_routes),
    };
    return STATUS_OK;
}

static void close_blocking(void *app, bool clean)
{
    (void)app;
    ticket_complete(held, STATUS_STORE_DOWN, NULL, NULL);
    atomic_store(&shared->is_closing, true);
    while (atomic_load(&shared->closes_slowly) && !atomic_load(&shared->let_slow_go))
        service_bench_sleep_ms(5);
    atomic_store(&shared->closed, clean ? 1 : 2);
}

/* In the child, where no assertion can be made. */
static void must_be_the_stores(const void *stores)
{
    if (stores != &shared->checks)
        abort();
}

static enum status reload_blocking(void *stores, const struct config *fresh, struct buf *why)
{
    must_be_the_stores(stores);
    enum status status = (enum status)atomic_load(&shared->reload_with);
    atomic_fetch_add(&shared->reloads, 1);
    for (int i = 0; i < 20000 && atomic_load(&shared->hold_reload); i++)
        service_bench_sleep_ms(1);
    if (status != STATUS_OK)
        buf_add_str(why, "the fake keys are broken");
    else
        atomic_store(&shared->reloaded_tokens, (int)fresh->admin_tokens.count);
    return status;
}

static void check_database(void *stores, size_t loop_index, struct ticket ticket)
{
    (void)loop_index;
    must_be_the_stores(stores);
    atomic_fetch_add(&shared->checks, 1);
    enum status status = (enum status)atomic_load(&shared->database);
    bool is_torn = status == STATUS_STORE_CORRUPT || atomic_load(&shared->is_torn);
    ticket_complete(ticket, status, is_torn ? strdup("a page is\ntorn") : NULL, free);
}

static void write_rest(void *stores, struct buf *out)
{
    must_be_the_stores(stores);
    if (atomic_load(&shared->has_rest))
        buf_add_str(out, "greetings go on");
}

static void measure(void *stores)
{
    must_be_the_stores(stores);
    metric_set(&checks_seen, 0, atomic_load(&shared->checks));
}

static const struct service service = {
    .name = "test-service",
    .config_service = CONFIG_AUTH,
    .open_blocking = open_blocking,
    .reload_blocking = reload_blocking,
    .close_blocking = close_blocking,
    .ready_checks = {{"database", check_database, write_rest}},
    .ready_check_count = 1,
    .measure = measure,
};

/* ---- the child ---- */

static int serve(const struct command_line *line)
{
    return service_serve(&service, line->config);
}

static int run_child(const char *command, char *const *extra)
{
    if (bench.child_limit.rlim_max)
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &bench.child_limit), 0);
    const struct command commands[] = {
        {.name = "serve", .arguments = "", .summary = "serves", .needs_config = true, .run = serve},
        command_healthcheck,
        {0},
    };
    const struct program program = {
        .name = "test-service", .summary = "a test", .service = CONFIG_AUTH, .commands = commands};
    char listen[64], admin[64], ops[64], database[128];
    (void)snprintf(listen, sizeof listen, "--listen=127.0.0.1:%u", (unsigned)bench.port);
    (void)snprintf(admin, sizeof admin, "--admin-listen=127.0.0.1:%u", (unsigned)bench.admin_port);
    (void)snprintf(ops, sizeof ops, "--ops-listen=127.0.0.1:%u", (unsigned)bench.ops_port);
    (void)snprintf(database, sizeof database, "--database-url=sqlite:%s/test.db", bench.folder);
    char name[] = "test-service", dev[] = "--dev", workers[] = "--workers=2";
    char *word = strdup(command);
    char *argv[16] = {name, word, dev, workers, listen, admin, ops, database};
    int argc = 8;
    while (extra && *extra)
        argv[argc++] = *extra++;
    (void)clearenv();
    return command_main(&program, argc, argv);
}

void service_bench_start_command(const char *command, char *const *extra)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    (void)fflush(NULL);
    bench.child = fork();
    if (bench.child == 0) {
        (void)dup2(ends[1], STDERR_FILENO);
        (void)close(ends[0]);
        _exit(run_child(command, extra));
    }
    (void)close(ends[1]);
    bench.log_end = ends[0];
}

void service_bench_start(char *const *extra)
{
    service_bench_start_command("serve", extra);
}

int service_bench_wait(void)
{
    int status = 0;
    size_t len = 0;
    for (ssize_t got = 1; got > 0; len += got > 0 ? (size_t)got : 0)
        got = read(bench.log_end, bench.log_text + len, sizeof bench.log_text - 1 - len);
    bench.log_text[len] = '\0';
    (void)close(bench.log_end);
    assert_int_equal(waitpid(bench.child, &status, 0), bench.child);
    bench.child = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* ---- asking ---- */

int service_bench_connect(uint16_t to)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(to), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct timeval patience = {.tv_sec = 5};
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    (void)close(fd);
    return -1;
}

void service_bench_send(int fd, const char *path)
{
    char text[256];
    int len = snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: localhost\r\nX-Request: 1\r\n\r\n", path);
    assert_int_equal(send(fd, text, (size_t)len, MSG_NOSIGNAL), len);
}

int service_bench_read_reply(int fd)
{
    size_t len = 0;
    size_t need = sizeof bench.answer - 1;
    while (len < need) {
        ssize_t got = recv(fd, bench.answer + len, sizeof bench.answer - 1 - len, 0);
        if (got <= 0)
            break;
        len += (size_t)got;
        bench.answer[len] = '\0';
        const char *body = strstr(bench.answer, "\r\n\r\n");
        const char *length = strcasestr(bench.answer, "content-length:");
        if (body && length)
            need = (size_t)(body + 4 - bench.answer) + (size_t)strtoul(length + 15, NULL, 10);
    }
    bench.answer[len] = '\0';
    return len > 12 ? (int)strtol(bench.answer + 9, NULL, 10) : 0;
}

int service_bench_ask(uint16_t to, const char *path)
{
    int fd = service_bench_connect(to);
    if (fd < 0)
        return -1;
    service_bench_send(fd, path);
    int code = service_bench_read_reply(fd);
    (void)close(fd);
    return code;
}

void service_bench_wait_until_ready(void)
{
    for (int i = 0; i < 500; i++) {
        if (service_bench_ask(bench.ops_port, "/readyz") == 200)
            return;
        service_bench_sleep_ms(10);
    }
    fail_msg("the service does not get ready");
}

int service_bench_set_up(void **state)
{
    (void)state;
    memset(shared, 0, sizeof *shared);
    (void)snprintf(bench.folder, sizeof bench.folder, "/tmp/countersign-service-XXXXXX");
    assert_non_null(mkdtemp(bench.folder));
    bench.port = (uint16_t)free_port();
    bench.admin_port = (uint16_t)free_port();
    bench.ops_port = (uint16_t)free_port();
    return 0;
}

int service_bench_tear_down(void **state)
{
    (void)state;
    char path[128];
    if (bench.child > 0) {
        (void)kill(bench.child, SIGKILL);
        (void)service_bench_wait();
    }
    (void)snprintf(path, sizeof path, "%s/test.db.test-service.lock", bench.folder);
    (void)unlink(path);
    (void)snprintf(path, sizeof path, "%s/tokens", bench.folder);
    (void)unlink(path);
    (void)rmdir(bench.folder);
    return 0;
}

size_t service_bench_count_of(const char *text, const char *part)
{
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, part)); at++)
        count++;
    return count;
}

int service_bench_share(void **state)
{
    (void)state;
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return shared == MAP_FAILED ? -1 : 0;
}
