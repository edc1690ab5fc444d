/* nonces_bench: a view's nonces (redis_nonces.h) with a connection that sends nothing: a test reads the commands, and
 * answers them. A program that uses it wraps the calls of nonces_bench.c (tests/CMakeLists.txt). */
#ifndef COUNTERSIGN_TESTS_EPHEMERAL_NONCES_BENCH_H
#define COUNTERSIGN_TESTS_EPHEMERAL_NONCES_BENCH_H

#include "ephemeral/redis_nonces.h"
#include "ephemeral/redis_view.h"
#include "support/test.h"

#include <hiredis/hiredis.h>
#include <string.h>

enum { SKEW_S = 500, LEAD_S = 60, COMMANDS_MAX = 1024, TICKETS_MAX = 256 };
#define NOW_S  INT64_C(1790000000)
#define NOW_MS (NOW_S * 1000)

struct command {
    char text[128];
    redis_done_fn done;
    void *context;
};

struct redis_client {
    enum redis_state state;
    struct command commands[COMMANDS_MAX];
    size_t sent;
    size_t answered;
    const char *refuses; /* what begins so cannot be sent */
};

/* What others answer, and what was asked of them. */
struct nonces_world {
    enum nonce_judgement judgement;
    const char *judged_under; /* the keeper's epoch from the next judgement on; NULL: as it is */
    bool may_go_on;
    const char *went_on_under; /* the keeper's epoch from the next answer of rule 8 on; NULL: as it is */
    int64_t kept_s;            /* of the epochs that are settled on */
    uint64_t keeper_version;
    unsigned timer_ms; /* when the nonces that wait are tried again; 0: nobody has asked for it */
    int unsettled;
    enum status statuses[TICKETS_MAX];
    int completed[TICKETS_MAX];
};
extern struct nonces_world nonces_world;

struct nonces_bench {
    struct fake_clock local;
    struct redis_store store;
    struct redis_client client;
    struct redis_view view; /* last: who reads behind it is caught */
};

/* The epoch "first" is settled. */
int nonces_setup(void **state);
int nonces_teardown(void **state);
#define NONCES_TEST(test) cmocka_unit_test_setup_teardown(test, nonces_setup, nonces_teardown)

/* The epoch is agreed on, and the keeper is in it. */
void nonces_settle_on(struct nonces_bench *it, const char *id, unsigned shards);
void nonces_spend(struct nonces_bench *it, uint32_t slot, int64_t second);

/* ---- what was sent ---- */

const char *nonces_command_at(struct nonces_bench *it, size_t index);
bool nonces_is_command(struct nonces_bench *it, size_t index, const char *begins_with);

#define assert_command(it, index, begins_with)                                      \
    do {                                                                            \
        if (!nonces_is_command((it), (index), (begins_with)))                       \
            fail_msg("%zu: %s", (size_t)(index), nonces_command_at((it), (index))); \
    } while (0)

#define assert_answered(slot, status)                         \
    do {                                                      \
        assert_int_equal(nonces_world.completed[slot], 1);    \
        assert_status(nonces_world.statuses[slot], (status)); \
    } while (0)

/* ---- what Redis answers, in the order of the commands ---- */

void nonces_answer(struct nonces_bench *it, const struct redisReply *reply);
void nonces_answer_integer(struct nonces_bench *it, long long number);
void nonces_answer_text(struct nonces_bench *it, int type, const char *text);
void nonces_answer_record(struct nonces_bench *it, const char *id);
/* What INFO says of evictions and of replication, in this order. */
void nonces_answer_server(struct nonces_bench *it, const char *evicted, const char *followed);
/* The end of a write: the record, and that nothing was evicted, on the server that it was. */
void nonces_answer_epoch(struct nonces_bench *it, const char *id);
/* The connection is lost: everybody is told, before the view is. */
void nonces_lose_connection(struct nonces_bench *it);

#endif
