#include "cache/cache_process.h"

#include "cache_bench.h"
#include "loop/loop_group.h"
#include "support/test.h"

#include <stdio.h>

/* ---- one question for all ---- */

static void asks_once_for_many_who_wait(void **state)
{
    struct cache_bench *it = *state;
    struct asker askers[ASKERS_MAX] = {0};
    const struct credential_key key = asker_pair_key("acme", "t");
    unsigned running = 0;
    it->store.delay_ms = 5;
    for (size_t i = 0; i < ASKERS_MAX; i++)
        asker_start(&askers[i], it->view, it->loop, &key, &running);
    loop_run(it->loop);
    assert_int_equal(it->store.asked, 1);
    for (size_t i = 0; i < ASKERS_MAX; i++) {
        assert_status(askers[i].status, STATUS_OK);
        assert_true(askers[i].is_known);
    }
}

static void two_keys_of_one_hash_are_two_questions(void **state)
{
    enum { HASH = 7 };
    struct cache_bench *it = *state;
    const struct credential_key keys[] = {asker_pair_key("acme", "t"), asker_pair_key("other", "t")};
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        cache_load_start(it->view, &keys[i], HASH, NULL);
    while (credential_cache_stats(it->cache).known == 0)
        cache_bench_run_ms(it, 1);
    assert_int_equal(it->store.asked, COUNT_OF(keys));
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        assert_true(cache_bench_ask(it, keys[i]).from_memory);
}

/* ---- answers that changes overtook ---- */

static void an_answer_that_a_change_overtook_is_asked_again_from_the_writer(void **state)
{
    struct cache_bench *it = *state;
    static const struct {
        enum change_kind kind;
        const char *id;
    } rows[] = {{CHANGE_TOKEN, "tok_t of 7"}, {CHANGE_USER, "7"}, {CHANGE_CLIENT, "acme"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct asker asker = {0};
        const struct credential_key key = asker_pair_key("acme", "t of 7");
        unsigned running = 0;
        it->store.holds = true;
        it->store.version = 1;
        asker_start(&asker, it->view, it->loop, &key, &running);
        while (it->store.held_count == 0)
            cache_bench_run_ms(it, 1);
        it->store.version = 2;
        cache_bench_tell(it, rows[i].kind, rows[i].id);
        it->store.holds = false;
        fake_durable_answer(&it->store); /* with what was true before */
        loop_run(it->loop);
        assert_status(asker.status, STATUS_OK);
        assert_int_equal(asker.version, 2);
        assert_int_equal(it->store.asked_current, i + 1);
        assert_int_equal(cache_bench_ask(it, key).version, 2);
        cache_bench_tell(it, rows[i].kind, rows[i].id);
    }
}

/* Nobody is served what may be from before a change, and nobody waits for ever. */
static void an_answer_that_changes_overtake_again_and_again_is_none(void **state)
{
    enum { TRIES = 4 };
    struct cache_bench *it = *state;
    struct asker asker = {0};
    const struct credential_key key = asker_pair_key("acme", "t of 7");
    unsigned running = 0;
    it->store.holds = true;
    asker_start(&asker, it->view, it->loop, &key, &running);
    for (unsigned i = 0; i < TRIES; i++) {
        while (it->store.held_count == 0)
            cache_bench_run_ms(it, 1);
        cache_bench_tell(it, CHANGE_USER, "7");
        fake_durable_answer(&it->store);
    }
    loop_run(it->loop);
    assert_status(asker.status, STATUS_STORE_DOWN);
    assert_int_equal(it->store.asked, TRIES);
    assert_int_equal(credential_cache_stats(it->cache).known, 0);
    it->store.holds = false;
    assert_false(cache_bench_keeps(it, "acme", "t of 7"));
    assert_true(cache_bench_keeps(it, "acme", "t of 7"));
}

static void an_answer_that_another_change_met_is_kept(void **state)
{
    struct cache_bench *it = *state;
    struct asker asker = {0};
    const struct credential_key key = asker_pair_key("acme", "t of 7");
    unsigned running = 0;
    it->store.holds = true;
    asker_start(&asker, it->view, it->loop, &key, &running);
    while (it->store.held_count == 0)
        cache_bench_run_ms(it, 1);
    cache_bench_tell(it, CHANGE_TOKEN, "tok_t of 8");
    cache_bench_tell(it, CHANGE_CLIENT, "other");
    fake_durable_answer(&it->store);
    loop_run(it->loop);
    assert_int_equal(it->store.asked, 1);
    assert_true(cache_bench_keeps(it, "acme", "t of 7"));
}

static void an_answer_from_before_the_feed_stood_is_not_kept(void **state)
{
    struct cache_bench *it = *state;
    struct asker asker = {0};
    const struct credential_key key = asker_pair_key("acme", "t");
    unsigned running = 0;
    change_feed_lost(&it->feed);
    it->store.holds = true;
    asker_start(&asker, it->view, it->loop, &key, &running);
    while (it->store.held_count == 0)
        cache_bench_run_ms(it, 1);
    fake_clock_advance(&it->clock, 1);
    change_feed_standing(&it->feed);
    it->store.holds = false;
    fake_durable_answer(&it->store);
    loop_run(it->loop);
    assert_status(asker.status, STATUS_OK);
    assert_int_equal(it->store.asked, 1);
    assert_false(cache_bench_keeps(it, "acme", "t"));
}

/* ---- a replica ---- */

static void a_replica_is_not_asked_about_what_was_changed_lately(void **state)
{
    struct cache_bench *it = *state;
    const struct credential_key key = asker_pair_key("acme", "t of 7");
    it->store.source.lag_ms = CREDENTIAL_REPLICA_LAG_MS;
    it->store.lag = 1;
    it->store.version = 1;
    assert_int_equal(cache_bench_ask(it, key).version, 1); /* the feed stands for less time than a replica may lag */
    fake_clock_advance(&it->clock, CREDENTIAL_REPLICA_LAG_MS);
    assert_int_equal(cache_bench_ask(it, key).version, 0);
    static const struct {
        enum change_kind kind;
        const char *id;
    } rows[] = {{CHANGE_TOKEN, "tok_t of 7"}, {CHANGE_USER, "7"}, {CHANGE_CLIENT, "acme"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        fake_clock_advance(&it->clock, CREDENTIAL_REPLICA_LAG_MS);
        it->store.version++;
        cache_bench_tell(it, rows[i].kind, rows[i].id);
        fake_clock_advance(&it->clock, CREDENTIAL_REPLICA_LAG_MS - 1);
        it->store.asked = 0;
        assert_int_equal(cache_bench_ask(it, key).version, it->store.version);
        assert_int_equal(it->store.asked, rows[i].kind == CHANGE_CLIENT ? 1 : 2); /* what the key names needs no try */
        assert_int_equal(cache_bench_ask_pair(it, "other", "t of 8").version, it->store.version - 1);
        cache_bench_tell(it, CHANGE_CLIENT, "other");
    }
}

static void a_replica_is_not_asked_soon_after_the_feed_stood(void **state)
{
    struct cache_bench *it = *state;
    it->store.source.lag_ms = CREDENTIAL_REPLICA_LAG_MS;
    it->store.lag = 1;
    fake_clock_advance(&it->clock, CREDENTIAL_REPLICA_LAG_MS);
    change_feed_lost(&it->feed);
    change_feed_standing(&it->feed);
    it->store.version = 5;
    assert_int_equal(cache_bench_ask_pair(it, "acme", "t").version, 5);
    assert_int_equal(it->store.asked, 1);
}

/* ---- the end ---- */

/* Its flow ends when its loop is freed. */
static struct asker last_askers[2];
static unsigned last_running[2];

static void ask_at_last(struct cache_bench *it, size_t number, struct credential_view *view, struct loop *loop,
                        const char *token)
{
    const struct credential_key key = asker_pair_key("acme", token);
    it->store.holds = true;
    last_askers[number] = (struct asker){0};
    last_running[number] = 0;
    asker_start(&last_askers[number], view, loop, &key, &last_running[number]);
}

static void run_until_held(struct cache_bench *it, size_t count)
{
    while (it->store.held_count < count)
        cache_bench_run_ms(it, 1);
}

static void questions_that_are_on_their_way_end_with_the_flows(void **state)
{
    struct cache_bench *it = *state;
    ask_at_last(it, 0, it->view, it->loop, "t");
    ask_at_last(it, 1, it->view, it->loop, "u");
    run_until_held(it, 2);
    fake_durable_answer(&it->store);
}

/* A cache for these loops instead of the bench's. */
static void use_loops(struct cache_bench *it, struct loop *const *loops, size_t count)
{
    credential_cache_free(it->cache);
    it->cache = cache_bench_new_cache(&it->store, loops, count, MAX_ENTRIES);
    memset(&it->feed, 0, sizeof it->feed);
    cache_bench_listen(it->cache, &it->feed);
}

static void an_answer_for_another_loop_ends_with_the_flows(void **state)
{
    struct cache_bench *it = *state;
    struct loop *const loops[] = {it->loop, it->loop};
    use_loops(it, loops, COUNT_OF(loops));
    ask_at_last(it, 0, credential_cache_view(it->cache, 0), it->loop, "t");
    ask_at_last(it, 1, credential_cache_view(it->cache, 1), it->loop, "t");
    run_until_held(it, 1);
    fake_durable_answer(&it->store);
    while (last_running[0])
        loop_run(it->loop);
}

static void a_question_that_another_loop_waits_for_ends_with_the_flows(void **state)
{
    struct cache_bench *it = *state;
    struct loop *own = it->loop;
    struct loop *second = loop_new(&it->clock.clock, NULL);
    struct loop *const loops[] = {own, second};
    assert_non_null(second);
    use_loops(it, loops, COUNT_OF(loops));
    ask_at_last(it, 0, credential_cache_view(it->cache, 1), second, "t");
    it->loop = second;
    run_until_held(it, 1);
    it->loop = own;
    ask_at_last(it, 1, credential_cache_view(it->cache, 0), own, "t");
    cache_bench_run_ms(it, 1);
    assert_int_equal(it->store.held_count, 1);
    flow_cut_all(own);
    flow_cut_all(second);
    while (loop_settle(own) || loop_settle(second))
        continue;
    assert_int_equal(last_running[0] + last_running[1], 0);
    fake_durable_answer(&it->store); /* too late */
    credential_cache_free(it->cache);
    it->cache = NULL;
    loop_free(second);
}

/* ---- several loops ---- */

static void name(char text[32], const char *prefix, int number)
{
    (void)snprintf(text, 32, "%s%d", prefix, number);
}

enum { LOOPS = 4, ROUNDS = 400, TOKENS = 40, SMALL_ROOM = 24 };

/* What one loop does: rounds of questions at once. */
struct worker {
    struct fleet *fleet;
    struct credential_view *view;
    struct loop *loop;
    struct deferred begin;
    struct asker askers[ASKERS_MAX];
    unsigned running;
    unsigned rounds_left;
    int64_t truth; /* when the round began */
    unsigned random;
};

struct fleet {
    struct clock clock;
    struct loop_group *group;
    struct loop *loops[LOOPS];
    struct fake_durable store;
    struct change_feed feed;
    struct credential_cache *cache;
    struct worker workers[LOOPS];
    _Atomic int64_t truth; /* the version that whoever asks from now on must see, or a later one */
    atomic_uint working;
    atomic_uint outdated;
    atomic_uint failed;
    void (*ask_round)(struct worker *worker);
};

static void begin_round(void *context)
{
    struct worker *worker = context;
    if (worker->rounds_left-- > 0) {
        worker->truth = atomic_load(&worker->fleet->truth);
        worker->fleet->ask_round(worker);
    } else if (atomic_fetch_sub(&worker->fleet->working, 1) == 1) {
        loop_group_stop(worker->fleet->group);
    }
}

static void check_truth(struct asker *asker)
{
    struct worker *worker = asker->context;
    if (asker->status != STATUS_OK)
        atomic_fetch_add(&worker->fleet->failed, 1);
    else if (asker->version < worker->truth)
        atomic_fetch_add(&worker->fleet->outdated, 1);
}

static void worker_asks(struct worker *worker, size_t asker, const char *client_id, const char *token)
{
    struct asker *it = &worker->askers[asker];
    *it = (struct asker){.at_reply = check_truth, .all_done = begin_round, .context = worker};
    (void)snprintf(it->token, sizeof it->token, "%s", token);
    const struct credential_key key = asker_pair_key(client_id, it->token);
    asker_start(it, worker->view, worker->loop, &key, &worker->running);
}

static struct fleet *fleet_new(size_t max_entries, unsigned rounds, void (*ask_round)(struct worker *worker))
{
    struct fleet *fleet = test_calloc(1, sizeof *fleet);
    fleet->clock = clock_system(0);
    fleet->group = loop_group_new(LOOPS, &fleet->clock, NULL);
    assert_non_null(fleet->group);
    fleet->ask_round = ask_round;
    fleet->working = LOOPS;
    for (size_t i = 0; i < LOOPS; i++)
        fleet->loops[i] = loop_group_at(fleet->group, i);
    fake_durable_init(&fleet->store);
    fleet->cache = cache_bench_new_cache(&fleet->store, fleet->loops, LOOPS, max_entries);
    cache_bench_listen(fleet->cache, &fleet->feed);
    for (size_t i = 0; i < LOOPS; i++) {
        struct worker *worker = &fleet->workers[i];
        *worker =
            (struct worker){.fleet = fleet, .loop = fleet->loops[i], .rounds_left = rounds, .random = (unsigned)i};
        worker->view = credential_cache_view(fleet->cache, i);
        loop_defer(worker->loop, &worker->begin, begin_round, worker);
    }
    return fleet;
}

static void fleet_free(struct fleet *fleet)
{
    loop_group_cut_flows(fleet->group);
    credential_cache_free(fleet->cache);
    loop_group_free(fleet->group);
    test_free(fleet);
}

static void all_ask_the_same(struct worker *worker)
{
    for (size_t i = 0; i < ASKERS_MAX; i++)
        worker_asks(worker, i, "acme", "t");
}

static void many_loops_ask_once(void **state)
{
    struct fleet *fleet = fleet_new(MAX_ENTRIES, 1, all_ask_the_same);
    (void)state;
    fleet->store.delay_ms = 50;
    assert_status(loop_group_run_blocking(fleet->group), STATUS_OK);
    assert_int_equal(fleet->store.asked, 1);
    assert_int_equal(fleet->failed, 0);
    fleet_free(fleet);
}

static unsigned pick(struct worker *worker, unsigned below)
{
    worker->random = worker->random * 1103515245 + 12345;
    return (worker->random >> 16) % below;
}

/* Tokens of two clients, more than there is room for. */
static void ask_here_and_there(struct worker *worker)
{
    char token[32];
    for (size_t i = 0; i < ASKERS_MAX / 4; i++) {
        name(token, pick(worker, 8) ? "t" : "un", (int)pick(worker, TOKENS));
        worker_asks(worker, i, pick(worker, 4) ? "acme" : "other", token);
    }
}

/* The first loop hears of changes, as a feed's does: first they are true, then they are told. */
static void change_and_ask(struct worker *worker)
{
    struct fleet *fleet = worker->fleet;
    if (worker == fleet->workers) {
        int64_t version = atomic_fetch_add(&fleet->store.version, 1) + 1;
        const struct change changes[] = {{.kind = CHANGE_CLIENT, .id = SLICE("acme")},
                                         {.kind = CHANGE_CLIENT, .id = SLICE("other")}};
        change_feed_changed(&fleet->feed, &changes[0]);
        change_feed_changed(&fleet->feed, &changes[1]);
        atomic_store(&fleet->truth, version);
        if (pick(worker, 16) == 0) {
            change_feed_lost(&fleet->feed);
            change_feed_standing(&fleet->feed);
        }
    }
    ask_here_and_there(worker);
}

static void nobody_reads_what_was_true_before_a_change_was_told(void **state)
{
    struct fleet *fleet = fleet_new(SMALL_ROOM, ROUNDS, change_and_ask);
    (void)state;
    assert_status(loop_group_run_blocking(fleet->group), STATUS_OK);
    assert_int_equal(fleet->outdated, 0);
    assert_true(credential_cache_stats(fleet->cache).known <= SMALL_ROOM);
    fleet_free(fleet);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CACHE_TEST(asks_once_for_many_who_wait),
        CACHE_TEST(two_keys_of_one_hash_are_two_questions),
        CACHE_TEST(an_answer_that_a_change_overtook_is_asked_again_from_the_writer),
        CACHE_TEST(an_answer_that_changes_overtake_again_and_again_is_none),
        CACHE_TEST(an_answer_that_another_change_met_is_kept),
        CACHE_TEST(a_replica_is_not_asked_about_what_was_changed_lately),
        CACHE_TEST(a_replica_is_not_asked_soon_after_the_feed_stood),
        CACHE_TEST(an_answer_from_before_the_feed_stood_is_not_kept),
        CACHE_TEST(questions_that_are_on_their_way_end_with_the_flows),
        CACHE_TEST(an_answer_for_another_loop_ends_with_the_flows),
        CACHE_TEST(a_question_that_another_loop_waits_for_ends_with_the_flows),
        cmocka_unit_test(many_loops_ask_once),
        cmocka_unit_test(nobody_reads_what_was_true_before_a_change_was_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
