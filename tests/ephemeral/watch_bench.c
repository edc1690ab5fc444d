#include "watch_bench.h"

#include "crypto/mac.h"
#include "time_reply.h"

#include <hiredis/hiredis.h>
#include <stdio.h>

struct watch_world watch_world;

static void say(const char *what)
{
    size_t len = strlen(watch_world.said);
    assert_true(len + strlen(what) + 3 < sizeof watch_world.said);
    (void)snprintf(watch_world.said + len, sizeof watch_world.said - len, "%s%s", len ? ", " : "", what);
}

/* ---- in place of what the watch calls (tests/CMakeLists.txt) ---- */

enum status __wrap_redis_send(struct redis_client *client, const struct slice *args, size_t count, redis_done_fn done,
                              void *context);
enum redis_state __wrap_redis_client_state(const struct redis_client *client);
void __wrap_redis_client_refuse(struct redis_client *client, struct slice fault);
enum status __wrap_loop_timer_init(struct loop_timer *timer, struct loop *loop, void (*fire)(void *context),
                                   void *context);
enum status __wrap_loop_timer_start(struct loop_timer *timer, unsigned delay_ms);
enum status __wrap_loop_timer_start_periodic(struct loop_timer *timer, unsigned period_ms);
void __wrap_loop_timer_done(struct loop_timer *timer);
const struct clock *__wrap_loop_clock(const struct loop *loop);
const struct observer *__wrap_loop_observer(const struct loop *loop);
enum status __wrap_redis_settle_start(struct redis_settle *settle);
void __wrap_redis_settle_stop(struct redis_settle *settle);
void __wrap_redis_settle_break(struct redis_settle *settle);
void __wrap_redis_settle_leave(struct redis_settle *settle);
void __wrap_redis_settle_note_clock(struct redis_settle *settle);
enum status __wrap_redis_nonces_settle(struct redis_view *view);
void __wrap_redis_nonces_unsettle(struct redis_view *view);
void __wrap_redis_nonces_retry(struct redis_view *view);
void __wrap_redis_nonces_done(struct redis_nonces *nonces);
struct nonce_listener *__wrap_nonce_keeper_listen(struct nonce_keeper *keeper, struct loop *loop,
                                                  void (*on_change)(void *context), void *context);
void __wrap_nonce_keeper_unlisten(struct nonce_listener *listener);
void __wrap_nonce_keeper_enter(struct nonce_keeper *keeper, struct slice epoch, const struct accepted_ranges *ranges);
void __wrap_nonce_keeper_refresh(struct nonce_keeper *keeper);
const struct nonce_standing *__wrap_nonce_guard_standing(struct nonce_guard *guard);
void __wrap_nonce_guard_read(struct nonce_guard *guard);
struct nonce_trouble __wrap_nonce_guard_trouble(struct nonce_guard *guard, int64_t now_ms, int64_t lead_ms);
bool __wrap_nonce_guard_goes_on(struct nonce_guard *guard, const struct clock *clock, int64_t now_ms);
void __wrap_nonce_waits_done(struct nonce_waits *waits);
void __wrap_redis_call_end(struct redis_call *call, enum status status, void *result,
                           void (*free_result)(void *result));
struct mac *__wrap_mac_new(size_t kept);
void __wrap_mac_free(struct mac *mac);
enum status __wrap_random_bytes(void *out, size_t len);

enum status __wrap_redis_send(struct redis_client *client, const struct slice *args, size_t count, redis_done_fn done,
                              void *context)
{
    struct command *command = &watch_world.commands[watch_world.sent++];
    assert_int_equal(client->state, REDIS_READY);
    assert_true(watch_world.sent < COMMANDS_MAX);
    struct buf text = buf_fixed(command->text, sizeof command->text);
    bool is_script = slice_eq(args[0], SLICE("EVAL")); /* what it does is tried on a Redis */
    for (size_t i = 0; i < count; i++)
        if (!is_script || i == 0 || i > 2)
            buf_addf(&text, "%s%.*s", i ? " " : "", SLICE_ARGS(args[i]));
    command->done = done;
    command->context = context;
    say(buf_string(&text));
    return STATUS_OK;
}

enum redis_state __wrap_redis_client_state(const struct redis_client *client)
{
    return client->state;
}

void __wrap_redis_client_refuse(struct redis_client *client, struct slice fault)
{
    char text[300];
    client->state = REDIS_DOWN;
    (void)snprintf(text, sizeof text, "refuse: %.*s", SLICE_ARGS(fault));
    say(text);
}

static enum status timer_status(void)
{
    return watch_world.timer_calls < COUNT_OF(watch_world.timer_status)
               ? watch_world.timer_status[watch_world.timer_calls++]
               : STATUS_OK;
}

enum status __wrap_loop_timer_init(struct loop_timer *timer, struct loop *loop, void (*fire)(void *context),
                                   void *context)
{
    *timer = (struct loop_timer){.loop = loop, .fire = fire, .context = context};
    return timer_status();
}

enum status __wrap_loop_timer_start(struct loop_timer *timer, unsigned delay_ms)
{
    char text[32];
    (void)timer;
    (void)snprintf(text, sizeof text, "later %u", delay_ms);
    say(text);
    return STATUS_OK;
}

enum status __wrap_loop_timer_start_periodic(struct loop_timer *timer, unsigned period_ms)
{
    timer->period_ms = period_ms;
    return timer_status();
}

void __wrap_loop_timer_done(struct loop_timer *timer)
{
    const struct redis_view *view = timer->context;
    if (!view) /* a zeroed one */
        return;
    say(timer == &view->clock_timer    ? "clock timer done"
        : timer == &view->settle_timer ? "settle timer done"
        : timer == &view->waits_timer  ? "waits timer done"
                                       : "another timer done");
}

const struct clock *__wrap_loop_clock(const struct loop *loop)
{
    return &loop->clock.clock;
}

const struct observer *__wrap_loop_observer(const struct loop *loop)
{
    return &loop->observer;
}

static void on_event(void *context, const char *source, const char *what, const char *detail)
{
    char text[128];
    (void)context;
    (void)snprintf(text, sizeof text, "%s: %s: %s", source, what, detail);
    say(text);
}

enum status __wrap_redis_settle_start(struct redis_settle *settle)
{
    say("settle");
    settle->is_running = watch_world.start_status == STATUS_OK;
    return watch_world.start_status;
}

void __wrap_redis_settle_stop(struct redis_settle *settle)
{
    say("settle stop");
    settle->is_running = false;
}

void __wrap_redis_settle_break(struct redis_settle *settle)
{
    (void)settle;
    say("break");
}

void __wrap_redis_settle_leave(struct redis_settle *settle)
{
    (void)settle;
    say("leave");
}

void __wrap_redis_settle_note_clock(struct redis_settle *settle)
{
    (void)settle;
    say("note clock");
}

enum status __wrap_redis_nonces_settle(struct redis_view *view)
{
    struct redis_nonces *nonces = &view->nonces;
    say("nonces settle");
    if (watch_world.nonces_status != STATUS_OK)
        return watch_world.nonces_status;
    nonces->generation += strcmp(nonces->epoch.id, view->settle.epoch.id) != 0;
    nonces->epoch = view->settle.epoch;
    nonces->is_provisional = view->settle.is_provisional;
    nonces->is_settled = true;
    return STATUS_OK;
}

void __wrap_redis_nonces_unsettle(struct redis_view *view)
{
    say("unsettle");
    view->nonces.is_settled = false;
}

void __wrap_redis_nonces_retry(struct redis_view *view)
{
    (void)view;
    say("retry");
}

void __wrap_redis_nonces_done(struct redis_nonces *nonces)
{
    (void)nonces;
    say("nonces done");
}

struct nonce_listener *__wrap_nonce_keeper_listen(struct nonce_keeper *keeper, struct loop *loop,
                                                  void (*on_change)(void *context), void *context)
{
    assert_ptr_equal(keeper, &watch_world);
    assert_non_null(loop);
    assert_non_null(context);
    watch_world.on_change = on_change;
    return watch_world.has_no_listener ? NULL : (struct nonce_listener *)&watch_world;
}

void __wrap_nonce_keeper_unlisten(struct nonce_listener *listener)
{
    say(listener ? "unlisten" : "unlisten nobody");
}

void __wrap_nonce_keeper_enter(struct nonce_keeper *keeper, struct slice epoch, const struct accepted_ranges *ranges)
{
    char text[64];
    assert_ptr_equal(keeper, &watch_world);
    (void)snprintf(text, sizeof text, "enter %.*s with %zu ranges", SLICE_ARGS(epoch), (size_t)ranges->count);
    say(text);
}

void __wrap_nonce_keeper_refresh(struct nonce_keeper *keeper)
{
    assert_ptr_equal(keeper, &watch_world);
    say("refresh");
}

const struct nonce_standing *__wrap_nonce_guard_standing(struct nonce_guard *guard)
{
    return &guard->standing;
}

void __wrap_nonce_guard_read(struct nonce_guard *guard)
{
    (void)guard;
    say("read");
}

struct nonce_trouble __wrap_nonce_guard_trouble(struct nonce_guard *guard, int64_t now_ms, int64_t lead_ms)
{
    (void)guard;
    assert_int_equal(now_ms, NOW_MS);
    assert_int_equal(lead_ms, LEAD_MS);
    return watch_world.trouble;
}

bool __wrap_nonce_guard_goes_on(struct nonce_guard *guard, const struct clock *clock, int64_t now_ms)
{
    (void)guard;
    assert_non_null(clock);
    assert_int_equal(now_ms, NOW_MS);
    return watch_world.goes_on;
}

void __wrap_nonce_waits_done(struct nonce_waits *waits)
{
    (void)waits;
    say("waits done");
}

void __wrap_redis_call_end(struct redis_call *call, enum status status, void *result, void (*free_result)(void *result))
{
    char text[64];
    assert_true(!result && !free_result);
    (void)snprintf(text, sizeof text, "ping %u: %s", call->unanswered, status == STATUS_OK ? "there" : "down");
    assert_true(status == STATUS_OK || status == STATUS_STORE_DOWN);
    say(text);
}

struct mac *__wrap_mac_new(size_t kept)
{
    assert_int_equal(kept, 1);
    return watch_world.has_no_mac ? NULL : (struct mac *)&watch_world;
}

void __wrap_mac_free(struct mac *mac)
{
    say(mac ? "mac free" : "mac free nobody");
}

enum status __wrap_random_bytes(void *out, size_t len)
{
    assert_int_equal(len, 1);
    *(unsigned char *)out = SPREAD;
    return STATUS_OK;
}

/* ---- a view ---- */

void watched_greeted(void *context)
{
    (void)context;
}

void watched_view_init(struct watched *it, struct redis_view *view)
{
    *view = (struct redis_view){
        .store = &it->store, .loop = &it->loop, .guard = {.keeper = it->store.keeper}, .client = &it->client};
}

int watched_setup(void **state)
{
    struct watched *it = test_calloc(1, sizeof *it);
    memset(&watch_world, 0, sizeof watch_world);
    fake_clock_init(&it->loop.clock, NOW_MS);
    it->loop.observer = (struct observer){.event = on_event};
    it->store.options =
        (struct ephemeral_options){.clock = &it->loop.clock.clock, .skew_ms = SKEW_MS, .lead_ms = LEAD_MS};
    it->store.keeper = (struct nonce_keeper *)&watch_world;
    (void)snprintf(it->store.target.shown, sizeof it->store.target.shown, "the store");
    it->client.state = REDIS_READY;
    watched_view_init(it, &it->view);
    watched_view_init(it, &it->other);
    assert_status(redis_watch_init(&it->other, &it->settling, watched_greeted), STATUS_OK);
    assert_status(redis_watch_init(&it->view, &it->settling, watched_greeted), STATUS_OK);
    assert_said("");
    *state = it;
    return 0;
}

int watched_teardown(void **state)
{
    test_free(*state);
    return 0;
}

void watched_enter(struct redis_view *view, const char *id)
{
    (void)snprintf(view->guard.standing.epoch, sizeof view->guard.standing.epoch, "%s", id);
}

void watched_settled(struct redis_view *view, const char *id, enum status status)
{
    (void)snprintf(view->settle.epoch.id, sizeof view->settle.epoch.id, "%s", id);
    (void)snprintf(view->settle.epoch.run_id, sizeof view->settle.epoch.run_id, "server");
    view->settle.text_len = (size_t)snprintf(view->settle.text, sizeof view->settle.text, "record of %s", id);
    view->settle.is_running = false;
    view->settle.done(view->settle.context, status);
}

void watched_settle_well(struct watched *it)
{
    assert_false(redis_clock_set(&it->view.clock, clock_steady_ms(&it->loop.clock.clock), NOW_MS));
    watched_settled(&it->view, "a", STATUS_OK);
    watched_enter(&it->view, "a");
    watch_world.said[0] = '\0';
}

void watched_make_part(struct watched *it)
{
    it->view.is_part = true;
    it->view.part = 3;
    it->view.guard.parts = &it->parts;
}

void watched_part_is_in(struct watched *it, const char *id)
{
    (void)snprintf(it->parts.epochs[3], sizeof it->parts.epochs[3], "%s", id);
}

void watched_answer(struct watched *it, const char *name, const struct redisReply *reply)
{
    watch_world.sent = 0;
    redis_watch_look(&it->view);
    watch_world.said[0] = '\0';
    for (size_t i = 0; i < watch_world.sent; i++) {
        const struct command *command = &watch_world.commands[i];
        if (strncmp(command->text, name, strlen(name)) == 0) {
            command->done(command->context, reply);
            return;
        }
    }
    fail_msg("%s was not asked for", name);
}

void watched_answer_text(struct watched *it, const char *name, const char *text)
{
    char memory[512];
    (void)snprintf(memory, sizeof memory, "%s", text);
    const struct redisReply reply = {.type = REDIS_REPLY_STRING, .str = memory, .len = strlen(memory)};
    watched_answer(it, name, &reply);
}

void watched_answer_time(struct watched *it, int64_t redis_ms)
{
    struct time_reply reply;
    watched_answer(it, "TIME", time_reply_write(&reply, redis_ms));
}
