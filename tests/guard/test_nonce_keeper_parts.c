/* A keeper of a store that may lose its nonces in parts: ranges and parts are of one moment, and nothing is raised in
 * another store's name. */
#include "guard/nonce_keeper.h"

#include "support/test.h"
#include "support/volatile_ledger.h"

#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

enum { PATIENCE_MS = 20000 };

struct fixture {
    struct clock clock;
    struct volatile_ledger ledger;
    struct nonce_keeper *keeper;
    struct nonce_standing standing;
    struct nonce_parts parts;
    enum status (*read)(struct nonce_ledger *ledger, struct slice name, struct nonce_row *ret_whole,
                        struct nonce_parts *ret_parts);
    atomic_int reads;
    atomic_bool is_away;
    atomic_bool makes_row; /* after the next reading, and says so */
};

static struct fixture *fixture_of_ledger; /* a ledger knows of no test */

static void set_whole(struct fixture *it, const char *epoch, const char *record, const char *of_part)
{
    (void)pthread_mutex_lock(&it->ledger.lock);
    it->ledger.row.exists = it->ledger.row.is_used = true;
    (void)snprintf(it->ledger.row.epoch, sizeof it->ledger.row.epoch, "%s", epoch);
    (void)snprintf(it->ledger.row.record, sizeof it->ledger.row.record, "%s", record);
    (void)snprintf(it->ledger.parts[3].epoch, sizeof it->ledger.parts[3].epoch, "%s", of_part);
    (void)pthread_mutex_unlock(&it->ledger.lock);
}

static enum status count_read(struct nonce_ledger *ledger, struct slice name, struct nonce_row *ret_whole,
                              struct nonce_parts *ret_parts)
{
    struct fixture *it = fixture_of_ledger;
    enum status status = it->read(ledger, name, ret_whole, ret_parts);
    if (atomic_exchange(&it->makes_row, false)) {
        set_whole(it, "v1", "parts", "a");
        nonce_keeper_refresh(it->keeper);
    }
    atomic_fetch_add(&it->reads, 1);
    return atomic_load(&it->is_away) ? STATUS_STORE_DOWN : status;
}

static int setup(void **state)
{
    struct fixture *it = test_calloc(1, sizeof *it);
    it->clock = clock_system(0);
    volatile_ledger_init(&it->ledger);
    it->read = it->ledger.ledger.read_parts_blocking;
    it->ledger.ledger.read_parts_blocking = count_read;
    fixture_of_ledger = it;
    const struct nonce_keeper_options options = {.ledger = &it->ledger.ledger,
                                                 .name = SLICE(NONCE_STORE_SHARED),
                                                 .clock = &it->clock,
                                                 .is_shared = true,
                                                 .has_parts = true};
    assert_status(nonce_keeper_new(&options, &it->keeper), STATUS_OK);
    *state = it;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *it = *state;
    nonce_keeper_free(it->keeper);
    test_free(it);
    return 0;
}

static void wait_for_part(struct fixture *it, const char *epoch)
{
    uint64_t version = 0;
    for (int ms = 0; ms < PATIENCE_MS; ms++) {
        nonce_keeper_read_parts(it->keeper, &it->standing, &it->parts, &version);
        if (strcmp(it->parts.epochs[3], epoch) == 0)
            return;
        (void)usleep(1000);
    }
    fail_msg("the part is not in %s", epoch);
}

static void read_once_more(struct fixture *it)
{
    uint64_t before = nonce_keeper_version(it->keeper);
    nonce_keeper_refresh(it->keeper);
    for (int ms = 0; ms < PATIENCE_MS && nonce_keeper_version(it->keeper) == before; ms++)
        (void)usleep(1000);
    assert_true(nonce_keeper_version(it->keeper) != before);
}

static void parts_are_read_when_somebody_says_so_and_when_a_raise_is_refused(void **state)
{
    struct fixture *it = *state;
    set_whole(it, "v1", "parts", "a");
    nonce_keeper_refresh(it->keeper);
    wait_for_part(it, "a");
    assert_string_equal(it->standing.epoch, "v1");
    set_whole(it, "v2", "parts", "b");
    nonce_keeper_want(it->keeper, 100);
    wait_for_part(it, "b");
    assert_string_equal(it->standing.epoch, "v2");
}

static void what_a_raise_was_refused_for_is_never_seen_with_the_old_parts(void **state)
{
    struct fixture *it = *state;
    set_whole(it, "v1", "parts", "a");
    nonce_keeper_refresh(it->keeper);
    wait_for_part(it, "a");
    (void)pthread_mutex_lock(&it->ledger.lock);
    accepted_ranges_raise(&it->ledger.row.ranges, 500); /* by others, under the next epoch */
    (void)pthread_mutex_unlock(&it->ledger.lock);
    set_whole(it, "v2", "parts", "b");
    nonce_keeper_want(it->keeper, 500);
    for (int ms = 0; ms < PATIENCE_MS; ms++) {
        uint64_t version = 0;
        nonce_keeper_read_parts(it->keeper, &it->standing, &it->parts, &version);
        bool is_covered = accepted_ranges_cover(&it->standing.ranges, 500);
        if (is_covered && strcmp(it->parts.epochs[3], "b") == 0)
            return;
        assert_false(is_covered && strcmp(it->standing.epoch, "v2") == 0);
        (void)usleep(1000);
    }
    fail_msg("the range is not there");
}

static void in_the_name_of_another_store_nothing_is_raised_and_no_part_is_in_force(void **state)
{
    struct fixture *it = *state;
    set_whole(it, "v1", "parts", "a");
    nonce_keeper_refresh(it->keeper);
    wait_for_part(it, "a");
    set_whole(it, "single", "3 single run 256 key", "a");
    nonce_keeper_want(it->keeper, 100);
    wait_for_part(it, "");
    assert_string_equal(it->standing.epoch, "");
    nonce_keeper_want(it->keeper, 200);
    for (int round = 0; round < 3; round++) /* between two readings it does what else there is to do */
        read_once_more(it);
    assert_int_equal(atomic_load(&it->ledger.kept), 0);
}

static void parts_are_read_once_for_whoever_says_so(void **state)
{
    struct fixture *it = *state;
    set_whole(it, "v1", "parts", "a");
    nonce_keeper_refresh(it->keeper);
    wait_for_part(it, "a");
    (void)usleep(50 * 1000);
    assert_int_equal(atomic_load(&it->reads), 1);
}

static void whoever_says_so_does_not_wait_for_the_next_second(void **state)
{
    struct fixture *it = *state;
    set_whole(it, "v1", "parts", "a");
    int64_t begin_ms = clock_monotonic_ms();
    for (int round = 0; round < 6; round++)
        read_once_more(it);
    assert_true(clock_monotonic_ms() - begin_ms < 3000);
}

static void parts_that_cannot_be_read_are_tried_again_and_an_answer_is_missing_since_the_first(void **state)
{
    struct fixture *it = *state;
    set_whole(it, "v1", "parts", "a");
    atomic_store(&it->is_away, true);
    read_once_more(it);
    uint64_t version = 0;
    nonce_keeper_read(it->keeper, &it->standing, &version);
    int64_t since_ms = it->standing.asked_ms;
    int64_t begin_ms = clock_monotonic_ms();
    assert_true(since_ms > 0 && since_ms <= begin_ms);
    for (int ms = 0; ms < PATIENCE_MS && atomic_load(&it->reads) < 4; ms++)
        (void)usleep(1000);
    assert_true(clock_monotonic_ms() - since_ms >= 300); /* a tenth of a second lies between two */
    nonce_keeper_read_parts(it->keeper, &it->standing, &it->parts, &version);
    assert_int_equal(it->standing.asked_ms, since_ms);
    assert_string_equal(it->standing.epoch, "");
    atomic_store(&it->is_away, false);
    wait_for_part(it, "a");
    assert_int_equal(it->standing.asked_ms, 0);
}

static void a_row_that_is_not_there_is_no_answer(void **state)
{
    struct fixture *it = *state;
    uint64_t version = 0;
    read_once_more(it);
    nonce_keeper_read(it->keeper, &it->standing, &version);
    assert_true(it->standing.asked_ms > 0);
}

static void who_says_so_while_they_are_read_has_them_read_once_more(void **state)
{
    struct fixture *it = *state;
    atomic_store(&it->makes_row, true);
    nonce_keeper_refresh(it->keeper);
    wait_for_part(it, "a");
    assert_int_equal(atomic_load(&it->reads), 2);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(parts_are_read_when_somebody_says_so_and_when_a_raise_is_refused),
        TEST(what_a_raise_was_refused_for_is_never_seen_with_the_old_parts),
        TEST(parts_are_read_once_for_whoever_says_so),
        TEST(whoever_says_so_does_not_wait_for_the_next_second),
        TEST(parts_that_cannot_be_read_are_tried_again_and_an_answer_is_missing_since_the_first),
        TEST(a_row_that_is_not_there_is_no_answer),
        TEST(who_says_so_while_they_are_read_has_them_read_once_more),
        TEST(in_the_name_of_another_store_nothing_is_raised_and_no_part_is_in_force),
    };
    return cmocka_run_group_tests_name("nonce_keeper_parts", tests, NULL, NULL);
}
