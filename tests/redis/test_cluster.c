/* Commands to a real Cluster of three primaries, some of whose slots move meanwhile. */
#include "redis/cluster.h"

#include "loop/loop.h"
#include "redis/reply.h"
#include "redis/target.h"
#include "support/redis_cluster.h"
#include "support/test.h"

#include <hiredis/hiredis.h>
#include <stdio.h>

enum { KEYS = 300, ID_BYTES = 41, PATIENCE_MS = 10000 };

struct fixture {
    struct clock clock;
    struct loop *loop;
    struct loop_timer patience;
    struct redis_target target;
    struct redis_cluster *cluster;
    int waiting;
    int oks, others, lost;
    int strayed[REDIS_SLOTS];
    int mapped, arrived;
    int emptied; /* so often nobody served anything */
    bool is_late;
};

static struct redis_cluster_servers servers;

static void on_arrived(void *context, struct redis_client *client)
{
    struct fixture *it = context;
    (void)client;
    it->arrived++;
    loop_stop(it->loop);
}

static void on_lost(void *context, struct redis_client *client)
{
    (void)context, (void)client;
}

static void on_strayed(void *context, unsigned slot)
{
    ((struct fixture *)context)->strayed[slot]++;
}

static void on_mapped(void *context)
{
    struct fixture *it = context;
    it->mapped++;
    it->emptied += redis_cluster_count(it->cluster) == 0;
    loop_stop(it->loop);
}

static void on_late(void *context)
{
    struct fixture *it = context;
    it->is_late = true;
    loop_stop(it->loop);
}

static void on_reply(void *context, const struct redisReply *reply)
{
    struct fixture *it = context;
    it->lost += !reply;
    it->oks += redis_reply_ok(reply) == STATUS_OK;
    it->others += reply && redis_reply_ok(reply) != STATUS_OK;
    if (--it->waiting == 0)
        loop_stop(it->loop);
}

/* Runs the loop until *number is at least `least`. */
static void wait_until(struct fixture *it, const int *number, int least)
{
    assert_status(loop_timer_start(&it->patience, PATIENCE_MS), STATUS_OK);
    while (*number < least && !it->is_late)
        loop_run(it->loop);
    assert_false(it->is_late);
    loop_timer_stop(&it->patience);
}

static void wait_for_replies(struct fixture *it)
{
    assert_status(loop_timer_start(&it->patience, PATIENCE_MS), STATUS_OK);
    while (it->waiting && !it->is_late)
        loop_run(it->loop);
    assert_false(it->is_late);
    loop_timer_stop(&it->patience);
}

static enum status set_key(struct fixture *it, const char *key)
{
    const struct slice args[] = {SLICE("SET"), slice_str(key), SLICE("x")};
    enum status status = redis_cluster_send(it->cluster, args, COUNT_OF(args), on_reply, it);
    it->waiting += status == STATUS_OK;
    return status;
}

/* Until it is known who serves what; most of those are still being connected to then. */
static void connect_cluster(struct fixture *it)
{
    const struct redis_cluster_options options = {
        .loop = it->loop,
        .target = &it->target,
        .hooks = {it, on_arrived, on_lost, NULL, on_strayed, on_mapped, NULL},
    };
    it->arrived = it->mapped = 0;
    it->cluster = redis_cluster_new(&options);
    assert_int_equal(redis_cluster_state(it->cluster), REDIS_CONNECTING);
    wait_until(it, &it->mapped, 1);
    assert_int_equal(redis_cluster_state(it->cluster), REDIS_READY);
}

static int setup(void **state)
{
    struct fixture *it = test_calloc(1, sizeof *it);
    struct buf why = BUF_INIT;
    redis_cluster_servers_start(&servers);
    it->clock = clock_system(0);
    it->loop = loop_new(&it->clock, NULL);
    assert_status(redis_target_open_blocking(slice_str(servers.url), SLICE_ABSENT, &why, &it->target), STATUS_OK);
    assert_status(loop_timer_init(&it->patience, it->loop, on_late, it), STATUS_OK);
    connect_cluster(it);
    wait_until(it, &it->arrived, CLUSTER_SERVERS);
    buf_done(&why);
    *state = it;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *it = *state;
    redis_cluster_free(it->cluster);
    loop_timer_done(&it->patience);
    loop_free(it->loop);
    redis_target_done(&it->target);
    redis_cluster_servers_done(&servers);
    test_free(it);
    return 0;
}

/* A server's id: the first line of "CLUSTER MYID" is its length. */
static void read_id(unsigned server, char id[ID_BYTES])
{
    char command[128];
    char line[256];
    for (unsigned at = 0; at + 1 < ID_BYTES; at++) {
        (void)snprintf(command, sizeof command, "EVAL \"return string.byte(redis.call('CLUSTER','MYID'),%u)\" 0",
                       at + 1);
        redis_server_tell(&servers.servers[server], command, line);
        uint64_t byte = 0;
        assert_true(slice_to_u64(slice_str(line + 1), 127, &byte));
        id[at] = (char)byte;
    }
    id[ID_BYTES - 1] = '\0';
}

static void set_slot(unsigned server, unsigned slot, const char *what, const char *id)
{
    char command[128];
    (void)snprintf(command, sizeof command, "CLUSTER SETSLOT %u %s %s", slot, what, id);
    redis_server_must(&servers.servers[server], command, "+OK");
}

/* In slot 0. */
#define FIRST_KEY "{la2}"
static const char first_key[] = FIRST_KEY;

static void assert_none_strayed(const struct fixture *it)
{
    for (unsigned slot = 0; slot < REDIS_SLOTS; slot++)
        assert_int_equal(it->strayed[slot], 0);
}

static void commands_go_to_whoever_serves_their_key(void **state)
{
    struct fixture *it = *state;
    char key[16];
    for (int i = 0; i < KEYS; i++) {
        (void)snprintf(key, sizeof key, "key-%d", i);
        assert_status(set_key(it, key), STATUS_OK);
    }
    wait_for_replies(it);
    assert_int_equal(it->oks, KEYS);
    int64_t sum = 0;
    for (unsigned i = 0; i < CLUSTER_SERVERS; i++) {
        int64_t count = redis_server_number(&servers.servers[i], "DBSIZE");
        assert_true(count > KEYS / 6);
        sum += count;
    }
    assert_int_equal(sum, KEYS);
    assert_none_strayed(it);
}

static void commands_wait_for_a_primary_that_is_being_connected_to(void **state)
{
    struct fixture *it = *state;
    char key[16];
    redis_cluster_free(it->cluster);
    connect_cluster(it);
    assert_true(it->arrived < CLUSTER_SERVERS);
    for (int i = 0; i < KEYS; i++) {
        (void)snprintf(key, sizeof key, "key-%d", i);
        assert_status(set_key(it, key), STATUS_OK);
    }
    wait_for_replies(it);
    assert_int_equal(it->oks, KEYS);
}

static void a_script_goes_to_whoever_serves_its_first_key(void **state)
{
    struct fixture *it = *state;
    char key[16];
    for (int i = 0; i < KEYS; i++) {
        (void)snprintf(key, sizeof key, "key-%d", i);
        const struct slice args[] = {SLICE("EVAL"), SLICE("return redis.call('SET', KEYS[1], 'x')"), SLICE("1"),
                                     slice_str(key)};
        assert_status(redis_cluster_send(it->cluster, args, COUNT_OF(args), on_reply, it), STATUS_OK);
        it->waiting++;
    }
    wait_for_replies(it);
    assert_int_equal(it->oks, KEYS);
    assert_none_strayed(it);
}

static void a_slot_that_moved_is_followed_and_learnt(void **state)
{
    struct fixture *it = *state;
    char id[ID_BYTES];
    unsigned slot = redis_slot_of(slice_str(first_key));
    const struct redis_client *before = redis_cluster_client(it->cluster, slot);
    int mapped = it->mapped;
    read_id(2, id);
    set_slot(2, slot, "NODE", id);
    set_slot(0, slot, "NODE", id);
    assert_status(set_key(it, first_key), STATUS_OK);
    wait_for_replies(it);
    assert_int_equal(it->oks, 1);
    assert_true(it->strayed[slot] >= 1);
    assert_int_equal(redis_server_number(&servers.servers[2], "DBSIZE"), 1);
    wait_until(it, &it->mapped, mapped + 1);
    for (int round = 0; round < 50 && redis_cluster_client(it->cluster, slot) == before; round++)
        wait_until(it, &it->mapped, it->mapped + 1);
    assert_ptr_not_equal(redis_cluster_client(it->cluster, slot), before);
}

static void a_key_that_is_on_its_way_is_asked_for_where_it_goes(void **state)
{
    struct fixture *it = *state;
    char source[ID_BYTES];
    char target[ID_BYTES];
    unsigned slot = redis_slot_of(slice_str(first_key));
    read_id(0, source);
    read_id(1, target);
    set_slot(1, slot, "IMPORTING", source);
    set_slot(0, slot, "MIGRATING", target);
    assert_status(set_key(it, first_key), STATUS_OK);
    wait_for_replies(it);
    assert_int_equal(it->oks, 1);
    assert_int_equal(it->strayed[slot], 1);
    assert_int_equal(redis_server_number(&servers.servers[1], "DBSIZE"), 1);
    assert_int_equal(redis_server_number(&servers.servers[0], "DBSIZE"), 0);
}

/* Two that send everybody to the other. */
static void redirections_without_an_end_have_one(void **state)
{
    struct fixture *it = *state;
    char ids[2][ID_BYTES];
    unsigned slot = redis_slot_of(slice_str(first_key));
    read_id(0, ids[0]);
    read_id(1, ids[1]);
    set_slot(0, slot, "NODE", ids[1]);
    assert_status(set_key(it, first_key), STATUS_OK);
    wait_for_replies(it);
    assert_int_equal(it->others, 1);
    assert_int_equal(it->strayed[slot], 6);
}

/* As if a slot had moved. */
static void read_topology(struct fixture *it)
{
    char script[128];
    int mapped = it->mapped;
    (void)snprintf(script, sizeof script, "return redis.error_reply('MOVED 0 127.0.0.1:%s')", servers.ports[0]);
    const struct slice args[] = {SLICE("EVAL"), slice_str(script), SLICE("1"), SLICE(FIRST_KEY)};
    assert_status(redis_cluster_send(it->cluster, args, COUNT_OF(args), on_reply, it), STATUS_OK);
    it->waiting++;
    wait_for_replies(it);
    wait_until(it, &it->mapped, mapped + 1);
}

/* Else it is asked every 5 s. */
static void who_serves_a_slot_that_nobody_serves_is_asked_at_once(void **state)
{
    enum { SOON_MS = 3000 };
    struct fixture *it = *state;
    int64_t begin_ms = 0;
    do { /* until none is left of those that are asked at once */
        begin_ms = clock_monotonic_ms();
        wait_until(it, &it->mapped, it->mapped + 1);
    } while (clock_monotonic_ms() - begin_ms < SOON_MS);
    begin_ms = clock_monotonic_ms();
    int mapped = it->mapped;
    redis_server_must(&servers.servers[0], "CLUSTER DELSLOTS 0", "+OK");
    assert_status(set_key(it, first_key), STATUS_OK);
    wait_for_replies(it);
    assert_int_equal(it->others, 1);
    wait_until(it, &it->mapped, mapped + 1);
    assert_in_range(clock_monotonic_ms() - begin_ms, 0, SOON_MS);
}

/* As `redis-cli --cluster del-node` does it: the last server goes on, alone, and tells of no slots. The first one
 * learns within some seconds who serves them. */
static void leave_cluster(void)
{
    char id[ID_BYTES];
    char command[128];
    read_id(2, id);
    (void)snprintf(command, sizeof command, "CLUSTER FORGET %s", id);
    redis_server_must(&servers.servers[2], "CLUSTER RESET", "+OK");
    redis_server_must(&servers.servers[0], command, "+OK");
    redis_server_must(&servers.servers[1], command, "+OK");
    redis_server_must(&servers.servers[1], "CLUSTER ADDSLOTSRANGE 10922 16383", "+OK");
    redis_cluster_servers_wait(&servers, 0, 2);
}

static int64_t count_connections(unsigned server)
{
    return redis_server_number(&servers.servers[server],
                               "EVAL \"return tonumber(string.match(redis.call('INFO','clients'),"
                               "'connected_clients:(%d+)'))\" 0");
}

static bool has_heir(const struct fixture *it)
{
    const struct redis_client *client = redis_cluster_client(it->cluster, REDIS_SLOTS - 1);
    return client && client == redis_cluster_client(it->cluster, REDIS_SLOTS / 2);
}

static void a_node_that_left_the_cluster_is_not_believed_and_then_left(void **state)
{
    enum { READINGS = 12, PATIENCE_READINGS = 1000 };
    struct fixture *it = *state;
    leave_cluster();
    for (int i = 0; i < READINGS || (!has_heir(it) && i < PATIENCE_READINGS); i++)
        read_topology(it);
    for (int i = 0; i < PATIENCE_READINGS && count_connections(2) > 1; i++)
        read_topology(it);
    assert_int_equal(count_connections(2), 1); /* which asks */
    assert_true(has_heir(it));
    assert_int_equal(it->emptied, 0);
}

/* More places than there is room for, where nobody is. */
static void send_to_many_places(struct fixture *it)
{
    enum { PLACES = REDIS_PRIMARIES_MAX + REDIS_SEEDS_MAX };
    for (int port = 1; port <= PLACES; port++) {
        char script[128];
        (void)snprintf(script, sizeof script, "return redis.error_reply('ASK 0 127.0.0.1:%d')", port);
        const struct slice args[] = {SLICE("EVAL"), slice_str(script), SLICE("1"), SLICE(FIRST_KEY)};
        assert_status(redis_cluster_send(it->cluster, args, COUNT_OF(args), on_reply, it), STATUS_OK);
        it->waiting++;
        wait_for_replies(it);
    }
}

static void places_that_nobody_was_sent_to_for_long_make_room_for_a_new_primary(void **state)
{
    struct fixture *it = *state;
    const struct redis_client *before = redis_cluster_client(it->cluster, REDIS_SLOTS / 2);
    send_to_many_places(it);
    redis_server_must(&servers.servers[1], "CONFIG SET cluster-announce-port 81", "+OK");
    assert_status(loop_timer_start(&it->patience, 4 * PATIENCE_MS), STATUS_OK);
    while (redis_cluster_client(it->cluster, REDIS_SLOTS / 2) == before && !it->is_late)
        loop_run(it->loop);
    assert_false(it->is_late);
}

static void what_a_dead_primary_serves_is_refused_and_the_rest_goes_on(void **state)
{
    struct fixture *it = *state;
    char key[16];
    int refused = 0;
    redis_server_kill(&servers.servers[1]);
    for (int round = 0; round < 2; round++) {
        it->oks = it->lost = refused = 0;
        for (int i = 0; i < KEYS; i++) {
            (void)snprintf(key, sizeof key, "key-%d", i);
            refused += set_key(it, key) != STATUS_OK;
        }
        wait_for_replies(it);
        assert_int_equal(it->oks + it->lost + refused, KEYS);
        assert_true(it->oks > KEYS / 2 && it->lost + refused > KEYS / 6);
    }
    int arrived = it->arrived;
    redis_server_start_again(&servers.servers[1]);
    wait_until(it, &it->arrived, arrived + 1);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(commands_go_to_whoever_serves_their_key),
        TEST(commands_wait_for_a_primary_that_is_being_connected_to),
        TEST(a_script_goes_to_whoever_serves_its_first_key),
        TEST(a_slot_that_moved_is_followed_and_learnt),
        TEST(a_key_that_is_on_its_way_is_asked_for_where_it_goes),
        TEST(redirections_without_an_end_have_one),
        TEST(who_serves_a_slot_that_nobody_serves_is_asked_at_once),
        TEST(a_node_that_left_the_cluster_is_not_believed_and_then_left),
        TEST(places_that_nobody_was_sent_to_for_long_make_room_for_a_new_primary),
        TEST(what_a_dead_primary_serves_is_refused_and_the_rest_goes_on),
    };
    return cmocka_run_group_tests_name("cluster", tests, NULL, NULL);
}
