/* contract_ephemeral: what every ephemeral store must do, as tests that any implementation is put to. */
#ifndef COUNTERSIGN_TESTS_SUPPORT_CONTRACT_EPHEMERAL_H
#define COUNTERSIGN_TESTS_SUPPORT_CONTRACT_EPHEMERAL_H

#include "support/ephemeral_bench.h"

/* Runs the suite; returns the number of tests that failed. */
int contract_ephemeral_run(const struct tested_ephemeral *kind);

#endif
