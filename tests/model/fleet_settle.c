/* How a process agrees with Redis and the durable store on the epoch: rules 2, 5, 6, 9, 10 and 11. */
#include "model/fleet_state.h"

#include <string.h>

static int lesser(int a, int b)
{
    return a < b ? a : b;
}

static int greater(int a, int b)
{
    return a > b ? a : b;
}

static bool has_moved(const struct process *process, int clock)
{
    int moved = clock - process->anchor;
    if (is_broken(CLOCKS_UNCOMPARED) || is_broken(LEAP_UNSEEN))
        return false;
    return moved > TOLERANCE || moved < -TOLERANCE;
}

static int clock_of(const struct fleet *fleet, const struct process *process)
{
    return fleet->now + process->view;
}

/* ---- rows of processes ---- */

/* The time that a row's process would have now, by the steady clock where that is known. */
static int time_of_row(const struct fleet *fleet, const struct user_row *row, const struct process *reader)
{
    if (!row->is_of_old_boot)
        return row->clock + fleet->now - row->at;
    return greater(clock_of(fleet, reader), fleet->now) + TOLERANCE; /* one clock at least is not behind */
}

/* The last timestamp that rule 8 may have let in under a row. */
static int last_let_in(const struct fleet *fleet, const struct user_row *row, const struct process *reader)
{
    int ahead = AWAY_AHEAD;
    return lesser(time_of_row(fleet, row, reader) + ahead, row->clock + AWAY_MOST + AWAY_AHEAD);
}

static void guard_users(struct fleet *fleet, const struct process *reader)
{
    int margin = is_broken(GUARD_WITHOUT_MARGIN) ? 0 : UNNOTICED;
    if (is_broken(ROWS_MISSING))
        return;
    for (unsigned i = 0; i < fleet_options.processes; i++) {
        const struct user_row *row = &fleet->users[i];
        if (!row->is_there)
            continue;
        if (is_broken(GUARD_TO_STEADY)) {
            fleet->guarded |= fleet_range(fleet, 0, time_of_row(fleet, row, reader) + AWAY_AHEAD + margin);
            continue;
        }
        int last = lesser(time_of_row(fleet, row, reader) + AWAY_AHEAD + margin, row->clock + AWAY_MOST + AWAY_AHEAD);
        fleet->guarded |= fleet_range(fleet, row->clock, last);
    }
}

/* A row moves, or goes, only together with what was let in under it. */
static void write_down_let_in(struct fleet *fleet, const struct user_row *row, const struct process *reader)
{
    fleet->written |= fleet_range(fleet, row->clock, last_let_in(fleet, row, reader));
}

static void move_row(struct fleet *fleet, unsigned number)
{
    struct process *process = &fleet->processes[number];
    struct user_row *row = &fleet->users[number];
    bool is_first = process->steady_at == 0;
    bool matters = process->let_in || (is_first && !is_broken(RESTART_FORGETS));
    if (row->is_there && matters && !is_broken(STOP_FORGETS))
        write_down_let_in(fleet, row, process);
    process->steady = (uint8_t)clock_of(fleet, process);
    process->steady_at = fleet->now;
    if (is_broken(ANCHOR_UNWRITTEN) && row->is_there && !is_first)
        return;
    process->let_in = 0;
    *row = (struct user_row){1, process->steady, process->steady_at, 0};
}

/* ---- settling ---- */

bool process_start(struct fleet *fleet, unsigned number)
{
    struct process *process = &fleet->processes[number];
    if (process->is_alive)
        return false;
    process->is_alive = 1;
    return true;
}

bool process_read(struct fleet *fleet, unsigned number, bool is_new_connection)
{
    struct process *process = &fleet->processes[number];
    bool is_blocked = process->phase == RECORD_READ && !process_reaches_durable(process);
    if (!process->is_alive || (process->phase != UNSETTLED && !is_blocked) || (!is_new_connection && !process->server))
        return false;
    if (is_new_connection && process->server == fleet->active)
        return false;
    if (!is_new_connection && process->is_pending)
        return false; /* its answer comes first */
    process->is_pending = 0;
    process->server = is_new_connection ? fleet->active : process->server;
    const struct server *server = process_server(fleet, process);
    const struct record *record = &server->record;
    bool is_overlong = record->expiry > fleet->now + server->clock + record_life(record->kept);
    bool is_right = (record->run == server->run || is_broken(RUN_IGNORED)) && !is_overlong;
    process->view = server->clock;
    process->read = record->epoch;
    process->read_kind = record->epoch == 0 ? RECORD_MISSING : is_right ? RECORD_RIGHT : RECORD_FOREIGN;
    process->read_parent = record->parent;
    process->read_floor = record->floor;
    process->read_kept = record->kept;
    if (process->epoch && has_moved(process, process->view))
        process->must_change = 1;
    process->phase = RECORD_READ;
    return true;
}

static void settle(struct fleet *fleet, unsigned number)
{
    struct process *process = &fleet->processes[number];
    if (process->home != process->epoch)
        process->anchor = process->view;
    process->phase = SETTLED;
    process->home = process->epoch;
    process->floor = 0;
    process->must_change = 0;
    move_row(fleet, number);
    process->written = fleet->written;
    process->guarded = fleet->guarded;
}

static void declare(struct fleet *fleet, struct process *process)
{
    bool is_unused = fleet->epoch && !fleet->is_used && fleet->run == process_server(fleet, process)->run;
    process->kept = (uint8_t)(2 * process->skew);
    if (is_unused && is_broken(SAME_ID_AGAIN)) {
        process->epoch = fleet->epoch;
    } else {
        process->epoch = fleet_new_epoch(fleet);
        if (!is_unused && is_broken(GUARD_BY_CLOCK))
            fleet->guarded |= fleet_range(fleet, 0, clock_of(fleet, process) + LEAD);
        else if (!is_unused)
            fleet->guarded |= fleet->written;
        if (!is_unused && is_broken(GUARD_EARLY))
            guard_users(fleet, process);
    }
    fleet->epoch = process->epoch;
    fleet->is_used = 0;
    fleet->run = process_server(fleet, process)->run;
    process->must_change = 0;
    process->phase = DECLARED;
}

static bool record_stands(const struct fleet *fleet, const struct process *process)
{
    if (process->read_kind != RECORD_RIGHT || (process->must_change && process->read == process->epoch) ||
        !process_can_share(process))
        return false;
    return process->read == fleet->epoch || (is_broken(RECORD_BELIEVED) && !process->read_parent);
}

static void settle_with_row(struct fleet *fleet, unsigned number)
{
    struct process *process = &fleet->processes[number];
    if (is_broken(ADOPTED_UNGUARDED) && process->read_kind == RECORD_RIGHT && process->read_parent == fleet->epoch &&
        process->read_parent) {
        fleet->guarded |= fleet->written | fleet_range(fleet, 0, process->read_floor);
        fleet->epoch = process->read;
        fleet->is_used = 1;
    }
    if (!record_stands(fleet, process)) {
        declare(fleet, process);
        return;
    }
    process->epoch = process->read;
    process->kept = process->read_kept;
    if (fleet->is_used || process->read != fleet->epoch)
        settle(fleet, number);
    else
        process->phase = RECORD_WRITTEN;
}

static int steady_time(const struct fleet *fleet, const struct process *process)
{
    return process->steady + fleet->now - process->steady_at;
}

/* Rule 11: whoever settles on such an epoch guards for himself, from then on. */
static void settle_without_row(struct fleet *fleet, struct process *process)
{
    int floor = steady_time(fleet, process) + LEAD + UNNOTICED;
    if (process->home != process->epoch)
        process->anchor = process->view;
    if (!is_broken(RANGES_UNGUARDED))
        process->guarded |= process->written;
    process->floor = (uint8_t)floor;
    process->phase = SETTLED;
}

/* Rule 11. */
static bool settle_alone(struct fleet *fleet, struct process *process)
{
    if (!process->home || fleet->now < process->away_since + AWAY_AFTER)
        return false;
    if (process->must_change && has_moved(process, process->view))
        return false; /* until the clock is back, or the durable store */
    process->must_change = 0;
    if (process->read_kind == RECORD_RIGHT && process->read == process->home && process->epoch == process->home) {
        process->phase = SETTLED;
        return true;
    }
    if (process->read_kind == RECORD_RIGHT && process->read != process->home && process_can_share(process) &&
        !is_broken(RECORD_TAKEN_AWAY)) {
        process->epoch = process->read;
        process->kept = process->read_kept;
        settle_without_row(fleet, process);
        if (is_broken(TAKEN_OVER_UNGUARDED))
            process->floor = process->read_floor;
        return true;
    }
    process->epoch = fleet_new_epoch(fleet);
    process->kept = (uint8_t)(2 * process->skew);
    process->floor = (uint8_t)(steady_time(fleet, process) + LEAD + UNNOTICED);
    process->phase = DECLARED_AWAY;
    return true;
}

bool process_decide(struct fleet *fleet, unsigned number)
{
    struct process *process = &fleet->processes[number];
    if (process->phase != RECORD_READ)
        return false;
    if (!process_reaches_durable(process))
        return settle_alone(fleet, process);
    settle_with_row(fleet, number);
    return true;
}

bool process_write(struct fleet *fleet, unsigned number)
{
    struct process *process = &fleet->processes[number];
    bool is_away = process->phase == DECLARED_AWAY;
    if (process->phase != DECLARED && !is_away)
        return false;
    struct server *server = process_server(fleet, process);
    if (server->record.epoch != process->read) {
        process->phase = UNSETTLED;
        return true;
    }
    int clock = fleet->now + (is_broken(RECORD_RELATIVE) ? server->clock : process->view);
    server->record = (struct record){process->epoch,
                                     server->run,
                                     is_away ? process->home : 0,
                                     is_away ? process->floor : 0,
                                     (uint8_t)(clock + record_life(process->kept)),
                                     process->kept};
    if (is_away) {
        uint8_t early = process->floor;
        settle_without_row(fleet, process);
        if (is_broken(ALONE_GUARDED_EARLY))
            process->floor = early;
    } else if (is_broken(USED_LATE)) {
        guard_users(fleet, process);
        settle(fleet, number);
    } else {
        process->phase = RECORD_WRITTEN;
    }
    return true;
}

bool process_mark_used(struct fleet *fleet, unsigned number)
{
    struct process *process = &fleet->processes[number];
    bool is_late =
        is_broken(USED_LATE) && process->phase == SETTLED && fleet->epoch == process->epoch && !fleet->is_used;
    if ((process->phase != RECORD_WRITTEN && !is_late) || !process_reaches_durable(process))
        return false;
    if (fleet->epoch != process->epoch) {
        process->phase = UNSETTLED;
        return true;
    }
    if (!fleet->is_used && !is_broken(GUARD_EARLY))
        guard_users(fleet, process);
    fleet->is_used = 1;
    if (!is_late)
        settle(fleet, number);
    return true;
}

/* ---- while it is settled ---- */

/* Not of the protocol: an epoch that was declared in Redis alone becomes the row's. */
bool process_adopt(struct fleet *fleet, unsigned number)
{
    struct process *process = &fleet->processes[number];
    if (!is_broken(ADOPTED_UNGUARDED) || process->phase != SETTLED || process->epoch == process->home ||
        fleet->epoch != process->home || !process_reaches_durable(process))
        return false;
    fleet->guarded |= fleet->written | fleet_range(fleet, 0, process->floor);
    fleet->epoch = process->epoch;
    fleet->is_used = 1;
    settle(fleet, number);
    return true;
}

bool process_refresh(struct fleet *fleet, unsigned number)
{
    struct process *process = &fleet->processes[number];
    if (process->phase != SETTLED || !process_reaches_durable(process))
        return false;
    if (fleet->epoch != process->epoch || process->home != process->epoch) {
        process->phase = UNSETTLED;
        return true;
    }
    move_row(fleet, number);
    process->written = fleet->written;
    return true;
}

void process_watch(struct fleet *fleet, struct process *process)
{
    if (process->phase != SETTLED || !process->server)
        return;
    struct server *server = process_server(fleet, process);
    struct record *record = &server->record;
    uint8_t expiry = (uint8_t)(fleet->now + server->clock + record_life(process->kept));
    process->view = server->clock;
    if (has_moved(process, server->clock) || record->expiry > expiry) {
        process->must_change = 1;
        process->phase = UNSETTLED;
        return;
    }
    if (record->epoch == process->epoch)
        record->expiry = expiry;
    else if (is_broken(RENEWAL_WRITES) && record->epoch == 0)
        *record = (struct record){process->epoch, server->run, process->epoch == process->home ? 0 : process->home,
                                  process->floor, expiry,      process->kept};
    else
        process->phase = UNSETTLED;
}

void process_disconnect(struct process *process)
{
    process->server = 0;
    process->is_pending = 0;
    if (process->is_alive)
        process->phase = UNSETTLED;
}

bool process_leave(struct fleet *fleet, unsigned number)
{
    struct process *process = &fleet->processes[number];
    if (!process->server || process->server == fleet->active)
        return false;
    process_disconnect(process);
    return true;
}

/* A commit that it sent may still land. */
void process_kill(struct fleet *fleet, unsigned number)
{
    struct process *process = &fleet->processes[number];
    *process =
        (struct process){.away_since = process->away_since, .raise_epoch = process->raise_epoch, .skew = process->skew};
}

bool process_stop(struct fleet *fleet, unsigned number)
{
    struct process *process = &fleet->processes[number];
    if (!process->is_alive || process->phase != SETTLED)
        return false;
    if (process_reaches_durable(process) && (fleet->epoch == process->home || is_broken(STOP_FORGETS))) {
        if (process->let_in && !is_broken(STOP_FORGETS))
            write_down_let_in(fleet, &fleet->users[number], process);
        fleet->users[number] = (struct user_row){0};
    }
    process_kill(fleet, number);
    return true;
}
