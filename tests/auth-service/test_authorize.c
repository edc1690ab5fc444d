/* GET /oauth/authorize: who is asked, what the page tells, and for whom there is none; whatever it does not show, POST
 * does not grant. */
#include "authorize_bench.h"
#include "durable/tokens.h"
#include "durable/users.h"
#include "http/page.h"
#include "protocol/authorize.h"
#include "support/test.h"

#include <stdio.h>
#include <string.h>

static void refuses_a_query_that_names_no_single_request(void **state)
{
    struct site_bench *bench = *state;
    authorize_get(bench, NULL, JANES_COOKIE);
    assert_refused(bench, 400, "parameter_absent");
    assert_true(site_bench_says(bench, "those who run <bdi>auth.example</bdi> for help")); /* whom to tell */
    authorize_get(bench, "oauth_callback=x", JANES_COOKIE);
    assert_refused(bench, 400, "parameter_absent");
    authorize_get(bench, "oauth_token=temp&oauth_token=temp", JANES_COOKIE);
    assert_refused(bench, 400, "parameter_rejected");
    authorize_get(bench, "oauth_token=%zz", JANES_COOKIE);
    assert_refused(bench, 400, "parameter_rejected");
    authorize_get(bench, "oauth_token=other", JANES_COOKIE);
    assert_refused(bench, 400, "token_rejected");
    authorize_get(bench, "oauth_token=", JANES_COOKIE);
    assert_refused(bench, 400, "token_rejected");
    authorize_get(bench, "oauth_token=other", NULL); /* rather than a login for nothing */
    assert_refused(bench, 400, "token_rejected");
}

static void refuses_what_is_over(void **state)
{
    struct site_bench *bench = *state;
    authorize_post(bench, JANES_FORM "&decision=deny", JANES_COOKIE);
    authorize_get(bench, "oauth_token=temp", JANES_COOKIE);
    assert_refused(bench, 400, "permission_denied");

    authorize_post(bench, "csrf_token=csrf+of+janes&oauth_token=oob" SHOWN "&decision=grant", JANES_COOKIE);
    ephemeral_temp_exchanged_start(bench->view, &(struct temp_credential){.token = SLICE("oob")},
                                   asking_ticket(&bench->asking));
    assert_status(asking_wait(&bench->asking, NULL), STATUS_OK);
    authorize_get(bench, "oauth_token=oob", JANES_COOKIE);
    assert_refused(bench, 400, "token_used");

    site_bench_temp(bench, "old", CALLBACK);
    fake_clock_advance(&bench->durable.clock, 601 * 1000);
    authorize_get(bench, "oauth_token=old", JANES_COOKIE);
    assert_refused(bench, 400, "token_expired");
    authorize_post(bench, "csrf_token=csrf+of+janes&oauth_token=old" SHOWN "&decision=grant", JANES_COOKIE);
    assert_refused(bench, 400, "token_expired");
}

static void refuses_what_wrong_verifiers_killed(void **state)
{
    struct site_bench *bench = *state;
    authorize_post(bench, JANES_FORM "&decision=grant", JANES_COOKIE);
    for (int i = 0; i < TEMP_MAX_WRONG; i++) {
        ephemeral_temp_try_start(bench->view, &(struct temp_credential){.token = SLICE("temp")}, SLICE("wrong"),
                                 asking_ticket(&bench->asking));
        (void)asking_wait(&bench->asking, NULL);
    }
    authorize_get(bench, "oauth_token=temp", JANES_COOKIE);
    assert_refused(bench, 400, "token_rejected");
}

static void sends_strangers_to_log_in_first(void **state)
{
    struct site_bench *bench = *state;
    static const char *const cookies[] = {NULL, "__Host-countersign_session=", "__Host-countersign_session=other",
                                          "countersign_session=janes"};
    for (size_t i = 0; i < COUNT_OF(cookies); i++) {
        assert_int_equal(authorize_get(bench, "oauth_token=temp&x=//evil.example", cookies[i]), 302);
        assert_slice_equal(authorize_location(bench),
                           SLICE("/login?return_to=%2Foauth%2Fauthorize%3Foauth_token%3Dtemp"));
        assert_slice_equal(site_bench_header(bench, "Cache-Control", 0), SLICE("no-store"));
    }
}

static void treats_a_user_who_was_disabled_or_deleted_as_logged_out(void **state)
{
    struct site_bench *bench = *state;
    assert_status(durable_user_disable_blocking(&bench->durable.db, bench->jane), STATUS_OK);
    assert_int_equal(authorize_get(bench, "oauth_token=temp", JANES_COOKIE), 302);
    assert_true(slice_starts_with(authorize_location(bench), SLICE("/login?")));
    assert_int_equal(authorize_post(bench, JANES_FORM "&decision=grant", JANES_COOKIE), 302);
    assert_true(slice_starts_with(authorize_location(bench), SLICE("/login?")));
    site_bench_session(bench, "late", bench->jane, "jane"); /* of the user as he is now */
    assert_int_equal(authorize_get(bench, "oauth_token=temp", "__Host-countersign_session=late"), 302);
    assert_true(slice_starts_with(authorize_location(bench), SLICE("/login?")));
    assert_status(durable_user_delete_blocking(&bench->durable.db, bench->jane), STATUS_OK);
    assert_int_equal(authorize_post(bench, JANES_FORM "&decision=deny", JANES_COOKIE), 302);
    assert_true(slice_starts_with(authorize_location(bench), SLICE("/login?")));
    assert_temp_state(bench, "temp", TEMP_PENDING);
}

static void tells_who_asks_for_what_and_where_it_leads(void **state)
{
    struct site_bench *bench = *state;
    static const char *const texts[] = {
        "Photo &lt;printer&gt;", "Prints &quot;photos&quot;", "<code>photos:read</code>", "<code>photos:write</code>",
        ">jane<", "goes to <bdi>https://app.example</bdi>", "has not verified",
        /* a website that is none leads nowhere */
        "href=\"#\"", "name=\"csrf_token\" value=\"csrf of janes\"", "name=\"oauth_token\" value=\"temp\"",
        "name=\"decision\" value=\"grant\"", "name=\"decision\" value=\"deny\"", "action=\"/oauth/authorize\""};
    assert_int_equal(authorize_get(bench, "oauth_token=temp&oauth_callback=https%3A%2F%2Fevil.example", JANES_COOKIE),
                     200);
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        if (!site_bench_says(bench, texts[i]))
            fail_msg("%s is not in %.*s", texts[i], SLICE_ARGS(site_bench_body(bench)));
    assert_false(site_bench_says(bench, "evil"));
    assert_false(site_bench_says(bench, "<script"));
    assert_false(site_bench_says(bench, "logo.png")); /* from nobody else's server */
    site_bench_client(bench, CLIENT_VERIFIED, NULL, NULL);
    authorize_get(bench, "oauth_token=temp", JANES_COOKIE);
    assert_true(site_bench_says(bench, "has verified"));
}

/* Field by field: what a client's developer, a user or an operator may have written is text on the page. */
static void shows_whatever_was_written_as_text(void **state)
{
    struct site_bench *bench = *state;
    static const char *const texts[] = {"<script>alert(1)</script>",
                                        "\"><img src=x onerror=alert(1)>",
                                        "' onmouseover='alert(1)",
                                        "{{csrf_token}}",
                                        "{username}",
                                        "`-alert(1)-`",
                                        "javascript:alert(1)",
                                        "</title></textarea><svg onload=alert(1)>",
                                        "\xe2\x80\xaeyllufmrah", /* turned around */
                                        "&lt;b&gt;",
                                        "x; style-src *",
                                        "a\r\nSet-Cookie: a=b"};
    const struct client_callback registered = {SLICE(CALLBACK), false};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct slice text = slice_str(texts[i]);
        const struct client client = {.client_id = SLICE("printer"),
                                      .name = text,
                                      .description = text,
                                      .website = text,
                                      .logo = text,
                                      .allowed_scopes = SLICE(SCOPES),
                                      .callbacks = &registered,
                                      .callback_count = 1};
        assert_status(durable_client_update_blocking(&bench->durable.db, &client), STATUS_OK);
        char session[16];
        char cookie[64];
        (void)snprintf(session, sizeof session, "odd%zu", i);
        (void)snprintf(cookie, sizeof cookie, "__Host-countersign_session=%s", session);
        site_bench_session(bench, session, bench->jane, texts[i]);
        assert_int_equal(authorize_get(bench, "oauth_token=temp", cookie), 200);
        struct slice body = site_bench_body(bench);
        struct buf escaped = BUF_INIT;
        buf_add_str(&escaped, "<bdi>");
        page_escape(&escaped, text);
        buf_add_str(&escaped, "</bdi> asks for access");
        assert_true(slice_find_slice(body, buf_slice(&escaped)) < body.len);
        buf_done(&escaped);
        static const char *const live[] = {"<script", "<img", "<svg", "onmouseover='", "href=\"javascript"};
        for (size_t k = 0; k < COUNT_OF(live); k++)
            if (site_bench_says(bench, live[k]))
                fail_msg("%s of %s is live", live[k], texts[i]);
        struct slice policy = site_bench_header(bench, "Content-Security-Policy", 0);
        assert_int_equal(slice_find_slice(policy, SLICE("style-src *")), policy.len);
        assert_true(slice_is_absent(site_bench_header(bench, "Set-Cookie", 0)));
    }
}

static void shows_a_name_of_ten_thousand_characters(void **state)
{
    struct site_bench *bench = *state;
    char *name = test_calloc(1, 10001);
    memset(name, 'x', 10000);
    const struct client_callback registered = {SLICE(CALLBACK), false};
    const struct client client = {.client_id = SLICE("printer"),
                                  .description = slice_str(name),
                                  .allowed_scopes = SLICE(SCOPES),
                                  .callbacks = &registered,
                                  .callback_count = 1};
    assert_status(durable_client_update_blocking(&bench->durable.db, &client), STATUS_OK);
    assert_int_equal(authorize_get(bench, "oauth_token=temp", JANES_COOKIE), 200);
    assert_true(site_bench_says(bench, name));
    test_free(name);
}

static void fetches_no_logo_in_the_clear(void **state)
{
    struct site_bench *bench = *state;
    static const char *const logos[] = {"", "http://app.example/logo.png", "/logout", "javascript:alert(1)", "data:,x"};
    const struct client_callback registered = {SLICE(CALLBACK), false};
    for (size_t i = 0; i < COUNT_OF(logos); i++) {
        const struct client client = {.client_id = SLICE("printer"),
                                      .logo = slice_str(logos[i]),
                                      .allowed_scopes = SLICE(SCOPES),
                                      .callbacks = &registered,
                                      .callback_count = 1};
        assert_status(durable_client_update_blocking(&bench->durable.db, &client), STATUS_OK);
        assert_int_equal(authorize_get(bench, "oauth_token=temp", JANES_COOKIE), 200);
        assert_false(site_bench_says(bench, "<img"));
        assert_true(site_bench_says(bench, "<bdi>printer</bdi>")); /* no name: the identifier */
    }
}

/* docs/design/security.md, "Browsers and passwords": clickjacking, and the redirect that Chromium holds against
 * form-action. */
static void guards_the_page_and_lets_its_form_lead_to_the_callback_alone(void **state)
{
    struct site_bench *bench = *state;
    authorize_get(bench, "oauth_token=temp", JANES_COOKIE);
    struct slice policy = site_bench_header(bench, "Content-Security-Policy", 0);
    assert_true(slice_find_slice(policy, SLICE("form-action 'self' https://app.example")) < policy.len);
    assert_true(slice_find_slice(policy, SLICE("frame-ancestors 'none'")) < policy.len);
    assert_int_equal(slice_find_slice(policy, SLICE("unsafe")), policy.len);
    assert_slice_equal(site_bench_header(bench, "Cache-Control", 0), SLICE("no-store"));
    authorize_get(bench, "oauth_token=oob", JANES_COOKIE);
    policy = site_bench_header(bench, "Content-Security-Policy", 0);
    assert_true(slice_find_slice(policy, SLICE("form-action 'self'")) + 18 == policy.len);
}

static void tells_what_kind_of_place_the_callback_is(void **state)
{
    struct site_bench *bench = *state;
    static const struct {
        const char *callback, *text;
    } rows[] = {
        {"http://127.0.0.1:5000/cb", "a program on this computer, at <bdi>http://127.0.0.1:5000</bdi>"},
        {"com.example.app:/cb", "addresses that begin with <bdi>com.example.app:</bdi>"},
        {"oob", "a code to type"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char query[32];
        char token[16];
        (void)snprintf(token, sizeof token, "temp%zu", i);
        (void)snprintf(query, sizeof query, "oauth_token=%s", token);
        site_bench_client(bench, 0, rows[i].callback, NULL);
        site_bench_temp(bench, token, rows[i].callback);
        authorize_get(bench, query, JANES_COOKIE);
        assert_true(site_bench_says(bench, rows[i].text));
    }
}

static void shows_every_scope(void **state)
{
    struct site_bench *bench = *state;
    struct buf scopes = BUF_INIT;
    for (int i = 0; i < 500; i++)
        buf_addf(&scopes, "%sscope:%d", i ? " " : "", i);
    authorize_allow_scopes(bench, buf_string(&scopes));
    authorize_temp(bench, "many", buf_string(&scopes));
    assert_int_equal(authorize_get(bench, "oauth_token=many", JANES_COOKIE), 200);
    assert_true(site_bench_says(bench, "<code>scope:0</code>") && site_bench_says(bench, "<code>scope:499</code>"));
    buf_done(&scopes);
}

static void refuses_a_client_that_may_not_ask_any_more(void **state)
{
    struct site_bench *bench = *state;
    assert_status(durable_client_disable_blocking(&bench->durable.db, SLICE("printer")), STATUS_OK);
    authorize_get(bench, "oauth_token=temp", JANES_COOKIE);
    assert_refused(bench, 400, "consumer_key_rejected");
    authorize_post(bench, JANES_FORM "&decision=grant", JANES_COOKIE);
    assert_refused(bench, 400, "consumer_key_rejected");
    authorize_post(bench, JANES_FORM "&choice=scopes&decision=grant", JANES_COOKIE); /* whatever is ticked */
    assert_refused(bench, 400, "consumer_key_rejected");
    assert_status(durable_client_delete_blocking(&bench->durable.db, SLICE("printer")), STATUS_OK);
    authorize_post(bench, JANES_FORM "&decision=deny", JANES_COOKIE);
    assert_refused(bench, 400, "consumer_key_unknown");
}

static void calls_back_only_what_is_still_registered(void **state)
{
    struct site_bench *bench = *state;
    site_bench_client(bench, 0, "https://app.example/other", NULL);
    authorize_get(bench, "oauth_token=temp", JANES_COOKIE);
    assert_refused(bench, 400, "parameter_rejected");
    authorize_post(bench, JANES_FORM "&decision=grant", JANES_COOKIE);
    assert_refused(bench, 400, "parameter_rejected");
    assert_temp_state(bench, "temp", TEMP_PENDING);
}

/* However it came to be registered. */
static void calls_back_nothing_that_is_no_callback(void **state)
{
    struct site_bench *bench = *state;
    site_bench_client(bench, 0, NULL, "javascript:alert(1)");
    authorize_get(bench, "oauth_token=oob", JANES_COOKIE);
    assert_refused(bench, 400, "parameter_rejected");
    authorize_post(bench, "csrf_token=csrf+of+janes&oauth_token=oob" SHOWN "&decision=deny", JANES_COOKIE);
    assert_refused(bench, 400, "parameter_rejected");
    assert_temp_state(bench, "oob", TEMP_PENDING);
}

static void refuses_what_was_begun_before_the_client_was_disabled(void **state)
{
    struct site_bench *bench = *state;
    assert_status(durable_client_disable_blocking(&bench->durable.db, SLICE("printer")), STATUS_OK);
    assert_status(durable_client_enable_blocking(&bench->durable.db, SLICE("printer")), STATUS_OK);
    authorize_get(bench, "oauth_token=temp", JANES_COOKIE);
    assert_refused(bench, 400, "token_rejected");
    authorize_post(bench, JANES_FORM "&decision=grant", JANES_COOKIE);
    assert_refused(bench, 400, "token_rejected");
    assert_temp_state(bench, "temp", TEMP_PENDING);
}

/* The client as it is, pending, of this owner. */
static void make_pending(struct site_bench *bench, int64_t owner)
{
    struct client *client = NULL;
    struct user *user = NULL;
    assert_status(durable_client_find_blocking(&bench->durable.db, SLICE("printer"), &client), STATUS_OK);
    assert_status(durable_user_find_blocking(&bench->durable.db, owner, &user), STATUS_OK);
    client->owner = user->subject;
    client->flags = CLIENT_PENDING;
    assert_status(durable_client_update_blocking(&bench->durable.db, client), STATUS_OK);
    client_free(client);
    user_free(user);
}

static void asks_nobody_but_its_owner_for_a_client_that_is_not_approved(void **state)
{
    struct site_bench *bench = *state;
    make_pending(bench, bench->joe);
    authorize_get(bench, "oauth_token=temp", JANES_COOKIE);
    assert_refused(bench, 400, "consumer_key_rejected");
    assert_true(site_bench_says(bench, "have not approved the application yet"));
    authorize_post(bench, JANES_FORM "&decision=grant", JANES_COOKIE);
    assert_refused(bench, 400, "consumer_key_rejected");
    assert_temp_state(bench, "temp", TEMP_PENDING);
    make_pending(bench, bench->jane);
    assert_int_equal(authorize_get(bench, "oauth_token=temp", JANES_COOKIE), 200);
    assert_int_equal(authorize_post(bench, JANES_FORM "&decision=grant", JANES_COOKIE), 302);
}

static void asks_for_and_grants_only_what_the_client_may_still_have(void **state)
{
    struct site_bench *bench = *state;
    authorize_allow_scopes(bench, "other photos:write");
    authorize_get(bench, "oauth_token=temp", JANES_COOKIE);
    assert_true(site_bench_says(bench, "<code>photos:write</code>") && !site_bench_says(bench, "photos:read"));
    assert_true(site_bench_says(bench, "name=\"scope\" value=\"photos:write\""));
    assert_int_equal(authorize_post(bench, JANES_FORM "&decision=grant", JANES_COOKIE), 302);
    assert_slice_equal(site_bench_find_temp(bench, "temp")->scopes, SLICE("photos:write"));
    authorize_allow_scopes(bench, "other");
    authorize_get(bench, "oauth_token=temp", JANES_COOKIE);
    assert_refused(bench, 400, "parameter_rejected");
    authorize_post(bench, JANES_FORM "&decision=grant", JANES_COOKIE);
    assert_refused(bench, 400, "parameter_rejected");
}

static void tells_nothing_asked_for_from_nothing_left(void **state)
{
    struct site_bench *bench = *state;
#define OF_JANE "csrf_token=csrf+of+janes&decision=grant&oauth_token="
    authorize_temp(bench, "none", "");
    assert_int_equal(authorize_get(bench, "oauth_token=none", JANES_COOKIE), 200);
    assert_int_equal(authorize_post(bench, OF_JANE "none&scope=", JANES_COOKIE), 302);
    authorize_temp(bench, "one", "x"); /* the client may not have it */
    authorize_get(bench, "oauth_token=one", JANES_COOKIE);
    assert_refused(bench, 400, "parameter_rejected");
    authorize_allow_scopes(bench, "x");
    authorize_post(bench, OF_JANE "one&scope=", JANES_COOKIE); /* nor was it shown */
    assert_refused(bench, 400, "parameter_rejected");
    assert_int_equal(authorize_post(bench, OF_JANE "one&scope=x", JANES_COOKIE), 302);
#undef OF_JANE
}

/* A scope that the client got back after the page was shown was not consented to. */
static void grants_only_what_the_page_showed(void **state)
{
    struct site_bench *bench = *state;
#define UNSHOWN "csrf_token=csrf+of+janes&oauth_token=temp&decision=grant"
    assert_int_equal(authorize_post(bench, UNSHOWN "&scope=photos%3Aread+other", JANES_COOKIE), 302);
    assert_slice_equal(site_bench_find_temp(bench, "temp")->scopes, SLICE("photos:read"));
    site_bench_temp(bench, "new", CALLBACK);
#undef UNSHOWN
#define UNSHOWN "csrf_token=csrf+of+janes&oauth_token=new&decision=grant"
    authorize_post(bench, UNSHOWN, JANES_COOKIE);
    assert_refused(bench, 400, "parameter_absent");
    authorize_post(bench, UNSHOWN "&scope=", JANES_COOKIE);
    assert_refused(bench, 400, "parameter_rejected");
    authorize_post(bench, UNSHOWN "&scope=other", JANES_COOKIE);
    assert_refused(bench, 400, "parameter_rejected");
#undef UNSHOWN
    assert_temp_state(bench, "new", TEMP_PENDING);
}

static void needs_tls_but_in_development(void **state)
{
    struct site_bench *bench = *state;
    struct site_call call = {
        .steps = authorize_show, .query = "oauth_token=temp", .cookie = JANES_COOKIE, .is_plain = true};
    site_bench_call(bench, &call);
    assert_refused(bench, 400, "transport_insecure");
    const struct site_call grant = {
        .steps = authorize_decide, .body = JANES_FORM "&decision=grant", .cookie = JANES_COOKIE, .is_plain = true};
    site_bench_call(bench, &grant);
    assert_refused(bench, 400, "transport_insecure");
    assert_temp_state(bench, "temp", TEMP_PENDING);
    bench->config.insecure_transport = true;
    assert_int_equal(site_bench_call(bench, &call), 200);
}

/* ---- GET for a trusted client ---- */

static void sends_straight_back_who_granted_the_same_to_a_trusted_client(void **state)
{
    struct site_bench *bench = *state;
    char jti[64];
    site_bench_client(bench, CLIENT_TRUSTED, NULL, NULL);
    assert_int_equal(authorize_get(bench, "oauth_token=temp", JANES_COOKIE), 200); /* nothing granted yet */
    durable_bench_token(&bench->durable, "printer", bench->jane, "token", jti);
    assert_int_equal(authorize_get(bench, "oauth_token=temp", JANES_COOKIE), 302);
    assert_true(slice_starts_with(authorize_location(bench), SLICE(CALLBACK "&oauth_token=temp&oauth_verifier=")));
    assert_temp_state(bench, "temp", TEMP_GRANTED);
}

static void asks_again_where_trust_does_not_reach(void **state)
{
    struct site_bench *bench = *state;
    char jti[64];
    durable_bench_token(&bench->durable, "printer", bench->jane, "token", jti);
    assert_int_equal(authorize_get(bench, "oauth_token=temp", JANES_COOKIE), 200); /* not marked */
    site_bench_client(bench, CLIENT_VERIFIED, NULL, NULL);
    assert_int_equal(authorize_get(bench, "oauth_token=temp", JANES_COOKIE), 200); /* nor by this */
    site_bench_client(bench, CLIENT_TRUSTED, NULL, NULL);
    assert_int_equal(authorize_get(bench, "oauth_token=temp", JOES_COOKIE), 200); /* another's token */
    assert_int_equal(authorize_get(bench, "oauth_token=oob", JANES_COOKIE),
                     200); /* a code is shown only after a click */
    assert_temp_state(bench, "oob", TEMP_PENDING);
    int64_t count = 0;
    assert_status(
        durable_token_revoke_blocking(&bench->durable.db, &(struct token_filter){.jti = slice_str(jti)}, &count),
        STATUS_OK);
    assert_int_equal(authorize_get(bench, "oauth_token=temp", JANES_COOKIE), 200); /* revoked since */
    assert_temp_state(bench, "temp", TEMP_PENDING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        AUTHORIZE_TEST(refuses_a_query_that_names_no_single_request),
        AUTHORIZE_TEST(refuses_what_is_over),
        AUTHORIZE_TEST(refuses_what_wrong_verifiers_killed),
        AUTHORIZE_TEST(sends_strangers_to_log_in_first),
        AUTHORIZE_TEST(treats_a_user_who_was_disabled_or_deleted_as_logged_out),
        AUTHORIZE_TEST(tells_who_asks_for_what_and_where_it_leads),
        AUTHORIZE_TEST(fetches_no_logo_in_the_clear),
        AUTHORIZE_TEST(shows_whatever_was_written_as_text),
        AUTHORIZE_TEST(shows_a_name_of_ten_thousand_characters),
        AUTHORIZE_TEST(guards_the_page_and_lets_its_form_lead_to_the_callback_alone),
        AUTHORIZE_TEST(tells_what_kind_of_place_the_callback_is),
        AUTHORIZE_TEST(shows_every_scope),
        AUTHORIZE_TEST(refuses_a_client_that_may_not_ask_any_more),
        AUTHORIZE_TEST(calls_back_only_what_is_still_registered),
        AUTHORIZE_TEST(calls_back_nothing_that_is_no_callback),
        AUTHORIZE_TEST(refuses_what_was_begun_before_the_client_was_disabled),
        AUTHORIZE_TEST(asks_nobody_but_its_owner_for_a_client_that_is_not_approved),
        AUTHORIZE_TEST(asks_for_and_grants_only_what_the_client_may_still_have),
        AUTHORIZE_TEST(tells_nothing_asked_for_from_nothing_left),
        AUTHORIZE_TEST(grants_only_what_the_page_showed),
        AUTHORIZE_TEST(needs_tls_but_in_development),
        AUTHORIZE_TEST(sends_straight_back_who_granted_the_same_to_a_trusted_client),
        AUTHORIZE_TEST(asks_again_where_trust_does_not_reach),
    };
    return cmocka_run_group_tests_name("authorize", tests, NULL, NULL);
}
