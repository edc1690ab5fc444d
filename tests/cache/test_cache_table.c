#include "cache/cache_table.h"

#include "support/test.h"

#include <stdio.h>

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
    cache_table_drop_subject(table, 257); /* more than there are lists */
    assert_int_equal(table->known_count, 0);
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

/* ---- how much there is room for ---- */

static void buckets_are_a_power_of_two_that_suffices(void **state)
{
    static const size_t counts[][2] = {{0, 64},      {64, 64},     {65, 128},          {1000, 1024},
                                       {1024, 1024}, {1025, 2048}, {1 << 22, 1 << 22}, {SIZE_MAX, 1 << 22}};
    struct cache_table *table = *state;
    for (size_t i = 0; i < COUNT_OF(counts); i++)
        assert_int_equal(cache_bucket_count(counts[i][0]), counts[i][1]);
    assert_int_equal(table->mask, cache_bucket_count(MAX_KNOWN) - 1);
}

static void add_many(struct cache_table *table, const char *prefix, size_t count, int64_t asked_ms)
{
    char token[32];
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(token, sizeof token, "%s%zu", prefix, i);
        cache_table_add(table, new_entry("c", token, asked_ms));
    }
}

static void unknown_ones_are_a_tenth_but_some_and_the_oldest_go_first(void **state)
{
    static const size_t rooms[][2] = {{4, 64}, {1000, 100}};
    for (size_t i = 0; i < COUNT_OF(rooms); i++) {
        struct cache_table table;
        assert_status(cache_table_init(&table, rooms[i][0]), STATUS_OK);
        cache_table_add(&table, new_entry("c", "known", 1));
        add_many(&table, "-", rooms[i][1], 1);
        assert_non_null(find(&table, "c", "-0"));
        add_many(&table, "-more", 3, 1);
        assert_int_equal(table.unknown_count, rooms[i][1]);
        assert_null(find(&table, "c", "-2"));
        assert_non_null(find(&table, "c", "-3"));
        assert_non_null(find(&table, "c", "known"));
        cache_table_done(&table);
    }
    (void)state;
}

static void tells_how_much_memory_it_holds(void **state)
{
    struct cache_table *table = *state;
    struct cache_entry *one = new_entry("c", "t", 1);
    struct cache_entry *other = new_entry("c", "a longer token than the other", 1);
    size_t both = one->size_bytes + other->size_bytes;
    size_t left = other->size_bytes;
    cache_table_add(table, one);
    cache_table_add(table, other);
    assert_int_equal(table->bytes, both);
    cache_table_drop(table, one);
    assert_int_equal(table->bytes, left);
}

static void nothing_is_left_when_it_is_done_with(void **state)
{
    struct cache_table table;
    (void)state;
    assert_status(cache_table_init(&table, MAX_KNOWN), STATUS_OK);
    cache_table_done(&table);
    assert_null(table.buckets);
    assert_null(table.subjects);
    cache_table_done(&table);
}

/* ---- who is who ---- */

static void keys_of_one_hash_are_told_apart(void **state)
{
    struct cache_table *table = *state;
    static const char *const tokens[] = {"a", "b"};
    for (size_t i = 0; i < COUNT_OF(tokens); i++) {
        struct cache_entry *entry = new_entry("c", tokens[i], (int64_t)i);
        entry->hash = 5;
        cache_table_add(table, entry);
    }
    assert_int_equal(table->known_count, 2);
    for (size_t i = 0; i < COUNT_OF(tokens); i++) {
        const struct credential_key key = {CREDENTIAL_PAIR, SLICE("c"), slice_str(tokens[i])};
        assert_int_equal(cache_table_find(table, &key, 5)->asked_ms, i);
    }
}

/* ---- the hand, and what expires ---- */

static void a_new_one_is_the_last_that_the_hand_comes_to(void **state)
{
    struct cache_table *table = *state;
    add_many(table, "old", MAX_KNOWN, 1);
    for (size_t i = 0; i < MAX_KNOWN; i++) { /* none is used: the oldest goes, and the new one stays */
        char token[32];
        char gone[32];
        (void)snprintf(token, sizeof token, "new%zu", i);
        (void)snprintf(gone, sizeof gone, "old%zu", i);
        cache_table_add(table, new_entry("c", token, 1));
        assert_null(find(table, "c", gone));
        assert_non_null(find(table, "c", token));
    }
    assert_non_null(find(table, "c", "new0"));
}

static void goes_on_where_the_next_one_was_dropped(void **state)
{
    struct cache_table *table = *state;
    add_many(table, "old", MAX_KNOWN, 1);
    atomic_store(&find(table, "c", "old0")->is_used, true);
    cache_table_add(table, new_entry("c", "new0", 1)); /* passes old0, takes old1 out, stands before old2 */
    assert_null(find(table, "c", "old1"));
    cache_table_drop(table, find(table, "c", "old2"));
    cache_table_add(table, new_entry("c", "new1", 1));
    assert_int_equal(table->known_count, MAX_KNOWN);
    cache_table_add(table, new_entry("c", "new2", 1));
    assert_null(find(table, "c", "old3"));
    assert_non_null(find(table, "c", "old0"));
}

static void what_was_passed_goes_before_what_came_later(void **state)
{
    static const char *const added[] = {"new0", "new1", "new2", "new3"};
    struct cache_table *table = *state;
    add_many(table, "old", MAX_KNOWN, 1);
    atomic_store(&find(table, "c", "old0")->is_used, true);
    for (size_t i = 0; i < COUNT_OF(added); i++) /* the first one passes old0 */
        cache_table_add(table, new_entry("c", added[i], 1));
    assert_null(find(table, "c", "old0"));
    assert_non_null(find(table, "c", "new0"));
}

static void stands_where_it_stood_when_another_was_dropped(void **state)
{
    struct cache_table *table = *state;
    add_many(table, "old", MAX_KNOWN, 1);
    atomic_store(&find(table, "c", "old0")->is_used, true);
    cache_table_add(table, new_entry("c", "new0", 1)); /* the next to go is old2 */
    cache_table_drop(table, find(table, "c", "old0"));
    cache_table_add(table, new_entry("c", "new1", 1));
    cache_table_add(table, new_entry("c", "new2", 1));
    assert_null(find(table, "c", "old2"));
    assert_non_null(find(table, "c", "new0"));
}

static void expires_on_from_where_it_was_when_another_was_dropped(void **state)
{
    enum { MANY = 40 };
    struct cache_table table;
    (void)state;
    assert_status(cache_table_init(&table, MANY), STATUS_OK);
    add_many(&table, "t", MANY, 1);
    cache_table_expire(&table, 100, 300, 300); /* looks at some, none of them old */
    struct cache_entry *next = cache_entry_hold(table.expire_at);
    assert_ptr_not_equal(next, find(&table, "c", "t1")); /* at several, not at the first again and again */
    cache_table_drop(&table, find(&table, "c", "t35"));
    assert_ptr_equal(table.expire_at, next);
    cache_table_expire(&table, 600, 300, 300);
    assert_true(next->is_dropped);
    cache_entry_release(next);
    cache_table_done(&table);
}

static void a_hand_that_passed_many_takes_one_that_is_used(void **state)
{
    enum { MANY = 200 };
    struct cache_table table;
    (void)state;
    assert_status(cache_table_init(&table, MANY), STATUS_OK);
    add_many(&table, "t", MANY, 1);
    struct cache_entry *entry = NULL;
    TAILQ_FOREACH(entry, &table.known, in_ring)
    atomic_store(&entry->is_used, true);
    cache_table_add(&table, new_entry("c", "new", 1));
    unsigned still_used = 0;
    TAILQ_FOREACH(entry, &table.known, in_ring)
    still_used += atomic_load(&entry->is_used);
    assert_in_range(still_used, MANY / 2, MANY - 2); /* it did not go all the way round */
    cache_table_done(&table);
}

static void expires_at_its_age_and_no_sooner(void **state)
{
    struct cache_table *table = *state;
    cache_table_add(table, new_entry("c", "t", 100));
    cache_table_add(table, new_entry("c", "-t", 100));
    cache_table_expire(table, 399, 300, 300);
    assert_int_equal(table->known_count + table->unknown_count, 2);
    cache_table_expire(table, 400, 301, 300);
    assert_int_equal(table->known_count, 1);
    assert_int_equal(table->unknown_count, 0);
    cache_table_expire(table, 400, 300, 300);
    assert_int_equal(table->known_count, 0);
}

static void looks_at_some_each_time_and_goes_round(void **state)
{
    enum { MANY = 100, EACH_MAX = 20 };
    struct cache_table table;
    (void)state;
    assert_status(cache_table_init(&table, MANY), STATUS_OK);
    add_many(&table, "old", MANY, 1);
    add_many(&table, "old", 10, 500); /* the last ones are young */
    for (size_t left = MANY; left > 10;) {
        cache_table_expire(&table, 600, 300, 300);
        assert_in_range(left - table.known_count, 1, EACH_MAX);
        left = table.known_count;
        if (left > 50) /* the one that it would go on with */
            cache_table_drop(&table, table.expire_at);
        left = table.known_count;
    }
    for (int i = 0; i < 10; i++)
        cache_table_expire(&table, 600, 300, 300);
    assert_int_equal(table.known_count, 10);
    for (int i = 0; i < 10; i++)
        cache_table_expire(&table, 900, 300, 300);
    assert_int_equal(table.known_count, 0);
    cache_table_done(&table);
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
        TEST(buckets_are_a_power_of_two_that_suffices),
        TEST(unknown_ones_are_a_tenth_but_some_and_the_oldest_go_first),
        TEST(tells_how_much_memory_it_holds),
        TEST(nothing_is_left_when_it_is_done_with),
        TEST(keys_of_one_hash_are_told_apart),
        TEST(a_new_one_is_the_last_that_the_hand_comes_to),
        TEST(goes_on_where_the_next_one_was_dropped),
        TEST(what_was_passed_goes_before_what_came_later),
        TEST(stands_where_it_stood_when_another_was_dropped),
        TEST(expires_on_from_where_it_was_when_another_was_dropped),
        TEST(a_hand_that_passed_many_takes_one_that_is_used),
        TEST(expires_at_its_age_and_no_sooner),
        TEST(looks_at_some_each_time_and_goes_round),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
