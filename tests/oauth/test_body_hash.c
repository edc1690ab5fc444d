#include "oauth/body_hash.h"

#include "support/oauth.h"

#define FORM "application/x-www-form-urlencoded"

/* OAuth Request Body Hash 1.0, draft 5; case 14 of the signatures. */
#define HELLO_SHA1   "Lve95gjOVATpfV8EL5X4nxwjKHE="
#define HELLO_SHA256 "f4OxZX%2Fx%2FFO5LcGBSKHWXfwtSx+j1ncoSt3SABJtkGk="
#define EMPTY_SHA1   "2jmj7l5rSw0yVb/vlWAYkK/YBwk="

static void makes_the_hash_that_the_method_names(void **state)
{
    (void)state;
    static const struct {
        const char *method;
        struct slice body;
        const char *hash;
    } rows[] = {
        {"HMAC-SHA1", SLICE_INIT("Hello World!"), HELLO_SHA1}, /* draft 5, §4.1's example */
        {"RSA-SHA1", SLICE_INIT("Hello World!"), HELLO_SHA1},
        {"PLAINTEXT", SLICE_INIT("Hello World!"), HELLO_SHA1},
        {"HMAC-SHA256", SLICE_INIT("Hello World!"), "f4OxZX/x/FO5LcGBSKHWXfwtSx+j1ncoSt3SABJtkGk="},
        {"RSA-SHA256", SLICE_INIT(""), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="},
        {"HMAC-SHA1", SLICE_INIT(""), EMPTY_SHA1}, /* draft 5, §3.2: the empty body is hashed, too */
        {"HMAC-SHA1", {0}, EMPTY_SHA1},
        {"HMAC-SHA512", SLICE_INIT(""),
         "z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg=="},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct buf out = buf_in(oauth_arena());
        const struct signature_method *method = signature_method_find(slice_str(rows[i].method));
        assert_status(body_hash_make(method, rows[i].body, &out), STATUS_OK);
        assert_slice_equal(buf_slice(&out), slice_str(rows[i].hash));
    }
}

static void the_hash_is_appended(void **state)
{
    (void)state;
    struct buf out = buf_in(oauth_arena());
    buf_add_str(&out, "before ");
    assert_status(body_hash_make(signature_method_find(SLICE("PLAINTEXT")), SLICE(""), &out), STATUS_OK);
    assert_slice_equal(buf_slice(&out), SLICE("before " EMPTY_SHA1));
}

static void a_full_buf_is_reported(void **state)
{
    (void)state;
    char memory[4];
    struct buf full = buf_fixed(memory, sizeof memory);
    assert_status(body_hash_make(signature_method_find(SLICE("PLAINTEXT")), SLICE(""), &full), STATUS_NO_MEMORY);
}

static const struct row {
    const char *name;
    const char *method, *hash; /* encoded; NULL: not sent */
    const char *content_type;
    struct slice body;
    bool required;
    enum status before, after; /* the signature */
    enum body_hash result;
} rows[] = {
    {"a_right_hash_is_verified", "HMAC-SHA1", HELLO_SHA1, "text/plain", SLICE_INIT("Hello World!"), false, STATUS_OK,
     STATUS_OK, BODY_HASH_VERIFIED},
    {"a_right_sha256_hash_is_verified", "RSA-SHA256", HELLO_SHA256, "application/json", SLICE_INIT("Hello World!"),
     true, STATUS_OK, STATUS_OK, BODY_HASH_VERIFIED},
    {"a_right_hash_without_a_media_type_is_verified", "PLAINTEXT", HELLO_SHA1, NULL, SLICE_INIT("Hello World!"), true,
     STATUS_OK, STATUS_OK, BODY_HASH_VERIFIED},
    {"the_hash_of_an_empty_body_is_verified", "HMAC-SHA1", EMPTY_SHA1, NULL, SLICE_INIT(""), true, STATUS_OK, STATUS_OK,
     BODY_HASH_VERIFIED},
    {"a_hash_is_checked_whenever_it_is_present", "HMAC-SHA1", EMPTY_SHA1, "text/plain", SLICE_INIT("Hello World!"),
     false, STATUS_OK, STATUS_BODY_HASH_MISMATCH, BODY_HASH_NONE},
    {"one_changed_byte_of_the_body_is_refused", "HMAC-SHA1", HELLO_SHA1, "text/plain", SLICE_INIT("Hello World?"), true,
     STATUS_OK, STATUS_BODY_HASH_MISMATCH, BODY_HASH_NONE},
    /* oauthlib's and authenticate-oauth's, by whatever they sign */
    {"the_sha1_hash_is_right_with_hmac_sha256", "HMAC-SHA256", HELLO_SHA1, "text/plain", SLICE_INIT("Hello World!"),
     true, STATUS_OK, STATUS_OK, BODY_HASH_VERIFIED},
    {"the_sha1_hash_is_right_with_hmac_sha512", "HMAC-SHA512", HELLO_SHA1, "text/plain", SLICE_INIT("Hello World!"),
     true, STATUS_OK, STATUS_OK, BODY_HASH_VERIFIED},
    {"the_sha1_hash_is_right_with_rsa_sha256", "RSA-SHA256", HELLO_SHA1, "text/plain", SLICE_INIT("Hello World!"), true,
     STATUS_OK, STATUS_OK, BODY_HASH_VERIFIED},
    {"the_sha1_hash_of_another_body_is_refused_with_hmac_sha256", "HMAC-SHA256", EMPTY_SHA1, "text/plain",
     SLICE_INIT("Hello World!"), true, STATUS_OK, STATUS_BODY_HASH_MISMATCH, BODY_HASH_NONE},
    {"a_longer_digest_than_the_methods_is_refused", "HMAC-SHA1", HELLO_SHA256, "text/plain", SLICE_INIT("Hello World!"),
     false, STATUS_OK, STATUS_BODY_HASH_MISMATCH, BODY_HASH_NONE},
    {"sha256_is_refused_with_hmac_sha512", "HMAC-SHA512", HELLO_SHA256, "text/plain", SLICE_INIT("Hello World!"), false,
     STATUS_OK, STATUS_BODY_HASH_MISMATCH, BODY_HASH_NONE},
    {"an_empty_hash_is_refused", "HMAC-SHA1", "", "text/plain", SLICE_INIT("Hello World!"), false, STATUS_OK,
     STATUS_BODY_HASH_MISMATCH, BODY_HASH_NONE},
    {"another_spelling_of_the_hash_is_refused", "HMAC-SHA1", "Lve95gjOVATpfV8EL5X4nxwjKHF=", "text/plain",
     SLICE_INIT("Hello World!"), false, STATUS_OK, STATUS_BODY_HASH_MISMATCH, BODY_HASH_NONE},
    {"a_body_that_was_not_handed_over_is_unchecked",
     "HMAC-SHA1",
     HELLO_SHA1,
     "text/plain",
     {0},
     false,
     STATUS_OK,
     STATUS_OK,
     BODY_HASH_UNCHECKED},
    {"an_unchecked_hash_is_refused_where_it_is_required",
     "HMAC-SHA1",
     HELLO_SHA1,
     "text/plain",
     {0},
     true,
     STATUS_BODY_HASH_ABSENT,
     STATUS_OK,
     BODY_HASH_UNCHECKED},
    {"no_hash_is_fine", "HMAC-SHA1", NULL, "text/plain", SLICE_INIT("Hello World!"), false, STATUS_OK, STATUS_OK,
     BODY_HASH_NONE},
    {"a_missing_hash_is_refused_where_it_is_required", "HMAC-SHA1", NULL, "text/plain", SLICE_INIT("Hello World!"),
     true, STATUS_BODY_HASH_ABSENT, STATUS_OK, BODY_HASH_NONE},
    {"a_hash_with_a_form_is_refused", "HMAC-SHA1", EMPTY_SHA1, FORM, SLICE_INIT("a=1"), false,
     STATUS_BODY_HASH_FORBIDDEN, STATUS_BODY_HASH_MISMATCH, BODY_HASH_NONE}, /* draft 5, §4.1: MUST NOT */
    /* ruby-oauth's post('/x') */
    {"the_hash_of_an_empty_form_is_harmless_where_it_is_right", "HMAC-SHA1", EMPTY_SHA1, FORM, SLICE_INIT(""), false,
     STATUS_OK, STATUS_OK, BODY_HASH_VERIFIED},
    {"another_hash_with_an_empty_form_is_refused", "HMAC-SHA1", HELLO_SHA1, FORM, SLICE_INIT(""), true,
     STATUS_BODY_HASH_FORBIDDEN, STATUS_BODY_HASH_MISMATCH, BODY_HASH_NONE},
    {"the_right_hash_of_a_form_is_refused", "HMAC-SHA1", HELLO_SHA1, FORM, SLICE_INIT("Hello World!"), false,
     STATUS_BODY_HASH_FORBIDDEN, STATUS_OK, BODY_HASH_VERIFIED},
    {"a_form_needs_no_hash_even_where_it_is_required", "HMAC-SHA1", NULL, FORM, SLICE_INIT("a=1"), true, STATUS_OK,
     STATUS_OK, BODY_HASH_NONE},
};

static void checks_the_hash(void **state)
{
    const struct row *row = *state;
    struct buf header = buf_in(oauth_arena());
    buf_addf(&header, "OAuth oauth_signature_method=\"%s\"", row->method);
    if (row->hash)
        buf_addf(&header, ", oauth_body_hash=\"%s\"", row->hash);
    struct described_request request = oauth_request("POST", "http://h/", buf_string(&header), row->content_type, NULL);
    request.body = row->body;
    struct message message = {0};
    struct problem problem = {0};
    enum body_hash result = BODY_HASH_NONE;
    assert_status(message_parse(&request, oauth_arena(), &message, &problem), STATUS_OK);
    assert_status(body_hash_check_form(&message, row->required, &problem), row->before);
    assert_status(problem.status, row->before);
    problem = (struct problem){0};
    assert_status(body_hash_verify(&message, &result, &problem), row->after);
    assert_status(problem.status, row->after);
    assert_int_equal(result, row->result);
}

int main(void)
{
    static struct CMUnitTest tests[COUNT_OF(rows) + 3];
    size_t count = 0;
    ADD_TEST(tests, count, makes_the_hash_that_the_method_names);
    ADD_TEST(tests, count, the_hash_is_appended);
    ADD_TEST(tests, count, a_full_buf_is_reported);
    ADD_ROWS(tests, count, rows, checks_the_hash);
    return RUN_TESTS(tests, count);
}
