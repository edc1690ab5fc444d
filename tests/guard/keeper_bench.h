/* keeper_bench: a keeper (nonce_keeper.h) on a ledger that answers when and what a test says. A program that uses it
 * wraps the calls of keeper_bench.c (tests/CMakeLists.txt). */
#ifndef COUNTERSIGN_TESTS_GUARD_KEEPER_BENCH_H
#define COUNTERSIGN_TESTS_GUARD_KEEPER_BENCH_H

#include "guard/nonce_keeper.h"

#include "support/test.h"

#include <pthread.h>
#include <stdatomic.h>

enum { PATIENCE_S = 20, WANTED_MAX = 16, USER_PERIOD_MS = 5000 };
#define NOW_MS    INT64_C(1790000000000)
#define STEADY_MS INT64_C(1000000)

/* What was asked with one keep. */
struct asked {
    char epoch[NONCE_EPOCH_ID_BYTES];
    int64_t wanted[WANTED_MAX + 1];
    size_t wanted_count;
    struct second_span away;
    bool has_user;
    struct nonce_user user;
};

struct scripted_ledger {
    struct nonce_ledger ledger; /* first */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* under the lock */
    bool is_closed; /* keeps wait */
    int begun;
    int ended;
    struct asked asked;
    enum status status;
    enum status status_of_e; /* STATUS_OK: as the others */
    bool e_is_well;          /* whatever the others are */
    struct accepted_ranges ranges;
    int left;
    char left_id[NONCE_EPOCH_ID_BYTES];
};

struct keeper_bench {
    struct scripted_ledger script;
    struct fake_clock clock;
    struct nonce_keeper *keeper;
    struct loop *loop;
};

/* For cmocka: *state is a struct keeper_bench without a keeper. */
int keeper_setup(void **state);
int keeper_teardown(void **state);
#define KEEPER_TEST(test) cmocka_unit_test_setup_teardown(test, keeper_setup, keeper_teardown)

void keeper_open(struct keeper_bench *it, bool is_shared);
void keeper_enter(struct keeper_bench *it, const char *epoch, int64_t second);

/* ---- what the ledger does ---- */

void script_set_closed(struct scripted_ledger *script, bool is_closed);
void keeper_set_status(struct keeper_bench *it, enum status status);
/* Its keeps go on once the keeper is told to stop. */
extern struct scripted_ledger *keeper_opened_by_join;

/* ---- what was asked of it ---- */

/* `number` is begun or ended of the script. */
int keeper_number_of(struct keeper_bench *it, const int *number);
/* Waits until so many keeps have begun, or ended, and returns what the last asked. */
struct asked keeper_wait_for(struct keeper_bench *it, const int *number, int at_least);
/* In an epoch, and in the middle of a keep. */
void keeper_hold_in_keep(struct keeper_bench *it);
/* Lets the one that is under way go on, and returns what the next asks. */
struct asked keeper_next_asked(struct keeper_bench *it);
/* Runs one more keep, and tells whether it wrote the user's row. */
bool keeper_refreshes(struct keeper_bench *it, int64_t second);

/* ---- what the keeper tells ---- */

struct nonce_standing keeper_standing(struct keeper_bench *it);
/* Waits until a change was told. */
void keeper_wait_for_news(struct keeper_bench *it, uint64_t since);

/* ---- the time of its thread ---- */

extern _Atomic int64_t keeper_leapt_ms;      /* by how much monotonic time is ahead */
extern _Atomic int64_t keeper_longest_ms;    /* that it wanted to wait */
extern atomic_bool keeper_waits_until_woken; /* however long that takes */

#endif
