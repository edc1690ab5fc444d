#include "account/applications.h"

#include "account/home.h"
#include "durable/changes.h"
#include "durable/grants.h"
#include "durable/tokens.h"
#include "http/page.h"
#include "site/site.h"
#include "site_bench.h"
#include "support/test.h"

#include <stdio.h>

#define JANES_COOKIE "__Host-countersign_session=janes"
#define JOES_COOKIE  "__Host-countersign_session=joes"

struct scene {
    struct site_bench *bench;
    char janes[64], joes[64]; /* the jti of a token of each */
};

static struct scene set_scene(void **state)
{
    struct scene it = {.bench = *state};
    site_bench_session(it.bench, "janes", it.bench->jane, "jane");
    site_bench_session(it.bench, "joes", it.bench->joe, "joe");
    durable_bench_token(&it.bench->durable, "printer", it.bench->jane, "one", it.janes);
    durable_bench_token(&it.bench->durable, "printer", it.bench->joe, "two", it.joes);
    return it;
}

static int show(struct site_bench *bench, const char *query, const char *cookie)
{
    return site_bench_call(
        bench,
        &(struct site_call){.steps = applications_show, .path = APPLICATIONS_PATH, .query = query, .cookie = cookie});
}

static int post(struct site_bench *bench, const char *body, const char *cookie)
{
    return site_bench_call(
        bench,
        &(struct site_call){.steps = applications_change, .path = APPLICATIONS_PATH, .body = body, .cookie = cookie});
}

/* A form of this session's page about this token. */
static int change(struct site_bench *bench, const char *who, const char *jti, const char *rest)
{
    char body[512];
    char cookie[80];
    (void)snprintf(body, sizeof body, "csrf_token=csrf+of+%s&jti=%s&%s", who, jti, rest);
    (void)snprintf(cookie, sizeof cookie, "__Host-countersign_session=%s", who);
    return post(bench, body, cookie);
}

/* The scopes that the token has; NULL: it is revoked. */
static const char *scopes_of(struct site_bench *bench, const char *jti, char scopes[128])
{
    struct token_page *page = NULL;
    const struct token_filter filter = {.jti = slice_str(jti)};
    assert_status(durable_token_list_blocking(&bench->durable.db, &filter, (struct page_request){0}, &page), STATUS_OK);
    assert_int_equal(page->count, 1);
    (void)snprintf(scopes, 128, "%.*s", SLICE_ARGS(page->tokens[0].scopes));
    bool is_revoked = page->tokens[0].revoked_ms != 0;
    token_page_free(page);
    return is_revoked ? NULL : scopes;
}

static void assert_scopes(struct site_bench *bench, const char *jti, const char *expected)
{
    char scopes[128];
    const char *found = scopes_of(bench, jti, scopes);
    assert_non_null(found);
    assert_string_equal(found, expected);
}

static void assert_revoked(struct site_bench *bench, const char *jti)
{
    char scopes[128];
    assert_null(scopes_of(bench, jti, scopes));
}

static void assert_back(const struct site_bench *bench, const char *outcome)
{
    char location[80];
    (void)snprintf(location, sizeof location, "/account/applications?done=%s", outcome);
    assert_int_equal(bench->request.reply.http_status, 302);
    assert_slice_equal(site_bench_header(bench, "Location", 0), slice_str(location));
}

/* ---- the page ---- */

static void shows_what_its_user_granted_and_nothing_of_anothers(void **state)
{
    struct scene it = set_scene(state);
    static const char *const texts[] = {"<bdi>Photo &lt;printer&gt;</bdi>",
                                        "has not verified",
                                        "Allowed on <bdi>2026-09-21</bdi>",
                                        "Not used yet",
                                        "<code>photos:read</code>",
                                        "<code>photos:write</code>",
                                        "href=\"#\"", /* of the website, which is javascript: */
                                        "value=\"csrf of janes\"",
                                        "<bdi>jane</bdi>"};
    assert_int_equal(show(it.bench, NULL, JANES_COOKIE), 200);
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        if (!site_bench_says(it.bench, texts[i]))
            fail_msg("%s is not in %.*s", texts[i], SLICE_ARGS(site_bench_body(it.bench)));
    assert_true(site_bench_says(it.bench, it.janes));
    assert_false(site_bench_says(it.bench, it.joes));
    assert_false(site_bench_says(it.bench, "<script"));
    assert_slice_equal(site_bench_header(it.bench, "Cache-Control", 0), SLICE("no-store"));
    site_bench_client(it.bench, CLIENT_VERIFIED, NULL, NULL);
    show(it.bench, NULL, JANES_COOKIE);
    assert_true(site_bench_says(it.bench, "has verified"));
    assert_false(site_bench_says(it.bench, "has not verified"));
}

static void tells_whoever_granted_nothing_that_there_is_nothing(void **state)
{
    struct site_bench *bench = *state;
    site_bench_session(bench, "janes", bench->jane, "jane");
    assert_int_equal(show(bench, NULL, JANES_COOKIE), 200);
    assert_true(site_bench_says(bench, "There is none"));
    assert_false(site_bench_says(bench, "revoke_all"));
}

static void shows_whatever_a_client_is_called_as_text(void **state)
{
    struct scene it = set_scene(state);
    static const char *const names[] = {"<script>alert(1)</script>",
                                        "\"><img src=x onerror=alert(1)>",
                                        "' onmouseover='alert(1)",
                                        "{{csrf_token}}",
                                        "{username}",
                                        "</h2></form><form action=//evil.example>"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        const struct client client = {.client_id = SLICE("printer"),
                                      .name = slice_str(names[i]),
                                      .website = slice_str(names[i]),
                                      .allowed_scopes = SLICE(SCOPES)};
        assert_status(durable_client_update_blocking(&it.bench->durable.db, &client), STATUS_OK);
        assert_int_equal(show(it.bench, NULL, JANES_COOKIE), 200);
        static const char *const live[] = {"<script", "<img", "onmouseover='", "<form action"};
        for (size_t k = 0; k < COUNT_OF(live); k++)
            if (site_bench_says(it.bench, live[k]))
                fail_msg("%s of %s is live", live[k], names[i]);
        struct buf escaped = BUF_INIT;
        buf_add_str(&escaped, "<bdi>");
        page_escape(&escaped, slice_str(names[i]));
        buf_add_str(&escaped, "</bdi></h2>");
        assert_true(slice_find_slice(site_bench_body(it.bench), buf_slice(&escaped)) < site_bench_body(it.bench).len);
        buf_done(&escaped);
    }
}

static void goes_on_below_twenty(void **state)
{
    struct scene it = set_scene(state);
    char jti[64];
    for (int i = 0; i < 20; i++) {
        char text[16];
        (void)snprintf(text, sizeof text, "more%d", i);
        durable_bench_token(&it.bench->durable, "printer", it.bench->jane, text, jti);
    }
    show(it.bench, NULL, JANES_COOKIE);
    assert_true(site_bench_says(it.bench, jti)); /* the newest */
    assert_false(site_bench_says(it.bench, it.janes));
    char query[32];
    struct slice body = site_bench_body(it.bench);
    struct slice link = slice_sub(body, slice_find_slice(body, SLICE("?before=")) + 1, body.len);
    (void)snprintf(query, sizeof query, "%.*s", (int)slice_find(link, '"'), link.ptr);
    show(it.bench, query, JANES_COOKIE);
    assert_true(site_bench_says(it.bench, it.janes));
    assert_false(site_bench_says(it.bench, jti));
    assert_false(site_bench_says(it.bench, "?before="));
    assert_true(site_bench_says(it.bench, "Back to the newest"));
    show(it.bench, "before=x", JANES_COOKIE);
    assert_refused(it.bench, 400, "parameter_rejected");
}

static void tells_what_was_done_and_nothing_that_an_address_makes_up(void **state)
{
    struct scene it = set_scene(state);
    show(it.bench, "done=revoked", JANES_COOKIE);
    assert_true(site_bench_says(it.bench, "can no longer use your account"));
    show(it.bench, "done=%3Cscript%3E", JANES_COOKIE);
    assert_int_equal(it.bench->request.reply.http_status, 200);
    assert_false(site_bench_says(it.bench, "role=\"status\""));
}

static void strangers_are_sent_to_log_in(void **state)
{
    struct scene it = set_scene(state);
    assert_int_equal(show(it.bench, NULL, NULL), 302);
    assert_slice_equal(site_bench_header(it.bench, "Location", 0), SLICE("/login?return_to=%2Faccount%2Fapplications"));
    assert_int_equal(post(it.bench, "csrf_token=&deed=revoke_all", NULL), 302);
    assert_scopes(it.bench, it.janes, SCOPES);
}

static void the_front_page_leads_here(void **state)
{
    struct site_bench *bench = *state;
    site_bench_call(bench, &(struct site_call){.steps = home_show});
    assert_true(site_bench_says(bench, "href=\"" APPLICATIONS_PATH "\""));
}

/* ---- deeds ---- */

static void revokes_one(void **state)
{
    struct scene it = set_scene(state);
    char other[64];
    durable_bench_token(&it.bench->durable, "printer", it.bench->jane, "three", other);
    int64_t before = durable_bench_latest_change(&it.bench->durable);
    change(it.bench, "janes", it.janes, "deed=revoke");
    assert_back(it.bench, "revoked");
    assert_revoked(it.bench, it.janes);
    assert_scopes(it.bench, other, SCOPES);
    char line[1024];
    char expected[128];
    (void)snprintf(expected, sizeof expected, "token revoked %s", it.janes);
    assert_string_equal(durable_bench_changes(&it.bench->durable, before, line), expected);
    show(it.bench, NULL, JANES_COOKIE);
    assert_false(site_bench_says(it.bench, it.janes));
    change(it.bench, "janes", it.janes, "deed=revoke"); /* in another tab */
    assert_back(it.bench, "gone");
}

static void revokes_all_of_its_user_and_nothing_of_anothers(void **state)
{
    struct scene it = set_scene(state);
    char other[64];
    durable_bench_token(&it.bench->durable, "printer", it.bench->jane, "three", other);
    change(it.bench, "janes", "", "deed=revoke_all");
    assert_back(it.bench, "all");
    assert_revoked(it.bench, it.janes);
    assert_revoked(it.bench, other);
    assert_scopes(it.bench, it.joes, SCOPES);
}

static void leaves_what_is_ticked(void **state)
{
    struct scene it = set_scene(state);
    change(it.bench, "janes", it.janes, "deed=narrow&ticked=photos%3Aread&ticked=photos%3Awrite");
    assert_back(it.bench, "same");
    assert_scopes(it.bench, it.janes, SCOPES);
    change(it.bench, "janes", it.janes, "deed=narrow&ticked=photos%3Awrite&ticked=admin");
    assert_back(it.bench, "narrowed");
    assert_scopes(it.bench, it.janes, "photos:write"); /* and never what it did not have */
    change(it.bench, "janes", it.janes, "deed=narrow&ticked=photos%3Aread+photos%3Awrite");
    assert_back(it.bench, "same");
    assert_scopes(it.bench, it.janes, "photos:write"); /* nor what was taken from it */
    assert_int_equal(change(it.bench, "janes", it.janes, "deed=narrow"), 400);
    assert_true(site_bench_says(it.bench, "You ticked nothing"));
    assert_scopes(it.bench, it.janes, "photos:write");
    show(it.bench, NULL, JANES_COOKIE); /* one that is left cannot be unticked */
    assert_false(site_bench_says(it.bench, "value=\"narrow\""));
}

static void a_token_of_anothers_is_not_touched_and_not_told_from_one_that_there_never_was(void **state)
{
    struct scene it = set_scene(state);
    static const char *const deeds[] = {"deed=revoke", "deed=narrow&ticked=photos%3Aread", "deed=narrow"};
    for (size_t i = 0; i < COUNT_OF(deeds); i++) {
        change(it.bench, "janes", it.joes, deeds[i]);
        assert_back(it.bench, "gone");
        change(it.bench, "janes", "tok_none", deeds[i]);
        assert_back(it.bench, "gone");
        assert_scopes(it.bench, it.joes, SCOPES);
    }
}

static void refuses_a_form_that_is_not_this_sessions_or_not_whole(void **state)
{
    struct scene it = set_scene(state);
    char body[256];
    (void)snprintf(body, sizeof body, "csrf_token=csrf+of+joes&deed=revoke&jti=%s", it.janes);
    post(it.bench, body, JANES_COOKIE);
    assert_refused(it.bench, 403, "forbidden");
    post(it.bench, body, JOES_COOKIE); /* Joe's own form, about Jane's token */
    assert_back(it.bench, "gone");
    static const char *const rests[] = {"", "deed=", "deed=grant", "deed=revoke&deed=narrow",
                                        "deed=revoke&jti=tok_other"};
    for (size_t i = 0; i < COUNT_OF(rests); i++)
        if (change(it.bench, "janes", it.janes, rests[i]) != 400)
            fail_msg("%s", rests[i]);
    assert_int_equal(post(it.bench, "csrf_token=csrf+of+janes&deed=revoke", JANES_COOKIE), 400);
    assert_int_equal(change(it.bench, "janes", "", "deed=revoke"), 400); /* not all of them */
    assert_scopes(it.bench, it.janes, SCOPES);
}

static struct scene *interrupted;

static enum step_result revoke_meanwhile(struct flow *flow UNUSED)
{
    const struct token_filter filter = {.jti = slice_str(interrupted->janes)};
    int64_t count = 0;
    assert_status(durable_token_revoke_blocking(&interrupted->bench->durable.db, &filter, &count), STATUS_OK);
    return STEP_NEXT;
}

/* The token is over between its being looked up and its being changed. */
static void what_is_revoked_while_it_is_narrowed_is_told_to_be_over(void **state)
{
    struct scene it = set_scene(state);
    struct step steps[16] = {{NULL, NULL}};
    char body[512];
    size_t count = 0;
    for (const struct step *step = applications_change; step->run; step++) {
        if (strcmp(step->name, "change") == 0)
            steps[count++] = (struct step){"meanwhile", revoke_meanwhile};
        steps[count++] = *step;
    }
    interrupted = &it;
    (void)snprintf(body, sizeof body, "csrf_token=csrf+of+janes&jti=%s&deed=narrow&ticked=photos%%3Aread", it.janes);
    site_bench_call(
        it.bench, &(struct site_call){.steps = steps, .path = APPLICATIONS_PATH, .body = body, .cookie = JANES_COOKIE});
    assert_back(it.bench, "gone");
    assert_int_equal(durable_bench_number(&it.bench->durable, "SELECT COUNT(*) FROM audit"), 0);
}

static void writes_down_who_did_what(void **state)
{
    struct scene it = set_scene(state);
    change(it.bench, "janes", it.janes, "deed=narrow&ticked=photos%3Aread");
    change(it.bench, "janes", it.janes, "deed=revoke");
    change(it.bench, "janes", it.joes, "deed=revoke");
    post(it.bench, "csrf_token=csrf+of+janes&deed=revoke_all", JANES_COOKIE);
    struct audit_page *page = NULL;
    assert_status(durable_audit_list_blocking(&it.bench->durable.db, NULL, (struct page_request){0}, &page), STATUS_OK);
    assert_int_equal(page->count, 3);
    assert_slice_equal(page->entries[0].what, SLICE("token.narrow"));
    assert_slice_equal(page->entries[1].what, SLICE("token.revoke"));
    assert_slice_equal(page->entries[2].what, SLICE("token.revoke"));
    assert_true(slice_starts_with(page->entries[2].subject, SLICE("local-"))); /* of all: the user */
    for (size_t i = 0; i < 3; i++)
        assert_true(page->entries[i].request.len > 0);
    for (size_t i = 0; i < 2; i++) {
        assert_slice_equal(page->entries[i].subject, slice_str(it.janes));
        assert_true(slice_starts_with(page->entries[i].who, SLICE("user:local-")));
    }
    audit_page_free(page);
}

static void has_a_page_for_a_store_that_is_down(void **state)
{
    struct scene it = set_scene(state);
    faulty_ephemeral_fail(&it.bench->faulty, 1);
    show(it.bench, NULL, JANES_COOKIE);
    assert_refused(it.bench, 503, "temporarily_unavailable");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SITE_TEST(shows_what_its_user_granted_and_nothing_of_anothers),
        SITE_TEST(tells_whoever_granted_nothing_that_there_is_nothing),
        SITE_TEST(shows_whatever_a_client_is_called_as_text),
        SITE_TEST(goes_on_below_twenty),
        SITE_TEST(tells_what_was_done_and_nothing_that_an_address_makes_up),
        SITE_TEST(strangers_are_sent_to_log_in),
        SITE_TEST(the_front_page_leads_here),
        SITE_TEST(revokes_one),
        SITE_TEST(revokes_all_of_its_user_and_nothing_of_anothers),
        SITE_TEST(leaves_what_is_ticked),
        SITE_TEST(a_token_of_anothers_is_not_touched_and_not_told_from_one_that_there_never_was),
        SITE_TEST(refuses_a_form_that_is_not_this_sessions_or_not_whole),
        SITE_TEST(what_is_revoked_while_it_is_narrowed_is_told_to_be_over),
        SITE_TEST(writes_down_who_did_what),
        SITE_TEST(has_a_page_for_a_store_that_is_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
