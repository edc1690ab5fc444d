#include "cache/cache_table.h"

#include "support/test.h"

enum { MAX_KNOWN = 4 };

static const struct hash_key hash_key = {1, 2};

/* A pair of a client and a token that are known, or unknown with the token "-". */
static struct cache_entry *new_entry(const char *client_id, const char *token, int64_t asked_ms)
{
    const struct credential_key key = {CREDENTIAL_PAIR, slice_str(client_id), slice_str(token)};
    struct credential_pair pair = {.client_found = true, .token_found = token[0] != '-'};
    pair.client = (struct client){.id = 1, .client_id = key.first};
    pair.token = (struct token){.client = 1, .client_id = key.first, .oauth_token = key.second, .user = 7};
    pair.token.jti = key.second;
    struct cache_entry *entry = cache_entry_new(&hash_key, &key, &pair, asked_ms);
    assert_non_null(entry);
    assert_int_equal(entry->is_unknown, token[0] == '-');
    return entry;
}

static int setup(void **state)
{
    struct cache_table *table = test_calloc(1, sizeof *table);
    assert_status(cache_table_init(table, MAX_KNOWN), STATUS_OK);
    *state = table;
    return 0;
}

static int teardown(void **state)
{
    cache_table_done(*state);
    test_free(*state);
    return 0;
}

static struct cache_entry *find(struct cache_table *table, const char *client_id, const char *token)
{
    const struct credential_key key = {CREDENTIAL_PAIR, slice_str(client_id), slice_str(token)};
    return cache_table_find(table, &key, cache_key_hash(&hash_key, &key));
}

static void replaces_what_has_the_same_key_and_says_that_it_was_dropped(void **state)
{
    struct cache_table *table = *state;
    struct cache_entry *first = cache_entry_hold(new_entry("c", "t", 1));
    cache_table_add(table, first);
    assert_false(first->is_dropped);
    cache_table_add(table, new_entry("c", "t", 2));
    assert_true(first->is_dropped);
    assert_int_equal(find(table, "c", "t")->asked_ms, 2);
    assert_int_equal(table->known_count, 1);
    cache_entry_release(first);
}

static void drops_by_subject_also_where_subjects_share_a_list(void **state)
{
    struct cache_table *table = *state;
    /* an entry's own subjects, and another's, in every order: the buckets are the hashes' low bits */
    static const uint64_t hashes[][3] = {{1, 65, 129}, {65, 1, 129}, {65, 129, 1}, {193, 257, 321}};
    for (size_t i = 0; i < COUNT_OF(hashes); i++) {
        struct cache_entry *entry = new_entry("c", i == 0 ? "a" : i == 1 ? "b" : i == 2 ? "d" : "e", 1);
        assert_int_equal(entry->subject_count, 3);
        for (size_t k = 0; k < 3; k++)
            entry->subjects[k].hash = hashes[i][k];
        cache_table_add(table, entry);
    }
    cache_table_drop_subject(table, 1);
    assert_int_equal(table->known_count, 1);
    assert_non_null(find(table, "c", "e"));
}

static void a_used_one_outlives_those_that_are_not(void **state)
{
    struct cache_table *table = *state;
    static const char *const tokens[] = {"a", "b", "d", "e", "f", "g", "h", "i"};
    cache_table_add(table, new_entry("c", "used", 1));
    for (size_t i = 0; i < COUNT_OF(tokens); i++) {
        atomic_store(&find(table, "c", "used")->is_used, true);
        cache_table_add(table, new_entry("c", tokens[i], 1));
        assert_true(table->known_count <= MAX_KNOWN);
    }
    assert_non_null(find(table, "c", "used"));
}

static void makes_room_where_everything_is_used(void **state)
{
    struct cache_table *table = *state;
    static const char *const tokens[] = {"a", "b", "d", "e", "f", "g", "h", "i"};
    for (size_t i = 0; i < COUNT_OF(tokens); i++) {
        struct cache_entry *entry = new_entry("c", tokens[i], 1);
        atomic_store(&entry->is_used, true);
        cache_table_add(table, entry);
    }
    assert_int_equal(table->known_count, MAX_KNOWN);
}

static void expires_the_old_ones_bit_by_bit(void **state)
{
    struct cache_table *table = *state;
    cache_table_add(table, new_entry("c", "old", 1));
    cache_table_add(table, new_entry("c", "young", 500));
    cache_table_add(table, new_entry("c", "-old", 1));
    cache_table_add(table, new_entry("c", "-young", 500));
    cache_table_expire(table, 600, 300, 300);
    assert_null(find(table, "c", "old"));
    assert_null(find(table, "c", "-old"));
    assert_non_null(find(table, "c", "young"));
    assert_non_null(find(table, "c", "-young"));
    cache_table_drop_all(table);
    assert_int_equal(table->known_count + table->unknown_count + table->bytes, 0);
    cache_table_expire(table, 600, 300, 300);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(replaces_what_has_the_same_key_and_says_that_it_was_dropped),
        TEST(drops_by_subject_also_where_subjects_share_a_list),
        TEST(a_used_one_outlives_those_that_are_not),
        TEST(makes_room_where_everything_is_used),
        TEST(expires_the_old_ones_bit_by_bit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
