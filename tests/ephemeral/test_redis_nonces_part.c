/* What is different where a view has a part of a Cluster's nonces: its keys, its guard, and what it asks together with
 * the other parts of its node (docs/design/nonce-guard.md, rules 12 to 14). */
#include "crypto/mac.h"
#include "ephemeral/nonces_bench.h"

#include <stdio.h>

enum { PARTS = 3, FIRST_PART = 9 };

struct fixture {
    struct nonces_bench *bench;
    struct redis_client node;
    struct nonce_parts epochs;
    struct redis_view *views; /* of three parts; the last is at another node */
};

static void make_part(struct fixture *it, unsigned number, struct redis_client *client)
{
    struct redis_view *part = &it->views[number];
    *part = it->bench->view;
    part->client = client;
    part->is_part = true;
    part->part = FIRST_PART + number;
    part->guard.parts = &it->epochs;
    part->mac = mac_new(1);
    part->nonces = (struct redis_nonces){0};
    part->waits = (struct nonce_waits){0};
    (void)snprintf(it->epochs.epochs[part->part], sizeof it->epochs.epochs[0], "first");
    assert_status(redis_nonces_settle(part), STATUS_OK);
}

static int setup(void **state)
{
    struct fixture *it = test_calloc(1, sizeof *it);
    void *bench = NULL;
    (void)nonces_setup(&bench);
    it->bench = bench;
    it->node.state = REDIS_READY;
    it->views = test_calloc(PARTS, sizeof *it->views);
    for (unsigned i = 0; i < PARTS; i++)
        make_part(it, i, i < 2 ? &it->bench->client : &it->node);
    *state = it;
    return 0;
}

static void lose_node(struct fixture *it)
{
    while (it->node.answered < it->node.sent) {
        const struct command *command = &it->node.commands[it->node.answered++];
        command->done(command->context, NULL);
    }
}

static int teardown(void **state)
{
    struct fixture *it = *state;
    void *bench = it->bench;
    for (size_t i = 0; i < PARTS; i++)
        redis_nonces_unsettle(&it->views[i]);
    nonces_lose_connection(it->bench);
    lose_node(it);
    for (size_t i = 0; i < PARTS; i++) {
        nonce_waits_done(&it->views[i].waits);
        redis_nonces_done(&it->views[i].nonces);
        mac_free(it->views[i].mac);
    }
    test_free(it->views);
    test_free(it);
    return nonces_teardown(&bench);
}

static void spend_in_part(struct fixture *it, unsigned number, int64_t second)
{
    const struct nonce nonce = {SLICE("acme"), SLICE("token"), second, SLICE("n")};
    redis_nonce_spend_start(&it->views[number].view, &nonce, (struct ticket){.slot = number});
}

static void its_keys_are_in_the_slot_of_the_part(void **state)
{
    struct fixture *it = *state;
    spend_in_part(it, 1, NOW_S);
    redis_nonces_close_batches(it->views, PARTS, &it->bench->client);
    assert_command(it->bench, 0, "SADD n:{10}0:tlpwu8 ");
    assert_string_equal(nonces_command_at(it->bench, 1), "EXPIREAT n:{10}0:tlpwu8 1790001001");
}

static void one_question_is_for_all_parts_of_a_node(void **state)
{
    struct fixture *it = *state;
    struct nonces_bench *bench = it->bench;
    for (unsigned i = 0; i < PARTS; i++)
        spend_in_part(it, i, NOW_S);
    redis_nonces_close_batches(it->views, PARTS, &bench->client);
    assert_int_equal(bench->client.sent, 2 + 2 * 2 + 2);
    assert_string_equal(nonces_command_at(bench, bench->client.sent - 2), "INFO stats");
    assert_string_equal(nonces_command_at(bench, bench->client.sent - 1), "INFO replication");
    assert_int_equal(it->node.sent, 1); /* its nonce: nothing is written there now */
    for (int i = 0; i < 2; i++)
        nonces_answer_integer(bench, 1);
    for (int i = 0; i < 2; i++) {
        nonces_answer_integer(bench, 1);
        nonces_answer_record(bench, "first");
    }
    assert_int_equal(nonces_world.completed[0] + nonces_world.completed[1], 0);
    nonces_answer_server(bench, "0", "nobody");
    assert_answered(0, STATUS_OK);
    assert_answered(1, STATUS_OK);
    spend_in_part(it, 0, NOW_S);
    redis_nonces_close_batches(it->views, PARTS, &bench->client);
    nonces_lose_connection(bench);
    assert_int_equal(nonces_world.completed[0], 2);
    assert_status(nonces_world.statuses[0], STATUS_STORE_DOWN);
    redis_nonces_close_batches(it->views, PARTS, &it->node);
    lose_node(it);
    assert_answered(2, STATUS_STORE_DOWN);
}

/* Beside what is guarded in all of them. */
static void what_is_guarded_in_a_part_is_refused_there(void **state)
{
    struct fixture *it = *state;
    it->views[0].nonces.guarded = (struct accepted_ranges){.items = {{NOW_S - 10, NOW_S, NOW_S}}, .count = 1};
    spend_in_part(it, 0, NOW_S);
    assert_answered(0, STATUS_STORE_DOWN);
    assert_int_equal(it->bench->client.sent, 0);
    spend_in_part(it, 0, NOW_S + 1);
    spend_in_part(it, 1, NOW_S);
    assert_int_equal(it->bench->client.sent, 2);
}

static void a_part_waits_for_its_own_epoch(void **state)
{
    struct fixture *it = *state;
    (void)snprintf(it->epochs.epochs[FIRST_PART], sizeof it->epochs.epochs[0], "second");
    spend_in_part(it, 0, NOW_S);
    assert_int_equal(it->bench->client.sent, 0);
    spend_in_part(it, 1, NOW_S);
    assert_int_equal(it->bench->client.sent, 1);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(its_keys_are_in_the_slot_of_the_part),
        TEST(one_question_is_for_all_parts_of_a_node),
        TEST(what_is_guarded_in_a_part_is_refused_there),
        TEST(a_part_waits_for_its_own_epoch),
    };
    return cmocka_run_group_tests_name("redis_nonces_part", tests, NULL, NULL);
}
