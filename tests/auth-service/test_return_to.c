#include "return_to.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_the_authorize_page_and_nothing_else),
        cmocka_unit_test(refuses_a_nul),
        cmocka_unit_test(takes_nothing_where_the_page_itself_would_lead_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
