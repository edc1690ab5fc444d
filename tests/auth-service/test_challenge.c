#include "login/challenge.h"

#include "crypto/random.h"
#include "support/test.h"
#include "support/watch.h"

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define C "cccccccccccccccccccccccccccccccc"
#define D "dddddddddddddddddddddddddddddddd"
#define E "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee"

static int setup(void **state)
{
    static struct arena arena;
    arena_init(&arena, 1 << 20);
    *state = &arena;
    return 0;
}

static int teardown(void **state)
{
    arena_done(*state);
    return 0;
}

static void reads_what_it_wrote(void **state)
{
    const struct challenge written = {
        .kind = SLICE(CHALLENGE_AUTHORIZATION),
        .oauth_token = SLICE("token"),
        .cookie = SLICE(A),
        .state = SLICE(CHALLENGE_ACCEPTED),
        .secret = SLICE(B),
        .user = 7,
        .user_version = 3,
        .username = SLICE("j\xc3\xa4ne \"x\""),
        .scopes = SLICE("photos:read"),
        .is_granted = true,
    };
    struct challenge read = {0};
    struct buf record = buf_in(*state);
    challenge_write(&written, &record);
    assert_status(challenge_read(buf_slice(&record), *state, &read), STATUS_OK);
    assert_slice_equal(read.kind, written.kind);
    assert_slice_equal(read.oauth_token, written.oauth_token);
    assert_true(slice_is_absent(read.return_to));
    assert_slice_equal(read.cookie, written.cookie);
    assert_slice_equal(read.state, written.state);
    assert_slice_equal(read.secret, written.secret);
    assert_int_equal(read.user, 7);
    assert_int_equal(read.user_version, 3);
    assert_slice_equal(read.username, written.username);
    assert_slice_equal(read.scopes, written.scopes);
    assert_true(read.is_granted);
}

static void a_pending_one_has_no_secret(void **state)
{
    const struct challenge written = {.kind = SLICE(CHALLENGE_ACCOUNT),
                                      .return_to = SLICE("/"),
                                      .cookie = SLICE(A),
                                      .state = SLICE(CHALLENGE_PENDING)};
    struct challenge read = {.secret = SLICE(B), .is_granted = true};
    struct buf record = buf_in(*state);
    challenge_write(&written, &record);
    assert_status(challenge_read(buf_slice(&record), *state, &read), STATUS_OK);
    assert_true(slice_is_absent(read.secret));
    assert_slice_equal(read.return_to, SLICE("/"));
    assert_false(read.is_granted);
}

static void what_is_no_challenge_is_told(void **state)
{
    static const char *const records[] = {"", "{}", "[]", "{\"kind\": \"account\", \"cookie\": \"\"}"};
    struct challenge read = {0};
    for (size_t i = 0; i < COUNT_OF(records); i++)
        assert_status(challenge_read(slice_str(records[i]), *state, &read), STATUS_STORE_CORRUPT);
}

static void generates_texts_that_are_all_different(void **state)
{
    struct slice first = {0};
    struct slice second = {0};
    assert_status(challenge_generate(*state, &first), STATUS_OK);
    assert_status(challenge_generate(*state, &second), STATUS_OK);
    assert_true(challenge_is_text(first) && challenge_is_text(second));
    assert_false(slice_eq(first, second));
}

static void knows_what_could_be_one_of_its_texts(void **state)
{
    (void)state;
    assert_true(challenge_is_text(SLICE(A)));
    assert_true(challenge_is_text(SLICE("09azAZ09azAZ09azAZ09azAZ09azAZ09")));
    assert_false(challenge_is_text(SLICE("")));
    assert_false(challenge_is_text(SLICE(A "a")));
    static const char neighbours[] = "./:@[`{\x80\xff"; /* of the digits and letters */
    for (size_t i = 0; i < sizeof neighbours; i++) {
        char text[] = A;
        text[i] = neighbours[i];
        assert_false(challenge_is_text(slice_of(text, sizeof text - 1)));
    }
}

static void the_cookie_keeps_the_newest_four(void **state)
{
    struct slice cookie = challenge_cookie_with(*state, SLICE_ABSENT, SLICE(A));
    assert_slice_equal(cookie, SLICE(A));
    cookie = challenge_cookie_with(*state, SLICE(A "." B "." C), SLICE(D));
    assert_slice_equal(cookie, SLICE(D "." A "." B "." C));
    cookie = challenge_cookie_with(*state, cookie, SLICE(E));
    assert_slice_equal(cookie, SLICE(E "." D "." A "." B));
    assert_true(challenge_cookie_has(cookie, SLICE(B)));
    assert_false(challenge_cookie_has(cookie, SLICE(C)));
}

static void the_cookie_loses_what_was_used(void **state)
{
    assert_slice_equal(challenge_cookie_without(*state, SLICE(A "." B), SLICE(A)), SLICE(B));
    struct slice none = challenge_cookie_without(*state, SLICE(A), SLICE(A));
    assert_int_equal(none.len, 0);
    assert_false(slice_is_absent(none));
}

static void what_a_browser_made_up_is_dropped(void **state)
{
    assert_slice_equal(challenge_cookie_with(*state, SLICE("x;y." B ".."), SLICE(A)), SLICE(A "." B));
    assert_false(challenge_cookie_has(SLICE(""), SLICE("")));
    assert_false(challenge_cookie_has(SLICE("."), SLICE("")));
    assert_false(challenge_cookie_has(SLICE_ABSENT, SLICE(A)));
    assert_false(challenge_cookie_has(SLICE("short"), SLICE("short")));
}

static void compares_secrets_in_constant_time(void **state)
{
    watch_begin();
    assert_true(challenge_cookie_has(SLICE(A "." B), SLICE(A)));
    assert_int_equal(watch_comparisons(SLICE(A)), 1);
    assert_int_equal(watch_comparisons(SLICE(B)), 1); /* also what stands behind the one that it is */
    watch_begin();
    assert_slice_equal(challenge_cookie_without(*state, SLICE(A "." B), SLICE(A)), SLICE(B));
    assert_int_equal(watch_comparisons(SLICE(A)), 1);
    assert_int_equal(watch_comparisons(SLICE(B)), 1);
    watch_end();
}

static void without_randomness_or_memory_there_is_none(void **state)
{
    struct slice text = {0};
    struct arena little;
    struct challenge challenge = {
        .kind = SLICE(CHALLENGE_ACCOUNT), .cookie = SLICE(A), .state = SLICE(CHALLENGE_PENDING)};
    struct buf record = buf_in(*state);
    random_fail_next(1);
    assert_status(challenge_generate(*state, &text), STATUS_NO_RANDOMNESS);
    arena_init(&little, 0);
    assert_status(challenge_generate(&little, &text), STATUS_NO_MEMORY);
    assert_true(slice_is_absent(text));
    assert_true(slice_is_absent(challenge_cookie_with(&little, SLICE_ABSENT, SLICE(A))));
    assert_true(slice_is_absent(challenge_cookie_without(&little, SLICE(A "." B), SLICE(A))));
    challenge_write(&challenge, &record);
    assert_status(challenge_read(buf_slice(&record), &little, &challenge), STATUS_NO_MEMORY);
    arena_done(&little);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(reads_what_it_wrote),
        TEST(a_pending_one_has_no_secret),
        TEST(what_is_no_challenge_is_told),
        TEST(generates_texts_that_are_all_different),
        TEST(knows_what_could_be_one_of_its_texts),
        TEST(the_cookie_keeps_the_newest_four),
        TEST(the_cookie_loses_what_was_used),
        TEST(what_a_browser_made_up_is_dropped),
        TEST(compares_secrets_in_constant_time),
        TEST(without_randomness_or_memory_there_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
