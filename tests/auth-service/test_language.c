#include "look/language.h"

#include "site/language_choice.h"
#include "site_bench.h"
#include "support/test.h"

#include <stdio.h>

static const struct slice tags[] = {SLICE_INIT("en"), SLICE_INIT("de"), SLICE_INIT("ja"), SLICE_INIT("pt-BR")};

static void chooses_what_the_browser_likes_best(void **state UNUSED)
{
    static const struct {
        const char *accept;
        const char *tag;
    } rows[] = {
        {NULL, "en"},
        {"", "en"},
        {"de", "de"},
        {"DE", "de"},
        {"de-AT", "de"},
        {"ja-JP-u-ca-japanese, en", "ja"},
        {"zh-Hant-TW, ja;q=0.1", "ja"},
        {"fr, it;q=0.5", "en"},
        {"en;q=0.5, de;q=0.8", "de"},
        {"de;q=0.5, ja;q=0.50, en;q=0.4", "de"}, /* alike: in the order given */
        {"de;q=0, *", "en"},
        {"en;q=0, *", "de"},
        {"en;q=0", "de"},
        {"en-GB, en;q=0, ja;q=0.2", "ja"},
        {"*", "en"},
        {"*, de;q=0.1", "de"}, /* any: what is named goes before it (RFC 4647, 3.4) */
        {"pt", "en"},          /* a range is cut, a tag is not */
        {"pt-br", "pt-BR"},
        {"de;q=2, ja", "ja"},
        {"de;q=0.1234, ja;q=0.01", "ja"},
        {"de;q=x;y, ja;q=0.01", "ja"},
        {"d<e>, ja;q=0.3", "ja"},
        {",,, ,ja", "ja"},
        {"de ; q=0.3 , ja ; q=0.7", "ja"},
        {"de;q=1.000, ja", "de"},
        {"de;q=1.001, ja;q=0.1", "ja"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        size_t chosen = language_choose(slice_str(rows[i].accept), tags, COUNT_OF(tags));
        if (!slice_eq(tags[chosen], slice_str(rows[i].tag)))
            fail_msg("%s: %.*s", rows[i].accept, SLICE_ARGS(tags[chosen]));
    }
}

static void reads_thousands_of_ranges_in_no_time(void **state UNUSED)
{
    struct buf accept = BUF_INIT;
    for (int i = 0; i < 10000; i++)
        buf_add_str(&accept, "aa-b-c-d;q=0.1,");
    buf_add_str(&accept, "ja");
    assert_int_equal(language_choose(buf_slice(&accept), tags, COUNT_OF(tags)),
                     0); /* behind those that are looked at */
    buf_done(&accept);
}

static void knows_what_a_tag_looks_like(void **state UNUSED)
{
    static const char *const good[] = {"de", "deu", "pt-BR", "zh-Hant-TW", "de-1996"};
    static const char *const bad[] = {"",      "d",       "-",         "de-",
                                      "-de",   "de--AT",  "de_AT",     "a<b",
                                      "../en", "en.json", "abcdefghi", "de-AT-de-AT-de-AT-de-AT-de-AT-de-AT-de"};
    for (size_t i = 0; i < COUNT_OF(good); i++)
        assert_true(language_is_tag(slice_str(good[i])));
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(language_is_tag(slice_str(bad[i])));
}

/* ---- POST /language ---- */

static int submit(struct site_bench *bench, const char *body)
{
    return site_bench_call(bench, &(struct site_call){.steps = language_submit, .path = "/language", .body = body});
}

static void keeps_the_choice_and_goes_back(void **state)
{
    struct site_bench *bench = *state;
    assert_int_equal(submit(bench, "language=ja&return_to=%2Flogin%3Freturn_to%3D%252F"), 302);
    assert_slice_equal(site_bench_header(bench, "Location", 0), SLICE("/login?return_to=%2F"));
    assert_slice_equal(
        site_bench_header(bench, "Set-Cookie", 0),
        SLICE("__Host-countersign_language=ja; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=31536000"));
}

static void leads_nowhere_else_and_keeps_nothing_that_is_not_offered(void **state)
{
    struct site_bench *bench = *state;
    static const char *const elsewhere[] = {"%2F%2Fevil.example", "https%3A%2F%2Fevil.example", "%2F%5Cevil.example",
                                            "%2Fa%0D%0ASet-Cookie%3A%20a", ""};
    for (size_t i = 0; i < COUNT_OF(elsewhere); i++) {
        char body[128];
        (void)snprintf(body, sizeof body, "language=de&return_to=%s", elsewhere[i]);
        assert_int_equal(submit(bench, body), 302);
        assert_slice_equal(site_bench_header(bench, "Location", 0), SLICE("/"));
    }
    static const char *const bad[] = {"language=fr&return_to=%2F", "language=DE%0D%0Ax&return_to=%2F", "return_to=%2F",
                                      "language=de&language=ja&return_to=%2F"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_int_equal(submit(bench, bad[i]), 400);
        assert_true(slice_is_absent(site_bench_header(bench, "Set-Cookie", 0)));
    }
}

static void another_site_cannot_choose(void **state)
{
    struct site_bench *bench = *state;
    const struct site_call call = {.steps = language_submit,
                                   .path = "/language",
                                   .body = "language=ja&return_to=%2F",
                                   .header = "Origin",
                                   .value = "https://evil.example"};
    assert_int_equal(site_bench_call(bench, &call), 403);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chooses_what_the_browser_likes_best),
        cmocka_unit_test(reads_thousands_of_ranges_in_no_time),
        cmocka_unit_test(knows_what_a_tag_looks_like),
        SITE_TEST(keeps_the_choice_and_goes_back),
        SITE_TEST(leads_nowhere_else_and_keeps_nothing_that_is_not_offered),
        SITE_TEST(another_site_cannot_choose),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
