#include "ephemeral/redis_watch.h"

#include "crypto/mac.h"
#include "crypto/random.h"
#include "ephemeral/nonce_key.h"
#include "ephemeral/redis_view.h"
#include "loop/observer.h"

#include <stdio.h>

/* Renews the record if it is the one that this process is in, and answers what the record is; or, where Redis takes no
 * writes, why. Others may have declared theirs because Redis's clock has moved: by the clock that this process still
 * knows, theirs would end at a wrong time. */
#define RENEW_SCRIPT                                                              \
    "local now = redis.call('GET', KEYS[1]) or '' "                               \
    "local done = now == ARGV[1] and redis.pcall('PEXPIREAT', KEYS[1], ARGV[2]) " \
    "return type(done) == 'table' and done or now"

enum { SETTLE_AGAIN_MS = 50, SETTLE_PART_AGAIN_MS = 250, ASTRAY_MS = 500 };

/* ---- the clock ---- */

void redis_watch_tell_clock(struct redis_view *view)
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
void redis_watch_set_clock(struct redis_view *view, int64_t asked_ms, int64_t redis_ms)
{
    bool has_moved = redis_clock_set(&view->clock, asked_ms, redis_ms);
    if (!view->is_part) /* the whole's clock is told of */
        redis_watch_tell_clock(view);
    if (has_moved) {
        redis_settle_leave(&view->settle);
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
        redis_watch_set_clock(view, view->clock_asked_ms, redis_ms);
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
    bool is_another = view->nonces.is_settled && (strcmp(server.run_id, view->nonces.epoch.run_id) != 0 ||
                                                  !redis_server_is_same(&view->settle.server, info));
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

/* `why` is absent: it takes writes. */
static void note_refusal(struct redis_view *view, struct slice why)
{
    char detail[128];
    bool is_refusing = !slice_is_absent(why);
    if (is_refusing == view->is_refusing)
        return;
    view->is_refusing = is_refusing;
    (void)snprintf(detail, sizeof detail, "%.*s", SLICE_ARGS(is_refusing ? why : slice_str(view->store->target.shown)));
    if (!view->is_part) /* there are many of them */
        observer_event(loop_observer(view->loop), "redis",
                       is_refusing ? "writes are refused" : "writes are taken again", detail);
}

/* The record is read although no nonce is spent, so that a loss is found soon and its guard begins at that moment. */
static void on_record(void *context, const struct redisReply *reply)
{
    struct redis_view *view = context;
    struct slice text = SLICE("");
    enum status status = redis_reply_text(reply, &text);
    bool is_answer = status == STATUS_OK || status == STATUS_NOT_FOUND;
    if (is_answer || !slice_is_absent(redis_reply_error(reply)))
        note_refusal(view, redis_reply_error(reply));
    if (is_answer && view->nonces.is_settled && !slice_eq(text, redis_settle_text(&view->settle)))
        redis_view_unsettle(view);
}

static void on_whether_it_goes(void *context, const struct redisReply *reply)
{
    (void)context, (void)reply; /* the connection sees an ASK */
}

/* A key that is never there: while a slot is on its way to another node, its old one answers ASK. */
static void ask_whether_it_goes(struct redis_view *view)
{
    char memory[NONCE_KEY_BYTES];
    const struct slice ask[] = {SLICE("EXISTS"), nonce_part_key(memory, 0, view->part, 0)};
    (void)!redis_send(view->client, ask, COUNT_OF(ask), on_whether_it_goes, view);
}

static void renew_record(struct redis_view *view)
{
    char end[24];
    struct buf text = buf_fixed(end, sizeof end);
    /* by the clock as it was last known: if it has leapt since, the record ends sooner */
    buf_add_i64(&text, redis_clock_last_known_ms(&view->clock) + redis_epoch_life_ms(&view->settle.epoch));
    const struct slice args[] = {SLICE("EVAL"),
                                 SLICE(RENEW_SCRIPT),
                                 SLICE("1"),
                                 redis_settle_key(&view->settle),
                                 redis_settle_text(&view->settle),
                                 buf_slice(&text)};
    (void)!redis_send(view->client, args, COUNT_OF(args), on_record, view);
}

/* The epoch goes on: its record lives for longer, and the part is where it was. */
static void hold_epoch(struct redis_view *view)
{
    renew_record(view);
    if (view->is_part)
        ask_whether_it_goes(view);
}

/* It was settled without the durable store, and the keeper is in no epoch: it asks nothing, and so it will never tell
 * that the store is back. */
static bool hears_nothing(struct redis_view *view)
{
    const struct nonce_standing *standing = nonce_guard_standing(&view->guard);
    return view->nonces.is_provisional && standing->asked_ms == 0 && standing->epoch[0] == '\0';
}

/* Of a part: the durable store names another epoch, and goes on doing so. What the keeper knew when the part was
 * settled is no news (was_replaced), and no other may come: the store may have failed when the part was settled. */
static bool is_left_behind(struct redis_view *view)
{
    enum { LOOKS = 3 };
    bool is_apart = view->is_part && !view->nonces.is_provisional &&
                    nonce_guard_standing(&view->guard)->asked_ms == 0 &&
                    strcmp(nonce_guard_epoch(&view->guard, view->part), view->nonces.epoch.id) != 0;
    view->looks_apart = is_apart ? view->looks_apart + 1 : 0;
    if (view->looks_apart < LOOKS)
        return false;
    view->looks_apart = 0;
    return true;
}

/* Once a second: the clock is read, the server looked at, the epoch held. Where it cannot be sent the connection is
 * being made, which does the same. */
void redis_watch_look(struct redis_view *view)
{
    static const struct slice time[] = {SLICE_INIT("TIME")};
    static const struct slice info[] = {SLICE_INIT("INFO")};
    if (!view->client || redis_client_state(view->client) != REDIS_READY)
        return;
    view->clock_asked_ms = loop_now_ms(view->loop);
    (void)!redis_send(view->client, time, COUNT_OF(time), on_clock, view);
    (void)!redis_send(view->client, info, COUNT_OF(info), on_info, view);
    if (!view->nonces.is_settled)
        return;
    if (hears_nothing(view) || is_left_behind(view))
        redis_view_unsettle(view);
    else
        hold_epoch(view);
}

static void on_clock_timer(void *context)
{
    redis_watch_look(context);
}

/* ---- settling ---- */

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

/* Each loop meets the new epoch. The first one tells of it, and whoever knows why. */
static void tell_epoch(const struct redis_view *view, bool is_new)
{
    const char *loss = view->settle.loss;
    const char *shown = view->store->target.shown;
    char detail[REDIS_SHOWN_BYTES + NONCE_SHORT_BYTES + 32];
    uint64_t id;
    memcpy(&id, view->settle.epoch.id, sizeof id);
    bool is_known = atomic_exchange(&view->settling->settled_on, id) == id;
    if (!is_new || (!loss[0] && (is_known || view->nonces.generation <= 1)))
        return;
    if (view->is_part)
        (void)snprintf(detail, sizeof detail, "shard %u of %s%s%s", view->part, shown, loss[0] ? ": " : "", loss);
    else
        (void)snprintf(detail, sizeof detail, "%s", loss[0] ? loss : shown);
    observer_event(loop_observer(view->loop), "redis", "epoch changed", detail);
}

/* Another view may settle. */
static void end_settling(struct redis_view *view)
{
    struct redis_view *expected = view;
    if (!view->settling) /* it never began */
        return;
    (void)atomic_compare_exchange_strong(&view->settling->is_settling, &expected, NULL);
}

static void settle_later(struct redis_view *view)
{
    unsigned char spread = 0;
    (void)!random_bytes(&spread, sizeof spread);
    unsigned usual_ms = view->is_part ? SETTLE_PART_AGAIN_MS : SETTLE_AGAIN_MS; /* there are many of them */
    unsigned delay_ms = view->is_astray ? ASTRAY_MS : usual_ms;
    (void)!loop_timer_start(&view->settle_timer, delay_ms + spread / 4);
}

static void note_known(struct redis_view *view)
{
    const char *known = nonce_guard_epoch(&view->guard, view->part);
    (void)snprintf(view->known_before, sizeof view->known_before, "%s", known);
}

/* The keeper learns of the epoch. Of parts it reads by itself, together with the ranges. */
static void enter_epoch(struct redis_view *view)
{
    const struct redis_settle *settle = &view->settle;
    if (!view->is_part) {
        nonce_keeper_enter(view->store->keeper, slice_str(settle->epoch.id), &settle->ranges);
        return;
    }
    note_known(view);
    if (strcmp(view->known_before, settle->epoch.id) != 0)
        nonce_keeper_refresh(view->store->keeper);
}

static void on_settled(void *context, enum status status)
{
    struct redis_view *view = context;
    const struct redis_settle *settle = &view->settle;
    end_settling(view);
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
        if (status != STATUS_CONFLICT && view->is_part) /* nobody knows when its slot is served again */
            nonce_waits_done(&view->waits);
        settle_later(view);
        return;
    }
    view->is_astray = false;
    answer_pings(view);
    if (is_new) /* the new epoch's guard covers whatever was accepted before */
        redis_clock_let_back(&view->clock);
    if (!settle->is_provisional)
        enter_epoch(view);
    tell_epoch(view, is_new);
    hold_epoch(view); /* or an outage that comes soon would add to the one before */
    redis_nonces_retry(view);
}

/* One view at a time asks the durable store: the others then meet what it has agreed on, of which the keeper tells
 * them. */
static bool begin_settling(void *context)
{
    struct redis_view *view = context;
    struct redis_view *nobody = NULL;
    return atomic_compare_exchange_strong(&view->settling->is_settling, &nobody, view) || nobody == view;
}

static void on_settle_timer(void *context)
{
    struct redis_view *view = context;
    bool is_there = view->client && redis_client_state(view->client) == REDIS_READY;
    if (!is_there || view->settle.is_running || view->nonces.is_settled)
        return;
    note_known(view);
    if (redis_settle_start(&view->settle) != STATUS_OK)
        settle_later(view);
}

void redis_view_unsettle(struct redis_view *view)
{
    redis_nonces_unsettle(view);
    if (view->is_astray)
        settle_later(view);
    else
        on_settle_timer(view);
}

/* Of a part, what the keeper knew when it was settled may be older than its epoch. */
static bool was_replaced(struct redis_view *view)
{
    const char *in_force = nonce_guard_epoch(&view->guard, view->part);
    bool is_older = view->is_part && strcmp(in_force, view->known_before) == 0;
    return !is_older && strcmp(in_force, view->nonces.epoch.id) != 0;
}

/* The keeper has news: another epoch may be in force, or the durable store answers again. */
static void on_keeper_change(void *context)
{
    struct redis_view *view = context;
    const struct redis_nonces *nonces = &view->nonces;
    const struct nonce_standing *standing = nonce_guard_standing(&view->guard);
    bool is_over = nonces->is_provisional ? standing->asked_ms == 0 : was_replaced(view);
    if (nonces->is_settled && is_over)
        redis_view_unsettle(view);
    else if (nonces->is_settled)
        redis_nonces_retry(view);
    else if (!view->is_part || strcmp(nonce_guard_epoch(&view->guard, view->part), view->known_before) != 0)
        on_settle_timer(view); /* of many parts each waits for its own news, or for its time */
}

/* The durable store has said nothing since these nonces wait. */
static void on_waits_timer(void *context)
{
    struct redis_view *view = context;
    if (!view->nonces.is_settled)
        return;
    nonce_guard_read(&view->guard);
    redis_nonces_retry(view);
}

/* ---- what an operator sees ---- */

struct nonce_trouble redis_watch_trouble(struct redis_view *view)
{
    struct redis_nonces *nonces = &view->nonces;
    int64_t at_ms = redis_clock_now_ms(&view->clock);
    if (!at_ms || !nonces->is_settled)
        return (struct nonce_trouble){.is_full = view->is_full};
    struct nonce_trouble trouble = nonce_guard_trouble(&view->guard, at_ms, view->store->options.lead_ms);
    trouble.is_full = view->is_full;
    trouble.is_refusing = view->is_refusing;
    if (nonces->is_provisional || view->is_part) {
        int64_t guard_s = accepted_ranges_guard_end(&nonces->guarded, at_ms / 1000) - at_ms / 1000;
        trouble.guard_s = guard_s > trouble.guard_s || !view->is_part ? guard_s : trouble.guard_s;
    }
    /* what was read of Redis shows that nonces go on without the durable store, for a while (rule 8) */
    bool goes_on = nonce_guard_goes_on(&view->guard, view->store->options.clock, at_ms);
    trouble.is_stuck = (trouble.is_stuck && !goes_on) || hears_nothing(view);
    return trouble;
}

/* ---- life ---- */

static void init_settle(struct redis_view *view, void (*greeted)(void *context))
{
    const struct ephemeral_options *options = &view->store->options;
    struct redis_settle *settle = &view->settle;
    settle->clock = &view->clock;
    settle->keeper = view->store->keeper;
    settle->loop = view->loop;
    settle->skew_ms = options->skew_ms;
    settle->lead_ms = options->lead_ms;
    settle->unsure_until_ms = &view->store->unsure_until_ms;
    settle->patience = &view->settling->patience;
    settle->greeted = greeted;
    settle->begin_settling = begin_settling;
    settle->done = on_settled;
    settle->context = view;
}

enum status redis_watch_init(struct redis_view *view, struct redis_settling *settling, void (*greeted)(void *context))
{
    const struct ephemeral_options *options = &view->store->options;
    int64_t part_ms = options->skew_ms / 4; /* the record of no epoch that it can be in lives for less than the skew */
    unsigned period_ms = part_ms < REDIS_CLOCK_PERIOD_MS ? (unsigned)part_ms : REDIS_CLOCK_PERIOD_MS;
    view->settling = settling;
    view->clock = redis_clock_init(options->clock, options->skew_ms);
    init_settle(view, greeted);
    TRY(loop_timer_init(&view->clock_timer, view->loop, on_clock_timer, view));
    TRY(loop_timer_init(&view->settle_timer, view->loop, on_settle_timer, view));
    TRY(loop_timer_init(&view->waits_timer, view->loop, on_waits_timer, view));
    TRY(loop_timer_start_periodic(&view->clock_timer, period_ms));
    view->mac = mac_new(1);
    view->listener = nonce_keeper_listen(view->store->keeper, view->loop, on_keeper_change, view);
    return view->mac && view->listener ? STATUS_OK : STATUS_NO_MEMORY;
}

enum status redis_watch_greet(struct redis_view *view)
{
    return redis_settle_start(&view->settle);
}

void redis_watch_lost(struct redis_view *view)
{
    redis_nonces_unsettle(view);
    redis_settle_stop(&view->settle);
    end_settling(view);
    answer_pings(view);
}

void redis_watch_break(struct redis_view *view)
{
    redis_settle_break(&view->settle);
    view->is_astray = true;
    if (view->nonces.is_settled)
        redis_view_unsettle(view);
}

void redis_watch_stop(struct redis_view *view)
{
    nonce_keeper_unlisten(view->listener);
    view->listener = NULL;
    redis_settle_stop(&view->settle);
    if (view->client)
        redis_nonces_unsettle(view); /* ends the batch of this turn */
}

void redis_watch_done(struct redis_view *view)
{
    redis_settle_stop(&view->settle);
    end_settling(view);
    answer_pings(view);
    loop_timer_done(&view->clock_timer);
    loop_timer_done(&view->settle_timer);
    loop_timer_done(&view->waits_timer);
    redis_nonces_done(&view->nonces);
    mac_free(view->mac);
}
