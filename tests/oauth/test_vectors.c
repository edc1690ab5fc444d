/* The requests of tests/vectors, judged by explain(): each line is a test of its own name.
 * README.md there says what a line holds. */
#include "base/base64.h"
#include "explain/explain.h"
#include "support/oauth.h"
#include "json/json_reader.h"

#include <stdlib.h>

struct request {
    struct slice method, url, authorization, content_type, body, body_base64;
    struct slice client_secret, token_secret, rsa_public_key;
    struct json_strings signature_methods;
    bool require_https;
    struct slice client_base_string;
    struct json_strings origins, path_prefixes;
};

static const struct json_field request_fields[] = {
    JSON_FIELD(struct request, method, JSON_STRING, true),
    JSON_FIELD(struct request, url, JSON_STRING, true),
    JSON_FIELD(struct request, authorization, JSON_STRING, false),
    JSON_FIELD(struct request, content_type, JSON_STRING, false),
    JSON_FIELD(struct request, body, JSON_STRING, false),
    JSON_FIELD(struct request, body_base64, JSON_STRING, false),
    JSON_FIELD(struct request, client_secret, JSON_STRING, false),
    JSON_FIELD(struct request, token_secret, JSON_STRING, false),
    JSON_FIELD(struct request, rsa_public_key, JSON_STRING, false),
    JSON_FIELD(struct request, signature_methods, JSON_STRINGS, false),
    JSON_FIELD(struct request, require_https, JSON_BOOL, false),
    JSON_FIELD(struct request, client_base_string, JSON_STRING, false),
    JSON_FIELD(struct request, origins, JSON_STRINGS, false),
    JSON_FIELD(struct request, path_prefixes, JSON_STRINGS, false),
    JSON_FIELDS_END,
};

struct expected {
    bool valid;
    int64_t status;
    struct slice problem, signature_base_string, normalized_parameters, base_string_uri, hint;
};

static const struct json_field expected_fields[] = {
    JSON_FIELD(struct expected, valid, JSON_BOOL, true),
    JSON_FIELD(struct expected, status, JSON_INT, true),
    JSON_FIELD(struct expected, problem, JSON_STRING, false),
    JSON_FIELD(struct expected, signature_base_string, JSON_STRING, false),
    JSON_FIELD(struct expected, normalized_parameters, JSON_STRING, false),
    JSON_FIELD(struct expected, base_string_uri, JSON_STRING, false),
    JSON_FIELD(struct expected, hint, JSON_STRING, false),
    JSON_FIELDS_END,
};

struct vector {
    struct slice name, section;
    const json_value *request, *expected;
};

static const struct json_field vector_fields[] = {
    JSON_FIELD(struct vector, name, JSON_STRING, true),
    JSON_FIELD(struct vector, section, JSON_STRING, false),
    JSON_FIELD(struct vector, request, JSON_OBJECT, true),
    JSON_FIELD(struct vector, expected, JSON_OBJECT, true),
    JSON_FIELDS_END,
};

static void decode(const json_value *object, const struct json_field *fields, void *out)
{
    const char *why = NULL;
    if (json_decode(object, fields, JSON_NULL_IS_ABSENT, "", oauth_arena(), out, NULL, &why) == STATUS_OK)
        return;
    fail_msg("%s", why);
}

static struct slice body_of(const struct request *request)
{
    if (slice_is_absent(request->body_base64))
        return request->body;
    size_t len = 0;
    char *bytes = arena_bytes(oauth_arena(), request->body_base64.len);
    assert_non_null(bytes);
    assert_true(base64_decode(request->body_base64, bytes, &len));
    return slice_of(bytes, len);
}

static struct explain_options options_of(const struct request *request)
{
    struct explain_options options = {.client_secret = request->client_secret,
                                      .token_secret = request->token_secret,
                                      .rsa_public_key = request->rsa_public_key,
                                      .allowed_methods = SIGNATURE_METHODS_ALL,
                                      .require_https = request->require_https,
                                      .client_base_string = request->client_base_string};
    options.origins = (struct slice_list){request->origins.items, request->origins.count};
    options.path_prefixes = (struct slice_list){request->path_prefixes.items, request->path_prefixes.count};
    if (request->signature_methods.items)
        options.allowed_methods = 0;
    for (size_t i = 0; i < request->signature_methods.count; i++) {
        const struct signature_method *method = signature_method_find(request->signature_methods.items[i]);
        assert_non_null(method);
        options.allowed_methods |= method->bit;
    }
    return options;
}

static void assert_as_expected(struct slice actual, struct slice expected)
{
    if (!slice_is_absent(expected))
        assert_slice_equal(actual, expected);
}

static void judges_the_vector(void **state)
{
    const struct slice *line = *state;
    const json_value *object = NULL;
    const char *why = NULL;
    struct vector vector = {0};
    struct request request = {0};
    struct expected expected = {0};
    assert_status(json_read(*line, oauth_arena(), &object, &why), STATUS_OK);
    decode(object, vector_fields, &vector);
    decode(vector.request, request_fields, &request);
    decode(vector.expected, expected_fields, &expected);
    struct described_request described = {request.method, request.url, request.authorization, request.content_type,
                                          body_of(&request)};
    struct explain_options options = options_of(&request);
    struct explanation explanation = oauth_explain(&described, &options);
    assert_as_expected(explanation.base_string_uri, expected.base_string_uri);
    assert_as_expected(explanation.normalized_parameters, expected.normalized_parameters);
    assert_as_expected(explanation.base_string, expected.signature_base_string);
    assert_int_equal(explanation.status == STATUS_OK, expected.valid);
    assert_int_equal(status_http(explanation.status), expected.status);
    assert_slice_equal(slice_str(status_problem(explanation.status)), expected.problem);
    if (!slice_is_absent(expected.hint))
        assert_true(explanation.hint_count > 0 && slice_starts_with(explanation.hints[0], expected.hint));
}

/* The lines of a file as tests; the name is the line's own. */
static size_t add_file(struct CMUnitTest *tests, size_t most, const char *file)
{
    bool more = true;
    size_t count = 0;
    struct slice rest = oauth_file(file);
    while (more) {
        struct slice *line = arena_alloc(oauth_arena(), sizeof *line);
        assert_non_null(line);
        *line = slice_cut(&rest, '\n', &more);
        if (line->len == 0)
            continue;
        assert_true(count < most);
        size_t from = sizeof "{\"name\": \"" - 1;
        struct slice name = slice_sub(*line, from, line->len);
        name.len = slice_find(name, '"');
        tests[count++] = (struct CMUnitTest){
            .name = arena_string(oauth_arena(), name), .test_func = judges_the_vector, .initial_state = line};
    }
    return count;
}

int main(void)
{
    static struct CMUnitTest tests[2000];
    size_t count = 0;
    if (oauth_setup(NULL) != 0)
        return 1;
    count += add_file(tests, COUNT_OF(tests), "vectors/signatures.jsonl");
    count += add_file(tests + count, COUNT_OF(tests) - count, "vectors/cases.jsonl");
    return _cmocka_run_group_tests("vectors", tests, count, NULL, oauth_teardown);
}
