#include "base/buf.h"

#include "support/test.h"
#include "support/watch.h"

#include <stdlib.h>
#include <wchar.h>

static void grows_as_needed(void **state)
{
    (void)state;
    struct buf buf = BUF_INIT;
    for (int i = 0; i < 1000; i++)
        buf_add_byte(&buf, (char)('a' + i % 26));
    assert_int_equal(buf.len, 1000);
    assert_false(buf.failed);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(buf.ptr[i], 'a' + i % 26);
    buf_done(&buf);
    assert_int_equal(buf.len, 0);
    assert_slice_equal(buf_slice(&buf), SLICE(""));
}

static void writes_numbers_and_formats(void **state)
{
    (void)state;
    struct buf buf = BUF_INIT;
    buf_add_u64(&buf, 0);
    buf_add_byte(&buf, ' ');
    buf_add_u64(&buf, UINT64_MAX);
    buf_add_byte(&buf, ' ');
    buf_add_i64(&buf, INT64_MIN);
    buf_add_byte(&buf, ' ');
    buf_add_i64(&buf, INT64_MAX);
    buf_addf(&buf, " %s-%d%s", "x", 7, "");
    buf_addf(&buf, "%s", "");
    buf_add_hex(&buf, SLICE("\x00\xff\x1a"));
    assert_slice_equal(buf_slice(&buf),
                       SLICE("0 18446744073709551615 -9223372036854775808 9223372036854775807 x-700ff1a"));
    assert_string_equal(buf_string(&buf), "0 18446744073709551615 -9223372036854775808 9223372036854775807 x-700ff1a");
    buf_done(&buf);
}

static void joins_lines_into_one(void **state)
{
    static const char *const rows[][2] = {
        {"", ""}, {"\n", ""}, {"a", "a"}, {"a\n", "a"}, {"\na\n\nb c\nd", "a; b c; d"}};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct buf buf = BUF_INIT;
        buf_add_joined(&buf, slice_str(rows[i][0]), "; ");
        assert_true(slice_eq(buf_slice(&buf), slice_str(rows[i][1])));
        buf_done(&buf);
    }
}

static void stays_failed_once_a_fixed_one_is_full(void **state)
{
    (void)state;
    char memory[4];
    struct buf buf = buf_fixed(memory, sizeof memory);
    buf_add(&buf, SLICE("abc"));
    buf_add(&buf, SLICE("de"));
    assert_true(buf.failed);
    buf_add_byte(&buf, 'x');
    buf_add(&buf, SLICE("y"));
    buf_addf(&buf, "z");
    buf_add(&buf, SLICE(""));
    assert_slice_equal(buf_slice(&buf), SLICE("abc"));
    assert_null(buf_string(&buf));
    assert_false(buf_reserve(&buf, 0));
    buf_done(&buf);
}

static void takes_exactly_what_a_fixed_one_holds(void **state)
{
    (void)state;
    char memory[4];
    struct buf buf = buf_fixed(memory, sizeof memory);
    buf_add(&buf, SLICE("abcd"));
    assert_false(buf.failed);
    assert_slice_equal(buf_slice(&buf), SLICE("abcd"));
    buf_done(&buf);
}

static void can_be_used_again_after_a_failure_and_a_reset(void **state)
{
    (void)state;
    char memory[8];
    struct buf buf = buf_fixed(memory, sizeof memory);
    buf_add(&buf, SLICE("a text that is too long"));
    assert_true(buf.failed);
    buf_reset(&buf);
    assert_false(buf.failed);
    buf_add(&buf, SLICE("12345678"));
    assert_false(buf.failed);
    assert_slice_equal(buf_slice(&buf), SLICE("12345678"));
    buf_done(&buf);
}

static void a_failure_costs_nothing_of_a_fixed_ones_room_and_adds_none(void **state)
{
    (void)state;
    char memory[8];
    struct buf buf = buf_fixed(memory, sizeof memory);
    buf_add(&buf, SLICE("123"));
    buf_add(&buf, SLICE("too long"));
    for (int times = 0; times < 3; times++) {
        buf_reset(&buf);
        assert_int_equal(buf.cap, sizeof memory);
        assert_true(buf_reserve(&buf, sizeof memory));
    }
    assert_false(buf_reserve(&buf, sizeof memory + 1));
}

static void a_terminator_and_a_format_need_one_byte_more(void **state)
{
    (void)state;
    char memory[5];
    struct buf exact = buf_fixed(memory, 4);
    struct buf enough = buf_fixed(memory, 5);
    memset(memory, 'x', sizeof memory);
    buf_addf(&exact, "%s", "abcd");
    assert_true(exact.failed);
    exact = buf_fixed(memory, 4);
    buf_add_str(&exact, "abcd");
    assert_null(buf_string(&exact));
    assert_int_equal(memory[4], 'x');
    buf_add_str(&enough, "abcd");
    assert_string_equal(buf_string(&enough), "abcd");
    enough = buf_fixed(memory, 5);
    buf_addf(&enough, "%s", "abcd");
    assert_false(enough.failed);
    assert_slice_equal(buf_slice(&enough), SLICE("abcd"));
}

static void what_cannot_be_formatted_is_a_failure(void **state)
{
    (void)state;
    struct buf buf = BUF_INIT;
    buf_add_str(&buf, "before");
    buf_addf(&buf, "%lc", (wint_t)0xDC00); /* half of a pair is no character */
    assert_true(buf.failed);
    assert_slice_equal(buf_slice(&buf), SLICE("before"));
    buf_done(&buf);
}

static void writes_small_numbers_with_their_sign(void **state)
{
    (void)state;
    static const struct {
        int64_t value;
        const char *text;
    } rows[] = {{0, "0"},   {1, "1"},     {-1, "-1"},   {-10, "-10"},   {9, "9"},        {10, "10"},
                {99, "99"}, {100, "100"}, {199, "199"}, {9999, "9999"}, {10000, "10000"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct buf buf = BUF_INIT;
        buf_add_i64(&buf, rows[i].value);
        assert_string_equal(buf_string(&buf), rows[i].text);
        buf_done(&buf);
    }
}

static void wipes_what_it_held(void **state)
{
    (void)state;
    char memory[16] = {0};
    struct buf buf = buf_fixed(memory, sizeof memory);
    buf_add(&buf, SLICE("secret"));
    buf_reset(&buf);
    buf_add(&buf, SLICE("s"));
    assert_memory_equal(memory, "s\0\0\0\0\0", 6);
    buf_done(&buf);
    assert_memory_equal(memory, "\0\0\0\0\0\0", 6);
}

static void wipes_the_terminator_free_tail_of_formats(void **state)
{
    (void)state;
    char memory[16] = {0};
    struct buf buf = buf_fixed(memory, sizeof memory);
    buf_addf(&buf, "%s", "secret");
    buf_done(&buf);
    assert_memory_equal(memory, "\0\0\0\0\0\0\0", 7);
}

static void grows_inside_an_arena_and_stays_there(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 1 << 20);
    struct buf buf = buf_in(&arena);
    for (int i = 0; i < 5000; i++)
        buf_add_byte(&buf, 'x');
    assert_int_equal(buf.len, 5000);
    buf_done(&buf);
    /* still the arena's: nothing below may leak */
    buf_add(&buf, SLICE("again"));
    assert_ptr_equal(buf.arena, &arena);
    arena_done(&arena);
}

static void fails_at_its_arenas_limit(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 1000);
    struct buf buf = buf_in(&arena);
    for (int i = 0; i < 5000; i++)
        buf_add_byte(&buf, 'x');
    assert_true(buf.failed);
    assert_true(buf.len < 1000);
    arena_done(&arena);
}

static void refuses_a_size_that_overflows(void **state)
{
    (void)state;
    struct buf buf = BUF_INIT;
    buf_add(&buf, SLICE("x"));
    assert_false(buf_reserve(&buf, SIZE_MAX));
    assert_true(buf.failed);
    assert_slice_equal(buf_slice(&buf), SLICE("x"));
    buf_done(&buf);
}

/* It must come to an end, too: doubling would go on for ever. */
static void refuses_what_no_memory_holds(void **state)
{
    (void)state;
    static const size_t sizes[] = {SIZE_MAX - 1, SIZE_MAX / 2 + 2};
    struct arena arena;
    arena_init(&arena, 1000);
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        struct buf buf = buf_in(&arena);
        buf_add(&buf, SLICE("x"));
        assert_false(buf_reserve(&buf, sizes[i]));
        assert_true(buf.failed);
    }
    arena_done(&arena);
}

static void what_it_grows_out_of_is_wiped(void **state)
{
    (void)state;
    struct buf buf = BUF_INIT;
    watch_begin();
    buf_add(&buf, SLICE("a secret"));
    for (int i = 0; i < 1000; i++)
        buf_add_byte(&buf, 'x');
    assert_in_range(watch_wipes(SLICE("a secret")), 1, 10); /* each place that it was moved from */
    buf_reset(&buf);
    buf_add(&buf, SLICE("another"));
    assert_int_equal(watch_wipes(SLICE("another")), 0);
    buf_done(&buf);
    assert_int_equal(watch_wipes(SLICE("another")), 1);
    watch_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_as_needed),
        cmocka_unit_test(writes_numbers_and_formats),
        cmocka_unit_test(joins_lines_into_one),
        cmocka_unit_test(stays_failed_once_a_fixed_one_is_full),
        cmocka_unit_test(takes_exactly_what_a_fixed_one_holds),
        cmocka_unit_test(can_be_used_again_after_a_failure_and_a_reset),
        cmocka_unit_test(a_failure_costs_nothing_of_a_fixed_ones_room_and_adds_none),
        cmocka_unit_test(a_terminator_and_a_format_need_one_byte_more),
        cmocka_unit_test(what_cannot_be_formatted_is_a_failure),
        cmocka_unit_test(writes_small_numbers_with_their_sign),
        cmocka_unit_test(wipes_what_it_held),
        cmocka_unit_test(wipes_the_terminator_free_tail_of_formats),
        cmocka_unit_test(grows_inside_an_arena_and_stays_there),
        cmocka_unit_test(fails_at_its_arenas_limit),
        cmocka_unit_test(refuses_a_size_that_overflows),
        cmocka_unit_test(refuses_what_no_memory_holds),
        cmocka_unit_test(what_it_grows_out_of_is_wiped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
