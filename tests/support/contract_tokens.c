#include "durable/tokens.h"
#include "durable/users.h"
#include "support/contract_parts.h"
#include "support/durable_bench.h"
#include "support/test.h"

static struct credential_pair *find(struct durable_bench *bench, const char *client_id, const char *oauth_token)
{
    struct credential_pair *pair = NULL;
    assert_status(durable_pair_find_blocking(&bench->db, slice_str(client_id), slice_str(oauth_token), &pair),
                  STATUS_OK);
    return pair;
}

/* Two clients, a user, a token of the first. */
struct scene {
    struct durable_bench *bench;
    int64_t acme;
    int64_t jane;
    char jti[64];
};

static struct scene set_scene(void **state)
{
    struct scene scene = {.bench = *state};
    scene.acme = durable_bench_client(scene.bench, "acme");
    (void)durable_bench_client(scene.bench, "other");
    scene.jane = durable_bench_user(scene.bench, "jane");
    durable_bench_token(scene.bench, "acme", scene.jane, "token", scene.jti);
    return scene;
}

/* ---- the pair ---- */

static void a_pair_has_all_that_verifying_takes(void **state)
{
    struct scene scene = set_scene(state);
    struct credential_pair *pair = find(scene.bench, "acme", "token");
    assert_true(pair->client_found && pair->token_found);
    assert_slice_equal(pair->client.client_id, SLICE("acme"));
    assert_slice_equal(pair->client.secrets[0].text, SLICE("secret of acme"));
    assert_slice_equal(pair->token.oauth_token, SLICE("token"));
    assert_slice_equal(pair->token.secret, SLICE("secret of token"));
    assert_slice_equal(pair->token.jti, slice_str(scene.jti));
    assert_slice_equal(pair->token.scopes, SLICE("photos:read photos:write"));
    assert_slice_equal(pair->token.username, SLICE("jane"));
    assert_slice_equal(pair->token.client_id, SLICE("acme"));
    assert_int_equal(pair->token.client, scene.acme);
    assert_int_equal(pair->token.user, scene.jane);
    assert_int_equal(pair->token.created_ms, BENCH_NOW_MS);
    assert_int_equal(pair->token.expires_ms | pair->token.revoked_ms | pair->token.last_used_ms, 0);
    assert_true(slice_starts_with(pair->token.jti, SLICE("tok_")));
    credential_pair_free(pair);
}

static void what_is_unknown_is_told_apart(void **state)
{
    struct scene scene = set_scene(state);
    static const struct {
        const char *client_id;
        const char *oauth_token;
        bool client_found;
        bool token_found;
    } rows[] = {
        {"acme", "token", true, true},         {"acme", "", true, false},        {"acme", "Token", true, false},
        {"acme", "token ", true, false},       {"nobody", "token", false, true}, {"nobody", "none", false, false},
        {"Acme", "token", false, true},        {"", "", false, false},           {"other", "token", true, true},
        {"acme", "tok\xc3\xa9n", true, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct credential_pair *pair = find(scene.bench, rows[i].client_id, rows[i].oauth_token);
        assert_int_equal(pair->client_found, rows[i].client_found);
        assert_int_equal(pair->token_found, rows[i].token_found);
        credential_pair_free(pair);
    }
}

static void another_clients_token_is_recognized_as_such(void **state)
{
    struct scene scene = set_scene(state);
    struct credential_pair *pair = find(scene.bench, "other", "token");
    assert_true(pair->client.id != pair->token.client);
    assert_slice_equal(pair->client.secrets[0].text, SLICE("secret of other"));
    assert_slice_equal(pair->token.secret, SLICE("secret of token"));
    credential_pair_free(pair);
}

static void revoked_disabled_and_expired_come_as_data_with_their_secrets(void **state)
{
    struct scene scene = set_scene(state);
    struct token_filter filter = {.jti = slice_str(scene.jti)};
    int64_t count = 0;
    fake_clock_advance(&scene.bench->clock, 5000);
    assert_status(durable_token_revoke_blocking(&scene.bench->db, &filter, &count), STATUS_OK);
    assert_status(durable_client_disable_blocking(&scene.bench->db, SLICE("acme")), STATUS_OK);
    assert_status(durable_user_disable_blocking(&scene.bench->db, scene.jane), STATUS_OK);
    struct credential_pair *pair = find(scene.bench, "acme", "token");
    assert_int_equal(pair->token.revoked_ms, BENCH_NOW_MS + 5000);
    assert_true(pair->client.flags & CLIENT_DISABLED);
    assert_true(pair->token.user_disabled);
    assert_slice_equal(pair->token.secret, SLICE("secret of token"));
    assert_slice_equal(pair->client.secrets[0].text, SLICE("secret of acme"));
    credential_pair_free(pair);
}

static void a_pair_has_the_clients_keys_and_all_its_secrets(void **state)
{
    struct scene scene = set_scene(state);
    struct durable *db = &scene.bench->db;
    assert_status(durable_client_rotate_secret_blocking(db, SLICE("acme"), SLICE("second"), 1000), STATUS_OK);
    assert_status(durable_client_rotate_key_blocking(db, SLICE("acme"), SLICE("PEM 1"), 0), STATUS_OK);
    assert_status(durable_client_rotate_key_blocking(db, SLICE("acme"), SLICE("PEM 2"), 1000), STATUS_OK);
    struct credential_pair *pair = find(scene.bench, "acme", "token");
    assert_int_equal(pair->client.secret_count, 2);
    assert_slice_equal(pair->client.secrets[0].text, SLICE("second"));
    assert_int_equal(pair->client.key_count, 2);
    assert_slice_equal(pair->client.keys[0].text, SLICE("PEM 2"));
    assert_slice_equal(pair->client.keys[1].text, SLICE("PEM 1"));
    credential_pair_free(pair);
}

static void a_token_given_to_another_user_in_the_database_does_not_open(void **state)
{
    struct scene scene = set_scene(state);
    struct credential_pair *pair = NULL;
    int64_t joe = durable_bench_user(scene.bench, "joe");
    struct sql_value params[] = {sql_int(joe)};
    assert_status(sql_execute_blocking(scene.bench->db.sql, "UPDATE tokens SET user = ?", params, 1, NULL, NULL),
                  STATUS_OK);
    assert_status(durable_pair_find_blocking(&scene.bench->db, SLICE("acme"), SLICE("token"), &pair),
                  STATUS_STORE_CORRUPT);
    assert_null(pair);
}

/* ---- revoke ---- */

static int64_t revoke(struct scene *scene, const char *jti, const char *client_id, const char *subject)
{
    struct token_filter filter = {slice_str(jti), slice_str(client_id), slice_str(subject)};
    int64_t count = -1;
    assert_status(durable_token_revoke_blocking(&scene->bench->db, &filter, &count), STATUS_OK);
    return count;
}

static void revoking_is_idempotent_and_says_so_once(void **state)
{
    struct scene scene = set_scene(state);
    char line[1024];
    char expected[128] = "token revoked ";
    struct buf text = buf_fixed(expected, sizeof expected);
    text.len = strlen(expected);
    buf_add_str(&text, scene.jti);
    int64_t before = durable_bench_latest_change(scene.bench);
    assert_int_equal(revoke(&scene, scene.jti, "", ""), 1);
    assert_int_equal(revoke(&scene, scene.jti, "", ""), 0);
    assert_int_equal(revoke(&scene, "tok_unknown", "", ""), 0);
    assert_string_equal(durable_bench_changes(scene.bench, before, line), buf_string(&text));
}

static void tokens_are_revoked_by_client_by_user_and_by_both(void **state)
{
    struct scene scene = set_scene(state);
    char jti[64];
    char line[1024];
    int64_t joe = durable_bench_user(scene.bench, "joe");
    durable_bench_token(scene.bench, "acme", joe, "2", jti);
    durable_bench_token(scene.bench, "other", joe, "3", jti);
    durable_bench_token(scene.bench, "other", scene.jane, "4", jti);
    durable_bench_token(scene.bench, "other", scene.jane, "5", jti);
    int64_t before = durable_bench_latest_change(scene.bench);
    assert_int_equal(revoke(&scene, "", "other", USER_LOCAL_PREFIX "2"), 1);
    assert_int_equal(revoke(&scene, jti, "acme", ""), 0); /* every part must fit */
    assert_int_equal(revoke(&scene, jti, "other", USER_LOCAL_PREFIX "1"), 1);
    assert_int_equal(revoke(&scene, "", "acme", ""), 2);
    assert_int_equal(revoke(&scene, "", "", USER_LOCAL_PREFIX "1"), 1);
    assert_int_equal(revoke(&scene, "", "nobody", ""), 0);
    assert_int_equal(revoke(&scene, "", "", "nobody"), 0);
    assert_non_null(strstr(durable_bench_changes(scene.bench, before, line), "user revoked 2, token revoked tok_"));
    assert_non_null(strstr(line, ", client revoked acme, user revoked 1"));
}

static void an_empty_filter_revokes_nothing(void **state)
{
    struct scene scene = set_scene(state);
    struct token_filter filter = {0};
    int64_t count = 0;
    assert_status(durable_token_revoke_blocking(&scene.bench->db, &filter, &count), STATUS_BAD_INPUT);
    assert_int_equal(durable_bench_number(scene.bench, "SELECT COUNT(*) FROM tokens WHERE revoked_at IS NULL"), 1);
}

/* ---- list ---- */

static size_t list(struct scene *scene, const char *jti, const char *client_id, const char *subject)
{
    struct token_filter filter = {slice_str(jti), slice_str(client_id), slice_str(subject)};
    struct token_page *page = NULL;
    assert_status(durable_token_list_blocking(&scene->bench->db, &filter, (struct page_request){0}, &page), STATUS_OK);
    size_t count = page->count;
    for (size_t i = 0; i < count; i++)
        assert_int_equal(page->tokens[i].secret.len, 0);
    token_page_free(page);
    return count;
}

static void tokens_are_listed_by_any_combination(void **state)
{
    struct scene scene = set_scene(state);
    char jti[64];
    int64_t joe = durable_bench_user(scene.bench, "joe");
    durable_bench_token(scene.bench, "acme", joe, "2", jti);
    durable_bench_token(scene.bench, "other", joe, "3", jti);
    assert_int_equal(list(&scene, "", "", ""), 3);
    assert_int_equal(list(&scene, "", "acme", ""), 2);
    assert_int_equal(list(&scene, "", "", USER_LOCAL_PREFIX "2"), 2);
    assert_int_equal(list(&scene, "", "other", USER_LOCAL_PREFIX "2"), 1);
    assert_int_equal(list(&scene, jti, "", ""), 1);
    assert_int_equal(list(&scene, jti, "other", ""), 1);
    assert_int_equal(list(&scene, jti, "", USER_LOCAL_PREFIX "1"), 0);
    assert_int_equal(list(&scene, jti, "other", USER_LOCAL_PREFIX "2"), 1);
    assert_int_equal(list(&scene, "", "nobody", ""), 0);
    assert_int_equal(list(&scene, "", "", "nobody"), 0);
}

static void a_page_of_tokens_goes_on_after_the_last(void **state)
{
    struct scene scene = set_scene(state);
    struct token_filter filter = {.client_id = SLICE("acme")};
    struct page_request page = {.limit = 1};
    struct token_page *found = NULL;
    char jti[64];
    durable_bench_token(scene.bench, "acme", scene.jane, "2", jti);
    for (int i = 0; i < 2; i++) {
        assert_status(durable_token_list_blocking(&scene.bench->db, &filter, page, &found), STATUS_OK);
        assert_int_equal(found->count, 1);
        page.after_id = found->tokens[0].id;
        token_page_free(found);
    }
    assert_status(durable_token_list_blocking(&scene.bench->db, &filter, page, &found), STATUS_OK);
    assert_int_equal(found->count, 0);
    token_page_free(found);
}

/* ---- last used, covers ---- */

static void last_used_never_goes_back(void **state)
{
    struct scene scene = set_scene(state);
    struct credential_pair *pair = find(scene.bench, "acme", "token");
    int64_t ids[] = {999, pair->token.id};
    credential_pair_free(pair);
    for (int64_t used_ms = 2000; used_ms > 0; used_ms -= 1000)
        assert_status(durable_token_touch_blocking(&scene.bench->db, used_ms, ids, COUNT_OF(ids)), STATUS_OK);
    assert_status(durable_token_touch_blocking(&scene.bench->db, 3000, NULL, 0), STATUS_OK);
    pair = find(scene.bench, "acme", "token");
    assert_int_equal(pair->token.last_used_ms, 2000);
    credential_pair_free(pair);
}

static bool covers(struct scene *scene, const char *client_id, int64_t user, const char *scopes)
{
    bool result = false;
    assert_status(
        durable_token_covers_blocking(&scene->bench->db, slice_str(client_id), user, slice_str(scopes), &result),
        STATUS_OK);
    return result;
}

static void a_live_token_covers_the_scopes_it_has(void **state)
{
    struct scene scene = set_scene(state);
    static const struct {
        const char *client_id;
        int64_t user;
        const char *scopes;
        bool covered;
    } rows[] = {
        {"acme", 1, "photos:read", true},
        {"acme", 1, "photos:write photos:read", true},
        {"acme", 1, "", true},
        {"acme", 1, "photos:read photos:delete", false},
        {"acme", 1, "photos", false},
        {"acme", 1, "photos:READ", false},
        {"other", 1, "photos:read", false},
        {"acme", 2, "photos:read", false},
        {"nobody", 1, "photos:read", false},
    };
    assert_int_equal(scene.jane, 1);
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_int_equal(covers(&scene, rows[i].client_id, rows[i].user, rows[i].scopes), rows[i].covered);
    assert_int_equal(revoke(&scene, scene.jti, "", ""), 1);
    assert_false(covers(&scene, "acme", 1, "photos:read"));
}

int contract_tokens_run(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_TEST(a_pair_has_all_that_verifying_takes),
        BENCH_TEST(what_is_unknown_is_told_apart),
        BENCH_TEST(another_clients_token_is_recognized_as_such),
        BENCH_TEST(revoked_disabled_and_expired_come_as_data_with_their_secrets),
        BENCH_TEST(a_pair_has_the_clients_keys_and_all_its_secrets),
        BENCH_TEST(a_token_given_to_another_user_in_the_database_does_not_open),
        BENCH_TEST(revoking_is_idempotent_and_says_so_once),
        BENCH_TEST(tokens_are_revoked_by_client_by_user_and_by_both),
        BENCH_TEST(an_empty_filter_revokes_nothing),
        BENCH_TEST(tokens_are_listed_by_any_combination),
        BENCH_TEST(a_page_of_tokens_goes_on_after_the_last),
        BENCH_TEST(last_used_never_goes_back),
        BENCH_TEST(a_live_token_covers_the_scopes_it_has),
    };
    return cmocka_run_group_tests_name("tokens", tests, NULL, NULL);
}
