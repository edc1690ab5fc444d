#include "ephemeral/nonce_set.h"
#include "support/test.h"

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

static void a_long_pause_forgets_the_whole_ring(void **state)
{
    (void)state;
    static const int64_t pauses[] = {KEEP_S + AHEAD_S + 1, KEEP_S + AHEAD_S + 2, 10000, 1000000};
    for (size_t i = 0; i < COUNT_OF(pauses); i++) {
        struct nonce_set *set = new_set(2 * (AHEAD_S + 1));
        for (int64_t second = NOW_S; second <= NOW_S + AHEAD_S; second++)
            assert_status(nonce_set_add(set, second, 16, NOW_S), STATUS_OK);
        for (int64_t second = NOW_S; second <= NOW_S + AHEAD_S; second++)
            assert_status(nonce_set_add(set, second + pauses[i], 16, NOW_S + pauses[i]), STATUS_OK);
        nonce_set_free(set);
    }
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

static void what_is_live_is_saved_once_each(void **state)
{
    (void)state;
    struct nonce_set *set = new_set(10000);
    struct nonce_state saved = {0};
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_second_of_the_window_has_room_of_its_own),
        cmocka_unit_test(outside_of_the_window_nothing_is_taken),
        cmocka_unit_test(a_second_is_forgotten_when_it_leaves_the_window_and_not_before),
        cmocka_unit_test(a_long_pause_forgets_the_whole_ring),
        cmocka_unit_test(a_late_thread_cannot_bring_a_forgotten_second_back),
        cmocka_unit_test(what_is_live_is_saved_once_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
