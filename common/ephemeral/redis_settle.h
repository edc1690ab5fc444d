/* redis_settle: agrees with Redis, with the durable store and with all who use them on the epoch
 * (docs/design/nonce-guard.md, rules 5, 9 and 11).
 *
 * Embedded in whoever has a connection; at most one run at a time, which begins anew with each redis_settle_start. */
#ifndef COUNTERSIGN_EPHEMERAL_REDIS_SETTLE_H
#define COUNTERSIGN_EPHEMERAL_REDIS_SETTLE_H

#include "base/attributes.h"
#include "base/status.h"
#include "ephemeral/redis_clock.h"
#include "ephemeral/redis_epoch.h"
#include "guard/nonce_epoch.h"
#include "guard/nonce_guard.h"
#include "guard/nonce_ledger.h"
#include "redis/client.h"

#include <stdbool.h>
#include <stdint.h>

struct settle_job;

/* Waiting for an epoch on another server, though this one was believed. The process's: of whoever has the turn. */
struct redis_patience {
    bool is_waiting;
    int64_t length_ms;
    int64_t until_ms; /* monotonic */
};

struct redis_settle {
    /* set by the view */
    struct redis_client *client;
    struct redis_clock *clock;
    struct nonce_keeper *keeper;
    struct loop *loop;
    struct slice key; /* of the record; empty: "e" */
    bool is_part;     /* of a store that may lose its nonces in parts; then: */
    unsigned part;
    const struct redis_clock *reference; /* the clock of the whole store */
    int64_t skew_ms;
    int64_t lead_ms;
    _Atomic int64_t *unsure_until_ms; /* the process's: until when (steady) rule 10 goes by the latest clock */
    struct redis_patience *patience;
    /* Redis can be used, whatever becomes of the epoch. */
    void (*greeted)(void *context);
    /* False: somebody else in this process asks the durable store now. Over with `done`. */
    bool (*begin_settling)(void *context);
    /* OK: `epoch` holds. CONFLICT: others are at it too; STORE_DOWN: the durable store is needed and does not answer,
     * or the connection was lost: to be tried again. BAD_INPUT: this server will not do. `fault` says why. */
    void (*done)(void *context, enum status status);
    void *context;
    /* what is known of the last epoch that was settled; kept from run to run */
    bool knows_clock;
    int64_t known_offset_ms;            /* Redis's clock in it, less the steady one */
    char durable[NONCE_EPOCH_ID_BYTES]; /* the last one that the durable store knew of */
    char broken[NONCE_EPOCH_ID_BYTES];  /* one that is never believed again: it was left, or nonces are missing in it */

    /* results */
    struct redis_epoch epoch;
    char loss[NONCE_SHORT_BYTES];     /* why this process declared it, where nobody else could tell; else "" */
    char text[REDIS_EPOCH_BYTES + 1]; /* of it, as it is in Redis */
    size_t text_len;
    bool is_provisional;           /* the durable store does not know of it (rule 11) */
    struct accepted_ranges ranges; /* what is guarded then, and always in a part */
    char fault[256];

    /* the run */
    bool is_running;
    bool has_read;     /* the record, also before it looks again */
    bool is_overtaken; /* nonces may have gone missing since it began: it ends with a conflict */
    struct redis_server server;
    int64_t asked_ms;
    int64_t now_ms;
    char seen[REDIS_EPOCH_BYTES + 1];
    size_t seen_len;
    struct redis_epoch seen_epoch;      /* id "": there is none */
    char looked[NONCE_EPOCH_ID_BYTES];  /* the row's epoch before the record was read */
    char yielded[NONCE_EPOCH_ID_BYTES]; /* the epoch that somebody else was found to declare */
    int64_t yielded_at_ms;              /* and since when (monotonic) */
    struct redis_epoch proposal;
    bool is_alone; /* it is proposed without the durable store */
    char proposal_text[REDIS_EPOCH_BYTES + 1];
    size_t proposal_len;
    struct settle_job *job; /* at the keeper */
};

/* Sends the questions: `done` is called later. STORE_DOWN, NO_MEMORY: it is not. */
MUST_USE enum status redis_settle_start(struct redis_settle *settle);
/* Ends the run without calling `done`: the connection is lost, or its view is freed. */
void redis_settle_stop(struct redis_settle *settle);

/* Redis's clock is in this epoch what it shows now. One that is off by more than the skew is not: nothing is accepted
 * by it. */
void redis_settle_note_clock(struct redis_settle *settle);
/* Nonces of the epoch may be missing, and the record does not show that: Redis may evict them, or the part's slot
 * moves. */
void redis_settle_break(struct redis_settle *settle);
/* Redis's clock has moved. A record that is read after that shows by its life whether it was there before. */
void redis_settle_leave(struct redis_settle *settle);

static inline struct slice redis_settle_key(const struct redis_settle *settle)
{
    return settle->key.len ? settle->key : REDIS_EPOCH_KEY;
}

static inline struct slice redis_settle_text(const struct redis_settle *settle)
{
    return slice_of(settle->text, settle->text_len);
}

#endif
