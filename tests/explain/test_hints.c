/* A hint for each mistake that clients and proxies make, and none that tells a secret. */
#include "base/base64.h"
#include "base/percent.h"
#include "explain/explain_bench.h"

#include <stdio.h>

static const struct signed_otherwise hint_rows[] = {
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
    {"the_fourth_parameter_encoded_twice", "GET", URL "?p=%26&q=%26&r=%26&s=%26", HEADER,
     .signed_base_string = BASE("%2Fphotos") SIGNED_PARAMS "%26p%3D%2526%26q%3D%2526%26r%3D%2526%26s%3D%252526",
     .hint = "would match with parameter s encoded twice: the client encodes it once too often in its base string"},
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

static void gives_the_hint(void **state)
{
    const struct signed_otherwise *row = *state;
    struct described_request request = oauth_request(row->method, row->url, row->header, row->content_type, row->body);
    request.authorization =
        oauth_with_parameter(request.authorization, "oauth_signature", explain_bench_signature(row));
    struct explain_options options = explain_bench_options();
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
    struct signed_otherwise right = {.method = "GET", .url = URL, .header = HEADER};
    struct described_request request = oauth_request("GET", URL, HEADER, NULL, NULL);
    struct explain_options options = explain_bench_options();
    struct buf spelled = buf_in(oauth_arena());
    row->spell(explain_bench_signature(&right), &spelled);
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
    struct signed_otherwise row = {.method = "GET", .url = URL, .header = HEADER, .signed_key = "c%20s"};
    struct described_request request = oauth_request("GET", URL, HEADER, NULL, NULL);
    request.authorization =
        oauth_with_parameter(request.authorization, "oauth_signature", explain_bench_signature(&row));
    struct explain_options options = oauth_options("c s", NULL);
    struct explanation explanation = oauth_explain(&request, &options);
    assert_status(explanation.status, STATUS_SIGNATURE_INVALID);
    assert_slice_equal(explanation.hints[0],
                       SLICE("would match without the '&' of the key: it is there even if the token secret is empty"));
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
        struct explain_options options = explain_bench_options();
        options.client_base_string = SLICE("GET&x&y");
        request.authorization =
            oauth_with_parameter(request.authorization, "oauth_signature", slice_str(signatures[i]));
        struct explanation explanation = oauth_explain(&request, &options);
        assert_status(explanation.status, STATUS_SIGNATURE_INVALID);
        assert_int_equal(explanation.hint_count, 0);
    }
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
        struct signed_otherwise row = {.method = "GET", .url = URL, .header = HEADER, .signed_url = url};
        struct described_request request = explain_bench_request(&row);
        struct explain_options options = explain_bench_options();
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
    struct signed_otherwise rows[] = {
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
        struct described_request request = explain_bench_request(&rows[i]);
        struct explain_options options = explain_bench_options();
        options.former_secrets = (struct slice_list){former, COUNT_OF(former)};
        options.origins = (struct slice_list){origins, COUNT_OF(origins)};
        options.path_prefixes = (struct slice_list){prefixes, COUNT_OF(prefixes)};
        struct explanation explanation = oauth_explain(&request, &options);
        assert_int_equal(explanation.hint_count, 1);
        if (!slice_starts_with(explanation.hints[0], slice_str(rows[i].hint)))
            assert_slice_equal(explanation.hints[0], slice_str(rows[i].hint));
    }
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
    struct explain_options options = explain_bench_options();
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
    struct signed_otherwise row = {.method = "GET",
                                   .url = "https://api.example.com/%zz/%4",
                                   .header = HEADER,
                                   .signed_key = "fs-canary-55aa&ts-canary%2B91bd%2F"};
    struct described_request request = explain_bench_request(&row);
    struct explain_options options = explain_bench_options();
    options.former_secrets = (struct slice_list){former, COUNT_OF(former)};
    struct explanation explanation = oauth_explain(&request, &options);
    assert_status(explanation.status, STATUS_SIGNATURE_INVALID);
    assert_true(slice_starts_with(explanation.hints[0], SLICE("nothing that was tried would match")));
}

int main(void)
{
    static struct CMUnitTest tests[COUNT_OF(hint_rows) + COUNT_OF(spelled_rows) + 8];
    size_t count = 0;
    ADD_ROWS(tests, count, hint_rows, gives_the_hint);
    ADD_TEST(tests, count, a_plus_in_the_signature_that_became_a_space);
    ADD_ROWS(tests, count, spelled_rows, reads_the_spelling);
    ADD_TEST(tests, count, the_ampersand_of_the_key_left_out);
    ADD_TEST(tests, count, plaintext_gets_no_hint);
    ADD_TEST(tests, count, tries_at_most_32_changes);
    ADD_TEST(tests, count, the_promised_tries_always_have_their_turn);
    ADD_TEST(tests, count, an_rsa_mismatch_gets_hints);
    ADD_TEST(tests, count, many_parameters_are_explained_too);
    ADD_TEST(tests, count, odd_requests_are_explained_too);
    return RUN_TESTS(tests, count);
}
