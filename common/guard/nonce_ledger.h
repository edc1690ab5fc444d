/* nonce_ledger: what is known of a nonce store when its nonces are lost, kept by somebody durable
 * (docs/design/nonce-guard.md).
 *
 * Invariants: one row for each nonce store names the epoch in force and the timestamps that may have been accepted.
 * Ranges are raised only where the row still names the epoch of whoever raises them. What a clean stop saved is taken
 * out in the transaction that begins the next epoch, so that an old copy can never make a later crash look like a clean
 * stop. Every function is one transaction. */
#ifndef COUNTERSIGN_GUARD_NONCE_LEDGER_H
#define COUNTERSIGN_GUARD_NONCE_LEDGER_H

#include "base/attributes.h"
#include "base/slice.h"
#include "base/status.h"
#include "guard/accepted_ranges.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

enum {
    NONCE_HASH_KEY_BYTES = 16,
    NONCE_EPOCH_ID_BYTES = 33, /* with the NUL; see nonce_epoch.h */
    NONCE_RECORD_BYTES = 256,
    NONCE_MACHINE_BYTES = 96,
};

/* Rule 8: what users of a store accept while the ledger is away. */
enum {
    AWAY_AHEAD_MS = 2000, /* how far ahead of the steady time a timestamp may be */
    AWAY_MAX_MS = 300000, /* for how long */
    AWAY_SLACK_MS = 3000, /* by how much the steady times of two processes may differ, and what one has not noticed */
};

/* ---- a store whose nonces end with its process ---- */

enum nonce_opening {
    NONCES_FIRST, /* never opened before: nothing can be replayed */
    NONCES_SAVED, /* stopped cleanly: the nonces are in the result */
    NONCES_LOST,  /* opened and not saved, or the clock has gone back since: all that was accepted is guarded */
    NONCES_SHORT, /* stopped cleanly, but nonces were not kept for as long as they are now: the same */
};

struct nonce_begin {
    struct slice name;
    struct slice epoch; /* the id of the new one, which says how long nonces are kept in it */
    int64_t now_ms;
    int64_t back_ms; /* a clock that is behind the one at which nonces were saved by more than this makes them LOST */
    int64_t lead_ms; /* OAUTH1_TIMESTAMP_LEAD: what a version before the ranges may have accepted */
};

/* A nonce as the store keeps it: the second of its timestamp, and a keyed hash of the rest. */
struct saved_nonce {
    int64_t timestamp_s;
    uint64_t hash;
};

struct nonce_state {
    enum nonce_opening opening;
    int64_t at_ms;  /* the store's clock when it was saved */
    int64_t kept_s; /* how long the nonces of the epoch before were kept; 0: that is not known */
    struct accepted_ranges ranges;
    unsigned char hash_key[NONCE_HASH_KEY_BYTES]; /* NONCES_SAVED */
    struct saved_nonce *nonces;                   /* NONCES_SAVED; malloc'ed */
    size_t count;
};

static inline void nonce_state_done(struct nonce_state *state)
{
    free(state->nonces);
    *state = (struct nonce_state){0};
}

/* ---- a store that many processes share ---- */

/* The name of the store that all services share. */
#define NONCE_STORE_SHARED "redis"
/* Stands before the name of a service that keeps its own in memory. */
#define NONCE_STORE_MEMORY_OF "memory:"

/* A process, as the others see it in the ledger: what time it was for it when the ledger last answered. */
struct nonce_user {
    char id[NONCE_EPOCH_ID_BYTES];
    char machine[NONCE_MACHINE_BYTES]; /* and this boot of it: where it is the same, so is the steady clock */
    int64_t steady_ms;
    int64_t clock_ms; /* the store's clock */
};

/* The epoch in force, as its row has it. */
struct nonce_row {
    bool exists;        /* false: no process has ever used this store, or only a version before the ranges */
    int64_t earlier_ms; /* when such a version last used a nonce store; 0: none */
    char epoch[NONCE_EPOCH_ID_BYTES];
    char record[NONCE_RECORD_BYTES]; /* what the store itself holds to show that it is in this epoch */
    bool is_used;                    /* false: declared, but nothing was accepted under it yet */
    bool was_used;                   /* of a part: nonces may have been accepted in it before this epoch */
    struct accepted_ranges ranges;
};

/* The rest of what a decision needs. */
struct nonce_users {
    struct nonce_user *items; /* malloc'ed */
    size_t count;
    struct accepted_ranges others; /* what may have been accepted by other nonce stores */
};

/* Sees the row and changes it: what it leaves there is committed, together with which users are forgotten
 * (id[0] = '\0'). May be called again. */
typedef enum status (*nonce_decide_fn)(void *context, struct nonce_row *row, struct nonce_users *users);

/* ---- a shared store that may lose its nonces in parts: a Redis Cluster's shards ---- */

/* The store's own row (the whole) has the ranges of all parts; its epoch is another one whenever a part's is. A part's
 * row has its epoch, and in its ranges what is guarded in it. */
enum { NONCE_PARTS = 64 };

/* The epoch of each part; "": it has none. */
struct nonce_parts {
    char epochs[NONCE_PARTS][NONCE_EPOCH_ID_BYTES];
};

/* As nonce_decide_fn, on the row of the whole and that of a part. */
typedef enum status (*nonce_decide_part_fn)(void *context, struct nonce_row *whole, struct nonce_row *part,
                                            struct nonce_users *users);

/* What keep_blocking is asked to keep. */
struct nonce_keep {
    struct slice name;
    struct slice epoch;    /* of whoever asks */
    const int64_t *wanted; /* seconds that the ranges shall cover */
    size_t wanted_count;
    struct second_span away;       /* seconds that were accepted without being covered */
    const struct nonce_user *user; /* its row is refreshed; NULL: not now */
};

struct nonce_ledger {
    /* Begins an epoch of a store whose nonces end with its process, also after it has lost them in mid-life. */
    enum status (*open_blocking)(struct nonce_ledger *ledger, const struct nonce_begin *begin,
                                 struct nonce_state *ret_state);
    /* Saves the nonces at a clean stop. CONFLICT: another epoch is in force. */
    enum status (*save_blocking)(struct nonce_ledger *ledger, struct slice name, struct slice epoch,
                                 const struct nonce_state *state);
    /* Raises the ranges where they do not reach yet, and tells what they are then. CONFLICT: another epoch is in force.
     * Writes only where there is something to write. */
    enum status (*keep_blocking)(struct nonce_ledger *ledger, const struct nonce_keep *keep,
                                 struct accepted_ranges *ret_ranges);
    /* Lets `decide` see and change the row, while everybody else who decides waits. */
    enum status (*decide_blocking)(struct nonce_ledger *ledger, struct slice name, nonce_decide_fn decide,
                                   void *context);
    /* The same for a part of it. */
    enum status (*decide_part_blocking)(struct nonce_ledger *ledger, struct slice name, unsigned part,
                                        nonce_decide_part_fn decide, void *context);
    /* Reads the whole's row and the epochs of its parts, as they were at one moment. */
    enum status (*read_parts_blocking)(struct nonce_ledger *ledger, struct slice name, struct nonce_row *ret_whole,
                                       struct nonce_parts *ret_parts);
    /* Takes out a user: nothing that it accepted is outside the ranges. */
    enum status (*leave_blocking)(struct nonce_ledger *ledger, struct slice name, struct slice user_id);
    /* What the last call that was STORE_DOWN or STORE_CORRUPT ran into, for the operator; "": that is not known. May be
     * NULL. */
    const char *(*last_error)(const struct nonce_ledger *ledger);
};

#endif
