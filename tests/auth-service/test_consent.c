#include "protocol/consent.h"

#include "app/app.h"
#include "look/look.h"
#include "support/test.h"

enum { MANY_SCOPES = 600, ARENA_BYTES = 1 << 20, ARENA_STEP = 1024 };

/* A request of jane's browser, and who asks. */
struct fixture {
    struct config config;
    struct app app;
    struct request request;
    struct client client;
    struct user user;
    struct temp_credential temp;
    struct consent consent;
    char scopes[2 * MANY_SCOPES]; /* so short that the list of them takes more than all the rest */
};

static int setup(void **state)
{
    struct fixture *it = test_calloc(1, sizeof *it);
    for (size_t i = 0; i < MANY_SCOPES; i++) {
        it->scopes[2 * i] = (char)('a' + i % 26);
        it->scopes[2 * i + 1] = ' ';
    }
    it->scopes[sizeof it->scopes - 1] = '\0';
    it->config = (struct config){.public_url = {.host = SLICE("auth.example"), .path = SLICE("/auth")},
                                 .authorize_path = SLICE("/oauth/authorize")};
    it->app.config = &it->config;
    struct buf problems = BUF_INIT;
    struct look *look = NULL;
    assert_status(look_read_blocking(&it->config, &problems, &look), STATUS_OK);
    it->app.look = look_holder_new(look);
    buf_done(&problems);
    it->client = (struct client){.client_id = SLICE("printer"), .name = SLICE("Photo printer")};
    it->user.username = SLICE("jane");
    it->temp.token = SLICE("temp");
    it->consent = (struct consent){.temp = &it->temp,
                                   .client = &it->client,
                                   .user = &it->user,
                                   .scopes = SLICE("photos:read photos:write"),
                                   .csrf_token = SLICE("csrf"),
                                   .destination = SLICE("https://app.example/cb")};
    *state = it;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *it = *state;
    arena_done(&it->request.arena);
    look_holder_free(it->app.look);
    test_free(it);
    return 0;
}

static enum status show_within(struct fixture *it, size_t arena_bytes)
{
    arena_done(&it->request.arena);
    it->request = (struct request){.app = &it->app};
    arena_init(&it->request.arena, arena_bytes);
    return consent_show(&it->request, &it->consent);
}

static void show(struct fixture *it)
{
    assert_status(show_within(it, ARENA_BYTES), STATUS_OK);
    assert_true(it->request.reply.is_sent && !it->request.reply.is_broken);
    assert_int_equal(it->request.reply.http_status, 200);
}

static bool says(const struct fixture *it, const char *text)
{
    struct slice body = it->request.reply.body;
    return slice_find_slice(body, slice_str(text)) < body.len;
}

static void names_the_client_the_user_and_every_scope(void **state)
{
    struct fixture *it = *state;
    static const char *const texts[] = {
        ">Photo printer<",
        ">jane<",
        "<li><span><code>photos:read</code></span></li><li><span><code>photos:write</code></span></li>",
        "name=\"scope\" value=\"photos:read photos:write\"",
        "action=\"/auth/oauth/authorize\"",
        "action=\"/auth/logout\"",
        "name=\"return_to\" value=\"/auth/oauth/authorize?oauth_token=temp\"",
        "name=\"oauth_token\" value=\"temp\"",
        "name=\"csrf_token\" value=\"csrf\""};
    show(it);
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        if (!says(it, texts[i]))
            fail_msg("%s is not in %.*s", texts[i], SLICE_ARGS(it->request.reply.body));
    assert_false(says(it, "nothing in particular"));
    it->client.name = SLICE("");
    show(it);
    assert_true(says(it, ">printer<"));
}

static void says_that_no_scope_is_asked_for(void **state)
{
    struct fixture *it = *state;
    it->consent.scopes = SLICE("");
    show(it);
    assert_true(says(it, "nothing in particular"));
    assert_false(says(it, "It asks for"));
}

/* The site or the proxy would name the same user again at once. */
static void tells_who_is_somebody_else_to_log_out_where_he_logged_in(void **state)
{
    struct fixture *it = *state;
    static const char told[] = "Log out where you logged in";
    show(it);
    assert_false(says(it, told));
    it->config.login_url = SLICE("https://site.example/login");
    show(it);
    assert_true(says(it, told));
    it->config.login_url = SLICE_ABSENT;
    it->config.login_trusted_header = SLICE("X-Remote-User");
    show(it);
    assert_true(says(it, told));
}

static void calls_verified_whom_the_operator_verified_alone(void **state)
{
    struct fixture *it = *state;
    it->client.flags = ~(unsigned)CLIENT_VERIFIED;
    show(it);
    assert_true(says(it, "has not verified"));
    it->client.flags = CLIENT_VERIFIED;
    show(it);
    assert_true(says(it, "has verified"));
}

/* Whose browser this is, is nothing that a client's server should learn before he decided. */
static void shows_an_initial_and_no_logo_from_elsewhere(void **state)
{
    struct fixture *it = *state;
    it->client.logo = SLICE("https://app.example/logo.png");
    show(it);
    assert_true(says(it, "<span aria-hidden=\"true\">P</span>"));
    assert_false(says(it, "<img"));
    static const char *const unseen[] = {"\xe2\x80\xaeP", "\xe2\x81\xa6P", "\xc2\x9bP", "\x80P"};
    for (size_t i = 0; i < COUNT_OF(unseen); i++) { /* marks, a control, and what is no UTF-8 */
        it->client.name = slice_str(unseen[i]);
        show(it);
        assert_true(says(it, "<span aria-hidden=\"true\">\xc2\xb7</span>"));
    }
    it->client.name = SLICE("\xe5\x86\x99\xe7\x9c\x9f");
    show(it);
    assert_true(says(it, "<span aria-hidden=\"true\">\xe5\x86\x99</span>"));
}

static void says_how_long_the_access_lasts(void **state)
{
    struct fixture *it = *state;
    static const struct {
        int64_t ttl_s;
        const char *text;
    } rows[] = {{0, "lasts until you or auth.example end it"},
                {30 * 86400, "lasts 30 days"},
                {86400, "lasts one day"},
                {86401, "lasts 2 days"},
                {86399, "lasts 24 hours"},
                {3600, "lasts one hour"},
                {3599, "lasts 60 minutes"},
                {60, "lasts one minute"},
                {1, "lasts one minute"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        it->config.token_ttl_s = rows[i].ttl_s;
        show(it);
        if (!says(it, rows[i].text))
            fail_msg("%s is not in %.*s", rows[i].text, SLICE_ARGS(it->request.reply.body));
    }
}

static void use_scopes(struct fixture *it, const char *json)
{
    struct buf problems = BUF_INIT;
    struct look *look = NULL;
    const char *why = NULL;
    assert_status(look_read_blocking(&it->config, &problems, &look), STATUS_OK);
    assert_status(scope_texts_read(slice_str(json), &look->arena, &look->scopes, &why), STATUS_OK);
    look_holder_replace(it->app.look, look);
    buf_done(&problems);
}

static void tells_scopes_in_words_by_group_with_a_warning(void **state)
{
    struct fixture *it = *state;
    use_scopes(it, "{\"photos:read\":{\"text\":\"See <your> photos\",\"group\":\"Photos\"},"
                   "\"money\":{\"text\":\"Pay\",\"dangerous\":true},"
                   "\"photos:write\":{\"text\":\"Change photos\",\"group\":\"Photos\"}}");
    it->consent.scopes = SLICE("photos:read other photos:write");
    show(it);
    assert_true(says(it, "<h3>Photos</h3>\n<ul class=\"scopes\"><li><span><bdi>See &lt;your&gt; photos</bdi> "
                         "<code>photos:read</code></span></li><li><span><bdi>Change photos</bdi> "
                         "<code>photos:write</code></span></li></ul>"));
    assert_true(says(it, "<ul class=\"scopes\"><li><span><code>other</code></span></li></ul>\n<h3>Photos</h3>"));
    assert_false(says(it, "can do harm"));
    it->consent.scopes = SLICE("money");
    show(it);
    assert_true(says(it, "<li class=\"dangerous\"><span><bdi>Pay</bdi> <strong class=\"tag\">Careful</strong>"));
    assert_true(says(it, "can do harm"));
}

/* Where a client can do with fewer of them, and as long as they are few enough for a form. */
static void lets_scopes_be_unticked_one_by_one(void **state)
{
    struct fixture *it = *state;
    it->client.flags = CLIENT_OPTIONAL_SCOPES;
    show(it);
    assert_true(says(it, "name=\"ticked\" value=\"photos:read\" checked>"));
    it->client.flags = CLIENT_VERIFIED | CLIENT_TRUSTED;
    show(it);
    assert_false(says(it, "name=\"ticked\""));
    it->client.flags = CLIENT_OPTIONAL_SCOPES;
    it->consent.scopes = slice_sub(slice_str(it->scopes), 0, 2 * 200 - 1);
    show(it);
    assert_true(says(it, "name=\"ticked\""));
    it->consent.scopes = slice_sub(slice_str(it->scopes), 0, 2 * 201 - 1);
    show(it);
    assert_false(says(it, "name=\"ticked\""));
}

static void tells_what_kind_of_place_the_browser_goes_to(void **state)
{
    struct fixture *it = *state;
    static const struct {
        const char *destination, *text;
    } rows[] = {
        {"https://app.example/cb", "Your browser goes to <bdi>https://app.example</bdi>"},
        {"http://app.example/cb", "Your browser goes to <bdi>http://app.example</bdi>"},
        {"http://127.0.0.1:5000/cb", "a program on this computer, at <bdi>http://127.0.0.1:5000</bdi>"},
        {"com.example.app:/cb", "addresses that begin with <bdi>com.example.app:</bdi>"},
        {"", "a code to type"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        it->consent.destination = slice_str(rows[i].destination);
        show(it);
        for (size_t k = 0; k < COUNT_OF(rows); k++)
            assert_int_equal(says(it, rows[k].text), k == i);
    }
}

/* What is not shown is not consented to: a page is whole, or it is none. */
static void shows_the_whole_page_or_none_where_memory_runs_out(void **state)
{
    struct fixture *it = *state;
    struct arena kept;
    it->consent.scopes = slice_str(it->scopes);
    show(it);
    arena_init(&kept, ARENA_BYTES);
    struct slice whole = arena_copy(&kept, it->request.reply.body);
    size_t bytes = 0;
    unsigned refused = 0;
    for (bool is_whole = false; !is_whole; bytes += ARENA_STEP) {
        assert_true(bytes < ARENA_BYTES);
        enum status status = show_within(it, bytes);
        const struct reply *reply = &it->request.reply;
        assert_int_equal(status == STATUS_OK, reply->is_sent);
        is_whole = status == STATUS_OK && reply->http_status == 200;
        refused += status == STATUS_NO_MEMORY;
        assert_true(is_whole || status == STATUS_NO_MEMORY || reply->http_status == 500);
        if (is_whole)
            assert_slice_equal(reply->body, whole);
        is_whole = is_whole && !reply->is_broken;
    }
    assert_true(refused > 0);
    arena_done(&kept);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(names_the_client_the_user_and_every_scope),
        TEST(says_that_no_scope_is_asked_for),
        TEST(tells_who_is_somebody_else_to_log_out_where_he_logged_in),
        TEST(calls_verified_whom_the_operator_verified_alone),
        TEST(shows_an_initial_and_no_logo_from_elsewhere),
        TEST(says_how_long_the_access_lasts),
        TEST(tells_scopes_in_words_by_group_with_a_warning),
        TEST(lets_scopes_be_unticked_one_by_one),
        TEST(tells_what_kind_of_place_the_browser_goes_to),
        TEST(shows_the_whole_page_or_none_where_memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
