#include "site/frame.h"

#include "account/home.h"
#include "look/look_names.h"
#include "site/files.h"
#include "site/problems.h"
#include "site/site.h"
#include "site_bench.h"
#include "support/test.h"

#include <stdio.h>

static int show_home(struct site_bench *bench, const char *cookie, const char *accept)
{
    const struct site_call call = {
        .steps = home_show, .cookie = cookie, .header = accept ? "Accept-Language" : NULL, .value = accept};
    return site_bench_call(bench, &call);
}

static void pages_are_in_the_language_that_was_chosen_or_the_browsers(void **state)
{
    struct site_bench *bench = *state;
    assert_int_equal(show_home(bench, NULL, NULL), 200);
    assert_true(site_bench_says(bench, "<html lang=\"en\">") && site_bench_says(bench, ">Log in<"));
    show_home(bench, NULL, "de-CH, en;q=0.3");
    assert_true(site_bench_says(bench, "<html lang=\"de\">") && site_bench_says(bench, ">Anmelden<"));
    show_home(bench, "__Host-countersign_language=ja", "de");
    assert_true(site_bench_says(bench, "<html lang=\"ja\">"));
    assert_true(site_bench_says(bench, "<span lang=\"ja\" aria-current=\"true\">"));
    assert_true(site_bench_says(bench, "name=\"language\" value=\"de\""));
    show_home(bench, "__Host-countersign_language=\"><script>", "de");
    assert_true(site_bench_says(bench, "<html lang=\"de\">") && !site_bench_says(bench, "<script"));
}

static void one_language_is_no_choice(void **state)
{
    struct site_bench *bench = *state;
    static const struct slice german[] = {SLICE_INIT("de")};
    bench->config.languages = (struct config_strings){german, 1};
    site_bench_look(bench);
    show_home(bench, NULL, "en");
    assert_true(site_bench_says(bench, "<html lang=\"de\">"));
    assert_false(site_bench_says(bench, "name=\"language\""));
}

static void the_choice_comes_back_to_the_page_where_it_was_made(void **state)
{
    struct site_bench *bench = *state;
    struct site_call call = {.steps = problems_show, .path = "/problems", .query = "a=b&oauth_token=%22%3E"};
    site_bench_call(bench, &call);
    assert_true(site_bench_says(bench, "name=\"return_to\" value=\"/problems?oauth_token=%22%3E\""));
    bench->config.public_url.path = SLICE("/auth");
    site_bench_call(bench, &call); /* a proxy took the prefix off */
    assert_true(site_bench_says(bench, "name=\"return_to\" value=\"/auth/problems?oauth_token=%22%3E\""));
    call.query = "a=b";
    site_bench_call(bench, &call);
    assert_true(site_bench_says(bench, "name=\"return_to\" value=\"/auth/problems\""));
    call.query = "a=b&oauth_token=%22%3E";
    bench->config.public_url.path = SLICE("/prob"); /* is no prefix of it: what follows is the same name */
    site_bench_call(bench, &call);
    assert_true(site_bench_says(bench, "name=\"return_to\" value=\"/prob/problems?oauth_token=%22%3E\""));
    bench->config.public_url.path = SLICE("/auth");
    call.path = "/auth/problems";
    site_bench_call(bench, &call);
    assert_true(site_bench_says(bench, "name=\"return_to\" value=\"/auth/problems?oauth_token=%22%3E\""));
}

static void the_brand_is_on_every_page(void **state)
{
    struct site_bench *bench = *state;
    bench->config.brand_name = SLICE("Photos & <Co>");
    bench->config.terms_url = SLICE("https://site.example/terms");
    bench->config.help_url = SLICE("https://site.example/help?a=b&c=d");
    site_bench_look(bench);
    show_home(bench, NULL, NULL);
    assert_true(site_bench_says(bench, "<title>Your account · Photos &amp; &lt;Co&gt;</title>"));
    assert_true(site_bench_says(bench, "href=\"https://site.example/terms\">Terms of use<"));
    assert_true(site_bench_says(bench, "href=\"https://site.example/help?a=b&amp;c=d\">Help<"));
    assert_false(site_bench_says(bench, "Privacy"));
}

/* Its head is what makes a page as wide as a phone, and dark where that is wished for; a reader can skip to what it is
 * about. */
static void the_head_of_every_page_suits_each_screen(void **state)
{
    static const char *const texts[] = {"<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">",
                                        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">",
                                        "<meta name=\"color-scheme\" content=\"light dark\">",
                                        "<meta name=\"robots\" content=\"noindex\">",
                                        "<link rel=\"stylesheet\" href=\"/style.css?v=",
                                        "<link rel=\"stylesheet\" href=\"/brand.css?v=",
                                        "<a class=\"skip\" href=\"#content\">",
                                        "<main id=\"content\">"};
    struct site_bench *bench = *state;
    show_home(bench, NULL, NULL);
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        if (!site_bench_says(bench, texts[i]))
            fail_msg("%s is not in %.*s", texts[i], SLICE_ARGS(site_bench_body(bench)));
}

/* What happened, whom to tell, a reference that is in the log, and for developers the code with its page. */
static void a_page_that_refuses_tells_whom_to_ask_and_with_what(void **state)
{
    struct site_bench *bench = *state;
    bench->config.help_url = SLICE("https://site.example/help");
    site_bench_look(bench);
    faulty_ephemeral_fail(&bench->faulty, 1);
    show_home(bench, "__Host-countersign_session=x", NULL);
    assert_int_equal(bench->request.reply.http_status, 503);
    char reference[96];
    (void)snprintf(reference, sizeof reference, "<code id=\"reference\">%s</code>", bench->request.id);
    assert_true(site_bench_says(bench, reference));
    assert_true(site_bench_says(bench, "href=\"https://site.example/help\">Get help<"));
    assert_true(site_bench_says(bench, "href=\"/problems#temporarily_unavailable\""));
    assert_int_equal(site_bench_call(bench, &(struct site_call){.steps = problems_show, .path = "/problems"}), 200);
    assert_true(site_bench_says(bench, "<h2 id=\"temporarily_unavailable\">"));
}

static void files_are_kept_for_ever_under_the_address_of_their_contents(void **state)
{
    struct site_bench *bench = *state;
    const struct step *const steps[] = {files_style, files_brand_style};
    struct look *look = look_take(bench->app.look);
    const struct look_file *const files[] = {&look->style, &look->brand_style};
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        char query[32];
        (void)snprintf(query, sizeof query, "v=%s", files[i]->hash);
        assert_int_equal(site_bench_call(bench, &(struct site_call){.steps = steps[i], .query = query}), 200);
        assert_slice_equal(site_bench_body(bench), files[i]->bytes);
        assert_slice_equal(site_bench_header(bench, "Content-Type", 0), SLICE("text/css; charset=utf-8"));
        assert_slice_equal(site_bench_header(bench, "Cache-Control", 0), SLICE("public, max-age=31536000, immutable"));
        assert_slice_equal(site_bench_header(bench, "X-Content-Type-Options", 0), SLICE("nosniff"));
        site_bench_call(bench, &(struct site_call){.steps = steps[i], .query = "v=0123456789abcdef"});
        assert_slice_equal(site_bench_header(bench, "Cache-Control", 0), SLICE("public, max-age=3600"));
    }
    look_give_back(bench->app.look, look);
}

static void there_is_no_logo_where_none_is_set(void **state)
{
    struct site_bench *bench = *state;
    assert_int_equal(site_bench_call(bench, &(struct site_call){.steps = files_logo}), 404);
    show_home(bench, NULL, NULL);
    assert_false(site_bench_says(bench, "<img"));
}

/* look_names.c's rows are the truth: a page that is shown with other values is a bug, which a test sees as 500. */
static void values_are_those_of_the_page_and_all_of_them(void **state)
{
    (void)state;
    const struct page_value good[] = {PAGE_TEXT("spelled", SLICE("")), PAGE_TEXT("client_name", SLICE("")),
                                      PAGE_TEXT("verifier", SLICE(""))};
    struct page_value bad[] = {good[0], good[1], PAGE_TEXT("verifer", SLICE(""))};
    assert_true(look_names_fit("verifier.html", &(struct page_scope){good, 3}));
    assert_false(look_names_fit("verifier.html", &(struct page_scope){good, 2}));
    assert_false(look_names_fit("verifier.html", &(struct page_scope){bad, 3}));
    assert_false(look_names_fit("nothing.html", &(struct page_scope){good, 3}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SITE_TEST(pages_are_in_the_language_that_was_chosen_or_the_browsers),
        SITE_TEST(one_language_is_no_choice),
        SITE_TEST(the_choice_comes_back_to_the_page_where_it_was_made),
        SITE_TEST(the_brand_is_on_every_page),
        SITE_TEST(the_head_of_every_page_suits_each_screen),
        SITE_TEST(a_page_that_refuses_tells_whom_to_ask_and_with_what),
        SITE_TEST(files_are_kept_for_ever_under_the_address_of_their_contents),
        SITE_TEST(there_is_no_logo_where_none_is_set),
        cmocka_unit_test(values_are_those_of_the_page_and_all_of_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
