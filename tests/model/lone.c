#include "model/lone.h"

#include <stdio.h>
#include <string.h>

struct lone {
    uint64_t written, guarded;               /* the durable row's ranges */
    uint64_t known_written, known_guarded;   /* as the process knows them */
    uint8_t is_saved, saved_nonce, saved_at; /* what a clean stop left */
    uint8_t is_alive;
    uint8_t is_blocked; /* the clock moved, and the durable store cannot be told */
    uint8_t nonce;      /* the process has it */
    uint8_t is_raising; /* a commit was sent, and has not landed */
    int8_t offset;      /* the store's clock ahead of the truth */
    int8_t wall;        /* the machine's */
    uint8_t is_away;    /* the durable store */
    uint8_t now, stamp, accepted, faults;
    uint8_t skew; /* the process's */
    uint8_t kept; /* for so long, in the epoch that the durable row names */
};

static struct lone_options lone_options;

static bool lacks(enum lone_fault_in_rules rule)
{
    return lone_options.broken == (unsigned)rule;
}

static uint64_t range_of(const struct lone *lone, int low, int high)
{
    uint64_t all = lone_options.goal == FLEET_REPLAY ? UINT64_C(1) << lone->stamp : ~UINT64_C(0);
    low = low < 0 ? 0 : low;
    high = high >= TIMES ? TIMES - 1 : high;
    return high < low ? 0 : ~UINT64_C(0) << low & ~UINT64_C(0) >> (TIMES - 1 - high) & all;
}

static int clock_of(const struct lone *lone)
{
    return lone->now + (lacks(LONE_CLOCK_FOLLOWED) ? lone->wall : lone->offset);
}

static void expire(struct lone *lone)
{
    if (lone->is_alive && clock_of(lone) > lone->stamp + 2 * lone->skew)
        lone->nonce = 0;
}

/* ---- the process ---- */

/* The transaction that begins an epoch. */
static void lose_nonces(struct lone *lone)
{
    if (lacks(LONE_GUARD_BY_CLOCK))
        lone->guarded |= range_of(lone, 0, clock_of(lone) + LEAD);
    else if (!lacks(LONE_LOSS_UNGUARDED))
        lone->guarded |= lone->written;
    lone->known_guarded = lone->guarded;
    lone->known_written = lone->written;
}

static bool start_process(struct lone *lone, int skew)
{
    if (lone->is_alive || lone->is_away)
        return false;
    lone->is_alive = 1;
    lone->offset = lone->wall;
    lone->skew = (uint8_t)skew;
    bool is_kept = lone->kept >= 2 * skew || lacks(LONE_KEPT_IGNORED);
    bool counts = lone->is_saved && is_kept && (lone->now + lone->wall >= lone->saved_at || lacks(LONE_SAVED_BELIEVED));
    lone->known_written = lone->written;
    lone->known_guarded = lone->guarded;
    if (counts)
        lone->nonce = lone->saved_nonce;
    else
        lose_nonces(lone);
    lone->kept = (uint8_t)(2 * skew);
    if (!lacks(LONE_SAVED_KEPT))
        lone->is_saved = lone->saved_nonce = lone->saved_at = 0;
    expire(lone);
    return true;
}

static void kill_process(struct lone *lone)
{
    lone->is_alive = lone->is_blocked = lone->nonce = 0;
    lone->known_written = lone->known_guarded = 0;
    lone->offset = 0;
    lone->skew = 0;
}

static bool stop_process(struct lone *lone)
{
    if (!lone->is_alive || lone->is_away || lone->is_blocked)
        return false;
    lone->is_saved = 1;
    lone->saved_nonce = lone->nonce;
    lone->saved_at = (uint8_t)clock_of(lone);
    if (lacks(LONE_SAVED_ALONE))
        lone->guarded = 0;
    kill_process(lone);
    return true;
}

/* Rule 6, in each tick. */
static void watch_clock(struct lone *lone)
{
    int moved = lone->wall - lone->offset;
    bool has_moved = moved > TOLERANCE || moved < -TOLERANCE;
    if (!lone->is_alive || lacks(LONE_CLOCK_FOLLOWED) || lacks(LONE_CLOCK_KEPT))
        return;
    lone->is_blocked = has_moved && lone->is_away;
    if (!has_moved || lone->is_away)
        return;
    lone->offset = lone->wall;
    lose_nonces(lone);
}

static bool may_accept(const struct lone *lone, int stamp)
{
    int clock = clock_of(lone);
    return lone->is_alive && !lone->is_blocked && stamp >= clock - lone->skew && stamp <= clock + LEAD &&
           !(lone->known_guarded >> stamp & 1);
}

static bool send_raise(struct lone *lone)
{
    if (!may_accept(lone, lone->stamp) || lone->is_raising || lone->is_away || (lone->known_written >> lone->stamp & 1))
        return false;
    lone->is_raising = 1;
    return true;
}

/* However late, and if the process is dead. */
static bool land_raise(struct lone *lone)
{
    uint64_t bit = UINT64_C(1) << lone->stamp;
    if (!lone->is_raising || lone->is_away)
        return false;
    lone->is_raising = 0;
    lone->written |= bit;
    if (lone->is_alive)
        lone->known_written |= bit;
    return true;
}

static bool spend_nonce(struct lone *lone)
{
    bool is_written = (lone->known_written >> lone->stamp & 1) || lacks(LONE_GUARD_BY_CLOCK) ||
                      (lacks(LONE_ACCEPT_UNWRITTEN) && lone->is_raising);
    if (!may_accept(lone, lone->stamp) || !is_written || lone->nonce)
        return false;
    lone->nonce = 1;
    lone->accepted++;
    expire(lone);
    return true;
}

static bool serve(struct lone *lone, int stamp)
{
    if (stamp < 0 || stamp + AHEAD >= TIMES || !may_accept(lone, stamp))
        return false;
    if (lone->known_written >> stamp & 1 || lacks(LONE_GUARD_BY_CLOCK))
        return true;
    if (lone->is_away)
        return false;
    lone->written |= range_of(lone, lacks(LONE_ONE_MARK) ? 0 : stamp, stamp + AHEAD);
    lone->known_written = lone->written;
    return true;
}

static void tick(struct lone *lone)
{
    lone->now++;
    watch_clock(lone);
    expire(lone);
}

static bool recovers(const struct lone *lone)
{
    struct lone copy = *lone;
    copy.is_away = 0;
    copy.wall = 0;
    for (unsigned i = 0; i <= BACK_WITHIN; i++) {
        (void)start_process(&copy, SKEW);
        if (serve(&copy, copy.now))
            return true;
        tick(&copy);
    }
    return false;
}

/* ---- the search's model ---- */

enum action {
    BEGIN_ACTION,
    TICK,
    START,
    START_SMALL,
    RAISE,
    LAND,
    SPEND,
    SERVE_NOW,
    SERVE_LEADING,
    SERVE_BY_CLOCK,
    KILL,
    STOP,
    AWAY,
    BACK,
    STEP
};

static bool run_action(struct lone *lone, unsigned action)
{
    switch (action) {
    case START:
        return start_process(lone, SKEW);
    case START_SMALL:
        return lone_options.is_mixed && start_process(lone, SMALL_SKEW);
    case RAISE:
        return send_raise(lone);
    case LAND:
        return land_raise(lone);
    case SPEND:
        return spend_nonce(lone);
    case SERVE_NOW:
        return serve(lone, lone->now);
    case SERVE_LEADING:
        return serve(lone, clock_of(lone) + LEAD);
    case SERVE_BY_CLOCK:
        return serve(lone, clock_of(lone));
    default:
        return false;
    }
}

static void add_lone(struct search *search, unsigned action, const struct lone *lone)
{
    search_add(search, action, lone);
}

static void add_faults(struct search *search, const struct lone *lone)
{
    static const int steps[] = {0, -SMALL, SMALL, -BIG, BIG};
    struct lone fault = *lone;
    struct lone copy;
    fault.faults--;
    if (lone->is_alive) {
        copy = fault;
        kill_process(&copy);
        add_lone(search, KILL, &copy);
        copy = fault;
        if (stop_process(&copy))
            add_lone(search, STOP, &copy);
    }
    copy = fault;
    copy.is_away = 1;
    if (!lone->is_away)
        add_lone(search, AWAY, &copy);
    for (unsigned i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        copy = fault;
        copy.wall = (int8_t)steps[i];
        expire(&copy);
        if (copy.wall != lone->wall)
            add_lone(search, STEP + i, &copy);
    }
}

static void step_lone(struct search *search, const void *state)
{
    struct lone lone;
    memcpy(&lone, state, sizeof lone);
    for (unsigned action = START; action <= SERVE_BY_CLOCK; action++) {
        struct lone copy = lone;
        bool is_request = action >= SERVE_NOW;
        bool is_spend = action >= RAISE && action <= SPEND;
        bool is_wanted = lone_options.goal == FLEET_DENIAL ? !is_spend : !is_request;
        if (is_wanted && run_action(&copy, action))
            add_lone(search, action, &copy);
    }
    if (lone.is_away) {
        struct lone copy = lone;
        copy.is_away = 0;
        add_lone(search, BACK, &copy);
    }
    if (lone.faults)
        add_faults(search, &lone);
    if (lone.now < BEGIN + lone_options.ticks) {
        tick(&lone);
        add_lone(search, TICK, &lone);
    }
}

static void start_lone(struct search *search)
{
    struct lone lone = {.is_alive = 1,
                        .now = BEGIN,
                        .faults = (uint8_t)lone_options.faults,
                        .stamp = (uint8_t)(BEGIN + lone_options.stamp),
                        .skew = SKEW,
                        .kept = 2 * SKEW};
    add_lone(search, BEGIN_ACTION, &lone);
}

static bool is_bad_lone(const void *state)
{
    struct lone lone;
    memcpy(&lone, state, sizeof lone);
    return lone_options.goal == FLEET_DENIAL ? !recovers(&lone) : lone.accepted > 1;
}

static void describe_lone(const void *before, const void *after, unsigned action)
{
    static const char *const texts[] = {
        [BEGIN_ACTION] = "the process serves",
        [TICK] = "time passes",
        [START] = "the process starts",
        [START_SMALL] = "the process starts with a smaller skew",
        [RAISE] = "a raise of the range over the stamp is sent",
        [LAND] = "the raise is committed",
        [SPEND] = "the request is accepted",
        [SERVE_NOW] = "a fresh request",
        [SERVE_LEADING] = "a request that leads",
        [SERVE_BY_CLOCK] = "a request of a client that follows the store's clock",
        [KILL] = "FAULT kill -9",
        [STOP] = "FAULT a clean stop",
        [AWAY] = "FAULT the durable store is away",
        [BACK] = "the durable store is back",
        [STEP] = "FAULT the clock is right again",
        [STEP + 1] = "FAULT the clock is set a little back",
        [STEP + 2] = "FAULT the clock is set a little forward",
        [STEP + 3] = "FAULT the clock is set far back",
        [STEP + 4] = "FAULT the clock is set far forward",
    };
    struct lone lone;
    (void)before;
    memcpy(&lone, after, sizeof lone);
    printf("    %2d  %s\n", lone.now - BEGIN, texts[action]);
}

const struct search_model *lone_model(const struct lone_options *options)
{
    static const struct search_model model = {sizeof(struct lone), sizeof(struct lone), start_lone,
                                              step_lone,           is_bad_lone,         describe_lone};
    lone_options = *options;
    return &model;
}
