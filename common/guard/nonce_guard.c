#include "guard/nonce_guard.h"

void nonce_guard_read(struct nonce_guard *guard)
{
    if (guard->parts)
        nonce_keeper_read_parts(guard->keeper, &guard->standing, guard->parts, &guard->version);
    else
        nonce_keeper_read(guard->keeper, &guard->standing, &guard->version);
}

const struct nonce_standing *nonce_guard_standing(struct nonce_guard *guard)
{
    if (nonce_guard_has_news(guard))
        nonce_guard_read(guard);
    return &guard->standing;
}

static void want_second(struct nonce_guard *guard, int64_t second)
{
    if (guard->wanted == second && guard->wanted_version == guard->version)
        return;
    guard->wanted = second;
    guard->wanted_version = guard->version;
    nonce_keeper_want(guard->keeper, second);
}

enum nonce_judgement nonce_guard_judge(struct nonce_guard *guard, int64_t second)
{
    const struct nonce_standing *standing = nonce_guard_standing(guard);
    if (standing->epoch[0] == '\0')
        return NONCE_WAITS;
    if (accepted_ranges_guard(&standing->ranges, second))
        return NONCE_MUST_NOT;
    if (accepted_ranges_left(&standing->ranges, second) < ACCEPTED_LEFT_S)
        want_second(guard, second);
    return accepted_ranges_cover(&standing->ranges, second) ? NONCE_MAY : NONCE_WAITS;
}

int64_t nonce_standing_steady_ms(const struct nonce_standing *standing, const struct clock *clock)
{
    if (!standing->noted_clock_ms)
        return 0;
    return standing->noted_clock_ms + clock_steady_ms(clock) - standing->noted_steady_ms;
}

int64_t nonce_standing_missing_ms(const struct nonce_standing *standing)
{
    return standing->asked_ms ? clock_monotonic_ms() - standing->asked_ms : 0;
}

bool nonce_guard_goes_on(struct nonce_guard *guard, const struct clock *clock, int64_t now_ms)
{
    const struct nonce_standing *standing = nonce_guard_standing(guard);
    int64_t steady_ms = nonce_standing_steady_ms(standing, clock);
    int64_t apart_ms = now_ms - steady_ms;
    return nonce_standing_missing_ms(standing) >= AWAY_AFTER_MS && steady_ms &&
           steady_ms - standing->noted_clock_ms <= AWAY_MAX_MS && apart_ms <= CLOCK_LEAP_MS &&
           apart_ms >= -CLOCK_LEAP_MS;
}

bool nonce_guard_may_go_on(struct nonce_guard *guard, const struct clock *clock, int64_t second, int64_t now_ms)
{
    if (!nonce_guard_goes_on(guard, clock, now_ms))
        return false;
    const struct nonce_standing *standing = &guard->standing;
    int64_t steady_ms = nonce_standing_steady_ms(standing, clock);
    if (accepted_ranges_guard(&standing->ranges, second) || second < standing->floor_clock_ms / 1000 ||
        second > (steady_ms + AWAY_AHEAD_MS) / 1000)
        return false;
    nonce_keeper_note_away(guard->keeper, second);
    return !nonce_guard_has_news(guard); /* the row may have moved on before it was noted */
}

/* ---- what an operator sees ---- */

static int64_t above_zero(int64_t number)
{
    return number > 0 ? number : 0;
}

struct nonce_trouble nonce_guard_trouble(struct nonce_guard *guard, int64_t now_ms, int64_t lead_ms)
{
    const struct nonce_standing *standing = nonce_guard_standing(guard);
    const struct accepted_ranges *ranges = &standing->ranges;
    int64_t now_s = now_ms / 1000;
    int64_t lead_s = (lead_ms + 999) / 1000;
    int64_t ahead_s = accepted_ranges_high(ranges, now_s) - now_s;
    bool is_far = ahead_s > lead_s + ACCEPTED_AHEAD_S + 1 || accepted_ranges_begin_above(ranges, now_s + lead_s);
    return (struct nonce_trouble){
        .guard_s = accepted_ranges_guard_end(ranges, now_s) - now_s,
        .behind_s = !is_far   ? 0
                    : ahead_s ? ahead_s
                              : ranges->items[0].low - now_s,
        .is_stuck = nonce_standing_missing_ms(standing) >= GONE_AFTER_MS,
        .lead_s =
            is_far ? 0 : above_zero(accepted_ranges_reach(ranges, now_s, now_s + lead_s) - now_s - ACCEPTED_AHEAD_S),
    };
}
