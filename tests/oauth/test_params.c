#include "oauth/params.h"

#include "support/oauth.h"

#include <stdio.h>

static struct oauth_params empty_params(size_t capacity)
{
    struct oauth_params params = {0};
    assert_status(params_init(&params, oauth_arena(), capacity), STATUS_OK);
    return params;
}

static struct slice joined(const struct oauth_param *const *rows, size_t count)
{
    struct buf out = buf_in(oauth_arena());
    for (size_t i = 0; i < count; i++) {
        buf_add_str(&out, i ? "&" : "");
        buf_add(&out, rows[i]->name);
        buf_add_byte(&out, '=');
        buf_add(&out, rows[i]->value);
    }
    assert_false(out.failed);
    return buf_slice(&out);
}

/* The form's parameters, sorted and joined (RFC 5849 §3.4.1.3.2 without the last encoding). */
static const struct sorted_row {
    const char *name;
    struct slice form;
    const char *sorted;
} sorted_rows[] = {
    /* §3.4.1.3.1: what is collected */
    {"rfc_example_query", SLICE_INIT("b5=%3D%253D&a3=a&c%40=&a2=r%20b"), "a2=r%20b&a3=a&b5=%3D%253D&c%40="},
    {"rfc_example_body", SLICE_INIT("c2&a3=2+q"), "a3=2%20q&c2="},
    {"a_parameter_without_a_value_gets_an_equals_sign", SLICE_INIT("flag"), "flag="},
    {"an_empty_name_counts", SLICE_INIT("=v&a=1"), "=v&a=1"},
    {"an_empty_name_and_value_count", SLICE_INIT("="), "="},
    {"nothing_between_ampersands_is_no_parameter", SLICE_INIT("&&a=1&&"), "a=1"},
    {"an_empty_form_has_no_parameter", SLICE_INIT(""), ""},
    {"only_the_first_equals_sign_separates", SLICE_INIT("a=b=c"), "a=b%3Dc"},
    {"a_semicolon_is_no_separator", SLICE_INIT("a=1;b=2"), "a=1%3Bb%3D2"},
    {"duplicates_are_kept", SLICE_INIT("a=1&a=1&a=0"), "a=0&a=1&a=1"},
    /* form decoding: once, '+' is a space in names too */
    {"plus_is_a_space_in_names_and_values", SLICE_INIT("a+b=c+d"), "a%20b=c%20d"},
    {"an_encoded_plus_is_a_plus", SLICE_INIT("a=%2B"), "a=%2B"},
    {"decodes_exactly_once", SLICE_INIT("a=%253D&b=%2525"), "a=%253D&b=%2525"},
    {"an_encoded_ampersand_is_text", SLICE_INIT("a=1%26b=2"), "a=1%26b%3D2"},
    {"nul_is_a_byte_like_any_other", SLICE_INIT("a=x%00y"), "a=x%00y"},
    {"bytes_that_are_not_utf8_are_kept", SLICE_INIT("a=%ff\xFE"), "a=%FF%FE"},
    /* §3.6: encoding */
    {"must_not_encode_unreserved", SLICE_INIT("a=%41%7a%30%2D%2E%5F%7E"), "a=Az0-._~"},
    {"must_encode_everything_else", SLICE_INIT("a=!*'()/:?@$,"), "a=%21%2A%27%28%29%2F%3A%3F%40%24%2C"},
    {"hexadecimal_must_be_upper_case", SLICE_INIT("a=%2f%3a%c3%a9"), "a=%2F%3A%C3%A9"},
    {"utf8_is_encoded_byte_by_byte", SLICE_INIT("n=caf\xC3\xA9&m=\xE2\x98\x83"), "m=%E2%98%83&n=caf%C3%A9"},
    /* §3.4.1.3.2: order */
    {"encode_then_sort", SLICE_INIT("~=t&z=1&a-b=1&a%5B%5D=x&a=2&a=10&%C3%A9=1"),
     "%C3%A9=1&a=10&a=2&a%5B%5D=x&a-b=1&z=1&~=t"},
    {"equal_names_by_value_as_bytes", SLICE_INIT("a=9&a=10&a=Z&a=z&a="), "a=&a=10&a=9&a=Z&a=z"},
    {"upper_case_before_lower_case", SLICE_INIT("b=1&B=2&a=3&A=4"), "A=4&B=2&a=3&b=1"},
    {"a_prefix_before_the_longer_name", SLICE_INIT("abc=1&ab=2&a=3"), "a=3&ab=2&abc=1"},
    {"never_sort_the_joined_pairs", SLICE_INIT("a-=1&a=2&a%20=3"), "a=2&a%20=3&a-=1"},
    {"names_equal_in_their_first_8_bytes", SLICE_INIT("abcdefgh2=1&abcdefgh=2&abcdefgh1=3&abcdefg=4"),
     "abcdefg=4&abcdefgh=2&abcdefgh1=3&abcdefgh2=1"},
    {"encoded_names_sort_by_their_encoding", SLICE_INIT("%61=3&b=2&%7E=1&%C3=4"), "%C3=4&a=3&b=2&~=1"},
    {"oauth_signature_is_left_out", SLICE_INIT("oauth_signature=x&oauth_signature_method=y&a=1"),
     "a=1&oauth_signature_method=y"},
    {"an_encoded_oauth_signature_is_left_out", SLICE_INIT("oauth%5Fsignature=x&a=1"), "a=1"},
    {"oauth_signature_in_other_case_is_signed", SLICE_INIT("oauth_Signature=x"), "oauth_Signature=x"},
    {"a_short_name_after_a_longer_one", SLICE_INIT("b=1&abcdefghi=2&abcdefgh=3"), "abcdefgh=3&abcdefghi=2&b=1"},
    {"realm_of_a_query_is_signed", SLICE_INIT("realm=x&a=1"), "a=1&realm=x"},
};

static void collects_and_sorts(void **state)
{
    const struct sorted_row *row = *state;
    struct oauth_params params = empty_params(16);
    size_t count = 0;
    assert_status(params_add_form(&params, oauth_arena(), row->form, PARAM_FROM_QUERY), STATUS_OK);
    const struct oauth_param **sorted = params_sorted(&params, oauth_arena(), &count);
    assert_non_null(sorted);
    assert_slice_equal(joined(sorted, count), slice_str(row->sorted));
}

static const struct broken_row {
    const char *name;
    const char *form;
} broken_rows[] = {
    {"refuses_a_percent_at_the_end", "a=%"},
    {"refuses_a_percent_with_one_digit_at_the_end", "a=%2"},
    {"refuses_a_percent_with_a_wrong_first_digit", "a=%g0"},
    {"refuses_a_percent_with_a_wrong_second_digit", "a=%0g"},
    {"refuses_a_unicode_escape", "a=%u0041"},
    {"refuses_a_percent_and_a_sign", "a=%+1"},
    {"refuses_a_percent_and_a_space", "a=% 1"},
    {"refuses_a_broken_escape_in_a_name", "%zz=1"},
    {"refuses_an_escape_that_spans_the_separator", "a%3=Db"},
};

static void refuses_broken_escapes(void **state)
{
    const struct broken_row *row = *state;
    struct oauth_params params = empty_params(4);
    assert_status(params_add_form(&params, oauth_arena(), slice_str(row->form), PARAM_FROM_BODY), STATUS_MALFORMED);
    assert_int_equal(params.count, 0);
}

static void plus_is_literal_in_the_header(void **state)
{
    (void)state;
    struct oauth_params params = empty_params(1);
    assert_status(params_add(&params, oauth_arena(), SLICE("a+b"), SLICE("c+d"), PLUS_LITERAL, PARAM_FROM_HEADER),
                  STATUS_OK);
    assert_slice_equal(params.rows[0].name, SLICE("a%2Bb"));
    assert_slice_equal(params.rows[0].value, SLICE("c%2Bd"));
    assert_int_equal(params.rows[0].source, PARAM_FROM_HEADER);
}

static void protocol_parameters_are_known_by_their_decoded_name(void **state)
{
    (void)state;
    struct oauth_params params = empty_params(4);
    assert_status(
        params_add_form(&params, oauth_arena(), SLICE("%6fauth_x=1&oauth=1&OAUTH_x=1&oauth_=1"), PARAM_FROM_QUERY),
        STATUS_OK);
    assert_true(params.rows[0].is_oauth);
    assert_false(params.rows[1].is_oauth);
    assert_false(params.rows[2].is_oauth);
    assert_true(params.rows[3].is_oauth);
}

static void takes_256_parameters_and_not_one_more(void **state)
{
    (void)state;
    struct buf form = buf_in(oauth_arena());
    for (unsigned i = 0; i < OAUTH_PARAMS_MAX; i++)
        buf_addf(&form, "%sa=%u", i ? "&" : "", i);
    struct oauth_params params = empty_params(SIZE_MAX);
    assert_status(params_add_form(&params, oauth_arena(), buf_slice(&form), PARAM_FROM_BODY), STATUS_OK);
    assert_int_equal(params.count, OAUTH_PARAMS_MAX);
    assert_status(params_add_form(&params, oauth_arena(), SLICE("b"), PARAM_FROM_QUERY), STATUS_TOO_LARGE);
    assert_status(params_add_plain(&params, oauth_arena(), SLICE("b"), SLICE("1"), PARAM_FROM_HEADER),
                  STATUS_TOO_LARGE);
    assert_int_equal(params.count, OAUTH_PARAMS_MAX);
}

static void grows_from_no_room_at_all(void **state)
{
    (void)state;
    struct oauth_params params = empty_params(0);
    size_t count = 0;
    assert_status(params_add_form(&params, oauth_arena(), SLICE("%61=+&b%2f=%2F&c=3"), PARAM_FROM_QUERY), STATUS_OK);
    const struct oauth_param **sorted = params_sorted(&params, oauth_arena(), &count);
    assert_slice_equal(joined(sorted, count), SLICE("a=%20&b%2F=%2F&c=3"));
}

/* Few are sorted by insertion, many by heapsort: the order must be one. */
static void sorts_any_number_alike(void **state)
{
    (void)state;
    for (unsigned total = 0; total <= OAUTH_PARAMS_MAX; total++) {
        struct oauth_params params = empty_params(total);
        size_t count = 0;
        uint32_t random = 12345 + total;
        for (unsigned i = 0; i < total; i++) {
            char pair[64];
            random = random * 1664525 + 1013904223;
            int len = snprintf(pair, sizeof pair, "long_name_%u=%u", random >> 28, random >> 8 & 7);
            assert_status(params_add_form(&params, oauth_arena(), slice_of(pair, (size_t)len), PARAM_FROM_QUERY),
                          STATUS_OK);
            params.rows[i].name = arena_copy(oauth_arena(), params.rows[i].name);
            params.rows[i].value = arena_copy(oauth_arena(), params.rows[i].value);
        }
        const struct oauth_param **sorted = params_sorted(&params, oauth_arena(), &count);
        assert_non_null(sorted);
        assert_int_equal(count, total);
        bool seen[OAUTH_PARAMS_MAX] = {false};
        for (size_t i = 0; i < count; i++) {
            assert_false(seen[sorted[i] - params.rows]); /* each once */
            seen[sorted[i] - params.rows] = true;
        }
        for (size_t i = 1; i < count; i++) {
            int order = slice_cmp(sorted[i - 1]->name, sorted[i]->name);
            assert_true(order < 0 || (order == 0 && slice_cmp(sorted[i - 1]->value, sorted[i]->value) <= 0));
        }
    }
}

static void decodes_what_it_encoded(void **state)
{
    (void)state;
    static const struct {
        struct slice canonical, decoded;
    } rows[] = {
        {SLICE_INIT("plain-._~"), SLICE_INIT("plain-._~")},
        {SLICE_INIT("a%20b%2B%00"), SLICE_INIT("a b+\0")},
        {SLICE_INIT("%C3%A9"), SLICE_INIT("\xC3\xA9")},
        {SLICE_INIT(""), SLICE_INIT("")},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_slice_equal(params_decoded(rows[i].canonical, oauth_arena()), rows[i].decoded);
    assert_false(slice_is_absent(params_decoded(SLICE_ABSENT, oauth_arena()))); /* an empty value is a value */
}

static void full_arenas_are_reported(void **state)
{
    (void)state;
    struct arena small;
    arena_init(&small, 64);
    struct oauth_params params = {0};
    size_t count = 0;
    assert_status(params_init(&params, &small, 4), STATUS_NO_MEMORY);
    params = empty_params(4);
    assert_status(params_add(&params, &small, SLICE("%20234567890123456789012345678901"), SLICE(""), PLUS_LITERAL,
                             PARAM_FROM_HEADER),
                  STATUS_NO_MEMORY);
    assert_status(params_add(&params, &small, SLICE(""), SLICE("%20234567890123456789012345678901"), PLUS_LITERAL,
                             PARAM_FROM_HEADER),
                  STATUS_NO_MEMORY);
    assert_int_equal(params.count, 0);
    for (int i = 0; i < 4; i++)
        assert_status(params_add_form(&params, oauth_arena(), SLICE("a=1"), PARAM_FROM_QUERY), STATUS_OK);
    assert_non_null(arena_bytes(&small, 60));
    assert_null(params_sorted(&params, &small, &count));
    assert_true(slice_is_absent(params_decoded(SLICE("%20%20"), &small)));
    arena_done(&small);
}

int main(void)
{
    static struct CMUnitTest tests[COUNT_OF(sorted_rows) + COUNT_OF(broken_rows) + 7];
    size_t count = 0;
    ADD_ROWS(tests, count, sorted_rows, collects_and_sorts);
    ADD_ROWS(tests, count, broken_rows, refuses_broken_escapes);
    ADD_TEST(tests, count, plus_is_literal_in_the_header);
    ADD_TEST(tests, count, protocol_parameters_are_known_by_their_decoded_name);
    ADD_TEST(tests, count, takes_256_parameters_and_not_one_more);
    ADD_TEST(tests, count, grows_from_no_room_at_all);
    ADD_TEST(tests, count, sorts_any_number_alike);
    ADD_TEST(tests, count, decodes_what_it_encoded);
    ADD_TEST(tests, count, full_arenas_are_reported);
    return RUN_TESTS(tests, count);
}
