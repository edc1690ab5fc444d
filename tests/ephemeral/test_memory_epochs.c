/* How an epoch of the nonces in the memory of a process begins and ends, on a ledger that is watched
 * (docs/design/nonce-guard.md). */
#include "base/buf.h"
#include "ephemeral/memory_bench.h"
#include "ephemeral/nonce_set.h"
#include "guard/nonce_epoch.h"
#include "support/test.h"
#include "support/watch.h"

#include <stdio.h>
#include <unistd.h>

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

/* A ledger that says how often an epoch was begun, and does something just before. */
struct watched_ledger {
    struct nonce_ledger ledger; /* first */
    struct volatile_ledger inner;
    atomic_int opened;
    char epoch[NONCE_EPOCH_ID_BYTES]; /* the last that was begun */
    void (*before_open)(void);
    int64_t saved_s;                              /* a nonce of a clean stop bears this timestamp; 0: there was none */
    unsigned char hash_key[NONCE_HASH_KEY_BYTES]; /* that was saved */
    atomic_int saved;
    enum status save_status;
    atomic_int keeping; /* how many keeps were begun */
    atomic_bool keeps_nothing;
    atomic_bool is_closed; /* keeps wait */
};

static struct memory_service *watched;

static enum status open_watched(struct nonce_ledger *base, const struct nonce_begin *begin,
                                struct nonce_state *ret_state)
{
    struct watched_ledger *ledger = (struct watched_ledger *)base;
    (void)snprintf(ledger->epoch, sizeof ledger->epoch, "%.*s", SLICE_ARGS(begin->epoch));
    atomic_fetch_add(&ledger->opened, 1);
    if (ledger->before_open)
        ledger->before_open();
    TRY(ledger->inner.ledger.open_blocking(&ledger->inner.ledger, begin, ret_state));
    if (!ledger->saved_s)
        return STATUS_OK;
    *ret_state = (struct nonce_state){.opening = NONCES_SAVED, .at_ms = watched->durable.clock.wall_ms, .count = 1};
    ret_state->nonces = calloc(1, sizeof *ret_state->nonces);
    ret_state->nonces[0] = (struct saved_nonce){ledger->saved_s, 5};
    return STATUS_OK;
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

static void watched_ledger_init(struct memory_service *service, struct watched_ledger *ledger)
{
    *ledger = (struct watched_ledger){
        .ledger = {.open_blocking = open_watched, .keep_blocking = keep_watched, .save_blocking = save_watched}};
    volatile_ledger_init(&ledger->inner);
    service->options.ledger = &ledger->ledger;
    watched = service;
}

static void start_watched(struct memory_service *service, struct watched_ledger *ledger)
{
    watched_ledger_init(service, ledger);
    memory_service_start(service);
}

static void lose_by_clock(void)
{
    int64_t now_ms = 0;
    memory_service_step_s(watched, -10);
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
    struct memory_service *service = *state;
    static struct watched_ledger ledger;
    start_watched(service, &ledger);
    assert_int_equal(atomic_load(&ledger.opened), 1);
    assert_status(memory_service_spend(service, memory_service_now_s(service), "n"), STATUS_OK);
    lose_by_clock();
    wait_until_opened(&ledger, 2); /* though nobody has asked for anything since */
    memory_service_recover(service);
    assert_int_equal(atomic_load(&ledger.opened), 2);
    memory_service_crash(service);
}

/* Else nothing would ever be accepted again, or all of it. */
static void a_new_epoch_that_cannot_be_written_is_tried_again(void **state)
{
    struct memory_service *service = *state;
    static struct watched_ledger ledger;
    start_watched(service, &ledger);
    int64_t signed_s = memory_service_now_s(service);
    assert_status(memory_service_spend(service, signed_s, "n"), STATUS_OK);
    atomic_store(&ledger.inner.is_away, true);
    lose_by_clock();
    service->asking.patience_ms = 300;
    assert_status(memory_service_spend(service, signed_s, "n"), STATUS_STORE_DOWN);
    wait_until_opened(&ledger, 2);
    for (int i = 0; i < 20; i++, (void)usleep(1000))
        assert_true(ephemeral_trouble(service->view).is_stuck);
    assert_in_range(atomic_load(&ledger.opened), 2, 4); /* not each time that somebody asks */
    assert_status(memory_service_spend(service, signed_s, "n"), STATUS_STORE_DOWN);
    service->asking.patience_ms = 0;
    atomic_store(&ledger.inner.is_away, false);
    memory_service_recover(service);
    assert_status(memory_service_spend(service, signed_s, "n"), STATUS_STORE_DOWN); /* it is guarded */
    assert_status(memory_service_spend(service, signed_s + ACCEPTED_AHEAD_S + 1, "fresh"), STATUS_OK);
    memory_service_crash(service);
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
    struct memory_service *service = *state;
    static struct watched_ledger ledger;
    start_watched(service, &ledger);
    int64_t signed_s = memory_service_now_s(service);
    assert_status(memory_service_spend(service, signed_s, "n"), STATUS_OK);
    atomic_store(&opening_is_held, true);
    ledger.before_open = wait_while_held;
    lose_by_clock();
    wait_until_opened(&ledger, 2);
    atomic_fetch_add(&leapt_ms, 1000); /* long enough to try again, if that one had failed */
    for (int i = 0; i < 3; i++)
        assert_true(ephemeral_trouble(service->view).is_stuck);
    atomic_store(&opening_is_held, false);
    memory_service_recover(service);
    /* asked of the ledger behind whatever was begun */
    assert_status(memory_service_spend(service, signed_s + ACCEPTED_AHEAD_S + 1, "fresh"), STATUS_OK);
    assert_int_equal(atomic_load(&ledger.opened), 2);
    memory_service_crash(service);
}

/* Also where nobody asks how it is. */
static void a_new_epoch_is_tried_again_by_who_waits_for_it(void **state)
{
    struct memory_service *service = *state;
    static struct watched_ledger ledger;
    start_watched(service, &ledger);
    int64_t signed_s = memory_service_now_s(service);
    assert_status(memory_service_spend(service, signed_s, "n"), STATUS_OK);
    atomic_store(&ledger.inner.is_away, true);
    lose_by_clock();
    wait_until_opened(&ledger, 2);
    atomic_store(&ledger.inner.is_away, false);
    service->asking.patience_ms = 200;
    enum status status = STATUS_STORE_DOWN;
    for (int i = 0; i < 50 && status != STATUS_OK; i++) {
        atomic_fetch_add(&leapt_ms, 1000);
        status = memory_service_spend(service, signed_s + ACCEPTED_AHEAD_S + 1, "fresh");
    }
    assert_status(status, STATUS_OK);
    memory_service_crash(service);
}

/* A request whose answer takes long is sent once more, by its client or by whoever saw it. */
static void of_two_that_wait_the_first_is_accepted(void **state)
{
    struct memory_service *service = *state;
    static struct watched_ledger ledger;
    struct asking other;
    start_watched(service, &ledger);
    asking_init(&other, &service->durable.clock.clock);
    for (int round = 1; round <= 5; round++) {
        const struct nonce nonce = {SLICE("acme"), SLICE("token"), memory_service_now_s(service) + round * 8,
                                    SLICE("n")};
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
    memory_service_crash(service);
}

static void who_waits_at_the_end_is_answered(void **state)
{
    struct memory_service *service = *state;
    static struct watched_ledger ledger;
    start_watched(service, &ledger);
    const struct nonce nonce = {SLICE("acme"), SLICE("token"), memory_service_now_s(service), SLICE("n")};
    atomic_store(&ledger.is_closed, true);
    ephemeral_nonce_spend_start(service->view, &nonce, asking_ticket(&service->asking));
    closed_until_join = &ledger.is_closed;
    memory_service_crash(service);
    closed_until_join = NULL;
    assert_status(asking_wait(&service->asking, NULL), STATUS_STORE_DOWN);
}

/* Under a name that was there before, what an older one accepted would be written into the newer. */
static void every_epoch_has_a_name_that_cannot_be_guessed(void **state)
{
    struct memory_service *service = *state;
    static struct watched_ledger ledger;
    char first[NONCE_EPOCH_ID_BYTES];
    start_watched(service, &ledger);
    memcpy(first, ledger.epoch, sizeof first);
    assert_int_equal(nonce_epoch_kept_s(slice_str(first)), 2 * SKEW_S);
    lose_by_clock();
    memory_service_recover(service);
    assert_int_equal(nonce_epoch_kept_s(slice_str(ledger.epoch)), 2 * SKEW_S);
    assert_string_not_equal(ledger.epoch, first);
    random_fails_at = 1;
    lose_by_clock();
    for (int i = 0; i < 20; i++, (void)usleep(1000))
        assert_true(ephemeral_trouble(service->view).is_stuck);
    assert_int_equal(atomic_load(&ledger.opened), 2);
    atomic_fetch_add(&leapt_ms, 1000);
    memory_service_recover(service);
    assert_int_equal(atomic_load(&ledger.opened), 3);
    memory_service_crash(service);
}

/* The key of the hashes and the first epoch's name are among what it draws. */
static void without_randomness_it_does_not_start(void **state)
{
    struct memory_service *service = *state;
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
        memory_service_step_s(watched, 10);
}

/* A machine gets its time while the service starts: what was restored was judged by another clock. */
static void a_clock_that_moves_while_the_ledger_is_opened_is_a_loss(void **state)
{
    struct memory_service *service = *state;
    static struct watched_ledger ledger;
    watched_ledger_init(service, &ledger);
    ledger.before_open = step_once;
    memory_service_start(service);
    assert_status(memory_service_spend(service, memory_service_now_s(service), "n"), STATUS_OK);
    assert_int_equal(atomic_load(&ledger.opened), 2);
    assert_status(memory_service_spend(service, memory_service_now_s(service), "n"), STATUS_NONCE_USED);
    assert_false(ephemeral_trouble(service->view).is_stuck);
    memory_service_crash(service);
}

/* The clock moves again while the new epoch is being written: that one has begun by the wrong clock. */
static void an_epoch_that_was_lost_while_it_was_written_is_begun_again(void **state)
{
    struct memory_service *service = *state;
    static struct watched_ledger ledger;
    start_watched(service, &ledger);
    int64_t signed_s = memory_service_now_s(service);
    assert_status(memory_service_spend(service, signed_s, "n"), STATUS_OK);
    ledger.before_open = lose_by_clock_once;
    lose_by_clock();
    memory_service_recover(service);
    assert_int_equal(atomic_load(&ledger.opened), 3);
    assert_status(memory_service_spend(service, signed_s, "n"), STATUS_STORE_DOWN);
    memory_service_crash(service);
}

/* Another loop sees that the clock moved, while this one puts its nonce into the set: what it found there is void. */
static void a_verdict_does_not_count_if_nonces_were_lost_meanwhile(void **state)
{
    struct memory_service *service = *state;
    static struct watched_ledger ledger;
    start_watched(service, &ledger);
    int64_t signed_s = memory_service_now_s(service);
    assert_status(memory_service_spend(service, signed_s, "n"), STATUS_OK);
    before_add = lose_by_clock;
    assert_status(memory_service_spend(service, signed_s, "m"), STATUS_STORE_DOWN);
    assert_null(before_add);
    memory_service_crash(service);
}

/* Before the ledger is asked again. */
static void a_new_epoch_begins_with_its_guard(void **state)
{
    struct memory_service *service = *state;
    static struct watched_ledger ledger;
    start_watched(service, &ledger);
    assert_status(memory_service_spend(service, memory_service_now_s(service), "n"), STATUS_OK);
    int64_t guarded_s = memory_service_now_s(service) + ACCEPTED_AHEAD_S;
    atomic_store(&ledger.keeps_nothing, true);
    lose_by_clock();
    wait_until_opened(&ledger, 2);
    memory_service_step_s(service, 10); /* which is a loss once more */
    int64_t now_ms = 0;
    assert_status(ephemeral_now(service->view, &now_ms), STATUS_OK);
    for (int i = 0; i < 1000 && atomic_load(&ledger.opened) < 3; i++) {
        (void)ephemeral_trouble(service->view); /* begins the third, if the second was not entered yet */
        (void)usleep(1000);
    }
    wait_until_opened(&ledger, 3);
    for (int i = 0; i < 1000 && ephemeral_guard_s(service->view) == 0; i++)
        (void)usleep(1000);
    assert_int_equal(ephemeral_guard_s(service->view), guarded_s + 1 - memory_service_now_s(service));
    memory_service_crash(service);
}

/* All of it, or what it showed before would be the time in which nothing is good any more. */
static void a_loss_forgets_what_time_it_was(void **state)
{
    enum { DAY_S = 86400, MANY = 64 }; /* so many come to every part of the memory */
    struct memory_service *service = *state;
    static struct watched_ledger ledger;
    char text[3] = "a ";
    start_watched(service, &ledger);
    memory_service_step_s(service, DAY_S);
    memory_service_recover(service);
    for (int i = 0; i < MANY; i++) {
        text[1] = (char)(' ' + i);
        assert_status(memory_service_spend(service, memory_service_now_s(service), text), STATUS_OK);
    }
    memory_service_step_s(service, -DAY_S);
    memory_service_recover(service);
    for (int i = 0; i < MANY; i++) {
        text[1] = (char)(' ' + i);
        assert_status(memory_service_spend(service, memory_service_now_s(service), text), STATUS_OK);
    }
    memory_service_crash(service);
}

/* It was stopped before the new epoch was begun: nothing may be saved under the one before. */
static void what_was_lost_just_before_the_end_is_not_saved(void **state)
{
    struct memory_service *service = *state;
    static struct watched_ledger ledger;
    start_watched(service, &ledger);
    assert_status(memory_service_spend(service, memory_service_now_s(service), "n"), STATUS_OK);
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
    memory_service_crash(service);
}

/* No service has saved that. There is no room for so many seconds, and the other nonces are not given up for it. */
static void a_saved_nonce_that_is_centuries_ahead_is_left_out(void **state)
{
    struct memory_service *service = *state;
    static struct watched_ledger ledger;
    watched_ledger_init(service, &ledger);
    ledger.saved_s = INT64_MAX / 2;
    memory_service_start(service);
    assert_status(memory_service_spend(service, memory_service_now_s(service), "n"), STATUS_OK);
    memory_service_crash(service);
}

static void what_could_not_be_saved_is_told(void **state)
{
    struct memory_service *service = *state;
    static struct watched_ledger ledger;
    start_watched(service, &ledger);
    ledger.save_status = STATUS_STORE_DOWN;
    assert_status(ephemeral_save_blocking(service->store), STATUS_STORE_DOWN);
    memory_service_crash(service);
}

static void at_the_end_the_key_is_wiped(void **state)
{
    struct memory_service *service = *state;
    static struct watched_ledger ledger;
    start_watched(service, &ledger);
    assert_status(ephemeral_save_blocking(service->store), STATUS_OK);
    watch_begin();
    memory_service_crash(service);
    assert_int_equal(watch_wipes(slice_of(ledger.hash_key, sizeof ledger.hash_key)), 1);
    watch_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MEMORY_TEST(a_loss_begins_a_new_epoch_at_once_and_one_alone),
        MEMORY_TEST(a_new_epoch_that_cannot_be_written_is_tried_again),
        MEMORY_TEST(a_new_epoch_that_takes_long_to_write_is_not_begun_twice),
        MEMORY_TEST(a_new_epoch_is_tried_again_by_who_waits_for_it),
        MEMORY_TEST(of_two_that_wait_the_first_is_accepted),
        MEMORY_TEST(who_waits_at_the_end_is_answered),
        MEMORY_TEST(every_epoch_has_a_name_that_cannot_be_guessed),
        MEMORY_TEST(without_randomness_it_does_not_start),
        MEMORY_TEST(a_clock_that_moves_while_the_ledger_is_opened_is_a_loss),
        MEMORY_TEST(an_epoch_that_was_lost_while_it_was_written_is_begun_again),
        MEMORY_TEST(a_verdict_does_not_count_if_nonces_were_lost_meanwhile),
        MEMORY_TEST(a_new_epoch_begins_with_its_guard),
        MEMORY_TEST(a_loss_forgets_what_time_it_was),
        MEMORY_TEST(what_was_lost_just_before_the_end_is_not_saved),
        MEMORY_TEST(a_saved_nonce_that_is_centuries_ahead_is_left_out),
        MEMORY_TEST(what_could_not_be_saved_is_told),
        MEMORY_TEST(at_the_end_the_key_is_wiped),
    };
    return cmocka_run_group_tests_name("memory_epochs", tests, NULL, NULL);
}
