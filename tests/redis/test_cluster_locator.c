/* Whoever needs any node of a Cluster, on a real one. */
#include "redis/cluster_locator.h"

#include "redis/blocking.h"
#include "redis/target.h"
#include "support/free_port.h"
#include "support/redis_cluster.h"
#include "support/test.h"

#include <stdio.h>

static struct redis_cluster_servers cluster;

static void open_target(const char *url, struct redis_target *target)
{
    struct buf why = BUF_INIT;
    if (redis_target_open_blocking(slice_str(url), SLICE_ABSENT, &why, target) != STATUS_OK)
        fail_msg("%s", buf_string(&why));
    buf_done(&why);
}

static void write_url(char url[128], int first_port, const char *second_port)
{
    (void)snprintf(url, 128, "redis+cluster://127.0.0.1:%d,127.0.0.1:%s", first_port, second_port);
}

static enum status take_ok(void *context, const struct redisReply *reply)
{
    (void)context;
    return redis_reply_ok(reply);
}

static void one_that_is_away_is_passed_over_and_the_primary_of_the_first_slot_is_found(void **state)
{
    static const struct slice args[] = {SLICE_INIT("SET"), SLICE_INIT("{la2}"), SLICE_INIT("x")};
    struct clock clock = clock_system(0);
    struct redis_target target;
    struct redis_blocking *redis = NULL;
    struct buf why = BUF_INIT;
    char url[128];
    (void)state;
    assert_int_equal(redis_slot_of(args[1]), 0);
    write_url(url, free_port(), cluster.ports[2]);
    open_target(url, &target);
    if (redis_open_blocking(&target, &clock, &why, &redis) != STATUS_OK)
        fail_msg("%s", buf_string(&why));
    assert_status(redis_ask_blocking(redis, args, COUNT_OF(args), take_ok, NULL), STATUS_OK); /* else: MOVED */
    redis_blocking_free(redis);
    redis_target_done(&target);
    buf_done(&why);
}

/* The port of the node that a connection is made to. */
static void tell_port(const struct redis_target *target, struct buf *out)
{
    struct redis_place place = {0};
    char fault[REDIS_FAULT_BYTES] = "";
    const atomic_bool never = false;
    if (!target->locator->locate_blocking(target->locator, &never, &place, fault))
        fail_msg("%s", fault);
    buf_reset(out);
    buf_add_u64(out, place.port);
}

static void give_slot(unsigned slot, const char *id)
{
    char command[128];
    (void)snprintf(command, sizeof command, "CLUSTER SETSLOT %u NODE %s", slot, id);
    redis_cluster_servers_must(&cluster, command, "+OK");
}

/* Also where the last slot is the first one's primary's. */
static void whoever_takes_another_node_gets_the_last_slot_s_that_is_not_the_first_slot_s(void **state)
{
    struct redis_target target;
    struct buf port = BUF_INIT;
    char ids[CLUSTER_SERVERS][256];
    (void)state;
    open_target(cluster.url, &target);
    tell_port(&target, &port);
    assert_slice_equal(buf_slice(&port), slice_str(cluster.ports[0]));
    redis_target_take_another_node(&target);
    tell_port(&target, &port);
    assert_slice_equal(buf_slice(&port), slice_str(cluster.ports[2]));
    for (unsigned i = 0; i < CLUSTER_SERVERS; i++)
        redis_server_tell(&cluster.servers[i], "EVAL \"return redis.status_reply(redis.call('CLUSTER','MYID'))\" 0",
                          ids[i]);
    give_slot(REDIS_SLOTS - 1, ids[0] + 1);
    tell_port(&target, &port);
    assert_slice_equal(buf_slice(&port), slice_str(cluster.ports[2]));
    give_slot(REDIS_SLOTS - 1, ids[2] + 1);
    redis_target_done(&target);
    buf_done(&port);
}

static void where_nobody_serves_the_first_slot_there_is_a_node_all_the_same(void **state)
{
    struct redis_target target;
    struct buf port = BUF_INIT;
    char id[256];
    (void)state;
    open_target(cluster.url, &target);
    redis_server_tell(&cluster.servers[0], "EVAL \"return redis.status_reply(redis.call('CLUSTER','MYID'))\" 0", id);
    redis_cluster_servers_must(&cluster, "CLUSTER DELSLOTS 0", "+OK");
    tell_port(&target, &port);
    assert_true(slice_eq(buf_slice(&port), slice_str(cluster.ports[0])) ||
                slice_eq(buf_slice(&port), slice_str(cluster.ports[1])) ||
                slice_eq(buf_slice(&port), slice_str(cluster.ports[2])));
    give_slot(0, id + 1);
    redis_target_done(&target);
    buf_done(&port);
}

static void whoever_answers_tells_who_serves_what(void **state)
{
    struct clock clock = clock_system(0);
    struct redis_target target;
    struct redis_topology topology;
    struct buf why = BUF_INIT;
    char port[8];
    (void)state;
    open_target(cluster.url, &target);
    assert_status(redis_cluster_ask_blocking(&target, &clock, &why, &topology), STATUS_OK);
    assert_int_equal(topology.count, CLUSTER_SERVERS);
    (void)snprintf(port, sizeof port, "%u", (unsigned)redis_topology_primary(&topology, REDIS_SLOTS - 1)->port);
    assert_string_equal(port, cluster.ports[2]);
    redis_target_done(&target);
    buf_done(&why);
}

static void nobody_there_and_no_cluster_are_explained(void **state)
{
    struct clock clock = clock_system(0);
    struct redis_server_process alone = {0};
    char port[8];
    char url[128];
    const char *args[] = {"--port", port, "--bind", "127.0.0.1", NULL};
    static const char *const words[] = {"refused", "is no Cluster (cluster-enabled no); write redis://"};
    (void)state;
    (void)snprintf(port, sizeof port, "%d", free_port());
    redis_server_start(&alone, args);
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        struct redis_target target;
        struct redis_topology topology;
        struct buf why = BUF_INIT;
        char nobody[8];
        (void)snprintf(nobody, sizeof nobody, "%d", free_port());
        write_url(url, free_port(), i ? port : nobody);
        open_target(url, &target);
        assert_status(redis_cluster_ask_blocking(&target, &clock, &why, &topology), STATUS_STORE_DOWN);
        if (!strstr(buf_string(&why), words[i]) || !strstr(buf_string(&why), "OAUTH1_REDIS_URL"))
            fail_msg("%s", buf_string(&why));
        redis_target_done(&target);
        buf_done(&why);
    }
    redis_server_done(&alone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_that_is_away_is_passed_over_and_the_primary_of_the_first_slot_is_found),
        cmocka_unit_test(whoever_takes_another_node_gets_the_last_slot_s_that_is_not_the_first_slot_s),
        cmocka_unit_test(where_nobody_serves_the_first_slot_there_is_a_node_all_the_same),
        cmocka_unit_test(whoever_answers_tells_who_serves_what),
        cmocka_unit_test(nobody_there_and_no_cluster_are_explained),
    };
    redis_cluster_servers_start(&cluster);
    int failed = cmocka_run_group_tests_name("cluster_locator", tests, NULL, NULL);
    redis_cluster_servers_done(&cluster);
    return failed;
}
