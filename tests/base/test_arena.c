#include "base/arena.h"

#include "support/test.h"
#include "support/watch.h"

#include <stdalign.h>

static void gives_aligned_memory_that_stays_valid(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 1 << 20);
    char *text[200];
    int64_t *numbers[200];
    for (int i = 0; i < 200; i++) {
        text[i] = arena_bytes(&arena, 77);
        assert_non_null(text[i]);
        memset(text[i], i, 77);
        numbers[i] = arena_alloc(&arena, sizeof *numbers[i]);
        assert_non_null(numbers[i]);
        assert_int_equal((uintptr_t)numbers[i] % alignof(max_align_t), 0);
        *numbers[i] = i;
    }
    for (int i = 0; i < 200; i++) {
        assert_int_equal((unsigned char)text[i][76], i);
        assert_int_equal(*numbers[i], i);
    }
    arena_done(&arena);
}

static void gives_blocks_larger_than_its_own(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 1 << 20);
    assert_non_null(arena_alloc(&arena, 10));
    char *large = arena_bytes(&arena, 100000);
    assert_non_null(large);
    memset(large, 1, 100000);
    assert_non_null(arena_alloc(&arena, 10));
    arena_done(&arena);
}

static void stops_at_its_limit_and_goes_on_after_a_reset(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 20000);
    assert_non_null(arena_bytes(&arena, 8000));
    assert_non_null(arena_bytes(&arena, 11000));
    assert_null(arena_bytes(&arena, 8000));
    assert_null(arena_bytes(&arena, 20001));
    arena_reset(&arena);
    assert_non_null(arena_bytes(&arena, 8000));
    assert_non_null(arena_bytes(&arena, 11000));
    arena_done(&arena);
}

static void refuses_sizes_that_overflow(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, SIZE_MAX);
    assert_null(arena_calloc(&arena, SIZE_MAX / 2, 3));
    assert_null(arena_alloc(&arena, SIZE_MAX));
    assert_null(arena_alloc(&arena, SIZE_MAX - 15));
    assert_non_null(arena_alloc(&arena, 1));
    assert_null(arena_alloc(&arena, SIZE_MAX - 15));
    arena_done(&arena);
}

static void reset_wipes_and_reuses_the_first_block(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 1 << 20);
    char *first = arena_bytes(&arena, 6);
    memcpy(first, "secret", 6);
    (void)!arena_bytes(&arena, 100000);
    arena_reset(&arena);
    assert_memory_equal(first, "\0\0\0\0\0\0", 6);
    assert_ptr_equal(arena_bytes(&arena, 6), first);
    arena_done(&arena);
}

static void an_unused_one_can_be_reset_and_done(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 100);
    arena_reset(&arena);
    arena_done(&arena);
    arena_done(&arena);
    assert_non_null(arena_bytes(&arena, 100));
    arena_done(&arena);
}

static void a_size_of_zero_is_a_valid_pointer(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 0);
    assert_non_null(arena_alloc(&arena, 0));
    assert_non_null(arena_calloc(&arena, 0, 8));
    assert_false(slice_is_absent(arena_copy(&arena, SLICE_ABSENT)));
    assert_null(arena_bytes(&arena, 1));
    arena_done(&arena);
}

static void trim_gives_back_the_newest_only(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 1 << 20);
    char *a = arena_bytes(&arena, 100);
    memset(a, 'x', 100);
    arena_trim(&arena, a, 100, 10);
    char *b = arena_bytes(&arena, 100);
    assert_ptr_equal(b, a + 10);
    assert_int_equal(b[0], 0); /* wiped */
    arena_trim(&arena, a, 10, 5);
    assert_ptr_equal(arena_bytes(&arena, 1), b + 100);
    arena_done(&arena);
}

static void copies_text(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 1 << 20);
    assert_slice_equal(arena_copy(&arena, SLICE("a\0b")), SLICE("a\0b"));
    assert_string_equal(arena_string(&arena, SLICE("abc")), "abc");
    assert_string_equal(arena_string(&arena, SLICE_ABSENT), "");
    arena_done(&arena);
}

static void every_byte_given_is_wiped(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 1 << 20);
    watch_begin();
    for (int round = 1; round <= 2; round++) {
        assert_false(slice_is_absent(arena_copy(&arena, SLICE("in the first block"))));
        (void)!arena_bytes(&arena, 100000);
        assert_false(slice_is_absent(arena_copy(&arena, SLICE("in a later block"))));
        (void)!arena_bytes(&arena, 100000);
        assert_false(slice_is_absent(arena_copy(&arena, SLICE("in the last block"))));
        if (round == 1)
            arena_reset(&arena);
        else
            arena_done(&arena);
        assert_int_equal(watch_wipes(SLICE("in the first block")), round);
        assert_int_equal(watch_wipes(SLICE("in a later block")), round);
        assert_int_equal(watch_wipes(SLICE("in the last block")), round);
    }
    watch_end();
}

static void a_reset_wipes_also_where_one_block_was_enough(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 1 << 20);
    assert_false(slice_is_absent(arena_copy(&arena, SLICE("a secret"))));
    watch_begin();
    arena_reset(&arena);
    assert_int_equal(watch_wipes(SLICE("a secret")), 1);
    watch_end();
    arena_done(&arena);
}

static void one_that_is_done_can_be_used_and_done_again(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 8192);
    for (int times = 0; times < 3; times++) {
        assert_non_null(arena_bytes(&arena, 8192));
        arena_done(&arena);
        arena_done(&arena);
    }
}

static void its_limit_can_be_used_up_to_the_last_byte(void **state)
{
    (void)state;
    static const size_t sizes[][3] = {{8192, 8000, 192}, {10000, 8192, 1808}, {100, 60, 40}, {20000, 12000, 8000}};
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        struct arena arena;
        arena_init(&arena, sizes[i][0]);
        assert_non_null(arena_bytes(&arena, sizes[i][1]));
        assert_non_null(arena_bytes(&arena, sizes[i][2]));
        assert_null(arena_bytes(&arena, i == 3 ? 8193 : 1));
        arena_done(&arena);
    }
}

/* What is left before the end of a block, and too little once it is aligned. */
static void aligned_memory_is_inside_of_its_block(void **state)
{
    (void)state;
    static const size_t sizes[][3] = {{8192, 8185, 4}, {8192, 8191, 1}};
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        struct arena arena;
        arena_init(&arena, sizes[i][0]);
        assert_non_null(arena_bytes(&arena, sizes[i][1]));
        assert_null(arena_alloc(&arena, sizes[i][2]));
        arena_done(&arena);
    }
    struct arena arena;
    arena_init(&arena, 8195); /* a block that does not end where an object could begin */
    char *whole = arena_bytes(&arena, 8195);
    assert_non_null(whole);
    arena_trim(&arena, whole, 8195, 8194);
    assert_null(arena_alloc(&arena, 1));
    arena_done(&arena);
    arena_init(&arena, 1 << 20);
    assert_non_null(arena_bytes(&arena, 1));
    char *large = arena_alloc(&arena, 8192);
    assert_non_null(large);
    assert_int_equal((uintptr_t)large % alignof(max_align_t), 0);
    memset(large, 'x', 8192);
    arena_done(&arena);
}

static void text_stands_side_by_side(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 1 << 20);
    char *first = arena_bytes(&arena, 1);
    assert_ptr_equal(arena_bytes(&arena, 1), first + 1);
    arena_done(&arena);
}

static void what_has_no_room_is_absent(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 3);
    assert_null(arena_string(&arena, SLICE("abc")));
    assert_true(slice_is_absent(arena_copy(&arena, SLICE("abcd"))));
    assert_null(arena_calloc(&arena, 1, 4));
    assert_null(arena_calloc(&arena, SIZE_MAX / 2 + 1, 2)); /* 0, were it not looked at */
    assert_string_equal(arena_string(&arena, SLICE("ab")), "ab");
    arena_done(&arena);
}

static void zeroed_memory_is_zero(void **state)
{
    (void)state;
    static const char zeroes[6000];
    struct arena arena;
    arena_init(&arena, 1 << 20);
    char *given = arena_calloc(&arena, 2, sizeof zeroes / 2);
    assert_non_null(given);
    assert_memory_equal(given, zeroes, sizeof zeroes);
    arena_done(&arena);
}

static void a_trim_touches_nothing_behind_what_it_trims(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 8); /* so that the block ends there; a sanitizer sees who looks further, watch among them */
    char *whole = arena_bytes(&arena, 8);
    assert_non_null(whole);
    memcpy(whole, "12345678", 8);
    watch_begin();
    arena_trim(&arena, whole, 8, 3);
    watch_end();
    assert_memory_equal(whole, "123\0\0\0\0\0", 8);
    arena_done(&arena);
}

static void what_is_trimmed_is_wiped(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 1 << 20);
    struct slice copy = arena_copy(&arena, SLICE("kept, trimmed"));
    watch_begin();
    arena_trim(&arena, copy.ptr, copy.len, 5);
    assert_int_equal(watch_wipes(SLICE(" trimmed")), 1);
    assert_int_equal(watch_wipes(SLICE("kept")), 0);
    watch_end();
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_aligned_memory_that_stays_valid),
        cmocka_unit_test(gives_blocks_larger_than_its_own),
        cmocka_unit_test(stops_at_its_limit_and_goes_on_after_a_reset),
        cmocka_unit_test(refuses_sizes_that_overflow),
        cmocka_unit_test(reset_wipes_and_reuses_the_first_block),
        cmocka_unit_test(an_unused_one_can_be_reset_and_done),
        cmocka_unit_test(a_size_of_zero_is_a_valid_pointer),
        cmocka_unit_test(trim_gives_back_the_newest_only),
        cmocka_unit_test(copies_text),
        cmocka_unit_test(every_byte_given_is_wiped),
        cmocka_unit_test(a_reset_wipes_also_where_one_block_was_enough),
        cmocka_unit_test(one_that_is_done_can_be_used_and_done_again),
        cmocka_unit_test(its_limit_can_be_used_up_to_the_last_byte),
        cmocka_unit_test(aligned_memory_is_inside_of_its_block),
        cmocka_unit_test(text_stands_side_by_side),
        cmocka_unit_test(what_has_no_room_is_absent),
        cmocka_unit_test(zeroed_memory_is_zero),
        cmocka_unit_test(a_trim_touches_nothing_behind_what_it_trims),
        cmocka_unit_test(what_is_trimmed_is_wiped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
