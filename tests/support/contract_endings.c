/* The end of a client or user: what it ends, and what it does not. */
#include "support/contract_parts.h"
#include "support/ephemeral_bench.h"
#include "support/test.h"

static void the_end_of_a_client_ends_its_temporary_credentials(void **state)
{
    struct ephemeral_bench *bench = *state;
    assert_status(ephemeral_bench_create_temp(bench, &bench_temp), STATUS_OK);
    assert_status(ephemeral_bench_log_in(bench, "id", 7), STATUS_OK);
    ephemeral_bench_end(bench, EPHEMERAL_CLIENT, "Acme");
    assert_int_equal(ephemeral_bench_find_temp(bench)->state, TEMP_PENDING);
    ephemeral_bench_end(bench, EPHEMERAL_CLIENT, "acme");
    assert_status(ephemeral_bench_grant(bench, 7, "verifier"), STATUS_TOKEN_REJECTED);
    assert_status(ephemeral_bench_look_up(bench, "id"), STATUS_OK);
}

static void the_end_of_a_user_ends_sessions_and_what_the_user_decided(void **state)
{
    struct ephemeral_bench *bench = *state;
    struct temp_new undecided = bench_temp;
    undecided.token = SLICE("undecided");
    assert_status(ephemeral_bench_create_temp(bench, &bench_temp), STATUS_OK);
    assert_status(ephemeral_bench_create_temp(bench, &undecided), STATUS_OK);
    assert_status(ephemeral_bench_grant(bench, 7, "verifier"), STATUS_OK);
    assert_status(ephemeral_bench_log_in(bench, "7 here", 7), STATUS_OK);
    assert_status(ephemeral_bench_log_in(bench, "7 there", 7), STATUS_OK);
    assert_status(ephemeral_bench_log_in(bench, "8", 8), STATUS_OK);
    ephemeral_bench_end(bench, EPHEMERAL_USER, "7");
    assert_status(ephemeral_bench_look_up(bench, "7 here"), STATUS_NOT_FOUND);
    assert_status(ephemeral_bench_look_up(bench, "7 there"), STATUS_NOT_FOUND);
    assert_status(ephemeral_bench_look_up(bench, "8"), STATUS_OK);
    assert_status(ephemeral_bench_try_verifier(bench, "verifier"), STATUS_TOKEN_REJECTED);
    ephemeral_temp_find_start(bench->view, undecided.token, SLICE(""), asking_ticket(&bench->asking));
    assert_status(asking_wait(&bench->asking, NULL), STATUS_OK);
}

static void the_end_of_a_user_takes_a_refusal_along(void **state)
{
    struct ephemeral_bench *bench = *state;
    assert_status(ephemeral_bench_create_temp(bench, &bench_temp), STATUS_OK);
    assert_status(ephemeral_bench_deny(bench, 7), STATUS_OK);
    ephemeral_bench_end(bench, EPHEMERAL_USER, "7");
    assert_status(ephemeral_bench_try_verifier(bench, "verifier"), STATUS_TOKEN_REJECTED);
}

/* What was made after the end is good: a user who was enabled again logs in, and decides, as before. */
static void what_is_made_after_an_end_is_not_ended(void **state)
{
    struct ephemeral_bench *bench = *state;
    assert_status(ephemeral_bench_log_in(bench, "before", 7), STATUS_OK);
    ephemeral_bench_end(bench, EPHEMERAL_USER, "7");
    ephemeral_bench_end(bench, EPHEMERAL_USER, "7");
    ephemeral_bench_end(bench, EPHEMERAL_CLIENT, "acme");
    ephemeral_bench_pass_s(bench, 1);
    assert_status(ephemeral_bench_log_in(bench, "after", 7), STATUS_OK);
    assert_status(ephemeral_bench_create_temp(bench, &bench_temp), STATUS_OK);
    assert_status(ephemeral_bench_grant(bench, 7, "verifier"), STATUS_OK);
    assert_status(ephemeral_bench_try_verifier(bench, "verifier"), STATUS_OK);
    assert_status(ephemeral_bench_look_up(bench, "after"), STATUS_OK);
    assert_status(ephemeral_bench_look_up(bench, "before"), STATUS_NOT_FOUND);
}

static void a_refusal_by_who_was_ended_before_stands(void **state)
{
    struct ephemeral_bench *bench = *state;
    ephemeral_bench_end(bench, EPHEMERAL_USER, "7");
    assert_status(ephemeral_bench_create_temp(bench, &bench_temp), STATUS_OK);
    assert_status(ephemeral_bench_deny(bench, 7), STATUS_OK);
    assert_int_equal(ephemeral_bench_find_temp(bench)->state, TEMP_DENIED);
    assert_status(ephemeral_bench_deny(bench, 7), STATUS_OK);
}

static void the_first_of_all_users_can_be_ended_too(void **state)
{
    struct ephemeral_bench *bench = *state;
    ephemeral_bench_end(bench, EPHEMERAL_USER, "1");
    assert_status(ephemeral_bench_create_temp(bench, &bench_temp), STATUS_OK);
    assert_status(ephemeral_bench_grant(bench, 1, "verifier"), STATUS_OK);
    assert_status(ephemeral_bench_try_verifier(bench, "verifier"), STATUS_OK);
    ephemeral_bench_end(bench, EPHEMERAL_USER, "1");
    assert_status(ephemeral_bench_try_verifier(bench, "verifier"), STATUS_TOKEN_REJECTED);
}

int contract_endings_run(void)
{
    const struct CMUnitTest tests[] = {
        EPHEMERAL_TEST(the_end_of_a_client_ends_its_temporary_credentials),
        EPHEMERAL_TEST(the_end_of_a_user_ends_sessions_and_what_the_user_decided),
        EPHEMERAL_TEST(what_is_made_after_an_end_is_not_ended),
        EPHEMERAL_TEST(a_refusal_by_who_was_ended_before_stands),
        EPHEMERAL_TEST(the_first_of_all_users_can_be_ended_too),
        EPHEMERAL_TEST(the_end_of_a_user_takes_a_refusal_along),
    };
    return cmocka_run_group_tests_name("ephemeral: endings", tests, NULL, NULL);
}
