/* How an epoch is agreed on with Redis and the durable store (docs/design/nonce-guard.md, rules 5, 9 and 11): a test
 * answers for Redis, is the durable store, and has the clocks in its hands. */
#include "ephemeral/redis_settle.h"

#include "support/test.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <string.h>

enum { SKEW_MS = 300000, LEAD_MS = 60000, LIFE_MS = 30000, COMMANDS_MAX = 512 };
#define NOW_S  INT64_C(1790000000)
#define NOW_MS (NOW_S * 1000)

struct command {
    char text[512];
    char last[64]; /* the last word of it */
    redis_done_fn done;
    void *context;
};

struct redis_client {
    struct command commands[COMMANDS_MAX];
    size_t sent;
    size_t answered;
    size_t room; /* how many more can be sent */
};

struct nonce_keeper {
    struct nonce_standing standing;
    struct nonce_job *job; /* that was started */
    int started;
    int cancelled;
    int64_t told_clock_ms;
};

#define THE_LOOP ((struct loop *)&monotonic_ms) /* that jobs come back to */

static int64_t monotonic_ms;

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
    return monotonic_ms * 1000000;
}

/* ---- one that settles ---- */

struct fixture {
    struct nonce_ledger ledger; /* first */
    struct nonce_row row;
    struct nonce_user user;
    size_t user_count;
    enum status ledger_status;
    struct fake_clock local;
    struct redis_clock clock;
    struct redis_client client;
    struct nonce_keeper keeper;
    struct redis_patience patience;
    _Atomic int64_t unsure_until_ms;
    struct redis_settle settle;
    bool has_turn;
    int greeted;
    int done;
    enum status status;
};

static enum status decide_blocking(struct nonce_ledger *ledger, struct slice name, nonce_decide_fn decide,
                                   void *context)
{
    struct fixture *it = (struct fixture *)ledger;
    struct nonce_users users = {.items = &it->user, .count = it->user_count};
    assert_slice_equal(name, SLICE("redis"));
    return it->ledger_status == STATUS_OK ? decide(context, &it->row, &users) : it->ledger_status;
}

static void on_greeted(void *context)
{
    ((struct fixture *)context)->greeted++;
}

static bool begin_turn(void *context)
{
    return ((struct fixture *)context)->has_turn;
}

static void on_done(void *context, enum status status)
{
    struct fixture *it = context;
    it->done++;
    it->status = status;
    assert_false(it->settle.is_running);
}

static void init_settle(struct fixture *it, struct redis_settle *settle)
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
        .begin_turn = begin_turn,
        .done = on_done,
        .context = it,
    };
}

static int setup(void **state)
{
    struct fixture *it = test_calloc(1, sizeof *it);
    it->ledger.decide_blocking = decide_blocking;
    fake_clock_init(&it->local, NOW_MS);
    it->local.steady_ms = 5000000;
    monotonic_ms = 7000000;
    it->clock = redis_clock_init(&it->local.clock, SKEW_MS);
    it->client.room = COMMANDS_MAX;
    it->has_turn = true;
    it->unsure_until_ms = -1;
    init_settle(it, &it->settle);
    *state = it;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *it = *state;
    assert_null(it->keeper.job);
    test_free(it);
    return 0;
}

/* ---- Redis's answers ---- */

static void answer(struct fixture *it, const struct redisReply *reply)
{
    assert_true(it->client.answered < it->client.sent);
    const struct command *command = &it->client.commands[it->client.answered++];
    command->done(command->context, reply);
}

static void answer_text(struct fixture *it, int type, const char *text)
{
    char memory[512];
    (void)snprintf(memory, sizeof memory, "%s", text);
    const struct redisReply reply = {.type = type, .str = memory, .len = strlen(memory)};
    answer(it, &reply);
}

static void answer_integer(struct fixture *it, int64_t number)
{
    const struct redisReply reply = {.type = REDIS_REPLY_INTEGER, .integer = number};
    answer(it, &reply);
}

static void answer_info(struct fixture *it, const char *run_id)
{
    char text[256];
    (void)snprintf(text, sizeof text,
                   "redis_version:7.0.0\r\nrun_id:%s\r\nrole:master\r\nmaxmemory_policy:noeviction\r\n", run_id);
    answer_text(it, REDIS_REPLY_STRING, text);
}

static void answer_time(struct fixture *it, int64_t redis_ms)
{
    char seconds[24];
    char micros[24];
    struct redisReply parts[] = {{.type = REDIS_REPLY_STRING, .str = seconds},
                                 {.type = REDIS_REPLY_STRING, .str = micros}};
    struct redisReply *items[] = {&parts[0], &parts[1]};
    parts[0].len = (size_t)snprintf(seconds, sizeof seconds, "%lld", (long long)(redis_ms / 1000));
    parts[1].len = (size_t)snprintf(micros, sizeof micros, "%lld", (long long)(redis_ms % 1000 * 1000));
    const struct redisReply reply = {.type = REDIS_REPLY_ARRAY, .elements = 2, .element = items};
    answer(it, &reply);
}

static void answer_record(struct fixture *it, const char *record)
{
    answer_text(it, *record ? REDIS_REPLY_STRING : REDIS_REPLY_NIL, record);
}

static void lose_connection(struct fixture *it)
{
    while (it->client.answered < it->client.sent)
        answer(it, NULL);
}

/* The keeper's thread, and its answer to the loop. */
static void run_job(struct fixture *it)
{
    struct nonce_job *job = it->keeper.job;
    assert_non_null(job);
    it->keeper.job = NULL;
    job->run_blocking(job, &it->ledger);
    job->was_run = true;
    job->done(job);
}

#define KEY        "00112233445566778899aabbccddeeff"
#define RECORD(id) "3 " id " server 256 " KEY

/* Asks this Redis whose clock is the process's, and answers: the run id, the record ("": there is none), its life. */
static void ask_by(struct fixture *it, struct redis_settle *settle, const char *run_id, const char *record,
                   int64_t life_ms)
{
    assert_status(redis_settle_start(settle), STATUS_OK);
    answer_info(it, run_id);
    answer_time(it, it->local.wall_ms);
    answer_record(it, record);
    answer_integer(it, life_ms);
}

static void ask(struct fixture *it, const char *record)
{
    ask_by(it, &it->settle, "server", record, *record ? LIFE_MS : -2);
}

/* Redis sets what it was asked to. */
static void install(struct fixture *it)
{
    const struct command *command = &it->client.commands[it->client.answered];
    char proposal[REDIS_EPOCH_BYTES + 1];
    assert_true(strncmp(command->text, "EVAL|", 5) == 0);
    (void)snprintf(proposal, sizeof proposal, "%.*s", (int)it->settle.proposal_len, it->settle.proposal_text);
    answer_text(it, REDIS_REPLY_STRING, proposal);
}

static void use_row(struct fixture *it, const char *epoch, const char *record, bool is_used)
{
    it->row = (struct nonce_row){.exists = true, .is_used = is_used};
    (void)snprintf(it->row.epoch, sizeof it->row.epoch, "%s", epoch);
    (void)snprintf(it->row.record, sizeof it->row.record, "%s", record);
    it->row.ranges = (struct accepted_ranges){.items = {{NOW_S - 10, NOW_S - 11, NOW_S + 5}}, .count = 1};
}

/* An epoch that stands, as others have agreed on it. */
static void settle_well(struct fixture *it)
{
    use_row(it, "e", RECORD("e"), true);
    ask(it, RECORD("e"));
    run_job(it);
    assert_status(it->status, STATUS_OK);
}

#define assert_ended(it, number, expected, word)   \
    do {                                           \
        assert_int_equal((it)->done, (number));    \
        assert_status((it)->status, (expected));   \
        if (!strstr((it)->settle.problem, (word))) \
            fail_msg("%s", (it)->settle.problem);  \
    } while (0)

/* ---- agreeing ---- */

static void the_first_start_declares_writes_and_confirms(void **state)
{
    struct fixture *it = *state;
    char end[32];
    ask(it, "");
    assert_int_equal(it->greeted, 1);
    static const char *const questions[] = {"INFO|", "TIME|", "GET|e|", "PTTL|e|"};
    assert_int_equal(it->client.sent, COUNT_OF(questions));
    for (size_t i = 0; i < COUNT_OF(questions); i++)
        assert_string_equal(it->client.commands[i].text, questions[i]);
    run_job(it);
    assert_true(it->row.exists && !it->row.is_used);
    assert_int_equal(it->done, 0);
    assert_int_equal(it->client.sent, 5);
    (void)snprintf(end, sizeof end, "%lld", (long long)(NOW_MS + LIFE_MS));
    assert_string_equal(it->client.commands[4].last, end);
    assert_non_null(strstr(it->client.commands[4].text, "|1|e||3 ")); /* in place of none */
    assert_non_null(strstr(it->client.commands[4].text, it->row.record));
    install(it);
    assert_int_equal(it->done, 0);
    run_job(it);
    assert_true(it->row.is_used);
    assert_ended(it, 1, STATUS_OK, "");
    assert_string_equal(it->settle.epoch.id, it->row.epoch);
    assert_string_equal(it->settle.epoch.run_id, "server");
    assert_int_equal(it->settle.epoch.shards, REDIS_SHARDS);
    assert_slice_equal(redis_settle_text(&it->settle), slice_str(it->row.record));
    assert_string_equal(it->settle.durable, it->row.epoch);
    assert_false(it->settle.is_provisional);
    assert_int_equal(it->keeper.told_clock_ms, NOW_MS);
    assert_true(it->settle.knows_clock);
    assert_int_equal(it->unsure_until_ms, -1); /* nobody was there before */
}

static void a_record_that_the_row_names_stands(void **state)
{
    struct fixture *it = *state;
    settle_well(it);
    assert_int_equal(it->client.sent, 4);
    assert_int_equal(it->keeper.started, 1);
    assert_string_equal(it->settle.epoch.id, "e");
    assert_slice_equal(redis_settle_text(&it->settle), SLICE(RECORD("e")));
    assert_int_equal(it->settle.ranges.items[0].high, NOW_S + 5);
    assert_int_equal(it->settle.ranges.items[0].guarded, NOW_S - 11);
}

/* Rule 5: what was declared for one server says nothing of what another has kept. */
static void a_record_that_names_another_server_is_a_loss(void **state)
{
    struct fixture *it = *state;
    use_row(it, "e", RECORD("e"), true);
    ask_by(it, &it->settle, "another", RECORD("e"), LIFE_MS);
    run_job(it); /* the record is read once more: others may have written one meanwhile */
    assert_int_equal(it->done, 0);
    assert_int_equal(it->client.sent, 8);
    answer_info(it, "another");
    answer_time(it, NOW_MS);
    answer_record(it, RECORD("e"));
    answer_integer(it, LIFE_MS);
    run_job(it);
    assert_string_not_equal(it->row.epoch, "e");
    assert_int_equal(it->row.ranges.items[0].guarded, NOW_S + 5);
    assert_non_null(strstr(it->client.commands[8].text, "|" RECORD("e") "|3 ")); /* in place of that one */
    install(it);
    run_job(it);
    assert_ended(it, 1, STATUS_OK, "");
    assert_string_equal(it->settle.epoch.run_id, "another");
}

static bool is_believed(struct fixture *it, int64_t life_ms)
{
    int done = it->done;
    use_row(it, "e", RECORD("e"), true);
    ask_by(it, &it->settle, "server", RECORD("e"), life_ms);
    run_job(it);
    bool is = it->done == done + 1;
    assert_true(!is || it->status == STATUS_OK);
    if (!is)
        redis_settle_stop(&it->settle);
    lose_connection(it);
    it->settle.looked[0] = '\0';
    return is;
}

static void a_record_that_outlives_its_life_is_a_loss(void **state)
{
    struct fixture *it = *state;
    assert_true(is_believed(it, LIFE_MS + CLOCK_LEAP_MS));
    assert_false(is_believed(it, LIFE_MS + CLOCK_LEAP_MS + 1));
    assert_true(is_believed(it, 0));
    assert_false(is_believed(it, -1)); /* it would live for ever */
    it->settle.skew_ms = 4000;
    assert_true(is_believed(it, 4000 + CLOCK_LEAP_MS));
    assert_false(is_believed(it, 4000 + CLOCK_LEAP_MS + 1));
}

static void what_is_no_record_counts_as_none(void **state)
{
    struct fixture *it = *state;
    use_row(it, "nonsense", "nonsense", true);
    (void)snprintf(it->settle.looked, sizeof it->settle.looked, "nonsense");
    ask(it, "nonsense");
    run_job(it);
    assert_non_null(strstr(it->client.commands[4].text, "|nonsense|3 ")); /* it is replaced all the same */
    install(it);
    run_job(it);
    assert_ended(it, 1, STATUS_OK, "");
}

/* What was read before is no record of now. */
static void what_was_read_before_counts_for_nothing(void **state)
{
    struct fixture *it = *state;
    settle_well(it);
    (void)snprintf(it->settle.looked, sizeof it->settle.looked, "e");
    ask(it, "nonsense");
    run_job(it);
    assert_int_equal(it->done, 1);
    assert_string_not_equal(it->row.epoch, "e");
    redis_settle_stop(&it->settle);
    lose_connection(it);
}

/* Somebody has written it, and died before it was confirmed. */
static void a_record_of_an_epoch_that_is_not_used_is_confirmed(void **state)
{
    struct fixture *it = *state;
    use_row(it, "e", RECORD("e"), false);
    it->user = (struct nonce_user){.id = "a", .machine = "here", .steady_ms = 4990000, .clock_ms = NOW_MS};
    it->user_count = 1;
    ask(it, RECORD("e"));
    run_job(it);
    assert_int_equal(it->client.sent, 4);
    run_job(it);
    assert_ended(it, 1, STATUS_OK, "");
    assert_true(it->row.is_used);
    assert_string_equal(it->settle.epoch.id, "e");
    assert_slice_equal(redis_settle_text(&it->settle), SLICE(RECORD("e")));
    assert_int_equal(accepted_ranges_guard_end(&it->settle.ranges, NOW_S), NOW_S + 10 + 5 + 1);
    assert_false(it->settle.is_provisional);
}

static void an_epoch_keeps_the_number_of_shards_of_the_one_before(void **state)
{
    struct fixture *it = *state;
    use_row(it, "e0", "3 e0 server 16 " KEY, true);
    (void)snprintf(it->settle.looked, sizeof it->settle.looked, "e0");
    ask(it, "3 o server 16 " KEY);
    run_job(it);
    install(it);
    run_job(it);
    assert_ended(it, 1, STATUS_OK, "");
    assert_int_equal(it->settle.epoch.shards, 16);
}

static void one_of_a_process_asks_at_a_time(void **state)
{
    struct fixture *it = *state;
    it->has_turn = false;
    ask(it, "");
    assert_ended(it, 1, STATUS_CONFLICT, "another loop");
    assert_int_equal(it->greeted, 1);
    assert_int_equal(it->keeper.started, 0);
}

static void where_the_question_cannot_be_repeated_it_is_tried_later(void **state)
{
    struct fixture *it = *state;
    use_row(it, "e", RECORD("e"), true);
    ask(it, "");
    it->client.room = 0;
    run_job(it);
    assert_ended(it, 1, STATUS_STORE_DOWN, "the connection was lost");
    assert_status(redis_settle_start(&it->settle), STATUS_STORE_DOWN);
    assert_false(it->settle.is_running);
}

/* ---- others at it ---- */

static void what_another_declares_is_waited_for_for_a_second(void **state)
{
    struct fixture *it = *state;
    use_row(it, "b", RECORD("b"), false);
    ask(it, "");
    run_job(it);
    assert_ended(it, 1, STATUS_CONFLICT, "another process declares an epoch");
    monotonic_ms += 600;
    ask(it, "");
    run_job(it);
    assert_ended(it, 2, STATUS_CONFLICT, "another process declares an epoch");
    monotonic_ms += 399;
    ask(it, "");
    run_job(it);
    assert_ended(it, 3, STATUS_CONFLICT, "another process declares an epoch");
    assert_string_equal(it->row.epoch, "b");
    use_row(it, "next", RECORD("next"), false); /* by yet another: that one has its second, too */
    monotonic_ms += 1;
    ask(it, "");
    run_job(it);
    assert_ended(it, 4, STATUS_CONFLICT, "another process declares an epoch");
    monotonic_ms += 500;
    ask(it, "");
    run_job(it);
    assert_ended(it, 5, STATUS_CONFLICT, "another process declares an epoch");
    monotonic_ms += 500;
    ask(it, "");
    run_job(it);
    assert_string_not_equal(it->row.epoch, "next");
    install(it);
    run_job(it);
    assert_ended(it, 6, STATUS_OK, "");
    assert_string_equal(it->settle.yielded, "");
}

/* Another server's epoch is in use, and this one holds the record of one that was. */
static void meet_another_servers(struct fixture *it, struct redis_settle *settle)
{
    use_row(it, "theirs", "3 theirs elsewhere 256 " KEY, true);
    (void)snprintf(settle->looked, sizeof settle->looked, "theirs");
    ask_by(it, settle, "server", RECORD("ours"), LIFE_MS);
    run_job(it);
    if (it->client.sent > it->client.answered) { /* declared */
        redis_settle_stop(settle);
        lose_connection(it);
        it->patience.is_waiting = false; /* as where it is settled */
    }
}

static bool gives_way(struct fixture *it, struct redis_settle *settle)
{
    int done = it->done;
    meet_another_servers(it, settle);
    if (it->done == done)
        return false;
    assert_status(it->status, STATUS_STORE_DOWN);
    assert_non_null(strstr(settle->problem, "another Redis under the same name"));
    return true;
}

static void another_servers_epoch_is_given_way_to_and_longer_each_time(void **state)
{
    static const int64_t lengths_ms[] = {2000, 4000, 8000, 16000, 32000, 60000, 60000};
    struct fixture *it = *state;
    for (size_t i = 0; i < COUNT_OF(lengths_ms); i++) {
        assert_true(gives_way(it, &it->settle));
        monotonic_ms += lengths_ms[i] - 1;
        assert_true(gives_way(it, &it->settle));
        monotonic_ms += 1;
        assert_false(gives_way(it, &it->settle));
    }
    monotonic_ms += 120000;
    assert_true(gives_way(it, &it->settle));
    monotonic_ms += 59999;
    assert_true(gives_way(it, &it->settle));
    monotonic_ms += 1;
    assert_false(gives_way(it, &it->settle));
    monotonic_ms += 120001; /* forgotten */
    assert_true(gives_way(it, &it->settle));
    monotonic_ms += 2000;
    assert_false(gives_way(it, &it->settle));
}

/* Or each loop that comes to it would let the process wait anew. */
static void loops_of_one_process_wait_together(void **state)
{
    struct fixture *it = *state;
    struct redis_settle second;
    init_settle(it, &second);
    assert_true(gives_way(it, &it->settle));
    monotonic_ms += 1500;
    assert_true(gives_way(it, &second));
    monotonic_ms += 499;
    assert_true(gives_way(it, &second));
    monotonic_ms += 1;
    assert_false(gives_way(it, &second));
}

static void a_server_without_a_record_does_not_wait(void **state)
{
    struct fixture *it = *state;
    use_row(it, "theirs", "3 theirs elsewhere 256 " KEY, true);
    (void)snprintf(it->settle.looked, sizeof it->settle.looked, "theirs");
    ask(it, "");
    run_job(it);
    assert_int_equal(it->done, 0);
    assert_false(it->patience.is_waiting);
    install(it);
    run_job(it);
    assert_ended(it, 1, STATUS_OK, "");
}

static void once_an_epoch_is_agreed_on_the_waiting_is_over(void **state)
{
    struct fixture *it = *state;
    assert_true(gives_way(it, &it->settle));
    assert_true(it->patience.is_waiting);
    settle_well(it);
    assert_false(it->patience.is_waiting);
    assert_string_equal(it->settle.looked, "");
}

/* ---- what Redis may answer ---- */

static void a_server_that_will_not_do_is_left(void **state)
{
    static const struct {
        const char *info;
        const char *word;
    } cases[] = {
        {"redis_version:7.0.0\r\nrun_id:x\r\nrole:master\r\nmaxmemory_policy:allkeys-lru\r\n", "noeviction"},
        {"redis_version:7.0.0\r\nrun_id:x\r\nrole:slave\r\nmaxmemory_policy:noeviction\r\n", "replica"},
        {"nonsense", "impossible"},
    };
    struct fixture *it = *state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_status(redis_settle_start(&it->settle), STATUS_OK);
        answer_text(it, REDIS_REPLY_STRING, cases[i].info);
        assert_ended(it, (int)i + 1, STATUS_BAD_INPUT, cases[i].word);
        lose_connection(it);
        assert_int_equal(it->done, (int)i + 1);
    }
    assert_int_equal(it->greeted, 0);
}

static void a_question_that_is_refused_or_lost_ends_it(void **state)
{
    static const char *const names[] = {"INFO", "TIME", "GET", "PTTL"};
    struct fixture *it = *state;
    for (int question = 0; question < 4; question++)
        for (int way = 0; way < 3; way++) {
            int done = it->done;
            char word[64] = "impossible";
            assert_status(redis_settle_start(&it->settle), STATUS_OK);
            if (question > 0)
                answer_info(it, "server");
            if (question > 1)
                answer_time(it, NOW_MS);
            if (question > 2)
                answer_record(it, "");
            if (way == 0) {
                (void)snprintf(word, sizeof word, "it refused %s: NOPERM", names[question]);
                answer_text(it, REDIS_REPLY_ERROR, "NOPERM");
            } else if (way == 1) {
                answer_text(it, REDIS_REPLY_STATUS, "OK");
            } else {
                (void)snprintf(word, sizeof word, "the connection was lost");
                answer(it, NULL);
            }
            assert_ended(it, done + 1, way == 2 ? STATUS_STORE_DOWN : STATUS_BAD_INPUT, word);
            lose_connection(it);
            assert_int_equal(it->done, done + 1);
        }
    assert_int_equal(it->greeted, 0);
}

static void a_record_that_is_too_long_is_somebody_elses(void **state)
{
    struct fixture *it = *state;
    char text[REDIS_EPOCH_BYTES + 2];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_status(redis_settle_start(&it->settle), STATUS_OK);
    answer_info(it, "server");
    answer_time(it, NOW_MS);
    answer_record(it, text);
    assert_ended(it, 1, STATUS_BAD_INPUT, "its key e holds something else");
    lose_connection(it);
    text[REDIS_EPOCH_BYTES] = '\0';
    ask(it, text);
    run_job(it);
    assert_int_equal(it->done, 1);
    redis_settle_stop(&it->settle);
}

static void a_record_that_cannot_be_written_is_tried_again_or_ends_it(void **state)
{
    struct fixture *it = *state;
    for (int way = 0; way < 5; way++) {
        int done = it->done;
        it->row = (struct nonce_row){0};
        ask(it, "");
        if (way == 4)
            it->client.room = 0;
        run_job(it);
        if (way == 0)
            answer_text(it, REDIS_REPLY_ERROR, "OOM command not allowed when used memory > 'maxmemory'.");
        else if (way == 1)
            answer_text(it, REDIS_REPLY_ERROR, "NOPERM");
        else if (way == 2)
            answer(it, NULL);
        else if (way == 3)
            answer_text(it, REDIS_REPLY_STRING, RECORD("others"));
        static const enum status expected[] = {STATUS_STORE_DOWN, STATUS_BAD_INPUT, STATUS_STORE_DOWN, STATUS_CONFLICT,
                                               STATUS_STORE_DOWN};
        static const char *const words[] = {"it is full", "it refused EVAL: NOPERM", "the connection was lost",
                                            "others replaced its epoch", ""};
        assert_ended(it, done + 1, expected[way], words[way]);
        assert_string_equal(it->settle.durable, "");
    }
}

/* ---- confirming ---- */

static void declare(struct fixture *it)
{
    it->row = (struct nonce_row){0};
    ask(it, "");
    run_job(it);
    install(it);
}

static void an_epoch_that_cannot_be_confirmed_is_not_used(void **state)
{
    struct fixture *it = *state;
    declare(it);
    it->ledger_status = STATUS_STORE_DOWN;
    run_job(it);
    assert_ended(it, 1, STATUS_STORE_DOWN, "the durable store does not answer");
    it->ledger_status = STATUS_OK;
    declare(it);
    (void)snprintf(it->row.epoch, sizeof it->row.epoch, "another");
    run_job(it);
    assert_ended(it, 2, STATUS_CONFLICT, "another epoch was declared meanwhile");
    assert_string_equal(it->settle.durable, "");
}

/* Rule 10. Its user is of a machine that was restarted. */
static void whoever_cannot_know_the_time_goes_by_the_latest_clock_for_a_while(void **state)
{
    struct fixture *it = *state;
    it->user = (struct nonce_user){.id = "a", .machine = "there", .clock_ms = NOW_MS - 100000};
    it->user_count = 1;
    declare(it);
    run_job(it);
    assert_ended(it, 1, STATUS_OK, "");
    assert_int_equal(it->unsure_until_ms, it->local.steady_ms + SKEW_MS + 2 * LEAD_MS);
    assert_int_equal(accepted_ranges_guard_end(&it->settle.ranges, NOW_S), NOW_S + 6);
    /* from now on it knows the store's clock, but not that this is the time: one that is set forward moves the guard */
    int64_t until_ms = it->unsure_until_ms;
    it->user.clock_ms = NOW_MS - 50000;
    (void)snprintf(it->user.id, sizeof it->user.id, "a");
    it->local.wall_ms += 20000;
    declare(it);
    run_job(it);
    assert_int_equal(accepted_ranges_guard_end(&it->settle.ranges, NOW_S), NOW_S + 26);
    assert_int_equal(it->unsure_until_ms, until_ms); /* that is not prolonged */
    it->local.steady_ms = until_ms;
    it->local.wall_ms = NOW_MS + 30000;
    declare(it);
    run_job(it);
    assert_int_equal(it->unsure_until_ms, until_ms);
}

static void once_that_is_over_what_is_known_counts(void **state)
{
    struct fixture *it = *state;
    settle_well(it);
    it->unsure_until_ms = it->local.steady_ms;
    it->user = (struct nonce_user){.id = "a", .machine = "there", .clock_ms = NOW_MS};
    it->user_count = 1;
    it->local.steady_ms += 1;
    it->local.wall_ms += 20000; /* set forward: Redis's is with it */
    declare(it);
    run_job(it);
    assert_status(it->status, STATUS_OK);
    assert_int_equal(accepted_ranges_guard_end(&it->settle.ranges, NOW_S), NOW_S + 6);
}

static void the_later_of_the_two_clocks_is_the_latest(void **state)
{
    struct fixture *it = *state;
    for (int64_t ahead_ms = -20000; ahead_ms <= 20000; ahead_ms += 40000) {
        it->user = (struct nonce_user){.id = "a", .machine = "there", .clock_ms = NOW_MS - 100000};
        it->user_count = 1;
        it->unsure_until_ms = it->local.steady_ms;
        it->row = (struct nonce_row){0};
        it->clock.was_read = false;
        assert_status(redis_settle_start(&it->settle), STATUS_OK);
        answer_info(it, "server");
        answer_time(it, NOW_MS + ahead_ms);
        answer_record(it, "");
        answer_integer(it, -2);
        run_job(it);
        install(it);
        run_job(it);
        assert_status(it->status, STATUS_OK);
        assert_int_equal(accepted_ranges_guard_end(&it->settle.ranges, NOW_S),
                         NOW_S + (ahead_ms > 0 ? ahead_ms / 1000 : 0) + 6);
    }
}

/* ---- without the durable store (rule 11) ---- */

/* What the keeper knows: a range, and when its row was written. */
static void go_away(struct fixture *it)
{
    settle_well(it);
    it->ledger_status = STATUS_STORE_DOWN;
    it->keeper.standing.ranges = (struct accepted_ranges){
        .items = {{NOW_S - 90, NOW_S - 91, NOW_S - 60}, {NOW_S + 900, NOW_S + 899, NOW_S + 950}}, .count = 2};
    it->keeper.standing.noted_clock_ms = NOW_MS - 20000;
}

static void assert_guarded_alone(struct fixture *it, int64_t beyond_ms)
{
    const struct accepted_ranges *ranges = &it->settle.ranges;
    int64_t end_s = (NOW_MS + beyond_ms + AWAY_SLACK_MS) / 1000 + 1;
    assert_true(it->settle.is_provisional);
    assert_int_equal(accepted_ranges_guard_end(ranges, NOW_S - 20), end_s);
    assert_false(accepted_ranges_guard(ranges, NOW_S - 21));
    assert_int_equal(accepted_ranges_guard_end(ranges, NOW_S), end_s);
    assert_int_equal(accepted_ranges_guard_end(ranges, NOW_S - 90), NOW_S - 59);
    assert_int_equal(accepted_ranges_guard_end(ranges, NOW_S + 900), NOW_S + 951);
}

static void a_process_that_was_never_settled_waits_for_the_durable_store(void **state)
{
    struct fixture *it = *state;
    it->ledger_status = STATUS_STORE_DOWN;
    it->keeper.standing.asked_ms = monotonic_ms - GONE_AFTER_MS;
    ask(it, "");
    run_job(it);
    assert_ended(it, 1, STATUS_STORE_DOWN, "the durable store does not answer");
    assert_string_equal(it->settle.problem, "the durable store does not answer");
    it->settle.knows_clock = true; /* but of no epoch of the durable store's */
    it->settle.known_offset_ms = NOW_MS - 5000000;
    ask(it, "");
    run_job(it);
    assert_ended(it, 2, STATUS_STORE_DOWN, "the durable store does not answer");
    it->settle.knows_clock = false; /* nor the other way round */
    (void)snprintf(it->settle.durable, sizeof it->settle.durable, "e");
    ask(it, "");
    run_job(it);
    assert_ended(it, 3, STATUS_STORE_DOWN, "the durable store does not answer");
    assert_string_equal(it->settle.problem, "the durable store does not answer");
    assert_int_equal(it->client.sent, 12);
}

static void without_a_record_there_is_none_to_join(void **state)
{
    struct fixture *it = *state;
    go_away(it);
    ask(it, RECORD("a"));
    run_job(it);
    assert_ended(it, 2, STATUS_OK, "");
    ask(it, "");
    run_job(it);
    install(it);
    assert_ended(it, 3, STATUS_OK, "");
    assert_string_not_equal(it->settle.epoch.id, "");
    assert_guarded_alone(it, LEAD_MS);
}

static void an_epoch_in_which_nonces_are_missing_does_not_go_on_alone(void **state)
{
    struct fixture *it = *state;
    go_away(it);
    redis_settle_break(&it->settle);
    ask(it, RECORD("e"));
    run_job(it);
    install(it);
    assert_ended(it, 2, STATUS_OK, "");
    assert_string_not_equal(it->settle.epoch.id, "e");
    assert_guarded_alone(it, LEAD_MS);
}

static void an_epoch_is_written_to_redis_alone_and_guards_all(void **state)
{
    struct fixture *it = *state;
    go_away(it);
    ask(it, "");
    run_job(it);
    install(it);
    assert_ended(it, 2, STATUS_OK, "");
    assert_guarded_alone(it, LEAD_MS);
    assert_string_equal(it->settle.durable, "e");
    assert_string_equal(it->settle.broken, "e"); /* that is never believed again */
    assert_string_not_equal(it->settle.epoch.id, "e");
    assert_null(it->keeper.job);
}

static void where_the_lead_is_shorter_than_a_record_lives_that_is_guarded(void **state)
{
    struct fixture *it = *state;
    go_away(it);
    it->settle.lead_ms = 1000;
    ask(it, "");
    run_job(it);
    install(it);
    assert_guarded_alone(it, LIFE_MS);
}

static void what_others_have_agreed_on_alone_is_joined_behind_the_same_guard(void **state)
{
    struct fixture *it = *state;
    go_away(it);
    ask(it, RECORD("alone"));
    run_job(it);
    assert_ended(it, 2, STATUS_OK, "");
    assert_guarded_alone(it, LEAD_MS);
    assert_string_equal(it->settle.epoch.id, "alone");
    assert_int_equal(it->client.sent, 8);
}

static void an_epoch_that_was_left_is_not_joined_again(void **state)
{
    struct fixture *it = *state;
    go_away(it);
    ask(it, RECORD("alone"));
    run_job(it);
    ask(it, RECORD("e")); /* it is there again */
    run_job(it);
    assert_int_equal(it->done, 2);
    install(it);
    assert_ended(it, 3, STATUS_OK, "");
    assert_string_not_equal(it->settle.epoch.id, "e");
    assert_guarded_alone(it, LEAD_MS);
}

/* The connection was lost, and nothing else. */
static void the_record_that_one_is_in_goes_on(void **state)
{
    struct fixture *it = *state;
    go_away(it);
    ask(it, RECORD("e"));
    run_job(it);
    assert_ended(it, 2, STATUS_OK, "");
    assert_false(it->settle.is_provisional);
    assert_int_equal(it->client.sent, 8);
    ask(it, RECORD("alone"));
    run_job(it);
    ask(it, RECORD("alone"));
    run_job(it);
    assert_ended(it, 4, STATUS_OK, "");
    assert_true(it->settle.is_provisional);
    /* the same id, but not the same record: somebody has changed it */
    ask(it, "3 alone server 16 " KEY);
    run_job(it);
    assert_ended(it, 5, STATUS_OK, "");
    assert_guarded_alone(it, LEAD_MS);
    assert_int_equal(it->settle.epoch.shards, 16);
}

static void where_it_is_known_that_it_does_not_answer_it_is_not_asked(void **state)
{
    struct fixture *it = *state;
    go_away(it);
    it->keeper.standing.asked_ms = monotonic_ms - GONE_AFTER_MS + 1;
    ask(it, RECORD("e"));
    assert_int_equal(it->keeper.started, 2);
    run_job(it);
    it->keeper.standing.asked_ms = monotonic_ms - GONE_AFTER_MS;
    ask(it, RECORD("e"));
    assert_ended(it, 3, STATUS_OK, "");
    assert_int_equal(it->keeper.started, 2);
}

static void a_clock_that_has_moved_is_not_followed_alone(void **state)
{
    static const struct {
        int64_t moved_ms;
        bool goes_on;
    } cases[] = {
        {CLOCK_LEAP_MS, true}, {-CLOCK_LEAP_MS, true}, {CLOCK_LEAP_MS + 1, false}, {-CLOCK_LEAP_MS - 1, false}};
    struct fixture *it = *state;
    go_away(it);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        redis_clock_let_back(&it->clock);
        it->clock.was_read = false;
        it->settle.known_offset_ms = NOW_MS - 5000000;
        it->local.wall_ms = NOW_MS + cases[i].moved_ms;
        ask(it, RECORD("e"));
        run_job(it);
        assert_status(it->status, cases[i].goes_on ? STATUS_OK : STATUS_STORE_DOWN);
        if (!cases[i].goes_on)
            assert_non_null(strstr(it->settle.problem, "its clock has moved"));
    }
}

/* ---- breaking and stopping ---- */

static void an_epoch_in_which_nonces_are_missing_is_not_believed_again(void **state)
{
    struct fixture *it = *state;
    settle_well(it);
    redis_settle_break(&it->settle);
    (void)snprintf(it->settle.looked, sizeof it->settle.looked, "e");
    ask(it, RECORD("e"));
    run_job(it);
    assert_string_not_equal(it->row.epoch, "e");
    assert_int_equal(it->row.ranges.items[0].guarded, NOW_S + 5);
    redis_settle_stop(&it->settle);
    lose_connection(it);
}

/* Rule 6: seen while the epoch is asked for. */
static void a_clock_that_moved_since_breaks_the_epoch(void **state)
{
    struct fixture *it = *state;
    settle_well(it);
    it->local.wall_ms += CLOCK_LEAP_MS;
    ask(it, RECORD("e"));
    run_job(it);
    assert_ended(it, 2, STATUS_OK, "");
    assert_string_equal(it->settle.epoch.id, "e");
    it->local.wall_ms += CLOCK_LEAP_MS + 1;
    (void)snprintf(it->settle.looked, sizeof it->settle.looked, "e");
    ask(it, RECORD("e"));
    run_job(it);
    assert_int_equal(it->done, 2);
    assert_string_not_equal(it->row.epoch, "e");
    install(it);
    run_job(it);
    assert_ended(it, 3, STATUS_OK, "");
    assert_int_equal(it->keeper.told_clock_ms, it->local.wall_ms); /* it goes on by the new time */
}

static void a_clock_that_is_off_is_not_told(void **state)
{
    struct fixture *it = *state;
    settle_well(it);
    it->keeper.told_clock_ms = 0;
    it->local.wall_ms += SKEW_MS + 1001;
    (void)redis_clock_set(&it->clock, it->local.steady_ms, NOW_MS + 1000);
    int64_t known_ms = it->settle.known_offset_ms;
    redis_settle_note_clock(&it->settle);
    assert_int_equal(it->keeper.told_clock_ms, 0);
    assert_int_equal(it->settle.known_offset_ms, known_ms);
    it->local.wall_ms = NOW_MS;
    (void)redis_clock_set(&it->clock, it->local.steady_ms, NOW_MS + 1000);
    redis_settle_note_clock(&it->settle);
    assert_int_equal(it->keeper.told_clock_ms, NOW_MS + 1000);
    assert_int_equal(it->settle.known_offset_ms, known_ms + 1000);
}

static void one_that_is_stopped_hears_of_nothing_any_more(void **state)
{
    struct fixture *it = *state;
    assert_status(redis_settle_start(&it->settle), STATUS_OK);
    redis_settle_stop(&it->settle);
    assert_int_equal(it->keeper.cancelled, 0);
    lose_connection(it);
    assert_int_equal(it->done, 0);
    assert_status(redis_settle_start(&it->settle), STATUS_OK);
    redis_settle_stop(&it->settle);
    answer_info(it, "server");
    answer_time(it, NOW_MS);
    answer_record(it, "");
    answer_integer(it, -2);
    assert_int_equal(it->keeper.started, 0);
    ask(it, "");
    redis_settle_stop(&it->settle);
    assert_int_equal(it->keeper.cancelled, 1);
    run_job(it); /* it was running already */
    assert_int_equal(it->done, 0);
    assert_int_equal(it->client.sent, 12);
    redis_settle_stop(&it->settle);
    assert_int_equal(it->keeper.cancelled, 1);
    it->row = (struct nonce_row){0};
    ask(it, "");
    run_job(it);
    redis_settle_stop(&it->settle);
    lose_connection(it);
    assert_int_equal(it->done, 0);
    assert_int_equal(it->greeted, 2);
}

/* A stop of the keeper's hands jobs back as they are. */
static void a_job_that_was_not_run_has_no_answer(void **state)
{
    struct fixture *it = *state;
    declare(it);
    struct nonce_job *job = it->keeper.job;
    it->keeper.job = NULL;
    job->done(job);
    assert_ended(it, 1, STATUS_STORE_DOWN, "the durable store does not answer");
    ask(it, "");
    job = it->keeper.job;
    it->keeper.job = NULL;
    job->done(job);
    assert_ended(it, 2, STATUS_STORE_DOWN, "the durable store does not answer");
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_first_start_declares_writes_and_confirms),
        TEST(a_record_that_the_row_names_stands),
        TEST(a_record_that_names_another_server_is_a_loss),
        TEST(a_record_that_outlives_its_life_is_a_loss),
        TEST(what_is_no_record_counts_as_none),
        TEST(what_was_read_before_counts_for_nothing),
        TEST(a_record_of_an_epoch_that_is_not_used_is_confirmed),
        TEST(an_epoch_keeps_the_number_of_shards_of_the_one_before),
        TEST(one_of_a_process_asks_at_a_time),
        TEST(where_the_question_cannot_be_repeated_it_is_tried_later),
        TEST(what_another_declares_is_waited_for_for_a_second),
        TEST(another_servers_epoch_is_given_way_to_and_longer_each_time),
        TEST(loops_of_one_process_wait_together),
        TEST(a_server_without_a_record_does_not_wait),
        TEST(once_an_epoch_is_agreed_on_the_waiting_is_over),
        TEST(a_server_that_will_not_do_is_left),
        TEST(a_question_that_is_refused_or_lost_ends_it),
        TEST(a_record_that_is_too_long_is_somebody_elses),
        TEST(a_record_that_cannot_be_written_is_tried_again_or_ends_it),
        TEST(an_epoch_that_cannot_be_confirmed_is_not_used),
        TEST(whoever_cannot_know_the_time_goes_by_the_latest_clock_for_a_while),
        TEST(once_that_is_over_what_is_known_counts),
        TEST(the_later_of_the_two_clocks_is_the_latest),
        TEST(a_process_that_was_never_settled_waits_for_the_durable_store),
        TEST(without_a_record_there_is_none_to_join),
        TEST(an_epoch_in_which_nonces_are_missing_does_not_go_on_alone),
        TEST(an_epoch_is_written_to_redis_alone_and_guards_all),
        TEST(where_the_lead_is_shorter_than_a_record_lives_that_is_guarded),
        TEST(what_others_have_agreed_on_alone_is_joined_behind_the_same_guard),
        TEST(an_epoch_that_was_left_is_not_joined_again),
        TEST(the_record_that_one_is_in_goes_on),
        TEST(where_it_is_known_that_it_does_not_answer_it_is_not_asked),
        TEST(a_clock_that_has_moved_is_not_followed_alone),
        TEST(an_epoch_in_which_nonces_are_missing_is_not_believed_again),
        TEST(a_clock_that_moved_since_breaks_the_epoch),
        TEST(a_clock_that_is_off_is_not_told),
        TEST(one_that_is_stopped_hears_of_nothing_any_more),
        TEST(a_job_that_was_not_run_has_no_answer),
    };
    return cmocka_run_group_tests_name("redis_settle", tests, NULL, NULL);
}
