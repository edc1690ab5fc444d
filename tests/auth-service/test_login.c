#include "login.h"

#include "support/test.h"

static void returns_only_to_the_authorize_page_and_home(void **state)
{
    (void)state;
    static const struct slice path = SLICE_INIT("/auth/oauth/authorize");
    static const struct {
        const char *target;
        bool allowed;
    } rows[] = {
        {"/auth/oauth/authorize?oauth_token=x", true},
        {"/", true},
        {"", false},
        {"/auth/oauth/authorize", false},
        {"/auth/oauth/authorized?x", false},
        {"//evil.example/auth/oauth/authorize?x", false},
        {"https://evil.example/", false},
        {"/auth/oauth/authorize?x=\\evil", false},
        {"/auth/oauth/authorize?x\r\nSet-Cookie: a", false},
        {"/auth/oauth/authorize?x y", false},
        {"/account", false},
        {"javascript:alert(1)", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (login_may_return_to(slice_str(rows[i].target), path) != rows[i].allowed)
            fail_msg("%s", rows[i].target);
}

static void never_returns_where_a_configured_path_begins_with_two_slashes(void **state)
{
    (void)state;
    assert_false(login_may_return_to(SLICE("//evil.example?x"), SLICE("//evil.example")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(returns_only_to_the_authorize_page_and_home),
        cmocka_unit_test(never_returns_where_a_configured_path_begins_with_two_slashes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
