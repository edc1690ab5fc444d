/* Who keeps the ledger's row (docs/design/nonce-guard.md, rules 1, 3 and 8), on a ledger that answers when and what a
 * test says. */
#include "guard/nonce_keeper.h"

#include "crypto/random.h"
#include "support/test.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_S = 20, WANTED_MAX = 16, USER_PERIOD_MS = 5000 };
#define NOW_MS    INT64_C(1790000000000)
#define STEADY_MS INT64_C(1000000)

/* What was asked with one keep. */
struct asked {
    char epoch[NONCE_EPOCH_ID_BYTES];
    int64_t wanted[WANTED_MAX + 1];
    size_t wanted_count;
    struct second_span away;
    bool has_user;
    struct nonce_user user;
};

struct script {
    struct nonce_ledger ledger; /* first */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* under the lock */
    bool is_closed; /* keeps wait */
    int begun;
    int ended;
    struct asked asked;
    enum status status;
    enum status status_of_e; /* STATUS_OK: as the others */
    struct accepted_ranges ranges;
    int left;
    char left_id[NONCE_EPOCH_ID_BYTES];
};

struct fixture {
    struct script script;
    struct fake_clock clock;
    struct nonce_keeper *keeper;
    struct loop *loop;
};

static struct script *opened_by_join; /* its keeps go on once the keeper is told to stop */

/* Monotonic time, which a test can let leap; and the moment at which the thread is waited for (tests/CMakeLists.txt).
 */
static _Atomic int64_t leapt_ms;
int64_t __real_clock_monotonic_ns(void);
int64_t __wrap_clock_monotonic_ns(void);
int __real_pthread_join(pthread_t thread, void **result);
int __wrap_pthread_join(pthread_t thread, void **result);

int64_t __wrap_clock_monotonic_ns(void)
{
    return __real_clock_monotonic_ns() + atomic_load(&leapt_ms) * 1000000;
}

int __real_pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex, const struct timespec *until);
int __wrap_pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex, const struct timespec *until);

/* Of the keeper: how long it wanted to wait at most, and whether it waits until it is woken, however long that takes.
 */
static pthread_t tester;
static _Atomic int64_t longest_ms;
static atomic_bool waits_until_woken;

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
    if (ms_until(until) > atomic_load(&longest_ms))
        atomic_store(&longest_ms, ms_until(until));
    if (atomic_load(&waits_until_woken))
        return pthread_cond_wait(condition, mutex);
    int error = __real_pthread_cond_timedwait(condition, mutex, until);
    if (error == ETIMEDOUT && ms_until(until) > 0) /* by another clock: it would never sleep */
        abort();
    return error;
}

/* Whether there is no thread to be had. */
static bool has_no_threads;
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *context);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *context);

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *context)
{
    return has_no_threads ? EAGAIN : __real_pthread_create(thread, attributes, run, context);
}

static void set_closed(struct script *script, bool is_closed)
{
    (void)pthread_mutex_lock(&script->lock);
    script->is_closed = is_closed;
    (void)pthread_cond_broadcast(&script->changed);
    (void)pthread_mutex_unlock(&script->lock);
}

int __wrap_pthread_join(pthread_t thread, void **result)
{
    if (opened_by_join)
        set_closed(opened_by_join, false);
    return __real_pthread_join(thread, result);
}

/* Where the boot's id is said to be, and whether a kernel knows no namespaces of clocks. */
static const char *boot_id_path;
static bool has_no_spaces;
ssize_t __real_readlink(const char *path, char *text, size_t size);
ssize_t __wrap_readlink(const char *path, char *text, size_t size);

ssize_t __wrap_readlink(const char *path, char *text, size_t size)
{
    if (!has_no_spaces)
        return __real_readlink(path, text, size);
    memset(text, 'x', size);
    return -1;
}

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);

int __wrap_open(const char *path, int flags, ...)
{
    bool is_of_boot = strcmp(path, "/proc/sys/kernel/random/boot_id") == 0;
    return __real_open(is_of_boot && boot_id_path ? boot_id_path : path, flags);
}

static enum status keep_blocking(struct nonce_ledger *ledger, const struct nonce_keep *keep,
                                 struct accepted_ranges *ret_ranges)
{
    struct script *script = (struct script *)ledger;
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
    bool is_of_e = script->status_of_e != STATUS_OK && slice_eq(keep->epoch, SLICE("e"));
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
    struct script *script = (struct script *)ledger;
    assert_slice_equal(name, SLICE("redis"));
    script->left++;
    (void)snprintf(script->left_id, sizeof script->left_id, "%.*s", SLICE_ARGS(user_id));
    return STATUS_OK;
}

/* Waits until so many keeps have begun, or ended, and returns what the last asked. */
static struct asked wait_for(struct fixture *it, const int *number, int at_least)
{
    struct script *script = &it->script;
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

static int number_of(struct fixture *it, const int *number)
{
    (void)pthread_mutex_lock(&it->script.lock);
    int now = *number;
    (void)pthread_mutex_unlock(&it->script.lock);
    return now;
}

static void set_status(struct fixture *it, enum status status)
{
    (void)pthread_mutex_lock(&it->script.lock);
    it->script.status = status;
    (void)pthread_mutex_unlock(&it->script.lock);
}

static struct nonce_standing standing_of(struct fixture *it)
{
    struct nonce_standing standing;
    uint64_t version = 0;
    nonce_keeper_read(it->keeper, &standing, &version);
    return standing;
}

/* Waits until a change was told. */
static void wait_for_news(struct fixture *it, uint64_t since)
{
    for (int i = 0; i < PATIENCE_S * 1000 && nonce_keeper_version(it->keeper) == since; i++)
        (void)usleep(1000);
    assert_true(nonce_keeper_version(it->keeper) != since);
}

static void open_keeper(struct fixture *it, bool is_shared)
{
    const struct nonce_keeper_options options = {
        .ledger = &it->script.ledger, .name = SLICE("redis"), .clock = &it->clock.clock, .is_shared = is_shared};
    assert_status(nonce_keeper_new(&options, &it->keeper), STATUS_OK);
}

static int setup(void **state)
{
    struct fixture *it = test_calloc(1, sizeof *it);
    tester = pthread_self();
    atomic_store(&waits_until_woken, false);
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

static int teardown(void **state)
{
    struct fixture *it = *state;
    boot_id_path = NULL;
    set_closed(&it->script, false);
    nonce_keeper_free(it->keeper);
    loop_free(it->loop);
    test_free(it);
    return 0;
}

static void enter(struct fixture *it, const char *epoch, int64_t second)
{
    struct accepted_ranges ranges = {0};
    accepted_ranges_raise(&ranges, second);
    nonce_keeper_enter(it->keeper, slice_str(epoch), &ranges);
}

/* In an epoch, and in the middle of a keep. */
static void hold_in_keep(struct fixture *it)
{
    set_closed(&it->script, true);
    int begun = number_of(it, &it->script.begun);
    enter(it, "e", 1);
    (void)wait_for(it, &it->script.begun, begun + 1);
}

/* Lets the one that is under way go on, and returns what the next asks. */
static struct asked next_asked(struct fixture *it)
{
    int begun = number_of(it, &it->script.begun);
    set_closed(&it->script, false);
    return wait_for(it, &it->script.begun, begun + 1);
}

/* ---- what is wanted ---- */

static void what_is_wanted_is_asked_for_once_and_the_answer_told(void **state)
{
    struct fixture *it = *state;
    open_keeper(it, false);
    hold_in_keep(it);
    assert_true(standing_of(it).asked_ms > 0);
    assert_int_equal(standing_of(it).ranges.items[0].low, 1);
    nonce_keeper_want(it->keeper, 100);
    nonce_keeper_want(it->keeper, 100);
    nonce_keeper_want(it->keeper, 101);
    nonce_keeper_want(it->keeper, 0);
    struct asked asked = next_asked(it);
    assert_int_equal(asked.wanted_count, 3);
    assert_true(asked.wanted[0] == 100 && asked.wanted[1] == 101 && asked.wanted[2] == 0);
    assert_false(asked.has_user);
    assert_true(second_span_is_empty(&asked.away));
    for (int i = 0; i < PATIENCE_S * 1000 && standing_of(it).asked_ms; i++)
        (void)usleep(1000);
    assert_int_equal(standing_of(it).asked_ms, 0);
    assert_int_equal(standing_of(it).ranges.items[0].low, 100);
}

static void who_finds_no_room_asks_again_later(void **state)
{
    struct fixture *it = *state;
    open_keeper(it, false);
    hold_in_keep(it);
    for (int64_t second = 1; second <= WANTED_MAX + 4; second++)
        nonce_keeper_want(it->keeper, second);
    struct asked asked = next_asked(it);
    assert_int_equal(asked.wanted_count, WANTED_MAX);
    assert_int_equal(asked.wanted[WANTED_MAX - 1], WANTED_MAX);
}

/* ---- answers ---- */

static void a_failure_is_tried_again_and_an_answer_is_missing_since_the_first(void **state)
{
    struct fixture *it = *state;
    open_keeper(it, false);
    set_status(it, STATUS_STORE_DOWN);
    uint64_t before = nonce_keeper_version(it->keeper);
    nonce_keeper_want(it->keeper, 100);
    enter(it, "e", 1);
    (void)wait_for(it, &it->script.begun, 1);
    int64_t asked_ms = standing_of(it).asked_ms;
    assert_true(asked_ms > 0);
    struct asked asked = wait_for(it, &it->script.begun, 4);
    assert_int_equal(asked.wanted_count, 0); /* whoever wants it still asks again */
    assert_int_equal(standing_of(it).asked_ms, asked_ms);
    assert_int_equal(standing_of(it).ranges.items[0].low, 1);
    assert_true(nonce_keeper_version(it->keeper) >= before + 4); /* each attempt is told */
    set_status(it, STATUS_OK);
    for (int i = 0; i < PATIENCE_S * 1000 && standing_of(it).asked_ms; i++)
        (void)usleep(1000);
    assert_int_equal(standing_of(it).ranges.items[0].low, 100);
}

static void where_another_epoch_is_in_force_none_is_entered(void **state)
{
    struct fixture *it = *state;
    open_keeper(it, false);
    hold_in_keep(it);
    set_status(it, STATUS_CONFLICT);
    uint64_t before = nonce_keeper_version(it->keeper);
    set_closed(&it->script, false);
    wait_for_news(it, before);
    assert_string_equal(standing_of(it).epoch, "");
    assert_int_equal(standing_of(it).asked_ms, 0);
    set_status(it, STATUS_OK);
    enter(it, "f", 1);
    struct asked asked = wait_for(it, &it->script.begun, 2);
    assert_string_equal(asked.epoch, "f");
}

/* The epoch was entered while the ledger was asked under the one before. */
static void an_answer_under_another_epoch_is_none(void **state)
{
    static const enum status answers[] = {STATUS_CONFLICT, STATUS_OK};
    struct fixture *it = *state;
    open_keeper(it, false);
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        hold_in_keep(it);
        it->script.status_of_e = answers[i];
        it->script.status = answers[i] == STATUS_OK ? STATUS_OK : STATUS_STORE_DOWN;
        enter(it, "f", 500);
        struct asked asked = next_asked(it);
        if (answers[i] == STATUS_CONFLICT) {
            assert_string_equal(asked.epoch, "f");
            assert_string_equal(standing_of(it).epoch, "f");
        }
        set_status(it, STATUS_OK);
    }
}

static void ranges_of_another_epoch_are_not_taken(void **state)
{
    struct fixture *it = *state;
    open_keeper(it, false);
    hold_in_keep(it);
    enter(it, "f", 500);
    uint64_t before = nonce_keeper_version(it->keeper);
    (void)pthread_mutex_lock(&it->script.lock);
    int begun = it->script.begun;
    it->script.is_closed = false; /* for the one that is under way, and closed again before the next */
    (void)pthread_cond_broadcast(&it->script.changed);
    (void)pthread_mutex_unlock(&it->script.lock);
    set_status(it, STATUS_STORE_DOWN);
    (void)wait_for(it, &it->script.begun, begun + 1);
    wait_for_news(it, before);
    assert_string_equal(standing_of(it).epoch, "f");
    assert_int_equal(standing_of(it).ranges.items[0].low, 500);
}

/* ---- the user's row (rule 8) ---- */

static void a_process_among_others_has_a_row_of_its_own(void **state)
{
    struct fixture *it = *state;
    open_keeper(it, true);
    enter(it, "e", 1);
    assert_false(wait_for(it, &it->script.ended, 1).has_user); /* what time it is there is not known */
    int ended = number_of(it, &it->script.ended);
    it->clock.steady_ms = STEADY_MS + 30;
    nonce_keeper_tell_clock(it->keeper, NOW_MS - 500);
    it->clock.steady_ms = STEADY_MS + 100;
    nonce_keeper_want(it->keeper, 1);
    struct asked asked = wait_for(it, &it->script.ended, ended + 1);
    assert_true(asked.has_user);
    assert_int_equal(asked.user.steady_ms, STEADY_MS + 100);
    assert_int_equal(asked.user.clock_ms, NOW_MS - 500 + 70);
    assert_int_equal(strlen(asked.user.id), NONCE_EPOCH_ID_BYTES - 1);
    assert_string_equal(asked.user.machine, nonce_keeper_machine(it->keeper));
    for (int i = 0; i < PATIENCE_S * 1000 && !standing_of(it).noted_clock_ms; i++)
        (void)usleep(1000);
    struct nonce_standing standing = standing_of(it);
    assert_int_equal(standing.noted_clock_ms, asked.user.clock_ms);
    assert_int_equal(standing.noted_steady_ms, asked.user.steady_ms);
    assert_int_equal(standing.floor_clock_ms, asked.user.clock_ms);
}

static void a_process_alone_has_none(void **state)
{
    struct fixture *it = *state;
    open_keeper(it, false);
    nonce_keeper_tell_clock(it->keeper, NOW_MS);
    enter(it, "e", 1);
    assert_false(wait_for(it, &it->script.ended, 1).has_user);
    nonce_keeper_stop(it->keeper);
    assert_int_equal(it->script.left, 0);
}

/* Runs one more keep, and tells whether it wrote the row. */
static bool refreshes(struct fixture *it, int64_t second)
{
    int ended = number_of(it, &it->script.ended);
    nonce_keeper_want(it->keeper, second);
    return wait_for(it, &it->script.ended, ended + 1).has_user;
}

static void the_row_is_written_every_five_seconds_and_in_each_epoch(void **state)
{
    struct fixture *it = *state;
    open_keeper(it, true);
    nonce_keeper_tell_clock(it->keeper, NOW_MS);
    enter(it, "e", 1);
    assert_true(wait_for(it, &it->script.ended, 1).has_user);
    assert_false(refreshes(it, 2));
    atomic_fetch_add(&leapt_ms, USER_PERIOD_MS - 1500);
    assert_false(refreshes(it, 3));
    atomic_fetch_add(&leapt_ms, 1500);
    assert_true(refreshes(it, 4));
    assert_false(refreshes(it, 5));
    int ended = number_of(it, &it->script.ended);
    enter(it, "f", 1);
    assert_true(wait_for(it, &it->script.ended, ended + 1).has_user);
}

/* Others guard from the row's clock on, which may be either. */
static void while_a_write_is_in_doubt_the_row_is_left_alone(void **state)
{
    struct fixture *it = *state;
    open_keeper(it, true);
    set_status(it, STATUS_STORE_DOWN);
    nonce_keeper_tell_clock(it->keeper, NOW_MS);
    enter(it, "e", 1);
    assert_true(wait_for(it, &it->script.begun, 1).has_user);
    assert_int_equal(standing_of(it).floor_clock_ms, NOW_MS);
    it->clock.steady_ms += 2000;
    assert_false(wait_for(it, &it->script.begun, 3).has_user);
    assert_int_equal(standing_of(it).floor_clock_ms, NOW_MS);
    assert_int_equal(standing_of(it).noted_clock_ms, 0);
    int begun = number_of(it, &it->script.begun);
    set_status(it, STATUS_OK);
    for (int i = begun + 1; i < begun + 20; i++)
        if (wait_for(it, &it->script.ended, i).has_user)
            break;
    for (int i = 0; i < PATIENCE_S * 1000 && !standing_of(it).noted_clock_ms; i++)
        (void)usleep(1000);
    assert_int_equal(standing_of(it).noted_clock_ms, NOW_MS + 2000);
}

/* ---- what was accepted without the ledger (rule 8) ---- */

static void what_was_accepted_without_is_told_until_it_is_written(void **state)
{
    struct fixture *it = *state;
    open_keeper(it, false);
    hold_in_keep(it);
    nonce_keeper_note_away(it->keeper, 10);
    nonce_keeper_note_away(it->keeper, 8);
    nonce_keeper_note_away(it->keeper, 12);
    nonce_keeper_note_away(it->keeper, 9);
    nonce_keeper_want(it->keeper, 1);
    struct asked asked = next_asked(it);
    assert_true(asked.away.low == 8 && asked.away.high == 12);
    int ended = number_of(it, &it->script.ended);
    nonce_keeper_want(it->keeper, 2);
    (void)wait_for(it, &it->script.ended, ended + 1);
    nonce_keeper_want(it->keeper, 3);
    asked = wait_for(it, &it->script.ended, ended + 2);
    assert_true(second_span_is_empty(&asked.away));
}

static void what_was_accepted_while_it_was_told_is_told_again(void **state)
{
    static const struct second_span spans[] = {{8, 20}, {3, 8}}; /* later than what is told, and earlier */
    struct fixture *it = *state;
    for (size_t i = 0; i < COUNT_OF(spans); i++) {
        open_keeper(it, false);
        nonce_keeper_note_away(it->keeper, 8);
        hold_in_keep(it);
        nonce_keeper_note_away(it->keeper, spans[i].low == 8 ? spans[i].high : spans[i].low);
        nonce_keeper_want(it->keeper, 1);
        struct asked asked = next_asked(it);
        assert_true(asked.away.low == spans[i].low && asked.away.high == spans[i].high);
        nonce_keeper_free(it->keeper);
        it->keeper = NULL;
    }
}

static void what_could_not_be_told_is_told_again(void **state)
{
    struct fixture *it = *state;
    open_keeper(it, false);
    set_status(it, STATUS_STORE_DOWN);
    nonce_keeper_note_away(it->keeper, 8);
    enter(it, "e", 1);
    struct asked asked = wait_for(it, &it->script.ended, 3);
    assert_true(asked.away.low == 8 && asked.away.high == 8);
}

/* ---- the end ---- */

/* Has a row, and nothing more to say. */
static void settle_row(struct fixture *it)
{
    open_keeper(it, true);
    nonce_keeper_tell_clock(it->keeper, NOW_MS);
    enter(it, "e", 1);
    for (int i = 0; i < PATIENCE_S * 1000 && !standing_of(it).noted_clock_ms; i++)
        (void)usleep(1000);
    assert_true(standing_of(it).noted_clock_ms);
}

static void a_clean_stop_takes_the_row_out(void **state)
{
    struct fixture *it = *state;
    settle_row(it);
    char id[NONCE_EPOCH_ID_BYTES];
    (void)snprintf(id, sizeof id, "%s", it->script.asked.user.id);
    nonce_keeper_stop(it->keeper);
    assert_int_equal(it->script.left, 1);
    assert_true(strlen(it->script.left_id) == NONCE_EPOCH_ID_BYTES - 1);
    nonce_keeper_stop(it->keeper);
    assert_int_equal(it->script.left, 1);
}

static void what_was_accepted_without_is_written_before_the_row_is_taken_out(void **state)
{
    struct fixture *it = *state;
    settle_row(it);
    atomic_fetch_add(&leapt_ms, USER_PERIOD_MS); /* though the row would be due */
    nonce_keeper_note_away(it->keeper, 8);
    nonce_keeper_stop(it->keeper);
    assert_true(it->script.asked.away.low == 8 && it->script.asked.away.high == 8);
    assert_int_equal(it->script.left, 1);
}

/* Else nobody would guard it. */
static void where_that_cannot_be_written_the_row_stays(void **state)
{
    struct fixture *it = *state;
    settle_row(it);
    set_status(it, STATUS_STORE_DOWN);
    nonce_keeper_note_away(it->keeper, 8);
    nonce_keeper_stop(it->keeper);
    assert_true(it->script.asked.away.low == 8 && !it->script.asked.has_user);
    assert_int_equal(it->script.left, 0);
}

static void without_a_row_there_is_nothing_to_take_out(void **state)
{
    struct fixture *it = *state;
    open_keeper(it, true);
    nonce_keeper_note_away(it->keeper, 8);
    nonce_keeper_stop(it->keeper);
    assert_int_equal(it->script.begun, 0);
    assert_int_equal(it->script.left, 0);
}

/* ---- jobs ---- */

struct job {
    struct nonce_job job; /* first */
    struct fixture *fixture;
    atomic_int runs;
    atomic_int dones;
    _Atomic pthread_t runner;
    _Atomic pthread_t finisher;
    int order;
    bool waits;       /* as a keep does */
    struct job *next; /* is queued while this one runs */
    bool has_signals;
};

static atomic_int order;

static void run(struct nonce_job *base, struct nonce_ledger *ledger)
{
    struct job *job = (struct job *)base;
    struct script *script = &job->fixture->script;
    sigset_t blocked;
    assert_ptr_equal(ledger, &script->ledger);
    (void)pthread_sigmask(SIG_BLOCK, NULL, &blocked);
    job->has_signals = !sigismember(&blocked, SIGTERM) || !sigismember(&blocked, SIGHUP);
    job->order = atomic_fetch_add(&order, 1);
    atomic_store(&job->runner, pthread_self());
    (void)pthread_mutex_lock(&script->lock);
    script->begun += job->waits;
    (void)pthread_cond_broadcast(&script->changed);
    while (job->waits && script->is_closed)
        (void)pthread_cond_wait(&script->changed, &script->lock);
    (void)pthread_mutex_unlock(&script->lock);
    if (job->next)
        nonce_keeper_start(job->fixture->keeper, &job->next->job);
    atomic_fetch_add(&job->runs, 1);
}

static void done(struct nonce_job *base)
{
    struct job *job = (struct job *)base;
    atomic_store(&job->finisher, pthread_self());
    atomic_fetch_add(&job->dones, 1);
}

static void start(struct fixture *it, struct job *job, bool is_of_loop)
{
    *job =
        (struct job){.job = {.run_blocking = run, .done = done, .loop = is_of_loop ? it->loop : NULL, .was_run = true},
                     .fixture = it};
    nonce_keeper_start(it->keeper, &job->job);
}

static void wait_until(atomic_int *number)
{
    for (int i = 0; i < PATIENCE_S * 1000 && atomic_load(number) == 0; i++)
        (void)usleep(1000);
    assert_int_equal(atomic_load(number), 1);
}

static void wait_until_delivered(struct fixture *it, struct job *job)
{
    for (int i = 0; i < PATIENCE_S * 1000 && atomic_load(&job->dones) == 0; i++, (void)usleep(1000))
        (void)loop_settle(it->loop);
    assert_int_equal(atomic_load(&job->dones), 1);
}

static void jobs_run_in_their_order_and_come_back_to_their_loops(void **state)
{
    struct fixture *it = *state;
    static struct job jobs[3];
    sigset_t mine;
    open_keeper(it, false);
    hold_in_keep(it);
    for (size_t i = 0; i < COUNT_OF(jobs); i++)
        start(it, &jobs[i], i != 1);
    set_closed(&it->script, false);
    for (size_t i = 0; i < COUNT_OF(jobs); i++)
        wait_until(&jobs[i].runs);
    wait_until(&jobs[1].dones); /* of no loop */
    assert_true(atomic_load(&jobs[1].finisher) == atomic_load(&jobs[1].runner));
    assert_int_equal(atomic_load(&jobs[0].dones), 0);
    wait_until_delivered(it, &jobs[2]);
    assert_int_equal(atomic_load(&jobs[0].dones), 1);
    assert_true(jobs[0].order < jobs[1].order && jobs[1].order < jobs[2].order);
    for (size_t i = 0; i < COUNT_OF(jobs); i++) {
        assert_true(jobs[i].job.was_run);
        assert_false(pthread_equal(atomic_load(&jobs[i].runner), pthread_self()));
        assert_false(jobs[i].has_signals); /* they are the first loop's business */
    }
    (void)pthread_sigmask(SIG_BLOCK, NULL, &mine);
    assert_false(sigismember(&mine, SIGTERM));
    start(it, &jobs[0], true); /* and the queue begins anew */
    wait_until_delivered(it, &jobs[0]);
}

static void a_job_that_is_queued_while_another_runs_comes_behind_those_that_wait(void **state)
{
    struct fixture *it = *state;
    static struct job jobs[3];
    open_keeper(it, false);
    hold_in_keep(it);
    start(it, &jobs[0], false);
    start(it, &jobs[1], false);
    jobs[2] = (struct job){.job = {.run_blocking = run, .done = done}, .fixture = it};
    jobs[0].next = &jobs[2];
    set_closed(&it->script, false);
    for (size_t i = 0; i < COUNT_OF(jobs); i++)
        wait_until(&jobs[i].dones);
    assert_true(jobs[0].order < jobs[1].order && jobs[1].order < jobs[2].order);
}

static void a_queued_job_that_is_cancelled_is_handed_back_at_once(void **state)
{
    struct fixture *it = *state;
    static struct job jobs[4];
    open_keeper(it, false);
    hold_in_keep(it);
    for (size_t i = 0; i < COUNT_OF(jobs); i++)
        start(it, &jobs[i], true);
    nonce_keeper_cancel(it->keeper, &jobs[1].job); /* from the middle, and the last */
    nonce_keeper_cancel(it->keeper, &jobs[3].job);
    assert_int_equal(atomic_load(&jobs[1].dones), 1);
    assert_int_equal(atomic_load(&jobs[3].dones), 1);
    assert_false(jobs[1].job.was_run);
    start(it, &jobs[3], true);
    set_closed(&it->script, false);
    wait_until_delivered(it, &jobs[3]);
    assert_true(atomic_load(&jobs[0].dones) == 1 && atomic_load(&jobs[2].dones) == 1);
    assert_true(jobs[0].job.was_run && jobs[2].job.was_run && jobs[3].job.was_run);
    assert_int_equal(atomic_load(&jobs[1].runs), 0);
}

/* Its loop may be gone by the time it is done. */
static void a_running_job_that_is_cancelled_is_handed_back_on_the_keepers_thread(void **state)
{
    struct fixture *it = *state;
    static struct job job;
    open_keeper(it, false);
    set_closed(&it->script, true);
    job = (struct job){.job = {.run_blocking = run, .done = done, .loop = it->loop}, .fixture = it, .waits = true};
    nonce_keeper_start(it->keeper, &job.job);
    (void)wait_for(it, &it->script.begun, 1);
    nonce_keeper_cancel(it->keeper, &job.job);
    assert_int_equal(atomic_load(&job.dones), 0);
    set_closed(&it->script, false);
    wait_until(&job.dones);
    assert_true(atomic_load(&job.finisher) == atomic_load(&job.runner));
}

/* One that is on its way to its loop already arrives there. */
static void a_job_that_was_run_is_delivered_though_it_is_cancelled(void **state)
{
    struct fixture *it = *state;
    static struct job jobs[2];
    open_keeper(it, false);
    start(it, &jobs[0], true);
    start(it, &jobs[1], false);
    wait_until(&jobs[1].dones);
    nonce_keeper_cancel(it->keeper, &jobs[0].job);
    assert_int_equal(atomic_load(&jobs[0].dones), 0);
    (void)loop_settle(it->loop);
    assert_int_equal(atomic_load(&jobs[0].dones), 1);
    assert_true(pthread_equal(atomic_load(&jobs[0].finisher), pthread_self()));
    nonce_keeper_cancel(it->keeper, &jobs[1].job); /* the last that ran, and is over */
    assert_false(jobs[0].job.is_cancelled || jobs[1].job.is_cancelled);
}

static void jobs_that_were_not_run_at_the_end_are_handed_back(void **state)
{
    struct fixture *it = *state;
    static struct job jobs[2];
    open_keeper(it, false);
    hold_in_keep(it);
    start(it, &jobs[0], true);
    start(it, &jobs[1], false);
    opened_by_join = &it->script;
    nonce_keeper_stop(it->keeper);
    opened_by_join = NULL;
    assert_int_equal(atomic_load(&jobs[1].dones), 1);
    assert_int_equal(atomic_load(&jobs[0].dones), 0);
    (void)loop_settle(it->loop);
    assert_int_equal(atomic_load(&jobs[0].dones), 1);
    assert_true(!jobs[0].job.was_run && !jobs[1].job.was_run);
    assert_int_equal(atomic_load(&jobs[0].runs) + atomic_load(&jobs[1].runs), 0);
}

/* ---- what it waits for, and what it does not ---- */

static void nothing_is_asked_before_an_epoch_is_entered(void **state)
{
    struct fixture *it = *state;
    static struct job job;
    open_keeper(it, true);
    nonce_keeper_want(it->keeper, 7);
    nonce_keeper_tell_clock(it->keeper, NOW_MS);
    for (int i = 0; i < 5; i++) { /* so it has looked what there is to do */
        start(it, &job, false);
        wait_until(&job.dones);
    }
    assert_int_equal(number_of(it, &it->script.begun), 0);
    assert_string_equal(standing_of(it).epoch, "");
    enter(it, "e", 1);
    assert_string_equal(standing_of(it).epoch, "e");
    assert_int_equal(standing_of(it).ranges.count, 1);
    struct asked asked = wait_for(it, &it->script.begun, 1);
    assert_string_equal(asked.epoch, "e");
    assert_int_equal(asked.wanted_count, 1);
    assert_int_equal(asked.wanted[0], 7);
}

static int64_t real_ms(void)
{
    return __real_clock_monotonic_ns() / 1000000;
}

/* Without anybody's wanting anything: an epoch that others declared shows within a second. And not more often, alone or
 * among others, whether the store's clock is known or not. */
static void the_ledger_is_asked_each_second(void **state)
{
    struct fixture *it = *state;
    for (int kind = 0; kind < 4; kind++) {
        open_keeper(it, kind & 1);
        if (kind & 2)
            nonce_keeper_tell_clock(it->keeper, NOW_MS);
        int ended = number_of(it, &it->script.ended);
        int64_t begin_ms = real_ms();
        atomic_store(&longest_ms, 0);
        enter(it, "e", 1);
        assert_int_equal(wait_for(it, &it->script.ended, ended + 3).wanted_count, 0);
        assert_in_range(atomic_load(&longest_ms), 300, 1000); /* it sleeps meanwhile */
        assert_in_range(real_ms() - begin_ms, 1000, PATIENCE_S * 1000);
        nonce_keeper_free(it->keeper);
        it->keeper = NULL;
    }
}

static void a_failure_is_tried_again_sooner_than_that(void **state)
{
    struct fixture *it = *state;
    open_keeper(it, false);
    set_status(it, STATUS_STORE_DOWN);
    enter(it, "e", 1);
    (void)wait_for(it, &it->script.ended, 1);
    atomic_store(&longest_ms, 0);
    (void)wait_for(it, &it->script.ended, 5);
    assert_in_range(atomic_load(&longest_ms), 1, 100);
}

/* Whoever wants something waits for the ledger, and not for the end of a second. */
static void what_is_new_is_looked_at_at_once(void **state)
{
    struct fixture *it = *state;
    static struct job job;
    open_keeper(it, true);
    nonce_keeper_tell_clock(it->keeper, NOW_MS);
    atomic_store(&waits_until_woken, true);
    for (int i = 0; i < 5; i++) {
        int begun = number_of(it, &it->script.begun);
        enter(it, "e", 1);
        (void)wait_for(it, &it->script.ended, begun + 1);
        (void)refreshes(it, i);
        start(it, &job, false);
        wait_until(&job.dones);
    }
    nonce_keeper_stop(it->keeper);
    atomic_store(&waits_until_woken, false);
}

/* ---- listeners ---- */

static void on_change(void *context)
{
    ++*(int *)context;
}

static void each_listener_hears_of_changes_on_its_loop(void **state)
{
    struct fixture *it = *state;
    int heard[3] = {0};
    struct nonce_listener *listeners[3];
    open_keeper(it, false);
    for (size_t i = 0; i < COUNT_OF(listeners); i++) {
        listeners[i] = nonce_keeper_listen(it->keeper, it->loop, on_change, &heard[i]);
        assert_non_null(listeners[i]);
    }
    enter(it, "", 1);
    enter(it, "", 2);
    assert_int_equal(heard[0], 0);
    (void)loop_settle(it->loop);
    assert_true(heard[0] == 1 && heard[1] == 1 && heard[2] == 1); /* of both at once */
    enter(it, "", 3);
    (void)loop_settle(it->loop);
    assert_true(heard[0] == 2 && heard[1] == 2 && heard[2] == 2);
    struct nonce_standing standing;
    uint64_t version = 0;
    nonce_keeper_read(it->keeper, &standing, &version);
    assert_true(version > 0 && version == nonce_keeper_version(it->keeper));
    enter(it, "", 4);
    nonce_keeper_unlisten(listeners[1]); /* while a message is under way, which frees it */
    (void)loop_settle(it->loop);
    assert_true(heard[0] == 3 && heard[1] == 2 && heard[2] == 3);
    nonce_keeper_unlisten(listeners[0]);
    enter(it, "", 5);
    (void)loop_settle(it->loop);
    assert_true(heard[0] == 3 && heard[1] == 2 && heard[2] == 4);
    enter(it, "", 5);
    enter(it, "", 6); /* while the message of the other is under way */
    (void)loop_settle(it->loop);
    assert_int_equal(heard[2], 5);
    nonce_keeper_unlisten(listeners[2]);
    nonce_keeper_unlisten(NULL);
    enter(it, "", 6);
    (void)loop_settle(it->loop);
    assert_int_equal(heard[2], 5);
}

/* ---- who and where ---- */

static void a_machine_is_named_by_its_boot_and_the_namespace_of_its_clock(void **state)
{
    struct fixture *it = *state;
    char boot[64] = "";
    char space[64] = "";
    char expected[160];
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "r");
    assert_non_null(file);
    assert_non_null(fgets(boot, sizeof boot, file));
    (void)fclose(file);
    boot[strcspn(boot, "\n")] = '\0';
    (void)!readlink("/proc/self/ns/time", space, sizeof space - 1);
    (void)snprintf(expected, sizeof expected, "%s %s", boot, space);
    open_keeper(it, true);
    assert_string_equal(nonce_keeper_machine(it->keeper), expected);
}

static void a_kernel_without_namespaces_of_clocks_has_its_boot_alone(void **state)
{
    struct fixture *it = *state;
    char machine[NONCE_MACHINE_BYTES];
    open_keeper(it, true);
    (void)snprintf(machine, sizeof machine, "%s", nonce_keeper_machine(it->keeper));
    nonce_keeper_free(it->keeper);
    has_no_spaces = true;
    open_keeper(it, true);
    has_no_spaces = false;
    machine[strcspn(machine, " ") + 1] = '\0';
    assert_string_equal(nonce_keeper_machine(it->keeper), machine);
}

static void without_randomness_there_is_no_keeper(void **state)
{
    struct fixture *it = *state;
    const struct nonce_keeper_options options = {
        .ledger = &it->script.ledger, .name = SLICE("redis"), .clock = &it->clock.clock};
    random_fail_next(1);
    assert_status(nonce_keeper_new(&options, &it->keeper), STATUS_NO_RANDOMNESS);
    assert_null(it->keeper);
}

static void without_a_thread_there_is_no_keeper(void **state)
{
    struct fixture *it = *state;
    const struct nonce_keeper_options options = {
        .ledger = &it->script.ledger, .name = SLICE("redis"), .clock = &it->clock.clock};
    sigset_t mine;
    has_no_threads = true;
    enum status status = nonce_keeper_new(&options, &it->keeper);
    has_no_threads = false;
    assert_status(status, STATUS_NO_MEMORY);
    assert_null(it->keeper);
    (void)pthread_sigmask(SIG_BLOCK, NULL, &mine);
    assert_false(sigismember(&mine, SIGTERM));
}

/* The next attempt that writes the user's row: one that began before the clock was told has none. */
static struct asked wait_for_user(struct fixture *it, int begun)
{
    struct asked asked = {0};
    while (!asked.has_user)
        asked = wait_for(it, &it->script.begun, ++begun);
    return asked;
}

/* Rule 8 compares steady clocks of one machine: those of two that have no name must never be taken for one's. */
static void a_machine_that_cannot_be_named_is_like_no_other(void **state)
{
    struct fixture *it = *state;
    char first[NONCE_MACHINE_BYTES];
    boot_id_path = "/nowhere";
    for (int i = 0; i < 2; i++) {
        open_keeper(it, true);
        nonce_keeper_tell_clock(it->keeper, NOW_MS);
        enter(it, "e", 1);
        int begun = number_of(it, &it->script.begun);
        nonce_keeper_want(it->keeper, i + 1);
        struct asked asked = wait_for_user(it, begun);
        assert_memory_equal(asked.user.machine, asked.user.id, NONCE_EPOCH_ID_BYTES - 1);
        assert_int_equal(asked.user.machine[NONCE_EPOCH_ID_BYTES - 1], ' ');
        if (i == 0)
            (void)snprintf(first, sizeof first, "%s", asked.user.machine);
        else
            assert_string_not_equal(asked.user.machine, first);
        nonce_keeper_free(it->keeper);
        it->keeper = NULL;
    }
    boot_id_path = "/dev/null"; /* there, and empty */
    open_keeper(it, true);
    assert_memory_not_equal(nonce_keeper_machine(it->keeper), first, NONCE_EPOCH_ID_BYTES - 1);
    assert_int_equal(nonce_keeper_machine(it->keeper)[NONCE_EPOCH_ID_BYTES - 1], ' ');
}

static void naming_a_machine_leaves_no_descriptor_open(void **state)
{
    struct fixture *it = *state;
    int before = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_true(before >= 0);
    (void)close(before);
    open_keeper(it, true);
    int after = open("/dev/null", O_RDONLY | O_CLOEXEC);
    (void)close(after);
    assert_int_equal(after, before); /* the lowest that is free */
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_is_asked_before_an_epoch_is_entered),
        TEST(what_is_wanted_is_asked_for_once_and_the_answer_told),
        TEST(who_finds_no_room_asks_again_later),
        TEST(a_failure_is_tried_again_and_an_answer_is_missing_since_the_first),
        TEST(where_another_epoch_is_in_force_none_is_entered),
        TEST(an_answer_under_another_epoch_is_none),
        TEST(ranges_of_another_epoch_are_not_taken),
        TEST(a_process_among_others_has_a_row_of_its_own),
        TEST(a_process_alone_has_none),
        TEST(the_row_is_written_every_five_seconds_and_in_each_epoch),
        TEST(while_a_write_is_in_doubt_the_row_is_left_alone),
        TEST(what_was_accepted_without_is_told_until_it_is_written),
        TEST(what_was_accepted_while_it_was_told_is_told_again),
        TEST(what_could_not_be_told_is_told_again),
        TEST(a_clean_stop_takes_the_row_out),
        TEST(what_was_accepted_without_is_written_before_the_row_is_taken_out),
        TEST(where_that_cannot_be_written_the_row_stays),
        TEST(without_a_row_there_is_nothing_to_take_out),
        TEST(jobs_run_in_their_order_and_come_back_to_their_loops),
        TEST(a_job_that_is_queued_while_another_runs_comes_behind_those_that_wait),
        TEST(a_queued_job_that_is_cancelled_is_handed_back_at_once),
        TEST(a_running_job_that_is_cancelled_is_handed_back_on_the_keepers_thread),
        TEST(a_job_that_was_run_is_delivered_though_it_is_cancelled),
        TEST(jobs_that_were_not_run_at_the_end_are_handed_back),
        TEST(the_ledger_is_asked_each_second),
        TEST(a_failure_is_tried_again_sooner_than_that),
        TEST(what_is_new_is_looked_at_at_once),
        TEST(each_listener_hears_of_changes_on_its_loop),
        TEST(a_machine_is_named_by_its_boot_and_the_namespace_of_its_clock),
        TEST(a_machine_that_cannot_be_named_is_like_no_other),
        TEST(a_kernel_without_namespaces_of_clocks_has_its_boot_alone),
        TEST(without_randomness_there_is_no_keeper),
        TEST(without_a_thread_there_is_no_keeper),
        TEST(naming_a_machine_leaves_no_descriptor_open),
    };
    return cmocka_run_group_tests_name("nonce_keeper", tests, NULL, NULL);
}
