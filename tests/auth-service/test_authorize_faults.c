/* Without a store, randomness or memory nothing is shown by half and nothing is granted; and what is counted. */
#include "app/service_metrics.h"
#include "authorize_bench.h"
#include "crypto/random.h"
#include "protocol/authorize.h"
#include "support/test.h"

#include <stdio.h>
#include <string.h>

/* ---- faults ---- */

/* Fails the first call to the store, then the second, and so on, until a run needs no further one. */
static unsigned fail_each_call(struct site_bench *bench, const struct site_call *call, int last_status)
{
    for (unsigned nth = 1;; nth++) {
        faulty_ephemeral_fail(&bench->faulty, nth);
        int status = site_bench_call(bench, call);
        bool was_reached = bench->faulty.calls >= nth;
        faulty_ephemeral_fail(&bench->faulty, 0);
        if (!was_reached) {
            assert_int_equal(status, last_status);
            return nth - 1;
        }
        assert_refused(bench, 503, "temporarily_unavailable");
        assert_false(slice_is_absent(site_bench_header(bench, "Retry-After", 0)));
        assert_temp_state(bench, "temp", TEMP_PENDING);
    }
}

static void answers_503_when_the_store_is_down_at_any_wait(void **state)
{
    struct site_bench *bench = *state;
    const struct site_call show = {.steps = authorize_show, .query = "oauth_token=temp", .cookie = JANES_COOKIE};
    const struct site_call grant = {
        .steps = authorize_decide, .body = JANES_FORM "&decision=grant", .cookie = JANES_COOKIE};
    assert_int_equal(fail_each_call(bench, &show, 200), 2);
    assert_int_equal(fail_each_call(bench, &grant, 302), 3);
}

static void answers_503_without_randomness(void **state)
{
    struct site_bench *bench = *state;
    char jti[64];
    random_fail_next(1);
    authorize_post(bench, JANES_FORM "&decision=grant", JANES_COOKIE);
    assert_refused(bench, 503, "temporarily_unavailable");
    site_bench_client(bench, CLIENT_TRUSTED, NULL, NULL);
    durable_bench_token(&bench->durable, "printer", bench->jane, "token", jti);
    random_fail_next(1);
    authorize_get(bench, "oauth_token=temp", JANES_COOKIE);
    assert_refused(bench, 503, "temporarily_unavailable");
    assert_temp_state(bench, "temp", TEMP_PENDING);
}

/* What the durable store has of this kind cannot be read, or can be again. */
static void rename_table(struct site_bench *bench, const char *from, const char *to)
{
    char query[128];
    (void)snprintf(query, sizeof query, "ALTER TABLE %s RENAME TO %s", from, to);
    assert_status(sql_execute_blocking(bench->durable.db.sql, query, NULL, 0, NULL, NULL), STATUS_OK);
}

static void answers_503_when_the_durable_store_fails(void **state)
{
    struct site_bench *bench = *state;
    static const char *const tables[] = {"clients", "users", "tokens"};
    site_bench_client(bench, CLIENT_TRUSTED, NULL, NULL);
    for (size_t i = 0; i < COUNT_OF(tables); i++) {
        rename_table(bench, tables[i], "gone");
        authorize_get(bench, "oauth_token=temp", JANES_COOKIE);
        assert_refused(bench, 503, "temporarily_unavailable");
        rename_table(bench, "gone", tables[i]);
    }
    assert_temp_state(bench, "temp", TEMP_PENDING);
}

/* Whoever is asked, and who need not be: a grant that is not written down brings no verifier. */
static void answers_503_where_a_decision_cannot_be_written_down(void **state)
{
    struct site_bench *bench = *state;
    char jti[64];
    rename_table(bench, "audit", "gone");
    authorize_post(bench, JANES_FORM "&decision=grant", JANES_COOKIE);
    assert_refused(bench, 503, "temporarily_unavailable");
    assert_true(slice_is_absent(site_bench_header(bench, "Location", 0)));
    rename_table(bench, "gone", "audit");
    site_bench_client(bench, CLIENT_TRUSTED, NULL, NULL);
    durable_bench_token(&bench->durable, "printer", bench->jane, "token", jti);
    site_bench_temp(bench, "other", CALLBACK);
    rename_table(bench, "audit", "gone");
    authorize_get(bench, "oauth_token=other", JANES_COOKIE);
    assert_refused(bench, 503, "temporarily_unavailable");
    assert_true(slice_is_absent(site_bench_header(bench, "Location", 0)));
}

/* ---- memory ---- */

enum { MANY_SCOPES = 400, LITTLE_BYTES = 1 << 10, ENOUGH_BYTES = 640 << 10, PAGE_STEP_BYTES = 16 << 10 };

enum { GRANT_BYTES = 40 << 10, GRANT_STEP_BYTES = 1 << 10 };

static void write_scopes(struct buf *out, int count)
{
    for (int i = 0; i < count; i++)
        buf_addf(out, "%sscope:%d", i ? " " : "", i);
}

static void shows_the_whole_page_or_none_where_memory_does_not_suffice(void **state)
{
    struct site_bench *bench = *state;
    struct buf scopes = BUF_INIT;
    const struct site_call show = {.steps = authorize_show, .query = "oauth_token=much", .cookie = JANES_COOKIE};
    unsigned shown = 0;
    write_scopes(&scopes, MANY_SCOPES);
    authorize_allow_scopes(bench, buf_string(&scopes));
    authorize_temp(bench, "much", buf_string(&scopes));
    for (size_t bytes = 0; bytes < LITTLE_BYTES; bytes += 16)
        assert_in_range(site_bench_call_within(bench, &show, bytes), 500, 503);
    for (size_t bytes = LITTLE_BYTES; bytes <= ENOUGH_BYTES; bytes += PAGE_STEP_BYTES) {
        if (site_bench_call_within(bench, &show, bytes) != 200)
            continue;
        assert_true(site_bench_says(bench, "<code>scope:399</code>"));
        shown++;
    }
    assert_in_range(shown, 1, (ENOUGH_BYTES - LITTLE_BYTES) / PAGE_STEP_BYTES);
    buf_done(&scopes);
}

/* Grants a new temporary credential for the scopes, of which the page showed some. */
static bool grant_within(struct site_bench *bench, const char *scopes, struct slice shown, size_t arena_bytes)
{
    static unsigned number;
    char token[16];
    struct buf body = BUF_INIT;
    (void)snprintf(token, sizeof token, "much%u", number++);
    authorize_temp(bench, token, scopes);
    buf_addf(&body, "csrf_token=csrf+of+janes&decision=grant&oauth_token=%s&scope=%.*s", token, SLICE_ARGS(shown));
    const struct site_call grant = {.steps = authorize_decide, .body = buf_string(&body), .cookie = JANES_COOKIE};
    int status = site_bench_call_within(bench, &grant, arena_bytes);
    buf_done(&body);
    const struct temp_credential *temp = site_bench_find_temp(bench, token);
    if (temp->state == TEMP_GRANTED)
        assert_slice_equal(temp->scopes, shown);
    return status == 302;
}

static void grants_what_was_shown_or_nothing_where_memory_does_not_suffice(void **state)
{
    struct site_bench *bench = *state;
    struct buf scopes = BUF_INIT;
    unsigned granted = 0;
    write_scopes(&scopes, MANY_SCOPES);
    authorize_allow_scopes(bench, buf_string(&scopes));
    const struct slice all_but_the_last = slice_sub(buf_slice(&scopes), 0, scopes.len - strlen(" scope:399"));
    for (size_t bytes = LITTLE_BYTES; bytes <= GRANT_BYTES; bytes += GRANT_STEP_BYTES) {
        granted += grant_within(bench, buf_string(&scopes), all_but_the_last, bytes);
        granted += grant_within(bench, buf_string(&scopes), SLICE("scope:0 scope:399"), bytes);
    }
    assert_in_range(granted, 2, 2 * (GRANT_BYTES - LITTLE_BYTES) / GRANT_STEP_BYTES);
    assert_int_equal(durable_bench_number(&bench->durable, "SELECT COUNT(*) FROM audit WHERE who <> 'user:' ||"
                                                           " (SELECT subject FROM users WHERE username = 'jane')"),
                     0);
    buf_done(&scopes);
}

static void sends_to_the_whole_callback_or_nowhere_where_memory_does_not_suffice(void **state)
{
    struct site_bench *bench = *state;
    char callback[1900] = "https://app.example/";
    const struct site_call grant = {.steps = authorize_decide,
                                    .body = "csrf_token=csrf+of+janes&oauth_token=far" SHOWN "&decision=grant",
                                    .cookie = JANES_COOKIE};
    unsigned sent = 0;
    size_t len = strlen(callback);
    memset(callback + len, 'x', sizeof callback - 1 - len);
    callback[sizeof callback - 1] = '\0';
    site_bench_client(bench, 0, callback, NULL);
    site_bench_temp(bench, "far", callback);
    for (size_t bytes = LITTLE_BYTES; bytes <= GRANT_BYTES; bytes += GRANT_STEP_BYTES) {
        if (site_bench_call_within(bench, &grant, bytes) != 302)
            continue;
        struct slice target = authorize_location(bench);
        assert_true(slice_starts_with(target, slice_str(callback)));
        assert_true(slice_find_slice(target, SLICE("oauth_verifier=")) < target.len);
        sent++;
    }
    assert_in_range(sent, 1, (GRANT_BYTES - LITTLE_BYTES) / GRANT_STEP_BYTES);
}

static void counts_what_became_of_each_request(void **state)
{
    struct site_bench *bench = *state;
    uint64_t before[3];
    for (size_t i = 0; i < COUNT_OF(before); i++)
        before[i] = metric_value(&authorizations, (uint32_t)i);
    authorize_get(bench, "oauth_token=other", JANES_COOKIE);
    authorize_post(bench, "csrf_token=csrf+of+janes&oauth_token=oob" SHOWN "&decision=grant", JANES_COOKIE);
    authorize_post(bench, JANES_FORM "&decision=deny", JANES_COOKIE);
    for (size_t i = 0; i < COUNT_OF(before); i++)
        assert_int_equal(metric_value(&authorizations, (uint32_t)i), before[i] + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        AUTHORIZE_TEST(answers_503_when_the_store_is_down_at_any_wait),
        AUTHORIZE_TEST(answers_503_without_randomness),
        AUTHORIZE_TEST(answers_503_when_the_durable_store_fails),
        AUTHORIZE_TEST(answers_503_where_a_decision_cannot_be_written_down),
        AUTHORIZE_TEST(shows_the_whole_page_or_none_where_memory_does_not_suffice),
        AUTHORIZE_TEST(grants_what_was_shown_or_nothing_where_memory_does_not_suffice),
        AUTHORIZE_TEST(sends_to_the_whole_callback_or_nowhere_where_memory_does_not_suffice),
        AUTHORIZE_TEST(counts_what_became_of_each_request),
    };
    return cmocka_run_group_tests_name("authorize_faults", tests, NULL, NULL);
}
