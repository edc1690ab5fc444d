#include "ephemeral/redis_cluster_clock.h"

#include "redis/topology.h"
#include "support/test.h"

/* Only their addresses count. */
static char servers[REDIS_PRIMARIES_MAX + 1];

static const struct redis_client *server(size_t i)
{
    return (const struct redis_client *)(const void *)&servers[i];
}

static void each_server_counts_once(void **state)
{
    const struct redis_client *known[REDIS_PRIMARIES_MAX];
    int64_t offsets[REDIS_PRIMARIES_MAX];
    size_t count = 0;
    (void)state;
    for (int i = 0; i < 5; i++)
        redis_cluster_clock_add(known, offsets, &count, server(0), 5000 + i);
    redis_cluster_clock_add(known, offsets, &count, server(1), -7);
    redis_cluster_clock_add(known, offsets, &count, server(2), 3);
    assert_int_equal(count, 3);
    assert_int_equal(redis_cluster_clock_middle(offsets, count), 3);
}

static void the_middle_one_is_what_a_server_shows_whoever_is_wrong(void **state)
{
    static const struct {
        int64_t offsets[4];
        size_t count;
        int64_t middle;
    } rows[] = {
        {{7}, 1, 7}, {{9, -9}, 2, -9}, {{1, 1000000, 0}, 3, 1}, {{-1000000, 2, 3}, 3, 2}, {{4, 3, 2, 1}, 4, 2},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int64_t offsets[4];
        memcpy(offsets, rows[i].offsets, sizeof offsets);
        assert_int_equal(redis_cluster_clock_middle(offsets, rows[i].count), rows[i].middle);
    }
}

static void more_than_there_is_room_for_are_left_out(void **state)
{
    const struct redis_client *known[REDIS_PRIMARIES_MAX];
    int64_t offsets[REDIS_PRIMARIES_MAX];
    size_t count = 0;
    (void)state;
    for (size_t i = 0; i < sizeof servers; i++)
        redis_cluster_clock_add(known, offsets, &count, server(i), 0);
    assert_int_equal(count, REDIS_PRIMARIES_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_server_counts_once),
        cmocka_unit_test(the_middle_one_is_what_a_server_shows_whoever_is_wrong),
        cmocka_unit_test(more_than_there_is_room_for_are_left_out),
    };
    return cmocka_run_group_tests_name("redis_cluster_clock", tests, NULL, NULL);
}
