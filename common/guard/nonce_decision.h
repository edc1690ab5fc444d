/* nonce_decision: what becomes of an epoch's row, as its store and its users are seen (docs/design/nonce-guard.md,
 * rules 2, 5, 9 and 10). Decisions are functions of a row, run within the ledger's transaction. */
#ifndef COUNTERSIGN_GUARD_NONCE_DECISION_H
#define COUNTERSIGN_GUARD_NONCE_DECISION_H

#include "guard/nonce_ledger.h"

#include <stdbool.h>

/* ---- meeting: a record was read from the store ---- */

enum nonce_outcome {
    NONCE_STANDS,      /* the record is the row's: go on */
    NONCE_CONFIRMS,    /* it is, but nothing was accepted yet: confirm it first */
    NONCE_DECLARES,    /* a new epoch was declared: write `record` to the store, then confirm it */
    NONCE_YIELDS,      /* somebody else is about to: look again in a moment */
    NONCE_LOOKS_AGAIN, /* the record was read before it was known which one to look for: read it once more */
    NONCE_GIVES_WAY,   /* an epoch on another server is in use: the same */
};

struct nonce_meeting {
    struct slice seen;    /* the id of the record in the store; empty: there is none */
    bool stands;          /* nothing that was seen at the store speaks against it */
    struct slice looked;  /* the row's epoch when it was met before the record was read; empty: it was not */
    struct slice yielded; /* an epoch that was yielded to for long enough */
    struct slice fresh;   /* the id of a new epoch, and its record */
    struct slice record;
    struct slice server; /* what the records of this server's epochs contain, and no others */
    bool is_patient;     /* with an epoch of another server, but for */
    struct slice left;   /* the one that this process was in */
    int64_t now_ms;      /* the store's clock */
    int64_t lead_ms;     /* OAUTH1_TIMESTAMP_LEAD */
    /* results */
    enum nonce_outcome outcome;
    struct nonce_row row;
};

/* nonce_decide_fn; the context is a struct nonce_meeting. */
enum status nonce_decide_meeting(void *context, struct nonce_row *row, struct nonce_users *users);

/* ---- confirmation: the new epoch's record is in the store ---- */

struct nonce_confirmation {
    struct slice epoch;
    const char *machine;
    int64_t steady_ms;
    int64_t known_ms;  /* the store's clock by this process's steady time, from before; 0: it has none */
    int64_t latest_ms; /* the latest of what the clocks say now */
    bool is_unsure;    /* what time it was when the others were last heard was never known for sure; in and out */
    /* results */
    bool is_in_force; /* false: another was declared meanwhile */
    struct accepted_ranges ranges;
};

/* nonce_decide_fn; the context is a struct nonce_confirmation. */
enum status nonce_decide_confirmation(void *context, struct nonce_row *row, struct nonce_users *users);

/* ---- the same for a part of a store (nonce-guard.md, "A Cluster") ---- */

/* Whether the row is of a whole: not of a single server that took its place. */
bool nonce_row_has_parts(const struct nonce_row *row);
/* nonce_decide_part_fn; the contexts are those of the two above. A meeting's `row` is the part's. */
enum status nonce_decide_part_meeting(void *context, struct nonce_row *whole, struct nonce_row *part,
                                      struct nonce_users *users);
enum status nonce_decide_part_confirmation(void *context, struct nonce_row *whole, struct nonce_row *part,
                                           struct nonce_users *users);

#endif
