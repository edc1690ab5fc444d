/* How a view's nonces are kept settled (docs/design/nonce-guard.md, rules 4 to 6 and 11). */
#include "watch_bench.h"

#include <hiredis/hiredis.h>
#include <stdio.h>

#define INFO(run_id, role, policy) \
    "redis_version:7.0.0\r\nrun_id:" run_id "\r\nrole:" role "\r\nmaxmemory_policy:" policy "\r\n"

/* ---- its beginning and its end ---- */

static void the_settling_is_given_what_it_needs(void **state)
{
    struct watched *it = *state;
    const struct redis_settle *settle = &it->view.settle;
    assert_ptr_equal(settle->clock, &it->view.clock);
    assert_ptr_equal(settle->keeper, it->store.keeper);
    assert_ptr_equal(settle->loop, &it->loop);
    assert_int_equal(settle->skew_ms, SKEW_MS);
    assert_int_equal(settle->lead_ms, LEAD_MS);
    assert_ptr_equal(settle->unsure_until_ms, &it->store.unsure_until_ms);
    assert_ptr_equal(settle->patience, &it->settling.patience);
    assert_ptr_equal(settle->greeted, watched_greeted);
    assert_ptr_equal(settle->context, &it->view);
    assert_ptr_equal(it->view.settling, &it->settling);
    assert_int_equal(it->view.clock.skew_ms, SKEW_MS);
    assert_ptr_equal(it->view.mac, &watch_world);
    assert_ptr_equal(it->view.listener, &watch_world);
}

/* Or the record would be over before it is renewed. */
static void it_looks_once_a_second_or_four_times_in_a_records_life(void **state)
{
    static const unsigned skews_ms[] = {300000, 4004, 4000, 3996, 2000};
    static const unsigned periods_ms[] = {1000, 1000, 1000, 999, 500};
    struct watched *it = *state;
    for (size_t i = 0; i < COUNT_OF(skews_ms); i++) {
        it->store.options.skew_ms = skews_ms[i];
        watched_view_init(it, &it->view);
        assert_status(redis_watch_init(&it->view, &it->settling, watched_greeted), STATUS_OK);
        assert_int_equal(it->view.clock_timer.period_ms, periods_ms[i]);
    }
    it->view.clock_timer.fire(it->view.clock_timer.context);
    assert_said("TIME, INFO");
}

/* As others in it do, whose skews are larger. */
static void a_record_is_renewed_for_as_long_as_its_epoch_says(void **state)
{
    struct watched *it = *state;
    it->store.options.skew_ms = 2000;
    watched_settle_well(it);
    it->view.settle.epoch.kept_s = 8;
    redis_watch_look(&it->view);
    assert_said("TIME, INFO, EVAL e record of a 1790000004000");
    it->view.settle.epoch.kept_s = 600;
    redis_watch_look(&it->view);
    assert_said("TIME, INFO, EVAL e record of a 1790000030000");
}

static void where_memory_runs_out_there_is_none(void **state)
{
    struct watched *it = *state;
    for (size_t i = 0; i < COUNT_OF(watch_world.timer_status); i++) {
        watch_world.timer_calls = 0;
        watch_world.timer_status[i] = STATUS_NO_MEMORY;
        assert_status(redis_watch_init(&it->view, &it->settling, watched_greeted), STATUS_NO_MEMORY);
        watch_world.timer_status[i] = STATUS_OK;
    }
    watch_world.has_no_mac = true;
    assert_status(redis_watch_init(&it->view, &it->settling, watched_greeted), STATUS_NO_MEMORY);
    watch_world.has_no_mac = false;
    watch_world.has_no_listener = true;
    assert_status(redis_watch_init(&it->view, &it->settling, watched_greeted), STATUS_NO_MEMORY);
    watch_world.start_status = STATUS_NO_MEMORY;
    assert_status(redis_watch_greet(&it->view), STATUS_NO_MEMORY);
}

static void at_its_end_nothing_is_left(void **state)
{
    struct watched *it = *state;
    struct redis_call ping = {0};
    watched_settle_well(it);
    redis_watch_stop(&it->view);
    assert_said("unlisten, settle stop, unsettle");
    assert_null(it->view.listener);
    it->view.client = NULL;
    redis_watch_stop(&it->view);
    assert_said("unlisten nobody, settle stop");
    assert_true(it->view.settle.begin_settling(&it->view));
    it->view.pings = &ping;
    redis_watch_done(&it->view);
    assert_said(
        "settle stop, ping 0: down, clock timer done, settle timer done, waits timer done, nonces done, mac free");
    assert_null(atomic_load(&it->settling.is_settling));
    struct redis_view never = {0};
    redis_watch_stop(&never);
    redis_watch_done(&never);
}

/* ---- looking ---- */

static void a_look_asks_for_the_clock_the_server_and_once_settled_the_record(void **state)
{
    struct watched *it = *state;
    redis_watch_look(&it->view);
    assert_said("TIME, INFO");
    watched_settle_well(it);
    fake_clock_advance(&it->loop.clock, 5000);
    redis_watch_look(&it->view);
    assert_said("TIME, INFO, EVAL e record of a 1790000035000");
    watched_make_part(it);
    redis_watch_look(&it->view);
    assert_said("TIME, INFO, EVAL e record of a 1790000035000, EXISTS n:{3}0:0");
    it->client.state = REDIS_DOWN;
    redis_watch_look(&it->view);
    it->view.client = NULL;
    redis_watch_look(&it->view);
    assert_said("");
}

/* A keeper that is in no epoch asks nothing: nobody would tell that the durable store is back. */
static void what_was_settled_without_the_durable_store_is_settled_again_where_the_keeper_is_in_no_epoch(void **state)
{
    struct watched *it = *state;
    struct nonce_standing *standing = &it->view.guard.standing;
    watched_settle_well(it);
    redis_watch_look(&it->view);
    it->view.nonces.is_provisional = true;
    redis_watch_look(&it->view); /* the keeper is in one */
    assert_said("TIME, INFO, EVAL e record of a 1790000030000, TIME, INFO, EVAL e record of a 1790000030000");
    standing->epoch[0] = '\0';
    standing->asked_ms = 1; /* its answer is missing, and comes */
    redis_watch_look(&it->view);
    it->view.nonces.is_provisional = false;
    standing->asked_ms = 0;
    redis_watch_look(&it->view);
    assert_said("TIME, INFO, EVAL e record of a 1790000030000, TIME, INFO, EVAL e record of a 1790000030000");
    it->view.nonces.is_provisional = true;
    redis_watch_look(&it->view);
    assert_said("TIME, INFO, unsettle, settle");
    assert_false(it->view.nonces.is_settled);
}

static void a_clock_that_goes_on_is_noted_and_one_that_moved_is_a_loss(void **state)
{
    struct watched *it = *state;
    watched_answer_time(it, NOW_MS); /* not settled: nothing to note */
    assert_said("");
    watched_settle_well(it);
    watched_answer_time(it, NOW_MS + 100);
    assert_said("note clock");
    assert_int_equal(redis_clock_now_ms(&it->view.clock), NOW_MS + 100);
    watched_answer(it, "TIME", NULL);
    assert_said("");
    assert_int_equal(redis_clock_now_ms(&it->view.clock), NOW_MS + 100);
    watched_answer_time(it, NOW_MS + 3000);
    assert_said("leave, unsettle, settle");
    assert_false(it->view.nonces.is_settled);
}

static void that_our_own_clock_is_off_is_told_once_and_not_by_a_part(void **state)
{
    struct watched *it = *state;
    watched_answer_time(it, NOW_MS);
    it->loop.clock.wall_ms += SKEW_MS + 1;
    watched_answer_time(it, NOW_MS);
    assert_said("redis: our clock is off: 300001 ms ahead of Redis's");
    watched_answer_time(it, NOW_MS);
    assert_said("");
    it->loop.clock.wall_ms -= 1;
    watched_answer_time(it, NOW_MS);
    assert_said("redis: our clock is right again: 300000 ms ahead of Redis's");
    watched_make_part(it);
    it->loop.clock.wall_ms += 1;
    watched_answer_time(it, NOW_MS);
    assert_said("");
}

static void a_server_that_became_another_is_a_loss(void **state)
{
    struct watched *it = *state;
    watched_answer_text(it, "INFO", INFO("another", "master", "noeviction")); /* not settled: whoever it is */
    watched_answer_text(it, "INFO", INFO("another", "master", "noeviction") "evicted_keys:9\r\n");
    assert_said("");
    watched_settle_well(it);
    watched_answer_text(it, "INFO", INFO("server", "master", "noeviction"));
    watched_answer_text(it, "INFO", "nonsense");
    watched_answer(it, "INFO", NULL);
    assert_said("");
    watched_answer_text(it, "INFO", INFO("another", "master", "noeviction"));
    assert_said("break, unsettle, settle");
    watched_settle_well(it);
    watched_answer_text(it, "INFO", INFO("server", "master", "noeviction") "evicted_keys:1\r\n");
    assert_said("break, unsettle, settle");
    watched_settle_well(it);
    watched_answer_text(it, "INFO", INFO("server", "slave", "noeviction"));
    assert_said("break, unsettle, refuse: it is a read-only replica; name the primary in OAUTH1_REDIS_URL");
}

/* It was demoted and promoted once more, by itself both times. */
static void a_server_that_followed_another_meanwhile_is_a_loss(void **state)
{
    static const char since[] = INFO("server", "master", "noeviction") "master_replid2:a1\r\nmaster_replid:b";
    struct watched *it = *state;
    struct redis_server *known = &it->view.settle.server;
    for (int id = 1; id <= 2; id++) {
        char info[256];
        watched_settle_well(it);
        (void)snprintf(known->run_id, sizeof known->run_id, "server/a1");
        (void)snprintf(it->view.nonces.epoch.run_id, sizeof it->view.nonces.epoch.run_id, "%s", known->run_id);
        (void)snprintf(known->replication_id, sizeof known->replication_id, "b1");
        (void)snprintf(info, sizeof info, "%s%d\r\n", since, id);
        watched_answer_text(it, "INFO", info);
        assert_said(id == 1 ? "" : "break, unsettle, settle");
    }
}

static void that_a_server_is_full_is_known_by_its_last_answer(void **state)
{
    struct watched *it = *state;
    watched_answer_text(it, "INFO", INFO("server", "master", "noeviction") "maxmemory:5\r\nused_memory:5\r\n");
    assert_true(redis_watch_trouble(&it->view).is_full);
    watched_settle_well(it);
    assert_true(redis_watch_trouble(&it->view).is_full);
    watched_answer_text(it, "INFO", INFO("server", "master", "noeviction") "maxmemory:5\r\nused_memory:4\r\n");
    assert_false(redis_watch_trouble(&it->view).is_full);
}

static void that_a_server_takes_no_writes_is_known_by_its_last_answer_to_a_renewal(void **state)
{
    static char words[] = "MISCONF it cannot save";
    const struct redisReply refusal = {.type = REDIS_REPLY_ERROR, .str = words, .len = sizeof words - 1};
    struct watched *it = *state;
    watched_settle_well(it);
    (void)snprintf(it->store.target.shown, sizeof it->store.target.shown, "there");
    watched_answer_text(it, "EVAL", "record of a");
    assert_said("");
    assert_false(redis_watch_trouble(&it->view).is_refusing);
    watched_answer(it, "EVAL", &refusal);
    assert_said("redis: writes are refused: MISCONF it cannot save");
    assert_true(redis_watch_trouble(&it->view).is_refusing);
    watched_answer(it, "EVAL", &refusal);
    watched_answer(it, "EVAL", NULL); /* the connection was lost, which says nothing of writes */
    assert_said("");
    assert_true(redis_watch_trouble(&it->view).is_refusing);
    watched_answer_text(it, "EVAL", "record of a");
    assert_said("redis: writes are taken again: there");
    assert_false(redis_watch_trouble(&it->view).is_refusing);
    watched_make_part(it);
    watched_answer(it, "EVAL", &refusal);
    assert_said("");
    assert_true(redis_watch_trouble(&it->view).is_refusing);
}

static void another_record_or_none_is_a_loss(void **state)
{
    struct watched *it = *state;
    const struct redisReply none = {.type = REDIS_REPLY_NIL};
    watched_settle_well(it);
    watched_answer_text(it, "EVAL", "record of a");
    watched_answer(it, "EVAL", NULL); /* no answer says nothing */
    assert_said("");
    watched_answer_text(it, "EVAL", "record of b");
    assert_said("unsettle, settle");
    watched_settle_well(it);
    watched_answer(it, "EVAL", &none);
    assert_said("unsettle, settle");
    watched_settle_well(it);
    redis_watch_look(&it->view);
    it->view.nonces.is_settled = false; /* and is answered late */
    watch_world.said[0] = '\0';
    for (size_t i = 0; i < watch_world.sent; i++)
        if (strncmp(watch_world.commands[i].text, "EVAL", 4) == 0)
            watch_world.commands[i].done(watch_world.commands[i].context, &none);
    assert_said("");
}

/* ---- settling ---- */

/* Its record is renewed at once: until the next look one of two outages would count for both. `now` was read. */
#define HELD(id, now) "EVAL e record of " id " " now "30000"
#define PART_HELD(id) HELD(id, "") ", EXISTS n:{3}0:0"

static void an_epoch_that_is_settled_is_entered_and_a_change_is_told(void **state)
{
    struct watched *it = *state;
    it->view.settle.ranges.count = 2;
    it->view.clock.latest_ms = NOW_MS + 1;
    watched_settled(&it->view, "a", STATUS_OK);
    assert_said("nonces settle, enter a with 2 ranges, " HELD("a", "") ", retry");
    assert_int_equal(it->view.clock.latest_ms, 0);
    it->view.clock.latest_ms = NOW_MS + 1;
    watched_settled(&it->view, "a", STATUS_OK);
    assert_said("nonces settle, enter a with 2 ranges, " HELD("a", "") ", retry");
    assert_int_equal(it->view.clock.latest_ms, NOW_MS + 1); /* no guard covers what was accepted by it */
    it->view.settle.is_provisional = true;
    watched_settled(&it->view, "b", STATUS_OK);
    assert_said("nonces settle, redis: epoch changed: the store, " HELD(
        "b", "") ", retry"); /* the ledger knows of none to enter */
    assert_int_equal(it->view.clock.latest_ms, 0);
    watched_settled(&it->view, "b", STATUS_OK);
    assert_said("nonces settle, " HELD("b", "") ", retry");
}

/* Also of the first, where a process that starts has ended another's. */
static void why_it_had_to_change_is_told(void **state)
{
    struct watched *it = *state;
    (void)snprintf(it->view.settle.loss, sizeof it->view.settle.loss, "kept for too short");
    watched_settled(&it->view, "a", STATUS_OK);
    assert_said(
        "nonces settle, enter a with 0 ranges, redis: epoch changed: kept for too short, " HELD("a", "") ", retry");
    watched_settled(&it->view, "a", STATUS_OK);
    assert_said("nonces settle, enter a with 0 ranges, " HELD("a", "") ", retry");
}

/* There are many of them, on several servers. */
static void a_change_in_a_part_names_the_part(void **state)
{
    struct watched *it = *state;
    watched_make_part(it);
    watched_settled(&it->view, "a", STATUS_OK);
    assert_said("nonces settle, refresh, " PART_HELD("a") ", retry");
    watched_settled(&it->view, "b", STATUS_OK);
    assert_said("nonces settle, refresh, redis: epoch changed: shard 3 of the store, " PART_HELD("b") ", retry");
    (void)snprintf(it->view.settle.loss, sizeof it->view.settle.loss, "kept for too short");
    watched_settled(&it->view, "c", STATUS_OK);
    assert_said("nonces settle, refresh, redis: epoch changed: shard 3 of the store: kept for too short, " PART_HELD(
        "c") ", retry");
}

static void what_one_loop_has_told_no_other_repeats(void **state)
{
    struct watched *it = *state;
    watched_settled(&it->view, "a", STATUS_OK);
    assert_status(redis_watch_init(&it->other, &it->settling, watched_greeted), STATUS_OK);
    watched_settled(&it->other, "a", STATUS_OK);
    watched_settled(&it->view, "b", STATUS_OK);
    watch_world.said[0] = '\0';
    watched_settled(&it->other, "b", STATUS_OK);
    assert_said("nonces settle, enter b with 0 ranges, " HELD("b", "") ", retry");
    watched_settled(&it->other, "c", STATUS_OK);
    assert_said("nonces settle, enter c with 0 ranges, redis: epoch changed: the store, " HELD("c", "") ", retry");
    (void)snprintf(it->view.settle.loss, sizeof it->view.settle.loss, "kept for too short"); /* it declared that one */
    watched_settled(&it->view, "c", STATUS_OK);
    assert_said(
        "nonces settle, enter c with 0 ranges, redis: epoch changed: kept for too short, " HELD("c", "") ", retry");
}

static void a_server_that_will_not_do_is_refused_with_what_was_found(void **state)
{
    struct watched *it = *state;
    (void)snprintf(it->view.settle.fault, sizeof it->view.settle.fault, "the fault");
    watched_settled(&it->view, "a", STATUS_BAD_INPUT);
    assert_said("refuse: the fault");
}

static void what_could_not_be_settled_is_tried_later(void **state)
{
    struct watched *it = *state;
    watched_settled(&it->view, "a", STATUS_STORE_DOWN);
    assert_said("later 100");
    watched_settled(&it->view, "a", STATUS_CONFLICT);
    assert_said("later 100");
    watch_world.nonces_status = STATUS_NO_MEMORY;
    watched_settled(&it->view, "a", STATUS_OK);
    assert_said("nonces settle, later 100");
    watched_make_part(it);
    watched_settled(&it->view, "a", STATUS_CONFLICT);
    assert_said("later 300");
    watched_settled(&it->view, "a", STATUS_STORE_DOWN); /* whoever waits for its nonces hears of it */
    assert_said("waits done, later 300");
}

static void whoever_asks_whether_it_is_there_hears_how_the_settling_ended(void **state)
{
    struct watched *it = *state;
    struct redis_call second = {.unanswered = 2};
    struct redis_call first = {.next = &second, .unanswered = 1};
    watched_settle_well(it);
    it->view.pings = &first;
    watched_settled(&it->view, "a", STATUS_CONFLICT);
    assert_said("later 100");
    watched_settled(&it->view, "a", STATUS_OK);
    assert_said("nonces settle, ping 1: there, ping 2: there, enter a with 0 ranges, " HELD("a", "17900000") ", retry");
    watched_settled(&it->view, "a", STATUS_OK);
    assert_said("nonces settle, enter a with 0 ranges, " HELD("a", "17900000") ", retry");
    it->view.pings = &first;
    it->view.clock.ahead_ms = SKEW_MS + 1;
    watched_settled(&it->view, "a", STATUS_OK);
    assert_said("nonces settle, ping 1: down, ping 2: down, enter a with 0 ranges, " HELD("a", "17900000") ", retry");
    it->view.clock.ahead_ms = 0;
    it->view.nonces.is_settled = false;
    it->view.pings = &first;
    watched_settled(&it->view, "a", STATUS_STORE_DOWN);
    assert_said("ping 1: down, ping 2: down, later 100");
}

static void a_lost_connection_ends_the_turn_and_answers_who_asks(void **state)
{
    struct watched *it = *state;
    struct redis_call ping = {.unanswered = 1};
    watched_settle_well(it);
    assert_true(it->view.settle.begin_settling(&it->view));
    it->view.pings = &ping;
    redis_watch_lost(&it->view);
    assert_said("unsettle, settle stop, ping 1: down");
    assert_true(it->view.settle.begin_settling(&it->other));
}

static void one_view_of_a_process_asks_the_durable_store_at_a_time(void **state)
{
    struct watched *it = *state;
    bool (*begin_settling)(void *context) = it->view.settle.begin_settling;
    assert_true(begin_settling(&it->view));
    assert_true(begin_settling(&it->view)); /* it has it already */
    assert_false(begin_settling(&it->other));
    redis_watch_lost(&it->other); /* which ends no other's turn */
    assert_false(begin_settling(&it->other));
    watched_settled(&it->view, "a", STATUS_CONFLICT);
    assert_true(begin_settling(&it->other));
    assert_false(begin_settling(&it->view));
}

static void the_timer_settles_where_that_can_be_and_is_needed(void **state)
{
    struct watched *it = *state;
    struct loop_timer *timer = &it->view.settle_timer;
    timer->fire(timer->context);
    assert_said("settle");
    timer->fire(timer->context); /* it runs */
    assert_said("");
    it->view.settle.is_running = false;
    it->view.nonces.is_settled = true;
    timer->fire(timer->context);
    assert_said("");
    it->view.nonces.is_settled = false;
    it->client.state = REDIS_DOWN;
    timer->fire(timer->context);
    it->view.client = NULL;
    timer->fire(timer->context);
    assert_said("");
    it->view.client = &it->client;
    it->client.state = REDIS_READY;
    watch_world.start_status = STATUS_NO_MEMORY;
    timer->fire(timer->context);
    assert_said("settle, later 100");
}

/* ---- what the keeper tells ---- */

static void another_epoch_in_force_is_settled_on(void **state)
{
    struct watched *it = *state;
    watched_settle_well(it);
    watch_world.on_change(&it->view);
    assert_said("retry");
    watched_enter(&it->view, "b");
    watch_world.on_change(&it->view);
    assert_said("unsettle, settle");
    it->view.settle.is_running = false;
    watch_world.on_change(&it->view); /* not settled: perhaps it can be now */
    assert_said("settle");
}

/* Of a part that would be no news. */
static void what_the_keeper_knew_before_is_news_where_there_are_no_parts(void **state)
{
    struct watched *it = *state;
    struct loop_timer *timer = &it->view.settle_timer;
    watched_enter(&it->view, "old");
    timer->fire(timer->context);
    watched_settled(&it->view, "a", STATUS_CONFLICT);
    assert_said("settle, later 100");
    watch_world.on_change(&it->view);
    assert_said("settle");
    watched_settled(&it->view, "a", STATUS_OK);
    assert_said("nonces settle, enter a with 0 ranges, " HELD("a", "") ", retry");
    watch_world.on_change(&it->view);
    assert_said("unsettle, settle");
}

static void an_epoch_of_redis_alone_is_over_once_the_durable_store_answers(void **state)
{
    struct watched *it = *state;
    watched_settle_well(it);
    it->view.nonces.is_provisional = true;
    it->view.guard.standing.asked_ms = 1;
    watched_enter(&it->view, "b");
    watch_world.on_change(&it->view);
    assert_said("retry");
    it->view.guard.standing.asked_ms = 0;
    watch_world.on_change(&it->view);
    assert_said("unsettle, settle");
}

static void what_the_keeper_knew_when_a_part_was_settled_is_no_news(void **state)
{
    struct watched *it = *state;
    watched_make_part(it);
    watched_part_is_in(it, "old");
    watched_settled(&it->view, "a", STATUS_OK);
    assert_said("nonces settle, refresh, " PART_HELD("a") ", retry"); /* it is to read of the part's epoch */
    watch_world.on_change(&it->view);
    assert_said("retry");
    watched_part_is_in(it, "a");
    watch_world.on_change(&it->view);
    assert_said("retry");
    watched_settled(&it->view, "a", STATUS_OK);
    assert_said("nonces settle, " PART_HELD("a") ", retry"); /* it knows */
    watched_part_is_in(it, "b");
    watch_world.on_change(&it->view);
    assert_said("unsettle, settle");
    it->view.settle.is_running = false;
    watch_world.on_change(&it->view); /* that is why it is settled */
    assert_said("");
    watched_part_is_in(it, "c");
    watch_world.on_change(&it->view);
    assert_said("settle");
}

static size_t looks_until_it_settles(struct watched *it)
{
    size_t looks = 0;
    for (; it->view.nonces.is_settled && looks < 10; looks++)
        redis_watch_look(&it->view);
    watch_world.said[0] = '\0';
    watch_world.sent = 0;
    return looks;
}

/* What the keeper knew when the part was settled is no news, and it may be what is in force. */
static void a_part_of_which_the_durable_store_goes_on_naming_another_epoch_is_settled_again(void **state)
{
    struct watched *it = *state;
    watched_make_part(it);
    watched_enter(&it->view, "whole");
    watched_part_is_in(it, "b");
    watched_settled(&it->view, "a", STATUS_OK);
    watch_world.on_change(&it->view);
    assert_true(it->view.nonces.is_settled);
    assert_int_equal(looks_until_it_settles(it), 3);
    it->view.settle.is_running = false;
    watched_settled(&it->view, "a", STATUS_OK);
    redis_watch_look(&it->view);
    redis_watch_look(&it->view);
    it->view.guard.standing.asked_ms = 1; /* the keeper asks for it */
    redis_watch_look(&it->view);
    it->view.guard.standing.asked_ms = 0;
    assert_int_equal(looks_until_it_settles(it), 3); /* one after the other */
    watched_settled(&it->view, "a", STATUS_OK);
    it->view.nonces.is_provisional = true;
    assert_int_equal(looks_until_it_settles(it), 10);
    it->view.nonces.is_provisional = false;
    watched_part_is_in(it, "a");
    assert_int_equal(looks_until_it_settles(it), 10);
    it->view.is_part = false;
    it->view.guard.parts = NULL;
    watched_enter(&it->view, "b");
    assert_int_equal(looks_until_it_settles(it), 10); /* where there are no parts that is news to it */
}

/* ---- a part that is elsewhere ---- */

static void a_part_that_is_elsewhere_is_tried_less_often(void **state)
{
    struct watched *it = *state;
    watched_make_part(it);
    redis_watch_break(&it->view); /* not settled: a settling is on its way */
    assert_said("break");
    watched_settled(&it->view, "a", STATUS_CONFLICT);
    assert_said("later 550");
    watched_settled(&it->view, "a", STATUS_OK);
    watch_world.said[0] = '\0';
    watched_settled(&it->view, "a", STATUS_CONFLICT); /* it is there again */
    assert_said("later 300");
    it->view.nonces.is_settled = true;
    redis_watch_break(&it->view);
    assert_said("break, unsettle, later 550");
}

/* ---- what an operator sees ---- */

static void the_guard_that_an_operator_sees_is_the_epochs(void **state)
{
    struct watched *it = *state;
    watch_world.trouble = (struct nonce_trouble){.guard_s = 7};
    assert_int_equal(redis_watch_trouble(&it->view).guard_s, 0); /* neither a clock nor an epoch */
    watched_settle_well(it);
    assert_int_equal(redis_watch_trouble(&it->view).guard_s, 7);
    it->view.nonces.is_settled = false;
    assert_int_equal(redis_watch_trouble(&it->view).guard_s, 0);
    it->view.nonces.is_settled = true;
    it->view.clock.ahead_ms = SKEW_MS + 1;
    assert_int_equal(redis_watch_trouble(&it->view).guard_s, 0);
    it->view.clock.ahead_ms = 0;
    it->view.nonces.guarded = (struct accepted_ranges){.items = {{NOW_S - 10, NOW_S + 2, NOW_S + 5}}, .count = 1};
    it->view.nonces.guarded.items[0].guarded = NOW_S + 2;
    assert_int_equal(redis_watch_trouble(&it->view).guard_s, 7);
    it->view.nonces.is_provisional = true; /* the durable store's does not count then */
    assert_int_equal(redis_watch_trouble(&it->view).guard_s, 3);
    it->view.nonces.is_provisional = false;
    watched_make_part(it); /* both hold */
    assert_int_equal(redis_watch_trouble(&it->view).guard_s, 7);
    watch_world.trouble.guard_s = 2;
    assert_int_equal(redis_watch_trouble(&it->view).guard_s, 3);
}

static void a_durable_store_that_is_away_is_trouble_once_nonces_do_not_go_on(void **state)
{
    struct watched *it = *state;
    watched_settle_well(it);
    watch_world.goes_on = false;
    assert_false(redis_watch_trouble(&it->view).is_stuck);
    watch_world.trouble.is_stuck = true;
    assert_true(redis_watch_trouble(&it->view).is_stuck);
    watch_world.goes_on = true;
    assert_false(redis_watch_trouble(&it->view).is_stuck);
    it->view.nonces.is_provisional = true; /* and the keeper is in no epoch: nothing is accepted */
    it->view.guard.standing.epoch[0] = '\0';
    assert_true(redis_watch_trouble(&it->view).is_stuck);
}

static void nonces_that_wait_are_tried_by_what_is_read_now_and_only_while_settled(void **state)
{
    struct watched *it = *state;
    struct loop_timer *timer = &it->view.waits_timer;
    assert_ptr_equal(timer->context, &it->view);
    timer->fire(timer->context);
    assert_said("");
    watched_settle_well(it);
    timer->fire(timer->context);
    assert_said("read, retry");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WATCH_TEST(the_settling_is_given_what_it_needs),
        WATCH_TEST(it_looks_once_a_second_or_four_times_in_a_records_life),
        WATCH_TEST(a_record_is_renewed_for_as_long_as_its_epoch_says),
        WATCH_TEST(where_memory_runs_out_there_is_none),
        WATCH_TEST(at_its_end_nothing_is_left),
        WATCH_TEST(a_look_asks_for_the_clock_the_server_and_once_settled_the_record),
        WATCH_TEST(what_was_settled_without_the_durable_store_is_settled_again_where_the_keeper_is_in_no_epoch),
        WATCH_TEST(a_clock_that_goes_on_is_noted_and_one_that_moved_is_a_loss),
        WATCH_TEST(that_our_own_clock_is_off_is_told_once_and_not_by_a_part),
        WATCH_TEST(a_server_that_became_another_is_a_loss),
        WATCH_TEST(a_server_that_followed_another_meanwhile_is_a_loss),
        WATCH_TEST(that_a_server_is_full_is_known_by_its_last_answer),
        WATCH_TEST(that_a_server_takes_no_writes_is_known_by_its_last_answer_to_a_renewal),
        WATCH_TEST(another_record_or_none_is_a_loss),
        WATCH_TEST(an_epoch_that_is_settled_is_entered_and_a_change_is_told),
        WATCH_TEST(why_it_had_to_change_is_told),
        WATCH_TEST(a_change_in_a_part_names_the_part),
        WATCH_TEST(what_one_loop_has_told_no_other_repeats),
        WATCH_TEST(a_server_that_will_not_do_is_refused_with_what_was_found),
        WATCH_TEST(what_could_not_be_settled_is_tried_later),
        WATCH_TEST(whoever_asks_whether_it_is_there_hears_how_the_settling_ended),
        WATCH_TEST(a_lost_connection_ends_the_turn_and_answers_who_asks),
        WATCH_TEST(one_view_of_a_process_asks_the_durable_store_at_a_time),
        WATCH_TEST(the_timer_settles_where_that_can_be_and_is_needed),
        WATCH_TEST(another_epoch_in_force_is_settled_on),
        WATCH_TEST(what_the_keeper_knew_before_is_news_where_there_are_no_parts),
        WATCH_TEST(an_epoch_of_redis_alone_is_over_once_the_durable_store_answers),
        WATCH_TEST(what_the_keeper_knew_when_a_part_was_settled_is_no_news),
        WATCH_TEST(a_part_of_which_the_durable_store_goes_on_naming_another_epoch_is_settled_again),
        WATCH_TEST(a_part_that_is_elsewhere_is_tried_less_often),
        WATCH_TEST(the_guard_that_an_operator_sees_is_the_epochs),
        WATCH_TEST(a_durable_store_that_is_away_is_trouble_once_nonces_do_not_go_on),
        WATCH_TEST(nonces_that_wait_are_tried_by_what_is_read_now_and_only_while_settled),
    };
    return cmocka_run_group_tests_name("redis_watch", tests, NULL, NULL);
}
