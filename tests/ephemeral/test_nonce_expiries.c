#include "ephemeral/nonce_expiries.h"

#include "support/test.h"

/* More than one word has bits; and a table of 1024 seconds. */
enum { SHARDS = 130, TABLE_S = 1024 };
#define NOW_S INT64_C(1790000000)

static int setup(void **state)
{
    *state = nonce_expiries_new(SHARDS);
    assert_non_null(*state);
    return 0;
}

static int teardown(void **state)
{
    nonce_expiries_free(*state);
    return 0;
}

static void each_set_has_marks_of_its_own(void **state)
{
    struct nonce_expiries *expiries = *state;
    for (int64_t second = NOW_S; second < NOW_S + 3; second++)
        for (unsigned mark = 0; mark < NONCE_EXPIRY_MARKS; mark++)
            for (unsigned shard = 0; shard < SHARDS; shard++) {
                assert_false(nonce_expiries_has(expiries, mark, second, shard));
                nonce_expiries_mark(expiries, mark, second, shard);
                assert_true(nonce_expiries_has(expiries, mark, second, shard));
            }
    nonce_expiries_unmark(expiries, NONCE_EXPIRY_ASKED, NOW_S + 1, 70);
    for (int64_t second = NOW_S; second < NOW_S + 3; second++)
        for (unsigned mark = 0; mark < NONCE_EXPIRY_MARKS; mark++)
            for (unsigned shard = 0; shard < SHARDS; shard++) {
                bool is_taken = mark == NONCE_EXPIRY_ASKED && second == NOW_S + 1 && shard == 70;
                assert_true(nonce_expiries_has(expiries, mark, second, shard) != is_taken);
            }
}

/* Nothing of the one before may be taken for the new one's: its set would never expire. */
static void a_second_that_takes_anothers_place_begins_with_no_mark(void **state)
{
    struct nonce_expiries *expiries = *state;
    for (unsigned mark = 0; mark < NONCE_EXPIRY_MARKS; mark++)
        for (unsigned shard = 0; shard < SHARDS; shard++)
            nonce_expiries_mark(expiries, mark, NOW_S, shard);
    nonce_expiries_mark(expiries, NONCE_EXPIRY_STANDS, NOW_S + 1, 3);
    assert_false(nonce_expiries_has(expiries, NONCE_EXPIRY_STANDS, NOW_S + TABLE_S, 5));
    nonce_expiries_unmark(expiries, NONCE_EXPIRY_STANDS, NOW_S + TABLE_S, 5); /* which is not there */
    assert_true(nonce_expiries_has(expiries, NONCE_EXPIRY_STANDS, NOW_S, 5));
    nonce_expiries_mark(expiries, NONCE_EXPIRY_STANDS, NOW_S + TABLE_S, 7);
    for (unsigned mark = 0; mark < NONCE_EXPIRY_MARKS; mark++)
        for (unsigned shard = 0; shard < SHARDS; shard++) {
            bool is_new = mark == NONCE_EXPIRY_STANDS && shard == 7;
            assert_true(nonce_expiries_has(expiries, mark, NOW_S + TABLE_S, shard) == is_new);
            assert_false(nonce_expiries_has(expiries, mark, NOW_S, shard));
        }
    assert_true(nonce_expiries_has(expiries, NONCE_EXPIRY_STANDS, NOW_S + 1, 3));
}

static void what_stands_is_forgotten_and_what_is_owed_is_not(void **state)
{
    struct nonce_expiries *expiries = *state;
    for (int64_t second = NOW_S; second < NOW_S + TABLE_S; second++)
        for (unsigned shard = 0; shard < SHARDS; shard += 43) {
            nonce_expiries_mark(expiries, NONCE_EXPIRY_STANDS, second, shard);
            nonce_expiries_mark(expiries, NONCE_EXPIRY_ASKED, second, shard);
            nonce_expiries_mark(expiries, NONCE_EXPIRY_OWED, second, shard);
        }
    nonce_expiries_forget(expiries);
    for (int64_t second = NOW_S; second < NOW_S + TABLE_S; second++)
        for (unsigned shard = 0; shard < SHARDS; shard += 43) {
            assert_false(nonce_expiries_has(expiries, NONCE_EXPIRY_STANDS, second, shard));
            assert_true(nonce_expiries_has(expiries, NONCE_EXPIRY_ASKED, second, shard));
            assert_true(nonce_expiries_has(expiries, NONCE_EXPIRY_OWED, second, shard));
        }
}

/* Each of the table's seconds owes two, the first shard's and the last's. */
struct owed {
    unsigned count[TABLE_S][2];
    size_t others;
};

static void count_owed(void *context, int64_t second, unsigned shard)
{
    struct owed *owed = context;
    if (second < NOW_S || second >= NOW_S + TABLE_S || (shard != 0 && shard != SHARDS - 1))
        owed->others++;
    else
        owed->count[second - NOW_S][shard != 0]++;
}

static void each_set_that_is_owed_its_expiry_is_visited_once(void **state)
{
    struct nonce_expiries *expiries = *state;
    static struct owed owed;
    for (int64_t second = NOW_S; second < NOW_S + TABLE_S; second++) {
        nonce_expiries_mark(expiries, NONCE_EXPIRY_OWED, second, 0);
        nonce_expiries_mark(expiries, NONCE_EXPIRY_OWED, second, SHARDS - 1);
        nonce_expiries_mark(expiries, NONCE_EXPIRY_STANDS, second, 1);
        nonce_expiries_mark(expiries, NONCE_EXPIRY_ASKED, second, 2);
    }
    nonce_expiries_each_owed(expiries, count_owed, &owed);
    assert_int_equal(owed.others, 0);
    for (size_t i = 0; i < TABLE_S; i++)
        assert_true(owed.count[i][0] == 1 && owed.count[i][1] == 1);
}

static void visit_none(void *context, int64_t second, unsigned shard)
{
    (void)context;
    fail_msg("%d of %d is owed", (int)shard, (int)second);
}

/* The last bit of the last second lies at the end of what was allocated. */
static void whatever_the_number_of_shards_each_has_room(void **state)
{
    static const unsigned numbers[] = {1, 63, 64, 65, 127, 128, 129, 4096};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        struct nonce_expiries *expiries = nonce_expiries_new(numbers[i]);
        unsigned last = numbers[i] - 1;
        assert_non_null(expiries);
        for (int64_t second = 1; second < TABLE_S; second++)
            nonce_expiries_mark(expiries, NONCE_EXPIRY_STANDS, second, 0);
        nonce_expiries_each_owed(expiries, visit_none, NULL);
        for (unsigned mark = 0; mark < NONCE_EXPIRY_MARKS; mark++)
            nonce_expiries_mark(expiries, mark, TABLE_S - 1, last);
        assert_true(nonce_expiries_has(expiries, NONCE_EXPIRY_OWED, TABLE_S - 1, last));
        assert_true(last == 0 || !nonce_expiries_has(expiries, NONCE_EXPIRY_OWED, TABLE_S - 1, last - 1));
        nonce_expiries_free(expiries);
    }
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_set_has_marks_of_its_own),
        TEST(a_second_that_takes_anothers_place_begins_with_no_mark),
        TEST(what_stands_is_forgotten_and_what_is_owed_is_not),
        TEST(each_set_that_is_owed_its_expiry_is_visited_once),
        TEST(whatever_the_number_of_shards_each_has_room),
    };
    return cmocka_run_group_tests_name("nonce_expiries", tests, NULL, NULL);
}
