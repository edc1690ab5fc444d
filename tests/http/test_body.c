#include "http/body.h"

#include "support/test.h"

#include <string.h>

enum { LIMIT_BYTES = 256 * 1024 };

static struct body_pool pool;
static struct arena arena;

static int set_up(void **state UNUSED)
{
    pool = (struct body_pool){.limit_bytes = LIMIT_BYTES};
    arena_init(&arena, 1 << 20);
    return 0;
}

static int tear_down(void **state UNUSED)
{
    arena_done(&arena);
    body_pool_done(&pool);
    return pool.used_bytes == 0 && !pool.oldest && !pool.newest ? 0 : -1;
}

static void open_body(struct body *body, size_t max_bytes)
{
    assert_true(body_open(body, &pool, &arena, max_bytes));
    assert_true(body_make_room(body, 0));
}

static void add(struct body *body, size_t len)
{
    static const char text[64 * 1024];
    assert_true(body_make_room(body, len));
    buf_add(&body->bytes, slice_of(text, len));
    assert_false(body->bytes.failed);
}

static void a_small_body_lies_in_the_arena_and_a_large_one_in_pages_of_its_own(void **state UNUSED)
{
    struct body small;
    struct body large;
    open_body(&small, BODY_SMALL_BYTES);
    size_t taken = arena.taken_bytes;
    open_body(&large, BODY_SMALL_BYTES + 1);
    assert_int_equal(arena.taken_bytes, taken);
    assert_int_equal(small.page_bytes, 0);
    assert_int_equal(large.page_bytes, BODY_KEPT_BYTES);
    assert_int_equal(large.bytes.cap, BODY_SMALL_BYTES + 1);
    add(&large, BODY_SMALL_BYTES + 1);
    body_close(&small);
    body_close(&large);
}

static void what_was_announced_and_did_not_come_is_not_counted(void **state UNUSED)
{
    struct body body;
    open_body(&body, 100 * 1024);
    assert_int_equal(pool.used_bytes, BODY_REQUEST_BYTES);
    add(&body, 1);
    assert_int_equal(pool.used_bytes, BODY_REQUEST_BYTES + BODY_PIECE_BYTES);
    add(&body, BODY_PIECE_BYTES - 1);
    assert_int_equal(pool.used_bytes, BODY_REQUEST_BYTES + BODY_PIECE_BYTES);
    add(&body, 1);
    assert_int_equal(pool.used_bytes, BODY_REQUEST_BYTES + 2 * BODY_PIECE_BYTES);
    body_close(&body);
    assert_int_equal(pool.used_bytes, 0);
}

static void a_body_counts_with_no_more_than_its_size(void **state UNUSED)
{
    struct body body;
    open_body(&body, 100);
    add(&body, 100);
    assert_int_equal(pool.used_bytes, BODY_REQUEST_BYTES + 100);
    body_close(&body);
}

static void there_is_no_room_beyond_the_limit_until_one_ends(void **state UNUSED)
{
    struct body first;
    struct body second;
    open_body(&first, LIMIT_BYTES);
    open_body(&second, LIMIT_BYTES);
    for (int i = 0; i < 14; i++)
        add(&first, BODY_PIECE_BYTES);
    size_t used = pool.used_bytes;
    add(&second, BODY_PIECE_BYTES);
    assert_false(body_make_room(&second, 1));
    assert_int_equal(pool.used_bytes, used + BODY_PIECE_BYTES);
    body_arrived(&first);
    assert_false(body_make_room(&second, 1)); /* its memory stays while it is answered */
    body_close(&first);
    add(&second, 1);
    body_close(&second);
}

static void the_oldest_that_still_comes_is_first(void **state UNUSED)
{
    struct body bodies[4];
    for (size_t i = 0; i < COUNT_OF(bodies); i++)
        open_body(&bodies[i], 100);
    assert_ptr_equal(pool.oldest, &bodies[0]);
    body_close(&bodies[1]);
    body_arrived(&bodies[0]);
    assert_ptr_equal(pool.oldest, &bodies[2]);
    assert_ptr_equal(pool.oldest->newer, &bodies[3]);
    assert_ptr_equal(pool.newest->older, &bodies[2]);
    body_close(&bodies[3]);
    assert_ptr_equal(pool.newest, &bodies[2]);
    body_close(&bodies[2]);
    assert_null(pool.oldest);
    body_close(&bodies[0]);
}

static void a_zeroed_one_and_one_that_ended_may_be_closed(void **state UNUSED)
{
    struct body body = {0};
    body_close(&body);
    open_body(&body, 20000);
    body_close(&body);
    body_close(&body);
}

static void without_memory_nothing_is_held(void **state UNUSED)
{
    struct body body;
    struct arena none;
    arena_init(&none, 0);
    assert_false(body_open(&body, &pool, &none, 100));
    assert_null(pool.oldest);
    body_close(&body);
    assert_false(body_open(&body, &pool, &none, SIZE_MAX / 2));
    assert_null(pool.oldest);
}

static void open_some(struct body *bodies, size_t count, size_t max_bytes)
{
    for (size_t i = 0; i < count; i++)
        assert_true(body_open(&bodies[i], &pool, &arena, max_bytes));
}

static void close_some(struct body *bodies, size_t count)
{
    for (size_t i = 0; i < count; i++)
        body_close(&bodies[i]);
}

static void pages_of_one_are_the_next_ones(void **state UNUSED)
{
    struct body body;
    open_body(&body, 20000);
    add(&body, 20000);
    const char *pages = body.bytes.ptr;
    memset(body.bytes.ptr, 'x', body.bytes.len);
    body_close(&body);
    assert_int_equal(pool.kept_count, 1);
    open_body(&body, BODY_KEPT_BYTES);
    assert_ptr_equal(body.bytes.ptr, pages);
    assert_int_equal(body.bytes.len, 0);
    assert_int_equal(pages[0] | pages[19999], 0); /* wiped */
    assert_int_equal(pool.kept_count, 0);
    body_close(&body);
}

static void pages_of_a_very_large_one_are_not_kept(void **state UNUSED)
{
    struct body bodies[2];
    open_some(bodies, 2, BODY_KEPT_BYTES + 1);
    close_some(bodies, 2);
    assert_int_equal(pool.kept_count, 0);
    open_some(bodies, 1, BODY_KEPT_BYTES);
    close_some(bodies, 1);
    assert_int_equal(pool.kept_count, 1);
    open_some(bodies, 1, BODY_KEPT_BYTES + 1); /* they would be too few */
    assert_int_equal(pool.kept_count, 1);
    memset(bodies[0].bytes.ptr, 'x', BODY_KEPT_BYTES + 1);
    close_some(bodies, 1);
}

static void no_more_than_so_many_pages_are_kept(void **state UNUSED)
{
    struct body bodies[BODY_KEPT_MAX + 2];
    open_some(bodies, BODY_KEPT_MAX + 2, 20000);
    close_some(bodies, BODY_KEPT_MAX + 2);
    assert_int_equal(pool.kept_count, BODY_KEPT_MAX);
}

static void what_is_not_used_goes_back(void **state UNUSED)
{
    struct body bodies[4];
    open_some(bodies, 4, 20000);
    close_some(bodies, 4);
    body_pool_give_back(&pool); /* all were used */
    assert_int_equal(pool.kept_count, 4);
    open_some(bodies, 3, 20000);
    close_some(bodies, 3);
    body_pool_give_back(&pool);
    assert_int_equal(pool.kept_count, 3);
    body_pool_give_back(&pool);
    assert_int_equal(pool.kept_count, 0);
    body_pool_give_back(&pool);
    open_some(bodies, 1, 20000);
    close_some(bodies, 1);
    assert_int_equal(pool.kept_count, 1);
    body_pool_give_back(&pool); /* it came since */
    assert_int_equal(pool.kept_count, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_small_body_lies_in_the_arena_and_a_large_one_in_pages_of_its_own),
        TEST(what_was_announced_and_did_not_come_is_not_counted),
        TEST(a_body_counts_with_no_more_than_its_size),
        TEST(there_is_no_room_beyond_the_limit_until_one_ends),
        TEST(the_oldest_that_still_comes_is_first),
        TEST(a_zeroed_one_and_one_that_ended_may_be_closed),
        TEST(pages_of_one_are_the_next_ones),
        TEST(pages_of_a_very_large_one_are_not_kept),
        TEST(no_more_than_so_many_pages_are_kept),
        TEST(what_is_not_used_goes_back),
        TEST(without_memory_nothing_is_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
