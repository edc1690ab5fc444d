/* nonce_guard: what a loop may accept now, as the keeper has it (docs/design/nonce-guard.md, rules 1 and 8).
 *
 * Embedded in a loop's view; used on that loop's thread. */
#ifndef COUNTERSIGN_GUARD_NONCE_GUARD_H
#define COUNTERSIGN_GUARD_NONCE_GUARD_H

#include "base/attributes.h"
#include "guard/nonce_keeper.h"
#include "guard/nonce_trouble.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    CLOCK_LEAP_MS = 2000, /* a store's clock that parts from the steady one by more than this has moved: a loss */
    AWAY_AFTER_MS = 100,  /* how long an answer of the ledger must be missing before rule 8 holds */
    GONE_AFTER_MS = 1500, /* and before it counts as away for all else */
};

struct nonce_guard {
    struct nonce_keeper *keeper;
    struct nonce_standing standing;
    struct nonce_parts *parts; /* borrowed; NULL: the store has none */
    uint64_t version;
    int64_t wanted;
    uint64_t wanted_version;
};

enum nonce_judgement {
    NONCE_MAY,      /* be accepted, if it is new */
    NONCE_WAITS,    /* until the keeper has told a change */
    NONCE_MUST_NOT, /* it may have been accepted before a loss */
};

static inline struct nonce_guard nonce_guard_init(struct nonce_keeper *keeper)
{
    return (struct nonce_guard){.keeper = keeper, .version = UINT64_MAX};
}

/* What holds since the keeper last told a change; borrowed until the next call. */
const struct nonce_standing *nonce_guard_standing(struct nonce_guard *guard);
/* Reads what holds now. The keeper tells of no question before it is answered or has failed, and so of no answer that
 * is missing. */
void nonce_guard_read(struct nonce_guard *guard);
/* Whether the keeper has told a change since the last look. */
static inline bool nonce_guard_has_news(const struct nonce_guard *guard)
{
    return nonce_keeper_version(guard->keeper) != guard->version;
}
/* The epoch in force, as the ranges were read: of the part, or of a store without parts. */
static inline const char *nonce_guard_epoch(struct nonce_guard *guard, unsigned part)
{
    const struct nonce_standing *standing = nonce_guard_standing(guard);
    return guard->parts ? guard->parts->epochs[part] : standing->epoch;
}
/* Judges a timestamp, and wants more of the keeper where little is left. */
enum nonce_judgement nonce_guard_judge(struct nonce_guard *guard, int64_t second);
/* Rule 8: whether the ledger is away, and nonces are taken nevertheless. `now_ms` is the store's clock. */
bool nonce_guard_goes_on(struct nonce_guard *guard, const struct clock *clock, int64_t now_ms);
/* Rule 8: whether a timestamp that waits may be accepted because the ledger does not answer. It is noted before this
 * returns true; false, too: the ledger answered meanwhile, and it is to be judged again. */
bool nonce_guard_may_go_on(struct nonce_guard *guard, const struct clock *clock, int64_t second, int64_t now_ms);
/* For how long an answer of the ledger has been missing; 0: none is. */
int64_t nonce_standing_missing_ms(const struct nonce_standing *standing);
/* The process's steady time by the row that the ledger has of it; 0: it has none. */
int64_t nonce_standing_steady_ms(const struct nonce_standing *standing, const struct clock *clock);

/* ---- what an operator sees ---- */

/* By the store's clock, and OAUTH1_TIMESTAMP_LEAD. */
struct nonce_trouble nonce_guard_trouble(struct nonce_guard *guard, int64_t now_ms, int64_t lead_ms);

#endif
