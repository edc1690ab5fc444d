/* verifier: the code of RFC 5849 §2.2 as people meet it: shown in groups, typed with or without them. */
#ifndef COUNTERSIGN_AUTH_SERVICE_PROTOCOL_VERIFIER_H
#define COUNTERSIGN_AUTH_SERVICE_PROTOCOL_VERIFIER_H

#include "base/arena.h"
#include "base/attributes.h"
#include "base/buf.h"
#include "base/slice.h"

enum {
    VERIFIER_BYTES = 32,        /* for a redirect: 190 bit */
    VERIFIER_TYPABLE_BYTES = 8, /* to be typed: 39 bit, and five tries */
};

/* Appends "ABCD-EFGH". */
void verifier_write_grouped(struct slice verifier, struct buf *out);
/* Appends "A B C D, E F G H": what a screen reader says letter by letter. */
void verifier_write_spelled(struct slice verifier, struct buf *out);

/* What was typed, as it was issued: without spaces and hyphens, and in capitals if it is as long as one to be typed. No
 * issued one has a space or a hyphen (crypto/random.h). Absent: no memory. */
struct slice verifier_typed(struct slice text, struct arena *arena);

#endif
