#include "verify/quota.h"

#include "base/buf.h"
#include "base/clock.h"
#include "support/asking.h"
#include "support/faulty_ephemeral.h"
#include "support/test.h"
#include "support/volatile_ledger.h"

struct bench {
    struct volatile_ledger ledger;
    struct fake_clock clock;
    struct asking asking;
    struct ephemeral_store *store;
    struct ephemeral *view;
};

static int setup(void **state)
{
    struct bench *bench = test_calloc(1, sizeof *bench);
    struct buf why = BUF_INIT;
    fake_clock_init(&bench->clock, INT64_C(1790000000000));
    asking_init(&bench->asking, &bench->clock.clock);
    volatile_ledger_init(&bench->ledger);
    const struct ephemeral_options options = {
        .clock = &bench->clock.clock,
        .skew_ms = 300000,
        .lead_ms = 60000,
        .temp_ttl_ms = 600000,
        .ledger = &bench->ledger.ledger,
        .ledger_name = SLICE("memory:"),
    };
    assert_status(ephemeral_open_blocking(SLICE("memory:"), &options, &why, &bench->store), STATUS_OK);
    assert_status(ephemeral_view_new(bench->store, bench->asking.loop, &bench->view), STATUS_OK);
    buf_done(&why);
    *state = bench;
    return 0;
}

static int teardown(void **state)
{
    struct bench *bench = *state;
    ephemeral_view_free(bench->view);
    asking_done(&bench->asking);
    ephemeral_store_free(bench->store);
    test_free(bench);
    return 0;
}

/* How many came before in this minute, this one included. */
static int64_t count(struct bench *bench, enum quota quota, const char *name)
{
    quota_count_start(bench->view, quota, slice_str(name), 1, asking_ticket(&bench->asking));
    const struct ephemeral_count *counted = asking_answer(&bench->asking, STATUS_OK);
    return counted->count;
}

static void counts_each_name_and_each_quota_by_itself(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(count(bench, QUOTA_CLIENT, "a"), 1);
    assert_int_equal(count(bench, QUOTA_CLIENT, "a"), 2);
    assert_int_equal(count(bench, QUOTA_CLIENT, "A"), 1);
    assert_int_equal(count(bench, QUOTA_LOGIN_ACCOUNT, "a"), 1);
    assert_int_equal(count(bench, QUOTA_CLIENT, "192.0.2.1"), 1);
    assert_int_equal(count(bench, QUOTA_CLIENT, "::ffff:192.0.2.1"), 1); /* a name, whatever it looks like */
    assert_int_equal(count(bench, QUOTA_ADDRESS, "192.0.2.1"), 1);
    assert_int_equal(count(bench, QUOTA_LOGIN_ADDRESS, "192.0.2.1"), 1);
}

static void every_spelling_of_an_address_is_one(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(count(bench, QUOTA_ADDRESS, "192.0.2.1"), 1);
    assert_int_equal(count(bench, QUOTA_ADDRESS, "::ffff:192.0.2.1"), 2);
    assert_int_equal(count(bench, QUOTA_ADDRESS, "[::ffff:c000:201]"), 3);
    assert_int_equal(count(bench, QUOTA_ADDRESS, "192.0.2.2"), 1);
}

static void an_ipv6_network_counts_as_one(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(count(bench, QUOTA_ADDRESS, "2001:db8:0:1::1"), 1);
    assert_int_equal(count(bench, QUOTA_ADDRESS, "2001:DB8:0:1:ffff::"), 2);
    assert_int_equal(count(bench, QUOTA_ADDRESS, "2001:db8:0:2::1"), 1);
    assert_int_equal(count(bench, QUOTA_ADDRESS, "2601:db8:0:1::1"), 1);
}

static void a_peer_without_an_address_is_itself(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(count(bench, QUOTA_ADDRESS, "unix"), 1);
    assert_int_equal(count(bench, QUOTA_ADDRESS, "unix"), 2);
    assert_int_equal(count(bench, QUOTA_ADDRESS, "pipe"), 1);
}

static void without_a_limit_nothing_is_counted(void **state)
{
    struct bench *bench = *state;
    quota_count_start(bench->view, QUOTA_CLIENT, SLICE("a"), 0, asking_ticket(&bench->asking));
    assert_null(asking_answer(&bench->asking, STATUS_OK));
    assert_int_equal(count(bench, QUOTA_CLIENT, "a"), 1);
}

static void without_a_limit_no_store_is_asked(void **state)
{
    struct bench *bench = *state;
    struct faulty_ephemeral watched;
    faulty_ephemeral_init(&watched, bench->view);
    quota_count_start(&watched.view, QUOTA_CLIENT, SLICE("a"), 0, asking_ticket(&bench->asking));
    assert_null(asking_answer(&bench->asking, STATUS_OK));
    quota_take_back_start(&watched.view, QUOTA_CLIENT, SLICE("a"), 0, asking_ticket(&bench->asking));
    assert_null(asking_answer(&bench->asking, STATUS_OK));
    assert_int_equal(watched.calls, 0);
}

static void a_minute_is_all_of_60_seconds(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(count(bench, QUOTA_CLIENT, "a"), 1);
    fake_clock_advance(&bench->clock, 59999);
    assert_int_equal(count(bench, QUOTA_CLIENT, "a"), 2);
    fake_clock_advance(&bench->clock, 1);
    assert_int_equal(count(bench, QUOTA_CLIENT, "a"), 1);
}

/* ---- a store that has one room for all names, as Redis ---- */

static char named[64];

static void name_count(struct ephemeral *view UNUSED, enum quota quota UNUSED, struct slice name,
                       int64_t window_ms UNUSED, struct ticket ticket)
{
    assert_true(name.len < sizeof named);
    memcpy(named, name.ptr, name.len);
    named[name.len] = '\0';
    ticket_complete(ticket, STATUS_OK, NULL, NULL);
}

static void names_tell_the_quotas_apart(void **state)
{
    struct bench *bench = *state;
    static const struct ephemeral_ops ops = {.count_start = name_count};
    static const struct {
        enum quota quota;
        const char *name;
    } rows[] = {
        {QUOTA_CLIENT, "client:192.0.2.1"},
        {QUOTA_ADDRESS, "address:00000000000000000000ffffc0000201"},
        {QUOTA_LOGIN_ACCOUNT, "login-account:192.0.2.1"},
        {QUOTA_LOGIN_ADDRESS, "login-address:00000000000000000000ffffc0000201"},
    };
    struct ephemeral view = {&ops};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        quota_count_start(&view, rows[i].quota, SLICE("192.0.2.1"), 1, asking_ticket(&bench->asking));
        assert_null(asking_answer(&bench->asking, STATUS_OK));
        assert_string_equal(named, rows[i].name);
    }
}

static void take_back(struct bench *bench, enum quota quota, const char *name, int64_t limit)
{
    quota_take_back_start(bench->view, quota, slice_str(name), limit, asking_ticket(&bench->asking));
    assert_null(asking_answer(&bench->asking, STATUS_OK));
}

static void what_is_taken_back_was_not_counted(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(count(bench, QUOTA_LOGIN_ADDRESS, "192.0.2.1"), 1);
    assert_int_equal(count(bench, QUOTA_LOGIN_ACCOUNT, "jane"), 1);
    take_back(bench, QUOTA_LOGIN_ADDRESS, "::ffff:192.0.2.1", 1);
    take_back(bench, QUOTA_LOGIN_ACCOUNT, "jane", 0); /* without a limit there is nothing to take back */
    assert_int_equal(count(bench, QUOTA_LOGIN_ADDRESS, "192.0.2.1"), 1);
    assert_int_equal(count(bench, QUOTA_LOGIN_ACCOUNT, "jane"), 2);
}

/* One flow that counts once and judges. */
struct judged {
    struct ephemeral *view;
    struct flow flow;
    int64_t limit;
    enum status status;
    int64_t wait_s;
};

static enum step_result begin(struct flow *flow)
{
    struct judged *it = flow_subject(flow);
    quota_count_start(it->view, QUOTA_CLIENT, SLICE("a"), it->limit, flow_wait(flow, 1000));
    return STEP_WAIT;
}

static enum step_result judge(struct flow *flow)
{
    struct judged *it = flow_subject(flow);
    it->status = quota_judge(flow, 0, it->limit, &it->wait_s);
    return STEP_REPLY;
}

static void judged_end(struct flow *flow)
{
    loop_stop(flow_loop(flow));
}

static struct judged judge_by(struct bench *bench, struct ephemeral *view, int64_t limit, int64_t wait_s)
{
    static const struct step steps[] = {{"begin", begin}, {"judge", judge}, {NULL, NULL}};
    struct judged it = {.view = view, .limit = limit, .status = STATUS_INTERNAL, .wait_s = wait_s};
    flow_start(&it.flow, bench->asking.loop, "test", steps, &it, judged_end);
    while (it.status == STATUS_INTERNAL)
        loop_run(bench->asking.loop);
    return it;
}

static struct judged judge_after(struct bench *bench, int64_t limit, int64_t wait_s)
{
    return judge_by(bench, bench->view, limit, wait_s);
}

static struct judged judge_next(struct bench *bench, int64_t limit)
{
    return judge_after(bench, limit, 0);
}

static void the_longest_of_several_waits_counts(void **state)
{
    struct bench *bench = *state;
    assert_status(judge_next(bench, 1).status, STATUS_OK);
    assert_int_equal(judge_after(bench, 1, 59).wait_s, 60);
    assert_int_equal(judge_after(bench, 1, 61).wait_s, 61);
}

static void what_is_beyond_the_limit_waits_until_the_minute_ends(void **state)
{
    struct bench *bench = *state;
    assert_status(judge_next(bench, 2).status, STATUS_OK);
    fake_clock_advance(&bench->clock, 20000);
    assert_status(judge_next(bench, 2).status, STATUS_OK);
    struct judged third = judge_next(bench, 2);
    assert_status(third.status, STATUS_SLOW_DOWN);
    assert_int_equal(third.wait_s, 40);
    fake_clock_advance(&bench->clock, 40000);
    assert_status(judge_next(bench, 2).status, STATUS_OK);
    assert_status(judge_next(bench, 0).status, STATUS_OK);
}

static void a_counter_that_is_down_is_no_verdict(void **state)
{
    struct bench *bench = *state;
    struct faulty_ephemeral faulty;
    faulty_ephemeral_init(&faulty, bench->view);
    faulty_ephemeral_fail(&faulty, 1);
    assert_status(judge_by(bench, &faulty.view, 1, 0).status, STATUS_STORE_DOWN);
}

#define QUOTA_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        QUOTA_TEST(counts_each_name_and_each_quota_by_itself),
        QUOTA_TEST(every_spelling_of_an_address_is_one),
        QUOTA_TEST(an_ipv6_network_counts_as_one),
        QUOTA_TEST(a_peer_without_an_address_is_itself),
        QUOTA_TEST(without_a_limit_nothing_is_counted),
        QUOTA_TEST(without_a_limit_no_store_is_asked),
        QUOTA_TEST(a_minute_is_all_of_60_seconds),
        QUOTA_TEST(names_tell_the_quotas_apart),
        QUOTA_TEST(what_is_taken_back_was_not_counted),
        QUOTA_TEST(the_longest_of_several_waits_counts),
        QUOTA_TEST(what_is_beyond_the_limit_waits_until_the_minute_ends),
        QUOTA_TEST(a_counter_that_is_down_is_no_verdict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
