#include "nonces_bench.h"

#include "crypto/mac.h"

#include <stdio.h>

struct nonces_world nonces_world;

/* In place of the connection, of whoever waits, and of the guard (tests/CMakeLists.txt). */
enum status __wrap_redis_send(struct redis_client *client, const struct slice *args, size_t count, redis_done_fn done,
                              void *context);
enum redis_state __wrap_redis_client_state(const struct redis_client *client);
void __wrap_redis_view_unsettle(struct redis_view *view);
void __wrap_ticket_complete(struct ticket ticket, enum status status, void *result, void (*free_result)(void *result));
bool __wrap_ticket_is_live(struct ticket ticket);
enum status __wrap_loop_timer_start(struct loop_timer *timer, unsigned delay_ms);
enum nonce_judgement __wrap_nonce_guard_judge(struct nonce_guard *guard, int64_t second);
bool __wrap_nonce_guard_may_go_on(struct nonce_guard *guard, const struct clock *clock, int64_t second, int64_t now_ms);
const struct nonce_standing *__wrap_nonce_guard_standing(struct nonce_guard *guard);
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
    nonces_world.unsettled++;
    redis_nonces_unsettle(view);
}

void __wrap_ticket_complete(struct ticket ticket, enum status status, void *result, void (*free_result)(void *result))
{
    assert_true(!result && !free_result && ticket.slot < TICKETS_MAX);
    nonces_world.completed[ticket.slot]++;
    nonces_world.statuses[ticket.slot] = status;
}

bool __wrap_ticket_is_live(struct ticket ticket)
{
    (void)ticket;
    return true;
}

enum status __wrap_loop_timer_start(struct loop_timer *timer, unsigned delay_ms)
{
    const struct redis_view *view =
        (const struct redis_view *)((char *)timer - offsetof(struct redis_view, waits_timer));
    assert_non_null(view->store);
    nonces_world.timer_ms = delay_ms;
    return STATUS_OK;
}

enum nonce_judgement __wrap_nonce_guard_judge(struct nonce_guard *guard, int64_t second)
{
    (void)second;
    if (nonces_world.judged_under)
        (void)snprintf(guard->standing.epoch, sizeof guard->standing.epoch, "%s", nonces_world.judged_under);
    return nonces_world.judgement;
}

bool __wrap_nonce_guard_may_go_on(struct nonce_guard *guard, const struct clock *clock, int64_t second, int64_t now_ms)
{
    (void)clock, (void)second;
    assert_int_equal(now_ms, NOW_MS);
    if (nonces_world.went_on_under)
        (void)snprintf(guard->standing.epoch, sizeof guard->standing.epoch, "%s", nonces_world.went_on_under);
    return nonces_world.may_go_on;
}

const struct nonce_standing *__wrap_nonce_guard_standing(struct nonce_guard *guard)
{
    return &guard->standing;
}

uint64_t __wrap_nonce_keeper_version(const struct nonce_keeper *keeper)
{
    (void)keeper;
    return nonces_world.keeper_version;
}

/* ---- a view ---- */

void nonces_settle_on(struct nonces_bench *it, const char *id, unsigned shards)
{
    struct redis_settle *settle = &it->view.settle;
    settle->epoch =
        (struct redis_epoch){.kept_s = nonces_world.kept_s, .shards = shards, .hash_key = {(unsigned char)id[0], 7}};
    (void)snprintf(settle->epoch.id, sizeof settle->epoch.id, "%s", id);
    (void)snprintf(settle->server.run_id, sizeof settle->server.run_id, "server/nobody");
    settle->text_len = (size_t)snprintf(settle->text, sizeof settle->text, "record of %s", id);
    (void)snprintf(it->view.guard.standing.epoch, sizeof it->view.guard.standing.epoch, "%s", id);
    assert_status(redis_nonces_settle(&it->view), STATUS_OK);
}

int nonces_setup(void **state)
{
    struct nonces_bench *it = test_calloc(1, sizeof *it);
    memset(&nonces_world, 0, sizeof nonces_world);
    nonces_world.judgement = NONCE_MAY;
    nonces_world.kept_s = 2 * SKEW_S;
    fake_clock_init(&it->local, NOW_MS);
    it->store.options =
        (struct ephemeral_options){.clock = &it->local.clock, .skew_ms = SKEW_S * 1000, .lead_ms = LEAD_S * 1000};
    it->client.state = REDIS_READY;
    it->view.store = &it->store;
    it->view.client = &it->client;
    it->view.clock = redis_clock_init(&it->local.clock, SKEW_S * 1000);
    (void)redis_clock_set(&it->view.clock, it->local.steady_ms, NOW_MS);
    it->view.mac = mac_new(1);
    nonces_settle_on(it, "first", 1); /* one shard: a set for each second */
    *state = it;
    return 0;
}

void nonces_answer(struct nonces_bench *it, const struct redisReply *reply)
{
    assert_true(it->client.answered < it->client.sent);
    const struct command *command = &it->client.commands[it->client.answered++];
    command->done(command->context, reply);
}

void nonces_answer_integer(struct nonces_bench *it, long long number)
{
    const struct redisReply reply = {.type = REDIS_REPLY_INTEGER, .integer = number};
    nonces_answer(it, &reply);
}

void nonces_answer_text(struct nonces_bench *it, int type, const char *text)
{
    char memory[128];
    (void)snprintf(memory, sizeof memory, "%s", text);
    const struct redisReply reply = {.type = type, .str = memory, .len = strlen(memory)};
    nonces_answer(it, &reply);
}

void nonces_answer_record(struct nonces_bench *it, const char *id)
{
    char text[64];
    (void)snprintf(text, sizeof text, "record of %s", id);
    nonces_answer_text(it, REDIS_REPLY_STRING, text);
}

void nonces_answer_server(struct nonces_bench *it, const char *evicted, const char *followed)
{
    char text[96];
    (void)snprintf(text, sizeof text, "# Stats\r\nevicted_keys:%s\r\n", evicted);
    nonces_answer_text(it, REDIS_REPLY_STRING, text);
    (void)snprintf(text, sizeof text, "# Replication\r\nrole:master\r\nmaster_replid2:%s\r\n", followed);
    nonces_answer_text(it, REDIS_REPLY_STRING, text);
}

void nonces_answer_epoch(struct nonces_bench *it, const char *id)
{
    nonces_answer_record(it, id);
    nonces_answer_server(it, "0", "nobody");
}

void nonces_lose_connection(struct nonces_bench *it)
{
    while (it->client.answered < it->client.sent)
        nonces_answer(it, NULL);
}

int nonces_teardown(void **state)
{
    struct nonces_bench *it = *state;
    redis_nonces_unsettle(&it->view);
    nonces_lose_connection(it);
    nonce_waits_done(&it->view.waits);
    redis_nonces_done(&it->view.nonces);
    mac_free(it->view.mac);
    test_free(it);
    return 0;
}

void nonces_spend(struct nonces_bench *it, uint32_t slot, int64_t second)
{
    char text[16];
    (void)snprintf(text, sizeof text, "%u", (unsigned)slot);
    const struct nonce nonce = {SLICE("acme"), SLICE("token"), second, slice_str(text)};
    redis_nonce_spend_start(&it->view.view, &nonce, (struct ticket){.slot = slot});
}

const char *nonces_command_at(struct nonces_bench *it, size_t index)
{
    return index < it->client.sent ? it->client.commands[index].text : "";
}

bool nonces_is_command(struct nonces_bench *it, size_t index, const char *begins_with)
{
    return strncmp(nonces_command_at(it, index), begins_with, strlen(begins_with)) == 0;
}
