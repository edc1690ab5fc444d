/* What restarts and clocks do to the nonces in the memory of a process (docs/design/nonce-guard.md). */
#include "base/buf.h"
#include "ephemeral/ephemeral.h"
#include "ephemeral/nonce_set.h"
#include "guard/nonce_ledger.h"
#include "loop/observer.h"
#include "support/contract_ephemeral.h"
#include "support/durable_bench.h"
#include "support/test.h"
#include "support/watch.h"

#include <stdio.h>
#include <unistd.h>

static struct ephemeral_store *open_memory(const struct ephemeral_options *options)
{
    struct ephemeral_store *store = NULL;
    struct buf why = BUF_INIT;
    assert_status(ephemeral_open_blocking(SLICE("memory:"), options, &why, &store), STATUS_OK);
    buf_done(&why);
    return store;
}

/* What happens just before a nonce is put into the set, once (tests/CMakeLists.txt). */
static void (*before_add)(void);
enum status __real_nonce_set_add(struct nonce_set *set, int64_t timestamp_s, uint64_t hash, int64_t now_s);
enum status __wrap_nonce_set_add(struct nonce_set *set, int64_t timestamp_s, uint64_t hash, int64_t now_s);

enum status __wrap_nonce_set_add(struct nonce_set *set, int64_t timestamp_s, uint64_t hash, int64_t now_s)
{
    void (*before)(void) = before_add;
    before_add = NULL;
    if (before)
        before();
    return __real_nonce_set_add(set, timestamp_s, hash, now_s);
}

/* Monotonic time, which a test can let leap. */
static _Atomic int64_t leapt_ms;
int64_t __real_clock_monotonic_ns(void);
int64_t __wrap_clock_monotonic_ns(void);

int64_t __wrap_clock_monotonic_ns(void)
{
    return __real_clock_monotonic_ns() + atomic_load(&leapt_ms) * 1000000;
}

/* Which draw of randomness fails from now on; 1: the next, 0: none. */
static int random_fails_at;
enum status __real_random_bytes(void *out, size_t len);
enum status __wrap_random_bytes(void *out, size_t len);

enum status __wrap_random_bytes(void *out, size_t len)
{
    return random_fails_at > 0 && --random_fails_at == 0 ? STATUS_NO_RANDOMNESS : __real_random_bytes(out, len);
}

/* A ledger that answers once the keeper was told to stop. */
static atomic_bool *closed_until_join;
int __real_pthread_join(pthread_t thread, void **result);
int __wrap_pthread_join(pthread_t thread, void **result);

int __wrap_pthread_join(pthread_t thread, void **result)
{
    if (closed_until_join)
        atomic_store(closed_until_join, false);
    return __real_pthread_join(thread, result);
}

enum { SKEW_S = BENCH_SKEW_MS / 1000, LEAD_S = BENCH_LEAD_MS / 1000 };

/* A service that is started and stopped on one ledger. */
struct service {
    struct durable_bench durable;
    struct durable_nonce_ledger ledger;
    struct ephemeral_options options;
    struct ephemeral_store *store;
    struct ephemeral *view;
    struct asking asking;
};

static void start(struct service *service)
{
    service->store = open_memory(&service->options);
    assert_status(ephemeral_view_new(service->store, service->asking.loop, &service->view), STATUS_OK);
}

static void crash(struct service *service)
{
    ephemeral_view_free(service->view);
    ephemeral_store_free(service->store);
}

static void stop(struct service *service)
{
    assert_status(ephemeral_save_blocking(service->store), STATUS_OK);
    crash(service);
}

static int setup(void **state)
{
    struct service *service = test_calloc(1, sizeof *service);
    durable_bench_init(&service->durable, &durable_sqlite);
    durable_nonce_ledger_init(&service->ledger, &service->durable.db);
    service->durable.clock.steady_ms = 5000000; /* not since 1970, as it seldom is */
    service->options = (struct ephemeral_options){
        .clock = &service->durable.clock.clock,
        .skew_ms = BENCH_SKEW_MS,
        .lead_ms = BENCH_LEAD_MS,
        .temp_ttl_ms = BENCH_TEMP_TTL_MS,
        .ledger = &service->ledger.ledger,
        .ledger_name = SLICE("memory:test"),
    };
    asking_init(&service->asking, &service->durable.clock.clock);
    *state = service;
    return 0;
}

static int teardown(void **state)
{
    struct service *service = *state;
    asking_done(&service->asking);
    durable_bench_done(&service->durable);
    test_free(service);
    return 0;
}

static int64_t now_s(const struct service *service)
{
    return service->durable.clock.wall_ms / 1000;
}

static void pass_s(struct service *service, int64_t seconds)
{
    fake_clock_advance(&service->durable.clock, seconds * 1000);
}

static enum status spend(struct service *service, int64_t timestamp_s, const char *text)
{
    struct nonce nonce = {SLICE("acme"), SLICE("token"), timestamp_s, slice_str(text)};
    ephemeral_nonce_spend_start(service->view, &nonce, asking_ticket(&service->asking));
    return asking_wait(&service->asking, NULL);
}

/* ---- restarts ---- */

static void the_first_start_needs_no_guard(void **state)
{
    struct service *service = *state;
    start(service);
    assert_int_equal(ephemeral_guard_s(service->view), 0);
    assert_status(spend(service, now_s(service), "n"), STATUS_OK);
    crash(service);
}

static void a_clean_stop_keeps_every_live_nonce_and_needs_no_guard(void **state)
{
    struct service *service = *state;
    start(service);
    int64_t signed_s = now_s(service);
    assert_status(spend(service, signed_s, "n"), STATUS_OK);
    assert_status(spend(service, signed_s + LEAD_S, "ahead"), STATUS_OK);
    stop(service);
    pass_s(service, 3);
    start(service);
    assert_int_equal(ephemeral_guard_s(service->view), 0);
    assert_status(spend(service, signed_s, "n"), STATUS_NONCE_USED);
    assert_status(spend(service, signed_s + LEAD_S, "ahead"), STATUS_NONCE_USED);
    assert_status(spend(service, signed_s, "new"), STATUS_OK);
    crash(service);
}

static void a_long_pause_after_a_clean_stop_is_no_trouble(void **state)
{
    struct service *service = *state;
    start(service);
    assert_status(spend(service, now_s(service), "n"), STATUS_OK);
    stop(service);
    pass_s(service, 86400);
    start(service);
    assert_status(spend(service, now_s(service), "n"), STATUS_OK);
    crash(service);
}

static void after_a_crash_no_request_from_before_is_let_through(void **state)
{
    struct service *service = *state;
    start(service);
    int64_t crash_s = now_s(service);
    assert_status(spend(service, crash_s - SKEW_S, "oldest"), STATUS_OK);
    assert_status(spend(service, crash_s, "n"), STATUS_OK);
    assert_status(spend(service, crash_s + LEAD_S, "ahead"), STATUS_OK);
    crash(service);
    start(service);
    for (int64_t second = 0; second <= 2 * SKEW_S; second++, pass_s(service, 1)) {
        /* judged by the window before, so each is asked about only while its timestamp is good */
        if (second == 0)
            assert_status(spend(service, crash_s - SKEW_S, "oldest"), STATUS_STORE_DOWN);
        if (second <= SKEW_S)
            assert_status(spend(service, crash_s, "n"), STATUS_STORE_DOWN);
        if (second <= SKEW_S + LEAD_S)
            assert_status(spend(service, crash_s + LEAD_S, "ahead"), STATUS_STORE_DOWN);
    }
    crash(service);
}

static void after_a_crash_requests_pass_that_are_newer_than_what_was_accepted(void **state)
{
    struct service *service = *state;
    start(service);
    assert_status(spend(service, now_s(service), "n"), STATUS_OK);
    crash(service);
    start(service);
    assert_int_equal(ephemeral_guard_s(service->view), ACCEPTED_AHEAD_S + 1);
    assert_status(spend(service, now_s(service) + ACCEPTED_AHEAD_S, "n"), STATUS_STORE_DOWN);
    assert_status(spend(service, now_s(service) + ACCEPTED_AHEAD_S + 1, "n"), STATUS_OK); /* a fast client */
    pass_s(service, ACCEPTED_AHEAD_S);
    assert_int_equal(ephemeral_guard_s(service->view), 1);
    pass_s(service, 1);
    assert_int_equal(ephemeral_guard_s(service->view), 0);
    assert_status(spend(service, now_s(service), "m"), STATUS_OK);
    crash(service);
}

static void a_fast_client_shows_and_guards_its_own_seconds_alone(void **state)
{
    struct service *service = *state;
    start(service);
    assert_int_equal(ephemeral_trouble(service->view).lead_s, 0);
    assert_status(spend(service, now_s(service), "n"), STATUS_OK);
    assert_int_equal(ephemeral_trouble(service->view).lead_s, 0);
    assert_status(spend(service, now_s(service) + 45, "fast"), STATUS_OK);
    assert_int_equal(ephemeral_trouble(service->view).lead_s, 45);
    crash(service);
    start(service);
    assert_int_equal(ephemeral_guard_s(service->view), ACCEPTED_AHEAD_S + 1);
    pass_s(service, 10);
    assert_status(spend(service, now_s(service), "between"), STATUS_OK);
    assert_status(spend(service, now_s(service) + 35, "fast"), STATUS_STORE_DOWN);
    crash(service);
}

static void after_a_crash_in_which_nothing_was_accepted_all_goes_on(void **state)
{
    struct service *service = *state;
    start(service);
    crash(service);
    start(service);
    assert_int_equal(ephemeral_guard_s(service->view), 0);
    assert_status(spend(service, now_s(service), "n"), STATUS_OK);
    crash(service);
}

/* The copy that the clean stop wrote must not make the crash after it look clean. */
static void a_crash_after_a_clean_start_is_still_a_crash(void **state)
{
    struct service *service = *state;
    start(service);
    stop(service);
    start(service);
    assert_status(spend(service, now_s(service), "n"), STATUS_OK);
    crash(service);
    start(service);
    assert_status(spend(service, now_s(service), "n"), STATUS_STORE_DOWN);
    crash(service);
}

/* Otherwise a quick second restart would lift the guard over what the crash lost; nor does it begin anew. */
static void a_restart_during_the_guard_neither_lifts_nor_renews_it(void **state)
{
    struct service *service = *state;
    start(service);
    int64_t signed_s = now_s(service);
    assert_status(spend(service, signed_s, "n"), STATUS_OK);
    crash(service);
    for (int64_t passed = 0; passed <= ACCEPTED_AHEAD_S; passed++) {
        start(service);
        assert_int_equal(ephemeral_guard_s(service->view), ACCEPTED_AHEAD_S + 1 - passed);
        assert_status(spend(service, signed_s, "n"), STATUS_STORE_DOWN);
        if (passed % 2)
            stop(service);
        else
            crash(service);
        pass_s(service, 1);
    }
    start(service);
    assert_int_equal(ephemeral_guard_s(service->view), 0);
    assert_status(spend(service, signed_s, "n"), STATUS_STORE_DOWN);
    crash(service);
}

/* ---- clocks ---- */

static void step_s(struct service *service, int64_t seconds)
{
    service->durable.clock.wall_ms += seconds * 1000;
}

/* Runs the loop until the new epoch has begun. */
static void recover(struct service *service)
{
    int64_t now_ms = 0;
    assert_status(ephemeral_now(service->view, &now_ms), STATUS_OK);
    for (int i = 0; i < 400 && ephemeral_trouble(service->view).is_stuck; i++)
        (void)usleep(5000);
    assert_false(ephemeral_trouble(service->view).is_stuck);
}

/* The three ways in which a replay passed a guard that was one reading of the clock. */
static void a_clock_that_is_behind_after_a_crash_and_set_right_later_lets_no_replay_through(void **state)
{
    static const int64_t behind_s[] = {3600, 200, 12};
    struct service *service = *state;
    for (size_t i = 0; i < COUNT_OF(behind_s); i++, pass_s(service, 1000)) {
        start(service);
        int64_t crash_s = now_s(service);
        assert_status(spend(service, crash_s, "n"), STATUS_OK);
        crash(service);
        step_s(service, -behind_s[i]);
        start(service);
        assert_int_not_equal(spend(service, crash_s, "n"), STATUS_OK);
        pass_s(service, 5);
        assert_int_not_equal(spend(service, crash_s, "n"), STATUS_OK);
        step_s(service, behind_s[i]);
        recover(service);
        assert_status(spend(service, crash_s, "n"), STATUS_STORE_DOWN);
        pass_s(service, ACCEPTED_AHEAD_S + 1);
        assert_int_equal(ephemeral_guard_s(service->view), 0);
        assert_status(spend(service, now_s(service), "fresh"), STATUS_OK);
        assert_status(spend(service, crash_s, "n"), STATUS_STORE_DOWN);
        crash(service);
    }
}

static void a_clock_behind_all_that_was_accepted_is_told(void **state)
{
    struct service *service = *state;
    start(service);
    assert_status(spend(service, now_s(service), "n"), STATUS_OK);
    assert_int_equal(ephemeral_trouble(service->view).behind_s, 0);
    crash(service);
    step_s(service, -3600);
    start(service);
    assert_int_equal(ephemeral_trouble(service->view).behind_s, 3600);
    crash(service);
}

/* One request by a client that follows the glitch, or by one that does not. */
static void a_clock_that_was_a_day_ahead_for_a_moment_locks_nobody_out(void **state)
{
    enum { DAY_S = 86400 };
    struct service *service = *state;
    for (int ends = 0; ends < 3; ends++, pass_s(service, 1000)) {
        start(service);
        int64_t signed_s = now_s(service);
        assert_status(spend(service, signed_s, "n"), STATUS_OK);
        step_s(service, DAY_S);
        recover(service);
        assert_status(spend(service, now_s(service), "followed"), STATUS_OK);
        assert_status(spend(service, signed_s, "n"), STATUS_TIMESTAMP_REFUSED);
        if (ends) {
            ends == 1 ? stop(service) : crash(service);
            start(service);
        }
        step_s(service, -DAY_S);
        recover(service);
        assert_status(spend(service, signed_s, "n"), STATUS_STORE_DOWN);
        pass_s(service, ACCEPTED_AHEAD_S + 1);
        assert_status(spend(service, now_s(service), "fresh"), STATUS_OK);
        assert_int_equal(ephemeral_trouble(service->view).behind_s, 0);
        pass_s(service, DAY_S - 60);
        assert_status(spend(service, signed_s + DAY_S, "followed"), STATUS_STORE_DOWN);
        crash(service);
    }
}

static void a_clock_set_back_across_a_clean_stop_is_a_loss(void **state)
{
    struct service *service = *state;
    start(service);
    int64_t signed_s = now_s(service);
    assert_status(spend(service, signed_s, "n"), STATUS_OK);
    pass_s(service, 2 * SKEW_S + 10); /* forgotten, since its time is over */
    stop(service);
    step_s(service, -2 * SKEW_S - 10);
    start(service);
    assert_status(spend(service, signed_s, "n"), STATUS_STORE_DOWN);
    crash(service);
}

static void a_small_step_is_no_loss(void **state)
{
    struct service *service = *state;
    int64_t before_ms = 0;
    int64_t now_ms = 0;
    start(service);
    int64_t signed_s = now_s(service);
    assert_status(spend(service, signed_s, "n"), STATUS_OK);
    step_s(service, 2);
    assert_status(ephemeral_now(service->view, &before_ms), STATUS_OK);
    assert_int_equal(before_ms, service->durable.clock.wall_ms);
    step_s(service, -2);
    assert_status(ephemeral_now(service->view, &now_ms), STATUS_OK);
    assert_int_equal(now_ms, before_ms); /* it waits for the wall's */
    assert_int_equal(ephemeral_guard_s(service->view), 0);
    assert_status(spend(service, signed_s, "n"), STATUS_NONCE_USED);
    assert_status(spend(service, signed_s, "m"), STATUS_OK);
    crash(service);
}

/* Each of them alone is none, and the clock would stand still for as long. */
static void small_steps_back_are_a_loss_together(void **state)
{
    struct service *service = *state;
    int64_t now_ms = 0;
    start(service);
    int64_t signed_s = now_s(service);
    assert_status(spend(service, signed_s, "n"), STATUS_OK);
    for (int i = 0; i < 3; i++) {
        step_s(service, -1);
        assert_status(ephemeral_now(service->view, &now_ms), STATUS_OK);
    }
    assert_int_equal(now_ms, service->durable.clock.wall_ms);
    recover(service);
    assert_status(spend(service, signed_s, "n"), STATUS_STORE_DOWN);
    crash(service);
}

/* A clock whose reader is held up for a while, once, behind the reading of the wall's or of the steady one. */
static struct fake_clock *held_clock;
static bool is_held_at_wall;
static bool is_held_at_steady;

static int64_t be_held(bool *is_held, int64_t reading)
{
    if (*is_held)
        fake_clock_advance(held_clock, 3000);
    *is_held = false;
    return reading;
}

static int64_t wall_of_held(const struct clock *clock)
{
    (void)clock;
    return be_held(&is_held_at_wall, held_clock->wall_ms);
}

static int64_t steady_of_held(const struct clock *clock)
{
    (void)clock;
    return be_held(&is_held_at_steady, held_clock->steady_ms);
}

static void a_thread_that_is_held_up_sees_no_clock_that_moved(void **state)
{
    static const struct clock clock = {.wall_ms = wall_of_held, .steady_ms = steady_of_held};
    struct service *service = *state;
    held_clock = &service->durable.clock;
    service->options.clock = &clock;
    for (int at_wall = 0; at_wall < 2; at_wall++) {
        int64_t now_ms = 0;
        start(service);
        is_held_at_wall = at_wall;
        is_held_at_steady = !at_wall;
        for (int i = 0; i < 2; i++) {
            assert_status(ephemeral_now(service->view, &now_ms), STATUS_OK);
            assert_false(ephemeral_trouble(service->view).is_stuck);
        }
        assert_int_equal(now_ms, held_clock->wall_ms);
        stop(service);
    }
}

static void each_service_has_a_memory_of_its_own(void **state)
{
    struct service *service = *state;
    start(service);
    assert_status(spend(service, now_s(service), "n"), STATUS_OK);
    crash(service);
    service->options.ledger_name = SLICE("memory:other");
    start(service);
    assert_int_equal(ephemeral_guard_s(service->view), 0);
    crash(service);
}

/* ---- the durable store ---- */

static void nothing_is_accepted_beyond_what_is_written_down(void **state)
{
    struct service *service = *state;
    static struct volatile_ledger ledger;
    volatile_ledger_init(&ledger);
    service->options.ledger = &ledger.ledger;
    start(service);
    int64_t signed_s = now_s(service);
    assert_status(spend(service, signed_s, "n"), STATUS_OK);
    atomic_store(&ledger.is_away, true);
    service->asking.patience_ms = 300;
    assert_status(spend(service, signed_s + 1, "covered"), STATUS_OK);
    assert_status(spend(service, signed_s + ACCEPTED_AHEAD_S + 1, "beyond"), STATUS_STORE_DOWN);
    service->asking.patience_ms = 0;
    for (int i = 0; i < 600 && !ephemeral_trouble(service->view).is_stuck; i++)
        (void)usleep(5000);
    assert_true(ephemeral_trouble(service->view).is_stuck);
    atomic_store(&ledger.is_away, false);
    assert_status(spend(service, signed_s + ACCEPTED_AHEAD_S + 2, "again"), STATUS_OK);
    assert_false(ephemeral_trouble(service->view).is_stuck);
    crash(service);
}

/* A ledger that says how often an epoch was begun, and does something just before. */
struct watched_ledger {
    struct nonce_ledger ledger; /* first */
    struct volatile_ledger inner;
    atomic_int opened;
    char epoch[NONCE_EPOCH_ID_BYTES]; /* the last that was begun */
    void (*before_open)(void);
    unsigned char hash_key[NONCE_HASH_KEY_BYTES]; /* that was saved */
    atomic_int saved;
    enum status save_status;
    atomic_int keeping; /* how many keeps were begun */
    atomic_bool keeps_nothing;
    atomic_bool is_closed; /* keeps wait */
};

static struct service *watched;

static enum status open_watched(struct nonce_ledger *base, const struct nonce_begin *begin,
                                struct nonce_state *ret_state)
{
    struct watched_ledger *ledger = (struct watched_ledger *)base;
    (void)snprintf(ledger->epoch, sizeof ledger->epoch, "%.*s", SLICE_ARGS(begin->epoch));
    atomic_fetch_add(&ledger->opened, 1);
    if (ledger->before_open)
        ledger->before_open();
    return ledger->inner.ledger.open_blocking(&ledger->inner.ledger, begin, ret_state);
}

static enum status keep_watched(struct nonce_ledger *base, const struct nonce_keep *keep,
                                struct accepted_ranges *ret_ranges)
{
    struct watched_ledger *ledger = (struct watched_ledger *)base;
    atomic_fetch_add(&ledger->keeping, 1);
    while (atomic_load(&ledger->is_closed))
        (void)usleep(1000);
    if (atomic_load(&ledger->keeps_nothing))
        return STATUS_STORE_DOWN;
    return ledger->inner.ledger.keep_blocking(&ledger->inner.ledger, keep, ret_ranges);
}

static enum status save_watched(struct nonce_ledger *base, struct slice name, struct slice epoch,
                                const struct nonce_state *state)
{
    (void)name, (void)epoch;
    atomic_fetch_add(&((struct watched_ledger *)base)->saved, 1);
    memcpy(((struct watched_ledger *)base)->hash_key, state->hash_key, sizeof state->hash_key);
    return ((struct watched_ledger *)base)->save_status;
}

static void watched_ledger_init(struct service *service, struct watched_ledger *ledger)
{
    *ledger = (struct watched_ledger){
        .ledger = {.open_blocking = open_watched, .keep_blocking = keep_watched, .save_blocking = save_watched}};
    volatile_ledger_init(&ledger->inner);
    service->options.ledger = &ledger->ledger;
    watched = service;
}

static void start_watched(struct service *service, struct watched_ledger *ledger)
{
    watched_ledger_init(service, ledger);
    start(service);
}

static void lose_by_clock(void)
{
    int64_t now_ms = 0;
    step_s(watched, -10);
    assert_status(ephemeral_now(watched->view, &now_ms), STATUS_OK);
}

static void lose_by_clock_once(void)
{
    struct watched_ledger *ledger = (struct watched_ledger *)watched->options.ledger;
    if (atomic_load(&ledger->opened) == 2)
        lose_by_clock();
}

static void wait_until_opened(struct watched_ledger *ledger, int times)
{
    for (int i = 0; i < 2000 && atomic_load(&ledger->opened) < times; i++)
        (void)usleep(1000);
    assert_int_equal(atomic_load(&ledger->opened), times);
}

static void a_loss_begins_a_new_epoch_at_once_and_one_alone(void **state)
{
    struct service *service = *state;
    static struct watched_ledger ledger;
    start_watched(service, &ledger);
    assert_int_equal(atomic_load(&ledger.opened), 1);
    assert_status(spend(service, now_s(service), "n"), STATUS_OK);
    lose_by_clock();
    wait_until_opened(&ledger, 2); /* though nobody has asked for anything since */
    recover(service);
    assert_int_equal(atomic_load(&ledger.opened), 2);
    crash(service);
}

/* Else nothing would ever be accepted again, or all of it. */
static void a_new_epoch_that_cannot_be_written_is_tried_again(void **state)
{
    struct service *service = *state;
    static struct watched_ledger ledger;
    start_watched(service, &ledger);
    int64_t signed_s = now_s(service);
    assert_status(spend(service, signed_s, "n"), STATUS_OK);
    atomic_store(&ledger.inner.is_away, true);
    lose_by_clock();
    service->asking.patience_ms = 300;
    assert_status(spend(service, signed_s, "n"), STATUS_STORE_DOWN);
    wait_until_opened(&ledger, 2);
    for (int i = 0; i < 20; i++, (void)usleep(1000))
        assert_true(ephemeral_trouble(service->view).is_stuck);
    assert_in_range(atomic_load(&ledger.opened), 2, 4); /* not each time that somebody asks */
    assert_status(spend(service, signed_s, "n"), STATUS_STORE_DOWN);
    service->asking.patience_ms = 0;
    atomic_store(&ledger.inner.is_away, false);
    recover(service);
    assert_status(spend(service, signed_s, "n"), STATUS_STORE_DOWN); /* it is guarded */
    assert_status(spend(service, signed_s + ACCEPTED_AHEAD_S + 1, "fresh"), STATUS_OK);
    crash(service);
}

static atomic_bool opening_is_held;

static void wait_while_held(void)
{
    while (atomic_load(&opening_is_held))
        (void)usleep(1000);
}

/* A second beginning would forget what was accepted after the first, and nobody would know that it is lost. */
static void a_new_epoch_that_takes_long_to_write_is_not_begun_twice(void **state)
{
    struct service *service = *state;
    static struct watched_ledger ledger;
    start_watched(service, &ledger);
    int64_t signed_s = now_s(service);
    assert_status(spend(service, signed_s, "n"), STATUS_OK);
    atomic_store(&opening_is_held, true);
    ledger.before_open = wait_while_held;
    lose_by_clock();
    wait_until_opened(&ledger, 2);
    atomic_fetch_add(&leapt_ms, 1000); /* long enough to try again, if that one had failed */
    for (int i = 0; i < 3; i++)
        assert_true(ephemeral_trouble(service->view).is_stuck);
    atomic_store(&opening_is_held, false);
    recover(service);
    /* asked of the ledger behind whatever was begun */
    assert_status(spend(service, signed_s + ACCEPTED_AHEAD_S + 1, "fresh"), STATUS_OK);
    assert_int_equal(atomic_load(&ledger.opened), 2);
    crash(service);
}

static void assert_does_not_start(struct service *service)
{
    struct buf why = BUF_INIT;
    struct ephemeral_store *store = NULL;
    assert_int_not_equal(ephemeral_open_blocking(SLICE("memory:"), &service->options, &why, &store), STATUS_OK);
    assert_null(store);
    buf_done(&why);
}

/* Also where nobody asks how it is. */
static void a_new_epoch_is_tried_again_by_who_waits_for_it(void **state)
{
    struct service *service = *state;
    static struct watched_ledger ledger;
    start_watched(service, &ledger);
    int64_t signed_s = now_s(service);
    assert_status(spend(service, signed_s, "n"), STATUS_OK);
    atomic_store(&ledger.inner.is_away, true);
    lose_by_clock();
    wait_until_opened(&ledger, 2);
    atomic_store(&ledger.inner.is_away, false);
    service->asking.patience_ms = 200;
    enum status status = STATUS_STORE_DOWN;
    for (int i = 0; i < 50 && status != STATUS_OK; i++) {
        atomic_fetch_add(&leapt_ms, 1000);
        status = spend(service, signed_s + ACCEPTED_AHEAD_S + 1, "fresh");
    }
    assert_status(status, STATUS_OK);
    crash(service);
}

/* A request whose answer takes long is sent once more, by its client or by whoever saw it. */
static void of_two_that_wait_the_first_is_accepted(void **state)
{
    struct service *service = *state;
    static struct watched_ledger ledger;
    struct asking other;
    start_watched(service, &ledger);
    asking_init(&other, &service->durable.clock.clock);
    for (int round = 1; round <= 5; round++) {
        const struct nonce nonce = {SLICE("acme"), SLICE("token"), now_s(service) + round * 8, SLICE("n")};
        atomic_store(&ledger.is_closed, true);
        int kept = atomic_load(&ledger.inner.kept);
        ephemeral_nonce_spend_start(service->view, &nonce, asking_ticket(&service->asking));
        atomic_store(&ledger.is_closed, false);
        for (int i = 0; i < 5000 && atomic_load(&ledger.inner.kept) == kept; i++)
            (void)usleep(1000);
        (void)usleep(1000); /* mostly the keeper knows, too; where it does not, both wait */
        ephemeral_nonce_spend_start(service->view, &nonce, asking_ticket(&other));
        assert_status(asking_wait(&service->asking, NULL), STATUS_OK);
        assert_status(asking_wait(&other, NULL), STATUS_NONCE_USED);
    }
    asking_done(&other);
    crash(service);
}

static void who_waits_at_the_end_is_answered(void **state)
{
    struct service *service = *state;
    static struct watched_ledger ledger;
    start_watched(service, &ledger);
    const struct nonce nonce = {SLICE("acme"), SLICE("token"), now_s(service), SLICE("n")};
    atomic_store(&ledger.is_closed, true);
    ephemeral_nonce_spend_start(service->view, &nonce, asking_ticket(&service->asking));
    closed_until_join = &ledger.is_closed;
    crash(service);
    closed_until_join = NULL;
    assert_status(asking_wait(&service->asking, NULL), STATUS_STORE_DOWN);
}

/* Under a name that was there before, what an older one accepted would be written into the newer. */
static void every_epoch_has_a_name_that_cannot_be_guessed(void **state)
{
    struct service *service = *state;
    static struct watched_ledger ledger;
    char first[NONCE_EPOCH_ID_BYTES];
    start_watched(service, &ledger);
    memcpy(first, ledger.epoch, sizeof first);
    assert_int_equal(strlen(first), NONCE_EPOCH_ID_BYTES - 1);
    lose_by_clock();
    recover(service);
    assert_int_equal(strlen(ledger.epoch), NONCE_EPOCH_ID_BYTES - 1);
    assert_string_not_equal(ledger.epoch, first);
    random_fails_at = 1;
    lose_by_clock();
    for (int i = 0; i < 20; i++, (void)usleep(1000))
        assert_true(ephemeral_trouble(service->view).is_stuck);
    assert_int_equal(atomic_load(&ledger.opened), 2);
    atomic_fetch_add(&leapt_ms, 1000);
    recover(service);
    assert_int_equal(atomic_load(&ledger.opened), 3);
    crash(service);
}

/* The key of the hashes and the first epoch's name are among what it draws. */
static void without_randomness_it_does_not_start(void **state)
{
    struct service *service = *state;
    int at = 1;
    do {
        random_fails_at = at++;
        struct buf why = BUF_INIT;
        service->store = NULL;
        enum status status = ephemeral_open_blocking(SLICE("memory:"), &service->options, &why, &service->store);
        assert_int_equal(status == STATUS_OK, random_fails_at > 0); /* it was not reached */
        assert_int_equal(service->store != NULL, status == STATUS_OK);
        buf_done(&why);
    } while (!service->store);
    random_fails_at = 0;
    assert_true(at > 3);
    ephemeral_store_free(service->store);
}

static void step_once(void)
{
    struct watched_ledger *ledger = (struct watched_ledger *)watched->options.ledger;
    if (atomic_load(&ledger->opened) == 1)
        step_s(watched, 10);
}

/* A machine gets its time while the service starts: what was restored was judged by another clock. */
static void a_clock_that_moves_while_the_ledger_is_opened_is_a_loss(void **state)
{
    struct service *service = *state;
    static struct watched_ledger ledger;
    watched_ledger_init(service, &ledger);
    ledger.before_open = step_once;
    start(service);
    assert_status(spend(service, now_s(service), "n"), STATUS_OK);
    assert_int_equal(atomic_load(&ledger.opened), 2);
    assert_status(spend(service, now_s(service), "n"), STATUS_NONCE_USED);
    assert_false(ephemeral_trouble(service->view).is_stuck);
    crash(service);
}

static void hear(void *context, const char *source, const char *what, const char *detail)
{
    struct buf *heard = context;
    buf_addf(heard, "%s: %s: %s; ", source, what, detail);
}

static void a_clock_that_moved_is_told_once_with_how_far(void **state)
{
    struct service *service = *state;
    char memory[200];
    struct buf heard = buf_fixed(memory, sizeof memory);
    const struct observer observer = {.context = &heard, .event = hear};
    service->options.observer = &observer;
    start(service);
    step_s(service, -10);
    recover(service);
    step_s(service, 2); /* which is none */
    recover(service);
    assert_string_equal(buf_string(&heard), "memory: the clock moved: by -10000 ms; ");
    crash(service);
}

/* The clock moves again while the new epoch is being written: that one has begun by the wrong clock. */
static void an_epoch_that_was_lost_while_it_was_written_is_begun_again(void **state)
{
    struct service *service = *state;
    static struct watched_ledger ledger;
    start_watched(service, &ledger);
    int64_t signed_s = now_s(service);
    assert_status(spend(service, signed_s, "n"), STATUS_OK);
    ledger.before_open = lose_by_clock_once;
    lose_by_clock();
    recover(service);
    assert_int_equal(atomic_load(&ledger.opened), 3);
    assert_status(spend(service, signed_s, "n"), STATUS_STORE_DOWN);
    crash(service);
}

/* Another loop sees that the clock moved, while this one puts its nonce into the set: what it found there is void. */
static void a_verdict_does_not_count_if_nonces_were_lost_meanwhile(void **state)
{
    struct service *service = *state;
    static struct watched_ledger ledger;
    start_watched(service, &ledger);
    int64_t signed_s = now_s(service);
    assert_status(spend(service, signed_s, "n"), STATUS_OK);
    before_add = lose_by_clock;
    assert_status(spend(service, signed_s, "m"), STATUS_STORE_DOWN);
    assert_null(before_add);
    crash(service);
}

static void a_timestamp_that_no_window_holds_is_refused(void **state)
{
    struct service *service = *state;
    start(service);
    assert_status(spend(service, now_s(service) + LEAD_S, "n"), STATUS_OK);
    assert_status(spend(service, now_s(service) + LEAD_S + 1, "n"), STATUS_TIMESTAMP_REFUSED);
    assert_status(spend(service, now_s(service) - 2 * SKEW_S, "n"), STATUS_OK);
    assert_status(spend(service, now_s(service) - 2 * SKEW_S - 1, "n"), STATUS_TIMESTAMP_REFUSED);
    crash(service);
}

/* Before the ledger is asked again. */
static void a_new_epoch_begins_with_its_guard(void **state)
{
    struct service *service = *state;
    static struct watched_ledger ledger;
    start_watched(service, &ledger);
    assert_status(spend(service, now_s(service), "n"), STATUS_OK);
    int64_t guarded_s = now_s(service) + ACCEPTED_AHEAD_S;
    atomic_store(&ledger.keeps_nothing, true);
    lose_by_clock();
    wait_until_opened(&ledger, 2);
    step_s(service, 10); /* which is a loss once more */
    int64_t now_ms = 0;
    assert_status(ephemeral_now(service->view, &now_ms), STATUS_OK);
    for (int i = 0; i < 1000 && atomic_load(&ledger.opened) < 3; i++) {
        (void)ephemeral_trouble(service->view); /* begins the third, if the second was not entered yet */
        (void)usleep(1000);
    }
    wait_until_opened(&ledger, 3);
    for (int i = 0; i < 1000 && ephemeral_guard_s(service->view) == 0; i++)
        (void)usleep(1000);
    assert_int_equal(ephemeral_guard_s(service->view), guarded_s + 1 - now_s(service));
    crash(service);
}

/* All of it, or what it showed before would be the time in which nothing is good any more. */
static void a_loss_forgets_what_time_it_was(void **state)
{
    enum { DAY_S = 86400, MANY = 64 }; /* so many come to every part of the memory */
    struct service *service = *state;
    static struct watched_ledger ledger;
    char text[3] = "a ";
    start_watched(service, &ledger);
    step_s(service, DAY_S);
    recover(service);
    for (int i = 0; i < MANY; i++) {
        text[1] = (char)(' ' + i);
        assert_status(spend(service, now_s(service), text), STATUS_OK);
    }
    step_s(service, -DAY_S);
    recover(service);
    for (int i = 0; i < MANY; i++) {
        text[1] = (char)(' ' + i);
        assert_status(spend(service, now_s(service), text), STATUS_OK);
    }
    crash(service);
}

/* It was stopped before the new epoch was begun: nothing may be saved under the one before. */
static void what_was_lost_just_before_the_end_is_not_saved(void **state)
{
    struct service *service = *state;
    static struct watched_ledger ledger;
    start_watched(service, &ledger);
    assert_status(spend(service, now_s(service), "n"), STATUS_OK);
    atomic_store(&ledger.is_closed, true);
    int before = atomic_load(&ledger.keeping);
    for (int i = 0; i < 5000 && atomic_load(&ledger.keeping) == before; i++)
        (void)usleep(1000);
    lose_by_clock();
    closed_until_join = &ledger.is_closed;
    assert_status(ephemeral_save_blocking(service->store), STATUS_OK);
    closed_until_join = NULL;
    assert_int_equal(atomic_load(&ledger.opened), 1);
    assert_int_equal(atomic_load(&ledger.saved), 0);
    crash(service);
}

static void what_could_not_be_saved_is_told(void **state)
{
    struct service *service = *state;
    static struct watched_ledger ledger;
    start_watched(service, &ledger);
    ledger.save_status = STATUS_STORE_DOWN;
    assert_status(ephemeral_save_blocking(service->store), STATUS_STORE_DOWN);
    crash(service);
}

static void a_fraction_of_a_second_of_the_lead_has_room_too(void **state)
{
    struct service *service = *state;
    service->options.lead_ms += 500;
    service->durable.clock.wall_ms += 500;
    start(service);
    assert_status(spend(service, now_s(service) + LEAD_S + 1, "n"), STATUS_OK);
    assert_status(spend(service, now_s(service) + LEAD_S + 2, "n"), STATUS_TIMESTAMP_REFUSED);
    crash(service);
}

static void a_nonce_that_cannot_be_hashed_is_not_accepted(void **state)
{
    struct service *service = *state;
    size_t len = 3 << 20;
    char *text = test_calloc(1, len);
    const struct nonce nonce = {SLICE("acme"), SLICE("token"), now_s(service), slice_of(text, len)};
    start(service);
    assert_status(spend(service, now_s(service), "n"), STATUS_OK);
    ephemeral_nonce_spend_start(service->view, &nonce, asking_ticket(&service->asking));
    assert_status(asking_wait(&service->asking, NULL), STATUS_NO_MEMORY);
    crash(service);
    test_free(text);
}

static void without_its_ledger_it_does_not_start(void **state)
{
    struct service *service = *state;
    static struct volatile_ledger ledger;
    volatile_ledger_init(&ledger);
    service->options.ledger = &ledger.ledger;
    atomic_store(&ledger.is_away, true);
    assert_does_not_start(service);
}

/* Those that find no room would be good once more. */
static void where_saved_nonces_find_no_room_it_does_not_start(void **state)
{
    struct service *service = *state;
    start(service);
    for (int i = 0; i < 20; i++) {
        char text[2] = {(char)('a' + i), '\0'};
        assert_status(spend(service, now_s(service), text), STATUS_OK);
    }
    stop(service);
    service->options.max_nonces = 10;
    assert_does_not_start(service);
}

static void at_the_end_the_key_is_wiped(void **state)
{
    struct service *service = *state;
    static struct watched_ledger ledger;
    start_watched(service, &ledger);
    assert_status(ephemeral_save_blocking(service->store), STATUS_OK);
    watch_begin();
    crash(service);
    assert_int_equal(watch_wipes(slice_of(ledger.hash_key, sizeof ledger.hash_key)), 1);
    watch_end();
}

/* Nobody waits for a commit while requests come, and a busy second costs one of them. */
static void ranges_are_raised_ahead_of_need(void **state)
{
    struct service *service = *state;
    static struct volatile_ledger ledger;
    volatile_ledger_init(&ledger);
    service->options.ledger = &ledger.ledger;
    start(service);
    int64_t first_s = now_s(service);
    assert_status(spend(service, first_s, "first"), STATUS_OK);
    for (int64_t second = 0; second < 40; second++, pass_s(service, 1)) {
        int before = atomic_load(&ledger.kept);
        for (int i = 0; i < 20; i++) {
            char text[32];
            (void)snprintf(text, sizeof text, "%d", i);
            assert_status(spend(service, first_s + second, text), STATUS_OK);
        }
        for (int i = 0; i < 200 && second % 3 == 2 && atomic_load(&ledger.kept) == before; i++)
            (void)usleep(1000);
    }
    assert_in_range(atomic_load(&ledger.kept), 10, 42);
    crash(service);
}

/* ---- bounds ---- */

static void a_full_memory_refuses_and_forgets_no_live_nonce(void **state)
{
    struct service *service = *state;
    service->options.max_nonces = 100;
    start(service);
    int64_t signed_s = now_s(service);
    for (int i = 0; i < 100; i++) {
        char text[2] = {(char)(' ' + i), '\0'};
        assert_status(spend(service, signed_s, text), STATUS_OK);
    }
    assert_status(spend(service, signed_s, "one more"), STATUS_STORE_DOWN);
    assert_status(spend(service, signed_s, "A"), STATUS_NONCE_USED);
    pass_s(service, 2 * SKEW_S + 2);
    for (int i = 0; i < 64; i++) { /* the shards are swept one by one */
        char text[3] = {'x', (char)(' ' + i), '\0'};
        (void)spend(service, now_s(service), text);
    }
    assert_status(spend(service, now_s(service), "room again"), STATUS_OK);
    crash(service);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_first_start_needs_no_guard),
        TEST(a_clean_stop_keeps_every_live_nonce_and_needs_no_guard),
        TEST(a_long_pause_after_a_clean_stop_is_no_trouble),
        TEST(after_a_crash_no_request_from_before_is_let_through),
        TEST(after_a_crash_requests_pass_that_are_newer_than_what_was_accepted),
        TEST(a_fast_client_shows_and_guards_its_own_seconds_alone),
        TEST(after_a_crash_in_which_nothing_was_accepted_all_goes_on),
        TEST(a_crash_after_a_clean_start_is_still_a_crash),
        TEST(a_restart_during_the_guard_neither_lifts_nor_renews_it),
        TEST(a_clock_that_is_behind_after_a_crash_and_set_right_later_lets_no_replay_through),
        TEST(a_clock_behind_all_that_was_accepted_is_told),
        TEST(a_clock_that_was_a_day_ahead_for_a_moment_locks_nobody_out),
        TEST(a_clock_set_back_across_a_clean_stop_is_a_loss),
        TEST(a_small_step_is_no_loss),
        TEST(small_steps_back_are_a_loss_together),
        TEST(a_thread_that_is_held_up_sees_no_clock_that_moved),
        TEST(each_service_has_a_memory_of_its_own),
        TEST(nothing_is_accepted_beyond_what_is_written_down),
        TEST(a_loss_begins_a_new_epoch_at_once_and_one_alone),
        TEST(a_new_epoch_that_cannot_be_written_is_tried_again),
        TEST(a_new_epoch_that_takes_long_to_write_is_not_begun_twice),
        TEST(a_new_epoch_is_tried_again_by_who_waits_for_it),
        TEST(of_two_that_wait_the_first_is_accepted),
        TEST(who_waits_at_the_end_is_answered),
        TEST(every_epoch_has_a_name_that_cannot_be_guessed),
        TEST(without_randomness_it_does_not_start),
        TEST(a_clock_that_moves_while_the_ledger_is_opened_is_a_loss),
        TEST(a_clock_that_moved_is_told_once_with_how_far),
        TEST(an_epoch_that_was_lost_while_it_was_written_is_begun_again),
        TEST(a_verdict_does_not_count_if_nonces_were_lost_meanwhile),
        TEST(a_timestamp_that_no_window_holds_is_refused),
        TEST(a_new_epoch_begins_with_its_guard),
        TEST(a_loss_forgets_what_time_it_was),
        TEST(what_was_lost_just_before_the_end_is_not_saved),
        TEST(what_could_not_be_saved_is_told),
        TEST(a_fraction_of_a_second_of_the_lead_has_room_too),
        TEST(a_nonce_that_cannot_be_hashed_is_not_accepted),
        TEST(without_its_ledger_it_does_not_start),
        TEST(where_saved_nonces_find_no_room_it_does_not_start),
        TEST(at_the_end_the_key_is_wiped),
        TEST(ranges_are_raised_ahead_of_need),
        TEST(a_full_memory_refuses_and_forgets_no_live_nonce),
    };
    return cmocka_run_group_tests_name("memory_nonces", tests, NULL, NULL);
}
