#include "oauth/message.h"

#include "support/oauth.h"

#include <stdlib.h>

#define FORM "application/x-www-form-urlencoded"
/* Parameters of the header, to be joined. */
#define KEY    "oauth_consumer_key=\"k\","
#define TOKEN  "oauth_token=\"t\","
#define METHOD "oauth_signature_method=\"HMAC-SHA1\","
#define TIME   "oauth_timestamp=\"1\","
#define NONCE  "oauth_nonce=\"n\","
#define SIGN   "oauth_signature=\"s\","
#define SIGNED METHOD TIME NONCE SIGN
#define PLAIN  "oauth_signature_method=\"PLAINTEXT\","
#define GOOD   "OAuth " KEY TOKEN SIGNED

/* What message_parse refuses: a request that cannot be read. */
static const struct parse_row {
    const char *name;
    struct slice method, url, authorization, content_type, body;
    enum status status;
    const char *detail;
} parse_rows[] = {
#define NO_METHOD SLICE_INIT("GET"), SLICE_INIT("http://h/")
#define NO_BODY \
    {0},        \
    {           \
        0       \
    }
#define LIST     "the Authorization header is not a list of name=\"value\" pairs"
#define CONTROLS "the Authorization header holds a line break or another control character"
#define ESCAPE   "a '%' in a parameter is not followed by two hexadecimal digits"
    {"refuses_an_empty_method",
     SLICE_INIT(""),
     SLICE_INIT("http://h/"),
     {0},
     NO_BODY,
     STATUS_MALFORMED,
     "the HTTP method is not a token"},
    {"refuses_an_absent_method",
     {0},
     SLICE_INIT("http://h/"),
     {0},
     NO_BODY,
     STATUS_MALFORMED,
     "the HTTP method is not a token"},
    {"refuses_a_method_with_a_space",
     SLICE_INIT("GE T"),
     SLICE_INIT("http://h/"),
     {0},
     NO_BODY,
     STATUS_MALFORMED,
     "the HTTP method is not a token"},
    {"refuses_a_method_with_a_slash",
     SLICE_INIT("GET/"),
     SLICE_INIT("http://h/"),
     {0},
     NO_BODY,
     STATUS_MALFORMED,
     "the HTTP method is not a token"},
    {"refuses_a_method_that_is_not_ascii",
     SLICE_INIT("G\xC3\x89T"),
     SLICE_INIT("http://h/"),
     {0},
     NO_BODY,
     STATUS_MALFORMED,
     "the HTTP method is not a token"},
    {"refuses_a_method_with_a_nul",
     SLICE_INIT("GET\0"),
     SLICE_INIT("http://h/"),
     {0},
     NO_BODY,
     STATUS_MALFORMED,
     "the HTTP method is not a token"},
    {"refuses_a_relative_url",
     SLICE_INIT("GET"),
     SLICE_INIT("/p"),
     {0},
     NO_BODY,
     STATUS_MALFORMED,
     "the URL must be absolute and begin with http:// or https://"},
    {"refuses_an_absent_url",
     SLICE_INIT("GET"),
     {0},
     {0},
     NO_BODY,
     STATUS_MALFORMED,
     "the URL must be absolute and begin with http:// or https://"},
    {"refuses_a_broken_header", NO_METHOD, SLICE_INIT("OAuth a=1"), NO_BODY, STATUS_MALFORMED, LIST},
    {"refuses_a_header_without_a_comma", NO_METHOD, SLICE_INIT("OAuth a=\"1\" b=\"2\""), NO_BODY, STATUS_MALFORMED,
     LIST},
    {"refuses_two_realms", NO_METHOD, SLICE_INIT("OAuth realm=\"a\", Realm=\"b\""), NO_BODY, STATUS_MALFORMED,
     "realm is in the header twice"},
    /* case 13: a line fold is refused, and any CR or LF in `authorization` */
    {"refuses_a_line_fold", NO_METHOD, SLICE_INIT("OAuth a=\"1\",\r\n b=\"2\""), NO_BODY, STATUS_MALFORMED, LIST},
    {"refuses_a_line_feed_in_a_value", NO_METHOD, SLICE_INIT("OAuth a=\"1\n\""), NO_BODY, STATUS_MALFORMED, LIST},
    {"refuses_a_carriage_return_at_the_end", NO_METHOD, SLICE_INIT("OAuth a=\"1\"\r"), NO_BODY, STATUS_MALFORMED, LIST},
    {"refuses_a_line_fold_right_after_the_scheme", NO_METHOD, SLICE_INIT("OAuth\r\n a=\"1\""), NO_BODY,
     STATUS_MALFORMED, CONTROLS},
    {"refuses_a_line_fold_before_the_scheme", NO_METHOD, SLICE_INIT("\r\n OAuth a=\"1\""), NO_BODY, STATUS_MALFORMED,
     CONTROLS},
    {"refuses_a_line_feed_in_another_scheme", NO_METHOD, SLICE_INIT("Basic abc\n"), NO_BODY, STATUS_MALFORMED,
     CONTROLS},
    {"refuses_a_nul_after_the_scheme", NO_METHOD, SLICE_INIT("OAuth\0 a=\"1\""), NO_BODY, STATUS_MALFORMED, CONTROLS},
    /* percent-encoding, at each place */
    {"refuses_a_broken_escape_in_the_header", NO_METHOD, SLICE_INIT("OAuth a=\"%zz\""), NO_BODY, STATUS_MALFORMED,
     ESCAPE},
    {"refuses_a_broken_escape_in_a_name_of_the_header", NO_METHOD, SLICE_INIT("OAuth %=\"1\""), NO_BODY,
     STATUS_MALFORMED, ESCAPE},
    {"refuses_a_broken_escape_in_the_query",
     SLICE_INIT("GET"),
     SLICE_INIT("http://h/?a=%4"),
     {0},
     NO_BODY,
     STATUS_MALFORMED,
     ESCAPE},
    {"refuses_a_broken_escape_in_a_form",
     NO_METHOD,
     {0},
     SLICE_INIT(FORM),
     SLICE_INIT("a=%xy"),
     STATUS_MALFORMED,
     ESCAPE},
    {"refuses_a_raw_nul_in_a_form",
     NO_METHOD,
     {0},
     SLICE_INIT(FORM),
     SLICE_INIT("a=x\0y"),
     STATUS_MALFORMED,
     "the form body holds a NUL byte"},
    {"refuses_a_form_whose_body_was_not_handed_over",
     NO_METHOD,
     {0},
     SLICE_INIT(FORM),
     {0},
     STATUS_BODY_ABSENT,
     "a form body is part of the signature but was not handed over"},
};

static void refuses_what_cannot_be_read(void **state)
{
    const struct parse_row *row = *state;
    struct described_request request = {row->method, row->url, row->authorization, row->content_type, row->body};
    struct message message = {.realm = SLICE("untouched")};
    struct problem problem = {0};
    assert_status(message_parse(&request, oauth_arena(), &message, &problem), row->status);
    assert_status(problem.status, row->status);
    assert_string_equal(problem_text(&problem), row->detail);
    assert_slice_equal(message.realm, SLICE("untouched"));
}

/* What message_check makes of a request that can be read. */
static const struct check_row {
    const char *name;
    const char *url, *authorization, *content_type, *body;
    enum status status;
    const char *absent, *rejected;
} check_rows[] = {
#define AT     "http://h/"
#define NOBODY NULL, NULL
#define FINE   STATUS_OK, "", ""
    {"takes_a_complete_request", AT, GOOD, NOBODY, FINE},
    {"takes_protocol_parameters_in_the_query",
     "http://h/?oauth_consumer_key=k&oauth_signature_method=x&oauth_signature=s&oauth_timestamp=1&oauth_nonce=n", NULL,
     NOBODY, FINE}, /* §3.5.3 */
    {"takes_protocol_parameters_in_a_form", AT, NULL, FORM,
     "oauth_consumer_key=k&oauth_signature_method=x&oauth_signature=s&oauth_timestamp=1&oauth_nonce=n",
     FINE}, /* §3.5.2 */
    {"takes_other_parameters_everywhere", "http://h/?a=1", GOOD "b=\"2\"", FORM, "c=3", FINE},
    {"takes_other_parameters_twice", "http://h/?a=1&a=1", GOOD, FORM, "a=1&a=1", FINE},
    {"takes_a_request_with_another_authorization_and_oauth_in_the_query",
     "http://h/?oauth_consumer_key=k&oauth_signature_method=x&oauth_signature=s&oauth_timestamp=1&oauth_nonce=n",
     "Basic dTpw", NOBODY, FINE},
    /* §3.1: oauth_token MAY be omitted; case 12: it may be present and empty */
    {"token_may_be_left_out", AT, "OAuth " KEY SIGNED, NOBODY, FINE},
    {"token_may_be_empty", AT, "OAuth " KEY SIGNED "oauth_token=\"\"", NOBODY, FINE},
    /* §3.1: "Each parameter MUST NOT appear more than once per request" */
    {"must_not_repeat_in_the_header", AT, GOOD "oauth_nonce=\"m\"", NOBODY, STATUS_DUPLICATED_PARAMETER, "",
     "oauth_nonce"},
    {"must_not_repeat_with_the_same_value", AT, GOOD NONCE, NOBODY, STATUS_DUPLICATED_PARAMETER, "", "oauth_nonce"},
    {"must_not_repeat_in_the_query", "http://h/?oauth_token=a&b=1&oauth_token=a", NULL, NOBODY,
     STATUS_DUPLICATED_PARAMETER, "", "oauth_token"},
    {"must_not_repeat_in_a_form", AT, NULL, FORM, "oauth_token=a&oauth_token=b", STATUS_DUPLICATED_PARAMETER, "",
     "oauth_token"},
    {"must_not_repeat_in_another_spelling", AT, GOOD "oauth%5Fnonce=\"n\"", NOBODY, STATUS_DUPLICATED_PARAMETER, "",
     "oauth_nonce"},
    {"must_not_repeat_unknown_ones", AT, GOOD "oauth_x=\"1\",oauth_x=\"1\"", NOBODY, STATUS_DUPLICATED_PARAMETER, "",
     "oauth_x"},
    {"must_not_repeat_the_signature", AT, GOOD SIGN, NOBODY, STATUS_DUPLICATED_PARAMETER, "", "oauth_signature"},
    {"must_not_repeat_empty_ones", AT, GOOD "oauth_callback=\"\",oauth_callback=\"\"", NOBODY,
     STATUS_DUPLICATED_PARAMETER, "", "oauth_callback"},
    /* §3.5: "the client MUST NOT transmit them in more than one of the three" */
    {"must_not_be_in_header_and_query", "http://h/?oauth_verifier=v", GOOD, NOBODY, STATUS_DUPLICATED_PARAMETER, "",
     "oauth_verifier"},
    {"must_not_be_in_header_and_form", AT, GOOD, FORM, "oauth_verifier=v", STATUS_DUPLICATED_PARAMETER, "",
     "oauth_verifier"},
    {"must_not_be_in_query_and_form", "http://h/?oauth_token=t", NULL, FORM, "oauth_nonce=n",
     STATUS_DUPLICATED_PARAMETER, "", "oauth_nonce"},
    {"unknown_ones_must_not_be_in_two_places_either", "http://h/?oauth_x=1", GOOD, NOBODY, STATUS_DUPLICATED_PARAMETER,
     "", "oauth_x"},
    {"the_same_one_must_not_be_in_two_places", "http://h/?oauth_token=t", GOOD, NOBODY, STATUS_DUPLICATED_PARAMETER, "",
     "oauth_token"},
    {"the_place_counts_for_decoded_names", "http://h/?%6Fauth%5fx=1", GOOD, NOBODY, STATUS_DUPLICATED_PARAMETER, "",
     "oauth_x"},
    {"a_json_body_is_no_place", AT, GOOD, "application/json", "oauth_token=t", FINE},
    {"duplicates_come_before_what_is_missing", AT, "OAuth " NONCE NONCE, NOBODY, STATUS_DUPLICATED_PARAMETER, "",
     "oauth_nonce"},
    /* §3.1: what is REQUIRED */
    {"names_the_missing_consumer_key", AT, "OAuth " TOKEN SIGNED, NOBODY, STATUS_PARAMETER_ABSENT, "oauth_consumer_key",
     ""},
    {"names_the_missing_method", AT, "OAuth " KEY TIME NONCE SIGN, NOBODY, STATUS_PARAMETER_ABSENT,
     "oauth_signature_method", ""},
    {"names_the_missing_timestamp", AT, "OAuth " KEY METHOD NONCE SIGN, NOBODY, STATUS_PARAMETER_ABSENT,
     "oauth_timestamp", ""},
    {"names_the_missing_nonce", AT, "OAuth " KEY METHOD TIME SIGN, NOBODY, STATUS_PARAMETER_ABSENT, "oauth_nonce", ""},
    {"names_the_missing_signature", AT, "OAuth " KEY METHOD TIME NONCE, NOBODY, STATUS_PARAMETER_ABSENT,
     "oauth_signature", ""},
    {"names_all_that_is_missing", AT, "OAuth " TOKEN, NOBODY, STATUS_PARAMETER_ABSENT,
     "oauth_consumer_key&oauth_signature_method&oauth_signature&oauth_timestamp&oauth_nonce", ""},
    {"an_empty_consumer_key_is_missing", AT, "OAuth " SIGNED "oauth_consumer_key=\"\"", NOBODY, STATUS_PARAMETER_ABSENT,
     "oauth_consumer_key", ""},
    {"an_empty_nonce_is_missing", AT, "OAuth " KEY METHOD TIME SIGN "oauth_nonce=\"\"", NOBODY, STATUS_PARAMETER_ABSENT,
     "oauth_nonce", ""},
    {"names_in_other_case_are_others", AT, "OAuth " KEY METHOD TIME SIGN "OAUTH_NONCE=\"n\"", NOBODY,
     STATUS_PARAMETER_ABSENT, "oauth_nonce", ""},
    {"an_unknown_method_still_needs_a_nonce", AT, "OAuth " KEY TIME SIGN "oauth_signature_method=\"plaintext\"", NOBODY,
     STATUS_PARAMETER_ABSENT, "oauth_nonce", ""},
    /* §3.1: timestamp and nonce "MAY be omitted when using the PLAINTEXT signature method"; case 8 */
    {"plaintext_needs_no_timestamp_and_no_nonce", AT, "OAuth " KEY SIGN PLAIN, NOBODY, FINE},
    {"plaintext_still_needs_a_signature", AT, "OAuth " KEY PLAIN, NOBODY, STATUS_PARAMETER_ABSENT, "oauth_signature",
     ""},
    /* §3.1: oauth_version: 'If present, MUST be set to "1.0"'; case 9 */
    {"version_1_0_is_fine", AT, GOOD "oauth_version=\"1.0\"", NOBODY, FINE},
    {"version_1_0_may_be_encoded", AT, GOOD "oauth_version=\"%31%2E0\"", NOBODY, FINE},
    {"version_1_is_refused", AT, GOOD "oauth_version=\"1\"", NOBODY, STATUS_VERSION_REJECTED, "", "oauth_version"},
    {"version_1_0a_is_refused", AT, GOOD "oauth_version=\"1.0a\"", NOBODY, STATUS_VERSION_REJECTED, "",
     "oauth_version"},
    {"version_2_0_is_refused", AT, GOOD "oauth_version=\"2.0\"", NOBODY, STATUS_VERSION_REJECTED, "", "oauth_version"},
    {"an_empty_version_is_refused", AT, GOOD "oauth_version=\"\"", NOBODY, STATUS_VERSION_REJECTED, "",
     "oauth_version"},
    {"a_version_with_a_space_is_refused", AT, GOOD "oauth_version=\"1.0%20\"", NOBODY, STATUS_VERSION_REJECTED, "",
     "oauth_version"},
    {"what_is_missing_comes_before_the_version", AT, "OAuth " KEY "oauth_version=\"2\"", NOBODY,
     STATUS_PARAMETER_ABSENT, "oauth_signature_method&oauth_signature&oauth_timestamp&oauth_nonce", ""},
    /* the error table: NUL and what is not UTF-8 in a protocol parameter */
    {"refuses_nul_in_a_protocol_parameter", AT, GOOD "oauth_verifier=\"a%00b\"", NOBODY, STATUS_MALFORMED, "",
     "oauth_verifier"},
    {"refuses_nul_in_an_unknown_protocol_parameter", AT, GOOD "oauth_x=\"%00\"", NOBODY, STATUS_MALFORMED, "",
     "oauth_x"},
    {"refuses_bytes_that_are_not_utf8", AT, GOOD "oauth_verifier=\"%FF\"", NOBODY, STATUS_MALFORMED, "",
     "oauth_verifier"},
    {"refuses_raw_bytes_that_are_not_utf8", AT, GOOD "oauth_verifier=\"\xFF\"", NOBODY, STATUS_MALFORMED, "",
     "oauth_verifier"},
    {"refuses_overlong_utf8", AT, GOOD "oauth_verifier=\"%C0%AF\"", NOBODY, STATUS_MALFORMED, "", "oauth_verifier"},
    {"refuses_surrogates", AT, GOOD "oauth_verifier=\"%ED%A0%80\"", NOBODY, STATUS_MALFORMED, "", "oauth_verifier"},
    {"refuses_nul_in_a_protocol_name", AT, GOOD "oauth_x%00=\"1\"", NOBODY, STATUS_MALFORMED, "", "oauth_x%00"},
    {"refuses_a_protocol_name_that_is_not_utf8", AT, GOOD "oauth_%FF=\"1\"", NOBODY, STATUS_MALFORMED, "", "oauth_%FF"},
    {"refuses_bytes_in_a_parameter_behind_a_good_one", AT,
     "OAuth oauth_consumer_key=\"%C3%A9\"," SIGNED "oauth_verifier=\"%FF\"", NOBODY, STATUS_MALFORMED, "",
     "oauth_verifier"},
    {"an_empty_timestamp_is_not_missing", AT, "OAuth " KEY METHOD NONCE SIGN "oauth_timestamp=\"\"", NOBODY, FINE},
    {"an_empty_method_is_not_missing", AT, "OAuth " KEY TIME NONCE SIGN "oauth_signature_method=\"\"", NOBODY, FINE},
    {"an_empty_signature_is_not_missing", AT, "OAuth " KEY METHOD TIME NONCE "oauth_signature=\"\"", NOBODY, FINE},
    {"takes_utf8_in_a_protocol_parameter", AT, GOOD "oauth_verifier=\"%C3%A9\xE2\x98\x83\"", NOBODY, FINE},
    {"takes_nul_and_any_byte_in_other_parameters", "http://h/?a=%00%FF", GOOD "b=\"%00\xFF\"", FORM, "c=%00\xFE", FINE},
};

static void keeps_the_rules_that_need_no_client(void **state)
{
    const struct check_row *row = *state;
    struct described_request request = oauth_request("GET", row->url, row->authorization, row->content_type, row->body);
    struct message message = {0};
    struct problem problem = {0};
    assert_status(message_parse(&request, oauth_arena(), &message, &problem), STATUS_OK);
    assert_status(message_check(&message, MESSAGE_REQUIRED, oauth_arena(), &problem), row->status);
    assert_status(problem.status, row->status);
    assert_slice_equal(problem.absent, slice_str(row->absent));
    assert_slice_equal(problem.rejected, slice_str(row->rejected));
}

/* §3.3: "The timestamp value MUST be a positive integer"; case 10. */
static const struct timestamp_row {
    const char *name;
    const char *text; /* encoded; NULL: not sent */
    enum status status;
    int64_t seconds;
} timestamp_rows[] = {
    {"takes_one_second", "1", STATUS_OK, 1},
    {"takes_fewer_than_ten_digits", "137131201", STATUS_OK, 137131201},
    {"takes_ten_digits", "1790000000", STATUS_OK, 1790000000},
    {"takes_what_fits_63_bits", "9223372036854775807", STATUS_OK, INT64_MAX},
    {"takes_an_encoded_digit", "%31", STATUS_OK, 1},
    {"takes_none", NULL, STATUS_OK, 0},
    {"refuses_what_does_not_fit_63_bits", "9223372036854775808", STATUS_TIMESTAMP_MALFORMED, 0},
    {"refuses_what_does_not_fit_64_bits", "18446744073709551617", STATUS_TIMESTAMP_MALFORMED, 0},
    {"refuses_30_digits", "111111111111111111111111111111", STATUS_TIMESTAMP_MALFORMED, 0},
    {"refuses_zero", "0", STATUS_TIMESTAMP_MALFORMED, 0},
    {"refuses_a_leading_zero", "0137131201", STATUS_TIMESTAMP_MALFORMED, 0},
    {"refuses_a_plus", "+1", STATUS_TIMESTAMP_MALFORMED, 0},
    {"refuses_a_minus", "-1", STATUS_TIMESTAMP_MALFORMED, 0},
    {"refuses_an_exponent", "1e9", STATUS_TIMESTAMP_MALFORMED, 0},
    {"refuses_a_fraction", "1.0", STATUS_TIMESTAMP_MALFORMED, 0},
    {"refuses_hexadecimal", "0x10", STATUS_TIMESTAMP_MALFORMED, 0},
    {"refuses_a_leading_space", "%201", STATUS_TIMESTAMP_MALFORMED, 0},
    {"refuses_a_trailing_space", "1%20", STATUS_TIMESTAMP_MALFORMED, 0},
    {"refuses_letters", "now", STATUS_TIMESTAMP_MALFORMED, 0},
    {"refuses_digits_of_other_scripts", "%D9%A1", STATUS_TIMESTAMP_MALFORMED, 0},
    {"refuses_an_empty_one", "", STATUS_TIMESTAMP_MALFORMED, 0},
};

static void reads_the_timestamp(void **state)
{
    const struct timestamp_row *row = *state;
    struct buf header = buf_in(oauth_arena());
    buf_add_str(&header, "OAuth " KEY);
    if (row->text)
        buf_addf(&header, "oauth_timestamp=\"%s\"", row->text);
    struct described_request request = oauth_request("GET", AT, buf_string(&header), NOBODY);
    struct message message = {0};
    struct problem problem = {0};
    int64_t seconds = 4711;
    assert_status(message_parse(&request, oauth_arena(), &message, &problem), STATUS_OK);
    assert_status(message_timestamp(&message, &seconds, &problem), row->status);
    assert_true(seconds == (row->status == STATUS_OK ? row->seconds : 4711));
    if (row->status != STATUS_OK)
        assert_slice_equal(problem.rejected, SLICE("oauth_timestamp"));
}

static void decodes_the_protocol_parameters(void **state)
{
    (void)state;
    struct described_request request = oauth_request(
        "GET", AT, "OAuth realm=\"a \\\"b\\\"\", oauth_consumer_key=\"a%20b%2Bc+d\", oauth_token=\"\"", NOBODY);
    struct message message = {0};
    struct problem problem = {0};
    assert_status(message_parse(&request, oauth_arena(), &message, &problem), STATUS_OK);
    assert_slice_equal(message.protocol[OAUTH_CONSUMER_KEY], SLICE("a b+c+d"));
    assert_slice_equal(message.protocol[OAUTH_TOKEN], SLICE(""));
    assert_false(slice_is_absent(message.protocol[OAUTH_TOKEN]));
    assert_true(slice_is_absent(message.protocol[OAUTH_NONCE]));
    assert_slice_equal(message.realm, SLICE("a \\\"b\\\""));
    assert_null(message.signature_method);
}

/* §3.4.1.3.1, the three conditions on the body; case 5. */
static void knows_the_form_type(void **state)
{
    (void)state;
    static const struct {
        struct slice type;
        bool form;
    } rows[] = {
        {SLICE_INIT(FORM), true},
        {SLICE_INIT("APPLICATION/X-WWW-FORM-URLENCODED"), true},
        {SLICE_INIT(FORM ";charset=UTF-8"), true},
        {SLICE_INIT("\t" FORM " ; charset=UTF-8"), true},
        {SLICE_INIT(FORM "-2"), false},
        {SLICE_INIT("x" FORM), false},
        {SLICE_INIT(FORM ", text/plain"), false},
        {SLICE_INIT("multipart/form-data; boundary=" FORM), false},
        {SLICE_INIT("text/plain;" FORM), false},
        {SLICE_INIT(""), false},
        {{0}, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_int_equal(message_is_form_type(rows[i].type), rows[i].form);
}

static void knows_a_request_without_oauth(void **state)
{
    (void)state;
    static const struct {
        const char *url, *authorization;
        bool is_unsigned;
    } rows[] = {
        {"http://h/", NULL, true},
        {"http://h/?a=1", "Bearer x", true},
        {"http://h/", "OAuth", true},
        {"http://h/", "OAuth realm=\"x\"", true},
        {"http://h/", "OAuth a=\"1\"", true},
        {"http://h/?oauth_x=1", NULL, false},
        {"http://h/", "OAuth oauth_token=\"\"", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct described_request request = oauth_request("GET", rows[i].url, rows[i].authorization, NOBODY);
        struct message message = {0};
        struct problem problem = {0};
        assert_status(message_parse(&request, oauth_arena(), &message, &problem), STATUS_OK);
        assert_int_equal(message_is_unsigned(&message), rows[i].is_unsigned);
    }
}

static void finds_a_parameter_and_how_often_it_was_sent(void **state)
{
    (void)state;
    struct described_request request = oauth_request("GET", "http://h/?scope=a+b&scope=c&empty", GOOD, NOBODY);
    struct message message = {0};
    struct problem problem = {0};
    size_t count = 0;
    assert_status(message_parse(&request, oauth_arena(), &message, &problem), STATUS_OK);
    assert_slice_equal(message_parameter(&message, SLICE("scope"), oauth_arena(), &count), SLICE("a b"));
    assert_int_equal(count, 2);
    assert_slice_equal(message_parameter(&message, SLICE("empty"), oauth_arena(), &count), SLICE(""));
    assert_int_equal(count, 1);
    assert_true(slice_is_absent(message_parameter(&message, SLICE("none"), oauth_arena(), &count)));
    assert_int_equal(count, 0);
}

static void takes_256_parameters_and_not_one_more(void **state)
{
    (void)state;
    struct buf url = buf_in(oauth_arena());
    buf_add_str(&url, "http://h/?a");
    for (int i = 1; i < OAUTH_PARAMS_MAX; i++)
        buf_add_str(&url, "&a");
    struct described_request request = {.method = SLICE("GET"), .url = buf_slice(&url)};
    struct message message = {0};
    struct problem problem = {0};
    assert_status(message_parse(&request, oauth_arena(), &message, &problem), STATUS_OK);
    assert_int_equal(message.params.count, OAUTH_PARAMS_MAX);
    request.authorization = SLICE("OAuth b=\"1\"");
    assert_status(message_parse(&request, oauth_arena(), &message, &problem), STATUS_MALFORMED);
    assert_string_equal(problem_text(&problem), "the request has more than 256 parameters");
}

static void assert_same_parameters(const struct described_request *request, const struct message *found)
{
    struct message message = {0};
    struct problem problem = {0};
    assert_status(message_parse(request, oauth_arena(), &message, &problem), STATUS_OK);
    for (size_t i = 0; i < PROTOCOL_PARAMETER_COUNT; i++) {
        assert_int_equal(slice_is_absent(found->protocol[i]), slice_is_absent(message.protocol[i]));
        assert_slice_equal(found->protocol[i], message.protocol[i]);
    }
}

/* Every allocation fails once: an arena one byte larger each time, until all is well, and nothing is left out. */
static enum status fill_arenas(const struct described_request *request)
{
    enum status status = STATUS_NO_MEMORY;
    unsigned failures = 0;
    for (size_t limit = 0; status == STATUS_NO_MEMORY; limit++) {
        struct arena small;
        struct message message = {0};
        struct problem problem = {0};
        arena_init(&small, limit);
        status = message_parse(request, &small, &message, &problem);
        if (status == STATUS_OK)
            status = message_check(&message, MESSAGE_REQUIRED, &small, &problem);
        assert_status(problem.status, status);
        if (status == STATUS_OK)
            assert_same_parameters(request, &message);
        arena_done(&small);
        failures += status == STATUS_NO_MEMORY;
    }
    assert_true(failures > 100);
    return status;
}

static void full_arenas_are_reported(void **state)
{
    (void)state;
    struct described_request twice =
        oauth_request("POST", "http://h/?oauth_x=%20", NULL, FORM, "oauth_consumer_key=%41%20");
    struct described_request good = oauth_request("GET", AT, "OAuth oauth_consumer_key=\"k%20\"," SIGNED, NOBODY);
    assert_status(fill_arenas(&twice), STATUS_DUPLICATED_PARAMETER);
    assert_status(fill_arenas(&good), STATUS_OK);
    /* so many escapes that decoding them takes more than what encoding them anew had left over */
    static const char *const names[] = {"consumer_key", "token",     "signature_method", "timestamp",
                                        "nonce",        "signature", "verifier",         "callback"};
    struct buf header = buf_in(oauth_arena());
    buf_add_str(&header, "OAuth ");
    for (size_t i = 0; i < COUNT_OF(names); i++)
        buf_addf(&header, "%soauth_%s=\"%%20%%20%%20%%20%%20%%20%%20%%20%%20%%20\"", i ? "," : "", names[i]);
    good.authorization = buf_slice(&header);
    assert_status(fill_arenas(&good), STATUS_OK);
}

static void full_arenas_are_reported_by_checks(void **state)
{
    (void)state;
    static const char *const headers[] = {GOOD "oauth_x=\"%C3%A9\"", "OAuth " KEY};
    for (size_t i = 0; i < COUNT_OF(headers); i++) {
        struct described_request request = oauth_request("GET", AT, headers[i], NOBODY);
        struct message message = {0};
        struct problem problem = {0};
        struct arena none;
        arena_init(&none, 0);
        assert_status(message_parse(&request, oauth_arena(), &message, &problem), STATUS_OK);
        assert_status(message_check(&message, MESSAGE_REQUIRED, &none, &problem), STATUS_NO_MEMORY);
        assert_status(problem.status, STATUS_NO_MEMORY);
        arena_done(&none);
    }
}

static void a_method_is_made_of_token_characters_alone(void **state)
{
    (void)state;
    const char *others = "!#$%&'*+-.^_`|~";
    for (int byte = 0; byte < 256; byte++) {
        char method = (char)byte;
        bool letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9');
        struct described_request request = oauth_request("", AT, GOOD, NOBODY);
        struct message message = {0};
        struct problem problem = {0};
        request.method = slice_of(&method, 1);
        assert_status(message_parse(&request, oauth_arena(), &message, &problem),
                      letter || (byte && strchr(others, byte)) ? STATUS_OK : STATUS_MALFORMED);
    }
}

static void an_empty_callback_is_wrong_rather_than_missing(void **state)
{
    (void)state;
    const unsigned required = MESSAGE_REQUIRED | OAUTH_BIT(OAUTH_CALLBACK);
    struct described_request request = oauth_request("POST", AT, GOOD "oauth_callback=\"\"", NOBODY);
    struct message message = {0};
    struct problem problem = {0};
    assert_status(message_parse(&request, oauth_arena(), &message, &problem), STATUS_OK);
    assert_status(message_check(&message, required, oauth_arena(), &problem), STATUS_OK);
}

/* Of a protocol parameter: alone, and behind another escape. */
static void each_escaped_byte_is_text_or_refused(void **state)
{
    (void)state;
    for (int byte = 0; byte < 256; byte++)
        for (int behind = 0; behind < 2; behind++) {
            struct buf header = buf_in(oauth_arena());
            struct message message = {0};
            struct problem problem = {0};
            buf_addf(&header, GOOD "oauth_verifier=\"%s%%%02X\"", behind ? "%2F%20a%25" : "", (unsigned)byte);
            struct described_request request = oauth_request("GET", AT, NULL, NOBODY);
            request.authorization = buf_slice(&header);
            assert_status(message_parse(&request, oauth_arena(), &message, &problem), STATUS_OK);
            assert_status(message_check(&message, MESSAGE_REQUIRED, oauth_arena(), &problem),
                          byte == 0 || byte > 127 ? STATUS_MALFORMED : STATUS_OK);
        }
}

static void forgets_the_problem_of_the_request_before(void **state)
{
    (void)state;
    struct described_request request = oauth_request("GET", AT, "OAuth a=\"%\"", NOBODY);
    struct message message = {0};
    struct problem problem = {.status = STATUS_INTERNAL, .detail = "of another request"};
    assert_status(message_parse(&request, oauth_arena(), &message, &problem), STATUS_MALFORMED);
    assert_status(problem.status, STATUS_MALFORMED);
    assert_string_equal(problem_text(&problem), ESCAPE);
}

/* A sanitizer sees it. */
static void looks_at_no_row_beyond_the_last(void **state)
{
    (void)state;
    struct oauth_param *row = calloc(1, sizeof *row);
    assert_non_null(row);
    struct message message = {.params = {row, 1, 1}};
    size_t count = 0;
    row->name = SLICE("a");
    (void)message_parameter(&message, SLICE("b"), oauth_arena(), &count);
    assert_int_equal(count, 0);
    free(row);
}

static void takes_a_tab_in_another_scheme(void **state)
{
    (void)state;
    struct described_request request = oauth_request("GET", AT, "Digest\ta=\"1\"", NOBODY);
    struct message message = {0};
    struct problem problem = {0};
    assert_status(message_parse(&request, oauth_arena(), &message, &problem), STATUS_OK);
    assert_int_equal(message.params.count, 0);
}

int main(void)
{
    static struct CMUnitTest tests[COUNT_OF(parse_rows) + COUNT_OF(check_rows) + COUNT_OF(timestamp_rows) + 13];
    size_t count = 0;
    ADD_ROWS(tests, count, parse_rows, refuses_what_cannot_be_read);
    ADD_ROWS(tests, count, check_rows, keeps_the_rules_that_need_no_client);
    ADD_ROWS(tests, count, timestamp_rows, reads_the_timestamp);
    ADD_TEST(tests, count, decodes_the_protocol_parameters);
    ADD_TEST(tests, count, knows_the_form_type);
    ADD_TEST(tests, count, knows_a_request_without_oauth);
    ADD_TEST(tests, count, finds_a_parameter_and_how_often_it_was_sent);
    ADD_TEST(tests, count, takes_256_parameters_and_not_one_more);
    ADD_TEST(tests, count, full_arenas_are_reported);
    ADD_TEST(tests, count, full_arenas_are_reported_by_checks);
    ADD_TEST(tests, count, a_method_is_made_of_token_characters_alone);
    ADD_TEST(tests, count, takes_a_tab_in_another_scheme);
    ADD_TEST(tests, count, an_empty_callback_is_wrong_rather_than_missing);
    ADD_TEST(tests, count, each_escaped_byte_is_text_or_refused);
    ADD_TEST(tests, count, forgets_the_problem_of_the_request_before);
    ADD_TEST(tests, count, looks_at_no_row_beyond_the_last);
    return RUN_TESTS(tests, count);
}
