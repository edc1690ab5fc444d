#include "durable/tokens.h"
#include "durable/users.h"
#include "support/contract_parts.h"
#include "support/durable_bench.h"
#include "support/test.h"

static struct user *find(struct durable_bench *bench, const char *username)
{
    struct user *user = NULL;
    assert_status(durable_user_find_by_name_blocking(&bench->db, slice_str(username), &user), STATUS_OK);
    return user;
}

static void a_user_is_found_by_name_by_subject_and_by_id(void **state)
{
    struct durable_bench *bench = *state;
    struct user wanted = {
        .username = SLICE("j\xc3\xa4ne"),
        .subject = SLICE("https://site.example/people/42"),
        .email = SLICE("jane@example.com"),
        .password_hash = SLICE("$y$j9T$salt$hash"),
    };
    struct user *found[3] = {NULL};
    int64_t id = 0;
    assert_status(durable_user_create_blocking(&bench->db, &wanted, &id), STATUS_OK);
    assert_status(durable_user_find_blocking(&bench->db, id, &found[0]), STATUS_OK);
    assert_status(durable_user_find_by_name_blocking(&bench->db, wanted.username, &found[1]), STATUS_OK);
    assert_status(durable_user_find_by_subject_blocking(&bench->db, wanted.subject, &found[2]), STATUS_OK);
    for (size_t i = 0; i < COUNT_OF(found); i++) {
        assert_int_equal(found[i]->id, id);
        assert_slice_equal(found[i]->subject, wanted.subject);
        assert_slice_equal(found[i]->username, wanted.username);
        assert_slice_equal(found[i]->email, wanted.email);
        assert_slice_equal(found[i]->password_hash, wanted.password_hash);
        assert_false(found[i]->disabled);
        assert_int_equal(found[i]->created_ms, BENCH_NOW_MS);
        user_free(found[i]);
    }
}

static void a_user_without_a_subject_gets_the_decimal_id(void **state)
{
    struct durable_bench *bench = *state;
    char decimal[24];
    int64_t id = durable_bench_user(bench, "jane");
    struct buf text = buf_fixed(decimal, sizeof decimal);
    buf_add_i64(&text, id);
    struct user *user = find(bench, "jane");
    assert_slice_equal(user->subject, buf_slice(&text));
    user_free(user);
}

/* Sites that brought their own numbers along must still be able to make users. */
static void a_user_without_a_subject_gets_another_where_the_decimal_id_is_taken(void **state)
{
    struct durable_bench *bench = *state;
    char taken[24];
    char expected[32];
    int64_t id = 0;
    struct buf next = buf_fixed(taken, sizeof taken);
    struct buf other = buf_fixed(expected, sizeof expected);
    buf_add_i64(&next, durable_bench_user(bench, "first") + 2);
    const struct user imported = {.username = SLICE("imported"), .subject = buf_slice(&next)};
    assert_status(durable_user_create_blocking(&bench->db, &imported, &id), STATUS_OK);
    buf_addf(&other, "user-%lld", (long long)durable_bench_user(bench, "jane"));
    struct user *user = find(bench, "jane");
    assert_slice_equal(user->subject, buf_slice(&other));
    user_free(user);
}

static void user_names_compare_byte_for_byte(void **state)
{
    struct durable_bench *bench = *state;
    static const char *const names[] = {"abc", "Abc", "abc ", "\xc3\x84", "\xc3\xa4", "A"};
    struct user *none = NULL;
    for (size_t i = 0; i < COUNT_OF(names); i++)
        (void)durable_bench_user(bench, names[i]);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct user *user = find(bench, names[i]);
        assert_slice_equal(user->username, slice_str(names[i]));
        user_free(user);
    }
    assert_status(durable_user_find_by_name_blocking(&bench->db, SLICE("a"), &none), STATUS_NOT_FOUND);
}

static void names_and_subjects_are_taken_once(void **state)
{
    struct durable_bench *bench = *state;
    struct user same_name = {.username = SLICE("jane"), .subject = SLICE("other")};
    struct user same_subject = {.username = SLICE("other"), .subject = SLICE("s")};
    struct user first = {.username = SLICE("jane"), .subject = SLICE("s")};
    struct user nameless = {.username = SLICE("")};
    int64_t id = 0;
    assert_status(durable_user_create_blocking(&bench->db, &first, &id), STATUS_OK);
    assert_status(durable_user_create_blocking(&bench->db, &same_name, &id), STATUS_CONFLICT);
    assert_status(durable_user_create_blocking(&bench->db, &same_subject, &id), STATUS_CONFLICT);
    assert_status(durable_user_create_blocking(&bench->db, &nameless, &id), STATUS_BAD_INPUT);
    assert_int_equal(durable_bench_number(bench, "SELECT COUNT(*) FROM users"), 1);
}

static void a_delegated_login_makes_its_user_once_and_follows_the_name(void **state)
{
    struct durable_bench *bench = *state;
    struct user *first = NULL;
    struct user *again = NULL;
    struct user *renamed = NULL;
    struct user *other = NULL;
    struct durable *db = &bench->db;
    assert_status(durable_user_ensure_blocking(db, SLICE("s-1"), SLICE("jane"), &first), STATUS_OK);
    assert_status(durable_user_ensure_blocking(db, SLICE("s-1"), SLICE("jane"), &again), STATUS_OK);
    assert_status(durable_user_ensure_blocking(db, SLICE("s-1"), SLICE("jane doe"), &renamed), STATUS_OK);
    assert_int_equal(first->id, again->id);
    assert_int_equal(first->id, renamed->id);
    assert_slice_equal(renamed->username, SLICE("jane doe"));
    assert_status(durable_user_ensure_blocking(db, SLICE("s-2"), SLICE("jane doe"), &other), STATUS_CONFLICT);
    assert_null(other);
    user_free(first);
    user_free(again);
    user_free(renamed);
}

static void users_are_listed_without_their_hashes(void **state)
{
    struct durable_bench *bench = *state;
    struct user jane = {.username = SLICE("jane"), .password_hash = SLICE("$y$hash")};
    struct user_page *found = NULL;
    int64_t id = 0;
    assert_status(durable_user_create_blocking(&bench->db, &jane, &id), STATUS_OK);
    (void)durable_bench_user(bench, "joe");
    struct page_request after_jane = {.after_id = id};
    assert_status(durable_user_list_blocking(&bench->db, (struct page_request){0}, &found), STATUS_OK);
    assert_int_equal(found->count, 2);
    assert_int_equal(found->users[0].password_hash.len, 0);
    user_page_free(found);
    assert_status(durable_user_list_blocking(&bench->db, after_jane, &found), STATUS_OK);
    assert_int_equal(found->count, 1);
    assert_slice_equal(found->users[0].username, SLICE("joe"));
    user_page_free(found);
}

static void a_new_password_replaces_the_old_and_ends_sessions(void **state)
{
    struct durable_bench *bench = *state;
    char line[1024];
    int64_t id = durable_bench_user(bench, "jane");
    int64_t before = durable_bench_latest_change(bench);
    assert_status(durable_user_set_password_blocking(&bench->db, id, SLICE("$y$new")), STATUS_OK);
    struct user *user = find(bench, "jane");
    assert_slice_equal(user->password_hash, SLICE("$y$new"));
    user_free(user);
    assert_string_equal(durable_bench_changes(bench, before, line), "user ended 1");
    assert_status(durable_user_set_password_blocking(&bench->db, 999, SLICE("$y$new")), STATUS_NOT_FOUND);
}

static int64_t live_tokens(struct durable_bench *bench)
{
    return durable_bench_number(bench, "SELECT COUNT(*) FROM tokens WHERE revoked_at IS NULL");
}

static void disabling_a_user_ends_the_users_tokens(void **state)
{
    struct durable_bench *bench = *state;
    char jti[64];
    char line[1024];
    (void)durable_bench_client(bench, "acme");
    int64_t jane = durable_bench_user(bench, "jane");
    int64_t joe = durable_bench_user(bench, "joe");
    durable_bench_token(bench, "acme", jane, "jane's", jti);
    durable_bench_token(bench, "acme", joe, "joe's", jti);
    int64_t before = durable_bench_latest_change(bench);
    assert_status(durable_user_disable_blocking(&bench->db, jane), STATUS_OK);
    assert_string_equal(durable_bench_changes(bench, before, line), "user ended 1");
    assert_int_equal(live_tokens(bench), 1);
    assert_status(durable_user_enable_blocking(&bench->db, jane), STATUS_OK);
    assert_int_equal(live_tokens(bench), 1);
    assert_status(durable_user_disable_blocking(&bench->db, 999), STATUS_NOT_FOUND);
}

static void deleting_a_user_takes_the_users_tokens(void **state)
{
    struct durable_bench *bench = *state;
    char jti[64];
    char line[1024];
    struct user *none = NULL;
    (void)durable_bench_client(bench, "acme");
    int64_t jane = durable_bench_user(bench, "jane");
    durable_bench_token(bench, "acme", jane, "jane's", jti);
    int64_t before = durable_bench_latest_change(bench);
    assert_status(durable_user_delete_blocking(&bench->db, jane), STATUS_OK);
    assert_string_equal(durable_bench_changes(bench, before, line), "user ended 1");
    assert_int_equal(durable_bench_number(bench, "SELECT COUNT(*) FROM tokens"), 0);
    assert_status(durable_user_find_blocking(&bench->db, jane, &none), STATUS_NOT_FOUND);
    assert_status(durable_user_delete_blocking(&bench->db, jane), STATUS_NOT_FOUND);
    assert_true(durable_bench_user(bench, "jane") > jane); /* nobody inherits a subject */
}

int contract_users_run(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_TEST(a_user_is_found_by_name_by_subject_and_by_id),
        BENCH_TEST(a_user_without_a_subject_gets_the_decimal_id),
        BENCH_TEST(a_user_without_a_subject_gets_another_where_the_decimal_id_is_taken),
        BENCH_TEST(user_names_compare_byte_for_byte),
        BENCH_TEST(names_and_subjects_are_taken_once),
        BENCH_TEST(a_delegated_login_makes_its_user_once_and_follows_the_name),
        BENCH_TEST(users_are_listed_without_their_hashes),
        BENCH_TEST(a_new_password_replaces_the_old_and_ends_sessions),
        BENCH_TEST(disabling_a_user_ends_the_users_tokens),
        BENCH_TEST(deleting_a_user_takes_the_users_tokens),
    };
    return cmocka_run_group_tests_name("users", tests, NULL, NULL);
}
