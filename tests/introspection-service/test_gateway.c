#include "gateway.h"

#include "asked_bench.h"
#include "base/log.h"
#include "gateway_dialect.h"
#include "support/oauth.h"

#include <stdio.h>
#include <unistd.h>

enum { HEADERS_MAX = 8 };

/* The headers by which each dialect describes GET https://api.example/photos. */
static const struct dialect_row {
    const char *path;
    const char *headers[5][2];
} dialects[] = {
    {GATEWAY_VERIFY_PATH,
     {{"X-Forwarded-Method", "GET"},
      {"X-Forwarded-Proto", "https"},
      {"X-Forwarded-Host", "api.example"},
      {"X-Forwarded-Uri", "/photos"}}},
    {GATEWAY_AUTH_REQUEST_PATH, {{"X-Original-Method", "GET"}, {"X-Original-URL", "https://api.example/photos"}}},
};

/* Asks in the dialect of `spoken` at the path of `asked`; absent: left out. */
static int ask(struct asked_bench *bench, const struct dialect_row *asked, const struct dialect_row *spoken,
               struct slice authorization, const char *scope)
{
    struct header headers[HEADERS_MAX];
    struct asked_call call = {.path = asked->path, .headers = headers};
    for (; spoken->headers[call.header_count][0]; call.header_count++) {
        headers[call.header_count].name = slice_str(spoken->headers[call.header_count][0]);
        headers[call.header_count].value = slice_str(spoken->headers[call.header_count][1]);
    }
    if (!slice_is_absent(authorization))
        headers[call.header_count++] = (struct header){SLICE("Authorization"), authorization};
    if (scope)
        headers[call.header_count++] = (struct header){SLICE("X-OAuth-Required-Scope"), slice_str(scope)};
    return asked_bench_ask(bench, &call);
}

static void lets_in_by_200_with_all_seven_headers(void **state)
{
    struct asked_bench *bench = *state;
    static const char *const names[] = {"X-OAuth-Client-Id", "X-OAuth-Subject", "X-OAuth-Username", "X-OAuth-Scope",
                                        "X-OAuth-Token-Id",  "X-OAuth-Legs",    "X-OAuth-Body-Hash"};
    for (size_t i = 0; i < COUNT_OF(dialects); i++) {
        char nonce[] = {(char)('0' + i), '\0'};
        assert_int_equal(ask(bench, &dialects[i], &dialects[i], asked_bench_sign(bench, "a", nonce), NULL), 200);
        for (size_t n = 0; n < COUNT_OF(names); n++)
            assert_true(asked_bench_header(bench, names[n]).len > 0);
        assert_slice_equal(asked_bench_header(bench, "X-OAuth-Legs"), SLICE("2"));
        assert_int_equal(bench->source.calls, i + 1); /* one question each time */
        assert_slice_equal(asked_bench_header(bench, "Cache-Control"), SLICE("no-store"));
    }
}

static void each_path_takes_no_other_dialect(void **state)
{
    struct asked_bench *bench = *state;
    struct slice good = asked_bench_sign(bench, "a", "0");
    const struct dialect_row ext_authz = {.path = GATEWAY_EXT_AUTHZ_PATH};
    assert_int_equal(ask(bench, &dialects[0], &dialects[1], good, NULL), 401);
    assert_true(asked_bench_says(bench, "\"X-Forwarded-Method is missing"));
    assert_int_equal(ask(bench, &dialects[1], &dialects[0], good, NULL), 401);
    assert_true(asked_bench_says(bench, "\"X-Original-Method is missing"));
    assert_int_equal(ask(bench, &ext_authz, &dialects[0], good, NULL), 401);
    assert_true(asked_bench_says(bench, "\"Host is missing"));
    assert_true(slice_is_absent(asked_bench_header(bench, "X-OAuth-Client-Id")));
    assert_int_equal(ask(bench, &dialects[1], &dialects[1], good, NULL), 200); /* nothing was spent */
}

static void is_shut_for_strangers_and_without_origins(void **state)
{
    struct asked_bench *bench = *state;
    struct asked_call call = {.path = GATEWAY_VERIFY_PATH, .is_strangers = true};
    assert_int_equal(asked_bench_ask(bench, &call), 403);
    assert_true(asked_bench_says(bench, "\"OAUTH1_TRUSTED_PROXIES: not set for this peer"));
    assert_false(bench->request.earns_connection);
    call.head_fault = "a fault";
    assert_int_equal(asked_bench_ask(bench, &call), 403);
    bench->config.origins.count = 0;
    assert_int_equal(asked_bench_verify(bench, asked_bench_sign(bench, "a", "0")), 403);
    assert_true(asked_bench_says(bench, "\"OAUTH1_ORIGINS: not set for this peer"));
    call.head_fault = NULL;
    assert_int_equal(asked_bench_ask(bench, &call), 403);
    assert_true(asked_bench_says(bench, "OAUTH1_ORIGINS, OAUTH1_TRUSTED_PROXIES: not set for this peer"));
}

static void a_scope_that_falls_short_is_403_without_a_challenge(void **state)
{
    struct asked_bench *bench = *state;
    bench->config.rate_limit_address = 1; /* nobody's address is counted for it */
    for (int i = 0; i < 3; i++) {
        char nonce[] = {(char)('0' + i), '\0'};
        assert_int_equal(ask(bench, &dialects[0], &dialects[0], asked_bench_sign(bench, "a", nonce), "photos:nobodys"),
                         403);
        assert_true(slice_is_absent(asked_bench_header(bench, "WWW-Authenticate")));
        assert_true(slice_is_absent(asked_bench_header(bench, "X-OAuth-Client-Id")));
        assert_true(slice_is_absent(asked_bench_header(bench, "Retry-After")));
    }
    assert_int_equal(ask(bench, &dialects[0], &dialects[0], SLICE_ABSENT, NULL), 401); /* the first that counts */
}

/* nginx makes a 500 of a 429. */
static void too_many_refusals_are_429_and_for_nginx_403(void **state)
{
    struct asked_bench *bench = *state;
    static const int expected[] = {429, 403};
    bench->config.rate_limit_address = 2;
    for (int i = 0; i < 3; i++) { /* what is good does not count */
        char nonce[] = {(char)('a' + i), '\0'};
        assert_int_equal(ask(bench, &dialects[0], &dialects[0], asked_bench_sign(bench, "a", nonce), NULL), 200);
        assert_true(bench->request.earns_connection);
    }
    for (int i = 0; i < 2; i++) {
        assert_int_equal(ask(bench, &dialects[0], &dialects[0], SLICE_ABSENT, NULL), 401);
        assert_slice_equal(asked_bench_header(bench, "WWW-Authenticate"), SLICE("OAuth realm=\"auth.example\""));
    }
    for (size_t i = 0; i < COUNT_OF(expected); i++) {
        assert_int_equal(ask(bench, &dialects[i], &dialects[i], SLICE_ABSENT, NULL), expected[i]);
        assert_true(asked_bench_header(bench, "Retry-After").len > 0);
        assert_true(slice_is_absent(asked_bench_header(bench, "WWW-Authenticate")));
    }
    assert_int_equal(ask(bench, &dialects[0], &dialects[0], asked_bench_sign(bench, "a", "0"), NULL), 200);
}

static void a_malformed_head_is_401_and_counts_against_nobody(void **state)
{
    struct asked_bench *bench = *state;
    const struct asked_call call = {.path = GATEWAY_AUTH_REQUEST_PATH, .head_fault = "too many headers"};
    bench->config.rate_limit_address = 1;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(asked_bench_ask(bench, &call), 401);
        assert_slice_equal(asked_bench_header(bench, "WWW-Authenticate"),
                           SLICE("OAuth realm=\"auth.example\", oauth_problem=\"parameter_rejected\""));
        assert_true(asked_bench_says(bench, "\"too many headers\""));
    }
    assert_int_equal(bench->faulty.calls, 0);
    assert_int_equal(ask(bench, &dialects[0], &dialects[0], SLICE_ABSENT, NULL), 401);
}

static void says_what_to_do_where_the_gateway_is_at_fault(void **state)
{
    struct asked_bench *bench = *state;
    static const struct header plaintext[] = {
        {SLICE_INIT("X-Forwarded-Method"), SLICE_INIT("GET")},
        {SLICE_INIT("X-Forwarded-Proto"), SLICE_INIT("http")},
        {SLICE_INIT("X-Forwarded-Host"), SLICE_INIT("api.example")},
        {SLICE_INIT("X-Forwarded-Uri"), SLICE_INIT("/photos")},
        {SLICE_INIT("Authorization"),
         SLICE_INIT("OAuth oauth_consumer_key=\"a\", oauth_signature_method=\"PLAINTEXT\", "
                    "oauth_signature=\"secret%2520of%2520a%26\"")},
    };
    const struct header form[] = {
        {SLICE("X-Forwarded-Method"), SLICE("POST")},
        {SLICE("X-Forwarded-Proto"), SLICE("https")},
        {SLICE("X-Forwarded-Host"), SLICE("api.example")},
        {SLICE("X-Forwarded-Uri"), SLICE("/photos")},
        {SLICE("Content-Type"), SLICE("application/x-www-form-urlencoded")},
        {SLICE("Authorization"), asked_bench_sign(bench, "a", "0")},
    };
    struct asked_call call = {.path = GATEWAY_VERIFY_PATH, .headers = plaintext, .header_count = COUNT_OF(plaintext)};
    assert_int_equal(asked_bench_ask(bench, &call), 401);
    assert_true(asked_bench_says(bench, "\"PLAINTEXT needs https"));
    call = (struct asked_call){.path = GATEWAY_VERIFY_PATH, .headers = form, .header_count = COUNT_OF(form)};
    assert_int_equal(asked_bench_ask(bench, &call), 401);
    assert_true(asked_bench_says(bench, "the gateway did not forward it"));
    assert_int_equal(ask(bench, &dialects[0], &dialects[0], asked_bench_sign(bench, "unheard", "0"), NULL), 401);
    assert_true(asked_bench_says(bench, "\"no client has this oauth_consumer_key\""));
}

static void says_how_long_to_wait(void **state)
{
    struct asked_bench *bench = *state;
    bench->config.rate_limit_address = 1;
    assert_int_equal(ask(bench, &dialects[0], &dialects[0], SLICE_ABSENT, NULL), 401);
    fake_clock_advance(&bench->durable.clock, 20 * 1000);
    assert_int_equal(ask(bench, &dialects[0], &dialects[0], SLICE_ABSENT, NULL), 429);
    assert_slice_equal(asked_bench_header(bench, "Retry-After"), SLICE("40"));
    fake_clock_advance(&bench->durable.clock, 38 * 1000);
    assert_int_equal(ask(bench, &dialects[0], &dialects[0], SLICE_ABSENT, NULL), 429);
    assert_slice_equal(asked_bench_header(bench, "Retry-After"), SLICE("2"));
    fake_clock_advance(&bench->durable.clock, 1000);
    assert_int_equal(ask(bench, &dialects[0], &dialects[0], SLICE_ABSENT, NULL), 429);
    assert_slice_equal(asked_bench_header(bench, "Retry-After"), SLICE("1"));
    fake_clock_advance(&bench->durable.clock, 1000);
    assert_int_equal(ask(bench, &dialects[0], &dialects[0], SLICE_ABSENT, NULL), 401);
}

static void counts_nobody_without_a_limit(void **state)
{
    struct asked_bench *bench = *state;
    bench->config.rate_limit_address = 0;
    for (int i = 0; i < 3; i++)
        assert_int_equal(ask(bench, &dialects[0], &dialects[0], SLICE_ABSENT, NULL), 401);
    assert_int_equal(bench->faulty.calls, 0);
}

static void counts_no_fault_of_its_own(void **state)
{
    struct asked_bench *bench = *state;
    bench->config.rate_limit_address = 1;
    for (unsigned i = 0; i < 3; i++) {
        bench->source.fail_at = bench->source.calls + 1;
        assert_int_equal(ask(bench, &dialects[0], &dialects[0], asked_bench_sign(bench, "a", "0"), NULL), 503);
    }
    assert_int_equal(bench->faulty.calls, 0);
}

/* Whoever reads the log learns who asked, and which variable to set. */
static void logs_whom_it_turns_away(void **state)
{
    struct asked_bench *bench = *state;
    const struct asked_call call = {.path = GATEWAY_VERIFY_PATH, .is_strangers = true};
    char line[LOG_LINE_BYTES + 1];
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    log_init(ends[1], LOG_WARN, LOG_FORMAT_JSON);
    int http_status = asked_bench_ask(bench, &call);
    log_init(STDERR_FILENO, LOG_WARN, LOG_FORMAT_AUTO);
    assert_int_equal(close(ends[1]), 0);
    ssize_t len = read(ends[0], line, sizeof line - 1);
    assert_int_equal(close(ends[0]), 0);
    assert_int_equal(http_status, 403);
    assert_true(len > 0);
    line[len] = '\0';
    assert_non_null(strstr(line, "a gateway's call was not taken"));
    assert_non_null(strstr(line, "\"peer\":\"192.0.2.7\""));
    assert_non_null(strstr(line, "\"variable\":\"OAUTH1_TRUSTED_PROXIES\""));
}

/* Too little for the whole answer is no answer that lets in. */
static void lets_nobody_in_where_memory_runs_out(void **state)
{
    struct asked_bench *bench = *state;
    enum { STEP_BYTES = 256, ENOUGH_BYTES = 1 << 16 };
    unsigned refused = 0;
    int http_status = 0;
    bench->may_break = true;
    for (size_t bytes = 0; http_status != 200; bytes += STEP_BYTES) {
        char nonce[24];
        (void)snprintf(nonce, sizeof nonce, "memory%zu", bytes);
        assert_true(bytes < ENOUGH_BYTES);
        arena_done(&bench->request.arena);
        arena_init(&bench->request.arena, bytes);
        http_status = ask(bench, &dialects[0], &dialects[0], asked_bench_sign(bench, "a", nonce), NULL);
        if (bench->request.reply.is_broken)
            http_status = 500;
        refused += http_status == 503;
        assert_true(http_status == 200 || http_status == 500 || http_status == 503);
    }
    assert_true(refused > 0);
    assert_slice_equal(asked_bench_header(bench, "X-OAuth-Client-Id"), SLICE("a"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ASKED_TEST(lets_in_by_200_with_all_seven_headers),
        ASKED_TEST(each_path_takes_no_other_dialect),
        ASKED_TEST(is_shut_for_strangers_and_without_origins),
        ASKED_TEST(a_scope_that_falls_short_is_403_without_a_challenge),
        ASKED_TEST(too_many_refusals_are_429_and_for_nginx_403),
        ASKED_TEST(a_malformed_head_is_401_and_counts_against_nobody),
        ASKED_TEST(says_what_to_do_where_the_gateway_is_at_fault),
        ASKED_TEST(says_how_long_to_wait),
        ASKED_TEST(counts_nobody_without_a_limit),
        ASKED_TEST(counts_no_fault_of_its_own),
        ASKED_TEST(logs_whom_it_turns_away),
        ASKED_TEST(lets_nobody_in_where_memory_runs_out),
    };
    return cmocka_run_group_tests(tests, oauth_setup, oauth_teardown);
}
