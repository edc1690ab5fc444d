/* fleet: two processes, two Redis servers behind one address and a durable store, under the protocol of
 * docs/design/nonce-guard.md, in steps so small that every order of them is another trace.
 *
 * Time is in ticks. The constants keep the order of the real ones: the record's life is not longer than the skew nor
 * than lead + 2 s, a small step of a clock goes unnoticed, a big one leaps over nonces and windows.
 *
 * One request, stamped `stamp`, is sent again and again (by an attacker) to every process; that it is accepted twice is
 * a replay. All other requests matter only by what they write down, so of a set of timestamps just `stamp` is kept
 * (FLEET_REPLAY). For FLEET_DENIAL all timestamps are kept, nonces are not, and a state is bad if, with everything
 * mended, no fresh request is accepted in time. */
#ifndef MODEL_FLEET_H
#define MODEL_FLEET_H

#include "model/search.h"

enum {
    SKEW = 4,
    SMALL_SKEW = 1, /* what SKEW takes is forgotten by then */
    LEAD = 3,
    AHEAD = 1,       /* a range rises by so much above what is accepted */
    TOLERANCE = 2,   /* a clock may move by so much without a loss */
    RECORD_LIFE = 2, /* of the record in Redis */
    AWAY_AFTER = 1,  /* rule 8 begins when the durable store has not answered for longer */
    AWAY_AHEAD = 1,  /* and accepts so far ahead of the steady time */
    AWAY_MOST = 5,   /* for so long */
    UNNOTICED = 1,   /* a neighbour may go on for so long without noticing */
    SMALL = 2,       /* steps of a clock */
    BIG = 13,
    BACK_WITHIN = 7, /* a fresh request is accepted so soon after everything is mended */
    BEGIN = 16,      /* the first moment */
    TIMES = 64,      /* timestamps are below */
};

/* What a fleet does otherwise than the protocol says. Of these, CLOCKS_UNCOMPARED, ADOPTED_UNGUARDED,
 * TAKEN_OVER_UNGUARDED, RANGES_UNGUARDED and RECORD_TAKEN_AWAY lead to nothing bad within the bounds that were
 * searched; test_nonce_guard.c has the rest. */
enum fleet_fault_in_rules {
    GUARD_BY_CLOCK = 1,   /* 1, 2: everything up to a reading of the clock + lead is guarded, nothing is written down */
    ONE_MARK,             /* 1: one high-water mark in place of ranges */
    ACCEPT_UNWRITTEN,     /* 1: accepted when the raise is sent, not when it is committed */
    RAISE_UNFENCED,       /* 3: a raise does not ask whether its epoch is in force */
    VERDICT_UNFENCED,     /* 4: the verdict does not wait for the GET of the record */
    RECORD_BELIEVED,      /* 5: a record with the right run_id stands, whatever the row says */
    RUN_IGNORED,          /* 5: a record stands under another run_id too */
    RUN_ID_ALONE,         /* 5: a server is known by its run_id, not by its master_replid too */
    USED_LATE,            /* 5: `used` is written after the first nonce was taken */
    SAME_ID_AGAIN,        /* 5: an unused epoch is taken up under the same id */
    RENEWAL_WRITES,       /* 6: the record is renewed by SET, also where it is gone */
    LEAP_UNSEEN,          /* 6: clocks are not compared, and the record has no life of its own */
    CLOCKS_UNCOMPARED,    /* 6: clocks are not compared */
    RECORD_ETERNAL,       /* 6: the record has no life of its own */
    RECORD_RELATIVE,      /* 6: the record's end is so long after its write, not a time by the clock that was read */
    AWAY_AT_ONCE,         /* 8: without waiting for the durable store's answer */
    AWAY_UNBOUNDED,       /* 8: as far ahead as the window allows */
    AWAY_ENDLESS,         /* 8: for as long as the durable store is away */
    ANCHOR_UNWRITTEN,     /* 8: steady time from the last answer, not from the row that others can see */
    LAGGING_WHILE_AWAY,   /* 8: timestamps from before the row was written */
    GUARD_WITHOUT_MARGIN, /* 9: no seconds for a neighbour that has not noticed */
    GUARD_EARLY,          /* 9: the guard is computed when the epoch is declared, before its record is in Redis */
    GUARD_TO_STEADY,      /* 9: everything up to the steady time is guarded, not what the rows may have let in */
    ROWS_MISSING,         /* 10: no rows of processes */
    STOP_FORGETS,         /* 10: a clean stop takes its row out without writing down what rule 8 let in */
    RESTART_FORGETS,      /* 10: a start writes over the row of a crashed predecessor */
    ADOPTED_UNGUARDED,    /* 11: an epoch declared in Redis alone becomes the row's as it is */
    TAKEN_OVER_UNGUARDED, /* 11: whoever takes such an epoch over adds no guard of his own */
    RANGES_UNGUARDED,     /* 11: such an epoch guards up to its steady time, not the ranges */
    RECORD_TAKEN_AWAY,    /* 11: an epoch that others declared is replaced instead of joined */
    ALONE_GUARDED_EARLY,  /* 11: the guard is computed before the record is in Redis */
    KEPT_IGNORED,         /* 6: whoever settles does not ask how long nonces are kept in the epoch */
    KEPT_BY_OWN,          /* 6: nonces are kept by the skew of whoever accepts them, not by the epoch */
    TWO_PRIMARIES,        /* the assumption is dropped that two primaries serve for UNNOTICED at most in an outage */
    FLEET_RULES
};

enum fleet_goal { FLEET_REPLAY, FLEET_DENIAL };

/* What may happen, each time at the cost of one of `faults`. */
enum fleet_events {
    MAY_FLUSH = 1,
    MAY_RESTART_REDIS = 2,
    MAY_FAIL_OVER = 4,  /* connections are cut */
    MAY_STEP_CLOCK = 8, /* Redis's: small and big */
    MAY_LOSE_DURABLE = 16,
    MAY_KILL = 32,
    MAY_STOP = 64, /* cleanly */
    MAY_REBOOT = 128,
    MAY_CUT = 256, /* one process from the durable store */
    MAY_STEP_SMALL = 512,
    MAY_SPLIT = 1024, /* a failover after which connections to the old primary live on */
};

struct fleet_options {
    enum fleet_goal goal;
    unsigned events;
    unsigned faults;
    unsigned processes;
    unsigned ticks;
    bool is_cut;     /* one process is cut off from the durable store at first */
    bool is_lazy;    /* rows are not refreshed in every tick */
    bool is_mixed;   /* the first process has SMALL_SKEW */
    int stamp;       /* of the request, after BEGIN */
    unsigned broken; /* a fleet_fault_in_rules; 0: none */
};

/* Valid until the next call. */
const struct search_model *fleet_model(const struct fleet_options *options);

#endif
