#include "caller.h"

#include "asked_bench.h"
#include "crypto/digest.h"
#include "durable/resource_servers.h"
#include "inquiry.h"
#include "support/oauth.h"
#include "support/test.h"

/* ---- the client's certificate ---- */

enum { NAMES_MAX = 3 };

static const char *certified[NAMES_MAX]; /* its names; NULL: no more */

struct slice __wrap_request_tls_san(struct request *request, size_t index);
struct slice __wrap_request_tls_san(struct request *request UNUSED, size_t index)
{
    return index < NAMES_MAX && certified[index] ? slice_str(certified[index]) : SLICE_ABSENT;
}

static void show_certificate(const char *first, const char *second)
{
    certified[0] = first;
    certified[1] = second;
}

/* ---- a key's digest ---- */

static bool has_no_digest;

enum status __real_digest_bytes(enum digest digest, struct slice bytes, unsigned char *out);
enum status __wrap_digest_bytes(enum digest digest, struct slice bytes, unsigned char *out);
enum status __wrap_digest_bytes(enum digest digest, struct slice bytes, unsigned char *out)
{
    enum status status = __real_digest_bytes(digest, bytes, out);
    return has_no_digest ? STATUS_NO_MEMORY : status;
}

/* ---- calls ---- */

static enum step_result say_caller(struct flow *flow)
{
    struct request *request = request_of(flow);
    char *name = arena_string(&request->arena, inquiry_of(flow)->caller->name); /* read when the flow is over */
    assert_non_null(name);
    request_reply_start(request, 200);
    request_reply_body(request, "text/plain", slice_str(name));
    request_reply_send(request);
    return STEP_REPLY;
}

static const struct step steps[] = {
    {"authenticate", caller_authenticate},
    {"identify", caller_identify},
    {"admit", caller_admit},
    {"say", say_caller},
    {NULL, NULL},
};

/* With these Authorization headers (NULL: none). */
static int call_with(struct asked_bench *bench, const char *one, const char *other)
{
    struct header headers[3] = {{SLICE("Content-Type"), SLICE("application/json")}};
    size_t count = 1;
    if (one)
        headers[count++] = (struct header){SLICE("Authorization"), slice_str(one)};
    if (other)
        headers[count++] = (struct header){SLICE("Authorization"), slice_str(other)};
    const struct asked_call call = {.path = "/v1/introspect", .headers = headers, .header_count = count};
    return asked_bench_call(bench, steps, &call);
}

static void add_certified(struct asked_bench *bench)
{
    const struct resource_server server = {.name = SLICE("printer"),
                                           .tls_sans = SLICE("DNS:printer.internal URI:spiffe://example/printer")};
    int64_t id = 0;
    assert_status(durable_resource_server_create_blocking(&bench->durable.db, &server, &id), STATUS_OK);
}

static void assert_caller(const struct asked_bench *bench, const char *name)
{
    assert_slice_equal(bench->request.reply.body, slice_str(name));
    assert_true(bench->request.earns_connection);
}

/* ---- tests ---- */

static void a_key_is_its_resource_servers(void **state)
{
    struct asked_bench *bench = *state;
    assert_int_equal(call_with(bench, "Bearer key", NULL), 200);
    assert_caller(bench, "photos");
    assert_int_equal(bench->faulty.calls, 0); /* its address is not counted */
}

static void a_certificate_is_a_resource_servers_by_any_of_its_names(void **state)
{
    struct asked_bench *bench = *state;
    static const struct {
        const char *first, *second;
    } rows[] = {{"DNS:printer.internal", NULL},
                {"DNS:b.internal", "DNS:printer.internal"},
                {"URI:spiffe://example/printer", "DNS:b.internal"},
                {"", "DNS:printer.internal"},
                {"DNS:b internal", "DNS:printer.internal"}};
    add_certified(bench);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        show_certificate(rows[i].first, rows[i].second);
        assert_int_equal(call_with(bench, NULL, NULL), 200);
        assert_caller(bench, "printer");
    }
}

static void another_certificate_is_nobodys(void **state)
{
    struct asked_bench *bench = *state;
    static const struct {
        const char *name;
        unsigned asked; /* of the store: nobody is looked for without a name */
    } rows[] = {{NULL, 0},
                {"", 0},
                {"DNS:b.internal DNS:printer.internal", 0},
                {"DNS:b.internal", 1},
                {"URI:spiffe://example/Printer", 1}};
    add_certified(bench);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        show_certificate(rows[i].name, NULL);
        bench->source.calls = 0;
        assert_int_equal(call_with(bench, NULL, NULL), 401);
        assert_int_equal(bench->source.calls, rows[i].asked);
    }
}

/* Whoever shows something else is nobody, whatever his certificate. */
static void an_authorization_header_is_judged_alone(void **state)
{
    struct asked_bench *bench = *state;
    static const char *const wrong[] = {"Bearer wrong", "Bearer ", "Bearer", "Basic a2V5", "key", ""};
    add_certified(bench);
    show_certificate("DNS:printer.internal", NULL);
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        assert_int_equal(call_with(bench, wrong[i], NULL), 401);
    assert_int_equal(call_with(bench, "Bearer key", "Bearer key"), 401);
    assert_int_equal(call_with(bench, "Bearer key", NULL), 200);
    assert_caller(bench, "photos");
}

static void a_stranger_is_told_what_to_send_and_earns_nothing(void **state)
{
    struct asked_bench *bench = *state;
    assert_int_equal(call_with(bench, "Bearer wrong", NULL), 401);
    assert_slice_equal(asked_bench_header(bench, "WWW-Authenticate"), SLICE("Bearer realm=\"introspection\""));
    assert_true(asked_bench_says(bench, "send Authorization: Bearer with a live key of a resource server"));
    assert_false(bench->request.earns_connection);
}

static void strangers_addresses_are_slowed_down(void **state)
{
    struct asked_bench *bench = *state;
    bench->config.rate_limit_address = 2;
    for (int i = 0; i < 2; i++)
        assert_int_equal(call_with(bench, "Bearer wrong", NULL), 401);
    fake_clock_advance(&bench->durable.clock, 20 * 1000);
    assert_int_equal(call_with(bench, NULL, NULL), 429);
    assert_slice_equal(asked_bench_header(bench, "Retry-After"), SLICE("40"));
    assert_true(asked_bench_says(bench, "OAUTH1_RATE_LIMIT_ADDRESS"));
    fake_clock_advance(&bench->durable.clock, 38 * 1000);
    assert_int_equal(call_with(bench, NULL, NULL), 429);
    assert_slice_equal(asked_bench_header(bench, "Retry-After"), SLICE("2"));
    fake_clock_advance(&bench->durable.clock, 1000);
    assert_int_equal(call_with(bench, NULL, NULL), 429);
    assert_slice_equal(asked_bench_header(bench, "Retry-After"), SLICE("1"));
    assert_int_equal(call_with(bench, "Bearer key", NULL), 200);
    bench->config.rate_limit_address = 0;
    assert_int_equal(call_with(bench, "Bearer wrong", NULL), 401);
}

static void a_key_ends_at_its_time(void **state)
{
    struct asked_bench *bench = *state;
    static const unsigned char next[RESOURCE_SERVER_KEY_DIGEST_BYTES] = {1};
    assert_status(durable_resource_server_rotate_blocking(&bench->durable.db, SLICE("photos"),
                                                          slice_of(next, sizeof next), 10 * 1000),
                  STATUS_OK);
    assert_int_equal(call_with(bench, "Bearer key", NULL), 200);
    fake_clock_advance(&bench->durable.clock, 10 * 1000);
    assert_int_equal(call_with(bench, "Bearer key", NULL), 401);
}

static void where_the_store_is_down_nobody_is_a_stranger(void **state)
{
    struct asked_bench *bench = *state;
    bench->source.fail_at = 1;
    assert_int_equal(call_with(bench, "Bearer key", NULL), 503);
    assert_int_equal(bench->faulty.calls, 0);
}

/* And nothing that an earlier call left behind stands for it. */
static void a_key_without_a_digest_is_nobodys(void **state)
{
    struct asked_bench *bench = *state;
    has_no_digest = true;
    assert_int_equal(call_with(bench, "Bearer key", NULL), 503);
    has_no_digest = false;
    assert_int_equal(bench->source.calls, 0);
}

static void a_caller_sends_json(void **state)
{
    struct asked_bench *bench = *state;
    const struct header headers[] = {{SLICE("Authorization"), SLICE("Bearer key")},
                                     {SLICE("Content-Type"), SLICE("text/plain")}};
    const struct asked_call call = {.path = "/v1/introspect", .headers = headers, .header_count = COUNT_OF(headers)};
    assert_int_equal(asked_bench_call(bench, steps, &call), 415);
    assert_true(asked_bench_says(bench, "send Content-Type: application/json"));
    assert_true(bench->request.earns_connection);
}

static int forget_certificate(void **state)
{
    show_certificate(NULL, NULL);
    return asked_bench_setup(state);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, forget_certificate, asked_bench_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_key_is_its_resource_servers),
        TEST(a_certificate_is_a_resource_servers_by_any_of_its_names),
        TEST(another_certificate_is_nobodys),
        TEST(an_authorization_header_is_judged_alone),
        TEST(a_stranger_is_told_what_to_send_and_earns_nothing),
        TEST(strangers_addresses_are_slowed_down),
        TEST(a_key_ends_at_its_time),
        TEST(where_the_store_is_down_nobody_is_a_stranger),
        TEST(a_key_without_a_digest_is_nobodys),
        TEST(a_caller_sends_json),
    };
    return cmocka_run_group_tests(tests, oauth_setup, oauth_teardown);
}
