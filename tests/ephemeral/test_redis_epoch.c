/* The record in Redis that names the epoch in force. */
#include "ephemeral/redis_epoch.h"

#include "support/test.h"

#include <string.h>

static void a_record_reads_as_it_was_written(void **state)
{
    char memory[REDIS_EPOCH_BYTES];
    struct buf text = buf_fixed(memory, sizeof memory);
    struct redis_epoch epoch;
    struct redis_epoch again;
    (void)state;
    assert_status(redis_epoch_make("c280f611c6f80a3e32ade9e6671835dc7ee9899e", 256, 600, &epoch), STATUS_OK);
    assert_int_equal(epoch.kept_s, 600);
    redis_epoch_write(&epoch, &text);
    assert_false(text.failed);
    assert_status(redis_epoch_parse(buf_slice(&text), &again), STATUS_OK);
    assert_string_equal(again.id, epoch.id);
    assert_int_equal(again.kept_s, 600);
    assert_string_equal(again.run_id, epoch.run_id);
    assert_int_equal(again.shards, 256);
    assert_memory_equal(again.hash_key, epoch.hash_key, sizeof epoch.hash_key);
}

static void other_texts_are_no_record(void **state)
{
    static const char *const texts[] = {
        "",
        "3",
        "3 id run 256",
        "2 id run 0 256 00112233445566778899aabbccddeeff", /* an earlier version's */
        "2 id run 256 00112233445566778899aabbccddeeff",
        "3 id run 0 00112233445566778899aabbccddeeff",
        "3 id run 5000 00112233445566778899aabbccddeeff",
        "3 id run 256 00112233445566778899aabbccddee",
        "3 id run 256 00112233445566778899aabbccddeefg",
        "3 id run 256 00112233445566778899aabbccddeeff ",
        "3  run 256 00112233445566778899aabbccddeeff",
        "3 id  256 00112233445566778899aabbccddeeff",
        "3 id run x 00112233445566778899aabbccddeeff",
        "3 id run 4097 00112233445566778899aabbccddeeff",
        "3 id run 256 0011223344556677889:aabbccddeeff",
        "3 id run 256 001122334455667/8899aabbccddeeff",
        "3 id run 256 00112233445566778899aabbccdd`eff",
        "3 id run 256 00112233445566778899AABBCCDDEEFF",
        "3 012345678901234567890123456789012 run 256 00112233445566778899aabbccddeeff",
    };
    struct redis_epoch epoch;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        assert_status(redis_epoch_parse(slice_str(texts[i]), &epoch), STATUS_BAD_INPUT);
    assert_status(redis_epoch_parse(SLICE_ABSENT, &epoch), STATUS_BAD_INPUT);
    assert_status(redis_epoch_parse(SLICE("3 id run 256 00112233445566778899aabbccddeeff"), &epoch), STATUS_OK);
}

static void a_record_says_what_it_says(void **state)
{
    static const unsigned char key[NONCE_HASH_KEY_BYTES] = {0x00, 0x19, 0x9a, 0xaf, 0xf0};
    struct redis_epoch epoch;
    (void)state;
    assert_status(redis_epoch_parse(
                      SLICE("3 01234567890123456789012345678901 run 4096 00199aaff00000000000000000000000"), &epoch),
                  STATUS_OK);
    assert_string_equal(epoch.id, "01234567890123456789012345678901");
    assert_int_equal(epoch.kept_s, 0); /* an earlier version's does not say it */
    assert_string_equal(epoch.run_id, "run");
    assert_int_equal(epoch.shards, 4096);
    assert_memory_equal(epoch.hash_key, key, sizeof key);
    assert_status(redis_epoch_parse(SLICE("3 i r 1 00199aaff00000000000000000000000"), &epoch), STATUS_OK);
    assert_string_equal(epoch.id, "i");
    assert_status(redis_epoch_parse(SLICE("3 i-8 r 1 00199aaff00000000000000000000000"), &epoch), STATUS_OK);
    assert_string_equal(epoch.id, "i-8");
    assert_int_equal(epoch.kept_s, 8);
    assert_int_equal(epoch.shards, 1);
}

/* Nor does a text that goes on behind a zero byte, or is longer than any of ours. */
static void a_text_with_a_zero_byte_or_too_long_is_no_record(void **state)
{
    char text[REDIS_EPOCH_BYTES + 2] = "3 i\0d run 256 00112233445566778899aabbccddeeff";
    struct redis_epoch epoch;
    (void)state;
    assert_status(redis_epoch_parse(slice_of(text, strlen("3 i_d run 256 00112233445566778899aabbccddeeff")), &epoch),
                  STATUS_BAD_INPUT);
    memset(text, 'x', sizeof text);
    assert_status(redis_epoch_parse(slice_of(text, sizeof text), &epoch), STATUS_BAD_INPUT);
}

static void no_two_epochs_are_alike(void **state)
{
    struct redis_epoch first;
    struct redis_epoch second;
    (void)state;
    assert_status(redis_epoch_make("run", 256, 600, &first), STATUS_OK);
    assert_status(redis_epoch_make("run", 256, 600, &second), STATUS_OK);
    assert_string_not_equal(first.id, second.id);
    assert_memory_not_equal(first.hash_key, second.hash_key, sizeof first.hash_key);
    assert_status(redis_epoch_make("", 256, 600, &first), STATUS_BAD_INPUT);
    assert_status(redis_epoch_make("run", 256, -1, &first), STATUS_BAD_INPUT);
}

/* By what it says itself, so that processes with other skews agree on that. */
static void a_record_lives_for_half_a_minute_or_half_as_long_as_nonces(void **state)
{
    static const int64_t kept_s[] = {600, 60, 59, 8, 2, 0};
    static const int64_t lives_ms[] = {30000, 30000, 29500, 4000, 1000, 30000};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(kept_s); i++) {
        const struct redis_epoch epoch = {.kept_s = kept_s[i]};
        assert_int_equal(redis_epoch_life_ms(&epoch), lives_ms[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_reads_as_it_was_written),
        cmocka_unit_test(a_record_says_what_it_says),
        cmocka_unit_test(other_texts_are_no_record),
        cmocka_unit_test(a_text_with_a_zero_byte_or_too_long_is_no_record),
        cmocka_unit_test(no_two_epochs_are_alike),
        cmocka_unit_test(a_record_lives_for_half_a_minute_or_half_as_long_as_nonces),
    };
    return cmocka_run_group_tests_name("redis_epoch", tests, NULL, NULL);
}
