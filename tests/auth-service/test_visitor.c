#include "login/visitor.h"

#include "durable/users.h"
#include "login/login.h"
#include "site/site.h"
#include "site_bench.h"
#include "support/test.h"
#include "support/watch.h"

#include <stdio.h>

#define PAGE         "/account/thing"
#define JANES_COOKIE "__Host-countersign_session=janes"
#define JANES_FORM   "csrf_token=csrf+of+janes"

struct page {
    struct visitor visitor; /* first */
    char end[64];           /* what the page itself keeps: begins as zeroes */
};

static int64_t entered; /* user that the page was made for; 0: nobody got in */

static enum step_result begin_page(struct flow *flow)
{
    entered = 0;
    return visitor_begin(flow, sizeof(struct page), SLICE(PAGE));
}

static enum step_result show_page(struct flow *flow)
{
    const struct page *page = request_of(flow)->state;
    static const char zeroes[sizeof page->end];
    assert_memory_equal(page->end, zeroes, sizeof zeroes);
    entered = page->visitor.user->id;
    assert_int_equal(page->visitor.session->user, entered);
    return site_refuse(request_of(flow), STATUS_NOT_FOUND, NULL); /* a page that needs no template */
}

static const struct step page_steps[] = {
    {"visitor", begin_page}, {"user", visitor_load}, {"enter", visitor_enter}, {"show", show_page}, {NULL, NULL}};
static const struct step secret_steps[] = {{"visitor", begin_page},   {"user", visitor_load}, {"enter", visitor_enter},
                                           {"recent", visitor_prove}, {"show", show_page},    {NULL, NULL}};

static enum step_result do_deed(struct flow *flow)
{
    return visitor_audit(flow, "thing.do", SLICE("it"));
}

static enum step_result tell_deed(struct flow *flow)
{
    enum status status = flow_outcome(flow, NULL);
    return site_refuse(request_of(flow), status == STATUS_OK ? STATUS_NOT_FOUND : status, NULL);
}

static const struct step deed_steps[] = {{"visitor", begin_page}, {"user", visitor_load}, {"enter", visitor_enter},
                                         {"do", do_deed},         {"tell", tell_deed},    {NULL, NULL}};

static int setup(void **state)
{
    int result = site_bench_setup(state);
    site_bench_session(*state, "janes", ((struct site_bench *)*state)->jane, "jane");
    return result;
}
#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, site_bench_teardown)

static void execute(struct site_bench *bench, const char *statement)
{
    assert_status(sql_execute_blocking(bench->durable.db.sql, statement, NULL, 0, NULL, NULL), STATUS_OK);
}

static int get(struct site_bench *bench, const char *query, const char *cookie)
{
    return site_bench_call(bench, &(struct site_call){.steps = page_steps, .query = query, .cookie = cookie});
}

static int post(struct site_bench *bench, const char *body, const char *cookie)
{
    return site_bench_call(bench, &(struct site_call){.steps = page_steps, .body = body, .cookie = cookie});
}

static void assert_sent_to(const struct site_bench *bench, const char *location)
{
    assert_int_equal(bench->request.reply.http_status, 302);
    assert_slice_equal(site_bench_header(bench, "Location", 0), slice_str(location));
    assert_int_equal(entered, 0);
}

static void lets_in_whom_the_session_names(void **state)
{
    struct site_bench *bench = *state;
    assert_int_equal(get(bench, NULL, JANES_COOKIE), 404);
    assert_int_equal(entered, bench->jane);
    assert_slice_equal(site_bench_header(bench, "Cache-Control", 0), SLICE("no-store"));
    struct slice policy = site_bench_header(bench, "Content-Security-Policy", 0);
    assert_true(slice_find_slice(policy, SLICE("frame-ancestors 'none'")) < policy.len);
}

static void sends_strangers_to_log_in_and_back_to_where_they_were(void **state)
{
    struct site_bench *bench = *state;
    static const char *const cookies[] = {NULL, "__Host-countersign_session=", "__Host-countersign_session=other",
                                          "countersign_session=janes"};
    for (size_t i = 0; i < COUNT_OF(cookies); i++) {
        get(bench, NULL, cookies[i]);
        assert_sent_to(bench, "/login?return_to=%2Faccount%2Fthing");
        get(bench, "after=7", cookies[i]);
        assert_sent_to(bench, "/login?return_to=%2Faccount%2Fthing%3Fafter%3D7");
        post(bench, JANES_FORM, cookies[i]); /* the form is lost, the page is not */
        assert_sent_to(bench, "/login?return_to=%2Faccount%2Fthing");
    }
    site_bench_call(bench, &(struct site_call){.steps = page_steps, .query = "x=1", .body = JANES_FORM});
    assert_sent_to(bench, "/login?return_to=%2Faccount%2Fthing"); /* a form's own query is no part of the page */
    bench->config.public_url.path = SLICE("/acc");
    get(bench, NULL, NULL);
    assert_sent_to(bench, "/acc/login?return_to=%2Facc%2Faccount%2Fthing");
}

static void the_login_leads_back_to_pages_of_ours_alone(void **state)
{
    struct site_bench *bench = *state;
    static const struct {
        const char *query, *value;
    } rows[] = {
        {"return_to=%2Faccount%2Fthing%3Fafter%3D7", "/account/thing?after=7"},
        {"return_to=%2Fdeveloper%2Fapplications%2Fa%252Fb", "/developer/applications/a%2Fb"},
        {"return_to=%2Flogout", "/"},
        {"return_to=%2Faccount%2F..%2Flogin%2Fcontinue", "/"},
        {"return_to=%2Faccount%2F%2Fevil.example", "/"},
        {"return_to=%2F%2Fevil.example%2Faccount%2F", "/"},
        {"return_to=%2Faccount%2F%5Cevil", "/"},
        {"return_to=%2Faccount%2Fx%0d%0aSet-Cookie%3A+a", "/"},
        {"return_to=%2Faccounts%2Fx", "/"},
        {"return_to=https%3A%2F%2Fevil.example%2Faccount%2Fx", "/"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char field[128];
        (void)snprintf(field, sizeof field, "name=\"return_to\" value=\"%s\"", rows[i].value);
        site_bench_call(bench, &(struct site_call){.steps = login_show, .query = rows[i].query});
        if (!site_bench_says(bench, field))
            fail_msg("%s", rows[i].query);
    }
}

static void nobody_who_was_disabled_or_deleted_or_changed_gets_in(void **state)
{
    struct site_bench *bench = *state;
    struct durable *db = &bench->durable.db;
    site_bench_session(bench, "joes", bench->joe, "joe");
    assert_status(durable_user_disable_blocking(db, bench->joe), STATUS_OK);
    get(bench, NULL, "__Host-countersign_session=joes");
    assert_sent_to(bench, "/login?return_to=%2Faccount%2Fthing");
    site_bench_session(bench, "late", bench->joe, "joe"); /* began in the instant after it */
    get(bench, NULL, "__Host-countersign_session=late");
    assert_sent_to(bench, "/login?return_to=%2Faccount%2Fthing");
    assert_status(durable_user_enable_blocking(db, bench->joe), STATUS_OK);
    get(bench, NULL, "__Host-countersign_session=joes"); /* the session is of before */
    assert_sent_to(bench, "/login?return_to=%2Faccount%2Fthing");
    assert_status(durable_user_set_password_blocking(db, bench->jane, SLICE("$y$other")), STATUS_OK);
    post(bench, JANES_FORM, JANES_COOKIE);
    assert_sent_to(bench, "/login?return_to=%2Faccount%2Fthing");
    assert_status(durable_user_delete_blocking(db, bench->jane), STATUS_OK);
    get(bench, NULL, JANES_COOKIE);
    assert_sent_to(bench, "/login?return_to=%2Faccount%2Fthing");
}

static void a_form_needs_the_secret_of_its_session(void **state)
{
    struct site_bench *bench = *state;
    static const char *const forms[] = {"a=b", "csrf_token=", "csrf_token=csrf+of+joes", "csrf_token=csrf+of+jane",
                                        JANES_FORM "&" JANES_FORM};
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        post(bench, forms[i], JANES_COOKIE);
        assert_refused(bench, 403, "forbidden");
        assert_int_equal(entered, 0);
        assert_true(site_bench_says(bench, "nothing was changed"));
    }
    assert_int_equal(post(bench, JANES_FORM, JANES_COOKIE), 404);
    assert_int_equal(entered, bench->jane);
    site_bench_call(bench, &(struct site_call){.steps = page_steps,
                                               .body = JANES_FORM,
                                               .cookie = JANES_COOKIE,
                                               .header = "Origin",
                                               .value = "https://evil.example"});
    assert_refused(bench, 403, "forbidden");
    assert_int_equal(entered, 0);
}

static void what_is_wrong_with_a_form_is_told(void **state)
{
    struct site_bench *bench = *state;
    post(bench, JANES_FORM "&a=%zz", JANES_COOKIE);
    assert_refused(bench, 400, "parameter_rejected");
    assert_false(site_bench_says(bench, "nothing was changed"));
    assert_int_equal(entered, 0);
}

static void compares_the_forms_secret_in_constant_time(void **state)
{
    struct site_bench *bench = *state;
    watch_begin();
    post(bench, JANES_FORM, JANES_COOKIE);
    assert_int_equal(watch_comparisons(SLICE("csrf of janes")), 1);
    watch_end();
}

static void needs_tls_and_a_store(void **state)
{
    struct site_bench *bench = *state;
    site_bench_call(bench, &(struct site_call){.steps = page_steps, .cookie = JANES_COOKIE, .is_plain = true});
    assert_refused(bench, 400, "transport_insecure");
    faulty_ephemeral_fail(&bench->faulty, 1);
    get(bench, NULL, JANES_COOKIE);
    assert_refused(bench, 503, "temporarily_unavailable");
    faulty_ephemeral_fail(&bench->faulty, 0);
    execute(bench, "ALTER TABLE users RENAME TO gone");
    get(bench, NULL, JANES_COOKIE);
    assert_refused(bench, 503, "temporarily_unavailable");
    assert_int_equal(entered, 0);
}

static void the_login_leads_back_to_the_whole_page_or_nowhere_where_memory_does_not_suffice(void **state)
{
    enum { STEP_BYTES = 16, ENOUGH_BYTES = 4 << 10 };
    struct site_bench *bench = *state;
    char query[301] = "";
    char location[400];
    unsigned sent = 0;
    memset(query, 'x', sizeof query - 1);
    (void)snprintf(location, sizeof location, "/login?return_to=%%2Faccount%%2Fthing%%3F%s", query);
    const struct site_call call = {.steps = page_steps, .query = query};
    for (size_t bytes = 0; bytes <= ENOUGH_BYTES; bytes += STEP_BYTES) {
        if (site_bench_call_within(bench, &call, bytes) != 302)
            continue;
        assert_sent_to(bench, location);
        sent++;
    }
    assert_in_range(sent, 1, ENOUGH_BYTES / STEP_BYTES);
}

/* ---- a login of a moment ago ---- */

static void asks_again_where_the_login_is_older_than_ten_minutes(void **state)
{
    struct site_bench *bench = *state;
    const struct site_call call = {.steps = secret_steps, .query = "x=1", .cookie = JANES_COOKIE};
    const struct site_call form = {.steps = secret_steps, .body = JANES_FORM, .cookie = JANES_COOKIE};
    fake_clock_advance(&bench->durable.clock, 600 * 1000);
    assert_int_equal(site_bench_call(bench, &call), 404);
    assert_int_equal(entered, bench->jane);
    fake_clock_advance(&bench->durable.clock, 1000);
    site_bench_call(bench, &call);
    assert_sent_to(bench, "/login?return_to=%2Faccount%2Fthing%3Fx%3D1&because=again");
    site_bench_call(bench, &form);
    assert_sent_to(bench, "/login?return_to=%2Faccount%2Fthing&because=again");
    assert_int_equal(get(bench, NULL, JANES_COOKIE), 404); /* other pages go on */
}

static int64_t no_time(const struct ephemeral *view)
{
    (void)view;
    return 0;
}

static void a_store_without_a_clock_proves_nothing(void **state)
{
    struct site_bench *bench = *state;
    const struct ephemeral_ops *ops = bench->faulty.view.ops;
    struct ephemeral_ops timeless = *ops;
    timeless.now_ms = no_time;
    bench->faulty.view.ops = &timeless;
    site_bench_call(bench, &(struct site_call){.steps = secret_steps, .cookie = JANES_COOKIE});
    bench->faulty.view.ops = ops;
    assert_refused(bench, 503, "temporarily_unavailable");
    assert_int_equal(entered, 0);
}

static void what_he_did_is_written_down(void **state)
{
    struct site_bench *bench = *state;
    assert_int_equal(site_bench_call(bench, &(struct site_call){.steps = deed_steps, .cookie = JANES_COOKIE}), 404);
    assert_int_equal(durable_bench_number(&bench->durable,
                                          "SELECT COUNT(*) FROM audit WHERE what = 'thing.do' AND subject = 'it' AND"
                                          " who = 'user:' || (SELECT subject FROM users WHERE username = 'jane')"),
                     1);
    execute(bench, "ALTER TABLE audit RENAME TO gone");
    assert_int_equal(site_bench_call(bench, &(struct site_call){.steps = deed_steps, .cookie = JANES_COOKIE}), 503);
}

static void tells_why_it_asks_again_also_after_a_wrong_password(void **state)
{
    struct site_bench *bench = *state;
    static const char secret[] = "0123456789abcdefghijABCDEFGHIJxy";
    char body[256];
    site_bench_call(bench, &(struct site_call){.steps = login_show, .query = "because=again"});
    assert_true(site_bench_says(bench, "needs your password once more"));
    (void)snprintf(body, sizeof body, "csrf_token=%s&return_to=%%2F&because=again&username=jane&password=x", secret);
    site_bench_call(bench, &(struct site_call){.steps = login_submit,
                                               .body = body,
                                               .cookie = "__Host-countersign_login=0123456789abcdefghijABCDEFGHIJxy"});
    assert_true(site_bench_says(bench, "is wrong") && site_bench_says(bench, "needs your password once more"));
    site_bench_call(bench, &(struct site_call){.steps = login_show, .query = "because=changed"});
    assert_true(site_bench_says(bench, "Your password was changed") && !site_bench_says(bench, "once more"));
    static const char *const others[] = {"because=%3Cb%3E", "because=", "x=y"};
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        site_bench_call(bench, &(struct site_call){.steps = login_show, .query = others[i]});
        assert_false(site_bench_says(bench, "once more") || site_bench_says(bench, "&lt;b&gt;") ||
                     site_bench_says(bench, "was changed"));
    }
}

/* ---- the other doors ---- */

static int64_t add_sites_user(struct site_bench *bench, const char *subject)
{
    struct user *user = NULL;
    assert_status(durable_user_ensure_blocking(&bench->durable.db, slice_str(subject), SLICE_ABSENT, &user), STATUS_OK);
    int64_t id = user->id;
    user_free(user);
    return id;
}

static void a_session_of_the_other_door_is_none(void **state)
{
    struct site_bench *bench = *state;
    int64_t ann = add_sites_user(bench, "42");
    site_bench_session(bench, "anns", ann, "ann");
    get(bench, NULL, "__Host-countersign_session=anns");
    assert_sent_to(bench, "/login?return_to=%2Faccount%2Fthing");
    bench->config.login_url = SLICE("https://site.example/login");
    assert_int_equal(get(bench, NULL, "__Host-countersign_session=anns"), 404);
    assert_int_equal(entered, ann);
    get(bench, NULL, JANES_COOKIE);
    assert_sent_to(bench, "/login?return_to=%2Faccount%2Fthing");
}

static void a_session_that_a_site_began_for_one_application_opens_no_page(void **state)
{
    struct site_bench *bench = *state;
    int64_t ann = add_sites_user(bench, "42");
    struct session session = {.user = ann, .user_version = 1, .csrf = SLICE("x"), .bound_to = SLICE("temp")};
    bench->config.login_url = SLICE("https://site.example/login");
    ephemeral_session_create_start(bench->view, SLICE("bound"), &session, 1000000, asking_ticket(&bench->asking));
    assert_status(asking_wait(&bench->asking, NULL), STATUS_OK);
    get(bench, NULL, "__Host-countersign_session=bound");
    assert_sent_to(bench, "/login?return_to=%2Faccount%2Fthing");
}

static void the_site_is_asked_again_after_five_minutes(void **state)
{
    struct site_bench *bench = *state;
    site_bench_session(bench, "anns", add_sites_user(bench, "42"), "ann");
    const struct site_call call = {.steps = secret_steps, .cookie = "__Host-countersign_session=anns"};
    bench->config.login_url = SLICE("https://site.example/login");
    fake_clock_advance(&bench->durable.clock, 300 * 1000);
    assert_int_equal(site_bench_call(bench, &call), 404);
    fake_clock_advance(&bench->durable.clock, 1000);
    site_bench_call(bench, &call);
    assert_sent_to(bench, "/login?return_to=%2Faccount%2Fthing&because=again");
}

static void under_the_header_each_request_is_whom_the_proxy_names(void **state)
{
    struct site_bench *bench = *state;
    int64_t ann = add_sites_user(bench, "42");
    static struct address_block proxies[1];
    assert_true(address_block_parse(SLICE("192.0.2.7"), &proxies[0])); /* the bench's peer */
    site_bench_session(bench, "anns", ann, "ann");
    struct site_call call = {.steps = secret_steps, .cookie = "__Host-countersign_session=anns"};
    bench->config.login_trusted_header = SLICE("X-Remote-User");
    bench->config.trusted_proxies.blocks = proxies;
    bench->config.trusted_proxies.count = 1;
    site_bench_call(bench, &call); /* no header */
    assert_refused(bench, 403, "forbidden");
    call.header = "X-Remote-User";
    call.value = "43"; /* another user: he gets a session of his own */
    site_bench_call(bench, &call);
    assert_sent_to(bench, "/login?return_to=%2Faccount%2Fthing");
    execute(bench, "UPDATE users SET subject = '4711' WHERE username = 'jane'"); /* as earlier versions called them */
    call.value = "4711";
    site_bench_call(bench, &call);
    assert_refused(bench, 403, "forbidden");
    assert_true(site_bench_says(bench, "set-local-subject"));
    call.value = "42";
    fake_clock_advance(&bench->durable.clock, 3000 * 1000);
    assert_int_equal(site_bench_call(bench, &call), 404); /* nobody can be asked again */
    assert_int_equal(entered, ann);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(lets_in_whom_the_session_names),
        TEST(sends_strangers_to_log_in_and_back_to_where_they_were),
        TEST(the_login_leads_back_to_pages_of_ours_alone),
        TEST(nobody_who_was_disabled_or_deleted_or_changed_gets_in),
        TEST(a_form_needs_the_secret_of_its_session),
        TEST(what_is_wrong_with_a_form_is_told),
        TEST(compares_the_forms_secret_in_constant_time),
        TEST(needs_tls_and_a_store),
        TEST(the_login_leads_back_to_the_whole_page_or_nowhere_where_memory_does_not_suffice),
        TEST(asks_again_where_the_login_is_older_than_ten_minutes),
        TEST(a_store_without_a_clock_proves_nothing),
        TEST(what_he_did_is_written_down),
        TEST(tells_why_it_asks_again_also_after_a_wrong_password),
        TEST(a_session_of_the_other_door_is_none),
        TEST(a_session_that_a_site_began_for_one_application_opens_no_page),
        TEST(the_site_is_asked_again_after_five_minutes),
        TEST(under_the_header_each_request_is_whom_the_proxy_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
