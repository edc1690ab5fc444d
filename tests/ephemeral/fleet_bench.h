/* fleet_bench: processes that come and go beside one Redis server of the test's own, one that can be flushed, killed
 * and replaced, and whose clock, like theirs, is the test's. */
#ifndef COUNTERSIGN_TESTS_EPHEMERAL_FLEET_BENCH_H
#define COUNTERSIGN_TESTS_EPHEMERAL_FLEET_BENCH_H

#include "ephemeral/ephemeral.h"
#include "guard/nonce_ledger.h"
#include "support/asking.h"
#include "support/durable_bench.h"
#include "support/redis_server.h"
#include "support/switched_ledger.h"
#include "support/test.h"

enum {
    SKEW_S = 4,
    LEAD_S = 2,
    GUARD_S = LEAD_S + ACCEPTED_AHEAD_S + 1, /* after requests with all leads */
    PATIENCE = 400,
    STEP_MS = 25,
};

#define FIRST_MS INT64_C(1790000000000)
#define FIRST_S  (FIRST_MS / 1000)

/* A deployment: one database, one Redis (with a replica where a test makes one), and processes that come and go. */
struct fleet {
    struct durable_bench durable;
    struct redis_server_process server;
    struct redis_server_process replica;
    char link[TEMP_PATH_BYTES]; /* the socket that the processes are told of: leads to the primary */
    char url[REDIS_SERVER_URL_BYTES];
    struct ephemeral_options options;
};

struct process {
    struct fleet *fleet;
    struct durable db;
    struct switched_ledger ledger;
    struct ephemeral_store *store;
    struct ephemeral *view;
    struct asking asking;
};

/* For cmocka: *state is a struct fleet, whose server is not started yet. */
int fleet_setup(void **state);
int fleet_teardown(void **state);
#define FLEET_TEST(test) cmocka_unit_test_setup_teardown(test, fleet_setup, fleet_teardown)

/* Starts the server with these arguments (NULL: none). */
void fleet_open(struct fleet *fleet, const char *const *args);
/* Whom processes reach from now on; a connection that they have stays where it is. */
void fleet_lead_to(struct fleet *fleet, const struct redis_server_process *server);
/* The servers go by the processes' clock. */
void fleet_set_clocks(struct fleet *fleet);
/* Everybody's wall clock is set; no time passes. */
void fleet_step_s(struct fleet *fleet, int64_t seconds);
int64_t fleet_now_s(const struct fleet *fleet);

/* Starts a process, and waits until it is ready. */
void process_begin(struct process *process, struct fleet *fleet);
void process_end(struct process *process);
enum status process_ping(struct process *process);
/* Its loop runs for so long. */
void process_run_for(struct process *process, unsigned ms);
void process_wait_until_ready(struct process *process);
/* So much time passes for everybody, and the process asks for the clock. */
void process_pass_s(struct process *process, int64_t seconds);
enum status process_spend(struct process *process, int64_t timestamp_s, const char *text);

/* One request for each second that a timestamp may bear now. */
void process_send_all(struct process *process, int64_t at_s);
/* Each of them again, in every second of the next two windows in which its timestamp is good. */
void process_replay_all(struct process *process, int64_t sent_s);
/* What was raised ahead of need in the background may be there or not. */
void assert_guarded(struct ephemeral *view);
void assert_good_again(struct process *process);

#endif
