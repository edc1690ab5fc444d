#include "protocol/verifier.h"

#include "crypto/random.h"
#include "support/test.h"

static void is_shown_in_groups_and_spelled(void **state UNUSED)
{
    struct buf grouped = BUF_INIT;
    struct buf spelled = BUF_INIT;
    verifier_write_grouped(SLICE("ABCD2345"), &grouped);
    verifier_write_spelled(SLICE("ABCD2345"), &spelled);
    assert_slice_equal(buf_slice(&grouped), SLICE("ABCD-2345"));
    assert_slice_equal(buf_slice(&spelled), SLICE("A B C D, 2 3 4 5"));
    buf_done(&grouped);
    buf_done(&spelled);
}

static void is_taken_however_it_was_typed(void **state UNUSED)
{
    static const struct {
        const char *typed, *issued;
    } rows[] = {
        {"ABCD2345", "ABCD2345"},
        {"ABCD-2345", "ABCD2345"},
        {"abcd-2345", "ABCD2345"},
        {" abcd 2345 ", "ABCD2345"},
        {"A-B-C-D2345", "ABCD2345"},
        {"ABCD234", "ABCD234"},
        {"abcd234", "abcd234"},
        {"", ""},
        {"- -", ""},
        {"ABCD_2345", "ABCD_2345"},
        {"aBcDeFgHiJkLmNoPqRsTuVwXyZ012345", "aBcDeFgHiJkLmNoPqRsTuVwXyZ012345"},
    };
    struct arena arena;
    arena_init(&arena, 10000);
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_slice_equal(verifier_typed(slice_str(rows[i].typed), &arena), slice_str(rows[i].issued));
    arena_done(&arena);
    arena_init(&arena, 0);
    assert_true(slice_is_absent(verifier_typed(SLICE("ABCD2345"), &arena)));
}

/* What is left out of a typed one is in none that was issued. */
static void no_issued_one_has_what_is_left_out(void **state UNUSED)
{
    char issued[VERIFIER_BYTES];
    for (int i = 0; i < 200; i++) {
        assert_status(i % 2 ? random_text(issued, sizeof issued) : random_typable(issued, sizeof issued), STATUS_OK);
        struct slice text = slice_of(issued, sizeof issued);
        assert_int_equal(slice_find(text, '-'), text.len);
        assert_int_equal(slice_find(text, ' '), text.len);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_shown_in_groups_and_spelled),
        cmocka_unit_test(is_taken_however_it_was_typed),
        cmocka_unit_test(no_issued_one_has_what_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
