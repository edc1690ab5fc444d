/* volatile_ledger: a nonce ledger in memory, for tests and benchmarks that ask nothing of what is durable. */
#ifndef COUNTERSIGN_TESTS_SUPPORT_VOLATILE_LEDGER_H
#define COUNTERSIGN_TESTS_SUPPORT_VOLATILE_LEDGER_H

#include "guard/nonce_ledger.h"

#include <pthread.h>
#include <stdatomic.h>

struct volatile_ledger {
    struct nonce_ledger ledger; /* first */
    pthread_mutex_t lock;
    struct nonce_row row;
    struct nonce_row parts[NONCE_PARTS];
    struct nonce_user users[8];
    size_t user_count;
    atomic_bool is_away; /* everything fails */
    atomic_int kept;     /* how often the ranges were written */
};

void volatile_ledger_init(struct volatile_ledger *ledger);
/* Its ranges cover these seconds from the first start on, so that nobody waits for the keeper's thread. */
void volatile_ledger_cover(struct volatile_ledger *ledger, int64_t low, int64_t high);

#endif
