/* The contract of the ephemeral store, on a Redis Cluster; and what only a Cluster can do to it. */
#include "crypto/mac.h"
#include "ephemeral/ephemeral.h"
#include "ephemeral/nonce_hash.h"
#include "ephemeral/redis_view.h"
#include "redis/slot.h"
#include "support/contract_ephemeral.h"
#include "support/redis_cluster.h"
#include "support/test.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { MANY = 200, PATIENCE_STEPS = 4000, STEP_US = 5000 };

static struct redis_cluster_servers cluster;

static struct ephemeral_store *open_cluster(const struct ephemeral_options *options)
{
    redis_cluster_servers_must(&cluster, "FLUSHALL", "+OK");
    return ephemeral_bench_open(slice_str(cluster.url), options);
}

/* The server of a part. */
static struct redis_server_process *server_of(unsigned part)
{
    char key[24];
    (void)snprintf(key, sizeof key, "e:{%u}", part);
    return redis_cluster_servers_of(&cluster, redis_slot_of(slice_str(key)));
}

static void move_clock(const struct fake_clock *clock)
{
    static const char persist_all[] = "EVAL \"for _,k in ipairs(redis.call('KEYS','e:*')) do redis.call('PERSIST',k) "
                                      "end return 1\" 0";
    char line[256];
    for (unsigned i = 0; i < CLUSTER_SERVERS; i++) {
        redis_server_tell(&cluster.servers[i], persist_all, line); /* as if others had watched in between */
        redis_server_set_time(&cluster.servers[i], clock->wall_ms);
    }
}

static const struct tested_ephemeral kind = {"a Redis Cluster", open_cluster, move_clock};

static int setup(void **state)
{
    struct ephemeral_bench *bench = test_malloc(sizeof *bench);
    ephemeral_bench_init(bench, &kind);
    *state = bench;
    return 0;
}

static int teardown(void **state)
{
    ephemeral_bench_done(*state);
    test_free(*state);
    return 0;
}

/* By the rule that all processes must agree on for ever. */
static unsigned part_of(const struct nonce *nonce)
{
    static const char no_key[NONCE_HASH_KEY_BYTES] = "countersign";
    struct mac *mac = mac_new(1);
    struct nonce_hash hash;
    assert_status(nonce_hash(mac, slice_of(no_key, sizeof no_key), nonce, &hash), STATUS_OK);
    mac_free(mac);
    return hash.spread % NONCE_PARTS;
}

static struct nonce make_nonce(const struct ephemeral_bench *bench, char text[16], int number)
{
    (void)snprintf(text, 16, "nonce-%d", number);
    return (struct nonce){SLICE("client"), SLICE("token"), bench->clock.wall_ms / 1000, slice_str(text)};
}

static enum status spend(struct ephemeral_bench *bench, const struct nonce *nonce)
{
    ephemeral_nonce_spend_start(bench->view, nonce, asking_ticket(&bench->asking));
    return asking_wait(&bench->asking, NULL);
}

static void nonces_are_spread_over_all_primaries_and_each_is_accepted_once(void **state)
{
    struct ephemeral_bench *bench = *state;
    char text[16];
    for (int i = 0; i < MANY; i++) {
        struct nonce nonce = make_nonce(bench, text, i);
        assert_status(spend(bench, &nonce), STATUS_OK);
        assert_status(spend(bench, &nonce), STATUS_NONCE_USED);
    }
    for (unsigned i = 0; i < CLUSTER_SERVERS; i++)
        assert_true(redis_server_number(&cluster.servers[i], "EVAL \"return #redis.call('KEYS','n:*')\" 0") > 10);
}

/* FLUSHALL changes neither the connection nor the server. */
static void a_primary_that_was_flushed_accepts_no_replay_and_the_others_go_on(void **state)
{
    struct ephemeral_bench *bench = *state;
    char text[16];
    int others = 0;
    for (int i = 0; i < MANY; i++) {
        struct nonce nonce = make_nonce(bench, text, i);
        assert_status(spend(bench, &nonce), STATUS_OK);
    }
    redis_server_must(&cluster.servers[1], "FLUSHALL", "+OK");
    for (int i = 0; i < MANY; i++) {
        struct nonce nonce = make_nonce(bench, text, i);
        bool is_flushed = server_of(part_of(&nonce)) == &cluster.servers[1];
        assert_status(spend(bench, &nonce), is_flushed ? STATUS_STORE_DOWN : STATUS_NONCE_USED);
        nonce = make_nonce(bench, text, MANY + i);
        is_flushed = server_of(part_of(&nonce)) == &cluster.servers[1];
        others += !is_flushed;
        assert_status(spend(bench, &nonce), is_flushed ? STATUS_STORE_DOWN : STATUS_OK);
    }
    assert_true(others > MANY / 3);
    assert_true(ephemeral_guard_s(bench->view) > 0);
}

static void delete_sets(struct redis_server_process *server, unsigned part)
{
    char command[256];
    (void)snprintf(command, sizeof command,
                   "EVAL \"for _,k in ipairs(redis.call('KEYS','n:{%u}*')) do redis.call('DEL',k) end return 1\" 0",
                   part);
    redis_server_must(server, command, ":1");
}

/* As after a move of its slot that was broken off while nobody watched: the record is here, but a set stayed at the
 * other node. Nothing else tells of it. */
static void leave_sets_elsewhere(struct redis_server_process *server, unsigned part, int unwatched_ms)
{
    char command[256];
    delete_sets(server, part);
    (void)snprintf(command, sizeof command,
                   "EVAL \"local k='e:{%u}' return redis.call('PEXPIRE',k,redis.call('PTTL',k)-%d)\" 0", part,
                   unwatched_ms);
    redis_server_must(server, command, ":1");
    redis_server_must(server, "CLIENT KILL TYPE normal SKIPME yes", ":");
}

static void read_record(struct redis_server_process *server, unsigned part, char record[256])
{
    char command[128];
    (void)snprintf(command, sizeof command, "EVAL \"return redis.status_reply(redis.call('GET','e:{%u}'))\" 0", part);
    redis_server_tell(server, command, record);
}

/* Until it is settled anew. */
static void assert_no_replay(struct ephemeral_bench *bench, const struct nonce *nonce, const char *record)
{
    unsigned part = part_of(nonce);
    char now[256];
    for (int step = 0; step < PATIENCE_STEPS; step++) {
        assert_status(spend(bench, nonce), STATUS_STORE_DOWN);
        read_record(server_of(part), part, now);
        if (strcmp(now, record) != 0)
            return;
        (void)usleep(STEP_US);
    }
    fail_msg("the part is not settled again");
}

static void where_nobody_watched_a_part_for_some_seconds_no_replay_is_accepted(void **state)
{
    struct ephemeral_bench *bench = *state;
    char text[16];
    char before[256];
    struct nonce nonce = make_nonce(bench, text, 1);
    unsigned part = part_of(&nonce);
    struct redis_server_process *server = server_of(part);
    assert_status(spend(bench, &nonce), STATUS_OK);
    read_record(server, part, before);
    leave_sets_elsewhere(server, part, 5000);
    assert_no_replay(bench, &nonce, before);
}

static void set_slot(struct redis_server_process *server, unsigned part, const char *what)
{
    char key[24];
    char command[128];
    (void)snprintf(key, sizeof key, "e:{%u}", part);
    (void)snprintf(command, sizeof command, "CLUSTER SETSLOT %u %s", redis_slot_of(slice_str(key)), what);
    redis_server_must(server, command, "+OK");
}

/* A move that was begun and broken off: the record stayed, and a set went. Who asks for it meanwhile is told. */
static void where_a_parts_slot_was_on_its_way_no_replay_is_accepted(void **state)
{
    struct ephemeral_bench *bench = *state;
    char text[16];
    char other_text[16];
    char before[256];
    char id[256];
    char migrating[96];
    struct nonce nonce = make_nonce(bench, text, 1);
    struct nonce other = nonce;
    unsigned part = part_of(&nonce);
    struct redis_server_process *server = server_of(part);
    struct redis_server_process *target = server == &cluster.servers[0] ? &cluster.servers[1] : &cluster.servers[0];
    assert_status(spend(bench, &nonce), STATUS_OK);
    read_record(server, part, before);
    redis_server_tell(target, "EVAL \"return redis.status_reply(redis.call('CLUSTER','MYID'))\" 0", id);
    (void)snprintf(migrating, sizeof migrating, "MIGRATING %.40s", id + 1);
    set_slot(server, part, migrating);
    delete_sets(server, part);
    for (int i = 2; i == 2 || part_of(&other) != part; i++)
        other = make_nonce(bench, other_text, i);
    assert_status(spend(bench, &other), STATUS_STORE_DOWN);
    set_slot(server, part, "STABLE");
    assert_no_replay(bench, &nonce, before);
}

/* A view that ends while primaries hang: each question that has no answer ends with its connection, one after the
 * other. */
static void a_ping_under_way_ends_with_its_view(void **state)
{
    struct ephemeral_bench *bench = *state;
    struct nonce nonce;
    char text[16];
    nonce = make_nonce(bench, text, 0);
    assert_status(spend(bench, &nonce), STATUS_OK);
    for (unsigned i = 0; i < CLUSTER_SERVERS; i++)
        redis_server_pause(&cluster.servers[i]);
    ephemeral_ping_start(bench->view, asking_ticket(&bench->asking));
    ephemeral_view_free(bench->view);
    bench->view = NULL;
    assert_status(asking_wait(&bench->asking, NULL), STATUS_STORE_DOWN);
    for (unsigned i = 0; i < CLUSTER_SERVERS; i++)
        redis_server_go_on(&cluster.servers[i]);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nonces_are_spread_over_all_primaries_and_each_is_accepted_once),
        TEST(a_primary_that_was_flushed_accepts_no_replay_and_the_others_go_on),
        TEST(a_ping_under_way_ends_with_its_view),
        TEST(where_nobody_watched_a_part_for_some_seconds_no_replay_is_accepted),
        TEST(where_a_parts_slot_was_on_its_way_no_replay_is_accepted),
    };
    redis_cluster_servers_start(&cluster);
    int failed = cmocka_run_group_tests_name("on a Redis Cluster alone", tests, NULL, NULL);
    failed += contract_ephemeral_run(&kind);
    redis_cluster_servers_done(&cluster);
    return failed;
}
