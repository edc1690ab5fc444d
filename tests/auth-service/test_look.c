#include "look/look.h"

#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct fixture {
    char folder[64];
    struct config config;
    struct slice languages[3];
};

static int setup(void **state)
{
    struct fixture *it = test_calloc(1, sizeof *it);
    (void)snprintf(it->folder, sizeof it->folder, "look.XXXXXX");
    assert_non_null(mkdtemp(it->folder));
    it->languages[0] = SLICE("en");
    it->languages[1] = SLICE("de");
    it->languages[2] = SLICE("ja");
    it->config = (struct config){.public_url = {.host = SLICE("auth.example")},
                                 .languages = {it->languages, COUNT_OF(it->languages)}};
    *state = it;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *it = *state;
    char command[128];
    (void)snprintf(command, sizeof command, "rm -r %s", it->folder);
    assert_int_equal(system(command), 0);
    test_free(it);
    return 0;
}

static struct slice write_file(struct fixture *it, const char *name, struct slice contents)
{
    static char path[160];
    (void)snprintf(path, sizeof path, "%s/%s", it->folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(contents.ptr, 1, contents.len, file), contents.len);
    assert_int_equal(fclose(file), 0);
    return slice_str(path);
}

static void use_folder(struct fixture *it)
{
    char path[160];
    (void)snprintf(path, sizeof path, "%s/catalogues", it->folder);
    assert_int_equal(mkdir(path, 0755), 0);
    it->config.pages_dir = slice_str(it->folder);
}

#define assert_problem(it, text) check_problem((it), (text), __LINE__)
static void check_problem(struct fixture *it, const char *text, int line)
{
    struct buf problems = BUF_INIT;
    struct look *look = NULL;
    enum status status = look_read_blocking(&it->config, &problems, &look);
    const char *said = buf_string(&problems);
    if (status != STATUS_BAD_INPUT || !strstr(said, text))
        fail_msg("%d: %d, \"%s\" is not in:\n%s", line, status, text, said);
    buf_done(&problems);
}

static struct look *read_look(struct fixture *it)
{
    struct buf problems = BUF_INIT;
    struct look *look = NULL;
    enum status status = look_read_blocking(&it->config, &problems, &look);
    if (status != STATUS_OK)
        fail_msg("%s", buf_string(&problems));
    buf_done(&problems);
    return look;
}

/* Every built-in template with every built-in catalogue: keys, placeholders, names of values, sections. */
static void what_is_built_in_has_no_fault(void **state)
{
    struct fixture *it = *state;
    struct look *look = read_look(it);
    assert_int_equal(look->language_count, 3);
    assert_slice_equal(look->languages[1].name, SLICE("Deutsch"));
    assert_slice_equal(look->brand, SLICE("auth.example"));
    size_t english = look->languages[0].texts.count;
    for (size_t i = 0; i < look->language_count; i++)
        assert_int_equal(look->languages[i].texts.count, english);
    look_free(look);
}

/* A sentence that was left in English is none of the others. */
static void catalogues_are_translated(void **state)
{
    static const char *const alike[] = {"client.name",     "client.logo",    "client.website", "consent.website",
                                        "message.problem", "login.password", "layout.language"};
    struct fixture *it = *state;
    struct look *look = read_look(it);
    const struct catalogue *english = &look->languages[0].texts;
    for (size_t i = 0; i < english->count; i++)
        for (size_t k = 1; k < look->language_count; k++) {
            bool is_known = false;
            for (size_t a = 0; a < COUNT_OF(alike); a++)
                is_known = is_known || slice_eq(english->texts[i].key, slice_str(alike[a]));
            if (!is_known && slice_eq(english->texts[i].text, look->languages[k].texts.texts[i].text))
                fail_msg("%.*s", SLICE_ARGS(english->texts[i].key));
        }
    look_free(look);
}

static void files_are_replaced_one_by_one(void **state)
{
    struct fixture *it = *state;
    use_folder(it);
    write_file(it, "verifier.html", SLICE("<p>{{verifier}} {{spelled}} {{t:verifier.type}} {{brand}}</p>"));
    write_file(it, "style.css", SLICE("body{}"));
    write_file(it, "README", SLICE("mine"));
    struct look *look = read_look(it);
    assert_true(slice_starts_with(page_template(look->templates, "verifier.html"), SLICE("<p>{{verifier}} {{sp")));
    assert_slice_equal(look->style.bytes, SLICE("body{}"));
    assert_slice_equal(page_template(look->templates, "login.html"), page_template(auth_pages, "login.html"));
    look_free(look);
}

static void faults_of_templates_are_named_by_file_and_line(void **state)
{
    static const struct {
        const char *file, *contents, *problem;
    } rows[] = {
        {"login.html", "a\n{{verifier}}",
         "OAUTH1_PAGES_DIR: login.html: line 2: \"verifier\" is a name that this page"},
        {"login.html", "{{#error}}", "OAUTH1_PAGES_DIR: login.html: line 1: \"error\" is a section that is not closed"},
        {"login.html", "{{^error}}\n\n{{nothing}}{{/error}}", "login.html: line 3: \"nothing\" is a name"},
        {"login.html", "\n{{{username}}}", "login.html: line 2: \"username\" is three braces"},
        {"login.html", "{{{content}}}", "login.html: line 1: \"content\" is a name"},
        {"login.html", "{{t:login.nothing}}", "login.html: line 1: \"login.nothing\" is a key"},
        {"login.html", "{{t:verifier.type}}{{t:consent.who}}{{t:message.help}}", NULL},
        {"login.html", "{{t:consent.goes_to_site}}",
         "\"site\" is a text with a placeholder that this page has no value"},
        {"consent.html", "{{#groups}}{{#scopes}}{{text}}{{/scopes}}{{text}}{{/groups}}", "\"text\" is a name"},
        {"consent.html", "{{groups}}", "\"groups\" is a list"},
        {"consent.html", "<script>{{username}}</script>", "\"username\" is a value outside of quotes"},
        {"logn.html", "", "OAUTH1_PAGES_DIR: logn.html: is the name of no page"},
    };
    struct fixture *it = *state;
    use_folder(it);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct slice path = write_file(it, rows[i].file, slice_str(rows[i].contents));
        if (rows[i].problem)
            assert_problem(it, rows[i].problem);
        else
            look_free(read_look(it));
        assert_int_equal(unlink(path.ptr), 0);
    }
}

static void faults_of_catalogues_are_named_by_file_and_key(void **state)
{
    struct fixture *it = *state;
    use_folder(it);
    write_file(it, "catalogues/de.json", SLICE("{\"login\":{\"title\":\"{x}\",\"odd\":\"y\"}}"));
    assert_problem(it, "OAUTH1_PAGES_DIR: catalogues/de.json: login.title: {x} is no placeholder of this text\n");
    assert_problem(it, "OAUTH1_PAGES_DIR: catalogues/de.json: login.odd: is a key that no page has");
    assert_problem(it,
                   "OAUTH1_PAGES_DIR: catalogues/de.json: login.submit: is missing; the English text is \"Log in\"");
    write_file(it, "catalogues/de.json", SLICE("{"));
    assert_problem(it, "OAUTH1_PAGES_DIR: catalogues/de.json: ");
    write_file(it, "catalogues/de.json", page_template(auth_catalogues, "de.json"));
    look_free(read_look(it));
    it->languages[2] = SLICE("fr");
    assert_problem(it, "OAUTH1_LANGUAGES: fr: there is no catalogue for it; write catalogues/fr.json");
    write_file(it, "catalogues/fr.json", page_template(auth_catalogues, "ja.json"));
    look_free(read_look(it));
}

static void faults_of_other_files_are_named(void **state)
{
    struct fixture *it = *state;
    it->config.brand_logo = SLICE("there-is-none.png");
    assert_problem(it, "OAUTH1_BRAND_LOGO: there-is-none.png: cannot be read");
    it->config.brand_logo = write_file(it, "logo.png", SLICE("GIF89a"));
    assert_problem(it, "is no PNG; save it as one");
    it->config.brand_logo = SLICE_ABSENT;
    it->config.scopes_file = write_file(it, "scopes.json", SLICE("{\"a\":{}}"));
    assert_problem(it, "scopes.json: a.text");
    it->config.scopes_file = SLICE_ABSENT;
    it->config.pages_dir = SLICE("there-is-none");
    assert_problem(it, "OAUTH1_PAGES_DIR: there-is-none: is no folder that can be read");
}

static void who_took_a_look_keeps_it_while_another_takes_its_place(void **state)
{
    struct fixture *it = *state;
    struct look_holder *holder = look_holder_new(read_look(it));
    struct look *old = look_take(holder);
    it->config.brand_name = SLICE("Photos");
    look_holder_replace(holder, read_look(it));
    struct look *fresh = look_take(holder);
    assert_slice_equal(old->brand, SLICE("auth.example"));
    assert_slice_equal(fresh->brand, SLICE("Photos"));
    look_give_back(holder, old);
    look_give_back(holder, fresh);
    look_holder_free(holder);
    look_holder_free(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_built_in_has_no_fault),
        TEST(catalogues_are_translated),
        TEST(files_are_replaced_one_by_one),
        TEST(faults_of_templates_are_named_by_file_and_line),
        TEST(faults_of_catalogues_are_named_by_file_and_key),
        TEST(faults_of_other_files_are_named),
        TEST(who_took_a_look_keeps_it_while_another_takes_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
