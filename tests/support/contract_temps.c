/* Temporary credentials: what becomes of one, and of changes that are handed what was read before. */
#include "support/contract_parts.h"
#include "support/ephemeral_bench.h"
#include "support/test.h"

static void a_temporary_credential_is_found_as_it_was_made(void **state)
{
    struct ephemeral_bench *bench = *state;
    assert_status(ephemeral_bench_create_temp(bench, &bench_temp), STATUS_OK);
    const struct temp_credential *temp = ephemeral_bench_find_temp(bench);
    assert_slice_equal(temp->token, bench_temp.token);
    assert_slice_equal(temp->secret, bench_temp.secret);
    assert_slice_equal(temp->client_id, bench_temp.client_id);
    assert_slice_equal(temp->callback, bench_temp.callback);
    assert_slice_equal(temp->scopes, bench_temp.scopes);
    assert_int_equal(temp->state, TEMP_PENDING);
    assert_int_equal(temp->created_ms, BENCH_BEGIN_MS);
    assert_false(temp->expired);
    assert_int_equal(temp->user, 0);
    assert_int_equal(temp->client_generation, 3);
}

static void a_token_is_made_once_and_compares_byte_for_byte(void **state)
{
    struct ephemeral_bench *bench = *state;
    struct temp_new other = bench_temp;
    other.token = SLICE("Temp");
    assert_status(ephemeral_bench_create_temp(bench, &bench_temp), STATUS_OK);
    assert_status(ephemeral_bench_create_temp(bench, &bench_temp), STATUS_CONFLICT);
    ephemeral_temp_find_start(bench->view, other.token, SLICE(""), asking_ticket(&bench->asking));
    assert_status(asking_wait(&bench->asking, NULL), STATUS_TOKEN_REJECTED);
    ephemeral_temp_find_start(bench->view, SLICE("temp "), SLICE(""), asking_ticket(&bench->asking));
    assert_status(asking_wait(&bench->asking, NULL), STATUS_TOKEN_REJECTED);
    assert_status(ephemeral_bench_create_temp(bench, &other), STATUS_OK);
}

static void the_legs_in_order(void **state)
{
    struct ephemeral_bench *bench = *state;
    assert_status(ephemeral_bench_create_temp(bench, &bench_temp), STATUS_OK);
    assert_status(ephemeral_bench_try_verifier(bench, ""), STATUS_PERMISSION_UNKNOWN);
    assert_status(ephemeral_bench_mark_exchanged(bench), STATUS_PERMISSION_UNKNOWN);
    assert_status(ephemeral_bench_grant(bench, 7, "verifier"), STATUS_OK);
    const struct temp_credential *temp = ephemeral_bench_find_temp(bench);
    assert_int_equal(temp->state, TEMP_GRANTED);
    assert_int_equal(temp->user, 7);
    assert_slice_equal(temp->username, SLICE("jane"));
    assert_slice_equal(temp->verifier, SLICE("verifier"));
    assert_slice_equal(temp->scopes, SLICE("photos:read"));
    assert_slice_equal(temp->secret, bench_temp.secret);
    assert_int_equal(temp->client_generation, 3);
    assert_int_equal(temp->user_generation, 5);
    assert_status(ephemeral_bench_try_verifier(bench, "verifier"), STATUS_OK);
    assert_status(ephemeral_bench_try_verifier(bench, "verifier"), STATUS_OK); /* a retry after a lost answer */
    assert_status(ephemeral_bench_mark_exchanged(bench), STATUS_OK);
    assert_status(ephemeral_bench_mark_exchanged(bench), STATUS_OK);
    assert_int_equal(ephemeral_bench_find_temp(bench)->state, TEMP_EXCHANGED);
    assert_status(ephemeral_bench_try_verifier(bench, "verifier"), STATUS_TOKEN_USED);
    assert_status(ephemeral_bench_grant(bench, 7, "again"), STATUS_TOKEN_USED);
    assert_status(ephemeral_bench_deny(bench, 7), STATUS_TOKEN_USED);
}

static void the_first_decision_ties_it_to_its_user(void **state)
{
    struct ephemeral_bench *bench = *state;
    assert_status(ephemeral_bench_create_temp(bench, &bench_temp), STATUS_OK);
    assert_status(ephemeral_bench_grant(bench, 7, "first"), STATUS_OK);
    assert_status(ephemeral_bench_grant(bench, 8, "second"), STATUS_FORBIDDEN);
    assert_status(ephemeral_bench_deny(bench, 8), STATUS_FORBIDDEN);
    assert_status(ephemeral_bench_grant(bench, 7, "third"), STATUS_OK);
    assert_status(ephemeral_bench_try_verifier(bench, "first"), STATUS_VERIFIER_INVALID);
    assert_status(ephemeral_bench_try_verifier(bench, "second"), STATUS_VERIFIER_INVALID);
    assert_status(ephemeral_bench_try_verifier(bench, "third"), STATUS_OK);
}

static void a_refusal_is_final(void **state)
{
    struct ephemeral_bench *bench = *state;
    assert_status(ephemeral_bench_create_temp(bench, &bench_temp), STATUS_OK);
    assert_status(ephemeral_bench_grant(bench, 7, "verifier"), STATUS_OK);
    assert_status(ephemeral_bench_deny(bench, 7), STATUS_OK);
    assert_status(ephemeral_bench_deny(bench, 7), STATUS_OK);
    assert_status(ephemeral_bench_deny(bench, 8), STATUS_FORBIDDEN);
    assert_int_equal(ephemeral_bench_find_temp(bench)->state, TEMP_DENIED);
    assert_status(ephemeral_bench_grant(bench, 7, "again"), STATUS_PERMISSION_DENIED);
    assert_status(ephemeral_bench_try_verifier(bench, "verifier"), STATUS_PERMISSION_DENIED);
    assert_status(ephemeral_bench_mark_exchanged(bench), STATUS_PERMISSION_DENIED);
}

static void five_wrong_verifiers_kill_it(void **state)
{
    struct ephemeral_bench *bench = *state;
    assert_status(ephemeral_bench_create_temp(bench, &bench_temp), STATUS_OK);
    assert_status(ephemeral_bench_grant(bench, 7, "right"), STATUS_OK);
    for (unsigned i = 1; i < TEMP_MAX_WRONG; i++) {
        assert_status(ephemeral_bench_try_verifier(bench, "wrong"), STATUS_VERIFIER_INVALID);
        assert_status(ephemeral_bench_try_verifier(bench, "right"), STATUS_OK); /* counts as no try */
        assert_int_equal(ephemeral_bench_find_temp(bench)->wrong, i);
    }
    assert_status(ephemeral_bench_try_verifier(bench, "righ"), STATUS_VERIFIER_INVALID);
    assert_int_equal(ephemeral_bench_find_temp(bench)->state, TEMP_KILLED);
    assert_status(ephemeral_bench_try_verifier(bench, "right"), STATUS_TOKEN_REJECTED);
    assert_status(ephemeral_bench_grant(bench, 7, "another"), STATUS_TOKEN_REJECTED);
    assert_status(ephemeral_bench_deny(bench, 7), STATUS_TOKEN_REJECTED);
}

static void a_new_grant_does_not_give_new_tries(void **state)
{
    struct ephemeral_bench *bench = *state;
    assert_status(ephemeral_bench_create_temp(bench, &bench_temp), STATUS_OK);
    for (unsigned i = 0; i < TEMP_MAX_WRONG; i++) {
        assert_status(ephemeral_bench_grant(bench, 7, "right"), STATUS_OK);
        assert_status(ephemeral_bench_try_verifier(bench, "wrong"), STATUS_VERIFIER_INVALID);
    }
    assert_status(ephemeral_bench_try_verifier(bench, "right"), STATUS_TOKEN_REJECTED);
}

static void expired_and_unknown_are_told_apart(void **state)
{
    struct ephemeral_bench *bench = *state;
    assert_status(ephemeral_bench_create_temp(bench, &bench_temp), STATUS_OK);
    assert_status(ephemeral_bench_grant(bench, 7, "verifier"), STATUS_OK);
    ephemeral_bench_pass_s(bench, BENCH_TEMP_TTL_MS / 1000 - 1);
    assert_status(ephemeral_bench_try_verifier(bench, "verifier"), STATUS_OK);
    ephemeral_bench_pass_s(bench, 1);
    const struct temp_credential *temp = ephemeral_bench_find_temp(bench);
    assert_true(temp->expired);
    assert_slice_equal(temp->secret, bench_temp.secret);
    assert_status(ephemeral_bench_try_verifier(bench, "verifier"), STATUS_TOKEN_EXPIRED);
    assert_status(ephemeral_bench_grant(bench, 7, "again"), STATUS_TOKEN_EXPIRED);
    assert_status(ephemeral_bench_deny(bench, 7), STATUS_TOKEN_EXPIRED);
    assert_status(ephemeral_bench_mark_exchanged(bench), STATUS_OK); /* its token was committed just in time */
    assert_status(ephemeral_bench_try_verifier(bench, "verifier"), STATUS_TOKEN_USED);
    ephemeral_bench_pass_s(bench, BENCH_TEMP_TTL_MS / 1000);
    ephemeral_temp_find_start(bench->view, bench_temp.token, SLICE(""), asking_ticket(&bench->asking));
    assert_status(asking_wait(&bench->asking, NULL), STATUS_TOKEN_REJECTED);
}

static void no_change_prolongs_its_life(void **state)
{
    struct ephemeral_bench *bench = *state;
    assert_status(ephemeral_bench_create_temp(bench, &bench_temp), STATUS_OK);
    for (int i = 0; i < 9; i++) {
        ephemeral_bench_pass_s(bench, BENCH_TEMP_TTL_MS / 10000);
        assert_status(ephemeral_bench_grant(bench, 7, "verifier"), STATUS_OK);
    }
    ephemeral_bench_pass_s(bench, BENCH_TEMP_TTL_MS / 10000);
    assert_status(ephemeral_bench_grant(bench, 7, "verifier"), STATUS_TOKEN_EXPIRED);
}

static void nothing_can_be_changed_that_is_not_there(void **state)
{
    struct ephemeral_bench *bench = *state;
    assert_status(ephemeral_bench_grant(bench, 7, "verifier"), STATUS_TOKEN_REJECTED);
    assert_status(ephemeral_bench_deny(bench, 7), STATUS_TOKEN_REJECTED);
    assert_status(ephemeral_bench_try_verifier(bench, ""), STATUS_TOKEN_REJECTED);
    assert_status(ephemeral_bench_mark_exchanged(bench), STATUS_TOKEN_REJECTED);
    assert_status(ephemeral_bench_create_temp(bench, &bench_temp), STATUS_OK); /* and nothing was left behind */
    assert_int_equal(ephemeral_bench_find_temp(bench)->state, TEMP_PENDING);
}

enum { GUESSES = 20 };

static void *guess(void *context)
{
    struct bench_rival *rival = context;
    for (int i = 0; i < GUESSES; i++) {
        ephemeral_temp_try_start(rival->view, &(struct temp_credential){.token = bench_temp.token}, SLICE("wrong"),
                                 asking_ticket(&rival->asking));
        enum status status = asking_wait(&rival->asking, NULL);
        rival->good += status == STATUS_VERIFIER_INVALID ? 1 : 0;
        rival->odd += status == STATUS_OK ? 1 : 0;
        rival->refused += status == STATUS_TOKEN_REJECTED ? 1 : 0;
    }
    return NULL;
}

static void racing_guesses_get_five_tries_in_all(void **state)
{
    struct ephemeral_bench *bench = *state;
    struct bench_rival rivals[BENCH_RIVALS];
    unsigned wrong = 0;
    unsigned refused = 0;
    assert_status(ephemeral_bench_create_temp(bench, &bench_temp), STATUS_OK);
    assert_status(ephemeral_bench_grant(bench, 7, "right"), STATUS_OK);
    ephemeral_bench_compete(bench, rivals, guess);
    for (int i = 0; i < BENCH_RIVALS; i++) {
        wrong += rivals[i].good;
        refused += rivals[i].refused;
        assert_int_equal(rivals[i].odd, 0);
    }
    assert_int_equal(wrong, TEMP_MAX_WRONG);
    assert_int_equal(wrong + refused, BENCH_RIVALS * GUESSES); /* who lost a race was judged anew */
}

/* ---- changes that are handed what was read before ---- */

/* What another view has read; it lives on while others change what the store holds. */
struct seen {
    struct asking asking;
    struct ephemeral *view;
    const struct temp_credential *temp;
};

static void see(struct ephemeral_bench *bench, struct seen *seen)
{
    *seen = (struct seen){0};
    asking_init(&seen->asking, &bench->clock.clock);
    assert_status(ephemeral_view_new(bench->store, seen->asking.loop, &seen->view), STATUS_OK);
    ephemeral_temp_find_start(seen->view, bench_temp.token, bench_temp.client_id, asking_ticket(&seen->asking));
    seen->temp = asking_answer(&seen->asking, STATUS_OK);
}

static void seen_done(struct seen *seen)
{
    ephemeral_view_free(seen->view);
    asking_done(&seen->asking);
}

static enum status try_seen(struct ephemeral_bench *bench, const struct seen *seen, const char *verifier)
{
    ephemeral_temp_try_start(bench->view, seen->temp, slice_str(verifier), asking_ticket(&bench->asking));
    return asking_wait(&bench->asking, NULL);
}

static enum status mark_seen(struct ephemeral_bench *bench, const struct seen *seen)
{
    ephemeral_temp_exchanged_start(bench->view, seen->temp, asking_ticket(&bench->asking));
    return asking_wait(&bench->asking, NULL);
}

static void what_was_read_when_nobody_had_decided_does_not_hide_the_decision(void **state)
{
    struct ephemeral_bench *bench = *state;
    struct seen undecided;
    assert_status(ephemeral_bench_create_temp(bench, &bench_temp), STATUS_OK);
    see(bench, &undecided);
    assert_status(try_seen(bench, &undecided, "verifier"), STATUS_PERMISSION_UNKNOWN);
    assert_status(mark_seen(bench, &undecided), STATUS_PERMISSION_UNKNOWN);
    assert_status(ephemeral_bench_grant(bench, 7, "verifier"), STATUS_OK);
    assert_status(try_seen(bench, &undecided, "wrong"), STATUS_VERIFIER_INVALID);
    ephemeral_temp_try_start(bench->view, undecided.temp, SLICE("verifier"), asking_ticket(&bench->asking));
    const struct temp_credential *temp = asking_answer(&bench->asking, STATUS_OK);
    assert_int_equal(temp->state, TEMP_GRANTED);
    assert_int_equal(temp->user, 7);
    assert_int_equal(temp->wrong, 1);
    assert_status(mark_seen(bench, &undecided), STATUS_OK);
    assert_int_equal(ephemeral_bench_find_temp(bench)->state, TEMP_EXCHANGED);
    seen_done(&undecided);
}

static void a_verifier_that_was_read_is_not_good_once_another_replaced_it(void **state)
{
    struct ephemeral_bench *bench = *state;
    struct seen granted;
    assert_status(ephemeral_bench_create_temp(bench, &bench_temp), STATUS_OK);
    assert_status(ephemeral_bench_grant(bench, 7, "first"), STATUS_OK);
    see(bench, &granted);
    assert_status(try_seen(bench, &granted, "first"), STATUS_OK);
    assert_status(ephemeral_bench_grant(bench, 7, "second"), STATUS_OK);
    assert_status(try_seen(bench, &granted, "first"), STATUS_VERIFIER_INVALID);
    assert_status(try_seen(bench, &granted, "second"), STATUS_OK);
    assert_status(ephemeral_bench_deny(bench, 7), STATUS_OK);
    assert_status(try_seen(bench, &granted, "second"), STATUS_PERMISSION_DENIED);
    assert_status(mark_seen(bench, &granted), STATUS_PERMISSION_DENIED);
    seen_done(&granted);
}

static void guesses_count_also_when_each_has_read_none_of_the_others(void **state)
{
    struct ephemeral_bench *bench = *state;
    struct seen granted;
    assert_status(ephemeral_bench_create_temp(bench, &bench_temp), STATUS_OK);
    assert_status(ephemeral_bench_grant(bench, 7, "right"), STATUS_OK);
    see(bench, &granted);
    for (int i = 0; i < TEMP_MAX_WRONG; i++)
        assert_status(try_seen(bench, &granted, "wrong"), STATUS_VERIFIER_INVALID);
    assert_status(try_seen(bench, &granted, "right"), STATUS_TOKEN_REJECTED);
    assert_int_equal(ephemeral_bench_find_temp(bench)->state, TEMP_KILLED);
    seen_done(&granted);
}

static void what_was_read_before_its_exchange_is_not_exchanged_again(void **state)
{
    struct ephemeral_bench *bench = *state;
    struct seen granted;
    assert_status(ephemeral_bench_create_temp(bench, &bench_temp), STATUS_OK);
    assert_status(ephemeral_bench_grant(bench, 7, "verifier"), STATUS_OK);
    see(bench, &granted);
    assert_status(mark_seen(bench, &granted), STATUS_OK);
    assert_status(try_seen(bench, &granted, "verifier"), STATUS_TOKEN_USED);
    assert_status(mark_seen(bench, &granted), STATUS_OK);
    assert_int_equal(ephemeral_bench_find_temp(bench)->state, TEMP_EXCHANGED);
    seen_done(&granted);
}

static void what_was_read_before_it_ended_is_dead(void **state)
{
    static const struct {
        enum ephemeral_party party;
        const char *id;
    } ends[] = {{EPHEMERAL_CLIENT, "acme"}, {EPHEMERAL_USER, "7"}};
    struct ephemeral_bench *bench = *state;
    struct seen granted;
    for (size_t i = 0; i < COUNT_OF(ends); i++) {
        assert_status(ephemeral_bench_create_temp(bench, &bench_temp), STATUS_OK);
        assert_status(ephemeral_bench_grant(bench, 7, "verifier"), STATUS_OK);
        see(bench, &granted);
        ephemeral_bench_end(bench, ends[i].party, ends[i].id);
        assert_status(try_seen(bench, &granted, "verifier"), STATUS_TOKEN_REJECTED);
        assert_status(mark_seen(bench, &granted), STATUS_TOKEN_REJECTED);
        assert_status(ephemeral_bench_try_verifier(bench, "verifier"), STATUS_TOKEN_REJECTED);
        seen_done(&granted);
        ephemeral_bench_pass_s(bench, 2 * BENCH_TEMP_TTL_MS / 1000); /* its name is free again */
    }
}

static void what_was_read_in_time_may_be_too_late(void **state)
{
    struct ephemeral_bench *bench = *state;
    struct seen granted;
    assert_status(ephemeral_bench_create_temp(bench, &bench_temp), STATUS_OK);
    assert_status(ephemeral_bench_grant(bench, 7, "verifier"), STATUS_OK);
    see(bench, &granted);
    ephemeral_bench_pass_s(bench, BENCH_TEMP_TTL_MS / 1000);
    assert_status(try_seen(bench, &granted, "verifier"), STATUS_TOKEN_EXPIRED);
    ephemeral_bench_pass_s(bench, BENCH_TEMP_TTL_MS / 1000);
    assert_status(try_seen(bench, &granted, "verifier"), STATUS_TOKEN_REJECTED);
    assert_status(mark_seen(bench, &granted), STATUS_TOKEN_REJECTED);
    seen_done(&granted);
}

/* The caller was wrong about whose it is: its own client's end counts, and no other's. */
static void a_temporary_credential_is_found_whosever_it_is_taken_for(void **state)
{
    struct ephemeral_bench *bench = *state;
    ephemeral_bench_end(bench, EPHEMERAL_CLIENT, "other");
    assert_status(ephemeral_bench_create_temp(bench, &bench_temp), STATUS_OK);
    ephemeral_temp_find_start(bench->view, bench_temp.token, SLICE("other"), asking_ticket(&bench->asking));
    const struct temp_credential *temp = asking_answer(&bench->asking, STATUS_OK);
    assert_slice_equal(temp->client_id, bench_temp.client_id);
    ephemeral_bench_end(bench, EPHEMERAL_CLIENT, "acme");
    ephemeral_temp_find_start(bench->view, bench_temp.token, SLICE("other"), asking_ticket(&bench->asking));
    assert_status(asking_wait(&bench->asking, NULL), STATUS_TOKEN_REJECTED);
    ephemeral_temp_find_start(bench->view, bench_temp.token, bench_temp.client_id, asking_ticket(&bench->asking));
    assert_status(asking_wait(&bench->asking, NULL), STATUS_TOKEN_REJECTED);
}

int contract_temps_run(void)
{
    const struct CMUnitTest tests[] = {
        EPHEMERAL_TEST(a_temporary_credential_is_found_as_it_was_made),
        EPHEMERAL_TEST(a_token_is_made_once_and_compares_byte_for_byte),
        EPHEMERAL_TEST(the_legs_in_order),
        EPHEMERAL_TEST(what_was_read_when_nobody_had_decided_does_not_hide_the_decision),
        EPHEMERAL_TEST(a_verifier_that_was_read_is_not_good_once_another_replaced_it),
        EPHEMERAL_TEST(guesses_count_also_when_each_has_read_none_of_the_others),
        EPHEMERAL_TEST(what_was_read_before_its_exchange_is_not_exchanged_again),
        EPHEMERAL_TEST(what_was_read_before_it_ended_is_dead),
        EPHEMERAL_TEST(what_was_read_in_time_may_be_too_late),
        EPHEMERAL_TEST(a_temporary_credential_is_found_whosever_it_is_taken_for),
        EPHEMERAL_TEST(the_first_decision_ties_it_to_its_user),
        EPHEMERAL_TEST(a_refusal_is_final),
        EPHEMERAL_TEST(five_wrong_verifiers_kill_it),
        EPHEMERAL_TEST(a_new_grant_does_not_give_new_tries),
        EPHEMERAL_TEST(expired_and_unknown_are_told_apart),
        EPHEMERAL_TEST(no_change_prolongs_its_life),
        EPHEMERAL_TEST(nothing_can_be_changed_that_is_not_there),
        EPHEMERAL_TEST(racing_guesses_get_five_tries_in_all),
    };
    return cmocka_run_group_tests_name("ephemeral: temporary credentials", tests, NULL, NULL);
}
