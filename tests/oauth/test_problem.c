#include "oauth/problem.h"

#include "support/oauth.h"

/* The error table of the protocol: HTTP status and both vocabularies, row by row. */
static const struct table_row {
    const char *name;
    enum status status;
    int http;
    const char *error, *problem;
} table_rows[] = {
    {"plain_http", STATUS_INSECURE_TRANSPORT, 400, "insecure_transport", "transport_insecure"},
    {"duplicated", STATUS_DUPLICATED_PARAMETER, 400, "duplicated_oauth_protocol_parameter", "parameter_rejected"},
    {"missing", STATUS_PARAMETER_ABSENT, 400, "missing_required_parameter", "parameter_absent"},
    {"malformed", STATUS_MALFORMED, 400, "invalid_request", "parameter_rejected"},
    {"version", STATUS_VERSION_REJECTED, 400, "invalid_request", "version_rejected"},
    {"bad_callback", STATUS_CALLBACK_REJECTED, 400, "invalid_request", "parameter_rejected"},
    {"unknown_client", STATUS_CLIENT_UNKNOWN, 401, "invalid_client", "consumer_key_unknown"},
    {"disabled_client", STATUS_CLIENT_DISABLED, 401, "invalid_client", "consumer_key_rejected"},
    {"method", STATUS_METHOD_REJECTED, 400, "unsupported_signature_method", "signature_method_rejected"},
    {"timestamp_malformed", STATUS_TIMESTAMP_MALFORMED, 400, "invalid_request", "parameter_rejected"},
    {"timestamp_refused", STATUS_TIMESTAMP_REFUSED, 401, "invalid_request", "timestamp_refused"},
    {"nonce_used", STATUS_NONCE_USED, 401, "invalid_nonce", "nonce_used"},
    {"signature_wrong", STATUS_SIGNATURE_INVALID, 401, "invalid_signature", "signature_invalid"},
    {"token_unknown", STATUS_TOKEN_REJECTED, 401, "invalid_token", "token_rejected"},
    {"token_expired", STATUS_TOKEN_EXPIRED, 401, "invalid_token", "token_expired"},
    {"token_revoked", STATUS_TOKEN_REVOKED, 401, "invalid_token", "token_revoked"},
    {"token_used", STATUS_TOKEN_USED, 401, "invalid_token", "token_used"},
    {"not_decided", STATUS_PERMISSION_UNKNOWN, 401, "invalid_request", "permission_unknown"},
    {"verifier_wrong", STATUS_VERIFIER_INVALID, 401, "invalid_request", "verifier_invalid"},
    {"owner_refused", STATUS_PERMISSION_DENIED, 401, "invalid_token", "permission_denied"},
    {"scope_unknown", STATUS_SCOPE_REJECTED, 400, "invalid_scope", "parameter_rejected"},
    {"body_hash_wrong", STATUS_BODY_HASH_MISMATCH, 401, "invalid_signature", "signature_invalid"},
    {"body_hash_missing", STATUS_BODY_HASH_ABSENT, 400, "invalid_request", "parameter_absent"},
    {"body_hash_with_a_form", STATUS_BODY_HASH_FORBIDDEN, 400, "invalid_request", "parameter_rejected"},
    {"scope_falls_short", STATUS_SCOPE_INSUFFICIENT, 403, "insufficient_scope", "permission_denied"},
    {"no_oauth_at_all", STATUS_UNSIGNED, 401, "missing_required_parameter", "parameter_absent"},
    {"too_many_requests", STATUS_SLOW_DOWN, 429, "slow_down", "consumer_key_refused"},
    {"store_down", STATUS_STORE_DOWN, 503, "temporarily_unavailable", ""},
};

static void speaks_both_vocabularies(void **state)
{
    const struct table_row *row = *state;
    struct problem problem = {.status = row->status, .detail = "x"};
    struct buf form = buf_in(oauth_arena());
    struct buf expected = buf_in(oauth_arena());
    assert_int_equal(status_http(row->status), row->http);
    buf_addf(&expected, "error=%s&error_description=x", row->error);
    if (row->problem[0])
        buf_addf(&expected, "&oauth_problem=%s", row->problem);
    problem_write_form(&problem, &form);
    assert_slice_equal(buf_slice(&form), buf_slice(&expected));
}

static void challenges_with_one_problem(void **state)
{
    const struct table_row *row = *state;
    struct buf challenge = buf_in(oauth_arena());
    struct buf expected = buf_in(oauth_arena());
    buf_add_str(&expected, "OAuth realm=\"Photos\"");
    if (row->problem[0] && row->status != STATUS_UNSIGNED)
        buf_addf(&expected, ", oauth_problem=\"%s\"", row->problem);
    problem_write_challenge(row->status, SLICE("Photos"), &challenge);
    assert_slice_equal(buf_slice(&challenge), buf_slice(&expected));
}

static void the_detail_or_the_status_is_the_sentence(void **state)
{
    (void)state;
    struct problem problem = {.status = STATUS_NONCE_USED};
    assert_string_equal(problem_text(&problem), status_text(STATUS_NONCE_USED));
    assert_status(problem_set(&problem, STATUS_MALFORMED, "what exactly"), STATUS_MALFORMED);
    assert_string_equal(problem_text(&problem), "what exactly");
}

/* Problem Reporting extension: names joined with '&', each encoded; the whole once more as a value. */
static void lists_are_encoded_once_more(void **state)
{
    (void)state;
    struct problem problem = {.status = STATUS_PARAMETER_ABSENT,
                              .detail = "a b",
                              .absent = SLICE("oauth_nonce&oauth_timestamp"),
                              .rejected = SLICE("oauth_%C3%A9"),
                              .acceptable_from_s = 100,
                              .acceptable_to_s = 460};
    struct buf form = buf_in(oauth_arena());
    problem_write_form(&problem, &form);
    assert_slice_equal(buf_slice(&form), SLICE("error=missing_required_parameter&error_description=a%20b&"
                                               "oauth_problem=parameter_absent&"
                                               "oauth_parameters_absent=oauth_nonce%26oauth_timestamp&"
                                               "oauth_parameters_rejected=oauth_%25C3%25A9&"
                                               "oauth_acceptable_timestamps=100-460"));
}

static void any_time_but_none_is_said(void **state)
{
    (void)state;
    struct problem problem = {.status = STATUS_TIMESTAMP_REFUSED, .detail = "x", .acceptable_to_s = 1};
    struct buf form = buf_in(oauth_arena());
    problem_write_form(&problem, &form);
    assert_slice_equal(buf_slice(&form), SLICE("error=invalid_request&error_description=x&"
                                               "oauth_problem=timestamp_refused&oauth_acceptable_timestamps=0-1"));
}

/* A realm comes from configuration or a request: it must not end the quotes or the header. */
static void a_realm_cannot_break_out_of_its_quotes(void **state)
{
    (void)state;
    struct buf challenge = buf_in(oauth_arena());
    problem_write_challenge(STATUS_UNSIGNED, SLICE("a\"b\\c\r\nSet-Cookie: d\0\x1F\x7F\xC3\xA9"), &challenge);
    assert_slice_equal(buf_slice(&challenge), SLICE("OAuth realm=\"a\\\"b\\\\c  Set-Cookie: d   \xC3\xA9\""));
}

int main(void)
{
    static struct CMUnitTest tests[2 * COUNT_OF(table_rows) + 4];
    size_t count = 0;
    ADD_ROWS(tests, count, table_rows, speaks_both_vocabularies);
    ADD_ROWS(tests, count, table_rows, challenges_with_one_problem);
    ADD_TEST(tests, count, the_detail_or_the_status_is_the_sentence);
    ADD_TEST(tests, count, lists_are_encoded_once_more);
    ADD_TEST(tests, count, any_time_but_none_is_said);
    ADD_TEST(tests, count, a_realm_cannot_break_out_of_its_quotes);
    return RUN_TESTS(tests, count);
}
