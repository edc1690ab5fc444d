/* The ephemeral store on Redis, which all processes of both services share (proto/redis-keys.md). Opening it checks
 * that the server will do (version, no eviction, a primary), and makes the first epoch if the ledger has never heard of
 * nonces. */
#include "ephemeral/backend.h"
#include "ephemeral/redis_janitor.h"
#include "ephemeral/redis_start.h"
#include "ephemeral/redis_view.h"
#include "ephemeral/redis_watch.h"
#include "redis/blocking.h"

#include <stdlib.h>

/* ---- the connection ---- */

/* Redis can be used. Calls that need no epoch go on. */
static void on_greeted(void *context)
{
    struct redis_view *view = context;
    redis_watch_tell_clock(view);
    if (redis_client_state(view->client) == REDIS_READY)
        return;
    redis_client_ready(view->client);
    redis_calls_let_go(view);
}

static void on_greeting(void *context)
{
    struct redis_view *view = context;
    if (redis_watch_greet(view) != STATUS_OK)
        redis_client_refuse(view->client, SLICE("out of memory"));
}

static void on_lost(void *context)
{
    struct redis_view *view = context;
    redis_watch_lost(view);
    if (redis_client_state(view->client) != REDIS_DOWN)
        return;
    redis_calls_fail_held(view);
    nonce_waits_done(&view->waits);
}

static void on_before_write(void *context)
{
    redis_nonces_close_batch(context);
}

/* ---- readiness ---- */

struct ping_call {
    struct redis_call call; /* first */
    int64_t asked_ms;
};

static void on_ping(void *context, const struct redisReply *reply)
{
    struct redis_call *call = context;
    struct redis_view *view = call->view;
    int64_t redis_ms = 0;
    enum status status = redis_reply_time(reply, &redis_ms);
    if (status == STATUS_OK)
        redis_watch_set_clock(view, ((struct ping_call *)call)->asked_ms, redis_ms);
    if (status == STATUS_OK && !view->nonces.is_settled && view->settle.is_running) {
        call->next = view->pings;
        view->pings = call;
        return;
    }
    if (!view->nonces.is_settled || !redis_clock_is_near(&view->clock))
        status = STATUS_STORE_DOWN;
    redis_call_end(call, status, NULL, NULL);
}

static void go_ping(struct redis_call *call)
{
    static const struct slice args[] = {SLICE_INIT("TIME")};
    ((struct ping_call *)call)->asked_ms = loop_now_ms(call->view->loop);
    redis_watch_look(call->view);
    redis_call_send(call, args, COUNT_OF(args), on_ping);
}

static void redis_ping_start(struct ephemeral *base, struct ticket ticket)
{
    struct ping_call *ping = redis_call_new(redis_view_of(base), ticket, sizeof *ping, go_ping);
    if (!ping)
        return;
    ping->call.tells_why = true;
    redis_call_start(&ping->call);
}

/* ---- views ---- */

static void redis_view_free(struct ephemeral *base)
{
    struct redis_view *view = redis_view_of(base);
    redis_watch_stop(view);
    redis_client_free(view->client);
    view->client = NULL;
    redis_watch_done(view);
    redis_calls_fail_held(view);
    nonce_waits_done(&view->waits);
    free(view);
}

static struct nonce_trouble redis_trouble(struct ephemeral *base)
{
    return redis_watch_trouble(redis_view_of(base));
}

static const struct ephemeral_ops view_ops = {
    .view_free = redis_view_free,
    .now_ms = redis_view_now_ms,
    .trouble = redis_trouble,
    .clock_ahead_ms = redis_view_ahead_ms,
    .nonce_spend_start = redis_nonce_spend_start,
    .ping_start = redis_ping_start,
    REDIS_CALL_OPS,
};

static enum status connect_view(struct redis_view *view)
{
    const struct redis_client_options options = {
        .loop = view->loop,
        .target = &view->store->target,
        .hooks = {.context = view,
                  .greet = on_greeting,
                  .lost = on_lost,
                  .before_write = on_before_write,
                  .took = redis_view_took},
    };
    TRY(redis_watch_init(view, &view->store->settlings[0], on_greeted));
    view->client = redis_client_new(&options);
    view->settle.client = view->client;
    return view->client ? STATUS_OK : STATUS_NO_MEMORY;
}

static enum status redis_view_new(struct ephemeral_store *base, struct loop *loop, struct ephemeral **ret_view)
{
    struct redis_view *view = calloc(1, sizeof *view);
    if (!view)
        return STATUS_NO_MEMORY;
    view->view.ops = &view_ops;
    view->store = (struct redis_store *)base;
    view->loop = loop;
    view->guard = nonce_guard_init(view->store->keeper);
    enum status status = connect_view(view);
    if (status != STATUS_OK) {
        redis_view_free(&view->view);
        return status;
    }
    *ret_view = &view->view;
    return STATUS_OK;
}

/* ---- the start ---- */

static enum status open_redis_store(struct redis_store *store, struct buf *why)
{
    struct redis_blocking *redis = NULL;
    const struct nonce_keeper_options keeper = {
        .ledger = store->options.ledger,
        .name = SLICE(NONCE_STORE_SHARED),
        .clock = store->options.clock,
        .is_shared = true,
    };
    TRY(redis_open_blocking(&store->target, store->options.clock, why, &redis));
    enum status status = redis_start_check(store, store->target.shown, redis, why);
    if (status == STATUS_OK)
        status = nonce_keeper_new(&keeper, &store->keeper);
    redis_blocking_free(redis);
    return status;
}

/* ---- the store ---- */

static const struct ephemeral_store_ops store_ops = {.view_new = redis_view_new,
                                                     .save_blocking = redis_store_save_blocking,
                                                     .set_keys = redis_store_set_keys,
                                                     .free = redis_store_free};

static enum status redis_store_open_blocking(struct slice url, const struct ephemeral_options *options, struct buf *why,
                                             struct ephemeral_store **ret_store)
{
    const struct redis_opening opening = {&store_ops, open_redis_store};
    return redis_store_make_blocking(&opening, url, options, why, ret_store);
}

const struct ephemeral_backend ephemeral_redis_backend = {
    .open_blocking = redis_store_open_blocking,
    .check_blocking = redis_store_check_blocking,
    .passwords_of = redis_store_passwords_of,
    .janitor_blocking = redis_janitor_blocking,
};
