#include "server_bench.h"

#include "support/test.h"

#include "base/buf.h"
#include "http/problem_reply.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct server_bench server = {.reply_lock = PTHREAD_MUTEX_INITIALIZER};

static enum step_result reply_text(struct request *request, struct slice text)
{
    request_reply_start(request, 200);
    request_reply_body(request, "text/plain", text);
    request_reply_send(request);
    return STEP_REPLY;
}

static enum step_result say_path(struct flow *flow)
{
    struct request *request = request_of(flow);
    return reply_text(request, request->path);
}

static enum step_result say_peer(struct flow *flow)
{
    struct request *request = request_of(flow);
    assert_false(request->is_tls);
    assert_true(slice_is_absent(request_tls_san(request, 0)));
    assert_string_equal(request->app, "app");
    return reply_text(request, slice_str(request->peer.text));
}

static enum step_result say_values(struct flow *flow)
{
    struct request *request = request_of(flow);
    struct buf text = buf_in(&request->arena);
    buf_add(&text, request->path_values[0]);
    buf_add_byte(&text, ' ');
    buf_add(&text, request->path_values[1]);
    return reply_text(request, buf_slice(&text));
}

static enum step_result say_loop(struct flow *flow)
{
    struct request *request = request_of(flow);
    struct buf text = buf_in(&request->arena);
    buf_add_u64(&text, request->loop_index);
    return reply_text(request, buf_slice(&text));
}

static enum step_result inject(struct flow *flow)
{
    struct request *request = request_of(flow);
    request_reply_start(request, 302);
    request_reply_header(request, "Location", SLICE("/a\r\nSet-Cookie: b=c"));
    request_reply_send(request);
    return STEP_REPLY;
}

static enum step_result forget_to_send(struct flow *flow UNUSED)
{
    return STEP_REPLY;
}

static enum step_result say_much(struct flow *flow)
{
    struct request *request = request_of(flow);
    size_t len = 900000;
    char *text = arena_bytes(&request->arena, len);
    assert_non_null(text);
    memset(text, 'x', len);
    return reply_text(request, slice_of(text, len));
}

static enum step_result say_nothing(struct flow *flow)
{
    struct request *request = request_of(flow);
    request_reply_start(request, 204);
    request_reply_send(request);
    return STEP_REPLY;
}

static struct ticket parked;

static void free_result(void *result)
{
    atomic_fetch_add(&server.results_freed, 1);
    free(result);
}

static enum step_result park(struct flow *flow)
{
    parked = flow_wait(flow, 20000);
    atomic_fetch_add(&server.parked_count, 1);
    return STEP_WAIT;
}

static enum step_result say_result(struct flow *flow)
{
    void *result;
    assert_status(flow_outcome(flow, &result), STATUS_OK);
    return reply_text(request_of(flow), slice_str(result));
}

static void complete_parked(struct loop_message *message)
{
    free(message);
    ticket_complete(parked, STATUS_OK, strdup("released"), free_result);
}

void server_wait_until_parked(unsigned count)
{
    for (int i = 0; i < 3000 && atomic_load(&server.parked_count) < count; i++)
        usleep(1000);
    assert_int_equal(atomic_load(&server.parked_count), count);
}

void server_release_parked(void)
{
    struct loop_message *message = malloc(sizeof *message);
    message->deliver = complete_parked;
    loop_post(loop_group_at(server.fixture.group, 0), message);
}

static enum step_result time_out(struct flow *flow)
{
    struct ticket nobodys = flow_wait(flow, 20);
    (void)nobodys;
    return STEP_WAIT;
}

static enum step_result say_down(struct flow *flow)
{
    problem_reply_status(request_of(flow), flow_outcome(flow, NULL), SLICE_ABSENT);
    return STEP_REPLY;
}

static enum step_result say_later(struct flow *flow)
{
    struct request *request = request_of(flow);
    request_reply_start(request, 503);
    request_reply_header(request, "Retry-After", SLICE("17"));
    problem_reply_status(request, STATUS_STORE_DOWN, SLICE_ABSENT);
    return STEP_REPLY;
}

static enum step_result say_whether_there_is_room(struct flow *flow)
{
    struct request *request = request_of(flow);
    const void *room = arena_bytes(&request->arena, ARENA_MORE_BYTES - 65536);
    return reply_text(request, room ? SLICE("room") : SLICE("no room"));
}

#define STEPS(name, ...) static const struct step name##_steps[] = {__VA_ARGS__, {NULL, NULL}}
STEPS(path, {"body", request_take_body}, {"path", say_path});
STEPS(peer, {"peer", say_peer});
STEPS(values, {"values", say_values});
STEPS(loop, {"loop", say_loop});
STEPS(inject, {"inject", inject});
STEPS(forget, {"forget", forget_to_send});
STEPS(much, {"much", say_much});
STEPS(nothing, {"nothing", say_nothing});
STEPS(park, {"park", park}, {"say", say_result});
STEPS(later, {"say", say_later});
STEPS(room, {"say", say_whether_there_is_room});
STEPS(down, {"ask", time_out}, {"say", say_down});

static const struct route routes[] = {
    {.name = "path", .path = "/path", .methods = "GET,HEAD", .steps = path_steps},
    {.name = "path_post", .path = "/path", .methods = "PUT", .steps = path_steps},
    {.name = "below", .path = "/below", .is_prefix = true, .steps = path_steps},
    {.name = "peer", .path = "/peer", .steps = peer_steps},
    {.name = "values", .path = "/v/{a}/x/{b}", .steps = values_steps},
    {.name = "loop", .path = "/loop", .steps = loop_steps},
    {.name = "inject", .path = "/inject", .steps = inject_steps},
    {.name = "forget", .path = "/forget", .steps = forget_steps},
    {.name = "much", .path = "/much", .steps = much_steps},
    {.name = "nothing", .path = "/nothing", .steps = nothing_steps},
    {.name = "park", .path = "/park", .steps = park_steps},
    {.name = "down", .path = "/down", .steps = down_steps},
    {.name = "later", .path = "/later", .steps = later_steps},
    {.name = "room", .path = "/room", .steps = room_steps},
    {.name = "more_room", .path = "/more-room", .steps = room_steps, .arena_bytes = ARENA_MORE_BYTES},
};

static void note_reply(void *context UNUSED, const struct request *request, int http_status, int64_t duration_ns)
{
    assert_true(duration_ns > 0);
    assert_int_equal(http_status, request->reply.http_status);
    pthread_mutex_lock(&server.reply_lock);
    snprintf(server.replied_handler, sizeof server.replied_handler, "%s", request->route ? request->route->name : "-");
    server.replied_count++;
    pthread_mutex_unlock(&server.reply_lock);
}

void server_start_as(const struct http_server_config *config, size_t loops)
{
    struct http_server_config full = *config;
    full.routes = routes;
    full.route_count = COUNT_OF(routes);
    full.app = (void *)(uintptr_t) "app";
    full.observer = (struct http_observer){.replied = note_reply};
    full.is_evhttp = server.is_evhttp;
    atomic_store(&server.parked_count, 0);
    atomic_store(&server.results_freed, 0);
    server.replied_count = 0;
    http_fixture_start(&server.fixture, &full, loops);
}

void server_start_with(const struct http_limits *limits, const struct http_listen *listen, size_t listen_count,
                       size_t loops)
{
    server_start_as(&(struct http_server_config){.listen = listen, .listen_count = listen_count, .limits = *limits},
                    loops);
}

void server_start(size_t loops)
{
    server_start_with(&(struct http_limits){0}, NULL, 0, loops);
}

void server_stop(void)
{
    assert_true(http_fixture_stop(&server.fixture, 5000));
}
