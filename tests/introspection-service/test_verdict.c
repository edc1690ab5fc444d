#include "verdict.h"

#include "support/test.h"

struct scene {
    struct config config;
    struct client client;
    struct token token;
    struct check check;
};

/* A good three-legged request. */
static struct scene scene_new(void)
{
    struct scene s = {
        .config = {.public_url = {.text = SLICE("https://auth.example")}, .realm = SLICE("api")},
        .client = {.client_id = SLICE("c"), .allowed_scopes = SLICE("a b")},
        .token = {.subject = SLICE("42"), .username = SLICE("jane"), .scopes = SLICE("a"), .jti = SLICE("tok_1")},
        .check = {.legs = 3, .timestamp_s = 1700000000},
    };
    s.token.created_ms = 1690000000999;
    s.check.message.signature_method = signature_method_find(SLICE("HMAC-SHA256"));
    return s;
}

static void assert_explains(struct scene *s, const struct explanation *explanation, const char *expected)
{
    struct buf json = BUF_INIT;
    struct json_writer w = json_writer(&json);
    s->check.client = &s->client;
    s->check.token = s->check.legs == 3 ? &s->token : NULL;
    verdict_write(&s->check, &s->config, explanation, &w);
    assert_slice_equal(buf_slice(&json), slice_str(expected));
    buf_done(&json);
}

static void assert_writes(struct scene *s, const char *expected)
{
    assert_explains(s, NULL, expected);
}

static void writes_a_good_request_in_the_names_of_rfc_7662(void **state)
{
    (void)state;
    struct scene s = scene_new();
    assert_writes(&s, "{\"active\":true,\"client_id\":\"c\",\"sub\":\"42\",\"username\":\"jane\",\"scope\":\"a\","
                      "\"token_type\":\"oauth1\",\"iat\":1690000000,\"iss\":\"https://auth.example\",\"jti\":\"tok_1\","
                      "\"oauth1\":{\"legs\":3,\"signature_method\":\"HMAC-SHA256\",\"timestamp\":1700000000}}");
    s.token.expires_ms = 1800000000001;
    s.check.message.realm = SLICE("Photos");
    s.check.body_hash = BODY_HASH_UNCHECKED;
    s.check.timestamp_s = 0; /* PLAINTEXT without one */
    assert_writes(&s, "{\"active\":true,\"client_id\":\"c\",\"sub\":\"42\",\"username\":\"jane\",\"scope\":\"a\","
                      "\"token_type\":\"oauth1\",\"iat\":1690000000,\"exp\":1800000000,"
                      "\"iss\":\"https://auth.example\",\"jti\":\"tok_1\",\"oauth1\":{\"legs\":3,"
                      "\"signature_method\":\"HMAC-SHA256\",\"realm\":\"Photos\",\"body_hash\":\"unchecked\"}}");
}

static void names_no_user_and_no_token_where_there_is_none(void **state)
{
    (void)state;
    struct scene s = scene_new();
    s.check.legs = 2;
    s.check.body_hash = BODY_HASH_VERIFIED;
    assert_writes(&s, "{\"active\":true,\"client_id\":\"c\",\"scope\":\"a b\",\"token_type\":\"oauth1\","
                      "\"iss\":\"https://auth.example\",\"oauth1\":{\"legs\":2,\"signature_method\":\"HMAC-SHA256\","
                      "\"timestamp\":1700000000,\"body_hash\":\"verified\"}}");
}

static void tells_what_to_answer_to_a_refused_request(void **state)
{
    (void)state;
    struct scene s = scene_new();
    s.check.problem = (struct problem){
        .status = STATUS_PARAMETER_ABSENT, .absent = SLICE("oauth_nonce&oauth_timestamp"), .rejected = SLICE("a&b")};
    assert_writes(&s, "{\"active\":false,\"problem\":{\"code\":\"parameter_absent\",\"status\":400,"
                      "\"www_authenticate\":\"OAuth realm=\\\"api\\\", oauth_problem=\\\"parameter_absent\\\"\","
                      "\"description\":\"a required parameter is missing\","
                      "\"parameters_absent\":\"oauth_nonce oauth_timestamp\",\"parameters_rejected\":\"a b\"}}");
    s.check.problem = (struct problem){
        .status = STATUS_TIMESTAMP_REFUSED, .detail = "late", .acceptable_from_s = 7, .acceptable_to_s = 9};
    assert_writes(&s, "{\"active\":false,\"problem\":{\"code\":\"timestamp_refused\",\"status\":401,"
                      "\"www_authenticate\":\"OAuth realm=\\\"api\\\", oauth_problem=\\\"timestamp_refused\\\"\","
                      "\"description\":\"late\",\"acceptable_timestamps\":{\"from\":7,\"to\":9}}}");
}

/* Of one request of a batch: no challenge, since nobody said that the client is wrong. */
static void a_store_that_is_down_is_503_and_no_refusal(void **state)
{
    (void)state;
    struct scene s = scene_new();
    s.check.problem.status = STATUS_STORE_DOWN;
    assert_writes(&s, "{\"active\":false,\"problem\":{\"code\":\"temporarily_unavailable\",\"status\":503,"
                      "\"description\":\"a store does not answer\"}}");
}

static void writes_the_earliest_times_that_there_are(void **state)
{
    (void)state;
    struct scene s = scene_new();
    s.check.legs = 2;
    s.check.timestamp_s = 1;
    assert_writes(&s, "{\"active\":true,\"client_id\":\"c\",\"scope\":\"a b\",\"token_type\":\"oauth1\","
                      "\"iss\":\"https://auth.example\",\"oauth1\":{\"legs\":2,\"signature_method\":\"HMAC-SHA256\","
                      "\"timestamp\":1}}");
    s.check.problem = (struct problem){.status = STATUS_TIMESTAMP_REFUSED, .detail = "late", .acceptable_to_s = 1};
    assert_writes(&s, "{\"active\":false,\"problem\":{\"code\":\"timestamp_refused\",\"status\":401,"
                      "\"www_authenticate\":\"OAuth realm=\\\"api\\\", oauth_problem=\\\"timestamp_refused\\\"\","
                      "\"description\":\"late\",\"acceptable_timestamps\":{\"from\":0,\"to\":1}}}");
}

/* Names come from whoever asks, of any length; nothing is read or written beyond the room for them. */
static void cuts_names_that_are_too_long(void **state)
{
    (void)state;
    struct scene s = scene_new();
    char names[2000];
    struct buf json = BUF_INIT;
    struct json_writer w = json_writer(&json);
    memset(names, '&', sizeof names);
    memset(names, 'n', 300);
    s.check.problem = (struct problem){.status = STATUS_MALFORMED, .rejected = slice_of(names, sizeof names)};
    verdict_write(&s.check, &s.config, NULL, &w);
    static const struct slice begin = SLICE_INIT("\"parameters_rejected\":\"");
    struct slice text = buf_slice(&json);
    struct slice told = slice_sub(text, slice_find_slice(text, begin) + begin.len, text.len);
    told = slice_sub(told, 0, slice_find(told, '"'));
    assert_in_range(told.len, 301, 1000);
    assert_slice_equal(slice_sub(told, 0, 300), slice_of(names, 300));
    for (size_t i = 300; i < told.len; i++)
        assert_int_equal(told.ptr[i], ' ');
    buf_done(&json);
}

static void a_fault_of_its_own_is_503_too(void **state)
{
    (void)state;
    struct scene s = scene_new();
    s.check.problem.status = STATUS_INTERNAL;
    assert_writes(&s, "{\"active\":false,\"problem\":{\"code\":\"server_error\",\"status\":503,"
                      "\"description\":\"an internal error\"}}");
}

static void explains_behind_the_verdict(void **state)
{
    (void)state;
    struct scene s = scene_new();
    struct oauth_param rows[] = {
        {.name = SLICE("oauth_nonce"), .value = SLICE("n"), .source = PARAM_FROM_HEADER, .is_signed = true},
        {.name = SLICE("oauth_signature"), .value = SLICE("s"), .source = PARAM_FROM_HEADER},
        {.name = SLICE("q"), .value = SLICE("1"), .source = PARAM_FROM_QUERY, .is_signed = true},
        {.name = SLICE("b"), .value = SLICE("2"), .source = PARAM_FROM_BODY, .is_signed = true},
    };
    struct explanation *explanation = test_calloc(1, sizeof *explanation);
    explanation->base_string = SLICE("GET&u&p");
    explanation->normalized_parameters = SLICE("p");
    explanation->base_string_uri = SLICE("u");
    explanation->parsed = true;
    explanation->message.params = (struct oauth_params){.rows = rows, .count = COUNT_OF(rows)};
    explanation->hints[0] = SLICE("one");
    explanation->hints[1] = SLICE("two");
    explanation->hint_count = 2;
    s.check.problem.status = STATUS_STORE_DOWN;
#define DOWN                                                                                              \
    "{\"active\":false,\"problem\":{\"code\":\"temporarily_unavailable\",\"status\":503,\"description\":" \
    "\"a store does not answer\"},\"explain\":{"
    assert_explains(&s, explanation,
                    DOWN "\"signature_base_string\":\"GET&u&p\",\"normalized_parameters\":\"p\","
                         "\"base_string_uri\":\"u\",\"parameters\":["
                         "{\"name\":\"oauth_nonce\",\"value\":\"n\",\"source\":\"header\"},"
                         "{\"name\":\"q\",\"value\":\"1\",\"source\":\"query\"},"
                         "{\"name\":\"b\",\"value\":\"2\",\"source\":\"body\"}],\"hints\":[\"one\",\"two\"]}}");
    *explanation = (struct explanation){0};
    assert_explains(&s, explanation, DOWN "\"hints\":[]}}");
#undef DOWN
    test_free(explanation);
}

static void counts_each_status_under_its_label(void **state)
{
    (void)state;
    static const struct {
        enum status status;
        enum verdict_result result;
    } rows[] = {
        {STATUS_OK, VERDICT_ACTIVE},
        {STATUS_SIGNATURE_INVALID, VERDICT_SIGNATURE_INVALID},
        {STATUS_BODY_HASH_MISMATCH, VERDICT_SIGNATURE_INVALID},
        {STATUS_NONCE_USED, VERDICT_NONCE_USED},
        {STATUS_TIMESTAMP_REFUSED, VERDICT_TIMESTAMP_REFUSED},
        {STATUS_CLIENT_UNKNOWN, VERDICT_CLIENT_REFUSED},
        {STATUS_CLIENT_DISABLED, VERDICT_CLIENT_REFUSED},
        {STATUS_TOKEN_REJECTED, VERDICT_TOKEN_REFUSED},
        {STATUS_TOKEN_REVOKED, VERDICT_TOKEN_REFUSED},
        {STATUS_TOKEN_EXPIRED, VERDICT_TOKEN_REFUSED},
        {STATUS_SCOPE_INSUFFICIENT, VERDICT_SCOPE_INSUFFICIENT},
        {STATUS_MALFORMED, VERDICT_MALFORMED},
        {STATUS_UNSIGNED, VERDICT_MALFORMED},
        {STATUS_STORE_DOWN, VERDICT_UNAVAILABLE},
        {STATUS_NO_MEMORY, VERDICT_UNAVAILABLE},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_int_equal(verdict_result_of(rows[i].status), rows[i].result);
}

static void names_what_became_of_the_body_hash(void **state)
{
    (void)state;
    assert_null(verdict_body_hash(BODY_HASH_NONE));
    assert_string_equal(verdict_body_hash(BODY_HASH_VERIFIED), "verified");
    assert_string_equal(verdict_body_hash(BODY_HASH_UNCHECKED), "unchecked");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_a_good_request_in_the_names_of_rfc_7662),
        cmocka_unit_test(names_no_user_and_no_token_where_there_is_none),
        cmocka_unit_test(tells_what_to_answer_to_a_refused_request),
        cmocka_unit_test(a_store_that_is_down_is_503_and_no_refusal),
        cmocka_unit_test(writes_the_earliest_times_that_there_are),
        cmocka_unit_test(cuts_names_that_are_too_long),
        cmocka_unit_test(a_fault_of_its_own_is_503_too),
        cmocka_unit_test(explains_behind_the_verdict),
        cmocka_unit_test(counts_each_status_under_its_label),
        cmocka_unit_test(names_what_became_of_the_body_hash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
