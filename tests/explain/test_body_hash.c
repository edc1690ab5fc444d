#include "explain/explain_bench.h"

#include <stdio.h>

/* Signed rightly, with another hash than the body's. */
static const struct hash_row {
    const char *name, *method, *sent, *hint;
    const char *body;
} hash_rows[] = {
    {"the_hash_of_another_digest", "HMAC-SHA512", "RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o=",
     "would match with the SHA-256 of the body; HMAC-SHA512 takes the base64 of the body's SHA-512 or SHA-1", "{}"},
    {"an_hmac_under_the_signing_key", "HMAC-SHA1", "l3z9wJe9ajkTWCITv6G9pzeimEM=",
     "would match with an HMAC of the body under the signing key; HMAC-SHA1 takes the base64 of the body's SHA-1",
     "{}"},
    {"the_hash_in_hexadecimal", "RSA-SHA1", "BF21A9E8FBC5A3846FB05B4FA0859E0917B2202F",
     "would match with the SHA-1 of the body in hexadecimal digits; RSA-SHA1 takes the base64 of the body's SHA-1",
     "{}"},
    {"the_hash_of_hexadecimal_in_base64", "HMAC-SHA1", "YmYyMWE5ZThmYmM1YTM4NDZmYjA1YjRmYTA4NTllMDkxN2IyMjAyZg==",
     "would match with the SHA-1 of the body in the base64 of hexadecimal digits; HMAC-SHA1 takes the base64 of the "
     "body's SHA-1",
     "{}"},
    {"the_hash_of_an_empty_body", "PLAINTEXT", "2jmj7l5rSw0yVb/vlWAYkK/YBwk=",
     "would match with the SHA-1 of an empty body; PLAINTEXT takes the base64 of the body's SHA-1", "{}"},
    {"the_hash_of_another_body", "HMAC-SHA512", "Lve95gjOVATpfV8EL5X4nxwjKHE=",
     "no hash that was tried is that of this body (SHA-1, SHA-256, SHA-512, in base64 and in hexadecimal): the body "
     "was "
     "changed on its way, or hashed before it was complete; HMAC-SHA512 takes the base64 of the body's SHA-512 or "
     "SHA-1",
     "{}"},
    {"the_hash_of_a_body_that_came_empty", "HMAC-SHA1", "Lve95gjOVATpfV8EL5X4nxwjKHE=",
     "no hash that was tried is that of this body (SHA-1, SHA-256, SHA-512, in base64 and in hexadecimal): the body "
     "was changed on its way, or hashed before it was complete; HMAC-SHA1 takes the base64 of the body's SHA-1",
     ""},
};

static void names_the_hash(void **state)
{
    const struct hash_row *row = *state;
    char header[256];
    (void)snprintf(header, sizeof header,
                   "OAuth oauth_consumer_key=\"k\", oauth_signature_method=\"%s\", oauth_timestamp=\"1\", "
                   "oauth_nonce=\"n\"",
                   row->method);
    struct explain_options options = oauth_options("c", "t");
    struct described_request request = oauth_request("POST", URL, header, "application/json", row->body);
    options.rsa_public_key = oauth_file("vectors/rsa_2048_certificate.pem");
    request.authorization = oauth_with_parameter(request.authorization, "oauth_body_hash", slice_str(row->sent));
    request = oauth_sign(&request, &options, oauth_file("vectors/rsa_2048.pem"));
    struct explanation explanation = oauth_explain(&request, &options);
    assert_status(explanation.status, STATUS_BODY_HASH_MISMATCH);
    assert_int_equal(explanation.hint_count, 1);
    assert_slice_equal(explanation.hints[0], slice_str(row->hint));
}

int main(void)
{
    static struct CMUnitTest tests[COUNT_OF(hash_rows)];
    size_t count = 0;
    ADD_ROWS(tests, count, hash_rows, names_the_hash);
    return RUN_TESTS(tests, count);
}
