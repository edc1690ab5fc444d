/* ephemeral_bench: an empty ephemeral store of any kind, one view of it, and what tests ask of it in one line. */
#ifndef COUNTERSIGN_TESTS_SUPPORT_EPHEMERAL_BENCH_H
#define COUNTERSIGN_TESTS_SUPPORT_EPHEMERAL_BENCH_H

#include "ephemeral/ephemeral.h"
#include "support/asking.h"
#include "support/volatile_ledger.h"

#include <stdbool.h>

/* An implementation, as the suite sees it. */
struct tested_ephemeral {
    const char *name;
    /* An empty store; its clock follows options->clock. Fails the test if it cannot. */
    struct ephemeral_store *(*open)(const struct ephemeral_options *options);
    /* The clock was moved: takes the store's own along. NULL: it has no other. */
    void (*move_clock)(const struct fake_clock *clock);
};

enum { BENCH_SKEW_MS = 300000, BENCH_LEAD_MS = 60000, BENCH_TEMP_TTL_MS = 600000, BENCH_RIVALS = 4 };
#define BENCH_BEGIN_MS 1790000000000

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

/* The store at the URL; the caller closes it. Fails the test if it cannot be opened. */
struct ephemeral_store *ephemeral_bench_open(struct slice url, const struct ephemeral_options *options);
void ephemeral_bench_init(struct ephemeral_bench *bench, const struct tested_ephemeral *kind);
void ephemeral_bench_done(struct ephemeral_bench *bench);

/* For cmocka: *state is a struct ephemeral_bench of the kind that was set last. */
void ephemeral_bench_use(const struct tested_ephemeral *kind);
int ephemeral_bench_setup(void **state);
int ephemeral_bench_teardown(void **state);
#define EPHEMERAL_TEST(test) cmocka_unit_test_setup_teardown(test, ephemeral_bench_setup, ephemeral_bench_teardown)

void ephemeral_bench_ping(struct ephemeral_bench *bench);
/* A store with a clock of its own notices by being asked. */
void ephemeral_bench_pass_s(struct ephemeral_bench *bench, int64_t seconds);

/* One of several who ask at once, each on a loop of its own. */
struct bench_rival {
    struct asking asking;
    struct ephemeral *view;
    unsigned good; /* answers of the kind of which there are only so many */
    unsigned refused;
    unsigned odd;
};

/* Runs it for each of BENCH_RIVALS at once. */
void ephemeral_bench_compete(struct ephemeral_bench *bench, struct bench_rival *rivals, void *(*run)(void *rival));

/* ---- temporary credentials: all but the first are about bench_temp ---- */

extern const struct temp_new bench_temp;
enum status ephemeral_bench_create_temp(struct ephemeral_bench *bench, const struct temp_new *temp);
/* Fails the test if there is none. Lives until the next call. */
const struct temp_credential *ephemeral_bench_find_temp(struct ephemeral_bench *bench);
enum status ephemeral_bench_grant(struct ephemeral_bench *bench, int64_t user, const char *verifier);
enum status ephemeral_bench_deny(struct ephemeral_bench *bench, int64_t user);
enum status ephemeral_bench_try_verifier(struct ephemeral_bench *bench, const char *verifier);
enum status ephemeral_bench_mark_exchanged(struct ephemeral_bench *bench);

/* ---- sessions, blobs and counters, each for 60 s ---- */

enum status ephemeral_bench_log_in(struct ephemeral_bench *bench, const char *id, int64_t user);
enum status ephemeral_bench_look_up(struct ephemeral_bench *bench, const char *id);
enum status ephemeral_bench_put_blob(struct ephemeral_bench *bench, const char *id, struct slice bytes);
/* Lives until the next call. */
const struct ephemeral_count *ephemeral_bench_count(struct ephemeral_bench *bench, const char *name);

/* Everything of this client or user ends. */
void ephemeral_bench_end(struct ephemeral_bench *bench, enum ephemeral_party party, const char *id);

#endif
