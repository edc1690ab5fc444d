#include "guard/nonce_decision.h"

#include "guard/nonce_guard.h"

#include <stdio.h>
#include <string.h>

/* ---- meeting ---- */

/* Whether another nonce store has accepted something that this epoch does not guard. */
static bool was_elsewhere(const struct nonce_row *row, const struct nonce_users *users)
{
    for (size_t i = 0; i < users->others.count; i++)
        if (accepted_ranges_guard_end(&row->ranges, users->others.items[i].low) <= users->others.items[i].high)
            return true;
    return false;
}

static void declare_epoch(const struct nonce_meeting *meeting, struct nonce_row *row, const struct nonce_users *users)
{
    (void)snprintf(row->epoch, sizeof row->epoch, "%.*s", SLICE_ARGS(meeting->fresh));
    (void)snprintf(row->record, sizeof row->record, "%.*s", SLICE_ARGS(meeting->record));
    row->is_used = false;
    accepted_ranges_guard_all(&row->ranges);
    accepted_ranges_guard_others(&row->ranges, &users->others);
    if (!row->exists && row->earlier_ms)
        accepted_ranges_guard_span(&row->ranges, row->earlier_ms / 1000, (meeting->now_ms + meeting->lead_ms) / 1000);
    row->exists = true;
}

/* A declared epoch of which the store knows nothing may be about to be written there. It is never written twice: who
 * does not wait for it declares another. */
static bool may_be_under_way(const struct nonce_meeting *meeting, const struct nonce_row *row)
{
    return row->exists && !row->is_used && !slice_eq(meeting->yielded, slice_str(row->epoch));
}

static bool is_of_server(const struct nonce_meeting *meeting, const struct nonce_row *row)
{
    struct slice record = slice_str(row->record);
    return slice_find_slice(record, meeting->server) < record.len;
}

enum status nonce_decide_meeting(void *context, struct nonce_row *row, struct nonce_users *users)
{
    struct nonce_meeting *meeting = context;
    bool is_rows = row->exists && meeting->stands && slice_eq(meeting->seen, slice_str(row->epoch));
    if (is_rows && !was_elsewhere(row, users)) {
        meeting->outcome = row->is_used ? NONCE_STANDS : NONCE_CONFIRMS;
    } else if (may_be_under_way(meeting, row)) {
        meeting->outcome = NONCE_YIELDS;
    } else if (row->exists && meeting->is_patient && !is_of_server(meeting, row)) {
        meeting->outcome = NONCE_GIVES_WAY;
    } else if (row->exists && row->is_used && !slice_eq(meeting->looked, slice_str(row->epoch))) {
        meeting->outcome = NONCE_LOOKS_AGAIN;
    } else {
        declare_epoch(meeting, row, users);
        meeting->outcome = NONCE_DECLARES;
    }
    meeting->row = *row;
    return STATUS_OK;
}

/* ---- confirmation ---- */

/* What time it is by the steady clock of the user that was last heard on this machine; 0: there is none. */
static int64_t time_by_machine(const struct nonce_confirmation *it, const struct nonce_users *users)
{
    const struct nonce_user *last = NULL;
    for (size_t i = 0; i < users->count; i++) {
        const struct nonce_user *user = &users->items[i];
        bool is_here = strcmp(user->machine, it->machine) == 0 && user->steady_ms <= it->steady_ms;
        if (is_here && (!last || user->steady_ms > last->steady_ms))
            last = user;
    }
    return last ? last->clock_ms + it->steady_ms - last->steady_ms : 0;
}

static int64_t later_of(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* The time for users of other machines, which have no steady clock in common with this one. */
static int64_t time_for_others(struct nonce_confirmation *it, const struct nonce_users *users)
{
    int64_t here_ms = it->known_ms ? it->known_ms : time_by_machine(it, users);
    if (!here_ms && users->count)
        it->is_unsure = true;
    return it->is_unsure ? later_of(here_ms, it->latest_ms) : here_ms;
}

/* What a user may have accepted without the ledger. Returns whether it can never be more than what is guarded now. */
static bool guard_user(const struct nonce_confirmation *it, const struct nonce_user *user, int64_t others_ms,
                       struct accepted_ranges *ranges)
{
    bool is_here = strcmp(user->machine, it->machine) == 0 && user->steady_ms <= it->steady_ms;
    int64_t now_ms = is_here ? user->clock_ms + it->steady_ms - user->steady_ms : others_ms;
    int64_t most_ms = user->clock_ms + AWAY_MAX_MS + AWAY_AHEAD_MS + AWAY_SLACK_MS;
    int64_t high_ms = now_ms + AWAY_AHEAD_MS + AWAY_SLACK_MS;
    bool is_all = high_ms >= most_ms;
    accepted_ranges_guard_span(ranges, user->clock_ms / 1000, (is_all ? most_ms : high_ms) / 1000);
    return is_all;
}

enum status nonce_decide_confirmation(void *context, struct nonce_row *row, struct nonce_users *users)
{
    struct nonce_confirmation *it = context;
    it->is_in_force = row->exists && slice_eq(it->epoch, slice_str(row->epoch));
    if (!it->is_in_force)
        return STATUS_OK;
    int64_t others_ms = time_for_others(it, users);
    for (size_t i = 0; !row->is_used && i < users->count; i++)
        if (guard_user(it, &users->items[i], others_ms, &row->ranges))
            users->items[i].id[0] = '\0';
    row->is_used = true;
    it->ranges = row->ranges;
    return STATUS_OK;
}
