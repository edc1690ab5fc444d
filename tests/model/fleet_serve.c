/* How a process accepts a request: rules 1, 3, 4 and 8. */
#include "model/fleet_state.h"

static bool is_in_window(const struct fleet *fleet, const struct process *process, int stamp)
{
    int clock = fleet->now + process->view;
    return stamp >= clock - process->skew && stamp <= clock + LEAD;
}

static bool is_guarded(const struct process *process, int stamp)
{
    return stamp <= process->floor || (process->guarded >> stamp & 1);
}

/* Rule 8. */
static bool is_let_in(const struct fleet *fleet, const struct process *process, int stamp)
{
    int steady = process->steady + fleet->now - process->steady_at;
    int off = fleet->now + process->view - steady;
    bool is_away = !process_reaches_durable(process) && fleet->now >= process->away_since + AWAY_AFTER;
    if (process->steady_at == 0 || (!is_away && !is_broken(AWAY_AT_ONCE)))
        return false;
    if (fleet->now > process->steady_at + AWAY_MOST && !is_broken(AWAY_ENDLESS))
        return false;
    if (stamp < process->steady && !is_broken(LAGGING_WHILE_AWAY))
        return false;
    if (off > SKEW / 2 || off < -SKEW / 2)
        return false;
    return stamp <= steady + AWAY_AHEAD || is_broken(AWAY_UNBOUNDED);
}

static bool is_written(const struct process *process, int stamp)
{
    if (is_broken(GUARD_BY_CLOCK))
        return true;
    if (is_broken(ACCEPT_UNWRITTEN) && process->raise_epoch)
        return true;
    return process->epoch == process->home && (process->written >> stamp & 1);
}

bool process_spend(struct fleet *fleet, unsigned number)
{
    struct process *process = &fleet->processes[number];
    int stamp = fleet->stamp;
    if (process->phase != SETTLED || process->is_pending || !process->server)
        return false;
    if (!is_in_window(fleet, process, stamp) || is_guarded(process, stamp))
        return false;
    bool by_rule_1 = is_written(process, stamp);
    if (!by_rule_1 && !is_let_in(fleet, process, stamp))
        return false;
    struct server *server = process_server(fleet, process);
    if ((server->nonces | server->short_nonces) >> process->epoch & 1)
        return false;
    int kept = is_broken(KEPT_BY_OWN) ? 2 * process->skew : process->kept;
    uint16_t *nonces = kept < 2 * SKEW ? &server->short_nonces : &server->nonces;
    *nonces |= (uint16_t)(1U << process->epoch);
    if (!by_rule_1)
        process->let_in = 1;
    if (is_broken(VERDICT_UNFENCED))
        fleet->accepted++;
    else
        process->is_pending = 1;
    return true;
}

bool process_take_verdict(struct fleet *fleet, unsigned number)
{
    struct process *process = &fleet->processes[number];
    if (!process->is_pending)
        return false;
    process->is_pending = 0;
    if (process_server(fleet, process)->record.epoch != process->epoch)
        process->phase = UNSETTLED;
    else
        fleet->accepted++;
    return true;
}

/* ---- raises of the ranges ---- */

bool process_raise(struct fleet *fleet, unsigned number)
{
    struct process *process = &fleet->processes[number];
    if (process->phase != SETTLED || process->raise_epoch || process->epoch != process->home ||
        !process_reaches_durable(process) || (process->written >> fleet->stamp & 1) || is_broken(GUARD_BY_CLOCK))
        return false;
    process->raise_epoch = process->epoch;
    return true;
}

/* However late, and if whoever sent it is dead. */
bool process_land(struct fleet *fleet, unsigned number)
{
    struct process *process = &fleet->processes[number];
    if (!process->raise_epoch || (process->is_alive && !process_reaches_durable(process)))
        return false;
    bool is_in_force = fleet->epoch == process->raise_epoch || is_broken(RAISE_UNFENCED);
    uint64_t bit = UINT64_C(1) << fleet->stamp;
    if (is_in_force)
        fleet->written |= bit;
    if (process->phase == SETTLED && process->epoch == process->raise_epoch) {
        process->written |= is_in_force ? bit : 0;
        process->phase = is_in_force ? SETTLED : UNSETTLED;
    }
    process->raise_epoch = 0;
    return true;
}

/* ---- other requests, where nonces do not matter ---- */

bool process_serve(struct fleet *fleet, unsigned number, int stamp)
{
    struct process *process = &fleet->processes[number];
    if (process->phase != SETTLED || !process->server || stamp < 0 || stamp + AHEAD >= TIMES)
        return false;
    if (!is_in_window(fleet, process, stamp) || is_guarded(process, stamp))
        return false;
    if (process_server(fleet, process)->record.epoch != process->epoch) {
        process->phase = UNSETTLED;
        return false;
    }
    if (is_written(process, stamp))
        return true;
    if (process->epoch == process->home && process_reaches_durable(process) && fleet->epoch == process->epoch) {
        fleet->written |= fleet_range(fleet, is_broken(ONE_MARK) ? 0 : stamp, stamp + AHEAD);
        process->written = fleet->written;
        return true;
    }
    if (!is_let_in(fleet, process, stamp))
        return false;
    process->let_in = 1;
    return true;
}
