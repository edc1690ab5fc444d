#include "cli/signing.h"

#include "explain/explain.h"
#include "support/test.h"

#include <stdlib.h>

/* What is signed here is judged by explain, which knows nothing of it. */
enum { NOW_S = 1790000000 };

struct fixture {
    struct arena arena, scratch;
    struct signer signer;
    struct signing signing;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    arena_init(&f->arena, 1 << 22);
    arena_init(&f->scratch, 1 << 22);
    assert_status(signer_init(&f->signer, 0), STATUS_OK);
    f->signing = (struct signing){
        .method = SLICE("POST"),
        .url = SLICE("https://api.example/photos?size=a%20b&c2"),
        .content_type = SLICE("application/x-www-form-urlencoded"),
        .body = SLICE("z=1&a=2+q"),
        .client_id = SLICE("client/ü"),
        .client_secret = SLICE("client&secret"),
        .token = SLICE("token"),
        .token_secret = SLICE("token secret"),
        .signature_method = SLICE("HMAC-SHA256"),
    };
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    signer_done(&f->signer);
    arena_done(&f->scratch);
    arena_done(&f->arena);
    free(f);
    return 0;
}

static struct signed_request sign(struct fixture *f)
{
    struct signed_request made = {0};
    struct problem problem = {0};
    assert_status(signing_sign(&f->signing, NOW_S, &f->arena, &made, &problem), STATUS_OK);
    return made;
}

static struct explanation judge(struct fixture *f, const struct signed_request *made, struct slice rsa_public_key)
{
    struct explanation explanation = {0};
    const struct described_request request = {f->signing.method, made->url, made->authorization, made->content_type,
                                              made->body};
    const struct explain_options options = {
        .client_secret = f->signing.client_secret,
        .token_secret = f->signing.token_secret,
        .rsa_public_key = rsa_public_key,
        .allowed_methods = SIGNATURE_METHODS_ALL,
    };
    assert_status(explain(&request, &options, &f->signer, &f->arena, &f->scratch, &explanation), STATUS_OK);
    return explanation;
}

static void signs_by_every_method_with_a_shared_secret(void **state)
{
    static const char *const methods[] = {"HMAC-SHA1", "HMAC-SHA256", "HMAC-SHA512", "PLAINTEXT"};
    struct fixture *f = *state;
    for (size_t i = 0; i < COUNT_OF(methods); i++) {
        f->signing.signature_method = slice_str(methods[i]);
        struct signed_request made = sign(f);
        struct explanation verdict = judge(f, &made, SLICE_ABSENT);
        assert_status(verdict.status, STATUS_OK);
        assert_slice_equal(verdict.base_string, made.base_string);
    }
}

static void puts_the_parameters_where_it_is_told(void **state)
{
    struct fixture *f = *state;
    const struct {
        enum signing_place place;
        bool header, url, body;
    } rows[] = {
        {SIGN_IN_HEADER, true, false, false}, {SIGN_IN_QUERY, false, true, false}, {SIGN_IN_BODY, false, false, true}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        f->signing.place = rows[i].place;
        struct signed_request made = sign(f);
        assert_int_equal(!slice_is_absent(made.authorization), rows[i].header);
        assert_int_equal(!slice_eq(made.url, f->signing.url), rows[i].url);
        assert_int_equal(!slice_eq(made.body, f->signing.body), rows[i].body);
        assert_status(judge(f, &made, SLICE_ABSENT).status, STATUS_OK);
    }
}

static void makes_a_form_body_where_there_is_none(void **state)
{
    struct fixture *f = *state;
    f->signing.place = SIGN_IN_BODY;
    f->signing.content_type = f->signing.body = SLICE_ABSENT;
    struct signed_request made = sign(f);
    assert_slice_equal(made.content_type, SLICE("application/x-www-form-urlencoded"));
    assert_true(slice_starts_with(made.body, SLICE("oauth_consumer_key=client%2F%C3%BC&")));
    assert_status(judge(f, &made, SLICE_ABSENT).status, STATUS_OK);
}

static void refuses_parameters_in_a_body_that_is_no_form(void **state)
{
    struct fixture *f = *state;
    struct signed_request made = {0};
    struct problem problem = {0};
    f->signing.place = SIGN_IN_BODY;
    f->signing.content_type = SLICE("application/json");
    assert_status(signing_sign(&f->signing, NOW_S, &f->arena, &made, &problem), STATUS_BAD_INPUT);
}

static void takes_nonce_timestamp_realm_and_further_parameters(void **state)
{
    struct fixture *f = *state;
    const struct signing_pair more[] = {{SLICE("oauth_callback"), SLICE("https://a.example/?b=c")},
                                        {SLICE("scope"), SLICE_ABSENT}};
    f->signing.nonce = SLICE("n o");
    f->signing.timestamp_s = 137131200;
    f->signing.realm = SLICE("Pho\"tos, all");
    f->signing.more = more;
    f->signing.more_count = COUNT_OF(more);
    struct signed_request made = sign(f);
    assert_true(slice_starts_with(
        made.authorization,
        SLICE("OAuth realm=\"Pho\\\"tos, all\", oauth_consumer_key=\"client%2F%C3%BC\", oauth_token=\"token\", "
              "oauth_signature_method=\"HMAC-SHA256\", oauth_timestamp=\"137131200\", oauth_nonce=\"n%20o\", "
              "oauth_version=\"1.0\", oauth_callback=\"https%3A%2F%2Fa.example%2F%3Fb%3Dc\", oauth_signature=\"")));
    assert_status(judge(f, &made, SLICE_ABSENT).status, STATUS_OK);
}

static void leaves_the_token_out_where_there_is_none(void **state)
{
    struct fixture *f = *state;
    f->signing.token = f->signing.token_secret = SLICE_ABSENT;
    struct signed_request made = sign(f);
    assert_int_equal(slice_find_slice(made.authorization, SLICE("oauth_token")), made.authorization.len);
    assert_status(judge(f, &made, SLICE_ABSENT).status, STATUS_OK);
}

static void adds_the_hash_of_a_body_that_is_no_form(void **state)
{
    struct fixture *f = *state;
    f->signing.content_type = SLICE("application/json");
    f->signing.body = SLICE("{\"a\": 1}");
    f->signing.body_hash = true;
    struct signed_request made = sign(f);
    assert_status(judge(f, &made, SLICE_ABSENT).status, STATUS_OK);
    made.body = SLICE("{\"a\": 2}");
    assert_status(judge(f, &made, SLICE_ABSENT).status, STATUS_BODY_HASH_MISMATCH);
}

static void draws_a_new_nonce_each_time(void **state)
{
    struct fixture *f = *state;
    struct signed_request first = sign(f);
    struct signed_request second = sign(f);
    assert_false(slice_eq(first.authorization, second.authorization));
}

static void refuses_what_cannot_be_signed(void **state)
{
    struct fixture *f = *state;
    const struct {
        const char *url, *method, *signature_method;
        enum status expected;
    } rows[] = {
        {"ftp://a.example/", "GET", "HMAC-SHA1", STATUS_MALFORMED},
        {"/photos", "GET", "HMAC-SHA1", STATUS_MALFORMED},
        {"https://a.example/%zz?%zz", "GET", "HMAC-SHA1", STATUS_MALFORMED},
        {"https://a.example/", "G ET", "HMAC-SHA1", STATUS_MALFORMED},
        {"https://a.example/", "GET", "hmac-sha1", STATUS_METHOD_REJECTED},
        {"https://a.example/", "GET", "RSA-SHA256", STATUS_BAD_INPUT}, /* no key */
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct signed_request made = {0};
        struct problem problem = {0};
        f->signing.url = slice_str(rows[i].url);
        f->signing.method = slice_str(rows[i].method);
        f->signing.signature_method = slice_str(rows[i].signature_method);
        assert_status(signing_sign(&f->signing, NOW_S, &f->arena, &made, &problem), rows[i].expected);
    }
}

/* ---- faults ---- */

static void break_on_purpose(struct fixture *f, const char *name, enum status expected, const char *hint)
{
    const struct signing_pair callback = {SLICE("oauth_callback"), SLICE("https://a.example/cb")};
    f->signing.fault = signing_fault_find(slice_str(name));
    f->signing.more = &callback;
    f->signing.more_count = 1;
    assert_non_null(f->signing.fault);
    struct signed_request made = sign(f);
    struct explanation verdict = judge(f, &made, SLICE_ABSENT);
    assert_status(verdict.status, expected);
    bool found = hint == NULL;
    for (size_t i = 0; i < verdict.hint_count && !found; i++)
        found = slice_find_slice(verdict.hints[i], slice_str(hint)) < verdict.hints[i].len;
    if (!found)
        fail_msg("no hint for %s", name);
}

static void breaks_what_it_is_told_so_that_explain_sees_it(void **state)
{
    static const struct {
        const char *name;
        enum status expected;
        const char *hint;
    } rows[] = {
        {"scheme", STATUS_SIGNATURE_INVALID, "with scheme http"},
        {"host", STATUS_SIGNATURE_INVALID, NULL},
        {"port", STATUS_SIGNATURE_INVALID, "default port"},
        {"method", STATUS_SIGNATURE_INVALID, "with method GET"},
        {"path", STATUS_SIGNATURE_INVALID, "trailing slash"},
        {"query", STATUS_SIGNATURE_INVALID, "query left out"},
        {"body", STATUS_SIGNATURE_INVALID, "body left out"},
        {"order", STATUS_SIGNATURE_INVALID, "order sent"},
        {"encoding", STATUS_SIGNATURE_INVALID, "encoded twice"},
        {"callback", STATUS_SIGNATURE_INVALID, "oauth_callback un-encoded"},
        {"secret", STATUS_SIGNATURE_INVALID, "swapped"},
        {"token-secret", STATUS_SIGNATURE_INVALID, "token secret left out"},
        {"nonce", STATUS_SIGNATURE_INVALID, NULL},
        {"timestamp", STATUS_OK, NULL}, /* explain knows no time */
        {"signature", STATUS_SIGNATURE_INVALID, NULL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        break_on_purpose(*state, rows[i].name, rows[i].expected, rows[i].hint);
}

static void refuses_a_fault_that_the_request_cannot_have(void **state)
{
    static const char *const names[] = {"query", "body", "encoding", "callback", "secret", "token-secret"};
    struct fixture *f = *state;
    f->signing = (struct signing){.method = SLICE("GET"),
                                  .url = SLICE("http://127.0.0.1/"),
                                  .client_id = SLICE("c"),
                                  .signature_method = SLICE("HMAC-SHA1")};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct signed_request made = {0};
        struct problem problem = {0};
        f->signing.fault = signing_fault_find(slice_str(names[i]));
        assert_status(signing_sign(&f->signing, NOW_S, &f->arena, &made, &problem), STATUS_BAD_INPUT);
    }
}

static void knows_no_other_fault(void **state)
{
    (void)state;
    assert_null(signing_fault_find(SLICE("sche")));
    assert_null(signing_fault_find(SLICE("")));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(signs_by_every_method_with_a_shared_secret),
        TEST(puts_the_parameters_where_it_is_told),
        TEST(makes_a_form_body_where_there_is_none),
        TEST(refuses_parameters_in_a_body_that_is_no_form),
        TEST(takes_nonce_timestamp_realm_and_further_parameters),
        TEST(leaves_the_token_out_where_there_is_none),
        TEST(adds_the_hash_of_a_body_that_is_no_form),
        TEST(draws_a_new_nonce_each_time),
        TEST(refuses_what_cannot_be_signed),
        TEST(breaks_what_it_is_told_so_that_explain_sees_it),
        TEST(refuses_a_fault_that_the_request_cannot_have),
        TEST(knows_no_other_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
