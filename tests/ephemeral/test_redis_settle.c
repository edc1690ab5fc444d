/* How an epoch is agreed on with Redis and the durable store (docs/design/nonce-guard.md, rules 5, 9 and 10). */
#include "settle_bench.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <string.h>

/* ---- agreeing ---- */

static void the_first_start_declares_writes_and_confirms(void **state)
{
    struct settling *it = *state;
    char end[32];
    settle_ask(it, "");
    assert_int_equal(it->greeted, 1);
    static const char *const questions[] = {"INFO|", "TIME|", "GET|e|", "PTTL|e|"};
    assert_int_equal(it->client.sent, COUNT_OF(questions));
    for (size_t i = 0; i < COUNT_OF(questions); i++)
        assert_string_equal(it->client.commands[i].text, questions[i]);
    settle_run_job(it);
    assert_true(it->row.exists && !it->row.is_used);
    assert_int_equal(it->done, 0);
    assert_int_equal(it->client.sent, 5);
    (void)snprintf(end, sizeof end, "%lld", (long long)(NOW_MS + LIFE_MS));
    assert_string_equal(it->client.commands[4].last, end);
    assert_non_null(strstr(it->client.commands[4].text, "|1|e||3 ")); /* in place of none */
    assert_non_null(strstr(it->client.commands[4].text, it->row.record));
    settle_install(it);
    assert_int_equal(it->done, 0);
    settle_run_job(it);
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
    struct settling *it = *state;
    settle_well(it);
    assert_int_equal(it->client.sent, 4);
    assert_int_equal(it->keeper.started, 1);
    assert_string_equal(it->settle.epoch.id, "e-600");
    assert_slice_equal(redis_settle_text(&it->settle), SLICE(RECORD("e-600")));
    assert_int_equal(it->settle.ranges.items[0].high, NOW_S + 5);
    assert_int_equal(it->settle.ranges.items[0].guarded, NOW_S - 11);
}

/* Rule 5: what was declared for one server says nothing of what another has kept. */
static void a_record_that_names_another_server_is_a_loss(void **state)
{
    struct settling *it = *state;
    settle_use_row(it, "e-600", RECORD("e-600"), true);
    settle_ask_by(it, &it->settle, "another", RECORD("e-600"), LIFE_MS);
    settle_run_job(it); /* the record is read once more: others may have written one meanwhile */
    assert_int_equal(it->done, 0);
    assert_int_equal(it->client.sent, 8);
    settle_answer_info(it, "another");
    settle_answer_time(it, NOW_MS);
    settle_answer_record(it, RECORD("e-600"));
    settle_answer_integer(it, LIFE_MS);
    settle_run_job(it);
    assert_string_not_equal(it->row.epoch, "e-600");
    assert_int_equal(it->row.ranges.items[0].guarded, NOW_S + 5);
    assert_non_null(strstr(it->client.commands[8].text, "|" RECORD("e-600") "|3 ")); /* in place of that one */
    settle_install(it);
    settle_run_job(it);
    assert_ended(it, 1, STATUS_OK, "");
    assert_string_equal(it->settle.epoch.run_id, "another");
}

static bool is_believed(struct settling *it, const char *epoch, int64_t life_ms)
{
    int done = it->done;
    char record[REDIS_EPOCH_BYTES + 1];
    (void)snprintf(record, sizeof record, RECORD("%s"), epoch);
    settle_use_row(it, epoch, record, true);
    settle_ask_by(it, &it->settle, "server", record, life_ms);
    settle_run_job(it);
    bool is = it->done == done + 1;
    assert_true(!is || it->status == STATUS_OK);
    if (!is)
        redis_settle_stop(&it->settle);
    settle_lose_connection(it);
    it->settle.looked[0] = '\0';
    return is;
}

static void a_record_that_outlives_its_life_is_a_loss(void **state)
{
    struct settling *it = *state;
    assert_true(is_believed(it, "e-600", LIFE_MS + CLOCK_LEAP_MS));
    assert_false(is_believed(it, "e-600", LIFE_MS + CLOCK_LEAP_MS + 1));
    assert_true(is_believed(it, "e-600", 0));
    assert_false(is_believed(it, "e-600", -1)); /* it would live for ever */
    it->settle.skew_ms = 4000;
    assert_true(is_believed(it, "e-8", 4000 + CLOCK_LEAP_MS));
    assert_false(is_believed(it, "e-8", 4000 + CLOCK_LEAP_MS + 1));
    assert_true(is_believed(it, "e-600", LIFE_MS + CLOCK_LEAP_MS)); /* a process with a larger skew has renewed it */
}

static void what_is_no_record_counts_as_none(void **state)
{
    struct settling *it = *state;
    settle_use_row(it, "nonsense", "nonsense", true);
    (void)snprintf(it->settle.looked, sizeof it->settle.looked, "nonsense");
    settle_ask(it, "nonsense");
    settle_run_job(it);
    assert_non_null(strstr(it->client.commands[4].text, "|nonsense|3 ")); /* it is replaced all the same */
    settle_install(it);
    settle_run_job(it);
    assert_ended(it, 1, STATUS_OK, "");
}

/* What was read before is no record of now. */
static void what_was_read_before_counts_for_nothing(void **state)
{
    struct settling *it = *state;
    settle_well(it);
    (void)snprintf(it->settle.looked, sizeof it->settle.looked, "e-600");
    settle_ask(it, "nonsense");
    settle_run_job(it);
    assert_int_equal(it->done, 1);
    assert_string_not_equal(it->row.epoch, "e-600");
    redis_settle_stop(&it->settle);
    settle_lose_connection(it);
}

/* Somebody has written it, and died before it was confirmed. */
static void a_record_of_an_epoch_that_is_not_used_is_confirmed(void **state)
{
    struct settling *it = *state;
    settle_use_row(it, "e-600", RECORD("e-600"), false);
    it->user = (struct nonce_user){.id = "a", .machine = "here", .steady_ms = 4990000, .clock_ms = NOW_MS};
    it->user_count = 1;
    settle_ask(it, RECORD("e-600"));
    settle_run_job(it);
    assert_int_equal(it->client.sent, 4);
    settle_run_job(it);
    assert_ended(it, 1, STATUS_OK, "");
    assert_true(it->row.is_used);
    assert_string_equal(it->settle.epoch.id, "e-600");
    assert_slice_equal(redis_settle_text(&it->settle), SLICE(RECORD("e-600")));
    assert_int_equal(accepted_ranges_guard_end(&it->settle.ranges, NOW_S), NOW_S + 10 + 5 + 1);
    assert_false(it->settle.is_provisional);
}

static void an_epoch_keeps_the_number_of_shards_of_the_one_before(void **state)
{
    struct settling *it = *state;
    settle_use_row(it, "e0", "3 e0 server 16 " KEY, true);
    (void)snprintf(it->settle.looked, sizeof it->settle.looked, "e0");
    settle_ask(it, "3 o server 16 " KEY);
    settle_run_job(it);
    settle_install(it);
    settle_run_job(it);
    assert_ended(it, 1, STATUS_OK, "");
    assert_int_equal(it->settle.epoch.shards, 16);
}

static void one_of_a_process_asks_at_a_time(void **state)
{
    struct settling *it = *state;
    it->has_turn = false;
    settle_ask(it, "");
    assert_ended(it, 1, STATUS_CONFLICT, "another loop");
    assert_int_equal(it->greeted, 1);
    assert_int_equal(it->keeper.started, 0);
}

static void where_the_question_cannot_be_repeated_it_is_tried_later(void **state)
{
    struct settling *it = *state;
    settle_use_row(it, "e-600", RECORD("e-600"), true);
    settle_ask(it, "");
    it->client.room = 0;
    settle_run_job(it);
    assert_ended(it, 1, STATUS_STORE_DOWN, "the connection was lost");
    assert_status(redis_settle_start(&it->settle), STATUS_STORE_DOWN);
    assert_false(it->settle.is_running);
}

/* ---- others at it ---- */

static void what_another_declares_is_waited_for_for_a_second(void **state)
{
    struct settling *it = *state;
    settle_use_row(it, "b-600", RECORD("b-600"), false);
    settle_ask(it, "");
    settle_run_job(it);
    assert_ended(it, 1, STATUS_CONFLICT, "another process declares an epoch");
    settle_monotonic_ms += 600;
    settle_ask(it, "");
    settle_run_job(it);
    assert_ended(it, 2, STATUS_CONFLICT, "another process declares an epoch");
    settle_monotonic_ms += 399;
    settle_ask(it, "");
    settle_run_job(it);
    assert_ended(it, 3, STATUS_CONFLICT, "another process declares an epoch");
    assert_string_equal(it->row.epoch, "b-600");
    settle_use_row(it, "next-600", RECORD("next-600"), false); /* by yet another: that one has its second, too */
    settle_monotonic_ms += 1;
    settle_ask(it, "");
    settle_run_job(it);
    assert_ended(it, 4, STATUS_CONFLICT, "another process declares an epoch");
    settle_monotonic_ms += 500;
    settle_ask(it, "");
    settle_run_job(it);
    assert_ended(it, 5, STATUS_CONFLICT, "another process declares an epoch");
    settle_monotonic_ms += 500;
    settle_ask(it, "");
    settle_run_job(it);
    assert_string_not_equal(it->row.epoch, "next-600");
    settle_install(it);
    settle_run_job(it);
    assert_ended(it, 6, STATUS_OK, "");
    assert_string_equal(it->settle.yielded, "");
}

/* Another server's epoch is in use, and this one holds the record of one that was. */
static void meet_another_servers(struct settling *it, struct redis_settle *settle)
{
    settle_use_row(it, "theirs", "3 theirs elsewhere 256 " KEY, true);
    (void)snprintf(settle->looked, sizeof settle->looked, "theirs");
    settle_ask_by(it, settle, "server", RECORD("ours-600"), LIFE_MS);
    settle_run_job(it);
    if (it->client.sent > it->client.answered) { /* declared */
        redis_settle_stop(settle);
        settle_lose_connection(it);
        it->patience.is_waiting = false; /* as where it is settled */
    }
}

static bool gives_way(struct settling *it, struct redis_settle *settle)
{
    int done = it->done;
    meet_another_servers(it, settle);
    if (it->done == done)
        return false;
    assert_status(it->status, STATUS_STORE_DOWN);
    assert_non_null(strstr(settle->fault, "another Redis under the same name"));
    return true;
}

static void another_servers_epoch_is_given_way_to_and_longer_each_time(void **state)
{
    static const int64_t lengths_ms[] = {2000, 4000, 8000, 16000, 32000, 60000, 60000};
    struct settling *it = *state;
    for (size_t i = 0; i < COUNT_OF(lengths_ms); i++) {
        assert_true(gives_way(it, &it->settle));
        settle_monotonic_ms += lengths_ms[i] - 1;
        assert_true(gives_way(it, &it->settle));
        settle_monotonic_ms += 1;
        assert_false(gives_way(it, &it->settle));
    }
    settle_monotonic_ms += 120000;
    assert_true(gives_way(it, &it->settle));
    settle_monotonic_ms += 59999;
    assert_true(gives_way(it, &it->settle));
    settle_monotonic_ms += 1;
    assert_false(gives_way(it, &it->settle));
    settle_monotonic_ms += 120001; /* forgotten */
    assert_true(gives_way(it, &it->settle));
    settle_monotonic_ms += 2000;
    assert_false(gives_way(it, &it->settle));
}

/* An epoch that stands, or one that is declared, is nobody else's. */
static void agreeing_without_giving_way_makes_no_waiting_longer(void **state)
{
    struct settling *it = *state;
    for (int i = 0; i < 5; i++)
        settle_well(it);
    assert_true(gives_way(it, &it->settle));
    settle_monotonic_ms += 1999;
    assert_true(gives_way(it, &it->settle));
    settle_monotonic_ms += 1;
    assert_false(gives_way(it, &it->settle));
}

/* This process was in it, and has lost its server. One that another has declared since is given way to. */
static void an_epoch_that_this_process_was_in_is_not_given_way_to(void **state)
{
    struct settling *it = *state;
    settle_well(it);
    settle_use_row(it, "e-600", RECORD("e-600"), true);
    (void)snprintf(it->settle.looked, sizeof it->settle.looked, "e-600");
    settle_ask_by(it, &it->settle, "restarted", "3 alone-600 restarted 256 " KEY, LIFE_MS);
    settle_run_job(it);
    settle_install(it);
    settle_run_job(it);
    assert_ended(it, 2, STATUS_OK, "");
    assert_string_equal(it->settle.epoch.run_id, "restarted");
    assert_true(gives_way(it, &it->settle));
}

/* Or each loop that comes to it would let the process wait anew. */
static void loops_of_one_process_wait_together(void **state)
{
    struct settling *it = *state;
    struct redis_settle second;
    settle_init(it, &second);
    assert_true(gives_way(it, &it->settle));
    settle_monotonic_ms += 1500;
    assert_true(gives_way(it, &second));
    settle_monotonic_ms += 499;
    assert_true(gives_way(it, &second));
    settle_monotonic_ms += 1;
    assert_false(gives_way(it, &second));
}

static void a_server_without_a_record_does_not_wait(void **state)
{
    struct settling *it = *state;
    settle_use_row(it, "theirs", "3 theirs elsewhere 256 " KEY, true);
    (void)snprintf(it->settle.looked, sizeof it->settle.looked, "theirs");
    settle_ask(it, "");
    settle_run_job(it);
    assert_int_equal(it->done, 0);
    assert_false(it->patience.is_waiting);
    settle_install(it);
    settle_run_job(it);
    assert_ended(it, 1, STATUS_OK, "");
}

static void once_an_epoch_is_agreed_on_the_waiting_is_over(void **state)
{
    struct settling *it = *state;
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
    struct settling *it = *state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_status(redis_settle_start(&it->settle), STATUS_OK);
        settle_answer_text(it, REDIS_REPLY_STRING, cases[i].info);
        assert_ended(it, (int)i + 1, STATUS_BAD_INPUT, cases[i].word);
        settle_lose_connection(it);
        assert_int_equal(it->done, (int)i + 1);
    }
    assert_int_equal(it->greeted, 0);
}

static void a_question_that_is_refused_or_lost_ends_it(void **state)
{
    static const char *const names[] = {"INFO", "TIME", "GET", "PTTL"};
    struct settling *it = *state;
    for (int question = 0; question < 4; question++)
        for (int way = 0; way < 3; way++) {
            int done = it->done;
            char word[64] = "impossible";
            assert_status(redis_settle_start(&it->settle), STATUS_OK);
            if (question > 0)
                settle_answer_info(it, "server");
            if (question > 1)
                settle_answer_time(it, NOW_MS);
            if (question > 2)
                settle_answer_record(it, "");
            if (way == 0) {
                (void)snprintf(word, sizeof word, "it refused %s: NOPERM", names[question]);
                settle_answer_text(it, REDIS_REPLY_ERROR, "NOPERM");
            } else if (way == 1) {
                settle_answer_text(it, REDIS_REPLY_STATUS, "OK");
            } else {
                (void)snprintf(word, sizeof word, "the connection was lost");
                settle_answer(it, NULL);
            }
            assert_ended(it, done + 1, way == 2 ? STATUS_STORE_DOWN : STATUS_BAD_INPUT, word);
            settle_lose_connection(it);
            assert_int_equal(it->done, done + 1);
        }
    assert_int_equal(it->greeted, 0);
}

static void a_record_that_is_too_long_is_somebody_elses(void **state)
{
    struct settling *it = *state;
    char text[REDIS_EPOCH_BYTES + 2];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_status(redis_settle_start(&it->settle), STATUS_OK);
    settle_answer_info(it, "server");
    settle_answer_time(it, NOW_MS);
    settle_answer_record(it, text);
    assert_ended(it, 1, STATUS_BAD_INPUT, "its key e holds something else");
    settle_lose_connection(it);
    text[REDIS_EPOCH_BYTES] = '\0';
    settle_ask(it, text);
    settle_run_job(it);
    assert_int_equal(it->done, 1);
    redis_settle_stop(&it->settle);
}

static void a_record_that_cannot_be_written_is_tried_again_or_ends_it(void **state)
{
    struct settling *it = *state;
    for (int way = 0; way < 5; way++) {
        int done = it->done;
        it->row = (struct nonce_row){0};
        settle_ask(it, "");
        if (way == 4)
            it->client.room = 0;
        settle_run_job(it);
        if (way == 0)
            settle_answer_text(it, REDIS_REPLY_ERROR, "OOM command not allowed when used memory > 'maxmemory'.");
        else if (way == 1)
            settle_answer_text(it, REDIS_REPLY_ERROR, "NOPERM");
        else if (way == 2)
            settle_answer(it, NULL);
        else if (way == 3)
            settle_answer_text(it, REDIS_REPLY_STRING, RECORD("others-600"));
        static const enum status expected[] = {STATUS_STORE_DOWN, STATUS_BAD_INPUT, STATUS_STORE_DOWN, STATUS_CONFLICT,
                                               STATUS_STORE_DOWN};
        static const char *const words[] = {"it is full", "it refused EVAL: NOPERM", "the connection was lost",
                                            "others replaced its epoch", ""};
        assert_ended(it, done + 1, expected[way], words[way]);
        assert_string_equal(it->settle.durable, "");
    }
}

/* ---- confirming ---- */

static void an_epoch_that_cannot_be_confirmed_is_not_used(void **state)
{
    struct settling *it = *state;
    settle_declare(it);
    it->ledger_status = STATUS_STORE_DOWN;
    settle_run_job(it);
    assert_ended(it, 1, STATUS_STORE_DOWN, "the database does not answer");
    it->ledger_status = STATUS_OK;
    settle_declare(it);
    (void)snprintf(it->row.epoch, sizeof it->row.epoch, "another");
    settle_run_job(it);
    assert_ended(it, 2, STATUS_CONFLICT, "another epoch was declared meanwhile");
    assert_string_equal(it->settle.durable, "");
}

/* Rule 10. Its user is of a machine that was restarted. */
static void whoever_cannot_know_the_time_goes_by_the_latest_clock_for_a_while(void **state)
{
    struct settling *it = *state;
    it->user = (struct nonce_user){.id = "a", .machine = "there", .clock_ms = NOW_MS - 100000};
    it->user_count = 1;
    settle_declare(it);
    settle_run_job(it);
    assert_ended(it, 1, STATUS_OK, "");
    assert_int_equal(it->unsure_until_ms, it->local.steady_ms + SKEW_MS + 2 * LEAD_MS);
    assert_int_equal(accepted_ranges_guard_end(&it->settle.ranges, NOW_S), NOW_S + 6);
    /* from now on it knows the store's clock, but not that this is the time: one that is set forward moves the guard */
    int64_t until_ms = it->unsure_until_ms;
    it->user.clock_ms = NOW_MS - 50000;
    (void)snprintf(it->user.id, sizeof it->user.id, "a");
    it->local.wall_ms += 20000;
    settle_declare(it);
    settle_run_job(it);
    assert_int_equal(accepted_ranges_guard_end(&it->settle.ranges, NOW_S), NOW_S + 26);
    assert_int_equal(it->unsure_until_ms, until_ms); /* that is not prolonged */
    it->local.steady_ms = until_ms;
    it->local.wall_ms = NOW_MS + 30000;
    settle_declare(it);
    settle_run_job(it);
    assert_int_equal(it->unsure_until_ms, until_ms);
}

static void once_that_is_over_what_is_known_counts(void **state)
{
    struct settling *it = *state;
    settle_well(it);
    it->unsure_until_ms = it->local.steady_ms;
    it->user = (struct nonce_user){.id = "a", .machine = "there", .clock_ms = NOW_MS};
    it->user_count = 1;
    it->local.steady_ms += 1;
    it->local.wall_ms += 20000; /* set forward: Redis's is with it */
    settle_declare(it);
    settle_run_job(it);
    assert_status(it->status, STATUS_OK);
    assert_int_equal(accepted_ranges_guard_end(&it->settle.ranges, NOW_S), NOW_S + 6);
}

static void the_later_of_the_two_clocks_is_the_latest(void **state)
{
    struct settling *it = *state;
    for (int64_t ahead_ms = -20000; ahead_ms <= 20000; ahead_ms += 40000) {
        it->user = (struct nonce_user){.id = "a", .machine = "there", .clock_ms = NOW_MS - 100000};
        it->user_count = 1;
        it->unsure_until_ms = it->local.steady_ms;
        it->row = (struct nonce_row){0};
        it->clock.was_read = false;
        assert_status(redis_settle_start(&it->settle), STATUS_OK);
        settle_answer_info(it, "server");
        settle_answer_time(it, NOW_MS + ahead_ms);
        settle_answer_record(it, "");
        settle_answer_integer(it, -2);
        settle_run_job(it);
        settle_install(it);
        settle_run_job(it);
        assert_status(it->status, STATUS_OK);
        assert_int_equal(accepted_ranges_guard_end(&it->settle.ranges, NOW_S),
                         NOW_S + (ahead_ms > 0 ? ahead_ms / 1000 : 0) + 6);
    }
}

/* ---- breaking and stopping ---- */

/* Also where it was looked for once more. */
static void assert_not_believed(struct settling *it, const char *epoch, const char *record)
{
    (void)snprintf(it->settle.looked, sizeof it->settle.looked, "%s", epoch);
    settle_ask(it, record);
    settle_run_job(it);
    assert_string_not_equal(it->row.epoch, epoch);
    redis_settle_stop(&it->settle);
    settle_lose_connection(it);
}

static void an_epoch_in_which_nonces_are_missing_is_not_believed_again(void **state)
{
    struct settling *it = *state;
    settle_well(it);
    redis_settle_break(&it->settle);
    assert_not_believed(it, "e-600", RECORD("e-600"));
    assert_int_equal(it->row.ranges.items[0].guarded, NOW_S + 5);
}

/* Its slot moves, or the clock does, when the record has been read already. */
static void an_epoch_that_breaks_while_the_durable_store_is_asked_is_not_believed(void **state)
{
    struct settling *it = *state;
    settle_well(it);
    settle_ask(it, RECORD("e-600"));
    redis_settle_break(&it->settle);
    settle_run_job(it);
    assert_ended(it, 2, STATUS_CONFLICT, "missing");
    assert_not_believed(it, "e-600", RECORD("e-600"));
}

static void neither_is_one_that_others_have_agreed_on_meanwhile(void **state)
{
    struct settling *it = *state;
    settle_well(it);
    settle_use_row(it, "f-600", RECORD("f-600"), true);
    settle_ask(it, RECORD("f-600"));
    redis_settle_break(&it->settle);
    settle_run_job(it);
    assert_ended(it, 2, STATUS_CONFLICT, "missing");
    assert_not_believed(it, "f-600", RECORD("f-600"));
}

/* While there was no connection, or the server was one that may evict: only at the server that was known before. */
static void an_epoch_of_before_keys_were_evicted_is_not_believed(void **state)
{
    struct settling *it = *state;
    settle_well(it);
    it->settle.server.evicted = 1; /* the bench's Redis says nothing of it: 0 */
    (void)snprintf(it->settle.server.run_id, sizeof it->settle.server.run_id, "another");
    settle_ask(it, RECORD("e-600"));
    settle_run_job(it);
    assert_ended(it, 2, STATUS_OK, "");
    assert_string_equal(it->settle.epoch.id, "e-600");
    it->settle.server.evicted = 1;
    assert_not_believed(it, "e-600", RECORD("e-600"));
}

/* It was promoted, demoted and promoted once more, to the same server each time, while there was no connection. */
static void an_epoch_of_before_the_server_followed_another_is_not_believed(void **state)
{
    static const char record[] = "3 e-600 server/a1 256 " KEY;
    static const char before[] = "server\r\nmaster_replid2:a1\r\nmaster_replid:b1";
    static const char since[] = "server\r\nmaster_replid2:a1\r\nmaster_replid:b2";
    struct settling *it = *state;
    settle_use_row(it, "e-600", record, true);
    for (int times = 1; times <= 2; times++) {
        settle_ask_by(it, &it->settle, before, record, LIFE_MS);
        settle_run_job(it);
        assert_ended(it, times, STATUS_OK, "");
        assert_string_equal(it->settle.epoch.id, "e-600");
    }
    (void)snprintf(it->settle.looked, sizeof it->settle.looked, "e-600");
    settle_ask_by(it, &it->settle, since, record, LIFE_MS);
    settle_run_job(it);
    assert_string_not_equal(it->row.epoch, "e-600");
    redis_settle_stop(&it->settle);
    settle_lose_connection(it);
}

/* Rule 6: seen while the epoch is asked for. */
static void a_clock_that_moved_since_breaks_the_epoch(void **state)
{
    struct settling *it = *state;
    settle_well(it);
    it->local.wall_ms += CLOCK_LEAP_MS;
    settle_ask(it, RECORD("e-600"));
    settle_run_job(it);
    assert_ended(it, 2, STATUS_OK, "");
    assert_string_equal(it->settle.epoch.id, "e-600");
    it->local.wall_ms += CLOCK_LEAP_MS + 1;
    (void)snprintf(it->settle.looked, sizeof it->settle.looked, "e-600");
    settle_ask(it, RECORD("e-600"));
    settle_run_job(it);
    assert_int_equal(it->done, 2);
    assert_string_not_equal(it->row.epoch, "e-600");
    settle_install(it);
    settle_run_job(it);
    assert_ended(it, 3, STATUS_OK, "");
    assert_int_equal(it->keeper.told_clock_ms, it->local.wall_ms); /* it goes on by the new time */
}

/* The watch asked before the run did: the record is read behind that answer. Others left the old epoch for the same
 * move, and agreed on a new one. */
static void a_move_that_is_seen_before_the_record_is_read_spoils_no_epoch_of_others(void **state)
{
    struct settling *it = *state;
    settle_well(it);
    settle_use_row(it, "f-600", RECORD("f-600"), true);
    assert_status(redis_settle_start(&it->settle), STATUS_OK);
    redis_settle_leave(&it->settle);
    settle_answer_info(it, "server");
    settle_answer_time(it, it->local.wall_ms);
    settle_answer_record(it, RECORD("f-600"));
    settle_answer_integer(it, LIFE_MS);
    settle_run_job(it);
    assert_ended(it, 2, STATUS_OK, "");
    assert_string_equal(it->settle.epoch.id, "f-600");
    settle_ask(it, RECORD("f-600"));
    redis_settle_leave(&it->settle); /* and this one came when it had been read */
    settle_run_job(it);
    assert_ended(it, 3, STATUS_CONFLICT, "missing");
    assert_not_believed(it, "f-600", RECORD("f-600"));
}

static void what_was_left_while_nothing_was_asked_is_not_believed(void **state)
{
    struct settling *it = *state;
    settle_well(it);
    redis_settle_leave(&it->settle);
    assert_not_believed(it, "e-600", RECORD("e-600"));
}

static void a_move_does_not_make_up_for_nonces_that_are_missing(void **state)
{
    struct settling *it = *state;
    settle_use_row(it, "f-600", RECORD("f-600"), true);
    assert_status(redis_settle_start(&it->settle), STATUS_OK);
    redis_settle_break(&it->settle);
    redis_settle_leave(&it->settle);
    settle_answer_info(it, "server");
    settle_answer_time(it, NOW_MS);
    settle_answer_record(it, RECORD("f-600"));
    settle_answer_integer(it, LIFE_MS);
    settle_run_job(it);
    assert_ended(it, 1, STATUS_CONFLICT, "missing");
}

static void a_clock_that_is_off_is_not_told(void **state)
{
    struct settling *it = *state;
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
    struct settling *it = *state;
    assert_status(redis_settle_start(&it->settle), STATUS_OK);
    redis_settle_stop(&it->settle);
    assert_int_equal(it->keeper.cancelled, 0);
    settle_lose_connection(it);
    assert_int_equal(it->done, 0);
    assert_status(redis_settle_start(&it->settle), STATUS_OK);
    redis_settle_stop(&it->settle);
    settle_answer_info(it, "server");
    settle_answer_time(it, NOW_MS);
    settle_answer_record(it, "");
    settle_answer_integer(it, -2);
    assert_int_equal(it->keeper.started, 0);
    settle_ask(it, "");
    redis_settle_stop(&it->settle);
    assert_int_equal(it->keeper.cancelled, 1);
    settle_run_job(it); /* it was running already */
    assert_int_equal(it->done, 0);
    assert_int_equal(it->client.sent, 12);
    redis_settle_stop(&it->settle);
    assert_int_equal(it->keeper.cancelled, 1);
    it->row = (struct nonce_row){0};
    settle_ask(it, "");
    settle_run_job(it);
    redis_settle_stop(&it->settle);
    settle_lose_connection(it);
    assert_int_equal(it->done, 0);
    assert_int_equal(it->greeted, 2);
}

/* A stop of the keeper's hands jobs back as they are. */
static void a_job_that_was_not_run_has_no_answer(void **state)
{
    struct settling *it = *state;
    settle_declare(it);
    struct nonce_job *job = it->keeper.job;
    it->keeper.job = NULL;
    job->done(job);
    assert_ended(it, 1, STATUS_STORE_DOWN, "the database does not answer");
    settle_ask(it, "");
    job = it->keeper.job;
    it->keeper.job = NULL;
    job->done(job);
    assert_ended(it, 2, STATUS_STORE_DOWN, "the database does not answer");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SETTLE_TEST(the_first_start_declares_writes_and_confirms),
        SETTLE_TEST(a_record_that_the_row_names_stands),
        SETTLE_TEST(a_record_that_names_another_server_is_a_loss),
        SETTLE_TEST(a_record_that_outlives_its_life_is_a_loss),
        SETTLE_TEST(what_is_no_record_counts_as_none),
        SETTLE_TEST(what_was_read_before_counts_for_nothing),
        SETTLE_TEST(a_record_of_an_epoch_that_is_not_used_is_confirmed),
        SETTLE_TEST(an_epoch_keeps_the_number_of_shards_of_the_one_before),
        SETTLE_TEST(one_of_a_process_asks_at_a_time),
        SETTLE_TEST(where_the_question_cannot_be_repeated_it_is_tried_later),
        SETTLE_TEST(what_another_declares_is_waited_for_for_a_second),
        SETTLE_TEST(another_servers_epoch_is_given_way_to_and_longer_each_time),
        SETTLE_TEST(agreeing_without_giving_way_makes_no_waiting_longer),
        SETTLE_TEST(an_epoch_that_this_process_was_in_is_not_given_way_to),
        SETTLE_TEST(loops_of_one_process_wait_together),
        SETTLE_TEST(a_server_without_a_record_does_not_wait),
        SETTLE_TEST(once_an_epoch_is_agreed_on_the_waiting_is_over),
        SETTLE_TEST(a_server_that_will_not_do_is_left),
        SETTLE_TEST(a_question_that_is_refused_or_lost_ends_it),
        SETTLE_TEST(a_record_that_is_too_long_is_somebody_elses),
        SETTLE_TEST(a_record_that_cannot_be_written_is_tried_again_or_ends_it),
        SETTLE_TEST(an_epoch_that_cannot_be_confirmed_is_not_used),
        SETTLE_TEST(whoever_cannot_know_the_time_goes_by_the_latest_clock_for_a_while),
        SETTLE_TEST(once_that_is_over_what_is_known_counts),
        SETTLE_TEST(the_later_of_the_two_clocks_is_the_latest),
        SETTLE_TEST(an_epoch_of_before_keys_were_evicted_is_not_believed),
        SETTLE_TEST(an_epoch_of_before_the_server_followed_another_is_not_believed),
        SETTLE_TEST(an_epoch_in_which_nonces_are_missing_is_not_believed_again),
        SETTLE_TEST(an_epoch_that_breaks_while_the_durable_store_is_asked_is_not_believed),
        SETTLE_TEST(neither_is_one_that_others_have_agreed_on_meanwhile),
        SETTLE_TEST(a_clock_that_moved_since_breaks_the_epoch),
        SETTLE_TEST(a_move_that_is_seen_before_the_record_is_read_spoils_no_epoch_of_others),
        SETTLE_TEST(what_was_left_while_nothing_was_asked_is_not_believed),
        SETTLE_TEST(a_move_does_not_make_up_for_nonces_that_are_missing),
        SETTLE_TEST(a_clock_that_is_off_is_not_told),
        SETTLE_TEST(one_that_is_stopped_hears_of_nothing_any_more),
        SETTLE_TEST(a_job_that_was_not_run_has_no_answer),
    };
    return cmocka_run_group_tests_name("redis_settle", tests, NULL, NULL);
}
