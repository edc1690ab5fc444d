/* What is different where a part of a Cluster's nonces is settled (docs/design/nonce-guard.md, rules 12 to 15). */
#include "settle_bench.h"

#include <hiredis/hiredis.h>

enum { PART = 7 };

static void answer_get(struct settling *it, const char *error)
{
    assert_status(redis_settle_start(&it->settle), STATUS_OK);
    settle_answer_info(it, "server");
    settle_answer_time(it, NOW_MS);
    settle_answer_text(it, REDIS_REPLY_ERROR, error);
}

/* It goes on somewhere else, or in a moment; a server that refuses is left alone for longer. */
static void a_slot_that_is_elsewhere_is_no_fault_of_the_server(void **state)
{
    static const char *const errors[] = {"MOVED 1 127.0.0.1:1", "ASK 1 127.0.0.1:1", "CLUSTERDOWN Hash slot not served",
                                         "TRYAGAIN Multiple keys request",
                                         "LOADING Redis is loading the dataset in memory"};
    struct settling *it = *state;
    int done = 0;
    for (int is_part = 0; is_part < 2; is_part++) {
        it->settle.is_part = is_part;
        it->settle.reference = &it->clock;
        for (size_t i = 0; i < COUNT_OF(errors); i++) {
            answer_get(it, errors[i]);
            assert_ended(it, ++done, is_part ? STATUS_STORE_DOWN : STATUS_BAD_INPUT, errors[i]);
            settle_lose_connection(it);
        }
        answer_get(it, "NOPERM");
        assert_ended(it, ++done, STATUS_BAD_INPUT, "NOPERM");
        settle_lose_connection(it);
    }
}

static enum status decide_part_blocking(struct nonce_ledger *ledger, struct slice name, unsigned part,
                                        nonce_decide_part_fn decide, void *context)
{
    struct settling *it = (struct settling *)ledger;
    assert_slice_equal(name, SLICE("redis"));
    assert_int_equal(part, PART);
    struct nonce_row whole = {0};
    struct nonce_users users = {.items = &it->user, .count = it->user_count};
    it->row.was_used = true;
    return decide(context, &whole, &it->row, &users);
}

/* Users note what the whole store's clock shows, which may be later than that of the part's server. */
static void of_a_part_the_whole_stores_clock_may_be_the_latest(void **state)
{
    struct settling *it = *state;
    struct redis_clock whole = redis_clock_init(&it->local.clock, SKEW_MS);
    assert_false(redis_clock_set(&whole, it->local.steady_ms, NOW_MS + 20000));
    it->ledger =
        (struct nonce_ledger){.decide_part_blocking = decide_part_blocking}; /* of the whole nothing is decided */
    it->settle.is_part = true;
    it->settle.part = PART;
    it->settle.reference = &whole;
    it->user = (struct nonce_user){.id = "a", .machine = "there", .clock_ms = NOW_MS - 100000};
    it->user_count = 1;
    settle_declare(it);
    assert_true(it->keeper.job->goes_first); /* others would have replaced it behind the meetings of all parts */
    settle_run_job(it);
    assert_status(it->status, STATUS_OK);
    assert_int_equal(it->settle.epoch.shards, REDIS_PART_SHARDS);
    assert_int_equal(it->keeper.told_clock_ms, NOW_MS + 20000);
    assert_int_equal(it->settle.known_offset_ms, whole.offset_ms);
    assert_int_equal(accepted_ranges_guard_end(&it->settle.ranges, NOW_S), NOW_S + 26);
}

static void until_the_whole_stores_clock_was_read_none_is_told(void **state)
{
    struct settling *it = *state;
    struct redis_clock whole = redis_clock_init(&it->local.clock, SKEW_MS);
    assert_false(redis_clock_set(&it->clock, it->local.steady_ms, NOW_MS));
    it->settle.is_part = true;
    it->settle.reference = &whole;
    redis_settle_note_clock(&it->settle);
    assert_int_equal(it->keeper.told_clock_ms, 0);
    assert_false(it->settle.knows_clock);
}

/* Rule 14: where its record was not renewed for longer, its slot may have begun to move. */
static void a_parts_record_that_was_not_renewed_for_three_seconds_is_none(void **state)
{
    static const struct {
        bool is_part;
        int64_t life_ms;
        bool is_believed;
    } cases[] = {{true, LIFE_MS, true}, {true, LIFE_MS - 3000, true}, {true, LIFE_MS - 3001, false}, {false, 0, true}};
    struct settling *it = *state;
    it->has_turn = false;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        it->settle.is_part = cases[i].is_part;
        it->settle.reference = &it->clock;
        settle_ask_by(it, &it->settle, "server", RECORD("e-600"), cases[i].life_ms);
        assert_string_equal(it->settle.seen_epoch.id, cases[i].is_believed ? "e-600" : "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SETTLE_TEST(of_a_part_the_whole_stores_clock_may_be_the_latest),
        SETTLE_TEST(until_the_whole_stores_clock_was_read_none_is_told),
        SETTLE_TEST(a_parts_record_that_was_not_renewed_for_three_seconds_is_none),
        SETTLE_TEST(a_slot_that_is_elsewhere_is_no_fault_of_the_server),
    };
    return cmocka_run_group_tests_name("redis_settle_part", tests, NULL, NULL);
}
