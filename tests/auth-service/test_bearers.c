#include "admin/bearers.h"

#include "crypto/digest.h"
#include "support/test.h"
#include "support/watch.h"

#define FIRST  "11111111111111111111111111111111"
#define SECOND "22222222222222222222222222222222"
#define LOGIN  "33333333333333333333333333333333"
#define LAST   "44444444444444444444444444444444"

static struct arena arena;

static struct bearers *read_tokens(const struct config_tokens *admin, const struct config_tokens *login)
{
    const struct config config = {.admin_tokens = *admin, .login_tokens = *login};
    struct bearers *bearers = NULL;
    assert_status(bearers_read(&config, &bearers), STATUS_OK);
    return bearers;
}

static struct bearers *read_all(void)
{
    static const struct config_token admin[] = {{SLICE_INIT("ann"), SLICE_INIT(FIRST), false},
                                                {SLICE_INIT("bob"), SLICE_INIT(SECOND), true}};
    static const struct config_token login[] = {{SLICE_INIT("shop"), SLICE_INIT(LOGIN), false},
                                                {SLICE_INIT("twin"), SLICE_INIT(SECOND), false},
                                                {SLICE_INIT("till"), SLICE_INIT(LAST), false}};
    return read_tokens(&(struct config_tokens){admin, 2}, &(struct config_tokens){login, 3});
}

static void assert_bearer(struct bearers *bearers, const char *token, const char *name, enum bearer_role role)
{
    struct bearer found = {0};
    assert_status(bearers_find(bearers, slice_str(token), &arena, &found), STATUS_OK);
    assert_slice_equal(found.name, slice_str(name));
    assert_int_equal(found.role, role);
}

static void a_token_names_its_bearer_and_what_it_opens(void **state)
{
    (void)state;
    struct bearers *bearers = read_all();
    assert_int_equal(bearers_count(bearers), 5);
    assert_bearer(bearers, FIRST, "ann", BEARER_MANAGE);
    assert_bearer(bearers, LOGIN, "shop", BEARER_LOGIN);
    assert_bearer(bearers, LAST, "till", BEARER_LOGIN);
    assert_bearer(bearers, SECOND, "bob", BEARER_READ);
    bearers_free(bearers);
}

static void any_other_text_is_nobodys(void **state)
{
    (void)state;
    struct bearers *bearers = read_all();
    static const char *const texts[] = {"", "1", FIRST "1", "1111111111111111111111111111111", "ann:" FIRST, LOGIN " "};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct bearer found = {0};
        assert_status(bearers_find(bearers, slice_str(texts[i]), &arena, &found), STATUS_UNAUTHORIZED);
    }
    bearers_free(bearers);
}

static void without_tokens_there_is_nobody(void **state)
{
    (void)state;
    struct bearers *bearers = read_tokens(&(struct config_tokens){0}, &(struct config_tokens){0});
    struct bearer found = {0};
    assert_int_equal(bearers_count(bearers), 0);
    assert_status(bearers_find(bearers, SLICE(""), &arena, &found), STATUS_UNAUTHORIZED);
    bearers_free(bearers);
}

static void others_take_the_place_of_all(void **state)
{
    (void)state;
    static const struct config_token fresh[] = {{SLICE_INIT("eve"), SLICE_INIT(SECOND), false}};
    struct bearers *bearers = read_all();
    struct bearer found = {0};
    bearers_replace(bearers, read_tokens(&(struct config_tokens){fresh, 1}, &(struct config_tokens){0}));
    assert_int_equal(bearers_count(bearers), 1);
    assert_bearer(bearers, SECOND, "eve", BEARER_MANAGE);
    assert_status(bearers_find(bearers, SLICE(FIRST), &arena, &found), STATUS_UNAUTHORIZED);
    assert_status(bearers_find(bearers, SLICE(LOGIN), &arena, &found), STATUS_UNAUTHORIZED);
    bearers_free(bearers);
}

/* With each of them, so that the time does not tell how far down it stands. */
static void a_token_is_compared_in_constant_time(void **state)
{
    (void)state;
    struct bearers *bearers = read_all();
    struct bearer found = {0};
    watch_begin();
    assert_status(bearers_find(bearers, SLICE(FIRST), &arena, &found), STATUS_OK);
    assert_int_equal(watch_comparisons(SLICE("")), 5);
    watch_end();
    bearers_free(bearers);
}

/* Which call of digest_bytes fails (tests/CMakeLists.txt); 0: none. */
static unsigned failing_digest;
enum status __real_digest_bytes(enum digest digest, struct slice bytes, unsigned char *out);
enum status __wrap_digest_bytes(enum digest digest, struct slice bytes, unsigned char *out);

enum status __wrap_digest_bytes(enum digest digest, struct slice bytes, unsigned char *out)
{
    return failing_digest && --failing_digest == 0 ? STATUS_NO_MEMORY : __real_digest_bytes(digest, bytes, out);
}

/* Rather than one whose digest is that of nothing. */
static void what_cannot_be_digested_is_no_bearer(void **state)
{
    (void)state;
    static const struct config_token tokens[] = {{SLICE_INIT("ann"), SLICE_INIT(FIRST), false}};
    const struct config config = {.admin_tokens = {tokens, 1}, .login_tokens = {tokens, 1}};
    struct bearers *bearers = NULL;
    struct bearer found = {0};
    for (unsigned nth = 1; nth <= 2; nth++) {
        failing_digest = nth;
        assert_status(bearers_read(&config, &bearers), STATUS_NO_MEMORY);
        assert_null(bearers);
    }
    bearers = read_all();
    failing_digest = 1;
    assert_status(bearers_find(bearers, SLICE(FIRST), &arena, &found), STATUS_NO_MEMORY);
    assert_true(slice_is_absent(found.name));
    bearers_free(bearers);
}

/* An operator's mistake; rather than a bearer without a name, or fewer of them. */
static void what_there_is_no_room_for_is_told(void **state)
{
    (void)state;
    enum { TOO_MANY = 100000, TOO_LONG = 1 << 21 };
    char *name = test_malloc(TOO_LONG);
    struct config_token *many = test_calloc(TOO_MANY, sizeof *many);
    struct config config = {.admin_tokens = {many, TOO_MANY}};
    struct bearers *bearers = NULL;
    assert_status(bearers_read(&config, &bearers), STATUS_NO_MEMORY);
    memset(name, 'x', TOO_LONG);
    many[0] = (struct config_token){slice_of(name, TOO_LONG), SLICE(FIRST), false};
    config.admin_tokens.count = 1;
    assert_status(bearers_read(&config, &bearers), STATUS_NO_MEMORY);
    assert_null(bearers);
    bearers_free(NULL);
    test_free(many);
    test_free(name);
}

static void without_memory_nobody_is_known(void **state)
{
    (void)state;
    struct bearers *bearers = read_all();
    struct bearer found = {0};
    struct arena little;
    arena_init(&little, 0);
    assert_status(bearers_find(bearers, SLICE(FIRST), &little, &found), STATUS_NO_MEMORY);
    arena_done(&little);
    bearers_free(bearers);
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
        cmocka_unit_test(others_take_the_place_of_all),
        cmocka_unit_test(a_token_is_compared_in_constant_time),
        cmocka_unit_test(what_cannot_be_digested_is_no_bearer),
        cmocka_unit_test(what_there_is_no_room_for_is_told),
        cmocka_unit_test(without_memory_nobody_is_known),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
