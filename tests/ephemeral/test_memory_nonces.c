/* What restarts do to the nonces in the memory of a process (docs/design/nonce-guard.md), and how many it holds. */
#include "base/buf.h"
#include "ephemeral/memory_bench.h"
#include "support/test.h"

#include <stdio.h>
#include <unistd.h>

/* ---- restarts ---- */

static void the_first_start_needs_no_guard(void **state)
{
    struct memory_service *service = *state;
    memory_service_start(service);
    assert_int_equal(ephemeral_guard_s(service->view), 0);
    assert_status(memory_service_spend(service, memory_service_now_s(service), "n"), STATUS_OK);
    memory_service_crash(service);
}

static void a_clean_stop_keeps_every_live_nonce_and_needs_no_guard(void **state)
{
    struct memory_service *service = *state;
    memory_service_start(service);
    int64_t signed_s = memory_service_now_s(service);
    assert_status(memory_service_spend(service, signed_s, "n"), STATUS_OK);
    assert_status(memory_service_spend(service, signed_s + LEAD_S, "ahead"), STATUS_OK);
    memory_service_stop(service);
    memory_service_pass_s(service, 3);
    memory_service_start(service);
    assert_int_equal(ephemeral_guard_s(service->view), 0);
    assert_status(memory_service_spend(service, signed_s, "n"), STATUS_NONCE_USED);
    assert_status(memory_service_spend(service, signed_s + LEAD_S, "ahead"), STATUS_NONCE_USED);
    assert_status(memory_service_spend(service, signed_s, "new"), STATUS_OK);
    memory_service_crash(service);
}

/* It comes within the smaller lead as time passes, also after another clean stop. */
static void a_nonce_beyond_the_lead_of_the_next_life_is_kept(void **state)
{
    struct memory_service *service = *state;
    memory_service_start(service);
    int64_t ahead_s = memory_service_now_s(service) + LEAD_S;
    assert_status(memory_service_spend(service, ahead_s, "ahead"), STATUS_OK);
    memory_service_stop(service);
    service->options.lead_ms = 2000;
    for (int life = 0; life < 2; life++) {
        memory_service_pass_s(service, 1);
        memory_service_start(service);
        assert_status(memory_service_spend(service, ahead_s, "ahead"), STATUS_TIMESTAMP_REFUSED);
        memory_service_stop(service);
    }
    memory_service_start(service);
    memory_service_pass_s(service, LEAD_S - 4);
    assert_int_equal(memory_service_now_s(service), ahead_s - 2);
    assert_status(memory_service_spend(service, ahead_s, "ahead"), STATUS_NONCE_USED);
    assert_status(memory_service_spend(service, ahead_s, "another"), STATUS_OK);
    memory_service_crash(service);
}

static void a_saved_nonce_of_the_next_second_leaves_room_for_the_whole_lead(void **state)
{
    struct memory_service *service = *state;
    memory_service_start(service);
    assert_status(memory_service_spend(service, memory_service_now_s(service) + 1, "n"), STATUS_OK);
    memory_service_stop(service);
    memory_service_start(service);
    assert_status(memory_service_spend(service, memory_service_now_s(service) + LEAD_S, "n"), STATUS_OK);
    memory_service_crash(service);
}

/* By the largest lead, of a client as far ahead as may be, and then the clock goes back by as much as is no loss. */
static void a_nonce_of_the_last_second_of_a_day_is_kept(void **state)
{
    struct memory_service *service = *state;
    service->options.lead_ms = 86400 * 1000;
    memory_service_start(service);
    int64_t ahead_s = memory_service_now_s(service) + 86400;
    assert_status(memory_service_spend(service, ahead_s, "ahead"), STATUS_OK);
    memory_service_stop(service);
    memory_service_step_s(service, -2);
    memory_service_start(service);
    memory_service_pass_s(service, 2);
    assert_status(memory_service_spend(service, ahead_s, "ahead"), STATUS_NONCE_USED);
    assert_status(memory_service_spend(service, ahead_s, "another"), STATUS_OK);
    memory_service_crash(service);
}

static void hear(void *context, const char *source, const char *what, const char *detail)
{
    buf_addf(context, "%s: %s: %s", source, what, detail);
}

/* The first life has forgotten what the second would accept. */
static void a_life_with_a_larger_skew_takes_no_request_of_before(void **state)
{
    struct memory_service *service = *state;
    char memory[200];
    struct buf heard = buf_fixed(memory, sizeof memory);
    const struct observer observer = {.context = &heard, .event = hear};
    service->options.observer = &observer;
    service->options.skew_ms = 4000;
    memory_service_start(service);
    int64_t signed_s = memory_service_now_s(service);
    assert_status(memory_service_spend(service, signed_s, "n"), STATUS_OK);
    memory_service_pass_s(service, 10);
    memory_service_stop(service);
    assert_string_equal(buf_string(&heard), "");
    service->options.skew_ms = BENCH_SKEW_MS;
    memory_service_start(service);
    assert_string_equal(buf_string(&heard), "memory: epoch changed: nonces were kept for 8 s, this process needs 600 s "
                                            "(twice OAUTH1_TIMESTAMP_SKEW)");
    for (int64_t passed_s = 10; passed_s <= BENCH_SKEW_MS / 1000; passed_s += 10) {
        assert_status(memory_service_spend(service, signed_s, "n"), STATUS_STORE_DOWN);
        memory_service_pass_s(service, 10);
    }
    assert_status(memory_service_spend(service, memory_service_now_s(service), "n"), STATUS_OK);
    memory_service_stop(service);
    memory_service_start(service); /* and from then on a clean stop loses nothing */
    assert_int_equal(ephemeral_guard_s(service->view), 0);
    memory_service_crash(service);
}

static void a_life_with_a_smaller_skew_loses_nothing(void **state)
{
    struct memory_service *service = *state;
    memory_service_start(service);
    int64_t signed_s = memory_service_now_s(service);
    assert_status(memory_service_spend(service, signed_s, "n"), STATUS_OK);
    memory_service_stop(service);
    service->options.skew_ms = 4000;
    memory_service_start(service);
    assert_int_equal(ephemeral_guard_s(service->view), 0);
    assert_status(memory_service_spend(service, signed_s, "n"), STATUS_NONCE_USED);
    memory_service_crash(service);
}

static void a_long_pause_after_a_clean_stop_is_no_trouble(void **state)
{
    struct memory_service *service = *state;
    memory_service_start(service);
    assert_status(memory_service_spend(service, memory_service_now_s(service), "n"), STATUS_OK);
    memory_service_stop(service);
    memory_service_pass_s(service, 86400);
    memory_service_start(service);
    assert_status(memory_service_spend(service, memory_service_now_s(service), "n"), STATUS_OK);
    memory_service_crash(service);
}

static void after_a_crash_no_request_from_before_is_let_through(void **state)
{
    struct memory_service *service = *state;
    memory_service_start(service);
    int64_t crash_s = memory_service_now_s(service);
    assert_status(memory_service_spend(service, crash_s - SKEW_S, "oldest"), STATUS_OK);
    assert_status(memory_service_spend(service, crash_s, "n"), STATUS_OK);
    assert_status(memory_service_spend(service, crash_s + LEAD_S, "ahead"), STATUS_OK);
    memory_service_crash(service);
    memory_service_start(service);
    for (int64_t second = 0; second <= 2 * SKEW_S; second++, memory_service_pass_s(service, 1)) {
        /* judged by the window before, so each is asked about only while its timestamp is good */
        if (second == 0)
            assert_status(memory_service_spend(service, crash_s - SKEW_S, "oldest"), STATUS_STORE_DOWN);
        if (second <= SKEW_S)
            assert_status(memory_service_spend(service, crash_s, "n"), STATUS_STORE_DOWN);
        if (second <= SKEW_S + LEAD_S)
            assert_status(memory_service_spend(service, crash_s + LEAD_S, "ahead"), STATUS_STORE_DOWN);
    }
    memory_service_crash(service);
}

static void after_a_crash_requests_pass_that_are_newer_than_what_was_accepted(void **state)
{
    struct memory_service *service = *state;
    memory_service_start(service);
    assert_status(memory_service_spend(service, memory_service_now_s(service), "n"), STATUS_OK);
    memory_service_crash(service);
    memory_service_start(service);
    assert_int_equal(ephemeral_guard_s(service->view), ACCEPTED_AHEAD_S + 1);
    assert_status(memory_service_spend(service, memory_service_now_s(service) + ACCEPTED_AHEAD_S, "n"),
                  STATUS_STORE_DOWN);
    assert_status(memory_service_spend(service, memory_service_now_s(service) + ACCEPTED_AHEAD_S + 1, "n"),
                  STATUS_OK); /* a fast client */
    memory_service_pass_s(service, ACCEPTED_AHEAD_S);
    assert_int_equal(ephemeral_guard_s(service->view), 1);
    memory_service_pass_s(service, 1);
    assert_int_equal(ephemeral_guard_s(service->view), 0);
    assert_status(memory_service_spend(service, memory_service_now_s(service), "m"), STATUS_OK);
    memory_service_crash(service);
}

static void a_fast_client_shows_and_guards_its_own_seconds_alone(void **state)
{
    struct memory_service *service = *state;
    memory_service_start(service);
    assert_int_equal(ephemeral_trouble(service->view).lead_s, 0);
    assert_status(memory_service_spend(service, memory_service_now_s(service), "n"), STATUS_OK);
    assert_int_equal(ephemeral_trouble(service->view).lead_s, 0);
    assert_status(memory_service_spend(service, memory_service_now_s(service) + 45, "fast"), STATUS_OK);
    assert_int_equal(ephemeral_trouble(service->view).lead_s, 45);
    memory_service_crash(service);
    memory_service_start(service);
    assert_int_equal(ephemeral_guard_s(service->view), ACCEPTED_AHEAD_S + 1);
    memory_service_pass_s(service, 10);
    assert_status(memory_service_spend(service, memory_service_now_s(service), "between"), STATUS_OK);
    assert_status(memory_service_spend(service, memory_service_now_s(service) + 35, "fast"), STATUS_STORE_DOWN);
    memory_service_crash(service);
}

static void after_a_crash_in_which_nothing_was_accepted_all_goes_on(void **state)
{
    struct memory_service *service = *state;
    memory_service_start(service);
    memory_service_crash(service);
    memory_service_start(service);
    assert_int_equal(ephemeral_guard_s(service->view), 0);
    assert_status(memory_service_spend(service, memory_service_now_s(service), "n"), STATUS_OK);
    memory_service_crash(service);
}

/* The copy that the clean stop wrote must not make the crash after it look clean. */
static void a_crash_after_a_clean_start_is_still_a_crash(void **state)
{
    struct memory_service *service = *state;
    memory_service_start(service);
    memory_service_stop(service);
    memory_service_start(service);
    assert_status(memory_service_spend(service, memory_service_now_s(service), "n"), STATUS_OK);
    memory_service_crash(service);
    memory_service_start(service);
    assert_status(memory_service_spend(service, memory_service_now_s(service), "n"), STATUS_STORE_DOWN);
    memory_service_crash(service);
}

/* Otherwise a quick second restart would lift the guard over what the crash lost; nor does it begin anew. */
static void a_restart_during_the_guard_neither_lifts_nor_renews_it(void **state)
{
    struct memory_service *service = *state;
    memory_service_start(service);
    int64_t signed_s = memory_service_now_s(service);
    assert_status(memory_service_spend(service, signed_s, "n"), STATUS_OK);
    memory_service_crash(service);
    for (int64_t passed = 0; passed <= ACCEPTED_AHEAD_S; passed++) {
        memory_service_start(service);
        assert_int_equal(ephemeral_guard_s(service->view), ACCEPTED_AHEAD_S + 1 - passed);
        assert_status(memory_service_spend(service, signed_s, "n"), STATUS_STORE_DOWN);
        if (passed % 2)
            memory_service_stop(service);
        else
            memory_service_crash(service);
        memory_service_pass_s(service, 1);
    }
    memory_service_start(service);
    assert_int_equal(ephemeral_guard_s(service->view), 0);
    assert_status(memory_service_spend(service, signed_s, "n"), STATUS_STORE_DOWN);
    memory_service_crash(service);
}

static void each_service_has_a_memory_of_its_own(void **state)
{
    struct memory_service *service = *state;
    memory_service_start(service);
    assert_status(memory_service_spend(service, memory_service_now_s(service), "n"), STATUS_OK);
    memory_service_crash(service);
    service->options.ledger_name = SLICE("memory:other");
    memory_service_start(service);
    assert_int_equal(ephemeral_guard_s(service->view), 0);
    memory_service_crash(service);
}

/* ---- the durable store ---- */

static void nothing_is_accepted_beyond_what_is_written_down(void **state)
{
    struct memory_service *service = *state;
    static struct volatile_ledger ledger;
    volatile_ledger_init(&ledger);
    service->options.ledger = &ledger.ledger;
    memory_service_start(service);
    int64_t signed_s = memory_service_now_s(service);
    assert_status(memory_service_spend(service, signed_s, "n"), STATUS_OK);
    atomic_store(&ledger.is_away, true);
    service->asking.patience_ms = 300;
    assert_status(memory_service_spend(service, signed_s + 1, "covered"), STATUS_OK);
    assert_status(memory_service_spend(service, signed_s + ACCEPTED_AHEAD_S + 1, "beyond"), STATUS_STORE_DOWN);
    service->asking.patience_ms = 0;
    for (int i = 0; i < 600 && !ephemeral_trouble(service->view).is_stuck; i++)
        (void)usleep(5000);
    assert_true(ephemeral_trouble(service->view).is_stuck);
    atomic_store(&ledger.is_away, false);
    assert_status(memory_service_spend(service, signed_s + ACCEPTED_AHEAD_S + 2, "again"), STATUS_OK);
    assert_false(ephemeral_trouble(service->view).is_stuck);
    memory_service_crash(service);
}

/* Nobody waits for a commit while requests come, and a busy second costs one of them. */
static void ranges_are_raised_ahead_of_need(void **state)
{
    struct memory_service *service = *state;
    static struct volatile_ledger ledger;
    volatile_ledger_init(&ledger);
    service->options.ledger = &ledger.ledger;
    memory_service_start(service);
    int64_t first_s = memory_service_now_s(service);
    assert_status(memory_service_spend(service, first_s, "first"), STATUS_OK);
    for (int64_t second = 0; second < 40; second++, memory_service_pass_s(service, 1)) {
        int before = atomic_load(&ledger.kept);
        for (int i = 0; i < 20; i++) {
            char text[32];
            (void)snprintf(text, sizeof text, "%d", i);
            assert_status(memory_service_spend(service, first_s + second, text), STATUS_OK);
        }
        for (int i = 0; i < 200 && second % 3 == 2 && atomic_load(&ledger.kept) == before; i++)
            (void)usleep(1000);
    }
    assert_in_range(atomic_load(&ledger.kept), 10, 42);
    memory_service_crash(service);
}

static void assert_does_not_start(struct memory_service *service)
{
    struct buf why = BUF_INIT;
    struct ephemeral_store *store = NULL;
    assert_int_not_equal(ephemeral_open_blocking(SLICE("memory:"), &service->options, &why, &store), STATUS_OK);
    assert_null(store);
    buf_done(&why);
}

static void without_its_ledger_it_does_not_start(void **state)
{
    struct memory_service *service = *state;
    static struct volatile_ledger ledger;
    volatile_ledger_init(&ledger);
    service->options.ledger = &ledger.ledger;
    atomic_store(&ledger.is_away, true);
    assert_does_not_start(service);
}

/* Those that find no room would be good once more. */
static void where_saved_nonces_find_no_room_it_does_not_start(void **state)
{
    struct memory_service *service = *state;
    memory_service_start(service);
    for (int i = 0; i < 20; i++) {
        char text[2] = {(char)('a' + i), '\0'};
        assert_status(memory_service_spend(service, memory_service_now_s(service), text), STATUS_OK);
    }
    memory_service_stop(service);
    service->options.max_nonces = 10;
    assert_does_not_start(service);
}

/* ---- bounds ---- */

static void a_timestamp_that_no_window_holds_is_refused(void **state)
{
    struct memory_service *service = *state;
    memory_service_start(service);
    assert_status(memory_service_spend(service, memory_service_now_s(service) + LEAD_S, "n"), STATUS_OK);
    assert_status(memory_service_spend(service, memory_service_now_s(service) + LEAD_S + 1, "n"),
                  STATUS_TIMESTAMP_REFUSED);
    assert_status(memory_service_spend(service, memory_service_now_s(service) - 2 * SKEW_S, "n"), STATUS_OK);
    assert_status(memory_service_spend(service, memory_service_now_s(service) - 2 * SKEW_S - 1, "n"),
                  STATUS_TIMESTAMP_REFUSED);
    memory_service_crash(service);
}

static void a_fraction_of_a_second_of_the_lead_has_room_too(void **state)
{
    struct memory_service *service = *state;
    service->options.lead_ms += 500;
    service->durable.clock.wall_ms += 500;
    memory_service_start(service);
    assert_status(memory_service_spend(service, memory_service_now_s(service) + LEAD_S + 1, "n"), STATUS_OK);
    assert_status(memory_service_spend(service, memory_service_now_s(service) + LEAD_S + 2, "n"),
                  STATUS_TIMESTAMP_REFUSED);
    memory_service_crash(service);
}

static void a_full_memory_refuses_and_forgets_no_live_nonce(void **state)
{
    struct memory_service *service = *state;
    service->options.max_nonces = 100;
    memory_service_start(service);
    int64_t signed_s = memory_service_now_s(service);
    for (int i = 0; i < 100; i++) {
        char text[2] = {(char)(' ' + i), '\0'};
        assert_status(memory_service_spend(service, signed_s, text), STATUS_OK);
    }
    assert_status(memory_service_spend(service, signed_s, "one more"), STATUS_STORE_DOWN);
    assert_status(memory_service_spend(service, signed_s, "A"), STATUS_NONCE_USED);
    memory_service_pass_s(service, 2 * SKEW_S + 2);
    for (int i = 0; i < 64; i++) { /* the shards are swept one by one */
        char text[3] = {'x', (char)(' ' + i), '\0'};
        (void)memory_service_spend(service, memory_service_now_s(service), text);
    }
    assert_status(memory_service_spend(service, memory_service_now_s(service), "room again"), STATUS_OK);
    memory_service_crash(service);
}

static void a_nonce_that_cannot_be_hashed_is_not_accepted(void **state)
{
    struct memory_service *service = *state;
    size_t len = 3 << 20;
    char *text = test_calloc(1, len);
    const struct nonce nonce = {SLICE("acme"), SLICE("token"), memory_service_now_s(service), slice_of(text, len)};
    memory_service_start(service);
    assert_status(memory_service_spend(service, memory_service_now_s(service), "n"), STATUS_OK);
    ephemeral_nonce_spend_start(service->view, &nonce, asking_ticket(&service->asking));
    assert_status(asking_wait(&service->asking, NULL), STATUS_NO_MEMORY);
    memory_service_crash(service);
    test_free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MEMORY_TEST(the_first_start_needs_no_guard),
        MEMORY_TEST(a_clean_stop_keeps_every_live_nonce_and_needs_no_guard),
        MEMORY_TEST(a_nonce_beyond_the_lead_of_the_next_life_is_kept),
        MEMORY_TEST(a_saved_nonce_of_the_next_second_leaves_room_for_the_whole_lead),
        MEMORY_TEST(a_nonce_of_the_last_second_of_a_day_is_kept),
        MEMORY_TEST(a_life_with_a_larger_skew_takes_no_request_of_before),
        MEMORY_TEST(a_life_with_a_smaller_skew_loses_nothing),
        MEMORY_TEST(a_long_pause_after_a_clean_stop_is_no_trouble),
        MEMORY_TEST(after_a_crash_no_request_from_before_is_let_through),
        MEMORY_TEST(after_a_crash_requests_pass_that_are_newer_than_what_was_accepted),
        MEMORY_TEST(a_fast_client_shows_and_guards_its_own_seconds_alone),
        MEMORY_TEST(after_a_crash_in_which_nothing_was_accepted_all_goes_on),
        MEMORY_TEST(a_crash_after_a_clean_start_is_still_a_crash),
        MEMORY_TEST(a_restart_during_the_guard_neither_lifts_nor_renews_it),
        MEMORY_TEST(each_service_has_a_memory_of_its_own),
        MEMORY_TEST(nothing_is_accepted_beyond_what_is_written_down),
        MEMORY_TEST(a_timestamp_that_no_window_holds_is_refused),
        MEMORY_TEST(a_fraction_of_a_second_of_the_lead_has_room_too),
        MEMORY_TEST(a_nonce_that_cannot_be_hashed_is_not_accepted),
        MEMORY_TEST(without_its_ledger_it_does_not_start),
        MEMORY_TEST(where_saved_nonces_find_no_room_it_does_not_start),
        MEMORY_TEST(ranges_are_raised_ahead_of_need),
        MEMORY_TEST(a_full_memory_refuses_and_forgets_no_live_nonce),
    };
    return cmocka_run_group_tests_name("memory_nonces", tests, NULL, NULL);
}
