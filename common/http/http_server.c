#include "http/http_server.h"

#include "base/buf.h"
#include "base/give_back.h"
#include "http/address_counts.h"
#include "http/listen.h"
#include "http/problem_reply.h"
#include "http/request_check.h"
#include "http/routes.h"
#include "http/transport.h"

#include <openssl/rand.h>

#include <assert.h>
#include <signal.h>
#include <stdlib.h>

enum {
    FREE_REQUESTS_MAX = 64, /* kept by a loop for its next requests */
    FLOOD_REQUESTS = 512,   /* of a loop at once: what they took is worth giving back */
    STOP_TICK_MS = 10,
    STOP_ACCEPT_MS = 50, /* takes what is queued at the listeners and who is half-way through connecting */
    STOP_GRACE_MS = 100, /* for the first bytes of requests on connections that were just taken */
};

struct http_server {
    struct http_server_config config;      /* its arrays are ours */
    struct listener *listeners;            /* one an address */
    struct http_loop *http_loops;          /* one a loop */
    size_t body_max_bytes;                 /* of any route */
    struct address_counts *address_counts; /* NULL: there is no bound */
    atomic_bool is_draining;
    atomic_size_t loops_listening; /* the last one to stop ends what they share */
    atomic_size_t loops_running;
    /* set by http_server_stop before it tells the loops */
    unsigned stop_timeout_ms;
    void (*stopped)(void *context);
    void *stopped_context;
};

/* --- requests --- */

struct request *http_request_new(struct http_loop *http_loop, const struct transport_ops *transport)
{
    const struct http_server *server = http_loop->server;
    struct request *request = http_loop->free_requests;
    if (request) {
        http_loop->free_requests = request->next_free;
        http_loop->free_count--;
    } else {
        request = malloc(sizeof *request);
        if (!request)
            return NULL;
        arena_init(&request->arena, server->config.limits.arena_bytes);
    }
    request->arena.limit_bytes = server->config.limits.arena_bytes;
    *request = (struct request){
        .loop = http_loop->loop,
        .loop_index = http_loop->index,
        .app = server->config.app,
        .arena = request->arena,
        .http_loop = http_loop,
        .transport = transport,
    };
    size_t in_flight = 1 + atomic_fetch_add_explicit(&http_loop->in_flight, 1, memory_order_relaxed);
    if (in_flight > http_loop->most_in_flight)
        http_loop->most_in_flight = in_flight;
    atomic_fetch_add_explicit(&http_loop->received, 1, memory_order_relaxed);
    http_request_arrived(request);
    return request;
}

void http_request_arrived(struct request *request)
{
    request->deadline_ms = loop_now_ms(request->loop) + request->http_loop->server->config.limits.request_timeout_ms;
    request->started_ns = clock_monotonic_ns();
}

void http_loop_give_back(struct http_loop *http_loop)
{
    size_t in_flight = atomic_load_explicit(&http_loop->in_flight, memory_order_relaxed);
    for (size_t i = 0; i < BODY_SENDERS; i++)
        body_pool_give_back(&http_loop->body_pools[i]);
    if (http_loop->most_in_flight < FLOOD_REQUESTS || in_flight > http_loop->most_in_flight / 4)
        return;
    http_loop->most_in_flight = in_flight;
    give_back_free_memory();
}

static void recycle_request(struct request *request)
{
    struct http_loop *http_loop = request->http_loop;
    body_close(&request->incoming);
    if (http_loop->free_count == FREE_REQUESTS_MAX) {
        arena_done(&request->arena);
        free(request);
        return;
    }
    arena_reset(&request->arena);
    request->next_free = http_loop->free_requests;
    http_loop->free_requests = request;
    http_loop->free_count++;
}

static void be_over(struct request *request)
{
    atomic_fetch_sub_explicit(&request->http_loop->in_flight, 1, memory_order_relaxed);
    recycle_request(request);
}

void http_request_drop(struct request *request)
{
    be_over(request);
}

static bool is_trusted_peer(const struct http_server *server, const struct peer *peer)
{
    const struct http_server_config *config = &server->config;
    return config->is_trusted && config->is_trusted(config->is_trusted_context, peer);
}

bool http_admit_peer(struct http_loop *http_loop, const struct peer *peer, bool *ret_is_counted)
{
    const struct http_server *server = http_loop->server;
    *ret_is_counted = server->address_counts && !peer->is_unix && !is_trusted_peer(server, peer);
    return !*ret_is_counted || address_counts_add(server->address_counts, &peer->address);
}

void http_forget_peer(struct http_loop *http_loop, const struct peer *peer)
{
    address_counts_remove(http_loop->server->address_counts, &peer->address);
}

void http_connection_closed(const struct http_loop *http_loop, enum http_closing why, const struct peer *peer)
{
    const struct http_observer *observer = &http_loop->server->config.observer;
    if (observer->closed)
        observer->closed(observer->context, why, peer);
}

/* A reply that needs no memory, where the endpoint's own could not be built. */
static void fail_reply(struct reply *reply)
{
    bool is_last = reply->is_last;
    *reply = (struct reply){
        .http_status = 500,
        .headers = {{SLICE("Content-Type"), SLICE("application/problem+json")},
                    {SLICE("Cache-Control"), SLICE("no-store")}},
        .header_count = 2,
        .body = SLICE("{\"type\":\"about:blank\",\"title\":\"Internal Server Error\",\"status\":500}"),
        .is_last = is_last,
    };
}

static void finish_request(struct request *request)
{
    const struct http_server *server = request->http_loop->server;
    struct reply *reply = &request->reply;
    if (!reply->is_sent || reply->is_broken)
        fail_reply(reply);
    if (atomic_load_explicit(&server->is_draining, memory_order_relaxed))
        reply->is_last = true;
    reply->headers[reply->header_count++] = (struct header){SLICE("X-Request-Id"), request_id(request)};
    const struct http_observer *observer = &server->config.observer;
    if (observer->replied && request->body_state != BODY_IS_LOST) /* that one was not answered */
        observer->replied(observer->context, request, reply->http_status, clock_monotonic_ns() - request->started_ns);
    request->transport->send(request);
    be_over(request);
}

static void on_flow_ended(struct flow *flow)
{
    struct request *request = request_of(flow);
    if (flow_was_cut(flow)) {
        request->http_loop->cut_requests++;
        request->reply = (struct reply){.http_status = 503, .is_sent = true, .is_cut = true};
    }
    finish_request(request);
}

/* Ids are drawn 64 at a time: they must differ, and not be guessed from each other. */
static const unsigned char *draw_random(struct http_loop *http_loop)
{
    enum { ID_BYTES = REQUEST_ID_LEN / 2 };
    if (http_loop->random_left < ID_BYTES) {
        /* Where there is no randomness an id repeats; nothing rests on it but logs. */
        if (RAND_bytes(http_loop->random, sizeof http_loop->random) == 1 || http_loop->random_left == 0)
            http_loop->random_left = sizeof http_loop->random;
    }
    http_loop->random_left -= ID_BYTES;
    return http_loop->random + http_loop->random_left;
}

/* Whoever chooses a request's id chooses what is found of it in the log, so that strangers choose none. */
static void name_request(struct request *request)
{
    bool may_name = is_trusted_peer(request->http_loop->server, &request->peer);
    request_set_id(request, may_name, draw_random(request->http_loop));
}

static void refuse_request(struct request *request, int http_status, const char *detail)
{
    struct problem_detail problem = {.detail = slice_str(detail)};
    problem_reply(request, http_status, &problem);
    finish_request(request);
}

void http_request_refuse(struct request *request, int http_status, const char *detail)
{
    name_request(request);
    request_reply_close(request);
    refuse_request(request, http_status, detail);
}

/* The path in a head's first line, as far as it goes; empty where there is none. */
static struct slice first_path(struct slice head)
{
    bool found;
    struct slice line = slice_cut(&head, '\r', &found);
    (void)slice_cut(&line, ' ', &found);
    struct slice target = slice_cut(&line, ' ', &found);
    return slice_cut(&target, '?', &found);
}

static const struct route *find_taker(struct request *request, struct slice head)
{
    const struct http_server_config *config = &request->http_loop->server->config;
    struct buf allow = buf_in(&request->arena);
    const struct route *route = routes_find(config->routes, config->route_count, request->method, first_path(head),
                                            request->path_values, &allow);
    return route && route->takes_malformed_heads ? route : NULL;
}

void http_head_refuse(struct request *request, struct slice head, int http_status, const char *detail)
{
    const struct route *route = http_status == 400 || http_status == 431 ? find_taker(request, head) : NULL;
    if (!route) {
        http_request_refuse(request, http_status, detail);
        return;
    }
    request->route = route;
    request->head_fault = detail;
    request->headers = NULL;
    request->header_count = 0;
    request->query = SLICE_ABSENT;
    request->body = SLICE("");
    name_request(request);
    request->reply.is_last = true;
    flow_start(&request->flow, request->loop, route->name, route->steps, request, on_flow_ended);
}

static void refuse_route(struct request *request, const struct buf *allow)
{
    if (allow->len == 0) {
        refuse_request(request, 404, "this port has no such path: check the path, and the port");
        return;
    }
    request_reply_start(request, 405);
    request_reply_header_from(request, "Allow", allow); /* RFC 9110 §15.5.6: MUST generate an Allow field */
    refuse_request(request, 405, "this path does not take this method: the Allow header names those that it takes");
}

size_t request_body_max(const struct request *request)
{
    size_t of_route = request->route->body_max_bytes;
    return of_route ? of_route : http_loop_limits(request->http_loop)->body_bytes;
}

const struct http_limits *http_loop_limits(const struct http_loop *http_loop)
{
    return &http_loop->server->config.limits;
}

void http_request_dispatch(struct request *request)
{
    const struct http_server_config *config = &request->http_loop->server->config;
    name_request(request);
    struct buf allow = buf_in(&request->arena);
    const struct route *route =
        routes_find(config->routes, config->route_count, request->method, request->path, request->path_values, &allow);
    if (!route) {
        refuse_route(request, &allow);
        return;
    }
    request->route = route;
    size_t body_len = request->body_state == BODY_IS_HERE ? request->body.len : request->body_len;
    if (body_len != BODY_LEN_UNKNOWN && body_len > request_body_max(request)) {
        request_reply_close(request);
        refuse_request(request, 413, "the body is larger than what is taken here");
        return;
    }
    if (route->arena_bytes)
        request->arena.limit_bytes = route->arena_bytes;
    flow_start(&request->flow, request->loop, route->name, route->steps, request, on_flow_ended);
}

/* --- the server --- */

static void set_defaults(struct http_limits *limits)
{
    const struct http_limits defaults = {
        .header_bytes = 16 * 1024,
        .header_count = 100,
        .body_bytes = 64 * 1024,
        .connections = 4096,
        .heads_bytes = 32 * 1024 * 1024,
        .bodies_bytes = 32 * 1024 * 1024,
        .callers_bodies_bytes = 64 * 1024 * 1024,
        .arena_bytes = 16 * 1024 * 1024,
        .request_timeout_ms = 10000,
        .idle_timeout_ms = 60000,
    };
#define DEFAULT(field) limits->field = limits->field ? limits->field : defaults.field
    DEFAULT(header_bytes);
    DEFAULT(header_count);
    DEFAULT(body_bytes);
    DEFAULT(connections);
    DEFAULT(heads_bytes);
    DEFAULT(bodies_bytes);
    DEFAULT(callers_bodies_bytes);
    DEFAULT(arena_bytes);
    DEFAULT(request_timeout_ms);
    DEFAULT(idle_timeout_ms);
#undef DEFAULT
}

/* A copy of an array; NULL only without memory. */
static void *copy_array(const void *items, size_t count, size_t size)
{
    void *copy = calloc(count + 1, size);
    if (copy && count)
        memcpy(copy, items, count * size);
    return copy;
}

static void release_bodies(struct http_loop *http_loop)
{
    for (size_t i = 0; i < BODY_SENDERS; i++)
        body_pool_done(&http_loop->body_pools[i]);
}

static void release_server(struct http_server *server)
{
    for (size_t i = 0; server->listeners && i < server->config.listen_count; i++)
        listener_close(&server->listeners[i]);
    free(server->listeners);
    address_counts_free(server->address_counts);
    for (size_t i = 0; server->http_loops && i < server->config.loop_count; i++)
        release_bodies(&server->http_loops[i]);
    free(server->http_loops);
    free((void *)(uintptr_t)server->config.listen);
    free((void *)(uintptr_t)server->config.routes);
    free((void *)(uintptr_t)server->config.loops);
    free(server);
}

/* A loop's part of what all bodies may take. */
static struct body_pool share_of(const struct http_server *server, size_t bytes)
{
    size_t part = bytes / server->config.loop_count;
    size_t least = server->body_max_bytes + BODY_REQUEST_BYTES;
    return (struct body_pool){.limit_bytes = part > least ? part : least};
}

static size_t largest_body(const struct http_server_config *config)
{
    size_t largest = config->limits.body_bytes;
    for (size_t i = 0; i < config->route_count; i++)
        if (config->routes[i].body_max_bytes > largest)
            largest = config->routes[i].body_max_bytes;
    return largest;
}

struct http_server *http_server_new(const struct http_server_config *config)
{
    assert(config->listen_count > 0 && config->loop_count > 0);
    struct http_server *server = calloc(1, sizeof *server);
    if (!server)
        return NULL;
    server->config = *config;
    set_defaults(&server->config.limits);
    server->config.listen = copy_array(config->listen, config->listen_count, sizeof *config->listen);
    server->config.routes = copy_array(config->routes, config->route_count, sizeof *config->routes);
    server->config.loops = copy_array(config->loops, config->loop_count, sizeof *config->loops);
    server->listeners = calloc(config->listen_count, sizeof *server->listeners);
    server->http_loops = calloc(config->loop_count, sizeof *server->http_loops);
    if (!server->config.listen || !server->config.routes || !server->config.loops || !server->listeners ||
        !server->http_loops) {
        release_server(server);
        return NULL;
    }
    const struct http_limits *limits = &server->config.limits;
    if (limits->connections_per_address) {
        server->address_counts =
            address_counts_new(limits->connections_per_address, limits->connections * config->loop_count);
        if (!server->address_counts) {
            release_server(server);
            return NULL;
        }
    }
    server->body_max_bytes = largest_body(&server->config);
    for (size_t i = 0; i < config->loop_count; i++)
        server->http_loops[i] =
            (struct http_loop){.server = server,
                               .loop = config->loops[i],
                               .index = i,
                               .is_closed = true,
                               .body_pools = {
                                   [BODY_OF_ANYBODY] = share_of(server, server->config.limits.bodies_bytes),
                                   [BODY_OF_CALLER] = share_of(server, server->config.limits.callers_bodies_bytes),
                               }};
    return server;
}

/* --- one loop's part --- */

static void close_transports(struct http_loop *http_loop)
{
    for (size_t i = 0; http_loop->transports && i < http_loop->server->config.listen_count; i++)
        if (http_loop->transports[i])
            http_loop->transports[i]->ops->close(http_loop->transports[i]);
    free(http_loop->transports);
    http_loop->transports = NULL;
    while (http_loop->free_requests) {
        struct request *request = http_loop->free_requests;
        http_loop->free_requests = request->next_free;
        arena_done(&request->arena);
        free(request);
    }
    loop_timer_done(&http_loop->stop_timer);
    http_loop->is_closed = true;
}

static void on_stop_timer(void *context);

static enum status open_transports(struct http_loop *http_loop)
{
    const struct http_server *server = http_loop->server;
    const struct http_server_config *config = &server->config;
    http_loop->is_closed = false;
    http_loop->is_listening = true;
    http_loop->transports = calloc(config->listen_count, sizeof(struct transport *));
    if (!http_loop->transports)
        return STATUS_NO_MEMORY;
    for (size_t i = 0; i < config->listen_count; i++) {
        const struct listener *listener = &server->listeners[i];
        assert(!config->is_evhttp || !config->listen[i].tls);
        struct transport_config transport = {
            .http_loop = http_loop,
            .fd = listener->fds[listener->unix_path ? 0 : http_loop->index],
            .is_unix = listener->unix_path != NULL,
            .tls = config->listen[i].tls,
            .limits = &config->limits,
            .loop_count = config->loop_count,
            .body_max_bytes = server->body_max_bytes,
            .opens_later = config->opens_later,
        };
        http_loop->transports[i] =
            config->is_evhttp ? transport_evhttp.open(&transport) : transport_strict.open(&transport);
        if (!http_loop->transports[i])
            return STATUS_NO_MEMORY;
    }
    return loop_timer_init(&http_loop->stop_timer, http_loop->loop, on_stop_timer, http_loop);
}

static enum status open_all(struct http_server *server, struct buf *why)
{
    const struct http_server_config *config = &server->config;
    for (size_t i = 0; i < config->listen_count; i++)
        TRY(listener_open(&server->listeners[i], &config->listen[i], config->loop_count, why));
    for (size_t i = 0; i < config->loop_count; i++)
        TRY(open_transports(&server->http_loops[i]));
    return STATUS_OK;
}

enum status http_server_start(struct http_server *server, struct buf *why)
{
    /* A client that goes away is an error of write(2), not the end of the process. */
    signal(SIGPIPE, SIG_IGN);
    atomic_store(&server->loops_listening, server->config.loop_count);
    atomic_store(&server->loops_running, server->config.loop_count);
    enum status status = open_all(server, why);
    if (status != STATUS_OK) {
        for (size_t i = 0; i < server->config.loop_count; i++)
            close_transports(&server->http_loops[i]);
        for (size_t i = 0; i < server->config.listen_count; i++)
            listener_close(&server->listeners[i]);
    }
    return status;
}

void http_server_accept(struct http_server *server, size_t loop_index)
{
    const struct http_loop *http_loop = &server->http_loops[loop_index];
    for (size_t i = 0; http_loop->is_listening && i < server->config.listen_count; i++)
        http_loop->transports[i]->ops->start_listening(http_loop->transports[i]);
}

uint16_t http_server_port(const struct http_server *server, size_t index)
{
    assert(index < server->config.listen_count);
    return server->listeners[index].port;
}

void http_server_drain(struct http_server *server)
{
    atomic_store(&server->is_draining, true);
}

/* --- the end --- */

static void stop_loop_listening(struct http_loop *http_loop)
{
    struct http_server *server = http_loop->server;
    http_loop->is_listening = false;
    for (size_t i = 0; i < server->config.listen_count; i++) {
        http_loop->transports[i]->ops->stop_listening(http_loop->transports[i]);
        if (!server->listeners[i].unix_path)
            listener_close_one(&server->listeners[i], http_loop->index);
    }
    if (atomic_fetch_sub(&server->loops_listening, 1) == 1)
        for (size_t i = 0; i < server->config.listen_count; i++)
            listener_stop_unix(&server->listeners[i]);
}

static bool is_loop_quiet(const struct http_loop *http_loop)
{
    if (atomic_load(&http_loop->in_flight) > 0)
        return false;
    for (size_t i = 0; i < http_loop->server->config.listen_count; i++)
        if (!http_loop->transports[i]->ops->is_quiet(http_loop->transports[i]))
            return false;
    return true;
}

static void finish_stop(struct http_loop *http_loop)
{
    struct http_server *server = http_loop->server;
    loop_timer_stop(&http_loop->stop_timer);
    if (atomic_load(&http_loop->in_flight) == 0)
        close_transports(http_loop);
    if (atomic_fetch_sub(&server->loops_running, 1) == 1 && server->stopped)
        server->stopped(server->stopped_context);
}

static void on_stop_timer(void *context)
{
    struct http_loop *http_loop = context;
    const struct http_server *server = http_loop->server;
    int64_t elapsed_ms = clock_monotonic_ms() - http_loop->stop_began_ms;
    bool is_late = elapsed_ms >= server->stop_timeout_ms;
    if (http_loop->is_listening && (elapsed_ms >= STOP_ACCEPT_MS || is_late))
        stop_loop_listening(http_loop);
    if (elapsed_ms < STOP_ACCEPT_MS + STOP_GRACE_MS && !is_late)
        return;
    for (size_t i = 0; i < server->config.listen_count; i++)
        http_loop->transports[i]->ops->close_idle(http_loop->transports[i]);
    if (is_loop_quiet(http_loop) || is_late)
        finish_stop(http_loop);
}

static void on_stop_posted(struct loop_message *message)
{
    struct http_loop *http_loop = (struct http_loop *)((char *)message - offsetof(struct http_loop, stop));
    http_loop->stop_began_ms = clock_monotonic_ms();
    /* Without memory for a timer there is no patience either. */
    if (loop_timer_start_periodic(&http_loop->stop_timer, STOP_TICK_MS) != STATUS_OK) {
        stop_loop_listening(http_loop);
        finish_stop(http_loop);
    }
}

void http_server_stop(struct http_server *server, unsigned timeout_ms, void (*stopped)(void *context), void *context)
{
    server->stop_timeout_ms = timeout_ms;
    server->stopped = stopped;
    server->stopped_context = context;
    http_server_drain(server);
    for (size_t i = 0; i < server->config.listen_count; i++)
        listener_turn_away(&server->listeners[i]); /* of all loops at once: the kernel spreads connections over them */
    for (size_t i = 0; i < server->config.loop_count; i++) {
        server->http_loops[i].stop.deliver = on_stop_posted;
        loop_post(server->http_loops[i].loop, &server->http_loops[i].stop);
    }
}

void http_server_free(struct http_server *server)
{
    if (!server)
        return;
    for (size_t i = 0; i < server->config.loop_count; i++)
        if (!server->http_loops[i].is_closed)
            close_transports(&server->http_loops[i]);
    release_server(server);
}

size_t http_server_in_flight(const struct http_server *server)
{
    size_t sum = 0;
    for (size_t i = 0; i < server->config.loop_count; i++)
        sum += atomic_load_explicit(&server->http_loops[i].in_flight, memory_order_relaxed);
    return sum;
}

size_t http_server_cut_requests(const struct http_server *server)
{
    size_t sum = 0;
    for (size_t i = 0; i < server->config.loop_count; i++)
        sum += server->http_loops[i].cut_requests;
    return sum;
}

size_t http_server_connections(const struct http_server *server, size_t loop_index)
{
    assert(loop_index < server->config.loop_count);
    return atomic_load_explicit(&server->http_loops[loop_index].connections, memory_order_relaxed);
}

uint64_t http_server_requests(const struct http_server *server, size_t loop_index)
{
    assert(loop_index < server->config.loop_count);
    return atomic_load_explicit(&server->http_loops[loop_index].received, memory_order_relaxed);
}
