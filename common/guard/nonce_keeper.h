/* nonce_keeper: a thread that keeps a nonce store's row in the ledger, for all loops of the process
 * (docs/design/nonce-guard.md).
 *
 * Invariants: the ledger is used by this thread alone. What the loops read (struct nonce_standing) was committed, under
 * the epoch that it names. Once a second the ledger is asked, or as soon as somebody wants more; listeners are told
 * whenever something changed or an attempt failed. */
#ifndef COUNTERSIGN_GUARD_NONCE_KEEPER_H
#define COUNTERSIGN_GUARD_NONCE_KEEPER_H

#include "base/attributes.h"
#include "base/clock.h"
#include "base/status.h"
#include "guard/nonce_ledger.h"
#include "loop/loop.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct nonce_keeper;

struct nonce_keeper_options {
    struct nonce_ledger *ledger; /* borrowed */
    struct slice name;
    const struct clock *clock; /* borrowed */
    bool is_shared;            /* other processes use the store too: this one has a row among its users */
    bool has_parts;            /* it may lose its nonces in parts: the keeper finds out the whole's epoch by itself */
};

/* NO_MEMORY, NO_RANDOMNESS. No epoch is entered yet. */
MUST_USE enum status nonce_keeper_new(const struct nonce_keeper_options *options, struct nonce_keeper **ret_keeper);
/* Finishes what it does, ends the thread, and takes this process out of the users where nothing that it accepted is
 * missing in the ranges. The ledger is the caller's again. Twice is fine. */
void nonce_keeper_stop(struct nonce_keeper *keeper);
/* The same, and frees it, after all its listeners. NULL is fine. */
void nonce_keeper_free(struct nonce_keeper *keeper);

/* ---- what holds now; from any thread ---- */

struct nonce_standing {
    char epoch[NONCE_EPOCH_ID_BYTES]; /* "": none is entered, or another is in force by now */
    struct accepted_ranges ranges;
    int64_t asked_ms;        /* since when an answer of the ledger is missing (clock_monotonic_ns, in ms); 0: none is */
    int64_t noted_steady_ms; /* when the user's row was last written, by the options' clock; 0: never */
    int64_t noted_clock_ms;  /* and by the store's, as the row has it */
    int64_t floor_clock_ms;  /* the latest that it may have: of a write whose answer is missing, too */
};

/* A number that changes with every change of the standing. */
uint64_t nonce_keeper_version(const struct nonce_keeper *keeper);
void nonce_keeper_read(struct nonce_keeper *keeper, struct nonce_standing *ret_standing, uint64_t *ret_version);
/* The same, with the epochs of the parts as they were when the ranges were read. */
void nonce_keeper_read_parts(struct nonce_keeper *keeper, struct nonce_standing *ret_standing,
                             struct nonce_parts *ret_parts, uint64_t *ret_version);
/* Says that a part is in another epoch than the keeper knows, so that it asks again. */
void nonce_keeper_refresh(struct nonce_keeper *keeper);
/* Asks the keeper to make the ranges cover this second. */
void nonce_keeper_want(struct nonce_keeper *keeper, int64_t second);
/* Says that the store is in this epoch, as the ledger's row has it. */
void nonce_keeper_enter(struct nonce_keeper *keeper, struct slice epoch, const struct accepted_ranges *ranges);
/* The store's clock, as somebody has just read it. */
void nonce_keeper_tell_clock(struct nonce_keeper *keeper, int64_t clock_ms);
/* This second is accepted without being in the ranges; told before. The row says so before its user's time moves on. */
void nonce_keeper_note_away(struct nonce_keeper *keeper, int64_t second);
/* The machine and its boot. */
const char *nonce_keeper_machine(const struct nonce_keeper *keeper);

/* ---- listeners: one for each loop that cares ---- */

struct nonce_listener {
    struct nonce_keeper *keeper;
    struct nonce_listener *next;
    struct loop *loop;
    struct loop_message message;
    atomic_bool is_posted;
    atomic_bool is_gone;
    void (*on_change)(void *context); /* on the loop's thread */
    void *context;
};

/* A heap object: it frees itself once it was ended and no message of it is under way. NULL: no memory. */
MUST_USE struct nonce_listener *nonce_keeper_listen(struct nonce_keeper *keeper, struct loop *loop,
                                                    void (*on_change)(void *context), void *context);
/* On its loop's thread, or once the loop does not run any more but still delivers. NULL is fine. */
void nonce_keeper_unlisten(struct nonce_listener *listener);

/* ---- jobs: what else is asked of the ledger ---- */

/* Comes first in what it works on; a heap object. */
struct nonce_job {
    /* On the keeper's thread. */
    void (*run_blocking)(struct nonce_job *job, struct nonce_ledger *ledger);
    /* On the loop's thread (without a loop: the keeper's); the job is the callee's again. Also for one that was not
     * run, because the keeper ended. */
    void (*done)(struct nonce_job *job);
    struct loop *loop;
    bool goes_first; /* others wait for what it says, and give it up after a while */
    bool was_run;
    bool is_cancelled;
    struct nonce_job *next;
    struct loop_message message;
};

/* Queues it, behind those that are queued already; one that goes first, before them. */
void nonce_keeper_start(struct nonce_keeper *keeper, struct nonce_job *job);
/* Its loop may end from now on: unless it is on its way there already, `done` is called on the keeper's thread, or
 * inside this call. */
void nonce_keeper_cancel(struct nonce_keeper *keeper, struct nonce_job *job);

#endif
