/* contract_ephemeral: what every ephemeral store must do, as tests that any implementation is put to. */
#ifndef COUNTERSIGN_TESTS_SUPPORT_CONTRACT_EPHEMERAL_H
#define COUNTERSIGN_TESTS_SUPPORT_CONTRACT_EPHEMERAL_H

#include "ephemeral/ephemeral.h"
#include "support/asking.h"
#include "support/volatile_ledger.h"

#include <stdbool.h>

/* An implementation, as the suite sees it. */
struct ephemeral_kind {
    const char *name;
    /* An empty store; its clock follows options->clock. Fails the test if it cannot. */
    struct ephemeral_store *(*open)(const struct ephemeral_options *options);
    /* The clock was moved: takes the store's own along. NULL: it has no other. */
    void (*move_clock)(const struct fake_clock *clock);
};

enum { BENCH_SKEW_MS = 300000, BENCH_LEAD_MS = 60000, BENCH_TEMP_TTL_MS = 600000 };

/* A store with one view and somebody who asks. */
struct ephemeral_bench {
    struct fake_clock clock;
    struct keyring *keys;
    struct volatile_ledger ledger;
    struct ephemeral_options options;
    struct ephemeral_store *store;
    struct ephemeral *view;
    struct asking asking;
};

void ephemeral_bench_init(struct ephemeral_bench *bench, const struct ephemeral_kind *kind);
void ephemeral_bench_done(struct ephemeral_bench *bench);

/* Runs the suite; returns the number of tests that failed. */
int contract_ephemeral_run(const struct ephemeral_kind *kind);

#endif
