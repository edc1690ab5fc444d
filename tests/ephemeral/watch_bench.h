/* watch_bench: a watch (redis_watch.h) with all that it calls in the test's hands: a test answers for Redis, says how a
 * settling ended, and reads what the watch did, in order. A program that uses it wraps the calls of watch_bench.c
 * (tests/CMakeLists.txt). */
#ifndef COUNTERSIGN_TESTS_EPHEMERAL_WATCH_BENCH_H
#define COUNTERSIGN_TESTS_EPHEMERAL_WATCH_BENCH_H

#include "ephemeral/redis_view.h"
#include "ephemeral/redis_watch.h"
#include "support/test.h"

#include <string.h>

enum { SKEW_MS = 300000, LEAD_MS = 60000, LIFE_MS = 30000, COMMANDS_MAX = 64, SPREAD = 200 };
#define NOW_S  INT64_C(1790000000)
#define NOW_MS (NOW_S * 1000)

struct loop {
    struct fake_clock clock;
    struct observer observer;
};

struct redis_client {
    enum redis_state state;
};

struct command {
    char text[128];
    redis_done_fn done;
    void *context;
};

/* What others answer, and what was asked of them. */
struct watch_world {
    char said[1024];
    struct command commands[COMMANDS_MAX];
    size_t sent;
    enum status timer_status[4]; /* of the first call for a timer, the second and so on */
    size_t timer_calls;
    enum status start_status;
    enum status nonces_status;
    bool has_no_mac;
    bool has_no_listener;
    void (*on_change)(void *context);
    struct nonce_trouble trouble;
    bool goes_on;
};
extern struct watch_world watch_world;

#define assert_said(expected)                              \
    do {                                                   \
        assert_string_equal(watch_world.said, (expected)); \
        watch_world.said[0] = '\0';                        \
    } while (0)

struct watched {
    struct loop loop;
    struct redis_store store;
    struct redis_client client;
    struct redis_settling settling;
    struct redis_view view;
    struct redis_view other; /* of the same process */
    struct nonce_parts parts;
};

/* A view that is not settled, of a process with another one. */
int watched_setup(void **state);
int watched_teardown(void **state);
#define WATCH_TEST(test) cmocka_unit_test_setup_teardown(test, watched_setup, watched_teardown)

/* Before redis_watch_init. */
void watched_view_init(struct watched *it, struct redis_view *view);
/* The `greeted` of the watch. */
void watched_greeted(void *context);

/* ---- its epoch ---- */

/* This one is in force, as the keeper knows. */
void watched_enter(struct redis_view *view, const char *id);
/* The settling ends so, with this epoch. */
void watched_settled(struct redis_view *view, const char *id, enum status status);
/* The epoch "a" is in force, and the clock was read. */
void watched_settle_well(struct watched *it);
/* The view is that of a part of a Cluster, number 3, of which the keeper knows this epoch. */
void watched_make_part(struct watched *it);
void watched_part_is_in(struct watched *it, const char *id);

/* ---- what Redis answers ---- */

struct redisReply;
/* The watch looks; what begins with this name is answered. */
void watched_answer(struct watched *it, const char *name, const struct redisReply *reply);
void watched_answer_text(struct watched *it, const char *name, const char *text);
void watched_answer_time(struct watched *it, int64_t redis_ms);

#endif
