#include "site/return_to.h"

#include "app/app.h"
#include "support/test.h"

#include <stdio.h>

static void takes_the_authorize_page_and_nothing_else(void **state)
{
    (void)state;
    static const struct slice page = SLICE_INIT("/auth/oauth/authorize");
    static const struct {
        const char *target;
        bool safe;
    } rows[] = {
        {"/auth/oauth/authorize?oauth_token=x", true},
        {"/auth/oauth/authorize?oauth_token=a%2Fb%20c&x=1+2~-._", true},
        {"/auth/oauth/authorize?", true},
        /* elsewhere on this site */
        {"", false},
        {"/", false},
        {"/account", false},
        {"/auth/oauth/authorize", false},
        {"/auth/oauth/authorize/", false},
        {"/auth/oauth/authorized?x", false},
        {"/auth/oauth/authorize/../../admin?x", false},
        {"/auth/oauth/authorize#?x", false},
        {"/AUTH/oauth/authorize?x", false},
        {"/oauth/authorize?x", false},
        {"auth/oauth/authorize?x", false},
        {"?oauth_token=x", false},
        /* elsewhere */
        {"//evil.example/auth/oauth/authorize?x", false},
        {"///evil.example/auth/oauth/authorize?x", false},
        {"/\\evil.example/auth/oauth/authorize?x", false},
        {"\\/auth/oauth/authorize?x", false},
        {"/\t/evil.example/auth/oauth/authorize?x", false},
        {" /auth/oauth/authorize?x", false},
        {"https://evil.example/", false},
        {"https://evil.example/auth/oauth/authorize?x", false},
        {"https:/auth/oauth/authorize?x", false},
        {"javascript:alert(1)", false},
        {"data:text/html,x", false},
        {"@evil.example/auth/oauth/authorize?x", false},
        /* what a query of ours never holds */
        {"/auth/oauth/authorize?x=//evil.example", false},
        {"/auth/oauth/authorize?x=https:evil", false},
        {"/auth/oauth/authorize?x=\\evil", false},
        {"/auth/oauth/authorize?x#y", false},
        {"/auth/oauth/authorize?#x", false},
        {"/auth/oauth/authorize?x?y", false},
        {"/auth/oauth/authorize?x@y", false},
        {"/auth/oauth/authorize?x\r\nSet-Cookie: a", false},
        {"/auth/oauth/authorize?x\n", false},
        {"/auth/oauth/authorize?x y", false},
        {"/auth/oauth/authorize?x\x7f", false},
        {"/auth/oauth/authorize?x\xc3\xa9", false},
        {"/auth/oauth/authorize?x\"y", false},
        {"/auth/oauth/authorize?<x>", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (return_to_is_safe(slice_str(rows[i].target), page) != rows[i].safe)
            fail_msg("%s", rows[i].target);
}

static void refuses_a_nul(void **state)
{
    (void)state;
    assert_false(return_to_is_safe(SLICE("/authorize?a\0b"), SLICE("/authorize")));
}

static void takes_a_page_of_the_shortest_name(void **state)
{
    (void)state;
    assert_true(return_to_is_safe(SLICE("/a?x"), SLICE("/a")));
}

static void takes_nothing_where_the_page_itself_would_lead_away(void **state)
{
    (void)state;
    static const char *const pages[] = {"", "/", "//evil.example", "evil", "https://evil.example"};
    for (size_t i = 0; i < COUNT_OF(pages); i++) {
        char target[64];
        (void)snprintf(target, sizeof target, "%s?x", pages[i]);
        assert_false(return_to_is_safe(slice_str(target), slice_str(pages[i])));
    }
}

/* ---- for a request ---- */

struct asked {
    struct config config;
    struct app app;
    struct request request;
};

static void begin(struct asked *it, const char *public_path, size_t arena_bytes)
{
    *it = (struct asked){
        .config = {.public_url = {.path = slice_str(public_path)}, .authorize_path = SLICE("/oauth/authorize")}};
    it->app.config = &it->config;
    it->request.app = &it->app;
    arena_init(&it->request.arena, arena_bytes);
}

static void chooses_the_authorize_page_or_the_way_home(void **state)
{
    (void)state;
    static const struct slice wanted = SLICE_INIT("/auth/oauth/authorize?oauth_token=x");
    struct asked it;
    begin(&it, "/auth", 4096);
    assert_slice_equal(return_to_choose(&it.request, wanted), wanted);
    assert_slice_equal(return_to_choose(&it.request, SLICE("/oauth/authorize?oauth_token=x")), SLICE("/auth/"));
    assert_slice_equal(return_to_choose(&it.request, SLICE("//evil.example/auth/oauth/authorize?x")), SLICE("/auth/"));
    assert_slice_equal(return_to_choose(&it.request, SLICE_ABSENT), SLICE("/auth/"));
    assert_slice_equal(return_to_authorize(&it.request, SLICE("a b")),
                       SLICE("/auth/oauth/authorize?oauth_token=a%20b"));
    arena_done(&it.request.arena);
}

/* A browser takes %2e for a dot, and what climbs leads to whatever else the host has. */
static void takes_an_account_page_that_does_not_climb(void **state)
{
    (void)state;
    static const struct {
        const char *wanted;
        bool is_taken;
    } rows[] = {
        {"/auth/account/security", true},
        {"/auth/account/applications?before=7", true},
        {"/auth/developer/applications/a.b%20c", true},
        {"/auth/developer/applications/%2fx", true},
        {"/auth/account/../../wiki", false},
        {"/auth/account/%2e%2e/%2e%2e/wiki", false},
        {"/auth/account/%2E%2E/%2E./wiki", false},
        {"/auth/developer/applications/.%2e/../../wiki", false},
        {"/auth/developer/applications/%2e", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct asked it;
        begin(&it, "/auth", 4096);
        struct slice chosen = return_to_choose(&it.request, slice_str(rows[i].wanted));
        if (!slice_eq(chosen, rows[i].is_taken ? slice_str(rows[i].wanted) : SLICE("/auth/")))
            fail_msg("%s", rows[i].wanted);
        arena_done(&it.request.arena);
    }
}

static void names_the_whole_page_or_none_where_memory_runs_out(void **state)
{
    (void)state;
    char path[200] = {0};
    char whole[300];
    unsigned absent = 0;
    memset(path, 'p', sizeof path - 1);
    path[0] = '/';
    (void)snprintf(whole, sizeof whole, "%s/oauth/authorize?oauth_token=temp", path);
    for (size_t bytes = 0; bytes <= 2048; bytes += 16) {
        struct asked it;
        begin(&it, path, bytes);
        struct slice target = return_to_authorize(&it.request, SLICE("temp"));
        absent += slice_is_absent(target);
        if (!slice_is_absent(target))
            assert_slice_equal(target, slice_str(whole));
        arena_done(&it.request.arena);
    }
    assert_in_range(absent, 1, 100);
}

static void takes_any_page_of_this_site_for_what_changes_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *target;
        bool local;
    } rows[] = {
        {"/auth/", true},
        {"/auth/login?return_to=%2Fauth%2Foauth%2Fauthorize%3Foauth_token%3Dx", true},
        {"/auth/account/applications", true},
        {"/auth/x?a=b/c", true},
        {"", false},
        {"/", false},
        {"/authority", false},
        {"/auth//evil.example", false},
        {"/auth/..//evil.example", false},
        {"//auth/", false},
        {"/auth/\\evil.example", false},
        {"/auth/\t/evil.example", false},
        {"https://evil.example/auth/", false},
        {"/auth/x?a?b", false},
        {"/auth/x#y", false},
        {"/auth/x:y", false},
        {"/auth/x\r\nSet-Cookie: a", false},
        {"/auth/\xc3\xa9", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (return_to_is_local(slice_str(rows[i].target), SLICE("/auth")) != rows[i].local)
            fail_msg("%s", rows[i].target);
    assert_true(return_to_is_local(SLICE("/login"), SLICE("")));
    assert_false(return_to_is_local(SLICE("//evil.example"), SLICE("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_the_authorize_page_and_nothing_else),
        cmocka_unit_test(refuses_a_nul),
        cmocka_unit_test(takes_a_page_of_the_shortest_name),
        cmocka_unit_test(takes_nothing_where_the_page_itself_would_lead_away),
        cmocka_unit_test(chooses_the_authorize_page_or_the_way_home),
        cmocka_unit_test(takes_an_account_page_that_does_not_climb),
        cmocka_unit_test(names_the_whole_page_or_none_where_memory_runs_out),
        cmocka_unit_test(takes_any_page_of_this_site_for_what_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
