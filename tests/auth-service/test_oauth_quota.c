#include "protocol/oauth_quota.h"

#include "protocol/oauth_reply.h"
#include "site_bench.h"
#include "support/test.h"
#include "verify/signed_request.h"

/* ---- the steps of an endpoint that refuses ---- */

static struct signed_request asked;

static enum step_result refuse(struct flow *flow)
{
    request_of(flow)->state = &asked;
    return oauth_quota_refuse(flow, &asked.check);
}

static enum step_result forbidden(struct flow *flow)
{
    fail_msg("a step after the refusal ran");
    return oauth_refuse_status(request_of(flow), STATUS_FORBIDDEN);
}

static const struct step refusing[] = {{"refuse", refuse}, {"forbidden", forbidden}, {NULL, NULL}};

/* The HTTP status; how many calls of the store there were. */
static int refuse_for(struct site_bench *bench, enum status status, unsigned *ret_calls)
{
    asked.check = (struct check){.problem = {.status = status}};
    faulty_ephemeral_fail(&bench->faulty, 0);
    int http_status = site_bench_call(bench, &(struct site_call){.steps = refusing});
    *ret_calls = bench->faulty.calls;
    return http_status;
}

static void counts_refusals_by_address_up_to_the_limit(void **state)
{
    struct site_bench *bench = *state;
    unsigned calls = 0;
    for (int limit = 1; limit <= 2; limit++) {
        bench->config.rate_limit_address = limit;
        for (int i = 0; i < limit; i++) {
            assert_int_equal(refuse_for(bench, STATUS_SIGNATURE_INVALID, &calls), 401);
            assert_int_equal(calls, 1);
            assert_true(site_bench_says(bench, "oauth_problem=signature_invalid"));
        }
        assert_int_equal(refuse_for(bench, STATUS_SIGNATURE_INVALID, &calls), 429);
        assert_slice_equal(site_bench_header(bench, "Retry-After", 0), SLICE("60"));
        fake_clock_advance(&bench->durable.clock, 60 * 1000);
    }
}

static void counts_nothing_without_a_limit(void **state)
{
    struct site_bench *bench = *state;
    unsigned calls = 0;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(refuse_for(bench, STATUS_SIGNATURE_INVALID, &calls), 401);
        assert_int_equal(calls, 0);
    }
}

static void counts_no_fault_of_its_own(void **state)
{
    struct site_bench *bench = *state;
    unsigned calls = 0;
    bench->config.rate_limit_address = 1;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(refuse_for(bench, STATUS_STORE_DOWN, &calls), 503);
        assert_int_equal(calls, 0);
    }
}

static void refuses_all_the_same_where_the_counter_is_down(void **state)
{
    struct site_bench *bench = *state;
    bench->config.rate_limit_address = 1;
    for (int i = 0; i < 3; i++) {
        asked.check = (struct check){.problem = {.status = STATUS_NONCE_USED}};
        faulty_ephemeral_fail(&bench->faulty, 1);
        assert_int_equal(site_bench_call(bench, &(struct site_call){.steps = refusing}), 401);
        assert_true(site_bench_says(bench, "oauth_problem=nonce_used"));
    }
}

/* ---- the steps of an endpoint that counts the client ---- */

static struct client client;

static enum step_result count_client(struct flow *flow)
{
    asked.check = (struct check){.client = &client};
    oauth_quota_count_client_start(request_of(flow), &asked.check, flow_wait(flow, STORE_TIMEOUT_MS));
    return STEP_WAIT;
}

static enum step_result judge_client(struct flow *flow)
{
    const struct buf nothing = buf_in(&request_of(flow)->arena);
    int64_t wait_s = 0;
    enum status status = oauth_quota_judge_client(flow, 0, &wait_s);
    if (status == STATUS_SLOW_DOWN)
        return oauth_slow_down(request_of(flow), wait_s);
    return status == STATUS_OK ? oauth_reply_form(request_of(flow), &nothing, SLICE_ABSENT)
                               : oauth_refuse_status(request_of(flow), status);
}

static int count_for(struct site_bench *bench, const char *client_id)
{
    static const struct step steps[] = {{"count", count_client}, {"judge", judge_client}, {NULL, NULL}};
    client = (struct client){.client_id = slice_str(client_id)};
    return site_bench_call(bench, &(struct site_call){.steps = steps});
}

static void counts_each_client_by_itself(void **state)
{
    struct site_bench *bench = *state;
    bench->config.rate_limit_client = 2;
    assert_int_equal(count_for(bench, "printer"), 200);
    assert_true(bench->request.earns_connection);
    assert_int_equal(count_for(bench, "printer"), 200);
    fake_clock_advance(&bench->durable.clock, 20 * 1000);
    assert_int_equal(count_for(bench, "printer"), 429);
    assert_slice_equal(site_bench_header(bench, "Retry-After", 0), SLICE("40"));
    assert_int_equal(count_for(bench, "other"), 200);
    faulty_ephemeral_fail(&bench->faulty, 1);
    assert_int_equal(count_for(bench, "other"), 503);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SITE_TEST(counts_refusals_by_address_up_to_the_limit),
        SITE_TEST(counts_nothing_without_a_limit),
        SITE_TEST(counts_no_fault_of_its_own),
        SITE_TEST(refuses_all_the_same_where_the_counter_is_down),
        SITE_TEST(counts_each_client_by_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
