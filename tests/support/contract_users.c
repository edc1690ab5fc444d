#include "durable/passwords.h"
#include "durable/tokens.h"
#include "durable/users.h"
#include "support/contract_parts.h"
#include "support/durable_bench.h"
#include "support/test.h"

#include <stdio.h>

static enum status take_text(void *context, const struct sql_value *columns, size_t count)
{
    assert_int_equal(count, 1);
    buf_add(context, columns[0].bytes);
    return STATUS_OK;
}

static struct user *find(struct durable_bench *bench, const char *username)
{
    struct user *user = NULL;
    assert_status(durable_user_find_by_name_blocking(&bench->db, slice_str(username), &user), STATUS_OK);
    return user;
}

static void assert_same_user(const struct user *found, int64_t id, const struct user *wanted)
{
    assert_int_equal(found->id, id);
    assert_int_equal(found->source, wanted->source);
    assert_slice_equal(found->username, wanted->username);
    assert_slice_equal(found->email, wanted->email);
    assert_slice_equal(found->password_hash, wanted->password_hash);
    assert_false(found->disabled);
    assert_int_equal(found->created_ms, BENCH_NOW_MS);
}

static void an_account_made_here_is_found_by_name_by_subject_and_by_id(void **state)
{
    struct durable_bench *bench = *state;
    struct user wanted = {
        .username = SLICE("j\xc3\xa4ne"),
        .email = SLICE("jane@example.com"),
        .password_hash = SLICE("$y$j9T$salt$hash"),
    };
    struct user *found[3] = {NULL};
    int64_t id = 0;
    assert_status(durable_user_create_blocking(&bench->db, &wanted, &id), STATUS_OK);
    assert_status(durable_user_find_blocking(&bench->db, id, &found[0]), STATUS_OK);
    assert_status(durable_user_find_by_name_blocking(&bench->db, wanted.username, &found[1]), STATUS_OK);
    assert_status(durable_user_find_by_subject_blocking(&bench->db, found[0]->subject, &found[2]), STATUS_OK);
    for (size_t i = 0; i < COUNT_OF(found); i++) {
        assert_same_user(found[i], id, &wanted);
        assert_true(slice_starts_with(found[i]->subject, SLICE(USER_LOCAL_PREFIX)));
        user_free(found[i]);
    }
}

static void a_sites_user_is_found_by_subject_and_by_id_and_by_no_name(void **state)
{
    struct durable_bench *bench = *state;
    struct user wanted = {
        .source = USER_OF_SITE, .username = SLICE("jane"), .subject = SLICE("https://site.example/people/42")};
    struct user *found[2] = {NULL};
    struct user *none = NULL;
    int64_t id = 0;
    assert_status(durable_user_create_blocking(&bench->db, &wanted, &id), STATUS_OK);
    assert_status(durable_user_find_blocking(&bench->db, id, &found[0]), STATUS_OK);
    assert_status(durable_user_find_by_subject_blocking(&bench->db, wanted.subject, &found[1]), STATUS_OK);
    for (size_t i = 0; i < COUNT_OF(found); i++) {
        assert_same_user(found[i], id, &wanted);
        assert_slice_equal(found[i]->subject, wanted.subject);
        user_free(found[i]);
    }
    assert_status(durable_user_find_by_name_blocking(&bench->db, SLICE("jane"), &none), STATUS_NOT_FOUND);
    char key[512] = "";
    struct buf text = buf_fixed(key, sizeof key);
    assert_status(sql_execute_blocking(bench->db.sql, "SELECT username FROM users", NULL, 0, take_text, &text),
                  STATUS_OK);
    assert_status(durable_user_find_by_name_blocking(&bench->db, buf_slice(&text), &none), STATUS_NOT_FOUND);
}

static void an_account_made_here_gets_a_subject_that_no_site_may_use(void **state)
{
    struct durable_bench *bench = *state;
    char expected[40];
    (void)snprintf(expected, sizeof expected, USER_LOCAL_PREFIX "%lld", (long long)durable_bench_user(bench, "jane"));
    struct user *user = find(bench, "jane");
    struct user *none = NULL;
    int64_t id = 0;
    assert_slice_equal(user->subject, slice_str(expected));
    assert_int_equal(user->source, USER_MADE_HERE);
    user_free(user);
    const struct user planted = {.source = USER_OF_SITE, .subject = SLICE("local-99"), .username = SLICE("eve")};
    const struct user alike = {.source = USER_OF_SITE, .subject = SLICE("LOCAL-99"), .username = SLICE("eve")};
    const struct user bearing = {.subject = SLICE("99"), .username = SLICE("eve")};
    const struct user with_password = {
        .source = USER_OF_SITE, .subject = SLICE("99"), .username = SLICE("eve"), .password_hash = SLICE("$y$hash")};
    assert_status(durable_user_create_blocking(&bench->db, &planted, &id), STATUS_BAD_INPUT);
    assert_status(durable_user_create_blocking(&bench->db, &alike, &id), STATUS_BAD_INPUT);
    assert_status(durable_user_create_blocking(&bench->db, &bearing, &id), STATUS_BAD_INPUT);
    assert_status(durable_user_create_blocking(&bench->db, &with_password, &id), STATUS_BAD_INPUT);
    assert_status(durable_user_ensure_blocking(&bench->db, slice_str(expected), SLICE("eve"), &none), STATUS_BAD_INPUT);
    assert_status(durable_user_ensure_blocking(&bench->db, SLICE("a\nb"), SLICE("eve"), &none), STATUS_BAD_INPUT);
    assert_status(durable_user_ensure_blocking(&bench->db, SLICE(""), SLICE("eve"), &none), STATUS_BAD_INPUT);
    assert_null(none);
}

/* As an earlier version made it: its subject is a bare number. */
static int64_t add_old_account(struct durable_bench *bench, const char *username, const char *subject)
{
    int64_t id = durable_bench_user(bench, username);
    struct sql_value params[] = {sql_text(slice_str(subject)), sql_int(id)};
    assert_status(sql_execute_blocking(bench->db.sql, "UPDATE users SET subject = ? WHERE id = ?", params,
                                       COUNT_OF(params), NULL, NULL),
                  STATUS_OK);
    return id;
}

static void a_sites_subject_never_meets_an_account_of_an_earlier_version(void **state)
{
    struct durable_bench *bench = *state;
    struct user *met = NULL;
    int64_t id = add_old_account(bench, "jane", "42");
    int64_t made = 0;
    const struct user imported = {.source = USER_OF_SITE, .subject = SLICE("42"), .username = SLICE("eve")};
    assert_status(durable_user_ensure_blocking(&bench->db, SLICE("42"), SLICE("jane"), &met), STATUS_CONFLICT);
    assert_status(durable_user_ensure_blocking(&bench->db, SLICE("42"), SLICE_ABSENT, &met), STATUS_CONFLICT);
    assert_status(durable_user_create_blocking(&bench->db, &imported, &made), STATUS_CONFLICT);
    assert_null(met);
    assert_status(durable_user_set_local_subject_blocking(&bench->db, id), STATUS_OK);
    assert_status(durable_user_ensure_blocking(&bench->db, SLICE("42"), SLICE("jane"), &met), STATUS_OK);
    assert_int_not_equal(met->id, id);
    user_free(met);
}

static void an_account_that_gives_up_its_number_keeps_what_it_owns(void **state)
{
    struct durable_bench *bench = *state;
    char line[1024];
    char expected[40];
    struct client owned = {.client_id = SLICE("acme"), .name = SLICE("n"), .owner = SLICE("42")};
    struct client *found = NULL;
    struct user *site = NULL;
    int64_t id = add_old_account(bench, "jane", "42");
    int64_t client = 0;
    assert_status(durable_client_create_blocking(&bench->db, &owned, &client), STATUS_OK);
    int64_t before = durable_bench_latest_change(bench);
    assert_status(durable_user_set_local_subject_blocking(&bench->db, id), STATUS_OK);
    assert_string_equal(durable_bench_changes(bench, before, line), "user edited 1");
    (void)snprintf(expected, sizeof expected, USER_LOCAL_PREFIX "%lld", (long long)id);
    assert_status(durable_client_find_blocking(&bench->db, SLICE("acme"), &found), STATUS_OK);
    assert_slice_equal(found->owner, slice_str(expected));
    client_free(found);
    before = durable_bench_latest_change(bench);
    assert_status(durable_user_set_local_subject_blocking(&bench->db, id), STATUS_OK);
    assert_string_equal(durable_bench_changes(bench, before, line), "");
    assert_status(durable_user_ensure_blocking(&bench->db, SLICE("42"), SLICE("jane"), &site), STATUS_OK);
    assert_status(durable_user_set_local_subject_blocking(&bench->db, site->id), STATUS_BAD_INPUT);
    assert_status(durable_user_set_local_subject_blocking(&bench->db, 999), STATUS_NOT_FOUND);
    user_free(site);
}

static void user_names_compare_byte_for_byte(void **state)
{
    struct durable_bench *bench = *state;
    static const char *const names[] = {"Abc", "abc ", "\xc3\x84", "A"};
    static const char *const unknown[] = {"abc", "Abc ", "\xc3\xa4", "a"};
    struct user *none = NULL;
    for (size_t i = 0; i < COUNT_OF(names); i++)
        (void)durable_bench_user(bench, names[i]);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct user *user = find(bench, names[i]);
        assert_slice_equal(user->username, slice_str(names[i]));
        user_free(user);
    }
    for (size_t i = 0; i < COUNT_OF(unknown); i++)
        assert_status(durable_user_find_by_name_blocking(&bench->db, slice_str(unknown[i]), &none), STATUS_NOT_FOUND);
}

static void names_of_accounts_made_here_and_all_subjects_are_taken_once(void **state)
{
    struct durable_bench *bench = *state;
    struct user same_name = {.username = SLICE("jane")};
    struct user same_subject = {.source = USER_OF_SITE, .username = SLICE("other"), .subject = SLICE("s")};
    struct user first = {.source = USER_OF_SITE, .username = SLICE("jane"), .subject = SLICE("s")};
    struct user nameless = {.username = SLICE("")};
    int64_t id = 0;
    assert_status(durable_user_create_blocking(&bench->db, &first, &id), STATUS_OK);
    assert_status(durable_user_create_blocking(&bench->db, &same_name, &id), STATUS_OK);
    assert_status(durable_user_create_blocking(&bench->db, &same_name, &id), STATUS_CONFLICT);
    assert_status(durable_user_create_blocking(&bench->db, &same_subject, &id), STATUS_CONFLICT);
    assert_status(durable_user_create_blocking(&bench->db, &nameless, &id), STATUS_BAD_INPUT);
    assert_int_equal(durable_bench_number(bench, "SELECT COUNT(*) FROM users"), 2);
}

static void accounts_made_here_do_not_differ_by_case_alone(void **state)
{
    struct durable_bench *bench = *state;
    static const char *const taken[] = {"JANE", "Jane", "j\xc3\xbcrgen", "J\xc3\x9cRGEN"};
    struct user site = {.source = USER_OF_SITE, .username = SLICE("JANE"), .subject = SLICE("s")};
    int64_t id = 0;
    (void)durable_bench_user(bench, "jane");
    (void)durable_bench_user(bench, "J\xc3\xbcrgen");
    for (size_t i = 0; i < COUNT_OF(taken); i++) {
        struct user user = {.username = slice_str(taken[i])};
        assert_status(durable_user_create_blocking(&bench->db, &user, &id), STATUS_CONFLICT);
    }
    assert_status(durable_user_create_blocking(&bench->db, &site, &id), STATUS_OK);
    assert_int_equal(durable_bench_number(bench, "SELECT COUNT(*) FROM users"), 3);
}

static int64_t add_with_email(struct durable_bench *bench, const char *username, const char *email)
{
    struct user user = {.username = slice_str(username), .email = slice_str(email)};
    int64_t id = 0;
    assert_status(durable_user_create_blocking(&bench->db, &user, &id), STATUS_OK);
    return id;
}

/* 0: nobody. */
static int64_t find_login(struct durable_bench *bench, const char *text)
{
    struct user *user = NULL;
    enum status status = durable_user_find_by_login_blocking(&bench->db, slice_str(text), &user);
    if (status == STATUS_NOT_FOUND)
        return 0;
    assert_status(status, STATUS_OK);
    int64_t id = user->id;
    user_free(user);
    return id;
}

static void an_account_is_found_by_an_address_that_it_has_alone(void **state)
{
    struct durable_bench *bench = *state;
    int64_t jane = add_with_email(bench, "jane", "Jane@Example.com");
    int64_t joe = add_with_email(bench, "joe", "us@example.com");
    int64_t ann = add_with_email(bench, "ann", "US@example.com");
    int64_t eve = add_with_email(bench, "eve", "");
    struct user site = {
        .source = USER_OF_SITE, .username = SLICE("max"), .subject = SLICE("s"), .email = SLICE("max@example.com")};
    int64_t id = 0;
    assert_status(durable_user_create_blocking(&bench->db, &site, &id), STATUS_OK);
    assert_int_equal(find_login(bench, "jane"), jane);
    assert_int_equal(find_login(bench, "eve"), eve);
    assert_int_equal(find_login(bench, "jane@example.com"), jane);
    assert_int_equal(find_login(bench, "JANE@EXAMPLE.COM"), jane);
    assert_int_equal(find_login(bench, "us@example.com"), 0); /* joe's and ann's */
    assert_int_equal(find_login(bench, "JANE"), 0);           /* a name, byte for byte */
    assert_int_equal(find_login(bench, ""), 0);
    assert_int_equal(find_login(bench, "@"), 0);
    assert_int_equal(find_login(bench, "max@example.com"), 0); /* a site's user does not log in here */
    assert_status(durable_user_delete_blocking(&bench->db, ann), STATUS_OK);
    assert_int_equal(find_login(bench, "us@example.com"), joe);
}

/* Of an earlier version: a user name that is another's address goes before it, whoever came first. */
static void a_name_goes_before_an_address(void **state)
{
    struct durable_bench *bench = *state;
    (void)add_with_email(bench, "joe", "jane@example.com");
    int64_t jane = add_with_email(bench, "jane@example.com", "");
    (void)add_with_email(bench, "ann", "jane@example.com");
    assert_int_equal(find_login(bench, "jane@example.com"), jane);
    assert_int_equal(find_login(bench, "JANE@example.com"), 0);
}

static void a_delegated_login_makes_its_user_once_and_follows_the_name(void **state)
{
    struct durable_bench *bench = *state;
    struct user *first = NULL;
    struct user *again = NULL;
    struct user *nameless = NULL;
    struct user *renamed = NULL;
    struct durable *db = &bench->db;
    assert_status(durable_user_ensure_blocking(db, SLICE("s-1"), SLICE("jane"), &first), STATUS_OK);
    assert_status(durable_user_ensure_blocking(db, SLICE("s-1"), SLICE("jane"), &again), STATUS_OK);
    assert_status(durable_user_ensure_blocking(db, SLICE("s-1"), SLICE_ABSENT, &nameless), STATUS_OK);
    assert_status(durable_user_ensure_blocking(db, SLICE("s-1"), SLICE("jane doe"), &renamed), STATUS_OK);
    assert_int_equal(first->source, USER_OF_SITE);
    assert_int_equal(first->password_hash.len, 0);
    assert_int_equal(first->id, again->id);
    assert_int_equal(first->id, nameless->id);
    assert_slice_equal(nameless->username, SLICE("jane"));
    assert_int_equal(first->id, renamed->id);
    assert_slice_equal(renamed->username, SLICE("jane doe"));
    user_free(first);
    user_free(again);
    user_free(nameless);
    user_free(renamed);
}

static void a_sites_user_may_have_anybodys_name(void **state)
{
    struct durable_bench *bench = *state;
    struct user *first = NULL;
    struct user *second = NULL;
    struct user *unnamed = NULL;
    int64_t jane = durable_bench_user(bench, "jane");
    assert_status(durable_user_ensure_blocking(&bench->db, SLICE("s-1"), SLICE("jane"), &first), STATUS_OK);
    assert_status(durable_user_ensure_blocking(&bench->db, SLICE("s-2"), SLICE("jane"), &second), STATUS_OK);
    assert_status(durable_user_ensure_blocking(&bench->db, SLICE("jane"), SLICE_ABSENT, &unnamed), STATUS_OK);
    assert_int_not_equal(first->id, second->id);
    assert_slice_equal(second->username, SLICE("jane"));
    assert_slice_equal(unnamed->username, SLICE("jane"));
    struct user *here = find(bench, "jane");
    assert_int_equal(here->id, jane);
    user_free(here);
    user_free(first);
    user_free(second);
    user_free(unnamed);
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

#define PBKDF2(rounds) "pbkdf2_sha256$" rounds "$s$kRElWC/kwmaLbQd8TYcfqe+zQ9/vDII0ZMjSqIdjar8="
#define BCRYPT         "$2y$10$abcdefghijklmnopqrstuuNKTrdYIyJepeBe0WMJS4ZyMwX4aEJLK"

/* 0: the store has none of that kind. */
static int64_t most_of_kind(struct durable_bench *bench, enum password_kind kind)
{
    struct password_works *works = NULL;
    int64_t amount = 0;
    assert_status(durable_password_works_blocking(&bench->db, &works), STATUS_OK);
    for (size_t i = 0; i < works->count; i++)
        if (works->works[i].kind == kind)
            amount = works->works[i].amount;
    password_works_free(works);
    return amount;
}

static int64_t create_hashed(struct durable_bench *bench, const char *username, const char *hash)
{
    const struct user user = {.username = slice_str(username), .password_hash = slice_str(hash)};
    int64_t id = 0;
    assert_status(durable_user_create_blocking(&bench->db, &user, &id), STATUS_OK);
    return id;
}

static void the_dearest_hash_of_each_kind_is_known_until_nobody_has_one(void **state)
{
    struct durable_bench *bench = *state;
    create_hashed(bench, "own", "$y$j9T$salt$hash");
    assert_int_equal(most_of_kind(bench, PASSWORD_OWN), 0);
    int64_t first = create_hashed(bench, "first", PBKDF2("2000"));
    int64_t dear = create_hashed(bench, "dear", PBKDF2("5000"));
    create_hashed(bench, "cheap", PBKDF2("3000"));
    int64_t other = create_hashed(bench, "other", BCRYPT);
    assert_int_equal(most_of_kind(bench, PASSWORD_PBKDF2_SHA256), 5000);
    assert_int_equal(most_of_kind(bench, PASSWORD_BCRYPT), 1024);
    assert_int_equal(most_of_kind(bench, PASSWORD_PHPASS), 0);
    assert_status(durable_user_delete_blocking(&bench->db, other), STATUS_OK);
    assert_status(durable_user_delete_blocking(&bench->db, dear), STATUS_OK);
    assert_status(durable_password_forget_blocking(&bench->db), STATUS_OK);
    assert_int_equal(most_of_kind(bench, PASSWORD_PBKDF2_SHA256), 5000);
    assert_int_equal(most_of_kind(bench, PASSWORD_BCRYPT), 0);
    assert_status(durable_user_set_password_blocking(&bench->db, first, SLICE(PBKDF2("9000"))), STATUS_OK);
    assert_int_equal(most_of_kind(bench, PASSWORD_PBKDF2_SHA256), 9000);
}

static void the_same_password_hashed_otherwise_logs_nobody_out(void **state)
{
    struct durable_bench *bench = *state;
    int64_t id = create_hashed(bench, "jane", PBKDF2("2000"));
    int64_t before = durable_bench_latest_change(bench);
    char line[1024];
    assert_status(durable_password_rehash_blocking(&bench->db, id, SLICE(PBKDF2("2000")), SLICE("$y$new")), STATUS_OK);
    struct user *user = find(bench, "jane");
    assert_slice_equal(user->password_hash, SLICE("$y$new"));
    assert_int_equal(user->version, 1);
    user_free(user);
    assert_string_equal(durable_bench_changes(bench, before, line), "");
    assert_status(durable_password_rehash_blocking(&bench->db, id, SLICE(PBKDF2("2000")), SLICE("$y$late")),
                  STATUS_CONFLICT); /* it was changed meanwhile */
    user = find(bench, "jane");
    assert_slice_equal(user->password_hash, SLICE("$y$new"));
    user_free(user);
}

static void who_knows_the_old_password_changes_it_once(void **state)
{
    struct durable_bench *bench = *state;
    int64_t id = create_hashed(bench, "jane", "$y$old");
    int64_t before = durable_bench_latest_change(bench);
    char line[1024];
    assert_status(durable_password_change_blocking(&bench->db, id, SLICE("$y$old"), SLICE("$y$first")), STATUS_OK);
    assert_string_equal(durable_bench_changes(bench, before, line), "user ended 1");
    before = durable_bench_latest_change(bench);
    assert_status(durable_password_change_blocking(&bench->db, id, SLICE("$y$old"), SLICE("$y$second")),
                  STATUS_CONFLICT);
    assert_string_equal(durable_bench_changes(bench, before, line), "");
    struct user *user = find(bench, "jane");
    assert_slice_equal(user->password_hash, SLICE("$y$first"));
    assert_int_equal(user->version, 2);
    user_free(user);
}

static void an_account_may_bring_the_subject_that_it_had_elsewhere(void **state)
{
    struct durable_bench *bench = *state;
    const struct user brought = {.username = SLICE("ann"), .subject = SLICE("local-2"), .created_ms = 1000};
    const struct user twice = {.username = SLICE("bob"), .subject = SLICE("local-2")};
    const struct user sites = {.username = SLICE("eve"), .subject = SLICE("7")};
    int64_t id = 0;
    assert_status(durable_user_create_blocking(&bench->db, &brought, &id), STATUS_OK);
    struct user *user = find(bench, "ann");
    assert_slice_equal(user->subject, SLICE("local-2"));
    assert_int_equal(user->created_ms, 1000);
    user_free(user);
    assert_status(durable_user_create_blocking(&bench->db, &twice, &id), STATUS_CONFLICT);
    assert_status(durable_user_create_blocking(&bench->db, &sites, &id), STATUS_BAD_INPUT);
    for (int i = 0; i < 3; i++) { /* whose own number is taken gets another subject */
        char name[16];
        (void)snprintf(name, sizeof name, "user%d", i);
        (void)durable_bench_user(bench, name);
    }
    assert_int_equal(durable_bench_number(bench, "SELECT COUNT(DISTINCT subject) FROM users"), 4);
}

static int64_t live_tokens(struct durable_bench *bench)
{
    return durable_bench_number(bench, "SELECT COUNT(*) FROM tokens WHERE revoked_at IS NULL");
}

static void logging_out_everywhere_ends_sessions_and_the_version_that_they_were_for(void **state)
{
    struct durable_bench *bench = *state;
    char line[1024];
    int64_t id = durable_bench_user(bench, "jane");
    struct user *before = find(bench, "jane");
    int64_t change = durable_bench_latest_change(bench);
    assert_status(durable_user_end_sessions_blocking(&bench->db, id), STATUS_OK);
    struct user *after = find(bench, "jane");
    assert_int_equal(after->version, before->version + 1);
    assert_int_equal(after->generation, before->generation); /* tokens stay */
    assert_string_equal(durable_bench_changes(bench, change, line), "user ended 1");
    assert_status(durable_user_end_sessions_blocking(&bench->db, 999), STATUS_NOT_FOUND);
    user_free(before);
    user_free(after);
}

static void a_user_leaves_all_sessions_but_those_of_the_new_version(void **state)
{
    struct durable_bench *bench = *state;
    char line[1024];
    int64_t version = 0;
    int64_t id = durable_bench_user(bench, "jane");
    struct user *before = find(bench, "jane");
    int64_t change = durable_bench_latest_change(bench);
    assert_status(durable_user_end_other_sessions_blocking(&bench->db, id, &version), STATUS_OK);
    struct user *after = find(bench, "jane");
    assert_int_equal(version, before->version + 1);
    assert_int_equal(after->version, version);
    assert_int_equal(after->generation, before->generation);                          /* tokens stay */
    assert_string_equal(durable_bench_changes(bench, change, line), "user edited 1"); /* ends nothing by itself */
    assert_status(durable_user_end_other_sessions_blocking(&bench->db, 999, &version), STATUS_NOT_FOUND);
    user_free(before);
    user_free(after);
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
        BENCH_TEST(an_account_made_here_is_found_by_name_by_subject_and_by_id),
        BENCH_TEST(a_sites_user_is_found_by_subject_and_by_id_and_by_no_name),
        BENCH_TEST(an_account_made_here_gets_a_subject_that_no_site_may_use),
        BENCH_TEST(a_sites_subject_never_meets_an_account_of_an_earlier_version),
        BENCH_TEST(an_account_that_gives_up_its_number_keeps_what_it_owns),
        BENCH_TEST(user_names_compare_byte_for_byte),
        BENCH_TEST(names_of_accounts_made_here_and_all_subjects_are_taken_once),
        BENCH_TEST(accounts_made_here_do_not_differ_by_case_alone),
        BENCH_TEST(an_account_is_found_by_an_address_that_it_has_alone),
        BENCH_TEST(a_name_goes_before_an_address),
        BENCH_TEST(a_delegated_login_makes_its_user_once_and_follows_the_name),
        BENCH_TEST(a_sites_user_may_have_anybodys_name),
        BENCH_TEST(users_are_listed_without_their_hashes),
        BENCH_TEST(a_new_password_replaces_the_old_and_ends_sessions),
        BENCH_TEST(the_dearest_hash_of_each_kind_is_known_until_nobody_has_one),
        BENCH_TEST(the_same_password_hashed_otherwise_logs_nobody_out),
        BENCH_TEST(who_knows_the_old_password_changes_it_once),
        BENCH_TEST(an_account_may_bring_the_subject_that_it_had_elsewhere),
        BENCH_TEST(logging_out_everywhere_ends_sessions_and_the_version_that_they_were_for),
        BENCH_TEST(a_user_leaves_all_sessions_but_those_of_the_new_version),
        BENCH_TEST(disabling_a_user_ends_the_users_tokens),
        BENCH_TEST(deleting_a_user_takes_the_users_tokens),
    };
    return cmocka_run_group_tests_name("users", tests, NULL, NULL);
}
