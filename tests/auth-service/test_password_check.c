#include "login/password_check.h"

#include "base/clock.h"
#include "crypto/password.h"
#include "login/password_time.h"
#include "loop/worker_pool.h"
#include "support/asking.h"
#include "support/test.h"
#include "support/watch.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>

enum { QUEUE_MAX = 2 };

/* Keeps the thread busy. */
struct blocker {
    struct job job;
    struct worker_pool *pool;
    atomic_bool runs;
    atomic_bool may_end;
    atomic_bool ends_last; /* once nothing is queued behind it */
};

struct fixture {
    struct fake_clock clock;
    struct asking asking;
    struct worker_pool *pool; /* one thread */
    struct blocker blocker;
    struct job others[QUEUE_MAX];
    struct password_work works[1]; /* what the store holds */
    size_t work_count;
};

static int setup(void **state)
{
    const struct worker_pool_config config = {.name = "passwords", .thread_count = 1, .queue_max = QUEUE_MAX};
    struct fixture *it = test_calloc(1, sizeof *it);
    fake_clock_init(&it->clock, 1790000000000);
    asking_init(&it->asking, &it->clock.clock);
    it->pool = worker_pool_new(&config);
    assert_non_null(it->pool);
    *state = it;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *it = *state;
    worker_pool_free_blocking(it->pool, WORKER_POOL_DRAIN);
    asking_done(&it->asking);
    test_free(it);
    return 0;
}

static enum status check(struct fixture *it, struct slice password, struct slice hash)
{
    password_check_start(it->pool, password, hash, it->works, it->work_count, asking_ticket(&it->asking));
    return asking_wait(&it->asking, NULL);
}

static void knows_the_right_password_from_all_others(void **state)
{
    struct fixture *it = *state;
    char hash[PASSWORD_HASH_BYTES];
    assert_status(password_hash_blocking(SLICE("correct horse"), hash), STATUS_OK);
    assert_status(check(it, SLICE("correct horse"), slice_str(hash)), STATUS_OK);
    assert_status(check(it, SLICE("correct hors"), slice_str(hash)), STATUS_UNAUTHORIZED);
    assert_status(check(it, SLICE(""), slice_str(hash)), STATUS_UNAUTHORIZED);
    assert_status(check(it, SLICE("correct horse"), SLICE_ABSENT), STATUS_UNAUTHORIZED);
    assert_status(check(it, SLICE("correct horse"), SLICE("")), STATUS_UNAUTHORIZED);
}

/* It works on copies of a bounded size: what is cut must not become another's password. */
static void a_password_that_is_too_long_is_nobodys(void **state)
{
    struct fixture *it = *state;
    char hash[PASSWORD_HASH_BYTES];
    char longer[PASSWORD_MAX_BYTES + 100];
    memset(longer, 'a', sizeof longer);
    struct slice longest = slice_of(longer, PASSWORD_MAX_BYTES);
    assert_status(password_hash_blocking(longest, hash), STATUS_OK);
    assert_status(check(it, longest, slice_str(hash)), STATUS_OK);
    assert_status(check(it, slice_of(longer, PASSWORD_MAX_BYTES + 1), slice_str(hash)), STATUS_UNAUTHORIZED);
    assert_status(check(it, slice_of(longer, sizeof longer), slice_str(hash)), STATUS_UNAUTHORIZED);
}

static int64_t time_left_ns(struct fixture *it, const char *hash)
{
    void *found = NULL;
    int64_t begun_ns = clock_monotonic_ns();
    password_check_start(it->pool, SLICE("wrong"), slice_str(hash), it->works, it->work_count,
                         asking_ticket(&it->asking));
    assert_status(asking_wait(&it->asking, &found), STATUS_UNAUTHORIZED);
    return ((const struct password_verdict *)found)->wrong_until_ns - begun_ns;
}

/* By what the store holds, not by whose hash it is; more than the dearest takes, also where it took long of late. */
static void the_time_of_a_wrong_password_is_that_of_the_stores_dearest_hash(void **state)
{
    struct fixture *it = *state;
    int64_t own_ns = time_left_ns(it, "");
    it->works[0] = (struct password_work){PASSWORD_PBKDF2_SHA256, 1000000}; /* far dearer, on a busy machine too */
    it->work_count = 1;
    int64_t dear_ns = password_time_ns_blocking(it->works, 1);
    assert_true(dear_ns > 2 * own_ns && time_left_ns(it, "") >= dear_ns);
    password_time_note(dear_ns, dear_ns); /* in time: nothing changes */
    assert_int_equal(password_time_ns_blocking(it->works, 1), dear_ns);
    password_time_note(2 * dear_ns, dear_ns);
    assert_int_equal(password_time_ns_blocking(it->works, 1), 2 * dear_ns + 2 * dear_ns / 4);
}

static void a_right_password_of_another_systems_hash_comes_with_a_new_hash(void **state)
{
    struct fixture *it = *state;
    static const char *const password = "correct horse \xc3\xa9";
    static const char *const other = "$2y$05$gFcRHGsrH9xsVZdgvmVKFu92U1gVVZA/0Z8Pqf.ywSAzsprTeny6.";
    void *found = NULL;
    password_check_start(it->pool, slice_str(password), slice_str(other), NULL, 0, asking_ticket(&it->asking));
    assert_status(asking_wait(&it->asking, &found), STATUS_OK);
    char ours[PASSWORD_HASH_BYTES];
    (void)snprintf(ours, sizeof ours, "%s", ((const struct password_verdict *)found)->new_hash);
    assert_true(password_is_ours(slice_str(ours)) && password_verify_blocking(slice_str(password), slice_str(ours)));
    password_check_start(it->pool, slice_str(password), slice_str(ours), NULL, 0, asking_ticket(&it->asking));
    assert_status(asking_wait(&it->asking, &found), STATUS_OK);
    assert_string_equal(((const struct password_verdict *)found)->new_hash, "");
}

/* Where it waited for a thread: its length behind it tells this place from others. */
static void wipes_the_password_that_was_checked(void **state)
{
    struct fixture *it = *state;
    const struct {
        char password[PASSWORD_MAX_BYTES + 1];
        size_t len;
    } waited = {"correct horse", strlen("correct horse")};
    watch_begin();
    assert_status(check(it, SLICE("correct horse"), SLICE_ABSENT), STATUS_UNAUTHORIZED);
    assert_int_equal(watch_wipes(slice_of(&waited, sizeof waited)), 1);
    watch_end();
}

/* ---- a thread that is busy ---- */

static void block(struct job *job, void *thread_context UNUSED)
{
    struct blocker *blocker = (struct blocker *)job;
    blocker->runs = true;
    while (!blocker->may_end && !(blocker->ends_last && worker_pool_stats(blocker->pool).queued == 0))
        (void)sched_yield();
}

static void unblocked(struct job *job UNUSED)
{
}

static void block_thread(struct fixture *it)
{
    it->blocker.job = (struct job){.run_blocking = block, .done = unblocked, .loop = it->asking.loop};
    it->blocker.pool = it->pool;
    assert_status(worker_pool_submit(it->pool, &it->blocker.job, STATUS_SLOW_DOWN), STATUS_OK);
    while (!it->blocker.runs)
        (void)sched_yield();
}

static void whom_nobody_waits_for_takes_no_place_of_others(void **state)
{
    struct fixture *it = *state;
    struct ticket dead = asking_ticket(&it->asking);
    ticket_complete(dead, STATUS_OK, NULL, NULL);
    block_thread(it);
    for (int i = 0; i <= QUEUE_MAX; i++)
        password_check_start(it->pool, SLICE("x"), SLICE_ABSENT, NULL, 0, dead);
    assert_int_equal(worker_pool_stats(it->pool).queued, 0);
    it->blocker.may_end = true;
    assert_status(check(it, SLICE("x"), SLICE_ABSENT), STATUS_UNAUTHORIZED);
}

static void nothing(struct job *job UNUSED, void *thread_context UNUSED)
{
}

static void one_too_many_is_to_slow_down(void **state)
{
    struct fixture *it = *state;
    block_thread(it);
    for (size_t i = 0; i < QUEUE_MAX; i++) {
        it->others[i] = (struct job){.run_blocking = nothing, .done = unblocked, .loop = it->asking.loop};
        assert_status(worker_pool_submit(it->pool, &it->others[i], STATUS_SLOW_DOWN), STATUS_OK);
    }
    assert_status(check(it, SLICE("x"), SLICE_ABSENT), STATUS_SLOW_DOWN);
    it->blocker.may_end = true;
    worker_pool_free_blocking(it->pool, WORKER_POOL_DROP);
    it->pool = NULL;
}

static void who_waits_when_the_service_stops_gets_no_verdict(void **state)
{
    struct fixture *it = *state;
    block_thread(it);
    password_check_start(it->pool, SLICE("x"), SLICE_ABSENT, NULL, 0, asking_ticket(&it->asking));
    it->blocker.ends_last = true; /* when the pool has dropped what waits */
    worker_pool_free_blocking(it->pool, WORKER_POOL_DROP);
    it->pool = NULL;
    (void)asking_answer(&it->asking, STATUS_STORE_DOWN);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(knows_the_right_password_from_all_others),
        TEST(a_password_that_is_too_long_is_nobodys),
        TEST(wipes_the_password_that_was_checked),
        TEST(whom_nobody_waits_for_takes_no_place_of_others),
        TEST(one_too_many_is_to_slow_down),
        TEST(who_waits_when_the_service_stops_gets_no_verdict),
        TEST(a_right_password_of_another_systems_hash_comes_with_a_new_hash),
        TEST(the_time_of_a_wrong_password_is_that_of_the_stores_dearest_hash), /* the last: it goes on being busy */
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
