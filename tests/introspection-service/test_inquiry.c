#include "inquiry.h"

#include "decision/decision_log.h"

#include "asked_bench.h"
#include "base/log.h"
#include "base/metrics.h"
#include "batch.h"
#include "changes/feed.h"
#include "introspect.h"
#include "support/oauth.h"
#include "usage.h"

#include <stdio.h>
#include <stdlib.h>

static unsigned notes_of_use;
static int64_t used_token;

void __real_usage_note(struct usage *usage, const struct token *token);
void __wrap_usage_note(struct usage *usage, const struct token *token);
void __wrap_usage_note(struct usage *usage, const struct token *token)
{
    notes_of_use++;
    used_token = token->id;
    __real_usage_note(usage, token);
}

static char noted_caller[32];

void __real_decision_log_note(const struct decision *decision);
void __wrap_decision_log_note(const struct decision *decision);
void __wrap_decision_log_note(const struct decision *decision)
{
    (void)snprintf(noted_caller, sizeof noted_caller, "%.*s", SLICE_ARGS(decision->caller));
    __real_decision_log_note(decision);
}

static int64_t logged_age_s; /* of the last line; -1: it has none */

void __real_log_write(enum log_level level, const char *message, const struct log_field *fields, size_t field_count);
void __wrap_log_write(enum log_level level, const char *message, const struct log_field *fields, size_t field_count);
void __wrap_log_write(enum log_level level, const char *message, const struct log_field *fields, size_t field_count)
{
    logged_age_s = -1;
    for (size_t i = 0; i < field_count; i++)
        if (slice_eq(slice_str(fields[i].name), SLICE("nonce_age_max_s")))
            logged_age_s = fields[i].number;
    __real_log_write(level, message, fields, field_count);
}

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
    char found[CALLS_MAX + 1] = {0};
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

static void a_wrong_signature_beside_a_right_one_spends_no_nonce(void **state)
{
    struct asked_bench *bench = *state;
    struct slice right = asked_bench_sign(bench, "a", "0");
    char *wrong = arena_string(oauth_arena(), asked_bench_sign(bench, "b", "0"));
    struct buf json = buf_in(oauth_arena());
    assert_non_null(wrong);
    wrong[strlen(wrong) - 8] ^= 1;
    buf_add_str(&json, "{\"requests\":[");
    buf_add(&json, asked_bench_described(slice_str(wrong)));
    buf_add_str(&json, ",");
    buf_add(&json, asked_bench_described(right));
    buf_add_str(&json, "]}");
    assert_int_equal(asked_bench_post(bench, batch, buf_slice(&json)), 200);
    assert_verdicts(bench, "-+");
    assert_int_equal(bench->faulty.calls, 1);
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

/* So many that what is read beyond them is noticed. */
static void a_batch_judges_each_of_many(void **state)
{
    struct asked_bench *bench = *state;
    struct buf json = buf_in(oauth_arena());
    char expected[21] = {0};
    buf_add_str(&json, "{\"requests\":[");
    for (int i = 0; i < 20; i++) {
        char nonce[16];
        (void)snprintf(nonce, sizeof nonce, "many%d", i);
        bool is_signed = i % 3 != 0;
        buf_add_str(&json, i ? "," : "");
        buf_add(&json, asked_bench_described(is_signed ? asked_bench_sign(bench, "a", nonce) : SLICE_ABSENT));
        expected[i] = is_signed ? '+' : '-';
    }
    buf_add_str(&json, "]}");
    assert_false(json.failed);
    assert_int_equal(asked_bench_post(bench, batch, buf_slice(&json)), 200);
    assert_verdicts(bench, expected);
}

static struct asked_bench *watched;
static unsigned not_waiting;

static void watch_spend(struct ephemeral *view, const struct nonce *nonce, struct ticket ticket)
{
    const struct inquiry *inquiry = watched->request.state;
    not_waiting = 0;
    for (size_t i = 0; i < inquiry->count; i++)
        if (!inquiry->questions[i].waits) {
            assert_false(ticket_is_live(inquiry->tickets[i]));
            not_waiting++;
        }
    ephemeral_nonce_spend_start(((struct faulty_ephemeral *)view)->inner, nonce, ticket);
}

/* Or all wait for a store that nobody asked. */
static void who_does_not_wait_keeps_nobody_waiting(void **state)
{
    struct asked_bench *bench = *state;
    struct slice one = asked_bench_described(asked_bench_sign(bench, "a", "0"));
    struct slice other = asked_bench_described(SLICE_ABSENT);
    struct buf json = buf_in(oauth_arena());
    const struct ephemeral_ops *ops = bench->faulty.view.ops;
    struct ephemeral_ops watching = *ops;
    watching.nonce_spend_start = watch_spend;
    watched = bench;
    bench->faulty.view.ops = &watching;
    buf_addf(&json, "{\"requests\":[%.*s,%.*s]}", SLICE_ARGS(one), SLICE_ARGS(other));
    unsigned asked = bench->source.calls;
    int http_status = asked_bench_post(bench, batch, buf_slice(&json));
    assert_int_equal(bench->source.calls, asked + 2); /* the caller, and the one that is signed */
    bench->faulty.view.ops = ops;
    assert_int_equal(http_status, 200);
    assert_verdicts(bench, "+-");
    assert_int_equal(not_waiting, 1);
}

/* Without a nonce. */
static const char plaintext[] = "OAuth oauth_consumer_key=\"a\", oauth_signature_method=\"PLAINTEXT\", "
                                "oauth_signature=\"secret%2520of%2520a%26\"";

static void what_is_in_memory_asks_no_store(void **state)
{
    struct asked_bench *bench = *state;
    static const struct change_feed_ops no_ops = {0};
    static struct change_feed feed;
    feed = (struct change_feed){.ops = &no_ops};
    credential_cache_listen(bench->cache, &feed);
    change_feed_standing(&feed);
    assert_int_equal(asked_bench_post(bench, introspect, asked_bench_described(asked_bench_sign(bench, "a", "0"))),
                     200);
    unsigned asked = bench->source.calls;
    bench->source.fail_at = asked + 1;
    assert_int_equal(asked_bench_post(bench, introspect, asked_bench_described(asked_bench_sign(bench, "a", "1"))),
                     200);
    assert_true(asked_bench_says(bench, "\"active\":true"));
    assert_int_equal(asked_bench_verify(bench, asked_bench_sign(bench, "a", "2")), 200);
    assert_int_equal(asked_bench_post(bench, introspect, asked_bench_described(slice_str(plaintext))), 200);
    assert_true(asked_bench_says(bench, "\"active\":true")); /* it waited for nothing at all */
    assert_int_equal(bench->source.calls, asked);
}

static void the_log_names_who_asked(void **state)
{
    struct asked_bench *bench = *state;
    (void)asked_bench_post(bench, introspect, asked_bench_described(asked_bench_sign(bench, "a", "0")));
    assert_string_equal(noted_caller, "photos");
    (void)asked_bench_verify(bench, asked_bench_sign(bench, "a", "1"));
    assert_string_equal(noted_caller, "verify");
}

/* It came within the lead of its timestamp at the earliest. */
static void the_log_says_how_long_ago_a_used_nonce_came_first_at_most(void **state)
{
    static const struct {
        int64_t difference_s, age_s;
    } rows[] = {{0, 60}, {-100, 160}, {59, 1}, {60, 0}, {61, 0}};
    const struct check_rules rules = {.lead_s = 60};
    const struct client client = {.client_id = SLICE("a")};
    struct asked_bench *bench = *state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct check check = {
            .rules = &rules, .client = &client, .timestamp_s = 5000 + rows[i].difference_s, .judged_ms = 5000999};
        struct decision decision = {
            .request = &bench->request, .config = &bench->config, .check = &check, .status = STATUS_NONCE_USED};
        decision_log_note(&decision);
        assert_int_equal(logged_age_s, rows[i].age_s);
        decision.status = STATUS_SIGNATURE_INVALID;
        decision_log_note(&decision);
        assert_int_equal(logged_age_s, -1);
    }
}

static void a_refusal_keeps_what_it_says(void **state)
{
    struct asked_bench *bench = *state;
    struct slice described = asked_bench_described(asked_bench_sign(bench, "a", "0"));
    fake_clock_advance(&bench->durable.clock, 3600 * 1000);
    assert_int_equal(asked_bench_post(bench, introspect, described), 200);
    assert_true(asked_bench_says(bench, "timestamp_refused") && asked_bench_says(bench, "oauth_timestamp is too old"));
}

static void a_signature_without_a_nonce_spends_none(void **state)
{
    struct asked_bench *bench = *state;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(asked_bench_post(bench, introspect, asked_bench_described(slice_str(plaintext))), 200);
        assert_true(asked_bench_says(bench, "\"active\":true"));
    }
    assert_int_equal(bench->faulty.calls, 0);
}

/* ---- who it is ---- */

/* GET https://api.example/photos, signed with this token. */
static struct slice sign_with_token(struct asked_bench *bench, const char *client_id, const char *token,
                                    const char *nonce)
{
    char header[320];
    char memory[2][320];
    (void)snprintf(header, sizeof header,
                   "OAuth oauth_consumer_key=\"%s\", oauth_token=\"%s\", oauth_signature_method=\"HMAC-SHA1\", "
                   "oauth_timestamp=\"%lld\", oauth_nonce=\"%s\"",
                   client_id, token, (long long)(clock_wall_ms(&bench->durable.clock.clock) / 1000), nonce);
    const struct explain_options options = {.client_secret = durable_bench_secret(client_id, memory[0]),
                                            .token_secret = durable_bench_secret(token, memory[1])};
    const struct described_request request = oauth_request("GET", "https://api.example/photos", header, NULL, NULL);
    return oauth_sign(&request, &options, SLICE_ABSENT).authorization;
}

static struct slice with_scope(struct slice described, const char *scope)
{
    struct buf json = buf_in(oauth_arena());
    buf_addf(&json, "%.*s,\"required_scope\":\"%s\"}", (int)described.len - 1, described.ptr, scope);
    assert_false(json.failed);
    return buf_slice(&json);
}

static void a_token_that_was_used_is_noted_and_no_other(void **state)
{
    struct asked_bench *bench = *state;
    char jti[64];
    int64_t jane = durable_bench_user(&bench->durable, "jane");
    durable_bench_token(&bench->durable, "a", jane, "first", jti);
    durable_bench_token(&bench->durable, "a", jane, "tok", jti);
    notes_of_use = 0;
    assert_int_equal(asked_bench_post(bench, introspect, asked_bench_described(asked_bench_sign(bench, "a", "0"))),
                     200);
    struct slice lacking = asked_bench_described(sign_with_token(bench, "a", "tok", "1"));
    assert_int_equal(asked_bench_post(bench, introspect, with_scope(lacking, "nobodys")), 200);
    assert_true(asked_bench_says(bench, "\"status\":403"));
    assert_int_equal(notes_of_use, 0);
    struct slice good = asked_bench_described(sign_with_token(bench, "a", "tok", "2"));
    assert_int_equal(asked_bench_post(bench, introspect, good), 200);
    assert_true(asked_bench_says(bench, "\"active\":true") && asked_bench_says(bench, "\"username\":\"jane\""));
    assert_true(asked_bench_says(bench, jti));
    assert_int_equal(notes_of_use, 1);
    assert_int_equal(used_token, durable_bench_number(&bench->durable, "SELECT MAX(id) FROM tokens"));
    assert_int_equal(asked_bench_post(bench, introspect, good), 200);
    assert_true(asked_bench_says(bench, "nonce_used"));
    assert_int_equal(notes_of_use, 1); /* a replay is no use */
}

static void says_whom_nobody_knows(void **state)
{
    struct asked_bench *bench = *state;
    char jti[64];
    durable_bench_token(&bench->durable, "b", durable_bench_user(&bench->durable, "jane"), "bs", jti);
    const struct {
        const char *client_id, *token, *problem;
    } rows[] = {
        {"unknown", "bs", "consumer_key_unknown"}, {"a", "unknown", "token_rejected"}, {"a", "bs", "token_rejected"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct slice described = asked_bench_described(sign_with_token(bench, rows[i].client_id, rows[i].token, "0"));
        assert_int_equal(asked_bench_post(bench, introspect, described), 200);
        if (!asked_bench_says(bench, rows[i].problem))
            fail_msg("%.*s", SLICE_ARGS(bench->request.reply.body));
    }
}

static int64_t no_time(const struct ephemeral *view UNUSED)
{
    return 0;
}

static void a_store_without_a_clock_is_down(void **state)
{
    struct asked_bench *bench = *state;
    struct slice header = asked_bench_sign(bench, "a", "0");
    const struct ephemeral_ops *ops = bench->faulty.view.ops;
    struct ephemeral_ops timeless = *ops;
    timeless.now_ms = no_time;
    bench->faulty.view.ops = &timeless;
    int http_status = asked_bench_verify(bench, header);
    bench->faulty.view.ops = ops;
    assert_int_equal(http_status, 503);
    assert_int_equal(asked_bench_verify(bench, header), 200); /* nothing was spent */
}

/* ---- what is refused before any store is asked ---- */

static enum status parse(struct asked_bench *bench, const struct resource_server *caller,
                         const struct described_request *described, const char **ret_detail)
{
    struct inquiry inquiry = {.caller = caller};
    struct question *question = test_calloc(1, sizeof *question);
    bench->request.app = &bench->app;
    bench->request.state = &inquiry;
    question->call.request = *described;
    inquiry_parse(&bench->request, question);
    enum status status = question->asked.check.problem.status;
    *ret_detail = problem_text(&question->asked.check.problem);
    bench->request.state = NULL;
    test_free(question);
    return status;
}

static void a_url_that_is_not_the_callers_is_refused(void **state)
{
    struct asked_bench *bench = *state;
    static const struct resource_server here = {.origins = SLICE_INIT("https://api.example")};
    static const struct resource_server elsewhere = {.origins = SLICE_INIT("https://other.example")};
    const char *detail = NULL;
    struct described_request described = {.method = SLICE("GET"),
                                          .url = SLICE("https://api.example/photos"),
                                          .authorization = asked_bench_sign(bench, "a", "0")};
    assert_status(parse(bench, &here, &described, &detail), STATUS_OK);
    assert_status(parse(bench, NULL, &described, &detail), STATUS_OK);
    assert_status(parse(bench, &elsewhere, &described, &detail), STATUS_MALFORMED);
    assert_non_null(strstr(detail, "not on an origin"));
    described.authorization = SLICE_ABSENT;
    assert_status(parse(bench, &elsewhere, &described, &detail), STATUS_UNSIGNED); /* what is found first is said */
}

static void a_body_of_more_than_64_kb_is_refused(void **state)
{
    struct asked_bench *bench = *state;
    static char body[CALL_BODY_MAX_BYTES + 1];
    const char *detail = NULL;
    struct described_request described = {.method = SLICE("POST"),
                                          .url = SLICE("https://api.example/photos"),
                                          .authorization = asked_bench_sign(bench, "a", "0"),
                                          .body = slice_of(body, CALL_BODY_MAX_BYTES)};
    assert_status(parse(bench, NULL, &described, &detail), STATUS_OK);
    described.body.len++;
    assert_status(parse(bench, NULL, &described, &detail), STATUS_MALFORMED);
    assert_non_null(strstr(detail, "64 KB"));
}

static void without_memory_for_all_questions_there_are_none(void **state)
{
    static const size_t sizes[] = {0, sizeof(struct question), 2 * sizeof(struct question)};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        struct request request = {0};
        struct inquiry inquiry = {0};
        arena_init(&request.arena, sizes[i]);
        assert_status(inquiry_begin(&request, &inquiry, 2), STATUS_NO_MEMORY);
        assert_int_equal(inquiry.count, 0);
        arena_done(&request.arena);
    }
}

/* ---- what is counted ---- */

static long counted(const char *series)
{
    struct buf text = BUF_INIT;
    metrics_write(&text);
    const char *line = strstr(buf_string(&text), series);
    assert_non_null(line);
    long value = strtol(line + strlen(series), NULL, 10);
    buf_done(&text);
    return value;
}

static void each_verdict_is_counted_under_the_way_it_was_asked_for(void **state)
{
    struct asked_bench *bench = *state;
    static const char *const series[] = {
        "\noauth1_verifications_total{dialect=\"introspect\",result=\"active\"} ",
        "\noauth1_verifications_total{dialect=\"batch\",result=\"active\"} ",
        "\noauth1_verifications_total{dialect=\"verify\",result=\"malformed\"} ",
        "\noauth1_verifications_total{dialect=\"verify\",result=\"active\"} ",
    };
    static const long expected[] = {1, 3, 1, 0};
    long before[COUNT_OF(series)];
    for (size_t i = 0; i < COUNT_OF(series); i++)
        before[i] = counted(series[i]);
    assert_int_equal(asked_bench_post(bench, introspect, asked_bench_described(asked_bench_sign(bench, "a", "0"))),
                     200);
    assert_int_equal(asked_bench_post(bench, batch, three(bench, "1")), 200);
    assert_int_equal(asked_bench_verify(bench, SLICE_ABSENT), 401);
    for (size_t i = 0; i < COUNT_OF(series); i++)
        assert_int_equal(counted(series[i]) - before[i], expected[i]);
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
        ASKED_TEST(a_wrong_signature_beside_a_right_one_spends_no_nonce),
        ASKED_TEST(a_nonce_twice_in_one_batch_is_spent_once),
        ASKED_TEST(a_batch_judges_each_of_many),
        ASKED_TEST(who_does_not_wait_keeps_nobody_waiting),
        ASKED_TEST(what_is_in_memory_asks_no_store),
        ASKED_TEST(the_log_names_who_asked),
        ASKED_TEST(the_log_says_how_long_ago_a_used_nonce_came_first_at_most),
        ASKED_TEST(a_refusal_keeps_what_it_says),
        ASKED_TEST(a_signature_without_a_nonce_spends_none),
        ASKED_TEST(a_token_that_was_used_is_noted_and_no_other),
        ASKED_TEST(says_whom_nobody_knows),
        ASKED_TEST(a_store_without_a_clock_is_down),
        ASKED_TEST(a_url_that_is_not_the_callers_is_refused),
        ASKED_TEST(a_body_of_more_than_64_kb_is_refused),
        cmocka_unit_test(without_memory_for_all_questions_there_are_none),
        ASKED_TEST(each_verdict_is_counted_under_the_way_it_was_asked_for),
    };
    return cmocka_run_group_tests(tests, oauth_setup, oauth_teardown);
}
