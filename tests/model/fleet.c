#include "model/fleet_state.h"

#include <stdio.h>
#include <string.h>

struct fleet_options fleet_options;

uint64_t fleet_range(const struct fleet *fleet, int low, int high)
{
    uint64_t all = fleet_options.goal == FLEET_REPLAY ? UINT64_C(1) << fleet->stamp : ~UINT64_C(0);
    if (low < 0)
        low = 0;
    if (high >= TIMES)
        high = TIMES - 1;
    if (high < low)
        return 0;
    return ~UINT64_C(0) << low & ~UINT64_C(0) >> (TIMES - 1 - high) & all;
}

void server_forget(struct server *server)
{
    server->nonces = server->short_nonces = 0;
}

void fleet_expire(struct fleet *fleet)
{
    for (unsigned i = 0; i < FLEET_SERVERS; i++) {
        struct server *server = &fleet->servers[i];
        int clock = fleet->now + server->clock;
        bool is_eternal = is_broken(RECORD_ETERNAL) || is_broken(LEAP_UNSEEN);
        if (clock > fleet->stamp + 2 * SKEW)
            server->nonces = 0;
        if (clock > fleet->stamp + 2 * SMALL_SKEW)
            server->short_nonces = 0;
        if (server->record.epoch && clock > server->record.expiry && !is_eternal)
            server->record = (struct record){0};
        if (is_eternal && server->record.epoch)
            server->record.expiry = (uint8_t)(clock + record_life(server->record.kept));
    }
}

/* Two primaries serve for UNNOTICED at most while the durable store is away from somebody. */
static void end_split(struct fleet *fleet)
{
    bool is_split = false;
    bool is_away = false;
    for (unsigned i = 0; i < fleet_options.processes; i++) {
        is_split |= fleet->processes[i].server && fleet->processes[i].server != fleet->active;
        is_away |= !process_reaches_durable(&fleet->processes[i]);
    }
    if (!is_split || !is_away || is_broken(TWO_PRIMARIES)) {
        fleet->split_for = 0;
        return;
    }
    if (fleet->split_for++ < UNNOTICED)
        return;
    fleet->split_for = 0;
    for (unsigned i = 0; i < fleet_options.processes; i++)
        if (fleet->processes[i].server && fleet->processes[i].server != fleet->active)
            process_disconnect(&fleet->processes[i]);
}

void fleet_tick(struct fleet *fleet)
{
    fleet->now++;
    fleet_expire(fleet);
    for (unsigned i = 0; i < fleet_options.processes; i++) {
        process_watch(fleet, &fleet->processes[i]);
        if (!fleet_options.is_lazy)
            process_refresh(fleet, i);
    }
    end_split(fleet);
}

/* ---- equal states ---- */

/* Every place that names an epoch, in a fixed order. */
static unsigned list_epochs(struct fleet *fleet, uint8_t *places[])
{
    unsigned count = 0;
    places[count++] = &fleet->epoch;
    for (unsigned i = 0; i < FLEET_SERVERS; i++) {
        places[count++] = &fleet->servers[i].record.epoch;
        places[count++] = &fleet->servers[i].record.parent;
    }
    for (unsigned i = 0; i < FLEET_PROCESSES; i++) {
        places[count++] = &fleet->processes[i].epoch;
        places[count++] = &fleet->processes[i].home;
        places[count++] = &fleet->processes[i].read;
        places[count++] = &fleet->processes[i].read_parent;
        places[count++] = &fleet->processes[i].raise_epoch;
    }
    return count;
}

uint8_t fleet_new_epoch(const struct fleet *fleet)
{
    struct fleet copy = *fleet;
    uint8_t *places[32];
    unsigned count = list_epochs(&copy, places);
    uint8_t last = 0;
    for (unsigned i = 0; i < count; i++)
        last = *places[i] > last ? *places[i] : last;
    return (uint8_t)(last + 1);
}

/* What a process in that phase never looks at again. */
static void forget_unneeded(struct process *process)
{
    bool has_read = process->phase == RECORD_READ;
    if (!has_read)
        process->read_kind = process->read_parent = process->read_floor = process->read_kept = 0;
    if (!has_read && process->phase != DECLARED && process->phase != DECLARED_AWAY)
        process->read = 0;
    if (process->home == 0)
        process->anchor = 0;
}

static int compare_processes(const struct fleet *fleet)
{
    struct process a = fleet->processes[0];
    struct process b = fleet->processes[1];
    const uint8_t epochs[2][5] = {{a.epoch, a.home, a.read, a.read_parent, a.raise_epoch},
                                  {b.epoch, b.home, b.read, b.read_parent, b.raise_epoch}};
    a.epoch = a.home = a.read = a.read_parent = a.raise_epoch = 0;
    b.epoch = b.home = b.read = b.read_parent = b.raise_epoch = 0;
    int order = memcmp(&a, &b, sizeof a);
    if (order == 0)
        order = memcmp(&fleet->users[0], &fleet->users[1], sizeof fleet->users[0]);
    return order ? order : memcmp(epochs[0], epochs[1], sizeof epochs[0]);
}

/* Processes are alike. */
static void order_processes(struct fleet *fleet)
{
    if (fleet_options.processes < 2 || compare_processes(fleet) <= 0)
        return;
    struct process process = fleet->processes[0];
    struct user_row row = fleet->users[0];
    uint8_t name = fleet->names[0];
    fleet->processes[0] = fleet->processes[1];
    fleet->processes[1] = process;
    fleet->users[0] = fleet->users[1];
    fleet->users[1] = row;
    fleet->names[0] = fleet->names[1];
    fleet->names[1] = name;
}

static uint16_t rename_epochs(uint16_t nonces, const uint8_t renamed[64])
{
    uint16_t result = 0;
    for (unsigned epoch = 1; epoch <= EPOCHS_MAX; epoch++)
        if ((nonces >> epoch & 1) && renamed[epoch])
            result |= (uint16_t)(1U << renamed[epoch]);
    return result;
}

void fleet_normalize(struct fleet *fleet)
{
    uint8_t *places[32];
    uint8_t renamed[64] = {0};
    uint8_t next = 1;
    for (unsigned i = 0; i < FLEET_PROCESSES; i++)
        forget_unneeded(&fleet->processes[i]);
    order_processes(fleet);
    unsigned count = list_epochs(fleet, places);
    for (unsigned i = 0; i < count; i++) {
        if (*places[i] && !renamed[*places[i]])
            renamed[*places[i]] = next++;
        *places[i] = renamed[*places[i]];
    }
    for (unsigned i = 0; i < FLEET_SERVERS; i++) {
        fleet->servers[i].nonces = rename_epochs(fleet->servers[i].nonces, renamed);
        fleet->servers[i].short_nonces = rename_epochs(fleet->servers[i].short_nonces, renamed);
    }
}

/* ---- everything mended ---- */

static void mend_everything(struct fleet *fleet)
{
    for (unsigned i = 0; i < FLEET_SERVERS; i++)
        fleet->servers[i].clock = 0;
    for (unsigned i = 0; i < fleet_options.processes; i++)
        fleet->processes[i].away_since = 0;
    fleet_expire(fleet);
}

static void go_on(struct fleet *fleet, unsigned number)
{
    for (unsigned round = 0; round < 4; round++) {
        process_start(fleet, number);
        if (!process_read(fleet, number, true))
            process_read(fleet, number, false);
        process_decide(fleet, number);
        process_write(fleet, number);
        process_mark_used(fleet, number);
    }
    process_adopt(fleet, number);
    process_refresh(fleet, number);
}

/* The client's clock is right. */
bool fleet_recovers(const struct fleet *fleet)
{
    struct fleet copy = *fleet;
    unsigned served = 0;
    unsigned all = (1U << fleet_options.processes) - 1;
    mend_everything(&copy);
    for (unsigned tick = 0; tick <= BACK_WITHIN; tick++) {
        for (unsigned i = 0; i < fleet_options.processes; i++) {
            go_on(&copy, i);
            if (process_serve(&copy, i, copy.now))
                served |= 1U << i;
        }
        if (served == all)
            return true;
        fleet_normalize(&copy);
        fleet_tick(&copy);
    }
    return false;
}

/* ---- the search's model ---- */

enum action {
    BEGIN_ACTION,
    TICK,
    START,
    CONNECT,
    READ_AGAIN,
    DECIDE,
    WRITE,
    MARK_USED,
    REFRESH,
    ADOPT,
    LEAVE,
    STOP,
    KILL,
    RAISE,
    LAND,
    SPEND,
    TAKE_VERDICT,
    SERVE_NOW,
    SERVE_LEADING,
    SERVE_BY_CLOCK,
    FLUSH,
    RESTART_REDIS,
    FAIL_OVER_CUT,
    FAIL_OVER_SPLIT,
    FAIL_OVER_COPY_CUT,
    FAIL_OVER_COPY_SPLIT,
    STEP_CLOCK, /* + 5 steps */
    CUT_ALL = STEP_CLOCK + 5,
    CUT_ONE,
    DURABLE_BACK,
    REBOOT,
};

static void add_state(struct search *search, unsigned action, unsigned number, const struct fleet *fleet)
{
    struct fleet copy = *fleet;
    fleet_normalize(&copy);
    search_add(search, action << 4 | number, &copy);
}

static bool run_process_step(struct fleet *fleet, unsigned action, unsigned number)
{
    int clock = fleet->now + fleet->processes[number].view;
    switch (action) {
    case START:
        return process_start(fleet, number);
    case CONNECT:
        return process_read(fleet, number, true);
    case READ_AGAIN:
        return process_read(fleet, number, false);
    case DECIDE:
        return process_decide(fleet, number);
    case WRITE:
        return process_write(fleet, number);
    case MARK_USED:
        return process_mark_used(fleet, number);
    case REFRESH:
        return (fleet_options.is_lazy || fleet->processes[number].steady_at < fleet->now) &&
               process_refresh(fleet, number);
    case ADOPT:
        return process_adopt(fleet, number);
    case LEAVE:
        return process_leave(fleet, number);
    case RAISE:
        return process_raise(fleet, number);
    case LAND:
        return process_land(fleet, number);
    case SPEND:
        return process_spend(fleet, number);
    case TAKE_VERDICT:
        return process_take_verdict(fleet, number);
    case SERVE_NOW:
        return process_serve(fleet, number, fleet->now);
    case SERVE_LEADING:
        return process_serve(fleet, number, clock + LEAD);
    case SERVE_BY_CLOCK:
        return process_serve(fleet, number, clock);
    default:
        return false;
    }
}

static void add_process_steps(struct search *search, const struct fleet *fleet, unsigned number)
{
    for (unsigned action = START; action <= SERVE_BY_CLOCK; action++) {
        struct fleet copy = *fleet;
        bool is_request = action >= SERVE_NOW;
        bool is_spend = action >= RAISE && action <= TAKE_VERDICT;
        if ((fleet_options.goal == FLEET_DENIAL && is_spend) || (fleet_options.goal == FLEET_REPLAY && is_request))
            continue;
        if (!run_process_step(&copy, action, number))
            continue;
        fleet_expire(&copy);
        add_state(search, action, number, &copy);
    }
}

static void cut_connections(struct fleet *fleet, unsigned server)
{
    for (unsigned i = 0; i < FLEET_PROCESSES; i++)
        if (fleet->processes[i].server == server)
            process_disconnect(&fleet->processes[i]);
}

static void restart_server(struct fleet *fleet)
{
    struct server *server = &fleet->servers[fleet->active - 1];
    server_forget(server);
    server->run = (uint8_t)(server->run + FLEET_SERVERS);
    cut_connections(fleet, fleet->active);
}

/* To the other server as it is, or as a copy that lags: the record is there, the last nonces are not. A copy has been a
 * replica: what was connected to it before has met READONLY, and it has another master_replid. */
static void fail_over(struct fleet *fleet, bool is_copy, bool is_split)
{
    unsigned old = fleet->active;
    fleet->active = (uint8_t)(3 - old);
    struct server *server = &fleet->servers[fleet->active - 1];
    if (is_copy) {
        server->record = fleet->servers[old - 1].record;
        server_forget(server);
        if (!is_broken(RUN_ID_ALONE))
            server->run = (uint8_t)(server->run + FLEET_SERVERS);
        cut_connections(fleet, fleet->active);
    }
    if (!is_split)
        cut_connections(fleet, old);
    fleet_expire(fleet);
}

static bool may(const struct fleet *fleet, unsigned event)
{
    return fleet->faults > 0 && (fleet_options.events & event);
}

static void add_redis_faults(struct search *search, struct fleet fleet)
{
    struct fleet copy = fleet;
    copy.faults--;
    struct fleet base = copy;
    if (may(&fleet, MAY_FLUSH) && fleet.servers[fleet.active - 1].record.epoch) {
        copy.servers[fleet.active - 1].record = (struct record){0};
        server_forget(&copy.servers[fleet.active - 1]);
        add_state(search, FLUSH, 0, &copy);
    }
    copy = base;
    if (may(&fleet, MAY_RESTART_REDIS)) {
        restart_server(&copy);
        add_state(search, RESTART_REDIS, 0, &copy);
    }
    for (unsigned kind = 0; kind < 4; kind++) {
        if (!may(&fleet, kind & 1 ? MAY_SPLIT : MAY_FAIL_OVER))
            continue;
        copy = base;
        fail_over(&copy, kind & 2, kind & 1);
        add_state(search, FAIL_OVER_CUT + kind, 0, &copy);
    }
}

static const int steps_of_clock[] = {0, -SMALL, SMALL, -BIG, BIG};

static void add_clock_faults(struct search *search, const struct fleet *fleet)
{
    bool is_small = may(fleet, MAY_STEP_SMALL);
    bool is_big = may(fleet, MAY_STEP_CLOCK);
    for (unsigned server = 0; server < FLEET_SERVERS; server++)
        for (unsigned i = 0; i < 5; i++) {
            int clock = steps_of_clock[i];
            if ((i < 3 ? !is_small && (i || !is_big) : !is_big) || fleet->servers[server].clock == clock)
                continue;
            if (server + 1 != fleet->active && !(fleet_options.events & (MAY_FAIL_OVER | MAY_SPLIT)))
                continue;
            struct fleet copy = *fleet;
            copy.faults--;
            copy.servers[server].clock = (int8_t)clock;
            fleet_expire(&copy);
            add_state(search, STEP_CLOCK + i, server, &copy);
        }
}

static void add_durable_faults(struct search *search, const struct fleet *fleet)
{
    for (unsigned i = 0; i <= fleet_options.processes; i++) {
        struct fleet copy = *fleet;
        bool is_all = i == fleet_options.processes;
        bool is_new = false;
        if (!may(fleet, is_all ? MAY_LOSE_DURABLE : MAY_CUT))
            continue;
        copy.faults--;
        for (unsigned j = 0; j < fleet_options.processes; j++)
            if ((is_all || i == j) && !copy.processes[j].away_since) {
                copy.processes[j].away_since = fleet->now;
                is_new = true;
            }
        if (is_new)
            add_state(search, is_all ? CUT_ALL : CUT_ONE, i, &copy);
    }
    for (unsigned i = 0; i < fleet_options.processes; i++)
        if (fleet->processes[i].away_since) {
            struct fleet copy = *fleet;
            copy.processes[i].away_since = 0;
            add_state(search, DURABLE_BACK, i, &copy);
        }
}

static void add_process_faults(struct search *search, const struct fleet *fleet)
{
    struct fleet reboot = *fleet;
    for (unsigned i = 0; i < fleet_options.processes; i++) {
        struct fleet copy = *fleet;
        process_kill(&reboot, i);
        reboot.users[i].is_of_old_boot = reboot.users[i].is_there;
        if (!fleet->processes[i].is_alive)
            continue;
        if (may(fleet, MAY_KILL)) {
            copy.faults--;
            process_kill(&copy, i);
            add_state(search, KILL, i, &copy);
        }
        copy = *fleet;
        if (may(fleet, MAY_STOP) && process_stop(&copy, i)) {
            copy.faults--;
            add_state(search, STOP, i, &copy);
        }
    }
    if (may(fleet, MAY_REBOOT)) {
        reboot.faults--;
        add_state(search, REBOOT, 0, &reboot);
    }
}

static void step_fleet(struct search *search, const void *state)
{
    struct fleet fleet;
    memcpy(&fleet, state, sizeof fleet);
    for (unsigned i = 0; i < fleet_options.processes; i++)
        add_process_steps(search, &fleet, i);
    add_durable_faults(search, &fleet);
    if (fleet.faults) {
        add_redis_faults(search, fleet);
        add_clock_faults(search, &fleet);
        add_process_faults(search, &fleet);
    }
    if (fleet.now < BEGIN + fleet_options.ticks) {
        fleet_tick(&fleet);
        add_state(search, TICK, 0, &fleet);
    }
}

/* Everybody has settled on the first server's first epoch. */
static void start_fleet(struct search *search)
{
    struct fleet fleet = {.epoch = 1, .is_used = 1, .run = 1, .now = BEGIN, .active = 1};
    fleet.faults = (uint8_t)fleet_options.faults;
    fleet.stamp = (uint8_t)(BEGIN + fleet_options.stamp);
    for (unsigned i = 0; i < FLEET_SERVERS; i++)
        fleet.servers[i].run = (uint8_t)(i + 1);
    int kept = fleet_options.is_mixed ? 2 * SMALL_SKEW : 2 * SKEW;
    fleet.servers[0].record = (struct record){1, 1, 0, 0, (uint8_t)(BEGIN + record_life(kept)), (uint8_t)kept};
    for (unsigned i = 0; i < fleet_options.processes; i++) {
        bool is_late = fleet_options.is_mixed && i > 0; /* to join an epoch that will not do for it */
        fleet.processes[i].skew = fleet_options.is_mixed && i == 0 ? SMALL_SKEW : SKEW;
        fleet.names[i] = (uint8_t)(i + 1);
        if (is_late)
            continue;
        fleet.processes[i] = (struct process){.is_alive = 1,
                                              .phase = SETTLED,
                                              .server = 1,
                                              .epoch = 1,
                                              .home = 1,
                                              .steady = BEGIN,
                                              .steady_at = BEGIN,
                                              .skew = fleet.processes[i].skew,
                                              .kept = (uint8_t)kept};
        fleet.users[i] = (struct user_row){1, BEGIN, BEGIN, 0};
    }
    fleet.processes[0].away_since = fleet_options.is_cut ? BEGIN : 0;
    add_state(search, BEGIN_ACTION, 0, &fleet);
}

static bool is_bad_fleet(const void *state)
{
    struct fleet fleet;
    memcpy(&fleet, state, sizeof fleet);
    if (fleet_options.goal == FLEET_DENIAL)
        return !fleet_recovers(&fleet);
    return fleet.accepted > 1;
}

static void describe_fleet(const void *before, const void *after, unsigned code)
{
    static const char *const texts[] = {
        [BEGIN_ACTION] = "all are settled on an epoch of server 1",
        [TICK] = "time passes",
        [START] = "starts",
        [CONNECT] = "connects to the address, reads TIME and the record",
        [READ_AGAIN] = "reads TIME and the record again",
        [DECIDE] = "asks the durable store, and decides",
        [WRITE] = "writes the record to Redis",
        [MARK_USED] = "marks the epoch as used",
        [REFRESH] = "refreshes its row",
        [ADOPT] = "makes its epoch the row's",
        [LEAVE] = "loses its connection to the old primary",
        [STOP] = "FAULT stops cleanly",
        [KILL] = "FAULT is killed",
        [RAISE] = "sends a raise of the range over the stamp",
        [LAND] = "its raise is committed",
        [SPEND] = "lets the request through to Redis: the nonce is new",
        [TAKE_VERDICT] = "has the answer to the GET",
        [SERVE_NOW] = "is sent a fresh request",
        [SERVE_LEADING] = "is sent a request that leads",
        [SERVE_BY_CLOCK] = "is sent a request of a client that follows the store's clock",
        [FLUSH] = "FAULT Redis is flushed",
        [RESTART_REDIS] = "FAULT Redis restarts: the record is there, the nonces are not",
        [FAIL_OVER_CUT] = "FAULT failover, connections are cut",
        [FAIL_OVER_SPLIT] = "FAULT failover, connections to the old primary live on",
        [FAIL_OVER_COPY_CUT] = "FAULT failover to a lagging copy, connections are cut",
        [FAIL_OVER_COPY_SPLIT] = "FAULT failover to a lagging copy, connections to the old primary live on",
        [STEP_CLOCK] = "FAULT the server's clock is right again",
        [STEP_CLOCK + 1] = "FAULT the server's clock is set a little back",
        [STEP_CLOCK + 2] = "FAULT the server's clock is set a little forward",
        [STEP_CLOCK + 3] = "FAULT the server's clock is set far back",
        [STEP_CLOCK + 4] = "FAULT the server's clock is set far forward",
        [CUT_ALL] = "FAULT the durable store is away",
        [CUT_ONE] = "FAULT is cut off from the durable store",
        [DURABLE_BACK] = "reaches the durable store again",
        [REBOOT] = "FAULT all machines restart",
    };
    struct fleet fleet;
    unsigned action = code >> 4;
    memcpy(&fleet, before ? before : after, sizeof fleet);
    const uint8_t names[2] = {fleet.names[0], fleet.names[1]};
    memcpy(&fleet, after, sizeof fleet);
    bool is_redis = (action >= FLUSH && action < CUT_ALL) || action <= TICK || action == CUT_ALL || action == REBOOT;
    if (is_redis && action >= STEP_CLOCK && action < CUT_ALL)
        printf("    %2d  server %u: %s", fleet.now - BEGIN, (code & 15) + 1, texts[action]);
    else if (is_redis)
        printf("    %2d  %s", fleet.now - BEGIN, texts[action]);
    else
        printf("    %2d  process %u: %s", fleet.now - BEGIN, names[code & 15], texts[action]);
    if (action == TAKE_VERDICT || (action == SPEND && is_broken(VERDICT_UNFENCED)))
        printf(" (accepted %u times)", fleet.accepted);
    printf("\n");
}

const struct search_model *fleet_model(const struct fleet_options *options)
{
    static const struct search_model model = {
        sizeof(struct fleet), offsetof(struct fleet, names), start_fleet, step_fleet, is_bad_fleet, describe_fleet};
    fleet_options = *options;
    return &model;
}
