#include "resource_server.h"

#include "support/test.h"

static bool owns(const char *origins, const char *url_text)
{
    struct oauth_url url = {0};
    struct problem problem = {0};
    const struct resource_server server = {.origins = slice_str(origins)};
    assert_status(oauth_url_parse(slice_str(url_text), &url, &problem), STATUS_OK);
    return resource_server_owns(&server, &url);
}

static void takes_only_urls_on_its_own_origins(void **state)
{
    (void)state;
    static const char origins[] = "https://api.example https://b.example:8443";
    static const struct {
        const char *url;
        bool owned;
    } rows[] = {
        {"https://api.example/x", true},           {"https://API.example:443/x", true},
        {"https://b.example:8443/", true},         {"http://api.example/x", false},
        {"https://api.example:8443/x", false},     {"https://b.example/", false},
        {"https://api.example.evil.test/", false}, {"https://evil.test/https://api.example/", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_int_equal(owns(origins, rows[i].url), rows[i].owned);
}

static void takes_every_url_without_origins(void **state)
{
    (void)state;
    assert_true(owns("", "http://anything.test/"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_only_urls_on_its_own_origins),
        cmocka_unit_test(takes_every_url_without_origins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
