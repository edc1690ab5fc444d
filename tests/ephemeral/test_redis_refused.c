/* Redis servers that will not do: each is refused with a word that says why. */
#include "durable/nonces.h"
#include "fleet_bench.h"
#include "support/redis_cluster.h"

#include <stdio.h>

static void assert_refused(struct fleet *fleet, const char *word)
{
    struct ephemeral_store *store = NULL;
    struct buf why = BUF_INIT;
    assert_int_not_equal(ephemeral_open_blocking(slice_str(fleet->url), &fleet->options, &why, &store), STATUS_OK);
    assert_null(store);
    assert_non_null(strstr(buf_string(&why), "OAUTH1_REDIS_URL"));
    if (!strstr(buf_string(&why), word))
        fail_msg("%s", buf_string(&why));
    buf_done(&why);
}

static void assert_ping_tells(struct process *process, const char *word)
{
    void *why = NULL;
    ephemeral_ping_start(process->view, asking_ticket(&process->asking));
    assert_status(asking_wait(&process->asking, &why), STATUS_STORE_DOWN);
    assert_non_null(why);
    if (!strstr(why, word))
        fail_msg("%s", (const char *)why);
}

static void a_server_that_evicts_is_refused(void **state)
{
    struct fleet *fleet = *state;
    struct process process;
    fleet_open(fleet, NULL);
    process_begin(&process, fleet);
    redis_server_must(&fleet->server, "CONFIG SET maxmemory-policy allkeys-lru", "+OK");
    assert_refused(fleet, "noeviction");
    assert_status(process_spend(&process, FIRST_S, "n"), STATUS_OK);
    process_run_for(&process, 1200); /* and left by one that is connected to it */
    assert_status(process_spend(&process, FIRST_S, "n"), STATUS_STORE_DOWN);
    assert_ping_tells(&process, "set maxmemory-policy noeviction");
    redis_server_must(&fleet->server, "CONFIG SET maxmemory-policy noeviction", "+OK");
    process_wait_until_ready(&process);
    assert_status(process_spend(&process, FIRST_S, "n"), STATUS_STORE_DOWN); /* it may have been forgotten */
    process_pass_s(&process, 3);
    process_pass_s(&process, ACCEPTED_AHEAD_S - 2);
    assert_good_again(&process);
    process_end(&process);
}

static void begin_with_a_nonce(struct process *process, struct fleet *fleet)
{
    fleet_open(fleet, NULL);
    process_begin(process, fleet);
    assert_status(process_spend(process, FIRST_S, "n"), STATUS_OK);
}

/* Between two looks at the policy: what it forgot then is not known. */
static void what_was_evicted_in_a_moment_is_a_loss(void **state)
{
    struct fleet *fleet = *state;
    struct process process;
    begin_with_a_nonce(&process, fleet);
    process_run_for(&process, 1200);
    assert_status(process_spend(&process, FIRST_S, "n"), STATUS_NONCE_USED);
    redis_server_must(&fleet->server, "SETRANGE decoy 125829120 x", ":125829121");
    redis_server_must(&fleet->server, /* so that it is the only one that can be evicted */
                      "EVAL \"for _, k in ipairs(redis.call('KEYS', '*')) do redis.call('PERSIST', k) end return 1\" 0",
                      ":1");
    redis_server_must(&fleet->server, "PEXPIRE decoy 5000", ":1");
    redis_server_must(&fleet->server, "CONFIG SET maxmemory-policy volatile-ttl", "+OK");
    redis_server_must(&fleet->server, "CONFIG SET maxmemory 100mb", "+OK");
    redis_server_must(&fleet->server, "SET other x", "+OK");
    redis_server_must(&fleet->server, "EXISTS decoy", ":0");
    redis_server_must(&fleet->server, "EXISTS e", ":1"); /* whose loss would be one by itself */
    redis_server_must(&fleet->server, "CONFIG SET maxmemory-policy noeviction", "+OK");
    redis_server_must(&fleet->server, "CONFIG SET maxmemory 0", "+OK");
    process_run_for(&process, 1200);
    assert_status(process_spend(&process, FIRST_S, "n"), STATUS_STORE_DOWN);
    process_end(&process);
}

/* No look has been at it yet: the write itself sees that a nonce may be missing. */
static void what_was_evicted_just_now_is_a_loss_too(void **state)
{
    struct fleet *fleet = *state;
    struct process process;
    begin_with_a_nonce(&process, fleet);
    process_run_for(&process, 1200);
    redis_server_must(&fleet->server, "SETRANGE decoy 125829120 x", ":125829121");
    redis_server_must(&fleet->server, /* the nonce goes first, and then the decoy, which is enough */
                      "EVAL \"for _, k in ipairs(redis.call('KEYS', 'n:*')) do redis.call('PEXPIRE', k, 4000) end "
                      "redis.call('PERSIST', 'e') redis.call('PEXPIRE', 'decoy', 8000) return 1\" 0",
                      ":1");
    redis_server_must(&fleet->server, "CONFIG SET maxmemory 100mb", "+OK");
    redis_server_must(&fleet->server, "CONFIG SET maxmemory-policy volatile-ttl", "+OK");
    assert_status(process_spend(&process, FIRST_S, "n"), STATUS_STORE_DOWN);
    redis_server_must(&fleet->server, "EXISTS e", ":1"); /* whose loss would be one by itself */
    process_end(&process);
}

static void a_server_that_is_full_is_told(void **state)
{
    struct fleet *fleet = *state;
    struct process process;
    begin_with_a_nonce(&process, fleet);
    assert_false(ephemeral_trouble(process.view).is_full);
    redis_server_must(&fleet->server, "CONFIG SET maxmemory 1", "+OK");
    process_run_for(&process, 1200);
    assert_true(ephemeral_trouble(process.view).is_full);
    redis_server_must(&fleet->server, "CONFIG SET maxmemory 0", "+OK");
    process_run_for(&process, 1200);
    assert_false(ephemeral_trouble(process.view).is_full);
    process_end(&process);
}

/* At once, and not when the record is over. */
static void a_server_that_takes_no_writes_is_told(void **state)
{
    static const char *const refusals[][2] = {
        {"CONFIG SET min-replicas-to-write 1", "CONFIG SET min-replicas-to-write 0"},
        {"ACL SETUSER default -pexpireat", "ACL SETUSER default +pexpireat"},
        {"ACL SETUSER default -eval", "ACL SETUSER default +eval"},
    };
    struct fleet *fleet = *state;
    struct process process;
    fleet_open(fleet, NULL);
    process_begin(&process, fleet);
    for (size_t i = 0; i < COUNT_OF(refusals); i++) {
        assert_status(process_spend(&process, FIRST_S, i == 0 ? "n" : i == 1 ? "o" : "p"), STATUS_OK);
        assert_false(ephemeral_trouble(process.view).is_refusing);
        redis_server_must(&fleet->server, refusals[i][0], "+OK");
        process_run_for(&process, 1200);
        assert_true(ephemeral_trouble(process.view).is_refusing);
        redis_server_must(&fleet->server, refusals[i][1], "+OK");
        process_run_for(&process, 1200);
        assert_false(ephemeral_trouble(process.view).is_refusing);
    }
    process_end(&process);
}

static void a_replica_is_refused(void **state)
{
    static const char *const args[] = {"--replicaof", "127.0.0.1 1", NULL};
    fleet_open(*state, args);
    assert_refused(*state, "replica");
}

/* It would start, and answer 503 to whatever another node has. A Cluster of one node has everything. */
static void one_node_of_a_cluster_is_refused_unless_it_is_alone(void **state)
{
    struct fleet *fleet = *state;
    struct redis_cluster_servers cluster;
    struct ephemeral_store *store = NULL;
    struct buf why = BUF_INIT;
    redis_cluster_servers_start(&cluster);
    (void)snprintf(fleet->url, sizeof fleet->url, "redis://127.0.0.1:%s", cluster.ports[1]);
    assert_refused(fleet, "redis+cluster://");
    redis_server_must(&cluster.servers[1], "CLUSTER RESET HARD", "+OK");
    redis_server_must(&cluster.servers[1], "CLUSTER ADDSLOTSRANGE 0 16383", "+OK");
    assert_status(ephemeral_open_blocking(slice_str(fleet->url), &fleet->options, &why, &store), STATUS_OK);
    ephemeral_store_free(store);
    buf_done(&why);
    redis_cluster_servers_done(&cluster);
}

static void a_server_that_is_not_there_is_named(void **state)
{
    struct fleet *fleet = *state;
    fleet_open(fleet, NULL);
    redis_server_kill(&fleet->server);
    assert_refused(fleet, fleet->link);
}

static void a_password_is_asked_for_and_used(void **state)
{
    static const char *const args[] = {"--requirepass", "secret", NULL};
    struct fleet *fleet = *state;
    struct ephemeral_store *store = NULL;
    struct buf why = BUF_INIT;
    redis_server_start(&fleet->server, args);
    (void)snprintf(fleet->url, sizeof fleet->url, "%s", fleet->server.url);
    assert_refused(fleet, "OAUTH1_REDIS_PASSWORD");
    fleet->options.redis_password = SLICE("wrong");
    assert_refused(fleet, "OAUTH1_REDIS_PASSWORD");
    fleet->options.redis_password = SLICE("secret");
    struct durable_nonce_ledger ledger;
    durable_nonce_ledger_init(&ledger, &fleet->durable.db);
    fleet->options.ledger = &ledger.ledger;
    assert_status(ephemeral_open_blocking(slice_str(fleet->url), &fleet->options, &why, &store), STATUS_OK);
    ephemeral_store_free(store);
    buf_done(&why);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FLEET_TEST(a_server_that_evicts_is_refused),
        FLEET_TEST(what_was_evicted_in_a_moment_is_a_loss),
        FLEET_TEST(what_was_evicted_just_now_is_a_loss_too),
        FLEET_TEST(a_server_that_is_full_is_told),
        FLEET_TEST(a_server_that_takes_no_writes_is_told),
        FLEET_TEST(a_replica_is_refused),
        FLEET_TEST(one_node_of_a_cluster_is_refused_unless_it_is_alone),
        FLEET_TEST(a_server_that_is_not_there_is_named),
        FLEET_TEST(a_password_is_asked_for_and_used),
    };
    return cmocka_run_group_tests_name("redis_refused", tests, NULL, NULL);
}
