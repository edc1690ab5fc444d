#include "login/password_check.h"

#include "base/clock.h"
#include "crypto/password.h"
#include "crypto/random.h"
#include "login/password_time.h"
#include "loop/worker_pool.h"
#include "support/asking.h"
#include "support/test.h"
#include "support/watch.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>

enum {
    QUEUE_MAX = 2,
    OUR_TIME_MS = 600 * 1000 /* longer than a test may take: what ends by time does not pass */
};

/* The time of a wrong password, and what was said about it. */
static const int64_t time_ns = 3600LL * 1000 * 1000 * 1000;
static struct {
    size_t asked;
    size_t count;
    struct password_work work;
    int64_t took_ns;
    int64_t time_ns;
} timed;

int64_t __wrap_password_time_ns_blocking(const struct password_work *works, size_t count);
void __wrap_password_time_note(int64_t took_ns, int64_t of_ns);

int64_t __wrap_password_time_ns_blocking(const struct password_work *works, size_t count)
{
    timed.asked++;
    timed.count = count;
    if (count)
        timed.work = works[0];
    return time_ns;
}

void __wrap_password_time_note(int64_t took_ns, int64_t of_ns)
{
    timed.took_ns = took_ns;
    timed.time_ns = of_ns;
}

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
    struct password_work works[PASSWORD_KIND_COUNT]; /* what the store holds */
    size_t work_count;
};

static const struct worker_pool_config passwords = {.name = "passwords", .thread_count = 1, .queue_max = QUEUE_MAX};

static int setup(void **state)
{
    struct fixture *it = test_calloc(1, sizeof *it);
    fake_clock_init(&it->clock, 1790000000000);
    asking_init(&it->asking, &it->clock.clock);
    it->pool = worker_pool_new(&passwords);
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

/* By what the store holds, not by whose hash it is; and it is told what the hash took. */
static void the_time_of_a_wrong_password_is_that_of_what_the_store_holds(void **state)
{
    struct fixture *it = *state;
    it->works[0] = (struct password_work){PASSWORD_PBKDF2_SHA256, 500000};
    it->work_count = PASSWORD_KIND_COUNT;
    void *found = NULL;
    int64_t begun_ns = clock_monotonic_ns();
    password_check_start(it->pool, SLICE("wrong"), SLICE(""), it->works, it->work_count, asking_ticket(&it->asking));
    assert_status(asking_wait(&it->asking, &found), STATUS_UNAUTHORIZED);
    int64_t took_ns = clock_monotonic_ns() - begun_ns;
    int64_t until_ns = ((const struct password_verdict *)found)->wrong_until_ns;
    assert_in_range(until_ns, begun_ns + time_ns, begun_ns + took_ns + time_ns);
    assert_int_equal(timed.count, PASSWORD_KIND_COUNT);
    assert_memory_equal(&timed.work, &it->works[0], sizeof timed.work);
    assert_in_range(timed.took_ns, 1, took_ns);
    assert_int_equal(timed.time_ns, time_ns);
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

static void a_wrong_password_of_another_systems_hash_comes_with_none(void **state)
{
    struct fixture *it = *state;
    static const char *const other = "$2y$05$gFcRHGsrH9xsVZdgvmVKFu92U1gVVZA/0Z8Pqf.ywSAzsprTeny6.";
    void *found = NULL;
    password_check_start(it->pool, SLICE("wrong"), slice_str(other), NULL, 0, asking_ticket(&it->asking));
    assert_status(asking_wait(&it->asking, &found), STATUS_UNAUTHORIZED);
    assert_string_equal(((const struct password_verdict *)found)->new_hash, "");
}

static void a_right_password_is_right_where_it_cannot_be_hashed_anew(void **state)
{
    struct fixture *it = *state;
    static const char *const other = "$2y$05$gFcRHGsrH9xsVZdgvmVKFu92U1gVVZA/0Z8Pqf.ywSAzsprTeny6.";
    void *found = NULL;
    random_fail_next(1);
    password_check_start(it->pool, SLICE("correct horse \xc3\xa9"), slice_str(other), NULL, 0,
                         asking_ticket(&it->asking));
    assert_status(asking_wait(&it->asking, &found), STATUS_OK);
    assert_string_equal(((const struct password_verdict *)found)->new_hash, "");
}

/* With the hashes that it has, old and new. */
static void wipes_a_verdict_once_it_was_read(void **state)
{
    struct fixture *it = *state;
    void *found = NULL;
    watch_begin();
    password_check_start(it->pool, SLICE("wrong"), SLICE_ABSENT, NULL, 0, asking_ticket(&it->asking));
    assert_status(asking_wait(&it->asking, &found), STATUS_UNAUTHORIZED);
    const struct password_verdict verdict = *(const struct password_verdict *)found;
    assert_int_equal(watch_wipes(slice_of(&verdict, sizeof verdict)), 0);
    assert_status(check(it, SLICE("x"), SLICE_ABSENT), STATUS_UNAUTHORIZED);
    assert_int_equal(watch_wipes(slice_of(&verdict, sizeof verdict)), 1);
    watch_end();
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
        password_check_start(it->pool, SLICE("x"), SLICE_ABSENT, it->works, 1, dead);
    assert_int_equal(worker_pool_stats(it->pool).queued, 0);
    it->blocker.may_end = true;
    assert_status(check(it, SLICE("x"), SLICE_ABSENT), STATUS_UNAUTHORIZED);
}

static void whom_nobody_waits_for_any_more_takes_no_time_of_others(void **state)
{
    struct fixture *it = *state;
    it->asking.patience_ms = 50;
    block_thread(it);
    assert_int_not_equal(check(it, SLICE("x"), SLICE_ABSENT), STATUS_UNAUTHORIZED);
    size_t asked = timed.asked;
    it->blocker.may_end = true;
    worker_pool_free_blocking(it->pool, WORKER_POOL_DRAIN);
    it->pool = worker_pool_new(&passwords);
    assert_int_equal(timed.asked, asked);
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
    it->asking.patience_ms = OUR_TIME_MS;
    block_thread(it);
    password_check_start(it->pool, SLICE("x"), SLICE_ABSENT, NULL, 0, asking_ticket(&it->asking));
    it->blocker.ends_last = true; /* when the pool has dropped what waits */
    worker_pool_free_blocking(it->pool, WORKER_POOL_DROP);
    it->pool = NULL;
    (void)asking_answer(&it->asking, STATUS_STORE_DOWN);
}

/* ---- the answer to a wrong one ---- */

struct pausing {
    struct flow flow;
    struct password_verdict verdict;
    int64_t ended_ns; /* 0: it waits */
    struct loop *loop;
};

static enum step_result pause_answer(struct flow *flow)
{
    const struct pausing *pausing = flow_subject(flow);
    password_check_pause(flow, &pausing->verdict);
    return STEP_WAIT;
}

static enum step_result answer(struct flow *flow UNUSED)
{
    return STEP_REPLY;
}

static void on_answered(struct flow *flow)
{
    struct pausing *pausing = flow_subject(flow);
    pausing->ended_ns = clock_monotonic_ns();
    loop_stop(pausing->loop);
}

static int64_t answered_ns(struct fixture *it, int64_t wrong_until_ns)
{
    static const struct step steps[] = {{"pause", pause_answer}, {"answer", answer}, {NULL, NULL}};
    struct pausing pausing = {.verdict = {.wrong_until_ns = wrong_until_ns}, .loop = it->asking.loop};
    flow_start(&pausing.flow, it->asking.loop, "pausing", steps, &pausing, on_answered);
    while (!pausing.ended_ns)
        loop_run(it->asking.loop);
    return pausing.ended_ns;
}

static void nobody_is_told_that_a_password_was_wrong_before_its_time(void **state)
{
    struct fixture *it = *state;
    int64_t until_ns = clock_monotonic_ns() + 30 * 1000 * 1000;
    assert_true(answered_ns(it, until_ns) >= until_ns);
    (void)answered_ns(it, clock_monotonic_ns() - time_ns); /* at once, or the test would not end */
}

/* ---- a new one ---- */

static void a_new_password_gets_a_hash_and_leaves_nothing_behind(void **state)
{
    struct fixture *it = *state;
    const struct {
        char password[PASSWORD_MAX_BYTES + 1];
        size_t len;
    } waited = {"correct horse", strlen("correct horse")};
    void *found = NULL;
    watch_begin();
    password_hash_start(it->pool, SLICE("correct horse"), asking_ticket(&it->asking));
    assert_status(asking_wait(&it->asking, &found), STATUS_OK);
    assert_int_equal(watch_wipes(slice_of(&waited, sizeof waited)), 1);
    const struct password_hashed hashed = *(const struct password_hashed *)found;
    size_t wiped = watch_wipes(slice_of(&hashed, sizeof hashed));
    assert_status(check(it, SLICE("x"), SLICE_ABSENT), STATUS_UNAUTHORIZED);
    assert_int_equal(watch_wipes(slice_of(&hashed, sizeof hashed)), wiped + 1);
    watch_end();
    assert_true(password_is_ours(slice_str(hashed.hash)));
    assert_true(password_verify_blocking(SLICE("correct horse"), slice_str(hashed.hash)));
}

static void what_cannot_be_hashed_has_no_hash(void **state)
{
    struct fixture *it = *state;
    void *found = it;
    password_hash_start(it->pool, SLICE(""), asking_ticket(&it->asking));
    assert_status(asking_wait(&it->asking, &found), STATUS_BAD_INPUT);
    assert_null(found);
    random_fail_next(1);
    password_hash_start(it->pool, SLICE("correct horse"), asking_ticket(&it->asking));
    assert_status(asking_wait(&it->asking, &found), STATUS_NO_RANDOMNESS);
    assert_null(found);
}

static void a_new_password_that_waits_when_the_service_stops_gets_no_hash(void **state)
{
    struct fixture *it = *state;
    it->asking.patience_ms = OUR_TIME_MS;
    block_thread(it);
    password_hash_start(it->pool, SLICE("x"), asking_ticket(&it->asking));
    it->blocker.ends_last = true;
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
        TEST(a_wrong_password_of_another_systems_hash_comes_with_none),
        TEST(a_right_password_is_right_where_it_cannot_be_hashed_anew),
        TEST(wipes_a_verdict_once_it_was_read),
        TEST(whom_nobody_waits_for_any_more_takes_no_time_of_others),
        TEST(nobody_is_told_that_a_password_was_wrong_before_its_time),
        TEST(a_new_password_gets_a_hash_and_leaves_nothing_behind),
        TEST(what_cannot_be_hashed_has_no_hash),
        TEST(a_new_password_that_waits_when_the_service_stops_gets_no_hash),
        TEST(the_time_of_a_wrong_password_is_that_of_what_the_store_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
