/* With clocks and hashes of the test's own, so that no machine is too slow, too quick or too busy for it. */
#include "login/password_time.h"

#include "base/clock.h"
#include "support/test.h"

#include <time.h>

static const int64_t ms = 1000 * 1000;

/* What a hash of each kind takes of its thread; by the clock ten times that goes by, for others have the core too. */
static int64_t costs_ms[PASSWORD_KIND_COUNT];
static int64_t cpu_ms;
static int64_t clock_ms;
static int work_count;

int64_t __wrap_clock_monotonic_ns(void);
int __real_clock_gettime(clockid_t id, struct timespec *ret_now);
int __wrap_clock_gettime(clockid_t id, struct timespec *ret_now);
void __wrap_password_kind_work_blocking(struct password_work work);

int64_t __wrap_clock_monotonic_ns(void)
{
    return clock_ms * ms;
}

int __wrap_clock_gettime(clockid_t id, struct timespec *ret_now)
{
    if (id != CLOCK_THREAD_CPUTIME_ID)
        return __real_clock_gettime(id, ret_now);
    *ret_now = (struct timespec){.tv_sec = cpu_ms / 1000, .tv_nsec = cpu_ms % 1000 * ms};
    return 0;
}

void __wrap_password_kind_work_blocking(struct password_work work)
{
    cpu_ms += costs_ms[work.kind];
    clock_ms += 10 * costs_ms[work.kind];
    work_count++;
}

/* One that nobody was asked for yet. */
static int64_t new_amount(void)
{
    static int64_t amount = 1000;
    return ++amount;
}

static int setup(void **state)
{
    (void)state;
    cpu_ms = 999; /* a whole second passes while it is measured */
    clock_ms += 3600 * 1000;
    work_count = 0;
    costs_ms[PASSWORD_OWN] = 20;
    costs_ms[PASSWORD_PBKDF2_SHA256] = 1300;
    costs_ms[PASSWORD_BCRYPT] = 5;
    return 0;
}

static void is_twice_what_the_dearest_of_the_stores_hashes_and_of_our_own_takes(void **state)
{
    (void)state;
    const struct password_work dear = {PASSWORD_PBKDF2_SHA256, new_amount()};
    const struct password_work cheap = {PASSWORD_BCRYPT, new_amount()};
    assert_int_equal(password_time_ns_blocking(NULL, 0), (2 * 20 + 10) * ms);
    assert_int_equal(password_time_ns_blocking(&cheap, 1), (2 * 20 + 10) * ms);
    assert_int_equal(password_time_ns_blocking(&dear, 1), (2 * 1300 + 10) * ms);
    assert_int_equal(password_time_ns_blocking((struct password_work[]){cheap, dear}, 2), (2 * 1300 + 10) * ms);
    assert_int_equal(password_time_ns_blocking((struct password_work[]){dear, cheap}, 2), (2 * 1300 + 10) * ms);
}

static void measures_a_kind_once_and_anew_when_its_hashes_cost_more(void **state)
{
    (void)state;
    struct password_work work = {PASSWORD_BCRYPT, new_amount()};
    (void)password_time_ns_blocking(&work, 1);
    work_count = 0;
    (void)password_time_ns_blocking(&work, 1);
    assert_int_equal(work_count, 0);
    work.amount = new_amount();
    costs_ms[PASSWORD_BCRYPT] = 100;
    assert_int_equal(password_time_ns_blocking(&work, 1), (2 * 100 + 10) * ms);
    assert_int_equal(work_count, 1);
}

static void is_longer_for_ten_minutes_where_a_hash_took_longer(void **state)
{
    (void)state;
    int64_t usual_ns = password_time_ns_blocking(NULL, 0);
    password_time_note(usual_ns, usual_ns); /* in time */
    assert_int_equal(password_time_ns_blocking(NULL, 0), usual_ns);
    password_time_note(7200 * ms, usual_ns);
    assert_int_equal(password_time_ns_blocking(NULL, 0), 9000 * ms);
    password_time_note(8001 * ms, usual_ns); /* and no more than ten seconds */
    assert_int_equal(password_time_ns_blocking(NULL, 0), 10000 * ms);
    clock_ms += 600 * 1000 - 1;
    assert_int_equal(password_time_ns_blocking(NULL, 0), 10000 * ms);
    clock_ms++;
    assert_int_equal(password_time_ns_blocking(NULL, 0), usual_ns);
}

static void a_busy_time_makes_no_dear_hash_shorter(void **state)
{
    (void)state;
    const struct password_work dear = {PASSWORD_PBKDF2_SHA256, new_amount()};
    password_time_note(60 * ms, 50 * ms);
    assert_int_equal(password_time_ns_blocking(NULL, 0), 75 * ms);
    assert_int_equal(password_time_ns_blocking(&dear, 1), (2 * 1300 + 10) * ms);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(is_twice_what_the_dearest_of_the_stores_hashes_and_of_our_own_takes),
        TEST(measures_a_kind_once_and_anew_when_its_hashes_cost_more),
        TEST(is_longer_for_ten_minutes_where_a_hash_took_longer),
        TEST(a_busy_time_makes_no_dear_hash_shorter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
