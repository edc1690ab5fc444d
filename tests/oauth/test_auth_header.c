#include "oauth/auth_header.h"

#include "base/percent.h"
#include "support/oauth.h"

#include <stdlib.h>

/* RFC 5849 §3.5.1: "the auth-scheme name set to "OAuth" (case insensitive)" */
static const struct scheme_row {
    const char *name;
    struct slice value;
    bool is_oauth;
} scheme_rows[] = {
    {"takes_the_scheme_as_written", SLICE_INIT("OAuth a=\"b\""), true},
    {"takes_the_scheme_in_lower_case", SLICE_INIT("oauth a=\"b\""), true},
    {"takes_the_scheme_in_upper_case", SLICE_INIT("OAUTH a=\"b\""), true},
    {"takes_a_tab_after_the_scheme", SLICE_INIT("OAuth\ta=\"b\""), true},
    {"takes_spaces_around", SLICE_INIT("  OAuth a=\"b\"  "), true},
    {"takes_the_scheme_alone", SLICE_INIT("OAuth"), true},
    {"is_not_bearer", SLICE_INIT("Bearer abc"), false},
    {"is_not_basic", SLICE_INIT("Basic dTpw"), false},
    {"is_not_a_longer_scheme", SLICE_INIT("OAuth2 a=\"b\""), false},
    {"is_not_a_scheme_followed_by_a_comma", SLICE_INIT("OAuth,a=\"b\""), false},
    {"is_not_a_cut_off_scheme", SLICE_INIT("OAut"), false},
    {"is_not_empty", SLICE_INIT(""), false},
};

static void knows_the_scheme(void **state)
{
    const struct scheme_row *row = *state;
    struct slice list = SLICE_ABSENT;
    assert_int_equal(auth_header_is_oauth(row->value, &list), row->is_oauth);
}

/* What the list gives, as `name=value;` each, then "end" or "broken". */
static const struct list_row {
    const char *name;
    struct slice list;
    const char *read;
} list_rows[] = {
    {"reads_pairs", SLICE_INIT(" a=\"1\", b=\"2\""), "a=1;b=2;end"},
    {"reads_an_empty_value", SLICE_INIT("a=\"\""), "a=;end"}, /* §3.5.1: "MAY be empty" */
    {"reads_an_empty_list", SLICE_INIT(""), "end"},
    {"reads_a_list_of_commas", SLICE_INIT(" , ,,"), "end"},
    {"leaves_values_encoded", SLICE_INIT("a%5B=\"b%20c+d\""), "a%5B=b%20c+d;end"},
    {"optional_white_space_around_commas", SLICE_INIT("a=\"1\" \t,\t b=\"2\""), "a=1;b=2;end"},
    {"no_white_space_at_all", SLICE_INIT("a=\"1\",b=\"2\""), "a=1;b=2;end"},
    {"white_space_around_the_equals_sign", SLICE_INIT("a = \"1\""), "a=1;end"},         /* RFC 9110 §11.2: BWS */
    {"empty_elements_are_skipped", SLICE_INIT(",a=\"1\",,, ,b=\"2\","), "a=1;b=2;end"}, /* RFC 9110 §5.6.1.2 */
    {"commas_inside_quotes_are_text", SLICE_INIT("realm=\"a, b=c\", x=\"1,2\""), "realm=a, b=c;x=1,2;end"},
    {"equals_signs_inside_quotes_are_text", SLICE_INIT("a=\"b==\""), "a=b==;end"},
    {"the_realm_may_hold_escaped_quotes", SLICE_INIT("realm=\"a\\\"b\", x=\"1\""), "realm=a\\\"b;x=1;end"},
    {"the_realm_may_end_with_an_escaped_backslash", SLICE_INIT("REALM=\"a\\\\\""), "REALM=a\\\\;end"},
    {"a_tab_inside_quotes_is_text", SLICE_INIT("a=\"1\t2\""), "a=1\t2;end"},
    {"bytes_above_127_are_text", SLICE_INIT("a=\"\xC3\xA9\""), "a=\xC3\xA9;end"},
    {"an_unquoted_value_is_an_error", SLICE_INIT("a=1"), "broken"},
    {"a_half_quoted_value_is_an_error", SLICE_INIT("a=\"1"), "broken"},
    {"a_value_of_single_quotes_is_an_error", SLICE_INIT("a='1'"), "broken"},
    {"a_name_alone_is_an_error", SLICE_INIT("a"), "broken"},
    {"a_name_and_equals_sign_alone_are_an_error", SLICE_INIT("a="), "broken"},
    {"a_missing_name_is_an_error", SLICE_INIT("=\"1\""), "broken"},
    {"a_quote_for_a_name_is_an_error", SLICE_INIT("\"a\"=\"1\""), "broken"},
    {"a_name_of_two_words_is_an_error", SLICE_INIT("a b=\"1\""), "broken"},
    {"a_missing_comma_is_an_error", SLICE_INIT("a=\"1\" b=\"2\""), "broken"},
    {"text_after_the_value_is_an_error", SLICE_INIT("a=\"1\"x"), "broken"},
    {"a_semicolon_for_a_comma_is_an_error", SLICE_INIT("a=\"1\"; b=\"2\""), "broken"},
    {"what_was_read_before_an_error_stands", SLICE_INIT("a=\"1\", b=2"), "a=1;broken"},
    {"a_backslash_in_a_value_is_an_error", SLICE_INIT("a=\"\\1\""), "broken"},
    {"an_escaped_quote_in_a_value_is_an_error", SLICE_INIT("a=\"1\\\"2\""), "broken"},
    {"a_backslash_at_the_end_of_the_realm_is_an_error", SLICE_INIT("realm=\"a\\"), "broken"},
    {"a_backslash_before_a_tab_is_text", SLICE_INIT("realm=\"a\\\t\""), "realm=a\\\t;end"},
    {"a_backslash_before_delete_is_an_error", SLICE_INIT("realm=\"a\\\x7F\""), "broken"},
    {"a_backslash_before_a_control_is_an_error", SLICE_INIT("realm=\"a\\\x01\""), "broken"},
    {"a_line_fold_between_pairs_is_an_error", SLICE_INIT("a=\"1\",\r\n b=\"2\""), "a=1;broken"}, /* RFC 9112 §5.2 */
    {"a_line_fold_in_a_value_is_an_error", SLICE_INIT("a=\"1\r\n 2\""), "broken"},
    {"a_bare_line_feed_in_a_name_is_an_error", SLICE_INIT("a\nb=\"1\""), "broken"},
    {"a_nul_in_a_value_is_an_error", SLICE_INIT("a=\"1\0\""), "broken"},
    {"a_nul_in_a_name_is_an_error", SLICE_INIT("a\0=\"1\""), "broken"},
    {"a_comma_for_an_equals_sign_is_an_error", SLICE_INIT("a,\"1\""), "broken"},
    {"a_single_quote_for_the_first_is_an_error", SLICE_INIT("a='1\""), "broken"},
    {"a_control_in_the_realm_is_an_error",
     SLICE_INIT("realm=\"a\x01"
                "b\""),
     "broken"},
    {"a_line_feed_in_the_realm_is_an_error", SLICE_INIT("realm=\"a\nb\""), "broken"},
    {"white_space_alone_is_no_list", SLICE_INIT(" \t"), "end"},
    {"white_space_after_a_name_alone_is_an_error", SLICE_INIT("a "), "broken"},
    {"white_space_after_the_equals_sign_alone_is_an_error", SLICE_INIT("a= "), "broken"},
    {"white_space_at_the_end_is_none_of_it", SLICE_INIT("a=\"1\" "), "a=1;end"},
    {"delete_in_a_value_is_an_error", SLICE_INIT("a=\"\x7F\""), "broken"},
};

/* Nothing lies behind the list's last byte: a sanitizer sees who reads on. */
static void reads_the_list(void **state)
{
    const struct list_row *row = *state;
    char *exact = malloc(row->list.len + 1);
    assert_non_null(exact);
    char *begin = exact + 1; /* so that an empty one is a place too */
    memcpy(begin, row->list.ptr, row->list.len);
    struct slice list = slice_of(begin, row->list.len);
    struct auth_header_pair pair = {0};
    struct buf read = buf_in(oauth_arena());
    enum auth_header_item item = auth_header_next(&list, &pair);
    for (; item == AUTH_HEADER_PARAMETER; item = auth_header_next(&list, &pair)) {
        assert_int_equal(pair.is_plain, percent_is_plain(pair.name) && percent_is_plain(pair.value));
        buf_add(&read, pair.name);
        buf_add_byte(&read, '=');
        buf_add(&read, pair.value);
        buf_add_byte(&read, ';');
    }
    buf_add_str(&read, item == AUTH_HEADER_END ? "end" : "broken");
    assert_slice_equal(buf_slice(&read), slice_str(row->read));
    free(exact);
}

/* What one pair is read as: with the byte in its name, its value, or behind a backslash of the realm; with so much text
 * around it that it is looked at in blocks of many bytes, or with little. */
enum place { IN_NAME, IN_VALUE, ESCAPED, PLACES };

static bool is_read(enum place place, char byte, size_t before, size_t behind, struct auth_header_pair *ret_pair)
{
    char text[] = "0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz";
    struct buf list = buf_in(oauth_arena());
    buf_add_str(&list, place == ESCAPED ? "realm=\"" : place == IN_VALUE ? "a=\"" : "");
    buf_add(&list, slice_of(text, before));
    if (place == ESCAPED)
        buf_add_byte(&list, '\\');
    buf_add_byte(&list, byte);
    buf_add(&list, slice_of(text, behind));
    buf_add_str(&list, place == IN_NAME ? "=\"1\"" : "\"");
    struct slice rest = buf_slice(&list);
    return auth_header_next(&rest, ret_pair) == AUTH_HEADER_PARAMETER && rest.len == 0;
}

static bool is_allowed(enum place place, int byte)
{
    bool control = (byte < ' ' && byte != '\t') || byte == 127;
    switch (place) {
    case IN_NAME:
        return !control && !strchr("\t =,\"", byte);
    case IN_VALUE:
        return !control && byte != '"' && byte != '\\';
    default:
        return !control;
    }
}

static void each_byte_is_taken_only_where_it_may_be(void **state)
{
    (void)state;
    static const size_t around[] = {0, 1, 15, 16, 17, 31, 32, 33, 70};
    for (int place = IN_NAME; place < PLACES; place++)
        for (int byte = 0; byte < 256; byte++)
            for (size_t i = 0; i < COUNT_OF(around) * 2; i++) {
                struct auth_header_pair pair = {0};
                size_t before = around[i / 2];
                bool read = is_read((enum place)place, (char)byte, before, i % 2 ? 70 : 1, &pair);
                if (place == IN_NAME && before == 0)
                    continue; /* what stands before a name may be skipped */
                assert_int_equal(read, is_allowed((enum place)place, byte));
                if (read)
                    assert_int_equal(pair.is_plain, percent_is_plain(pair.name) && percent_is_plain(pair.value));
            }
}

static void the_realm_is_known_in_any_case(void **state)
{
    (void)state;
    assert_true(auth_header_is_realm(SLICE("realm")));
    assert_true(auth_header_is_realm(SLICE("Realm"))); /* RFC 9110 §11.2: names ignore case */
    assert_false(auth_header_is_realm(SLICE("realms")));
    assert_false(auth_header_is_realm(SLICE("")));
}

int main(void)
{
    static struct CMUnitTest tests[COUNT_OF(scheme_rows) + COUNT_OF(list_rows) + 2];
    size_t count = 0;
    ADD_ROWS(tests, count, scheme_rows, knows_the_scheme);
    ADD_ROWS(tests, count, list_rows, reads_the_list);
    ADD_TEST(tests, count, the_realm_is_known_in_any_case);
    ADD_TEST(tests, count, each_byte_is_taken_only_where_it_may_be);
    return RUN_TESTS(tests, count);
}
