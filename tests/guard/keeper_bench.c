#include "guard/keeper_bench.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct scripted_ledger *keeper_opened_by_join;
_Atomic int64_t keeper_leapt_ms;
_Atomic int64_t keeper_longest_ms;
atomic_bool keeper_waits_until_woken;

int64_t __real_clock_monotonic_ns(void);
int64_t __wrap_clock_monotonic_ns(void);
int __real_pthread_join(pthread_t thread, void **result);
int __wrap_pthread_join(pthread_t thread, void **result);

int64_t __wrap_clock_monotonic_ns(void)
{
    return __real_clock_monotonic_ns() + atomic_load(&keeper_leapt_ms) * 1000000;
}

int __real_pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex, const struct timespec *until);
int __wrap_pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex, const struct timespec *until);

static pthread_t tester; /* whoever else waits is the keeper */

static int64_t ms_until(const struct timespec *until)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (until->tv_sec - now.tv_sec) * 1000 + (until->tv_nsec - now.tv_nsec) / 1000000;
}

int __wrap_pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex, const struct timespec *until)
{
    if (pthread_equal(pthread_self(), tester))
        return __real_pthread_cond_timedwait(condition, mutex, until);
    if (until->tv_nsec < 0 || until->tv_nsec > 999999999) /* no time: it would not wait at all */
        abort();
    if (ms_until(until) > atomic_load(&keeper_longest_ms))
        atomic_store(&keeper_longest_ms, ms_until(until));
    if (atomic_load(&keeper_waits_until_woken))
        return pthread_cond_wait(condition, mutex);
    int error = __real_pthread_cond_timedwait(condition, mutex, until);
    if (error == ETIMEDOUT && ms_until(until) > 0) /* by another clock: it would never sleep */
        abort();
    return error;
}

void script_set_closed(struct scripted_ledger *script, bool is_closed)
{
    (void)pthread_mutex_lock(&script->lock);
    script->is_closed = is_closed;
    (void)pthread_cond_broadcast(&script->changed);
    (void)pthread_mutex_unlock(&script->lock);
}

int __wrap_pthread_join(pthread_t thread, void **result)
{
    if (keeper_opened_by_join)
        script_set_closed(keeper_opened_by_join, false);
    return __real_pthread_join(thread, result);
}

static enum status keep_blocking(struct nonce_ledger *ledger, const struct nonce_keep *keep,
                                 struct accepted_ranges *ret_ranges)
{
    struct scripted_ledger *script = (struct scripted_ledger *)ledger;
    (void)pthread_mutex_lock(&script->lock);
    struct asked *asked = &script->asked;
    *asked = (struct asked){.wanted_count = keep->wanted_count, .away = keep->away, .has_user = keep->user != NULL};
    (void)snprintf(asked->epoch, sizeof asked->epoch, "%.*s", SLICE_ARGS(keep->epoch));
    memcpy(asked->wanted, keep->wanted, keep->wanted_count * sizeof asked->wanted[0]);
    if (keep->user)
        asked->user = *keep->user;
    script->begun++;
    (void)pthread_cond_broadcast(&script->changed);
    while (script->is_closed)
        (void)pthread_cond_wait(&script->changed, &script->lock);
    bool is_of_e = (script->status_of_e != STATUS_OK || script->e_is_well) && slice_eq(keep->epoch, SLICE("e"));
    enum status status = is_of_e ? script->status_of_e : script->status;
    if (status == STATUS_OK)
        *ret_ranges = script->ranges;
    script->ended++;
    (void)pthread_cond_broadcast(&script->changed);
    (void)pthread_mutex_unlock(&script->lock);
    return status;
}

static enum status leave_blocking(struct nonce_ledger *ledger, struct slice name, struct slice user_id)
{
    struct scripted_ledger *script = (struct scripted_ledger *)ledger;
    assert_slice_equal(name, SLICE("redis"));
    script->left++;
    (void)snprintf(script->left_id, sizeof script->left_id, "%.*s", SLICE_ARGS(user_id));
    return STATUS_OK;
}

struct asked keeper_wait_for(struct keeper_bench *it, const int *number, int at_least)
{
    struct scripted_ledger *script = &it->script;
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_S;
    (void)pthread_mutex_lock(&script->lock);
    int error = 0;
    while (*number < at_least && error == 0)
        error = pthread_cond_timedwait(&script->changed, &script->lock, &until);
    struct asked asked = script->asked;
    bool is_there = *number >= at_least;
    (void)pthread_mutex_unlock(&script->lock);
    assert_true(is_there);
    return asked;
}

int keeper_number_of(struct keeper_bench *it, const int *number)
{
    (void)pthread_mutex_lock(&it->script.lock);
    int now = *number;
    (void)pthread_mutex_unlock(&it->script.lock);
    return now;
}

void keeper_set_status(struct keeper_bench *it, enum status status)
{
    (void)pthread_mutex_lock(&it->script.lock);
    it->script.status = status;
    (void)pthread_mutex_unlock(&it->script.lock);
}

struct nonce_standing keeper_standing(struct keeper_bench *it)
{
    struct nonce_standing standing;
    uint64_t version = 0;
    nonce_keeper_read(it->keeper, &standing, &version);
    return standing;
}

void keeper_wait_for_news(struct keeper_bench *it, uint64_t since)
{
    for (int i = 0; i < PATIENCE_S * 1000 && nonce_keeper_version(it->keeper) == since; i++)
        (void)usleep(1000);
    assert_true(nonce_keeper_version(it->keeper) != since);
}

void keeper_open(struct keeper_bench *it, bool is_shared)
{
    const struct nonce_keeper_options options = {
        .ledger = &it->script.ledger, .name = SLICE("redis"), .clock = &it->clock.clock, .is_shared = is_shared};
    assert_status(nonce_keeper_new(&options, &it->keeper), STATUS_OK);
}

int keeper_setup(void **state)
{
    struct keeper_bench *it = test_calloc(1, sizeof *it);
    tester = pthread_self();
    atomic_store(&keeper_waits_until_woken, false);
    it->script.ledger = (struct nonce_ledger){.keep_blocking = keep_blocking, .leave_blocking = leave_blocking};
    (void)pthread_mutex_init(&it->script.lock, NULL);
    (void)pthread_cond_init(&it->script.changed, NULL);
    accepted_ranges_raise(&it->script.ranges, 100);
    fake_clock_init(&it->clock, NOW_MS);
    it->clock.steady_ms = STEADY_MS;
    it->loop = loop_new(&it->clock.clock, NULL);
    assert_non_null(it->loop);
    *state = it;
    return 0;
}

int keeper_teardown(void **state)
{
    struct keeper_bench *it = *state;
    script_set_closed(&it->script, false);
    nonce_keeper_free(it->keeper);
    loop_free(it->loop);
    test_free(it);
    return 0;
}

void keeper_enter(struct keeper_bench *it, const char *epoch, int64_t second)
{
    struct accepted_ranges ranges = {0};
    accepted_ranges_raise(&ranges, second);
    nonce_keeper_enter(it->keeper, slice_str(epoch), &ranges);
}

void keeper_hold_in_keep(struct keeper_bench *it)
{
    script_set_closed(&it->script, true);
    int begun = keeper_number_of(it, &it->script.begun);
    keeper_enter(it, "e", 1);
    (void)keeper_wait_for(it, &it->script.begun, begun + 1);
}

struct asked keeper_next_asked(struct keeper_bench *it)
{
    int begun = keeper_number_of(it, &it->script.begun);
    script_set_closed(&it->script, false);
    return keeper_wait_for(it, &it->script.begun, begun + 1);
}

bool keeper_refreshes(struct keeper_bench *it, int64_t second)
{
    int ended = keeper_number_of(it, &it->script.ended);
    nonce_keeper_want(it->keeper, second);
    return keeper_wait_for(it, &it->script.ended, ended + 1).has_user;
}
