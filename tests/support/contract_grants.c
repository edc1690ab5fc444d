#include "durable/clients.h"
#include "durable/grants.h"
#include "durable/users.h"
#include "support/contract_parts.h"
#include "support/durable_bench.h"
#include "support/test.h"

#include <stdio.h>

enum { LIMIT = 2 };

static struct grant_page *list(struct durable_bench *bench, int64_t user, const char *jti, int64_t before)
{
    const struct grant_request wanted = {user, slice_str(jti), before, LIMIT};
    struct grant_page *page = NULL;
    assert_status(durable_grant_list_blocking(&bench->db, &wanted, &page), STATUS_OK);
    return page;
}

static size_t count_of(struct durable_bench *bench, int64_t user, const char *jti)
{
    struct grant_page *page = list(bench, user, jti, 0);
    size_t count = page->count;
    grant_page_free(page);
    return count;
}

struct people {
    struct durable_bench *bench;
    int64_t jane, joe;
    char first[64], second[64], joes[64];
};

static struct people set_people(void **state)
{
    struct people it = {.bench = *state};
    const struct client client = {.client_id = SLICE("acme"),
                                  .name = SLICE("Acme"),
                                  .website = SLICE("https://acme.example"),
                                  .flags = CLIENT_VERIFIED,
                                  .allowed_scopes = SLICE("photos:read photos:write")};
    (void)durable_bench_client(it.bench, "acme");
    (void)durable_bench_client(it.bench, "other");
    assert_status(durable_client_update_blocking(&it.bench->db, &client), STATUS_OK);
    it.jane = durable_bench_user(it.bench, "jane");
    it.joe = durable_bench_user(it.bench, "joe");
    durable_bench_token(it.bench, "acme", it.jane, "one", it.first);
    durable_bench_token(it.bench, "other", it.jane, "two", it.second);
    durable_bench_token(it.bench, "acme", it.joe, "three", it.joes);
    return it;
}

static void a_user_is_told_of_his_own_grants_and_their_clients(void **state)
{
    struct people it = set_people(state);
    struct grant_page *page = list(it.bench, it.jane, "", 0);
    assert_int_equal(page->count, 2);
    assert_false(page->has_more);
    assert_slice_equal(page->grants[0].jti, slice_str(it.second)); /* newest first */
    assert_slice_equal(page->grants[0].client_id, SLICE("other"));
    assert_false(page->grants[0].client_verified);
    const struct grant *grant = &page->grants[1];
    assert_slice_equal(grant->jti, slice_str(it.first));
    assert_slice_equal(grant->client_id, SLICE("acme"));
    assert_slice_equal(grant->client_name, SLICE("Acme"));
    assert_slice_equal(grant->client_website, SLICE("https://acme.example"));
    assert_slice_equal(grant->scopes, SLICE("photos:read photos:write"));
    assert_true(grant->client_verified);
    assert_int_equal(grant->created_ms, BENCH_NOW_MS);
    assert_int_equal(grant->last_used_ms | grant->expires_ms, 0);
    grant_page_free(page);
    assert_int_equal(count_of(it.bench, it.jane, it.first), 1);
    assert_int_equal(count_of(it.bench, it.jane, it.joes), 0); /* another's, by its name */
    assert_int_equal(count_of(it.bench, 0, ""), 0);
}

static void what_is_revoked_or_has_expired_is_no_grant(void **state)
{
    struct people it = set_people(state);
    struct token_filter filter = {.jti = slice_str(it.second)};
    int64_t count = 0;
    bool existing = false;
    struct token *token = NULL;
    const struct token_issue issue = {.client_id = SLICE("acme"),
                                      .user = it.jane,
                                      .oauth_token = SLICE("short"),
                                      .secret = SLICE("secret"),
                                      .lifetime_ms = 1000};
    assert_status(durable_token_issue_blocking(&it.bench->db, &issue, &existing, &token), STATUS_OK);
    token_free(token);
    assert_int_equal(count_of(it.bench, it.jane, ""), LIMIT); /* of three */
    assert_status(durable_token_revoke_blocking(&it.bench->db, &filter, &count), STATUS_OK);
    assert_int_equal(count_of(it.bench, it.jane, it.second), 0);
    assert_int_equal(count_of(it.bench, it.jane, ""), 2);
    fake_clock_advance(&it.bench->clock, 1000);
    assert_int_equal(count_of(it.bench, it.jane, ""), 1);
}

static void a_page_of_grants_goes_on_below_the_last(void **state)
{
    struct people it = set_people(state);
    char jti[64];
    for (int i = 0; i < 3; i++) {
        char text[16];
        (void)snprintf(text, sizeof text, "more%d", i);
        durable_bench_token(it.bench, "acme", it.jane, text, jti);
    }
    int64_t before = 0;
    size_t seen = 0;
    for (bool more = true; more;) {
        struct grant_page *page = list(it.bench, it.jane, "", before);
        more = page->has_more;
        assert_true(page->count == LIMIT || !more);
        for (size_t i = 0; i < page->count; i++) {
            assert_true(before == 0 || page->grants[i].id < before);
            before = page->grants[i].id;
        }
        seen += page->count;
        grant_page_free(page);
    }
    assert_int_equal(seen, 5);
}

static enum status narrow(struct people *it, int64_t user, const char *jti, const char *scopes, const char *kept)
{
    return durable_grant_narrow_blocking(&it->bench->db, user, slice_str(jti), slice_str(scopes), slice_str(kept));
}

static void a_grant_is_narrowed_by_its_user_alone_and_as_he_saw_it(void **state)
{
    struct people it = set_people(state);
    static const char all[] = "photos:read photos:write";
    char line[1024];
    char expected[128];
    int64_t before = durable_bench_latest_change(it.bench);
    assert_status(narrow(&it, it.joe, it.first, all, "photos:read"), STATUS_NOT_FOUND);
    assert_status(narrow(&it, it.jane, "tok_none", all, "photos:read"), STATUS_NOT_FOUND);
    assert_status(narrow(&it, it.jane, it.first, "photos:read", "photos:read"), STATUS_NOT_FOUND); /* it has more */
    assert_string_equal(durable_bench_changes(it.bench, before, line), "");
    assert_status(narrow(&it, it.jane, it.first, all, "photos:read"), STATUS_OK);
    (void)snprintf(expected, sizeof expected, "token edited %s", it.first); /* so caches hear of it */
    assert_string_equal(durable_bench_changes(it.bench, before, line), expected);
    struct grant_page *page = list(it.bench, it.jane, it.first, 0);
    assert_slice_equal(page->grants[0].scopes, SLICE("photos:read"));
    grant_page_free(page);
    assert_status(narrow(&it, it.jane, it.first, all, "photos:write"), STATUS_NOT_FOUND);
    page = list(it.bench, it.joe, it.joes, 0);
    assert_slice_equal(page->grants[0].scopes, slice_str(all));
    grant_page_free(page);
}

static void what_is_over_is_not_narrowed(void **state)
{
    struct people it = set_people(state);
    static const char all[] = "photos:read photos:write";
    struct token_filter filter = {.jti = slice_str(it.first)};
    int64_t count = 0;
    assert_status(durable_token_revoke_blocking(&it.bench->db, &filter, &count), STATUS_OK);
    assert_status(narrow(&it, it.jane, it.first, all, "photos:read"), STATUS_NOT_FOUND);
    bool existing = false;
    struct token *token = NULL;
    const struct token_issue issue = {.client_id = SLICE("acme"),
                                      .user = it.jane,
                                      .oauth_token = SLICE("short"),
                                      .secret = SLICE("secret"),
                                      .scopes = SLICE("a b"),
                                      .lifetime_ms = 1000};
    assert_status(durable_token_issue_blocking(&it.bench->db, &issue, &existing, &token), STATUS_OK);
    fake_clock_advance(&it.bench->clock, 1000);
    assert_status(durable_grant_narrow_blocking(&it.bench->db, it.jane, token->jti, SLICE("a b"), SLICE("a")),
                  STATUS_NOT_FOUND);
    token_free(token);
}

int contract_grants_run(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_TEST(a_user_is_told_of_his_own_grants_and_their_clients),
        BENCH_TEST(what_is_revoked_or_has_expired_is_no_grant),
        BENCH_TEST(a_page_of_grants_goes_on_below_the_last),
        BENCH_TEST(a_grant_is_narrowed_by_its_user_alone_and_as_he_saw_it),
        BENCH_TEST(what_is_over_is_not_narrowed),
    };
    return cmocka_run_group_tests_name("grants", tests, NULL, NULL);
}
