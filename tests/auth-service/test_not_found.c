#include "site/not_found.h"

#include "site_bench.h"
#include "support/test.h"

static int ask(struct site_bench *bench, const char *accept, const char *cookie)
{
    return site_bench_call(
        bench, &(struct site_call){
                   .steps = not_found, .path = "/no<b>where", .cookie = cookie, .header = "Accept", .value = accept});
}

static void a_browser_gets_a_page_in_its_readers_language_that_leads_on(void **state)
{
    struct site_bench *bench = *state;
    static const char browser[] = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    assert_int_equal(ask(bench, browser, NULL), 404);
    assert_true(site_bench_says(bench, "There is nothing at this address") && site_bench_says(bench, "href=\"/\""));
    assert_slice_equal(site_bench_header(bench, "Cache-Control", 0), SLICE("no-store"));
    assert_false(site_bench_says(bench, "<b>where"));
    assert_int_equal(ask(bench, browser, "__Host-countersign_language=de"), 404);
    assert_true(site_bench_says(bench, "Zur Startseite"));
}

static void a_program_gets_a_problem(void **state)
{
    struct site_bench *bench = *state;
    static const char *const programs[] = {"*/*", "application/json", ""};
    for (size_t i = 0; i < COUNT_OF(programs); i++) {
        assert_int_equal(ask(bench, programs[i], NULL), 404);
        assert_slice_equal(site_bench_header(bench, "Content-Type", 0), SLICE("application/problem+json"));
        assert_true(site_bench_says(bench, "\"status\":404"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SITE_TEST(a_browser_gets_a_page_in_its_readers_language_that_leads_on),
        SITE_TEST(a_program_gets_a_problem),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
