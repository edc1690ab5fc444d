/* What the store on one Redis does with its connection, its views and their end (redis_store.c), with all that it calls
 * in the test's hands: a test says what becomes of the connection, and reads what the store did, in order. */
#include "ephemeral/backend.h"
#include "ephemeral/redis_start.h"
#include "ephemeral/redis_view.h"
#include "ephemeral/redis_watch.h"
#include "redis/blocking.h"
#include "support/test.h"
#include "time_reply.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOW_MS INT64_C(1790000000000)

struct loop {
    struct fake_clock clock;
};

struct redis_client {
    enum redis_state state;
};

/* What others answer, and what was asked of them. */
static struct {
    char said[512];
    struct redis_client client;
    struct redis_client_options options; /* of the connection */
    struct redis_opening opening;
    enum status status; /* of whatever is asked */
    enum status init_status;
    bool has_no_client;
    bool has_no_memory;
    redis_done_fn done; /* of what was sent last */
    void *context;
    const struct redis_view *view; /* the last that was begun */
    void (*greeted)(void *context);
    struct nonce_keeper_options keeper;
} world;

static void say(const char *what)
{
    size_t len = strlen(world.said);
    assert_true(len + strlen(what) + 3 < sizeof world.said);
    (void)snprintf(world.said + len, sizeof world.said - len, "%s%s", len ? ", " : "", what);
}

#define assert_said(expected)                        \
    do {                                             \
        assert_string_equal(world.said, (expected)); \
        world.said[0] = '\0';                        \
    } while (0)

/* ---- in place of what the store calls (tests/CMakeLists.txt) ---- */

enum status __wrap_redis_store_make_blocking(const struct redis_opening *opening, struct slice url,
                                             const struct ephemeral_options *options, struct buf *why,
                                             struct ephemeral_store **ret_store);
enum status __wrap_redis_open_blocking(const struct redis_target *target, const struct clock *clock, struct buf *why,
                                       struct redis_blocking **ret_redis);
enum status __wrap_redis_start_check(const struct redis_store *store, const char *shown, struct redis_blocking *redis,
                                     struct buf *why);
void __wrap_redis_blocking_free(struct redis_blocking *redis);
enum status __wrap_nonce_keeper_new(const struct nonce_keeper_options *options, struct nonce_keeper **ret_keeper);
enum status __wrap_redis_watch_init(struct redis_view *view, struct redis_settling *settling,
                                    void (*greeted)(void *context));
enum status __wrap_redis_watch_greet(struct redis_view *view);
void __wrap_redis_watch_stop(struct redis_view *view);
void __wrap_redis_watch_done(struct redis_view *view);
void __wrap_redis_watch_lost(struct redis_view *view);
void __wrap_redis_watch_look(struct redis_view *view);
void __wrap_redis_watch_set_clock(struct redis_view *view, int64_t asked_ms, int64_t redis_ms);
void __wrap_redis_watch_tell_clock(struct redis_view *view);
struct redis_client *__wrap_redis_client_new(const struct redis_client_options *options);
void __wrap_redis_client_free(struct redis_client *client);
enum redis_state __wrap_redis_client_state(const struct redis_client *client);
void __wrap_redis_client_ready(struct redis_client *client);
void __wrap_redis_client_refuse(struct redis_client *client, struct slice fault);
void __wrap_redis_calls_let_go(struct redis_view *view);
void __wrap_redis_calls_fail_held(struct redis_view *view);
void __wrap_nonce_waits_done(struct nonce_waits *waits);
void __wrap_redis_nonces_close_batch(struct redis_view *view);
void *__wrap_redis_call_new(struct redis_view *view, struct ticket ticket, size_t size,
                            void (*go)(struct redis_call *call));
void __wrap_redis_call_start(struct redis_call *call);
void __wrap_redis_call_send(struct redis_call *call, const struct slice *args, size_t count, redis_done_fn done);
void __wrap_redis_call_end(struct redis_call *call, enum status status, void *result,
                           void (*free_result)(void *result));
const struct clock *__wrap_loop_clock(const struct loop *loop);

enum status __wrap_redis_store_make_blocking(const struct redis_opening *opening, struct slice url,
                                             const struct ephemeral_options *options, struct buf *why,
                                             struct ephemeral_store **ret_store)
{
    (void)url, (void)options, (void)why, (void)ret_store;
    world.opening = *opening;
    return world.status;
}

enum status __wrap_redis_open_blocking(const struct redis_target *target, const struct clock *clock, struct buf *why,
                                       struct redis_blocking **ret_redis)
{
    (void)why;
    assert_true(target && clock);
    say("open");
    *ret_redis = world.status == STATUS_OK ? (struct redis_blocking *)&world : NULL;
    return world.status;
}

enum status __wrap_redis_start_check(const struct redis_store *store, const char *shown, struct redis_blocking *redis,
                                     struct buf *why)
{
    (void)why;
    assert_ptr_equal(shown, store->target.shown);
    assert_ptr_equal(redis, &world);
    say("check");
    return world.init_status;
}

void __wrap_redis_blocking_free(struct redis_blocking *redis)
{
    assert_ptr_equal(redis, &world);
    say("close");
}

enum status __wrap_nonce_keeper_new(const struct nonce_keeper_options *options, struct nonce_keeper **ret_keeper)
{
    say("keeper");
    world.keeper = *options;
    *ret_keeper = (struct nonce_keeper *)&world;
    return world.has_no_memory ? STATUS_NO_MEMORY : STATUS_OK;
}

enum status __wrap_redis_watch_init(struct redis_view *view, struct redis_settling *settling,
                                    void (*greeted)(void *context))
{
    assert_ptr_equal(settling, &view->store->settlings[0]);
    world.view = view;
    world.greeted = greeted;
    return world.init_status;
}

enum status __wrap_redis_watch_greet(struct redis_view *view)
{
    (void)view;
    say("greet");
    return world.status;
}

void __wrap_redis_watch_stop(struct redis_view *view)
{
    (void)view;
    say("watch stop");
}

void __wrap_redis_watch_done(struct redis_view *view)
{
    assert_null(view->client); /* it is freed by now */
    say("watch done");
}

void __wrap_redis_watch_lost(struct redis_view *view)
{
    (void)view;
    say("watch lost");
}

void __wrap_redis_watch_look(struct redis_view *view)
{
    (void)view;
    say("look");
}

void __wrap_redis_watch_set_clock(struct redis_view *view, int64_t asked_ms, int64_t redis_ms)
{
    char text[64];
    (void)view;
    (void)snprintf(text, sizeof text, "asked at %lld: %lld", (long long)asked_ms, (long long)redis_ms);
    say(text);
}

void __wrap_redis_watch_tell_clock(struct redis_view *view)
{
    (void)view;
    say("tell clock");
}

struct redis_client *__wrap_redis_client_new(const struct redis_client_options *options)
{
    world.options = *options;
    return world.has_no_client ? NULL : &world.client;
}

void __wrap_redis_client_free(struct redis_client *client)
{
    say(client ? "client free" : "client free nobody");
}

enum redis_state __wrap_redis_client_state(const struct redis_client *client)
{
    return client->state;
}

void __wrap_redis_client_ready(struct redis_client *client)
{
    say("ready");
    client->state = REDIS_READY;
}

void __wrap_redis_client_refuse(struct redis_client *client, struct slice fault)
{
    (void)client;
    assert_slice_equal(fault, SLICE("out of memory"));
    say("refuse");
}

void __wrap_redis_calls_let_go(struct redis_view *view)
{
    (void)view;
    say("let go");
}

void __wrap_redis_calls_fail_held(struct redis_view *view)
{
    (void)view;
    say("fail held");
}

void __wrap_nonce_waits_done(struct nonce_waits *waits)
{
    (void)waits;
    say("waits done");
}

void __wrap_redis_nonces_close_batch(struct redis_view *view)
{
    assert_ptr_equal(view, world.view);
    say("close batch");
}

void *__wrap_redis_call_new(struct redis_view *view, struct ticket ticket, size_t size,
                            void (*go)(struct redis_call *call))
{
    if (world.has_no_memory)
        return NULL;
    struct redis_call *call = test_calloc(1, size);
    call->view = view;
    call->ticket = ticket;
    call->go = go;
    return call;
}

void __wrap_redis_call_start(struct redis_call *call)
{
    call->go(call);
}

void __wrap_redis_call_send(struct redis_call *call, const struct slice *args, size_t count, redis_done_fn done)
{
    assert_int_equal(count, 1);
    assert_slice_equal(args[0], SLICE("TIME"));
    say("TIME");
    world.done = done;
    world.context = call;
}

void __wrap_redis_call_end(struct redis_call *call, enum status status, void *result, void (*free_result)(void *result))
{
    assert_true(!result && !free_result && call->tells_why);
    say(status == STATUS_OK ? "there" : status == STATUS_STORE_DOWN ? "down" : "another status");
    test_free(call);
}

const struct clock *__wrap_loop_clock(const struct loop *loop)
{
    return &loop->clock.clock;
}

/* ---- a store and a view ---- */

struct fixture {
    struct loop loop;
    struct redis_store store;
    struct ephemeral *base;
    struct redis_view *view;
};

static int setup(void **state)
{
    struct fixture *it = test_calloc(1, sizeof *it);
    struct ephemeral_store *store = NULL;
    memset(&world, 0, sizeof world);
    fake_clock_init(&it->loop.clock, NOW_MS);
    it->store.options.clock = &it->loop.clock.clock;
    it->store.options.ledger = (struct nonce_ledger *)&world;
    it->store.keeper = (struct nonce_keeper *)&world;
    world.status = STATUS_STORE_DOWN;
    assert_status(ephemeral_redis_backend.open_blocking(SLICE("url"), &it->store.options, NULL, &store),
                  STATUS_STORE_DOWN);
    world.status = STATUS_OK;
    assert_status(world.opening.ops->view_new(&it->store.store, &it->loop, &it->base), STATUS_OK);
    it->view = redis_view_of(it->base);
    *state = it;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *it = *state;
    it->base->ops->view_free(it->base);
    test_free(it);
    return 0;
}

static void answer_time(void)
{
    struct time_reply reply;
    world.done(world.context, time_reply_write(&reply, NOW_MS + 1500));
}

static void begin_ping(struct fixture *it)
{
    it->base->ops->ping_start(it->base, (struct ticket){0});
    assert_said("look, TIME");
    fake_clock_advance(&it->loop.clock, 7);
}

/* ---- opening ---- */

static void a_store_is_opened_once_its_server_will_do(void **state)
{
    struct fixture *it = *state;
    assert_status(world.opening.open_blocking(&it->store, NULL), STATUS_OK);
    assert_said("open, check, keeper, close");
    assert_slice_equal(world.keeper.name, SLICE(NONCE_STORE_SHARED));
    assert_ptr_equal(world.keeper.ledger, &world);
    assert_ptr_equal(world.keeper.clock, &it->loop.clock.clock);
    assert_true(world.keeper.is_shared); /* or its users are nobody's to guard */
    assert_false(world.keeper.has_parts);
    world.has_no_memory = true;
    assert_status(world.opening.open_blocking(&it->store, NULL), STATUS_NO_MEMORY);
    assert_said("open, check, keeper, close");
    world.init_status = STATUS_BAD_INPUT;
    assert_status(world.opening.open_blocking(&it->store, NULL), STATUS_BAD_INPUT);
    assert_said("open, check, close");
    world.status = STATUS_STORE_DOWN;
    assert_status(world.opening.open_blocking(&it->store, NULL), STATUS_STORE_DOWN);
    assert_said("open");
}

/* ---- views ---- */

static void a_view_has_what_its_parts_need(void **state)
{
    struct fixture *it = *state;
    assert_ptr_equal(it->view->store, &it->store);
    assert_ptr_equal(it->view->loop, &it->loop);
    assert_ptr_equal(it->view->client, &world.client);
    assert_ptr_equal(it->view->settle.client, &world.client);
    assert_ptr_equal(it->view->guard.keeper, it->store.keeper);
    assert_true(it->view->guard.version == UINT64_MAX); /* it has looked at nothing yet */
    assert_ptr_equal(world.options.loop, &it->loop);
    assert_ptr_equal(world.options.target, &it->store.target);
}

static void a_view_that_cannot_be_made_leaves_nothing(void **state)
{
    struct fixture *it = *state;
    struct ephemeral *another = NULL;
    world.init_status = STATUS_NO_MEMORY;
    assert_status(world.opening.ops->view_new(&it->store.store, &it->loop, &another), STATUS_NO_MEMORY);
    assert_said("watch stop, client free nobody, watch done, fail held, waits done");
    world.init_status = STATUS_OK;
    world.has_no_client = true;
    assert_status(world.opening.ops->view_new(&it->store.store, &it->loop, &another), STATUS_NO_MEMORY);
    assert_said("watch stop, client free nobody, watch done, fail held, waits done");
    assert_null(another);
}

static void at_its_end_whoever_waits_is_told(void **state)
{
    struct fixture *it = *state;
    struct ephemeral *another = NULL;
    assert_status(world.opening.ops->view_new(&it->store.store, &it->loop, &another), STATUS_OK);
    another->ops->view_free(another);
    assert_said("watch stop, client free, watch done, fail held, waits done");
}

/* ---- the connection ---- */

static void calls_go_on_once_the_server_will_do(void **state)
{
    struct fixture *it = *state;
    world.options.hooks.greet(it->view);
    assert_said("greet");
    world.greeted(it->view);
    assert_said("tell clock, ready, let go");
    world.greeted(it->view); /* it was settled again */
    assert_said("tell clock");
    world.status = STATUS_NO_MEMORY;
    world.options.hooks.greet(it->view);
    assert_said("greet, refuse");
}

static void calls_wait_for_a_connection_that_was_lost_until_an_attempt_has_failed(void **state)
{
    struct fixture *it = *state;
    world.client.state = REDIS_CONNECTING;
    world.options.hooks.lost(it->view);
    assert_said("watch lost");
    world.client.state = REDIS_DOWN;
    world.options.hooks.lost(it->view);
    assert_said("watch lost, fail held, waits done");
}

static void a_turns_batch_is_closed_before_it_is_written(void **state)
{
    struct fixture *it = *state;
    world.options.hooks.before_write(it->view);
    assert_said("close batch");
}

/* ---- whether it is there ---- */

static void it_is_there_if_it_answers_is_settled_and_our_clock_is_near(void **state)
{
    struct fixture *it = *state;
    it->view->nonces.is_settled = true;
    it->view->settle.is_running = true; /* which changes nothing */
    int64_t asked_ms = clock_steady_ms(&it->loop.clock.clock);
    begin_ping(it);
    answer_time();
    char expected[80];
    (void)snprintf(expected, sizeof expected, "asked at %lld: 1790000001500, there", (long long)asked_ms);
    assert_said(expected);
    begin_ping(it);
    world.done(world.context, NULL);
    assert_said("down");
    it->view->clock.ahead_ms = 1; /* the skew is 0 */
    begin_ping(it);
    answer_time();
    assert_non_null(strstr(world.said, ", down"));
}

static void who_asks_while_it_is_being_settled_waits_for_that(void **state)
{
    struct fixture *it = *state;
    struct redis_call *first = NULL;
    begin_ping(it);
    answer_time(); /* it is not settled, and nobody is at it */
    assert_non_null(strstr(world.said, ", down"));
    world.said[0] = '\0';
    it->view->settle.is_running = true;
    begin_ping(it);
    world.done(world.context, NULL);
    assert_said("down");
    begin_ping(it);
    first = world.context;
    answer_time();
    assert_ptr_equal(it->view->pings, first);
    world.said[0] = '\0';
    begin_ping(it);
    answer_time();
    assert_ptr_equal(it->view->pings, world.context);
    assert_ptr_equal(it->view->pings->next, first);
    assert_null(first->next);
    test_free(it->view->pings);
    test_free(first);
}

static void without_memory_nobody_is_asked(void **state)
{
    struct fixture *it = *state;
    world.has_no_memory = true;
    it->base->ops->ping_start(it->base, (struct ticket){0});
    assert_said("");
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_store_is_opened_once_its_server_will_do),
        TEST(a_view_has_what_its_parts_need),
        TEST(a_view_that_cannot_be_made_leaves_nothing),
        TEST(at_its_end_whoever_waits_is_told),
        TEST(calls_go_on_once_the_server_will_do),
        TEST(calls_wait_for_a_connection_that_was_lost_until_an_attempt_has_failed),
        TEST(a_turns_batch_is_closed_before_it_is_written),
        TEST(it_is_there_if_it_answers_is_settled_and_our_clock_is_near),
        TEST(who_asks_while_it_is_being_settled_waits_for_that),
        TEST(without_memory_nobody_is_asked),
    };
    return cmocka_run_group_tests_name("redis_connection", tests, NULL, NULL);
}
