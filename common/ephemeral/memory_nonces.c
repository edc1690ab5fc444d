#include "ephemeral/memory_nonces.h"

#include "base/clock.h"
#include "base/wipe.h"
#include "crypto/mac.h"
#include "crypto/random.h"
#include "ephemeral/nonce_hash.h"
#include "ephemeral/nonce_set.h"
#include "ephemeral/nonce_waits.h"
#include "guard/nonce_epoch.h"
#include "loop/observer.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { DEFAULT_NONCES = 4000000, RETRY_MS = 200 };

/* The largest OAUTH1_TIMESTAMP_LEAD, and by how much the clock may be behind the one at which nonces were saved. */
enum { AHEAD_MAX_S = 86400 + CLOCK_LEAP_MS / 1000 + 1 };

struct memory_nonces {
    struct ephemeral_options options;
    char name[64]; /* in the ledger */
    char epoch[NONCE_EPOCH_ID_BYTES];
    struct nonce_keeper *keeper;
    struct nonce_set *set;
    unsigned char hash_key[NONCE_HASH_KEY_BYTES];
    _Atomic int64_t offset_ms; /* the store's clock less the steady one; goes back where nonces are lost alone */
    _Atomic uint64_t losses;
    pthread_mutex_t loss_lock;
    /* under the lock */
    bool is_lost;      /* no new epoch has begun since the last loss */
    bool is_beginning; /* the keeper is at it */
    int64_t tried_ms;
};

struct memory_nonce_view {
    struct memory_nonces *nonces;
    struct mac *mac;
    struct nonce_guard guard;
    struct nonce_waits waits;
    struct nonce_listener *listener;
};

/* ---- epochs ---- */

static enum status begin_epoch(struct memory_nonces *nonces, struct nonce_ledger *ledger, struct nonce_state *ret_state)
{
    TRY(nonce_epoch_make(nonce_kept_for_s(nonces->options.skew_ms), nonces->epoch));
    const struct nonce_begin begin = {
        .name = slice_str(nonces->name),
        .epoch = slice_str(nonces->epoch),
        .now_ms = memory_nonces_now_ms(nonces),
        .back_ms = CLOCK_LEAP_MS,
        .lead_ms = nonces->options.lead_ms,
    };
    return ledger->open_blocking(ledger, &begin, ret_state);
}

/* The keeper's job after a loss. */
struct beginning {
    struct nonce_job job; /* first */
    struct memory_nonces *nonces;
    uint64_t losses; /* when it began */
    enum status status;
    struct accepted_ranges ranges;
};

static void run_beginning(struct nonce_job *job, struct nonce_ledger *ledger)
{
    struct beginning *beginning = (struct beginning *)job;
    struct memory_nonces *nonces = beginning->nonces;
    struct nonce_state state = {0};
    beginning->losses = atomic_load(&nonces->losses);
    nonce_set_forget(nonces->set);
    beginning->status = begin_epoch(nonces, ledger, &state);
    beginning->ranges = state.ranges;
    nonce_state_done(&state);
}

static void on_beginning_done(struct nonce_job *job)
{
    struct beginning *beginning = (struct beginning *)job;
    struct memory_nonces *nonces = beginning->nonces;
    (void)pthread_mutex_lock(&nonces->loss_lock);
    bool holds = job->was_run && beginning->status == STATUS_OK && beginning->losses == atomic_load(&nonces->losses);
    nonces->is_beginning = false;
    if (holds) {
        nonces->is_lost = false;
        nonce_keeper_enter(nonces->keeper, slice_str(nonces->epoch), &beginning->ranges);
    }
    (void)pthread_mutex_unlock(&nonces->loss_lock);
    free(beginning);
}

/* Under the lock: begins a new epoch, unless somebody does or just failed to. */
static void begin_again(struct memory_nonces *nonces)
{
    int64_t now_ms = clock_monotonic_ms();
    if (!nonces->keeper || !nonces->is_lost || nonces->is_beginning || now_ms - nonces->tried_ms < RETRY_MS)
        return;
    struct beginning *beginning = calloc(1, sizeof *beginning);
    if (!beginning)
        return;
    beginning->job.run_blocking = run_beginning;
    beginning->job.done = on_beginning_done;
    beginning->nonces = nonces;
    nonces->is_beginning = true;
    nonces->tried_ms = now_ms;
    nonce_keeper_start(nonces->keeper, &beginning->job);
}

/* Whether nonces are lost, and no new epoch has begun since; tries to begin one. */
static bool begin_if_lost(struct memory_nonces *nonces)
{
    (void)pthread_mutex_lock(&nonces->loss_lock);
    bool is_lost = nonces->is_lost;
    begin_again(nonces);
    (void)pthread_mutex_unlock(&nonces->loss_lock);
    return is_lost;
}

/* The wall clock moved. Verdicts of those who have not noticed yet do not count: they look at `losses` again. */
static void lose_nonces(struct memory_nonces *nonces, int64_t offset_ms)
{
    static const struct accepted_ranges none = {0};
    (void)pthread_mutex_lock(&nonces->loss_lock);
    int64_t moved_ms = offset_ms - atomic_load(&nonces->offset_ms);
    if (moved_ms > CLOCK_LEAP_MS || moved_ms < -CLOCK_LEAP_MS) { /* nobody else has done it */
        char detail[64];
        (void)snprintf(detail, sizeof detail, "by %lld ms", (long long)moved_ms);
        observer_event(nonces->options.observer, "memory", "the clock moved", detail);
        if (nonces->keeper) /* else it is being opened, and enters none */
            nonce_keeper_enter(nonces->keeper, SLICE(""), &none);
        atomic_fetch_add(&nonces->losses, 1);
        atomic_store(&nonces->offset_ms, offset_ms);
        nonces->is_lost = true;
        nonces->tried_ms = 0;
        begin_again(nonces);
    }
    (void)pthread_mutex_unlock(&nonces->loss_lock);
}

/* ---- the clock ---- */

/* The wall's clock less the steady one: between the two, for a thread may be held up between two readings. */
struct offset {
    int64_t least_ms;
    int64_t most_ms;
};

static struct offset read_offset(const struct clock *clock)
{
    int64_t before_ms = clock_steady_ms(clock);
    int64_t wall_ms = clock_wall_ms(clock);
    return (struct offset){wall_ms - clock_steady_ms(clock), wall_ms - before_ms};
}

int64_t memory_nonces_now_ms(struct memory_nonces *nonces)
{
    const struct clock *clock = nonces->options.clock;
    struct offset offset = read_offset(clock);
    int64_t known_ms = atomic_load(&nonces->offset_ms);
    if (offset.least_ms - known_ms > CLOCK_LEAP_MS || offset.most_ms - known_ms < -CLOCK_LEAP_MS)
        lose_nonces(nonces, offset.least_ms);
    else if (offset.least_ms > known_ms) /* failed: somebody else has read the clocks */
        (void)atomic_compare_exchange_strong(&nonces->offset_ms, &known_ms, offset.least_ms);
    return clock_steady_ms(clock) + atomic_load(&nonces->offset_ms);
}

/* ---- spending ---- */

/* What the caller has judged by the same clock; here it bounds how many seconds the set can ever hold. */
static enum status check_second(const struct memory_nonces *nonces, int64_t second, int64_t now_ms)
{
    const struct ephemeral_options *options = &nonces->options;
    bool is_good = second <= (now_ms + options->lead_ms) / 1000 && second >= (now_ms - options->skew_ms * 2) / 1000;
    return is_good ? STATUS_OK : STATUS_TIMESTAMP_REFUSED;
}

static enum status add_nonce(struct memory_nonce_view *view, const struct nonce *nonce, int64_t now_ms, uint64_t losses)
{
    struct memory_nonces *nonces = view->nonces;
    struct nonce_hash hash;
    TRY(nonce_hash(view->mac, slice_of(nonces->hash_key, NONCE_HASH_KEY_BYTES), nonce, &hash));
    enum status status = nonce_set_add(nonces->set, nonce->timestamp_s, hash.value, now_ms / 1000);
    return losses == atomic_load(&nonces->losses) ? status : STATUS_STORE_DOWN;
}

/* NOT_FOUND: it is not known yet whether it may be accepted. */
static enum status try_nonce(struct memory_nonce_view *view, const struct nonce *nonce)
{
    struct memory_nonces *nonces = view->nonces;
    int64_t now_ms = memory_nonces_now_ms(nonces);
    uint64_t losses = atomic_load(&nonces->losses);
    TRY(check_second(nonces, nonce->timestamp_s, now_ms));
    switch (nonce_guard_judge(&view->guard, nonce->timestamp_s)) {
    case NONCE_MAY:
        return add_nonce(view, nonce, now_ms, losses);
    case NONCE_WAITS:
        return STATUS_NOT_FOUND;
    case NONCE_MUST_NOT:
    default:
        return STATUS_STORE_DOWN;
    }
}

static void memory_spend(void *context, const struct nonce *nonce, struct ticket ticket)
{
    struct memory_nonce_view *view = context;
    enum status status = try_nonce(view, nonce);
    if (status == STATUS_NOT_FOUND) {
        nonce_waits_add(&view->waits, nonce, ticket);
        (void)begin_if_lost(view->nonces);
    } else {
        ticket_complete(ticket, status, NULL, NULL);
    }
}

void memory_nonce_spend_start(struct memory_nonce_view *view, const struct nonce *nonce, struct ticket ticket)
{
    if (view->waits.count && nonce_guard_has_news(&view->guard)) /* in their order */
        nonce_waits_retry(&view->waits, memory_spend, view);
    memory_spend(view, nonce, ticket);
}

struct nonce_trouble memory_nonce_trouble(struct memory_nonce_view *view)
{
    struct memory_nonces *nonces = view->nonces;
    int64_t now_ms = memory_nonces_now_ms(nonces);
    bool is_lost = begin_if_lost(nonces);
    struct nonce_trouble trouble = nonce_guard_trouble(&view->guard, now_ms, nonces->options.lead_ms);
    trouble.is_stuck = trouble.is_stuck || is_lost;
    return trouble;
}

/* ---- views ---- */

static void on_change(void *context)
{
    struct memory_nonce_view *view = context;
    nonce_waits_retry(&view->waits, memory_spend, view);
}

struct memory_nonce_view *memory_nonce_view_new(struct memory_nonces *nonces, struct loop *loop)
{
    struct memory_nonce_view *view = calloc(1, sizeof *view);
    if (!view)
        return NULL;
    view->nonces = nonces;
    view->guard = nonce_guard_init(nonces->keeper);
    view->mac = mac_new(1);
    view->listener = nonce_keeper_listen(nonces->keeper, loop, on_change, view);
    if (view->mac && view->listener)
        return view;
    memory_nonce_view_free(view);
    return NULL;
}

void memory_nonce_view_free(struct memory_nonce_view *view)
{
    nonce_keeper_unlisten(view->listener);
    nonce_waits_done(&view->waits);
    mac_free(view->mac);
    free(view);
}

/* ---- the whole ---- */

/* How far ahead of its clock the set has to hold nonces: by the lead, or by what a life with a larger lead has saved.
 */
static int64_t find_ahead_s(const struct memory_nonces *nonces, const struct nonce_state *state, int64_t now_s)
{
    int64_t ahead_s = nonces->options.lead_ms / 1000 + 1;
    for (size_t i = 0; i < state->count; i++)
        if (state->nonces[i].timestamp_s > now_s + ahead_s)
            ahead_s = state->nonces[i].timestamp_s - now_s;
    return ahead_s < AHEAD_MAX_S ? ahead_s : AHEAD_MAX_S;
}

/* Makes the set. Live nonces of a clean stop come back, also those that are further ahead than the lead is now. */
static enum status take_over(struct memory_nonces *nonces, const struct nonce_state *state)
{
    const struct ephemeral_options *options = &nonces->options;
    int64_t now_s = memory_nonces_now_ms(nonces) / 1000;
    size_t max = options->max_nonces ? options->max_nonces : DEFAULT_NONCES;
    nonces->set = nonce_set_new(max, nonce_kept_for_s(options->skew_ms), find_ahead_s(nonces, state, now_s));
    if (!nonces->set)
        return STATUS_NO_MEMORY;
    if (state->opening != NONCES_SAVED)
        return STATUS_OK;
    memcpy(nonces->hash_key, state->hash_key, sizeof nonces->hash_key);
    for (size_t i = 0; i < state->count; i++) {
        enum status status = nonce_set_add(nonces->set, state->nonces[i].timestamp_s, state->nonces[i].hash, now_s);
        if (status == STATUS_STORE_DOWN) /* no room; the others are there twice, or expired since */
            return status;
    }
    return STATUS_OK;
}

static void tell_short(const struct memory_nonces *nonces, int64_t kept_s)
{
    char detail[NONCE_SHORT_BYTES];
    struct buf text = buf_fixed(detail, sizeof detail);
    nonce_epoch_tell_short(kept_s, nonce_kept_for_s(nonces->options.skew_ms), &text);
    observer_event(nonces->options.observer, "memory", "epoch changed", buf_string(&text));
}

static enum status open_nonces(struct memory_nonces *nonces)
{
    const struct ephemeral_options *options = &nonces->options;
    const struct nonce_keeper_options keeper = {
        .ledger = options->ledger, .name = slice_str(nonces->name), .clock = options->clock};
    struct nonce_state state = {0};
    TRY(random_bytes(nonces->hash_key, sizeof nonces->hash_key));
    enum status status = begin_epoch(nonces, options->ledger, &state);
    if (status == STATUS_OK)
        status = take_over(nonces, &state);
    if (status == STATUS_OK)
        status = nonce_keeper_new(&keeper, &nonces->keeper);
    if (status == STATUS_OK && !nonces->is_lost)
        nonce_keeper_enter(nonces->keeper, slice_str(nonces->epoch), &state.ranges);
    if (status == STATUS_OK && state.opening == NONCES_SHORT)
        tell_short(nonces, state.kept_s);
    nonce_state_done(&state);
    return status;
}

enum status memory_nonces_open_blocking(const struct ephemeral_options *options, struct memory_nonces **ret_nonces)
{
    struct memory_nonces *nonces = calloc(1, sizeof *nonces);
    if (!nonces)
        return STATUS_NO_MEMORY;
    nonces->options = *options;
    (void)snprintf(nonces->name, sizeof nonces->name, "%.*s", SLICE_ARGS(options->ledger_name));
    (void)pthread_mutex_init(&nonces->loss_lock, NULL);
    atomic_store(&nonces->offset_ms, read_offset(options->clock).least_ms);
    enum status status = open_nonces(nonces);
    if (status != STATUS_OK) {
        memory_nonces_free(nonces);
        return status;
    }
    *ret_nonces = nonces;
    return STATUS_OK;
}

enum status memory_nonces_save_blocking(struct memory_nonces *nonces)
{
    struct nonce_ledger *ledger = nonces->options.ledger;
    struct nonce_state state = {.opening = NONCES_SAVED, .at_ms = memory_nonces_now_ms(nonces)};
    struct nonce_standing standing;
    uint64_t version;
    nonce_keeper_stop(nonces->keeper);
    nonce_keeper_read(nonces->keeper, &standing, &version);
    if (standing.epoch[0] == '\0') /* lost: the next start finds that by itself */
        return STATUS_OK;
    state.ranges = standing.ranges;
    TRY(nonce_set_save(nonces->set, state.at_ms / 1000, &state));
    memcpy(state.hash_key, nonces->hash_key, sizeof state.hash_key);
    enum status status = ledger->save_blocking(ledger, slice_str(nonces->name), slice_str(standing.epoch), &state);
    nonce_state_done(&state);
    return status;
}

void memory_nonces_free(struct memory_nonces *nonces)
{
    if (!nonces)
        return;
    nonce_keeper_free(nonces->keeper);
    nonce_set_free(nonces->set);
    (void)pthread_mutex_destroy(&nonces->loss_lock);
    wipe_bytes(nonces->hash_key, sizeof nonces->hash_key);
    free(nonces);
}
