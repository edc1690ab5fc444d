#include "inquiry.h"

#include "asked_bench.h"
#include "batch.h"
#include "introspect.h"
#include "support/oauth.h"

/* ---- where the store is down ---- */

static void a_single_call_is_503_wherever_a_store_is_down(void **state)
{
    struct asked_bench *bench = *state;
    static const struct {
        unsigned source, ephemeral;
    } rows[] = {{1, 0} /* the caller */, {2, 0} /* client and token */, {0, 1} /* the nonce */};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char nonce[] = {(char)('0' + i), '\0'};
        struct slice described = asked_bench_described(asked_bench_sign(bench, "a", nonce));
        bench->source.calls = 0;
        bench->source.fail_at = rows[i].source;
        faulty_ephemeral_fail(&bench->faulty, rows[i].ephemeral);
        assert_int_equal(asked_bench_post(bench, introspect, described), 503);
        assert_slice_equal(asked_bench_header(bench, "Retry-After"), SLICE("1"));
        bench->source.fail_at = 0;
        assert_int_equal(asked_bench_post(bench, introspect, described), 200);
        assert_true(asked_bench_says(bench, "\"active\":true")); /* nothing was spent */
    }
}

static struct slice three(struct asked_bench *bench, const char *nonce)
{
    static const char *const ids[] = {"a", "b", "c"};
    struct buf json = buf_in(oauth_arena());
    buf_add_str(&json, "{\"requests\":[");
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        buf_add_str(&json, i ? "," : "");
        buf_add(&json, asked_bench_described(asked_bench_sign(bench, ids[i], nonce)));
    }
    buf_add_str(&json, "]}");
    assert_false(json.failed);
    return buf_slice(&json);
}

/* The verdicts of the last reply, one character each: '+' active, '!' a store is down, '-' another refusal. */
static void assert_verdicts(const struct asked_bench *bench, const char *expected)
{
    static const struct {
        const char *text;
        char letter;
    } kinds[] = {{"\"active\":true", '+'}, {"\"status\":503", '!'}, {"\"status\":401", '-'}};
    struct slice rest = bench->request.reply.body;
    char found[16] = {0};
    size_t count = 0;
    for (size_t at = 0; at < rest.len; at++)
        for (size_t k = 0; k < COUNT_OF(kinds); k++)
            if (slice_starts_with(slice_sub(rest, at, rest.len), slice_str(kinds[k].text)) && count < sizeof found - 1)
                found[count++] = kinds[k].letter;
    assert_string_equal(found, expected);
}

static void a_batch_names_the_one_for_which_a_store_was_down(void **state)
{
    struct asked_bench *bench = *state;
    assert_int_equal(asked_bench_post(bench, batch, three(bench, "0")), 200);
    assert_verdicts(bench, "+++");
    bench->source.calls = 0;
    bench->source.fail_at = 3; /* after the caller and "a": "b" */
    assert_int_equal(asked_bench_post(bench, batch, three(bench, "1")), 200);
    assert_verdicts(bench, "+!+");
    bench->source.fail_at = 0;
    faulty_ephemeral_fail(&bench->faulty, 2); /* the nonce of "b" */
    assert_int_equal(asked_bench_post(bench, batch, three(bench, "2")), 200);
    assert_verdicts(bench, "+!+");
    faulty_ephemeral_fail(&bench->faulty, 0);
    assert_int_equal(asked_bench_post(bench, batch, three(bench, "2")), 200);
    assert_verdicts(bench, "-+-"); /* those of the others were spent */
}

static void a_batch_goes_on_without_what_no_store_answered_in_time(void **state)
{
    struct asked_bench *bench = *state;
    bench->source.hang_at = 4; /* "c" */
    assert_int_equal(asked_bench_post(bench, batch, three(bench, "0")), 200);
    assert_verdicts(bench, "++!");
    ticket_complete(bench->source.hung, STATUS_NOT_FOUND, NULL, NULL); /* too late for anybody */
    bench->source.hang_at = 0;
    assert_int_equal(asked_bench_post(bench, batch, three(bench, "0")), 200);
    assert_verdicts(bench, "--+");
}

static void a_gateway_is_503_wherever_a_store_is_down(void **state)
{
    struct asked_bench *bench = *state;
    struct slice header = asked_bench_sign(bench, "a", "0");
    bench->source.fail_at = 1;
    assert_int_equal(asked_bench_verify(bench, header), 503);
    assert_true(slice_is_absent(asked_bench_header(bench, "X-OAuth-Client-Id")));
    faulty_ephemeral_fail(&bench->faulty, 1);
    assert_int_equal(asked_bench_verify(bench, header), 503);
    assert_slice_equal(asked_bench_header(bench, "Retry-After"), SLICE("1"));
    assert_int_equal(asked_bench_verify(bench, header), 200);
    assert_slice_equal(asked_bench_header(bench, "X-OAuth-Client-Id"), SLICE("a"));
}

static void a_counter_that_is_down_changes_no_refusal(void **state)
{
    struct asked_bench *bench = *state;
    faulty_ephemeral_fail(&bench->faulty, 1);
    assert_int_equal(asked_bench_verify(bench, SLICE_ABSENT), 401);
    assert_slice_equal(asked_bench_header(bench, "WWW-Authenticate"), SLICE("OAuth realm=\"auth.example\""));
}

/* ---- what waits ---- */

static void what_was_refused_asks_no_store(void **state)
{
    struct asked_bench *bench = *state;
    static const char json[] = "{\"requests\":[{\"method\":\"GET\",\"url\":\"x\"},{\"method\":\"G T\",\"url\":\"x\"}]}";
    unsigned before = bench->source.calls;
    assert_int_equal(asked_bench_post(bench, batch, slice_str(json)), 200);
    assert_int_equal(bench->source.calls, before + 1); /* the caller alone */
    assert_int_equal(bench->faulty.calls, 0);
}

static void a_wrong_signature_spends_no_nonce(void **state)
{
    struct asked_bench *bench = *state;
    struct slice header = asked_bench_sign(bench, "a", "0");
    char *wrong = arena_string(oauth_arena(), header);
    assert_non_null(wrong);
    wrong[header.len - 8] ^= 1;
    assert_int_equal(asked_bench_post(bench, introspect, asked_bench_described(slice_str(wrong))), 200);
    assert_true(asked_bench_says(bench, "signature_invalid"));
    assert_int_equal(bench->faulty.calls, 0);
}

static void a_nonce_twice_in_one_batch_is_spent_once(void **state)
{
    struct asked_bench *bench = *state;
    struct slice one = asked_bench_described(asked_bench_sign(bench, "a", "0"));
    struct buf json = buf_in(oauth_arena());
    buf_addf(&json, "{\"requests\":[%.*s,%.*s]}", SLICE_ARGS(one), SLICE_ARGS(one));
    assert_int_equal(asked_bench_post(bench, batch, buf_slice(&json)), 200);
    assert_verdicts(bench, "+-");
    assert_true(asked_bench_says(bench, "nonce_used"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ASKED_TEST(a_single_call_is_503_wherever_a_store_is_down),
        ASKED_TEST(a_batch_names_the_one_for_which_a_store_was_down),
        ASKED_TEST(a_batch_goes_on_without_what_no_store_answered_in_time),
        ASKED_TEST(a_gateway_is_503_wherever_a_store_is_down),
        ASKED_TEST(a_counter_that_is_down_changes_no_refusal),
        ASKED_TEST(what_was_refused_asks_no_store),
        ASKED_TEST(a_wrong_signature_spends_no_nonce),
        ASKED_TEST(a_nonce_twice_in_one_batch_is_spent_once),
    };
    return cmocka_run_group_tests(tests, oauth_setup, oauth_teardown);
}
