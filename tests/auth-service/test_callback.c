#include "rules/callback.h"

#include "support/test.h"

/* What the client of most rows has registered. */
static const struct client_callback registered[] = {
    {SLICE_INIT("https://app.example/cb"), false},    {SLICE_INIT("https://app.example/deep/"), true},
    {SLICE_INIT("http://127.0.0.1/ready"), false},    {SLICE_INIT("http://[::1]:8000/local/"), true},
    {SLICE_INIT("com.example.app:/callback"), false}, {SLICE_INIT("https://q.example/?a=1"), false},
};

static const struct client client = {.callbacks = registered, .callback_count = COUNT_OF(registered)};

struct row {
    const char *callback;
    bool taken;
};

static bool takes(const char *callback, const struct client *of)
{
    const char *why = NULL;
    return callback_is_acceptable(slice_str(callback), &why) && callback_is_registered(slice_str(callback), of);
}

static void takes_what_was_registered_and_nothing_that_resembles_it(void **state)
{
    (void)state;
    static const struct row rows[] = {
        /* out of band */
        {"oob", true},
        {"OOB", false},
        {"Oob", false},
        {"oob ", false},
        {"", false},
        /* exactly */
        {"https://app.example/cb", true},
        {"https://app.example/cb/", false},
        {"https://app.example/cb?x=1", false},
        {"https://app.example/CB", false},
        {"https://app.example:443/cb", false},
        {"https://q.example/?a=1", true},
        {"https://q.example/?a=2", false},
        {"https://q.example/", false},
        /* by prefix */
        {"https://app.example/deep/", true},
        {"https://app.example/deep/a/b?c=d", true},
        {"https://APP.example:443/deep/x", true},
        {"https://app.example/deep/a..b/.c", true},
        {"https://app.example/deep", false},
        {"https://app.example/deeper/", false},
        {"https://app.example/DEEP/x", false},
        {"https://app.example/deep/..", false},
        {"https://app.example/deep/../x", false},
        {"https://app.example/deep/a/../../x", false},
        {"https://app.example/deep/./x", false},
        {"https://app.example/deep/%2e%2e/x", false},
        {"https://app.example/deep/%2E%2e/x", false},
        {"https://app.example/deep/.%2e/x", false},
        {"https://app.example/deep/a%2fb", false},
        {"https://app.example/deep/a%2Fb", false},
        {"https://app.example/deep/a%5cb", false},
        {"https://app.example/deep/a%5Cb", false},
        {"https://app.example/deep/a\\b", false},
        {"https://app.example/deep/%7Euser", true},
        /* another place */
        {"http://app.example/cb", false},
        {"http://app.example/deep/", false},
        {"https://app.example:8443/cb", false},
        {"https://app.example:8443/deep/", false},
        {"https://evil.example/cb", false},
        {"https://app.example.evil.example/deep/", false},
        {"https://evil.example/app.example/deep/", false},
        {"https://app.example@evil.example/deep/", false},
        {"https://user:pw@app.example/deep/", false},
        {"https://app.exampl\xC3\xA9/cb", false},
        {"https://xapp.example/cb", false},
        {"https://.app.example/cb", false},
        {"https:///cb", false},
        {"https:app.example/cb", false},
        {"//app.example/cb", false},
        {"/cb", false},
        {"app.example/cb", false},
        /* loopback: any port (RFC 8252 §7.3), the same path */
        {"http://127.0.0.1/ready", true},
        {"http://127.0.0.1:51004/ready", true},
        {"http://127.0.0.1:51004/other", false},
        {"http://127.0.0.1:51004/ready?x=1", false},
        {"http://127.0.0.2/ready", false},
        {"http://localhost/ready", false},
        {"https://127.0.0.1/ready", false},
        {"http://[::1]:9999/local/x", true},
        {"http://[::1]/local/../x", false},
        /* private schemes: exactly */
        {"com.example.app:/callback", true},
        {"com.example.app:/callback?x", false},
        {"com.example.APP:/callback", false},
        /* what is never called back */
        {"javascript:alert(1)", false},
        {"JavaScript:alert(1)", false},
        {"javascript://app.example/cb", false},
        {"data:text/html,x", false},
        {"vbscript:x", false},
        {"file:///etc/passwd", false},
        {"about:blank", false},
        /* what would break a header or a page */
        {"https://app.example/deep/\r\nSet-Cookie: a=b", false},
        {"https://app.example/deep/\n", false},
        {"https://app.example/deep/ x", false},
        {"https://app.example/deep/\tx", false},
        {"https://app.example/deep/#fragment", false},
        {"https://app.example/cb#", false},
        {"https://app.example/deep/<script>", false},
        {"https://app.example/deep/\"x", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (takes(rows[i].callback, &client) != rows[i].taken)
            fail_msg("%s", rows[i].callback);
}

static void takes_http_elsewhere_only_of_clients_marked_for_it(void **state)
{
    (void)state;
    static const struct client_callback http[] = {{SLICE_INIT("http://app.example/cb"), false}};
    struct client other = {.callbacks = http, .callback_count = 1};
    assert_false(takes("http://app.example/cb", &other));
    other.flags = (unsigned)~CLIENT_HTTP_CALLBACK;
    assert_false(takes("http://app.example/cb", &other));
    other.flags = CLIENT_HTTP_CALLBACK;
    assert_true(takes("http://app.example/cb", &other));
}

/* However it got into the database: it would let in what only begins alike. */
static void a_prefix_that_does_not_end_with_a_slash_takes_nothing(void **state)
{
    (void)state;
    static const struct client_callback prefix[] = {{SLICE_INIT("https://app.example/cb"), true}};
    const struct client other = {.callbacks = prefix, .callback_count = 1};
    assert_false(takes("https://app.example/cbevil", &other));
    assert_false(takes("https://app.example/cb/x", &other));
}

/* Even of whoever asks nothing else: browsers take it for a slash. */
static void a_backslash_leaves_every_prefix(void **state)
{
    (void)state;
    assert_true(callback_is_registered(SLICE("https://app.example/deep/a"), &client));
    assert_false(callback_is_registered(SLICE("https://app.example/deep/a\\..\\..\\b"), &client));
}

static void takes_the_default_callback(void **state)
{
    (void)state;
    const struct client other = {.default_callback = SLICE("https://app.example/default")};
    assert_true(takes("https://app.example/default", &other));
    assert_false(takes("https://app.example/other", &other));
    assert_false(callback_is_registered(SLICE(""), &client)); /* which has none */
}

static void registers_only_what_could_be_called_back(void **state)
{
    (void)state;
    static const struct {
        const char *uri;
        bool is_prefix, http_allowed, allowed;
    } rows[] = {
        {"https://app.example/cb", false, false, true},  {"https://app.example/cb/", true, false, true},
        {"https://app.example/cb", true, false, false},  {"https://app.example/cb/?x=/", true, false, false},
        {"app.example:/", true, false, false},           {"http://app.example/cb", false, false, false},
        {"http://app.example/cb", false, true, true},    {"http://127.0.0.1/cb", false, false, true},
        {"javascript:alert(1)", false, true, false},     {"https://app.example/#x", false, false, false},
        {"https://u@app.example/", false, false, false}, {"https://app.example/cb/?", true, false, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *why = NULL;
        const struct client_callback callback = {slice_str(rows[i].uri), rows[i].is_prefix};
        if (callback_may_be_registered(&callback, rows[i].http_allowed, &why) != rows[i].allowed)
            fail_msg("%s", rows[i].uri);
    }
}

static void appends_to_whatever_query_there_is_byte_for_byte(void **state)
{
    (void)state;
    static const struct {
        const char *callback, *location;
    } rows[] = {
        {"https://a.example/cb", "https://a.example/cb?oauth_token=t&oauth_verifier=v%20%26%2B"},
        {"https://a.example/cb?x=1", "https://a.example/cb?x=1&oauth_token=t&oauth_verifier=v%20%26%2B"},
        {"https://a.example/cb?", "https://a.example/cb?oauth_token=t&oauth_verifier=v%20%26%2B"},
        {"https://a.example/cb?x&", "https://a.example/cb?x&oauth_token=t&oauth_verifier=v%20%26%2B"},
        {"https://a.example/%7e//;p", "https://a.example/%7e//;p?oauth_token=t&oauth_verifier=v%20%26%2B"},
        {"com.example.app:/cb", "com.example.app:/cb?oauth_token=t&oauth_verifier=v%20%26%2B"},
    };
    const struct callback_pair pairs[] = {{"oauth_token", SLICE("t")}, {"oauth_verifier", SLICE("v &+")}};
    struct buf none = BUF_INIT;
    callback_write(SLICE_ABSENT, pairs, 1, &none);
    assert_slice_equal(buf_slice(&none), SLICE("?oauth_token=t"));
    buf_done(&none);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct buf out = BUF_INIT;
        callback_write(slice_str(rows[i].callback), pairs, COUNT_OF(pairs), &out);
        assert_slice_equal(buf_slice(&out), slice_str(rows[i].location));
        buf_done(&out);
    }
}

static bool is_letter(int byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

/* What a Content-Security-Policy would read as more than a host. */
static void takes_only_a_name_or_an_address_for_a_host(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"https://*/x", false},          {"https://*.example/x", false},    {"https://a;sandbox/x", false},
        {"https://a,b/x", false},        {"https://a'b/x", false},          {"https://a%3Bb/x", false},
        {"https://[::1;x]/x", false},    {"https://a!b/x", false},          {"https://a-b.c_d.example/x", true},
        {"https://192.0.2.1:8/x", true}, {"https://[2001:db8::1]/x", true}, {"https://[1:2]/x", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *why = NULL;
        if (callback_is_acceptable(slice_str(rows[i].callback), &why) != rows[i].taken)
            fail_msg("%s", rows[i].callback);
    }
}

static void each_byte_of_a_host_is_one_of_a_name(void **state)
{
    (void)state;
    for (int byte = 1; byte < 256; byte++) {
        char text[] = "https://?:80/";
        const char *why = NULL;
        bool taken = is_letter(byte) || strchr("0123456789-._", byte);
        text[8] = (char)byte;
        if (callback_is_acceptable(slice_str(text), &why) != taken)
            fail_msg("byte %d", byte);
    }
}

static void names_the_callback_for_form_action(void **state)
{
    (void)state;
    static const struct {
        const char *callback, *source;
    } rows[] = {
        {"https://App.example:443/cb?x", "https://app.example"},
        {"http://127.0.0.1:8000/cb", "http://127.0.0.1:8000"},
        {"com.example.app:/cb", "com.example.app:"},
        {"oob", ""},
        {"", ""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct buf out = BUF_INIT;
        callback_write_csp_source(slice_str(rows[i].callback), &out);
        assert_slice_equal(buf_slice(&out), slice_str(rows[i].source));
        buf_done(&out);
    }
}

/* RFC 3986 §3.1, and what of §2 may stand behind a scheme. */
static void each_byte_is_taken_only_where_it_may_be(void **state)
{
    (void)state;
    for (int byte = 0; byte < 256; byte++) {
        bool follows = is_letter(byte) || (byte >= '0' && byte <= '9') || (byte && strchr("+-.", byte));
        bool printable = byte > ' ' && byte < 127 && !strchr("\"<>\\#", byte);
        const struct {
            char text[8];
            bool taken;
        } rows[] = {
            {{(char)byte, 'b', ':', '/', 'x'}, is_letter(byte)},
            {{'a', (char)byte, ':', '/', 'x'}, follows || byte == ':'},
            {{'a', ':', '/', (char)byte, 'x'}, printable},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
            const char *why = NULL;
            if (callback_is_acceptable(slice_of(rows[i].text, 5), &why) != rows[i].taken)
                fail_msg("byte %d at place %zu", byte, i);
        }
    }
}

static void takes_no_scheme_that_a_browser_would_run(void **state)
{
    (void)state;
    static const char *const refused[] = {"javascript:x", "data:x", "VBScript:x",   "file:/x",      "about:blank",
                                          "blob:x",       "BLOB:x", "filesystem:x", "view-source:x"};
    const char *why = NULL;
    for (size_t i = 0; i < COUNT_OF(refused); i++)
        if (callback_is_acceptable(slice_str(refused[i]), &why))
            fail_msg("%s", refused[i]);
    assert_true(callback_is_acceptable(SLICE("blobs:x"), &why));
    assert_false(callback_is_acceptable(SLICE(":x"), &why));
    assert_false(callback_is_acceptable(SLICE("scheme"), &why));
}

static void says_why_it_cannot_be_registered(void **state)
{
    (void)state;
    static const struct {
        const char *uri;
        bool is_prefix;
        const char *why; /* NULL: it can */
    } rows[] = {
        {"cb", false, "absolute URI"},
        {"https://app.example/<", false, "character that no URI has"},
        {"data:x", false, "never called back"},
        {"app:/x#y", false, "no fragment"},
        {"https://user@app.example/", false, "no valid host, or a user name"},
        {"https://app.example/cb", true, "a callback prefix must be"},
        {"http://app.example/cb", false, "must be https"},
        {"com.example.app:/cb", false, NULL},
        {"https://app.example/cb*", false, "a * stands for what follows a path's last '/'"},
        {"https://app.example/*/cb", false, "a * stands for what follows a path's last '/'"},
        {"https://app.example/cb?x=*", false, "a * stands for what follows a path's last '/'"},
        {"https://app.example/*/", true, "a * stands for what follows a path's last '/'"},
        {"https://app.example/cb%2A", false, NULL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *why = "nothing";
        const struct client_callback callback = {slice_str(rows[i].uri), rows[i].is_prefix};
        assert_int_equal(callback_may_be_registered(&callback, false, &why), rows[i].why == NULL);
        if (rows[i].why && !strstr(why, rows[i].why))
            fail_msg("%s: %s", rows[i].uri, why);
    }
}

static void takes_2000_bytes_and_not_one_more(void **state)
{
    (void)state;
    char text[2001];
    const char *why = NULL;
    memset(text, 'x', sizeof text);
    memcpy(text, "app:", 4);
    assert_true(callback_is_acceptable(slice_of(text, 2000), &why));
    assert_false(callback_is_acceptable(slice_of(text, 2001), &why));
}

static void knows_a_callback_on_this_machine(void **state)
{
    (void)state;
    assert_true(callback_is_loopback(SLICE("http://127.0.0.1:8000/cb")));
    assert_true(callback_is_loopback(SLICE("http://[::1]/cb")));
    assert_false(callback_is_loopback(SLICE("https://app.example/cb")));
    assert_false(callback_is_loopback(SLICE("app://127.0.0.1/cb")));
    assert_false(callback_is_loopback(SLICE("http://127.0.0.1:0/cb")));
    assert_false(callback_is_loopback(SLICE("oob")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_what_was_registered_and_nothing_that_resembles_it),
        cmocka_unit_test(takes_http_elsewhere_only_of_clients_marked_for_it),
        cmocka_unit_test(a_prefix_that_does_not_end_with_a_slash_takes_nothing),
        cmocka_unit_test(a_backslash_leaves_every_prefix),
        cmocka_unit_test(takes_the_default_callback),
        cmocka_unit_test(registers_only_what_could_be_called_back),
        cmocka_unit_test(appends_to_whatever_query_there_is_byte_for_byte),
        cmocka_unit_test(takes_only_a_name_or_an_address_for_a_host),
        cmocka_unit_test(each_byte_of_a_host_is_one_of_a_name),
        cmocka_unit_test(names_the_callback_for_form_action),
        cmocka_unit_test(each_byte_is_taken_only_where_it_may_be),
        cmocka_unit_test(takes_no_scheme_that_a_browser_would_run),
        cmocka_unit_test(says_why_it_cannot_be_registered),
        cmocka_unit_test(takes_2000_bytes_and_not_one_more),
        cmocka_unit_test(knows_a_callback_on_this_machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
