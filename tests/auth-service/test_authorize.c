#include "authorize.h"

#include "crypto/random.h"
#include "durable/tokens.h"
#include "durable/users.h"
#include "http/page.h"
#include "service_metrics.h"
#include "site_bench.h"
#include "support/test.h"
#include "support/watch.h"

#include <stdio.h>

#define JANES_COOKIE "__Host-countersign_session=janes"
#define JOES_COOKIE  "__Host-countersign_session=joes"
#define SHOWN        "&scope=photos%3Aread+photos%3Awrite"
#define JANES_FORM   "csrf_token=csrf+of+janes&oauth_token=temp" SHOWN

static int setup(void **state)
{
    int result = site_bench_setup(state);
    struct site_bench *bench = *state;
    site_bench_session(bench, "janes", bench->jane, "jane");
    site_bench_session(bench, "joes", bench->joe, "joe");
    site_bench_temp(bench, "temp", CALLBACK);
    site_bench_temp(bench, "oob", "oob");
    return result;
}
#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, site_bench_teardown)

static int get(struct site_bench *bench, const char *query, const char *cookie)
{
    return site_bench_call(bench, &(struct site_call){.steps = authorize_show, .query = query, .cookie = cookie});
}

static int post(struct site_bench *bench, const char *body, const char *cookie)
{
    return site_bench_call(bench, &(struct site_call){.steps = authorize_decide, .body = body, .cookie = cookie});
}

static struct slice location(const struct site_bench *bench)
{
    return site_bench_header(bench, "Location", 0);
}

static void assert_state(struct site_bench *bench, const char *token, enum temp_state state)
{
    assert_int_equal(site_bench_find_temp(bench, token)->state, state);
}

/* ---- GET ---- */

static void refuses_a_query_that_names_no_single_request(void **state)
{
    struct site_bench *bench = *state;
    get(bench, NULL, JANES_COOKIE);
    assert_refused(bench, 400, "parameter_absent");
    get(bench, "oauth_callback=x", JANES_COOKIE);
    assert_refused(bench, 400, "parameter_absent");
    get(bench, "oauth_token=temp&oauth_token=temp", JANES_COOKIE);
    assert_refused(bench, 400, "parameter_rejected");
    get(bench, "oauth_token=%zz", JANES_COOKIE);
    assert_refused(bench, 400, "parameter_rejected");
    get(bench, "oauth_token=other", JANES_COOKIE);
    assert_refused(bench, 400, "token_rejected");
    get(bench, "oauth_token=", JANES_COOKIE);
    assert_refused(bench, 400, "token_rejected");
    get(bench, "oauth_token=other", NULL); /* rather than a login for nothing */
    assert_refused(bench, 400, "token_rejected");
}

static void refuses_what_is_over(void **state)
{
    struct site_bench *bench = *state;
    post(bench, JANES_FORM "&decision=deny", JANES_COOKIE);
    get(bench, "oauth_token=temp", JANES_COOKIE);
    assert_refused(bench, 400, "permission_denied");

    post(bench, "csrf_token=csrf+of+janes&oauth_token=oob" SHOWN "&decision=grant", JANES_COOKIE);
    ephemeral_temp_exchanged_start(bench->view, &(struct temp_credential){.token = SLICE("oob")},
                                   asking_ticket(&bench->asking));
    assert_status(asking_wait(&bench->asking, NULL), STATUS_OK);
    get(bench, "oauth_token=oob", JANES_COOKIE);
    assert_refused(bench, 400, "token_used");

    site_bench_temp(bench, "old", CALLBACK);
    fake_clock_advance(&bench->durable.clock, 601 * 1000);
    get(bench, "oauth_token=old", JANES_COOKIE);
    assert_refused(bench, 400, "token_expired");
    post(bench, "csrf_token=csrf+of+janes&oauth_token=old" SHOWN "&decision=grant", JANES_COOKIE);
    assert_refused(bench, 400, "token_expired");
}

static void refuses_what_wrong_verifiers_killed(void **state)
{
    struct site_bench *bench = *state;
    post(bench, JANES_FORM "&decision=grant", JANES_COOKIE);
    for (int i = 0; i < TEMP_MAX_WRONG; i++) {
        ephemeral_temp_try_start(bench->view, &(struct temp_credential){.token = SLICE("temp")}, SLICE("wrong"),
                                 asking_ticket(&bench->asking));
        (void)asking_wait(&bench->asking, NULL);
    }
    get(bench, "oauth_token=temp", JANES_COOKIE);
    assert_refused(bench, 400, "token_rejected");
}

static void sends_strangers_to_log_in_first(void **state)
{
    struct site_bench *bench = *state;
    static const char *const cookies[] = {NULL, "__Host-countersign_session=", "__Host-countersign_session=other",
                                          "countersign_session=janes"};
    for (size_t i = 0; i < COUNT_OF(cookies); i++) {
        assert_int_equal(get(bench, "oauth_token=temp&x=//evil.example", cookies[i]), 302);
        assert_slice_equal(location(bench), SLICE("/login?return_to=%2Foauth%2Fauthorize%3Foauth_token%3Dtemp"));
        assert_slice_equal(site_bench_header(bench, "Cache-Control", 0), SLICE("no-store"));
    }
}

static void treats_a_user_who_was_disabled_or_deleted_as_logged_out(void **state)
{
    struct site_bench *bench = *state;
    assert_status(durable_user_disable_blocking(&bench->durable.db, bench->jane), STATUS_OK);
    assert_int_equal(get(bench, "oauth_token=temp", JANES_COOKIE), 302);
    assert_true(slice_starts_with(location(bench), SLICE("/login?")));
    assert_int_equal(post(bench, JANES_FORM "&decision=grant", JANES_COOKIE), 302);
    assert_true(slice_starts_with(location(bench), SLICE("/login?")));
    site_bench_session(bench, "late", bench->jane, "jane"); /* of the user as he is now */
    assert_int_equal(get(bench, "oauth_token=temp", "__Host-countersign_session=late"), 302);
    assert_true(slice_starts_with(location(bench), SLICE("/login?")));
    assert_status(durable_user_delete_blocking(&bench->durable.db, bench->jane), STATUS_OK);
    assert_int_equal(post(bench, JANES_FORM "&decision=deny", JANES_COOKIE), 302);
    assert_true(slice_starts_with(location(bench), SLICE("/login?")));
    assert_state(bench, "temp", TEMP_PENDING);
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
    assert_int_equal(get(bench, "oauth_token=temp&oauth_callback=https%3A%2F%2Fevil.example", JANES_COOKIE), 200);
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        if (!site_bench_says(bench, texts[i]))
            fail_msg("%s is not in %.*s", texts[i], SLICE_ARGS(site_bench_body(bench)));
    assert_false(site_bench_says(bench, "evil"));
    assert_false(site_bench_says(bench, "<script"));
    assert_false(site_bench_says(bench, "logo.png")); /* from nobody else's server */
    site_bench_client(bench, CLIENT_VERIFIED, NULL, NULL);
    get(bench, "oauth_token=temp", JANES_COOKIE);
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
        assert_int_equal(get(bench, "oauth_token=temp", cookie), 200);
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
    assert_int_equal(get(bench, "oauth_token=temp", JANES_COOKIE), 200);
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
        assert_int_equal(get(bench, "oauth_token=temp", JANES_COOKIE), 200);
        assert_false(site_bench_says(bench, "<img"));
        assert_true(site_bench_says(bench, "<bdi>printer</bdi>")); /* no name: the identifier */
    }
}

/* docs/design/security.md, "Browsers and passwords": clickjacking, and the redirect that Chromium holds against
 * form-action. */
static void guards_the_page_and_lets_its_form_lead_to_the_callback_alone(void **state)
{
    struct site_bench *bench = *state;
    get(bench, "oauth_token=temp", JANES_COOKIE);
    struct slice policy = site_bench_header(bench, "Content-Security-Policy", 0);
    assert_true(slice_find_slice(policy, SLICE("form-action 'self' https://app.example")) < policy.len);
    assert_true(slice_find_slice(policy, SLICE("frame-ancestors 'none'")) < policy.len);
    assert_int_equal(slice_find_slice(policy, SLICE("unsafe")), policy.len);
    assert_slice_equal(site_bench_header(bench, "Cache-Control", 0), SLICE("no-store"));
    get(bench, "oauth_token=oob", JANES_COOKIE);
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
        get(bench, query, JANES_COOKIE);
        assert_true(site_bench_says(bench, rows[i].text));
    }
}

static void allow_scopes(struct site_bench *bench, const char *scopes)
{
    const struct client_callback registered = {SLICE(CALLBACK), false};
    const struct client client = {.client_id = SLICE("printer"),
                                  .allowed_scopes = slice_str(scopes),
                                  .callbacks = &registered,
                                  .callback_count = 1};
    assert_status(durable_client_update_blocking(&bench->durable.db, &client), STATUS_OK);
}

static void temp_for_scopes(struct site_bench *bench, const char *token, const char *scopes)
{
    const struct temp_new temp = {.token = slice_str(token),
                                  .secret = SLICE("secret"),
                                  .client_id = SLICE("printer"),
                                  .callback = SLICE(CALLBACK),
                                  .scopes = slice_str(scopes)};
    ephemeral_temp_create_start(bench->view, &temp, asking_ticket(&bench->asking));
    assert_status(asking_wait(&bench->asking, NULL), STATUS_OK);
}

static void shows_every_scope(void **state)
{
    struct site_bench *bench = *state;
    struct buf scopes = BUF_INIT;
    for (int i = 0; i < 500; i++)
        buf_addf(&scopes, "%sscope:%d", i ? " " : "", i);
    allow_scopes(bench, buf_string(&scopes));
    temp_for_scopes(bench, "many", buf_string(&scopes));
    assert_int_equal(get(bench, "oauth_token=many", JANES_COOKIE), 200);
    assert_true(site_bench_says(bench, "<code>scope:0</code>") && site_bench_says(bench, "<code>scope:499</code>"));
    buf_done(&scopes);
}

static void refuses_a_client_that_may_not_ask_any_more(void **state)
{
    struct site_bench *bench = *state;
    assert_status(durable_client_disable_blocking(&bench->durable.db, SLICE("printer")), STATUS_OK);
    get(bench, "oauth_token=temp", JANES_COOKIE);
    assert_refused(bench, 400, "consumer_key_rejected");
    post(bench, JANES_FORM "&decision=grant", JANES_COOKIE);
    assert_refused(bench, 400, "consumer_key_rejected");
    post(bench, JANES_FORM "&choice=scopes&decision=grant", JANES_COOKIE); /* whatever is ticked */
    assert_refused(bench, 400, "consumer_key_rejected");
    assert_status(durable_client_delete_blocking(&bench->durable.db, SLICE("printer")), STATUS_OK);
    post(bench, JANES_FORM "&decision=deny", JANES_COOKIE);
    assert_refused(bench, 400, "consumer_key_unknown");
}

static void calls_back_only_what_is_still_registered(void **state)
{
    struct site_bench *bench = *state;
    site_bench_client(bench, 0, "https://app.example/other", NULL);
    get(bench, "oauth_token=temp", JANES_COOKIE);
    assert_refused(bench, 400, "parameter_rejected");
    post(bench, JANES_FORM "&decision=grant", JANES_COOKIE);
    assert_refused(bench, 400, "parameter_rejected");
    assert_state(bench, "temp", TEMP_PENDING);
}

/* However it came to be registered. */
static void calls_back_nothing_that_is_no_callback(void **state)
{
    struct site_bench *bench = *state;
    site_bench_client(bench, 0, NULL, "javascript:alert(1)");
    get(bench, "oauth_token=oob", JANES_COOKIE);
    assert_refused(bench, 400, "parameter_rejected");
    post(bench, "csrf_token=csrf+of+janes&oauth_token=oob" SHOWN "&decision=deny", JANES_COOKIE);
    assert_refused(bench, 400, "parameter_rejected");
    assert_state(bench, "oob", TEMP_PENDING);
}

static void refuses_what_was_begun_before_the_client_was_disabled(void **state)
{
    struct site_bench *bench = *state;
    assert_status(durable_client_disable_blocking(&bench->durable.db, SLICE("printer")), STATUS_OK);
    assert_status(durable_client_enable_blocking(&bench->durable.db, SLICE("printer")), STATUS_OK);
    get(bench, "oauth_token=temp", JANES_COOKIE);
    assert_refused(bench, 400, "token_rejected");
    post(bench, JANES_FORM "&decision=grant", JANES_COOKIE);
    assert_refused(bench, 400, "token_rejected");
    assert_state(bench, "temp", TEMP_PENDING);
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
    get(bench, "oauth_token=temp", JANES_COOKIE);
    assert_refused(bench, 400, "consumer_key_rejected");
    assert_true(site_bench_says(bench, "have not approved the application yet"));
    post(bench, JANES_FORM "&decision=grant", JANES_COOKIE);
    assert_refused(bench, 400, "consumer_key_rejected");
    assert_state(bench, "temp", TEMP_PENDING);
    make_pending(bench, bench->jane);
    assert_int_equal(get(bench, "oauth_token=temp", JANES_COOKIE), 200);
    assert_int_equal(post(bench, JANES_FORM "&decision=grant", JANES_COOKIE), 302);
}

static void asks_for_and_grants_only_what_the_client_may_still_have(void **state)
{
    struct site_bench *bench = *state;
    allow_scopes(bench, "other photos:write");
    get(bench, "oauth_token=temp", JANES_COOKIE);
    assert_true(site_bench_says(bench, "<code>photos:write</code>") && !site_bench_says(bench, "photos:read"));
    assert_true(site_bench_says(bench, "name=\"scope\" value=\"photos:write\""));
    assert_int_equal(post(bench, JANES_FORM "&decision=grant", JANES_COOKIE), 302);
    assert_slice_equal(site_bench_find_temp(bench, "temp")->scopes, SLICE("photos:write"));
    allow_scopes(bench, "other");
    get(bench, "oauth_token=temp", JANES_COOKIE);
    assert_refused(bench, 400, "parameter_rejected");
    post(bench, JANES_FORM "&decision=grant", JANES_COOKIE);
    assert_refused(bench, 400, "parameter_rejected");
}

static void tells_nothing_asked_for_from_nothing_left(void **state)
{
    struct site_bench *bench = *state;
#define OF_JANE "csrf_token=csrf+of+janes&decision=grant&oauth_token="
    temp_for_scopes(bench, "none", "");
    assert_int_equal(get(bench, "oauth_token=none", JANES_COOKIE), 200);
    assert_int_equal(post(bench, OF_JANE "none&scope=", JANES_COOKIE), 302);
    temp_for_scopes(bench, "one", "x"); /* the client may not have it */
    get(bench, "oauth_token=one", JANES_COOKIE);
    assert_refused(bench, 400, "parameter_rejected");
    allow_scopes(bench, "x");
    post(bench, OF_JANE "one&scope=", JANES_COOKIE); /* nor was it shown */
    assert_refused(bench, 400, "parameter_rejected");
    assert_int_equal(post(bench, OF_JANE "one&scope=x", JANES_COOKIE), 302);
#undef OF_JANE
}

/* A scope that the client got back after the page was shown was not consented to. */
static void grants_only_what_the_page_showed(void **state)
{
    struct site_bench *bench = *state;
#define UNSHOWN "csrf_token=csrf+of+janes&oauth_token=temp&decision=grant"
    assert_int_equal(post(bench, UNSHOWN "&scope=photos%3Aread+other", JANES_COOKIE), 302);
    assert_slice_equal(site_bench_find_temp(bench, "temp")->scopes, SLICE("photos:read"));
    site_bench_temp(bench, "new", CALLBACK);
#undef UNSHOWN
#define UNSHOWN "csrf_token=csrf+of+janes&oauth_token=new&decision=grant"
    post(bench, UNSHOWN, JANES_COOKIE);
    assert_refused(bench, 400, "parameter_absent");
    post(bench, UNSHOWN "&scope=", JANES_COOKIE);
    assert_refused(bench, 400, "parameter_rejected");
    post(bench, UNSHOWN "&scope=other", JANES_COOKIE);
    assert_refused(bench, 400, "parameter_rejected");
#undef UNSHOWN
    assert_state(bench, "new", TEMP_PENDING);
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
    assert_state(bench, "temp", TEMP_PENDING);
    bench->config.insecure_transport = true;
    assert_int_equal(site_bench_call(bench, &call), 200);
}

/* ---- GET for a trusted client ---- */

static void sends_straight_back_who_granted_the_same_to_a_trusted_client(void **state)
{
    struct site_bench *bench = *state;
    char jti[64];
    site_bench_client(bench, CLIENT_TRUSTED, NULL, NULL);
    assert_int_equal(get(bench, "oauth_token=temp", JANES_COOKIE), 200); /* nothing granted yet */
    durable_bench_token(&bench->durable, "printer", bench->jane, "token", jti);
    assert_int_equal(get(bench, "oauth_token=temp", JANES_COOKIE), 302);
    assert_true(slice_starts_with(location(bench), SLICE(CALLBACK "&oauth_token=temp&oauth_verifier=")));
    assert_state(bench, "temp", TEMP_GRANTED);
}

static void asks_again_where_trust_does_not_reach(void **state)
{
    struct site_bench *bench = *state;
    char jti[64];
    durable_bench_token(&bench->durable, "printer", bench->jane, "token", jti);
    assert_int_equal(get(bench, "oauth_token=temp", JANES_COOKIE), 200); /* not marked */
    site_bench_client(bench, CLIENT_VERIFIED, NULL, NULL);
    assert_int_equal(get(bench, "oauth_token=temp", JANES_COOKIE), 200); /* nor by this */
    site_bench_client(bench, CLIENT_TRUSTED, NULL, NULL);
    assert_int_equal(get(bench, "oauth_token=temp", JOES_COOKIE), 200); /* another's token */
    assert_int_equal(get(bench, "oauth_token=oob", JANES_COOKIE), 200); /* a code is shown only after a click */
    assert_state(bench, "oob", TEMP_PENDING);
    int64_t count = 0;
    assert_status(
        durable_token_revoke_blocking(&bench->durable.db, &(struct token_filter){.jti = slice_str(jti)}, &count),
        STATUS_OK);
    assert_int_equal(get(bench, "oauth_token=temp", JANES_COOKIE), 200); /* revoked since */
    assert_state(bench, "temp", TEMP_PENDING);
}

/* ---- POST ---- */

static void grants_with_a_verifier_behind_the_callback(void **state)
{
    struct site_bench *bench = *state;
    static const struct slice start = SLICE_INIT(CALLBACK "&oauth_token=temp&oauth_verifier=");
    char expected[256];
    assert_int_equal(post(bench, JANES_FORM "&decision=grant&oauth_callback=https://evil.example", JANES_COOKIE), 302);
    assert_slice_equal(site_bench_header(bench, "Cache-Control", 0), SLICE("no-store"));
    assert_slice_equal(site_bench_header(bench, "Referrer-Policy", 0), SLICE("no-referrer"));
    (void)snprintf(expected, sizeof expected, "%.*s", SLICE_ARGS(location(bench)));
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
    assert_int_equal(post(bench, JANES_FORM "&decision=grant", JANES_COOKIE), 302);
    assert_int_equal(site_bench_find_temp(bench, "temp")->user_generation, 1);
}

/* A session that was made after the change for a password that was looked at before it. */
static void a_session_is_good_only_for_the_account_as_its_password_was_looked_at(void **state)
{
    struct site_bench *bench = *state;
    assert_int_equal(get(bench, "oauth_token=temp", JANES_COOKIE), 200);
    assert_status(durable_user_set_password_blocking(&bench->durable.db, bench->jane, SLICE("new")), STATUS_OK);
    assert_int_equal(get(bench, "oauth_token=temp", JANES_COOKIE), 302);
    assert_true(slice_starts_with(location(bench), SLICE("/login?")));
    post(bench, JANES_FORM "&decision=grant", JANES_COOKIE);
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
        assert_int_equal(post(bench, form, JANES_COOKIE), rows[i].granted ? 302 : 400);
        const struct temp_credential *temp = site_bench_find_temp(bench, token);
        assert_int_equal(temp->state, rows[i].granted ? TEMP_GRANTED : TEMP_PENDING);
        if (rows[i].granted)
            assert_slice_equal(temp->scopes, slice_str(rows[i].granted));
    }
    post(bench, "csrf_token=csrf+of+janes&oauth_token=temp&decision=grant&scope=photos:read&choice=scopes",
         JANES_COOKIE);
    assert_true(site_bench_says(bench, "You ticked nothing"));
    assert_int_equal(post(bench,
                          "csrf_token=csrf+of+janes&oauth_token=temp&decision=deny&scope=photos:read&choice=scopes",
                          JANES_COOKIE),
                     302);
    assert_state(bench, "temp", TEMP_DENIED);
}

static void lets_scopes_be_unticked_where_the_client_says_so(void **state)
{
    struct site_bench *bench = *state;
    get(bench, "oauth_token=temp", JANES_COOKIE);
    assert_false(site_bench_says(bench, "checkbox") || site_bench_says(bench, "name=\"choice\""));
    site_bench_client(bench, CLIENT_OPTIONAL_SCOPES, NULL, NULL);
    get(bench, "oauth_token=temp", JANES_COOKIE);
    assert_true(site_bench_says(bench, "name=\"choice\""));
    assert_true(site_bench_says(bench, "<input type=\"checkbox\" name=\"ticked\" value=\"photos:read\" checked>"));
}

static void denies_and_says_so_to_the_callback(void **state)
{
    struct site_bench *bench = *state;
    assert_int_equal(post(bench, JANES_FORM "&decision=deny", JANES_COOKIE), 302);
    assert_slice_equal(location(bench),
                       SLICE(CALLBACK "&oauth_token=temp&error=access_denied&error_description=The%20resource%20owner"
                                      "%20denied%20the%20request&oauth_problem=user_refused"));
    assert_state(bench, "temp", TEMP_DENIED);
    post(bench, JANES_FORM "&decision=grant", JANES_COOKIE);
    assert_refused(bench, 400, "permission_denied");
}

static void shows_a_verifier_that_can_be_typed_out_of_band(void **state)
{
    struct site_bench *bench = *state;
    assert_int_equal(post(bench, "csrf_token=csrf+of+janes&oauth_token=oob" SHOWN "&decision=grant", JANES_COOKIE),
                     200);
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
    allow_scopes(bench, SCOPES);
    assert_int_equal(post(bench, "csrf_token=csrf+of+janes&oauth_token=oob" SHOWN "&decision=grant", JANES_COOKIE),
                     200);
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
        post(bench, "csrf_token=csrf+of+janes&oauth_token=oob" SHOWN "&decision=grant", JANES_COOKIE);
        assert_true(is_typable(site_bench_find_temp(bench, "oob")->verifier));
    }
    post(bench, JANES_FORM "&decision=grant", JANES_COOKIE);
    assert_false(is_typable(site_bench_find_temp(bench, "temp")->verifier));
}

static void says_so_when_denied_out_of_band(void **state)
{
    struct site_bench *bench = *state;
    post(bench, "csrf_token=csrf+of+janes&oauth_token=oob&decision=deny", JANES_COOKIE);
    assert_refused(bench, 200, "user_refused");
    assert_state(bench, "oob", TEMP_DENIED);
}

static void sends_out_of_band_to_the_default_callback(void **state)
{
    struct site_bench *bench = *state;
    site_bench_client(bench, 0, NULL, "https://app.example/default");
    assert_int_equal(post(bench, "csrf_token=csrf+of+janes&oauth_token=oob" SHOWN "&decision=grant", JANES_COOKIE),
                     302);
    assert_true(
        slice_starts_with(location(bench), SLICE("https://app.example/default?oauth_token=oob&oauth_verifier=")));
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
        post(bench, forms[i], JANES_COOKIE);
        assert_refused(bench, 403, "forbidden");
        assert_true(site_bench_says(bench, "This form was not made for this session."));
    }
    post(bench, forms[0], NULL); /* rather than a login for nothing */
    assert_refused(bench, 403, "forbidden");
    assert_state(bench, "temp", TEMP_PENDING);
}

static void compares_the_forms_secret_in_constant_time(void **state)
{
    struct site_bench *bench = *state;
    watch_begin();
    post(bench, "oauth_token=temp&decision=grant&csrf_token=csrf+of+jones", JANES_COOKIE);
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
        assert_state(bench, "temp", TEMP_PENDING);
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
        post(bench, rows[i].form, JANES_COOKIE);
        assert_refused(bench, 400, rows[i].problem);
    }
    assert_state(bench, "temp", TEMP_PENDING);
    const struct site_call call = {.steps = authorize_decide, .body = NULL, .cookie = JANES_COOKIE};
    assert_int_equal(site_bench_call(bench, &call), 415); /* no form at all */
}

static void asks_who_it_is_when_the_session_has_ended(void **state)
{
    struct site_bench *bench = *state;
    assert_int_equal(post(bench, JANES_FORM "&decision=grant", NULL), 302);
    assert_slice_equal(location(bench), SLICE("/login?return_to=%2Foauth%2Fauthorize%3Foauth_token%3Dtemp"));
    assert_state(bench, "temp", TEMP_PENDING);
}

static void lets_only_the_first_who_decided_decide_again(void **state)
{
    struct site_bench *bench = *state;
    char first[64];
    post(bench, JANES_FORM "&decision=grant", JANES_COOKIE);
    const struct temp_credential *temp = site_bench_find_temp(bench, "temp");
    (void)snprintf(first, sizeof first, "%.*s", SLICE_ARGS(temp->verifier));
    get(bench, "oauth_token=temp", JOES_COOKIE);
    assert_refused(bench, 403, "forbidden");
    post(bench, "csrf_token=csrf+of+joes&oauth_token=temp&decision=grant", JOES_COOKIE);
    assert_refused(bench, 403, "forbidden");
    post(bench, "csrf_token=csrf+of+joes&oauth_token=temp&decision=deny", JOES_COOKIE);
    assert_refused(bench, 403, "forbidden");
    assert_slice_equal(site_bench_find_temp(bench, "temp")->verifier, slice_str(first));
    assert_int_equal(post(bench, JANES_FORM "&decision=grant", JANES_COOKIE), 302);
    assert_false(slice_eq(site_bench_find_temp(bench, "temp")->verifier, slice_str(first)));
}

static void assert_told(struct site_bench *bench, const char *query, const char *cookie, const char *sentence)
{
    get(bench, query, cookie);
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
    post(bench, "csrf_token=csrf+of+janes&oauth_token=oob" SHOWN "&decision=grant", JANES_COOKIE);
    assert_told(bench, "oauth_token=oob", JOES_COOKIE, "Somebody else has decided on this request for access already.");
    ephemeral_temp_exchanged_start(bench->view, &(struct temp_credential){.token = SLICE("oob")},
                                   asking_ticket(&bench->asking));
    assert_status(asking_wait(&bench->asking, NULL), STATUS_OK);
    assert_told(bench, "oauth_token=oob", JANES_COOKIE, "This request for access was granted and used already.");
    site_bench_client(bench, 0, "https://app.example/other", NULL);
    assert_told(bench, "oauth_token=temp", JANES_COOKIE, "to an address that it has not registered here");
    allow_scopes(bench, "other");
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
    post(bench, JANES_FORM "&decision=deny", JANES_COOKIE);
    assert_told(bench, "oauth_token=temp", JANES_COOKIE, "This request for access was refused already.");
}

/* ---- faults ---- */

/* Fails the first call to the store, then the second, and so on, until a run needs no further one. */
static unsigned fail_each_call(struct site_bench *bench, const struct site_call *call, int last_status)
{
    for (unsigned nth = 1;; nth++) {
        faulty_ephemeral_fail(&bench->faulty, nth);
        int status = site_bench_call(bench, call);
        bool was_reached = bench->faulty.calls >= nth;
        faulty_ephemeral_fail(&bench->faulty, 0);
        if (!was_reached) {
            assert_int_equal(status, last_status);
            return nth - 1;
        }
        assert_refused(bench, 503, "temporarily_unavailable");
        assert_false(slice_is_absent(site_bench_header(bench, "Retry-After", 0)));
        assert_state(bench, "temp", TEMP_PENDING);
    }
}

static void answers_503_when_the_store_is_down_at_any_wait(void **state)
{
    struct site_bench *bench = *state;
    const struct site_call show = {.steps = authorize_show, .query = "oauth_token=temp", .cookie = JANES_COOKIE};
    const struct site_call grant = {
        .steps = authorize_decide, .body = JANES_FORM "&decision=grant", .cookie = JANES_COOKIE};
    assert_int_equal(fail_each_call(bench, &show, 200), 2);
    assert_int_equal(fail_each_call(bench, &grant, 302), 3);
}

static void answers_503_without_randomness(void **state)
{
    struct site_bench *bench = *state;
    char jti[64];
    random_fail_next(1);
    post(bench, JANES_FORM "&decision=grant", JANES_COOKIE);
    assert_refused(bench, 503, "temporarily_unavailable");
    site_bench_client(bench, CLIENT_TRUSTED, NULL, NULL);
    durable_bench_token(&bench->durable, "printer", bench->jane, "token", jti);
    random_fail_next(1);
    get(bench, "oauth_token=temp", JANES_COOKIE);
    assert_refused(bench, 503, "temporarily_unavailable");
    assert_state(bench, "temp", TEMP_PENDING);
}

/* What the durable store has of this kind cannot be read, or can be again. */
static void rename_table(struct site_bench *bench, const char *from, const char *to)
{
    char query[128];
    (void)snprintf(query, sizeof query, "ALTER TABLE %s RENAME TO %s", from, to);
    assert_status(sql_execute_blocking(bench->durable.db.sql, query, NULL, 0, NULL, NULL), STATUS_OK);
}

static void answers_503_when_the_durable_store_fails(void **state)
{
    struct site_bench *bench = *state;
    static const char *const tables[] = {"clients", "users", "tokens"};
    site_bench_client(bench, CLIENT_TRUSTED, NULL, NULL);
    for (size_t i = 0; i < COUNT_OF(tables); i++) {
        rename_table(bench, tables[i], "gone");
        get(bench, "oauth_token=temp", JANES_COOKIE);
        assert_refused(bench, 503, "temporarily_unavailable");
        rename_table(bench, "gone", tables[i]);
    }
    assert_state(bench, "temp", TEMP_PENDING);
}

/* ---- memory ---- */

enum { MANY_SCOPES = 400, LITTLE_BYTES = 1 << 10, ENOUGH_BYTES = 640 << 10, PAGE_STEP_BYTES = 16 << 10 };
enum { GRANT_BYTES = 40 << 10, GRANT_STEP_BYTES = 1 << 10 };

static void write_scopes(struct buf *out, int count)
{
    for (int i = 0; i < count; i++)
        buf_addf(out, "%sscope:%d", i ? " " : "", i);
}

static int call_within(struct site_bench *bench, const struct site_call *call, size_t arena_bytes)
{
    bench->may_break = true;
    arena_done(&bench->request.arena);
    arena_init(&bench->request.arena, arena_bytes);
    int status = site_bench_call(bench, call);
    return bench->request.reply.is_broken ? 500 : status;
}

static void shows_the_whole_page_or_none_where_memory_does_not_suffice(void **state)
{
    struct site_bench *bench = *state;
    struct buf scopes = BUF_INIT;
    const struct site_call show = {.steps = authorize_show, .query = "oauth_token=much", .cookie = JANES_COOKIE};
    unsigned shown = 0;
    write_scopes(&scopes, MANY_SCOPES);
    allow_scopes(bench, buf_string(&scopes));
    temp_for_scopes(bench, "much", buf_string(&scopes));
    for (size_t bytes = 0; bytes < LITTLE_BYTES; bytes += 16)
        assert_in_range(call_within(bench, &show, bytes), 500, 503);
    for (size_t bytes = LITTLE_BYTES; bytes <= ENOUGH_BYTES; bytes += PAGE_STEP_BYTES) {
        if (call_within(bench, &show, bytes) != 200)
            continue;
        assert_true(site_bench_says(bench, "<code>scope:399</code>"));
        shown++;
    }
    assert_in_range(shown, 1, (ENOUGH_BYTES - LITTLE_BYTES) / PAGE_STEP_BYTES);
    buf_done(&scopes);
}

/* Grants a new temporary credential for the scopes, of which the page showed some. */
static bool grant_within(struct site_bench *bench, const char *scopes, struct slice shown, size_t arena_bytes)
{
    static unsigned number;
    char token[16];
    struct buf body = BUF_INIT;
    (void)snprintf(token, sizeof token, "much%u", number++);
    temp_for_scopes(bench, token, scopes);
    buf_addf(&body, "csrf_token=csrf+of+janes&decision=grant&oauth_token=%s&scope=%.*s", token, SLICE_ARGS(shown));
    const struct site_call grant = {.steps = authorize_decide, .body = buf_string(&body), .cookie = JANES_COOKIE};
    int status = call_within(bench, &grant, arena_bytes);
    buf_done(&body);
    const struct temp_credential *temp = site_bench_find_temp(bench, token);
    if (temp->state == TEMP_GRANTED)
        assert_slice_equal(temp->scopes, shown);
    return status == 302;
}

static void grants_what_was_shown_or_nothing_where_memory_does_not_suffice(void **state)
{
    struct site_bench *bench = *state;
    struct buf scopes = BUF_INIT;
    unsigned granted = 0;
    write_scopes(&scopes, MANY_SCOPES);
    allow_scopes(bench, buf_string(&scopes));
    const struct slice all_but_the_last = slice_sub(buf_slice(&scopes), 0, scopes.len - strlen(" scope:399"));
    for (size_t bytes = LITTLE_BYTES; bytes <= GRANT_BYTES; bytes += GRANT_STEP_BYTES) {
        granted += grant_within(bench, buf_string(&scopes), all_but_the_last, bytes);
        granted += grant_within(bench, buf_string(&scopes), SLICE("scope:0 scope:399"), bytes);
    }
    assert_in_range(granted, 2, 2 * (GRANT_BYTES - LITTLE_BYTES) / GRANT_STEP_BYTES);
    buf_done(&scopes);
}

static void sends_to_the_whole_callback_or_nowhere_where_memory_does_not_suffice(void **state)
{
    struct site_bench *bench = *state;
    char callback[1900] = "https://app.example/";
    const struct site_call grant = {.steps = authorize_decide,
                                    .body = "csrf_token=csrf+of+janes&oauth_token=far" SHOWN "&decision=grant",
                                    .cookie = JANES_COOKIE};
    unsigned sent = 0;
    size_t len = strlen(callback);
    memset(callback + len, 'x', sizeof callback - 1 - len);
    callback[sizeof callback - 1] = '\0';
    site_bench_client(bench, 0, callback, NULL);
    site_bench_temp(bench, "far", callback);
    for (size_t bytes = LITTLE_BYTES; bytes <= GRANT_BYTES; bytes += GRANT_STEP_BYTES) {
        if (call_within(bench, &grant, bytes) != 302)
            continue;
        struct slice target = location(bench);
        assert_true(slice_starts_with(target, slice_str(callback)));
        assert_true(slice_find_slice(target, SLICE("oauth_verifier=")) < target.len);
        sent++;
    }
    assert_in_range(sent, 1, (GRANT_BYTES - LITTLE_BYTES) / GRANT_STEP_BYTES);
}

static void counts_what_became_of_each_request(void **state)
{
    struct site_bench *bench = *state;
    uint64_t before[3];
    for (size_t i = 0; i < COUNT_OF(before); i++)
        before[i] = metric_value(&authorizations, (uint32_t)i);
    get(bench, "oauth_token=other", JANES_COOKIE);
    post(bench, "csrf_token=csrf+of+janes&oauth_token=oob" SHOWN "&decision=grant", JANES_COOKIE);
    post(bench, JANES_FORM "&decision=deny", JANES_COOKIE);
    for (size_t i = 0; i < COUNT_OF(before); i++)
        assert_int_equal(metric_value(&authorizations, (uint32_t)i), before[i] + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(refuses_a_query_that_names_no_single_request),
        TEST(refuses_what_is_over),
        TEST(refuses_what_wrong_verifiers_killed),
        TEST(sends_strangers_to_log_in_first),
        TEST(treats_a_user_who_was_disabled_or_deleted_as_logged_out),
        TEST(tells_who_asks_for_what_and_where_it_leads),
        TEST(fetches_no_logo_in_the_clear),
        TEST(shows_whatever_was_written_as_text),
        TEST(shows_a_name_of_ten_thousand_characters),
        TEST(grants_what_was_left_ticked_alone),
        TEST(lets_scopes_be_unticked_where_the_client_says_so),
        TEST(guards_the_page_and_lets_its_form_lead_to_the_callback_alone),
        TEST(tells_what_kind_of_place_the_callback_is),
        TEST(shows_every_scope),
        TEST(refuses_a_client_that_may_not_ask_any_more),
        TEST(calls_back_only_what_is_still_registered),
        TEST(calls_back_nothing_that_is_no_callback),
        TEST(refuses_what_was_begun_before_the_client_was_disabled),
        TEST(asks_nobody_but_its_owner_for_a_client_that_is_not_approved),
        TEST(asks_for_and_grants_only_what_the_client_may_still_have),
        TEST(tells_nothing_asked_for_from_nothing_left),
        TEST(grants_only_what_the_page_showed),
        TEST(needs_tls_but_in_development),
        TEST(sends_straight_back_who_granted_the_same_to_a_trusted_client),
        TEST(asks_again_where_trust_does_not_reach),
        TEST(grants_with_a_verifier_behind_the_callback),
        TEST(grants_of_a_user_as_he_is_now),
        TEST(a_session_is_good_only_for_the_account_as_its_password_was_looked_at),
        TEST(denies_and_says_so_to_the_callback),
        TEST(shows_a_verifier_that_can_be_typed_out_of_band),
        TEST(a_verifier_is_for_a_client_without_a_name_too),
        TEST(only_what_is_typed_has_few_letters),
        TEST(says_so_when_denied_out_of_band),
        TEST(sends_out_of_band_to_the_default_callback),
        TEST(refuses_a_form_that_is_not_this_sessions),
        TEST(compares_the_forms_secret_in_constant_time),
        TEST(refuses_what_a_browser_says_another_site_sent),
        TEST(refuses_a_form_without_one_clear_decision),
        TEST(asks_who_it_is_when_the_session_has_ended),
        TEST(lets_only_the_first_who_decided_decide_again),
        TEST(says_in_words_what_is_wrong),
        TEST(says_in_words_that_it_was_refused_already),
        TEST(answers_503_when_the_store_is_down_at_any_wait),
        TEST(answers_503_without_randomness),
        TEST(answers_503_when_the_durable_store_fails),
        TEST(shows_the_whole_page_or_none_where_memory_does_not_suffice),
        TEST(grants_what_was_shown_or_nothing_where_memory_does_not_suffice),
        TEST(sends_to_the_whole_callback_or_nowhere_where_memory_does_not_suffice),
        TEST(counts_what_became_of_each_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
