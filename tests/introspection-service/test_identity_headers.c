#include "identity_headers.h"

#include "support/test.h"

struct row {
    const char *value; /* NULL: absent */
    const char *written;
};

static void check(void (*write)(struct slice, struct buf *), const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct buf out = BUF_INIT;
        write(slice_str(rows[i].value), &out);
        assert_slice_equal(buf_slice(&out), slice_str(rows[i].written));
        buf_done(&out);
    }
}

static void encodes_what_could_be_taken_for_something_else(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {NULL, "-"},
        {"", "-"},
        {"-", "%2D"},
        {"--", "--"},
        {"jane", "jane"},
        {"AZaz09-._~", "AZaz09-._~"},
        {"jane doe", "jane%20doe"},
        {"a,b;c=\"d\"", "a%2Cb%3Bc%3D%22d%22"},
        {"x\r\nX-OAuth-Scope: all", "x%0D%0AX-OAuth-Scope%3A%20all"},
        {"J\xC3\xBCrgen", "J%C3%BCrgen"},
        {"100%", "100%25"},
        {"%2D", "%252D"},
    };
    check(identity_write, rows, COUNT_OF(rows));
}

static void keeps_the_spaces_between_scopes(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {NULL, "-"},          {"", "-"},
        {"-", "%2D"},         {"photos:read photos:write", "photos%3Aread photos%3Awrite"},
        {"a", "a"},           {"https://x/y z", "https%3A%2F%2Fx%2Fy z"},
        {"a,b c", "a%2Cb c"}, {" ", "-"},
        {"  ", "-"},          {" a  b ", "a b"},
        {" - ", "%2D"},       {"- -", "- -"},
    };
    check(identity_write_scope, rows, COUNT_OF(rows));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encodes_what_could_be_taken_for_something_else),
        cmocka_unit_test(keeps_the_spaces_between_scopes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
