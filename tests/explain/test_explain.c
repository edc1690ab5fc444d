/* The verdict, the comparison with the client's own base string, and memory that does not suffice. */
#include "explain/explain.h"
#include "explain/explain_bench.h"

/* ---- the verdict ---- */

static const struct verdict_row {
    const char *name;
    const char *url, *header, *content_type, *body;
    enum status status;
    const char *detail; /* NULL: the status' own */
} verdict_rows[] = {
    {"a_request_without_oauth_is_unsigned", URL, NULL, NULL, NULL, STATUS_UNSIGNED, NULL},
    {"a_malformed_header_is_refused", URL, "OAuth a=1", NULL, NULL, STATUS_MALFORMED,
     "the Authorization header is not a list of name=\"value\" pairs"},
    {"a_duplicate_is_refused", URL, HEADER ", oauth_nonce=\"n\"", NULL, NULL, STATUS_DUPLICATED_PARAMETER, NULL},
    {"a_missing_signature_is_refused", URL, HEADER, NULL, NULL, STATUS_PARAMETER_ABSENT, NULL},
    {"an_unknown_method_is_refused", URL, "OAuth oauth_signature=\"x\", " REST("HMAC-MD5"), NULL, NULL,
     STATUS_METHOD_REJECTED, "there is no such signature method"},
    {"an_empty_method_is_refused", URL, "OAuth oauth_signature=\"x\", " REST(""), NULL, NULL, STATUS_METHOD_REJECTED,
     "there is no such signature method"},
    {"rsa_without_a_key_is_refused", URL, "OAuth oauth_signature=\"x\", " REST("RSA-SHA1"), NULL, NULL,
     STATUS_METHOD_REJECTED, "the client has no RSA public key"},
    {"a_bad_timestamp_is_refused", URL,
     "OAuth oauth_signature=\"x\", oauth_consumer_key=\"k\", oauth_nonce=\"n\", oauth_timestamp=\"now\", "
     "oauth_signature_method=\"HMAC-SHA1\"",
     NULL, NULL, STATUS_TIMESTAMP_MALFORMED, NULL},
    {"a_bad_timestamp_is_refused_for_plaintext_too", URL,
     "OAuth oauth_signature=\"x\", oauth_consumer_key=\"k\", oauth_timestamp=\"0\", "
     "oauth_signature_method=\"PLAINTEXT\"",
     NULL, NULL, STATUS_TIMESTAMP_MALFORMED, NULL},
    {"a_wrong_version_is_refused", URL, HEADER ", oauth_signature=\"x\", oauth_version=\"2.0\"", NULL, NULL,
     STATUS_VERSION_REJECTED, NULL},
    {"a_form_without_its_body_is_refused", URL, HEADER, FORM, NULL, STATUS_BODY_ABSENT, NULL},
    {"a_body_hash_with_a_form_is_refused", URL, HEADER ", oauth_signature=\"x\", oauth_body_hash=\"x\"", FORM, "a=1",
     STATUS_BODY_HASH_FORBIDDEN, NULL},
    {"an_empty_signature_is_wrong", URL, HEADER ", oauth_signature=\"\"", NULL, NULL, STATUS_SIGNATURE_INVALID, NULL},
    {"a_wrong_signature_is_refused", URL, HEADER ", oauth_signature=\"x\"", NULL, NULL, STATUS_SIGNATURE_INVALID, NULL},
};

static void gives_the_verdict(void **state)
{
    const struct verdict_row *row = *state;
    struct described_request request = oauth_request("GET", row->url, row->header, row->content_type, row->body);
    struct explain_options options = oauth_options("c", "t");
    struct explanation explanation = oauth_explain(&request, &options);
    assert_status(explanation.status, row->status);
    assert_status(explanation.problem.status, row->status);
    assert_string_equal(problem_text(&explanation.problem), row->detail ? row->detail : status_text(row->status));
    /* what can be computed is shown, also of a refused request */
    assert_slice_equal(explanation.base_string_uri, SLICE(URL));
    assert_int_equal(slice_is_absent(explanation.base_string), !explanation.parsed);
    assert_int_equal(slice_is_absent(explanation.normalized_parameters), !explanation.parsed);
}

static void shows_nothing_of_a_broken_url(void **state)
{
    (void)state;
    struct described_request request = oauth_request("GET", "/photos", HEADER, NULL, NULL);
    struct explain_options options = oauth_options("c", "t");
    struct explanation explanation = oauth_explain(&request, &options);
    assert_status(explanation.status, STATUS_MALFORMED);
    assert_true(slice_is_absent(explanation.base_string_uri));
}

/* RFC 5849 §3.4.4: "It MUST be used with a transport-layer mechanism such as TLS"; offline that is asked. */
static void plain_http_is_refused_where_https_is_required(void **state)
{
    (void)state;
    struct explain_options options = oauth_options("c", "t");
    struct described_request request = oauth_request("GET", "http://h/", "OAuth " REST("PLAINTEXT"), NULL, NULL);
    request = oauth_sign(&request, &options, SLICE_ABSENT);
    assert_status(oauth_explain(&request, &options).status, STATUS_OK);
    options.require_https = true;
    assert_status(oauth_explain(&request, &options).status, STATUS_INSECURE_TRANSPORT);
    request.url = SLICE("https://h/");
    assert_status(oauth_explain(&request, &options).status, STATUS_OK);
}

static void a_method_that_is_not_allowed_is_refused(void **state)
{
    (void)state;
    struct explain_options options = oauth_options("c", "t");
    struct described_request request = oauth_request("GET", URL, HEADER, NULL, NULL);
    request = oauth_sign(&request, &options, SLICE_ABSENT);
    assert_status(oauth_explain(&request, &options).status, STATUS_OK);
    options.allowed_methods = SIGNATURE_METHODS_ALL & ~signature_method_find(SLICE("HMAC-SHA1"))->bit;
    struct explanation explanation = oauth_explain(&request, &options);
    assert_status(explanation.status, STATUS_METHOD_REJECTED);
    assert_string_equal(problem_text(&explanation.problem), "this signature method is not allowed here");
}

/* A client with an RSA key never verifies by HMAC over that key's text, nor by PLAINTEXT. */
static void an_rsa_client_has_no_shared_secret(void **state)
{
    (void)state;
    static const char *const headers[] = {HEADER, "OAuth " REST("PLAINTEXT")};
    struct slice pem = oauth_file("vectors/rsa_2048_certificate.pem");
    for (size_t i = 0; i < COUNT_OF(headers); i++) {
        struct explain_options forger = oauth_options(NULL, NULL);
        struct explain_options options = oauth_options(NULL, NULL);
        options.rsa_public_key = pem;
        for (int with_pem = 0; with_pem < 2; with_pem++) {
            forger.client_secret = with_pem ? pem : SLICE_ABSENT;
            struct described_request request = oauth_request("GET", URL, headers[i], NULL, NULL);
            request = oauth_sign(&request, &forger, SLICE_ABSENT);
            struct explanation explanation = oauth_explain(&request, &options);
            assert_status(explanation.status, STATUS_METHOD_REJECTED);
            assert_string_equal(problem_text(&explanation.problem), "the client has an RSA key and no secret");
        }
    }
}

static void every_method_verifies(void **state)
{
    (void)state;
    static const char *const headers[] = {
        "OAuth " REST("HMAC-SHA1"), "OAuth " REST("HMAC-SHA256"), "OAuth " REST("HMAC-SHA512"),
        "OAuth " REST("RSA-SHA1"),  "OAuth " REST("RSA-SHA256"),  "OAuth " REST("RSA-SHA512"),
        "OAuth " REST("PLAINTEXT"),
    };
    for (size_t i = 0; i < COUNT_OF(headers); i++) {
        struct explain_options options = oauth_options(CLIENT_SECRET, TOKEN_SECRET);
        options.rsa_public_key = oauth_file("vectors/rsa_2048_certificate.pem");
        struct described_request request = oauth_request("POST", URL "?a=%20", headers[i], FORM, "b=1+2");
        request = oauth_sign(&request, &options, oauth_file("vectors/rsa_2048.pem"));
        struct explanation explanation = oauth_explain(&request, &options);
        assert_status(explanation.status, STATUS_OK);
        assert_int_equal(explanation.hint_count, 0);
        assert_false(slice_is_absent(explanation.base_string));
    }
}

/* §3.4.2: the secrets may be empty; the '&' is there. Absent ones are empty. */
static void empty_secrets_verify(void **state)
{
    (void)state;
    static const char *const secrets[][2] = {{"", ""}, {"c", ""}, {"", "t"}, {NULL, NULL}, {"c", NULL}};
    for (size_t i = 0; i < COUNT_OF(secrets); i++) {
        struct explain_options options = oauth_options(secrets[i][0], secrets[i][1]);
        struct described_request request = oauth_request("GET", URL, HEADER, NULL, NULL);
        request = oauth_sign(&request, &options, SLICE_ABSENT);
        assert_status(oauth_explain(&request, &options).status, STATUS_OK);
    }
}

static void the_body_hash_is_judged_after_the_signature(void **state)
{
    (void)state;
    struct explain_options options = oauth_options("c", "t");
    struct described_request request = oauth_request(
        "POST", URL, HEADER ", oauth_body_hash=\"Lve95gjOVATpfV8EL5X4nxwjKHE%3D\"", "text/plain", "Hello World!");
    request = oauth_sign(&request, &options, SLICE_ABSENT);
    options.body_hash_required = true;
    assert_status(oauth_explain(&request, &options).status, STATUS_OK);
    request.body = SLICE("Hello World?");
    assert_status(oauth_explain(&request, &options).status, STATUS_BODY_HASH_MISMATCH);
    options.client_secret = SLICE("another");
    assert_status(oauth_explain(&request, &options).status, STATUS_SIGNATURE_INVALID);
    request.body = SLICE_ABSENT;
    assert_status(oauth_explain(&request, &options).status, STATUS_BODY_HASH_ABSENT);
}

/* ---- the client's own base string ---- */

/* With the client's own base string. */
static const struct difference_row {
    const char *name;
    const char *theirs;
    const char *hint;
} difference_rows[] = {
    {"says_that_base_strings_are_equal", BASE("%2Fphotos") SIGNED_PARAMS,
     "the base strings are equal: the secrets differ, or the signature was changed on its way"},
    {"shows_a_difference_of_the_method", "POST&https%3A%2F%2Fapi.example.com%2Fphotos&" SIGNED_PARAMS,
     "the base strings differ first at byte 0, in the method: the client has \"POST&https%3A%2F%2Fapi.e\", the request "
     "gives \"GET&https%3A%2F%2Fapi.ex\""},
    {"shows_a_difference_of_the_uri", "GET&http%3A%2F%2Fapi.example.com%2Fphotos&" SIGNED_PARAMS,
     "the base strings differ first at byte 8, in the URI: the client has \"GET&http%3A%2F%2Fapi.example.com\", the "
     "request gives \"GET&https%3A%2F%2Fapi.example.co\""},
    {"shows_a_difference_of_the_parameters", BASE("%2Fphotos") "a%3D1%26" SIGNED_PARAMS,
     "the base strings differ first at byte 43, in the parameters: the client has \"pi.example.com%2Fphotos&"
     "a%3D1%26oauth_consumer_k\", the request gives \"pi.example.com%2Fphotos&oauth_consumer_key%3Dk%2\""},
    {"shows_that_the_client_s_is_shorter", BASE("%2Fphotos"),
     "the base strings differ first at byte 43, in the parameters: the client has \"pi.example.com%2Fphotos&\", the "
     "request gives \"pi.example.com%2Fphotos&oauth_consumer_key%3Dk%2\""},
    {"shows_that_the_client_s_is_longer", BASE("%2Fphotos") SIGNED_PARAMS "%26x%3D1",
     "the base strings differ first at byte 160, in the parameters: the client has "
     "\"mp%3D1%26oauth_token%3Dt%26x%3D1\", "
     "the request gives \"mp%3D1%26oauth_token%3Dt\""},
    {"shows_an_empty_one", "",
     "the base strings differ first at byte 0, in the method: the client has \"\", the "
     "request gives \"GET&https%3A%2F%2Fapi.ex\""},
};

static void compares_base_strings(void **state)
{
    const struct difference_row *row = *state;
    struct signed_otherwise wrong = {.method = "GET", .url = URL, .header = HEADER, .signed_key = "wrong&"};
    struct described_request request = explain_bench_request(&wrong);
    struct explain_options options = explain_bench_options();
    options.client_base_string = slice_str(row->theirs);
    struct explanation explanation = oauth_explain(&request, &options);
    assert_int_equal(explanation.hint_count, 2);
    assert_slice_equal(explanation.hints[0], slice_str(row->hint));
    assert_true(slice_starts_with(explanation.hints[1], SLICE("nothing that was tried would match")));
    assert_true(slice_find_slice(explanation.hints[1], SLICE("most likely")) == explanation.hints[1].len);
    assert_discreet(&explanation);
}

static bool ends_with(struct slice text, const char *end)
{
    struct slice tail = slice_str(end);
    return text.len >= tail.len && slice_eq(slice_sub(text, text.len - tail.len, text.len), tail);
}

/* What the difference means for the secrets is found out by the client's own base string. */
static void says_whether_the_secrets_are_right_where_the_base_strings_differ(void **state)
{
    (void)state;
    static const char theirs[] = BASE("%2Felsewhere") SIGNED_PARAMS;
    static const struct {
        const char *key;
        const char *end;
    } keys[] = {
        {"cs-canary-7f3a&ts-canary%2B91bd%2F", "): the secrets are right, since the signature fits the client's own "
                                               "base string; what differs above is all that "
                                               "is wrong"},
        {"wrong&",
         "): nor does the signature fit the client's own base string, so that a secret differs as well, or this "
         "is not the string that it signed"},
    };
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        const struct signed_otherwise row = {
            .method = "GET", .url = URL, .header = HEADER, .signed_base_string = theirs, .signed_key = keys[i].key};
        struct described_request request = explain_bench_request(&row);
        struct explain_options options = explain_bench_options();
        options.client_base_string = slice_str(theirs);
        struct explanation explanation = oauth_explain(&request, &options);
        assert_int_equal(explanation.hint_count, 2);
        assert_true(ends_with(explanation.hints[1], keys[i].end));
        assert_discreet(&explanation);
    }
}

/* ---- memory ---- */

/* With much to try, so that there are no tries left for the last; with little, and each spelling of the signature; with
 * the hash of another body. */
static size_t requests_with_hints(struct described_request *ret_requests)
{
    static const char *const signatures[] = {"%41", "4142", "NDE0Mg==", "A-_", "QQ=="};
    struct signed_otherwise row = {.method = "POST",
                                   .url = URL "?x=%20&y=%2F",
                                   .header = "OAuth realm=\"r\", oauth_callback=\"a%2Fb\", " REST("HMAC-SHA1"),
                                   .content_type = FORM,
                                   .body = "a=1&a=0",
                                   .signed_key = "wrong&"};
    size_t count = 0;
    ret_requests[count++] = explain_bench_request(&row);
    for (size_t i = 0; i < COUNT_OF(signatures); i++) {
        struct described_request request =
            oauth_request("GET", "https://api.example.com/?a=!&a=~", HEADER ", oauth_version=\"1.0\"", NULL, NULL);
        request.authorization =
            oauth_with_parameter(request.authorization, "oauth_signature", slice_str(signatures[i]));
        ret_requests[count++] = request;
    }
    struct explain_options options = oauth_options("c", "t");
    struct described_request hashed =
        oauth_request("POST", URL, HEADER ", oauth_body_hash=\"x\"", "text/plain", "Hello World!");
    ret_requests[count++] = oauth_sign(&hashed, &options, SLICE_ABSENT);
    return count;
}

/* Explained with one of the arenas full at `limit` bytes: an error of the machine or an answer, and never a valid one.
 */
static bool fails_with(const struct described_request *request, bool hashed, size_t limit, bool scratch_is_small)
{
    struct arena small;
    struct arena large;
    struct explanation explanation = {0};
    struct explain_options options = hashed ? oauth_options("c", "t") : explain_bench_options();
    options.client_base_string = SLICE("x");
    arena_init(&small, limit);
    arena_init(&large, 1 << 20);
    enum status status = explain(request, &options, oauth_signer(), scratch_is_small ? &large : &small,
                                 scratch_is_small ? &small : &large, &explanation);
    if (status == STATUS_OK)
        assert_status(explanation.status, hashed ? STATUS_BODY_HASH_MISMATCH : STATUS_SIGNATURE_INVALID);
    else
        assert_status(status, STATUS_NO_MEMORY);
    arena_done(&small);
    arena_done(&large);
    return status == STATUS_NO_MEMORY;
}

static void full_arenas_are_reported(void **state)
{
    (void)state;
    struct described_request requests[8];
    size_t count = requests_with_hints(requests);
    unsigned failures = 0;
    for (size_t i = 0; i < count; i++)
        for (size_t limit = 0; limit < 12000; limit += i ? 41 : 7)
            for (int scratch_is_small = 0; scratch_is_small < 2; scratch_is_small++)
                failures += fails_with(&requests[i], i + 1 == count, limit, scratch_is_small);
    assert_true(failures > 100);
}

int main(void)
{
    static struct CMUnitTest tests[COUNT_OF(difference_rows) + COUNT_OF(verdict_rows) + 9];
    size_t count = 0;
    ADD_ROWS(tests, count, verdict_rows, gives_the_verdict);
    ADD_TEST(tests, count, shows_nothing_of_a_broken_url);
    ADD_TEST(tests, count, plain_http_is_refused_where_https_is_required);
    ADD_TEST(tests, count, a_method_that_is_not_allowed_is_refused);
    ADD_TEST(tests, count, an_rsa_client_has_no_shared_secret);
    ADD_TEST(tests, count, every_method_verifies);
    ADD_TEST(tests, count, empty_secrets_verify);
    ADD_TEST(tests, count, the_body_hash_is_judged_after_the_signature);
    ADD_ROWS(tests, count, difference_rows, compares_base_strings);
    ADD_TEST(tests, count, says_whether_the_secrets_are_right_where_the_base_strings_differ);
    ADD_TEST(tests, count, full_arenas_are_reported);
    return RUN_TESTS(tests, count);
}
