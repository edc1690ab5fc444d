/* The ephemeral store on Redis, which all processes of both services share (proto/redis-keys.md). Opening it checks
 * that the server will do (version, no eviction, a primary), and makes the first epoch if the ledger has never heard of
 * nonces. */
#include "crypto/mac.h"
#include "crypto/random.h"
#include "crypto/sealed.h"
#include "ephemeral/backend.h"
#include "ephemeral/redis_janitor.h"
#include "ephemeral/redis_view.h"
#include "guard/nonce_ledger.h"
#include "loop/observer.h"
#include "redis/blocking.h"
#include "store/store_metrics.h"

#include <stdlib.h>

enum { INTSET_LIMIT = 512, SETTLE_AGAIN_MS = 50 };

/* ---- the clock ---- */

static int64_t redis_now_ms(const struct ephemeral *base)
{
    struct redis_view *view =
        (struct redis_view *)(uintptr_t)base; /* the clock notes what it showed, so that it never goes back */
    return redis_clock_now_ms(&view->clock);
}

static struct nonce_trouble redis_trouble(struct ephemeral *base)
{
    struct redis_view *view = redis_view_of(base);
    struct redis_nonces *nonces = &view->nonces;
    int64_t at_ms = redis_clock_now_ms(&view->clock);
    if (!at_ms || !nonces->is_settled)
        return (struct nonce_trouble){.is_full = view->is_full};
    struct nonce_trouble trouble = nonce_guard_trouble(&view->guard, at_ms, view->store->options.lead_ms);
    trouble.is_full = view->is_full;
    if (nonces->is_provisional)
        trouble.guard_s = accepted_ranges_guard_end(&nonces->guarded, at_ms / 1000) - at_ms / 1000;
    /* what was read of Redis shows that nonces go on without the durable store, for a while (rule 8) */
    trouble.is_stuck = trouble.is_stuck && !nonce_guard_goes_on(&view->guard, view->store->options.clock, at_ms);
    return trouble;
}

static int64_t redis_view_ahead_ms(const struct ephemeral *base)
{
    return redis_clock_ahead_ms(&((const struct redis_view *)base)->clock);
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

/* A clock that moved is a loss (nonce-guard.md, rule 6). */
static void set_clock(struct redis_view *view, int64_t asked_ms, int64_t redis_ms)
{
    bool has_moved = redis_clock_set(&view->clock, asked_ms, redis_ms);
    tell_clock(view);
    if (has_moved) {
        redis_settle_break(&view->settle);
        redis_view_unsettle(view);
    } else if (view->nonces.is_settled) {
        redis_settle_note_clock(&view->settle);
    }
}

static void on_clock(void *context, const struct redisReply *reply)
{
    struct redis_view *view = context;
    int64_t redis_ms = 0;
    if (redis_reply_time(reply, &redis_ms) == STATUS_OK)
        set_clock(view, view->clock_asked_ms, redis_ms);
}

/* The server may have become another while the connection stood: a replica that follows somebody, one that was promoted
 * again, one that evicts or did for a moment. */
static void on_info(void *context, const struct redisReply *reply)
{
    struct redis_view *view = context;
    struct slice info = {0};
    struct redis_server server;
    char memory[256];
    struct buf why = buf_fixed(memory, sizeof memory);
    if (redis_reply_text(reply, &info) != STATUS_OK || redis_server_parse(info, &server) != STATUS_OK)
        return;
    bool will_do = redis_server_check(&server, &why) == STATUS_OK;
    bool is_another = view->nonces.is_settled && strcmp(server.run_id, view->nonces.epoch.run_id) != 0;
    bool has_evicted = view->nonces.is_settled && server.evicted != view->settle.server.evicted;
    view->is_full = server.is_full;
    if (will_do && !is_another && !has_evicted)
        return;
    redis_settle_break(&view->settle);
    if (will_do) {
        redis_view_unsettle(view);
    } else {
        redis_nonces_unsettle(view);
        redis_client_refuse(view->client, buf_slice(&why));
    }
}

static void on_renewed(void *context, const struct redisReply *reply)
{
    (void)context, (void)reply; /* if the key is gone, reading the record shows that */
}

/* The record is read although no nonce is spent, so that a loss is found soon and its guard begins at that moment. */
static void on_record(void *context, const struct redisReply *reply)
{
    struct redis_view *view = context;
    struct slice text = SLICE("");
    enum status status = redis_reply_text(reply, &text);
    bool is_answer = status == STATUS_OK || status == STATUS_NOT_FOUND;
    if (is_answer && view->nonces.is_settled && !slice_eq(text, redis_settle_text(&view->settle)))
        redis_view_unsettle(view);
}

/* Once a second: the clock is read, the server looked at, the epoch's record renewed. Where it cannot be sent the
 * connection is being made, which does the same. */
static void on_clock_timer(void *context)
{
    static const struct slice time[] = {SLICE_INIT("TIME")};
    static const struct slice info[] = {SLICE_INIT("INFO")};
    static const struct slice get[] = {SLICE_INIT("GET"), SLICE_INIT("e")};
    struct redis_view *view = context;
    char end[24];
    struct buf text = buf_fixed(end, sizeof end);
    /* by the clock as it was last known: if it has leapt since, the record ends sooner */
    buf_add_i64(&text, redis_clock_last_known_ms(&view->clock) + redis_epoch_life_ms(view->store->options.skew_ms));
    const struct slice renew[] = {SLICE("PEXPIREAT"), REDIS_EPOCH_KEY, buf_slice(&text)};
    if (redis_client_state(view->client) != REDIS_READY)
        return;
    view->clock_asked_ms = loop_now_ms(view->loop);
    (void)!redis_send(view->client, time, COUNT_OF(time), on_clock, view);
    (void)!redis_send(view->client, info, COUNT_OF(info), on_info, view);
    if (!view->nonces.is_settled)
        return;
    (void)!redis_send(view->client, renew, COUNT_OF(renew), on_renewed, view);
    (void)!redis_send(view->client, get, COUNT_OF(get), on_record, view);
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
    nonce_waits_done(&view->waits);
}

/* Those who ask whether the store is there learn how the settling ended. */
static void answer_pings(struct redis_view *view)
{
    bool is_there = view->nonces.is_settled && redis_clock_is_near(&view->clock);
    for (struct redis_call *call = view->pings; call;) {
        struct redis_call *next = call->next;
        redis_call_end(call, is_there ? STATUS_OK : STATUS_STORE_DOWN, NULL, NULL);
        call = next;
    }
    view->pings = NULL;
}

static void tell_epoch(const struct redis_view *view, bool is_new)
{
    if (is_new && view->nonces.generation > 1)
        observer_event(loop_observer(view->loop), "redis", "epoch changed", view->store->target.shown);
}

/* Redis can be used. Calls that need no epoch go on. */
static void on_greeted(void *context)
{
    struct redis_view *view = context;
    tell_clock(view);
    if (redis_client_state(view->client) == REDIS_READY)
        return;
    redis_client_ready(view->client);
    let_go(view);
}

/* Another view may settle. */
static void end_turn(struct redis_view *view)
{
    struct redis_view *expected = view;
    (void)atomic_compare_exchange_strong(&view->store->is_settling, &expected, NULL);
}

static void settle_later(struct redis_view *view)
{
    unsigned char spread = 0;
    (void)!random_bytes(&spread, sizeof spread);
    (void)!loop_timer_start(&view->settle_timer, SETTLE_AGAIN_MS + spread / 4);
}

static void on_settled(void *context, enum status status)
{
    struct redis_view *view = context;
    const struct redis_settle *settle = &view->settle;
    end_turn(view);
    if (status == STATUS_BAD_INPUT) {
        redis_client_refuse(view->client, slice_str(settle->fault));
        return;
    }
    bool is_new = strcmp(view->nonces.epoch.id, settle->epoch.id) != 0;
    if (status == STATUS_OK)
        status = redis_nonces_settle(view);
    if (status != STATUS_OK) {
        if (status != STATUS_CONFLICT) /* a conflict is over in a moment */
            answer_pings(view);
        settle_later(view);
        return;
    }
    answer_pings(view);
    if (is_new) /* the new epoch's guard covers whatever was accepted before */
        redis_clock_let_back(&view->clock);
    if (!settle->is_provisional)
        nonce_keeper_enter(view->store->keeper, slice_str(settle->epoch.id), &settle->ranges);
    tell_epoch(view, is_new);
    redis_nonces_retry(view);
}

/* One view at a time asks the durable store: the others then meet what it has agreed on, of which the keeper tells
 * them. */
static bool begin_turn(void *context)
{
    struct redis_view *view = context;
    struct redis_view *nobody = NULL;
    return atomic_compare_exchange_strong(&view->store->is_settling, &nobody, view) || nobody == view;
}

static void on_settle_timer(void *context)
{
    struct redis_view *view = context;
    if (redis_client_state(view->client) != REDIS_READY || view->settle.is_running || view->nonces.is_settled)
        return;
    if (redis_settle_start(&view->settle) != STATUS_OK)
        settle_later(view);
}

void redis_view_unsettle(struct redis_view *view)
{
    redis_nonces_unsettle(view);
    on_settle_timer(view);
}

static void on_greeting(void *context)
{
    struct redis_view *view = context;
    if (redis_settle_start(&view->settle) != STATUS_OK)
        redis_client_refuse(view->client, SLICE("out of memory"));
}

static void on_lost(void *context)
{
    struct redis_view *view = context;
    redis_nonces_unsettle(view);
    redis_settle_stop(&view->settle);
    end_turn(view);
    answer_pings(view);
    if (redis_client_state(view->client) == REDIS_DOWN)
        fail_held(view);
}

/* The keeper has news: another epoch may be in force, or the durable store answers again. */
static void on_keeper_change(void *context)
{
    struct redis_view *view = context;
    const struct redis_nonces *nonces = &view->nonces;
    const struct nonce_standing *standing = nonce_guard_look(&view->guard);
    bool is_over = nonces->is_provisional ? standing->asked_ms == 0 : strcmp(standing->epoch, nonces->epoch.id) != 0;
    if (nonces->is_settled && is_over)
        redis_view_unsettle(view);
    else if (!nonces->is_settled)
        on_settle_timer(view);
    else
        redis_nonces_retry(view);
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
        set_clock(view, ((struct ping_call *)call)->asked_ms, redis_ms);
    if (status == STATUS_OK && !view->nonces.is_settled && view->settle.is_running) {
        call->next = view->pings;
        view->pings = call;
        return;
    }
    if (status == STATUS_OK && (!view->nonces.is_settled || !redis_clock_is_near(&view->clock)))
        status = STATUS_STORE_DOWN;
    redis_call_end(call, status, NULL, NULL);
}

static void go_ping(struct redis_call *call)
{
    static const struct slice args[] = {SLICE_INIT("TIME")};
    ((struct ping_call *)call)->asked_ms = loop_now_ms(call->view->loop);
    on_clock_timer(call->view);
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

/* ---- the end of a client or user ---- */

#define END_SCRIPT "local n = redis.call('INCR', KEYS[1]) redis.call('EXPIRE', KEYS[1], ARGV[1]) return n"

struct end_call {
    struct redis_call call; /* first */
    char memory[REDIS_KEY_BYTES];
    struct slice key;
};

static void on_party_ended(void *context, const struct redisReply *reply)
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
    redis_call_send(call, args, COUNT_OF(args), on_party_ended);
}

static void redis_end_start(struct ephemeral *base, enum ephemeral_party party, struct slice id, struct ticket ticket)
{
    struct end_call *it = redis_call_new(redis_view_of(base), ticket, sizeof *it, go_end);
    if (!it)
        return;
    it->key = redis_ended_key(it->memory, party, id);
    if (slice_is_absent(it->key))
        redis_call_end(&it->call, STATUS_NO_MEMORY, NULL, NULL);
    else
        redis_call_start(&it->call);
}

/* ---- views ---- */

static void redis_view_free(struct ephemeral *base)
{
    struct redis_view *view = redis_view_of(base);
    nonce_keeper_unlisten(view->listener);
    redis_settle_stop(&view->settle);
    if (view->client)
        redis_nonces_unsettle(view); /* ends the batch of this turn */
    redis_client_free(view->client);
    view->client = NULL;
    redis_settle_stop(&view->settle);
    end_turn(view);
    answer_pings(view);
    fail_held(view);
    loop_timer_done(&view->clock_timer);
    loop_timer_done(&view->settle_timer);
    redis_nonces_done(&view->nonces);
    mac_free(view->mac);
    free(view);
}

static const struct ephemeral_ops view_ops = {
    .view_free = redis_view_free,
    .now_ms = redis_now_ms,
    .trouble = redis_trouble,
    .clock_ahead_ms = redis_view_ahead_ms,
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
    .session_list_start = redis_session_list_start,
    .session_end_start = redis_session_end_start,
    .blob_put_start = redis_blob_put_start,
    .blob_find_start = redis_blob_find_start,
    .blob_replace_start = redis_blob_replace_start,
    .blob_take_start = redis_blob_take_start,
    .count_start = redis_count_start,
    .count_back_start = redis_count_back_start,
    .end_start = redis_end_start,
    .ping_start = redis_ping_start,
};

static void on_command_took(int64_t duration_ns)
{
    store_metrics_command(STORE_EPHEMERAL, duration_ns);
}

static enum status connect_view(struct redis_view *view)
{
    const struct redis_client_options options = {
        .loop = view->loop,
        .target = &view->store->target,
        .hooks = {.context = view,
                  .greet = on_greeting,
                  .lost = on_lost,
                  .before_write = on_before_write,
                  .took = on_command_took},
    };
    int64_t part_ms = redis_epoch_life_ms(view->store->options.skew_ms) / 4;
    unsigned period_ms = part_ms < REDIS_CLOCK_PERIOD_MS ? (unsigned)part_ms : REDIS_CLOCK_PERIOD_MS;
    TRY(loop_timer_init(&view->clock_timer, view->loop, on_clock_timer, view));
    TRY(loop_timer_init(&view->settle_timer, view->loop, on_settle_timer, view));
    TRY(loop_timer_start_periodic(&view->clock_timer, period_ms));
    view->mac = mac_new(1);
    view->listener = nonce_keeper_listen(view->store->keeper, view->loop, on_keeper_change, view);
    view->client = redis_client_new(&options);
    return view->mac && view->client && view->listener ? STATUS_OK : STATUS_NO_MEMORY;
}

static enum status redis_view_new(struct ephemeral_store *base, struct loop *loop, struct ephemeral **ret_view)
{
    struct redis_view *view = calloc(1, sizeof *view);
    if (!view)
        return STATUS_NO_MEMORY;
    view->view.ops = &view_ops;
    view->store = (struct redis_store *)base;
    view->loop = loop;
    view->clock = redis_clock_init(view->store->options.clock, view->store->options.skew_ms);
    view->guard = nonce_guard_init(view->store->keeper);
    enum status status = connect_view(view);
    view->settle.client = view->client;
    view->settle.clock = &view->clock;
    view->settle.keeper = view->store->keeper;
    view->settle.loop = loop;
    view->settle.skew_ms = view->store->options.skew_ms;
    view->settle.lead_ms = view->store->options.lead_ms;
    view->settle.unsure_until_ms = &view->store->unsure_until_ms;
    view->settle.patience = &view->store->patience;
    view->settle.greeted = on_greeted;
    view->settle.begin_turn = begin_turn;
    view->settle.done = on_settled;
    view->settle.context = view;
    if (status != STATUS_OK) {
        redis_view_free(&view->view);
        return status;
    }
    *ret_view = &view->view;
    return STATUS_OK;
}

/* ---- the start ---- */

/* A store that is being opened, with the connection that asks the server. */
struct start {
    struct redis_store *store;
    struct redis_blocking *redis;
};

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

static enum status check_server(struct start *start, struct buf *why)
{
    static const struct slice args[] = {SLICE_INIT("INFO")};
    struct buf fault = BUF_INIT;
    enum status status = redis_ask_blocking(start->redis, args, COUNT_OF(args), take_info, &fault);
    if (status != STATUS_OK)
        buf_addf(why, "OAUTH1_REDIS_URL: Redis at %s cannot be used: %.*s", start->store->target.shown,
                 SLICE_ARGS(fault.len ? buf_slice(&fault) : slice_str(status_text(status))));
    buf_done(&fault);
    return status;
}

static enum status take_limit(void *context, const struct redisReply *reply)
{
    struct slice text = {0};
    TRY(redis_reply_text(redis_reply_item(reply, 1), &text));
    return slice_to_u64(text, INT64_MAX, context) ? STATUS_OK : STATUS_STORE_CORRUPT;
}

/* Sets of nonces that are larger than the limit take eight times the memory, which is worth a word. */
static void check_sets(struct start *start)
{
    static const struct slice args[] = {SLICE_INIT("CONFIG"), SLICE_INIT("GET"), SLICE_INIT("set-max-intset-entries")};
    const struct observer *observer = start->store->options.observer;
    uint64_t limit = 0;
    if (redis_ask_blocking(start->redis, args, COUNT_OF(args), take_limit, &limit) != STATUS_OK)
        observer_event(observer, "redis", "cannot be checked",
                       "set-max-intset-entries (CONFIG GET is not allowed): see that it is 512 or more");
    else if (limit < INTSET_LIMIT)
        observer_event(observer, "redis", "wastes memory", "set-max-intset-entries is below 512");
}

static enum status open_redis_store(struct redis_store *store, struct buf *why)
{
    struct start start = {.store = store};
    const struct nonce_keeper_options keeper = {
        .ledger = store->options.ledger,
        .name = SLICE(NONCE_STORE_SHARED),
        .clock = store->options.clock,
        .is_shared = true,
    };
    TRY(redis_open_blocking(&store->target, store->options.clock, why, &start.redis));
    enum status status = check_server(&start, why);
    if (status == STATUS_OK) {
        check_sets(&start);
        status = nonce_keeper_new(&keeper, &store->keeper);
    }
    redis_blocking_free(start.redis);
    return status;
}

/* ---- the store ---- */

/* Nothing has to be saved: Redis keeps its data. */
static enum status redis_save_blocking(struct ephemeral_store *store)
{
    (void)store;
    return STATUS_OK;
}

static void set_keys(struct ephemeral_store *base, struct keyring *keys)
{
    struct redis_store *store = (struct redis_store *)base;
    shared_keys_set(&store->keys, keys);
}

static void redis_store_free(struct ephemeral_store *base)
{
    struct redis_store *store = (struct redis_store *)base;
    nonce_keeper_free(store->keeper);
    shared_keys_done(&store->keys);
    redis_target_done(&store->target);
    free(store);
}

static const struct ephemeral_store_ops store_ops = {
    .view_new = redis_view_new, .save_blocking = redis_save_blocking, .set_keys = set_keys, .free = redis_store_free};

static enum status redis_store_open_blocking(struct slice url, const struct ephemeral_options *options, struct buf *why,
                                             struct ephemeral_store **ret_store)
{
    TRY(store_metrics_register());
    struct redis_store *store = calloc(1, sizeof *store);
    if (!store)
        return STATUS_NO_MEMORY;
    store->store.ops = &store_ops;
    store->options = *options;
    shared_keys_init(&store->keys, options->keys);
    enum status status = redis_target_open_blocking(url, options->redis_password, why, &store->target);
    store->target.next_password = options->next_redis_password;
    if (status == STATUS_OK)
        status = open_redis_store(store, why);
    if (status != STATUS_OK) {
        redis_store_free(&store->store);
        return status;
    }
    *ret_store = &store->store;
    return STATUS_OK;
}

static enum status check_blocking(struct slice url, struct slice password, struct buf *why)
{
    struct redis_target target;
    TRY(redis_target_open_blocking(url, password, why, &target));
    redis_target_done(&target);
    return STATUS_OK;
}

static enum status password_of(struct slice url, struct slice password, struct buf *why,
                               char ret_password[PASSWORD_BYTES])
{
    struct redis_target target;
    TRY(redis_url_parse(url, password, why, &target));
    memcpy(ret_password, target.login.password, PASSWORD_BYTES);
    redis_target_done(&target);
    return STATUS_OK;
}

const struct ephemeral_backend ephemeral_redis_backend = {
    .open_blocking = redis_store_open_blocking,
    .check_blocking = check_blocking,
    .password_of = password_of,
    .janitor_blocking = redis_janitor_blocking,
};
