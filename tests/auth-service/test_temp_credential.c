#include "protocol/temp_credential.h"

#include "app/service_metrics.h"
#include "crypto/random.h"
#include "signed_bench.h"
#include "support/oauth.h"
#include "support/test.h"

#define TO_CALLBACK "oauth_callback=\"https%3A%2F%2Fapp.example%2Fcb%3Fx%3D1\""

/* ---- calls ---- */

static int initiate(struct signed_bench *bench, const char *callback, const char *body)
{
    return signed_bench_call(
        bench, &(struct signed_call){.steps = temp_credential_issue, .parameters = callback, .body = body});
}

static struct slice copy_field(const struct signed_bench *bench, const char *name)
{
    return arena_copy(oauth_arena(), signed_bench_field(bench, name));
}

/* What was issued by the last call. */
static const struct temp_credential *issued(struct signed_bench *bench)
{
    const char *token = arena_string(oauth_arena(), signed_bench_field(bench, "oauth_token"));
    assert_non_null(token);
    return site_bench_find_temp(bench->site, token);
}

static void write_client(struct signed_bench *bench, const char *allowed_scopes, const char *default_scopes)
{
    const struct client_callback registered = {SLICE(CALLBACK), false};
    const struct client client = {.client_id = SLICE("printer"),
                                  .allowed_scopes = slice_str(allowed_scopes),
                                  .default_scopes = slice_str(default_scopes),
                                  .callbacks = &registered,
                                  .callback_count = 1};
    assert_status(durable_client_update_blocking(&bench->site->durable.db, &client), STATUS_OK);
}

/* ---- what is issued ---- */

static void issues_a_credential_of_this_client_for_what_it_asked(void **state)
{
    struct signed_bench *bench = *state;
    struct durable *db = &bench->site->durable.db;
    assert_status(durable_client_disable_blocking(db, SLICE("printer")), STATUS_OK); /* its generation is 1 then */
    assert_status(durable_client_enable_blocking(db, SLICE("printer")), STATUS_OK);
    uint64_t counted = metric_value(&tokens_issued, TOKEN_TYPE_TEMPORARY);
    assert_int_equal(initiate(bench, TO_CALLBACK, "scope=photos%3Awrite"), 200);
    assert_int_equal(metric_value(&tokens_issued, TOKEN_TYPE_TEMPORARY), counted + 1);
    assert_slice_equal(signed_bench_field(bench, "oauth_callback_confirmed"), SLICE("true"));
    struct slice secret = copy_field(bench, "oauth_token_secret");
    const struct temp_credential *temp = issued(bench);
    assert_int_equal(temp->token.len, TOKEN_TEXT_BYTES);
    assert_int_equal(temp->secret.len, TOKEN_TEXT_BYTES);
    assert_slice_equal(temp->secret, secret);
    assert_slice_equal(temp->client_id, SLICE("printer"));
    assert_slice_equal(temp->callback, SLICE(CALLBACK));
    assert_slice_equal(temp->scopes, SLICE("photos:write"));
    assert_int_equal(temp->client_generation, 1);
    assert_int_equal(temp->state, TEMP_PENDING);
}

static void no_two_credentials_are_alike(void **state)
{
    struct signed_bench *bench = *state;
    assert_int_equal(initiate(bench, TO_CALLBACK, NULL), 200);
    struct slice token = copy_field(bench, "oauth_token");
    struct slice secret = copy_field(bench, "oauth_token_secret");
    assert_int_equal(initiate(bench, TO_CALLBACK, NULL), 200);
    assert_false(slice_eq(signed_bench_field(bench, "oauth_token"), token));
    assert_false(slice_eq(signed_bench_field(bench, "oauth_token_secret"), secret));
}

static void without_a_scope_the_clients_default_ones_are_meant(void **state)
{
    struct signed_bench *bench = *state;
    write_client(bench, SCOPES, "photos:read");
    assert_int_equal(initiate(bench, TO_CALLBACK, NULL), 200);
    assert_slice_equal(issued(bench)->scopes, SLICE("photos:read"));
    assert_int_equal(initiate(bench, TO_CALLBACK, "scope="), 200); /* none is a choice, too */
    assert_slice_equal(issued(bench)->scopes, SLICE(""));
    write_client(bench, SCOPES, "photos:write other"); /* the default is the operator's word */
    assert_int_equal(initiate(bench, TO_CALLBACK, NULL), 200);
}

static void asks_the_durable_store_for_a_client_once(void **state)
{
    struct signed_bench *bench = *state;
    assert_int_equal(initiate(bench, TO_CALLBACK, NULL), 200);
    bench->source.is_down = true;
    assert_int_equal(initiate(bench, TO_CALLBACK, NULL), 200);
    assert_int_equal(bench->source.asked, 1);
}

/* ---- what is refused ---- */

static void refuses_scopes_that_the_client_may_not_have(void **state)
{
    struct signed_bench *bench = *state;
    static const char *const bodies[] = {"scope=other", "scope=photos%3Aread+other", "scope=photos%3Aread%09",
                                         "scope=photos%3Aread&scope=photos%3Aread"};
    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        faulty_ephemeral_fail(&bench->site->faulty, 0);
        initiate(bench, TO_CALLBACK, bodies[i]);
        assert_no_token(bench, 400, "invalid_scope");
        assert_slice_equal(signed_bench_field(bench, "oauth_parameters_rejected"), SLICE("scope"));
        assert_int_equal(bench->site->faulty.calls, 1); /* the nonce */
    }
    assert_true(site_bench_says(bench->site, "more%20than%20once"));
}

static void refuses_a_callback_that_is_none_or_not_the_clients(void **state)
{
    struct signed_bench *bench = *state;
    static const char *const unregistered[] = {"oauth_callback=\"https%3A%2F%2Fevil.example%2Fcb\"",
                                               "oauth_callback=\"https%3A%2F%2Fapp.example%2Fother\""};
    for (size_t i = 0; i < COUNT_OF(unregistered); i++) {
        initiate(bench, unregistered[i], NULL);
        assert_no_token(bench, 400, "parameter_rejected");
        assert_slice_equal(signed_bench_field(bench, "oauth_parameters_rejected"), SLICE("oauth_callback"));
    }
    initiate(bench, "oauth_callback=\"javascript%3Aalert(1)\"", NULL);
    assert_no_token(bench, 400, "parameter_rejected");
    assert_slice_equal(signed_bench_field(bench, "oauth_parameters_rejected"), SLICE("oauth_callback"));
}

/* What could never be a callback is told before anything is loaded, what is not registered only to the client itself.
 */
static void tells_no_stranger_which_callbacks_are_registered(void **state)
{
    struct signed_bench *bench = *state;
    struct signed_call call = {.steps = temp_credential_issue,
                               .secret = "wrong",
                               .parameters = "oauth_callback=\"https%3A%2F%2Fevil.example%2Fcb\"",
                               .body = "scope=other"};
    signed_bench_call(bench, &call);
    assert_no_token(bench, 401, "signature_invalid");
    call.parameters = "oauth_callback=\"not%20one\"";
    signed_bench_call(bench, &call);
    assert_no_token(bench, 400, "parameter_rejected");
    assert_int_equal(bench->source.asked, 1);
}

static void refuses_what_the_check_refuses(void **state)
{
    struct signed_bench *bench = *state;
    initiate(bench, NULL, NULL);
    assert_no_token(bench, 400, "parameter_absent");
    signed_bench_call(
        bench, &(struct signed_call){.steps = temp_credential_issue, .client_id = "nobody", .parameters = TO_CALLBACK});
    assert_no_token(bench, 401, "consumer_key_unknown");
}

static void a_request_that_is_sent_again_is_refused_and_counts_for_nobody(void **state)
{
    struct signed_bench *bench = *state;
    bench->site->config.rate_limit_client = 2;
    const struct signed_call again = {.steps = temp_credential_issue, .parameters = TO_CALLBACK, .again = true};
    assert_int_equal(initiate(bench, TO_CALLBACK, NULL), 200);
    for (int i = 0; i < 3; i++) {
        signed_bench_call(bench, &again);
        assert_no_token(bench, 401, "nonce_used");
    }
    assert_int_equal(initiate(bench, TO_CALLBACK, NULL), 200);
    initiate(bench, TO_CALLBACK, NULL);
    assert_no_token(bench, 429, "consumer_key_refused");
    assert_slice_equal(site_bench_header(bench->site, "Retry-After", 0), SLICE("60"));
}

/* ---- what is missing ---- */

static void issues_nothing_that_a_store_has_not_taken(void **state)
{
    struct signed_bench *bench = *state;
    bench->site->config.rate_limit_client = 1000;
    bench->source.is_down = true;
    initiate(bench, TO_CALLBACK, NULL);
    assert_no_token(bench, 503, "temporarily_unavailable");
    bench->source.is_down = false;
    for (unsigned call = 1; call <= 3; call++) { /* the nonce, the count, the credential */
        faulty_ephemeral_fail(&bench->site->faulty, call);
        initiate(bench, TO_CALLBACK, NULL);
        assert_no_token(bench, 503, "temporarily_unavailable");
        assert_int_equal(bench->site->faulty.calls, call);
    }
}

static void issues_nothing_that_is_not_random(void **state)
{
    struct signed_bench *bench = *state;
    assert_int_equal(initiate(bench, TO_CALLBACK, NULL), 200);
    faulty_ephemeral_fail(&bench->site->faulty, 0);
    random_fail_next(1);
    initiate(bench, TO_CALLBACK, NULL);
    assert_no_token(bench, 503, "temporarily_unavailable");
    assert_int_equal(bench->site->faulty.calls, 1);
}

static char *many_scopes(const char *separator)
{
    enum { MANY_SCOPES = 400 };
    struct buf list = buf_in(oauth_arena());
    for (int i = 0; i < MANY_SCOPES; i++)
        buf_addf(&list, "%sscope:%d", i ? separator : "", i);
    buf_add_byte(&list, '\0');
    assert_false(list.failed);
    return list.ptr;
}

static void a_request_for_which_memory_does_not_suffice_gets_nothing_rather_than_less(void **state)
{
    struct signed_bench *bench = *state;
    enum { FROM_BYTES = 16 << 10, TO_BYTES = 256 << 10, STEP_BYTES = 1 << 10 };
    struct arena *arena = &bench->site->request.arena;
    const char *scopes = many_scopes(" ");
    char *body = many_scopes("+");
    struct buf form = buf_in(oauth_arena());
    bool refused = false;
    buf_addf(&form, "scope=%s", body);
    buf_add_byte(&form, '\0');
    write_client(bench, scopes, "");
    for (size_t bytes = FROM_BYTES; bytes <= TO_BYTES; bytes += STEP_BYTES) {
        arena_done(arena);
        arena_init(arena, bytes);
        if (initiate(bench, TO_CALLBACK, form.ptr) == 200)
            assert_slice_equal(issued(bench)->scopes, slice_str(scopes));
        else
            refused = true;
    }
    assert_true(refused && bench->site->request.reply.http_status == 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SIGNED_TEST(issues_a_credential_of_this_client_for_what_it_asked),
        SIGNED_TEST(no_two_credentials_are_alike),
        SIGNED_TEST(without_a_scope_the_clients_default_ones_are_meant),
        SIGNED_TEST(asks_the_durable_store_for_a_client_once),
        SIGNED_TEST(refuses_scopes_that_the_client_may_not_have),
        SIGNED_TEST(refuses_a_callback_that_is_none_or_not_the_clients),
        SIGNED_TEST(tells_no_stranger_which_callbacks_are_registered),
        SIGNED_TEST(refuses_what_the_check_refuses),
        SIGNED_TEST(a_request_that_is_sent_again_is_refused_and_counts_for_nobody),
        SIGNED_TEST(issues_nothing_that_a_store_has_not_taken),
        SIGNED_TEST(issues_nothing_that_is_not_random),
        SIGNED_TEST(a_request_for_which_memory_does_not_suffice_gets_nothing_rather_than_less),
    };
    return cmocka_run_group_tests(tests, oauth_setup, oauth_teardown);
}
