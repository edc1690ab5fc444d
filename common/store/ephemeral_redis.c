#include "store/ephemeral_redis.h"

#include "crypto/mac.h"
#include "crypto/sealed.h"
#include "loop/observer.h"
#include "store/nonce_ledger.h"
#include "store/redis_blocking.h"
#include "store/redis_view.h"
#include "store/store_metrics.h"

#include <stdlib.h>

enum { INTSET_LIMIT = 512 };

static const struct redis_view *const_view_of(const struct ephemeral *view)
{
    return (const struct redis_view *)view;
}

/* ---- the clock ---- */

static int64_t now_ms(const struct ephemeral *base)
{
    struct redis_view *view = (struct redis_view *)(uintptr_t)base; /* that it never goes back needs a note */
    return redis_clock_now_ms(&view->clock);
}

static int64_t guard_s(const struct ephemeral *base)
{
    int64_t until_ms = redis_nonces_guard_until_ms(const_view_of(base));
    int64_t at_ms = now_ms(base);
    /* the first second that a request signed then may bear */
    int64_t left_ms = (until_ms / 1000 + 1) * 1000 - at_ms;
    return until_ms && at_ms && left_ms > 0 ? (left_ms + 999) / 1000 : 0;
}

static int64_t clock_ahead_ms(const struct ephemeral *base)
{
    return redis_clock_ahead_ms(&const_view_of(base)->clock);
}

static void tell_clock(struct redis_view *view)
{
    char detail[64];
    struct buf text = buf_fixed(detail, sizeof detail);
    bool is_off = !redis_clock_is_near(&view->clock);
    if (is_off == view->clock_told)
        return;
    view->clock_told = is_off;
    buf_addf(&text, "%lld ms ahead of Redis's", (long long)redis_clock_ahead_ms(&view->clock));
    observer_event(loop_observer(view->loop), "redis", is_off ? "our clock is off" : "our clock is right again",
                   buf_string(&text));
}

/* Nonces may have expired too early: whatever our clock has seen counts as the time of the change. */
static void set_clock(struct redis_view *view, int64_t redis_ms)
{
    int64_t before_ms = redis_clock_last_known_ms(&view->clock);
    bool was_set_back = redis_clock_set(&view->clock, redis_ms);
    tell_clock(view);
    if (!was_set_back)
        return;
    view->facts.must_change = true;
    if (before_ms > view->facts.last_spend_ms)
        view->facts.last_spend_ms = before_ms;
    redis_view_unsettle(view);
}

static void took_time(void *context, const struct redisReply *reply)
{
    int64_t redis_ms = 0;
    if (redis_reply_time(reply, &redis_ms) == STATUS_OK)
        set_clock(context, redis_ms);
}

static void read_clock(void *context)
{
    static const struct slice args[] = {SLICE_INIT("TIME")};
    struct redis_view *view = context;
    /* where it cannot be sent the connection is being made, which reads the clock too */
    (void)!redis_send(view->client, args, COUNT_OF(args), took_time, view);
}

/* ---- the connection ---- */

static struct redis_call *take_held(struct redis_view *view)
{
    struct redis_call *held = view->held;
    view->held = NULL;
    view->held_count = 0;
    return held;
}

static void let_go(struct redis_view *view)
{
    for (struct redis_call *call = take_held(view); call;) {
        struct redis_call *next = call->next;
        if (ticket_is_live(call->ticket))
            call->go(call);
        else
            redis_call_end(call, STATUS_STORE_DOWN, NULL, NULL);
        call = next;
    }
}

static void fail_held(struct redis_view *view)
{
    for (struct redis_call *call = take_held(view); call;) {
        struct redis_call *next = call->next;
        redis_call_end(call, STATUS_STORE_DOWN, NULL, NULL);
        call = next;
    }
}

static void tell_epoch(const struct redis_view *view, bool is_new)
{
    if (is_new && view->nonces.generation > 1)
        observer_event(loop_observer(view->loop), "redis", "epoch changed", view->store->target.shown);
}

static void settled(void *context, enum status status)
{
    struct redis_view *view = context;
    const struct redis_epoch *epoch = &view->settle.epoch;
    bool is_new = status == STATUS_OK && strcmp(view->facts.epoch_id, epoch->id) != 0;
    if (status == STATUS_OK)
        status = redis_nonces_settle(view, epoch);
    if (status != STATUS_OK) {
        redis_client_refuse(view->client,
                            view->settle.problem[0] ? slice_str(view->settle.problem) : slice_str(status_text(status)));
        return;
    }
    if (is_new) { /* its guard covers whatever was accepted before */
        redis_clock_let_back(&view->clock);
        memcpy(view->facts.epoch_id, epoch->id, sizeof epoch->id);
        view->facts.last_spend_ms = 0;
    }
    bool was_set_back_since = view->facts.must_change && !view->settle.facts.must_change;
    view->facts.knows_epoch = true;
    view->facts.must_change = was_set_back_since;
    tell_clock(view);
    tell_epoch(view, is_new);
    redis_client_ready(view->client);
    let_go(view);
    if (was_set_back_since)
        redis_view_unsettle(view);
}

static void settle(struct redis_view *view)
{
    if (redis_settle_start(&view->settle, &view->facts) != STATUS_OK)
        redis_client_refuse(view->client, SLICE("out of memory"));
}

void redis_view_unsettle(struct redis_view *view)
{
    redis_nonces_unsettle(view);
    if (redis_client_state(view->client) == REDIS_READY && !view->settle.is_running)
        settle(view);
}

static void greet(void *context)
{
    settle(context);
}

static void lost(void *context)
{
    struct redis_view *view = context;
    redis_nonces_unsettle(view);
    view->settle.is_running = false;
    if (redis_client_state(view->client) == REDIS_DOWN)
        fail_held(view);
}

static void before_write(void *context)
{
    redis_nonces_close_batch(context);
}

/* ---- readiness ---- */

static void pinged(void *context, const struct redisReply *reply)
{
    struct redis_call *call = context;
    struct redis_view *view = call->view;
    int64_t redis_ms = 0;
    enum status status = redis_reply_time(reply, &redis_ms);
    if (status == STATUS_OK)
        set_clock(view, redis_ms);
    if (status == STATUS_OK && (!view->nonces.is_settled || !redis_clock_is_near(&view->clock)))
        status = STATUS_STORE_DOWN;
    redis_call_end(call, status, NULL, NULL);
}

static void go_ping(struct redis_call *call)
{
    static const struct slice args[] = {SLICE_INIT("TIME")};
    redis_call_send(call, args, COUNT_OF(args), pinged);
}

static void ping_start(struct ephemeral *base, struct ticket ticket)
{
    struct redis_call *call = redis_call_new(redis_view_of(base), ticket, sizeof *call, go_ping);
    if (call)
        redis_call_start(call);
}

/* ---- the end of a client or user ---- */

#define END_SCRIPT "local n = redis.call('INCR', KEYS[1]) redis.call('EXPIRE', KEYS[1], ARGV[1]) return n"

struct end_call {
    struct redis_call call; /* first */
    char memory[REDIS_KEY_BYTES];
    struct slice key;
};

static void ended(void *context, const struct redisReply *reply)
{
    int64_t number = 0;
    redis_call_end(context, redis_reply_integer(reply, &number), NULL, NULL);
}

static void go_end(struct redis_call *call)
{
    char seconds[24];
    struct buf text = buf_fixed(seconds, sizeof seconds);
    buf_add_i64(&text, REDIS_ENDED_DAYS * INT64_C(86400));
    const struct slice args[] = {SLICE("EVAL"), SLICE(END_SCRIPT), SLICE("1"), ((struct end_call *)call)->key,
                                 buf_slice(&text)};
    redis_call_send(call, args, COUNT_OF(args), ended);
}

static void end_start(struct ephemeral *base, enum ephemeral_owner owner, struct slice id, struct ticket ticket)
{
    struct end_call *it = redis_call_new(redis_view_of(base), ticket, sizeof *it, go_end);
    if (!it)
        return;
    it->key = redis_owner_key(it->memory, owner, id);
    if (slice_is_absent(it->key))
        redis_call_end(&it->call, STATUS_NO_MEMORY, NULL, NULL);
    else
        redis_call_start(&it->call);
}

/* ---- views ---- */

static void view_free(struct ephemeral *base)
{
    struct redis_view *view = redis_view_of(base);
    if (view->client)
        redis_nonces_unsettle(view); /* ends the batch of this turn */
    redis_client_free(view->client);
    view->client = NULL;
    fail_held(view);
    loop_timer_done(&view->clock_timer);
    redis_nonces_done(&view->nonces);
    mac_free(view->mac);
    free(view);
}

static const struct ephemeral_ops view_ops = {
    .view_free = view_free,
    .now_ms = now_ms,
    .guard_s = guard_s,
    .clock_ahead_ms = clock_ahead_ms,
    .nonce_spend_start = redis_nonce_spend_start,
    .temp_create_start = redis_temp_create_start,
    .temp_find_start = redis_temp_find_start,
    .temp_grant_start = redis_temp_grant_start,
    .temp_deny_start = redis_temp_deny_start,
    .temp_try_start = redis_temp_try_start,
    .temp_exchanged_start = redis_temp_exchanged_start,
    .session_create_start = redis_session_create_start,
    .session_find_start = redis_session_find_start,
    .session_delete_start = redis_session_delete_start,
    .blob_put_start = redis_blob_put_start,
    .blob_find_start = redis_blob_find_start,
    .blob_replace_start = redis_blob_replace_start,
    .blob_take_start = redis_blob_take_start,
    .count_start = redis_count_start,
    .count_back_start = redis_count_back_start,
    .end_start = end_start,
    .ping_start = ping_start,
};

static void took(int64_t duration_ns)
{
    store_metrics_command(STORE_EPHEMERAL, duration_ns);
}

static enum status connect_view(struct redis_view *view)
{
    const struct redis_client_options options = {
        .loop = view->loop,
        .target = &view->store->target,
        .hooks = {.context = view, .greet = greet, .lost = lost, .before_write = before_write, .took = took},
    };
    TRY(loop_timer_init(&view->clock_timer, view->loop, read_clock, view));
    TRY(loop_timer_start_periodic(&view->clock_timer, REDIS_CLOCK_PERIOD_MS));
    view->mac = mac_new(1);
    view->client = redis_client_new(&options);
    return view->mac && view->client ? STATUS_OK : STATUS_NO_MEMORY;
}

static enum status view_new(struct ephemeral_store *base, struct loop *loop, struct ephemeral **ret_view)
{
    struct redis_view *view = calloc(1, sizeof *view);
    if (!view)
        return STATUS_NO_MEMORY;
    view->view.ops = &view_ops;
    view->store = (struct redis_store *)base;
    view->loop = loop;
    view->clock = redis_clock_init(view->store->options.clock, view->store->options.skew_ms);
    enum status status = connect_view(view);
    view->settle.client = view->client;
    view->settle.clock = &view->clock;
    view->settle.done = settled;
    view->settle.context = view;
    if (status != STATUS_OK) {
        view_free(&view->view);
        return status;
    }
    *ret_view = &view->view;
    return STATUS_OK;
}

/* ---- the first start ---- */

/* A start, with its connection. */
struct opening {
    struct redis_store *store;
    struct redis_blocking *redis;
    struct redis_clock clock;
    struct redis_settle settle;
    bool is_settled;
    enum status status;
};

static void first_settled(void *context, enum status status)
{
    struct opening *opening = context;
    opening->status = status;
    opening->is_settled = true;
    redis_blocking_wake(opening->redis);
}

/* NONCES_FIRST: no process has ever accepted a nonce, and none will before this is known to the ledger, so the record
 * that is made now needs no guard. */
static enum status begin_use(void *context, enum nonce_opening how)
{
    struct opening *opening = context;
    const struct redis_settle_facts facts = {.is_first = how == NONCES_FIRST, .must_change = how == NONCES_LOST};
    opening->is_settled = false;
    opening->settle.client = redis_blocking_client(opening->redis);
    opening->settle.clock = &opening->clock;
    opening->settle.done = first_settled;
    opening->settle.context = opening;
    TRY(redis_settle_start(&opening->settle, &facts));
    TRY(redis_wait_blocking(opening->redis, &opening->is_settled));
    return opening->status;
}

static enum status mark_in_use(struct opening *opening, struct buf *why)
{
    const struct ephemeral_options *options = &opening->store->options;
    struct nonce_ledger *ledger = options->ledger;
    enum status status =
        ledger ? ledger->mark_blocking(ledger, options->ledger_name, clock_wall_ms(options->clock), begin_use, opening)
               : begin_use(opening, NONCES_FIRST);
    if (status != STATUS_OK)
        buf_addf(why, "the nonce store cannot be taken into use: %s",
                 opening->settle.problem[0] ? opening->settle.problem : status_text(status));
    return status;
}

/* ---- checks ---- */

static enum status take_info(void *context, const struct redisReply *reply)
{
    struct slice info = {0};
    struct slice error = redis_reply_error(reply);
    struct buf *why = context;
    struct redis_server server;
    if (!slice_is_absent(error)) {
        buf_addf(why, "it refused INFO: %.*s", SLICE_ARGS(error));
        return STATUS_STORE_DOWN;
    }
    TRY(redis_reply_text(reply, &info));
    TRY(redis_server_parse(info, &server));
    return redis_server_check(&server, why);
}

static enum status check_server(struct opening *opening, struct buf *why)
{
    static const struct slice args[] = {SLICE_INIT("INFO")};
    struct buf problem = BUF_INIT;
    enum status status = redis_ask_blocking(opening->redis, args, COUNT_OF(args), take_info, &problem);
    if (status != STATUS_OK)
        buf_addf(why, "OAUTH1_REDIS_URL: Redis at %s cannot be used: %.*s", opening->store->target.shown,
                 SLICE_ARGS(problem.len ? buf_slice(&problem) : slice_str(status_text(status))));
    buf_done(&problem);
    return status;
}

static enum status take_limit(void *context, const struct redisReply *reply)
{
    struct slice text = {0};
    TRY(redis_reply_text(redis_reply_item(reply, 1), &text));
    return slice_to_u64(text, INT64_MAX, context) ? STATUS_OK : STATUS_STORE_CORRUPT;
}

/* Sets of nonces that are larger than the limit take eight times the memory, which is worth a word. */
static void check_sets(struct opening *opening)
{
    static const struct slice args[] = {SLICE_INIT("CONFIG"), SLICE_INIT("GET"), SLICE_INIT("set-max-intset-entries")};
    const struct observer *observer = opening->store->options.observer;
    uint64_t limit = 0;
    if (redis_ask_blocking(opening->redis, args, COUNT_OF(args), take_limit, &limit) != STATUS_OK)
        observer_event(observer, "redis", "cannot be checked",
                       "set-max-intset-entries (CONFIG GET is not allowed): see that it is 512 or more");
    else if (limit < INTSET_LIMIT)
        observer_event(observer, "redis", "wastes memory", "set-max-intset-entries is below 512");
}

static enum status open_store(struct redis_store *store, struct buf *why)
{
    struct opening opening = {.store = store};
    opening.clock = redis_clock_init(store->options.clock, store->options.skew_ms);
    TRY(redis_open_blocking(&store->target, store->options.clock, why, &opening.redis));
    enum status status = check_server(&opening, why);
    if (status == STATUS_OK) {
        check_sets(&opening);
        status = mark_in_use(&opening, why);
    }
    redis_blocking_free(opening.redis);
    return status;
}

/* ---- the store ---- */

/* What is in Redis stays there. */
static enum status save_blocking(struct ephemeral_store *store)
{
    (void)store;
    return STATUS_OK;
}

static void set_keys(struct ephemeral_store *base, struct keyring *keys)
{
    struct redis_store *store = (struct redis_store *)base;
    (void)pthread_mutex_lock(&store->keys_lock);
    struct keyring *before = store->keys;
    store->keys = keyring_share(keys);
    (void)pthread_mutex_unlock(&store->keys_lock);
    keyring_free(before);
}

static void store_free(struct ephemeral_store *base)
{
    struct redis_store *store = (struct redis_store *)base;
    keyring_free(store->keys);
    (void)pthread_mutex_destroy(&store->keys_lock);
    redis_target_done(&store->target);
    free(store);
}

static const struct ephemeral_store_ops store_ops = {
    .view_new = view_new, .save_blocking = save_blocking, .set_keys = set_keys, .free = store_free};

enum status ephemeral_redis_open_blocking(struct slice url, const struct ephemeral_options *options, struct buf *why,
                                          struct ephemeral_store **ret_store)
{
    TRY(store_metrics_register());
    struct redis_store *store = calloc(1, sizeof *store);
    if (!store)
        return STATUS_NO_MEMORY;
    store->store.ops = &store_ops;
    store->options = *options;
    store->keys = keyring_share(options->keys);
    (void)pthread_mutex_init(&store->keys_lock, NULL);
    enum status status = redis_target_open_blocking(url, options->redis_password, why, &store->target);
    store->target.next_password = options->next_redis_password;
    if (status == STATUS_OK)
        status = open_store(store, why);
    if (status != STATUS_OK) {
        store_free(&store->store);
        return status;
    }
    *ret_store = &store->store;
    return STATUS_OK;
}
