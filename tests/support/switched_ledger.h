/* switched_ledger: the durable store's nonce ledger, which a test can take away, make slow, and look at. */
#ifndef COUNTERSIGN_TESTS_SUPPORT_SWITCHED_LEDGER_H
#define COUNTERSIGN_TESTS_SUPPORT_SWITCHED_LEDGER_H

#include "durable/nonces.h"

#include <stdatomic.h>

struct switched_ledger {
    struct nonce_ledger ledger; /* first */
    struct durable_nonce_ledger inner;
    atomic_bool is_away;
    atomic_bool decides_nothing; /* of what it is asked, decisions alone are away */
    atomic_bool loses_answers;   /* a user's row is written, nobody hears of it, and the rest is away from then on */
    atomic_int kept;             /* how often it was asked and answered */
    atomic_int decided;          /* likewise */
};

/* `db` is borrowed. */
void switched_ledger_init(struct switched_ledger *ledger, struct durable *db);

#endif
