#include "settle_bench.h"

#include "time_reply.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <string.h>

#define THE_LOOP ((struct loop *)&settle_monotonic_ms) /* that jobs come back to */

int64_t settle_monotonic_ms;

/* In place of the connection, the keeper and the machine's clock (tests/CMakeLists.txt). */
enum status __wrap_redis_send(struct redis_client *client, const struct slice *args, size_t count, redis_done_fn done,
                              void *context);
void __wrap_nonce_keeper_start(struct nonce_keeper *keeper, struct nonce_job *job);
void __wrap_nonce_keeper_cancel(struct nonce_keeper *keeper, struct nonce_job *job);
void __wrap_nonce_keeper_read(struct nonce_keeper *keeper, struct nonce_standing *ret_standing, uint64_t *ret_version);
void __wrap_nonce_keeper_tell_clock(struct nonce_keeper *keeper, int64_t clock_ms);
const char *__wrap_nonce_keeper_machine(const struct nonce_keeper *keeper);
int64_t __wrap_clock_monotonic_ns(void);

enum status __wrap_redis_send(struct redis_client *client, const struct slice *args, size_t count, redis_done_fn done,
                              void *context)
{
    struct command *command = &client->commands[client->sent];
    if (client->room == 0)
        return STATUS_STORE_DOWN;
    client->room--;
    struct buf text = buf_fixed(command->text, sizeof command->text - 1);
    for (size_t i = 0; i < count; i++) {
        buf_add(&text, args[i]);
        buf_add_byte(&text, '|');
    }
    assert_false(text.failed);
    command->text[text.len] = '\0';
    (void)snprintf(command->last, sizeof command->last, "%.*s", SLICE_ARGS(args[count - 1]));
    command->done = done;
    command->context = context;
    client->sent++;
    assert_true(client->sent < COMMANDS_MAX);
    return STATUS_OK;
}

void __wrap_nonce_keeper_start(struct nonce_keeper *keeper, struct nonce_job *job)
{
    assert_null(keeper->job);
    assert_ptr_equal(job->loop, THE_LOOP);
    keeper->job = job;
    keeper->started++;
}

void __wrap_nonce_keeper_cancel(struct nonce_keeper *keeper, struct nonce_job *job)
{
    assert_ptr_equal(keeper->job, job);
    keeper->cancelled++;
}

void __wrap_nonce_keeper_read(struct nonce_keeper *keeper, struct nonce_standing *ret_standing, uint64_t *ret_version)
{
    *ret_standing = keeper->standing;
    *ret_version = 1;
}

void __wrap_nonce_keeper_tell_clock(struct nonce_keeper *keeper, int64_t clock_ms)
{
    keeper->told_clock_ms = clock_ms;
}

const char *__wrap_nonce_keeper_machine(const struct nonce_keeper *keeper)
{
    (void)keeper;
    return "here";
}

int64_t __wrap_clock_monotonic_ns(void)
{
    return settle_monotonic_ms * 1000000;
}

static enum status decide_blocking(struct nonce_ledger *ledger, struct slice name, nonce_decide_fn decide,
                                   void *context)
{
    struct settling *it = (struct settling *)ledger;
    struct nonce_users users = {.items = &it->user, .count = it->user_count};
    assert_slice_equal(name, SLICE("redis"));
    return it->ledger_status == STATUS_OK ? decide(context, &it->row, &users) : it->ledger_status;
}

static void on_greeted(void *context)
{
    ((struct settling *)context)->greeted++;
}

static bool begin_settling(void *context)
{
    return ((struct settling *)context)->has_turn;
}

static void on_done(void *context, enum status status)
{
    struct settling *it = context;
    it->done++;
    it->status = status;
    assert_false(it->settle.is_running);
}

void settle_init(struct settling *it, struct redis_settle *settle)
{
    *settle = (struct redis_settle){
        .client = &it->client,
        .clock = &it->clock,
        .keeper = &it->keeper,
        .loop = THE_LOOP,
        .skew_ms = SKEW_MS,
        .lead_ms = LEAD_MS,
        .unsure_until_ms = &it->unsure_until_ms,
        .patience = &it->patience,
        .greeted = on_greeted,
        .begin_settling = begin_settling,
        .done = on_done,
        .context = it,
    };
}

int settle_setup(void **state)
{
    struct settling *it = test_calloc(1, sizeof *it);
    it->ledger.decide_blocking = decide_blocking;
    fake_clock_init(&it->local, NOW_MS);
    it->local.steady_ms = 5000000;
    settle_monotonic_ms = 7000000;
    it->clock = redis_clock_init(&it->local.clock, SKEW_MS);
    it->client.room = COMMANDS_MAX;
    it->has_turn = true;
    it->unsure_until_ms = -1;
    settle_init(it, &it->settle);
    *state = it;
    return 0;
}

int settle_teardown(void **state)
{
    struct settling *it = *state;
    assert_null(it->keeper.job);
    test_free(it);
    return 0;
}

/* ---- Redis's answers ---- */

void settle_answer(struct settling *it, const struct redisReply *reply)
{
    assert_true(it->client.answered < it->client.sent);
    const struct command *command = &it->client.commands[it->client.answered++];
    command->done(command->context, reply);
}

void settle_answer_text(struct settling *it, int type, const char *text)
{
    char memory[512];
    (void)snprintf(memory, sizeof memory, "%s", text);
    const struct redisReply reply = {.type = type, .str = memory, .len = strlen(memory)};
    settle_answer(it, &reply);
}

void settle_answer_integer(struct settling *it, int64_t number)
{
    const struct redisReply reply = {.type = REDIS_REPLY_INTEGER, .integer = number};
    settle_answer(it, &reply);
}

void settle_answer_info(struct settling *it, const char *run_id)
{
    char text[256];
    (void)snprintf(text, sizeof text,
                   "redis_version:7.0.0\r\nrun_id:%s\r\nrole:master\r\nmaxmemory_policy:noeviction\r\n", run_id);
    settle_answer_text(it, REDIS_REPLY_STRING, text);
}

void settle_answer_time(struct settling *it, int64_t redis_ms)
{
    struct time_reply reply;
    settle_answer(it, time_reply_write(&reply, redis_ms));
}

void settle_answer_record(struct settling *it, const char *record)
{
    settle_answer_text(it, *record ? REDIS_REPLY_STRING : REDIS_REPLY_NIL, record);
}

void settle_lose_connection(struct settling *it)
{
    while (it->client.answered < it->client.sent)
        settle_answer(it, NULL);
}

void settle_run_job(struct settling *it)
{
    struct nonce_job *job = it->keeper.job;
    assert_non_null(job);
    it->keeper.job = NULL;
    job->run_blocking(job, &it->ledger);
    job->was_run = true;
    job->done(job);
}

void settle_ask_by(struct settling *it, struct redis_settle *settle, const char *run_id, const char *record,
                   int64_t life_ms)
{
    assert_status(redis_settle_start(settle), STATUS_OK);
    settle_answer_info(it, run_id);
    settle_answer_time(it, it->local.wall_ms);
    settle_answer_record(it, record);
    settle_answer_integer(it, life_ms);
}

void settle_ask(struct settling *it, const char *record)
{
    settle_ask_by(it, &it->settle, "server", record, *record ? LIFE_MS : -2);
}

void settle_install(struct settling *it)
{
    const struct command *command = &it->client.commands[it->client.answered];
    char proposal[REDIS_EPOCH_BYTES + 1];
    assert_true(strncmp(command->text, "EVAL|", 5) == 0);
    (void)snprintf(proposal, sizeof proposal, "%.*s", (int)it->settle.proposal_len, it->settle.proposal_text);
    settle_answer_text(it, REDIS_REPLY_STRING, proposal);
}

void settle_use_row(struct settling *it, const char *epoch, const char *record, bool is_used)
{
    it->row = (struct nonce_row){.exists = true, .is_used = is_used};
    (void)snprintf(it->row.epoch, sizeof it->row.epoch, "%s", epoch);
    (void)snprintf(it->row.record, sizeof it->row.record, "%s", record);
    it->row.ranges = (struct accepted_ranges){.items = {{NOW_S - 10, NOW_S - 11, NOW_S + 5}}, .count = 1};
}

void settle_well(struct settling *it)
{
    settle_use_row(it, "e-600", RECORD("e-600"), true);
    settle_ask(it, RECORD("e-600"));
    settle_run_job(it);
    assert_status(it->status, STATUS_OK);
}

void settle_declare(struct settling *it)
{
    it->row = (struct nonce_row){0};
    settle_ask(it, "");
    settle_run_job(it);
    settle_install(it);
}
