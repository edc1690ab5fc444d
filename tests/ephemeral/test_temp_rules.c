#include "ephemeral/temp_rules.h"

#include "support/test.h"
#include "support/watch.h"

enum { JANE = 7, JOE = 8 };

static struct temp_credential in_state(enum temp_state state, bool expired)
{
    return (struct temp_credential){
        .token = SLICE("token"),
        .state = state,
        .expired = expired,
        .user = state == TEMP_PENDING ? 0 : JANE,
        .verifier = state == TEMP_PENDING ? SLICE("") : SLICE("verifier"),
    };
}

/* What each rule says in each state, while it lives and when it has expired. */
static const struct row {
    temp_rule_fn rule;
    enum status live[TEMP_KILLED + 1];
    enum status expired[TEMP_KILLED + 1];
} rows[] = {
    /* pending, granted, denied, exchanged, killed */
    {temp_rule_look,
     {STATUS_OK, STATUS_OK, STATUS_OK, STATUS_OK, STATUS_OK},
     {STATUS_OK, STATUS_OK, STATUS_OK, STATUS_OK, STATUS_OK}},
    {temp_rule_grant,
     {STATUS_OK, STATUS_OK, STATUS_PERMISSION_DENIED, STATUS_TOKEN_USED, STATUS_TOKEN_REJECTED},
     {STATUS_TOKEN_EXPIRED, STATUS_TOKEN_EXPIRED, STATUS_TOKEN_EXPIRED, STATUS_TOKEN_USED, STATUS_TOKEN_REJECTED}},
    {temp_rule_deny,
     {STATUS_OK, STATUS_OK, STATUS_OK, STATUS_TOKEN_USED, STATUS_TOKEN_REJECTED},
     {STATUS_TOKEN_EXPIRED, STATUS_TOKEN_EXPIRED, STATUS_TOKEN_EXPIRED, STATUS_TOKEN_USED, STATUS_TOKEN_REJECTED}},
    {temp_rule_try,
     {STATUS_PERMISSION_UNKNOWN, STATUS_OK, STATUS_PERMISSION_DENIED, STATUS_TOKEN_USED, STATUS_TOKEN_REJECTED},
     {STATUS_TOKEN_EXPIRED, STATUS_TOKEN_EXPIRED, STATUS_TOKEN_EXPIRED, STATUS_TOKEN_USED, STATUS_TOKEN_REJECTED}},
    {temp_rule_exchange,
     {STATUS_PERMISSION_UNKNOWN, STATUS_OK, STATUS_PERMISSION_DENIED, STATUS_OK, STATUS_OK},
     {STATUS_PERMISSION_UNKNOWN, STATUS_OK, STATUS_PERMISSION_DENIED, STATUS_OK, STATUS_OK}},
};

static struct temp_change janes_change(temp_rule_fn rule)
{
    if (rule == temp_rule_grant)
        return (struct temp_change){.grant = {.user = JANE,
                                              .user_generation = 3,
                                              .username = SLICE("jane"),
                                              .scopes = SLICE("read"),
                                              .verifier = SLICE("new verifier")}};
    return (struct temp_change){.user = rule == temp_rule_deny ? JANE : 0,
                                .verifier = rule == temp_rule_try ? SLICE("verifier") : SLICE_ABSENT};
}

static bool is_same(const struct temp_credential *a, const struct temp_credential *b)
{
    return a->state == b->state && a->user == b->user && a->user_generation == b->user_generation &&
           a->wrong == b->wrong && slice_eq(a->username, b->username) && slice_eq(a->scopes, b->scopes) &&
           slice_eq(a->verifier, b->verifier);
}

static void each_state_allows_what_it_should(void **state UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        for (int at = TEMP_PENDING; at <= TEMP_KILLED; at++)
            for (int expired = 0; expired < 2; expired++) {
                struct temp_credential before = in_state((enum temp_state)at, expired);
                struct temp_credential temp = before;
                struct temp_change change = janes_change(rows[i].rule);
                bool is_changed = false;
                assert_status(rows[i].rule(&temp, &change, &is_changed),
                              expired ? rows[i].expired[at] : rows[i].live[at]);
                assert_int_equal(is_changed, !is_same(&before, &temp));
            }
}

static void a_grant_is_written_whole(void **state UNUSED)
{
    struct temp_credential temp = in_state(TEMP_PENDING, false);
    struct temp_change change = janes_change(temp_rule_grant);
    bool is_changed = false;
    assert_status(temp_rule_grant(&temp, &change, &is_changed), STATUS_OK);
    assert_true(is_changed);
    assert_int_equal(temp.state, TEMP_GRANTED);
    assert_int_equal(temp.user, JANE);
    assert_int_equal(temp.user_generation, 3);
    assert_slice_equal(temp.username, SLICE("jane"));
    assert_slice_equal(temp.scopes, SLICE("read"));
    assert_slice_equal(temp.verifier, SLICE("new verifier"));
}

static void a_refusal_is_written_and_holds(void **state UNUSED)
{
    struct temp_credential temp = in_state(TEMP_GRANTED, false);
    struct temp_change change = {.user = JANE};
    bool is_changed = false;
    assert_status(temp_rule_deny(&temp, &change, &is_changed), STATUS_OK);
    assert_true(is_changed);
    assert_int_equal(temp.state, TEMP_DENIED);
    temp = in_state(TEMP_PENDING, false);
    assert_status(temp_rule_deny(&temp, &change, &is_changed), STATUS_OK);
    assert_int_equal(temp.user, JANE);
}

static void another_user_decides_nothing(void **state UNUSED)
{
    for (int at = TEMP_GRANTED; at <= TEMP_DENIED; at++) {
        struct temp_credential temp = in_state((enum temp_state)at, false);
        struct temp_change grant = {.grant = {.user = JOE, .verifier = SLICE("joe's")}};
        struct temp_change denial = {.user = JOE};
        bool is_changed = false;
        if (at == TEMP_GRANTED)
            assert_status(temp_rule_grant(&temp, &grant, &is_changed), STATUS_FORBIDDEN);
        assert_status(temp_rule_deny(&temp, &denial, &is_changed), STATUS_FORBIDDEN);
        assert_false(is_changed);
        assert_int_equal(temp.user, JANE);
    }
}

static void five_wrong_verifiers_kill(void **state UNUSED)
{
    struct temp_credential temp = in_state(TEMP_GRANTED, false);
    struct temp_change wrong = {.verifier = SLICE("Verifier")};
    struct temp_change right = {.verifier = SLICE("verifier")};
    for (unsigned tries = 1; tries <= TEMP_MAX_WRONG; tries++) {
        bool is_changed = false;
        assert_int_equal(temp.state, TEMP_GRANTED);
        assert_status(temp_rule_try(&temp, &right, &is_changed), STATUS_OK);
        assert_false(is_changed);
        assert_status(temp_rule_try(&temp, &wrong, &is_changed), STATUS_VERIFIER_INVALID);
        assert_true(is_changed);
        assert_int_equal(temp.wrong, tries);
    }
    bool is_changed = false;
    assert_int_equal(temp.state, TEMP_KILLED);
    assert_status(temp_rule_try(&temp, &right, &is_changed), STATUS_TOKEN_REJECTED);
}

static void a_verifier_is_compared_in_constant_time(void **state UNUSED)
{
    struct temp_credential temp = in_state(TEMP_GRANTED, false);
    struct temp_change wrong = {.verifier = SLICE("!erifier")};
    bool is_changed = false;
    watch_begin();
    assert_status(temp_rule_try(&temp, &wrong, &is_changed), STATUS_VERIFIER_INVALID);
    assert_int_equal(watch_comparisons(SLICE("verifier")), 1);
    watch_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_state_allows_what_it_should), cmocka_unit_test(a_grant_is_written_whole),
        cmocka_unit_test(a_refusal_is_written_and_holds),   cmocka_unit_test(another_user_decides_nothing),
        cmocka_unit_test(five_wrong_verifiers_kill),        cmocka_unit_test(a_verifier_is_compared_in_constant_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
