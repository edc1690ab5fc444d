#include "guard/nonce_decision.h"

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

static void name_epoch(struct nonce_row *row, struct slice epoch, struct slice record)
{
    (void)snprintf(row->epoch, sizeof row->epoch, "%.*s", SLICE_ARGS(epoch));
    (void)snprintf(row->record, sizeof row->record, "%.*s", SLICE_ARGS(record));
}

static void guard_row(const struct nonce_meeting *meeting, struct nonce_row *row, const struct nonce_users *users)
{
    accepted_ranges_guard_all(&row->ranges);
    accepted_ranges_guard_others(&row->ranges, &users->others);
    if (!row->exists && row->earlier_ms)
        accepted_ranges_guard_span(&row->ranges, row->earlier_ms / 1000, (meeting->now_ms + meeting->lead_ms) / 1000);
    row->exists = true;
}

static void declare_epoch(const struct nonce_meeting *meeting, struct nonce_row *row, const struct nonce_users *users)
{
    name_epoch(row, meeting->fresh, meeting->record);
    row->is_used = false;
    guard_row(meeting, row, users);
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

/* Somebody else declared it, and uses it elsewhere. */
static bool is_given_way_to(const struct nonce_meeting *meeting, const struct nonce_row *row)
{
    return row->exists && meeting->is_patient && !is_of_server(meeting, row) &&
           !slice_eq(meeting->left, slice_str(row->epoch));
}

/* `is_good`: nothing else than the record speaks against the row's epoch. */
static enum nonce_outcome judge_meeting(const struct nonce_meeting *meeting, const struct nonce_row *row, bool is_good)
{
    bool is_rows = row->exists && meeting->stands && slice_eq(meeting->seen, slice_str(row->epoch));
    if (is_rows && is_good)
        return row->is_used ? NONCE_STANDS : NONCE_CONFIRMS;
    if (may_be_under_way(meeting, row))
        return NONCE_YIELDS;
    if (is_given_way_to(meeting, row))
        return NONCE_GIVES_WAY;
    if (row->exists && row->is_used && !slice_eq(meeting->looked, slice_str(row->epoch)))
        return NONCE_LOOKS_AGAIN;
    return NONCE_DECLARES;
}

enum status nonce_decide_meeting(void *context, struct nonce_row *row, struct nonce_users *users)
{
    struct nonce_meeting *meeting = context;
    meeting->outcome = judge_meeting(meeting, row, !was_elsewhere(row, users));
    if (meeting->outcome == NONCE_DECLARES)
        declare_epoch(meeting, row, users);
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

/* ---- a part ---- */

/* The record of a whole, which no server holds; where its nonces were in another store before, what follows it. */
#define WHOLE_RECORD       "parts"
#define WHOLE_RECORD_AFTER "parts after another"

bool nonce_row_has_parts(const struct nonce_row *row)
{
    return row->exists && slice_starts_with(slice_str(row->record), SLICE(WHOLE_RECORD));
}

/* A whole that was a single server's before, or another store's meanwhile: all that was accepted is guarded in every
 * part. */
static void meet_whole(const struct nonce_meeting *meeting, struct nonce_row *whole, const struct nonce_users *users)
{
    bool is_ours = nonce_row_has_parts(whole);
    if (is_ours && !was_elsewhere(whole, users))
        return;
    bool is_first = !whole->exists && !whole->earlier_ms;
    if (!is_ours)
        name_epoch(whole, meeting->fresh, is_first ? SLICE(WHOLE_RECORD) : SLICE(WHOLE_RECORD_AFTER));
    else
        (void)snprintf(whole->epoch, sizeof whole->epoch, "%.*s", SLICE_ARGS(meeting->fresh));
    whole->is_used = true;
    if (is_ours)
        accepted_ranges_guard_others(&whole->ranges, &users->others);
    else
        guard_row(meeting, whole, users);
}

/* Whoever raises the whole's ranges does so under its epoch. What a process that is left behind in the part may accept
 * was below their ends before this changed it. In a part that no nonce was ever accepted in, nothing was lost. */
static void declare_part(const struct nonce_meeting *meeting, struct nonce_row *whole, struct nonce_row *part)
{
    bool is_after_another = slice_eq(slice_str(whole->record), SLICE(WHOLE_RECORD_AFTER));
    (void)snprintf(whole->epoch, sizeof whole->epoch, "%.*s", SLICE_ARGS(meeting->fresh));
    name_epoch(part, meeting->fresh, meeting->record);
    part->was_used = part->was_used || part->is_used || is_after_another;
    part->is_used = false;
    part->exists = true;
    if (!part->was_used)
        return;
    accepted_ranges_guard_all(&part->ranges);
    accepted_ranges_guard_others(&part->ranges, &whole->ranges);
}

enum status nonce_decide_part_meeting(void *context, struct nonce_row *whole, struct nonce_row *part,
                                      struct nonce_users *users)
{
    struct nonce_meeting *meeting = context;
    meet_whole(meeting, whole, users);
    meeting->outcome = judge_meeting(meeting, part, true);
    if (meeting->outcome == NONCE_DECLARES)
        declare_part(meeting, whole, part);
    meeting->row = *part;
    return STATUS_OK;
}

/* What a user that is never heard again accepted without the ledger may be missing in the other parts' guards: it goes
 * into the ranges, as at a clean stop. A raise covers ACCEPTED_AHEAD_S more. */
static void cover_user(const struct nonce_user *user, struct accepted_ranges *ranges)
{
    int64_t high_ms = user->clock_ms + AWAY_MAX_MS + AWAY_AHEAD_MS + AWAY_SLACK_MS;
    const struct second_span span = {user->clock_ms / 1000, high_ms / 1000 - ACCEPTED_AHEAD_S};
    accepted_ranges_raise_span(ranges, &span);
}

enum status nonce_decide_part_confirmation(void *context, struct nonce_row *whole, struct nonce_row *part,
                                           struct nonce_users *users)
{
    struct nonce_confirmation *it = context;
    it->is_in_force = part->exists && slice_eq(it->epoch, slice_str(part->epoch));
    if (!it->is_in_force)
        return STATUS_OK;
    int64_t others_ms = time_for_others(it, users);
    for (size_t i = 0; !part->is_used && part->was_used && i < users->count; i++)
        if (guard_user(it, &users->items[i], others_ms, &part->ranges)) {
            cover_user(&users->items[i], &whole->ranges);
            users->items[i].id[0] = '\0';
        }
    part->is_used = true;
    it->ranges = part->ranges;
    return STATUS_OK;
}
