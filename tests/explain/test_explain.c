#include "explain/explain.h"

#include "base/base64.h"
#include "base/percent.h"
#include "oauth/base_string.h"
#include "support/oauth.h"

#include <stdio.h>
#include <string.h>

#define FORM "application/x-www-form-urlencoded"

/* Canaries: nothing of these may be in a hint. The second of each needs encoding. */
#define CLIENT_SECRET "cs-canary-7f3a"
#define TOKEN_SECRET  "ts-canary+91bd/"
#define FORMER_SECRET "fs-canary-55aa"

#define REST(method)                                                                \
    "oauth_consumer_key=\"k\", oauth_token=\"t\", oauth_signature_method=\"" method \
    "\", oauth_timestamp=\"1\", oauth_nonce=\"n\""
#define HEADER "OAuth " REST("HMAC-SHA1")
#define SIGNED_PARAMS                                                                  \
    "oauth_consumer_key%3Dk%26oauth_nonce%3Dn%26oauth_signature_method%3DHMAC-SHA1%26" \
    "oauth_timestamp%3D1%26oauth_token%3Dt"
#define BASE(path) "GET&https%3A%2F%2Fapi.example.com" path "&"

/* What arrives, and what the client signed instead. */
static const struct hint_row {
    const char *name;
    const char *method, *url, *header, *content_type, *body;
    /* NULL: as it arrives */
    const char *signed_method, *signed_url, *signed_header, *signed_type, *signed_body;
    const char *signed_base_string; /* instead of the above */
    const char *signed_key;         /* NULL: the right one */
    const char *signed_by;          /* NULL: the method of the header */
    const char *hint;
} hint_rows[] = {
#define URL "https://api.example.com/photos"
    {"the_scheme_https", "GET", "http://api.example.com/photos", HEADER, .signed_url = URL,
     .hint = "would match with scheme https: the proxy in front does not pass X-Forwarded-Proto"},
    {"the_scheme_http", "GET", URL, HEADER, .signed_url = "http://api.example.com/photos",
     .hint = "would match with scheme http: the client signs another scheme than it calls"},
    {"the_port_dropped", "GET", "https://api.example.com:8443/photos", HEADER, .signed_url = URL,
     .hint = "would match without the port: the client leaves it out, or a proxy adds it"},
    {"the_default_port_added", "GET", URL, HEADER, .signed_base_string = BASE("%3A443%2Fphotos") SIGNED_PARAMS,
     .hint =
         "would match with the default port written out: the client must leave :80 and :443 out of the base string"},
    {"the_default_port_added_that_was_sent", "GET", "http://api.example.com:80/", HEADER,
     .signed_base_string = "GET&http%3A%2F%2Fapi.example.com%3A80%2F&" SIGNED_PARAMS,
     .hint =
         "would match with the default port written out: the client must leave :80 and :443 out of the base string"},
    {"another_host", "GET", "https://internal:8080/photos", HEADER, .signed_url = "https://www.example.com/photos",
     .hint = "would match with origin https://www.example.com: the host or port was rewritten on the way"},
    {"another_origin_with_port", "GET", URL, HEADER, .signed_url = "http://localhost:3000/photos",
     .hint = "would match with origin http://localhost:3000: the host or port was rewritten on the way"},
    {"a_prefix_that_was_stripped", "GET", URL, HEADER, .signed_url = "https://api.example.com/v1/photos",
     .hint = "would match with path prefix /v1: the proxy in front strips it"},
    {"a_prefix_that_was_added", "GET", "https://api.example.com/v1/photos", HEADER, .signed_url = URL,
     .hint = "would match without path prefix /v1: the proxy in front adds it"},
    {"a_prefix_that_is_all_of_the_path", "GET", "https://api.example.com/v1", HEADER,
     .signed_url = "https://api.example.com/",
     .hint = "would match without path prefix /v1: the proxy in front adds it"},
    {"a_prefix_ends_at_a_slash", "GET", "https://api.example.com/v1x", HEADER,
     .signed_url = "https://api.example.com/v1/v1x",
     .hint = "would match with path prefix /v1: the proxy in front strips it"},
    {"the_path_decoded", "GET", "https://api.example.com/%7Ejane/a%20b", HEADER,
     .signed_base_string = BASE("%2F~jane%2Fa%20b") SIGNED_PARAMS,
     .hint = "would match with the path decoded: the client signs another spelling of the path than it sends"},
    {"the_path_encoded_anew", "GET", "https://api.example.com/~jane/a(b)", HEADER,
     .signed_url = "https://api.example.com/~jane/a%28b%29",
     .hint = "would match with the path percent-encoded: it was decoded or rewritten on the way"},
    {"a_trailing_slash_dropped", "GET", URL, HEADER, .signed_url = URL "/",
     .hint = "would match with a trailing slash after the path: it was dropped on the way"},
    {"a_trailing_slash_added", "GET", URL "/", HEADER, .signed_url = URL,
     .hint = "would match without the trailing slash of the path: it was added on the way"},
    {"the_body_left_out", "POST", URL, HEADER, FORM, "a=1&b=2", .signed_type = "text/plain",
     .hint = "would match with the body left out: the client does not sign the parameters of its form body"},
    {"the_body_as_a_form", "POST", URL, HEADER, "text/plain", "a=1&b=2", .signed_type = FORM,
     .hint = "would match with the body signed as a form: send Content-Type application/x-www-form-urlencoded"},
    {"the_query_left_out", "GET", URL "?a=1", HEADER, .signed_url = URL,
     .hint = "would match with the query left out: the client does not sign its query"},
    {"the_method_get", "POST", URL, HEADER, .signed_method = "GET",
     .hint = "would match with method GET: the client signs another method than it sends"},
    {"the_method_post", "GET", URL, HEADER, .signed_method = "POST",
     .hint = "would match with method POST: the client signs another method than it sends"},
    {"the_method_put", "GET", URL, HEADER, .signed_method = "PUT",
     .hint = "would match with method PUT: the client signs another method than it sends"},
    {"the_method_delete", "GET", URL, HEADER, .signed_method = "DELETE",
     .hint = "would match with method DELETE: the client signs another method than it sends"},
    {"the_method_patch", "POST", URL, HEADER, .signed_method = "PATCH",
     .hint = "would match with method PATCH: the client signs another method than it sends"},
    {"the_method_head", "GET", URL, HEADER, .signed_method = "HEAD",
     .hint = "would match with method HEAD: the client signs another method than it sends"},
    {"a_parameter_encoded_twice", "GET", URL "?title=a%20b&x=%26", HEADER,
     .signed_base_string = BASE("%2Fphotos") SIGNED_PARAMS "%26title%3Da%252520b%26x%3D%2526",
     .hint = "would match with parameter title encoded twice: the client encodes it once too often in its base string"},
    {"an_oauth_parameter_encoded_twice", "GET", URL, "OAuth oauth_verifier=\"a%2Fb\", " REST("HMAC-SHA1"),
     .signed_base_string = BASE("%2Fphotos") SIGNED_PARAMS "%26oauth_verifier%3Da%25252Fb",
     .hint = "would match with parameter oauth_verifier encoded twice: the client encodes it once too often in its "
             "base string"},
    {"all_parameters_encoded_twice", "GET", URL "?x=%26&y=%20", HEADER,
     .signed_base_string = BASE("%2Fphotos") SIGNED_PARAMS "%26x%3D%252526%26y%3D%252520",
     .hint =
         "would match with all parameters encoded twice: the client encodes them once too often in its base string"},
    {"a_parameter_sent_encoded_twice", "GET", URL "?x=a%2520b&y=100%25", HEADER, .signed_url = URL "?x=a%20b&y=100%25",
     .hint = "would match with the parameters decoded once more: the client sends them encoded twice"},
    {"duplicates_in_the_order_sent", "GET", URL "?x=2&x=1", HEADER,
     .signed_base_string = BASE("%2Fphotos") SIGNED_PARAMS "%26x%3D2%26x%3D1",
     .hint = "would match with duplicates in the order sent: equal names must be sorted by value"},
    {"the_joined_pairs_sorted", "GET", URL "?x=1&x-=2&x%20=3", HEADER,
     .signed_base_string = BASE("%2Fphotos") SIGNED_PARAMS "%26x%2520%3D3%26x-%3D2%26x%3D1",
     .hint = "would match with the joined name=value pairs sorted: sort by encoded name, then by encoded value"},
    {"parameters_in_the_order_sent", "GET", URL "?b=1&a=2", HEADER,
     .signed_base_string = BASE("%2Fphotos") "oauth_consumer_key%3Dk%26oauth_token%3Dt%26oauth_signature_method%3D"
                                             "HMAC-SHA1%26oauth_timestamp%3D1%26oauth_nonce%3Dn%26b%3D1%26a%3D2",
     .hint = "would match with the parameters in the order sent: they must be sorted"},
    {"plus_for_spaces", "GET", URL "?title=a%20b", HEADER,
     .signed_base_string = BASE("%2Fphotos") SIGNED_PARAMS "%26title%3Da%2Bb",
     .hint = "would match with '+' for spaces: the base string must have them as %20"},
    {"lower_case_escapes", "GET", URL "?title=a%2Fb", HEADER,
     .signed_base_string = BASE("%2Fphotos") SIGNED_PARAMS "%26title%3Da%252fb",
     .hint = "would match with lower-case percent-escapes: the base string must have them in upper case"},
    {"the_realm_as_a_parameter", "GET", URL, "OAuth realm=\"Photos\", " REST("HMAC-SHA1"),
     .signed_base_string = BASE("%2Fphotos") SIGNED_PARAMS "%26realm%3DPhotos",
     .hint = "would match with realm as a parameter: the client must leave the header's realm out"},
    {"the_callback_not_encoded", "GET", URL,
     "OAuth oauth_callback=\"http%3A%2F%2Fclient.example%2Fready\", " REST("HMAC-SHA1"),
     .signed_base_string = BASE("%2Fphotos") "oauth_callback%3Dhttp%3A%2F%2Fclient.example%2Fready%26" SIGNED_PARAMS,
     .hint = "would match with oauth_callback un-encoded: the client must encode it before it joins and encodes the "
             "parameters"},
    {"the_token_secret_left_out", "GET", URL, HEADER, .signed_key = "cs-canary-7f3a&",
     .hint = "would match with the token secret left out: the client signs with its own secret alone"},
    {"the_client_secret_left_out", "GET", URL, HEADER, .signed_key = "&ts-canary%2B91bd%2F",
     .hint = "would match with the client secret left out: the client signs with the token secret alone"},
    {"the_secrets_swapped", "GET", URL, HEADER, .signed_key = "ts-canary%2B91bd%2F&cs-canary-7f3a",
     .hint = "would match with the secrets swapped: the key is client secret, '&', token secret"},
    {"the_secrets_not_encoded", "GET", URL, HEADER, .signed_key = "cs-canary-7f3a&ts-canary+91bd/",
     .hint = "would match with the secrets not encoded: each must be percent-encoded in the key"},
    {"a_secret_that_was_rotated_out", "GET", URL, HEADER, .signed_key = "fs-canary-55aa&ts-canary%2B91bd%2F",
     .hint = "would match with a client secret that was rotated out: the client must take the new one"},
    {"another_digest", "GET", URL, HEADER, .signed_by = "HMAC-SHA256",
     .hint = "would match as HMAC-SHA256: oauth_signature_method names another one"},
    {"the_path_left_out", "GET", "https://api.example.com", HEADER, .signed_base_string = BASE("") SIGNED_PARAMS,
     .hint = "would match with an empty path: the base string must have it as \"/\""},
    {"marks_not_encoded", "GET", URL "?title=(it's)*!", HEADER,
     .signed_base_string = BASE("%2Fphotos") SIGNED_PARAMS "%26title%3D(it's)*!",
     .hint = "would match with ! * ' ( ) left as they are: the base string must have them percent-encoded"},
    {"marks_of_the_parameters_not_encoded", "GET", URL "?title=(it's)*!", HEADER,
     .signed_base_string = BASE("%2Fphotos") SIGNED_PARAMS "%26title%3D%28it%27s%29%2A%21",
     .hint = "would match with ! * ' ( ) of the parameters left as they are: they must be percent-encoded"},
    {"a_tilde_encoded", "GET", URL "?title=~a", HEADER,
     .signed_base_string = BASE("%2Fphotos") SIGNED_PARAMS "%26title%3D%257Ea",
     .hint = "would match with '~' as %7E: it must be left as it is"},
    {"as_java_encodes", "GET", URL "?title=~%20*", HEADER,
     .signed_base_string = BASE("%2Fphotos") SIGNED_PARAMS "%26title%3D%257E%2B*",
     .hint = "would match as Java's URLEncoder encodes: '*' and '~' are to be as RFC 5849 §3.6 has them, a space is "
             "%20"},
    {"empty_parameters_left_out", "GET", URL "?a=&b=1", HEADER, .signed_url = URL "?b=1",
     .hint = "would match with empty parameters left out: they are signed like any other"},
    {"the_last_of_equal_names", "GET", URL "?a=1&a=2", HEADER, .signed_url = URL "?a=2",
     .hint = "would match with the last of equal names alone: every parameter is signed"},
    {"the_first_of_equal_names", "GET", URL "?a=1&a=2", HEADER, .signed_url = URL "?a=1",
     .hint = "would match with the first of equal names alone: every parameter is signed"},
    {"a_protocol_parameter_left_out", "GET", URL, HEADER ", oauth_version=\"1.0\"", .signed_header = HEADER,
     .hint = "would match with oauth_version left out: all oauth_ parameters but oauth_signature are signed"},
    {"the_query_in_the_uri", "GET", URL "?x=1", HEADER, .signed_base_string = BASE("%2Fphotos%3Fx%3D1") SIGNED_PARAMS,
     .hint = "would match with the query in the URI: the base string must have it among the parameters"},
    {"the_query_in_the_uri_too", "GET", URL "?x=1", HEADER,
     .signed_base_string = BASE("%2Fphotos%3Fx%3D1") SIGNED_PARAMS "%26x%3D1",
     .hint = "would match with the query in the URI: the base string must have it among the parameters"},
    {"a_line_feed_behind_the_client_secret", "GET", URL, HEADER, .signed_key = "cs-canary-7f3a%0A&ts-canary%2B91bd%2F",
     .hint = "would match with a line feed behind the client secret: the client reads it with the end of its line"},
    {"a_line_feed_behind_the_token_secret", "GET", URL, HEADER, .signed_key = "cs-canary-7f3a&ts-canary%2B91bd%2F%0A",
     .hint = "would match with a line feed behind the token secret: the client reads it with the end of its line"},
    {"the_identifiers_for_the_secrets", "GET", URL, HEADER, .signed_key = "k&t",
     .hint = "would match with oauth_consumer_key and oauth_token as the key: the client must sign with the secrets"},
    {"all_escapes_in_lower_case", "GET", URL "?title=a%2Fb", HEADER,
     .signed_base_string =
         "GET&https%3a%2f%2fapi.example.com%2fphotos&oauth_consumer_key%3dk%26oauth_nonce%3dn%26"
         "oauth_signature_method%3dHMAC-SHA1%26oauth_timestamp%3d1%26oauth_token%3dt%26title%3da%252fb",
     .hint = "would match with all percent-escapes in lower case: the base string must have them in upper case"},
    {"the_method_in_lower_case", "GET", URL, HEADER,
     .signed_base_string = "get&https%3A%2F%2Fapi.example.com%2Fphotos&" SIGNED_PARAMS,
     .hint = "would match with the method in lower case: the base string must have it in upper case"},
    {"nothing_that_was_tried", "GET", URL "?x=%20", HEADER, .signed_key = "another&secret",
     .hint = "nothing that was tried would match (the other scheme, the port dropped or added, the token secret left "
             "out, the client secret left out, the secrets swapped, the secrets not encoded, the secrets that were "
             "rotated out, the trailing slash, other methods, a parameter encoded twice, the configured path prefixes, "
             "the configured origins, another digest, the query left out, parameters in the order sent, '+' for "
             "spaces, Java's URLEncoder, an oauth_ parameter left out, the query in the URI, a line feed behind a "
             "secret, the identifiers for the secrets, lower-case escapes): most likely a secret or a host that is not "
             "known here; send the client's own base string as client_base_string to see where the two part"},
};

static struct slice own_key(const char *key)
{
    if (key)
        return slice_str(key);
    struct buf out = buf_in(oauth_arena());
    signature_write_shared_key(SLICE(CLIENT_SECRET), SLICE(TOKEN_SECRET), &out);
    return buf_slice(&out);
}

/* The signature of a client that gets something wrong. */
static struct slice wrong_signature(const struct hint_row *row)
{
    struct described_request request = oauth_request(
        row->signed_method ? row->signed_method : row->method, row->signed_url ? row->signed_url : row->url,
        row->signed_header ? row->signed_header : row->header, row->signed_type ? row->signed_type : row->content_type,
        row->signed_body ? row->signed_body : row->body);
    struct message message = {0};
    struct problem problem = {0};
    struct slice base_string = slice_str(row->signed_base_string);
    struct buf signature = buf_in(oauth_arena());
    assert_status(message_parse(&request, oauth_arena(), &message, &problem), STATUS_OK);
    if (slice_is_absent(base_string))
        assert_status(base_string_build(&message, oauth_arena(), &base_string), STATUS_OK);
    const struct signature_method *method =
        row->signed_by ? signature_method_find(slice_str(row->signed_by)) : message.signature_method;
    assert_status(
        signature_make(oauth_signer(), method, own_key(row->signed_key), SLICE_ABSENT, base_string, &signature),
        STATUS_OK);
    return buf_slice(&signature);
}

static struct explain_options all_options(void)
{
    static const struct slice origins[] = {SLICE_INIT("https://api.example.com"), SLICE_INIT("not an origin"),
                                           SLICE_INIT("https://www.example.com"), SLICE_INIT("http://localhost:3000")};
    static const struct slice prefixes[] = {SLICE_INIT("/"), SLICE_INIT("/v1/"), SLICE_INIT("/api")};
    static const struct slice former[] = {SLICE_INIT("fs-older"), SLICE_INIT(FORMER_SECRET)};
    struct explain_options options = oauth_options(CLIENT_SECRET, TOKEN_SECRET);
    options.origins = (struct slice_list){origins, COUNT_OF(origins)};
    options.path_prefixes = (struct slice_list){prefixes, COUNT_OF(prefixes)};
    options.former_secrets = (struct slice_list){former, COUNT_OF(former)};
    return options;
}

static void assert_not_in(struct slice text, struct slice secret)
{
    struct buf encoded = buf_in(oauth_arena());
    percent_encode(&encoded, secret);
    assert_true(slice_find_slice(text, secret) == text.len);
    assert_true(slice_find_slice(text, buf_slice(&encoded)) == text.len);
}

/* No secret and no signature that would be accepted, plain or encoded. */
static void assert_discreet(const struct explanation *explanation)
{
    struct buf expected = buf_in(oauth_arena());
    assert_status(signature_make(oauth_signer(), explanation->message.signature_method, own_key(NULL), SLICE_ABSENT,
                                 explanation->base_string, &expected),
                  STATUS_OK);
    for (size_t i = 0; i < explanation->hint_count; i++) {
        assert_not_in(explanation->hints[i], SLICE(CLIENT_SECRET));
        assert_not_in(explanation->hints[i], SLICE(TOKEN_SECRET));
        assert_not_in(explanation->hints[i], SLICE(FORMER_SECRET));
        assert_not_in(explanation->hints[i], buf_slice(&expected));
    }
}

static void gives_the_hint(void **state)
{
    const struct hint_row *row = *state;
    struct described_request request = oauth_request(row->method, row->url, row->header, row->content_type, row->body);
    request.authorization = oauth_with_parameter(request.authorization, "oauth_signature", wrong_signature(row));
    struct explain_options options = all_options();
    struct explanation explanation = oauth_explain(&request, &options);
    assert_status(explanation.status, STATUS_SIGNATURE_INVALID); /* a hint never makes a request valid */
    assert_int_equal(explanation.hint_count, 1);
    assert_slice_equal(explanation.hints[0], slice_str(row->hint));
    assert_discreet(&explanation);
}

/* The right signature with its '+' as a space: the client did not encode it in a query or a form. */
static void a_plus_in_the_signature_that_became_a_space(void **state)
{
    (void)state;
    struct explain_options options = oauth_options("kd94hf93k423kf44", "pfkkdhi9sl3r4s00");
    struct described_request request = oauth_request(
        "GET",
        "http://photos.example.net/photos?file=vacation.jpg&size=original&oauth_consumer_key=dpf43f3p2l4k3l03&"
        "oauth_token=nnch734d00sl2jdk&oauth_signature_method=HMAC-SHA1&oauth_timestamp=1191242096&"
        "oauth_nonce=kllo9940pd9333jh&oauth_version=1.0&oauth_signature=tR3+Ty81lMeYAr/Fid0kMTYa/WM=",
        NULL, NULL, NULL);
    struct explanation explanation = oauth_explain(&request, &options);
    assert_status(explanation.status, STATUS_SIGNATURE_INVALID);
    assert_int_equal(explanation.hint_count, 1);
    assert_slice_equal(
        explanation.hints[0],
        SLICE("would match with '+' for the spaces of oauth_signature: the client must percent-encode it (%2B)"));
}

static struct slice bytes_of(struct slice signature)
{
    size_t len = 0;
    char *bytes = arena_bytes(oauth_arena(), signature.len);
    assert_non_null(bytes);
    assert_true(base64_decode(signature, bytes, &len));
    return slice_of(bytes, len);
}

static void spell_encoded(struct slice signature, struct buf *out)
{
    percent_encode(out, signature);
}

static void spell_in_hexadecimal(struct slice signature, struct buf *out)
{
    buf_add_hex(out, bytes_of(signature));
}

static void spell_hexadecimal_in_base64(struct slice signature, struct buf *out)
{
    char text[2 * DIGEST_MAX_BYTES];
    struct buf hex = buf_fixed(text, sizeof text);
    buf_add_hex(&hex, bytes_of(signature));
    assert_true(buf_reserve(out, BASE64_LEN(hex.len)));
    base64_encode(buf_slice(&hex), out->ptr);
    out->len = BASE64_LEN(hex.len);
}

static void spell_url_safe(struct slice signature, struct buf *out)
{
    struct slice unpadded = slice_sub(signature, 0, slice_find(signature, '='));
    for (size_t i = 0; i < unpadded.len; i++) {
        char c = unpadded.ptr[i];
        buf_add_byte(out, c == '+' ? '-' : c == '/' ? '_' : c);
    }
}

static void spell_with_a_line_feed(struct slice signature, struct buf *out)
{
    buf_add(out, signature);
    buf_add_byte(out, '\n');
}

/* The right signature in another spelling. */
static const struct spelled_row {
    const char *name;
    void (*spell)(struct slice signature, struct buf *out);
    const char *hint;
} spelled_rows[] = {
    {"a_signature_encoded_twice", spell_encoded,
     "would match with oauth_signature decoded once more: the client encodes it twice"},
    {"a_signature_in_hexadecimal", spell_in_hexadecimal,
     "would match with oauth_signature in base64: the client sends hexadecimal digits"},
    {"a_signature_of_hexadecimal_in_base64", spell_hexadecimal_in_base64,
     "would match with the bytes of oauth_signature in base64: the client encodes their hexadecimal digits"},
    {"a_signature_in_the_url_safe_alphabet", spell_url_safe,
     "would match with oauth_signature in standard base64: the client sends the URL-safe alphabet, no padding, or a "
     "line feed"},
    {"a_signature_with_a_line_feed", spell_with_a_line_feed,
     "would match with oauth_signature in standard base64: the client sends the URL-safe alphabet, no padding, or a "
     "line feed"},
};

static void reads_the_spelling(void **state)
{
    const struct spelled_row *row = *state;
    struct hint_row right = {.method = "GET", .url = URL, .header = HEADER};
    struct described_request request = oauth_request("GET", URL, HEADER, NULL, NULL);
    struct explain_options options = all_options();
    struct buf spelled = buf_in(oauth_arena());
    row->spell(wrong_signature(&right), &spelled);
    request.authorization = oauth_with_parameter(request.authorization, "oauth_signature", buf_slice(&spelled));
    struct explanation explanation = oauth_explain(&request, &options);
    assert_status(explanation.status, STATUS_SIGNATURE_INVALID);
    assert_int_equal(explanation.hint_count, 1);
    assert_slice_equal(explanation.hints[0], slice_str(row->hint));
    assert_discreet(&explanation);
}

/* §3.4.2: "even if empty"; some services ask clients to leave it out. */
static void the_ampersand_of_the_key_left_out(void **state)
{
    (void)state;
    struct hint_row row = {.method = "GET", .url = URL, .header = HEADER, .signed_key = "c%20s"};
    struct described_request request = oauth_request("GET", URL, HEADER, NULL, NULL);
    request.authorization = oauth_with_parameter(request.authorization, "oauth_signature", wrong_signature(&row));
    struct explain_options options = oauth_options("c s", NULL);
    struct explanation explanation = oauth_explain(&request, &options);
    assert_status(explanation.status, STATUS_SIGNATURE_INVALID);
    assert_slice_equal(explanation.hints[0],
                       SLICE("would match without the '&' of the key: it is there even if the token secret is empty"));
}

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

/* PLAINTEXT: a hint would tell which half of the secret was right. */
static void plaintext_gets_no_hint(void **state)
{
    (void)state;
    static const char *const signatures[] = {"cs-canary-7f3a&",
                                             "&ts-canary%2B91bd%2F",
                                             "ts-canary%2B91bd%2F&cs-canary-7f3a",
                                             "cs-canary-7f3a&ts-canary+91bd/",
                                             "fs-canary-55aa&ts-canary%2B91bd%2F",
                                             "x"};
    for (size_t i = 0; i < COUNT_OF(signatures); i++) {
        struct described_request request = oauth_request("GET", URL, "OAuth " REST("PLAINTEXT"), NULL, NULL);
        struct explain_options options = all_options();
        options.client_base_string = SLICE("GET&x&y");
        request.authorization =
            oauth_with_parameter(request.authorization, "oauth_signature", slice_str(signatures[i]));
        struct explanation explanation = oauth_explain(&request, &options);
        assert_status(explanation.status, STATUS_SIGNATURE_INVALID);
        assert_int_equal(explanation.hint_count, 0);
    }
}

static struct described_request signed_request(const struct hint_row *row)
{
    struct described_request request = oauth_request(row->method, row->url, row->header, row->content_type, row->body);
    request.authorization = oauth_with_parameter(request.authorization, "oauth_signature", wrong_signature(row));
    return request;
}

/* Of a hundred origins and a hundred prefixes no more than the budget allows are found. */
static void tries_at_most_32_changes(void **state)
{
    (void)state;
    enum { MANY = 100 };
    struct slice origins[MANY];
    struct slice prefixes[MANY];
    unsigned found[2] = {0};
    for (size_t i = 0; i < MANY; i++) {
        struct buf origin = buf_in(oauth_arena());
        struct buf prefix = buf_in(oauth_arena());
        buf_addf(&origin, "https://host%zu.example", i);
        buf_addf(&prefix, "/prefix%zu", i);
        origins[i] = buf_slice(&origin);
        prefixes[i] = buf_slice(&prefix);
    }
    for (size_t i = 0; i < 2 * MANY; i++) {
        char url[128];
        if (i < MANY)
            (void)snprintf(url, sizeof url, "https://host%zu.example/photos", i);
        else
            (void)snprintf(url, sizeof url, "https://api.example.com/prefix%zu/photos", i - MANY);
        struct hint_row row = {.method = "GET", .url = URL, .header = HEADER, .signed_url = url};
        struct described_request request = signed_request(&row);
        struct explain_options options = all_options();
        options.origins = (struct slice_list){origins, MANY};
        options.path_prefixes = (struct slice_list){prefixes, MANY};
        struct explanation explanation = oauth_explain(&request, &options);
        assert_int_equal(explanation.hint_count, 1);
        found[i / MANY] += slice_starts_with(explanation.hints[0], SLICE("would match with "));
    }
    /* before them: scheme, port, 4 secrets, 2 former ones, slash, 5 methods */
    assert_int_equal(found[0] + found[1], EXPLAIN_TRIES_MAX - 14);
    assert_int_equal(found[0], found[1]);
}

/* However much else there is to try, every hint that the interface promises has its turn. */
static void the_promised_tries_always_have_their_turn(void **state)
{
    (void)state;
    static const struct slice former[] = {SLICE_INIT("f1"), SLICE_INIT("f2"), SLICE_INIT("f3"), SLICE_INIT("f4")};
    struct slice origins[40];
    for (size_t i = 0; i < COUNT_OF(origins); i++)
        origins[i] = SLICE("https://other.example");
    static const struct slice prefixes[] = {SLICE_INIT("/first"), SLICE_INIT("/second")};
    struct hint_row rows[] = {
        {.signed_method = "HEAD", .hint = "would match with method HEAD"},
        {.signed_url = "http://api.example.com/a%20b/?x=%20&y=%21&y=%20&z=%22&a=%23",
         .hint = "would match with scheme http"},
        {.signed_url = "https://api.example.com/second/a%20b/?x=%20&y=%21&y=%20&z=%22&a=%23",
         .hint = "would match with path prefix /second"},
        {.signed_key = "f4&ts-canary%2B91bd%2F", .hint = "would match with a client secret that was rotated out"},
        {.signed_type = "text/plain", .hint = "would match with the body left out"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        rows[i].method = "REPORT";
        rows[i].url = "https://api.example.com/a%20b/?x=%20&y=%21&y=%20&z=%22&a=%23";
        rows[i].header = "OAuth oauth_callback=\"http%3A%2F%2Fc%2F\", " REST("HMAC-SHA1");
        rows[i].content_type = FORM;
        rows[i].body = "b=1";
        struct described_request request = signed_request(&rows[i]);
        struct explain_options options = all_options();
        options.former_secrets = (struct slice_list){former, COUNT_OF(former)};
        options.origins = (struct slice_list){origins, COUNT_OF(origins)};
        options.path_prefixes = (struct slice_list){prefixes, COUNT_OF(prefixes)};
        struct explanation explanation = oauth_explain(&request, &options);
        assert_int_equal(explanation.hint_count, 1);
        if (!slice_starts_with(explanation.hints[0], slice_str(rows[i].hint)))
            assert_slice_equal(explanation.hints[0], slice_str(rows[i].hint));
    }
}

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
    struct hint_row wrong = {.method = "GET", .url = URL, .header = HEADER, .signed_key = "wrong&"};
    struct described_request request = signed_request(&wrong);
    struct explain_options options = all_options();
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
        const struct hint_row row = {
            .method = "GET", .url = URL, .header = HEADER, .signed_base_string = theirs, .signed_key = keys[i].key};
        struct described_request request = signed_request(&row);
        struct explain_options options = all_options();
        options.client_base_string = slice_str(theirs);
        struct explanation explanation = oauth_explain(&request, &options);
        assert_int_equal(explanation.hint_count, 2);
        assert_true(ends_with(explanation.hints[1], keys[i].end));
        assert_discreet(&explanation);
    }
}

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

static void an_rsa_mismatch_gets_hints(void **state)
{
    (void)state;
    struct explain_options options = oauth_options(NULL, NULL);
    struct described_request request =
        oauth_request("GET", "http://api.example.com/photos", "OAuth " REST("RSA-SHA1"), NULL, NULL);
    options.rsa_public_key = oauth_file("vectors/rsa_2048_certificate.pem");
    request = oauth_sign(&request, &options, oauth_file("vectors/rsa_2048.pem"));
    request.url = SLICE(URL);
    struct explanation explanation = oauth_explain(&request, &options);
    assert_status(explanation.status, STATUS_SIGNATURE_INVALID);
    assert_int_equal(explanation.hint_count, 1);
    assert_true(slice_starts_with(explanation.hints[0], SLICE("would match with scheme http")));
    options.rsa_public_key = SLICE("not a key");
    explanation = oauth_explain(&request, &options);
    assert_status(explanation.status, STATUS_SIGNATURE_INVALID);
    assert_int_equal(explanation.hint_count, 1);
    assert_slice_equal(explanation.hints[0], SLICE("the client's public key cannot verify anything: it is not an RSA "
                                                   "public key or certificate in PEM"));
}

/* A try more is not worth a quadratic sort: orders are tried only where there are few parameters. */
static void many_parameters_are_explained_too(void **state)
{
    (void)state;
    struct buf url = buf_in(oauth_arena());
    buf_add_str(&url, URL "?a=%20");
    for (int i = 0; i < 249; i++)
        buf_addf(&url, "&a=%%%02x%d", i, i);
    struct described_request request =
        oauth_request("GET", NULL, HEADER ", realm=\"r\", oauth_signature=\"x\"", NULL, NULL);
    request.url = buf_slice(&url);
    struct explain_options options = all_options();
    struct explanation explanation = oauth_explain(&request, &options);
    assert_status(explanation.status, STATUS_SIGNATURE_INVALID);
    assert_int_equal(explanation.hint_count, 1);
    assert_true(slice_find_slice(explanation.hints[0], SLICE("in the order sent")) == explanation.hints[0].len);
}

/* A path that is no encoding of anything, escapes that end early, more former secrets than are tried. */
static void odd_requests_are_explained_too(void **state)
{
    (void)state;
    static const struct slice former[] = {SLICE_INIT("1"), SLICE_INIT("2"), SLICE_INIT("3"), SLICE_INIT("4"),
                                          SLICE_INIT(FORMER_SECRET)};
    struct hint_row row = {.method = "GET",
                           .url = "https://api.example.com/%zz/%4",
                           .header = HEADER,
                           .signed_key = "fs-canary-55aa&ts-canary%2B91bd%2F"};
    struct described_request request = signed_request(&row);
    struct explain_options options = all_options();
    options.former_secrets = (struct slice_list){former, COUNT_OF(former)};
    struct explanation explanation = oauth_explain(&request, &options);
    assert_status(explanation.status, STATUS_SIGNATURE_INVALID);
    assert_true(slice_starts_with(explanation.hints[0], SLICE("nothing that was tried would match")));
}

/* With much to try, so that there are no tries left for the last; with little, and each spelling of the signature; with
 * the hash of another body. */
static size_t requests_with_hints(struct described_request *ret_requests)
{
    static const char *const signatures[] = {"%41", "4142", "NDE0Mg==", "A-_", "QQ=="};
    struct hint_row row = {.method = "POST",
                           .url = URL "?x=%20&y=%2F",
                           .header = "OAuth realm=\"r\", oauth_callback=\"a%2Fb\", " REST("HMAC-SHA1"),
                           .content_type = FORM,
                           .body = "a=1&a=0",
                           .signed_key = "wrong&"};
    size_t count = 0;
    ret_requests[count++] = signed_request(&row);
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
    struct explain_options options = hashed ? oauth_options("c", "t") : all_options();
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
    static struct CMUnitTest tests[COUNT_OF(hint_rows) + COUNT_OF(difference_rows) + COUNT_OF(verdict_rows) +
                                   COUNT_OF(spelled_rows) + COUNT_OF(hash_rows) + 17];
    size_t count = 0;
    ADD_ROWS(tests, count, hint_rows, gives_the_hint);
    ADD_TEST(tests, count, a_plus_in_the_signature_that_became_a_space);
    ADD_ROWS(tests, count, spelled_rows, reads_the_spelling);
    ADD_TEST(tests, count, the_ampersand_of_the_key_left_out);
    ADD_ROWS(tests, count, hash_rows, names_the_hash);
    ADD_TEST(tests, count, plaintext_gets_no_hint);
    ADD_TEST(tests, count, tries_at_most_32_changes);
    ADD_TEST(tests, count, the_promised_tries_always_have_their_turn);
    ADD_ROWS(tests, count, difference_rows, compares_base_strings);
    ADD_TEST(tests, count, says_whether_the_secrets_are_right_where_the_base_strings_differ);
    ADD_ROWS(tests, count, verdict_rows, gives_the_verdict);
    ADD_TEST(tests, count, shows_nothing_of_a_broken_url);
    ADD_TEST(tests, count, plain_http_is_refused_where_https_is_required);
    ADD_TEST(tests, count, a_method_that_is_not_allowed_is_refused);
    ADD_TEST(tests, count, an_rsa_client_has_no_shared_secret);
    ADD_TEST(tests, count, every_method_verifies);
    ADD_TEST(tests, count, empty_secrets_verify);
    ADD_TEST(tests, count, the_body_hash_is_judged_after_the_signature);
    ADD_TEST(tests, count, an_rsa_mismatch_gets_hints);
    ADD_TEST(tests, count, many_parameters_are_explained_too);
    ADD_TEST(tests, count, odd_requests_are_explained_too);
    ADD_TEST(tests, count, full_arenas_are_reported);
    return RUN_TESTS(tests, count);
}
