#include "gateway_dialect.h"

#include "support/test.h"

/* One call of a gateway: its headers as "Name: value", an empty name ends them. */
struct row {
    const char *title;
    enum dialect dialect;
    const char *headers[10];
    const char *url;   /* what is described, or NULL: refused */
    const char *names; /* what the refusal names */
};

#define METHOD "X-Forwarded-Method: GET"
#define PROTO  "X-Forwarded-Proto: https"
#define HOST   "X-Forwarded-Host: api.example"
#define URI    "X-Forwarded-Uri: /photos?a=1,2"
#define O_GET  "X-Original-Method: GET"
#define O_URL  "X-Original-URL: https://api.example/photos"

static const struct slice origins[] = {
    SLICE_INIT("https://api.example"),       SLICE_INIT("https://both.example"), SLICE_INIT("http://both.example"),
    SLICE_INIT("https://port.example:8443"), SLICE_INIT("http://plain.example"), SLICE_INIT("https://[::1]:9000"),
};

static const struct row rows[] = {
    /* X-Forwarded-* */
    {"four headers", DIALECT_VERIFY, {METHOD, PROTO, HOST, URI}, "https://api.example/photos?a=1,2", NULL},
    {"no method", DIALECT_VERIFY, {PROTO, HOST, URI}, NULL, "X-Forwarded-Method is missing"},
    {"no proto", DIALECT_VERIFY, {METHOD, HOST, URI}, NULL, "X-Forwarded-Proto is missing"},
    {"no host", DIALECT_VERIFY, {METHOD, PROTO, URI}, NULL, "X-Forwarded-Host is missing"},
    {"no uri", DIALECT_VERIFY, {METHOD, PROTO, HOST}, NULL, "X-Forwarded-Uri is missing"},
    {"empty method", DIALECT_VERIFY, {"X-Forwarded-Method: ", PROTO, HOST, URI}, NULL, "X-Forwarded-Method is empty"},
    {"empty proto", DIALECT_VERIFY, {METHOD, "X-Forwarded-Proto: ", HOST, URI}, NULL, "X-Forwarded-Proto is empty"},
    {"empty host", DIALECT_VERIFY, {METHOD, PROTO, "X-Forwarded-Host: ", URI}, NULL, "X-Forwarded-Host is empty"},
    {"empty uri", DIALECT_VERIFY, {METHOD, PROTO, HOST, "X-Forwarded-Uri: "}, NULL, "X-Forwarded-Uri is empty"},
    {"two methods", DIALECT_VERIFY, {METHOD, METHOD, PROTO, HOST, URI}, NULL, "X-Forwarded-Method is there more"},
    {"two protos", DIALECT_VERIFY, {METHOD, PROTO, PROTO, HOST, URI}, NULL, "X-Forwarded-Proto is there more"},
    {"two hosts", DIALECT_VERIFY, {METHOD, PROTO, HOST, "x-forwarded-host: b", URI}, NULL, "X-Forwarded-Host is there"},
    {"two uris", DIALECT_VERIFY, {METHOD, PROTO, HOST, URI, URI}, NULL, "X-Forwarded-Uri is there more"},
    {"a list of methods", DIALECT_VERIFY, {"X-Forwarded-Method: GET,POST", PROTO, HOST, URI}, NULL, "holds a comma"},
    {"a list of protos", DIALECT_VERIFY, {METHOD, "X-Forwarded-Proto: https,http", HOST, URI}, NULL, "holds a comma"},
    {"a list of protos with a space",
     DIALECT_VERIFY,
     {METHOD, "X-Forwarded-Proto: https, http", HOST, URI},
     NULL,
     "X-Forwarded-Proto holds a space"},
    {"a list of hosts", DIALECT_VERIFY, {METHOD, PROTO, "X-Forwarded-Host: api.example,b", URI}, NULL, "holds a comma"},
    {"a space in the uri",
     DIALECT_VERIFY,
     {METHOD, PROTO, HOST, "X-Forwarded-Uri: /a b"},
     NULL,
     "X-Forwarded-Uri holds"},
    {"a tab in the uri",
     DIALECT_VERIFY,
     {METHOD, PROTO, HOST, "X-Forwarded-Uri: /a\tb"},
     NULL,
     "X-Forwarded-Uri holds"},
    {"a control in the uri",
     DIALECT_VERIFY,
     {METHOD, PROTO, HOST, "X-Forwarded-Uri: /a\x01"},
     NULL,
     "X-Forwarded-Uri holds"},
    {"a uri without a slash", DIALECT_VERIFY, {METHOD, PROTO, HOST, "X-Forwarded-Uri: photos"}, NULL, "slash"},
    {"an absolute uri", DIALECT_VERIFY, {METHOD, PROTO, HOST, "X-Forwarded-Uri: https://b/"}, NULL, "slash"},
    {"odd paths stay",
     DIALECT_VERIFY,
     {METHOD, PROTO, HOST, "X-Forwarded-Uri: //a/../%2F%7e{}|\xC3\xA9;p?"},
     "https://api.example//a/../%2F%7e{}|\xC3\xA9;p?",
     NULL},
    {"a proto of its own",
     DIALECT_VERIFY,
     {METHOD, "X-Forwarded-Proto: wss", HOST, URI},
     NULL,
     "neither http nor https"},
    {"a host with a path", DIALECT_VERIFY, {METHOD, PROTO, "X-Forwarded-Host: api.example/x", URI}, NULL, "no host"},
    {"a host with a query", DIALECT_VERIFY, {METHOD, PROTO, "X-Forwarded-Host: api.example?x", URI}, NULL, "no host"},
    {"a host with a user", DIALECT_VERIFY, {METHOD, PROTO, "X-Forwarded-Host: a@api.example", URI}, NULL, "no host"},
    {"a host with a fragment", DIALECT_VERIFY, {METHOD, PROTO, "X-Forwarded-Host: api.example#", URI}, NULL, "no host"},
    {"another host", DIALECT_VERIFY, {METHOD, PROTO, "X-Forwarded-Host: evil.example", URI}, NULL, "OAUTH1_ORIGINS"},
    {"a longer host",
     DIALECT_VERIFY,
     {METHOD, PROTO, "X-Forwarded-Host: api.example.evil", URI},
     NULL,
     "OAUTH1_ORIGINS"},
    {"another port",
     DIALECT_VERIFY,
     {METHOD, PROTO, "X-Forwarded-Host: api.example:8443", URI},
     NULL,
     "OAUTH1_ORIGINS"},
    {"the port is not X-Forwarded-Port's",
     DIALECT_VERIFY,
     {METHOD, PROTO, "X-Forwarded-Host: port.example", URI, "X-Forwarded-Port: 8443"},
     NULL,
     "OAUTH1_ORIGINS"},
    {"the origin gives the scheme",
     DIALECT_VERIFY,
     {METHOD, "X-Forwarded-Proto: http", HOST, URI},
     "https://api.example/photos?a=1,2",
     NULL},
    {"the origin gives the scheme, also http",
     DIALECT_VERIFY,
     {METHOD, PROTO, "X-Forwarded-Host: plain.example", URI},
     "http://plain.example/photos?a=1,2",
     NULL},
    {"where both are listed the gateway's word counts",
     DIALECT_VERIFY,
     {METHOD, "X-Forwarded-Proto: http", "X-Forwarded-Host: both.example", URI},
     "http://both.example/photos?a=1,2",
     NULL},
    {"where both are listed, https",
     DIALECT_VERIFY,
     {METHOD, "X-Forwarded-Proto: HTTPS", "X-Forwarded-Host: both.example", URI},
     "https://both.example/photos?a=1,2",
     NULL},
    {"the port tells the two apart",
     DIALECT_VERIFY,
     {METHOD, PROTO, "X-Forwarded-Host: both.example:80", URI},
     "http://both.example/photos?a=1,2",
     NULL},
    {"a host in capitals, its own port written",
     DIALECT_VERIFY,
     {METHOD, PROTO, "X-Forwarded-Host: API.example:443", URI},
     "https://api.example/photos?a=1,2",
     NULL},
    {"a port that is listed",
     DIALECT_VERIFY,
     {METHOD, PROTO, "X-Forwarded-Host: port.example:8443", URI},
     "https://port.example:8443/photos?a=1,2",
     NULL},
    {"IPv6",
     DIALECT_VERIFY,
     {METHOD, PROTO, "X-Forwarded-Host: [::1]:9000", URI},
     "https://[::1]:9000/photos?a=1,2",
     NULL},
    {"headers of the others",
     DIALECT_VERIFY,
     {METHOD, PROTO, HOST, URI, "X-Original-URL: https://evil.example/", "X-Original-Method: DELETE", "Host: evil"},
     "https://api.example/photos?a=1,2",
     NULL},
    {"only headers of another", DIALECT_VERIFY, {O_GET, O_URL}, NULL, "X-Forwarded-Method is missing"},
    /* X-Original-* */
    {"two headers", DIALECT_AUTH_REQUEST, {O_GET, O_URL}, "https://api.example/photos", NULL},
    {"no method", DIALECT_AUTH_REQUEST, {O_URL}, NULL, "X-Original-Method is missing"},
    {"no url", DIALECT_AUTH_REQUEST, {O_GET}, NULL, "X-Original-URL is missing"},
    {"empty method", DIALECT_AUTH_REQUEST, {"X-Original-Method: ", O_URL}, NULL, "X-Original-Method is empty"},
    {"empty url", DIALECT_AUTH_REQUEST, {O_GET, "X-Original-URL: "}, NULL, "X-Original-URL is empty"},
    {"two methods", DIALECT_AUTH_REQUEST, {O_GET, O_GET, O_URL}, NULL, "X-Original-Method is there more"},
    {"two urls",
     DIALECT_AUTH_REQUEST,
     {O_GET, O_URL, "x-original-url: https://api.example/"},
     NULL,
     "X-Original-URL is"},
    {"a list of methods", DIALECT_AUTH_REQUEST, {"X-Original-Method: GET,PUT", O_URL}, NULL, "holds a comma"},
    {"a comma in the url",
     DIALECT_AUTH_REQUEST,
     {O_GET, "X-Original-URL: https://api.example/p?a=1,2"},
     "https://api.example/p?a=1,2",
     NULL},
    {"a space in the url", DIALECT_AUTH_REQUEST, {O_GET, "X-Original-URL: https://api.example/a b"}, NULL, "a space"},
    {"a control in the url",
     DIALECT_AUTH_REQUEST,
     {O_GET, "X-Original-URL: https://api.example/\x7F"},
     NULL,
     "control"},
    {"a path alone", DIALECT_AUTH_REQUEST, {O_GET, "X-Original-URL: /photos"}, NULL, "no absolute"},
    {"another scheme", DIALECT_AUTH_REQUEST, {O_GET, "X-Original-URL: ftp://api.example/"}, NULL, "no absolute"},
    {"a user in the url", DIALECT_AUTH_REQUEST, {O_GET, "X-Original-URL: https://u@api.example/"}, NULL, "no absolute"},
    {"another origin", DIALECT_AUTH_REQUEST, {O_GET, "X-Original-URL: https://evil.example/"}, NULL, "OAUTH1_ORIGINS"},
    {"an origin in its path",
     DIALECT_AUTH_REQUEST,
     {O_GET, "X-Original-URL: https://evil.example/https://api.example/"},
     NULL,
     "OAUTH1_ORIGINS"},
    {"the origin gives the scheme",
     DIALECT_AUTH_REQUEST,
     {O_GET, "X-Original-URL: http://api.example//x?y"},
     "https://api.example//x?y",
     NULL},
    {"no path", DIALECT_AUTH_REQUEST, {O_GET, "X-Original-URL: https://API.example?x"}, "https://api.example?x", NULL},
    {"headers of the others",
     DIALECT_AUTH_REQUEST,
     {O_GET, O_URL, "X-Forwarded-Method: PUT", "X-Forwarded-Proto: http", "X-Forwarded-Host: a,b",
      "X-Forwarded-Uri: x"},
     "https://api.example/photos",
     NULL},
    {"only headers of another", DIALECT_AUTH_REQUEST, {METHOD, PROTO, HOST, URI}, NULL, "X-Original-Method is missing"},
    /* the call's own */
    {"the call itself", DIALECT_EXT_AUTHZ, {"Host: api.example", PROTO}, "https://api.example/sub//path?q=%2F", NULL},
    {"no Host", DIALECT_EXT_AUTHZ, {PROTO}, NULL, "Host is missing"},
    {"no proto", DIALECT_EXT_AUTHZ, {"Host: api.example"}, NULL, "X-Forwarded-Proto is missing"},
    {"two protos", DIALECT_EXT_AUTHZ, {"Host: api.example", PROTO, PROTO}, NULL, "X-Forwarded-Proto is there more"},
    {"a list of protos", DIALECT_EXT_AUTHZ, {"Host: api.example", "X-Forwarded-Proto: https,https"}, NULL, "comma"},
    {"another Host", DIALECT_EXT_AUTHZ, {"Host: evil.example", PROTO}, NULL, "OAUTH1_ORIGINS"},
    {"headers of the others",
     DIALECT_EXT_AUTHZ,
     {"Host: api.example", PROTO, "X-Forwarded-Host: evil", "X-Forwarded-Uri: /evil", "X-Forwarded-Method: PUT", O_URL},
     "https://api.example/sub//path?q=%2F",
     NULL},
    /* all of them */
    {"two content types",
     DIALECT_VERIFY,
     {METHOD, PROTO, HOST, URI, "Content-Type: text/plain", "Content-Type: application/json"},
     NULL,
     "Content-Type is there more"},
    {"two required scopes",
     DIALECT_VERIFY,
     {METHOD, PROTO, HOST, URI, "X-OAuth-Required-Scope: a", "X-OAuth-Required-Scope: b"},
     NULL,
     "X-OAuth-Required-Scope is there more"},
    {"two authorizations",
     DIALECT_VERIFY,
     {METHOD, PROTO, HOST, URI, "Authorization: OAuth a", "Authorization: OAuth b"},
     NULL,
     "Authorization is there more"},
    {"two lengths",
     DIALECT_VERIFY,
     {METHOD, PROTO, HOST, URI, "X-Forwarded-Content-Length: 0", "x-forwarded-content-length: 5"},
     NULL,
     "X-Forwarded-Content-Length is there more"},
    {"two lengths",
     DIALECT_AUTH_REQUEST,
     {O_GET, O_URL, "X-Original-Content-Length: 0", "X-Original-Content-Length: 0"},
     NULL,
     "X-Original-Content-Length is there more"},
    {"two lengths",
     DIALECT_EXT_AUTHZ,
     {"Host: api.example", PROTO, "X-Forwarded-Content-Length: 0", "X-Forwarded-Content-Length: 0"},
     NULL,
     "X-Forwarded-Content-Length is there more"},
};

/* One request of the transport's; the headers' texts live in the row. */
static struct request request_of_row(const struct row *row, struct header *headers)
{
    struct request request = {
        .method = SLICE("GET"),
        .path = SLICE("/verify/ext-authz/sub//path"),
        .query = SLICE("q=%2F"),
        .headers = headers,
        .body = SLICE(""),
    };
    for (; row->headers[request.header_count]; request.header_count++) {
        struct slice line = slice_str(row->headers[request.header_count]);
        bool has_colon;
        headers[request.header_count].name = slice_cut(&line, ':', &has_colon);
        headers[request.header_count].value = slice_trim(line);
    }
    return request;
}

static bool holds(const struct row *row, struct arena *arena)
{
    static const struct config_strings list = {origins, COUNT_OF(origins)};
    struct header headers[COUNT_OF(row->headers)];
    struct request request = request_of_row(row, headers);
    struct call call = {0};
    struct problem problem = {0};
    enum status status = gateway_dialect_read(row->dialect, &request, &list, arena, &call, &problem);
    if (row->url)
        return status == STATUS_OK && slice_eq(call.request.url, slice_str(row->url)) &&
               slice_eq(call.request.method, SLICE("GET"));
    return status == STATUS_MALFORMED && problem.status == STATUS_MALFORMED &&
           strstr(problem_text(&problem), row->names);
}

static void reads_its_own_dialect_and_no_other(void **state)
{
    (void)state;
    size_t wrong = 0;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct arena arena;
        arena_init(&arena, 1 << 16);
        if (!holds(&rows[i], &arena)) {
            print_error("row %zu: %s\n", i, rows[i].title);
            wrong++;
        }
        arena_done(&arena);
    }
    assert_int_equal(wrong, 0);
}

/* By the gateway's own word, and not by the origin that is listed. */
static void says_by_which_scheme_the_request_came(void **state)
{
    (void)state;
    static const struct config_strings list = {origins, COUNT_OF(origins)};
    static const struct {
        struct row row;
        bool came_by_http;
    } schemes[] = {
        {{.dialect = DIALECT_VERIFY, .headers = {METHOD, PROTO, HOST, URI}}, false},
        {{.dialect = DIALECT_VERIFY, .headers = {METHOD, "X-Forwarded-Proto: http", HOST, URI}}, true},
        {{.dialect = DIALECT_VERIFY, .headers = {METHOD, PROTO, "X-Forwarded-Host: plain.example", URI}}, false},
        {{.dialect = DIALECT_AUTH_REQUEST, .headers = {O_GET, O_URL}}, false},
        {{.dialect = DIALECT_AUTH_REQUEST, .headers = {O_GET, "X-Original-URL: http://api.example/"}}, true},
        {{.dialect = DIALECT_EXT_AUTHZ, .headers = {"Host: api.example", PROTO}}, false},
        {{.dialect = DIALECT_EXT_AUTHZ, .headers = {"Host: api.example", "X-Forwarded-Proto: http"}}, true},
    };
    for (size_t i = 0; i < COUNT_OF(schemes); i++) {
        struct arena arena;
        struct header headers[COUNT_OF(schemes[i].row.headers)];
        struct request request = request_of_row(&schemes[i].row, headers);
        struct call call = {0};
        struct problem problem = {0};
        arena_init(&arena, 1 << 16);
        assert_status(gateway_dialect_read(schemes[i].row.dialect, &request, &list, &arena, &call, &problem),
                      STATUS_OK);
        assert_int_equal(call.came_by_http, schemes[i].came_by_http);
        arena_done(&arena);
    }
}

static struct slice body_of(const char *extra, enum dialect dialect, const char *body)
{
    static const struct config_strings list = {origins, COUNT_OF(origins)};
    const struct row row = {.dialect = dialect,
                            .headers = {"Host: api.example", METHOD, PROTO, HOST, URI, O_GET, O_URL, extra}};
    static struct arena arena;
    struct header headers[COUNT_OF(row.headers)];
    struct request request = request_of_row(&row, headers);
    struct call call = {0};
    struct problem problem = {0};
    request.body = slice_str(body);
    arena_init(&arena, 1 << 16);
    assert_status(gateway_dialect_read(dialect, &request, &list, &arena, &call, &problem), STATUS_OK);
    arena_done(&arena);
    return call.request.body;
}

/* Gateways say Content-Length: 0 of their own call, whatever the client sent. */
static void an_empty_body_of_the_call_proves_nothing(void **state)
{
    (void)state;
    assert_true(slice_is_absent(body_of("Content-Length: 0", DIALECT_VERIFY, "")));
    assert_true(slice_is_absent(body_of(NULL, DIALECT_EXT_AUTHZ, "")));
    assert_slice_equal(body_of(NULL, DIALECT_VERIFY, "a=1"), SLICE("a=1"));
    assert_slice_equal(body_of(NULL, DIALECT_VERIFY, "a"), SLICE("a"));
    assert_slice_equal(body_of(NULL, DIALECT_AUTH_REQUEST, "a=1"), SLICE("a=1"));
}

static bool is_known_to_be_empty(struct slice body)
{
    return body.len == 0 && !slice_is_absent(body);
}

#define LENGTH   "X-Forwarded-Content-Length: "
#define O_LENGTH "X-Original-Content-Length: "

static void a_body_is_empty_where_the_gateway_says_that_its_length_is_0(void **state)
{
    (void)state;
    assert_true(is_known_to_be_empty(body_of(LENGTH "0", DIALECT_VERIFY, "")));
    assert_true(is_known_to_be_empty(body_of(O_LENGTH "0", DIALECT_AUTH_REQUEST, "")));
    assert_true(is_known_to_be_empty(body_of(LENGTH "0", DIALECT_EXT_AUTHZ, "")));
    /* the header of another dialect may be the client's */
    assert_true(slice_is_absent(body_of(O_LENGTH "0", DIALECT_VERIFY, "")));
    assert_true(slice_is_absent(body_of(LENGTH "0", DIALECT_AUTH_REQUEST, "")));
    assert_true(slice_is_absent(body_of(O_LENGTH "0", DIALECT_EXT_AUTHZ, "")));
}

static void any_other_length_leaves_the_body_unknown(void **state)
{
    (void)state;
    static const char *const lines[] = {
        LENGTH "",    LENGTH "1",    LENGTH "00",  LENGTH "-0", LENGTH "+0",
        LENGTH "0x0", LENGTH "0, 0", LENGTH "0,0", LENGTH "-",
    };
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        assert_true(slice_is_absent(body_of(lines[i], DIALECT_VERIFY, "")));
        assert_slice_equal(body_of(lines[i], DIALECT_VERIFY, "a=1"), SLICE("a=1"));
    }
}

/* Traefik hands every body over, and can say nothing but one text for all requests. */
static void a_body_that_is_there_counts_whatever_length_is_said(void **state)
{
    (void)state;
    static char cut[CALL_BODY_MAX_BYTES + 1];
    memset(cut, 'a', CALL_BODY_MAX_BYTES);
    assert_slice_equal(body_of(LENGTH "0", DIALECT_VERIFY, "a=1"), SLICE("a=1"));
    assert_slice_equal(body_of(LENGTH "0", DIALECT_EXT_AUTHZ, "a=1"), SLICE("a=1"));
    assert_true(slice_is_absent(body_of(LENGTH "0", DIALECT_EXT_AUTHZ, cut)));
}

static void a_body_that_envoy_cut_off_was_not_handed_over(void **state)
{
    (void)state;
    static const char cut[] = "x-envoy-auth-partial-body: true";
    assert_true(slice_is_absent(body_of(cut, DIALECT_EXT_AUTHZ, "a=1")));
    assert_true(slice_is_absent(body_of("x-envoy-auth-partial-body: ", DIALECT_EXT_AUTHZ, "a=1")));
    assert_slice_equal(body_of("x-envoy-auth-partial-body: false", DIALECT_EXT_AUTHZ, "a=1"), SLICE("a=1"));
    assert_slice_equal(body_of(cut, DIALECT_VERIFY, "a=1"), SLICE("a=1")); /* another dialect's header */
}

static void a_body_of_which_two_things_are_said_was_not_handed_over(void **state)
{
    (void)state;
    static const struct config_strings list = {origins, COUNT_OF(origins)};
    static const struct row row = {.dialect = DIALECT_EXT_AUTHZ,
                                   .headers = {"Host: api.example", PROTO, "x-envoy-auth-partial-body: false",
                                               "x-envoy-auth-partial-body: false"}};
    struct header headers[COUNT_OF(row.headers)];
    struct request request = request_of_row(&row, headers);
    struct call call = {0};
    struct problem problem = {0};
    struct arena arena;
    arena_init(&arena, 1 << 16);
    request.body = SLICE("a=1");
    assert_status(gateway_dialect_read(row.dialect, &request, &list, &arena, &call, &problem), STATUS_OK);
    assert_true(slice_is_absent(call.request.body));
    arena_done(&arena);
}

/* What follows the prefix, and its query, if there is one. */
static void the_original_target_of_ext_authz_is_what_follows_the_prefix(void **state)
{
    (void)state;
    static const struct config_strings list = {origins, COUNT_OF(origins)};
    static const struct row row = {.dialect = DIALECT_EXT_AUTHZ, .headers = {"Host: api.example", PROTO}};
    static const struct {
        const char *path, *query, *url; /* NULL: none, refused */
    } targets[] = {
        {"/verify/ext-authz/", NULL, "https://api.example/"},
        {"/verify/ext-authz/a", "", "https://api.example/a?"},
        {"/verify/ext-authz//verify/ext-authz/a", "b=c?", "https://api.example//verify/ext-authz/a?b=c?"},
        {"/verify/ext-authz", NULL, NULL},
        {"/verify/ext-authz", "/a", NULL},
    };
    for (size_t i = 0; i < COUNT_OF(targets); i++) {
        struct header headers[COUNT_OF(row.headers)];
        struct request request = request_of_row(&row, headers);
        struct call call = {0};
        struct problem problem = {0};
        struct arena arena;
        arena_init(&arena, 1 << 16);
        request.path = slice_str(targets[i].path);
        request.query = slice_str(targets[i].query);
        enum status status = gateway_dialect_read(row.dialect, &request, &list, &arena, &call, &problem);
        assert_status(status, targets[i].url ? STATUS_OK : STATUS_MALFORMED);
        if (targets[i].url)
            assert_slice_equal(call.request.url, slice_str(targets[i].url));
        arena_done(&arena);
    }
}

/* Envoy compares what it sends with what it holds, not with what is still to come: cut at exactly its limit, a body is
 * called whole. */
static void a_body_that_fills_the_limit_may_have_been_cut_off_by_envoy(void **state)
{
    (void)state;
    static const char whole[] = "x-envoy-auth-partial-body: false";
    static char body[CALL_BODY_MAX_BYTES + 1];
    memset(body, 'a', CALL_BODY_MAX_BYTES);
    assert_true(slice_is_absent(body_of(whole, DIALECT_EXT_AUTHZ, body)));
    assert_true(slice_is_absent(body_of(NULL, DIALECT_EXT_AUTHZ, body)));
    assert_int_equal(body_of(NULL, DIALECT_VERIFY, body).len, CALL_BODY_MAX_BYTES);
    body[CALL_BODY_MAX_BYTES - 1] = '\0';
    assert_int_equal(body_of(whole, DIALECT_EXT_AUTHZ, body).len, CALL_BODY_MAX_BYTES - 1);
}

/* Never a URL that is cut off, nor a refusal without its reason. */
static void a_full_arena_is_reported(void **state)
{
    (void)state;
    static const struct config_strings list = {origins, COUNT_OF(origins)};
    static const struct row good[] = {
        {.dialect = DIALECT_VERIFY, .headers = {METHOD, PROTO, HOST, URI}, .url = "https://api.example/photos?a=1,2"},
        {.dialect = DIALECT_AUTH_REQUEST, .headers = {O_GET, O_URL}, .url = "https://api.example/photos"},
        {.dialect = DIALECT_EXT_AUTHZ,
         .headers = {"Host: api.example", PROTO},
         .url = "https://api.example/sub//path?q=%2F"},
        {.dialect = DIALECT_VERIFY, .headers = {METHOD}},
    };
    size_t failures = 0;
    for (size_t i = 0; i < COUNT_OF(good); i++)
        for (size_t limit = 0; limit < 4096; limit += 16) {
            struct arena arena;
            struct header headers[COUNT_OF(good[i].headers)];
            struct request request = request_of_row(&good[i], headers);
            struct call call = {0};
            struct problem problem = {0};
            arena_init(&arena, limit);
            enum status status = gateway_dialect_read(good[i].dialect, &request, &list, &arena, &call, &problem);
            failures += status == STATUS_NO_MEMORY;
            if (status == STATUS_NO_MEMORY)
                assert_status(problem.status, STATUS_NO_MEMORY);
            else if (good[i].url)
                assert_slice_equal(call.request.url, slice_str(good[i].url));
            else
                assert_string_equal(problem_text(&problem), "X-Forwarded-Proto is missing: the gateway must set it");
            arena_done(&arena);
        }
    assert_true(failures > 3);
}

static void reads_what_all_dialects_share(void **state)
{
    (void)state;
    static const struct config_strings list = {origins, COUNT_OF(origins)};
    static const struct row row = {.headers = {METHOD, PROTO, HOST, URI, "Authorization: OAuth x",
                                               "Content-Type: text/plain", "X-OAuth-Required-Scope: a b"}};
    struct header headers[COUNT_OF(row.headers)];
    struct request request = request_of_row(&row, headers);
    struct call call = {0};
    struct problem problem = {0};
    struct arena arena;
    arena_init(&arena, 1 << 16);
    assert_status(gateway_dialect_read(DIALECT_VERIFY, &request, &list, &arena, &call, &problem), STATUS_OK);
    assert_slice_equal(call.request.authorization, SLICE("OAuth x"));
    assert_slice_equal(call.request.content_type, SLICE("text/plain"));
    assert_slice_equal(call.required_scope, SLICE("a b"));
    assert_false(call.explain);
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_its_own_dialect_and_no_other),
        cmocka_unit_test(says_by_which_scheme_the_request_came),
        cmocka_unit_test(an_empty_body_of_the_call_proves_nothing),
        cmocka_unit_test(a_body_is_empty_where_the_gateway_says_that_its_length_is_0),
        cmocka_unit_test(any_other_length_leaves_the_body_unknown),
        cmocka_unit_test(a_body_that_is_there_counts_whatever_length_is_said),
        cmocka_unit_test(a_body_that_envoy_cut_off_was_not_handed_over),
        cmocka_unit_test(a_body_that_fills_the_limit_may_have_been_cut_off_by_envoy),
        cmocka_unit_test(a_body_of_which_two_things_are_said_was_not_handed_over),
        cmocka_unit_test(the_original_target_of_ext_authz_is_what_follows_the_prefix),
        cmocka_unit_test(a_full_arena_is_reported),
        cmocka_unit_test(reads_what_all_dialects_share),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
