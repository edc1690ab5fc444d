#include "support/test.h"

#include "base/arena.h"
#include "http/page.h"

static const struct page_value first_row[] = {PAGE_TEXT("name", SLICE_INIT("one")), PAGE_TEXT("note", SLICE_INIT(""))};
static const struct page_value second_row[] = {PAGE_TEXT("name", SLICE_INIT("<two>")),
                                               PAGE_TEXT("note", SLICE_INIT("!"))};
static const struct page_scope list[] = {{first_row, 2}, {second_row, 2}};

static const struct page_value values[] = {
    PAGE_TEXT("name", SLICE_INIT("<b>&\"'`")),
    PAGE_HTML("html", SLICE_INIT("<p>ready</p>")),
    PAGE_TEXT("empty", SLICE_INIT("")),
    PAGE_TEXT("https", SLICE_INIT("https://a.example/?b=c&d")),
    PAGE_TEXT("script", SLICE_INIT("javascript:alert(1)")),
    PAGE_TEXT("mixed", SLICE_INIT("java\tscript:alert(1)")),
    PAGE_TEXT("leaves", SLICE_INIT("//evil.example/")),
    PAGE_TEXT("back", SLICE_INIT("/\\evil.example/")),
    PAGE_TEXT("path", SLICE_INIT("/login?a=b")),
    PAGE_LIST("list", list, 2),
    PAGE_LIST("none", list, 0),
};
static const struct page_scope scope = {values, COUNT_OF(values)};

static const struct catalogue_text sentences[] = {
    {SLICE_INIT("a.missing"), SLICE_INIT("Hello {nobody}")},
    {SLICE_INIT("a.plain"), SLICE_INIT("Fish & <chips>")},
    {SLICE_INIT("a.who"), SLICE_INIT("{name} asks.")},
};
static const struct catalogue texts = {sentences, COUNT_OF(sentences)};

static const struct {
    const char *name;
    const char *template;
    const char *html; /* NULL: a bug of the template */
} rows[] = {
    {"literal_text_stays", "<p class=\"a\">x</p>", "<p class=\"a\">x</p>"},
    {"text_is_escaped", "<p>{{name}}</p>", "<p>&lt;b&gt;&amp;&quot;&#39;&#96;</p>"},
    {"attributes_are_escaped", "<p title=\"{{name}}\" lang='{{name}}'>",
     "<p title=\"&lt;b&gt;&amp;&quot;&#39;&#96;\" lang='&lt;b&gt;&amp;&quot;&#39;&#96;'>"},
    {"html_is_not_escaped", "<div>{{{html}}}</div>", "<div><p>ready</p></div>"},
    {"https_urls_stay", "<a href=\"{{url:https}}\">", "<a href=\"https://a.example/?b=c&amp;d\">"},
    {"paths_stay", "<a href=\"{{url:path}}\">", "<a href=\"/login?a=b\">"},
    {"scripts_in_urls_go", "<a href=\"{{url:script}}\">", "<a href=\"#\">"},
    {"hidden_scripts_in_urls_go", "<a href=\"{{url:mixed}}\">", "<a href=\"#\">"},
    {"urls_to_another_host_go", "<a href=\"{{url:leaves}}\">", "<a href=\"#\">"},
    {"backslashes_in_urls_go", "<a href=\"{{url:back}}\">", "<a href=\"#\">"},
    {"empty_urls_go", "<a href=\"{{url:empty}}\">", "<a href=\"#\">"},
    {"lists_repeat", "{{#list}}<li>{{name}}{{#note}}{{note}}{{/note}}</li>{{/list}}",
     "<li>one</li><li>&lt;two&gt;!</li>"},
    {"rows_see_the_scope_around", "{{#list}}{{path}};{{/list}}", "/login?a=b;/login?a=b;"},
    {"empty_lists_are_left_out", "a{{#none}}x{{/none}}{{^none}}nothing{{/none}}", "anothing"},
    {"empty_texts_are_left_out", "a{{#empty}}x{{/empty}}{{^empty}}nothing{{/empty}}", "anothing"},
    {"texts_open_their_section_once", "{{#path}}{{path}}{{/path}}{{^path}}x{{/path}}", "/login?a=b"},
    {"sections_of_one_name_nest", "{{#path}}1{{#path}}2{{/path}}3{{/path}}4", "1234"},
    {"unknown_names_are_bugs", "{{unknown}}", NULL},
    {"unknown_sections_are_bugs", "{{#unknown}}{{/unknown}}", NULL},
    {"open_sections_are_bugs", "{{#path}}x", NULL},
    {"stray_ends_are_bugs", "x{{/path}}", NULL},
    {"open_tags_are_bugs", "x{{path", NULL},
    {"lists_are_no_text", "{{list}}", NULL},
    {"values_without_quotes_are_bugs", "<a title={{name}}>", NULL},
    {"values_as_attributes_are_bugs", "<a {{name}}>", NULL},
    {"values_in_scripts_are_bugs", "<script>var a = \"{{name}}\";</script>", NULL},
    {"values_in_styles_are_bugs", "<STYLE type=\"a\">{{name}}</STYLE>", NULL},
    {"values_after_scripts_are_fine", "<script src=\"/a\"></script>{{path}}", "<script src=\"/a\"></script>/login?a=b"},
    {"urls_in_text_are_bugs", "{{url:path}}", NULL},
    {"html_in_attributes_is_a_bug", "<a title=\"{{{html}}}\">", NULL},
    {"names_have_no_spaces", "{{ name }}", NULL},
    {"texts_come_from_the_catalogue", "<p>{{t:a.plain}}</p>", "<p>Fish &amp; &lt;chips&gt;</p>"},
    {"values_in_texts_are_isolated_and_escaped", "<p>{{t:a.who}}</p>",
     "<p><bdi>&lt;b&gt;&amp;&quot;&#39;&#96;</bdi> asks.</p>"},
    {"texts_in_attributes_have_no_tags", "<p title=\"{{t:a.who}}\">",
     "<p title=\"&lt;b&gt;&amp;&quot;&#39;&#96; asks.\">"},
    {"unknown_keys_are_bugs", "{{t:a.unknown}}", NULL},
    {"keys_have_one_dot", "{{t:plain}}", NULL},
    {"texts_whose_placeholder_has_no_value_are_bugs", "{{t:a.missing}}", NULL},
    {"texts_as_attributes_are_bugs", "<a {{t:a.plain}}>", NULL},
    {"three_braces_are_for_html_alone", "{{{path}}}", NULL},
};

static void check_row(void **state)
{
    size_t i = *(const size_t *)*state;
    struct arena arena;
    arena_init(&arena, 100000);
    struct buf out = buf_in(&arena);
    enum status status = page_render(slice_str(rows[i].template), &texts, &scope, &out);
    assert_status(status, rows[i].html ? STATUS_OK : STATUS_INTERNAL);
    if (rows[i].html)
        assert_slice_equal(buf_slice(&out), slice_str(rows[i].html));
    arena_done(&arena);
}

static void too_deep_nesting_is_refused(void **state UNUSED)
{
    struct arena arena;
    arena_init(&arena, 100000);
    struct buf text = buf_in(&arena);
    for (int i = 0; i < 40; i++)
        buf_add_str(&text, "{{#path}}");
    for (int i = 0; i < 40; i++)
        buf_add_str(&text, "{{/path}}");
    struct buf out = buf_in(&arena);
    assert_status(page_render(buf_slice(&text), NULL, &scope, &out), STATUS_INTERNAL);
    arena_done(&arena);
}

/* What a check finds, with the line; a page that renders may have faults in the sections that it did not go into. */
static void a_check_goes_into_every_section(void **state UNUSED)
{
    static const struct {
        const char *template, *name, *why;
        size_t line;
    } faults[] = {
        {"a\n{{#empty}}\n{{unknown}}{{/empty}}", "unknown", "a name that this page has no value for", 3},
        {"{{#path}}{{/path}}\n{{^path}}{{t:a.gone}}{{/path}}", "a.gone", "a key that no catalogue has", 2},
        {"\n\n{{#list}}", "list", "a section that is not closed", 3},
        {"{{{path}}}", "path", "three braces around what is no HTML; write two", 1},
        {"<a {{#path}}title=\"{{/path}}x\">", "path",
         "a section that does not end in the part of the tag that it began in", 1},
        {"{{t:a.missing}}", "nobody", "a text with a placeholder that this page has no value for", 1},
        {"x{{path", "", "a tag that does not end", 1},
    };
    for (size_t i = 0; i < COUNT_OF(faults); i++) {
        struct arena arena;
        struct page_fault fault = {0};
        arena_init(&arena, 100000);
        assert_status(page_check(slice_str(faults[i].template), &texts, &scope, &arena, &fault), STATUS_BAD_INPUT);
        assert_string_equal(fault.why, faults[i].why);
        assert_slice_equal(fault.name, slice_str(faults[i].name));
        assert_int_equal(fault.line, faults[i].line);
        assert_status(page_check(SLICE("{{#empty}}{{name}}{{/empty}}{{t:a.who}}"), &texts, &scope, &arena, &fault),
                      STATUS_OK);
        arena_done(&arena);
    }
}

static void phrases_are_plain_text(void **state UNUSED)
{
    struct arena arena;
    arena_init(&arena, 100000);
    struct buf out = buf_in(&arena);
    assert_status(page_phrase(&texts, SLICE("a.who"), &scope, &out), STATUS_OK);
    assert_slice_equal(buf_slice(&out), SLICE("<b>&\"'` asks."));
    assert_status(page_phrase(&texts, SLICE("a.gone"), &scope, &out), STATUS_INTERNAL);
    assert_status(page_phrase(&texts, SLICE("a.missing"), &scope, &out), STATUS_INTERNAL);
    arena_done(&arena);
}

static void pages_carry_their_security_headers(void **state UNUSED)
{
    static const char *const headers[][2] = {
        {"Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; "
                                    "frame-ancestors 'none'; form-action 'self' https://client.example"},
        {"X-Content-Type-Options", "nosniff"},
        {"X-Frame-Options", "DENY"},
        {"Referrer-Policy", "no-referrer"},
        {"Cache-Control", "no-store"},
    };
    struct request request = {0};
    arena_init(&request.arena, 100000);
    request_reply_start(&request, 200);
    page_headers(&request, SLICE("'self' https://client.example"));
    assert_false(request.reply.is_broken);
    assert_int_equal(request.reply.header_count, COUNT_OF(headers));
    for (size_t i = 0; i < COUNT_OF(headers); i++) {
        assert_slice_equal(request.reply.headers[i].name, slice_str(headers[i][0]));
        assert_slice_equal(request.reply.headers[i].value, slice_str(headers[i][1]));
    }
    arena_done(&request.arena);
}

int main(void)
{
    static struct CMUnitTest tests[COUNT_OF(rows) + 4];
    static size_t indexes[COUNT_OF(rows)];
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        indexes[i] = i;
        tests[i] = (struct CMUnitTest){.name = rows[i].name, .test_func = check_row, .initial_state = &indexes[i]};
    }
    tests[COUNT_OF(rows)] = (struct CMUnitTest)cmocka_unit_test(too_deep_nesting_is_refused);
    tests[COUNT_OF(rows) + 1] = (struct CMUnitTest)cmocka_unit_test(pages_carry_their_security_headers);
    tests[COUNT_OF(rows) + 2] = (struct CMUnitTest)cmocka_unit_test(a_check_goes_into_every_section);
    tests[COUNT_OF(rows) + 3] = (struct CMUnitTest)cmocka_unit_test(phrases_are_plain_text);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
