/* POST /oauth/authorize: what a user decides, and whose form it is. */
#include "authorize_bench.h"
#include "durable/users.h"
#include "protocol/authorize.h"
#include "support/test.h"
#include "support/watch.h"

#include <stdio.h>
#include <string.h>

/* ---- POST ---- */

static void grants_with_a_verifier_behind_the_callback(void **state)
{
    struct site_bench *bench = *state;
    static const struct slice start = SLICE_INIT(CALLBACK "&oauth_token=temp&oauth_verifier=");
    char expected[256];
    assert_int_equal(
        authorize_post(bench, JANES_FORM "&decision=grant&oauth_callback=https://evil.example", JANES_COOKIE), 302);
    assert_slice_equal(site_bench_header(bench, "Cache-Control", 0), SLICE("no-store"));
    assert_slice_equal(site_bench_header(bench, "Referrer-Policy", 0), SLICE("no-referrer"));
    (void)snprintf(expected, sizeof expected, "%.*s", SLICE_ARGS(authorize_location(bench)));
    const struct temp_credential *temp = site_bench_find_temp(bench, "temp");
    assert_int_equal(temp->state, TEMP_GRANTED);
    assert_int_equal(temp->user, bench->jane);
    assert_int_equal(temp->user_generation, 0);
    assert_slice_equal(temp->username, SLICE("jane"));
    assert_slice_equal(temp->scopes, SLICE(SCOPES));
    assert_true(temp->verifier.len >= 22); /* 128 bit of [A-Za-z0-9] */
    assert_slice_equal(slice_sub(slice_str(expected), 0, start.len), start);
    assert_slice_equal(slice_sub(slice_str(expected), start.len, sizeof expected), temp->verifier);
}

static void grants_of_a_user_as_he_is_now(void **state)
{
    struct site_bench *bench = *state;
    assert_status(durable_user_disable_blocking(&bench->durable.db, bench->jane), STATUS_OK); /* generation 1 */
    assert_status(durable_user_enable_blocking(&bench->durable.db, bench->jane), STATUS_OK);
    site_bench_end_session(bench, "janes");
    site_bench_session(bench, "janes", bench->jane, "jane");
    assert_int_equal(authorize_post(bench, JANES_FORM "&decision=grant", JANES_COOKIE), 302);
    assert_int_equal(site_bench_find_temp(bench, "temp")->user_generation, 1);
}

/* A session that was made after the change for a password that was looked at before it. */
static void a_session_is_good_only_for_the_account_as_its_password_was_looked_at(void **state)
{
    struct site_bench *bench = *state;
    assert_int_equal(authorize_get(bench, "oauth_token=temp", JANES_COOKIE), 200);
    assert_status(durable_user_set_password_blocking(&bench->durable.db, bench->jane, SLICE("new")), STATUS_OK);
    assert_int_equal(authorize_get(bench, "oauth_token=temp", JANES_COOKIE), 302);
    assert_true(slice_starts_with(authorize_location(bench), SLICE("/login?")));
    authorize_post(bench, JANES_FORM "&decision=grant", JANES_COOKIE);
    assert_int_equal(site_bench_find_temp(bench, "temp")->state, TEMP_PENDING);
}

/* What is granted was asked for, is allowed still, was shown, and was left ticked where there were ticks. */
static void grants_what_was_left_ticked_alone(void **state)
{
    struct site_bench *bench = *state;
    static const struct {
        const char *form, *granted; /* NULL: nothing, and the request stands */
    } rows[] = {
        {"&scope=photos:read+photos:write", "photos:read photos:write"},
        {"&scope=photos:read+photos:write&choice=scopes&ticked=photos:write", "photos:write"},
        {"&scope=photos:read+photos:write&choice=scopes&ticked=photos:write&ticked=photos:read",
         "photos:read photos:write"},
        {"&scope=photos:read+photos:write&choice=scopes", NULL},
        {"&scope=photos:read&choice=scopes&ticked=photos:write", NULL}, /* not shown */
        {"&scope=photos:read&choice=scopes&ticked=photos:write&ticked=photos:read", "photos:read"},
        {"&scope=photos:read+admin&choice=scopes&ticked=admin", NULL},                      /* not asked for */
        {"&scope=photos:read+admin&choice=scopes&ticked=admin+photos:read", "photos:read"}, /* two in one field */
        {"&choice=scopes&ticked=photos:read", NULL},                                        /* no page of ours */
        {"&scope=photos:read&ticked=", "photos:read"},                                      /* a page without ticks */
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char token[16];
        char form[256];
        (void)snprintf(token, sizeof token, "ticks%zu", i);
        (void)snprintf(form, sizeof form, "csrf_token=csrf+of+janes&oauth_token=%s&decision=grant%s", token,
                       rows[i].form);
        site_bench_temp(bench, token, CALLBACK);
        assert_int_equal(authorize_post(bench, form, JANES_COOKIE), rows[i].granted ? 302 : 400);
        const struct temp_credential *temp = site_bench_find_temp(bench, token);
        assert_int_equal(temp->state, rows[i].granted ? TEMP_GRANTED : TEMP_PENDING);
        if (rows[i].granted)
            assert_slice_equal(temp->scopes, slice_str(rows[i].granted));
    }
    authorize_post(bench, "csrf_token=csrf+of+janes&oauth_token=temp&decision=grant&scope=photos:read&choice=scopes",
                   JANES_COOKIE);
    assert_true(site_bench_says(bench, "You ticked nothing"));
    assert_int_equal(
        authorize_post(bench, "csrf_token=csrf+of+janes&oauth_token=temp&decision=deny&scope=photos:read&choice=scopes",
                       JANES_COOKIE),
        302);
    assert_temp_state(bench, "temp", TEMP_DENIED);
}

static void lets_scopes_be_unticked_where_the_client_says_so(void **state)
{
    struct site_bench *bench = *state;
    authorize_get(bench, "oauth_token=temp", JANES_COOKIE);
    assert_false(site_bench_says(bench, "checkbox") || site_bench_says(bench, "name=\"choice\""));
    site_bench_client(bench, CLIENT_OPTIONAL_SCOPES, NULL, NULL);
    authorize_get(bench, "oauth_token=temp", JANES_COOKIE);
    assert_true(site_bench_says(bench, "name=\"choice\""));
    assert_true(site_bench_says(bench, "<input type=\"checkbox\" name=\"ticked\" value=\"photos:read\" checked>"));
}

static void denies_and_says_so_to_the_callback(void **state)
{
    struct site_bench *bench = *state;
    assert_int_equal(authorize_post(bench, JANES_FORM "&decision=deny", JANES_COOKIE), 302);
    assert_slice_equal(authorize_location(bench),
                       SLICE(CALLBACK "&oauth_token=temp&error=access_denied&error_description=The%20resource%20owner"
                                      "%20denied%20the%20request&oauth_problem=user_refused"));
    assert_temp_state(bench, "temp", TEMP_DENIED);
    authorize_post(bench, JANES_FORM "&decision=grant", JANES_COOKIE);
    assert_refused(bench, 400, "permission_denied");
}

static int64_t rows_of(struct site_bench *bench, const char *what)
{
    char query[256];
    (void)snprintf(query, sizeof query,
                   "SELECT COUNT(*) FROM audit WHERE what = '%s' AND subject = 'printer' AND"
                   " who = 'user:' || (SELECT subject FROM users WHERE username = 'jane')",
                   what);
    return durable_bench_number(&bench->durable, query);
}

static void what_was_decided_is_written_down(void **state)
{
    struct site_bench *bench = *state;
    assert_int_equal(authorize_post(bench, JANES_FORM "&decision=deny", JANES_COOKIE), 302);
    assert_int_equal(rows_of(bench, "access.deny"), 1);
    assert_int_equal(rows_of(bench, "access.grant"), 0);
    site_bench_temp(bench, "next", CALLBACK);
    assert_int_equal(authorize_post(bench, "csrf_token=csrf+of+janes&oauth_token=next&decision=grant&scope=photos:read",
                                    JANES_COOKIE),
                     302);
    assert_int_equal(rows_of(bench, "access.deny"), 1);
    assert_int_equal(rows_of(bench, "access.grant"), 1);
}

static void shows_a_verifier_that_can_be_typed_out_of_band(void **state)
{
    struct site_bench *bench = *state;
    assert_int_equal(
        authorize_post(bench, "csrf_token=csrf+of+janes&oauth_token=oob" SHOWN "&decision=grant", JANES_COOKIE), 200);
    struct slice body = site_bench_body(bench);
    size_t at = slice_find_slice(body, SLICE("id=\"verifier\">")) + strlen("id=\"verifier\">");
    char shown[16]; /* ABCD-EFGH */
    char issued[16];
    (void)snprintf(shown, sizeof shown, "%.9s", slice_sub(body, at, body.len).ptr);
    (void)snprintf(issued, sizeof issued, "%.4s%.4s", shown, shown + 5);
    assert_int_equal(shown[4], '-');
    assert_slice_equal(site_bench_find_temp(bench, "oob")->verifier, slice_str(issued));
    assert_slice_equal(site_bench_header(bench, "Cache-Control", 0), SLICE("no-store"));
    (void)snprintf(shown, sizeof shown, "%c %c %c %c, ", issued[0], issued[1], issued[2], issued[3]);
    assert_true(site_bench_says(bench, shown)); /* for whoever hears it */
    assert_true(site_bench_says(bench, "<bdi>Photo &lt;printer&gt;</bdi>"));
}

static void a_verifier_is_for_a_client_without_a_name_too(void **state)
{
    struct site_bench *bench = *state;
    authorize_allow_scopes(bench, SCOPES);
    assert_int_equal(
        authorize_post(bench, "csrf_token=csrf+of+janes&oauth_token=oob" SHOWN "&decision=grant", JANES_COOKIE), 200);
    assert_true(site_bench_says(bench, "<bdi>printer</bdi>"));
}

static bool is_typable(struct slice text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!memchr("ABCDEFGHJKMNPQRSTUVWXYZ23456789", text.ptr[i], 31))
            return false;
    return true;
}

static void only_what_is_typed_has_few_letters(void **state)
{
    struct site_bench *bench = *state;
    for (int i = 0; i < 4; i++) { /* each grant has a verifier of its own */
        authorize_post(bench, "csrf_token=csrf+of+janes&oauth_token=oob" SHOWN "&decision=grant", JANES_COOKIE);
        assert_true(is_typable(site_bench_find_temp(bench, "oob")->verifier));
    }
    authorize_post(bench, JANES_FORM "&decision=grant", JANES_COOKIE);
    assert_false(is_typable(site_bench_find_temp(bench, "temp")->verifier));
}

static void says_so_when_denied_out_of_band(void **state)
{
    struct site_bench *bench = *state;
    authorize_post(bench, "csrf_token=csrf+of+janes&oauth_token=oob&decision=deny", JANES_COOKIE);
    assert_refused(bench, 200, "user_refused");
    assert_temp_state(bench, "oob", TEMP_DENIED);
}

static void sends_out_of_band_to_the_default_callback(void **state)
{
    struct site_bench *bench = *state;
    site_bench_client(bench, 0, NULL, "https://app.example/default");
    assert_int_equal(
        authorize_post(bench, "csrf_token=csrf+of+janes&oauth_token=oob" SHOWN "&decision=grant", JANES_COOKIE), 302);
    assert_true(slice_starts_with(authorize_location(bench),
                                  SLICE("https://app.example/default?oauth_token=oob&oauth_verifier=")));
    assert_true(site_bench_find_temp(bench, "oob")->verifier.len >= 22);
}

/* Nothing is changed, and the browser goes nowhere. */
static void refuses_a_form_that_is_not_this_sessions(void **state)
{
    struct site_bench *bench = *state;
    static const char *const forms[] = {
        "oauth_token=temp&decision=grant",
        "oauth_token=temp&decision=grant&csrf_token=",
        "oauth_token=temp&decision=grant&csrf_token=csrf+of+jane",
        "oauth_token=temp&decision=grant&csrf_token=csrf+of+janes1",
        "oauth_token=temp&decision=grant&csrf_token=csrf+of+joes",
        "oauth_token=temp&decision=grant&csrf_token=csrf+of+janes&csrf_token=csrf+of+janes",
        "oauth_token=other&decision=grant&csrf_token=csrf+of+joes",
    };
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        authorize_post(bench, forms[i], JANES_COOKIE);
        assert_refused(bench, 403, "forbidden");
        assert_true(site_bench_says(bench, "This form was not made for this session."));
    }
    authorize_post(bench, forms[0], NULL); /* rather than a login for nothing */
    assert_refused(bench, 403, "forbidden");
    assert_temp_state(bench, "temp", TEMP_PENDING);
}

static void compares_the_forms_secret_in_constant_time(void **state)
{
    struct site_bench *bench = *state;
    watch_begin();
    authorize_post(bench, "oauth_token=temp&decision=grant&csrf_token=csrf+of+jones", JANES_COOKIE);
    assert_int_equal(watch_comparisons(SLICE("csrf of janes")), 1);
    watch_end();
    assert_refused(bench, 403, "forbidden");
}

static void refuses_what_a_browser_says_another_site_sent(void **state)
{
    struct site_bench *bench = *state;
    static const struct {
        const char *header, *value;
        int status;
    } rows[] = {
        {"Origin", "https://evil.example", 403},      {"Origin", "http://auth.example", 403},
        {"Origin", "https://auth.example:8443", 403}, {"Origin", "https://auth.example.evil.example", 403},
        {"Origin", "https://auth.example/", 403},     {"Origin", "", 403},
        {"Sec-Fetch-Site", "cross-site", 403},        {"Sec-Fetch-Site", "same-site", 403},
        {"Origin", "https://auth.example", 302},      {"Origin", "null", 302},
        {"Sec-Fetch-Site", "same-origin", 302},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct site_call call = {.steps = authorize_decide,
                                       .body = JANES_FORM "&decision=grant",
                                       .cookie = JANES_COOKIE,
                                       .header = rows[i].header,
                                       .value = rows[i].value};
        if (site_bench_call(bench, &call) != rows[i].status)
            fail_msg("%s: %s", rows[i].header, rows[i].value);
        if (rows[i].status != 403)
            continue;
        assert_true(site_bench_says(bench, "This form was not made for this session."));
        assert_temp_state(bench, "temp", TEMP_PENDING);
    }
}

static void refuses_a_form_without_one_clear_decision(void **state)
{
    struct site_bench *bench = *state;
    static const struct {
        const char *form, *problem;
    } rows[] = {
        {JANES_FORM, "parameter_absent"},
        {JANES_FORM "&decision=", "invalid_request"},
        {JANES_FORM "&decision=Grant", "invalid_request"},
        {JANES_FORM "&decision=grant&decision=grant", "parameter_rejected"},
        {JANES_FORM "&decision=deny&decision=grant", "parameter_rejected"},
        {JANES_FORM "&oauth_token=temp&decision=grant", "parameter_rejected"},
        {"csrf_token=csrf+of+janes&decision=grant", "parameter_absent"},
        {JANES_FORM "&decision=%zz", "parameter_rejected"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        authorize_post(bench, rows[i].form, JANES_COOKIE);
        assert_refused(bench, 400, rows[i].problem);
    }
    assert_temp_state(bench, "temp", TEMP_PENDING);
    const struct site_call call = {.steps = authorize_decide, .body = NULL, .cookie = JANES_COOKIE};
    assert_int_equal(site_bench_call(bench, &call), 415); /* no form at all */
}

static void asks_who_it_is_when_the_session_has_ended(void **state)
{
    struct site_bench *bench = *state;
    assert_int_equal(authorize_post(bench, JANES_FORM "&decision=grant", NULL), 302);
    assert_slice_equal(authorize_location(bench), SLICE("/login?return_to=%2Foauth%2Fauthorize%3Foauth_token%3Dtemp"));
    assert_temp_state(bench, "temp", TEMP_PENDING);
}

static void lets_only_the_first_who_decided_decide_again(void **state)
{
    struct site_bench *bench = *state;
    char first[64];
    authorize_post(bench, JANES_FORM "&decision=grant", JANES_COOKIE);
    const struct temp_credential *temp = site_bench_find_temp(bench, "temp");
    (void)snprintf(first, sizeof first, "%.*s", SLICE_ARGS(temp->verifier));
    authorize_get(bench, "oauth_token=temp", JOES_COOKIE);
    assert_refused(bench, 403, "forbidden");
    authorize_post(bench, "csrf_token=csrf+of+joes&oauth_token=temp&decision=grant", JOES_COOKIE);
    assert_refused(bench, 403, "forbidden");
    authorize_post(bench, "csrf_token=csrf+of+joes&oauth_token=temp&decision=deny", JOES_COOKIE);
    assert_refused(bench, 403, "forbidden");
    assert_slice_equal(site_bench_find_temp(bench, "temp")->verifier, slice_str(first));
    assert_int_equal(authorize_post(bench, JANES_FORM "&decision=grant", JANES_COOKIE), 302);
    assert_false(slice_eq(site_bench_find_temp(bench, "temp")->verifier, slice_str(first)));
}

static void assert_told(struct site_bench *bench, const char *query, const char *cookie, const char *sentence)
{
    authorize_get(bench, query, cookie);
    if (!site_bench_says(bench, sentence))
        fail_msg("%s: %s", query, sentence);
}

/* For somebody who has never heard of OAuth. */
static void says_in_words_what_is_wrong(void **state)
{
    struct site_bench *bench = *state;
    assert_told(bench, NULL, JANES_COOKIE, "The address of this page is not complete.");
    assert_told(bench, "oauth_token=%zz", JANES_COOKIE, "The address or the form of this page is not as it was made.");
    assert_told(bench, "oauth_token=other", JANES_COOKIE, "This request for access is not known here.");
    authorize_post(bench, "csrf_token=csrf+of+janes&oauth_token=oob" SHOWN "&decision=grant", JANES_COOKIE);
    assert_told(bench, "oauth_token=oob", JOES_COOKIE, "Somebody else has decided on this request for access already.");
    ephemeral_temp_exchanged_start(bench->view, &(struct temp_credential){.token = SLICE("oob")},
                                   asking_ticket(&bench->asking));
    assert_status(asking_wait(&bench->asking, NULL), STATUS_OK);
    assert_told(bench, "oauth_token=oob", JANES_COOKIE, "This request for access was granted and used already.");
    site_bench_client(bench, 0, "https://app.example/other", NULL);
    assert_told(bench, "oauth_token=temp", JANES_COOKIE, "to an address that it has not registered here");
    authorize_allow_scopes(bench, "other");
    assert_told(bench, "oauth_token=temp", JANES_COOKIE, "may not have the access that it asks for any more");
    assert_status(durable_client_disable_blocking(&bench->durable.db, SLICE("printer")), STATUS_OK);
    assert_told(bench, "oauth_token=temp", JANES_COOKIE,
                "The application that asks for access may not do so any more.");
    assert_status(durable_client_delete_blocking(&bench->durable.db, SLICE("printer")), STATUS_OK);
    assert_told(bench, "oauth_token=temp", JANES_COOKIE,
                "The application that asks for access may not do so any more.");
    fake_clock_advance(&bench->durable.clock, 601 * 1000);
    assert_told(bench, "oauth_token=temp", JANES_COOKIE, "This request for access has expired.");
}

static void says_in_words_that_it_was_refused_already(void **state)
{
    struct site_bench *bench = *state;
    authorize_post(bench, JANES_FORM "&decision=deny", JANES_COOKIE);
    assert_told(bench, "oauth_token=temp", JANES_COOKIE, "This request for access was refused already.");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        AUTHORIZE_TEST(grants_what_was_left_ticked_alone),
        AUTHORIZE_TEST(lets_scopes_be_unticked_where_the_client_says_so),
        AUTHORIZE_TEST(grants_with_a_verifier_behind_the_callback),
        AUTHORIZE_TEST(grants_of_a_user_as_he_is_now),
        AUTHORIZE_TEST(a_session_is_good_only_for_the_account_as_its_password_was_looked_at),
        AUTHORIZE_TEST(denies_and_says_so_to_the_callback),
        AUTHORIZE_TEST(what_was_decided_is_written_down),
        AUTHORIZE_TEST(shows_a_verifier_that_can_be_typed_out_of_band),
        AUTHORIZE_TEST(a_verifier_is_for_a_client_without_a_name_too),
        AUTHORIZE_TEST(only_what_is_typed_has_few_letters),
        AUTHORIZE_TEST(says_so_when_denied_out_of_band),
        AUTHORIZE_TEST(sends_out_of_band_to_the_default_callback),
        AUTHORIZE_TEST(refuses_a_form_that_is_not_this_sessions),
        AUTHORIZE_TEST(compares_the_forms_secret_in_constant_time),
        AUTHORIZE_TEST(refuses_what_a_browser_says_another_site_sent),
        AUTHORIZE_TEST(refuses_a_form_without_one_clear_decision),
        AUTHORIZE_TEST(asks_who_it_is_when_the_session_has_ended),
        AUTHORIZE_TEST(lets_only_the_first_who_decided_decide_again),
        AUTHORIZE_TEST(says_in_words_what_is_wrong),
        AUTHORIZE_TEST(says_in_words_that_it_was_refused_already),
    };
    return cmocka_run_group_tests_name("authorize_decide", tests, NULL, NULL);
}
