#include "oauth/url.h"

#include "support/oauth.h"

#include <stdlib.h>

/* RFC 5849 §3.4.1.2, MUST by MUST; the base string URI is not yet encoded. */
static const struct uri_row {
    const char *name;
    const char *url;
    const char *uri;
} uri_rows[] = {
    {"rfc_example_default_port_80_is_left_out", "http://EXAMPLE.COM:80/r%20v/X?id=123", "http://example.com/r%20v/X"},
    {"rfc_example_other_port_is_included", "https://www.example.net:8080/?q=1", "https://www.example.net:8080/"},
    /* "The scheme and host MUST be in lowercase" */
    {"scheme_must_be_in_lower_case", "HTTPS://example.com/", "https://example.com/"},
    {"host_must_be_in_lower_case", "https://API.Example.COM/", "https://api.example.com/"},
    {"mixed_case_http", "hTtP://h/", "http://h/"},
    {"all_letters_of_a_host_become_small", "http://ABCXYZ.abcxyz.example/", "http://abcxyz.abcxyz.example/"},
    /* "the port MUST be excluded when making an HTTP request to port 80 or an HTTPS request to port 443" */
    {"port_80_must_be_excluded_for_http", "http://h:80/", "http://h/"},
    {"port_443_must_be_excluded_for_https", "https://h:443/", "https://h/"},
    /* "All other non-default port numbers MUST be included" */
    {"port_443_must_be_included_for_http", "http://h:443/", "http://h:443/"},
    {"port_80_must_be_included_for_https", "https://h:80/", "https://h:80/"},
    {"port_1_is_included", "http://h:1/", "http://h:1/"},
    {"port_65535_is_included", "http://h:65535/", "http://h:65535/"},
    {"port_with_leading_zeros_is_a_number", "http://h:0080/", "http://h/"},
    {"empty_port_is_none", "http://h:/", "http://h/"},
    /* the path: "/" when empty, else byte for byte (RFC 3986 §6.2.3) */
    {"empty_path_is_a_slash", "http://example.com", "http://example.com/"},
    {"empty_path_before_query_is_a_slash", "http://example.com?a=b", "http://example.com/"},
    {"query_is_no_part", "http://h/p?a=b?c/d", "http://h/p"},
    {"empty_query_is_no_part", "http://h/p?", "http://h/p"},
    {"double_slashes_stay", "http://h//a//b/", "http://h//a//b/"},
    {"dot_segments_stay", "http://h/a/../b/./c", "http://h/a/../b/./c"},
    {"lower_case_escapes_stay", "http://h/a%2fb", "http://h/a%2fb"},
    {"escapes_of_unreserved_stay", "http://h/%7Euser/%61", "http://h/%7Euser/%61"},
    {"path_parameters_stay", "http://h/a;p=1/b;q", "http://h/a;p=1/b;q"},
    {"upper_case_in_the_path_stays", "http://h/PaTh", "http://h/PaTh"},
    {"broken_escapes_in_the_path_stay", "http://h/%zz%", "http://h/%zz%"},
    {"utf8_in_the_path_stays", "http://h/caf\xC3\xA9", "http://h/caf\xC3\xA9"},
    {"at_sign_in_the_path_stays", "http://h/@user:1", "http://h/@user:1"},
    {"backslash_in_the_path_stays", "http://h/a\\b", "http://h/a\\b"},
    {"ipv6_keeps_its_brackets", "http://[2001:DB8::1]/", "http://[2001:db8::1]/"},
    {"ipv6_with_port", "https://[::1]:8443/x", "https://[::1]:8443/x"},
    {"ipv6_with_default_port", "https://[::1]:443/x", "https://[::1]/x"},
    {"ipv6_with_embedded_ipv4", "http://[::ffff:10.0.0.1]/", "http://[::ffff:10.0.0.1]/"},
    {"ipv4", "http://127.0.0.1:8080/", "http://127.0.0.1:8080/"},
    {"punycode_host", "http://xn--caf-dma.example/", "http://xn--caf-dma.example/"},
    {"host_of_253_bytes",
     "http://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
     "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb."
     "ccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc."
     "ddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd/",
     "http://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
     "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb."
     "ccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc."
     "ddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd/"},
};

static void writes_the_base_string_uri(void **state)
{
    const struct uri_row *row = *state;
    struct oauth_url url = {0};
    struct problem problem = {0};
    struct buf out = buf_in(oauth_arena());
    assert_status(oauth_url_parse(slice_str(row->url), &url, &problem), STATUS_OK);
    oauth_url_write_base_uri(&url, &out);
    assert_slice_equal(buf_slice(&out), slice_str(row->uri));
}

static const struct bad_row {
    const char *name;
    struct slice url;
    const char *detail;
} bad_rows[] = {
#define NOT_ABSOLUTE "the URL must be absolute and begin with http:// or https://"
#define NO_HOST      "the URL has no valid host and port"
#define BAD_BYTES    "the URL holds white space or a control character"
    {"refuses_an_empty_url", SLICE_INIT(""), NOT_ABSOLUTE},
    {"refuses_a_relative_url", SLICE_INIT("/photos"), NOT_ABSOLUTE},
    {"refuses_a_url_without_scheme", SLICE_INIT("//example.com/photos"), NOT_ABSOLUTE},
    {"refuses_other_schemes", SLICE_INIT("ftp://example.com/"), NOT_ABSOLUTE},
    {"refuses_a_longer_scheme", SLICE_INIT("httpss://example.com/"), NOT_ABSOLUTE},
    {"refuses_a_cut_off_scheme", SLICE_INIT("http:/"), NOT_ABSOLUTE},
    {"refuses_a_missing_host", SLICE_INIT("http://"), NO_HOST},
    {"refuses_a_missing_host_before_a_path", SLICE_INIT("http:///p"), NO_HOST},
    {"refuses_a_missing_host_before_a_port", SLICE_INIT("http://:80/"), NO_HOST},
    {"refuses_port_zero", SLICE_INIT("http://h:0/"), NO_HOST},
    {"refuses_port_65536", SLICE_INIT("http://h:65536/"), NO_HOST},
    {"refuses_a_huge_port", SLICE_INIT("http://h:99999999999999999999/"), NO_HOST},
    {"refuses_a_port_with_a_sign", SLICE_INIT("http://h:+80/"), NO_HOST},
    {"refuses_a_port_of_letters", SLICE_INIT("http://h:http/"), NO_HOST},
    {"refuses_two_ports", SLICE_INIT("http://h:80:80/"), NO_HOST},
    {"refuses_bytes_between_bracket_and_port", SLICE_INIT("http://[::1]x:80/"), NO_HOST},
    {"refuses_a_byte_after_the_bracket", SLICE_INIT("http://[::1]x/"), NO_HOST},
    {"refuses_bytes_between_bracket_and_digits", SLICE_INIT("http://[::1]x80/"), NO_HOST},
    {"refuses_an_open_bracket", SLICE_INIT("http://[::1/"), NO_HOST},
    {"refuses_a_lone_bracket", SLICE_INIT("http://[/"), NO_HOST},
    {"refuses_empty_brackets", SLICE_INIT("http://[]/"), NO_HOST},
    {"refuses_a_name_in_brackets", SLICE_INIT("http://[abc]/"), NO_HOST},
    {"refuses_another_first_byte_in_brackets", SLICE_INIT("http://[g::1]/"), NO_HOST},
    {"refuses_another_last_byte_in_brackets", SLICE_INIT("http://[1::g]/"), NO_HOST},
    {"refuses_a_zone_in_brackets", SLICE_INIT("http://[fe80::1%25eth0]/"), NO_HOST},
    {"refuses_a_backslash_in_the_host", SLICE_INIT("http://good.example\\.evil.example/"), NO_HOST},
    {"refuses_utf8_in_the_host", SLICE_INIT("http://caf\xC3\xA9.example/"), NO_HOST},
    {"refuses_angle_brackets_in_the_host", SLICE_INIT("http://<h>/"), NO_HOST},
    {"refuses_a_user_name", SLICE_INIT("http://user@h/"), "the URL must not hold a user name"},
    {"refuses_a_user_name_that_looks_like_a_host", SLICE_INIT("http://good.example:80@evil.example/"),
     "the URL must not hold a user name"},
    {"refuses_a_fragment", SLICE_INIT("http://h/p#f"), "the URL has a fragment, which no client sends"},
    {"refuses_a_fragment_after_the_query", SLICE_INIT("http://h/p?a=b#f"),
     "the URL has a fragment, which no client sends"},
    {"refuses_a_fragment_after_the_host", SLICE_INIT("http://h#f"), "the URL has a fragment, which no client sends"},
    {"refuses_a_space", SLICE_INIT("http://h/a b"), BAD_BYTES},
    {"refuses_a_leading_space", SLICE_INIT(" http://h/"), BAD_BYTES},
    {"refuses_a_tab", SLICE_INIT("http://h/\t"), BAD_BYTES},
    {"refuses_a_line_feed", SLICE_INIT("http://h/\n"), BAD_BYTES},
    {"refuses_a_nul", SLICE_INIT("http://h/a\0b"), BAD_BYTES},
    {"refuses_a_nul_in_the_host", SLICE_INIT("http://h\0/"), BAD_BYTES},
    {"refuses_delete", SLICE_INIT("http://h/\x7F"), BAD_BYTES},
    {"refuses_a_host_of_256_bytes",
     SLICE_INIT("http://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/"),
     NO_HOST},
};

static void refuses_what_is_no_url(void **state)
{
    const struct bad_row *row = *state;
    struct oauth_url url = {.port = 4711};
    struct problem problem = {0};
    assert_status(oauth_url_parse(row->url, &url, &problem), STATUS_MALFORMED);
    assert_status(problem.status, STATUS_MALFORMED);
    assert_string_equal(problem_text(&problem), row->detail);
    assert_int_equal(url.port, 4711); /* untouched */
}

static void tells_the_parts_apart(void **state)
{
    (void)state;
    struct oauth_url url = {0};
    struct problem problem = {0};
    assert_status(oauth_url_parse(SLICE("HTTPS://Host.example:8443/a/b?c=d&e?f"), &url, &problem), STATUS_OK);
    assert_true(url.https);
    assert_slice_equal(url.host, SLICE("Host.example"));
    assert_int_equal(url.port, 8443);
    assert_slice_equal(url.path, SLICE("/a/b"));
    assert_slice_equal(url.query, SLICE("c=d&e?f"));
    assert_status(oauth_url_parse(SLICE("http://h"), &url, &problem), STATUS_OK);
    assert_false(url.https);
    assert_int_equal(url.port, 0);
    assert_int_equal(url.query.len, 0);
}

static void knows_the_port_that_is_meant(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        unsigned port;
    } rows[] = {{"http://h/", 80}, {"https://h/", 443}, {"https://h:80/", 80}, {"http://h:8080/", 8080}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct oauth_url url = {0};
        struct problem problem = {0};
        assert_status(oauth_url_parse(slice_str(rows[i].url), &url, &problem), STATUS_OK);
        assert_int_equal(oauth_url_port(&url), rows[i].port);
    }
}

static bool is_url(struct slice text)
{
    struct oauth_url url = {0};
    struct problem problem = {0};
    return oauth_url_parse(text, &url, &problem) == STATUS_OK;
}

/* RFC 3986 §3.2.2: what may stand in a reg-name; the last of these end the host. */
static void each_byte_of_a_host_is_one_that_hosts_have(void **state)
{
    (void)state;
    const char *others = "-._~!$&'()*+;=%/?";
    for (int byte = 1; byte < 256; byte++) {
        char text[] = "http://a?b/";
        bool letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9');
        text[8] = (char)byte;
        if (is_url(slice_str(text)) != (letter || strchr(others, byte)))
            fail_msg("byte %d", byte);
    }
}

static void a_host_has_255_bytes_at_most(void **state)
{
    (void)state;
    char text[7 + 256] = "http://";
    memset(text + 7, 'h', 256);
    assert_true(is_url(slice_of(text, 7 + 255)));
    assert_false(is_url(slice_of(text, 7 + 256)));
}

/* A sanitizer sees who reads on. */
static void looks_at_nothing_behind_its_end(void **state)
{
    (void)state;
    struct slice whole = SLICE("https://[::1]:8443/a?b");
    for (size_t len = 0; len <= whole.len; len++) {
        char *exact = malloc(len + 1);
        assert_non_null(exact);
        memcpy(exact + 1, whole.ptr, len);
        assert_int_equal(is_url(slice_of(exact + 1, len)), len >= 13);
        free(exact);
    }
}

int main(void)
{
    static struct CMUnitTest tests[COUNT_OF(uri_rows) + COUNT_OF(bad_rows) + 5];
    size_t count = 0;
    ADD_ROWS(tests, count, uri_rows, writes_the_base_string_uri);
    ADD_ROWS(tests, count, bad_rows, refuses_what_is_no_url);
    ADD_TEST(tests, count, tells_the_parts_apart);
    ADD_TEST(tests, count, knows_the_port_that_is_meant);
    ADD_TEST(tests, count, each_byte_of_a_host_is_one_that_hosts_have);
    ADD_TEST(tests, count, a_host_has_255_bytes_at_most);
    ADD_TEST(tests, count, looks_at_nothing_behind_its_end);
    return RUN_TESTS(tests, count);
}
