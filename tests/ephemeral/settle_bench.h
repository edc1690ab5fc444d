/* settle_bench: an epoch is agreed on (redis_settle.h) with a test that answers for Redis, is the durable store and the
 * keeper's thread, and has the clocks in its hands. A program that uses it wraps the calls of settle_bench.c
 * (tests/CMakeLists.txt). */
#ifndef COUNTERSIGN_TESTS_EPHEMERAL_SETTLE_BENCH_H
#define COUNTERSIGN_TESTS_EPHEMERAL_SETTLE_BENCH_H

#include "ephemeral/redis_settle.h"

#include "support/test.h"

#include <string.h>

enum { SKEW_MS = 300000, LEAD_MS = 60000, LIFE_MS = 30000, COMMANDS_MAX = 512 };
#define NOW_S  INT64_C(1790000000)
#define NOW_MS (NOW_S * 1000)

#define KEY        "00112233445566778899aabbccddeeff"
#define RECORD(id) "3 " id " server 256 " KEY

extern int64_t settle_monotonic_ms; /* what clock_monotonic_ms answers */

struct command {
    char text[512];
    char last[64]; /* the last word of it */
    redis_done_fn done;
    void *context;
};

struct redis_client {
    struct command commands[COMMANDS_MAX];
    size_t sent;
    size_t answered;
    size_t room; /* how many more can be sent */
};

struct nonce_keeper {
    struct nonce_standing standing;
    struct nonce_job *job; /* that was started */
    int started;
    int cancelled;
    int64_t told_clock_ms;
};

struct settling {
    struct nonce_ledger ledger; /* first */
    struct nonce_row row;
    struct nonce_user user;
    size_t user_count;
    enum status ledger_status;
    struct fake_clock local;
    struct redis_clock clock;
    struct redis_client client;
    struct nonce_keeper keeper;
    struct redis_patience patience;
    _Atomic int64_t unsure_until_ms;
    struct redis_settle settle;
    bool has_turn;
    int greeted;
    int done;
    enum status status;
};

/* For cmocka: *state is a struct settling. */
int settle_setup(void **state);
int settle_teardown(void **state);
#define SETTLE_TEST(test) cmocka_unit_test_setup_teardown(test, settle_setup, settle_teardown)

/* One more, of the same process. */
void settle_init(struct settling *it, struct redis_settle *settle);

/* ---- Redis's answer to the oldest command without one ---- */

struct redisReply;
void settle_answer(struct settling *it, const struct redisReply *reply);
void settle_answer_text(struct settling *it, int type, const char *text);
void settle_answer_integer(struct settling *it, int64_t number);
void settle_answer_info(struct settling *it, const char *run_id);
void settle_answer_time(struct settling *it, int64_t redis_ms);
/* "": there is no record. */
void settle_answer_record(struct settling *it, const char *record);
/* No command gets an answer any more. */
void settle_lose_connection(struct settling *it);

/* ---- the steps on the way ---- */

/* Asks this Redis whose clock is the process's, and answers: the run id, the record ("": there is none), its life. */
void settle_ask_by(struct settling *it, struct redis_settle *settle, const char *run_id, const char *record,
                   int64_t life_ms);
/* The same of "server", where a record has all of its life before it. */
void settle_ask(struct settling *it, const char *record);
/* The keeper's thread, and its answer to the loop. */
void settle_run_job(struct settling *it);
/* Redis sets what it was asked to. */
void settle_install(struct settling *it);
/* What the durable store holds. */
void settle_use_row(struct settling *it, const char *epoch, const char *record, bool is_used);
/* An epoch that stands, as others have agreed on it. */
void settle_well(struct settling *it);
/* An epoch is declared where there was none, and is in Redis; what confirms it is to be run. */
void settle_declare(struct settling *it);

#define assert_ended(it, number, expected, word) \
    do {                                         \
        assert_int_equal((it)->done, (number));  \
        assert_status((it)->status, (expected)); \
        if (!strstr((it)->settle.fault, (word))) \
            fail_msg("%s", (it)->settle.fault);  \
    } while (0)

#endif
