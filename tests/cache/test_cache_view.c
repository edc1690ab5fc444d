#include "cache/cache_view.h"

#include "cache/cache_table.h"
#include "support/test.h"

#include <stdio.h>

enum { ENTRIES = 64 };

static const struct hash_key hash_key = {1, 2};

static int setup(void **state)
{
    struct credential_view *view = test_calloc(1, sizeof *view);
    assert_status(cache_view_init(view, NULL, NULL, ENTRIES), STATUS_OK);
    *state = view;
    return 0;
}

static int teardown(void **state)
{
    struct credential_view *view = *state;
    cache_view_done(view);
    test_free(view);
    return 0;
}

/* A client that nobody knows; the test holds it, too, and lets it go by `gone`. */
static struct cache_entry *new_entry(const char *client_id)
{
    const struct credential_key key = {CREDENTIAL_CLIENT, slice_str(client_id), SLICE("")};
    struct cache_entry *entry = cache_entry_new(&hash_key, &key, NULL, 1);
    assert_non_null(entry);
    return cache_entry_hold(entry);
}

/* Nobody but the test holds it any more. */
static void gone(struct cache_entry *entry)
{
    assert_int_equal(entry->holders, 1);
    cache_entry_release(entry);
}

static struct cached *add(struct credential_view *view, struct cache_entry *entry)
{
    struct cached *cached = cache_view_add(view, entry, true);
    assert_non_null(cached);
    assert_ptr_equal(cached->entry, entry);
    return cached;
}

static struct cached *find(struct credential_view *view, const char *client_id)
{
    const struct credential_key key = {CREDENTIAL_CLIENT, slice_str(client_id), SLICE("")};
    return cache_view_find(view, &key, cache_key_hash(&hash_key, &key));
}

static void drop(struct cache_entry *entry)
{
    atomic_store(&entry->is_dropped, true);
}

/* ---- what is found ---- */

static void finds_what_was_added_also_when_nobody_holds_it(void **state)
{
    struct credential_view *view = *state;
    struct cache_entry *entry = new_entry("acme");
    struct cached *cached = add(view, entry);
    assert_int_equal(cached->holders, 1);
    assert_ptr_equal(find(view, "acme"), cached);
    assert_null(find(view, "other"));
    cached_release(cached);
    assert_ptr_equal(find(view, "acme"), cached);
    assert_int_equal(view->count, 1);
    cache_view_done(view);
    gone(entry);
}

static void an_entry_that_is_added_again_is_held_once(void **state)
{
    struct credential_view *view = *state;
    struct cache_entry *entry = new_entry("acme");
    struct cached *first = add(view, entry);
    struct cached *second = add(view, cache_entry_hold(entry));
    assert_ptr_equal(first, second);
    assert_int_equal(first->holders, 2);
    assert_int_equal(entry->holders, 2); /* the view, and the test */
    assert_int_equal(view->count, 1);
    cached_release(first);
    cached_release(second);
    cache_view_done(view);
    gone(entry);
}

static void a_newer_entry_takes_the_place_of_an_older_one(void **state)
{
    struct credential_view *view = *state;
    struct cache_entry *older = new_entry("acme");
    struct cache_entry *newer = new_entry("acme");
    struct cached *held = add(view, older);
    struct cached *other = add(view, newer);
    assert_ptr_equal(find(view, "acme"), other);
    assert_int_equal(view->count, 1);
    assert_slice_equal(held->entry->key.first, SLICE("acme")); /* whoever reads it may go on */
    cached_release(held);
    gone(older);
    cached_release(other);
    cache_view_done(view);
    gone(newer);
}

static void what_is_not_kept_is_found_by_nobody(void **state)
{
    struct credential_view *view = *state;
    struct cache_entry *entry = new_entry("acme");
    struct cached *cached = cache_view_add(view, entry, false);
    assert_non_null(cached);
    assert_null(find(view, "acme"));
    assert_int_equal(view->count, 0);
    (void)cached_hold(cached);
    cached_release(cached);
    assert_slice_equal(cached->entry->key.first, SLICE("acme"));
    cached_release(cached);
    gone(entry);
}

/* Not even where the same entry is there for others. */
static void what_is_not_kept_leaves_what_is_kept_alone(void **state)
{
    struct credential_view *view = *state;
    struct cache_entry *entry = new_entry("acme");
    struct cached *kept = add(view, entry);
    struct cached *other = cache_view_add(view, cache_entry_hold(entry), false);
    assert_true(other != kept);
    assert_ptr_equal(find(view, "acme"), kept);
    cached_release(other);
    cached_release(kept);
    cache_view_done(view);
    gone(entry);
}

static void keys_of_one_hash_are_told_apart(void **state)
{
    struct credential_view *view = *state;
    static const char *const ids[] = {"a", "b"};
    struct cache_entry *entries[2];
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        entries[i] = new_entry(ids[i]);
        entries[i]->hash = 5;
        cached_release(add(view, entries[i]));
    }
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        const struct credential_key key = {CREDENTIAL_CLIENT, slice_str(ids[i]), SLICE("")};
        assert_ptr_equal(cache_view_find(view, &key, 5)->entry, entries[i]);
    }
    cache_view_done(view);
    gone(entries[0]);
    gone(entries[1]);
}

/* ---- what was dropped elsewhere ---- */

static void what_was_dropped_is_not_found_but_read_to_the_end(void **state)
{
    struct credential_view *view = *state;
    struct cache_entry *entry = new_entry("acme");
    struct cached *cached = add(view, entry);
    drop(entry);
    assert_null(find(view, "acme"));
    assert_int_equal(view->count, 0);
    assert_slice_equal(cached->entry->key.first, SLICE("acme"));
    cached_release(cached);
    gone(entry);
}

static void fill(struct credential_view *view, struct cache_entry *entries[ENTRIES])
{
    for (size_t i = 0; i < ENTRIES; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "id%zu", i);
        entries[i] = new_entry(id);
        cached_release(add(view, entries[i]));
    }
    assert_int_equal(view->count, ENTRIES);
}

static void a_sweep_goes_round_bit_by_bit_and_takes_out_what_was_dropped(void **state)
{
    struct credential_view *view = *state;
    struct cache_entry *entries[ENTRIES];
    fill(view, entries);
    for (size_t i = 0; i < ENTRIES; i += 2)
        drop(entries[i]);
    size_t before = view->count;
    cache_view_sweep(view, 0);
    assert_int_equal(view->count, before);
    for (size_t i = 0; i <= view->mask; i++)
        cache_view_sweep(view, 1);
    assert_int_equal(view->count, ENTRIES / 2);
    for (size_t i = 1; i < ENTRIES; i += 2)
        drop(entries[i]);
    cache_view_sweep(view, (view->mask + 1) / 2);
    assert_in_range(view->count, 1, ENTRIES / 2 - 1);
    cache_view_sweep(view, (view->mask + 1) / 2);
    assert_int_equal(view->count, 0);
    for (size_t i = 0; i < ENTRIES; i++)
        gone(entries[i]);
}

static void whoever_adds_sweeps_a_little(void **state)
{
    struct credential_view *view = *state;
    struct cache_entry *entries[ENTRIES];
    struct cache_entry *added[ENTRIES];
    fill(view, entries);
    for (size_t i = 0; i < ENTRIES; i++)
        drop(entries[i]);
    for (size_t i = 0; i < ENTRIES; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "new%zu", i);
        added[i] = new_entry(id);
        cached_release(add(view, added[i]));
    }
    assert_int_equal(view->count, ENTRIES); /* the new ones */
    cache_view_done(view);
    for (size_t i = 0; i < ENTRIES; i++) {
        gone(entries[i]);
        gone(added[i]);
    }
}

/* ---- slots ---- */

/* Of few hashes, at the end of the slots, so that entries stand in each other's way and around the end. */
static struct cache_entry *new_crowded_entry(const struct credential_view *view, unsigned number)
{
    char id[16];
    (void)snprintf(id, sizeof id, "id%u", number);
    struct cache_entry *entry = new_entry(id);
    entry->hash = view->mask - 3 + number % 7;
    return entry;
}

static bool is_found(struct credential_view *view, const struct cache_entry *entry)
{
    const struct cached *cached = cache_view_find(view, &entry->key, entry->hash);
    return cached && cached->entry == entry;
}

static void entries_in_each_others_way_are_found_whatever_goes(void **state)
{
    struct credential_view *view = *state;
    struct cache_entry *entries[24] = {NULL};
    unsigned random = 1;
    unsigned number = 0;
    for (int step = 0; step < 2000; step++) {
        random = random * 1103515245 + 12345;
        size_t at = (random >> 16) % COUNT_OF(entries);
        if (entries[at]) {
            drop(entries[at]);
            assert_false(is_found(view, entries[at]));
            gone(entries[at]);
            entries[at] = NULL;
        } else {
            entries[at] = new_crowded_entry(view, number++);
            cached_release(add(view, entries[at]));
        }
        for (size_t i = 0; i < COUNT_OF(entries); i++)
            assert_true(!entries[i] || is_found(view, entries[i]));
    }
    for (size_t i = 0; i < COUNT_OF(entries); i++)
        if (entries[i])
            drop(entries[i]);
    cache_view_sweep(view, view->mask + 1);
    assert_int_equal(view->count, 0);
    for (size_t i = 0; i < COUNT_OF(entries); i++)
        if (entries[i])
            gone(entries[i]);
}

static void a_full_view_keeps_no_more_until_something_goes(void **state)
{
    struct credential_view *view = *state;
    enum { MANY = 512 };
    struct cache_entry *entries[MANY];
    size_t found = 0;
    for (unsigned i = 0; i < MANY; i++) {
        entries[i] = new_crowded_entry(view, i);
        cached_release(add(view, entries[i]));
        found += is_found(view, entries[i]);
    }
    assert_int_equal(found, view->count);
    assert_int_equal(found, (view->mask + 1) / 8 * 7);
    assert_false(is_found(view, entries[MANY - 1]));
    for (unsigned i = 0; i < MANY / 4; i++)
        drop(entries[i]);
    size_t tries = 0;
    for (; !is_found(view, entries[MANY - 1]); tries++)
        cached_release(add(view, cache_entry_hold(entries[MANY - 1])));
    assert_in_range(tries, 1, (view->mask + 1) / 8); /* each sweeps eight slots */
    cache_view_done(view);
    for (unsigned i = 0; i < MANY; i++)
        gone(entries[i]);
}

/* Twice the known ones and all that may be unknown. */
static void there_is_room_for_all_that_the_table_has(void **state UNUSED)
{
    for (size_t entries = 1; entries < 100000; entries = entries * 3 + 1) {
        struct credential_view view;
        assert_status(cache_view_init(&view, NULL, NULL, entries), STATUS_OK);
        assert_true(view.mask + 1 >= 2 * (entries + 64));
        assert_int_equal(view.mask & (view.mask + 1), 0);
        cache_view_done(&view);
    }
}

/* ---- its end ---- */

static void what_requests_hold_outlives_it(void **state)
{
    struct credential_view *view = *state;
    struct cache_entry *entries[ENTRIES];
    fill(view, entries);
    struct cached *held = cached_hold(find(view, "id7"));
    cache_view_done(view);
    assert_slice_equal(held->entry->key.first, SLICE("id7"));
    assert_int_equal(entries[7]->holders, 2);
    cached_release(held);
    for (size_t i = 0; i < ENTRIES; i++)
        gone(entries[i]);
    cache_view_done(view); /* once more does no harm */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(finds_what_was_added_also_when_nobody_holds_it),
        TEST(an_entry_that_is_added_again_is_held_once),
        TEST(a_newer_entry_takes_the_place_of_an_older_one),
        TEST(what_is_not_kept_is_found_by_nobody),
        TEST(what_is_not_kept_leaves_what_is_kept_alone),
        TEST(keys_of_one_hash_are_told_apart),
        TEST(what_was_dropped_is_not_found_but_read_to_the_end),
        TEST(a_sweep_goes_round_bit_by_bit_and_takes_out_what_was_dropped),
        TEST(whoever_adds_sweeps_a_little),
        TEST(entries_in_each_others_way_are_found_whatever_goes),
        TEST(a_full_view_keeps_no_more_until_something_goes),
        cmocka_unit_test(there_is_room_for_all_that_the_table_has),
        TEST(what_requests_hold_outlives_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
