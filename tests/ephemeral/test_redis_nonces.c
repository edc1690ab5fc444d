/* What becomes of a nonce at Redis (docs/design/nonce-guard.md, rule 4), with a connection that sends nothing: a test
 * reads the commands, and answers them. */
#include "ephemeral/redis_nonces.h"

#include "crypto/mac.h"
#include "ephemeral/redis_view.h"
#include "support/test.h"
#include "support/watch.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
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

/* What others answer (tests/CMakeLists.txt). */
static struct {
    enum nonce_judgement judgement;
    bool may_go_on;
    uint64_t keeper_version;
    int unsettled;
    enum status statuses[TICKETS_MAX];
    int completed[TICKETS_MAX];
} world;

enum status __wrap_redis_send(struct redis_client *client, const struct slice *args, size_t count, redis_done_fn done,
                              void *context);
enum redis_state __wrap_redis_client_state(const struct redis_client *client);
void __wrap_redis_view_unsettle(struct redis_view *view);
void __wrap_ticket_complete(struct ticket ticket, enum status status, void *result, void (*free_result)(void *result));
bool __wrap_ticket_is_live(struct ticket ticket);
enum nonce_judgement __wrap_nonce_guard_judge(struct nonce_guard *guard, int64_t second);
bool __wrap_nonce_guard_may_go_on(struct nonce_guard *guard, const struct clock *clock, int64_t second, int64_t now_ms);
const struct nonce_standing *__wrap_nonce_guard_look(struct nonce_guard *guard);
uint64_t __wrap_nonce_keeper_version(const struct nonce_keeper *keeper);

enum status __wrap_redis_send(struct redis_client *client, const struct slice *args, size_t count, redis_done_fn done,
                              void *context)
{
    struct command *command = &client->commands[client->sent];
    struct buf text = buf_fixed(command->text, sizeof command->text - 1);
    for (size_t i = 0; i < count; i++) {
        if (i)
            buf_add_byte(&text, ' ');
        buf_add(&text, args[i]);
    }
    command->text[text.len] = '\0';
    command->done = done;
    command->context = context;
    if (client->refuses && strncmp(command->text, client->refuses, strlen(client->refuses)) == 0)
        return STATUS_STORE_DOWN;
    client->sent++;
    assert_true(client->sent < COMMANDS_MAX);
    return STATUS_OK;
}

enum redis_state __wrap_redis_client_state(const struct redis_client *client)
{
    return client->state;
}

void __wrap_redis_view_unsettle(struct redis_view *view)
{
    world.unsettled++;
    redis_nonces_unsettle(view);
}

void __wrap_ticket_complete(struct ticket ticket, enum status status, void *result, void (*free_result)(void *result))
{
    assert_true(!result && !free_result && ticket.slot < TICKETS_MAX);
    world.completed[ticket.slot]++;
    world.statuses[ticket.slot] = status;
}

bool __wrap_ticket_is_live(struct ticket ticket)
{
    (void)ticket;
    return true;
}

enum nonce_judgement __wrap_nonce_guard_judge(struct nonce_guard *guard, int64_t second)
{
    (void)guard, (void)second;
    return world.judgement;
}

bool __wrap_nonce_guard_may_go_on(struct nonce_guard *guard, const struct clock *clock, int64_t second, int64_t now_ms)
{
    (void)guard, (void)clock, (void)second;
    assert_int_equal(now_ms, NOW_MS);
    return world.may_go_on;
}

const struct nonce_standing *__wrap_nonce_guard_look(struct nonce_guard *guard)
{
    return &guard->standing;
}

uint64_t __wrap_nonce_keeper_version(const struct nonce_keeper *keeper)
{
    (void)keeper;
    return world.keeper_version;
}

/* ---- a view ---- */

struct fixture {
    struct fake_clock local;
    struct redis_store store;
    struct redis_client client;
    struct redis_view view;
};

/* The epoch is agreed on, and the keeper is in it. */
static void settle_on(struct fixture *it, const char *id, unsigned shards)
{
    struct redis_settle *settle = &it->view.settle;
    settle->epoch = (struct redis_epoch){.shards = shards, .hash_key = {(unsigned char)id[0], 7}};
    (void)snprintf(settle->epoch.id, sizeof settle->epoch.id, "%s", id);
    settle->text_len = (size_t)snprintf(settle->text, sizeof settle->text, "record of %s", id);
    (void)snprintf(it->view.guard.standing.epoch, sizeof it->view.guard.standing.epoch, "%s", id);
    assert_status(redis_nonces_settle(&it->view), STATUS_OK);
}

static int setup(void **state)
{
    struct fixture *it = test_calloc(1, sizeof *it);
    memset(&world, 0, sizeof world);
    world.judgement = NONCE_MAY;
    fake_clock_init(&it->local, NOW_MS);
    it->store.options =
        (struct ephemeral_options){.clock = &it->local.clock, .skew_ms = SKEW_S * 1000, .lead_ms = LEAD_S * 1000};
    it->client.state = REDIS_READY;
    it->view.store = &it->store;
    it->view.client = &it->client;
    it->view.clock = redis_clock_init(&it->local.clock, SKEW_S * 1000);
    (void)redis_clock_set(&it->view.clock, it->local.steady_ms, NOW_MS);
    it->view.mac = mac_new(1);
    settle_on(it, "first", 1); /* one shard: a set for each second */
    *state = it;
    return 0;
}

static void answer(struct fixture *it, const struct redisReply *reply)
{
    assert_true(it->client.answered < it->client.sent);
    const struct command *command = &it->client.commands[it->client.answered++];
    command->done(command->context, reply);
}

static void answer_integer(struct fixture *it, long long number)
{
    const struct redisReply reply = {.type = REDIS_REPLY_INTEGER, .integer = number};
    answer(it, &reply);
}

static void answer_text(struct fixture *it, int type, const char *text)
{
    char memory[64];
    (void)snprintf(memory, sizeof memory, "%s", text);
    const struct redisReply reply = {.type = type, .str = memory, .len = strlen(memory)};
    answer(it, &reply);
}

static void answer_epoch(struct fixture *it, const char *id)
{
    char text[64];
    (void)snprintf(text, sizeof text, "record of %s", id);
    answer_text(it, REDIS_REPLY_STRING, text);
}

/* The connection is lost: everybody is told, before the view is. */
static void lose_connection(struct fixture *it)
{
    while (it->client.answered < it->client.sent)
        answer(it, NULL);
}

static int teardown(void **state)
{
    struct fixture *it = *state;
    redis_nonces_unsettle(&it->view);
    lose_connection(it);
    nonce_waits_done(&it->view.waits);
    redis_nonces_done(&it->view.nonces);
    mac_free(it->view.mac);
    test_free(it);
    return 0;
}

static void spend(struct fixture *it, uint32_t slot, int64_t second)
{
    char text[16];
    (void)snprintf(text, sizeof text, "%u", (unsigned)slot);
    const struct nonce nonce = {SLICE("acme"), SLICE("token"), second, slice_str(text)};
    redis_nonce_spend_start(&it->view.view, &nonce, (struct ticket){.slot = slot});
}

static const char *command_at(struct fixture *it, size_t index)
{
    return index < it->client.sent ? it->client.commands[index].text : "";
}

static bool is_command(struct fixture *it, size_t index, const char *begins_with)
{
    return strncmp(command_at(it, index), begins_with, strlen(begins_with)) == 0;
}

#define assert_command(it, index, begins_with)                               \
    do {                                                                     \
        if (!is_command((it), (index), (begins_with)))                       \
            fail_msg("%zu: %s", (size_t)(index), command_at((it), (index))); \
    } while (0)

#define assert_answered(slot, status)                  \
    do {                                               \
        assert_int_equal(world.completed[slot], 1);    \
        assert_status(world.statuses[slot], (status)); \
    } while (0)

/* Spends one, and has it accepted; true: its set's expiry was asked for. */
static bool spend_well(struct fixture *it, uint32_t slot, int64_t second)
{
    spend(it, slot, second);
    redis_nonces_close_batch(&it->view);
    answer_integer(it, 1);
    bool is_asked = is_command(it, it->client.answered, "EXPIREAT");
    if (is_asked)
        answer_integer(it, 1);
    answer_epoch(it, it->view.nonces.epoch.id);
    assert_answered(slot, STATUS_OK);
    return is_asked;
}

/* ---- one turn's write ---- */

static void what_a_turn_spends_is_one_write_that_ends_with_the_epoch(void **state)
{
    struct fixture *it = *state;
    spend(it, 1, NOW_S);
    spend(it, 2, NOW_S);
    spend(it, 3, NOW_S - 1);
    assert_int_equal(it->client.sent, 3);
    redis_nonces_close_batch(&it->view);
    assert_int_equal(it->client.sent, 6);
    assert_command(it, 0, "SADD n:{0}:tlpwu8 ");
    assert_command(it, 1, "SADD n:{0}:tlpwu8 ");
    assert_command(it, 2, "SADD n:{0}:tlpwu7 ");
    assert_string_not_equal(command_at(it, 0), command_at(it, 1));
    assert_string_equal(command_at(it, 3), "EXPIREAT n:{0}:tlpwu8 1790001001");
    assert_string_equal(command_at(it, 4), "EXPIREAT n:{0}:tlpwu7 1790001000");
    assert_string_equal(command_at(it, 5), "GET e");
    redis_nonces_close_batch(&it->view); /* there is none */
    assert_int_equal(it->client.sent, 6);
}

static void a_verdict_counts_once_the_epoch_was_answered(void **state)
{
    static const enum status expected[] = {STATUS_OK, STATUS_NONCE_USED, STATUS_STORE_CORRUPT, STATUS_STORE_CORRUPT,
                                           STATUS_STORE_DOWN};
    struct fixture *it = *state;
    for (uint32_t slot = 0; slot < COUNT_OF(expected); slot++)
        spend(it, slot, NOW_S);
    redis_nonces_close_batch(&it->view);
    answer_integer(it, 1);
    answer_integer(it, 0);
    answer_integer(it, 2);
    answer_integer(it, -1);
    answer_text(it, REDIS_REPLY_ERROR, "WRONGTYPE");
    answer_integer(it, 1);
    for (uint32_t slot = 0; slot < COUNT_OF(expected); slot++)
        assert_int_equal(world.completed[slot], 0);
    answer_epoch(it, "first");
    for (uint32_t slot = 0; slot < COUNT_OF(expected); slot++)
        assert_answered(slot, expected[slot]);
    assert_int_equal(world.unsettled, 0);
}

static void no_verdict_counts_under_another_epoch(void **state)
{
    struct fixture *it = *state;
    for (uint32_t slot = 0; slot < 3; slot++) {
        int unsettled = world.unsettled;
        spend(it, slot, NOW_S);
        redis_nonces_close_batch(&it->view);
        answer_integer(it, 1);
        answer_integer(it, 1);
        if (slot == 0)
            answer_epoch(it, "second");
        else if (slot == 1)
            answer_text(it, REDIS_REPLY_NIL, "");
        else
            answer_text(it, REDIS_REPLY_ERROR, "LOADING");
        assert_answered(slot, STATUS_STORE_DOWN);
        assert_int_equal(world.unsettled, unsettled + 1);
        assert_false(it->view.nonces.is_settled);
        settle_on(it, "first", 1);
        lose_connection(it); /* what the settling sent */
    }
}

static void a_lost_connection_refuses_all_and_says_nothing_of_the_epoch(void **state)
{
    struct fixture *it = *state;
    spend(it, 1, NOW_S);
    redis_nonces_close_batch(&it->view);
    answer_integer(it, 1);
    lose_connection(it);
    assert_answered(1, STATUS_STORE_DOWN);
    assert_int_equal(world.unsettled, 0); /* whoever has the connection is told */
}

/* Its answer names the new epoch, but the nonce was hashed under the old one. */
static void no_verdict_counts_that_was_asked_for_under_an_earlier_epoch(void **state)
{
    struct fixture *it = *state;
    spend(it, 1, NOW_S);
    redis_nonces_unsettle(&it->view);
    settle_on(it, "second", 1);
    answer_integer(it, 1);
    answer_integer(it, 1);
    answer_epoch(it, "second");
    assert_answered(1, STATUS_STORE_DOWN);
    assert_int_equal(world.unsettled, 0);
    assert_true(spend_well(it, 2, NOW_S)); /* nor does the expiry that was acknowledged then */
}

static void an_earlier_epoch_that_is_answered_late_is_no_news(void **state)
{
    struct fixture *it = *state;
    spend(it, 1, NOW_S);
    redis_nonces_unsettle(&it->view);
    settle_on(it, "second", 1);
    answer_integer(it, 1);
    answer_integer(it, 1);
    answer_epoch(it, "first");
    assert_answered(1, STATUS_STORE_DOWN);
    assert_int_equal(world.unsettled, 0);
}

static void a_server_that_was_demoted_is_left(void **state)
{
    struct fixture *it = *state;
    spend(it, 1, NOW_S);
    spend(it, 2, NOW_S);
    redis_nonces_close_batch(&it->view);
    answer_integer(it, 1);
    answer_text(it, REDIS_REPLY_ERROR, "READONLY You can't write against a read only replica.");
    answer_integer(it, 1);
    answer_epoch(it, "first");
    assert_answered(1, STATUS_OK);
    assert_answered(2, STATUS_STORE_DOWN);
    assert_int_equal(world.unsettled, 1);
}

static void any_other_error_is_no_reason_to_leave(void **state)
{
    struct fixture *it = *state;
    spend(it, 1, NOW_S);
    redis_nonces_close_batch(&it->view);
    answer_text(it, REDIS_REPLY_ERROR, "OOM command not allowed");
    answer_integer(it, 0);
    answer_epoch(it, "first");
    assert_answered(1, STATUS_STORE_DOWN);
    assert_int_equal(world.unsettled, 0);
}

static void a_turn_may_spend_many(void **state)
{
    enum { MANY = 128 }; /* which fills what there is room for */
    struct fixture *it = *state;
    for (int round = 0; round < 2; round++) {
        for (uint32_t slot = 0; slot < MANY; slot++)
            spend(it, slot, NOW_S - (int64_t)slot - round * MANY);
        redis_nonces_close_batch(&it->view);
        for (int i = 0; i < 2 * MANY; i++)
            answer_integer(it, 1);
        answer_epoch(it, "first");
        for (uint32_t slot = 0; slot < MANY; slot++)
            assert_int_equal(world.completed[slot], round + 1);
    }
    assert_false(spend_well(it, MANY, NOW_S - 2 * MANY + 1));
}

static void turns_that_follow_each_other_are_answered_each_by_its_own(void **state)
{
    struct fixture *it = *state;
    spend(it, 1, NOW_S);
    redis_nonces_close_batch(&it->view);
    spend(it, 2, NOW_S);
    redis_nonces_close_batch(&it->view);
    answer_integer(it, 1);
    answer_integer(it, 1);
    answer_epoch(it, "first");
    assert_answered(1, STATUS_OK);
    assert_int_equal(world.completed[2], 0);
    answer_integer(it, 0);
    answer_integer(it, 1);
    answer_epoch(it, "first");
    assert_answered(2, STATUS_NONCE_USED);
}

static void a_nonce_that_cannot_be_sent_is_refused_and_leaves_the_others_alone(void **state)
{
    struct fixture *it = *state;
    spend(it, 1, NOW_S);
    it->client.refuses = "SADD";
    spend(it, 2, NOW_S - 1);
    assert_answered(2, STATUS_STORE_DOWN);
    it->client.refuses = NULL;
    spend(it, 3, NOW_S);
    redis_nonces_close_batch(&it->view);
    assert_int_equal(it->client.sent, 4); /* two nonces, one set */
    answer_integer(it, 1);
    answer_integer(it, 0);
    answer_integer(it, 1);
    answer_epoch(it, "first");
    assert_answered(1, STATUS_OK);
    assert_answered(3, STATUS_NONCE_USED);
}

static void a_nonce_that_cannot_be_hashed_is_not_sent(void **state)
{
    struct fixture *it = *state;
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
    struct fixture *it = *state;
    spend(it, 1, NOW_S);
    it->client.refuses = "GET";
    redis_nonces_close_batch(&it->view);
    answer_integer(it, 1);
    answer_integer(it, 1);
    assert_answered(1, STATUS_STORE_DOWN);
}

/* ---- expiries ---- */

static void an_expiry_that_stands_is_not_asked_for_again(void **state)
{
    struct fixture *it = *state;
    assert_true(spend_well(it, 1, NOW_S));
    assert_false(spend_well(it, 2, NOW_S));
    assert_true(spend_well(it, 3, NOW_S + 1));
    redis_nonces_unsettle(&it->view); /* what happened meanwhile is not known */
    settle_on(it, "first", 1);
    assert_true(spend_well(it, 4, NOW_S));
}

/* 0: there is no such set; it may come. */
static void an_expiry_that_was_not_set_is_asked_for_again_and_owed(void **state)
{
    struct fixture *it = *state;
    for (uint32_t slot = 1; slot <= 3; slot++) {
        spend(it, slot, NOW_S - slot);
        redis_nonces_close_batch(&it->view);
        answer_integer(it, 1);
        if (slot == 3)
            answer_text(it, REDIS_REPLY_ERROR, "ERR");
        else
            answer_integer(it, slot == 1 ? 0 : 2);
        answer_epoch(it, "first");
        assert_true(spend_well(it, 10 + slot, NOW_S - slot));
    }
    size_t before = it->client.sent;
    settle_on(it, "first", 1);
    assert_int_equal(it->client.sent, before + 3);
    for (size_t i = before; i < it->client.sent; i++)
        assert_command(it, i, "EXPIREAT n:{0}:tlpwu");
}

/* Or the replies that follow would be taken for other sets: one would count as expiring that is not. */
static void an_expiry_that_could_not_be_sent_is_owed_and_takes_no_others_reply(void **state)
{
    struct fixture *it = *state;
    spend(it, 1, NOW_S);
    spend(it, 2, NOW_S - 1);
    it->client.refuses = "EXPIREAT n:{0}:tlpwu8 ";
    redis_nonces_close_batch(&it->view);
    it->client.refuses = NULL;
    assert_int_equal(it->client.sent, 4); /* two nonces, the other's expiry, the epoch */
    answer_integer(it, 1);
    answer_integer(it, 1);
    answer_integer(it, 1);
    answer_epoch(it, "first");
    assert_answered(1, STATUS_OK);
    assert_answered(2, STATUS_OK);
    assert_false(spend_well(it, 3, NOW_S - 1));
    assert_true(spend_well(it, 4, NOW_S));
    size_t before = it->client.sent;
    settle_on(it, "first", 1);
    assert_int_equal(it->client.sent, before + 1);
    assert_string_equal(command_at(it, before), "EXPIREAT n:{0}:tlpwu8 1790001001");
}

/* While one turn's is under way, another turn asks for itself: it may be answered differently. */
static void an_expiry_is_asked_for_once_a_turn(void **state)
{
    struct fixture *it = *state;
    for (uint32_t slot = 0; slot < 5; slot++)
        spend(it, slot, NOW_S);
    redis_nonces_close_batch(&it->view);
    assert_int_equal(it->client.sent, 5 + 1 + 1);
    spend(it, 6, NOW_S);
    redis_nonces_close_batch(&it->view);
    assert_int_equal(it->client.sent, 7 + 3);
}

static void what_is_owed_is_sent_when_the_epoch_is_settled_until_it_is_answered(void **state)
{
    struct fixture *it = *state;
    spend(it, 1, NOW_S);
    redis_nonces_close_batch(&it->view);
    lose_connection(it);
    redis_nonces_unsettle(&it->view);
    for (int round = 0; round < 3; round++) {
        size_t before = it->client.sent;
        settle_on(it, "first", 1);
        assert_int_equal(it->client.sent, before + 1);
        assert_string_equal(command_at(it, before), "EXPIREAT n:{0}:tlpwu8 1790001001");
        if (round == 0)
            answer(it, NULL);
        else if (round == 1)
            answer_text(it, REDIS_REPLY_ERROR, "LOADING");
        else
            answer_integer(it, 0); /* it is not there */
    }
    size_t before = it->client.sent;
    settle_on(it, "first", 1);
    assert_int_equal(it->client.sent, before);
}

static void what_is_owed_and_cannot_be_sent_stays_owed(void **state)
{
    struct fixture *it = *state;
    spend(it, 1, NOW_S);
    redis_nonces_close_batch(&it->view);
    lose_connection(it);
    it->client.refuses = "EXPIREAT";
    settle_on(it, "first", 1);
    it->client.refuses = NULL;
    size_t before = it->client.sent;
    settle_on(it, "first", 1);
    assert_int_equal(it->client.sent, before + 1);
}

/* Of a batch that does not count: the server may have been flushed before it got the nonces. */
static void sets_of_a_batch_that_does_not_count_are_owed_their_expiry(void **state)
{
    struct fixture *it = *state;
    assert_true(spend_well(it, 1, NOW_S));
    spend(it, 2, NOW_S);
    redis_nonces_close_batch(&it->view);
    answer_integer(it, 1);
    answer_epoch(it, "second");
    size_t before = it->client.sent;
    settle_on(it, "second", 1);
    assert_int_equal(it->client.sent, before + 1);
    assert_string_equal(command_at(it, before), "EXPIREAT n:{0}:tlpwu8 1790001001");
}

/* ---- the epoch ---- */

static void each_epoch_hashes_by_its_own_key(void **state)
{
    struct fixture *it = *state;
    char first[128];
    spend(it, 1, NOW_S);
    (void)snprintf(first, sizeof first, "%s", command_at(it, 0));
    redis_nonces_unsettle(&it->view);
    lose_connection(it);
    settle_on(it, "second", 1);
    lose_connection(it);
    size_t before = it->client.sent;
    spend(it, 1, NOW_S);
    assert_command(it, before, "SADD n:{0}:tlpwu8 ");
    assert_string_not_equal(first, command_at(it, before));
}

static void an_epoch_that_is_settled_again_is_the_same(void **state)
{
    struct fixture *it = *state;
    assert_int_equal(it->view.nonces.generation, 1);
    settle_on(it, "first", 1);
    assert_int_equal(it->view.nonces.generation, 1);
    settle_on(it, "second", 1);
    assert_int_equal(it->view.nonces.generation, 2);
    assert_string_equal(it->view.nonces.epoch.id, "second");
}

/* A table that was made for fewer would be written beyond its end. */
static void an_epoch_with_more_shards_has_room_for_them(void **state)
{
    struct fixture *it = *state;
    assert_true(spend_well(it, 1, NOW_S));
    settle_on(it, "second", REDIS_SHARDS_MAX);
    for (uint32_t slot = 2; slot < 100; slot++)
        (void)spend_well(it, slot, NOW_S - 897); /* which has the last place in the table */
    assert_false(is_command(it, it->client.sent - 3, "SADD n:{0}:"));
}

/* ---- which are sent ---- */

static void nothing_waits_for_a_connection_that_is_not_in_sight(void **state)
{
    struct fixture *it = *state;
    it->client.state = REDIS_DOWN;
    spend(it, 1, NOW_S);
    assert_answered(1, STATUS_STORE_DOWN);
    it->client.state = REDIS_CONNECTING;
    spend(it, 2, NOW_S);
    assert_int_equal(world.completed[2], 0);
    it->client.state = REDIS_READY;
    redis_nonces_unsettle(&it->view);
    spend(it, 3, NOW_S);
    assert_int_equal(world.completed[3], 0);
    it->local.steady_ms += REDIS_CLOCK_GOOD_MS + 1; /* nor is the clock known before */
    spend(it, 4, NOW_S);
    assert_int_equal(world.completed[4], 0);
    assert_int_equal(it->client.sent, 0);
    (void)redis_clock_set(&it->view.clock, it->local.steady_ms, NOW_MS);
    settle_on(it, "first", 1);
    redis_nonces_retry(&it->view);
    assert_int_equal(it->client.sent, 3);
    assert_int_equal(it->view.waits.count, 0);
}

static void what_is_not_settled_is_refused_where_the_connection_is_down(void **state)
{
    struct fixture *it = *state;
    redis_nonces_unsettle(&it->view);
    it->client.state = REDIS_DOWN;
    spend(it, 1, NOW_S);
    assert_answered(1, STATUS_STORE_DOWN);
}

static void without_a_clock_nothing_is_sent(void **state)
{
    struct fixture *it = *state;
    it->local.steady_ms += REDIS_CLOCK_GOOD_MS + 1;
    spend(it, 1, NOW_S);
    assert_answered(1, STATUS_STORE_DOWN);
}

/* A set expires two skews and a second after its own. */
static void a_timestamp_that_no_expiry_covers_is_refused(void **state)
{
    struct fixture *it = *state;
    spend(it, 1, NOW_S + LEAD_S + 1);
    assert_answered(1, STATUS_TIMESTAMP_REFUSED);
    spend(it, 2, NOW_S - 2 * SKEW_S);
    assert_answered(2, STATUS_TIMESTAMP_REFUSED);
    spend(it, 3, NOW_S + LEAD_S);
    spend(it, 4, NOW_S - 2 * SKEW_S + 1);
    assert_int_equal(it->client.sent, 2);
}

static void the_guard_decides_what_is_sent(void **state)
{
    struct fixture *it = *state;
    world.judgement = NONCE_MUST_NOT;
    spend(it, 1, NOW_S);
    assert_answered(1, STATUS_STORE_DOWN);
    world.judgement = NONCE_WAITS;
    spend(it, 2, NOW_S);
    assert_int_equal(world.completed[2], 0);
    assert_int_equal(it->client.sent, 0);
    world.may_go_on = true; /* rule 8 */
    spend(it, 3, NOW_S);
    assert_int_equal(it->client.sent, 1);
    world.judgement = NONCE_MUST_NOT;
    spend(it, 4, NOW_S);
    assert_answered(4, STATUS_STORE_DOWN);
}

/* The keeper is in another, which this connection has not heard of yet. */
static void nothing_is_sent_under_an_epoch_that_is_not_the_keepers(void **state)
{
    struct fixture *it = *state;
    (void)snprintf(it->view.guard.standing.epoch, sizeof it->view.guard.standing.epoch, "second");
    spend(it, 1, NOW_S);
    assert_int_equal(it->client.sent, 0);
    assert_int_equal(it->view.waits.count, 1);
}

/* Rule 11: of the keeper's epoch nothing counts then, and its own guard does. */
static void under_a_provisional_epoch_only_rule_8_lets_anything_through(void **state)
{
    struct fixture *it = *state;
    it->view.settle.is_provisional = true;
    it->view.settle.ranges = (struct accepted_ranges){.items = {{NOW_S - 10, NOW_S, NOW_S}}, .count = 1};
    settle_on(it, "alone", 1);
    spend(it, 1, NOW_S + 1);
    assert_answered(1, STATUS_STORE_DOWN);
    world.may_go_on = true;
    spend(it, 2, NOW_S);
    assert_answered(2, STATUS_STORE_DOWN);
    assert_int_equal(it->client.sent, 0);
    spend(it, 3, NOW_S + 1);
    assert_int_equal(it->client.sent, 1);
    it->view.settle.is_provisional = false; /* the durable store is there again */
    settle_on(it, "declared", 1);
    size_t before = it->client.sent;
    spend(it, 4, NOW_S);
    assert_command(it, before, "SADD");
}

static void who_came_before_is_tried_first_once_the_keeper_has_news(void **state)
{
    struct fixture *it = *state;
    world.judgement = NONCE_WAITS;
    spend(it, 1, NOW_S - 1);
    world.judgement = NONCE_MAY;
    spend(it, 2, NOW_S);
    assert_int_equal(it->client.sent, 1); /* no news: the one that waits is left alone */
    world.keeper_version = 5;
    spend(it, 3, NOW_S);
    assert_int_equal(it->client.sent, 3);
    assert_command(it, 1, "SADD n:{0}:tlpwu7 ");
    assert_command(it, 2, "SADD n:{0}:tlpwu8 ");
}

static void at_the_end_the_key_is_wiped(void **state)
{
    struct fixture *it = *state;
    char key[NONCE_HASH_KEY_BYTES] = {'f', 7};
    redis_nonces_unsettle(&it->view);
    watch_begin();
    redis_nonces_done(&it->view.nonces);
    size_t wipes = watch_wipes(slice_of(key, sizeof key));
    watch_end();
    it->view.nonces = (struct redis_nonces){0};
    assert_int_equal(wipes, 1);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_a_turn_spends_is_one_write_that_ends_with_the_epoch),
        TEST(a_verdict_counts_once_the_epoch_was_answered),
        TEST(no_verdict_counts_under_another_epoch),
        TEST(a_lost_connection_refuses_all_and_says_nothing_of_the_epoch),
        TEST(no_verdict_counts_that_was_asked_for_under_an_earlier_epoch),
        TEST(an_earlier_epoch_that_is_answered_late_is_no_news),
        TEST(a_server_that_was_demoted_is_left),
        TEST(any_other_error_is_no_reason_to_leave),
        TEST(a_turn_may_spend_many),
        TEST(turns_that_follow_each_other_are_answered_each_by_its_own),
        TEST(a_nonce_that_cannot_be_sent_is_refused_and_leaves_the_others_alone),
        TEST(a_nonce_that_cannot_be_hashed_is_not_sent),
        TEST(without_the_question_for_the_epoch_nothing_counts),
        TEST(an_expiry_that_stands_is_not_asked_for_again),
        TEST(an_expiry_that_was_not_set_is_asked_for_again_and_owed),
        TEST(an_expiry_that_could_not_be_sent_is_owed_and_takes_no_others_reply),
        TEST(an_expiry_is_asked_for_once_a_turn),
        TEST(what_is_owed_is_sent_when_the_epoch_is_settled_until_it_is_answered),
        TEST(what_is_owed_and_cannot_be_sent_stays_owed),
        TEST(sets_of_a_batch_that_does_not_count_are_owed_their_expiry),
        TEST(each_epoch_hashes_by_its_own_key),
        TEST(an_epoch_that_is_settled_again_is_the_same),
        TEST(an_epoch_with_more_shards_has_room_for_them),
        TEST(nothing_waits_for_a_connection_that_is_not_in_sight),
        TEST(what_is_not_settled_is_refused_where_the_connection_is_down),
        TEST(without_a_clock_nothing_is_sent),
        TEST(a_timestamp_that_no_expiry_covers_is_refused),
        TEST(the_guard_decides_what_is_sent),
        TEST(nothing_is_sent_under_an_epoch_that_is_not_the_keepers),
        TEST(under_a_provisional_epoch_only_rule_8_lets_anything_through),
        TEST(who_came_before_is_tried_first_once_the_keeper_has_news),
        TEST(at_the_end_the_key_is_wiped),
    };
    return cmocka_run_group_tests_name("redis_nonces", tests, NULL, NULL);
}
