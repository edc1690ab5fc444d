/* memory_bench: a service with its nonces in memory, which is started and stopped on one ledger. */
#ifndef COUNTERSIGN_TESTS_EPHEMERAL_MEMORY_BENCH_H
#define COUNTERSIGN_TESTS_EPHEMERAL_MEMORY_BENCH_H

#include "durable/nonces.h"
#include "ephemeral/ephemeral.h"
#include "support/asking.h"
#include "support/durable_bench.h"
#include "support/ephemeral_bench.h"

enum { SKEW_S = BENCH_SKEW_MS / 1000, LEAD_S = BENCH_LEAD_MS / 1000 };

struct memory_service {
    struct durable_bench durable;
    struct durable_nonce_ledger ledger;
    struct ephemeral_options options;
    struct ephemeral_store *store;
    struct ephemeral *view;
    struct asking asking;
};

/* For cmocka: *state is a struct memory_service that was not started yet. */
int memory_service_setup(void **state);
int memory_service_teardown(void **state);
#define MEMORY_TEST(test) cmocka_unit_test_setup_teardown(test, memory_service_setup, memory_service_teardown)

/* Each start ends with a stop, which saves the nonces, or with a crash, which does not. */
void memory_service_start(struct memory_service *service);
void memory_service_stop(struct memory_service *service);
void memory_service_crash(struct memory_service *service);

int64_t memory_service_now_s(const struct memory_service *service);
/* Time passes. */
void memory_service_pass_s(struct memory_service *service, int64_t seconds);
/* Somebody sets the wall's clock. */
void memory_service_step_s(struct memory_service *service, int64_t seconds);
/* Waits until the new epoch has begun. */
void memory_service_recover(struct memory_service *service);
/* A nonce of one client and token. */
enum status memory_service_spend(struct memory_service *service, int64_t timestamp_s, const char *text);

#endif
