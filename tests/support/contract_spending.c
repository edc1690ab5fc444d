/* The clock of an ephemeral store, and its nonces: each is spent once. */
#include "support/contract_parts.h"
#include "support/ephemeral_bench.h"
#include "support/test.h"

#include <stdio.h>

enum { NONCES = 400 };
#define NOW_S (BENCH_BEGIN_MS / 1000)

static void time_goes_on_and_never_back(void **state)
{
    struct ephemeral_bench *bench = *state;
    int64_t first = 0;
    int64_t second = 0;
    int64_t third = 0;
    ephemeral_bench_ping(bench);
    assert_status(ephemeral_now(bench->view, &first), STATUS_OK);
    ephemeral_bench_pass_s(bench, 10);
    assert_status(ephemeral_now(bench->view, &second), STATUS_OK);
    assert_int_equal(second - first, 10000);
    bench->clock.wall_ms -= 1000; /* somebody sets the machine's clock back; by more it would be a loss */
    bench->clock.steady_ms += 500;
    assert_status(ephemeral_now(bench->view, &third), STATUS_OK);
    assert_true(third >= second);
}

static enum status spend(struct ephemeral_bench *bench, const char *client_id, const char *token, int64_t timestamp_s,
                         const char *text)
{
    struct nonce nonce = {slice_str(client_id), slice_str(token), timestamp_s, slice_str(text)};
    ephemeral_nonce_spend_start(bench->view, &nonce, asking_ticket(&bench->asking));
    return asking_wait(&bench->asking, NULL);
}

static void a_nonce_is_good_once(void **state)
{
    struct ephemeral_bench *bench = *state;
    assert_status(spend(bench, "acme", "token", NOW_S, "n"), STATUS_OK);
    assert_status(spend(bench, "acme", "token", NOW_S, "n"), STATUS_NONCE_USED);
    assert_status(spend(bench, "acme", "token", NOW_S, "n"), STATUS_NONCE_USED);
}

static void a_nonce_is_unique_per_client_token_and_timestamp(void **state)
{
    struct ephemeral_bench *bench = *state;
    static const struct {
        const char *client_id;
        const char *token;
        int64_t timestamp_s;
        const char *text;
    } all_different[] = {
        {"acme", "token", NOW_S, "n"},        {"Acme", "token", NOW_S, "n"},
        {"acme", "Token", NOW_S, "n"},        {"acme", "", NOW_S, "n"},
        {"acme", "token", NOW_S + 1, "n"},    {"acme", "token", NOW_S, "N"},
        {"acme", "token", NOW_S, "n "},       {"acme", "token", NOW_S, ""},
        {"acmet", "oken", NOW_S, "n"},        {"acme", "tokenn", NOW_S, ""},
        {"acm", "etoken", NOW_S, "n"},        {"acme", "token", NOW_S, "1:n"},
        {"acme", "token", NOW_S, "\xc3\xa9"}, {"acme", "token", NOW_S, "e\xcc\x81"},
    };
    for (size_t i = 0; i < COUNT_OF(all_different); i++)
        assert_status(spend(bench, all_different[i].client_id, all_different[i].token, all_different[i].timestamp_s,
                            all_different[i].text),
                      STATUS_OK);
    for (size_t i = 0; i < COUNT_OF(all_different); i++)
        assert_status(spend(bench, all_different[i].client_id, all_different[i].token, all_different[i].timestamp_s,
                            all_different[i].text),
                      STATUS_NONCE_USED);
}

static void long_nonces_are_compared_in_full(void **state)
{
    struct ephemeral_bench *bench = *state;
    static char text[5001];
    memset(text, 'n', 5000);
    assert_status(spend(bench, "acme", "token", NOW_S, text), STATUS_OK);
    assert_status(spend(bench, "acme", "token", NOW_S, text), STATUS_NONCE_USED);
    text[4999] = 'N';
    assert_status(spend(bench, "acme", "token", NOW_S, text), STATUS_OK);
}

/* A replay within the window must find the nonce, from the first moment a timestamp is good to the last. */
static void a_nonce_is_remembered_for_the_whole_window(void **state)
{
    struct ephemeral_bench *bench = *state;
    int64_t ahead_s = NOW_S + BENCH_LEAD_MS / 1000;
    assert_status(spend(bench, "acme", "token", ahead_s, "n"), STATUS_OK);
    for (int64_t second = 0; second < (BENCH_LEAD_MS + BENCH_SKEW_MS) / 1000; second++) {
        ephemeral_bench_pass_s(bench, 1);
        assert_status(spend(bench, "acme", "token", ahead_s, "n"), STATUS_NONCE_USED);
        assert_status(spend(bench, "acme", "token", NOW_S + second, "other"), STATUS_OK); /* makes it sweep */
    }
}

static void an_old_timestamp_is_never_taken_for_a_new_one(void **state)
{
    struct ephemeral_bench *bench = *state;
    assert_status(spend(bench, "acme", "token", NOW_S, "n"), STATUS_OK);
    ephemeral_bench_pass_s(bench, 2 * BENCH_SKEW_MS / 1000 - 1);
    assert_status(spend(bench, "acme", "token", NOW_S, "n"), STATUS_NONCE_USED);
    ephemeral_bench_pass_s(bench, 2); /* forgotten now */
    assert_status(spend(bench, "acme", "token", NOW_S, "n"), STATUS_TIMESTAMP_REFUSED);
}

static void timestamps_that_no_window_holds_are_refused(void **state)
{
    struct ephemeral_bench *bench = *state;
    static const int64_t timestamps[] = {
        0, 1, NOW_S - 601, NOW_S + 61, BENCH_BEGIN_MS, INT64_MAX, INT64_MAX - 1, -1, INT64_MIN};
    for (size_t i = 0; i < COUNT_OF(timestamps); i++)
        assert_status(spend(bench, "acme", "token", timestamps[i], "n"), STATUS_TIMESTAMP_REFUSED);
    assert_status(spend(bench, "acme", "token", NOW_S + 60, "n"), STATUS_OK);
    assert_status(spend(bench, "acme", "token", NOW_S - 300, "n"), STATUS_OK);
}

/* ---- nonces, all at once ---- */

static void *spend_all(void *context)
{
    struct bench_rival *rival = context;
    for (int i = 0; i < NONCES; i++) {
        char text[16];
        int len = snprintf(text, sizeof text, "%d", i);
        struct nonce nonce = {SLICE("acme"), SLICE("token"), NOW_S + i % 3, slice_of(text, (size_t)len)};
        ephemeral_nonce_spend_start(rival->view, &nonce, asking_ticket(&rival->asking));
        enum status status = asking_wait(&rival->asking, NULL);
        rival->good += status == STATUS_OK ? 1 : 0;
        rival->refused += status == STATUS_NONCE_USED ? 1 : 0;
        rival->odd += status != STATUS_OK && status != STATUS_NONCE_USED ? 1 : 0;
    }
    return NULL;
}

static void of_racing_loops_exactly_one_spends_each_nonce(void **state)
{
    struct ephemeral_bench *bench = *state;
    struct bench_rival rivals[BENCH_RIVALS];
    unsigned accepted = 0;
    ephemeral_bench_compete(bench, rivals, spend_all);
    for (int i = 0; i < BENCH_RIVALS; i++) {
        accepted += rivals[i].good;
        assert_int_equal(rivals[i].odd, 0);
    }
    assert_int_equal(accepted, NONCES);
}

static void it_answers_when_it_is_asked_whether_it_is_there(void **state)
{
    struct ephemeral_bench *bench = *state;
    ephemeral_bench_ping(bench);
    assert_int_equal(ephemeral_guard_s(bench->view), 0);
}

int contract_spending_run(void)
{
    const struct CMUnitTest tests[] = {
        EPHEMERAL_TEST(time_goes_on_and_never_back),
        EPHEMERAL_TEST(a_nonce_is_good_once),
        EPHEMERAL_TEST(a_nonce_is_unique_per_client_token_and_timestamp),
        EPHEMERAL_TEST(long_nonces_are_compared_in_full),
        EPHEMERAL_TEST(a_nonce_is_remembered_for_the_whole_window),
        EPHEMERAL_TEST(an_old_timestamp_is_never_taken_for_a_new_one),
        EPHEMERAL_TEST(timestamps_that_no_window_holds_are_refused),
        EPHEMERAL_TEST(of_racing_loops_exactly_one_spends_each_nonce),
        EPHEMERAL_TEST(it_answers_when_it_is_asked_whether_it_is_there),
    };
    return cmocka_run_group_tests_name("ephemeral: nonces", tests, NULL, NULL);
}
