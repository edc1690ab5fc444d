#include "service/service.h"

#include "base/metrics.h"
#include "http/request.h"
#include "service/command.h"
#include "support/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* A service of our own, served by a child process; what tests tell and see of it is shared memory. */

static struct shared {
    _Atomic int database;     /* enum status that the ready check answers */
    _Atomic int checks;       /* how often it was asked */
    _Atomic int open_with;    /* enum status that `open` answers */
    _Atomic int in_slow;      /* requests that wait in /slow */
    _Atomic bool let_slow_go; /* ends their wait */
    _Atomic int blocked;      /* loops that stand still in /block */
    _Atomic bool let_loops_go;
    _Atomic int in_held; /* requests whose ticket a store keeps */
    _Atomic int went_on; /* of those: they took another step */
    _Atomic bool is_closing;
    _Atomic bool closes_slowly; /* when let_slow_go is set */
    _Atomic int closed;         /* 0: not yet, 1: clean, 2: not clean */
    _Atomic int reloaded_tokens;
    _Atomic int reload_with;
} * shared;

static void sleep_ms(long ms)
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
        sleep_ms(5);
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
    ticket_complete(ticket, status, status == STATUS_STORE_CORRUPT ? strdup("a page is\ntorn") : NULL, free);
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
    .ready_checks = {{"database", check_database}},
    .ready_check_count = 1,
    .measure = measure,
};

/* ---- the child ---- */

static pid_t child;
static int log_end; /* what it writes to stderr */
static uint16_t port, admin_port, ops_port;
static char folder[64];

/* A port that was free a moment ago. */
static uint16_t free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    (void)close(fd);
    return ntohs(address.sin_port);
}

static int serve(const struct command_line *line)
{
    return service_serve(&service, line->config);
}

static struct rlimit child_limit; /* of descriptors; 0: as ours */

static int run_child(const char *command, char *const *extra)
{
    if (child_limit.rlim_max)
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &child_limit), 0);
    const struct command commands[] = {
        {.name = "serve", .arguments = "", .summary = "serves", .needs_config = true, .run = serve},
        command_healthcheck,
        {0},
    };
    const struct program program = {
        .name = "test-service", .summary = "a test", .service = CONFIG_AUTH, .commands = commands};
    char listen[64], admin[64], ops[64], database[128];
    (void)snprintf(listen, sizeof listen, "--listen=127.0.0.1:%u", (unsigned)port);
    (void)snprintf(admin, sizeof admin, "--admin-listen=127.0.0.1:%u", (unsigned)admin_port);
    (void)snprintf(ops, sizeof ops, "--ops-listen=127.0.0.1:%u", (unsigned)ops_port);
    (void)snprintf(database, sizeof database, "--database-url=sqlite:%s/test.db", folder);
    char name[] = "test-service", dev[] = "--dev", workers[] = "--workers=2";
    char *word = strdup(command);
    char *argv[16] = {name, word, dev, workers, listen, admin, ops, database};
    int argc = 8;
    while (extra && *extra)
        argv[argc++] = *extra++;
    (void)clearenv();
    return command_main(&program, argc, argv);
}

static void start_command(const char *command, char *const *extra)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    (void)fflush(NULL);
    child = fork();
    if (child == 0) {
        (void)dup2(ends[1], STDERR_FILENO);
        (void)close(ends[0]);
        _exit(run_child(command, extra));
    }
    (void)close(ends[1]);
    log_end = ends[0];
}

static void start_child(char *const *extra)
{
    start_command("serve", extra);
}

/* The exit code; the log is left in `log`. */
static char log_text[4 << 20];
static int wait_for_child(void)
{
    int status = 0;
    size_t len = 0;
    for (ssize_t got = 1; got > 0; len += got > 0 ? (size_t)got : 0)
        got = read(log_end, log_text + len, sizeof log_text - 1 - len);
    log_text[len] = '\0';
    (void)close(log_end);
    assert_int_equal(waitpid(child, &status, 0), child);
    child = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* ---- asking ---- */

static int connect_to(uint16_t to)
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

static void send_request(int fd, const char *path)
{
    char text[256];
    int len = snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: localhost\r\nX-Request: 1\r\n\r\n", path);
    assert_int_equal(send(fd, text, (size_t)len, MSG_NOSIGNAL), len);
}

/* One reply, into `answer`; returns its status, 0 if the connection ended before it. */
static char answer[262144];
static int read_reply(int fd)
{
    size_t len = 0;
    size_t need = sizeof answer - 1;
    while (len < need) {
        ssize_t got = recv(fd, answer + len, sizeof answer - 1 - len, 0);
        if (got <= 0)
            break;
        len += (size_t)got;
        answer[len] = '\0';
        const char *body = strstr(answer, "\r\n\r\n");
        const char *length = strcasestr(answer, "content-length:");
        if (body && length)
            need = (size_t)(body + 4 - answer) + (size_t)strtoul(length + 15, NULL, 10);
    }
    answer[len] = '\0';
    return len > 12 ? (int)strtol(answer + 9, NULL, 10) : 0;
}

static int ask(uint16_t to, const char *path)
{
    int fd = connect_to(to);
    if (fd < 0)
        return -1;
    send_request(fd, path);
    int code = read_reply(fd);
    (void)close(fd);
    return code;
}

static void wait_until_ready(void)
{
    for (int i = 0; i < 500; i++) {
        if (ask(ops_port, "/readyz") == 200)
            return;
        sleep_ms(10);
    }
    fail_msg("the service does not get ready");
}

static int set_up(void **state)
{
    (void)state;
    memset(shared, 0, sizeof *shared);
    (void)snprintf(folder, sizeof folder, "/tmp/countersign-service-XXXXXX");
    assert_non_null(mkdtemp(folder));
    port = free_port();
    admin_port = free_port();
    ops_port = free_port();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    char path[128];
    if (child > 0) {
        (void)kill(child, SIGKILL);
        (void)wait_for_child();
    }
    (void)snprintf(path, sizeof path, "%s/test.db.test-service.lock", folder);
    (void)unlink(path);
    (void)snprintf(path, sizeof path, "%s/tokens", folder);
    (void)unlink(path);
    (void)rmdir(folder);
    return 0;
}

static void serves_until_sigterm(void **state)
{
    (void)state;
    start_child(NULL);
    wait_until_ready();
    assert_int_equal(ask(port, "/hello"), 200);
    assert_int_equal(ask(admin_port, "/admin"), 200);
    assert_int_equal(ask(port, "/admin"), 404);
    assert_int_equal(ask(ops_port, "/livez"), 200);
    assert_int_equal(ask(ops_port, "/startupz"), 200);
    assert_int_equal(ask(ops_port, "/hello"), 404);
    assert_int_equal(kill(child, SIGTERM), 0);
    assert_int_equal(wait_for_child(), 0);
    assert_int_equal(shared->closed, 1);
    assert_non_null(strstr(log_text, "development mode"));
    assert_non_null(strstr(log_text, "\"message\":\"ready\""));
    assert_non_null(strstr(log_text, "\"message\":\"stopped\""));
}

static void logs_each_request_without_its_query(void **state)
{
    (void)state;
    start_child(NULL);
    wait_until_ready();
    assert_int_equal(ask(port, "/hello?oauth_token=CANARY"), 200);
    assert_int_equal(ask(port, "/nowhere/CANARY"), 404);
    (void)kill(child, SIGTERM);
    assert_int_equal(wait_for_child(), 0);
    assert_null(strstr(log_text, "CANARY"));
    const char *line = strstr(log_text, "\"message\":\"request\",\"request_id\":\"");
    assert_non_null(line);
    assert_non_null(strstr(log_text, "\"handler\":\"hello\",\"method\":\"GET\",\"status\":200,\"duration_ms\":"));
    assert_non_null(strstr(log_text, "\"handler\":\"none\",\"method\":\"GET\",\"status\":404,"));
    assert_non_null(strstr(log_text, "\"peer\":\"127.0.0.1\"}"));
    assert_null(strstr(log_text, "readyz")); /* probes are no news */
}

/* Of keep-alive requests on one connection, each answered before the next is sent. */
static void ask_often(size_t count)
{
    int fd = connect_to(port);
    for (size_t i = 0; i < count; i++) {
        send_request(fd, "/hello");
        assert_int_equal(read_reply(fd), 200);
    }
    (void)close(fd);
}

/* Exits by itself within 10 s, while its log is not read. */
static int wait_without_reading(void)
{
    int status = -1;
    pid_t ended = 0;
    for (int i = 0; i < 1000 && !ended; i++, sleep_ms(ended ? 0 : 10))
        ended = waitpid(child, &status, WNOHANG);
    assert_int_equal(ended, child);
    child = 0;
    return status;
}

static size_t count_of(const char *text, const char *part)
{
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, part)); at++)
        count++;
    return count;
}

/* What /metrics shows under this name. */
static size_t metric_of(const char *name)
{
    char text[128];
    (void)snprintf(text, sizeof text, "\n%s ", name);
    assert_int_equal(ask(ops_port, "/metrics"), 200);
    const char *line = strstr(answer, text);
    assert_non_null(line);
    return strtoul(line + strlen(text), NULL, 10);
}

enum { LINES_OF_A_PIPE = 400 }; /* more than 64 KB */

static void serves_and_stops_while_nobody_reads_its_log(void **state)
{
    (void)state;
    start_child(NULL);
    wait_until_ready();
    ask_often(2 * LINES_OF_A_PIPE);
    (void)kill(child, SIGTERM);
    assert_int_equal(wait_without_reading(), 0);
    assert_int_equal(shared->closed, 1);
    (void)close(log_end);
}

static void serves_and_stops_when_the_reader_of_its_log_has_left(void **state)
{
    (void)state;
    start_child(NULL);
    wait_until_ready();
    (void)close(log_end);
    ask_often(10);
    for (int i = 0; i < 500 && metric_of("oauth1_log_lines_dropped_total") == 0; i++)
        sleep_ms(10);
    assert_true(metric_of("oauth1_log_lines_dropped_total") > 0);
    (void)kill(child, SIGTERM);
    assert_int_equal(wait_without_reading(), 0);
    assert_int_equal(shared->closed, 1);
}

enum { FLOOD = 2000, LINES_A_SECOND = 1000 };

static void logs_a_thousand_requests_a_second_and_counts_the_others(void **state)
{
    (void)state;
    start_child(NULL);
    wait_until_ready();
    int64_t began_ns = clock_monotonic_ns();
    size_t left_out = 0;
    size_t asked = 0;
    for (; left_out == 0 && asked < 10 * FLOOD; asked += FLOOD) {
        ask_often(FLOOD);
        left_out = metric_of("oauth1_access_lines_left_out_total");
    }
    size_t seconds = (size_t)((clock_monotonic_ns() - began_ns) / 1000000000) + 2; /* that it has touched */
    (void)kill(child, SIGTERM);
    assert_int_equal(wait_for_child(), 0);
    size_t lines = count_of(log_text, "\"message\":\"request\"");
    size_t said = 0;
    for (const char *at = log_text; (at = strstr(at, "requests without a line of their own")); at++)
        said += strtoul(strstr(at, "\"requests\":") + 11, NULL, 10);
    assert_true(said > 0);
    assert_int_equal(said, left_out);
    assert_int_equal(lines + said, asked);
    assert_in_range(lines, LINES_A_SECOND, seconds * LINES_A_SECOND);
}

static void shows_metrics(void **state)
{
    (void)state;
    start_child(NULL);
    wait_until_ready();
    assert_int_equal(ask(port, "/hello"), 200);
    assert_int_equal(ask(port, "/nowhere"), 404);
    static const char *const expected[] = {
        "Content-Type: text/plain; version=0.0.4",
        "http_requests_total{handler=\"hello\",method=\"GET\",code=\"200\"} 1\n",
        "http_requests_total{handler=\"none\",method=\"GET\",code=\"404\"} 1\n",
        "http_request_duration_seconds_count",
        "http_requests_in_flight 0\n",
        "oauth1_verify_phase_seconds_count{phase=\"hello\"} 1\n",
        "oauth1_store_up{store=\"database\"} 1\n",
        "oauth1_build_info{version=\"" COUNTERSIGN_VERSION "\"} 1\n",
        "process_open_fds ",
        "\ntest_checks ",
    };
    const char *missing = expected[0];
    for (int tries = 0; missing && tries < 100; tries++, sleep_ms(missing ? 20 : 0)) {
        /* a request is counted after its reply was written, perhaps on another loop */
        assert_int_equal(ask(ops_port, "/metrics"), 200);
        missing = NULL;
        for (size_t i = 0; i < COUNT_OF(expected) && !missing; i++)
            missing = strstr(answer, expected[i]) ? NULL : expected[i];
    }
    if (missing)
        fail_msg("%s is missing in\n%s", missing, answer);
    (void)kill(child, SIGTERM);
    assert_int_equal(wait_for_child(), 0);
}

static void *repair(void *context)
{
    (void)context;
    sleep_ms(400);
    atomic_store(&shared->database, STATUS_OK);
    return NULL;
}

static void start_with_store_down(void)
{
    atomic_store(&shared->database, STATUS_STORE_DOWN);
    start_child(NULL);
    for (int i = 0; i < 500 && ask(ops_port, "/livez") != 200; i++)
        sleep_ms(10);
}

static void clients_wait_until_the_stores_have_answered(void **state)
{
    (void)state;
    pthread_t thread;
    start_with_store_down();
    assert_int_equal(pthread_create(&thread, NULL, repair, NULL), 0); /* not before the fork */
    assert_int_equal(ask(port, "/hello"), 200);
    assert_int_equal(atomic_load(&shared->database), STATUS_OK);
    assert_int_equal(pthread_join(thread, NULL), 0);
    (void)kill(child, SIGTERM);
    assert_int_equal(wait_for_child(), 0);
}

static void clients_do_not_wait_for_ever(void **state)
{
    (void)state;
    start_with_store_down();
    assert_int_equal(ask(port, "/hello"), 200); /* the service answers for itself */
    assert_int_equal(ask(ops_port, "/readyz"), 503);
    (void)kill(child, SIGTERM);
    assert_int_equal(wait_for_child(), 0);
}

static void readiness_is_asked_at_most_once_a_second(void **state)
{
    (void)state;
    start_child(NULL);
    wait_until_ready();
    sleep_ms(100); /* each loop has asked for itself */
    int checks = atomic_load(&shared->checks);
    atomic_store(&shared->database, STATUS_STORE_DOWN);
    int64_t start_ns = clock_monotonic_ns();
    for (int i = 0; i < 20; i++)
        (void)ask(ops_port, "/readyz");
    int64_t seconds = (clock_monotonic_ns() - start_ns) / 1000000000;
    assert_in_range(atomic_load(&shared->checks), checks, checks + 1 + seconds);
    sleep_ms(1050);
    assert_int_equal(ask(ops_port, "/readyz?verbose"), 503);
    assert_non_null(strstr(answer, "[-] database: a store does not answer\nnot ready\n"));
    assert_int_equal(ask(ops_port, "/livez"), 200); /* restarting would not help */
    assert_int_equal(ask(ops_port, "/metrics"), 200);
    assert_non_null(strstr(answer, "oauth1_store_up{store=\"database\"} 0\n"));
    atomic_store(&shared->database, STATUS_STORE_CORRUPT);
    sleep_ms(1050);
    assert_int_equal(ask(ops_port, "/readyz?verbose"), 503);
    assert_non_null(strstr(answer, "[-] database: a page is?torn\nnot ready\n")); /* what the store says */
    assert_int_equal(ask(ops_port, "/readyz"), 503);
    assert_null(strstr(answer, "torn"));
    atomic_store(&shared->database, STATUS_OK);
    sleep_ms(1050);
    assert_int_equal(ask(ops_port, "/metrics"), 200); /* asks by itself */
    assert_non_null(strstr(answer, "oauth1_store_up{store=\"database\"} 1\n"));
    assert_int_equal(ask(ops_port, "/readyz?verbose"), 200);
    assert_non_null(strstr(answer, "[+] database\nready\n"));
    (void)kill(child, SIGTERM);
    assert_int_equal(wait_for_child(), 0);
}

enum { LOOPS = 2, BLOCKERS = 64, TRIES = 20 };
static const double answer_max_ms = 50;

/* The shortest of some answers' times: the machine may be busy with other things. */
static double answer_ms(const char *path, int code)
{
    double best = 1e9;
    for (int i = 0; i < TRIES; i++) {
        int64_t begin = clock_monotonic_ns();
        assert_int_equal(ask(ops_port, path), code);
        double ms = (double)(clock_monotonic_ns() - begin) / 1e6;
        best = ms < best ? ms : best;
    }
    return best;
}

static void the_ops_port_answers_while_every_loop_stands_still(void **state)
{
    (void)state;
    int blockers[BLOCKERS];
    int count = 0;
    start_child(NULL);
    wait_until_ready();
    for (; count < BLOCKERS && atomic_load(&shared->blocked) < LOOPS; count++) {
        blockers[count] = connect_to(port);
        send_request(blockers[count], "/block");
        sleep_ms(5);
    }
    assert_int_equal(atomic_load(&shared->blocked), LOOPS);
    assert_true(answer_ms("/livez", 200) < answer_max_ms);
    assert_true(answer_ms("/readyz", 200) < answer_max_ms); /* what is known */
    assert_true(answer_ms("/metrics", 200) < answer_max_ms);
    for (int i = 0; i < 500 && ask(ops_port, "/readyz?verbose") == 200; i++)
        sleep_ms(10);
    assert_non_null(strstr(answer, "[-] loop 0: no answer for 3 s\n"));
    assert_true(answer_ms("/readyz", 503) < answer_max_ms);
    assert_int_equal(ask(ops_port, "/livez"), 200);
    atomic_store(&shared->let_loops_go, true);
    wait_until_ready();
    assert_int_equal(ask(ops_port, "/readyz?verbose"), 200);
    assert_null(strstr(answer, "loop"));
    for (int i = 0; i < count; i++)
        (void)close(blockers[i]);
    (void)kill(child, SIGTERM);
    assert_int_equal(wait_for_child(), 0);
}

enum { IDLE_CLIENTS = 300 };

static void idle_clients_take_no_descriptor_that_others_need(void **state)
{
    (void)state;
    int idle[IDLE_CLIENTS];
    char many[] = "--connections=65536";
    char *extra[] = {many, NULL};
    child_limit = (struct rlimit){.rlim_cur = 80, .rlim_max = 400};
    start_child(extra);
    child_limit = (struct rlimit){0};
    wait_until_ready();
    for (int i = 0; i < IDLE_CLIENTS; i++)
        idle[i] = connect_to(port);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(ask(ops_port, "/livez"), 200);
        assert_int_equal(ask(ops_port, "/readyz"), 200);
        assert_int_equal(ask(port, "/hello"), 200);
        assert_int_equal(ask(admin_port, "/admin"), 200);
    }
    assert_int_equal(ask(ops_port, "/metrics"), 200);
    const char *closed = strstr(answer, "oauth1_connections_closed_total{reason=\"cap\"} ");
    assert_non_null(closed);
    assert_true(strtol(strchr(closed, ' '), NULL, 10) > 0);
    for (int i = 0; i < IDLE_CLIENTS; i++)
        (void)close(idle[i]);
    (void)kill(child, SIGTERM);
    assert_int_equal(wait_for_child(), 0);
    assert_non_null(strstr(log_text, "\"connections\":160,\"descriptors\":400"));
    assert_non_null(strstr(log_text, "OAUTH1_CONNECTIONS: 160 connections are taken, not 65536"));
    const char *line = strstr(log_text, "connections were closed for others (OAUTH1_CONNECTIONS)");
    assert_non_null(line);
    assert_null(strstr(line + 1, "connections were closed for others")); /* one line of many */
}

static void drains_before_it_stops(void **state)
{
    (void)state;
    char delay[] = "--shutdown-delay=1";
    char *extra[] = {delay, NULL};
    start_child(extra);
    wait_until_ready();
    int idle = connect_to(port), busy = connect_to(port);
    send_request(idle, "/hello");
    assert_int_equal(read_reply(idle), 200);
    assert_null(strcasestr(answer, "connection: close"));
    send_request(busy, "/slow");
    while (!atomic_load(&shared->in_slow))
        sleep_ms(5);
    (void)kill(child, SIGTERM);
    sleep_ms(100);
    assert_int_equal(ask(ops_port, "/readyz"), 503); /* first of all */
    send_request(idle, "/hello");                    /* still served, for the last time on this connection */
    assert_int_equal(read_reply(idle), 200);
    assert_non_null(strcasestr(answer, "connection: close"));
    assert_int_equal(ask(port, "/hello"), 200); /* new ones too */
    sleep_ms(1400);
    assert_int_equal(ask(port, "/hello"), -1); /* the delay is over */
    assert_int_equal(ask(ops_port, "/livez"), 200);
    atomic_store(&shared->let_slow_go, true);
    assert_int_equal(read_reply(busy), 200); /* what was in flight is finished */
    assert_int_equal(wait_for_child(), 0);
    assert_int_equal(shared->closed, 1);
    (void)close(idle), (void)close(busy);
}

static void gives_up_on_requests_that_do_not_finish(void **state)
{
    (void)state;
    char timeout[] = "--shutdown-timeout=0.2";
    char *extra[] = {timeout, NULL};
    start_child(extra);
    wait_until_ready();
    int busy = connect_to(port);
    send_request(busy, "/slow");
    while (!atomic_load(&shared->in_slow))
        sleep_ms(5);
    (void)kill(child, SIGTERM);
    assert_int_equal(wait_for_child(), 0);
    assert_int_equal(shared->closed, 2); /* not clean */
    (void)close(busy);
}

/* A store that is closed answers whoever waits for it, and what they would go on with is being closed. */
static void no_request_goes_on_once_the_stores_are_closed(void **state)
{
    (void)state;
    char timeout[] = "--shutdown-timeout=0";
    char *extra[] = {timeout, NULL};
    start_child(extra);
    wait_until_ready();
    int busy = connect_to(port);
    send_request(busy, "/hold");
    while (!atomic_load(&shared->in_held))
        sleep_ms(5);
    (void)kill(child, SIGTERM);
    assert_int_equal(wait_for_child(), 0);
    assert_int_equal(read_reply(busy), 0); /* the connection ends without one */
    assert_int_equal(shared->closed, 2);
    assert_int_equal(shared->went_on, 0);
    (void)close(busy);
}

static void a_signal_does_not_interrupt_the_closing_of_the_stores(void **state)
{
    (void)state;
    atomic_store(&shared->closes_slowly, true);
    start_child(NULL);
    wait_until_ready();
    (void)kill(child, SIGTERM);
    while (!atomic_load(&shared->is_closing))
        sleep_ms(5);
    (void)kill(child, SIGTERM);
    (void)kill(child, SIGHUP);
    sleep_ms(50);
    atomic_store(&shared->let_slow_go, true);
    assert_int_equal(wait_for_child(), 0);
    assert_int_equal(shared->closed, 1);
}

static void a_second_signal_stops_at_once(void **state)
{
    (void)state;
    char delay[] = "--shutdown-delay=30";
    char *extra[] = {delay, NULL};
    start_child(extra);
    wait_until_ready();
    (void)kill(child, SIGTERM);
    sleep_ms(100);
    assert_int_equal(ask(port, "/hello"), 200);
    (void)kill(child, SIGINT);
    assert_int_equal(wait_for_child(), 0);
    assert_non_null(strstr(log_text, "stopping at once"));
}

/* The service does not start: exit code and a part of its one error line. */
static void check_refused(int code, const char *why)
{
    assert_int_equal(wait_for_child(), code);
    const char *line = strstr(log_text, "\"level\":\"error\",\"message\":\"cannot start\"");
    assert_non_null(line);
    if (!strstr(line, why))
        fail_msg("\"%s\" is not in %s", why, log_text);
    assert_null(strstr(log_text, "\"message\":\"ready\""));
}

static void says_why_it_does_not_start(void **state)
{
    (void)state;
    atomic_store(&shared->open_with, STATUS_STORE_DOWN);
    start_child(NULL);
    check_refused(3, "the fake store is not there");
    atomic_store(&shared->open_with, STATUS_BAD_INPUT);
    start_child(NULL);
    check_refused(1, "the fake store is not there");
    assert_int_equal(shared->closed, 0); /* `open` left nothing to close */
}

static void refuses_a_port_that_is_taken(void **state)
{
    (void)state;
    uint16_t *ports[] = {&port, &admin_port, &ops_port};
    static const char *const variables[] = {"OAUTH1_LISTEN", "OAUTH1_ADMIN_LISTEN", "OAUTH1_OPS_LISTEN"};
    for (size_t i = 0; i < COUNT_OF(ports); i++) {
        struct sockaddr_in address = {
            .sin_family = AF_INET, .sin_port = htons(*ports[i]), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        int one = 1;
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one); /* as another of our processes would */
        assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
        assert_int_equal(listen(fd, 1), 0);
        start_child(NULL);
        check_refused(1, variables[i]);
        assert_int_equal(shared->closed, 1); /* the stores were open */
        (void)close(fd);
    }
}

static void refuses_to_share_an_embedded_database(void **state)
{
    (void)state;
    start_child(NULL);
    wait_until_ready();
    pid_t first = child;
    int first_log = log_end;
    port = free_port(), admin_port = free_port();
    uint16_t first_ops = ops_port;
    ops_port = free_port();
    start_child(NULL);
    check_refused(1, "is locked: another test-service serves this embedded database");
    child = first, log_end = first_log, ops_port = first_ops;
    assert_int_equal(ask(ops_port, "/readyz"), 200); /* the first one is not harmed */
    (void)kill(child, SIGTERM);
    assert_int_equal(wait_for_child(), 0);
}

/* The exit code of `healthcheck`, while another child may serve. */
static int healthcheck(char *const *extra)
{
    pid_t serving = child;
    int serving_log = log_end;
    start_command("healthcheck", extra);
    int code = wait_for_child();
    child = serving, log_end = serving_log;
    return code;
}

static void healthcheck_asks_the_own_ops_port(void **state)
{
    (void)state;
    char live[] = "--live";
    char *alive[] = {live, NULL};
    assert_int_equal(healthcheck(NULL), 1);
    assert_non_null(strstr(log_text, "nobody answers on the ops port (OAUTH1_OPS_LISTEN)"));
    start_child(NULL);
    wait_until_ready();
    assert_int_equal(healthcheck(NULL), 0);
    atomic_store(&shared->database, STATUS_STORE_DOWN);
    sleep_ms(1050);
    assert_int_equal(healthcheck(NULL), 1);
    assert_non_null(strstr(log_text, "the service is not ready (status 503)"));
    assert_int_equal(healthcheck(alive), 0); /* a store that is down is no reason to restart */
    (void)kill(child, SIGTERM);
    assert_int_equal(wait_for_child(), 0);
}

#define TOKEN "0123456789abcdef0123456789abcdef"

static void write_tokens(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    (void)fputs(text, file);
    (void)fclose(file);
}

static void reads_its_files_again_on_sighup(void **state)
{
    (void)state;
    char path[96], flag[128];
    (void)snprintf(path, sizeof path, "%s/tokens", folder);
    (void)snprintf(flag, sizeof flag, "--admin-token-file=%s", path);
    char *extra[] = {flag, NULL};
    write_tokens(path, "a:" TOKEN "\n");
    start_child(extra);
    wait_until_ready();
    write_tokens(path, "a:" TOKEN ",b:" TOKEN "\n");
    (void)kill(child, SIGHUP);
    for (int i = 0; i < 300 && atomic_load(&shared->reloaded_tokens) != 2; i++)
        sleep_ms(10);
    assert_int_equal(shared->reloaded_tokens, 2);
    write_tokens(path, "too short\n");
    (void)kill(child, SIGHUP);
    sleep_ms(200);
    atomic_store(&shared->reload_with, STATUS_BAD_INPUT);
    write_tokens(path, "a:" TOKEN "\n");
    (void)kill(child, SIGHUP);
    sleep_ms(200);
    assert_int_equal(shared->reloaded_tokens, 2);
    assert_int_equal(ask(port, "/hello"), 200);
    (void)kill(child, SIGTERM);
    assert_int_equal(wait_for_child(), 0);
    assert_non_null(strstr(log_text, "\"message\":\"reloaded\""));
    assert_non_null(strstr(log_text, "the configuration stays as it was"));
    assert_non_null(strstr(log_text, "OAUTH1_ADMIN_TOKEN (from "));
    assert_non_null(strstr(log_text, "the fake keys are broken"));
}

/* An answer within 100 ms of the start (docs/design/performance.md, "Goals"); ten times as long under sanitizers. */
static void is_ready_soon(void **state)
{
    (void)state;
    start_child(NULL);
    wait_until_ready();
    (void)kill(child, SIGTERM);
    assert_int_equal(wait_for_child(), 0);
    const char *start = strstr(log_text, "\"start_ms\":");
    assert_non_null(start);
    assert_in_range(strtol(start + 11, NULL, 10), 0, 1000);
}

int main(void)
{
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(serves_until_sigterm, set_up, tear_down),
        cmocka_unit_test_setup_teardown(logs_each_request_without_its_query, set_up, tear_down),
        cmocka_unit_test_setup_teardown(serves_and_stops_while_nobody_reads_its_log, set_up, tear_down),
        cmocka_unit_test_setup_teardown(serves_and_stops_when_the_reader_of_its_log_has_left, set_up, tear_down),
        cmocka_unit_test_setup_teardown(logs_a_thousand_requests_a_second_and_counts_the_others, set_up, tear_down),
        cmocka_unit_test_setup_teardown(shows_metrics, set_up, tear_down),
        cmocka_unit_test_setup_teardown(clients_wait_until_the_stores_have_answered, set_up, tear_down),
        cmocka_unit_test_setup_teardown(clients_do_not_wait_for_ever, set_up, tear_down),
        cmocka_unit_test_setup_teardown(readiness_is_asked_at_most_once_a_second, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_ops_port_answers_while_every_loop_stands_still, set_up, tear_down),
        cmocka_unit_test_setup_teardown(idle_clients_take_no_descriptor_that_others_need, set_up, tear_down),
        cmocka_unit_test_setup_teardown(drains_before_it_stops, set_up, tear_down),
        cmocka_unit_test_setup_teardown(gives_up_on_requests_that_do_not_finish, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_request_goes_on_once_the_stores_are_closed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_signal_does_not_interrupt_the_closing_of_the_stores, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_second_signal_stops_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(says_why_it_does_not_start, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_a_port_that_is_taken, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_to_share_an_embedded_database, set_up, tear_down),
        cmocka_unit_test_setup_teardown(healthcheck_asks_the_own_ops_port, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reads_its_files_again_on_sighup, set_up, tear_down),
        cmocka_unit_test_setup_teardown(is_ready_soon, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
