#include "base/buf.h"

#include "support/test.h"
#include "support/watch.h"

#include <stdlib.h>

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
        cmocka_unit_test(stays_failed_once_a_fixed_one_is_full),
        cmocka_unit_test(takes_exactly_what_a_fixed_one_holds),
        cmocka_unit_test(can_be_used_again_after_a_failure_and_a_reset),
        cmocka_unit_test(wipes_what_it_held),
        cmocka_unit_test(wipes_the_terminator_free_tail_of_formats),
        cmocka_unit_test(grows_inside_an_arena_and_stays_there),
        cmocka_unit_test(fails_at_its_arenas_limit),
        cmocka_unit_test(refuses_a_size_that_overflows),
        cmocka_unit_test(what_it_grows_out_of_is_wiped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
