#include "ephemeral/nonce_key.h"

#include "support/test.h"

static void a_second_and_a_shard_make_a_name_that_tells_the_second(void **state)
{
    static const struct {
        int64_t second;
        unsigned shard;
        const char *key;
    } cases[] = {
        {0, 0, "n:{0}:0"},
        {9, 0, "n:{0}:9"},
        {10, 0, "n:{0}:a"},
        {35, 1, "n:{1}:z"},
        {36, 9, "n:{9}:10"},
        {1790000000, 255, "n:{255}:tlpwu8"}, /* 16 bytes with the header and the NUL of Redis's short strings */
        {2176782335, 999, "n:{999}:zzzzzz"},
        {2176782336, 4096, "n:{4096}:1000000"},
        {INT64_C(2821109907455), 99999, "n:{99999}:zzzzzzzz"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char memory[NONCE_KEY_BYTES];
        int64_t second = -1;
        struct slice key = nonce_key(memory, cases[i].second, cases[i].shard);
        assert_slice_equal(key, slice_str(cases[i].key));
        assert_true(nonce_key_second(key, &second));
        assert_int_equal(second, cases[i].second);
    }
}

static void the_longest_fits(void **state)
{
    char memory[NONCE_KEY_BYTES];
    (void)state;
    assert_slice_equal(nonce_key(memory, INT64_MAX, UINT32_MAX), SLICE("n:{4294967295}:1y2p0ij32e8e7"));
}

static void a_part_of_a_cluster_is_the_tag_and_the_shard_stands_behind_it(void **state)
{
    char memory[NONCE_KEY_BYTES];
    int64_t second = -1;
    (void)state;
    struct slice key = nonce_part_key(memory, 1790000000, 63, 3);
    assert_slice_equal(key, SLICE("n:{63}3:tlpwu8"));
    assert_true(nonce_key_second(key, &second));
    assert_int_equal(second, 1790000000);
}

static void other_names_tell_none(void **state)
{
    static const char *const names[] = {"",         "e",        "n:",       "n:{1}",    "n:{1}:",    "n:{1}:-1",
                                        "n:{1}:01", "n:{1}:A1", "n:{1}: 1", "n:{1}:1 ", "n:{}:1",    "n:{x}:1",
                                        "n:{-1}:1", "m:{1}:1",  "n:1:1",    "xn:{1}:1", "n:{1}:1:1", "n:{1}:100000000",
                                        "n:{1}}:1", "n:{1}x:1", "n:{1 }:1", "n:{1}:_",  "n:{1}:{",   "n:{100000}:1"};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        int64_t second = -1;
        assert_false(nonce_key_second(slice_str(names[i]), &second));
        assert_int_equal(second, -1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_second_and_a_shard_make_a_name_that_tells_the_second),
        cmocka_unit_test(the_longest_fits),
        cmocka_unit_test(a_part_of_a_cluster_is_the_tag_and_the_shard_stands_behind_it),
        cmocka_unit_test(other_names_tell_none),
    };
    return cmocka_run_group_tests_name("nonce_key", tests, NULL, NULL);
}
