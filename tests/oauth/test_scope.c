#include "oauth/scope.h"

#include "support/oauth.h"

static void reads_a_list_of_scopes(void **state)
{
    (void)state;
    static const struct {
        const char *list, *read;
    } rows[] = {
        {"", ""}, {"   ", ""}, {"photos:read", "photos:read;"}, {"a b c", "a;b;c;"}, {"  a  b ", "a;b;"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct slice list = slice_str(rows[i].list);
        struct slice scope = {0};
        struct buf out = buf_in(oauth_arena());
        while (scope_next(&list, &scope)) {
            buf_add(&out, scope);
            buf_add_byte(&out, ';');
        }
        assert_slice_equal(buf_slice(&out), slice_str(rows[i].read));
    }
}

static void covers_what_was_granted_and_no_more(void **state)
{
    (void)state;
    static const struct {
        const char *granted, *needed;
        bool covers;
    } rows[] = {
        {"a b", "a", true},      {"a b", "b a", true}, {"a b", "", true},           {"", "", true},
        {"a b", " a  a ", true}, {"a b", "c", false},  {"a b", "a c", false},       {"", "a", false},
        {"ab", "a", false},      {"a", "ab", false},   {"photos", "Photos", false}, {"a b", "a:b", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_int_equal(scope_covers(slice_str(rows[i].granted), slice_str(rows[i].needed)), rows[i].covers);
    assert_true(scope_covers(SLICE_ABSENT, SLICE_ABSENT));
    assert_false(scope_covers(SLICE_ABSENT, SLICE("a")));
}

/* RFC 6749 §3.3: %x21 / %x23-5B / %x5D-7E, separated by spaces. */
static void knows_the_characters_of_a_scope(void **state)
{
    (void)state;
    for (unsigned c = 0; c < 256; c++) {
        char text[] = {'a', (char)c};
        bool valid = c >= 0x20 && c <= 0x7E && c != '"' && c != '\\';
        assert_int_equal(scope_is_valid(slice_of(text, 2)), valid);
    }
    assert_true(scope_is_valid(SLICE("")));
}

static void writes_a_list_as_it_is_stored(void **state)
{
    (void)state;
    static const struct {
        const char *list, *allowed, *written;
    } rows[] = {
        {"", "", ""},
        {" ", " ", ""},
        {"a", "a", "a"},
        {"  b   a ", "a b", "b a"},
        {"a b a", "a b", "a b"},
        {"a b", "b c", "b"},
        {"c b a", "a c", "c a"},
        {"ab", "a b", ""},
        {"a ab a", "a", "a"},
        {"b a", "", ""},
        {"", "a", ""},
        {"ab a", "ab a", "ab a"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char memory[32];
        struct buf out = buf_fixed(memory, sizeof memory);
        scope_write_shared(slice_str(rows[i].list), slice_str(rows[i].allowed), &out);
        assert_slice_equal(buf_slice(&out), slice_str(rows[i].written));
    }
    char memory[32];
    struct buf out = buf_fixed(memory, sizeof memory);
    buf_add_str(&out, "x:");
    scope_write(SLICE(" a  b a"), &out);
    assert_slice_equal(buf_slice(&out), SLICE("x:a b"));
}

int main(void)
{
    static struct CMUnitTest tests[4];
    size_t count = 0;
    ADD_TEST(tests, count, reads_a_list_of_scopes);
    ADD_TEST(tests, count, covers_what_was_granted_and_no_more);
    ADD_TEST(tests, count, knows_the_characters_of_a_scope);
    ADD_TEST(tests, count, writes_a_list_as_it_is_stored);
    return RUN_TESTS(tests, count);
}
