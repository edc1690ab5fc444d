#include "cli/owner.h"

#include "support/test.h"

static void reads_the_code_out_of_what_is_pasted(void **state)
{
    static const struct {
        const char *pasted, *verifier; /* NULL: none */
    } rows[] = {
        {"FSDPQ476", "FSDPQ476"},
        {"  FSDPQ476\t", "FSDPQ476"},
        {"https://a.example/cb?oauth_token=t&oauth_verifier=v%2Bw", "v+w"},
        {"http://127.0.0.1/ready?x=1&oauth_verifier=v", "v"},
        {"oauth_token=t&oauth_verifier=v", "v"},
        {"https://a.example/cb?error=access_denied", NULL},
    };
    struct arena arena;
    (void)state;
    arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct slice verifier = owner_pasted_verifier(slice_str(rows[i].pasted), &arena);
        assert_int_equal(slice_is_absent(verifier), rows[i].verifier == NULL);
        assert_slice_equal(verifier, slice_str(rows[i].verifier));
    }
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(reads_the_code_out_of_what_is_pasted)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
