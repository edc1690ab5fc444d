#include "service/service.h"

#include "base/give_back.h"
#include "base/log.h"
#include "http/tls.h"
#include "loop/loop_group.h"
#include "service/access_log.h"
#include "service/command.h"
#include "service/descriptors.h"
#include "service/forwarded.h"
#include "service/instance_lock.h"
#include "service/ops.h"
#include "service/reload.h"
#include "service/standard_metrics.h"
#include "service/tls_files.h"
#include "service/warm_up.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { LOOPS_MAX = 256, SIGNALS = 3, SERVERS_MAX = 2, OPS_STOP_TIMEOUT_MS = 1000, LOG_STOP_TIMEOUT_MS = 1000 };
#define WARN_EACH_NS INT64_C(10000000000)

/* Connections that the service closed for one reason. */
struct closings {
    atomic_size_t count;            /* not logged yet */
    atomic_int_least64_t warned_ns; /* when they last were */
};

struct serving {
    const struct service *service;
    struct config *config;
    struct clock clock;
    int64_t began_ns;
    int lock_fd;
    struct loop_group *group;
    struct loop *loops[LOOPS_MAX]; /* of requests */
    size_t loop_count;
    struct loop *ops_loop;
    struct service_parts parts;
    bool is_open;
    struct tls *tls;
    struct http_server *servers[SERVERS_MAX]; /* the public one, and the admin API's */
    size_t server_count;
    _Atomic size_t servers_running;
    struct http_server *ops_server;
    struct ops ops;
    struct access_log *access_log;
    struct descriptors descriptors;
    struct closings crowded_out; /* at a bound */
    struct closings plain_http;  /* on a port with TLS */
    struct reload reload;
    struct loop_signal signals[SIGNALS];
    struct loop_timer delay;
    struct warm_up warm_ups[LOOPS_MAX];
    const char *stores[READY_CHECKS_MAX];
};

/* ---- start ---- */

static enum status open_loops(struct serving *s)
{
    size_t count = (size_t)s->config->workers;
    s->loop_count = count < LOOPS_MAX ? count : LOOPS_MAX;
    s->group = loop_group_new(s->loop_count + 1, &s->clock, standard_metrics_observer());
    if (!s->group)
        return STATUS_NO_MEMORY;
    for (size_t i = 0; i < s->loop_count; i++)
        s->loops[i] = loop_group_at(s->group, i);
    s->ops_loop = loop_group_at(s->group, s->loop_count);
    return STATUS_OK;
}

static enum status open_parts(struct serving *s, struct buf *why)
{
    const struct service_start start = {
        .config = s->config,
        .clock = &s->clock,
        .loops = s->loops,
        .loop_count = s->loop_count,
        .observer = standard_metrics_observer(),
    };
    TRY(s->service->open_blocking(&start, why, &s->parts));
    s->is_open = true;
    for (size_t i = 0; i < s->service->ready_check_count; i++)
        s->stores[i] = s->service->ready_checks[i].name;
    standard_metrics_add_routes(s->parts.routes, s->parts.route_count);
    standard_metrics_add_routes(s->parts.admin_routes, s->parts.admin_route_count);
    return standard_metrics_register(s->stores, s->service->ready_check_count);
}

static struct http_listen listen_of(const struct config_listen *listen, struct tls *tls)
{
    return (struct http_listen){.host = listen->host, .unix_path = listen->unix_path, .port = listen->port, .tls = tls};
}

/* Both on the request's loop. */
static void on_replied(void *context, const struct request *request, int http_status, int64_t duration_ns)
{
    const struct serving *s = context;
    standard_metrics_replied(request, http_status, duration_ns);
    access_log_add(s->access_log, request, http_status, duration_ns);
}

/* Counts one more, and says of how many the log is to tell now; 0: of none yet. A flood is a line each ten seconds. */
static size_t count_closing(struct closings *closings)
{
    int64_t now_ns = clock_monotonic_ns();
    int_least64_t warned_ns = atomic_load(&closings->warned_ns);
    atomic_fetch_add(&closings->count, 1);
    if ((warned_ns && now_ns - warned_ns < WARN_EACH_NS) ||
        !atomic_compare_exchange_strong(&closings->warned_ns, &warned_ns, now_ns))
        return 0;
    return atomic_exchange(&closings->count, 0);
}

static void tell_crowded_out(struct serving *s, enum http_closing why)
{
    size_t count = count_closing(&s->crowded_out);
    if (count)
        log_line(LOG_WARN,
                 "connections were closed for others (OAUTH1_CONNECTIONS) or for their address "
                 "(OAUTH1_CONNECTIONS_PER_ADDRESS)",
                 LOG_INT("count", count), LOG_INT("connections", s->descriptors.connections),
                 LOG_TEXT("newest", why == HTTP_CLOSED_AT_CAP ? "cap" : "address"));
}

static void tell_plain_http(struct serving *s, const struct peer *peer)
{
    size_t count = count_closing(&s->plain_http);
    if (count)
        log_line(LOG_WARN,
                 "requests in plain http came to a port that speaks TLS (OAUTH1_TLS_CERT): call it by https, also from "
                 "the proxy in front",
                 LOG_INT("count", count), LOG_TEXT("newest", peer->text));
}

/* On any loop. */
static void on_closed(void *context, enum http_closing why, const struct peer *peer)
{
    standard_metrics_closed(why);
    if (why == HTTP_CLOSED_AT_CAP || why == HTTP_CLOSED_ADDRESS)
        tell_crowded_out(context, why);
    else if (why == HTTP_CLOSED_PLAIN_HTTP)
        tell_plain_http(context, peer);
}

static bool is_proxy(void *context, const struct peer *peer)
{
    const struct serving *s = context;
    return forwarded_is_trusted(peer, &s->config->trusted_proxies);
}

static enum status open_server(struct http_server_config *config, const struct config_listen *listen, struct tls *tls,
                               const char *variable, struct buf *why, struct http_server **ret_server)
{
    const struct http_listen address = listen_of(listen, tls);
    config->listen = &address;
    config->listen_count = 1;
    *ret_server = http_server_new(config);
    if (!*ret_server)
        return STATUS_NO_MEMORY;
    enum status status = http_server_start(*ret_server, why);
    if (status == STATUS_BAD_INPUT)
        buf_addf(why, "; choose another with %s", variable);
    return status;
}

static size_t part_of(size_t connections, size_t loop_count)
{
    return connections > loop_count ? connections / loop_count : 1;
}

/* A server of the service's own routes, on all loops. */
static enum status open_routes(struct serving *s, const struct route *routes, size_t route_count,
                               const struct config_listen *listen, size_t connections, const char *variable,
                               struct buf *why)
{
    struct http_server_config config = {
        .routes = routes,
        .route_count = route_count,
        .loops = s->loops,
        .loop_count = s->loop_count,
        .app = s->parts.app,
        .observer = {.context = s, .replied = on_replied, .closed = on_closed},
        .limits = {.connections = part_of(connections, s->loop_count),
                   .connections_per_address = (size_t)s->config->connections_per_address},
        .is_trusted = is_proxy,
        .is_trusted_context = s,
        .opens_later = true,
    };
    return open_server(&config, listen, s->tls, variable, why, &s->servers[s->server_count++]);
}

static size_t in_flight(void *context)
{
    const struct serving *s = context;
    size_t count = 0;
    for (size_t i = 0; i < s->server_count; i++)
        count += s->servers[i] ? http_server_in_flight(s->servers[i]) : 0;
    return count;
}

static enum status open_ops(struct serving *s, struct buf *why)
{
    s->ops.service = s->service;
    s->ops.stores = s->parts.stores;
    s->ops.in_flight = in_flight;
    s->ops.in_flight_context = s;
    TRY(ops_open(&s->ops, s->ops_loop, s->loops, s->loop_count));
    struct http_server_config config = {
        .routes = ops_routes,
        .route_count = ops_route_count,
        .loops = &s->ops_loop,
        .loop_count = 1,
        .app = &s->ops,
        .limits = {.connections = OPS_CONNECTIONS},
        .is_evhttp = true,
    };
    return open_server(&config, &s->config->ops_listen, NULL, "OAUTH1_OPS_LISTEN", why, &s->ops_server);
}

static enum status open_servers(struct serving *s, struct buf *why)
{
    const struct service_parts *parts = &s->parts;
    s->access_log = access_log_new(s->loop_count);
    if (!s->access_log)
        return STATUS_NO_MEMORY;
    TRY(open_routes(s, parts->routes, parts->route_count, &s->config->listen, s->descriptors.connections,
                    "OAUTH1_LISTEN", why));
    if (parts->admin_route_count)
        TRY(open_routes(s, parts->admin_routes, parts->admin_route_count, &s->config->admin_listen, ADMIN_CONNECTIONS,
                        "OAUTH1_ADMIN_LISTEN", why));
    return open_ops(s, why);
}

/* On that loop's thread. */
static void on_loop_warm(void *context, size_t loop_index)
{
    const struct serving *s = context;
    for (size_t i = 0; i < s->server_count; i++)
        http_server_accept(s->servers[i], loop_index);
}

static enum status warm_up(struct serving *s)
{
    for (size_t i = 0; i < s->loop_count; i++) {
        s->warm_ups[i] = (struct warm_up){
            .service = s->service, .stores = s->parts.stores, .loop_index = i, .done = on_loop_warm, .context = s};
        TRY(warm_up_start(&s->warm_ups[i], s->loops[i]));
    }
    return STATUS_OK;
}

/* ---- stop ---- */

static void on_ops_stopped(void *context)
{
    struct serving *s = context;
    loop_group_stop(s->group);
}

/* On one of the loops. The ops port answers to the end. */
static void on_server_stopped(void *context)
{
    struct serving *s = context;
    if (atomic_fetch_sub(&s->servers_running, 1) == 1)
        http_server_stop(s->ops_server, OPS_STOP_TIMEOUT_MS, on_ops_stopped, s);
}

/* The delay is over: load balancers have seen that /readyz fails. */
static void on_delay_over(void *context)
{
    struct serving *s = context;
    atomic_store(&s->servers_running, s->server_count);
    for (size_t i = 0; i < s->server_count; i++)
        http_server_stop(s->servers[i], (unsigned)s->config->shutdown_timeout_ms, on_server_stopped, s);
}

static void on_stop_signal(void *context)
{
    struct serving *s = context;
    if (atomic_exchange(&s->ops.stopping, true)) {
        log_line(LOG_WARN, "stopping at once", LOG_INT("in_flight", in_flight(s)));
        loop_group_stop(s->group);
        return;
    }
    log_line(LOG_INFO, "stopping", LOG_INT("delay_ms", s->config->shutdown_delay_ms),
             LOG_INT("in_flight", in_flight(s)));
    for (size_t i = 0; i < s->server_count; i++)
        http_server_drain(s->servers[i]);
    unsigned delay_ms = (unsigned)s->config->shutdown_delay_ms;
    if (loop_timer_start(&s->delay, delay_ms ? delay_ms : 1) != STATUS_OK)
        on_delay_over(s);
}

static void on_reload_signal(void *context)
{
    struct serving *s = context;
    reload_begin(&s->reload);
}

static enum status watch_signals(struct serving *s)
{
    static const struct {
        int number;
        void (*fire)(void *context);
    } rows[SIGNALS] = {{SIGTERM, on_stop_signal}, {SIGINT, on_stop_signal}, {SIGHUP, on_reload_signal}};
    s->reload = (struct reload){.service = s->service, .config = s->config, .stores = s->parts.stores, .tls = s->tls};
    TRY(reload_open(&s->reload, s->loops[0]));
    for (size_t i = 0; i < SIGNALS; i++)
        TRY(loop_signal_init(&s->signals[i], s->loops[0], rows[i].number, rows[i].fire, s));
    return loop_timer_init(&s->delay, s->loops[0], on_delay_over, s);
}

/* ---- the whole ---- */

static enum status open_all(struct serving *s, struct buf *why)
{
    struct slice url = s->config->database_url;
    TRY(instance_lock_take(url, s->service->name, why, &s->lock_fd));
    TRY(open_loops(s));
    TRY(tls_files_open_blocking(s->config, why, &s->tls));
    TRY(open_parts(s, why));
    TRY(open_servers(s, why));
    TRY(warm_up(s));
    return watch_signals(s);
}

/* A signal that comes now would end the process before the stores are closed, which takes seconds at most. */
static void ignore_signals(struct serving *s)
{
    sigset_t all;
    sigfillset(&all);
    (void)pthread_sigmask(SIG_BLOCK, &all, NULL);
    for (size_t i = 0; i < SIGNALS; i++)
        loop_signal_done(&s->signals[i]);
}

/* Flows first: a store that is closed answers whoever waits for it, and nobody may go on from there. False: a request
 * had to be given up. */
static bool end_flows(struct serving *s)
{
    size_t given_up = 0;
    if (s->group)
        loop_group_cut_flows(s->group);
    for (size_t i = 0; i < s->server_count; i++)
        given_up += s->servers[i] ? http_server_cut_requests(s->servers[i]) : 0;
    return given_up == 0;
}

/* From what uses to what is used. The loops go last: jobs of the stores' threads come back to them until these are
 * joined. */
static void close_all(struct serving *s)
{
    ignore_signals(s);
    ops_close(&s->ops);
    reload_close_blocking(&s->reload);
    bool clean = end_flows(s);
    loop_timer_done(&s->delay);
    for (size_t i = 0; i < s->loop_count; i++)
        warm_up_done(&s->warm_ups[i]);
    for (size_t i = 0; i < s->server_count; i++)
        http_server_free(s->servers[i]);
    http_server_free(s->ops_server);
    if (s->is_open)
        s->service->close_blocking(s->parts.app, clean);
    loop_group_free(s->group);
    ops_done(&s->ops);
    access_log_free(s->access_log);
    tls_free(s->tls);
    if (s->lock_fd >= 0)
        (void)close(s->lock_fd);
}

static void log_warnings(const struct serving *s)
{
    struct buf warnings = BUF_INIT;
    config_warnings(s->config, &warnings);
    descriptors_warn(&s->descriptors, s->config, &warnings);
    struct slice rest = buf_slice(&warnings);
    for (bool more = rest.len > 0; more;) {
        struct slice line = slice_cut(&rest, '\n', &more);
        if (line.len)
            log_line(LOG_WARN, "configuration", LOG_SLICE("warning", line));
    }
    buf_done(&warnings);
}

static void log_ready(const struct serving *s)
{
    log_line(LOG_INFO, "ready", LOG_TEXT("service", s->service->name), LOG_TEXT("version", COUNTERSIGN_VERSION),
             LOG_SLICE("public_url", s->config->public_url.text), LOG_INT("port", http_server_port(s->servers[0], 0)),
             LOG_INT("ops_port", http_server_port(s->ops_server, 0)), LOG_INT("loops", s->loop_count),
             LOG_INT("connections", s->descriptors.connections), LOG_INT("descriptors", s->descriptors.limit),
             LOG_NS("start_ms", clock_monotonic_ns() - s->began_ns));
}

static void log_trouble(struct serving *s)
{
    struct buf trouble = BUF_INIT;
    if (s->service->write_trouble)
        s->service->write_trouble(s->parts.stores, &trouble);
    if (trouble.len)
        log_line(LOG_WARN, "not serving yet", LOG_SLICE("why", buf_slice(&trouble)));
    s->ops.has_trouble = trouble.len > 0;
    buf_done(&trouble);
}

/* `lines`: why; empty where the status says it all. */
static void log_start_failed(enum status status, struct slice lines)
{
    struct buf why = BUF_INIT;
    buf_add_joined(&why, lines.len ? lines : slice_str(status_text(status)), "; ");
    log_line(LOG_ERROR, "cannot start", LOG_SLICE("why", buf_slice(&why)));
    buf_done(&why);
}

static int serve_until_stopped(const struct service *service, struct config *config)
{
    struct buf why = BUF_INIT;
    struct serving *s = calloc(1, sizeof *s);
    if (!s) {
        log_line(LOG_ERROR, "cannot start", LOG_TEXT("why", "out of memory"));
        return EXIT_STORE_DOWN;
    }
    *s = (struct serving){.service = service, .config = config, .lock_fd = -1, .began_ns = clock_monotonic_ns()};
    s->clock = clock_system(config->clock_offset_s * 1000);
    give_back_large_blocks();
    descriptors_raise(config, &s->descriptors);
    log_warnings(s);
    enum status status = open_all(s, &why);
    if (status == STATUS_OK) {
        log_ready(s);
        log_trouble(s);
        status = loop_group_run_blocking(s->group);
    }
    if (status != STATUS_OK)
        log_start_failed(status, buf_slice(&why));
    close_all(s);
    if (status == STATUS_OK)
        log_line(LOG_INFO, "stopped");
    buf_done(&why);
    free(s);
    return command_exit_code(status);
}

int service_serve(const struct service *service, struct config *config)
{
    (void)signal(SIGPIPE, SIG_IGN); /* who reads the log may go, too */
    log_writer_start();
    int code = serve_until_stopped(service, config);
    log_writer_stop_blocking(LOG_STOP_TIMEOUT_MS);
    return code;
}
