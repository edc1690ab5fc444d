/* faulty_ephemeral: a view that passes everything on to another one, except the calls that a test wants to
 * fail as a store that is down. */
#ifndef COUNTERSIGN_TESTS_SUPPORT_FAULTY_EPHEMERAL_H
#define COUNTERSIGN_TESTS_SUPPORT_FAULTY_EPHEMERAL_H

#include "ephemeral/ephemeral.h"

struct faulty_ephemeral {
    struct ephemeral view; /* first: what is tested gets its address */
    struct ephemeral *inner;
    unsigned calls;   /* `_start` calls so far */
    unsigned fail_at; /* this one fails; 0: none */
    bool loses_lists; /* of sessions: every user's is empty */
};

/* `inner` stays the caller's. */
void faulty_ephemeral_init(struct faulty_ephemeral *faulty, struct ephemeral *inner);
/* Counts anew, and fails the n-th call from now on; 0: none. */
void faulty_ephemeral_fail(struct faulty_ephemeral *faulty, unsigned nth);

#endif
