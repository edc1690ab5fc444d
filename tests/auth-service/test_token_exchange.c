#include "protocol/token_exchange.h"

#include "app/service_metrics.h"
#include "crypto/random.h"
#include "durable/tokens.h"
#include "durable/users.h"
#include "signed_bench.h"
#include "support/oauth.h"
#include "support/test.h"

#include <stdio.h>

#define VERIFIER     "oauth_verifier=\"VERIFIER\""
#define WITH_TEMP    "oauth_token=\"temp\", " VERIFIER
#define WITH_UNKNOWN "oauth_token=\"unknown\", " VERIFIER
#define WITH_WRONG   "oauth_token=\"temp\", oauth_verifier=\"wrong\""

/* ---- the scene: jane has granted "temp" ---- */

static void grant(struct signed_bench *bench, const char *token, int64_t user_generation)
{
    struct site_bench *site = bench->site;
    const struct temp_grant grant = {.user = site->jane,
                                     .user_generation = user_generation,
                                     .username = SLICE("jane"),
                                     .scopes = SLICE("photos:read"),
                                     .verifier = SLICE("VERIFIER")};
    ephemeral_temp_grant_start(site->view, &(struct temp_credential){.token = slice_str(token)}, &grant,
                               asking_ticket(&site->asking));
    assert_status(asking_wait(&site->asking, NULL), STATUS_OK);
}

static int setup(void **state)
{
    int result = signed_bench_setup(state);
    struct signed_bench *bench = *state;
    site_bench_temp(bench->site, "temp", CALLBACK);
    grant(bench, "temp", 0);
    return result;
}
#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, signed_bench_teardown)

static int exchange(struct signed_bench *bench, const char *parameters)
{
    return signed_bench_call(
        bench, &(struct signed_call){.steps = token_exchange, .token_secret = "secret", .parameters = parameters});
}

static const struct temp_credential *temp(struct signed_bench *bench)
{
    return site_bench_find_temp(bench->site, "temp");
}

static int64_t token_rows(struct signed_bench *bench)
{
    return durable_bench_number(&bench->site->durable, "SELECT COUNT(*) FROM tokens");
}

/* What the last reply issued, as the store has it. */
static struct credential_pair *issued(struct signed_bench *bench)
{
    struct credential_pair *pair = NULL;
    assert_status(durable_pair_find_blocking(&bench->site->durable.db, SLICE("printer"),
                                             signed_bench_field(bench, "oauth_token"), &pair),
                  STATUS_OK);
    assert_true(pair->client_found && pair->token_found);
    return pair;
}

/* ---- what is issued ---- */

static void trades_what_was_granted_for_a_token(void **state)
{
    struct signed_bench *bench = *state;
    uint64_t counted = metric_value(&tokens_issued, TOKEN_TYPE_TOKEN);
    assert_int_equal(exchange(bench, WITH_TEMP), 200);
    assert_int_equal(metric_value(&tokens_issued, TOKEN_TYPE_TOKEN), counted + 1);
    struct credential_pair *pair = issued(bench);
    assert_int_equal(pair->token.oauth_token.len, TOKEN_TEXT_BYTES);
    assert_int_equal(pair->token.secret.len, TOKEN_TEXT_BYTES);
    assert_slice_equal(signed_bench_field(bench, "oauth_token_secret"), pair->token.secret);
    assert_slice_equal(pair->token.username, SLICE("jane"));
    assert_slice_equal(pair->token.scopes, SLICE("photos:read"));
    assert_int_equal(pair->token.client, pair->client.id);
    assert_int_equal(pair->token.expires_ms, 0);
    assert_true(slice_is_absent(signed_bench_field(bench, "oauth_expires_in")));
    assert_int_equal(temp(bench)->state, TEMP_EXCHANGED);
    credential_pair_free(pair);
}

static void a_token_ends_when_it_says_so(void **state)
{
    struct signed_bench *bench = *state;
    bench->site->config.token_ttl_s = 3600;
    assert_int_equal(exchange(bench, WITH_TEMP), 200);
    assert_slice_equal(signed_bench_field(bench, "oauth_expires_in"), SLICE("3600"));
    struct credential_pair *pair = issued(bench);
    assert_int_equal(pair->token.expires_ms, clock_wall_ms(&bench->site->durable.clock.clock) + 3600 * 1000);
    credential_pair_free(pair);
}

static void no_two_tokens_are_alike(void **state)
{
    struct signed_bench *bench = *state;
    assert_int_equal(exchange(bench, WITH_TEMP), 200);
    struct slice token = arena_copy(oauth_arena(), signed_bench_field(bench, "oauth_token"));
    struct slice secret = arena_copy(oauth_arena(), signed_bench_field(bench, "oauth_token_secret"));
    site_bench_temp(bench->site, "next", CALLBACK);
    grant(bench, "next", 0);
    assert_int_equal(exchange(bench, "oauth_token=\"next\", " VERIFIER), 200);
    assert_false(slice_eq(signed_bench_field(bench, "oauth_token"), token));
    assert_false(slice_eq(signed_bench_field(bench, "oauth_token_secret"), secret));
}

/* The mark is set after the commit: where it was not, the client asks again and gets the token that stands. */
static void a_retry_without_a_mark_gets_the_same_token(void **state)
{
    struct signed_bench *bench = *state;
    uint64_t counted = metric_value(&tokens_issued, TOKEN_TYPE_TOKEN);
    faulty_ephemeral_fail(&bench->site->faulty, 4); /* the temporary credential, the nonce, the verifier, the mark */
    assert_int_equal(exchange(bench, WITH_TEMP), 200);
    assert_int_equal(bench->site->faulty.calls, 4);
    assert_int_equal(temp(bench)->state, TEMP_GRANTED);
    struct slice token = arena_copy(oauth_arena(), signed_bench_field(bench, "oauth_token"));
    struct slice secret = arena_copy(oauth_arena(), signed_bench_field(bench, "oauth_token_secret"));
    assert_int_equal(exchange(bench, WITH_TEMP), 200);
    assert_slice_equal(signed_bench_field(bench, "oauth_token"), token);
    assert_slice_equal(signed_bench_field(bench, "oauth_token_secret"), secret);
    assert_int_equal(token_rows(bench), 1);
    assert_int_equal(metric_value(&tokens_issued, TOKEN_TYPE_TOKEN), counted + 1);
    exchange(bench, WITH_TEMP); /* it is marked now */
    assert_no_token(bench, 401, "token_used");
}

static void asks_the_durable_store_for_a_client_once(void **state)
{
    struct signed_bench *bench = *state;
    exchange(bench, WITH_WRONG);
    assert_no_token(bench, 401, "verifier_invalid");
    bench->source.is_down = true;
    assert_int_equal(exchange(bench, WITH_TEMP), 200);
    assert_int_equal(bench->source.asked, 1);
}

static void waits_for_no_client_that_it_knows(void **state)
{
    struct signed_bench *bench = *state;
    int64_t quickest_ns = INT64_MAX;
    exchange(bench, WITH_WRONG); /* now it does */
    for (int i = 0; i < 10; i++) {
        int64_t begin_ns = clock_monotonic_ns();
        exchange(bench, WITH_WRONG);
        int64_t took_ns = clock_monotonic_ns() - begin_ns;
        quickest_ns = took_ns < quickest_ns ? took_ns : quickest_ns;
    }
    assert_in_range(quickest_ns, 0, STORE_TIMEOUT_MS * 1000000 / 2);
}

/* ---- what is refused ---- */

static void the_last_of_five_wrong_verifiers_kills_the_credential(void **state)
{
    struct signed_bench *bench = *state;
    for (int i = 1; i <= TEMP_MAX_WRONG; i++) {
        exchange(bench, WITH_WRONG);
        assert_no_token(bench, 401, "verifier_invalid");
        assert_int_equal(temp(bench)->wrong, i);
    }
    exchange(bench, WITH_TEMP);
    assert_no_token(bench, 401, "token_rejected");
    assert_int_equal(token_rows(bench), 0);
}

static void a_stranger_harms_no_credential_and_hears_nothing_of_it(void **state)
{
    struct signed_bench *bench = *state;
    struct signed_call call = {.steps = token_exchange, .secret = "wrong", .token_secret = "secret"};
    static const char *const parameters[] = {WITH_TEMP, WITH_WRONG};
    for (size_t i = 0; i < COUNT_OF(parameters); i++) {
        call.parameters = parameters[i];
        signed_bench_call(bench, &call);
        assert_no_token(bench, 401, "signature_invalid");
    }
    call.secret = NULL;
    call.token_secret = "another";
    signed_bench_call(bench, &call);
    assert_no_token(bench, 401, "signature_invalid");
    assert_int_equal(temp(bench)->wrong, 0);
    assert_int_equal(temp(bench)->state, TEMP_GRANTED);
}

static void another_clients_credential_is_unknown_to_a_client(void **state)
{
    struct signed_bench *bench = *state;
    (void)durable_bench_client(&bench->site->durable, "other");
    signed_bench_call(bench, &(struct signed_call){.steps = token_exchange,
                                                   .client_id = "other",
                                                   .secret = "secret of other",
                                                   .token_secret = "secret",
                                                   .parameters = WITH_TEMP});
    assert_no_token(bench, 401, "token_rejected");
    assert_int_equal(temp(bench)->state, TEMP_GRANTED);
}

/* In the order of all checks: the client comes before the token, and who asks for what is unknown is counted. */
static void an_unknown_credential_is_refused_like_any_other_fault(void **state)
{
    struct signed_bench *bench = *state;
    bench->site->config.rate_limit_address = 2;
    signed_bench_call(bench, &(struct signed_call){.steps = token_exchange,
                                                   .client_id = "nobody",
                                                   .token_secret = "secret",
                                                   .parameters = WITH_UNKNOWN});
    assert_no_token(bench, 401, "consumer_key_unknown");
    exchange(bench, WITH_UNKNOWN);
    assert_no_token(bench, 401, "token_rejected");
    exchange(bench, WITH_UNKNOWN);
    assert_no_token(bench, 429, "consumer_key_refused");
    assert_int_equal(exchange(bench, WITH_TEMP), 200); /* a good one is not refused for them */
}

static void a_request_that_is_sent_again_tries_no_verifier(void **state)
{
    struct signed_bench *bench = *state;
    bench->site->config.rate_limit_client = 2;
    exchange(bench, WITH_WRONG);
    assert_no_token(bench, 401, "verifier_invalid");
    for (int i = 0; i < 3; i++) {
        signed_bench_call(
            bench, &(struct signed_call){
                       .steps = token_exchange, .token_secret = "secret", .parameters = WITH_WRONG, .again = true});
        assert_no_token(bench, 401, "nonce_used");
    }
    assert_int_equal(temp(bench)->wrong, 1);
    assert_int_equal(exchange(bench, WITH_TEMP), 200); /* the client's second request */
}

static void a_client_that_asks_too_often_is_slowed_down(void **state)
{
    struct signed_bench *bench = *state;
    bench->site->config.rate_limit_client = 1;
    exchange(bench, WITH_WRONG);
    assert_no_token(bench, 401, "verifier_invalid");
    exchange(bench, WITH_TEMP);
    assert_no_token(bench, 429, "consumer_key_refused");
    assert_slice_equal(site_bench_header(bench->site, "Retry-After", 0), SLICE("60"));
    assert_int_equal(token_rows(bench), 0);
    assert_int_equal(temp(bench)->state, TEMP_GRANTED);
}

static void nobody_gets_a_token_of_a_user_who_was_disabled_since(void **state)
{
    struct signed_bench *bench = *state;
    assert_status(durable_user_disable_blocking(&bench->site->durable.db, bench->site->jane), STATUS_OK);
    assert_status(durable_user_enable_blocking(&bench->site->durable.db, bench->site->jane), STATUS_OK);
    exchange(bench, WITH_TEMP);
    assert_no_token(bench, 401, "token_rejected");
    assert_int_equal(temp(bench)->state, TEMP_GRANTED); /* no mark without a row */
    assert_int_equal(token_rows(bench), 0);
}

static void nobody_gets_a_token_that_was_begun_before_the_client_was_disabled(void **state)
{
    struct signed_bench *bench = *state;
    struct durable *db = &bench->site->durable.db;
    assert_status(durable_client_disable_blocking(db, SLICE("printer")), STATUS_OK);
    assert_status(durable_client_enable_blocking(db, SLICE("printer")), STATUS_OK);
    exchange(bench, WITH_TEMP);
    assert_no_token(bench, 401, "token_rejected");
    assert_int_equal(token_rows(bench), 0);
}

static void what_was_begun_and_granted_after_both_were_disabled_counts(void **state)
{
    struct signed_bench *bench = *state;
    struct site_bench *site = bench->site;
    const struct temp_new next = {.token = SLICE("next"),
                                  .secret = SLICE("secret"),
                                  .client_id = SLICE("printer"),
                                  .callback = SLICE(CALLBACK),
                                  .scopes = SLICE(SCOPES),
                                  .client_generation = 1};
    assert_status(durable_client_disable_blocking(&site->durable.db, SLICE("printer")), STATUS_OK);
    assert_status(durable_client_enable_blocking(&site->durable.db, SLICE("printer")), STATUS_OK);
    assert_status(durable_user_disable_blocking(&site->durable.db, site->jane), STATUS_OK);
    assert_status(durable_user_enable_blocking(&site->durable.db, site->jane), STATUS_OK);
    ephemeral_temp_create_start(site->view, &next, asking_ticket(&site->asking));
    assert_status(asking_wait(&site->asking, NULL), STATUS_OK);
    grant(bench, "next", 1);
    assert_int_equal(exchange(bench, "oauth_token=\"next\", " VERIFIER), 200);
}

static void a_token_has_no_scope_that_the_client_may_not_have_any_more(void **state)
{
    struct signed_bench *bench = *state;
    const struct client client = {.client_id = SLICE("printer"), .allowed_scopes = SLICE("photos:write")};
    assert_status(durable_client_update_blocking(&bench->site->durable.db, &client), STATUS_OK);
    exchange(bench, WITH_TEMP);
    assert_no_token(bench, 400, "invalid_scope"); /* none */
}

/* ---- what is missing ---- */

static void issues_nothing_where_a_store_is_down(void **state)
{
    struct signed_bench *bench = *state;
    bench->site->config.rate_limit_client = 1000;
    bench->source.is_down = true;
    exchange(bench, WITH_TEMP);
    assert_no_token(bench, 503, "temporarily_unavailable");
    bench->source.is_down = false;
    for (unsigned call = 1; call <= 4; call++) { /* the temporary credential, the nonce, the verifier, the count */
        faulty_ephemeral_fail(&bench->site->faulty, call);
        exchange(bench, WITH_TEMP);
        assert_no_token(bench, 503, "temporarily_unavailable");
        assert_int_equal(token_rows(bench), 0);
    }
}

/* A right verifier, typed with so many dashes that there is not always room to leave them out. */
static void memory_that_runs_out_spends_no_try(void **state)
{
    enum { DASHES = 16 * 1024, STEP_BYTES = 4 * 1024 };
    struct signed_bench *bench = *state;
    static char parameters[DASHES + 64];
    (void)snprintf(parameters, sizeof parameters, "oauth_token=\"temp\", oauth_verifier=\"VERI%0*dFIER\"", DASHES, 0);
    for (size_t i = 0; parameters[i]; i++)
        parameters[i] = parameters[i] == '0' ? '-' : parameters[i];
    int status = 503;
    for (size_t room = STEP_BYTES; status >= 500; room += STEP_BYTES) {
        const struct signed_call call = {
            .steps = token_exchange, .token_secret = "secret", .parameters = parameters, .arena_bytes = room};
        assert_in_range(room, 1, 1 << 20);
        status = signed_bench_call(bench, &call);
        assert_int_equal(temp(bench)->wrong, 0);
    }
    assert_int_equal(status, 200);
}

static void issues_nothing_that_is_not_random(void **state)
{
    struct signed_bench *bench = *state;
    random_fail_next(1);
    exchange(bench, WITH_TEMP);
    assert_no_token(bench, 503, "temporarily_unavailable");
    assert_int_equal(token_rows(bench), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(trades_what_was_granted_for_a_token),
        TEST(a_token_ends_when_it_says_so),
        TEST(no_two_tokens_are_alike),
        TEST(a_retry_without_a_mark_gets_the_same_token),
        TEST(asks_the_durable_store_for_a_client_once),
        TEST(waits_for_no_client_that_it_knows),
        TEST(the_last_of_five_wrong_verifiers_kills_the_credential),
        TEST(a_stranger_harms_no_credential_and_hears_nothing_of_it),
        TEST(another_clients_credential_is_unknown_to_a_client),
        TEST(an_unknown_credential_is_refused_like_any_other_fault),
        TEST(a_request_that_is_sent_again_tries_no_verifier),
        TEST(a_client_that_asks_too_often_is_slowed_down),
        TEST(nobody_gets_a_token_of_a_user_who_was_disabled_since),
        TEST(nobody_gets_a_token_that_was_begun_before_the_client_was_disabled),
        TEST(what_was_begun_and_granted_after_both_were_disabled_counts),
        TEST(a_token_has_no_scope_that_the_client_may_not_have_any_more),
        TEST(issues_nothing_where_a_store_is_down),
        TEST(memory_that_runs_out_spends_no_try),
        TEST(issues_nothing_that_is_not_random),
    };
    return cmocka_run_group_tests(tests, oauth_setup, oauth_teardown);
}
