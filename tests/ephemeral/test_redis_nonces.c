/* What becomes of a nonce at Redis (docs/design/nonce-guard.md, rule 4). */
#include "crypto/mac.h"
#include "nonces_bench.h"
#include "support/watch.h"

#include <stdio.h>

/* Spends one, and has it accepted; true: its set's expiry was asked for. */
static bool spend_well(struct nonces_bench *it, uint32_t slot, int64_t second)
{
    nonces_spend(it, slot, second);
    redis_nonces_close_batch(&it->view);
    nonces_answer_integer(it, 1);
    bool is_asked = nonces_is_command(it, it->client.answered, "EXPIREAT");
    if (is_asked)
        nonces_answer_integer(it, 1);
    nonces_answer_epoch(it, it->view.nonces.epoch.id);
    assert_answered(slot, STATUS_OK);
    return is_asked;
}

/* ---- one turn's write ---- */

static void what_a_turn_spends_is_one_write_that_ends_with_the_epoch(void **state)
{
    struct nonces_bench *it = *state;
    nonces_spend(it, 1, NOW_S);
    nonces_spend(it, 2, NOW_S);
    nonces_spend(it, 3, NOW_S - 1);
    assert_int_equal(it->client.sent, 3);
    redis_nonces_close_batch(&it->view);
    assert_int_equal(it->client.sent, 8);
    assert_command(it, 0, "SADD n:{0}:tlpwu8 ");
    assert_command(it, 1, "SADD n:{0}:tlpwu8 ");
    assert_command(it, 2, "SADD n:{0}:tlpwu7 ");
    assert_string_not_equal(nonces_command_at(it, 0), nonces_command_at(it, 1));
    assert_string_equal(nonces_command_at(it, 3), "EXPIREAT n:{0}:tlpwu8 1790001001");
    assert_string_equal(nonces_command_at(it, 4), "EXPIREAT n:{0}:tlpwu7 1790001000");
    assert_string_equal(nonces_command_at(it, 5), "GET e");
    assert_string_equal(nonces_command_at(it, 6),
                        "INFO stats"); /* behind all, so that it tells of what happened before */
    assert_string_equal(nonces_command_at(it, 7), "INFO replication");
    redis_nonces_close_batch(&it->view); /* there is none */
    assert_int_equal(it->client.sent, 8);
}

static void a_verdict_counts_once_the_epoch_was_answered(void **state)
{
    static const enum status expected[] = {STATUS_OK, STATUS_NONCE_USED, STATUS_STORE_CORRUPT, STATUS_STORE_CORRUPT,
                                           STATUS_STORE_DOWN};
    struct nonces_bench *it = *state;
    for (uint32_t slot = 0; slot < COUNT_OF(expected); slot++)
        nonces_spend(it, slot, NOW_S);
    redis_nonces_close_batch(&it->view);
    nonces_answer_integer(it, 1);
    nonces_answer_integer(it, 0);
    nonces_answer_integer(it, 2);
    nonces_answer_integer(it, -1);
    nonces_answer_text(it, REDIS_REPLY_ERROR, "WRONGTYPE");
    nonces_answer_integer(it, 1);
    for (uint32_t slot = 0; slot < COUNT_OF(expected); slot++)
        assert_int_equal(nonces_world.completed[slot], 0);
    nonces_answer_epoch(it, "first");
    for (uint32_t slot = 0; slot < COUNT_OF(expected); slot++)
        assert_answered(slot, expected[slot]);
    assert_int_equal(nonces_world.unsettled, 0);
}

static void no_verdict_counts_under_another_epoch(void **state)
{
    struct nonces_bench *it = *state;
    for (uint32_t slot = 0; slot < 3; slot++) {
        int unsettled = nonces_world.unsettled;
        nonces_spend(it, slot, NOW_S);
        redis_nonces_close_batch(&it->view);
        nonces_answer_integer(it, 1);
        nonces_answer_integer(it, 1);
        if (slot == 0)
            nonces_answer_epoch(it, "second");
        else if (slot == 1)
            nonces_answer_text(it, REDIS_REPLY_NIL, "");
        else
            nonces_answer_text(it, REDIS_REPLY_ERROR, "LOADING");
        if (slot)
            nonces_answer_server(it, "0", "nobody");
        assert_answered(slot, STATUS_STORE_DOWN);
        assert_int_equal(nonces_world.unsettled, unsettled + 1);
        assert_false(it->view.nonces.is_settled);
        nonces_settle_on(it, "first", 1);
        nonces_lose_connection(it); /* what the settling sent */
    }
}

static void a_lost_connection_refuses_all_and_says_nothing_of_the_epoch(void **state)
{
    struct nonces_bench *it = *state;
    nonces_spend(it, 1, NOW_S);
    redis_nonces_close_batch(&it->view);
    nonces_answer_integer(it, 1);
    nonces_lose_connection(it);
    assert_answered(1, STATUS_STORE_DOWN);
    assert_int_equal(nonces_world.unsettled, 0); /* whoever has the connection is told */
}

/* A nonce is written and expires as it should, but meanwhile another epoch began. */
static void spend_and_change_epoch(struct nonces_bench *it)
{
    nonces_spend(it, 1, NOW_S);
    redis_nonces_unsettle(&it->view);
    nonces_settle_on(it, "second", 1);
    nonces_answer_integer(it, 1);
    nonces_answer_integer(it, 1);
}

/* Its answer names the new epoch, but the nonce was hashed under the old one. */
static void no_verdict_counts_that_was_asked_for_under_an_earlier_epoch(void **state)
{
    struct nonces_bench *it = *state;
    spend_and_change_epoch(it);
    nonces_answer_epoch(it, "second");
    assert_answered(1, STATUS_STORE_DOWN);
    assert_int_equal(nonces_world.unsettled, 0);
    assert_true(spend_well(it, 2, NOW_S)); /* nor does the expiry that was acknowledged then */
}

static void an_earlier_epoch_that_is_answered_late_is_no_news(void **state)
{
    struct nonces_bench *it = *state;
    spend_and_change_epoch(it);
    nonces_answer_epoch(it, "first");
    assert_answered(1, STATUS_STORE_DOWN);
    assert_int_equal(nonces_world.unsettled, 0);
}

static void a_server_that_was_demoted_is_left(void **state)
{
    struct nonces_bench *it = *state;
    nonces_spend(it, 1, NOW_S);
    nonces_spend(it, 2, NOW_S);
    redis_nonces_close_batch(&it->view);
    nonces_answer_integer(it, 1);
    nonces_answer_text(it, REDIS_REPLY_ERROR, "READONLY You can't write against a read only replica.");
    nonces_answer_integer(it, 1);
    nonces_answer_epoch(it, "first");
    assert_answered(1, STATUS_OK);
    assert_answered(2, STATUS_STORE_DOWN);
    assert_int_equal(nonces_world.unsettled, 1);
}

static void any_other_error_is_no_reason_to_leave(void **state)
{
    struct nonces_bench *it = *state;
    nonces_spend(it, 1, NOW_S);
    redis_nonces_close_batch(&it->view);
    nonces_answer_text(it, REDIS_REPLY_ERROR, "OOM command not allowed");
    nonces_answer_integer(it, 0);
    nonces_answer_epoch(it, "first");
    assert_answered(1, STATUS_STORE_DOWN);
    assert_int_equal(nonces_world.unsettled, 0);
}

static void a_turn_may_spend_many(void **state)
{
    enum { MANY = 128 }; /* which fills what there is room for */
    struct nonces_bench *it = *state;
    for (int round = 0; round < 2; round++) {
        for (uint32_t slot = 0; slot < MANY; slot++)
            nonces_spend(it, slot, NOW_S - (int64_t)slot - round * MANY);
        redis_nonces_close_batch(&it->view);
        for (int i = 0; i < 2 * MANY; i++)
            nonces_answer_integer(it, 1);
        nonces_answer_epoch(it, "first");
        for (uint32_t slot = 0; slot < MANY; slot++)
            assert_int_equal(nonces_world.completed[slot], round + 1);
    }
    assert_false(spend_well(it, MANY, NOW_S - 2 * MANY + 1));
}

static void turns_that_follow_each_other_are_answered_each_by_its_own(void **state)
{
    struct nonces_bench *it = *state;
    nonces_spend(it, 1, NOW_S);
    redis_nonces_close_batch(&it->view);
    nonces_spend(it, 2, NOW_S);
    redis_nonces_close_batch(&it->view);
    nonces_answer_integer(it, 1);
    nonces_answer_integer(it, 1);
    nonces_answer_epoch(it, "first");
    assert_answered(1, STATUS_OK);
    assert_int_equal(nonces_world.completed[2], 0);
    nonces_answer_integer(it, 0);
    nonces_answer_integer(it, 1);
    nonces_answer_epoch(it, "first");
    assert_answered(2, STATUS_NONCE_USED);
}

static void a_nonce_that_cannot_be_sent_is_refused_and_leaves_the_others_alone(void **state)
{
    struct nonces_bench *it = *state;
    nonces_spend(it, 1, NOW_S);
    it->client.refuses = "SADD";
    nonces_spend(it, 2, NOW_S - 1);
    assert_answered(2, STATUS_STORE_DOWN);
    it->client.refuses = NULL;
    nonces_spend(it, 3, NOW_S);
    redis_nonces_close_batch(&it->view);
    assert_int_equal(it->client.sent, 3 + 3); /* two nonces, one set; the end */
    nonces_answer_integer(it, 1);
    nonces_answer_integer(it, 0);
    nonces_answer_integer(it, 1);
    nonces_answer_epoch(it, "first");
    assert_answered(1, STATUS_OK);
    assert_answered(3, STATUS_NONCE_USED);
}

static void a_nonce_that_cannot_be_hashed_is_not_sent(void **state)
{
    struct nonces_bench *it = *state;
    size_t len = 3 << 20;
    char *text = test_calloc(1, len);
    const struct nonce nonce = {SLICE("acme"), SLICE("token"), NOW_S, slice_of(text, len)};
    redis_nonce_spend_start(&it->view.view, &nonce, (struct ticket){.slot = 1});
    assert_answered(1, STATUS_NO_MEMORY);
    assert_int_equal(it->client.sent, 0);
    test_free(text);
}

static void without_the_question_for_the_epoch_nothing_counts(void **state)
{
    struct nonces_bench *it = *state;
    nonces_spend(it, 1, NOW_S);
    it->client.refuses = "GET";
    redis_nonces_close_batch(&it->view);
    nonces_answer_integer(it, 1);
    nonces_answer_integer(it, 1);
    nonces_answer_server(it, "0", "nobody");
    assert_answered(1, STATUS_STORE_DOWN);
}

/* ---- what became of the server ---- */

static void spend_and_answer_nonce(struct nonces_bench *it, uint32_t slot)
{
    nonces_spend(it, slot, NOW_S - slot);
    redis_nonces_close_batch(&it->view);
    nonces_answer_integer(it, 1);
    nonces_answer_integer(it, 1);
    nonces_answer_record(it, "first");
    assert_int_equal(nonces_world.completed[slot], 0);
}

/* Sets of nonces may be among the keys that were evicted; and whoever followed another has taken over its data. */
static void no_verdict_counts_where_nonces_may_be_missing_at_the_server(void **state)
{
    static const struct {
        const char *evicted, *followed;
    } answers[] = {{"8", "nobody"}, {"6", "nobody"}, {"", "nobody"}, {"7", "another"}, {"7", ""}, {"8", "another"}};
    struct nonces_bench *it = *state;
    it->view.settle.server.evicted = 7;
    for (uint32_t slot = 0; slot < COUNT_OF(answers); slot++) {
        spend_and_answer_nonce(it, slot);
        memset(it->view.settle.broken, 0, sizeof it->view.settle.broken);
        nonces_answer_server(it, answers[slot].evicted, answers[slot].followed);
        assert_answered(slot, STATUS_STORE_DOWN);
        assert_int_equal(nonces_world.unsettled, slot + 1);
        assert_string_equal(it->view.settle.broken, "first");
        nonces_settle_on(it, "first", 1);
        nonces_lose_connection(it); /* what the settling sent */
    }
    spend_and_answer_nonce(it, 10);
    nonces_answer_server(it, "7", "nobody");
    assert_answered(10, STATUS_OK);
}

/* An old version, or a server in its place, that knows nothing of it. */
static void a_server_that_never_told_whom_it_followed_is_the_same(void **state)
{
    struct nonces_bench *it = *state;
    (void)snprintf(it->view.settle.server.run_id, sizeof it->view.settle.server.run_id, "server");
    spend_and_answer_nonce(it, 1);
    nonces_answer_server(it, "0", "");
    assert_answered(1, STATUS_OK);
}

static void answer_replication(struct nonces_bench *it, const char *text)
{
    nonces_answer_text(it, REDIS_REPLY_STRING, "evicted_keys:0");
    nonces_answer_text(it, REDIS_REPLY_STRING, text);
}

/* Demoted twice to the same server: whom it followed is the same then, and its own id is not. The first replica of a
 * server changes its own id as well. */
static void whoever_was_promoted_again_has_another_id_of_its_own(void **state)
{
    static const struct {
        const char *run_id, *answer;
        enum status expected;
    } cases[] = {
        {"server/b7", "master_replid:a1\r\nmaster_replid2:b7\r\n", STATUS_OK},
        {"server/b7", "master_replid:a2\r\nmaster_replid2:b7\r\n", STATUS_STORE_DOWN},
        {"server/0000", "master_replid:a2\r\nmaster_replid2:0000\r\n", STATUS_OK},
        {"server/0000", "master_replid:a1\r\nmaster_replid2:b7\r\n", STATUS_STORE_DOWN},
    };
    struct nonces_bench *it = *state;
    for (uint32_t slot = 0; slot < COUNT_OF(cases); slot++) {
        struct redis_server *server = &it->view.settle.server;
        (void)snprintf(server->run_id, sizeof server->run_id, "%s", cases[slot].run_id);
        (void)snprintf(server->replication_id, sizeof server->replication_id, "a1");
        spend_and_answer_nonce(it, slot);
        answer_replication(it, cases[slot].answer);
        assert_answered(slot, cases[slot].expected);
        nonces_settle_on(it, "first", 1);
        nonces_lose_connection(it); /* what the settling sent */
    }
}

static void without_word_of_the_server_nothing_counts_and_nothing_is_lost(void **state)
{
    static const char *const refused[] = {"INFO stats", "INFO replication"};
    struct nonces_bench *it = *state;
    for (uint32_t slot = 0; slot < COUNT_OF(refused); slot++) {
        it->client.refuses = refused[slot];
        spend_and_answer_nonce(it, slot);
        it->client.refuses = NULL;
        nonces_answer_text(it, REDIS_REPLY_STRING, slot ? "evicted_keys:0" : "master_replid2:nobody");
        assert_answered(slot, STATUS_STORE_DOWN);
    }
    for (uint32_t slot = 10; slot < 13; slot++) {
        if (slot == 12) /* of whom it is not known that it followed anybody: as if nothing were said */
            (void)snprintf(it->view.settle.server.run_id, sizeof it->view.settle.server.run_id, "server");
        spend_and_answer_nonce(it, slot);
        nonces_answer_text(it, slot == 10 ? REDIS_REPLY_ERROR : REDIS_REPLY_STRING, "evicted_keys:0");
        nonces_answer_text(it, slot > 10 ? REDIS_REPLY_ERROR : REDIS_REPLY_STRING, "master_replid2:nobody");
        assert_answered(slot, STATUS_STORE_DOWN);
    }
    assert_int_equal(nonces_world.unsettled, 0);
}

/* It is a loss of the epoch that it was asked for in, and of no later one. */
static void what_became_of_the_server_and_is_answered_late_is_no_news(void **state)
{
    struct nonces_bench *it = *state;
    spend_and_change_epoch(it);
    nonces_answer_record(it, "first");
    nonces_answer_server(it, "1", "another");
    assert_answered(1, STATUS_STORE_DOWN);
    assert_int_equal(nonces_world.unsettled, 0);
}

/* ---- expiries ---- */

static void an_expiry_that_stands_is_not_asked_for_again(void **state)
{
    struct nonces_bench *it = *state;
    assert_true(spend_well(it, 1, NOW_S));
    assert_false(spend_well(it, 2, NOW_S));
    assert_true(spend_well(it, 3, NOW_S + 1));
    redis_nonces_unsettle(&it->view); /* what happened meanwhile is not known */
    nonces_settle_on(it, "first", 1);
    assert_true(spend_well(it, 4, NOW_S));
}

/* 0: there is no such set; it may come. */
static void an_expiry_that_was_not_set_is_asked_for_again_and_owed(void **state)
{
    struct nonces_bench *it = *state;
    for (uint32_t slot = 1; slot <= 3; slot++) {
        nonces_spend(it, slot, NOW_S - slot);
        redis_nonces_close_batch(&it->view);
        nonces_answer_integer(it, 1);
        if (slot == 3)
            nonces_answer_text(it, REDIS_REPLY_ERROR, "ERR");
        else
            nonces_answer_integer(it, slot == 1 ? 0 : 2);
        nonces_answer_epoch(it, "first");
        assert_true(spend_well(it, 10 + slot, NOW_S - slot));
    }
    size_t before = it->client.sent;
    nonces_settle_on(it, "first", 1);
    assert_int_equal(it->client.sent, before + 3);
    for (size_t i = before; i < it->client.sent; i++)
        assert_command(it, i, "EXPIREAT n:{0}:tlpwu");
}

/* Or the replies that follow would be taken for other sets: one would count as expiring that is not. */
static void an_expiry_that_could_not_be_sent_is_owed_and_takes_no_others_reply(void **state)
{
    struct nonces_bench *it = *state;
    nonces_spend(it, 1, NOW_S);
    nonces_spend(it, 2, NOW_S - 1);
    it->client.refuses = "EXPIREAT n:{0}:tlpwu8 ";
    redis_nonces_close_batch(&it->view);
    it->client.refuses = NULL;
    assert_int_equal(it->client.sent, 3 + 3); /* two nonces, the other's expiry; the end */
    nonces_answer_integer(it, 1);
    nonces_answer_integer(it, 1);
    nonces_answer_integer(it, 1);
    nonces_answer_epoch(it, "first");
    assert_answered(1, STATUS_OK);
    assert_answered(2, STATUS_OK);
    assert_false(spend_well(it, 3, NOW_S - 1));
    assert_true(spend_well(it, 4, NOW_S));
    size_t before = it->client.sent;
    nonces_settle_on(it, "first", 1);
    assert_int_equal(it->client.sent, before + 1);
    assert_string_equal(nonces_command_at(it, before), "EXPIREAT n:{0}:tlpwu8 1790001001");
}

/* While one turn's is under way, another turn asks for itself: it may be answered differently. */
static void an_expiry_is_asked_for_once_a_turn(void **state)
{
    struct nonces_bench *it = *state;
    for (uint32_t slot = 0; slot < 5; slot++)
        nonces_spend(it, slot, NOW_S);
    redis_nonces_close_batch(&it->view);
    assert_int_equal(it->client.sent, 5 + 1 + 3);
    nonces_spend(it, 6, NOW_S);
    redis_nonces_close_batch(&it->view);
    assert_int_equal(it->client.sent, 9 + 5);
}

static void what_is_owed_is_sent_when_the_epoch_is_settled_until_it_is_answered(void **state)
{
    struct nonces_bench *it = *state;
    nonces_spend(it, 1, NOW_S);
    redis_nonces_close_batch(&it->view);
    nonces_lose_connection(it);
    redis_nonces_unsettle(&it->view);
    for (int round = 0; round < 3; round++) {
        size_t before = it->client.sent;
        nonces_settle_on(it, "first", 1);
        assert_int_equal(it->client.sent, before + 1);
        assert_string_equal(nonces_command_at(it, before), "EXPIREAT n:{0}:tlpwu8 1790001001");
        if (round == 0)
            nonces_answer(it, NULL);
        else if (round == 1)
            nonces_answer_text(it, REDIS_REPLY_ERROR, "LOADING");
        else
            nonces_answer_integer(it, 0); /* it is not there */
    }
    size_t before = it->client.sent;
    nonces_settle_on(it, "first", 1);
    assert_int_equal(it->client.sent, before);
}

static void what_is_owed_and_cannot_be_sent_stays_owed(void **state)
{
    struct nonces_bench *it = *state;
    nonces_spend(it, 1, NOW_S);
    redis_nonces_close_batch(&it->view);
    nonces_lose_connection(it);
    it->client.refuses = "EXPIREAT";
    nonces_settle_on(it, "first", 1);
    it->client.refuses = NULL;
    size_t before = it->client.sent;
    nonces_settle_on(it, "first", 1);
    assert_int_equal(it->client.sent, before + 1);
}

/* Of a batch that does not count: the server may have been flushed before it got the nonces. */
static void sets_of_a_batch_that_does_not_count_are_owed_their_expiry(void **state)
{
    struct nonces_bench *it = *state;
    assert_true(spend_well(it, 1, NOW_S));
    nonces_spend(it, 2, NOW_S);
    redis_nonces_close_batch(&it->view);
    nonces_answer_integer(it, 1);
    nonces_answer_epoch(it, "second");
    size_t before = it->client.sent;
    nonces_settle_on(it, "second", 1);
    assert_int_equal(it->client.sent, before + 1);
    assert_string_equal(nonces_command_at(it, before), "EXPIREAT n:{0}:tlpwu8 1790001001");
}

/* Also where processes with smaller skews are in it: they may not forget what others accept for longer. */
static void a_set_expires_as_its_epoch_says_whatever_the_skew(void **state)
{
    struct nonces_bench *it = *state;
    nonces_spend(it, 1, NOW_S);
    redis_nonces_close_batch(&it->view);
    nonces_answer_integer(it, 1);
    nonces_answer_integer(it, 1);
    nonces_answer_epoch(it, "second"); /* that batch has set the expiry of the first */
    nonces_world.kept_s = 5000;
    size_t before = it->client.sent;
    nonces_settle_on(it, "second", 1);
    assert_string_equal(nonces_command_at(it, before), "EXPIREAT n:{0}:tlpwu8 1790005001");
    nonces_answer_integer(it, 1);
    nonces_spend(it, 2, NOW_S - 1);
    redis_nonces_close_batch(&it->view);
    assert_string_equal(nonces_command_at(it, before + 2), "EXPIREAT n:{0}:tlpwu7 1790005000");
    nonces_lose_connection(it);
}

/* ---- the epoch ---- */

static void each_epoch_hashes_by_its_own_key(void **state)
{
    struct nonces_bench *it = *state;
    char first[128];
    nonces_spend(it, 1, NOW_S);
    (void)snprintf(first, sizeof first, "%s", nonces_command_at(it, 0));
    redis_nonces_unsettle(&it->view);
    nonces_lose_connection(it);
    nonces_settle_on(it, "second", 1);
    nonces_lose_connection(it);
    size_t before = it->client.sent;
    nonces_spend(it, 1, NOW_S);
    assert_command(it, before, "SADD n:{0}:tlpwu8 ");
    assert_string_not_equal(first, nonces_command_at(it, before));
}

static void an_epoch_that_is_settled_again_is_the_same(void **state)
{
    struct nonces_bench *it = *state;
    assert_int_equal(it->view.nonces.generation, 1);
    nonces_settle_on(it, "first", 1);
    assert_int_equal(it->view.nonces.generation, 1);
    nonces_settle_on(it, "second", 1);
    assert_int_equal(it->view.nonces.generation, 2);
    assert_string_equal(it->view.nonces.epoch.id, "second");
}

/* A table that was made for fewer would be written beyond its end. */
static void an_epoch_with_more_shards_has_room_for_them(void **state)
{
    struct nonces_bench *it = *state;
    assert_true(spend_well(it, 1, NOW_S));
    nonces_settle_on(it, "second", REDIS_SHARDS_MAX);
    for (uint32_t slot = 2; slot < 100; slot++)
        (void)spend_well(it, slot, NOW_S - 897); /* which has the last place in the table */
    assert_command(it, it->client.sent - 5, "SADD n:{");
    assert_false(nonces_is_command(it, it->client.sent - 5, "SADD n:{0}:"));
}

/* ---- which are sent ---- */

static void nothing_waits_for_a_connection_that_is_not_in_sight(void **state)
{
    struct nonces_bench *it = *state;
    it->client.state = REDIS_DOWN;
    nonces_spend(it, 1, NOW_S);
    assert_answered(1, STATUS_STORE_DOWN);
    it->client.state = REDIS_CONNECTING;
    nonces_spend(it, 2, NOW_S);
    assert_int_equal(nonces_world.completed[2], 0);
    it->client.state = REDIS_READY;
    redis_nonces_unsettle(&it->view);
    nonces_spend(it, 3, NOW_S);
    assert_int_equal(nonces_world.completed[3], 0);
    it->local.steady_ms += REDIS_CLOCK_GOOD_MS + 1; /* nor is the clock known before */
    nonces_spend(it, 4, NOW_S);
    assert_int_equal(nonces_world.completed[4], 0);
    assert_int_equal(it->client.sent, 0);
    (void)redis_clock_set(&it->view.clock, it->local.steady_ms, NOW_MS);
    nonces_settle_on(it, "first", 1);
    redis_nonces_retry(&it->view);
    assert_int_equal(it->client.sent, 3);
    assert_int_equal(it->view.waits.count, 0);
}

static void what_is_not_settled_is_refused_where_the_connection_is_down(void **state)
{
    struct nonces_bench *it = *state;
    redis_nonces_unsettle(&it->view);
    it->client.state = REDIS_DOWN;
    nonces_spend(it, 1, NOW_S);
    assert_answered(1, STATUS_STORE_DOWN);
}

static void without_a_clock_nothing_is_sent(void **state)
{
    struct nonces_bench *it = *state;
    it->local.steady_ms += REDIS_CLOCK_GOOD_MS + 1;
    nonces_spend(it, 1, NOW_S);
    assert_answered(1, STATUS_STORE_DOWN);
}

/* A set expires two skews and a second after its own, at the soonest. */
static void a_timestamp_that_no_expiry_covers_is_refused(void **state)
{
    struct nonces_bench *it = *state;
    nonces_spend(it, 1, NOW_S + LEAD_S + 1);
    assert_answered(1, STATUS_TIMESTAMP_REFUSED);
    nonces_spend(it, 2, NOW_S - 2 * SKEW_S);
    assert_answered(2, STATUS_TIMESTAMP_REFUSED);
    nonces_spend(it, 3, NOW_S + LEAD_S);
    nonces_spend(it, 4, NOW_S - 2 * SKEW_S + 1);
    assert_int_equal(it->client.sent, 2);
}

static void the_guard_decides_what_is_sent(void **state)
{
    struct nonces_bench *it = *state;
    nonces_world.judgement = NONCE_MUST_NOT;
    nonces_spend(it, 1, NOW_S);
    assert_answered(1, STATUS_STORE_DOWN);
    nonces_world.judgement = NONCE_WAITS;
    nonces_spend(it, 2, NOW_S);
    assert_int_equal(nonces_world.completed[2], 0);
    assert_int_equal(it->client.sent, 0);
    nonces_world.may_go_on = true; /* rule 8 */
    nonces_spend(it, 3, NOW_S);
    assert_int_equal(it->client.sent, 1);
    nonces_world.judgement = NONCE_MUST_NOT;
    nonces_spend(it, 4, NOW_S);
    assert_answered(4, STATUS_STORE_DOWN);
}

/* The keeper is in another, which this connection has not heard of yet. */
static void nothing_is_sent_under_an_epoch_that_is_not_the_keepers(void **state)
{
    struct nonces_bench *it = *state;
    (void)snprintf(it->view.guard.standing.epoch, sizeof it->view.guard.standing.epoch, "second");
    nonces_spend(it, 1, NOW_S);
    assert_int_equal(it->client.sent, 0);
    assert_int_equal(it->view.waits.count, 1);
}

/* The keeper learns of another one meanwhile, whose ranges those may be by which a nonce was judged. */
static void nothing_is_sent_that_was_judged_while_the_keeper_went_over_to_another_epoch(void **state)
{
    struct nonces_bench *it = *state;
    nonces_world.judged_under = "second";
    nonces_spend(it, 1, NOW_S); /* it was ours before */
    assert_int_equal(it->client.sent, 0);
    nonces_world.judged_under = "first";
    nonces_spend(it, 2, NOW_S); /* it was not, and would be by now */
    assert_int_equal(it->client.sent, 0);
    (void)snprintf(it->view.guard.standing.epoch, sizeof it->view.guard.standing.epoch, "first");
    redis_nonces_retry(&it->view);
    assert_int_equal(it->client.sent, 2);
    nonces_world.judged_under = NULL;
    nonces_world.judgement = NONCE_WAITS;
    nonces_world.may_go_on = true; /* rule 8, of another epoch */
    nonces_world.went_on_under = "second";
    nonces_spend(it, 3, NOW_S);
    assert_int_equal(it->client.sent, 2);
}

/* Rule 11: of the keeper's epoch nothing counts then, and its own guard does. */
static void under_a_provisional_epoch_only_rule_8_lets_anything_through(void **state)
{
    struct nonces_bench *it = *state;
    it->view.settle.is_provisional = true;
    it->view.settle.ranges = (struct accepted_ranges){.items = {{NOW_S - 10, NOW_S, NOW_S}}, .count = 1};
    nonces_settle_on(it, "alone", 1);
    nonces_spend(it, 1, NOW_S + 1);
    assert_answered(1, STATUS_STORE_DOWN);
    nonces_world.may_go_on = true;
    nonces_spend(it, 2, NOW_S);
    assert_answered(2, STATUS_STORE_DOWN);
    assert_int_equal(it->client.sent, 0);
    nonces_spend(it, 3, NOW_S + 1);
    assert_int_equal(it->client.sent, 1);
    it->view.settle.is_provisional = false; /* the durable store is there again */
    nonces_settle_on(it, "declared", 1);
    size_t before = it->client.sent;
    nonces_spend(it, 4, NOW_S);
    assert_command(it, before, "SADD");
}

static void who_came_before_is_tried_first_once_the_keeper_has_news(void **state)
{
    struct nonces_bench *it = *state;
    nonces_world.judgement = NONCE_WAITS;
    nonces_spend(it, 1, NOW_S - 1);
    nonces_world.judgement = NONCE_MAY;
    nonces_spend(it, 2, NOW_S);
    assert_int_equal(it->client.sent, 1); /* no news: the one that waits is left alone */
    nonces_world.keeper_version = 5;
    nonces_spend(it, 3, NOW_S);
    assert_int_equal(it->client.sent, 3);
    assert_command(it, 1, "SADD n:{0}:tlpwu7 ");
    assert_command(it, 2, "SADD n:{0}:tlpwu8 ");
}

static void the_first_that_waits_lets_all_be_tried_again_before_the_durable_store_counts_as_away(void **state)
{
    struct nonces_bench *it = *state;
    nonces_spend(it, 1, NOW_S);
    assert_int_equal(nonces_world.timer_ms, 0);
    nonces_world.judgement = NONCE_WAITS;
    nonces_spend(it, 2, NOW_S);
    assert_in_range(nonces_world.timer_ms, AWAY_AFTER_MS / 10, AWAY_AFTER_MS / 4);
    nonces_world.timer_ms = 0;
    nonces_spend(it, 3, NOW_S);
    assert_int_equal(nonces_world.timer_ms, 0); /* it runs, and those that come do not put it off */
    redis_nonces_retry(&it->view);
    assert_int_equal(it->view.waits.count, 2);
    assert_true(nonces_world.timer_ms);
    nonces_world.timer_ms = 0;
    nonces_world.may_go_on = true; /* rule 8 */
    redis_nonces_retry(&it->view);
    assert_int_equal(it->client.sent, 3);
    assert_int_equal(it->view.waits.count, 0);
    assert_int_equal(nonces_world.timer_ms, 0);
}

/* The settling tells by itself that it is over. */
static void what_waits_for_an_epoch_is_left_alone(void **state)
{
    struct nonces_bench *it = *state;
    redis_nonces_unsettle(&it->view);
    nonces_spend(it, 1, NOW_S);
    assert_int_equal(it->view.waits.count, 1);
    assert_int_equal(nonces_world.timer_ms, 0);
}

static void at_the_end_the_key_is_wiped(void **state)
{
    struct nonces_bench *it = *state;
    char key[NONCE_HASH_KEY_BYTES] = {'f', 7};
    redis_nonces_unsettle(&it->view);
    watch_begin();
    redis_nonces_done(&it->view.nonces);
    size_t wipes = watch_wipes(slice_of(key, sizeof key));
    watch_end();
    it->view.nonces = (struct redis_nonces){0};
    assert_int_equal(wipes, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        NONCES_TEST(what_a_turn_spends_is_one_write_that_ends_with_the_epoch),
        NONCES_TEST(a_verdict_counts_once_the_epoch_was_answered),
        NONCES_TEST(no_verdict_counts_under_another_epoch),
        NONCES_TEST(a_lost_connection_refuses_all_and_says_nothing_of_the_epoch),
        NONCES_TEST(no_verdict_counts_that_was_asked_for_under_an_earlier_epoch),
        NONCES_TEST(an_earlier_epoch_that_is_answered_late_is_no_news),
        NONCES_TEST(a_server_that_was_demoted_is_left),
        NONCES_TEST(any_other_error_is_no_reason_to_leave),
        NONCES_TEST(a_turn_may_spend_many),
        NONCES_TEST(turns_that_follow_each_other_are_answered_each_by_its_own),
        NONCES_TEST(a_nonce_that_cannot_be_sent_is_refused_and_leaves_the_others_alone),
        NONCES_TEST(a_nonce_that_cannot_be_hashed_is_not_sent),
        NONCES_TEST(without_the_question_for_the_epoch_nothing_counts),
        NONCES_TEST(no_verdict_counts_where_nonces_may_be_missing_at_the_server),
        NONCES_TEST(a_server_that_never_told_whom_it_followed_is_the_same),
        NONCES_TEST(whoever_was_promoted_again_has_another_id_of_its_own),
        NONCES_TEST(without_word_of_the_server_nothing_counts_and_nothing_is_lost),
        NONCES_TEST(what_became_of_the_server_and_is_answered_late_is_no_news),
        NONCES_TEST(an_expiry_that_stands_is_not_asked_for_again),
        NONCES_TEST(an_expiry_that_was_not_set_is_asked_for_again_and_owed),
        NONCES_TEST(an_expiry_that_could_not_be_sent_is_owed_and_takes_no_others_reply),
        NONCES_TEST(an_expiry_is_asked_for_once_a_turn),
        NONCES_TEST(what_is_owed_is_sent_when_the_epoch_is_settled_until_it_is_answered),
        NONCES_TEST(what_is_owed_and_cannot_be_sent_stays_owed),
        NONCES_TEST(sets_of_a_batch_that_does_not_count_are_owed_their_expiry),
        NONCES_TEST(a_set_expires_as_its_epoch_says_whatever_the_skew),
        NONCES_TEST(each_epoch_hashes_by_its_own_key),
        NONCES_TEST(an_epoch_that_is_settled_again_is_the_same),
        NONCES_TEST(an_epoch_with_more_shards_has_room_for_them),
        NONCES_TEST(nothing_waits_for_a_connection_that_is_not_in_sight),
        NONCES_TEST(what_is_not_settled_is_refused_where_the_connection_is_down),
        NONCES_TEST(without_a_clock_nothing_is_sent),
        NONCES_TEST(a_timestamp_that_no_expiry_covers_is_refused),
        NONCES_TEST(the_guard_decides_what_is_sent),
        NONCES_TEST(nothing_is_sent_under_an_epoch_that_is_not_the_keepers),
        NONCES_TEST(nothing_is_sent_that_was_judged_while_the_keeper_went_over_to_another_epoch),
        NONCES_TEST(under_a_provisional_epoch_only_rule_8_lets_anything_through),
        NONCES_TEST(who_came_before_is_tried_first_once_the_keeper_has_news),
        NONCES_TEST(the_first_that_waits_lets_all_be_tried_again_before_the_durable_store_counts_as_away),
        NONCES_TEST(what_waits_for_an_epoch_is_left_alone),
        NONCES_TEST(at_the_end_the_key_is_wiped),
    };
    return cmocka_run_group_tests_name("redis_nonces", tests, NULL, NULL);
}
