#include "crypto/keyed_hash.h"

#include "crypto/random.h"
#include "support/test.h"

/* The key of the paper's examples: bytes 00 01 … 0f. */
static const struct hash_key paper_key = {0x0706050403020100, 0x0f0e0d0c0b0a0908};

static const char message[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

/* Appendix A of the paper, and the authors' vectors of SipHash-2-4 for the lengths 0, 1, 7, 8 and 16. */
static void gives_the_published_values_of_siphash_2_4(void **state)
{
    static const struct {
        size_t len;
        uint64_t hash;
    } rows[] = {
        {0, 0x726fdb47dd0e0e31}, {1, 0x74f839c593dc67fd},  {7, 0xab0200f58b01d137},
        {8, 0x93f5f5799a932462}, {15, 0xa129ca6149be45e5}, {16, 0x3f2acc7f57c29bdb},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_int_equal(keyed_hash_rounds(&paper_key, slice_of(message, rows[i].len), 2, 4), rows[i].hash);
}

static void hashes_with_one_round_a_word_and_three_at_the_end(void **state)
{
    (void)state;
    for (size_t len = 0; len <= sizeof message; len++)
        assert_int_equal(keyed_hash(&paper_key, slice_of(message, len)),
                         keyed_hash_rounds(&paper_key, slice_of(message, len), 1, 3));
}

static void depends_on_every_byte_and_on_the_key(void **state)
{
    struct hash_key one;
    struct hash_key other;
    (void)state;
    assert_status(hash_key_make(&one), STATUS_OK);
    assert_status(hash_key_make(&other), STATUS_OK);
    struct slice bytes = slice_of(message, sizeof message);
    assert_int_not_equal(keyed_hash(&one, bytes), keyed_hash(&other, bytes));
    for (size_t i = 0; i < sizeof message; i++) {
        char changed[sizeof message];
        memcpy(changed, message, sizeof message);
        changed[i] ^= 1;
        assert_int_not_equal(keyed_hash(&one, bytes), keyed_hash(&one, slice_of(changed, sizeof changed)));
    }
}

static void has_no_key_without_randomness(void **state)
{
    struct hash_key key;
    (void)state;
    random_fail_next(1);
    assert_status(hash_key_make(&key), STATUS_NO_RANDOMNESS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_the_published_values_of_siphash_2_4),
        cmocka_unit_test(hashes_with_one_round_a_word_and_three_at_the_end),
        cmocka_unit_test(depends_on_every_byte_and_on_the_key),
        cmocka_unit_test(has_no_key_without_randomness),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
