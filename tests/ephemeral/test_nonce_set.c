#include "ephemeral/nonce_set.h"
#include "support/test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#define NOW_S 1790000000

enum { KEEP_S = 600, AHEAD_S = 60 };

static struct nonce_set *new_set(size_t max)
{
    struct nonce_set *set = nonce_set_new(max, KEEP_S, AHEAD_S);
    assert_non_null(set);
    return set;
}

static void every_second_of_the_window_has_room_of_its_own(void **state)
{
    (void)state;
    struct nonce_set *set = new_set(100000);
    for (int64_t second = NOW_S - KEEP_S; second <= NOW_S + AHEAD_S; second++)
        for (uint64_t hash = 0; hash < 40; hash++) /* 0 too, and more than the first slots of a shard */
            assert_status(nonce_set_add(set, second, hash << 8, NOW_S), STATUS_OK);
    for (int64_t second = NOW_S - KEEP_S; second <= NOW_S + AHEAD_S; second++)
        for (uint64_t hash = 0; hash < 40; hash++)
            assert_status(nonce_set_add(set, second, hash << 8, NOW_S), STATUS_NONCE_USED);
    nonce_set_free(set);
}

static void outside_of_the_window_nothing_is_taken(void **state)
{
    (void)state;
    static const int64_t timestamps[] = {NOW_S - KEEP_S - 1, NOW_S + AHEAD_S + 1, 0, -1, INT64_MAX, INT64_MIN};
    struct nonce_set *set = new_set(10);
    for (size_t i = 0; i < COUNT_OF(timestamps); i++)
        assert_status(nonce_set_add(set, timestamps[i], 7, NOW_S), STATUS_TIMESTAMP_REFUSED);
    nonce_set_free(set);
}

static void a_second_is_forgotten_when_it_leaves_the_window_and_not_before(void **state)
{
    (void)state;
    struct nonce_set *set = new_set(1);
    assert_status(nonce_set_add(set, NOW_S, 16, NOW_S), STATUS_OK);
    assert_status(nonce_set_add(set, NOW_S, 16, NOW_S + KEEP_S), STATUS_NONCE_USED);
    assert_status(nonce_set_add(set, NOW_S + KEEP_S, 32, NOW_S + KEEP_S), STATUS_STORE_DOWN);
    assert_status(nonce_set_add(set, NOW_S, 16, NOW_S + KEEP_S + 1), STATUS_TIMESTAMP_REFUSED);
    assert_status(nonce_set_add(set, NOW_S + KEEP_S + 1, 32, NOW_S + KEEP_S + 1), STATUS_OK);
    nonce_set_free(set);
}

/* The whole window is full before, and after. */
static void a_long_pause_forgets_the_whole_ring(void **state)
{
    (void)state;
    static const int64_t pauses[] = {KEEP_S + AHEAD_S + 1, KEEP_S + AHEAD_S + 2, 10000, 1000000};
    for (size_t i = 0; i < COUNT_OF(pauses); i++) {
        struct nonce_set *set = new_set(KEEP_S + AHEAD_S + 1);
        for (int64_t second = NOW_S - KEEP_S; second <= NOW_S + AHEAD_S; second++)
            assert_status(nonce_set_add(set, second, 16, NOW_S), STATUS_OK);
        for (int64_t second = NOW_S - KEEP_S; second <= NOW_S + AHEAD_S; second++)
            assert_status(nonce_set_add(set, second + pauses[i], 16, NOW_S + pauses[i]), STATUS_OK);
        nonce_set_free(set);
    }
}

static void a_pause_forgets_what_left_the_window_and_nothing_else(void **state)
{
    (void)state;
    for (int64_t pause = 1; pause <= KEEP_S + AHEAD_S; pause += 7) {
        struct nonce_set *set = new_set(10000);
        int64_t later_s = NOW_S + pause;
        for (int64_t second = NOW_S - KEEP_S; second <= NOW_S + AHEAD_S; second++)
            assert_status(nonce_set_add(set, second, 16, NOW_S), STATUS_OK);
        for (int64_t second = later_s - KEEP_S; second <= later_s + AHEAD_S; second++)
            assert_status(nonce_set_add(set, second, 16, later_s),
                          second <= NOW_S + AHEAD_S ? STATUS_NONCE_USED : STATUS_OK);
        nonce_set_free(set);
    }
}

/* The smallest, those that begin to look for a place in the last slot, and those that all want the same. */
static void no_hash_is_lost_when_a_second_grows(void **state)
{
    (void)state;
    static const uint64_t alike[] = {0, 1, 0xFFFFFF00, 0xFF00};
    for (size_t i = 0; i < COUNT_OF(alike); i++) {
        unsigned shift = alike[i] < 2 ? 8 : 40;
        struct nonce_set *set = new_set(10000);
        for (uint64_t n = 0; n < 500; n++) /* 1 before 0, which is neither the first nor the last that is there */
            assert_status(nonce_set_add(set, NOW_S, (n ^ 1) << shift | alike[i], NOW_S), STATUS_OK);
        for (uint64_t n = 0; n < 500; n++)
            assert_status(nonce_set_add(set, NOW_S, n << shift | alike[i], NOW_S), STATUS_NONCE_USED);
        nonce_set_free(set);
    }
}

/* A machine without a clock of its own begins there: half of the window is before. */
static void a_clock_at_the_beginning_of_time_is_one_as_well(void **state)
{
    (void)state;
    struct nonce_set *set = new_set(1000);
    for (int64_t second = 5 - KEEP_S; second <= 5 + AHEAD_S; second++)
        assert_status(nonce_set_add(set, second, 16, 5), STATUS_OK);
    for (int64_t second = 5 - KEEP_S; second <= 5 + AHEAD_S; second++)
        assert_status(nonce_set_add(set, second, 16, 5), STATUS_NONCE_USED);
    nonce_set_free(set);
}

/* It read the clock, was held up, and meanwhile others went on. */
static void a_late_thread_cannot_bring_a_forgotten_second_back(void **state)
{
    (void)state;
    struct nonce_set *set = new_set(10);
    assert_status(nonce_set_add(set, NOW_S, 16, NOW_S), STATUS_OK);
    assert_status(nonce_set_add(set, NOW_S + 1000, 16, NOW_S + 1000), STATUS_OK);
    assert_status(nonce_set_add(set, NOW_S, 16, NOW_S), STATUS_TIMESTAMP_REFUSED);
    nonce_set_free(set);
}

/* As if it were new: also what time it was, or a clock that went back would find no second good. */
static void what_was_forgotten_is_new_by_any_clock(void **state)
{
    (void)state;
    struct nonce_set *set = new_set(64);
    for (int round = 0; round < 3; round++) {
        int64_t now_s = NOW_S - round * 10000;
        unsigned shift = round % 2 ? 8 : 0; /* in every shard, or all in one */
        for (uint64_t hash = 1; hash <= 64; hash++)
            assert_status(nonce_set_add(set, now_s + (int64_t)hash % (AHEAD_S + 1), hash << shift, now_s), STATUS_OK);
        assert_status(nonce_set_add(set, now_s, 1000, now_s), STATUS_STORE_DOWN);
        nonce_set_forget(set);
    }
    nonce_set_free(set);
    nonce_set_free(NULL);
}

static void what_is_live_is_saved_once_each(void **state)
{
    (void)state;
    struct nonce_set *set = new_set(10000);
    struct nonce_state saved = {.count = 7};
    uint64_t sum = 0;
    for (uint64_t hash = 1; hash <= 1000; hash++)
        assert_status(nonce_set_add(set, NOW_S + (int64_t)hash % 7, hash, NOW_S), STATUS_OK);
    assert_status(nonce_set_add(set, NOW_S - KEEP_S, 7777, NOW_S), STATUS_OK); /* over at the time of saving */
    assert_status(nonce_set_save(set, NOW_S + 1, &saved), STATUS_OK);
    assert_int_equal(saved.count, 1000);
    for (size_t i = 0; i < saved.count; i++) {
        assert_int_equal(saved.nonces[i].timestamp_s, NOW_S + (int64_t)saved.nonces[i].hash % 7);
        sum += saved.nonces[i].hash;
    }
    assert_int_equal(sum, 1000 * 1001 / 2);
    free(saved.nonces);
    nonce_set_free(set);
}

/* ---- threads ---- */

enum { THREADS = 4, HASHES = 20000 };

struct adders {
    struct nonce_set *set;
    _Atomic size_t news;
    atomic_bool is_over;
};

static void *add_all(void *context)
{
    struct adders *adders = context;
    for (uint64_t hash = 1; hash <= HASHES; hash++)
        if (nonce_set_add(adders->set, NOW_S + (int64_t)hash % 3, hash, NOW_S) == STATUS_OK)
            atomic_fetch_add(&adders->news, 1);
    return NULL;
}

static void run_adders(struct adders *adders)
{
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, add_all, adders), 0);
    for (size_t i = 0; i < THREADS; i++)
        (void)pthread_join(threads[i], NULL);
    atomic_store(&adders->is_over, true);
}

static void of_threads_that_add_the_same_one_alone_is_told_that_it_is_new(void **state)
{
    (void)state;
    struct adders adders = {.set = new_set(HASHES)};
    run_adders(&adders);
    assert_int_equal(atomic_load(&adders.news), HASHES);
    nonce_set_free(adders.set);
}

static void *forget_often(void *context)
{
    struct adders *adders = context;
    while (!atomic_load(&adders->is_over))
        nonce_set_forget(adders->set);
    return NULL;
}

static void a_set_that_is_forgotten_while_others_add_is_whole(void **state)
{
    (void)state;
    pthread_t thread;
    struct adders adders = {.set = new_set(HASHES)};
    assert_int_equal(pthread_create(&thread, NULL, forget_often, &adders), 0);
    run_adders(&adders);
    (void)pthread_join(thread, NULL);
    nonce_set_forget(adders.set);
    atomic_store(&adders.news, 0);
    run_adders(&adders);
    assert_int_equal(atomic_load(&adders.news), HASHES); /* it has counted right */
    nonce_set_free(adders.set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_second_of_the_window_has_room_of_its_own),
        cmocka_unit_test(outside_of_the_window_nothing_is_taken),
        cmocka_unit_test(a_second_is_forgotten_when_it_leaves_the_window_and_not_before),
        cmocka_unit_test(a_long_pause_forgets_the_whole_ring),
        cmocka_unit_test(a_pause_forgets_what_left_the_window_and_nothing_else),
        cmocka_unit_test(no_hash_is_lost_when_a_second_grows),
        cmocka_unit_test(a_clock_at_the_beginning_of_time_is_one_as_well),
        cmocka_unit_test(a_late_thread_cannot_bring_a_forgotten_second_back),
        cmocka_unit_test(what_was_forgotten_is_new_by_any_clock),
        cmocka_unit_test(what_is_live_is_saved_once_each),
        cmocka_unit_test(of_threads_that_add_the_same_one_alone_is_told_that_it_is_new),
        cmocka_unit_test(a_set_that_is_forgotten_while_others_add_is_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
