#include "admin/bearers.h"

#include "support/test.h"
#include "support/watch.h"

#define FIRST  "11111111111111111111111111111111"
#define SECOND "22222222222222222222222222222222"
#define LOGIN  "33333333333333333333333333333333"

static struct arena arena;

static struct bearers read_all(void)
{
    static const struct config_token admin[] = {{SLICE_INIT("ann"), SLICE_INIT(FIRST)},
                                                {SLICE_INIT("bob"), SLICE_INIT(SECOND)}};
    static const struct config_token login[] = {{SLICE_INIT("shop"), SLICE_INIT(LOGIN)},
                                                {SLICE_INIT("twin"), SLICE_INIT(SECOND)}};
    const struct config config = {.admin_tokens = {admin, 2}, .login_tokens = {login, 2}};
    struct bearers bearers = {0};
    assert_status(bearers_read(&config, &arena, &bearers), STATUS_OK);
    return bearers;
}

static void a_token_names_its_bearer_and_what_it_opens(void **state)
{
    (void)state;
    struct bearers bearers = read_all();
    const struct bearer *found = NULL;
    assert_int_equal(bearers.count, 4);
    assert_status(bearers_find(&bearers, SLICE(FIRST), &found), STATUS_OK);
    assert_slice_equal(found->name, SLICE("ann"));
    assert_false(found->is_login);
    assert_status(bearers_find(&bearers, SLICE(LOGIN), &found), STATUS_OK);
    assert_slice_equal(found->name, SLICE("shop"));
    assert_true(found->is_login);
    assert_status(bearers_find(&bearers, SLICE(SECOND), &found), STATUS_OK);
    assert_slice_equal(found->name, SLICE("bob"));
}

static void any_other_text_is_nobodys(void **state)
{
    (void)state;
    struct bearers bearers = read_all();
    static const char *const texts[] = {"", "1", FIRST "1", "1111111111111111111111111111111", "ann:" FIRST, LOGIN " "};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        const struct bearer *found = NULL;
        assert_status(bearers_find(&bearers, slice_str(texts[i]), &found), STATUS_UNAUTHORIZED);
        assert_null(found);
    }
}

static void without_tokens_there_is_nobody(void **state)
{
    (void)state;
    const struct config config = {0};
    struct bearers bearers = {0};
    const struct bearer *found = NULL;
    assert_status(bearers_read(&config, &arena, &bearers), STATUS_OK);
    assert_int_equal(bearers.count, 0);
    assert_status(bearers_find(&bearers, SLICE(""), &found), STATUS_UNAUTHORIZED);
}

/* With each of them, so that the time does not tell how far down it stands. */
static void a_token_is_compared_in_constant_time(void **state)
{
    (void)state;
    struct bearers bearers = read_all();
    const struct bearer *found = NULL;
    watch_begin();
    assert_status(bearers_find(&bearers, SLICE(FIRST), &found), STATUS_OK);
    assert_int_equal(watch_comparisons(SLICE("")), 4);
    watch_end();
}

static void without_memory_there_are_none(void **state)
{
    (void)state;
    static const struct config_token admin[] = {{SLICE_INIT("ann"), SLICE_INIT(FIRST)}};
    const struct config config = {.admin_tokens = {admin, 1}};
    struct bearers bearers = {0};
    struct arena little;
    arena_init(&little, 0);
    assert_status(bearers_read(&config, &little, &bearers), STATUS_NO_MEMORY);
    assert_int_equal(bearers.count, 0);
    arena_done(&little);
}

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, 1 << 16);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_done(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_names_its_bearer_and_what_it_opens),
        cmocka_unit_test(any_other_text_is_nobodys),
        cmocka_unit_test(without_tokens_there_is_nobody),
        cmocka_unit_test(a_token_is_compared_in_constant_time),
        cmocka_unit_test(without_memory_there_are_none),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
